/* The life of a module in its seat, seen from outside. */
#include "rig.h"

#include "tenon_test.h"

#include <string.h>

static struct rig rig;
static struct rig_motor *const motor = &rig.motors[0];
static struct tenon_joint *const joint = &rig.joints[0];

static uint8_t state_of(void)
{
    return motor->base.module.state;
}

static bool reach(enum tenon_module_state wanted, unsigned steps)
{
    for (unsigned i = 0; i < steps && state_of() != wanted; i++) {
        rig_step(&rig);
    }
    return state_of() == wanted;
}

static void use_policy(const struct tenon_restart_policy *policy)
{
    rig_make(&rig, 1);
    joint->motor.restart = policy;
}

/* 20 ms doubled to 100 ms, 4 restarts in 10 s, steps of 50 ms */
static const struct tenon_restart_policy quick = {4, TENON_S(10), TENON_MS(20), TENON_MS(100),
                                                  TENON_MS(50)};

static void a_module_is_probed_then_configured_then_ready(void **state)
{
    (void)state;
    rig_make(&rig, 1);
    rig_add(&rig);
    assert_int_equal(state_of(), TENON_MODULE_IDLE);
    assert_int_equal(tenon_sched_start(&rig.sched), TENON_OK);
    assert_int_equal(state_of(), TENON_MODULE_PROBING);
    assert_true(reach(TENON_MODULE_READY, 5));
    assert_int_equal(motor->calls[RIG_PROBE], 1);
    assert_int_equal(motor->calls[RIG_CONFIGURE], 1);
    assert_int_equal(motor->calls[RIG_ACTIVATE], 0);
    assert_int_equal(motor->calls[RIG_MAKE_SAFE], 0);
    assert_false(motor->torque_is_on);
}

static void steps_that_answer_again_are_called_until_done(void **state)
{
    (void)state;
    rig_make(&rig, 1);
    for (unsigned m = RIG_PROBE; m <= RIG_MAKE_SAFE; m++) {
        motor->again[m] = 7;
    }
    rig_start(&rig);
    assert_true(reach(TENON_MODULE_READY, 30));
    rig_steps(&rig, 2);
    assert_int_equal(motor->calls[RIG_PROBE], 8);
    assert_int_equal(motor->calls[RIG_CONFIGURE], 8);
    rig_enable(&rig);
    assert_int_equal(motor->calls[RIG_ACTIVATE], 8);
    assert_int_equal(tenon_joint_disable(joint), TENON_OK);
    assert_true(reach(TENON_MODULE_READY, 30));
    assert_int_equal(motor->calls[RIG_MAKE_SAFE], 8);
    assert_false(motor->torque_is_on);
    assert_int_equal(motor->base.module.fault_count, 0);
}

static void times_without_end_are_long_and_nothing_worse(void **state)
{
    static const struct tenon_restart_policy endless = {1, TENON_NEVER, TENON_NEVER, TENON_NEVER,
                                                        TENON_NEVER};
    (void)state;
    use_policy(&endless);
    motor->again[RIG_PROBE] = 60000;
    rig_start(&rig);
    rig_steps(&rig, 5000);
    assert_int_equal(state_of(), TENON_MODULE_PROBING);
    motor->again[RIG_PROBE] = 0;
    motor->fail_at[RIG_CONFIGURE] = 1;
    assert_true(reach(TENON_MODULE_FAULT, 5));
    rig_steps(&rig, 5000); /* it waits for its restart */
    assert_int_equal(state_of(), TENON_MODULE_FAULT);
}

static void a_step_that_never_ends_is_failed_after_its_time(void **state)
{
    (void)state;
    for (unsigned m = RIG_PROBE; m <= RIG_CONFIGURE; m++) {
        use_policy(&quick);
        motor->again[m] = 60000;
        rig_start(&rig);
        const tenon_ns_t begin = rig.now;
        assert_true(reach(TENON_MODULE_FAULT, 100));
        assert_in_range(rig.now - begin, TENON_MS(50), TENON_MS(54));
        assert_int_equal(motor->base.module.diag.code, TENON_ERR_TIMEOUT);
        assert_int_equal(motor->base.module.diag.cause, TENON_CAUSE_STEP_TIMEOUT);
        assert_string_equal(motor->base.module.diag.subject, "hip");
    }
}

static void an_activation_that_never_ends_takes_the_joint_to_its_fault(void **state)
{
    (void)state;
    use_policy(&quick);
    rig_start(&rig);
    assert_true(reach(TENON_MODULE_READY, 5));
    rig_steps(&rig, 2);
    motor->again[RIG_ACTIVATE] = 60000;
    assert_int_equal(tenon_joint_enable(joint), TENON_OK);
    assert_true(rig_reach(&rig, 0, TENON_JOINT_FAULT, 60));
    assert_int_equal(joint->diag.cause, TENON_CAUSE_STEP_TIMEOUT);
    rig_steps(&rig, 5);
    assert_true(motor->calls[RIG_MAKE_SAFE] > 0); /* it may have come half way */
    assert_true(tenon_sched_is_safe(&rig.sched));
}

static void errors_that_may_heal_are_tried_again(void **state)
{
    static const int codes[] = {TENON_ERR_TIMEOUT, TENON_ERR_IO, TENON_ERR_PROTO, TENON_ERR_DEVICE,
                                TENON_ERR_STATE};
    (void)state;
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        for (unsigned m = RIG_PROBE; m <= RIG_CONFIGURE; m++) {
            for (int quiet = 0; quiet < 2; quiet++) {
                use_policy(&quick);
                motor->fail_code = codes[i];
                motor->keeps_quiet = quiet != 0;
                motor->fail_at[m] = 1;
                rig_start(&rig);
                assert_true(reach(TENON_MODULE_FAULT, 5));
                assert_int_equal(motor->base.module.diag.code, codes[i]);
                assert_string_equal(motor->base.module.diag.subject, "hip");
                assert_int_equal(motor->calls[RIG_RELEASE], 1);
                assert_true(reach(TENON_MODULE_READY, 30));
                assert_int_equal(motor->base.module.fault_count, 1);
                assert_int_equal(motor->base.module.restart_count, 1);
                assert_int_equal(motor->base.module.diag.code, TENON_OK);
            }
        }
    }
}

static void errors_that_do_not_heal_fail_at_once(void **state)
{
    static const int codes[] = {TENON_ERR_ARG, TENON_ERR_UNSUPPORTED, TENON_ERR_LIMIT,
                                TENON_ERR_FULL, TENON_ERR_ABI};
    (void)state;
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        for (int quiet = 0; quiet < 2; quiet++) {
            use_policy(&quick);
            motor->fail_code = codes[i];
            motor->keeps_quiet = quiet != 0;
            motor->fail_at[RIG_CONFIGURE] = 1;
            rig_start(&rig);
            assert_true(reach(TENON_MODULE_FAILED, 5));
            assert_int_equal(motor->base.module.diag.code, codes[i]);
            rig_steps(&rig, 500);
            assert_int_equal(state_of(), TENON_MODULE_FAILED);
            assert_int_equal(motor->calls[RIG_PROBE], 1);
            assert_int_equal(tenon_sched_explain(&rig.sched), codes[i]);
            assert_string_equal(tenon_sched_diag(&rig.sched)->subject, "hip");
        }
    }
}

/* Times of the probes that failed. */
static unsigned collect_failures(tenon_ns_t *out_ns, unsigned capacity, unsigned steps)
{
    unsigned count = 0;
    for (unsigned i = 0; i < steps; i++) {
        const tenon_ns_t at = rig.now;
        const unsigned before = motor->base.module.fault_count;
        rig_step(&rig);
        if (motor->base.module.fault_count != before && count < capacity) {
            out_ns[count++] = at;
        }
    }
    return count;
}

static void the_wait_doubles_and_the_budget_ends_in_failed(void **state)
{
    static const int64_t waits_ms[] = {20, 40, 80, 100};
    tenon_ns_t at[8];
    (void)state;
    use_policy(&quick);
    motor->fail_at[RIG_PROBE] = 1;
    motor->fails_on[RIG_PROBE] = true;
    rig_start(&rig);
    assert_int_equal(collect_failures(at, 8, 1000), 5); /* once, and four restarts */
    for (unsigned i = 0; i < 4; i++) {
        assert_in_range(at[i + 1] - at[i], TENON_MS(waits_ms[i]), TENON_MS(waits_ms[i] + 2));
    }
    assert_int_equal(state_of(), TENON_MODULE_FAILED);
}

static void the_budget_is_new_in_each_window(void **state)
{
    static const struct tenon_restart_policy policy = {3, TENON_MS(300), TENON_MS(10), TENON_MS(10),
                                                       TENON_MS(50)};
    (void)state;
    use_policy(&policy);
    rig_start(&rig);
    assert_true(reach(TENON_MODULE_READY, 5));
    for (unsigned i = 0; i < 12; i++) { /* one fault in 150 ms is within three in 300 */
        rig_steps(&rig, 150);
        motor->fail_at[RIG_READ] = motor->calls[RIG_READ] + 1;
        assert_true(reach(TENON_MODULE_FAULT, 5));
        assert_true(reach(TENON_MODULE_READY, 50));
    }
    assert_int_equal(motor->base.module.restart_count, 12);
}

static void reset_takes_a_failed_module_up_again_with_a_new_budget(void **state)
{
    (void)state;
    use_policy(&quick);
    motor->fail_at[RIG_PROBE] = 1;
    motor->fails_on[RIG_PROBE] = true;
    rig_start(&rig);
    assert_true(reach(TENON_MODULE_FAILED, 1000));
    assert_int_equal(tenon_joint_reset(joint), TENON_OK);
    rig_step(&rig);
    assert_true(reach(TENON_MODULE_FAILED, 1000));
    assert_int_equal(motor->calls[RIG_PROBE], 10);
    motor->fails_on[RIG_PROBE] = false;
    assert_int_equal(tenon_joint_reset(joint), TENON_OK);
    rig_step(&rig);
    assert_true(reach(TENON_MODULE_READY, 100));
    rig_steps(&rig, 3);
    assert_int_equal(joint->status, TENON_JOINT_DISABLED);
    rig_enable(&rig);
}

static void why_it_failed_can_be_read_while_it_is_tried_again(void **state)
{
    (void)state;
    use_policy(&quick);
    motor->fail_at[RIG_PROBE] = 1;
    motor->fails_on[RIG_PROBE] = true;
    rig_start(&rig);
    assert_true(reach(TENON_MODULE_FAULT, 10));
    motor->again[RIG_PROBE] = 30; /* now it takes long */
    motor->fail_at[RIG_PROBE] = 0;
    assert_true(reach(TENON_MODULE_RECOVERING, 40));
    rig_steps(&rig, 5);
    assert_int_equal(state_of(), TENON_MODULE_RECOVERING);
    assert_int_equal(tenon_sched_explain(&rig.sched), TENON_ERR_DEVICE);
    assert_int_equal(tenon_sched_diag(&rig.sched)->cause, TENON_CAUSE_DEVICE_FAULT);
}

/* Every method, at every one of its first calls after torque is on. */
static void torque_never_comes_back_by_itself_after_a_fault(void **state)
{
    (void)state;
    for (unsigned m = RIG_READ; m <= RIG_COMMAND; m++) {
        for (unsigned k = 1; k <= 20; k++) {
            use_policy(&quick);
            rig_start_enabled(&rig);
            motor->fail_at[m] = motor->calls[m] + k;
            assert_true(rig_reach(&rig, 0, TENON_JOINT_FAULT, k + 5));
            rig_steps(&rig, 400);
            assert_int_equal(state_of(), TENON_MODULE_READY); /* the module is back */
            assert_int_equal(joint->status, TENON_JOINT_FAULT);
            assert_false(motor->torque_is_on);
            assert_int_equal(motor->on_count, 1);
            assert_int_equal(tenon_joint_reset(joint), TENON_OK);
            rig_steps(&rig, 100);
            assert_int_equal(joint->status, TENON_JOINT_DISABLED);
            assert_int_equal(motor->on_count, 1);
            rig_enable(&rig);
            assert_int_equal(motor->on_count, 2);
        }
    }
}

static void make_safe_is_repeated_until_it_is_done(void **state)
{
    (void)state;
    for (unsigned failures = 1; failures <= 5; failures++) {
        rig_make(&rig, 1);
        rig_start_enabled(&rig);
        motor->fail_at[RIG_MAKE_SAFE] = 1;
        motor->fails_on[RIG_MAKE_SAFE] = true;
        assert_int_equal(tenon_joint_disable(joint), TENON_OK);
        while (motor->calls[RIG_MAKE_SAFE] < failures) {
            rig_step(&rig);
            assert_true(rig.now < TENON_S(3));
        }
        assert_true(motor->torque_is_on);
        assert_false(tenon_sched_is_safe(&rig.sched));
        motor->fails_on[RIG_MAKE_SAFE] = false;
        rig_steps(&rig, 60);
        assert_false(motor->torque_is_on);
        assert_true(tenon_sched_is_safe(&rig.sched));
        assert_int_equal(motor->calls[RIG_MAKE_SAFE], failures + 1);
    }
}

static void make_safe_is_repeated_in_a_module_that_has_failed(void **state)
{
    (void)state;
    rig_make(&rig, 1);
    rig_start_enabled(&rig);
    motor->fail_code = TENON_ERR_ARG; /* does not heal */
    motor->fail_at[RIG_MAKE_SAFE] = 1;
    motor->fails_on[RIG_MAKE_SAFE] = true;
    motor->fail_at[RIG_READ] = motor->calls[RIG_READ] + 1;
    assert_true(reach(TENON_MODULE_FAILED, 5));
    rig_steps(&rig, 200);
    assert_true(motor->torque_is_on);
    assert_false(tenon_sched_is_safe(&rig.sched));
    motor->fails_on[RIG_MAKE_SAFE] = false;
    rig_steps(&rig, 60);
    assert_false(motor->torque_is_on);
    assert_true(tenon_sched_is_safe(&rig.sched));
}

static void make_safe_begins_at_its_first_sub_step(void **state)
{
    (void)state;
    for (unsigned k = 1; k <= 6; k++) { /* whatever sub-step of activate is broken off */
        rig_make(&rig, 1);
        rig_start(&rig);
        rig_steps(&rig, 10);
        motor->again[RIG_ACTIVATE] = 12;
        motor->again[RIG_MAKE_SAFE] = 4;
        assert_int_equal(tenon_joint_enable(joint), TENON_OK);
        rig_steps(&rig, k);
        assert_int_equal(tenon_joint_disable(joint), TENON_OK);
        rig_steps(&rig, 20);
        assert_int_equal(motor->calls[RIG_MAKE_SAFE], 5);
        assert_int_equal(joint->status, TENON_JOINT_DISABLED);
    }
}

static void enabling_waits_for_torque_that_is_still_going_off(void **state)
{
    (void)state;
    for (unsigned k = 0; k <= 12; k++) {
        rig_make(&rig, 1);
        rig_start_enabled(&rig);
        motor->again[RIG_MAKE_SAFE] = 8;
        assert_int_equal(tenon_joint_disable(joint), TENON_OK);
        rig_steps(&rig, 1 + k);
        assert_int_equal(tenon_joint_enable(joint), TENON_OK);
        assert_true(rig_reach(&rig, 0, TENON_JOINT_ENABLED, 50));
        rig_steps(&rig, 20);
        assert_true(motor->torque_is_on); /* enabled means torque, at any k */
        assert_int_equal(state_of(), TENON_MODULE_ACTIVE);
        assert_int_equal(joint->status, TENON_JOINT_ENABLED);
        assert_int_equal(motor->on_count, motor->off_count + 1);
    }
}

static void a_restart_waits_for_torque_off_under_way(void **state)
{
    (void)state;
    use_policy(&quick);
    rig_start_enabled(&rig);
    motor->again[RIG_MAKE_SAFE] = 90; /* 45 ms, the restart is due after 20 */
    motor->fail_at[RIG_READ] = motor->calls[RIG_READ] + 1;
    assert_true(reach(TENON_MODULE_FAULT, 5));
    while (motor->calls[RIG_MAKE_SAFE] < 91) {
        assert_int_equal(state_of(), TENON_MODULE_FAULT);
        rig_step(&rig);
        assert_true(rig.now < TENON_S(2));
    }
    assert_int_equal(motor->calls[RIG_MAKE_SAFE], 91);
    assert_true(reach(TENON_MODULE_READY, 20));
}

/* --- a wire --- */

static struct tenon_line line;
static struct tenon_bus bus;
static struct tenon_wire wire;
static bool line_is_gone;
static int bus_result;

static int line_probe(struct tenon_module *self, tenon_ns_t now)
{
    (void)now;
    return line_is_gone
               ? tenon_module_refuse(self, TENON_ERR_IO, TENON_CAUSE_PORT_MISSING, 0.0f, 0.0f)
               : TENON_OK;
}

static int nothing(struct tenon_module *self, tenon_ns_t now)
{
    (void)self;
    (void)now;
    return TENON_OK;
}

static int line_read(struct tenon_line *self, uint8_t *out, size_t capacity, tenon_ns_t now)
{
    (void)self;
    (void)out;
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
    request->state = TENON_REQUEST_IDLE;
}

static void bus_stage(struct tenon_bus *self, uint32_t cycle, tenon_ns_t now)
{
    (void)cycle;
    (void)now;
    self->counters.cycle_count++;
}

static int
bus_poll(struct tenon_bus *self, struct tenon_line *at, tenon_ns_t now, tenon_ns_t *io_deadline)
{
    (void)self;
    (void)now;
    (void)io_deadline;
    return at != NULL ? bus_result : TENON_OK;
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

static const struct tenon_lifecycle_api line_life = {
    .head = TENON_API_HEAD(struct tenon_lifecycle_api), .probe = line_probe, .make_safe = nothing};
static const struct tenon_lifecycle_api bus_life = {
    .head = TENON_API_HEAD(struct tenon_lifecycle_api), .probe = nothing, .make_safe = nothing};
static const struct tenon_line_api line_api = {
    .head = TENON_API_HEAD(struct tenon_line_api), .read = line_read, .write = line_write};
static const struct tenon_bus_api bus_api = {.head = TENON_API_HEAD(struct tenon_bus_api),
                                             .attach = bus_attach,
                                             .detach = bus_detach,
                                             .submit = bus_submit,
                                             .cancel = bus_cancel,
                                             .stage = bus_stage,
                                             .poll = bus_poll,
                                             .safe_frame = bus_safe_frame};
static const struct tenon_driver line_driver = {.head = TENON_API_HEAD(struct tenon_driver),
                                                .name = "line",
                                                .role = TENON_ROLE_LINE,
                                                .instance_size = sizeof(struct tenon_line),
                                                .lifecycle = &line_life,
                                                .api = &line_api.head};
static const struct tenon_driver bus_driver = {.head = TENON_API_HEAD(struct tenon_driver),
                                               .name = "bus",
                                               .role = TENON_ROLE_BUS,
                                               .instance_size = sizeof(struct tenon_bus),
                                               .lifecycle = &bus_life,
                                               .api = &bus_api.head};

static void make_with_wire(void)
{
    memset(&line, 0, sizeof line);
    memset(&bus, 0, sizeof bus);
    memset(&wire, 0, sizeof wire);
    bus_result = TENON_OK;
    line.module.driver = &line_driver;
    bus.module.driver = &bus_driver;
    use_policy(&quick);
    assert_int_equal(tenon_sched_add_wire(&rig.sched, &wire, "bus", &line, &bus), TENON_OK);
    motor->base.wire = &wire;
}

static void a_motor_waits_for_its_wire_and_spends_no_restart(void **state)
{
    (void)state;
    line_is_gone = true;
    make_with_wire();
    rig_start(&rig);
    rig_steps(&rig, 3000);
    assert_int_equal(motor->calls[RIG_PROBE], 0);
    assert_int_equal(state_of(), TENON_MODULE_PROBING);
    assert_int_equal(tenon_sched_explain(&rig.sched), TENON_ERR_IO);
    assert_int_equal(tenon_sched_diag(&rig.sched)->cause, TENON_CAUSE_PORT_MISSING);
    assert_string_equal(tenon_sched_diag(&rig.sched)->subject, "bus");
    line_is_gone = false;
    rig_steps(&rig, 300);
    assert_true(tenon_sched_is_ready(&rig.sched));
    assert_int_equal(motor->base.module.restart_count, 0);
}

static void a_wire_that_comes_and_goes_costs_the_motor_no_restart(void **state)
{
    (void)state;
    line_is_gone = false;
    make_with_wire();
    rig_start(&rig);
    rig_steps(&rig, 10);
    for (unsigned i = 0; i < 20; i++) { /* five times the motor's budget */
        rig_enable(&rig);
        bus_result = TENON_ERR_IO;
        line_is_gone = true;
        rig_steps(&rig, 2);
        bus_result = TENON_OK;
        assert_int_equal(joint->status, TENON_JOINT_FAULT);
        assert_int_equal(joint->diag.cause, TENON_CAUSE_WIRE_DOWN);
        rig_steps(&rig, 60);
        assert_int_equal(state_of(), TENON_MODULE_FAULT);
        assert_true(motor->torque_is_on); /* nobody could tell it */
        assert_false(tenon_sched_is_safe(&rig.sched));
        line_is_gone = false;
        rig_steps(&rig, 300);
        assert_int_equal(state_of(), TENON_MODULE_READY);
        assert_false(motor->torque_is_on);
        assert_true(tenon_sched_is_safe(&rig.sched));
        assert_int_equal(tenon_joint_reset(joint), TENON_OK);
        rig_steps(&rig, 3);
        assert_int_equal(joint->status, TENON_JOINT_DISABLED);
    }
}

/* Over a weekend, say: longer than the words that times are kept in compare. */
static void a_motor_comes_back_however_long_its_wire_was_away(void **state)
{
    (void)state;
    for (unsigned days = 1; days < 8; days++) {
        line_is_gone = false;
        make_with_wire();
        rig_start(&rig);
        rig_steps(&rig, 10);
        bus_result = TENON_ERR_IO;
        line_is_gone = true;
        rig_steps(&rig, 2);
        bus_result = TENON_OK;
        for (unsigned hour = 0; hour < 24 * days; hour++) {
            rig.now += TENON_S(3600);
            rig_steps(&rig, 2);
        }
        line_is_gone = false;
        rig_steps(&rig, 300);
        assert_int_equal(state_of(), TENON_MODULE_READY);
    }
}

/* It is replugged after days, and torque that could not be taken then is taken now. */
static void torque_goes_off_however_long_the_wire_was_away(void **state)
{
    (void)state;
    for (unsigned days = 1; days < 8; days++) {
        for (unsigned k = 1; k < 4; k++) { /* the try that the wire goes after */
            line_is_gone = false;
            make_with_wire();
            rig_start(&rig);
            rig_steps(&rig, 10);
            rig_enable(&rig);
            motor->fail_at[RIG_MAKE_SAFE] = 1;
            motor->fails_on[RIG_MAKE_SAFE] = true;
            assert_int_equal(tenon_joint_disable(joint), TENON_OK);
            while (motor->calls[RIG_MAKE_SAFE] < k) {
                rig_step(&rig);
            }
            bus_result = TENON_ERR_IO;
            line_is_gone = true;
            rig_steps(&rig, 2);
            bus_result = TENON_OK;
            motor->fail_at[RIG_MAKE_SAFE] = 0;
            for (unsigned hour = 0; hour < 24 * days; hour++) {
                rig.now += TENON_S(3600);
                rig_steps(&rig, 2);
            }
            assert_true(motor->torque_is_on);
            line_is_gone = false;
            rig_steps(&rig, 300);
            assert_false(motor->torque_is_on);
            assert_true(tenon_sched_is_safe(&rig.sched));
        }
    }
}

static void the_fall_of_a_wire_is_told_by_its_line_alone(void **state)
{
    struct tenon_event event;
    (void)state;
    line_is_gone = false;
    make_with_wire();
    rig_start(&rig);
    rig_steps(&rig, 10);
    rig_enable(&rig);
    bus_result = TENON_ERR_IO;
    line_is_gone = true;
    rig_steps(&rig, 2);
    bus_result = TENON_OK;
    assert_int_equal(tenon_sched_take_event(&rig.sched, &event), TENON_OK);
    assert_int_equal(event.kind, TENON_EVENT_FAULT);
    assert_int_equal(event.role, TENON_ROLE_LINE);
    assert_int_equal(event.diag.cause, TENON_CAUSE_PORT_LOST);
    assert_string_equal(event.name, "bus");
    assert_int_equal(event.masked_count, 2); /* motor and joint */
    rig_steps(&rig, 1000);
    assert_int_equal(tenon_sched_take_event(&rig.sched, &event), TENON_OK);
    assert_int_equal(event.diag.cause, TENON_CAUSE_PORT_MISSING);
    assert_true(event.masked_count > 3); /* it is looked for again and again */
    line_is_gone = false;
    rig_steps(&rig, 300);
    assert_int_equal(tenon_sched_take_event(&rig.sched, &event), TENON_OK);
    assert_int_equal(event.kind, TENON_EVENT_RESTARTED);
    assert_int_equal(event.role, TENON_ROLE_LINE);
    assert_int_equal(tenon_sched_take_event(&rig.sched, &event), TENON_OK);
    assert_int_equal(event.kind, TENON_EVENT_RESTARTED);
    assert_int_equal(event.role, TENON_ROLE_MOTOR);
    assert_int_equal(tenon_sched_take_event(&rig.sched, &event), TENON_ERR_AGAIN);
}

static void a_slow_joint_notices_a_fault_that_heals_between_its_cycles(void **state)
{
    static const struct tenon_restart_policy hasty = {0, TENON_S(10), TENON_MS(1), TENON_MS(1),
                                                      TENON_MS(50)};
    (void)state;
    for (unsigned k = 0; k < 32; k++) {
        line_is_gone = false;
        make_with_wire();
        joint->divisor = 32;
        joint->motor.restart = &hasty;
        wire.line.restart = &hasty;
        rig_start(&rig);
        rig_steps(&rig, 100);
        rig_enable(&rig);
        rig_steps(&rig, k);
        bus_result = TENON_ERR_IO;
        (void)tenon_sched_poll(&rig.sched, rig.now);
        bus_result = TENON_OK;
        rig_steps(&rig, 70);
        assert_int_equal(state_of(), TENON_MODULE_READY);
        assert_int_equal(joint->status, TENON_JOINT_FAULT);
        assert_int_not_equal(joint->diag.code, TENON_OK);
        assert_string_equal(joint->diag.subject, "hip");
        assert_false(motor->torque_is_on);
    }
}

/* --- seating --- */

static void a_seat_refuses_what_does_not_fit_and_start_says_it_again(void **state)
{
    (void)state;
    rig_make(&rig, 1);
    assert_int_equal(tenon_sched_add_joint(&rig.sched, joint, "hip", NULL, NULL), TENON_ERR_ARG);
    assert_int_equal(tenon_sched_diag(&rig.sched)->cause, TENON_CAUSE_NULL);
    assert_int_equal(tenon_sched_start(&rig.sched), TENON_ERR_ARG);
    assert_string_equal(tenon_sched_diag(&rig.sched)->subject, "hip");

    rig_make(&rig, 2);
    assert_int_equal(tenon_sched_add_joint(&rig.sched, joint, "hip", &motor->base, NULL), TENON_OK);
    assert_int_equal(tenon_sched_add_joint(&rig.sched, &rig.joints[1], "knee", &motor->base, NULL),
                     TENON_ERR_STATE);
    assert_int_equal(tenon_sched_diag(&rig.sched)->cause, TENON_CAUSE_ALREADY_ADDED);
    assert_int_equal(tenon_sched_add_joint(&rig.sched, joint, "hip", &rig.motors[1].base, NULL),
                     TENON_ERR_STATE);
    assert_int_equal(tenon_sched_start(&rig.sched), TENON_ERR_STATE);
    assert_string_equal(tenon_sched_diag(&rig.sched)->subject, "knee");
}

static void a_driver_of_another_abi_or_role_is_refused(void **state)
{
    (void)state;
    struct tenon_driver driver;
    for (unsigned i = 0; i < 5; i++) {
        rig_make(&rig, 1);
        driver = *motor->base.module.driver;
        struct tenon_motor_api api = *tenon_motor_get_api(&motor->base);
        driver.api = &api.head;
        int expected = TENON_ERR_ABI;
        switch (i) {
        case 0:
            driver.head.abi = TENON_ABI_MAJOR + 1;
            break;
        case 1:
            driver.head.size--;
            break;
        case 2:
            api.head.size++;
            break;
        case 3:
            api.command = NULL;
            break;
        default:
            driver.role = TENON_ROLE_REDUCER;
            expected = TENON_ERR_ARG;
            break;
        }
        motor->base.module.driver = &driver;
        assert_int_equal(tenon_sched_add_joint(&rig.sched, joint, "hip", &motor->base, NULL),
                         expected);
        assert_string_equal(tenon_sched_diag(&rig.sched)->subject, "hip");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_module_is_probed_then_configured_then_ready),
        cmocka_unit_test(steps_that_answer_again_are_called_until_done),
        cmocka_unit_test(times_without_end_are_long_and_nothing_worse),
        cmocka_unit_test(a_step_that_never_ends_is_failed_after_its_time),
        cmocka_unit_test(an_activation_that_never_ends_takes_the_joint_to_its_fault),
        cmocka_unit_test(errors_that_may_heal_are_tried_again),
        cmocka_unit_test(errors_that_do_not_heal_fail_at_once),
        cmocka_unit_test(the_wait_doubles_and_the_budget_ends_in_failed),
        cmocka_unit_test(the_budget_is_new_in_each_window),
        cmocka_unit_test(reset_takes_a_failed_module_up_again_with_a_new_budget),
        cmocka_unit_test(why_it_failed_can_be_read_while_it_is_tried_again),
        cmocka_unit_test(torque_never_comes_back_by_itself_after_a_fault),
        cmocka_unit_test(make_safe_is_repeated_until_it_is_done),
        cmocka_unit_test(make_safe_is_repeated_in_a_module_that_has_failed),
        cmocka_unit_test(make_safe_begins_at_its_first_sub_step),
        cmocka_unit_test(enabling_waits_for_torque_that_is_still_going_off),
        cmocka_unit_test(a_restart_waits_for_torque_off_under_way),
        cmocka_unit_test(a_motor_waits_for_its_wire_and_spends_no_restart),
        cmocka_unit_test(a_wire_that_comes_and_goes_costs_the_motor_no_restart),
        cmocka_unit_test(a_motor_comes_back_however_long_its_wire_was_away),
        cmocka_unit_test(torque_goes_off_however_long_the_wire_was_away),
        cmocka_unit_test(the_fall_of_a_wire_is_told_by_its_line_alone),
        cmocka_unit_test(a_slow_joint_notices_a_fault_that_heals_between_its_cycles),
        cmocka_unit_test(a_seat_refuses_what_does_not_fit_and_start_says_it_again),
        cmocka_unit_test(a_driver_of_another_abi_or_role_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
