// SPDX-License-Identifier: Apache-2.0
// What the files of the broker share: the broker as the owner of its parts, and the request in
// hand.
#ifndef BROKER_INTERNAL_H
#define BROKER_INTERNAL_H

#include "broker/asker.h"
#include "broker/broker.h"
#include "broker/due.h"
#include "broker/expression.h"
#include "broker/group.h"
#include "broker/half.h"
#include "broker/index.h"
#include "broker/lock.h"
#include "broker/rates.h"
#include "broker/relay.h"
#include "broker/store.h"
#include "broker/topic.h"
#include "broker/wait.h"
#include "commitlog/commitlog.h"
#include "ladder/ladder.h"
#include "wire/requests.h"
#include "wire/wire.h"

struct acl;

struct broker {
    struct broker_options options;
    char *folder;
    char *cluster_name;
    char *broker_name;
    struct ladder_levels levels;       // message_delay_level
    struct ladder retry_ladder;        // default
    struct ladder_levels check_levels; // delays of transaction checks
    struct wire_host address;          // in message ids and stored messages
    char address_text[64];             // "host:port" in routes
    char address_alone[48];            // host only

    struct acl *acl; // NULL: everybody may do everything
    struct commitlog *log;
    struct index *index;
    struct topics topics;
    struct groups groups;
    struct store store;
    struct due due;
    struct halves halves;
    struct waits waits;
    struct locks locks;
    struct expressions expressions;
    struct rates rates;
    struct relays relays;

    struct buf scratch; // unescaped header values of the request in hand
    struct buf body;    // body of the answer being made
    struct rnd rnd;
    struct net_timer *tick; // expiry, offsets, retention
    int64_t last_position;  // of the last record published
    uint64_t replayed;      // records at start
    bool gap;               // at start: the index alone has what stands before some damage
    int64_t ticks;
    int64_t started_ms;
    int64_t retain_from; // what retention would keep if no delayed message needed more
    int64_t retain_to;   // what is kept from, while what is before it is written again; 0 = nothing
    bool retaining;      // an answer of the index is on its way
    bool retain_soon;    // settings were written again: as soon as they are durable
    bool reading_paused;
    bool draining;
    struct broker_stats stats;
};

// One request being handled; all views are good only during the call of its handler.
struct request {
    struct broker *broker;
    struct net_conn *conn;
    const struct wire_header *header;
    struct str body;
    int64_t now_ms;
};

// Takes the answers of the index.
void broker_poll_index(struct broker *broker);

static inline bool str_is_retry_topic(struct str topic)
{
    return str_starts(topic, WIRE_RETRY_PREFIX);
}

#endif
