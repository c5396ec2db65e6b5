// SPDX-License-Identifier: Apache-2.0
// SEND_REPLY_MESSAGE (324), SEND_REPLY_MESSAGE_V2 (325): a consumer answers a request that came as
// a message. The reply goes to the client that asked (326) and is not stored.
#include <stdio.h>

#include "broker/handlers.h"

enum { NUMBERS = 8 };

struct reply {
    struct wire_header push;
    char numbers[NUMBERS][24];
    unsigned number_count;
    char peer[64];
};

static tidings_status add_text(struct reply *reply, const char *key, struct str value)
{
    return value.ptr != NULL ? wire_header_add(&reply->push, str_of(key), value) : TIDINGS_OK;
}

static tidings_status add_number(struct reply *reply, const char *key, int64_t value)
{
    char *text = reply->numbers[reply->number_count++];
    return add_text(reply, key, str_make(text, num_format_i64(text, value)));
}

// The header of the reply with its long names, and where and when it came in.
static tidings_status fill(struct request *request, const struct wire_send *send,
                           struct str properties, struct reply *reply)
{
    net_conn_peer_text(request->conn, reply->peer, sizeof reply->peer);
    tidings_status status = TIDINGS_OK;
    const struct {
        const char *key;
        struct str value;
    } texts[] = {
        { "producerGroup", send->producer_group },
        { "topic", send->topic },
        { "defaultTopic", send->default_topic },
        { "properties", properties },
        { "unitMode", STR("false") },
        { "bornHost", str_of(reply->peer) },
        { "storeHost", str_of(request->broker->address_text) },
    };
    const struct {
        const char *key;
        int64_t value;
    } numbers[NUMBERS] = {
        { "defaultTopicQueueNums", send->default_queues },
        { "queueId", send->queue_id },
        { "sysFlag", send->sys_flag },
        { "bornTimestamp", send->born_ms },
        { "flag", send->flag },
        { "reconsumeTimes", send->reconsume_times },
        { "storeTimestamp", request->now_ms },
    };
    for (size_t i = 0; i < BASE_COUNT(texts) && status == TIDINGS_OK; i++) {
        status = add_text(reply, texts[i].key, texts[i].value);
    }
    for (size_t i = 0; numbers[i].key != NULL && status == TIDINGS_OK; i++) {
        status = add_number(reply, numbers[i].key, numbers[i].value);
    }
    return status;
}

static tidings_status push(struct request *request, const struct wire_send *send, uint64_t conn_id)
{
    struct reply reply = { .push = { .code = WIRE_PUSH_REPLY_MESSAGE_TO_CLIENT } };
    struct buf properties;
    char time[24];
    buf_init(&properties, WIRE_PROPERTIES_MAX + 64);
    tidings_status status = wire_properties_copy(send->properties, NULL, 0, &properties);
    if (status == TIDINGS_OK) {
        status = wire_properties_add(&properties, STR("PUSH_REPLY_TIME"),
                                     str_make(time, num_format_i64(time, request->now_ms)));
    }
    if (status == TIDINGS_OK) {
        status = fill(request, send, buf_str(&properties), &reply);
    }
    if (status == TIDINGS_OK &&
        !answer_push(request->broker, conn_id, &reply.push, request->body)) {
        status = TIDINGS_E_CLOSED;
    }
    buf_deinit(&properties);
    return status;
}

static void answer_pushed(struct request *request, int32_t queue_id)
{
    struct asker asker = asker_of(request);
    struct wire_header response;
    char text[24];
    answer_begin(&asker, &response, WIRE_SUCCESS);
    response.ext[2] = (struct wire_pair){ STR("msgId"), STR("0") };
    response.ext[3] =
        (struct wire_pair){ STR("queueId"), str_make(text, num_format_i64(text, queue_id)) };
    response.ext[4] = (struct wire_pair){ STR("queueOffset"), STR("0") };
    response.ext_count = 5;
    answer_send(request->broker, &asker, &response, (struct str){ 0 });
}

void handle_reply(struct request *request)
{
    struct broker *broker = request->broker;
    struct wire_send send;
    struct tidings_error err = { 0 };
    tidings_status status = wire_send_decode(request->header, &send, &err);
    if (status == TIDINGS_OK && send.properties.len > WIRE_PROPERTIES_MAX) {
        status = error_set(&err, TIDINGS_E_TOO_LARGE, "properties are over %d bytes",
                           WIRE_PROPERTIES_MAX);
    }
    if (status != TIDINGS_OK) {
        answer_error(request, status, &err);
        return;
    }
    struct str client_id = wire_properties_get(send.properties, WIRE_P_REPLY_TO);
    if (client_id.len == 0) {
        answer_code(request, WIRE_SYSTEM_ERROR,
                    "reply message properties[REPLY_TO_CLIENT] is null");
        return;
    }
    uint64_t conn_id = groups_find_producer(&broker->groups, client_id);
    if (conn_id == 0 || net_conn_find(broker->options.loop, conn_id) == NULL) {
        answer_codef(request, WIRE_SYSTEM_ERROR,
                     "push reply message fail, channel of <%.*s> not found.", STR_ARG(client_id));
        return;
    }
    status = push(request, &send, conn_id);
    if (status != TIDINGS_OK) {
        answer_error(request, status, NULL);
        return;
    }
    answer_pushed(request, send.queue_id);
}
