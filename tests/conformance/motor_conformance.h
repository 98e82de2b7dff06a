/** @file motor_conformance.h @brief What every motor driver must do. */
#ifndef TENON_MOTOR_CONFORMANCE_H
#define TENON_MOTOR_CONFORMANCE_H

#include "tenon/motor.h"

/** A motor to be tested, and the world it lives in: one of each, in static storage. */
struct motor_subject {
    const char *name;
    enum tenon_mode mode;
    /** A fresh world with a fresh motor in it, torque off, not attached yet. */
    struct tenon_motor *(*make)(enum tenon_mode mode);
    /** Let a millisecond pass: requests, cycles, physics. @return The time. */
    tenon_ns_t (*tick)(void);
    /** Whether the device itself has its torque on. */
    bool (*torque_is_on)(void);
    /** Cyclic commands that reached the device. */
    uint32_t (*commands_obeyed)(void);
    /** The device falls silent, or comes back. NULL: it cannot. */
    void (*set_silent)(bool silent);
};

/** Run the suite. @return Tests that failed. */
int motor_conformance_run(const struct motor_subject *subject);

#endif
