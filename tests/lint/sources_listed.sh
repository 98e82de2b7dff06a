#!/bin/sh
# Every source file of a room is in the room's build list: nothing lies about unbuilt and untested.
set -u
bad=0
listed() { # FILE LIST NAME-IN-LIST
    grep -Eq "(^|[[:space:](])$3([[:space:])]|\$)" "$2" || {
        echo "$1 is not in $2"
        bad=1
    }
}
for room in src drivers/codec sim port/posix tools; do
    for source in "$room"/*.c; do
        [ -e "$source" ] && listed "$source" "$room/CMakeLists.txt" "$(basename "$source")"
    done
done
for source in drivers/line/*.c drivers/bus/*.c drivers/motor/*.c drivers/reducer/*.c drivers/sensor/*.c drivers/controller/*.c; do
    [ -e "$source" ] && listed "$source" drivers/CMakeLists.txt "${source#drivers/}"
done
# Tests are found by their names: one that is misnamed would never run.
for source in tests/unit/*.c tests/conformance/*.c tests/simulation/*.c tests/integration/*.c; do
    case $source in
        */test_*.c | tests/conformance/*_conformance.c | */pty_shim.c) ;;
        *) [ -e "$source" ] && {
            echo "$source: tests are called test_*.c, helpers belong into tests/fakes/"
            bad=1
        } ;;
    esac
done
exit $bad
