/** @file driver_conformance.h @brief What holds for the tables of every driver, whatever its role.
 */
#ifndef TENON_DRIVER_CONFORMANCE_H
#define TENON_DRIVER_CONFORMANCE_H

#include "../tenon_test.h"
#include "tenon/module.h"

/** Heads, role, name and the methods that a lifecycle must have. */
static inline void
check_driver_tables(const struct tenon_module *module, enum tenon_role role, size_t api_size)
{
    const struct tenon_driver *driver = module->driver;
    assert_non_null(driver);
    assert_int_equal(driver->head.abi, TENON_ABI_MAJOR);
    assert_int_equal(driver->head.size, sizeof *driver);
    assert_int_equal(driver->role, role);
    assert_true(driver->instance_size >= sizeof(struct tenon_module));
    assert_non_null(driver->name);
    assert_true(driver->name[0] != '\0');
    assert_non_null(driver->lifecycle);
    assert_int_equal(driver->lifecycle->head.abi, TENON_ABI_MAJOR);
    assert_int_equal(driver->lifecycle->head.size, sizeof *driver->lifecycle);
    assert_non_null(driver->lifecycle->probe);
    assert_non_null(driver->lifecycle->make_safe);
    assert_non_null(driver->api);
    assert_int_equal(driver->api->abi, TENON_ABI_MAJOR);
    assert_int_equal(driver->api->size, api_size);
    assert_null(module->slot);
    assert_int_equal(module->state, TENON_MODULE_IDLE);
}

#endif
