// SPDX-License-Identifier: Apache-2.0
// Inside of a consumer. Private to the room.
//
// The I/O thread owns everything here but what stands under dispatch.lock: it holds queues (struct
// pq), pulls batches, hands them to the handler threads, stores offsets. A batch is one pull's
// bytes with a slot per message; handler threads claim slots, and give back what needs a request
// (slots in `backs`) and batches that are done.
//
// A slot: WAITING → RUNNING (claimed) → DONE, or → BACK (the I/O thread must send it back, hold or
// hop it) → DONE. batch->holds counts the slots that are not DONE, the claims and the deferrals;
// whoever takes the last one off tells the I/O thread, which frees the batch. A deferral is the
// slot itself under another name.
#ifndef CLIENT_CONSUMER_H
#define CLIENT_CONSUMER_H

#include <stdatomic.h>
#include <tidings/consumer.h>

#include "client/message.h"
#include "client/pulse.h"
#include "client/route.h"
#include "ladder/ladder.h"

enum {
    CONSUMER_TOPICS_MAX = 256,
    CONSUMER_SUSPEND_MS = 15000,      // how long a broker holds a pull
    CONSUMER_PULL_TIMEOUT_MS = 30000, // when we stop to wait for it
    CONSUMER_AGAIN_MS = 1000,         // after a failed request
    CONSUMER_BACK_AGAIN_MS = 5000,    // after a failed send-back
    CONSUMER_BACKS_MAX = 256,         // send-backs under way
    CONSUMER_SPAN_FACTOR = 2,         // a queue's messages may lie so many cache_messages apart
    CONSUMER_LOCK_RENEW_MS = 20000,
    CONSUMER_LOCK_VALID_MS = 30000,
    CONSUMER_HOLD_MS = 2000, // a message due sooner than this waits in memory
    CONSUMER_RETRIES = 16,   // RocketMQ's limit when none was set
    COMPOSE_TIMER_LATE_MS = 1000,
};

struct slot;

struct tidings_delivery {
    int64_t delay_ms; // -1 = not asked for
    int level;        // 0 = not asked for
    struct slot *slot;
    bool deferred;
};

struct subscription {
    struct tidings_consumer *consumer;
    char *topic;
    char *expression;
    struct wire_tags tags; // of an SQL condition: all, the broker chooses
    bool is_sql;
    bool is_retry;
    struct topic *route;
    struct call members_call; // 38
    bool asked_members;
};

enum slot_state { SLOT_WAITING, SLOT_RUNNING, SLOT_BACK, SLOT_DONE };
enum slot_wish { // what a slot in BACK needs
    WISH_LATER,
    WISH_DEAD,
    WISH_WAIT, // its time has not come: hold it, or send it through another delay
};

struct batch;

struct slot {
    struct list node; // in dispatch.backs, dispatch.again, consumer->backs_waiting
    struct batch *batch;
    int64_t queue_offset;
    _Atomic int64_t started_us; // while RUNNING
    int64_t delay_ms;
    int64_t due_ms; // of WISH_WAIT
    uint32_t at;    // its record in batch->bytes
    int32_t level;
    uint16_t tries; // orderly: deliveries before, here
    uint8_t wish;
    _Atomic uint8_t state;
};

struct pq;

struct batch {
    struct list node;       // in pq->batches
    struct list ready_node; // in dispatch.ready or .returned
    struct list done_node;  // in dispatch.finished
    struct pq *pq;
    char *bytes;
    size_t bytes_len;
    unsigned count;
    unsigned claimed; // under dispatch.lock
    _Atomic unsigned holds;
    _Atomic bool stale; // not wanted any more: dropped, or the offset was reset
    struct slot slots[];
};

enum pq_state {
    PQ_LOCKING, // orderly: waits for the broker's lock
    PQ_SEEKING, // asks where to begin
    PQ_PULLING,
    PQ_DROPPED, // waits for its batches to be freed
};

struct pq {           // a queue that is held
    struct list node; // in consumer->queues or ->dropped
    struct list paused_node;
    struct tidings_consumer *consumer;
    struct subscription *subscription;
    struct broker *broker;
    int32_t queue_id;
    enum pq_state state;
    struct call call;     // where to begin, or the pull
    struct alarm alarm;   // before the next pull
    struct alarm suspend; // orderly: before the next delivery
    struct list batches;  // in order
    struct list stale;  // batches that are not wanted, but a handler or request has a part of them
    size_t batch_count; // not freed, stale ones too
    size_t cached;      // messages in `batches`
    int64_t next_offset;
    int64_t stored_offset; // last sent to the broker, -1 = none
    int64_t pulled_us;
    bool seeks_start;    // nothing was stored
    bool wanted;         // mark of the rebalance
    bool busy;           // orderly: a handler thread has its batch
    _Atomic bool halted; // orderly and busy: to be given back after the message
    _Atomic int64_t locked_until_us;
};

struct claim { // what a handler thread works on
    struct batch *batch;
    unsigned from;
    unsigned count;
};

struct worker { // one handler thread
    struct tidings_consumer *consumer;
    pthread_t thread;
    struct message_room room;
    int64_t average_us; // of its handler calls
};

struct dispatch {
    pthread_mutex_t lock;
    pthread_cond_t filled;
    pthread_cond_t idle;
    struct list ready;    // batches with unclaimed slots
    struct list again;    // slots whose time has come
    struct list finished; // batches to free
    struct list returned; // orderly: batches whose claim ended
    struct list backs;    // slots that need a request
    unsigned running;     // threads in handlers
    _Atomic unsigned deferred;
    bool stopping;
    bool woken; // the I/O thread knows that there is something
    struct worker *workers;
    unsigned worker_count;
};

struct tidings_consumer {
    struct runtime runtime;
    struct routes routes;
    struct pulse pulse;
    struct dispatch dispatch;
    struct subscription *subscriptions; // the last is %RETRY%group (clustering)
    unsigned subscription_count;
    bool has_handler;
    bool is_orderly;
    bool is_broadcasting;
    bool started;
    tidings_handler *handler;
    void *handler_arg;
    tidings_event_callback *event;
    void *event_arg;
    struct ladder ladder;
    bool has_ladder;
    struct ladder_levels levels;
    struct wire_heartbeat heartbeat;
    struct wire_consumer_data heartbeat_data;
    // I/O thread
    struct list queues;
    struct list dropped;
    struct list paused;
    struct map offsets; // broadcasting: "topic@broker@id" → int64_t *
    bool offsets_changed;
    _Atomic size_t held;
    size_t cached_bytes;
    struct alarm rebalance_alarm;
    struct alarm persist_alarm;
    struct alarm lock_alarm;
    struct alarm expire_alarm;
    unsigned asking_members;
    bool rebalance_again;
    bool rebalance_failed;
    bool is_known; // a broker has heard of us
    struct list backs_waiting;
    struct list backs; // struct back
    unsigned back_count;
    unsigned storing; // final offsets without an answer
    struct list finals;
    struct list locks; // requests for locks
    bool stopping;
};

void consumer_event(struct tidings_consumer *consumer, bool is_error, const char *format, ...)
    BASE_PRINTF(3, 4);
static inline const char *consumer_group(const struct tidings_consumer *consumer)
{
    return config_text(consumer->runtime.config, CONFIG_GROUP);
}

// ---- rebalance.c ----
// The averaging strategy: member `index` of `members` gets [*ret_from, *ret_from + *ret_count) of
// `queues`.
void rebalance_average(size_t queues, size_t members, size_t index, size_t *ret_from,
                       size_t *ret_count);
void rebalance_init(struct tidings_consumer *consumer);
void rebalance_soon(struct tidings_consumer *consumer, int64_t after_ms);
void rebalance_stop(struct tidings_consumer *consumer);

// ---- queue.c ----
struct pq *pq_new(struct tidings_consumer *consumer, struct subscription *subscription,
                  const struct route_queue *queue); // NULL without memory
struct pq *pq_find(struct tidings_consumer *consumer, struct str topic, struct str broker,
                   int32_t queue_id);
// Gives the queue up: stores its offset, forgets what is cached.
void pq_drop(struct pq *pq);
// Begins anew at `offset`, forgetting what is cached. `offset` < 0: asks the broker.
void pq_reset(struct pq *pq, int64_t offset);
// Lowest offset that is not done.
int64_t pq_commit_offset(const struct pq *pq);
void pq_free(struct pq *pq);
// Forgets requests and what is cached.
void pq_forget(struct pq *pq);
void pq_add_batch(struct pq *pq, struct batch *batch);
// All of a batch is done.
void batch_end(struct batch *batch);
// A slot in BACK is done.
void slot_done(struct slot *slot);
bool pq_is_full(const struct pq *pq);
void pq_resume_paused(struct tidings_consumer *consumer);
void pq_count_held(struct tidings_consumer *consumer);

// ---- pull.c ----
void pull_next(struct pq *pq);
// From the body of a pull: the messages that the subscription wants. *ret is NULL when none are.
tidings_status batch_new(struct pq *pq, struct str body, struct batch **ret,
                         struct tidings_error *err) TIDINGS_NODISCARD;

// ---- offset.c ----
void offset_seek(struct pq *pq); // leads to pull_next
void offset_init(struct tidings_consumer *consumer);
void offset_store(struct pq *pq);                           // when it has changed; no answer
void offset_store_final(struct tidings_consumer *consumer); // all, counted in consumer->storing
void offset_on_reset(struct tidings_consumer *consumer, struct str body); // 220

// ---- broadcast.c ----
// Offsets of broadcasting in a file. Load before start.
tidings_status broadcast_load(struct tidings_consumer *consumer,
                              struct tidings_error *err) TIDINGS_NODISCARD;
tidings_status broadcast_save(struct tidings_consumer *consumer,
                              struct tidings_error *err) TIDINGS_NODISCARD;
int64_t broadcast_get(struct tidings_consumer *consumer, const struct pq *pq); // -1 = none
void broadcast_set(struct tidings_consumer *consumer, const struct pq *pq, int64_t offset);
void broadcast_deinit(struct tidings_consumer *consumer);

// ---- dispatch.c: handler threads ----
tidings_status dispatch_init(struct tidings_consumer *consumer) TIDINGS_NODISCARD;
void dispatch_deinit(struct tidings_consumer *consumer);
tidings_status dispatch_start(struct tidings_consumer *consumer,
                              struct tidings_error *err) TIDINGS_NODISCARD;
// No more claims; waits for running handlers. False when some still run.
bool dispatch_stop(struct tidings_consumer *consumer, int64_t until_us);
// Waits for all handler threads and deferrals.
void dispatch_join(struct tidings_consumer *consumer);
void dispatch_push(struct batch *batch);
void dispatch_push_slot(struct slot *slot);
// Takes what no handler has begun away; those slots are done.
void dispatch_forget(struct batch *batch);
// What the handler threads have given back is worked off (I/O thread, when woken).
void dispatch_collect(struct tidings_consumer *consumer);

// ---- answer.c: what an answer leads to ----
struct outcome {
    enum slot_state state;
    enum slot_wish wish;
    int64_t delay_ms;
    int64_t due_ms;
    int level;
};
struct results { // what is given to the I/O thread
    struct list finished;
    struct list returned;
    struct list backs;
};
void results_init(struct results *results);
struct outcome outcome_of(struct tidings_consumer *consumer, tidings_answer answer,
                          int64_t delay_ms, int level, const char *message_id);
// The end of a message that was begun, unless the I/O thread has taken it meanwhile (it took too
// long).
void outcome_settle(struct slot *slot, const struct outcome *outcome, struct results *results);
// Takes a hold off.
void batch_let_go(struct batch *batch, struct results *results);
// Under dispatch.lock.
void results_give(struct tidings_consumer *consumer, struct results *results);

// ---- retry.c ----
void back_start(struct slot *slot);
void back_resume(struct tidings_consumer *consumer); // those that waited
void back_cancel_all(struct tidings_consumer *consumer);
void back_init(struct tidings_consumer *consumer);

// ---- compose.c: retries on brokers without exact delays (pure) ----
// Level to send a message through that is due in left_ms: the longest not over it, else the
// shortest.
int compose_level(const struct ladder_levels *levels, int64_t left_ms);
// Properties of a copy for the retry topic. due_ms 0 = by `level` alone.
struct compose {
    const struct wire_message *message;
    struct str origin_topic;
    struct str origin_id;
    int64_t first_ms; // when its first delivery failed
    int64_t due_ms;   // 0 = none
    int level;        // 0 = none
    bool by_timer;    // RocketMQ 5: TIMER_DELIVER_MS instead of a level
};
tidings_status compose_properties(const struct compose *compose, struct buf *out) TIDINGS_NODISCARD;
#define COMPOSE_P_DUE   STR("TIDINGS_DUE_MS")
#define COMPOSE_P_FIRST STR("TIDINGS_FIRST_MS")

// ---- orderly.c ----
void orderly_init(struct tidings_consumer *consumer);
void orderly_lock(struct tidings_consumer *consumer); // asks for all locks now
void orderly_unlock(struct pq *pq);
void orderly_next(struct pq *pq);           // delivers the next message, if it may
void orderly_returned(struct batch *batch); // its claim has ended
void orderly_cancel(struct tidings_consumer *consumer);
bool pq_is_locked(const struct pq *pq);

#endif
