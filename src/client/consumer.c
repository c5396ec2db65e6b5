// SPDX-License-Identifier: Apache-2.0
#include "client/consumer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "filter/filter.h"

enum { EVENT_SIZE = 512, ROUTE_SOON_MS = 10, STOP_STEP_NS = 1000000 };

void consumer_event(struct tidings_consumer *consumer, bool is_error, const char *format, ...)
{
    char text[EVENT_SIZE];
    va_list args;
    if (consumer->event == NULL) {
        return;
    }
    va_start(args, format);
    if (vsnprintf(text, sizeof text, format, args) > 0) {
        consumer->event(consumer->event_arg, is_error, text);
    }
    va_end(args);
}

// ---- what happens on the I/O thread ----
static void on_woken(void *arg)
{
    dispatch_collect(arg);
}

static void on_opened(void *arg, struct link *link)
{
    struct tidings_consumer *consumer = arg;
    pulse_link_opened(&consumer->pulse, link);
}

static void on_heard(void *arg, struct broker *broker)
{
    struct tidings_consumer *consumer = arg;
    (void)broker;
    consumer->is_known = true;
    for (unsigned i = 0; i < consumer->subscription_count; i++) {
        struct topic *topic = consumer->subscriptions[i].route;
        if (!topic->known) { // the retry topic is made by the heartbeat
            topic_look_up(topic, NULL);
        }
    }
    rebalance_soon(consumer, 0);
}

// What keeps it from consuming at all is said, such as a secret that is not the right one.
static void on_pulse_refused(void *arg, struct broker *broker, const struct tidings_error *err)
{
    (void)broker;
    consumer_event(arg, true, "%s", err->text);
}

static void on_route_refused(void *arg, struct topic *topic)
{
    consumer_event(arg, true, "topic %s: %s", topic->name, topic->err.text);
}

static void on_route_changed(void *arg, struct topic *topic)
{
    struct tidings_consumer *consumer = arg;
    (void)topic;
    pulse_greet(&consumer->pulse);
    if (consumer->is_known) { // else the answered heartbeat begins it
        rebalance_soon(consumer, ROUTE_SOON_MS);
    }
}

static void on_asked(void *arg, struct link *link, const struct wire_header *header,
                     struct str body)
{
    struct tidings_consumer *consumer = arg;
    struct str group;
    switch (header->code) {
    case WIRE_NOTIFY_CONSUMER_IDS_CHANGED: rebalance_soon(consumer, 0); break;
    case WIRE_RESET_CONSUMER_CLIENT_OFFSET:
        group = wire_header_get(header, STR("group"));
        if (str_eq_c(group, consumer_group(consumer)) && !consumer->is_broadcasting) {
            offset_on_reset(consumer, body);
        }
        runtime_answer(link, header, WIRE_SUCCESS, (struct str){ NULL, 0 });
        break;
    case WIRE_CHECK_TRANSACTION_STATE: break; // for producers
    default:
        runtime_answer(link, header, WIRE_REQUEST_CODE_NOT_SUPPORTED,
                       STR("not supported by this client"));
        break;
    }
}

// ---- making ----
static tidings_status read_settings(struct tidings_consumer *consumer, struct tidings_error *err)
{
    const tidings_config *config = consumer->runtime.config;
    struct str ladder = str_of(config_text(config, CONFIG_LADDER));
    tidings_status status = ladder_levels_parse(str_of(config_text(config, CONFIG_DELAY_LEVELS)),
                                                &consumer->levels, err);
    consumer->is_broadcasting = config_number(config, CONFIG_MODEL) == CONFIG_BROADCASTING;
    consumer->has_ladder = ladder.len > 0;
    if (status == TIDINGS_OK && consumer->has_ladder) {
        status = ladder_parse(ladder, &consumer->ladder, err);
    }
    return status;
}

static tidings_status init_parts(struct tidings_consumer *consumer, const tidings_config *config,
                                 struct tidings_error *err)
{
    const struct runtime_owner owner = {
        .opened = on_opened, .asked = on_asked, .woken = on_woken, .arg = consumer
    };
    if (config_text(config, CONFIG_GROUP)[0] == '\0') {
        return error_set(err, TIDINGS_E_INVALID, "setting group: a consumer needs one");
    }
    tidings_status status = runtime_init(&consumer->runtime, config, &owner, err);
    if (status != TIDINGS_OK) {
        return status;
    }
    status = read_settings(consumer, err);
    if (status == TIDINGS_OK) {
        status = routes_init(&consumer->routes, &consumer->runtime, err);
    }
    if (status == TIDINGS_OK) {
        consumer->routes.changed = on_route_changed;
        consumer->routes.refused = on_route_refused;
        consumer->routes.arg = consumer;
        consumer->subscriptions = calloc(CONSUMER_TOPICS_MAX + 1, sizeof *consumer->subscriptions);
        status = consumer->subscriptions != NULL ? dispatch_init(consumer) : TIDINGS_E_NO_MEMORY;
    }
    if (status != TIDINGS_OK) {
        free(consumer->subscriptions);
        routes_deinit(&consumer->routes);
        runtime_deinit(&consumer->runtime);
        (void)error_set(err, status, "making a consumer: %s", error_text(err, status));
    }
    return status;
}

tidings_status tidings_consumer_new(const tidings_config *config, tidings_consumer **ret,
                                    struct tidings_error *err)
{
    struct tidings_consumer *consumer = calloc(1, sizeof *consumer);
    *ret = NULL;
    if (consumer == NULL) {
        return error_set(err, TIDINGS_E_NO_MEMORY, "no memory for a consumer");
    }
    list_init(&consumer->queues);
    list_init(&consumer->dropped);
    list_init(&consumer->paused);
    rebalance_init(consumer);
    offset_init(consumer);
    back_init(consumer);
    orderly_init(consumer);
    tidings_status status = init_parts(consumer, config, err);
    if (status != TIDINGS_OK) {
        free(consumer);
        return status;
    }
    *ret = consumer;
    return TIDINGS_OK;
}

// Mistakes are told here, with their position; what is right goes to the broker as it is.
static tidings_status parse_expression(struct subscription *subscription, struct tidings_error *err)
{
    struct str text = str_of(subscription->expression);
    struct filter *filter = NULL;
    if (!subscription->is_sql) {
        return wire_tags_parse(text, &subscription->tags, err);
    }
    subscription->tags.all = true;
    tidings_status status = filter_compile(text, &filter, err);
    filter_free(filter);
    return status;
}

static tidings_status add_subscription(struct tidings_consumer *consumer, struct str topic,
                                       struct str expression, bool is_sql,
                                       struct tidings_error *err)
{
    struct subscription *subscription = &consumer->subscriptions[consumer->subscription_count];
    *subscription = (struct subscription){ .consumer = consumer, .is_sql = is_sql };
    call_init(&subscription->members_call, NULL);
    subscription->topic = str_dup(topic);
    subscription->expression = str_dup(expression);
    tidings_status status = subscription->topic != NULL && subscription->expression != NULL
                                ? parse_expression(subscription, err)
                                : TIDINGS_E_NO_MEMORY;
    if (status == TIDINGS_OK) {
        subscription->is_retry = str_starts(topic, WIRE_RETRY_PREFIX);
        subscription->route = routes_topic(&consumer->routes, topic);
        status = subscription->route != NULL ? TIDINGS_OK : TIDINGS_E_NO_MEMORY;
    }
    if (status != TIDINGS_OK) {
        free(subscription->topic);
        free(subscription->expression);
        return error_set(err, status, "subscribing %.*s: %s", STR_ARG(topic),
                         error_text(err, status));
    }
    subscription->route->wanted = true;
    consumer->subscription_count++;
    return TIDINGS_OK;
}

static tidings_status subscribe(tidings_consumer *consumer, const char *topic,
                                struct str expression, bool is_sql, struct tidings_error *err)
{
    struct tidings_error why = { 0 };
    if (consumer->started) {
        return error_set(err, TIDINGS_E_STATE, "subscribe before the start");
    }
    if (!wire_name_is_valid(str_of(topic), WIRE_TOPIC_MAX)) {
        return error_set(err, TIDINGS_E_INVALID,
                         "\"%s\" is no topic: 1 to %d of %% | a-z A-Z 0-9 _ -",
                         topic != NULL ? topic : "", WIRE_TOPIC_MAX);
    }
    for (unsigned i = 0; i < consumer->subscription_count; i++) {
        if (strcmp(consumer->subscriptions[i].topic, topic) == 0) {
            return error_set(err, TIDINGS_E_EXISTS, "%s is subscribed already", topic);
        }
    }
    if (consumer->subscription_count >= CONSUMER_TOPICS_MAX) {
        return error_set(err, TIDINGS_E_FULL, "more than %d topics", CONSUMER_TOPICS_MAX);
    }
    tidings_status status = add_subscription(consumer, str_of(topic), expression, is_sql, &why);
    if (status != TIDINGS_OK && err != NULL) {
        *err = why;
    }
    return status;
}

tidings_status tidings_consumer_subscribe(tidings_consumer *consumer, const char *topic,
                                          const char *expression, struct tidings_error *err)
{
    return subscribe(consumer, topic, expression != NULL ? str_of(expression) : STR("*"), false,
                     err);
}

tidings_status tidings_consumer_subscribe_sql(tidings_consumer *consumer, const char *topic,
                                              const char *condition, struct tidings_error *err)
{
    return subscribe(consumer, topic, str_of(condition), true, err);
}

void tidings_consumer_on_message(tidings_consumer *consumer, tidings_handler *handler, void *arg)
{
    consumer->handler = handler;
    consumer->handler_arg = arg;
    consumer->is_orderly = false;
}

void tidings_consumer_on_message_orderly(tidings_consumer *consumer, tidings_handler *handler,
                                         void *arg)
{
    consumer->handler = handler;
    consumer->handler_arg = arg;
    consumer->is_orderly = true;
}

void tidings_consumer_on_event(tidings_consumer *consumer, tidings_event_callback *callback,
                               void *arg)
{
    consumer->event = callback;
    consumer->event_arg = arg;
}

// ---- start ----
static tidings_status make_heartbeat(struct tidings_consumer *consumer)
{
    struct runtime *runtime = &consumer->runtime;
    struct wire_consumer_data *data = &consumer->heartbeat_data;
    int64_t from = config_number(runtime->config, CONFIG_FROM);
    static char tag_type[] = "TAG";
    static char sql_type[] = "SQL92";
    data->group = runtime->config->values[CONFIG_GROUP].text;
    data->model = consumer->is_broadcasting ? WIRE_BROADCASTING : WIRE_CLUSTERING;
    data->from_where = from == CONFIG_FROM_LAST    ? WIRE_FROM_LAST
                       : from == CONFIG_FROM_FIRST ? WIRE_FROM_FIRST
                                                   : WIRE_FROM_TIMESTAMP;
    data->subscriptions = calloc(consumer->subscription_count, sizeof *data->subscriptions);
    if (data->subscriptions == NULL) {
        return TIDINGS_E_NO_MEMORY;
    }
    int64_t version = runtime_wall_ms(runtime);
    for (unsigned i = 0; i < consumer->subscription_count; i++) {
        const struct subscription *subscription = &consumer->subscriptions[i];
        data->subscriptions[i] =
            (struct wire_subscription){ .topic = subscription->topic,
                                        .expression = subscription->expression,
                                        .expression_type =
                                            subscription->is_sql ? sql_type : tag_type,
                                        .version = version };
    }
    data->subscription_count = consumer->subscription_count;
    consumer->heartbeat = (struct wire_heartbeat){ .client_id = runtime->ident.client_id,
                                                   .consumer_count = 1,
                                                   .consumers = data };
    tidings_status status = pulse_init(&consumer->pulse, &consumer->routes, &consumer->heartbeat);
    consumer->pulse.heard = on_heard;
    consumer->pulse.refused = on_pulse_refused;
    consumer->pulse.arg = consumer;
    return status;
}

// What a start needs; the rest follows from the routes (on_route_changed).
static tidings_status prepare(struct tidings_consumer *consumer, struct tidings_error *err)
{
    tidings_status status = TIDINGS_OK;
    if (!consumer->is_broadcasting) {
        char topic[WIRE_GROUP_MAX + 16];
        int n = snprintf(topic, sizeof topic, "%.*s%s", STR_ARG(WIRE_RETRY_PREFIX),
                         consumer_group(consumer));
        status = n > 0 ? add_subscription(consumer, str_of(topic), STR("*"), false, err)
                       : TIDINGS_E_INTERNAL;
    } else {
        status = broadcast_load(consumer, err);
    }
    if (status == TIDINGS_OK) {
        status = make_heartbeat(consumer);
    }
    if (status != TIDINGS_OK) {
        return error_set(err, status, "starting: %s", error_text(err, status));
    }
    const tidings_config *config = consumer->runtime.config;
    runtime_alarm(&consumer->runtime, &consumer->persist_alarm,
                  config_number(config, CONFIG_OFFSET_PERSIST));
    if (!consumer->is_orderly && !consumer->is_broadcasting) {
        runtime_alarm(&consumer->runtime, &consumer->expire_alarm,
                      config_number(config, CONFIG_CONSUME_TIMEOUT) / 4 + 1);
    }
    pulse_start(&consumer->pulse);
    for (unsigned i = consumer->subscription_count; i > 0; i--) { // the retry topic first
        topic_look_up(consumer->subscriptions[i - 1].route, NULL);
    }
    rebalance_soon(consumer, config_number(config, CONFIG_REBALANCE));
    return TIDINGS_OK;
}

tidings_status tidings_consumer_start(tidings_consumer *consumer, struct tidings_error *err)
{
    struct tidings_error why = { 0 };
    if (consumer->started) {
        return error_set(err, TIDINGS_E_STATE, "started before");
    }
    if (consumer->handler == NULL || consumer->subscription_count == 0) {
        return error_set(err, TIDINGS_E_STATE, "a consumer needs a handler and a subscription");
    }
    consumer->started = true;
    tidings_status status = prepare(consumer, &why);
    if (status == TIDINGS_OK) {
        status = dispatch_start(consumer, &why);
    }
    if (status == TIDINGS_OK) {
        status = runtime_start(&consumer->runtime, &why);
    }
    if (status != TIDINGS_OK && err != NULL) {
        *err = why;
    }
    return status;
}

// ---- stop ----
static void stop_pulling(void *arg)
{
    struct tidings_consumer *consumer = arg;
    consumer->stopping = true;
    rebalance_stop(consumer);
    orderly_cancel(consumer);
    runtime_alarm_stop(&consumer->runtime, &consumer->pulse.alarm);
    list_for_each (node, &consumer->queues) {
        struct pq *pq = LIST_ENTRY(node, struct pq, node);
        runtime_cancel(&consumer->runtime, &pq->call);
        runtime_alarm_stop(&consumer->runtime, &pq->alarm);
        runtime_alarm_stop(&consumer->runtime, &pq->suspend);
    }
}

struct pending {
    struct tidings_consumer *consumer;
    size_t count;
};

// What handlers answered is on its way to the broker, or offsets are.
static void count_pending(void *arg)
{
    struct pending *pending = arg;
    struct tidings_consumer *consumer = pending->consumer;
    dispatch_collect(consumer);
    pending->count = consumer->storing;
    list_for_each (node, &consumer->backs) {
        pending->count++;
    }
}

static void await_pending(struct tidings_consumer *consumer, int64_t until_us)
{
    const struct timespec step = { 0, STOP_STEP_NS };
    struct pending pending = { .consumer = consumer, .count = 1 };
    while (runtime_run(&consumer->runtime, count_pending, &pending) == TIDINGS_OK &&
           pending.count > 0 && runtime_now_us(&consumer->runtime) < until_us) {
        nanosleep(&step, NULL);
    }
}

static void store_offsets(void *arg)
{
    struct tidings_consumer *consumer = arg;
    back_cancel_all(consumer);
    offset_store_final(consumer);
}

static void leave(void *arg)
{
    struct tidings_consumer *consumer = arg;
    list_for_each (node, &consumer->queues) {
        struct pq *pq = LIST_ENTRY(node, struct pq, node);
        if (consumer->is_orderly && pq->state != PQ_LOCKING && !pq->busy) {
            orderly_unlock(pq);
        }
    }
    pulse_leave(&consumer->pulse, NULL, consumer_group(consumer));
}

void tidings_consumer_stop(tidings_consumer *consumer, int64_t timeout_ms)
{
    struct runtime *runtime = &consumer->runtime;
    if (!runtime->running) {
        return;
    }
    int64_t until_us = runtime_now_us(runtime) + (timeout_ms > 0 ? timeout_ms : 0) * 1000;
    int64_t request_us = config_number(runtime->config, CONFIG_REQUEST_TIMEOUT) * 1000;
    // Each step goes on whatever became of the one before: the thread runs until runtime_stop.
    bool good = runtime_run(runtime, stop_pulling, consumer) == TIDINGS_OK;
    good = dispatch_stop(consumer, until_us) && good;
    await_pending(consumer, until_us);
    good = runtime_run(runtime, store_offsets, consumer) == TIDINGS_OK && good;
    await_pending(consumer, runtime_now_us(runtime) + request_us);
    good = runtime_run(runtime, leave, consumer) == TIDINGS_OK && good;
    runtime_stop(runtime);
    runtime_close(runtime);
    if (!good) {
        consumer_event(consumer, true, "stopped while a handler was running");
    }
}

static void free_queues(struct list *queues)
{
    while (!list_empty(queues)) {
        struct pq *pq = LIST_ENTRY(queues->next, struct pq, node);
        while (!list_empty(&pq->batches)) {
            free(LIST_ENTRY(list_pop(&pq->batches), struct batch, node));
        }
        while (!list_empty(&pq->stale)) {
            free(LIST_ENTRY(list_pop(&pq->stale), struct batch, node));
        }
        pq_free(pq);
    }
}

void tidings_consumer_free(tidings_consumer *consumer)
{
    if (consumer == NULL) {
        return;
    }
    tidings_consumer_stop(consumer, 0);
    (void)dispatch_stop(consumer, 0);
    dispatch_join(consumer);
    runtime_close(&consumer->runtime);
    back_cancel_all(consumer);
    orderly_cancel(consumer);
    free_queues(&consumer->queues);
    free_queues(&consumer->dropped);
    dispatch_deinit(consumer);
    pulse_deinit(&consumer->pulse);
    for (unsigned i = 0; i < consumer->subscription_count; i++) {
        free(consumer->subscriptions[i].topic);
        free(consumer->subscriptions[i].expression);
    }
    free(consumer->subscriptions);
    free(consumer->heartbeat_data.subscriptions);
    broadcast_deinit(consumer);
    routes_deinit(&consumer->routes);
    runtime_deinit(&consumer->runtime);
    free(consumer);
}

size_t tidings_consumer_queue_count(const tidings_consumer *consumer)
{
    return atomic_load(&consumer->held);
}
