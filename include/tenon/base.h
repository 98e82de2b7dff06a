/** @file base.h @brief Errors, time, the head of every vtable and the few macros that all headers
 * share. */
#ifndef TENON_BASE_H
#define TENON_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define TENON_API       __attribute__((visibility("default")))
#define TENON_NODISCARD __attribute__((warn_unused_result))
#else
#define TENON_API
#define TENON_NODISCARD
#endif

/**
 * What a fallible function returns: a value >= 0 is success (0 or a count), a negative one is one
 * of these. The list is short and frozen: a code is there when a caller would act differently.
 * Which exactly went wrong is told by struct tenon_diag.
 */
enum tenon_err {
    TENON_OK = 0,
    TENON_ERR_ARG = -1,         /**< The caller passed something that can never work. */
    TENON_ERR_STATE = -2,       /**< Not now: the object is in another state. */
    TENON_ERR_FULL = -3,        /**< A buffer, queue or table is full. */
    TENON_ERR_UNSUPPORTED = -4, /**< This driver, device or build cannot do it. */
    TENON_ERR_AGAIN = -5,       /**< Not done yet: call again. */
    TENON_ERR_TIMEOUT = -6,     /**< No answer in time. */
    TENON_ERR_IO = -7,          /**< The line failed or is gone. */
    TENON_ERR_PROTO = -8,       /**< The answer did not fit the question. */
    TENON_ERR_DEVICE = -9,      /**< The device answered and reported an error of its own. */
    TENON_ERR_LIMIT = -10,      /**< Outside a limit. */
    TENON_ERR_ABI = -11         /**< Compiled against another ABI. */
};

/**
 * Monotonic time, nanoseconds. Signed, so that a difference is meaningful; it does not wrap for 292
 * years.
 */
typedef int64_t tenon_ns_t;

/** "Never", as a deadline. */
#define TENON_NEVER INT64_MAX
/** Microseconds as tenon_ns_t. */
#define TENON_US(n) ((tenon_ns_t)((n)*INT64_C(1000)))
/** Milliseconds as tenon_ns_t. */
#define TENON_MS(n) ((tenon_ns_t)((n)*INT64_C(1000000)))
/** Seconds as tenon_ns_t. */
#define TENON_S(n) ((tenon_ns_t)((n)*INT64_C(1000000000)))

/** ABI that drivers are compiled against; a driver with another one is refused. */
#define TENON_ABI_MAJOR 1

/** First member of every vtable: what it was compiled against. */
struct tenon_api_head {
    uint16_t abi;  /**< TENON_ABI_MAJOR. */
    uint16_t size; /**< sizeof the whole table. */
};

/** Initialiser of struct tenon_api_head for a table of the given type. */
#define TENON_API_HEAD(type)                                                                       \
    {                                                                                              \
        TENON_ABI_MAJOR, (uint16_t)sizeof(type)                                                    \
    }

/** The object of `type` whose `member` lies at `ptr`. */
#define TENON_CONTAINER_OF(ptr, type, member)                                                      \
    ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

#endif
