// SPDX-License-Identifier: Apache-2.0
// What other threads want of the loop: tasks that they post, and wakes.
//
// The loop is called through an eventfd, and only while it sleeps: before the poll it says so and
// then looks once more at what is wanted; who wants something says so and then looks whether the
// loop sleeps. One of the two sees the other. A loop that has work anyway costs its callers no
// system call. (uv_async_t would do, but its loop waits actively for a caller that was put off the
// processor in the middle of the call, and that is common when the loop's waking puts him off.)
#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "net/private.h"

// ---- sleeping ----
static void on_called(uv_poll_t *handle, int status, int events)
{
    struct net_loop *loop = handle->data;
    uint64_t calls;
    (void)status;
    (void)events;
    wake_after_sleep(loop);
    (void)!read(loop->wake.fd, &calls, sizeof calls); // empty now; its work is done in the turn
}

// Any thread, async-signal-safe; what is wanted has been said.
static void call(struct net_loop *loop)
{
    const uint64_t one = 1;
    if (atomic_exchange(&loop->wake.asleep, false)) {
        int before = errno;
        (void)!write(loop->wake.fd, &one, sizeof one); // full means that it is called already
        errno = before;
    }
}

static bool is_wanted(struct net_loop *loop)
{
    return atomic_load(&loop->wake.woken) || atomic_load(&loop->wake.posted);
}

void wake_before_sleep(struct net_loop *loop)
{
    atomic_store(&loop->wake.asleep, true);
    if (is_wanted(loop)) {
        wake_after_sleep(loop);
        loop_hurry(loop);
    }
}

void wake_after_sleep(struct net_loop *loop)
{
    if (atomic_load_explicit(&loop->wake.asleep, memory_order_relaxed)) {
        atomic_store_explicit(&loop->wake.asleep, false, memory_order_relaxed);
    }
}

// ---- life ----
tidings_status wake_init(struct net_loop *loop)
{
    struct wake *wake = &loop->wake;
    wake->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (wake->fd < 0) {
        return TIDINGS_E_IO;
    }
    if (uv_poll_init(&loop->uv, &wake->handle, wake->fd) != 0) {
        close(wake->fd);
        return TIDINGS_E_IO;
    }
    wake->handle.data = loop;
    uv_poll_start(&wake->handle, UV_READABLE, on_called); // only notes it: cannot fail
    pthread_mutex_init(&wake->lock, NULL);
    return TIDINGS_OK;
}

void wake_deinit(struct net_loop *loop)
{
    pthread_mutex_destroy(&loop->wake.lock);
    free(loop->wake.posts.items);
    free(loop->wake.running.items);
    close(loop->wake.fd);
}

// ---- in the turn ----
// One batch per turn: a task that posts itself must not keep the sockets waiting.
static void run_posts(struct wake *wake)
{
    pthread_mutex_lock(&wake->lock);
    struct posts batch = wake->posts;
    wake->posts = wake->running;
    wake->running = batch;
    pthread_mutex_unlock(&wake->lock);
    for (size_t i = 0; i < batch.count; i++) {
        batch.items[i].task(batch.items[i].arg);
    }
    wake->running.count = 0;
    if (wake->running.size > POSTS_KEEP) {
        free(wake->running.items);
        wake->running = (struct posts){ 0 };
    }
}

void wake_take(struct net_loop *loop)
{
    struct wake *wake = &loop->wake;
    if (atomic_exchange(&wake->posted, false)) {
        run_posts(wake);
    }
    if (atomic_exchange(&wake->woken, false) && wake->on_wake != NULL) {
        wake->on_wake(wake->on_wake_arg);
    }
}

void wake_close(struct net_loop *loop)
{
    struct wake *wake = &loop->wake;
    pthread_mutex_lock(&wake->lock);
    wake->closed = true;
    pthread_mutex_unlock(&wake->lock);
    run_posts(wake); // what was promised to run does
    wake->on_wake = NULL;
}

// ---- from other threads ----
static tidings_status add_post(struct posts *posts, struct post post)
{
    if (posts->count >= POSTS_MAX) {
        return TIDINGS_E_FULL;
    }
    if (posts->count == posts->size) {
        size_t size = posts->size == 0 ? 16 : posts->size * 2;
        struct post *grown = realloc(posts->items, size * sizeof *grown);
        if (grown == NULL) {
            return TIDINGS_E_NO_MEMORY;
        }
        posts->items = grown;
        posts->size = size;
    }
    posts->items[posts->count++] = post;
    return TIDINGS_OK;
}

tidings_status net_loop_post(struct net_loop *loop, void (*task)(void *arg), void *arg)
{
    struct wake *wake = &loop->wake;
    tidings_status status = TIDINGS_E_CLOSED;
    pthread_mutex_lock(&wake->lock);
    if (!wake->closed) {
        status = add_post(&wake->posts, (struct post){ task, arg });
        if (status == TIDINGS_OK && wake->posts.count == 1) {
            atomic_store(&wake->posted, true);
            call(loop); // inside the lock: the loop cannot be freed meanwhile
        }
    }
    pthread_mutex_unlock(&wake->lock);
    return status;
}

void net_loop_wake(struct net_loop *loop)
{
    if (!atomic_exchange(&loop->wake.woken, true)) {
        call(loop);
    }
}

void net_loop_on_wake(struct net_loop *loop, void (*on_wake)(void *arg), void *arg)
{
    loop->wake.on_wake = on_wake;
    loop->wake.on_wake_arg = arg;
}
