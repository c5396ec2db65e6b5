// SPDX-License-Identifier: Apache-2.0
#include "client/runtime.h"

#include <stdlib.h>

#include "base/thread.h"
#include "client/link.h"

enum { SCRATCH_MAX = 1024 * 1024, TEXTS_MAX = 64 * 1024, DRAIN_ROUNDS_MAX = 1000 };

// ---- alarms ----
void alarm_init(struct alarm *alarm, void (*fire)(struct alarm *alarm))
{
    heap_node_init(&alarm->node);
    list_init(&alarm->orphan);
    alarm->fire = fire;
}

void runtime_alarm_stop(struct runtime *runtime, struct alarm *alarm)
{
    heap_remove(&runtime->alarms, &alarm->node);
    list_remove(&alarm->orphan);
}

void runtime_alarm_at(struct runtime *runtime, struct alarm *alarm, int64_t due_us)
{
    runtime_alarm_stop(runtime, alarm);
    if (heap_push(&runtime->alarms, &alarm->node, due_us) != TIDINGS_OK) {
        list_add_tail(&runtime->orphans, &alarm->orphan);
    }
}

void runtime_alarm(struct runtime *runtime, struct alarm *alarm, int64_t after_ms)
{
    runtime_alarm_at(runtime, alarm, runtime_now_us(runtime) + after_ms * 1000);
}

static void fire_due(struct runtime *runtime)
{
    int64_t now_us = runtime_now_us(runtime);
    struct heap_node *node = heap_peek(&runtime->alarms);
    while (node != NULL && node->due <= now_us) {
        struct alarm *alarm = BASE_CONTAINER_OF(node, struct alarm, node);
        heap_remove(&runtime->alarms, node);
        alarm->fire(alarm);
        node = heap_peek(&runtime->alarms);
    }
    struct list *orphan = runtime->orphans.prev; // those that come now wait for the next turn
    while (!list_empty(&runtime->orphans)) {
        struct list *first = list_pop(&runtime->orphans);
        struct alarm *alarm = LIST_ENTRY(first, struct alarm, orphan);
        alarm->fire(alarm);
        if (first == orphan) {
            break;
        }
    }
}

// The timer runs to the earliest alarm, or earlier: it is not set back when alarms are stopped.
static void set_timer(struct runtime *runtime)
{
    struct heap_node *node = heap_peek(&runtime->alarms);
    int64_t due_us = node != NULL ? node->due : INT64_MAX;
    if (!list_empty(&runtime->unsent) || !list_empty(&runtime->orphans)) {
        due_us = 0;
    }
    if (due_us < runtime->timer_due_us) {
        int64_t after_us = due_us - runtime_now_us(runtime);
        runtime->timer_due_us = due_us;
        net_timer_start(runtime->timer, after_us > 0 ? (after_us + 999) / 1000 : 0);
    }
}

static void on_timer(void *arg)
{
    struct runtime *runtime = arg;
    runtime->timer_due_us = INT64_MAX;
    fire_due(runtime);
}

static void on_turn(void *arg)
{
    struct runtime *runtime = arg;
    link_end_unsent(runtime);
    set_timer(runtime);
}

static void on_wake(void *arg)
{
    struct runtime *runtime = arg;
    if (runtime->owner.woken != NULL) {
        runtime->owner.woken(runtime->owner.arg);
    }
}

// ---- life ----
static tidings_status init_loop(struct runtime *runtime, struct tidings_error *err)
{
    const struct net_loop_options options = { .clock = runtime->clock,
                                              .connections_max = RUNTIME_LINKS_MAX * 2 };
    tidings_status status = net_loop_new(&options, &runtime->loop, err);
    if (status == TIDINGS_OK) {
        status = net_timer_new(runtime->loop, on_timer, runtime, &runtime->timer);
    }
    if (status == TIDINGS_OK) {
        net_loop_on_turn(runtime->loop, on_turn, runtime);
        net_loop_on_wake(runtime->loop, on_wake, runtime);
    }
    return status;
}

tidings_status runtime_init(struct runtime *runtime, const tidings_config *config,
                            const struct runtime_owner *owner, struct tidings_error *err)
{
    *runtime = (struct runtime){ .clock = clock_system(), .owner = *owner };
    runtime->timer_due_us = INT64_MAX;
    rnd_seed_system(&runtime->rnd);
    heap_init(&runtime->alarms, RUNTIME_ALARMS_MAX);
    list_init(&runtime->orphans);
    list_init(&runtime->unsent);
    map_init(&runtime->links, RUNTIME_LINKS_MAX);
    buf_init(&runtime->scratch, SCRATCH_MAX);
    buf_init(&runtime->texts, TEXTS_MAX);
    runtime->config = config_copy(config);
    tidings_status status =
        runtime->config != NULL ? slots_init(&runtime->slots) : TIDINGS_E_NO_MEMORY;
    if (status == TIDINGS_OK) {
        ident_init(&runtime->ident, config, runtime->clock);
        status = secure_init(&runtime->secure, runtime->config, err);
    }
    if (status == TIDINGS_OK) {
        status = init_loop(runtime, err);
    }
    if (status != TIDINGS_OK) {
        (void)error_set(err, status, "making a client: %s", error_text(err, status));
        runtime_deinit(runtime);
    }
    return status;
}

static void *run_thread(void *arg)
{
    struct runtime *runtime = arg;
    net_loop_run(runtime->loop);
    return NULL;
}

tidings_status runtime_start(struct runtime *runtime, struct tidings_error *err)
{
    if (runtime->running || runtime->stopped) {
        return error_set(err, TIDINGS_E_STATE, "started before");
    }
    int result = thread_start(&runtime->thread, run_thread, runtime);
    if (result != 0) {
        return error_set_errno(err, TIDINGS_E_AGAIN, result, "cannot start the I/O thread");
    }
    runtime->running = true;
    return TIDINGS_OK;
}

static void stop_loop(void *arg)
{
    struct runtime *runtime = arg;
    net_loop_stop(runtime->loop);
}

void runtime_stop(struct runtime *runtime)
{
    if (runtime->running) {
        // Only a full queue of tasks refuses, and the thread is about to empty it.
        const struct timespec step = { 0, 1000000 };
        while (net_loop_post(runtime->loop, stop_loop, runtime) != TIDINGS_OK) {
            nanosleep(&step, NULL);
        }
        pthread_join(runtime->thread, NULL);
        runtime->running = false;
    }
    runtime->stopped = true;
}

void runtime_close(struct runtime *runtime)
{
    struct str key;
    void *value;
    size_t cursor = 0;
    BASE_ASSERT(!runtime->running);
    runtime->stopped = true;
    net_loop_close_all(runtime->loop);
    while (map_next(&runtime->links, &cursor, &key, &value)) {
        link_fail_calls(value, TIDINGS_E_CLOSED, "the client was stopped");
    }
    for (int i = 0; i < DRAIN_ROUNDS_MAX && !list_empty(&runtime->unsent); i++) {
        link_end_unsent(runtime);
    }
}

void runtime_deinit(struct runtime *runtime)
{
    struct str key;
    void *value;
    size_t cursor = 0;
    if (runtime->timer != NULL) {
        net_timer_free(runtime->timer);
    }
    net_loop_free(runtime->loop);
    while (map_next(&runtime->links, &cursor, &key, &value)) {
        link_free(value);
    }
    map_deinit(&runtime->links);
    heap_deinit(&runtime->alarms);
    slots_deinit(&runtime->slots);
    buf_deinit(&runtime->scratch);
    buf_deinit(&runtime->texts);
    secure_deinit(&runtime->secure);
    tidings_config_free(runtime->config);
    runtime->loop = NULL;
    runtime->timer = NULL;
    runtime->config = NULL;
}

void runtime_wake(struct runtime *runtime)
{
    net_loop_wake(runtime->loop);
}
