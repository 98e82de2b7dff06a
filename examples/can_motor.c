/*
 * A Damiao motor on CAN beside a Dynamixel servo on a serial bus: two wires, one group.
 * Usage: can_motor SERVO_PORT CAN_PORT
 *
 * Both have ID 1. At CAN_PORT is an adapter that speaks SLCAN, on a bus of 1 Mbit/s. The motor's
 * answers must have an identifier of their own (register 7), as Damiao's tool sets it.
 */
#include <stdio.h>
#include <tenon/drivers/serialport_line.h>
#include <tenon/posix.h>
#include <tenon/tenon.h>

static uint64_t memory[512], serial_memory[512], can_memory[512];
static struct tenon_sched sched;
static struct tenon_wire serial, can;
static struct tenon_serialport_line serial_port, can_port;
static struct tenon_slcan_line adapter; /* CAN frames, as characters through can_port */
static struct tenon_dxl2_bus dxl2_bus;
static struct tenon_mit_bus mit_bus;
static struct tenon_dxl2_motor servo;
static struct tenon_damiao_motor motor;
static struct tenon_joint wrist, shoulder;
static struct tenon_group arm;

static struct tenon_joint *const members[] = {&wrist, &shoulder};
static const double goals_rad[] = {0.5, -0.4};
static const struct tenon_joint_limits limits = {-1.5, 1.5, 1.0f, 3.0f, 20.0f, 0.0f, 0.3f};

static void add_servo(const char *port)
{
    tenon_sched_add_wire(&sched, &serial, "serial",
                         tenon_serialport_line_init(&serial_port, port, 1000000),
                         tenon_dxl2_bus_init(&dxl2_bus, serial_memory, sizeof serial_memory));
    tenon_sched_add_joint(&sched, &wrist, "wrist",
                          tenon_dxl2_motor_init(&servo, &serial, 1, TENON_MODE_POSITION), &limits);
}

static void add_can_motor(const char *port)
{
    /* A load of t N·m moves the motor t / kp rad off its goal. */
    const struct tenon_damiao_motor_config config = {.id = 1, .kp = 60.0f, .kd = 2.0f};
    struct tenon_line *to_adapter = tenon_serialport_line_init(&can_port, port, 1000000);
    tenon_sched_add_wire(&sched, &can, "can", tenon_slcan_line_init(&adapter, to_adapter, 1000000),
                         tenon_mit_bus_init(&mit_bus, can_memory, sizeof can_memory));
    tenon_sched_add_joint(&sched, &shoulder, "shoulder",
                          tenon_damiao_motor_init_config(&motor, &can, &config), &limits);
}

int main(int argc, char **argv)
{
    char text[200];
    if (argc != 3) {
        fprintf(stderr, "usage: can_motor SERVO_PORT CAN_PORT\n");
        return 2;
    }
    tenon_sched_init(&sched, &tenon_posix_port, TENON_MS(20), memory, sizeof memory);
    add_servo(argv[1]);
    add_can_motor(argv[2]);
    tenon_sched_add_group(&sched, &arm, "arm", members, 2);
    /* How late an ordinary Linux may wake us: docs/real-time.md. */
    serial_port.scheduling_ns = TENON_MS(10);
    can_port.scheduling_ns = TENON_MS(10);
    int rc = tenon_posix_start(&sched, TENON_MS(3000));
    rc = rc < 0 ? rc : tenon_group_enable(&arm);
    rc = rc < 0 ? rc : tenon_group_move_to(&arm, goals_rad);
    while (rc >= 0 && !tenon_group_is_settled(&arm, 0.02)) {
        rc = tenon_posix_cycle(&sched) < 0 ? TENON_ERR_AGAIN : tenon_sched_explain(&sched);
    }
    printf("wrist at %.2f rad, shoulder at %.2f rad: %s\n", wrist.state.position_rad,
           shoulder.state.position_rad,
           rc < 0 ? tenon_diag_text(tenon_sched_diag(&sched), text, sizeof text) : "arrived");
    return tenon_posix_stop(&sched, TENON_MS(1000)) < 0 || rc < 0;
}
