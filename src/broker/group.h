// SPDX-License-Identifier: Apache-2.0
// Clients and consumer groups: who is there (heartbeats), what they subscribe to, how far they have
// read.
#ifndef BROKER_GROUP_H
#define BROKER_GROUP_H

#include "base/list.h"
#include "base/map.h"
#include "broker/index.h"
#include "wire/bodies.h"

struct broker;
struct channel;

enum {
    GROUP_MEMBERS_MAX = 4096,
    CLIENTS_MAX = 65536,
    CLIENT_EXPIRE_MS = 120 * 1000, // without a heartbeat, as RocketMQ
};

struct subscription {
    char *topic;
    char *expression;
    char *expression_type;
    int64_t version;
};

// A client id in a consumer group.
struct member {
    struct list node; // in its group
    char *client_id;
    uint64_t conn_id; // of the last heartbeat: where pushes go
    int64_t seen_ms;
    int32_t language;
    int32_t version;
    struct list in_channel;
    struct group *group;
};

struct group {
    struct index_group config;
    bool logged;
    int64_t logged_at; // where its settings are in the log; 0 = before this process began
    bool changed;      // its members are to be told: in the list of changed groups
    struct list in_changed;
    struct list members;
    size_t member_count;
    enum wire_model model;
    enum wire_from_where from_where;
    bool active;
    struct subscription *subscriptions;
    size_t subscription_count;
    struct map offsets; // topic → struct group_offsets
    // rates.h: sum of the offsets when they were measured last, and how fast it grew before
    int64_t measured_sum;
    int64_t measured_us;
    double per_second;
};

struct group_offsets {
    int32_t count;
    int64_t *offsets; // by queue id, -1 = none stored
    bool *dirty;
};

// A client id in a producer group.
struct producer {
    struct list node;
    char *client_id;
    uint64_t conn_id;
    int64_t seen_ms;
    int32_t language;
    int32_t version;
    struct list in_channel;
    struct producer_group *group;
};
struct producer_group {
    char *name;
    struct list producers;
    size_t count;
};

struct groups {
    struct map by_name;   // struct group
    struct map kept;      // struct group: deleted, but its offsets come back with the name
    struct list changed;  // groups whose members are to be told at the end of the turn
    struct map producers; // struct producer_group
    size_t client_count;  // members and producers together
    size_t dirty_count;   // offsets not yet handed to the index
};

void groups_init(struct groups *groups, size_t max);
void groups_deinit(struct groups *groups);
struct group *groups_find(const struct groups *groups, struct str name);
tidings_status groups_put(struct groups *groups, const struct index_group *config,
                          struct group **ret) TIDINGS_NODISCARD;
// Without its offsets they are kept for a group that takes the name again.
void groups_remove(struct groups *groups, struct str name, bool with_offsets);
// The topic is deleted: what was read of it is forgotten.
void groups_forget_topic(struct groups *groups, struct str topic);
struct subscription *group_subscription(const struct group *group, struct str topic);
// Finds the group, or makes it with default settings (and its retry topic): what a heartbeat does.
tidings_status groups_ensure(struct broker *broker, struct str name, struct group **ret,
                             struct tidings_error *err) TIDINGS_NODISCARD;

// Writes settings to the log that it refused before.
void groups_relog(struct broker *broker);

// The connection of a producer with this client id, 0 when there is none.
uint64_t groups_find_producer(const struct groups *groups, struct str client_id);

// ---- heartbeats ----
// Takes in a heartbeat; groups whose membership or subscription changed are told (push 40).
tidings_status groups_heartbeat(struct broker *broker, const struct wire_heartbeat *heartbeat,
                                struct channel *channel, int32_t language, int32_t version,
                                struct tidings_error *err) TIDINGS_NODISCARD;
// The client leaves these groups (either may be empty).
void groups_leave(struct broker *broker, struct str client_id, struct str producer_group,
                  struct str consumer_group);
void groups_channel_closed(struct broker *broker, struct channel *channel);
void groups_expire(struct broker *broker, int64_t now_ms);
// Tells the members of the groups that changed in this turn (push 40): once, however many came or
// went.
void groups_tell(struct broker *broker);

// ---- offsets ----
// -1 when none is stored.
int64_t group_offset(const struct group *group, struct str topic, int32_t queue_id);
tidings_status groups_set_offset(struct broker *broker, struct group *group, struct str topic,
                                 int32_t queue_id, int64_t offset) TIDINGS_NODISCARD;
// At start: as the index tells it.
tidings_status groups_load_offset(struct groups *groups, struct str group, struct str topic,
                                  int32_t queue_id, int64_t offset) TIDINGS_NODISCARD;
// Changed offsets go into the index batch (every 200 ms at most, and at the end).
void groups_flush_offsets(struct broker *broker);

#endif
