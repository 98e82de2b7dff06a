/** @file ratio_reducer.h @brief A gear with a constant ratio, without losses. */
#ifndef TENON_DRIVERS_RATIO_REDUCER_H
#define TENON_DRIVERS_RATIO_REDUCER_H

#include "tenon/reducer.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * One motor, one joint: the motor turns `ratio` times as far as the joint, and the joint has
 * `ratio` times the effort. A negative ratio turns the other way. Offsets are the joint's
 * (tenon_joint.zero_rad). A duty (PWM mode) has no gear: only its sign follows that of the ratio.
 * Behind a spindle the ratio is rad per metre.
 */
struct tenon_ratio_reducer {
    struct tenon_reducer base; /**< First, so that &r.base is the handle. */
    /* private */
    double ratio;
    double inverse;
    float ratio_f; /* the same, for what is no position */
    float inverse_f;
};

/** Initialise; `size` is sizeof *self. Use tenon_ratio_reducer_init(). */
TENON_API struct tenon_reducer *
tenon_ratio_reducer_init_sized(struct tenon_ratio_reducer *self, size_t size, double ratio);

/**
 * Make a reducer.
 * @param[out] self   Storage, not NULL, the caller's; must outlive its use.
 * @param      ratio  Motor turns per joint turn; 1e-6 ... 1e6 or the same negative.
 * @return The reducer, or NULL when `self` is NULL, the ratio is out of range (zero, not finite) or
 * the header is of another version.
 * @context setup
 */
static inline struct tenon_reducer *tenon_ratio_reducer_init(struct tenon_ratio_reducer *self,
                                                             double ratio)
{
    return tenon_ratio_reducer_init_sized(self, sizeof *self, ratio);
}

#ifdef __cplusplus
}
#endif
#endif
