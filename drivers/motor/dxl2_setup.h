/**
 * @file dxl2_setup.h
 * @brief What the files of the Dynamixel X driver share.
 *
 *     dxl2_motor.c      its cycle: samples, commands, health
 *     dxl2_setup.c      requests, and how the steps of its life are run
 *     dxl2_configure.c  from a number on the bus to a servo that is as it should be
 *     dxl2_activate.c   torque on without a jump, and off
 */
#ifndef TENON_DXL2_SETUP_H
#define TENON_DXL2_SETUP_H

#include "tenon/drivers/dxl2_motor.h"

#include "../codec/dxl2_packet.h"
#include "dxl2_models.h"

#define DXL2_TICKS_PER_TURN 4096
#define DXL2_MIDDLE_TICKS   2048
/* ROBOTIS' .model files; the e-manual's 0.229 rpm is this, rounded. The servo's own profile unit,
 * one pulse per 64 ms, agrees with it to 30 ppm. */
#define DXL2_VELOCITY_UNIT_RAD_S 0.0239691227f
#define DXL2_FULL_PWM            885.0f
#define DXL2_RAD_PER_TICK        (6.283185307179586 / DXL2_TICKS_PER_TURN)

enum dxl2_register {
    DXL2_RETURN_DELAY = 9, /* then drive mode and operating mode */
    DXL2_HOMING_OFFSET = 20,
    DXL2_PWM_LIMIT = 36,      /* then the current limit, where there is one */
    DXL2_VELOCITY_LIMIT = 44, /* then the largest and the smallest goal position */
    DXL2_TORQUE_ENABLE = 64,
    DXL2_LED = 65,
    DXL2_STATUS_LEVEL = 68, /* then registered instruction and hardware error */
    DXL2_HARDWARE_ERROR = 70,
    DXL2_POSITION_D_GAIN = 80,
    DXL2_POSITION_I_GAIN = 82,
    DXL2_POSITION_P_GAIN = 84,
    DXL2_WATCHDOG = 98,
    DXL2_GOAL_PWM = 100,
    DXL2_GOAL_CURRENT = 102,
    DXL2_GOAL_VELOCITY = 104,
    DXL2_PROFILE = 108, /* acceleration, then velocity */
    DXL2_GOAL_POSITION = 116,
    DXL2_PRESENT_CURRENT = 126,
    DXL2_PRESENT_VELOCITY = 128,
    DXL2_PRESENT_POSITION = 132,
    DXL2_VOLTAGE = 144 /* then temperature */
};

#define DXL2_WATCHDOG_TRIPPED 0xFFu

/** Sizes of the windows: of the in window, and of the largest out window. */
#define DXL2_IN_BYTES  10
#define DXL2_OUT_BYTES 18

/** What a mode means to the servo. */
struct dxl2_layout {
    const struct tenon_field *out_fields;
    uint8_t out_count;
    uint8_t register_value; /**< Of Operating Mode. */
    uint16_t goal_address;
    uint8_t goal_width;
    bool has_goal_position;
    bool counts_turns;
};

extern const struct dxl2_layout tenon__dxl2_layouts[TENON_MODE_PWM + 1];
extern const struct tenon_lifecycle_api tenon__dxl2_lifecycle; /* dxl2_activate.c */

/** The layout of the motor's mode. */
static inline const struct dxl2_layout *dxl2_layout(const struct tenon_dxl2_motor *self)
{
    return &tenon__dxl2_layouts[self->config.mode];
}

/** A position as the servo tells it, in rad. What is so far out that it wraps is none of a servo.
 */
static inline double dxl2_position_rad(int32_t ticks)
{
    return (double)(int32_t)((uint32_t)ticks - DXL2_MIDDLE_TICKS) * DXL2_RAD_PER_TICK;
}

/* dxl2_setup.c */

/** Whose request it is: there is one for all, and the newest takes it. */
enum dxl2_purpose {
    DXL2_FOR_STEP = 1, /**< A step of its life. */
    DXL2_FOR_SAFE,     /**< Torque off. */
    DXL2_FOR_HEALTH,
    DXL2_FOR_LIGHT
};

/** What is asked for. */
struct dxl2_access {
    uint8_t operation; /**< enum tenon_operation. */
    uint8_t width;
    uint16_t address;
};

/** A step of its life: a request, if any, and what is done when it is answered. */
struct dxl2_step {
    struct dxl2_access access; /**< Operation 0: none. */
    /** @return As a lifecycle step. One that goes back sets the module's progress, which is n while
     * step n runs. */
    int (*take)(struct tenon_dxl2_motor *self, tenon_ns_t now);
};

/** Run steps one after the other. @return As a lifecycle step. */
int tenon__dxl2_run(struct tenon_dxl2_motor *self,
                    const struct dxl2_step *steps,
                    uint16_t count,
                    tenon_ns_t now);

/** Whether the request is with the bus. */
bool tenon__dxl2_is_under_way(const struct tenon_dxl2_motor *self);
/** Take the request back from the bus, in whatever state it is. */
void tenon__dxl2_withdraw(struct tenon_dxl2_motor *self);
/**
 * Ask, in place of whatever is being asked.
 * @param value  Of a write: low byte first, zeros behind the fourth.
 */
int tenon__dxl2_ask(struct tenon_dxl2_motor *self,
                    enum dxl2_purpose purpose,
                    const struct dxl2_access *access,
                    uint32_t value);
/**
 * What came of it: an alert beside an answer is no refusal.
 * @retval TENON_ERR_STATE  Nothing was asked for this purpose.
 * @retval TENON_ERR_AGAIN  Not answered yet.
 */
int tenon__dxl2_collect(struct tenon_dxl2_motor *self, enum dxl2_purpose purpose);
/** Ask for a step unless that is under way; TENON_ERR_AGAIN until it is done. No diag. */
int tenon__dxl2_exchange(struct tenon_dxl2_motor *self,
                         const struct dxl2_access *access,
                         uint32_t value);
/** As exchange, and a failure goes into the diag. */
int tenon__dxl2_transact(struct tenon_dxl2_motor *self,
                         const struct dxl2_access *access,
                         uint32_t value);
int tenon__dxl2_fetch(struct tenon_dxl2_motor *self, uint16_t address, uint8_t width);
int tenon__dxl2_store(struct tenon_dxl2_motor *self,
                      uint16_t address,
                      uint8_t width,
                      uint32_t value);

/** As tenon_module_refuse(). */
int tenon__dxl2_refuse(struct tenon_dxl2_motor *self,
                       enum tenon_err code,
                       enum tenon_cause cause,
                       float value,
                       float bound);
int tenon__dxl2_refuse_detail(struct tenon_dxl2_motor *self,
                              enum tenon_err code,
                              enum tenon_cause cause,
                              float value,
                              float bound,
                              const char *detail);
/** Refuse with DEVICE_FAULT and the words for the most serious of the bits. */
int tenon__dxl2_refuse_fault(struct tenon_dxl2_motor *self);
/** Refuse with what came of the request. */
int tenon__dxl2_refuse_result(struct tenon_dxl2_motor *self, int result);

/** In one-turn mode a servo counts on while its torque is off, and comes back to one turn with
 * torque. */
int32_t tenon__dxl2_wrapped(const struct tenon_dxl2_motor *self, int32_t ticks);

/* dxl2_configure.c */

int tenon__dxl2_attach_motor(struct tenon_module *module);
int tenon__dxl2_probe(struct tenon_module *module, tenon_ns_t now);
int tenon__dxl2_configure(struct tenon_module *module, tenon_ns_t now);
/** The goal that holds it where it is: hold_ticks, or standstill. */
uint32_t tenon__dxl2_hold_goal(const struct tenon_dxl2_motor *self);
/** The nearest goal that the servo takes. */
int32_t tenon__dxl2_clamp_goal(const struct tenon_dxl2_motor *self, int32_t ticks);

/** The servo that a module is. */
static inline struct tenon_dxl2_motor *dxl2_from_module(struct tenon_module *module)
{
    return TENON_CONTAINER_OF(module, struct tenon_dxl2_motor, base.module);
}

/** Coarse time, units of about a millisecond; differences are good for 25 days. */
static inline uint32_t dxl2_coarse(tenon_ns_t time)
{
    return (uint32_t)((uint64_t)time >> 20);
}

#endif
