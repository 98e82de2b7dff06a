#include "motor_conformance.h"

#include "../fakes/fake_dxl2.h"
#include "../fakes/fake_mit.h"
#include "../fakes/fake_motor.h"
#include "tenon/drivers/damiao_motor.h"
#include "tenon/drivers/dxl2_motor.h"
#include "tenon/drivers/mit_bus.h"

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

/* Damiao on its own bus and a fake line. */

static struct tenon_wire can_wire;
static struct fake_can_line can_line;
static struct fake_mit_world motors;
static struct tenon_mit_bus mit;
static uint8_t mit_memory[TENON_MIT_BUS_MEMORY(1)];
static struct tenon_damiao_motor damiao;

static struct tenon_motor *damiao_make(enum tenon_mode mode)
{
    now = 0;
    struct tenon_line *line = fake_can_line_init(&can_line, 1000000);
    struct tenon_bus *bus = tenon_mit_bus_init(&mit, mit_memory, sizeof mit_memory);
    line->module.state = TENON_MODULE_READY;
    bus->module.state = TENON_MODULE_READY;
    can_wire = (struct tenon_wire){.line.module = &line->module, .bus.module = &bus->module};
    bus->wire = &can_wire;
    fake_mit_world_init(&motors, &can_line);
    fake_mit_add(&motors, 1, 0x11)->position_rad = 1.0;
    /* The suite does not always read, which is what feeds the watchdog. */
    const struct tenon_damiao_motor_config config = {
        .id = 1, .mode = (uint8_t)mode, .watchdog_ms = 1000};
    return tenon_damiao_motor_init_config(&damiao, &can_wire, &config);
}

static tenon_ns_t damiao_tick(void)
{
    const struct tenon_bus_api *api = tenon_bus_get_api(&mit.base);
    for (unsigned i = 0; i < 10; i++) {
        tenon_ns_t deadline = TENON_NEVER;
        now += TENON_US(100);
        fake_mit_advance(&motors, now);
        (void)api->poll(&mit.base, &can_line.base, now, &deadline);
    }
    if (now % TENON_MS(4) == 0) {
        api->stage(&mit.base, cycle++, now);
    }
    return now;
}

static bool damiao_torque_is_on(void)
{
    return motors.motors[0].status == MIT_ENABLED;
}

static uint32_t damiao_commands(void)
{
    return motors.motors[0].command_count;
}

static void damiao_set_silent(bool silent)
{
    motors.motors[0].is_silent = silent;
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
    struct motor_subject damiaos = {
        .make = damiao_make,
        .tick = damiao_tick,
        .torque_is_on = damiao_torque_is_on,
        .commands_obeyed = damiao_commands,
        .set_silent = damiao_set_silent,
    };
    const unsigned not_damiao = 1u << TENON_MODE_EXTENDED_POSITION |
                                1u << TENON_MODE_EFFORT_POSITION | 1u << TENON_MODE_PWM;
    int failed = run_all_modes(&fakes, "fake motor", 0);
    dxl2_model = 1020;
    failed += run_all_modes(&servos, "dxl2 xm430", 0);
    dxl2_model = 1060;
    failed += run_all_modes(&servos, "dxl2 xl430", no_current);
    dxl2_model = 1200;
    failed += run_all_modes(&servos, "dxl2 xl330", 0);
    failed += run_all_modes(&damiaos, "damiao", not_damiao);
    return failed;
}
