#include "../tenon_test.h"

#include "tenon/drivers/passthrough_controller.h"

#include <string.h>

static void init_refuses_null_and_other_sizes(void **state)
{
    (void)state;
    struct tenon_passthrough_controller c;
    assert_null(tenon_passthrough_controller_init(NULL));
    assert_null(tenon_passthrough_controller_init_sized(&c, sizeof c + 8));
    assert_ptr_equal(tenon_passthrough_controller_init(&c), &c.base);
}

static void the_set_point_passes_whatever_the_state_is(void **state)
{
    (void)state;
    struct tenon_passthrough_controller c;
    struct tenon_controller *controller = tenon_passthrough_controller_init(&c);
    for (unsigned mode = TENON_MODE_POSITION; mode <= TENON_MODE_PWM; mode++) {
        const struct tenon_controller_input input = {
            .setpoint = {.position_rad = 1.25,
                         .velocity_rad_s = -2.0f,
                         .effort_nm = 3.0f,
                         .mode = (uint8_t)mode},
            .state = {.position_rad = 100.0 * mode, .velocity_rad_s = 9.0f},
            .position_error_rad = -50.0f,
            .dt_s = 0.004f,
        };
        const struct tenon_joint_command applied = {.position_rad = 7.0, .mode = (uint8_t)mode};
        struct tenon_joint_command out = {0};
        assert_int_equal(tenon_controller_get_api(controller)->track(controller, &input, &applied),
                         TENON_OK);
        assert_int_equal(tenon_controller_get_api(controller)->update(controller, &input, &out),
                         TENON_OK);
        assert_memory_equal(&out.position_rad, &input.setpoint.position_rad, sizeof(double));
        assert_memory_equal(&out.velocity_rad_s, &input.setpoint.velocity_rad_s, sizeof(float));
        assert_memory_equal(&out.effort_nm, &input.setpoint.effort_nm, sizeof(float));
        assert_int_equal(out.mode, mode);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(init_refuses_null_and_other_sizes),
        cmocka_unit_test(the_set_point_passes_whatever_the_state_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
