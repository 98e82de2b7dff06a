/*
 * The library inside an event loop that is yours: one poll(2) waits for the serial port, for the
 * keyboard and for the time that the scheduler names. Commands on standard input, one a line: up,
 * down, where, off, on, quit. Usage: event_loop PORT
 */
#define _GNU_SOURCE /* ppoll: poll whose timeout is finer than a millisecond */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <tenon/drivers/serialport_line.h>
#include <tenon/posix.h>
#include <tenon/tenon.h>
#include <unistd.h>

#define PERIOD   TENON_MS(10)
#define PATIENCE TENON_S(1) /* for becoming safe at the end */

static uint64_t memory[512], bus_memory[512];
static struct tenon_sched sched;
static struct tenon_wire wire;
static struct tenon_serialport_line line;
static struct tenon_dxl2_bus bus;
static struct tenon_dxl2_motor servo;
static struct tenon_joint elbow;

static bool wants_to_quit;

/* --- the keyboard --- */

static int enable_again(void)
{
    if (elbow.diag.code != TENON_OK) {
        printf("the fault is cleared; say on once more when the elbow is ready\n");
        return tenon_joint_reset(&elbow);
    }
    return tenon_joint_enable(&elbow);
}

/* All of these only put a command into a queue; the next step carries it out. */
static void obey(const char *word)
{
    int rc = TENON_OK;
    if (strcmp(word, "up") == 0) {
        rc = tenon_joint_move_to(&elbow, 0.5);
    } else if (strcmp(word, "down") == 0) {
        rc = tenon_joint_move_to(&elbow, -0.5);
    } else if (strcmp(word, "where") == 0) {
        printf("elbow at %.2f rad\n", elbow.state.position_rad);
    } else if (strcmp(word, "off") == 0) {
        rc = tenon_joint_disable(&elbow);
    } else if (strcmp(word, "on") == 0) {
        rc = enable_again();
    } else if (strcmp(word, "quit") == 0) {
        wants_to_quit = true;
    } else {
        printf("up, down, where, off, on or quit, not '%s'\n", word);
    }
    if (rc < 0) {
        char text[200];
        printf("%s\n", tenon_diag_text(tenon_sched_diag(&sched), text, sizeof text));
    }
}

/* Take what has been typed; a line may come in pieces. The end of the input means quit. */
static void read_keyboard(void)
{
    static char text[80];
    static size_t count;
    const ssize_t got = read(STDIN_FILENO, text + count, sizeof text - 1 - count);
    if (got <= 0) {
        wants_to_quit = got == 0 || errno != EINTR;
        return;
    }
    count += (size_t)got;
    text[count] = '\0';
    char *word = text;
    for (char *end; (end = strchr(word, '\n')) != NULL; word = end + 1) {
        *end = '\0';
        obey(word);
    }
    count = strlen(word) < sizeof text - 1 ? strlen(word) : 0; /* a line too long is dropped */
    memmove(text, word, count);
}

/* --- what the joint does by itself is told when it changes --- */

static const char *name_of(uint8_t status)
{
    switch ((enum tenon_joint_status)status) {
    case TENON_JOINT_DOWN:
        return "not ready";
    case TENON_JOINT_DISABLED:
        return "ready, torque off";
    case TENON_JOINT_ENABLING:
        return "torque comes on";
    case TENON_JOINT_ENABLED:
        return "follows";
    case TENON_JOINT_STOPPING:
        return "stops";
    case TENON_JOINT_HOLDING:
        return "holds";
    case TENON_JOINT_FAULT:
        return "fault";
    case TENON_JOINT_SUSPENDED:
        return "suspended";
    }
    return "unknown";
}

static void tell_changes(void)
{
    static uint8_t status_before = TENON_JOINT_DOWN;
    static int rc_before;
    static bool was_moving;
    const int rc = tenon_sched_explain(&sched);
    const bool is_on_its_way = tenon_sched_diag(&sched)->cause == TENON_CAUSE_NOT_READY;
    if (rc < 0 && rc != rc_before && !is_on_its_way) {
        char text[200];
        printf("%s\n", tenon_diag_text(tenon_sched_diag(&sched), text, sizeof text));
    }
    rc_before = is_on_its_way ? TENON_OK : rc;
    if (elbow.status != status_before) {
        printf("elbow: %s\n", name_of(elbow.status));
        status_before = elbow.status;
    }
    const bool is_settled = tenon_joint_is_settled(&elbow, 0.02);
    if (was_moving && is_settled) {
        printf("elbow arrived at %.2f rad\n", elbow.state.position_rad);
    }
    was_moving = elbow.status == TENON_JOINT_ENABLED && !is_settled;
}

/* --- the loop --- */

/* Sleep until a byte comes, a key is pressed, or `until`. A descriptor of -1 is left out by poll
 * itself. */
static void wait_until(tenon_ns_t until)
{
    const struct tenon_line *const port =
        tenon_wire_line(&wire); /* its fd changes when the port comes back */
    struct pollfd fds[] = {
        {.fd = port->fd, .events = (short)(port->tx_pending ? POLLIN | POLLOUT : POLLIN)},
        {.fd = wants_to_quit ? -1 : STDIN_FILENO, .events = POLLIN},
    };
    const tenon_ns_t left = until - tenon_posix_now();
    const tenon_ns_t wait = left > 0 ? left : 0;
    const struct timespec timeout = {.tv_sec = (time_t)(wait / TENON_S(1)),
                                     .tv_nsec = (long)(wait % TENON_S(1))};
    if (ppoll(fds, 2, &timeout, NULL) > 0 && fds[1].revents != 0) {
        read_keyboard();
    }
}

/*
 * One turn. Poll is called after every wait, whatever ended it: it moves the bytes and says when it
 * wants to be called again. Step is called when its release has come, and what it has laid out
 * leaves with the poll behind it.
 */
static void turn(void)
{
    const tenon_ns_t now = tenon_posix_now();
    tenon_ns_t deadline = tenon_sched_poll(&sched, now);
    if (now >= tenon_sched_release(&sched)) {
        (void)tenon_sched_step(&sched, now);
        deadline = tenon_sched_poll(&sched, now);
        tell_changes();
        fflush(stdout);
    }
    const tenon_ns_t release = tenon_sched_release(&sched);
    wait_until(deadline < release ? deadline : release);
}

static int run(void)
{
    bool was_enabled = false;
    int rc = TENON_OK;
    while (rc >= 0 && !wants_to_quit) {
        turn();
        if (!was_enabled &&
            tenon_sched_is_ready(&sched)) { /* torque once, as soon as the servo is there */
            rc = tenon_joint_enable(&elbow);
            was_enabled = true;
        }
    }
    return rc;
}

/* The loop turns on until the joint has braked and its torque is off. */
static int stop(void)
{
    const tenon_ns_t end = tenon_posix_now() + PATIENCE;
    int rc = tenon_sched_make_safe(&sched);
    wants_to_quit = true;
    while (rc >= 0 && !tenon_sched_is_safe(&sched)) {
        turn();
        rc = tenon_posix_now() < end ? rc : TENON_ERR_TIMEOUT;
    }
    return rc;
}

int main(int argc, char **argv)
{
    static const struct tenon_joint_limits limits = {-1.0, 1.0, 1.0f, 4.0f, 40.0f, 0.0f, 0.3f};
    if (argc != 2) {
        fprintf(stderr, "usage: event_loop PORT\n");
        return 2;
    }
    tenon_sched_init(&sched, &tenon_posix_port, PERIOD, memory, sizeof memory);
    tenon_sched_add_wire(&sched, &wire, argv[1],
                         tenon_serialport_line_init(&line, argv[1], 1000000),
                         tenon_dxl2_bus_init(&bus, bus_memory, sizeof bus_memory));
    tenon_sched_add_joint(&sched, &elbow, "elbow",
                          tenon_dxl2_motor_init(&servo, &wire, 1, TENON_MODE_POSITION), &limits);
    int rc = tenon_sched_start(&sched);
    if (rc >= 0) {
        rc = run();
    }
    if (rc < 0) {
        char text[200];
        printf("%s\n", tenon_diag_text(tenon_sched_diag(&sched), text, sizeof text));
    }
    const int stopped = sched.is_started ? stop() : TENON_OK;
    printf("%s; %lu releases missed\n",
           stopped < 0 ? "it could not be stopped: cut the power" : "torque off",
           (unsigned long)sched.counters.missed_count);
    return rc < 0 || stopped < 0;
}
