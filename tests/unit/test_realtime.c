/* Each test runs in a child: what it does to the process must not outlive it. */
#define _GNU_SOURCE
#include "tenon_test.h"

#include "tenon/posix.h"

#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOBODY 65534

/* Sanitizers keep a program from locking its memory, and say that it is done. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define CANNOT_LOCK 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define CANNOT_LOCK 1
#endif
#endif
#ifndef CANNOT_LOCK
#define CANNOT_LOCK 0
#endif

static int status_of_child(int (*body)(void))
{
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        _exit(body());
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

/* A user without any right to real time. */
static void become_nobody(void)
{
    const struct rlimit none = {0, 0};
    if (setrlimit(RLIMIT_RTPRIO, &none) != 0 || setrlimit(RLIMIT_MEMLOCK, &none) != 0 ||
        (getuid() == 0 && setuid(NOBODY) != 0)) {
        _exit(100);
    }
}

static bool is_refused(const struct tenon_posix_realtime_config *config,
                       int code,
                       enum tenon_cause cause,
                       const char *advice)
{
    struct tenon_diag diag;
    char text[256];
    return tenon_posix_realtime(config, &diag) == code && diag.code == code &&
           diag.cause == cause &&
           strstr(tenon_diag_text(&diag, text, sizeof text), advice) != NULL &&
           tenon_posix_realtime(config, NULL) == code;
}

static int priority_of_nobody(void)
{
    static const struct tenon_posix_realtime_config config = {.leaves_memory_be = true};
    become_nobody();
    return is_refused(&config, TENON_ERR_UNSUPPORTED, TENON_CAUSE_REALTIME_PRIORITY, "rtprio") ? 0
                                                                                               : 1;
}

static int memory_of_nobody(void)
{
    become_nobody();
    return is_refused(NULL, TENON_ERR_UNSUPPORTED, TENON_CAUSE_REALTIME_MEMORY, "memlock") ? 0 : 1;
}

static void who_may_not_is_told_which_limit_to_raise(void **state)
{
    (void)state;
    assert_int_equal(status_of_child(priority_of_nobody), 0);
    if (!CANNOT_LOCK) {
        assert_int_equal(status_of_child(memory_of_nobody), 0);
    }
}

static int wrong_settings(void)
{
    static const int priorities[] = {-1, 99, 1000};
    for (size_t i = 0; i < sizeof priorities / sizeof priorities[0]; i++) {
        const struct tenon_posix_realtime_config config = {.priority = priorities[i]};
        if (!is_refused(&config, TENON_ERR_ARG, TENON_CAUSE_ARGUMENT, "98")) {
            return 1;
        }
    }
    return sched_getscheduler(0) == SCHED_OTHER ? 0 : 2;
}

static void a_priority_that_does_not_exist_is_refused_before_anything_is_done(void **state)
{
    (void)state;
    assert_int_equal(status_of_child(wrong_settings), 0);
}

/* One that is there is no excuse for one that is not. */
static int absent_cpu(void)
{
    cpu_set_t ours;
    (void)sched_getaffinity(0, sizeof ours, &ours);
    if (CPU_ISSET(63, &ours)) {
        return 0;
    }
    struct tenon_posix_realtime_config config = {.cpus = UINT64_C(1) << 63};
    if (!is_refused(&config, TENON_ERR_ARG, TENON_CAUSE_REALTIME_CPU, "CPU 63")) {
        return 1;
    }
    config.cpus |= 1u;
    return is_refused(&config, TENON_ERR_ARG, TENON_CAUSE_REALTIME_CPU, "CPU 63") ? 0 : 2;
}

static void a_cpu_that_is_not_there_is_refused(void **state)
{
    (void)state;
    assert_int_equal(status_of_child(absent_cpu), 0);
}

static long locked_kib(void)
{
    char line[128];
    long kib = -1;
    FILE *file = fopen("/proc/self/status", "r");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        (void)sscanf(line, "VmLck: %ld", &kib);
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    return kib;
}

/* 0: all is as asked for; 77: this user may not. */
static int become_real_time(void)
{
    cpu_set_t ours;
    (void)sched_getaffinity(0, sizeof ours, &ours);
    unsigned cpu = 0;
    while (cpu < 63 && !CPU_ISSET(cpu, &ours)) {
        cpu++;
    }
    const struct tenon_posix_realtime_config config = {.priority = 7, .cpus = UINT64_C(1) << cpu};
    struct tenon_diag diag;
    const int rc = tenon_posix_realtime(&config, &diag);
    if (rc == TENON_ERR_UNSUPPORTED) {
        return 77;
    }
    struct sched_param param;
    (void)sched_getparam(0, &param);
    (void)sched_getaffinity(0, sizeof ours, &ours);
    if (rc != TENON_OK || diag.code != TENON_OK || sched_getscheduler(0) != SCHED_FIFO ||
        param.sched_priority != 7) {
        return 1;
    }
    if (!CANNOT_LOCK && locked_kib() <= 128) { /* the stack alone is that much */
        return 2;
    }
    return CPU_COUNT(&ours) == 1 && CPU_ISSET(cpu, &ours) ? 0 : 3;
}

static void who_may_gets_all_that_was_asked_for(void **state)
{
    (void)state;
    const int status = status_of_child(become_real_time);
    if (status == 77) {
        skip(); /* no rights here, nor for the superuser of a container */
    }
    assert_int_equal(status, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_may_not_is_told_which_limit_to_raise),
        cmocka_unit_test(a_priority_that_does_not_exist_is_refused_before_anything_is_done),
        cmocka_unit_test(a_cpu_that_is_not_there_is_refused),
        cmocka_unit_test(who_may_gets_all_that_was_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
