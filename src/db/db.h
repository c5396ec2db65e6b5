// SPDX-License-Identifier: Apache-2.0
// One thin face over the databases: connect by URL, prepared statements, transactions, migrations,
// error classes. SQLite and PostgreSQL today; MariaDB fits behind the same face, so nothing here or
// above may be an idea that only one has: placeholders are `?`, integers are BIGINT, blobs are
// bytes, text is UTF-8 without NUL, booleans are integers, sums are CAST to BIGINT, upserts are
// written with db_prepare_upsert (each dialect spells it), and what may collide is inserted with
// db_prepare_insert_new: after an error within a transaction there is only the rollback.
// A result is whole in memory with some drivers: bound it with LIMIT.
//
// A connection is used by one thread at a time. Statements belong to their connection.
// Error classes (status): E_AGAIN = retry the transaction (lock, deadlock, serialisation),
// E_DUPLICATE = unique key, E_LOST = connection gone, E_DISK_FULL, E_IO, E_CORRUPT, E_INVALID = bad
// statement; anything else E_INTERNAL.
#ifndef DB_DB_H
#define DB_DB_H

#include "base/error.h"
#include "base/fault.h"
#include "base/str.h"

struct db;
struct db_stmt;

enum db_sync {
    DB_SYNC_FULL,   // a commit survives loss of power
    DB_SYNC_NORMAL, // survives the end of the process; loss of power may take the last commits,
                    // never consistency
};

struct db_options {
    enum db_sync sync;
    bool read_only;
    int busy_timeout_ms;
    size_t cache_bytes; // page cache per connection, 0 = default
    // How much may wait in a write-ahead log for db_maintain, 0 = default. What is changed again
    // meanwhile is copied once; what waits is read at the next start.
    size_t log_bytes;
    struct fault *fault; // may be NULL
};

// URL: "sqlite:///absolute/path" (made when missing, unless read_only), "sqlite::memory:", or what
// libpq takes, "postgresql://user:password@host:port/database?option=value".
// E_UNSUPPORTED for another scheme, naming what is possible.
tidings_status db_open(const char *url, const struct db_options *options, struct db **ret,
                       struct tidings_error *err) TIDINGS_NODISCARD;
void db_close(struct db *db); // finalises its statements; NULL allowed

// Several statements separated by ';', without parameters or results.
tidings_status db_exec(struct db *db, const char *sql, struct tidings_error *err) TIDINGS_NODISCARD;
tidings_status db_begin(struct db *db,
                        struct tidings_error *err) TIDINGS_NODISCARD; // takes the write lock
// For reading only: sees one state of the database, that of its first statement, and locks nobody
// out.
tidings_status db_begin_read(struct db *db, struct tidings_error *err) TIDINGS_NODISCARD;
// True when there is one transaction that writes at a time (SQLite).
bool db_writes_alone(const struct db *db);
tidings_status db_commit(struct db *db, struct tidings_error *err) TIDINGS_NODISCARD;
void db_rollback(struct db *db); // no-op outside a transaction

// `{skip_locked}` at the end of a SELECT: locks what it finds and passes over what others have
// locked, in the dialect; nothing where one transaction writes at a time.
tidings_status db_prepare(struct db *db, const char *sql, struct db_stmt **ret,
                          struct tidings_error *err) TIDINGS_NODISCARD;
void db_finalize(struct db_stmt *stmt); // NULL allowed

// Binding: index counts from 0. Text and blobs must stay until the statement is reset or run again.
void db_bind_i64(struct db_stmt *stmt, int index, int64_t value);
void db_bind_text(struct db_stmt *stmt, int index, struct str value); // ptr NULL binds NULL
void db_bind_blob(struct db_stmt *stmt, int index, struct str value);
void db_bind_null(struct db_stmt *stmt, int index);

// Runs to the end and resets (bindings are cleared). ret_rows (may be NULL): rows changed.
tidings_status db_run(struct db_stmt *stmt, int64_t *ret_rows,
                      struct tidings_error *err) TIDINGS_NODISCARD;
// Next row: OK, or E_EOF at the end. Call db_reset when done early or after the end.
tidings_status db_step(struct db_stmt *stmt, struct tidings_error *err) TIDINGS_NODISCARD;
void db_reset(struct db_stmt *stmt);
// Columns count from 0; views are good until the next step or reset.
int64_t db_column_i64(struct db_stmt *stmt, int index); // 0 for NULL
struct str db_column_text(struct db_stmt *stmt, int index);
struct str db_column_blob(struct db_stmt *stmt, int index);
bool db_column_is_null(struct db_stmt *stmt, int index);

// Prepares "insert row, or when the key columns exist overwrite the other columns" in the dialect.
// `columns` in order of binding, the first `key_count` of them are the unique key.
tidings_status db_prepare_upsert(struct db *db, const char *table, const char *const *columns,
                                 int column_count, int key_count, struct db_stmt **ret,
                                 struct tidings_error *err) TIDINGS_NODISCARD;

// The same, but what is there stays as it is: "insert unless a unique key has it", told by the rows
// changed (0 or 1). A transaction goes on after it, which PostgreSQL's would not after E_DUPLICATE.
tidings_status db_prepare_insert_new(struct db *db, const char *table, const char *const *columns,
                                     int column_count, struct db_stmt **ret,
                                     struct tidings_error *err) TIDINGS_NODISCARD;

// Numbered, one-way migrations: runs those above the version stored in table `schema_version`, each
// in its own transaction. E_STATE when the stored version is newer than the last one known here, or
// older than the first.
struct db_migration {
    int version; // 1, 2, …
    const char *sql;
};
tidings_status db_migrate(struct db *db, const struct db_migration *migrations, size_t count,
                          struct tidings_error *err) TIDINGS_NODISCARD;
// Hands finished work back to the file system where the engine has such a thing (SQLite: WAL
// checkpoint, bounded, not blocking writers). Call now and then from the writing thread.
tidings_status db_maintain(struct db *db, struct tidings_error *err) TIDINGS_NODISCARD;

#endif
