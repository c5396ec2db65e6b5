// SPDX-License-Identifier: Apache-2.0
#include "client/route.h"

#include <stdlib.h>

#include "wire/bodies.h"

// ---- brokers ----
struct broker *routes_broker(struct routes *routes, struct str name)
{
    return map_get(&routes->brokers, name);
}

static tidings_status put_broker(struct routes *routes, const struct wire_route_broker *row)
{
    struct str name = str_of(row->broker);
    struct link *link = runtime_link(routes->runtime, str_of(row->master));
    struct broker *broker = map_get(&routes->brokers, name);
    if (link == NULL) {
        return TIDINGS_E_INVALID;
    }
    if (broker == NULL) {
        broker = calloc(1, sizeof *broker);
        if (broker == NULL || (broker->name = str_dup(name)) == NULL ||
            map_put(&routes->brokers, name, broker, NULL) != TIDINGS_OK) {
            free(broker != NULL ? broker->name : NULL);
            free(broker);
            return TIDINGS_E_NO_MEMORY;
        }
    }
    broker->link = link;
    return TIDINGS_OK;
}

// ---- queues of a route ----
static int compare_queues(const void *a, const void *b)
{
    const struct route_queue *one = a;
    const struct route_queue *other = b;
    int order = str_cmp(str_of(one->broker->name), str_of(other->broker->name));
    return order != 0 ? order
                      : (one->queue_id > other->queue_id) - (one->queue_id < other->queue_id);
}

static int32_t count_of(const struct wire_route_queue *row, int perm)
{
    int32_t count = perm == WIRE_PERM_READ ? row->read_queues : row->write_queues;
    return (row->perm & perm) != 0 && count > 0 ? count : 0;
}

static tidings_status list_queues(struct routes *routes, const struct wire_route *route, int perm,
                                  int32_t most, struct route_queues *ret)
{
    size_t total = 0;
    *ret = (struct route_queues){ 0 };
    for (unsigned i = 0; i < route->queue_count; i++) {
        total += (size_t)count_of(&route->queues[i], perm);
    }
    if (total > ROUTE_QUEUES_MAX) {
        return TIDINGS_E_TOO_LARGE;
    }
    ret->items = calloc(total > 0 ? total : 1, sizeof *ret->items);
    if (ret->items == NULL) {
        return TIDINGS_E_NO_MEMORY;
    }
    for (unsigned i = 0; i < route->queue_count; i++) {
        struct broker *broker = routes_broker(routes, str_of(route->queues[i].broker));
        int32_t count = count_of(&route->queues[i], perm);
        count = count < most ? count : most;
        for (int32_t id = 0; broker != NULL && id < count; id++) {
            ret->items[ret->count++] = (struct route_queue){ broker, id };
        }
    }
    if (ret->count > 1) {
        qsort(ret->items, ret->count, sizeof *ret->items, compare_queues);
    }
    return TIDINGS_OK;
}

static bool same_queues(const struct route_queues *a, const struct route_queues *b)
{
    bool same = a->count == b->count;
    for (unsigned i = 0; same && i < a->count; i++) {
        same = a->items[i].broker == b->items[i].broker &&
               a->items[i].queue_id == b->items[i].queue_id;
    }
    return same;
}

static void set_queues(struct route_queues *queues, struct route_queues *fresh, bool *changed)
{
    if (!same_queues(queues, fresh)) {
        *changed = true;
    }
    free(queues->items);
    *queues = *fresh;
    *fresh = (struct route_queues){ 0 };
}

static tidings_status set_route(struct topic *topic, const struct wire_route *route, bool *changed)
{
    struct routes *routes = topic->routes;
    struct route_queues publish;
    struct route_queues readable = { 0 };
    int32_t most = topic->asks_default
                       ? (int32_t)config_number(routes->runtime->config, CONFIG_CREATE_TOPIC_QUEUES)
                       : INT32_MAX;
    for (unsigned i = 0; i < route->broker_count; i++) {
        if (route->brokers[i].master != NULL &&
            put_broker(routes, &route->brokers[i]) == TIDINGS_E_NO_MEMORY) {
            return TIDINGS_E_NO_MEMORY;
        }
    }
    tidings_status status = list_queues(routes, route, WIRE_PERM_WRITE, most, &publish);
    if (status == TIDINGS_OK && !topic->asks_default) {
        status = list_queues(routes, route, WIRE_PERM_READ, most, &readable);
    }
    if (status == TIDINGS_OK) {
        *changed = !topic->known;
        set_queues(&topic->publish, &publish, changed);
        set_queues(&topic->readable, &readable, changed);
        topic->known = true;
        topic->is_default = topic->asks_default;
    }
    free(publish.items);
    free(readable.items);
    return status;
}

// ---- look-up ----
static void ask(struct topic *topic);

static void finish(struct topic *topic, tidings_status status, bool changed)
{
    struct routes *routes = topic->routes;
    struct list waiters;
    int64_t refresh_ms = config_number(routes->runtime->config, CONFIG_ROUTE_REFRESH);
    topic->failed = status;
    if ((!topic->known || topic->is_default) && refresh_ms > ROUTE_UNKNOWN_MS) {
        refresh_ms = ROUTE_UNKNOWN_MS;
    }
    if (topic->known || topic->wanted) {
        runtime_alarm(routes->runtime, &topic->refresh, refresh_ms);
    }
    list_init(&waiters);
    while (!list_empty(&topic->waiters)) {
        list_add_tail(&waiters, list_pop(&topic->waiters));
    }
    while (!list_empty(&waiters)) {
        struct route_waiter *waiter = LIST_ENTRY(list_pop(&waiters), struct route_waiter, node);
        waiter->ready(waiter, topic);
    }
    if (changed && routes->changed != NULL) {
        routes->changed(routes->arg, topic);
    }
}

static void on_not_exist(struct topic *topic)
{
    if (topic->auto_create && !topic->asks_default && (!topic->known || topic->is_default)) {
        topic->asks_default = true;
        topic->tries = 0;
        ask(topic);
        return;
    }
    if (topic->known && !topic->is_default) { // known before: brokers say what is true
        finish(topic, TIDINGS_OK, false);
        return;
    }
    finish(topic,
           error_set(&topic->err, TIDINGS_E_NO_ROUTE, "topic %s: no name server knows it",
                     topic->name),
           false);
}

static void on_route(struct call *call, const struct reply *reply)
{
    struct topic *topic = BASE_CONTAINER_OF(call, struct topic, call);
    struct routes *routes = topic->routes;
    struct wire_route *route = NULL;
    bool changed = false;
    if (reply->status == TIDINGS_OK && reply->header->code == WIRE_TOPIC_NOT_EXIST) {
        on_not_exist(topic);
        return;
    }
    tidings_status status = reply_error(reply, call->link, "route", &topic->err);
    if (status == TIDINGS_OK) {
        status = wire_route_decode(reply->body, &route, &topic->err);
    }
    if (status == TIDINGS_OK) {
        status = set_route(topic, route, &changed);
        wire_route_free(route);
        topic->told_refusal = false;
        finish(topic, status, changed);
        return;
    }
    routes->server = (routes->server + 1) % routes->server_count;
    if (topic->tries < routes->server_count && status != TIDINGS_E_CLOSED) {
        ask(topic);
        return;
    }
    if (status != TIDINGS_E_CLOSED && !topic->told_refusal && routes->refused != NULL) {
        topic->told_refusal = true;
        routes->refused(routes->arg, topic);
    }
    finish(topic, status, false);
}

static void ask(struct topic *topic)
{
    struct runtime *runtime = topic->routes->runtime;
    struct wire_header header;
    struct wire_topic_request request = { .topic = topic->asks_default ? WIRE_DEFAULT_TOPIC
                                                                       : str_of(topic->name) };
    topic->tries++;
    request_init(&header, WIRE_GET_ROUTEINFO_BY_TOPIC);
    // Fields that fit by construction: nothing here can fail but for memory, which the call
    // reports.
    if (request_fill(runtime, topic_request, &header, &request) != TIDINGS_OK ||
        wire_header_add(&header, STR("acceptStandardJsonOnly"), STR("true")) != TIDINGS_OK) {
        header.ext_count = 0;
    }
    runtime_call(runtime, &topic->call, topic->routes->servers[topic->routes->server], &header,
                 (struct str){ NULL, 0 }, config_number(runtime->config, CONFIG_REQUEST_TIMEOUT));
}

void topic_look_up(struct topic *topic, struct route_waiter *waiter)
{
    if (waiter != NULL) {
        list_remove(&waiter->node);
        list_add_tail(&topic->waiters, &waiter->node);
    }
    if (!call_is_active(&topic->call)) {
        topic->tries = 0;
        topic->asks_default = false;
        runtime_alarm_stop(topic->routes->runtime, &topic->refresh);
        ask(topic);
    }
}

static void on_refresh(struct alarm *alarm)
{
    topic_look_up(BASE_CONTAINER_OF(alarm, struct topic, refresh), NULL);
}

// ---- tables ----
static void topic_free(struct topic *topic)
{
    free(topic->publish.items);
    free(topic->readable.items);
    free(topic->name);
    free(topic);
}

struct topic *routes_topic(struct routes *routes, struct str name)
{
    struct topic *topic = map_get(&routes->topics, name);
    if (topic != NULL) {
        return topic;
    }
    topic = calloc(1, sizeof *topic);
    if (topic == NULL) {
        return NULL;
    }
    topic->routes = routes;
    topic->next = (unsigned)rnd_below(&routes->runtime->rnd, 1024);
    call_init(&topic->call, on_route);
    alarm_init(&topic->refresh, on_refresh);
    list_init(&topic->waiters);
    topic->name = str_dup(name);
    if (topic->name == NULL || map_put(&routes->topics, name, topic, NULL) != TIDINGS_OK) {
        topic_free(topic);
        return NULL;
    }
    return topic;
}

tidings_status routes_init(struct routes *routes, struct runtime *runtime,
                           struct tidings_error *err)
{
    struct str rest = str_of(config_text(runtime->config, CONFIG_NAME_SERVERS));
    struct str piece;
    *routes = (struct routes){ .runtime = runtime };
    map_init(&routes->topics, ROUTE_TOPICS_MAX);
    map_init(&routes->brokers, ROUTE_BROKERS_MAX);
    while (str_split(&rest, ';', &piece) && routes->server_count < ROUTE_SERVERS_MAX) {
        struct link *link = runtime_link(runtime, str_trim(piece));
        if (link != NULL) {
            routes->servers[routes->server_count++] = link;
        }
    }
    if (routes->server_count == 0) {
        return error_set(err, TIDINGS_E_INVALID, "name_servers: none can be used");
    }
    // Not all clients at the first one.
    routes->server = (unsigned)rnd_below(&runtime->rnd, routes->server_count);
    return TIDINGS_OK;
}

void routes_deinit(struct routes *routes)
{
    struct str key;
    void *value;
    size_t cursor = 0;
    while (map_next(&routes->topics, &cursor, &key, &value)) {
        topic_free(value);
    }
    cursor = 0;
    while (map_next(&routes->brokers, &cursor, &key, &value)) {
        struct broker *broker = value;
        free(broker->name);
        free(broker);
    }
    map_deinit(&routes->topics);
    map_deinit(&routes->brokers);
}
