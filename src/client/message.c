// SPDX-License-Identifier: Apache-2.0
#include "client/message.h"

#include <stdlib.h>

// Names that the protocol or we give a meaning.
static const char *const reserved[] = {
    "KEYS",
    "TAGS",
    "WAIT",
    "DELAY",
    "RETRY_TOPIC",
    "REAL_TOPIC",
    "REAL_QID",
    "TRAN_MSG",
    "PGROUP",
    "MIN_OFFSET",
    "MAX_OFFSET",
    "BUYER_ID",
    "ORIGIN_MESSAGE_ID",
    "TRANSFER_FLAG",
    "CORRECTION_FLAG",
    "MQ2_FLAG",
    "RECONSUME_TIME",
    "MSG_REGION",
    "TRACE_ON",
    "UNIQ_KEY",
    "EXTEND_UNIQ_INFO",
    "MAX_RECONSUME_TIMES",
    "CONSUME_START_TIME",
    "TRAN_PREPARED_QUEUE_OFFSET",
    "TRANSACTION_CHECK_TIMES",
    "CHECK_IMMUNITY_TIME_IN_SECONDS",
    "__transactionId__",
    "INSTANCE_ID",
    "CORRELATION_ID",
    "REPLY_TO_CLIENT",
    "TTL",
    "ARRIVE_TIME",
    "PUSH_REPLY_TIME",
    "CLUSTER",
    "MSG_TYPE",
    "POP_CK",
    "1ST_POP_TIME",
    "INNER_NUM",
    "DUP_INFO",
    "DLQ_ORIGIN_TOPIC",
    "DLQ_ORIGIN_MESSAGE_ID",
    "__SHARDINGKEY",
    "__CRC32#",
};

static bool is_reserved(struct str name)
{
    for (size_t i = 0; i < BASE_COUNT(reserved); i++) {
        if (str_eq_c(name, reserved[i])) {
            return true;
        }
    }
    return str_starts(name, STR("TIMER_")) || str_starts(name, STR("TIDINGS_"));
}

// Cuts the next pair off *rest; false at the end.
static bool next_pair(struct str *rest, struct wire_pair *ret)
{
    if (rest->len == 0) {
        return false;
    }
    size_t key = str_find(*rest, '\0', 0);
    size_t value = str_find(*rest, '\0', key + 1);
    ret->key = str_make(rest->ptr, key);
    ret->value = str_make(rest->ptr + key + 1, value - key - 1);
    *rest = str_make(rest->ptr + value + 1, rest->len - value - 1);
    return true;
}

struct str message_property(const tidings_message *message, struct str key)
{
    struct str rest = buf_str(&message->properties);
    struct wire_pair pair;
    while (next_pair(&rest, &pair)) {
        if (str_eq(pair.key, key)) {
            return pair.value;
        }
    }
    return (struct str){ NULL, 0 };
}

static bool is_clean(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if ((unsigned char)text.ptr[i] <= 2) {
            return false;
        }
    }
    return true;
}

static tidings_status append_pair(struct buf *out, struct str key, struct str value)
{
    char *room;
    tidings_status status = buf_reserve(out, key.len + value.len + 2, &room);
    if (status == TIDINGS_OK) {
        memcpy(room, key.ptr, key.len);
        room[key.len] = '\0';
        if (value.len > 0) {
            memcpy(room + key.len + 1, value.ptr, value.len);
        }
        room[key.len + 1 + value.len] = '\0';
        out->len += key.len + value.len + 2;
    }
    return status;
}

static void remove_pair(struct buf *properties, struct str key)
{
    struct str rest = buf_str(properties);
    struct wire_pair pair;
    while (next_pair(&rest, &pair)) {
        if (str_eq(pair.key, key)) {
            char *at = properties->ptr + (pair.key.ptr - properties->ptr);
            memmove(at, rest.ptr, rest.len);
            properties->len -= pair.key.len + pair.value.len + 2;
            return;
        }
    }
}

tidings_status message_put(tidings_message *message, struct str key, struct str value)
{
    if (key.len == 0 || !is_clean(key) || !is_clean(value)) {
        return TIDINGS_E_INVALID;
    }
    // The new one goes first to the end: when there is no room the old one stays.
    size_t before = message->properties.len;
    tidings_status status = append_pair(&message->properties, key, value);
    if (status == TIDINGS_OK) {
        struct buf old = { .ptr = message->properties.ptr, .len = before };
        remove_pair(&old, key);
        if (old.len != before) {
            memmove(message->properties.ptr + old.len, message->properties.ptr + before,
                    message->properties.len - before);
            message->properties.len -= before - old.len;
        }
    }
    return status;
}

tidings_status message_encode_properties(const tidings_message *message, struct buf *out)
{
    char *room;
    size_t len = message->properties.len;
    if (len > WIRE_PROPERTIES_MAX) {
        return TIDINGS_E_TOO_LARGE;
    }
    tidings_status status = buf_reserve(out, len, &room);
    if (status == TIDINGS_OK) {
        char mark = '\x01';
        for (size_t i = 0; i < len; i++) {
            char c = message->properties.ptr[i];
            if (c == '\0') {
                c = mark;
                mark = (char)(3 - mark);
            }
            room[i] = c;
        }
        out->len += len;
    }
    return status;
}

tidings_status message_decode_properties(struct str properties, struct buf *out)
{
    struct wire_pair pair;
    size_t cursor = 0;
    while (wire_properties_next(properties, &cursor, &pair)) {
        // A NUL inside would shift all that follows: such a pair cannot be a C text.
        if (str_find(pair.key, '\0', 0) != SIZE_MAX || str_find(pair.value, '\0', 0) != SIZE_MAX) {
            continue;
        }
        tidings_status status = append_pair(out, pair.key, pair.value);
        if (status != TIDINGS_OK) {
            return status;
        }
    }
    return TIDINGS_OK;
}

tidings_message *tidings_message_new(const char *topic, const void *body, size_t body_len)
{
    struct str name = str_of(topic);
    if (!wire_name_is_valid(name, WIRE_TOPIC_MAX) || (body == NULL && body_len > 0) ||
        body_len > WIRE_FRAME_MAX) {
        return NULL;
    }
    tidings_message *message = calloc(1, sizeof *message + name.len + 1 + body_len);
    if (message != NULL) {
        char *bytes = (char *)(message + 1);
        memcpy(bytes, name.ptr, name.len);
        if (body_len > 0) {
            memcpy(bytes + name.len + 1, body, body_len);
        }
        message->topic = str_make(bytes, name.len);
        message->body = str_make(bytes + name.len + 1, body_len);
        message->broker = "";
        buf_init(&message->properties, (size_t)2 * WIRE_PROPERTIES_MAX);
    }
    return message;
}

void tidings_message_free(tidings_message *message)
{
    if (message != NULL) {
        buf_deinit(&message->properties);
        free(message);
    }
}

tidings_status tidings_message_set_tag(tidings_message *message, const char *tag)
{
    return tag != NULL && tag[0] != '\0' ? message_put(message, WIRE_P_TAGS, str_of(tag))
                                         : TIDINGS_E_INVALID;
}

tidings_status tidings_message_add_key(tidings_message *message, const char *key)
{
    struct str new_key = str_of(key);
    struct str keys = message_property(message, WIRE_P_KEYS);
    struct buf all;
    if (new_key.len == 0 || str_find(new_key, ' ', 0) != SIZE_MAX) {
        return TIDINGS_E_INVALID;
    }
    buf_init(&all, WIRE_PROPERTIES_MAX);
    tidings_status status = buf_add_str(&all, keys);
    if (status == TIDINGS_OK && all.len > 0) {
        status = buf_add(&all, " ", 1);
    }
    if (status == TIDINGS_OK) {
        status = buf_add_str(&all, new_key);
    }
    if (status == TIDINGS_OK) {
        status = message_put(message, WIRE_P_KEYS, buf_str(&all));
    }
    buf_deinit(&all);
    return status;
}

tidings_status tidings_message_set_property(tidings_message *message, const char *name,
                                            const char *value)
{
    if (name == NULL || value == NULL || is_reserved(str_of(name))) {
        return TIDINGS_E_INVALID;
    }
    return message_put(message, str_of(name), str_of(value));
}

void tidings_message_set_flag(tidings_message *message, int32_t flag)
{
    message->flag = flag;
}

static tidings_status put_number(tidings_message *message, struct str key, int64_t number)
{
    char text[24];
    return message_put(message, key, str_make(text, num_format_i64(text, number)));
}

tidings_status tidings_message_set_delay_level(tidings_message *message, int level)
{
    return level >= 1 ? put_number(message, WIRE_P_DELAY, level) : TIDINGS_E_INVALID;
}

tidings_status tidings_message_set_delay_ms(tidings_message *message, int64_t delay_ms)
{
    return delay_ms >= 0 ? put_number(message, WIRE_P_TIMER_DELAY_MS, delay_ms) : TIDINGS_E_INVALID;
}

tidings_status tidings_message_set_deliver_at_ms(tidings_message *message, int64_t wall_ms)
{
    return wall_ms >= 0 ? put_number(message, WIRE_P_TIMER_DELIVER, wall_ms) : TIDINGS_E_INVALID;
}

const char *tidings_message_topic(const tidings_message *message)
{
    return message->topic.ptr;
}

const void *tidings_message_body(const tidings_message *message, size_t *ret_len)
{
    *ret_len = message->body.len;
    return message->body.ptr;
}

const char *tidings_message_tag(const tidings_message *message)
{
    struct str tag = message_property(message, WIRE_P_TAGS);
    return tag.ptr != NULL ? tag.ptr : "";
}

const char *tidings_message_keys(const tidings_message *message)
{
    struct str keys = message_property(message, WIRE_P_KEYS);
    return keys.ptr != NULL ? keys.ptr : "";
}

const char *tidings_message_property(const tidings_message *message, const char *name)
{
    return message_property(message, str_of(name)).ptr;
}

int32_t tidings_message_flag(const tidings_message *message)
{
    return message->flag;
}

const char *tidings_message_id(const tidings_message *message)
{
    struct str id = message_property(message, WIRE_P_UNIQ_KEY);
    return id.ptr != NULL ? id.ptr : message->offset_id;
}

const char *tidings_message_offset_id(const tidings_message *message)
{
    return message->offset_id;
}

const char *tidings_message_broker(const tidings_message *message)
{
    return message->broker;
}

int32_t tidings_message_queue_id(const tidings_message *message)
{
    return message->queue_id;
}

int64_t tidings_message_queue_offset(const tidings_message *message)
{
    return message->queue_offset;
}

int32_t tidings_message_reconsume_times(const tidings_message *message)
{
    return message->reconsume_times;
}

int64_t tidings_message_born_ms(const tidings_message *message)
{
    return message->born_ms;
}

int64_t tidings_message_store_ms(const tidings_message *message)
{
    return message->store_ms;
}
