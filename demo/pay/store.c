// SPDX-License-Identifier: Apache-2.0
#include "store.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <tidings/barrier_sqlite.h>

#include "crash.h"

enum { BUSY_MS = 5000 };

struct store {
    const char *crash;
    pthread_mutex_t lock; // of db
    sqlite3 *db;
    pthread_mutex_t check_lock; // of check_db: a check waits for a local transaction, not for db
    sqlite3 *check_db;
};

static const char schema[] =
    "CREATE TABLE IF NOT EXISTS account_pay ("
    " id TEXT NOT NULL PRIMARY KEY,"
    " account_no TEXT NOT NULL CHECK (account_no <> ''),"
    " pay_amount INTEGER NOT NULL CHECK (pay_amount > 0)," // minor units
    " currency TEXT NOT NULL,"
    " status TEXT NOT NULL CHECK (status IN ('PROCESSING', 'SUCCESS', 'FAIL')),"
    " idempotency_key TEXT NOT NULL UNIQUE,"
    " created_ms INTEGER NOT NULL, updated_ms INTEGER NOT NULL)";

static sqlite3 *open_one(const char *path)
{
    sqlite3 *db = NULL;
    if (sqlite3_open(path, &db) != SQLITE_OK || sqlite3_busy_timeout(db, BUSY_MS) != SQLITE_OK ||
        sqlite3_exec(db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;", NULL, NULL, NULL) !=
            SQLITE_OK) {
        fprintf(stderr, "pay: database %s: %s\n", path, sqlite3_errmsg(db));
        sqlite3_close(db);
        return NULL;
    }
    return db;
}

struct store *store_open(const char *path, const char *crash)
{
    struct store *store = calloc(1, sizeof *store);
    struct tidings_error err = { 0 };
    if (store == NULL) {
        return NULL;
    }
    store->crash = crash;
    pthread_mutex_init(&store->lock, NULL);
    pthread_mutex_init(&store->check_lock, NULL);
    store->db = open_one(path);
    store->check_db = open_one(path);
    int good = store->db != NULL && store->check_db != NULL;
    if (good) {
        struct tidings_sql sql = tidings_sqlite(store->db);
        good = sqlite3_exec(store->db, schema, NULL, NULL, NULL) == SQLITE_OK &&
               tidings_barrier_create(&sql, &err) == TIDINGS_OK;
        if (!good) {
            fprintf(stderr, "pay: tables of %s: %s\n", path, sqlite3_errmsg(store->db));
        }
    }
    if (!good) {
        store_close(store);
        return NULL;
    }
    return store;
}

void store_close(struct store *store)
{
    if (store != NULL) {
        sqlite3_close(store->db);
        sqlite3_close(store->check_db);
        pthread_mutex_destroy(&store->lock);
        pthread_mutex_destroy(&store->check_lock);
        free(store);
    }
}

void store_make_tx_no(char *out)
{
    unsigned char bytes[TX_NO_LEN / 2];
    sqlite3_randomness(sizeof bytes, bytes);
    for (size_t i = 0; i < sizeof bytes; i++) {
        snprintf(out + 2 * i, 3, "%02x", bytes[i]);
    }
}

static void read_row(sqlite3_stmt *stmt, struct recharge *ret)
{
    snprintf(ret->tx_no, sizeof ret->tx_no, "%s", (const char *)sqlite3_column_text(stmt, 0));
    snprintf(ret->account_no, sizeof ret->account_no, "%s",
             (const char *)sqlite3_column_text(stmt, 1));
    ret->amount = sqlite3_column_int64(stmt, 2);
    snprintf(ret->status, sizeof ret->status, "%s", (const char *)sqlite3_column_text(stmt, 3));
    ret->updated_ms = sqlite3_column_int64(stmt, 4);
}

int store_find(struct store *store, enum store_key key, const char *value, struct recharge *ret)
{
    static const char *const sql[] = {
        [STORE_BY_TX_NO] = "SELECT id, account_no, pay_amount, status, updated_ms FROM account_pay "
                           "WHERE id = ?",
        [STORE_BY_IDEMPOTENCY_KEY] = "SELECT id, account_no, pay_amount, status, updated_ms FROM "
                                     "account_pay WHERE idempotency_key = ?",
    };
    sqlite3_stmt *stmt = NULL;
    int found = -1;
    pthread_mutex_lock(&store->lock);
    if (sqlite3_prepare_v2(store->db, sql[key], -1, &stmt, NULL) == SQLITE_OK &&
        sqlite3_bind_text(stmt, 1, value, -1, SQLITE_STATIC) == SQLITE_OK) {
        int code = sqlite3_step(stmt);
        found = code == SQLITE_ROW ? 1 : code == SQLITE_DONE ? 0 : -1;
        if (found == 1) {
            read_row(stmt, ret);
        }
    }
    sqlite3_finalize(stmt);
    pthread_mutex_unlock(&store->lock);
    return found;
}

// One changed row is DONE, none is KNOWN.
static enum store_result change(sqlite3 *db, const char *sql, const struct recharge *recharge,
                                const char *key)
{
    sqlite3_stmt *stmt = NULL;
    enum store_result result = STORE_FAILED;
    if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) == SQLITE_OK) {
        sqlite3_bind_text(stmt, 1, recharge->tx_no, -1, SQLITE_STATIC);
        sqlite3_bind_text(stmt, 2, recharge->status, -1, SQLITE_STATIC);
        sqlite3_bind_int64(stmt, 3, recharge->updated_ms);
        if (key != NULL) {
            sqlite3_bind_text(stmt, 4, recharge->account_no, -1, SQLITE_STATIC);
            sqlite3_bind_int64(stmt, 5, recharge->amount);
            sqlite3_bind_text(stmt, 6, key, -1, SQLITE_STATIC);
        }
        if (sqlite3_step(stmt) == SQLITE_DONE) {
            result = sqlite3_changes(db) == 1 ? STORE_DONE : STORE_KNOWN;
        }
    }
    sqlite3_finalize(stmt);
    return result;
}

// The local transaction: the barrier, the business row, the commit.
static enum store_result transact(struct store *store, const char *sql,
                                  const struct recharge *recharge, const char *key,
                                  const struct binding *binding)
{
    struct tidings_sql barrier = tidings_sqlite(store->db);
    struct tidings_error err = { 0 };
    enum store_result result = STORE_FAILED;
    pthread_mutex_lock(&store->lock);
    if (sqlite3_exec(store->db, "BEGIN IMMEDIATE", NULL, NULL, NULL) == SQLITE_OK) {
        if (binding->transaction_id == NULL ||
            tidings_barrier_enter(&barrier, binding->group, binding->transaction_id, &err) ==
                TIDINGS_OK) {
            crash_at(store->crash, "after-barrier");
            result = change(store->db, sql, recharge, key);
            crash_at(store->crash, "after-row");
        }
        if (result == STORE_DONE &&
            sqlite3_exec(store->db, "COMMIT", NULL, NULL, NULL) != SQLITE_OK) {
            result = STORE_FAILED;
        }
        if (result != STORE_DONE) {
            fprintf(stderr, "pay: recharge %s is rolled back: %s\n", recharge->tx_no,
                    result == STORE_KNOWN ? "done before"
                    : err.text[0] != '\0' ? err.text
                                          : sqlite3_errmsg(store->db));
            (void)sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
        }
    }
    pthread_mutex_unlock(&store->lock);
    if (result == STORE_DONE) {
        crash_at(store->crash, "after-commit");
    }
    return result;
}

enum store_result store_insert(struct store *store, const struct recharge *recharge,
                               const char *idempotency_key, const struct binding *binding)
{
    return transact(store,
                    "INSERT INTO account_pay (id, status, created_ms, updated_ms, account_no, "
                    "pay_amount, currency, idempotency_key) VALUES (?1, ?2, ?3, ?3, ?4, ?5, 'CNY', "
                    "?6) ON CONFLICT (idempotency_key) DO NOTHING",
                    recharge, idempotency_key, binding);
}

enum store_result store_complete(struct store *store, const struct recharge *recharge,
                                 const struct binding *binding)
{
    return transact(store,
                    "UPDATE account_pay SET status = ?2, updated_ms = ?3 WHERE id = ?1 AND "
                    "status = 'PROCESSING'",
                    recharge, NULL, binding);
}

tidings_decision store_check(struct store *store, const struct binding *binding)
{
    struct tidings_sql sql = tidings_sqlite(store->check_db);
    struct tidings_error err = { 0 };
    tidings_decision decision;
    pthread_mutex_lock(&store->check_lock);
    if (tidings_barrier_check(&sql, binding->group, binding->transaction_id, &decision, &err) !=
        TIDINGS_OK) {
        fprintf(stderr, "pay: transaction %s is left to the next check: %s\n",
                binding->transaction_id, err.text);
    }
    pthread_mutex_unlock(&store->check_lock);
    return decision;
}
