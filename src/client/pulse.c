// SPDX-License-Identifier: Apache-2.0
#include "client/pulse.h"

enum { PULSE_AGAIN_MS = 1000 };

static void tell_refusal(struct pulse *pulse, struct broker *broker, const struct reply *reply)
{
    struct tidings_error err = { 0 };
    if (pulse->refused == NULL || broker->refused_conn_id == broker->link->conn_id) {
        return;
    }
    broker->refused_conn_id = broker->link->conn_id;
    (void)reply_error(reply, broker->link, "heartbeat", &err);
    pulse->refused(pulse->arg, broker, &err);
}

static void on_heard(struct call *call, const struct reply *reply)
{
    struct broker *broker = BASE_CONTAINER_OF(call, struct broker, pulse_call);
    struct pulse *pulse = broker->pulse;
    if (reply->status == TIDINGS_OK && reply->header->code != WIRE_SUCCESS) {
        tell_refusal(pulse, broker, reply);
    }
    if (reply->status != TIDINGS_OK || reply->header->code != WIRE_SUCCESS) {
        if (reply->status != TIDINGS_E_CLOSED) { // a broker that does not know us gives us nothing
            runtime_alarm(pulse->routes->runtime, &pulse->alarm, PULSE_AGAIN_MS);
        }
        return;
    }
    call->link->is_tidings = wire_header_get(reply->header, STR("TIDINGS")).ptr != NULL;
    bool is_new = broker->heard_conn_id != call->link->conn_id;
    broker->heard_conn_id = call->link->conn_id;
    if (is_new && pulse->heard != NULL) {
        pulse->heard(pulse->arg, broker);
    }
}

void pulse_send(struct pulse *pulse, struct broker *broker)
{
    struct runtime *runtime = pulse->routes->runtime;
    struct wire_header header;
    if (broker->pulse == NULL) {
        broker->pulse = pulse;
        call_init(&broker->pulse_call, on_heard);
    }
    runtime_cancel(runtime, &broker->pulse_call);
    if (broker->link->state == LINK_OPEN) {
        broker->greeted_conn_id = broker->link->conn_id;
    }
    request_init(&header, WIRE_HEART_BEAT);
    runtime_call(runtime, &broker->pulse_call, broker->link, &header, buf_str(&pulse->body),
                 config_number(runtime->config, CONFIG_REQUEST_TIMEOUT));
}

static void send_all(struct pulse *pulse, const struct link *only, bool only_new)
{
    struct str key;
    void *value;
    size_t cursor = 0;
    while (map_next(&pulse->routes->brokers, &cursor, &key, &value)) {
        struct broker *broker = value;
        bool is_new =
            broker->greeted_conn_id != broker->link->conn_id || broker->link->state != LINK_OPEN;
        if ((only == NULL || broker->link == only) && (!only_new || is_new)) {
            pulse_send(pulse, broker);
        }
    }
}

void pulse_link_opened(struct pulse *pulse, struct link *link)
{
    send_all(pulse, link, false);
}

void pulse_greet(struct pulse *pulse)
{
    send_all(pulse, NULL, true);
}

static void on_alarm(struct alarm *alarm)
{
    struct pulse *pulse = BASE_CONTAINER_OF(alarm, struct pulse, alarm);
    send_all(pulse, NULL, false);
    pulse_start(pulse);
}

void pulse_start(struct pulse *pulse)
{
    struct runtime *runtime = pulse->routes->runtime;
    runtime_alarm(runtime, &pulse->alarm, config_number(runtime->config, CONFIG_HEARTBEAT));
}

tidings_status pulse_init(struct pulse *pulse, struct routes *routes,
                          const struct wire_heartbeat *heartbeat)
{
    *pulse = (struct pulse){ .routes = routes };
    alarm_init(&pulse->alarm, on_alarm);
    buf_init(&pulse->body, WIRE_BODY_MAX);
    return wire_heartbeat_encode(heartbeat, &pulse->body);
}

void pulse_deinit(struct pulse *pulse)
{
    buf_deinit(&pulse->body);
}

void pulse_leave(struct pulse *pulse, const char *producer_group, const char *consumer_group)
{
    struct runtime *runtime = pulse->routes->runtime;
    const struct wire_unregister request = { .client_id = str_of(runtime->ident.client_id),
                                             .producer_group = str_of(producer_group),
                                             .consumer_group = str_of(consumer_group) };
    struct str key;
    void *value;
    size_t cursor = 0;
    while (map_next(&pulse->routes->brokers, &cursor, &key, &value)) {
        struct broker *broker = value;
        struct wire_header header;
        request_init(&header, WIRE_UNREGISTER_CLIENT);
        if (broker->link->state == LINK_OPEN &&
            request_fill(runtime, unregister, &header, &request) == TIDINGS_OK) {
            runtime_tell(runtime, broker->link, &header, (struct str){ NULL, 0 });
        }
    }
}
