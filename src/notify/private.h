// SPDX-License-Identifier: Apache-2.0
// What the files of the room share.
#ifndef NOTIFY_PRIVATE_H
#define NOTIFY_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/heap.h"
#include "base/map.h"
#include "http/client.h"
#include "ladder/ladder.h"
#include "net/net.h"
#include "notify/notify.h"

enum {
    LEASE_SLACK_MS = 30000, // a lease outlasts the longest attempt by so much
    CLAIM_MAX = 256,        // rows of one claim
    AGAIN_MS = 100,         // after a claim that failed
    REPLY_KEPT = 4096,      // bytes of a reply that are on record
    PAYLOAD_ROOM = RECORD_PAYLOAD_MAX + RECORD_HEADERS_MAX + 4 * RECORD_NAME_MAX + 64,
};

// What comes back from the store thread, taken on the loop in order.
struct answer {
    struct list node;
    void (*take)(struct answer *answer);
};

struct receiver;

struct claim { // what a receiver asks of the store, one at a time
    struct keeper_task task;
    struct answer answer;
    struct receiver *receiver;
    size_t max;
    struct list attempts; // struct attempt, made on the store thread
    int64_t next_due_ms;
    tidings_status status;
};

struct receiver {
    struct notify *notify;
    int64_t id;
    int64_t version;
    int64_t ladder_id;
    char name[RECORD_NAME_MAX + 1];
    struct notify_settings settings;
    struct heap_node due; // of its next row, or INT64_MAX: outside of the heap
    bool claiming;
    bool starved;     // something was due when there was no room
    size_t in_flight; // claimed and not settled
    struct claim claim;
};

struct attempt { // one row that is leased, until its outcome is stored
    struct keeper_task task;
    struct answer answer;
    struct list node;
    struct receiver *receiver;
    struct record_claimed claimed;
    struct ladder ladder;
    struct buf room;
    struct record_notification notification;
    int64_t begun_ms;
    struct record_outcome outcome;
    char error[RECORD_ERROR_MAX];
    char reply[REPLY_KEPT];
    tidings_status status;
};

struct notify {
    struct notify_options options;
    const struct clock *clock;
    struct keeper *keeper;
    struct http_client *client;
    struct net_timer *timer;
    struct map receivers; // by name
    struct heap due;      // struct receiver
    struct rnd rnd;
    _Atomic bool stopping;
    size_t out; // claims and outcomes that the store has
    struct notify_stats stats;
    struct map ladders; // by number; the store thread's
    pthread_mutex_t lock;
    struct list answers; // under lock
    bool told;           // under lock: the loop will look at them
};

// ---- answers.c ----
// On the store thread: the loop will run answer->take.
void answer_give(struct notify *notify, struct answer *answer);
// On the store thread, after a batch.
void answers_tell(void *notify);
void answers_take(struct notify *notify);

// ---- receivers.c ----
struct receiver *receiver_find(const struct notify *notify, struct str name);
// Makes it in memory, or gives it its new settings.
tidings_status receiver_put(struct notify *notify, const struct record_receiver *row,
                            int64_t ladder_id, struct tidings_error *err);
void receivers_free(struct notify *notify);
// Reads all of them when the notifier starts.
tidings_status receivers_load(struct notify *notify, struct tidings_error *err);

// ---- dispatch.c ----
// Its next row is due then, or earlier.
void receiver_is_due(struct receiver *receiver, int64_t due_ms);
// Claims what is due where there is room.
void receiver_pump(struct receiver *receiver);
void dispatch_fired(void *notify);

// ---- claim.c ----
void claim_init(struct claim *claim, struct receiver *receiver);
void attempt_free(struct attempt *attempt);

// ---- attempt.c ----
void attempt_start(struct attempt *attempt);
// Gives the lease back untried.
void attempt_release(struct attempt *attempt);

#endif
