/* A servo that answers and does not do as it is told: which register, and what number it gave. */
#include "../tenon_test.h"

#include "../fakes/fake_dxl2.h"
#include "tenon/drivers/dxl2_motor.h"

#include <string.h>

#define ID       7
#define TORQUE   64
#define GOAL     116
#define PATIENCE 3000 /* polls of 1 ms */

struct rig {
    struct fake_wire wire;
    struct fake_dxl2 servo;
    struct fake_node_rules rules; /* the servo's, but one register forgets */
    const struct fake_node_rules *own_rules;
    uint32_t forgets;
    struct tenon_dxl2_motor motor;
    tenon_ns_t now;
};

static struct rig rig;

static void forget(struct fake_node *node, uint32_t address, uint8_t width)
{
    if (rig.own_rules->written != NULL) {
        rig.own_rules->written(node, address, width);
    }
    if (address == rig.forgets) {
        memset(&node->table[address], 0, width);
    }
}

static void set_up(uint32_t forgets)
{
    memset(&rig, 0, sizeof rig);
    fake_wire_init(&rig.wire);
    fake_dxl2_init(&rig.servo, &rig.wire.bus, ID, 1020);
    rig.forgets = forgets;
    rig.own_rules = rig.servo.node->rules;
    rig.rules = *rig.own_rules;
    rig.rules.written = forget;
    rig.servo.node->rules = &rig.rules;
    assert_non_null(tenon_dxl2_motor_init(&rig.motor, &rig.wire.wire, ID, TENON_MODE_POSITION));
    struct tenon_module *const module = &rig.motor.base.module;
    assert_int_equal(module->driver->lifecycle->attach(module), TENON_OK);
    module->state = TENON_MODULE_PROBING;
}

static int run(int (*step)(struct tenon_module *self, tenon_ns_t now))
{
    struct tenon_bus *const bus = &rig.wire.bus.base;
    rig.motor.base.module.progress = 0;
    for (unsigned i = 0; i < PATIENCE; i++) {
        tenon_ns_t deadline = TENON_NEVER;
        const int rc = step(&rig.motor.base.module, rig.now);
        if (rc != TENON_ERR_AGAIN) {
            return rc;
        }
        rig.now += TENON_MS(1);
        (void)tenon_bus_get_api(bus)->poll(bus, &rig.wire.line, rig.now, &deadline);
    }
    return TENON_ERR_AGAIN;
}

static int bring_active(void)
{
    struct tenon_module *const module = &rig.motor.base.module;
    const struct tenon_lifecycle_api *const life = module->driver->lifecycle;
    int rc = run(life->probe);
    rc = rc < 0 ? rc : run(life->configure);
    if (rc == TENON_OK) {
        module->state = TENON_MODULE_READY;
        rc = run(life->activate);
    }
    return rc;
}

static void torque_that_does_not_come_on_is_told(void **state)
{
    (void)state;
    set_up(TORQUE);
    assert_int_equal(bring_active(), TENON_ERR_DEVICE);
    assert_int_equal(rig.motor.base.module.diag.cause, TENON_CAUSE_READBACK);
    assert_int_equal((int)rig.motor.base.module.diag.value, TORQUE);
}

static void a_goal_that_does_not_read_back_keeps_torque_off(void **state)
{
    (void)state;
    set_up(GOAL);
    assert_int_equal(bring_active(), TENON_ERR_DEVICE);
    assert_int_equal(rig.motor.base.module.diag.cause, TENON_CAUSE_READBACK);
    assert_int_equal((int)rig.motor.base.module.diag.value, GOAL);
    assert_int_equal(rig.servo.torque_on_count, 0);
    assert_int_equal(fake_node_get(rig.servo.node, TORQUE, 1), 0);
}

/* Whichever request it is; the number comes from the fake, the address from the request. */
static void a_request_that_is_refused_is_told_with_number_and_register(void **state)
{
    unsigned told = 0;
    (void)state;
    set_up(UINT32_MAX);
    assert_int_equal(bring_active(), TENON_OK);
    const uint32_t requests = rig.wire.bus.request_count;
    assert_true(requests > 5);
    for (uint32_t k = 1; k <= requests; k++) {
        set_up(UINT32_MAX);
        rig.wire.bus.fail_at = k;
        rig.wire.bus.failure = FAKE_FAIL_DEVICE;
        const int rc = bring_active();
        const struct tenon_diag *const diag = &rig.motor.base.module.diag;
        if (rc == TENON_OK) {
            continue; /* it could do without */
        }
        assert_int_equal(rc, TENON_ERR_DEVICE);
        if (diag->cause == TENON_CAUSE_DEVICE_REFUSED) {
            assert_int_equal((int)diag->value, 1);
            assert_true(diag->bound >= 0.0f && diag->bound < FAKE_NODE_TABLE);
            told++;
        }
    }
    assert_true(told > 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(torque_that_does_not_come_on_is_told),
        cmocka_unit_test(a_goal_that_does_not_read_back_keeps_torque_off),
        cmocka_unit_test(a_request_that_is_refused_is_told_with_number_and_register),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
