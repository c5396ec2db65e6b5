// SPDX-License-Identifier: Apache-2.0
// What the files of commitlog share.
//
// Threads: the appender (the caller's), the writer (writer.c), the zero-writing thread (ahead.c),
// and any that scans. Locks, in the order in which they are taken:
//   grow – held by whoever makes a file longer, makes a file, or takes one away
//   lock – what the threads hand over; held for a few instructions, never during I/O
// A position only ever becomes durable, never the contrary: bytes below `durable` do not change
// until their segment is released, so that they are read without a lock.
#ifndef COMMITLOG_PRIVATE_H
#define COMMITLOG_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

#include "base/num.h"
#include "commitlog/commitlog.h"

enum {
    RECORD_VERSION = 1,
    LOG_PAGE = 4096,
    BATCH_CHUNKS_MAX = 64,
    BATCH_KEEP = 256 * 1024, // memory that a batch keeps in calm times
    CALM_US = 1000 * 1000,   // so long without use is a calm time
    PIECE = 1024 * 1024,     // of zeros, synced at once
    ZEROS = 64 * 1024,       // written at once
    READ_CHUNK = 256 * 1024,
    READ_CHUNKS = 24,
    READ_FILES = 16,
    READ_BOUNCE_KEEP = 1024 * 1024,
    READ_TIMES = 16,
    RECYCLED_MAX = 2,
    PROBE_MS = 1000,
    PROBE_WAIT_MS = 5000,
};

// ---- batches: records that wait for the writer ----
// Part of a batch that lies in one segment without a gap.
struct chunk {
    int64_t position;
    size_t at;
    size_t len;
};
// `bytes` is a mapping of its largest size; only what was written to takes memory, and that is
// given back in calm times.
struct batch {
    char *bytes;
    size_t size;
    size_t len;
    size_t touched; // bytes that may hold memory
    int64_t used_us;
    struct chunk chunks[BATCH_CHUNKS_MAX];
    unsigned chunk_count;
    uint64_t records;
    int64_t end;
    uint32_t last_crc;
};

// ---- the read cache ----
struct read_chunk {
    int64_t position; // -1 = free
    size_t len;
    uint64_t used;
};
struct read_file {
    int64_t segment;
    int fd; // -1 = free
    uint64_t used;
};
struct read_time {
    int64_t segment;
    int64_t wall_ms;
};
struct read_cache {
    char *bytes; // mapping of READ_CHUNKS × READ_CHUNK
    struct read_chunk chunks[READ_CHUNKS];
    struct read_file files[READ_FILES];
    struct read_time times[READ_TIMES];
    unsigned next_time;
    struct read_chunk *last; // chunk of the last view
    struct buf bounce;       // for records that cross chunks
    uint64_t clock;          // counts uses
    uint64_t calm_clock;
    int64_t calm_us; // since when the clock stands at calm_clock
    bool warm;       // more than the last chunk may hold memory
};

enum log_state { LOG_STATE_OK, LOG_STATE_FULL, LOG_STATE_FAILED };

struct commitlog {
    struct commitlog_options options; // folder is an own copy
    int folder_fd;

    // ---- the appender's ----
    struct batch *filling;
    bool is_offered;       // `filling` was offered to the writer, which may have taken it
    bool is_large;         // a batch holds more memory than it keeps in calm times
    int64_t end;           // where the next record goes
    uint32_t last_crc;     // of the record before
    int64_t open_position; // of the record being written, -1 = none
    size_t open_max;       // its largest payload
    struct read_cache cache;
    _Atomic int64_t begin;
    _Atomic size_t stat_filling;

    // ---- handed over under `lock` ----
    pthread_mutex_t lock;
    pthread_cond_t work;   // for the writer
    pthread_cond_t probed; // for commitlog_probe
    struct batch *batches[2];
    struct batch *idle[2];
    unsigned idle_count;
    struct batch *given;   // for the writer to write
    struct batch *offered; // `filling` while the writer is busy; the appender may take it back
    bool writing;          // a batch was given and is not finished
    bool stopping;
    bool failed; // a failure that the appender has not yet seen
    struct tidings_error why;
    bool probe_wanted;
    uint64_t probes;
    int64_t failed_us; // when the log last failed
    uint32_t durable_crc;
    _Atomic int state; // enum log_state
    _Atomic int64_t durable;
    _Atomic size_t stat_given;

    // ---- the writer's ----
    pthread_t writer;
    bool writer_started;
    int write_fd;
    int64_t write_segment;
    int64_t erase_position; // first record that was given up; -1 = its header is gone from the disk
    size_t failed_len;      // room that the batch would have needed

    // ---- files, under `grow` ----
    pthread_mutex_t grow;
    _Atomic int64_t zeroed;    // all before this position was written once
    pthread_cond_t ahead_work; // with `lock`
    bool ahead_stopping;       // with `lock`
    pthread_t ahead;
    bool ahead_started;

    _Atomic uint64_t stat_batches;
    _Atomic uint64_t stat_records;
    _Atomic uint64_t stat_bytes;
    _Atomic uint64_t stat_sync_us;
    _Atomic uint64_t stat_sync_us_max;
};

static inline int64_t segment_of(const struct commitlog *log, int64_t position)
{
    return position / log->options.segment_size;
}
static inline int64_t offset_of(const struct commitlog *log, int64_t position)
{
    return position % log->options.segment_size;
}
static inline int64_t segment_start(const struct commitlog *log, int64_t segment)
{
    return segment * log->options.segment_size;
}
static inline size_t record_size(size_t payload_len)
{
    return (COMMITLOG_HEADER + payload_len + COMMITLOG_ALIGN - 1) & ~(size_t)(COMMITLOG_ALIGN - 1);
}

// ---- record.c ----
enum { RECORD_AT_POSITION = 16 };
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
bool record_decode(int64_t segment_size, const char *bytes, int64_t position, struct record *ret);
static inline bool record_claims(const char *bytes, int64_t position)
{
    return (int64_t)num_load_le64(bytes + RECORD_AT_POSITION) == position;
}
// `bytes` hold the whole record.
bool record_is_sound(const char *bytes, const struct record *record);
// The same in pieces: the header first, then the payload.
uint32_t record_checksum_begin(const char *header);
uint32_t record_checksum_more(uint32_t crc, const void *payload, size_t len);
static inline int64_t record_end(const struct record *record)
{
    return record->position + (int64_t)record_size(record->payload_len);
}

// ---- segment.c ----
struct segment_info {
    int64_t segment;
    int64_t size;
};
// Opens a segment's file; −1 and errno when it cannot.
int segment_open(const struct commitlog *log, int64_t segment, int flags);
// Opens the file of a segment for writing, after making it when it is not there: from a recycled
// one when there is one. Returns its descriptor, or −1 and errno. Holds `grow`.
int segment_make(const struct commitlog *log, int64_t segment, bool *ret_recycled);
// The segments that are there, ascending; new array. Other names are passed over, unless they end
// like ours: E_INVALID.
tidings_status segment_list(const struct commitlog *log, struct segment_info **ret,
                            size_t *ret_count, struct tidings_error *err) TIDINGS_NODISCARD;
// Keeps the file to be used again when `recycle` is set and there is a place for it, or deletes it.
// Holds `grow`.
tidings_status segment_remove(const struct commitlog *log, int64_t segment, bool recycle,
                              struct tidings_error *err) TIDINGS_NODISCARD;
// Bytes that may still be written before the reserve is touched; negative when below.
int64_t segment_room(const struct commitlog *log);
// Reads or writes all; read_at is short only at the end of the file, −1 and errno on an error;
// write_at returns 0 or errno.
ssize_t read_at(int fd, void *bytes, size_t len, int64_t offset);
int write_at(int fd, const void *bytes, size_t len, int64_t offset);

// ---- batch.c ----
struct batch *commitlog_batch_new(size_t size); // NULL when out of memory
void commitlog_batch_free(struct batch *batch);
void commitlog_batch_clear(struct batch *batch);
// Gives memory back when the batch is empty and was not large for CALM_US; true when it still holds
// more than it keeps.
bool commitlog_batch_calm(struct batch *batch, int64_t now_us);

// ---- append.c ----
static inline tidings_status state_status(int state)
{
    return state == LOG_STATE_OK ? TIDINGS_OK
                                 : (state == LOG_STATE_FULL ? TIDINGS_E_DISK_FULL : TIDINGS_E_IO);
}
// Gives what waits to the writer, or offers it. Holds `lock`.
void hand_over(struct commitlog *log);

// ---- writer.c ----
void *writer_run(void *log);
// ---- ahead.c ----
void *ahead_run(void *log);
// Makes the files before `position`'s segment as long as a segment is. Holds `grow`. 0 or errno.
int ahead_pad(struct commitlog *log, int64_t position);

// ---- reader.c: sequential reading with an own descriptor and buffer ----
struct reader {
    const struct commitlog *log;
    int fd;
    int64_t segment; // of fd, -1 = none
    struct buf window;
    int64_t at; // position of the window's first byte
    int os_errno;
};
void reader_init(struct reader *reader, const struct commitlog *log);
void reader_deinit(struct reader *reader);
// View of up to `want` bytes at a position, within its segment; shorter where the file ends, empty
// when it is missing. NULL and reader->os_errno on an error.
const char *reader_view(struct reader *reader, int64_t position, size_t want, size_t *ret_have);
// The same for all that is in the window behind a position, at least a header when the file is that
// long.
const char *reader_rest(struct reader *reader, int64_t position, size_t *ret_have);
// The sound record at a position; E_NOT_FOUND, or an error of reading. ret_payload may be NULL.
// Memory grows with a record only after its checksum was right.
tidings_status reader_record(struct reader *reader, int64_t position, struct record *ret,
                             const char **ret_payload) TIDINGS_NODISCARD;

// ---- search.c: what is left of the log where a record fails ----
struct search {
    int64_t proof;     // a sound record that proves the failing place had been synced; -1 = none
    int64_t stale_end; // end of the last header that stands behind the failing place without proof
};
// Looks behind `bad`, up to the end of segment `last_segment`.
tidings_status search_proof(struct reader *reader, int64_t bad, int64_t last_segment,
                            struct search *ret) TIDINGS_NODISCARD;
// The record that ends at `position` > 0. E_NOT_FOUND when there is none; E_CORRUPT and *ret when a
// header says so whose record fails its checksum.
tidings_status search_before(struct reader *reader, int64_t position,
                             struct record *ret) TIDINGS_NODISCARD;

// ---- walk.c ----
// Walks records in [from, to); to = INT64_MAX: to the end of the log, telling where and with which
// checksum it ends. Damage is told to `report` (NULL: E_CORRUPT instead).
struct walk {
    const struct commitlog *log;
    int64_t to;
    int64_t last_segment; // nothing is behind it
    commitlog_replay *replay;
    commitlog_report *report;
    void *arg;
    int64_t end;       // from where on, then the result
    bool chained;      // last_crc is known
    uint32_t last_crc; // result
    int64_t stale_end; // result: no header that could be taken for a record is behind
};
tidings_status walk_records(struct walk *walk, struct tidings_error *err) TIDINGS_NODISCARD;

// ---- recover.c ----
tidings_status recover_log(struct commitlog *log, int64_t from, commitlog_replay *replay,
                           commitlog_report *report, void *arg,
                           struct tidings_error *err) TIDINGS_NODISCARD;

// ---- read.c ----
tidings_status read_cache_init(struct commitlog *log) TIDINGS_NODISCARD;
void read_cache_deinit(struct commitlog *log);
void read_cache_forget(struct commitlog *log, int64_t segment);
// Gives memory back in calm times, but for what the last view shows.
void read_cache_calm(struct commitlog *log, int64_t now_us);

#endif
