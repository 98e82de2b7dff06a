/** @file passthrough_controller.h @brief The controller that leaves the set point as it is: the
 * motor's own loop does the work. */
#ifndef TENON_DRIVERS_PASSTHROUGH_CONTROLLER_H
#define TENON_DRIVERS_PASSTHROUGH_CONTROLLER_H

#include "tenon/controller.h"

#ifdef __cplusplus
extern "C" {
#endif

/** As an empty seat, but there: something to exchange another controller against. */
struct tenon_passthrough_controller {
    struct tenon_controller base; /**< First, so that &c.base is the handle. */
};

/** Initialise; `size` is sizeof *self. Use tenon_passthrough_controller_init(). */
TENON_API struct tenon_controller *
tenon_passthrough_controller_init_sized(struct tenon_passthrough_controller *self, size_t size);

/**
 * Make a controller.
 * @param[out] self  Storage, not NULL, the caller's; must outlive its use.
 * @return The controller, or NULL when `self` is NULL or the header is of another version.
 * @context setup
 */
static inline struct tenon_controller *
tenon_passthrough_controller_init(struct tenon_passthrough_controller *self)
{
    return tenon_passthrough_controller_init_sized(self, sizeof *self);
}

#ifdef __cplusplus
}
#endif
#endif
