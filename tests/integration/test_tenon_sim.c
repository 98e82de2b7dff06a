/*
 * `tenon sim` as its users have it: the program itself, started as a child, its terminal opened by
 * the serial line. The program's path is the first argument.
 */
#define _GNU_SOURCE
#include "tests/tenon_test.h"

#include "tenon/drivers/serialport_line.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ARGUMENTS_MAX 24
#define BAUD          1000000
#define PATIENCE_MS   5000

static const char *program;

struct rig {
    char directory[32];
    char link[64];
    char truth[64];
    char out[4096];
    char err[4096];
    pid_t child; /* 0: none runs */
    int out_fd;
    int err_fd;
    struct tenon_serialport_line line;
};

static int make_rig(void **state)
{
    struct rig *rig = calloc(1, sizeof *rig);
    (void)snprintf(rig->directory, sizeof rig->directory, "/tmp/tenon_sim_XXXXXX");
    assert_non_null(mkdtemp(rig->directory));
    assert_int_equal(chmod(rig->directory, 0755), 0);
    (void)snprintf(rig->link, sizeof rig->link, "%s/port", rig->directory);
    (void)snprintf(rig->truth, sizeof rig->truth, "%s/truth", rig->directory);
    assert_non_null(tenon_serialport_line_init(&rig->line, rig->link, BAUD));
    *state = rig;
    return 0;
}

static void release(struct rig *rig)
{
    rig->line.base.module.driver->lifecycle->release(&rig->line.base.module);
}

static int drop_rig(void **state)
{
    struct rig *rig = *state;
    release(rig);
    if (rig->child > 0) {
        (void)kill(rig->child, SIGKILL);
        (void)waitpid(rig->child, NULL, 0);
    }
    char command[64];
    (void)snprintf(command, sizeof command, "rm -rf %s", rig->directory);
    assert_int_equal(system(command), 0);
    free(rig);
    return 0;
}

static void sleep_ms(long ms)
{
    const struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    (void)nanosleep(&time, NULL);
}

/* Words are separated by blanks; @link and @truth stand for the rig's paths. */
static void start(struct rig *rig, const char *words)
{
    char text[1024];
    char *arguments[ARGUMENTS_MAX] = {strdup(program)};
    size_t count = 1;
    int out[2];
    int err[2];
    (void)snprintf(text, sizeof text, "%s", words);
    for (char *word = strtok(text, " "); word != NULL; word = strtok(NULL, " ")) {
        assert_true(count < ARGUMENTS_MAX - 1);
        arguments[count++] = strcmp(word, "@link") == 0    ? rig->link
                             : strcmp(word, "@truth") == 0 ? rig->truth
                                                           : word;
    }
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    assert_int_equal(pipe2(err, O_CLOEXEC), 0);
    rig->child = fork();
    assert_true(rig->child >= 0);
    if (rig->child == 0) {
        (void)dup2(out[1], STDOUT_FILENO);
        (void)dup2(err[1], STDERR_FILENO);
        (void)execv(program, arguments);
        _exit(127);
    }
    (void)close(out[1]);
    (void)close(err[1]);
    free(arguments[0]);
    rig->out_fd = out[0];
    rig->err_fd = err[0];
}

static void read_to_end(int fd, char *out_text, size_t size)
{
    size_t length = strlen(out_text);
    ssize_t count;
    while (length < size - 1 && (count = read(fd, out_text + length, size - 1 - length)) > 0) {
        length += (size_t)count;
        out_text[length] = '\0';
    }
    (void)close(fd);
}

static int finish(struct rig *rig)
{
    int status = 0;
    read_to_end(rig->out_fd, rig->out, sizeof rig->out);
    read_to_end(rig->err_fd, rig->err, sizeof rig->err);
    assert_int_equal(waitpid(rig->child, &status, 0), rig->child);
    rig->child = 0;
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static int stop(struct rig *rig, int signal_number)
{
    assert_int_equal(kill(rig->child, signal_number), 0);
    return finish(rig);
}

static int run(struct rig *rig, const char *words)
{
    rig->out[0] = rig->err[0] = '\0';
    start(rig, words);
    return finish(rig);
}

/* Until the terminal's name is out, which comes last. */
static void start_and_wait(struct rig *rig, const char *words)
{
    start(rig, words);
    size_t length = 0;
    while (strchr(rig->out, '\n') == NULL) {
        struct pollfd look = {.fd = rig->out_fd, .events = POLLIN, .revents = 0};
        assert_int_equal(poll(&look, 1, PATIENCE_MS), 1);
        const ssize_t count = read(rig->out_fd, rig->out + length, sizeof rig->out - 1 - length);
        assert_true(count > 0);
        length += (size_t)count;
    }
}

static int probe(struct rig *rig)
{
    return rig->line.base.module.driver->lifecycle->probe(&rig->line.base.module, 0);
}

/* Bytes that come within `wait_ms`, up to `wanted`. */
static size_t receive(struct rig *rig, uint8_t *out_bytes, size_t wanted, int wait_ms)
{
    size_t length = 0;
    while (length < wanted) {
        struct pollfd look = {.fd = rig->line.base.fd, .events = POLLIN, .revents = 0};
        if (poll(&look, 1, wait_ms) != 1) {
            break;
        }
        const int count = tenon_line_get_api(&rig->line.base)
                              ->read(&rig->line.base, out_bytes + length, wanted - length, 0);
        assert_true(count >= 0);
        length += (size_t)count;
    }
    return length;
}

static void send_ping_to_1(struct rig *rig)
{
    static const uint8_t ping[] = {0xFF, 0xFF, 0xFD, 0x00, 0x01, 0x03, 0x00, 0x01, 0x19, 0x4E};
    assert_int_equal(
        tenon_line_get_api(&rig->line.base)->write(&rig->line.base, ping, sizeof ping, 0),
        sizeof ping);
}

/* Model 1020, any firmware and check sum. */
static void assert_xm430_answers(struct rig *rig)
{
    static const uint8_t head[] = {0xFF, 0xFF, 0xFD, 0x00, 0x01, 0x07,
                                   0x00, 0x55, 0x00, 0xFC, 0x03};
    uint8_t bytes[14];
    send_ping_to_1(rig);
    assert_int_equal(receive(rig, bytes, sizeof bytes, PATIENCE_MS), sizeof bytes);
    assert_memory_equal(bytes, head, sizeof head);
}

static void help_and_version_are_told_on_stdout(void **state)
{
    struct rig *rig = *state;
    assert_int_equal(run(rig, "--version"), 0);
    assert_non_null(strstr(rig->out, "tenon 0."));
    assert_int_equal(run(rig, "--help"), 0);
    assert_non_null(strstr(rig->out, "sim"));
    assert_non_null(strstr(rig->out, "scan"));
    assert_int_equal(run(rig, "sim --help"), 0);
    assert_non_null(strstr(rig->out, "--truth"));
    assert_non_null(strstr(rig->out, "xm430-w350"));
    assert_string_equal(rig->err, "");
}

static void senseless_command_lines_are_explained_with_exit_2(void **state)
{
    static const struct {
        const char *words;
        const char *said;
    } cases[] = {
        {"", "usage:"},
        {"dance", "no command 'dance'"},
        {"sim", "no servo"},
        {"sim --dance", "no option '--dance'"},
        {"sim --servo", "wants a value"},
        {"sim --servo xm430-w350", "MODEL:ID"},
        {"sim --servo xm430-w350:253", "MODEL:ID"},
        {"sim --servo xm430-w350:-1", "MODEL:ID"},
        {"sim --servo xm430-w350:1x", "MODEL:ID"},
        {"sim --servo xm430-w350: ", "MODEL:ID"},
        {"sim --servo xm430:1", "no model 'xm430'; there are:"},
        {"sim --servo xm430:1", "xl430-w250"},
        {"sim --servo xm430-w350:1 --baud fast", "--baud wants"},
        {"sim --servo xm430-w350:1 --baud 0", "--baud wants"},
        {"sim --servo xm430-w350:1 --baud 12345", "cannot be set to 12345"},
        {"sim --servo xm430-w350:1 --load 1", "--load wants"},
        {"sim --servo xm430-w350:1 --load 1:a", "--load wants"},
        {"sim --servo xm430-w350:1 --load 1:1:1:1:1", "--load wants"},
        {"sim --servo xm430-w350:1 --load 1:nan", "--load wants"},
        {"sim --servo xm430-w350:1 --load 1:1:-1", "not negative"},
        {"sim --servo xm430-w350:1 --load 2:1", "ID 2, which no --servo has"},
        {"sim --servo xm430-w350:1 --angle 1:1:1", "--angle wants"},
        {"sim --servo xm430-w350:1 --angle 2:1", "ID 2, which no --servo has"},
        {"sim --servo xm430-w350:1 --seed 0", "--seed wants"},
        {"sim --servo xm430-w350:1 --noise 1000001", "--noise wants"},
        {"sim --can-motor damiao-4310:0", "--can-motor wants"},
        {"sim --can-motor damiao-4310:256", "--can-motor wants"},
        {"sim --can-motor xm430-w350:1", "damiao-4310"},
        {"sim --can-motor damiao-4310:1 --servo xm430-w350:1", "do not go on one terminal"},
        {"sim --can-motor damiao-4310:1 --echo", "are for servos"},
        {"sim --can-motor damiao-4310:1 --angle 2:1", "ID 2, which no --can-motor has"},
        {"sim --servo xm430-w350:1 more", "'more' belongs to no option"},
        {"sim --servo xm430-w350:1 --link @link --truth @link", "same file"},
    };
    struct rig *rig = *state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(run(rig, cases[i].words), 2);
        assert_non_null(strstr(rig->err, cases[i].said));
        assert_string_equal(rig->out, "");
    }
}

static void servo_answers_on_the_terminal_that_is_printed(void **state)
{
    struct rig *rig = *state;
    start_and_wait(rig, "sim --servo xm430-w350:1 --servo xl430-w250:2 --baud 1000000");
    rig->out[strcspn(rig->out, "\n")] = '\0';
    assert_int_equal(strncmp(rig->out, "/dev/pts/", 9), 0);
    assert_non_null(tenon_serialport_line_init(&rig->line, rig->out, BAUD));
    assert_int_equal(probe(rig), TENON_OK);
    assert_xm430_answers(rig);
    assert_int_equal(stop(rig, SIGTERM), 0);
}

/* As any program that knows SLCAN would: open, enable, ask again. */
static void can_motor_answers_behind_an_adapter(void **state)
{
    static const char said[] = "C\rS8\rO\rt0038FFFFFFFFFFFFFFFC\r";
    static const char state_of_3[] = "\a\r\rz\rt013813"; /* was closed; sent; enabled, number 3 */
    struct rig *rig = *state;
    uint8_t bytes[27];
    start_and_wait(rig, "sim --can-motor damiao-4310:3 --angle 3:0.5 --link @link --truth @truth");
    assert_int_equal(probe(rig), TENON_OK);
    assert_int_equal(tenon_line_get_api(&rig->line.base)
                         ->write(&rig->line.base, (const uint8_t *)said, sizeof said - 1, 0),
                     sizeof said - 1);
    assert_int_equal(receive(rig, bytes, sizeof bytes, PATIENCE_MS), sizeof bytes);
    assert_memory_equal(bytes, state_of_3, sizeof state_of_3 - 1);
    /* 0.5 rad of -12.5 ... 12.5 in 16 bits */
    assert_memory_equal(bytes + sizeof state_of_3 - 1, "851E", 4);
    assert_int_equal(stop(rig, SIGTERM), 0);
}

static void servo_is_deaf_at_another_speed(void **state)
{
    struct rig *rig = *state;
    uint8_t bytes[14];
    start_and_wait(rig, "sim --servo xm430-w350:1 --baud 1000000 --link @link");
    rig->line.base.baud = 57600;
    assert_int_equal(probe(rig), TENON_OK);
    send_ping_to_1(rig);
    assert_int_equal(receive(rig, bytes, sizeof bytes, 300), 0);
    assert_int_equal(tenon_line_get_api(&rig->line.base)->set_baud(&rig->line.base, BAUD),
                     TENON_OK);
    assert_xm430_answers(rig);
}

static void answer_takes_the_time_that_a_wire_would(void **state)
{
    struct rig *rig = *state;
    struct timespec before;
    struct timespec after;
    start_and_wait(rig, "sim --servo xm430-w350:1 --baud 9600 --link @link");
    rig->line.base.baud = 9600;
    assert_int_equal(probe(rig), TENON_OK);
    (void)clock_gettime(CLOCK_MONOTONIC, &before);
    assert_xm430_answers(rig);
    (void)clock_gettime(CLOCK_MONOTONIC, &after);
    const double took_ms = 1e3 * (double)(after.tv_sec - before.tv_sec) +
                           1e-6 * (double)(after.tv_nsec - before.tv_nsec);
    assert_true(took_ms >= 24 * 10 / 9.6); /* 10 bytes there, 14 back, 10 bits each */
}

static void echo_brings_the_hosts_own_bytes_first(void **state)
{
    struct rig *rig = *state;
    uint8_t bytes[24];
    start_and_wait(rig, "sim --servo xm430-w350:1 --baud 1000000 --link @link --echo");
    assert_int_equal(probe(rig), TENON_OK);
    send_ping_to_1(rig);
    assert_int_equal(receive(rig, bytes, sizeof bytes, PATIENCE_MS), sizeof bytes);
    assert_int_equal(bytes[7], 0x01);  /* the ping */
    assert_int_equal(bytes[17], 0x55); /* its answer */
}

static void hosts_may_come_and_go(void **state)
{
    struct rig *rig = *state;
    start_and_wait(rig, "sim --servo xm430-w350:1 --baud 1000000 --link @link");
    for (int i = 0; i < 3; i++) {
        assert_int_equal(probe(rig), TENON_OK);
        assert_xm430_answers(rig);
        release(rig);
        sleep_ms(30);
    }
    assert_int_equal(waitpid(rig->child, NULL, WNOHANG), 0);
}

/* As a user without rights: the superuser may open an exclusive terminal anyway. */
static int reopen_as_user(const char *path)
{
    if (geteuid() == 0 && (chmod(path, 0666) != 0 || setgid(65534) != 0 || setuid(65534) != 0)) {
        return 1;
    }
    const int first = open(path, O_RDWR | O_NOCTTY);
    if (first < 0 || ioctl(first, TIOCEXCL) != 0) {
        return 2;
    }
    (void)close(first);
    for (int i = 0; i < PATIENCE_MS / 10; i++) {
        if (open(path, O_RDWR | O_NOCTTY) >= 0) {
            return 0;
        }
        sleep_ms(10);
    }
    return 3;
}

static void host_that_died_exclusive_does_not_lock_the_next_one_out(void **state)
{
    struct rig *rig = *state;
    start_and_wait(rig, "sim --servo xm430-w350:1 --baud 1000000 --link @link");
    const pid_t user = fork();
    assert_true(user >= 0);
    if (user == 0) {
        _exit(reopen_as_user(rig->link));
    }
    int status = 0;
    assert_int_equal(waitpid(user, &status, 0), user);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_int_equal(probe(rig), TENON_OK);
    assert_xm430_answers(rig);
}

static void link_replaces_an_older_one_and_goes_with_the_program(void **state)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    struct rig *rig = *state;
    struct stat status;
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
        char target[64] = "";
        assert_int_equal(symlink("/dev/null", rig->link), 0);
        rig->out[0] = '\0';
        start_and_wait(rig, "sim --servo xm430-w350:1 --link @link");
        rig->out[strcspn(rig->out, "\n")] = '\0';
        assert_true(readlink(rig->link, target, sizeof target - 1) > 0);
        assert_string_equal(target, rig->out);
        assert_int_equal(stop(rig, signals[i]), 0);
        assert_int_equal(lstat(rig->link, &status), -1);
        assert_int_equal(errno, ENOENT);
    }
}

static void link_that_another_took_over_is_left_alone(void **state)
{
    struct rig *rig = *state;
    struct stat status;
    start_and_wait(rig, "sim --servo xm430-w350:1 --link @link");
    assert_int_equal(unlink(rig->link), 0);
    assert_int_equal(symlink("/dev/null", rig->link), 0);
    assert_int_equal(stop(rig, SIGTERM), 0);
    assert_int_equal(lstat(rig->link, &status), 0);
}

static void file_in_the_place_of_the_link_is_not_touched(void **state)
{
    struct rig *rig = *state;
    struct stat status;
    const int fd = open(rig->link, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "mine", 4), 4);
    (void)close(fd);
    assert_int_equal(run(rig, "sim --servo xm430-w350:1 --link @link"), 1);
    assert_non_null(strstr(rig->err, "no symbolic link"));
    assert_string_equal(rig->out, "");
    assert_int_equal(lstat(rig->link, &status), 0);
    assert_true(S_ISREG(status.st_mode));
    assert_int_equal(status.st_size, 4);
    assert_int_equal(run(rig, "sim --servo xm430-w350:1 --truth /nowhere/at/all"), 1);
    assert_non_null(strstr(rig->err, "/nowhere/at/all"));
}

static void two_servos_of_one_id_are_warned_about_and_simulated(void **state)
{
    struct rig *rig = *state;
    start_and_wait(rig, "sim --servo xm430-w350:1 --servo xl430-w250:1 --link @link");
    assert_int_equal(stop(rig, SIGTERM), 0);
    assert_non_null(strstr(rig->err, "two servos have ID 1"));
}

struct truth {
    unsigned id;
    double angle_rad;
    double velocity_rad_s;
    double torque_nm;
    long long time_ns;
};

/* The newest line of each of the two servos. */
static void read_truth(const struct rig *rig, struct truth out_truth[2])
{
    struct truth t;
    unsigned count = 0;
    FILE *file = fopen(rig->truth, "r");
    assert_non_null(file);
    while (fscanf(file, "%lld %u %lf %lf %lf", &t.time_ns, &t.id, &t.angle_rad, &t.velocity_rad_s,
                  &t.torque_nm) == 5) {
        assert_int_equal(t.id, 1 + count % 2);
        out_truth[count++ % 2] = t;
    }
    assert_true(count >= 2 && count % 2 == 0);
    (void)fclose(file);
}

static void truth_file_follows_the_horn(void **state)
{
    struct rig *rig = *state;
    struct truth first[2];
    struct truth later[2];
    start_and_wait(rig, "sim --servo xm430-w350:1 --servo xl430-w250:2 --angle 1:-0.5 --load "
                        "2:20:0.01:0.0 --truth @truth");
    read_truth(rig, first);
    sleep_ms(500);
    read_truth(rig, later);
    assert_int_equal(first[0].id, 1);
    assert_int_equal(first[1].id, 2);
    assert_true(fabs(later[0].angle_rad + 0.5) < 1e-3); /* nothing moves it */
    assert_true(later[1].angle_rad < -0.2);             /* far more than its friction holds */
    assert_true(later[0].time_ns > first[0].time_ns + 300000000);
    assert_int_equal(later[0].time_ns, later[1].time_ns);
}

#define RIG_TEST(f) cmocka_unit_test_setup_teardown(f, make_rig, drop_rig)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(help_and_version_are_told_on_stdout),
        RIG_TEST(senseless_command_lines_are_explained_with_exit_2),
        RIG_TEST(servo_answers_on_the_terminal_that_is_printed),
        RIG_TEST(can_motor_answers_behind_an_adapter),
        RIG_TEST(servo_is_deaf_at_another_speed),
        RIG_TEST(answer_takes_the_time_that_a_wire_would),
        RIG_TEST(echo_brings_the_hosts_own_bytes_first),
        RIG_TEST(hosts_may_come_and_go),
        RIG_TEST(host_that_died_exclusive_does_not_lock_the_next_one_out),
        RIG_TEST(link_replaces_an_older_one_and_goes_with_the_program),
        RIG_TEST(link_that_another_took_over_is_left_alone),
        RIG_TEST(file_in_the_place_of_the_link_is_not_touched),
        RIG_TEST(two_servos_of_one_id_are_warned_about_and_simulated),
        RIG_TEST(truth_file_follows_the_horn),
    };
    if (argc != 2) {
        (void)fprintf(stderr, "usage: %s PATH_OF_TENON\n", argv[0]);
        return 2;
    }
    program = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
