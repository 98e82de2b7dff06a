#define _GNU_SOURCE
#include "tty_latency.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/serial.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* The chip's register is a byte. */
#define LATENCY_MAX_MS 255

/*
 * The first is where the attribute lives; the second is there on kernels whose class directory has
 * no such link.
 */
static int open_timer(const char *sysfs, const char *name, int flags)
{
    char path[PATH_MAX];
    int length = snprintf(path, sizeof path, "%s/class/tty/%s/device/latency_timer", sysfs, name);
    if (length < 0 || (size_t)length >= sizeof path) {
        return -1;
    }
    const int fd = open(path, flags | O_CLOEXEC);
    if (fd >= 0 || errno != ENOENT) {
        return fd;
    }
    length = snprintf(path, sizeof path, "%s/bus/usb-serial/devices/%s/latency_timer", sysfs, name);
    if (length < 0 || (size_t)length >= sizeof path) {
        return -1;
    }
    return open(path, flags | O_CLOEXEC);
}

int tenon__tty_latency_timer(const char *sysfs, const char *name)
{
    const int fd = open_timer(sysfs, name, O_RDONLY);
    if (fd < 0) {
        return -1;
    }
    char text[16];
    const ssize_t length = read(fd, text, sizeof text - 1);
    (void)close(fd);
    if (length <= 0) {
        return -1;
    }
    text[length] = '\0';
    char *end;
    const long ms = strtol(text, &end, 10);
    const bool is_number = end != text && (*end == '\0' || *end == '\n');
    return is_number && ms >= 0 && ms <= LATENCY_MAX_MS ? (int)ms : -1;
}

bool tenon__tty_set_latency_timer(const char *sysfs, const char *name, int ms)
{
    const int fd = open_timer(sysfs, name, O_WRONLY);
    if (fd < 0) {
        return false;
    }
    char text[16];
    const int length = snprintf(text, sizeof text, "%d\n", ms);
    const bool is_written = length > 0 && write(fd, text, (size_t)length) == length;
    (void)close(fd);
    return is_written;
}

bool tenon__tty_set_low_latency(int fd)
{
    struct serial_struct serial;
    if (ioctl(fd, TIOCGSERIAL, &serial) != 0) {
        return false;
    }
    const int flags = (int)((unsigned)serial.flags | ASYNC_LOW_LATENCY);
    if (serial.flags == flags) {
        return true;
    }
    serial.flags = flags;
    return ioctl(fd, TIOCSSERIAL, &serial) == 0;
}
