#include "tenon/drivers/memory_line.h"
#include "tenon/sim.h"

/*
 * Answers are handed over byte by byte when they have ended, and with the time at which they began:
 * the line then stamps them with exactly the arrival they had on the wire, and a new request can
 * still cut off what follows.
 */
static void answer(struct tenon_sim_bus *bus, struct tenon_memory_line *line, tenon_ns_t now)
{
    tenon_ns_t end = tenon_sim_bus_next_ns(bus);
    while (end <= now) {
        uint8_t byte;
        if (tenon_sim_bus_transmit(bus, &byte, 1, end) == 1) {
            (void)tenon_memory_line_far_write(line, &byte, 1, end - bus->byte_ns);
        }
        end = tenon_sim_bus_next_ns(bus);
    }
}

void tenon_sim_bus_serve(struct tenon_sim_bus *self, struct tenon_memory_line *line, tenon_ns_t now)
{
    tenon_ns_t arrival = tenon_memory_line_far_next_ns(line);

    tenon_sim_bus_set_baud(self, line->base.baud);
    while (arrival <= now) {
        uint8_t byte;
        answer(self, line, arrival - 1); /* what ends together with it may yet be garbled by it */
        if (tenon_memory_line_far_read(line, &byte, 1, arrival) == 1) {
            tenon_sim_bus_receive(self, &byte, 1, arrival);
        }
        arrival = tenon_memory_line_far_next_ns(line);
    }
    answer(self, line, now);
    tenon_sim_bus_advance(self, now);
}
