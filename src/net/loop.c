// SPDX-License-Identifier: Apache-2.0
// The loop itself: turns, hooks, signals. The order in a turn is told in private.h.
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "net/private.h"

int64_t loop_now_ms(struct net_loop *loop)
{
    if (!loop->now_known) {
        loop->now_ms = clock_mono_us(loop->options.clock) / 1000;
        loop->now_known = true;
    }
    return loop->now_ms;
}

// ---- a turn ----
static void on_prepare(uv_prepare_t *handle)
{
    struct net_loop *loop = handle->data;
    loop->now_known = false;
    wake_take(loop);
    if (loop->on_turn != NULL) {
        loop->on_turn(loop->on_turn_arg);
    }
    conn_flush_all(loop);
    loop->now_known = false; // the poll may sleep
    wake_before_sleep(loop);
}

static void on_check(uv_check_t *handle)
{
    struct net_loop *loop = handle->data;
    wake_after_sleep(loop);
    if (loop->sweep_due) {
        loop->sweep_due = false;
        deadline_sweep(loop);
    }
}

static void on_idle(uv_idle_t *handle)
{
    struct net_loop *loop = handle->data;
    conn_go_on_all(loop);
    if (list_empty(&loop->ready) && !loop->sweep_due) {
        uv_idle_stop(&loop->hurry);
    }
}

void loop_hurry(struct net_loop *loop)
{
    uv_idle_start(&loop->hurry, on_idle);
}

// ---- life ----
static tidings_status init_uv(struct net_loop *loop)
{
    if (uv_loop_init(&loop->uv) != 0) {
        return TIDINGS_E_IO;
    }
    if (wake_init(loop) != TIDINGS_OK) {
        BASE_ASSERT(uv_loop_close(&loop->uv) == 0);
        return TIDINGS_E_IO;
    }
    uv_prepare_init(&loop->uv, &loop->turn); // these cannot fail
    uv_check_init(&loop->uv, &loop->after);
    uv_idle_init(&loop->uv, &loop->hurry);
    loop->turn.data = loop;
    loop->after.data = loop;
    loop->hurry.data = loop;
    uv_prepare_start(&loop->turn, on_prepare);
    uv_check_start(&loop->after, on_check);
    return deadline_init(loop);
}

tidings_status net_loop_new(const struct net_loop_options *options, struct net_loop **ret,
                            struct tidings_error *err)
{
    struct net_loop *loop = calloc(1, sizeof *loop);
    if (loop == NULL || (loop->read_buffer = malloc(READ_SIZE)) == NULL) {
        free(loop);
        return error_set(err, TIDINGS_E_NO_MEMORY, "no memory for the event loop");
    }
    loop->options = *options;
    list_init(&loop->conns);
    list_init(&loop->dirty);
    list_init(&loop->held);
    list_init(&loop->ready);
    list_init(&loop->hungry);
    list_init(&loop->listeners);
    tidings_status status = init_uv(loop);
    if (status != TIDINGS_OK) {
        free(loop->read_buffer);
        free(loop);
        return error_set(
            err, status,
            "the event loop cannot be made: raise the limit of open files (ulimit -n)");
    }
    *ret = loop;
    return TIDINGS_OK;
}

// libuv writes with write(2): a peer that hung up would raise SIGPIPE. How the process treats that
// signal is the program's business, so it is only kept from this thread, and taken away when one
// came.
struct pipe_guard {
    sigset_t before;
    bool was_pending;
};

static void pipe_guard_enter(struct pipe_guard *guard)
{
    sigset_t pipe;
    sigset_t pending;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    sigpending(&pending);
    guard->was_pending = sigismember(&pending, SIGPIPE) == 1;
    pthread_sigmask(SIG_BLOCK, &pipe, &guard->before);
}

static void pipe_guard_leave(const struct pipe_guard *guard)
{
    const struct timespec at_once = { 0, 0 };
    sigset_t pipe;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    while (!guard->was_pending && sigtimedwait(&pipe, NULL, &at_once) == SIGPIPE) {
    }
    pthread_sigmask(SIG_SETMASK, &guard->before, NULL);
}

static void run_uv(struct net_loop *loop, uv_run_mode mode)
{
    struct pipe_guard guard;
    pipe_guard_enter(&guard);
    loop->now_known = false;
    uv_run(&loop->uv, mode);
    pipe_guard_leave(&guard);
}

void net_loop_close_all(struct net_loop *loop)
{
    struct pipe_guard guard;
    pipe_guard_enter(&guard);
    loop->closing = true;
    while (!list_empty(&loop->listeners)) {
        net_listener_close(LIST_ENTRY(loop->listeners.next, struct net_listener, node));
    }
    conn_flush_all(loop); // what was answered leaves as far as the sockets take it
    list_for_each (node, &loop->conns) {
        conn_close(LIST_ENTRY(node, struct net_conn, node), TIDINGS_E_CLOSED);
    }
    while (!list_empty(&loop->conns)) {
        run_uv(loop, UV_RUN_NOWAIT);
    }
    loop->closing = false;
    pipe_guard_leave(&guard);
}

static void close_handles(struct net_loop *loop)
{
    uv_close((uv_handle_t *)&loop->wake.handle, NULL);
    uv_close((uv_handle_t *)&loop->turn, NULL);
    uv_close((uv_handle_t *)&loop->after, NULL);
    uv_close((uv_handle_t *)&loop->hurry, NULL);
    uv_close((uv_handle_t *)&loop->sweep, NULL);
    for (size_t i = 0; i < loop->signal_count; i++) {
        uv_close((uv_handle_t *)&loop->signals[i].handle, NULL);
    }
}

void net_loop_free(struct net_loop *loop)
{
    if (loop == NULL) {
        return;
    }
    wake_close(loop);
    loop->on_turn = NULL;
    net_loop_close_all(loop);
    close_handles(loop);
    run_uv(loop, UV_RUN_DEFAULT); // also waits for names that are being resolved
    BASE_ASSERT(loop->timer_count == 0);
    BASE_ASSERT(loop->watch_count == 0);
    BASE_ASSERT(uv_loop_close(&loop->uv) == 0);
    wake_deinit(loop);
    while (loop->pool_count > 0) {
        free(loop->pool[--loop->pool_count].ptr);
    }
    free(loop->slots);
    free(loop->read_buffer);
    free(loop->plain_buffer);
    free(loop);
}

void net_loop_run(struct net_loop *loop)
{
    run_uv(loop, UV_RUN_DEFAULT);
}

void net_loop_turn(struct net_loop *loop)
{
    run_uv(loop, UV_RUN_NOWAIT);
}

void net_loop_stop(struct net_loop *loop)
{
    uv_stop(&loop->uv);
}

// ---- hooks ----
void net_loop_on_turn(struct net_loop *loop, void (*on_turn)(void *arg), void *arg)
{
    loop->on_turn = on_turn;
    loop->on_turn_arg = arg;
}

// ---- signals ----
static void signal_came(uv_signal_t *handle, int number)
{
    struct net_signal *own = handle->data;
    own->on_signal(own->arg, number);
}

tidings_status net_loop_on_signal(struct net_loop *loop, int number,
                                  void (*on_signal)(void *arg, int number), void *arg,
                                  struct tidings_error *err)
{
    if (loop->signal_count == SIGNALS_MAX) {
        return error_set(err, TIDINGS_E_FULL, "more than %d signals", SIGNALS_MAX);
    }
    struct net_signal *own = &loop->signals[loop->signal_count];
    own->on_signal = on_signal;
    own->arg = arg;
    int result = uv_signal_init(&loop->uv, &own->handle);
    if (result != 0) {
        return error_set(err, TIDINGS_E_IO, "signal %d: %s", number, uv_strerror(result));
    }
    loop->signal_count++;
    own->handle.data = own;
    result = uv_signal_start(&own->handle, signal_came, number);
    uv_unref((uv_handle_t *)&own->handle);
    return result == 0 ? TIDINGS_OK
                       : error_set(err, TIDINGS_E_IO, "signal %d: %s", number, uv_strerror(result));
}

void net_loop_stats(const struct net_loop *loop, struct net_loop_stats *ret)
{
    *ret = loop->stats;
}
