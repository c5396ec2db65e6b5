// SPDX-License-Identifier: Apache-2.0
// Sequential reading through a window, for recovery and scans.
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "commitlog/private.h"

enum { WINDOW = 1024 * 1024 };

void reader_init(struct reader *reader, const struct commitlog *log)
{
    *reader = (struct reader){ .log = log, .fd = -1, .segment = -1 };
    buf_init(&reader->window, (size_t)log->options.segment_size);
}

void reader_deinit(struct reader *reader)
{
    if (reader->fd >= 0) {
        close(reader->fd);
    }
    buf_deinit(&reader->window);
}

static bool turn_to(struct reader *reader, int64_t segment)
{
    if (segment == reader->segment) {
        return true;
    }
    if (reader->fd >= 0) {
        close(reader->fd);
    }
    reader->window.len = 0;
    reader->segment = segment;
    reader->fd = segment_open(reader->log, segment, O_RDONLY);
    if (reader->fd < 0 && errno != ENOENT) {
        reader->os_errno = errno;
        reader->segment = -1;
        return false;
    }
    if (reader->fd >= 0) {
        (void)posix_fadvise(reader->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    }
    return true;
}

static bool fill(struct reader *reader, int64_t position, size_t want)
{
    int64_t left = reader->log->options.segment_size - offset_of(reader->log, position);
    size_t len = want > WINDOW ? want : WINDOW;
    char *room;
    len = (int64_t)len > left ? (size_t)left : len;
    reader->window.len = 0;
    if (buf_reserve(&reader->window, len, &room) != TIDINGS_OK) {
        reader->os_errno = ENOMEM;
        return false;
    }
    int why = fault_hit(reader->log->options.fault, FAULT_LOG_READ);
    ssize_t got = -1;
    if (why == 0) {
        got = read_at(reader->fd, room, len, offset_of(reader->log, position));
        why = errno;
    }
    if (got < 0) {
        reader->os_errno = why;
        return false;
    }
    reader->window.len = (size_t)got;
    reader->at = position;
    return true;
}

const char *reader_view(struct reader *reader, int64_t position, size_t want, size_t *ret_have)
{
    int64_t left = reader->log->options.segment_size - offset_of(reader->log, position);
    *ret_have = 0;
    want = (int64_t)want > left ? (size_t)left : want;
    if (!turn_to(reader, segment_of(reader->log, position))) {
        return NULL;
    }
    if (reader->fd < 0) {
        return "";
    }
    if (reader->window.len == 0 || position < reader->at ||
        position + (int64_t)want > reader->at + (int64_t)reader->window.len) {
        if (!fill(reader, position, want)) {
            return NULL;
        }
    }
    size_t have = reader->window.len - (size_t)(position - reader->at);
    *ret_have = have < want ? have : want;
    return reader->window.ptr + (position - reader->at);
}

const char *reader_rest(struct reader *reader, int64_t position, size_t *ret_have)
{
    const char *bytes = reader_view(reader, position, COMMITLOG_HEADER, ret_have);
    if (bytes != NULL && *ret_have == COMMITLOG_HEADER) {
        *ret_have = reader->window.len - (size_t)(position - reader->at);
    }
    return bytes;
}

// The checksum of a record that is larger than the window, without holding it.
static tidings_status check_large(struct reader *reader, const struct record *record)
{
    size_t have;
    const char *bytes = reader_view(reader, record->position, COMMITLOG_HEADER, &have);
    if (bytes == NULL) {
        return TIDINGS_E_IO;
    }
    uint32_t crc = record_checksum_begin(bytes);
    int64_t at = record->position + COMMITLOG_HEADER;
    for (size_t left = record->payload_len; left > 0; left -= have, at += (int64_t)have) {
        bytes = reader_view(reader, at, left < WINDOW ? left : WINDOW, &have);
        if (bytes == NULL) {
            return TIDINGS_E_IO;
        }
        if (have == 0) {
            return TIDINGS_E_NOT_FOUND; // the file ends
        }
        crc = record_checksum_more(crc, bytes, have);
    }
    return crc == record->crc ? TIDINGS_OK : TIDINGS_E_NOT_FOUND;
}

tidings_status reader_record(struct reader *reader, int64_t position, struct record *ret,
                             const char **ret_payload)
{
    int64_t size = reader->log->options.segment_size;
    size_t have;
    if (position % size + COMMITLOG_HEADER > size) {
        return TIDINGS_E_NOT_FOUND;
    }
    const char *bytes = reader_view(reader, position, COMMITLOG_HEADER, &have);
    if (bytes == NULL) {
        return TIDINGS_E_IO;
    }
    if (have < COMMITLOG_HEADER || !record_decode(size, bytes, position, ret)) {
        return TIDINGS_E_NOT_FOUND;
    }
    size_t whole = COMMITLOG_HEADER + ret->payload_len;
    bool large = whole > WINDOW;
    tidings_status status = large ? check_large(reader, ret) : TIDINGS_OK;
    if (status != TIDINGS_OK || (large && ret_payload == NULL)) {
        return status;
    }
    bytes = reader_view(reader, position, whole, &have);
    if (bytes == NULL) {
        return TIDINGS_E_IO;
    }
    if (have < whole || (!large && !record_is_sound(bytes, ret))) {
        return TIDINGS_E_NOT_FOUND;
    }
    if (ret_payload != NULL) {
        *ret_payload = bytes + COMMITLOG_HEADER;
    }
    return TIDINGS_OK;
}
