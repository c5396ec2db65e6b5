// SPDX-License-Identifier: Apache-2.0
// Inside of a producer. Private to the room.
//
// A send is copied by the caller's thread into a struct send (topic, properties, body in one
// piece), listed in `submitted` and taken over by the I/O thread, all that wait at once; there it
// gets its queue and is encoded into the connection's output. Finished sends are used again.
#ifndef CLIENT_PRODUCER_H
#define CLIENT_PRODUCER_H

#include <semaphore.h>
#include <tidings/transaction.h>

#include "client/message.h"
#include "client/pulse.h"
#include "client/route.h"

enum {
    SEND_KEEP_BYTES = 8 * 1024, // a spare send with more room than this is freed
    SEND_BATCH_MAX = 65536,     // messages
};

struct tidings_send_result {
    char id[WIRE_MESSAGE_ID_MAX + 1];
    char short_id[WIRE_MESSAGE_ID_MAX + 1];
    char *long_ids; // of a batch
    char broker[256];
    char address[256]; // of the broker; only of a half message
    int32_t queue_id;
    int64_t queue_offset;
};

enum send_kind { SEND_SYNC, SEND_ASYNC, SEND_ONEWAY };

struct send {
    struct list node; // in producer->spare, ->submitted or ->sending
    struct tidings_producer *producer;
    struct call call;
    struct route_waiter waiter;
    struct alarm alarm; // deadline of waiting for a route, or pause before the next try
    enum send_kind kind;
    // what is sent
    char *bytes;
    size_t size;
    struct str topic;
    struct str properties;
    struct str body;
    int32_t flag;
    int32_t sys_flag;
    int64_t born_ms;
    bool is_batch;
    bool is_half;
    bool is_ordered;
    uint32_t key_hash; // ordered: picks the queue
    char id[WIRE_MESSAGE_ID_MAX + 1];
    // how far it is
    struct topic *route;
    struct broker *broker; // asked last
    int32_t queue_id;
    int64_t deadline_us;
    unsigned tries;
    // its end
    tidings_send_callback *callback;
    void *arg;
    sem_t done; // synchronous
    tidings_status status;
    struct tidings_error err;
    struct tidings_send_result result;
};

struct checks; // of a transactional producer: check.h

struct tidings_producer {
    struct runtime runtime;
    struct routes routes;
    struct pulse pulse;
    struct checks *checks; // NULL: not a transactional one
    struct list sending;   // on the I/O thread: not finished
    pthread_mutex_t lock;
    pthread_cond_t idle;
    // under lock
    struct list spare;
    size_t spare_count;
    struct list submitted;
    size_t outstanding; // submitted and not finished
    bool accepting;
    bool started;
    bool stopping;
    _Atomic int64_t in_flight; // asynchronous and one-way
};

// Sends one half message and waits. As tidings_producer_send.
tidings_status producer_send_half(struct tidings_producer *producer, tidings_message *message,
                                  tidings_send_result **ret,
                                  struct tidings_error *err) TIDINGS_NODISCARD;

// Copies messages into a send. They get unique ids unless they have some.
tidings_status send_fill(struct send *send, tidings_message *const *messages, size_t count,
                         struct tidings_error *err) TIDINGS_NODISCARD;
// I/O thread: begins a send that was taken from `submitted`.
void send_start(struct send *send);
// I/O thread, or the stopping one: ends a send; `result` is in it when OK.
void send_finish(struct send *send, tidings_status status);
void send_recycle(struct send *send);
void send_free(struct send *send);

#endif
