// SPDX-License-Identifier: Apache-2.0
// The I/O thread's half of a send: route, queue, request, further tries, end.
#include "client/producer.h"

enum { PAUSE_FIRST_MS = 10, PAUSE_MOST_MS = 500, CONNECT_POLL_MS = 2 };

static void try_send(struct send *send);

// ---- end ----
static void fail(struct send *send, tidings_status status)
{
    send->err.status = status;
    send_finish(send, status);
}

static void on_route(struct route_waiter *waiter, struct topic *topic);

// A failure that another try may mend. err is filled.
static void try_again_or_fail(struct send *send, tidings_status status, bool pause)
{
    struct tidings_producer *producer = send->producer;
    struct runtime *runtime = &producer->runtime;
    int64_t retries = config_number(runtime->config, CONFIG_SEND_RETRIES);
    int64_t now_us = runtime_now_us(runtime);
    if (send->tries > retries || send->kind == SEND_ONEWAY || runtime->stopped ||
        now_us >= send->deadline_us) {
        fail(send, status);
        return;
    }
    if (!pause) {
        try_send(send);
        return;
    }
    unsigned doublings = send->tries < 7 ? send->tries : 6;
    int64_t pause_ms = PAUSE_FIRST_MS << doublings;
    int64_t due_us = now_us + (pause_ms < PAUSE_MOST_MS ? pause_ms : PAUSE_MOST_MS) * 1000;
    runtime_alarm_at(runtime, &send->alarm,
                     due_us < send->deadline_us ? due_us : send->deadline_us);
}

// ---- answers ----
static bool is_retriable_code(int32_t code)
{
    switch (code) {
    case WIRE_SYSTEM_ERROR:
    case WIRE_SYSTEM_BUSY:
    case WIRE_SERVICE_NOT_AVAILABLE:
    case WIRE_NO_PERMISSION:
    case WIRE_TOPIC_NOT_EXIST:
    case REPLY_NO_BUYER_ID:
    case REPLY_NOT_IN_CURRENT_UNIT: return true;
    default: return false;
    }
}

static void set_result(struct send *send, const struct wire_header *header)
{
    struct tidings_send_result *result = &send->result;
    struct str ids = wire_header_get(header, STR("msgId"));
    int64_t number;
    result->long_ids = NULL;
    memcpy(result->id, send->id, sizeof result->id);
    if (!str_copy(result->short_id, sizeof result->short_id, ids)) {
        result->long_ids = str_dup(ids); // without memory the ids are "", the send is good
    }
    (void)str_copy(result->broker, sizeof result->broker, str_of(send->broker->name));
    if (send->is_half) { // its end goes there
        (void)str_copy(result->address, sizeof result->address,
                       str_of(send->broker->link->address));
    }
    result->queue_id = send->queue_id;
    if (num_parse_i64(wire_header_get(header, STR("queueId")), 0, INT32_MAX, &number)) {
        result->queue_id = (int32_t)number;
    }
    result->queue_offset = -1;
    if (num_parse_i64(wire_header_get(header, STR("queueOffset")), 0, INT64_MAX, &number)) {
        result->queue_offset = number;
    }
}

static void on_sent(struct call *call, const struct reply *reply)
{
    struct send *send = BASE_CONTAINER_OF(call, struct send, call);
    if (BASE_LIKELY(reply->status == TIDINGS_OK && reply->header->code == WIRE_SUCCESS)) {
        set_result(send, reply->header);
        send_finish(send, TIDINGS_OK);
        return;
    }
    tidings_status status = reply_error(reply, call->link, "send", &send->err);
    if (reply->status == TIDINGS_OK && !is_retriable_code(reply->header->code)) {
        fail(send, status);
        return;
    }
    // A half that may be there is rolled back by a check; a second one would be a second message.
    if (status == TIDINGS_E_CLOSED || (send->is_half && status == TIDINGS_E_TIMEOUT)) {
        fail(send, status);
        return;
    }
    topic_look_up(send->route, NULL);
    try_again_or_fail(send, status, true);
}

// ---- queue ----
static const struct route_queue *pick_queue(struct send *send)
{
    struct topic *topic = send->route;
    const struct route_queues *queues = &topic->publish;
    if (send->is_ordered) {
        return &queues->items[send->key_hash % queues->count];
    }
    // The next in turn; better one of another broker than the last try's, that is not known to be
    // down.
    unsigned first = topic->next++;
    for (unsigned i = 0; i < queues->count; i++) {
        const struct route_queue *queue = &queues->items[(first + i) % queues->count];
        if (queue->broker != send->broker && link_is_usable(queue->broker->link)) {
            return queue;
        }
    }
    return &queues->items[first % queues->count];
}

static tidings_status encode(struct send *send, struct wire_header *header)
{
    struct runtime *runtime = &send->producer->runtime;
    const struct wire_send request = {
        .producer_group = str_of(config_text(runtime->config, CONFIG_GROUP)),
        .topic = send->topic,
        .default_topic = WIRE_DEFAULT_TOPIC,
        .default_queues = (int32_t)config_number(runtime->config, CONFIG_CREATE_TOPIC_QUEUES),
        .queue_id = send->queue_id,
        .sys_flag = send->sys_flag,
        .born_ms = send->born_ms,
        .flag = send->flag,
        .properties = send->properties,
        .max_reconsume_times = -1,
        .batch = send->is_batch,
    };
    request_init(header, send->is_batch ? WIRE_SEND_BATCH_MESSAGE : WIRE_SEND_MESSAGE_V2);
    return request_fill(runtime, send, header, &request);
}

static void try_send(struct send *send)
{
    struct runtime *runtime = &send->producer->runtime;
    struct wire_header header;
    if (send->route->publish.count == 0) {
        (void)error_set(&send->err, TIDINGS_E_NO_ROUTE, "topic %s: no queue may be written",
                        send->route->name);
        fail(send, TIDINGS_E_NO_ROUTE);
        return;
    }
    // The first try takes the next queue, whatever its broker.
    const struct route_queue *queue = pick_queue(send);
    send->broker = queue->broker;
    send->queue_id = queue->queue_id;
    send->tries++;
    tidings_status status = encode(send, &header);
    if (status != TIDINGS_OK) {
        (void)error_set(&send->err, status, "encoding the request: %s",
                        tidings_status_text(status));
        fail(send, status);
        return;
    }
    if (send->kind == SEND_ONEWAY) {
        if (!link_connect(queue->broker->link)) { // lost only when there is no connection in time
            runtime_alarm(runtime, &send->alarm, CONNECT_POLL_MS);
            return;
        }
        runtime_tell(runtime, queue->broker->link, &header, send->body);
        send_finish(send, TIDINGS_OK);
        return;
    }
    int64_t left_ms = (send->deadline_us - runtime_now_us(runtime) + 999) / 1000;
    int64_t most_ms = config_number(runtime->config, CONFIG_REQUEST_TIMEOUT);
    runtime_call(runtime, &send->call, queue->broker->link, &header, send->body,
                 left_ms < most_ms ? left_ms : most_ms);
}

// ---- route ----
static void on_route(struct route_waiter *waiter, struct topic *topic)
{
    struct send *send = BASE_CONTAINER_OF(waiter, struct send, waiter);
    runtime_alarm_stop(&send->producer->runtime, &send->alarm);
    if (topic->known) {
        try_send(send);
        return;
    }
    send->tries++;
    (void)error_set(&send->err, topic->failed, "%s", error_text(&topic->err, topic->failed));
    try_again_or_fail(send, topic->failed, true);
}

static void wait_route(struct send *send)
{
    runtime_alarm_at(&send->producer->runtime, &send->alarm, send->deadline_us);
    topic_look_up(send->route, &send->waiter);
}

// The pause before another try is over, or the time for the route is.
static void on_alarm(struct alarm *alarm)
{
    struct send *send = BASE_CONTAINER_OF(alarm, struct send, alarm);
    struct runtime *runtime = &send->producer->runtime;
    bool waited = !list_empty(&send->waiter.node);
    list_remove(&send->waiter.node);
    if (runtime_now_us(runtime) >= send->deadline_us) {
        if (waited) {
            (void)error_set(&send->err, TIDINGS_E_TIMEOUT, "topic %s: no route in time",
                            send->route->name);
        }
        fail(send, waited ? TIDINGS_E_TIMEOUT : send->err.status);
    } else if (send->route->known) {
        try_send(send);
    } else {
        wait_route(send);
    }
}

void send_start(struct send *send)
{
    struct tidings_producer *producer = send->producer;
    struct runtime *runtime = &producer->runtime;
    list_add_tail(&producer->sending, &send->node);
    call_init(&send->call, on_sent);
    alarm_init(&send->alarm, on_alarm);
    route_waiter_init(&send->waiter, on_route);
    send->tries = 0;
    send->broker = NULL;
    send->err = (struct tidings_error){ 0 };
    send->route = routes_topic(&producer->routes, send->topic);
    if (send->route == NULL) {
        fail(send, error_set(&send->err, TIDINGS_E_FULL, "more than %d topics, or no memory",
                             ROUTE_TOPICS_MAX));
        return;
    }
    send->route->auto_create = true;
    if (runtime_now_us(runtime) >= send->deadline_us) {
        fail(send, error_set(&send->err, TIDINGS_E_TIMEOUT, "send_timeout passed in the queue"));
    } else if (send->route->known) {
        try_send(send);
    } else {
        wait_route(send);
    }
}
