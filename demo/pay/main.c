// SPDX-License-Identifier: Apache-2.0
// pay, the recharge service (the initiator): does the recharge in a local transaction, then tells
// the MQ, and answers for ever what became of it.
//   pay --db FILE --port PORT [--name-server HOST:PORT] [--topic TOPIC]
//   POST /pay/recharges          {"accountNo":"1","amount":"100.00","hold":false}, header
//   Idempotency-Key POST /pay/recharges/complete {"txNo":"…"}: ends one that was held in PROCESSING
//   GET  /pay/payresult/{txNo}   404 = never heard of; else status PROCESSING, SUCCESS or FAIL
//   GET  /paydo?accountNo=&payAmount=   the article's endpoint, for hands only: a GET that pays is
//   repeated by
//                                       browsers and proxies, so it takes its idempotency key from
//                                       the query too
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tidings/tidings.h>

#include "../common/web.h"

enum { LIMIT_MINOR = 1000000, TX_NO_LEN = 32 }; // the channel declines above 10,000.00

struct pay {
    sqlite3 *db; // one connection, guarded by the lock
    pthread_mutex_t lock;
    tidings_producer *producer;
    const char *topic;
};

static const char schema[] =
    "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
    "CREATE TABLE IF NOT EXISTS account_pay ("
    " id TEXT NOT NULL PRIMARY KEY,"
    " account_no TEXT NOT NULL CHECK (account_no <> ''),"
    " pay_amount INTEGER NOT NULL CHECK (pay_amount > 0)," // minor units
    " currency TEXT NOT NULL,"
    " status TEXT NOT NULL CHECK (status IN ('PROCESSING', 'SUCCESS', 'FAIL')),"
    " idempotency_key TEXT NOT NULL UNIQUE,"
    " created_ms INTEGER NOT NULL, updated_ms INTEGER NOT NULL)";

struct recharge {
    char tx_no[TX_NO_LEN + 1];
    char account_no[65];
    int64_t amount;
    char status[16];
    int64_t updated_ms;
};

static json_t *recharge_json(const struct recharge *recharge)
{
    char amount[32];
    money_format(recharge->amount, amount, sizeof amount);
    return json_pack("{s:s,s:s,s:s,s:I,s:s,s:s,s:I}", "txNo", recharge->tx_no, "accountNo",
                     recharge->account_no, "amount", amount, "amountMinor",
                     (json_int_t)recharge->amount, "currency", "CNY", "status", recharge->status,
                     "occurredMs", (json_int_t)recharge->updated_ms);
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

// One row by tx_no or by idempotency key; 1 found, 0 not there, −1 failed.
static int find(struct pay *pay, const char *column, const char *value, struct recharge *ret)
{
    sqlite3_stmt *stmt = NULL;
    char sql[160];
    int found = -1;
    snprintf(sql, sizeof sql,
             "SELECT id, account_no, pay_amount, status, updated_ms FROM account_pay WHERE %s = ?",
             column);
    if (sqlite3_prepare_v2(pay->db, sql, -1, &stmt, NULL) == SQLITE_OK &&
        sqlite3_bind_text(stmt, 1, value, -1, SQLITE_STATIC) == SQLITE_OK) {
        int code = sqlite3_step(stmt);
        found = code == SQLITE_ROW ? 1 : code == SQLITE_DONE ? 0 : -1;
        if (found == 1) {
            read_row(stmt, ret);
        }
    }
    sqlite3_finalize(stmt);
    return found;
}

static int run(struct pay *pay, const char *sql, const struct recharge *recharge, const char *key)
{
    sqlite3_stmt *stmt = NULL;
    int changed = -1;
    if (sqlite3_prepare_v2(pay->db, sql, -1, &stmt, NULL) == SQLITE_OK) {
        sqlite3_bind_text(stmt, 1, recharge->tx_no, -1, SQLITE_STATIC);
        sqlite3_bind_text(stmt, 2, recharge->status, -1, SQLITE_STATIC);
        sqlite3_bind_int64(stmt, 3, recharge->updated_ms);
        if (key != NULL) {
            sqlite3_bind_text(stmt, 4, recharge->account_no, -1, SQLITE_STATIC);
            sqlite3_bind_int64(stmt, 5, recharge->amount);
            sqlite3_bind_text(stmt, 6, key, -1, SQLITE_STATIC);
        }
        changed = sqlite3_step(stmt) == SQLITE_DONE ? sqlite3_changes(pay->db) : -1;
    }
    sqlite3_finalize(stmt);
    return changed;
}

static int insert(struct pay *pay, const struct recharge *recharge, const char *key)
{
    return run(
        pay,
        "INSERT INTO account_pay (id, status, created_ms, updated_ms, account_no, pay_amount, "
        "currency, idempotency_key) VALUES (?1, ?2, ?3, ?3, ?4, ?5, 'CNY', ?6)",
        recharge, key);
}

// ---- telling the MQ: after the commit, an ordinary message. Its loss is allowed: the receiver can
// ask ----
static int notify(struct pay *pay, const struct recharge *recharge)
{
    struct tidings_error err = { 0 };
    json_t *json = recharge_json(recharge);
    json_object_set_new(json, "type", json_string("recharge"));
    json_object_set_new(json, "source", json_string("pay"));
    json_object_set_new(json, "version", json_integer(1));
    char *body = json_dumps(json, JSON_COMPACT);
    tidings_message *message =
        body != NULL ? tidings_message_new(pay->topic, body, strlen(body)) : NULL;
    tidings_status status = TIDINGS_E_NO_MEMORY;
    if (message != NULL && tidings_message_set_tag(message, "recharge") == TIDINGS_OK &&
        tidings_message_add_key(message, recharge->tx_no) == TIDINGS_OK) {
        status = tidings_producer_send(pay->producer, message, NULL, &err);
    }
    if (status != TIDINGS_OK) {
        fprintf(stderr, "pay: recharge %s is %s, but the MQ was not told: %s\n", recharge->tx_no,
                recharge->status, err.text[0] != '\0' ? err.text : tidings_status_text(status));
    }
    tidings_message_free(message);
    free(body);
    json_decref(json);
    return status == TIDINGS_OK;
}

static void make_tx_no(char *out)
{
    unsigned char bytes[TX_NO_LEN / 2];
    sqlite3_randomness(sizeof bytes, bytes);
    for (size_t i = 0; i < sizeof bytes; i++) {
        snprintf(out + 2 * i, 3, "%02x", bytes[i]);
    }
}

// ---- endpoints ----
static int answer_recharge(struct pay *pay, const struct recharge *recharge, int status,
                           json_t **ret)
{
    int notified =
        strcmp(recharge->status, "PROCESSING") != 0 && status == 201 && notify(pay, recharge);
    *ret = recharge_json(recharge);
    json_object_set_new(*ret, "notified", json_boolean(notified));
    return status;
}

static int start_recharge(struct pay *pay, const char *account_no, const char *amount,
                          const char *key, int hold, json_t **ret)
{
    struct recharge recharge = { .updated_ms = now_ms() };
    struct recharge former;
    recharge.amount = money_parse(amount != NULL ? amount : "");
    if (account_no == NULL || account_no[0] == '\0' ||
        strlen(account_no) >= sizeof recharge.account_no) {
        *ret = web_error("accountNo must be 1 to 64 characters");
        return 400;
    }
    if (recharge.amount <= 0) {
        *ret = web_error(
            "amount must be decimal text above 0 with at most two decimals, like \"100.00\"");
        return 400;
    }
    if (key == NULL || key[0] == '\0' || strlen(key) > 128) {
        *ret = web_error("header Idempotency-Key must be 1 to 128 characters: the same key is the "
                         "same recharge");
        return 400;
    }
    snprintf(recharge.account_no, sizeof recharge.account_no, "%s", account_no);
    snprintf(recharge.status, sizeof recharge.status, "%s",
             hold                            ? "PROCESSING"
             : recharge.amount > LIMIT_MINOR ? "FAIL"
                                             : "SUCCESS");
    make_tx_no(recharge.tx_no);

    pthread_mutex_lock(&pay->lock);
    int found = find(pay, "idempotency_key", key, &former);
    int inserted = found == 0 ? insert(pay, &recharge, key) : 0;
    pthread_mutex_unlock(&pay->lock);
    if (found < 0 || inserted < 0) {
        *ret = web_error("the database does not answer");
        return 503;
    }
    if (found == 1) {
        if (former.amount != recharge.amount ||
            strcmp(former.account_no, recharge.account_no) != 0) {
            *ret = web_error("this Idempotency-Key was used for another recharge");
            return 409;
        }
        return answer_recharge(pay, &former, 200, ret);
    }
    return answer_recharge(pay, &recharge, 201, ret);
}

static int post_recharge(struct pay *pay, const struct web_request *request, json_t **ret)
{
    json_error_t why;
    json_t *body = json_loadb(request->body, request->body_len, 0, &why);
    if (!json_is_object(body)) {
        json_decref(body);
        *ret = web_error(
            "the body must be a JSON object: {\"accountNo\":\"1\",\"amount\":\"100.00\"}");
        return 400;
    }
    int status = start_recharge(pay, json_string_value(json_object_get(body, "accountNo")),
                                json_string_value(json_object_get(body, "amount")),
                                web_header(request, "Idempotency-Key"),
                                json_is_true(json_object_get(body, "hold")), ret);
    json_decref(body);
    return status;
}

static int post_complete(struct pay *pay, const struct web_request *request, json_t **ret)
{
    struct recharge recharge;
    json_t *body = json_loadb(request->body, request->body_len, 0, NULL);
    const char *tx_no = json_string_value(json_object_get(body, "txNo"));
    pthread_mutex_lock(&pay->lock);
    int found = tx_no != NULL ? find(pay, "id", tx_no, &recharge) : 0;
    int changed = 0;
    if (found == 1 && strcmp(recharge.status, "PROCESSING") == 0) {
        snprintf(recharge.status, sizeof recharge.status, "%s",
                 recharge.amount > LIMIT_MINOR ? "FAIL" : "SUCCESS");
        recharge.updated_ms = now_ms();
        changed = run(pay,
                      "UPDATE account_pay SET status = ?2, updated_ms = ?3 WHERE id = ?1 AND "
                      "status = 'PROCESSING'",
                      &recharge, NULL);
    }
    pthread_mutex_unlock(&pay->lock);
    json_decref(body);
    if (found != 1) {
        *ret = web_error("no such recharge");
        return found == 0 ? 404 : 503;
    }
    return answer_recharge(pay, &recharge, changed == 1 ? 201 : 200, ret);
}

static int get_result(struct pay *pay, const char *tx_no, json_t **ret)
{
    struct recharge recharge;
    pthread_mutex_lock(&pay->lock);
    int found = find(pay, "id", tx_no, &recharge);
    pthread_mutex_unlock(&pay->lock);
    if (found == 1) {
        *ret = recharge_json(&recharge);
        return 200;
    }
    *ret = found == 0 ? json_pack("{s:s,s:s}", "txNo", tx_no, "status", "NOT_FOUND")
                      : web_error("the database does not answer");
    return found == 0 ? 404 : 503;
}

static int handle(void *arg, const struct web_request *request, json_t **ret)
{
    struct pay *pay = arg;
    int is_get = strcmp(request->method, "GET") == 0;
    int is_post = strcmp(request->method, "POST") == 0;
    const char *tx_no = web_tail(request, "/pay/payresult/");
    if (is_post && strcmp(request->path, "/pay/recharges") == 0) {
        return post_recharge(pay, request, ret);
    }
    if (is_post && strcmp(request->path, "/pay/recharges/complete") == 0) {
        return post_complete(pay, request, ret);
    }
    if (is_get && tx_no != NULL) {
        return get_result(pay, tx_no, ret);
    }
    if (is_get && strcmp(request->path, "/paydo") == 0) {
        char key[TX_NO_LEN + 1];
        const char *given = web_query(request, "idempotencyKey");
        make_tx_no(key);
        return start_recharge(pay, web_query(request, "accountNo"), web_query(request, "payAmount"),
                              given != NULL ? given : key, 0, ret);
    }
    *ret = web_error("there are POST /pay/recharges, GET /pay/payresult/{txNo}, GET /paydo");
    return 404;
}

// ---- start ----
struct options {
    const char *db;
    int port;
    const char *name_server;
    const char *topic;
};

static int read_options(int argc, char **argv, struct options *ret)
{
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--db") == 0) {
            ret->db = argv[i + 1];
        } else if (strcmp(argv[i], "--port") == 0) {
            ret->port = (int)(money_parse(argv[i + 1]) / 100);
        } else if (strcmp(argv[i], "--name-server") == 0) {
            ret->name_server = argv[i + 1];
        } else if (strcmp(argv[i], "--topic") == 0) {
            ret->topic = argv[i + 1];
        } else {
            return 0;
        }
    }
    return argc % 2 == 1 && ret->db != NULL && ret->port > 0;
}

static int start_producer(struct pay *pay, const struct options *options)
{
    struct tidings_error err = { 0 };
    tidings_config *config = tidings_config_new();
    int good =
        config != NULL && tidings_config_set(config, "group", "producer_pay", &err) == TIDINGS_OK &&
        tidings_config_set(config, "name_servers", options->name_server, &err) == TIDINGS_OK &&
        tidings_producer_new(config, &pay->producer, &err) == TIDINGS_OK &&
        tidings_producer_start(pay->producer, &err) == TIDINGS_OK;
    if (!good) {
        fprintf(stderr, "pay: %s\n", err.text);
    }
    tidings_config_free(config);
    return good;
}

int main(int argc, char **argv)
{
    struct options options = { .name_server = "127.0.0.1:9876", .topic = "topic_notifymsg" };
    struct pay pay = { .lock = PTHREAD_MUTEX_INITIALIZER };
    struct web_server *server = NULL;
    if (!read_options(argc, argv, &options)) {
        fprintf(stderr,
                "usage: pay --db FILE --port PORT [--name-server HOST:PORT] [--topic TOPIC]\n");
        return 2;
    }
    web_block_signals();
    pay.topic = options.topic;
    int good = sqlite3_open(options.db, &pay.db) == SQLITE_OK &&
               sqlite3_exec(pay.db, schema, NULL, NULL, NULL) == SQLITE_OK;
    if (!good) {
        fprintf(stderr, "pay: database %s: %s\n", options.db, sqlite3_errmsg(pay.db));
    }
    if (good && start_producer(&pay, &options) &&
        (server = web_start(options.port, handle, &pay)) != NULL) {
        printf("ready pay=127.0.0.1:%d\n", options.port);
        fflush(stdout);
        web_wait_signal();
        web_stop(server);
    }
    tidings_producer_free(pay.producer);
    sqlite3_close(pay.db);
    return server != NULL ? 0 : 1;
}
