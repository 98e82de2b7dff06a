/* A wire on which nobody answers any more: one fault, and nobody is given up for it. */
#include "../tenon_test.h"

#include "arm_rig.h"

#include <string.h>

static struct arm arm;

static const double home[ARM_JOINTS] = {0.0, 0.0, 0.0, 0.0, 0.0, 0.0};
static const double away[ARM_JOINTS] = {0.8, -0.5, 0.5, 0.9, -0.8, 1.2};

static struct tenon_joint *joint(unsigned i)
{
    return &arm.host->joints[i];
}

static const struct tenon_module *bus(void)
{
    return &arm.host->bus.base.module;
}

static void set_out(const struct arm_config *config)
{
    arm_start(&arm, config);
    arm_enable(&arm);
    arm_move(&arm, home);
    arm_go(&arm, away);
    arm_run(&arm, TENON_MS(500));
}

static void set_silent(bool are_silent, bool are_deaf)
{
    const struct tenon_sim_faults faults = {.silent = are_silent, .deaf = are_deaf};
    for (unsigned i = 0; i < arm.count; i++) {
        arm_set_faults(&arm, i, &faults);
    }
}

static uint32_t given_up(void)
{
    uint32_t count = 0;
    for (unsigned i = 0; i < arm.count; i++) {
        count += joint(i)->motor.module->state == TENON_MODULE_FAILED ? 1u : 0u;
    }
    return count;
}

static void assert_fell_silent(uint32_t times)
{
    assert_int_equal(bus()->fault_count, times);
    arm_check_diag(&bus()->diag, TENON_CAUSE_BUS_SILENT, arm.host->wire.name);
    for (unsigned i = 0; i < arm.count; i++) {
        assert_int_equal(joint(i)->status, TENON_JOINT_FAULT);
        assert_int_equal(joint(i)->diag.cause, TENON_CAUSE_WIRE_DOWN);
        assert_string_equal(joint(i)->diag.detail, arm.host->wire.name);
    }
}

static void assert_comes_back(void)
{
    set_silent(false, false);
    arm_run(&arm, TENON_S(4));
    assert_int_equal(bus()->diag.code, TENON_OK);
    arm.may_jump = true;
    arm_revive_all(&arm);
    arm.may_jump = false;
    arm_run(&arm, TENON_MS(50));
    arm_move(&arm, home);
}

static void a_wire_that_falls_silent_is_one_fault_however_long_it_lasts(void **state)
{
    (void)state;
    set_out(NULL);
    for (uint32_t times = 1; times <= 2; times++) {
        set_silent(times == 1, times == 2);
        arm_run(&arm, TENON_MS(150));
        assert_fell_silent(times);
        arm_run(&arm, TENON_S(65)); /* longer than the window of a motor's restarts */
        assert_fell_silent(times);
        assert_int_equal(given_up(), 0);
        assert_comes_back();
    }
}

static void it_is_told_once_and_masks_what_follows(void **state)
{
    (void)state;
    set_out(NULL);
    struct tenon_event event;
    while (tenon_sched_take_event(&arm.host->sched, &event) == TENON_OK) {
    }
    const uint32_t masked = tenon_sched_count_events(&arm.host->sched).masked_count;
    for (unsigned times = 0; times < 2; times++) {
        set_silent(true, false);
        arm_run(&arm, TENON_S(5));
        assert_int_equal(tenon_sched_take_event(&arm.host->sched, &event), TENON_OK);
        assert_int_equal(event.kind, TENON_EVENT_FAULT);
        assert_int_equal(event.role, TENON_ROLE_BUS);
        assert_string_equal(event.name, arm.host->wire.name);
        arm_check_diag(&event.diag, TENON_CAUSE_BUS_SILENT, arm.host->wire.name);
        assert_true(event.masked_count >= 2u * ARM_JOINTS); /* motors and joints */
        assert_int_equal(tenon_sched_take_event(&arm.host->sched, &event), TENON_ERR_AGAIN);
        assert_comes_back();
        while (tenon_sched_take_event(&arm.host->sched, &event) == TENON_OK) {
            assert_int_equal(event.kind, TENON_EVENT_RESTARTED);
        }
    }
    assert_true(tenon_sched_count_events(&arm.host->sched).masked_count > masked);
}

/* Their answers are lost, but they may hear us yet. */
static void torque_goes_off_though_nobody_answers(void **state)
{
    (void)state;
    set_out(NULL); /* safe action RAMP */
    set_silent(true, false);
    arm_run(&arm, TENON_MS(250));
    for (unsigned i = 0; i < arm.count; i++) {
        assert_false(arm_has_torque(&arm, i));
    }
}

static void who_asks_why_is_told_of_the_wire(void **state)
{
    (void)state;
    set_out(NULL);
    set_silent(true, false);
    arm_run(&arm, TENON_MS(150));
    assert_int_equal(tenon_sched_explain(&arm.host->sched), TENON_ERR_TIMEOUT);
    arm_check_diag(tenon_sched_diag(&arm.host->sched), TENON_CAUSE_BUS_SILENT, arm.host->wire.name);
}

static void one_that_answers_makes_it_the_fault_of_the_others(void **state)
{
    (void)state;
    const struct tenon_sim_faults silent = {.silent = true};
    for (unsigned well = 0; well < ARM_JOINTS; well++) {
        set_out(NULL);
        for (unsigned i = 0; i < arm.count; i++) {
            if (i != well) {
                arm_set_faults(&arm, i, &silent);
            }
        }
        arm_run(&arm, TENON_MS(150));
        assert_int_equal(bus()->fault_count, 0);
        for (unsigned i = 0; i < arm.count; i++) {
            const enum tenon_cause cause = i == well ? TENON_CAUSE_NONE : TENON_CAUSE_STALE;
            assert_int_equal(joint(i)->diag.cause, cause);
        }
    }
}

static void one_alone_on_its_wire_answers_for_itself(void **state)
{
    (void)state;
    const struct arm_config single = {.joint_count = 1};
    arm_start(&arm, &single);
    arm_enable(&arm);
    set_silent(true, false);
    arm_run(&arm, TENON_MS(150));
    assert_int_equal(bus()->fault_count, 0);
    arm_check_diag(&joint(0)->diag, TENON_CAUSE_STALE, joint(0)->name);
}

/* Who is asked less often than the others find out is not yet known to be silent. */
static void a_slow_joint_that_answers_is_left_alone(void **state)
{
    (void)state;
    const struct arm_config config = {.divisor = {1, 1, 1, 1, 1, 64}};
    const struct tenon_sim_faults silent = {.silent = true};
    arm_start(&arm, &config);
    arm_enable(&arm);
    for (unsigned i = 0; i < 5; i++) {
        arm_set_faults(&arm, i, &silent);
    }
    arm_run(&arm, TENON_S(2));
    assert_int_equal(bus()->fault_count, 0);
    assert_int_equal(joint(5)->status, TENON_JOINT_ENABLED);
}

/* Who is not asked says nothing of the wire. */
static void a_suspended_joint_is_no_sign_of_life(void **state)
{
    (void)state;
    arm_start(&arm, NULL);
    arm_enable(&arm);
    assert_int_equal(tenon_joint_disable(joint(5)), TENON_OK);
    arm_run(&arm, TENON_MS(50));
    assert_int_equal(tenon_joint_suspend(joint(5)), TENON_OK);
    arm_run(&arm, TENON_MS(20));
    assert_int_equal(joint(5)->status, TENON_JOINT_SUSPENDED);
    set_silent(true, false);
    arm_run(&arm, TENON_MS(150));
    assert_int_equal(bus()->fault_count, 1);
    arm_check_diag(&bus()->diag, TENON_CAUSE_BUS_SILENT, arm.host->wire.name);
    for (unsigned i = 0; i < 5; i++) {
        assert_int_equal(joint(i)->diag.cause, TENON_CAUSE_WIRE_DOWN);
    }
    set_silent(false, false);
    assert_int_equal(tenon_joint_resume(joint(5)), TENON_OK);
    assert_comes_back();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_wire_that_falls_silent_is_one_fault_however_long_it_lasts),
        cmocka_unit_test(it_is_told_once_and_masks_what_follows),
        cmocka_unit_test(torque_goes_off_though_nobody_answers),
        cmocka_unit_test(who_asks_why_is_told_of_the_wire),
        cmocka_unit_test(one_that_answers_makes_it_the_fault_of_the_others),
        cmocka_unit_test(one_alone_on_its_wire_answers_for_itself),
        cmocka_unit_test(a_slow_joint_that_answers_is_left_alone),
        cmocka_unit_test(a_suspended_joint_is_no_sign_of_life),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
