#include "controller_conformance.h"

#include "tenon/drivers/passthrough_controller.h"

static struct tenon_passthrough_controller passthrough;

static struct tenon_controller *make_passthrough(void)
{
    return tenon_passthrough_controller_init(&passthrough);
}

int main(void)
{
    static const struct controller_subject subjects[] = {
        {"passthrough, positions", make_passthrough, TENON_MODE_POSITION},
        {"passthrough, velocities", make_passthrough, TENON_MODE_VELOCITY},
        {"passthrough, efforts", make_passthrough, TENON_MODE_EFFORT},
    };
    int failed = 0;
    for (size_t i = 0; i < sizeof subjects / sizeof subjects[0]; i++) {
        failed += controller_conformance_run(&subjects[i]);
    }
    return failed;
}
