// SPDX-License-Identifier: Apache-2.0
// Sending and receiving: tags, kinds of send, clean shutdown.
#include "interop.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROUND = 20, LARGE_LEN = 20000, LEVEL_1_MS = 1000 };

static const char SPOKEN[] = "Gr\u00fc\u00dfe, \u4e16\u754c = \"{}\" ; |";

// The expression "A || B" gets these and nothing else.
bool scenario_tags(struct env *env)
{
    static const char *const tags[] = { "A", "B", "C", "AB", "" };
    char topic[96], group[96], body[32];
    struct inbox *seen = inbox_new(env);
    env_name(env, "group", group, sizeof(group));
    if (!env_topic(env, "topic", 4, topic, sizeof(topic))) {
        return false;
    }
    for (int i = 0; i < 2 * ROUND; i++) {
        for (size_t tag = 0; tag < sizeof(tags) / sizeof(tags[0]); tag++) {
            snprintf(body, sizeof(body), "m%d%s", i, tags[tag]);
            if (!env_send(env, topic, tags[tag], body)) {
                return false;
            }
        }
        // Half of the messages are there before the consumer.
        if (i == ROUND && env_consumer(env, env_config(env, group), topic, "A || B", inbox_take,
                                       false, seen) == NULL) {
            return false;
        }
    }
    for (int i = 0; i < 2 * ROUND; i++) {
        for (size_t tag = 0; tag < 2; tag++) {
            snprintf(body, sizeof(body), "m%d%s", i, tags[tag]);
            if (!inbox_await(env, seen, body, 1, WAIT_MS)) {
                return false;
            }
        }
    }
    CHECK(env, inbox_total(seen) == 4 * ROUND, "%zu messages instead of %d", inbox_total(seen),
          4 * ROUND);
    return true;
}

struct async_wait {
    atomic_int done;
    atomic_int status;
};

static void on_sent(void *arg, tidings_status status, const tidings_send_result *result,
                    const struct tidings_error *err)
{
    struct async_wait *wait = arg;
    (void)result;
    (void)err;
    atomic_store(&wait->status, (int)status);
    atomic_store(&wait->done, 1);
}

static bool is_done(void *arg)
{
    struct async_wait *wait = arg;
    return atomic_load(&wait->done) != 0;
}

static bool send_async_and_oneway(struct env *env, const char *topic)
{
    struct tidings_error err = { 0 };
    struct async_wait wait = { 0 };
    tidings_message *message = tidings_message_new(topic, "async", 5);
    CHECK(env, message != NULL, "out of memory");
    tidings_status status =
        tidings_producer_send_async(env->producer, message, on_sent, &wait, &err);
    tidings_message_free(message);
    CHECK(env, status == TIDINGS_OK, "asynchronous send: %s", err.text);
    if (!await(env, "the asynchronous send", WAIT_MS, is_done, &wait)) {
        return false;
    }
    CHECK(env, atomic_load(&wait.status) == TIDINGS_OK, "asynchronous send was answered %s",
          tidings_status_name((tidings_status)atomic_load(&wait.status)));
    message = tidings_message_new(topic, "oneway", 6);
    CHECK(env, message != NULL, "out of memory");
    status = tidings_producer_send_oneway(env->producer, message, &err);
    tidings_message_free(message);
    CHECK(env, status == TIDINGS_OK, "one-way send: %s", err.text);
    return true;
}

static bool send_batch(struct env *env, const char *topic)
{
    static const char *const bodies[] = { "batch0", "batch1", "batch2" };
    tidings_message *batch[3] = { NULL };
    struct tidings_error err = { 0 };
    tidings_status status = TIDINGS_OK;
    for (size_t i = 0; i < 3 && status == TIDINGS_OK; i++) {
        batch[i] = tidings_message_new(topic, bodies[i], strlen(bodies[i]));
        status = batch[i] == NULL ? TIDINGS_E_NO_MEMORY
                                  : tidings_message_set_property(batch[i], "spoken", bodies[i]);
    }
    if (status == TIDINGS_OK) {
        status = tidings_producer_send_batch(env->producer, batch, 3, NULL, &err);
    }
    for (size_t i = 0; i < 3; i++) {
        tidings_message_free(batch[i]);
    }
    CHECK(env, status == TIDINGS_OK, "batch: %s %s", tidings_status_name(status), err.text);
    return true;
}

static bool send_large(struct env *env, const char *topic)
{
    struct tidings_error err = { 0 };
    char *body = malloc(LARGE_LEN);
    CHECK(env, body != NULL, "out of memory");
    memset(body, 'x', LARGE_LEN);
    snprintf(body, 6, "large");
    tidings_message *message = tidings_message_new(topic, body, LARGE_LEN);
    free(body);
    CHECK(env, message != NULL, "out of memory");
    tidings_status status = tidings_producer_send(env->producer, message, NULL, &err);
    tidings_message_free(message);
    CHECK(env, status == TIDINGS_OK, "large message: %s %s", tidings_status_name(status), err.text);
    return true;
}

// A message with all that one can carry; its result in *ret_result for the caller to free.
static bool send_full(struct env *env, const char *topic, const char *body, int delay_level,
                      tidings_send_result **ret_result)
{
    struct tidings_error err = { 0 };
    tidings_message *message = tidings_message_new(topic, body, strlen(body));
    CHECK(env, message != NULL, "out of memory");
    tidings_status status = tidings_message_set_tag(message, "tag");
    if (status == TIDINGS_OK) {
        status = tidings_message_add_key(message, "first");
    }
    if (status == TIDINGS_OK) {
        status = tidings_message_add_key(message, "second");
    }
    if (status == TIDINGS_OK) {
        status = tidings_message_set_property(message, "spoken", SPOKEN);
    }
    if (status == TIDINGS_OK && delay_level > 0) {
        status = tidings_message_set_delay_level(message, delay_level);
    }
    tidings_message_set_flag(message, 77);
    if (status == TIDINGS_OK) {
        status = tidings_producer_send(env->producer, message, ret_result, &err);
    }
    tidings_message_free(message);
    CHECK(env, status == TIDINGS_OK, "%s: %s %s", body, tidings_status_name(status), err.text);
    return true;
}

static bool check_full(struct env *env, struct inbox *seen, const tidings_send_result *result)
{
    struct record record = { 0 };
    CHECK(env, inbox_get(seen, "full", 0, &record), "the full message is lost");
    CHECK(env, strcmp(record.tag, "tag") == 0 && strcmp(record.keys, "first second") == 0,
          "tag %s, keys %s", record.tag, record.keys);
    CHECK(env, strcmp(record.spoken, SPOKEN) == 0, "property %s", record.spoken);
    CHECK(env, record.flag == 77, "flag %d", (int)record.flag);
    CHECK(env, strcmp(record.id, tidings_send_result_id(result)) == 0, "id %s instead of %s",
          record.id, tidings_send_result_id(result));
    CHECK(env,
          record.queue_id == tidings_send_result_queue_id(result) &&
              record.queue_offset == tidings_send_result_queue_offset(result),
          "queue %d offset %lld instead of %d, %lld", (int)record.queue_id,
          (long long)record.queue_offset, (int)tidings_send_result_queue_id(result),
          (long long)tidings_send_result_queue_offset(result));
    CHECK(env, inbox_get(seen, "batch1", 0, &record) && strcmp(record.spoken, "batch1") == 0,
          "property %s in a batch", record.spoken);
    return true;
}

// Every kind of send arrives once and whole.
bool scenario_send_kinds(struct env *env)
{
    static const char *const bodies[] = { "sync",   "async",  "oneway",  "batch0",
                                          "batch1", "batch2", "delayed", "full" };
    char topic[96], group[96];
    struct record record = { 0 };
    tidings_send_result *result = NULL;
    struct inbox *seen = inbox_new(env);
    env_name(env, "group", group, sizeof(group));
    if (!env_topic(env, "topic", 4, topic, sizeof(topic)) ||
        env_consumer(env, env_config(env, group), topic, "*", inbox_take, false, seen) == NULL) {
        return false;
    }
    int64_t delayed_from = now_ms();
    if (!send_full(env, topic, "delayed", 1, NULL) || !env_send(env, topic, "", "sync") ||
        !send_async_and_oneway(env, topic) || !send_batch(env, topic) || !send_large(env, topic) ||
        !send_full(env, topic, "full", 0, &result)) {
        return false;
    }
    bool good = true;
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]) && good; i++) {
        good = inbox_await(env, seen, bodies[i], 1, WAIT_MS);
    }
    good = good && check_full(env, seen, result);
    tidings_send_result_free(result);
    if (!good) {
        return false;
    }
    bool known = inbox_get(seen, "delayed", 0, &record);
    int64_t waited = record.at_ms - delayed_from;
    printf("  delayed by level 1: %lld ms\n", (long long)waited);
    CHECK(env, known && waited >= LEVEL_1_MS, "delayed by %lld ms", (long long)waited);
    CHECK(env, inbox_total(seen) == 9, "%zu messages instead of 9", inbox_total(seen));
    pthread_mutex_lock(&seen->lock);
    size_t large = 0;
    for (size_t i = 0; i < seen->count; i++) {
        large += seen->records[i].body_len == LARGE_LEN;
    }
    pthread_mutex_unlock(&seen->lock);
    CHECK(env, large == 1, "the large message did not arrive whole");
    return true;
}

static bool send_round(struct env *env, const char *topic, const char *round)
{
    char body[32];
    for (int i = 0; i < 2 * ROUND; i++) {
        snprintf(body, sizeof(body), "%s%d", round, i);
        if (!env_send(env, topic, "", body)) {
            return false;
        }
    }
    return true;
}

static bool await_round(struct env *env, struct inbox *seen, const char *round)
{
    char body[32];
    for (int i = 0; i < 2 * ROUND; i++) {
        snprintf(body, sizeof(body), "%s%d", round, i);
        if (!inbox_await(env, seen, body, 1, WAIT_MS)) {
            return false;
        }
    }
    return true;
}

// A clean stop ends soon, leaves the group and stores offsets: the next one goes on where it
// stopped.
bool scenario_shutdown(struct env *env)
{
    char topic[96], group[96];
    struct inbox *first = inbox_new(env), *second = inbox_new(env);
    env_name(env, "group", group, sizeof(group));
    if (!env_topic(env, "topic", 4, topic, sizeof(topic))) {
        return false;
    }
    tidings_consumer *consumer =
        env_consumer(env, env_config(env, group), topic, "*", inbox_take, false, first);
    if (consumer == NULL || !send_round(env, topic, "one") || !await_round(env, first, "one")) {
        return false;
    }
    int64_t start = now_ms();
    tidings_consumer_stop(consumer, 10000);
    CHECK(env, now_ms() - start < 10000, "the stop took %lld ms", (long long)(now_ms() - start));
    if (!send_round(env, topic, "two") ||
        env_consumer(env, env_config(env, group), topic, "*", inbox_take, false, second) == NULL ||
        !await_round(env, second, "two")) {
        return false;
    }
    CHECK(env, inbox_total(second) == 2 * ROUND, "%zu messages instead of %d after a clean stop",
          inbox_total(second), 2 * ROUND);
    return true;
}
