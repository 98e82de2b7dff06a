#!/bin/sh
# Sizes and offsets of every public struct and union do not depend on -funsigned-char or -fshort-enums, and none of them
# holds a bare enum. As the compiler tells them: by its debugging information, which readelf prints.
#   public_structs.sh SCRATCH_DIRECTORY COMPILER [FLAGS...]
set -u
here=$(dirname "$0")
out=$1
shift
rm -rf "$out"
mkdir -p "$out"

# layout NAME FLAGS...: compiles $out/probe.c, writes $out/NAME.txt
layout() {
    name=$1
    shift
    "$@" -std=c11 -g -fno-eliminate-unused-debug-types -Iinclude -c "$out/probe.c" -o "$out/probe.o" &&
        readelf --debug-dump=info "$out/probe.o" | awk -f "$here/public_structs.awk" >"$out/$name.txt"
}

# differs CC FLAGS...: whether a flag changes anything
differs() {
    layout plain "$@" || return 2
    for flag in -fsigned-char -funsigned-char -fshort-enums -fno-short-enums; do
        layout flagged "$@" "$flag" || return 2
        cmp -s "$out/plain.txt" "$out/flagged.txt" || {
            echo "$flag changes:"
            diff "$out/plain.txt" "$out/flagged.txt"
            return 1
        }
    done
    if grep 'is an enum$' "$out/plain.txt"; then
        return 1
    fi
}

{
    for header in include/tenon/*.h include/tenon/drivers/*.h; do
        echo "#include \"${header#include/}\""
    done
} >"$out/probe.c"
differs "$@" || exit 1
count=$(grep -c '^struct' "$out/plain.txt")
echo "$count structs, $(grep -c '^ ' "$out/plain.txt") members: the same with and without the flags"
[ "$count" -gt 40 ] || exit 1

# The rule is tested too: one struct that breaks it must be found.
cat >"$out/probe.c" <<'END'
#include "tenon/base.h"
struct tenon_planted {
    enum tenon_err code;
    enum tenon_err more[2];
};
END
differs "$@" >"$out/planted.log"
[ $? = 1 ] || {
    echo "a planted enum was not found:"
    cat "$out/planted.log"
    exit 1
}
layout plain "$@" && grep -q 'tenon_planted.more is an enum$' "$out/plain.txt"
