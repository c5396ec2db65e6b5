// SPDX-License-Identifier: Apache-2.0
// Consumer: hears messages of its subscriptions, in a group that shares the queues (clustering) or
// alone (broadcasting); the handler's answer decides: done, again later, or dead letter.
//
// Threads: one I/O thread, and `threads` handler threads. A concurrent handler runs on any of them,
// several at once; an orderly handler never runs twice at once for one queue. The message and
// delivery given to a handler belong to the library and are good only during the call. Delivery is
// at least once: handlers must be idempotent. A handler must not call tidings_consumer_stop or
// _free of its own consumer.
#ifndef TIDINGS_CONSUMER_H
#define TIDINGS_CONSUMER_H

#include <tidings/config.h>
#include <tidings/message.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tidings_consumer tidings_consumer;
typedef struct tidings_delivery tidings_delivery;
typedef struct tidings_deferral tidings_deferral;

typedef enum tidings_answer {
    TIDINGS_ACK = 0,   // applied (or a duplicate of what was applied): never again
    TIDINGS_LATER = 1, // not now: again by the ladder, or after tidings_delivery_later_ms
    TIDINGS_DEAD = 2,  // can never succeed: to the dead letters at once
} tidings_answer;

typedef tidings_answer tidings_handler(void *arg, const tidings_message *message,
                                       tidings_delivery *delivery);
// For the answer LATER of this delivery only: after this time instead of the ladder's. Exact on a
// Tidings broker and on RocketMQ 5; composed from its delay levels on RocketMQ 4.
TIDINGS_API void tidings_delivery_later_ms(tidings_delivery *delivery, int64_t delay_ms);
// An explicit delay level of the broker, as RocketMQ's delayLevelWhenNextConsume.
TIDINGS_API void tidings_delivery_later_level(tidings_delivery *delivery, int level);

// Within a concurrent handler, at most once: the answer comes later, by tidings_deferral_answer,
// from any thread, also before the handler has returned; what the handler returns is not looked at.
// The message itself is still good only during the call. So one handler thread can have thousands
// of messages under way; cache_messages bounds them. NULL for an orderly handler: it must answer by
// returning.
// A message that is not answered within consume_timeout is sent back for another try; its late
// answer is not looked at. tidings_consumer_stop waits for answers as for running handlers, and
// tidings_consumer_free until the last has come.
TIDINGS_API tidings_deferral *tidings_delivery_defer(tidings_delivery *delivery);
// Exactly once for each deferral, which is gone then. delay_ms: for the answer LATER, as in
// tidings_delivery_later_ms; -1 = the ladder's.
TIDINGS_API void tidings_deferral_answer(tidings_deferral *deferral, tidings_answer answer,
                                         int64_t delay_ms);

TIDINGS_API tidings_status tidings_consumer_new(const tidings_config *config,
                                                tidings_consumer **ret,
                                                struct tidings_error *err) TIDINGS_NODISCARD;
// Before start only. expression: "*" or "tagA || tagB".
TIDINGS_API tidings_status tidings_consumer_subscribe(tidings_consumer *consumer, const char *topic,
                                                      const char *expression,
                                                      struct tidings_error *err) TIDINGS_NODISCARD;
// The same with a condition over the messages' properties instead of tags, like
//   "amount > 100 AND currency IN ('CNY', 'EUR') AND refund IS NULL"
// Grammar and meaning are those of RocketMQ's SQL92 filter; the broker applies it (RocketMQ needs
// enablePropertyFilter=true). E_INVALID with the position of a mistake.
TIDINGS_API tidings_status
tidings_consumer_subscribe_sql(tidings_consumer *consumer, const char *topic, const char *condition,
                               struct tidings_error *err) TIDINGS_NODISCARD;
// One of the two, before start.
TIDINGS_API void tidings_consumer_on_message(tidings_consumer *consumer, tidings_handler *handler,
                                             void *arg);
TIDINGS_API void tidings_consumer_on_message_orderly(tidings_consumer *consumer,
                                                     tidings_handler *handler, void *arg);
// Diagnostics (the library itself never logs): called on any of its threads, must be short.
typedef void tidings_event_callback(void *arg, int is_error, const char *text);
TIDINGS_API void tidings_consumer_on_event(tidings_consumer *consumer,
                                           tidings_event_callback *callback, void *arg);
TIDINGS_API tidings_status tidings_consumer_start(tidings_consumer *consumer,
                                                  struct tidings_error *err) TIDINGS_NODISCARD;
// Takes no more messages, waits up to timeout_ms for running handlers, stores offsets, unlocks,
// leaves the group.
TIDINGS_API void tidings_consumer_stop(tidings_consumer *consumer, int64_t timeout_ms);
TIDINGS_API void
tidings_consumer_free(tidings_consumer *consumer); // stops, waits for handlers; NULL allowed

// Number of queues that this consumer holds now (for tests and status lines).
TIDINGS_API size_t tidings_consumer_queue_count(const tidings_consumer *consumer);

#ifdef __cplusplus
}
#endif
#endif
