/*
 * The first thing to run on real hardware: turns the servos you name, and no others, by 0.1 rad to
 * either side of where they stand, one after the other, at 0.2 rad/s at most. Afterwards torque is
 * as it was found. Usage: nudge PORT [--baud N] [--yes] ID...
 */
#define _GNU_SOURCE
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <tenon/drivers/serialport_line.h>
#include <tenon/posix.h>
#include <tenon/tenon.h>

#define SERVOS_MAX 16
#define WAY_RAD    0.1
#define ERROR_RAD                                                                                  \
    0.15f /* weight and friction keep a servo off its goal; more than this is a fault */
#define PATIENCE TENON_S(4) /* for one move */
#define REST     TENON_MS(300)

/* One servo on the bus and what is to be remembered of it. */
struct axis {
    struct tenon_dxl2_motor servo;
    struct tenon_joint joint;
    uint8_t id;
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
    /* Where it stands is not known yet, so only rates are limited here; zeros leave the rest to
     * what the servo allows. */
    static const struct tenon_joint_limits limits = {
        .velocity_rad_s = 0.2f,
        .acceleration_rad_s2 = 0.8f,
        .jerk_rad_s3 = 8.0f,
        .following_error_rad = ERROR_RAD,
    };
    /* As little as possible is changed in the servo: the return delay is the factory's, and no
     * watchdog stays behind. */
    struct tenon_dxl2_motor_config config = {0};
    config.id = id;
    config.mode = TENON_MODE_POSITION;
    config.return_delay_us = 500;
    config.no_watchdog = true;
    axis->id = id;
    snprintf(axis->name, sizeof axis->name, "ID %u", (unsigned)id);
    /* What was found holding must not fall. What was found limp is let go in the end, see let_go().
     */
    axis->joint.safe_action = TENON_SAFE_HOLD;
    tenon_sched_add_joint(&sched, &axis->joint, axis->name,
                          tenon_dxl2_motor_init_config(&axis->servo, &wire, &config), &limits);
}

static void assemble(const char *port, uint32_t baud, const uint8_t *ids)
{
    /* Time for about 80 bytes a servo on the wire, which slow lines need. */
    const tenon_ns_t period =
        TENON_MS(10) + (tenon_ns_t)axis_count * 800 * TENON_S(1) / (tenon_ns_t)baud;
    tenon_sched_init(&sched, &tenon_posix_port, period, memory, sizeof memory);
    tenon_sched_add_wire(&sched, &wire, port, tenon_serialport_line_init(&line, port, baud),
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
        if (tenon_wire_is_up(&wire) && !tenon_slot_is_up(&axes[i].joint.motor) &&
            diag->code != TENON_OK) {
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
            "nudge: %s stands at %.3f rad; its limits, %.3f ... %.3f, leave no room for %.1f rad "
            "to both sides\n",
            axis->name, here, l->position_min_rad, l->position_max_rad, WAY_RAD);
    return false;
}

static void print_found(const struct axis *axis)
{
    struct tenon_dxl2_motor_change changes[TENON_DXL2_MOTOR_CHANGES_MAX];
    const size_t count =
        tenon_dxl2_motor_changes(&axis->servo, changes, TENON_DXL2_MOTOR_CHANGES_MAX);
    printf("%s: %s at %.3f rad, torque %s\n", axis->name,
           tenon_dxl2_model_name(axis->servo.base.model), axis->joint.state.position_rad,
           axis->was_found_on ? "on" : "off");
    for (size_t i = 0; i < count; i++) {
        printf("%s: EEPROM register %u was %lu and is changed until the end\n", axis->name,
               (unsigned)changes[i].address, (unsigned long)changes[i].old_value);
    }
}

/* --- the move --- */

/* Until what was asked for is done, and a moment more, so that it comes to rest. */
static int wait_for(struct axis *axis)
{
    const tenon_ns_t end = tenon_posix_now() + PATIENCE;
    int rc = TENON_OK;
    while (rc >= 0 && !tenon_joint_is_settled(&axis->joint, (double)ERROR_RAD)) {
        rc = run(sched.period_ns);
        if (rc >= 0 && tenon_posix_now() > end) {
            fprintf(stderr, "nudge: %s takes too long\n", axis->name);
            return TENON_ERR_TIMEOUT;
        }
    }
    rc = rc < 0 ? rc : run(REST);
    if (rc < 0 && !interrupted) {
        print_reason();
    }
    return rc;
}

static int go_to(struct axis *axis, double goal_rad, double *out_rad)
{
    int rc = tenon_joint_move_to(&axis->joint, goal_rad);
    if (rc < 0) {
        print_reason();
    }
    rc = rc < 0 ? rc : wait_for(axis);
    *out_rad = axis->joint.state.position_rad;
    if (rc >= 0) {
        printf("%s: at %.3f rad, asked for %.3f\n", axis->name, *out_rad, goal_rad);
    }
    return rc;
}

/* To both sides and back, from where it is held, which under a weight is not quite where it stands.
 */
static int swing(struct axis *axis)
{
    const double here = axis->joint.command.position_rad;
    double high = here, low = here, back = here;
    int rc = go_to(axis, here + WAY_RAD, &high);
    rc = rc < 0 ? rc : go_to(axis, here - WAY_RAD, &low);
    rc = rc < 0 ? rc : go_to(axis, here, &back);
    if (rc >= 0 && high - low < WAY_RAD) {
        fprintf(stderr, "nudge: %s has turned by %.3f rad only; is it held fast?\n", axis->name,
                high - low);
        return TENON_ERR_DEVICE;
    }
    return rc;
}

/* Torque off again, also after a fault. @return false: it could not be confirmed. */
static bool let_go(struct axis *axis)
{
    const tenon_ns_t end = tenon_posix_now() + TENON_S(2);
    struct tenon_joint *const joint = &axis->joint;
    (void)tenon_joint_reset(joint);
    do {
        if (joint->status == TENON_JOINT_ENABLED || joint->status == TENON_JOINT_HOLDING) {
            (void)tenon_joint_disable(joint);
        }
        (void)tenon_posix_cycle(&sched);
        if (joint->status == TENON_JOINT_DISABLED && tenon_sched_is_safe(&sched)) {
            return true;
        }
    } while (tenon_posix_now() < end);
    fprintf(stderr, "nudge: %s may still have torque: cut its power\n", axis->name);
    return false;
}

static int nudge(struct axis *axis)
{
    int rc = tenon_joint_enable(&axis->joint);
    if (rc < 0) {
        print_reason();
    }
    rc = rc < 0 ? rc : wait_for(axis); /* torque is on and it holds */
    rc = rc < 0 ? rc : swing(axis);
    if (rc < 0) { /* wherever it is, it stops there */
        (void)tenon_posix_stop(&sched, TENON_S(1));
    }
    const bool is_as_found = axis->was_found_on || let_go(axis);
    return rc < 0 || is_as_found ? rc : TENON_ERR_TIMEOUT;
}

static int nudge_all(void)
{
    bool is_possible = true;
    for (unsigned i = 0; i < axis_count; i++) {
        axes[i].was_found_on = axes[i].servo.base.is_holding;
        print_found(&axes[i]);
        is_possible = has_room(&axes[i]) && is_possible;
    }
    int rc = is_possible ? TENON_OK : TENON_ERR_LIMIT;
    for (unsigned i = 0; rc >= 0 && i < axis_count; i++) {
        rc = nudge(&axes[i]);
    }
    return rc;
}

/* --- afterwards --- */

/* A register by its address: a request is a struct of ours that the bus completes while the loop
 * runs. */
static bool write_register(const struct axis *axis, const struct tenon_dxl2_motor_change *change)
{
    const tenon_ns_t end = tenon_posix_now() + TENON_MS(500);
    struct tenon_request request = {.node = axis->id,
                                    .operation = TENON_OP_WRITE,
                                    .address = change->address,
                                    .width = change->width};
    for (unsigned i = 0; i < change->width; i++) {
        request.data[i] = (uint8_t)(change->old_value >> (8 * i));
    }
    if (tenon_wire_submit(&wire, &request) < 0) {
        return false;
    }
    while (request.state != TENON_REQUEST_DONE && tenon_posix_now() < end) {
        (void)tenon_posix_cycle(&sched);
    }
    const bool is_done = request.state == TENON_REQUEST_DONE && request.result == TENON_OK;
    tenon_wire_cancel(&wire, &request); /* it lies on our stack */
    return is_done;
}

/* Only servos found without torque are changed, and they are without it again, which EEPROM needs.
 */
static bool put_back(const struct axis *axis)
{
    struct tenon_dxl2_motor_change changes[TENON_DXL2_MOTOR_CHANGES_MAX];
    const size_t count =
        tenon_dxl2_motor_changes(&axis->servo, changes, TENON_DXL2_MOTOR_CHANGES_MAX);
    bool is_back = true;
    for (size_t i = 0; i < count; i++) {
        const bool is_done = write_register(axis, &changes[i]);
        printf("%s: EEPROM register %u %s %lu\n", axis->name, (unsigned)changes[i].address,
               is_done ? "is back at" : "could not be put back to",
               (unsigned long)changes[i].old_value);
        is_back = is_back && is_done;
    }
    return is_back;
}

static int work(void)
{
    int rc = tenon_posix_start(&sched, TENON_S(3));
    if (rc >= 0 && !interrupted) {
        rc = nudge_all();
    } else {
        explain_all(rc);
    }
    if (!sched.is_started) {
        return rc;
    }
    const int stopped = tenon_posix_stop(&sched, TENON_S(1));
    bool is_back = true;
    for (unsigned i = 0; i < axis_count; i++) {
        is_back = put_back(&axes[i]) && is_back;
    }
    return stopped < 0 || !is_back || interrupted ? TENON_ERR_STATE : rc;
}

/* --- the command line --- */

static bool ask(const uint8_t *ids)
{
    char answer[8] = "";
    printf("Move ID%s ", axis_count > 1 ? "s" : "");
    for (unsigned i = 0; i < axis_count; i++) {
        printf("%s%u", i > 0 ? ", " : "", (unsigned)ids[i]);
    }
    printf(" by +-%.1f rad? [y/N] ", WAY_RAD);
    fflush(stdout);
    return fgets(answer, sizeof answer, stdin) != NULL && (answer[0] == 'y' || answer[0] == 'Y');
}

/* @return false with a message unless the text is a whole number from `min` to `max`. */
static bool parse(const char *text, unsigned long min, unsigned long max, unsigned long *out)
{
    char *end;
    *out = strtoul(text, &end, 10);
    if (text[0] >= '0' && text[0] <= '9' && *end == '\0' && *out >= min && *out <= max) {
        return true;
    }
    fprintf(stderr, "nudge: '%s' is not a number from %lu to %lu\n", text, min, max);
    return false;
}

static int usage(void)
{
    fprintf(stderr, "usage: nudge PORT [--baud N] [--yes] ID...\n"
                    "Turns each servo by 0.1 rad to both sides of where it stands; baud is 1000000 "
                    "unless given.\n");
    return 2;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {{"baud", required_argument, NULL, 'b'},
                                            {"yes", no_argument, NULL, 'y'},
                                            {NULL, 0, NULL, 0}};
    unsigned long baud = 1000000;
    unsigned long id;
    uint8_t ids[SERVOS_MAX] = {0};
    bool is_sure = false;
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (c == 'y') {
            is_sure = true;
        } else if (c != 'b' || !parse(optarg, 9600, 10000000, &baud)) {
            return usage();
        }
    }
    if (argc - optind < 2 || argc - optind > SERVOS_MAX + 1) {
        return usage();
    }
    for (int i = optind + 1; i < argc; i++) {
        if (!parse(argv[i], 0, 252, &id)) {
            return usage();
        }
        ids[axis_count++] = (uint8_t)id;
    }
    if (!is_sure && !ask(ids)) {
        printf("nothing was moved\n");
        return 1;
    }
    signal(SIGINT, interrupt);
    signal(SIGTERM, interrupt);
    assemble(argv[optind], (uint32_t)baud, ids);
    return work() < 0 ? 1 : 0;
}
