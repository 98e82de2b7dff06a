/*
 * The example `arm` as its users have it, against `tenon sim`: what it says and leaves behind when
 * it is interrupted. Real time on machines that do other things too: a run that lost a sample for
 * longer than is allowed is repeated.
 */
#define _GNU_SOURCE
#include "../tenon_test.h"

#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SERVOS   6
#define ATTEMPTS 5

static char sim_path[512], arm_path[512];

struct rig {
    char directory[32];
    char port[64];
    char truth[64];
    char csv[64];
    pid_t sim; /* 0: none runs */
    char said[4096];
};

static int make_rig(void **state)
{
    struct rig *rig = calloc(1, sizeof *rig);
    (void)snprintf(rig->directory, sizeof rig->directory, "/tmp/tenon_example_XXXXXX");
    assert_non_null(mkdtemp(rig->directory));
    (void)snprintf(rig->port, sizeof rig->port, "%s/port", rig->directory);
    (void)snprintf(rig->truth, sizeof rig->truth, "%s/truth", rig->directory);
    (void)snprintf(rig->csv, sizeof rig->csv, "%s/csv", rig->directory);
    *state = rig;
    return 0;
}

static void kill_sim(struct rig *rig)
{
    if (rig->sim > 0) {
        (void)unlink(rig->port);
        (void)kill(rig->sim, SIGKILL);
        (void)waitpid(rig->sim, NULL, 0);
        rig->sim = 0;
    }
}

static int drop_rig(void **state)
{
    struct rig *rig = *state;
    kill_sim(rig);
    (void)unlink(rig->truth);
    (void)unlink(rig->csv);
    assert_int_equal(rmdir(rig->directory), 0);
    free(rig);
    return 0;
}

static void sleep_ms(long ms)
{
    const struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    (void)nanosleep(&time, NULL);
}

/* @return the child; what it says comes out of *out_fd. */
static pid_t spawn(char *const *arguments, int *out_fd)
{
    int out[2];
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)dup2(out[1], STDOUT_FILENO);
        (void)dup2(out[1], STDERR_FILENO);
        (void)execv(arguments[0], arguments);
        _exit(127);
    }
    (void)close(out[1]);
    *out_fd = out[0];
    return child;
}

static void start_sim(struct rig *rig)
{
    char models[SERVOS][24];
    char words[][20] = {"sim",           "--servo", "--baud",  "1000000", "--load",
                        "2:1.40:0.02:0", "--angle", "2:-1.56", "--link",  "--truth"};
    char *arguments[32] = {sim_path, words[0]};
    size_t n = 2;
    char byte;
    int out;
    for (unsigned i = 0; i < SERVOS; i++) {
        (void)snprintf(models[i], sizeof models[i], "%s:%u", i < 3 ? "xm430-w350" : "xl430-w250",
                       i + 1);
        arguments[n++] = words[1];
        arguments[n++] = models[i];
    }
    for (size_t i = 2; i < 8; i++) {
        arguments[n++] = words[i];
    }
    arguments[n++] = words[8];
    arguments[n++] = rig->port;
    arguments[n++] = words[9];
    arguments[n++] = rig->truth;
    rig->sim = spawn(arguments, &out);
    struct pollfd look = {.fd = out, .events = POLLIN, .revents = 0};
    assert_int_equal(poll(&look, 1, 10000), 1);
    assert_int_equal(read(out, &byte, 1), 1); /* the name of its terminal: it is there */
    (void)close(out);
}

/* The newest angle of each horn. @return how many there are. */
static unsigned read_truth(const struct rig *rig, double *out_rad)
{
    long long time_ns;
    unsigned id;
    double angle, velocity, torque;
    unsigned seen = 0;
    FILE *file = fopen(rig->truth, "r");
    assert_non_null(file);
    while (fscanf(file, "%lld %u %lf %lf %lf", &time_ns, &id, &angle, &velocity, &torque) == 5) {
        assert_true(id >= 1 && id <= SERVOS);
        out_rad[id - 1] = angle;
        seen |= 1u << (id - 1);
    }
    (void)fclose(file);
    return seen;
}

static bool horn_has_turned(const struct rig *rig, unsigned servo, double from)
{
    double angles[SERVOS] = {0};
    const unsigned seen = read_truth(rig, angles);
    return (seen & (1u << servo)) != 0 && fabs(angles[servo] - from) > 0.2;
}

/* @return the exit status. */
static int finish(struct rig *rig, pid_t child, int out)
{
    int status = 0;
    size_t length = 0;
    ssize_t count;
    while (length < sizeof rig->said - 1 &&
           (count = read(out, rig->said + length, sizeof rig->said - 1 - length)) > 0) {
        length += (size_t)count;
    }
    rig->said[length] = '\0';
    (void)close(out);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

/* The loaded shoulder is on its way up when the signal comes. @return the exit status. */
static int interrupt_a_move(struct rig *rig, int signal_number)
{
    char option[] = "--csv";
    char *arguments[] = {arm_path, rig->port, option, rig->csv, NULL};
    int out;
    const pid_t child = spawn(arguments, &out);
    for (int i = 0; i < 500 && !horn_has_turned(rig, 1, -1.56); i++) {
        sleep_ms(20);
    }
    (void)kill(child, signal_number);
    return finish(rig, child, out);
}

static bool was_disturbed(const struct rig *rig)
{
    return strstr(rig->said, "no sample for") != NULL || strstr(rig->said, "arrive broken") != NULL;
}

/* Two looks, further apart than the servos' own watchdogs: what was let go would have fallen. */
static void assert_holds(const struct rig *rig)
{
    double before[SERVOS], after[SERVOS];
    sleep_ms(100);
    assert_int_equal(read_truth(rig, before), (1u << SERVOS) - 1u);
    sleep_ms(1000);
    assert_int_equal(read_truth(rig, after), (1u << SERVOS) - 1u);
    for (unsigned i = 0; i < SERVOS; i++) {
        assert_true(fabs(after[i] - before[i]) < 0.02);
    }
    assert_true(fabs(after[1] + 1.56) > 0.15); /* it was on its way, and hangs no longer */
}

static void it_brakes_holds_and_says_so_when_interrupted(void **state)
{
    struct rig *rig = *state;
    const int signals[] = {SIGINT, SIGTERM};
    for (size_t s = 0; s < 2; s++) {
        int status = 0;
        for (int i = 0; i < ATTEMPTS; i++) {
            start_sim(rig);
            status = interrupt_a_move(rig, signals[s]);
            if (!was_disturbed(rig)) {
                break;
            }
            kill_sim(rig);
        }
        print_message("%s", rig->said);
        assert_int_equal(status, 1);
        assert_non_null(strstr(rig->said, "arm: interrupted; it has braked and holds its position, "
                                          "torque on\n"));
        assert_non_null(strstr(rig->said, "arm: joints=6 "));
        assert_holds(rig);
        kill_sim(rig);
    }
}

static void a_port_that_is_not_there_is_told(void **state)
{
    struct rig *rig = *state;
    char *arguments[] = {arm_path, rig->port, NULL};
    int out;
    const pid_t child = spawn(arguments, &out);
    assert_int_equal(finish(rig, child, out), 1);
    assert_non_null(strstr(rig->said, "there is no such port"));
}

#define RIG_TEST(f) cmocka_unit_test_setup_teardown(f, make_rig, drop_rig)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(it_brakes_holds_and_says_so_when_interrupted),
        RIG_TEST(a_port_that_is_not_there_is_told),
    };
    const char *tool = getenv("TENON_TOOL");
    const char *examples = getenv("TENON_EXAMPLES");
    if (tool == NULL || examples == NULL) {
        (void)fprintf(stderr, "TENON_TOOL must name the tenon program, TENON_EXAMPLES the "
                              "directory of the examples\n");
        return 2;
    }
    (void)snprintf(sim_path, sizeof sim_path, "%s", tool);
    (void)snprintf(arm_path, sizeof arm_path, "%s/arm", examples);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
