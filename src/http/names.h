// SPDX-License-Identifier: Apache-2.0
// Names to addresses, off the loop. Each name that is asked for has at most one look-up, however
// many wait for it, on a thread of its own; so many at a time, that one that hangs holds up nobody
// but those who wait for it, until all are taken. What was found is kept for a minute. Private to
// the room.
#ifndef HTTP_NAMES_H
#define HTTP_NAMES_H

#include <netinet/in.h>

#include "base/list.h"
#include "base/str.h"

struct net_loop;
struct names;

enum { NAMES_ADDRESSES_MAX = 16, NAMES_AT_ONCE = 32, NAMES_KEPT_MAX = 1024, NAMES_KEPT_S = 60 };

struct address {
    socklen_t size; // 0 = none
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    };
};

// Who waits for a name; in the caller's memory until it was told, or does not wait any more.
struct names_waiter {
    struct list node;
    // On the loop, once: count 0 with a reason, or what was found, good during the call.
    void (*found)(struct names_waiter *waiter, const struct address *addresses, size_t count,
                  const char *reason);
};

// Must be freed before the loop. E_NO_MEMORY, E_IO.
tidings_status names_new(struct net_loop *loop, struct names **ret) TIDINGS_NODISCARD;
// Nobody may wait. A look-up that hangs is left to itself. NULL allowed.
void names_free(struct names *names);
// OK with *ret_count > 0: known, good until the loop goes on. OK with 0: `found` is called later.
tidings_status names_ask(struct names *names, const char *name, struct names_waiter *waiter,
                         const struct address **ret, size_t *ret_count) TIDINGS_NODISCARD;
static inline void names_waiter_init(struct names_waiter *waiter)
{
    list_init(&waiter->node);
}
static inline void names_leave(struct names_waiter *waiter) // also when it does not wait
{
    list_remove(&waiter->node);
}

#endif
