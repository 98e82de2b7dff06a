/** @file controller_conformance.h @brief What every controller must do. */
#ifndef TENON_CONTROLLER_CONFORMANCE_H
#define TENON_CONTROLLER_CONFORMANCE_H

#include "tenon/controller.h"

/** A controller to be tested. */
struct controller_subject {
    const char *name;
    /** A fresh instance in static storage. */
    struct tenon_controller *(*make)(void);
    uint8_t mode; /**< enum tenon_mode of the set points it takes. */
};

/** Run the suite. @return Tests that failed. */
int controller_conformance_run(const struct controller_subject *subject);

#endif
