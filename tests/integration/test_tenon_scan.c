/*
 * `tenon scan` as its users have it: the program itself against `tenon sim`, both started as
 * children. The program's path is the first argument.
 */
#define _GNU_SOURCE
#include "tests/tenon_test.h"

#include "tests/fakes/pty_servos.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define ARGUMENTS_MAX 16
#define PATIENCE_MS   60000
#define ATTEMPTS      5

enum { FIRMWARE = 6, RETURN_DELAY = 9, OPERATING_MODE = 11, BUS_WATCHDOG = 98 };

static const char *program;

struct child {
    pid_t pid; /* 0: none runs */
    int out;
    int err;
};

struct rig {
    char directory[32];
    char port[64];
    struct child sim;
    struct child scan;
    char said[4096];
    char complained[4096];
};

static int make_rig(void **state)
{
    struct rig *rig = calloc(1, sizeof *rig);
    (void)snprintf(rig->directory, sizeof rig->directory, "/tmp/tenon_scan_XXXXXX");
    assert_non_null(mkdtemp(rig->directory));
    (void)snprintf(rig->port, sizeof rig->port, "%s/port", rig->directory);
    *state = rig;
    return 0;
}

static void end(struct child *child)
{
    if (child->pid > 0) {
        (void)kill(child->pid, SIGKILL);
        (void)waitpid(child->pid, NULL, 0);
        (void)close(child->out);
        (void)close(child->err);
        child->pid = 0;
    }
}

static int drop_rig(void **state)
{
    struct rig *rig = *state;
    end(&rig->scan);
    end(&rig->sim);
    (void)unlink(rig->port);
    assert_int_equal(rmdir(rig->directory), 0);
    free(rig);
    return 0;
}

/* Words are separated by blanks; @port stands for the rig's. */
static void start(struct rig *rig, struct child *child, const char *words)
{
    char text[512];
    char *arguments[ARGUMENTS_MAX] = {strdup(program)};
    size_t count = 1;
    int out[2];
    int err[2];
    (void)snprintf(text, sizeof text, "%s", words);
    for (char *word = strtok(text, " "); word != NULL; word = strtok(NULL, " ")) {
        assert_true(count < ARGUMENTS_MAX - 1);
        arguments[count++] = strcmp(word, "@port") == 0 ? rig->port : word;
    }
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    assert_int_equal(pipe2(err, O_CLOEXEC), 0);
    child->pid = fork();
    assert_true(child->pid >= 0);
    if (child->pid == 0) {
        (void)dup2(out[1], STDOUT_FILENO);
        (void)dup2(err[1], STDERR_FILENO);
        (void)execv(program, arguments);
        _exit(127);
    }
    (void)close(out[1]);
    (void)close(err[1]);
    free(arguments[0]);
    child->out = out[0];
    child->err = err[0];
}

/* One line, which must come in time. */
static void read_line(int fd, char *out_line, size_t size)
{
    size_t length = 0;
    do {
        struct pollfd look = {.fd = fd, .events = POLLIN, .revents = 0};
        assert_int_equal(poll(&look, 1, PATIENCE_MS), 1);
        assert_true(length < size - 1);
        assert_int_equal(read(fd, out_line + length, 1), 1);
        length++;
    } while (out_line[length - 1] != '\n');
    out_line[length] = '\0';
}

static void read_to_end(int fd, char *out_text, size_t size)
{
    size_t length = 0;
    ssize_t count;
    while (length < size - 1 && (count = read(fd, out_text + length, size - 1 - length)) > 0) {
        length += (size_t)count;
    }
    out_text[length] = '\0';
}

static void start_sim(struct rig *rig, const char *words)
{
    char line[128];
    start(rig, &rig->sim, words);
    read_line(rig->sim.out, line, sizeof line);
}

/* @return the exit status. */
static int scan(struct rig *rig, const char *words)
{
    int status = 0;
    start(rig, &rig->scan, words);
    read_to_end(rig->scan.out, rig->said, sizeof rig->said);
    read_to_end(rig->scan.err, rig->complained, sizeof rig->complained);
    assert_int_equal(waitpid(rig->scan.pid, &status, 0), rig->scan.pid);
    (void)close(rig->scan.out);
    (void)close(rig->scan.err);
    rig->scan.pid = 0;
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

/* A machine that does other things may be too late for an answer, and the servo is passed over:
 * then once more. */
static void those_that_answer_are_listed_and_two_of_one_id_told(void **state)
{
    static const char listed[] = "ID   1  xm430-w350   model 1020  firmware 45  1000000 baud\n"
                                 "ID 252  xl430-w250   model 1060  firmware 45  1000000 baud\n";
    struct rig *rig = *state;
    start_sim(rig, "sim --baud 1000000 --link @port --servo xm430-w350:1 --servo xl330-m288:12 "
                   "--servo xm430-w350:12 --servo xl430-w250:252");
    int status = 1;
    for (int i = 0; i < ATTEMPTS; i++) {
        status = scan(rig, "scan @port --baud 1000000");
        if (strcmp(rig->said, listed) == 0 && strstr(rig->complained, "ID  12") != NULL) {
            break;
        }
    }
    assert_string_equal(rig->said, listed);
    assert_non_null(strstr(rig->complained, "ID  12"));
    assert_non_null(strstr(rig->complained, "two servos with this ID"));
    assert_int_equal(status, 0);
}

/* What they cannot do alone is told, and what follows from how they are set. */
static void verbose_tells_what_each_does_when_the_bus_falls_silent(void **state)
{
    static struct pty_servos servos;
    static const char told[] =
        "ID   1  xm430-w350   model 1020  firmware 37  1000000 baud\n"
        "        return delay  500 us\n"
        "        bus watchdog  no: firmware 38 and later have it\n"
        "        bus silent    it turns on at its last goal velocity; it cannot stop by itself\n"
        "        torque        off\n"
        "ID   2  xm430-w350   model 1020  firmware 45  1000000 baud\n"
        "        return delay  40 us\n"
        "        bus watchdog  yes, 100 ms\n"
        "        bus silent    it stops after 100 ms, torque as it is\n"
        "        torque        off\n";
    static const char told_json[] =
        "\"baud\": 1000000, \"bus_watchdog\": true, \"bus_watchdog_ms\": 100, "
        "\"return_delay_us\": 40, \"torque\": false}\n";
    struct rig *rig = *state;
    pty_servos_make(&servos);
    assert_int_equal(tenon_sim_servo_poke(&servos.servos[0], OPERATING_MODE, 1, 1), TENON_OK);
    assert_int_equal(tenon_sim_servo_poke(&servos.servos[1], RETURN_DELAY, 1, 20), TENON_OK);
    assert_int_equal(tenon_sim_servo_poke(&servos.servos[1], BUS_WATCHDOG, 1, 5), TENON_OK);
    servos.servos[0].table[FIRMWARE] = 37;
    pty_servos_run(&servos);
    assert_int_equal(symlink(servos.name, rig->port), 0);
    for (int i = 0; i < ATTEMPTS && strcmp(rig->said, told) != 0; i++) {
        assert_int_equal(scan(rig, "scan @port --baud 1000000 --verbose"), 0);
    }
    assert_string_equal(rig->said, told);
    rig->said[0] = '\0';
    for (int i = 0; i < ATTEMPTS && strstr(rig->said, told_json) == NULL; i++) {
        assert_int_equal(scan(rig, "scan @port --baud 1000000 --verbose --json"), 0);
    }
    assert_non_null(strstr(rig->said, told_json));
    assert_non_null(strstr(rig->said, "\"bus_watchdog\": false, \"return_delay_us\": 500"));
    pty_servos_stop(&servos);
}

/* It goes on from one speed to the next; after the first find this test has seen enough. */
static void all_bauds_are_tried_and_json_is_one_object_a_line(void **state)
{
    struct rig *rig = *state;
    char line[256];
    start_sim(rig, "sim --baud 57600 --link @port --servo xm430-w350:0 --servo xm430-w350:1 "
                   "--servo xm430-w350:2 --servo xm430-w350:3");
    start(rig, &rig->scan, "scan @port --all-bauds --json");
    read_line(rig->scan.out, line, sizeof line); /* 9600 comes first */
    assert_memory_equal(line, "{\"id\": ", 7);
    assert_true(line[7] >= '0' && line[7] <= '3');
    assert_string_equal(line + 8, ", \"model\": \"xm430-w350\", \"model_number\": 1020, "
                                  "\"firmware\": 45, \"baud\": 57600}\n");
}

static void a_bus_without_servos_is_told_with_exit_1(void **state)
{
    struct rig *rig = *state;
    start_sim(rig, "sim --baud 57600 --link @port --servo xm430-w350:1");
    assert_int_equal(scan(rig, "scan @port --baud 1000000"), 1);
    assert_string_equal(rig->said, "");
    assert_non_null(strstr(rig->complained, "no servo answers on "));
    assert_non_null(strstr(rig->complained, "try --all-bauds"));
}

static void a_port_that_cannot_be_had_is_told_with_exit_1(void **state)
{
    struct rig *rig = *state;
    assert_int_equal(scan(rig, "scan @port"), 1);
    assert_non_null(strstr(rig->complained, rig->port));
    assert_non_null(strstr(rig->complained, "there is no such port"));
    assert_int_equal(scan(rig, "scan /tmp"), 1);
    assert_non_null(strstr(rig->complained, "not a serial port"));
    assert_string_equal(rig->said, "");
}

static void senseless_command_lines_are_explained_with_exit_2(void **state)
{
    static const char *const cases[] = {"scan",
                                        "scan a b",
                                        "scan @port --dance",
                                        "scan @port --baud",
                                        "scan @port --baud 0",
                                        "scan @port --baud fast",
                                        "scan @port --baud 1000000x"};
    struct rig *rig = *state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(scan(rig, cases[i]), 2);
        assert_non_null(strstr(rig->complained, "usage: tenon scan PORT"));
        assert_string_equal(rig->said, "");
    }
    assert_int_equal(scan(rig, "scan --help"), 0);
    assert_non_null(strstr(rig->said, "--all-bauds"));
}

#define RIG_TEST(f) cmocka_unit_test_setup_teardown(f, make_rig, drop_rig)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(those_that_answer_are_listed_and_two_of_one_id_told),
        RIG_TEST(verbose_tells_what_each_does_when_the_bus_falls_silent),
        RIG_TEST(all_bauds_are_tried_and_json_is_one_object_a_line),
        RIG_TEST(a_bus_without_servos_is_told_with_exit_1),
        RIG_TEST(a_port_that_cannot_be_had_is_told_with_exit_1),
        RIG_TEST(senseless_command_lines_are_explained_with_exit_2),
    };
    if (argc != 2) {
        (void)fprintf(stderr, "usage: %s PROGRAM\n", argv[0]);
        return 2;
    }
    program = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
