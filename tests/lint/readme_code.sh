#!/bin/sh
# The code in README.md and docs/ compiles, and the README's program is examples/hello_servo.c. Argument: warning flags.
set -u
flags=$1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
bad=0

# blocks FILE: each ```c block of it into $work/N.c, numbered from 1.
blocks() {
    rm -f "$work"/*.c
    awk -v dir="$work" '/^```c$/ { n++; on = 1; next } /^```$/ { on = 0 } on { print > (dir "/" n ".c") }' "$1"
}

compile() { # FILE WHAT
    ${CC:-cc} -std=c11 $flags -Wno-unused -Wno-missing-prototypes -Werror -fsyntax-only -Iinclude "$1" || {
        echo "$2 does not compile"
        bad=1
    }
}

# fragments FILE FIRST: its blocks from that one on. What they leave out: the objects they talk about.
fragments() {
    number=$2
    while [ -e "$work/$number.c" ]; do
        {
            echo '#include <stdio.h>'
            echo '#include <tenon/drivers/serialport_line.h>'
            echo '#include <tenon/posix.h>'
            echo '#include <tenon/tenon.h>'
            echo 'struct tenon_motor *my_motor_init(void *motor, void *pins);'
            echo 'extern struct tenon_sched sched; extern struct tenon_wire wire; extern struct tenon_group arm;'
            echo 'extern struct tenon_joint shoulder, elbow; extern struct tenon_dxl2_motor servo;'
            echo 'extern struct tenon_ratio_reducer gear; extern int motor, pins; void fragment(void);'
            echo 'void fragment(void) {'
            cat "$work/$number.c"
            echo '(void)0; }'
        } >"$work/fragment.c"
        compile "$work/fragment.c" "$1, block $number"
        count=$((count + 1))
        number=$((number + 1))
    done
}

count=0
blocks README.md
cmp "$work/1.c" examples/hello_servo.c || { echo "README.md: its first program is not examples/hello_servo.c"; bad=1; }
compile "$work/1.c" "README.md, block 1"
fragments README.md 2
for page in docs/*.md; do
    [ "$page" != docs/writing-a-driver.md ] || continue
    blocks "$page"
    fragments "$page" 1
done

blocks docs/writing-a-driver.md
{
    echo '#include <tenon/tenon.h>'
    cat "$work/1.c"
    echo 'extern const struct tenon_driver *seen; const struct tenon_driver *seen = &driver;'
    for f in 'my_read(struct tenon_motor *b, tenon_ns_t n, struct tenon_motor_state *o) { (void)b; (void)n; (void)o;' \
        'my_command(struct tenon_motor *b, const struct tenon_motor_command *c) { (void)b; (void)c;' \
        'my_probe(struct tenon_module *m, tenon_ns_t n) { (void)m; (void)n;' \
        'my_configure(struct tenon_module *m, tenon_ns_t n) { (void)m; (void)n;' \
        'my_activate(struct tenon_module *m, tenon_ns_t n) { (void)m; (void)n;' \
        'my_make_safe(struct tenon_module *m, tenon_ns_t n) { (void)m; (void)n;'; do
        echo "static int $f return 0; }"
    done
} >"$work/driver.c"
compile "$work/driver.c" "docs/writing-a-driver.md"
echo "$count fragments"
[ "$count" -ge 10 ] && [ "$bad" = 0 ]
