// SPDX-License-Identifier: Apache-2.0
#include "notice.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../common/web.h"
#include "crash.h"

static const char group[] = "producer_pay";

struct notices {
    tidings_producer *producer;
    const char *topic;
    struct store *store;
    const char *crash;
};

json_t *recharge_json(const struct recharge *recharge)
{
    char amount[32];
    money_format(recharge->amount, amount, sizeof amount);
    return json_pack("{s:s,s:s,s:s,s:I,s:s,s:s,s:I}", "txNo", recharge->tx_no, "accountNo",
                     recharge->account_no, "amount", amount, "amountMinor",
                     (json_int_t)recharge->amount, "currency", "CNY", "status", recharge->status,
                     "occurredMs", (json_int_t)recharge->updated_ms);
}

// The MQ asks how a transaction ended: the barrier knows.
static tidings_decision check(void *arg, const char *transaction_id, const tidings_message *message)
{
    const struct notices *notices = arg;
    const struct binding binding = { group, transaction_id };
    tidings_decision decision = store_check(notices->store, &binding);
    fprintf(stderr, "pay: the MQ asks about %s: %s\n", tidings_message_keys(message),
            decision == TIDINGS_COMMIT     ? "done, deliver it"
            : decision == TIDINGS_ROLLBACK ? "it never was, discard it"
                                           : "not known yet");
    return decision;
}

struct notices *notices_start(const char *name_server, const char *topic, struct store *store,
                              const char *crash)
{
    struct notices *notices = calloc(1, sizeof *notices);
    struct tidings_error err = { 0 };
    tidings_config *config = tidings_config_new();
    int good = notices != NULL && config != NULL;
    if (good) {
        *notices = (struct notices){ .topic = topic, .store = store, .crash = crash };
        good =
            tidings_config_set(config, "group", group, &err) == TIDINGS_OK &&
            tidings_config_set(config, "name_servers", name_server, &err) == TIDINGS_OK &&
            tidings_config_set(config, "check_topics", topic, &err) == TIDINGS_OK &&
            tidings_producer_new(config, &notices->producer, &err) == TIDINGS_OK &&
            tidings_producer_set_checker(notices->producer, check, notices, &err) == TIDINGS_OK &&
            tidings_producer_start(notices->producer, &err) == TIDINGS_OK;
    }
    tidings_config_free(config);
    if (!good) {
        fprintf(stderr, "pay: %s\n", err.text);
        notices_stop(notices);
        return NULL;
    }
    return notices;
}

void notices_stop(struct notices *notices)
{
    if (notices != NULL) {
        tidings_producer_free(notices->producer);
        free(notices);
    }
}

static tidings_message *make_message(const struct notices *notices, const struct recharge *recharge)
{
    json_t *json = recharge_json(recharge);
    json_object_set_new(json, "type", json_string("recharge"));
    json_object_set_new(json, "source", json_string("pay"));
    json_object_set_new(json, "version", json_integer(1));
    char *body = json_dumps(json, JSON_COMPACT);
    tidings_message *message =
        body != NULL ? tidings_message_new(notices->topic, body, strlen(body)) : NULL;
    if (message != NULL && (tidings_message_set_tag(message, "recharge") != TIDINGS_OK ||
                            tidings_message_add_key(message, recharge->tx_no) != TIDINGS_OK)) {
        tidings_message_free(message);
        message = NULL;
    }
    free(body);
    json_decref(json);
    return message;
}

int notice_begin(struct notices *notices, const struct recharge *recharge, struct notice *ret)
{
    struct tidings_error err = { 0 };
    *ret = (struct notice){ .message = make_message(notices, recharge) };
    if (ret->message == NULL) {
        return 0;
    }
    crash_at(notices->crash, "before-half");
    if (tidings_producer_begin(notices->producer, ret->message, &ret->transaction, &err) !=
        TIDINGS_OK) {
        fprintf(stderr, "pay: recharge %s goes on without a notice: %s\n", recharge->tx_no,
                err.text);
    }
    // Also of a half that was not answered: should it be there, the check finds how it ended.
    const char *id = tidings_message_id(ret->message);
    ret->binding = (struct binding){ group, id[0] != '\0' ? id : NULL };
    crash_at(notices->crash, "after-half");
    return 1;
}

const char *notice_end(struct notices *notices, struct notice *notice, enum store_result result)
{
    struct tidings_error err = { 0 };
    const char *became = "not sent";
    if (notice->transaction != NULL) {
        tidings_status status = TIDINGS_OK;
        if (result == STORE_DONE) {
            became = "sent";
            status = tidings_transaction_commit(notice->transaction, &err);
        } else if (result == STORE_KNOWN) {
            became = "discarded";
            status = tidings_transaction_rollback(notice->transaction, &err);
        } else { // a commit that failed may have been one: the barrier knows
            became = "left to the check";
        }
        if (status != TIDINGS_OK) {
            fprintf(stderr, "pay: %s: left to the check\n", err.text);
            became = "left to the check";
        }
    }
    crash_at(notices->crash, "after-end");
    tidings_transaction_free(notice->transaction);
    tidings_message_free(notice->message);
    *notice = (struct notice){ 0 };
    return became;
}
