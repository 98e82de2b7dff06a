/** @file fake_motor.h @brief A motor without a wire: it follows its commands with a lag, and fails
 * when it is told to. */
#ifndef TENON_FAKE_MOTOR_H
#define TENON_FAKE_MOTOR_H

#include "tenon/motor.h"

enum fake_motor_step {
    FAKE_STEP_PROBE,
    FAKE_STEP_CONFIGURE,
    FAKE_STEP_ACTIVATE,
    FAKE_STEP_MAKE_SAFE,
    FAKE_STEP_RELEASE,
    FAKE_STEP_COUNT
};

struct fake_motor {
    struct tenon_motor base;
    /* Settings, any time after init. */
    float time_constant_s; /**< Of its lag, in every mode; 0.02 by init. */
    float nm_per_rad_s;    /**< Effort that makes it turn at 1 rad/s in the end; 0.1 by init. */
    double drift_rad_s;    /**< Speed at which it sinks while limp. */
    unsigned again_count;  /**< Calls of each lifecycle step that answer TENON_ERR_AGAIN first. */
    int fail_code;         /**< What failures answer; TENON_ERR_DEVICE by init. */
    unsigned fail_read_at; /**< The n-th read from now fails; counts down; 0: none. */
    unsigned fail_command_at;               /**< The same of commands. */
    unsigned fail_step_at[FAKE_STEP_COUNT]; /**< The same of lifecycle steps, counted when they
                                               would end. */
    bool is_mute;                           /**< No samples. */
    bool nan_samples;                       /**< Samples are not numbers. */
    bool torque_found_on;                   /**< configure finds it holding. */
    /* What happened. */
    bool torque_is_on;
    double position_rad; /**< May be set. */
    float velocity_rad_s;
    double goal_rad;
    unsigned step_count[FAKE_STEP_COUNT]; /**< Calls. */
    unsigned command_count;               /**< Commands obeyed: with torque, while ACTIVE. */
    unsigned ignored_count;               /**< Commands kept back, because it was not ACTIVE. */
    struct tenon_motor_command last;      /**< Newest obeyed. */
    double jump_max_rad; /**< Largest |goal - position| at the moment torque came on. */
    /* private */
    bool has_sample;
    tenon_ns_t now;
};

/** @return The motor: mode as given, one turn each way, 10 rad/s, 2 Nm. */
struct tenon_motor *fake_motor_init(struct fake_motor *self, enum tenon_mode mode);
/** Let time pass: moves it, and makes a sample stamped `now`. */
void fake_motor_advance(struct fake_motor *self, tenon_ns_t now);

#endif
