#include "tenon/drivers/ratio_reducer.h"

#include <string.h>

#define RATIO_MIN 1e-6
#define RATIO_MAX 1e6

static const struct tenon_ratio_reducer *from_reducer(const struct tenon_reducer *reducer)
{
    return (const struct tenon_ratio_reducer *)(const void *)reducer; /* base is first */
}

static double magnitude(double value)
{
    return value < 0.0 ? -value : value;
}

static int ratio_to_joint(struct tenon_reducer *reducer,
                          const struct tenon_motor_state *motors,
                          float dt_s,
                          struct tenon_joint_state *out_joints)
{
    const struct tenon_ratio_reducer *self = from_reducer(reducer);
    (void)dt_s;
    out_joints[0].position_rad = motors[0].position_rad * self->inverse;
    out_joints[0].velocity_rad_s = motors[0].velocity_rad_s * self->inverse_f;
    out_joints[0].effort_nm = motors[0].effort_nm * self->ratio_f;
    return TENON_OK;
}

static float motor_effort(const struct tenon_ratio_reducer *self,
                          const struct tenon_joint_command *joint)
{
    if (joint->mode == TENON_MODE_PWM) {
        return self->ratio_f < 0.0f ? -joint->effort_nm : joint->effort_nm;
    }
    return joint->effort_nm * self->inverse_f;
}

static int ratio_to_motor(struct tenon_reducer *reducer,
                          const struct tenon_joint_command *joints,
                          const struct tenon_joint_state *at,
                          float dt_s,
                          struct tenon_motor_command *out_motors)
{
    const struct tenon_ratio_reducer *self = from_reducer(reducer);
    (void)at;
    (void)dt_s;
    out_motors[0].position_rad = joints[0].position_rad * self->ratio;
    out_motors[0].velocity_rad_s = joints[0].velocity_rad_s * self->ratio_f;
    out_motors[0].effort_nm = motor_effort(self, &joints[0]);
    return TENON_OK;
}

static int ratio_limits(const struct tenon_reducer *reducer,
                        const struct tenon_motor_limits *motors,
                        struct tenon_joint_limits *out_joints)
{
    const struct tenon_ratio_reducer *self = from_reducer(reducer);
    const double low = motors[0].position_min_rad * self->inverse;
    const double high = motors[0].position_max_rad * self->inverse;
    out_joints[0].position_min_rad = self->ratio > 0.0 ? low : high;
    out_joints[0].position_max_rad = self->ratio > 0.0 ? high : low;
    out_joints[0].velocity_rad_s = motors[0].velocity_max_rad_s * (float)magnitude(self->inverse);
    out_joints[0].effort_nm = motors[0].effort_max_nm * (float)magnitude(self->ratio);
    return TENON_OK;
}

static int ratio_probe(struct tenon_module *self, tenon_ns_t now)
{
    (void)self;
    (void)now;
    return TENON_OK;
}

static const struct tenon_lifecycle_api lifecycle = {
    .head = TENON_API_HEAD(struct tenon_lifecycle_api),
    .probe = ratio_probe,
    .make_safe = ratio_probe, /* nothing to do either */
};

static const struct tenon_reducer_api reducer_api = {
    .head = TENON_API_HEAD(struct tenon_reducer_api),
    .to_joint = ratio_to_joint,
    .to_motor = ratio_to_motor,
    .limits = ratio_limits,
};

static const struct tenon_driver ratio_reducer_driver = {
    .head = TENON_API_HEAD(struct tenon_driver),
    .name = "ratio_reducer",
    .role = TENON_ROLE_REDUCER,
    .instance_size = sizeof(struct tenon_ratio_reducer),
    .lifecycle = &lifecycle,
    .api = &reducer_api.head,
};

struct tenon_reducer *
tenon_ratio_reducer_init_sized(struct tenon_ratio_reducer *self, size_t size, double ratio)
{
    const double n = magnitude(ratio);
    /* a NaN passes no comparison */
    if (self == NULL || size != sizeof *self || !(n >= RATIO_MIN && n <= RATIO_MAX)) {
        return NULL;
    }
    memset(self, 0, sizeof *self);
    self->base.module.driver = &ratio_reducer_driver;
    self->base.motor_count = 1;
    self->base.joint_count = 1;
    self->ratio = ratio;
    self->inverse = 1.0 / ratio;
    self->ratio_f = (float)ratio;
    self->inverse_f = (float)self->inverse;
    return &self->base;
}
