/** @file damiao_setup.h @brief Shared by the two halves of the Damiao driver: its life, and its
 * cycle. */
#ifndef TENON_DAMIAO_SETUP_H
#define TENON_DAMIAO_SETUP_H

#include "tenon/drivers/damiao_motor.h"

#include "../codec/mit_frame.h"

/** Of the range, so that what shoots over a goal does not begin again on the other side. */
#define DAMIAO_POSITION_PART 0.98

extern const struct tenon_lifecycle_api tenon__damiao_lifecycle;

static inline struct mit_ranges damiao_ranges(const struct tenon_damiao_motor *self)
{
    return (struct mit_ranges){self->p_max_rad, self->v_max_rad_s, self->t_max_nm};
}

/** An answer in SI units, its position as it came. Health is noted. */
struct mit_answer tenon__damiao_decode(struct tenon_damiao_motor *self, const uint8_t *bytes);

/** Position with the ends passed since init; such an end is noticed here. */
double tenon__damiao_count(struct tenon_damiao_motor *self, double p_rad);

/** Take what the motor does now as what it is to do: the same torque at the same place. */
void tenon__damiao_hold_as_found(struct tenon_damiao_motor *self, const struct mit_answer *found);

/** Encode what it holds at. */
void tenon__damiao_pack_hold(const struct tenon_damiao_motor *self, uint8_t *out);

/** Refuse with DEVICE_FAULT and words for a status that is neither enabled nor disabled. */
int tenon__damiao_refuse_fault(struct tenon_damiao_motor *self, uint8_t status);

/** Refuse because the end of its range was passed. */
int tenon__damiao_refuse_turns(struct tenon_damiao_motor *self, enum tenon_err code);

#endif
