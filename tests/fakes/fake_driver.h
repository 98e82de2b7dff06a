/** @file fake_driver.h @brief Drivers of tests that only have a role: their life is always well. */
#ifndef TENON_FAKE_DRIVER_H
#define TENON_FAKE_DRIVER_H

#include "tenon/module.h"

/** Each step is done at once. */
extern const struct tenon_lifecycle_api fake_life;

/** Initialiser of a driver of a role, with instances of a type and the role's table. */
#define FAKE_DRIVER(its_name, its_role, type, its_api)                                             \
    {                                                                                              \
        .head = TENON_API_HEAD(struct tenon_driver), .name = (its_name), .role = (its_role),       \
        .instance_size = sizeof(type), .lifecycle = &fake_life, .api = &(its_api).head             \
    }

#endif
