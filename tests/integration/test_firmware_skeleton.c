/* The example for firmware, as it is, on a board made of simulated servos and simulated time. */
#include "tenon_test.h"

#include "examples/firmware_skeleton/firmware.c"
#include "examples/firmware_skeleton/uart_dma_line.c"
#include "tenon/sim.h"

#include <math.h>

#define BYTE_NS (TENON_S(10) / BAUD)

/* --- the board --- */

static struct board {
    struct tenon_sim_servo servos[JOINTS];
    struct tenon_sim_servo *list[JOINTS];
    struct tenon_sim_bus sim;
    tenon_ns_t now;
    tenon_ns_t idle_ns; /* when the line counts as idle; TENON_NEVER: it does */
    tenon_ns_t sent_ns;
    uint8_t *ring;
    size_t ring_size;
    size_t position;
    const uint8_t *sending;
    size_t sending_count;
    unsigned wake_count;
    bool is_woken;
} board;

tenon_ns_t board_now(void)
{
    return board.now;
}

uint32_t board_ticks(void)
{
    static uint32_t count;
    return ++count;
}

void board_panic(uint32_t module, uint32_t id)
{
    fail_msg("broken invariant %u.%u", (unsigned)module, (unsigned)id);
}

void board_wake(void)
{
    board.is_woken = true;
    board.wake_count++;
}

bool board_uart_open(uint32_t baud, uint8_t *ring, size_t size)
{
    board.ring = ring;
    board.ring_size = size;
    board.position = 0;
    board.idle_ns = TENON_NEVER;
    board.sent_ns = TENON_NEVER;
    return baud == BAUD;
}

void board_uart_close(void)
{
    board.ring = NULL;
}

size_t board_uart_position(void)
{
    return board.position;
}

void board_uart_send(const uint8_t *bytes, size_t count)
{
    assert_true(board.sent_ns == TENON_NEVER); /* nobody sends while it sends */
    board.sending = bytes;
    board.sending_count = count;
    board.sent_ns = board.now + (tenon_ns_t)count * BYTE_NS;
}

/* What the DMA and its interrupts do with a byte. */
static void receive(uint8_t byte)
{
    board.ring[board.position] = byte;
    board.position = (board.position + 1) % board.ring_size;
    board.idle_ns = board.now + BYTE_NS;
    if (board.position % (board.ring_size / 2) == 0) {
        firmware_uart_received();
    }
}

static void run_board(void)
{
    uint8_t byte;
    if (board.now >= board.sent_ns) {
        board.sent_ns = TENON_NEVER;
        tenon_sim_bus_receive(&board.sim, board.sending, board.sending_count, board.now);
        firmware_uart_sent();
    }
    while (tenon_sim_bus_transmit(&board.sim, &byte, 1, board.now) > 0) {
        receive(byte);
    }
    if (board.now >= board.idle_ns) {
        board.idle_ns = TENON_NEVER;
        firmware_uart_received();
    }
}

static tenon_ns_t earlier(tenon_ns_t a, tenon_ns_t b)
{
    return a < b ? a : b;
}

void board_wait(tenon_ns_t until)
{
    while (!board.is_woken && board.now < until) {
        const tenon_ns_t due = earlier(board.sent_ns, board.idle_ns);
        const tenon_ns_t next = earlier(until, earlier(due, tenon_sim_bus_next_ns(&board.sim)));
        board.now = next > board.now ? next : board.now + 1;
        run_board();
    }
    board.is_woken = false;
}

static void power_on(void)
{
    memset(&board, 0, sizeof board);
    for (unsigned i = 0; i < JOINTS; i++) {
        board.list[i] = &board.servos[i];
        assert_int_equal(
            tenon_sim_servo_init(&board.servos[i], "xl430-w250", (uint8_t)(i + 1u), BAUD),
            TENON_OK);
    }
    tenon_sim_bus_init(&board.sim, board.list, JOINTS);
    tenon_sim_bus_set_baud(&board.sim, BAUD);
}

/* --- the whole --- */

static void firmware_moves_its_joints_to_and_fro(void **state)
{
    double low = 0.0, high = 0.0;
    unsigned turns = 0;
    (void)state;
    power_on();
    assert_int_equal(firmware_setup(), TENON_OK);
    for (; board.now < TENON_S(6); turns++) {
        board_wait(firmware_turn());
        const double angle = tenon_sim_servo_angle_rad(&board.servos[0]);
        low = fmin(low, angle);
        high = fmax(high, angle);
        assert_true(fabs(angle + tenon_sim_servo_angle_rad(&board.servos[1])) < 0.05);
    }
    assert_true(fabs(low + 0.3) < 0.02 && fabs(high - 0.3) < 0.02);
    for (unsigned i = 0; i < JOINTS; i++) {
        assert_int_equal(joints[i].fault_count, 0);
        assert_int_equal(motors[i].base.device->counters.missed_count, 0);
    }
    assert_int_equal(line.overrun_count, 0);
    assert_int_equal(sched.counters.missed_count, 0);
    assert_true(turns < board.wake_count + 3u * sched.counters.step_count); /* it waits */
}

/* --- the line alone --- */

static void open_line(void)
{
    power_on();
    (void)uart_dma_line_init(&line, BAUD);
    assert_int_equal(line_probe(&line.base.module, 0), TENON_OK);
}

static void bytes_come_out_in_order_over_many_laps(void **state)
{
    uint8_t out[100];
    uint8_t put = 0, got = 0;
    (void)state;
    open_line();
    for (unsigned burst = 1; burst < 300; burst++) {
        for (unsigned i = 0; i < burst % 200u; i++) {
            receive(put++);
        }
        firmware_uart_received(); /* idle */
        int count;
        while ((count = line_read(&line.base, out, 1u + burst % sizeof out, 0)) > 0) {
            for (int i = 0; i < count; i++) {
                assert_int_equal(out[i], got++);
            }
        }
        assert_int_equal(put, got);
    }
    assert_int_equal(line.overrun_count, 0);
    assert_true(line.base.rx_bytes > 10u * UART_DMA_RING);
}

/* A ring that was just filled is still whole; one byte more and it is not. */
static void bytes_that_were_written_over_are_never_read(void **state)
{
    (void)state;
    for (unsigned surplus = 0; surplus < 2u * UART_DMA_RING; surplus++) {
        uint8_t out[2u * UART_DMA_RING];
        open_line();
        for (unsigned i = 0; i < UART_DMA_RING + surplus; i++) {
            receive((uint8_t)i);
        }
        firmware_uart_received();
        const int count = line_read(&line.base, out, sizeof out, 0);
        assert_int_equal(count, surplus == 0 ? UART_DMA_RING : 0);
        assert_int_equal(line.overrun_count, surplus == 0 ? 0 : 1);
        receive(0x5A);
        firmware_uart_received();
        assert_int_equal(line_read(&line.base, out, sizeof out, 0), 1);
        assert_int_equal(out[0], 0x5A);
    }
}

static void nothing_is_taken_while_it_sends(void **state)
{
    static const uint8_t bytes[UART_DMA_SEND + 10u] = {1, 2, 3};
    (void)state;
    open_line();
    assert_int_equal(line_write(&line.base, bytes, sizeof bytes, 0), UART_DMA_SEND);
    assert_true(line.base.tx_pending);
    assert_int_equal(line_write(&line.base, bytes, 10, 0), 0);
    assert_true(line.base.tx_pending);
    assert_memory_equal(board.sending, bytes, UART_DMA_SEND);
    board.sent_ns = TENON_NEVER;
    firmware_uart_sent();
    assert_int_equal(line_write(&line.base, bytes, 10, 0), 10);
    assert_false(line.base.tx_pending);
    assert_int_equal(line.base.tx_bytes, UART_DMA_SEND + 10);
}

static void speed_that_the_uart_refuses_is_told(void **state)
{
    (void)state;
    power_on();
    (void)uart_dma_line_init(&line, BAUD + 1u);
    assert_int_equal(line_probe(&line.base.module, 0), TENON_ERR_UNSUPPORTED);
    assert_int_equal(line.base.module.diag.cause, TENON_CAUSE_BAUD_UNSUPPORTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(firmware_moves_its_joints_to_and_fro),
        cmocka_unit_test(bytes_come_out_in_order_over_many_laps),
        cmocka_unit_test(bytes_that_were_written_over_are_never_read),
        cmocka_unit_test(nothing_is_taken_while_it_sends),
        cmocka_unit_test(speed_that_the_uart_refuses_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
