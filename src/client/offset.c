// SPDX-License-Identifier: Apache-2.0
// Offsets: where a queue is begun, storing what is done, being told to begin elsewhere (220).
#include <stdlib.h>

#include "client/consumer.h"
#include "wire/bodies.h"

// ---- where to begin ----
static void begin(struct pq *pq, int64_t offset, bool stored)
{
    pq->next_offset = offset;
    pq->stored_offset = stored ? offset : -1;
    pq->state = PQ_PULLING;
    pull_next(pq);
}

static void try_later(struct pq *pq)
{
    runtime_alarm(&pq->consumer->runtime, &pq->alarm, CONSUMER_AGAIN_MS);
}

static bool read_offset(const struct reply *reply, int64_t *ret)
{
    return num_parse_i64(wire_header_get(reply->header, STR("offset")), INT64_MIN, INT64_MAX, ret);
}

static void ask(struct pq *pq, struct wire_header *header, tidings_status encoded,
                void (*done)(struct call *call, const struct reply *reply))
{
    struct runtime *runtime = &pq->consumer->runtime;
    if (encoded != TIDINGS_OK) {
        try_later(pq);
        return;
    }
    pq->call.done = done;
    runtime_call(runtime, &pq->call, pq->broker->link, header, (struct str){ NULL, 0 },
                 config_number(runtime->config, CONFIG_REQUEST_TIMEOUT));
}

static void on_start(struct call *call, const struct reply *reply)
{
    struct pq *pq = BASE_CONTAINER_OF(call, struct pq, call);
    struct tidings_error err = { 0 };
    int64_t offset;
    tidings_status status = reply_error(reply, call->link, "where to begin", &err);
    if (status == TIDINGS_OK && read_offset(reply, &offset)) {
        begin(pq, offset < 0 ? 0 : offset, false);
        return;
    }
    if (status != TIDINGS_E_CLOSED) {
        consumer_event(pq->consumer, true, "%s queue %d: %s", pq->subscription->topic, pq->queue_id,
                       err.text);
    }
    try_later(pq);
}

// Nothing is stored: the setting `from` decides. A retry topic is read from its beginning, lest
// what waits there for the group is passed over.
static void seek_start(struct pq *pq)
{
    struct runtime *runtime = &pq->consumer->runtime;
    int64_t from = config_number(runtime->config, CONFIG_FROM);
    const struct wire_queue_request request = { .topic = str_of(pq->subscription->topic),
                                                .queue_id = pq->queue_id,
                                                .timestamp = from >= 0 ? from : -1 };
    struct wire_header header;
    if (from == CONFIG_FROM_FIRST || pq->subscription->is_retry) {
        begin(pq, 0, false);
        return;
    }
    request_init(&header, from >= 0 ? WIRE_SEARCH_OFFSET_BY_TIMESTAMP : WIRE_GET_MAX_OFFSET);
    ask(pq, &header, request_fill(runtime, queue_request, &header, &request), on_start);
}

static void on_stored(struct call *call, const struct reply *reply)
{
    struct pq *pq = BASE_CONTAINER_OF(call, struct pq, call);
    struct tidings_error err = { 0 };
    int64_t offset;
    tidings_status status = reply_error(reply, call->link, "stored offset", &err);
    if (status == TIDINGS_OK && read_offset(reply, &offset) && offset >= 0) {
        begin(pq, offset, true);
    } else if (status == TIDINGS_OK || status == TIDINGS_E_NOT_FOUND) {
        seek_start(pq);
    } else {
        if (status != TIDINGS_E_CLOSED) {
            consumer_event(pq->consumer, true, "%s queue %d: %s", pq->subscription->topic,
                           pq->queue_id, err.text);
        }
        try_later(pq);
    }
}

void offset_seek(struct pq *pq)
{
    struct tidings_consumer *consumer = pq->consumer;
    struct runtime *runtime = &consumer->runtime;
    struct wire_header header;
    pq->state = PQ_SEEKING;
    if (consumer->is_broadcasting) {
        int64_t offset = broadcast_get(consumer, pq);
        if (offset >= 0) {
            begin(pq, offset, true);
        } else {
            seek_start(pq);
        }
        return;
    }
    const struct wire_query_offset request = { .group = str_of(consumer_group(consumer)),
                                               .topic = str_of(pq->subscription->topic),
                                               .queue_id = pq->queue_id,
                                               .zero_if_none = false };
    request_init(&header, WIRE_QUERY_CONSUMER_OFFSET);
    ask(pq, &header, request_fill(runtime, query_offset, &header, &request), on_stored);
}

// ---- storing ----
static tidings_status fill_store(struct pq *pq, int64_t offset, struct wire_header *header)
{
    struct runtime *runtime = &pq->consumer->runtime;
    const struct wire_update_offset request = { .group = str_of(consumer_group(pq->consumer)),
                                                .topic = str_of(pq->subscription->topic),
                                                .queue_id = pq->queue_id,
                                                .commit_offset = offset };
    request_init(header, WIRE_UPDATE_CONSUMER_OFFSET);
    return request_fill(runtime, update_offset, header, &request);
}

// False when there is nothing new.
static bool take_new_offset(struct pq *pq, int64_t *ret)
{
    if (pq->state == PQ_LOCKING || pq->state == PQ_SEEKING) {
        return false;
    }
    *ret = pq_commit_offset(pq);
    if (*ret < 0 || *ret == pq->stored_offset) {
        return false;
    }
    pq->stored_offset = *ret;
    return true;
}

void offset_store(struct pq *pq)
{
    struct wire_header header;
    int64_t offset;
    if (!take_new_offset(pq, &offset)) {
        return;
    }
    if (pq->consumer->is_broadcasting) {
        broadcast_set(pq->consumer, pq, offset);
    } else if (fill_store(pq, offset, &header) == TIDINGS_OK) {
        runtime_tell(&pq->consumer->runtime, pq->broker->link, &header, (struct str){ NULL, 0 });
    }
}

static void save_broadcast(struct tidings_consumer *consumer)
{
    struct tidings_error err = { 0 };
    if (consumer->offsets_changed && broadcast_save(consumer, &err) != TIDINGS_OK) {
        consumer_event(consumer, true, "storing offsets: %s", err.text);
    }
}

static void on_persist(struct alarm *alarm)
{
    struct tidings_consumer *consumer =
        BASE_CONTAINER_OF(alarm, struct tidings_consumer, persist_alarm);
    struct runtime *runtime = &consumer->runtime;
    list_for_each (node, &consumer->queues) {
        offset_store(LIST_ENTRY(node, struct pq, node));
    }
    save_broadcast(consumer);
    runtime_alarm(runtime, &consumer->persist_alarm,
                  config_number(runtime->config, CONFIG_OFFSET_PERSIST));
}

void offset_init(struct tidings_consumer *consumer)
{
    alarm_init(&consumer->persist_alarm, on_persist);
    list_init(&consumer->finals);
}

// At the end each is answered, so that the group's next member begins where we ended.
struct final {
    struct list node;
    struct call call;
    struct tidings_consumer *consumer;
};

static void on_final(struct call *call, const struct reply *reply)
{
    struct final *final = BASE_CONTAINER_OF(call, struct final, call);
    (void)reply;
    final->consumer->storing--;
    list_remove(&final->node);
    free(final);
}

static void store_final(struct pq *pq)
{
    struct tidings_consumer *consumer = pq->consumer;
    struct runtime *runtime = &consumer->runtime;
    struct wire_header header;
    int64_t offset;
    pq->stored_offset = -1; // also what was told one-way before
    if (consumer->is_broadcasting || !take_new_offset(pq, &offset)) {
        return;
    }
    struct final *final = calloc(1, sizeof *final);
    if (final == NULL || fill_store(pq, offset, &header) != TIDINGS_OK) {
        free(final);
        return;
    }
    final->consumer = consumer;
    call_init(&final->call, on_final);
    list_add_tail(&consumer->finals, &final->node);
    consumer->storing++;
    runtime_call(runtime, &final->call, pq->broker->link, &header, (struct str){ NULL, 0 },
                 config_number(runtime->config, CONFIG_REQUEST_TIMEOUT));
}

void offset_store_final(struct tidings_consumer *consumer)
{
    runtime_alarm_stop(&consumer->runtime, &consumer->persist_alarm);
    list_for_each (node, &consumer->queues) {
        struct pq *pq = LIST_ENTRY(node, struct pq, node);
        if (consumer->is_broadcasting) {
            offset_store(pq);
        } else {
            store_final(pq);
        }
    }
    save_broadcast(consumer);
}

// ---- being told ----
void offset_on_reset(struct tidings_consumer *consumer, struct str body)
{
    struct wire_offset_table *table;
    struct tidings_error err = { 0 };
    if (wire_offset_table_decode(body, &table, &err) != TIDINGS_OK) {
        consumer_event(consumer, true, "reset of offsets: %s", err.text);
        return;
    }
    for (unsigned i = 0; i < table->count; i++) {
        const struct wire_queue_offset *row = &table->rows[i];
        struct pq *pq = pq_find(consumer, str_of(row->queue.topic), str_of(row->queue.broker),
                                row->queue.queue_id);
        if (pq != NULL && row->offset >= 0 && pq->state != PQ_LOCKING && !pq->busy) {
            consumer_event(consumer, false, "%s queue %d: reset to offset %lld", row->queue.topic,
                           row->queue.queue_id, (long long)row->offset);
            pq_reset(pq, row->offset);
        }
    }
    wire_offset_table_free(table);
}
