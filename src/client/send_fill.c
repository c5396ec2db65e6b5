// SPDX-License-Identifier: Apache-2.0
// The caller's half of a send: checks, unique ids, compression, the copy.
#include <stdlib.h>

#include "client/producer.h"

static tidings_status give_id(struct ident *ident, tidings_message *message)
{
    char id[IDENT_UNIQUE_LEN];
    if (message_property(message, WIRE_P_UNIQ_KEY).ptr != NULL) {
        return TIDINGS_OK; // sent before: the same message
    }
    ident_unique(ident, id);
    return message_put(message, WIRE_P_UNIQ_KEY, str_make(id, sizeof id));
}

static bool is_delayed(const tidings_message *message)
{
    static const struct str names[] = { { "DELAY", 5 },
                                        { "TIMER_DELAY_SEC", 15 },
                                        { "TIMER_DELAY_MS", 14 },
                                        { "TIMER_DELIVER_MS", 16 } };
    for (size_t i = 0; i < BASE_COUNT(names); i++) {
        if (message_property(message, names[i]).ptr != NULL) {
            return true;
        }
    }
    return false;
}

static tidings_status check_batch(tidings_message *const *messages, size_t count, int64_t size_max,
                                  struct tidings_error *err)
{
    int64_t size = 0;
    if (count == 0 || count > SEND_BATCH_MAX) {
        return error_set(err, TIDINGS_E_INVALID, "a batch has 1 to %d messages, not %zu",
                         SEND_BATCH_MAX, count);
    }
    for (size_t i = 0; i < count; i++) {
        size += (int64_t)(messages[i]->body.len + messages[i]->properties.len);
        if (!str_eq(messages[i]->topic, messages[0]->topic)) {
            return error_set(err, TIDINGS_E_INVALID, "message %zu of the batch has another topic",
                             i);
        }
        if (is_delayed(messages[i]) || str_starts(messages[i]->topic, WIRE_RETRY_PREFIX)) {
            return error_set(err, TIDINGS_E_INVALID,
                             "message %zu of the batch is delayed or a retry: send it alone", i);
        }
    }
    return size <= size_max ? TIDINGS_OK
                            : error_set(err, TIDINGS_E_TOO_LARGE,
                                        "the batch has %lld bytes, over max_message_size %lld",
                                        (long long)size, (long long)size_max);
}

static tidings_status encode_batch(tidings_message *const *messages, size_t count, struct buf *out)
{
    struct buf properties;
    tidings_status status = TIDINGS_OK;
    buf_init(&properties, WIRE_PROPERTIES_MAX);
    for (size_t i = 0; i < count && status == TIDINGS_OK; i++) {
        buf_clear(&properties);
        status = message_encode_properties(messages[i], &properties);
        if (status == TIDINGS_OK) {
            const struct wire_batch_item item = { .flag = messages[i]->flag,
                                                  .body = messages[i]->body,
                                                  .properties = buf_str(&properties) };
            status = wire_batch_add(out, &item);
        }
    }
    buf_deinit(&properties);
    return status;
}

static tidings_status make_room(struct send *send, size_t size)
{
    if (send->size < size) {
        size_t rounded = size < 512 ? 512 : size;
        char *bytes = malloc(rounded);
        if (bytes == NULL) {
            return TIDINGS_E_NO_MEMORY;
        }
        free(send->bytes);
        send->bytes = bytes;
        send->size = rounded;
    }
    return TIDINGS_OK;
}

// Topic, properties and body in a row.
static tidings_status copy_parts(struct send *send, const tidings_message *message, struct str body,
                                 size_t own_len, struct str more)
{
    size_t properties_len = own_len + more.len;
    tidings_status status = make_room(send, message->topic.len + properties_len + body.len);
    if (status != TIDINGS_OK) {
        return status;
    }
    char *at = send->bytes;
    memcpy(at, message->topic.ptr, message->topic.len);
    send->topic = str_make(at, message->topic.len);
    at += message->topic.len;
    struct buf room = { .ptr = at, .size = properties_len, .max = properties_len };
    if (own_len > 0) {
        status = message_encode_properties(message, &room);
    }
    if (status == TIDINGS_OK) {
        status = buf_add_str(&room, more);
    }
    send->properties = str_make(at, properties_len);
    at += properties_len;
    if (body.len > 0) {
        memcpy(at, body.ptr, body.len);
    }
    send->body = str_make(at, body.len);
    return status;
}

// What a half message has beside the message's own properties.
static tidings_status add_half_properties(const struct send *send, struct buf *out)
{
    struct str group = str_of(config_text(send->producer->runtime.config, CONFIG_GROUP));
    tidings_status status = wire_properties_add(out, WIRE_P_TRAN_MSG, STR("true"));
    return status == TIDINGS_OK ? wire_properties_add(out, WIRE_P_PGROUP, group) : status;
}

static tidings_status copy_in(struct send *send, const tidings_message *message, struct str body,
                              bool with_properties)
{
    struct buf half;
    buf_init(&half, 1024);
    tidings_status status = send->is_half ? add_half_properties(send, &half) : TIDINGS_OK;
    if (status == TIDINGS_OK) {
        status = copy_parts(send, message, body, with_properties ? message->properties.len : 0,
                            buf_str(&half));
    }
    buf_deinit(&half);
    return status;
}

static tidings_status fill_one(struct send *send, const tidings_message *message, int64_t size_max,
                               struct tidings_error *err)
{
    const tidings_config *config = send->producer->runtime.config;
    struct str body = message->body;
    struct buf packed;
    if ((int64_t)body.len > size_max) {
        return error_set(err, TIDINGS_E_TOO_LARGE,
                         "the body has %zu bytes, over max_message_size %lld", body.len,
                         (long long)size_max);
    }
    if (message->properties.len > WIRE_PROPERTIES_MAX) {
        return error_set(err, TIDINGS_E_TOO_LARGE, "the properties have %zu bytes, over %d",
                         message->properties.len, WIRE_PROPERTIES_MAX);
    }
    if (send->is_half && is_delayed(message)) {
        return error_set(err, TIDINGS_E_INVALID,
                         "a transactional message cannot be delayed: it is delivered on commit");
    }
    buf_init(&packed, body.len);
    if ((int64_t)body.len > config_number(config, CONFIG_COMPRESS_ABOVE) &&
        wire_compress(body, (int)config_number(config, CONFIG_COMPRESS_LEVEL), &packed) ==
            TIDINGS_OK &&
        packed.len < body.len) {
        body = buf_str(&packed);
        send->sys_flag |= WIRE_SYS_COMPRESSED;
    }
    tidings_status status = copy_in(send, message, body, true);
    buf_deinit(&packed);
    return status;
}

tidings_status send_fill(struct send *send, tidings_message *const *messages, size_t count,
                         struct tidings_error *err)
{
    struct runtime *runtime = &send->producer->runtime;
    int64_t size_max = config_number(runtime->config, CONFIG_MAX_MESSAGE_SIZE);
    tidings_status status = TIDINGS_OK;
    send->sys_flag = send->is_half ? WIRE_SYS_PREPARED : 0;
    send->flag = send->is_batch ? 0 : messages[0]->flag;
    send->born_ms = runtime_wall_ms(runtime);
    if (send->is_batch) {
        status = check_batch(messages, count, size_max, err);
    }
    for (size_t i = 0; i < count && status == TIDINGS_OK; i++) {
        status = give_id(&runtime->ident, messages[i]);
    }
    if (status == TIDINGS_OK && send->is_batch) {
        struct buf body;
        buf_init(&body, WIRE_FRAME_MAX);
        status = encode_batch(messages, count, &body);
        if (status == TIDINGS_OK) {
            status = copy_in(send, messages[0], buf_str(&body), false);
        }
        buf_deinit(&body);
    } else if (status == TIDINGS_OK) {
        status = fill_one(send, messages[0], size_max, err);
    }
    if (status == TIDINGS_OK) {
        (void)str_copy(send->id, sizeof send->id, message_property(messages[0], WIRE_P_UNIQ_KEY));
    } else if (err != NULL && err->status != status) {
        (void)error_set(err, status, "copying the message: %s", tidings_status_text(status));
    }
    return status;
}
