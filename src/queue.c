/*
 * The ring of commands: a producer puts, the step takes. Indices run through twice the
 * capacity, so that full and empty differ, and so that no wrap of the word ever shifts them. What
 * is put is published at once.
 */
#include "core_internal.h"

static uint32_t forward(const struct tenon_command_queue *queue, uint32_t index, uint32_t count)
{
    const uint32_t end = 2u * queue->capacity;
    return index + count < end ? index + count : index + count - end;
}

static uint32_t slot_of(const struct tenon_command_queue *queue, uint32_t index)
{
    return index < queue->capacity ? index : index - queue->capacity;
}

uint32_t tenon__queue_room(const struct tenon_command_queue *queue)
{
    const uint32_t head = tenon__load(&queue->head);
    const uint32_t waiting =
        queue->tail >= head ? queue->tail - head : queue->tail + 2u * queue->capacity - head;
    return queue->capacity - waiting;
}

void tenon__queue_put(struct tenon_command_queue *queue,
                      uint32_t offset,
                      const struct tenon_command_entry *entry)
{
    queue->entries[slot_of(queue, forward(queue, queue->tail, offset))] = *entry;
}

void tenon__queue_publish(struct tenon_command_queue *queue, uint32_t count)
{
    tenon__store(&queue->tail, forward(queue, queue->tail, count));
}

/* Whether a command for a joint waits; asked by either side. */
bool tenon__queue_holds(const struct tenon_command_queue *queue,
                        const struct tenon_joint *joint,
                        unsigned op)
{
    const uint32_t tail = tenon__load(&queue->tail);
    for (uint32_t i = tenon__load(&queue->head); i != tail; i = forward(queue, i, 1)) {
        const struct tenon_command_entry *const entry = &queue->entries[slot_of(queue, i)];
        if (entry->joint == joint && (op == TENON__ANY_OP || entry->op == op)) {
            return true;
        }
    }
    return false;
}

/* @return the oldest entry, which stays until it is dropped, or NULL. */
struct tenon_command_entry *tenon__queue_first(const struct tenon_command_queue *queue)
{
    const uint32_t head = queue->head;
    return head != tenon__load(&queue->tail) ? &queue->entries[slot_of(queue, head)] : NULL;
}

/* Only what has been carried out is dropped: whoever finds nothing waiting finds it done. */
void tenon__queue_drop(struct tenon_command_queue *queue)
{
    tenon__store(&queue->head, forward(queue, queue->head, 1));
}
