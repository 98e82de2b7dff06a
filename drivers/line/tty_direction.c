#define _GNU_SOURCE
#include "tty_direction.h"

#include <errno.h>
#include <linux/serial.h>
#include <sys/ioctl.h>

int tenon__tty_use_rs485(int fd, bool is_inverted)
{
    const unsigned level = is_inverted ? SER_RS485_RTS_AFTER_SEND : SER_RS485_RTS_ON_SEND;
    const unsigned mask = SER_RS485_ENABLED | SER_RS485_RTS_ON_SEND | SER_RS485_RTS_AFTER_SEND;
    struct serial_rs485 settings = {.flags = SER_RS485_ENABLED | level};
    if (ioctl(fd, TIOCSRS485, &settings) != 0) {
        return errno;
    }
    struct serial_rs485 in_force = {.flags = 0};
    if (ioctl(fd, TIOCGRS485, &in_force) != 0) {
        return errno;
    }
    return (in_force.flags & mask) == (SER_RS485_ENABLED | level) ? 0 : -1;
}

int tenon__tty_set_rts(int fd, bool is_high)
{
    const int rts = TIOCM_RTS;
    return ioctl(fd, is_high ? TIOCMBIS : TIOCMBIC, &rts) == 0 ? 0 : errno;
}

bool tenon__tty_is_sending(int fd)
{
    unsigned state = 0;
    return ioctl(fd, TIOCSERGETLSR, &state) == 0 && (state & TIOCSER_TEMT) == 0;
}
