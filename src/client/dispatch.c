// SPDX-License-Identifier: Apache-2.0
// The handler threads, and what goes between them and the I/O thread. One lock per claim: with it a
// thread gives back what it has done and takes the next.
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "base/thread.h"
#include "client/consumer.h"

enum {
    CLAIM_MOST = 64, // messages of fast handlers
    SLOW_US = 100,   // handlers slower than this take one message at a time
};

// ---- one message ----
static tidings_status read_message(struct worker *worker, const struct batch *batch,
                                   const struct slot *slot, struct wire_message *wire,
                                   tidings_message *ret, struct tidings_error *err)
{
    struct str record = str_make(batch->bytes + slot->at, batch->bytes_len - slot->at);
    tidings_status status = wire_message_decode(record, wire, err);
    if (status != TIDINGS_OK) {
        return status;
    }
    status = message_read(wire, batch->pq->subscription->is_retry, &worker->room, ret, err);
    ret->broker = batch->pq->broker->name;
    ret->reconsume_times += slot->tries;
    return status;
}

// A copy that has more of its delay to go.
static bool must_wait(const struct worker *worker, const tidings_message *message,
                      const struct slot *slot, int64_t *ret_due_ms)
{
    return slot->batch->pq->subscription->is_retry &&
           num_parse_i64(message_property(message, COMPOSE_P_DUE), 1, INT64_MAX, ret_due_ms) &&
           *ret_due_ms > runtime_wall_ms(&worker->consumer->runtime);
}

// False: the answer comes later.
static bool handle(struct worker *worker, struct slot *slot, struct outcome *ret)
{
    struct tidings_consumer *consumer = worker->consumer;
    struct wire_message wire;
    tidings_message message;
    tidings_delivery delivery = { .delay_ms = -1, .slot = slot };
    struct tidings_error err = { 0 };
    tidings_answer answer = TIDINGS_LATER;
    tidings_status status = read_message(worker, slot->batch, slot, &wire, &message, &err);
    *ret = (struct outcome){ .state = SLOT_BACK };
    if (status != TIDINGS_OK) {
        consumer_event(consumer, true, "%s queue %d offset %lld cannot be read: %s",
                       slot->batch->pq->subscription->topic, slot->batch->pq->queue_id,
                       (long long)slot->queue_offset, error_text(&err, status));
    } else if (must_wait(worker, &message, slot, &ret->due_ms)) {
        ret->wish = WISH_WAIT;
        return true;
    } else {
        answer = consumer->handler(consumer->handler_arg, &message, &delivery);
    }
    if (delivery.deferred) {
        return false;
    }
    *ret = outcome_of(consumer, answer, delivery.delay_ms, delivery.level,
                      status == TIDINGS_OK ? tidings_message_id(&message) : "");
    return true;
}

void tidings_delivery_later_ms(tidings_delivery *delivery, int64_t delay_ms)
{
    delivery->delay_ms = delay_ms < 0 ? 0 : delay_ms;
    delivery->level = 0;
}

void tidings_delivery_later_level(tidings_delivery *delivery, int level)
{
    delivery->level = level > 0 ? level : 0;
    delivery->delay_ms = -1;
}

// ---- a claim ----
static int64_t run_slot(struct worker *worker, struct slot *slot, int64_t now_us,
                        struct results *results)
{
    atomic_store_explicit(&slot->started_us, now_us, memory_order_relaxed);
    atomic_store_explicit(&slot->state, SLOT_RUNNING, memory_order_release);
    struct outcome outcome = { .state = SLOT_DONE };
    if (atomic_load_explicit(&slot->batch->stale, memory_order_relaxed) ||
        handle(worker, slot, &outcome)) {
        outcome_settle(slot, &outcome, results);
    }
    int64_t end_us = runtime_now_us(&worker->consumer->runtime);
    worker->average_us = (worker->average_us * 3 + (end_us - now_us)) / 4;
    return end_us;
}

static void run_claim(struct worker *worker, const struct claim *claim, struct results *results)
{
    struct batch *batch = claim->batch;
    int64_t now_us = runtime_now_us(&worker->consumer->runtime);
    for (unsigned i = claim->from; i < claim->from + claim->count; i++) {
        now_us = run_slot(worker, &batch->slots[i], now_us, results);
    }
    batch_let_go(batch, results);
}

// In order, until one is not acknowledged or the queue may not be worked on any more. The claim's
// hold is taken off by the I/O thread.
static void run_orderly(struct worker *worker, const struct claim *claim, struct results *results)
{
    struct batch *batch = claim->batch;
    int64_t now_us = runtime_now_us(&worker->consumer->runtime);
    for (unsigned i = claim->from; i < batch->count; i++) {
        struct slot *slot = &batch->slots[i];
        if (atomic_load(&batch->pq->halted) || !pq_is_locked(batch->pq)) {
            break;
        }
        now_us = run_slot(worker, slot, now_us, results);
        if (atomic_load(&slot->state) != SLOT_DONE) {
            list_remove(&slot->node); // orderly_returned looks at it
            break;
        }
    }
    list_add_tail(&results->returned, &batch->ready_node);
}

static unsigned share(const struct worker *worker, unsigned left)
{
    if (worker->average_us > SLOW_US) {
        return 1;
    }
    unsigned part = left / (2 * worker->consumer->dispatch.worker_count);
    return part < 1 ? 1 : part > CLAIM_MOST ? CLAIM_MOST : part;
}

// Under the lock. False when there is nothing.
static bool take_claim(struct worker *worker, struct claim *ret)
{
    struct dispatch *dispatch = &worker->consumer->dispatch;
    struct list *again = list_pop(&dispatch->again);
    if (again != NULL) {
        struct slot *slot = LIST_ENTRY(again, struct slot, node);
        *ret = (struct claim){ slot->batch, (unsigned)(slot - slot->batch->slots), 1 };
    } else if (!list_empty(&dispatch->ready)) {
        struct batch *batch = LIST_ENTRY(dispatch->ready.next, struct batch, ready_node);
        unsigned left = batch->count - batch->claimed;
        *ret = (struct claim){ batch, batch->claimed,
                               worker->consumer->is_orderly ? left : share(worker, left) };
        batch->claimed += ret->count;
        if (batch->claimed == batch->count) {
            list_remove(&batch->ready_node);
        }
    } else {
        return false;
    }
    atomic_fetch_add_explicit(&ret->batch->holds, 1, memory_order_relaxed);
    return true;
}

static void *work(void *arg)
{
    struct worker *worker = arg;
    struct dispatch *dispatch = &worker->consumer->dispatch;
    struct claim claim;
    struct results results;
    results_init(&results);
    pthread_mutex_lock(&dispatch->lock);
    while (!dispatch->stopping) {
        if (!take_claim(worker, &claim)) {
            pthread_cond_wait(&dispatch->filled, &dispatch->lock);
            continue;
        }
        dispatch->running++;
        pthread_mutex_unlock(&dispatch->lock);
        if (worker->consumer->is_orderly) {
            run_orderly(worker, &claim, &results);
        } else {
            run_claim(worker, &claim, &results);
        }
        pthread_mutex_lock(&dispatch->lock);
        results_give(worker->consumer, &results);
        if (--dispatch->running == 0 && dispatch->stopping) {
            pthread_cond_broadcast(&dispatch->idle);
        }
    }
    pthread_mutex_unlock(&dispatch->lock);
    return NULL;
}

// ---- the I/O thread's side ----
void dispatch_push(struct batch *batch)
{
    struct dispatch *dispatch = &batch->pq->consumer->dispatch;
    pthread_mutex_lock(&dispatch->lock);
    list_add_tail(&dispatch->ready, &batch->ready_node);
    if (batch->count - batch->claimed > 1 && !batch->pq->consumer->is_orderly) {
        pthread_cond_broadcast(&dispatch->filled);
    } else {
        pthread_cond_signal(&dispatch->filled);
    }
    pthread_mutex_unlock(&dispatch->lock);
}

void dispatch_push_slot(struct slot *slot)
{
    struct dispatch *dispatch = &slot->batch->pq->consumer->dispatch;
    atomic_store(&slot->state, SLOT_WAITING);
    pthread_mutex_lock(&dispatch->lock);
    list_add_tail(&dispatch->again, &slot->node);
    pthread_cond_signal(&dispatch->filled);
    pthread_mutex_unlock(&dispatch->lock);
}

void dispatch_forget(struct batch *batch)
{
    struct dispatch *dispatch = &batch->pq->consumer->dispatch;
    pthread_mutex_lock(&dispatch->lock);
    unsigned from = batch->claimed;
    unsigned count = batch->count - from;
    batch->claimed = batch->count;
    list_remove(&batch->ready_node);
    pthread_mutex_unlock(&dispatch->lock);
    if (count == 0) {
        return; // whoever ends the last slot ends the batch
    }
    for (unsigned i = from; i < batch->count; i++) {
        atomic_store_explicit(&batch->slots[i].state, SLOT_DONE, memory_order_release);
    }
    if (atomic_fetch_sub_explicit(&batch->holds, count, memory_order_acq_rel) == count) {
        batch_end(batch);
    }
}

void dispatch_collect(struct tidings_consumer *consumer)
{
    struct dispatch *dispatch = &consumer->dispatch;
    struct results results;
    results_init(&results);
    pthread_mutex_lock(&dispatch->lock);
    list_append(&results.finished, &dispatch->finished);
    list_append(&results.returned, &dispatch->returned);
    list_append(&results.backs, &dispatch->backs);
    dispatch->woken = false;
    pthread_mutex_unlock(&dispatch->lock);
    for (struct list *node = list_pop(&results.finished); node;
         node = list_pop(&results.finished)) {
        batch_end(LIST_ENTRY(node, struct batch, done_node));
    }
    for (struct list *node = list_pop(&results.returned); node;
         node = list_pop(&results.returned)) {
        orderly_returned(LIST_ENTRY(node, struct batch, ready_node));
    }
    for (struct list *node = list_pop(&results.backs); node; node = list_pop(&results.backs)) {
        back_start(LIST_ENTRY(node, struct slot, node));
    }
    back_resume(consumer);
}

// ---- life ----
tidings_status dispatch_init(struct tidings_consumer *consumer)
{
    struct dispatch *dispatch = &consumer->dispatch;
    unsigned count = (unsigned)config_number(consumer->runtime.config, CONFIG_THREADS);
    pthread_condattr_t attributes;
    list_init(&dispatch->ready);
    list_init(&dispatch->again);
    list_init(&dispatch->finished);
    list_init(&dispatch->returned);
    list_init(&dispatch->backs);
    dispatch->workers = calloc(count, sizeof *dispatch->workers);
    if (dispatch->workers == NULL) {
        return TIDINGS_E_NO_MEMORY;
    }
    pthread_mutex_init(&dispatch->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&dispatch->filled, NULL);
    pthread_cond_init(&dispatch->idle, &attributes);
    pthread_condattr_destroy(&attributes);
    return TIDINGS_OK;
}

void dispatch_deinit(struct tidings_consumer *consumer)
{
    struct dispatch *dispatch = &consumer->dispatch;
    if (dispatch->workers != NULL) {
        pthread_cond_destroy(&dispatch->filled);
        pthread_cond_destroy(&dispatch->idle);
        pthread_mutex_destroy(&dispatch->lock);
        free(dispatch->workers);
        dispatch->workers = NULL;
    }
}

tidings_status dispatch_start(struct tidings_consumer *consumer, struct tidings_error *err)
{
    struct dispatch *dispatch = &consumer->dispatch;
    unsigned count = (unsigned)config_number(consumer->runtime.config, CONFIG_THREADS);
    int result = 0;
    pthread_mutex_lock(&dispatch->lock); // the count is right before the first works
    for (unsigned i = 0; i < count && result == 0; i++) {
        struct worker *worker = &dispatch->workers[i];
        worker->consumer = consumer;
        message_room_init(&worker->room);
        result = thread_start(&worker->thread, work, worker);
        dispatch->worker_count += result == 0;
    }
    pthread_mutex_unlock(&dispatch->lock);
    if (result != 0) {
        (void)dispatch_stop(consumer, 0);
        dispatch_join(consumer);
        return error_set_errno(err, TIDINGS_E_AGAIN, result, "cannot start the handler threads");
    }
    return TIDINGS_OK;
}

bool dispatch_stop(struct tidings_consumer *consumer, int64_t until_us)
{
    struct dispatch *dispatch = &consumer->dispatch;
    const struct timespec until = { .tv_sec = (time_t)(until_us / 1000000),
                                    .tv_nsec = (long)(until_us % 1000000) * 1000 };
    pthread_mutex_lock(&dispatch->lock);
    dispatch->stopping = true;
    pthread_cond_broadcast(&dispatch->filled);
    while (dispatch->running + dispatch->deferred > 0 &&
           pthread_cond_timedwait(&dispatch->idle, &dispatch->lock, &until) != ETIMEDOUT) {
    }
    bool idle = dispatch->running + dispatch->deferred == 0;
    pthread_mutex_unlock(&dispatch->lock);
    return idle;
}

void dispatch_join(struct tidings_consumer *consumer)
{
    struct dispatch *dispatch = &consumer->dispatch;
    for (unsigned i = 0; i < dispatch->worker_count; i++) {
        struct worker *worker = &dispatch->workers[i];
        pthread_join(worker->thread, NULL);
        message_room_deinit(&worker->room);
    }
    dispatch->worker_count = 0;
    pthread_mutex_lock(&dispatch->lock);
    while (dispatch->deferred > 0) {
        pthread_cond_wait(&dispatch->idle, &dispatch->lock);
    }
    pthread_mutex_unlock(&dispatch->lock);
}
