/* DC motor, gear, horn and load, seen from the horn. */
#ifndef TENON_SIM_PLANT_H
#define TENON_SIM_PLANT_H

#include "tenon/sim.h"

/* What a data sheet says at the rated voltage, and what it does not say. */
struct tenon__sim_motor_data {
    double rated_v;
    double stall_nm;
    double stall_a;
    double no_load_rad_s;
    double inertia_kg_m2; /* rotor and gear, at the horn */
    double coulomb_nm;
    double viscous_nm_s;
};

/* What the servo's electronics ask of the motor in a step. */
struct tenon__sim_drive {
    double duty;     /* -1 ... 1 of the supply, when is_driven */
    double max_a;    /* the current is kept within +- this */
    bool is_driven;  /* false: the bridge is open, the motor coasts */
    bool is_blocked; /* something holds the horn */
};

void tenon__sim_plant_init(struct tenon_sim_plant *self, const struct tenon__sim_motor_data *data);
void tenon__sim_plant_step(struct tenon_sim_plant *self,
                           const struct tenon__sim_drive *drive,
                           double dt_s);
/* The duty that makes this current at the present speed; may be beyond +-1. */
double tenon__sim_plant_duty_for(const struct tenon_sim_plant *self, double current_a);

#endif
