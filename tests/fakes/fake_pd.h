/** @file fake_pd.h @brief A controller that makes efforts of positions, and fails when told to. */
#ifndef TENON_FAKE_PD_H
#define TENON_FAKE_PD_H

#include "tenon/controller.h"

struct fake_pd {
    struct tenon_controller base;
    float nm_per_rad;   /**< 20 by init. */
    float nm_per_rad_s; /**< 1 by init. */
    unsigned fail_at;   /**< This update fails, counted from 1; 0: none. */
    bool gives_nan;     /**< ... by giving no number instead of saying so. */
    unsigned calls;     /**< Of update. */
    unsigned track_calls;
};

/** @return The controller. */
struct tenon_controller *fake_pd_init(struct fake_pd *self);

#endif
