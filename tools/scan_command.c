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
        "usage: tenon scan PORT [--baud N | --all-bauds] [--json]\n"
        "\n"
        "Asks every ID (0 ... 252) on a serial port for its model and prints one line for each "
        "that answers.\n"
        "Nothing is moved or changed. Exit status: 0 servos found, 1 none or the port fails, 2 "
        "usage.\n"
        "\n"
        "  --baud N      speed of the bus, bit/s (57600, as servos come)\n"
        "  --all-bauds   try every speed that Protocol 2.0 servos have, one after the other\n"
        "  --json        one JSON object a line\n",
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
    enum { OPTION_BAUD = 256, OPTION_ALL, OPTION_JSON, OPTION_HELP };
    static const struct option long_options[] = {{"baud", required_argument, NULL, OPTION_BAUD},
                                                 {"all-bauds", no_argument, NULL, OPTION_ALL},
                                                 {"json", no_argument, NULL, OPTION_JSON},
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

static void print_found(const struct options *options,
                        unsigned id,
                        const struct tenon_request *ping,
                        uint32_t baud)
{
    const unsigned number = ping->data[0] | ((unsigned)ping->data[1] << 8);
    const char *const name = tenon_dxl2_model_name((uint16_t)number);
    if (options->is_json) {
        (void)printf("{\"id\": %u, \"model\": \"%s\", \"model_number\": %u, \"firmware\": %u, "
                     "\"baud\": %lu}\n",
                     id, name != NULL ? name : "unknown", number, ping->data[2],
                     (unsigned long)baud);
    } else {
        (void)printf("ID %3u  %-12s model %-5u firmware %-3u %lu baud\n", id,
                     name != NULL ? name : "unknown", number, ping->data[2], (unsigned long)baud);
    }
    (void)fflush(stdout);
}

static int ping(unsigned id, struct tenon_request *out)
{
    *out =
        (struct tenon_request){.node = id, .operation = TENON_OP_PING, .width = 3, .attempts = 3};
    const int rc = tenon_wire_submit(&wire, out);
    if (rc < 0) {
        return rc;
    }
    while (out->state != TENON_REQUEST_DONE) {
        if (tenon_posix_cycle(&sched) < 0) {
            tenon_wire_cancel(&wire, out);
            return TENON_ERR_AGAIN;
        }
        if (!tenon_wire_is_up(&wire)) {
            tenon_wire_cancel(&wire, out);
            return tenon_sched_explain(&sched);
        }
    }
    return out->result;
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
