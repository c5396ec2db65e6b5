// SPDX-License-Identifier: Apache-2.0
#include "broker/pull.h"

#include "broker/answer.h"

// One pass over the queue.
struct scan {
    struct broker *broker;
    struct queue *queue;
    const struct pull *pull;
    int64_t next; // offset behind what was looked at
    int32_t found;
    bool full;             // count or bytes are reached, or it cannot go on
    tidings_status status; // why it cannot go on
    struct tidings_error err;
};

static void scan_stop(struct scan *scan, tidings_status status)
{
    scan->status = status;
    scan->full = true;
}

static size_t bytes_limit(const struct pull *pull)
{
    return pull->max_bytes > 0 && pull->max_bytes < PULL_BYTES_MAX ? (size_t)pull->max_bytes
                                                                   : PULL_BYTES_MAX;
}

static bool matches(const struct pull *pull, const struct index_entry *entry, struct str message)
{
    struct wire_message decoded;
    struct tidings_error err;
    if (pull->tags->all && pull->expression == NULL) {
        return true;
    }
    if (wire_message_decode(message, &decoded, &err) != TIDINGS_OK) {
        return false;
    }
    if (pull->expression != NULL) {
        return expression_matches(pull->expression, decoded.properties);
    }
    struct str tag = wire_properties_get(decoded.properties, WIRE_P_TAGS);
    return wire_tags_match(pull->tags, tag, entry->tag_code);
}

static bool code_may_match(const struct wire_tags *tags, int32_t code)
{
    if (tags->all) {
        return true;
    }
    for (unsigned i = 0; i < tags->count; i++) {
        if (tags->tags[i].code == code) {
            return true;
        }
    }
    return false;
}

// Adds the message of one entry to broker->body, or passes it over.
static void scan_entry(struct scan *scan, const struct index_entry *entry)
{
    struct broker *broker = scan->broker;
    struct str message;
    int64_t due_ms;
    if (entry->position < 0 || !code_may_match(scan->pull->tags, entry->tag_code)) {
        scan->next++;
        return;
    }
    if (scan->found > 0 && broker->body.len + entry->size > bytes_limit(scan->pull)) {
        scan->full = true;
        return;
    }
    tidings_status status = store_read(broker, entry->position, &message, &due_ms, &scan->err);
    if (status == TIDINGS_E_IO || status == TIDINGS_E_NO_MEMORY) {
        scan_stop(scan, status); // it is there: the consumer must not be led past it
        return;
    }
    if (status != TIDINGS_OK || !matches(scan->pull, entry, message)) {
        scan->next++; // expired, or damaged: counted and logged by store_read
        return;
    }
    char *copy;
    if (buf_reserve(&broker->body, message.len, &copy) != TIDINGS_OK) {
        scan_stop(scan, error_set(&scan->err, TIDINGS_E_NO_MEMORY, "no memory for an answer"));
        return;
    }
    memcpy(copy, message.ptr, message.len);
    broker->body.len += message.len;
    wire_message_patch(copy, scan->queue->id, scan->next);
    scan->next++;
    scan->found++;
    scan->full = scan->found >= scan->pull->max_messages;
}

static void scan_queue(struct scan *scan)
{
    struct index_entry entries[INDEX_BLOCK];
    int64_t limit = scan->next + PULL_SCAN_MAX;
    while (!scan->full && scan->next < scan->queue->visible && scan->next < limit) {
        size_t count;
        tidings_status status = store_entries(scan->broker, scan->queue, scan->next, INDEX_BLOCK,
                                              entries, &count, &scan->err);
        if (status != TIDINGS_OK || count == 0) {
            if (status != TIDINGS_OK) {
                log_line(
                    scan->broker->options.log, LOG_ERROR, "broker",
                    "msg=\"the index cannot be read\" topic=%s queue=%d offset=%lld reason=\"%s\"",
                    scan->queue->topic->config.name, scan->queue->id, (long long)scan->next,
                    error_text(&scan->err, status));
                scan_stop(scan, status);
                return;
            }
            scan->next = (scan->next / INDEX_BLOCK + 1) * INDEX_BLOCK; // a hole left by damage
            if (scan->next > scan->queue->visible) {
                scan->next = scan->queue->visible;
            }
        }
        for (size_t i = 0; i < count && !scan->full; i++) {
            scan_entry(scan, &entries[i]);
        }
    }
}

static void send_answer(struct broker *broker, struct queue *queue, const struct pull *pull,
                        int32_t code, const char *remark, int64_t next, struct str body)
{
    struct asker asker = { .conn_id = pull->conn_id,
                           .opaque = pull->opaque,
                           .code = pull->code,
                           .serialize = pull->serialize };
    struct wire_header response;
    char numbers[3][24];
    answer_begin(&asker, &response, code);
    response.remark = str_of(remark);
    response.ext[0] = (struct wire_pair){ STR("suggestWhichBrokerId"), STR("0") };
    response.ext[1] = (struct wire_pair){ STR("nextBeginOffset"),
                                          str_make(numbers[0], num_format_i64(numbers[0], next)) };
    response.ext[2] =
        (struct wire_pair){ STR("minOffset"),
                            str_make(numbers[1], num_format_i64(numbers[1], queue->min)) };
    response.ext[3] =
        (struct wire_pair){ STR("maxOffset"),
                            str_make(numbers[2], num_format_i64(numbers[2], queue->visible)) };
    response.ext_count = 4;
    answer_send(broker, &asker, &response, body);
}

// Offsets outside of the queue. True when that was the answer.
static bool answer_moved(struct broker *broker, struct queue *queue, const struct pull *pull)
{
    int64_t to = -1;
    if (pull->offset < queue->min) {
        to = queue->min;
    } else if (pull->offset > queue->visible) {
        to = queue->visible;
    }
    if (to < 0) {
        return false;
    }
    send_answer(broker, queue, pull, WIRE_PULL_OFFSET_MOVED, "OFFSET_OVERFLOW_OR_TOO_SMALL", to,
                (struct str){ 0 });
    return true;
}

bool pull_answer(struct broker *broker, struct queue *queue, struct pull *pull, bool final)
{
    if (answer_moved(broker, queue, pull)) {
        return true;
    }
    struct net_conn *conn = net_conn_find(broker->options.loop, pull->conn_id);
    if (conn != NULL && net_conn_is_congested(conn)) { // a slow reader with many pulls held here
        send_answer(broker, queue, pull, WIRE_PULL_RETRY_IMMEDIATELY, "SLOW_READER", pull->offset,
                    (struct str){ 0 });
        return true;
    }
    struct scan scan = { .broker = broker, .queue = queue, .pull = pull, .next = pull->offset };
    buf_clear(&broker->body);
    scan_queue(&scan);
    if (scan.found > 0) {
        send_answer(broker, queue, pull, WIRE_SUCCESS, NULL, scan.next, buf_str(&broker->body));
        broker->stats.pulls_found++;
        broker->stats.messages_out += (uint64_t)scan.found;
        broker->stats.bytes_out += broker->body.len;
        return true;
    }
    if (scan.status != TIDINGS_OK) {
        send_answer(broker, queue, pull, WIRE_SYSTEM_ERROR, error_text(&scan.err, scan.status),
                    pull->offset, (struct str){ 0 });
        return true;
    }
    bool moved = scan.next > pull->offset;
    pull->offset = scan.next;
    if (!final && scan.next >= queue->visible) {
        return false; // hold it from here on
    }
    broker->stats.pulls_missed++;
    send_answer(broker, queue, pull,
                moved || scan.next < queue->visible ? WIRE_PULL_RETRY_IMMEDIATELY
                                                    : WIRE_PULL_NOT_FOUND,
                moved ? "NO_MATCHED_MESSAGE" : "NO_NEW_MESSAGE", scan.next, (struct str){ 0 });
    return true;
}
