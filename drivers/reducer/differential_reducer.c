#include "tenon/drivers/differential_reducer.h"

#include <string.h>

#define RATIO_MIN 1e-6
#define RATIO_MAX 1e6

static const struct tenon_differential_reducer *from_reducer(const struct tenon_reducer *reducer)
{
    return (const struct tenon_differential_reducer *)(const void *)reducer; /* base is first */
}

static double magnitude(double value)
{
    return value < 0.0 ? -value : value;
}

static double smaller(double a, double b)
{
    return a < b ? a : b;
}

static double sign(double value)
{
    return value < 0.0 ? -1.0 : 1.0;
}

/* Positions and velocities: u is at the differential, of each side. */
static void side_to_joint(const struct tenon_differential_reducer *self,
                          const double motor[2],
                          double out_joint[2])
{
    const double u0 = motor[0] * self->motor_inverse[0];
    const double u1 = motor[1] * self->motor_inverse[1];
    out_joint[0] = 0.5 * (u0 + u1) * self->joint_inverse[0];
    out_joint[1] = 0.5 * (u0 - u1) * self->joint_inverse[1];
}

static void joint_to_side(const struct tenon_differential_reducer *self,
                          const double joint[2],
                          double out_motor[2])
{
    const double sum = joint[0] * self->joint[0];
    const double difference = joint[1] * self->joint[1];
    out_motor[0] = self->motor[0] * (sum + difference);
    out_motor[1] = self->motor[1] * (sum - difference);
}

static int differential_to_joint(struct tenon_reducer *reducer,
                                 const struct tenon_motor_state *motors,
                                 float dt_s,
                                 struct tenon_joint_state *out_joints)
{
    const struct tenon_differential_reducer *self = from_reducer(reducer);
    const double position[2] = {motors[0].position_rad, motors[1].position_rad};
    const double velocity[2] = {(double)motors[0].velocity_rad_s, (double)motors[1].velocity_rad_s};
    const double e0 = self->motor[0] * (double)motors[0].effort_nm;
    const double e1 = self->motor[1] * (double)motors[1].effort_nm;
    double joint_position[2];
    double joint_velocity[2];
    (void)dt_s;
    side_to_joint(self, position, joint_position);
    side_to_joint(self, velocity, joint_velocity);
    for (size_t i = 0; i < 2; i++) {
        out_joints[i].position_rad = joint_position[i];
        out_joints[i].velocity_rad_s = (float)joint_velocity[i];
    }
    out_joints[0].effort_nm = (float)(self->joint[0] * (e0 + e1));
    out_joints[1].effort_nm = (float)(self->joint[1] * (e0 - e1));
    return TENON_OK;
}

static void split_effort(const struct tenon_differential_reducer *self,
                         const struct tenon_joint_command *joints,
                         double out_motor[2])
{
    const double e0 = (double)joints[0].effort_nm;
    const double e1 = (double)joints[1].effort_nm;
    double sum = e0 * self->joint_inverse[0];
    double difference = e1 * self->joint_inverse[1];
    if (joints[0].mode == TENON_MODE_EFFORT_POSITION) {
        const double cap = 0.5 * (magnitude(sum) + magnitude(difference));
        out_motor[0] = cap * magnitude(self->motor_inverse[0]);
        out_motor[1] = cap * magnitude(self->motor_inverse[1]);
    } else if (joints[0].mode == TENON_MODE_PWM) {
        sum = e0 * sign(self->joint[0]);
        difference = e1 * sign(self->joint[1]);
        out_motor[0] = (sum + difference) * sign(self->motor[0]);
        out_motor[1] = (sum - difference) * sign(self->motor[1]);
    } else {
        out_motor[0] = 0.5 * (sum + difference) * self->motor_inverse[0];
        out_motor[1] = 0.5 * (sum - difference) * self->motor_inverse[1];
    }
}

static int differential_to_motor(struct tenon_reducer *reducer,
                                 const struct tenon_joint_command *joints,
                                 const struct tenon_joint_state *at,
                                 float dt_s,
                                 struct tenon_motor_command *out_motors)
{
    const struct tenon_differential_reducer *self = from_reducer(reducer);
    const double position[2] = {joints[0].position_rad, joints[1].position_rad};
    const double velocity[2] = {(double)joints[0].velocity_rad_s, (double)joints[1].velocity_rad_s};
    double motor_position[2];
    double motor_velocity[2];
    double motor_effort[2];
    (void)at;
    (void)dt_s;
    joint_to_side(self, position, motor_position);
    joint_to_side(self, velocity, motor_velocity);
    split_effort(self, joints, motor_effort);
    for (size_t i = 0; i < 2; i++) {
        out_motors[i].position_rad = motor_position[i];
        out_motors[i].velocity_rad_s = (float)motor_velocity[i];
        out_motors[i].effort_nm = (float)motor_effort[i];
    }
    return TENON_OK;
}

/* What the motors can reach is a square on its tip; of it, the square within that stands upright.
 */
static void limit_positions(const struct tenon_differential_reducer *self,
                            const struct tenon_motor_limits *motors,
                            struct tenon_joint_limits *out_joints)
{
    double middle[2];
    double half[2];
    double centre[2];
    for (size_t i = 0; i < 2; i++) {
        /* halved first: endless motors have the largest number there is */
        const double low = 0.5 * motors[i].position_min_rad;
        const double high = 0.5 * motors[i].position_max_rad;
        middle[i] = low + high;
        half[i] = (high - low) * magnitude(self->motor_inverse[i]);
    }
    side_to_joint(self, middle, centre);
    const double reach = 0.5 * smaller(half[0], half[1]);
    for (size_t i = 0; i < 2; i++) {
        const double width = reach * magnitude(self->joint_inverse[i]);
        out_joints[i].position_min_rad = centre[i] - width;
        out_joints[i].position_max_rad = centre[i] + width;
    }
}

static int differential_limits(const struct tenon_reducer *reducer,
                               const struct tenon_motor_limits *motors,
                               struct tenon_joint_limits *out_joints)
{
    const struct tenon_differential_reducer *self = from_reducer(reducer);
    double speed[2];
    double effort[2];
    limit_positions(self, motors, out_joints);
    for (size_t i = 0; i < 2; i++) {
        speed[i] = (double)motors[i].velocity_max_rad_s * magnitude(self->motor_inverse[i]);
        effort[i] = (double)motors[i].effort_max_nm * magnitude(self->motor[i]);
    }
    for (size_t i = 0; i < 2; i++) {
        out_joints[i].velocity_rad_s =
            (float)(0.5 * smaller(speed[0], speed[1]) * magnitude(self->joint_inverse[i]));
        out_joints[i].effort_nm =
            (float)(smaller(effort[0], effort[1]) * magnitude(self->joint[i]));
    }
    return TENON_OK;
}

static int differential_probe(struct tenon_module *self, tenon_ns_t now)
{
    (void)self;
    (void)now;
    return TENON_OK;
}

static const struct tenon_lifecycle_api lifecycle = {
    .head = TENON_API_HEAD(struct tenon_lifecycle_api),
    .probe = differential_probe,
    .make_safe = differential_probe, /* nothing to do either */
};

static const struct tenon_reducer_api reducer_api = {
    .head = TENON_API_HEAD(struct tenon_reducer_api),
    .to_joint = differential_to_joint,
    .to_motor = differential_to_motor,
    .limits = differential_limits,
};

static const struct tenon_driver differential_reducer_driver = {
    .head = TENON_API_HEAD(struct tenon_driver),
    .name = "differential_reducer",
    .role = TENON_ROLE_REDUCER,
    .instance_size = sizeof(struct tenon_differential_reducer),
    .lifecycle = &lifecycle,
    .api = &reducer_api.head,
};

static bool is_ratio(double ratio)
{
    const double n = magnitude(ratio);
    return n >= RATIO_MIN && n <= RATIO_MAX; /* a NaN passes no comparison */
}

struct tenon_reducer *tenon_differential_reducer_init_sized(struct tenon_differential_reducer *self,
                                                            size_t size,
                                                            const double motor_ratios[2],
                                                            const double joint_ratios[2])
{
    if (self == NULL || motor_ratios == NULL || joint_ratios == NULL || size != sizeof *self) {
        return NULL;
    }
    for (size_t i = 0; i < 2; i++) {
        if (!is_ratio(motor_ratios[i]) || !is_ratio(joint_ratios[i])) {
            return NULL;
        }
    }
    memset(self, 0, sizeof *self);
    self->base.module.driver = &differential_reducer_driver;
    self->base.motor_count = 2;
    self->base.joint_count = 2;
    for (size_t i = 0; i < 2; i++) {
        self->motor[i] = motor_ratios[i];
        self->joint[i] = joint_ratios[i];
        self->motor_inverse[i] = 1.0 / motor_ratios[i];
        self->joint_inverse[i] = 1.0 / joint_ratios[i];
    }
    return &self->base;
}
