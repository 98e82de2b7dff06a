#include "plant.h"

#include <math.h>

#define AMBIENT_C   25.0
#define SOURCE_OHM  0.05
#define WINDING_J_K 10.0
#define HOUSING_J_K 60.0
#define WINDING_K_W 5.0 /* to the housing */
#define HOUSING_K_W 6.0 /* to the air */

/*
 * Constants from the data sheet's stall and no-load points: at stall the net torque is stall_nm
 * behind the gear's own friction, at no-load speed the current just feeds that friction. Gear
 * losses make back EMF and torque constants differ.
 */
void tenon__sim_plant_init(struct tenon_sim_plant *self, const struct tenon__sim_motor_data *data)
{
    *self = (struct tenon_sim_plant){0};
    self->resistance_ohm = data->rated_v / data->stall_a;
    self->torque_per_a = (data->stall_nm + data->coulomb_nm) / data->stall_a;
    const double idle_a =
        (data->coulomb_nm + data->viscous_nm_s * data->no_load_rad_s) / self->torque_per_a;
    self->back_emf_v_s = (data->rated_v - self->resistance_ohm * idle_a) / data->no_load_rad_s;
    self->inertia_kg_m2 = data->inertia_kg_m2;
    self->coulomb_nm = data->coulomb_nm;
    self->viscous_nm_s = data->viscous_nm_s;
    self->source_v = data->rated_v;
    self->source_ohm = SOURCE_OHM;
    self->supply_v = data->rated_v;
    self->ambient_c = AMBIENT_C;
    self->winding_c = AMBIENT_C;
    self->housing_c = AMBIENT_C;
}

double tenon__sim_plant_duty_for(const struct tenon_sim_plant *self, double current_a)
{
    const double volts =
        current_a * self->resistance_ohm + self->back_emf_v_s * self->velocity_rad_s;
    return self->supply_v > 0.1 ? volts / self->supply_v : 0.0;
}

static double clamp(double value, double bound)
{
    return value > bound ? bound : value < -bound ? -bound : value;
}

static void heat(struct tenon_sim_plant *self, double dt_s)
{
    const double into_winding_w = self->current_a * self->current_a * self->resistance_ohm;
    const double to_housing_w = (self->winding_c - self->housing_c) / WINDING_K_W;
    const double to_air_w = (self->housing_c - self->ambient_c) / HOUSING_K_W;

    self->winding_c += dt_s * (into_winding_w - to_housing_w) / WINDING_J_K;
    self->housing_c += dt_s * (to_housing_w - to_air_w) / HOUSING_J_K;
}

/* Friction that opposes motion takes at most what is there: it stops a shaft and never drives it
 * back. */
static double rub(double velocity, double most)
{
    if (fabs(velocity) <= most) {
        return 0.0;
    }
    return velocity > 0.0 ? velocity - most : velocity + most;
}

/*
 * Semi-implicit: everything that is proportional to velocity (back EMF, viscous friction) counts at
 * the end of the step, so that a light horn on a stiff motor stays stable at any step length.
 */
void tenon__sim_plant_step(struct tenon_sim_plant *self,
                           const struct tenon__sim_drive *drive,
                           double dt_s)
{
    const double inertia = self->inertia_kg_m2 + (double)self->load.inertia_kg_m2;
    const double weight_nm =
        -(double)self->load.gravity_nm * cos(self->angle_rad - (double)self->load.level_rad);
    const double volts = drive->is_driven ? drive->duty * self->supply_v : 0.0;
    const double free_a =
        (volts - self->back_emf_v_s * self->velocity_rad_s) / self->resistance_ohm;
    const bool is_limited = drive->is_driven && fabs(free_a) > drive->max_a;
    double damping = self->viscous_nm_s + (double)self->load.viscous_nm_s;
    double motor_nm = 0.0;

    if (is_limited) {
        motor_nm = self->torque_per_a * clamp(free_a, drive->max_a);
    } else if (drive->is_driven) {
        motor_nm = self->torque_per_a * volts / self->resistance_ohm;
        damping += self->torque_per_a * self->back_emf_v_s / self->resistance_ohm;
    }
    double velocity = (self->velocity_rad_s + dt_s / inertia * (motor_nm + weight_nm)) /
                      (1.0 + dt_s / inertia * damping);
    velocity = rub(velocity, dt_s / inertia * (self->coulomb_nm + (double)self->load.coulomb_nm));
    self->velocity_rad_s = drive->is_blocked ? 0.0 : velocity;
    self->angle_rad += self->velocity_rad_s * dt_s;

    const double end_a = (volts - self->back_emf_v_s * self->velocity_rad_s) / self->resistance_ohm;
    self->current_a = drive->is_driven ? clamp(end_a, drive->max_a) : 0.0;
    self->torque_nm = self->torque_per_a * self->current_a;
    self->supply_v = self->source_v - self->source_ohm * fabs(drive->duty * self->current_a);
    heat(self, dt_s);
}
