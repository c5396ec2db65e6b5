// SPDX-License-Identifier: Apache-2.0
#include "interop.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

static const char WARM_UP[] = "warm-up";

bool fail(struct env *env, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(env->reason, sizeof(env->reason), format, args);
    va_end(args);
    return false;
}

int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void pause_ms(int ms)
{
    struct timespec pause = { ms / 1000, (ms % 1000) * 1000000L };
    nanosleep(&pause, NULL);
}

void env_name(const struct env *env, const char *suffix, char *out, size_t size)
{
    snprintf(out, size, "%s-%s", env->id, suffix);
}

void env_close(struct env *env)
{
    if (env->worker > 0) {
        kill(env->worker, SIGKILL);
        waitpid(env->worker, NULL, 0);
    }
    for (size_t i = 0; i < env->consumer_count; i++) {
        tidings_consumer_stop(env->consumers[i], 5000);
        tidings_consumer_free(env->consumers[i]);
    }
    for (size_t i = 0; i < env->producer_count; i++) {
        tidings_producer_stop(env->producers[i], 5000);
        tidings_producer_free(env->producers[i]);
    }
    for (size_t i = 0; i < env->inbox_count; i++) {
        pthread_mutex_destroy(&env->inboxes[i]->lock);
        free(env->inboxes[i]);
    }
}

bool await(struct env *env, const char *what, int64_t limit_ms, condition *holds, void *arg)
{
    int64_t deadline = now_ms() + limit_ms;
    while (!holds(arg)) {
        CHECK(env, now_ms() < deadline, "waited %lld ms in vain for %s", (long long)limit_ms, what);
        pause_ms(20);
    }
    return true;
}

bool env_set(struct env *env, tidings_config *config, const char *name, const char *value)
{
    struct tidings_error err = { 0 };
    CHECK(env, tidings_config_set(config, name, value, &err) == TIDINGS_OK, "setting %s: %s", name,
          err.text);
    return true;
}

tidings_config *env_config(struct env *env, const char *group)
{
    char instance[96];
    tidings_config *config = tidings_config_new();
    snprintf(instance, sizeof(instance), "%s-%d", env->id, ++env->clients);
    if (config == NULL) {
        fail(env, "out of memory");
        return NULL;
    }
    if (!env_set(env, config, "name_servers", env->options->name_server) ||
        !env_set(env, config, "group", group) || !env_set(env, config, "instance", instance) ||
        !env_set(env, config, "from", "first") || !env_set(env, config, "send_timeout", "10s")) {
        tidings_config_free(config);
        return NULL;
    }
    for (size_t i = 0; i < env->options->setting_count; i++) {
        char name[32];
        const char *equals = strchr(env->options->settings[i], '=');
        snprintf(name, sizeof(name), "%.*s", (int)(equals - env->options->settings[i]),
                 env->options->settings[i]);
        if (!env_set(env, config, name, equals + 1)) {
            tidings_config_free(config);
            return NULL;
        }
    }
    return config;
}

static bool start_producer(struct env *env, int queues)
{
    char group[96], number[16];
    struct tidings_error err = { 0 };
    tidings_producer *producer = NULL;
    env_name(env, "producer", group, sizeof(group));
    snprintf(number, sizeof(number), "%d", queues);
    tidings_config *config = env_config(env, group);
    if (config == NULL) {
        return false;
    }
    bool set = env_set(env, config, "create_topic_queues", number);
    tidings_status status = set ? tidings_producer_new(config, &producer, &err) : TIDINGS_E_INVALID;
    tidings_config_free(config);
    CHECK(env, set && env->producer_count < MAX_CLIENTS, "cannot make a producer");
    CHECK(env, status == TIDINGS_OK, "new producer: %s", err.text);
    env->producers[env->producer_count++] = producer;
    env->producer = producer;
    CHECK(env, tidings_producer_start(producer, &err) == TIDINGS_OK, "start of the producer: %s",
          err.text);
    return true;
}

struct route_wait {
    tidings_admin *admin;
    const char *topic;
};

static bool route_known(void *arg)
{
    struct route_wait *wait = arg;
    char *json = NULL;
    tidings_status status = tidings_admin_topic(wait->admin, wait->topic, &json, NULL);
    tidings_text_free(json);
    return status == TIDINGS_OK;
}

bool env_await_route(struct env *env, const char *topic)
{
    char group[96], what[192];
    struct tidings_error err = { 0 };
    struct route_wait wait = { NULL, topic };
    env_name(env, "admin", group, sizeof(group));
    snprintf(what, sizeof(what), "the route of %s", topic);
    tidings_config *config = env_config(env, group);
    if (config == NULL) {
        return false;
    }
    tidings_status status = tidings_admin_new(config, &wait.admin, &err);
    tidings_config_free(config);
    CHECK(env, status == TIDINGS_OK, "new admin: %s", err.text);
    bool known = await(env, what, WAIT_MS, route_known, &wait);
    tidings_admin_free(wait.admin);
    return known;
}

bool env_topic(struct env *env, const char *suffix, int queues, char *ret_topic, size_t size)
{
    env_name(env, suffix, ret_topic, size);
    return start_producer(env, queues) && env_send(env, ret_topic, "", WARM_UP) &&
           env_await_route(env, ret_topic);
}

static tidings_consumer *start_consumer(struct env *env, tidings_config *config, const char *topic,
                                        const char *expression, tidings_handler *handler,
                                        bool orderly, bool sql, void *arg)
{
    struct tidings_error err = { 0 };
    tidings_consumer *consumer = NULL;
    if (config == NULL) {
        return NULL;
    }
    tidings_status status = tidings_consumer_new(config, &consumer, &err);
    tidings_config_free(config);
    if (status == TIDINGS_OK) {
        status = sql ? tidings_consumer_subscribe_sql(consumer, topic, expression, &err)
                     : tidings_consumer_subscribe(consumer, topic, expression, &err);
    }
    if (status == TIDINGS_OK) {
        if (orderly) {
            tidings_consumer_on_message_orderly(consumer, handler, arg);
        } else {
            tidings_consumer_on_message(consumer, handler, arg);
        }
        status = tidings_consumer_start(consumer, &err);
    }
    if (status != TIDINGS_OK || env->consumer_count == MAX_CLIENTS) {
        fail(env, "starting a consumer: %s", err.text);
        tidings_consumer_free(consumer);
        return NULL;
    }
    env->consumers[env->consumer_count++] = consumer;
    return consumer;
}

tidings_consumer *env_consumer(struct env *env, tidings_config *config, const char *topic,
                               const char *expression, tidings_handler *handler, bool orderly,
                               void *arg)
{
    return start_consumer(env, config, topic, expression, handler, orderly, false, arg);
}

tidings_consumer *env_sql_consumer(struct env *env, tidings_config *config, const char *topic,
                                   const char *sql, tidings_handler *handler, void *arg)
{
    return start_consumer(env, config, topic, sql, handler, false, true, arg);
}

bool env_prime_retry_topic(struct env *env, const char *group, const char *topic)
{
    char retry_topic[160];
    if (!env->options->prime) {
        return true;
    }
    struct inbox *inbox = inbox_new(env);
    tidings_consumer *first =
        env_consumer(env, env_config(env, group), topic, "nothing", inbox_take, false, inbox);
    snprintf(retry_topic, sizeof(retry_topic), "%%RETRY%%%s", group);
    if (first == NULL || !env_await_route(env, retry_topic)) {
        return false;
    }
    tidings_consumer_stop(first, 5000);
    return true;
}

bool env_send(struct env *env, const char *topic, const char *tag, const char *body)
{
    struct tidings_error err = { 0 };
    tidings_message *message = tidings_message_new(topic, body, strlen(body));
    CHECK(env, message != NULL, "cannot make a message for %s", topic);
    tidings_status status = TIDINGS_OK;
    if (tag[0] != '\0') {
        status = tidings_message_set_tag(message, tag);
    }
    if (status == TIDINGS_OK) {
        status = tidings_producer_send(env->producer, message, NULL, &err);
    }
    tidings_message_free(message);
    CHECK(env, status == TIDINGS_OK, "sending %s: %s %s", body, tidings_status_name(status),
          err.text);
    return true;
}

struct inbox *inbox_new(struct env *env)
{
    struct inbox *inbox = calloc(1, sizeof(*inbox));
    if (inbox == NULL || env->inbox_count == MAX_CLIENTS) {
        abort();
    }
    pthread_mutex_init(&inbox->lock, NULL);
    env->inboxes[env->inbox_count++] = inbox;
    return inbox;
}

static void copy_text(char *out, size_t size, const char *text)
{
    snprintf(out, size, "%s", text == NULL ? "" : text);
}

size_t inbox_add(struct inbox *inbox, const tidings_message *message)
{
    size_t len, times = 1;
    const void *body = tidings_message_body(message, &len);
    struct record record = {
        .body_len = len,
        .flag = tidings_message_flag(message),
        .queue_id = tidings_message_queue_id(message),
        .queue_offset = tidings_message_queue_offset(message),
        .reconsume_times = tidings_message_reconsume_times(message),
        .at_ms = now_ms(),
    };
    memcpy(record.body, body, len < sizeof(record.body) ? len : sizeof(record.body) - 1);
    if (strcmp(record.body, WARM_UP) == 0) {
        return 0;
    }
    copy_text(record.tag, sizeof(record.tag), tidings_message_tag(message));
    copy_text(record.keys, sizeof(record.keys), tidings_message_keys(message));
    copy_text(record.id, sizeof(record.id), tidings_message_id(message));
    copy_text(record.spoken, sizeof(record.spoken), tidings_message_property(message, "spoken"));
    pthread_mutex_lock(&inbox->lock);
    for (size_t i = 0; i < inbox->count; i++) {
        times += strcmp(inbox->records[i].body, record.body) == 0;
    }
    if (inbox->count < MAX_RECORDS) {
        inbox->records[inbox->count++] = record;
    }
    pthread_mutex_unlock(&inbox->lock);
    return times;
}

size_t inbox_total(struct inbox *inbox)
{
    pthread_mutex_lock(&inbox->lock);
    size_t count = inbox->count;
    pthread_mutex_unlock(&inbox->lock);
    return count;
}

bool inbox_get(struct inbox *inbox, const char *body, size_t n, struct record *ret)
{
    bool found = false;
    pthread_mutex_lock(&inbox->lock);
    for (size_t i = 0; i < inbox->count && !found; i++) {
        if (strcmp(inbox->records[i].body, body) == 0 && n-- == 0) {
            *ret = inbox->records[i];
            found = true;
        }
    }
    pthread_mutex_unlock(&inbox->lock);
    return found;
}

size_t inbox_count(struct inbox *inbox, const char *body)
{
    size_t count = 0;
    pthread_mutex_lock(&inbox->lock);
    for (size_t i = 0; i < inbox->count; i++) {
        count += strcmp(inbox->records[i].body, body) == 0;
    }
    pthread_mutex_unlock(&inbox->lock);
    return count;
}

tidings_answer inbox_take(void *arg, const tidings_message *message, tidings_delivery *delivery)
{
    (void)delivery;
    inbox_add(arg, message);
    return TIDINGS_ACK;
}

struct count_wait {
    struct inbox *inbox;
    const char *body;
    size_t count;
};

static bool has_come(void *arg)
{
    struct count_wait *wait = arg;
    return inbox_count(wait->inbox, wait->body) >= wait->count;
}

bool inbox_await(struct env *env, struct inbox *inbox, const char *body, size_t count,
                 int64_t limit_ms)
{
    char what[96];
    struct count_wait wait = { inbox, body, count };
    snprintf(what, sizeof(what), "delivery %zu of %s", count, body);
    return await(env, what, limit_ms, has_come, &wait);
}
