/* The whole stack on simulated servos, when something is wrong: line, servo, host. */
#include "../tenon_test.h"

#include "arm_rig.h"

#include <math.h>
#include <string.h>

#define HARDWARE_OVERLOAD 0x20

static struct arm arm;
static struct arm saved; /* arm as it stands before the fault of each round */

static const double home[ARM_JOINTS] = {0.0, 0.0, 0.0, 0.0, 0.0, 0.0};
static const double away[ARM_JOINTS] = {0.8, -0.5, 0.5, 0.9, -0.8, 1.2};

static const struct arm_config holding = {.safe_action = {TENON_SAFE_HOLD, TENON_SAFE_HOLD,
                                                          TENON_SAFE_HOLD, TENON_SAFE_HOLD,
                                                          TENON_SAFE_HOLD, TENON_SAFE_HOLD}};

static struct tenon_joint *joint(unsigned i)
{
    return &arm.host->joints[i];
}

static const struct tenon_node_counters *counters(unsigned i)
{
    return &arm.host->motors[i].base.device->counters;
}

/* At home, enabled. */
static void stand(const struct arm_config *config)
{
    arm_start(&arm, config);
    arm_enable(&arm);
    arm_move(&arm, home);
}

/* On the way, at speed. */
static void set_out(const struct arm_config *config)
{
    stand(config);
    arm_go(&arm, away);
    arm_run(&arm, TENON_MS(500));
}

/* After anything at all: reset, enable, and it goes on. */
static void assert_goes_on(void)
{
    arm_run(&arm, TENON_MS(100));
    arm.may_jump = true; /* whoever fell has a new place to start from */
    arm_revive_all(&arm);
    arm.may_jump = false;
    arm_run(&arm, TENON_MS(50));
    arm_move(&arm, home);
}

static unsigned faulted_count(void)
{
    unsigned count = 0;
    for (unsigned i = 0; i < arm.count; i++) {
        count += joint(i)->status == TENON_JOINT_FAULT ? 1u : 0u;
    }
    return count;
}

/* Whatever comes on the wire: what is taken for a joint's position is that, or known to be old. */
static void assert_samples_are_true(void)
{
    for (unsigned i = 0; i < arm.count; i++) {
        const double error = joint(i)->state.position_rad - arm_angle(&arm, i);
        const bool is_old = joint(i)->state.valid == 0 || arm_age(&arm, i) > 2 * ARM_PERIOD;
        assert_true(is_old || fabs(error) < 0.02);
    }
}

static void assert_neighbours_unharmed(unsigned sick)
{
    for (unsigned i = 0; i < arm.count; i++) {
        if (i != sick) {
            assert_int_equal(joint(i)->status, TENON_JOINT_ENABLED);
            assert_int_equal(arm.watch[i].stale_goals, 0);
        }
    }
}

/* No more than one sample of theirs was missed. */
static void assert_neighbours_are_seen(unsigned sick)
{
    for (unsigned i = 0; i < arm.count; i++) {
        assert_true(i == sick || arm_age(&arm, i) < 2 * ARM_PERIOD);
    }
}

/* --- the line, operation by operation --- */

static void boot_ends_ready_whichever_write_fails(void **state)
{
    (void)state;
    arm_start(&arm, NULL);
    const uint32_t all = arm.line.write_count;
    for (uint32_t k = 1; k <= all; k++) {
        arm_make(&arm, NULL);
        arm_boot(&arm, &arm.hosts[0]);
        arm.line.fail_write_at = k;
        assert_true(arm_wait_ready(&arm, TENON_S(5)));
        assert_true(arm.line.write_count > k);
        arm_run(&arm, TENON_MS(20));
        assert_int_equal(faulted_count(), 0);
    }
}

static void boot_ends_ready_whichever_read_fails(void **state)
{
    (void)state;
    arm_start(&arm, NULL);
    const uint32_t all = arm.line.read_count;
    for (uint32_t k = 1; k <= all; k++) {
        arm_make(&arm, NULL);
        arm_boot(&arm, &arm.hosts[0]);
        arm.line.fail_read_at = k;
        assert_true(arm_wait_ready(&arm, TENON_S(5)));
        assert_int_equal(faulted_count(), 0);
    }
}

/* Torque comes on for all or some; no matter: nothing jumps, the state tells, and it can be had
 * again. */
static void enabling_survives_each_failing_write(void **state)
{
    (void)state;
    arm_start(&arm, &holding);
    saved = arm;
    for (uint32_t k = 1; k <= 60; k++) {
        arm = saved;
        arm.line.fail_write_at = arm.line.write_count + k;
        for (unsigned i = 0; i < arm.count; i++) {
            arm.watch[i].may_enable = true;
        }
        assert_int_equal(tenon_group_enable(&arm.host->group), TENON_OK);
        arm_run(&arm, TENON_MS(500));
        for (unsigned i = 0; i < arm.count; i++) {
            arm.watch[i].may_enable = false;
            const uint8_t status = joint(i)->status;
            assert_true(status == TENON_JOINT_ENABLED || status == TENON_JOINT_FAULT);
            assert_true(status != TENON_JOINT_FAULT ||
                        joint(i)->diag.cause == TENON_CAUSE_WIRE_DOWN);
        }
        assert_goes_on();
    }
}

static void check_wire_fault(bool holds)
{
    char text[256];
    arm_run(&arm, TENON_MS(400));
    assert_int_equal(faulted_count(), ARM_JOINTS);
    assert_true(tenon_wire_is_up(&arm.host->wire)); /* back by itself */
    for (unsigned i = 0; i < arm.count; i++) {
        arm_check_diag(&joint(i)->diag, TENON_CAUSE_WIRE_DOWN, joint(i)->name);
        assert_int_equal(arm_has_torque(&arm, i), holds);
        assert_int_equal(tenon_joint_enable(joint(i)), TENON_ERR_STATE); /* not without a reset */
    }
    assert_int_equal(arm.host->group.status, TENON_GROUP_ABORTED);
    assert_true(strlen(tenon_diag_text(&arm.host->group.diag, text, sizeof text)) > 20);
    assert_int_equal(tenon_sched_explain(&arm.host->sched), TENON_ERR_IO);
    arm_run(&arm, TENON_S(1));
    for (unsigned i = 0; i < arm.count; i++) {
        assert_int_equal(arm_has_torque(&arm, i), holds);
    }
}

static void move_survives_each_failing_line_call(void **state)
{
    (void)state;
    set_out(&holding);
    saved = arm;
    for (uint32_t k = 1; k <= 80; k++) {
        arm = saved;
        if (k % 2 == 0) {
            arm.line.fail_write_at = arm.line.write_count + k / 2;
        } else {
            arm.line.fail_read_at = arm.line.read_count + k / 2 + 1;
        }
        check_wire_fault(true);
        if (k % 10 < 2) {
            assert_goes_on();
        }
    }
}

static void joints_that_ramp_let_go_when_the_line_fails(void **state)
{
    (void)state;
    set_out(NULL);
    arm.line.fail_write_at = arm.line.write_count + 1;
    check_wire_fault(false);
    assert_goes_on();
}

static void unplugged_line_is_told_and_taken_up_again(void **state)
{
    static const tenon_ns_t gaps[] = {TENON_MS(10), TENON_MS(150), TENON_S(3)};
    (void)state;
    set_out(&holding);
    saved = arm;
    for (size_t g = 0; g < sizeof gaps / sizeof gaps[0]; g++) {
        arm = saved;
        tenon_memory_line_set_unplugged(&arm.line.inner, true);
        arm_run(&arm, gaps[g]);
        assert_false(tenon_wire_is_up(&arm.host->wire));
        assert_int_equal(faulted_count(), ARM_JOINTS);
        const uint16_t cause = arm.host->wire.line.module->diag.cause;
        assert_true(cause == TENON_CAUSE_PORT_LOST || cause == TENON_CAUSE_PORT_MISSING);
        assert_int_equal(tenon_sched_explain(&arm.host->sched), TENON_ERR_IO);
        arm_check_diag(tenon_sched_diag(&arm.host->sched), (enum tenon_cause)cause, "bus");
        assert_int_equal(tenon_joint_enable(joint(0)), TENON_ERR_STATE);
        arm.may_jump = true;
        tenon_memory_line_set_unplugged(&arm.line.inner, false);
        arm_run(&arm, TENON_S(1));
        assert_true(tenon_wire_is_up(&arm.host->wire));
        for (unsigned i = 0; i < arm.count; i++) {
            assert_int_equal(joint(i)->status, TENON_JOINT_FAULT);
            assert_int_equal(joint(i)->diag.cause, TENON_CAUSE_WIRE_DOWN);
        }
        assert_goes_on();
    }
}

/* --- one servo, its neighbours --- */

struct count {
    uint32_t replies[ARM_JOINTS];
    uint32_t missed[ARM_JOINTS];
};

static struct count count_samples(void)
{
    struct count c;
    for (unsigned i = 0; i < arm.count; i++) {
        c.replies[i] = counters(i)->reply_count;
        c.missed[i] = counters(i)->missed_count;
    }
    return c;
}

/* Law 2. The worst age of a neighbour's sample is kept, too. */
static void silence_costs_neighbours_one_sample_at_most(void **state)
{
    static const uint8_t policies[] = {TENON_SIM_ABSENT_SKIP, TENON_SIM_ABSENT_STALL};
    const struct tenon_sim_faults silent = {.silent = true};
    const struct tenon_sim_faults deaf = {.deaf = true};
    (void)state;
    set_out(&holding);
    saved = arm;
    for (unsigned round = 0; round < 8u * ARM_JOINTS; round++) {
        const unsigned sick = round % ARM_JOINTS;
        const bool is_slow = round >= 4u * ARM_JOINTS;
        arm = saved;
        /* With this latency, waiting for it would not leave time for every cycle. */
        arm.line.base.latency_ns = is_slow ? TENON_MS(2) : arm.line.base.latency_ns;
        arm.sim.absent_policy = policies[round / ARM_JOINTS % 2];
        arm_set_faults(&arm, sick, round < 2u * ARM_JOINTS ? &silent : &deaf);
        const struct count before = count_samples();
        const uint32_t cycles = arm.host->bus.base.counters.cycle_count;
        const uint32_t asked = arm.host->bus.base.counters.transaction_count;
        for (unsigned n = 0; n < 20; n++) {
            arm_run(&arm, ARM_PERIOD);
            assert_in_range(arm.host->bus.base.counters.cycle_count - cycles, is_slow ? n : n + 1,
                            n + 1);
            assert_int_equal(arm.line.cycle_nodes, ARM_JOINTS);
            for (unsigned i = 0; i < arm.count; i++) {
                assert_true(i == sick || arm_age(&arm, i) < 2 * ARM_PERIOD);
            }
        }
        const struct count after = count_samples();
        for (unsigned i = 0; i < arm.count; i++) {
            if (i != sick) {
                /* Where there is time for it, they are asked again in the same cycle. */
                assert_true(after.missed[i] - before.missed[i] <=
                            (sick >= 3 && !is_slow ? 0u : 1u));
                assert_true(after.replies[i] - before.replies[i] >= 18);
                assert_int_equal(arm.watch[i].stale_goals, 0);
            }
        }
        assert_true(after.missed[sick] - before.missed[sick] >= 18);
        /* It is read last soon: no second question every cycle. A few are health questions. */
        assert_true(arm.host->bus.base.counters.transaction_count - asked <= 28);
        arm_set_faults(&arm, sick, NULL);
        arm_run(&arm, TENON_MS(100));
        assert_int_equal(faulted_count(), 0); /* so short a silence is none */
    }
}

/* Torque off to one that is away is repeated for as long as it is away. */
static void taking_torque_off_one_that_is_away_costs_the_others_nothing(void **state)
{
    static const struct arm_config ramping = {.safe_action = {TENON_SAFE_RAMP}};
    const struct tenon_sim_faults deaf = {.deaf = true};
    (void)state;
    for (unsigned sick = 0; sick < ARM_JOINTS; sick++) {
        set_out(&ramping);
        arm.line.base.latency_ns = TENON_MS(2); /* as an adapter has it: time-outs are long */
        arm_set_faults(&arm, sick, &deaf);
        arm_run(&arm, TENON_MS(150));
        assert_int_equal(joint(sick)->status, TENON_JOINT_FAULT);
        const uint32_t cycles = arm.host->bus.base.counters.cycle_count;
        arm_run(&arm, 250 * ARM_PERIOD);
        assert_in_range(arm.host->bus.base.counters.cycle_count - cycles, 248, 251);
        for (unsigned i = 0; i < arm.count; i++) {
            assert_int_equal(joint(i)->status, i == sick ? TENON_JOINT_FAULT : TENON_JOINT_ENABLED);
        }
    }
}

static void servo_that_stays_silent_stops_the_group_or_not(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 2u * ARM_JOINTS; round++) {
        const struct tenon_sim_faults silent = {.silent = true};
        const unsigned sick = round % ARM_JOINTS;
        struct arm_config config = holding;
        config.policy = round < ARM_JOINTS ? TENON_GROUP_STOP_ALL : TENON_GROUP_ISOLATE;
        set_out(&config);
        arm_set_faults(&arm, sick, &silent);
        assert_true(arm_wait_status(&arm, sick, TENON_JOINT_FAULT, TENON_MS(200)));
        arm_check_diag(&joint(sick)->diag, TENON_CAUSE_STALE, joint(sick)->name);
        arm_run(&arm, TENON_S(5));
        assert_int_equal(arm.host->group.status, TENON_GROUP_ABORTED);
        arm_check_diag(&arm.host->group.diag, TENON_CAUSE_STALE, joint(sick)->name);
        for (unsigned i = 0; i < arm.count; i++) {
            const double way = fabs(arm_angle(&arm, i) - away[i]);
            if (i != sick) {
                assert_int_equal(joint(i)->status, TENON_JOINT_ENABLED);
                assert_true(config.policy == TENON_GROUP_ISOLATE ? way < 0.01 : way > 0.05);
            }
        }
        arm_set_faults(&arm, sick, NULL);
        arm_run(&arm, TENON_S(3));
        assert_int_equal(joint(sick)->status, TENON_JOINT_FAULT);
        assert_goes_on();
    }
}

static void assert_round_of_faults_is_survived(const struct tenon_sim_faults *faults)
{
    for (unsigned sick = 0; sick < ARM_JOINTS; sick++) {
        arm = saved;
        const struct count before = count_samples();
        arm_set_faults(&arm, sick, faults);
        arm_run(&arm, TENON_MS(100));
        const struct count after = count_samples();
        assert_int_equal(faulted_count(), 0);
        assert_neighbours_unharmed(sick);
        for (unsigned i = 0; i < arm.count; i++) {
            assert_true(i == sick || after.missed[i] - before.missed[i] <= 1);
        }
        arm_set_faults(&arm, sick, NULL);
        assert_true(arm_wait_group(&arm, TENON_GROUP_DONE, TENON_S(8)));
    }
}

static void broken_replies_are_survived(void **state)
{
    static const struct tenon_sim_faults faults[] = {
        {.drop_next_replies = 1},          {.drop_next_replies = 10},
        {.corrupt_next_replies = 1},       {.corrupt_next_replies = 10},
        {.truncate_next_replies = 1},      {.truncate_next_replies = 10},
        {.extra_delay_ns = TENON_US(100)},
    };
    (void)state;
    set_out(&holding);
    saved = arm;
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        assert_round_of_faults_is_survived(&faults[i]);
    }
}

/*
 * So late that answers come when nobody waits any more, and talk over neighbours or over us: whose
 * they are is never mixed up, and no command to a neighbour is lost.
 */
static void late_replies_mix_nothing_up(void **state)
{
    (void)state;
    set_out(&holding);
    saved = arm;
    for (unsigned round = 0; round < 19u * ARM_JOINTS; round++) {
        const unsigned sick = round % ARM_JOINTS;
        const struct tenon_sim_faults late = {.extra_delay_ns = TENON_US(400 + round * 58)};
        arm = saved;
        arm_set_faults(&arm, sick, &late);
        for (int n = 0; n < 100; n++) {
            arm_run(&arm, ARM_PERIOD);
            assert_samples_are_true();
            assert_neighbours_unharmed(sick);
            assert_neighbours_are_seen(sick);
        }
        for (unsigned i = 0; i < arm.count; i++) {
            assert_int_equal(arm.host->motors[i].base.implausible_count, 0);
        }
        if (round % 7 == 0) {
            arm_set_faults(&arm, sick, NULL);
            arm_run(&arm, TENON_S(4));
            assert_goes_on();
        }
    }
}

static void echo_is_told_from_answers(void **state)
{
    (void)state;
    arm_make(&arm, NULL);
    arm.sim.echo = true;
    arm_boot(&arm, &arm.hosts[0]);
    assert_true(arm_wait_ready(&arm, TENON_S(3)));
    arm_enable(&arm);
    arm_move(&arm, away);
    arm_move(&arm, home);
    assert_true(arm.host->bus.base.counters.echo_count > 1000);
    assert_int_equal(faulted_count(), 0);
    for (unsigned i = 0; i < arm.count; i++) {
        assert_int_equal(counters(i)->missed_count, 0);
    }
}

static void noise_is_counted_and_survived(void **state)
{
    static const uint32_t ppm[] = {20, 200, 1000, 3000};
    (void)state;
    for (size_t n = 0; n < sizeof ppm / sizeof ppm[0]; n++) {
        for (uint32_t seed = 1; seed <= 4; seed++) {
            set_out(&holding);
            arm.sim.noise_ppm = ppm[n];
            arm.sim.seed = seed;
            arm.may_jump = ppm[n] >= 1000; /* a goal may miss some cycles */
            arm_run(&arm, TENON_S(4));
            const struct tenon_bus_counters *c = &arm.host->bus.base.counters;
            assert_true(c->crc_error_count + c->timeout_count > 0 || ppm[n] < 200);
            assert_samples_are_true();
            assert_true(ppm[n] > 200 || faulted_count() == 0);
            arm.sim.noise_ppm = 0;
            arm_run(&arm, TENON_S(3));
            assert_goes_on();
        }
    }
}

/* --- a servo in trouble --- */

static void overload_in_one_servo_is_told_and_obeys_the_policy(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 2u * ARM_JOINTS; round++) {
        const struct tenon_sim_faults overload = {.hardware_error = HARDWARE_OVERLOAD};
        const unsigned sick = round % ARM_JOINTS;
        struct arm_config config = holding;
        char text[256];
        config.policy = round < ARM_JOINTS ? TENON_GROUP_STOP_ALL : TENON_GROUP_ISOLATE;
        set_out(&config);
        arm_set_faults(&arm, sick, &overload);
        assert_true(arm_wait_status(&arm, sick, TENON_JOINT_FAULT, TENON_MS(100)));
        arm_check_diag(&joint(sick)->diag, TENON_CAUSE_DEVICE_FAULT, joint(sick)->name);
        assert_non_null(strstr(tenon_diag_text(&joint(sick)->diag, text, sizeof text), "overload"));
        arm_run(&arm, TENON_S(5));
        assert_int_equal(arm.host->group.status, TENON_GROUP_ABORTED);
        for (unsigned i = 0; i < arm.count; i++) {
            const double way = fabs(arm_angle(&arm, i) - away[i]);
            if (i != sick) {
                assert_int_equal(joint(i)->status, TENON_JOINT_ENABLED);
                assert_int_equal(arm.watch[i].stale_goals, 0);
                assert_true(config.policy == TENON_GROUP_ISOLATE ? way < 0.01 : way > 0.05);
            }
        }
        assert_false(arm_has_torque(&arm, sick)); /* the servo shuts down by itself */
        assert_int_equal(joint(sick)->status, TENON_JOINT_FAULT);
        assert_goes_on();
        assert_true(arm.host->motors[sick].reboot_count > 0);
    }
}

static void servo_that_loses_power_comes_back_without_torque(void **state)
{
    static const tenon_ns_t gaps[] = {TENON_MS(5), TENON_MS(120), TENON_S(2)};
    (void)state;
    set_out(&holding);
    saved = arm;
    for (unsigned round = 0; round < 3u * ARM_JOINTS; round++) {
        const unsigned sick = round % ARM_JOINTS;
        arm = saved;
        tenon_sim_servo_set_powered(&arm.servos[sick], false);
        arm_run(&arm, gaps[round / ARM_JOINTS]);
        tenon_sim_servo_set_powered(&arm.servos[sick], true);
        assert_true(arm_wait_status(&arm, sick, TENON_JOINT_FAULT, TENON_MS(300)));
        assert_int_equal(joint(sick)->diag.cause, TENON_CAUSE_STALE);
        arm_run(&arm, TENON_S(4));
        assert_int_equal(joint(sick)->status, TENON_JOINT_FAULT);
        assert_false(arm_has_torque(&arm, sick));
        assert_true(arm.host->motors[sick].base.is_unhomed);
        assert_int_equal(tenon_joint_reset(joint(sick)), TENON_OK);
        arm_run(&arm, TENON_MS(100));
        assert_int_equal(joint(sick)->status, TENON_JOINT_DISABLED);
        assert_int_equal(tenon_joint_enable(joint(sick)), TENON_ERR_STATE);
        arm_check_diag(tenon_sched_diag(&arm.host->sched), TENON_CAUSE_UNHOMED, joint(sick)->name);
        for (unsigned i = 0; i < arm.count; i++) {
            assert_true(i == sick || joint(i)->status == TENON_JOINT_ENABLED);
        }
        assert_goes_on();
        assert_int_equal(arm_peek(&arm, sick, ARM_WATCHDOG, 1), 10); /* configured anew */
    }
}

static void blocked_joint_is_noticed_by_its_following_error(void **state)
{
    const struct tenon_sim_faults blocked = {.blocked = true};
    (void)state;
    set_out(&holding);
    arm_set_faults(&arm, 3, &blocked);
    assert_true(arm_wait_status(&arm, 3, TENON_JOINT_STOPPING, TENON_S(2)) ||
                joint(3)->diag.code != TENON_OK);
    arm_run(&arm, TENON_S(1));
    arm_check_diag(&joint(3)->diag, TENON_CAUSE_FOLLOWING_ERROR, "forearm");
    assert_int_equal(arm.host->group.status, TENON_GROUP_ABORTED);
    arm_set_faults(&arm, 3, NULL);
    arm_run(&arm, TENON_S(1));
    assert_goes_on();
}

/* --- the host is gone for a while --- */

static void servos_stop_by_themselves_when_the_host_hangs(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 2; round++) {
        set_out(round == 0 ? &holding : NULL);
        arm.is_away = true;
        arm_run(&arm, TENON_S(1));
        for (unsigned i = 0; i < arm.count; i++) {
            assert_int_equal(arm_peek(&arm, i, ARM_WATCHDOG, 1) & 0xFF, 0xFF);
            assert_true(fabs(tenon_sim_servo_velocity_rad_s(&arm.servos[i])) < 0.05);
        }
        arm.is_away = false;
        arm.may_jump = true;
        arm.deadline = arm.now;
        arm_run(&arm, 20 * ARM_PERIOD);
        assert_true(arm.host->sched.counters.missed_count > 200);
        for (unsigned i = 0; i < arm.count; i++) {
            const uint16_t cause = joint(i)->diag.cause;
            assert_int_equal(joint(i)->status, TENON_JOINT_FAULT);
            assert_true(cause == TENON_CAUSE_STALE || cause == TENON_CAUSE_DEVICE_FAULT);
            arm_check_diag(&joint(i)->diag, (enum tenon_cause)cause, joint(i)->name);
        }
        arm_run(&arm, TENON_S(2));
        for (unsigned i = 0; i < arm.count; i++) {
            assert_int_equal(arm_has_torque(&arm, i), round == 0);
        }
        assert_goes_on();
    }
}

/* Shorter than what the servos wait: nothing has happened, and nothing is caught up with. */
static void short_hang_is_skipped_over(void **state)
{
    (void)state;
    set_out(&holding);
    const uint32_t cycles = arm.line.cycle_count;
    arm.is_away = true;
    arm_run(&arm, TENON_MS(60));
    arm.is_away = false;
    arm.deadline = arm.now;
    arm_run(&arm, 5 * ARM_PERIOD);
    assert_in_range(arm.line.cycle_count - cycles, 4, 6);
    assert_in_range(arm.host->sched.counters.missed_count, 13, 15);
    assert_true(arm_wait_group(&arm, TENON_GROUP_DONE, TENON_S(8)));
    assert_int_equal(faulted_count(), 0);
}

/* --- two of one name --- */

static void two_servos_with_one_id_are_told(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 2; round++) {
        const struct arm_config config = {
            .joint_count = 3, .model = {NULL, NULL, round == 0 ? "xl430-w250" : "xm430-w350"}};
        arm_make(&arm, &config);
        assert_int_equal(tenon_sim_servo_init(&arm.servos[2], config.model[2], 2, ARM_BAUD),
                         TENON_OK);
        tenon_sim_servo_set_angle(&arm.servos[2], 0.5);
        arm_boot(&arm, &arm.hosts[0]);
        bool told = false;
        for (int n = 0; n < 500 && !told; n++) {
            arm_run(&arm, ARM_PERIOD);
            const struct tenon_diag *diag = &arm.host->motors[1].base.module.diag;
            told = diag->cause == TENON_CAUSE_GARBLED_REPLY;
            if (told) {
                char text[256];
                arm_check_diag(diag, TENON_CAUSE_GARBLED_REPLY, "shoulder");
                assert_non_null(
                    strstr(tenon_diag_text(diag, text, sizeof text), "two servos may have"));
            }
        }
        assert_true(told);
        arm_run(&arm, TENON_S(1));
        assert_true(tenon_slot_is_up(&joint(0)->motor)); /* a neighbour is none the worse */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(boot_ends_ready_whichever_write_fails),
        cmocka_unit_test(boot_ends_ready_whichever_read_fails),
        cmocka_unit_test(enabling_survives_each_failing_write),
        cmocka_unit_test(move_survives_each_failing_line_call),
        cmocka_unit_test(joints_that_ramp_let_go_when_the_line_fails),
        cmocka_unit_test(unplugged_line_is_told_and_taken_up_again),
        cmocka_unit_test(taking_torque_off_one_that_is_away_costs_the_others_nothing),
        cmocka_unit_test(silence_costs_neighbours_one_sample_at_most),
        cmocka_unit_test(servo_that_stays_silent_stops_the_group_or_not),
        cmocka_unit_test(broken_replies_are_survived),
        cmocka_unit_test(late_replies_mix_nothing_up),
        cmocka_unit_test(echo_is_told_from_answers),
        cmocka_unit_test(noise_is_counted_and_survived),
        cmocka_unit_test(overload_in_one_servo_is_told_and_obeys_the_policy),
        cmocka_unit_test(servo_that_loses_power_comes_back_without_torque),
        cmocka_unit_test(blocked_joint_is_noticed_by_its_following_error),
        cmocka_unit_test(servos_stop_by_themselves_when_the_host_hangs),
        cmocka_unit_test(short_hang_is_skipped_over),
        cmocka_unit_test(two_servos_with_one_id_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
