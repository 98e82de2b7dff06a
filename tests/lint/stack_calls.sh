#!/bin/sh
# No function of the core or of a portable driver calls itself by any way, and bench/stack_calls.txt knows every call
# through a pointer and every function whose address is taken, so that scripts/bench can tell the worst case of the
# stack. Argument: a scratch directory. Only gcc writes call graphs.
set -u
out=$1
rm -rf "$out"
mkdir -p "$out"
for source in $(scripts/portable_sources); do
    gcc -std=c11 -ffreestanding -fno-pic -fno-pie -fno-stack-protector -U_FORTIFY_SOURCE -Os -ffunction-sections -fdata-sections \
        -fcallgraph-info=su,da -Iinclude -Isrc -Idrivers/codec -c "$source" -o "$out/$(basename "$source" .c).o" || exit 1
done
OBJDUMP=objdump scripts/stack bench/stack_calls.txt "$out" tenon_sched_poll tenon_sched_step
