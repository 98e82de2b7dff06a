/* Private to the serial line: the kernel's own terminal settings, with a baud of any value. */
#ifndef TENON_LINE_TTY_MODE_H
#define TENON_LINE_TTY_MODE_H

#include <stdint.h>

/*
 * 8N1, raw, no flow control, modem lines left alone on close; the speed is kept. A read of an open
 * but idle terminal then fails with EAGAIN, so that 0 means hang-up. Returns 0, or -1 with errno.
 */
int tenon__tty_make_raw(int fd);

/* Set both speeds, bit/s, of any value. Returns 0, or -1 with errno. */
int tenon__tty_set_baud(int fd, uint32_t baud);

/* Speed in force, bit/s; 0 when unknown or when the two directions differ. */
uint32_t tenon__tty_baud(int fd);

#endif
