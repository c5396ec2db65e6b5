// SPDX-License-Identifier: Apache-2.0
#include "client/producer.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "client/check.h"

// ---- spare sends ----
void send_free(struct send *send)
{
    if (send != NULL) {
        sem_destroy(&send->done);
        free(send->bytes);
        free(send);
    }
}

static struct send *send_take(struct tidings_producer *producer)
{
    pthread_mutex_lock(&producer->lock);
    struct list *node = list_pop(&producer->spare);
    producer->spare_count -= node != NULL;
    pthread_mutex_unlock(&producer->lock);
    if (node != NULL) {
        return LIST_ENTRY(node, struct send, node);
    }
    struct send *send = calloc(1, sizeof *send);
    if (send != NULL) {
        send->producer = producer;
        list_init(&send->node);
        sem_init(&send->done, 0, 0);
    }
    return send;
}

// Back to the spare ones, without having been submitted.
static void send_return(struct send *send)
{
    struct tidings_producer *producer = send->producer;
    size_t most = (size_t)config_number(producer->runtime.config, CONFIG_MAX_IN_FLIGHT);
    bool keep = send->size <= SEND_KEEP_BYTES;
    pthread_mutex_lock(&producer->lock);
    keep = keep && producer->spare_count < most;
    if (keep) {
        list_add_head(&producer->spare, &send->node);
        producer->spare_count++;
    }
    pthread_mutex_unlock(&producer->lock);
    if (!keep) {
        send_free(send);
    }
}

static void send_settled(struct tidings_producer *producer)
{
    pthread_mutex_lock(&producer->lock);
    producer->outstanding--;
    if (producer->outstanding == 0 && producer->stopping) {
        pthread_cond_broadcast(&producer->idle);
    }
    pthread_mutex_unlock(&producer->lock);
}

void send_recycle(struct send *send)
{
    struct tidings_producer *producer = send->producer;
    send_return(send);
    send_settled(producer);
}

void send_finish(struct send *send, tidings_status status)
{
    struct tidings_producer *producer = send->producer;
    runtime_cancel(&producer->runtime, &send->call);
    runtime_alarm_stop(&producer->runtime, &send->alarm);
    list_remove(&send->waiter.node);
    list_remove(&send->node);
    if (send->kind == SEND_SYNC) {
        send->status = status;
        sem_post(&send->done); // from here on it is the waiting thread's
        return;
    }
    atomic_fetch_sub_explicit(&producer->in_flight, 1, memory_order_relaxed);
    if (send->callback != NULL) {
        send->callback(send->arg, status, status == TIDINGS_OK ? &send->result : NULL, &send->err);
    }
    if (status == TIDINGS_OK && send->kind == SEND_ASYNC) {
        free(send->result.long_ids);
    }
    send_recycle(send);
}

// ---- hand-over to the I/O thread ----
static tidings_status submit(struct send *send, struct tidings_error *err)
{
    struct tidings_producer *producer = send->producer;
    tidings_status status = TIDINGS_OK;
    pthread_mutex_lock(&producer->lock);
    bool first = list_empty(&producer->submitted);
    if (producer->accepting) {
        list_add_tail(&producer->submitted, &send->node);
        producer->outstanding++;
    } else {
        status = producer->started ? TIDINGS_E_CLOSED : TIDINGS_E_STATE;
    }
    pthread_mutex_unlock(&producer->lock);
    if (status != TIDINGS_OK) {
        return error_set(err, status, "the producer %s",
                         status == TIDINGS_E_CLOSED ? "was stopped" : "was not started");
    }
    if (first) {
        runtime_wake(&producer->runtime);
    }
    return TIDINGS_OK;
}

static void take_submitted(struct tidings_producer *producer, struct list *ret)
{
    list_init(ret);
    pthread_mutex_lock(&producer->lock);
    if (!list_empty(&producer->submitted)) {
        *ret = producer->submitted;
        ret->next->prev = ret;
        ret->prev->next = ret;
        list_init(&producer->submitted);
    }
    pthread_mutex_unlock(&producer->lock);
}

static void on_woken(void *arg)
{
    struct tidings_producer *producer = arg;
    struct list batch;
    take_submitted(producer, &batch);
    if (producer->checks != NULL) {
        checks_tell(producer->checks);
    }
    for (struct list *node = list_pop(&batch); node != NULL; node = list_pop(&batch)) {
        send_start(LIST_ENTRY(node, struct send, node));
    }
}

static void on_opened(void *arg, struct link *link)
{
    struct tidings_producer *producer = arg;
    pulse_link_opened(&producer->pulse, link);
}

static void on_asked(void *arg, struct link *link, const struct wire_header *header,
                     struct str body)
{
    struct tidings_producer *producer = arg;
    if (header->code != WIRE_CHECK_TRANSACTION_STATE) {
        runtime_answer(link, header, WIRE_REQUEST_CODE_NOT_SUPPORTED,
                       STR("not supported by this client"));
    } else if (producer->checks != NULL) {
        checks_ask(producer->checks, link, header, body);
    }
}

static void on_route_changed(void *arg, struct topic *topic)
{
    struct tidings_producer *producer = arg;
    (void)topic;
    pulse_greet(&producer->pulse);
}

// ---- life ----
static tidings_status init_parts(struct tidings_producer *producer, const tidings_config *config,
                                 struct tidings_error *err)
{
    const struct runtime_owner owner = {
        .opened = on_opened, .asked = on_asked, .woken = on_woken, .arg = producer
    };
    if (config_text(config, CONFIG_GROUP)[0] == '\0') {
        return error_set(err, TIDINGS_E_INVALID, "setting group: a producer needs one");
    }
    tidings_status status = runtime_init(&producer->runtime, config, &owner, err);
    if (status != TIDINGS_OK) {
        return status;
    }
    char *groups[] = { producer->runtime.config->values[CONFIG_GROUP].text };
    const struct wire_heartbeat heartbeat = { .client_id = producer->runtime.ident.client_id,
                                              .producer_count = 1,
                                              .producer_groups = groups };
    status = routes_init(&producer->routes, &producer->runtime, err);
    if (status == TIDINGS_OK) {
        producer->routes.changed = on_route_changed;
        producer->routes.arg = producer;
        status = pulse_init(&producer->pulse, &producer->routes, &heartbeat);
    }
    if (status != TIDINGS_OK) {
        pulse_deinit(&producer->pulse);
        routes_deinit(&producer->routes);
        runtime_deinit(&producer->runtime);
    }
    return status;
}

tidings_status tidings_producer_new(const tidings_config *config, tidings_producer **ret,
                                    struct tidings_error *err)
{
    struct tidings_producer *producer = calloc(1, sizeof *producer);
    pthread_condattr_t attributes;
    *ret = NULL;
    if (producer == NULL) {
        return error_set(err, TIDINGS_E_NO_MEMORY, "no memory for a producer");
    }
    list_init(&producer->sending);
    list_init(&producer->spare);
    list_init(&producer->submitted);
    tidings_status status = init_parts(producer, config, err);
    if (status != TIDINGS_OK) {
        free(producer);
        return status;
    }
    pthread_mutex_init(&producer->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&producer->idle, &attributes);
    pthread_condattr_destroy(&attributes);
    *ret = producer;
    return TIDINGS_OK;
}

// Brokers ask those who said hello: a producer that has not sent yet says it to these.
static void look_up_check_topics(struct tidings_producer *producer)
{
    struct str rest = str_of(config_text(producer->runtime.config, CONFIG_CHECK_TOPICS));
    struct str name;
    while (producer->checks != NULL && str_split(&rest, ';', &name)) {
        name = str_trim(name);
        struct topic *topic = name.len > 0 ? routes_topic(&producer->routes, name) : NULL;
        if (topic != NULL) {
            topic->wanted = true;
            topic_look_up(topic, NULL);
        }
    }
}

tidings_status tidings_producer_start(tidings_producer *producer, struct tidings_error *err)
{
    if (producer->started) {
        return error_set(err, TIDINGS_E_STATE, "started before");
    }
    pulse_start(&producer->pulse);
    look_up_check_topics(producer);
    tidings_status status =
        producer->checks != NULL ? checks_start(producer->checks, err) : TIDINGS_OK;
    if (status == TIDINGS_OK) {
        status = runtime_start(&producer->runtime, err);
    }
    if (status == TIDINGS_OK) {
        pthread_mutex_lock(&producer->lock);
        producer->accepting = true;
        producer->started = true;
        pthread_mutex_unlock(&producer->lock);
    }
    return status;
}

static void await_idle(struct tidings_producer *producer, int64_t timeout_ms)
{
    int64_t until_us = runtime_now_us(&producer->runtime) + timeout_ms * 1000;
    const struct timespec until = { .tv_sec = (time_t)(until_us / 1000000),
                                    .tv_nsec = (long)(until_us % 1000000) * 1000 };
    pthread_mutex_lock(&producer->lock);
    producer->accepting = false;
    producer->stopping = true;
    while (producer->outstanding > 0 &&
           pthread_cond_timedwait(&producer->idle, &producer->lock, &until) != ETIMEDOUT) {
    }
    pthread_mutex_unlock(&producer->lock);
}

static void leave(void *arg)
{
    struct tidings_producer *producer = arg;
    if (producer->checks != NULL) {
        checks_tell(producer->checks);
    }
    pulse_leave(&producer->pulse, config_text(producer->runtime.config, CONFIG_GROUP), NULL);
}

static void fail_rest(struct list *sends)
{
    for (struct list *node = sends->next; node != sends; node = sends->next) {
        struct send *send = LIST_ENTRY(node, struct send, node);
        send_finish(send, error_set(&send->err, TIDINGS_E_CLOSED, "the producer was stopped"));
    }
}

void tidings_producer_stop(tidings_producer *producer, int64_t timeout_ms)
{
    struct list rest;
    if (!producer->runtime.running) {
        return;
    }
    await_idle(producer, timeout_ms < 0 ? 0 : timeout_ms);
    if (producer->checks != NULL) {
        checks_stop(producer->checks);
    }
    if (runtime_run(&producer->runtime, leave, producer) != TIDINGS_OK) {
        // Without a good-bye the brokers learn it from the closed connection.
    }
    runtime_stop(&producer->runtime);
    runtime_close(&producer->runtime);
    fail_rest(&producer->sending);
    take_submitted(producer, &rest);
    while (!list_empty(&rest)) {
        struct send *send = LIST_ENTRY(rest.next, struct send, node);
        call_init(&send->call, NULL);
        alarm_init(&send->alarm, NULL);
        route_waiter_init(&send->waiter, NULL);
        send_finish(send, error_set(&send->err, TIDINGS_E_CLOSED, "the producer was stopped"));
    }
}

void tidings_producer_free(tidings_producer *producer)
{
    if (producer == NULL) {
        return;
    }
    tidings_producer_stop(producer, 0);
    if (producer->checks != NULL) { // started, but the I/O thread did not
        checks_stop(producer->checks);
    }
    for (struct list *node = list_pop(&producer->spare); node != NULL;
         node = list_pop(&producer->spare)) {
        send_free(LIST_ENTRY(node, struct send, node));
    }
    checks_free(producer->checks);
    pulse_deinit(&producer->pulse);
    routes_deinit(&producer->routes);
    runtime_deinit(&producer->runtime);
    pthread_cond_destroy(&producer->idle);
    pthread_mutex_destroy(&producer->lock);
    free(producer);
}

// ---- sending ----
struct sending { // what the kinds of send differ in
    enum send_kind kind;
    tidings_message *const *messages;
    size_t count;
    bool is_batch;
    bool is_half;
    const char *key; // ordered
    tidings_send_callback *callback;
    void *arg;
};

static tidings_status prepare(struct tidings_producer *producer, const struct sending *sending,
                              struct send **ret, struct tidings_error *err)
{
    struct send *send = send_take(producer);
    if (send == NULL) {
        return error_set(err, TIDINGS_E_NO_MEMORY, "no memory for a send");
    }
    int64_t timeout_ms = config_number(producer->runtime.config, CONFIG_SEND_TIMEOUT);
    send->kind = sending->kind;
    send->is_batch = sending->is_batch;
    send->is_half = sending->is_half;
    send->is_ordered = sending->key != NULL;
    if (send->is_ordered) { // as other clients: the absolute value of Java's hash
        int32_t hash = str_java_hash(str_of(sending->key));
        send->key_hash = hash == INT32_MIN ? 0 : (uint32_t)(hash < 0 ? -hash : hash);
    }
    send->callback = sending->callback;
    send->arg = sending->arg;
    send->deadline_us = runtime_now_us(&producer->runtime) + timeout_ms * 1000;
    tidings_status status = send_fill(send, sending->messages, sending->count, err);
    if (status != TIDINGS_OK) {
        send_return(send);
        return status;
    }
    *ret = send;
    return TIDINGS_OK;
}

static tidings_status take_result(struct send *send, tidings_send_result **ret,
                                  struct tidings_error *err)
{
    tidings_status status = send->status;
    if (status != TIDINGS_OK) {
        if (err != NULL) {
            *err = send->err;
        }
        return status;
    }
    if (ret != NULL) {
        *ret = malloc(sizeof **ret);
        if (*ret != NULL) { // else: sent, but there is no memory to tell where
            **ret = send->result;
            return TIDINGS_OK;
        }
    }
    free(send->result.long_ids);
    return TIDINGS_OK;
}

static tidings_status send_and_wait(struct tidings_producer *producer,
                                    const struct sending *sending, tidings_send_result **ret,
                                    struct tidings_error *err)
{
    struct send *send;
    if (ret != NULL) {
        *ret = NULL;
    }
    tidings_status status = prepare(producer, sending, &send, err);
    if (status != TIDINGS_OK) {
        return status;
    }
    status = submit(send, err);
    if (status != TIDINGS_OK) {
        send_return(send);
        return status;
    }
    while (sem_wait(&send->done) != 0) { // EINTR
    }
    status = take_result(send, ret, err);
    send_recycle(send);
    return status;
}

tidings_status tidings_producer_send(tidings_producer *producer, tidings_message *message,
                                     tidings_send_result **ret, struct tidings_error *err)
{
    const struct sending sending = { .kind = SEND_SYNC, .messages = &message, .count = 1 };
    return send_and_wait(producer, &sending, ret, err);
}

tidings_status producer_send_half(struct tidings_producer *producer, tidings_message *message,
                                  tidings_send_result **ret, struct tidings_error *err)
{
    const struct sending sending = {
        .kind = SEND_SYNC, .messages = &message, .count = 1, .is_half = true
    };
    return send_and_wait(producer, &sending, ret, err);
}

tidings_status tidings_producer_send_ordered(tidings_producer *producer, tidings_message *message,
                                             const char *key, tidings_send_result **ret,
                                             struct tidings_error *err)
{
    const struct sending sending = {
        .kind = SEND_SYNC, .messages = &message, .count = 1, .key = key
    };
    if (key == NULL || message_put(message, WIRE_P_SHARDING_KEY, str_of(key)) != TIDINGS_OK) {
        return error_set(err, TIDINGS_E_INVALID, "this text cannot be an order key");
    }
    return send_and_wait(producer, &sending, ret, err);
}

tidings_status tidings_producer_send_batch(tidings_producer *producer,
                                           tidings_message *const *messages, size_t count,
                                           tidings_send_result **ret, struct tidings_error *err)
{
    const struct sending sending = {
        .kind = SEND_SYNC, .messages = messages, .count = count, .is_batch = true
    };
    if (count == 0) {
        return error_set(err, TIDINGS_E_INVALID, "a batch has at least one message");
    }
    return send_and_wait(producer, &sending, ret, err);
}

static tidings_status send_unwaited(struct tidings_producer *producer,
                                    const struct sending *sending, struct tidings_error *err)
{
    struct send *send;
    int64_t most = config_number(producer->runtime.config, CONFIG_MAX_IN_FLIGHT);
    if (atomic_fetch_add_explicit(&producer->in_flight, 1, memory_order_relaxed) >= most) {
        atomic_fetch_sub_explicit(&producer->in_flight, 1, memory_order_relaxed);
        return error_set(err, TIDINGS_E_AGAIN, "max_in_flight %lld sends wait for answers",
                         (long long)most);
    }
    tidings_status status = prepare(producer, sending, &send, err);
    if (status == TIDINGS_OK) {
        status = submit(send, err);
        if (status != TIDINGS_OK) {
            send_return(send);
        }
    }
    if (status != TIDINGS_OK) {
        atomic_fetch_sub_explicit(&producer->in_flight, 1, memory_order_relaxed);
    }
    return status;
}

tidings_status tidings_producer_send_async(tidings_producer *producer, tidings_message *message,
                                           tidings_send_callback *callback, void *arg,
                                           struct tidings_error *err)
{
    const struct sending sending = {
        .kind = SEND_ASYNC, .messages = &message, .count = 1, .callback = callback, .arg = arg
    };
    return send_unwaited(producer, &sending, err);
}

tidings_status tidings_producer_send_oneway(tidings_producer *producer, tidings_message *message,
                                            struct tidings_error *err)
{
    const struct sending sending = { .kind = SEND_ONEWAY, .messages = &message, .count = 1 };
    return send_unwaited(producer, &sending, err);
}

// ---- results ----
const char *tidings_send_result_id(const tidings_send_result *result)
{
    return result->id;
}

const char *tidings_send_result_offset_id(const tidings_send_result *result)
{
    return result->long_ids != NULL ? result->long_ids : result->short_id;
}

const char *tidings_send_result_broker(const tidings_send_result *result)
{
    return result->broker;
}

int32_t tidings_send_result_queue_id(const tidings_send_result *result)
{
    return result->queue_id;
}

int64_t tidings_send_result_queue_offset(const tidings_send_result *result)
{
    return result->queue_offset;
}

void tidings_send_result_free(tidings_send_result *result)
{
    if (result != NULL) {
        free(result->long_ids);
        free(result);
    }
}
