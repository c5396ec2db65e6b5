// SPDX-License-Identifier: Apache-2.0
// Several queues and several consumers: order, broadcasting, a group shared with a client of
// another kind.
#include "interop.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    QUEUES = 4,
    KEYS = 6,
    PER_KEY = 15,
    FAILING = 5, // this message of every key fails once
    BROADCASTS = 100,
    SHARED_QUEUES = 8,
    SHARED = 600,
    KILL_AFTER = 40,
    MAX_ARGS = 64,
    LINE_SIZE = 256,
};

// ---- order ----

struct order {
    atomic_int busy[QUEUES];
    atomic_int next[KEYS]; // number that comes next of each key
    atomic_bool failed[KEYS];
    atomic_bool broken;
};

static tidings_answer handle_orderly(void *arg, const tidings_message *message,
                                     tidings_delivery *delivery)
{
    struct order *order = arg;
    char text[16] = "", *end;
    size_t len;
    const void *body = tidings_message_body(message, &len);
    int queue = tidings_message_queue_id(message) % QUEUES;
    tidings_answer answer = TIDINGS_ACK;
    (void)delivery;
    memcpy(text, body, len < sizeof(text) ? len : sizeof(text) - 1);
    long key = strtol(text, &end, 10);
    if (*end != ':' || key < 0 || key >= KEYS) {
        return TIDINGS_ACK; // the topic's first message
    }
    int number = (int)strtol(end + 1, NULL, 10);
    if (atomic_fetch_add(&order->busy[queue], 1) != 0) {
        atomic_store(&order->broken, true);
    }
    if (number == FAILING && !atomic_exchange(&order->failed[key], true)) {
        answer = TIDINGS_LATER;
    } else if (number == atomic_load(&order->next[key])) {
        atomic_store(&order->next[key], number + 1);
    } else {
        atomic_store(&order->broken, true);
    }
    atomic_fetch_sub(&order->busy[queue], 1);
    return answer;
}

static bool order_ends(void *arg)
{
    struct order *order = arg;
    int done = 0;
    for (int key = 0; key < KEYS; key++) {
        done += atomic_load(&order->next[key]) == PER_KEY;
    }
    return done == KEYS || atomic_load(&order->broken);
}

static bool send_ordered(struct env *env, const char *topic, int key, int number)
{
    char body[32], name[16];
    struct tidings_error err = { 0 };
    snprintf(body, sizeof(body), "%d:%d", key, number);
    snprintf(name, sizeof(name), "key-%d", key);
    tidings_message *message = tidings_message_new(topic, body, strlen(body));
    CHECK(env, message != NULL, "out of memory");
    tidings_status status = tidings_producer_send_ordered(env->producer, message, name, NULL, &err);
    tidings_message_free(message);
    CHECK(env, status == TIDINGS_OK, "ordered send: %s", err.text);
    return true;
}

// Messages of one key keep their order, one at a time, also while one of them fails once.
bool scenario_orderly(struct env *env)
{
    char topic[96], group[96];
    struct order order = { 0 };
    env_name(env, "group", group, sizeof(group));
    if (!env_topic(env, "topic", QUEUES, topic, sizeof(topic))) {
        return false;
    }
    tidings_config *config = env_config(env, group);
    if (config == NULL || !env_set(env, config, "orderly_suspend", "200ms")) {
        tidings_config_free(config);
        return false;
    }
    tidings_consumer *consumer =
        env_consumer(env, config, topic, "*", handle_orderly, true, &order);
    bool good = consumer != NULL;
    for (int number = 0; good && number < PER_KEY; number++) {
        for (int key = 0; good && key < KEYS; key++) {
            good = send_ordered(env, topic, key, number);
        }
    }
    good = good && await(env, "all ordered messages", WAIT_MS, order_ends, &order);
    if (consumer != NULL) {
        tidings_consumer_stop(consumer, 5000); // the handler's `order` ends with this function
    }
    CHECK(env, !good || !atomic_load(&order.broken), "the order of a key or queue is broken");
    return good;
}

// ---- broadcasting ----

// Two broadcasting consumers of one group both get every message.
bool scenario_broadcast(struct env *env)
{
    char topic[96], group[96], body[32];
    struct inbox *seen[] = { inbox_new(env), inbox_new(env) };
    env_name(env, "group", group, sizeof(group));
    if (!env_topic(env, "topic", QUEUES, topic, sizeof(topic))) {
        return false;
    }
    for (size_t i = 0; i < 2; i++) {
        tidings_config *config = env_config(env, group);
        if (config == NULL || !env_set(env, config, "model", "broadcasting")) {
            tidings_config_free(config);
            return false;
        }
        if (env_consumer(env, config, topic, "*", inbox_take, false, seen[i]) == NULL) {
            return false;
        }
    }
    for (int i = 0; i < BROADCASTS; i++) {
        snprintf(body, sizeof(body), "m%d", i);
        if (!env_send(env, topic, "", body)) {
            return false;
        }
    }
    for (size_t i = 0; i < 2; i++) {
        for (int j = 0; j < BROADCASTS; j++) {
            snprintf(body, sizeof(body), "m%d", j);
            if (!inbox_await(env, seen[i], body, 1, WAIT_MS)) {
                return false;
            }
        }
        CHECK(env, inbox_total(seen[i]) == BROADCASTS, "consumer %zu got %zu messages", i,
              inbox_total(seen[i]));
    }
    return true;
}

// ---- a group shared with another kind of client, which is killed ----

struct shared {
    struct inbox *mine;
    tidings_consumer *consumer;
    int pipe; // what the other one prints
    char line[LINE_SIZE];
    size_t line_len;
    int their_queues;
    bool theirs[SHARED];
    size_t their_count;
    char topic[96];
};

static void take_line(struct shared *shared)
{
    int number = -1;
    char *end;
    if (strncmp(shared->line, "GOT m", 5) == 0) {
        number = (int)strtol(shared->line + 5, &end, 10);
        if (number >= 0 && number < SHARED && *end == '\0' && !shared->theirs[number]) {
            shared->theirs[number] = true;
            shared->their_count++;
        }
    } else if (strncmp(shared->line, "HOLDS ", 6) == 0) {
        shared->their_queues = (int)strtol(shared->line + 6, &end, 10);
    }
}

// Reads what is there, without waiting.
static void read_theirs(struct shared *shared)
{
    char bytes[4096];
    ssize_t len;
    while ((len = read(shared->pipe, bytes, sizeof(bytes))) > 0) {
        for (ssize_t i = 0; i < len; i++) {
            if (bytes[i] == '\n') {
                shared->line[shared->line_len] = '\0';
                take_line(shared);
                shared->line_len = 0;
            } else if (shared->line_len < LINE_SIZE - 1) {
                shared->line[shared->line_len++] = bytes[i];
            }
        }
    }
}

static bool start_worker(struct env *env, struct shared *shared, char *group)
{
    char *args[MAX_ARGS + 1], limit[] = "120", flag[] = "--worker", *rest = NULL;
    size_t count = 0;
    int ends[2];
    posix_spawn_file_actions_t actions;
    CHECK(env, env->options->worker_command != NULL, "--worker-command is missing");
    char *command = strdup(env->options->worker_command);
    CHECK(env, command != NULL && pipe2(ends, O_CLOEXEC) == 0, "cannot make a pipe");
    for (char *arg = strtok_r(command, " ", &rest); arg != NULL && count < MAX_ARGS - 4;
         arg = strtok_r(NULL, " ", &rest)) {
        args[count++] = arg;
    }
    args[count++] = flag;
    args[count++] = group;
    args[count++] = shared->topic;
    args[count++] = limit;
    args[count] = NULL;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    int failed = posix_spawnp(&env->worker, args[0], &actions, NULL, args, environ);
    posix_spawn_file_actions_destroy(&actions);
    free(command);
    close(ends[1]);
    shared->pipe = ends[0];
    CHECK(env, failed == 0, "cannot start the other consumer: %s", strerror(failed));
    CHECK(env, fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0, "cannot unblock the pipe");
    return true;
}

static bool both_share(void *arg)
{
    struct shared *shared = arg;
    read_theirs(shared);
    // One of the two holds the retry topic's queue too.
    size_t mine = tidings_consumer_queue_count(shared->consumer);
    return shared->their_queues == SHARED_QUEUES / 2 && mine >= SHARED_QUEUES / 2 &&
           mine <= SHARED_QUEUES / 2 + 1;
}

static bool they_worked(void *arg)
{
    struct shared *shared = arg;
    read_theirs(shared);
    return shared->their_count >= KILL_AFTER;
}

static bool all_came(void *arg)
{
    struct shared *shared = arg;
    char body[32];
    read_theirs(shared);
    for (int i = 0; i < SHARED; i++) {
        snprintf(body, sizeof(body), "m%d", i);
        if (!shared->theirs[i] && inbox_count(shared->mine, body) == 0) {
            return false;
        }
    }
    return true;
}

static bool share_and_kill(struct env *env, struct shared *shared)
{
    char body[32];
    bool killed = false;
    if (!await(env, "half of the queues each", WAIT_MS, both_share, shared)) {
        return false;
    }
    for (int i = 0; i < SHARED; i++) {
        snprintf(body, sizeof(body), "m%d", i);
        if (!env_send(env, shared->topic, "", body)) {
            return false;
        }
        if (!killed && they_worked(shared)) {
            kill(env->worker, SIGKILL);
            killed = true;
        }
    }
    if (!await(env, "work done by the other", WAIT_MS, they_worked, shared)) {
        return false;
    }
    kill(env->worker, SIGKILL);
    waitpid(env->worker, NULL, 0);
    env->worker = 0;
    if (!await(env, "every message at one of the two", 2 * WAIT_MS, all_came, shared)) {
        return false;
    }
    printf("  handled by the killed %zu, by the survivor %zu\n", shared->their_count,
           inbox_total(shared->mine));
    return true;
}

// Two consumers of different kinds share the queues; the other is killed, we take over, nothing is
// lost.
bool scenario_mixed_group(struct env *env)
{
    char group[96];
    struct shared *shared = calloc(1, sizeof(*shared));
    CHECK(env, shared != NULL, "out of memory");
    shared->pipe = -1;
    shared->their_queues = -1;
    shared->mine = inbox_new(env);
    env_name(env, "group", group, sizeof(group));
    bool good = env_topic(env, "topic", SHARED_QUEUES, shared->topic, sizeof(shared->topic)) &&
                start_worker(env, shared, group);
    if (good) {
        shared->consumer = env_consumer(env, env_config(env, group), shared->topic, "*", inbox_take,
                                        false, shared->mine);
        good = shared->consumer != NULL && share_and_kill(env, shared);
    }
    if (shared->pipe >= 0) {
        close(shared->pipe);
    }
    free(shared);
    return good;
}

// ---- the other side of it ----

static tidings_answer say_got(void *arg, const tidings_message *message, tidings_delivery *delivery)
{
    size_t len;
    const char *body = tidings_message_body(message, &len);
    (void)arg;
    (void)delivery;
    printf("GOT %.*s\n", (int)len, body);
    fflush(stdout);
    return TIDINGS_ACK;
}

int worker_run(const struct options *options, const char *group, const char *topic, int limit_s)
{
    struct env env = { .options = options };
    int64_t end = now_ms() + (int64_t)limit_s * 1000;
    size_t held = SIZE_MAX;
    snprintf(env.id, sizeof(env.id), "worker-%d", (int)getpid());
    tidings_consumer *consumer =
        env_consumer(&env, env_config(&env, group), topic, "*", say_got, false, NULL);
    if (consumer == NULL) {
        fprintf(stderr, "worker: %s\n", env.reason);
        return 1;
    }
    while (now_ms() < end) {
        size_t now = tidings_consumer_queue_count(consumer);
        if (now != held) {
            printf("HOLDS %zu\n", now);
            fflush(stdout);
            held = now;
        }
        pause_ms(50);
    }
    env_close(&env);
    return 0;
}
