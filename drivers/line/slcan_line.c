#include "tenon/drivers/slcan_line.h"

#include "slcan.h"

#include <string.h>

/* What an adapter takes to answer, beside the port's own latency. */
#define ANSWER_NS TENON_MS(25)

/* A call takes so many pieces at most from a port that never runs dry. */
#define PIECES_MAX 64

#define FRAME_SIZE    sizeof(struct tenon_can_frame)
#define BITS_PER_BYTE 10 /* on a UART */

static struct tenon_slcan_line *from_line(struct tenon_line *base)
{
    return TENON_CONTAINER_OF(base, struct tenon_slcan_line, base);
}

static struct tenon_slcan_line *from_module(struct tenon_module *module)
{
    return TENON_CONTAINER_OF(module, struct tenon_slcan_line, base.module);
}

static const struct tenon_lifecycle_api *port_life(const struct tenon_slcan_line *self)
{
    return self->port->module.driver->lifecycle;
}

static void forget(struct tenon_slcan_line *self)
{
    self->tx_count = self->tx_sent = 0;
    self->rx_count = self->rx_head = 0;
    self->text_count = 0;
    self->text_is_whole = false;
    self->is_open = false;
    self->base.tx_pending = false;
}

/* The port may have closed itself, and says why. */
static int pass_on(struct tenon_slcan_line *self, int rc)
{
    self->base.fd = self->port->fd;
    self->base.due_ns = self->port->due_ns;
    if (rc < 0 && rc != TENON_ERR_AGAIN) {
        self->base.module.diag = self->port->module.diag;
        forget(self);
    }
    return rc;
}

static int refuse(struct tenon_slcan_line *self, enum tenon_err code, enum tenon_cause cause)
{
    const int rc =
        tenon_module_refuse(&self->base.module, code, cause, (float)self->base.baud, 0.0f);
    self->base.module.diag.subject = self->base.port;
    return rc;
}

/* ---- Characters ---- */

static tenon_ns_t characters_ns(const struct tenon_slcan_line *self, uint32_t count)
{
    return TENON_S((tenon_ns_t)count * BITS_PER_BYTE) / (tenon_ns_t)self->port->baud;
}

/* @return TENON_OK: all of the newest command is out; TENON_ERR_AGAIN: the port is full. */
static int flush(struct tenon_slcan_line *self, tenon_ns_t now)
{
    const size_t rest = (size_t)(self->tx_count - self->tx_sent);
    if (rest == 0) {
        return TENON_OK;
    }
    const struct tenon_line_api *const api = tenon_line_get_api(self->port);
    const int rc = pass_on(self, api->write(self->port, self->tx + self->tx_sent, rest, now));
    if (rc < 0) {
        return rc;
    }
    self->tx_sent = (uint8_t)(self->tx_sent + rc);
    return self->tx_sent == self->tx_count ? TENON_OK : TENON_ERR_AGAIN;
}

/* @return Characters to be looked at, or an error of the port. */
static int refill(struct tenon_slcan_line *self, tenon_ns_t now)
{
    const struct tenon_line_api *const api = tenon_line_get_api(self->port);
    const int rc = pass_on(self, api->read(self->port, self->rx, sizeof self->rx, now));
    self->rx_head = 0;
    self->rx_count = (uint8_t)(rc > 0 ? rc : 0);
    return rc;
}

/* @return enum slcan_event, SLCAN_NONE when nothing more is there, or an error of the port. */
static int next_event(struct tenon_slcan_line *self,
                      struct tenon_can_frame *out_frame,
                      unsigned *pieces,
                      tenon_ns_t now)
{
    struct slcan_parser parser = {self->text, self->text_count, self->text_is_whole};
    int event = SLCAN_NONE;
    while (event == SLCAN_NONE) {
        if (self->rx_head == self->rx_count) {
            const int rc = *pieces > 0 ? refill(self, now) : 0;
            if (rc <= 0) {
                return rc;
            }
            (*pieces)--;
        }
        event = (int)slcan_push(&parser, self->rx[self->rx_head++], out_frame);
        self->text_count = parser.count;
        self->text_is_whole = parser.is_whole;
    }
    return event;
}

/* ---- Probe ---- */

static int begin(struct tenon_slcan_line *self, tenon_ns_t now)
{
    (void)now;
    if (slcan_rate_digit(self->base.baud) == 0) {
        return refuse(self, TENON_ERR_UNSUPPORTED, TENON_CAUSE_BAUD_UNSUPPORTED);
    }
    forget(self);
    self->port->module.progress = 0;
    return TENON_OK;
}

static int probe_port(struct tenon_slcan_line *self, tenon_ns_t now)
{
    const int rc = pass_on(self, port_life(self)->probe(&self->port->module, now));
    if (rc == TENON_OK) {
        self->port->module.progress = 0;
    }
    return rc;
}

static int configure_port(struct tenon_slcan_line *self, tenon_ns_t now)
{
    if (port_life(self)->configure == NULL) {
        return TENON_OK;
    }
    return pass_on(self, port_life(self)->configure(&self->port->module, now));
}

static int
send_command(struct tenon_slcan_line *self, uint8_t letter, uint8_t digit, tenon_ns_t now)
{
    int rc = flush(self, now);
    if (rc == TENON_OK) {
        self->tx_count = 0;
        self->tx_sent = 0;
        self->tx[self->tx_count++] = letter;
        if (digit != 0) {
            self->tx[self->tx_count++] = digit;
        }
        self->tx[self->tx_count++] = SLCAN_END;
        self->wait_ns = now + self->port->latency_ns + ANSWER_NS;
        rc = flush(self, now);
        rc = rc == TENON_ERR_AGAIN ? TENON_OK : rc; /* the next step sees to the rest */
    }
    return rc;
}

/*
 * Twice: the first ends what a program before may have left unfinished. Not an empty line, as the
 * manual of Lawicel has it: canable2-fw repeats its last command upon that, and if this was a
 * frame, a motor hears it again.
 */
static int send_close(struct tenon_slcan_line *self, tenon_ns_t now)
{
    return send_command(self, 'C', 0, now);
}

/* Answers to what was there before we came mean nothing. */
static int await_quiet(struct tenon_slcan_line *self, tenon_ns_t now)
{
    struct tenon_can_frame ignored;
    unsigned pieces = PIECES_MAX;
    int rc = flush(self, now);
    if (rc != TENON_OK) {
        return rc;
    }
    do {
        rc = next_event(self, &ignored, &pieces, now);
    } while (rc > SLCAN_NONE);
    if (rc < 0) {
        return rc;
    }
    return now >= self->wait_ns ? TENON_OK : TENON_ERR_AGAIN;
}

static int send_rate(struct tenon_slcan_line *self, tenon_ns_t now)
{
    return send_command(self, 'S', slcan_rate_digit(self->base.baud), now);
}

/* @return TENON_OK: the command was carried out, as far as can be known; TENON_ERR_DEVICE: refused.
 */
static int await_answer(struct tenon_slcan_line *self, tenon_ns_t now)
{
    struct tenon_can_frame ignored;
    unsigned pieces = PIECES_MAX;
    int rc = flush(self, now);
    if (rc != TENON_OK) {
        return rc;
    }
    do {
        rc = next_event(self, &ignored, &pieces, now);
    } while (rc > SLCAN_NONE && rc != SLCAN_DONE && rc != SLCAN_REFUSED);
    if (rc == SLCAN_NONE) {
        return now >= self->wait_ns ? TENON_OK : TENON_ERR_AGAIN;
    }
    return rc == SLCAN_DONE ? TENON_OK : rc == SLCAN_REFUSED ? TENON_ERR_DEVICE : rc;
}

static int await_rate(struct tenon_slcan_line *self, tenon_ns_t now)
{
    const int rc = await_answer(self, now);
    return rc == TENON_ERR_DEVICE
               ? refuse(self, TENON_ERR_UNSUPPORTED, TENON_CAUSE_BAUD_UNSUPPORTED)
               : rc;
}

static int send_open(struct tenon_slcan_line *self, tenon_ns_t now)
{
    return send_command(self, 'O', 0, now);
}

static int await_open(struct tenon_slcan_line *self, tenon_ns_t now)
{
    const int rc = await_answer(self, now);
    if (rc == TENON_ERR_DEVICE) {
        return refuse(self, TENON_ERR_DEVICE, TENON_CAUSE_ADAPTER_REFUSED);
    }
    self->is_open = rc == TENON_OK;
    return rc;
}

static int (*const steps[])(struct tenon_slcan_line *self, tenon_ns_t now) = {
    begin,       probe_port, configure_port, send_close, send_close,
    await_quiet, send_rate,  await_rate,     send_open,  await_open,
};

static void close_port(struct tenon_slcan_line *self)
{
    if (port_life(self)->release != NULL) {
        port_life(self)->release(&self->port->module);
    }
    self->base.fd = self->port->fd;
    forget(self);
}

static int slcan_probe(struct tenon_module *module, tenon_ns_t now)
{
    struct tenon_slcan_line *self = from_module(module);
    int rc = TENON_OK;
    self->now_ns = now;
    while (rc == TENON_OK && module->progress < sizeof steps / sizeof steps[0]) {
        rc = steps[module->progress](self, now);
        module->progress = (uint16_t)(rc == TENON_OK ? module->progress + 1u : module->progress);
    }
    if (rc != TENON_OK && rc != TENON_ERR_AGAIN) {
        close_port(self);
    }
    return rc;
}

/* ---- The rest of its life ---- */

static int slcan_attach(struct tenon_module *module)
{
    struct tenon_slcan_line *self = from_module(module);
    if (port_life(self)->attach == NULL) {
        return TENON_OK;
    }
    return pass_on(self, port_life(self)->attach(&self->port->module));
}

static int slcan_make_safe(struct tenon_module *module, tenon_ns_t now)
{
    (void)module;
    (void)now;
    return TENON_OK; /* a line makes no torque */
}

static void slcan_release(struct tenon_module *module)
{
    struct tenon_slcan_line *self = from_module(module);
    if (self->is_open) {
        (void)send_command(self, 'C', 0, self->now_ns); /* in vain if the port is full or gone */
    }
    close_port(self);
}

/* ---- Frames ---- */

static int refuse_closed(struct tenon_slcan_line *self)
{
    return refuse(self, TENON_ERR_IO, TENON_CAUSE_PORT_LOST);
}

static int refuse_argument(struct tenon_slcan_line *self, float value, float bound)
{
    return tenon_module_refuse(&self->base.module, TENON_ERR_ARG, TENON_CAUSE_ARGUMENT, value,
                               bound);
}

static int slcan_read(struct tenon_line *base, uint8_t *out_bytes, size_t capacity, tenon_ns_t now)
{
    struct tenon_slcan_line *self = from_line(base);
    struct tenon_can_frame frame;
    unsigned pieces = PIECES_MAX;
    size_t count = 0;
    self->now_ns = now;
    int rc = self->is_open ? flush(self, now) : refuse_closed(self);
    if (rc < 0 && rc != TENON_ERR_AGAIN) {
        return rc;
    }
    base->tx_pending = rc == TENON_ERR_AGAIN;
    do {
        rc = count + FRAME_SIZE <= capacity ? next_event(self, &frame, &pieces, now) : SLCAN_NONE;
        if (rc == SLCAN_FRAME) {
            memcpy(out_bytes + count, &frame, FRAME_SIZE);
            count += FRAME_SIZE;
        }
        self->refused_count += rc == SLCAN_REFUSED ? 1u : 0u;
        self->broken_count += rc == SLCAN_BROKEN ? 1u : 0u;
    } while (rc > SLCAN_NONE);
    base->rx_bytes += count;
    return rc < 0 && count == 0 ? rc : (int)count;
}

/*
 * Both directions move at the same time, and each command is answered by one frame at most: the
 * last answer is through when the characters of so many longest frames are, and of one more.
 */
static void account(struct tenon_slcan_line *self, tenon_ns_t now)
{
    const tenon_ns_t frame_ns = characters_ns(self, SLCAN_FRAME_MAX);
    self->busy_ns = (self->busy_ns > now ? self->busy_ns : now) + frame_ns;
    self->base.latency_ns = self->port->latency_ns + (self->busy_ns - now) + frame_ns;
}

/* @return TENON_OK: it is out; TENON_ERR_AGAIN: no more fit, and of this one perhaps a part. */
static int send_frame(struct tenon_slcan_line *self, const uint8_t *bytes, tenon_ns_t now)
{
    struct tenon_can_frame frame;
    memcpy(&frame, bytes, FRAME_SIZE);
    self->tx_sent = 0;
    self->tx_count = (uint8_t)slcan_encode(self->tx, &frame);
    if (self->tx_count == 0) {
        return refuse_argument(self, (float)frame.id, 0.0f);
    }
    return flush(self, now);
}

static int slcan_write(struct tenon_line *base, const uint8_t *bytes, size_t count, tenon_ns_t now)
{
    struct tenon_slcan_line *self = from_line(base);
    size_t taken = 0;
    if (count % FRAME_SIZE != 0) {
        return refuse_argument(self, (float)count, (float)FRAME_SIZE);
    }
    self->now_ns = now;
    int rc = self->is_open ? flush(self, now) : refuse_closed(self);
    while (rc == TENON_OK && taken < count) {
        rc = send_frame(self, bytes + taken, now);
        if (self->tx_sent > 0) { /* what has begun will be finished */
            taken += FRAME_SIZE;
            account(self, now);
        } else {
            self->tx_count = 0;
        }
    }
    if (rc < 0 && rc != TENON_ERR_AGAIN) {
        return rc;
    }
    base->tx_bytes += taken;
    base->tx_pending = rc == TENON_ERR_AGAIN;
    return (int)taken;
}

/*
 * Past a step that hangs, so nothing of the line's own is touched. The step may have begun a line:
 * a question for the adapter's state ends it, so that no safe frame is lost to it.
 */
static int
slcan_write_emergency(struct tenon_line *base, const uint8_t *bytes, size_t count, tenon_ns_t now)
{
    static const uint8_t question[] = {'F', SLCAN_END};
    struct tenon_line *const port = from_line(base)->port;
    const struct tenon_line_api *const api = tenon_line_get_api(port);
    if (api->write_emergency == NULL || count % FRAME_SIZE != 0) {
        return api->write_emergency == NULL ? TENON_ERR_IO : TENON_ERR_ARG;
    }
    int rc = api->write_emergency(port, question, sizeof question, now);
    size_t taken = 0;
    while (rc > 0 && taken < count) {
        struct tenon_can_frame frame;
        uint8_t text[SLCAN_FRAME_MAX];
        memcpy(&frame, bytes + taken, FRAME_SIZE);
        const size_t length = slcan_encode(text, &frame);
        rc = length > 0 ? api->write_emergency(port, text, length, now) : TENON_ERR_ARG;
        if (rc < (int)length) {
            break;
        }
        taken += FRAME_SIZE;
    }
    return rc < 0 ? rc : (int)taken;
}

static int slcan_tend(struct tenon_line *base, tenon_ns_t now)
{
    struct tenon_slcan_line *self = from_line(base);
    const struct tenon_line_api *const api = tenon_line_get_api(self->port);
    return pass_on(self, api->tend != NULL ? api->tend(self->port, now) : TENON_OK);
}

static const struct tenon_lifecycle_api slcan_lifecycle = {
    .head = TENON_API_HEAD(struct tenon_lifecycle_api),
    .attach = slcan_attach,
    .probe = slcan_probe,
    .make_safe = slcan_make_safe,
    .release = slcan_release,
};

static const struct tenon_line_api slcan_api = {
    .head = TENON_API_HEAD(struct tenon_line_api),
    .read = slcan_read,
    .write = slcan_write,
    .write_emergency = slcan_write_emergency,
    .tend = slcan_tend,
};

static const struct tenon_driver slcan_driver = {
    .head = TENON_API_HEAD(struct tenon_driver),
    .name = "slcan_line",
    .role = TENON_ROLE_LINE,
    .instance_size = sizeof(struct tenon_slcan_line),
    .lifecycle = &slcan_lifecycle,
    .api = &slcan_api.head,
};

struct tenon_line *tenon_slcan_line_init_sized(struct tenon_slcan_line *self,
                                               size_t size,
                                               struct tenon_line *port,
                                               uint32_t baud)
{
    if (self == NULL || size != sizeof *self || port == NULL ||
        port->medium != TENON_MEDIUM_BYTES || port->baud == 0) {
        return NULL;
    }
    memset(self, 0, sizeof *self);
    self->base.module.driver = &slcan_driver;
    self->base.port = port->port;
    self->base.baud = baud;
    self->base.fd = -1;
    self->base.medium = TENON_MEDIUM_CAN;
    self->port = port;
    self->busy_ns = INT64_MIN; /* time may begin anywhere, below zero too */
    self->base.latency_ns = port->latency_ns + 2 * characters_ns(self, SLCAN_FRAME_MAX);
    return &self->base;
}
