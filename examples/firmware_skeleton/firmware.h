/** @file firmware.h @brief The two halves of the task, for whoever runs it by other means. */
#ifndef FIRMWARE_H
#define FIRMWARE_H

#include "tenon/base.h"

/** @return What tenon_sched_start() answers. */
int firmware_setup(void);
/** One turn of the task's loop. @return Until when there is nothing to do unless bytes come. */
tenon_ns_t firmware_turn(void);

#endif
