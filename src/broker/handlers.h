// SPDX-License-Identifier: Apache-2.0
// One handler per request; the table in dispatch.c is made of these rows: H(code name, function,
// access). Access: CLIENT requests come from producers and consumers, ADMIN requests change or show
// the broker itself.
#ifndef BROKER_HANDLERS_H
#define BROKER_HANDLERS_H

#include "broker/answer.h"

#define BROKER_HANDLER_MAP(H)                                                                      \
    H(SEND_MESSAGE, handle_send, CLIENT)                                                           \
    H(SEND_MESSAGE_V2, handle_send, CLIENT)                                                        \
    H(SEND_BATCH_MESSAGE, handle_send, CLIENT)                                                     \
    H(PULL_MESSAGE, handle_pull, CLIENT)                                                           \
    H(LITE_PULL_MESSAGE, handle_pull, CLIENT)                                                      \
    H(QUERY_CONSUMER_OFFSET, handle_query_offset, CLIENT)                                          \
    H(UPDATE_CONSUMER_OFFSET, handle_update_offset, CLIENT)                                        \
    H(CONSUMER_SEND_MSG_BACK, handle_send_back, CLIENT)                                            \
    H(HEART_BEAT, handle_heartbeat, CLIENT)                                                        \
    H(UNREGISTER_CLIENT, handle_unregister, CLIENT)                                                \
    H(END_TRANSACTION, handle_end_transaction, CLIENT)                                             \
    H(SEND_REPLY_MESSAGE, handle_reply, CLIENT)                                                    \
    H(SEND_REPLY_MESSAGE_V2, handle_reply, CLIENT)                                                 \
    H(GET_CONSUMER_LIST_BY_GROUP, handle_consumer_list, CLIENT)                                    \
    H(LOCK_BATCH_MQ, handle_lock, CLIENT)                                                          \
    H(UNLOCK_BATCH_MQ, handle_unlock, CLIENT)                                                      \
    H(CHECK_CLIENT_CONFIG, handle_check_client, CLIENT)                                            \
    H(GET_ROUTEINFO_BY_TOPIC, handle_route, CLIENT)                                                \
    H(GET_MAX_OFFSET, handle_max_offset, CLIENT)                                                   \
    H(GET_MIN_OFFSET, handle_min_offset, CLIENT)                                                   \
    H(SEARCH_OFFSET_BY_TIMESTAMP, handle_search_offset, CLIENT)                                    \
    H(GET_EARLIEST_MSG_STORETIME, handle_earliest_time, CLIENT)                                    \
    H(VIEW_MESSAGE_BY_ID, handle_view_message, CLIENT)                                             \
    H(QUERY_MESSAGE, handle_query_message, CLIENT)                                                 \
    H(UPDATE_AND_CREATE_TOPIC, handle_create_topic, ADMIN)                                         \
    H(DELETE_TOPIC_IN_BROKER, handle_delete_topic, ADMIN)                                          \
    H(DELETE_TOPIC_IN_NAMESRV, handle_delete_topic_route, ADMIN)                                   \
    H(GET_ALL_TOPIC_CONFIG, handle_topic_configs, ADMIN)                                           \
    H(GET_ALL_TOPIC_LIST_FROM_NAMESERVER, handle_topic_list, ADMIN)                                \
    H(GET_KV_CONFIG, handle_get_kv, ADMIN)                                                         \
    H(DELETE_KV_CONFIG, handle_delete_kv, ADMIN)                                                   \
    H(GET_TOPIC_CONFIG, handle_topic_config, ADMIN)                                                \
    H(GET_TOPIC_STATS_INFO, handle_topic_stats, ADMIN)                                             \
    H(UPDATE_AND_CREATE_SUBSCRIPTIONGROUP, handle_create_group, ADMIN)                             \
    H(DELETE_SUBSCRIPTIONGROUP, handle_delete_group, ADMIN)                                        \
    H(GET_ALL_SUBSCRIPTIONGROUP_CONFIG, handle_group_configs, ADMIN)                               \
    H(GET_SUBSCRIPTIONGROUP_CONFIG, handle_group_config, ADMIN)                                    \
    H(QUERY_TOPIC_CONSUME_BY_WHO, handle_topic_groups, ADMIN)                                      \
    H(GET_CONSUME_STATS, handle_consume_stats, ADMIN)                                              \
    H(GET_CONSUMER_CONNECTION_LIST, handle_consumer_connections, ADMIN)                            \
    H(GET_PRODUCER_CONNECTION_LIST, handle_producer_connections, ADMIN)                            \
    H(INVOKE_BROKER_TO_RESET_OFFSET, handle_reset_offset, ADMIN)                                   \
    H(GET_BROKER_CLUSTER_INFO, handle_cluster_info, ADMIN)                                         \
    H(GET_BROKER_RUNTIME_INFO, handle_runtime_info, ADMIN)                                         \
    H(GET_BROKER_CONFIG, handle_broker_config, ADMIN)                                              \
    H(QUERY_CONSUME_TIME_SPAN, handle_time_span, ADMIN)                                            \
    H(QUERY_TOPICS_BY_CONSUMER, handle_group_topics, ADMIN)                                        \
    H(GET_CONSUMER_RUNNING_INFO, handle_running_info, ADMIN)                                       \
    H(CONSUME_MESSAGE_DIRECTLY, handle_consume_directly, ADMIN)                                    \
    H(RESUME_CHECK_HALF_MESSAGE, handle_resume_check, ADMIN)                                       \
    H(TIDINGS_LIST_TRANSACTIONS, handle_list_transactions, ADMIN)

// Some functions serve several codes; redundant declarations of them are harmless.
#define H(code, function, access) void function(struct request *request);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wredundant-decls"
BROKER_HANDLER_MAP(H)
#pragma GCC diagnostic pop
#undef H

// ---- shared by handlers ----
// The queue a request names; NULL when it was answered (topic unknown 17, queue out of range 1).
struct queue *handler_queue(struct request *request, struct str topic, int32_t queue_id);
// The address of the first offset whose message was stored at or after wall_ms (queue->visible when
// none).
int64_t queue_offset_at(struct broker *broker, struct queue *queue, int64_t wall_ms);
// When the message at an offset was stored; 0 when there is none.
int64_t queue_time_at(struct broker *broker, struct queue *queue, int64_t offset);
// When the newest message of a queue was stored; 0 when there is none.
int64_t queue_last_time(struct broker *broker, struct queue *queue);
// The topic of a send: found, or made by the rules of auto-creation; NULL when it was answered.
struct topic *handler_topic_for_send(struct request *request, struct str topic,
                                     struct str default_topic, int32_t queues);
// A send with TRAN_MSG: stores the half. `append` has topic, message and asker.
tidings_status transaction_send(struct request *request, struct store_append *append,
                                struct tidings_error *err) TIDINGS_NODISCARD;
// A retry or dead letter topic of a group ("%RETRY%" or "%DLQ%" and the group): found or made.
struct topic *handler_group_topic(struct broker *broker, struct str prefix, struct str group,
                                  struct tidings_error *err);

#endif
