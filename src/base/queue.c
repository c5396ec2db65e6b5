// SPDX-License-Identifier: Apache-2.0
#include "base/queue.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

tidings_status queue_init(struct queue *queue, size_t capacity)
{
    pthread_condattr_t attributes;
    *queue = (struct queue){ .size = capacity };
    queue->items = calloc(capacity, sizeof *queue->items);
    if (queue->items == NULL) {
        return TIDINGS_E_NO_MEMORY;
    }
    pthread_mutex_init(&queue->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&queue->filled, &attributes);
    pthread_condattr_destroy(&attributes);
    return TIDINGS_OK;
}

void queue_deinit(struct queue *queue)
{
    if (queue->items != NULL) {
        pthread_cond_destroy(&queue->filled);
        pthread_mutex_destroy(&queue->lock);
        free(queue->items);
        queue->items = NULL;
    }
}

tidings_status queue_push(struct queue *queue, void *item)
{
    return queue_push_many(queue, &item, 1);
}

tidings_status queue_push_many(struct queue *queue, void *const *items, size_t count)
{
    tidings_status status = TIDINGS_OK;
    pthread_mutex_lock(&queue->lock);
    if (queue->closed) {
        status = TIDINGS_E_CLOSED;
    } else if (count > queue->size - queue->count) {
        status = TIDINGS_E_FULL;
    } else {
        for (size_t i = 0; i < count; i++) {
            queue->items[(queue->head + queue->count++) % queue->size] = items[i];
        }
        if (count == 1) {
            pthread_cond_signal(&queue->filled);
        } else {
            pthread_cond_broadcast(&queue->filled);
        }
    }
    pthread_mutex_unlock(&queue->lock);
    return status;
}

static void wait_filled(struct queue *queue, int timeout_ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += timeout_ms / 1000;
    until.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    while (queue->count == 0 && !queue->closed) {
        if (timeout_ms < 0) {
            pthread_cond_wait(&queue->filled, &queue->lock);
        } else if (pthread_cond_timedwait(&queue->filled, &queue->lock, &until) == ETIMEDOUT) {
            return;
        }
    }
}

size_t queue_pop_many(struct queue *queue, void **ret_items, size_t max, int timeout_ms)
{
    size_t taken = 0;
    pthread_mutex_lock(&queue->lock);
    if (queue->count == 0 && timeout_ms != 0) {
        wait_filled(queue, timeout_ms);
    }
    while (taken < max && queue->count > 0) {
        ret_items[taken++] = queue->items[queue->head];
        queue->head = (queue->head + 1) % queue->size;
        queue->count--;
    }
    pthread_mutex_unlock(&queue->lock);
    return taken;
}

size_t queue_count(struct queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    size_t count = queue->count;
    pthread_mutex_unlock(&queue->lock);
    return count;
}

void queue_close(struct queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    queue->closed = true;
    pthread_cond_broadcast(&queue->filled);
    pthread_mutex_unlock(&queue->lock);
}

bool queue_is_closed(struct queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    bool closed = queue->closed;
    pthread_mutex_unlock(&queue->lock);
    return closed;
}
