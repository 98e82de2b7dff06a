#include "reducer_conformance.h"

#include "tenon/drivers/differential_reducer.h"
#include "tenon/drivers/ratio_reducer.h"

static struct tenon_ratio_reducer ratio;
static struct tenon_differential_reducer differential;

static struct tenon_reducer *make_forward(void)
{
    return tenon_ratio_reducer_init(&ratio, 101.0);
}

static struct tenon_reducer *make_backward(void)
{
    return tenon_ratio_reducer_init(&ratio, -0.37);
}

static struct tenon_reducer *make_differential(void)
{
    static const double motors[2] = {10.0, 10.0};
    static const double joints[2] = {1.0, 1.0};
    return tenon_differential_reducer_init(&differential, motors, joints);
}

static struct tenon_reducer *make_crooked_differential(void)
{
    static const double motors[2] = {-7.5, 20.0};
    static const double joints[2] = {1.5, -0.6};
    return tenon_differential_reducer_init(&differential, motors, joints);
}

int main(void)
{
    static const struct reducer_subject subjects[] = {
        {"ratio 101", make_forward, true},
        {"ratio -0.37", make_backward, true},
        {"differential", make_differential, true},
        {"differential, signs mixed", make_crooked_differential, true},
    };
    int failed = 0;
    for (size_t i = 0; i < sizeof subjects / sizeof subjects[0]; i++) {
        failed += reducer_conformance_run(&subjects[i]);
    }
    return failed;
}
