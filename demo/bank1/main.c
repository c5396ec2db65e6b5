// SPDX-License-Identifier: Apache-2.0
// bank1, the account service (the receiver): hears recharges from the MQ, credits each once, and
// asks pay when it has heard nothing.
//   bank1 --db FILE --port PORT --pay URL [--name-server HOST:PORT] [--topic TOPIC] [--pause MS]
//   POST /bank1/reconcile/{txNo}  asks pay and applies its answer: 200 applied (or before), 202 not
//   decided yet,
//                                 404 pay never heard of it, 503 pay could not be asked (nothing is
//                                 changed)
//   GET  /bank1/accounts/{no}
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tidings/tidings.h>

#include "../common/web.h"
#include "apply.h"

struct bank1 {
    const char *db;
    int port;
    const char *pay;
    const char *name_server;
    const char *topic;
    int pause_ms;
};

// ---- push path ----
static tidings_answer on_message(void *arg, const tidings_message *message,
                                 tidings_delivery *delivery)
{
    const struct bank1 *bank1 = arg;
    char text[200] = "not JSON";
    size_t len;
    (void)delivery;
    const void *body = tidings_message_body(message, &len);
    json_t *notice = json_loadb(body, len, 0, NULL);
    sqlite3 *db = apply_open(bank1->db);
    enum apply_result result = APPLY_RETRY;
    if (notice == NULL) {
        result = APPLY_REFUSED;
    } else if (db != NULL) {
        result = apply_notice(db, notice, bank1->pause_ms, text);
    }
    sqlite3_close(db);
    json_decref(notice);
    printf("bank1: delivery %d: %s (%s)\n", tidings_message_reconsume_times(message) + 1, text,
           apply_result_name(result));
    fflush(stdout);
    if (result == APPLY_REFUSED) {
        return TIDINGS_DEAD;
    }
    return result == APPLY_RETRY || result == APPLY_PENDING ? TIDINGS_LATER : TIDINGS_ACK;
}

// ---- query path ----
static int apply_answer(const struct bank1 *bank1, const json_t *notice, json_t **ret)
{
    char text[200] = "the database does not answer";
    sqlite3 *db = apply_open(bank1->db);
    enum apply_result result =
        db != NULL ? apply_notice(db, notice, bank1->pause_ms, text) : APPLY_RETRY;
    sqlite3_close(db);
    *ret = json_pack("{s:s,s:s}", "result", apply_result_name(result), "text", text);
    printf("bank1: asked: %s (%s)\n", text, apply_result_name(result));
    fflush(stdout);
    return result == APPLY_PENDING   ? 202
           : result == APPLY_RETRY   ? 503
           : result == APPLY_REFUSED ? 422
                                     : 200;
}

// "Could not ask" is never "it failed": only an answer about this very recharge changes anything.
static int reconcile(const struct bank1 *bank1, const char *tx_no, json_t **ret)
{
    char url[512];
    json_t *notice = NULL;
    for (const char *c = tx_no; *c != '\0'; c++) {
        if (strchr("0123456789abcdefABCDEF-_", *c) == NULL || c - tx_no >= 64) {
            *ret = web_error("txNo must be 1 to 64 of 0-9 a-f - _");
            return 400;
        }
    }
    snprintf(url, sizeof url, "%s/pay/payresult/%s", bank1->pay, tx_no);
    int status = web_get(url, &notice);
    const char *echoed = json_string_value(json_object_get(notice, "txNo"));
    int code = 503;
    if (status == 200 && echoed != NULL && strcmp(echoed, tx_no) == 0) {
        code = apply_answer(bank1, notice, ret);
    } else if (status == 404 && echoed != NULL && strcmp(echoed, tx_no) == 0) {
        *ret = json_pack("{s:s,s:s}", "result", "NOT_FOUND", "text", "pay has never heard of it");
        code = 404;
    } else {
        *ret = json_pack("{s:s,s:s}", "result", "UNKNOWN", "text",
                         "pay could not be asked: nothing was changed");
    }
    json_decref(notice);
    return code;
}

static int get_account(const struct bank1 *bank1, const char *account_no, json_t **ret)
{
    sqlite3_stmt *stmt = NULL;
    sqlite3 *db = apply_open(bank1->db);
    int code = 503;
    if (db != NULL &&
        sqlite3_prepare_v2(
            db, "SELECT account_name, account_balance FROM account_info WHERE account_no = ?", -1,
            &stmt, NULL) == SQLITE_OK) {
        sqlite3_bind_text(stmt, 1, account_no, -1, SQLITE_STATIC);
        int step = sqlite3_step(stmt);
        code = step == SQLITE_ROW ? 200 : step == SQLITE_DONE ? 404 : 503;
    }
    if (code == 200) {
        char balance[32];
        int64_t minor = sqlite3_column_int64(stmt, 1);
        money_format(minor, balance, sizeof balance);
        *ret = json_pack("{s:s,s:s,s:s,s:I}", "accountNo", account_no, "name",
                         (const char *)sqlite3_column_text(stmt, 0), "balance", balance,
                         "balanceMinor", (json_int_t)minor);
    } else {
        *ret = web_error(code == 404 ? "no such account" : "the database does not answer");
    }
    sqlite3_finalize(stmt);
    sqlite3_close(db);
    return code;
}

static int handle(void *arg, const struct web_request *request, json_t **ret)
{
    const struct bank1 *bank1 = arg;
    const char *tx_no = web_tail(request, "/bank1/reconcile/");
    const char *account_no = web_tail(request, "/bank1/accounts/");
    if (tx_no != NULL && strcmp(request->method, "POST") == 0) {
        return reconcile(bank1, tx_no, ret);
    }
    if (account_no != NULL && strcmp(request->method, "GET") == 0) {
        return get_account(bank1, account_no, ret);
    }
    *ret = web_error("there are POST /bank1/reconcile/{txNo} and GET /bank1/accounts/{no}");
    return 404;
}

// ---- start ----
static int read_options(int argc, char **argv, struct bank1 *ret)
{
    for (int i = 1; i + 1 < argc; i += 2) {
        const char *value = argv[i + 1];
        if (strcmp(argv[i], "--db") == 0) {
            ret->db = value;
        } else if (strcmp(argv[i], "--port") == 0) {
            ret->port = (int)(money_parse(value) / 100);
        } else if (strcmp(argv[i], "--pay") == 0) {
            ret->pay = value;
        } else if (strcmp(argv[i], "--name-server") == 0) {
            ret->name_server = value;
        } else if (strcmp(argv[i], "--topic") == 0) {
            ret->topic = value;
        } else if (strcmp(argv[i], "--pause") == 0) {
            ret->pause_ms = (int)(money_parse(value) / 100);
        } else {
            return 0;
        }
    }
    return argc % 2 == 1 && ret->db != NULL && ret->port > 0 && ret->pay != NULL;
}

static void on_event(void *arg, int is_error, const char *text)
{
    (void)arg;
    if (is_error) {
        fprintf(stderr, "bank1: %s\n", text);
    }
}

static tidings_consumer *start_consumer(struct bank1 *bank1)
{
    struct tidings_error err = { 0 };
    tidings_consumer *consumer = NULL;
    tidings_config *config = tidings_config_new();
    int good =
        config != NULL &&
        tidings_config_set(config, "group", "consumer_group_notifymsg_bank1", &err) == TIDINGS_OK &&
        tidings_config_set(config, "name_servers", bank1->name_server, &err) == TIDINGS_OK &&
        tidings_config_set(config, "from", "first", &err) == TIDINGS_OK &&
        tidings_consumer_new(config, &consumer, &err) == TIDINGS_OK;
    if (good) {
        tidings_consumer_on_message(consumer, on_message, bank1);
        tidings_consumer_on_event(consumer, on_event, bank1);
        good = tidings_consumer_subscribe(consumer, bank1->topic, "recharge", &err) == TIDINGS_OK &&
               tidings_consumer_start(consumer, &err) == TIDINGS_OK;
    }
    tidings_config_free(config);
    if (!good) {
        fprintf(stderr, "bank1: %s\n", err.text);
        tidings_consumer_free(consumer);
        return NULL;
    }
    return consumer;
}

int main(int argc, char **argv)
{
    struct bank1 bank1 = { .name_server = "127.0.0.1:9876", .topic = "topic_notifymsg" };
    if (!read_options(argc, argv, &bank1)) {
        fprintf(stderr, "usage: bank1 --db FILE --port PORT --pay URL [--name-server HOST:PORT] "
                        "[--topic TOPIC] [--pause MS]\n");
        return 2;
    }
    web_block_signals();
    sqlite3 *db = apply_open(bank1.db); // makes the tables, or says why not
    if (db == NULL) {
        return 1;
    }
    sqlite3_close(db);
    tidings_consumer *consumer = start_consumer(&bank1);
    struct web_server *server = consumer != NULL ? web_start(bank1.port, handle, &bank1) : NULL;
    if (server != NULL) {
        printf("ready bank1=127.0.0.1:%d\n", bank1.port);
        fflush(stdout);
        web_wait_signal();
        web_stop(server);
    }
    if (consumer != NULL) {
        tidings_consumer_stop(consumer, 5000);
    }
    tidings_consumer_free(consumer);
    return server != NULL ? 0 : 1;
}
