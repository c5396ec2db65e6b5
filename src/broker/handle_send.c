// SPDX-License-Identifier: Apache-2.0
// SEND_MESSAGE (10), SEND_MESSAGE_V2 (310), SEND_BATCH_MESSAGE (320): answered when durable.
#include "broker/delay.h"
#include "broker/handlers.h"

enum { BATCH_ITEMS_MAX = (WIRE_HEADER_MAX - 1024) / (WIRE_MESSAGE_ID_MAX + 1) };

static tidings_status make_topic(struct broker *broker, struct str name, int32_t queues,
                                 struct topic **ret, struct tidings_error *err)
{
    struct index_topic config = { .read_queues = queues,
                                  .write_queues = queues,
                                  .perm = WIRE_PERM_READ | WIRE_PERM_WRITE,
                                  .retry = { .window_ms = -1, .limit = -1 } };
    (void)str_copy(config.name, sizeof config.name, name);
    tidings_status status = topics_put(&broker->topics, &config, ret);
    if (status != TIDINGS_OK) {
        return error_set(err, status, "topic %.*s cannot be made: %s", STR_ARG(name),
                         status == TIDINGS_E_FULL ? "there are too many topics"
                                                  : tidings_status_text(status));
    }
    return TIDINGS_OK; // written to the log with its first message
}

struct topic *handler_topic_for_send(struct request *request, struct str name,
                                     struct str default_topic, int32_t queues)
{
    struct broker *broker = request->broker;
    struct tidings_error err;
    struct topic *topic = topics_find(&broker->topics, name);
    if (topic != NULL) {
        return topic;
    }
    if (str_is_retry_topic(name)) {
        queues = 1;
    } else if (!broker->options.auto_create_topics || !str_eq(default_topic, WIRE_DEFAULT_TOPIC)) {
        answer_codef(request, WIRE_TOPIC_NOT_EXIST,
                     "topic[%.*s] not exist, apply first please! (tidings topic create %.*s)",
                     STR_ARG(name), STR_ARG(name));
        return NULL;
    }
    if (queues < 1 || queues > broker->options.default_queues) {
        queues = broker->options.default_queues;
    }
    tidings_status status = make_topic(broker, name, queues, &topic, &err);
    if (status != TIDINGS_OK) {
        answer_error(request, status, &err);
        return NULL;
    }
    return topic;
}

struct topic *handler_group_topic(struct broker *broker, struct str prefix, struct str group,
                                  struct tidings_error *err)
{
    struct buf name;
    struct topic *topic = NULL;
    buf_init(&name, sizeof topic->config.name - 1);
    tidings_status status = buf_add_str(&name, prefix);
    if (status == TIDINGS_OK) {
        status = buf_add_str(&name, group);
    }
    if (status == TIDINGS_OK) {
        topic = topics_find(&broker->topics, buf_str(&name));
        if (topic == NULL) {
            (void)make_topic(broker, buf_str(&name), 1, &topic, err);
        }
    } else {
        (void)error_set(err, status, "name of group %.*s is too long", STR_ARG(group));
    }
    buf_deinit(&name);
    return topic;
}

// Everything that is refused before a look at the message itself. True when it was answered.
static bool refuse_send(struct request *request, const struct wire_send *send)
{
    struct broker *broker = request->broker;
    if (broker->draining) {
        answer_code(request, WIRE_SERVICE_NOT_AVAILABLE, "the server is shutting down");
    } else if (!wire_name_is_valid(send->topic, WIRE_TOPIC_MAX)) {
        answer_codef(request, WIRE_SYSTEM_ERROR,
                     "The specified topic[%.*s] is illegal: 1 to %d of %% | a-z A-Z 0-9 _ -",
                     STR_ARG(send->topic), WIRE_TOPIC_MAX);
    } else if (send->producer_group.len > WIRE_NAME_MAX) {
        answer_codef(request, WIRE_SYSTEM_ERROR, "producer group is over %d characters",
                     WIRE_NAME_MAX);
    } else if (topic_is_reserved(send->topic)) {
        answer_codef(request, WIRE_NO_PERMISSION, "Sending message to topic[%.*s] is forbidden.",
                     STR_ARG(send->topic));
    } else if (send->properties.len > WIRE_PROPERTIES_MAX) {
        answer_codef(
            request, WIRE_MESSAGE_ILLEGAL,
            "the message is illegal, maybe msg properties length limit %d, this one has %zu",
            WIRE_PROPERTIES_MAX, send->properties.len);
    } else if ((int64_t)request->body.len > broker->options.max_message_size) {
        answer_codef(request, WIRE_MESSAGE_ILLEGAL,
                     "the message is illegal, maybe msg body length limit %lld, this one has %zu",
                     (long long)broker->options.max_message_size, request->body.len);
    } else {
        return false;
    }
    broker->stats.sends_refused++;
    return true;
}

static bool refuse_queue(struct request *request, const struct wire_send *send,
                         const struct topic *topic, int32_t *ret_queue_id)
{
    if ((topic->config.perm & WIRE_PERM_WRITE) == 0) {
        answer_codef(request, WIRE_NO_PERMISSION,
                     "the broker[%s] sending message to topic[%s] is forbidden",
                     request->broker->broker_name, topic->config.name);
        return true;
    }
    *ret_queue_id = send->queue_id;
    if (send->queue_id < 0) {
        *ret_queue_id =
            (int32_t)rnd_below(&request->broker->rnd, (uint64_t)topic->config.write_queues);
    } else if (send->queue_id >= topic->config.write_queues) {
        answer_codef(request, WIRE_SYSTEM_ERROR,
                     "request queueId[%d] is illegal, topic %s has the queues 0 to %d",
                     send->queue_id, topic->config.name, topic->config.write_queues - 1);
        return true;
    }
    return false;
}

static void fill_message(const struct request *request, const struct wire_send *send,
                         int32_t queue_id, struct wire_message *message)
{
    int port;
    *message = (struct wire_message){
        .queue_id = queue_id,
        .flag = send->flag,
        .sys_flag = send->sys_flag,
        .born_ms = send->born_ms,
        .reconsume_times = send->reconsume_times,
        .body = request->body,
        .properties = send->properties,
    };
    message->born_host.length =
        (uint8_t)net_conn_peer(request->conn, message->born_host.address, &port);
    message->born_host.port = port;
}

// ---- one message ----
static void send_one(struct request *request, const struct wire_send *send, struct topic *topic,
                     int32_t queue_id)
{
    struct broker *broker = request->broker;
    struct asker asker = asker_of(request);
    struct store_append append = { .topic = topic, .asker = &asker };
    struct tidings_error err = { 0 };
    struct buf properties;

    fill_message(request, send, queue_id, &append.message);
    buf_init(&properties, WIRE_PROPERTIES_MAX);
    append.marks = wire_properties_marks(send->properties);
    tidings_status status;
    if ((append.marks & WIRE_MARK_TRAN_MSG) != 0 &&
        str_eq_c(wire_properties_get(send->properties, WIRE_P_TRAN_MSG), "true")) {
        status = transaction_send(request, &append, &err);
    } else {
        append.message.sys_flag &= ~WIRE_SYS_TRANSACTION_MASK;
        status = delay_of_send(broker, send, &append, &properties, &err);
        if (status == TIDINGS_OK) {
            status = store_append(broker, &append, &err);
        }
    }
    if (status != TIDINGS_OK) {
        broker->stats.sends_refused++;
        answer_error(request, status, &err);
    }
    buf_deinit(&properties);
}

// ---- a batch: all items are checked before the first is stored ----
static tidings_status check_batch(const struct request *request, const struct wire_send *send,
                                  uint32_t *ret_count, struct tidings_error *err)
{
    struct wire_batch_item item;
    size_t cursor = 0;
    tidings_status status;
    *ret_count = 0;
    while ((status = wire_batch_next(request->body, &cursor, &item, err)) == TIDINGS_OK) {
        ++*ret_count;
        if (*ret_count > BATCH_ITEMS_MAX) {
            return error_set(err, TIDINGS_E_TOO_LARGE,
                             "the batch has over %d messages: their ids do not fit in an answer",
                             BATCH_ITEMS_MAX);
        }
        if (item.properties.len + send->properties.len + 2 > WIRE_PROPERTIES_MAX) {
            return error_set(err, TIDINGS_E_TOO_LARGE,
                             "properties of batch item %u are over %d bytes", *ret_count - 1,
                             WIRE_PROPERTIES_MAX);
        }
    }
    if (status != TIDINGS_E_EOF) {
        return error_set(err, TIDINGS_E_TOO_LARGE, "batch item %u is broken", *ret_count);
    }
    return *ret_count > 0 ? TIDINGS_OK
                          : error_set(err, TIDINGS_E_TOO_LARGE, "the batch has no message");
}

static tidings_status append_batch(struct request *request, const struct wire_send *send,
                                   struct store_append *append, uint32_t count,
                                   struct tidings_error *err)
{
    struct asker asker = asker_of(request);
    struct wire_batch_item item;
    struct buf properties;
    size_t cursor = 0;
    tidings_status status = TIDINGS_OK;

    buf_init(&properties, WIRE_PROPERTIES_MAX);
    for (uint32_t i = 0; i < count && status == TIDINGS_OK; i++) {
        status = wire_batch_next(request->body, &cursor, &item, err);
        buf_clear(&properties);
        if (status == TIDINGS_OK) { // with a separator between: 4.9 sends none at the end
            status = wire_properties_copy(item.properties, NULL, 0, &properties);
        }
        if (status == TIDINGS_OK) {
            status = wire_properties_copy(send->properties, NULL, 0, &properties);
        }
        if (status == TIDINGS_OK) {
            append->message.flag = item.flag;
            append->message.body = item.body;
            append->message.properties = buf_str(&properties);
            append->asker = i + 1 == count ? &asker : NULL;
            append->batch_count = i + 1 == count ? count : 0;
            status = store_append(request->broker, append, err);
        }
    }
    buf_deinit(&properties);
    return status;
}

static void send_batch(struct request *request, const struct wire_send *send, struct topic *topic,
                       int32_t queue_id)
{
    struct store_append append = { .topic = topic };
    struct tidings_error err = { 0 };
    uint32_t count;
    fill_message(request, send, queue_id, &append.message);
    append.message.sys_flag &= ~WIRE_SYS_COMPRESSED; // batches are never compressed
    tidings_status status = check_batch(request, send, &count, &err);
    if (status == TIDINGS_OK) {
        status = append_batch(request, send, &append, count, &err);
    }
    if (status != TIDINGS_OK) {
        request->broker->stats.sends_refused++;
        answer_error(request, status, &err);
    }
}

void handle_send(struct request *request)
{
    struct wire_send send;
    struct tidings_error err = { 0 };
    int32_t queue_id;
    tidings_status status = wire_send_decode(request->header, &send, &err);
    if (status != TIDINGS_OK) {
        answer_error(request, status, &err);
        return;
    }
    if (refuse_send(request, &send)) {
        return;
    }
    struct topic *topic =
        handler_topic_for_send(request, send.topic, send.default_topic, send.default_queues);
    if (topic == NULL || refuse_queue(request, &send, topic, &queue_id)) {
        request->broker->stats.sends_refused++;
        return;
    }
    if (send.batch || request->header->code == WIRE_SEND_BATCH_MESSAGE) {
        send_batch(request, &send, topic, queue_id);
    } else {
        send_one(request, &send, topic, queue_id);
    }
}
