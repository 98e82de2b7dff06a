#include "damiao_motor.h"

#include "damiao_registers.h"
#include "mit_frame.h"
#include "plant.h"

#include <math.h>
#include <string.h>

#define BAUD            1000000u
#define ID_MAX          255u
#define MASTER_MAX      0x7FFu
#define MODE_MIT        1u
#define TIMEOUT_UNIT_NS TENON_US(50)
#define SOFTWARE        5015u /* of the firmwares that the facts were taken from */
#define BAUD_CODE       4u
#define SAVE            0xAAu

/*
 * From the maker's table: voltage, ohms of a phase, N.m a phase ampere at the shaft, no-load speed,
 * the rotor's inertia, gear ratio, peak torque, and the ranges as delivered. Friction is in no
 * table: estimated.
 */
struct tenon__sim_damiao_model {
    const char *name;
    double rated_v;
    double phase_ohm;
    double nm_per_a;
    double no_load_rad_s;
    double rotor_kg_m2;
    double gear;
    double peak_nm;
    double coulomb_nm;
    struct mit_ranges ranges;
};

static const struct tenon__sim_damiao_model models[] = {
    {"damiao-4310", 24.0, 0.85, 0.945, 20.9, 1.8e-5, 10.0, 7.0, 0.08, {12.5f, 30.0f, 10.0f}},
    {"damiao-4340", 24.0, 0.88, 4.074, 5.5, 2.0e-5, 40.0, 27.0, 0.25, {12.5f, 8.0f, 28.0f}},
    {"damiao-6006", 24.0, 0.435, 0.7308, 23.7, 5.8e-5, 6.0, 11.0, 0.10, {12.5f, 45.0f, 20.0f}},
    {"damiao-8009", 48.0, 0.145, 1.2616, 35.1, 1.95e-4, 9.0, 40.0, 0.30, {12.5f, 45.0f, 54.0f}},
};

#define MODEL_COUNT (sizeof models / sizeof models[0])

/* ---- What it is told ---- */

static struct mit_ranges ranges_of(const struct tenon_sim_damiao *motor)
{
    return (struct mit_ranges){.p_max_rad = tenon__sim_damiao_float(motor, DAMIAO_P_MAX),
                               .v_max_rad_s = tenon__sim_damiao_float(motor, DAMIAO_V_MAX),
                               .t_max_nm = tenon__sim_damiao_float(motor, DAMIAO_T_MAX)};
}

static bool is_hot(const struct tenon_sim_damiao *motor)
{
    return motor->plant.winding_c > (double)tenon__sim_damiao_float(motor, DAMIAO_OVER_TEMPERATURE);
}

/* Torque begins and ends without a command: what was said before does not count. */
static void set_status(struct tenon_sim_damiao *motor, uint8_t status)
{
    motor->status = status;
    motor->command = (struct tenon_sim_damiao_command){0};
}

static void set_enabled(struct tenon_sim_damiao *motor, bool is_enabled)
{
    const bool has_error = motor->status > MIT_ENABLED;
    const bool is_so = (motor->status == MIT_ENABLED) == is_enabled;
    if (!has_error && !is_so) {
        set_status(motor, is_enabled ? MIT_ENABLED : MIT_DISABLED);
    }
}

static void clear_error(struct tenon_sim_damiao *motor)
{
    if (motor->status > MIT_ENABLED) {
        set_status(motor, is_hot(motor) ? MIT_COIL_HOT : MIT_DISABLED);
    }
}

static void obey(struct tenon_sim_damiao *motor, const uint8_t *bytes)
{
    const struct mit_ranges ranges = ranges_of(motor);
    struct mit_command command;
    mit_unpack_command(bytes, &ranges, &command);
    motor->command = (struct tenon_sim_damiao_command){.position_rad = command.p_rad,
                                                       .velocity_rad_s = command.v_rad_s,
                                                       .stiffness = command.kp,
                                                       .damping = command.kd,
                                                       .effort_nm = command.t_nm};
}

/* @return false: it is a command. */
static bool do_special(struct tenon_sim_damiao *motor, const uint8_t *bytes)
{
    uint8_t expected[MIT_FRAME_SIZE];
    const uint8_t code = bytes[MIT_FRAME_SIZE - 1];
    mit_pack_special(expected, code);
    if (memcmp(bytes, expected, sizeof expected) != 0) {
        return false;
    }
    switch (code) {
    case MIT_ENABLE & 0xFF:
    case MIT_DISABLE & 0xFF:
        set_enabled(motor, code == (MIT_ENABLE & 0xFF));
        return true;
    case MIT_SET_ZERO & 0xFF:
        motor->zero_rad = motor->plant.angle_rad;
        return true;
    case MIT_CLEAR & 0xFF:
        clear_error(motor);
        return true;
    default:
        return false;
    }
}

/* ---- What it answers ---- */

/* It counts no turns: behind one end of the range comes the other. */
static double present_rad(const struct tenon_sim_damiao *motor)
{
    const double max = (double)tenon__sim_damiao_float(motor, DAMIAO_P_MAX);
    const double angle = motor->plant.angle_rad - motor->zero_rad;
    return angle - 2.0 * max * floor((angle + max) / (2.0 * max));
}

static uint8_t to_celsius(double celsius)
{
    return (uint8_t)(celsius < 0.0 ? 0.0 : celsius > 255.0 ? 255.0 : celsius);
}

static void answer_state(const struct tenon_sim_damiao *motor, uint8_t *out)
{
    const struct mit_ranges ranges = ranges_of(motor);
    const struct mit_answer state = {
        .status = motor->status,
        .node = (uint8_t)(motor->registers[DAMIAO_ID] & 0xFu),
        .p_rad = present_rad(motor),
        .v_rad_s = (float)motor->plant.velocity_rad_s,
        .t_nm = (float)motor->plant.torque_nm,
        .driver_c = to_celsius(motor->plant.housing_c),
        .rotor_c = to_celsius(motor->plant.winding_c),
    };
    (void)mit_pack_answer(out, &ranges, &state); /* the plant's numbers are never NaN */
}

/* @return Whether it answers. */
static bool do_register(struct tenon_sim_damiao *motor, const uint8_t *bytes, uint8_t *out)
{
    const uint32_t node = bytes[0] | (uint32_t)bytes[1] << 8;
    const uint8_t operation = bytes[2];
    const uint8_t rid = bytes[3];
    uint8_t value[4] = {0};
    if (node != motor->registers[DAMIAO_ID]) {
        return false;
    }
    if (operation == MIT_ASK_STATUS) {
        answer_state(motor, out);
        return true;
    }
    if (operation == SAVE && motor->status == MIT_DISABLED) {
        memcpy(motor->saved, motor->registers, sizeof motor->saved);
        mit_pack_register(out, node, SAVE, 1, NULL);
        return true;
    }
    if ((operation != MIT_READ && operation != MIT_WRITE) || !tenon__sim_damiao_has(rid)) {
        return false;
    }
    if (operation == MIT_WRITE) {
        tenon__sim_damiao_write(motor, rid, mit_load32(bytes + 4));
    }
    tenon__sim_damiao_set_float(motor, DAMIAO_ANGLE, (float)present_rad(motor));
    mit_store32(value, motor->registers[rid]);
    mit_pack_register(out, node, operation, rid, value);
    return true;
}

/* @return Whether it answers, and with what. */
static bool
execute(struct tenon_sim_damiao *motor, const struct tenon_can_frame *frame, uint8_t *out)
{
    if (frame->id == MIT_REGISTER_ID) {
        return do_register(motor, frame->data, out);
    }
    if (frame->id != motor->registers[DAMIAO_ID]) {
        return false;
    }
    if (!do_special(motor, frame->data)) {
        if (motor->registers[DAMIAO_MODE] != MODE_MIT) {
            return false;
        }
        if (motor->status == MIT_ENABLED) {
            obey(motor, frame->data);
        }
    }
    answer_state(motor, out);
    return true;
}

static uint8_t spend(uint32_t *count)
{
    if (*count == 0) {
        return 0;
    }
    (*count)--;
    return 1;
}

void tenon__sim_damiao_hear(struct tenon_sim_damiao *motor,
                            const struct tenon_can_frame *frame,
                            uint32_t baud,
                            tenon_ns_t now,
                            struct tenon__sim_damiao_answer *out)
{
    struct tenon_sim_damiao_faults *const faults = &motor->faults;
    const uint32_t master = motor->registers[DAMIAO_MASTER_ID];
    *out = (struct tenon__sim_damiao_answer){.copies = 0};
    if (!motor->is_powered || faults->deaf || baud != BAUD || frame->flags != 0 ||
        frame->length != MIT_FRAME_SIZE || !execute(motor, frame, out->frame.data)) {
        return;
    }
    motor->heard_ns = now;
    if (faults->silent || spend(&faults->drop_next_answers) != 0) {
        return;
    }
    out->copies = (uint8_t)(1u + spend(&faults->duplicate_next_answers));
    out->frame.id = (master ^ faults->wrong_bits) & MASTER_MAX;
    out->frame.length = MIT_FRAME_SIZE;
    out->due_ns = now + TENON_SIM_DAMIAO_ANSWER_NS + faults->extra_delay_ns;
}

/* ---- Time ---- */

static void protect(struct tenon_sim_damiao *motor, tenon_ns_t now)
{
    const tenon_ns_t timeout = TIMEOUT_UNIT_NS * (tenon_ns_t)motor->registers[DAMIAO_TIMEOUT];
    if (motor->status != MIT_ENABLED) {
        return;
    }
    if (timeout > 0 && now - motor->heard_ns > timeout) {
        set_status(motor, MIT_SILENCE);
    } else if (is_hot(motor)) {
        set_status(motor, MIT_COIL_HOT);
    }
}

static double wanted_nm(const struct tenon_sim_damiao *motor)
{
    const struct tenon_sim_damiao_command *const c = &motor->command;
    const double peak = motor->model->peak_nm;
    const double nm =
        (double)c->stiffness * (c->position_rad - present_rad(motor)) +
        (double)c->damping * ((double)c->velocity_rad_s - motor->plant.velocity_rad_s) +
        (double)c->effort_nm;
    return nm > peak ? peak : nm < -peak ? -peak : nm;
}

/* The current loop is much quicker than a step: all the voltage there is, up to the current. */
void tenon__sim_damiao_step(struct tenon_sim_damiao *motor, tenon_ns_t now)
{
    protect(motor, now);
    const bool is_driven = motor->is_powered && motor->status == MIT_ENABLED;
    const double nm = is_driven ? wanted_nm(motor) : 0.0;
    const struct tenon__sim_drive drive = {
        .duty = nm < 0.0 ? -1.0 : 1.0,
        .max_a = fabs(nm) / motor->plant.torque_per_a,
        .is_driven = is_driven,
        .is_blocked = motor->faults.blocked,
    };
    tenon__sim_plant_step(&motor->plant, &drive, 1e-9 * (double)TENON_SIM_STEP_NS);
}

/* ---- Public ---- */

size_t tenon_sim_damiao_model_count(void)
{
    return MODEL_COUNT;
}

const char *tenon_sim_damiao_model_name(size_t index)
{
    return index < MODEL_COUNT ? models[index].name : NULL;
}

static void init_plant(struct tenon_sim_damiao *motor)
{
    const struct tenon__sim_damiao_model *const m = motor->model;
    const double stall_a = m->rated_v / (2.0 * m->phase_ohm); /* through two phases */
    const struct tenon__sim_motor_data data = {
        .rated_v = m->rated_v,
        .stall_nm = m->nm_per_a * stall_a - m->coulomb_nm,
        .stall_a = stall_a,
        .no_load_rad_s = m->no_load_rad_s,
        .inertia_kg_m2 = m->rotor_kg_m2 * m->gear * m->gear,
        .coulomb_nm = m->coulomb_nm,
        .viscous_nm_s = m->coulomb_nm / m->no_load_rad_s,
    };
    tenon__sim_plant_init(&motor->plant, &data);
}

static void init_registers(struct tenon_sim_damiao *motor, uint8_t id, uint16_t master_id)
{
    const struct tenon__sim_damiao_model *const m = motor->model;
    motor->registers[DAMIAO_ID] = id;
    motor->registers[DAMIAO_MASTER_ID] = master_id;
    motor->registers[DAMIAO_MODE] = MODE_MIT;
    motor->registers[DAMIAO_SOFTWARE] = SOFTWARE;
    motor->registers[DAMIAO_BAUD] = BAUD_CODE;
    tenon__sim_damiao_set_float(motor, DAMIAO_UNDER_VOLTAGE, 15.0f);
    tenon__sim_damiao_set_float(motor, DAMIAO_OVER_VOLTAGE, 32.0f);
    tenon__sim_damiao_set_float(motor, DAMIAO_OVER_TEMPERATURE, 100.0f);
    tenon__sim_damiao_set_float(motor, DAMIAO_INERTIA, (float)m->rotor_kg_m2);
    tenon__sim_damiao_set_float(motor, DAMIAO_OHM, (float)m->phase_ohm);
    tenon__sim_damiao_set_float(motor, DAMIAO_GEAR, (float)m->gear);
    tenon__sim_damiao_set_float(motor, DAMIAO_P_MAX, m->ranges.p_max_rad);
    tenon__sim_damiao_set_float(motor, DAMIAO_V_MAX, m->ranges.v_max_rad_s);
    tenon__sim_damiao_set_float(motor, DAMIAO_T_MAX, m->ranges.t_max_nm);
    memcpy(motor->saved, motor->registers, sizeof motor->saved);
}

int tenon_sim_damiao_init_sized(
    struct tenon_sim_damiao *self, size_t size, const char *model, uint8_t id, uint16_t master_id)
{
    size_t i = 0;
    if (size != sizeof *self) {
        return TENON_ERR_ABI;
    }
    while (i < MODEL_COUNT && strcmp(models[i].name, model) != 0) {
        i++;
    }
    if (i == MODEL_COUNT || id == 0 || master_id > MASTER_MAX) {
        return TENON_ERR_ARG;
    }
    memset(self, 0, sizeof *self);
    self->model = &models[i];
    self->is_powered = true;
    init_plant(self);
    init_registers(self, id, master_id);
    return TENON_OK;
}

void tenon_sim_damiao_set_load(struct tenon_sim_damiao *self, const struct tenon_sim_load *load)
{
    self->plant.load = load != NULL ? *load : (struct tenon_sim_load){0};
}

void tenon_sim_damiao_set_angle(struct tenon_sim_damiao *self, double angle_rad)
{
    self->plant.angle_rad = angle_rad;
    self->plant.velocity_rad_s = 0.0;
}

void tenon_sim_damiao_set_temperature(struct tenon_sim_damiao *self, double celsius)
{
    self->plant.winding_c = celsius;
    self->plant.housing_c = celsius;
}

void tenon_sim_damiao_set_powered(struct tenon_sim_damiao *self, bool powered)
{
    if (powered != self->is_powered) {
        self->is_powered = powered;
        set_status(self, MIT_DISABLED);
        memcpy(self->registers, self->saved, sizeof self->registers);
    }
}

void tenon_sim_damiao_set_faults(struct tenon_sim_damiao *self,
                                 const struct tenon_sim_damiao_faults *faults)
{
    self->faults = faults != NULL ? *faults : (struct tenon_sim_damiao_faults){0};
    if (self->faults.latch_error != 0) {
        set_status(self, self->faults.latch_error & 0xFu);
        self->faults.latch_error = 0;
    }
}

const struct tenon_sim_damiao_faults *
tenon_sim_damiao_get_faults(const struct tenon_sim_damiao *self)
{
    return &self->faults;
}

double tenon_sim_damiao_angle_rad(const struct tenon_sim_damiao *self)
{
    return self->plant.angle_rad;
}

double tenon_sim_damiao_velocity_rad_s(const struct tenon_sim_damiao *self)
{
    return self->plant.velocity_rad_s;
}

double tenon_sim_damiao_torque_nm(const struct tenon_sim_damiao *self)
{
    return self->plant.torque_nm;
}

uint8_t tenon_sim_damiao_status(const struct tenon_sim_damiao *self)
{
    return self->status;
}

uint32_t tenon_sim_damiao_peek(const struct tenon_sim_damiao *self, uint8_t rid)
{
    return tenon__sim_damiao_has(rid) ? self->registers[rid] : 0u;
}

int tenon_sim_damiao_poke(struct tenon_sim_damiao *self, uint8_t rid, uint32_t value)
{
    if (!tenon__sim_damiao_has(rid)) {
        return TENON_ERR_ARG;
    }
    self->registers[rid] = value;
    self->saved[rid] = value;
    return TENON_OK;
}
