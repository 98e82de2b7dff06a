/* The ring of commands: in order, all or none, for ever. */
#include "tenon_test.h"

#include "core_internal.h"

#include <math.h>

enum { CAPACITY_MAX = 40 };

static struct tenon_command_entry entries[CAPACITY_MAX];

static struct tenon_command_queue queue_of(uint32_t capacity)
{
    return (struct tenon_command_queue){.entries = entries, .capacity = capacity};
}

static void put(struct tenon_command_queue *queue, uint32_t offset, double number)
{
    const struct tenon_command_entry entry = {.position_rad = number, .op = TENON__OP_GOAL};
    tenon__queue_put(queue, offset, &entry);
}

static void assert_takes(struct tenon_command_queue *queue, double number)
{
    const uint32_t room = tenon__queue_room(queue);
    const struct tenon_command_entry *const entry = tenon__queue_first(queue);
    assert_non_null(entry);
    assert_int_equal(llround(entry->position_rad), llround(number));
    assert_int_equal(entry->op, TENON__OP_GOAL);
    assert_int_equal(tenon__queue_room(queue), room); /* it stays until it is dropped */
    tenon__queue_drop(queue);
}

static void assert_empty(struct tenon_command_queue *queue)
{
    assert_null(tenon__queue_first(queue));
    assert_int_equal(tenon__queue_room(queue), queue->capacity);
}

static void empty_queue_gives_nothing_and_has_room_for_all(void **state)
{
    (void)state;
    for (uint32_t capacity = 1; capacity <= CAPACITY_MAX; capacity++) {
        struct tenon_command_queue queue = queue_of(capacity);
        assert_empty(&queue);
    }
}

static void entries_come_out_in_order_at_every_fill_and_every_place(void **state)
{
    (void)state;
    for (uint32_t capacity = 1; capacity <= CAPACITY_MAX; capacity++) {
        struct tenon_command_queue queue = queue_of(capacity);
        double in = 0.0, out = 0.0;
        for (uint32_t round = 0; round < 6u * capacity; round++) {
            const uint32_t count = round % (capacity + 1u);
            for (uint32_t i = 0; i < count; i++) {
                assert_int_equal(tenon__queue_room(&queue), capacity - i);
                put(&queue, 0, in++);
                tenon__queue_publish(&queue, 1);
            }
            for (uint32_t i = 0; i < count; i++) {
                assert_takes(&queue, out++);
                assert_int_equal(tenon__queue_room(&queue), capacity - count + i + 1u);
            }
            assert_empty(&queue);
        }
    }
}

static void full_queue_has_no_room_and_keeps_what_it_has(void **state)
{
    (void)state;
    for (uint32_t start = 0; start < 25; start++) {
        struct tenon_command_queue queue = queue_of(11);
        for (uint32_t i = 0; i < start; i++) {
            put(&queue, 0, -1.0);
            tenon__queue_publish(&queue, 1);
            assert_takes(&queue, -1.0);
        }
        for (uint32_t i = 0; i < 11; i++) {
            put(&queue, i, i);
        }
        tenon__queue_publish(&queue, 11);
        assert_int_equal(tenon__queue_room(&queue), 0);
        for (uint32_t i = 0; i < 11; i++) {
            assert_takes(&queue, i);
        }
        assert_empty(&queue);
    }
}

static void entries_that_belong_together_appear_together(void **state)
{
    (void)state;
    struct tenon_command_queue queue = queue_of(7);
    double number = 0.0;
    for (unsigned round = 0; round < 50; round++) {
        for (uint32_t i = 0; i < 5; i++) {
            put(&queue, i, number + i);
            assert_empty(&queue); /* put, but not published: nothing is seen */
        }
        tenon__queue_publish(&queue, 5);
        assert_int_equal(tenon__queue_room(&queue), 2);
        for (uint32_t i = 0; i < 5; i++) {
            assert_takes(&queue, number++);
        }
        assert_empty(&queue);
    }
}

static void entries_that_are_not_published_are_as_if_never_put(void **state)
{
    (void)state;
    struct tenon_command_queue queue = queue_of(5);
    put(&queue, 0, 1.0);
    put(&queue, 1, 2.0);
    put(&queue, 0, 3.0);
    tenon__queue_publish(&queue, 1);
    assert_takes(&queue, 3.0);
    assert_empty(&queue);
}

/* Four billion commands are four days of twelve joints at 1 kHz: the indices must come back long
 * before they overflow. */
static void indices_stay_small_however_many_commands_pass(void **state)
{
    (void)state;
    for (uint32_t capacity = 1; capacity <= CAPACITY_MAX; capacity++) {
        struct tenon_command_queue queue = queue_of(capacity);
        uint32_t highest = 0;
        for (uint32_t i = 0; i < 1000; i++) {
            put(&queue, 0, i);
            tenon__queue_publish(&queue, 1);
            assert_takes(&queue, i);
            highest = queue.tail > highest ? queue.tail : highest;
        }
        assert_true(highest < 2u * capacity);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty_queue_gives_nothing_and_has_room_for_all),
        cmocka_unit_test(entries_come_out_in_order_at_every_fill_and_every_place),
        cmocka_unit_test(full_queue_has_no_room_and_keeps_what_it_has),
        cmocka_unit_test(entries_that_belong_together_appear_together),
        cmocka_unit_test(entries_that_are_not_published_are_as_if_never_put),
        cmocka_unit_test(indices_stay_small_however_many_commands_pass),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
