/* Groups: all or none, on a straight line, and what happens when a member fails. */
#include "rig.h"

#include "tenon_test.h"

#include "core_internal.h"

#include <math.h>
#include <string.h>

#define MEMBERS 3

static struct rig rig;
static struct tenon_group *const group = &rig.group;
static const double goals[MEMBERS] = {1.0, -0.4, 0.15};

static void make(void)
{
    rig_make(&rig, MEMBERS);
    for (unsigned i = 0; i < MEMBERS; i++) {
        rig.motors[i].position_rad = 0.1 * i - 0.1;
    }
}

static double start_of(unsigned i)
{
    return 0.1 * i - 0.1;
}

/* Share of its way that the newest command of a member has gone. */
static double fraction(unsigned i)
{
    return (rig.motors[i].last.position_rad - start_of(i)) / (goals[i] - start_of(i));
}

static bool is_moving(void)
{
    return group->status == TENON_GROUP_MOVING || group->status == TENON_GROUP_STOPPING ||
           group->status == TENON_GROUP_PREPARING;
}

static void begin_move(void)
{
    rig_start_enabled(&rig);
    assert_int_equal(tenon_group_move_to(group, goals), TENON_OK);
}

static void members_start_and_arrive_together_on_a_straight_line(void **state)
{
    (void)state;
    make();
    begin_move();
    unsigned steps = 0;
    double before = 0.0;
    do {
        rig_step(&rig);
        steps++;
        for (unsigned i = 1; i < MEMBERS; i++) {
            assert_true(fabs(fraction(i) - fraction(0)) < 1e-9);
        }
        assert_true(fraction(0) > before || !is_moving());
        before = fraction(0);
    } while (is_moving());
    assert_int_equal(group->status, TENON_GROUP_DONE);
    assert_true(steps > 300);
    for (unsigned i = 0; i < MEMBERS; i++) {
        assert_true(fabs(rig.motors[i].last.position_rad - goals[i]) < 1e-12);
        assert_int_equal(rig.joints[i].limited_count, 0); /* the plan kept every limit */
    }
    rig_steps(&rig, 2);
    assert_true(tenon_group_is_settled(group, 1e-9));
}

static void every_member_keeps_its_own_limits(void **state)
{
    (void)state;
    for (unsigned slow = 0; slow < MEMBERS; slow++) {
        make();
        rig_add(&rig);
        rig.joints[slow].limits.velocity_rad_s = 0.1f;
        rig.joints[slow].limits.acceleration_rad_s2 = 1.0f;
        assert_int_equal(tenon_sched_start(&rig.sched), TENON_OK);
        rig_steps(&rig, 10);
        rig_enable(&rig);
        assert_int_equal(tenon_group_move_to(group, goals), TENON_OK);
        (void)rig_settle(&rig);
        assert_int_equal(group->status, TENON_GROUP_DONE);
        const struct rig_motor *const m = &rig.motors[slow];
        for (unsigned k = 1; k < m->log_count; k++) {
            assert_true(fabs(m->log[k] - m->log[k - 1]) <= 0.1e-3 * 1.001 + 1e-9);
        }
        for (unsigned i = 0; i < MEMBERS; i++) {
            assert_int_equal(rig.joints[i].limited_count, 0);
        }
    }
}

static void nobody_moves_if_one_refuses(void **state)
{
    static const char *const names[MEMBERS] = {"hip", "knee", "ankle"};
    (void)state;
    for (unsigned who = 0; who < MEMBERS; who++) {
        for (unsigned how = 0; how < 4; how++) {
            make();
            rig_start_enabled(&rig);
            double asked[MEMBERS] = {1.0, -0.4, 0.15};
            int expected = TENON_ERR_STATE;
            if (how == 0) {
                asked[who] = 3.5;
                expected = TENON_ERR_LIMIT;
            } else if (how == 1) {
                asked[who] = (double)NAN;
                expected = TENON_ERR_ARG;
            } else if (how == 2) {
                assert_int_equal(tenon_joint_disable(&rig.joints[who]), TENON_OK);
                rig_steps(&rig, 5);
            } else {
                assert_int_equal(tenon_joint_move_to(&rig.joints[who], 0.5), TENON_OK);
                rig_steps(&rig, 5);
            }
            assert_int_equal(tenon_group_move_to(group, asked), expected);
            assert_string_equal(tenon_sched_diag(&rig.sched)->subject, names[who]);
            rig_steps(&rig, 50);
            for (unsigned i = 0; i < MEMBERS; i++) {
                assert_true(i == who || fabs(rig.motors[i].position_rad - start_of(i)) < 1e-12);
            }
        }
    }
}

/* The member goes after the application has been told that the move is queued. */
static void nobody_moves_if_one_is_lost_before_the_step(void **state)
{
    static const char *const names[MEMBERS] = {"hip", "knee", "ankle"};
    (void)state;
    for (unsigned who = 0; who < MEMBERS; who++) {
        make();
        rig_start_enabled(&rig);
        assert_int_equal(tenon_joint_disable(&rig.joints[who]), TENON_OK);
        assert_int_equal(tenon_group_move_to(group, goals), TENON_OK);
        rig_steps(&rig, 50);
        assert_int_equal(group->status, TENON_GROUP_ABORTED);
        assert_string_equal(group->diag.subject, names[who]);
        assert_int_equal(group->diag.cause, TENON_CAUSE_NOT_ENABLED);
        for (unsigned i = 0; i < MEMBERS; i++) {
            assert_true(fabs(rig.motors[i].position_rad - start_of(i)) < 1e-12);
        }
        assert_int_equal(tenon_joint_enable(&rig.joints[who]), TENON_OK);
        rig_steps(&rig, 50); /* nor later */
        assert_true(fabs(rig.motors[0].position_rad - start_of(0)) < 1e-12);
    }
}

static void fail_member_at(unsigned who, unsigned k)
{
    begin_move();
    rig_steps(&rig, k);
    rig.motors[who].fail_at[RIG_READ] = rig.motors[who].calls[RIG_READ] + 1;
}

static unsigned move_length(void)
{
    make();
    begin_move();
    return rig_settle(&rig);
}

static void stop_all_brakes_the_others_together_on_the_line(void **state)
{
    (void)state;
    const unsigned length = move_length();
    for (unsigned who = 0; who < MEMBERS; who++) {
        for (unsigned k = 1; k < length - 6; k += TENON_TEST_SHARE) { /* every cycle of the move */
            make();
            fail_member_at(who, k);
            const unsigned a = (who + 1) % MEMBERS, b = (who + 2) % MEMBERS;
            const double rate = (double)group->rate;
            unsigned steps = 0;
            do {
                rig_step(&rig);
                steps++;
                assert_true(fabs(fraction(a) - fraction(b)) < 1e-9);
            } while (is_moving() && steps < 2000);
            assert_int_equal(group->status, TENON_GROUP_ABORTED);
            assert_true(steps <= 4 + (unsigned)(rate / (double)group->deceleration * 1e3));
            assert_string_equal(group->diag.subject, rig.joints[who].name);
            assert_int_equal(group->diag.cause, TENON_CAUSE_DEVICE_FAULT);
            const double here = rig.motors[a].last.position_rad;
            rig_steps(&rig, 20);
            assert_true(fabs(rig.motors[a].last.position_rad - here) < 1e-9);
            assert_int_equal(rig.joints[a].status, TENON_JOINT_ENABLED);
            assert_int_equal(rig.joints[b].status, TENON_JOINT_ENABLED);
            assert_int_equal(rig.joints[who].status, TENON_JOINT_FAULT);
            assert_int_equal(rig.joints[a].limited_count, 0);
        }
    }
}

static void isolate_lets_the_others_finish(void **state)
{
    (void)state;
    const unsigned length = move_length();
    for (unsigned k = 1; k < length - 6; k += 7) {
        make();
        group->policy = TENON_GROUP_ISOLATE;
        fail_member_at(1, k);
        do {
            rig_step(&rig);
            assert_true(fabs(fraction(0) - fraction(2)) < 1e-9);
        } while (is_moving());
        assert_int_equal(group->status, TENON_GROUP_ABORTED);
        assert_string_equal(group->diag.subject, "knee");
        assert_true(fabs(rig.motors[0].last.position_rad - goals[0]) < 1e-12);
        assert_true(fabs(rig.motors[2].last.position_rad - goals[2]) < 1e-12);
        assert_int_equal(rig.joints[1].status, TENON_JOINT_FAULT);
    }
}

static void all_members_lost_ends_the_move(void **state)
{
    (void)state;
    make();
    begin_move();
    rig_steps(&rig, 100);
    tenon_sched_estop(&rig.sched);
    rig_steps(&rig, 150);
    assert_int_equal(group->status, TENON_GROUP_ABORTED);
    assert_null(rig.sched.groups);
    assert_true(tenon_sched_is_safe(&rig.sched));
}

static void stop_brakes_together_and_the_next_move_starts_from_there(void **state)
{
    (void)state;
    for (unsigned k = 1; k < 550; k += 9) {
        make();
        begin_move();
        rig_steps(&rig, k);
        if (k % 2 == 0) {
            assert_int_equal(tenon_group_stop(group), TENON_OK);
        } else {
            assert_int_equal(tenon_joint_stop(&rig.joints[1]), TENON_OK); /* one stops all */
        }
        do {
            rig_step(&rig);
            assert_true(fabs(fraction(0) - fraction(1)) < 1e-9);
            assert_true(fabs(fraction(0) - fraction(2)) < 1e-9);
        } while (is_moving());
        assert_int_equal(group->status, TENON_GROUP_IDLE);
        assert_int_equal(tenon_group_move_to(group, goals), TENON_OK);
        (void)rig_settle(&rig);
        assert_int_equal(group->status, TENON_GROUP_DONE);
        assert_true(fabs(rig.motors[1].last.position_rad - goals[1]) < 1e-12);
    }
}

static void a_group_that_moves_is_busy_for_others(void **state)
{
    (void)state;
    make();
    begin_move();
    rig_steps(&rig, 50);
    const struct tenon_joint_command c = {.mode = TENON_MODE_POSITION};
    assert_int_equal(tenon_joint_move_to(&rig.joints[2], 0.0), TENON_ERR_STATE);
    assert_int_equal(tenon_sched_diag(&rig.sched)->cause, TENON_CAUSE_BUSY);
    assert_string_equal(tenon_sched_diag(&rig.sched)->subject, "ankle");
    assert_int_equal(tenon_joint_follow(&rig.joints[2], &c), TENON_ERR_STATE);
    assert_int_equal(tenon_group_move_to(group, goals), TENON_ERR_STATE);
    (void)rig_settle(&rig);
    assert_int_equal(group->status, TENON_GROUP_DONE);
    assert_true(fabs(rig.motors[2].last.position_rad - goals[2]) < 1e-12);
}

static void a_move_of_no_length_is_done_at_once(void **state)
{
    (void)state;
    make();
    rig_start_enabled(&rig);
    const double here[MEMBERS] = {-0.1, 0.0, 0.1};
    for (unsigned i = 0; i < 5; i++) {
        assert_int_equal(tenon_group_move_to(group, here), TENON_OK);
        rig_steps(&rig, 2);
        assert_int_equal(group->status, TENON_GROUP_DONE);
    }
    const double one[MEMBERS] = {-0.1, 0.6, 0.1}; /* some have no way */
    assert_int_equal(tenon_group_move_to(group, one), TENON_OK);
    (void)rig_settle(&rig);
    assert_true(fabs(rig.motors[1].last.position_rad - 0.6) < 1e-12);
    assert_true(fabs(rig.motors[0].last.position_rad + 0.1) < 1e-12);
}

static void a_move_given_while_enabling_waits_for_the_last_member(void **state)
{
    (void)state;
    make();
    rig.motors[2].again[RIG_ACTIVATE] = 60;
    rig_start(&rig);
    rig_steps(&rig, 10);
    assert_int_equal(tenon_group_enable(group), TENON_OK);
    assert_int_equal(tenon_group_move_to(group, goals), TENON_OK);
    rig_steps(&rig, 25);
    assert_int_equal(group->status, TENON_GROUP_PREPARING);
    assert_false(tenon_group_is_settled(group, 10.0));
    assert_true(fabs(rig.motors[0].last.position_rad - start_of(0)) < 1e-12);
    (void)rig_settle(&rig);
    assert_int_equal(group->status, TENON_GROUP_DONE);
    assert_true(tenon_group_is_settled(group, 1e-9));
}

static void a_move_that_waits_is_replaced_by_the_next(void **state)
{
    (void)state;
    make();
    rig.motors[2].again[RIG_ACTIVATE] = 60;
    rig_start(&rig);
    rig_steps(&rig, 10);
    const double others[MEMBERS] = {0.3, 0.3, 0.3};
    assert_int_equal(tenon_group_enable(group), TENON_OK);
    assert_int_equal(tenon_group_move_to(group, goals), TENON_OK);
    rig_steps(&rig, 5);
    assert_int_equal(tenon_group_move_to(group, others), TENON_OK);
    (void)rig_settle(&rig);
    assert_int_equal(group->status, TENON_GROUP_DONE);
    for (unsigned i = 0; i < MEMBERS; i++) {
        assert_true(fabs(rig.motors[i].last.position_rad - 0.3) < 1e-12);
    }
}

/* Whatever the order: a goal given to one mover is never reached by another. */
static void two_movers_that_wait_for_one_joint_do_not_mix_their_goals(void **state)
{
    (void)state;
    for (unsigned order = 0; order < 8; order++) {
        make();
        rig_start(&rig);
        rig_steps(&rig, 10);
        assert_int_equal(tenon_group_enable(group), TENON_OK);
        unsigned last = 0;
        for (unsigned i = 0; i < 3; i++) {
            last = (order >> i) & 1u;
            if (last == 0) {
                assert_int_equal(tenon_group_move_to(group, goals), TENON_OK);
            } else {
                assert_int_equal(tenon_joint_move_to(&rig.joints[0], -0.7), TENON_OK);
            }
        }
        (void)rig_settle(&rig);
        assert_true(fabs(rig.motors[0].last.position_rad - (last == 0 ? goals[0] : -0.7)) < 1e-12);
        assert_true(fabs(rig.motors[1].last.position_rad - (last == 0 ? goals[1] : start_of(1))) <
                    1e-12);
        assert_int_equal(group->status, last == 0    ? TENON_GROUP_DONE
                                        : order == 7 ? TENON_GROUP_IDLE
                                                     : TENON_GROUP_ABORTED);
    }
}

static void a_group_of_one_moves_as_a_joint_does(void **state)
{
    (void)state;
    rig_make(&rig, 1);
    rig_start_enabled(&rig);
    const double goal = 0.8;
    assert_int_equal(tenon_group_move_to(group, &goal), TENON_OK);
    const unsigned steps = rig_settle(&rig);
    assert_int_equal(group->status, TENON_GROUP_DONE);
    assert_true(fabs(rig.motors[0].last.position_rad - 0.8) < 1e-12);
    assert_int_equal(tenon_joint_move_to(&rig.joints[0], 0.0), TENON_OK);
    assert_int_equal(rig_settle(&rig), steps);
}

static void enabling_a_group_enables_all_or_none(void **state)
{
    (void)state;
    make();
    rig.motors[2].again[RIG_PROBE] = 10000;
    rig_start(&rig);
    rig_steps(&rig, 10);
    assert_int_equal(tenon_group_enable(group), TENON_ERR_STATE);
    assert_string_equal(tenon_sched_diag(&rig.sched)->subject, "ankle");
    rig_steps(&rig, 10);
    assert_int_equal(rig.motors[0].on_count + rig.motors[1].on_count, 0);
    make();
    rig_start_enabled(&rig);
    assert_int_equal(tenon_group_disable(group), TENON_OK);
    rig_steps(&rig, 5);
    for (unsigned i = 0; i < MEMBERS; i++) {
        assert_false(rig.motors[i].torque_is_on);
    }
}

static void a_group_of_strangers_or_of_none_is_refused(void **state)
{
    static struct tenon_group other;
    static struct tenon_joint stranger;
    (void)state;
    struct tenon_joint *const list[2] = {&rig.joints[0], &stranger};
    make();
    memset(&other, 0, sizeof other);
    memset(&stranger, 0, sizeof stranger);
    rig_add(&rig);
    assert_int_equal(tenon_sched_add_group(&rig.sched, &other, "other", list, 2), TENON_ERR_STATE);
    assert_int_equal(tenon_sched_diag(&rig.sched)->cause, TENON_CAUSE_NOT_ADDED);
    assert_int_equal(tenon_sched_add_group(&rig.sched, &other, "other", list, 0), TENON_ERR_ARG);
    assert_int_equal(tenon_sched_add_group(&rig.sched, &other, "other", NULL, 1), TENON_ERR_ARG);
    assert_int_equal(tenon_group_move_to(&other, goals), TENON_ERR_STATE);
    assert_int_equal(tenon_group_move_to(NULL, goals), TENON_ERR_ARG);
    assert_int_equal(tenon_group_move_to(group, NULL), TENON_ERR_ARG);
    assert_int_equal(tenon_group_stop(NULL), TENON_ERR_ARG);
}

/* As another thread's call may: checked before the step, taken by the next one. */
static void slip_in(struct tenon_group *late, const double *to)
{
    for (unsigned i = 0; i < late->joint_count; i++) {
        const struct tenon_command_entry goal = {
            .joint = late->joints[i], .op = TENON__OP_GOAL, .position_rad = to[i]};
        tenon__queue_put(&rig.sched.own.queue, i, &goal);
    }
    const struct tenon_command_entry move = {.group = late, .op = TENON__OP_MOVE};
    tenon__queue_put(&rig.sched.own.queue, late->joint_count, &move);
    tenon__queue_publish(&rig.sched.own.queue, late->joint_count + 1u);
}

/* One that waits, and one that comes late to a joint which moves: its goals go nowhere. */
static void goals_of_a_move_that_is_refused_late_are_nobody_elses(void **state)
{
    static struct tenon_group waiting, late;
    struct tenon_joint *const last_two[] = {&rig.joints[1], &rig.joints[2]};
    struct tenon_joint *const first_two[] = {&rig.joints[0], &rig.joints[1]};
    const double near[] = {0.2, 0.3}, far[] = {-0.9, -0.9};
    (void)state;
    for (unsigned is_own = 0; is_own < 2; is_own++) { /* busy with another group, with itself */
        memset(&waiting, 0, sizeof waiting);
        memset(&late, 0, sizeof late);
        late.policy = TENON_GROUP_ISOLATE;
        make();
        rig.motors[2].again[RIG_ACTIVATE] = 400;
        rig_add(&rig);
        assert_int_equal(tenon_sched_add_group(&rig.sched, &waiting, "waiting", last_two, 2),
                         TENON_OK);
        assert_int_equal(tenon_sched_add_group(&rig.sched, &late, "late", first_two, 2), TENON_OK);
        assert_int_equal(tenon_sched_start(&rig.sched), TENON_OK);
        rig_steps(&rig, 10);
        assert_int_equal(tenon_group_enable(group), TENON_OK);
        rig_steps(&rig, 10);
        if (is_own != 0) {
            const double away[] = {1.0, 0.0};
            assert_int_equal(tenon_group_move_to(&late, away), TENON_OK);
            rig_steps(&rig, 5);
            assert_int_equal(tenon_joint_disable(&rig.joints[1]), TENON_OK);
            rig_steps(&rig, 25);
            assert_int_equal(tenon_joint_enable(&rig.joints[1]), TENON_OK);
            rig_steps(&rig, 2);
        } else {
            assert_int_equal(tenon_joint_move_to(&rig.joints[0], 1.0), TENON_OK);
        }
        assert_int_equal(tenon_group_move_to(&waiting, near), TENON_OK);
        rig_step(&rig);
        assert_int_equal(waiting.status, TENON_GROUP_PREPARING);
        slip_in(&late, far);
        rig_steps(&rig, 2000);
        assert_true(rig.joints[1].command.position_rad > -0.1);
        assert_int_equal(waiting.status, TENON_GROUP_ABORTED);
        assert_int_equal(waiting.diag.cause, TENON_CAUSE_BUSY);
        assert_true(fabs(rig.joints[0].command.position_rad - 1.0) < 1e-9);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_start_and_arrive_together_on_a_straight_line),
        cmocka_unit_test(every_member_keeps_its_own_limits),
        cmocka_unit_test(nobody_moves_if_one_refuses),
        cmocka_unit_test(nobody_moves_if_one_is_lost_before_the_step),
        cmocka_unit_test(stop_all_brakes_the_others_together_on_the_line),
        cmocka_unit_test(isolate_lets_the_others_finish),
        cmocka_unit_test(all_members_lost_ends_the_move),
        cmocka_unit_test(stop_brakes_together_and_the_next_move_starts_from_there),
        cmocka_unit_test(a_group_that_moves_is_busy_for_others),
        cmocka_unit_test(a_move_of_no_length_is_done_at_once),
        cmocka_unit_test(a_move_given_while_enabling_waits_for_the_last_member),
        cmocka_unit_test(a_move_that_waits_is_replaced_by_the_next),
        cmocka_unit_test(goals_of_a_move_that_is_refused_late_are_nobody_elses),
        cmocka_unit_test(two_movers_that_wait_for_one_joint_do_not_mix_their_goals),
        cmocka_unit_test(a_group_of_one_moves_as_a_joint_does),
        cmocka_unit_test(enabling_a_group_enables_all_or_none),
        cmocka_unit_test(a_group_of_strangers_or_of_none_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
