// SPDX-License-Identifier: Apache-2.0
// SQLite's result codes as statuses of ours.
#ifndef DB_SQLITE_ERROR_H
#define DB_SQLITE_ERROR_H

#include <sqlite3.h>

#include "base/error.h"

tidings_status sqlite_status(int code);
// The status of `code`, with what SQLite says about it; `handle` may be NULL.
tidings_status sqlite_fail(sqlite3 *handle, int code, const char *what, struct tidings_error *err);

#endif
