// SPDX-License-Identifier: Apache-2.0
// Releasing old segments, and how old they are.
#include <fcntl.h>
#include <unistd.h>

#include "commitlog/private.h"

tidings_status commitlog_release(struct commitlog *log, int64_t before, struct tidings_error *err)
{
    int64_t begin = atomic_load(&log->begin);
    int64_t durable = atomic_load(&log->durable);
    int64_t limit = before < durable ? before : durable;
    limit -= offset_of(log, limit);
    if (limit <= begin) {
        return TIDINGS_OK;
    }
    tidings_status status = TIDINGS_OK;
    // The begin moves before the files go, so that whoever fails to read one knows why.
    atomic_store(&log->begin, limit);
    // A disk that runs full needs the room more than the log needs a prepared file.
    bool recycle = segment_room(log) >= log->options.segment_size;
    pthread_mutex_lock(&log->grow);
    for (int64_t segment = segment_of(log, begin);
         status == TIDINGS_OK && segment < segment_of(log, limit); segment++) {
        read_cache_forget(log, segment);
        status = segment_remove(log, segment, recycle, err);
    }
    pthread_mutex_unlock(&log->grow);
    return status;
}

// The time in a segment's first record, whose checksum is looked at without disturbing the read
// cache, because its views may be in use. −1 when there is none.
static int64_t read_time(const struct commitlog *log, int64_t segment)
{
    char bytes[16 * 1024];
    struct record record;
    int64_t offset = COMMITLOG_HEADER;
    int64_t wall_ms = -1;
    int fd = segment_open(log, segment, O_RDONLY);
    if (fd < 0) {
        return -1;
    }
    if (read_at(fd, bytes, COMMITLOG_HEADER, 0) == COMMITLOG_HEADER &&
        record_decode(log->options.segment_size, bytes, segment_start(log, segment), &record)) {
        uint32_t crc = record_checksum_begin(bytes);
        size_t left = record.payload_len;
        while (left > 0) {
            ssize_t got = read_at(fd, bytes, left < sizeof bytes ? left : sizeof bytes, offset);
            if (got <= 0) {
                break;
            }
            crc = record_checksum_more(crc, bytes, (size_t)got);
            offset += got;
            left -= (size_t)got;
        }
        wall_ms = left == 0 && crc == record.crc ? record.wall_ms : -1;
    }
    close(fd);
    return wall_ms;
}

// When the first record is damaged: the time of one that stands behind it, so that the segment does
// not stay for ever.
static int64_t search_time(const struct commitlog *log, int64_t segment)
{
    struct reader reader;
    struct search search;
    struct record record;
    int64_t wall_ms = -1;
    reader_init(&reader, log);
    if (search_proof(&reader, segment_start(log, segment), segment, &search) == TIDINGS_OK &&
        reader_record(&reader, search.proof, &record, NULL) == TIDINGS_OK) {
        wall_ms = record.wall_ms;
    }
    reader_deinit(&reader);
    return wall_ms;
}

int64_t commitlog_segment_time(struct commitlog *log, int64_t position)
{
    struct read_cache *cache = &log->cache;
    int64_t segment = segment_of(log, position);
    if (position < atomic_load(&log->begin) ||
        segment_start(log, segment) >= atomic_load(&log->durable)) {
        return -1;
    }
    for (int i = 0; i < READ_TIMES; i++) {
        if (cache->times[i].segment == segment) {
            return cache->times[i].wall_ms;
        }
    }
    int64_t wall_ms = read_time(log, segment);
    if (wall_ms < 0) {
        wall_ms = search_time(log, segment);
    }
    if (wall_ms >= 0) {
        cache->times[cache->next_time++ % READ_TIMES] = (struct read_time){ segment, wall_ms };
    }
    return wall_ms;
}
