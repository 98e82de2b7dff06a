/* Law 1 at the joint: whatever is asked, what leaves the limiter is finite and within the joint's
 * limits. */
#include "tenon_test.h"

#include "core_internal.h"

#include <float.h>
#include <math.h>

#define SLACK 0.005 /* relative, on speed and change of speed */

static uint64_t seed;

static double uniform(double low, double high)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return low + (high - low) * ((double)(seed >> 11) * 0x1p-53);
}

static void assert_near(double got, double expected, double tolerance)
{
    if (!(fabs(got - expected) <= tolerance)) {
        fail_msg("%.17g, not %.17g", got, expected);
    }
}

static struct tenon_joint joint_with(double range, double v, double a)
{
    struct tenon_joint joint = {
        .limits = {.position_min_rad = -range,
                   .position_max_rad = range,
                   .velocity_rad_s = (float)v,
                   .acceleration_rad_s2 = (float)a,
                   .jerk_rad_s3 = (float)(10.0 * a),
                   .effort_nm = 2.0f},
    };
    tenon__limiter_seed(&joint, 0.0);
    return joint;
}

/* What an observer of the output alone sees. */
struct watch {
    double position, speed;
    double dt;
};

static struct watch watch_from(const struct tenon_joint *joint, double dt)
{
    return (struct watch){.position = joint->last_position_rad, .dt = dt};
}

/* Holds an output in a position mode against law 1. */
static void watch_output(struct watch *w, const struct tenon_joint *joint, double position)
{
    const struct tenon_joint_limits *const l = &joint->limits;
    const double digits = 4e-16 * (fabs(position) + fabs(w->position)) / w->dt;
    const double v = (double)l->velocity_rad_s, dv = (double)l->acceleration_rad_s2 * w->dt;
    if (!isfinite(position)) {
        fail_msg("not finite");
    }
    if (position > fmax(l->position_max_rad, w->position) ||
        position < fmin(l->position_min_rad, w->position)) {
        fail_msg("outside: %.17g after %.17g", position, w->position);
    }
    const double speed = (position - w->position) / w->dt;
    const double room = SLACK + 1e-6; /* floats */
    if (fabs(speed) > v * (1.0 + room) + digits) {
        fail_msg("speed %.9g of %.9g (a dt %g)", speed, v, dv);
    }
    if (fabs(speed - w->speed) > dv * (1.0 + room) + 2e-6 * v + 2.0 * digits) {
        fail_msg("change of speed %.9g of %.9g (v %g dt %g) from %.9g at %.17g", speed - w->speed,
                 dv, v, w->dt, w->speed, position);
    }
    w->position = position;
    w->speed = speed;
}

static double apply(struct tenon_joint *joint, double position, double dt)
{
    struct tenon_joint_command command = {.position_rad = position, .mode = TENON_MODE_POSITION};
    (void)tenon__limiter_apply(joint, &command, (float)dt);
    return command.position_rad;
}

/* --- streams of commands, from harmless to hostile --- */

typedef double stream_fn(unsigned k, const struct tenon_joint *joint, double dt);

static double anywhere(unsigned k, const struct tenon_joint *joint, double dt)
{
    (void)k;
    (void)dt;
    return uniform(3.0, -3.0) * joint->limits.position_max_rad;
}

static double end_to_end(unsigned k, const struct tenon_joint *joint, double dt)
{
    (void)dt;
    return (k / 37 % 2 == 0 ? 1.0 : -1.0) * joint->limits.position_max_rad;
}

static double huge_and_no_number(unsigned k, const struct tenon_joint *joint, double dt)
{
    const double bad[] = {(double)NAN, (double)INFINITY, -(double)INFINITY, 1e308, -1e308, 1e30,
                          -1e39,       4.9e-324};
    (void)dt;
    (void)joint;
    (void)k;
    return bad[(unsigned)uniform(0.0, 8.0)];
}

static double numbers_and_gaps(unsigned k, const struct tenon_joint *joint, double dt)
{
    return k % 3 == 0 ? (double)NAN : end_to_end(k, joint, dt);
}

static double trembling(unsigned k, const struct tenon_joint *joint, double dt)
{
    (void)k;
    const double step = (double)joint->limits.velocity_rad_s * dt;
    return joint->last_position_rad + uniform(-1.5, 1.5) * step;
}

/* Always as fast as just passes towards the upper limit, so that braking begins as late as it can.
 */
static double greedy(unsigned k, const struct tenon_joint *joint, double dt)
{
    (void)k;
    for (double part = 1.01; part > -1.0; part -= 0.003) {
        struct tenon_joint trial = *joint;
        const double v = (double)joint->last_velocity_rad_s +
                         part * (double)joint->limits.acceleration_rad_s2 * dt;
        struct tenon_joint_command command = {.position_rad = joint->last_position_rad + v * dt,
                                              .mode = TENON_MODE_POSITION};
        if (!tenon__limiter_apply(&trial, &command, (float)dt)) {
            return joint->last_position_rad + v * dt;
        }
    }
    return 2.0 * joint->limits.position_max_rad;
}

/* Greedy, until a random moment; then anything. */
static double greedy_then_anything(unsigned k, const struct tenon_joint *joint, double dt)
{
    return k % 200 < 150 ? greedy(k, joint, dt) : anywhere(k, joint, dt);
}

static void run_stream(stream_fn *stream, double range, double v, double a, double dt)
{
    struct tenon_joint joint = joint_with(range, v, a);
    struct watch w = watch_from(&joint, (double)(float)dt);
    for (unsigned k = 0; k < 1000; k++) {
        watch_output(&w, &joint, apply(&joint, stream(k, &joint, w.dt), dt));
    }
}

static void run_everywhere(stream_fn *stream)
{
    const double speeds[] = {0.01, 1.0, 30.0}, per_speed[] = {0.5, 4.0, 60.0};
    const double periods[] = {1e-4, 1e-3, 4e-3, 2e-2}, ranges[] = {1e-3, 0.1, 3.0, 400.0};
    seed = 88172645463325252u;
    for (unsigned i = 0; i < 3 * 3 * 4 * 4; i += TENON_TEST_SHARE) {
        const double v = speeds[i % 3];
        run_stream(stream, ranges[i / 36], v, per_speed[i / 3 % 3] * v, periods[i / 9 % 4]);
    }
}

static void random_commands_come_out_within_the_limits(void **state)
{
    (void)state;
    run_everywhere(anywhere);
}

static void commands_from_end_to_end_come_out_within_the_limits(void **state)
{
    (void)state;
    run_everywhere(end_to_end);
}

static void huge_commands_and_those_that_are_no_number_come_out_within_the_limits(void **state)
{
    (void)state;
    run_everywhere(huge_and_no_number);
}

static void numbers_with_gaps_come_out_within_the_limits(void **state)
{
    (void)state;
    run_everywhere(numbers_and_gaps);
}

static void trembling_commands_come_out_within_the_limits(void **state)
{
    (void)state;
    run_everywhere(trembling);
}

static void commands_that_brake_as_late_as_passes_come_out_within_the_limits(void **state)
{
    (void)state;
    run_everywhere(greedy);
}

static void hostile_mixture_comes_out_within_the_limits(void **state)
{
    (void)state;
    run_everywhere(greedy_then_anything);
}

static void commands_that_are_no_number_bring_it_to_rest_and_keep_it_there(void **state)
{
    (void)state;
    struct tenon_joint joint = joint_with(3.0, 2.0, 8.0);
    for (unsigned k = 0; k < 300; k++) {
        (void)apply(&joint, 3.0, 1e-3);
    }
    assert_true(joint.last_velocity_rad_s > 1.0f);
    for (unsigned k = 0; k < 300; k++) {
        (void)apply(&joint, (double)NAN, 1e-3);
    }
    const double rest = joint.last_position_rad;
    assert_near((double)joint.last_velocity_rad_s, 0.0, 1e-12);
    for (unsigned k = 0; k < 100; k++) {
        assert_near(apply(&joint, (double)NAN, 1e-3), rest, 0.0);
    }
    assert_true(joint.limited_count >= 400);
}

/* --- what keeps within the limits passes unchanged --- */

static void move_passes_unchanged(double from, double to, double v, double a, double j, double dt)
{
    struct tenon_joint joint = joint_with(fmax(fabs(from), fabs(to)), v, a);
    struct tenon_path path;
    const double way = to - from, d = fabs(way);
    tenon__path_plan(&path, (double)joint.limits.velocity_rad_s / d,
                     (double)joint.limits.acceleration_rad_s2 / d, j / d);
    tenon__limiter_seed(&joint, from);
    const unsigned cycles = (unsigned)ceil(path.duration_s / dt);
    for (unsigned k = 1; k <= cycles + 3; k++) {
        double rate;
        const double p = from + way * tenon__path_at(&path, k * dt, &rate);
        struct tenon_joint_command command = {
            .position_rad = p, .velocity_rad_s = (float)(rate * way), .mode = TENON_MODE_POSITION};
        const struct tenon_joint_command before = command;
        if (tenon__limiter_apply(&joint, &command, (float)dt)) {
            fail_msg("way %g v %g a %g j %g dt %g: changed in cycle %u of %u: %.17g to %.17g", way,
                     v, a, j, dt, k, cycles, p, command.position_rad);
        }
        assert_memory_equal(&command, &before, sizeof command);
    }
    assert_near(joint.last_position_rad, to, 1e-15 * fabs(to));
    assert_int_equal(joint.limited_count, 0);
}

static void path_planned_at_the_limits_passes_unchanged(void **state)
{
    (void)state;
    const double speeds[] = {0.01, 0.3, 3.0, 30.0}, per_speed[] = {0.3, 4.0, 100.0};
    const double per_acceleration[] = {0.5, 10.0, 1000.0};
    const double periods[] = {1.25e-4, 1e-3, 4e-3, 2e-2}, ways[] = {1e-3, 0.1, 2.0, 7.0};
    for (unsigned i = 0; i < 4 * 3 * 3 * 4 * 4; i += TENON_TEST_SHARE) {
        const double v = speeds[i % 4], a = per_speed[i / 4 % 3] * v;
        const double j = per_acceleration[i / 12 % 3] * a, dt = periods[i / 36 % 4];
        const double way = ways[i / 144];
        if (way / v / dt > 200000.0) {
            continue; /* slow and long: nothing new */
        }
        move_passes_unchanged(0.0, way, v, a, j, dt);
        move_passes_unchanged(0.3 * way, -way, v, a, j, dt);
        move_passes_unchanged(1000.0, 1000.0 - way, v, a, j, dt); /* many turns away */
    }
}

static void sine_that_keeps_within_the_limits_passes_unchanged(void **state)
{
    (void)state;
    for (double hz = 0.05; hz < 40.0; hz *= 1.7) {
        for (double dt = 2.5e-4; dt < 0.05 / hz && dt < 0.03; dt *= 2.0) {
            const double w = 2.0 * 3.14159265358979 * hz, amplitude = 0.4;
            struct tenon_joint joint = joint_with(1.0, amplitude * w, amplitude * w * w);
            for (unsigned k = 1; k < 4000; k++) { /* from its turning point: from rest */
                const double p = amplitude * (1.0 - cos(w * k * dt));
                assert_near(apply(&joint, p, dt), p, 0.0);
            }
            assert_int_equal(joint.limited_count, 0);
        }
    }
}

static void sine_that_is_too_fast_is_followed_within_the_limits(void **state)
{
    (void)state;
    struct tenon_joint joint = joint_with(0.3, 1.0, 5.0);
    struct watch w = watch_from(&joint, (double)1e-3f);
    double most = 0.0;
    for (unsigned k = 0; k < 20000; k++) {
        watch_output(&w, &joint, apply(&joint, 0.5 * sin(12.0 * k * 1e-3), 1e-3));
        most = fmax(most, fabs(w.speed));
    }
    assert_true(most > 0.5);
    assert_true(joint.limited_count > 1000);
}

/* --- a step --- */

static void step_to(double goal, double v, double a, double dt)
{
    struct tenon_joint joint = joint_with(3.0, v, a);
    struct watch w = watch_from(&joint, (double)(float)dt);
    const double count = 2.0 * 3.14159265358979 / 4096.0;
    const double least = fabs(goal) / v + v / a;
    const unsigned cycles = (unsigned)(1.3 * least / dt) + 20u;
    unsigned arrived = 0;
    for (unsigned k = 1; k <= cycles + 500; k++) {
        const double p = apply(&joint, goal, dt);
        watch_output(&w, &joint, p);
        if (fabs(p) > fabs(goal) + 0.01 * count) {
            fail_msg("overshoot to %.9g of %.9g (v %g a %g dt %g)", p, goal, v, a, dt);
        }
        arrived = arrived == 0 && !(fabs(p - goal) > 0.0) ? k : arrived;
        if (arrived != 0 && k > arrived && fabs(p - goal) > 0.0) {
            fail_msg("leaves its goal (v %g a %g dt %g)", v, a, dt);
        }
    }
    if (arrived == 0 || arrived > cycles) {
        fail_msg("arrives in %u of %u cycles (goal %g v %g a %g dt %g), at %.9g", arrived, cycles,
                 goal, v, a, dt, joint.last_position_rad);
    }
}

static void step_ends_at_its_goal_in_time_without_overshoot_and_stays(void **state)
{
    (void)state;
    const double goals[] = {1e-5, -0.001, 0.2, -2.0, 3.0};
    const double speeds[] = {0.1, 1.0, 10.0}, per_speed[] = {0.7, 4.0, 50.0};
    const double periods[] = {2.5e-4, 1e-3, 4e-3, 2e-2};
    for (unsigned i = 0; i < 5 * 3 * 3 * 4; i += TENON_TEST_SHARE) {
        const double v = speeds[i / 5 % 3];
        step_to(goals[i % 5], v, per_speed[i / 15 % 3] * v, periods[i / 45]);
    }
}

static void step_of_a_joint_without_end_ends_at_its_goal(void **state)
{
    (void)state;
    const double ends[] = {1e6, 1e30, 1e300, (double)INFINITY};
    for (unsigned i = 0; i < 4; i++) {
        struct tenon_joint joint = joint_with(ends[i], 2.0, 8.0);
        struct watch w = watch_from(&joint, (double)1e-3f);
        for (unsigned k = 0; k < 3000; k++) {
            watch_output(&w, &joint, apply(&joint, 3.0, 1e-3));
        }
        assert_near(w.position, 3.0, 1e-12);
        for (unsigned k = 0; k < 3000; k++) { /* far beyond what a float holds */
            watch_output(&w, &joint, apply(&joint, fmax(-ends[i], -DBL_MAX), 1e-3));
        }
        assert_near(w.speed, -2.0, 0.01);
    }
}

/* --- outside --- */

static void joint_outside_its_limits_only_moves_inward(void **state)
{
    (void)state;
    for (int side = -1; side <= 1; side += 2) {
        for (unsigned way = 0; way < 3; way++) {
            struct tenon_joint joint = joint_with(1.0, 2.0, 8.0);
            tenon__limiter_seed(&joint, side * 1.5);
            struct watch w = watch_from(&joint, (double)1e-3f);
            const double goals[] = {side * 1.5, side * 9.0, 0.0};
            const double ends[] = {side * 1.5, side * 1.5, 0.0};
            for (unsigned k = 0; k < 3000; k++) {
                watch_output(&w, &joint, apply(&joint, goals[way], 1e-3));
            }
            assert_near(w.position, ends[way], 1e-12);
        }
    }
}

static void joint_that_came_back_in_cannot_leave_again(void **state)
{
    (void)state;
    struct tenon_joint joint = joint_with(1.0, 2.0, 8.0);
    tenon__limiter_seed(&joint, 1.5);
    struct watch w = watch_from(&joint, (double)1e-3f);
    for (unsigned k = 0; k < 3000; k++) {
        watch_output(&w, &joint, apply(&joint, 0.5, 1e-3));
    }
    for (unsigned k = 0; k < 3000; k++) {
        watch_output(&w, &joint, apply(&joint, 1.5, 1e-3));
    }
    assert_near(w.position, 1.0, 1e-9);
}

/* --- the other fields and modes --- */

static void feed_forward_keeps_within_the_speed_limit(void **state)
{
    (void)state;
    const float asked[] = {2.0f, -2.0f, 50.0f, -1e30f};
    const double given[] = {2.0, -2.0, 2.0, -2.0};
    for (unsigned i = 0; i < 4; i++) {
        struct tenon_joint joint = joint_with(1.0, 2.0, 8.0);
        struct tenon_joint_command command = {.velocity_rad_s = asked[i],
                                              .mode = TENON_MODE_POSITION};
        assert_int_equal(tenon__limiter_apply(&joint, &command, 1e-3f), i >= 2);
        assert_near((double)command.velocity_rad_s, given[i], 0.01);
        assert_near(command.position_rad, 0.0, 0.0);
    }
}

/* A velocity-controlled joint that does exactly as it is told. */
static void drive_by_velocity(struct tenon_joint *joint, float asked, double dt, double *io_speed)
{
    struct tenon_joint_command command = {.velocity_rad_s = asked, .mode = TENON_MODE_VELOCITY};
    const double v = (double)joint->limits.velocity_rad_s;
    const double dv = (double)joint->limits.acceleration_rad_s2 * dt;
    const bool changed = tenon__limiter_apply(joint, &command, (float)dt);
    assert_true(isfinite(command.velocity_rad_s));
    assert_true(isfinite(command.position_rad) && isfinite(command.effort_nm));
    const double speed = (double)command.velocity_rad_s;
    assert_true(fabs(speed) <= v * (1.0 + SLACK));
    assert_true(fabs(speed - *io_speed) <= dv * (1.0 + SLACK) + 2e-6 * v);
    assert_true(changed || fabs(speed - (double)asked) <= 0.0);
    joint->state.position_rad += speed * dt;
    *io_speed = speed;
}

static void velocity_commands_stop_at_the_position_limits(void **state)
{
    (void)state;
    const double periods[] = {2.5e-4, 1e-3, 4e-3, 2e-2};
    const float asked[] = {1.0f, -1.0f, 100.0f, -1e30f, INFINITY};
    for (unsigned i = 0; i < 4 * 5; i++) {
        struct tenon_joint joint = joint_with(2.0, 3.0, 12.0);
        const float want = asked[i / 4];
        double speed = 0.0;
        for (unsigned k = 0; k < 20000; k++) {
            drive_by_velocity(&joint, want, periods[i % 4], &speed);
            assert_true(fabs(joint.state.position_rad) <= 2.0 + 1e-6);
        }
        const double end = isfinite(want) ? (want > 0.0f ? 2.0 : -2.0) : 0.0;
        assert_near(joint.state.position_rad, end, 0.02);
        assert_near(speed, 0.0, 0.01);
    }
}

static void random_velocities_keep_within_the_limits(void **state)
{
    (void)state;
    seed = 88172645463325252u;
    for (unsigned run = 0; run < 40; run++) {
        struct tenon_joint joint = joint_with(uniform(0.1, 3.0), 3.0, uniform(2.0, 60.0));
        const double end = joint.limits.position_max_rad;
        double speed = 0.0;
        float want = 0.0f;
        for (unsigned k = 0; k < 4000; k++) {
            want = k % 60 == 0 ? (float)uniform(-5.0, 5.0) : want;
            drive_by_velocity(&joint, k % 11 == 0 ? NAN : want, 2e-3, &speed);
            assert_true(fabs(joint.state.position_rad) <= end + 1e-5);
        }
    }
}

static void velocity_within_the_limits_passes_unchanged(void **state)
{
    (void)state;
    struct tenon_joint joint = joint_with(2.0, 3.0, 12.0);
    double speed = 0.0;
    for (unsigned k = 0; k < 1000; k++) { /* amplitude 0.25 rad, 4 rad/s2 */
        drive_by_velocity(&joint, (float)sin(4.0 * k * 1e-3), 1e-3, &speed);
    }
    assert_int_equal(joint.limited_count, 0);
}

static void velocity_outside_the_limits_only_moves_inward(void **state)
{
    (void)state;
    struct tenon_joint joint = joint_with(1.0, 3.0, 12.0);
    double speed = 0.0;
    joint.state.position_rad = 1.4;
    for (unsigned k = 0; k < 500; k++) {
        drive_by_velocity(&joint, 2.0f, 1e-3, &speed);
        assert_near(joint.state.position_rad, 1.4, 1e-12);
    }
    for (unsigned k = 0; k < 500; k++) {
        drive_by_velocity(&joint, -2.0f, 1e-3, &speed);
    }
    assert_true(joint.state.position_rad < 1.0);
}

static float effort_at(double position, float asked, uint8_t mode, bool *out_changed)
{
    struct tenon_joint joint = joint_with(1.0, 3.0, 12.0);
    struct tenon_joint_command command = {.effort_nm = asked, .mode = mode};
    joint.state.position_rad = position;
    joint.state.velocity_rad_s = 0.5f;
    *out_changed = tenon__limiter_apply(&joint, &command, 1e-3f);
    assert_int_equal(joint.limited_count, *out_changed);
    assert_near(joint.last_position_rad, position, 0.0); /* where a brake would start */
    return command.effort_nm;
}

static void effort_and_duty_keep_within_their_limits(void **state)
{
    (void)state;
    const float asked[] = {0.0f, 0.7f, -0.7f, 5.0f, -5.0f, 1e38f, INFINITY, -INFINITY, NAN};
    const double part[] = {0.0, 0.7, -0.7, 5.0, -5.0, 1e38, 0.0, 0.0, 0.0};
    for (unsigned i = 0; i < 9 * 2; i++) {
        const uint8_t mode = i < 9 ? TENON_MODE_EFFORT : TENON_MODE_PWM;
        const double top = i < 9 ? 2.0 : 1.0;
        const double expected = fmax(-top, fmin(top, part[i % 9]));
        bool changed;
        assert_near((double)effort_at(0.2, asked[i % 9], mode, &changed), expected, 1e-7);
        assert_int_equal(changed, i % 9 >= 3);
    }
}

static void effort_does_not_push_further_out(void **state)
{
    (void)state;
    const uint8_t modes[] = {TENON_MODE_EFFORT, TENON_MODE_PWM};
    for (unsigned i = 0; i < 2; i++) {
        bool changed;
        assert_near((double)effort_at(1.1, 0.5f, modes[i], &changed), 0.0, 0.0);
        assert_true(changed);
        assert_near((double)effort_at(1.1, -0.5f, modes[i], &changed), -0.5, 0.0);
        assert_false(changed);
        assert_near((double)effort_at(-1.1, -0.5f, modes[i], &changed), 0.0, 0.0);
        assert_true(changed);
        assert_near((double)effort_at(-1.1, 0.5f, modes[i], &changed), 0.5, 0.0);
        assert_false(changed);
    }
}

static void cap_of_the_effort_is_positive_and_not_above_the_limit(void **state)
{
    (void)state;
    const float asked[] = {0.0f, 0.5f, -0.5f, 2.0f, 3.0f, -1e30f};
    const double given[] = {2.0, 0.5, 0.5, 2.0, 2.0, 2.0};
    for (unsigned i = 0; i < 6; i++) {
        struct tenon_joint joint = joint_with(1.0, 3.0, 12.0);
        struct tenon_joint_command command = {.effort_nm = asked[i],
                                              .mode = TENON_MODE_EFFORT_POSITION};
        assert_int_equal(tenon__limiter_apply(&joint, &command, 1e-3f), i >= 4);
        assert_near((double)command.effort_nm, given[i], 0.0);
    }
}

/* --- braking --- */

static void brake_from(float v, double dt, uint8_t mode)
{
    struct tenon_joint joint = joint_with(100.0, 3.0, 12.0);
    struct tenon_joint_command command = {.mode = mode};
    joint.last_velocity_rad_s = v;
    struct watch w = watch_from(&joint, (double)(float)dt);
    w.speed = (double)v;
    const unsigned cycles = (unsigned)ceil(fabs((double)v) / (12.0 * dt)) + 1u;
    unsigned k = 1;
    while (!tenon__limiter_brake(&joint, &command, (float)dt)) {
        watch_output(&w, &joint, command.position_rad);
        assert_near((double)command.velocity_rad_s, w.speed, 1e-4);
        assert_true(++k <= cycles);
    }
    watch_output(&w, &joint, command.position_rad);
    assert_near(w.speed, 0.0, 0.0);
    const double way = 0.5 * (double)v * (double)v / 12.0;
    assert_near(fabs(w.position), way, 3.0 * dt + SLACK * way); /* at the limit, not longer */
    assert_true(w.position * (double)v >= 0.0);
    assert_true(tenon__limiter_brake(&joint, &command, (float)dt)); /* stays at rest */
    assert_near(command.position_rad, w.position, 0.0);
}

static void brake_ends_at_rest_as_soon_as_the_limit_allows(void **state)
{
    (void)state;
    const uint8_t modes[] = {TENON_MODE_POSITION, TENON_MODE_EXTENDED_POSITION,
                             TENON_MODE_EFFORT_POSITION, TENON_MODE_VELOCITY};
    const float speeds[] = {0.0f, 0.01f, -1.0f, 3.0f};
    const double periods[] = {2.5e-4, 1e-3, 4e-3, 2e-2};
    for (unsigned i = 0; i < 64; i++) {
        brake_from(speeds[i % 4], periods[i / 4 % 4], modes[i / 16]);
    }
}

static void brake_keeps_inside_the_position_limits(void **state)
{
    (void)state;
    struct tenon_joint joint = joint_with(1.0, 3.0, 12.0);
    struct tenon_joint_command command = {.mode = TENON_MODE_POSITION};
    tenon__limiter_seed(&joint, 0.999);
    joint.last_velocity_rad_s = 3.0f;
    for (unsigned k = 0; k < 400; k++) {
        (void)tenon__limiter_brake(&joint, &command, 1e-3f);
        assert_true(command.position_rad <= 1.0);
    }
    assert_true(tenon__limiter_brake(&joint, &command, 1e-3f));
}

static void brake_without_a_path_ends_at_once_without_effort(void **state)
{
    (void)state;
    const uint8_t modes[] = {TENON_MODE_EFFORT, TENON_MODE_PWM};
    for (unsigned i = 0; i < 2; i++) {
        struct tenon_joint joint = joint_with(1.0, 3.0, 12.0);
        struct tenon_joint_command command = {.effort_nm = 1.5f, .mode = modes[i]};
        joint.last_velocity_rad_s = 3.0f;
        assert_true(tenon__limiter_brake(&joint, &command, 1e-3f));
        assert_near((double)command.effort_nm, 0.0, 0.0);
        assert_near((double)joint.last_velocity_rad_s, 0.0, 0.0);
    }
}

/* --- what is known to be free --- */

/* As fast as it may outwards, a step of speed a time. */
static void hurry_outwards(struct tenon_joint *joint, unsigned steps)
{
    for (unsigned i = 0; i < steps; i++) {
        const double dv = (double)joint->limits.acceleration_rad_s2 * 1e-3;
        const double v = fmin((double)joint->last_velocity_rad_s + dv, 1.0);
        assert_true(apply(joint, joint->last_position_rad + v * 1e-3, 1e-3) <= 1.0);
    }
}

static void what_was_free_elsewhere_is_not_free_where_it_is_put(void **state)
{
    (void)state;
    struct tenon_joint joint = joint_with(1.0, 1.0, 10.0);
    hurry_outwards(&joint, 3);
    tenon__limiter_seed(&joint, 0.99);
    hurry_outwards(&joint, 500);
    assert_near(joint.last_position_rad, 1.0, 1e-3);
}

static void the_way_of_a_stop_is_not_free_any_more(void **state)
{
    (void)state;
    struct tenon_joint joint = joint_with(1.0, 1.0, 10.0);
    for (unsigned i = 0; i < 8; i++) {
        struct tenon_joint_command command = {.mode = TENON_MODE_POSITION};
        hurry_outwards(&joint, 100);
        while (!tenon__limiter_brake(&joint, &command, 1e-3f)) {
        }
    }
    hurry_outwards(&joint, 1000);
    assert_near(joint.last_position_rad, 1.0, 1e-3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_free_elsewhere_is_not_free_where_it_is_put),
        cmocka_unit_test(the_way_of_a_stop_is_not_free_any_more),
        cmocka_unit_test(random_commands_come_out_within_the_limits),
        cmocka_unit_test(commands_from_end_to_end_come_out_within_the_limits),
        cmocka_unit_test(huge_commands_and_those_that_are_no_number_come_out_within_the_limits),
        cmocka_unit_test(numbers_with_gaps_come_out_within_the_limits),
        cmocka_unit_test(trembling_commands_come_out_within_the_limits),
        cmocka_unit_test(commands_that_brake_as_late_as_passes_come_out_within_the_limits),
        cmocka_unit_test(hostile_mixture_comes_out_within_the_limits),
        cmocka_unit_test(commands_that_are_no_number_bring_it_to_rest_and_keep_it_there),
        cmocka_unit_test(path_planned_at_the_limits_passes_unchanged),
        cmocka_unit_test(sine_that_keeps_within_the_limits_passes_unchanged),
        cmocka_unit_test(sine_that_is_too_fast_is_followed_within_the_limits),
        cmocka_unit_test(step_ends_at_its_goal_in_time_without_overshoot_and_stays),
        cmocka_unit_test(step_of_a_joint_without_end_ends_at_its_goal),
        cmocka_unit_test(joint_outside_its_limits_only_moves_inward),
        cmocka_unit_test(joint_that_came_back_in_cannot_leave_again),
        cmocka_unit_test(feed_forward_keeps_within_the_speed_limit),
        cmocka_unit_test(velocity_commands_stop_at_the_position_limits),
        cmocka_unit_test(random_velocities_keep_within_the_limits),
        cmocka_unit_test(velocity_within_the_limits_passes_unchanged),
        cmocka_unit_test(velocity_outside_the_limits_only_moves_inward),
        cmocka_unit_test(effort_and_duty_keep_within_their_limits),
        cmocka_unit_test(effort_does_not_push_further_out),
        cmocka_unit_test(cap_of_the_effort_is_positive_and_not_above_the_limit),
        cmocka_unit_test(brake_ends_at_rest_as_soon_as_the_limit_allows),
        cmocka_unit_test(brake_keeps_inside_the_position_limits),
        cmocka_unit_test(brake_without_a_path_ends_at_once_without_effort),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
