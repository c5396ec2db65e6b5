// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>

#include "net/private.h"

struct net_watch {
    uv_poll_t handle;
    struct net_loop *loop;
    void (*fire)(void *arg, int ready);
    void *arg;
    int wanted;
};

static void polled(uv_poll_t *handle, int status, int events)
{
    struct net_watch *watch = handle->data;
    int ready = ((events & UV_READABLE) != 0 ? NET_READABLE : 0) |
                ((events & UV_WRITABLE) != 0 ? NET_WRITABLE : 0);
    // An error is what its owner finds when it reads or writes. libuv has stopped watching then.
    if (status < 0) {
        tidings_status again = net_watch_set(watch, watch->wanted);
        BASE_ASSERT(again == TIDINGS_OK); // the descriptor was watched already
    }
    watch->fire(watch->arg, status < 0 ? watch->wanted : ready);
}

static void watch_closed(uv_handle_t *handle)
{
    free(handle->data);
}

tidings_status net_watch_new(struct net_loop *loop, int fd, void (*fire)(void *arg, int ready),
                             void *arg, struct net_watch **ret)
{
    struct net_watch *watch = calloc(1, sizeof *watch);
    if (watch == NULL) {
        return TIDINGS_E_NO_MEMORY;
    }
    watch->loop = loop;
    watch->fire = fire;
    watch->arg = arg;
    watch->handle.data = watch;
    if (uv_poll_init(&loop->uv, &watch->handle, fd) != 0) {
        free(watch);
        return TIDINGS_E_INVALID;
    }
    loop->watch_count++;
    *ret = watch;
    return TIDINGS_OK;
}

tidings_status net_watch_set(struct net_watch *watch, int wanted)
{
    int events = ((wanted & NET_READABLE) != 0 ? UV_READABLE : 0) |
                 ((wanted & NET_WRITABLE) != 0 ? UV_WRITABLE : 0);
    int failed =
        events != 0 ? uv_poll_start(&watch->handle, events, polled) : uv_poll_stop(&watch->handle);
    watch->wanted = wanted;
    return failed == 0 ? TIDINGS_OK : TIDINGS_E_INTERNAL;
}

void net_watch_free(struct net_watch *watch)
{
    if (watch != NULL) {
        watch->loop->watch_count--;
        uv_close((uv_handle_t *)&watch->handle, watch_closed);
    }
}
