// SPDX-License-Identifier: Apache-2.0
// The barrier over a connection of PostgreSQL: link with -lpq.
//
//   struct tidings_sql sql = tidings_postgres(connection);
//
// A check waits for a local transaction that is open: set lock_timeout on its connection. Commits
// are durable with synchronous_commit = on, which is PostgreSQL's default.
#ifndef TIDINGS_BARRIER_POSTGRES_H
#define TIDINGS_BARRIER_POSTGRES_H

#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tidings/barrier.h>
#include <tidings/cast.h>

// Classes of errors: PostgreSQL documentation, appendix A (SQLSTATE).
static inline tidings_status tidings_postgres_status(PGconn *connection, const PGresult *result,
                                                     struct tidings_error *err)
{
    static const struct {
        const char *state;
        tidings_status status;
    } known[] = {
        { "23505", TIDINGS_E_DUPLICATE },  // unique_violation
        { "40001", TIDINGS_E_AGAIN },      // serialization_failure
        { "40P01", TIDINGS_E_AGAIN },      // deadlock_detected
        { "55P03", TIDINGS_E_AGAIN },      // lock_not_available
        { "57014", TIDINGS_E_AGAIN },      // query_canceled: a time-out
        { "53100", TIDINGS_E_DISK_FULL },  // disk_full
        { "53200", TIDINGS_E_NO_MEMORY },  // out_of_memory
        { "42501", TIDINGS_E_PERMISSION }, // insufficient_privilege
    };
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    tidings_status status = TIDINGS_E_INTERNAL;
    for (size_t i = 0; state != TIDINGS_NULL && i < sizeof known / sizeof known[0]; i++) {
        if (strcmp(state, known[i].state) == 0) {
            status = known[i].status;
        }
    }
    if (PQstatus(connection) == CONNECTION_BAD) {
        status = TIDINGS_E_LOST;
    }
    return tidings_sql_fail(err, status, PQerrorMessage(connection));
}

static inline tidings_status tidings_postgres_run(void *connection, const char *sql,
                                                  const char *const *params, int count,
                                                  int64_t *ret_changed, struct tidings_error *err)
{
    PGconn *postgres = TIDINGS_CAST(PGconn *, connection);
    PGresult *result =
        PQexecParams(postgres, sql, count, TIDINGS_NULL, params, TIDINGS_NULL, TIDINGS_NULL, 0);
    tidings_status status = TIDINGS_OK;
    if (PQresultStatus(result) != PGRES_COMMAND_OK) {
        status = tidings_postgres_status(postgres, result, err);
    }
    *ret_changed = status == TIDINGS_OK ? strtoll(PQcmdTuples(result), TIDINGS_NULL, 10) : 0;
    PQclear(result);
    return status;
}

static inline tidings_status tidings_postgres_get(void *connection, const char *sql,
                                                  const char *const *params, int count, char *out,
                                                  size_t size, struct tidings_error *err)
{
    PGconn *postgres = TIDINGS_CAST(PGconn *, connection);
    PGresult *result =
        PQexecParams(postgres, sql, count, TIDINGS_NULL, params, TIDINGS_NULL, TIDINGS_NULL, 0);
    tidings_status status = TIDINGS_OK;
    if (PQresultStatus(result) != PGRES_TUPLES_OK) {
        status = tidings_postgres_status(postgres, result, err);
    } else if (PQntuples(result) == 0) {
        status = tidings_sql_fail(err, TIDINGS_E_NOT_FOUND, "no such row");
    } else {
        (void)snprintf(out, size, "%s", PQgetvalue(result, 0, 0));
    }
    PQclear(result);
    return status;
}

static inline int tidings_postgres_in_transaction(void *connection)
{
    PGTransactionStatusType state = PQtransactionStatus(TIDINGS_CAST(PGconn *, connection));
    return state == PQTRANS_INTRANS || state == PQTRANS_INERROR;
}

static inline struct tidings_sql tidings_postgres(PGconn *connection)
{
    struct tidings_sql sql = { connection, TIDINGS_SQL_POSTGRES, tidings_postgres_run,
                               tidings_postgres_get, tidings_postgres_in_transaction };
    return sql;
}

#endif
