#define _GNU_SOURCE
#include "sim_serve.h"

#include "commands.h"

/* The kernel's header, not <termios.h>: only this one tells the host's baud in plain numbers. */
#include <asm/termbits.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define BITS_PER_BYTE 10 /* on the wire: start, eight, stop */
#define QUEUE_SIZE    4096

/* Physics and the truth file go on at this pace while the wire is silent. */
#define TICK_NS TENON_MS(10)

/* Answers reach the host no more often than a high-speed USB adapter has frames. */
#define FRAME_NS TENON_US(125)

/* ID, angle, velocity, torque, time: 3 + 16 + 14 + 12 + 20 columns, four blanks and the line's end.
 */
#define TRUTH_LINE_MAX 128

/*
 * A terminal hands a request over at once; a wire does not. Bytes wait here until they would have
 * arrived.
 */
struct wire {
    uint8_t bytes[QUEUE_SIZE];
    tenon_ns_t due_ns[QUEUE_SIZE];
    size_t head;
    size_t count;
    tenon_ns_t busy_until_ns;
    tenon_ns_t byte_ns;
};

struct server {
    const struct sim_setup *setup;
    int master;
    int slave; /* kept open: the terminal then outlives every host that comes and goes */
    int truth; /* -1: none */
    char name[64];
    struct wire wire;
    tenon_ns_t tick_ns;  /* next */
    tenon_ns_t frame_ns; /* earliest next delivery */
};

static volatile sig_atomic_t is_stopped;

static void stop(int signal_number)
{
    (void)signal_number;
    is_stopped = 1;
}

static tenon_ns_t clock_now(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return TENON_S(now.tv_sec) + now.tv_nsec;
}

static int complain(const char *what, const char *name)
{
    (void)fprintf(stderr, "tenon sim: %s %s: %s\n", what, name, strerror(errno));
    return EXIT_FAILED;
}

/* As a fresh adapter at `baud`, for hosts that set nothing (cat, a shell's redirection). */
static int make_raw(int fd, uint32_t baud)
{
    struct termios2 mode;
    if (ioctl(fd, TCGETS2, &mode) != 0) {
        return -1;
    }
    mode.c_iflag = IGNPAR | IGNBRK;
    mode.c_oflag = 0;
    mode.c_lflag = 0;
    mode.c_cflag = BOTHER | CS8 | CREAD | CLOCAL;
    mode.c_ispeed = baud;
    mode.c_ospeed = baud;
    return ioctl(fd, TCSETS2, &mode);
}

static int open_terminal(struct server *self)
{
    self->master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (self->master < 0 || grantpt(self->master) != 0 || unlockpt(self->master) != 0 ||
        ptsname_r(self->master, self->name, sizeof self->name) != 0) {
        return complain("cannot make", "a pseudo-terminal");
    }
    self->slave = open(self->name, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (self->slave < 0 || make_raw(self->slave, self->setup->baud) != 0) {
        return complain("cannot set up", self->name);
    }
    return EXIT_DONE;
}

/* Replaces an older link in one step; anything else that has the name is somebody's and stays. */
static int make_link(const char *target, const char *path)
{
    struct stat status;
    if (lstat(path, &status) == 0 && !S_ISLNK(status.st_mode)) {
        (void)fprintf(stderr,
                      "tenon sim: %s exists and is no symbolic link: choose another --link or "
                      "remove it\n",
                      path);
        return EXIT_FAILED;
    }
    char aside[PATH_MAX];
    const int length = snprintf(aside, sizeof aside, "%s.%ld", path, (long)getpid());
    if (length < 0 || (size_t)length >= sizeof aside) {
        errno = ENAMETOOLONG;
        return complain("cannot link", path);
    }
    if (symlink(target, aside) != 0) {
        return complain("cannot link", path);
    }
    if (rename(aside, path) != 0) {
        const int rc = complain("cannot link", path);
        (void)unlink(aside);
        return rc;
    }
    return EXIT_DONE;
}

/* Only if it is still ours: another simulator may have taken the name over. */
static void remove_link(const char *target, const char *path)
{
    char found[PATH_MAX];
    const ssize_t length = readlink(path, found, sizeof found - 1);
    if (length < 0) {
        return;
    }
    found[length] = '\0';
    if (strcmp(found, target) == 0) {
        (void)unlink(path);
    }
}

/* All devices of one instant leave in one write, so that a reader never sees half of them. */
static void write_truth(const struct server *self, tenon_ns_t now)
{
    char text[SIM_DEVICE_MAX * TRUTH_LINE_MAX];
    size_t length = 0;
    for (size_t i = 0; i < self->setup->world->count; i++) {
        const struct sim_truth truth = sim_world_truth(self->setup->world, i);
        const int count = snprintf(text + length, sizeof text - length, "%lld %u %.9f %.7f %.6f\n",
                                   (long long)now, (unsigned)self->setup->world->ids[i],
                                   truth.angle_rad, truth.velocity_rad_s, truth.torque_nm);
        if (count < 0 || (size_t)count >= sizeof text - length) {
            return;
        }
        length += (size_t)count;
    }
    (void)!write(self->truth, text, length); /* a full disk must not stop the motors */
}

/* The host may have changed the baud since its last bytes. */
static void follow_baud(struct server *self)
{
    struct termios2 mode;
    if (ioctl(self->master, TCGETS2, &mode) == 0 && mode.c_ospeed != 0) {
        sim_world_set_baud(self->setup->world, mode.c_ospeed);
        self->wire.byte_ns = TENON_S(BITS_PER_BYTE) / mode.c_ospeed;
    }
}

static void take_from_host(struct server *self)
{
    struct wire *wire = &self->wire;
    uint8_t bytes[QUEUE_SIZE];
    const ssize_t count = read(self->master, bytes, QUEUE_SIZE - wire->count);
    if (count <= 0) {
        return;
    }
    follow_baud(self);
    const tenon_ns_t now = clock_now();
    if (wire->busy_until_ns < now) {
        wire->busy_until_ns = now;
    }
    for (ssize_t i = 0; i < count; i++) {
        const size_t at = (wire->head + wire->count) % QUEUE_SIZE;
        wire->busy_until_ns += wire->byte_ns;
        wire->bytes[at] = bytes[i];
        wire->due_ns[at] = wire->busy_until_ns;
        wire->count++;
    }
}

static void hand_to_world(struct server *self, tenon_ns_t now)
{
    struct wire *wire = &self->wire;
    while (wire->count > 0 && wire->due_ns[wire->head] <= now) {
        sim_world_receive(self->setup->world, &wire->bytes[wire->head], 1,
                          wire->due_ns[wire->head]);
        wire->head = (wire->head + 1) % QUEUE_SIZE;
        wire->count--;
    }
}

/* What a host that does not read leaves no room for is lost, as in an adapter. */
static void answer_host(struct server *self, tenon_ns_t now)
{
    uint8_t bytes[QUEUE_SIZE];
    const size_t count = sim_world_transmit(self->setup->world, bytes, sizeof bytes, now);
    if (count > 0) {
        (void)!write(self->master, bytes, count);
        self->frame_ns = now + FRAME_NS;
    }
}

static void tick(struct server *self, tenon_ns_t now)
{
    if (now < self->tick_ns) {
        return;
    }
    sim_world_advance(self->setup->world, now);
    if (self->truth >= 0) {
        write_truth(self, now);
    }
    /*
     * A host that was killed leaves the terminal marked exclusive, and we keep it alive: let the
     * next one in.
     */
    (void)ioctl(self->slave, TIOCNXCL);
    self->tick_ns = now + TICK_NS;
}

static tenon_ns_t earlier(tenon_ns_t a, tenon_ns_t b)
{
    return a < b ? a : b;
}

static tenon_ns_t next_deadline(const struct server *self)
{
    const struct wire *wire = &self->wire;
    tenon_ns_t next = sim_world_next_ns(self->setup->world);
    if (next < self->frame_ns) {
        next = self->frame_ns;
    }
    if (wire->count > 0) {
        next = earlier(next, wire->due_ns[(wire->head + wire->count - 1) % QUEUE_SIZE]);
    }
    return earlier(next, self->tick_ns);
}

static void wait_for_host(const struct server *self, const sigset_t *signals)
{
    struct pollfd look = {.fd = self->master, .events = POLLIN, .revents = 0};
    tenon_ns_t wait = next_deadline(self) - clock_now();
    wait = wait < 0 ? 0 : wait;
    const struct timespec timeout = {.tv_sec = (time_t)(wait / TENON_S(1)),
                                     .tv_nsec = (long)(wait % TENON_S(1))};
    const nfds_t count = self->wire.count < QUEUE_SIZE ? 1 : 0;
    (void)ppoll(&look, count, &timeout, signals);
}

/* Signals arrive only while waiting, so that none slips in between the question and the sleep. */
static void catch_signals(sigset_t *out_while_waiting)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction action = {.sa_handler = stop};
    sigset_t blocked;
    (void)sigemptyset(&blocked);
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
        (void)sigaddset(&blocked, signals[i]);
        (void)sigaction(signals[i], &action, NULL);
    }
    (void)sigprocmask(SIG_BLOCK, &blocked, out_while_waiting);
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
        (void)sigdelset(out_while_waiting, signals[i]);
    }
}

static void run(struct server *self, const sigset_t *signals)
{
    (void)prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL); /* 50 us late by default */
    while (is_stopped == 0) {
        take_from_host(self);
        const tenon_ns_t now = clock_now();
        hand_to_world(self, now);
        answer_host(self, now);
        tick(self, now);
        wait_for_host(self, signals);
    }
}

static int open_truth(struct server *self)
{
    if (self->setup->truth == NULL) {
        return EXIT_DONE;
    }
    self->truth = open(self->setup->truth, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (self->truth < 0) {
        return complain("cannot write", self->setup->truth);
    }
    write_truth(self, clock_now());
    return EXIT_DONE;
}

int sim_serve(const struct sim_setup *setup)
{
    static struct server server = {.master = -1, .slave = -1, .truth = -1};
    sigset_t while_waiting;
    server.setup = setup;
    catch_signals(&while_waiting);
    int rc = open_terminal(&server);
    if (rc == EXIT_DONE) {
        follow_baud(&server);
        sim_world_advance(setup->world, clock_now());
        rc = open_truth(&server);
    }
    if (rc == EXIT_DONE && setup->link != NULL) {
        rc = make_link(server.name, setup->link);
    }
    if (rc != EXIT_DONE) {
        return rc;
    }
    if (puts(server.name) < 0 || fflush(stdout) != 0) {
        rc = complain("cannot print", server.name);
    } else {
        run(&server, &while_waiting);
    }
    if (setup->link != NULL) {
        remove_link(server.name, setup->link);
    }
    return rc;
}
