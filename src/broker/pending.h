// SPDX-License-Identifier: Apache-2.0
// What was appended to the log and is not yet durable. Private to store*.c.
#ifndef BROKER_PENDING_H
#define BROKER_PENDING_H

#include "broker/internal.h"

enum pending_kind {
    PENDING_MESSAGE,
    PENDING_DELAYED,
    PENDING_DELIVER,
    PENDING_TOPIC,
    PENDING_TOPIC_DELETED,
    PENDING_GROUP,
    PENDING_GROUP_DELETED,
    PENDING_HALF,
    PENDING_COMMIT,
    PENDING_ROLLBACK,
    PENDING_HALF_STATE,
};

struct pending {
    enum pending_kind kind;
    bool has_asker;
    bool with_offsets;
    bool parked; // of a half
    int32_t checks;
    uint32_t key_count; // hashes in the ring of keys
    uint32_t batch_count;
    int64_t position; // of the record in the log
    int64_t queue_key;
    union {
        int64_t offset;
        uint64_t group_hash; // of a half
    };
    int64_t due_ms; // of a half: of its next check
    int64_t half;   // position of the half that is decided, moved or changed; 0 = none
    struct index_entry entry;
    struct asker asker;
    char *name; // group events; owned
};

static inline struct pending *pending_at(struct store *store, uint64_t number)
{
    return &store->ring[number & (store->size - 1)];
}

// Publishes a durable record and answers its asker. E_NO_MEMORY: nothing happened, it may be tried
// again.
tidings_status store_publish(struct broker *broker, uint64_t number) TIDINGS_NODISCARD;

#endif
