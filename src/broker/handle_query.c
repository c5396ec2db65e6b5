// SPDX-License-Identifier: Apache-2.0
// VIEW_MESSAGE_BY_ID (33), QUERY_MESSAGE (12).
#include "broker/handlers.h"

enum { QUERY_MAX = 64, CANDIDATES = 256, QUERY_BYTES_MAX = 4 * 1024 * 1024 };

void handle_view_message(struct request *request)
{
    struct wire_view asked;
    struct str message;
    int64_t due_ms;
    struct tidings_error err = { 0 };
    tidings_status status = wire_view_decode(request->header, &asked, &err);
    if (status == TIDINGS_OK) {
        status = store_read(request->broker, asked.offset, &message, &due_ms, &err);
    }
    if (status != TIDINGS_OK) {
        answer_codef(request, WIRE_SYSTEM_ERROR, "can not find message by the offset, %lld: %s",
                     (long long)asked.offset, error_text(&err, status));
        return;
    }
    answer_body(request, message);
}

static bool has_key(const struct wire_message *message, struct str key)
{
    struct str rest = wire_properties_get(message->properties, WIRE_P_KEYS);
    struct str piece;
    if (str_eq(wire_properties_get(message->properties, WIRE_P_UNIQ_KEY), key)) {
        return true;
    }
    while (rest.ptr != NULL && str_split(&rest, ' ', &piece)) {
        if (str_eq(piece, key)) {
            return true;
        }
    }
    return false;
}

// Adds the message at a position to broker->body when it really is the one asked for.
static bool add_if_matching(struct broker *broker, const struct wire_query *asked, int64_t position)
{
    struct str bytes;
    struct wire_message message;
    int64_t due_ms;
    if (store_read(broker, position, &bytes, &due_ms, NULL) != TIDINGS_OK ||
        wire_message_decode(bytes, &message, NULL) != TIDINGS_OK) {
        return false;
    }
    if (!str_eq(message.topic, asked->topic) || message.store_ms < asked->begin_ms ||
        message.store_ms > asked->end_ms || !has_key(&message, asked->key)) {
        return false;
    }
    return broker->body.len + bytes.len <= QUERY_BYTES_MAX &&
           buf_add_str(&broker->body, bytes) == TIDINGS_OK;
}

static tidings_status collect(struct broker *broker, const struct wire_query *asked, int max,
                              int *ret_found, int64_t *ret_newest, struct tidings_error *err)
{
    int64_t positions[CANDIDATES];
    int64_t before = INT64_MAX;
    size_t count;
    uint64_t hash = store_key_hash(asked->topic, asked->key);
    *ret_found = 0;
    *ret_newest = 0;
    do {
        tidings_status status =
            index_find_key(broker->index, hash, before, CANDIDATES, positions, &count, err);
        if (status != TIDINGS_OK) {
            return status;
        }
        for (size_t i = 0; i < count && *ret_found < max; i++) {
            if (add_if_matching(broker, asked, positions[i])) {
                *ret_newest = *ret_found == 0 ? positions[i] : *ret_newest;
                ++*ret_found;
            }
            before = positions[i];
        }
    } while (count == CANDIDATES && *ret_found < max);
    return TIDINGS_OK;
}

void handle_query_message(struct request *request)
{
    struct broker *broker = request->broker;
    struct wire_query asked;
    struct tidings_error err = { 0 };
    int found;
    int64_t newest;
    tidings_status status = wire_query_decode(request->header, &asked, &err);
    if (status == TIDINGS_OK) {
        int max = asked.max_count < 1 || asked.max_count > QUERY_MAX ? QUERY_MAX : asked.max_count;
        buf_clear(&broker->body);
        status = collect(broker, &asked, max, &found, &newest, &err);
    }
    if (status != TIDINGS_OK) {
        answer_error(request, status, &err);
        return;
    }
    struct asker asker = asker_of(request);
    struct wire_header response;
    char position[24];
    char time[24];
    answer_begin(&asker, &response, found > 0 ? WIRE_SUCCESS : WIRE_QUERY_NOT_FOUND);
    response.remark =
        found > 0 ? (struct str){ 0 } : STR("can not find message, maybe time range not correct");
    response.ext[0] = (struct wire_pair){ STR("indexLastUpdateTimestamp"),
                                          str_make(time, num_format_i64(time, request->now_ms)) };
    response.ext[1] = (struct wire_pair){ STR("indexLastUpdatePhyoffset"),
                                          str_make(position, num_format_i64(position, newest)) };
    response.ext_count = 2;
    answer_send(broker, &asker, &response, buf_str(&broker->body));
}
