/* Modules that were compiled apart from the library, in plug-ins. TENON_FOREIGN: where they lie. */
#include "foreign/motor_module.h"
#include "rig.h"

#include "tenon_test.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct tenon_sched sched;
static struct tenon_joint joint;
static uint64_t memory[256];

static const struct foreign_motor_module *load(const char *name)
{
    char path[4096];
    const char *const directory = getenv("TENON_FOREIGN");
    assert_non_null(directory);
    (void)snprintf(path, sizeof path, "%s/%s.so", directory, name);
    void *const library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
        fail_msg("%s", dlerror());
    }
    const struct foreign_motor_module *const module = dlsym(library, "foreign_motor_module");
    assert_non_null(module);
    return module;
}

static int add(const struct foreign_motor_module *module)
{
    memset(&joint, 0, sizeof joint);
    assert_int_equal(tenon_sched_init(&sched, &rig_port, RIG_PERIOD, memory, sizeof memory),
                     TENON_OK);
    return tenon_sched_add_joint(&sched, &joint, "elbow", module->init(), NULL);
}

static void module_of_the_same_abi_is_run(void **state)
{
    (void)state;
    const struct foreign_motor_module *const module = load("same_abi");
    tenon_ns_t now = 0;
    assert_int_equal(add(module), TENON_OK);
    assert_int_equal(tenon_sched_start(&sched), TENON_OK);
    for (int i = 0; i < 5; i++) {
        (void)tenon_sched_poll(&sched, now);
        now = tenon_sched_step(&sched, now);
    }
    assert_true(tenon_slot_is_up(&joint.motor));
    assert_true(module->call_count() > 0);
}

static void module_of_another_abi_is_refused_uncalled(void **state)
{
    static const struct {
        const char *name;
        enum tenon_cause cause;
        const char *what;
        const char *says;
    } cases[] = {
        {"older_abi", TENON_CAUSE_ABI_TOO_OLD, "driver table", "an older tenon"},
        {"newer_abi", TENON_CAUSE_ABI_TOO_NEW, "driver table", "a newer tenon"},
        {"shorter_table", TENON_CAUSE_ABI_TOO_OLD, "motor table", "an older tenon"},
        {"longer_table", TENON_CAUSE_ABI_TOO_NEW, "motor table", "a newer tenon"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[256];
        const struct foreign_motor_module *const module = load(cases[i].name);
        assert_int_equal(add(module), TENON_ERR_ABI);
        const struct tenon_diag *const diag = tenon_sched_diag(&sched);
        assert_int_equal(diag->cause, cases[i].cause);
        assert_string_equal(diag->subject, "elbow");
        assert_string_equal(diag->detail, cases[i].what);
        assert_non_null(strstr(tenon_diag_text(diag, text, sizeof text), cases[i].says));
        assert_int_equal(tenon_sched_start(&sched), TENON_ERR_ABI);
        assert_int_equal(tenon_sched_poll(&sched, 0), TENON_NEVER);
        assert_int_equal(tenon_sched_step(&sched, 0), TENON_NEVER);
        assert_int_equal(module->call_count(), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(module_of_the_same_abi_is_run),
        cmocka_unit_test(module_of_another_abi_is_refused_uncalled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
