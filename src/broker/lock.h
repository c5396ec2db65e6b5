// SPDX-License-Identifier: Apache-2.0
// Locks of queues for orderly consumers (codes 41, 42): one client of a group holds a queue for 60
// seconds after it last asked. In memory: after a restart the first to ask gets it, as on RocketMQ.
#ifndef BROKER_LOCK_H
#define BROKER_LOCK_H

#include "base/map.h"

enum { LOCK_LIVE_MS = 60 * 1000, LOCKS_MAX = 1 << 20 };

struct locks {
    struct map by_queue; // "group\x01topic\x01queue id"
};

void locks_init(struct locks *locks);
void locks_deinit(struct locks *locks);
// True when the client holds the lock now (it had it, it was free, or the holder's time is over).
bool locks_take(struct locks *locks, struct str group, struct str topic, int32_t queue_id,
                struct str client_id, int64_t now_us);
// Gives it back if the client holds it.
void locks_give(struct locks *locks, struct str group, struct str topic, int32_t queue_id,
                struct str client_id);
// Forgets what is over its time.
void locks_expire(struct locks *locks, int64_t now_us);

#endif
