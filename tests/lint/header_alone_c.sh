#!/bin/sh
# Every public header compiles alone as C11, without a warning. Argument: the project's warning flags.
set -u
flags=$1
bad=0
count=0
for header in $(cd include && find tenon -name '*.h' | sort); do
    count=$((count + 1))
    # Twice: the include guard is part of the promise. The declaration keeps the unit from being empty.
    printf '#include "%s"\n#include "%s"\nextern int unit_is_not_empty;\n' "$header" "$header" |
        ${CC:-cc} -std=c11 $flags -Werror -fsyntax-only -Iinclude -x c - || {
        echo "include/$header does not compile alone as C11"
        bad=1
    }
done
echo "$count headers"
[ "$count" -gt 0 ] && [ "$bad" = 0 ]
