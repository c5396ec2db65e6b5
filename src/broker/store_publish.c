// SPDX-License-Identifier: Apache-2.0
// From durable to visible: what the log has synced is published, indexed and answered; what it gave
// up is refused.
#include <stdlib.h>

#include "broker/answer.h"
#include "broker/pending.h"
#include "broker/settings.h"

struct index_batch *store_batch(struct broker *broker)
{
    if (broker->store.batch == NULL) {
        broker->store.batch = index_batch_take(broker->index);
    }
    return broker->store.batch;
}

static struct pending *pending_at(struct store *store, uint64_t number)
{
    return &store->ring[number & (store->size - 1)];
}

// ---- answering a send ----
static tidings_status add_message_id(struct broker *broker, int64_t position)
{
    char id[WIRE_MESSAGE_ID_MAX];
    size_t len = wire_message_id_format(&broker->address, position, id);
    return buf_add(&broker->store.texts, id, len);
}

// The ids of a batch, separated by commas; `number` is its last message.
static tidings_status batch_ids(struct broker *broker, uint64_t number, uint32_t count)
{
    tidings_status status = TIDINGS_OK;
    for (uint64_t n = number + 1 - count; n <= number && status == TIDINGS_OK; n++) {
        status = add_message_id(broker, pending_at(&broker->store, n)->position);
        if (status == TIDINGS_OK && n < number) {
            status = buf_add(&broker->store.texts, ",", 1);
        }
    }
    return status;
}

static void answer_sent(struct broker *broker, uint64_t number, const struct pending *pending)
{
    struct wire_header response;
    char queue_id[24];
    char offset[24];
    uint32_t count = pending->batch_count > 1 ? pending->batch_count : 1;
    int64_t first = pending->kind == PENDING_MESSAGE ? pending->offset + 1 - count
                    : pending->kind == PENDING_HALF  ? pending->position
                                                     : 0;

    buf_clear(&broker->store.texts);
    if (batch_ids(broker, number, count) != TIDINGS_OK) {
        return; // out of memory: the client times out and asks again
    }
    answer_begin(&pending->asker, &response, WIRE_SUCCESS);
    response.ext[2] = (struct wire_pair){ STR("msgId"), buf_str(&broker->store.texts) };
    response.ext[3] = (struct wire_pair){
        STR("queueId"), str_make(queue_id, num_format_i64(queue_id, pending->queue_key & 0xffff))
    };
    response.ext[4] =
        (struct wire_pair){ STR("queueOffset"), str_make(offset, num_format_i64(offset, first)) };
    response.ext_count = 5;
    answer_send(broker, &pending->asker, &response, (struct str){ 0 });
}

static void answer_done(struct broker *broker, uint64_t number, const struct pending *pending)
{
    if (!pending->has_asker) {
        return;
    }
    int32_t code = pending->asker.code;
    if (code == WIRE_SEND_MESSAGE || code == WIRE_SEND_MESSAGE_V2 ||
        code == WIRE_SEND_BATCH_MESSAGE) {
        answer_sent(broker, number, pending);
        return;
    }
    struct wire_header response;
    answer_begin(&pending->asker, &response, WIRE_SUCCESS);
    answer_send(broker, &pending->asker, &response, (struct str){ 0 });
}

// ---- publishing ----
static void note_woken(struct store *store, struct queue *queue)
{
    if (!queue->woken && !list_empty(&queue->waits)) {
        queue->woken = true;
        list_add_tail(&store->woken, &queue->woken_node);
    }
}

static void publish_entry(struct broker *broker, struct index_batch *batch, struct pending *pending)
{
    struct queue *queue = topics_find_queue(&broker->topics, pending->queue_key);
    if (queue == NULL || pending->offset != queue->visible) {
        return; // the topic was deleted meanwhile
    }
    if (queue_publish(queue, &pending->entry) != TIDINGS_OK ||
        index_batch_entry(batch, queue->key, pending->offset, &pending->entry) != TIDINGS_OK) {
        // Without memory for 16 bytes nothing can go on rightly; the log has it all, a restart
        // recovers.
        base_assert_failed("memory for an index entry", __FILE__, __LINE__);
    }
    note_woken(&broker->store, queue);
}

static void publish_keys(struct broker *broker, struct index_batch *batch,
                         const struct pending *pending)
{
    struct store *store = &broker->store;
    for (uint32_t i = 0; i < pending->key_count; i++) {
        uint64_t hash = store->keys[store->keys_head++ & (store->keys_size - 1)];
        if (index_batch_key(batch, hash, pending->position) != TIDINGS_OK) {
            log_line(broker->options.log, LOG_WARN, "broker",
                     "msg=\"no memory to index a key\" position=%lld",
                     (long long)pending->position);
        }
    }
}

static void publish_due(struct broker *broker, struct index_batch *batch,
                        const struct pending *pending)
{
    struct index_due due = {
        .due_ms = pending->due_ms,
        .position = pending->position,
        .queue_key = pending->queue_key,
        .size = pending->entry.size,
        .tag_code = pending->entry.tag_code,
    };
    if (index_batch_due_add(batch, &due) != TIDINGS_OK || due_add(broker, &due) != TIDINGS_OK) {
        base_assert_failed("memory for a due row", __FILE__, __LINE__);
    }
    broker->stats.delayed_waiting++;
}

static void publish_delivered(struct broker *broker, struct index_batch *batch, int64_t due_ms,
                              int64_t position)
{
    due_delivered(broker, due_ms);
    if (index_batch_due_remove(batch, due_ms, position) != TIDINGS_OK) {
        base_assert_failed("memory for a due row", __FILE__, __LINE__);
    }
}

static void forget_topic(struct broker *broker, struct topic *topic)
{
    for (int32_t i = 0; i < topic->queue_count; i++) {
        waits_answer_queue(broker, &topic->queues[i]);
        list_remove(&topic->queues[i].woken_node);
    }
    groups_forget_topic(&broker->groups, str_of(topic->config.name));
    topics_remove(&broker->topics, topic);
}

static void publish_half(struct broker *broker, struct index_batch *batch,
                         const struct pending *pending)
{
    bool changed = pending->kind == PENDING_HALF_STATE;
    struct index_half half = { .position = changed ? pending->half : pending->position,
                               .next_check_ms = pending->due_ms,
                               .group_hash = pending->group_hash,
                               .checks = pending->checks,
                               .parked = pending->parked };
    if (changed && halves_find(&broker->halves, half.position) == NULL) {
        return; // decided meanwhile
    }
    if (halves_put(broker, &half) != TIDINGS_OK ||
        index_batch_half(batch, &half, !changed) != TIDINGS_OK) {
        base_assert_failed("memory for a half message", __FILE__, __LINE__);
    }
}

static void publish_decided(struct broker *broker, struct index_batch *batch, int64_t position)
{
    halves_forget(broker, position);
    if (index_batch_half_remove(batch, position) != TIDINGS_OK) {
        base_assert_failed("memory for a half message", __FILE__, __LINE__);
    }
}

static void publish_settings(struct broker *broker, struct index_batch *batch,
                             struct pending *pending)
{
    tidings_status status = TIDINGS_OK;
    struct topic *topic = topics_find_id(&broker->topics, pending->queue_key >> 16);
    if (pending->kind == PENDING_TOPIC && topic != NULL) {
        status = index_batch_topic(batch, &topic->config);
    } else if (pending->kind == PENDING_TOPIC_DELETED) {
        if (topic != NULL) {
            forget_topic(broker, topic);
        }
        status = index_batch_topic_delete(batch, pending->queue_key >> 16);
    } else if (pending->kind == PENDING_GROUP && pending->name != NULL) {
        struct group *group = groups_find(&broker->groups, str_of(pending->name));
        status = group != NULL ? index_batch_group(batch, &group->config) : TIDINGS_OK;
    } else if (pending->kind == PENDING_GROUP_DELETED) {
        groups_remove(&broker->groups, str_of(pending->name), pending->with_offsets);
        status = index_batch_group_delete(batch, str_of(pending->name), pending->with_offsets);
    }
    if (status != TIDINGS_OK) {
        base_assert_failed("memory for a settings row", __FILE__, __LINE__);
    }
    free(pending->name);
    pending->name = NULL;
}

static void publish(struct broker *broker, uint64_t number)
{
    struct pending *pending = pending_at(&broker->store, number);
    struct index_batch *batch = store_batch(broker);
    if (batch == NULL) {
        base_assert_failed("memory for an index batch", __FILE__, __LINE__);
    }
    switch (pending->kind) {
    case PENDING_MESSAGE:
        publish_entry(broker, batch, pending);
        publish_keys(broker, batch, pending);
        broker->stats.messages_in++;
        broker->stats.bytes_in += pending->entry.size;
        break;
    case PENDING_DELAYED:
        publish_due(broker, batch, pending);
        publish_keys(broker, batch, pending);
        broker->stats.messages_in++;
        broker->stats.bytes_in += pending->entry.size;
        break;
    case PENDING_HALF:
    case PENDING_HALF_STATE:
        publish_half(broker, batch, pending);
        if (pending->kind == PENDING_HALF && pending->half > 0) {
            publish_decided(broker, batch, pending->half); // it stands here now
        }
        break;
    case PENDING_COMMIT:
        publish_entry(broker, batch, pending);
        publish_keys(broker, batch, pending);
        publish_decided(broker, batch, pending->half);
        broker->stats.transactions_committed++;
        broker->stats.messages_in++;
        broker->stats.bytes_in += pending->entry.size;
        break;
    case PENDING_ROLLBACK:
        publish_decided(broker, batch, pending->half);
        broker->stats.transactions_rolled_back++;
        break;
    case PENDING_DELIVER:
        publish_entry(broker, batch, pending);
        publish_delivered(broker, batch, pending->due_ms, pending->entry.position);
        break;
    case PENDING_TOPIC:
    case PENDING_TOPIC_DELETED:
    case PENDING_GROUP:
    case PENDING_GROUP_DELETED: publish_settings(broker, batch, pending); break;
    }
    answer_done(broker, number, pending);
}

// ---- refusing ----
static void refuse(struct broker *broker, struct pending *pending, const struct tidings_error *err)
{
    struct store *store = &broker->store;
    struct queue *queue = topics_find_queue(&broker->topics, pending->queue_key);
    store->keys_head += pending->key_count;
    if ((pending->kind == PENDING_MESSAGE || pending->kind == PENDING_DELIVER ||
         pending->kind == PENDING_COMMIT) &&
        queue != NULL) {
        queue->next = queue->visible;
    }
    if (pending->kind == PENDING_DELIVER) {
        due_again(broker,
                  &(struct index_due){ pending->due_ms, pending->entry.position, pending->queue_key,
                                       pending->entry.size, pending->entry.tag_code });
    } else if (pending->kind == PENDING_TOPIC && queue != NULL) {
        queue->topic->logged = false;
    } else if (pending->kind == PENDING_TOPIC_DELETED && queue != NULL) {
        queue->topic->deleting = false;
    } else if (pending->kind == PENDING_GROUP && pending->name != NULL) {
        struct group *group = groups_find(&broker->groups, str_of(pending->name));
        if (group != NULL) {
            group->logged = false;
        }
    } else if (pending->kind == PENDING_MESSAGE || pending->kind == PENDING_DELAYED ||
               (pending->kind == PENDING_HALF && pending->half == 0)) {
        broker->stats.sends_refused++;
    } else if (pending->half > 0) {
        halves_refused(broker, pending->half);
    }
    free(pending->name);
    pending->name = NULL;
    if (pending->has_asker) {
        struct wire_header response;
        answer_begin(&pending->asker, &response, status_remoting(err->status));
        response.remark = str_of(err->text);
        answer_send(broker, &pending->asker, &response, (struct str){ 0 });
    }
}

void store_wake(struct broker *broker)
{
    struct store *store = &broker->store;
    struct tidings_error err = { 0 };
    int64_t failed_from;
    commitlog_submit(broker->log); // first: the next batch is written while this one is answered
    int64_t durable = commitlog_durable(broker->log, &failed_from, &err);

    while (store->head < store->tail && pending_at(store, store->head)->position < durable) {
        broker->last_position = pending_at(store, store->head)->position;
        publish(broker, store->head);
        store->head++;
    }
    if (failed_from >= 0) {
        log_line(broker->options.log, LOG_ERROR, "broker",
                 "msg=\"the log cannot be written; sends are refused until it can\" refused=%zu "
                 "reason=\"%s\"",
                 store_pending(store), err.text);
        while (store->head < store->tail) {
            refuse(broker, pending_at(store, store->head), &err);
            store->head++;
        }
    }
    if (store->batch != NULL) {
        // The start of the last record, not its end: recovery begins with a record, and applying it
        // twice does no harm.
        index_submit(broker->index, store->batch, broker->last_position);
        store->batch = NULL;
    }
    for (struct list *node = list_pop(&store->woken); node; node = list_pop(&store->woken)) {
        struct queue *queue = LIST_ENTRY(node, struct queue, woken_node);
        queue->woken = false;
        waits_wake(broker, queue);
    }
}

void store_turn(struct broker *broker)
{
    commitlog_submit(broker->log);
    if (broker->store.batch != NULL) { // offsets only: they ride without moving the position
        index_submit(broker->index, broker->store.batch, broker->last_position);
        broker->store.batch = NULL;
    }
}

// ---- reading ----
tidings_status store_read(struct broker *broker, int64_t position, struct str *ret_message,
                          int64_t *ret_due_ms, struct tidings_error *err)
{
    uint8_t type;
    int64_t wall_ms;
    struct tidings_error own = { 0 };
    tidings_status status =
        commitlog_read(broker->log, position, &type, &wall_ms, ret_message, err ? err : &own);
    *ret_due_ms = 0;
    if (status == TIDINGS_E_CORRUPT) {
        broker->stats.damaged_records++;
        log_line(broker->options.log, LOG_ERROR, "broker",
                 "msg=\"a stored message is damaged and cannot be given out\" position=%lld "
                 "reason=\"%s\"",
                 (long long)position, error_text(err ? err : &own, status));
    }
    if (status != TIDINGS_OK) {
        return status;
    }
    size_t prefix = store_prefix((enum store_record)type);
    if (prefix > 0 && ret_message->len > prefix) {
        *ret_due_ms = type == STORE_DELAYED ? (int64_t)num_load_be64(ret_message->ptr)
                      : type == STORE_HALF  ? -1
                                            : 0;
        ret_message->ptr += prefix;
        ret_message->len -= prefix;
    } else if (type != STORE_MESSAGE) {
        return error_set(err, TIDINGS_E_NOT_FOUND, "no message at log position %lld",
                         (long long)position);
    }
    return TIDINGS_OK;
}

tidings_status store_entries(struct broker *broker, struct queue *queue, int64_t offset, size_t max,
                             struct index_entry *ret, size_t *ret_count, struct tidings_error *err)
{
    size_t count = 0;
    const struct index_entry *entry;
    while (count < max && (entry = queue_tail_entry(queue, offset + (int64_t)count)) != NULL) {
        ret[count++] = *entry;
    }
    *ret_count = count;
    if (count > 0 || offset >= queue->visible) {
        return TIDINGS_OK;
    }
    if ((int64_t)max > queue->visible - offset) {
        max = (size_t)(queue->visible - offset);
    }
    return index_read(broker->index, queue->key, offset, max, ret, ret_count, err);
}
