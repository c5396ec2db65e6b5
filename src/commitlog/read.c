// SPDX-License-Identifier: Apache-2.0
// Reading single records through a small cache of chunks, and retention.
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "commitlog/private.h"

void read_cache_deinit(struct commitlog *log)
{
    for (int i = 0; i < READ_CHUNKS; i++) {
        free(log->chunks[i].bytes);
        log->chunks[i] = (struct read_chunk){ 0 };
    }
    for (int i = 0; i < READ_FILES; i++) {
        if (log->files[i].fd >= 0) {
            close(log->files[i].fd);
            log->files[i].fd = -1;
        }
    }
    buf_deinit(&log->bounce);
}

static int file_of(struct commitlog *log, int64_t segment)
{
    struct read_file *oldest = &log->files[0];
    for (int i = 0; i < READ_FILES; i++) {
        struct read_file *file = &log->files[i];
        if (file->fd >= 0 && file->segment == segment) {
            file->used = ++log->clock;
            return file->fd;
        }
        if (file->used < oldest->used) {
            oldest = file;
        }
    }
    if (oldest->fd >= 0) {
        close(oldest->fd);
    }
    oldest->fd = segment_open(log, segment, O_RDONLY);
    oldest->segment = segment;
    oldest->used = oldest->fd >= 0 ? ++log->clock : 0;
    return oldest->fd;
}

// Reads [position, position + len) of one segment; short at the durable position.
static tidings_status read_bytes(struct commitlog *log, int64_t position, size_t len, char *out,
                                 size_t *ret_len, struct tidings_error *err)
{
    int64_t durable = log->seen_durable;
    int fd = file_of(log, segment_of(log, position));
    if (position + (int64_t)len > durable) {
        len = durable > position ? (size_t)(durable - position) : 0;
    }
    int why = fault_hit(log->options.fault, FAULT_LOG_READ);
    ssize_t got = -1;
    if (fd >= 0 && why == 0) {
        got = read_at(fd, out, len, position % log->options.segment_size);
        why = errno;
    } else if (why == 0) {
        why = errno;
    }
    if (got < 0) {
        return why == ENOENT ? error_set(err, TIDINGS_E_NOT_FOUND, "position %lld is gone",
                                         (long long)position)
                             : error_set_errno(err, TIDINGS_E_IO, why,
                                               "cannot read the log at %lld", (long long)position);
    }
    *ret_len = (size_t)got;
    return TIDINGS_OK;
}

static tidings_status load_chunk(struct commitlog *log, int64_t start, struct read_chunk **ret,
                                 struct tidings_error *err)
{
    struct read_chunk *oldest = &log->chunks[0];
    struct read_chunk *chunk = NULL;
    for (int i = 0; i < READ_CHUNKS && chunk == NULL; i++) {
        if (log->chunks[i].bytes != NULL && log->chunks[i].position == start) {
            chunk = &log->chunks[i];
        } else if (log->chunks[i].used < oldest->used) {
            oldest = &log->chunks[i];
        }
    }
    if (chunk == NULL) {
        chunk = oldest;
        if (chunk->bytes == NULL && (chunk->bytes = malloc(READ_CHUNK)) == NULL) {
            return error_set(err, TIDINGS_E_NO_MEMORY, "no memory to read the log");
        }
        chunk->position = start;
        chunk->len = 0;
    }
    int64_t in_segment = start % log->options.segment_size;
    size_t whole = log->options.segment_size - in_segment < READ_CHUNK
                       ? (size_t)(log->options.segment_size - in_segment)
                       : READ_CHUNK;
    size_t known =
        log->seen_durable - start < (int64_t)whole ? (size_t)(log->seen_durable - start) : whole;
    chunk->used = ++log->clock;
    if (chunk->len < known) { // new, or at the tail, which has grown
        size_t got;
        tidings_status status = read_bytes(log, start + (int64_t)chunk->len, known - chunk->len,
                                           chunk->bytes + chunk->len, &got, err);
        if (status != TIDINGS_OK) {
            return status;
        }
        chunk->len += got;
    }
    *ret = chunk;
    return TIDINGS_OK;
}

// View of `len` bytes at a position: in a chunk, or in the bounce buffer when they cross chunks.
static tidings_status view(struct commitlog *log, int64_t position, size_t len, const char **ret,
                           struct tidings_error *err)
{
    int64_t size = log->options.segment_size;
    int64_t segment_start = position - position % size;
    int64_t start = segment_start + (position - segment_start) / READ_CHUNK * READ_CHUNK;
    struct read_chunk *chunk;
    size_t at = (size_t)(position - start);
    size_t got;
    if (at + len <= READ_CHUNK) {
        tidings_status status = load_chunk(log, start, &chunk, err);
        if (status != TIDINGS_OK) {
            return status;
        }
        *ret = chunk->bytes + at;
        return at + len <= chunk->len
                   ? TIDINGS_OK
                   : error_set(err, TIDINGS_E_NOT_FOUND, "no record at position %lld",
                               (long long)position);
    }
    char *room;
    buf_clear(&log->bounce);
    tidings_status status = buf_reserve(&log->bounce, len, &room);
    if (status == TIDINGS_OK) {
        status = read_bytes(log, position, len, room, &got, err);
    }
    if (status != TIDINGS_OK) {
        return status;
    }
    *ret = room;
    return got == len ? TIDINGS_OK
                      : error_set(err, TIDINGS_E_CORRUPT, "record at position %lld is cut short",
                                  (long long)position);
}

tidings_status commitlog_read(struct commitlog *log, int64_t position, uint8_t *ret_type,
                              int64_t *ret_wall_ms, struct str *ret_payload,
                              struct tidings_error *err)
{
    struct record record;
    const char *bytes;
    int64_t size = log->options.segment_size;
    if (position < atomic_load(&log->begin) || position + COMMITLOG_HEADER > log->seen_durable ||
        position % COMMITLOG_ALIGN != 0 || position % size + COMMITLOG_HEADER > size) {
        return error_set(err, TIDINGS_E_NOT_FOUND,
                         "no record at position %lld, the log reaches from %lld to %lld",
                         (long long)position, (long long)atomic_load(&log->begin),
                         (long long)log->seen_durable);
    }
    tidings_status status = view(log, position, COMMITLOG_HEADER, &bytes, err);
    if (status != TIDINGS_OK) {
        return status;
    }
    bool claims = (int64_t)num_load_le64(bytes + 16) == position;
    if (!record_decode(log, bytes, position, &record) ||
        record.payload_len > log->options.payload_max) {
        return claims ? error_set(err, TIDINGS_E_CORRUPT,
                                  "record header at position %lld is damaged", (long long)position)
                      : error_set(err, TIDINGS_E_NOT_FOUND, "no record at position %lld",
                                  (long long)position);
    }
    status = view(log, position, COMMITLOG_HEADER + record.payload_len, &bytes, err);
    if (status != TIDINGS_OK) {
        return status;
    }
    if (!record_is_sound(bytes, &record)) {
        return error_set(err, TIDINGS_E_CORRUPT, "record at position %lld fails its checksum",
                         (long long)position);
    }
    *ret_type = record.type;
    *ret_wall_ms = record.wall_ms;
    *ret_payload = str_make(bytes + COMMITLOG_HEADER, record.payload_len);
    return TIDINGS_OK;
}

// ---- retention ----
static void forget_segment(struct commitlog *log, int64_t segment)
{
    for (int i = 0; i < READ_FILES; i++) {
        if (log->files[i].fd >= 0 && log->files[i].segment == segment) {
            close(log->files[i].fd);
            log->files[i].fd = -1;
            log->files[i].used = 0;
        }
    }
    for (int i = 0; i < READ_CHUNKS; i++) {
        if (log->chunks[i].bytes != NULL && segment_of(log, log->chunks[i].position) == segment) {
            log->chunks[i].position = -1;
            log->chunks[i].len = 0;
            log->chunks[i].used = 0;
        }
    }
}

tidings_status commitlog_release(struct commitlog *log, int64_t before, struct tidings_error *err)
{
    int64_t *segments = NULL;
    size_t count = 0;
    int64_t size = log->options.segment_size;
    int64_t durable = atomic_load(&log->durable);
    tidings_status status = segment_list(log, &segments, &count, err);
    for (size_t i = 0; status == TIDINGS_OK && i < count; i++) {
        int64_t end = (segments[i] + 1) * size;
        if (end > before || end > durable) {
            break;
        }
        atomic_store(&log->begin, end); // before the file goes, so that no reader looks for it
        forget_segment(log, segments[i]);
        pthread_mutex_lock(&log->grow);
        status = segment_remove(log, segments[i], err);
        pthread_mutex_unlock(&log->grow);
    }
    free(segments);
    return status;
}

int64_t commitlog_segment_time(struct commitlog *log, int64_t position)
{
    uint8_t type;
    int64_t wall_ms;
    struct str payload;
    int64_t start = position - position % log->options.segment_size;
    return commitlog_read(log, start, &type, &wall_ms, &payload, NULL) == TIDINGS_OK ? wall_ms : -1;
}
