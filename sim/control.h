/* The servo's own firmware as far as it turns the motor: modes, loops, limits, protection, present
 * values. */
#ifndef TENON_SIM_CONTROL_H
#define TENON_SIM_CONTROL_H

#include "tenon/sim.h"

/* Whether a value within the item's range is allowed now: a protocol error number. */
uint8_t
tenon__sim_control_check(const struct tenon_sim_servo *servo, uint16_t address, int32_t value);
/* A register was written: let it act. */
void tenon__sim_control_changed(struct tenon_sim_servo *servo, uint16_t address, int32_t old_value);

/* RAM as after power on, turns forgotten, torque off. */
void tenon__sim_control_restart(struct tenon_sim_servo *servo);
/* Firmware begins to run: position is measured for the first time. */
void tenon__sim_control_finish_boot(struct tenon_sim_servo *servo);
/* Take whole turns off Present Position; a trajectory under way goes along. */
void tenon__sim_control_clear_turns(struct tenon_sim_servo *servo);
/* Goal and trajectory to where the horn is. */
void tenon__sim_control_aim_at_present(struct tenon_sim_servo *servo);
void tenon__sim_control_latch_error(struct tenon_sim_servo *servo, uint8_t bits);
/* One step of TENON_SIM_STEP_NS that ends at `now`: firmware, then physics. */
void tenon__sim_control_step(struct tenon_sim_servo *servo, tenon_ns_t now);
/* Bring the present values in the table up to date. */
void tenon__sim_control_publish(struct tenon_sim_servo *servo);
bool tenon__sim_control_is_moving(const struct tenon_sim_servo *servo);

#endif
