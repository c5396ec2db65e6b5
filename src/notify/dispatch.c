// SPDX-License-Identifier: Apache-2.0
// Which receiver has something due, and room for it. One heap of times, one timer.
#include "notify/private.h"

enum { LONGEST_SLEEP_MS = 60 * 1000 }; // the wall clock may be set meanwhile

static void set_timer(struct notify *notify)
{
    const struct heap_node *first = heap_peek(&notify->due);
    if (first == NULL || atomic_load(&notify->stopping)) {
        net_timer_stop(notify->timer);
        return;
    }
    int64_t wait_ms = first->due - clock_wall_ms(notify->clock);
    net_timer_start(notify->timer, wait_ms < LONGEST_SLEEP_MS ? wait_ms : LONGEST_SLEEP_MS);
}

void receiver_is_due(struct receiver *receiver, int64_t due_ms)
{
    struct notify *notify = receiver->notify;
    bool waits = receiver->due.index != SIZE_MAX;
    if (due_ms == INT64_MAX || (waits && receiver->due.due <= due_ms)) {
        return;
    }
    heap_remove(&notify->due, &receiver->due);
    BASE_ASSERT(heap_push(&notify->due, &receiver->due, due_ms) == TIDINGS_OK); // one place each
    set_timer(notify);
}

void receiver_pump(struct receiver *receiver)
{
    struct notify *notify = receiver->notify;
    size_t limit = (size_t)receiver->settings.in_flight;
    bool due = receiver->due.index != SIZE_MAX && receiver->due.due <= clock_wall_ms(notify->clock);
    if (!(due || receiver->starved) || receiver->claiming || receiver->in_flight >= limit ||
        atomic_load(&notify->stopping)) {
        return;
    }
    size_t room = limit - receiver->in_flight;
    receiver->claim.max = room < CLAIM_MAX ? room : CLAIM_MAX;
    heap_remove(&notify->due, &receiver->due); // the claim tells what comes next
    receiver->starved = false;
    if (keeper_post(notify->keeper, &receiver->claim.task) != TIDINGS_OK) {
        receiver_is_due(receiver, clock_wall_ms(notify->clock) + AGAIN_MS);
        return;
    }
    receiver->claiming = true;
    notify->out++;
}

void dispatch_fired(void *arg)
{
    struct notify *notify = arg;
    int64_t now_ms = clock_wall_ms(notify->clock);
    struct heap_node *first;
    while ((first = heap_peek(&notify->due)) != NULL && first->due <= now_ms) {
        struct receiver *receiver = BASE_CONTAINER_OF(first, struct receiver, due);
        receiver_pump(receiver);
        if (heap_peek(&notify->due) == first) { // pumped again when an attempt or a claim has ended
            heap_remove(&notify->due, first);
            receiver->starved = true;
        }
    }
    set_timer(notify);
}
