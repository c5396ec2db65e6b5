// SPDX-License-Identifier: Apache-2.0
// Publishing what is durable: to the readers of its queue, to the index, and to who asked for it.
#include <stdlib.h>

#include "broker/answer.h"
#include "broker/pending.h"
#include "broker/settings.h"

// Of a batch that has room for it.
#define MUST(call) BASE_ASSERT((call) == TIDINGS_OK)

struct index_batch *store_batch(struct broker *broker)
{
    if (broker->store.batch == NULL) {
        broker->store.batch = index_batch_take(broker->index);
    }
    return broker->store.batch;
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
        answer_impossible(broker, &pending->asker);
        return;
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

// False: the topic was deleted meanwhile.
static bool is_next(const struct broker *broker, const struct pending *pending)
{
    const struct queue *queue = topics_find_queue(&broker->topics, pending->queue_key);
    return queue != NULL && pending->offset == queue->visible;
}

static tidings_status publish_entry(struct broker *broker, struct index_batch *batch,
                                    const struct pending *pending)
{
    struct queue *queue = topics_find_queue(&broker->topics, pending->queue_key);
    if (!is_next(broker, pending)) {
        return TIDINGS_OK;
    }
    tidings_status status = queue_publish(queue, &pending->entry);
    if (status == TIDINGS_OK) {
        MUST(index_batch_entry(batch, queue->key, pending->offset, &pending->entry));
        note_woken(&broker->store, queue);
    }
    return status;
}

static void publish_keys(struct broker *broker, struct index_batch *batch,
                         const struct pending *pending)
{
    struct store *store = &broker->store;
    for (uint32_t i = 0; i < pending->key_count; i++) {
        uint64_t hash = store->keys[store->keys_head++ & (store->keys_size - 1)];
        MUST(index_batch_key(batch, hash, pending->position));
    }
}

static tidings_status publish_due(struct broker *broker, struct index_batch *batch,
                                  const struct pending *pending)
{
    struct index_due due = {
        .due_ms = pending->due_ms,
        .position = pending->position,
        .queue_key = pending->queue_key,
        .size = pending->entry.size,
        .tag_code = pending->entry.tag_code,
    };
    tidings_status status = due_add(broker, &due);
    if (status == TIDINGS_OK) {
        MUST(index_batch_due_add(batch, &due));
        broker->stats.delayed_waiting++;
    }
    return status;
}

static void publish_delivered(struct broker *broker, struct index_batch *batch, int64_t due_ms,
                              int64_t position)
{
    due_delivered(broker, due_ms);
    MUST(index_batch_due_remove(batch, due_ms, position));
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

static tidings_status publish_half(struct broker *broker, struct index_batch *batch,
                                   const struct pending *pending)
{
    bool changed = pending->kind == PENDING_HALF_STATE;
    struct index_half half = { .position = changed ? pending->half : pending->position,
                               .next_check_ms = pending->due_ms,
                               .group_hash = pending->group_hash,
                               .checks = pending->checks,
                               .parked = pending->parked };
    if (changed && halves_find(&broker->halves, half.position) == NULL) {
        return TIDINGS_OK; // decided meanwhile
    }
    tidings_status status = halves_put(broker, &half);
    if (status == TIDINGS_OK) {
        MUST(index_batch_half(batch, &half, !changed));
    }
    return status;
}

static void publish_decided(struct broker *broker, struct index_batch *batch, int64_t position)
{
    halves_forget(broker, position);
    MUST(index_batch_half_remove(batch, position));
}

static void publish_settings(struct broker *broker, struct index_batch *batch,
                             struct pending *pending)
{
    struct topic *topic = topics_find_id(&broker->topics, pending->queue_key >> 16);
    if (pending->kind == PENDING_TOPIC && topic != NULL) {
        MUST(index_batch_topic(batch, &topic->config));
    } else if (pending->kind == PENDING_TOPIC_DELETED) {
        if (topic != NULL) {
            forget_topic(broker, topic);
        }
        MUST(index_batch_topic_delete(batch, pending->queue_key >> 16));
    } else if (pending->kind == PENDING_GROUP) {
        struct group *group = groups_find(&broker->groups, str_of(pending->name));
        if (group != NULL) {
            MUST(index_batch_group(batch, &group->config));
        }
    } else if (pending->kind == PENDING_GROUP_DELETED) {
        groups_remove(&broker->groups, str_of(pending->name), pending->with_offsets);
        MUST(index_batch_group_delete(batch, str_of(pending->name), pending->with_offsets));
    }
    free(pending->name);
    pending->name = NULL;
}

static tidings_status publish_message(struct broker *broker, struct index_batch *batch,
                                      const struct pending *pending)
{
    tidings_status status = pending->kind == PENDING_DELAYED
                                ? publish_due(broker, batch, pending)
                                : publish_entry(broker, batch, pending);
    if (status != TIDINGS_OK) {
        return status;
    }
    publish_keys(broker, batch, pending);
    if (pending->kind == PENDING_COMMIT) {
        publish_decided(broker, batch, pending->half);
        broker->stats.transactions_committed++;
    }
    broker->stats.messages_in++;
    broker->stats.bytes_in += pending->entry.size;
    return status;
}

static tidings_status publish_kind(struct broker *broker, struct index_batch *batch,
                                   struct pending *pending)
{
    tidings_status status = TIDINGS_OK;
    switch (pending->kind) {
    case PENDING_MESSAGE:
    case PENDING_DELAYED:
    case PENDING_COMMIT: return publish_message(broker, batch, pending);
    case PENDING_HALF:
    case PENDING_HALF_STATE:
        status = publish_half(broker, batch, pending);
        if (status == TIDINGS_OK && pending->kind == PENDING_HALF && pending->half > 0) {
            publish_decided(broker, batch, pending->half); // it stands here now
        }
        return status;
    case PENDING_ROLLBACK:
        publish_decided(broker, batch, pending->half);
        broker->stats.transactions_rolled_back++;
        return status;
    case PENDING_DELIVER:
        status = publish_entry(broker, batch, pending);
        if (status == TIDINGS_OK) {
            publish_delivered(broker, batch, pending->due_ms, pending->entry.position);
        }
        return status;
    case PENDING_TOPIC:
    case PENDING_TOPIC_DELETED:
    case PENDING_GROUP:
    case PENDING_GROUP_DELETED: publish_settings(broker, batch, pending); return status;
    }
    return status;
}

// All that publishing one record may add to the batch.
static tidings_status reserve(struct index_batch *batch, const struct pending *pending)
{
    struct index_room room = { .keys = pending->key_count };
    switch (pending->kind) {
    case PENDING_DELAYED: room.dues = 1; break;
    case PENDING_DELIVER: room.dues = room.entries = 1; break;
    case PENDING_MESSAGE: room.entries = 1; break;
    case PENDING_COMMIT: room.entries = room.halves = 1; break;
    case PENDING_HALF: room.halves = 2; break;
    case PENDING_ROLLBACK:
    case PENDING_HALF_STATE: room.halves = 1; break;
    case PENDING_TOPIC:
    case PENDING_TOPIC_DELETED:
    case PENDING_GROUP:
    case PENDING_GROUP_DELETED:
        room.settings = 1;
        room.name_len = pending->name != NULL ? strlen(pending->name) : 0;
        break;
    }
    return index_batch_reserve(batch, &room);
}

tidings_status store_publish(struct broker *broker, uint64_t number)
{
    struct pending *pending = pending_at(&broker->store, number);
    struct index_batch *batch = store_batch(broker);
    tidings_status status = batch != NULL ? reserve(batch, pending) : TIDINGS_E_NO_MEMORY;
    if (status == TIDINGS_OK) {
        status = publish_kind(broker, batch, pending);
    }
    if (status == TIDINGS_OK) {
        answer_done(broker, number, pending);
    }
    return status;
}
