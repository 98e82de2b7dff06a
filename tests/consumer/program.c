/*
 * A user's program, C11 and C++17 alike: all four libraries, and one virtual servo that moves. Time
 * is simulated. Ends with 0 when the servo's true angle is where it was sent.
 */
#include "tenon/drivers/dxl2_bus.h"
#include "tenon/drivers/dxl2_motor.h"
#include "tenon/drivers/memory_line.h"
#include "tenon/drivers/serialport_line.h"
#include "tenon/posix.h"
#include "tenon/sim.h"
#include "tenon/version.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define GOAL_RAD   0.5
#define GIVE_UP_NS TENON_S(10)

static uint64_t memory[512];
static uint64_t bus_memory[256];
static struct tenon_sched sched;
static struct tenon_wire wire;
static struct tenon_memory_line line;
static struct tenon_dxl2_bus bus;
static struct tenon_dxl2_motor servo;
static struct tenon_joint elbow;
static struct tenon_serialport_line port;
static struct tenon_sim_bus virtual_bus;
static struct tenon_sim_servo virtual_servo;
static struct tenon_sim_servo *const virtual_servos[] = {&virtual_servo};

static int fail(const char *what, int rc)
{
    char sentence[256];
    printf("%s: %d: %s\n", what, rc,
           tenon_diag_text(tenon_sched_diag(&sched), sentence, sizeof sentence));
    return 1;
}

static tenon_ns_t run_until(bool (*is_done)(void), tenon_ns_t now)
{
    const tenon_ns_t end = now + GIVE_UP_NS;
    for (; now < end && !is_done(); now += TENON_US(50)) {
        tenon_sim_bus_serve(&virtual_bus, &line, now);
        (void)tenon_sched_poll(&sched, now);
        if (now >= tenon_sched_release(&sched)) {
            (void)tenon_sched_step(&sched, now);
            (void)tenon_sched_poll(&sched, now);
        }
    }
    return now;
}

static bool is_ready(void)
{
    return tenon_sched_is_ready(&sched);
}

static bool is_settled(void)
{
    return tenon_joint_is_settled(&elbow, 0.02);
}

static int set_up(void)
{
    int rc = tenon_sim_servo_init(&virtual_servo, "xm430-w350", 1, 1000000);
    if (rc != TENON_OK) {
        return rc;
    }
    tenon_sim_bus_init(&virtual_bus, virtual_servos, 1);
    tenon_sched_init(&sched, &tenon_posix_port, TENON_MS(4), memory, sizeof memory);
    tenon_sched_add_wire(&sched, &wire, "bus", tenon_memory_line_init(&line, 1000000),
                         tenon_dxl2_bus_init(&bus, bus_memory, sizeof bus_memory));
    tenon_sched_add_joint(&sched, &elbow, "elbow",
                          tenon_dxl2_motor_init(&servo, &wire, 1, TENON_MODE_POSITION), NULL);
    return tenon_sched_start(&sched);
}

static int move(void)
{
    tenon_ns_t now = run_until(is_ready, 0);
    int rc = tenon_joint_enable(&elbow);
    if (rc == TENON_OK) {
        rc = tenon_joint_move_to(&elbow, GOAL_RAD);
    }
    if (rc == TENON_OK) {
        now = run_until(is_settled, now);
        printf("at %.4f rad after %.3f s\n", tenon_sim_servo_angle_rad(&virtual_servo),
               (double)now * 1e-9);
    }
    return rc;
}

int main(void)
{
    if (strcmp(tenon_version(), TENON_VERSION_STRING) != 0) {
        printf("headers %s, library %s\n", TENON_VERSION_STRING, tenon_version());
        return 1;
    }
    int rc = set_up();
    if (rc != TENON_OK) {
        return fail("set up", rc);
    }
    rc = move();
    if (rc != TENON_OK) {
        return fail("move", rc);
    }
    if (tenon_serialport_line_init(&port, "/dev/null", 57600) == NULL || tenon_posix_now() <= 0) {
        return fail("line and clock", TENON_ERR_IO);
    }
    return fabs(tenon_sim_servo_angle_rad(&virtual_servo) - GOAL_RAD) < 0.03
               ? 0
               : fail("not there", TENON_ERR_STATE);
}
