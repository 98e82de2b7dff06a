/* Every fault injected, at every step of a module's life and in every status of its joint, is told
 * by one event or masked by one. */
#include "../tenon_test.h"

#include "arm_rig.h"

#include <string.h>

static struct arm arm;
static struct arm saved;

static const double away[ARM_JOINTS] = {0.4, -0.3};

enum injected {
    SILENT,
    DEAF,
    ALL_SILENT,
    POWER_LOST,
    HARDWARE_ERROR,
    BLOCKED,
    LINE_READ,
    LINE_WRITE,
    HEARTBEAT,
    ESTOP,
    INJECTED
};

struct sums {
    uint32_t events;  /* of faults, taken */
    uint32_t numbers; /* of events, dropped ones too, less good news */
    uint32_t last;    /* number of the newest taken, plus 1 */
};

static void take_all(struct sums *sums)
{
    struct tenon_event event;
    while (tenon_sched_take_event(&arm.host->sched, &event) == TENON_OK) {
        const bool is_news =
            event.kind == TENON_EVENT_RESTARTED || event.kind == TENON_EVENT_DERATED;
        sums->events += is_news ? 0u : 1u;
        assert_true(event.number >= sums->last);
        sums->last = event.number + 1;
        assert_true(event.time_ns <= arm.now);
        assert_non_null(event.name);
        assert_true(is_news || event.diag.cause != TENON_CAUSE_NONE);
    }
}

static uint32_t faults_noted(void)
{
    const struct arm_host *const host = arm.host;
    uint32_t count = host->bus.base.module.fault_count + arm.line.base.module.fault_count;
    for (unsigned i = 0; i < arm.count; i++) {
        count += host->motors[i].base.module.fault_count + host->joints[i].fault_count;
    }
    return count;
}

static void inject(enum injected what)
{
    struct tenon_sim_faults faults = {.silent = what == SILENT || what == ALL_SILENT,
                                      .deaf = what == DEAF,
                                      .blocked = what == BLOCKED,
                                      .hardware_error = what == HARDWARE_ERROR ? 0x20 : 0};
    switch (what) {
    case POWER_LOST:
        tenon_sim_servo_set_powered(&arm.servos[1], false);
        break;
    case LINE_READ:
        arm.line.fail_read_at = arm.line.read_count + 1;
        break;
    case LINE_WRITE:
        arm.line.fail_write_at = arm.line.write_count + 1;
        break;
    case ESTOP:
        tenon_sched_estop(&arm.host->sched);
        break;
    case ALL_SILENT:
        arm_set_faults(&arm, 0, &faults);
        arm_set_faults(&arm, 1, &faults);
        break;
    case SILENT:
    case DEAF:
    case HARDWARE_ERROR:
    case BLOCKED:
        arm_set_faults(&arm, 1, &faults);
        break;
    case HEARTBEAT: /* the application says nothing */
    case INJECTED:
        break;
    }
}

static void mend(enum injected what)
{
    arm_set_faults(&arm, 0, NULL);
    arm_set_faults(&arm, 1, NULL);
    if (what == POWER_LOST) {
        tenon_sim_servo_set_powered(&arm.servos[1], true);
    }
}

static void reset_all(void)
{
    for (unsigned i = 0; i < arm.count; i++) {
        (void)tenon_joint_reset(&arm.host->joints[i]);
        (void)tenon_joint_accept_calibration(&arm.host->joints[i]);
    }
}

/* Faults that are no module's or joint's: the emergency stop, the heartbeat, moves that end. */
static uint32_t others(enum injected what, const struct sums *sums)
{
    const uint32_t all = sums->events + tenon_sched_count_events(&arm.host->sched).masked_count;
    const uint32_t noted = faults_noted();
    assert_true(all >= noted);
    assert_true(all - noted <= 2u); /* the cause itself, and the group's move */
    assert_true(what != ESTOP || all - noted >= 1u);
    return all - noted;
}

static void run_injected(enum injected what)
{
    struct sums sums = {0};
    arm.may_jump = true;
    inject(what);
    for (unsigned i = 0; i < 20; i++) {
        arm_run(&arm, TENON_MS(100));
        take_all(&sums);
    }
    mend(what);
    reset_all();
    for (unsigned i = 0; i < 10; i++) {
        arm_run(&arm, TENON_MS(100));
        take_all(&sums);
    }
    assert_int_equal(tenon_sched_count_events(&arm.host->sched).dropped_count, 0);
    (void)others(what, &sums);
}

static const struct arm_config pair = {.joint_count = 2,
                                       .safe_action = {TENON_SAFE_HOLD, TENON_SAFE_RAMP}};

static void faults_while_modules_come_up_are_told_or_masked(void **state)
{
    (void)state;
    for (unsigned what = 0; what < INJECTED; what++) {
        for (tenon_ns_t at = 0; at <= TENON_MS(60); at += TENON_MS(6)) {
            arm_make(&arm, &pair);
            arm_boot(&arm, &arm.hosts[0]);
            arm_run(&arm, at);
            run_injected((enum injected)what);
        }
    }
}

static void get_into(uint8_t status)
{
    arm_start(&arm, &pair);
    if (status == TENON_JOINT_DISABLED) {
        return;
    }
    for (unsigned i = 0; i < arm.count; i++) {
        arm.watch[i].may_enable = true;
    }
    assert_int_equal(tenon_group_enable(&arm.host->group), TENON_OK);
    if (status == TENON_JOINT_ENABLING) {
        return;
    }
    arm_run(&arm, TENON_MS(200));
    for (unsigned i = 0; i < arm.count; i++) {
        arm.watch[i].may_enable = false;
    }
    tenon_sched_set_heartbeat(&arm.host->sched, TENON_MS(400));
    arm_go(&arm, away);
    arm_run(&arm, TENON_MS(100));
    if (status == TENON_JOINT_STOPPING || status == TENON_JOINT_HOLDING) {
        assert_int_equal(tenon_sched_make_safe(&arm.host->sched), TENON_OK);
        arm_run(&arm, status == TENON_JOINT_HOLDING ? TENON_S(1) : ARM_PERIOD);
    }
}

static void faults_in_every_status_are_told_or_masked(void **state)
{
    (void)state;
    for (uint8_t status = TENON_JOINT_DISABLED; status <= TENON_JOINT_HOLDING; status++) {
        get_into(status);
        saved = arm;
        for (unsigned what = 0; what < INJECTED; what++) {
            for (unsigned k = 0; k < 3; k++) {
                arm = saved;
                arm_run(&arm, (tenon_ns_t)k * (ARM_PERIOD + TENON_US(900)));
                run_injected((enum injected)what);
            }
        }
    }
}

/* Two devices with one number, or noise: somebody answers, but nothing that can be taken. */
static void answers_that_stay_broken_are_told_as_such(void **state)
{
    const struct tenon_sim_faults garbled = {.corrupt_next_replies = 100000};
    struct tenon_event event;
    (void)state;
    get_into(TENON_JOINT_ENABLED);
    while (tenon_sched_take_event(&arm.host->sched, &event) == TENON_OK) {
    }
    arm_set_faults(&arm, 1, &garbled);
    assert_true(arm_wait_status(&arm, 1, TENON_JOINT_FAULT, TENON_MS(250)));
    arm_check_diag(&arm.host->joints[1].diag, TENON_CAUSE_GARBLED_REPLY, arm.host->joints[1].name);
    assert_int_equal(tenon_sched_take_event(&arm.host->sched, &event), TENON_OK);
    arm_check_diag(&event.diag, TENON_CAUSE_GARBLED_REPLY, arm.host->joints[1].name);
    assert_int_equal(event.role, TENON_ROLE_MOTOR);
    assert_int_equal(event.kind, TENON_EVENT_FAULT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(faults_while_modules_come_up_are_told_or_masked),
        cmocka_unit_test(answers_that_stay_broken_are_told_as_such),
        cmocka_unit_test(faults_in_every_status_are_told_or_masked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
