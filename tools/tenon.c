/* The `tenon` command: finds the command that was asked for. */
#include "commands.h"

#include "tenon/version.h"

#include <stdio.h>
#include <string.h>

struct command {
    const char *name;
    const char *summary;
    int (*run)(int argc, char **argv);
};

static const struct command commands[] = {
    {"scan", "list the servos that answer on a port", command_scan},
    {"sim", "simulate servos on a pseudo-terminal", command_sim},
};

#define COMMAND_COUNT (sizeof commands / sizeof commands[0])

static void print_usage(FILE *out)
{
    (void)fputs("usage: tenon COMMAND [OPTION ...]\n"
                "       tenon --help | --version\n"
                "\n"
                "commands, each with a --help of its own:\n",
                out);
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        (void)fprintf(out, "  %-6s %s\n", commands[i].name, commands[i].summary);
    }
}

int main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "";
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(name, commands[i].name) == 0) {
            return commands[i].run(argc - 1, argv + 1);
        }
    }
    if (strcmp(name, "--version") == 0) {
        (void)printf("tenon %s\n", tenon_version());
        return EXIT_DONE;
    }
    if (strcmp(name, "--help") == 0) {
        print_usage(stdout);
        return EXIT_DONE;
    }
    if (argc > 1) {
        (void)fprintf(stderr, "tenon: there is no command '%s'\n\n", name);
    }
    print_usage(stderr);
    return EXIT_USAGE;
}
