// SPDX-License-Identifier: Apache-2.0
// Points at which pay kills itself, for showing that no order of its steps loses or invents a
// notice: pay --crash POINT.
#ifndef PAY_CRASH_H
#define PAY_CRASH_H

#include <signal.h>
#include <string.h>
#include <unistd.h>

#define CRASH_POINTS "before-half after-half after-barrier after-row after-commit after-end"

// `wanted` is NULL, or the point to die at, as by kill -9.
static inline void crash_at(const char *wanted, const char *point)
{
    if (wanted != NULL && strcmp(wanted, point) == 0) {
        (void)kill(getpid(), SIGKILL);
    }
}

#endif
