/* Registration: what is refused, why, on whom, and in which words; and what start needs. */
#include "tenon_test.h"

#include "core_internal.h"
#include "fake_motor.h"

#include <math.h>
#include <string.h>

/* --- fakes: drivers that do nothing, in tables that a test may spoil --- */

static int do_step(struct tenon_module *self, tenon_ns_t now)
{
    (void)self;
    (void)now;
    return TENON_OK;
}

static int line_read(struct tenon_line *self, uint8_t *out_bytes, size_t capacity, tenon_ns_t now)
{
    (void)self;
    (void)out_bytes;
    (void)capacity;
    (void)now;
    return 0;
}

static int line_write(struct tenon_line *self, const uint8_t *bytes, size_t count, tenon_ns_t now)
{
    (void)self;
    (void)bytes;
    (void)now;
    return (int)count;
}

static int bus_attach(struct tenon_bus *self, struct tenon_bus_device *device)
{
    (void)self;
    (void)device;
    return TENON_OK;
}

static void bus_detach(struct tenon_bus *self, struct tenon_bus_device *device)
{
    (void)self;
    (void)device;
}

static int bus_submit(struct tenon_bus *self, struct tenon_request *request)
{
    (void)self;
    (void)request;
    return TENON_OK;
}

static void bus_cancel(struct tenon_bus *self, struct tenon_request *request)
{
    (void)self;
    (void)request;
}

static void bus_stage(struct tenon_bus *self, uint32_t cycle, tenon_ns_t now)
{
    (void)self;
    (void)cycle;
    (void)now;
}

static int
bus_poll(struct tenon_bus *self, struct tenon_line *line, tenon_ns_t now, tenon_ns_t *io_deadline)
{
    (void)self;
    (void)line;
    (void)now;
    (void)io_deadline;
    return TENON_OK;
}

static int bus_safe_frame(const struct tenon_bus *self,
                          enum tenon_stop_category category,
                          const uint8_t **out_bytes)
{
    (void)self;
    (void)category;
    (void)out_bytes;
    return 0;
}

static int motor_read(struct tenon_motor *self, tenon_ns_t now, struct tenon_motor_state *out_state)
{
    (void)now;
    (void)self;
    (void)out_state;
    return TENON_ERR_AGAIN;
}

static int motor_command(struct tenon_motor *self, const struct tenon_motor_command *command)
{
    (void)self;
    (void)command;
    return TENON_OK;
}

static int to_joint(struct tenon_reducer *self,
                    const struct tenon_motor_state *motors,
                    float dt_s,
                    struct tenon_joint_state *out_joints)
{
    (void)self;
    (void)motors;
    (void)dt_s;
    (void)out_joints;
    return TENON_OK;
}

static int to_motor(struct tenon_reducer *self,
                    const struct tenon_joint_command *joints,
                    const struct tenon_joint_state *at,
                    float dt_s,
                    struct tenon_motor_command *out_motors)
{
    (void)self;
    (void)joints;
    (void)at;
    (void)dt_s;
    (void)out_motors;
    return TENON_OK;
}

static int update(struct tenon_controller *self,
                  const struct tenon_controller_input *input,
                  struct tenon_joint_command *out_command)
{
    (void)self;
    (void)input;
    (void)out_command;
    return TENON_OK;
}

static int track(struct tenon_controller *self,
                 const struct tenon_controller_input *input,
                 const struct tenon_joint_command *applied)
{
    (void)self;
    (void)input;
    (void)applied;
    return TENON_OK;
}

static uint32_t ticks(void)
{
    return 0;
}

static void panic(uint32_t module, uint32_t id)
{
    fail_msg("panic %u %u", module, id);
}

enum { JOINTS = 4, MOTORS = 4 };

/* Everything anew for each test. */
static struct rig {
    struct tenon_port port;
    struct tenon_lifecycle_api life;
    struct tenon_line_api line_api;
    struct tenon_bus_api bus_api;
    struct tenon_motor_api motor_api;
    struct tenon_reducer_api reducer_api;
    struct tenon_controller_api controller_api;
    struct tenon_driver drivers[TENON_ROLE_CONTROLLER + 1];
    struct tenon_line line;
    struct tenon_bus bus;
    struct tenon_motor motors[MOTORS];
    struct tenon_bus_device devices[MOTORS];
    struct tenon_reducer reducer;
    struct tenon_controller controller;
    struct tenon_wire wire;
    struct tenon_joint joints[JOINTS];
    struct tenon_drivetrain drivetrain;
    struct tenon_group group;
    struct tenon_reader reader;
    struct tenon_sched sched;
    uint64_t memory[1024];
} rig;

static void make_tables(void)
{
    rig.port = (struct tenon_port){TENON_API_HEAD(struct tenon_port), ticks, panic, 1000000u};
    rig.life = (struct tenon_lifecycle_api){
        .head = TENON_API_HEAD(struct tenon_lifecycle_api), .probe = do_step, .make_safe = do_step};
    rig.line_api = (struct tenon_line_api){
        TENON_API_HEAD(struct tenon_line_api), line_read, line_write, NULL, NULL, NULL};
    rig.bus_api = (struct tenon_bus_api){TENON_API_HEAD(struct tenon_bus_api),
                                         bus_attach,
                                         bus_detach,
                                         bus_submit,
                                         bus_cancel,
                                         bus_stage,
                                         bus_poll,
                                         bus_safe_frame};
    rig.motor_api = (struct tenon_motor_api){TENON_API_HEAD(struct tenon_motor_api), motor_read,
                                             motor_command, NULL, NULL};
    rig.reducer_api = (struct tenon_reducer_api){TENON_API_HEAD(struct tenon_reducer_api), to_joint,
                                                 to_motor, NULL};
    rig.controller_api =
        (struct tenon_controller_api){TENON_API_HEAD(struct tenon_controller_api), update, track};
}

static const uint32_t module_sizes[] = {[TENON_ROLE_LINE] = sizeof(struct tenon_line),
                                        [TENON_ROLE_BUS] = sizeof(struct tenon_bus),
                                        [TENON_ROLE_MOTOR] = sizeof(struct tenon_motor),
                                        [TENON_ROLE_REDUCER] = sizeof(struct tenon_reducer),
                                        [TENON_ROLE_CONTROLLER] = sizeof(struct tenon_controller)};

static void make_drivers(void)
{
    const struct tenon_api_head *const apis[] = {[TENON_ROLE_LINE] = &rig.line_api.head,
                                                 [TENON_ROLE_BUS] = &rig.bus_api.head,
                                                 [TENON_ROLE_MOTOR] = &rig.motor_api.head,
                                                 [TENON_ROLE_REDUCER] = &rig.reducer_api.head,
                                                 [TENON_ROLE_CONTROLLER] =
                                                     &rig.controller_api.head};
    for (uint8_t role = TENON_ROLE_LINE; role <= TENON_ROLE_CONTROLLER; role++) {
        rig.drivers[role] = (struct tenon_driver){.head = TENON_API_HEAD(struct tenon_driver),
                                                  .name = "fake",
                                                  .role = role,
                                                  .instance_size = module_sizes[role],
                                                  .lifecycle = &rig.life,
                                                  .api = apis[role]};
    }
    rig.line.module.driver = &rig.drivers[TENON_ROLE_LINE];
    rig.bus.module.driver = &rig.drivers[TENON_ROLE_BUS];
    for (unsigned i = 0; i < MOTORS; i++) {
        rig.motors[i].module.driver = &rig.drivers[TENON_ROLE_MOTOR];
        rig.motors[i].device = &rig.devices[i];
    }
    rig.reducer.module.driver = &rig.drivers[TENON_ROLE_REDUCER];
    rig.reducer.motor_count = rig.reducer.joint_count = 1;
    rig.controller.module.driver = &rig.drivers[TENON_ROLE_CONTROLLER];
}

static int make_rig(void)
{
    memset(&rig, 0, sizeof rig);
    make_tables();
    make_drivers();
    return tenon_sched_init(&rig.sched, &rig.port, TENON_MS(1), rig.memory, sizeof rig.memory);
}

static int setup(void **state)
{
    (void)state;
    return make_rig();
}

/* Code, cause, subject; start repeats it; the sentence names the subject. */
static void assert_diag(int rc, int code, enum tenon_cause cause, const char *subject)
{
    char text[256], begin[64] = "";
    const struct tenon_diag *const diag = tenon_sched_diag(&rig.sched);
    if (rc != code || diag->code != code || diag->cause != (uint16_t)cause) {
        fail_msg("code %d/%d, not %d; cause %u, not %u", rc, diag->code, code, diag->cause, cause);
    }
    if (subject == NULL) {
        assert_null(diag->subject);
    } else {
        assert_non_null(diag->subject);
        assert_string_equal(diag->subject, subject);
    }
    strcat(strcat(begin, subject != NULL ? subject : "tenon"), ": ");
    (void)tenon_diag_text(diag, text, sizeof text);
    assert_int_equal(strncmp(text, begin, strlen(begin)), 0);
    assert_non_null(strchr(text, ';'));
}

static void assert_refused(int rc, int code, enum tenon_cause cause, const char *subject)
{
    assert_diag(rc, code, cause, subject);
    assert_diag(tenon_sched_start(&rig.sched), code, cause, subject);
    assert_false(rig.sched.is_started);
}

static void assert_numbers(double value, double bound)
{
    const struct tenon_diag *const diag = tenon_sched_diag(&rig.sched);
    assert_true(fabs((double)diag->value - value) < 1e-6 * (1.0 + fabs(value)));
    assert_true(fabs((double)diag->bound - bound) < 1e-6 * (1.0 + fabs(bound)));
}

static int add_joint(unsigned i)
{
    return tenon_sched_add_joint(&rig.sched, &rig.joints[i], "elbow", &rig.motors[i], NULL);
}

static int add_wire(void)
{
    return tenon_sched_add_wire(&rig.sched, &rig.wire, "bus", &rig.line, &rig.bus);
}

/* --- init --- */

static int init_with(const struct tenon_port *port, tenon_ns_t period, void *memory)
{
    return tenon_sched_init(&rig.sched, port, period, memory, sizeof rig.memory);
}

static void init_refuses_what_is_missing(void **state)
{
    (void)state;
    assert_int_equal(tenon_sched_init(NULL, &rig.port, 1, rig.memory, 8), TENON_ERR_ARG);
    assert_refused(init_with(NULL, 1, rig.memory), TENON_ERR_ARG, TENON_CAUSE_NULL, "scheduler");
    assert_refused(init_with(&rig.port, 1, NULL), TENON_ERR_ARG, TENON_CAUSE_NULL, "scheduler");
    rig.port.ticks = NULL;
    assert_refused(init_with(&rig.port, 1, rig.memory), TENON_ERR_ABI, TENON_CAUSE_METHOD_MISSING,
                   "port");
    assert_string_equal(tenon_sched_diag(&rig.sched)->detail, "ticks");
    make_tables();
    rig.port.panic = NULL;
    assert_refused(init_with(&rig.port, 1, rig.memory), TENON_ERR_ABI, TENON_CAUSE_METHOD_MISSING,
                   "port");
    assert_string_equal(tenon_sched_diag(&rig.sched)->detail, "panic");
}

static void init_refuses_a_period_that_is_not_positive(void **state)
{
    (void)state;
    const tenon_ns_t periods[] = {0, -1, INT64_MIN};
    for (unsigned i = 0; i < 3; i++) {
        assert_refused(init_with(&rig.port, periods[i], rig.memory), TENON_ERR_ARG,
                       TENON_CAUSE_ARGUMENT, "period");
        assert_true((double)tenon_sched_diag(&rig.sched)->value <= 0.0);
    }
}

struct spoil {
    enum tenon_cause cause;
    double value;
    double bound;
};

/* A newer ABI, an older one, a longer table, a shorter one; and what that must be answered with. */
static struct spoil spoil_head(struct tenon_api_head *head, unsigned way)
{
    const bool is_newer = way % 2 == 0;
    const struct tenon_api_head sound = *head;
    if (way < 2) {
        head->abi = (uint16_t)(sound.abi + (is_newer ? 1 : -1));
    } else {
        head->size = (uint16_t)(sound.size + (is_newer ? 8 : -8));
    }
    return (struct spoil){.cause = is_newer ? TENON_CAUSE_ABI_TOO_NEW : TENON_CAUSE_ABI_TOO_OLD,
                          .value = way < 2 ? head->abi : head->size,
                          .bound = way < 2 ? sound.abi : sound.size};
}

static void init_refuses_another_abi(void **state)
{
    (void)state;
    struct tenon_sched *const sched = &rig.sched;
    for (unsigned i = 0; i < 2 * sizeof(struct tenon_sizes) / sizeof(uint32_t); i++) {
        struct tenon_sizes sizes = TENON_SIZES;
        struct tenon_sched before;
        uint32_t *const size = (uint32_t *)(void *)&sizes + i / 2;
        *size += i % 2 == 0 ? 8u : -8u;
        memset(sched, 0x5A, sizeof *sched);
        before = *sched;
        assert_int_equal(tenon_sched_init_sized(sched, &sizes, &rig.port, 1, rig.memory, 8),
                         TENON_ERR_ABI);
        assert_memory_equal(sched, &before, sizeof before);
    }
    assert_int_equal(tenon_sched_init_sized(sched, NULL, &rig.port, 1, rig.memory, 8),
                     TENON_ERR_ARG);
    for (unsigned i = 0; i < 4; i++) {
        make_tables();
        const struct spoil s = spoil_head(&rig.port.head, i);
        assert_refused(init_with(&rig.port, 1, rig.memory), TENON_ERR_ABI, s.cause, "port");
        assert_numbers(s.value, s.bound);
        assert_string_equal(tenon_sched_diag(&rig.sched)->detail, "table");
    }
}

static void init_makes_an_old_scheduler_new(void **state)
{
    (void)state;
    assert_int_equal(tenon_joint_use_reducer(NULL, NULL), TENON_ERR_ARG);
    assert_true(tenon_sched_add_wire(&rig.sched, NULL, "bus", NULL, NULL) < 0);
    assert_true(tenon_sched_start(&rig.sched) < 0);
    assert_int_equal(init_with(&rig.port, 1, rig.memory), TENON_OK);
    assert_int_equal(tenon_sched_start(&rig.sched), TENON_OK);
}

static void calls_without_a_scheduler_are_refused(void **state)
{
    (void)state;
    const struct tenon_drivetrain_config config = {.motor_count = 1};
    struct tenon_joint *const list[] = {&rig.joints[0]};
    assert_int_equal(tenon_sched_add_wire(NULL, &rig.wire, "a", &rig.line, &rig.bus),
                     TENON_ERR_ARG);
    assert_int_equal(tenon_sched_add_joint(NULL, list[0], "a", &rig.motors[0], NULL),
                     TENON_ERR_ARG);
    assert_int_equal(tenon_sched_add_drivetrain(NULL, &rig.drivetrain, "a", &config),
                     TENON_ERR_ARG);
    assert_int_equal(tenon_sched_add_group(NULL, &rig.group, "a", list, 1), TENON_ERR_ARG);
    assert_int_equal(tenon_sched_add_reader(NULL, &rig.reader), TENON_ERR_ARG);
    assert_int_equal(tenon_sched_start(NULL), TENON_ERR_ARG);
    assert_int_equal(tenon_sched_diag(NULL)->cause, TENON_CAUSE_NULL);
    assert_null(tenon_sched_next_wire(NULL, NULL));
}

/* --- what each seat demands of a driver --- */

/* Seats a module of the role, as "seat". */
static int seat(uint8_t role)
{
    int rc;
    switch ((enum tenon_role)role) {
    case TENON_ROLE_LINE:
    case TENON_ROLE_BUS:
        return tenon_sched_add_wire(&rig.sched, &rig.wire, "seat", &rig.line, &rig.bus);
    case TENON_ROLE_MOTOR:
        return tenon_sched_add_joint(&rig.sched, &rig.joints[0], "seat", &rig.motors[0], NULL);
    case TENON_ROLE_REDUCER:
        rc = tenon_sched_add_joint(&rig.sched, &rig.joints[0], "seat", &rig.motors[0], NULL);
        return rc < 0 ? rc : tenon_joint_use_reducer(&rig.joints[0], &rig.reducer);
    case TENON_ROLE_CONTROLLER:
        break;
    }
    rc = tenon_sched_add_joint(&rig.sched, &rig.joints[0], "seat", &rig.motors[0], NULL);
    return rc < 0 ? rc : tenon_joint_use_controller(&rig.joints[0], &rig.controller);
}

static void good_driver_of_every_role_is_seated(void **state)
{
    (void)state;
    for (uint8_t role = TENON_ROLE_LINE; role <= TENON_ROLE_CONTROLLER; role++) {
        assert_int_equal(make_rig(), TENON_OK);
        assert_int_equal(seat(role), TENON_OK);
        assert_int_equal(tenon_sched_start(&rig.sched), TENON_OK);
    }
}

/* Of the driver, of its lifecycle, of its role; the answer names which. */
static void every_head_of_another_abi_is_refused(void **state)
{
    static const char *const tables[] = {"line table", "bus table", "motor table", "reducer table",
                                         "controller table"};
    (void)state;
    for (uint8_t role = TENON_ROLE_LINE; role <= TENON_ROLE_CONTROLLER; role++) {
        for (unsigned i = 0; i < 12; i++) {
            assert_int_equal(make_rig(), TENON_OK);
            struct tenon_lifecycle_api life = rig.life;
            rig.drivers[role].lifecycle = &life;
            uint64_t copy[32];
            memcpy(copy, rig.drivers[role].api, rig.drivers[role].api->size);
            struct tenon_api_head *const api = (void *)copy;
            rig.drivers[role].api = api;
            struct tenon_api_head *const heads[] = {&rig.drivers[role].head, &life.head, api};
            const char *const names[] = {"driver table", "lifecycle table", tables[role - 1]};
            const struct spoil s = spoil_head(heads[i % 3], i / 3);
            assert_refused(seat(role), TENON_ERR_ABI, s.cause, "seat");
            assert_numbers(s.value, s.bound);
            assert_string_equal(tenon_sched_diag(&rig.sched)->detail, names[i % 3]);
        }
    }
}

/* Its driver was compiled when the role's struct was smaller. */
static void instance_smaller_than_its_role_is_refused(void **state)
{
    (void)state;
    for (uint8_t role = TENON_ROLE_LINE; role <= TENON_ROLE_CONTROLLER; role++) {
        assert_int_equal(make_rig(), TENON_OK);
        const uint32_t size = module_sizes[role];
        rig.drivers[role].instance_size = size - 1;
        assert_refused(seat(role), TENON_ERR_ABI, TENON_CAUSE_ABI_TOO_OLD, "seat");
        assert_numbers(size - 1.0, size);
        assert_string_equal(tenon_sched_diag(&rig.sched)->detail, "instance");
    }
}

static void driver_without_tables_is_refused(void **state)
{
    (void)state;
    for (uint8_t role = TENON_ROLE_LINE; role <= TENON_ROLE_CONTROLLER; role++) {
        assert_int_equal(make_rig(), TENON_OK);
        rig.drivers[role].lifecycle = NULL;
        assert_refused(seat(role), TENON_ERR_ARG, TENON_CAUSE_NULL, "seat");
        assert_int_equal(make_rig(), TENON_OK);
        rig.drivers[role].api = NULL;
        assert_refused(seat(role), TENON_ERR_ARG, TENON_CAUSE_NULL, "seat");
    }
    struct tenon_module *const modules[] = {&rig.line.module, &rig.bus.module,
                                            &rig.motors[0].module, &rig.reducer.module,
                                            &rig.controller.module};
    for (uint8_t role = TENON_ROLE_LINE; role <= TENON_ROLE_CONTROLLER; role++) {
        assert_int_equal(make_rig(), TENON_OK);
        modules[role - 1]->driver = NULL;
        assert_refused(seat(role), TENON_ERR_ARG, TENON_CAUSE_NULL, "seat");
    }
}

static void module_of_another_role_is_refused(void **state)
{
    (void)state;
    for (uint8_t role = TENON_ROLE_LINE; role <= TENON_ROLE_CONTROLLER; role++) {
        for (uint8_t other = 0; other <= TENON_ROLE_CONTROLLER + 1; other++) {
            if (other != role) {
                assert_int_equal(make_rig(), TENON_OK);
                rig.drivers[role].role = other;
                assert_refused(seat(role), TENON_ERR_ARG, TENON_CAUSE_WRONG_ROLE, "seat");
                assert_numbers(other, role);
            }
        }
    }
}

#define METHOD(role_, type_, table_, name_, required_)                                             \
    {                                                                                              \
        role_, offsetof(struct rig, table_) + offsetof(struct type_, name_), #name_, required_     \
    }

static const struct method {
    uint8_t role;
    size_t at;
    const char *name;
    bool is_required;
} methods[] = {
    METHOD(TENON_ROLE_LINE, tenon_lifecycle_api, life, probe, true),
    METHOD(TENON_ROLE_LINE, tenon_lifecycle_api, life, make_safe, true),
    METHOD(TENON_ROLE_LINE, tenon_line_api, line_api, read, true),
    METHOD(TENON_ROLE_LINE, tenon_line_api, line_api, write, true),
    METHOD(TENON_ROLE_LINE, tenon_line_api, line_api, set_baud, false),
    METHOD(TENON_ROLE_LINE, tenon_line_api, line_api, write_emergency, false),
    METHOD(TENON_ROLE_LINE, tenon_line_api, line_api, tend, false),
    METHOD(TENON_ROLE_BUS, tenon_bus_api, bus_api, attach, true),
    METHOD(TENON_ROLE_BUS, tenon_bus_api, bus_api, detach, true),
    METHOD(TENON_ROLE_BUS, tenon_bus_api, bus_api, submit, true),
    METHOD(TENON_ROLE_BUS, tenon_bus_api, bus_api, cancel, true),
    METHOD(TENON_ROLE_BUS, tenon_bus_api, bus_api, stage, true),
    METHOD(TENON_ROLE_BUS, tenon_bus_api, bus_api, poll, true),
    METHOD(TENON_ROLE_BUS, tenon_bus_api, bus_api, safe_frame, true),
    METHOD(TENON_ROLE_MOTOR, tenon_lifecycle_api, life, probe, true),
    METHOD(TENON_ROLE_MOTOR, tenon_lifecycle_api, life, make_safe, true),
    METHOD(TENON_ROLE_MOTOR, tenon_lifecycle_api, life, configure, false),
    METHOD(TENON_ROLE_MOTOR, tenon_lifecycle_api, life, activate, false),
    METHOD(TENON_ROLE_MOTOR, tenon_lifecycle_api, life, release, false),
    METHOD(TENON_ROLE_MOTOR, tenon_lifecycle_api, life, attach, false),
    METHOD(TENON_ROLE_MOTOR, tenon_motor_api, motor_api, read, true),
    METHOD(TENON_ROLE_MOTOR, tenon_motor_api, motor_api, command, true),
    METHOD(TENON_ROLE_MOTOR, tenon_motor_api, motor_api, identify, false),
    METHOD(TENON_ROLE_REDUCER, tenon_reducer_api, reducer_api, to_joint, true),
    METHOD(TENON_ROLE_REDUCER, tenon_reducer_api, reducer_api, to_motor, true),
    METHOD(TENON_ROLE_REDUCER, tenon_reducer_api, reducer_api, limits, false),
    METHOD(TENON_ROLE_CONTROLLER, tenon_controller_api, controller_api, update, true),
    METHOD(TENON_ROLE_CONTROLLER, tenon_controller_api, controller_api, track, true),
};

static void every_required_method_is_demanded_by_name(void **state)
{
    (void)state;
    void (*const none)(void) = NULL;
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        assert_int_equal(make_rig(), TENON_OK);
        memcpy((char *)&rig + methods[i].at, &none, sizeof none);
        if (methods[i].is_required) {
            char text[256];
            assert_refused(seat(methods[i].role), TENON_ERR_ABI, TENON_CAUSE_METHOD_MISSING,
                           "seat");
            const struct tenon_diag *const diag = tenon_sched_diag(&rig.sched);
            assert_string_equal(diag->detail, methods[i].name);
            assert_non_null(strstr(tenon_diag_text(diag, text, sizeof text), methods[i].name));
        } else {
            assert_int_equal(seat(methods[i].role), TENON_OK);
        }
    }
}

static int attach_result;

static int attach_with_result(struct tenon_module *self)
{
    if (attach_result == TENON_ERR_FULL) { /* this one gives its reason */
        return tenon_module_refuse(self, TENON_ERR_FULL, TENON_CAUSE_BUFFER_TOO_SMALL, 10.0f,
                                   20.0f);
    }
    return attach_result;
}

static void refusal_of_attach_is_passed_on(void **state)
{
    (void)state;
    for (uint8_t role = TENON_ROLE_LINE; role <= TENON_ROLE_CONTROLLER; role++) {
        struct tenon_lifecycle_api life;
        assert_int_equal(make_rig(), TENON_OK);
        life = rig.life;
        life.attach = attach_with_result;
        rig.drivers[role].lifecycle = &life;
        attach_result = TENON_ERR_FULL;
        assert_refused(seat(role), TENON_ERR_FULL, TENON_CAUSE_BUFFER_TOO_SMALL, "seat");
        assert_numbers(10.0, 20.0);

        assert_int_equal(make_rig(), TENON_OK);
        rig.drivers[role].lifecycle = &life;
        attach_result = TENON_ERR_IO;
        assert_refused(seat(role), TENON_ERR_IO, TENON_CAUSE_MODULE_FAILED, "seat");
        assert_numbers(TENON_ERR_IO, 0.0);
    }
}

/* --- wires --- */

static void wire_is_refused_without_its_parts(void **state)
{
    struct tenon_sched *const s = &rig.sched;
    assert_refused(tenon_sched_add_wire(s, NULL, "bus", &rig.line, &rig.bus), TENON_ERR_ARG,
                   TENON_CAUSE_NULL, "bus");
    (void)setup(state);
    assert_refused(tenon_sched_add_wire(s, &rig.wire, NULL, &rig.line, &rig.bus), TENON_ERR_ARG,
                   TENON_CAUSE_NULL, NULL);
    (void)setup(state);
    assert_refused(tenon_sched_add_wire(s, &rig.wire, "bus", NULL, &rig.bus), TENON_ERR_ARG,
                   TENON_CAUSE_NULL, "bus");
    (void)setup(state);
    assert_refused(tenon_sched_add_wire(s, &rig.wire, "bus", &rig.line, NULL), TENON_ERR_ARG,
                   TENON_CAUSE_NULL, "bus");
}

static void a_line_of_another_medium_than_the_bus_needs_is_refused(void **state)
{
    (void)state;
    rig.bus.medium = TENON_MEDIUM_CAN;
    assert_refused(add_wire(), TENON_ERR_ARG, TENON_CAUSE_MEDIUM, "bus");
    assert_numbers(TENON_MEDIUM_BYTES, TENON_MEDIUM_CAN);
}

static void wire_and_its_parts_are_taken_once(void **state)
{
    static struct tenon_wire other;
    memset(&other, 0, sizeof other);
    assert_int_equal(add_wire(), TENON_OK);
    assert_refused(add_wire(), TENON_ERR_STATE, TENON_CAUSE_ALREADY_ADDED, "bus");
    (void)setup(state);
    assert_int_equal(add_wire(), TENON_OK);
    assert_refused(tenon_sched_add_wire(&rig.sched, &other, "two", &rig.line, &rig.bus),
                   TENON_ERR_STATE, TENON_CAUSE_ALREADY_ADDED, "two");
    assert_int_equal(make_rig(), TENON_OK);
    assert_int_equal(add_wire(), TENON_OK);
    static struct tenon_line line;
    memset(&line, 0, sizeof line);
    line.module.driver = rig.line.module.driver;
    memset(&other, 0, sizeof other);
    assert_refused(tenon_sched_add_wire(&rig.sched, &other, "two", &line, &rig.bus),
                   TENON_ERR_STATE, TENON_CAUSE_ALREADY_ADDED, "two");
    assert_ptr_equal(rig.bus.wire, &rig.wire); /* the one it serves */
}

static void wires_are_listed_in_order(void **state)
{
    (void)state;
    static struct tenon_wire wires[3];
    static struct tenon_line lines[3];
    static struct tenon_bus buses[3];
    const struct tenon_wire *wire = NULL;
    memset(wires, 0, sizeof wires);
    memset(lines, 0, sizeof lines);
    memset(buses, 0, sizeof buses);
    for (unsigned i = 0; i < 3; i++) {
        lines[i].module.driver = rig.line.module.driver;
        buses[i].module.driver = rig.bus.module.driver;
        assert_int_equal(tenon_sched_add_wire(&rig.sched, &wires[i], "bus", &lines[i], &buses[i]),
                         TENON_OK);
        assert_ptr_equal(buses[i].wire, &wires[i]);
    }
    for (unsigned i = 0; i < 3; i++) {
        wire = tenon_sched_next_wire(&rig.sched, wire);
        assert_ptr_equal(wire, &wires[i]);
    }
    assert_null(tenon_sched_next_wire(&rig.sched, wire));
}

/* --- joints --- */

static void joint_is_refused_without_its_parts(void **state)
{
    struct tenon_sched *const s = &rig.sched;
    assert_refused(tenon_sched_add_joint(s, NULL, "elbow", &rig.motors[0], NULL), TENON_ERR_ARG,
                   TENON_CAUSE_NULL, "elbow");
    (void)setup(state);
    assert_refused(tenon_sched_add_joint(s, &rig.joints[0], NULL, &rig.motors[0], NULL),
                   TENON_ERR_ARG, TENON_CAUSE_NULL, NULL);
    (void)setup(state);
    assert_refused(tenon_sched_add_joint(s, &rig.joints[0], "elbow", NULL, NULL), TENON_ERR_ARG,
                   TENON_CAUSE_NULL, "elbow");
    assert_int_equal(rig.sched.joint_count, 0);
}

static void settings_of_a_joint_that_cannot_be_are_refused(void **state)
{
    rig.joints[0].divisor = 4;
    rig.joints[0].phase = 4;
    assert_refused(add_joint(0), TENON_ERR_ARG, TENON_CAUSE_RATE, "elbow");
    assert_numbers(4.0, 4.0);
    (void)setup(state);
    rig.joints[0].phase = 1; /* of divisor 0, which is 1 */
    assert_refused(add_joint(0), TENON_ERR_ARG, TENON_CAUSE_RATE, "elbow");
    (void)setup(state);
    rig.joints[0].zero_rad = (double)NAN;
    assert_refused(add_joint(0), TENON_ERR_ARG, TENON_CAUSE_NOT_FINITE, "elbow");
    (void)setup(state);
    rig.joints[0].safe_action = TENON_SAFE_BRAKE + 1;
    assert_refused(add_joint(0), TENON_ERR_ARG, TENON_CAUSE_ARGUMENT, "elbow");
    assert_numbers(TENON_SAFE_BRAKE + 1, TENON_SAFE_BRAKE);
}

static void limits_that_contradict_each_other_are_refused(void **state)
{
    (void)state;
    const struct tenon_joint_limits limits = {.position_min_rad = 1.0, .position_max_rad = -1.0};
    assert_refused(
        tenon_sched_add_joint(&rig.sched, &rig.joints[0], "elbow", &rig.motors[0], &limits),
        TENON_ERR_LIMIT, TENON_CAUSE_LIMIT_ORDER, "elbow");
    assert_numbers(1.0, -1.0);
}

static void joint_and_motor_are_taken_once(void **state)
{
    assert_int_equal(add_joint(0), TENON_OK);
    assert_refused(add_joint(0), TENON_ERR_STATE, TENON_CAUSE_ALREADY_ADDED, "elbow");
    (void)setup(state);
    rig.joints[0].divisor = 2;
    rig.joints[0].phase = 1;
    assert_int_equal(add_joint(0), TENON_OK);
    assert_refused(tenon_sched_add_joint(&rig.sched, &rig.joints[1], "two", &rig.motors[0], NULL),
                   TENON_ERR_STATE, TENON_CAUSE_ALREADY_ADDED, "two");
    assert_int_equal(rig.sched.joint_count, 1);
    assert_int_equal(rig.devices[0].divisor, 2); /* as its own joint has it */
    assert_int_equal(rig.devices[0].phase, 1);
}

static void motors_device_learns_its_rate(void **state)
{
    (void)state;
    rig.joints[0].divisor = 4;
    rig.joints[0].phase = 3;
    assert_int_equal(add_joint(0), TENON_OK);
    assert_int_equal(add_joint(1), TENON_OK);
    assert_int_equal(rig.devices[0].divisor, 4);
    assert_int_equal(rig.devices[0].phase, 3);
    assert_int_equal(rig.devices[1].divisor, 1);
    assert_int_equal(rig.devices[1].phase, 0);
}

static void reducer_and_controller_need_a_joint_that_was_added(void **state)
{
    assert_int_equal(tenon_joint_use_reducer(NULL, &rig.reducer), TENON_ERR_ARG);
    assert_int_equal(tenon_joint_use_controller(NULL, &rig.controller), TENON_ERR_ARG);
    assert_int_equal(tenon_joint_use_reducer(&rig.joints[0], &rig.reducer), TENON_ERR_STATE);
    assert_int_equal(tenon_joint_use_controller(&rig.joints[0], &rig.controller), TENON_ERR_STATE);
    /* Told by the adding call, and by start: a joint must not run 1:1 because nobody looked. */
    assert_refused(add_joint(0), TENON_ERR_STATE, TENON_CAUSE_NOT_ADDED, "elbow");
    assert_int_equal(tenon_sched_start(&rig.sched), TENON_ERR_STATE);
    (void)setup(state);
    assert_int_equal(add_joint(0), TENON_OK);
    assert_refused(tenon_joint_use_reducer(&rig.joints[0], NULL), TENON_ERR_ARG, TENON_CAUSE_NULL,
                   "elbow");
    (void)setup(state);
    assert_int_equal(add_joint(0), TENON_OK);
    assert_refused(tenon_joint_use_controller(&rig.joints[0], NULL), TENON_ERR_ARG,
                   TENON_CAUSE_NULL, "elbow");
}

static void reducer_of_another_shape_is_refused(void **state)
{
    for (unsigned i = 0; i < 2; i++) {
        (void)setup(state);
        assert_int_equal(add_joint(0), TENON_OK);
        rig.reducer.motor_count = i == 0 ? 2 : 1;
        rig.reducer.joint_count = i == 0 ? 1 : 2;
        assert_refused(tenon_joint_use_reducer(&rig.joints[0], &rig.reducer), TENON_ERR_ARG,
                       TENON_CAUSE_SHAPE, "elbow");
        assert_null(rig.joints[0].reducer.module);
    }
}

static void seats_are_taken_once(void **state)
{
    (void)state;
    assert_int_equal(add_joint(0), TENON_OK);
    assert_int_equal(tenon_joint_use_reducer(&rig.joints[0], &rig.reducer), TENON_OK);
    struct tenon_reducer other = {
        .module = {.driver = rig.reducer.module.driver}, .motor_count = 1, .joint_count = 1};
    assert_refused(tenon_joint_use_reducer(&rig.joints[0], &other), TENON_ERR_STATE,
                   TENON_CAUSE_ALREADY_ADDED, "elbow");
    assert_ptr_equal(rig.joints[0].reducer.module, &rig.reducer.module);
}

/* --- drivetrains --- */

static struct tenon_motor *const two_motors[] = {&rig.motors[0], &rig.motors[1]};
static struct tenon_joint *const two_joints[] = {&rig.joints[0], &rig.joints[1]};
static struct tenon_joint *const same_joints[] = {&rig.joints[0], &rig.joints[0]};
static struct tenon_motor *const same_motors[] = {&rig.motors[0], &rig.motors[0]};
static struct tenon_motor *const gap_motors[] = {&rig.motors[0], NULL};
static struct tenon_joint *const gap_joints[] = {&rig.joints[0], NULL};
static const char *const two_names[] = {"roll", "pitch"};
static const char *const gap_names[] = {"roll", NULL};

static struct tenon_drivetrain_config differential(void **state)
{
    (void)setup(state);
    rig.reducer.motor_count = rig.reducer.joint_count = 2;
    return (struct tenon_drivetrain_config){.motors = two_motors,
                                            .reducer = &rig.reducer,
                                            .joints = two_joints,
                                            .joint_names = two_names,
                                            .motor_count = 2,
                                            .joint_count = 2};
}

static void assert_drivetrain(const struct tenon_drivetrain_config *config,
                              int code,
                              enum tenon_cause cause,
                              const char *subject)
{
    assert_refused(tenon_sched_add_drivetrain(&rig.sched, &rig.drivetrain, "wrist", config), code,
                   cause, subject);
    assert_int_equal(rig.sched.joint_count, 0);
}

static void drivetrain_that_is_whole_is_taken(void **state)
{
    const struct tenon_drivetrain_config config = differential(state);
    assert_int_equal(tenon_sched_add_drivetrain(&rig.sched, &rig.drivetrain, "wrist", &config),
                     TENON_OK);
    assert_int_equal(rig.sched.joint_count, 2);
    assert_ptr_equal(rig.joints[1].drivetrain, &rig.drivetrain);
    assert_string_equal(rig.joints[1].name, "pitch");
    assert_int_equal(tenon_sched_start(&rig.sched), TENON_OK);
    assert_int_equal(rig.sched.plans[0].lead_count, 1);
    assert_ptr_equal(rig.sched.plans[0].leads[0], &rig.joints[0]); /* it leads */
    assert_int_equal(rig.drivetrain.motor_count, 2);
    assert_int_equal(rig.drivetrain.joint_count, 2);
    assert_ptr_equal(rig.drivetrain.reducer.module, &rig.reducer.module);
}

static void drivetrain_is_refused_without_its_parts(void **state)
{
    for (unsigned i = 0; i < 8; i++) {
        struct tenon_drivetrain_config config = differential(state);
        config.motors = i == 0 ? NULL : (i == 1 ? gap_motors : two_motors);
        config.joints = i == 2 ? NULL : (i == 3 ? gap_joints : two_joints);
        config.joint_names = i == 4 ? NULL : (i == 5 ? gap_names : two_names);
        config.reducer = i == 6 ? NULL : &rig.reducer;
        const char *const subject = i == 3 ? "pitch" : (i == 5 ? NULL : "wrist");
        assert_drivetrain(i == 7 ? NULL : &config, TENON_ERR_ARG, TENON_CAUSE_NULL, subject);
    }
    struct tenon_drivetrain_config config = differential(state);
    assert_refused(tenon_sched_add_drivetrain(&rig.sched, NULL, "wrist", &config), TENON_ERR_ARG,
                   TENON_CAUSE_NULL, "wrist");
    config = differential(state);
    assert_refused(tenon_sched_add_drivetrain(&rig.sched, &rig.drivetrain, NULL, &config),
                   TENON_ERR_ARG, TENON_CAUSE_NULL, NULL);
}

static void drivetrain_of_a_wrong_shape_is_refused(void **state)
{
    for (unsigned i = 0; i < 6; i++) {
        struct tenon_drivetrain_config config = differential(state);
        const uint8_t wrong[] = {0, TENON_COUPLED_MAX + 1, 1};
        uint8_t *const count = i < 3 ? &config.motor_count : &config.joint_count;
        *count = wrong[i % 3];
        if (i % 3 < 2) { /* the reducer says the same, and is wrong too */
            rig.reducer.motor_count = config.motor_count;
            rig.reducer.joint_count = config.joint_count;
        }
        assert_drivetrain(&config, TENON_ERR_ARG, TENON_CAUSE_SHAPE, "wrist");
    }
}

static void joints_of_a_drivetrain_must_have_one_rate(void **state)
{
    struct tenon_drivetrain_config config = differential(state);
    rig.joints[1].divisor = 2;
    assert_drivetrain(&config, TENON_ERR_ARG, TENON_CAUSE_RATE, "wrist");
    config = differential(state);
    rig.joints[0].divisor = rig.joints[1].divisor = 2;
    rig.joints[1].phase = 1;
    assert_drivetrain(&config, TENON_ERR_ARG, TENON_CAUSE_RATE, "wrist");
}

static void drivetrain_takes_each_part_once(void **state)
{
    struct tenon_drivetrain_config config = differential(state);
    config.joints = same_joints;
    assert_drivetrain(&config, TENON_ERR_STATE, TENON_CAUSE_ALREADY_ADDED, "pitch");
    config = differential(state);
    config.motors = same_motors;
    assert_drivetrain(&config, TENON_ERR_STATE, TENON_CAUSE_ALREADY_ADDED, "wrist");
    config = differential(state);
    assert_int_equal(tenon_sched_add_drivetrain(&rig.sched, &rig.drivetrain, "wrist", &config),
                     TENON_OK);
    assert_refused(tenon_sched_add_drivetrain(&rig.sched, &rig.drivetrain, "wrist", &config),
                   TENON_ERR_STATE, TENON_CAUSE_ALREADY_ADDED, "wrist");
    config = differential(state);
    assert_int_equal(tenon_sched_add_drivetrain(&rig.sched, &rig.drivetrain, "wrist", &config),
                     TENON_OK);
    assert_refused(tenon_joint_use_reducer(&rig.joints[0], &rig.reducer), TENON_ERR_STATE,
                   TENON_CAUSE_ALREADY_ADDED, "roll");
}

static void limits_of_each_joint_of_a_drivetrain_are_checked(void **state)
{
    const struct tenon_joint_limits limits[] = {{.velocity_rad_s = 1.0f},
                                                {.velocity_rad_s = -1.0f}};
    struct tenon_drivetrain_config config = differential(state);
    config.limits = limits;
    assert_drivetrain(&config, TENON_ERR_LIMIT, TENON_CAUSE_LIMIT_MISSING, "pitch");
}

/* --- groups and readers --- */

static void group_is_refused_without_its_parts(void **state)
{
    struct tenon_joint *const list[] = {&rig.joints[0], &rig.joints[1]};
    struct tenon_joint *const gap[] = {&rig.joints[0], NULL};
    struct tenon_joint *const twice[] = {&rig.joints[0], &rig.joints[0]};
    struct tenon_sched *const s = &rig.sched;
    const struct {
        struct tenon_group *group;
        const char *name;
        struct tenon_joint *const *joints;
        uint16_t count;
        int code;
        enum tenon_cause cause;
    } cases[] = {{NULL, "arm", list, 1, TENON_ERR_ARG, TENON_CAUSE_NULL},
                 {&rig.group, NULL, list, 1, TENON_ERR_ARG, TENON_CAUSE_NULL},
                 {&rig.group, "arm", NULL, 1, TENON_ERR_ARG, TENON_CAUSE_NULL},
                 {&rig.group, "arm", list, 0, TENON_ERR_ARG, TENON_CAUSE_NULL},
                 {&rig.group, "arm", gap, 2, TENON_ERR_STATE, TENON_CAUSE_NOT_ADDED},
                 {&rig.group, "arm", list, 2, TENON_ERR_STATE, TENON_CAUSE_NOT_ADDED},
                 {&rig.group, "arm", twice, 2, TENON_ERR_STATE, TENON_CAUSE_ALREADY_ADDED}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        (void)setup(state);
        assert_int_equal(add_joint(0), TENON_OK);
        assert_refused(tenon_sched_add_group(s, cases[i].group, cases[i].name, cases[i].joints,
                                             cases[i].count),
                       cases[i].code, cases[i].cause, cases[i].name);
    }
}

static void group_is_taken_once(void **state)
{
    (void)state;
    struct tenon_joint *const list[] = {&rig.joints[0]};
    assert_int_equal(add_joint(0), TENON_OK);
    assert_int_equal(tenon_sched_add_group(&rig.sched, &rig.group, "arm", list, 1), TENON_OK);
    assert_refused(tenon_sched_add_group(&rig.sched, &rig.group, "arm", list, 1), TENON_ERR_STATE,
                   TENON_CAUSE_ALREADY_ADDED, "arm");
}

static void reader_is_taken_once_and_not_without_storage(void **state)
{
    assert_refused(tenon_sched_add_reader(&rig.sched, NULL), TENON_ERR_ARG, TENON_CAUSE_NULL,
                   "reader");
    (void)setup(state);
    assert_int_equal(tenon_sched_add_reader(&rig.sched, &rig.reader), TENON_OK);
    assert_refused(tenon_sched_add_reader(&rig.sched, &rig.reader), TENON_ERR_STATE,
                   TENON_CAUSE_ALREADY_ADDED, "reader");
}

/* --- start --- */

static void start_tells_the_first_refusal_not_the_last(void **state)
{
    (void)state;
    rig.joints[0].zero_rad = (double)INFINITY;
    assert_true(add_joint(0) < 0);
    assert_int_equal(add_joint(1), TENON_OK);
    assert_true(tenon_sched_add_group(&rig.sched, &rig.group, "arm", NULL, 0) < 0);
    assert_refused(tenon_sched_start(&rig.sched), TENON_ERR_ARG, TENON_CAUSE_NOT_FINITE, "elbow");
}

static void nothing_is_added_once_started(void **state)
{
    (void)state;
    const struct tenon_drivetrain_config config = {.motors = two_motors};
    struct tenon_joint *const list[] = {&rig.joints[0]};
    struct tenon_sched *const s = &rig.sched;
    assert_int_equal(add_joint(0), TENON_OK);
    assert_int_equal(tenon_sched_start(s), TENON_OK);
    assert_diag(add_wire(), TENON_ERR_STATE, TENON_CAUSE_STARTED, "bus");
    assert_diag(add_joint(1), TENON_ERR_STATE, TENON_CAUSE_STARTED, "elbow");
    assert_diag(tenon_sched_add_drivetrain(s, &rig.drivetrain, "wrist", &config), TENON_ERR_STATE,
                TENON_CAUSE_STARTED, "wrist");
    assert_diag(tenon_sched_add_group(s, &rig.group, "arm", list, 1), TENON_ERR_STATE,
                TENON_CAUSE_STARTED, "arm");
    assert_diag(tenon_sched_add_reader(s, &rig.reader), TENON_ERR_STATE, TENON_CAUSE_STARTED,
                "reader");
    assert_diag(tenon_joint_use_reducer(&rig.joints[0], &rig.reducer), TENON_ERR_STATE,
                TENON_CAUSE_STARTED, "elbow");
    assert_diag(tenon_joint_use_controller(&rig.joints[0], &rig.controller), TENON_ERR_STATE,
                TENON_CAUSE_STARTED, "elbow");
    assert_diag(tenon_sched_start(s), TENON_ERR_STATE, TENON_CAUSE_STARTED, "scheduler");
    assert_true(s->is_started);
}

static bool are_harmonic(const uint8_t *divisors, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        for (unsigned k = 0; k < count; k++) {
            if (divisors[i] % divisors[k] != 0 && divisors[k] % divisors[i] != 0) {
                return false;
            }
        }
    }
    return true;
}

static void rates_that_are_not_harmonic_are_refused(void **state)
{
    const uint8_t some[] = {1, 2, 3, 4, 6, 8, 255};
    for (unsigned i = 0; i < 7 * 7 * 7; i++) {
        const uint8_t divisors[] = {some[i % 7], some[i / 7 % 7], some[i / 49]};
        (void)setup(state);
        for (unsigned k = 0; k < 3; k++) {
            rig.joints[k].divisor = divisors[k];
            assert_int_equal(add_joint(k), TENON_OK);
        }
        if (are_harmonic(divisors, 3)) {
            assert_int_equal(tenon_sched_start(&rig.sched), TENON_OK);
        } else {
            assert_diag(tenon_sched_start(&rig.sched), TENON_ERR_ARG, TENON_CAUSE_RATE, "elbow");
        }
    }
}

static void longest_chain_of_rates_is_taken(void **state)
{
    (void)state;
    static struct tenon_joint joints[300];
    static struct tenon_motor motors[300];
    static uint64_t memory[16384];
    memset(joints, 0, sizeof joints);
    memset(motors, 0, sizeof motors);
    assert_int_equal(tenon_sched_init(&rig.sched, &rig.port, 1, memory, sizeof memory), TENON_OK);
    for (unsigned i = 0; i < 300; i++) { /* every phase of 128 among them */
        joints[i].divisor = (uint8_t)(1u << (i < 150 ? i % 8u : 7u));
        joints[i].phase = (uint8_t)(i % joints[i].divisor);
        motors[i].module.driver = &rig.drivers[TENON_ROLE_MOTOR];
        assert_int_equal(tenon_sched_add_joint(&rig.sched, &joints[i], "joint", &motors[i], NULL),
                         TENON_OK);
    }
    assert_int_equal(tenon_sched_start(&rig.sched), TENON_OK);
    assert_int_equal(rig.sched.plans[0].lead_count, 300);
    uint32_t sum = 0;
    for (uint32_t r = 0; r < rig.sched.plans[0].rate_count; r++) {
        const struct tenon__rate *const rate = &rig.sched.plans[0].rates[r];
        const uint32_t first = sum;
        sum += rate->count;
        for (uint32_t i = first; i < sum; i++) {
            assert_int_equal(rig.sched.plans[0].leads[i]->divisor, rate->divisor);
            assert_int_equal(rig.sched.plans[0].leads[i]->phase, rate->phase);
        }
    }
    assert_int_equal(sum, 300);
}

static int start_with_bytes(void **state, size_t bytes)
{
    (void)setup(state);
    rig.sched.memory_size = bytes;
    for (unsigned i = 0; i < JOINTS; i++) {
        (void)add_joint(i);
    }
    (void)tenon_sched_add_reader(&rig.sched, &rig.reader);
    memset(rig.memory, 0xA5, sizeof rig.memory);
    return tenon_sched_start(&rig.sched);
}

static void memory_that_is_too_small_is_answered_by_the_bytes_needed(void **state)
{
    assert_diag(start_with_bytes(state, 0), TENON_ERR_FULL, TENON_CAUSE_BUFFER_TOO_SMALL,
                "scheduler");
    const size_t needed = (size_t)lroundf(tenon_sched_diag(&rig.sched)->bound);
    assert_true(needed > 0 && needed < sizeof rig.memory);
    for (size_t bytes = 0; bytes < needed; bytes++) {
        assert_diag(start_with_bytes(state, bytes), TENON_ERR_FULL, TENON_CAUSE_BUFFER_TOO_SMALL,
                    "scheduler");
        assert_numbers((double)bytes, (double)needed);
        assert_int_equal(((uint8_t *)rig.memory)[bytes], 0xA5);
        assert_false(rig.sched.is_started);
    }
    assert_int_equal(start_with_bytes(state, needed), TENON_OK);
    for (size_t i = needed; i < sizeof rig.memory; i++) {
        assert_int_equal(((uint8_t *)rig.memory)[i], 0xA5);
    }
    const uint8_t *const end = (uint8_t *)rig.memory + needed;
    const size_t snapshots = (size_t)rig.sched.snapshot_count * JOINTS;
    assert_true((uint8_t *)(rig.sched.snapshots + snapshots) <= end);
    assert_true((uint8_t *)(rig.sched.plans[0].leads + JOINTS) <=
                (uint8_t *)rig.sched.plans[0].rates);
    assert_int_equal(rig.sched.snapshot_count, 2);
}

/* Wherever a buffer of bytes happens to lie. */
static void bytes_needed_count_those_lost_to_alignment(void **state)
{
    for (unsigned skew = 0; skew < sizeof(uint64_t); skew++) {
        size_t size = 0;
        for (unsigned k = 0; k < 3; k++) { /* none, as many as were asked for, one less */
            (void)setup(state);
            (void)tenon_sched_init(&rig.sched, &rig.port, 1, (uint8_t *)rig.memory + skew, size);
            for (unsigned i = 0; i < JOINTS; i++) {
                (void)add_joint(i);
            }
            assert_int_equal(tenon_sched_start(&rig.sched), k == 1 ? TENON_OK : TENON_ERR_FULL);
            size = k == 0 ? (size_t)lroundf(tenon_sched_diag(&rig.sched)->bound) : size - 1u;
        }
    }
}

static void scheduler_without_anything_starts(void **state)
{
    (void)state;
    assert_int_equal(tenon_sched_start(&rig.sched), TENON_OK);
    assert_true(tenon_sched_step(&rig.sched, 5) == 5 + TENON_MS(1));
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

static void the_memory_macro_is_enough_for_every_size(void **state)
{
    static uint64_t memory[8192];
    static struct tenon_reader readers[3];
    static struct tenon_joint joints[64];
    (void)state;
    for (unsigned count = 1; count <= 64; count += 9) {
        for (unsigned r = 0; r <= 3; r++) {
            struct tenon_sched *const s = &rig.sched;
            const size_t size = TENON_SCHED_MEMORY(count, r);
            static struct tenon_motor motors[64];
            memset(motors, 0, sizeof motors);
            memset(joints, 0, sizeof joints);
            memset(readers, 0, sizeof readers);
            assert_true(size <= sizeof memory);
            assert_int_equal(tenon_sched_init(s, &rig.port, TENON_MS(1), memory, size), TENON_OK);
            for (unsigned i = 0; i < count; i++) {
                motors[i].module.driver = &rig.drivers[TENON_ROLE_MOTOR];
                assert_int_equal(tenon_sched_add_joint(s, &joints[i], "j", &motors[i], NULL),
                                 TENON_OK);
            }
            for (unsigned i = 0; i < r; i++) {
                assert_int_equal(tenon_sched_add_reader(s, &readers[i]), TENON_OK);
            }
            assert_int_equal(tenon_sched_start(s), TENON_OK);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(init_refuses_what_is_missing),
        TEST(init_refuses_a_period_that_is_not_positive),
        TEST(init_refuses_another_abi),
        TEST(init_makes_an_old_scheduler_new),
        TEST(calls_without_a_scheduler_are_refused),
        TEST(good_driver_of_every_role_is_seated),
        TEST(every_head_of_another_abi_is_refused),
        TEST(instance_smaller_than_its_role_is_refused),
        TEST(driver_without_tables_is_refused),
        TEST(module_of_another_role_is_refused),
        TEST(every_required_method_is_demanded_by_name),
        TEST(refusal_of_attach_is_passed_on),
        TEST(wire_is_refused_without_its_parts),
        TEST(a_line_of_another_medium_than_the_bus_needs_is_refused),
        TEST(wire_and_its_parts_are_taken_once),
        TEST(wires_are_listed_in_order),
        TEST(joint_is_refused_without_its_parts),
        TEST(settings_of_a_joint_that_cannot_be_are_refused),
        TEST(limits_that_contradict_each_other_are_refused),
        TEST(joint_and_motor_are_taken_once),
        TEST(motors_device_learns_its_rate),
        TEST(reducer_and_controller_need_a_joint_that_was_added),
        TEST(reducer_of_another_shape_is_refused),
        TEST(seats_are_taken_once),
        TEST(drivetrain_that_is_whole_is_taken),
        TEST(drivetrain_is_refused_without_its_parts),
        TEST(drivetrain_of_a_wrong_shape_is_refused),
        TEST(joints_of_a_drivetrain_must_have_one_rate),
        TEST(drivetrain_takes_each_part_once),
        TEST(limits_of_each_joint_of_a_drivetrain_are_checked),
        TEST(group_is_refused_without_its_parts),
        TEST(group_is_taken_once),
        TEST(reader_is_taken_once_and_not_without_storage),
        TEST(start_tells_the_first_refusal_not_the_last),
        TEST(nothing_is_added_once_started),
        TEST(rates_that_are_not_harmonic_are_refused),
        TEST(longest_chain_of_rates_is_taken),
        TEST(memory_that_is_too_small_is_answered_by_the_bytes_needed),
        TEST(bytes_needed_count_those_lost_to_alignment),
        TEST(scheduler_without_anything_starts),
        TEST(the_memory_macro_is_enough_for_every_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
