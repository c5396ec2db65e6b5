// SPDX-License-Identifier: Apache-2.0
// A message: what a producer sends and a consumer's handler gets.
#ifndef TIDINGS_MESSAGE_H
#define TIDINGS_MESSAGE_H

#include <stddef.h>
#include <stdint.h>

#include <tidings/status.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tidings_message tidings_message;

// ---- making (producer side). The message copies all it is given. NULL when out of memory or when
// the topic is not a valid name (1 to 127 of % | a-z A-Z 0-9 _ -). ----
TIDINGS_API tidings_message *tidings_message_new(const char *topic, const void *body,
                                                 size_t body_len);
TIDINGS_API void tidings_message_free(tidings_message *message); // NULL allowed
TIDINGS_API tidings_status tidings_message_set_tag(tidings_message *message,
                                                   const char *tag) TIDINGS_NODISCARD;
// May be called several times; keys must not contain spaces. Put the tx_no here.
TIDINGS_API tidings_status tidings_message_add_key(tidings_message *message,
                                                   const char *key) TIDINGS_NODISCARD;
// User property. E_INVALID for names that the protocol keeps for itself and for \x01, \x02 in name
// or value.
TIDINGS_API tidings_status tidings_message_set_property(tidings_message *message, const char *name,
                                                        const char *value) TIDINGS_NODISCARD;
TIDINGS_API void tidings_message_set_flag(tidings_message *message, int32_t flag);
// Delay: the level of the broker's table (1-based), or an exact time (Tidings and RocketMQ 5
// brokers).
TIDINGS_API tidings_status tidings_message_set_delay_level(tidings_message *message,
                                                           int level) TIDINGS_NODISCARD;
TIDINGS_API tidings_status tidings_message_set_delay_ms(tidings_message *message,
                                                        int64_t delay_ms) TIDINGS_NODISCARD;
TIDINGS_API tidings_status tidings_message_set_deliver_at_ms(tidings_message *message,
                                                             int64_t wall_ms) TIDINGS_NODISCARD;

// ---- reading (both sides). Pointers are good until the message is changed or freed; text ends
// with NUL. ----
TIDINGS_API const char *tidings_message_topic(const tidings_message *message);
// Bytes of the body, not ended by NUL; *ret_len may not be NULL.
TIDINGS_API const void *tidings_message_body(const tidings_message *message, size_t *ret_len);
TIDINGS_API const char *tidings_message_tag(const tidings_message *message);  // "" when none
TIDINGS_API const char *tidings_message_keys(const tidings_message *message); // space separated, ""
// NULL when absent.
TIDINGS_API const char *tidings_message_property(const tidings_message *message, const char *name);
TIDINGS_API int32_t tidings_message_flag(const tidings_message *message);
// Unique id given by the producer ("" before it was sent) and by the broker (consumer side).
TIDINGS_API const char *tidings_message_id(const tidings_message *message);
TIDINGS_API const char *tidings_message_offset_id(const tidings_message *message);
TIDINGS_API const char *tidings_message_broker(const tidings_message *message);
TIDINGS_API int32_t tidings_message_queue_id(const tidings_message *message);
TIDINGS_API int64_t tidings_message_queue_offset(const tidings_message *message);
// Deliveries before this one: 0 the first time.
TIDINGS_API int32_t tidings_message_reconsume_times(const tidings_message *message);
TIDINGS_API int64_t tidings_message_born_ms(const tidings_message *message);
TIDINGS_API int64_t tidings_message_store_ms(const tidings_message *message);

#ifdef __cplusplus
}
#endif
#endif
