/*
 * What is kept of joints. Little-endian, whatever the machine:
 *
 *     head   magic 4, version 2, joints 2, bytes of all 4
 *     joint  hash of its name 4, flags 1, motors 1, zero 2, zero_rad 8, then its motors
 *     motor  node 4, hash of its driver's name 4, model 2, flags 1, zero 1, position_rad 8
 *     end    CRC-32 of all before
 */
#include "tenon/persist.h"

#include "core_internal.h"

enum { HEAD = 12, JOINT = 16, MOTOR = 20, CRC = 4, COUNT_MAX = UINT16_MAX };
enum { IS_REVERSED = 1u };                                  /* flags of a joint */
enum { COUNTS_TURNS = 1u, IS_KNOWN = 2u, IS_UNHOMED = 4u }; /* flags of a motor */

#define HALF_TURN_RAD 3.14159265358979323846

static const uint8_t magic[4] = {'t', 'n', 'o', 'n'};

_Static_assert(TENON_PERSIST_SIZE(0, 0) == HEAD + CRC, "the macro is for users");
_Static_assert(TENON_PERSIST_SIZE(1, 1) == HEAD + JOINT + MOTOR + CRC, "the macro is for users");

/* --- numbers --- */

static void store(uint8_t *out, uint64_t value, unsigned width)
{
    for (unsigned i = 0; i < width; i++) {
        out[i] = (uint8_t)(value >> (8u * i));
    }
}

static uint64_t load(const uint8_t *bytes, unsigned width)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < width; i++) {
        value |= (uint64_t)bytes[i] << (8u * i);
    }
    return value;
}

static void store_double(uint8_t *out, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    store(out, bits, 8);
}

static double load_double(const uint8_t *bytes)
{
    const uint64_t bits = load(bytes, 8);
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static uint32_t crc_of(const uint8_t *bytes, size_t size)
{
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < size; i++) {
        crc ^= bytes[i];
        for (unsigned bit = 0; bit < 8; bit++) {
            crc = crc >> 1 ^ (UINT32_C(0xEDB88320) & (0u - (crc & 1u)));
        }
    }
    return ~crc;
}

/* FNV-1a. */
static uint32_t hash_of(const char *name)
{
    uint32_t hash = UINT32_C(2166136261);
    for (; *name != '\0'; name++) {
        hash = (hash ^ (uint8_t)*name) * UINT32_C(16777619);
    }
    return hash;
}

/* --- refusals --- */

static int refuse(struct tenon_diag *out_why,
                  int code,
                  enum tenon_cause cause,
                  const char *subject,
                  const char *detail)
{
    *out_why = (struct tenon_diag){
        .code = (int16_t)code, .cause = (uint16_t)cause, .subject = subject, .detail = detail};
    return code;
}

static int refuse_value(struct tenon_diag *out_why,
                        int code,
                        enum tenon_cause cause,
                        const char *subject,
                        double value,
                        double bound)
{
    (void)refuse(out_why, code, cause, subject, NULL);
    out_why->value = (float)value;
    out_why->bound = (float)bound;
    return code;
}

static int refuse_other(struct tenon_diag *out_why, const char *subject, const char *detail)
{
    return refuse(out_why, TENON_ERR_ARG, TENON_CAUSE_SAVED_OTHER, subject, detail);
}

static int
check_joints(struct tenon_joint *const *joints, uint32_t count, struct tenon_diag *out_why)
{
    if (joints == NULL || count == 0) {
        return refuse(out_why, TENON_ERR_ARG, TENON_CAUSE_NULL, "joints", NULL);
    }
    if (count > COUNT_MAX) {
        return refuse_value(out_why, TENON_ERR_ARG, TENON_CAUSE_ARGUMENT, "joints", count,
                            COUNT_MAX);
    }
    for (uint32_t i = 0; i < count; i++) {
        if (joints[i] == NULL) {
            return refuse(out_why, TENON_ERR_ARG, TENON_CAUSE_NULL, "joints", NULL);
        }
        if (joints[i]->sched == NULL) {
            return refuse(out_why, TENON_ERR_STATE, TENON_CAUSE_NOT_ADDED, joints[i]->name, NULL);
        }
    }
    return TENON_OK;
}

/* --- saving --- */

static bool counts_turns(const struct tenon_motor *motor)
{
    return motor->mode != TENON_MODE_POSITION;
}

static uint32_t node_of(const struct tenon_motor *motor)
{
    return motor->device != NULL ? motor->device->node : 0u;
}

static void save_motor(const struct tenon_motor *motor, uint8_t *out)
{
    const bool is_unhomed = tenon__load8(&motor->is_unhomed) != 0;
    const bool is_known = !is_unhomed && (motor->state.valid & TENON_VALID_POSITION) != 0;
    store(out, node_of(motor), 4);
    store(out + 4, hash_of(motor->module.driver->name), 4);
    store(out + 8, motor->model, 2);
    out[10] = (uint8_t)((counts_turns(motor) ? COUNTS_TURNS : 0u) | (is_known ? IS_KNOWN : 0u) |
                        (is_unhomed ? IS_UNHOMED : 0u));
    out[11] = 0;
    store_double(out + 12, is_known ? motor->state.position_rad : 0.0);
}

static uint8_t *save_joint(struct tenon_joint *joint, uint8_t *out)
{
    unsigned count;
    const struct tenon_slot *const motors = tenon__joint_motors(joint, &count);
    store(out, hash_of(joint->name), 4);
    out[4] = joint->is_reversed ? IS_REVERSED : 0u;
    out[5] = (uint8_t)count;
    store(out + 6, 0, 2);
    store_double(out + 8, joint->zero_rad);
    out += JOINT;
    for (unsigned i = 0; i < count; i++, out += MOTOR) {
        save_motor(tenon__slot_motor(&motors[i]), out);
    }
    return out;
}

static size_t needed_for(struct tenon_joint *const *joints, uint32_t count)
{
    size_t needed = HEAD + CRC;
    for (uint32_t i = 0; i < count; i++) {
        unsigned motors;
        (void)tenon__joint_motors(joints[i], &motors);
        needed += JOINT + (size_t)MOTOR * motors;
    }
    return needed;
}

static int
check_names(struct tenon_joint *const *joints, uint32_t count, struct tenon_diag *out_why)
{
    for (uint32_t i = 1; i < count; i++) {
        for (uint32_t k = 0; k < i; k++) {
            if (hash_of(joints[k]->name) == hash_of(joints[i]->name)) {
                return refuse_other(out_why, joints[i]->name, "two joints have one name");
            }
        }
    }
    return TENON_OK;
}

int tenon_persist_save(struct tenon_joint *const *joints,
                       uint32_t count,
                       uint8_t *out,
                       size_t capacity,
                       struct tenon_diag *out_why)
{
    struct tenon_diag unasked = {.code = TENON_OK};
    out_why = out_why != NULL ? out_why : &unasked;
    *out_why = (struct tenon_diag){.code = TENON_OK};
    int rc = check_joints(joints, count, out_why);
    rc = rc < 0 ? rc : check_names(joints, count, out_why);
    if (rc < 0) {
        return rc;
    }
    const size_t needed = needed_for(joints, count);
    if (out == NULL) {
        return refuse(out_why, TENON_ERR_ARG, TENON_CAUSE_NULL, "buffer", NULL);
    }
    if (capacity < needed) {
        return refuse_value(out_why, TENON_ERR_FULL, TENON_CAUSE_BUFFER_TOO_SMALL, "saved joints",
                            (double)capacity, (double)needed);
    }
    memcpy(out, magic, sizeof magic);
    store(out + 4, TENON_PERSIST_VERSION, 2);
    store(out + 6, count, 2);
    store(out + 8, needed, 4);
    uint8_t *at = out + HEAD;
    for (uint32_t i = 0; i < count; i++) {
        at = save_joint(joints[i], at);
    }
    store(at, crc_of(out, needed - CRC), CRC);
    return (int)needed;
}

/* --- reading --- */

static int check_head(const uint8_t *bytes, size_t size, struct tenon_diag *out_why)
{
    if (bytes == NULL) {
        return refuse(out_why, TENON_ERR_ARG, TENON_CAUSE_NULL, "saved joints", NULL);
    }
    const bool is_ours = size >= HEAD + CRC && memcmp(bytes, magic, sizeof magic) == 0;
    const size_t all = is_ours ? (size_t)load(bytes + 8, 4) : 0;
    if (!is_ours) {
        return refuse_value(out_why, TENON_ERR_PROTO, TENON_CAUSE_SAVED_DAMAGED, "saved joints",
                            (double)size, HEAD + CRC);
    }
    if (load(bytes + 4, 2) != TENON_PERSIST_VERSION) {
        return refuse_value(out_why, TENON_ERR_UNSUPPORTED, TENON_CAUSE_SAVED_VERSION,
                            "saved joints", (double)load(bytes + 4, 2), TENON_PERSIST_VERSION);
    }
    if (all < HEAD + CRC || all > size ||
        load(bytes + all - CRC, CRC) != crc_of(bytes, all - CRC)) {
        return refuse_value(out_why, TENON_ERR_PROTO, TENON_CAUSE_SAVED_DAMAGED, "saved joints",
                            (double)size, (double)all);
    }
    return TENON_OK;
}

/* @return where the next joint begins, or NULL: this one is not whole, or says what cannot be. */
static const uint8_t *skip_joint(const uint8_t *joint, const uint8_t *end)
{
    if (end - joint < JOINT || joint[5] > TENON_COUPLED_MAX ||
        end - joint < JOINT + MOTOR * (int)joint[5] || !tenon__is_finite(load_double(joint + 8))) {
        return NULL;
    }
    const uint8_t *motor = joint + JOINT;
    for (unsigned i = 0; i < joint[5]; i++, motor += MOTOR) {
        if (!tenon__is_finite(load_double(motor + 12))) {
            return NULL;
        }
    }
    return motor;
}

/* A sum that fits does not make sense of what was summed. */
static int check_whole(const uint8_t *bytes, size_t size, struct tenon_diag *out_why)
{
    const int rc = check_head(bytes, size, out_why);
    if (rc < 0) {
        return rc;
    }
    const size_t all = (size_t)load(bytes + 8, 4);
    const uint8_t *const end = bytes + all - CRC;
    const uint8_t *at = bytes + HEAD;
    for (uint64_t n = load(bytes + 6, 2); at != NULL && n > 0; n--) {
        at = skip_joint(at, end);
    }
    return at == end ? TENON_OK
                     : refuse_value(out_why, TENON_ERR_PROTO, TENON_CAUSE_SAVED_DAMAGED,
                                    "saved joints", (double)size, (double)all);
}

/* @return the joint's place in what is whole, or NULL. */
static const uint8_t *find(const uint8_t *bytes, const struct tenon_joint *joint)
{
    const uint32_t hash = hash_of(joint->name);
    const uint8_t *at = bytes + HEAD;
    for (uint64_t n = load(bytes + 6, 2); n > 0; n--) {
        if (load(at, 4) == hash) {
            return at;
        }
        at += JOINT + (size_t)MOTOR * at[5];
    }
    return NULL;
}

static int match_joint(const uint8_t *bytes, struct tenon_joint *joint, struct tenon_diag *out_why)
{
    const uint8_t *const saved = find(bytes, joint);
    unsigned count;
    const struct tenon_slot *const motors = tenon__joint_motors(joint, &count);
    if (saved == NULL) {
        return refuse_other(out_why, joint->name, "it has no such joint");
    }
    if (saved[5] != count) {
        return refuse_other(out_why, joint->name, "another number of motors");
    }
    if (((saved[4] & IS_REVERSED) != 0) != joint->is_reversed) {
        return refuse_other(out_why, joint->name, "another direction");
    }
    const uint8_t *at = saved + JOINT;
    for (unsigned i = 0; i < count; i++, at += MOTOR) {
        const struct tenon_motor *const motor = tenon__slot_motor(&motors[i]);
        if (load(at + 4, 4) != hash_of(motor->module.driver->name)) {
            return refuse_other(out_why, joint->name, "another motor driver");
        }
        if (load(at, 4) != node_of(motor)) {
            return refuse_other(out_why, joint->name, "another node");
        }
    }
    return TENON_OK;
}

/* Everything that can be told without the motors. */
static int match(struct tenon_joint *const *joints,
                 uint32_t count,
                 const uint8_t *bytes,
                 size_t size,
                 struct tenon_diag *out_why)
{
    *out_why = (struct tenon_diag){.code = TENON_OK};
    int rc = check_joints(joints, count, out_why);
    rc = rc < 0 ? rc : check_names(joints, count, out_why);
    rc = rc < 0 ? rc : check_whole(bytes, size, out_why);
    if (rc >= 0 && load(bytes + 6, 2) != count) {
        rc = refuse_other(out_why, "saved joints", "another number of joints");
    }
    for (uint32_t i = 0; rc >= 0 && i < count; i++) {
        rc = match_joint(bytes, joints[i], out_why);
    }
    return rc;
}

int tenon_persist_restore(struct tenon_joint *const *joints,
                          uint32_t count,
                          const uint8_t *bytes,
                          size_t size,
                          struct tenon_diag *out_why)
{
    struct tenon_diag unasked = {.code = TENON_OK};
    out_why = out_why != NULL ? out_why : &unasked;
    const int rc = match(joints, count, bytes, size, out_why);
    if (rc < 0) {
        return rc;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (joints[i]->sched->is_started) {
            return refuse(out_why, TENON_ERR_STATE, TENON_CAUSE_STARTED, joints[i]->name, NULL);
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        joints[i]->zero_rad = load_double(find(bytes, joints[i]) + 8);
        tenon__joint_set_frame(joints[i]);
    }
    return TENON_OK;
}

/* --- verifying --- */

/* Being saved makes nothing true that was not accepted. */
static bool knows_turns(const struct tenon_motor *motor, const uint8_t *saved, double way_rad)
{
    if (tenon__load8(&motor->is_unhomed) != 0 || (saved[10] & IS_UNHOMED) != 0) {
        return false;
    }
    const bool is_bound = counts_turns(motor) || (saved[10] & COUNTS_TURNS) != 0;
    return !is_bound || ((saved[10] & IS_KNOWN) != 0 && tenon__abs(way_rad) <= HALF_TURN_RAD);
}

/* What cannot be trusted is marked. */
static int verify_motor(struct tenon_slot *slot,
                        const uint8_t *saved,
                        const char *joint,
                        struct tenon_diag *out_why)
{
    struct tenon_motor *const motor = tenon__slot_motor(slot);
    const uint16_t model = (uint16_t)load(saved + 8, 2);
    const double way_rad = motor->state.position_rad - load_double(saved + 12);
    if (!tenon_slot_is_up(slot) || (motor->state.valid & TENON_VALID_POSITION) == 0) {
        return refuse(out_why, TENON_ERR_STATE, TENON_CAUSE_NOT_READY, joint, NULL);
    }
    if (model != 0 && motor->model != model) {
        tenon__store8(&motor->is_unhomed, 1);
        return refuse_value(out_why, TENON_ERR_UNSUPPORTED, TENON_CAUSE_MODEL_CHANGED, joint,
                            motor->model, model);
    }
    if (!knows_turns(motor, saved, way_rad)) {
        tenon__store8(&motor->is_unhomed, 1);
        return refuse_value(out_why, TENON_ERR_DEVICE, TENON_CAUSE_TURNS_LOST, joint,
                            way_rad * (0.5 / HALF_TURN_RAD), 0.5);
    }
    return TENON_OK;
}

static int verify_joint(const uint8_t *bytes, struct tenon_joint *joint, struct tenon_diag *out_why)
{
    unsigned count;
    struct tenon_slot *const motors = tenon__joint_motors(joint, &count);
    const uint8_t *saved = find(bytes, joint) + JOINT;
    int first = TENON_OK;
    for (unsigned i = 0; i < count; i++, saved += MOTOR) {
        struct tenon_diag why;
        const int rc = verify_motor(&motors[i], saved, joint->name, &why);
        if (rc < 0 && first == TENON_OK) {
            first = rc;
            *out_why = why;
        }
    }
    return first;
}

int tenon_persist_verify(struct tenon_joint *const *joints,
                         uint32_t count,
                         const uint8_t *bytes,
                         size_t size,
                         struct tenon_diag *out_why)
{
    struct tenon_diag unasked = {.code = TENON_OK};
    out_why = out_why != NULL ? out_why : &unasked;
    int first = match(joints, count, bytes, size, out_why);
    if (first < 0) {
        return first;
    }
    for (uint32_t i = 0; i < count; i++) {
        struct tenon_diag why;
        const int rc = verify_joint(bytes, joints[i], &why);
        if (rc < 0 && first == TENON_OK) {
            first = rc;
            *out_why = why;
        }
    }
    return first;
}
