// SPDX-License-Identifier: Apache-2.0
// The initiator's half of a transactional message: half message, then how the transaction ended.
#include <tidings/transaction.h>

#include <stdlib.h>

#include "client/check.h"

enum { END_TEXTS_MAX = 256 }; // the numbers of its header

struct tidings_transaction {
    struct tidings_producer *producer;
    tidings_send_result *half;
    char *topic;
    int64_t log_offset;
    bool ended;
};

tidings_status tidings_producer_set_checker(tidings_producer *producer, tidings_checker *checker,
                                            void *arg, struct tidings_error *err)
{
    if (checker == NULL) {
        return error_set(err, TIDINGS_E_INVALID, "a transactional producer needs a checker");
    }
    if (producer->started || producer->checks != NULL) {
        return error_set(err, TIDINGS_E_STATE,
                         "a checker is set once, before the producer is started");
    }
    return checks_new(producer, checker, arg, &producer->checks, err);
}

// Where the half is in the broker's log: the end of a transaction names it so.
static bool read_place(const tidings_send_result *half, int64_t *ret_log_offset)
{
    struct wire_host host;
    return wire_message_id_parse(str_of(tidings_send_result_offset_id(half)), &host,
                                 ret_log_offset);
}

static tidings_status make(tidings_producer *producer, tidings_send_result *half, const char *topic,
                           tidings_transaction **ret, struct tidings_error *err)
{
    int64_t log_offset = 0;
    if (half == NULL) { // it was sent all the same: a check will end it
        return error_set(err, TIDINGS_E_NO_MEMORY, "no memory for a transaction");
    }
    if (!read_place(half, &log_offset) || half->queue_offset < 0) {
        return error_set(err, TIDINGS_E_PROTOCOL,
                         "the broker did not say where the half message is: msgId \"%s\"",
                         tidings_send_result_offset_id(half));
    }
    struct tidings_transaction *transaction = calloc(1, sizeof *transaction);
    char *own_topic = str_dup(str_of(topic));
    if (transaction == NULL || own_topic == NULL) {
        free(own_topic);
        free(transaction);
        return error_set(err, TIDINGS_E_NO_MEMORY, "no memory for a transaction");
    }
    *transaction = (struct tidings_transaction){
        .producer = producer, .half = half, .topic = own_topic, .log_offset = log_offset
    };
    *ret = transaction;
    return TIDINGS_OK;
}

tidings_status tidings_producer_begin(tidings_producer *producer, tidings_message *message,
                                      tidings_transaction **ret, struct tidings_error *err)
{
    tidings_send_result *half = NULL;
    *ret = NULL;
    if (producer->checks == NULL) {
        return error_set(err, TIDINGS_E_STATE,
                         "no transaction without a checker: call tidings_producer_set_checker "
                         "before tidings_producer_start");
    }
    tidings_status status = producer_send_half(producer, message, &half, err);
    if (status == TIDINGS_OK) {
        status = make(producer, half, tidings_message_topic(message), ret, err);
    }
    if (status != TIDINGS_OK) {
        tidings_send_result_free(half);
    }
    return status;
}

const char *tidings_transaction_id(const tidings_transaction *transaction)
{
    return transaction->half->id;
}

const tidings_send_result *tidings_transaction_half(const tidings_transaction *transaction)
{
    return transaction->half;
}

// ---- the end ----
// A transaction ends once.
static tidings_status take_end(tidings_transaction *transaction, struct tidings_error *err)
{
    if (transaction->ended) {
        return error_set(err, TIDINGS_E_STATE, "transaction %s was ended before",
                         transaction->half->id);
    }
    transaction->ended = true;
    return TIDINGS_OK;
}

struct telling {
    struct runtime *runtime;
    struct str address;
    struct wire_header *header;
    bool told;
};

static void tell(void *arg)
{
    struct telling *telling = arg;
    struct link *link = runtime_link(telling->runtime, telling->address);
    telling->told = link != NULL;
    if (link != NULL) {
        runtime_tell(telling->runtime, link, telling->header, (struct str){ NULL, 0 });
    }
}

static tidings_status send_end(struct runtime *runtime, struct str address,
                               struct wire_header *header, bool waits, struct tidings_error *err)
{
    static const char what[] = "end of the transaction";
    if (waits) {
        struct answer answer;
        tidings_status status =
            runtime_demand(runtime, address, header, (struct str){ NULL, 0 }, what, &answer, err);
        if (status == TIDINGS_OK) {
            answer_deinit(&answer);
        }
        return status;
    }
    struct telling telling = { .runtime = runtime, .address = address, .header = header };
    tidings_status status = runtime_run(runtime, tell, &telling);
    status = status == TIDINGS_OK && !telling.told ? TIDINGS_E_NO_MEMORY : status;
    return status == TIDINGS_OK
               ? status
               : error_set(err, status, "%s: %s", what, tidings_status_text(status));
}

static tidings_status end(tidings_transaction *transaction, tidings_decision decision, bool waits,
                          struct tidings_error *err)
{
    struct runtime *runtime = &transaction->producer->runtime;
    const struct transaction_end how = { .decision = decision,
                                         .table_offset = transaction->half->queue_offset,
                                         .log_offset = transaction->log_offset,
                                         .message_id = str_of(transaction->half->id),
                                         .transaction_id = str_of(transaction->half->id),
                                         .topic = str_of(transaction->topic) };
    struct wire_header header;
    struct buf texts;
    tidings_status status = take_end(transaction, err);
    if (status == TIDINGS_OK && !runtime->running) {
        return error_set(err, TIDINGS_E_CLOSED, "the producer was stopped: left to the check");
    }
    if (status != TIDINGS_OK) {
        return status;
    }
    buf_init(&texts, END_TEXTS_MAX);
    status = transaction_end_fill(runtime, &how, &texts, &header);
    status = status == TIDINGS_OK
                 ? send_end(runtime, str_of(transaction->half->address), &header, waits, err)
                 : error_set(err, status, "no memory for the end of a transaction");
    buf_deinit(&texts);
    return status;
}

tidings_status tidings_transaction_commit(tidings_transaction *transaction,
                                          struct tidings_error *err)
{
    return end(transaction, TIDINGS_COMMIT, true, err);
}

tidings_status tidings_transaction_rollback(tidings_transaction *transaction,
                                            struct tidings_error *err)
{
    return end(transaction, TIDINGS_ROLLBACK, true, err);
}

tidings_status tidings_transaction_end(tidings_transaction *transaction, tidings_decision decision,
                                       struct tidings_error *err)
{
    if (decision == TIDINGS_COMMIT || decision == TIDINGS_ROLLBACK) {
        return end(transaction, decision, false, err);
    }
    if (decision != TIDINGS_LEAVE) {
        return error_set(err, TIDINGS_E_INVALID, "%d is no decision", (int)decision);
    }
    return take_end(transaction, err);
}

void tidings_transaction_free(tidings_transaction *transaction)
{
    if (transaction != NULL) {
        tidings_send_result_free(transaction->half);
        free(transaction->topic);
        free(transaction);
    }
}
