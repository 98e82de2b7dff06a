#include "dxl2_servo.h"

#include <string.h>

#include "backup.h"
#include "control.h"
#include "dxl2_table.h"

/* ---- What it hears ---- */

void tenon__sim_servo_settle(struct tenon_sim_servo *servo, tenon_ns_t now)
{
    if (now >= servo->apply_ns) {
        servo->active_id = tenon__sim_u8(servo, X_ID);
        servo->active_baud = tenon__sim_baud_of(tenon__sim_u8(servo, X_BAUD_RATE));
    }
}

bool tenon__sim_servo_hears(const struct tenon_sim_servo *servo, uint32_t baud)
{
    return tenon_sim_servo_is_up(servo) && !servo->faults.deaf && servo->active_baud == baud &&
           tenon__sim_u8(servo, X_PROTOCOL_TYPE) == 2;
}

/* 253 to 255 in the register switch it off. */
bool tenon__sim_servo_shadows(const struct tenon_sim_servo *servo, uint8_t id)
{
    return id <= DXL2_ID_MAX && id == tenon__sim_u8(servo, X_SECONDARY_ID);
}

bool tenon__sim_servo_answers_reads(const struct tenon_sim_servo *servo)
{
    return tenon__sim_u8(servo, X_STATUS_RETURN_LEVEL) >= 1;
}

tenon_ns_t tenon__sim_servo_reply_ns(const struct tenon_sim_servo *servo, tenon_ns_t now)
{
    const tenon_ns_t delay = TENON_US(2) * tenon__sim_u8(servo, X_RETURN_DELAY);
    return now + delay + servo->faults.extra_delay_ns;
}

/* ---- Instructions ---- */

static void
begin_answer(const struct tenon_sim_servo *servo, uint8_t error, struct tenon__sim_answer *out)
{
    out->is_wanted = true;
    out->id = servo->active_id;
    out->count = 0;
    out->error = error;
    if (tenon__sim_u8(servo, X_HARDWARE_ERROR) != 0) {
        out->error |= DXL2_ALERT;
    }
}

static void boot(struct tenon_sim_servo *servo)
{
    tenon__sim_control_restart(servo);
    servo->boot_steps = (uint32_t)(TENON_SIM_BOOT_NS / TENON_SIM_STEP_NS);
}

void tenon__sim_servo_ping(struct tenon_sim_servo *servo, struct tenon__sim_answer *out)
{
    begin_answer(servo, DXL2_ERROR_NONE, out);
    memcpy(out->params, servo->table + X_MODEL_NUMBER, 2);
    out->params[2] = tenon__sim_u8(servo, X_FIRMWARE_VERSION);
    out->count = 3;
}

void tenon__sim_servo_read(struct tenon_sim_servo *servo,
                           uint16_t address,
                           uint16_t count,
                           struct tenon__sim_answer *out)
{
    tenon__sim_control_publish(servo);
    const uint8_t error = tenon__sim_table_read(servo, address, count, out->params);
    begin_answer(servo, error, out);
    out->count = error == DXL2_ERROR_NONE ? count : 0;
    out->is_wanted = tenon__sim_servo_answers_reads(servo);
}

uint8_t tenon__sim_servo_write(struct tenon_sim_servo *servo,
                               uint16_t address,
                               const uint8_t *bytes,
                               uint16_t count)
{
    const uint8_t error = tenon__sim_table_check_write(servo, address, bytes, count);
    if (error == DXL2_ERROR_NONE) {
        tenon__sim_table_write(servo, address, bytes, count);
    }
    return error;
}

static uint8_t do_write(struct tenon_sim_servo *servo, const struct dxl2_packet *packet)
{
    if (packet->param_count < 3) {
        return DXL2_ERROR_LENGTH;
    }
    return tenon__sim_servo_write(servo, dxl2_load16(packet->params), packet->params + 2,
                                  (uint16_t)(packet->param_count - 2));
}

static uint8_t do_reg_write(struct tenon_sim_servo *servo, const struct dxl2_packet *packet)
{
    if (packet->param_count < 3 || packet->param_count - 2 > TENON_SIM_REGISTERED_MAX) {
        return DXL2_ERROR_LENGTH;
    }
    const uint16_t address = dxl2_load16(packet->params);
    const uint16_t count = (uint16_t)(packet->param_count - 2);
    const uint8_t error = tenon__sim_table_check_write(servo, address, packet->params + 2, count);
    if (error == DXL2_ERROR_NONE) {
        memcpy(servo->registered, packet->params + 2, count);
        servo->registered_address = address;
        servo->registered_count = count;
        servo->table[X_REGISTERED_INSTRUCTION] = 1;
    }
    return error;
}

static uint8_t do_action(struct tenon_sim_servo *servo, const struct dxl2_packet *packet)
{
    (void)packet;
    const uint16_t count = servo->registered_count;
    if (count == 0) {
        return DXL2_ERROR_INSTRUCTION;
    }
    servo->registered_count = 0;
    servo->table[X_REGISTERED_INSTRUCTION] = 0;
    return tenon__sim_servo_write(servo, servo->registered_address, servo->registered, count);
}

static uint8_t do_factory_reset(struct tenon_sim_servo *servo, const struct dxl2_packet *packet)
{
    const uint8_t option = packet->param_count == 1 ? packet->params[0] : 0;
    const bool is_all = option == 0xFF;
    const uint8_t id = servo->active_id;
    const uint8_t baud = tenon__sim_u8(servo, X_BAUD_RATE);

    if (!is_all && option != 0x01 && option != 0x02) {
        return DXL2_ERROR_RANGE;
    }
    if (is_all && packet->id == DXL2_BROADCAST) {
        return DXL2_ERROR_NONE; /* firmware has learnt not to give every servo on the wire one ID */
    }
    tenon__sim_table_reset(servo, 0, X_EEPROM_END);
    if (!is_all) {
        servo->table[X_ID] = id;
    }
    if (option == 0x02) {
        servo->table[X_BAUD_RATE] = baud;
    }
    boot(servo);
    return DXL2_ERROR_NONE;
}

static uint8_t do_reboot(struct tenon_sim_servo *servo, const struct dxl2_packet *packet)
{
    (void)packet;
    boot(servo);
    return DXL2_ERROR_NONE;
}

/* Clearing errors (02 "ERCL") is for models newer than these: refused. */
static uint8_t do_clear(struct tenon_sim_servo *servo, const struct dxl2_packet *packet)
{
    static const uint8_t turns[] = {0x01, 0x44, 0x58, 0x4C, 0x22};
    if (packet->param_count != sizeof turns) {
        return DXL2_ERROR_LENGTH;
    }
    if (memcmp(packet->params, turns, sizeof turns) != 0) {
        return DXL2_ERROR_RANGE;
    }
    if (tenon__sim_control_is_moving(servo)) {
        return DXL2_ERROR_RESULT;
    }
    tenon__sim_control_clear_turns(servo);
    return DXL2_ERROR_NONE;
}

static uint8_t do_backup(struct tenon_sim_servo *servo, const struct dxl2_packet *packet)
{
    static const uint8_t key[] = {0x43, 0x54, 0x52, 0x4C};
    if (packet->param_count != 1 + sizeof key) {
        return DXL2_ERROR_LENGTH;
    }
    const uint8_t what = packet->params[0];
    if (memcmp(packet->params + 1, key, sizeof key) != 0 || what < 1 || what > 2) {
        return DXL2_ERROR_RANGE;
    }
    if (tenon__sim_u8(servo, X_TORQUE_ENABLE) != 0) {
        return DXL2_ERROR_RESULT;
    }
    if (what == 1) {
        tenon__sim_backup_store(servo);
        return DXL2_ERROR_NONE;
    }
    if (!tenon__sim_backup_restore(servo, 0)) {
        return DXL2_ERROR_RESULT;
    }
    boot(servo);
    (void)tenon__sim_backup_restore(servo, X_EEPROM_END);
    return DXL2_ERROR_NONE;
}

static const struct {
    uint8_t instruction;
    uint8_t (*run)(struct tenon_sim_servo *servo, const struct dxl2_packet *packet);
} commands[] = {
    {DXL2_WRITE, do_write},   {DXL2_REG_WRITE, do_reg_write},
    {DXL2_ACTION, do_action}, {DXL2_FACTORY_RESET, do_factory_reset},
    {DXL2_REBOOT, do_reboot}, {DXL2_CLEAR, do_clear},
    {DXL2_BACKUP, do_backup},
};

static uint8_t run_command(struct tenon_sim_servo *servo, const struct dxl2_packet *packet)
{
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (commands[i].instruction == packet->instruction) {
            return commands[i].run(servo, packet);
        }
    }
    return DXL2_ERROR_INSTRUCTION;
}

void tenon__sim_servo_execute(struct tenon_sim_servo *servo,
                              const struct dxl2_packet *packet,
                              struct tenon__sim_answer *out)
{
    const bool is_broadcast = packet->id == DXL2_BROADCAST;
    if (packet->instruction == DXL2_PING) {
        tenon__sim_servo_ping(servo, out);
        return;
    }
    if (packet->instruction == DXL2_READ) {
        if (is_broadcast) {
            begin_answer(servo, DXL2_ERROR_NONE, out);
            out->is_wanted = false;
        } else if (packet->param_count != 4) {
            begin_answer(servo, DXL2_ERROR_LENGTH, out);
            out->is_wanted = tenon__sim_servo_answers_reads(servo);
        } else {
            tenon__sim_servo_read(servo, dxl2_load16(packet->params),
                                  dxl2_load16(packet->params + 2), out);
        }
        return;
    }
    /* Level and alert are those before a reboot: the answer goes out first. */
    const uint8_t level = tenon__sim_u8(servo, X_STATUS_RETURN_LEVEL);
    const uint8_t alert = tenon__sim_u8(servo, X_HARDWARE_ERROR) != 0 ? DXL2_ALERT : 0;
    const uint8_t error = run_command(servo, packet);
    begin_answer(servo, error, out);
    out->error |= alert;
    out->is_wanted = !is_broadcast && level == 2;
}

void tenon__sim_servo_shadow(struct tenon_sim_servo *servo, const struct dxl2_packet *packet)
{
    if (packet->instruction == DXL2_WRITE && packet->param_count >= 3 &&
        dxl2_load16(packet->params) >= X_EEPROM_END) {
        (void)do_write(servo, packet);
    }
}

/* ---- Public: one servo ---- */

int tenon_sim_servo_init_sized(
    struct tenon_sim_servo *self, size_t size, const char *model, uint8_t id, uint32_t baud)
{
    if (size != sizeof *self) {
        return TENON_ERR_ABI;
    }
    const struct tenon__sim_model *found = tenon__sim_model_find(model);
    if (found == NULL || id > DXL2_ID_MAX) {
        return TENON_ERR_ARG;
    }
    const int code = tenon__sim_baud_code(found, baud);
    if (code < 0) {
        return TENON_ERR_ARG;
    }
    memset(self, 0, sizeof *self);
    self->model = found;
    self->is_powered = true;
    self->apply_ns = INT64_MIN;
    tenon__sim_plant_init(&self->plant, &found->motor);
    tenon__sim_table_reset(self, 0, X_EEPROM_END);
    self->table[X_ID] = id;
    self->table[X_BAUD_RATE] = (uint8_t)code;
    tenon__sim_control_restart(self);
    tenon__sim_servo_settle(self, 0);
    tenon__sim_control_publish(self);
    return TENON_OK;
}

void tenon_sim_servo_set_load(struct tenon_sim_servo *self, const struct tenon_sim_load *load)
{
    self->plant.load = load != NULL ? *load : (struct tenon_sim_load){0};
}

void tenon_sim_servo_set_angle(struct tenon_sim_servo *self, double angle_rad)
{
    self->plant.angle_rad = angle_rad;
    self->plant.velocity_rad_s = 0.0;
    if (tenon__sim_u8(self, X_TORQUE_ENABLE) == 0) {
        tenon__sim_control_aim_at_present(self);
    }
    tenon__sim_control_publish(self);
}

void tenon_sim_servo_set_supply(struct tenon_sim_servo *self, double volts, double ohms)
{
    self->plant.source_v = volts;
    self->plant.source_ohm = ohms;
}

void tenon_sim_servo_set_temperature(struct tenon_sim_servo *self, double celsius)
{
    self->plant.winding_c = celsius;
    self->plant.housing_c = celsius;
}

void tenon_sim_servo_set_powered(struct tenon_sim_servo *self, bool powered)
{
    if (powered == self->is_powered) {
        return;
    }
    self->is_powered = powered;
    self->boot_steps = 0;
    if (powered) {
        boot(self);
    } else {
        tenon__sim_control_restart(self);
    }
    self->apply_ns = INT64_MIN;
}

void tenon_sim_servo_set_faults(struct tenon_sim_servo *self, const struct tenon_sim_faults *faults)
{
    self->faults = faults != NULL ? *faults : (struct tenon_sim_faults){0};
    tenon__sim_control_latch_error(self, self->faults.hardware_error);
    self->faults.hardware_error = 0;
}

const struct tenon_sim_faults *tenon_sim_servo_faults(const struct tenon_sim_servo *self)
{
    return &self->faults;
}

double tenon_sim_servo_angle_rad(const struct tenon_sim_servo *self)
{
    return self->plant.angle_rad;
}

double tenon_sim_servo_velocity_rad_s(const struct tenon_sim_servo *self)
{
    return self->plant.velocity_rad_s;
}

double tenon_sim_servo_torque_nm(const struct tenon_sim_servo *self)
{
    return self->plant.torque_nm;
}

double tenon_sim_servo_current_a(const struct tenon_sim_servo *self)
{
    return self->plant.current_a;
}

double tenon_sim_servo_temperature_c(const struct tenon_sim_servo *self)
{
    return self->plant.housing_c;
}

bool tenon_sim_servo_is_up(const struct tenon_sim_servo *self)
{
    return self->is_powered && self->boot_steps == 0;
}

int32_t tenon_sim_servo_peek(const struct tenon_sim_servo *self, uint16_t address, uint8_t width)
{
    struct tenon__sim_item item;
    if ((width != 1 && width != 2 && width != 4) ||
        (uint32_t)address + width > TENON_SIM_TABLE_SIZE) {
        return 0;
    }
    const bool is_signed = tenon__sim_item_find(self->model, address, &item) && item.min < 0;
    return tenon__sim_load(self->table + address, width, is_signed);
}

int tenon_sim_servo_poke(struct tenon_sim_servo *self,
                         uint16_t address,
                         uint8_t width,
                         int32_t value)
{
    if ((width != 1 && width != 2 && width != 4) ||
        (uint32_t)address + width > TENON_SIM_TABLE_SIZE) {
        return TENON_ERR_ARG;
    }
    const int32_t old = tenon_sim_servo_peek(self, address, width);
    tenon__sim_store(self->table + address, width, value);
    tenon__sim_control_changed(self, address, old);
    tenon__sim_control_latch_error(self, 0); /* an error or shutdown mask poked in acts at once */
    return TENON_OK;
}
