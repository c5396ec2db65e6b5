// SPDX-License-Identifier: Apache-2.0
// Topics and their queues in memory: configuration, offsets, and the newest entries of each queue
// (the tail), which are kept until the index has them.
#ifndef BROKER_TOPIC_H
#define BROKER_TOPIC_H

#include "base/list.h"
#include "base/map.h"
#include "broker/index.h"

struct topic;

struct queue {
    struct topic *topic;
    int32_t id;
    int64_t key;              // index_queue_key
    int64_t min;              // first offset still kept
    int64_t visible;          // durable: consumers see offsets below it
    int64_t next;             // assigned; what lies between is on its way to the disk
    int64_t indexed;          // offsets below it are in the index
    struct index_entry *tail; // ring with the entries [tail_first, visible)
    size_t tail_size;         // power of two, or 0
    int64_t tail_first;
    struct list waits; // held pulls, see wait.h
    bool woken;        // is in the list of queues with news
    struct list woken_node;
};

struct topic {
    struct index_topic config;
    bool logged;       // its settings are in the log (or on their way)
    int64_t logged_at; // where; 0 = before this process began
    bool deleting;     // goes when that is durable
    int32_t queue_count;
    struct queue *queues;
};

struct topics {
    struct map by_name;
    struct topic **by_id; // index = id, NULL where deleted
    size_t id_size;
    int64_t next_id;
};

tidings_status topics_init(struct topics *topics, size_t max) TIDINGS_NODISCARD;
void topics_deinit(struct topics *topics);
struct topic *topics_find(const struct topics *topics, struct str name); // NULL when absent
struct topic *topics_find_id(const struct topics *topics, int64_t id);
struct queue *topics_find_queue(const struct topics *topics, int64_t queue_key);
size_t topics_count(const struct topics *topics);
// Adds a topic with these settings (id 0 = give it the next one), or changes the settings of the
// one with that name: queues may be added, never taken away (fewer read or write queues only hide
// them).
tidings_status topics_put(struct topics *topics, const struct index_topic *config,
                          struct topic **ret) TIDINGS_NODISCARD;
// Makes room for at least `count` queues, hidden ones included: at start, as the index tells them.
tidings_status topic_grow(struct topic *topic, int32_t count) TIDINGS_NODISCARD;
void topics_remove(struct topics *topics, struct topic *topic); // frees it

// RocketMQ's names for its own use: nobody sends to them or makes them.
bool topic_is_reserved(struct str name);

// ---- queues ----
// The next entry became durable: visible goes up by one. E_NO_MEMORY leaves the queue unchanged.
tidings_status queue_publish(struct queue *queue,
                             const struct index_entry *entry) TIDINGS_NODISCARD;
// Offsets below were indexed: forgets entries, but for a few at the tip.
void queue_indexed(struct queue *queue, int64_t offset);
// Entry of an offset in the tail; NULL when it is not there any more (ask the index).
const struct index_entry *queue_tail_entry(const struct queue *queue, int64_t offset);

#endif
