/* The ring of commands: the application puts, the step takes. Indices only rise; what is put is
 * published at once. */
#include "core_internal.h"

uint32_t tenon__queue_room(const struct tenon_command_queue *queue)
{
    return queue->capacity - (queue->tail - tenon__load(&queue->head));
}

void tenon__queue_put(struct tenon_command_queue *queue,
                      uint32_t offset,
                      const struct tenon_command_entry *entry)
{
    queue->entries[(queue->tail + offset) % queue->capacity] = *entry;
}

void tenon__queue_publish(struct tenon_command_queue *queue, uint32_t count)
{
    tenon__store(&queue->tail, queue->tail + count);
}

bool tenon__queue_take(struct tenon_command_queue *queue, struct tenon_command_entry *out_entry)
{
    const uint32_t head = queue->head;
    if (head == tenon__load(&queue->tail)) {
        return false;
    }
    *out_entry = queue->entries[head % queue->capacity];
    tenon__store(&queue->head, head + 1u);
    return true;
}
