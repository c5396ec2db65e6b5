// SPDX-License-Identifier: Apache-2.0
// Request headers as structs, one table per request: the struct, its decoder and its encoder come
// from the same rows. F(type, member, "key") is required; D(type, member, "key", default) is
// optional. Type is STR, I32, I64 or BOOL; an absent string is {NULL,0}, another absent field has
// its default (-1 where 0 has a meaning of its own). Optional fields that equal their default are
// not written.
#ifndef WIRE_REQUESTS_H
#define WIRE_REQUESTS_H

#include "wire/wire.h"

#define WIRE_SEND_FIELDS_V1(F, D)                                                                  \
    F(STR, producer_group, "producerGroup")                                                        \
    F(STR, topic, "topic")                                                                         \
    F(STR, default_topic, "defaultTopic")                                                          \
    F(I32, default_queues, "defaultTopicQueueNums")                                                \
    F(I32, queue_id, "queueId")                                                                    \
    F(I32, sys_flag, "sysFlag")                                                                    \
    F(I64, born_ms, "bornTimestamp")                                                               \
    F(I32, flag, "flag")                                                                           \
    D(STR, properties, "properties", 0)                                                            \
    D(I32, reconsume_times, "reconsumeTimes", 0)                                                   \
    D(BOOL, unit_mode, "unitMode", 0)                                                              \
    D(I32, max_reconsume_times, "maxReconsumeTimes", -1)                                           \
    D(BOOL, batch, "batch", 0)
#define WIRE_SEND_FIELDS_V2(F, D)                                                                  \
    F(STR, producer_group, "a")                                                                    \
    F(STR, topic, "b")                                                                             \
    F(STR, default_topic, "c")                                                                     \
    F(I32, default_queues, "d")                                                                    \
    F(I32, queue_id, "e")                                                                          \
    F(I32, sys_flag, "f")                                                                          \
    F(I64, born_ms, "g")                                                                           \
    F(I32, flag, "h")                                                                              \
    D(STR, properties, "i", 0)                                                                     \
    D(I32, reconsume_times, "j", 0)                                                                \
    D(BOOL, unit_mode, "k", 0)                                                                     \
    D(I32, max_reconsume_times, "l", -1)                                                           \
    D(BOOL, batch, "m", 0)
#define WIRE_PULL_FIELDS(F, D)                                                                     \
    F(STR, group, "consumerGroup")                                                                 \
    F(STR, topic, "topic")                                                                         \
    F(I32, queue_id, "queueId")                                                                    \
    F(I64, queue_offset, "queueOffset")                                                            \
    F(I32, max_messages, "maxMsgNums")                                                             \
    F(I32, sys_flag, "sysFlag")                                                                    \
    F(I64, commit_offset, "commitOffset")                                                          \
    F(I64, suspend_ms, "suspendTimeoutMillis")                                                     \
    F(I64, sub_version, "subVersion")                                                              \
    D(STR, subscription, "subscription", 0)                                                        \
    D(STR, expression_type, "expressionType", 0)                                                   \
    D(I32, max_bytes, "maxMsgBytes", -1)
#define WIRE_SEND_BACK_FIELDS(F, D)                                                                \
    F(I64, offset, "offset")                                                                       \
    F(STR, group, "group")                                                                         \
    F(I32, delay_level, "delayLevel")                                                              \
    D(STR, origin_id, "originMsgId", 0)                                                            \
    D(STR, origin_topic, "originTopic", 0)                                                         \
    D(BOOL, unit_mode, "unitMode", 0)                                                              \
    D(I32, max_reconsume_times, "maxReconsumeTimes", -1)                                           \
    D(I64, delay_ms, "delayMs", -1) /* ours: exact delay, stands above delayLevel */
#define WIRE_QUERY_OFFSET_FIELDS(F, D)                                                             \
    F(STR, group, "consumerGroup")                                                                 \
    F(STR, topic, "topic")                                                                         \
    F(I32, queue_id, "queueId")                                                                    \
    D(BOOL, zero_if_none, "setZeroIfNotFound", 1)
#define WIRE_UPDATE_OFFSET_FIELDS(F, D)                                                            \
    F(STR, group, "consumerGroup")                                                                 \
    F(STR, topic, "topic")                                                                         \
    F(I32, queue_id, "queueId")                                                                    \
    F(I64, commit_offset, "commitOffset")
#define WIRE_QUEUE_FIELDS(F, D)                                                                    \
    F(STR, topic, "topic")                                                                         \
    F(I32, queue_id, "queueId")                                                                    \
    D(I64, timestamp, "timestamp", -1)                                                             \
    D(STR, boundary, "boundaryType", 0)
#define WIRE_VIEW_FIELDS(F, D) F(I64, offset, "offset")
#define WIRE_QUERY_FIELDS(F, D)                                                                    \
    F(STR, topic, "topic")                                                                         \
    F(STR, key, "key")                                                                             \
    F(I32, max_count, "maxNum")                                                                    \
    F(I64, begin_ms, "beginTimestamp")                                                             \
    F(I64, end_ms, "endTimestamp")                                                                 \
    D(BOOL, unique_key, "_UNIQUE_KEY_QUERY", 0)
#define WIRE_TOPIC_FIELDS(F, D)        F(STR, topic, "topic")
#define WIRE_GROUP_FIELDS(F, D)        F(STR, group, "consumerGroup")
#define WIRE_GROUP_CONFIG_FIELDS(F, D) F(STR, group, "group")
#define WIRE_UNREGISTER_FIELDS(F, D)                                                               \
    F(STR, client_id, "clientID")                                                                  \
    D(STR, producer_group, "producerGroup", 0)                                                     \
    D(STR, consumer_group, "consumerGroup", 0)
#define WIRE_CREATE_TOPIC_FIELDS(F, D)                                                             \
    F(STR, topic, "topic")                                                                         \
    D(STR, default_topic, "defaultTopic", 0)                                                       \
    F(I32, read_queues, "readQueueNums")                                                           \
    F(I32, write_queues, "writeQueueNums")                                                         \
    F(I32, perm, "perm")                                                                           \
    D(STR, retry_ladder, "retryLadder", 0)                                                         \
    D(I64, retry_window_ms, "retryWindowMs", -1) /* ours, as the two beside it */                  \
    D(I32, retry_limit, "retryMaxTimes", -1)
#define WIRE_DELETE_GROUP_FIELDS(F, D)                                                             \
    F(STR, group, "groupName")                                                                     \
    D(BOOL, clean_offset, "cleanOffset", 0)
#define WIRE_STATS_FIELDS(F, D)                                                                    \
    F(STR, group, "consumerGroup")                                                                 \
    D(STR, topic, "topic", 0)
#define WIRE_RESET_FIELDS(F, D)                                                                    \
    F(STR, topic, "topic")                                                                         \
    F(STR, group, "group")                                                                         \
    F(I64, timestamp, "timestamp")                                                                 \
    D(BOOL, force, "isForce", 0)                                                                   \
    D(I64, offset, "offset", -1)                                                                   \
    D(I32, queue_id, "queueId", -1)

#define WIRE_END_TRANSACTION_FIELDS(F, D)                                                          \
    F(STR, producer_group, "producerGroup")                                                        \
    F(I64, table_offset, "tranStateTableOffset")                                                   \
    F(I64, log_offset, "commitLogOffset")                                                          \
    F(I32, decision, "commitOrRollback")                                                           \
    D(BOOL, from_check, "fromTransactionCheck", 0)                                                 \
    D(STR, message_id, "msgId", 0)                                                                 \
    D(STR, transaction_id, "transactionId", 0)                                                     \
    D(STR, topic, "topic", 0)
#define WIRE_CHECK_TRANSACTION_FIELDS(F, D)                                                        \
    F(I64, table_offset, "tranStateTableOffset")                                                   \
    F(I64, log_offset, "commitLogOffset")                                                          \
    D(STR, message_id, "msgId", 0)                                                                 \
    D(STR, transaction_id, "transactionId", 0)                                                     \
    D(STR, offset_message_id, "offsetMsgId", 0)                                                    \
    D(STR, topic, "topic", 0)
#define WIRE_RESUME_FIELDS(F, D)                                                                   \
    F(STR, message_id, "msgId")                                                                    \
    D(STR, topic, "topic", 0)
#define WIRE_LIST_TRANSACTIONS_FIELDS(F, D)                                                        \
    D(BOOL, parked_only, "parkedOnly", 0)                                                          \
    D(I32, max_count, "maxNum", 100)

// R(struct and function name, field table)
#define WIRE_REQUEST_STRUCTS(R)                                                                    \
    R(pull, WIRE_PULL_FIELDS)                                                                      \
    R(send_back, WIRE_SEND_BACK_FIELDS)                                                            \
    R(query_offset, WIRE_QUERY_OFFSET_FIELDS)                                                      \
    R(update_offset, WIRE_UPDATE_OFFSET_FIELDS)                                                    \
    R(queue_request, WIRE_QUEUE_FIELDS)                                                            \
    R(view, WIRE_VIEW_FIELDS)                                                                      \
    R(query, WIRE_QUERY_FIELDS)                                                                    \
    R(topic_request, WIRE_TOPIC_FIELDS)                                                            \
    R(group_request, WIRE_GROUP_FIELDS)                                                            \
    R(group_config, WIRE_GROUP_CONFIG_FIELDS)                                                      \
    R(unregister, WIRE_UNREGISTER_FIELDS)                                                          \
    R(create_topic, WIRE_CREATE_TOPIC_FIELDS)                                                      \
    R(delete_group, WIRE_DELETE_GROUP_FIELDS)                                                      \
    R(stats, WIRE_STATS_FIELDS)                                                                    \
    R(reset, WIRE_RESET_FIELDS)                                                                    \
    R(end_transaction, WIRE_END_TRANSACTION_FIELDS)                                                \
    R(check_transaction, WIRE_CHECK_TRANSACTION_FIELDS)                                            \
    R(resume, WIRE_RESUME_FIELDS)                                                                  \
    R(list_transactions, WIRE_LIST_TRANSACTIONS_FIELDS)

#define WIRE_TYPE_STR                               struct str
#define WIRE_TYPE_I32                               int32_t
#define WIRE_TYPE_I64                               int64_t
#define WIRE_TYPE_BOOL                              bool
#define WIRE_MEMBER(type, member, key)              WIRE_TYPE_##type member;
#define WIRE_MEMBER_DEFAULT(type, member, key, def) WIRE_TYPE_##type member;

struct wire_send {
    WIRE_SEND_FIELDS_V2(WIRE_MEMBER, WIRE_MEMBER_DEFAULT)
};
#define R(name, fields)                                                                            \
    struct wire_##name {                                                                           \
        fields(WIRE_MEMBER, WIRE_MEMBER_DEFAULT)                                                   \
    };
WIRE_REQUEST_STRUCTS(R)
#undef R

// Decoders: views point into the header. E_INVALID names the missing or malformed field, its value
// (cut) and what would be right.
// The send header has long names with codes 10 and 324, and one-letter names with 310, 320 and 325.
tidings_status wire_send_decode(const struct wire_header *header, struct wire_send *ret,
                                struct tidings_error *err) TIDINGS_NODISCARD;
// Encoders add the fields to header->ext; number texts go to `texts` (give it room for 32 bytes per
// field, pointers into it must stay: the encoder reserves once). Absent strings are left out.
tidings_status wire_send_encode(const struct wire_send *send, struct wire_header *header,
                                struct buf *texts) TIDINGS_NODISCARD; // V2 names
#define R(name, fields)                                                                            \
    tidings_status wire_##name##_decode(const struct wire_header *header, struct wire_##name *ret, \
                                        struct tidings_error *err) TIDINGS_NODISCARD;              \
    tidings_status wire_##name##_encode(const struct wire_##name *request,                         \
                                        struct wire_header *header, struct buf *texts)             \
        TIDINGS_NODISCARD;
WIRE_REQUEST_STRUCTS(R)
#undef R

#endif
