/* Snapshots: all joints of one and the same step, whatever readers do meanwhile. */
#include "tenon_test.h"

#include "core_internal.h"
#include "fake_motor.h"

#include <math.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

enum { JOINTS = 24, READERS = 3, BUFFERS = READERS + 1 };

static uint32_t no_ticks(void)
{
    return 0;
}

static void no_panic(uint32_t module, uint32_t id)
{
    fail_msg("panic %u %u", module, id);
}

static const struct tenon_port port = {TENON_API_HEAD(struct tenon_port), no_ticks, no_panic,
                                       1000000u};

static struct rig {
    struct tenon_sched sched;
    struct tenon_joint joints[JOINTS];
    struct fake_motor motors[JOINTS];
    struct tenon_reader readers[READERS];
    uint64_t memory[8192];
} rig;

static int make_rig(unsigned readers)
{
    memset(&rig, 0, sizeof rig);
    (void)tenon_sched_init(&rig.sched, &port, TENON_MS(1), rig.memory, sizeof rig.memory);
    for (unsigned i = 0; i < JOINTS; i++) {
        struct tenon_motor *const motor = fake_motor_init(&rig.motors[i], TENON_MODE_POSITION);
        (void)tenon_sched_add_joint(&rig.sched, &rig.joints[i], "joint", motor, NULL);
    }
    for (unsigned i = 0; i < readers; i++) {
        (void)tenon_sched_add_reader(&rig.sched, &rig.readers[i]);
    }
    return tenon_sched_start(&rig.sched);
}

/* Every field of every joint tells the step. */
static void publish(uint32_t number)
{
    const struct tenon__cycle cycle = {.now = number, .number = number};
    for (unsigned i = 0; i < JOINTS; i++) {
        struct tenon_joint *const joint = &rig.joints[i];
        joint->state.position_rad = number + i;
        joint->state.velocity_rad_s = (float)(number % 1000u);
        joint->state.effort_nm = (float)(number % 1001u);
        joint->state.valid = (uint8_t)(number % 7u);
        joint->command.position_rad = number + 2u * i;
        joint->command.velocity_rad_s = (float)(number % 1002u);
        joint->command.effort_nm = (float)(number % 1003u);
        joint->state.stamp_ns = number - TENON_US(number % 1004u);
        joint->diag.code = (int16_t)(number % 125u);
        joint->diag.cause = (uint16_t)(number % 251u);
        joint->status = (uint8_t)(number % 5u);
    }
    tenon__snapshot_publish(&rig.sched, &cycle, TENON_MS(number));
}

static bool is_near(double a, double b)
{
    return fabs(a - b) < 1e-3;
}

/* @return Whether a joint of a snapshot is wholly of that step. */
static bool is_of(const struct tenon_joint_snapshot *s, uint32_t number, unsigned i)
{
    const double age_us = number % 7u != 0 ? number % 1004u : 0.0; /* of what was measured */
    return is_near(s->position_rad, number + i) && is_near(s->command_rad, number + 2.0 * i) &&
           is_near((double)s->velocity_rad_s, number % 1000u) &&
           is_near((double)s->effort_nm, number % 1001u) && s->valid == number % 7u &&
           is_near((double)s->command_velocity_rad_s, number % 1002u) &&
           is_near((double)s->command_effort_nm, number % 1003u) &&
           is_near((double)s->age_s * 1e6, age_us) && s->code == (int)(number % 125u) &&
           s->cause == number % 251u && s->status == number % 5u;
}

static bool all_of_one_step(const struct tenon_snapshot_head *head,
                            const struct tenon_joint_snapshot *joints,
                            int count)
{
    bool ok = head->release_ns == TENON_MS(head->step_count) && head->joint_count == JOINTS;
    for (int i = 0; i < count; i++) {
        ok = ok && is_of(&joints[i], head->step_count, (unsigned)i);
    }
    return ok;
}

static void reader_gets_the_newest_step_whole(void **state)
{
    (void)state;
    struct tenon_snapshot_head head;
    struct tenon_joint_snapshot joints[JOINTS];
    assert_int_equal(make_rig(1), TENON_OK);
    assert_int_equal(tenon_reader_read(&rig.readers[0], &head, joints, JOINTS), TENON_ERR_AGAIN);
    for (uint32_t number = 1; number < 5000; number++) {
        publish(number);
        for (unsigned again = 0; again < 2; again++) {
            assert_int_equal(tenon_reader_read(&rig.readers[0], &head, joints, JOINTS), JOINTS);
            assert_int_equal(head.step_count, number);
            assert_true(all_of_one_step(&head, joints, JOINTS));
        }
    }
}

static void reader_gets_no_more_joints_than_it_has_room_for(void **state)
{
    (void)state;
    struct tenon_snapshot_head head;
    struct tenon_joint_snapshot joints[JOINTS + 2];
    assert_int_equal(make_rig(1), TENON_OK);
    publish(7);
    for (uint32_t capacity = 0; capacity <= JOINTS + 1; capacity++) {
        const int expected = (int)(capacity < JOINTS ? capacity : JOINTS);
        memset(joints, 0xEE, sizeof joints);
        assert_int_equal(tenon_reader_read(&rig.readers[0], &head, joints, capacity), expected);
        assert_int_equal(head.joint_count, JOINTS);
        assert_true(all_of_one_step(&head, joints, expected));
        assert_int_equal(joints[expected].status, 0xEE);
    }
    assert_int_equal(tenon_reader_read(&rig.readers[0], &head, NULL, 0), 0);
}

static void reader_refuses_what_it_cannot_read(void **state)
{
    (void)state;
    struct tenon_snapshot_head head;
    struct tenon_joint_snapshot joint;
    struct tenon_reader stranger = {.holds = 0};
    assert_int_equal(make_rig(1), TENON_OK);
    publish(1);
    assert_int_equal(tenon_reader_read(NULL, &head, &joint, 1), TENON_ERR_ARG);
    assert_int_equal(tenon_reader_read(&rig.readers[0], NULL, &joint, 1), TENON_ERR_ARG);
    assert_int_equal(tenon_reader_read(&rig.readers[0], &head, NULL, 1), TENON_ERR_ARG);
    assert_int_equal(tenon_reader_read(&stranger, &head, &joint, 1), TENON_ERR_STATE);
    assert_int_equal(rig.readers[0].holds, 0);
}

/* One that is neither the newest nor held; `latest` is a buffer + 1. */
static bool has_free_buffer(const uint32_t *holds, uint32_t latest)
{
    for (uint32_t b = 0; b < BUFFERS; b++) {
        bool is_free = b + 1u != latest;
        for (unsigned i = 0; i < READERS; i++) {
            is_free = is_free && b != holds[i];
        }
        if (is_free) {
            return true;
        }
    }
    return false;
}

/* Readers stopped in the middle of copying, each in any buffer; steps go on and must spare those.
 */
static void buffers_that_are_held_are_never_written(void **state)
{
    (void)state;
    const size_t bytes = JOINTS * sizeof(struct tenon_joint_snapshot);
    static struct tenon_joint_snapshot before[BUFFERS * JOINTS];
    static struct tenon_snapshot_head heads[BUFFERS];
    uint32_t number = 1;
    assert_int_equal(make_rig(READERS), TENON_OK);
    for (unsigned held = 0; held < BUFFERS * BUFFERS * BUFFERS; held++) {
        const uint32_t holds[READERS] = {held % BUFFERS, held / BUFFERS % BUFFERS,
                                         held / BUFFERS / BUFFERS};
        for (unsigned i = 0; i < READERS; i++) {
            rig.readers[i].holds = holds[i] + 1u;
        }
        memcpy(before, rig.sched.snapshots, sizeof before);
        memcpy(heads, rig.sched.snapshot_heads, sizeof heads);
        for (unsigned step = 0; step < 12; step++) {
            const uint32_t latest = rig.sched.snapshot_latest;
            const bool is_free = has_free_buffer(holds, latest);
            publish(number++);
            assert_true((rig.sched.snapshot_latest != latest) == is_free);
            for (unsigned i = 0; i < READERS; i++) {
                assert_true(!is_free || rig.sched.snapshot_latest != holds[i] + 1u);
                const size_t at = (size_t)holds[i] * JOINTS;
                assert_memory_equal(&rig.sched.snapshots[at], &before[at], bytes);
                assert_memory_equal(&rig.sched.snapshot_heads[holds[i]], &heads[holds[i]],
                                    sizeof heads[0]);
            }
        }
    }
}

/* A reader that stopped between its two looks may have announced any buffer: a fresh read still is
 * whole and newest. */
static void stale_announcement_does_no_harm(void **state)
{
    (void)state;
    struct tenon_snapshot_head head;
    struct tenon_joint_snapshot joints[JOINTS];
    assert_int_equal(make_rig(READERS), TENON_OK);
    for (uint32_t number = 1; number < 200; number++) {
        rig.readers[1].holds = 1u + number % BUFFERS;
        rig.readers[2].holds = 1u + number / BUFFERS % BUFFERS;
        publish(number);
        assert_int_equal(tenon_reader_read(&rig.readers[0], &head, joints, JOINTS), JOINTS);
        assert_int_equal(head.step_count, number);
        assert_true(all_of_one_step(&head, joints, JOINTS));
        assert_int_equal(rig.readers[0].holds, 0);
    }
}

static void steps_without_readers_publish_nothing(void **state)
{
    (void)state;
    assert_int_equal(make_rig(0), TENON_OK);
    publish(1);
    assert_int_equal(rig.sched.snapshot_latest, 0);
}

struct watcher {
    struct tenon_reader *reader;
    const uint32_t *is_over;
    uint32_t reads, torn, backwards;
};

static void *watch(void *argument)
{
    struct watcher *const self = argument;
    struct tenon_snapshot_head head;
    struct tenon_joint_snapshot joints[JOINTS];
    uint32_t newest = 0;
    while (tenon__load(self->is_over) == 0) {
        if (tenon_reader_read(self->reader, &head, joints, JOINTS) != JOINTS) {
            continue;
        }
        self->reads++;
        self->torn += all_of_one_step(&head, joints, JOINTS) ? 0u : 1u;
        self->backwards += head.step_count < newest ? 1u : 0u;
        newest = head.step_count;
    }
    return NULL;
}

static double seconds(void)
{
    struct timespec now;
    (void)timespec_get(&now, TIME_UTC);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void readers_on_other_threads_never_see_a_torn_step(void **state)
{
    (void)state;
    static uint32_t is_over;
    struct watcher watchers[2];
    pthread_t threads[2];
    uint32_t number = 1;
    assert_int_equal(make_rig(2), TENON_OK);
    publish(number++);
    for (unsigned i = 0; i < 2; i++) {
        watchers[i] = (struct watcher){.reader = &rig.readers[i], .is_over = &is_over};
        assert_int_equal(pthread_create(&threads[i], NULL, watch, &watchers[i]), 0);
    }
    for (const double end = seconds() + 0.5; seconds() < end;) {
        publish(number++);
    }
    tenon__store(&is_over, 1);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(watchers[i].torn, 0);
        assert_int_equal(watchers[i].backwards, 0);
        assert_true(watchers[i].reads > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reader_gets_the_newest_step_whole),
        cmocka_unit_test(reader_gets_no_more_joints_than_it_has_room_for),
        cmocka_unit_test(reader_refuses_what_it_cannot_read),
        cmocka_unit_test(buffers_that_are_held_are_never_written),
        cmocka_unit_test(stale_announcement_does_no_harm),
        cmocka_unit_test(steps_without_readers_publish_nothing),
        cmocka_unit_test(readers_on_other_threads_never_see_a_torn_step),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
