/* The sentences. A unit of its own, so that firmware that does not use it does not carry it. */
#include "tenon/diag.h"

/*
 * In a sentence: %s the subject, %d the detail, %v the value, %b the bound, %m the mode and %r the
 * role that the value means, %R that of the bound. Each says what is wrong and what to do.
 */
static const char *const sentences[] = {
    [TENON_CAUSE_NONE] = "%s: nothing is wrong",
    [TENON_CAUSE_NULL] =
        "%s: a pointer that must not be NULL is NULL; a driver's init returns NULL when it refuses "
        "its arguments: check them",
    [TENON_CAUSE_NOT_FINITE] = "%s: not a finite number (%d); check the computation it comes from",
    [TENON_CAUSE_ARGUMENT] = "%s: a setting of %v is out of range; the largest allowed is %b",
    [TENON_CAUSE_BUFFER_TOO_SMALL] = "%s: its buffer has %v bytes and needs %b; enlarge it",
    [TENON_CAUSE_ALREADY_ADDED] =
        "%s: it sits in a scheduler or seat already; use one object for each, zeroed",
    [TENON_CAUSE_NOT_ADDED] =
        "%s: it was used before it, or what it stands on, was added; add wires first, then "
        "joints, then their reducers, controllers and groups",
    [TENON_CAUSE_ABI_TOO_OLD] =
        "%s: its %d was compiled against an older tenon (has %v, needs %b); rebuild it against the "
        "headers of this library",
    [TENON_CAUSE_ABI_TOO_NEW] =
        "%s: its %d was compiled against a newer tenon (has %v, this library %b); update the "
        "library, or rebuild it against the headers of this one",
    [TENON_CAUSE_METHOD_MISSING] = "%s: the required method %d is missing; provide it",
    [TENON_CAUSE_WRONG_ROLE] = "%s: a %r does not fit a seat for a %R; pass the right module",
    [TENON_CAUSE_NODE_TAKEN] =
        "%s: ID %v is taken by another device on this bus; give each its own ID",
    [TENON_CAUSE_NODE_RANGE] = "%s: ID %v does not exist on this bus; the largest is %b",
    [TENON_CAUSE_RATE] =
        "%s: rate %v does not go with %b; of any two rates one must divide the other, and a phase "
        "must be less than its rate",
    [TENON_CAUSE_SHAPE] = "%s: the reducer's shape (%v) and the motors or joints given (%b) do not "
                          "fit; pass as many as "
                          "it couples",
    [TENON_CAUSE_FIELDS] =
        "%s: this bus cannot carry the driver's cyclic fields; choose neighbouring registers",
    [TENON_CAUSE_MEDIUM] =
        "%s: this line does not carry what the bus speaks; give a CAN bus a line of CAN frames, "
        "any other a line of bytes",
    [TENON_CAUSE_MODE_UNSUPPORTED] =
        "%s: this motor does not take commands of mode %m; choose a mode it has",
    [TENON_CAUSE_CANNOT_HOLD] =
        "%s: in mode %m its motor holds nothing by itself; seat a controller, or choose another "
        "safe action",
    [TENON_CAUSE_LIMIT_ORDER] =
        "%s: the minimum of the %d (%v) is above the maximum (%b); swap them",
    [TENON_CAUSE_LIMIT_MISSING] = "%s: the limit %d is missing or negative; give a positive one",
    [TENON_CAUSE_LIMIT_OUTSIDE_MODEL] =
        "%s: the limit %d = %v is beyond what the motor allows (%b); change it",
    [TENON_CAUSE_GOAL_OUTSIDE_LIMITS] =
        "%s: the goal %v is outside the joint's limits (%b); choose one inside",
    [TENON_CAUSE_NOT_INITIALISED] = "%s: it was not initialised; call tenon_sched_init first",
    [TENON_CAUSE_STARTED] =
        "%s: the scheduler is running already; add and seat everything before start",
    [TENON_CAUSE_NOT_STARTED] = "%s: the scheduler was not started; call start first",
    [TENON_CAUSE_NOT_READY] =
        "%s: not ready yet; run the scheduler until it is, or look for what keeps it",
    [TENON_CAUSE_NOT_ENABLED] = "%s: the joint is not enabled; enable it first",
    [TENON_CAUSE_NOT_SUSPENDABLE] =
        "%s: its torque is on, or it is suspended (or runs) already; disable a joint before it is "
        "suspended",
    [TENON_CAUSE_UNHOMED] =
        "%s: its motor lost power or was replaced, and its position may be off by turns; look "
        "where it stands, then accept its calibration",
    [TENON_CAUSE_BUSY] = "%s: the joint is moving; wait until it is settled, or stop it first",
    [TENON_CAUSE_ESTOP] = "%s: the emergency stop is latched; clear it first",
    [TENON_CAUSE_QUEUE_FULL] =
        "%s: the command queue (%b entries) is full; run a step before giving more commands",
    [TENON_CAUSE_TORQUE_HELD] =
        "%s: torque is on and the %d (register %v) can only be changed with torque off; switch it "
        "off first, or let the driver do so (allow_torque_off)",
    [TENON_CAUSE_PORT_MISSING] =
        "%s: there is no such port; check the cable and the name (ls /dev/serial/by-id)",
    [TENON_CAUSE_PORT_PERMISSION] =
        "%s: no permission to open the port; add yourself to its group (usually dialout) "
        "and log in again",
    [TENON_CAUSE_PORT_BUSY] = "%s: another program has the port; close it",
    [TENON_CAUSE_PORT_NOT_SERIAL] = "%s: this is not a serial port; give the name of a tty",
    [TENON_CAUSE_PORT_LOST] =
        "%s: the port has gone; plug the adapter in again, it is taken up by itself",
    [TENON_CAUSE_PORT_FAILED] =
        "%s: the operating system refused the port (error %v); check the adapter",
    [TENON_CAUSE_BAUD_UNSUPPORTED] =
        "%s: the adapter does not do %v baud; choose another, or another adapter",
    [TENON_CAUSE_ADAPTER_REFUSED] =
        "%s: the adapter would not open its bus at %v bit/s; unplug it and plug it in again, or "
        "check its firmware",
    [TENON_CAUSE_WIRE_DOWN] = "%s: its wire (%d) is not up; see what the wire itself reports",
    [TENON_CAUSE_NO_REPLY] =
        "%s: no reply from ID %v at %b baud; check power, cable, ID and baud (tenon scan)",
    [TENON_CAUSE_GARBLED_REPLY] =
        "%s: replies of ID %v arrive broken; two servos may have the same ID, or the line is "
        "noisy: connect one alone",
    [TENON_CAUSE_MODEL_UNKNOWN] =
        "%s: model number %v is not known to this driver; use another driver or add the model",
    [TENON_CAUSE_MODEL_CHANGED] =
        "%s: a servo of model %v answers where %b is expected; connect the right one, or expect "
        "that model",
    [TENON_CAUSE_DEVICE_REFUSED] =
        "%s: the device refused a request with error %v at address %b; check the setting",
    [TENON_CAUSE_DEVICE_FAULT] =
        "%s: the device reports a fault: %d (code %v); remove its cause, then reset the joint",
    [TENON_CAUSE_BRAKE] =
        "%s: its brake has not closed within %b s; secure the load, then look at the brake",
    [TENON_CAUSE_READBACK] =
        "%s: register %v reads back other than written; check the supply, or replace the device",
    [TENON_CAUSE_SAVED_DAMAGED] =
        "%s: cut off or altered (%v bytes, %b are needed); calibrate anew, or use a copy",
    [TENON_CAUSE_SAVED_VERSION] =
        "%s: of version %v, which this library (version %b) does not read; calibrate anew",
    [TENON_CAUSE_SAVED_OTHER] =
        "%s: what was saved does not fit (%d); use what was saved of this machine, or calibrate",
    [TENON_CAUSE_TURNS_LOST] =
        "%s: its position cannot be trusted (it stands %v turns from where it was saved); home it",
    [TENON_CAUSE_STALE] = "%s: no sample for %v s (%b s are allowed); check cable and power",
    [TENON_CAUSE_BUS_SILENT] = "%s: nobody on this wire has answered for %v s (%b s are allowed); "
                               "check the power of the devices and the cable",
    [TENON_CAUSE_HEARTBEAT] =
        "%s: the application was silent for %v s (%b s are allowed); beat or command more often",
    [TENON_CAUSE_FOLLOWING_ERROR] =
        "%s: it is %v away from its command (%b is allowed); free it, lower the load or "
        "the speed",
    [TENON_CAUSE_STALL] =
        "%s: it pushes with %v (%b is much) and does not move; free it, or lower the load",
    [TENON_CAUSE_OVERLOAD] =
        "%s: its motor is too hot (%v of what it stands for ever, %b is allowed); let it cool, "
        "lower the load",
    [TENON_CAUSE_MODULE_FAILED] = "%s: a method of its driver failed with code %v; see that driver",
    [TENON_CAUSE_MEMBER] = "%s: it left the group's move (disabled, stopped or moved otherwise); "
                           "enable it and move again",
    [TENON_CAUSE_STEP_TIMEOUT] = "%s: it did not get ready within %b s; check the device",
    [TENON_CAUSE_OVERRUN] = "%s: a step came %v s late (the period is %b s) and releases were "
                            "missed; give the thread a higher priority, or less to do",
    [TENON_CAUSE_DERATED] = "%s: its motor is warm (%v of what it stands for ever) and its effort "
                            "limit comes down; lower the load, or let it rest",
    [TENON_CAUSE_BUDGET] = "%s: its part of a step took %v s (%b s are allowed); look into its "
                           "drivers, or give the thread a higher priority",
    [TENON_CAUSE_RESTARTED] = "%s: it is back after a fault; its joint can be enabled again",
    [TENON_CAUSE_REALTIME_PRIORITY] =
        "%s: real-time priority %v is not permitted (limit %b); put '@realtime - rtprio 98' into "
        "/etc/security/limits.conf and log in again, or LimitRTPRIO=98 into the service",
    [TENON_CAUSE_REALTIME_MEMORY] =
        "%s: memory may not be locked (limit %b KiB); put '@realtime - memlock unlimited' into "
        "/etc/security/limits.conf and log in again, or LimitMEMLOCK=infinity into the service",
    [TENON_CAUSE_REALTIME_CPU] =
        "%s: this process cannot run on CPU %v; choose one of those that `taskset -cp $$` shows",
    [TENON_CAUSE_WATCHDOG_BOUND] =
        "%s: a bound of %v s is too short for a watchdog of these steps; give at least %b s",
    [TENON_CAUSE_DIRECTION] = "%s: the port cannot switch direction by %d (error %v); use an "
                              "adapter that does so by itself, or another way",
};

struct text {
    char *out;
    size_t size;
    size_t count;
};

static void put_char(struct text *t, char c)
{
    if (t->count + 1 < t->size) {
        t->out[t->count++] = c;
        t->out[t->count] = '\0';
    }
}

static void put(struct text *t, const char *s)
{
    while (*s != '\0') {
        put_char(t, *s++);
    }
}

static void put_integer(struct text *t, uint64_t n)
{
    char digits[20];
    unsigned count = 0;
    do {
        digits[count++] = (char)('0' + (char)(n % 10u));
        n /= 10u;
    } while (n > 0);
    while (count > 0) {
        put_char(t, digits[--count]);
    }
}

/* Three decimals, without those that are zero. */
static void put_number(struct text *t, float value)
{
    if (value < 0.0f) {
        put(t, value > -0.0005f ? "" : "-");
        value = -value;
    }
    if (!(value < 1e15f)) {
        put(t, value >= 1e15f ? "a huge number" : "not a number");
        return;
    }
    const uint64_t thousandths = (uint64_t)((double)value * 1000.0 + 0.5);
    unsigned rest = (unsigned)(thousandths % 1000u);
    put_integer(t, thousandths / 1000u);
    if (rest != 0) {
        put_char(t, '.');
        for (; rest != 0; rest = rest % 100u * 10u) {
            put_char(t, (char)('0' + (char)(rest / 100u)));
        }
    }
}

static const char *const modes[] = {
    "none", "position", "extended position", "velocity", "effort", "effort-capped position", "PWM"};
static const char *const roles[] = {
    "module without a role", "line", "bus", "motor", "reducer", "controller"};

static void put_name(struct text *t, const char *const *names, size_t count, float value)
{
    if (value >= 0.0f && value < (float)count) {
        put(t, names[(size_t)value]);
    } else {
        put_number(t, value);
    }
}

static void put_part(struct text *t, char kind, const struct tenon_diag *diag)
{
    switch (kind) {
    case 's':
        put(t, diag->subject != NULL ? diag->subject : "tenon");
        break;
    case 'd':
        put(t, diag->detail != NULL ? diag->detail : "unspecified");
        break;
    case 'v':
        put_number(t, diag->value);
        break;
    case 'm':
        put_name(t, modes, sizeof modes / sizeof modes[0], diag->value);
        break;
    case 'r':
        put_name(t, roles, sizeof roles / sizeof roles[0], diag->value);
        break;
    case 'R':
        put_name(t, roles, sizeof roles / sizeof roles[0], diag->bound);
        break;
    default:
        put_number(t, diag->bound);
        break;
    }
}

const char *tenon_diag_text(const struct tenon_diag *diag, char *out, size_t size)
{
    struct text t = {.out = out, .size = size};
    if (size == 0 || out == NULL) {
        return "";
    }
    out[0] = '\0';
    if (diag == NULL) {
        return out;
    }
    const char *s = diag->cause < TENON_CAUSE_COUNT ? sentences[diag->cause] : "%s: unknown cause";
    for (; *s != '\0'; s++) {
        if (*s == '%' && s[1] != '\0') {
            put_part(&t, *++s, diag);
        } else {
            put_char(&t, *s);
        }
    }
    return out;
}
