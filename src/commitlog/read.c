// SPDX-License-Identifier: Apache-2.0
// Reading single records through a small cache of chunks: a backlog that is read in order costs one
// large read per chunk and no copy per record.
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "commitlog/private.h"

// ---- the cache ----
static char *chunk_bytes(const struct read_cache *cache, const struct read_chunk *chunk)
{
    return cache->bytes + (size_t)(chunk - cache->chunks) * READ_CHUNK;
}

static void chunk_drop(struct read_chunk *chunk)
{
    *chunk = (struct read_chunk){ .position = -1 };
}

static void file_drop(struct read_file *file)
{
    if (file->fd >= 0) {
        close(file->fd);
    }
    *file = (struct read_file){ .segment = -1, .fd = -1 };
}

tidings_status read_cache_init(struct commitlog *log)
{
    struct read_cache *cache = &log->cache;
    buf_init(&cache->bounce, (size_t)log->options.segment_size);
    for (int i = 0; i < READ_FILES; i++) {
        cache->files[i].fd = -1;
        cache->files[i].segment = -1;
    }
    for (int i = 0; i < READ_CHUNKS; i++) {
        chunk_drop(&cache->chunks[i]);
    }
    for (int i = 0; i < READ_TIMES; i++) {
        cache->times[i].segment = -1;
    }
    char *bytes = mmap(NULL, (size_t)READ_CHUNKS * READ_CHUNK, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (bytes == MAP_FAILED) {
        return TIDINGS_E_NO_MEMORY;
    }
    cache->bytes = bytes;
    return TIDINGS_OK;
}

void read_cache_deinit(struct commitlog *log)
{
    for (int i = 0; i < READ_FILES; i++) {
        file_drop(&log->cache.files[i]);
    }
    if (log->cache.bytes != NULL) {
        munmap(log->cache.bytes, (size_t)READ_CHUNKS * READ_CHUNK);
    }
    buf_deinit(&log->cache.bounce);
}

void read_cache_forget(struct commitlog *log, int64_t segment)
{
    struct read_cache *cache = &log->cache;
    for (int i = 0; i < READ_FILES; i++) {
        if (cache->files[i].fd >= 0 && cache->files[i].segment == segment) {
            file_drop(&cache->files[i]);
        }
    }
    for (int i = 0; i < READ_CHUNKS; i++) {
        struct read_chunk *chunk = &cache->chunks[i];
        if (chunk->position >= 0 && segment_of(log, chunk->position) == segment) {
            chunk_drop(chunk);
        }
    }
}

void read_cache_calm(struct commitlog *log, int64_t now_us)
{
    struct read_cache *cache = &log->cache;
    if (!cache->warm) {
        return;
    }
    if (cache->clock != cache->calm_clock) {
        cache->calm_clock = cache->clock;
        cache->calm_us = now_us;
        return;
    }
    if (now_us - cache->calm_us < CALM_US) {
        return;
    }
    for (int i = 0; i < READ_CHUNKS; i++) {
        struct read_chunk *chunk = &cache->chunks[i];
        if (chunk != cache->last) {
            chunk_drop(chunk);
            (void)madvise(chunk_bytes(cache, chunk), READ_CHUNK, MADV_DONTNEED);
        }
    }
    cache->warm = false;
}

static int file_of(struct commitlog *log, int64_t segment)
{
    struct read_cache *cache = &log->cache;
    struct read_file *oldest = &cache->files[0];
    for (int i = 0; i < READ_FILES; i++) {
        struct read_file *file = &cache->files[i];
        if (file->fd >= 0 && file->segment == segment) {
            file->used = ++cache->clock;
            return file->fd;
        }
        if (file->used < oldest->used) {
            oldest = file;
        }
    }
    file_drop(oldest);
    oldest->fd = segment_open(log, segment, O_RDONLY);
    if (oldest->fd >= 0) {
        oldest->segment = segment;
        oldest->used = ++cache->clock;
    }
    return oldest->fd;
}

// Reads [position, position + len), which lies within a segment and below the durable position; at
// least `need` bytes of it (a file may end with its last record), *ret_got tells how many.
static tidings_status load(struct commitlog *log, int64_t position, size_t need, size_t len,
                           char *out, size_t *ret_got, struct tidings_error *err)
{
    int fd = file_of(log, segment_of(log, position));
    int why = fd < 0 ? errno : fault_hit(log->options.fault, FAULT_LOG_READ);
    ssize_t got = 0;
    if (why == 0) {
        got = read_at(fd, out, len, offset_of(log, position));
        why = got < 0 ? errno : 0;
    }
    if (why == ENOENT) {
        return error_set(err, TIDINGS_E_CORRUPT, "the file of position %lld of the log is missing",
                         (long long)position);
    }
    if (why != 0) {
        return error_set_errno(err, TIDINGS_E_IO, why, "cannot read the log at %lld",
                               (long long)position);
    }
    *ret_got = (size_t)got;
    if ((size_t)got < need) {
        return error_set(err, TIDINGS_E_CORRUPT, "the file of position %lld of the log is short",
                         (long long)position);
    }
    return TIDINGS_OK;
}

static struct read_chunk *find_chunk(struct read_cache *cache, int64_t start)
{
    struct read_chunk *oldest = &cache->chunks[0];
    for (int i = 0; i < READ_CHUNKS; i++) {
        if (cache->chunks[i].position == start) {
            return &cache->chunks[i];
        }
        if (cache->chunks[i].used < oldest->used) {
            oldest = &cache->chunks[i];
        }
    }
    chunk_drop(oldest);
    oldest->position = start;
    return oldest;
}

// View of [position, position + len) in its chunk. A chunk that was read at the tail is extended to
// what has become durable since; what is durable does not change.
static tidings_status view_chunk(struct commitlog *log, int64_t position, int64_t start, size_t len,
                                 int64_t limit, const char **ret, struct tidings_error *err)
{
    struct read_cache *cache = &log->cache;
    struct read_chunk *chunk = cache->last;
    size_t at = (size_t)(position - start);
    if (chunk == NULL || chunk->position != start) {
        chunk = find_chunk(cache, start);
        cache->last = chunk;
    }
    chunk->used = ++cache->clock;
    if (at + len > chunk->len) {
        int64_t left = limit - start;
        size_t known = left < READ_CHUNK ? (size_t)left : READ_CHUNK;
        cache->warm = true;
        size_t got;
        tidings_status status =
            load(log, start + (int64_t)chunk->len, at + len - chunk->len, known - chunk->len,
                 chunk_bytes(cache, chunk) + chunk->len, &got, err);
        if (status != TIDINGS_OK) {
            return status;
        }
        chunk->len += got;
    }
    *ret = chunk_bytes(cache, chunk) + at;
    return TIDINGS_OK;
}

// View of `len` bytes: in a chunk, or in the bounce buffer when they cross chunks. E_NOT_FOUND when
// they reach beyond what is durable.
static tidings_status view(struct commitlog *log, int64_t position, size_t len, const char **ret,
                           struct tidings_error *err)
{
    struct buf *bounce = &log->cache.bounce;
    int64_t durable = atomic_load_explicit(&log->durable, memory_order_acquire);
    int64_t border = segment_start(log, segment_of(log, position) + 1);
    int64_t limit = border < durable ? border : durable;
    int64_t start = position - offset_of(log, position) % READ_CHUNK;
    if (position + (int64_t)len > limit) {
        return error_set(err, TIDINGS_E_NOT_FOUND, "no record at position %lld",
                         (long long)position);
    }
    if (position + (int64_t)len <= start + READ_CHUNK) {
        return view_chunk(log, position, start, len, limit, ret, err);
    }
    char *room;
    if (bounce->size > READ_BOUNCE_KEEP && len <= READ_BOUNCE_KEEP) {
        buf_deinit(bounce);
    }
    buf_clear(bounce);
    tidings_status status = buf_reserve(bounce, len, &room);
    if (status != TIDINGS_OK) {
        return error_set(err, status, "no memory to read %zu bytes of the log", len);
    }
    *ret = room;
    size_t got;
    return load(log, position, len, len, room, &got, err);
}

// ---- the face ----
tidings_status commitlog_read(struct commitlog *log, int64_t position, uint8_t *ret_type,
                              int64_t *ret_wall_ms, struct str *ret_payload,
                              struct tidings_error *err)
{
    struct record record;
    const char *bytes;
    int64_t begin = atomic_load(&log->begin);
    int64_t size = log->options.segment_size;
    if (position < begin || position % COMMITLOG_ALIGN != 0 ||
        offset_of(log, position) + COMMITLOG_HEADER > size) {
        return error_set(err, TIDINGS_E_NOT_FOUND,
                         "no record at position %lld, the log reaches from %lld to %lld",
                         (long long)position, (long long)begin,
                         (long long)atomic_load(&log->durable));
    }
    tidings_status status = view(log, position, COMMITLOG_HEADER, &bytes, err);
    if (status != TIDINGS_OK) {
        return status;
    }
    if (!record_decode(size, bytes, position, &record)) {
        return record_claims(bytes, position)
                   ? error_set(err, TIDINGS_E_CORRUPT,
                               "the record at position %lld has a damaged header",
                               (long long)position)
                   : error_set(err, TIDINGS_E_NOT_FOUND, "no record at position %lld",
                               (long long)position);
    }
    status = view(log, position, COMMITLOG_HEADER + record.payload_len, &bytes, err);
    if (status == TIDINGS_E_NOT_FOUND) {
        return error_set(err, TIDINGS_E_CORRUPT, "the record at position %lld has a damaged length",
                         (long long)position);
    }
    if (status != TIDINGS_OK) {
        return status;
    }
    if (!record_is_sound(bytes, &record)) {
        return error_set(err, TIDINGS_E_CORRUPT, "the record at position %lld fails its checksum",
                         (long long)position);
    }
    *ret_type = record.type;
    *ret_wall_ms = record.wall_ms;
    *ret_payload = str_make(bytes + COMMITLOG_HEADER, record.payload_len);
    return TIDINGS_OK;
}
