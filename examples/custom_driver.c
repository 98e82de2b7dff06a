/*
 * Two drivers of your own in one file: a reducer whose ratio depends on where it is, and a motor
 * that hangs on pins instead of a bus. The joint, its limits and its moves do not know the
 * difference.
 *
 * The mechanism is a lever pushed by a screw, as in the boom of an excavator. The hardware is
 * simulated and so is the clock: nothing needs to be plugged in, and the program ends at once.
 * Usage: custom_driver
 */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <tenon/posix.h>
#include <tenon/tenon.h>

#define PERIOD     TENON_MS(4)
#define INTERRUPT  TENON_US(250) /* of the motor's own loop */
#define QUARTER    1.5707963267948966
#define SETTLE_RAD 0.01

/* --- the hardware: what a real board would have in its place --- */

/* A brushed motor on a half bridge, with an encoder and a current sensor. */
struct bench {
    double volts; /* what the bridge applies; no effect while it is off */
    bool bridge_is_on;
    double angle_rad;
    double speed_rad_s;
    double current_a;
};

static void bench_run(struct bench *bench, double dt_s)
{
    const double ohms = 2.0, volt_s = 0.05, inertia_kg_m2 = 4e-5, friction_nm_s = 2e-5;
    const double back_emf = volt_s * bench->speed_rad_s;
    bench->current_a = bench->bridge_is_on ? (bench->volts - back_emf) / ohms : 0.0;
    const double torque = volt_s * bench->current_a - friction_nm_s * bench->speed_rad_s;
    bench->speed_rad_s += torque / inertia_kg_m2 * dt_s;
    bench->angle_rad += bench->speed_rad_s * dt_s;
}

/* --- the motor driver --- */

#define SUPPLY_V 24.0

/* The base comes first. What else a driver keeps is its own; there is one struct for each motor,
 * and no statics. */
struct pins_motor {
    struct tenon_motor base;
    struct bench *bench;
    double goal_rad;
    struct tenon_motor_state sample;
    bool sample_is_new;
};

static struct pins_motor *from_motor(struct tenon_motor *motor)
{
    return TENON_CONTAINER_OF(motor, struct pins_motor, base);
}

static struct pins_motor *from_module(struct tenon_module *module)
{
    return TENON_CONTAINER_OF(module, struct pins_motor, base.module);
}

/*
 * What a timer interrupt would do: sample the encoder, close the position loop. A
 * sample gets its stamp here, where it is taken.
 */
static void pins_motor_interrupt(struct pins_motor *self, tenon_ns_t now)
{
    struct bench *const bench = self->bench;
    const double asked = 2.0 * (self->goal_rad - bench->angle_rad) - 0.02 * bench->speed_rad_s;
    bench->volts = fmax(-SUPPLY_V, fmin(SUPPLY_V, asked));
    self->sample = (struct tenon_motor_state){
        .position_rad = bench->angle_rad,
        .velocity_rad_s = (float)bench->speed_rad_s,
        .effort_nm = (float)(0.05 * bench->current_a),
        .stamp_ns = now,
        .valid = TENON_VALID_POSITION | TENON_VALID_VELOCITY | TENON_VALID_EFFORT,
    };
    self->sample_is_new = true;
}

/* Is it there? A motor on pins cannot be asked. A step that takes longer returns TENON_ERR_AGAIN
 * until it is done. */
static int pins_probe(struct tenon_module *module, tenon_ns_t now)
{
    (void)now;
    if (from_module(module)->bench == NULL) {
        return tenon_module_refuse(module, TENON_ERR_ARG, TENON_CAUSE_NULL, 0.0f, 0.0f);
    }
    return TENON_OK;
}

/* What it can do must be known when this is done: the motor gate holds every command to it. */
static int pins_configure(struct tenon_module *module, tenon_ns_t now)
{
    struct pins_motor *const self = from_module(module);
    (void)now;
    self->base.limits = (struct tenon_motor_limits){
        .position_min_rad = -160.0, /* the ends of the screw */
        .position_max_rad = 120.0,
        .velocity_max_rad_s = 300.0f,
        .effort_max_nm = 0.5f,
        .velocity_top_rad_s = 500.0f, /* a sample that moved faster cannot be true */
    };
    self->base.is_holding = self->bench->bridge_is_on;
    return TENON_OK;
}

/* Torque comes on without a jump: the goal is where the motor stands, and the core is told so. */
static int pins_activate(struct tenon_module *module, tenon_ns_t now)
{
    struct pins_motor *const self = from_module(module);
    (void)now;
    if (!self->bench->bridge_is_on) {
        self->goal_rad = self->bench->angle_rad;
        self->bench->bridge_is_on = true;
    }
    self->base.command =
        (struct tenon_motor_command){.position_rad = self->goal_rad, .mode = self->base.mode};
    self->base.has_command = true;
    return TENON_OK;
}

/* Torque off. It must work in every state, also before probe. */
static int pins_make_safe(struct tenon_module *module, tenon_ns_t now)
{
    struct pins_motor *const self = from_module(module);
    (void)now;
    if (self->bench != NULL) {
        self->bench->bridge_is_on = false;
    }
    self->base.is_holding = false;
    return TENON_OK;
}

static int pins_read(struct tenon_motor *motor, tenon_ns_t now, struct tenon_motor_state *out_state)
{
    (void)now;
    struct pins_motor *const self = from_motor(motor);
    if (!self->sample_is_new) {
        return TENON_ERR_AGAIN;
    }
    self->sample_is_new = false;
    *out_state = self->sample;
    return TENON_OK;
}

static int pins_command(struct tenon_motor *motor, const struct tenon_motor_command *command)
{
    if (motor->module.state == TENON_MODULE_ACTIVE) {
        from_motor(motor)->goal_rad = command->position_rad;
    }
    return TENON_OK;
}

/* The tables are constant. Methods that are left out are NULL, which is allowed where the header
 * says optional. */
static const struct tenon_lifecycle_api pins_lifecycle = {
    .head = TENON_API_HEAD(struct tenon_lifecycle_api),
    .probe = pins_probe,
    .configure = pins_configure,
    .activate = pins_activate,
    .make_safe = pins_make_safe,
};

static const struct tenon_motor_api pins_api = {
    .head = TENON_API_HEAD(struct tenon_motor_api),
    .read = pins_read,
    .command = pins_command,
};

static const struct tenon_driver pins_driver = {
    .head = TENON_API_HEAD(struct tenon_driver),
    .name = "pins_motor",
    .role = TENON_ROLE_MOTOR,
    .instance_size = sizeof(struct pins_motor),
    .lifecycle = &pins_lifecycle,
    .api = &pins_api.head,
};

/* Last of the file's motor part, because it names the tables. No wire and no device: those stay
 * NULL. */
static struct tenon_motor *pins_motor_init(struct pins_motor *self, struct bench *bench)
{
    memset(self, 0, sizeof *self);
    self->base.module.driver = &pins_driver;
    self->base.mode = TENON_MODE_POSITION;
    self->bench = bench;
    return &self->base;
}

/* --- the reducer driver --- */

/*
 * The screw is the third side of a triangle; the other two are the base and the lever, and the
 * joint's angle lies between those. At joint angle 0 it is a right angle. Everything follows from
 * one function, the motor angle as a function of the joint angle, and its slope, which is the ratio
 * at this place:
 *
 *     motor velocity = slope * joint velocity          joint torque = slope * motor torque
 *
 * so that the power which goes in comes out again.
 */
struct lever_reducer {
    struct tenon_reducer base;
    double base_m;
    double lever_m;
    double rad_per_m; /* motor turns that lengthen the screw by one metre */
};

static const struct lever_reducer *from_reducer(const struct tenon_reducer *reducer)
{
    return (const struct lever_reducer *)(const void *)reducer; /* the base is first */
}

static double screw_m(const struct lever_reducer *self, double joint_rad)
{
    const double a = self->base_m, b = self->lever_m;
    return sqrt(a * a + b * b - 2.0 * a * b * cos(joint_rad + QUARTER));
}

static double motor_angle(const struct lever_reducer *self, double joint_rad)
{
    return (screw_m(self, joint_rad) - screw_m(self, 0.0)) * self->rad_per_m;
}

static double slope(const struct lever_reducer *self, double joint_rad)
{
    const double turn = self->base_m * self->lever_m * sin(joint_rad + QUARTER);
    return turn / screw_m(self, joint_rad) * self->rad_per_m;
}

/* @return false where the triangle does not close: the screw is too long or too short. */
static bool joint_angle(const struct lever_reducer *self, double motor_rad, double *out_rad)
{
    const double a = self->base_m, b = self->lever_m;
    const double length = screw_m(self, 0.0) + motor_rad / self->rad_per_m;
    const double cosine = (a * a + b * b - length * length) / (2.0 * a * b);
    if (!(cosine > -0.999 &&
          cosine < 0.999)) { /* near the ends the slope is 0 and the lever cannot be driven */
        return false;
    }
    *out_rad = acos(cosine) - QUARTER;
    return true;
}

static int lever_to_joint(struct tenon_reducer *reducer,
                          const struct tenon_motor_state *motors,
                          float dt_s,
                          struct tenon_joint_state *out_joints)
{
    const struct lever_reducer *const self = from_reducer(reducer);
    (void)dt_s;
    if (!joint_angle(self, motors[0].position_rad, &out_joints[0].position_rad)) {
        return TENON_ERR_LIMIT;
    }
    const double ratio = slope(self, out_joints[0].position_rad);
    out_joints[0].velocity_rad_s = (float)((double)motors[0].velocity_rad_s / ratio);
    out_joints[0].effort_nm = (float)((double)motors[0].effort_nm * ratio);
    return TENON_OK;
}

/* Velocity and torque go by the ratio where the lever is now; a duty is no torque and passes as it
 * is. */
static int lever_to_motor(struct tenon_reducer *reducer,
                          const struct tenon_joint_command *joints,
                          const struct tenon_joint_state *at,
                          float dt_s,
                          struct tenon_motor_command *out_motors)
{
    const struct lever_reducer *const self = from_reducer(reducer);
    const double ratio = slope(self, at[0].position_rad);
    (void)dt_s;
    out_motors[0].position_rad = motor_angle(self, joints[0].position_rad);
    out_motors[0].velocity_rad_s = (float)((double)joints[0].velocity_rad_s * ratio);
    out_motors[0].effort_nm = joints[0].effort_nm;
    if (joints[0].mode != TENON_MODE_PWM) {
        out_motors[0].effort_nm = (float)((double)joints[0].effort_nm / ratio);
    }
    return TENON_OK;
}

/*
 * What the motor's limits mean for the joint. Where the ratio changes, speed is what the motor can
 * give at the largest ratio (the screw at right angles to the lever), and torque what it can give
 * at the smaller ratio of the two ends.
 */
static int lever_limits(const struct tenon_reducer *reducer,
                        const struct tenon_motor_limits *motors,
                        struct tenon_joint_limits *out_joints)
{
    const struct lever_reducer *const self = from_reducer(reducer);
    struct tenon_joint_limits *const out = &out_joints[0];
    if (!joint_angle(self, motors[0].position_min_rad, &out->position_min_rad) ||
        !joint_angle(self, motors[0].position_max_rad, &out->position_max_rad)) {
        return TENON_ERR_LIMIT;
    }
    const double ends =
        fmin(slope(self, out->position_min_rad), slope(self, out->position_max_rad));
    const double largest = self->lever_m * self->rad_per_m;
    out->velocity_rad_s = (float)((double)motors[0].velocity_max_rad_s / largest);
    out->effort_nm = (float)((double)motors[0].effort_max_nm * ends);
    return TENON_OK;
}

static int lever_nothing_to_do(struct tenon_module *module, tenon_ns_t now)
{
    (void)module;
    (void)now;
    return TENON_OK;
}

static const struct tenon_lifecycle_api lever_lifecycle = {
    .head = TENON_API_HEAD(struct tenon_lifecycle_api),
    .probe = lever_nothing_to_do,
    .make_safe = lever_nothing_to_do, /* steel makes no torque by itself */
};

static const struct tenon_reducer_api lever_api = {
    .head = TENON_API_HEAD(struct tenon_reducer_api),
    .to_joint = lever_to_joint,
    .to_motor = lever_to_motor,
    .limits = lever_limits,
};

static const struct tenon_driver lever_driver = {
    .head = TENON_API_HEAD(struct tenon_driver),
    .name = "lever_reducer",
    .role = TENON_ROLE_REDUCER,
    .instance_size = sizeof(struct lever_reducer),
    .lifecycle = &lever_lifecycle,
    .api = &lever_api.head,
};

/* @return NULL if the triangle is none; whoever is given the NULL refuses it, and start says so. */
static struct tenon_reducer *
lever_reducer_init(struct lever_reducer *self, double base_m, double lever_m, double lead_m)
{
    if (!(lever_m > 0.0 && base_m > lever_m && lead_m > 0.0)) {
        return NULL;
    }
    memset(self, 0, sizeof *self);
    self->base.module.driver = &lever_driver;
    self->base.motor_count = 1;
    self->base.joint_count = 1;
    self->base_m = base_m;
    self->lever_m = lever_m;
    self->rad_per_m = 4.0 * QUARTER / lead_m;
    return &self->base;
}

/* --- the application: from here on, nothing knows what drives the joint --- */

static uint64_t memory[512];
static struct tenon_sched sched;
static struct bench bench;
static struct pins_motor motor;
static struct lever_reducer lever;
static struct tenon_joint boom;

static tenon_ns_t now = TENON_S(1); /* of the simulated clock; it may begin anywhere but at 0 */
static double fastest_rad_s;        /* commanded */
static double furthest_rad;         /* measured */

static void watch(void)
{
    static double before;
    static bool has_before;
    if (boom.status == TENON_JOINT_ENABLED && has_before) {
        const double speed = fabs(boom.command.position_rad - before) / ((double)PERIOD * 1e-9);
        fastest_rad_s = fmax(fastest_rad_s, speed);
    }
    furthest_rad = fmax(furthest_rad, boom.state.position_rad);
    has_before = boom.status == TENON_JOINT_ENABLED;
    before = boom.command.position_rad;
}

static void print_row(void)
{
    printf("%7.2f %9.3f %9.3f %9.1f %8.1f\n", (double)(now - TENON_S(1)) * 1e-9,
           boom.command.position_rad, boom.state.position_rad, motor.base.state.position_rad,
           slope(&lever, boom.state.position_rad));
}

/* The whole loop: time passes, the hardware moves, poll and step do their part (step waits for its
 * release by itself). */
static void run(tenon_ns_t duration)
{
    const tenon_ns_t end = now + duration;
    while (now < end) {
        now += INTERRUPT;
        bench_run(&bench, (double)INTERRUPT * 1e-9);
        pins_motor_interrupt(&motor, now);
        (void)tenon_sched_poll(&sched, now);
        const uint32_t steps = sched.counters.step_count;
        (void)tenon_sched_step(&sched, now);
        if (sched.counters.step_count != steps) {
            watch();
        }
    }
}

static int move_to(double goal_rad)
{
    const int rc = tenon_joint_move_to(&boom, goal_rad);
    for (int i = 0; rc >= 0 && i < 40 && !tenon_joint_is_settled(&boom, SETTLE_RAD); i++) {
        run(TENON_MS(250));
        print_row();
    }
    return rc < 0 ? rc : tenon_sched_explain(&sched);
}

/* An application that asks for nonsense: the other end of the world, at once. */
static int ask_too_much(void)
{
    const struct tenon_joint_command command = {.position_rad = 50.0, .mode = TENON_MODE_POSITION};
    const int rc = tenon_joint_follow(&boom, &command);
    run(TENON_S(4));
    print_row();
    return rc < 0 ? rc : tenon_sched_explain(&sched);
}

static int work(void)
{
    int rc = tenon_sched_start(&sched);
    if (rc < 0) {
        return rc;
    }
    run(TENON_MS(50));
    rc = tenon_sched_explain(&sched);
    rc = rc < 0 ? rc : tenon_joint_enable(&boom);
    printf("%7s %9s %9s %9s %8s\n", "time", "command", "position", "motor", "ratio");
    rc = rc < 0 ? rc : move_to(0.9);
    rc = rc < 0 ? rc : move_to(-0.9);
    const bool has_arrived = tenon_joint_is_settled(&boom, SETTLE_RAD);
    printf("boom at %.2f rad: %s\n", boom.state.position_rad,
           has_arrived ? "arrived" : "not arrived");
    rc = rc < 0 ? rc : ask_too_much();
    return rc < 0 || has_arrived ? rc : TENON_ERR_TIMEOUT;
}

/* Whether limiter and gate have kept every command within its bounds. */
static bool bounds_were_kept(void)
{
    const struct tenon_joint_limits *const l = &boom.limits;
    printf("asked for 50 rad: it went to %.3f rad, limit %.3f; fastest command %.3f rad/s, limit "
           "%.3f\n",
           furthest_rad, l->position_max_rad, fastest_rad_s, (double)l->velocity_rad_s);
    printf("commands changed: %lu by the joint limiter, %lu by the motor gate\n",
           (unsigned long)boom.limited_count, (unsigned long)motor.base.gate_count);
    return furthest_rad <= l->position_max_rad + SETTLE_RAD &&
           fastest_rad_s <= (double)l->velocity_rad_s * 1.01 && boom.limited_count > 0;
}

int main(void)
{
    /* position from, to; velocity; acceleration; jerk; effort (0: what the motor can); following
     * error */
    static const struct tenon_joint_limits limits = {-1.0, 1.0, 0.6f, 2.0f, 20.0f, 0.0f, 0.1f};
    tenon_sched_init(&sched, &tenon_posix_port, PERIOD, memory, sizeof memory);
    tenon_sched_add_joint(&sched, &boom, "boom", pins_motor_init(&motor, &bench), &limits);
    tenon_joint_use_reducer(&boom, lever_reducer_init(&lever, 0.30, 0.10, 0.004));
    const int rc = work();
    if (rc < 0) {
        char text[200];
        printf("%s\n", tenon_diag_text(tenon_sched_diag(&sched), text, sizeof text));
    }
    const bool was_kept = bounds_were_kept();
    tenon_sched_make_safe(&sched);
    run(TENON_S(1));
    printf("torque is %s\n", bench.bridge_is_on ? "on" : "off");
    return rc < 0 || !was_kept || bench.bridge_is_on;
}
