// SPDX-License-Identifier: Apache-2.0
// How often: credit in microseconds that grows with time and that each request takes a part of, and
// the table of peers whose keys were wrong. Not safe for several threads. Private to the room.
#ifndef API_LIMIT_H
#define API_LIMIT_H

#include "base/str.h"

// Takes `cost_us` of a credit that grows to `most_us`; false when there is not so much.
bool api_limit_take(int64_t *credit_us, int64_t *seen_us, int64_t now_us, int64_t cost_us,
                    int64_t most_us);

enum {
    API_PEERS = 4096,        // that are remembered; beyond it the one seen longest ago is forgotten
    API_PEERS_WAYS = 8,      // places that one may lie in
    API_FAILURES_BURST = 20, // wrong keys at once, then one a second
};
struct api_peer {
    uint64_t hash; // 0 = free
    int64_t credit_us;
    int64_t seen_us;
};
struct api_peers {
    struct api_peer peers[API_PEERS];
};
// A wrong key came from this address (text; IPv6 counts by its first 64 bits). False when too many
// did.
bool api_peers_failed(struct api_peers *peers, const char *address, int64_t now_us);

#endif
