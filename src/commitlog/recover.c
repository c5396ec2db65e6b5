// SPDX-License-Identifier: Apache-2.0
// Walking the records of the log: recovery at opening, and scans behind the durable position.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "commitlog/private.h"

enum { WINDOW = 1024 * 1024 };

struct reader { // a window into the log's files
    const struct commitlog *log;
    int fd;
    int64_t segment;
    struct buf window;
    int64_t at; // position of the window's first byte
};

static void reader_init(struct reader *reader, const struct commitlog *log)
{
    *reader = (struct reader){ .log = log, .fd = -1, .segment = -1 };
    buf_init(&reader->window, (size_t)log->options.segment_size);
}

static void reader_deinit(struct reader *reader)
{
    if (reader->fd >= 0) {
        close(reader->fd);
    }
    buf_deinit(&reader->window);
}

// View of up to `want` bytes at a position, within its segment; shorter where the file ends. NULL
// on an error.
static const char *reader_view(struct reader *reader, int64_t position, size_t want,
                               size_t *ret_have)
{
    int64_t size = reader->log->options.segment_size;
    int64_t segment = position / size;
    int64_t offset = position % size;
    *ret_have = 0;
    if (segment != reader->segment) {
        if (reader->fd >= 0) {
            close(reader->fd);
        }
        reader->fd = segment_open(reader->log, segment, O_RDONLY);
        reader->segment = segment;
        reader->window.len = 0;
    }
    if (reader->fd < 0) {
        return "";
    }
    if (position < reader->at ||
        position + (int64_t)want > reader->at + (int64_t)reader->window.len) {
        size_t len = want > WINDOW ? want : WINDOW;
        len = (int64_t)len > size - offset ? (size_t)(size - offset) : len;
        char *room;
        reader->window.len = 0;
        if (buf_reserve(&reader->window, len, &room) != TIDINGS_OK) {
            return NULL;
        }
        ssize_t got = fault_hit(reader->log->options.fault, FAULT_LOG_READ) != 0
                          ? -1
                          : read_at(reader->fd, room, len, offset);
        if (got < 0) {
            return NULL;
        }
        reader->window.len = (size_t)got;
        reader->at = position;
    }
    size_t have = reader->window.len - (size_t)(position - reader->at);
    *ret_have = have < want ? have : want;
    return reader->window.ptr + (position - reader->at);
}

// A sound record at a position: OK, E_NOT_FOUND, or an error of reading.
static tidings_status read_record(struct reader *reader, int64_t position, struct record *ret,
                                  const char **ret_payload)
{
    size_t have;
    if (position % reader->log->options.segment_size + COMMITLOG_HEADER >
        reader->log->options.segment_size) {
        return TIDINGS_E_NOT_FOUND;
    }
    const char *bytes = reader_view(reader, position, COMMITLOG_HEADER, &have);
    if (bytes == NULL) {
        return TIDINGS_E_IO;
    }
    if (have < COMMITLOG_HEADER || !record_decode(reader->log, bytes, position, ret)) {
        return TIDINGS_E_NOT_FOUND;
    }
    size_t whole = COMMITLOG_HEADER + ret->payload_len;
    bytes = reader_view(reader, position, whole, &have);
    if (bytes == NULL) {
        return TIDINGS_E_IO;
    }
    if (have < whole || !record_is_sound(bytes, ret)) {
        return TIDINGS_E_NOT_FOUND;
    }
    *ret_payload = bytes + COMMITLOG_HEADER;
    return TIDINGS_OK;
}

// Looks for a sound record behind `bad` that proves `bad` had been synced: within the distance that
// one record can bridge, in this segment, then at the start of the next ones.
static tidings_status find_proof(struct reader *reader, int64_t bad, int64_t last_segment,
                                 int64_t *ret_position)
{
    const struct commitlog_options *options = &reader->log->options;
    struct record record;
    const char *payload;
    int64_t segment_end = (bad / options->segment_size + 1) * options->segment_size;
    int64_t limit = bad + 2 * (int64_t)record_size(options->payload_max) + WINDOW;
    limit = limit < segment_end ? limit : segment_end;
    for (int64_t at = bad + COMMITLOG_ALIGN; at + COMMITLOG_HEADER <= limit;
         at += COMMITLOG_ALIGN) {
        size_t have;
        const char *bytes = reader_view(reader, at, COMMITLOG_HEADER, &have);
        if (bytes == NULL) {
            return TIDINGS_E_IO;
        }
        if (have < COMMITLOG_HEADER) {
            break; // the file ends
        }
        if (num_load_le32(bytes) == 0 || (int64_t)num_load_le64(bytes + 16) != at) {
            continue; // most bytes fail here
        }
        tidings_status status = read_record(reader, at, &record, &payload);
        if (status == TIDINGS_OK && record.durable > bad) {
            *ret_position = at;
            return TIDINGS_OK;
        }
        if (status == TIDINGS_E_IO) {
            return status;
        }
    }
    for (int64_t segment = segment_end / options->segment_size; segment <= last_segment;
         segment++) {
        tidings_status status =
            read_record(reader, segment * options->segment_size, &record, &payload);
        if (status == TIDINGS_OK && record.durable > bad) {
            *ret_position = segment * options->segment_size;
            return TIDINGS_OK;
        }
    }
    return TIDINGS_E_NOT_FOUND;
}

struct step {
    struct record record;
    const char *payload;
    bool chained; // last_crc is known
};

// The next record from walk->end on; moves walk->end over damage and the unused tail of a segment.
static tidings_status next_record(struct walk *walk, struct reader *reader, int64_t last_segment,
                                  struct step *step, struct tidings_error *err)
{
    int64_t size = walk->log->options.segment_size;
    tidings_status status = read_record(reader, walk->end, &step->record, &step->payload);
    bool fits = status == TIDINGS_OK && (!step->chained || step->record.last_crc == walk->last_crc);
    if (fits || status == TIDINGS_E_IO) {
        return status;
    }
    int64_t next = (walk->end / size + 1) * size;
    if (walk->end % size != 0 &&
        next / size <= last_segment) { // the rest of a segment may be unused
        status = read_record(reader, next, &step->record, &step->payload);
        if (status == TIDINGS_OK && step->chained && step->record.last_crc == walk->last_crc) {
            walk->end = next;
            return TIDINGS_OK;
        }
    }
    int64_t proof;
    status = find_proof(reader, walk->end, last_segment, &proof);
    if (status != TIDINGS_OK) {
        return status; // E_NOT_FOUND: the log ends here
    }
    struct commitlog_damage damage = { .position = walk->end, .end = proof };
    int n = snprintf(damage.text, sizeof damage.text,
                     "no sound record at position %lld though it had been synced",
                     (long long)walk->end);
    if (walk->report == NULL || n < 0) {
        return error_set(err, TIDINGS_E_CORRUPT, "%s", damage.text);
    }
    walk->report(walk->arg, &damage);
    walk->end = proof;
    step->chained = false;
    return read_record(reader, proof, &step->record, &step->payload);
}

static tidings_status walk_on(struct walk *walk, struct reader *reader, int64_t last_segment,
                              struct tidings_error *err)
{
    struct step step = { .chained = false };
    while (walk->end < walk->to) {
        tidings_status status = next_record(walk, reader, last_segment, &step, err);
        if (status == TIDINGS_E_NOT_FOUND) {
            return TIDINGS_OK;
        }
        if (status != TIDINGS_OK) {
            return status == TIDINGS_E_IO ? error_set_errno(err, status, errno, "cannot read %s",
                                                            walk->log->options.folder)
                                          : status;
        }
        if (walk->end >= walk->to) {
            return TIDINGS_OK;
        }
        status = walk->replay(walk->arg, step.record.position, step.record.type,
                              step.record.wall_ms, str_make(step.payload, step.record.payload_len));
        if (status != TIDINGS_OK) {
            return error_set(err, status, "record at position %lld: %s",
                             (long long)step.record.position, tidings_status_text(status));
        }
        walk->last_crc = step.record.crc;
        step.chained = true;
        walk->end = step.record.position + (int64_t)record_size(step.record.payload_len);
    }
    return TIDINGS_OK;
}

tidings_status walk_records(struct walk *walk, struct tidings_error *err)
{
    struct reader reader;
    int64_t *segments = NULL;
    size_t count = 0;
    tidings_status status = segment_list(walk->log, &segments, &count, err);
    if (status == TIDINGS_OK) {
        reader_init(&reader, walk->log);
        walk->end = walk->from;
        status = walk_on(walk, &reader, count > 0 ? segments[count - 1] : -1, err);
        reader_deinit(&reader);
    }
    free(segments);
    return status;
}

tidings_status commitlog_scan(const struct commitlog *log, int64_t from, int64_t to,
                              commitlog_replay *replay, void *arg, struct tidings_error *err)
{
    struct walk walk = { .log = log, .from = from, .to = to, .replay = replay, .arg = arg };
    if (from < atomic_load(&log->begin)) {
        return error_set(err, TIDINGS_E_NOT_FOUND, "position %lld is before the log's begin",
                         (long long)from);
    }
    return walk_records(&walk, err);
}
