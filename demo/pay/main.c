// SPDX-License-Identifier: Apache-2.0
// pay, the recharge service (the initiator): does the recharge in a local transaction, tells the MQ
// by a message that is bound to it, and answers for ever what became of it.
//   pay --db FILE --port PORT [--name-server HOST:PORT] [--topic TOPIC] [--crash POINT]
//   POST /pay/recharges          {"accountNo":"1","amount":"100.00","hold":false}, header
//   Idempotency-Key POST /pay/recharges/complete {"txNo":"…"}: ends one that was held in PROCESSING
//   GET  /pay/payresult/{txNo}   404 = never heard of; else status PROCESSING, SUCCESS or FAIL
//   GET  /paydo?accountNo=&payAmount=   the article's endpoint, for hands only: a GET that pays is
//   repeated by
//                                       browsers and proxies, so it takes its idempotency key from
//                                       the query too
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../common/web.h"
#include "crash.h"
#include "notice.h"

enum { LIMIT_MINOR = 1000000 }; // the channel declines above 10,000.00

struct pay {
    struct store *store;
    struct notices *notices;
};

// ---- endpoints ----
static int answer_recharge(const struct recharge *recharge, int status, const char *notice,
                           json_t **ret)
{
    *ret = recharge_json(recharge);
    if (notice != NULL) {
        json_object_set_new(*ret, "notice", json_string(notice));
    }
    return status;
}

static int answer_no_database(json_t **ret)
{
    *ret = web_error("the database does not answer");
    return 503;
}

// The change and its notice; what is still PROCESSING has none.
static enum store_result perform(struct pay *pay, const struct recharge *recharge, const char *key,
                                 const char **ret_notice)
{
    struct notice notice = { 0 };
    int ends = strcmp(recharge->status, "PROCESSING") != 0;
    if (ends && !notice_begin(pay->notices, recharge, &notice)) {
        return STORE_FAILED;
    }
    enum store_result result = key != NULL
                                   ? store_insert(pay->store, recharge, key, &notice.binding)
                                   : store_complete(pay->store, recharge, &notice.binding);
    *ret_notice = ends ? notice_end(pay->notices, &notice, result) : NULL;
    return result;
}

static int answer_former(const struct recharge *former, const struct recharge *recharge,
                         json_t **ret)
{
    if (former->amount != recharge->amount ||
        strcmp(former->account_no, recharge->account_no) != 0) {
        *ret = web_error("this Idempotency-Key was used for another recharge");
        return 409;
    }
    return answer_recharge(former, 200, NULL, ret);
}

static int start_recharge(struct pay *pay, const char *account_no, const char *amount,
                          const char *key, int hold, json_t **ret)
{
    struct recharge recharge = { .updated_ms = now_ms() };
    struct recharge former;
    const char *notice = NULL;
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
    store_make_tx_no(recharge.tx_no);

    int found = store_find(pay->store, STORE_BY_IDEMPOTENCY_KEY, key, &former);
    if (found == 0) {
        enum store_result result = perform(pay, &recharge, key, &notice);
        if (result == STORE_DONE) {
            return answer_recharge(&recharge, 201, notice, ret);
        }
        // Another request with the same key came between; or the end of the transaction is not
        // known.
        found = store_find(pay->store, STORE_BY_IDEMPOTENCY_KEY, key, &former);
    }
    return found == 1 ? answer_former(&former, &recharge, ret) : answer_no_database(ret);
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
    const char *notice = NULL;
    int found = tx_no != NULL ? store_find(pay->store, STORE_BY_TX_NO, tx_no, &recharge) : 0;
    enum store_result result = STORE_KNOWN;
    if (found == 1 && strcmp(recharge.status, "PROCESSING") == 0) {
        snprintf(recharge.status, sizeof recharge.status, "%s",
                 recharge.amount > LIMIT_MINOR ? "FAIL" : "SUCCESS");
        recharge.updated_ms = now_ms();
        result = perform(pay, &recharge, NULL, &notice);
    }
    json_decref(body);
    if (result != STORE_FAILED && found == 0) {
        *ret = web_error("no such recharge");
        return 404;
    }
    if (found < 0 || result == STORE_FAILED) {
        return answer_no_database(ret);
    }
    return answer_recharge(&recharge, result == STORE_DONE ? 201 : 200, notice, ret);
}

static int get_result(struct pay *pay, const char *tx_no, json_t **ret)
{
    struct recharge recharge;
    int found = store_find(pay->store, STORE_BY_TX_NO, tx_no, &recharge);
    if (found == 0) {
        *ret = json_pack("{s:s,s:s}", "txNo", tx_no, "status", "NOT_FOUND");
        return 404;
    }
    return found == 1 ? answer_recharge(&recharge, 200, NULL, ret) : answer_no_database(ret);
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
        store_make_tx_no(key);
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
    const char *crash;
};

static int is_crash_point(const char *point)
{
    char word[32];
    snprintf(word, sizeof word, " %s ", point);
    return strstr(" " CRASH_POINTS " ", word) != NULL;
}

static int read_options(int argc, char **argv, struct options *ret)
{
    for (int i = 1; i + 1 < argc; i += 2) {
        const char *value = argv[i + 1];
        if (strcmp(argv[i], "--db") == 0) {
            ret->db = value;
        } else if (strcmp(argv[i], "--port") == 0) {
            ret->port = (int)(money_parse(value) / 100);
        } else if (strcmp(argv[i], "--name-server") == 0) {
            ret->name_server = value;
        } else if (strcmp(argv[i], "--topic") == 0) {
            ret->topic = value;
        } else if (strcmp(argv[i], "--crash") == 0 && is_crash_point(value)) {
            ret->crash = value;
        } else {
            return 0;
        }
    }
    return argc % 2 == 1 && ret->db != NULL && ret->port > 0;
}

int main(int argc, char **argv)
{
    struct options options = { .name_server = "127.0.0.1:9876", .topic = "topic_notifymsg" };
    struct pay pay = { 0 };
    struct web_server *server = NULL;
    if (!read_options(argc, argv, &options)) {
        fprintf(stderr, "usage: pay --db FILE --port PORT [--name-server HOST:PORT] "
                        "[--topic TOPIC] [--crash POINT]\n"
                        "POINT: one of " CRASH_POINTS "\n");
        return 2;
    }
    web_block_signals();
    pay.store = store_open(options.db, options.crash);
    if (pay.store != NULL) {
        pay.notices = notices_start(options.name_server, options.topic, pay.store, options.crash);
    }
    if (pay.notices != NULL && (server = web_start(options.port, handle, &pay)) != NULL) {
        printf("ready pay=127.0.0.1:%d\n", options.port);
        fflush(stdout);
        web_wait_signal();
        web_stop(server);
    }
    notices_stop(pay.notices);
    store_close(pay.store);
    return server != NULL ? 0 : 1;
}
