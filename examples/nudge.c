/*
 * The first thing to run on real hardware: turns the servos you name, and no others, by 0.1 rad to either side of where
 * they stand, one after the other, at 0.2 rad/s at most. Afterwards torque is as it was found.
 * Usage: nudge PORT [--baud N] [--yes] ID...
 */
#define _GNU_SOURCE
#include <getopt.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tenon/drivers/serialport_line.h>
#include <tenon/posix.h>
#include <tenon/tenon.h>
#include <unistd.h>

#define SERVOS_MAX 16
#define WAY_RAD    0.1
#define NEAR_RAD   0.03 /* friction and weight may keep a servo so far from its goal */
#define PATIENCE   TENON_S(4) /* for one move */

/* One servo on the bus and what is to be remembered of it. */
struct axis {
    struct tenon_dxl2_motor servo;
    struct tenon_joint joint;
    char name[8]; /* "ID 7" */
    bool was_found_on;
};

static uint64_t memory[1024];
static uint8_t bus_memory[TENON_DXL2_BUS_MEMORY(SERVOS_MAX)];
static struct tenon_sched sched;
static struct tenon_wire wire;
static struct tenon_serialport_line line;
static struct tenon_dxl2_bus bus;
static struct axis axes[SERVOS_MAX];
static unsigned axis_count;

static volatile sig_atomic_t interrupted;

static void interrupt(int signal_number)
{
    (void)signal_number;
    interrupted = 1;
}

static void print_reason(void)
{
    char text[200];
    fprintf(stderr, "nudge: %s\n", tenon_diag_text(tenon_sched_diag(&sched), text, sizeof text));
}

/* Run for so long, or until something is not well or Ctrl-C is pressed. */
static int run(tenon_ns_t duration)
{
    const tenon_ns_t end = tenon_posix_now() + duration;
    int rc = TENON_OK;
    while (rc >= 0 && tenon_posix_now() < end) {
        (void)tenon_posix_cycle(&sched);
        rc = interrupted ? TENON_ERR_AGAIN : tenon_sched_explain(&sched);
    }
    return rc;
}

/* --- before --- */

static void add_axis(struct axis *axis, uint8_t id)
{
    /* Where it stands is not known yet, so only rates are limited here; zeros leave the rest to what the servo allows. */
    static const struct tenon_joint_limits limits = {
        .velocity_rad_s = 0.2f,
        .acceleration_rad_s2 = 0.8f,
        .jerk_rad_s3 = 8.0f,
        .following_error_rad = 0.1f,
    };
    /* As little as possible is changed in the servo: the return delay is the factory's, and no watchdog stays behind. */
    struct tenon_dxl2_motor_config config = {0};
    config.id = id;
    config.mode = TENON_MODE_POSITION;
    config.return_delay_us = 500;
    config.no_watchdog = true;
    snprintf(axis->name, sizeof axis->name, "ID %u", (unsigned)id);
    /* What was found holding must not fall. What was found limp is let go in the end, see let_go(). */
    axis->joint.safe_action = TENON_SAFE_HOLD;
    tenon_sched_add_joint(&sched,
                          &axis->joint,
                          axis->name,
                          tenon_dxl2_motor_init_config(&axis->servo, &wire, &config),
                          &limits);
}

static void assemble(const char *port, uint32_t baud, const uint8_t *ids)
{
    /* Time for about 80 bytes a servo on the wire, which slow lines need. */
    const tenon_ns_t period = TENON_MS(10) + (tenon_ns_t)axis_count * 800 * TENON_S(1) / (tenon_ns_t)baud;
    tenon_sched_init(&sched, &tenon_posix_port, period, memory, sizeof memory);
    tenon_sched_add_wire(&sched,
                         &wire,
                         port,
                         tenon_serialport_line_init(&line, port, baud),
                         tenon_dxl2_bus_init(&bus, bus_memory, sizeof bus_memory));
    for (unsigned i = 0; i < axis_count; i++) {
        add_axis(&axes[i], ids[i]);
    }
}

/* Nothing has moved yet: say of each servo that is not ready why. */
static void explain_all(int rc)
{
    char text[200];
    unsigned told = 0;
    for (unsigned i = 0; i < axis_count; i++) {
        const struct tenon_diag *const diag = &axes[i].servo.base.module.diag;
        if (tenon_wire_is_up(&wire) && !tenon_slot_is_up(&axes[i].joint.motor) && diag->code != TENON_OK) {
            fprintf(stderr, "nudge: %s\n", tenon_diag_text(diag, text, sizeof text));
            told++;
        }
    }
    if (told == 0 && rc < 0) {
        print_reason();
    }
    fprintf(stderr, "nudge: nothing was moved\n");
}

/* Whether both ends of its way lie within what the servo's own registers allow. */
static bool has_room(const struct axis *axis)
{
    const struct tenon_joint_limits *const l = &axis->joint.limits;
    const double here = axis->joint.state.position_rad;
    if (here - WAY_RAD >= l->position_min_rad && here + WAY_RAD <= l->position_max_rad) {
        return true;
    }
    fprintf(stderr,
            "nudge: %s stands at %.3f rad; its limits, %.3f ... %.3f, leave no room for %.1f rad to both sides\n",
            axis->name,
            here,
            l->position_min_rad,
            l->position_max_rad,
            WAY_RAD);
    return false;
}

static void print_found(const struct axis *axis)
{
    struct tenon_dxl2_motor_change changes[TENON_DXL2_MOTOR_CHANGES_MAX];
    const size_t count = tenon_dxl2_motor_changes(&axis->servo, changes, TENON_DXL2_MOTOR_CHANGES_MAX);
    printf("%s: %s at %.3f rad, torque %s\n",
           axis->name,
           axis->servo.model_name,
           axis->joint.state.position_rad,
           axis->was_found_on ? "on" : "off");
    for (size_t i = 0; i < count; i++) {
        printf("%s: EEPROM register %u was %lu and is changed until the end\n",
               axis->name,
               (unsigned)changes[i].address,
               (unsigned long)changes[i].old_value);
    }
}

/* --- the move --- */

static int go_to(const struct axis *axis, double goal_rad)
{
    const tenon_ns_t end = tenon_posix_now() + PATIENCE;
    int rc = tenon_joint_move_to((struct tenon_joint *)(void *)(uintptr_t)&axis->joint, goal_rad);
    while (rc >= 0 && !tenon_joint_is_settled(&axis->joint, NEAR_RAD) && tenon_posix_now() < end) {
        rc = run(sched.period_ns);
    }
    return rc;
}
