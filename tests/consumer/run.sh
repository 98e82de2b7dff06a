#!/bin/sh
# run.sh PROGRAM shared|static: it runs, and it got the kind of library it asked for.
set -eu
needed=$(readelf -d "$1" | sed -n 's/.*(NEEDED).*\[\(libtenon.*\)\].*/\1/p')
case $2 in
    shared) printf '%s\n' "$needed" | grep -qx "libtenon.so.${VERSION%.*}" ;;
    static) [ -z "$needed" ] ;;
esac || {
    echo "not linked with $2 libraries; needs: $needed"
    exit 1
}
"$1"
