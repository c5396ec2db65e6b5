// SPDX-License-Identifier: Apache-2.0
// What a handler's answer leads to, whether it comes by its return or later, from another thread.
#include "client/consumer.h"

void results_init(struct results *results)
{
    list_init(&results->finished);
    list_init(&results->returned);
    list_init(&results->backs);
}

struct outcome outcome_of(struct tidings_consumer *consumer, tidings_answer answer,
                          int64_t delay_ms, int level, const char *message_id)
{
    bool dead = answer == TIDINGS_DEAD;
    struct outcome outcome = { .state = SLOT_BACK,
                               .wish = dead ? WISH_DEAD : WISH_LATER,
                               .delay_ms = delay_ms,
                               .level = level };
    if (answer == TIDINGS_ACK) {
        outcome.state = SLOT_DONE;
    } else if (consumer->is_broadcasting && (dead || !consumer->is_orderly)) {
        consumer_event(consumer, true, "message %s was not taken; broadcasting has no second try",
                       message_id);
        outcome.state = SLOT_DONE;
    }
    return outcome;
}

void outcome_settle(struct slot *slot, const struct outcome *outcome, struct results *results)
{
    uint8_t running = SLOT_RUNNING;
    if (!atomic_compare_exchange_strong(&slot->state, &running, (uint8_t)outcome->state)) {
        return;
    }
    if (outcome->state == SLOT_BACK) {
        slot->wish = (uint8_t)outcome->wish;
        slot->delay_ms = outcome->delay_ms;
        slot->due_ms = outcome->due_ms;
        slot->level = outcome->level;
        list_add_tail(&results->backs, &slot->node);
    } else { // the claim or the deferral still holds it
        atomic_fetch_sub_explicit(&slot->batch->holds, 1, memory_order_acq_rel);
    }
}

void batch_let_go(struct batch *batch, struct results *results)
{
    if (atomic_fetch_sub_explicit(&batch->holds, 1, memory_order_acq_rel) == 1) {
        list_add_tail(&results->finished, &batch->done_node);
    }
}

void results_give(struct tidings_consumer *consumer, struct results *results)
{
    struct dispatch *dispatch = &consumer->dispatch;
    if (list_empty(&results->finished) && list_empty(&results->returned) &&
        list_empty(&results->backs)) {
        return;
    }
    list_append(&dispatch->finished, &results->finished);
    list_append(&dispatch->returned, &results->returned);
    list_append(&dispatch->backs, &results->backs);
    if (!dispatch->woken) {
        dispatch->woken = true;
        runtime_wake(&consumer->runtime);
    }
}

// ---- later ----
tidings_deferral *tidings_delivery_defer(tidings_delivery *delivery)
{
    struct slot *slot = delivery->slot;
    struct tidings_consumer *consumer = slot->batch->pq->consumer;
    if (consumer->is_orderly || delivery->deferred) {
        return NULL;
    }
    delivery->deferred = true;
    atomic_fetch_add_explicit(&slot->batch->holds, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&consumer->dispatch.deferred, 1, memory_order_relaxed);
    return (tidings_deferral *)slot;
}

void tidings_deferral_answer(tidings_deferral *deferral, tidings_answer answer, int64_t delay_ms)
{
    struct slot *slot = (struct slot *)deferral;
    struct batch *batch = slot->batch;
    struct tidings_consumer *consumer = batch->pq->consumer;
    struct dispatch *dispatch = &consumer->dispatch;
    struct outcome outcome =
        outcome_of(consumer, answer, delay_ms < 0 ? -1 : delay_ms, 0, "answered later");
    struct results results;
    results_init(&results);
    if (atomic_load_explicit(&batch->stale, memory_order_relaxed)) {
        outcome.state = SLOT_DONE; // nobody waits for it
    }
    outcome_settle(slot, &outcome, &results);
    batch_let_go(batch, &results);
    pthread_mutex_lock(&dispatch->lock);
    results_give(consumer, &results);
    if (--dispatch->deferred == 0 && dispatch->stopping) {
        pthread_cond_broadcast(&dispatch->idle);
    }
    pthread_mutex_unlock(&dispatch->lock);
}
