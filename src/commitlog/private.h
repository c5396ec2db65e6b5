// SPDX-License-Identifier: Apache-2.0
// What the files of commitlog share. Locks: `lock` guards what the appender and the writer hand
// over; `grow` is held by whoever makes a file longer (the writer beyond the zeros, the
// zero-writing thread).
#ifndef COMMITLOG_PRIVATE_H
#define COMMITLOG_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

#include "base/num.h"
#include "commitlog/commitlog.h"

enum {
    RECORD_VERSION = 1,
    BATCH_CHUNKS_MAX = 64,
    BATCH_KEEP = 1024 * 1024, // a larger buffer is freed when it was written
    PIECE = 1024 * 1024,      // of zeros, at once
    READ_CHUNK = 256 * 1024,
    READ_CHUNKS = 16,
    READ_FILES = 16,
    RECYCLED_MAX = 2,
    PROBE_MS = 1000,
};

// Part of a batch that lies in one segment.
struct chunk {
    int64_t position;
    size_t at;
    size_t len;
};
struct batch {
    struct buf bytes;
    struct chunk chunks[BATCH_CHUNKS_MAX];
    unsigned chunk_count;
    uint64_t records;
    int64_t end;
    uint32_t last_crc;
};

struct read_chunk {
    char *bytes; // READ_CHUNK, or NULL
    int64_t position;
    size_t len;
    uint64_t used;
};
struct read_file {
    int64_t segment;
    int fd; // -1 = free
    uint64_t used;
};

enum log_state { LOG_STATE_OK, LOG_STATE_FULL, LOG_STATE_FAILED };

struct commitlog {
    struct commitlog_options options;
    int folder_fd;

    // appender thread
    struct batch *filling;
    int64_t end;
    uint32_t last_crc;
    int64_t open_position; // of the record being written, -1 = none
    int64_t seen_durable;
    struct read_chunk chunks[READ_CHUNKS];
    struct read_file files[READ_FILES];
    struct buf bounce;
    uint64_t clock; // of the caches
    _Atomic int64_t begin;

    // handed over under `lock`
    pthread_mutex_t lock;
    pthread_cond_t work;
    struct batch *spare;
    struct batch *waiting; // given to the writer
    bool writing;
    bool stopping;
    bool failed; // a failure the appender has not yet seen
    struct tidings_error why;
    _Atomic int state; // enum log_state
    uint32_t durable_crc;
    _Atomic int64_t durable;
    pthread_t writer;
    bool writer_started;

    // files, under `grow`
    pthread_mutex_t grow;
    pthread_cond_t grow_work;
    _Atomic int64_t zeroed; // files are written up to this position
    bool ahead_stopping;
    pthread_t ahead;
    bool ahead_started;
    int write_fd; // writer thread: its current segment
    int64_t write_segment;

    _Atomic uint64_t stat_batches;
    _Atomic uint64_t stat_records;
    _Atomic uint64_t stat_bytes;
    _Atomic uint64_t stat_sync_us;
    _Atomic uint64_t stat_sync_us_max;
    _Atomic uint64_t stat_waiting;
};

static inline int64_t segment_of(const struct commitlog *log, int64_t position)
{
    return position / log->options.segment_size;
}
static inline size_t record_size(size_t payload_len)
{
    return (COMMITLOG_HEADER + payload_len + COMMITLOG_ALIGN - 1) & ~(size_t)(COMMITLOG_ALIGN - 1);
}

// ---- record.c ----
struct record {
    size_t payload_len;
    uint8_t type;
    uint32_t crc;
    uint32_t last_crc;
    int64_t position;
    int64_t durable; // when it was appended
    int64_t wall_ms;
};
// Writes the header in front of a payload that is in place; returns the record's checksum.
uint32_t record_encode(char *bytes, const struct record *record);
// Looks at a header; false when it cannot be one of ours at that position. The checksum is not yet
// looked at.
bool record_decode(const struct commitlog *log, const char *bytes, int64_t position,
                   struct record *ret);
// `bytes` hold the whole record.
bool record_is_sound(const char *bytes, const struct record *record);

// ---- segment.c ----
// Opens a segment's file; −1 and errno when it cannot.
int segment_open(const struct commitlog *log, int64_t segment, int flags);
// Makes the file of a segment, from a recycled one when there is one; returns its descriptor, or −1
// and errno.
int segment_make(struct commitlog *log, int64_t segment, bool *ret_recycled);
// Numbers of the segments that are there, ascending; new array. Unknown file names are passed over.
tidings_status segment_list(const struct commitlog *log, int64_t **ret, size_t *ret_count,
                            struct tidings_error *err) TIDINGS_NODISCARD;
tidings_status segment_remove(struct commitlog *log, int64_t segment,
                              struct tidings_error *err) TIDINGS_NODISCARD;
// Bytes that may still be written before the reserve is touched; negative when below.
int64_t segment_room(const struct commitlog *log);
ssize_t read_at(int fd, void *bytes, size_t len, int64_t offset);
int write_at(int fd, const void *bytes, size_t len, int64_t offset); // 0 or errno

// ---- writer.c ----
void *writer_run(void *log);
void *ahead_run(void *log);
// ---- recover.c ----
// Walks records in [from, to); to = INT64_MAX: to the end of the log, telling where and with which
// checksum it ends. Damage is told to `report` (NULL: E_CORRUPT instead).
struct walk {
    const struct commitlog *log;
    int64_t from;
    int64_t to;
    commitlog_replay *replay;
    commitlog_report *report;
    void *arg;
    int64_t end;       // result
    uint32_t last_crc; // result
};
tidings_status walk_records(struct walk *walk, struct tidings_error *err) TIDINGS_NODISCARD;
void read_cache_deinit(struct commitlog *log);

#endif
