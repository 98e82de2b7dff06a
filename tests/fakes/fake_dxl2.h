/** @file fake_dxl2.h @brief A Dynamixel X servo as a node of the fake bus: the rules of its
 * registers, no physics. */
#ifndef TENON_FAKE_DXL2_H
#define TENON_FAKE_DXL2_H

#include "fake_bus.h"

struct fake_dxl2 {
    struct fake_node *node;
    uint16_t model;
    uint32_t boot_polls; /**< Silent for so long after a reboot; 20 by init. */
    bool fault_stays;    /**< A reboot does not clear the hardware error. */
    uint32_t reboot_count;
    uint32_t eeprom_write_count;
    uint32_t torque_on_count; /**< Times torque came on. */
    int32_t jump_max_ticks; /**< Largest |goal - present| when it did; goals of other modes count as
                               they are. */
    bool enabled_unlocked;  /**< Torque came on while a goal could not be told (mode unknown). */
};

/** Add a servo as from the factory. @param model 1020, 1060 or 1200. */
void fake_dxl2_init(struct fake_dxl2 *self, struct fake_bus *bus, uint8_t id, uint16_t model);
/** Latch an error: torque off, alert. */
void fake_dxl2_set_error(struct fake_dxl2 *self, uint8_t bits);
/** Pull the power and put it back. */
void fake_dxl2_power_cycle(struct fake_dxl2 *self);

#endif
