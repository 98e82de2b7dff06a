/* Runs a simulated bus in real time behind a pseudo-terminal. */
#ifndef TENON_TOOLS_SIM_SERVE_H
#define TENON_TOOLS_SIM_SERVE_H

#include "tenon/sim.h"

#define SIM_SERVO_MAX 64

/* What `tenon sim` was asked for. */
struct sim_setup {
    const char *models[SIM_SERVO_MAX];
    uint8_t ids[SIM_SERVO_MAX];
    struct tenon_sim_servo *servos[SIM_SERVO_MAX];
    size_t servo_count;
    struct tenon_sim_bus *bus;
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
