// SPDX-License-Identifier: Apache-2.0
// LOCK_BATCH_MQ (41), UNLOCK_BATCH_MQ (42).
#include <stdlib.h>

#include "broker/handlers.h"

// Decodes and checks; NULL when it was answered.
static struct wire_lock *decode(struct request *request)
{
    struct wire_lock *lock;
    struct tidings_error err = { 0 };
    tidings_status status = wire_lock_decode(request->body, &lock, &err);
    if (status != TIDINGS_OK) {
        answer_code(request, WIRE_SYSTEM_ERROR, error_text(&err, status));
        return NULL;
    }
    if (lock->group == NULL || lock->client_id == NULL) {
        wire_lock_free(lock);
        answer_code(request, WIRE_SYSTEM_ERROR, "lock needs consumerGroup, clientId and mqSet");
        return NULL;
    }
    return lock;
}

void handle_lock(struct request *request)
{
    struct broker *broker = request->broker;
    struct wire_lock *lock = decode(request);
    if (lock == NULL) {
        return;
    }
    struct wire_lock locked = { .queues = calloc(lock->count + 1u, sizeof *locked.queues) };
    struct buf body;
    int64_t now_us = clock_mono_us(broker->options.clock);
    tidings_status status = TIDINGS_E_NO_MEMORY;
    buf_init(&body, 4 * 1024 * 1024);
    for (unsigned i = 0; locked.queues != NULL && i < lock->count; i++) {
        const struct wire_queue_ref *queue = &lock->queues[i];
        if (locks_take(&broker->locks, str_of(lock->group), str_of(queue->topic), queue->queue_id,
                       str_of(lock->client_id), now_us)) {
            locked.queues[locked.count++] = *queue; // borrowed
        }
    }
    if (locked.queues != NULL) {
        status = wire_locked_encode(&locked, &body);
    }
    if (status == TIDINGS_OK) {
        answer_body(request, buf_str(&body));
    } else {
        answer_error(request, status, NULL);
    }
    free(locked.queues);
    buf_deinit(&body);
    wire_lock_free(lock);
}

void handle_unlock(struct request *request)
{
    struct wire_lock *lock = decode(request);
    if (lock == NULL) {
        return;
    }
    for (unsigned i = 0; i < lock->count; i++) {
        locks_give(&request->broker->locks, str_of(lock->group), str_of(lock->queues[i].topic),
                   lock->queues[i].queue_id, str_of(lock->client_id));
    }
    wire_lock_free(lock);
    answer_code(request, WIRE_SUCCESS, NULL);
}
