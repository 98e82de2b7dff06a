#!/bin/sh
# Who may include whom. Prints every include that breaks the rule of its room.
set -u
bad=0

# check ROOM FILES... : includes of the files must match one of the lines of $allowed (extended regular expressions).
check() {
    room=$1
    shift
    for file in "$@"; do
        [ -e "$file" ] || continue
        stem=$(basename "$file" | sed 's/\.[ch]$//')
        pattern=$(printf '%s' "$allowed" | sed "s/@STEM@/$stem/g" | paste -sd '|')
        sed -n 's/^[[:space:]]*#[[:space:]]*include[[:space:]]*\([<"][^>"]*[>"]\).*/\1/p' "$file" |
            grep -Evx "$pattern" | sed "s|^|$file: not for $room: |"
    done
}

freestanding='<(stdbool|stddef|stdint|limits|float|stdarg|stdalign|stdnoreturn|iso646)\.h>'
# Roles and nouns, but no header of a driver, of the simulation or of a port.
roles='"tenon/(base|version|diag|module|line|bus|motor|reducer|sensor|controller|joint|group|drivetrain|sched|timing|trace|port|event|producer|persist)\.h"'

rules() {
    allowed="$freestanding
\"tenon/[a-z0-9_/]+\\.h\""
    check include/ $(find include -name '*.h')

    allowed="$freestanding
<string\\.h>
<math\\.h>
<stdatomic\\.h>
$roles
\"[a-z0-9_]+\\.h\""
    check src/ $(find src -name '*.[ch]')
    for file in $(find src -name '*.[ch]'); do
        sed -n 's/^[[:space:]]*#[[:space:]]*include[[:space:]]*"\([a-z0-9_]*\.h\)".*/\1/p' "$file" |
            while read -r own; do
                [ -e "src/$own" ] || echo "$file: \"$own\" is not in src/"
            done
    done

    allowed="$freestanding
<string\\.h>
\"tenon/(base|can)\\.h\"
\"[a-z0-9_]+\\.h\""
    check drivers/codec/ $(find drivers/codec -name '*.[ch]')

    # A driver's own header, or one of its own device in its own room; never another driver.
    allowed="$freestanding
<string\\.h>
<math\\.h>
$roles
\"tenon/drivers/@STEM@\\.h\"
$(cd drivers/codec && for codec in *.h; do printf '"(\.\./codec/)?%s"\n' "$(echo "$codec" | sed 's/\./\\./')"; done)"
    for role in bus motor reducer sensor controller; do
        [ -d "drivers/$role" ] || continue
        own=$(cd "drivers/$role" && for header in *.h; do
            [ -e "$header" ] && printf '"%s"\n' "$(echo "$header" | sed 's/\./\\./')"
        done)
        shared=$allowed
        # Headers that several files of one driver share start with the driver's name.
        for file in $(find "drivers/$role" -name '*.[ch]'); do
            device=$(basename "$file" | sed 's/_.*//')
            allowed="$shared
$(printf '%s\n' "$own" | grep "^\"${device}_" || true)
\"tenon/drivers/${device}_${role}\\.h\""
            allowed=$(printf '%s\n' "$allowed" | sed '/^$/d')
            check "drivers/$role/" "$file"
        done
        allowed=$shared
    done

    # The only drivers that may use an operating system: one line driver each, and the files it is made of.
    allowed="<[a-z0-9_/]+\\.h>
\"tenon/(base|diag|module|line|can)\\.h\"
\"tenon/drivers/@STEM@\\.h\"
\"(tty_[a-z]+|slcan)\\.h\""
    check drivers/line/ $(find drivers/line -name '*.[ch]')
    if grep -n 'libserialport\.h' $(find drivers/line port src sim include drivers -name '*.[ch]' |
        sort -u | grep -v '^drivers/line/serialport_line\.c$') /dev/null; then
        echo "libserialport.h is for drivers/line/serialport_line.c only"
    fi
    allowed="$freestanding
<string\\.h>
\"tenon/(base|diag|module|line|can)\\.h\"
\"tenon/drivers/@STEM@\\.h\""
    check "portable drivers/line/" drivers/line/memory_line.c drivers/line/memory_can_line.c
    allowed="$allowed
\"slcan\\.h\""
    check "portable drivers/line/" drivers/line/slcan_line.c

    allowed="<[a-z0-9_/]+\\.h>
$roles
\"tenon/posix\\.h\"
\"[a-z0-9_]+\\.h\""
    check port/ $(find port -name '*.[ch]')

    allowed="$freestanding
<string\\.h>
<math\\.h>
\"tenon/base\\.h\"
\"tenon/sim(_can)?\\.h\"
\"tenon/line\\.h\"
\"tenon/drivers/memory(_can)?_line\\.h\"
\"[a-z0-9_]+\\.h\""
    check sim/ $(find sim -name '*.[ch]')

    # Tools and examples are users: installed headers, and what a tool itself is made of.
    allowed="<[a-z0-9_/+.]+>
\"tenon/[a-z0-9_/]+\\.h\"
\"[a-z0-9_]+\\.h\""
    check tools/ $(find tools -name '*.[ch]')
    for file in $(find tools -name '*.[ch]'); do
        sed -n 's/^[[:space:]]*#[[:space:]]*include[[:space:]]*"\([a-z0-9_]*\.h\)".*/\1/p' "$file" |
            while read -r own; do
                [ -e "tools/$own" ] || echo "$file: \"$own\" is neither installed nor in tools/"
            done
    done
    allowed="<[a-z0-9_/+.]+>
\"tenon/[a-z0-9_/]+\\.h\""
    check examples/ $(find examples -maxdepth 1 -name '*.[ch]')
    # One that consists of several files has headers of its own.
    for folder in examples/*/; do
        own=$(cd "$folder" && for header in *.h; do
            [ -e "$header" ] && printf '"%s"\n' "$(echo "$header" | sed 's/\./\\./')"
        done)
        shared=$allowed
        allowed=$(printf '%s\n%s\n' "$allowed" "$own" | sed '/^$/d')
        check "$folder" $(find "$folder" -name '*.[ch]')
        allowed=$shared
    done
}

found=$(rules)
[ -z "$found" ] || {
    printf '%s\n' "$found"
    bad=1
}
exit $bad
