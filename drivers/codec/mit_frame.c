#include "mit_frame.h"

#include <float.h>
#include <string.h>

enum { TOP_12 = 4095, TOP_16 = 65535 };

/* 0 ... top, truncated as every device and every other master does. */
static unsigned to_raster(float x, float low, float high, unsigned top)
{
    if (!(x > low)) {
        return 0;
    }
    if (!(x < high)) {
        return top;
    }
    const unsigned u = (unsigned)((x - low) * (float)top / (high - low));
    return u < top ? u : top;
}

static float from_raster(unsigned u, float low, float high, unsigned top)
{
    return low + (float)u * (high - low) / (float)top;
}

/* In double: a float of the sum would lose bits of the raster's. */
static unsigned position_to_raster(double p, float max)
{
    const double top = (double)max;
    if (!(p > -top)) {
        return 0;
    }
    if (!(p < top)) {
        return TOP_16;
    }
    return (unsigned)((p + top) * TOP_16 / (2.0 * top));
}

static double position_from_raster(unsigned u, float max)
{
    return (double)u * 2.0 * (double)max / TOP_16 - (double)max;
}

/* No comparison holds for NaN. */
static bool is_nan(double x)
{
    return !(x <= DBL_MAX) && !(x > DBL_MAX);
}

static void put16(uint8_t *out, unsigned u)
{
    out[0] = (uint8_t)(u >> 8);
    out[1] = (uint8_t)(u & 0xFFu);
}

static unsigned get16(const uint8_t *bytes)
{
    return (unsigned)bytes[0] << 8 | bytes[1];
}

/* Two numbers of 12 bits in three bytes. */
static void put_pair(uint8_t *out, unsigned a, unsigned b)
{
    out[0] = (uint8_t)(a >> 4);
    out[1] = (uint8_t)((a & 0xFu) << 4 | b >> 8);
    out[2] = (uint8_t)(b & 0xFFu);
}

static unsigned get_first(const uint8_t *bytes)
{
    return (unsigned)bytes[0] << 4 | bytes[1] >> 4;
}

static unsigned get_second(const uint8_t *bytes)
{
    return (bytes[1] & 0xFu) << 8 | bytes[2];
}

bool mit_pack_command(uint8_t *out,
                      const struct mit_ranges *ranges,
                      const struct mit_command *command)
{
    if (is_nan(command->p_rad) || is_nan((double)command->v_rad_s) || is_nan((double)command->kp) ||
        is_nan((double)command->kd) || is_nan((double)command->t_nm)) {
        return false;
    }
    put16(out, position_to_raster(command->p_rad, ranges->p_max_rad));
    put_pair(out + 2,
             to_raster(command->v_rad_s, -ranges->v_max_rad_s, ranges->v_max_rad_s, TOP_12),
             to_raster(command->kp, 0.0f, MIT_KP_MAX, TOP_12));
    put_pair(out + 5, to_raster(command->kd, 0.0f, MIT_KD_MAX, TOP_12),
             to_raster(command->t_nm, -ranges->t_max_nm, ranges->t_max_nm, TOP_12));
    return true;
}

void mit_unpack_command(const uint8_t *bytes,
                        const struct mit_ranges *ranges,
                        struct mit_command *out_command)
{
    const float v = ranges->v_max_rad_s;
    const float t = ranges->t_max_nm;
    out_command->p_rad = position_from_raster(get16(bytes), ranges->p_max_rad);
    out_command->v_rad_s = from_raster(get_first(bytes + 2), -v, v, TOP_12);
    out_command->kp = from_raster(get_second(bytes + 2), 0.0f, MIT_KP_MAX, TOP_12);
    out_command->kd = from_raster(get_first(bytes + 5), 0.0f, MIT_KD_MAX, TOP_12);
    out_command->t_nm = from_raster(get_second(bytes + 5), -t, t, TOP_12);
}

bool mit_pack_answer(uint8_t *out, const struct mit_ranges *ranges, const struct mit_answer *answer)
{
    if (is_nan(answer->p_rad) || is_nan((double)answer->v_rad_s) || is_nan((double)answer->t_nm)) {
        return false;
    }
    out[0] = (uint8_t)((answer->status & 0xFu) << 4 | (answer->node & 0xFu));
    put16(out + 1, position_to_raster(answer->p_rad, ranges->p_max_rad));
    put_pair(out + 3, to_raster(answer->v_rad_s, -ranges->v_max_rad_s, ranges->v_max_rad_s, TOP_12),
             to_raster(answer->t_nm, -ranges->t_max_nm, ranges->t_max_nm, TOP_12));
    out[6] = answer->driver_c;
    out[7] = answer->rotor_c;
    return true;
}

void mit_unpack_answer(const uint8_t *bytes,
                       const struct mit_ranges *ranges,
                       struct mit_answer *out_answer)
{
    const float v = ranges->v_max_rad_s;
    const float t = ranges->t_max_nm;
    out_answer->status = bytes[0] >> 4;
    out_answer->node = bytes[0] & 0xFu;
    out_answer->p_rad = position_from_raster(get16(bytes + 1), ranges->p_max_rad);
    out_answer->v_rad_s = from_raster(get_first(bytes + 3), -v, v, TOP_12);
    out_answer->t_nm = from_raster(get_second(bytes + 3), -t, t, TOP_12);
    out_answer->driver_c = bytes[6];
    out_answer->rotor_c = bytes[7];
}

void mit_pack_special(uint8_t *out, uint8_t code)
{
    memset(out, 0xFF, MIT_FRAME_SIZE - 1);
    out[MIT_FRAME_SIZE - 1] = code;
}

void mit_pack_register(
    uint8_t *out, uint32_t node, uint8_t operation, uint8_t rid, const uint8_t *value)
{
    out[0] = (uint8_t)(node & 0xFFu);
    out[1] = (uint8_t)(node >> 8 & 0xFFu);
    out[2] = operation;
    out[3] = rid;
    if (value != NULL) {
        memcpy(out + 4, value, 4);
    } else {
        memset(out + 4, 0, 4);
    }
}

_Static_assert(sizeof(float) == 4, "a float is what is sent");

float mit_load_float(const uint8_t *p)
{
    const uint32_t bits = mit_load32(p);
    float v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

void mit_store_float(uint8_t *p, float v)
{
    uint32_t bits;
    memcpy(&bits, &v, sizeof bits);
    mit_store32(p, bits);
}
