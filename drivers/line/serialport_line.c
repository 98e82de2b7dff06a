#define _GNU_SOURCE
#include "tenon/drivers/serialport_line.h"

#include "tty_direction.h"
#include "tty_latency.h"
#include "tty_mode.h"

#include <errno.h>
#include <fcntl.h>
#include <libserialport.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

/*
 * A UART pair tolerates about this much in sum; a port that is further off took another speed than
 * it was told.
 */
#define BAUD_TOLERANCE_PER_MILLE 25

/* Of a full-speed USB frame, for adapters that do not tell how long they hold bytes back. */
#define UNKNOWN_ADAPTER_NS TENON_MS(1)

/* What a byte takes on the wire: start, eight, stop. */
#define BITS_PER_BYTE 10

static const char sysfs[] = "/sys";
static const char pty_directory[] = "/dev/pts/";

static struct tenon_serialport_line *from_line(struct tenon_line *line)
{
    return TENON_CONTAINER_OF(line, struct tenon_serialport_line, base);
}

static struct tenon_serialport_line *from_module(struct tenon_module *module)
{
    return TENON_CONTAINER_OF(module, struct tenon_serialport_line, base.module);
}

static int refuse(struct tenon_serialport_line *self,
                  enum tenon_err code,
                  enum tenon_cause cause,
                  float value,
                  float bound)
{
    const int rc = tenon_module_refuse(&self->base.module, code, cause, value, bound);
    self->base.module.diag.subject = self->base.port;
    return rc;
}

static bool is_gone(int error)
{
    return error == EIO || error == ENXIO || error == ENODEV || error == EBADF;
}

/* Which cause the operating system's refusal to find or open the port is. */
static int refuse_open(struct tenon_serialport_line *self, int error)
{
    switch (error) {
    case ENOENT:
    case ENOTDIR:
    case ELOOP:
    case ENXIO:
    case ENODEV:
        return refuse(self, TENON_ERR_IO, TENON_CAUSE_PORT_MISSING, 0.0f, 0.0f);
    case EACCES:
    case EPERM:
        return refuse(self, TENON_ERR_IO, TENON_CAUSE_PORT_PERMISSION, 0.0f, 0.0f);
    case EBUSY:
    case EWOULDBLOCK:
        return refuse(self, TENON_ERR_STATE, TENON_CAUSE_PORT_BUSY, 0.0f, 0.0f);
    default:
        return refuse(self, TENON_ERR_IO, TENON_CAUSE_PORT_FAILED, (float)error, 0.0f);
    }
}

static int refuse_use(struct tenon_serialport_line *self, int error)
{
    if (is_gone(error)) {
        return refuse(self, TENON_ERR_IO, TENON_CAUSE_PORT_LOST, 0.0f, 0.0f);
    }
    return refuse(self, TENON_ERR_IO, TENON_CAUSE_PORT_FAILED, (float)error, 0.0f);
}

static int refuse_not_serial(struct tenon_serialport_line *self)
{
    return refuse(self, TENON_ERR_ARG, TENON_CAUSE_PORT_NOT_SERIAL, 0.0f, 0.0f);
}

/* --- direction --- */

/* Whether it is for us to switch the transceiver at each frame. */
static bool switches(const struct tenon_serialport_line *self)
{
    return self->config.direction >= TENON_SERIALPORT_DIRECTION_RTS;
}

/* @return 0 or an errno. Touches nothing of `self`: both threads come here. */
static int switch_to(const struct tenon_serialport_line *self, int fd, bool is_sending)
{
    if (self->config.direction == TENON_SERIALPORT_DIRECTION_CALLBACK) {
        return self->config.switch_direction(self->config.context, is_sending);
    }
    return tenon__tty_set_rts(fd, is_sending != self->config.is_inverted);
}

static int refuse_direction(struct tenon_serialport_line *self, int error)
{
    static const char *const names[] = {"itself", "the kernel's RS-485 mode", "its RTS pin",
                                        "the application's function"};
    const int rc = refuse(self, TENON_ERR_UNSUPPORTED, TENON_CAUSE_DIRECTION,
                          error > 0 ? (float)error : 0.0f, 0.0f);
    self->base.module.diag.detail = names[self->config.direction];
    return rc;
}

static int set_up_direction(struct tenon_serialport_line *self)
{
    int error = 0;
    if (self->config.direction == TENON_SERIALPORT_DIRECTION_KERNEL) {
        error = tenon__tty_use_rs485(self->base.fd, self->config.is_inverted);
    } else if (switches(self)) {
        error = switch_to(self, self->base.fd, false);
    }
    return error == 0 ? TENON_OK : refuse_direction(self, error);
}

static void note_byte_time(struct tenon_serialport_line *self)
{
    __atomic_store_n(&self->byte_ns, (uint32_t)(TENON_S(BITS_PER_BYTE) / self->base.baud),
                     __ATOMIC_RELAXED);
}

static tenon_ns_t wire_time(const struct tenon_serialport_line *self, long count)
{
    return (tenon_ns_t)__atomic_load_n(&self->byte_ns, __ATOMIC_RELAXED) * count;
}

/* --- the way past a step that hangs --- */

/*
 * A descriptor of its own, which another thread may be writing to
 * when the port is closed. Whoever of the two comes last closes it, so that the bytes can never go
 * to a file that was given the same number, and neither waits for the other.
 */
enum emergency { EMERGENCY_SHUT = 0, EMERGENCY_OPEN, EMERGENCY_IN_USE, EMERGENCY_LEFT };

static bool pass(struct tenon_serialport_line *self, enum emergency from, enum emergency to)
{
    uint32_t expected = from;
    return __atomic_compare_exchange_n(&self->emergency, &expected, to, false, __ATOMIC_ACQ_REL,
                                       __ATOMIC_ACQUIRE);
}

static int open_emergency(struct tenon_serialport_line *self)
{
    self->emergency_fd = fcntl(self->base.fd, F_DUPFD_CLOEXEC, 0);
    if (self->emergency_fd < 0) {
        return refuse(self, TENON_ERR_IO, TENON_CAUSE_PORT_FAILED, (float)errno, 0.0f);
    }
    (void)pass(self, EMERGENCY_SHUT, EMERGENCY_OPEN);
    return TENON_OK;
}

static void close_emergency(struct tenon_serialport_line *self)
{
    const int fd = self->emergency_fd;
    while (!pass(self, EMERGENCY_IN_USE, EMERGENCY_LEFT)) {
        if (pass(self, EMERGENCY_OPEN, EMERGENCY_SHUT)) {
            (void)close(fd);
            return;
        }
        const uint32_t state = __atomic_load_n(&self->emergency, __ATOMIC_ACQUIRE);
        if (state == EMERGENCY_SHUT || state == EMERGENCY_LEFT) {
            return;
        } /* else the other thread came or went between two looks */
    }
}

static void leave_emergency(struct tenon_serialport_line *self)
{
    if (!pass(self, EMERGENCY_IN_USE, EMERGENCY_OPEN)) {
        (void)close(self->emergency_fd);
        (void)pass(self, EMERGENCY_LEFT, EMERGENCY_SHUT);
    }
}

static void close_port(struct tenon_serialport_line *self)
{
    close_emergency(self);
    if (self->base.fd >= 0) {
        if (self->is_sending) { /* the wire is not ours alone */
            (void)switch_to(self, self->base.fd, false);
        }
        /*
         * The flag outlives the descriptor where the terminal does: at a pty whose far end stays
         * open.
         */
        (void)ioctl(self->base.fd, TIOCNXCL);
    }
    if (self->port != NULL) {
        (void)sp_close(self->port);
        sp_free_port(self->port);
        self->port = NULL;
    }
    if (self->guard_fd >= 0) {
        (void)close(self->guard_fd);
        self->guard_fd = -1;
    }
    self->base.fd = -1;
    self->base.tx_pending = false;
    self->base.due_ns = 0;
    self->is_sending = false;
}

static bool is_pty_name(const char *path)
{
    const size_t prefix = sizeof pty_directory - 1;
    if (strncmp(path, pty_directory, prefix) != 0 || path[prefix] == '\0') {
        return false;
    }
    return path[prefix + strspn(path + prefix, "0123456789")] == '\0';
}

/*
 * Follow links, since libserialport does not, and find out what lies there before anything is
 * opened: opening a character device that is no terminal may have effects (a watchdog).
 */
static int find_port(struct tenon_serialport_line *self, char out_path[PATH_MAX])
{
    struct stat status;
    if (realpath(self->base.port, out_path) == NULL || stat(out_path, &status) != 0) {
        return refuse_open(self, errno);
    }
    if (!S_ISCHR(status.st_mode)) {
        return refuse_not_serial(self);
    }
    const enum sp_return found = sp_get_port_by_name(out_path, &self->port);
    if (found == SP_OK) {
        return TENON_OK;
    }
    self->port = NULL;
    if (found == SP_ERR_MEM) {
        return refuse_open(self, ENOMEM);
    }
    return is_pty_name(out_path) ? TENON_OK : refuse_not_serial(self);
}

/* Take the port for ourselves without touching its settings, which may be another program's. */
static int lock_port(struct tenon_serialport_line *self, const char *path)
{
    self->guard_fd = open(path, O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (self->guard_fd < 0 || flock(self->guard_fd, LOCK_EX | LOCK_NB) != 0) {
        return refuse_open(self, errno);
    }
    if (isatty(self->guard_fd) != 1) {
        return refuse_not_serial(self);
    }
    int is_exclusive = 0; /* asked since the superuser may open a port that has it */
    if (ioctl(self->guard_fd, TIOCGEXCL, &is_exclusive) == 0 && is_exclusive != 0) {
        return refuse_open(self, EBUSY);
    }
    int modem_lines; /* what libserialport will ask; a console has none */
    if (self->port != NULL && ioctl(self->guard_fd, TIOCMGET, &modem_lines) != 0) {
        return is_gone(errno) ? refuse_use(self, errno) : refuse_not_serial(self);
    }
    return TENON_OK;
}

static int open_port(struct tenon_serialport_line *self)
{
    if (self->port == NULL) {
        self->base.fd = self->guard_fd;
        return TENON_OK;
    }
    errno = EIO;
    if (sp_open(self->port, SP_MODE_READ_WRITE) != SP_OK) {
        return refuse_open(self, errno);
    }
    if (sp_get_port_handle(self->port, &self->base.fd) != SP_OK) {
        return refuse_open(self, EIO);
    }
    (void)fcntl(self->base.fd, F_SETFD, FD_CLOEXEC);
    return TENON_OK;
}

static bool is_near(uint32_t baud, uint32_t wanted)
{
    const uint64_t difference = baud > wanted ? baud - wanted : wanted - baud;
    return difference * 1000 <= (uint64_t)wanted * BAUD_TOLERANCE_PER_MILLE;
}

/* Tell the port and look what it made of it: some adapters accept any speed and then run another.
 */
static int apply_baud(struct tenon_serialport_line *self, uint32_t baud)
{
    if (baud == 0 || baud > INT_MAX) { /* to the kernel, 0 means: hang up */
        return refuse(self, TENON_ERR_UNSUPPORTED, TENON_CAUSE_BAUD_UNSUPPORTED, (float)baud, 0.0f);
    }
    errno = 0;
    const bool is_taken = self->port != NULL ? sp_set_baudrate(self->port, (int)baud) == SP_OK
                                             : tenon__tty_set_baud(self->base.fd, baud) == 0;
    if (!is_taken && is_gone(errno)) {
        return refuse_use(self, errno);
    }
    const uint32_t in_force = tenon__tty_baud(self->base.fd);
    if (!is_taken || !is_near(in_force, baud)) {
        return refuse(self, TENON_ERR_UNSUPPORTED, TENON_CAUSE_BAUD_UNSUPPORTED, (float)baud,
                      is_taken ? (float)in_force : 0.0f);
    }
    return TENON_OK;
}

static int configure_port(struct tenon_serialport_line *self)
{
    /*
     * Also behind libserialport, whose 0.1.1 clears CRTSCTS in the wrong word and lets go of DTR on
     * close.
     */
    if (tenon__tty_make_raw(self->base.fd) != 0) {
        return refuse_use(self, errno);
    }
    const int rc = apply_baud(self, self->base.baud);
    if (rc != TENON_OK) {
        return rc;
    }
    if (ioctl(self->base.fd, TIOCEXCL) != 0) {
        return refuse_use(self, errno);
    }
    (void)tcflush(self->base.fd, TCIOFLUSH); /* what the last program left behind */
    return TENON_OK;
}

static void shorten_latency(struct tenon_serialport_line *self, const char *path)
{
    const char *name = strrchr(path, '/') + 1; /* the path is absolute */
    self->latency_timer_set = false;
    self->low_latency = false;
    int before = -1;
    int after = -1;
    if (!is_pty_name(path)) {
        before = tenon__tty_latency_timer(sysfs, name);
        if (before > 1) {
            (void)tenon__tty_set_latency_timer(sysfs, name, 1);
        }
        self->low_latency = tenon__tty_set_low_latency(self->base.fd);
        after = tenon__tty_latency_timer(sysfs, name);
    }
    self->latency_timer_set = after >= 0 && after < before;
    self->latency_timer_ms = (int16_t)after;
    self->base.latency_ns =
        self->scheduling_ns + (after >= 0 ? TENON_MS(after) : UNKNOWN_ADAPTER_NS);
}

static int serialport_probe(struct tenon_module *module, tenon_ns_t now)
{
    (void)now;
    struct tenon_serialport_line *self = from_module(module);
    char path[PATH_MAX];
    close_port(self);
    if (__atomic_load_n(&self->emergency, __ATOMIC_ACQUIRE) != EMERGENCY_SHUT) {
        return TENON_ERR_AGAIN; /* the old port is still being written to */
    }
    int rc = find_port(self, path);
    if (rc == TENON_OK) {
        rc = lock_port(self, path);
    }
    if (rc == TENON_OK) {
        rc = open_port(self);
    }
    if (rc == TENON_OK) {
        rc = configure_port(self);
    }
    if (rc == TENON_OK) {
        rc = set_up_direction(self);
    }
    if (rc == TENON_OK) {
        note_byte_time(self);
        rc = open_emergency(self);
    }
    if (rc != TENON_OK) {
        close_port(self);
        return rc;
    }
    shorten_latency(self, path);
    self->is_pty_path = self->port == NULL;
    self->was_open = true;
    return TENON_OK;
}

static int serialport_make_safe(struct tenon_module *module, tenon_ns_t now)
{
    (void)module;
    (void)now;
    return TENON_OK; /* a line makes no torque */
}

static void serialport_release(struct tenon_module *module)
{
    close_port(from_module(module));
}

/* Close at once, not at release: a port held open keeps its name from the adapter that comes back.
 */
static int lose_port(struct tenon_serialport_line *self, int error)
{
    close_port(self);
    return refuse_use(self, error);
}

static bool is_hung_up(int fd)
{
    struct pollfd look = {.fd = fd, .events = POLLIN, .revents = 0};
    return poll(&look, 1, 0) > 0 && (look.revents & (POLLHUP | POLLERR | POLLNVAL)) != 0;
}

static bool is_harmless(int error)
{
    return error == EAGAIN || error == EINTR;
}

static int
serialport_read(struct tenon_line *line, uint8_t *out_bytes, size_t capacity, tenon_ns_t now)
{
    (void)now;
    struct tenon_serialport_line *self = from_line(line);
    if (line->fd < 0) {
        return refuse(self, TENON_ERR_IO, TENON_CAUSE_PORT_LOST, 0.0f, 0.0f);
    }
    const size_t limit = capacity < INT_MAX ? capacity : INT_MAX;
    if (limit == 0) {
        return 0;
    }
    /* libserialport answers 0 both for "nothing yet" and for a hang-up; errno tells them apart. */
    errno = 0;
    const long got = self->port != NULL ? (long)sp_nonblocking_read(self->port, out_bytes, limit)
                                        : (long)read(line->fd, out_bytes, limit);
    if (got > 0) {
        line->rx_bytes += (uint64_t)got;
        return (int)got;
    }
    const int error = errno;
    if (is_harmless(error)) {
        return 0;
    }
    if (got < 0) {
        return lose_port(self, error);
    }
    return is_hung_up(line->fd) ? lose_port(self, EIO) : 0;
}

static int lose_direction(struct tenon_serialport_line *self, int error)
{
    close_port(self);
    (void)refuse_direction(self, error);
    self->base.module.diag.code = TENON_ERR_IO;
    return TENON_ERR_IO;
}

/* The transceiver sends until the last bit that was taken has left. */
static void expect_end(struct tenon_serialport_line *self, long taken, tenon_ns_t now)
{
    self->sent_ns = (self->sent_ns > now ? self->sent_ns : now) + wire_time(self, taken);
    self->base.due_ns = self->sent_ns;
}

/* Back to receiving, unless bits are still to leave: those that the port tells of, too. */
static int serialport_tend(struct tenon_line *line, tenon_ns_t now)
{
    struct tenon_serialport_line *self = from_line(line);
    if (!self->is_sending) {
        line->due_ns = 0;
        return TENON_OK;
    }
    if (line->tx_pending || now < self->sent_ns || tenon__tty_is_sending(line->fd)) {
        const tenon_ns_t soon = now + wire_time(self, 1);
        line->due_ns = self->sent_ns > soon ? self->sent_ns : soon;
        return TENON_OK;
    }
    const int error = switch_to(self, line->fd, false);
    self->is_sending = false;
    line->due_ns = 0;
    return error == 0 ? TENON_OK : lose_direction(self, error);
}

static int
serialport_write(struct tenon_line *line, const uint8_t *bytes, size_t count, tenon_ns_t now)
{
    struct tenon_serialport_line *self = from_line(line);
    if (line->fd < 0) {
        return refuse(self, TENON_ERR_IO, TENON_CAUSE_PORT_LOST, 0.0f, 0.0f);
    }
    const size_t limit = count < INT_MAX ? count : INT_MAX;
    long taken = 0;
    if (limit > 0 && switches(self) && !self->is_sending) {
        const int error = switch_to(self, line->fd, true);
        if (error != 0) {
            return lose_direction(self, error);
        }
        self->is_sending = true;
    }
    if (limit > 0) {
        errno = 0;
        taken = self->port != NULL ? (long)sp_nonblocking_write(self->port, bytes, limit)
                                   : (long)write(line->fd, bytes, limit);
    }
    if (taken < 0 && !is_harmless(errno)) {
        return lose_port(self, errno);
    }
    taken = taken < 0 ? 0 : taken;
    line->tx_bytes += (uint64_t)taken;
    line->tx_pending = (size_t)taken < count;
    if (self->is_sending) {
        expect_end(self, taken, now);
    }
    return (int)taken;
}

static void wait_for(tenon_ns_t time)
{
    const struct timespec t = {.tv_sec = (time_t)(time / TENON_S(1)),
                               .tv_nsec = (long)(time % TENON_S(1))};
    (void)nanosleep(&t, NULL);
}

/* The kernel takes each write whole or in part, never two mixed: there is no need to know of ours.
 */
static int serialport_write_emergency(struct tenon_line *line,
                                      const uint8_t *bytes,
                                      size_t count,
                                      tenon_ns_t now)
{
    (void)now;
    struct tenon_serialport_line *self = from_line(line);
    if (!pass(self, EMERGENCY_OPEN, EMERGENCY_IN_USE)) {
        return TENON_ERR_IO;
    }
    const int fd = self->emergency_fd;
    if (switches(self)) {
        (void)switch_to(self, fd, true); /* if it fails the bytes may still get through */
    }
    const ssize_t taken = write(fd, bytes, count < INT_MAX ? count : INT_MAX);
    const bool is_busy = taken < 0 && is_harmless(errno);
    if (switches(self)) {
        wait_for(wire_time(self, taken > 0 ? taken : 0));
        (void)switch_to(self, fd, false);
    }
    leave_emergency(self);
    if (taken < 0) {
        return is_busy ? 0 : TENON_ERR_IO;
    }
    return (int)taken;
}

static int serialport_set_baud(struct tenon_line *line, uint32_t baud)
{
    struct tenon_serialport_line *self = from_line(line);
    if (line->fd < 0) {
        return refuse(self, TENON_ERR_IO, TENON_CAUSE_PORT_LOST, 0.0f, 0.0f);
    }
    const int rc = apply_baud(self, baud);
    if (rc == TENON_ERR_UNSUPPORTED) {
        /* Back to what worked, with the refusal of the new one as the diagnosis. */
        const struct tenon_diag diag = line->module.diag;
        (void)apply_baud(self, line->baud);
        line->module.diag = diag;
    } else if (rc == TENON_OK) {
        line->baud = baud;
        note_byte_time(self);
    } else {
        close_port(self);
    }
    return rc;
}

static const struct tenon_lifecycle_api serialport_lifecycle = {
    .head = TENON_API_HEAD(struct tenon_lifecycle_api),
    .probe = serialport_probe,
    .make_safe = serialport_make_safe,
    .release = serialport_release,
};

static const struct tenon_line_api serialport_api = {
    .head = TENON_API_HEAD(struct tenon_line_api),
    .read = serialport_read,
    .write = serialport_write,
    .set_baud = serialport_set_baud,
    .write_emergency = serialport_write_emergency,
    .tend = serialport_tend,
};

static const struct tenon_driver serialport_driver = {
    .head = TENON_API_HEAD(struct tenon_driver),
    .name = "serialport_line",
    .role = TENON_ROLE_LINE,
    .instance_size = sizeof(struct tenon_serialport_line),
    .lifecycle = &serialport_lifecycle,
    .api = &serialport_api.head,
};

const char *tenon_serialport_line_path_name(const struct tenon_serialport_line *self)
{
    if (!self->was_open) {
        return "none";
    }
    return self->is_pty_path ? "termios" : "libserialport";
}

struct tenon_line *
tenon_serialport_line_init_config_sized(struct tenon_serialport_line *self,
                                        size_t size,
                                        const struct tenon_serialport_line_config *config)
{
    if (self == NULL || size != sizeof *self || config == NULL || config->path == NULL ||
        config->direction > TENON_SERIALPORT_DIRECTION_CALLBACK ||
        (config->direction == TENON_SERIALPORT_DIRECTION_CALLBACK &&
         config->switch_direction == NULL)) {
        return NULL;
    }
    memset(self, 0, sizeof *self);
    self->base.module.driver = &serialport_driver;
    self->base.port = config->path;
    self->base.baud = config->baud;
    self->config = *config;
    self->base.fd = -1;
    self->guard_fd = -1;
    self->emergency_fd = -1;
    self->scheduling_ns = TENON_MS(1);
    self->latency_timer_ms = -1;
    self->base.latency_ns = self->scheduling_ns + UNKNOWN_ADAPTER_NS;
    return &self->base;
}

struct tenon_line *tenon_serialport_line_init_sized(struct tenon_serialport_line *self,
                                                    size_t size,
                                                    const char *path,
                                                    uint32_t baud)
{
    const struct tenon_serialport_line_config config = {.path = path, .baud = baud};
    return tenon_serialport_line_init_config_sized(self, size, &config);
}
