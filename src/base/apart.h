// SPDX-License-Identifier: Apache-2.0
// Work whose memory is not to stay: what a library takes at its first use, some of them a quarter
// of what an idle server has, is never given back, but it ends with the process that used it.
#ifndef BASE_APART_H
#define BASE_APART_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

enum { APART_RESULT_MAX = 1024, APART_WAIT_MS = 60 * 1000 };

// Runs TASK(RESULT, ARG, err) in a child process, waits for it and returns what it returned. Of
// what the child changes only `size` bytes at `result` (at most APART_RESULT_MAX) and `err` come
// back. Only while there is one thread: the child has no other. Where no child can be had TASK runs
// here. E_INTERNAL when the child ends otherwise, E_TIMEOUT after APART_WAIT_MS.
tidings_status apart_run(tidings_status (*task)(void *result, void *arg, struct tidings_error *err),
                         void *result, size_t size, void *arg,
                         struct tidings_error *err) TIDINGS_NODISCARD;

#endif
