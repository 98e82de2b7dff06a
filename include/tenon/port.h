/** @file port.h @brief The few services tenon asks of the host. */
#ifndef TENON_PORT_H
#define TENON_PORT_H

#include "tenon/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Services of a port. Constant; one for the whole program. */
struct tenon_port {
    struct tenon_api_head head; /**< TENON_API_HEAD(struct tenon_port). */
    /**
     * Required. A free-running counter for accounting and supervision of time only (it never
     * decides what is commanded).
     * @context any
     */
    uint32_t (*ticks)(void);
    /**
     * Required. A broken invariant of the library itself: remove power and do not return. Ids are
     * stable.
     * @context any
     */
    void (*panic)(uint32_t module, uint32_t id);
    uint32_t ticks_per_s; /**< Rate of `ticks`, > 0. */
};

#ifdef __cplusplus
}
#endif
#endif
