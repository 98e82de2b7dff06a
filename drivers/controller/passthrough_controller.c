#include "tenon/drivers/passthrough_controller.h"

#include <string.h>

static int passthrough_update(struct tenon_controller *self,
                              const struct tenon_controller_input *input,
                              struct tenon_joint_command *out_command)
{
    (void)self;
    *out_command = input->setpoint;
    return TENON_OK;
}

static int passthrough_track(struct tenon_controller *self,
                             const struct tenon_controller_input *input,
                             const struct tenon_joint_command *applied)
{
    (void)self;
    (void)input;
    (void)applied;
    return TENON_OK; /* no inner state to align */
}

static int passthrough_probe(struct tenon_module *self, tenon_ns_t now)
{
    (void)self;
    (void)now;
    return TENON_OK;
}

static const struct tenon_lifecycle_api lifecycle = {
    .head = TENON_API_HEAD(struct tenon_lifecycle_api),
    .probe = passthrough_probe,
    .make_safe = passthrough_probe, /* nothing to do either */
};

static const struct tenon_controller_api controller_api = {
    .head = TENON_API_HEAD(struct tenon_controller_api),
    .update = passthrough_update,
    .track = passthrough_track,
};

static const struct tenon_driver passthrough_controller_driver = {
    .head = TENON_API_HEAD(struct tenon_driver),
    .name = "passthrough_controller",
    .role = TENON_ROLE_CONTROLLER,
    .instance_size = sizeof(struct tenon_passthrough_controller),
    .lifecycle = &lifecycle,
    .api = &controller_api.head,
};

struct tenon_controller *
tenon_passthrough_controller_init_sized(struct tenon_passthrough_controller *self, size_t size)
{
    if (self == NULL || size != sizeof *self) {
        return NULL;
    }
    memset(self, 0, sizeof *self);
    self->base.module.driver = &passthrough_controller_driver;
    return &self->base;
}
