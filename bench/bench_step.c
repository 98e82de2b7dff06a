/*
 * Whole cycles of joints on one wire: bench_step JOINTS CYCLES [hold | traced]
 *
 * Position mode, ratio reducers, one snapshot reader, 1 Mbps, 250 Hz; the joints move as a group
 * all the time, or hold; traced, the move leaves spans of each joint in each cycle. The difference
 * of two runs of different length under `valgrind
 * --tool=callgrind --toggle-collect=bench_step --toggle-collect=bench_poll
 * --toggle-collect=bench_line_read --toggle-collect=bench_line_write` is what cycles cost, without
 * line and simulator: a function within another one that is collected turns collecting off. The
 * servos' health, asked for once a second, is part of it.
 */
#include "sim_arm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct sim_arm arm;

static int begin_move(double goal_rad)
{
    double goals[SIM_ARM_ALL];
    for (unsigned i = 0; i < arm.joint_count; i++) {
        goals[i] = goal_rad;
    }
    return tenon_group_move_to(&arm.group, goals);
}

/* From one end to the other: the counted cycles are within this move. */
static int prepare(bool is_moving, bool is_traced)
{
    int rc = begin_move(-1.4);
    sim_arm_cycle(&arm);
    while (rc == TENON_OK && arm.group.status == TENON_GROUP_MOVING) {
        sim_arm_cycle(&arm);
    }
    tenon_trace_switch(&arm.trace, is_traced);
    return rc == TENON_OK && is_moving ? begin_move(1.4) : rc;
}

/* Each joint's part, its motor's, its window sent, and answered, in each cycle. */
static bool has_all_spans(void)
{
    unsigned count[TENON_SPAN_TRANSMISSION + 1] = {0};
    static struct tenon_span spans[SIM_ARM_SPANS];
    const int taken = tenon_trace_take(&arm.trace, spans, SIM_ARM_SPANS, NULL);
    for (int i = taken - 4 * (int)arm.joint_count - 1; i >= 0 && i < taken; i++) {
        count[spans[i].kind]++;
    }
    bool is_whole = count[TENON_SPAN_TRANSMISSION] == 1;
    for (unsigned kind = TENON_SPAN_JOINT; kind <= TENON_SPAN_ANSWERED; kind++) {
        is_whole = is_whole && count[kind] == arm.joint_count;
    }
    return is_whole;
}

static bool is_sound(unsigned long cycles, const uint32_t *replies_before, bool is_moving)
{
    for (unsigned i = 0; i < arm.joint_count; i++) {
        const struct tenon_node_counters *const c = &arm.motors[i].base.device->counters;
        if (arm.joints[i].status != TENON_JOINT_ENABLED || c->missed_count != 0 ||
            c->reply_count - replies_before[i] != cycles) {
            return false;
        }
    }
    return (arm.group.status == TENON_GROUP_MOVING) == is_moving;
}

int main(int argc, char **argv)
{
    const unsigned long joints = argc > 1 ? strtoul(argv[1], NULL, 10) : 12;
    const unsigned long cycles = argc > 2 ? strtoul(argv[2], NULL, 10) : 500;
    const bool is_traced = argc > 3 && strcmp(argv[3], "traced") == 0;
    const bool is_moving = argc <= 3 || is_traced;
    uint32_t replies[SIM_ARM_JOINTS];
    if (joints < 1 || joints > SIM_ARM_JOINTS || cycles < 1) {
        fprintf(stderr, "usage: bench_step JOINTS CYCLES [hold | traced]\n");
        return 2;
    }
    if (sim_arm_start(&arm, 1, (unsigned)joints, 1000000) != TENON_OK ||
        prepare(is_moving, is_traced) != TENON_OK) {
        fprintf(stderr, "bench_step: not enabled\n");
        return 1;
    }
    for (unsigned i = 0; i < arm.joint_count; i++) {
        replies[i] = arm.motors[i].base.device->counters.reply_count;
    }
    for (unsigned long i = 0; i < cycles; i++) {
        sim_arm_cycle(&arm);
    }
    fprintf(stderr, "bench_step: %u polls in the last cycle\n", arm.poll_count);
    return is_sound(cycles, replies, is_moving) && (!is_traced || has_all_spans()) ? 0 : 1;
}
