// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>

#include "wire/json.h"
#include "wire/text.h"

static tidings_status read_queue(const json_t *object, struct wire_route_queue *ret,
                                 struct tidings_error *err)
{
    tidings_status status = wire_json_text(object, "brokerName", NULL, &ret->broker, err);
    if (status == TIDINGS_OK) {
        status = wire_json_i32(object, "readQueueNums", &ret->read_queues, err);
    }
    if (status == TIDINGS_OK) {
        status = wire_json_i32(object, "writeQueueNums", &ret->write_queues, err);
    }
    if (status == TIDINGS_OK) {
        status = wire_json_i32(object, "perm", &ret->perm, err);
    }
    return status;
}

static tidings_status read_broker(const json_t *object, struct wire_route_broker *ret,
                                  struct tidings_error *err)
{
    const json_t *addresses = json_object_get(object, "brokerAddrs");
    tidings_status status = wire_json_text(object, "cluster", "", &ret->cluster, err);
    if (status == TIDINGS_OK) {
        status = wire_json_text(object, "brokerName", NULL, &ret->broker, err);
    }
    if (status == TIDINGS_OK && addresses != NULL && !json_is_null(addresses) &&
        !json_is_object(addresses)) {
        status = error_set(err, TIDINGS_E_PROTOCOL, "brokerAddrs must be an object");
    }
    if (status == TIDINGS_OK) {
        status = wire_json_text_or_null(addresses, "0", &ret->master, err);
    }
    return status;
}

static tidings_status read_queues(const json_t *root, struct wire_route *ret,
                                  struct tidings_error *err)
{
    json_t *list;
    unsigned count;
    void *items = NULL;
    tidings_status status =
        wire_json_list(root, "queueDatas", WIRE_BROKERS_MAX, &list, &count, err);
    if (status == TIDINGS_OK) {
        status = wire_json_items(count, sizeof *ret->queues, &items);
    }
    ret->queues = items;
    for (unsigned i = 0; status == TIDINGS_OK && i < count; i++) {
        ret->queue_count = i + 1;
        status = read_queue(json_array_get(list, i), &ret->queues[i], err);
    }
    return status;
}

static tidings_status read_brokers(const json_t *root, struct wire_route *ret,
                                   struct tidings_error *err)
{
    json_t *list;
    unsigned count;
    void *items = NULL;
    tidings_status status =
        wire_json_list(root, "brokerDatas", WIRE_BROKERS_MAX, &list, &count, err);
    if (status == TIDINGS_OK) {
        status = wire_json_items(count, sizeof *ret->brokers, &items);
    }
    ret->brokers = items;
    for (unsigned i = 0; status == TIDINGS_OK && i < count; i++) {
        ret->broker_count = i + 1;
        status = read_broker(json_array_get(list, i), &ret->brokers[i], err);
    }
    return status;
}

tidings_status wire_route_decode(struct str body, struct wire_route **ret,
                                 struct tidings_error *err)
{
    json_t *root = NULL;
    struct wire_route *route = NULL;
    tidings_status status = wire_json_load_dialect(body, "route", &root, err);
    if (status != TIDINGS_OK) {
        return status;
    }
    route = calloc(1, sizeof *route);
    if (route == NULL) {
        status = error_set(err, TIDINGS_E_NO_MEMORY, "route: out of memory");
        goto out;
    }
    status = wire_json_text_or_null(root, "orderTopicConf", &route->order_conf, err);
    if (status == TIDINGS_OK) {
        status = read_queues(root, route, err);
    }
    if (status == TIDINGS_OK) {
        status = read_brokers(root, route, err);
    }
    if (status == TIDINGS_OK) {
        *ret = route;
        route = NULL;
    }
out:
    wire_route_free(route);
    json_decref(root);
    return status;
}

void wire_route_free(struct wire_route *route)
{
    if (route == NULL) {
        return;
    }
    for (unsigned i = 0; i < route->queue_count; i++) {
        free(route->queues[i].broker);
    }
    for (unsigned i = 0; i < route->broker_count; i++) {
        free(route->brokers[i].cluster);
        free(route->brokers[i].broker);
        free(route->brokers[i].master);
    }
    free(route->queues);
    free(route->brokers);
    free(route->order_conf);
    free(route);
}

static void write_broker(struct wire_text *text, const struct wire_route_broker *broker)
{
    wire_text_put(text, STR("{\"brokerAddrs\":{"));
    if (broker->master != NULL) {
        wire_text_put(text, STR("\"0\":"));
        wire_text_string(text, str_of(broker->master));
    }
    wire_text_put(text, STR("},\"brokerName\":"));
    wire_text_string(text, str_of(broker->broker));
    wire_text_put(text, STR(",\"cluster\":"));
    wire_text_string(text, str_of(broker->cluster));
    wire_text_put(text, STR("}"));
}

// The flag's name lost its misspelling in later versions: both are written.
static void write_queue(struct wire_text *text, const struct wire_route_queue *queue)
{
    wire_text_put(text, STR("{\"brokerName\":"));
    wire_text_string(text, str_of(queue->broker));
    wire_text_put(text, STR(",\"perm\":"));
    wire_text_number(text, queue->perm);
    wire_text_put(text, STR(",\"readQueueNums\":"));
    wire_text_number(text, queue->read_queues);
    wire_text_put(text, STR(",\"topicSynFlag\":0,\"topicSysFlag\":0,\"writeQueueNums\":"));
    wire_text_number(text, queue->write_queues);
    wire_text_put(text, STR("}"));
}

tidings_status wire_route_encode(const struct wire_route *route, struct buf *out)
{
    struct wire_text text = wire_text_begin(out);
    wire_text_put(&text, STR("{\"brokerDatas\":["));
    for (unsigned i = 0; i < route->broker_count; i++) {
        wire_text_comma(&text, i);
        write_broker(&text, &route->brokers[i]);
    }
    wire_text_put(&text, STR("],\"filterServerTable\":{},"));
    if (route->order_conf != NULL) {
        wire_text_put(&text, STR("\"orderTopicConf\":"));
        wire_text_string(&text, str_of(route->order_conf));
        wire_text_put(&text, STR(","));
    }
    wire_text_put(&text, STR("\"queueDatas\":["));
    for (unsigned i = 0; i < route->queue_count; i++) {
        wire_text_comma(&text, i);
        write_queue(&text, &route->queues[i]);
    }
    wire_text_put(&text, STR("]}"));
    return wire_text_end(&text);
}
