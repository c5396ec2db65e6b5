// SPDX-License-Identifier: Apache-2.0
// Appending: accepted messages and events into the log, remembered as pending until they are
// durable.
#include "broker/store.h"

#include <stdlib.h>

#include "broker/internal.h"
#include "broker/pending.h"
#include "broker/settings.h"

enum { RING_MIN = 1024, RING_MAX = 1 << 20 };

tidings_status store_init(struct broker *broker)
{
    struct store *store = &broker->store;
    *store = (struct store){ 0 };
    list_init(&store->woken);
    buf_init(&store->texts, 64 * 1024 * 1024);
    buf_init(&store->properties, WIRE_PROPERTIES_MAX);
    store->size = RING_MIN;
    store->keys_size = RING_MIN * 2;
    store->ring = calloc(store->size, sizeof *store->ring);
    store->keys = calloc(store->keys_size, sizeof *store->keys);
    return store->ring && store->keys ? TIDINGS_OK : TIDINGS_E_NO_MEMORY;
}

void store_deinit(struct broker *broker)
{
    struct store *store = &broker->store;
    if (store->batch != NULL && broker->index != NULL) {
        index_batch_drop(broker->index, store->batch);
    }
    free(store->ring);
    free(store->keys);
    buf_deinit(&store->texts);
    buf_deinit(&store->properties);
}

size_t store_pending(const struct store *store)
{
    return (size_t)(store->tail - store->head);
}

uint64_t store_key_hash(struct str topic, struct str key)
{
    return str_hash_more(str_hash_more(str_hash(topic), STR("#")), key);
}

// ---- rings ----
static tidings_status ring_room(struct store *store)
{
    if (store->starved) {
        return TIDINGS_E_NO_MEMORY;
    }
    if (store->tail - store->head < store->size) {
        return TIDINGS_OK;
    }
    if (store->size >= RING_MAX) {
        return TIDINGS_E_AGAIN;
    }
    struct pending *grown = calloc(store->size * 2, sizeof *grown);
    if (grown == NULL) {
        return TIDINGS_E_NO_MEMORY;
    }
    for (uint64_t i = store->head; i < store->tail; i++) {
        grown[i & (store->size * 2 - 1)] = store->ring[i & (store->size - 1)];
    }
    free(store->ring);
    store->ring = grown;
    store->size *= 2;
    return TIDINGS_OK;
}

static tidings_status keys_room(struct store *store)
{
    if (store->keys_tail - store->keys_head + STORE_KEYS_MAX < store->keys_size) {
        return TIDINGS_OK;
    }
    uint64_t *grown = calloc(store->keys_size * 2, sizeof *grown);
    if (grown == NULL) {
        return TIDINGS_E_NO_MEMORY;
    }
    for (uint64_t i = store->keys_head; i < store->keys_tail; i++) {
        grown[i & (store->keys_size * 2 - 1)] = store->keys[i & (store->keys_size - 1)];
    }
    free(store->keys);
    store->keys = grown;
    store->keys_size *= 2;
    return TIDINGS_OK;
}

static struct pending *ring_push(struct store *store, enum pending_kind kind, int64_t position)
{
    struct pending *pending = &store->ring[store->tail++ & (store->size - 1)];
    *pending = (struct pending){ .kind = kind, .position = position };
    return pending;
}

static void set_asker(struct pending *pending, const struct asker *asker)
{
    if (asker != NULL) {
        pending->has_asker = true;
        pending->asker = *asker;
    }
}

// ---- messages ----
static void add_key(struct store *store, struct pending *pending, struct str topic, struct str key)
{
    if (key.len > 0 && pending->key_count < STORE_KEYS_MAX) {
        store->keys[store->keys_tail++ & (store->keys_size - 1)] = store_key_hash(topic, key);
        pending->key_count++;
    }
}

// One pass over the properties: tag code and key hashes.
static void read_properties(struct store *store, struct pending *pending,
                            const struct wire_message *message)
{
    struct wire_pair pair;
    size_t cursor = 0;
    while (wire_properties_next(message->properties, &cursor, &pair)) {
        if (str_eq(pair.key, WIRE_P_TAGS)) {
            pending->entry.tag_code = str_java_hash(pair.value);
        } else if (str_eq(pair.key, WIRE_P_UNIQ_KEY)) {
            add_key(store, pending, message->topic, pair.value);
        } else if (str_eq(pair.key, WIRE_P_KEYS)) {
            struct str rest = pair.value;
            struct str key;
            while (str_split(&rest, ' ', &key)) {
                add_key(store, pending, message->topic, key);
            }
        }
    }
}

// The two properties that consumers with message trace look for, as RocketMQ 5 adds them; left out
// where they are there already or do not fit.
// A request that wants a reply also gets the cluster: the reply's topic is named after it.
static tidings_status add_region(const struct broker *broker, unsigned marks,
                                 struct wire_message *message, struct buf *texts)
{
    static const char region_text[] = "MSG_REGION\x01"
                                      "DefaultRegion\x02TRACE_ON\x01true\x02";
    const struct str region = { region_text, sizeof region_text - 1 };
    struct str own = message->properties;
    if (own.len + region.len + 1 > WIRE_PROPERTIES_MAX || (marks & WIRE_MARK_REGION) != 0) {
        return TIDINGS_OK;
    }
    buf_clear(texts);
    tidings_status status = buf_add_str(texts, own);
    if (status == TIDINGS_OK && own.len > 0 && own.ptr[own.len - 1] != '\x02') {
        status = buf_add(texts, "\x02", 1); // 4.9 clients send none at the end
    }
    status = status == TIDINGS_OK ? buf_add_str(texts, region) : status;
    if (status == TIDINGS_OK && (marks & WIRE_MARK_REPLY) != 0 &&
        wire_properties_get(own, WIRE_P_CLUSTER).ptr == NULL &&
        texts->len + strlen(broker->cluster_name) + 16 <= WIRE_PROPERTIES_MAX) {
        status = wire_properties_add(texts, WIRE_P_CLUSTER, str_of(broker->cluster_name));
    }
    message->properties = buf_str(texts);
    return status;
}

static enum store_record record_type(const struct store_append *append)
{
    if (append->half != NULL) {
        return STORE_HALF;
    }
    if (append->commits > 0) {
        return STORE_COMMIT;
    }
    return append->due_ms > 0 ? STORE_DELAYED : STORE_MESSAGE;
}

static enum pending_kind pending_of(enum store_record type)
{
    switch (type) {
    case STORE_HALF: return PENDING_HALF;
    case STORE_COMMIT: return PENDING_COMMIT;
    case STORE_DELAYED: return PENDING_DELAYED;
    default: return PENDING_MESSAGE;
    }
}

size_t store_prefix(enum store_record type)
{
    switch (type) {
    case STORE_HALF: return STORE_HALF_PREFIX;
    case STORE_COMMIT: return STORE_COMMIT_PREFIX;
    case STORE_DELAYED: return STORE_DUE_PREFIX;
    default: return 0;
    }
}

static void put_prefix(enum store_record type, const struct store_append *append, char *out)
{
    switch (type) {
    case STORE_HALF:
        num_store_be64(out, (uint64_t)append->half->next_check_ms);
        num_store_be64(out + 8, (uint64_t)append->half->position);
        num_store_be32(out + 16, (uint32_t)append->half->checks);
        num_store_be32(out + 20, append->half->parked);
        break;
    case STORE_COMMIT: num_store_be64(out, (uint64_t)append->commits); break;
    case STORE_DELAYED: num_store_be64(out, (uint64_t)append->due_ms); break;
    default: break;
    }
}

static void set_half(struct pending *pending, const struct index_half *half)
{
    pending->half = half->position;
    pending->due_ms = half->next_check_ms;
    pending->group_hash = half->group_hash;
    pending->checks = half->checks;
    pending->parked = half->parked;
}

tidings_status store_append(struct broker *broker, const struct store_append *append,
                            struct tidings_error *err)
{
    struct store *store = &broker->store;
    struct wire_message message = append->message;
    struct topic *topic = append->topic;
    enum store_record type = record_type(append);
    size_t prefix = store_prefix(type);
    bool visible = type == STORE_MESSAGE || type == STORE_COMMIT;
    int64_t position;
    char *payload;

    if (topic->deleting) {
        return error_set(err, TIDINGS_E_AGAIN, "topic %s is being deleted", topic->config.name);
    }
    if (!topic->logged) {
        tidings_status logged = store_log_topic(broker, topic, NULL, err);
        if (logged != TIDINGS_OK) {
            return logged;
        }
    }
    BASE_ASSERT(message.queue_id >= 0 && message.queue_id < topic->queue_count);
    struct queue *queue = &topic->queues[message.queue_id];
    message.topic = str_of(topic->config.name);
    if (message.topic.len > WIRE_TOPIC_MAX) { // the layout has one signed byte for its length
        return error_set(err, TIDINGS_E_TOO_LARGE,
                         "topic %s is over %d characters: choose a shorter group name",
                         topic->config.name, WIRE_TOPIC_MAX);
    }
    unsigned marks = append->marks != 0 ? append->marks : wire_properties_marks(message.properties);
    tidings_status status = add_region(broker, marks, &message, &store->properties);
    if (status != TIDINGS_OK) {
        return error_set(err, status, "no memory for a message");
    }
    message.store_host = broker->address;
    message.store_ms = clock_wall_ms(broker->options.clock);
    message.queue_offset = visible ? queue->next : 0;
    size_t size = wire_message_size(&message);

    status = ring_room(store);
    if (status == TIDINGS_OK) {
        status = keys_room(store);
    }
    if (status == TIDINGS_OK) {
        status = commitlog_append_begin(broker->log, prefix + size, &position, &payload);
    }
    if (status != TIDINGS_OK) {
        return error_set(err, status, "message not stored: %s", tidings_status_text(status));
    }
    message.physical_offset = position;
    put_prefix(type, append, payload);
    wire_message_encode(&message, payload + prefix);
    commitlog_append_end(broker->log, (uint8_t)type, prefix + size);

    struct pending *pending = ring_push(store, pending_of(type), position);
    pending->queue_key = queue->key;
    pending->offset = message.queue_offset;
    pending->due_ms = append->due_ms;
    pending->half = append->commits;
    if (append->half != NULL) {
        set_half(pending, append->half);
    }
    pending->entry = (struct index_entry){ .position = position, .size = (uint32_t)size };
    pending->batch_count = append->batch_count;
    set_asker(pending, append->asker);
    if (type != STORE_HALF) { // nobody finds it before it is decided
        read_properties(store, pending, &message);
    }
    queue->next += visible;
    return TIDINGS_OK;
}

// ---- events ----
static tidings_status log_event(struct broker *broker, enum store_record type,
                                enum pending_kind kind, struct str payload,
                                const struct asker *asker, struct pending **ret_pending,
                                struct tidings_error *err)
{
    int64_t position;
    char *room;
    tidings_status status = ring_room(&broker->store);
    if (status == TIDINGS_OK) {
        status = commitlog_append_begin(broker->log, payload.len, &position, &room);
    }
    if (status != TIDINGS_OK) {
        return error_set(err, status, "not stored: %s", tidings_status_text(status));
    }
    memcpy(room, payload.ptr, payload.len);
    commitlog_append_end(broker->log, (uint8_t)type, payload.len);
    struct pending *pending = ring_push(&broker->store, kind, position);
    set_asker(pending, asker);
    if (ret_pending != NULL) {
        *ret_pending = pending;
    }
    return TIDINGS_OK;
}

tidings_status store_log_topic(struct broker *broker, struct topic *topic,
                               const struct asker *asker, struct tidings_error *err)
{
    struct buf json;
    struct pending *pending;
    buf_init(&json, 64 * 1024);
    tidings_status status = settings_topic_encode(&topic->config, &json);
    if (status == TIDINGS_OK) {
        status =
            log_event(broker, STORE_TOPIC, PENDING_TOPIC, buf_str(&json), asker, &pending, err);
    }
    if (status == TIDINGS_OK) {
        pending->queue_key = index_queue_key(topic->config.id, 0);
        topic->logged = true;
        topic->logged_at = pending->position;
    }
    buf_deinit(&json);
    return status;
}

tidings_status store_log_topic_delete(struct broker *broker, int64_t topic_id,
                                      const struct asker *asker, struct tidings_error *err)
{
    struct buf json;
    struct pending *pending;
    buf_init(&json, 1024);
    tidings_status status = buf_addf(&json, "{\"id\":%lld}", (long long)topic_id);
    if (status == TIDINGS_OK) {
        status = log_event(broker, STORE_TOPIC_DELETED, PENDING_TOPIC_DELETED, buf_str(&json),
                           asker, &pending, err);
    }
    if (status == TIDINGS_OK) {
        pending->queue_key = index_queue_key(topic_id, 0);
    }
    buf_deinit(&json);
    return status;
}

tidings_status store_log_group(struct broker *broker, const struct index_group *group,
                               const struct asker *asker, struct tidings_error *err)
{
    struct buf json;
    struct pending *pending;
    char *name = str_dup(str_of(group->name));
    buf_init(&json, 64 * 1024);
    tidings_status status =
        name != NULL ? settings_group_encode(group, &json)
                     : error_set(err, TIDINGS_E_NO_MEMORY, "no memory for a group's settings");
    if (status == TIDINGS_OK) {
        status =
            log_event(broker, STORE_GROUP, PENDING_GROUP, buf_str(&json), asker, &pending, err);
    }
    if (status == TIDINGS_OK) {
        pending->name = name;
        struct group *own = groups_find(&broker->groups, str_of(group->name));
        if (own != NULL) {
            own->logged = true;
            own->logged_at = pending->position;
        }
    } else {
        free(name);
    }
    buf_deinit(&json);
    return status;
}

tidings_status store_log_group_delete(struct broker *broker, struct str name, bool with_offsets,
                                      const struct asker *asker, struct tidings_error *err)
{
    struct buf json;
    struct pending *pending;
    char *own = str_dup(name);
    buf_init(&json, 4096);
    tidings_status status =
        own != NULL ? settings_group_delete_encode(name, with_offsets, &json) : TIDINGS_E_NO_MEMORY;
    if (status == TIDINGS_OK) {
        status = log_event(broker, STORE_GROUP_DELETED, PENDING_GROUP_DELETED, buf_str(&json),
                           asker, &pending, err);
    }
    if (status == TIDINGS_OK) {
        pending->name = own;
        pending->with_offsets = with_offsets;
    } else {
        free(own);
    }
    buf_deinit(&json);
    return status;
}

static void put_deliver_row(char *row, const struct index_due *due, int64_t offset)
{
    num_store_be64(row, (uint64_t)due->position);
    num_store_be64(row + 8, (uint64_t)due->due_ms);
    num_store_be64(row + 16, (uint64_t)due->queue_key);
    num_store_be64(row + 24, (uint64_t)offset);
    num_store_be32(row + 32, due->size);
    num_store_be32(row + 36, (uint32_t)due->tag_code);
}

tidings_status store_log_deliver(struct broker *broker, const struct index_due *rows, size_t count,
                                 bool visible)
{
    struct store *store = &broker->store;
    int64_t position;
    char *payload;
    tidings_status status = store->starved ? TIDINGS_E_NO_MEMORY : TIDINGS_OK;

    while (status == TIDINGS_OK && store->size - store_pending(store) < count) {
        size_t before = store->size;
        uint64_t tail = store->tail;
        store->tail = store->head + store->size; // pretend to be full, to make the ring grow
        status = ring_room(store);
        store->tail = tail;
        BASE_ASSERT(status != TIDINGS_OK || store->size > before);
    }
    if (status == TIDINGS_OK) {
        status =
            commitlog_append_begin(broker->log, count * STORE_DELIVER_ROW, &position, &payload);
    }
    if (status != TIDINGS_OK) {
        return status;
    }
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        const struct index_due *due = &rows[i];
        struct queue *queue = visible ? topics_find_queue(&broker->topics, due->queue_key) : NULL;
        struct pending *pending = ring_push(store, PENDING_DELIVER, position);
        pending->queue_key = due->queue_key;
        pending->due_ms = due->due_ms;
        pending->entry = (struct index_entry){ due->position, due->size, due->tag_code };
        pending->offset =
            queue != NULL ? queue->next++ : -1; // -1: only forget it (its topic may be deleted)
        put_deliver_row(payload + used, due, pending->offset);
        used += STORE_DELIVER_ROW;
    }
    commitlog_append_end(broker->log, STORE_DELIVER, used);
    return TIDINGS_OK;
}

tidings_status store_log_rollback(struct broker *broker, int64_t position,
                                  const struct asker *asker, struct tidings_error *err)
{
    char payload[8];
    struct pending *pending = NULL;
    num_store_be64(payload, (uint64_t)position);
    tidings_status status = log_event(broker, STORE_ROLLBACK, PENDING_ROLLBACK,
                                      str_make(payload, sizeof payload), asker, &pending, err);
    if (status == TIDINGS_OK && pending != NULL) {
        pending->half = position;
    }
    return status;
}

tidings_status store_log_half_state(struct broker *broker, const struct index_half *half,
                                    const struct asker *asker, struct tidings_error *err)
{
    char payload[STORE_HALF_STATE_SIZE];
    struct pending *pending = NULL;
    num_store_be64(payload, (uint64_t)half->position);
    num_store_be64(payload + 8, (uint64_t)half->next_check_ms);
    num_store_be32(payload + 16, (uint32_t)half->checks);
    num_store_be32(payload + 20, half->parked);
    tidings_status status = log_event(broker, STORE_HALF_STATE, PENDING_HALF_STATE,
                                      str_make(payload, sizeof payload), asker, &pending, err);
    if (status == TIDINGS_OK && pending != NULL) {
        set_half(pending, half);
    }
    return status;
}
