// SPDX-License-Identifier: Apache-2.0
// Long polling: pulls that found nothing are held in memory until a message comes or their time is
// over.
#ifndef BROKER_WAIT_H
#define BROKER_WAIT_H

#include "base/heap.h"
#include "broker/pull.h"
#include "broker/topic.h"
#include "net/net.h"

struct broker;
struct channel;

enum { WAITS_MAX = 1 << 20, WAIT_LONGEST_MS = 60 * 1000 };

struct waits {
    struct heap by_deadline; // monotonic ms
    struct net_timer *timer;
};

tidings_status waits_init(struct broker *broker) TIDINGS_NODISCARD;
void waits_deinit(struct broker *broker); // forgets them all without an answer
// Holds a pull for `suspend_ms`. On error it is not held and must be answered.
tidings_status waits_hold(struct broker *broker, struct queue *queue, const struct pull *pull,
                          int64_t suspend_ms) TIDINGS_NODISCARD;
// Messages came to the queue: answers the pulls that they match.
void waits_wake(struct broker *broker, struct queue *queue);
// The connection is gone: forgets what was held for it.
void waits_channel_closed(struct broker *broker, struct channel *channel);
// Answers all that are held, now: at the end of serving, or when a queue goes.
void waits_answer_all(struct broker *broker);
void waits_answer_queue(struct broker *broker, struct queue *queue);

#endif
