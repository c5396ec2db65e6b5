// SPDX-License-Identifier: Apache-2.0
#include <stddef.h>

#include "db/sqlite_error.h"

tidings_status sqlite_status(int code)
{
    if (code == SQLITE_CONSTRAINT_UNIQUE || code == SQLITE_CONSTRAINT_PRIMARYKEY ||
        code == SQLITE_CONSTRAINT_ROWID) {
        return TIDINGS_E_DUPLICATE;
    }
    switch (code & 0xff) {
    case SQLITE_OK: return TIDINGS_OK;
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return TIDINGS_E_AGAIN;
    case SQLITE_FULL: return TIDINGS_E_DISK_FULL;
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN: return TIDINGS_E_IO;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: return TIDINGS_E_CORRUPT;
    case SQLITE_NOMEM: return TIDINGS_E_NO_MEMORY;
    case SQLITE_TOOBIG: return TIDINGS_E_TOO_LARGE;
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH: return TIDINGS_E_PERMISSION;
    case SQLITE_ERROR:
    case SQLITE_CONSTRAINT:
    case SQLITE_MISMATCH:
    case SQLITE_MISUSE:
    case SQLITE_RANGE: return TIDINGS_E_INVALID;
    default: return TIDINGS_E_INTERNAL;
    }
}

tidings_status sqlite_fail(sqlite3 *handle, int code, const char *what, struct tidings_error *err)
{
    tidings_status status = sqlite_status(code);
    int os_errno = handle != NULL ? sqlite3_system_errno(handle) : 0;
    const char *text = handle != NULL ? sqlite3_errmsg(handle) : sqlite3_errstr(code);
    if (status == TIDINGS_E_IO && os_errno != 0) {
        return error_set_errno(err, status, os_errno, "%s: %s", what, text);
    }
    return error_set(err, status, "%s: %s", what, text);
}
