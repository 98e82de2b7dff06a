/* The judge of scripts/demo: it passes a run that was as it should be, and no other. */
#define _POSIX_C_SOURCE 200809L
#include "../tenon_test.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define POSES 2

/* A run of two joints (ratios 2 and -1): each pose is moved to, then held. What is wrong with it:
 */
struct run {
    double settle_error_rad;   /* the truth of joint 2 while it holds pose 1 */
    double tracking_error_rad; /* what joint 1 reports on the way to pose 1 */
    int poses;                 /* held */
    bool is_truth_empty;
};

static char directory[] = "/tmp/tenon_verdict_XXXXXX";
static char csv_path[64], truth_path[64];

static FILE *create(const char *path)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    return file;
}

static void write_run(const struct run *run)
{
    FILE *csv = create(csv_path);
    FILE *truth = create(truth_path);
    long row = 0;
    (void)fputs("time_s,pose,phase,a_command_rad,a_rad,a_nm,b_command_rad,b_rad,b_nm\n"
                "# ratio,2,-1\n",
                csv);
    for (int pose = 0; pose < run->poses; pose++) {
        for (int i = 0; i < 20; i++, row++) {
            const bool holds = i >= 10;
            const double command = pose + 0.1 * (holds ? 10 : i);
            const double late = pose == 1 && !holds ? run->tracking_error_rad : 0.0;
            const double off = pose == 1 && holds ? run->settle_error_rad : 0.0;
            (void)fprintf(csv, "%.6f,%d,%s,%.6f,%.6f,0.1,%.6f,%.6f,0.1\n",
                          100.0 + 0.01 * (double)row, pose, holds ? "dwell" : "move", command,
                          command - late, command, command);
            if (!run->is_truth_empty) { /* horn angles, a little after the row */
                const long long at = 100000000000LL + 10000000LL * row + 5000000LL;
                (void)fprintf(truth, "%lld 1 %.9f 0 0\n%lld 2 %.9f 0 0\n", at, 2.0 * command, at,
                              -(command + off));
            }
        }
    }
    assert_int_equal(fclose(csv), 0);
    assert_int_equal(fclose(truth), 0);
}

/* @return whether it passes; what it printed in out_line. */
static bool judge(const struct run *run, char *out_line, size_t size)
{
    char command[512];
    write_run(run);
    (void)snprintf(command, sizeof command,
                   "awk -f scripts/demo_verdict.awk -v settle_limit=0.01 -v tracking_limit=0.05 -v "
                   "poses_wanted=%d %s %s",
                   POSES, csv_path, truth_path);
    FILE *awk = popen(command, "r");
    assert_non_null(awk);
    assert_non_null(fgets(out_line, (int)size, awk));
    const int status = pclose(awk);
    assert_true(WIFEXITED(status));
    assert_true(WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 1);
    return WEXITSTATUS(status) == 0;
}

static void a_good_run_passes_with_its_errors_told(void **state)
{
    const struct run run = {.settle_error_rad = 0.008, .tracking_error_rad = 0.04, .poses = POSES};
    char line[128];
    (void)state;
    assert_true(judge(&run, line, sizeof line));
    assert_string_equal(line, "max_tracking_rad=0.0400 settle_rad=0.0080\n");
}

static void a_pose_that_is_truly_elsewhere_fails(void **state)
{
    const double errors[] = {0.012, -0.012, 1.0};
    char line[128];
    (void)state;
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
        const struct run run = {.settle_error_rad = errors[i], .poses = POSES};
        assert_false(judge(&run, line, sizeof line));
    }
}

static void a_joint_that_lags_behind_fails(void **state)
{
    const double errors[] = {0.051, -0.051};
    char line[128];
    (void)state;
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
        const struct run run = {.tracking_error_rad = errors[i], .poses = POSES};
        assert_false(judge(&run, line, sizeof line));
    }
}

static void a_run_that_ended_early_or_has_no_truth_fails(void **state)
{
    const struct run early = {.poses = POSES - 1};
    const struct run nothing = {.poses = 0};
    const struct run untold = {.poses = POSES, .is_truth_empty = true};
    char line[128];
    (void)state;
    assert_false(judge(&early, line, sizeof line));
    assert_false(judge(&nothing, line, sizeof line));
    assert_false(judge(&untold, line, sizeof line));
}

static int make_directory(void **state)
{
    (void)state;
    if (mkdtemp(directory) == NULL) {
        return -1;
    }
    (void)snprintf(csv_path, sizeof csv_path, "%s/arm.csv", directory);
    (void)snprintf(truth_path, sizeof truth_path, "%s/truth.log", directory);
    return 0;
}

static int drop_directory(void **state)
{
    (void)state;
    (void)unlink(csv_path);
    (void)unlink(truth_path);
    return rmdir(directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_run_passes_with_its_errors_told),
        cmocka_unit_test(a_pose_that_is_truly_elsewhere_fails),
        cmocka_unit_test(a_joint_that_lags_behind_fails),
        cmocka_unit_test(a_run_that_ended_early_or_has_no_truth_fails),
    };
    return cmocka_run_group_tests(tests, make_directory, drop_directory);
}
