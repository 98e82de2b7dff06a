/* The registers of a Damiao motor: which there are, who may write them, and within which bounds. */
#ifndef TENON_SIM_DAMIAO_REGISTERS_H
#define TENON_SIM_DAMIAO_REGISTERS_H

#include "tenon/sim_can.h"

enum tenon__sim_damiao_rid {
    DAMIAO_UNDER_VOLTAGE = 0,    /* V */
    DAMIAO_OVER_TEMPERATURE = 2, /* degrees Celsius, of the winding */
    DAMIAO_MASTER_ID = 7,
    DAMIAO_ID = 8,
    DAMIAO_TIMEOUT = 9, /* in 50 us; 0: none */
    DAMIAO_MODE = 10,   /* 1: MIT */
    DAMIAO_INERTIA = 12,
    DAMIAO_SOFTWARE = 14,
    DAMIAO_OHM = 17,
    DAMIAO_GEAR = 20,
    DAMIAO_P_MAX = 21,
    DAMIAO_V_MAX = 22,
    DAMIAO_T_MAX = 23,
    DAMIAO_OVER_VOLTAGE = 29, /* V */
    DAMIAO_BAUD = 35,         /* 4: 1 Mbit/s */
    DAMIAO_ANGLE = 80
};

/* Whether the motor has this register. */
bool tenon__sim_damiao_has(uint8_t rid);
/* Store a value unless the register is read only or the value out of range. */
void tenon__sim_damiao_write(struct tenon_sim_damiao *motor, uint8_t rid, uint32_t value);
float tenon__sim_damiao_float(const struct tenon_sim_damiao *motor, uint8_t rid);
void tenon__sim_damiao_set_float(struct tenon_sim_damiao *motor, uint8_t rid, float value);

#endif
