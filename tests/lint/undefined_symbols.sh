#!/bin/sh
# Core and portable drivers, compiled freestanding, need nothing but each other and mem{cpy,move,set,cmp}, and hold no
# writable static data: two devices are two structs. Argument: a scratch directory. CC, NM and CFLAGS may be set.
set -u
out=$1
rm -rf "$out"
mkdir -p "$out"
bad=0
for source in $(scripts/portable_sources); do
    object=$out/$(echo "$source" | tr / -).o
    ${CC:-cc} -std=c11 -ffreestanding -fno-pic -fno-pie -fno-stack-protector -U_FORTIFY_SOURCE -ffp-contract=off -Os ${CFLAGS:-} \
        -Iinclude -Idrivers -Idrivers/codec -c "$source" -o "$object" || exit 1
done

${NM:-nm} -u "$out"/*.o | awk '
    /:$/ { file = $1 }
    NF == 2 && $1 == "U" { print file, $2 }' |
    grep -Ev ' (tenon_[a-z0-9_]*|(dxl2|mit|slcan)_[a-z0-9_]*|memcpy|memmove|memset|memcmp|__aeabi_[a-z0-9_]*|_GLOBAL_OFFSET_TABLE_)$' \
        >"$out/foreign.txt"
[ -s "$out/foreign.txt" ] && {
    echo "undefined symbols that are neither ours nor mem*:"
    cat "$out/foreign.txt"
    bad=1
}
# Every name of ours that is used is also defined here: nothing hangs on a port or on the simulation.
${NM:-nm} "$out"/*.o | awk 'NF == 3 && $2 ~ /^[TRDBVW]$/ { print $3 }' | sort -u >"$out/defined.txt"
${NM:-nm} -u "$out"/*.o | awk 'NF == 2 && $1 == "U" && $2 ~ /^(tenon|dxl2|mit|slcan)_/ { print $2 }' | sort -u >"$out/used.txt"
comm -13 "$out/defined.txt" "$out/used.txt" >"$out/missing.txt"
[ -s "$out/missing.txt" ] && {
    echo "used here, but defined outside core and portable drivers:"
    cat "$out/missing.txt"
    bad=1
}
${NM:-nm} "$out"/*.o | awk '
    /:$/ { file = $1 }
    NF == 3 && $2 ~ /^[BbDdCSs]$/ { print file, $3 }' >"$out/writable.txt"
[ -s "$out/writable.txt" ] && {
    echo "writable static data:"
    cat "$out/writable.txt"
    bad=1
}
# Where there are no atomic instructions, plain loads and stores must do: nothing may call a library's locks.
if command -v arm-none-eabi-gcc >/dev/null; then
    mkdir -p "$out/m0plus"
    for source in src/*.c; do
        arm-none-eabi-gcc -std=c11 -ffreestanding -mcpu=cortex-m0plus -mthumb -ffp-contract=off -Os \
            -Iinclude -c "$source" -o "$out/m0plus/$(basename "$source").o" || exit 1
    done
    arm-none-eabi-nm -A -u "$out"/m0plus/*.o | grep -E ' (__atomic_|__sync_)' >"$out/atomic.txt"
    [ -s "$out/atomic.txt" ] && {
        echo "calls of an atomic library on Cortex-M0+:"
        cat "$out/atomic.txt"
        bad=1
    }
fi
exit $bad
