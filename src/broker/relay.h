// SPDX-License-Identifier: Apache-2.0
// Requests of tools that a connected consumer answers (307, 309): passed on to it, its answer
// passed back. Few at a time, each with a deadline.
#ifndef BROKER_RELAY_H
#define BROKER_RELAY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "broker/asker.h"

struct broker;
struct request;
struct wire_header;

enum { RELAYS_MAX = 64, RELAY_TIMEOUT_MS = 10000 };

struct relays {
    struct relay {
        bool used;
        int32_t opaque; // of the request to the consumer
        uint64_t conn_id;
        int64_t deadline_us;
        struct asker asker;
    } items[RELAYS_MAX];
};

// Passes the request in hand on, with its fields and this body; it is answered later, or at once
// when too many are under way.
void relay_ask(struct request *request, uint64_t conn_id, struct str body);
// A client's response: passed back if a tool waits for it.
void relay_answer(struct broker *broker, uint64_t conn_id, const struct wire_header *header,
                  struct str body);
// Answers those whose time is over or whose consumer has gone.
void relay_expire(struct broker *broker, int64_t now_us);

#endif
