#!/bin/sh
# test_examples.sh: runs the examples and reads what they print. TENON_TOOL is the tool, TENON_EXAMPLES the directory of
# the examples; those that need a servo get simulated ones behind a pseudo-terminal.
set -u
directory=$(mktemp -d) || exit 1
port=$directory/port
output=$directory/output
sims=

stop_sims() {
    for sim in $sims; do
        { kill "$sim" && wait "$sim"; } 2>/dev/null
    done
    sims=
}
trap 'stop_sims; rm -rf "$directory"' EXIT
trap 'exit 1' HUP INT TERM

# fail WORDS...: noted in a file, for the right side of a pipe is a shell of its own.
fail() {
    echo "FAILED: $*"
    : >"$directory/failed"
}

# add_sim LINK ARGUMENTS...: one more, at 1 Mbit/s, under that name.
add_sim() {
    link=$1
    shift
    "$TENON_TOOL" sim --baud 1000000 --link "$link" "$@" >"$directory/sim" 2>&1 &
    sims="$sims $!"
    tries=0
    until [ -e "$link" ]; do
        tries=$((tries + 1))
        [ "$tries" -le 100 ] || { cat "$directory/sim"; echo "the simulation does not start"; exit 1; }
        sleep 0.1
    done
}

# start_sim ARGUMENTS...: the only one, under the name $port.
start_sim() {
    stop_sims
    add_sim "$port" "$@"
}

# run STATUS NAME ARGUMENTS...: the example ends with that status; what it prints is then in $output. Standard input is
# the caller's.
run() {
    wanted=$1
    name=$2
    shift 2
    echo "--- $name $*"
    timeout 60 "$TENON_EXAMPLES/$name" "$@" >"$output" 2>&1
    status=$?
    cat "$output"
    [ "$status" = "$wanted" ] || fail "$name ended with $status, not $wanted"
}

# has LINE: a line of the output matches (extended regular expression, the whole line).
has() {
    grep -Eqx -- "$1" "$output" || fail "no line '$1'"
}

# has_not LINE
has_not() {
    if grep -Eqx -- "$1" "$output"; then
        fail "a line '$1'"
    fi
}

# say SECONDS WORD ...: type a word, after so long.
say() {
    while [ $# -ge 2 ]; do
        sleep "$1"
        echo "$2"
        shift 2
    done
}

# --- on a simulated clock: what is printed is always the same ---
run 0 custom_driver </dev/null
has 'boom at -0\.90 rad: arrived'
has 'asked for 50 rad: it went to 1\.00[0-9] rad, limit 1\.000; fastest command 0\.600 rad/s, limit 0\.600'
has 'commands changed: [1-9][0-9]* by the joint limiter, 0 by the motor gate'
has 'torque is off'

run 0 swap_driver dynamixel </dev/null
has 'to  0\.80 rad: .* settled'
has 'driver in the seat: dxl2_motor'
grep -v '^driver in the seat' "$output" >"$directory/first"
run 0 swap_driver pins </dev/null
has 'driver in the seat: stepper'
grep -v '^driver in the seat' "$output" >"$directory/second"
cmp "$directory/first" "$directory/second" || fail "the two motors moved differently"
run 2 swap_driver </dev/null

# --- with servos ---
start_sim --servo xm430-w350:1
run 0 hello_servo "$port" </dev/null
has 'elbow at 0\.(49|50|51|52)[0-9]* rad: arrived'

run 0 real_time "$port" 1 </dev/null
has '[1-9][0-9]* wake-ups, mean [0-9]+ us, 99 % within [0-9]+ us, longest [0-9]+ us late'
has 'releases missed: [0-9]+; found hanging: 0 times'
run 1 real_time "$directory/nothing" 1 </dev/null
has 'start: .*/nothing: there is no such port; .*'

start_sim --servo xm430-w350:1
say 1.5 up 2 where 0.2 down 0.3 up 2.5 where 0.2 nonsense 0.2 off 0.5 up 0.2 on 0.5 quit | run 0 event_loop "$port"
[ "$(grep -c 'elbow arrived at' "$output")" = 2 ] || fail "it did not arrive twice"
has 'elbow arrived at 0\.(4[89]|5[012]) rad'
has 'elbow arrived at -0\.(4[89]|5[012]) rad'
has 'elbow at -0\.(4[89]|50) rad'
has 'elbow: the joint is moving; .*'
has 'elbow: the joint is not enabled; .*'
has 'up, down, where, off, on or quit, not .nonsense.'
has 'torque off; [0-9]+ releases missed'
say 1 quit | run 0 event_loop "$directory/nothing"
has '.*/nothing: there is no such port; .*'

start_sim --servo xm430-w350:1 --servo xl330-m288:2 --angle 2:-1.2 --servo xl430-w250:7
run 0 nudge "$port" --yes 2 7 </dev/null
has 'ID 2: xl330-m288 at -1\.[12][0-9]* rad, torque off'
has 'ID 2: at -1\.(09|10|11)[0-9]* rad, asked for -1\.(09|10).*'
has 'ID 2: at -1\.(29|30|31)[0-9]* rad, asked for -1\.(29|30).*'
has 'ID 7: at 0\.(08|09|10|11)[0-9]* rad, asked for 0\.(09|10).*'
has_not 'ID 1.*'
has_not '.*EEPROM.*' # nothing needs to be changed in servos that are as from the factory
run 1 nudge "$port" --yes 2 5 </dev/null
has 'nudge: ID 5: no reply from ID 5 at 1000000 baud; .*'
has 'nudge: nothing was moved'
echo n | run 1 nudge "$port" 2
has 'Move ID 2 by \+-0\.1 rad\? \[y/N\] nothing was moved'

# --- with a servo and, behind an adapter, a CAN motor that carries a load ---
start_sim --servo xm430-w350:1
add_sim "$directory/can" --can-motor damiao-4310:1 --load 1:0.4:0.01
run 0 can_motor "$port" "$directory/can" </dev/null
has 'wrist at 0\.(4[89]|5[012]) rad, shoulder at -0\.(3[89]|4[012]) rad: arrived'
run 1 can_motor "$port" "$directory/nothing" </dev/null
has '.*/nothing: there is no such port; .*'
run 2 can_motor "$port" </dev/null

[ ! -e "$directory/failed" ] || exit 1
echo "all examples did as they should"
