// SPDX-License-Identifier: Apache-2.0
#include "broker/topic.h"

#include <stdlib.h>

#include "broker/broker.h"

enum {
    TAIL_SIZE_MIN = 16,
    TAIL_KEEP =
        16, // entries kept at the tip after they were indexed: consumers at the tail find them here
};

tidings_status topics_init(struct topics *topics, size_t max)
{
    *topics = (struct topics){ .next_id = 1 };
    map_init(&topics->by_name, max);
    return TIDINGS_OK;
}

static void topic_free(struct topic *topic)
{
    for (int32_t i = 0; i < topic->queue_count; i++) {
        free(topic->queues[i].tail);
    }
    free(topic->queues);
    free(topic);
}

void topics_deinit(struct topics *topics)
{
    for (size_t i = 0; i < topics->id_size; i++) {
        if (topics->by_id[i] != NULL) {
            topic_free(topics->by_id[i]);
        }
    }
    free(topics->by_id);
    map_deinit(&topics->by_name);
}

struct topic *topics_find(const struct topics *topics, struct str name)
{
    return map_get(&topics->by_name, name);
}

struct topic *topics_find_id(const struct topics *topics, int64_t id)
{
    return id > 0 && (uint64_t)id < topics->id_size ? topics->by_id[id] : NULL;
}

struct queue *topics_find_queue(const struct topics *topics, int64_t queue_key)
{
    struct topic *topic = topics_find_id(topics, queue_key >> 16);
    int32_t id = (int32_t)(queue_key & 0xffff);
    return topic != NULL && id < topic->queue_count ? &topic->queues[id] : NULL;
}

size_t topics_count(const struct topics *topics)
{
    return topics->by_name.count;
}

// Moves the queues to a larger array. Lists of held pulls and news point into the old one, so they
// are relinked.
tidings_status topic_grow(struct topic *topic, int32_t count)
{
    if (count <= topic->queue_count) {
        return TIDINGS_OK;
    }
    struct queue *queues = calloc((size_t)count, sizeof *queues);
    if (queues == NULL) {
        return TIDINGS_E_NO_MEMORY;
    }
    for (int32_t i = 0; i < count; i++) {
        struct queue *queue = &queues[i];
        list_init(&queue->waits);
        list_init(&queue->woken_node);
        if (i < topic->queue_count) {
            struct queue *old = &topic->queues[i];
            struct list waits;
            list_init(&waits);
            for (struct list *node = list_pop(&old->waits); node; node = list_pop(&old->waits)) {
                list_add_tail(&waits, node);
            }
            BASE_ASSERT(
                !old->woken); // news are handled within the turn, settings change outside of it
            *queue = *old;
            list_init(&queue->waits);
            list_init(&queue->woken_node);
            for (struct list *node = list_pop(&waits); node; node = list_pop(&waits)) {
                list_add_tail(&queue->waits, node);
            }
        } else {
            queue->topic = topic;
            queue->id = i;
            queue->key = index_queue_key(topic->config.id, i);
        }
    }
    free(topic->queues);
    topic->queues = queues;
    topic->queue_count = count;
    return TIDINGS_OK;
}

static tidings_status reserve_id(struct topics *topics, int64_t id)
{
    if ((uint64_t)id < topics->id_size) {
        return TIDINGS_OK;
    }
    size_t size = (size_t)id * 2 + 64;
    struct topic **grown = realloc(topics->by_id, size * sizeof *grown);
    if (grown == NULL) {
        return TIDINGS_E_NO_MEMORY;
    }
    memset(grown + topics->id_size, 0, (size - topics->id_size) * sizeof *grown);
    topics->by_id = grown;
    topics->id_size = size;
    return TIDINGS_OK;
}

static int32_t queues_of(const struct index_topic *config)
{
    return config->read_queues > config->write_queues ? config->read_queues : config->write_queues;
}

static tidings_status topic_add(struct topics *topics, const struct index_topic *config,
                                struct topic **ret)
{
    struct topic *topic = calloc(1, sizeof *topic);
    if (topic == NULL) {
        return TIDINGS_E_NO_MEMORY;
    }
    topic->config = *config;
    if (topic->config.id == 0) {
        topic->config.id = topics->next_id;
    }
    tidings_status status = reserve_id(topics, topic->config.id);
    if (status == TIDINGS_OK && topics->by_id[topic->config.id] != NULL) {
        status = TIDINGS_E_CORRUPT; // two names for one id
    }
    if (status == TIDINGS_OK) {
        status = topic_grow(topic, queues_of(config));
    }
    if (status == TIDINGS_OK) {
        status = map_put(&topics->by_name, str_of(config->name), topic, NULL);
    }
    if (status != TIDINGS_OK) {
        topic_free(topic);
        return status;
    }
    if (topic->config.id >= topics->next_id) {
        topics->next_id = topic->config.id + 1;
    }
    topics->by_id[topic->config.id] = topic;
    *ret = topic;
    return TIDINGS_OK;
}

tidings_status topics_put(struct topics *topics, const struct index_topic *config,
                          struct topic **ret)
{
    if (queues_of(config) > BROKER_QUEUES_MAX || queues_of(config) < 1) {
        return TIDINGS_E_INVALID;
    }
    struct topic *topic = topics_find(topics, str_of(config->name));
    if (topic == NULL) {
        return topic_add(topics, config, ret);
    }
    tidings_status status = topic_grow(topic, queues_of(config));
    if (status != TIDINGS_OK) {
        return status;
    }
    int64_t id = topic->config.id;
    topic->config = *config;
    topic->config.id = id;
    *ret = topic;
    return TIDINGS_OK;
}

void topics_remove(struct topics *topics, struct topic *topic)
{
    (void)map_remove(&topics->by_name, str_of(topic->config.name));
    topics->by_id[topic->config.id] = NULL;
    topic_free(topic);
}

bool topic_is_reserved(struct str name)
{
    static const char *const reserved[] = {
        "SCHEDULE_TOPIC_XXXX",        "RMQ_SYS_TRANS_HALF_TOPIC", "RMQ_SYS_TRANS_OP_HALF_TOPIC",
        "TRANS_CHECK_MAX_TIME_TOPIC", "SELF_TEST_TOPIC",          "OFFSET_MOVED_EVENT",
    };
    for (size_t i = 0; i < BASE_COUNT(reserved); i++) {
        if (str_eq_c(name, reserved[i])) {
            return true;
        }
    }
    return false;
}

static tidings_status tail_grow(struct queue *queue)
{
    size_t size = queue->tail_size == 0 ? TAIL_SIZE_MIN : queue->tail_size * 2;
    struct index_entry *tail = malloc(size * sizeof *tail);
    if (tail == NULL) {
        return TIDINGS_E_NO_MEMORY;
    }
    for (int64_t offset = queue->tail_first; offset < queue->visible; offset++) {
        tail[(size_t)offset & (size - 1)] = queue->tail[(size_t)offset & (queue->tail_size - 1)];
    }
    free(queue->tail);
    queue->tail = tail;
    queue->tail_size = size;
    return TIDINGS_OK;
}

tidings_status queue_publish(struct queue *queue, const struct index_entry *entry)
{
    if (queue->tail_size == 0) {
        queue->tail_first = queue->visible;
    }
    if ((size_t)(queue->visible - queue->tail_first) == queue->tail_size) {
        tidings_status status = tail_grow(queue);
        if (status != TIDINGS_OK) {
            return status;
        }
    }
    queue->tail[(size_t)queue->visible & (queue->tail_size - 1)] = *entry;
    queue->visible++;
    if (queue->next < queue->visible) {
        queue->next = queue->visible;
    }
    return TIDINGS_OK;
}

// After a burst the ring goes back to its least size.
static void tail_shrink(struct queue *queue)
{
    struct index_entry *tail = malloc(TAIL_SIZE_MIN * sizeof *tail);
    if (tail == NULL) {
        return; // stays large, no harm
    }
    for (int64_t offset = queue->tail_first; offset < queue->visible; offset++) {
        tail[(size_t)offset & (TAIL_SIZE_MIN - 1)] =
            queue->tail[(size_t)offset & (queue->tail_size - 1)];
    }
    free(queue->tail);
    queue->tail = tail;
    queue->tail_size = TAIL_SIZE_MIN;
}

void queue_indexed(struct queue *queue, int64_t offset)
{
    if (offset > queue->indexed) {
        queue->indexed = offset;
    }
    int64_t keep = queue->visible - TAIL_KEEP;
    int64_t first = queue->indexed < keep ? queue->indexed : keep;
    if (first > queue->tail_first) {
        queue->tail_first = first;
    }
    if (queue->tail_size > 1024 && queue->indexed == queue->visible) {
        tail_shrink(queue);
    }
}

const struct index_entry *queue_tail_entry(const struct queue *queue, int64_t offset)
{
    if (queue->tail_size == 0 || offset < queue->tail_first || offset >= queue->visible) {
        return NULL;
    }
    return &queue->tail[(size_t)offset & (queue->tail_size - 1)];
}
