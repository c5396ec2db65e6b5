// SPDX-License-Identifier: Apache-2.0
// What the interop scenarios of libtidings work with: names of their own, clients that are stopped
// at the end, an inbox for what arrives, waiting with a deadline. Uses the public headers only.
#ifndef INTEROP_H
#define INTEROP_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <tidings/tidings.h>

enum {
    MAX_RUNGS = 16,
    MAX_CLIENTS = 16,
    MAX_RECORDS = 4096,
    WAIT_MS = 30000,
    LATE_MS = 10000, // how much later than its rung a delivery may come
};

struct options {
    const char *name_server;
    int64_t ladder_ms[MAX_RUNGS]; // the rungs of the server's own ladder
    size_t ladder_count;
    bool prime;               // the server makes a retry topic only at the group's first heartbeat
    const char *delay_levels; // the server's messageDelayLevel
    const char *settings[8];  // "name=value" for every client
    size_t setting_count;
    const char *accounts;       // "KEY:SECRET,READER:SECRET": all, and one that may only read
    const char *worker_command; // starts a consumer of another kind, parted by spaces
};

// One delivery.
struct record {
    char body[32]; // its beginning, ended by NUL
    size_t body_len;
    char tag[16];
    char keys[64];
    char id[64];
    char spoken[64]; // property of that name
    int32_t flag;
    int32_t queue_id;
    int64_t queue_offset;
    int32_t reconsume_times;
    int64_t at_ms; // monotonic
};

struct inbox {
    pthread_mutex_t lock;
    size_t count;
    struct record records[MAX_RECORDS];
};

struct env {
    const struct options *options;
    char id[64];
    int clients;
    tidings_producer *producer; // for the scenario's sends
    tidings_producer *producers[MAX_CLIENTS];
    tidings_consumer *consumers[MAX_CLIENTS];
    struct inbox *inboxes[MAX_CLIENTS];
    size_t producer_count, consumer_count, inbox_count;
    pid_t worker;
    char reason[512]; // why the scenario failed
};

// Every function that returns bool returns false with env->reason set when the scenario has failed.
bool fail(struct env *env, const char *format, ...) __attribute__((format(printf, 2, 3)));
#define CHECK(env, condition, ...)                                                                 \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            return fail(env, __VA_ARGS__);                                                         \
        }                                                                                          \
    } while (0)

int64_t now_ms(void);
void pause_ms(int ms);
void env_name(const struct env *env, const char *suffix, char *out, size_t size);
void env_close(struct env *env);

typedef bool condition(void *arg);
bool await(struct env *env, const char *what, int64_t limit_ms, condition *holds, void *arg);

// Settings for a client of this server, one more instance.
tidings_config *env_config(struct env *env, const char *group);
bool env_set(struct env *env, tidings_config *config, const char *name, const char *value);
// Makes a topic with a first send ("warm-up") and waits until its route is known.
bool env_topic(struct env *env, const char *suffix, int queues, char *ret_topic, size_t size);
bool env_await_route(struct env *env, const char *topic);
bool env_prime_retry_topic(struct env *env, const char *group, const char *topic);
// Takes the config. Begins at the first message.
tidings_consumer *env_consumer(struct env *env, tidings_config *config, const char *topic,
                               const char *expression, tidings_handler *handler, bool orderly,
                               void *arg);
// The same for a condition over properties.
tidings_consumer *env_sql_consumer(struct env *env, tidings_config *config, const char *topic,
                                   const char *condition, tidings_handler *handler, void *arg);
bool env_send(struct env *env, const char *topic, const char *tag, const char *body);

// An inbox owned by the scenario's environment.
struct inbox *inbox_new(struct env *env);
// Returns how often this body has come, with this time; 0 for a warm-up, which is not kept.
size_t inbox_add(struct inbox *inbox, const tidings_message *message);
size_t inbox_total(struct inbox *inbox);
// The n-th delivery (from 0) of a body.
bool inbox_get(struct inbox *inbox, const char *body, size_t n, struct record *ret);
size_t inbox_count(struct inbox *inbox, const char *body);
// A handler for inboxes that acknowledges all.
tidings_answer inbox_take(void *arg, const tidings_message *message, tidings_delivery *delivery);
bool inbox_await(struct env *env, struct inbox *inbox, const char *body, size_t count,
                 int64_t limit_ms);

bool scenario_tags(struct env *env);
bool scenario_send_kinds(struct env *env);
bool scenario_retry_ladder(struct env *env);
bool scenario_retry_answers(struct env *env);
bool scenario_made_ladder(struct env *env);
bool scenario_orderly(struct env *env);
bool scenario_broadcast(struct env *env);
bool scenario_mixed_group(struct env *env);
bool scenario_shutdown(struct env *env);
bool scenario_transactions(struct env *env);
bool scenario_sql(struct env *env);
bool scenario_accounts(struct env *env);
bool scenario_transaction_takeover(struct env *env);

// A consumer for other programs' scenarios: prints "HOLDS n" and "GOT body".
int worker_run(const struct options *options, const char *group, const char *topic, int limit_s);
// Sends halves, says "SENT" and waits to be killed.
int halves_run(const struct options *options, const char *group, const char *topic);

#endif
