/* What is kept of joints: whole and of the same arm, or refused with nothing changed. */
#include "rig.h"

#include "core_internal.h"
#include "tenon/drivers/differential_reducer.h"
#include "tenon/persist.h"
#include "tenon_test.h"

#include <math.h>
#include <string.h>

enum { JOINTS = 2, SIZE = TENON_PERSIST_SIZE(JOINTS, JOINTS), ROOM = 400 };

static struct rig rig;
static struct tenon_bus_device devices[RIG_JOINTS];
static uint8_t saved[ROOM];
static struct tenon_diag why;

/* Two joints on nodes 11 and 12, models 1020 and 1021; the second counts turns. */
static void make(void)
{
    rig_make(&rig, JOINTS);
    memset(devices, 0, sizeof devices);
    (void)rig_motor_init(&rig.motors[1], TENON_MODE_EXTENDED_POSITION);
    for (unsigned i = 0; i < JOINTS; i++) {
        devices[i].node = 11 + i;
        rig.motors[i].base.model = (uint16_t)(1020 + i);
    }
}

static void add(void)
{
    rig_add(&rig);
    for (unsigned i = 0; i < JOINTS; i++) { /* seated without a bus; the node is all that counts */
        rig.motors[i].base.device = &devices[i];
    }
}

static void start(void)
{
    assert_int_equal(tenon_sched_start(&rig.sched), TENON_OK);
    rig_steps(&rig, 10);
    assert_true(tenon_sched_is_ready(&rig.sched));
}

static int save(void)
{
    return tenon_persist_save(rig.members, JOINTS, saved, sizeof saved, &why);
}

static int restore(size_t size)
{
    return tenon_persist_restore(rig.members, JOINTS, saved, size, &why);
}

static int verify(void)
{
    return tenon_persist_verify(rig.members, JOINTS, saved, SIZE, &why);
}

/* A calibrated arm that has stood at these places, saved. */
static void save_arm(double hip_rad, double knee_rad)
{
    make();
    rig.joints[0].zero_rad = 0.25;
    rig.joints[1].zero_rad = -1.5;
    rig.joints[1].is_reversed = true;
    rig.motors[0].position_rad = hip_rad;
    rig.motors[1].position_rad = knee_rad;
    add();
    start();
    assert_int_equal(save(), SIZE);
    assert_int_equal(why.code, TENON_OK);
}

/* The same arm in a program that starts: nothing is calibrated. */
static void make_next(void)
{
    make();
    rig.joints[1].is_reversed = true;
    add();
}

static bool has_zeroes(double hip, double knee)
{
    return fabs(rig.joints[0].zero_rad - hip) < 1e-15 &&
           fabs(rig.joints[1].zero_rad - knee) < 1e-15;
}

static void assert_refused(int rc, int code, enum tenon_cause cause, const char *subject)
{
    char text[200];
    assert_int_equal(rc, code);
    assert_int_equal(why.code, code);
    assert_int_equal(why.cause, cause);
    assert_string_equal(why.subject, subject);
    assert_true(strlen(tenon_diag_text(&why, text, sizeof text)) > 30);
}

/* --- there and back --- */

static void zeroes_come_back_and_joints_read_with_them(void **state)
{
    (void)state;
    save_arm(1.0, 0.5);
    const double hip = rig.joints[0].state.position_rad, knee = rig.joints[1].state.position_rad;
    make_next();
    rig.motors[0].position_rad = 1.0;
    rig.motors[1].position_rad = 0.5;
    assert_int_equal(restore(SIZE), TENON_OK);
    assert_true(has_zeroes(0.25, -1.5));
    start();
    assert_true(fabs(rig.joints[0].state.position_rad - hip) < 1e-12);
    assert_true(fabs(rig.joints[1].state.position_rad - knee) < 1e-12);
    assert_true(fabs(hip - 0.75) < 1e-12 && fabs(knee + 2.0) < 1e-12);
    assert_int_equal(verify(), TENON_OK);
}

static void bytes_that_follow_and_another_order_do_not_matter(void **state)
{
    (void)state;
    save_arm(1.0, 0.5);
    for (size_t i = SIZE; i < sizeof saved; i++) {
        saved[i] = 0xFF; /* erased flash */
    }
    make_next();
    struct tenon_joint *const turned[JOINTS] = {&rig.joints[1], &rig.joints[0]};
    assert_int_equal(tenon_persist_restore(turned, JOINTS, saved, sizeof saved, NULL), TENON_OK);
    assert_true(has_zeroes(0.25, -1.5));
}

/* The same on every machine: names, hashes and checksum were computed elsewhere. */
static void the_layout_is_this_byte_for_byte(void **state)
{
    static const uint8_t expected[SIZE] = {
        /* clang-format off */
        0x74, 0x6E, 0x6F, 0x6E, 0x01, 0x00, 0x02, 0x00, 0x58, 0x00, 0x00, 0x00,
        0x5E, 0xB2, 0xD2, 0xFE, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
        0x00, 0x00, 0xD0, 0x3F, 0x0B, 0x00, 0x00, 0x00, 0xBB, 0x32, 0x7A, 0xDE,
        0xFC, 0x03, 0x02, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xF0, 0x3F,
        0x2A, 0xBA, 0x5A, 0x38, 0x01, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
        0x00, 0x00, 0xF8, 0xBF, 0x0C, 0x00, 0x00, 0x00, 0xBB, 0x32, 0x7A, 0xDE,
        0xFD, 0x03, 0x03, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xE0, 0x3F,
        0x50, 0x50, 0x7D, 0x88,
        /* clang-format on */
    };
    (void)state;
    save_arm(1.0, 0.5);
    for (unsigned i = 0; i < SIZE; i++) {
        if (saved[i] != expected[i]) {
            fail_msg("byte %u: %02x instead of %02x", i, saved[i], expected[i]);
        }
    }
}

static void a_coupled_mechanism_is_kept_with_all_its_motors(void **state)
{
    static struct tenon_drivetrain wrist;
    static struct tenon_differential_reducer gear;
    static const double ratios[2] = {1.0, 1.0};
    static const char *const names[2] = {"pitch", "roll"};
    struct tenon_motor *const motors[2] = {&rig.motors[0].base, &rig.motors[1].base};
    struct tenon_joint *const joints[2] = {&rig.joints[0], &rig.joints[1]};
    (void)state;
    for (unsigned round = 0; round < 2; round++) {
        make();
        memset(&wrist, 0, sizeof wrist);
        rig.joints[1].zero_rad = round == 0 ? 0.125 : 0.0;
        const struct tenon_drivetrain_config config = {
            .motors = motors,
            .reducer = tenon_differential_reducer_init(&gear, ratios, ratios),
            .joints = joints,
            .joint_names = names,
            .motor_count = 2,
            .joint_count = 2};
        assert_int_equal(tenon_sched_add_drivetrain(&rig.sched, &wrist, "wrist", &config),
                         TENON_OK);
        if (round == 0) {
            assert_int_equal(tenon_persist_save(joints, 2, saved, sizeof saved, NULL),
                             TENON_PERSIST_SIZE(2, 4));
        }
    }
    assert_int_equal(tenon_persist_restore(joints, 2, saved, sizeof saved, NULL), TENON_OK);
    assert_true(has_zeroes(0.0, 0.125));
    assert_true(rig.joints[1].has_frame && !rig.joints[0].has_frame);
}

static void a_buffer_that_is_too_small_is_told_how_much_is_needed(void **state)
{
    (void)state;
    save_arm(1.0, 0.5);
    for (size_t size = 0; size < SIZE; size++) {
        memset(saved, 0x55, sizeof saved);
        assert_refused(tenon_persist_save(rig.members, JOINTS, saved, size, &why), TENON_ERR_FULL,
                       TENON_CAUSE_BUFFER_TOO_SMALL, "saved joints");
        assert_int_equal((int)why.bound, SIZE);
        for (size_t i = 0; i < sizeof saved; i++) {
            assert_int_equal(saved[i], 0x55);
        }
    }
    assert_int_equal(tenon_persist_save(rig.members, JOINTS, saved, SIZE, &why), SIZE);
    assert_int_equal(saved[SIZE], 0x55);
}

/* --- damage --- */

static void what_was_cut_off_is_refused_at_every_length(void **state)
{
    (void)state;
    save_arm(1.0, 0.5);
    make_next();
    for (size_t size = 0; size < SIZE; size++) {
        assert_refused(restore(size), TENON_ERR_PROTO, TENON_CAUSE_SAVED_DAMAGED, "saved joints");
        assert_true(has_zeroes(0.0, 0.0));
    }
}

static void every_flipped_bit_is_found(void **state)
{
    (void)state;
    save_arm(1.0, 0.5);
    make_next();
    for (unsigned bit = 0; bit < 8u * SIZE; bit++) {
        saved[bit / 8] ^= (uint8_t)(1u << bit % 8);
        const int rc = restore(SIZE);
        assert_true(rc == TENON_ERR_PROTO || (bit / 8 / 2 == 2 && rc == TENON_ERR_UNSUPPORTED));
        assert_true(has_zeroes(0.0, 0.0));
        saved[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    assert_int_equal(restore(SIZE), TENON_OK);
}

static uint32_t plain_crc(const uint8_t *bytes, size_t size)
{
    uint32_t crc = 0xFFFFFFFFu;
    for (size_t i = 0; i < 8 * size; i++) {
        const uint32_t bit = (crc ^ (uint32_t)(bytes[i / 8] >> (i % 8))) & 1u;
        crc = (crc >> 1) ^ (bit != 0 ? 0xEDB88320u : 0u);
    }
    return ~crc;
}

/* Set bytes and make the checksum right again. */
static void forge(size_t at, const uint8_t *bytes, size_t count)
{
    memcpy(saved + at, bytes, count);
    const uint32_t crc = plain_crc(saved, SIZE - 4);
    for (unsigned i = 0; i < 4; i++) {
        saved[SIZE - 4 + i] = (uint8_t)(crc >> (8 * i));
    }
}

static void a_right_sum_over_nonsense_is_refused(void **state)
{
    static const uint8_t nan_bytes[8] = {0, 0, 0, 0, 0, 0, 0xF8, 0x7F};
    static const uint8_t many[2] = {0xFF, 0xFF}, few[2] = {1, 0}, motors[1] = {5}, none[1] = {0};
    const struct {
        size_t at, count;
        const uint8_t *bytes;
    } forgeries[] = {{20, 8, nan_bytes}, {40, 8, nan_bytes}, {6, 2, many},
                     {6, 2, few},        {17, 1, motors},    {17, 1, none}};
    (void)state;
    for (size_t i = 0; i < sizeof forgeries / sizeof forgeries[0]; i++) {
        save_arm(1.0, 0.5);
        make_next();
        forge(forgeries[i].at, forgeries[i].bytes, forgeries[i].count);
        assert_refused(restore(SIZE), TENON_ERR_PROTO, TENON_CAUSE_SAVED_DAMAGED, "saved joints");
        assert_true(has_zeroes(0.0, 0.0));
    }
}

static void another_version_is_refused_as_such(void **state)
{
    static const uint8_t next[2] = {TENON_PERSIST_VERSION + 1, 0};
    (void)state;
    save_arm(1.0, 0.5);
    make_next();
    forge(4, next, 2);
    assert_refused(restore(SIZE), TENON_ERR_UNSUPPORTED, TENON_CAUSE_SAVED_VERSION, "saved joints");
    assert_int_equal((int)why.value, TENON_PERSIST_VERSION + 1);
    assert_true(has_zeroes(0.0, 0.0));
}

/* --- another arm --- */

static void what_is_of_another_arm_is_refused_by_what_differs(void **state)
{
    static struct tenon_driver other_driver;
    static const char *const details[] = {"another node", "another direction",
                                          "it has no such joint", "another motor driver"};
    (void)state;
    for (unsigned k = 0; k < 4; k++) {
        save_arm(1.0, 0.5);
        make_next();
        devices[1].node = k == 0 ? 13 : 12;
        rig.joints[1].is_reversed = k != 1;
        rig.joints[1].name = k == 2 ? "toe" : "knee";
        if (k == 3) {
            other_driver = *rig.motors[1].base.module.driver;
            other_driver.name = "other_motor";
            rig.motors[1].base.module.driver = &other_driver;
        }
        assert_refused(restore(SIZE), TENON_ERR_ARG, TENON_CAUSE_SAVED_OTHER,
                       k == 2 ? "toe" : "knee");
        assert_string_equal(why.detail, details[k]);
        assert_true(has_zeroes(0.0, 0.0)); /* the hip's neither */
    }
    make_next();
    assert_refused(tenon_persist_restore(rig.members, 1, saved, SIZE, &why), TENON_ERR_ARG,
                   TENON_CAUSE_SAVED_OTHER, "saved joints");
    assert_string_equal(why.detail, "another number of joints");
}

static void joints_of_one_name_are_not_saved(void **state)
{
    (void)state;
    save_arm(1.0, 0.5);
    rig.joints[1].name = "hip";
    assert_refused(save(), TENON_ERR_ARG, TENON_CAUSE_SAVED_OTHER, "hip");
    assert_refused(restore(SIZE), TENON_ERR_ARG, TENON_CAUSE_SAVED_OTHER, "hip");
}

static void what_cannot_be_is_refused(void **state)
{
    struct tenon_joint loose = {.name = "loose"};
    struct tenon_joint *const absent[] = {NULL}, *const unadded[] = {&loose};
    (void)state;
    save_arm(1.0, 0.5);
    assert_int_equal(tenon_persist_save(NULL, 1, saved, ROOM, NULL), TENON_ERR_ARG);
    assert_int_equal(tenon_persist_save(rig.members, 0, saved, ROOM, NULL), TENON_ERR_ARG);
    assert_int_equal(tenon_persist_save(rig.members, 70000, saved, ROOM, NULL), TENON_ERR_ARG);
    assert_int_equal(tenon_persist_save(rig.members, 2, NULL, ROOM, NULL), TENON_ERR_ARG);
    assert_int_equal(tenon_persist_save(absent, 1, saved, ROOM, NULL), TENON_ERR_ARG);
    assert_int_equal(tenon_persist_save(unadded, 1, saved, ROOM, NULL), TENON_ERR_STATE);
    assert_int_equal(tenon_persist_restore(NULL, 1, saved, SIZE, NULL), TENON_ERR_ARG);
    assert_int_equal(tenon_persist_restore(rig.members, 2, NULL, SIZE, NULL), TENON_ERR_ARG);
    assert_int_equal(tenon_persist_verify(absent, 1, saved, SIZE, NULL), TENON_ERR_ARG);
    rig.joints[0].zero_rad = 0.75;
    assert_refused(restore(SIZE), TENON_ERR_STATE, TENON_CAUSE_STARTED, "hip");
    assert_true(has_zeroes(0.75, -1.5));
}

/* --- turns --- */

static void come_back(double hip_rad, double knee_rad)
{
    make_next();
    rig.motors[0].position_rad = hip_rad;
    rig.motors[1].position_rad = knee_rad;
    assert_int_equal(restore(SIZE), TENON_OK);
    start();
}

static void turns_are_believed_only_near_where_they_were_saved(void **state)
{
    (void)state;
    for (int way = -90; way <= 90; way++) {
        save_arm(0.0, 0.5);
        come_back(0.0, 0.5 + 0.05 * way); /* pi is at 62.8 */
        if (way < -62 || way > 62) {
            assert_refused(verify(), TENON_ERR_DEVICE, TENON_CAUSE_TURNS_LOST, "knee");
            assert_true(fabs((double)why.value - 0.05 * way / 6.283185307) < 1e-5);
        } else {
            assert_int_equal(verify(), TENON_OK);
        }
    }
}

static void within_one_turn_a_joint_may_have_been_moved_anywhere(void **state)
{
    (void)state;
    save_arm(-3.0, 0.5);
    come_back(3.0, 0.5);
    assert_int_equal(verify(), TENON_OK);
}

static void a_motor_that_lost_power_has_no_turns_to_believe(void **state)
{
    (void)state;
    save_arm(0.0, 0.5);
    come_back(0.0, 0.5);
    rig.motors[1].base.is_unhomed = 1;
    assert_refused(verify(), TENON_ERR_DEVICE, TENON_CAUSE_TURNS_LOST, "knee");
    assert_int_equal(save(), SIZE); /* and saving does not heal it */
    come_back(0.0, 0.5);
    assert_int_equal(rig.motors[1].base.is_unhomed, 0);
    assert_refused(verify(), TENON_ERR_DEVICE, TENON_CAUSE_TURNS_LOST, "knee");
}

/* Else a restart of the program would be as good as accepting. */
static void an_unaccepted_position_is_not_trusted_for_having_been_saved(void **state)
{
    (void)state;
    for (unsigned i = 0; i < JOINTS; i++) { /* turns or none */
        save_arm(0.0, 0.5);
        rig.motors[i].base.is_unhomed = 1;
        assert_int_equal(save(), SIZE);
        come_back(0.0, 0.5);
        assert_int_equal(rig.motors[i].base.is_unhomed, 0);
        assert_refused(verify(), TENON_ERR_DEVICE, TENON_CAUSE_TURNS_LOST, i == 0 ? "hip" : "knee");
        assert_int_equal(rig.motors[i].base.is_unhomed, 1);
        assert_int_equal(tenon_joint_enable(&rig.joints[i]), TENON_ERR_STATE);
        assert_int_equal(tenon_joint_accept_calibration(&rig.joints[i]), TENON_OK);
        rig_steps(&rig, 2);
        assert_int_equal(tenon_joint_enable(&rig.joints[i]), TENON_OK);
        assert_int_equal(save(), SIZE);
        come_back(0.0, 0.5);
        assert_int_equal(verify(), TENON_OK);
    }
}

static void what_was_saved_before_it_was_measured_vouches_for_no_turns(void **state)
{
    (void)state;
    make_next();
    assert_int_equal(save(), SIZE);
    come_back(0.0, 0.0);
    assert_refused(verify(), TENON_ERR_DEVICE, TENON_CAUSE_TURNS_LOST, "knee");
}

static void a_motor_of_another_model_is_found_once_it_answers(void **state)
{
    (void)state;
    save_arm(0.0, 0.5);
    make_next();
    assert_int_equal(restore(SIZE), TENON_OK);
    assert_refused(verify(), TENON_ERR_STATE, TENON_CAUSE_NOT_READY, "hip");
    rig.motors[1].position_rad = 0.5;
    start();
    rig.motors[0].base.model = 1060;
    assert_refused(verify(), TENON_ERR_UNSUPPORTED, TENON_CAUSE_MODEL_CHANGED, "hip");
    assert_int_equal((int)why.value, 1060);
    assert_int_equal((int)why.bound, 1020);
    rig.motors[0].base.model = 1020;
    assert_int_equal(verify(), TENON_ERR_DEVICE); /* until it is accepted */
    rig.motors[0].base.is_unhomed = 0;
    assert_int_equal(verify(), TENON_OK);
}

static void every_motor_that_cannot_be_trusted_is_marked_and_the_first_is_told(void **state)
{
    (void)state;
    save_arm(0.0, 0.5);
    come_back(0.0, 9.5);
    assert_int_equal(rig.motors[0].base.is_unhomed + rig.motors[1].base.is_unhomed, 0);
    rig.motors[0].base.model = 1060;
    assert_refused(verify(), TENON_ERR_UNSUPPORTED, TENON_CAUSE_MODEL_CHANGED, "hip");
    assert_int_equal(rig.motors[0].base.is_unhomed, 1);
    assert_int_equal(rig.motors[1].base.is_unhomed, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(zeroes_come_back_and_joints_read_with_them),
        cmocka_unit_test(bytes_that_follow_and_another_order_do_not_matter),
        cmocka_unit_test(the_layout_is_this_byte_for_byte),
        cmocka_unit_test(a_coupled_mechanism_is_kept_with_all_its_motors),
        cmocka_unit_test(a_buffer_that_is_too_small_is_told_how_much_is_needed),
        cmocka_unit_test(what_was_cut_off_is_refused_at_every_length),
        cmocka_unit_test(every_flipped_bit_is_found),
        cmocka_unit_test(a_right_sum_over_nonsense_is_refused),
        cmocka_unit_test(another_version_is_refused_as_such),
        cmocka_unit_test(what_is_of_another_arm_is_refused_by_what_differs),
        cmocka_unit_test(joints_of_one_name_are_not_saved),
        cmocka_unit_test(what_cannot_be_is_refused),
        cmocka_unit_test(turns_are_believed_only_near_where_they_were_saved),
        cmocka_unit_test(within_one_turn_a_joint_may_have_been_moved_anywhere),
        cmocka_unit_test(a_motor_that_lost_power_has_no_turns_to_believe),
        cmocka_unit_test(an_unaccepted_position_is_not_trusted_for_having_been_saved),
        cmocka_unit_test(what_was_saved_before_it_was_measured_vouches_for_no_turns),
        cmocka_unit_test(a_motor_of_another_model_is_found_once_it_answers),
        cmocka_unit_test(every_motor_that_cannot_be_trusted_is_marked_and_the_first_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
