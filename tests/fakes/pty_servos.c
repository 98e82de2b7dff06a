#define _GNU_SOURCE
#include "pty_servos.h"

#include "../tenon_test.h"

#include "tenon/posix.h"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#define BAUD             1000000
#define BYTE_NS          TENON_US(10)
#define TORQUE_ENABLE    64
#define BUS_WATCHDOG     98
#define WATCHDOG_STOPPED 0xFF

static void publish(struct pty_servos *self, tenon_ns_t now)
{
    for (unsigned i = 0; i < PTY_SERVOS; i++) {
        const uint32_t torque =
            (uint32_t)tenon_sim_servo_peek(&self->servos[i], TORQUE_ENABLE, 1) & 1u;
        const uint32_t watchdog =
            (uint32_t)tenon_sim_servo_peek(&self->servos[i], BUS_WATCHDOG, 1) & 0xFFu;
        if (torque == 0 && __atomic_load_n(&self->torque[i], __ATOMIC_SEQ_CST) != 0) {
            __atomic_store_n(&self->off_ns[i], now, __ATOMIC_SEQ_CST);
        }
        __atomic_store_n(&self->torque[i], torque, __ATOMIC_SEQ_CST);
        __atomic_store_n(&self->tripped[i], watchdog == WATCHDOG_STOPPED, __ATOMIC_SEQ_CST);
    }
}

/* Bytes of one read arrive one after the other, as on a wire. */
static void take(struct pty_servos *self)
{
    uint8_t bytes[256];
    const ssize_t count = read(self->master, bytes, sizeof bytes);
    tenon_ns_t at = tenon_posix_now() - (count > 0 ? count : 0) * BYTE_NS;
    for (ssize_t i = 0; i < count; i++) {
        at += BYTE_NS;
        tenon_sim_bus_receive(&self->bus, &bytes[i], 1, at);
    }
}

static void answer(struct pty_servos *self, tenon_ns_t now)
{
    uint8_t bytes[256];
    const size_t count = tenon_sim_bus_transmit(&self->bus, bytes, sizeof bytes, now);
    if (count > 0) {
        (void)!write(self->master, bytes, count);
    }
}

static void *serve(void *argument)
{
    struct pty_servos *self = argument;
    while (__atomic_load_n(&self->is_stopping, __ATOMIC_SEQ_CST) == 0) {
        take(self);
        const tenon_ns_t now = tenon_posix_now();
        answer(self, now);
        tenon_sim_bus_advance(&self->bus, now);
        publish(self, now);
        const tenon_ns_t left = tenon_sim_bus_next_ns(&self->bus) - now;
        const tenon_ns_t wait = left < 0 ? 0 : (left < TENON_MS(1) ? left : TENON_MS(1));
        const struct timespec timeout = {.tv_nsec = (long)wait};
        struct pollfd look = {.fd = self->master, .events = POLLIN, .revents = 0};
        (void)ppoll(&look, 1, &timeout, NULL);
    }
    return NULL;
}

static void open_terminal(struct pty_servos *self)
{
    struct termios mode;
    self->master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
    assert_true(self->master >= 0);
    assert_int_equal(grantpt(self->master), 0);
    assert_int_equal(unlockpt(self->master), 0);
    assert_int_equal(ptsname_r(self->master, self->name, sizeof self->name), 0);
    self->slave = open(self->name, O_RDWR | O_NOCTTY | O_CLOEXEC);
    assert_true(self->slave >= 0);
    assert_int_equal(tcgetattr(self->slave, &mode), 0);
    cfmakeraw(&mode);
    assert_int_equal(tcsetattr(self->slave, TCSANOW, &mode), 0);
}

void pty_servos_make(struct pty_servos *self)
{
    memset(self, 0, sizeof *self);
    for (unsigned i = 0; i < PTY_SERVOS; i++) {
        self->list[i] = &self->servos[i];
        assert_int_equal(
            tenon_sim_servo_init(&self->servos[i], "xm430-w350", (uint8_t)(i + 1), BAUD), TENON_OK);
    }
    tenon_sim_bus_init(&self->bus, self->list, PTY_SERVOS);
    tenon_sim_bus_set_baud(&self->bus, BAUD);
    open_terminal(self);
}

void pty_servos_run(struct pty_servos *self)
{
    tenon_sim_bus_advance(&self->bus, tenon_posix_now());
    assert_int_equal(pthread_create(&self->thread, NULL, serve, self), 0);
}

void pty_servos_stop(struct pty_servos *self)
{
    __atomic_store_n(&self->is_stopping, 1, __ATOMIC_SEQ_CST);
    assert_int_equal(pthread_join(self->thread, NULL), 0);
    (void)close(self->slave);
    (void)close(self->master);
}

bool pty_servos_has_torque(const struct pty_servos *self, unsigned servo)
{
    return __atomic_load_n(&self->torque[servo], __ATOMIC_SEQ_CST) != 0;
}

bool pty_servos_is_tripped(const struct pty_servos *self, unsigned servo)
{
    return __atomic_load_n(&self->tripped[servo], __ATOMIC_SEQ_CST) != 0;
}

tenon_ns_t pty_servos_off_ns(const struct pty_servos *self, unsigned servo)
{
    return __atomic_load_n(&self->off_ns[servo], __ATOMIC_SEQ_CST);
}
