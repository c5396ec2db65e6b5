// SPDX-License-Identifier: Apache-2.0
// Look-up by key: (hash, position) pairs, one sorted file per finished segment of the log
// (keys/<first position>.key, 16 bytes a pair, ordered by hash then position), the pairs of the
// segment being written in memory. Those also go to keys/current.part, in the order they came,
// without a sync; its valid length is kept by the index in the same transaction as its position.
// After a loss of power it may be shorter: look-up by key then misses messages of that one segment.
#ifndef BROKER_KEYINDEX_H
#define BROKER_KEYINDEX_H
#include "base/error.h"
#include "base/str.h"
struct keyindex;
struct key_pair {
    uint64_t hash;
    int64_t position;
};
tidings_status keyindex_open(const char *folder, int64_t segment_size, int64_t part_len,
                             struct keyindex **ret, struct tidings_error *err) TIDINGS_NODISCARD;
void keyindex_close(struct keyindex *keys);
tidings_status keyindex_add(struct keyindex *keys, const struct key_pair *pairs,
                            size_t count) TIDINGS_NODISCARD;
tidings_status keyindex_persist(struct keyindex *keys, int64_t *ret_part_len,
                                struct tidings_error *err) TIDINGS_NODISCARD;
tidings_status keyindex_find(struct keyindex *keys, uint64_t hash, int64_t before, size_t max,
                             int64_t *ret_positions, size_t *ret_count,
                             struct tidings_error *err) TIDINGS_NODISCARD;
void keyindex_release(struct keyindex *keys, int64_t position);
#endif
