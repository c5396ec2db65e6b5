// SPDX-License-Identifier: Apache-2.0
// The initiator's half of a transactional message: half message, then how the transaction ended.
#include <tidings/transaction.h>

#include <stdlib.h>

#include "client/check.h"

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
struct ending {
    struct call call;
    const tidings_transaction *transaction;
    tidings_decision decision;
    bool waits;
    tidings_status status;
    struct tidings_error *err;
    sem_t done;
};

static void on_ended(struct call *call, const struct reply *reply)
{
    struct ending *ending = BASE_CONTAINER_OF(call, struct ending, call);
    ending->status = reply_error(reply, call->link, "end of the transaction", ending->err);
    sem_post(&ending->done);
}

static void start_ending(void *arg)
{
    struct ending *ending = arg;
    const tidings_transaction *transaction = ending->transaction;
    struct runtime *runtime = &transaction->producer->runtime;
    struct link *link = runtime_link(runtime, str_of(transaction->half->address));
    const struct transaction_end end = { .decision = ending->decision,
                                         .table_offset = transaction->half->queue_offset,
                                         .log_offset = transaction->log_offset,
                                         .message_id = str_of(transaction->half->id),
                                         .transaction_id = str_of(transaction->half->id),
                                         .topic = str_of(transaction->topic) };
    struct wire_header header;
    ending->status =
        link != NULL ? transaction_end_fill(runtime, &end, &header) : TIDINGS_E_NO_MEMORY;
    if (ending->status == TIDINGS_OK && ending->waits) {
        runtime_call(runtime, &ending->call, link, &header, (struct str){ NULL, 0 },
                     config_number(runtime->config, CONFIG_REQUEST_TIMEOUT));
        return;
    }
    if (ending->status == TIDINGS_OK) {
        runtime_tell(runtime, link, &header, (struct str){ NULL, 0 });
    }
    sem_post(&ending->done);
}

static tidings_status end(tidings_transaction *transaction, tidings_decision decision, bool waits,
                          struct tidings_error *err)
{
    struct runtime *runtime = &transaction->producer->runtime;
    struct ending ending = {
        .transaction = transaction, .decision = decision, .waits = waits, .err = err
    };
    if (transaction->ended) {
        return error_set(err, TIDINGS_E_STATE, "transaction %s was ended before",
                         transaction->half->id);
    }
    transaction->ended = true;
    if (!runtime->running) {
        return error_set(err, TIDINGS_E_CLOSED, "the producer was stopped: left to the check");
    }
    call_init(&ending.call, on_ended);
    sem_init(&ending.done, 0, 0);
    tidings_status status = net_loop_post(runtime->loop, start_ending, &ending);
    if (status == TIDINGS_OK) {
        while (sem_wait(&ending.done) != 0) { // EINTR
        }
        status = ending.status;
    }
    sem_destroy(&ending.done);
    if (status != TIDINGS_OK && err != NULL && err->status != status) {
        (void)error_set(err, status, "end of the transaction: %s", tidings_status_text(status));
    }
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
    if (transaction->ended) {
        return error_set(err, TIDINGS_E_STATE, "transaction %s was ended before",
                         transaction->half->id);
    }
    transaction->ended = true;
    return TIDINGS_OK;
}

void tidings_transaction_free(tidings_transaction *transaction)
{
    if (transaction != NULL) {
        tidings_send_result_free(transaction->half);
        free(transaction->topic);
        free(transaction);
    }
}
