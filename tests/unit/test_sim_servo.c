#include "test_sim_rig.h"

static struct rig rig;

static void make(const char *model)
{
    rig_init(&rig, model, 1, 1000000);
}

static int32_t peek(uint16_t address, uint8_t width)
{
    return tenon_sim_servo_peek(&rig.servos[0], address, width);
}

static void poke(uint16_t address, uint8_t width, int32_t value)
{
    assert_int_equal(TENON_OK, tenon_sim_servo_poke(&rig.servos[0], address, width, value));
}

static int put(uint16_t address, unsigned width, int32_t value)
{
    return rig_write_register(&rig, 1, address, width, value);
}

/* ---- Making one ---- */

static void init_refuses_what_does_not_exist(void **state)
{
    (void)state;
    struct tenon_sim_servo servo;
    assert_int_equal(TENON_ERR_ABI, tenon_sim_servo_init_sized(&servo, sizeof servo - 1,
                                                               "xm430-w350", 1, 1000000));
    assert_int_equal(TENON_ERR_ARG, tenon_sim_servo_init(&servo, "xm430-w210", 1, 1000000));
    assert_int_equal(TENON_ERR_ARG, tenon_sim_servo_init(&servo, "xm430-w350", 253, 1000000));
    assert_int_equal(TENON_ERR_ARG, tenon_sim_servo_init(&servo, "xm430-w350", 1, 1234567));
    assert_int_equal(TENON_ERR_ARG, tenon_sim_servo_init(&servo, "xl330-m288", 1, 4500000));
    assert_int_equal(TENON_OK, tenon_sim_servo_init(&servo, "xm430-w350", 1, 4500000));
    for (size_t i = 0; i < tenon_sim_model_count(); i++) {
        assert_int_equal(TENON_OK, tenon_sim_servo_init(&servo, tenon_sim_model_name(i), 0, 9600));
        assert_int_equal(tenon_sim_model_number(i), tenon_sim_servo_peek(&servo, 0, 2));
    }
    assert_null(tenon_sim_model_name(tenon_sim_model_count()));
}

static void factory_defaults_are_those_of_the_model(void **state)
{
    (void)state;
    static const struct {
        const char *model;
        uint16_t address;
        uint8_t width;
        int32_t value;
    } expected[] = {
        {"xl330-m288", 6, 1, 46},    {"xl330-m288", 38, 2, 1750},  {"xl330-m288", 44, 4, 445},
        {"xl330-m288", 63, 1, 53},   {"xl330-m288", 84, 2, 400},   {"xl330-m288", 168, 2, 208},
        {"xl430-w250", 6, 1, 45},    {"xl430-w250", 31, 1, 72},    {"xl430-w250", 80, 2, 4000},
        {"xl430-w250", 84, 2, 640},  {"xl430-w250", 578, 2, 634},  {"xm430-w350", 38, 2, 1193},
        {"xm430-w350", 44, 4, 200},  {"xm430-w350", 76, 2, 1920},  {"xm430-w350", 84, 2, 800},
        {"xm430-w350", 100, 2, 885}, {"xm430-w350", 102, 2, 1193}, {"xm430-w350", 168, 2, 224},
        {"xm430-w350", 9, 1, 250},   {"xm430-w350", 116, 4, 2048}, {"xm430-w350", 132, 4, 2048},
    };
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        make(expected[i].model);
        assert_int_equal(expected[i].value,
                         rig_read_register(&rig, 1, expected[i].address, expected[i].width));
    }
}

/* ---- Access and errors ---- */

static void reads_of_undefined_areas_are_refused_without_data(void **state)
{
    (void)state;
    struct dxl2_packet packet;
    static const uint16_t bad[][2] = {{14, 1},  {66, 1},     {64, 4}, {148, 1},
                                      {699, 2}, {0xFFFF, 2}, {662, 1}};
    make("xm430-w350");
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(7, rig_read(&rig, 1, bad[i][0], bad[i][1], &packet));
        assert_int_equal(0, packet.param_count);
    }
    assert_int_equal(0, rig_read(&rig, 1, 120, 28, &packet));
    assert_int_equal(28, packet.param_count);
    make("xl430-w250");
    assert_int_equal(7, rig_read(&rig, 1, 102, 2, &packet)); /* no Goal Current */
}

static void writes_are_refused_with_the_error_that_fits(void **state)
{
    (void)state;
    static const struct {
        uint16_t address;
        unsigned width;
        int32_t value;
        int error;
    } cases[] = {
        {132, 4, 0, 7},    {0, 2, 0, 7},      {66, 1, 0, 7},       {14, 1, 0, 7},
        {116, 2, 0, 5},    {117, 1, 0, 5},    {118, 2, 0, 5},      {84, 1, 5, 5},
        {64, 1, 2, 4},     {84, 2, 16384, 4}, {98, 1, 128, 4},     {7, 1, 253, 4},
        {11, 1, 2, 4},     {10, 1, 2, 4},     {100, 2, -886, 4},   {168, 2, 63, 4},
        {168, 2, 662, 4},  {116, 4, 4096, 6}, {116, 4, -1, 6},     {104, 4, 201, 6},
        {104, 4, -201, 6}, {102, 2, 1194, 4}, {20, 4, 1044480, 4}, {8, 1, 8, 4},
        {116, 4, 4095, 0}, {104, 4, -200, 0}, {84, 2, 16383, 0},   {8, 1, 3, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        make("xm430-w350");
        const int32_t before = peek(cases[i].address, 4);
        assert_int_equal(cases[i].error, put(cases[i].address, cases[i].width, cases[i].value));
        if (cases[i].error != 0 && cases[i].address <= 116) {
            assert_int_equal(before, peek(cases[i].address, 4));
        }
    }
}

static void limits_registers_bound_goals(void **state)
{
    (void)state;
    make("xm430-w350");
    assert_int_equal(0, put(36, 2, 500));
    assert_int_equal(500, peek(100, 2)); /* the goal is clipped along */
    assert_int_equal(6, put(100, 2, 501));
    assert_int_equal(0, put(100, 2, -500));
    assert_int_equal(0, put(38, 2, 100));
    assert_int_equal(6, put(102, 2, -101));
    assert_int_equal(0, put(52, 4, 1000));
    assert_int_equal(6, put(116, 4, 999));
    assert_int_equal(0, put(11, 1, 4)); /* extended: the limits do not count */
    assert_int_equal(0, put(116, 4, -100000));
    assert_int_equal(4, put(116, 4, 1048576));
}

static void modes_follow_the_model(void **state)
{
    (void)state;
    make("xl430-w250");
    assert_int_equal(4, put(11, 1, 0));
    assert_int_equal(4, put(11, 1, 5));
    assert_int_equal(0, put(11, 1, 16));
    make("xl330-m288");
    assert_int_equal(0, put(11, 1, 5));
    assert_int_equal(4, put(8, 1, 7));
}

static void a_write_of_several_items_is_all_or_nothing(void **state)
{
    (void)state;
    uint8_t params[2 + 4] = {84, 0};
    make("xm430-w350");
    dxl2_store16(params + 2, 111);
    dxl2_store16(params + 4, 222);
    params[0] = 80; /* D and I gain */
    assert_int_equal(0, rig_ask(&rig, 1, DXL2_WRITE, params, 6, NULL));
    assert_int_equal(111, peek(80, 2));
    assert_int_equal(222, peek(82, 2));
    dxl2_store16(params + 2, 333);
    dxl2_store16(params + 4, 20000);
    assert_int_equal(4, rig_ask(&rig, 1, DXL2_WRITE, params, 6, NULL));
    assert_int_equal(111, peek(80, 2));
    params[0] = 84; /* P gain, then a hole */
    assert_int_equal(7, rig_ask(&rig, 1, DXL2_WRITE, params, 6, NULL));
    assert_int_equal(800, peek(84, 2));
}

/*
 * What owners of an XM430-W350 saw who ran a program for another table against it (issue 148 of
 * DynamixelSDK): a read across indirect addresses, a write that leaves one of them out of range.
 */
static void odd_ranges_are_answered_as_a_real_servo_did(void **state)
{
    (void)state;
    make("xm430-w350");
    assert_int_equal(-1945990398, rig_read_register(&rig, 1, 611, 4));
    assert_int_equal(4, put(596, 4, 200));
    assert_int_equal(643, peek(596, 2));
}

static void eeprom_is_locked_while_torque_is_on(void **state)
{
    (void)state;
    make("xm430-w350");
    assert_int_equal(0, put(64, 1, 1));
    assert_int_equal(7, put(9, 1, 0));
    assert_int_equal(250, peek(9, 1));
    assert_int_equal(0, put(84, 2, 900)); /* RAM is not */
    assert_int_equal(0, put(64, 1, 0));
    assert_int_equal(0, put(9, 1, 0));
}

static void the_alert_bit_tells_of_a_latched_error(void **state)
{
    (void)state;
    make("xm430-w350");
    assert_int_equal(0, put(64, 1, 1));
    tenon_sim_servo_set_faults(&rig.servos[0], &(struct tenon_sim_faults){.hardware_error = 0x20});
    assert_int_equal(0, peek(64, 1)); /* masked in by Shutdown */
    assert_int_equal(0x80, rig_ask(&rig, 1, DXL2_PING, NULL, 0, NULL));
    assert_int_equal(0x20, rig_read_register(&rig, 1, 70, 1));
    assert_int_equal(0x81, put(64, 1, 1));
    assert_int_equal(0x80, put(64, 1, 0));
    assert_int_equal(0x80, rig_ask(&rig, 1, DXL2_REBOOT, NULL, 0, NULL));
    assert_int_equal(-1, rig_ask(&rig, 1, DXL2_PING, NULL, 0, NULL));
    rig_run(&rig, TENON_SIM_BOOT_NS);
    assert_int_equal(0, put(64, 1, 1));
}

static void an_error_outside_the_shutdown_mask_leaves_torque_on(void **state)
{
    (void)state;
    make("xm430-w350");
    assert_int_equal(0, put(64, 1, 1));
    tenon_sim_servo_set_faults(&rig.servos[0], &(struct tenon_sim_faults){.hardware_error = 0x01});
    assert_int_equal(0x81 & 0x80, rig_ask(&rig, 1, DXL2_PING, NULL, 0, NULL));
    assert_int_equal(1, peek(64, 1));
}

static void status_return_level_silences_all_but_ping(void **state)
{
    (void)state;
    make("xm430-w350");
    assert_int_equal(0, put(65, 1, 1));
    poke(68, 1, 1);
    assert_int_equal(-1, put(65, 1, 0));
    assert_int_equal(0, peek(65, 1));
    assert_int_equal(0, rig_read(&rig, 1, 65, 1, NULL));
    poke(68, 1, 0);
    assert_int_equal(-1, rig_read(&rig, 1, 65, 1, NULL));
    assert_int_equal(0, rig_ask(&rig, 1, DXL2_PING, NULL, 0, NULL));
}

static void an_unknown_instruction_is_an_instruction_error(void **state)
{
    (void)state;
    make("xm430-w350");
    assert_int_equal(2, rig_ask(&rig, 1, 0x33, NULL, 0, NULL));
}

/* ---- Instructions ---- */

static void reg_write_waits_for_action(void **state)
{
    (void)state;
    const uint8_t params[] = {65, 0, 1};
    const uint8_t wrong[] = {65, 0, 2};
    make("xm430-w350");
    assert_int_equal(2, rig_ask(&rig, 1, DXL2_ACTION, NULL, 0, NULL));
    assert_int_equal(4, rig_ask(&rig, 1, DXL2_REG_WRITE, wrong, 3, NULL));
    assert_int_equal(0, peek(69, 1));
    assert_int_equal(0, rig_ask(&rig, 1, DXL2_REG_WRITE, params, 3, NULL));
    assert_int_equal(1, peek(69, 1));
    assert_int_equal(0, peek(65, 1));
    (void)rig_send(&rig, DXL2_BROADCAST, DXL2_ACTION, NULL, 0);
    rig_run(&rig, TENON_MS(5));
    assert_int_equal(0, rig.rx_count);
    assert_int_equal(1, peek(65, 1));
    assert_int_equal(0, peek(69, 1));
}

static void id_and_baud_change_after_the_reply(void **state)
{
    (void)state;
    make("xm430-w350");
    assert_int_equal(0, put(7, 1, 5)); /* answered with the old one */
    assert_int_equal(-1, rig_ask(&rig, 1, DXL2_PING, NULL, 0, NULL));
    assert_int_equal(0, rig_ask(&rig, 5, DXL2_PING, NULL, 0, NULL));
    assert_int_equal(0, rig_write_register(&rig, 5, 8, 1, 4));
    assert_int_equal(-1, rig_ask(&rig, 5, DXL2_PING, NULL, 0, NULL));
    assert_int_equal(TENON_OK,
                     tenon_line_get_api(&rig.line.base)->set_baud(&rig.line.base, 2000000));
    assert_int_equal(0, rig_ask(&rig, 5, DXL2_PING, NULL, 0, NULL));
}

static void until_its_reply_is_out_a_servo_keeps_its_old_id(void **state)
{
    (void)state;
    const uint8_t params[] = {7, 0, 5};
    struct dxl2_packet packet;
    make("xm430-w350");
    (void)rig_send(&rig, 1, DXL2_WRITE, params, sizeof params);
    rig_run(&rig, TENON_US(200)); /* it answers 500 us after the request */
    (void)rig_send(&rig, 5, DXL2_PING, NULL, 0);
    rig_run(&rig, TENON_US(150));
    (void)rig_send(&rig, 1, DXL2_PING, NULL, 0);
    rig_run(&rig, TENON_MS(5));
    assert_true(rig_next(&rig, &packet));
    assert_int_equal(1, packet.id);
    assert_int_equal(3, packet.param_count);
    assert_int_equal(0, rig_ask(&rig, 5, DXL2_PING, NULL, 0, NULL));
}

static void factory_reset_keeps_what_its_option_says(void **state)
{
    (void)state;
    static const struct {
        uint8_t option;
        int32_t id;
        int32_t baud;
    } cases[] = {{0x02, 9, 3}, {0x01, 9, 1}, {0xFF, 1, 1}};
    for (size_t i = 0; i < 3; i++) {
        make("xm430-w350");
        poke(7, 1, 9);
        poke(9, 1, 7);
        assert_int_equal(0, rig_ask(&rig, 9, DXL2_FACTORY_RESET, &cases[i].option, 1, NULL));
        assert_int_equal(cases[i].id, peek(7, 1));
        assert_int_equal(cases[i].baud, peek(8, 1));
        assert_int_equal(250, peek(9, 1));
    }
    make("xm430-w350");
    poke(9, 1, 7);
    (void)rig_send(&rig, DXL2_BROADCAST, DXL2_FACTORY_RESET, &cases[2].option, 1);
    rig_run(&rig, TENON_MS(5));
    assert_int_equal(7, peek(9, 1)); /* ignored: it would give all one ID */
}

static void backup_brings_back_settings(void **state)
{
    (void)state;
    const uint8_t store[] = {1, 0x43, 0x54, 0x52, 0x4C};
    const uint8_t restore[] = {2, 0x43, 0x54, 0x52, 0x4C};
    make("xm430-w350");
    assert_int_equal(1, rig_ask(&rig, 1, DXL2_BACKUP, restore, 5, NULL));
    assert_int_equal(0, put(84, 2, 1234));
    assert_int_equal(0, put(24, 4, 99));
    assert_int_equal(0, rig_ask(&rig, 1, DXL2_BACKUP, store, 5, NULL));
    assert_int_equal(1, peek(147, 1));
    assert_int_equal(0, put(84, 2, 1));
    assert_int_equal(0, put(24, 4, 1));
    poke(64, 1, 1);
    assert_int_equal(1, rig_ask(&rig, 1, DXL2_BACKUP, restore, 5, NULL));
    poke(64, 1, 0);
    assert_int_equal(0, rig_ask(&rig, 1, DXL2_BACKUP, restore, 5, NULL));
    assert_int_equal(1234, peek(84, 2));
    assert_int_equal(99, peek(24, 4));
}

static void indirect_data_is_its_target_with_its_rights(void **state)
{
    (void)state;
    struct dxl2_packet packet;
    make("xm430-w350");
    for (uint16_t i = 0; i < 4; i++) { /* goal position, then present temperature, then LED */
        assert_int_equal(0, put((uint16_t)(168 + 2 * i), 2, 116 + i));
    }
    assert_int_equal(0, put(176, 2, 146));
    assert_int_equal(0, put(178, 2, 65));
    assert_int_equal(0, put(224, 4, 1000));
    assert_int_equal(1000, peek(116, 4));
    assert_int_equal(6, put(224, 4, 5000));
    assert_int_equal(5, put(224, 2, 0));
    assert_int_equal(7, put(228, 1, 0));
    assert_int_equal(0, put(229, 1, 1));
    assert_int_equal(1, peek(65, 1));
    assert_int_equal(0, rig_read(&rig, 1, 224, 6, &packet));
    assert_int_equal(1000, dxl2_load32(packet.params));
    assert_int_equal(25, packet.params[4]);
    assert_int_equal(1, packet.params[5]);
    assert_int_equal(0, put(230, 1, 77)); /* mapped to itself: plain storage */
    assert_int_equal(77, rig_read_register(&rig, 1, 230, 1));
    assert_int_equal(0, put(578, 2, 65)); /* second block */
    assert_int_equal(0, put(634, 1, 0));
    assert_int_equal(0, peek(65, 1));
}

static void a_secondary_id_takes_ram_writes_and_never_answers(void **state)
{
    (void)state;
    const uint8_t sync[] = {84, 0, 2, 0, 50, 7, 0};
    rig_init(&rig, "xm430-w350", 2, 1000000);
    (void)tenon_sim_servo_poke(&rig.servos[0], 12, 1, 50);
    (void)tenon_sim_servo_poke(&rig.servos[1], 12, 1, 50);
    assert_int_equal(-1, rig_write_register(&rig, 50, 65, 1, 1));
    assert_int_equal(1, peek(65, 1));
    assert_int_equal(1, tenon_sim_servo_peek(&rig.servos[1], 65, 1));
    assert_int_equal(-1, rig_write_register(&rig, 50, 9, 1, 1));
    assert_int_equal(250, peek(9, 1));
    assert_int_equal(-1, rig_ask(&rig, 50, DXL2_PING, NULL, 0, NULL));
    (void)rig_send(&rig, DXL2_BROADCAST, DXL2_SYNC_WRITE, sync, sizeof sync);
    rig_run(&rig, TENON_MS(5));
    assert_int_equal(7, peek(84, 2));
}

static void a_secondary_id_of_255_is_off(void **state)
{
    (void)state;
    const uint8_t sync[] = {84, 0, 2, 0, 255, 7, 0, 253, 7, 0, 1, 8, 0};
    make("xm430-w350");
    (void)rig_send(&rig, DXL2_BROADCAST, DXL2_SYNC_WRITE, sync, 10);
    rig_run(&rig, TENON_MS(5));
    assert_int_equal(800, peek(84, 2));
    (void)rig_send(&rig, DXL2_BROADCAST, DXL2_SYNC_WRITE, sync, sizeof sync);
    rig_run(&rig, TENON_MS(5));
    assert_int_equal(8, peek(84, 2));
}

static void clear_takes_turns_off_while_still_only(void **state)
{
    (void)state;
    const uint8_t turns[] = {0x01, 0x44, 0x58, 0x4C, 0x22};
    const uint8_t errors[] = {0x02, 0x45, 0x52, 0x43, 0x4C};
    make("xm430-w350");
    poke(11, 1, 4);
    tenon_sim_servo_set_angle(&rig.servos[0], 20.0);
    rig_run(&rig, TENON_MS(1));
    const int32_t before = peek(132, 4);
    assert_true(before > 4096);
    assert_int_equal(0, put(64, 1, 1));
    assert_int_equal(0, rig_ask(&rig, 1, DXL2_CLEAR, turns, 5, NULL));
    rig_run(&rig, TENON_MS(1));
    assert_int_equal(before % 4096, peek(132, 4));
    assert_int_equal(before % 4096, peek(116, 4));
    rig_run(&rig, TENON_MS(500));
    assert_true(fabs(tenon_sim_servo_angle_rad(&rig.servos[0]) - 20.0) < 0.002); /* no jump */
    assert_int_equal(4, rig_ask(&rig, 1, DXL2_CLEAR, errors, 5, NULL));
    assert_int_equal(0, put(116, 4, 3000));
    rig_run(&rig, TENON_MS(50));
    assert_int_equal(1, rig_ask(&rig, 1, DXL2_CLEAR, turns, 5, NULL));
}

/* ---- Power ---- */

static void power_loss_keeps_eeprom_and_forgets_ram_and_turns(void **state)
{
    (void)state;
    struct tenon_sim_servo *servo = &rig.servos[0];
    make("xm430-w350");
    assert_int_equal(0, put(11, 1, 4));
    assert_int_equal(0, put(9, 1, 10));
    assert_int_equal(0, put(84, 2, 500));
    tenon_sim_servo_set_angle(servo, 15.0);
    assert_int_equal(0, put(64, 1, 1));
    const int32_t before = rig_read_register(&rig, 1, 132, 4);
    assert_true(before > 8192);

    tenon_sim_servo_set_powered(servo, false);
    assert_int_equal(-1, rig_ask(&rig, 1, DXL2_PING, NULL, 0, NULL));
    tenon_sim_servo_set_powered(servo, true);
    assert_int_equal(-1, rig_ask(&rig, 1, DXL2_PING, NULL, 0, NULL));
    rig_run(&rig, TENON_SIM_BOOT_NS);

    assert_int_equal(4, rig_read_register(&rig, 1, 11, 1));
    assert_int_equal(10, rig_read_register(&rig, 1, 9, 1));
    assert_int_equal(800, rig_read_register(&rig, 1, 84, 2));
    assert_int_equal(0, rig_read_register(&rig, 1, 64, 1));
    assert_int_equal(before % 4096, rig_read_register(&rig, 1, 132, 4));
    assert_int_equal(before % 4096, rig_read_register(&rig, 1, 116, 4));
    assert_true(fabs(tenon_sim_servo_angle_rad(servo) - 15.0) < 0.01);
}

static void startup_configuration_turns_torque_on_at_boot(void **state)
{
    (void)state;
    make("xm430-w350");
    assert_int_equal(0, put(60, 1, 1));
    assert_int_equal(0, rig_ask(&rig, 1, DXL2_REBOOT, NULL, 0, NULL));
    assert_int_equal(0, peek(64, 1));
    rig_run(&rig, TENON_SIM_BOOT_NS);
    assert_int_equal(1, peek(64, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(init_refuses_what_does_not_exist),
        cmocka_unit_test(factory_defaults_are_those_of_the_model),
        cmocka_unit_test(reads_of_undefined_areas_are_refused_without_data),
        cmocka_unit_test(writes_are_refused_with_the_error_that_fits),
        cmocka_unit_test(limits_registers_bound_goals),
        cmocka_unit_test(modes_follow_the_model),
        cmocka_unit_test(a_write_of_several_items_is_all_or_nothing),
        cmocka_unit_test(odd_ranges_are_answered_as_a_real_servo_did),
        cmocka_unit_test(eeprom_is_locked_while_torque_is_on),
        cmocka_unit_test(the_alert_bit_tells_of_a_latched_error),
        cmocka_unit_test(an_error_outside_the_shutdown_mask_leaves_torque_on),
        cmocka_unit_test(status_return_level_silences_all_but_ping),
        cmocka_unit_test(an_unknown_instruction_is_an_instruction_error),
        cmocka_unit_test(reg_write_waits_for_action),
        cmocka_unit_test(id_and_baud_change_after_the_reply),
        cmocka_unit_test(until_its_reply_is_out_a_servo_keeps_its_old_id),
        cmocka_unit_test(factory_reset_keeps_what_its_option_says),
        cmocka_unit_test(backup_brings_back_settings),
        cmocka_unit_test(indirect_data_is_its_target_with_its_rights),
        cmocka_unit_test(a_secondary_id_takes_ram_writes_and_never_answers),
        cmocka_unit_test(a_secondary_id_of_255_is_off),
        cmocka_unit_test(clear_takes_turns_off_while_still_only),
        cmocka_unit_test(power_loss_keeps_eeprom_and_forgets_ram_and_turns),
        cmocka_unit_test(startup_configuration_turns_torque_on_at_boot),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
