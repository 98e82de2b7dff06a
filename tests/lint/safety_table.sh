#!/bin/sh
# docs/safety.md: every fault in its table names a test, every test it names is there, and every cause that supervision has
# is in it.
set -u
page=${1:-docs/safety.md}
bad=0
# A static function that nobody runs does not compile.
run=$(sed -nE 's/^(static void )?([a-z0-9_]+)\(void \*\*state\)$/\2/p' tests/*/test_*.c)

names() { # backticked words of four parts or more: no option or type is that long
    grep -oE '`[a-z0-9]+(_[a-z0-9]+){3,}`' | tr -d '`' | grep -vE '^tenon_|_rad$|_nm$|_ns$'
}

rows=$(sed -n '/^| fault /,/^$/p' "$page" | sed '1,2d' | grep '^|')
[ "$(echo "$rows" | wc -l)" -ge 20 ] || { echo "$page: no table of faults"; bad=1; }
echo "$rows" | while IFS= read -r row; do
    [ -n "$(echo "$row" | names)" ] || echo "$page: no test in: $row"
done | grep . && bad=1
for name in $(names <"$page"); do
    echo "$run" | grep -qx "$name" || { echo "$page: there is no test $name"; bad=1; }
done
causes=$(sed -n '/Supervision while running/,/The host/s/^ *TENON_CAUSE_\([A-Z_]*\),.*/\1/p' include/tenon/diag.h)
[ -n "$causes" ] || { echo "include/tenon/diag.h: no causes of supervision"; bad=1; }
for cause in $causes; do
    grep -q "\`$cause\`" "$page" || { echo "$page: the fault $cause is missing"; bad=1; }
done
exit $bad
