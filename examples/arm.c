/*
 * A six-joint arm: two servo models, a ratio reducer in each joint, 250 Hz, poses by group moves.
 * Usage: arm PORT [--baud N] [--csv FILE] [--rounds N]
 */
#define _GNU_SOURCE
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <tenon/drivers/serialport_line.h>
#include <tenon/posix.h>
#include <tenon/tenon.h>
#include <time.h>
#include <unistd.h>

#define JOINTS       6
#define POSES        5
#define PERIOD       TENON_MS(4)
#define DWELL_CYCLES 100   /* at each pose */
#define SETTLE_RAD   0.006 /* a pose counts as reached when every joint is so near */
#define TABLE_CYCLES 50

static const struct {
    const char *name;
    float ratio;
    struct tenon_joint_limits limits;
} axes[JOINTS] = {
    {"base", 3.0f, {-1.5, 1.5, 0.6f, 1.5f, 10.0f, 0.0f, 0.2f}},
    {"shoulder", 2.0f, {-1.5, 1.5, 0.5f, 1.2f, 8.0f, 0.0f, 0.2f}},
    {"elbow", 2.0f, {-1.5, 1.5, 0.5f, 1.2f, 8.0f, 0.0f, 0.2f}},
    {"forearm", 1.5f, {-1.6, 1.6, 0.8f, 2.0f, 15.0f, 0.0f, 0.2f}},
    {"wrist", -1.0f, {-1.6, 1.6, 0.8f, 2.0f, 15.0f, 0.0f, 0.2f}},
    {"hand", 1.0f, {-1.6, 1.6, 0.8f, 2.0f, 15.0f, 0.0f, 0.2f}},
};

/* rad; the last one is where the arm rests without torque */
static const double poses[POSES][JOINTS] = {
    {0.0, 0.0, 0.0, 0.0, 0.0, 0.0},     {0.8, -0.5, 0.7, 0.9, -0.8, 1.2},
    {-0.8, 0.6, -0.6, -0.9, 0.8, -1.2}, {0.4, 0.3, 0.5, 0.0, -1.0, 0.6},
    {0.0, -0.78, -0.78, 0.0, 0.0, 0.0},
};

static uint64_t memory[1024], bus_memory[512];
static struct tenon_sched sched;
static struct tenon_wire wire;
static struct tenon_serialport_line line;
static struct tenon_dxl2_bus bus;
static struct tenon_dxl2_motor servos[JOINTS];
static struct tenon_ratio_reducer gears[JOINTS];
static struct tenon_joint joints[JOINTS];
static struct tenon_group arm;
static struct tenon_joint *const members[JOINTS] = {&joints[0], &joints[1], &joints[2],
                                                    &joints[3], &joints[4], &joints[5]};

static volatile sig_atomic_t interrupted;
static FILE *csv;
static double cpu_max_s;

static void interrupt(int signal_number)
{
    (void)signal_number;
    interrupted = 1;
}

static void assemble(const char *port, uint32_t baud)
{
    tenon_sched_init(&sched, &tenon_posix_port, PERIOD, memory, sizeof memory);
    tenon_sched_add_wire(&sched, &wire, port, tenon_serialport_line_init(&line, port, baud),
                         tenon_dxl2_bus_init(&bus, bus_memory, sizeof bus_memory));
    for (uint8_t i = 0; i < JOINTS; i++) {
        /* The servos' factory I gain is 0: under gravity they would sag. */
        struct tenon_dxl2_motor_config config = {0};
        config.id = (uint8_t)(i + 1);
        config.mode = TENON_MODE_EXTENDED_POSITION;
        config.position_p_gain = 1600;
        config.position_i_gain = 2500;
        config.position_d_gain = 400;
        joints[i].safe_action = TENON_SAFE_HOLD; /* an arm must not fall */
        tenon_sched_add_joint(&sched, &joints[i], axes[i].name,
                              tenon_dxl2_motor_init_config(&servos[i], &wire, &config),
                              &axes[i].limits);
        tenon_joint_use_reducer(&joints[i],
                                tenon_ratio_reducer_init(&gears[i], (double)axes[i].ratio));
    }
    tenon_sched_add_group(&sched, &arm, "arm", members, JOINTS);
}

static double seconds(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void log_header(void)
{
    fputs("time_s,pose,phase", csv);
    for (int i = 0; i < JOINTS; i++) {
        fprintf(csv, ",%s_command_rad,%s_rad,%s_nm", axes[i].name, axes[i].name, axes[i].name);
    }
    fputs("\n# ratio", csv);
    for (int i = 0; i < JOINTS; i++) {
        fprintf(csv, ",%g", (double)axes[i].ratio);
    }
    fputs("\n", csv);
}

static void log_row(int pose, const char *phase)
{
    if (csv == NULL) {
        return;
    }
    fprintf(csv, "%.6f,%d,%s", seconds(CLOCK_MONOTONIC), pose, phase);
    for (int i = 0; i < JOINTS; i++) {
        fprintf(csv, ",%.6f,%.6f,%.4f", joints[i].command.position_rad,
                joints[i].state.position_rad, (double)joints[i].state.effort_nm);
    }
    fputs("\n", csv);
}

static void print_table(void)
{
    static bool is_first = true;
    if (!isatty(STDOUT_FILENO) || sched.counters.step_count % TABLE_CYCLES != 0) {
        return;
    }
    if (!is_first) {
        printf("\033[%dA", JOINTS + 1);
    }
    is_first = false;
    printf("%-10s %9s %9s %8s %8s %6s %5s\n", "joint", "command", "position", "error", "N m", "V",
           "C");
    for (int i = 0; i < JOINTS; i++) {
        printf("%-10s %9.4f %9.4f %8.4f %8.3f %6.1f %5.0f\n", axes[i].name,
               joints[i].command.position_rad, joints[i].state.position_rad,
               joints[i].command.position_rad - joints[i].state.position_rad,
               (double)joints[i].state.effort_nm, (double)servos[i].health.voltage_v,
               (double)servos[i].health.temperature_c);
    }
}

/* One cycle. @return a negative code when a module or joint is not well. */
static int cycle(int pose, const char *phase)
{
    const double before = seconds(CLOCK_THREAD_CPUTIME_ID);
    const int rc = tenon_posix_cycle(&sched);
    const double cpu = seconds(CLOCK_THREAD_CPUTIME_ID) - before;
    cpu_max_s = cpu > cpu_max_s ? cpu : cpu_max_s;
    if (rc < 0) {
        return rc;
    }
    log_row(pose, phase);
    print_table();
    return tenon_sched_explain(&sched);
}

static int go_to(int pose)
{
    int rc = tenon_group_move_to(&arm, poses[pose]);
    while (rc >= 0 && !interrupted && !tenon_group_is_settled(&arm, SETTLE_RAD)) {
        rc = cycle(pose, arm.status == TENON_GROUP_MOVING ? "move" : "settle");
    }
    for (int i = 0; rc >= 0 && !interrupted && i < DWELL_CYCLES; i++) {
        rc = cycle(pose, "dwell");
    }
    return rc;
}

static void summarise(double elapsed_s)
{
    printf("arm: joints=%d cycles=%lu missed=%lu late_max_ms=%.2f cpu_max_ms=%.3f period_ms=%.1f "
           "bus_load=%.3f line=%s\n",
           JOINTS, (unsigned long)sched.counters.step_count,
           (unsigned long)sched.counters.missed_count, (double)sched.counters.late_max_ns * 1e-6,
           cpu_max_s * 1e3, (double)PERIOD * 1e-6,
           (double)bus.base.counters.busy_ns * 1e-9 / elapsed_s,
           tenon_serialport_line_path_name(&line));
}

static int run(int rounds)
{
    const double begin = seconds(CLOCK_MONOTONIC);
    int rc = tenon_posix_start(&sched, TENON_MS(3000));
    rc = rc < 0 ? rc : tenon_group_enable(&arm);
    for (int i = 0; rc >= 0 && !interrupted && i < rounds * POSES; i++) {
        rc = go_to(i % POSES);
    }
    if (rc < 0 && !interrupted) {
        char text[256];
        fprintf(stderr, "arm: %s\n", tenon_diag_text(tenon_sched_diag(&sched), text, sizeof text));
    }
    if (rc >= 0 && !interrupted) { /* it rests: let go */
        tenon_group_disable(&arm);
        while (!tenon_sched_is_safe(&sched) && tenon_posix_cycle(&sched) >= 0) {
        }
    }
    const int stopped = tenon_posix_stop(&sched, TENON_MS(2000));
    if (interrupted) {
        printf("arm: interrupted; %s\n", stopped < 0
                                             ? "it could not be stopped"
                                             : "it has braked and holds its position, torque on");
    }
    summarise(seconds(CLOCK_MONOTONIC) - begin);
    tenon_sched_close(&sched);
    return rc < 0 || stopped < 0 || interrupted;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {{"baud", required_argument, NULL, 'b'},
                                            {"csv", required_argument, NULL, 'c'},
                                            {"rounds", required_argument, NULL, 'r'},
                                            {NULL, 0, NULL, 0}};
    uint32_t baud = 1000000;
    int rounds = 1;
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (c == 'b') {
            baud = (uint32_t)strtoul(optarg, NULL, 10);
        } else if (c == 'r') {
            rounds = atoi(optarg);
        } else if (c != 'c' || (csv = fopen(optarg, "w")) == NULL) {
            fprintf(stderr, "usage: arm PORT [--baud N] [--csv FILE] [--rounds N]\n");
            return 2;
        }
    }
    if (optind + 1 != argc) {
        fprintf(stderr, "arm: name the port, for instance /dev/ttyUSB0\n");
        return 2;
    }
    signal(SIGINT, interrupt);
    signal(SIGTERM, interrupt);
    assemble(argv[optind], baud);
    if (csv != NULL) {
        log_header();
    }
    const int status = run(rounds);
    if (csv != NULL) {
        fclose(csv);
    }
    return status;
}
