#!/bin/sh
# The rules catch what they are for: each is run on a copy of the tree that breaks it. Argument: a scratch directory.
set -u
out=$1
bad=0

fresh() {
    rm -rf "$out"
    mkdir -p "$out"
    cp -R include src drivers sim port tools examples tests scripts "$out/"
}
# Core and drivers emptied but for the lines that must be there: what is to be caught is quicker found.
bare() {
    fresh
    find "$out/src" "$out/drivers" -name '*.c' ! -path '*/drivers/line/*' -exec rm {} +
}
# fails RULE [ARGUMENT]: in the copy the rule must fail ...
fails() {
    rule=$1
    if (cd "$out" && sh "tests/lint/$rule.sh" ${2:+"$2"}) >"$out/said.txt" 2>&1; then
        echo "$rule passes"
        bad=1
    fi
}
# says TEXT: ... and say this.
says() {
    grep -Fq "$1" "$out/said.txt" || {
        echo "$rule does not say: $1"
        bad=1
    }
}

fresh
printf '#include <stdio.h>\n#include "tenon/drivers/memory_line.h"\n' >"$out/src/intruder.c"
mkdir -p "$out/drivers/motor"
printf '#include "tenon/drivers/memory_line.h"\n' >"$out/drivers/motor/intruder_motor.c"
printf '#include <termios.h>\n' >"$out/sim/intruder.c"
printf '#include "../src/core_internal.h"\n' >"$out/examples/intruder.c"
fails include_rules
says 'src/intruder.c: not for src/: <stdio.h>'
says 'src/intruder.c: not for src/: "tenon/drivers/memory_line.h"'
says 'drivers/motor/intruder_motor.c: not for drivers/motor/: "tenon/drivers/memory_line.h"'
says 'sim/intruder.c: not for sim/: <termios.h>'
says 'examples/intruder.c: not for examples/: "../src/core_internal.h"'
sed -i 's/memory_line_init_sized(self, sizeof \*self, /memory_line_init_sized(self, 8, /' "$out/include/tenon/drivers/memory_line.h"
sed -i 's/ratio_reducer_init_sized(struct tenon_ratio_reducer \*self, size_t size, /ratio_reducer_init(struct tenon_ratio_reducer *self, /' \
    "$out/include/tenon/drivers/ratio_reducer.h"
fails init_sized
says 'tenon_memory_line_init: passes no size'
says 'tenon_ratio_reducer_init: takes no size'
fails core_names_no_driver
says 'src/ names a driver'
fails sources_listed
says 'src/intruder.c is not in src/CMakeLists.txt'
says 'drivers/motor/intruder_motor.c is not in drivers/CMakeLists.txt'

cp -R docs "$out/"
sed -i 's/`effort_without_motion_is_a_stall_after_its_time`/`no_such_test_at_all`/; s/`STALL`/a stall/; s/`it_is_ready_and_cannot_be_enabled` |/|/' \
    "$out/docs/safety.md"
sed -i '/^| a servo was without power/s/`servo_that_loses_power_comes_back_without_torque`//' "$out/docs/safety.md"
fails safety_table
says 'docs/safety.md: there is no test no_such_test_at_all'
says 'docs/safety.md: the fault STALL is missing'
says 'docs/safety.md: no test in: | a servo was without power'

bare
cat >"$out/src/intruder.c" <<'C'
void *malloc(unsigned long);
int tenon_sim_bus_poke(void);
int tenon_intruder(void);
static int count;
_Bool tenon_intruder_swap(unsigned *word);
_Bool tenon_intruder_swap(unsigned *word)
{
    return __atomic_exchange_n(word, 1u, __ATOMIC_SEQ_CST) != 0;
}
int tenon_intruder(void)
{
    return malloc(1) != 0 ? ++count : tenon_sim_bus_poke();
}
C
fails undefined_symbols "$out/objects"
says 'malloc'
says 'tenon_sim_bus_poke'
says 'writable static data'
if command -v arm-none-eabi-gcc >/dev/null; then
    says 'atomic library'
fi

bare
printf 'joint->status = TENON_JOINT_DOWN;\njoints[i]->mover =\n    NULL;\nsiblings[i]->diag = none;\n' \
    >"$out/src/intruder.c"
fails shared_words
says 'intruder.c:1'
says 'intruder.c:2'
says 'intruder.c:4'

rm -rf "$out"
exit $bad
