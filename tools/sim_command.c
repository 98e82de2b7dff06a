/* `tenon sim`: reads the command line, makes the servos. */
#define _GNU_SOURCE
#include "commands.h"
#include "sim_serve.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SERVO_ID_MAX 252
#define MOTOR_ID_MAX 255
#define BAUD_DEFAULT 57600
#define WISH_MAX     ((size_t)2 * SIM_DEVICE_MAX)
#define WISH_NUMBERS 3

/* One --load or --angle: may stand before the device it means. */
struct wish {
    uint8_t id;
    bool is_load;
    double numbers[WISH_NUMBERS];
};

struct options {
    struct sim_setup setup;
    struct wish wishes[WISH_MAX];
    size_t wish_count;
    uint32_t noise_ppm;
    uint32_t seed; /* 0: the bus's own */
    bool has_echo;
};

enum option_number {
    OPTION_SERVO = 256,
    OPTION_CAN_MOTOR,
    OPTION_BAUD,
    OPTION_LINK,
    OPTION_LOAD,
    OPTION_ANGLE,
    OPTION_TRUTH,
    OPTION_NOISE,
    OPTION_SEED,
    OPTION_ECHO,
    OPTION_HELP
};

static const struct option long_options[] = {
    {"servo", required_argument, NULL, OPTION_SERVO},
    {"can-motor", required_argument, NULL, OPTION_CAN_MOTOR},
    {"baud", required_argument, NULL, OPTION_BAUD},
    {"link", required_argument, NULL, OPTION_LINK},
    {"load", required_argument, NULL, OPTION_LOAD},
    {"angle", required_argument, NULL, OPTION_ANGLE},
    {"truth", required_argument, NULL, OPTION_TRUTH},
    {"noise", required_argument, NULL, OPTION_NOISE},
    {"seed", required_argument, NULL, OPTION_SEED},
    {"echo", no_argument, NULL, OPTION_ECHO},
    {"help", no_argument, NULL, OPTION_HELP},
    {NULL, 0, NULL, 0},
};

static void print_models(FILE *out, bool is_can)
{
    const char *name;
    for (size_t i = 0; (name = sim_world_model(is_can, i)) != NULL; i++) {
        (void)fprintf(out, "%s%s", i == 0 ? "  " : ", ", name);
    }
    (void)fputc('\n', out);
}

static void print_help(void)
{
    (void)fputs(
        "usage: tenon sim --servo MODEL:ID [--servo MODEL:ID ...] [OPTION ...]\n"
        "       tenon sim --can-motor MODEL:ID [--can-motor MODEL:ID ...] [OPTION ...]\n"
        "\n"
        "Simulates servos on one wire, or motors on a CAN bus, in real time, behind a\n"
        "pseudo-terminal whose name is printed first. Any program that talks to servos, or to a "
        "CAN\n"
        "adapter that speaks SLCAN (Lawicel), can open it. Ends with Ctrl-C.\n"
        "\n"
        "  --servo MODEL:ID       a servo, IDs 0 ... 252; two of one ID disturb each other\n"
        "  --can-motor MODEL:ID   a CAN motor, IDs 1 ... 255, that answers under ID + 16; its bus\n"
        "                         runs at 1 Mbit/s (SLCAN: S8)\n"
        "  --baud BAUD            what the servos are set to, bit/s; default 57600. The host "
        "hears\n"
        "                         them only if it opens the port at the same speed. A CAN adapter\n"
        "                         goes along with any speed\n"
        "  --link PATH            make PATH a symbolic link to the terminal; removed at the end\n"
        "  --load ID:GRAVITY_NM[:INERTIA_KG_M2[:LEVEL_RAD]]\n"
        "                         an arm on the horn: torque of its weight when it is level, its\n"
        "                         inertia, and the horn angle at which it is level\n"
        "  --angle ID:RAD         where the horn stands at first; 0 is the middle of the range\n"
        "  --truth PATH           log what they truly do, every 10 ms, one line each:\n"
        "                         time_ns (monotonic clock) ID angle_rad velocity_rad_s torque_nm\n"
        "  --echo                 servos: the host hears its own bytes, as on some adapters\n"
        "  --noise PPM            servos: chance that a byte gets a wrong bit, per million\n"
        "  --seed N               start of the noise, 1 ... 4294967295\n"
        "\n"
        "models of servos:\n",
        stdout);
    print_models(stdout, false);
    (void)fputs("models of CAN motors:\n", stdout);
    print_models(stdout, true);
}

__attribute__((format(printf, 1, 2))) static int complain(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)fputs("tenon sim: ", stderr);
    (void)vfprintf(stderr, format, arguments);
    (void)fputc('\n', stderr);
    va_end(arguments);
    return EXIT_USAGE;
}

/* Digits only: strtoul would take blanks, signs and what is too long. */
static bool parse_whole(const char *text, uint32_t max, uint32_t *out_value)
{
    uint64_t value = 0;
    if (*text == '\0') {
        return false;
    }
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9') {
            return false;
        }
        value = value * 10 + (uint64_t)(*text - '0');
        if (value > max) {
            return false;
        }
    }
    *out_value = (uint32_t)value;
    return true;
}

static int add_device(struct sim_world *world, bool is_can, const char *model, uint32_t id)
{
    if (world->count > 0 && world->is_can != is_can) {
        return complain("--servo and --can-motor do not go on one terminal; start two");
    }
    if (world->count == SIM_DEVICE_MAX) {
        return complain("more than %d devices", SIM_DEVICE_MAX);
    }
    world->is_can = is_can;
    world->models[world->count] = model;
    world->ids[world->count++] = (uint8_t)id;
    return EXIT_DONE;
}

static int parse_device(struct sim_world *world, bool is_can, const char *text)
{
    const uint32_t min = is_can ? 1 : 0;
    const uint32_t max = is_can ? MOTOR_ID_MAX : SERVO_ID_MAX;
    const char *colon = strrchr(text, ':');
    uint32_t id;
    if (colon == NULL || !parse_whole(colon + 1, max, &id) || id < min) {
        return complain("--%s wants MODEL:ID with an ID of %u ... %u, such as %s:1, not '%s'",
                        is_can ? "can-motor" : "servo", min, max,
                        is_can ? "damiao-4310" : "xm430-w350", text);
    }
    const size_t length = (size_t)(colon - text);
    const char *name;
    for (size_t i = 0; (name = sim_world_model(is_can, i)) != NULL; i++) {
        if (strlen(name) == length && strncmp(name, text, length) == 0) {
            return add_device(world, is_can, name, id);
        }
    }
    (void)complain("there is no model '%.*s'; there are:", (int)length, text);
    print_models(stderr, is_can);
    return EXIT_USAGE;
}

/* "ID:number[:number ...]" */
static bool parse_wish(const char *text, size_t max, struct wish *out_wish)
{
    char id_text[4] = "";
    uint32_t id;
    const char *at = strchr(text, ':');
    if (at == NULL || (size_t)(at - text) >= sizeof id_text) {
        return false;
    }
    memcpy(id_text, text, (size_t)(at - text));
    if (!parse_whole(id_text, MOTOR_ID_MAX, &id)) {
        return false;
    }
    out_wish->id = (uint8_t)id;
    for (size_t i = 0; i < max; i++) {
        char *end;
        out_wish->numbers[i] = strtod(at + 1, &end);
        if (end == at + 1 || !isfinite(out_wish->numbers[i])) {
            return false;
        }
        if (*end == '\0') {
            return true;
        }
        if (*end != ':') {
            return false;
        }
        at = end;
    }
    return false;
}

static int add_wish(struct options *options, bool is_load, const char *text)
{
    if (options->wish_count == WISH_MAX) {
        return complain("more than %d --load and --angle", (int)WISH_MAX);
    }
    struct wish wish = {.is_load = is_load};
    if (!parse_wish(text, is_load ? WISH_NUMBERS : 1, &wish)) {
        return is_load ? complain("--load wants ID:GRAVITY_NM[:INERTIA_KG_M2[:LEVEL_RAD]], such as "
                                  "1:0.8:0.01, not '%s'",
                                  text)
                       : complain("--angle wants ID:RAD, such as 1:-0.5, not '%s'", text);
    }
    if (is_load && wish.numbers[1] < 0.0) {
        return complain("--load wants an inertia that is not negative, not '%s'", text);
    }
    options->wishes[options->wish_count++] = wish;
    return EXIT_DONE;
}

static int set_whole(const char *name, const char *text, uint32_t min, uint32_t max, uint32_t *out)
{
    if (!parse_whole(text, max, out) || *out < min) {
        return complain("--%s wants a whole number of %u ... %u, not '%s'", name, min, max, text);
    }
    return EXIT_DONE;
}

static int set_option(struct options *options, int option, const char *text)
{
    switch (option) {
    case OPTION_SERVO:
    case OPTION_CAN_MOTOR:
        return parse_device(options->setup.world, option == OPTION_CAN_MOTOR, text);
    case OPTION_BAUD:
        return set_whole("baud", text, 1, 100000000, &options->setup.baud);
    case OPTION_LINK:
        options->setup.link = text;
        return EXIT_DONE;
    case OPTION_TRUTH:
        options->setup.truth = text;
        return EXIT_DONE;
    case OPTION_LOAD:
    case OPTION_ANGLE:
        return add_wish(options, option == OPTION_LOAD, text);
    case OPTION_NOISE:
        return set_whole("noise", text, 0, 1000000, &options->noise_ppm);
    case OPTION_SEED:
        return set_whole("seed", text, 1, UINT32_MAX, &options->seed);
    case OPTION_ECHO:
        options->has_echo = true;
        return EXIT_DONE;
    default:
        return EXIT_USAGE;
    }
}

static int check_usage(const struct options *options, int argc, char **argv)
{
    if (optind < argc) {
        return complain("'%s' belongs to no option; see tenon sim --help", argv[optind]);
    }
    if (options->setup.world->count == 0) {
        return complain("no servo; add --servo MODEL:ID, such as --servo xm430-w350:1, or "
                        "--can-motor MODEL:ID");
    }
    if (options->setup.world->is_can && (options->has_echo || options->noise_ppm > 0)) {
        return complain("--echo and --noise are for servos, not for CAN motors");
    }
    const char *link = options->setup.link;
    const char *truth = options->setup.truth;
    if (link != NULL && truth != NULL && strcmp(link, truth) == 0) {
        return complain("--link and --truth name the same file");
    }
    return EXIT_DONE;
}

/* Sets *out_is_help instead of going on when help was asked for. */
static int parse_options(struct options *options, int argc, char **argv, bool *out_is_help)
{
    opterr = 0;
    optind = 1;
    for (;;) {
        const int at = optind;
        const int option = getopt_long(argc, argv, ":", long_options, NULL);
        if (option == -1) {
            return check_usage(options, argc, argv);
        }
        if (option == OPTION_HELP) {
            *out_is_help = true;
            return EXIT_DONE;
        }
        if (option == ':') {
            return complain("%s wants a value; see tenon sim --help", argv[at]);
        }
        if (option == '?') {
            return complain("there is no option '%s'; see tenon sim --help", argv[at]);
        }
        const int rc = set_option(options, option, optarg);
        if (rc != EXIT_DONE) {
            return rc;
        }
    }
}

static void fulfil(struct sim_world *world, size_t index, const struct wish *wish)
{
    if (!wish->is_load) {
        sim_world_set_angle(world, index, wish->numbers[0]);
        return;
    }
    const struct tenon_sim_load load = {
        .gravity_nm = (float)wish->numbers[0],
        .inertia_kg_m2 = (float)wish->numbers[1],
        .level_rad = (float)wish->numbers[2],
    };
    sim_world_set_load(world, index, &load);
}

static int fulfil_wishes(const struct options *options)
{
    struct sim_world *const world = options->setup.world;
    for (size_t w = 0; w < options->wish_count; w++) {
        const struct wish *wish = &options->wishes[w];
        bool is_met = false;
        for (size_t i = 0; i < world->count; i++) {
            if (world->ids[i] == wish->id) {
                fulfil(world, i, wish);
                is_met = true;
            }
        }
        if (!is_met) {
            return complain("%s is for ID %u, which no --%s has",
                            wish->is_load ? "--load" : "--angle", (unsigned)wish->id,
                            world->is_can ? "can-motor" : "servo");
        }
    }
    return EXIT_DONE;
}

static void warn_of_conflicts(const struct sim_world *world)
{
    for (size_t i = 1; i < world->count; i++) {
        for (size_t k = 0; k < i; k++) {
            if (world->ids[k] == world->ids[i]) {
                (void)complain("warning: two %s have ID %u and will garble each other",
                               world->is_can ? "motors" : "servos", (unsigned)world->ids[i]);
                break;
            }
        }
    }
}

static int make_world(struct sim_world *world, uint32_t baud)
{
    const int bad = sim_world_make(world, baud);
    if (bad >= 0) {
        return complain("a %s cannot be set to %u bit/s; servos know 9600, 57600, 115200, "
                        "1000000, 2000000, 3000000, 4000000 and most 4500000",
                        world->models[bad], baud);
    }
    return EXIT_DONE;
}

int command_sim(int argc, char **argv)
{
    static struct sim_world world;
    static struct options options = {.setup = {.world = &world, .baud = BAUD_DEFAULT}};
    bool is_help = false;
    int rc = parse_options(&options, argc, argv, &is_help);
    if (rc != EXIT_DONE) {
        return rc;
    }
    if (is_help) {
        print_help();
        return EXIT_DONE;
    }
    rc = make_world(&world, options.setup.baud);
    if (rc == EXIT_DONE) {
        rc = fulfil_wishes(&options);
    }
    if (rc != EXIT_DONE) {
        return rc;
    }
    warn_of_conflicts(&world);
    world.bus.echo = options.has_echo;
    world.bus.noise_ppm = options.noise_ppm;
    world.bus.seed = options.seed != 0 ? options.seed : world.bus.seed;
    return sim_serve(&options.setup);
}
