// SPDX-License-Identifier: Apache-2.0
// Filling a caller-owned struct tidings_error. All functions accept err == NULL and never allocate.
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include "base/compiler.h"

// Sets status and formatted text; returns `status`, so that `return error_set(err, ...)` reads
// well.
tidings_status error_set(struct tidings_error *err, tidings_status status, const char *format, ...)
    BASE_PRINTF(3, 4);
// The same with errno `os_errno`, whose text is appended. ENOSPC, EDQUOT → E_DISK_FULL; ENOMEM →
// E_NO_MEMORY whatever `status` says, so that callers can pass their general code.
tidings_status error_set_errno(struct tidings_error *err, tidings_status status, int os_errno,
                               const char *format, ...) BASE_PRINTF(4, 5);
void error_clear(struct tidings_error *err);
// Text of err, or of the status when err is NULL or empty.
const char *error_text(const struct tidings_error *err, tidings_status status);

// HTTP status and remoting code of a status, from the table in <tidings/status.h>.
int status_http(tidings_status status);
int status_remoting(tidings_status status);

#endif
