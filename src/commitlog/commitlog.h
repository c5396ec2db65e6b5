// SPDX-License-Identifier: Apache-2.0
// The append-only log: segments of fixed size, records with checksums, group commit, recovery,
// retention.
//
// One appender thread (the broker's loop) encodes records straight into the waiting batch; the
// log's own writer thread takes the whole batch, writes it with one pwrite (per segment) and one
// fdatasync, then calls `wake`; the appender thread asks commitlog_durable() how far the log
// reaches. While one batch is being synced, arrivals collect in the next: group commit without
// timers.
//
// Position: i64 byte offset since the log began, never used twice for acknowledged records; a
// record's position is known when it is appended. segment = position / segment_size. A record never
// crosses a segment; what it leaves unused at a segment's end has no meaning.
//
// The folder holds one file per segment, named by its first position (20 digits and ".log"), and up
// to two "recycle-N" that wait to be used again: released files, which spare the writing of zeros.
// It is locked while a log is open.
//
// On disk (little-endian), record header, 40 bytes, records start at multiples of 8:
//   u32 payload length · u8 type (1..255) · u8 format version (1) · u16 zero · u32 crc32c of the
//   other header bytes and the payload · u32 crc of the record before (chain; 0 for the first of a
//   log) · i64 position · u32 position − durable position when it was appended (so that recovery
//   can tell a torn tail, which was never acknowledged, from damage inside) · u32 zero · i64
//   wall_ms
// Zero length or what fails a check ends the log, unless a later record proves by its durable
// position that the failing place had been synced: that is damage, reported, never skipped in
// silence. What is damaged in the last batches, with nothing later to prove it, cannot be told from
// a torn tail and is cut. Policy: a change of this layout raises the format version; readers accept
// all versions down to 1.
#ifndef COMMITLOG_COMMITLOG_H
#define COMMITLOG_COMMITLOG_H

#include "base/clock.h"
#include "base/error.h"
#include "base/fault.h"
#include "base/str.h"

struct commitlog;

enum { COMMITLOG_HEADER = 40, COMMITLOG_ALIGN = 8 };

struct commitlog_options {
    const char *folder;   // made when missing (its parent must be there); copied
    int64_t segment_size; // 1 MiB … 1 GiB, multiple of 4096; must be the same at each opening
    size_t payload_max;   // largest payload
    size_t batch_max;     // bytes in one of the two batches, one record at least
    int64_t reserve;      // bytes of the file system that the log leaves free (for the index)
    int64_t ahead; // bytes to keep written with zeros before the appending position; 0 = none
    const struct clock *clock;
    struct fault *fault;     // may be NULL
    void (*wake)(void *arg); // from the writer thread: something became durable, failed, or room is
                             // back; may be NULL
    void *wake_arg;
};

struct commitlog_damage {
    int64_t position; // of the first bad byte
    int64_t end;      // where the next good record starts
    char text[160];
};
// Called for each good record, in order, from `from` on. Return non-OK to stop the opening with it.
typedef tidings_status commitlog_replay(void *arg, int64_t position, uint8_t type, int64_t wall_ms,
                                        struct str payload);
typedef void commitlog_report(void *arg, const struct commitlog_damage *damage);

// Opens or creates. Reads from `from` (0, or a position that is the start of a record or the end of
// the log; a value beyond the end is E_CORRUPT) to the end, calling `replay`; cuts a torn tail;
// starts the writer. Without `report` damage is E_CORRUPT. E_STATE when the folder is in use,
// E_INVALID for options out of range, files of another segment size, or a name that ends in ".log"
// and is none of ours; other names are left alone.
tidings_status commitlog_open(const struct commitlog_options *options, int64_t from,
                              commitlog_replay *replay, commitlog_report *report, void *arg,
                              struct commitlog **ret, struct tidings_error *err) TIDINGS_NODISCARD;
// Writes and syncs what waits, stops the threads, frees. The status tells if everything became
// durable.
tidings_status commitlog_close(struct commitlog *log, struct tidings_error *err) TIDINGS_NODISCARD;

// ---- appending (one thread) ----
// Room for a payload of at most payload_max bytes in the waiting batch: *ret_position is its
// position, *ret_payload where to write it. E_AGAIN when both batches are full (they are with the
// writer then: wait for `wake`), E_DISK_FULL or E_IO while the log cannot grow, E_TOO_LARGE beyond
// payload_max, E_INVALID for 0. Finish with commitlog_append_end before the next begin, submit or
// durable; 0 < length ≤ the asked one, type > 0.
tidings_status commitlog_append_begin(struct commitlog *log, size_t payload_max,
                                      int64_t *ret_position, char **ret_payload) TIDINGS_NODISCARD;
void commitlog_append_end(struct commitlog *log, uint8_t type, size_t payload_len);
// Hands the waiting batch to the writer if it is idle (cheap otherwise: the writer takes it when it
// is done, together with what is appended and submitted until then). With nothing to submit it
// gives memory back that a burst has left: call it now and then.
void commitlog_submit(struct commitlog *log);
// Position up to which everything is durable (exclusive). *ret_failed_from ≥ 0 when appended
// records from that position on were given up (write or sync failed): they and all that were
// appended after them are gone, the next append starts again at that position; reported once, `err`
// tells why.
int64_t commitlog_durable(struct commitlog *log, int64_t *ret_failed_from,
                          struct tidings_error *err);
int64_t commitlog_end(const struct commitlog *log); // where the next record goes (appender thread)
int64_t commitlog_begin(const struct commitlog *log); // first position still kept
// Tries again after E_DISK_FULL / E_IO; also done by the log itself once a second. OK = appends are
// taken. Waits for the disk, 5 s at most. A failure must have been told by commitlog_durable
// before.
tidings_status commitlog_probe(struct commitlog *log) TIDINGS_NODISCARD;

// ---- reading (appender thread; positions below the durable one) ----
// Payload of the record at `position`: a view into the read cache, good until the next call of any
// commitlog_read*. Checks header and checksum: E_CORRUPT with position and reason, E_NOT_FOUND
// below begin or at a position where no record starts.
tidings_status commitlog_read(struct commitlog *log, int64_t position, uint8_t *ret_type,
                              int64_t *ret_wall_ms, struct str *ret_payload,
                              struct tidings_error *err) TIDINGS_NODISCARD;

// ---- another thread (the index) may scan behind the durable position ----
// Own file handles, own buffer; calls `replay` for each record in [from, to), of which only what is
// durable is given. Ends with E_CORRUPT at damage, with E_NOT_FOUND when the segment is released.
tidings_status commitlog_scan(const struct commitlog *log, int64_t from, int64_t to,
                              commitlog_replay *replay, void *arg,
                              struct tidings_error *err) TIDINGS_NODISCARD;

// ---- retention ----
// Appender thread. Gives up whole segments that end at or before `before` (never the one appended
// to): they are kept for recycling (at most two, and only while the disk has room) or deleted.
tidings_status commitlog_release(struct commitlog *log, int64_t before,
                                 struct tidings_error *err) TIDINGS_NODISCARD;
// Appender thread. wall_ms of the first record of the segment that holds `position` (for retention
// by time); −1 when unknown.
int64_t commitlog_segment_time(struct commitlog *log, int64_t position);

struct commitlog_stats {
    uint64_t batches;
    uint64_t records;
    uint64_t bytes;
    uint64_t sync_us_total;
    uint64_t sync_us_max;
    int64_t segments;
    size_t waiting; // bytes in batches not yet durable
    int state;      // 0 ok, 1 disk full, 2 failed
};
void commitlog_stats(struct commitlog *log, struct commitlog_stats *ret);

#endif
