// SPDX-License-Identifier: Apache-2.0
// Which lane has something due, and room for it. One heap of times with one timer; the lanes that
// could begin an attempt take turns, one attempt each, and none uses so much that nothing is left
// for others.
#include "notify/private.h"

enum {
    LONGEST_SLEEP_MS = 60 * 1000 /* the wall clock may be set meanwhile */,
    LOOKS = 32,
    RATE_S = 8
};

static void set_timer(struct notify *notify)
{
    const struct heap_node *first = heap_peek(&notify->wake);
    notify->timer_ms = first != NULL ? first->due : INT64_MAX;
    if (first == NULL || atomic_load(&notify->stopping)) {
        net_timer_stop(notify->timer);
        return;
    }
    int64_t wait_ms = first->due - clock_wall_ms(notify->clock);
    net_timer_start(notify->timer, wait_ms < LONGEST_SLEEP_MS ? wait_ms : LONGEST_SLEEP_MS);
}

// ---- room ----
size_t lane_held(const struct lane *lane)
{
    return lane->ready_count + lane->flying + lane->pledged;
}

size_t lane_window(const struct lane *lane)
{
    const struct receiver_limits *limits = lane->limits;
    bool calm = !lane->gate.open && lane->gate.ramp == 0;
    size_t window = gate_limit(lane) + (calm ? lane->ahead : 0);
    if (limits->rate_per_s > 0 && limits->rate_per_s + limits->burst < (int64_t)window / RATE_S) {
        window = (size_t)(limits->rate_per_s * RATE_S + limits->burst); // before its leases end
    }
    return window;
}

// A quarter of the connections is kept for lanes that have next to none, and for those whose
// attempts end soon: many that hang, one after the other, cannot use up all of them.
static bool has_share(const struct lane *lane)
{
    const struct notify *notify = lane->notify;
    size_t most = notify->options.connections_max;
    size_t left = notify->flying < most ? most - notify->flying : 0;
    size_t kept = most / 4;
    if (left > kept && lane->flying < SHARE * (left - kept)) {
        return true;
    }
    size_t trials = left > kept / 2 ? 2 : 1;
    bool is_quick = clock_mono_us(notify->clock) < lane->quick_us + QUICK_FOR_US;
    return left > 0 && (lane->flying < trials || (is_quick && lane->flying < left));
}

static bool could_begin(const struct lane *lane, int64_t now_ms)
{
    return lane->ready_count > 0 && lane->flying < gate_limit(lane) &&
           gate_opens_ms(lane, now_ms) <= now_ms;
}

// ---- when to look again ----
// What is blocked by something else than time is looked at when that has ended.
static void schedule(struct lane *lane, int64_t now_ms)
{
    struct notify *notify = lane->notify;
    int64_t at_ms = lane->ready_count > 0 ? now_ms : lane->claim.busy ? INT64_MAX : lane->due_ms;
    int64_t opens_ms = at_ms != INT64_MAX ? gate_opens_ms(lane, now_ms) : INT64_MAX;
    at_ms = opens_ms > at_ms ? opens_ms : at_ms;
    bool is_set = lane->wake.index != SIZE_MAX;
    if (is_set && lane->wake.due == at_ms) {
        return;
    }
    heap_remove(&notify->wake, &lane->wake);
    if (at_ms > now_ms && at_ms != INT64_MAX) {
        BASE_ASSERT(heap_push(&notify->wake, &lane->wake, at_ms) == TIDINGS_OK); // one place each
    }
    const struct heap_node *first = heap_peek(&notify->wake);
    if ((first != NULL ? first->due : INT64_MAX) != notify->timer_ms) {
        set_timer(notify);
    }
}

void lane_is_due(struct lane *lane, int64_t due_ms)
{
    lane->due_ms = due_ms < lane->due_ms ? due_ms : lane->due_ms;
}

// ---- turns ----
static void take_turn(struct lane *lane)
{
    if (!lane->has_turn) {
        lane->has_turn = true;
        list_add_tail(&lane->notify->turns, &lane->turn);
        lane->notify->turn_count++;
    }
}

static bool wants_claim(const struct lane *lane, int64_t now_ms)
{
    return lane->due_ms <= now_ms && !lane->claim.busy && lane->state == NOTIFY_ACTIVE &&
           lane->ready_count <= lane->ahead / 2 && lane_held(lane) < lane_window(lane) &&
           !gate_is_shut(lane, now_ms);
}

void lane_pump(struct lane *lane)
{
    struct notify *notify = lane->notify;
    int64_t now_ms = clock_wall_ms(notify->clock);
    if (atomic_load(&notify->stopping) || lane->limits == NULL) {
        return;
    }
    if (lane->ready_count > 0 && gate_is_shut(lane, now_ms)) {
        lane_give_back(lane);
    }
    if (could_begin(lane, now_ms)) {
        take_turn(lane);
    }
    if (wants_claim(lane, now_ms)) {
        claim_want(lane);
    }
    schedule(lane, now_ms);
}

void lane_give_back(struct lane *lane)
{
    for (struct list *node = list_pop(&lane->ready); node != NULL; node = list_pop(&lane->ready)) {
        lane->ready_count--;
        attempt_release(LIST_ENTRY(node, struct attempt, node));
    }
}

// True when it began one.
static bool give_turn(struct lane *lane)
{
    struct notify *notify = lane->notify;
    bool could = could_begin(lane, clock_wall_ms(notify->clock));
    bool begins = could && has_share(lane);
    if (begins) {
        struct attempt *attempt = LIST_ENTRY(lane->ready.next, struct attempt, node);
        list_remove(&attempt->node);
        lane->ready_count--;
        attempt_begin(attempt);
    }
    lane->has_turn = false;
    notify->turn_count--;
    if (could && !begins) {
        take_turn(lane); // behind the others
    } else {
        lane_pump(lane);
    }
    return begins;
}

void dispatch_run(struct notify *notify)
{
    size_t idle = 0;
    if (notify->running || atomic_load(&notify->stopping)) {
        return;
    }
    notify->running = true;
    while (idle < LOOKS && idle < notify->turn_count &&
           notify->flying < notify->options.connections_max) {
        struct lane *lane = LIST_ENTRY(notify->turns.next, struct lane, turn);
        list_remove(&lane->turn);
        idle = give_turn(lane) ? 0 : idle + 1;
    }
    notify->running = false;
}

void dispatch_fired(void *arg)
{
    struct notify *notify = arg;
    int64_t now_ms = clock_wall_ms(notify->clock);
    struct heap_node *first;
    while ((first = heap_peek(&notify->wake)) != NULL && first->due <= now_ms) {
        heap_remove(&notify->wake, first);
        lane_pump(BASE_CONTAINER_OF(first, struct lane, wake));
    }
    set_timer(notify);
    dispatch_run(notify);
}
