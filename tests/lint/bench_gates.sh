#!/bin/sh
# `scripts/bench --check` holds what bench/budgets.txt says: tried on made-up rows. Argument: a scratch directory.
set -u
out=$1
bad=0
rm -rf "$out"
mkdir -p "$out/bench"
cp -R scripts "$out/"

budgets() {
    cat >"$out/bench/budgets.txt" <<'TXT'
# metric is goal gate
step.instructions <= 100 120
wire.efficiency   >= 0.9 0.95
module.bytes      <=   - 160
calls             <=   4 -
held.bytes        <=   - 101
TXT
}
# check ROW...: of five rows, these instead of the sound ones.
check() {
    {
        echo '# a remark'
        for row in "$@"; do
            echo "$row"
        done
    } >"$out/rows.txt"
    (cd "$out" && bash scripts/bench --check rows.txt) >"$out/said.txt" 2>&1
}
fails() { # CASE STATUS TEXT
    [ "$2" = 0 ] && {
        echo "$1 passes"
        bad=1
    }
    grep -Fq "$3" "$out/said.txt" || {
        echo "$1: it does not say: $3, but:"
        cat "$out/said.txt"
        bad=1
    }
}
step='step.instructions 120 instructions # budget 100, not met'
wire='wire.efficiency 0.95 ratio'
module='module.bytes 160 bytes'
calls='calls 99 count'
held='held.bytes 100 bytes'

budgets
check "$step" "$wire" "$module" "$calls" "$held" || {
    echo 'rows at their gates fail:'
    cat "$out/said.txt"
    bad=1
}
check 'step.instructions 120.1 instructions' "$wire" "$module" "$calls" "$held"
fails 'a row over its gate' $? 'step.instructions is 120.1 instructions, its gate <= 120: make it cheaper again'
check "$step" 'wire.efficiency 0.949 ratio' "$module" "$calls" "$held"
fails 'a row under its gate' $? 'wire.efficiency is 0.949 ratio, its gate >= 0.95'
check "$step" "$wire" 'module.bytes 1000 bytes' "$calls" "$held"
fails 'a row over a gate without a goal' $? 'module.bytes is 1000 bytes'
check "$step" "$wire" "$calls" "$held"
fails 'a missing row' $? 'module.bytes was not measured'
check "$step" "$wire" "$module" "$held"
fails 'a missing row without a gate' $? 'calls was not measured'
check "$step" "$wire" "$module" "$calls" "$held" 'new.bytes 5 bytes'
fails 'a row that is not in the file' $? 'new.bytes is new: give it a line in bench/budgets.txt'

# New gates: room for the compiler on what it decides, the goal for all else; goals, what has no gate and
# gates that hold stay.
sed -i 's/^step.instructions 120/step.instructions 200.5/; s/^module.bytes 160/module.bytes 50/; s/^new.bytes 5 /new.bytes 100 /' \
    "$out/rows.txt"
(cd "$out" && bash scripts/bench --gates rows.txt)
tr -s ' ' <"$out/bench/budgets.txt" >"$out/said.txt"
printf '%s\n' '# metric is goal gate' 'step.instructions <= 100 207' 'wire.efficiency >= 0.9 0.9' \
    'module.bytes <= - 51' 'calls <= 4 -' 'held.bytes <= - 101' 'new.bytes <= - 102' | cmp - "$out/said.txt" || {
    echo 'these are not the new gates:'
    cat "$out/said.txt"
    bad=1
}

rm -rf "$out"
exit $bad
