/*
 * Joints with motors that hang on no wire and never have a sample:
 * bench_modules JOINTS STEPS [SUSPENDED], the first SUSPENDED of which are out of the plan.
 *
 * Under `valgrind --tool=callgrind`:
 * - `--toggle-collect=tenon_sched_step` collects the steps; with a second toggle,
 *   `tenon__drive_run`, what the scheduler spends around each joint, without the joint itself.
 * - `--toggle-collect=register_all` collects adding all of them and starting the scheduler.
 */
#include "tenon/sched.h"

#include <stdio.h>
#include <stdlib.h>

enum { JOINTS_MAX = 2000, PERIOD_NS = 1000 }; /* so short that nothing goes stale meanwhile */

__attribute__((noinline)) int register_all(struct tenon_sched *sched, unsigned long count);

static int do_nothing(struct tenon_module *module, tenon_ns_t now)
{
    (void)module;
    (void)now;
    return TENON_OK;
}

static int
read_nothing(struct tenon_motor *motor, tenon_ns_t now, struct tenon_motor_state *out_state)
{
    (void)motor;
    (void)now;
    (void)out_state;
    return TENON_ERR_AGAIN;
}

static int take_command(struct tenon_motor *motor, const struct tenon_motor_command *command)
{
    (void)motor;
    (void)command;
    return TENON_OK;
}

static const struct tenon_lifecycle_api lifecycle = {
    .head = TENON_API_HEAD(struct tenon_lifecycle_api),
    .probe = do_nothing,
    .make_safe = do_nothing,
};
static const struct tenon_motor_api motor_api = {
    .head = TENON_API_HEAD(struct tenon_motor_api),
    .read = read_nothing,
    .command = take_command,
};
static const struct tenon_driver driver = {
    .head = TENON_API_HEAD(struct tenon_driver),
    .name = "empty_motor",
    .role = TENON_ROLE_MOTOR,
    .instance_size = sizeof(struct tenon_motor),
    .lifecycle = &lifecycle,
    .api = &motor_api.head,
};

/* As cheap as a cycle counter. */
static uint32_t ticks(void)
{
    static uint32_t count;
    return count += 100;
}

static void panic(uint32_t module, uint32_t id)
{
    (void)module;
    (void)id;
}

static const struct tenon_port port = {
    .head = TENON_API_HEAD(struct tenon_port),
    .ticks = ticks,
    .panic = panic,
    .ticks_per_s = 1000000000,
};

static struct tenon_joint joints[JOINTS_MAX];
static struct tenon_motor motors[JOINTS_MAX];
static uint64_t memory[JOINTS_MAX * 64];

int register_all(struct tenon_sched *sched, unsigned long count)
{
    static const struct tenon_joint_limits limits = {-1.0, 1.0, 1.0f, 4.0f, 40.0f, 1.0f, 0.0f};
    static const struct tenon_motor_limits motor_limits = {-2.0, 2.0, 2.0f, 2.0f, 2.0f};
    int rc = tenon_sched_init(sched, &port, PERIOD_NS, memory, sizeof memory);
    for (unsigned long i = 0; i < count && rc == TENON_OK; i++) {
        motors[i].module.driver = &driver;
        motors[i].mode = TENON_MODE_POSITION;
        motors[i].limits = motor_limits;
        rc = tenon_sched_add_joint(sched, &joints[i], "joint", &motors[i], &limits);
    }
    return rc == TENON_OK ? tenon_sched_start(sched) : rc;
}

int main(int argc, char **argv)
{
    static struct tenon_sched sched;
    const unsigned long count = argc > 1 ? strtoul(argv[1], NULL, 10) : 100;
    const unsigned long steps = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;
    const unsigned long suspended = argc > 3 ? strtoul(argv[3], NULL, 10) : 0;
    tenon_ns_t now = 1;
    if (count < 1 || count > JOINTS_MAX || suspended > count ||
        register_all(&sched, count) != TENON_OK) {
        fprintf(stderr, "bench_modules: not registered\n");
        return 1;
    }
    for (int i = 0; i < 10; i++) {
        (void)tenon_sched_poll(&sched, now);
    }
    if (suspended > 0) {
        now = tenon_sched_step(&sched, now); /* all come up */
    }
    bool is_sound = true;
    for (unsigned long i = 0; i < suspended; i++) {
        is_sound = is_sound && tenon_joint_suspend(&joints[i]) == TENON_OK;
        now = tenon_sched_step(&sched, now);
        is_sound = is_sound && joints[i].status == TENON_JOINT_SUSPENDED;
    }
    const uint32_t before = sched.counters.step_count;
    for (unsigned long i = 0; i < steps; i++) {
        now = tenon_sched_step(&sched, now);
    }
    is_sound =
        is_sound && sched.counters.step_count - before == steps &&
        (steps == 0 || suspended == count || joints[count - 1].status == TENON_JOINT_DISABLED);
    return is_sound ? 0 : 1;
}
