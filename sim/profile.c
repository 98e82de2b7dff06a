#include "profile.h"

#include <math.h>

#define PARTS 3
/* A ramp without a goal never ends; long enough for any run, small enough to add milliseconds to.
 */
#define ENDLESS_MS 1e15

static void begin(struct tenon_sim_profile *self, double goal, uint8_t kind)
{
    self->start_position = self->position;
    self->goal_position = goal;
    self->elapsed_ms = 0.0;
    self->acceleration = 0.0;
    self->kind = kind;
    for (int i = 0; i < PARTS; i++) {
        self->duration_ms[i] = 0.0;
        self->begin_velocity[i] = 0.0;
        self->end_velocity[i] = 0.0;
    }
}

static void set_part(struct tenon_sim_profile *self, int i, double ms, double from, double to)
{
    self->duration_ms[i] = ms;
    self->begin_velocity[i] = from;
    self->end_velocity[i] = to;
}

static double total_ms(const struct tenon_sim_profile *self)
{
    return self->duration_ms[0] + self->duration_ms[1] + self->duration_ms[2];
}

void tenon__sim_profile_hold(struct tenon_sim_profile *self, double position)
{
    self->position = position;
    self->velocity = 0.0;
    begin(self, position, TENON__SIM_PROFILE_STEP);
}

static void move_rectangular(struct tenon_sim_profile *self, double goal, double velocity)
{
    const double way = goal - self->position;
    const double v = way < 0.0 ? -velocity : velocity;

    begin(self, goal, TENON__SIM_PROFILE_RECTANGLE);
    set_part(self, 1, fabs(way) / velocity, v, v);
}

/*
 * The direction is that of the goal as seen from where braking at once would end. In that direction
 * the way left is never shorter than the braking distance, so one peak velocity solves both the
 * short and the overridden move.
 */
static void
move_trapezoidal(struct tenon_sim_profile *self, double goal, double velocity, double acceleration)
{
    const double v0 = self->velocity;
    const double braked_at = self->position + v0 * fabs(v0) / (2.0 * acceleration);
    const double sign = goal < braked_at ? -1.0 : 1.0;
    const double way = sign * (goal - self->position);
    const double u0 = sign * v0;
    const double square = acceleration * way + u0 * u0 / 2.0;
    double peak = square > 0.0 ? sqrt(square) : 0.0;
    double cruise_ms = 0.0;
    const bool is_triangle = peak <= velocity;

    begin(self, goal, is_triangle ? TENON__SIM_PROFILE_TRIANGLE : TENON__SIM_PROFILE_TRAPEZOID);
    if (!is_triangle) {
        const double ramp_way = (u0 + velocity) / 2.0 * fabs(velocity - u0) / acceleration;
        const double brake_way = velocity * velocity / (2.0 * acceleration);

        peak = velocity;
        cruise_ms = (way - ramp_way - brake_way) / peak;
        cruise_ms = cruise_ms > 0.0 ? cruise_ms : 0.0;
    }
    set_part(self, 0, fabs(peak - u0) / acceleration, v0, sign * peak);
    set_part(self, 1, cruise_ms, sign * peak, sign * peak);
    set_part(self, 2, peak / acceleration, sign * peak, 0.0);
}

void tenon__sim_profile_move(struct tenon_sim_profile *self,
                             double goal,
                             double velocity,
                             double acceleration)
{
    if (!(velocity > 0.0)) {
        tenon__sim_profile_hold(self, goal);
    } else if (!(acceleration > 0.0)) {
        move_rectangular(self, goal, velocity);
    } else {
        move_trapezoidal(self, goal, velocity, acceleration);
    }
}

void tenon__sim_profile_move_timed(struct tenon_sim_profile *self,
                                   double goal,
                                   double total,
                                   double ramp_ms)
{
    if (!(total > 0.0)) {
        tenon__sim_profile_hold(self, goal);
        return;
    }
    const double ramp = ramp_ms < total / 2.0 ? ramp_ms : total / 2.0;
    const bool has_ramp = ramp > 0.0;
    const double v0 = has_ramp ? self->velocity : 0.0;
    const double cruise = (goal - self->position - v0 * ramp / 2.0) / (total - ramp);
    const bool is_triangle = ramp >= total / 2.0;

    begin(self, goal,
          !has_ramp     ? TENON__SIM_PROFILE_RECTANGLE
          : is_triangle ? TENON__SIM_PROFILE_TRIANGLE
                        : TENON__SIM_PROFILE_TRAPEZOID);
    set_part(self, 0, ramp, v0, cruise);
    set_part(self, 1, total - 2.0 * ramp, cruise, cruise);
    set_part(self, 2, ramp, cruise, 0.0);
}

void tenon__sim_profile_ramp(struct tenon_sim_profile *self, double velocity, double ramp_ms)
{
    const double v0 = self->velocity;

    begin(self, self->position, TENON__SIM_PROFILE_TRAPEZOID);
    if (ramp_ms > 0.0) {
        set_part(self, 0, ramp_ms, v0, velocity);
    }
    set_part(self, 1, ENDLESS_MS, velocity, velocity);
}

/* Position, velocity and acceleration `t` after the start, for t within the move. */
static void evaluate(struct tenon_sim_profile *self, double t)
{
    double position = self->start_position;
    for (int i = 0; i < PARTS; i++) {
        const double whole = self->duration_ms[i];
        const double v = self->begin_velocity[i];
        const double slope = whole > 0.0 ? (self->end_velocity[i] - v) / whole : 0.0;

        if (t < whole) {
            self->position = position + v * t + slope * t * t / 2.0;
            self->velocity = v + slope * t;
            self->acceleration = slope;
            return;
        }
        position += (v + self->end_velocity[i]) / 2.0 * whole;
        t -= whole;
    }
    self->position = self->goal_position;
    self->velocity = 0.0;
    self->acceleration = 0.0;
}

void tenon__sim_profile_advance(struct tenon_sim_profile *self, double dt_ms)
{
    if (tenon__sim_profile_is_done(self)) {
        self->position = self->goal_position;
        self->velocity = 0.0;
        self->acceleration = 0.0;
        return;
    }
    self->elapsed_ms += dt_ms;
    evaluate(self, self->elapsed_ms);
}

void tenon__sim_profile_shift(struct tenon_sim_profile *self, double pulses)
{
    self->start_position += pulses;
    self->goal_position += pulses;
    self->position += pulses;
}

bool tenon__sim_profile_is_done(const struct tenon_sim_profile *self)
{
    return !(self->elapsed_ms < total_ms(self));
}
