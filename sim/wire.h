/* The half-duplex wire from the devices to the host: bytes with the time at which each has arrived.
 */
#ifndef TENON_SIM_WIRE_H
#define TENON_SIM_WIRE_H

#include "tenon/sim.h"

/*
 * Put a frame on the wire, its first bit at `start`. Where somebody else talks at that time both
 * are heard at once.
 * @return When its last bit has arrived.
 */
tenon_ns_t tenon__sim_wire_send(struct tenon_sim_bus *bus,
                                const uint8_t *bytes,
                                size_t count,
                                tenon_ns_t start);
/* The adapter's echo of one byte of the host. */
void tenon__sim_wire_echo(struct tenon_sim_bus *bus, uint8_t value, tenon_ns_t now);
/* A byte of the host that ended at `now`: as the devices hear it, and as it garbles what one of
 * them sends. */
uint8_t tenon__sim_wire_mix(struct tenon_sim_bus *bus, uint8_t value, tenon_ns_t now);
/* Answers that have not begun by `now` are given up. */
void tenon__sim_wire_cancel(struct tenon_sim_bus *bus, tenon_ns_t now);
/* A byte after the noise of the line. */
uint8_t tenon__sim_wire_disturb(struct tenon_sim_bus *bus, uint8_t value);

#endif
