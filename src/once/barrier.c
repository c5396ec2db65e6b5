// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/num.h"
#include "base/str.h"
#include "once/once.h"

enum { STATEMENT_MAX = 1024, HOUR_MS = 3600 * 1000, PURGE_MOST = 100000 };

#define COMMITTED   "commit"
#define ROLLED_BACK "rollback"

// The key is compared byte by byte, whatever the collation of the database.
static const struct dialect {
    const char *table;
    const char *insert;    // group, id, decision, time
    const char *decision;  // group, id: what is committed now, not what a snapshot shows
    const char *purge;     // time; the greatest number of rows goes between this …
    const char *purge_end; // … and this
} dialects[] = {
    [TIDINGS_SQL_SQLITE] = {
        "CREATE TABLE IF NOT EXISTS tidings_barrier ("
        "group_name TEXT NOT NULL, tx_id TEXT NOT NULL, "
        "decision TEXT NOT NULL CHECK (decision IN ('commit', 'rollback')), "
        "created_ms INTEGER NOT NULL, PRIMARY KEY (group_name, tx_id));\n"
        "CREATE INDEX IF NOT EXISTS tidings_barrier_created ON tidings_barrier (created_ms)",
        "INSERT INTO tidings_barrier (group_name, tx_id, decision, created_ms) VALUES (?, ?, ?, ?)",
        "SELECT decision FROM tidings_barrier WHERE group_name = ? AND tx_id = ?",
        "DELETE FROM tidings_barrier WHERE rowid IN "
        "(SELECT rowid FROM tidings_barrier WHERE created_ms < ? LIMIT ",
        ")",
    },
    [TIDINGS_SQL_MYSQL] = {
        "CREATE TABLE IF NOT EXISTS tidings_barrier ("
        "group_name VARBINARY(255) NOT NULL, tx_id VARBINARY(255) NOT NULL, "
        "decision VARCHAR(8) NOT NULL, created_ms BIGINT NOT NULL, "
        "PRIMARY KEY (group_name, tx_id), KEY tidings_barrier_created (created_ms)) ENGINE=InnoDB",
        "INSERT INTO tidings_barrier (group_name, tx_id, decision, created_ms) VALUES (?, ?, ?, ?)",
        "SELECT decision FROM tidings_barrier WHERE group_name = ? AND tx_id = ? "
        "LOCK IN SHARE MODE",
        "DELETE FROM tidings_barrier WHERE created_ms < ? ORDER BY created_ms LIMIT ",
        "",
    },
    [TIDINGS_SQL_POSTGRES] = {
        "CREATE TABLE IF NOT EXISTS tidings_barrier ("
        "group_name TEXT COLLATE \"C\" NOT NULL, tx_id TEXT COLLATE \"C\" NOT NULL, "
        "decision TEXT NOT NULL CHECK (decision IN ('commit', 'rollback')), "
        "created_ms BIGINT NOT NULL, PRIMARY KEY (group_name, tx_id));\n"
        "CREATE INDEX IF NOT EXISTS tidings_barrier_created ON tidings_barrier (created_ms)",
        // A failed statement would end the transaction, so a duplicate is no failure here.
        "INSERT INTO tidings_barrier (group_name, tx_id, decision, created_ms) "
        "VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
        "SELECT decision FROM tidings_barrier WHERE group_name = $1 AND tx_id = $2",
        "DELETE FROM tidings_barrier WHERE ctid IN "
        "(SELECT ctid FROM tidings_barrier WHERE created_ms < $1 LIMIT ",
        ")",
    },
};

static const struct dialect *dialect_of(tidings_sql_dialect dialect)
{
    return (unsigned)dialect < BASE_COUNT(dialects) ? &dialects[dialect] : NULL;
}

const char *tidings_barrier_table(tidings_sql_dialect dialect)
{
    const struct dialect *found = dialect_of(dialect);
    return found != NULL ? found->table : "";
}

static tidings_status check_sql(const struct tidings_sql *sql, struct tidings_error *err)
{
    if (sql == NULL || sql->run == NULL || sql->get == NULL || sql->in_transaction == NULL ||
        dialect_of(sql->dialect) == NULL) {
        return error_set(err, TIDINGS_E_INVALID,
                         "struct tidings_sql needs run, get, in_transaction and a known dialect");
    }
    return TIDINGS_OK;
}

static tidings_status check_text(const char *text, size_t most, const char *what,
                                 struct tidings_error *err)
{
    size_t len = text != NULL ? strlen(text) : 0;
    if (len == 0 || len > most) {
        return error_set(err, TIDINGS_E_INVALID, "%s has %zu bytes: it needs 1 to %zu", what, len,
                         most);
    }
    return TIDINGS_OK;
}

static tidings_status check_arguments(const struct tidings_sql *sql, const char *group,
                                      const char *id, bool in_transaction,
                                      struct tidings_error *err)
{
    tidings_status status = check_sql(sql, err);
    if (status == TIDINGS_OK) {
        status = check_text(group, TIDINGS_BARRIER_GROUP_MAX, "the group", err);
    }
    if (status == TIDINGS_OK) {
        status = check_text(id, TIDINGS_BARRIER_ID_MAX, "the transaction id", err);
    }
    if (status == TIDINGS_OK && (sql->in_transaction(sql->connection) != 0) != in_transaction) {
        status = error_set(err, TIDINGS_E_INVALID,
                           in_transaction
                               ? "no transaction is open: begin the local transaction first, the "
                                 "barrier is its first statement"
                               : "a transaction is open, or every statement opens one: a check "
                                 "needs a connection of its own, in autocommit mode");
    }
    return status;
}

tidings_status tidings_sql_fail(struct tidings_error *err, tidings_status status, const char *text)
{
    return error_set(err, status, "%s",
                     text != NULL && text[0] != '\0' ? text : tidings_status_text(status));
}

// ---- the table ----
tidings_status tidings_barrier_create(const struct tidings_sql *sql, struct tidings_error *err)
{
    char statement[STATEMENT_MAX];
    tidings_status status = check_sql(sql, err);
    struct str rest = status == TIDINGS_OK ? str_of(tidings_barrier_table(sql->dialect))
                                           : (struct str){ NULL, 0 };
    struct str piece;
    while (status == TIDINGS_OK && str_split(&rest, ';', &piece)) {
        int64_t changed = 0;
        if (!str_copy(statement, sizeof statement, str_trim(piece))) {
            return error_set(err, TIDINGS_E_INTERNAL, "a statement does not fit");
        }
        status = sql->run(sql->connection, statement, NULL, 0, &changed, err);
        if (status == TIDINGS_E_DUPLICATE) { // somebody else made it at this moment
            status = TIDINGS_OK;
        }
    }
    return status;
}

tidings_status tidings_barrier_purge(const struct tidings_sql *sql, int64_t older_than_ms, int most,
                                     int64_t *ret_deleted, struct tidings_error *err)
{
    char statement[STATEMENT_MAX];
    char before[24];
    const char *const params[] = { before };
    *ret_deleted = 0;
    tidings_status status = check_sql(sql, err);
    if (status != TIDINGS_OK) {
        return status;
    }
    if (older_than_ms < HOUR_MS || most < 1 || most > PURGE_MOST) {
        return error_set(err, TIDINGS_E_INVALID,
                         "a purge takes rows older than an hour or more, 1 to %d of them",
                         PURGE_MOST);
    }
    before[num_format_i64(before, clock_wall_ms(clock_system()) - older_than_ms)] = '\0';
    const struct dialect *dialect = &dialects[sql->dialect];
    (void)snprintf(statement, sizeof statement, "%s%d%s", dialect->purge, most, dialect->purge_end);
    return sql->run(sql->connection, statement, params, 1, ret_deleted, err);
}

// ---- the row ----
// OK: the row is ours. E_DUPLICATE: there was one; *ret_committed says which.
static tidings_status put_row(const struct tidings_sql *sql, const char *group, const char *id,
                              const char *decision, bool *ret_committed, struct tidings_error *err)
{
    const struct dialect *dialect = &dialects[sql->dialect];
    char now[24];
    char found[sizeof ROLLED_BACK] = "";
    const char *const params[] = { group, id, decision, now };
    int64_t changed = 0;
    now[num_format_i64(now, clock_wall_ms(clock_system()))] = '\0';
    tidings_status status = sql->run(sql->connection, dialect->insert, params, 4, &changed, err);
    if (status == TIDINGS_OK && changed == 1) {
        return TIDINGS_OK;
    }
    if (status != TIDINGS_OK && status != TIDINGS_E_DUPLICATE) {
        return status;
    }
    status = sql->get(sql->connection, dialect->decision, params, 2, found, sizeof found, err);
    if (status == TIDINGS_E_NOT_FOUND) { // rolled back or purged in this moment
        return error_set(err, TIDINGS_E_AGAIN, "the barrier's row of %s came and went", id);
    }
    if (status != TIDINGS_OK) {
        return status;
    }
    *ret_committed = strcmp(found, COMMITTED) == 0;
    if (!*ret_committed && strcmp(found, ROLLED_BACK) != 0) {
        return error_set(err, TIDINGS_E_CORRUPT, "the barrier's row of %s says \"%s\"", id, found);
    }
    return TIDINGS_E_DUPLICATE;
}

tidings_status tidings_barrier_enter(const struct tidings_sql *sql, const char *group,
                                     const char *transaction_id, struct tidings_error *err)
{
    bool committed = false;
    tidings_status status = check_arguments(sql, group, transaction_id, true, err);
    if (status == TIDINGS_OK) {
        status = put_row(sql, group, transaction_id, COMMITTED, &committed, err);
    }
    if (status == TIDINGS_E_DUPLICATE) {
        status = committed ? error_set(err, TIDINGS_E_DUPLICATE,
                                       "transaction %s was committed before", transaction_id)
                           : error_set(err, TIDINGS_E_STATE,
                                       "a check came first: transaction %s counts as rolled back",
                                       transaction_id);
    }
    return status;
}

tidings_status tidings_barrier_check(const struct tidings_sql *sql, const char *group,
                                     const char *transaction_id, tidings_decision *ret,
                                     struct tidings_error *err)
{
    bool committed = false;
    *ret = TIDINGS_LEAVE;
    tidings_status status = check_arguments(sql, group, transaction_id, false, err);
    if (status == TIDINGS_OK) {
        status = put_row(sql, group, transaction_id, ROLLED_BACK, &committed, err);
    }
    if (status == TIDINGS_OK || status == TIDINGS_E_DUPLICATE) {
        *ret = committed ? TIDINGS_COMMIT : TIDINGS_ROLLBACK;
        status = TIDINGS_OK;
    }
    return status;
}
