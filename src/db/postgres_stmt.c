// SPDX-License-Identifier: Apache-2.0
// Prepared statements of PostgreSQL. Parameters: integers as text (the server knows which width the
// column has), text and bytes in the binary format, which is the bytes themselves. Results: binary;
// whole before the first row is seen, so that callers bound them with LIMIT.
#include <stdio.h>
#include <stdlib.h>

#include "base/num.h"
#include "db/postgres.h"

enum { PARAMETERS_MAX = 1024, NUMBER_SIZE = 24, NAME_SIZE = 16 };

// Types of columns (the server's table pg_type; they are part of its protocol and do not change).
enum {
    OID_BOOL = 16,
    OID_BYTEA = 17,
    OID_INT8 = 20,
    OID_INT2 = 21,
    OID_INT4 = 23,
    OID_TEXT = 25,
    OID_UNKNOWN = 705,
    OID_BPCHAR = 1042,
    OID_VARCHAR = 1043,
};

struct parameter {
    char number[NUMBER_SIZE]; // text of an integer
};

struct postgres_stmt {
    struct db_stmt base;
    char name[NAME_SIZE];
    int count;
    struct parameter *parameters;
    const char **values;
    int *lengths;
    int *formats;
    PGresult *result; // of the run under way
    int row;          // -1 before the first step
    int64_t changed;
};

static struct postgres_stmt *of_stmt(struct db_stmt *stmt)
{
    return BASE_CONTAINER_OF(stmt, struct postgres_stmt, base);
}

// `?` outside of quotes becomes $1, $2, …
static tidings_status number_parameters(const char *sql, struct buf *out, int *ret_count)
{
    tidings_status status = TIDINGS_OK;
    char quote = '\0';
    int count = 0;
    for (const char *c = sql; *c != '\0' && status == TIDINGS_OK; c++) {
        if (quote == '\0' && *c == '?') {
            status = buf_addf(out, "$%d", ++count);
            continue;
        }
        if (quote == '\0' && (*c == '\'' || *c == '"')) {
            quote = *c;
        } else if (*c == quote) {
            quote = '\0';
        }
        status = buf_add(out, c, 1);
    }
    *ret_count = count;
    return status == TIDINGS_OK ? buf_add(out, "", 1) : status;
}

static void free_stmt(struct postgres_stmt *stmt)
{
    free(stmt->parameters);
    free(stmt->values);
    free(stmt->lengths);
    free(stmt->formats);
    free(stmt);
}

static struct postgres_stmt *make(struct postgres_db *db, int count)
{
    size_t places = count > 0 ? (size_t)count : 1;
    struct postgres_stmt *stmt = calloc(1, sizeof *stmt);
    if (stmt == NULL) {
        return NULL;
    }
    stmt->count = count;
    stmt->row = -1;
    stmt->parameters = calloc(places, sizeof *stmt->parameters);
    stmt->values = calloc(places, sizeof *stmt->values);
    stmt->lengths = calloc(places, sizeof *stmt->lengths);
    stmt->formats = calloc(places, sizeof *stmt->formats);
    if (stmt->parameters == NULL || stmt->values == NULL || stmt->lengths == NULL ||
        stmt->formats == NULL) {
        free_stmt(stmt);
        return NULL;
    }
    (void)snprintf(stmt->name, sizeof stmt->name, "s%u", db->statements_made++);
    return stmt;
}

tidings_status postgres_prepare(struct db *base, const char *sql, struct db_stmt **ret,
                                struct tidings_error *err)
{
    struct postgres_db *db = postgres_of(base);
    struct buf numbered;
    int count = 0;
    buf_init(&numbered, DB_SQL_MAX);
    tidings_status status = number_parameters(sql, &numbered, &count);
    if (status == TIDINGS_OK && count > PARAMETERS_MAX) {
        status = TIDINGS_E_TOO_LARGE;
    }
    struct postgres_stmt *stmt = status == TIDINGS_OK ? make(db, count) : NULL;
    if (stmt == NULL) {
        buf_deinit(&numbered);
        status = status == TIDINGS_OK ? TIDINGS_E_NO_MEMORY : status;
        return error_set(err, status, "postgresql: prepare: %s", tidings_status_text(status));
    }
    PGresult *result = libpq()->PQprepare(db->connection, stmt->name, numbered.ptr, 0, NULL);
    if (libpq()->PQresultStatus(result) != PGRES_COMMAND_OK) {
        status = postgres_fail(db, result, "prepare", err);
        free_stmt(stmt);
    } else {
        *ret = &stmt->base;
    }
    libpq()->PQclear(result);
    buf_deinit(&numbered);
    return status;
}

void postgres_finalize(struct db_stmt *base)
{
    struct postgres_stmt *stmt = of_stmt(base);
    struct postgres_db *db = postgres_of(base->db);
    char sql[32];
    postgres_reset(base);
    PGTransactionStatusType state = libpq()->PQtransactionStatus(db->connection);
    if (state == PQTRANS_IDLE || state == PQTRANS_INTRANS) { // else it goes with the connection
        (void)snprintf(sql, sizeof sql, "DEALLOCATE %s", stmt->name);
        libpq()->PQclear(libpq()->PQexec(db->connection, sql));
    }
    free_stmt(stmt);
}

// ---- parameters ----
void postgres_bind_i64(struct db_stmt *base, int index, int64_t value)
{
    struct postgres_stmt *stmt = of_stmt(base);
    if (index < 0 || index >= stmt->count) {
        stmt->changed = -1; // told by the next step
        return;
    }
    (void)snprintf(stmt->parameters[index].number, NUMBER_SIZE, "%lld", (long long)value);
    stmt->values[index] = stmt->parameters[index].number;
    stmt->lengths[index] = 0;
    stmt->formats[index] = 0;
}

void postgres_bind_bytes(struct db_stmt *base, int index, struct str value)
{
    struct postgres_stmt *stmt = of_stmt(base);
    if (index < 0 || index >= stmt->count || value.len > INT32_MAX) {
        stmt->changed = -1;
        return;
    }
    stmt->values[index] = value.ptr;
    stmt->lengths[index] = (int)value.len;
    stmt->formats[index] = 1;
}

// ---- running ----
static bool is_readable(Oid type)
{
    static const Oid types[] = { OID_BOOL, OID_BYTEA,   OID_INT8,   OID_INT2,   OID_INT4,
                                 OID_TEXT, OID_UNKNOWN, OID_BPCHAR, OID_VARCHAR };
    for (size_t i = 0; i < BASE_COUNT(types); i++) {
        if (type == types[i]) {
            return true;
        }
    }
    return false;
}

static tidings_status check_columns(const PGresult *result, struct tidings_error *err)
{
    for (int i = 0; i < libpq()->PQnfields(result); i++) {
        if (!is_readable(libpq()->PQftype(result, i))) {
            return error_set(err, TIDINGS_E_INVALID,
                             "postgresql: column %d is of type %u: CAST it to an integer, text or "
                             "bytes",
                             i, libpq()->PQftype(result, i));
        }
    }
    return TIDINGS_OK;
}

static tidings_status run(struct postgres_stmt *stmt, struct tidings_error *err)
{
    struct postgres_db *db = postgres_of(stmt->base.db);
    if (stmt->changed < 0) {
        return error_set(err, TIDINGS_E_INVALID,
                         "postgresql: bind: no such parameter, or a value too long");
    }
    stmt->result = libpq()->PQexecPrepared(db->connection, stmt->name, stmt->count, stmt->values,
                                           stmt->lengths, stmt->formats, 1);
    switch (libpq()->PQresultStatus(stmt->result)) {
    case PGRES_COMMAND_OK:
        if (!num_parse_i64(str_of(libpq()->PQcmdTuples(stmt->result)), 0, INT64_MAX,
                           &stmt->changed)) {
            stmt->changed = 0; // not a statement that counts rows
        }
        break;
    case PGRES_TUPLES_OK: return check_columns(stmt->result, err);
    default: return postgres_fail(db, stmt->result, "", err);
    }
    return TIDINGS_OK;
}

tidings_status postgres_step(struct db_stmt *base, struct tidings_error *err)
{
    struct postgres_stmt *stmt = of_stmt(base);
    if (stmt->result == NULL) {
        tidings_status status = run(stmt, err);
        if (status != TIDINGS_OK) {
            return status;
        }
    }
    if (stmt->row + 1 >= libpq()->PQntuples(stmt->result)) {
        return TIDINGS_E_EOF;
    }
    stmt->row++;
    return TIDINGS_OK;
}

void postgres_reset(struct db_stmt *base)
{
    struct postgres_stmt *stmt = of_stmt(base);
    libpq()->PQclear(stmt->result);
    stmt->result = NULL;
    stmt->row = -1;
    stmt->changed = 0;
    for (int i = 0; i < stmt->count; i++) {
        stmt->values[i] = NULL;
        stmt->lengths[i] = 0;
        stmt->formats[i] = 0;
    }
}

int64_t postgres_changes(struct db_stmt *base)
{
    return of_stmt(base)->changed;
}

// ---- columns ----
static bool has_value(const struct postgres_stmt *stmt, int index)
{
    return stmt->result != NULL && stmt->row >= 0 && stmt->row < libpq()->PQntuples(stmt->result) &&
           index >= 0 && index < libpq()->PQnfields(stmt->result) &&
           !libpq()->PQgetisnull(stmt->result, stmt->row, index);
}

// Integers are in network order (PostgreSQL documentation, "Formats and Format Codes").
int64_t postgres_column_i64(struct db_stmt *base, int index)
{
    const struct postgres_stmt *stmt = of_stmt(base);
    if (!has_value(stmt, index)) {
        return 0;
    }
    Oid type = libpq()->PQftype(stmt->result, index);
    const char *bytes = libpq()->PQgetvalue(stmt->result, stmt->row, index);
    int length = libpq()->PQgetlength(stmt->result, stmt->row, index);
    if (type != OID_INT8 && type != OID_INT4 && type != OID_INT2 && type != OID_BOOL) {
        return 0;
    }
    uint64_t value = type != OID_BOOL && (bytes[0] & 0x80) != 0 ? UINT64_MAX : 0;
    for (int i = 0; i < length; i++) {
        value = value << 8 | (unsigned char)bytes[i];
    }
    return (int64_t)value;
}

struct str postgres_column_bytes(struct db_stmt *base, int index)
{
    const struct postgres_stmt *stmt = of_stmt(base);
    return has_value(stmt, index)
               ? str_make(libpq()->PQgetvalue(stmt->result, stmt->row, index),
                          (size_t)libpq()->PQgetlength(stmt->result, stmt->row, index))
               : (struct str){ 0 };
}

bool postgres_column_is_null(struct db_stmt *base, int index)
{
    return !has_value(of_stmt(base), index);
}
