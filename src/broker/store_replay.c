// SPDX-License-Identifier: Apache-2.0
// Recovery: what the log holds beyond the index's position is applied to memory and to the index
// again.
#include <time.h>

#include "broker/pending.h"
#include "broker/settings.h"

enum { BATCH_RECORDS = 1024 };

// A message whose topic's settings are gone with an old segment (the index was deleted): made anew.
static tidings_status find_or_make(struct broker *broker, struct str name, int32_t queue_id,
                                   struct topic **ret)
{
    struct topic *topic = topics_find(&broker->topics, name);
    if (topic != NULL && queue_id < topic->queue_count) {
        *ret = topic;
        return TIDINGS_OK;
    }
    struct index_topic config = { .perm = 6, .retry = { .window_ms = -1, .limit = -1 } };
    if (topic != NULL) {
        config = topic->config;
    }
    if (queue_id < 0 || !str_copy(config.name, sizeof config.name, name)) {
        return TIDINGS_E_CORRUPT;
    }
    config.read_queues = queue_id + 1;
    config.write_queues = queue_id + 1;
    tidings_status status = topics_put(&broker->topics, &config, ret);
    return status == TIDINGS_OK ? index_batch_topic(store_batch(broker), &(*ret)->config) : status;
}

static tidings_status add_entry(struct broker *broker, struct queue *queue, int64_t offset,
                                const struct index_entry *entry)
{
    if (offset < queue->visible) {
        return TIDINGS_OK; // known already
    }
    if (offset > queue->visible) { // a gap: records were damaged
        broker->gap = true;        // the tail in memory begins anew
        queue->min = queue->min == queue->visible ? offset : queue->min;
        queue->visible = offset;
        queue->next = offset;
        queue->tail_first = offset;
    }
    tidings_status status = queue_publish(queue, entry);
    return status == TIDINGS_OK ? index_batch_entry(store_batch(broker), queue->key, offset, entry)
                                : status;
}

static tidings_status add_keys(struct broker *broker, const struct wire_message *message,
                               int64_t position, int32_t *ret_tag_code)
{
    struct wire_pair pair;
    size_t cursor = 0;
    tidings_status status = TIDINGS_OK;
    *ret_tag_code = 0;
    while (status == TIDINGS_OK && wire_properties_next(message->properties, &cursor, &pair)) {
        struct str rest = pair.value;
        struct str key;
        if (str_eq(pair.key, WIRE_P_TAGS)) {
            *ret_tag_code = str_java_hash(pair.value);
        } else if (str_eq(pair.key, WIRE_P_UNIQ_KEY)) {
            status = index_batch_key(store_batch(broker),
                                     store_key_hash(message->topic, pair.value), position);
        } else if (str_eq(pair.key, WIRE_P_KEYS)) {
            while (status == TIDINGS_OK && str_split(&rest, ' ', &key)) {
                if (key.len > 0) {
                    status = index_batch_key(store_batch(broker),
                                             store_key_hash(message->topic, key), position);
                }
            }
        }
    }
    return status;
}

static tidings_status replay_message(struct broker *broker, int64_t position, struct str payload,
                                     int64_t due_ms)
{
    struct wire_message message;
    struct topic *topic;
    struct tidings_error err;
    int32_t tag_code;
    tidings_status status = wire_message_decode(payload, &message, &err);
    if (status == TIDINGS_OK) {
        status = find_or_make(broker, message.topic, message.queue_id, &topic);
    }
    if (status == TIDINGS_OK) {
        status = add_keys(broker, &message, position, &tag_code);
    }
    if (status != TIDINGS_OK) {
        return status;
    }
    struct queue *queue = &topic->queues[message.queue_id];
    if (due_ms > 0) {
        struct index_due due = { due_ms, position, queue->key, (uint32_t)payload.len, tag_code };
        return index_batch_due_add(store_batch(broker), &due);
    }
    struct index_entry entry = { position, (uint32_t)payload.len, tag_code };
    return add_entry(broker, queue, message.queue_offset, &entry);
}

static tidings_status forget_half(struct broker *broker, int64_t position)
{
    halves_forget(broker, position);
    return index_batch_half_remove(store_batch(broker), position);
}

static tidings_status replay_half(struct broker *broker, int64_t position, struct str payload)
{
    struct wire_message message;
    struct topic *topic;
    struct tidings_error err;
    struct index_half half = { .position = position,
                               .next_check_ms = (int64_t)num_load_be64(payload.ptr),
                               .checks = (int32_t)num_load_be32(payload.ptr + 16),
                               .parked = num_load_be32(payload.ptr + 20) != 0 };
    int64_t moved = (int64_t)num_load_be64(payload.ptr + 8);
    tidings_status status = wire_message_decode(
        str_make(payload.ptr + STORE_HALF_PREFIX, payload.len - STORE_HALF_PREFIX), &message, &err);
    if (status == TIDINGS_OK) {
        status = find_or_make(broker, message.topic, message.queue_id, &topic);
    }
    if (status == TIDINGS_OK) {
        half.group_hash = str_hash(wire_properties_get(message.properties, WIRE_P_PGROUP));
        status = halves_put(broker, &half);
    }
    if (status == TIDINGS_OK) {
        status = index_batch_half(store_batch(broker), &half, true);
    }
    return status == TIDINGS_OK && moved > 0 ? forget_half(broker, moved) : status;
}

static tidings_status replay_half_state(struct broker *broker, struct str payload)
{
    const struct half *known = halves_find(&broker->halves, (int64_t)num_load_be64(payload.ptr));
    if (known == NULL) {
        return TIDINGS_OK; // decided
    }
    struct index_half half = known->row;
    half.next_check_ms = (int64_t)num_load_be64(payload.ptr + 8);
    half.checks = (int32_t)num_load_be32(payload.ptr + 16);
    half.parked = num_load_be32(payload.ptr + 20) != 0;
    tidings_status status = halves_put(broker, &half);
    return status == TIDINGS_OK ? index_batch_half(store_batch(broker), &half, false) : status;
}

static tidings_status replay_commit(struct broker *broker, int64_t position, struct str payload)
{
    tidings_status status = replay_message(
        broker, position,
        str_make(payload.ptr + STORE_COMMIT_PREFIX, payload.len - STORE_COMMIT_PREFIX), 0);
    return status == TIDINGS_OK ? forget_half(broker, (int64_t)num_load_be64(payload.ptr)) : status;
}

// Records of half messages; the payload has at least the bytes that its type begins with.
static tidings_status replay_transaction(struct broker *broker, int64_t position, uint8_t type,
                                         struct str payload)
{
    size_t least = type == STORE_HALF       ? STORE_HALF_PREFIX
                   : type == STORE_COMMIT   ? STORE_COMMIT_PREFIX
                   : type == STORE_ROLLBACK ? 8
                                            : STORE_HALF_STATE_SIZE;
    if (payload.len < least) {
        return TIDINGS_E_CORRUPT;
    }
    switch ((enum store_record)type) {
    case STORE_HALF: return replay_half(broker, position, payload);
    case STORE_COMMIT: return replay_commit(broker, position, payload);
    case STORE_ROLLBACK: return forget_half(broker, (int64_t)num_load_be64(payload.ptr));
    default: return replay_half_state(broker, payload);
    }
}

static tidings_status replay_deliver(struct broker *broker, struct str payload)
{
    tidings_status status = TIDINGS_OK;
    for (size_t at = 0; at + STORE_DELIVER_ROW <= payload.len && status == TIDINGS_OK;
         at += STORE_DELIVER_ROW) {
        const char *row = payload.ptr + at;
        struct index_entry entry = { (int64_t)num_load_be64(row), num_load_be32(row + 32),
                                     (int32_t)num_load_be32(row + 36) };
        int64_t due_ms = (int64_t)num_load_be64(row + 8);
        struct queue *queue = topics_find_queue(&broker->topics, (int64_t)num_load_be64(row + 16));
        int64_t offset = (int64_t)num_load_be64(row + 24);
        status = index_batch_due_remove(store_batch(broker), due_ms, entry.position);
        if (status == TIDINGS_OK && queue != NULL && offset >= 0) {
            status = add_entry(broker, queue, offset, &entry);
        }
    }
    return status;
}

static tidings_status remove_topic(struct broker *broker, struct topic *topic)
{
    int64_t id = topic->config.id;
    groups_forget_topic(&broker->groups, str_of(topic->config.name));
    topics_remove(&broker->topics, topic);
    return index_batch_topic_delete(store_batch(broker), id);
}

static tidings_status replay_topic(struct broker *broker, int64_t position, struct str payload)
{
    struct index_topic config;
    struct topic *topic;
    struct tidings_error err;
    tidings_status status = settings_topic_decode(payload, &config, &err);
    struct topic *known =
        status == TIDINGS_OK ? topics_find(&broker->topics, str_of(config.name)) : NULL;
    if (known != NULL && config.id != 0 && known->config.id != config.id) {
        status = remove_topic(broker, known); // its deletion was lost with a damaged record
    }
    if (status == TIDINGS_OK) {
        status = topics_put(&broker->topics, &config, &topic);
    }
    if (status == TIDINGS_OK) {
        topic->logged = true;
        topic->logged_at = position;
        status = index_batch_topic(store_batch(broker), &topic->config);
    }
    return status;
}

static tidings_status replay_topic_delete(struct broker *broker, struct str payload)
{
    int64_t id;
    struct tidings_error err;
    tidings_status status = settings_topic_delete_decode(payload, &id, &err);
    struct topic *topic = status == TIDINGS_OK ? topics_find_id(&broker->topics, id) : NULL;
    return topic != NULL ? remove_topic(broker, topic) : status;
}

static tidings_status replay_group(struct broker *broker, int64_t position, struct str payload,
                                   bool deleted)
{
    struct index_group config;
    struct group *group;
    struct tidings_error err;
    bool with_offsets = false;
    tidings_status status =
        deleted ? settings_group_delete_decode(payload, &config, &with_offsets, &err)
                : settings_group_decode(payload, &config, &err);
    if (status != TIDINGS_OK) {
        return status;
    }
    if (deleted) {
        groups_remove(&broker->groups, str_of(config.name), with_offsets);
        return index_batch_group_delete(store_batch(broker), str_of(config.name), with_offsets);
    }
    status = groups_put(&broker->groups, &config, &group);
    if (status == TIDINGS_OK) {
        group->logged = true;
        group->logged_at = position;
        status = index_batch_group(store_batch(broker), &group->config);
    }
    return status;
}

tidings_status store_replay(void *arg, int64_t position, uint8_t type, int64_t wall_ms,
                            struct str payload)
{
    struct broker *broker = arg;
    tidings_status status = TIDINGS_OK;
    (void)wall_ms;
    broker->last_position = position;
    if (store_batch(broker) == NULL) {
        return TIDINGS_E_NO_MEMORY;
    }
    switch ((enum store_record)type) {
    case STORE_MESSAGE: status = replay_message(broker, position, payload, 0); break;
    case STORE_DELAYED:
        if (payload.len > STORE_DUE_PREFIX) {
            status = replay_message(
                broker, position,
                str_make(payload.ptr + STORE_DUE_PREFIX, payload.len - STORE_DUE_PREFIX),
                (int64_t)num_load_be64(payload.ptr));
        }
        break;
    case STORE_DELIVER: status = replay_deliver(broker, payload); break;
    case STORE_TOPIC: status = replay_topic(broker, position, payload); break;
    case STORE_TOPIC_DELETED: status = replay_topic_delete(broker, payload); break;
    case STORE_GROUP: status = replay_group(broker, position, payload, false); break;
    case STORE_GROUP_DELETED: status = replay_group(broker, position, payload, true); break;
    case STORE_HALF:
    case STORE_COMMIT:
    case STORE_ROLLBACK:
    case STORE_HALF_STATE: status = replay_transaction(broker, position, type, payload); break;
    default:
        log_line(broker->options.log, LOG_WARN, "broker",
                 "msg=\"record of an unknown type in the log, made by a newer version?\" "
                 "position=%lld type=%u",
                 (long long)position, (unsigned)type);
        break;
    }
    if (status != TIDINGS_OK && status != TIDINGS_E_NO_MEMORY) {
        broker->stats.damaged_records++;
        log_line(
            broker->options.log, LOG_ERROR, "broker",
            "msg=\"a record in the log cannot be applied\" position=%lld type=%u reason=\"%s\"",
            (long long)position, (unsigned)type, tidings_status_text(status));
        status = TIDINGS_OK;
    }
    if (status == TIDINGS_OK && ++broker->replayed % BATCH_RECORDS == 0) {
        index_submit(broker->index, broker->store.batch, position);
        broker->store.batch = NULL;
        broker_poll_index(
            broker); // a whole log may come by: memory holds only what is not yet indexed
        while (index_is_full(broker->index)) {
            const struct timespec moment = { 0, 1000000 };
            nanosleep(&moment, NULL);
            broker_poll_index(broker);
        }
    }
    return status;
}
