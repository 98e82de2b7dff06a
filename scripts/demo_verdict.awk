# Judges a run of `arm` against what the simulator says is true: arm's CSV first, then the truth log.
#   awk -f demo_verdict.awk -v settle_limit=0.01 -v tracking_limit=0.05 -v poses_wanted=5 arm.csv truth.log
# Prints max_tracking_rad=X settle_rad=X; exit status 1 if a limit is passed, or not every pose was held.

function abs(x) { return x < 0 ? -x : x }

FNR == 1 { file++; FS = file == 1 ? "," : " "; $0 = $0 }

file == 1 && /^# ratio/ { joints = NF - 1; for (i = 1; i <= joints; i++) ratio[i] = $(i + 1); next }
file == 1 && FNR > 1 {
    rows++
    t[rows] = $1; pose[rows] = $2; phase[rows] = $3
    for (i = 1; i <= joints; i++) {
        command[rows, i] = $(1 + 3 * i)
        error = abs($(1 + 3 * i) - $(2 + 3 * i))
        if ($3 == "move" && error > tracking) tracking = error
    }
    next
}

# The row of arm's CSV in force at this instant: both are in order of time.
file == 2 {
    now = $1 * 1e-9
    while (at < rows && t[at + 1] <= now) at++
    if (at == 0 || phase[at] != "dwell") next
    seen[pose[at], $2] = 1
    error = abs(command[at, $2] - $3 / ratio[$2]) # the log tells horn angles
    if (error > settle) settle = error
}

END {
    for (held in seen) count++ # poses times joints
    printf "max_tracking_rad=%.4f settle_rad=%.4f\n", tracking, settle
    exit !(joints > 0 && count == poses_wanted * joints && settle < settle_limit && tracking < tracking_limit)
}
