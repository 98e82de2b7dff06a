/** @file dxl2_models.h @brief What differs from one Dynamixel X model to the next. */
#ifndef TENON_DXL2_MODELS_H
#define TENON_DXL2_MODELS_H

#include "tenon/base.h"

/** One model. Units are of its registers. */
struct tenon__dxl2_model {
    const char *name;
    uint16_t number;        /**< As the servo tells it. */
    uint8_t modes;          /**< Bits 1 << enum tenon_mode. */
    uint8_t watchdog_since; /**< First firmware with a bus watchdog. */
    bool has_current;       /**< It measures and controls current; else it estimates its load. */
    float effort_unit_nm;   /**< Of present current or load, and of goal current. */
    float stall_nm;
    float speed_rad_s;     /**< Without load, at the rated voltage. */
    float speed_top_rad_s; /**< Without load, at the highest voltage, and a quarter more: nothing
                              real is faster. */
};

/** The model of that number, or NULL. */
const struct tenon__dxl2_model *tenon__dxl2_model_find(uint16_t number);

#endif
