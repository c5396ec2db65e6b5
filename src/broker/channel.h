// SPDX-License-Identifier: Apache-2.0
// What the broker keeps for a connection: the pulls that it holds for it.
#ifndef BROKER_CHANNEL_H
#define BROKER_CHANNEL_H

#include "base/list.h"

enum { CHANNEL_WAITS_MAX = 16384 };

struct channel {
    struct list waits;
    unsigned wait_count;
};

#endif
