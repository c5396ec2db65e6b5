// SPDX-License-Identifier: Apache-2.0
// Routes: which brokers hold the queues of a topic, looked up at the name servers (code 105) when
// somebody asks, and again every route_refresh. On the I/O thread. Private to the room.
//
// A topic that is not known may be made by the first send (auto_create): its route then is that of
// TBW102 with at most create_topic_queues queues, until the real one is there.
#ifndef CLIENT_ROUTE_H
#define CLIENT_ROUTE_H

#include "client/runtime.h"

enum {
    ROUTE_TOPICS_MAX = 4096,
    ROUTE_BROKERS_MAX = 1024,
    ROUTE_QUEUES_MAX = 16384, // of one topic
    ROUTE_SERVERS_MAX = 16,
    ROUTE_UNKNOWN_MS = 1000, // how soon a wanted topic that is not known is looked up again
};

struct broker {
    char *name;
    struct link *link; // of its master
    struct pulse *pulse;
    struct call pulse_call;   // its heartbeat
    uint64_t heard_conn_id;   // connection on which one was answered
    uint64_t refused_conn_id; // connection on which one was refused
    uint64_t greeted_conn_id; // connection that had one
};

struct route_queue {
    struct broker *broker;
    int32_t queue_id;
};

struct route_queues {
    struct route_queue *items;
    unsigned count;
};

struct pulse;
struct routes;

struct topic {
    struct routes *routes;
    char *name;
    struct call call;
    struct alarm refresh;
    struct list waiters;
    bool auto_create;
    bool wanted;     // looked up again and again while not known
    bool known;      // there is a route
    bool is_default; // it is that of TBW102
    bool asks_default;
    unsigned tries; // name servers asked in this look-up
    struct route_queues publish;
    struct route_queues readable; // in the order that all members of a group use: broker, queue id
    unsigned next;                // for turns
    tidings_status failed;        // how the last look-up ended
    bool told_refusal;            // since it was last known
    struct tidings_error err;
};

struct route_waiter {
    struct list node;
    void (*ready)(struct route_waiter *waiter, struct topic *topic);
};

struct routes {
    struct runtime *runtime;
    struct map topics;
    struct map brokers;
    struct link *servers[ROUTE_SERVERS_MAX];
    unsigned server_count;
    unsigned server;                                 // the one that answered last
    void (*changed)(void *arg, struct topic *topic); // may be NULL
    // No name server answers with a route (topic->err says why): once until one does. May be NULL.
    void (*refused)(void *arg, struct topic *topic);
    void *arg;
};

// The runtime must live longer. E_INVALID when no name server can be used.
tidings_status routes_init(struct routes *routes, struct runtime *runtime,
                           struct tidings_error *err) TIDINGS_NODISCARD;
void routes_deinit(struct routes *routes);

// Finds or makes; NULL when there are too many or no memory.
struct topic *routes_topic(struct routes *routes, struct str name);
// Looks up unless that is under way; `waiter` (may be NULL) hears the end of it, in a later turn.
void topic_look_up(struct topic *topic, struct route_waiter *waiter);
static inline void route_waiter_init(struct route_waiter *waiter,
                                     void (*ready)(struct route_waiter *waiter,
                                                   struct topic *topic))
{
    list_init(&waiter->node);
    waiter->ready = ready;
}
struct broker *routes_broker(struct routes *routes, struct str name); // NULL when not known

#endif
