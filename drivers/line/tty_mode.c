#define _GNU_SOURCE
#include "tty_mode.h"

/* The kernel's header, not <termios.h>: the names clash, and only this one has termios2. */
#include <asm/termbits.h>
#include <string.h>
#include <sys/ioctl.h>

int tenon__tty_make_raw(int fd)
{
    struct termios2 mode;
    if (ioctl(fd, TCGETS2, &mode) != 0) {
        return -1;
    }
    mode.c_iflag = IGNPAR | IGNBRK;
    mode.c_oflag = 0;
    mode.c_lflag = 0;
    /*
     * CIBAUD goes: an input speed of its own, which another program may have left behind, would
     * outlive what libserialport sets. Without it input follows output.
     */
    mode.c_cflag = (mode.c_cflag & CBAUD) | CS8 | CREAD | CLOCAL;
    memset(mode.c_cc, 0, sizeof mode.c_cc);
    mode.c_cc[VMIN] = 1;
    return ioctl(fd, TCSETS2, &mode);
}

int tenon__tty_set_baud(int fd, uint32_t baud)
{
    struct termios2 mode;
    if (ioctl(fd, TCGETS2, &mode) != 0) {
        return -1;
    }
    mode.c_cflag &= ~(CBAUD | (tcflag_t)CIBAUD);
    mode.c_cflag |= BOTHER;
    mode.c_ispeed = baud;
    mode.c_ospeed = baud;
    return ioctl(fd, TCSETS2, &mode);
}

uint32_t tenon__tty_baud(int fd)
{
    struct termios2 mode;
    if (ioctl(fd, TCGETS2, &mode) != 0 || mode.c_ispeed != mode.c_ospeed) {
        return 0;
    }
    return mode.c_ospeed;
}
