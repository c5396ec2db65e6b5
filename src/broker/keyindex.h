// SPDX-License-Identifier: Apache-2.0
// Look-up by key: pairs (hash of the key, position of the record), derived from the log.
//
// New pairs collect in memory (a run); each transaction of the index also appends them to the run's
// part file, without fsync, and stores how many pairs of it count (struct keyindex_state) in the
// same transaction as the position up to which the log is indexed. So after a crash the run in
// memory is read back from the part file exactly as far as the log will not be replayed. When a run
// is large enough it is sorted and written as a file of its own, and FAN_IN of those are merged
// into one: a look-up visits few files, with two or three reads each.
//
// Nothing here is synced: it is derived. When a loss of power took bytes that the database
// remembers, opening notices (checksum of the part, sizes and ranges of the files) and tells the
// gap, which the caller can fill by reading the log again.
//
// Files in the folder, little-endian; the 20 digits are the number of the run, counted from 1:
//   <20 digits>.part   pairs in the order of arrival: u64 hash · i64 position
//   <20 digits>.key    header of 48 bytes, then the pairs sorted by (hash, position)
//   header of .key     "TKEY" · u32 version (1) · u64 pairs · i64 first · i64 end (the positions
//                      covered) · i64 number of the last run inside ·
//                      u32 crc32c of the bytes before · u32 zero
// A change of these layouts raises the version; a file of an unknown version is not read: a gap.
//
// Threads: one writing thread (the index thread); keyindex_collect from any one other thread.
#ifndef BROKER_KEYINDEX_H
#define BROKER_KEYINDEX_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct keyindex;

struct keyindex_pair {
    uint64_t hash;
    int64_t position;
};

// What the transaction keeps of the run in memory.
struct keyindex_state {
    int64_t part_number; // of the run, names its file
    int64_t part_first;  // its keys are of positions from here on
    int64_t part_pairs;  // pairs that count
    uint32_t part_crc;   // crc32c of them
};

// `folder` is made when missing. *ret_gap_from < *ret_gap_to: keys of positions between are (in
// part) unknown.
tidings_status keyindex_open(const char *folder, const struct keyindex_state *state,
                             int64_t position, struct keyindex **ret, int64_t *ret_gap_from,
                             int64_t *ret_gap_to, struct tidings_error *err) TIDINGS_NODISCARD;
void keyindex_close(struct keyindex *keys); // NULL allowed

// ---- within a transaction of the index, in this order ----
// Before the first pair: writes the run as a file when it is large enough. `position` = committed
// so far.
tidings_status keyindex_begin(struct keyindex *keys, int64_t position,
                              struct tidings_error *err) TIDINGS_NODISCARD;
tidings_status keyindex_add(struct keyindex *keys, const struct keyindex_pair *pairs,
                            size_t count) TIDINGS_NODISCARD;
// After the last pair: appends to the part file; *ret goes into the transaction.
tidings_status keyindex_store(struct keyindex *keys, struct keyindex_state *ret,
                              struct tidings_error *err) TIDINGS_NODISCARD;
void keyindex_committed(struct keyindex *keys);
void keyindex_rollback(struct keyindex *keys);

// Between transactions: a piece of upkeep (merging) when there is some; an error costs nothing but
// time later.
tidings_status keyindex_maintain(struct keyindex *keys,
                                 struct tidings_error *err) TIDINGS_NODISCARD;
// Removes files that only cover positions below.
void keyindex_retain(struct keyindex *keys, int64_t position);

// ---- look-up ----
// The newest positions found so far: descending, each once, at most `max`, all below `before`.
struct keyindex_hits {
    uint64_t hash;
    int64_t before;
    int64_t *positions; // room for max
    size_t max;
    size_t count;
};
void keyindex_hit(struct keyindex_hits *hits, int64_t position);
tidings_status keyindex_collect(struct keyindex *keys, struct keyindex_hits *hits,
                                struct tidings_error *err) TIDINGS_NODISCARD;

#endif
