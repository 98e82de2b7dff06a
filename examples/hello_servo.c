/* One servo on a serial port: torque on, to half a radian, torque off. Usage: hello_servo PORT */
#include <stdio.h>
#include <tenon/drivers/serialport_line.h>
#include <tenon/posix.h>
#include <tenon/tenon.h>

static uint64_t memory[512], bus_memory[512];
static struct tenon_sched sched;
static struct tenon_wire wire;
static struct tenon_serialport_line line;
static struct tenon_dxl2_bus bus;
static struct tenon_dxl2_motor servo;
static struct tenon_joint elbow;

int main(int argc, char **argv)
{
    char text[200];
    const char *port = argc > 1 ? argv[1] : "/dev/ttyUSB0";
    tenon_sched_init(&sched, &tenon_posix_port, TENON_MS(4), memory, sizeof memory);
    tenon_sched_add_wire(&sched, &wire, "bus", tenon_serialport_line_init(&line, port, 1000000),
                         tenon_dxl2_bus_init(&bus, bus_memory, sizeof bus_memory));
    tenon_sched_add_joint(&sched, &elbow, "elbow",
                          tenon_dxl2_motor_init(&servo, &wire, 1, TENON_MODE_POSITION), NULL);
    int rc =
        tenon_posix_start(&sched, TENON_MS(2000)); /* until READY, or says who is not and why */
    rc = rc < 0 ? rc : tenon_joint_enable(&elbow);
    rc = rc < 0 ? rc : tenon_joint_move_to(&elbow, 0.5);
    while (rc >= 0 && tenon_joint_is_moving(&elbow)) {
        rc = tenon_posix_cycle(&sched) < 0 ? TENON_ERR_AGAIN : tenon_sched_explain(&sched);
    }
    printf("elbow at %.3f rad: %s\n", elbow.state.position_rad,
           rc < 0 ? tenon_diag_text(tenon_sched_diag(&sched), text, sizeof text) : "arrived");
    return tenon_posix_stop(&sched, TENON_MS(1000)) < 0 || rc < 0;
}
