// SPDX-License-Identifier: Apache-2.0
// Delayed messages: the near future in memory, the rest in the index, one timer.
//
// Memory holds every due row up to the horizon (bounded number); rows beyond it are only in the
// index and are loaded when the near ones run low. At its time a row becomes a DELIVER record of
// the log, which makes the message visible.
#ifndef BROKER_DUE_H
#define BROKER_DUE_H

#include "base/error.h"
#include "base/heap.h"
#include "broker/index.h"
#include "net/net.h"

struct broker;
struct due_item;

struct due {
    struct heap near;
    int64_t horizon_ms; // rows up to (horizon_ms, horizon_position) are in memory
    int64_t horizon_position;
    bool loading;          // an answer of the index is on its way
    bool stale;            // and will be of no use: the horizon came nearer meanwhile
    struct due_item *side; // accepted while loading: not in that answer, sorted in when it comes
    size_t side_count;
    struct due_item *spare; // recycled items
    size_t spare_count;
    struct net_timer *timer;
    int64_t held_until_us; // after the log refused: not before this (monotonic)
};

tidings_status due_init(struct broker *broker) TIDINGS_NODISCARD;
void due_deinit(struct broker *broker);
// A row that has just become durable.
tidings_status due_add(struct broker *broker, const struct index_due *row) TIDINGS_NODISCARD;
// A row whose delivery the log refused: again in a second. E_NO_MEMORY: nothing happened.
tidings_status due_again(struct broker *broker, const struct index_due *row) TIDINGS_NODISCARD;
// Its delivery became durable (statistics).
void due_delivered(struct broker *broker, int64_t due_ms);
// Asks the index for more if memory runs low. Called once after opening and by the answers.
void due_load(struct broker *broker);
// The index' answer.
void due_loaded(struct broker *broker, const struct index_due *rows, size_t count, bool more);
// Sets the timer anew.
void due_arm(struct broker *broker);

#endif
