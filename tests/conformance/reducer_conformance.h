/** @file reducer_conformance.h @brief What every reducer must do. */
#ifndef TENON_REDUCER_CONFORMANCE_H
#define TENON_REDUCER_CONFORMANCE_H

#include "tenon/reducer.h"

/** A reducer to be tested. */
struct reducer_subject {
    const char *name;
    /** A fresh instance in static storage. */
    struct tenon_reducer *(*make)(void);
    bool is_lossless; /**< Power in is power out. */
};

/** Run the suite. @return Tests that failed. */
int reducer_conformance_run(const struct reducer_subject *subject);

#endif
