/*
 * Firmware with two joints: one task runs everything, one UART interrupt wakes it. See README.md.
 */
#include "firmware.h"

#include "board.h"
#include "uart_dma_line.h"

#include "tenon/drivers/dxl2_bus.h"
#include "tenon/drivers/dxl2_motor.h"
#include "tenon/sched.h"

#define JOINTS 2u
#define BAUD   1000000u
#define PERIOD TENON_MS(4)

static const struct tenon_port port = {
    .head = TENON_API_HEAD(struct tenon_port),
    .ticks = board_ticks,
    .panic = board_panic,
    .ticks_per_s = BOARD_TICKS_PER_S,
};

static const struct tenon_joint_limits limits = {-1.0, 1.0, 1.0f, 4.0f, 40.0f, 0.0f, 0.2f};

/* All memory there is: the linker tells whether it fits. */
static struct tenon_sched sched;
static uint64_t sched_memory[TENON_SCHED_MEMORY(JOINTS, 0) / sizeof(uint64_t) + 1];
static struct tenon_wire wire;
static struct uart_dma_line line;
static struct tenon_dxl2_bus bus;
static uint64_t bus_memory[TENON_DXL2_BUS_MEMORY(JOINTS) / sizeof(uint64_t)];
static struct tenon_dxl2_motor motors[JOINTS];
static struct tenon_joint joints[JOINTS];
static struct tenon_joint *const members[JOINTS] = {&joints[0], &joints[1]};
static struct tenon_group group;

/* --- what the UART's interrupts do --- */

void firmware_uart_received(void)
{
    uart_dma_line_received(&line, board_uart_position());
    board_wake();
}

void firmware_uart_sent(void)
{
    uart_dma_line_sent(&line);
    board_wake();
}

/* --- the application: to and fro, for as long as nothing fails --- */

static bool all_are(enum tenon_joint_status status)
{
    return joints[0].status == status && joints[1].status == status;
}

/* After a step. A call that is refused is made again with the next; `refusal` is for a debugger. */
static void application(void)
{
    static const double ends[2][JOINTS] = {{0.3, -0.3}, {-0.3, 0.3}};
    static unsigned next;
    static int refusal;
    int rc = TENON_OK;
    if (all_are(TENON_JOINT_DISABLED)) {
        rc = tenon_group_enable(&group); /* once: a fault leads elsewhere */
    } else if (all_are(TENON_JOINT_ENABLED) &&
               (group.status == TENON_GROUP_IDLE || group.status == TENON_GROUP_DONE)) {
        rc = tenon_group_move_to(&group, ends[next]);
        next = rc == TENON_OK ? 1u - next : next;
    }
    refusal = rc < 0 ? rc : refusal;
}

/* --- the task --- */

int firmware_setup(void)
{
    static const char *const names[JOINTS] = {"shoulder", "elbow"};
    (void)tenon_sched_init(&sched, &port, PERIOD, sched_memory, sizeof sched_memory);
    (void)tenon_sched_add_wire(&sched, &wire, "bus", uart_dma_line_init(&line, BAUD),
                               tenon_dxl2_bus_init(&bus, bus_memory, sizeof bus_memory));
    for (unsigned i = 0; i < JOINTS; i++) {
        (void)tenon_sched_add_joint(
            &sched, &joints[i], names[i],
            tenon_dxl2_motor_init(&motors[i], &wire, (uint8_t)(i + 1u), TENON_MODE_POSITION),
            &limits);
    }
    (void)tenon_sched_add_group(&sched, &group, "arm", members, JOINTS);
    return tenon_sched_start(&sched); /* the first refusal of any of the calls above */
}

tenon_ns_t firmware_turn(void)
{
    tenon_ns_t deadline = tenon_sched_poll(&sched, board_now());
    if (board_now() >= tenon_sched_release(&sched)) {
        (void)tenon_sched_step(&sched, board_now());
        application();
        deadline = tenon_sched_poll(&sched, board_now());
    }
    const tenon_ns_t release = tenon_sched_release(&sched);
    return deadline < release ? deadline : release;
}

void firmware_task(void)
{
    if (firmware_setup() != TENON_OK) {
        board_panic(0, 0); /* sched.diag says why: look at it with a debugger */
    }
    for (;;) {
        board_wait(firmware_turn());
    }
}
