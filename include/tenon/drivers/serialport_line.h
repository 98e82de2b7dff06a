/** @file serialport_line.h @brief A serial port of the host: adapter, UART or pseudo-terminal. */
#ifndef TENON_DRIVERS_SERIALPORT_LINE_H
#define TENON_DRIVERS_SERIALPORT_LINE_H

#include "tenon/line.h"

#ifdef __cplusplus
extern "C" {
#endif

struct sp_port;

/** Who switches a half-duplex transceiver between sending and receiving. */
enum tenon_serialport_direction {
    TENON_SERIALPORT_DIRECTION_ADAPTER = 0, /**< The adapter by itself, or there is no need. */
    /**
     * The kernel, with the RTS pin of a UART that can (TIOCSRS485). It stays so after release.
     */
    TENON_SERIALPORT_DIRECTION_KERNEL = 1,
    /**
     * This driver, with the RTS pin: for UARTs whose kernel driver cannot. It lets go when the
     * runner wakes after the last bit, so the devices' return delay must be longer than the runner
     * is late (tenon_posix_lateness), or first bytes are lost. A UART is asked whether its shift
     * register is empty (TIOCSERGETLSR). Of no use with USB adapters, which do not tell, and where
     * pin and bytes go different ways.
     */
    TENON_SERIALPORT_DIRECTION_RTS = 2,
    TENON_SERIALPORT_DIRECTION_CALLBACK = 3 /**< The same with a function, for a GPIO pin. */
};

/** Settings of a serial port. Zero: the default. */
struct tenon_serialport_line_config {
    const char *path;  /**< As for tenon_serialport_line_init(). */
    uint32_t baud;     /**< Speed, bit/s. */
    uint8_t direction; /**< enum tenon_serialport_direction. */
    bool is_inverted;  /**< RTS is low while sending (KERNEL, RTS). */
    /**
     * For CALLBACK: switch the transceiver; must not wait. Called from the cyclic thread and, as
     * part of write_emergency, from a watchdog's.
     * @return 0, or an errno, which takes the line to FAULT.
     */
    int (*switch_direction)(void *context, bool is_sending);
    void *context; /**< Passed to it; must outlive the line. */
};

/**
 * A serial port, 8N1, raw, no flow control; opened when probed, closed when released or lost.
 *
 * Real ports run through libserialport. A pseudo-terminal, which that library turns away, is opened
 * with termios instead: that is how a simulated bus is reached.
 *
 * A port is taken for this process alone (advisory lock and TIOCEXCL); one that is taken is left
 * undisturbed. The path is resolved anew by each probe, so that a link such as
 * /dev/serial/by-id/... finds an adapter that came back under another name.
 *
 * What probe reports, beside TENON_OK:
 * - TENON_ERR_IO: TENON_CAUSE_PORT_MISSING, TENON_CAUSE_PORT_PERMISSION (may heal: device managers
 *   set rights late), TENON_CAUSE_PORT_LOST, TENON_CAUSE_PORT_FAILED (value: errno).
 * - TENON_ERR_STATE: TENON_CAUSE_PORT_BUSY.
 * - TENON_ERR_ARG: TENON_CAUSE_PORT_NOT_SERIAL.
 * - TENON_ERR_UNSUPPORTED: TENON_CAUSE_BAUD_UNSUPPORTED (value: baud asked for; bound: the speed
 *   that the port took, 0 if none); TENON_CAUSE_DIRECTION (detail: which way; value: errno, or 0
 *   when the port took other settings than told).
 *
 * When the port goes away, read and write close it (base.fd becomes -1) and answer TENON_ERR_IO
 * with TENON_CAUSE_PORT_LOST until it is probed again. The diag's subject is the path.
 *
 * write_emergency may come from any thread, one at a time, while another is within any other
 * method.
 */
struct tenon_serialport_line {
    struct tenon_line base; /**< First, so that &l.base is the handle. */
    /**
     * How much later than the adapter delivers we may look: scheduling, driver. Part of
     * base.latency_ns from the next probe on. 1 ms unless changed after init.
     */
    tenon_ns_t scheduling_ns;
    int16_t latency_timer_ms; /**< How long an FTDI may hold bytes back, ms; -1: unknown. */
    bool latency_timer_set;   /**< The last probe shortened it. It stays so after release. */
    bool low_latency;         /**< The kernel's low-latency flag is on. */
    /* private */
    bool is_pty_path; /* the last probe went through termios */
    bool was_open;
    int guard_fd;         /* holds the lock; the same as base.fd on the termios path */
    struct sp_port *port; /* NULL on the termios path and while closed */
    int emergency_fd;     /* of write_emergency alone */
    uint32_t emergency;   /* who has it: see serialport_line.c */
    uint32_t byte_ns;     /* on the wire; for both threads */
    struct tenon_serialport_line_config config;
    tenon_ns_t sent_ns; /* when the last bit given to the port will have left */
    bool is_sending;    /* the transceiver is switched so, by us */
};

/** Initialise; `size` is sizeof *self. Use tenon_serialport_line_init(). */
TENON_API struct tenon_line *tenon_serialport_line_init_sized(struct tenon_serialport_line *self,
                                                              size_t size,
                                                              const char *path,
                                                              uint32_t baud);

/**
 * Make a line of a serial port. Nothing is opened yet; whether the port and the baud will do is
 * found out by probe.
 * @param[out] self  Storage, not NULL, the caller's; must outlive its use.
 * @param      path  Device or link to one, e.g. "/dev/ttyUSB0"; not NULL, not copied: must outlive
 *                   `self`.
 * @param      baud  Speed, bit/s.
 * @return The line, or NULL when `self` or `path` is NULL or the header is of another version.
 * @context setup
 */
static inline struct tenon_line *
tenon_serialport_line_init(struct tenon_serialport_line *self, const char *path, uint32_t baud)
{
    return tenon_serialport_line_init_sized(self, sizeof *self, path, baud);
}

/** Initialise; `size` is sizeof *self. Use tenon_serialport_line_init_config(). */
TENON_API struct tenon_line *
tenon_serialport_line_init_config_sized(struct tenon_serialport_line *self,
                                        size_t size,
                                        const struct tenon_serialport_line_config *config);

/**
 * Make a line of a serial port with settings. Otherwise as tenon_serialport_line_init().
 * @param config  Copied; not NULL.
 * @return The line, or NULL also when `direction` is none of its enum, or CALLBACK without a
 * function.
 * @context setup
 */
static inline struct tenon_line *
tenon_serialport_line_init_config(struct tenon_serialport_line *self,
                                  const struct tenon_serialport_line_config *config)
{
    return tenon_serialport_line_init_config_sized(self, sizeof *self, config);
}

/**
 * Which way the port was opened by the last successful probe.
 * @param self  Not NULL.
 * @return "libserialport", "termios", or "none" if it was never open; static.
 * @context cyclic
 */
TENON_API const char *tenon_serialport_line_path_name(const struct tenon_serialport_line *self);

#ifdef __cplusplus
}
#endif
#endif
