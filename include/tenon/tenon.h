/** @file tenon.h @brief Everything that needs no operating system. Add posix.h, sim.h and
 * drivers/serialport_line.h as needed. */
#ifndef TENON_H
#define TENON_H

#include "tenon/can.h"
#include "tenon/drivers/damiao_motor.h"
#include "tenon/drivers/differential_reducer.h"
#include "tenon/drivers/dxl2_bus.h"
#include "tenon/drivers/dxl2_motor.h"
#include "tenon/drivers/memory_can_line.h"
#include "tenon/drivers/memory_line.h"
#include "tenon/drivers/mit_bus.h"
#include "tenon/drivers/passthrough_controller.h"
#include "tenon/drivers/ratio_reducer.h"
#include "tenon/drivers/slcan_line.h"
#include "tenon/persist.h"
#include "tenon/sched.h"
#include "tenon/version.h"

#endif
