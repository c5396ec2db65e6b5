// SPDX-License-Identifier: Apache-2.0
// The store thread: it owns a record, and what waits when a commit is done shares the next one. So
// many callers pay for one sync, and the batch grows with the load by itself.
//
// A task that breaks a batch (run answers something else than OK) is found by running all of them
// again, each in a batch of its own. When the database is lost, tasks are answered E_LOST at once,
// those that are to be kept wait, and the database is opened again, with growing pauses, for as
// long as it takes.
// A connection that ends within a commit leaves open what became of it; kept tasks are run again
// then, so they must be good to run twice (the key of a submission and the epoch of a lease see to
// that).
#ifndef RECORD_KEEPER_H
#define RECORD_KEEPER_H

#include "base/list.h"
#include "record/record.h"

enum {
    KEEPER_QUEUE_DEFAULT = 65536, // tasks that may wait
    KEEPER_BATCH_MAX = 1024,      // tasks that share a commit
};

struct keeper;

// Part of the caller's object, which stays until `done` has begun.
struct keeper_task {
    // On the store thread, within a batch; perhaps again, when the batch could not be kept. OK:
    // what it did is good (its own answer, such as "was there before", it keeps in its own object).
    tidings_status (*run)(struct keeper_task *task, struct record *record,
                          struct tidings_error *err);
    // On the store thread, exactly once: OK after the commit, else what went wrong, and then
    // nothing of it is stored; but for E_LOST: the commit may have been done before.
    void (*done)(struct keeper_task *task, tidings_status status, const struct tidings_error *err);
    bool keep;        // not given up while the database is lost or busy, only by keeper_stop
    struct list node; // the keeper's
};

struct keeper_options {
    // read_only: a thread that reads beside the store thread; the tables must be there at the
    // start.
    struct record_options record;
    struct record *opened; // an open one that it takes over, also when it fails; NULL = opens it
    size_t queue;          // tasks that may wait, 0 = KEEPER_QUEUE_DEFAULT
    // After each batch's `done`s, on the store thread: wakes who waits for them. May be NULL.
    void (*batch_done)(void *arg);
    // On the store thread: what the database wants done now and then failed; it is tried again by
    // itself. Told once a minute at most. May be NULL.
    void (*upkeep_failed)(void *arg, tidings_status status, const struct tidings_error *err);
    void *arg;
};

struct keeper_stats {
    uint64_t tasks;   // committed
    uint64_t batches; // commits
    uint64_t failed;  // tasks that were answered with an error
    uint64_t lost;    // how often the database was lost
    uint64_t upkeep;  // how often its upkeep failed
    uint64_t waiting; // tasks in the queue now
};

// Opens the record, or takes the opened one, and starts the thread. `url` is copied.
tidings_status keeper_start(const char *url, const struct keeper_options *options,
                            struct keeper **ret, struct tidings_error *err) TIDINGS_NODISCARD;
// From any thread. E_FULL when too many wait, E_CLOSED after keeper_stop was called: `done` will
// not run then.
tidings_status keeper_post(struct keeper *keeper, struct keeper_task *task) TIDINGS_NODISCARD;
// All of them, in this order, or none.
tidings_status keeper_post_many(struct keeper *keeper, struct keeper_task *const *tasks,
                                size_t count) TIDINGS_NODISCARD;
void keeper_read_stats(struct keeper *keeper, struct keeper_stats *ret);
// Does what waits (kept tasks of a lost database are answered E_CLOSED), ends the thread, frees.
// NULL allowed.
void keeper_stop(struct keeper *keeper);

#endif
