/* One virtual servo as the bus sees it: packets in, answers out. */
#ifndef TENON_SIM_DXL2_SERVO_H
#define TENON_SIM_DXL2_SERVO_H

#include "dxl2_packet.h"
#include "tenon/sim.h"

/* What a servo answers. Parameters stand in for the largest read there is: the whole table. */
struct tenon__sim_answer {
    bool is_wanted; /* by the instruction and the Status Return Level */
    uint8_t id;     /* as it was when the request came */
    uint8_t error;
    uint16_t count;
    uint8_t params[TENON_SIM_TABLE_SIZE];
};

/* Let ID and baud written before take effect, if the answer that still used the old ones is out. */
void tenon__sim_servo_settle(struct tenon_sim_servo *servo, tenon_ns_t now);
/* Whether it listens at this speed. */
bool tenon__sim_servo_hears(const struct tenon_sim_servo *servo, uint32_t baud);
/* Whether this is its secondary ID. */
bool tenon__sim_servo_shadows(const struct tenon_sim_servo *servo, uint8_t id);
/* Whether it answers to reads. */
bool tenon__sim_servo_answers_reads(const struct tenon_sim_servo *servo);

/* Carry out an instruction for this servo or for all. */
void tenon__sim_servo_execute(struct tenon_sim_servo *servo,
                              const struct dxl2_packet *packet,
                              struct tenon__sim_answer *out);
/* As the secondary ID: writes to RAM only, and never an answer. */
void tenon__sim_servo_shadow(struct tenon_sim_servo *servo, const struct dxl2_packet *packet);
void tenon__sim_servo_ping(struct tenon_sim_servo *servo, struct tenon__sim_answer *out);
void tenon__sim_servo_read(struct tenon_sim_servo *servo,
                           uint16_t address,
                           uint16_t count,
                           struct tenon__sim_answer *out);
/* @return Protocol error number; nothing is written unless it is 0. */
uint8_t tenon__sim_servo_write(struct tenon_sim_servo *servo,
                               uint16_t address,
                               const uint8_t *bytes,
                               uint16_t count);
/* When its answer to a request heard at `now` may begin. */
tenon_ns_t tenon__sim_servo_reply_ns(const struct tenon_sim_servo *servo, tenon_ns_t now);

#endif
