// SPDX-License-Identifier: Apache-2.0
// QUERY_CONSUMER_OFFSET (14), UPDATE_CONSUMER_OFFSET (15), and the offsets of queues (29 to 32).
#include "broker/handlers.h"

// RocketMQ gives 0 instead of "none stored" while a queue still holds its first message in memory,
// so that a group whose consumers were there before the topic does not miss its first messages. We
// take this distance of log.
enum { YOUNG_QUEUE_BYTES = 512 * 1024 * 1024 };

static bool is_young(struct broker *broker, struct queue *queue)
{
    struct index_entry entry;
    size_t count;
    if (queue->min != 0 || queue->visible == 0) {
        return queue->min == 0;
    }
    if (store_entries(broker, queue, 0, 1, &entry, &count, NULL) != TIDINGS_OK || count == 0) {
        return false;
    }
    return commitlog_end(broker->log) - entry.position < YOUNG_QUEUE_BYTES;
}

void handle_query_offset(struct request *request)
{
    struct broker *broker = request->broker;
    struct wire_query_offset asked;
    struct tidings_error err = { 0 };
    tidings_status status = wire_query_offset_decode(request->header, &asked, &err);
    if (status != TIDINGS_OK) {
        answer_error(request, status, &err);
        return;
    }
    struct group *group = groups_find(&broker->groups, asked.group);
    int64_t offset = group != NULL ? group_offset(group, asked.topic, asked.queue_id) : -1;
    if (offset >= 0) {
        answer_number(request, "offset", offset);
        return;
    }
    struct topic *topic = topics_find(&broker->topics, asked.topic);
    if (asked.zero_if_none && topic != NULL && asked.queue_id >= 0 &&
        asked.queue_id < topic->queue_count && is_young(broker, &topic->queues[asked.queue_id])) {
        answer_number(request, "offset", 0);
        return;
    }
    answer_code(request, WIRE_QUERY_NOT_FOUND,
                "Not found, V3_0_6_SNAPSHOT maybe this group consumer boot first");
}

void handle_update_offset(struct request *request)
{
    struct broker *broker = request->broker;
    struct wire_update_offset asked;
    struct group *group;
    struct tidings_error err = { 0 };
    tidings_status status = wire_update_offset_decode(request->header, &asked, &err);
    if (status == TIDINGS_OK) {
        struct queue *queue = handler_queue(request, asked.topic, asked.queue_id);
        if (queue == NULL) {
            return;
        }
        if (asked.commit_offset < 0 || asked.commit_offset > queue->visible) {
            status = error_set(&err, TIDINGS_E_INVALID, "commitOffset %lld is outside of 0 to %lld",
                               (long long)asked.commit_offset, (long long)queue->visible);
        }
    }
    if (status == TIDINGS_OK) {
        status = groups_ensure(broker, asked.group, &group, &err);
    }
    if (status == TIDINGS_OK) {
        status = groups_set_offset(broker, group, asked.topic, asked.queue_id, asked.commit_offset);
    }
    if (status != TIDINGS_OK) {
        answer_error(request, status, &err);
        return;
    }
    answer_code(request, WIRE_SUCCESS, NULL);
}

// The queue of requests 29 to 32; NULL when it was answered.
static struct queue *decode_queue(struct request *request, struct wire_queue_request *ret)
{
    struct tidings_error err = { 0 };
    tidings_status status = wire_queue_request_decode(request->header, ret, &err);
    if (status != TIDINGS_OK) {
        answer_error(request, status, &err);
        return NULL;
    }
    return handler_queue(request, ret->topic, ret->queue_id);
}

void handle_max_offset(struct request *request)
{
    struct wire_queue_request asked;
    struct queue *queue = decode_queue(request, &asked);
    if (queue != NULL) {
        answer_number(request, "offset", queue->visible);
    }
}

void handle_min_offset(struct request *request)
{
    struct wire_queue_request asked;
    struct queue *queue = decode_queue(request, &asked);
    if (queue != NULL) {
        answer_number(request, "offset", queue->min);
    }
}

// Store time of the message at an offset; -1 when it cannot be read.
static int64_t store_time(struct broker *broker, struct queue *queue, int64_t offset)
{
    struct index_entry entry;
    struct wire_message message;
    struct str bytes;
    int64_t due_ms;
    size_t count;
    if (store_entries(broker, queue, offset, 1, &entry, &count, NULL) != TIDINGS_OK || count == 0 ||
        entry.position < 0 ||
        store_read(broker, entry.position, &bytes, &due_ms, NULL) != TIDINGS_OK ||
        wire_message_decode(bytes, &message, NULL) != TIDINGS_OK) {
        return -1;
    }
    return due_ms > 0 ? due_ms
                      : message.store_ms; // a delayed message counts from when it was visible
}

int64_t queue_offset_at(struct broker *broker, struct queue *queue, int64_t wall_ms)
{
    int64_t low = queue->min;
    int64_t high = queue->visible;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (store_time(broker, queue, middle) < wall_ms) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

int64_t queue_time_at(struct broker *broker, struct queue *queue, int64_t offset)
{
    int64_t time =
        offset >= queue->min && offset < queue->visible ? store_time(broker, queue, offset) : 0;
    return time < 0 ? 0 : time;
}

int64_t queue_last_time(struct broker *broker, struct queue *queue)
{
    return queue_time_at(broker, queue, queue->visible - 1);
}

void handle_search_offset(struct request *request)
{
    struct wire_queue_request asked;
    struct queue *queue = decode_queue(request, &asked);
    if (queue == NULL) {
        return;
    }
    int64_t offset = queue_offset_at(request->broker, queue, asked.timestamp);
    if (str_eq_c(asked.boundary, "UPPER")) { // the last message not after the time
        int64_t after = asked.timestamp < INT64_MAX ? asked.timestamp + 1 : INT64_MAX;
        int64_t behind = queue_offset_at(request->broker, queue, after);
        offset = behind > queue->min ? behind - 1 : behind;
    }
    answer_number(request, "offset", offset);
}

void handle_earliest_time(struct request *request)
{
    struct wire_queue_request asked;
    struct queue *queue = decode_queue(request, &asked);
    if (queue != NULL) {
        answer_number(request, "timestamp",
                      queue->min < queue->visible ? store_time(request->broker, queue, queue->min)
                                                  : -1);
    }
}
