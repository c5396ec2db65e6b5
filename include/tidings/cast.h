// SPDX-License-Identifier: Apache-2.0
// For the adapters, which are compiled as C99 and as C++11.
#ifndef TIDINGS_CAST_H
#define TIDINGS_CAST_H

#ifdef __cplusplus
#define TIDINGS_CAST(type, value) (static_cast<type>(value))
#define TIDINGS_NULL              nullptr
#else
#include <stddef.h>
#define TIDINGS_CAST(type, value) ((type)(value))
#define TIDINGS_NULL              NULL
#endif

#endif
