// SPDX-License-Identifier: Apache-2.0
// Heartbeats (code 34): to every broker of the routes, at once on a new connection and every
// `heartbeat`; and good-byes (35). A broker's answer tells its version and whether it is a Tidings
// broker. On the I/O thread. Private to the room.
#ifndef CLIENT_PULSE_H
#define CLIENT_PULSE_H

#include "client/route.h"
#include "wire/bodies.h"

struct pulse {
    struct routes *routes;
    struct alarm alarm;
    struct buf body;
    void (*heard)(void *arg,
                  struct broker *broker); // the first answer on a connection; may be NULL
    // A broker answered, but not with success: once on a connection. May be NULL.
    void (*refused)(void *arg, struct broker *broker, const struct tidings_error *err);
    void *arg;
};

// The heartbeat's body does not change.
tidings_status pulse_init(struct pulse *pulse, struct routes *routes,
                          const struct wire_heartbeat *heartbeat) TIDINGS_NODISCARD;
void pulse_deinit(struct pulse *pulse);
void pulse_start(struct pulse *pulse);
// A connection is there, or a route: greets the brokers that were not.
void pulse_link_opened(struct pulse *pulse, struct link *link);
void pulse_greet(struct pulse *pulse);
void pulse_send(struct pulse *pulse, struct broker *broker);
// Tells every connected broker that the group leaves.
void pulse_leave(struct pulse *pulse, const char *producer_group, const char *consumer_group);

#endif
