#!/bin/sh
# Every public header compiles alone as C++17, without a warning. Argument: the project's warning flags for C.
set -u
flags=
for flag in $1; do
    case $flag in
        -Wmissing-prototypes | -Wstrict-prototypes) ;; # gcc has these for C only
        *) flags="$flags $flag" ;;
    esac
done
bad=0
count=0
for header in $(cd include && find tenon -name '*.h' | sort); do
    count=$((count + 1))
    printf '#include "%s"\n#include "%s"\n' "$header" "$header" |
        ${CXX:-c++} -std=c++17 $flags -Werror -fsyntax-only -Iinclude -x c++ - || {
        echo "include/$header does not compile alone as C++17"
        bad=1
    }
    # A C++ program must find the functions under their C names.
    if grep -q TENON_API "include/$header" && ! grep -q 'extern "C"' "include/$header" &&
        [ "$header" != tenon/base.h ]; then
        echo "include/$header declares functions without extern \"C\""
        bad=1
    fi
done
echo "$count headers"
[ "$count" -gt 0 ] && [ "$bad" = 0 ]
