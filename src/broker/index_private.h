// SPDX-License-Identifier: Apache-2.0
// What the files of the index share. Three owners: the loop thread (reader, pool of batches,
// depth), the index thread (struct index_writer and all it points to), and what is handed over
// between them under `lock`.
#ifndef BROKER_INDEX_PRIVATE_H
#define BROKER_INDEX_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/list.h"
#include "broker/index.h"
#include "broker/keyindex.h"
#include "db/db.h"

enum {
    INDEX_PACE_MS = 50,           // a transaction collects for so long
    INDEX_RETRY_MS = 1000,        // after an error
    INDEX_TX_OPS = 64 * 1024,     // a transaction takes no further batch from here on
    INDEX_BATCH_MAX = 256 << 20,  // bytes of one kind in one batch
    INDEX_POOL_MAX = 256,         // recycled batches
    INDEX_POOL_BATCH = 64 * 1024, // a larger batch is freed
    INDEX_REQUESTS_MAX = 64,      // not yet answered
    INDEX_SLOTS_MAX = 1024,       // queues with an open block at the writer, 2 KiB each
    INDEX_CACHED_MAX = 512,       // blocks cached for reading, 2 KiB each
    INDEX_PIECE_BLOCKS =
        256,                 // blocks looked at or deleted per piece of retention or topic deletion
    INDEX_PIECE_DUE = 8192,  // due rows looked at per piece of topic deletion
    INDEX_SEGMENTS_MAX = 64, // changed counts of due rows held back before they are written
};

// ---- work handed over ----
enum index_work_kind { INDEX_WORK_BATCH, INDEX_WORK_LOAD_DUE, INDEX_WORK_RETAIN };

struct index_work {
    struct index_work *next;
    enum index_work_kind kind;
    size_t ops; // entries, keys, due rows, settings
};

struct index_batch {
    struct index_work work;
    struct index_batch *newer; // loop thread: submitted and not yet back
    int64_t position;
    size_t depth;        // what index_depth counts of it
    struct buf entries;  // struct index_put
    struct buf keys;     // struct keyindex_pair
    struct buf dues;     // struct index_due_change
    struct buf halves;   // struct index_half_change
    struct buf settings; // struct index_setting
    struct buf texts;    // bytes the settings refer to
};
struct index_put {
    int64_t queue_key;
    int64_t offset;
    struct index_entry entry;
};
struct index_due_change {
    struct index_due row;
    bool remove;
};
struct index_half_change {
    struct index_half row;
    size_t order; // within the transaction
    bool fresh;   // the half is new
    bool remove;
};
enum index_setting_kind {
    INDEX_SET_TOPIC,        // text a = struct index_topic
    INDEX_SET_TOPIC_DELETE, // value = id
    INDEX_SET_GROUP,        // text a = struct index_group
    INDEX_SET_GROUP_DELETE, // text a = name, value = with offsets
    INDEX_SET_OFFSET,       // text a = group, text b = topic, value = offset
};
struct index_setting {
    enum index_setting_kind kind;
    int32_t queue_id;
    int64_t value;
    size_t text_at;
    size_t a_len;
    size_t b_len;
};

// A request; when it is done it carries its answer.
struct index_request {
    struct index_work work;
    // load due: after (due_ms, position), at most max
    int64_t due_ms;
    int64_t position; // retain: in, and out
    size_t max;
    bool more;
    struct buf rows; // struct index_due
    // retain: goes over the queues in pieces
    bool started;
    bool finished;
    int64_t queue_key; // the last one that is done
    struct buf mins;   // struct index_min
};
struct index_min {
    int64_t queue_key;
    int64_t min_offset;
};

// ---- statements (index_schema.c) ----
// X(NAME, "text")
#define INDEX_STATEMENT_MAP(X)                                                                     \
    X(STATE_PUT, "UPDATE state SET position = ?, next_ref = ?, due_rows = ?, "                     \
                 "part_number = ?, part_first = ?, part_pairs = ?, part_crc = ? WHERE id = 1")     \
    X(BLOCK_GET, "SELECT data FROM block WHERE id = ?")                                            \
    X(BLOCKS_GET, "SELECT id, data FROM block WHERE id >= ? AND id < ? ORDER BY id")               \
    X(BLOCKS_DELETE, "DELETE FROM block WHERE id >= ? AND id < ?")                                 \
    X(QUEUE_GET, "SELECT ref, min_offset, next_offset FROM queue WHERE queue_key = ?")             \
    X(QUEUE_AFTER, "SELECT queue_key, ref, min_offset, next_offset FROM queue "                    \
                   "WHERE queue_key > ? ORDER BY queue_key LIMIT 1")                               \
    X(QUEUE_MIN, "UPDATE queue SET min_offset = ? WHERE queue_key = ?")                            \
    X(QUEUES_DELETE, "DELETE FROM queue WHERE queue_key >= ? AND queue_key < ?")                   \
    X(DUE_REMOVE, "DELETE FROM due WHERE due_ms = ? AND position = ?")                             \
    X(DUE_AFTER, "SELECT due_ms, position, queue_key, size, tag_code FROM due "                    \
                 "WHERE (due_ms, position) > (?, ?) ORDER BY due_ms, position")                    \
    X(SEGMENT_CHANGE, "UPDATE due_segment SET due_rows = due_rows + ? WHERE segment = ?")          \
    X(SEGMENT_NEW, "INSERT INTO due_segment (due_rows, segment) VALUES (?, ?)")                    \
    X(SEGMENT_CLEAN, "DELETE FROM due_segment WHERE segment = ? AND due_rows <= 0")                \
    X(SEGMENT_MIN, "SELECT MIN(segment) FROM due_segment")                                         \
    X(TOPIC_NAME, "SELECT name FROM topic WHERE id = ?")                                           \
    X(TOPIC_DELETE, "DELETE FROM topic WHERE id = ?")                                              \
    X(GROUP_DELETE, "DELETE FROM consumer_group WHERE name = ?")                                   \
    X(GROUP_OFFSETS_DELETE, "DELETE FROM consumer_offset WHERE group_name = ?")                    \
    X(TOPIC_OFFSETS_DELETE, "DELETE FROM consumer_offset WHERE topic_name = ?")                    \
    X(TRASH_QUEUES, "INSERT INTO trash_queue (ref) SELECT ref FROM queue "                         \
                    "WHERE queue_key >= ? AND queue_key < ?")                                      \
    X(TRASH_QUEUE_GET, "SELECT MIN(ref) FROM trash_queue")                                         \
    X(TRASH_QUEUE_DELETE, "DELETE FROM trash_queue WHERE ref = ?")                                 \
    X(TRASH_TOPIC_GET, "SELECT topic_id, due_ms, position FROM trash_topic "                       \
                       "ORDER BY topic_id LIMIT 1")                                                \
    X(TRASH_TOPIC_HAS, "SELECT 1 FROM trash_topic WHERE topic_id = ?")                             \
    X(TRASH_TOPIC_DELETE, "DELETE FROM trash_topic WHERE topic_id = ?")                            \
    X(HALF_REMOVE, "DELETE FROM half WHERE position = ?")

// X(NAME, "table", number of key columns, columns...)
#define INDEX_UPSERT_MAP(X)                                                                        \
    X(BLOCK_PUT, "block", 1, "id", "data")                                                         \
    X(QUEUE_PUT, "queue", 1, "queue_key", "ref", "min_offset", "next_offset")                      \
    X(DUE_ADD, "due", 5, "due_ms", "position", "queue_key", "size", "tag_code")                    \
    X(TOPIC_PUT, "topic", 1, "id", "name", "read_queues", "write_queues", "perm", "ladder",        \
      "window_ms", "retry_limit")                                                                  \
    X(GROUP_PUT, "consumer_group", 1, "name", "consume_enabled", "broadcast_enabled", "ladder",    \
      "window_ms", "retry_limit", "notify_enabled")                                                \
    X(OFFSET_PUT, "consumer_offset", 3, "group_name", "topic_name", "queue_id", "next_offset")     \
    X(TRASH_TOPIC_PUT, "trash_topic", 1, "topic_id", "due_ms", "position")                         \
    X(HALF_PUT, "half", 1, "position", "next_check_ms", "group_hash", "checks", "parked")

enum index_statement {
#define X(name, text) INDEX_##name,
    INDEX_STATEMENT_MAP(X)
#undef X
#define X(name, ...) INDEX_##name,
        INDEX_UPSERT_MAP(X)
#undef X
            INDEX_STATEMENTS
};

// ---- the index thread's side ----
// The row of table `state`.
struct index_state {
    int64_t position;
    int64_t next_ref;
    int64_t due_rows;
    struct keyindex_state keys;
};

// A queue that is being written to: its row and its open block.
struct index_slot {
    struct index_slot *chain; // of the bucket
    struct list node;         // newest use first
    int64_t queue_key;
    int64_t ref; // short number of the queue in block ids
    int64_t min_offset;
    int64_t next_offset;
    int64_t number; // of the open block, -1 = none
    size_t count;   // entries in it
    bool queue_changed;
    bool block_changed;
    struct index_entry entries[INDEX_BLOCK];
};

struct index_writer {
    struct db *db;
    struct db_stmt *statements[INDEX_STATEMENTS];
    struct keyindex *keys;
    int64_t segment_size;
    struct index_state state;     // with what the transaction has changed
    struct index_state committed; // as in the database

    struct index_slot *buckets[INDEX_SLOTS_MAX];
    struct list slots;
    size_t slot_count;
    struct index_slot *spare; // kept by a rollback

    struct buf halves; // struct index_half_change of this transaction
    struct buf dues;   // struct index_due_change of this transaction
    struct {           // changed counts of due rows
        int64_t segment;
        int64_t rows;
    } segments[INDEX_SEGMENTS_MAX];
    size_t segment_count;
    bool has_trash; // deleted topics not yet cleared away
};

struct index_reader;

struct index {
    struct index_options options;
    char *folder;
    struct index_writer writer; // index thread

    // loop thread
    struct index_reader *reader;
    struct index_batch *oldest; // submitted, not yet back
    struct index_batch *newest;
    struct index_batch *pool;
    size_t pool_count;
    size_t depth;
    size_t requests;
    int64_t submitted; // highest position handed over

    // handed over
    pthread_mutex_t lock;
    pthread_cond_t work;
    struct index_work *waiting_first;
    struct index_work *waiting_last;
    size_t waiting_ops;
    size_t waiting_requests;
    struct index_work *done_first;
    struct index_work *done_last;
    bool idle; // the thread waits for anything; else only for what is urgent
    bool stopping;
    pthread_t thread;
    bool started;

    _Atomic int64_t position;
    _Atomic int64_t due_count;
    int64_t keys_gap_from;
    int64_t keys_gap_to;
};

static inline int64_t index_block_id(int64_t ref, int64_t number)
{
    return (ref << 32) | number;
}

// ---- index_schema.c ----
tidings_status index_schema_open(struct index_writer *writer, const char *url,
                                 const struct index_options *options,
                                 struct tidings_error *err) TIDINGS_NODISCARD;
tidings_status index_schema_load(struct index_writer *writer, const struct index_loader *loader,
                                 void *arg, struct tidings_error *err) TIDINGS_NODISCARD;
tidings_status index_state_put(struct index_writer *writer,
                               struct tidings_error *err) TIDINGS_NODISCARD;

// ---- index_codec.c: the bytes of a block ----
// u8 format (1), then for each offset: varint size + 1 (0 = the slot holds nothing and ends here),
// varint of the zigzagged difference of the position to the one before in the block (the first: to
// 0), varint of the zigzagged tag code.
enum { INDEX_CODEC_MAX = 1 + INDEX_BLOCK * (5 + 10 + 5) };
size_t index_codec_encode(const struct index_entry *entries, size_t count,
                          char out[INDEX_CODEC_MAX]);
// False when the bytes are damaged.
bool index_codec_decode(struct str bytes, struct index_entry *entries, size_t *ret_count);

// ---- index_block.c: queues and blocks being written ----
void index_blocks_init(struct index_writer *writer);
void index_blocks_deinit(struct index_writer *writer);
tidings_status index_blocks_put(struct index_writer *writer, const struct index_put *puts,
                                size_t count, struct tidings_error *err) TIDINGS_NODISCARD;
tidings_status index_blocks_flush(struct index_writer *writer,
                                  struct tidings_error *err) TIDINGS_NODISCARD;
void index_blocks_forget(struct index_writer *writer); // all, unwritten, as after a rollback
// Queues with from <= key < to.
void index_blocks_forget_range(struct index_writer *writer, int64_t from, int64_t to);

// ---- index_due.c ----
// Changes of a transaction are kept until the flush: in the order of the table they touch each of
// its pages once.
tidings_status index_due_collect(struct index_writer *writer,
                                 const struct index_due_change *changes,
                                 size_t count) TIDINGS_NODISCARD;
tidings_status index_due_remove(struct index_writer *writer, int64_t due_ms, int64_t position,
                                struct tidings_error *err) TIDINGS_NODISCARD;
tidings_status index_due_flush(struct index_writer *writer,
                               struct tidings_error *err) TIDINGS_NODISCARD;
tidings_status index_due_answer(struct index_writer *writer, struct index_request *request,
                                struct tidings_error *err) TIDINGS_NODISCARD;
// Start of the oldest segment that a due row needs, INT64_MAX when there are none.
tidings_status index_due_least(struct index_writer *writer, int64_t *ret,
                               struct tidings_error *err) TIDINGS_NODISCARD;

// ---- index_half.c ----
tidings_status index_half_collect(struct index_writer *writer,
                                  const struct index_half_change *changes,
                                  size_t count) TIDINGS_NODISCARD;
tidings_status index_half_flush(struct index_writer *writer,
                                struct tidings_error *err) TIDINGS_NODISCARD;

// ---- index_settings.c ----
tidings_status index_settings_apply(struct index_writer *writer, const struct index_batch *batch,
                                    struct tidings_error *err) TIDINGS_NODISCARD;

// ---- index_retain.c ----
// One piece, within a transaction; request->finished tells that it was the last.
tidings_status index_retain_piece(struct index_writer *writer, struct index_request *request,
                                  struct tidings_error *err) TIDINGS_NODISCARD;

// ---- index_trash.c: what deleted topics leave behind ----
tidings_status index_trash_add(struct index_writer *writer, int64_t topic_id,
                               struct tidings_error *err) TIDINGS_NODISCARD;
tidings_status index_trash_piece(struct index_writer *writer, bool *ret_more,
                                 struct tidings_error *err) TIDINGS_NODISCARD;

// ---- index_read.c ----
tidings_status index_reader_open(const char *url, struct fault *fault, struct index_reader **ret,
                                 struct tidings_error *err) TIDINGS_NODISCARD;
void index_reader_close(struct index_reader *reader); // NULL allowed

// ---- index_thread.c ----
void *index_thread_run(void *index);

// ---- index_batch.c ----
void index_work_free(struct index_work *work);

#endif
