#!/bin/sh
# size.sh COMPILER IMAGE CODE_MAX RAM_MAX: what an image takes, without stack, and whether that is within the bounds.
"${1%gcc}size" "$2" | awk -v code_max="$3" -v ram_max="$4" '
    NR == 2 {
        code = $1 + $2
        ram = $2 + $3
        printf "code and constants %d bytes of %d, RAM %d bytes of %d\n", code, code_max, ram, ram_max
        exit !(code > 0 && code <= code_max && ram > 0 && ram <= ram_max)
    }'
