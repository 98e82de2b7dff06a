/* Trajectory generator of a servo: pulses and milliseconds. */
#ifndef TENON_SIM_PROFILE_H
#define TENON_SIM_PROFILE_H

#include "tenon/sim.h"

/* As Moving Status(123) shows them. */
enum tenon__sim_profile_kind {
    TENON__SIM_PROFILE_STEP = 0,
    TENON__SIM_PROFILE_RECTANGLE = 1,
    TENON__SIM_PROFILE_TRIANGLE = 2,
    TENON__SIM_PROFILE_TRAPEZOID = 3
};

/* Stand still at `position`. */
void tenon__sim_profile_hold(struct tenon_sim_profile *self, double position);

/*
 * From where the trajectory is, and as fast as it is, to rest at `goal`.
 * velocity, pulses/ms: 0 steps there; acceleration, pulses/ms^2: 0 jumps to that velocity.
 */
void tenon__sim_profile_move(struct tenon_sim_profile *self,
                             double goal,
                             double velocity,
                             double acceleration);

/* The same in a given time: total_ms 0 steps there; ramp_ms is cut to half of it. */
void tenon__sim_profile_move_timed(struct tenon_sim_profile *self,
                                   double goal,
                                   double total_ms,
                                   double ramp_ms);

/* To a velocity that is kept until the next order; ramp_ms 0 jumps. Position is followed along. */
void tenon__sim_profile_ramp(struct tenon_sim_profile *self, double velocity, double ramp_ms);

/* Go on by dt_ms: position, velocity and acceleration become those of the new time. */
void tenon__sim_profile_advance(struct tenon_sim_profile *self, double dt_ms);

/* Move the whole trajectory, as when turns are taken off the position. */
void tenon__sim_profile_shift(struct tenon_sim_profile *self, double pulses);

bool tenon__sim_profile_is_done(const struct tenon_sim_profile *self);

#endif
