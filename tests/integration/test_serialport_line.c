/*
 * The serial line on pseudo-terminals, whose far end the test holds. Run it twice: as it is (the
 * line's own termios way) and with libtenon_pty_shim.so in LD_PRELOAD (libserialport's way).
 * Everything must hold for both.
 */
#define _GNU_SOURCE
#include "tests/tenon_test.h"

#include "drivers/line/tty_latency.h"
#include "drivers/line/tty_mode.h"
#include "tenon/drivers/serialport_line.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/serial.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#define NOBODY 65534

/* The kernel's numbers, whose header does not go with <termios.h>: speeds are the last two words of
 * termios2. */
#define TERMIOS2_SET   0x402C542BUL
#define TERMIOS2_GET   0x802C542AUL
#define TERMIOS2_BYTES 44
#define TERMIOS2_CFLAG 8           /* where it lies */
#define INPUT_OTHER    0x10000000U /* the input speed is a plain number of its own */

/* Plays an adapter that accepts any speed and runs 9600 above this one, as FTDI's do. */
static uint32_t adapter_limit = UINT32_MAX;

/* Plays a UART with an RTS pin, which a pseudo-terminal has not; put back before each test. */
static struct {
    int rs485_error;      /* the kernel's mode is refused with this errno; 0: it is there */
    bool rs485_is_lost;   /* accepted, but not in force */
    uint32_t rs485_flags; /* in force */
    int rts_error;        /* RTS cannot be lowered (libserialport raises it as it opens) */
    bool rts;             /* high */
    unsigned rts_count;   /* changes of it */
    bool is_busy;         /* bits are still in the shift register, and it tells so */
} uart;

static int answer(int error)
{
    errno = error;
    return error == 0 ? 0 : -1;
}

/* @return whether the request is one of those that the UART plays. */
static bool play_uart(unsigned long request, void *argument, int *out_result)
{
    switch (request) {
    case TIOCSRS485:
        uart.rs485_flags = uart.rs485_is_lost ? 0 : ((const struct serial_rs485 *)argument)->flags;
        *out_result = answer(uart.rs485_error);
        return true;
    case TIOCGRS485:
        ((struct serial_rs485 *)argument)->flags = uart.rs485_flags;
        *out_result = answer(uart.rs485_error);
        return true;
    case TIOCMBIS:
    case TIOCMBIC:
        uart.rts_count += uart.rts != (request == TIOCMBIS) ? 1 : 0;
        uart.rts = request == TIOCMBIS;
        *out_result = answer(request == TIOCMBIC ? uart.rts_error : 0);
        return true;
    case TIOCSERGETLSR:
        *(unsigned *)argument = uart.is_busy ? 0 : TIOCSER_TEMT;
        *out_result = 0;
        return true;
    default:
        return false;
    }
}

int ioctl(int fd, unsigned long request, ...)
{
    va_list arguments;
    va_start(arguments, request);
    void *argument = va_arg(arguments, void *);
    va_end(arguments);
    unsigned char mode[TERMIOS2_BYTES];
    uint32_t speeds[2];
    int result;
    if (play_uart(request, argument, &result)) {
        return result;
    }
    if (request == TERMIOS2_SET) {
        memcpy(mode, argument, sizeof mode);
        memcpy(speeds, mode + sizeof mode - sizeof speeds, sizeof speeds);
        if (speeds[1] > adapter_limit) {
            speeds[0] = speeds[1] = 9600;
            memcpy(mode + sizeof mode - sizeof speeds, speeds, sizeof speeds);
            argument = mode;
        }
    }
    int (*next)(int, unsigned long, ...);
    void *symbol = dlsym(RTLD_NEXT, "ioctl"); /* the shim, if it is loaded */
    memcpy(&next, &symbol, sizeof next);
    return next(fd, request, argument);
}

struct rig {
    int far; /* the pty's master: the adapter's wire side */
    char name[64];
    char directory[32];
    struct tenon_serialport_line line;
};

static int probe(struct tenon_serialport_line *line)
{
    return line->base.module.driver->lifecycle->probe(&line->base.module, 0);
}

static void release(struct tenon_serialport_line *line)
{
    line->base.module.driver->lifecycle->release(&line->base.module);
}

static int line_read(struct tenon_serialport_line *line, uint8_t *out_bytes, size_t capacity)
{
    return tenon_line_get_api(&line->base)->read(&line->base, out_bytes, capacity, 0);
}

static int line_write(struct tenon_serialport_line *line, const uint8_t *bytes, size_t count)
{
    return tenon_line_get_api(&line->base)->write(&line->base, bytes, count, 0);
}

static void assert_refused(const struct tenon_serialport_line *line,
                           int rc,
                           enum tenon_err code,
                           enum tenon_cause cause)
{
    assert_int_equal(rc, code);
    assert_int_equal(line->base.module.diag.code, code);
    assert_int_equal(line->base.module.diag.cause, cause);
    assert_ptr_equal(line->base.module.diag.subject, line->base.port);
}

static void assert_probe_refused(const char *path, enum tenon_err code, enum tenon_cause cause)
{
    struct tenon_serialport_line line;
    assert_non_null(tenon_serialport_line_init(&line, path, 1000000));
    assert_refused(&line, probe(&line), code, cause);
    assert_int_equal(line.base.fd, -1);
    assert_string_equal(tenon_serialport_line_path_name(&line), "none");
}

static int open_pty(char *out_name, size_t size)
{
    const int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
    assert_true(master >= 0);
    assert_int_equal(grantpt(master), 0);
    assert_int_equal(unlockpt(master), 0);
    assert_int_equal(ptsname_r(master, out_name, size), 0);
    return master;
}

static int make_rig(void **state)
{
    struct rig *rig = calloc(1, sizeof *rig);
    memset(&uart, 0, sizeof uart);
    rig->far = open_pty(rig->name, sizeof rig->name);
    (void)snprintf(rig->directory, sizeof rig->directory, "/tmp/tenon_line_XXXXXX");
    assert_non_null(mkdtemp(rig->directory));
    assert_non_null(tenon_serialport_line_init(&rig->line, rig->name, 1000000));
    *state = rig;
    return 0;
}

static int drop_rig(void **state)
{
    struct rig *rig = *state;
    release(&rig->line);
    if (rig->far >= 0) {
        (void)close(rig->far);
    }
    char command[64];
    (void)snprintf(command, sizeof command, "rm -rf %s", rig->directory);
    assert_int_equal(system(command), 0);
    free(rig);
    return 0;
}

static void wait_for_input(int fd)
{
    struct pollfd look = {.fd = fd, .events = POLLIN, .revents = 0};
    assert_int_equal(poll(&look, 1, 2000), 1);
}

static void link_to(const char *target, const char *link)
{
    (void)unlink(link);
    assert_int_equal(symlink(target, link), 0);
}

static void port_is_opened_the_way_the_platform_allows(void **state)
{
    struct rig *rig = *state;
    const char *preload = getenv("LD_PRELOAD");
    const bool has_shim = preload != NULL && strstr(preload, "pty_shim") != NULL;
    assert_int_equal(probe(&rig->line), TENON_OK);
    assert_string_equal(tenon_serialport_line_path_name(&rig->line),
                        has_shim ? "libserialport" : "termios");
    assert_true(rig->line.base.fd >= 0);
}

static void init_refuses_null_and_another_version(void **state)
{
    struct tenon_serialport_line line;
    (void)state;
    assert_null(tenon_serialport_line_init(NULL, "/dev/ttyUSB0", 57600));
    assert_null(tenon_serialport_line_init(&line, NULL, 57600));
    assert_null(tenon_serialport_line_init_sized(&line, sizeof line - 1, "/dev/ttyUSB0", 57600));
}

static void every_byte_value_passes_both_ways(void **state)
{
    struct rig *rig = *state;
    uint8_t sent[256];
    uint8_t got[300];
    for (unsigned i = 0; i < sizeof sent; i++) {
        sent[i] = (uint8_t)i;
    }
    assert_int_equal(probe(&rig->line), TENON_OK);
    assert_int_equal(line_write(&rig->line, sent, sizeof sent), sizeof sent);
    assert_false(rig->line.base.tx_pending);
    wait_for_input(rig->far);
    assert_int_equal(read(rig->far, got, sizeof got), sizeof sent);
    assert_memory_equal(got, sent, sizeof sent);

    assert_int_equal(write(rig->far, sent, sizeof sent), sizeof sent);
    wait_for_input(rig->line.base.fd);
    assert_int_equal(line_read(&rig->line, got, 100), 100);
    assert_int_equal(line_read(&rig->line, got + 100, sizeof got - 100), 156);
    assert_memory_equal(got, sent, sizeof sent);
    assert_int_equal(rig->line.base.rx_bytes, 256);
    assert_int_equal(rig->line.base.tx_bytes, 256);
}

static void idle_port_answers_zero_and_stays_open(void **state)
{
    struct rig *rig = *state;
    uint8_t byte;
    assert_int_equal(probe(&rig->line), TENON_OK);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(line_read(&rig->line, &byte, 1), 0);
    }
    assert_int_equal(line_read(&rig->line, &byte, 0), 0);
    assert_int_equal(line_write(&rig->line, &byte, 0), 0);
    assert_true(rig->line.base.fd >= 0);
    assert_int_equal(rig->line.base.module.diag.code, TENON_OK);
}

static void input_from_before_the_probe_is_dropped(void **state)
{
    struct rig *rig = *state;
    uint8_t byte;
    const int other = open(rig->name, O_RDWR | O_NOCTTY | O_CLOEXEC);
    assert_true(other >= 0);
    assert_int_equal(tenon__tty_make_raw(other), 0);
    assert_int_equal(write(rig->far, "old", 3), 3);
    wait_for_input(other);
    assert_int_equal(probe(&rig->line), TENON_OK);
    assert_int_equal(line_read(&rig->line, &byte, 1), 0);
    (void)close(other);
}

static void full_port_takes_a_part_and_the_rest_later(void **state)
{
    struct rig *rig = *state;
    static uint8_t bytes[1 << 20];
    assert_int_equal(probe(&rig->line), TENON_OK);
    const int first = line_write(&rig->line, bytes, sizeof bytes);
    assert_in_range(first, 1, sizeof bytes - 1);
    assert_true(rig->line.base.tx_pending);
    int total = first;
    int taken;
    while ((taken = line_write(&rig->line, bytes, sizeof bytes)) > 0) {
        total += taken;
    }
    assert_int_equal(taken, 0);
    assert_int_equal(rig->line.base.tx_bytes, total);
    wait_for_input(rig->far);
    assert_true(read(rig->far, bytes, sizeof bytes) > 0);
    struct pollfd look = {.fd = rig->line.base.fd, .events = POLLOUT, .revents = 0};
    assert_int_equal(poll(&look, 1, 2000), 1);
    assert_int_equal(line_write(&rig->line, bytes, 1), 1);
    assert_false(rig->line.base.tx_pending);
}

static void every_dynamixel_baud_is_in_force_at_the_far_end(void **state)
{
    static const uint32_t bauds[] = {9600,    57600,   115200,  1000000,  2000000,
                                     3000000, 4000000, 4500000, 10500000, 123457};
    struct rig *rig = *state;
    for (size_t i = 0; i < sizeof bauds / sizeof bauds[0]; i++) {
        rig->line.base.baud = bauds[i];
        assert_int_equal(probe(&rig->line), TENON_OK);
        assert_int_equal(tenon__tty_baud(rig->far), bauds[i]);
    }
    for (size_t i = 0; i < sizeof bauds / sizeof bauds[0]; i++) {
        assert_int_equal(tenon_line_get_api(&rig->line.base)->set_baud(&rig->line.base, bauds[i]),
                         0);
        assert_int_equal(tenon__tty_baud(rig->far), bauds[i]);
        assert_int_equal(rig->line.base.baud, bauds[i]);
    }
}

static void impossible_baud_is_refused_and_the_old_one_stays(void **state)
{
    static const uint32_t bauds[] = {0, 0x80000000U};
    struct rig *rig = *state;
    assert_int_equal(probe(&rig->line), TENON_OK);
    for (size_t i = 0; i < sizeof bauds / sizeof bauds[0]; i++) {
        assert_refused(&rig->line,
                       tenon_line_get_api(&rig->line.base)->set_baud(&rig->line.base, bauds[i]),
                       TENON_ERR_UNSUPPORTED, TENON_CAUSE_BAUD_UNSUPPORTED);
        assert_int_equal(rig->line.base.baud, 1000000);
        assert_int_equal(tenon__tty_baud(rig->far), 1000000);
    }
    release(&rig->line);
    rig->line.base.baud = 0;
    assert_refused(&rig->line, probe(&rig->line), TENON_ERR_UNSUPPORTED,
                   TENON_CAUSE_BAUD_UNSUPPORTED);
}

static void adapter_that_runs_another_speed_than_told_is_found_out(void **state)
{
    struct rig *rig = *state;
    assert_int_equal(probe(&rig->line), TENON_OK);
    adapter_limit = 3000000;
    const int rc = tenon_line_get_api(&rig->line.base)->set_baud(&rig->line.base, 4500000);
    const uint32_t after = tenon__tty_baud(rig->far);
    rig->line.base.baud = 4000000;
    const int rc_of_probe = probe(&rig->line);
    adapter_limit = UINT32_MAX;
    assert_int_equal(rc, TENON_ERR_UNSUPPORTED);
    assert_int_equal(after, 1000000);
    assert_refused(&rig->line, rc_of_probe, TENON_ERR_UNSUPPORTED, TENON_CAUSE_BAUD_UNSUPPORTED);
    assert_float_equal(rig->line.base.module.diag.value, 4000000, 0);
    assert_float_equal(rig->line.base.module.diag.bound, 9600, 0);
}

static void settings_of_the_last_program_do_not_survive(void **state)
{
    struct rig *rig = *state;
    struct termios mode;
    assert_int_equal(tcgetattr(rig->far, &mode), 0);
    mode.c_cflag |= CRTSCTS | CSTOPB | HUPCL;
    mode.c_iflag |= IXON | IXOFF | IXANY | ISTRIP | INLCR | PARMRK | INPCK;
    mode.c_oflag |= OPOST | ONLCR;
    mode.c_lflag |= ICANON | ECHO | ISIG | IEXTEN;
    assert_int_equal(tcsetattr(rig->far, TCSANOW, &mode), 0);
    assert_int_equal(probe(&rig->line), TENON_OK);
    assert_int_equal(tcgetattr(rig->far, &mode), 0);
    assert_int_equal(mode.c_cflag & (CSIZE | CSTOPB | PARENB | CRTSCTS | HUPCL), CS8);
    assert_int_equal(mode.c_iflag & ~(tcflag_t)(IGNPAR | IGNBRK), 0);
    assert_int_equal(mode.c_oflag & (OPOST | ONLCR), 0);
    assert_int_equal(mode.c_lflag & (ICANON | ECHO | ISIG | IEXTEN), 0);
}

static void input_speed_of_its_own_left_behind_is_put_right(void **state)
{
    struct rig *rig = *state;
    unsigned char mode[TERMIOS2_BYTES];
    const uint32_t input_speed = 300;
    uint32_t control;
    assert_int_equal(ioctl(rig->far, TERMIOS2_GET, mode), 0);
    memcpy(&control, mode + TERMIOS2_CFLAG, sizeof control);
    control |= INPUT_OTHER;
    memcpy(mode + TERMIOS2_CFLAG, &control, sizeof control);
    memcpy(mode + sizeof mode - 8, &input_speed, sizeof input_speed);
    assert_int_equal(ioctl(rig->far, TERMIOS2_SET, mode), 0);
    assert_int_equal(tenon__tty_baud(rig->far), 0); /* the directions differ */
    rig->line.base.baud = 57600;
    assert_int_equal(probe(&rig->line), TENON_OK);
    assert_int_equal(tenon_line_get_api(&rig->line.base)->set_baud(&rig->line.base, 1000000), 0);
    assert_int_equal(tenon__tty_baud(rig->far), 1000000);
}

static void second_taker_is_told_busy_and_disturbs_nothing(void **state)
{
    struct rig *rig = *state;
    struct tenon_serialport_line second;
    assert_int_equal(probe(&rig->line), TENON_OK);
    assert_int_equal(write(rig->far, "kept", 4), 4);
    assert_non_null(tenon_serialport_line_init(&second, rig->name, 57600));
    assert_refused(&second, probe(&second), TENON_ERR_STATE, TENON_CAUSE_PORT_BUSY);
    assert_int_equal(tenon__tty_baud(rig->far), 1000000);
    uint8_t bytes[8];
    wait_for_input(rig->line.base.fd);
    assert_int_equal(line_read(&rig->line, bytes, sizeof bytes), 4);

    release(&rig->line);
    assert_int_equal(probe(&second), TENON_OK);
    assert_int_equal(tenon__tty_baud(rig->far), 57600);
    release(&second);
}

static void port_stays_locked_where_the_exclusive_mark_was_wiped_off(void **state)
{
    struct rig *rig = *state;
    struct tenon_serialport_line second;
    assert_int_equal(probe(&rig->line), TENON_OK);
    assert_int_equal(ioctl(rig->line.base.fd, TIOCNXCL), 0); /* as `tenon sim` does */
    assert_non_null(tenon_serialport_line_init(&second, rig->name, 57600));
    assert_refused(&second, probe(&second), TENON_ERR_STATE, TENON_CAUSE_PORT_BUSY);
}

static void port_that_a_stranger_holds_is_busy_even_for_root(void **state)
{
    struct rig *rig = *state;
    const int stranger = open(rig->name, O_RDWR | O_NOCTTY | O_CLOEXEC);
    assert_true(stranger >= 0);
    assert_int_equal(ioctl(stranger, TIOCEXCL), 0);
    assert_refused(&rig->line, probe(&rig->line), TENON_ERR_STATE, TENON_CAUSE_PORT_BUSY);
    assert_int_equal(ioctl(stranger, TIOCNXCL), 0);
    assert_int_equal(probe(&rig->line), TENON_OK);
    int is_exclusive = 0;
    assert_int_equal(ioctl(stranger, TIOCGEXCL, &is_exclusive), 0);
    assert_true(is_exclusive != 0);
    release(&rig->line);
    assert_int_equal(ioctl(stranger, TIOCGEXCL, &is_exclusive), 0);
    assert_false(is_exclusive != 0);
    (void)close(stranger);
}

static void what_is_no_serial_port_is_named_so(void **state)
{
    struct rig *rig = *state;
    char file[64];
    char link[64];
    (void)snprintf(file, sizeof file, "%s/file", rig->directory);
    (void)snprintf(link, sizeof link, "%s/link", rig->directory);
    const int fd = open(file, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    (void)close(fd);
    link_to(file, link);
    assert_probe_refused(rig->directory, TENON_ERR_ARG, TENON_CAUSE_PORT_NOT_SERIAL);
    assert_probe_refused(file, TENON_ERR_ARG, TENON_CAUSE_PORT_NOT_SERIAL);
    assert_probe_refused(link, TENON_ERR_ARG, TENON_CAUSE_PORT_NOT_SERIAL);
    assert_probe_refused("/dev/null", TENON_ERR_ARG, TENON_CAUSE_PORT_NOT_SERIAL);
}

static void missing_port_and_dangling_link_are_missing(void **state)
{
    struct rig *rig = *state;
    char link[64];
    char below[64];
    (void)snprintf(link, sizeof link, "%s/link", rig->directory);
    (void)snprintf(below, sizeof below, "%s/none/port", rig->directory);
    link_to("/dev/tenon_has_no_such_port", link);
    assert_probe_refused("/dev/tenon_has_no_such_port", TENON_ERR_IO, TENON_CAUSE_PORT_MISSING);
    assert_probe_refused(link, TENON_ERR_IO, TENON_CAUSE_PORT_MISSING);
    assert_probe_refused(below, TENON_ERR_IO, TENON_CAUSE_PORT_MISSING);
    assert_probe_refused("", TENON_ERR_IO, TENON_CAUSE_PORT_MISSING);
}

static int cause_as_nobody(struct tenon_serialport_line *line)
{
    if (geteuid() == 0 && (setgid(NOBODY) != 0 || setuid(NOBODY) != 0)) {
        return 0;
    }
    return probe(line) == TENON_ERR_IO ? line->base.module.diag.cause : 0;
}

static void port_of_another_user_is_named_so(void **state)
{
    struct rig *rig = *state;
    assert_int_equal(chmod(rig->name, 0000), 0);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        _exit(cause_as_nobody(&rig->line));
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), TENON_CAUSE_PORT_PERMISSION);
}

static void pulled_plug_is_noticed_by_read(void **state)
{
    struct rig *rig = *state;
    uint8_t byte;
    assert_int_equal(probe(&rig->line), TENON_OK);
    (void)close(rig->far);
    rig->far = -1;
    assert_refused(&rig->line, line_read(&rig->line, &byte, 1), TENON_ERR_IO,
                   TENON_CAUSE_PORT_LOST);
    assert_int_equal(rig->line.base.fd, -1);
    assert_refused(&rig->line, line_read(&rig->line, &byte, 1), TENON_ERR_IO,
                   TENON_CAUSE_PORT_LOST);
    assert_refused(&rig->line, line_write(&rig->line, &byte, 1), TENON_ERR_IO,
                   TENON_CAUSE_PORT_LOST);
}

static void pulled_plug_is_noticed_by_write(void **state)
{
    struct rig *rig = *state;
    const uint8_t byte = 0;
    assert_int_equal(probe(&rig->line), TENON_OK);
    (void)close(rig->far);
    rig->far = -1;
    assert_refused(&rig->line, line_write(&rig->line, &byte, 1), TENON_ERR_IO,
                   TENON_CAUSE_PORT_LOST);
    assert_int_equal(rig->line.base.fd, -1);
}

static void pulled_plug_is_noticed_by_set_baud(void **state)
{
    struct rig *rig = *state;
    assert_int_equal(probe(&rig->line), TENON_OK);
    (void)close(rig->far);
    rig->far = -1;
    assert_refused(&rig->line,
                   tenon_line_get_api(&rig->line.base)->set_baud(&rig->line.base, 57600),
                   TENON_ERR_IO, TENON_CAUSE_PORT_LOST);
    assert_int_equal(rig->line.base.baud, 1000000);
}

static void adapter_that_comes_back_under_another_name_is_found_by_its_link(void **state)
{
    struct rig *rig = *state;
    char link[64];
    char name[64];
    uint8_t byte = 0;
    (void)snprintf(link, sizeof link, "%s/by-id", rig->directory);
    link_to(rig->name, link);
    assert_non_null(tenon_serialport_line_init(&rig->line, link, 1000000));
    assert_int_equal(probe(&rig->line), TENON_OK);
    assert_int_equal(line_write(&rig->line, (const uint8_t *)"a", 1), 1);

    const int again = open_pty(name, sizeof name); /* before the first goes, so that names differ */
    (void)close(rig->far);
    rig->far = again;
    assert_int_equal(line_read(&rig->line, &byte, 1), TENON_ERR_IO);
    release(&rig->line);
    assert_int_equal(unlink(link), 0);
    assert_refused(&rig->line, probe(&rig->line), TENON_ERR_IO, TENON_CAUSE_PORT_MISSING);

    link_to(name, link);
    assert_int_equal(probe(&rig->line), TENON_OK);
    assert_int_equal(line_write(&rig->line, (const uint8_t *)"b", 1), 1);
    wait_for_input(again);
    assert_int_equal(read(again, &byte, 1), 1);
    assert_int_equal(byte, 'b');
    assert_int_equal(rig->line.base.tx_bytes, 2);
}

static int open_descriptors(void)
{
    int count = 0;
    for (int fd = 0; fd < 256; fd++) {
        count += fcntl(fd, F_GETFD) >= 0;
    }
    return count;
}

/* --- direction --- */

static int probe_with(struct rig *rig, enum tenon_serialport_direction direction, bool is_inverted)
{
    const struct tenon_serialport_line_config config = {.path = rig->name,
                                                        .baud = 9600,
                                                        .direction = (uint8_t)direction,
                                                        .is_inverted = is_inverted};
    assert_non_null(tenon_serialport_line_init_config(&rig->line, &config));
    const int rc = probe(&rig->line);
    uart.rts_count = 0; /* what happens at opening is libserialport's, too */
    return rc;
}

static void assert_direction_refused(const struct rig *rig, int rc, int error, const char *how)
{
    assert_refused(&rig->line, rc, TENON_ERR_UNSUPPORTED, TENON_CAUSE_DIRECTION);
    assert_int_equal((int)rig->line.base.module.diag.value, error);
    assert_non_null(strstr(rig->line.base.module.diag.detail, how));
    assert_int_equal(rig->line.base.fd, -1);
}

static void the_kernel_is_told_to_switch_direction_and_asked_whether_it_does(void **state)
{
    struct rig *rig = *state;
    assert_int_equal(probe_with(rig, TENON_SERIALPORT_DIRECTION_KERNEL, false), TENON_OK);
    assert_int_equal(uart.rs485_flags, SER_RS485_ENABLED | SER_RS485_RTS_ON_SEND);
    release(&rig->line);
    assert_int_equal(probe_with(rig, TENON_SERIALPORT_DIRECTION_KERNEL, true), TENON_OK);
    assert_int_equal(uart.rs485_flags, SER_RS485_ENABLED | SER_RS485_RTS_AFTER_SEND);
    assert_int_equal(line_write(&rig->line, (const uint8_t *)"a", 1), 1);
    assert_int_equal(rig->line.base.due_ns, 0); /* nothing is left for us to do */
    assert_int_equal(uart.rts_count, 0);
    release(&rig->line);
    uart.rs485_is_lost = true;
    assert_direction_refused(rig, probe_with(rig, TENON_SERIALPORT_DIRECTION_KERNEL, false), 0,
                             "RS-485");
    uart.rs485_error = ENOTTY;
    assert_direction_refused(rig, probe_with(rig, TENON_SERIALPORT_DIRECTION_KERNEL, false), ENOTTY,
                             "RS-485");
}

static void nobody_touches_direction_unless_told(void **state)
{
    struct rig *rig = *state;
    uart.rs485_flags = 0x55;
    assert_int_equal(probe_with(rig, TENON_SERIALPORT_DIRECTION_ADAPTER, false), TENON_OK);
    assert_int_equal(line_write(&rig->line, (const uint8_t *)"a", 1), 1);
    assert_int_equal(uart.rs485_flags, 0x55);
    assert_int_equal(uart.rts_count, 0);
    assert_int_equal(rig->line.base.due_ns, 0);
}

static int write_at(struct rig *rig, size_t count, tenon_ns_t now)
{
    static const uint8_t bytes[64];
    return tenon_line_get_api(&rig->line.base)->write(&rig->line.base, bytes, count, now);
}

static void tend_at(struct rig *rig, tenon_ns_t now)
{
    assert_int_equal(tenon_line_get_api(&rig->line.base)->tend(&rig->line.base, now), TENON_OK);
}

/* Ten bits a byte at 9600: 1.0416 ms. */
static void rts_is_high_from_the_first_byte_until_the_last_bit_has_left(void **state)
{
    struct rig *rig = *state;
    const tenon_ns_t byte = TENON_S(10) / 9600;
    assert_int_equal(probe_with(rig, TENON_SERIALPORT_DIRECTION_RTS, false), TENON_OK);
    assert_false(uart.rts);
    assert_int_equal(write_at(rig, 10, TENON_S(1)), 10);
    assert_true(uart.rts);
    assert_int_equal(rig->line.base.due_ns, TENON_S(1) + 10 * byte);
    assert_int_equal(write_at(rig, 4, TENON_S(1) + byte), 4); /* joins the bytes under way */
    assert_int_equal(rig->line.base.due_ns, TENON_S(1) + 14 * byte);
    tend_at(rig, TENON_S(1) + 14 * byte - 1);
    assert_true(uart.rts);
    uart.is_busy = true; /* a FIFO that began late */
    tend_at(rig, TENON_S(1) + 14 * byte);
    assert_true(uart.rts);
    assert_int_equal(rig->line.base.due_ns, TENON_S(1) + 15 * byte);
    uart.is_busy = false;
    tend_at(rig, TENON_S(1) + 15 * byte);
    assert_false(uart.rts);
    assert_int_equal(rig->line.base.due_ns, 0);
    assert_int_equal(uart.rts_count, 2);
    assert_int_equal(write_at(rig, 1, TENON_S(2)), 1);
    assert_int_equal(rig->line.base.due_ns, TENON_S(2) + byte);
    release(&rig->line);
    assert_false(uart.rts); /* the wire is left to the others */
}

static void rts_may_be_the_other_way_round(void **state)
{
    struct rig *rig = *state;
    assert_int_equal(probe_with(rig, TENON_SERIALPORT_DIRECTION_RTS, true), TENON_OK);
    assert_true(uart.rts);
    assert_int_equal(write_at(rig, 1, TENON_S(1)), 1);
    assert_false(uart.rts);
    tend_at(rig, TENON_S(2));
    assert_true(uart.rts);
}

static void a_port_without_rts_is_refused_and_one_that_loses_it_is_lost(void **state)
{
    struct rig *rig = *state;
    uart.rts_error = ENOTTY;
    assert_direction_refused(rig, probe_with(rig, TENON_SERIALPORT_DIRECTION_RTS, false), ENOTTY,
                             "RTS");
    assert_int_equal(probe_with(rig, TENON_SERIALPORT_DIRECTION_RTS, true), TENON_OK);
    uart.rts_error = EIO;
    assert_refused(&rig->line, write_at(rig, 1, 0), TENON_ERR_IO, TENON_CAUSE_DIRECTION);
    assert_int_equal(rig->line.base.fd, -1);
}

/* Bytes that the port had no room for leave later: the direction waits for them. */
static void direction_waits_for_bytes_that_were_not_taken_yet(void **state)
{
    struct rig *rig = *state;
    assert_int_equal(probe_with(rig, TENON_SERIALPORT_DIRECTION_RTS, false), TENON_OK);
    for (unsigned i = 0; i < 10000 && !rig->line.base.tx_pending; i++) {
        (void)write_at(rig, 64, TENON_S(1));
    }
    assert_true(rig->line.base.tx_pending);
    tend_at(rig, TENON_S(1000));
    assert_true(uart.rts);
    assert_true(rig->line.base.due_ns > TENON_S(1000));
}

static struct {
    bool is_sending;
    unsigned count;
    int error;
} pin;

static int switch_pin(void *context, bool is_sending)
{
    assert_ptr_equal(context, &pin);
    pin.count += pin.is_sending != is_sending ? 1 : 0;
    pin.is_sending = is_sending;
    return pin.error;
}

static void a_function_of_the_application_may_switch(void **state)
{
    struct rig *rig = *state;
    struct tenon_serialport_line_config config = {
        .path = rig->name,
        .baud = 1000000,
        .direction = TENON_SERIALPORT_DIRECTION_CALLBACK,
    };
    assert_null(tenon_serialport_line_init_config(&rig->line, &config));
    config.switch_direction = switch_pin;
    config.context = &pin;
    memset(&pin, 0, sizeof pin);
    assert_non_null(tenon_serialport_line_init_config(&rig->line, &config));
    assert_int_equal(probe(&rig->line), TENON_OK);
    assert_int_equal(write_at(rig, 3, TENON_S(1)), 3);
    assert_true(pin.is_sending);
    tend_at(rig, TENON_S(1) + TENON_US(30));
    assert_false(pin.is_sending);
    /* An emergency switches by itself, both ways. */
    const uint8_t byte = 0;
    const struct tenon_line_api *const api = tenon_line_get_api(&rig->line.base);
    assert_int_equal(api->write_emergency(&rig->line.base, &byte, 1, 0), 1);
    assert_int_equal(pin.count, 4);
    assert_false(pin.is_sending);
    pin.error = EPERM;
    assert_direction_refused(rig, probe(&rig->line), EPERM, "function");
    config.direction = TENON_SERIALPORT_DIRECTION_CALLBACK + 1;
    assert_null(tenon_serialport_line_init_config(&rig->line, &config));
}

/* --- the way past a step that hangs --- */

/* A thread that is held up on its way into the kernel, so that the port can go meanwhile. */
static _Thread_local bool is_held_up;

ssize_t write(int fd, const void *bytes, size_t count)
{
    if (is_held_up) {
        (void)usleep(200);
    }
    return syscall(SYS_write, fd, bytes, count);
}

struct caller {
    struct tenon_serialport_line *line;
    uint32_t is_done;
    uint32_t taken_count;
};

static void *call_for_help(void *argument)
{
    static const uint8_t bytes[] = "help";
    struct caller *self = argument;
    const struct tenon_line_api *api = tenon_line_get_api(&self->line->base);
    is_held_up = true;
    while (__atomic_load_n(&self->is_done, __ATOMIC_SEQ_CST) == 0) {
        if (api->write_emergency(&self->line->base, bytes, sizeof bytes, 0) > 0) {
            __atomic_fetch_add(&self->taken_count, 1, __ATOMIC_SEQ_CST);
        }
    }
    return NULL;
}

/* The number of a closed port is soon another file's: no emergency may ever go there. */
static void emergency_reaches_the_port_or_nothing_while_it_comes_and_goes(void **state)
{
    struct rig *rig = *state;
    struct caller caller = {.line = &rig->line};
    char path[64];
    uint8_t heard[4096];
    pthread_t thread;
    (void)snprintf(path, sizeof path, "%s/bystander", rig->directory);
    assert_int_equal(pthread_create(&thread, NULL, call_for_help, &caller), 0);
    for (int i = 0; i < 200; i++) {
        while (probe(&rig->line) == TENON_ERR_AGAIN) {
        }
        (void)line_write(&rig->line, (const uint8_t *)"mine", 4);
        (void)usleep(100);
        release(&rig->line);
        int bystanders[8];
        for (size_t k = 0; k < 8; k++) {
            bystanders[k] = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        }
        (void)!read(rig->far, heard, sizeof heard);
        (void)usleep(300);
        for (size_t k = 0; k < 8; k++) {
            (void)close(bystanders[k]);
        }
    }
    __atomic_store_n(&caller.is_done, 1, __ATOMIC_SEQ_CST);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_true(__atomic_load_n(&caller.taken_count, __ATOMIC_SEQ_CST) > 0);
    struct stat bystander;
    assert_int_equal(stat(path, &bystander), 0);
    assert_int_equal(bystander.st_size, 0);
}

static void no_descriptor_is_left_behind(void **state)
{
    struct rig *rig = *state;
    const int before = open_descriptors();
    for (int i = 0; i < 3; i++) {
        assert_int_equal(probe(&rig->line), TENON_OK);
        struct tenon_serialport_line second;
        assert_non_null(tenon_serialport_line_init(&second, rig->name, 57600));
        assert_int_equal(probe(&second), TENON_ERR_STATE);
        rig->line.base.baud = 0;
        assert_int_equal(probe(&rig->line), TENON_ERR_UNSUPPORTED);
        rig->line.base.baud = 57600;
        assert_int_equal(probe(&rig->line), TENON_OK);
        release(&rig->line);
        release(&rig->line);
        assert_int_equal(open_descriptors(), before);
    }
}

static void latency_is_the_adapters_plus_the_schedulers(void **state)
{
    struct rig *rig = *state;
    assert_int_equal(rig->line.base.latency_ns, TENON_MS(2));
    rig->line.scheduling_ns = TENON_MS(5);
    assert_int_equal(probe(&rig->line), TENON_OK);
    assert_int_equal(rig->line.base.latency_ns, TENON_MS(6));
    assert_int_equal(rig->line.latency_timer_ms, -1);
    assert_false(rig->line.latency_timer_set);
}

static void put_timer(const char *root, const char *below, const char *text)
{
    char command[256];
    (void)snprintf(command, sizeof command,
                   "mkdir -p %s/%s && printf %%b '%s' > %s/%s/latency_timer", root, below, text,
                   root, below);
    assert_int_equal(system(command), 0);
}

static void latency_timer_is_read_and_written_where_the_kernel_keeps_it(void **state)
{
    struct rig *rig = *state;
    const char *root = rig->directory;
    assert_int_equal(tenon__tty_latency_timer(root, "ttyUSB0"), -1);
    assert_false(tenon__tty_set_latency_timer(root, "ttyUSB0", 1));
    put_timer(root, "class/tty/ttyUSB0/device", "16\\n");
    put_timer(root, "bus/usb-serial/devices/ttyUSB1", "2\\n");
    assert_int_equal(tenon__tty_latency_timer(root, "ttyUSB0"), 16);
    assert_int_equal(tenon__tty_latency_timer(root, "ttyUSB1"), 2);
    assert_true(tenon__tty_set_latency_timer(root, "ttyUSB1", 1));
    assert_int_equal(tenon__tty_latency_timer(root, "ttyUSB1"), 1);
    assert_int_equal(tenon__tty_latency_timer(root, "ttyUSB0"), 16);
}

static void latency_timer_that_makes_no_sense_is_unknown(void **state)
{
    static const char *const texts[] = {"", "x", "-1\\n", "256\\n", "1x\\n", "99999999999999\\n"};
    struct rig *rig = *state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        put_timer(rig->directory, "class/tty/ttyUSB0/device", texts[i]);
        assert_int_equal(tenon__tty_latency_timer(rig->directory, "ttyUSB0"), -1);
    }
}

#define RIG_TEST(f) cmocka_unit_test_setup_teardown(f, make_rig, drop_rig)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(port_is_opened_the_way_the_platform_allows),
        cmocka_unit_test(init_refuses_null_and_another_version),
        RIG_TEST(every_byte_value_passes_both_ways),
        RIG_TEST(idle_port_answers_zero_and_stays_open),
        RIG_TEST(input_from_before_the_probe_is_dropped),
        RIG_TEST(full_port_takes_a_part_and_the_rest_later),
        RIG_TEST(every_dynamixel_baud_is_in_force_at_the_far_end),
        RIG_TEST(impossible_baud_is_refused_and_the_old_one_stays),
        RIG_TEST(adapter_that_runs_another_speed_than_told_is_found_out),
        RIG_TEST(settings_of_the_last_program_do_not_survive),
        RIG_TEST(input_speed_of_its_own_left_behind_is_put_right),
        RIG_TEST(second_taker_is_told_busy_and_disturbs_nothing),
        RIG_TEST(port_stays_locked_where_the_exclusive_mark_was_wiped_off),
        RIG_TEST(port_that_a_stranger_holds_is_busy_even_for_root),
        RIG_TEST(what_is_no_serial_port_is_named_so),
        RIG_TEST(missing_port_and_dangling_link_are_missing),
        RIG_TEST(port_of_another_user_is_named_so),
        RIG_TEST(pulled_plug_is_noticed_by_read),
        RIG_TEST(pulled_plug_is_noticed_by_write),
        RIG_TEST(pulled_plug_is_noticed_by_set_baud),
        RIG_TEST(adapter_that_comes_back_under_another_name_is_found_by_its_link),
        RIG_TEST(the_kernel_is_told_to_switch_direction_and_asked_whether_it_does),
        RIG_TEST(nobody_touches_direction_unless_told),
        RIG_TEST(rts_is_high_from_the_first_byte_until_the_last_bit_has_left),
        RIG_TEST(rts_may_be_the_other_way_round),
        RIG_TEST(a_port_without_rts_is_refused_and_one_that_loses_it_is_lost),
        RIG_TEST(direction_waits_for_bytes_that_were_not_taken_yet),
        RIG_TEST(a_function_of_the_application_may_switch),
        RIG_TEST(emergency_reaches_the_port_or_nothing_while_it_comes_and_goes),
        RIG_TEST(no_descriptor_is_left_behind),
        RIG_TEST(latency_is_the_adapters_plus_the_schedulers),
        RIG_TEST(latency_timer_is_read_and_written_where_the_kernel_keeps_it),
        RIG_TEST(latency_timer_that_makes_no_sense_is_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
