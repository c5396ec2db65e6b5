// SPDX-License-Identifier: Apache-2.0
// The index of the broker: derived from the log, kept in a database by a thread of its own,
// rebuildable.
//
// The loop hands over what became durable as batches; the index thread applies all that waits in
// one lazy transaction (at most every ~50 ms while there is work), which also stores "indexed up to
// position P". After a crash the log is replayed from P. What is not yet indexed is held by the
// loop (bounded: E_FULL at depth_max entries, then the loop stops reading sockets until batches
// come back).
//
// What it keeps: topics, groups, queues (min and next offset), queue entries in blocks of 128
// offsets (one row each), due rows of delayed messages, consumer offsets, and look-up by key
// (sorted files, one per segment of the log, beside the database).
//
// Threads: everything is called on the loop thread. Completions come by `wake` (from the index
// thread), then index_poll on the loop thread runs the callbacks.
#ifndef BROKER_INDEX_H
#define BROKER_INDEX_H

#include "base/clock.h"
#include "base/error.h"
#include "base/fault.h"
#include "base/log.h"
#include "base/str.h"

struct index;

enum { INDEX_BLOCK = 128 };

// One message of a queue.
struct index_entry {
    int64_t position; // of its record in the log
    uint32_t size;    // of the stored message
    int32_t tag_code; // str_java_hash of TAGS, 0 when untagged
};

// queue key = topic id << 16 | queue id; topic ids are given by the broker, count from 1, never
// used again.
static inline int64_t index_queue_key(int64_t topic_id, int32_t queue_id)
{
    return (topic_id << 16) | (int64_t)queue_id;
}

struct index_retry {   // retry settings of a topic or group
    char ladder[1024]; // text, "" = default
    int64_t window_ms; // -1 = default
    int32_t limit;     // -1 = default
};
struct index_topic {
    int64_t id;
    char name[256];
    int32_t read_queues;
    int32_t write_queues;
    int32_t perm;
    struct index_retry retry;
};
struct index_group {
    char name[256];
    bool consume_enabled;
    bool broadcast_enabled;
    bool notify_enabled; // members are told when others come and go
    struct index_retry retry;
};
struct index_due {
    int64_t due_ms;
    int64_t position; // of the DELAYED record
    int64_t queue_key;
    uint32_t size;
    int32_t tag_code;
};

// A half message that is not yet decided.
struct index_half {
    int64_t position; // of its HALF record
    int64_t next_check_ms;
    uint64_t group_hash; // str_hash of its producer group
    int32_t checks;      // done so far
    bool parked;         // it ran out of checks: nobody is asked any more
};

// ---- open: tells everything small at once ----
struct index_loader {
    tidings_status (*topic)(void *arg, const struct index_topic *topic);
    tidings_status (*queue)(void *arg, int64_t queue_key, int64_t min_offset, int64_t next_offset);
    tidings_status (*group)(void *arg, const struct index_group *group);
    tidings_status (*offset)(void *arg, struct str group, struct str topic, int32_t queue_id,
                             int64_t offset);
    // A deleted topic whose rows are not all gone yet: its id is still taken. May be NULL.
    tidings_status (*topic_gone)(void *arg, int64_t topic_id);
    tidings_status (*half)(void *arg, const struct index_half *half); // may be NULL
};
struct index_options {
    const char *folder;   // database index.db and folder keys/ inside
    int64_t segment_size; // of the log: key files are cut by it
    size_t depth_max;     // entries handed over and not yet indexed
    const struct clock *clock;
    struct fault *fault;
    struct log *log;         // errors of the index thread, at most one line a second each
    void (*wake)(void *arg); // from the index thread
    void *wake_arg;
};
// *ret_position = indexed up to. A database that is damaged or of a newer schema is an error that
// says what to do (the index may be deleted: it is rebuilt from the log; consumer offsets and
// settings older than the log's retention are then lost).
tidings_status index_open(const struct index_options *options, const struct index_loader *loader,
                          void *arg, struct index **ret, int64_t *ret_position,
                          struct tidings_error *err) TIDINGS_NODISCARD;
// Applies all that was handed over, then stops. NULL allowed.
void index_close(struct index *index);

// ---- writing: fill a batch, submit it ----
struct index_batch;
// A recycled or new batch; NULL when out of memory. Belongs to the caller until submitted.
struct index_batch *index_batch_take(struct index *index);
void index_batch_drop(struct index *index, struct index_batch *batch); // unsubmitted
// Room for so many additions, which then cannot fail: all of it, or E_NO_MEMORY.
struct index_room {
    size_t entries, keys, dues, halves;
    size_t settings; // topics and groups, with names of groups to delete of name_len bytes together
    size_t name_len;
};
tidings_status index_batch_reserve(struct index_batch *batch,
                                   const struct index_room *room) TIDINGS_NODISCARD;
tidings_status index_batch_entry(struct index_batch *batch, int64_t queue_key, int64_t offset,
                                 const struct index_entry *entry) TIDINGS_NODISCARD;
tidings_status index_batch_key(struct index_batch *batch, uint64_t key_hash,
                               int64_t position) TIDINGS_NODISCARD;
tidings_status index_batch_due_add(struct index_batch *batch,
                                   const struct index_due *due) TIDINGS_NODISCARD;
tidings_status index_batch_due_remove(struct index_batch *batch, int64_t due_ms,
                                      int64_t position) TIDINGS_NODISCARD;
// A half that is new, or whose checks changed; and one that was decided.
tidings_status index_batch_half(struct index_batch *batch, const struct index_half *half,
                                bool fresh) TIDINGS_NODISCARD;
tidings_status index_batch_half_remove(struct index_batch *batch,
                                       int64_t position) TIDINGS_NODISCARD;
tidings_status index_batch_topic(struct index_batch *batch, const struct index_topic *topic)
    TIDINGS_NODISCARD; // insert or replace
tidings_status index_batch_topic_delete(struct index_batch *batch, int64_t topic_id)
    TIDINGS_NODISCARD; // its queues, blocks, due rows and offsets go too (the blocks in pieces)
tidings_status index_batch_group(struct index_batch *batch,
                                 const struct index_group *group) TIDINGS_NODISCARD;
tidings_status index_batch_group_delete(struct index_batch *batch, struct str name,
                                        bool with_offsets) TIDINGS_NODISCARD;
tidings_status index_batch_offset(struct index_batch *batch, struct str group, struct str topic,
                                  int32_t queue_id, int64_t offset) TIDINGS_NODISCARD;
// Hands over; `position` = the log is covered up to here by this and all earlier batches. Always
// succeeds.
void index_submit(struct index *index, struct index_batch *batch, int64_t position);
// True while depth_max is passed: stop taking in.
bool index_is_full(const struct index *index);
size_t index_depth(const struct index *index);
int64_t index_position(const struct index *index); // committed up to

// ---- requests answered through index_poll, in order with the batches before them ----
// The next `max` due rows after (due_ms, position), in order of (due_ms, position).
tidings_status index_load_due(struct index *index, int64_t after_due_ms, int64_t after_position,
                              size_t max) TIDINGS_NODISCARD;
// Retention: messages before `position` are to go, but nothing that a due row still needs: the
// answer's `position` is the least of both; blocks below are deleted and the queues' new min
// offsets told.
tidings_status index_retain(struct index *index, int64_t position) TIDINGS_NODISCARD;

struct index_handlers {
    // Each entry of an applied batch: the loop may forget it.
    void (*indexed)(void *arg, int64_t queue_key, int64_t offset);
    // Answer to index_load_due; `more` = there are further rows behind.
    void (*due)(void *arg, const struct index_due *rows, size_t count, bool more);
    // Answer to index_retain, after its transaction was committed; `min` per changed queue first.
    void (*min)(void *arg, int64_t queue_key, int64_t min_offset);
    void (*retained)(void *arg, int64_t position);
};
void index_poll(struct index *index, const struct index_handlers *handlers, void *arg);

// ---- reading (loop thread, own connection, cached blocks) ----
// Entries of a queue from `offset` on, at most `max` and at most to the end of its block;
// *ret_count = 0 when not indexed. Slots that hold nothing have position -1.
tidings_status index_read(struct index *index, int64_t queue_key, int64_t offset, size_t max,
                          struct index_entry *ret_entries, size_t *ret_count,
                          struct tidings_error *err) TIDINGS_NODISCARD;
// Positions of records whose key hash is `key_hash`, newest first, at most `max`, below `before`
// (INT64_MAX for all). Hashes may collide: the caller compares the message. Covers what was
// submitted, not only what is committed.
tidings_status index_find_key(struct index *index, uint64_t key_hash, int64_t before, size_t max,
                              int64_t *ret_positions, size_t *ret_count,
                              struct tidings_error *err) TIDINGS_NODISCARD;
// True when a loss of power took keys of records with from <= position < to (they are derived and
// not synced): feed them again with index_batch_key, or leave it: only look-up by key misses them.
bool index_keys_gap(const struct index *index, int64_t *ret_from, int64_t *ret_to);
// Rows in the due table now (committed), for metrics.
int64_t index_due_count(struct index *index);

#endif
