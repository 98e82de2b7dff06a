/** @file controller.h @brief Controller role: from set point and state to a command at the joint's
 * output. */
#ifndef TENON_CONTROLLER_H
#define TENON_CONTROLLER_H

#include "tenon/reducer.h"

#ifdef __cplusplus
extern "C" {
#endif

/** What a controller works from. */
struct tenon_controller_input {
    struct tenon_joint_command setpoint; /**< What is wanted this cycle. */
    struct tenon_joint_state state;      /**< What was measured. */
    float position_error_rad;            /**< setpoint - state, computed in double. */
    float dt_s;                          /**< Period. */
};

struct tenon_controller;

/** Methods a controller driver provides beside the lifecycle. */
struct tenon_controller_api {
    struct tenon_api_head head; /**< TENON_API_HEAD(struct tenon_controller_api). */
    /** Required. Compute the command; the joint limiter follows. @context cyclic */
    int (*update)(struct tenon_controller *self,
                  const struct tenon_controller_input *input,
                  struct tenon_joint_command *out_command);
    /**
     * Required. This is what was really applied (by the limiter, or by another controller while
     * this one stood by): align the inner state with it, so that neither a limit nor taking over
     * makes a step.
     * @context cyclic
     */
    int (*track)(struct tenon_controller *self,
                 const struct tenon_controller_input *input,
                 const struct tenon_joint_command *applied);
};

/** A controller. Storage is the caller's and must not move while it sits in a slot. */
struct tenon_controller {
    struct tenon_module
        module; /**< What all roles share; first, so that a pointer to it is one to this. */
};

/** The controller's vtable. @context any */
static inline const struct tenon_controller_api *
tenon_controller_get_api(const struct tenon_controller *self)
{
    return (const struct tenon_controller_api *)(const void *)self->module.driver->api;
}

#ifdef __cplusplus
}
#endif
#endif
