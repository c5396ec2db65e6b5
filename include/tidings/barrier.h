// SPDX-License-Identifier: Apache-2.0
// The barrier: one row in the caller's own database that decides, for good, whether a local
// transaction was committed. It makes the check-back of a transactional message (transaction.h)
// free of races.
//
// The local transaction inserts the row (group, transaction id) 'commit' before its own rows; a
// check inserts 'rollback' on the same key. The key is unique, so one of them comes first:
//   the transaction was committed   the check's insert finds its row: COMMIT
//   it is still open                the check's insert waits for it, or gives up: LEAVE
//   it never came, or rolled back   the check's row stands, ROLLBACK; and when the transaction
//   comes
//                                   after all, its insert fails and it must roll back
// Barrier and business rows are of one database and one transaction, or the barrier proves nothing.
//
// Any SQL driver serves: struct tidings_sql carries a few functions over the caller's connection.
// barrier_sqlite.h, barrier_mysql.h and barrier_postgres.h fill it for SQLite, MySQL / MariaDB
// (libmysqlclient, libmariadb) and PostgreSQL (libpq). Nothing here keeps the connection.
#ifndef TIDINGS_BARRIER_H
#define TIDINGS_BARRIER_H

#include <tidings/transaction.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum tidings_sql_dialect {
    TIDINGS_SQL_SQLITE = 0,
    TIDINGS_SQL_MYSQL = 1, // and MariaDB
    TIDINGS_SQL_POSTGRES = 2
} tidings_sql_dialect;

enum {
    TIDINGS_BARRIER_GROUP_MAX = 255, // bytes of a group
    TIDINGS_BARRIER_ID_MAX = 255     // bytes of a transaction id
};

// A connection. Functions return E_DUPLICATE for a unique key that exists, E_AGAIN when the same
// may work later (lock wait, deadlock, serialisation), E_LOST when the connection is gone; their
// text goes to err. Parameters are texts; placeholders stand as the dialect has them (? or $1).
struct tidings_sql {
    void *connection;
    tidings_sql_dialect dialect;
    // Runs one statement; *ret_changed (never NULL): rows inserted or deleted.
    tidings_status (*run)(void *connection, const char *sql, const char *const *params, int count,
                          int64_t *ret_changed, struct tidings_error *err);
    // The first column of the first row as text, cut to size − 1 bytes; E_NOT_FOUND without a row.
    tidings_status (*get)(void *connection, const char *sql, const char *const *params, int count,
                          char *out, size_t size, struct tidings_error *err);
    // 1 while a transaction is open, or every statement opens one.
    int (*in_transaction)(void *connection);
};

// For such functions: fills err (may be NULL) and returns status.
TIDINGS_API tidings_status tidings_sql_fail(struct tidings_error *err, tidings_status status,
                                            const char *text);

// Makes the table tidings_barrier unless it exists. With rights to create tables only; those who
// manage their schema by hand find its text in tidings_barrier_table.
TIDINGS_API tidings_status tidings_barrier_create(const struct tidings_sql *sql,
                                                  struct tidings_error *err) TIDINGS_NODISCARD;
// CREATE TABLE statement; "" for an unknown dialect.
TIDINGS_API const char *tidings_barrier_table(tidings_sql_dialect dialect);

// First statement of the local transaction, which the caller has begun (E_INVALID else). OK: go on.
// E_STATE: a check has decided that this transaction never was: roll back, the message is
// discarded. E_DUPLICATE: this id was committed before: roll back, there is nothing to do again.
// E_AGAIN: roll back and try the local transaction again. Any other error: roll back.
TIDINGS_API tidings_status tidings_barrier_enter(const struct tidings_sql *sql, const char *group,
                                                 const char *transaction_id,
                                                 struct tidings_error *err) TIDINGS_NODISCARD;

// The ready-made check, on a connection with no transaction open (E_INVALID else) that makes its
// commits durable. OK: *ret is TIDINGS_COMMIT or TIDINGS_ROLLBACK, final. Any error: *ret is
// TIDINGS_LEAVE, the broker asks again. Waits as long as the database lets it wait for a lock.
TIDINGS_API tidings_status tidings_barrier_check(const struct tidings_sql *sql, const char *group,
                                                 const char *transaction_id, tidings_decision *ret,
                                                 struct tidings_error *err) TIDINGS_NODISCARD;

// Deletes up to `most` rows made more than older_than_ms ago, outside of a transaction. A row must
// outlive the last check that can come, or a committed transaction is taken for one that never was:
// keep them longer than the broker keeps half messages (its retention; a parked one may be resumed
// that long), and longer than a local transaction can stay open. E_INVALID below one hour.
TIDINGS_API tidings_status tidings_barrier_purge(const struct tidings_sql *sql,
                                                 int64_t older_than_ms, int most,
                                                 int64_t *ret_deleted,
                                                 struct tidings_error *err) TIDINGS_NODISCARD;

#ifdef __cplusplus
}
#endif
#endif
