/* The whole stack on simulated servos, when nothing is wrong: what an application can rely on. */
#include "../tenon_test.h"

#include "arm_rig.h"

#include <math.h>
#include <string.h>

#define FACTORY_WATCH_MS 200 /* of the servos' own watchdogs, unless set otherwise */
#define JUMP_RAD         0.01

static struct arm arm;

static const double poses[][ARM_JOINTS] = {
    {0.0, 0.0, 0.0, 0.0, 0.0, 0.0},
    {0.8, -0.5, 0.7, 0.9, -0.8, 1.2},
    {-0.8, 0.6, -0.6, -0.9, 0.8, -1.2},
};
static const double far_out[ARM_JOINTS] = {1.4, 0.9, -0.9, 1.5, -1.5, 1.5};

static struct tenon_joint *joint(unsigned i)
{
    return &arm.host->joints[i];
}

/* --- up, and torque on --- */

static void arm_of_two_models_gets_ready_without_torque(void **state)
{
    (void)state;
    arm_start(&arm, NULL);
    for (unsigned i = 0; i < arm.count; i++) {
        assert_int_equal(joint(i)->status, TENON_JOINT_DISABLED);
        assert_string_equal(tenon_dxl2_model_name(arm.host->motors[i].base.model),
                            i < 3 ? "xm430-w350" : "xl430-w250");
        assert_int_equal(arm_peek(&arm, i, ARM_OPERATING_MODE, 1), 4);
        assert_int_equal(arm_peek(&arm, i, ARM_WATCHDOG, 1), FACTORY_WATCH_MS / 20);
        assert_true(fabs(joint(i)->state.position_rad - arm_angle(&arm, i)) < 0.002);
        assert_int_equal(arm.watch[i].on_count, 0);
    }
    assert_int_equal(tenon_sched_explain(&arm.host->sched), TENON_OK);
}

/* The rig looks at every tick: what a goal register held when torque came on is kept in arm.watch.
 */
static void torque_comes_on_where_the_joint_stands(void **state)
{
    (void)state;
    double before[ARM_JOINTS];
    arm_start(&arm, NULL);
    tenon_sim_servo_set_angle(&arm.servos[5], 0.7);
    arm_run(&arm, TENON_MS(50));
    for (unsigned i = 0; i < arm.count; i++) {
        before[i] = tenon_sim_servo_angle_rad(&arm.servos[i]);
    }
    arm_enable(&arm);
    for (unsigned i = 0; i < arm.count; i++) {
        const int32_t goal = arm_peek(&arm, i, ARM_GOAL_POSITION, 4);
        const int32_t there = (int32_t)lround(before[i] * 4096.0 / 6.283185307179586) + 2048;
        assert_in_range(goal, there - 1, there + 1);
        assert_int_equal(arm.watch[i].on_count, 1);
    }
    arm_run(&arm, TENON_S(1));
    for (unsigned i = 0; i < arm.count; i++) {
        assert_true(fabs(tenon_sim_servo_angle_rad(&arm.servos[i]) - before[i]) < JUMP_RAD);
    }
}

/* Someone holds the arm up and lets go once it has torque: it may give way by what the loop needs,
 * no more. */
static void loaded_joint_is_caught(void **state)
{
    const struct tenon_sim_faults held = {.blocked = true};
    double lowest = 0.0;
    (void)state;
    arm_make(&arm, NULL);
    for (unsigned i = 1; i <= 2; i++) {
        tenon_sim_servo_set_angle(&arm.servos[i], 0.0);
        arm_set_faults(&arm, i, &held);
    }
    arm_boot(&arm, &arm.hosts[0]);
    assert_true(arm_wait_ready(&arm, TENON_S(3)));
    arm_enable(&arm);
    arm_set_faults(&arm, 1, NULL);
    arm_set_faults(&arm, 2, NULL);
    for (int i = 0; i < 500; i++) {
        arm_run(&arm, ARM_PERIOD);
        lowest = fmin(lowest, fmin(arm_angle(&arm, 1), arm_angle(&arm, 2)));
    }
    assert_true(lowest > -0.05);
    assert_true(fabs(arm_angle(&arm, 1)) < 0.01);
    assert_true(fabs(arm_angle(&arm, 2)) < 0.01);
}

/* --- moving --- */

static void group_moves_settle_on_the_true_angle_and_track(void **state)
{
    const struct arm_config fine = {.is_fine = true};
    (void)state;
    arm_start(&arm, &fine);
    arm_enable(&arm);
    for (size_t i = 0; i < sizeof poses / sizeof poses[0]; i++) {
        arm.tracking_rad = 0.0;
        arm_move(&arm, poses[i]);
        assert_true(arm.tracking_rad > 0.0);
        assert_true(arm.tracking_rad < 0.05);
        assert_int_equal(arm.host->group.status, TENON_GROUP_DONE);
    }
    for (unsigned i = 0; i < arm.count; i++) {
        assert_int_equal(arm.watch[i].stale_goals, 0);
        assert_int_equal(joint(i)->fault_count, 0);
        assert_int_equal(arm.host->motors[i].base.implausible_count, 0);
    }
    assert_int_equal(arm.host->sched.counters.missed_count, 0);
}

static void members_start_together_and_arrive_together(void **state)
{
    bool has_started[ARM_JOINTS] = {false};
    (void)state;
    arm_start(&arm, NULL);
    arm_enable(&arm);
    arm_move(&arm, poses[0]);
    arm_go(&arm, poses[1]);
    while (arm.host->group.status != TENON_GROUP_DONE) {
        arm_run(&arm, ARM_PERIOD);
        const double share = joint(0)->command.position_rad / poses[1][0];
        for (unsigned i = 0; i < arm.count; i++) {
            assert_true(fabs(joint(i)->command.position_rad / poses[1][i] - share) < 1e-4);
            has_started[i] = has_started[i] || share > 0.0;
        }
    }
    for (unsigned i = 0; i < arm.count; i++) {
        assert_true(has_started[i]);
        assert_true(fabs(joint(i)->command.position_rad - poses[1][i]) < 1e-9);
    }
}

static void joint_moves_alone_while_others_hold(void **state)
{
    (void)state;
    arm_start(&arm, NULL);
    arm_enable(&arm);
    arm_move(&arm, poses[0]);
    assert_int_equal(tenon_joint_move_to(joint(3), 1.0), TENON_OK);
    arm_run(&arm, TENON_S(4));
    assert_true(tenon_joint_is_settled(joint(3), 0.006));
    assert_true(fabs(arm_angle(&arm, 3) - 1.0) < 0.01);
    for (unsigned i = 0; i < arm.count; i++) {
        assert_true(i == 3 || fabs(arm_angle(&arm, i)) < 0.01);
    }
}

/* The rig fails the test when a goal passes a limit or is too fast. */
static void wild_set_points_stay_inside_the_limits(void **state)
{
    struct tenon_joint_command wild = {.mode = TENON_MODE_EXTENDED_POSITION};
    uint32_t seed = 1;
    (void)state;
    arm_start(&arm, NULL);
    arm_enable(&arm);
    for (int n = 0; n < 1500; n++) {
        for (unsigned i = 0; i < arm.count && n % 20 == 0; i++) {
            seed = seed * 1664525u + 1013904223u;
            wild.position_rad = ((double)seed / 4294967296.0 - 0.5) * (n % 40 == 0 ? 8.0 : 8e8);
            wild.velocity_rad_s = (float)wild.position_rad;
            assert_int_equal(tenon_joint_follow(joint(i), &wild), TENON_OK);
        }
        arm_run(&arm, ARM_PERIOD);
    }
    for (unsigned i = 0; i < arm.count; i++) {
        assert_true(joint(i)->limited_count > 0);
        assert_true(joint(i)->status == TENON_JOINT_ENABLED);
    }
}

/* --- the wire --- */

static void each_cycle_is_one_write_to_the_line(void **state)
{
    (void)state;
    arm_start(&arm, NULL);
    arm_enable(&arm);
    arm_move(&arm, poses[0]);
    arm_go(&arm, poses[1]);
    arm_run(&arm, 10 * ARM_PERIOD);
    const uint32_t writes = arm.line.write_count;
    const uint32_t cycles = arm.line.cycle_count;
    const uint32_t asking = arm.line.asking_count;
    uint32_t requests = 0;
    for (unsigned i = 0; i < arm.count; i++) {
        requests -= arm.host->motors[i].base.device->counters.request_count;
    }
    for (unsigned n = 0; n < 250; n++) {
        arm_run(&arm, ARM_PERIOD);
        assert_int_equal(arm.line.cycle_count - cycles, n + 1);
        assert_int_equal(arm.line.cycle_nodes, ARM_JOINTS);
    }
    for (unsigned i = 0; i < arm.count; i++) {
        requests += arm.host->motors[i].base.device->counters.request_count;
    }
    assert_int_equal(arm.line.asking_count - asking, 250); /* commands and questions in one go */
    assert_true(requests > 0 && requests < 20);            /* a second of health questions */
    assert_int_equal(arm.line.write_count - writes, 250 + requests);
}

static void samples_are_fresh_and_the_wire_is_not_full(void **state)
{
    (void)state;
    arm_start(&arm, NULL);
    arm_enable(&arm);
    const tenon_ns_t busy = arm.host->bus.base.counters.busy_ns;
    const tenon_ns_t begin = arm.now;
    arm_go(&arm, poses[1]);
    for (int n = 0; n < 250; n++) {
        arm_run(&arm, ARM_PERIOD);
        for (unsigned i = 0; i < arm.count; i++) {
            assert_true(arm_age(&arm, i) > 0 && arm_age(&arm, i) < ARM_PERIOD);
        }
    }
    const double load =
        (double)(arm.host->bus.base.counters.busy_ns - busy) / (double)(arm.now - begin);
    assert_true(load > 0.3 && load < 0.8);
    assert_int_equal(arm.host->bus.base.counters.timeout_count, 0);
    assert_int_equal(arm.host->bus.base.counters.crc_error_count, 0);
    assert_int_equal(arm.host->bus.base.counters.overrun_count, 0);
    for (unsigned i = 0; i < arm.count; i++) {
        assert_int_equal(arm.host->motors[i].base.device->counters.missed_count, 0);
    }
}

static void joint_of_a_lower_rate_takes_part_in_every_fourth_cycle(void **state)
{
    struct arm_config config = {.divisor = {1, 1, 1, 1, 4, 2}};
    (void)state;
    arm_start(&arm, &config);
    arm_enable(&arm);
    arm_move(&arm, poses[0]);
    uint32_t before[ARM_JOINTS];
    for (unsigned i = 0; i < arm.count; i++) {
        before[i] = arm.host->motors[i].base.device->counters.reply_count;
    }
    for (int n = 0; n < 200; n++) {
        arm_run(&arm, ARM_PERIOD);
        const uint32_t nodes = arm.line.cycle_nodes;
        assert_true(nodes == 4 || nodes == 5 || nodes == 6);
    }
    for (unsigned i = 0; i < arm.count; i++) {
        const uint32_t replies = arm.host->motors[i].base.device->counters.reply_count - before[i];
        const uint32_t wanted = 200u / (config.divisor[i] != 0 ? config.divisor[i] : 1u);
        assert_in_range(replies, wanted - 1, wanted + 1);
    }
    arm.tracking_rad = 0.0;
    arm_move(&arm, poses[1]);
    assert_true(arm.tracking_rad < 0.05);
}

/* --- again, bit for bit --- */

static uint64_t mix(uint64_t hash, const void *bytes, size_t count)
{
    const uint8_t *b = bytes;
    for (size_t i = 0; i < count; i++) {
        hash = (hash ^ b[i]) * UINT64_C(1099511628211);
    }
    return hash;
}

static uint64_t mix_joint(uint64_t hash, const struct tenon_joint_snapshot *s)
{
    hash = mix(hash, &s->position_rad, sizeof s->position_rad);
    hash = mix(hash, &s->command_rad, sizeof s->command_rad);
    hash = mix(hash, &s->velocity_rad_s, sizeof s->velocity_rad_s);
    hash = mix(hash, &s->effort_nm, sizeof s->effort_nm);
    hash = mix(hash, &s->command_velocity_rad_s, sizeof s->command_velocity_rad_s);
    hash = mix(hash, &s->command_effort_nm, sizeof s->command_effort_nm);
    hash = mix(hash, &s->age_s, sizeof s->age_s);
    hash = mix(hash, &s->code, sizeof s->code);
    hash = mix(hash, &s->cause, sizeof s->cause);
    hash = mix(hash, &s->status, sizeof s->status);
    return mix(hash, &s->valid, sizeof s->valid);
}

/* A noisy run with a servo that falls silent. */
static uint64_t hash_of_a_run(uint32_t seed)
{
    struct tenon_snapshot_head head;
    struct tenon_joint_snapshot snapshots[ARM_JOINTS];
    const struct tenon_sim_faults silent = {.silent = true};
    uint64_t hash = UINT64_C(14695981039346656037);
    arm_start(&arm, NULL);
    arm.sim.seed = seed;
    arm.sim.noise_ppm = 300;
    arm_enable(&arm);
    arm_go(&arm, poses[1]);
    for (int n = 0; n < 500; n++) {
        arm_set_faults(&arm, 4, n >= 200 && n < 260 ? &silent : NULL);
        arm_run(&arm, ARM_PERIOD);
        assert_int_equal(tenon_reader_read(&arm.host->reader, &head, snapshots, ARM_JOINTS),
                         ARM_JOINTS);
        hash = mix(hash, &head.release_ns, sizeof head.release_ns);
        hash = mix(hash, &head.step_count, sizeof head.step_count);
        for (unsigned i = 0; i < arm.count; i++) {
            hash = mix_joint(hash, &snapshots[i]);
        }
    }
    return hash;
}

static void same_inputs_give_the_same_run_bit_for_bit(void **state)
{
    (void)state;
    const uint64_t first = hash_of_a_run(1);
    assert_true(first == hash_of_a_run(1));
    assert_true(first != hash_of_a_run(2)); /* the hash sees what happens */
}

/* --- a new host takes over --- */

static void restarted_host_takes_a_holding_arm_over(void **state)
{
    static const tenon_ns_t gaps[] = {TENON_MS(1), TENON_MS(20), TENON_MS(100)};
    (void)state;
    for (size_t g = 0; g < sizeof gaps / sizeof gaps[0]; g++) {
        arm_start(&arm, NULL);
        arm_enable(&arm);
        arm_move(&arm, poses[0]);
        arm.is_away = true;
        arm_run(&arm, gaps[g]);
        arm.is_away = false;
        arm_boot(&arm, &arm.hosts[1]);
        const tenon_ns_t until = arm.now + TENON_S(3);
        while (arm.now < until && !tenon_sched_is_ready(&arm.host->sched)) {
            arm_run(&arm, ARM_PERIOD);
            for (unsigned i = 0; i < arm.count; i++) {
                assert_true(fabs(arm_angle(&arm, i) - poses[0][i]) < 0.01);
            }
        }
        assert_true(tenon_sched_is_ready(&arm.host->sched));
        for (unsigned i = 0; i < arm.count; i++) {
            assert_int_equal(joint(i)->status, TENON_JOINT_HOLDING);
        }
        arm_enable(&arm);
        for (unsigned i = 0; i < arm.count; i++) {
            assert_true(fabs(arm_angle(&arm, i) - poses[0][i]) < 0.01);
        }
        arm_move(&arm, poses[1]);
        for (unsigned i = 0; i < arm.count; i++) {
            assert_int_equal(arm.watch[i].on_count, 1); /* of the first host */
            assert_int_equal(arm.watch[i].off_count, 0);
        }
    }
}

/* A joint that sags stands below its goal. Whoever took it over where it stands would let it down a
 * little further. */
static void sagging_joint_sinks_no_further_when_taken_over(void **state)
{
    const struct arm_config config = {.factory_gains = true};
    (void)state;
    arm_start(&arm, &config);
    arm_enable(&arm);
    arm_go(&arm, poses[0]);
    arm_run(&arm, TENON_S(5));
    const double before = arm_angle(&arm, 1);
    assert_true(before < -0.02);
    for (unsigned n = 1; n <= 5; n++) {
        arm.is_away = true;
        arm_run(&arm, TENON_MS(20));
        arm.is_away = false;
        arm_boot(&arm, &arm.hosts[n % 2]);
        assert_true(arm_wait_ready(&arm, TENON_S(3)));
        arm_enable(&arm);
        arm_run(&arm, TENON_S(1));
        assert_true(fabs(arm_angle(&arm, 1) - before) < 0.002);
        assert_int_equal(arm.watch[1].off_count, 0);
    }
}

/* The host died in mid-move, and so long ago that the servos' watchdogs have stopped them: torque
 * on, each where it was. */
static void late_host_takes_over_where_the_watchdogs_stopped_the_arm(void **state)
{
    double stopped[ARM_JOINTS];
    (void)state;
    arm_start(&arm, NULL);
    arm_enable(&arm);
    arm_move(&arm, poses[0]);
    arm_go(&arm, poses[1]);
    arm_run(&arm, TENON_MS(900));
    arm.is_away = true;
    arm_run(&arm, TENON_S(3));
    arm.is_away = false;
    for (unsigned i = 0; i < arm.count; i++) {
        stopped[i] = arm_angle(&arm, i);
        assert_true(fabs(stopped[i] - poses[1][i]) > 0.1 && fabs(stopped[i]) > 0.05);
        assert_int_equal(arm_peek(&arm, i, ARM_WATCHDOG, 1) & 0xFF, 0xFF);
    }
    arm_boot(&arm, &arm.hosts[1]);
    assert_true(arm_wait_ready(&arm, TENON_S(3)));
    arm_enable(&arm);
    arm_run(&arm, TENON_S(1));
    for (unsigned i = 0; i < arm.count; i++) {
        assert_true(fabs(arm_angle(&arm, i) - stopped[i]) < JUMP_RAD);
        assert_int_equal(arm.watch[i].off_count, 0);
    }
    arm_move(&arm, poses[1]);
}

/* --- stopping --- */

static void safe_action_is_seen_at_the_servos(void **state)
{
    const struct arm_config config = {.safe_action = {TENON_SAFE_RAMP, TENON_SAFE_HOLD,
                                                      TENON_SAFE_HOLD, TENON_SAFE_LIMP,
                                                      TENON_SAFE_RAMP, TENON_SAFE_LIMP}};
    (void)state;
    arm_start(&arm, &config);
    arm_enable(&arm);
    arm_move(&arm, poses[0]);
    arm_go(&arm, far_out);
    arm_run(&arm, TENON_MS(1200)); /* at speed */
    const float speed = joint(0)->last_velocity_rad_s;
    assert_true(speed > 0.3f);
    const tenon_ns_t begin = arm.now;
    assert_int_equal(tenon_sched_make_safe(&arm.host->sched), TENON_OK);
    arm_run(&arm, 4 * ARM_PERIOD);
    assert_false(arm_has_torque(&arm, 3)); /* at once */
    assert_false(arm_has_torque(&arm, 5));
    assert_true(arm_has_torque(&arm, 0)); /* brakes first */
    assert_int_equal(joint(0)->status, TENON_JOINT_STOPPING);
    while (!tenon_sched_is_safe(&arm.host->sched)) {
        assert_true(arm.now - begin < TENON_S(1));
        arm_run(&arm, ARM_PERIOD);
    }
    const double needed_s = (double)speed / (double)arm_limits[0].acceleration_rad_s2;
    assert_true((double)(arm.now - begin) * 1e-9 > 0.5 * needed_s);
    for (unsigned i = 0; i < arm.count; i++) {
        const bool holds = config.safe_action[i] == TENON_SAFE_HOLD;
        assert_int_equal(joint(i)->status, holds ? TENON_JOINT_HOLDING : TENON_JOINT_DISABLED);
        assert_int_equal(arm_has_torque(&arm, i), holds);
    }
    const double held = arm_angle(&arm, 1);
    arm_run(&arm, TENON_S(2));
    assert_true(fabs(arm_angle(&arm, 1) - held) < 0.02);
}

static void emergency_stop_latches(void **state)
{
    const struct arm_config config = {
        .safe_action = {0, TENON_SAFE_HOLD, TENON_SAFE_HOLD, 0, 0, 0}};
    (void)state;
    arm_start(&arm, &config);
    arm_enable(&arm);
    arm_go(&arm, poses[1]);
    arm_run(&arm, TENON_MS(800));
    tenon_sched_estop(&arm.host->sched);
    arm_run(&arm, TENON_S(1));
    assert_true(tenon_sched_is_safe(&arm.host->sched));
    assert_false(arm_has_torque(&arm, 0));
    assert_true(arm_has_torque(&arm, 1));
    assert_int_equal(tenon_joint_enable(joint(0)), TENON_ERR_STATE);
    arm_check_diag(tenon_sched_diag(&arm.host->sched), TENON_CAUSE_ESTOP, "base");
    tenon_sched_clear_estop(&arm.host->sched);
    arm_run(&arm, TENON_S(1));
    assert_false(arm_has_torque(&arm, 0));
    arm_enable(&arm);
    arm_move(&arm, poses[0]);
}

static void silent_application_is_noticed(void **state)
{
    const struct arm_config config = {
        .safe_action = {0, TENON_SAFE_HOLD, TENON_SAFE_HOLD, 0, 0, 0}};
    (void)state;
    arm_make(&arm, &config);
    arm_assemble(&arm, &arm.hosts[0]);
    tenon_sched_set_heartbeat(&arm.host->sched, TENON_MS(300));
    assert_int_equal(tenon_sched_start(&arm.host->sched), TENON_OK);
    assert_true(arm_wait_ready(&arm, TENON_S(3)));
    arm_enable(&arm);
    for (int i = 0; i < 10; i++) {
        arm_run(&arm, TENON_MS(200));
        tenon_sched_beat(&arm.host->sched);
    }
    assert_int_equal(joint(0)->status, TENON_JOINT_ENABLED);
    arm_run(&arm, TENON_MS(500));
    assert_false(arm_has_torque(&arm, 0));
    assert_true(arm_has_torque(&arm, 1));
    arm_check_diag(&joint(0)->diag, TENON_CAUSE_HEARTBEAT, "base");
    arm_check_diag(&joint(1)->diag, TENON_CAUSE_HEARTBEAT, "shoulder");
}

/* --- other modes, other mechanics --- */

static void follow(unsigned i, uint8_t mode, float velocity_rad_s, float effort_nm)
{
    const struct tenon_joint_command command = {
        .mode = mode, .velocity_rad_s = velocity_rad_s, .effort_nm = effort_nm};
    assert_int_equal(tenon_joint_follow(joint(i), &command), TENON_OK);
}

static void modes_without_positions_work_side_by_side(void **state)
{
    const struct arm_config config = {
        .mode = {TENON_MODE_VELOCITY, TENON_MODE_EXTENDED_POSITION, TENON_MODE_EFFORT_POSITION,
                 TENON_MODE_VELOCITY, TENON_MODE_PWM, TENON_MODE_POSITION},
        .own_limits = true,
    };
    (void)state;
    arm_make(&arm, &config);
    arm.is_uncommon = true;
    arm_boot(&arm, &arm.hosts[0]);
    assert_true(arm_wait_ready(&arm, TENON_S(3)));
    arm_enable(&arm);
    arm_run(&arm, TENON_MS(100));
    for (unsigned i = 0; i < arm.count; i++) {
        assert_true(fabs(tenon_sim_servo_velocity_rad_s(&arm.servos[i])) < 0.05); /* no jump */
    }
    assert_int_equal(tenon_joint_move_to(joint(0), 0.5), TENON_ERR_UNSUPPORTED);
    follow(0, TENON_MODE_VELOCITY, 0.5f, 0.0f);
    follow(3, TENON_MODE_VELOCITY, -0.8f, 0.0f);
    follow(4, TENON_MODE_PWM, 0.0f, 0.3f);
    assert_int_equal(tenon_joint_move_to(joint(2), -0.5), TENON_OK);
    assert_int_equal(tenon_joint_move_to(joint(5), 0.8), TENON_OK);
    arm_run(&arm, TENON_S(2));
    assert_true(fabs(tenon_sim_servo_velocity_rad_s(&arm.servos[0]) - 1.5) < 0.15);
    assert_true(fabs(tenon_sim_servo_velocity_rad_s(&arm.servos[3]) + 1.2) < 0.15);
    assert_true(tenon_sim_servo_velocity_rad_s(&arm.servos[4]) < -0.3); /* the ratio's sign */
    assert_true(fabs(arm_angle(&arm, 5) - 0.8) < 0.01);
    assert_true(fabs(arm_angle(&arm, 2) + 0.5) < 0.05);
    assert_true(tenon_joint_stop(joint(0)) == TENON_OK);
    assert_int_equal(tenon_sched_make_safe(&arm.host->sched), TENON_OK);
    arm_run(&arm, TENON_S(2));
    assert_true(tenon_sched_is_safe(&arm.host->sched));
    for (unsigned i = 0; i < arm.count; i++) {
        assert_false(arm_has_torque(&arm, i));
    }
}

static void joint_in_current_mode_pulls_with_what_is_asked(void **state)
{
    const struct arm_config config = {
        .joint_count = 1, .mode = {TENON_MODE_EFFORT}, .own_limits = true};
    const struct tenon_sim_faults held = {.blocked = true};
    (void)state;
    arm_make(&arm, &config);
    arm.is_uncommon = true;
    arm_set_faults(&arm, 0, &held);
    arm_boot(&arm, &arm.hosts[0]);
    assert_true(arm_wait_ready(&arm, TENON_S(3)));
    arm_enable(&arm);
    assert_int_equal(arm_peek(&arm, 0, ARM_GOAL_CURRENT, 2), 0);
    follow(0, TENON_MODE_EFFORT, 0.0f, 3.0f);
    arm_run(&arm, TENON_MS(500));
    /* 3 N m at the joint are 1 N m at the servo, as it reckons it, to some ten percent */
    assert_true(fabs(tenon_sim_servo_torque_nm(&arm.servos[0]) - 1.0) < 0.25);
    assert_true(fabs((double)joint(0)->state.effort_nm - 3.0) < 0.3);
    follow(0, TENON_MODE_EFFORT, 0.0f, 1e6f); /* more than there is */
    arm_run(&arm, TENON_MS(100));
    assert_true(arm_peek(&arm, 0, ARM_GOAL_CURRENT, 2) <= 1193);
    assert_true(joint(0)->limited_count > 0);
}

struct differential {
    struct tenon_drivetrain drivetrain;
    struct tenon_differential_reducer reducer;
};

static void differential_moves_two_joints_with_two_servos(void **state)
{
    static struct differential d;
    static const double motor_ratios[2] = {1.5, -1.5};
    static const double joint_ratios[2] = {1.0, 2.0};
    static const char *const names[2] = {"pitch", "roll"};
    const struct tenon_joint_limits limits[2] = {{-0.8, 0.8, 0.8f, 2.0f, 15.0f, 0.0f, 0.2f},
                                                 {-0.4, 0.4, 0.5f, 2.0f, 15.0f, 0.0f, 0.2f}};
    const struct arm_config config = {.joint_count = 2};
    (void)state;
    arm_make(&arm, &config);
    arm.is_uncommon = true;
    tenon_sim_servo_set_load(&arm.servos[1], NULL);
    tenon_sim_servo_set_angle(&arm.servos[1], 0.0);
    memset(&d, 0, sizeof d);
    struct arm_host *const host = &arm.hosts[0];
    arm.host = host;
    struct tenon_motor *motors[2];
    for (unsigned i = 0; i < 2; i++) {
        motors[i] = tenon_dxl2_motor_init(&host->motors[i], &host->wire, (uint8_t)(i + 1),
                                          TENON_MODE_EXTENDED_POSITION);
        host->members[i] = &host->joints[i];
    }
    const struct tenon_drivetrain_config parts = {
        .motors = motors,
        .reducer = tenon_differential_reducer_init(&d.reducer, motor_ratios, joint_ratios),
        .joints = host->members,
        .joint_names = names,
        .limits = limits,
        .motor_count = 2,
        .joint_count = 2,
    };
    (void)tenon_sched_init(&host->sched, &arm_port, ARM_PERIOD, host->memory, sizeof host->memory);
    (void)tenon_sched_add_wire(
        &host->sched, &host->wire, "bus", arm_line_init(&arm.line),
        tenon_dxl2_bus_init(&host->bus, host->bus_memory, sizeof host->bus_memory));
    (void)tenon_sched_add_drivetrain(&host->sched, &d.drivetrain, "differential", &parts);
    (void)tenon_sched_add_group(&host->sched, &host->group, "arm", host->members, 2);
    assert_int_equal(tenon_sched_start(&host->sched), TENON_OK);
    assert_true(arm_wait_ready(&arm, TENON_S(3)));
    arm_enable(&arm);
    static const double goals[][2] = {{0.5, 0.0}, {0.5, 0.3}, {-0.6, -0.35}, {0.0, 0.0}};
    for (size_t i = 0; i < sizeof goals / sizeof goals[0]; i++) {
        arm_go(&arm, goals[i]);
        assert_true(arm_wait_settled(&arm, 0.006, TENON_S(8)));
        const double a = tenon_sim_servo_angle_rad(&arm.servos[0]) / motor_ratios[0];
        const double b = tenon_sim_servo_angle_rad(&arm.servos[1]) / motor_ratios[1];
        assert_true(fabs((a + b) / 2.0 / joint_ratios[0] - goals[i][0]) < 0.01);
        assert_true(fabs((a - b) / 2.0 / joint_ratios[1] - goals[i][1]) < 0.01);
    }
    /* They share fault and torque. */
    const struct tenon_sim_faults silent = {.silent = true};
    arm_set_faults(&arm, 1, &silent);
    arm_run(&arm, TENON_MS(400));
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(joint(i)->status, TENON_JOINT_FAULT);
    }
    assert_false(arm_has_torque(&arm, 0));
    arm_set_faults(&arm, 1, NULL);
    arm_run(&arm, TENON_S(2));
    arm.watch[1].may_enable = true;
    arm_revive(&arm, 0);
    assert_int_equal(joint(1)->status, TENON_JOINT_ENABLED);
}

/* Torque off and on again, many times over, leaves nothing behind. */
static void enabling_and_disabling_goes_on_and_on(void **state)
{
    (void)state;
    arm_start(&arm, NULL);
    for (int i = 0; i < 8; i++) {
        arm_enable(&arm);
        arm_move(&arm, poses[0]);
        assert_int_equal(tenon_group_disable(&arm.host->group), TENON_OK);
        arm_run(&arm, TENON_S(1));
        assert_true(tenon_sched_is_safe(&arm.host->sched));
        for (unsigned j = 0; j < arm.count; j++) {
            assert_false(arm_has_torque(&arm, j));
            assert_int_equal(joint(j)->status, TENON_JOINT_DISABLED);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arm_of_two_models_gets_ready_without_torque),
        cmocka_unit_test(torque_comes_on_where_the_joint_stands),
        cmocka_unit_test(loaded_joint_is_caught),
        cmocka_unit_test(group_moves_settle_on_the_true_angle_and_track),
        cmocka_unit_test(members_start_together_and_arrive_together),
        cmocka_unit_test(joint_moves_alone_while_others_hold),
        cmocka_unit_test(wild_set_points_stay_inside_the_limits),
        cmocka_unit_test(each_cycle_is_one_write_to_the_line),
        cmocka_unit_test(samples_are_fresh_and_the_wire_is_not_full),
        cmocka_unit_test(joint_of_a_lower_rate_takes_part_in_every_fourth_cycle),
        cmocka_unit_test(same_inputs_give_the_same_run_bit_for_bit),
        cmocka_unit_test(restarted_host_takes_a_holding_arm_over),
        cmocka_unit_test(sagging_joint_sinks_no_further_when_taken_over),
        cmocka_unit_test(late_host_takes_over_where_the_watchdogs_stopped_the_arm),
        cmocka_unit_test(safe_action_is_seen_at_the_servos),
        cmocka_unit_test(emergency_stop_latches),
        cmocka_unit_test(silent_application_is_noticed),
        cmocka_unit_test(modes_without_positions_work_side_by_side),
        cmocka_unit_test(joint_in_current_mode_pulls_with_what_is_asked),
        cmocka_unit_test(differential_moves_two_joints_with_two_servos),
        cmocka_unit_test(enabling_and_disabling_goes_on_and_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
