/* The two calls that run everything: releases, rates, commands, what all joints have in common. */
#include "rig.h"

#include "tenon_test.h"

#include <math.h>
#include <string.h>

static struct rig rig;

/* --- releases --- */

static void a_step_before_its_release_does_nothing(void **state)
{
    (void)state;
    rig_make(&rig, 1);
    rig_start(&rig);
    const tenon_ns_t first = TENON_MS(1000);
    assert_int_equal(tenon_sched_step(&rig.sched, first), first + RIG_PERIOD);
    assert_int_equal(rig.sched.counters.step_count, 1);
    for (tenon_ns_t early = 0; early < RIG_PERIOD; early += TENON_US(10)) {
        assert_int_equal(tenon_sched_step(&rig.sched, first + early), first + RIG_PERIOD);
    }
    assert_int_equal(tenon_sched_step(&rig.sched, first - TENON_S(1)), first + RIG_PERIOD);
    assert_int_equal(rig.sched.counters.step_count, 1);
    assert_int_equal(tenon_sched_step(&rig.sched, first + RIG_PERIOD), first + 2 * RIG_PERIOD);
    assert_int_equal(rig.sched.counters.step_count, 2);
}

static void missed_releases_are_skipped_and_counted_and_the_phase_is_kept(void **state)
{
    (void)state;
    for (int64_t late_us = 0; late_us < 20000; late_us += 130) {
        rig_make(&rig, 1);
        rig_start(&rig);
        const tenon_ns_t first = TENON_MS(1000);
        (void)tenon_sched_step(&rig.sched, first);
        const tenon_ns_t now = first + RIG_PERIOD + TENON_US(late_us);
        const tenon_ns_t next = tenon_sched_step(&rig.sched, now);
        assert_true(next > now && next <= now + RIG_PERIOD);
        assert_int_equal((next - first) % RIG_PERIOD, 0);
        assert_int_equal(rig.sched.counters.missed_count, late_us / 1000);
        assert_int_equal(rig.sched.counters.late_max_ns, TENON_US(late_us));
        assert_int_equal(rig.sched.counters.step_count, 2);
        assert_int_equal(tenon_sched_step(&rig.sched, now), next); /* no burst */
        assert_int_equal(rig.sched.counters.step_count, 2);
    }
}

static void a_long_pause_makes_no_burst_and_no_jump(void **state)
{
    (void)state;
    rig_make(&rig, 1);
    rig_start_enabled(&rig);
    assert_int_equal(tenon_joint_move_to(&rig.joints[0], 2.0), TENON_OK);
    for (unsigned i = 0; i < 30; i++) {
        rig_steps(&rig, 40);
        const uint32_t steps = rig.sched.counters.step_count;
        rig.now += TENON_MS(50);
        rig_step(&rig);
        assert_int_equal(rig.sched.counters.step_count, steps + 1);
    }
    assert_true(fabs(rig.motors[0].position_rad - 2.0) < 1e-9);
    for (unsigned i = 1; i < rig.motors[0].log_count; i++) {
        assert_true(fabs(rig.motors[0].log[i] - rig.motors[0].log[i - 1]) <= 2e-3 * 1.003);
    }
}

/* --- rates --- */

static void a_joint_runs_exactly_in_its_cycles(void **state)
{
    static const uint8_t divisors[] = {1, 2, 4, 8, 64};
    (void)state;
    for (size_t d = 0; d < sizeof divisors; d++) {
        for (uint8_t phase = 0; phase < divisors[d]; phase++) {
            rig_make(&rig, 2);
            rig.joints[0].divisor = divisors[d];
            rig.joints[0].phase = phase;
            rig_start(&rig);
            rig_steps(&rig, 3); /* until it is up */
            for (uint32_t i = 3; i < 200; i++) {
                const unsigned before = rig.motors[0].calls[RIG_READ];
                const unsigned other = rig.motors[1].calls[RIG_READ];
                rig_step(&rig);
                assert_int_equal(rig.motors[0].calls[RIG_READ] - before, i % divisors[d] == phase);
                assert_int_equal(rig.motors[1].calls[RIG_READ] - other, 1);
            }
        }
    }
}

/* What was due in a release that was skipped is due now, once; the next one keeps the phase. */
static void what_was_skipped_runs_once_at_the_next_step(void **state)
{
    (void)state;
    rig_make(&rig, 1);
    rig.joints[0].divisor = 4;
    rig.joints[0].phase = 1;
    rig_start(&rig);
    rig_steps(&rig, 8);
    uint32_t cycle = 8;
    for (unsigned skip = 0; skip < 12; skip++) {
        bool is_due = false;
        for (uint32_t passed = cycle; passed <= cycle + skip; passed++) {
            is_due = is_due || passed % 4 == 1;
        }
        rig.now += skip * RIG_PERIOD;
        cycle += skip;
        const unsigned before = rig.motors[0].calls[RIG_READ];
        rig_step(&rig);
        assert_int_equal(rig.motors[0].calls[RIG_READ] - before, is_due);
        cycle++;
    }
    for (unsigned i = 0; i < 8; i++, cycle++) {
        const unsigned before = rig.motors[0].calls[RIG_READ];
        rig_step(&rig);
        assert_int_equal(rig.motors[0].calls[RIG_READ] - before, cycle % 4 == 1);
    }
}

/* A host that is always late by the same number of periods meets the same cycles again and again.
 */
static void steady_lateness_starves_no_rate(void **state)
{
    (void)state;
    for (unsigned skip = 0; skip < 9; skip++) {
        for (uint8_t divisor = 1; divisor <= 8; divisor = (uint8_t)(divisor * 2)) {
            for (uint8_t phase = 0; phase < divisor; phase++) {
                rig_make(&rig, 1);
                rig.joints[0].divisor = divisor;
                rig.joints[0].phase = phase;
                rig_start(&rig);
                rig_steps(&rig, 16); /* until it is up */
                const unsigned before = rig.motors[0].calls[RIG_READ];
                for (unsigned i = 0; i < 80; i++) {
                    rig.now += skip * RIG_PERIOD;
                    rig_step(&rig);
                }
                const unsigned span = skip + 1 < divisor ? divisor : skip + 1;
                const unsigned expected = 80u * (skip + 1) / span;
                const unsigned ran = rig.motors[0].calls[RIG_READ] - before;
                assert_true(ran + 1 >= expected && ran <= expected + 1);
            }
        }
    }
}

static void rates_that_are_not_harmonic_are_refused(void **state)
{
    (void)state;
    for (unsigned a = 1; a <= 16; a++) {
        for (unsigned b = 1; b <= 16; b++) {
            rig_make(&rig, 2);
            rig.joints[0].divisor = (uint8_t)a;
            rig.joints[1].divisor = (uint8_t)b;
            rig_add(&rig);
            const bool is_harmonic = a % b == 0 || b % a == 0;
            assert_int_equal(tenon_sched_start(&rig.sched), is_harmonic ? TENON_OK : TENON_ERR_ARG);
            if (!is_harmonic) {
                assert_int_equal(tenon_sched_diag(&rig.sched)->cause, TENON_CAUSE_RATE);
                assert_string_equal(tenon_sched_diag(&rig.sched)->subject, "knee");
            }
        }
    }
}

static void a_phase_beyond_its_rate_is_refused(void **state)
{
    (void)state;
    rig_make(&rig, 1);
    rig.joints[0].divisor = 4;
    rig.joints[0].phase = 4;
    rig_add(&rig);
    assert_int_equal(tenon_sched_start(&rig.sched), TENON_ERR_ARG);
    assert_int_equal(tenon_sched_diag(&rig.sched)->cause, TENON_CAUSE_RATE);
}

/* --- poll --- */

static void poll_asks_to_be_called_again_only_while_something_is_on_its_way(void **state)
{
    static const struct tenon_restart_policy policy = {0, TENON_S(10), TENON_MS(40), TENON_MS(40),
                                                       TENON_MS(500)};
    (void)state;
    rig_make(&rig, 1);
    rig.joints[0].motor.restart = &policy;
    rig.motors[0].again[RIG_PROBE] = 3;
    rig.motors[0].fail_at[RIG_CONFIGURE] = 1;
    rig_start(&rig);
    tenon_ns_t now = rig.now;
    for (unsigned i = 0; i < 4; i++) { /* three times AGAIN */
        const tenon_ns_t next = tenon_sched_poll(&rig.sched, now);
        assert_true(next > now && next <= now + TENON_MS(1));
    }
    const tenon_ns_t retry = tenon_sched_poll(&rig.sched, now); /* configure fails */
    assert_in_range(retry, now + TENON_MS(40), now + TENON_MS(40) + TENON_US(132));
    assert_int_equal(tenon_sched_poll(&rig.sched, now + TENON_MS(39)), retry);
    now = retry;
    for (unsigned i = 0; i < 10; i++) {
        (void)tenon_sched_poll(&rig.sched, now);
    }
    assert_int_equal(rig.motors[0].base.module.state, TENON_MODULE_READY);
    assert_true(tenon_sched_poll(&rig.sched, now) == TENON_NEVER);
}

static void before_start_neither_call_does_anything(void **state)
{
    (void)state;
    rig_make(&rig, 1);
    rig_add(&rig);
    assert_true(tenon_sched_poll(&rig.sched, 1) == TENON_NEVER);
    assert_true(tenon_sched_step(&rig.sched, 1) == TENON_NEVER);
    assert_true(tenon_sched_poll(NULL, 1) == TENON_NEVER);
    assert_true(tenon_sched_step(NULL, 1) == TENON_NEVER);
    assert_int_equal(tenon_joint_enable(&rig.joints[0]), TENON_ERR_STATE);
    assert_int_equal(tenon_joint_disable(&rig.joints[0]), TENON_ERR_STATE);
    assert_int_equal(tenon_sched_make_safe(&rig.sched), TENON_ERR_STATE);
    assert_int_equal(rig.motors[0].calls[RIG_PROBE], 0);
}

/* --- emergency stop --- */

static void an_estop_is_obeyed_by_the_next_step_at_any_time(void **state)
{
    (void)state;
    for (unsigned k = 0; k < 600; k += 7) {
        rig_make(&rig, 2);
        rig.joints[0].safe_action = TENON_SAFE_LIMP;
        rig.joints[1].safe_action = TENON_SAFE_HOLD;
        rig_start(&rig);
        rig_steps(&rig, 5);
        assert_int_equal(tenon_joint_enable(&rig.joints[0]), TENON_OK);
        assert_int_equal(tenon_joint_enable(&rig.joints[1]), TENON_OK);
        assert_int_equal(tenon_joint_move_to(&rig.joints[0], 0.6), TENON_OK);
        assert_int_equal(tenon_joint_move_to(&rig.joints[1], 0.6), TENON_OK);
        rig_steps(&rig, k);
        tenon_sched_estop(&rig.sched);
        rig_step(&rig);
        assert_false(rig.motors[0].torque_is_on);
        rig_steps(&rig, 110);
        assert_true(tenon_sched_is_safe(&rig.sched));
        const double here = rig.motors[1].position_rad;
        rig_steps(&rig, 50);
        assert_true(fabs(rig.motors[1].position_rad - here) < 1e-12);
        assert_int_equal(tenon_joint_enable(&rig.joints[0]), TENON_ERR_STATE);
        assert_int_equal(tenon_sched_diag(&rig.sched)->cause, TENON_CAUSE_ESTOP);
        tenon_sched_clear_estop(&rig.sched);
        rig_steps(&rig, 50);
        assert_false(rig.motors[0].torque_is_on); /* not by itself */
        rig_enable(&rig);
    }
}

static void an_estop_that_no_step_has_seen_cannot_be_cleared(void **state)
{
    (void)state;
    rig_make(&rig, 1);
    rig.joints[0].safe_action = TENON_SAFE_LIMP;
    rig_start_enabled(&rig);
    tenon_sched_estop(&rig.sched);
    tenon_sched_clear_estop(&rig.sched);
    rig_steps(&rig, 2);
    assert_false(rig.motors[0].torque_is_on);
    tenon_sched_clear_estop(&rig.sched);
    rig_enable(&rig);
    tenon_sched_estop(&rig.sched); /* a second one counts as the first did */
    rig_steps(&rig, 2);
    assert_false(rig.motors[0].torque_is_on);
}

static void an_enable_in_the_queue_does_not_pass_an_estop(void **state)
{
    (void)state;
    rig_make(&rig, 1);
    rig_start(&rig);
    rig_steps(&rig, 5);
    assert_int_equal(tenon_joint_enable(&rig.joints[0]), TENON_OK);
    tenon_sched_estop(&rig.sched);
    rig_steps(&rig, 20);
    assert_int_equal(rig.motors[0].on_count, 0);
    tenon_sched_clear_estop(&rig.sched);
    rig_steps(&rig, 20);
    assert_int_equal(rig.motors[0].on_count, 0);
}

/* --- heartbeat --- */

static void silence_of_the_application_makes_joints_safe(void **state)
{
    (void)state;
    rig_make(&rig, 2);
    tenon_sched_set_heartbeat(&rig.sched, TENON_MS(30));
    rig_start(&rig);
    rig_steps(&rig, 200); /* nothing is enabled: no beat is needed */
    assert_int_equal(rig.joints[0].status, TENON_JOINT_DISABLED);
    assert_int_equal(tenon_joint_enable(&rig.joints[0]), TENON_OK);
    for (unsigned i = 0; i < 300; i++) {
        if (i % 29 == 0) {
            tenon_sched_beat(&rig.sched);
        }
        rig_step(&rig);
    }
    assert_int_equal(rig.joints[0].status, TENON_JOINT_ENABLED);
    for (unsigned i = 0; i < 10; i++) { /* a command is a beat */
        assert_int_equal(tenon_joint_stop(&rig.joints[0]), TENON_OK);
        rig_steps(&rig, 29);
        assert_int_equal(rig.joints[0].status, TENON_JOINT_ENABLED);
    }
    rig_steps(&rig, 5);
    assert_int_equal(rig.joints[0].status, TENON_JOINT_FAULT);
    assert_int_equal(rig.joints[0].diag.cause, TENON_CAUSE_HEARTBEAT);
    assert_int_equal(rig.joints[1].status, TENON_JOINT_DISABLED);
    assert_int_equal(rig.joints[1].diag.code, TENON_OK);
    assert_int_equal(tenon_joint_reset(&rig.joints[0]), TENON_OK);
    rig_steps(&rig, 3);
    rig_enable(&rig);
}

/* --- the queue --- */

static void a_full_queue_refuses_and_loses_nothing(void **state)
{
    (void)state;
    rig_make(&rig, 3);
    rig_start_enabled(&rig);
    const double goals[3] = {1.0, 1.0, 1.0};
    unsigned taken = 0;
    int rc = TENON_OK;
    const struct tenon_joint_command c = {.position_rad = 0.1, .mode = TENON_MODE_POSITION};
    while ((rc = tenon_joint_follow(&rig.joints[taken % 3], &c)) == TENON_OK) {
        taken++;
        assert_true(taken < 1000);
    }
    assert_int_equal(rc, TENON_ERR_FULL);
    assert_int_equal(tenon_sched_diag(&rig.sched)->cause, TENON_CAUSE_QUEUE_FULL);
    assert_true(taken >= 9);
    assert_int_equal(tenon_group_move_to(&rig.group, goals), TENON_ERR_FULL);
    assert_int_equal(tenon_joint_disable(&rig.joints[0]), TENON_ERR_FULL);
    assert_int_equal(tenon_sched_make_safe(&rig.sched), TENON_ERR_FULL);
    const uint32_t before = rig.sched.counters.command_count;
    rig_step(&rig);
    assert_int_equal(rig.sched.counters.command_count - before, taken);
    assert_int_equal(tenon_joint_disable(&rig.joints[0]), TENON_OK);
}

static void the_queue_keeps_order_however_often_it_goes_round(void **state)
{
    (void)state;
    rig_make(&rig, 1);
    rig_start_enabled(&rig);
    const uint32_t room = rig.sched.own.queue.capacity;
    for (unsigned round = 0; round < 200; round++) {
        const unsigned count = round % (room + 1u); /* none ... as many as fit */
        double wanted = rig.joints[0].setpoint.position_rad;
        for (unsigned i = 0; i < count; i++) {
            const struct tenon_joint_command c = {.position_rad = 1e-3 * (double)(round + i),
                                                  .mode = TENON_MODE_POSITION};
            assert_int_equal(tenon_joint_follow(&rig.joints[0], &c), TENON_OK);
            wanted = c.position_rad;
        }
        const int more = tenon_joint_reset(&rig.joints[0]); /* without a fault: nothing */
        assert_int_equal(more, count == room ? TENON_ERR_FULL : TENON_OK);
        const uint32_t before = rig.sched.counters.command_count;
        rig_step(&rig);
        assert_int_equal(rig.sched.counters.command_count - before, count + (count < room));
        assert_true(fabs(rig.joints[0].setpoint.position_rad - wanted) < 1e-12);
        assert_true(tenon_producer_is_idle(&rig.sched.own));
        rig_steps(&rig, 120);
        assert_int_equal(rig.joints[0].status, TENON_JOINT_ENABLED);
    }
}

/* --- snapshots --- */

static void a_snapshot_shows_all_joints_of_one_step(void **state)
{
    struct tenon_snapshot_head head;
    struct tenon_joint_snapshot joints[4];
    (void)state;
    rig_make(&rig, 3);
    rig_add(&rig);
    assert_int_equal(tenon_reader_read(&rig.reader, &head, joints, 4), TENON_ERR_AGAIN);
    assert_int_equal(tenon_sched_start(&rig.sched), TENON_OK);
    assert_int_equal(tenon_reader_read(&rig.reader, &head, joints, 4), TENON_ERR_AGAIN);
    rig_steps(&rig, 5);
    rig_enable(&rig);
    const double goals[3] = {0.5, -0.5, 0.25};
    assert_int_equal(tenon_group_move_to(&rig.group, goals), TENON_OK);
    for (unsigned k = 0; k < 400; k++) {
        rig_step(&rig);
        assert_int_equal(tenon_reader_read(&rig.reader, &head, joints, 4), 3);
        assert_int_equal(head.joint_count, 3);
        assert_int_equal(head.release_ns, rig.now - RIG_PERIOD);
        for (unsigned i = 0; i < 3; i++) {
            assert_true(fabs(joints[i].position_rad - rig.joints[i].state.position_rad) < 1e-15);
            assert_true(fabs(joints[i].command_rad - rig.motors[i].last.position_rad) < 1e-15);
            assert_int_equal(joints[i].status, TENON_JOINT_ENABLED);
            assert_int_equal(joints[i].code, TENON_OK);
            assert_int_equal(joints[i].valid, 7);
        }
    }
    assert_int_equal(tenon_reader_read(&rig.reader, &head, joints, 2), 2);
    assert_int_equal(tenon_reader_read(&rig.reader, &head, NULL, 0), 0);
    assert_int_equal(tenon_reader_read(&rig.reader, &head, NULL, 1), TENON_ERR_ARG);
    assert_int_equal(tenon_reader_read(&rig.reader, NULL, joints, 1), TENON_ERR_ARG);
    assert_int_equal(tenon_reader_read(NULL, &head, joints, 1), TENON_ERR_ARG);
    struct tenon_reader stranger = {0};
    assert_int_equal(tenon_reader_read(&stranger, &head, joints, 1), TENON_ERR_STATE);
}

/* --- looking --- */

static void it_is_ready_when_all_have_been_measured(void **state)
{
    (void)state;
    rig_make(&rig, 2);
    rig.motors[1].is_mute = true;
    rig_add(&rig);
    assert_false(tenon_sched_is_ready(&rig.sched));
    assert_int_equal(tenon_sched_start(&rig.sched), TENON_OK);
    rig_steps(&rig, 20);
    assert_false(tenon_sched_is_ready(&rig.sched));
    assert_int_equal(tenon_sched_explain(&rig.sched), TENON_ERR_STATE);
    assert_string_equal(tenon_sched_diag(&rig.sched)->subject, "knee");
    rig.motors[1].is_mute = false;
    rig_steps(&rig, 2);
    assert_true(tenon_sched_is_ready(&rig.sched));
    assert_int_equal(tenon_sched_explain(&rig.sched), TENON_OK);
    assert_int_equal(tenon_sched_explain(NULL), TENON_ERR_ARG);
    assert_false(tenon_sched_is_ready(NULL));
}

static void it_is_safe_only_when_torque_has_gone(void **state)
{
    (void)state;
    rig_make(&rig, 2);
    rig_start_enabled(&rig);
    assert_false(tenon_sched_is_safe(&rig.sched));
    rig.motors[1].again[RIG_MAKE_SAFE] = 20;
    assert_int_equal(tenon_sched_make_safe(&rig.sched), TENON_OK);
    assert_false(tenon_sched_is_safe(&rig.sched));
    rig_steps(&rig, 5);
    assert_false(tenon_sched_is_safe(&rig.sched));
    rig_steps(&rig, 20);
    assert_true(tenon_sched_is_safe(&rig.sched));
}

static void a_neighbour_in_fault_costs_no_cycle(void **state)
{
    (void)state;
    for (unsigned m = RIG_READ; m <= RIG_COMMAND; m++) {
        rig_make(&rig, 3);
        rig_start_enabled(&rig);
        rig.motors[1].fail_at[m] = rig.motors[1].calls[m] + 1;
        rig.motors[1].fails_on[m] = true;
        const unsigned before = rig.motors[2].log_count;
        rig_steps(&rig, 500);
        assert_int_equal(rig.motors[2].log_count - before, 500);
        assert_int_equal(rig.joints[0].status, TENON_JOINT_ENABLED);
        assert_int_equal(rig.joints[1].status, TENON_JOINT_FAULT);
    }
}

/* --- memory --- */

static void too_little_memory_is_refused_with_the_bytes_needed(void **state)
{
    (void)state;
    rig_make(&rig, 4);
    rig_start(&rig);
    const size_t needed = rig.sched.memory_used;
    for (size_t size = needed - 64; size <= needed; size++) {
        rig_make(&rig, 4);
        memset(rig.memory, 0xA5, sizeof rig.memory);
        assert_int_equal(tenon_sched_init(&rig.sched, &rig_port, RIG_PERIOD, rig.memory, size),
                         TENON_OK);
        rig_add(&rig);
        const int rc = tenon_sched_start(&rig.sched);
        assert_int_equal(rc, size < needed ? TENON_ERR_FULL : TENON_OK);
        if (size < needed) {
            assert_true(fabs((double)tenon_sched_diag(&rig.sched)->bound - (double)needed) < 0.5);
        }
        assert_int_equal(((const uint8_t *)rig.memory)[needed], 0xA5);
    }
}

static void what_is_missing_at_init_is_refused_by_start(void **state)
{
    (void)state;
    struct tenon_port port = rig_port;
    struct tenon_sched *const s = &rig.sched;
    assert_int_equal(tenon_sched_init(NULL, &port, 1, rig.memory, 8), TENON_ERR_ARG);
    assert_int_equal(tenon_sched_init(s, NULL, 1, rig.memory, 8), TENON_ERR_ARG);
    assert_int_equal(tenon_sched_start(s), TENON_ERR_ARG);
    assert_int_equal(tenon_sched_init(s, &port, 0, rig.memory, 8), TENON_ERR_ARG);
    assert_int_equal(tenon_sched_init(s, &port, -5, rig.memory, 8), TENON_ERR_ARG);
    assert_int_equal(tenon_sched_init(s, &port, 1, NULL, 8), TENON_ERR_ARG);
    port.head.size--;
    assert_int_equal(tenon_sched_init(s, &port, 1, rig.memory, 8), TENON_ERR_ABI);
}

static void nothing_can_be_added_after_start(void **state)
{
    static struct tenon_joint late;
    static struct rig_motor motor;
    (void)state;
    rig_make(&rig, 1);
    rig_start(&rig);
    assert_int_equal(tenon_sched_start(&rig.sched), TENON_ERR_STATE);
    memset(&late, 0, sizeof late);
    const int rc = tenon_sched_add_joint(&rig.sched, &late, "late",
                                         rig_motor_init(&motor, TENON_MODE_POSITION), NULL);
    assert_int_equal(rc, TENON_ERR_STATE);
    assert_int_equal(tenon_sched_diag(&rig.sched)->cause, TENON_CAUSE_STARTED);
    rig_steps(&rig, 10);
    assert_true(tenon_sched_is_ready(&rig.sched));
}

/* --- the same inputs, the same run --- */

static void the_same_inputs_give_the_same_run(void **state)
{
    static double first[RIG_LOG];
    (void)state;
    for (unsigned run = 0; run < 2; run++) {
        rig_make(&rig, 2);
        rig.motors[0].lag_s = 0.02;
        rig_start_enabled(&rig);
        assert_int_equal(tenon_joint_move_to(&rig.joints[0], 1.0), TENON_OK);
        rig_steps(&rig, 300);
        assert_int_equal(tenon_joint_stop(&rig.joints[0]), TENON_OK);
        rig_steps(&rig, 300);
        assert_int_equal(tenon_joint_move_to(&rig.joints[0], -1.0), TENON_OK);
        rig_steps(&rig, 1500);
        if (run == 0) {
            memcpy(first, rig.motors[0].log, sizeof first);
        }
    }
    assert_memory_equal(first, rig.motors[0].log, sizeof first);
}

static void a_host_that_was_paused_does_not_call_its_motors_silent(void **state)
{
    (void)state;
    rig_make(&rig, 1);
    rig_start_enabled(&rig);
    for (unsigned i = 0; i < 20; i++) {
        rig.motors[0].is_mute = true; /* nothing comes while nothing is asked for */
        rig.now += TENON_S(1);
        (void)tenon_sched_step(&rig.sched, rig.now);
        rig.motors[0].is_mute = false;
        rig_steps(&rig, 2);
        assert_int_equal(rig.joints[0].status, TENON_JOINT_ENABLED);
    }
    rig.motors[0].is_mute = true;
    rig_steps(&rig, 101); /* 100 ms of cycles */
    assert_int_equal(rig.joints[0].status, TENON_JOINT_FAULT);
    assert_int_equal(rig.joints[0].diag.cause, TENON_CAUSE_STALE);
}

static void commands_before_start_are_told_and_not_held_against_it(void **state)
{
    (void)state;
    char text[200];
    const double goal = 0.0;
    rig_make(&rig, 1);
    rig_add(&rig);
    assert_int_equal(tenon_joint_enable(&rig.joints[0]), TENON_ERR_STATE);
    assert_int_equal(tenon_sched_diag(&rig.sched)->cause, TENON_CAUSE_NOT_STARTED);
    assert_int_equal(tenon_group_move_to(&rig.group, &goal), TENON_ERR_STATE);
    assert_int_equal(tenon_sched_diag(&rig.sched)->cause, TENON_CAUSE_NOT_STARTED);
    assert_int_equal(tenon_sched_explain(&rig.sched), TENON_ERR_STATE);
    assert_non_null(
        strstr(tenon_diag_text(tenon_sched_diag(&rig.sched), text, sizeof text), "call start"));
    assert_int_equal(tenon_sched_start(&rig.sched), TENON_OK);
    assert_int_equal(tenon_joint_follow(&rig.joints[0], NULL), TENON_ERR_ARG);
    assert_int_equal(tenon_sched_diag(&rig.sched)->cause, TENON_CAUSE_NULL);
}

static void time_may_begin_at_zero(void **state)
{
    (void)state;
    rig_make(&rig, 1);
    rig_add(&rig);
    assert_int_equal(tenon_sched_start(&rig.sched), TENON_OK);
    (void)tenon_sched_poll(&rig.sched, 0);
    assert_int_equal(tenon_sched_step(&rig.sched, 0), RIG_PERIOD);
    assert_int_equal(tenon_sched_step(&rig.sched, RIG_PERIOD - 1), RIG_PERIOD);
    assert_int_equal(rig.sched.counters.step_count, 1);
}

static void closing_lets_go_of_every_module_and_ends_the_run(void **state)
{
    (void)state;
    rig_make(&rig, 2);
    rig_start_enabled(&rig);
    const unsigned steps = rig.sched.counters.step_count;
    const unsigned off_count = rig.motors[0].off_count;
    tenon_sched_close(&rig.sched);
    tenon_sched_close(&rig.sched); /* twice is no harm */
    tenon_sched_close(NULL);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(rig.motors[i].calls[RIG_RELEASE], 1);
        assert_int_equal(rig.motors[i].base.module.state, TENON_MODULE_IDLE);
    }
    assert_int_equal(rig.motors[0].off_count, off_count); /* torque is not its business */
    assert_true(tenon_sched_step(&rig.sched, rig.now + TENON_S(1)) == TENON_NEVER);
    assert_int_equal(rig.sched.counters.step_count, steps);
    assert_int_equal(tenon_joint_enable(&rig.joints[0]), TENON_ERR_STATE);
}

static void memory_need_not_be_aligned(void **state)
{
    (void)state;
    for (size_t skew = 0; skew < sizeof(uint64_t); skew++) {
        rig_make(&rig, 2);
        assert_int_equal(tenon_sched_init(&rig.sched, &rig_port, RIG_PERIOD,
                                          (uint8_t *)rig.memory + skew, sizeof rig.memory - skew),
                         TENON_OK);
        rig_start_enabled(&rig);
        rig_steps(&rig, 10);
        assert_int_equal((uintptr_t)rig.sched.own.queue.entries % _Alignof(double), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_step_before_its_release_does_nothing),
        cmocka_unit_test(missed_releases_are_skipped_and_counted_and_the_phase_is_kept),
        cmocka_unit_test(a_long_pause_makes_no_burst_and_no_jump),
        cmocka_unit_test(a_joint_runs_exactly_in_its_cycles),
        cmocka_unit_test(what_was_skipped_runs_once_at_the_next_step),
        cmocka_unit_test(steady_lateness_starves_no_rate),
        cmocka_unit_test(rates_that_are_not_harmonic_are_refused),
        cmocka_unit_test(a_phase_beyond_its_rate_is_refused),
        cmocka_unit_test(poll_asks_to_be_called_again_only_while_something_is_on_its_way),
        cmocka_unit_test(before_start_neither_call_does_anything),
        cmocka_unit_test(an_estop_is_obeyed_by_the_next_step_at_any_time),
        cmocka_unit_test(an_estop_that_no_step_has_seen_cannot_be_cleared),
        cmocka_unit_test(an_enable_in_the_queue_does_not_pass_an_estop),
        cmocka_unit_test(silence_of_the_application_makes_joints_safe),
        cmocka_unit_test(a_full_queue_refuses_and_loses_nothing),
        cmocka_unit_test(the_queue_keeps_order_however_often_it_goes_round),
        cmocka_unit_test(a_snapshot_shows_all_joints_of_one_step),
        cmocka_unit_test(it_is_ready_when_all_have_been_measured),
        cmocka_unit_test(it_is_safe_only_when_torque_has_gone),
        cmocka_unit_test(a_neighbour_in_fault_costs_no_cycle),
        cmocka_unit_test(too_little_memory_is_refused_with_the_bytes_needed),
        cmocka_unit_test(what_is_missing_at_init_is_refused_by_start),
        cmocka_unit_test(nothing_can_be_added_after_start),
        cmocka_unit_test(the_same_inputs_give_the_same_run),
        cmocka_unit_test(time_may_begin_at_zero),
        cmocka_unit_test(closing_lets_go_of_every_module_and_ends_the_run),
        cmocka_unit_test(memory_need_not_be_aligned),
        cmocka_unit_test(a_host_that_was_paused_does_not_call_its_motors_silent),
        cmocka_unit_test(commands_before_start_are_told_and_not_held_against_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
