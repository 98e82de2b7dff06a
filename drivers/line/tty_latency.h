/* Private to the serial line: how long a USB adapter holds bytes back, and how to shorten that. */
#ifndef TENON_LINE_TTY_LATENCY_H
#define TENON_LINE_TTY_LATENCY_H

#include <stdbool.h>

/*
 * Latency timer of terminal `name` ("ttyUSB0"), ms, as told below `sysfs` ("/sys"), or -1 when it
 * tells none.
 */
int tenon__tty_latency_timer(const char *sysfs, const char *name);

/* Write the latency timer. Needs the right to; returns whether it was written. */
bool tenon__tty_set_latency_timer(const char *sysfs, const char *name, int ms);

/* Switch the kernel's low-latency flag on, which any user may. Returns whether it is on. */
bool tenon__tty_set_low_latency(int fd);

#endif
