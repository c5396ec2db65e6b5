// SPDX-License-Identifier: Apache-2.0
// JSON bodies of the protocol: heartbeat, route, lists, locks. Decoders return heap objects with
// their own copies of all strings (free with the matching _free, NULL allowed); all counts are
// bounded: a body may have WIRE_BODY_MAX bytes, 32 levels and 262,144 values, and each list the
// number of items below. Decoders answer E_PROTOCOL for what is not such a body, E_TOO_LARGE beyond
// a limit, E_NO_MEMORY.
#ifndef WIRE_BODIES_H
#define WIRE_BODIES_H

#include "wire/wire.h"

enum {
    WIRE_BODY_MAX = 4 * 1024 * 1024,
    WIRE_SUBSCRIPTIONS_MAX = 1024, // per consumer group in a heartbeat
    WIRE_GROUPS_MAX = 256,         // producer and consumer groups each in a heartbeat
    WIRE_LOCKS_MAX = 4096,         // queues in a lock request, rows of an offset table
    WIRE_IDS_MAX = 16384,          // members in the list of a group
    WIRE_BROKERS_MAX = 256,        // in a route
};

enum wire_model { WIRE_CLUSTERING, WIRE_BROADCASTING };
enum wire_from_where { WIRE_FROM_LAST, WIRE_FROM_FIRST, WIRE_FROM_TIMESTAMP };

struct wire_subscription {
    char *topic;
    char *expression;      // subString, "*" when absent
    char *expression_type; // "TAG" when absent, or "SQL92"
    int64_t version;       // subVersion
};
struct wire_consumer_data {
    char *group;
    enum wire_model model;
    enum wire_from_where from_where;
    bool active; // CONSUME_ACTIVELY (pull consumer)
    unsigned subscription_count;
    struct wire_subscription *subscriptions;
};
struct wire_heartbeat {
    char *client_id;
    unsigned producer_count;
    char **producer_groups;
    unsigned consumer_count;
    struct wire_consumer_data *consumers;
};
// Accepts enum names and ordinals, codeSet of any kind (ignored), missing optional members.
tidings_status wire_heartbeat_decode(struct str body, struct wire_heartbeat **ret,
                                     struct tidings_error *err) TIDINGS_NODISCARD;
void wire_heartbeat_free(struct wire_heartbeat *heartbeat);
// For the client; tag sets and codes are computed from the expressions.
tidings_status wire_heartbeat_encode(const struct wire_heartbeat *heartbeat,
                                     struct buf *out) TIDINGS_NODISCARD;

// Route of a topic (code 105).
struct wire_route_queue {
    char *broker;
    int32_t read_queues;
    int32_t write_queues;
    int32_t perm;
};
struct wire_route_broker {
    char *cluster;
    char *broker;
    char *master; // address of broker id 0 "host:port", or NULL
};
struct wire_route {
    char *order_conf; // or NULL
    unsigned queue_count;
    struct wire_route_queue *queues;
    unsigned broker_count;
    struct wire_route_broker *brokers;
};
// Also reads the old dialect with unquoted integer keys ({0:"addr"}).
tidings_status wire_route_decode(struct str body, struct wire_route **ret,
                                 struct tidings_error *err) TIDINGS_NODISCARD;
void wire_route_free(struct wire_route *route);
// Compact, keys quoted, no spaces (the Go client cuts it by hand).
tidings_status wire_route_encode(const struct wire_route *route, struct buf *out) TIDINGS_NODISCARD;

// {"consumerIdList":[…]} (code 38).
tidings_status wire_id_list_encode(const char *const *ids, size_t count,
                                   struct buf *out) TIDINGS_NODISCARD;
struct wire_id_list {
    unsigned count;
    char **ids;
};
tidings_status wire_id_list_decode(struct str body, struct wire_id_list **ret,
                                   struct tidings_error *err) TIDINGS_NODISCARD;
void wire_id_list_free(struct wire_id_list *list);

// Lock requests and answers (codes 41, 42).
struct wire_queue_ref {
    char *topic;
    char *broker;
    int32_t queue_id;
};
struct wire_lock {
    char *group;     // NULL in answers
    char *client_id; // NULL in answers
    unsigned count;
    struct wire_queue_ref *queues;
};
tidings_status wire_lock_decode(struct str body, struct wire_lock **ret, struct tidings_error *err)
    TIDINGS_NODISCARD; // reads "mqSet" and "lockOKMQSet"
void wire_lock_free(struct wire_lock *lock);
tidings_status wire_lock_encode(const struct wire_lock *lock,
                                struct buf *out) TIDINGS_NODISCARD; // mqSet
tidings_status wire_locked_encode(const struct wire_lock *locked,
                                  struct buf *out) TIDINGS_NODISCARD; // lockOKMQSet

// Body of 220: {"offsetTable":{ {mq}:offset … }} (object keys, RocketMQ's dialect) or the list form
// that C++ clients get: {"offsetTable":[{"brokerName":…,"offset":n,"queueId":…,"topic":…}…]}.
// Decode reads both, and what other encoders make of the map: [[{mq},offset]…] and
// [{"queue":{mq},"offset":n}…].
struct wire_queue_offset {
    struct wire_queue_ref queue;
    int64_t offset;
};
struct wire_offset_table {
    unsigned count;
    struct wire_queue_offset *rows;
};
tidings_status wire_offset_table_encode(const struct wire_offset_table *table, bool list_form,
                                        struct buf *out) TIDINGS_NODISCARD;
tidings_status wire_offset_table_decode(struct str body, struct wire_offset_table **ret,
                                        struct tidings_error *err) TIDINGS_NODISCARD;
void wire_offset_table_free(struct wire_offset_table *table);
// Turns RocketMQ's dialect (unquoted integer keys, objects as keys) into plain JSON: an unquoted
// integer key is quoted, an object key becomes a string holding its text. For clients that read
// admin answers.
tidings_status wire_json_normalise(struct str body, struct buf *out,
                                   struct tidings_error *err) TIDINGS_NODISCARD;

#endif
