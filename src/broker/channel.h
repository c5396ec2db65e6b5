// SPDX-License-Identifier: Apache-2.0
// What the broker keeps for a connection: the pulls that it holds for it, and the clients that
// speak through it.
#ifndef BROKER_CHANNEL_H
#define BROKER_CHANNEL_H

#include <stdint.h>

#include "base/list.h"

enum { CHANNEL_WAITS_MAX = 16384 };

struct channel {
    uint64_t conn_id;
    struct list waits;
    unsigned wait_count;
    struct list members;   // struct member
    struct list producers; // struct producer
};

#endif
