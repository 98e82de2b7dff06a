/* `tenon scan`: asks every ID on a port. */
#include "commands.h"

#include "tenon/drivers/dxl2_bus.h"
#include "tenon/drivers/dxl2_motor.h"
#include "tenon/drivers/serialport_line.h"
#include "tenon/posix.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ID_MAX       252
#define BAUD_DEFAULT 57600 /* as servos come from the factory */

static const uint32_t all_bauds[] = {9600,    57600,   115200,  1000000,
                                     2000000, 3000000, 4000000, 4500000};

struct options {
    const char *port;
    uint32_t baud; /* 0: all */
    bool is_json;
    bool is_verbose;
};

/* Registers that all models known by name have at the same place. */
enum { RETURN_DELAY = 9, OPERATING_MODE = 11, TORQUE_ENABLE = 64, BUS_WATCHDOG = 98 };
enum { MODE_VELOCITY = 1, MODE_CURRENT = 0, MODE_PWM = 16 };

#define RETURN_DELAY_US 2 /* a unit of the register */
#define WATCHDOG_MS     20
#define WATCHDOG_HIT    0xFF

/* What a servo does when nobody speaks to it any more, and what decides that. */
struct silence {
    int since;    /* firmware that has a bus watchdog; -1: the model is not known */
    int watchdog; /* register; -1: not there, or not read */
    int delay;    /* likewise */
    int mode;
    int torque;
};

struct found {
    unsigned count;
    unsigned garbled;
};

static uint64_t memory[64], bus_memory[512];
static struct tenon_sched sched;
static struct tenon_wire wire;
static struct tenon_serialport_line line;
static struct tenon_dxl2_bus bus;

static void print_usage(FILE *out)
{
    (void)fputs(
        "usage: tenon scan PORT [--baud N | --all-bauds] [--json] [--verbose]\n"
        "\n"
        "Asks every ID (0 ... 252) on a serial port for its model and prints one line for each "
        "that answers.\n"
        "Nothing is moved or changed. Exit status: 0 servos found, 1 none or the port fails, 2 "
        "usage.\n"
        "\n"
        "  --baud N      speed of the bus, bit/s (57600, as servos come)\n"
        "  --all-bauds   try every speed that Protocol 2.0 servos have, one after the other\n"
        "  --json        one JSON object a line\n"
        "  --verbose     also what each servo does when the bus falls silent, and its return "
        "delay\n",
        out);
}

static bool parse_baud(const char *text, uint32_t *out)
{
    char *end = NULL;
    const unsigned long value = strtoul(text, &end, 10);
    if (end == text || *end != '\0' || value == 0 || value > 100000000ul) {
        (void)fprintf(stderr, "tenon scan: '%s' is no baud; give a number such as 1000000\n", text);
        return false;
    }
    *out = (uint32_t)value;
    return true;
}

static int parse(int argc, char **argv, struct options *out)
{
    enum { OPTION_BAUD = 256, OPTION_ALL, OPTION_JSON, OPTION_VERBOSE, OPTION_HELP };
    static const struct option long_options[] = {{"baud", required_argument, NULL, OPTION_BAUD},
                                                 {"all-bauds", no_argument, NULL, OPTION_ALL},
                                                 {"json", no_argument, NULL, OPTION_JSON},
                                                 {"verbose", no_argument, NULL, OPTION_VERBOSE},
                                                 {"help", no_argument, NULL, OPTION_HELP},
                                                 {NULL, 0, NULL, 0}};
    *out = (struct options){.baud = BAUD_DEFAULT};
    for (int c; (c = getopt_long(argc, argv, "", long_options, NULL)) != -1;) {
        if (c == OPTION_BAUD && parse_baud(optarg, &out->baud)) {
            continue;
        }
        if (c == OPTION_ALL) {
            out->baud = 0;
        } else if (c == OPTION_JSON) {
            out->is_json = true;
        } else if (c == OPTION_VERBOSE) {
            out->is_verbose = true;
        } else {
            print_usage(c == OPTION_HELP ? stdout : stderr);
            return c == OPTION_HELP ? EXIT_DONE : EXIT_USAGE;
        }
    }
    if (optind + 1 != argc) {
        (void)fputs("tenon scan: name one port\n\n", stderr);
        print_usage(stderr);
        return EXIT_USAGE;
    }
    out->port = argv[optind];
    return -1; /* go on */
}

static void report(void)
{
    char text[256];
    (void)fprintf(stderr, "tenon scan: %s\n",
                  tenon_diag_text(tenon_sched_diag(&sched), text, sizeof text));
}

static bool open_wire(const struct options *options, uint32_t baud)
{
    (void)tenon_sched_init(&sched, &tenon_posix_port, TENON_MS(2), memory, sizeof memory);
    (void)tenon_sched_add_wire(&sched, &wire, options->port,
                               tenon_serialport_line_init(&line, options->port, baud),
                               tenon_dxl2_bus_init(&bus, bus_memory, sizeof bus_memory));
    if (tenon_posix_start(&sched, TENON_MS(500)) < 0) {
        report();
        return false;
    }
    return true;
}

/* Until it is done. */
static int ask(struct tenon_request *io_request)
{
    const int rc = tenon_wire_submit(&wire, io_request);
    if (rc < 0) {
        return rc;
    }
    while (io_request->state != TENON_REQUEST_DONE) {
        if (tenon_posix_cycle(&sched) < 0) {
            tenon_wire_cancel(&wire, io_request);
            return TENON_ERR_AGAIN;
        }
        if (!tenon_wire_is_up(&wire)) {
            tenon_wire_cancel(&wire, io_request);
            return tenon_sched_explain(&sched);
        }
    }
    return io_request->result;
}

/* A servo that reports a fault answers all the same. @return The byte, or -1. */
static int read_byte(unsigned id, uint32_t address)
{
    struct tenon_request request = {
        .node = id, .address = address, .operation = TENON_OP_READ, .width = 1, .attempts = 3};
    return ask(&request) == TENON_OK ? request.data[0] : -1;
}

static struct silence ask_about_silence(unsigned id, unsigned number, unsigned firmware)
{
    struct silence s = {tenon_dxl2_model_watchdog_since((uint16_t)number), -1, -1, -1, -1};
    if (s.since >= 0) {
        s.delay = read_byte(id, RETURN_DELAY);
        s.mode = read_byte(id, OPERATING_MODE);
        s.torque = read_byte(id, TORQUE_ENABLE);
        s.watchdog = (int)firmware >= s.since ? read_byte(id, BUS_WATCHDOG) : -1;
    }
    return s;
}

static const char *what_it_keeps_doing(int mode)
{
    switch (mode) {
    case MODE_VELOCITY:
        return "it turns on at its last goal velocity";
    case MODE_CURRENT:
    case MODE_PWM:
        return "it goes on pushing as last told";
    default:
        return "it goes to its last goal and stays there";
    }
}

static void print_silence(const struct silence *s, unsigned firmware)
{
    const int ms = s->watchdog * WATCHDOG_MS;
    if (s->since < 0) {
        (void)puts(
            "        model not known: what it does when the bus falls silent cannot be told");
        return;
    }
    if (s->delay >= 0) {
        (void)printf("        return delay  %d us\n", s->delay * RETURN_DELAY_US);
    }
    if ((int)firmware < s->since) {
        (void)printf("        bus watchdog  no: firmware %d and later have it\n"
                     "        bus silent    %s; it cannot stop by itself\n",
                     s->since, what_it_keeps_doing(s->mode));
    } else if (s->watchdog == WATCHDOG_HIT) {
        (void)puts("        bus watchdog  yes, it has stopped the servo\n"
                   "        bus silent    it stays stopped, torque as it is");
    } else if (s->watchdog > 0) {
        (void)printf("        bus watchdog  yes, %d ms\n"
                     "        bus silent    it stops after %d ms, torque as it is\n",
                     ms, ms);
    } else if (s->watchdog == 0) {
        (void)printf("        bus watchdog  yes, off (the motor driver sets it)\n"
                     "        bus silent    %s, until the watchdog is set\n",
                     what_it_keeps_doing(s->mode));
    }
    if (s->torque >= 0) {
        (void)printf("        torque        %s\n", s->torque != 0 ? "on" : "off");
    }
}

static void print_silence_json(const struct silence *s, unsigned firmware)
{
    if (s->since >= 0) {
        (void)printf(", \"bus_watchdog\": %s", (int)firmware >= s->since ? "true" : "false");
    }
    if (s->watchdog == WATCHDOG_HIT) {
        (void)printf(", \"bus_watchdog_has_stopped_it\": true");
    } else if (s->watchdog >= 0) {
        (void)printf(", \"bus_watchdog_ms\": %d", s->watchdog * WATCHDOG_MS);
    }
    if (s->delay >= 0) {
        (void)printf(", \"return_delay_us\": %d", s->delay * RETURN_DELAY_US);
    }
    if (s->torque >= 0) {
        (void)printf(", \"torque\": %s", s->torque != 0 ? "true" : "false");
    }
}

static void print_found(const struct options *options,
                        unsigned id,
                        const struct tenon_request *ping,
                        uint32_t baud)
{
    const unsigned number = ping->data[0] | ((unsigned)ping->data[1] << 8);
    const unsigned firmware = ping->data[2];
    const char *const known = tenon_dxl2_model_name((uint16_t)number);
    const char *const name = known != NULL ? known : "unknown";
    struct silence silence = {0};
    if (options->is_verbose) {
        silence = ask_about_silence(id, number, firmware);
    }
    if (options->is_json) {
        (void)printf("{\"id\": %u, \"model\": \"%s\", \"model_number\": %u, \"firmware\": %u, "
                     "\"baud\": %lu",
                     id, name, number, firmware, (unsigned long)baud);
        if (options->is_verbose) {
            print_silence_json(&silence, firmware);
        }
        (void)puts("}");
    } else {
        (void)printf("ID %3u  %-12s model %-5u firmware %-3u %lu baud\n", id, name, number,
                     firmware, (unsigned long)baud);
        if (options->is_verbose) {
            print_silence(&silence, firmware);
        }
    }
    (void)fflush(stdout);
}

static int ping(unsigned id, struct tenon_request *out)
{
    *out =
        (struct tenon_request){.node = id, .operation = TENON_OP_PING, .width = 3, .attempts = 3};
    return ask(out);
}

/* @return false when the port failed. */
static bool scan_at(const struct options *options, uint32_t baud, struct found *io_found)
{
    for (unsigned id = 0; id <= ID_MAX; id++) {
        struct tenon_request request;
        if (isatty(STDERR_FILENO)) {
            (void)fprintf(stderr, "\r%lu baud: ID %u ", (unsigned long)baud, id);
        }
        const int rc = ping(id, &request);
        if (isatty(STDERR_FILENO)) {
            (void)fputs("\r                          \r", stderr);
        }
        if (rc == TENON_ERR_PROTO) {
            (void)fprintf(
                stderr,
                "ID %3u  answers arrive broken: two servos with this ID, or noise on the line\n",
                id);
            io_found->garbled++;
        } else if (rc == TENON_OK || rc == TENON_ERR_DEVICE) {
            print_found(options, id, &request, baud);
            io_found->count++;
        } else if (rc != TENON_ERR_TIMEOUT) {
            return false;
        }
    }
    return true;
}

static bool change_baud(uint32_t baud)
{
    const struct tenon_line_api *const api = tenon_line_get_api(&line.base);
    return api->set_baud != NULL && api->set_baud(&line.base, baud) >= 0;
}

static void print_latency(void)
{
    if (line.latency_timer_ms > 1) {
        (void)fprintf(stderr,
                      "the adapter holds received bytes back for %d ms, and this user may not "
                      "change it: cycles will be "
                      "slow (see the README, latency timer)\n",
                      line.latency_timer_ms);
    }
}

static bool scan_all(const struct options *options, struct found *io_found)
{
    const size_t count = options->baud != 0 ? 1 : sizeof all_bauds / sizeof all_bauds[0];
    const uint32_t *const bauds = options->baud != 0 ? &options->baud : all_bauds;
    if (!open_wire(options, bauds[0])) {
        return false;
    }
    print_latency();
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && !change_baud(bauds[i])) {
            (void)fprintf(stderr, "%lu baud: the adapter does not do it\n",
                          (unsigned long)bauds[i]);
            continue;
        }
        if (!scan_at(options, bauds[i], io_found)) {
            report();
            return false;
        }
    }
    return true;
}

int command_scan(int argc, char **argv)
{
    struct options options;
    const int parsed = parse(argc, argv, &options);
    if (parsed >= 0) {
        return parsed;
    }
    struct found found = {0, 0};
    const bool is_done = scan_all(&options, &found);
    tenon_sched_close(&sched);
    if (!is_done) {
        return EXIT_FAILED;
    }
    if (found.count + found.garbled == 0) {
        (void)fprintf(
            stderr,
            "tenon scan: no servo answers on %s; check power and cable, or try --all-bauds\n",
            options.port);
    }
    return found.count > 0 ? EXIT_DONE : EXIT_FAILED;
}
