// SPDX-License-Identifier: Apache-2.0
// What is left of the log where a record fails, and which record stands before a position.
//
// A record is known by the position in its header: other bytes carry a wrong one with all
// likelihood, so that looking at every multiple of 8 is cheap. A later record proves that the
// failing place had been synced when the log was durable beyond it at the time of its appending.
// What follows a torn place never does: it was appended while the log was durable up to there at
// most.
//
// The search ends where no header was seen for QUIET bytes, because a clean end must be found fast:
// damage that is larger than that, in the last segment, with nothing after it, would pass for the
// end of the log.
#include "commitlog/private.h"

enum { QUIET = 8 * 1024 * 1024 };

static int64_t quiet_len(const struct commitlog *log)
{
    int64_t two = 2 * (int64_t)record_size(log->options.payload_max) + PIECE;
    return two > QUIET ? two : QUIET;
}

// Position of the next header that claims to stand where it does, in [at, to), which lies within a
// segment; −1 when there is none, −2 on an error.
static int64_t next_claim(struct reader *reader, int64_t at, int64_t to)
{
    while (at < to) {
        size_t have;
        const char *bytes = reader_rest(reader, at, &have);
        if (bytes == NULL) {
            return -2;
        }
        size_t i = 0;
        for (; i + COMMITLOG_HEADER <= have && at + (int64_t)i < to; i += COMMITLOG_ALIGN) {
            if (record_claims(bytes + i, at + (int64_t)i)) {
                return at + (int64_t)i;
            }
        }
        if (i == 0) {
            return -1; // the file or the segment ends
        }
        at += (int64_t)i;
    }
    return -1;
}

// OK when a sound record at `at` proves that `bad` had been synced.
static tidings_status proves(struct reader *reader, int64_t at, int64_t bad)
{
    struct record record;
    tidings_status status = reader_record(reader, at, &record, NULL);
    return status == TIDINGS_OK && record.durable <= bad ? TIDINGS_E_NOT_FOUND : status;
}

// When only the failing record's payload is damaged, its header tells where to go on. Looking there
// first keeps bytes inside that payload from being taken for records. The next record must be
// chained to it: the length may be what is damaged.
static tidings_status follow_header(struct reader *reader, int64_t bad, struct search *ret)
{
    struct record record;
    struct record next;
    size_t have;
    const struct commitlog *log = reader->log;
    const char *bytes = reader_view(reader, bad, COMMITLOG_HEADER, &have);
    if (bytes == NULL) {
        return TIDINGS_E_IO;
    }
    if (have < COMMITLOG_HEADER || !record_claims(bytes, bad)) {
        return TIDINGS_E_NOT_FOUND;
    }
    ret->stale_end = bad + COMMITLOG_HEADER;
    if (!record_decode(log->options.segment_size, bytes, bad, &record)) {
        return TIDINGS_E_NOT_FOUND;
    }
    int64_t places[] = { record_end(&record), segment_start(log, segment_of(log, bad) + 1) };
    for (size_t i = 0; i < BASE_COUNT(places); i++) {
        tidings_status status = reader_record(reader, places[i], &next, NULL);
        if (status == TIDINGS_OK && next.durable > bad && next.last_crc == record.crc) {
            ret->proof = places[i];
            return status;
        }
        if (status == TIDINGS_E_IO) {
            return status;
        }
    }
    return TIDINGS_E_NOT_FOUND;
}

static tidings_status search_segment(struct reader *reader, int64_t from, int64_t bad,
                                     int64_t *quiet_from, struct search *ret)
{
    int64_t end = segment_start(reader->log, segment_of(reader->log, from) + 1);
    for (int64_t at = from;; at += COMMITLOG_ALIGN) {
        int64_t limit = *quiet_from + quiet_len(reader->log);
        at = next_claim(reader, at, limit < end ? limit : end);
        if (at < 0) {
            return at == -1 ? TIDINGS_E_NOT_FOUND : TIDINGS_E_IO;
        }
        tidings_status status = proves(reader, at, bad);
        if (status == TIDINGS_OK) {
            ret->proof = at;
        }
        if (status != TIDINGS_E_NOT_FOUND) {
            return status;
        }
        ret->stale_end = at + COMMITLOG_HEADER;
        *quiet_from = at;
    }
}

tidings_status search_proof(struct reader *reader, int64_t bad, int64_t last_segment,
                            struct search *ret)
{
    const struct commitlog *log = reader->log;
    *ret = (struct search){ .proof = -1, .stale_end = bad };
    tidings_status status = follow_header(reader, bad, ret);
    int64_t quiet_from = bad;
    int64_t at = bad + COMMITLOG_ALIGN;
    while (status == TIDINGS_E_NOT_FOUND && segment_of(log, at) <= last_segment &&
           at < quiet_from + quiet_len(log)) {
        status = search_segment(reader, at, bad, &quiet_from, ret);
        at = segment_start(log, segment_of(log, at) + 1);
    }
    // Whole segments may be missing: the first record of a later one is a proof too.
    int64_t segment = segment_of(log, bad) + 1;
    for (; status == TIDINGS_E_NOT_FOUND && segment <= last_segment; segment++) {
        status = proves(reader, segment_start(log, segment), bad);
        if (status == TIDINGS_OK) {
            ret->proof = segment_start(log, segment);
        }
    }
    return status;
}

// ---- backwards ----
tidings_status search_before(struct reader *reader, int64_t position, struct record *ret)
{
    const struct commitlog *log = reader->log;
    int64_t start = segment_start(log, segment_of(log, position - 1));
    int64_t at = position - quiet_len(log) < start ? start : position - quiet_len(log);
    tidings_status result = TIDINGS_E_NOT_FOUND;
    struct record damaged = { 0 };
    // From the front, so that a record is met before what may stand in its payload.
    for (at = next_claim(reader, at, position); at >= 0;
         at = next_claim(reader, at + COMMITLOG_ALIGN, position)) {
        struct record record;
        size_t have;
        const char *bytes = reader_view(reader, at, COMMITLOG_HEADER, &have);
        if (bytes == NULL) {
            return TIDINGS_E_IO;
        }
        if (have < COMMITLOG_HEADER ||
            !record_decode(log->options.segment_size, bytes, at, &record) ||
            record_end(&record) != position) {
            continue;
        }
        tidings_status status = reader_record(reader, at, ret, NULL);
        if (status != TIDINGS_E_NOT_FOUND) {
            return status;
        }
        if (result == TIDINGS_E_NOT_FOUND) {
            damaged = record;
            result = TIDINGS_E_CORRUPT;
        }
    }
    *ret = damaged;
    return at == -2 ? TIDINGS_E_IO : result;
}
