#include "fake_pd.h"

#include <math.h>
#include <string.h>

static struct fake_pd *from(struct tenon_controller *controller)
{
    return TENON_CONTAINER_OF(controller, struct fake_pd, base);
}

static int nothing(struct tenon_module *module, tenon_ns_t now)
{
    (void)module;
    (void)now;
    return TENON_OK;
}

static int update(struct tenon_controller *controller,
                  const struct tenon_controller_input *input,
                  struct tenon_joint_command *out_command)
{
    struct fake_pd *self = from(controller);
    const bool fails = ++self->calls == self->fail_at;
    out_command->effort_nm =
        self->nm_per_rad * input->position_error_rad +
        self->nm_per_rad_s * (input->setpoint.velocity_rad_s - input->state.velocity_rad_s);
    if (fails && self->gives_nan) {
        out_command->effort_nm = NAN;
    }
    return fails && !self->gives_nan ? TENON_ERR_DEVICE : TENON_OK;
}

static int track(struct tenon_controller *controller,
                 const struct tenon_controller_input *input,
                 const struct tenon_joint_command *applied)
{
    (void)input;
    (void)applied;
    from(controller)->track_calls++;
    return TENON_OK;
}

static const struct tenon_lifecycle_api lifecycle = {
    .head = TENON_API_HEAD(struct tenon_lifecycle_api), .probe = nothing, .make_safe = nothing};

static const struct tenon_controller_api api = {
    .head = TENON_API_HEAD(struct tenon_controller_api), .update = update, .track = track};

static const struct tenon_driver driver = {
    .head = TENON_API_HEAD(struct tenon_driver),
    .name = "fake_pd",
    .role = TENON_ROLE_CONTROLLER,
    .instance_size = sizeof(struct fake_pd),
    .lifecycle = &lifecycle,
    .api = &api.head,
};

struct tenon_controller *fake_pd_init(struct fake_pd *self)
{
    memset(self, 0, sizeof *self);
    self->base.module.driver = &driver;
    self->nm_per_rad = 20.0f;
    self->nm_per_rad_s = 1.0f;
    return &self->base;
}
