// SPDX-License-Identifier: Apache-2.0
#include "apply.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "../common/web.h"

enum { TEXT_SIZE = 200, BUSY_MS = 5000 };

static const char schema[] =
    "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
    "CREATE TABLE IF NOT EXISTS account_info ("
    " id INTEGER PRIMARY KEY, account_name TEXT NOT NULL, account_no TEXT NOT NULL UNIQUE,"
    " account_balance INTEGER NOT NULL CHECK (account_balance >= 0));" // minor units
    "CREATE TABLE IF NOT EXISTS de_duplication ("
    " source TEXT NOT NULL, event_type TEXT NOT NULL, tx_no TEXT NOT NULL,"
    " account_no TEXT NOT NULL, amount INTEGER NOT NULL, outcome TEXT NOT NULL, create_time "
    "INTEGER NOT NULL,"
    " PRIMARY KEY (source, event_type, tx_no));"
    "INSERT INTO account_info (id, account_name, account_no, account_balance)"
    " VALUES (2, 'account one', '1', 1000000), (3, 'account two', '2', 0) ON CONFLICT DO NOTHING;";

sqlite3 *apply_open(const char *path)
{
    sqlite3 *db = NULL;
    int code = sqlite3_open(path, &db);
    if (code == SQLITE_OK) {
        sqlite3_busy_timeout(db, BUSY_MS);
        code = sqlite3_exec(db, schema, NULL, NULL, NULL);
    }
    if (code != SQLITE_OK) {
        fprintf(stderr, "bank1: database %s: %s\n", path, sqlite3_errmsg(db));
        sqlite3_close(db);
        return NULL;
    }
    return db;
}

const char *apply_result_name(enum apply_result result)
{
    static const char *const names[] = { "CREDITED", "ALREADY_CREDITED", "RECHARGE_FAILED",
                                         "PENDING",  "REFUSED",          "TRY_AGAIN" };
    return names[result];
}

struct notice {
    const char *tx_no;
    const char *account_no;
    const char *status;
    int64_t amount;
};

// All that must be there and agree: the amount stands twice in a notice, as text and in minor
// units.
static int read_notice(const json_t *json, struct notice *ret)
{
    const char *currency = json_string_value(json_object_get(json, "currency"));
    const char *amount = json_string_value(json_object_get(json, "amount"));
    ret->tx_no = json_string_value(json_object_get(json, "txNo"));
    ret->account_no = json_string_value(json_object_get(json, "accountNo"));
    ret->status = json_string_value(json_object_get(json, "status"));
    ret->amount = json_integer_value(json_object_get(json, "amountMinor"));
    return ret->tx_no != NULL && ret->tx_no[0] != '\0' && strlen(ret->tx_no) <= 64 &&
           ret->account_no != NULL && ret->status != NULL && ret->amount > 0 && amount != NULL &&
           money_parse(amount) == ret->amount && currency != NULL && strcmp(currency, "CNY") == 0;
}

// 1 = the row is new, 0 = it was there, −1 = failed.
static int insert_dedup(sqlite3 *db, const struct notice *notice)
{
    sqlite3_stmt *stmt = NULL;
    int result = -1;
    if (sqlite3_prepare_v2(
            db,
            "INSERT INTO de_duplication (source, event_type, tx_no, account_no, amount, outcome, "
            "create_time) VALUES ('pay', 'recharge', ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            -1, &stmt, NULL) == SQLITE_OK) {
        sqlite3_bind_text(stmt, 1, notice->tx_no, -1, SQLITE_STATIC);
        sqlite3_bind_text(stmt, 2, notice->account_no, -1, SQLITE_STATIC);
        sqlite3_bind_int64(stmt, 3, notice->amount);
        sqlite3_bind_text(stmt, 4, notice->status, -1, SQLITE_STATIC);
        sqlite3_bind_int64(stmt, 5, now_ms());
        result = sqlite3_step(stmt) == SQLITE_DONE ? sqlite3_changes(db) : -1;
    }
    sqlite3_finalize(stmt);
    return result;
}

// Does the row that was there say the same?
static int same_as_before(sqlite3 *db, const struct notice *notice)
{
    sqlite3_stmt *stmt = NULL;
    int same = -1;
    if (sqlite3_prepare_v2(
            db,
            "SELECT account_no = ? AND amount = ? AND outcome = ? FROM de_duplication "
            "WHERE source = 'pay' AND event_type = 'recharge' AND tx_no = ?",
            -1, &stmt, NULL) == SQLITE_OK) {
        sqlite3_bind_text(stmt, 1, notice->account_no, -1, SQLITE_STATIC);
        sqlite3_bind_int64(stmt, 2, notice->amount);
        sqlite3_bind_text(stmt, 3, notice->status, -1, SQLITE_STATIC);
        sqlite3_bind_text(stmt, 4, notice->tx_no, -1, SQLITE_STATIC);
        same = sqlite3_step(stmt) == SQLITE_ROW ? sqlite3_column_int(stmt, 0) : -1;
    }
    sqlite3_finalize(stmt);
    return same;
}

// Rows changed, −1 when the statement failed.
static int credit(sqlite3 *db, const struct notice *notice)
{
    sqlite3_stmt *stmt = NULL;
    int changed = -1;
    if (sqlite3_prepare_v2(
            db,
            "UPDATE account_info SET account_balance = account_balance + ?1 WHERE account_no = ?2 "
            "AND account_balance <= 9223372036854775807 - ?1",
            -1, &stmt, NULL) == SQLITE_OK) {
        sqlite3_bind_int64(stmt, 1, notice->amount);
        sqlite3_bind_text(stmt, 2, notice->account_no, -1, SQLITE_STATIC);
        changed = sqlite3_step(stmt) == SQLITE_DONE ? sqlite3_changes(db) : -1;
    }
    sqlite3_finalize(stmt);
    return changed;
}

static void pause_here(int pause_ms)
{
    struct timespec time = { pause_ms / 1000, (long)(pause_ms % 1000) * 1000000 };
    if (pause_ms > 0) {
        nanosleep(&time, NULL);
    }
}

static enum apply_result apply_in_transaction(sqlite3 *db, const struct notice *notice,
                                              int pause_ms, char *text)
{
    int fresh = insert_dedup(db, notice);
    if (fresh < 0) {
        snprintf(text, TEXT_SIZE, "%s: database: %.100s", notice->tx_no, sqlite3_errmsg(db));
        return APPLY_RETRY;
    }
    if (fresh == 0) {
        int same = same_as_before(db, notice);
        snprintf(text, TEXT_SIZE, "%s: %s", notice->tx_no,
                 same == 1 ? "was applied before" : "differs from what was applied before");
        return same == 1 ? APPLY_DUPLICATE : same == 0 ? APPLY_REFUSED : APPLY_RETRY;
    }
    pause_here(pause_ms);
    if (strcmp(notice->status, "FAIL") == 0) {
        snprintf(text, TEXT_SIZE, "%s: the recharge failed, nothing is credited", notice->tx_no);
        return APPLY_FAILED;
    }
    int changed = credit(db, notice);
    if (changed != 1) {
        snprintf(text, TEXT_SIZE, "%s: account %.64s cannot be credited", notice->tx_no,
                 notice->account_no);
        return changed < 0 ? APPLY_RETRY : APPLY_REFUSED;
    }
    snprintf(text, TEXT_SIZE, "%s: account %.64s credited with %lld.%02d", notice->tx_no,
             notice->account_no, (long long)(notice->amount / 100), (int)(notice->amount % 100));
    return APPLY_DONE;
}

enum apply_result apply_notice(sqlite3 *db, const json_t *json, int pause_ms, char *text)
{
    struct notice notice;
    if (!read_notice(json, &notice)) {
        snprintf(text, TEXT_SIZE,
                 "notice without txNo, accountNo, amount, currency and status that agree");
        return APPLY_REFUSED;
    }
    if (strcmp(notice.status, "PROCESSING") == 0) {
        snprintf(text, TEXT_SIZE, "%s: still in progress", notice.tx_no);
        return APPLY_PENDING;
    }
    if (strcmp(notice.status, "SUCCESS") != 0 && strcmp(notice.status, "FAIL") != 0) {
        snprintf(text, TEXT_SIZE, "%s: unknown status %.20s", notice.tx_no, notice.status);
        return APPLY_REFUSED;
    }
    if (sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL) != SQLITE_OK) {
        snprintf(text, TEXT_SIZE, "%s: database: %.100s", notice.tx_no, sqlite3_errmsg(db));
        return APPLY_RETRY;
    }
    enum apply_result result = apply_in_transaction(db, &notice, pause_ms, text);
    int keep = result == APPLY_DONE || result == APPLY_FAILED;
    if (sqlite3_exec(db, keep ? "COMMIT" : "ROLLBACK", NULL, NULL, NULL) != SQLITE_OK && keep) {
        snprintf(text, TEXT_SIZE, "%s: database: %.100s", notice.tx_no, sqlite3_errmsg(db));
        sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
        return APPLY_RETRY;
    }
    return result;
}
