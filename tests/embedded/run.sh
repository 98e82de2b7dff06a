#!/bin/sh
# run.sh STATUS LAST_LINE EMULATOR... IMAGE: the image must end with that status and a line that matches.
status=$1 last_line=$2
shift 2
output=$("$@" 2>&1)
got=$?
printf '%s\n' "$output"
[ "$got" = "$status" ] || {
    echo "exit status $got, not $status"
    exit 1
}
printf '%s\n' "$output" | tail -n 1 | grep -Exq "$last_line"
