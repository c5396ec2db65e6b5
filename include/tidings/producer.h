// SPDX-License-Identifier: Apache-2.0
// Producer: hands messages to the MQ. SEND_OK means durable (on a Tidings broker: after fsync).
//
// Threads: a producer may be used by any number of threads. It runs one I/O thread of its own, on
// which asynchronous callbacks run: they must be short and must not call a synchronous send of the
// same producer. Errors: a function that returns an error never calls its callback; otherwise it is
// called exactly once, at the latest after send_timeout, or by tidings_producer_stop with E_CLOSED.
// An E_TIMEOUT or E_NETWORK result means "unknown": the message may have been stored. Send it again
// with the same keys and let the receiver's deduplication decide.
#ifndef TIDINGS_PRODUCER_H
#define TIDINGS_PRODUCER_H

#include <tidings/config.h>
#include <tidings/message.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tidings_producer tidings_producer;
typedef struct tidings_send_result tidings_send_result;

TIDINGS_API tidings_status tidings_producer_new(const tidings_config *config,
                                                tidings_producer **ret,
                                                struct tidings_error *err) TIDINGS_NODISCARD;
// Starts the I/O thread. Needs no reachable server: routes are looked up at the first send.
TIDINGS_API tidings_status tidings_producer_start(tidings_producer *producer,
                                                  struct tidings_error *err) TIDINGS_NODISCARD;
// Waits up to timeout_ms for sends in flight, then fails the rest with E_CLOSED. May be called
// twice.
TIDINGS_API void tidings_producer_stop(tidings_producer *producer, int64_t timeout_ms);
TIDINGS_API void
tidings_producer_free(tidings_producer *producer); // stops if need be; NULL allowed

// The result, if asked for (ret may be NULL), is new and freed by the caller with
// tidings_send_result_free.
TIDINGS_API tidings_status tidings_producer_send(tidings_producer *producer,
                                                 tidings_message *message,
                                                 tidings_send_result **ret,
                                                 struct tidings_error *err) TIDINGS_NODISCARD;
// To a queue chosen by the key: equal keys go to the same queue as long as the number of queues
// stays. The key is kept as property __SHARDINGKEY.
TIDINGS_API tidings_status tidings_producer_send_ordered(
    tidings_producer *producer, tidings_message *message, const char *key,
    tidings_send_result **ret, struct tidings_error *err) TIDINGS_NODISCARD;
// All or nothing, one request; all of one topic, none delayed. E_TOO_LARGE above max_message_size
// together.
TIDINGS_API tidings_status tidings_producer_send_batch(tidings_producer *producer,
                                                       tidings_message *const *messages,
                                                       size_t count, tidings_send_result **ret,
                                                       struct tidings_error *err) TIDINGS_NODISCARD;
// Copies the message before it returns. `result` is NULL unless status is OK, and good only during
// the call.
typedef void tidings_send_callback(void *arg, tidings_status status,
                                   const tidings_send_result *result,
                                   const struct tidings_error *err);
TIDINGS_API tidings_status tidings_producer_send_async(tidings_producer *producer,
                                                       tidings_message *message,
                                                       tidings_send_callback *callback, void *arg,
                                                       struct tidings_error *err) TIDINGS_NODISCARD;
// No answer, no retry, may be lost.
TIDINGS_API tidings_status
tidings_producer_send_oneway(tidings_producer *producer, tidings_message *message,
                             struct tidings_error *err) TIDINGS_NODISCARD;

TIDINGS_API const char *tidings_send_result_id(const tidings_send_result *result); // unique id
TIDINGS_API const char *tidings_send_result_offset_id(const tidings_send_result *result);
TIDINGS_API const char *tidings_send_result_broker(const tidings_send_result *result);
TIDINGS_API int32_t tidings_send_result_queue_id(const tidings_send_result *result);
TIDINGS_API int64_t tidings_send_result_queue_offset(const tidings_send_result *result);
TIDINGS_API void tidings_send_result_free(tidings_send_result *result); // NULL allowed

#ifdef __cplusplus
}
#endif
#endif
