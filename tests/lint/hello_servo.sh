#!/bin/sh
# The first program a user reads is short and clean, as C11 and as C++17. Argument: the project's warning flags.
set -u
source=examples/hello_servo.c
bad=0
lines=$(wc -l <"$source")
[ "$lines" -le 40 ] || {
    echo "$source has $lines lines, more than 40"
    bad=1
}
main=$(awk '/^int main\(/ { inside = 1 } inside { n++ } inside && /^}/ { print n - 3; exit }' "$source")
[ "${main:-99}" -le 20 ] || {
    echo "main of $source has ${main:-no end in} lines, more than 20"
    bad=1
}
${CC:-cc} -std=c11 $1 -Werror -fsyntax-only -Iinclude "$source" || bad=1
${CXX:-c++} -std=c++17 -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror -fsyntax-only -Iinclude -x c++ "$source" || bad=1
exit $bad
