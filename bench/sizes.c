/*
 * How big things are, as arrays: `nm -S` tells it for any target without running anything. Each
 * name is what scripts/bench prints. A joint here is a Dynamixel servo behind a ratio reducer, with
 * one registered reader of snapshots.
 */
#include "core_internal.h"
#include "dxl2_bus_internal.h"
#include "dxl2_setup.h"
#include "tenon/drivers/ratio_reducer.h"

enum {
    READERS = 1,
    GOAL = 4, /* bytes of the out window of a servo in position mode */
    /* What one more servo takes of the bus's memory: windows, record, its place in the order, its
       share of what is sent (ID and goal, and the ID that is read) and of what is received. */
    WINDOWS = DXL2_IN_BYTES + GOAL,
    RECORD = sizeof(struct tenon__dxl2_record),
    FRAMES = 1 + (1 + GOAL) + 1 + DXL2_STATUS_SIZE(DXL2_IN_BYTES),
    PLAN = 2 * (sizeof(struct tenon_joint *) + sizeof(struct tenon__rate)),
    SNAPSHOTS = (READERS + 1) * sizeof(struct tenon_joint_snapshot),
    QUEUE = 3 * sizeof(struct tenon_command_entry),
    MODULE = sizeof(struct tenon_module) + sizeof(struct tenon_slot) + sizeof(struct tenon_joint *),
    ALL = sizeof(struct tenon_joint) + sizeof(struct tenon_dxl2_motor) +
          sizeof(struct tenon_ratio_reducer) + WINDOWS + RECORD + FRAMES + PLAN + SNAPSHOTS + QUEUE
};

extern char size_module[MODULE], size_timing[sizeof(struct tenon_timing)];
extern char size_joint[sizeof(struct tenon_joint)], size_motor[sizeof(struct tenon_dxl2_motor)];
extern char size_reducer[sizeof(struct tenon_ratio_reducer)], size_windows[WINDOWS];
extern char size_record[RECORD], size_frames[FRAMES], size_plan[PLAN];
extern char size_snapshots[SNAPSHOTS], size_queue[QUEUE], size_all[ALL];

char size_module[MODULE];
char size_timing[sizeof(struct tenon_timing)];
char size_joint[sizeof(struct tenon_joint)];
char size_motor[sizeof(struct tenon_dxl2_motor)];
char size_reducer[sizeof(struct tenon_ratio_reducer)];
char size_windows[WINDOWS];
char size_record[RECORD];
char size_frames[FRAMES];
char size_plan[PLAN];
char size_snapshots[SNAPSHOTS];
char size_queue[QUEUE];
char size_all[ALL];
