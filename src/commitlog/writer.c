// SPDX-License-Identifier: Apache-2.0
// The writer thread (one write and one fdatasync per batch) and the thread that keeps zeros ahead
// of it: a sync after a write into bytes that were written before costs a third of one that makes
// the file longer.
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "commitlog/private.h"

// ---- writing a batch ----
static int open_for_write(struct commitlog *log, int64_t segment)
{
    bool recycled;
    if (log->write_fd >= 0 && log->write_segment == segment) {
        return 0;
    }
    if (log->write_fd >= 0) {
        close(log->write_fd);
    }
    log->write_fd = segment_make(log, segment, &recycled);
    log->write_segment = segment;
    return log->write_fd >= 0 ? 0 : errno;
}

static int write_chunk(struct commitlog *log, const struct batch *batch, const struct chunk *chunk)
{
    int64_t segment = segment_of(log, chunk->position);
    int why = open_for_write(log, segment);
    if (why == 0) {
        why = fault_hit(log->options.fault, FAULT_LOG_WRITE);
    }
    if (why == 0) {
        why = write_at(log->write_fd, batch->bytes.ptr + chunk->at, chunk->len,
                       chunk->position - segment * log->options.segment_size);
    }
    if (why == 0) {
        why = fault_hit(log->options.fault, FAULT_LOG_SYNC);
    }
    if (why == 0 && fdatasync(log->write_fd) != 0) {
        why = errno;
    }
    return why;
}

// Beyond the zeros the file grows: under the lock, and only while the reserve stays free.
static int write_growing(struct commitlog *log, const struct batch *batch,
                         const struct chunk *chunk)
{
    pthread_mutex_lock(&log->grow);
    int64_t end = chunk->position + (int64_t)chunk->len;
    int why = 0;
    if (end > log->zeroed && segment_room(log) < (int64_t)chunk->len) {
        why = ENOSPC;
    }
    if (why == 0) {
        why = write_chunk(log, batch, chunk);
    }
    if (why == 0 && end > log->zeroed) {
        log->zeroed = end;
    }
    pthread_mutex_unlock(&log->grow);
    return why;
}

static int write_batch(struct commitlog *log, const struct batch *batch)
{
    int why = 0;
    for (unsigned i = 0; i < batch->chunk_count && why == 0; i++) {
        const struct chunk *chunk = &batch->chunks[i];
        pthread_mutex_lock(&log->grow);
        bool inside = chunk->position + (int64_t)chunk->len <= log->zeroed;
        pthread_mutex_unlock(&log->grow);
        why = inside ? write_chunk(log, batch, chunk) : write_growing(log, batch, chunk);
    }
    return why;
}

// What was given up must not be found by recovery: its first header is overwritten, as far as the
// disk lets us.
static bool erase_given_up(struct commitlog *log, int64_t position)
{
    static const char zeros[COMMITLOG_HEADER];
    int64_t segment = segment_of(log, position);
    return open_for_write(log, segment) == 0 &&
           write_at(log->write_fd, zeros, sizeof zeros,
                    position - segment * log->options.segment_size) == 0 &&
           fdatasync(log->write_fd) == 0;
}

static void note_sync(struct commitlog *log, const struct batch *batch, int64_t us)
{
    atomic_fetch_add(&log->stat_batches, 1);
    atomic_fetch_add(&log->stat_records, batch->records);
    atomic_fetch_add(&log->stat_bytes, batch->bytes.len);
    atomic_fetch_add(&log->stat_sync_us, (uint64_t)us);
    if ((uint64_t)us > atomic_load(&log->stat_sync_us_max)) {
        atomic_store(&log->stat_sync_us_max, (uint64_t)us);
    }
}

// Gives the batch back for use; a large buffer is let go.
static void recycle(struct commitlog *log, struct batch *batch)
{
    if (batch->bytes.size > BATCH_KEEP) {
        buf_deinit(&batch->bytes);
    }
    buf_clear(&batch->bytes);
    batch->chunk_count = 0;
    batch->records = 0;
    log->spare = batch;
}

static void finish_batch(struct commitlog *log, struct batch *batch, int why)
{
    if (why != 0) {
        (void)erase_given_up(
            log, log->durable); // if it fails too, the probe does it before service resumes
    }
    pthread_mutex_lock(&log->lock);
    if (why == 0) {
        log->durable_crc = batch->last_crc;
        atomic_store(&log->durable, batch->end);
    } else {
        log->failed = true;
        log->state = why == ENOSPC || why == EDQUOT ? LOG_STATE_FULL : LOG_STATE_FAILED;
        (void)error_set_errno(&log->why, TIDINGS_E_IO, why, "%s cannot be written",
                              log->options.folder);
    }
    atomic_fetch_sub(&log->stat_waiting, batch->bytes.len);
    recycle(log, batch);
    log->writing = false;
    pthread_mutex_unlock(&log->lock);
    log->options.wake(log->options.wake_arg);
}

// ---- trying again after a failure ----
static void probe(struct commitlog *log)
{
    bool good = true;
    if (log->state == LOG_STATE_FULL) {
        good = segment_room(log) > PIECE;
    }
    int why = fault_hit(log->options.fault, FAULT_LOG_WRITE);
    good = good && why == 0 && erase_given_up(log, log->durable);
    if (!good) {
        return;
    }
    pthread_mutex_lock(&log->lock);
    log->state = LOG_STATE_OK;
    pthread_mutex_unlock(&log->lock);
    log->options.wake(log->options.wake_arg);
}

static void wait_work(struct commitlog *log)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += PROBE_MS / 1000;
    if (log->state == LOG_STATE_OK) {
        pthread_cond_wait(&log->work, &log->lock);
    } else {
        pthread_cond_timedwait(&log->work, &log->lock, &until);
    }
}

void *writer_run(void *arg)
{
    struct commitlog *log = arg;
    pthread_mutex_lock(&log->lock);
    for (;;) {
        while (log->waiting == NULL && !log->stopping) {
            wait_work(log);
            if (log->waiting == NULL && log->state != LOG_STATE_OK && !log->failed &&
                !log->stopping) {
                pthread_mutex_unlock(&log->lock);
                probe(log);
                pthread_mutex_lock(&log->lock);
            }
        }
        struct batch *batch = log->waiting;
        if (batch == NULL) {
            break;
        }
        log->waiting = NULL;
        pthread_mutex_unlock(&log->lock);
        int64_t before_us = clock_mono_us(log->options.clock);
        int why = write_batch(log, batch);
        note_sync(log, batch, clock_mono_us(log->options.clock) - before_us);
        finish_batch(log, batch, why);
        pthread_mutex_lock(&log->lock);
    }
    pthread_mutex_unlock(&log->lock);
    return NULL;
}

// ---- zeros ahead ----
// One piece from log->zeroed on; false when nothing more can be done now. Holds `grow`.
static bool zero_piece(struct commitlog *log, int64_t target, const char *zeros)
{
    bool recycled = false;
    int64_t size = log->options.segment_size;
    if (log->zeroed >= target || segment_room(log) < 2 * PIECE) {
        return false;
    }
    int64_t segment = segment_of(log, log->zeroed);
    int64_t offset = log->zeroed - segment * size;
    int64_t len = size - offset < PIECE ? size - offset : PIECE;
    int fd = segment_make(log, segment, &recycled);
    if (fd < 0) {
        return false;
    }
    bool good;
    if (recycled) {
        len = size - offset; // written in its former life
        good = true;
    } else {
        good = write_at(fd, zeros, (size_t)len, offset) == 0 && fdatasync(fd) == 0;
    }
    close(fd);
    if (good) {
        log->zeroed += len;
    }
    return good;
}

void *ahead_run(void *arg)
{
    struct commitlog *log = arg;
    char *zeros = calloc(1, PIECE);
    pthread_mutex_lock(&log->grow);
    while (!log->ahead_stopping && zeros != NULL) {
        int64_t target = atomic_load(&log->durable) + log->options.ahead;
        if (zero_piece(log, target, zeros)) {
            pthread_mutex_unlock(&log->grow); // the writer may be waiting for it
            pthread_mutex_lock(&log->grow);
            continue;
        }
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += 20 * 1000000;
        if (until.tv_nsec >= 1000000000) {
            until.tv_nsec -= 1000000000;
            until.tv_sec++;
        }
        if (log->zeroed >= target) {
            pthread_cond_wait(&log->grow_work, &log->grow); // told by submit
        } else {
            pthread_cond_timedwait(&log->grow_work, &log->grow, &until);
        }
    }
    pthread_mutex_unlock(&log->grow);
    free(zeros);
    return NULL;
}
