#!/bin/sh
# compare.sh exact|near REFERENCE PROGRAM...: run arm_log and hold what it prints against a log that was made before.
#   exact   not one bit differs: another compiler for the same machine
#   near    another machine: see compare.awk for the bounds
here=$(dirname "$0")
how=$1 reference=$2
shift 2
[ -s "$reference" ] || {
    echo "no log to compare with: $reference"
    exit 1
}
scratch=$(mktemp) || exit 1
trap 'rm -f "$scratch"' EXIT
"$@" >"$scratch" 2>&1 || {
    grep -Ev '^(log|true|roots) ' "$scratch"
    echo "the program failed"
    exit 1
}
exec awk -v how="$how" -f "$here/compare.awk" "$reference" "$scratch"
