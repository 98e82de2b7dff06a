#include "fake_dxl2.h"

#include <stdlib.h>
#include <string.h>

enum { RANGE_ERROR = 4, ACCESS_ERROR = 7 };

static int32_t get_signed(const struct fake_node *node, uint32_t address, uint8_t width)
{
    const uint32_t value = fake_node_get(node, address, width);
    return width == 2 ? (int16_t)value : (int32_t)value;
}

static bool is_tripped(const struct fake_node *node)
{
    return node->table[98] == 0xFF;
}

static int32_t value_of(uint8_t width, const uint8_t *data)
{
    uint32_t value = 0;
    for (uint8_t i = 0; i < width; i++) {
        value |= (uint32_t)data[i] << (8u * i);
    }
    return width == 2 ? (int16_t)value : (int32_t)value;
}

static int check_range(int32_t value, int32_t low, int32_t high)
{
    return value < low || value > high ? RANGE_ERROR : 0;
}

static int
check_goal(const struct fake_node *node, uint32_t address, uint8_t width, const uint8_t *data)
{
    const int32_t value = value_of(width, data);
    const int32_t pwm = get_signed(node, 36, 2);
    const int32_t current = get_signed(node, 38, 2);
    const int32_t velocity = get_signed(node, 44, 4);
    switch (address) {
    case 100:
        return check_range(value, -pwm, pwm);
    case 102:
        return check_range(value, -current, current);
    case 104:
        return check_range(value, -velocity, velocity);
    case 116:
        if (node->table[11] == 3) {
            return check_range(value, get_signed(node, 52, 4), get_signed(node, 48, 4));
        }
        return check_range(value, -1048575, 1048575);
    default:
        return 0;
    }
}

static bool has_mode(uint16_t model, uint8_t mode)
{
    const bool needs_current = mode == 0 || mode == 5;
    const bool exists = needs_current || mode == 1 || mode == 3 || mode == 4 || mode == 16;
    return exists && !(needs_current && model == 1060);
}

static int servo_write(struct fake_node *node, uint32_t address, uint8_t width, const uint8_t *data)
{
    struct fake_dxl2 *self = node->context;
    if (address < 64 && node->table[64] != 0) {
        return ACCESS_ERROR;
    }
    self->eeprom_write_count += address < 64 ? 1 : 0;
    if (address == 11 && !has_mode(self->model, data[0])) {
        return RANGE_ERROR;
    }
    if (address >= 100 && address < 120 && is_tripped(node)) {
        return RANGE_ERROR;
    }
    return check_goal(node, address, width, data);
}

static void note_torque(struct fake_dxl2 *self)
{
    const struct fake_node *node = self->node;
    int32_t jump = 0;
    switch (node->table[11]) {
    case 0:
        jump = get_signed(node, 102, 2);
        break;
    case 1:
        jump = get_signed(node, 104, 4);
        break;
    case 16:
        jump = get_signed(node, 100, 2);
        break;
    case 3:
    case 4:
    case 5:
        jump = get_signed(node, 116, 4) - get_signed(node, 132, 4);
        break;
    default:
        self->enabled_unlocked = true;
        break;
    }
    self->torque_on_count++;
    self->jump_max_ticks = abs(jump) > self->jump_max_ticks ? abs(jump) : self->jump_max_ticks;
}

static void reset_with_mode(struct fake_node *node)
{
    fake_node_set(node, 80, 2, 0);
    fake_node_set(node, 82, 2, 0);
    fake_node_set(node, 84, 2, 800);
    fake_node_set(node, 100, 2, fake_node_get(node, 36, 2));
    fake_node_set(node, 102, 2, fake_node_get(node, 38, 2));
    fake_node_set(node, 108, 4, 0);
    fake_node_set(node, 112, 4, 0);
}

static void to_one_turn(struct fake_node *node)
{
    fake_node_set(node, 132, 4, fake_node_get(node, 132, 4) % 4096u);
}

static void servo_written(struct fake_node *node, uint32_t address, uint8_t width)
{
    struct fake_dxl2 *self = node->context;
    (void)width;
    if (address == 11) {
        reset_with_mode(node);
        if (node->table[11] == 3) {
            to_one_turn(node);
        }
    }
    if (address == 68) {
        node->is_deaf_to_writes = node->table[68] < 2;
    }
    if (address == 64 && node->table[70] != 0) {
        node->table[64] = 0; /* only a reboot lets torque come back */
    }
    if (address == 64 && node->table[64] == 1) {
        if (node->table[11] == 3) {
            to_one_turn(node);
        }
        note_torque(self);
    }
}

static void reset_ram(struct fake_dxl2 *self)
{
    struct fake_node *node = self->node;
    memset(&node->table[64], 0, 60);
    node->table[68] = 2;
    node->is_deaf_to_writes = false;
    reset_with_mode(node);
    to_one_turn(node);
    fake_node_set(node, 116, 4, fake_node_get(node, 132, 4));
}

static void servo_reboot(struct fake_node *node)
{
    struct fake_dxl2 *self = node->context;
    const uint8_t error = node->table[70];
    self->reboot_count++;
    reset_ram(self);
    node->table[70] = self->fault_stays ? error : 0;
    node->alert = node->table[70] != 0 ? 0x80 : 0;
    node->ignored_polls = self->boot_polls;
}

static const struct fake_node_rules servo_rules = {
    .write = servo_write,
    .written = servo_written,
    .reboot = servo_reboot,
};

void fake_dxl2_init(struct fake_dxl2 *self, struct fake_bus *bus, uint8_t id, uint16_t model)
{
    struct fake_node *node = fake_bus_add_node(bus, id);
    memset(self, 0, sizeof *self);
    self->node = node;
    self->model = model;
    self->boot_polls = 20;
    node->rules = &servo_rules;
    node->context = self;
    node->ping[0] = (uint8_t)(model & 0xFF);
    node->ping[1] = (uint8_t)(model >> 8);
    node->ping[2] = 46;
    fake_node_set(node, 0, 2, model);
    node->table[7] = id;
    node->table[9] = 250;
    node->table[11] = 3;
    fake_node_set(node, 36, 2, 885);
    fake_node_set(node, 38, 2, model == 1020 ? 1193 : model == 1200 ? 1750 : 0);
    fake_node_set(node, 44, 4, model == 1020 ? 200 : model == 1200 ? 445 : 265);
    fake_node_set(node, 48, 4, 4095);
    fake_node_set(node, 132, 4, 1500);
    fake_node_set(node, 144, 2, 118);
    node->table[146] = 31;
    reset_ram(self);
    fake_node_set(node, 116, 4, 3000); /* a goal that must not come into force */
}

void fake_dxl2_set_error(struct fake_dxl2 *self, uint8_t bits)
{
    self->node->table[70] = bits;
    self->node->table[64] = 0;
    self->node->alert = 0x80;
}

void fake_dxl2_power_cycle(struct fake_dxl2 *self)
{
    reset_ram(self);
    self->node->alert = 0;
}
