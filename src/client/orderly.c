// SPDX-License-Identifier: Apache-2.0
// Orderly consuming: a queue is worked on only while the broker's lock on it is ours (41, renewed
// every 20 s, believed for 30 s), by one handler thread at a time, message by message.
#include <stdlib.h>

#include "client/consumer.h"
#include "wire/bodies.h"

struct lock_request {
    struct list node;
    struct call call;
    struct tidings_consumer *consumer;
    struct broker *broker;
};

bool pq_is_locked(const struct pq *pq)
{
    return pq->consumer->is_broadcasting ||
           runtime_now_us(&pq->consumer->runtime) < atomic_load(&pq->locked_until_us);
}

// ---- deliveries ----
void orderly_next(struct pq *pq)
{
    if (pq->state != PQ_PULLING || pq->busy || list_empty(&pq->batches) || pq->consumer->stopping ||
        pq->suspend.node.index != SIZE_MAX || !pq_is_locked(pq)) {
        return;
    }
    struct batch *batch = LIST_ENTRY(pq->batches.next, struct batch, node);
    bool dying =
        batch->claimed > 0 && atomic_load(&batch->slots[batch->claimed - 1].state) == SLOT_BACK;
    if (dying || batch->claimed == batch->count) {
        return; // one is on its way to the dead letters, the next comes after it
    }
    pq->busy = true;
    dispatch_push(batch);
}

static void suspend(struct pq *pq, int64_t pause_ms)
{
    runtime_alarm(&pq->consumer->runtime, &pq->suspend, pause_ms > 0 ? pause_ms : 0);
}

// The first message that is not done was not taken by the handler.
static void on_not_taken(struct pq *pq, struct slot *slot)
{
    struct tidings_consumer *consumer = pq->consumer;
    const tidings_config *config = consumer->runtime.config;
    int64_t most = config_number(config, CONFIG_MAX_ATTEMPTS);
    if (slot->wish == WISH_WAIT) {
        atomic_store(&slot->state, SLOT_WAITING);
        suspend(pq, slot->due_ms - runtime_wall_ms(&consumer->runtime));
    } else if (slot->wish == WISH_DEAD || (most >= 0 && slot->tries >= most)) {
        slot->wish = WISH_DEAD;
        slot->batch->claimed++; // no handler gets it again
        back_start(slot);
    } else {
        slot->tries = (uint16_t)(slot->tries < UINT16_MAX ? slot->tries + 1 : UINT16_MAX);
        atomic_store(&slot->state, SLOT_WAITING);
        suspend(pq, slot->delay_ms >= 0 ? slot->delay_ms
                                        : config_number(config, CONFIG_ORDERLY_SUSPEND));
    }
}

static void end_dropped(struct pq *pq)
{
    offset_store(pq);
    orderly_unlock(pq);
    pq_forget(pq);
}

void orderly_returned(struct batch *batch)
{
    struct pq *pq = batch->pq;
    struct slot *slot = NULL;
    pq->busy = false;
    batch->claimed = 0;
    while (batch->claimed < batch->count &&
           atomic_load(&batch->slots[batch->claimed].state) == SLOT_DONE) {
        batch->claimed++;
    }
    if (batch->claimed < batch->count) {
        slot = &batch->slots[batch->claimed];
    }
    pq->batch_count++; // so that it is not freed in here
    if (atomic_fetch_sub(&batch->holds, 1) == 1) {
        batch_end(batch);
    }
    if (pq->state == PQ_DROPPED) {
        end_dropped(pq);
    } else if (pq->state == PQ_LOCKING) { // the lock was lost meanwhile
        pq_forget(pq);
    } else if (slot != NULL && atomic_load(&slot->state) == SLOT_BACK) {
        on_not_taken(pq, slot);
    } else {
        orderly_next(pq);
    }
    atomic_store(&pq->halted, false);
    if (--pq->batch_count == 0 && pq->state == PQ_DROPPED) {
        pq_free(pq);
    }
}

// ---- locks ----
static void lose(struct pq *pq)
{
    consumer_event(pq->consumer, false, "%s queue %d: the lock is lost", pq->subscription->topic,
                   pq->queue_id);
    pq->state = PQ_LOCKING;
    atomic_store(&pq->locked_until_us, 0);
    if (pq->busy) {
        atomic_store(&pq->halted, true);
    } else {
        pq_forget(pq);
    }
}

static bool is_among(const struct wire_lock *locked, const struct pq *pq)
{
    for (unsigned i = 0; i < locked->count; i++) {
        const struct wire_queue_ref *queue = &locked->queues[i];
        if (queue->queue_id == pq->queue_id && strcmp(queue->topic, pq->subscription->topic) == 0 &&
            strcmp(queue->broker, pq->broker->name) == 0) {
            return true;
        }
    }
    return false;
}

static void apply(struct tidings_consumer *consumer, const struct broker *broker,
                  const struct wire_lock *locked)
{
    int64_t until_us = runtime_now_us(&consumer->runtime) + CONSUMER_LOCK_VALID_MS * 1000LL;
    list_for_each_safe (node, following, &consumer->queues) {
        struct pq *pq = LIST_ENTRY(node, struct pq, node);
        if (pq->broker != broker) {
            continue;
        }
        if (!is_among(locked, pq)) {
            if (pq->state != PQ_LOCKING) {
                lose(pq);
            }
        } else if (pq->state == PQ_LOCKING && !pq->busy) {
            atomic_store(&pq->locked_until_us, until_us);
            offset_seek(pq);
        } else if (pq->state != PQ_LOCKING) {
            atomic_store(&pq->locked_until_us, until_us);
            orderly_next(pq);
        }
    }
    pq_count_held(consumer);
}

static void set_alarm(struct tidings_consumer *consumer)
{
    int64_t after_ms = CONSUMER_LOCK_RENEW_MS;
    list_for_each (node, &consumer->queues) {
        if (LIST_ENTRY(node, struct pq, node)->state == PQ_LOCKING) {
            after_ms = CONSUMER_AGAIN_MS;
        }
    }
    runtime_alarm(&consumer->runtime, &consumer->lock_alarm, after_ms);
}

static void on_locked(struct call *call, const struct reply *reply)
{
    struct lock_request *request = BASE_CONTAINER_OF(call, struct lock_request, call);
    struct tidings_consumer *consumer = request->consumer;
    struct wire_lock *locked = NULL;
    struct tidings_error err = { 0 };
    tidings_status status = reply_error(reply, call->link, "lock of queues", &err);
    if (status == TIDINGS_OK) {
        status = wire_lock_decode(reply->body, &locked, &err);
    }
    if (status == TIDINGS_OK) {
        apply(consumer, request->broker, locked);
        wire_lock_free(locked);
    } else if (status != TIDINGS_E_CLOSED) {
        consumer_event(consumer, true, "%s", err.text);
    }
    list_remove(&request->node);
    free(request);
    if (!consumer->stopping && status != TIDINGS_E_CLOSED) {
        set_alarm(consumer);
    }
}

static struct wire_queue_ref ref_of(const struct pq *pq)
{
    return (struct wire_queue_ref){ pq->subscription->topic, pq->broker->name, pq->queue_id };
}

// Encodes the queues held at this broker (or `only` this one); the number in *ret_count.
static tidings_status encode(struct tidings_consumer *consumer, const struct broker *broker,
                             const struct pq *only, struct buf *out, unsigned *ret_count)
{
    struct wire_queue_ref *queues = calloc(WIRE_LOCKS_MAX, sizeof *queues);
    struct wire_lock lock = { .group = consumer->heartbeat_data.group,
                              .client_id = consumer->runtime.ident.client_id,
                              .queues = queues };
    if (queues == NULL) {
        return TIDINGS_E_NO_MEMORY;
    }
    if (only != NULL) {
        queues[lock.count++] = ref_of(only);
    } else {
        list_for_each (node, &consumer->queues) {
            const struct pq *pq = LIST_ENTRY(node, struct pq, node);
            if (pq->broker == broker && lock.count < WIRE_LOCKS_MAX) {
                queues[lock.count++] = ref_of(pq);
            }
        }
    }
    *ret_count = lock.count;
    tidings_status status = lock.count > 0 ? wire_lock_encode(&lock, out) : TIDINGS_OK;
    free(queues);
    return status;
}

static void lock_at(struct tidings_consumer *consumer, struct broker *broker)
{
    struct runtime *runtime = &consumer->runtime;
    struct wire_header header;
    struct buf body;
    unsigned count;
    list_for_each (node, &consumer->locks) {
        if (LIST_ENTRY(node, struct lock_request, node)->broker == broker) {
            return; // being asked
        }
    }
    buf_init(&body, WIRE_BODY_MAX);
    struct lock_request *request = calloc(1, sizeof *request);
    if (request == NULL || encode(consumer, broker, NULL, &body, &count) != TIDINGS_OK ||
        count == 0) {
        free(request);
        buf_deinit(&body);
        return;
    }
    request->consumer = consumer;
    request->broker = broker;
    call_init(&request->call, on_locked);
    list_add_tail(&consumer->locks, &request->node);
    request_init(&header, WIRE_LOCK_BATCH_MQ);
    runtime_call(runtime, &request->call, broker->link, &header, buf_str(&body),
                 config_number(runtime->config, CONFIG_REQUEST_TIMEOUT));
    buf_deinit(&body);
}

void orderly_lock(struct tidings_consumer *consumer)
{
    struct str key;
    void *value;
    size_t cursor = 0;
    while (map_next(&consumer->routes.brokers, &cursor, &key, &value)) {
        lock_at(consumer, value);
    }
    set_alarm(consumer);
}

static void on_alarm(struct alarm *alarm)
{
    orderly_lock(BASE_CONTAINER_OF(alarm, struct tidings_consumer, lock_alarm));
}

void orderly_unlock(struct pq *pq)
{
    struct tidings_consumer *consumer = pq->consumer;
    struct wire_header header;
    struct buf body;
    unsigned count;
    if (consumer->is_broadcasting) {
        return;
    }
    buf_init(&body, WIRE_BODY_MAX);
    request_init(&header, WIRE_UNLOCK_BATCH_MQ);
    if (encode(consumer, pq->broker, pq, &body, &count) == TIDINGS_OK) {
        runtime_tell(&consumer->runtime, pq->broker->link, &header, buf_str(&body));
    }
    buf_deinit(&body);
}

void orderly_init(struct tidings_consumer *consumer)
{
    list_init(&consumer->locks);
    alarm_init(&consumer->lock_alarm, on_alarm);
}

void orderly_cancel(struct tidings_consumer *consumer)
{
    runtime_alarm_stop(&consumer->runtime, &consumer->lock_alarm);
    while (!list_empty(&consumer->locks)) {
        struct lock_request *request =
            LIST_ENTRY(list_pop(&consumer->locks), struct lock_request, node);
        runtime_cancel(&consumer->runtime, &request->call);
        free(request);
    }
}
