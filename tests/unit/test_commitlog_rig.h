// SPDX-License-Identifier: Apache-2.0
// What the tests of commitlog share: a folder that is gone afterwards, a log with a waitable wake,
// records whose content follows from their number, and what recovery told.
#ifndef TEST_COMMITLOG_RIG_H
#define TEST_COMMITLOG_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/num.h"
#include "commitlog/commitlog.h"

enum { RIG_SEGMENT = 1024 * 1024, RIG_MAX = 200000, RIG_DAMAGES = 16, RIG_WAIT_S = 60 };

struct rig {
    char folder[256];
    struct commitlog_options options;
    struct fault fault;
    struct commitlog *log;
    struct tidings_error err;
    pthread_mutex_t lock;
    pthread_cond_t woken;
    uint64_t wakes;
    uint64_t seen_wakes;
    uint64_t seed; // of the content of records
    // what was replayed
    uint64_t *numbers;
    int64_t *positions;
    size_t count;
    bool all_sound;
    struct commitlog_damage damages[RIG_DAMAGES];
    size_t damage_count;
};

static inline void rig_wake(void *arg)
{
    struct rig *rig = arg;
    pthread_mutex_lock(&rig->lock);
    rig->wakes++;
    pthread_cond_signal(&rig->woken);
    pthread_mutex_unlock(&rig->lock);
}

// Waits for a wake that was not yet seen.
static inline void rig_wait(struct rig *rig)
{
    struct timespec until;
    int why = 0;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += RIG_WAIT_S;
    pthread_mutex_lock(&rig->lock);
    while (rig->wakes == rig->seen_wakes && why == 0) {
        why = pthread_cond_timedwait(&rig->woken, &rig->lock, &until);
    }
    rig->seen_wakes = rig->wakes;
    pthread_mutex_unlock(&rig->lock);
    assert_int_equal(why, 0);
}

static inline void rig_init_at(struct rig *rig, const char *parent)
{
    memset(rig, 0, sizeof *rig);
    int n = snprintf(rig->folder, sizeof rig->folder, "%s/commitlog-XXXXXX", parent);
    assert_true(n > 0 && (size_t)n < sizeof rig->folder);
    assert_non_null(mkdtemp(rig->folder));
    pthread_mutex_init(&rig->lock, NULL);
    pthread_cond_init(&rig->woken, NULL);
    fault_init(&rig->fault);
    rig->numbers = calloc(RIG_MAX, sizeof *rig->numbers);
    rig->positions = calloc(RIG_MAX, sizeof *rig->positions);
    assert_true(rig->numbers != NULL && rig->positions != NULL);
    rig->options = (struct commitlog_options){
        .folder = rig->folder,
        .segment_size = RIG_SEGMENT,
        .payload_max = 256 * 1024,
        .batch_max = 1024 * 1024,
        .ahead = 256 * 1024,
        .clock = clock_system(),
        .fault = &rig->fault,
        .wake = rig_wake,
        .wake_arg = rig,
    };
}

static inline void rig_init(struct rig *rig)
{
    rig_init_at(rig, "/tmp");
}

// In memory, where there is such a place: for tests that open very often.
static inline void rig_init_fast(struct rig *rig)
{
    rig_init_at(rig, access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
}

// ---- records ----
static inline size_t rig_len(const struct rig *rig, uint64_t number)
{
    uint64_t mixed = (number + rig->seed) * 0x9e3779b97f4a7c15ULL;
    return 8 + (size_t)((mixed >> 40) % 500);
}

static inline void rig_fill(const struct rig *rig, uint64_t number, char *out, size_t len)
{
    uint64_t state = number ^ (rig->seed << 32);
    memcpy(out, &number, sizeof number);
    for (size_t i = sizeof number; i < len; i++) {
        state = state * 6364136223846793005ULL + 1442695040888963407ULL;
        out[i] = (char)(state >> 56);
    }
}

static inline bool rig_is(const struct rig *rig, struct str payload, uint64_t *ret_number)
{
    char *want = malloc(payload.len);
    bool same = false;
    if (want != NULL && payload.len >= 8) {
        *ret_number = num_load_le64(payload.ptr);
        rig_fill(rig, *ret_number, want, payload.len);
        same = memcmp(want, payload.ptr, payload.len) == 0;
    }
    free(want);
    return same;
}

static inline tidings_status rig_append_len(struct rig *rig, uint64_t number, size_t len,
                                            int64_t *ret_position)
{
    char *payload;
    tidings_status status = commitlog_append_begin(rig->log, len, ret_position, &payload);
    if (status == TIDINGS_OK) {
        rig_fill(rig, number, payload, len);
        commitlog_append_end(rig->log, (uint8_t)(1 + number % 255), len);
    }
    return status;
}

static inline tidings_status rig_append(struct rig *rig, uint64_t number, int64_t *ret_position)
{
    return rig_append_len(rig, number, rig_len(rig, number), ret_position);
}

// Submits and waits until all is durable, or a failure was told. Returns failed_from.
static inline int64_t rig_sync(struct rig *rig)
{
    int64_t failed_from = -1;
    commitlog_submit(rig->log);
    while (commitlog_durable(rig->log, &failed_from, &rig->err) < commitlog_end(rig->log) &&
           failed_from < 0) {
        rig_wait(rig);
        commitlog_submit(rig->log);
    }
    return failed_from;
}

// Appends `count` records from `number` on, keeping their positions, and syncs.
static inline void rig_append_many(struct rig *rig, uint64_t number, size_t count,
                                   int64_t *ret_positions)
{
    for (size_t i = 0; i < count; i++) {
        int64_t position;
        tidings_status status = rig_append(rig, number + i, &position);
        if (status == TIDINGS_E_AGAIN) {
            assert_int_equal(rig_sync(rig), -1);
            status = rig_append(rig, number + i, &position);
        }
        assert_int_equal(status, TIDINGS_OK);
        if (ret_positions != NULL) {
            ret_positions[i] = position;
        }
    }
    assert_int_equal(rig_sync(rig), -1);
}

// ---- opening ----
static inline tidings_status rig_replay(void *arg, int64_t position, uint8_t type, int64_t wall_ms,
                                        struct str payload)
{
    struct rig *rig = arg;
    uint64_t number = 0;
    rig->all_sound = rig->all_sound && rig_is(rig, payload, &number) &&
                     type == (uint8_t)(1 + number % 255) && wall_ms > 0;
    if (rig->count < RIG_MAX) {
        rig->numbers[rig->count] = number;
        rig->positions[rig->count] = position;
        rig->count++;
    }
    return TIDINGS_OK;
}

static inline void rig_report(void *arg, const struct commitlog_damage *damage)
{
    struct rig *rig = arg;
    if (rig->damage_count < RIG_DAMAGES) {
        rig->damages[rig->damage_count] = *damage;
    }
    rig->damage_count++;
}

static inline tidings_status rig_try_open(struct rig *rig, int64_t from)
{
    rig->count = 0;
    rig->all_sound = true;
    rig->damage_count = 0;
    rig->log = NULL;
    memset(&rig->err, 0, sizeof rig->err);
    return commitlog_open(&rig->options, from, rig_replay, rig_report, rig, &rig->log, &rig->err);
}

static inline void rig_open(struct rig *rig, int64_t from)
{
    tidings_status status = rig_try_open(rig, from);
    if (status != TIDINGS_OK) {
        print_error("open: %s\n", rig->err.text);
    }
    assert_int_equal(status, TIDINGS_OK);
    assert_true(rig->all_sound);
}

static inline void rig_close(struct rig *rig)
{
    tidings_status status = commitlog_close(rig->log, &rig->err);
    rig->log = NULL;
    if (status != TIDINGS_OK) {
        print_error("close: %s\n", rig->err.text);
    }
    assert_int_equal(status, TIDINGS_OK);
}

// Numbers were replayed as first, first + 1, … `count` of them.
static inline void rig_expect(const struct rig *rig, uint64_t first, size_t count)
{
    assert_int_equal(rig->count, count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(rig->numbers[i], first + i);
    }
}

static inline void rig_expect_read(struct rig *rig, int64_t position, uint64_t number)
{
    uint8_t type;
    int64_t wall_ms;
    struct str payload;
    uint64_t found;
    tidings_status status =
        commitlog_read(rig->log, position, &type, &wall_ms, &payload, &rig->err);
    if (status != TIDINGS_OK) {
        print_error("read: %s\n", rig->err.text);
    }
    assert_int_equal(status, TIDINGS_OK);
    assert_true(rig_is(rig, payload, &found));
    assert_int_equal(found, number);
    assert_int_equal(type, (uint8_t)(1 + number % 255));
}

// ---- files ----
static inline void rig_path(const struct rig *rig, int64_t segment, char *out, size_t size)
{
    int n = snprintf(out, size, "%s/%020lld.log", rig->folder,
                     (long long)(segment * rig->options.segment_size));
    assert_true(n > 0 && (size_t)n < size);
}

static inline int rig_file(const struct rig *rig, int64_t segment)
{
    char path[512];
    rig_path(rig, segment, path, sizeof path);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    return fd;
}

static inline void rig_flip(const struct rig *rig, int64_t position)
{
    char byte;
    int fd = rig_file(rig, position / rig->options.segment_size);
    off_t at = (off_t)(position % rig->options.segment_size);
    assert_int_equal(pread(fd, &byte, 1, at), 1);
    byte = (char)(byte ^ 0x10);
    assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    close(fd);
}

static inline void rig_put(const struct rig *rig, int64_t position, const void *bytes, size_t len)
{
    int fd = rig_file(rig, position / rig->options.segment_size);
    off_t at = (off_t)(position % rig->options.segment_size);
    assert_int_equal(pwrite(fd, bytes, len, at), len);
    close(fd);
}

static inline void rig_get(const struct rig *rig, int64_t position, void *bytes, size_t len)
{
    int fd = rig_file(rig, position / rig->options.segment_size);
    off_t at = (off_t)(position % rig->options.segment_size);
    assert_int_equal(pread(fd, bytes, len, at), len);
    close(fd);
}

// Number of files whose name begins with `start`; removes them too when told so.
static inline size_t rig_files(const struct rig *rig, const char *start, bool remove)
{
    size_t count = 0;
    DIR *dir = opendir(rig->folder);
    assert_non_null(dir);
    const struct dirent *entry;
    while ((entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] != '.' && strncmp(entry->d_name, start, strlen(start)) == 0) {
            count++;
            if (remove) {
                assert_int_equal(unlinkat(dirfd(dir), entry->d_name, 0), 0);
            }
        }
    }
    closedir(dir);
    return count;
}

static inline void rig_deinit(struct rig *rig)
{
    if (rig->log != NULL) {
        rig_close(rig);
    }
    rig_files(rig, "", true);
    assert_int_equal(rmdir(rig->folder), 0);
    pthread_mutex_destroy(&rig->lock);
    pthread_cond_destroy(&rig->woken);
    free(rig->numbers);
    free(rig->positions);
}

#endif
