// SPDX-License-Identifier: Apache-2.0
// Compiler attributes, the one place where they are spelled.
#ifndef BASE_COMPILER_H
#define BASE_COMPILER_H

#include <tidings/status.h>

#define BASE_PRINTF(format_index, first) __attribute__((format(printf, format_index, first)))
#define BASE_CLEANUP(function)           __attribute__((cleanup(function)))
#define BASE_LIKELY(x)                   __builtin_expect(!!(x), 1)
#define BASE_UNLIKELY(x)                 __builtin_expect(!!(x), 0)
#define BASE_COUNT(array)                (sizeof(array) / sizeof((array)[0]))
#define BASE_CONTAINER_OF(pointer, type, member)                                                   \
    ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

// Programming errors: kept in release builds, prints file and line, aborts.
#define BASE_ASSERT(condition)                                                                     \
    (BASE_LIKELY(condition) ? (void)0 : base_assert_failed(#condition, __FILE__, __LINE__))
_Noreturn void base_assert_failed(const char *condition, const char *file, int line);

#endif
