/*
 * A loop that keeps its time, and somebody who looks after it. Usage: real_time PORT [SECONDS]
 *
 * One servo holds where it is while the loop runs as a real-time thread under a watchdog; then how
 * late the loop woke is printed. Where real time is not permitted it says what to do, and goes on.
 */
#include <stdio.h>
#include <stdlib.h>
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
static struct tenon_posix_watchdog watchdog;
static struct tenon_posix_lateness lateness;

static void say(const char *what, const struct tenon_diag *diag)
{
    char text[256];
    printf("%s: %s\n", what, tenon_diag_text(diag, text, sizeof text));
}

static int set_up(const char *port)
{
    elbow.safe_action = TENON_SAFE_LIMP; /* what the watchdog does, too */
    tenon_sched_init(&sched, &tenon_posix_port, TENON_MS(4), memory, sizeof memory);
    tenon_sched_add_wire(&sched, &wire, "bus", tenon_serialport_line_init(&line, port, 1000000),
                         tenon_dxl2_bus_init(&bus, bus_memory, sizeof bus_memory));
    tenon_sched_add_joint(&sched, &elbow, "elbow",
                          tenon_dxl2_motor_init(&servo, &wire, 1, TENON_MODE_POSITION), NULL);
    int rc = tenon_posix_start(&sched, TENON_MS(2000));
    if (rc < 0) {
        say("start", tenon_sched_diag(&sched));
    }
    return rc;
}

/* Real time first: the watchdog's thread then runs one priority above this one. */
static int take_care(void)
{
    struct tenon_diag diag;
    if (tenon_posix_realtime(NULL, &diag) < 0) {
        say("not real time", &diag);
    }
    const int rc = tenon_posix_watchdog_start(&watchdog, &sched, NULL);
    if (rc < 0) {
        say("no watchdog", &watchdog.diag);
    }
    return rc;
}

int main(int argc, char **argv)
{
    char text[128];
    const tenon_ns_t time = TENON_S(argc > 2 ? strtol(argv[2], NULL, 10) : 5);
    int rc = set_up(argc > 1 ? argv[1] : "/dev/ttyUSB0");
    rc = rc < 0 ? rc : take_care();
    rc = rc < 0 ? rc : tenon_joint_enable(&elbow);
    const tenon_ns_t end = tenon_posix_now() + time;
    while (rc >= 0 && tenon_posix_now() < end) {
        rc = tenon_posix_cycle_timed(&sched, &lateness) < 0 ? TENON_ERR_AGAIN : TENON_OK;
    }
    tenon_posix_watchdog_stop(&watchdog);
    printf("%s\n", tenon_posix_lateness_text(&lateness, text, sizeof text));
    printf("releases missed: %lu; found hanging: %lu times\n",
           (unsigned long)sched.counters.missed_count,
           (unsigned long)tenon_posix_watchdog_fired(&watchdog));
    return tenon_posix_stop(&sched, TENON_MS(1000)) < 0 || rc < 0;
}
