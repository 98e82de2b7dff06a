/*
 * A run of the arm with faults, as text: every command bit by bit, and now and then where the arm
 * truly is. The same program on another machine, or from another compiler, must print the same;
 * compare.sh says how nearly.
 */
#include "tenon_test.h"

#include "arm_rig.h"
#include "core_internal.h"

#include <stdio.h>
#include <string.h>

#define CYCLES_PER_ANGLE 25u

static struct arm arm;
static unsigned cycle;
static char line[256];
static size_t line_count;

/* --- text --- */

static void begin(const char *what)
{
    line_count = 0;
    for (const char *c = what; *c != '\0'; c++) {
        line[line_count++] = *c;
    }
}

static void put_hex(uint64_t bits, unsigned digits)
{
    line[line_count++] = ' ';
    for (unsigned i = digits; i-- > 0;) {
        line[line_count++] = "0123456789abcdef"[bits >> (4u * i) & 15u];
    }
}

static void put_double(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    put_hex(bits, 16);
}

static void put_float(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    put_hex(bits, 8);
}

static void end(void)
{
    line[line_count] = '\0';
    (void)puts(line);
}

/* --- what is logged --- */

static void log_cycle(void)
{
    begin("log");
    put_hex(cycle, 4);
    for (unsigned i = 0; i < ARM_JOINTS; i++) {
        put_hex(arm.host->joints[i].status, 1);
    }
    for (unsigned i = 0; i < ARM_JOINTS; i++) {
        put_double(arm.host->joints[i].command.position_rad);
        put_float(arm.host->joints[i].command.velocity_rad_s);
    }
    end();
}

static void log_angles(void)
{
    begin("true");
    put_hex(cycle, 4);
    for (unsigned i = 0; i < ARM_JOINTS; i++) {
        put_double(arm_angle(&arm, i));
    }
    end();
}

static void run(unsigned cycles)
{
    for (unsigned k = 0; k < cycles; k++) {
        arm_run(&arm, ARM_PERIOD);
        log_cycle();
        if (cycle++ % CYCLES_PER_ANGLE == 0) {
            log_angles();
        }
    }
}

/* --- the run --- */

static void noisy_move(void)
{
    static const double goals_rad[ARM_JOINTS] = {0.3, -0.2, 0.25, 0.4, -0.3, 0.5};
    arm.sim.noise_ppm = 200;
    arm_go(&arm, goals_rad);
    while (arm.host->group.status == TENON_GROUP_MOVING) {
        run(25);
    }
    arm.sim.noise_ppm = 0;
}

static void move_on_which_one_falls_silent(void)
{
    static const double goals_rad[ARM_JOINTS] = {-0.3, 0.2, -0.25, -0.4, 0.3, -0.5};
    const struct tenon_sim_faults broken = {.corrupt_next_replies = 2, .drop_next_replies = 1};
    const struct tenon_sim_faults silent = {.silent = true};
    arm_go(&arm, goals_rad);
    run(50);
    arm_set_faults(&arm, 1, &broken);
    run(50);
    arm_set_faults(&arm, 3, &silent);
    run(100);
    arm_set_faults(&arm, 3, NULL);
    arm_revive_all(&arm);
    run(25);
}

/* Far and fast set points: the limiter has work. */
static void wild_set_points(void)
{
    struct tenon_joint_command wild = {.mode = TENON_MODE_EXTENDED_POSITION};
    uint32_t seed = 1;
    for (unsigned n = 0; n < 10; n++) {
        for (unsigned i = 0; i < ARM_JOINTS; i++) {
            seed = seed * 1664525u + 1013904223u;
            wild.position_rad = ((double)seed / 4294967296.0 - 0.5) * 4.0;
            wild.velocity_rad_s = (float)wild.position_rad;
            assert_int_equal(tenon_joint_follow(&arm.host->joints[i], &wild), TENON_OK);
        }
        run(20);
    }
}

static void emergency_stop(void)
{
    tenon_sched_estop(&arm.host->sched);
    run(100);
}

static void arm_with_faults_is_logged(void **state)
{
    (void)state;
    arm_start(&arm, NULL);
    arm_enable(&arm);
    noisy_move();
    move_on_which_one_falls_silent();
    wild_set_points();
    emergency_stop();
}

static void roots_are_logged(void **state)
{
    uint64_t seed = 88172645463325252u;
    (void)state;
    for (unsigned i = 0; i < 100; i++) {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        const double x = (double)(seed >> 11) * (i % 2u == 0 ? 1e-15 : 1e3);
        begin("roots");
        put_double(tenon__sqrt(x));
        put_double(tenon__cbrt(x));
        put_float(tenon__sqrtf((float)x));
        end();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arm_with_faults_is_logged),
        cmocka_unit_test(roots_are_logged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
