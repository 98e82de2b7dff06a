#!/bin/sh
# exports.sh PREFIX: shared libraries show tenon_* only, and only tenon-serialport needs libserialport. LIBDIR says where.
set -u
prefix=$1
bad=0
count=0
for library in "$prefix/$LIBDIR"/libtenon*.so; do
    [ -e "$library" ] || continue
    count=$((count + 1))
    strangers=$(${NM:-nm} -D --defined-only "$library" | awk '{ print $3 }' | grep -v '^tenon_')
    [ -z "$strangers" ] || { echo "$library shows: $strangers"; bad=1; }
    for needed in $(readelf -d "$library" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p'); do
        case "$needed $(basename "$library")" in
            libc.so* | libm.so*\ libtenon-sim.so | libtenon*\ * | ld-linux*) ;;
            libserialport.so*\ libtenon-serialport.so) ;;
            *) echo "$library needs $needed"; bad=1 ;;
        esac
    done
done
echo "$count libraries"
[ "$count" = 4 ] && [ "$bad" = 0 ]
