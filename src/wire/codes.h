// SPDX-License-Identifier: Apache-2.0
// Numbers of the protocol: request codes, response codes, languages, system flags, property names.
#ifndef WIRE_CODES_H
#define WIRE_CODES_H

// X(NAME, code): requests we serve, send, or must recognise.
#define WIRE_REQUEST_MAP(X)                                                                        \
    X(SEND_MESSAGE, 10)                                                                            \
    X(PULL_MESSAGE, 11)                                                                            \
    X(QUERY_MESSAGE, 12)                                                                           \
    X(QUERY_CONSUMER_OFFSET, 14)                                                                   \
    X(UPDATE_CONSUMER_OFFSET, 15)                                                                  \
    X(UPDATE_AND_CREATE_TOPIC, 17)                                                                 \
    X(GET_ALL_TOPIC_CONFIG, 21)                                                                    \
    X(GET_BROKER_CONFIG, 26)                                                                       \
    X(GET_BROKER_RUNTIME_INFO, 28)                                                                 \
    X(SEARCH_OFFSET_BY_TIMESTAMP, 29)                                                              \
    X(GET_MAX_OFFSET, 30)                                                                          \
    X(GET_MIN_OFFSET, 31)                                                                          \
    X(GET_EARLIEST_MSG_STORETIME, 32)                                                              \
    X(VIEW_MESSAGE_BY_ID, 33)                                                                      \
    X(HEART_BEAT, 34)                                                                              \
    X(UNREGISTER_CLIENT, 35)                                                                       \
    X(CONSUMER_SEND_MSG_BACK, 36)                                                                  \
    X(END_TRANSACTION, 37)                                                                         \
    X(GET_CONSUMER_LIST_BY_GROUP, 38)                                                              \
    X(CHECK_TRANSACTION_STATE, 39)                                                                 \
    X(NOTIFY_CONSUMER_IDS_CHANGED, 40)                                                             \
    X(LOCK_BATCH_MQ, 41)                                                                           \
    X(UNLOCK_BATCH_MQ, 42)                                                                         \
    X(CHECK_CLIENT_CONFIG, 46)                                                                     \
    X(GET_KV_CONFIG, 101)                                                                          \
    X(DELETE_KV_CONFIG, 102)                                                                       \
    X(GET_ROUTEINFO_BY_TOPIC, 105)                                                                 \
    X(GET_BROKER_CLUSTER_INFO, 106)                                                                \
    X(UPDATE_AND_CREATE_SUBSCRIPTIONGROUP, 200)                                                    \
    X(GET_ALL_SUBSCRIPTIONGROUP_CONFIG, 201)                                                       \
    X(GET_TOPIC_STATS_INFO, 202)                                                                   \
    X(GET_CONSUMER_CONNECTION_LIST, 203)                                                           \
    X(GET_PRODUCER_CONNECTION_LIST, 204)                                                           \
    X(GET_ALL_TOPIC_LIST_FROM_NAMESERVER, 206)                                                     \
    X(DELETE_SUBSCRIPTIONGROUP, 207)                                                               \
    X(GET_CONSUME_STATS, 208)                                                                      \
    X(DELETE_TOPIC_IN_BROKER, 215)                                                                 \
    X(DELETE_TOPIC_IN_NAMESRV, 216)                                                                \
    X(RESET_CONSUMER_CLIENT_OFFSET, 220)                                                           \
    X(INVOKE_BROKER_TO_RESET_OFFSET, 222)                                                          \
    X(QUERY_TOPIC_CONSUME_BY_WHO, 300)                                                             \
    X(QUERY_CONSUME_TIME_SPAN, 303)                                                                \
    X(GET_CONSUMER_RUNNING_INFO, 307)                                                              \
    X(CONSUME_MESSAGE_DIRECTLY, 309)                                                               \
    X(SEND_MESSAGE_V2, 310)                                                                        \
    X(SEND_BATCH_MESSAGE, 320)                                                                     \
    X(RESUME_CHECK_HALF_MESSAGE, 323)                                                              \
    X(SEND_REPLY_MESSAGE, 324)                                                                     \
    X(SEND_REPLY_MESSAGE_V2, 325)                                                                  \
    X(PUSH_REPLY_MESSAGE_TO_CLIENT, 326)                                                           \
    X(QUERY_TOPICS_BY_CONSUMER, 343)                                                               \
    X(GET_TOPIC_CONFIG, 351)                                                                       \
    X(GET_SUBSCRIPTIONGROUP_CONFIG, 352)                                                           \
    X(LITE_PULL_MESSAGE, 361)                                                                      \
    X(TIDINGS_LIST_TRANSACTIONS, 9001) /* ours */

enum wire_request {
#define X(name, code) WIRE_##name = (code),
    WIRE_REQUEST_MAP(X)
#undef X
};

enum wire_response {
    WIRE_SUCCESS = 0,
    WIRE_SYSTEM_ERROR = 1,
    WIRE_SYSTEM_BUSY = 2,
    WIRE_REQUEST_CODE_NOT_SUPPORTED = 3,
    WIRE_MESSAGE_ILLEGAL = 13,
    WIRE_SERVICE_NOT_AVAILABLE = 14,
    WIRE_NO_PERMISSION = 16,
    WIRE_TOPIC_NOT_EXIST = 17,
    WIRE_PULL_NOT_FOUND = 19,
    WIRE_PULL_RETRY_IMMEDIATELY = 20,
    WIRE_PULL_OFFSET_MOVED = 21,
    WIRE_QUERY_NOT_FOUND = 22,
    WIRE_SUBSCRIPTION_PARSE_FAILED = 23,
    WIRE_SUBSCRIPTION_NOT_EXIST = 24,
    WIRE_SUBSCRIPTION_NOT_LATEST = 25,
    WIRE_SUBSCRIPTION_GROUP_NOT_EXIST = 26,
};

enum wire_language {
    WIRE_LANGUAGE_JAVA = 0,
    WIRE_LANGUAGE_CPP = 1,
    WIRE_LANGUAGE_OTHER = 7,
    WIRE_LANGUAGE_GO = 9,
};

enum {
    WIRE_VERSION = 409, // what we declare: 4.9.8

    WIRE_SYS_COMPRESSED = 1,
    WIRE_SYS_MULTI_TAGS = 2,
    WIRE_SYS_TRANSACTION_MASK = 12,
    WIRE_SYS_PREPARED = 4,
    WIRE_SYS_COMMIT = 8,
    WIRE_SYS_ROLLBACK = 12,
    WIRE_SYS_BORN_V6 = 16,
    WIRE_SYS_STORE_V6 = 32,

    WIRE_PULL_COMMIT_OFFSET = 1,
    WIRE_PULL_SUSPEND = 2,
    WIRE_PULL_SUBSCRIPTION = 4,
    WIRE_PULL_CLASS_FILTER = 8,

    WIRE_PERM_READ = 4,
    WIRE_PERM_WRITE = 2,
    WIRE_PERM_INHERIT = 1,
};

// Property names.
#define WIRE_P_KEYS            STR("KEYS")
#define WIRE_P_TAGS            STR("TAGS")
#define WIRE_P_WAIT            STR("WAIT")
#define WIRE_P_DELAY           STR("DELAY")
#define WIRE_P_RETRY_TOPIC     STR("RETRY_TOPIC")
#define WIRE_P_REAL_TOPIC      STR("REAL_TOPIC")
#define WIRE_P_REAL_QID        STR("REAL_QID")
#define WIRE_P_TRAN_MSG        STR("TRAN_MSG")
#define WIRE_P_PGROUP          STR("PGROUP")
#define WIRE_P_ORIGIN_ID       STR("ORIGIN_MESSAGE_ID")
#define WIRE_P_RECONSUME_TIME  STR("RECONSUME_TIME")
#define WIRE_P_MAX_RECONSUME   STR("MAX_RECONSUME_TIMES")
#define WIRE_P_UNIQ_KEY        STR("UNIQ_KEY")
#define WIRE_P_TIMER_DELAY_SEC STR("TIMER_DELAY_SEC")
#define WIRE_P_TIMER_DELAY_MS  STR("TIMER_DELAY_MS")
#define WIRE_P_TIMER_DELIVER   STR("TIMER_DELIVER_MS")
#define WIRE_P_DLQ_TOPIC       STR("DLQ_ORIGIN_TOPIC")
#define WIRE_P_DLQ_ID          STR("DLQ_ORIGIN_MESSAGE_ID")
#define WIRE_P_SHARDING_KEY    STR("__SHARDINGKEY")
#define WIRE_P_REPLY_TO        STR("REPLY_TO_CLIENT")
#define WIRE_P_CLUSTER         STR("CLUSTER")
#define WIRE_P_IMMUNITY        STR("CHECK_IMMUNITY_TIME_IN_SECONDS")

#define WIRE_RETRY_PREFIX  STR("%RETRY%")
#define WIRE_DLQ_PREFIX    STR("%DLQ%")
#define WIRE_DEFAULT_TOPIC STR("TBW102")

#endif
