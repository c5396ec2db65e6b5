// SPDX-License-Identifier: Apache-2.0
// Bounded queue of pointers between threads (mutex and condition; one lock per batch on both
// sides).
#ifndef BASE_QUEUE_H
#define BASE_QUEUE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

struct queue {
    pthread_mutex_t lock;
    pthread_cond_t filled;
    void **items; // ring
    size_t size;  // capacity
    size_t head;
    size_t count;
    bool closed;
};

tidings_status queue_init(struct queue *queue, size_t capacity) TIDINGS_NODISCARD;
void queue_deinit(struct queue *queue); // items left inside are the caller's loss: drain first
// E_FULL when at capacity, E_CLOSED after queue_close.
tidings_status queue_push(struct queue *queue, void *item) TIDINGS_NODISCARD;
// All of them, or (E_FULL, E_CLOSED) none: one lock and one wake for all.
tidings_status queue_push_many(struct queue *queue, void *const *items,
                               size_t count) TIDINGS_NODISCARD;
// Waits up to timeout_ms (-1 = for ever, 0 = not at all) for the first item, then takes up to
// `max`. Returns how many; 0 on time-out, or when closed and empty.
size_t queue_pop_many(struct queue *queue, void **ret_items, size_t max, int timeout_ms);
size_t queue_count(struct queue *queue);
void queue_close(struct queue *queue); // no more pushes; poppers drain, then get 0
bool queue_is_closed(struct queue *queue);

#endif
