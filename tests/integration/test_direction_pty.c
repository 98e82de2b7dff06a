/*
 * A transceiver that the runner switches: it sends for as long as bytes need on the wire, and not
 * much longer, with nothing but poll's deadline to wake anybody. In real time.
 */
#include "../tenon_test.h"

#include "../fakes/pty_servos.h"
#include "tenon/drivers/dxl2_bus.h"
#include "tenon/drivers/dxl2_motor.h"
#include "tenon/drivers/serialport_line.h"
#include "tenon/posix.h"

#include <string.h>

#define PERIOD   TENON_MS(20)
#define PATIENCE TENON_S(20)
#define BYTE_NS  TENON_US(10)
#define CYCLES   100

static struct {
    struct pty_servos servos;
    struct tenon_sched sched;
    struct tenon_serialport_line line;
    struct tenon_wire wire;
    struct tenon_dxl2_bus bus;
    struct tenon_dxl2_motor motors[PTY_SERVOS];
    struct tenon_joint joints[PTY_SERVOS];
    uint8_t bus_memory[TENON_DXL2_BUS_MEMORY(PTY_SERVOS)];
    uint64_t memory[512];
} rig;

static struct {
    bool is_sending;
    tenon_ns_t since_ns;
    uint64_t sent_before; /* bytes, when it began to send */
    unsigned frame_count;
    unsigned short_count;    /* let go before the last bit had left */
    unsigned prompt_count;   /* let go before an answer could be complete */
    unsigned repeated_count; /* switched to where it was */
} transceiver;

static int switch_direction(void *context, bool is_sending)
{
    const tenon_ns_t now = tenon_posix_now();
    assert_ptr_equal(context, &transceiver);
    if (is_sending) {
        transceiver.repeated_count += transceiver.is_sending ? 1 : 0;
        transceiver.since_ns = now;
        transceiver.sent_before = rig.line.base.tx_bytes;
    } else if (transceiver.is_sending) {
        const uint64_t bytes = rig.line.base.tx_bytes - transceiver.sent_before;
        const tenon_ns_t wire = (tenon_ns_t)bytes * BYTE_NS;
        const tenon_ns_t took = now - transceiver.since_ns;
        transceiver.frame_count++;
        /* The frame's time counts from the poll's `now`, shortly before the switch. */
        transceiver.short_count += took < wire - TENON_US(100) ? 1 : 0;
        transceiver.prompt_count += took < wire + TENON_US(300) ? 1 : 0;
    }
    transceiver.is_sending = is_sending;
    return 0;
}

static void assemble(void)
{
    const struct tenon_serialport_line_config config = {
        .path = rig.servos.name,
        .baud = 1000000,
        .direction = TENON_SERIALPORT_DIRECTION_CALLBACK,
        .switch_direction = switch_direction,
        .context = &transceiver,
    };
    (void)tenon_sched_init(&rig.sched, &tenon_posix_port, PERIOD, rig.memory, sizeof rig.memory);
    (void)tenon_sched_add_wire(
        &rig.sched, &rig.wire, "bus", tenon_serialport_line_init_config(&rig.line, &config),
        tenon_dxl2_bus_init(&rig.bus, rig.bus_memory, sizeof rig.bus_memory));
    for (unsigned i = 0; i < PTY_SERVOS; i++) {
        (void)tenon_sched_add_joint(
            &rig.sched, &rig.joints[i], "joint",
            tenon_dxl2_motor_init(&rig.motors[i], &rig.wire, (uint8_t)(i + 1), TENON_MODE_POSITION),
            NULL);
    }
}

static void the_wire_is_held_while_bytes_leave_and_then_let_go(void **state)
{
    (void)state;
    pty_servos_make(&rig.servos);
    pty_servos_run(&rig.servos);
    assemble();
    assert_int_equal(tenon_posix_start(&rig.sched, PATIENCE), TENON_OK);
    memset(&transceiver, 0, sizeof transceiver);
    for (int i = 0; i < CYCLES; i++) {
        assert_int_equal(tenon_posix_cycle(&rig.sched), TENON_OK);
    }
    assert_true(transceiver.frame_count >= CYCLES / 2);
    /* A terminal does not tell whether bits are left: a thread held up before its write is short.
     */
    assert_true(transceiver.short_count <= transceiver.frame_count / 10);
    assert_int_equal(transceiver.repeated_count, 0);
    /* A busy machine may be late often; but what only woke for the answer never would be prompt. */
    assert_true(transceiver.prompt_count > 0);
    assert_true(tenon_sched_is_ready(&rig.sched));
    tenon_sched_close(&rig.sched);
    assert_false(transceiver.is_sending);
    pty_servos_stop(&rig.servos);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_wire_is_held_while_bytes_leave_and_then_let_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
