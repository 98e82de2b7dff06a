/*
 * Input: a frame of 8 bytes, then a command (five floats), then ranges (three floats). Whatever
 * they are: what is decoded lies within the ranges and is encoded again within one step, what is
 * encoded is decoded within one step of the clamped command.
 */
#include "mit_frame.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(expr) ((expr) ? (void)0 : give_up(#expr, __LINE__))

enum { INPUT_SIZE = 8 + 5 * 4 + 3 * 4 };

static void give_up(const char *expr, int line)
{
    fprintf(stderr, "line %d: %s\n", line, expr);
    abort();
}

/* A range some device could have, made of anything. */
static float range_of(const uint8_t *bytes)
{
    const float x = fabsf(mit_load_float(bytes));
    return x >= 0.01f && x <= 1000.0f ? x : 12.5f;
}

static bool is_within(double x, double low, double high)
{
    const double slack = (high - low) * 1e-6;
    return x >= low - slack && x <= high + slack;
}

static double clamp(double x, double low, double high)
{
    return x < low ? low : x > high ? high : x;
}

/* One step of truncation, and what a float may be off. */
static bool is_near(double a, double b, double low, double high, double top)
{
    return fabs(a - b) <= (high - low) * (1.0 / top + 1e-6);
}

static void
compare(const struct mit_command *a, const struct mit_command *b, const struct mit_ranges *r)
{
    const double p = (double)r->p_max_rad;
    const double v = (double)r->v_max_rad_s;
    const double t = (double)r->t_max_nm;
    CHECK(is_near(a->p_rad, clamp(b->p_rad, -p, p), -p, p, 65535.0));
    CHECK(is_near((double)a->v_rad_s, clamp((double)b->v_rad_s, -v, v), -v, v, 4095.0));
    CHECK(is_near((double)a->kp, clamp((double)b->kp, 0.0, 500.0), 0.0, 500.0, 4095.0));
    CHECK(is_near((double)a->kd, clamp((double)b->kd, 0.0, 5.0), 0.0, 5.0, 4095.0));
    CHECK(is_near((double)a->t_nm, clamp((double)b->t_nm, -t, t), -t, t, 4095.0));
}

static void decode(const uint8_t *frame, const struct mit_ranges *r)
{
    struct mit_command command;
    struct mit_command again;
    struct mit_answer answer;
    uint8_t bytes[MIT_FRAME_SIZE];
    mit_unpack_command(frame, r, &command);
    CHECK(mit_pack_command(bytes, r, &command));
    mit_unpack_command(bytes, r, &again);
    compare(&again, &command, r);
    mit_unpack_answer(frame, r, &answer);
    CHECK(is_within(answer.p_rad, -(double)r->p_max_rad, (double)r->p_max_rad));
    CHECK(is_within((double)answer.v_rad_s, -(double)r->v_max_rad_s, (double)r->v_max_rad_s));
    CHECK(is_within((double)answer.t_nm, -(double)r->t_max_nm, (double)r->t_max_nm));
    CHECK(mit_pack_answer(bytes, r, &answer));
    CHECK(bytes[0] == frame[0] && bytes[6] == frame[6] && bytes[7] == frame[7]);
    CHECK(!mit_is_register(frame, 0x100u + frame[0]) || frame[1] == 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size != INPUT_SIZE) {
        return 0;
    }
    const struct mit_ranges r = {range_of(data + 28), range_of(data + 32), range_of(data + 36)};
    const struct mit_command command = {(double)mit_load_float(data + 8), mit_load_float(data + 12),
                                        mit_load_float(data + 16), mit_load_float(data + 20),
                                        mit_load_float(data + 24)};
    const bool has_nan = isnan(command.p_rad) || isnan(command.v_rad_s) || isnan(command.kp) ||
                         isnan(command.kd) || isnan(command.t_nm);
    uint8_t frame[MIT_FRAME_SIZE];
    decode(data, &r);
    CHECK(mit_pack_command(frame, &r, &command) == !has_nan);
    if (!has_nan) {
        struct mit_command back;
        mit_unpack_command(frame, &r, &back);
        compare(&back, &command, &r);
    }
    return 0;
}
