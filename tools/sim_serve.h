/* Runs a simulated bus in real time behind a pseudo-terminal. */
#ifndef TENON_TOOLS_SIM_SERVE_H
#define TENON_TOOLS_SIM_SERVE_H

#include "sim_world.h"

/* What `tenon sim` was asked for. */
struct sim_setup {
    struct sim_world *world;
    uint32_t baud;     /* the servos', and the terminal's until the host sets its own */
    const char *link;  /* NULL: none */
    const char *truth; /* NULL: none */
};

/*
 * Open the terminal, print its name, answer until SIGINT, SIGTERM or SIGHUP. Returns an enum
 * exit_code; complaints go to stderr.
 */
int sim_serve(const struct sim_setup *setup);

#endif
