/* Private to the serial line: the direction of a half-duplex transceiver. */
#ifndef TENON_LINE_TTY_DIRECTION_H
#define TENON_LINE_TTY_DIRECTION_H

#include <stdbool.h>

/*
 * Have the kernel switch direction by RTS, high while sending unless inverted. Returns 0, an errno,
 * or -1 when the port took other settings than told.
 */
int tenon__tty_use_rs485(int fd, bool is_inverted);

/* Set RTS. Returns 0, or an errno. */
int tenon__tty_set_rts(int fd, bool is_high);

/* Whether bits are known to be still in the port's shift register; false if it does not tell. */
bool tenon__tty_is_sending(int fd);

#endif
