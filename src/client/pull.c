// SPDX-License-Identifier: Apache-2.0
// The long-poll loop of a queue: one pull is always under way at the broker, unless the queue is
// full.
#include <stdlib.h>

#include "client/consumer.h"

enum { EMPTY_SOON_US = 10000, EMPTY_PAUSE_MS = 50, BUSY_PAUSE_MS = 20 };

// ---- batches ----
// Records in the body; false when it is no row of records.
static bool count_records(struct str body, unsigned *ret)
{
    size_t at = 0;
    *ret = 0;
    while (at < body.len) {
        uint32_t size = body.len - at >= 4 ? num_load_be32(body.ptr + at) : 0;
        if (size < 4 || size > body.len - at) {
            return false;
        }
        at += size;
        ++*ret;
    }
    return true;
}

static bool is_wanted(const struct subscription *subscription, const struct wire_message *message)
{
    if (subscription->tags.all) {
        return true;
    }
    struct str tag = wire_properties_get(message->properties, WIRE_P_TAGS);
    return wire_tags_match(&subscription->tags, tag, tag.ptr != NULL ? str_java_hash(tag) : 0);
}

static void add_slot(struct batch *batch, size_t at, int64_t queue_offset)
{
    struct slot *slot = &batch->slots[batch->count++];
    *slot = (struct slot){ .batch = batch, .queue_offset = queue_offset, .at = (uint32_t)at };
    list_init(&slot->node);
}

static tidings_status fill(struct pq *pq, struct batch *batch, struct tidings_error *err)
{
    struct wire_message message;
    for (size_t at = 0; at < batch->bytes_len; at += message.size) {
        struct str rest = str_make(batch->bytes + at, batch->bytes_len - at);
        tidings_status status = wire_message_decode(rest, &message, err);
        if (status != TIDINGS_OK) {
            return status;
        }
        if (is_wanted(pq->subscription, &message)) {
            add_slot(batch, at, message.queue_offset);
        }
    }
    return TIDINGS_OK;
}

tidings_status batch_new(struct pq *pq, struct str body, struct batch **ret,
                         struct tidings_error *err)
{
    unsigned count;
    *ret = NULL;
    if (!count_records(body, &count)) {
        return error_set(err, TIDINGS_E_PROTOCOL, "the messages of a pull do not fit its length");
    }
    if (count == 0) {
        return TIDINGS_OK;
    }
    size_t slots_size = count * sizeof(struct slot);
    struct batch *batch = malloc(sizeof *batch + slots_size + body.len);
    if (batch == NULL) {
        return error_set(err, TIDINGS_E_NO_MEMORY, "no memory for a batch of messages");
    }
    *batch = (struct batch){ .pq = pq, .bytes_len = body.len };
    batch->bytes = (char *)batch + sizeof *batch + slots_size;
    memcpy(batch->bytes, body.ptr, body.len);
    list_init(&batch->node);
    list_init(&batch->ready_node);
    list_init(&batch->done_node);
    tidings_status status = fill(pq, batch, err);
    if (status != TIDINGS_OK || batch->count == 0) {
        free(batch);
        return status;
    }
    atomic_store(&batch->holds, batch->count);
    *ret = batch;
    return TIDINGS_OK;
}

// ---- answers ----
static void pull_after(struct pq *pq, int64_t pause_ms)
{
    runtime_alarm(&pq->consumer->runtime, &pq->alarm, pause_ms);
}

static void on_failed(struct pq *pq, const struct reply *reply)
{
    struct tidings_consumer *consumer = pq->consumer;
    struct tidings_error err = { 0 };
    int32_t code = reply->status == TIDINGS_OK ? reply->header->code : 0;
    tidings_status status = reply_error(reply, pq->call.link, "pull", &err);
    if (status == TIDINGS_E_CLOSED) {
        return;
    }
    if (code == REPLY_FLOW_CONTROL || code == WIRE_SYSTEM_BUSY) {
        pull_after(pq, BUSY_PAUSE_MS);
        return;
    }
    consumer_event(consumer, true, "%s queue %d: %s", pq->subscription->topic, pq->queue_id,
                   error_text(&err, status));
    if (code == WIRE_SUBSCRIPTION_NOT_EXIST || code == WIRE_SUBSCRIPTION_NOT_LATEST ||
        code == WIRE_SUBSCRIPTION_GROUP_NOT_EXIST) {
        pulse_send(&consumer->pulse, pq->broker); // it has forgotten us
    } else if (code == WIRE_TOPIC_NOT_EXIST || code == 0) {
        topic_look_up(pq->subscription->route, NULL);
    }
    pull_after(pq, CONSUMER_AGAIN_MS);
}

static void on_found(struct pq *pq, struct str body, int64_t next)
{
    struct batch *batch;
    struct tidings_error err = { 0 };
    tidings_status status = batch_new(pq, body, &batch, &err);
    if (status != TIDINGS_OK) { // asked for again: nothing is passed over
        consumer_event(pq->consumer, true, "%s queue %d at offset %lld: %s",
                       pq->subscription->topic, pq->queue_id, (long long)pq->next_offset, err.text);
        pull_after(pq, CONSUMER_AGAIN_MS);
        return;
    }
    pq->next_offset = next;
    if (batch != NULL) {
        pq_add_batch(pq, batch);
    }
    pull_next(pq);
}

static void on_empty(struct pq *pq, int32_t code)
{
    struct runtime *runtime = &pq->consumer->runtime;
    // A broker that does not hold pulls must not be asked without a pause.
    if (code == WIRE_PULL_NOT_FOUND && runtime_now_us(runtime) - pq->pulled_us < EMPTY_SOON_US) {
        pull_after(pq, EMPTY_PAUSE_MS);
    } else {
        pull_next(pq);
    }
}

static void on_pulled(struct call *call, const struct reply *reply)
{
    struct pq *pq = BASE_CONTAINER_OF(call, struct pq, call);
    int64_t next;
    if (reply->status != TIDINGS_OK ||
        !num_parse_i64(wire_header_get(reply->header, STR("nextBeginOffset")), 0, INT64_MAX,
                       &next)) {
        on_failed(pq, reply);
        return;
    }
    switch (reply->header->code) {
    case WIRE_SUCCESS: on_found(pq, reply->body, next); break;
    case WIRE_PULL_NOT_FOUND:
    case WIRE_PULL_RETRY_IMMEDIATELY:
        pq->next_offset = next;
        on_empty(pq, reply->header->code);
        break;
    case WIRE_PULL_OFFSET_MOVED:
        consumer_event(pq->consumer, false, "%s queue %d: offset %lld is not there, on at %lld",
                       pq->subscription->topic, pq->queue_id, (long long)pq->next_offset,
                       (long long)next);
        if (next == pq->next_offset) {
            pull_after(pq, CONSUMER_AGAIN_MS);
        } else {
            pq_reset(pq, next);
        }
        break;
    default: on_failed(pq, reply); break;
    }
}

// ---- asking ----
void pull_next(struct pq *pq)
{
    struct tidings_consumer *consumer = pq->consumer;
    struct runtime *runtime = &consumer->runtime;
    struct wire_header header;
    if (pq->state != PQ_PULLING || consumer->stopping || call_is_active(&pq->call)) {
        return;
    }
    if (pq_is_full(pq)) {
        list_remove(&pq->paused_node);
        list_add_tail(&consumer->paused, &pq->paused_node);
        return;
    }
    int64_t commit = consumer->is_broadcasting ? 0 : pq_commit_offset(pq);
    bool commits = commit > 0 && commit != pq->stored_offset;
    const struct wire_pull request = {
        .group = str_of(consumer_group(consumer)),
        .topic = str_of(pq->subscription->topic),
        .queue_id = pq->queue_id,
        .queue_offset = pq->next_offset,
        .max_messages = (int32_t)config_number(runtime->config, CONFIG_PULL_BATCH),
        .sys_flag = WIRE_PULL_SUSPEND | (commits ? WIRE_PULL_COMMIT_OFFSET : 0),
        .commit_offset = commits ? commit : 0,
        .suspend_ms = CONSUMER_SUSPEND_MS,
        .sub_version = consumer->heartbeat_data.subscriptions[0].version,
        .expression_type = pq->subscription->is_sql ? STR("SQL92") : STR("TAG"),
        .max_bytes = -1,
    };
    request_init(&header, WIRE_PULL_MESSAGE);
    if (request_fill(runtime, pull, &header, &request) != TIDINGS_OK) {
        pull_after(pq, CONSUMER_AGAIN_MS);
        return;
    }
    pq->call.done = on_pulled;
    pq->pulled_us = runtime_now_us(runtime);
    runtime_call(runtime, &pq->call, pq->broker->link, &header, (struct str){ NULL, 0 },
                 CONSUMER_PULL_TIMEOUT_MS);
}
