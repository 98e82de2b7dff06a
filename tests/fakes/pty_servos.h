/**
 * @file pty_servos.h
 * @brief Simulated servos behind a pseudo-terminal, in real time, in a thread of the test: their
 * registers can be looked at while the host's side hangs.
 */
#ifndef PTY_SERVOS_H
#define PTY_SERVOS_H

#include "tenon/sim.h"

#include <pthread.h>

#define PTY_SERVOS 2

struct pty_servos {
    char name[64]; /**< Of the terminal, for the line. */
    /* private: the thread's, but for what is read through the functions below */
    struct tenon_sim_servo servos[PTY_SERVOS];
    struct tenon_sim_servo *list[PTY_SERVOS];
    struct tenon_sim_bus bus;
    int master;
    int slave; /* kept open: the terminal outlives the host's line */
    pthread_t thread;
    uint32_t is_stopping;
    uint32_t torque[PTY_SERVOS];
    uint32_t tripped[PTY_SERVOS];
    tenon_ns_t off_ns[PTY_SERVOS];
};

/** XM430s with IDs 1 and 2 at 1 Mbit/s; they do not answer yet. Big: keep it static. Asserts. */
void pty_servos_make(struct pty_servos *self);
/** They answer until stopped; from now on `servos` are the thread's. Asserts. */
void pty_servos_run(struct pty_servos *self);
void pty_servos_stop(struct pty_servos *self);
bool pty_servos_has_torque(const struct pty_servos *self, unsigned servo);
/** Its bus watchdog has stopped it. */
bool pty_servos_is_tripped(const struct pty_servos *self, unsigned servo);
/** When torque was last seen to go off, CLOCK_MONOTONIC. */
tenon_ns_t pty_servos_off_ns(const struct pty_servos *self, unsigned servo);

#endif
