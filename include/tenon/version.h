/** @file version.h @brief Version of the library and of the driver ABI. */
#ifndef TENON_VERSION_H
#define TENON_VERSION_H

#include "tenon/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Version of these headers: major. */
#define TENON_VERSION_MAJOR 0
/** Minor. */
#define TENON_VERSION_MINOR 1
/** Patch. */
#define TENON_VERSION_PATCH 0
/** All three, as text. */
#define TENON_VERSION_STRING "0.1.0"

/**
 * Version of the library that is linked, which may differ from the headers compiled against.
 * @return "MAJOR.MINOR.PATCH", static.
 * @context any
 */
TENON_API const char *tenon_version(void);

#ifdef __cplusplus
}
#endif
#endif
