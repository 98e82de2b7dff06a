/*
 * One application, two kinds of motor, and one line that says which: the joint, its limits and its
 * moves stay as they are when the driver in the motor's seat is exchanged.
 *
 * Both motors are simulated: the Dynamixel behind a line in memory (a real one has a serial port
 * there, as in hello_servo.c), the other a stepper on pins whose driver is in this file. Usage:
 * swap_driver dynamixel|pins
 */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <tenon/posix.h>
#include <tenon/sim.h>
#include <tenon/tenon.h>

#define PERIOD     TENON_MS(4)
#define TICK       TENON_US(250)
#define BAUD       1000000
#define SETTLE_RAD 0.02

/* --- a small motor driver: a stepper on step and direction pins; custom_driver.c explains the
 * parts --- */

#define STEP_RAD (6.283185307179586 / 3200.0)

struct stepper {
    struct tenon_motor base;
    long goal_steps;
    long steps;
    float velocity_rad_s;
    tenon_ns_t stamp_ns;
    bool is_energised;
    bool sample_is_new;
};

/* What the timer that makes the pulses would do: at most one step each time. */
static void stepper_interrupt(struct stepper *self, tenon_ns_t now)
{
    long direction = 0;
    if (self->is_energised && self->goal_steps != self->steps) {
        direction = self->goal_steps > self->steps ? 1 : -1;
    }
    const float speed = (float)((double)direction * STEP_RAD * (double)TENON_S(1) / (double)TICK);
    self->velocity_rad_s += 0.1f * (speed - self->velocity_rad_s);
    self->steps += direction;
    self->stamp_ns = now;
    self->sample_is_new = true;
}

static int stepper_probe(struct tenon_module *module, tenon_ns_t now)
{
    struct stepper *const self = TENON_CONTAINER_OF(module, struct stepper, base.module);
    (void)now;
    self->base.limits = (struct tenon_motor_limits){
        .position_min_rad = -3.14,
        .position_max_rad = 3.14,
        .velocity_max_rad_s = 7.0f,
        .effort_max_nm = 2.0f,
        .velocity_top_rad_s = 8.0f,
    };
    return TENON_OK;
}

static int stepper_activate(struct tenon_module *module, tenon_ns_t now)
{
    struct stepper *const self = TENON_CONTAINER_OF(module, struct stepper, base.module);
    (void)now;
    self->goal_steps = self->steps;
    self->is_energised = true;
    self->base.command.position_rad = (double)self->steps * STEP_RAD;
    self->base.has_command = true;
    return TENON_OK;
}

static int stepper_make_safe(struct tenon_module *module, tenon_ns_t now)
{
    struct stepper *const self = TENON_CONTAINER_OF(module, struct stepper, base.module);
    (void)now;
    self->is_energised = false;
    return TENON_OK;
}

static int
stepper_read(struct tenon_motor *motor, tenon_ns_t now, struct tenon_motor_state *out_state)
{
    (void)now;
    struct stepper *const self = TENON_CONTAINER_OF(motor, struct stepper, base);
    if (!self->sample_is_new) {
        return TENON_ERR_AGAIN;
    }
    self->sample_is_new = false;
    out_state->position_rad = (double)self->steps * STEP_RAD;
    out_state->velocity_rad_s = self->velocity_rad_s;
    out_state->stamp_ns = self->stamp_ns;
    out_state->valid = TENON_VALID_POSITION | TENON_VALID_VELOCITY; /* a stepper feels no load */
    return TENON_OK;
}

static int stepper_command(struct tenon_motor *motor, const struct tenon_motor_command *command)
{
    struct stepper *const self = TENON_CONTAINER_OF(motor, struct stepper, base);
    if (motor->module.state == TENON_MODULE_ACTIVE) {
        self->goal_steps = lround(command->position_rad / STEP_RAD);
    }
    return TENON_OK;
}

static const struct tenon_lifecycle_api stepper_lifecycle = {
    .head = TENON_API_HEAD(struct tenon_lifecycle_api),
    .probe = stepper_probe,
    .activate = stepper_activate,
    .make_safe = stepper_make_safe,
};

static const struct tenon_motor_api stepper_api = {
    .head = TENON_API_HEAD(struct tenon_motor_api),
    .read = stepper_read,
    .command = stepper_command,
};

static const struct tenon_driver stepper_driver = {
    .head = TENON_API_HEAD(struct tenon_driver),
    .name = "stepper",
    .role = TENON_ROLE_MOTOR,
    .instance_size = sizeof(struct stepper),
    .lifecycle = &stepper_lifecycle,
    .api = &stepper_api.head,
};

static struct tenon_motor *stepper_init(struct stepper *self)
{
    memset(self, 0, sizeof *self);
    self->base.module.driver = &stepper_driver;
    self->base.mode = TENON_MODE_POSITION;
    return &self->base;
}

/* --- the application --- */

static uint64_t memory[512], bus_memory[512];
static struct tenon_sched sched;
static struct tenon_wire wire;
static struct tenon_memory_line line;
static struct tenon_dxl2_bus bus;
static struct tenon_dxl2_motor servo;
static struct stepper stepper;
static struct tenon_joint wrist;

/* --- the simulated world: a servo at the far end of the line --- */

static struct tenon_sim_servo sim_servo;
static struct tenon_sim_servo *const sim_servos[] = {&sim_servo};
static struct tenon_sim_bus sim_bus;
static tenon_ns_t now = TENON_S(1);

static void pass_time(void)
{
    now += TICK;
    stepper_interrupt(&stepper, now);
    tenon_sim_bus_serve(&sim_bus, &line, now);
    (void)tenon_sched_poll(&sched, now);
    (void)tenon_sched_step(&sched, now);
}

/* What one move looked like. */
struct summary {
    double fastest_rad_s; /* commanded */
    double furthest_off_rad;
    tenon_ns_t began_ns;
    tenon_ns_t ended_ns;
};

static void take_in(struct summary *summary, double last_rad)
{
    const double way = fabs(wrist.command.position_rad - last_rad);
    const double off = fabs(wrist.command.position_rad - wrist.state.position_rad);
    summary->furthest_off_rad = fmax(summary->furthest_off_rad, off);
    if (way > 0.0) {
        summary->fastest_rad_s = fmax(summary->fastest_rad_s, way / (double)PERIOD * 1e9);
        summary->began_ns = summary->began_ns != 0 ? summary->began_ns : now - PERIOD;
        summary->ended_ns = now;
    }
}

static int move_to(double goal_rad)
{
    struct summary summary = {0};
    const tenon_ns_t patience = now + TENON_S(10);
    double last_rad = wrist.command.position_rad;
    int rc = tenon_joint_move_to(&wrist, goal_rad);
    while (rc >= 0 && now < patience && !tenon_joint_is_settled(&wrist, SETTLE_RAD)) {
        const uint32_t steps = sched.counters.step_count;
        pass_time();
        if (sched.counters.step_count != steps && wrist.status == TENON_JOINT_ENABLED) {
            take_in(&summary, last_rad);
            last_rad = wrist.command.position_rad;
        }
        rc = tenon_sched_explain(&sched);
    }
    if (rc >= 0) {
        const bool is_there = tenon_joint_is_settled(&wrist, SETTLE_RAD);
        printf("to %5.2f rad: %.2f s, at most %.2f rad/s, %s\n", goal_rad,
               (double)(summary.ended_ns - summary.began_ns) * 1e-9, summary.fastest_rad_s,
               is_there && summary.furthest_off_rad < 0.1 ? "never far off, settled"
                                                          : "not as it should");
        rc = is_there ? rc : TENON_ERR_TIMEOUT;
    }
    return rc;
}

static int work(void)
{
    int rc = tenon_sched_start(&sched);
    while (rc >= 0 && now < TENON_S(3) && !tenon_sched_is_ready(&sched)) {
        pass_time();
    }
    rc = rc < 0 ? rc : tenon_sched_explain(&sched);
    rc = rc < 0 ? rc : tenon_joint_enable(&wrist);
    rc = rc < 0 ? rc : move_to(0.8);
    rc = rc < 0 ? rc : move_to(-0.4);
    return rc < 0 ? rc : move_to(0.0);
}

static void assemble(bool on_pins)
{
    static const struct tenon_joint_limits limits = {-1.0, 1.0, 1.0f, 4.0f, 40.0f, 0.0f, 0.2f};
    tenon_sched_init(&sched, &tenon_posix_port, PERIOD, memory, sizeof memory);
    tenon_sched_add_wire(&sched, &wire, "bus", tenon_memory_line_init(&line, BAUD),
                         tenon_dxl2_bus_init(&bus, bus_memory, sizeof bus_memory));
    struct tenon_motor *const dynamixel =
        tenon_dxl2_motor_init(&servo, &wire, 1, TENON_MODE_POSITION);
    struct tenon_motor *const pins = stepper_init(&stepper);
    /* This is the line. */
    struct tenon_motor *const motor = on_pins ? pins : dynamixel;
    tenon_sched_add_joint(&sched, &wrist, "wrist", motor, &limits);
}

int main(int argc, char **argv)
{
    const bool on_pins = argc == 2 && strcmp(argv[1], "pins") == 0;
    if (argc != 2 || (!on_pins && strcmp(argv[1], "dynamixel") != 0)) {
        fprintf(stderr, "usage: swap_driver dynamixel|pins\n");
        return 2;
    }
    tenon_sim_servo_init(&sim_servo, "xm430-w350", 1, BAUD);
    tenon_sim_bus_init(&sim_bus, sim_servos, 1);
    assemble(on_pins);
    const int rc = work();
    printf("driver in the seat: %s\n", wrist.motor.module->driver->name);
    if (rc < 0) {
        char text[200];
        printf("%s\n", tenon_diag_text(tenon_sched_diag(&sched), text, sizeof text));
    }
    tenon_sched_make_safe(&sched);
    for (const tenon_ns_t end = now + TENON_S(1); now < end;) {
        pass_time();
    }
    return rc < 0 || !tenon_sched_is_safe(&sched);
}
