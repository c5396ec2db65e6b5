// SPDX-License-Identifier: Apache-2.0
// Failing messages: the server's ladder, a ladder made by the client, the handler's own delays,
// dead letters.
#include "interop.h"

#include <stdio.h>
#include <string.h>

enum {
    LEVEL_1_MS = 1000,
    // RocketMQ 5 keeps its timers in slots of a second and may be early by one.
    TIMER_SLOT_MS = 1000,
};

static tidings_answer never(void *arg, const tidings_message *message, tidings_delivery *delivery)
{
    (void)delivery;
    return inbox_add(arg, message) == 0 ? TIDINGS_ACK : TIDINGS_LATER;
}

static bool await_dead_letter(struct env *env, const char *group, const char *body)
{
    char topic[128], reader[128];
    struct inbox *dead = inbox_new(env);
    snprintf(topic, sizeof(topic), "%%DLQ%%%s", group);
    snprintf(reader, sizeof(reader), "%s-dead", group);
    return env_await_route(env, topic) &&
           env_consumer(env, env_config(env, reader), topic, "*", inbox_take, false, dead) !=
               NULL &&
           inbox_await(env, dead, body, 1, WAIT_MS);
}

// Waits for one delivery more than there are rungs and compares the delays.
static bool follow_ladder(struct env *env, struct inbox *seen, const int64_t *rungs_ms,
                          size_t count, int64_t early_ms)
{
    struct record record = { 0 };
    int64_t before = 0;
    char shown[256] = "";
    for (size_t i = 0; i <= count; i++) {
        int64_t rung = i == 0 ? 0 : rungs_ms[i - 1];
        if (!inbox_await(env, seen, "failing", i + 1, rung + LATE_MS)) {
            return false;
        }
        CHECK(env, inbox_get(seen, "failing", i, &record), "delivery %zu is not kept", i);
        CHECK(env, record.reconsume_times >= (int32_t)i, "delivery %zu counts %d", i,
              (int)record.reconsume_times);
        int64_t delay = record.at_ms - before;
        if (i > 0) {
            size_t len = strlen(shown);
            snprintf(shown + len, sizeof(shown) - len, " %lld/%lld", (long long)delay,
                     (long long)rung);
            CHECK(env, delay >= rung - early_ms, "rung %zu of %lld ms came after %lld ms", i,
                  (long long)rung, (long long)delay);
        }
        before = record.at_ms;
    }
    printf("  delays (ms, seen/rung):%s\n", shown);
    return true;
}

static bool climb(struct env *env, const char *ladder, const int64_t *rungs_ms, size_t count,
                  int64_t early_ms)
{
    char topic[96], group[96], attempts[16];
    struct inbox *seen = inbox_new(env);
    env_name(env, "group", group, sizeof(group));
    snprintf(attempts, sizeof(attempts), "%zu", count);
    if (!env_topic(env, "topic", 2, topic, sizeof(topic)) ||
        !env_prime_retry_topic(env, group, topic)) {
        return false;
    }
    tidings_config *config = env_config(env, group);
    if (config == NULL || !env_set(env, config, "max_attempts", attempts) ||
        !env_set(env, config, "ladder", ladder) ||
        (env->options->delay_levels != NULL &&
         !env_set(env, config, "delay_levels", env->options->delay_levels))) {
        tidings_config_free(config);
        return false;
    }
    if (env_consumer(env, config, topic, "*", never, false, seen) == NULL ||
        !env_send(env, topic, "tag", "failing") ||
        !follow_ladder(env, seen, rungs_ms, count, early_ms) ||
        !await_dead_letter(env, group, "failing")) {
        return false;
    }
    CHECK(env, inbox_total(seen) == count + 1, "%zu deliveries", inbox_total(seen));
    return true;
}

// The server's own ladder.
bool scenario_retry_ladder(struct env *env)
{
    return climb(env, "", env->options->ladder_ms, env->options->ladder_count, 0);
}

// A ladder that the client makes; 7 s is no level of any server's table.
bool scenario_made_ladder(struct env *env)
{
    static const int64_t rungs_ms[] = { 2000, 7000 };
    return climb(env, "2s 7s", rungs_ms, 2, env->options->prime ? TIMER_SLOT_MS : 0);
}

static tidings_answer answer_by_body(void *arg, const tidings_message *message,
                                     tidings_delivery *delivery)
{
    size_t len;
    const char *body = tidings_message_body(message, &len);
    if (inbox_add(arg, message) != 1) {
        return TIDINGS_ACK;
    }
    if (len == 5 && memcmp(body, "level", 5) == 0) {
        tidings_delivery_later_level(delivery, 1);
        return TIDINGS_LATER;
    }
    return len == 4 && memcmp(body, "dead", 4) == 0 ? TIDINGS_DEAD : TIDINGS_ACK;
}

// A handler that names a delay level or gives up at once is obeyed.
bool scenario_retry_answers(struct env *env)
{
    char topic[96], group[96];
    struct record first = { 0 }, second = { 0 };
    struct inbox *seen = inbox_new(env);
    env_name(env, "group", group, sizeof(group));
    if (!env_topic(env, "topic", 4, topic, sizeof(topic)) ||
        !env_prime_retry_topic(env, group, topic) ||
        env_consumer(env, env_config(env, group), topic, "*", answer_by_body, false, seen) ==
            NULL ||
        !env_send(env, topic, "", "level") || !env_send(env, topic, "", "dead") ||
        !inbox_await(env, seen, "level", 2, LEVEL_1_MS + LATE_MS) ||
        !await_dead_letter(env, group, "dead")) {
        return false;
    }
    CHECK(env, inbox_get(seen, "level", 0, &first) && inbox_get(seen, "level", 1, &second), "lost");
    printf("  delay of level 1: %lld ms\n", (long long)(second.at_ms - first.at_ms));
    CHECK(env, second.at_ms - first.at_ms >= LEVEL_1_MS, "level 1 came after %lld ms",
          (long long)(second.at_ms - first.at_ms));
    CHECK(env, inbox_count(seen, "dead") == 1, "given up, but delivered %zu times",
          inbox_count(seen, "dead"));
    return true;
}
