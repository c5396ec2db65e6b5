// SPDX-License-Identifier: Apache-2.0
// Half messages that are not yet decided, and the check-back: a producer group that does not say
// how its transaction ended is asked (code 39), first after the first delay of the table of checks,
// then after its others, the last of them again and again, until the limit. Then the half is
// parked: kept, counted, listed, and resumable. Nobody to ask costs no check: a producer of the
// group that comes is asked soon.
//
// All of them are in memory (HALVES_MAX), a small row each; their messages are in the log.
#ifndef BROKER_HALF_H
#define BROKER_HALF_H

#include "base/error.h"
#include "base/heap.h"
#include "base/map.h"
#include "broker/index.h"
#include "net/net.h"

struct broker;

enum { HALVES_MAX = 1 << 18 };

struct half {
    struct heap_node by_time; // unless it is parked
    struct index_half row;
    bool deciding; // its end is on the way to the disk
    bool lonely;   // its check is due and nobody was there
};

struct halves {
    struct map by_position;
    struct heap by_time; // wall clock ms
    struct net_timer *timer;
    size_t parked;
    size_t lonely;
};

tidings_status halves_init(struct broker *broker) TIDINGS_NODISCARD;
void halves_deinit(struct broker *broker);
struct half *halves_find(const struct halves *halves, int64_t position); // NULL when decided
// Adds a half, or takes over its new row. E_FULL at HALVES_MAX.
tidings_status halves_put(struct broker *broker, const struct index_half *row) TIDINGS_NODISCARD;
void halves_forget(struct broker *broker, int64_t position);
// The log refused what would have decided or moved it: it is as before.
void halves_refused(struct broker *broker, int64_t position);
// When a new half is checked first.
int64_t halves_first_check(const struct broker *broker, struct str properties, int64_t now_ms);
// A producer joined: what waited for one of its group is checked now.
void halves_producer_came(struct broker *broker, struct str group);
// Writes those before `position` to the end of the log again. True when there were any.
bool halves_move(struct broker *broker, int64_t position);
void halves_arm(struct broker *broker);

#endif
