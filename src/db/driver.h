// SPDX-License-Identifier: Apache-2.0
// What a database has to offer to stand behind db.h. A driver embeds struct db and struct db_stmt
// as the first member of its own structs; the face (db.c) keeps the list of statements, the fault
// points and the state of the transaction, so that a driver only talks to its database.
#ifndef DB_DRIVER_H
#define DB_DRIVER_H

#include "base/list.h"
#include "db/db.h"

enum { DB_PATH_MAX = 4096, DB_SQL_MAX = 64 * 1024 };

// ---- url.c ----
struct db_url {
    const struct db_driver *driver;
    // SQLite: percent-decoded, ":memory:" for a database without a file; PostgreSQL: the URL
    // itself.
    char path[DB_PATH_MAX];
};
tidings_status db_url_parse(struct str url, struct db_url *ret,
                            struct tidings_error *err) TIDINGS_NODISCARD;

// ---- dialect.c ----
// Words in which the databases differ. In a migration `{clustered}`, `{blob}` and `{bigint}` are
// replaced by them, in a prepared statement `{skip_locked}`; any other `{word}` is an error.
struct db_dialect {
    const char *clustered;   // behind CREATE TABLE (…): rows lie in the order of the primary key
    const char *blob;        // column type of bytes
    const char *bigint;      // column type of 64-bit integers, good as a single primary key
    const char *skip_locked; // behind SELECT …: locks the rows, passes over those that are locked
    // Within a transaction: keeps other migrations out. NULL where begin does that.
    const char *lock_versions;
};
tidings_status db_dialect_expand(const struct db_dialect *dialect, struct str sql, struct buf *out,
                                 struct tidings_error *err) TIDINGS_NODISCARD;
// "INSERT INTO t (a, b) VALUES (?, ?) ON CONFLICT (a) DO UPDATE SET b = excluded.b", or DO NOTHING
// when every column belongs to the key: what SQLite and PostgreSQL understand.
tidings_status db_dialect_upsert(const char *table, const char *const *columns, int column_count,
                                 int key_count, struct buf *out) TIDINGS_NODISCARD;
// "INSERT INTO t (a, b) VALUES (?, ?) ON CONFLICT DO NOTHING", for the same two.
tidings_status db_dialect_insert_new(const char *table, const char *const *columns,
                                     int column_count, struct buf *out) TIDINGS_NODISCARD;

// ---- drivers ----
struct db {
    const struct db_driver *driver;
    struct db_options options;
    struct list statements;
    bool in_transaction;
};
struct db_stmt {
    struct db *db;
    struct list node;
};

struct db_driver {
    const char *scheme;
    struct db_dialect dialect;
    bool writes_alone; // see db_writes_alone
    tidings_status (*open)(const struct db_url *url, const struct db_options *options,
                           struct db **ret, struct tidings_error *err);
    void (*close)(struct db *db); // all statements are finalised
    tidings_status (*exec)(struct db *db, const char *sql, struct tidings_error *err);
    tidings_status (*begin)(struct db *db, struct tidings_error *err);
    tidings_status (*begin_read)(struct db *db, struct tidings_error *err);
    tidings_status (*commit)(struct db *db, struct tidings_error *err);
    void (*rollback)(struct db *db);
    tidings_status (*maintain)(struct db *db, struct tidings_error *err);

    tidings_status (*prepare)(struct db *db, const char *sql, struct db_stmt **ret,
                              struct tidings_error *err);
    void (*finalize)(struct db_stmt *stmt);
    void (*bind_i64)(struct db_stmt *stmt, int index, int64_t value);
    void (*bind_text)(struct db_stmt *stmt, int index, struct str value);
    void (*bind_blob)(struct db_stmt *stmt, int index, struct str value);
    tidings_status (*step)(struct db_stmt *stmt, struct tidings_error *err); // E_EOF at the end
    void (*reset)(struct db_stmt *stmt);                                     // and clear bindings
    int64_t (*changes)(struct db_stmt *stmt); // rows changed by the statement that just ended
    int64_t (*column_i64)(struct db_stmt *stmt, int index);
    struct str (*column_text)(struct db_stmt *stmt, int index);
    struct str (*column_blob)(struct db_stmt *stmt, int index);
    bool (*column_is_null)(struct db_stmt *stmt, int index);
};

const struct db_driver *db_sqlite_driver(void);
const struct db_driver *db_postgres_driver(void);

#endif
