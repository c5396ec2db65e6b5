// SPDX-License-Identifier: Apache-2.0
// Order in a turn: reads and timers, posted tasks, on_wake, on_turn, flush of what was written;
// then the poll.
#include <stdlib.h>

#include "net/private.h"

int64_t loop_now_ms(const struct net_loop *loop)
{
    return clock_mono_us(loop->options.clock) / 1000;
}

static void run_posts(struct net_loop *loop)
{
    for (;;) {
        pthread_mutex_lock(&loop->post_lock);
        struct post *posts = loop->posts;
        size_t count = loop->post_count;
        loop->posts = NULL;
        loop->post_count = 0;
        loop->post_size = 0;
        pthread_mutex_unlock(&loop->post_lock);
        if (count == 0) {
            free(posts);
            return;
        }
        for (size_t i = 0; i < count; i++) {
            posts[i].task(posts[i].arg);
        }
        free(posts);
    }
}

static void on_async(uv_async_t *handle)
{
    (void)handle; // its work is done in the turn
}

static void turn(struct net_loop *loop)
{
    loop->now_ms = loop_now_ms(loop);
    run_posts(loop);
    if (atomic_exchange(&loop->woken, false) && loop->on_wake != NULL) {
        loop->on_wake(loop->on_wake_arg);
    }
    if (loop->on_turn != NULL) {
        loop->on_turn(loop->on_turn_arg);
    }
    conn_flush_all(loop);
}

static void on_prepare(uv_prepare_t *handle)
{
    struct net_loop *loop = handle->data;
    turn(loop);
}

static void on_sweep(uv_timer_t *handle)
{
    struct net_loop *loop = handle->data;
    loop->now_ms = loop_now_ms(loop);
    conn_sweep(loop);
}

static tidings_status init_uv(struct net_loop *loop)
{
    int result = uv_loop_init(&loop->uv);
    if (result != 0) {
        return TIDINGS_E_IO;
    }
    result = uv_async_init(&loop->uv, &loop->wake, on_async);
    result = result != 0 ? result : uv_prepare_init(&loop->uv, &loop->turn);
    result = result != 0 ? result : uv_timer_init(&loop->uv, &loop->sweep);
    if (result != 0) {
        return TIDINGS_E_IO;
    }
    loop->turn.data = loop;
    loop->sweep.data = loop;
    uv_prepare_start(&loop->turn, on_prepare);
    uv_timer_start(&loop->sweep, on_sweep, SWEEP_MS, SWEEP_MS);
    uv_unref((uv_handle_t *)&loop->sweep);
    return TIDINGS_OK;
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
    list_init(&loop->listeners);
    pthread_mutex_init(&loop->post_lock, NULL);
    tidings_status status = init_uv(loop);
    if (status != TIDINGS_OK) {
        pthread_mutex_destroy(&loop->post_lock);
        free(loop->read_buffer);
        free(loop);
        return error_set(err, status, "the event loop cannot be made: out of file descriptors?");
    }
    loop->now_ms = loop_now_ms(loop);
    *ret = loop;
    return TIDINGS_OK;
}

void net_loop_close_all(struct net_loop *loop)
{
    while (!list_empty(&loop->listeners)) {
        net_listener_close(LIST_ENTRY(loop->listeners.next, struct net_listener, node));
    }
    conn_flush_all(loop); // what was answered leaves as far as the sockets take it
    list_for_each_safe (node, following, &loop->conns) {
        conn_close(LIST_ENTRY(node, struct net_conn, node), TIDINGS_E_CLOSED);
    }
    while (!list_empty(&loop->conns) && uv_run(&loop->uv, UV_RUN_NOWAIT) != 0) {
    }
}

void net_loop_free(struct net_loop *loop)
{
    if (loop == NULL) {
        return;
    }
    pthread_mutex_lock(&loop->post_lock);
    loop->closed = true;
    pthread_mutex_unlock(&loop->post_lock);
    run_posts(loop); // what was promised to run does
    loop->on_turn = NULL;
    loop->on_wake = NULL;
    net_loop_close_all(loop);
    uv_close((uv_handle_t *)&loop->wake, NULL);
    uv_close((uv_handle_t *)&loop->turn, NULL);
    uv_close((uv_handle_t *)&loop->sweep, NULL);
    for (size_t i = 0; i < loop->signal_count; i++) {
        uv_close((uv_handle_t *)&loop->signals[i].handle, NULL);
    }
    uv_run(&loop->uv, UV_RUN_DEFAULT);
    BASE_ASSERT(uv_loop_close(&loop->uv) == 0);
    pthread_mutex_destroy(&loop->post_lock);
    free(loop->posts);
    free(loop->slots);
    free(loop->read_buffer);
    free(loop);
}

void net_loop_run(struct net_loop *loop)
{
    uv_run(&loop->uv, UV_RUN_DEFAULT);
}

void net_loop_stop(struct net_loop *loop)
{
    uv_stop(&loop->uv);
}

tidings_status net_loop_post(struct net_loop *loop, void (*task)(void *arg), void *arg)
{
    tidings_status status = TIDINGS_OK;
    pthread_mutex_lock(&loop->post_lock);
    if (loop->closed) {
        status = TIDINGS_E_CLOSED;
    } else if (loop->post_count >= POSTS_MAX) {
        status = TIDINGS_E_FULL;
    } else if (loop->post_count == loop->post_size) {
        size_t size = loop->post_size == 0 ? 16 : loop->post_size * 2;
        struct post *grown = realloc(loop->posts, size * sizeof *grown);
        if (grown == NULL) {
            status = TIDINGS_E_NO_MEMORY;
        } else {
            loop->posts = grown;
            loop->post_size = size;
        }
    }
    bool first = status == TIDINGS_OK && loop->post_count == 0;
    if (status == TIDINGS_OK) {
        loop->posts[loop->post_count++] = (struct post){ task, arg };
    }
    pthread_mutex_unlock(&loop->post_lock);
    if (first) {
        uv_async_send(&loop->wake);
    }
    return status;
}

void net_loop_wake(struct net_loop *loop)
{
    if (!atomic_exchange(&loop->woken, true)) {
        uv_async_send(&loop->wake);
    }
}

void net_loop_on_wake(struct net_loop *loop, void (*on_wake)(void *arg), void *arg)
{
    loop->on_wake = on_wake;
    loop->on_wake_arg = arg;
}

void net_loop_on_turn(struct net_loop *loop, void (*on_turn)(void *arg), void *arg)
{
    loop->on_turn = on_turn;
    loop->on_turn_arg = arg;
}

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
    ret->connections = loop->connections;
    ret->out_waiting = 0;
    for (const struct list *node = loop->conns.next; node != &loop->conns; node = node->next) {
        const struct net_conn *conn =
            (const struct net_conn *)(const void *)((const char *)node -
                                                    offsetof(struct net_conn, node));
        ret->out_waiting += conn->out.len + conn->sending.len;
    }
}

// ---- timers ----
struct net_timer {
    uv_timer_t handle;
    void (*fire)(void *arg);
    void *arg;
};

static void timer_fired(uv_timer_t *handle)
{
    struct net_timer *timer = handle->data;
    timer->fire(timer->arg);
}

tidings_status net_timer_new(struct net_loop *loop, void (*fire)(void *arg), void *arg,
                             struct net_timer **ret)
{
    struct net_timer *timer = calloc(1, sizeof *timer);
    if (timer == NULL) {
        return TIDINGS_E_NO_MEMORY;
    }
    timer->fire = fire;
    timer->arg = arg;
    timer->handle.data = timer;
    if (uv_timer_init(&loop->uv, &timer->handle) != 0) {
        free(timer);
        return TIDINGS_E_IO;
    }
    *ret = timer;
    return TIDINGS_OK;
}

void net_timer_start(struct net_timer *timer, int64_t after_ms)
{
    uv_update_time(timer->handle.loop);
    uv_timer_start(&timer->handle, timer_fired, after_ms < 0 ? 0 : (uint64_t)after_ms, 0);
}

void net_timer_stop(struct net_timer *timer)
{
    uv_timer_stop(&timer->handle);
}

static void timer_closed(uv_handle_t *handle)
{
    free(handle->data);
}

void net_timer_free(struct net_timer *timer)
{
    if (timer != NULL) {
        uv_close((uv_handle_t *)&timer->handle, timer_closed);
    }
}
