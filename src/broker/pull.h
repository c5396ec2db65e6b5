// SPDX-License-Identifier: Apache-2.0
// Reading a queue for a consumer: from an offset, filtered by tags, bounded by count and bytes.
#ifndef BROKER_PULL_H
#define BROKER_PULL_H

#include "broker/index.h"
#include "wire/wire.h"

struct broker;
struct expression;
struct queue;

enum {
    PULL_MESSAGES_MAX = 1024,
    PULL_BYTES_MAX = 256 * 1024, // the first message may be larger
    PULL_SCAN_MAX = 16384,       // entries looked at in one request
};

// What an answer needs; see struct asker in asker.h.
struct pull {
    uint64_t conn_id;
    int32_t opaque;
    int32_t code;
    enum wire_serialize serialize;
    int64_t offset;
    int32_t max_messages;
    int32_t max_bytes;
    const struct wire_tags *tags;  // borrowed; waits keep their own copy
    struct expression *expression; // stands above the tags; borrowed; NULL = none
};

// Reads and answers. False when there is nothing to give yet and the pull may be held; then
// pull->offset has moved behind entries that did not match. With `final` it always answers (19 or
// 20).
bool pull_answer(struct broker *broker, struct queue *queue, struct pull *pull, bool final);

#endif
