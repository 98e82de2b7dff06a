/** @file motor_module.h @brief What a plug-in with a motor in it shows to the program that loads
 * it. */
#ifndef TENON_FOREIGN_MOTOR_MODULE_H
#define TENON_FOREIGN_MOTOR_MODULE_H

#include "tenon/motor.h"

/** By this name dlsym() finds it. */
extern TENON_API const struct foreign_motor_module {
    struct tenon_motor *(*init)(void);
    unsigned (*call_count)(void); /**< Of all methods of the motor. */
} foreign_motor_module;

#endif
