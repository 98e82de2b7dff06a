/*
 * Whole cycles of six Dynamixel joints on a Cortex-M4F, counted in an emulator: scripts/bench.
 *
 * As bench_step: position mode, ratio reducers, one snapshot reader, 1 Mbps, 250 Hz, in a group
 * move. sim_arm.c is compiled with -finstrument-functions, so that step and poll are counted from
 * within, and the line is left out. The emulator's clock goes on by a fixed time an instruction
 * (`-icount shift=6`: 64 ns), and so does the board's timer (40 ns a tick): an instruction is 1.6
 * ticks. What counting itself costs is measured on a function that does nothing.
 */
#include "sim_arm.h"

#include <stdio.h>

#define TIMER_CONTROL (*(volatile uint32_t *)0x40000000u)
#define TIMER_VALUE   (*(volatile uint32_t *)0x40000004u) /* runs down */
#define TIMER_RELOAD  (*(volatile uint32_t *)0x40000008u)

#define JOINTS       6u
#define WARM_UP      100u /* the move's jerk phases are over */
#define FEW          250u /* health is asked for once a second: whole seconds */
#define MANY         750u
#define EMPTY_CALLS  1000u
#define TICKS_PER_5I 8u /* 1.6 ticks an instruction */

static struct sim_arm arm;
static uint64_t counted_ticks;
static uint32_t part_count; /* uninterrupted parts that were counted */
static uint32_t begun;
static bool is_inside;

void __cyg_profile_func_enter(void *function, void *site);
void __cyg_profile_func_exit(void *function, void *site);
__attribute__((noinline)) void bench_nothing(void);

static bool is_line(const void *function)
{
    return function == (void *)bench_line_read || function == (void *)bench_line_write;
}

static bool is_counted(const void *function)
{
    return function == (void *)bench_step || function == (void *)bench_poll ||
           function == (void *)bench_nothing;
}

static void end_part(uint32_t now)
{
    counted_ticks += begun - now;
    part_count++;
}

/* The timer is read last where a part begins and first where it ends. */
void __cyg_profile_func_enter(void *function, void *site)
{
    const uint32_t now = TIMER_VALUE;
    (void)site;
    if (is_inside && is_line(function)) {
        end_part(now);
    } else if (is_counted(function)) {
        is_inside = true;
        begun = TIMER_VALUE;
    }
}

void __cyg_profile_func_exit(void *function, void *site)
{
    const uint32_t now = TIMER_VALUE;
    (void)site;
    if (is_inside && is_counted(function)) {
        end_part(now);
        is_inside = false;
    } else if (is_inside && is_line(function)) {
        begun = TIMER_VALUE;
    }
}

void bench_nothing(void)
{
    __asm__ volatile("");
}

/* What a part costs that has nothing in it, in thousandths of a tick. */
static uint64_t empty_part(void)
{
    const uint64_t ticks = counted_ticks;
    const uint32_t parts = part_count;
    for (unsigned i = 0; i < EMPTY_CALLS; i++) {
        __cyg_profile_func_enter((void *)bench_nothing, NULL);
        __cyg_profile_func_exit((void *)bench_nothing, NULL);
    }
    return (counted_ticks - ticks) * 1000u / (part_count - parts);
}

/* @return thousandths of ticks so many cycles took. */
static uint64_t measure(unsigned cycles, uint64_t empty)
{
    const uint64_t ticks = counted_ticks;
    const uint32_t parts = part_count;
    for (unsigned i = 0; i < cycles; i++) {
        sim_arm_cycle(&arm);
    }
    return (counted_ticks - ticks) * 1000u - (part_count - parts) * empty;
}

static int begin_move(void)
{
    double goals[JOINTS];
    for (unsigned i = 0; i < JOINTS; i++) {
        goals[i] = 1.4;
    }
    return tenon_group_move_to(&arm.group, goals);
}

static uint32_t reply_count(unsigned joint)
{
    return arm.motors[joint].base.device->counters.reply_count;
}

static bool is_sound(const uint32_t *replies)
{
    for (unsigned i = 0; i < JOINTS; i++) {
        const struct tenon_node_counters *const c = &arm.motors[i].base.device->counters;
        if (arm.joints[i].status != TENON_JOINT_ENABLED || c->missed_count != 0 ||
            reply_count(i) - replies[i] != FEW + MANY) {
            return false;
        }
    }
    return arm.group.status == TENON_GROUP_MOVING;
}

static void print(uint64_t value)
{
    char text[24];
    char *at = text + sizeof text - 1;
    *at = '\0';
    do {
        *--at = (char)('0' + value % 10u);
        value /= 10u;
    } while (value > 0);
    (void)puts(at);
}

int main(void)
{
    TIMER_RELOAD = UINT32_MAX;
    TIMER_VALUE = UINT32_MAX;
    TIMER_CONTROL = 1u;
    if (sim_arm_start(&arm, 1, JOINTS, 1000000) != TENON_OK || begin_move() != TENON_OK) {
        (void)puts("not enabled");
        return 1;
    }
    const uint64_t empty = empty_part();
    (void)measure(WARM_UP, empty);
    uint32_t replies[JOINTS];
    for (unsigned i = 0; i < JOINTS; i++) {
        replies[i] = reply_count(i);
    }
    const uint64_t few = measure(FEW, empty);
    const uint64_t many = measure(MANY, empty);
    if (!is_sound(replies)) {
        (void)puts("not every cycle had all its answers");
        return 1;
    }
    /* Thousandths of ticks to instructions: / 1000 / 1.6. */
    print((many - few) * 5u / TICKS_PER_5I / 1000u / (MANY - FEW));
    return 0;
}
