// SPDX-License-Identifier: Apache-2.0
// Settings of producers, consumers and admins as names and values, checked when they are set.
#ifndef TIDINGS_CONFIG_H
#define TIDINGS_CONFIG_H

#include <stddef.h>
#include <stdint.h>

#include <tidings/status.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tidings_config tidings_config;

// New settings, all at their defaults; NULL when out of memory. Not safe for several threads at
// once.
TIDINGS_API tidings_config *tidings_config_new(void);
// NULL allowed. A config may be freed as soon as the producer or consumer has been made of it.
TIDINGS_API void tidings_config_free(tidings_config *config);
// Sets one value from text. E_INVALID for an unknown name or a value out of range; err says what
// would be right. Durations are milliseconds, sizes bytes; both also take units ("3s", "4M").
TIDINGS_API tidings_status tidings_config_set(tidings_config *config, const char *name,
                                              const char *value,
                                              struct tidings_error *err) TIDINGS_NODISCARD;
// Current value as text into out (cut at size, always ended by NUL); E_INVALID for an unknown name.
TIDINGS_API tidings_status tidings_config_get(const tidings_config *config, const char *name,
                                              char *out, size_t size) TIDINGS_NODISCARD;
// Walks the table of settings for documentation: index from 0; 0 at the end.
TIDINGS_API int tidings_config_describe(size_t index, const char **ret_name,
                                        const char **ret_default, const char **ret_text);

// Names (default):
//   name_servers (127.0.0.1:9876)   "host:port;host:port"
//   group                            producer or consumer group; must be set for both
//   instance (process id)            last part of the client id ip@instance; two consumers of a
//   group in one
//                                    process need different ones (made so by default);
//                                    broadcasting: DEFAULT, since offsets stand under the client id
//   client_ip (own address)          first part of the client id
//   request_timeout (3s), connect_timeout (3s), route_refresh (30s), heartbeat (30s)
//   send_timeout (3s)                whole time of a send with all its retries
//   send_retries (2)                 further tries of synchronous and asynchronous sends on other
//   queues max_message_size (4M), compress_above (4096), compress_level (5) create_topic_queues (4)
//   queues of a topic that the broker makes on first send max_in_flight (1024) asynchronous sends
//   waiting for answers; beyond it E_AGAIN model (clustering)               clustering |
//   broadcasting from (last)                      last | first | a time in ms since 1970: where a
//   new group begins threads (4)                      handler threads pull_batch (32) messages per
//   pull, 1 … 1024 cache_messages (1000)            per queue; pulls pause above cache_bytes (64M)
//   all queues together; pulls pause above offsets_folder (~/.tidings/offsets)  broadcasting only
//   offset_persist (5s), rebalance (20s)
//   max_attempts (-1)                deliveries after the first until the dead letter; -1 = what
//   the broker's
//                                    ladder says (16 on RocketMQ)
//   consume_timeout (15m)            a handler running longer: the message is sent back for another
//   try orderly_suspend (1s)             pause of a queue after an orderly handler answered later
//   ladder ()                        retry ladder made by the client for brokers that have none of
//   their
//                                    own (RocketMQ): "article" or "1m 5m …"; empty = leave it to
//                                    the broker
//   delay_levels (RocketMQ's 18)     messageDelayLevel of that cluster, to compose the ladder from

#ifdef __cplusplus
}
#endif
#endif
