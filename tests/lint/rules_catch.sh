#!/bin/sh
# The rules above catch what they are for: each is run on a copy of the tree that breaks it. Argument: a scratch directory.
set -u
out=$1
bad=0
fresh() {
    rm -rf "$out"
    mkdir -p "$out"
    cp -R include src drivers sim port tools examples tests "$out/"
}
# caught RULE WHAT: the rule must fail in the copy.
caught() {
    if (cd "$out" && sh "tests/lint/$1.sh" ${3:+"$3"}) >"$out/said.txt" 2>&1; then
        echo "$1 does not notice $2"
        bad=1
    fi
}
fresh
printf '#include <stdio.h>\n' >"$out/src/intruder.c"
caught include_rules "stdio in src/"
caught sources_listed "a file that no build list has"
fresh
printf '#include "tenon/drivers/memory_line.h"\n' >"$out/src/intruder.c"
caught include_rules "a driver's header in src/"
caught core_names_no_driver "a driver's name in src/"
fresh
mkdir -p "$out/drivers/motor"
printf '#include "tenon/drivers/memory_line.h"\n' >"$out/drivers/motor/intruder_motor.c"
caught include_rules "a driver that includes another"
fresh
printf '#include <termios.h>\n' >"$out/sim/intruder.c"
caught include_rules "an operating system header in sim/"
fresh
printf '#include "../src/sched.h"\n' >"$out/examples/intruder.c"
caught include_rules "an internal header in an example"
fresh
printf 'void *malloc(unsigned long);\nvoid *tenon_intruder(void);\nvoid *tenon_intruder(void)\n{\n    return malloc(1);\n}\n' \
    >"$out/src/intruder.c"
caught undefined_symbols "malloc in src/" "$out/objects"
fresh
printf 'static int count;\nint tenon_intruder(void);\nint tenon_intruder(void)\n{\n    return ++count;\n}\n' >"$out/src/intruder.c"
caught undefined_symbols "static data in src/" "$out/objects"
rm -rf "$out"
exit $bad
