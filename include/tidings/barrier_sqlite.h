// SPDX-License-Identifier: Apache-2.0
// The barrier over a connection of SQLite 3: link with -lsqlite3.
//
//   struct tidings_sql sql = tidings_sqlite(db);
//
// Set a busy time-out (sqlite3_busy_timeout): a check waits that long for a local transaction that
// is open. Commits are durable with PRAGMA synchronous = FULL, which is SQLite's default.
#ifndef TIDINGS_BARRIER_SQLITE_H
#define TIDINGS_BARRIER_SQLITE_H

#include <sqlite3.h>
#include <stdio.h>

#include <tidings/barrier.h>
#include <tidings/cast.h>

static inline tidings_status tidings_sqlite_status(sqlite3 *db, struct tidings_error *err)
{
    tidings_status status = TIDINGS_E_INTERNAL;
    int extended = sqlite3_extended_errcode(db);
    switch (extended & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED: status = TIDINGS_E_AGAIN; break;
    case SQLITE_NOMEM: status = TIDINGS_E_NO_MEMORY; break;
    case SQLITE_FULL: status = TIDINGS_E_DISK_FULL; break;
    case SQLITE_IOERR: status = TIDINGS_E_IO; break;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: status = TIDINGS_E_CORRUPT; break;
    case SQLITE_READONLY: status = TIDINGS_E_PERMISSION; break;
    case SQLITE_CONSTRAINT:
        status = extended == SQLITE_CONSTRAINT_PRIMARYKEY || extended == SQLITE_CONSTRAINT_UNIQUE
                     ? TIDINGS_E_DUPLICATE
                     : TIDINGS_E_INTERNAL;
        break;
    default: break;
    }
    return tidings_sql_fail(err, status, sqlite3_errmsg(db));
}

// Prepares and binds; *ret is finalised by the caller, whatever is returned.
static inline tidings_status tidings_sqlite_prepare(sqlite3 *db, const char *sql,
                                                    const char *const *params, int count,
                                                    sqlite3_stmt **ret, struct tidings_error *err)
{
    int code = sqlite3_prepare_v2(db, sql, -1, ret, TIDINGS_NULL);
    for (int i = 0; i < count && code == SQLITE_OK; i++) {
        code = sqlite3_bind_text(*ret, i + 1, params[i], -1, TIDINGS_NULL); // not copied
    }
    return code == SQLITE_OK ? TIDINGS_OK : tidings_sqlite_status(db, err);
}

static inline tidings_status tidings_sqlite_run(void *connection, const char *sql,
                                                const char *const *params, int count,
                                                int64_t *ret_changed, struct tidings_error *err)
{
    sqlite3 *db = TIDINGS_CAST(sqlite3 *, connection);
    sqlite3_stmt *statement = TIDINGS_NULL;
    tidings_status status = tidings_sqlite_prepare(db, sql, params, count, &statement, err);
    if (status == TIDINGS_OK && sqlite3_step(statement) != SQLITE_DONE) {
        status = tidings_sqlite_status(db, err);
    }
    *ret_changed = status == TIDINGS_OK ? sqlite3_changes(db) : 0;
    (void)sqlite3_finalize(statement);
    return status;
}

static inline tidings_status tidings_sqlite_get(void *connection, const char *sql,
                                                const char *const *params, int count, char *out,
                                                size_t size, struct tidings_error *err)
{
    sqlite3 *db = TIDINGS_CAST(sqlite3 *, connection);
    sqlite3_stmt *statement = TIDINGS_NULL;
    tidings_status status = tidings_sqlite_prepare(db, sql, params, count, &statement, err);
    int code = status == TIDINGS_OK ? sqlite3_step(statement) : SQLITE_ERROR;
    if (status == TIDINGS_OK && code == SQLITE_ROW) {
        const void *text = sqlite3_column_text(statement, 0);
        (void)snprintf(out, size, "%s",
                       text != TIDINGS_NULL ? TIDINGS_CAST(const char *, text) : "");
    } else if (status == TIDINGS_OK) {
        status = code == SQLITE_DONE ? tidings_sql_fail(err, TIDINGS_E_NOT_FOUND, "no such row")
                                     : tidings_sqlite_status(db, err);
    }
    (void)sqlite3_finalize(statement);
    return status;
}

static inline int tidings_sqlite_in_transaction(void *connection)
{
    return sqlite3_get_autocommit(TIDINGS_CAST(sqlite3 *, connection)) == 0;
}

static inline struct tidings_sql tidings_sqlite(sqlite3 *db)
{
    struct tidings_sql sql = { db, TIDINGS_SQL_SQLITE, tidings_sqlite_run, tidings_sqlite_get,
                               tidings_sqlite_in_transaction };
    return sql;
}

#endif
