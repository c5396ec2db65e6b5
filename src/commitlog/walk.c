// SPDX-License-Identifier: Apache-2.0
// Walking the records of the log: recovery at opening, and scans behind the durable position.
#include <stdio.h>

#include "commitlog/private.h"

struct step {
    struct record record;
    const char *payload;
};

static tidings_status read_failed(const struct walk *walk, const struct reader *reader,
                                  struct tidings_error *err)
{
    return error_set_errno(err, TIDINGS_E_IO, reader->os_errno, "cannot read the log in %s at %lld",
                           walk->log->options.folder, (long long)walk->end);
}

// ---- damage ----
static bool is_missing(struct reader *reader, int64_t position)
{
    size_t have;
    return reader_view(reader, position, COMMITLOG_HEADER, &have) != NULL && reader->fd < 0;
}

static const char *reason_of(struct reader *reader, int64_t bad, int64_t next)
{
    struct record record;
    size_t have;
    int64_t border = segment_start(reader->log, segment_of(reader->log, bad) + 1);
    if (is_missing(reader, bad) || (border < next && is_missing(reader, border))) {
        return "a segment's file is missing";
    }
    const char *bytes = reader_view(reader, bad, COMMITLOG_HEADER, &have);
    if (bytes == NULL) {
        return "it cannot be read";
    }
    if (have < COMMITLOG_HEADER &&
        offset_of(reader->log, bad) + COMMITLOG_HEADER <= reader->log->options.segment_size) {
        return "the segment's file is too short";
    }
    if (!record_decode(reader->log->options.segment_size, bytes, bad, &record)) {
        return "no record begins there";
    }
    tidings_status status = reader_record(reader, bad, &record, NULL);
    return status == TIDINGS_OK ? "the record does not follow the one before it"
                                : "the record fails its checksum";
}

static tidings_status damage(struct walk *walk, int64_t position, int64_t end, const char *reason,
                             struct tidings_error *err)
{
    struct commitlog_damage found = { .position = position, .end = end };
    int n = snprintf(found.text, sizeof found.text,
                     "what had been synced at position %lld is damaged: %s", (long long)position,
                     reason);
    if (walk->report == NULL || n < 0) {
        return error_set(err, TIDINGS_E_CORRUPT, "%s: %s", walk->log->options.folder, found.text);
    }
    walk->report(walk->arg, &found);
    return TIDINGS_OK;
}

// ---- stepping ----
static bool follows(const struct walk *walk, const struct record *record)
{
    return !walk->chained || record->last_crc == walk->last_crc;
}

// Goes on behind damage, or tells that the log ends at walk->end.
static tidings_status skip_damage(struct walk *walk, struct reader *reader, struct step *step,
                                  struct tidings_error *err)
{
    struct search search;
    tidings_status status = search_proof(reader, walk->end, walk->last_segment, &search);
    walk->stale_end = search.stale_end;
    if (status != TIDINGS_OK) {
        return status;
    }
    status = damage(walk, walk->end, search.proof, reason_of(reader, walk->end, search.proof), err);
    if (status != TIDINGS_OK) {
        return status;
    }
    walk->end = search.proof;
    walk->chained = false;
    return reader_record(reader, walk->end, &step->record, &step->payload);
}

// The next record from walk->end on; E_NOT_FOUND at the end of the log. Moves walk->end over the
// unused rest of a segment and over damage.
static tidings_status next_record(struct walk *walk, struct reader *reader, struct step *step,
                                  struct tidings_error *err)
{
    const struct commitlog *log = walk->log;
    tidings_status status = reader_record(reader, walk->end, &step->record, &step->payload);
    if (status == TIDINGS_OK && follows(walk, &step->record)) {
        return status;
    }
    int64_t next = segment_start(log, segment_of(log, walk->end) + 1);
    if (status != TIDINGS_E_IO && walk->chained && offset_of(log, walk->end) != 0 &&
        segment_of(log, next) <= walk->last_segment) {
        status = reader_record(reader, next, &step->record, &step->payload);
        if (status == TIDINGS_OK && follows(walk, &step->record)) {
            walk->end = next;
            return status;
        }
    }
    return status == TIDINGS_E_IO ? status : skip_damage(walk, reader, step, err);
}

// Finds the checksum of the record before the first, when that is not simply there: the walk may
// begin at the end of the log.
static tidings_status find_chain(struct walk *walk, struct reader *reader,
                                 struct tidings_error *err)
{
    struct record record;
    if (walk->end == 0) {
        walk->chained = true; // the first of a log carries 0
        walk->last_crc = 0;
        return TIDINGS_OK;
    }
    tidings_status status = reader_record(reader, walk->end, &record, NULL);
    if (status == TIDINGS_E_NOT_FOUND) {
        status = search_before(reader, walk->end, &record);
        walk->chained = status == TIDINGS_OK || status == TIDINGS_E_CORRUPT;
        walk->last_crc = walk->chained ? record.crc : 0;
    }
    if (status == TIDINGS_E_CORRUPT) {
        return damage(walk, record.position, walk->end, "the record fails its checksum", err);
    }
    return status == TIDINGS_E_NOT_FOUND ? TIDINGS_OK : status;
}

static tidings_status walk_on(struct walk *walk, struct reader *reader, struct tidings_error *err)
{
    struct step step;
    tidings_status status = find_chain(walk, reader, err);
    while (status == TIDINGS_OK && walk->end < walk->to) {
        status = next_record(walk, reader, &step, err);
        if (status != TIDINGS_OK || walk->end >= walk->to) {
            break;
        }
        status = walk->replay(walk->arg, step.record.position, step.record.type,
                              step.record.wall_ms, str_make(step.payload, step.record.payload_len));
        if (status != TIDINGS_OK) {
            return error_set(err, status, "record at position %lld of the log in %s: %s",
                             (long long)step.record.position, walk->log->options.folder,
                             tidings_status_text(status));
        }
        walk->last_crc = step.record.crc;
        walk->chained = true;
        walk->end = record_end(&step.record);
    }
    if (status == TIDINGS_E_IO) {
        return read_failed(walk, reader, err);
    }
    return status == TIDINGS_E_NOT_FOUND ? TIDINGS_OK : status;
}

tidings_status walk_records(struct walk *walk, struct tidings_error *err)
{
    struct reader reader;
    reader_init(&reader, walk->log);
    walk->stale_end = walk->end;
    tidings_status status = walk_on(walk, &reader, err);
    reader_deinit(&reader);
    return status;
}

tidings_status commitlog_scan(const struct commitlog *log, int64_t from, int64_t to,
                              commitlog_replay *replay, void *arg, struct tidings_error *err)
{
    int64_t durable = atomic_load_explicit(&log->durable, memory_order_acquire);
    struct walk walk = { .log = log,
                         .end = from,
                         .to = to < durable ? to : durable,
                         .last_segment = segment_of(log, durable),
                         .replay = replay,
                         .arg = arg };
    if (from < atomic_load(&log->begin)) {
        return error_set(err, TIDINGS_E_NOT_FOUND, "position %lld is before the log's begin",
                         (long long)from);
    }
    if (from >= walk.to) {
        return TIDINGS_OK;
    }
    tidings_status status = walk_records(&walk, err);
    if (status == TIDINGS_OK && walk.end < walk.to) {
        status = error_set(err, TIDINGS_E_CORRUPT, "no record at position %lld of the log in %s",
                           (long long)walk.end, log->options.folder);
    }
    // What fails because its segment was released meanwhile is gone, not damaged.
    if ((status == TIDINGS_E_CORRUPT || status == TIDINGS_E_IO) &&
        walk.end < atomic_load(&log->begin)) {
        status = error_set(err, TIDINGS_E_NOT_FOUND, "position %lld of the log was released",
                           (long long)walk.end);
    }
    return status;
}
