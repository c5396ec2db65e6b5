// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>

#include "net/private.h"

struct net_timer {
    uv_timer_t handle;
    struct net_loop *loop;
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
    timer->loop = loop;
    timer->fire = fire;
    timer->arg = arg;
    timer->handle.data = timer;
    uv_timer_init(&loop->uv, &timer->handle); // cannot fail
    loop->timer_count++;
    *ret = timer;
    return TIDINGS_OK;
}

void net_timer_start(struct net_timer *timer, int64_t after_ms)
{
    uv_update_time(timer->handle.loop); // the turn may have been long already
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
        timer->loop->timer_count--;
        uv_close((uv_handle_t *)&timer->handle, timer_closed);
    }
}
