#include "motor_conformance.h"

#include "../fakes/fake_dxl2.h"
#include "../fakes/fake_motor.h"
#include "tenon/drivers/dxl2_motor.h"

#include <stdio.h>

static tenon_ns_t now;

/* The fake motor. */

static struct fake_motor fake;

static struct tenon_motor *fake_make(enum tenon_mode mode)
{
    now = 0;
    struct tenon_motor *motor = fake_motor_init(&fake, mode);
    fake.again_count = 3;
    return motor;
}

static tenon_ns_t fake_tick(void)
{
    now += TENON_MS(1);
    if (now % TENON_MS(4) == 0) {
        fake_motor_advance(&fake, now);
    }
    return now;
}

static bool fake_torque_is_on(void)
{
    return fake.torque_is_on;
}

static uint32_t fake_commands(void)
{
    return fake.command_count;
}

/* Dynamixel X on a fake bus. */

static struct fake_wire wire;
static struct fake_dxl2 servo;
static struct tenon_dxl2_motor dxl2;
static uint16_t dxl2_model;
static uint32_t cycle;

static struct tenon_motor *dxl2_make(enum tenon_mode mode)
{
    now = 0;
    fake_wire_init(&wire);
    wire.bus.polls_per_request = 2;
    fake_dxl2_init(&servo, &wire.bus, 1, dxl2_model);
    return tenon_dxl2_motor_init(&dxl2, &wire.wire, 1, (uint8_t)mode);
}

static tenon_ns_t dxl2_tick(void)
{
    struct tenon_bus *bus = &wire.bus.base;
    tenon_ns_t deadline = TENON_NEVER;
    now += TENON_MS(1);
    (void)tenon_bus_get_api(bus)->poll(bus, &wire.line, now, &deadline);
    if (now % TENON_MS(4) == 0) {
        tenon_bus_get_api(bus)->stage(bus, cycle++, now);
    }
    return now;
}

static bool dxl2_torque_is_on(void)
{
    return servo.node->table[64] != 0;
}

static uint32_t dxl2_commands(void)
{
    return servo.node->cyclic_write_count;
}

static void dxl2_set_silent(bool silent)
{
    servo.node->is_silent = silent;
}

static const char *const mode_names[] = {
    "none", "position", "extended position", "velocity", "effort", "effort position", "pwm",
};

static int run_all_modes(struct motor_subject *subject, const char *driver, unsigned leave_out)
{
    static char name[80];
    int failed = 0;
    for (unsigned mode = TENON_MODE_POSITION; mode <= TENON_MODE_PWM; mode++) {
        if ((leave_out >> mode & 1u) != 0) {
            continue;
        }
        (void)snprintf(name, sizeof name, "%s, %s", driver, mode_names[mode]);
        subject->name = name;
        subject->mode = (enum tenon_mode)mode;
        failed += motor_conformance_run(subject);
    }
    return failed;
}

int main(void)
{
    const unsigned no_current = 1u << TENON_MODE_EFFORT | 1u << TENON_MODE_EFFORT_POSITION;
    struct motor_subject fakes = {
        .make = fake_make,
        .tick = fake_tick,
        .torque_is_on = fake_torque_is_on,
        .commands_obeyed = fake_commands,
    };
    struct motor_subject servos = {
        .make = dxl2_make,
        .tick = dxl2_tick,
        .torque_is_on = dxl2_torque_is_on,
        .commands_obeyed = dxl2_commands,
        .set_silent = dxl2_set_silent,
    };
    int failed = run_all_modes(&fakes, "fake motor", 0);
    dxl2_model = 1020;
    failed += run_all_modes(&servos, "dxl2 xm430", 0);
    dxl2_model = 1060;
    failed += run_all_modes(&servos, "dxl2 xl430", no_current);
    dxl2_model = 1200;
    failed += run_all_modes(&servos, "dxl2 xl330", 0);
    return failed;
}
