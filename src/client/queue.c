// SPDX-License-Identifier: Apache-2.0
// A queue that this consumer holds: its batches, its offset, when it is full, how it ends.
#include <stdlib.h>

#include "client/consumer.h"

static void on_alarm(struct alarm *alarm)
{
    struct pq *pq = BASE_CONTAINER_OF(alarm, struct pq, alarm);
    if (pq->state == PQ_SEEKING) {
        offset_seek(pq);
    } else if (pq->state == PQ_PULLING) {
        pull_next(pq);
    }
}

static void on_suspend(struct alarm *alarm)
{
    orderly_next(BASE_CONTAINER_OF(alarm, struct pq, suspend));
}

struct pq *pq_new(struct tidings_consumer *consumer, struct subscription *subscription,
                  const struct route_queue *queue)
{
    struct pq *pq = calloc(1, sizeof *pq);
    if (pq != NULL) {
        pq->consumer = consumer;
        pq->subscription = subscription;
        pq->broker = queue->broker;
        pq->queue_id = queue->queue_id;
        pq->state = PQ_SEEKING;
        pq->next_offset = -1;
        pq->stored_offset = -1;
        call_init(&pq->call, NULL);
        alarm_init(&pq->alarm, on_alarm);
        alarm_init(&pq->suspend, on_suspend);
        list_init(&pq->batches);
        list_init(&pq->stale);
        list_init(&pq->paused_node);
        list_add_tail(&consumer->queues, &pq->node);
    }
    return pq;
}

void pq_free(struct pq *pq)
{
    list_remove(&pq->node);
    list_remove(&pq->paused_node);
    free(pq);
}

struct pq *pq_find(struct tidings_consumer *consumer, struct str topic, struct str broker,
                   int32_t queue_id)
{
    list_for_each (node, &consumer->queues) {
        struct pq *pq = LIST_ENTRY(node, struct pq, node);
        if (pq->queue_id == queue_id && str_eq_c(topic, pq->subscription->topic) &&
            str_eq_c(broker, pq->broker->name)) {
            return pq;
        }
    }
    return NULL;
}

void pq_count_held(struct tidings_consumer *consumer)
{
    size_t held = 0;
    list_for_each (node, &consumer->queues) {
        held += LIST_ENTRY(node, struct pq, node)->state != PQ_LOCKING;
    }
    atomic_store(&consumer->held, held);
}

int64_t pq_commit_offset(const struct pq *pq)
{
    for (const struct list *node = pq->batches.next; node != &pq->batches; node = node->next) {
        const struct batch *batch =
            (const struct batch *)(const void *)((const char *)node - offsetof(struct batch, node));
        for (unsigned i = 0; i < batch->count; i++) {
            if (atomic_load_explicit(&batch->slots[i].state, memory_order_acquire) != SLOT_DONE) {
                return batch->slots[i].queue_offset;
            }
        }
    }
    return pq->next_offset;
}

// ---- batches ----
void pq_add_batch(struct pq *pq, struct batch *batch)
{
    struct tidings_consumer *consumer = pq->consumer;
    list_add_tail(&pq->batches, &batch->node);
    pq->batch_count++;
    pq->cached += batch->count;
    consumer->cached_bytes += batch->bytes_len;
    if (consumer->is_orderly) {
        orderly_next(pq);
    } else {
        dispatch_push(batch);
    }
}

static void uncount(struct batch *batch)
{
    struct pq *pq = batch->pq;
    pq->cached -= batch->count;
    pq->consumer->cached_bytes -= batch->bytes_len;
}

void batch_end(struct batch *batch)
{
    struct pq *pq = batch->pq;
    struct tidings_consumer *consumer = pq->consumer;
    bool stale = atomic_load(&batch->stale);
    if (!stale) {
        uncount(batch);
    }
    list_remove(&batch->node);
    free(batch);
    pq->batch_count--;
    if (pq->state == PQ_DROPPED) {
        if (pq->batch_count == 0 && !pq->busy) {
            pq_free(pq);
        }
    } else if (!stale && !list_empty(&consumer->paused)) {
        pq_resume_paused(consumer);
    }
}

void slot_done(struct slot *slot)
{
    struct batch *batch = slot->batch;
    atomic_store_explicit(&slot->state, SLOT_DONE, memory_order_release);
    if (atomic_fetch_sub_explicit(&batch->holds, 1, memory_order_acq_rel) == 1) {
        batch_end(batch);
    }
}

// Forgets the cached batches. Those with running handlers stay until these return.
static void forget_batches(struct pq *pq)
{
    while (!list_empty(&pq->batches)) {
        struct batch *batch = LIST_ENTRY(list_pop(&pq->batches), struct batch, node);
        list_add_tail(&pq->stale, &batch->node);
        atomic_store(&batch->stale, true);
        uncount(batch);
        dispatch_forget(batch);
    }
}

// ---- flow ----
bool pq_is_full(const struct pq *pq)
{
    const struct tidings_consumer *consumer = pq->consumer;
    const tidings_config *config = consumer->runtime.config;
    int64_t most = config_number(config, CONFIG_CACHE_MESSAGES);
    if (pq->cached == 0) {
        return false; // one pull is always allowed
    }
    return (int64_t)pq->cached >= most ||
           (int64_t)consumer->cached_bytes >= config_number(config, CONFIG_CACHE_BYTES) ||
           pq->next_offset - pq_commit_offset(pq) >= most * CONSUMER_SPAN_FACTOR;
}

void pq_resume_paused(struct tidings_consumer *consumer)
{
    list_for_each_safe (node, following, &consumer->paused) {
        struct pq *pq = LIST_ENTRY(node, struct pq, paused_node);
        if (!pq_is_full(pq)) {
            list_remove(&pq->paused_node);
            pull_next(pq);
        }
    }
}

// ---- end and new beginning ----
static void stop_requests(struct pq *pq)
{
    struct runtime *runtime = &pq->consumer->runtime;
    runtime_cancel(runtime, &pq->call);
    runtime_alarm_stop(runtime, &pq->alarm);
    runtime_alarm_stop(runtime, &pq->suspend);
    list_remove(&pq->paused_node);
}

void pq_forget(struct pq *pq)
{
    stop_requests(pq);
    forget_batches(pq);
}

void pq_drop(struct pq *pq)
{
    struct tidings_consumer *consumer = pq->consumer;
    stop_requests(pq);
    if (!pq->busy) { // orderly and busy: when the handler has returned
        offset_store(pq);
    }
    list_remove(&pq->node);
    list_add_tail(&consumer->dropped, &pq->node);
    enum pq_state before = pq->state;
    pq->state = PQ_DROPPED;
    if (pq->busy) { // goes on in orderly_returned
        atomic_store(&pq->halted, true);
        return;
    }
    if (consumer->is_orderly && before != PQ_LOCKING) {
        orderly_unlock(pq);
    }
    pq->batch_count++; // so that no batch frees it here
    forget_batches(pq);
    if (--pq->batch_count == 0) {
        pq_free(pq);
    }
}

void pq_reset(struct pq *pq, int64_t offset)
{
    pq_forget(pq);
    pq->next_offset = offset;
    if (offset < 0) {
        pq->state = PQ_SEEKING;
        offset_seek(pq);
        return;
    }
    pq->stored_offset = -1;
    offset_store(pq);
    if (pq->state == PQ_PULLING || pq->state == PQ_SEEKING) {
        pq->state = PQ_PULLING;
        pull_next(pq);
    }
}
