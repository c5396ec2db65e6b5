// SPDX-License-Identifier: Apache-2.0
// A file of any content is opened as a log: whatever was recovered can be read, the log goes on
// from there, and opening it once more gives the same and what was appended. The first byte of the
// input chooses whether checksums and positions are put right, so that more than the checksum is
// looked at.
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/num.h"
#include "commitlog/commitlog.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SEGMENT = 1024 * 1024, POSITIONS = 4096, PAYLOAD_MAX = 64 * 1024 };

struct seen {
    size_t count;
    int64_t positions[POSITIONS];
    uint64_t bytes;
    pthread_mutex_t lock;
    pthread_cond_t woken;
    bool is_awake;
};

static void wake(void *arg)
{
    struct seen *seen = arg;
    pthread_mutex_lock(&seen->lock);
    seen->is_awake = true;
    pthread_cond_signal(&seen->woken);
    pthread_mutex_unlock(&seen->lock);
}

static tidings_status replay(void *arg, int64_t position, uint8_t type, int64_t wall_ms,
                             struct str payload)
{
    struct seen *seen = arg;
    (void)wall_ms;
    BASE_ASSERT(payload.len > 0 && payload.len <= SEGMENT && type != 0 && position % 8 == 0);
    seen->bytes += num_crc32c(0, payload.ptr, payload.len);
    if (seen->count < POSITIONS) {
        seen->positions[seen->count] = position;
    }
    seen->count++;
    return TIDINGS_OK;
}

static void report(void *arg, const struct commitlog_damage *damage)
{
    (void)arg;
    BASE_ASSERT(damage->position < damage->end && damage->text[0] != '\0');
}

// Makes records of what stands there: version, position and checksum are put right.
static void put_right(uint8_t *bytes, size_t size)
{
    for (size_t at = 0; at + COMMITLOG_HEADER <= size;) {
        uint32_t len = num_load_le32(bytes + at) & 0xfff;
        size_t whole = COMMITLOG_HEADER + (size_t)len;
        uint64_t position = at;
        if (len == 0 || whole > size - at) {
            at += COMMITLOG_ALIGN;
            continue;
        }
        memcpy(bytes + at, &len, sizeof len);
        bytes[at + 5] = 1;
        memset(bytes + at + 6, 0, 2);
        memset(bytes + at + 28, 0, 4);
        memcpy(bytes + at + 16, &position, sizeof position);
        uint32_t crc = num_crc32c(0, bytes + at, 8);
        crc = num_crc32c(crc, bytes + at + 12, whole - 12);
        memcpy(bytes + at + 8, &crc, sizeof crc);
        at += (whole + COMMITLOG_ALIGN - 1) & ~(size_t)(COMMITLOG_ALIGN - 1);
        if (at + 16 <= size && (bytes[at + 15] & 1) == 0) {
            memcpy(bytes + at + 12, &crc, sizeof crc); // the next one is chained to it
        }
    }
}

static void append_one(struct commitlog *log, struct seen *seen)
{
    int64_t position;
    int64_t failed_from;
    char *payload;
    struct tidings_error err = { 0 };
    tidings_status status = commitlog_append_begin(log, 8, &position, &payload);
    BASE_ASSERT(status == TIDINGS_OK);
    memcpy(payload, "appended", 8);
    commitlog_append_end(log, 1, 8);
    commitlog_submit(log);
    pthread_mutex_lock(&seen->lock);
    while (!seen->is_awake) {
        pthread_cond_wait(&seen->woken, &seen->lock);
    }
    pthread_mutex_unlock(&seen->lock);
    int64_t durable = commitlog_durable(log, &failed_from, &err);
    BASE_ASSERT(failed_from < 0 && durable == commitlog_end(log));
}

static void read_all(struct commitlog *log, const struct seen *seen)
{
    for (size_t i = 0; i < seen->count && i < POSITIONS; i++) {
        uint8_t type;
        int64_t wall_ms;
        struct str payload;
        struct tidings_error err = { 0 };
        tidings_status status =
            commitlog_read(log, seen->positions[i], &type, &wall_ms, &payload, &err);
        BASE_ASSERT(status == TIDINGS_OK && payload.len > 0);
    }
}

static void write_file(const char *folder, const uint8_t *data, size_t size)
{
    char path[256];
    int n = snprintf(path, sizeof path, "%s/00000000000000000000.log", folder);
    BASE_ASSERT(n > 0 && (size_t)n < sizeof path);
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    BASE_ASSERT(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    close(fd);
}

static void open_twice(const char *folder, int64_t from)
{
    struct seen *seen = calloc(1, sizeof *seen);
    BASE_ASSERT(seen != NULL);
    pthread_mutex_init(&seen->lock, NULL);
    pthread_cond_init(&seen->woken, NULL);
    struct commitlog_options options = { .folder = folder,
                                         .segment_size = SEGMENT,
                                         .payload_max = PAYLOAD_MAX,
                                         .batch_max = PAYLOAD_MAX,
                                         .clock = clock_system(),
                                         .wake = wake,
                                         .wake_arg = seen };
    struct commitlog *log;
    struct tidings_error err = { 0 };
    tidings_status status = commitlog_open(&options, from, replay, report, seen, &log, &err);
    if (status == TIDINGS_OK) {
        size_t count = seen->count;
        uint64_t bytes = seen->bytes;
        append_one(log, seen);
        read_all(log, seen);
        status = commitlog_close(log, &err);
        BASE_ASSERT(status == TIDINGS_OK);
        seen->count = 0;
        seen->bytes = 0;
        status = commitlog_open(&options, from, replay, report, seen, &log, &err);
        BASE_ASSERT(status == TIDINGS_OK && seen->count == count + 1 &&
                    seen->bytes == bytes + num_crc32c(0, "appended", 8));
        status = commitlog_close(log, &err);
        BASE_ASSERT(status == TIDINGS_OK);
    } else {
        BASE_ASSERT(err.text[0] != '\0');
    }
    pthread_mutex_destroy(&seen->lock);
    pthread_cond_destroy(&seen->woken);
    free(seen);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char folder[] = "/dev/shm/fuzz-commitlog-XXXXXX";
    if (size < 2 || size > SEGMENT) {
        return 0;
    }
    uint8_t *bytes = malloc(size - 2);
    BASE_ASSERT(mkdtemp(folder) != NULL && (bytes != NULL || size == 2));
    if (size > 2) {
        memcpy(bytes, data + 2, size - 2);
    }
    if ((data[0] & 1) != 0) {
        put_right(bytes, size - 2);
    }
    write_file(folder, bytes, size - 2);
    open_twice(folder, (data[0] & 2) != 0 ? data[1] * 8 : 0);
    free(bytes);

    char path[256];
    for (int segment = 0; segment < 3; segment++) {
        int n = snprintf(path, sizeof path, "%s/%020d.log", folder, segment * SEGMENT);
        BASE_ASSERT(n > 0 && (size_t)n < sizeof path);
        (void)unlink(path);
    }
    BASE_ASSERT(rmdir(folder) == 0);
    return 0;
}
