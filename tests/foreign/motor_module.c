/*
 * A motor in a plug-in that was compiled elsewhere. FOREIGN_ABI_STEP: how far the ABI of its
 * headers is from ours. FOREIGN_TABLE: its motor table is ours (0), one from before the last method
 * was thought of (-1), or one with a method more (1).
 */
#include "foreign/motor_module.h"

/* From here on the macros that make heads see the other ABI. */
enum { FOREIGN_ABI = TENON_ABI_MAJOR + (FOREIGN_ABI_STEP) };
#undef TENON_ABI_MAJOR
#define TENON_ABI_MAJOR FOREIGN_ABI

static struct tenon_motor motor;
static unsigned calls;

static int step(struct tenon_module *self, tenon_ns_t now)
{
    (void)self;
    (void)now;
    calls++;
    return TENON_OK;
}

static int read_nothing(struct tenon_motor *self, tenon_ns_t now, struct tenon_motor_state *out)
{
    (void)self;
    (void)now;
    (void)out;
    calls++;
    return TENON_ERR_AGAIN;
}

static int take(struct tenon_motor *self, const struct tenon_motor_command *command)
{
    (void)self;
    (void)command;
    calls++;
    return TENON_OK;
}

static const struct tenon_lifecycle_api lifecycle = {
    .head = TENON_API_HEAD(struct tenon_lifecycle_api), .probe = step, .make_safe = step};

#if FOREIGN_TABLE < 0
struct motor_table {
    struct tenon_api_head head;
    int (*read)(struct tenon_motor *self, tenon_ns_t now, struct tenon_motor_state *out_state);
    int (*command)(struct tenon_motor *self, const struct tenon_motor_command *command);
};
static const struct motor_table table = {TENON_API_HEAD(struct motor_table), read_nothing, take};
#elif FOREIGN_TABLE > 0
struct motor_table {
    struct tenon_motor_api ours;
    int (*later)(struct tenon_motor *self);
};
static const struct motor_table table = {
    .ours = {.head = TENON_API_HEAD(struct motor_table), .read = read_nothing, .command = take}};
#else
static const struct tenon_motor_api table = {
    .head = TENON_API_HEAD(struct tenon_motor_api), .read = read_nothing, .command = take};
#endif

static const struct tenon_driver driver = {
    .head = TENON_API_HEAD(struct tenon_driver),
    .name = "foreign_motor",
    .role = TENON_ROLE_MOTOR,
    .instance_size = sizeof(struct tenon_motor),
    .lifecycle = &lifecycle,
    .api = (const void *)&table,
};

static struct tenon_motor *init(void)
{
    const struct tenon_motor_limits limits = {-3.0, 3.0, 2.0f, 1.0f, 4.0f};
    motor = (struct tenon_motor){
        .module = {.driver = &driver}, .mode = TENON_MODE_POSITION, .limits = limits};
    calls = 0;
    return &motor;
}

static unsigned call_count(void)
{
    return calls;
}

const struct foreign_motor_module foreign_motor_module = {init, call_count};
