// SPDX-License-Identifier: Apache-2.0
// Checks of transactions (code 39): taken on the I/O thread, answered by the checker on threads of
// their own, told to the broker (37) on the I/O thread again. What does not fit is dropped: the
// broker asks again. Private to the room.
#ifndef CLIENT_CHECK_H
#define CLIENT_CHECK_H

#include "client/producer.h"

enum { CHECKS_MAX = 1024 }; // asked and not yet answered

// The most that the setting check_threads may say.
enum { CHECK_THREADS_MAX = 64 };

struct checks {
    struct tidings_producer *producer;
    tidings_checker *checker;
    void *arg;
    pthread_mutex_t lock;
    pthread_cond_t filled;
    struct list asked;    // under lock: struct check
    struct list answered; // under lock
    unsigned count;       // of both, and of those with the checker
    bool stopping;
    pthread_t threads[CHECK_THREADS_MAX];
    unsigned thread_count;
};

tidings_status checks_new(struct tidings_producer *producer, tidings_checker *checker, void *arg,
                          struct checks **ret, struct tidings_error *err) TIDINGS_NODISCARD;
void checks_free(struct checks *checks); // NULL allowed
tidings_status checks_start(struct checks *checks, struct tidings_error *err) TIDINGS_NODISCARD;
// Waits for the checkers that run; their answers still go out. No check is taken any more.
void checks_stop(struct checks *checks);
// I/O thread: a broker asks.
void checks_ask(struct checks *checks, struct link *link, const struct wire_header *header,
                struct str body);
// I/O thread: sends what was answered.
void checks_tell(struct checks *checks);

// Code 37, one-way: how a transaction ended.
struct transaction_end {
    tidings_decision decision;
    bool from_check;
    int64_t table_offset;
    int64_t log_offset;
    struct str message_id; // unique id
    struct str transaction_id;
    struct str topic;
};
// Fills header by `end`; its numbers are written into `texts`.
tidings_status transaction_end_fill(const struct runtime *runtime,
                                    const struct transaction_end *end, struct buf *texts,
                                    struct wire_header *header) TIDINGS_NODISCARD;

#endif
