// SPDX-License-Identifier: Apache-2.0
// PostgreSQL: connections, transactions (READ COMMITTED, as the server has it) and error classes,
// by SQLSTATE (PostgreSQL documentation, appendix A).
#include "db/postgres.h"

#include <stdio.h>
#include <stdlib.h>

enum { LOCK_DEFAULT_MS = 5000, CONNECT_TIMEOUT_S = 10, STATE_LEN = 5 };

// ---- errors ----
static const struct {
    const char *start; // of the SQLSTATE; the first row that fits counts
    tidings_status status;
} classes[] = {
    { "23505", TIDINGS_E_DUPLICATE },  // unique_violation
    { "40", TIDINGS_E_AGAIN },         // serialization_failure, deadlock_detected
    { "55P03", TIDINGS_E_AGAIN },      // lock_not_available: lock_timeout
    { "57P", TIDINGS_E_LOST },         // admin_shutdown, crash_shutdown, cannot_connect_now
    { "08", TIDINGS_E_LOST },          // connection exceptions
    { "53100", TIDINGS_E_DISK_FULL },  //
    { "53200", TIDINGS_E_NO_MEMORY },  //
    { "53300", TIDINGS_E_AGAIN },      // too_many_connections
    { "58", TIDINGS_E_IO },            // system errors
    { "XX001", TIDINGS_E_CORRUPT },    // data_corrupted
    { "XX002", TIDINGS_E_CORRUPT },    // index_corrupted
    { "25006", TIDINGS_E_PERMISSION }, // read_only_sql_transaction
    { "42501", TIDINGS_E_PERMISSION }, // insufficient_privilege
    { "28", TIDINGS_E_PERMISSION },    // who connects is not known
    { "54", TIDINGS_E_TOO_LARGE },     // program limits
    { "22", TIDINGS_E_INVALID },       // data exceptions
    { "23", TIDINGS_E_INVALID },       // other constraints
    { "25P02", TIDINGS_E_STATE },      // an error ended the transaction before
    { "42", TIDINGS_E_INVALID },       // syntax, unknown names
    { "3D", TIDINGS_E_INVALID },       // no such database
};

static tidings_status class_of(const char *state)
{
    for (size_t i = 0; i < BASE_COUNT(classes); i++) {
        if (strncmp(state, classes[i].start, strlen(classes[i].start)) == 0) {
            return classes[i].status;
        }
    }
    return TIDINGS_E_INTERNAL;
}

static int line_length(const char *text)
{
    size_t length = strcspn(text, "\n");
    return (int)(length < 300 ? length : 300);
}

tidings_status postgres_fail(struct postgres_db *db, const PGresult *result, const char *what,
                             struct tidings_error *err)
{
    const char *state =
        result != NULL ? libpq()->PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
    const char *text =
        result != NULL ? libpq()->PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY) : NULL;
    if (text == NULL) {
        text = libpq()->PQerrorMessage(db->connection);
    }
    tidings_status status = TIDINGS_E_INTERNAL;
    if (state != NULL) {
        status = class_of(state);
    } else if (libpq()->PQstatus(db->connection) != CONNECTION_OK) {
        status = TIDINGS_E_LOST;
    } else if (result == NULL) {
        status = TIDINGS_E_NO_MEMORY;
    }
    return error_set(err, status, "postgresql: %s%s%.*s", what, what[0] != '\0' ? ": " : "",
                     line_length(text), text);
}

// ---- connection ----
static void be_silent(void *arg, const PGresult *result)
{
    (void)arg; // notices, such as that a table to drop is not there
    (void)result;
}

static void close_db(struct db *base)
{
    struct postgres_db *db = postgres_of(base);
    libpq()->PQfinish(db->connection);
    free(db);
}

static tidings_status exec(struct db *base, const char *sql, struct tidings_error *err)
{
    struct postgres_db *db = postgres_of(base);
    PGresult *result = libpq()->PQexec(db->connection, sql);
    ExecStatusType got = libpq()->PQresultStatus(result);
    tidings_status status = TIDINGS_OK;
    if (got != PGRES_COMMAND_OK && got != PGRES_TUPLES_OK && got != PGRES_EMPTY_QUERY) {
        status = postgres_fail(db, result, "", err);
    }
    libpq()->PQclear(result);
    return status;
}

static tidings_status configure(struct db *db, const struct db_options *options,
                                struct tidings_error *err)
{
    char sql[256];
    (void)snprintf(sql, sizeof sql,
                   "SET lock_timeout = %d; SET synchronous_commit = %s;"
                   "SET default_transaction_read_only = %s; SET standard_conforming_strings = on",
                   options->busy_timeout_ms > 0 ? options->busy_timeout_ms : LOCK_DEFAULT_MS,
                   options->sync == DB_SYNC_FULL ? "on" : "off", options->read_only ? "on" : "off");
    return exec(db, sql, err);
}

static tidings_status open_db(const struct db_url *url, const struct db_options *options,
                              struct db **ret, struct tidings_error *err)
{
    char timeout[12];
    (void)snprintf(timeout, sizeof timeout, "%d", CONNECT_TIMEOUT_S);
    // What comes later wins, and the URL is expanded where it stands.
    const char *const names[] = { "connect_timeout", "dbname", "client_encoding",
                                  "fallback_application_name", NULL };
    const char *const values[] = { timeout, url->path, "UTF8", "tidings", NULL };
    tidings_status status = libpq_open(err);
    if (status != TIDINGS_OK) {
        return status;
    }
    struct postgres_db *db = calloc(1, sizeof *db);
    if (db == NULL) {
        return error_set(err, TIDINGS_E_NO_MEMORY, "postgresql: no memory");
    }
    db->connection = libpq()->PQconnectdbParams(names, values, 1);
    if (libpq()->PQstatus(db->connection) != CONNECTION_OK) {
        const char *text = libpq()->PQerrorMessage(db->connection);
        status = error_set(err, TIDINGS_E_LOST, "postgresql: cannot connect: %.*s",
                           line_length(text), text);
    }
    if (status == TIDINGS_OK) {
        (void)libpq()->PQsetNoticeReceiver(db->connection, be_silent, NULL);
        status = configure(&db->base, options, err);
    }
    if (status != TIDINGS_OK) {
        close_db(&db->base);
        return status;
    }
    *ret = &db->base;
    return TIDINGS_OK;
}

// ---- transactions ----
static tidings_status begin(struct db *base, struct tidings_error *err)
{
    return exec(base, "BEGIN", err);
}

static tidings_status begin_read(struct db *base, struct tidings_error *err)
{
    return exec(base, "BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY", err);
}

static tidings_status commit(struct db *base, struct tidings_error *err)
{
    // After an error COMMIT would roll back and call it a success.
    if (libpq()->PQtransactionStatus(postgres_of(base)->connection) == PQTRANS_INERROR) {
        return error_set(err, TIDINGS_E_STATE,
                         "postgresql: an error ended the transaction before: it is rolled back");
    }
    return exec(base, "COMMIT", err);
}

static void rollback(struct db *base)
{
    PGTransactionStatusType state = libpq()->PQtransactionStatus(postgres_of(base)->connection);
    if (state == PQTRANS_INTRANS || state == PQTRANS_INERROR) {
        (void)exec(base, "ROLLBACK", NULL); // when it fails the connection is lost, and with it all
    }
}

static tidings_status maintain(struct db *base, struct tidings_error *err)
{
    (void)base; // the server has its own housekeeping
    (void)err;
    return TIDINGS_OK;
}

const struct db_driver *db_postgres_driver(void)
{
    static const struct db_driver driver = {
        .scheme = "postgresql",
        .dialect = { .clustered = "",
                     .blob = "BYTEA",
                     .bigint = "BIGINT",
                     .skip_locked = "FOR UPDATE SKIP LOCKED",
                     .lock_versions = "LOCK TABLE schema_version IN EXCLUSIVE MODE" },
        .open = open_db,
        .close = close_db,
        .exec = exec,
        .begin = begin,
        .begin_read = begin_read,
        .commit = commit,
        .rollback = rollback,
        .maintain = maintain,
        .prepare = postgres_prepare,
        .finalize = postgres_finalize,
        .bind_i64 = postgres_bind_i64,
        .bind_text = postgres_bind_bytes,
        .bind_blob = postgres_bind_bytes,
        .step = postgres_step,
        .reset = postgres_reset,
        .changes = postgres_changes,
        .column_i64 = postgres_column_i64,
        .column_text = postgres_column_bytes,
        .column_blob = postgres_column_bytes,
        .column_is_null = postgres_column_is_null,
    };
    return &driver;
}
