/** @file dxl2_setup.h @brief Shared by the two halves of the Dynamixel X driver: its life, and its
 * cycle. */
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
extern const struct tenon_lifecycle_api tenon__dxl2_lifecycle;

/** The layout of the motor's mode. */
static inline const struct dxl2_layout *dxl2_layout(const struct tenon_dxl2_motor *self)
{
    return &tenon__dxl2_layouts[self->config.mode];
}

/**
 * Fill in and queue a request whose owner has it IDLE.
 * @param value  Of a write: low byte first, zeros behind the fourth.
 */
int tenon__dxl2_motor_submit(struct tenon_dxl2_motor *self,
                             struct tenon_request *request,
                             uint8_t operation,
                             uint16_t address,
                             uint8_t width,
                             uint32_t value);

/** What came of a request that is DONE: an alert beside it is no refusal. */
int tenon__dxl2_result(const struct tenon_request *request);

/** Refuse with DEVICE_FAULT and the words for the most serious of the bits. */
int tenon__dxl2_refuse_fault(struct tenon_dxl2_motor *self);

/** In one-turn mode a servo counts on while its torque is off, and comes back to one turn with
 * torque. */
int32_t tenon__dxl2_wrapped(const struct tenon_dxl2_motor *self, int32_t ticks);

#endif
