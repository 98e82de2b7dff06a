#include "test_sim_rig.h"

static struct rig rig;

/* Return delay 100 us for all, so that it shows. */
static void make(size_t count)
{
    rig_init(&rig, "xm430-w350", count, 1000000);
    for (size_t i = 0; i < count; i++) {
        (void)tenon_sim_servo_poke(&rig.servos[i], 9, 1, 50);
    }
}

static void send_sync_read(uint8_t instruction, const uint8_t *ids, size_t count)
{
    uint8_t params[4 + 8] = {132, 0, 4, 0};
    memcpy(params + 4, ids, count);
    (void)rig_send(&rig, DXL2_BROADCAST, instruction, params, 4 + count);
}

static void init_refuses_a_bus_of_another_size(void **state)
{
    (void)state;
    static struct tenon_sim_bus bus;
    assert_int_equal(TENON_ERR_ABI, tenon_sim_bus_init_sized(&bus, sizeof bus + 8, NULL, 0));
    assert_int_equal(0, bus.baud);
    assert_int_equal(TENON_OK, tenon_sim_bus_init(&bus, NULL, 0));
    assert_int_equal(57600, bus.baud);
}

/* ---- Timing ---- */

static void a_ping_is_answered_to_the_nanosecond(void **state)
{
    (void)state;
    make(1);
    const tenon_ns_t asked = rig.now;
    (void)rig_send(&rig, 1, DXL2_PING, NULL, 0);
    rig_run(&rig, TENON_MS(5));
    assert_int_equal(14, rig.rx_count);
    for (size_t i = 0; i < 14; i++) { /* 10 bytes there, 100 us, then 10 us a byte */
        assert_int_equal(asked + TENON_US(100 + 100 + 10) + TENON_US(10) * (tenon_ns_t)i,
                         rig.rx_ns[i]);
    }
    const uint8_t expected[] = {0xFF, 0xFF, 0xFD, 0, 1,    7,    0,
                                0x55, 0,    0xFC, 3, 0x2D, 0x17, 0x43}; /* V01 */
    assert_memory_equal(expected, rig.rx, sizeof expected);
}

static void at_57600_a_byte_takes_173611_ns(void **state)
{
    (void)state;
    rig_init(&rig, "xl430-w250", 1, 57600);
    const tenon_ns_t asked = rig.now;
    (void)rig_send(&rig, 1, DXL2_PING, NULL, 0);
    rig_run(&rig, TENON_MS(10));
    assert_int_equal(14, rig.rx_count);
    assert_int_equal(asked + 173611 * 24 + TENON_US(500), rig.rx_ns[13]);
}

static void serving_late_does_not_change_the_devices_times(void **state)
{
    (void)state;
    make(1);
    (void)rig_send(&rig, 1, DXL2_PING, NULL, 0);
    const tenon_ns_t asked = rig.now;
    tenon_sim_bus_serve(&rig.bus, &rig.line, asked + TENON_MS(1));
    assert_int_equal(asked + TENON_US(210), tenon_memory_line_next_ns(&rig.line));
}

static void sync_read_answers_in_list_order_one_after_the_other(void **state)
{
    (void)state;
    const uint8_t ids[] = {3, 1, 2};
    struct dxl2_packet packet;
    make(3);
    const tenon_ns_t asked = rig.now;
    send_sync_read(DXL2_SYNC_READ, ids, 3);
    rig_run(&rig, TENON_MS(5));
    assert_int_equal(3 * 15, rig.rx_count);
    for (size_t i = 0; i < 3; i++) {
        assert_true(rig_next(&rig, &packet));
        assert_int_equal(ids[i], packet.id);
        assert_int_equal(2048, dxl2_load32(packet.params));
        /* 17 bytes of request, then each 100 us and 15 bytes */
        assert_int_equal(asked + TENON_US(170) + TENON_US(250) * (tenon_ns_t)(i + 1),
                         rig.rx_ns[15 * i + 14]);
    }
}

static void bulk_read_answers_each_with_its_own_range(void **state)
{
    (void)state;
    const uint8_t params[] = {2, 144, 0, 2, 0, 1, 146, 0, 1, 0};
    struct dxl2_packet packet;
    make(2);
    (void)rig_send(&rig, DXL2_BROADCAST, DXL2_BULK_READ, params, sizeof params);
    rig_run(&rig, TENON_MS(5));
    assert_true(rig_next(&rig, &packet));
    assert_int_equal(2, packet.id);
    assert_int_equal(120, dxl2_load16(packet.params));
    assert_true(rig_next(&rig, &packet));
    assert_int_equal(1, packet.id);
    assert_int_equal(1, packet.param_count);
    assert_int_equal(25, packet.params[0]);
}

/* ---- A missing device ---- */

static void a_missing_device_is_skipped_after_its_timeout(void **state)
{
    (void)state;
    const uint8_t ids[] = {1, 9, 2};
    struct dxl2_packet packet;
    make(2);
    const tenon_ns_t asked = rig.now;
    send_sync_read(DXL2_SYNC_READ, ids, 3);
    rig_run(&rig, TENON_MS(5));
    assert_true(rig_next(&rig, &packet));
    assert_int_equal(1, packet.id);
    assert_true(rig_next(&rig, &packet));
    assert_int_equal(2, packet.id);
    assert_int_equal(asked + TENON_US(170 + 250 + 300 + 250), rig.rx_ns[29]);
}

static void a_missing_device_stalls_those_behind_it(void **state)
{
    (void)state;
    const uint8_t ids[] = {1, 9, 2};
    struct dxl2_packet packet;
    make(2);
    rig.bus.absent_policy = TENON_SIM_ABSENT_STALL;
    send_sync_read(DXL2_SYNC_READ, ids, 3);
    rig_run(&rig, TENON_S(1));
    assert_true(rig_next(&rig, &packet));
    assert_int_equal(1, packet.id);
    assert_int_equal(15, rig.rx_count);
}

static void a_silent_device_is_a_missing_one(void **state)
{
    (void)state;
    const uint8_t ids[] = {1, 2};
    make(2);
    tenon_sim_servo_set_faults(&rig.servos[0], &(struct tenon_sim_faults){.silent = true});
    const tenon_ns_t asked = rig.now;
    send_sync_read(DXL2_SYNC_READ, ids, 2);
    rig_run(&rig, TENON_MS(5));
    assert_int_equal(15, rig.rx_count);
    assert_int_equal(2, rig.rx[4]);
    assert_int_equal(asked + TENON_US(160 + 300 + 250), rig.rx_ns[14]);
}

/* ---- Fast reads ---- */

static void fast_sync_read_is_one_packet_with_running_crcs(void **state)
{
    (void)state;
    const uint8_t ids[] = {3, 7, 4};
    const int32_t positions[] = {166, 2079, 1023};
    const uint8_t expected[] = {0xFF, 0xFF, 0xFD, 0x00, 0xFE, 0x19, 0x00, 0x55, 0x00, 0x03, 0xA6,
                                0x00, 0x00, 0x00, 0x84, 0x08, 0x00, 0x07, 0x1F, 0x08, 0x00, 0x00,
                                0x16, 0xCA, 0x00, 0x04, 0xFF, 0x03, 0x00, 0x00, 0xD1, 0x9E};
    make(3);
    for (size_t i = 0; i < 3; i++) {
        (void)tenon_sim_servo_poke(&rig.servos[i], 7, 1, ids[i]);
        tenon_sim_servo_set_angle(&rig.servos[i], (positions[i] - 2048) * 6.283185307179586 / 4096);
    }
    send_sync_read(DXL2_FAST_SYNC_READ, ids, 3);
    rig_run(&rig, TENON_MS(5));
    assert_int_equal(sizeof expected, rig.rx_count);
    assert_memory_equal(expected, rig.rx, sizeof expected); /* V18 */
}

static void fast_bulk_read_mixes_lengths(void **state)
{
    (void)state;
    const uint8_t params[] = {1, 132, 0, 4, 0, 2, 146, 0, 1, 0};
    make(2);
    (void)rig_send(&rig, DXL2_BROADCAST, DXL2_FAST_BULK_READ, params, sizeof params);
    rig_run(&rig, TENON_MS(5));
    assert_int_equal(8 + 8 + 5, rig.rx_count);
    assert_int_equal(14, dxl2_load16(rig.rx + 5));
    assert_int_equal(dxl2_crc(0, rig.rx, 14), dxl2_load16(rig.rx + 14));
    assert_int_equal(dxl2_crc(0, rig.rx, 19), dxl2_load16(rig.rx + 19));
    assert_int_equal(2, rig.rx[17]);
    assert_int_equal(25, rig.rx[18]);
}

static void a_fast_read_without_its_first_device_stays_silent(void **state)
{
    (void)state;
    const uint8_t ids[] = {9, 1, 2};
    make(2);
    send_sync_read(DXL2_FAST_SYNC_READ, ids, 3);
    rig_run(&rig, TENON_MS(20));
    assert_int_equal(0, rig.rx_count);
}

/* ---- Writes to many ---- */

static void sync_and_bulk_writes_reach_each_and_are_not_answered(void **state)
{
    (void)state;
    const uint8_t sync[] = {65, 0, 1, 0, 1, 1, 2, 0, 3, 1};
    const uint8_t bulk[] = {1, 65, 0, 1, 0, 0, 2, 84, 0, 2, 0, 0x34, 0x12};
    make(3);
    (void)rig_send(&rig, DXL2_BROADCAST, DXL2_SYNC_WRITE, sync, sizeof sync);
    rig_run(&rig, TENON_MS(2));
    assert_int_equal(1, tenon_sim_servo_peek(&rig.servos[0], 65, 1));
    assert_int_equal(0, tenon_sim_servo_peek(&rig.servos[1], 65, 1));
    assert_int_equal(1, tenon_sim_servo_peek(&rig.servos[2], 65, 1));
    (void)rig_send(&rig, DXL2_BROADCAST, DXL2_BULK_WRITE, bulk, sizeof bulk);
    rig_run(&rig, TENON_MS(2));
    assert_int_equal(0, tenon_sim_servo_peek(&rig.servos[0], 65, 1));
    assert_int_equal(0x1234, tenon_sim_servo_peek(&rig.servos[1], 84, 2));
    assert_int_equal(0, rig.rx_count);
}

static void a_truncated_sync_write_writes_only_whole_entries(void **state)
{
    (void)state;
    const uint8_t sync[] = {84, 0, 2, 0, 1, 0x11, 0x00, 2, 0x22};
    make(2);
    (void)rig_send(&rig, DXL2_BROADCAST, DXL2_SYNC_WRITE, sync, sizeof sync);
    rig_run(&rig, TENON_MS(2));
    assert_int_equal(0x11, tenon_sim_servo_peek(&rig.servos[0], 84, 2));
    assert_int_equal(800, tenon_sim_servo_peek(&rig.servos[1], 84, 2));
}

/* ---- Broadcast ping ---- */

static void a_broadcast_ping_is_answered_by_all_in_their_slots(void **state)
{
    (void)state;
    struct dxl2_packet packet;
    make(3);
    const tenon_ns_t asked = rig.now;
    (void)rig_send(&rig, DXL2_BROADCAST, DXL2_PING, NULL, 0);
    rig_run(&rig, TENON_MS(50));
    for (uint8_t id = 1; id <= 3; id++) {
        assert_true(rig_next(&rig, &packet));
        assert_int_equal(id, packet.id);
        assert_int_equal(1020, dxl2_load16(packet.params));
    }
    assert_int_equal(asked + TENON_US(100 + 100 + 3140 + 140), rig.rx_ns[13]);
}

/* ---- What goes wrong on a wire ---- */

static void two_servos_with_one_id_garble_each_other(void **state)
{
    (void)state;
    struct dxl2_packet packet;
    make(2);
    (void)tenon_sim_servo_poke(&rig.servos[1], 7, 1, 1);
    tenon_sim_servo_set_angle(&rig.servos[1], 1.0);
    assert_int_equal(-1, rig_read(&rig, 1, 132, 4, &packet));
    assert_int_equal(15, rig.rx_count);
    assert_int_equal(1, rig.parser.crc_errors);
    assert_int_equal(15, rig.bus.collision_count);
    /* 2048 and 2700 = 0x0800 & 0x0A8C: the wire is low where either is */
    assert_int_equal(0x0800, dxl2_load16(rig.rx + 9));
    assert_int_equal(0, rig_read(&rig, 1, 0, 2, &packet)); /* the same bytes survive */
}

static void a_servo_at_another_baud_hears_nothing(void **state)
{
    (void)state;
    make(2);
    (void)tenon_sim_servo_poke(&rig.servos[0], 8, 1, 1);
    assert_int_equal(-1, rig_ask(&rig, 1, DXL2_PING, NULL, 0, NULL));
    assert_int_equal(0, rig_ask(&rig, 2, DXL2_PING, NULL, 0, NULL));
    const struct tenon_line_api *api = tenon_line_get_api(&rig.line.base);
    assert_int_equal(TENON_OK, api->set_baud(&rig.line.base, 57600));
    assert_int_equal(0, rig_ask(&rig, 1, DXL2_PING, NULL, 0, NULL));
}

static void a_pause_within_a_request_drops_it(void **state)
{
    (void)state;
    uint8_t frame[16];
    make(1);
    const size_t size = (size_t)dxl2_encode(frame, sizeof frame, 1, DXL2_PING, NULL, 0);
    rig_write(&rig, frame, 5);
    rig_run(&rig, TENON_US(50 + 1490));
    rig_write(&rig, frame + 5, size - 5);
    rig_run(&rig, TENON_MS(5));
    assert_int_equal(14, rig.rx_count);

    rig_write(&rig, frame, 5);
    rig_run(&rig, TENON_US(50 + 1510));
    rig_write(&rig, frame + 5, size - 5);
    rig_run(&rig, TENON_MS(5));
    assert_int_equal(0, rig.rx_count);
    assert_int_equal(1, rig.bus.partial_count);
}

static void an_echoing_adapter_brings_the_request_back_first(void **state)
{
    (void)state;
    struct dxl2_packet packet;
    make(1);
    rig.bus.echo = true;
    const tenon_ns_t asked = rig.now;
    (void)rig_send(&rig, 1, DXL2_PING, NULL, 0);
    rig_run(&rig, TENON_MS(5));
    assert_int_equal(24, rig.rx_count);
    assert_int_equal(asked + TENON_US(100), rig.rx_ns[9]);
    assert_true(rig_next(&rig, &packet));
    assert_int_equal(DXL2_PING, packet.instruction);
    assert_true(rig_next(&rig, &packet));
    assert_int_equal(DXL2_STATUS, packet.instruction);
    assert_int_equal(0, rig.bus.collision_count);
}

static void an_adapter_that_holds_bytes_back_brings_an_answer_after_the_next_request(void **state)
{
    (void)state;
    static const uint8_t id_register[] = {7, 0, 1, 0};
    struct dxl2_packet packet;
    make(1);
    rig.bus.adapter_delay_ns = TENON_MS(2);
    const tenon_ns_t asked = rig.now;
    (void)rig_send(&rig, 1, DXL2_PING, NULL, 0);
    rig_run(&rig, TENON_MS(1));
    assert_int_equal(0, rig.rx_count);
    (void)rig_send(&rig, 1, DXL2_READ, id_register, sizeof id_register);
    rig_run(&rig, TENON_MS(5));
    assert_int_equal(asked + TENON_US(100 + 100 + 10) + TENON_MS(2), rig.rx_ns[0]);
    assert_true(rig_next(&rig, &packet));
    assert_int_equal(3, packet.param_count);
    assert_true(rig_next(&rig, &packet));
    assert_int_equal(1, packet.param_count);
    assert_false(rig_next(&rig, &packet));
    assert_int_equal(0, rig.bus.collision_count);
}

static void a_new_request_cuts_off_answers_that_have_not_begun(void **state)
{
    (void)state;
    struct dxl2_packet packet;
    make(2);
    (void)tenon_sim_servo_poke(&rig.servos[0], 9, 1, 250);
    (void)rig_send(&rig, 1, DXL2_PING, NULL, 0);
    (void)rig_send(&rig, 2, DXL2_PING, NULL, 0);
    rig_run(&rig, TENON_MS(5));
    assert_int_equal(14, rig.rx_count);
    assert_true(rig_next(&rig, &packet));
    assert_int_equal(2, packet.id);
}

static void a_host_that_talks_into_an_answer_garbles_both(void **state)
{
    (void)state;
    struct dxl2_packet packet;
    make(2);
    (void)rig_send(&rig, 1, DXL2_PING, NULL, 0);
    rig_run(&rig, TENON_US(220)); /* the answer has begun at 200 us */
    (void)rig_send(&rig, 2, DXL2_PING, NULL, 0);
    rig_run(&rig, TENON_MS(5));
    assert_false(rig_next(&rig, &packet));
    assert_true(rig.bus.collision_count > 0);
}

static void faults_of_replies_are_used_up(void **state)
{
    (void)state;
    make(1);
    tenon_sim_servo_set_faults(&rig.servos[0],
                               &(struct tenon_sim_faults){.drop_next_replies = 1,
                                                          .corrupt_next_replies = 1,
                                                          .truncate_next_replies = 2,
                                                          .extra_delay_ns = TENON_US(7)});
    assert_int_equal(-1, rig_ask(&rig, 1, DXL2_PING, NULL, 0, NULL));
    assert_int_equal(0, rig.rx_count);
    assert_int_equal(-1, rig_ask(&rig, 1, DXL2_PING, NULL, 0, NULL));
    assert_int_equal(7, rig.rx_count);
    assert_int_equal(-1, rig_ask(&rig, 1, DXL2_PING, NULL, 0, NULL));
    assert_int_equal(7, rig.rx_count);
    const tenon_ns_t asked = rig.now;
    assert_int_equal(0, rig_ask(&rig, 1, DXL2_PING, NULL, 0, NULL));
    assert_int_equal(asked + TENON_US(100 + 100 + 7 + 140), rig.rx_ns[13]);
    assert_int_equal(0, tenon_sim_servo_faults(&rig.servos[0])->truncate_next_replies);
}

static void noise_breaks_some_packets_and_the_same_ones_each_time(void **state)
{
    (void)state;
    uint64_t answered[2] = {0, 0};
    for (int run = 0; run < 2; run++) {
        make(1);
        rig.bus.noise_ppm = 10000;
        rig.bus.seed = 42;
        for (int i = 0; i < 64; i++) {
            const int error = rig_ask(&rig, 1, DXL2_PING, NULL, 0, NULL);
            answered[run] |= (uint64_t)(error == 0) << i;
        }
    }
    assert_true(answered[0] != 0);
    assert_true(answered[0] != UINT64_MAX);
    assert_int_equal(answered[0], answered[1]);
}

/* A second of cyclic traffic with everything that can go wrong. @return CRC of all that the host
 * saw, and when. */
static uint16_t run_with_faults(uint32_t seed)
{
    const uint8_t ids[] = {1, 2, 3};
    uint16_t crc = 0;
    make(3);
    rig.bus.noise_ppm = 500;
    rig.bus.seed = seed;
    for (size_t i = 0; i < 3; i++) {
        (void)tenon_sim_servo_poke(&rig.servos[i], 64, 1, 1);
        tenon_sim_servo_set_load(&rig.servos[i], &(struct tenon_sim_load){.gravity_nm = 0.5f});
    }
    for (int i = 0; i < 250; i++) {
        uint8_t goals[4 + 5] = {116, 0, 4, 0, (uint8_t)(1 + i % 3)};
        dxl2_store32(goals + 5, (uint32_t)(1000 + 37 * i % 2000));
        (void)rig_send(&rig, DXL2_BROADCAST, DXL2_SYNC_WRITE, goals, sizeof goals);
        send_sync_read(DXL2_SYNC_READ, ids, 3);
        rig.servos[i % 3].faults.drop_next_replies = i % 50 == 7;
        rig_run(&rig, TENON_MS(4));
        crc = dxl2_crc(crc, rig.rx, rig.rx_count);
        for (size_t k = 0; k < rig.rx_count; k++) {
            uint8_t stamp[4];
            dxl2_store32(stamp, (uint32_t)(rig.rx_ns[k] & 0xFFFFFFFF));
            crc = dxl2_crc(crc, stamp, sizeof stamp);
        }
    }
    return crc;
}

static void the_same_run_twice_is_the_same_to_the_bit(void **state)
{
    (void)state;
    const uint16_t first = run_with_faults(3);
    const double angle_rad = tenon_sim_servo_angle_rad(&rig.servos[2]);
    assert_int_equal(first, run_with_faults(3));
    assert_memory_equal(&angle_rad, &rig.servos[2].plant.angle_rad, sizeof angle_rad);
    assert_int_not_equal(first, run_with_faults(4));
}

static void random_bytes_are_survived(void **state)
{
    (void)state;
    uint32_t seed = 7;
    make(2);
    for (int round = 0; round < 400; round++) {
        uint8_t bytes[200];
        for (size_t i = 0; i < sizeof bytes; i++) {
            seed = seed * 1664525u + 1013904223u;
            bytes[i] = (uint8_t)(seed >> 24);
        }
        static const uint8_t header[] = {0xFF, 0xFF, 0xFD, 0x00};
        memcpy(bytes + round % 100, header, sizeof header);
        /* Half of the frames get a right CRC, so that their contents are looked at. */
        uint8_t frame[300];
        const int size =
            dxl2_encode(frame, sizeof frame, (round & 2) != 0 ? DXL2_BROADCAST : 1,
                        (uint8_t)(bytes[0] % 0xA0), bytes + 1, (size_t)(bytes[1] % 60));
        rig_write(&rig, (round & 1) != 0 ? bytes : frame,
                  (round & 1) != 0 ? sizeof bytes : (size_t)size);
        rig_run(&rig, TENON_MS(5));
    }
    (void)tenon_sim_servo_poke(&rig.servos[0], 7, 1, 1);
    (void)tenon_sim_servo_poke(&rig.servos[0], 8, 1, 3);
    (void)tenon_sim_servo_poke(&rig.servos[0], 13, 1, 2);
    rig_run(&rig, TENON_S(1));
    assert_int_equal(0, rig_ask(&rig, 1, DXL2_PING, NULL, 0, NULL) & 0x7F);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(init_refuses_a_bus_of_another_size),
        cmocka_unit_test(a_ping_is_answered_to_the_nanosecond),
        cmocka_unit_test(at_57600_a_byte_takes_173611_ns),
        cmocka_unit_test(serving_late_does_not_change_the_devices_times),
        cmocka_unit_test(sync_read_answers_in_list_order_one_after_the_other),
        cmocka_unit_test(bulk_read_answers_each_with_its_own_range),
        cmocka_unit_test(a_missing_device_is_skipped_after_its_timeout),
        cmocka_unit_test(a_missing_device_stalls_those_behind_it),
        cmocka_unit_test(a_silent_device_is_a_missing_one),
        cmocka_unit_test(fast_sync_read_is_one_packet_with_running_crcs),
        cmocka_unit_test(fast_bulk_read_mixes_lengths),
        cmocka_unit_test(a_fast_read_without_its_first_device_stays_silent),
        cmocka_unit_test(sync_and_bulk_writes_reach_each_and_are_not_answered),
        cmocka_unit_test(a_truncated_sync_write_writes_only_whole_entries),
        cmocka_unit_test(a_broadcast_ping_is_answered_by_all_in_their_slots),
        cmocka_unit_test(two_servos_with_one_id_garble_each_other),
        cmocka_unit_test(a_servo_at_another_baud_hears_nothing),
        cmocka_unit_test(a_pause_within_a_request_drops_it),
        cmocka_unit_test(an_echoing_adapter_brings_the_request_back_first),
        cmocka_unit_test(an_adapter_that_holds_bytes_back_brings_an_answer_after_the_next_request),
        cmocka_unit_test(a_new_request_cuts_off_answers_that_have_not_begun),
        cmocka_unit_test(a_host_that_talks_into_an_answer_garbles_both),
        cmocka_unit_test(faults_of_replies_are_used_up),
        cmocka_unit_test(noise_breaks_some_packets_and_the_same_ones_each_time),
        cmocka_unit_test(the_same_run_twice_is_the_same_to_the_bit),
        cmocka_unit_test(random_bytes_are_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
