// SPDX-License-Identifier: Apache-2.0
// The writer thread: one write and one fdatasync per batch and file.
//
// When a write or a sync fails, no record of the batch is durable and all that was appended later
// is given up too. What the failed batch left on the disk must not come back at the next opening:
//   · The page that holds the durable position (or, when the batch began with a new segment, the
//     first page of that) is written anew: the acknowledged records in its front, zeros behind.
//     With its first header gone the given-up batch is not found: what is behind it carries a
//     durable position that proves nothing (see search.c).
//   · After a failed fdatasync the kernel may hold pages for clean that never reached the disk.
//   Those
//     below the durable position had been synced before; that one page which may mix both is dirty
//     again by the rewriting; all others of the batch are written anew with the records to come.
//   · The rewriting is tried at once and, when that fails too, is part of the probe: no append is
//     taken before it has succeeded. What remains: the process ends, or the machine stops, between
//     the failure and the first rewriting that succeeds. Then the next opening may find records
//     that were refused.
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "commitlog/private.h"

// ---- writing a batch ----
static void close_file(struct commitlog *log)
{
    if (log->write_fd >= 0) {
        close(log->write_fd);
    }
    log->write_fd = -1;
    log->write_segment = -1;
}

// Opens the file of a segment that is there, or makes it (`grow` is held then).
static int open_file(struct commitlog *log, int64_t segment, bool make)
{
    if (log->write_fd >= 0 && log->write_segment == segment) {
        return 0;
    }
    bool recycled = false;
    close_file(log);
    log->write_fd =
        make ? segment_make(log, segment, &recycled) : segment_open(log, segment, O_RDWR);
    if (log->write_fd < 0) {
        return errno;
    }
    log->write_segment = segment;
    if (recycled && atomic_load(&log->zeroed) < segment_start(log, segment + 1)) {
        atomic_store(&log->zeroed, segment_start(log, segment + 1));
    }
    return 0;
}

static int sync_file(struct commitlog *log)
{
    int why = fault_hit(log->options.fault, FAULT_LOG_SYNC);
    if (why == 0 && fdatasync(log->write_fd) != 0) {
        why = errno;
    }
    return why;
}

static int put_bytes(struct commitlog *log, const char *bytes, size_t len, int64_t position)
{
    int why = fault_hit(log->options.fault, FAULT_LOG_WRITE);
    return why != 0 ? why : write_at(log->write_fd, bytes, len, offset_of(log, position));
}

// Beyond the zeros the file grows: under `grow`, and only while the reserve stays free.
static int put_growing(struct commitlog *log, const char *bytes, size_t len, int64_t position)
{
    int64_t end = position + (int64_t)len;
    int why = 0;
    pthread_mutex_lock(&log->grow);
    if (end > atomic_load(&log->zeroed) && segment_room(log) < (int64_t)len) {
        why = ENOSPC;
    }
    if (why == 0) {
        why = ahead_pad(log, position);
    }
    if (why == 0) {
        why = open_file(log, segment_of(log, position), true);
    }
    if (why == 0) {
        why = put_bytes(log, bytes, len, position);
    }
    if (why == 0 && end > atomic_load(&log->zeroed)) {
        atomic_store(&log->zeroed, end);
    }
    pthread_mutex_unlock(&log->grow);
    return why;
}

static int put(struct commitlog *log, const char *bytes, size_t len, int64_t position)
{
    if (position + (int64_t)len > atomic_load(&log->zeroed)) {
        return put_growing(log, bytes, len, position);
    }
    int why = open_file(log, segment_of(log, position), false);
    return why != 0 ? why : put_bytes(log, bytes, len, position);
}

static int write_batch(struct commitlog *log, const struct batch *batch)
{
    int why = 0;
    for (unsigned i = 0; i < batch->chunk_count && why == 0; i++) {
        const struct chunk *chunk = &batch->chunks[i];
        why = put(log, batch->bytes + chunk->at, chunk->len, chunk->position);
        if (why == 0) {
            why = sync_file(log);
        }
    }
    return why;
}

// ---- after a failure ----
// Writes the page of erase_position anew: what is durable in front, zeros behind. Without `extend`
// the file keeps its size: then there is nothing to erase beyond its end, and no room is needed.
static int erase(struct commitlog *log, bool extend)
{
    char page[LOG_PAGE] = { 0 };
    int64_t at = log->erase_position;
    int64_t start = at - at % LOG_PAGE;
    size_t len = sizeof page;
    struct stat info;
    int why = 0;

    pthread_mutex_lock(&log->grow); // the rewriting must not race with the zeros
    close_file(log);                // the descriptor may have reported its error for good
    why = extend ? ahead_pad(log, at) : 0;
    if (why == 0) {
        why = open_file(log, segment_of(log, at), extend);
    }
    if (why == ENOENT && !extend) {
        why = 0;
        goto out;
    }
    if (why == 0 && fstat(log->write_fd, &info) != 0) {
        why = errno;
    }
    if (why == 0 && !extend) {
        int64_t left = info.st_size - offset_of(log, start);
        if (left <= at - start) {
            goto out;
        }
        len = left < LOG_PAGE ? (size_t)left : sizeof page;
    }
    if (why == 0 &&
        read_at(log->write_fd, page, (size_t)(at - start), offset_of(log, start)) < at - start) {
        why = EIO;
    }
    if (why == 0) {
        why = put_bytes(log, page, len, start);
    }
    if (why == 0 && start + (int64_t)len > atomic_load(&log->zeroed)) {
        atomic_store(&log->zeroed, start + (int64_t)len);
    }
    if (why == 0) {
        why = sync_file(log);
    }
out:
    pthread_mutex_unlock(&log->grow);
    return why;
}

// Can the log be written again?
static bool probe(struct commitlog *log)
{
    if (atomic_load(&log->state) == LOG_STATE_FULL &&
        segment_room(log) < PIECE + (int64_t)log->failed_len) {
        return false;
    }
    return erase(log, true) == 0;
}

static void fail(struct commitlog *log, const struct batch *batch, int why)
{
    log->erase_position = batch->chunks[0].position;
    log->failed_len = batch->len;
    (void)erase(log, false); // when it fails, the probe does it before any append is taken
    pthread_mutex_lock(&log->lock);
    log->failed = true;
    (void)error_set_errno(&log->why, TIDINGS_E_IO, why, "the log in %s cannot be written",
                          log->options.folder);
    // The first failure in a while is tried again as soon as it was seen, others once a second.
    int64_t now_us = clock_mono_us(log->options.clock);
    log->probe_wanted = now_us - log->failed_us >= PROBE_MS * 1000;
    log->failed_us = now_us;
    atomic_store(&log->state,
                 log->why.status == TIDINGS_E_DISK_FULL ? LOG_STATE_FULL : LOG_STATE_FAILED);
    pthread_mutex_unlock(&log->lock);
}

// ---- the thread ----
static void note(struct commitlog *log, const struct batch *batch, int64_t us)
{
    uint64_t sync_us = us > 0 ? (uint64_t)us : 0;
    atomic_fetch_add(&log->stat_batches, 1);
    atomic_fetch_add(&log->stat_records, batch->records);
    atomic_fetch_add(&log->stat_bytes, batch->len);
    atomic_fetch_add(&log->stat_sync_us, sync_us);
    if (sync_us > atomic_load(&log->stat_sync_us_max)) {
        atomic_store(&log->stat_sync_us_max, sync_us);
    }
}

static void wake(struct commitlog *log)
{
    if (log->options.wake != NULL) {
        log->options.wake(log->options.wake_arg);
    }
}

// Writes the given batch; takes the offered one. Holds `lock`, but not while writing.
static void write_given(struct commitlog *log)
{
    struct batch *batch = log->given;
    log->given = NULL;
    pthread_mutex_unlock(&log->lock);

    int64_t begin_us = clock_mono_us(log->options.clock);
    int why = write_batch(log, batch);
    if (why == 0) {
        note(log, batch, clock_mono_us(log->options.clock) - begin_us);
    } else {
        fail(log, batch, why);
    }

    pthread_mutex_lock(&log->lock);
    if (why == 0) {
        log->durable_crc = batch->last_crc;
        atomic_store_explicit(&log->durable, batch->end, memory_order_release);
        if (atomic_load(&log->zeroed) < batch->end + log->options.ahead) {
            pthread_cond_signal(&log->ahead_work);
        }
    }
    commitlog_batch_clear(batch);
    log->idle[log->idle_count++] = batch;
    log->writing = false;
    atomic_store_explicit(&log->stat_given, 0, memory_order_relaxed);
    if (why == 0 && log->offered != NULL) {
        log->given = log->offered;
        log->offered = NULL;
        log->writing = true;
        atomic_store_explicit(&log->stat_given, log->given->len, memory_order_relaxed);
        atomic_store_explicit(&log->stat_filling, 0, memory_order_relaxed);
    }
    pthread_mutex_unlock(&log->lock);
    wake(log);
    pthread_mutex_lock(&log->lock);
}

// Holds `lock`, but not while it tries.
static void try_again(struct commitlog *log)
{
    log->probe_wanted = false;
    pthread_mutex_unlock(&log->lock);
    bool good = probe(log);
    pthread_mutex_lock(&log->lock);
    if (good) {
        log->erase_position = -1;
        atomic_store_explicit(&log->state, LOG_STATE_OK, memory_order_release);
    }
    log->probes++;
    pthread_cond_broadcast(&log->probed);
    if (good) {
        pthread_mutex_unlock(&log->lock);
        wake(log);
        pthread_mutex_lock(&log->lock);
    }
}

// Sleeps until there is work; while the log is broken, at most until the next probe.
static void wait_work(struct commitlog *log)
{
    if (atomic_load(&log->state) == LOG_STATE_OK || log->failed) {
        pthread_cond_wait(&log->work, &log->lock);
        return;
    }
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += PROBE_MS / 1000;
    if (pthread_cond_timedwait(&log->work, &log->lock, &until) == ETIMEDOUT) {
        log->probe_wanted = true;
    }
}

void *writer_run(void *arg)
{
    struct commitlog *log = arg;
    pthread_mutex_lock(&log->lock);
    while (log->given != NULL || !log->stopping) {
        if (log->given != NULL) {
            write_given(log);
        } else if (log->probe_wanted && !log->failed && atomic_load(&log->state) != LOG_STATE_OK) {
            try_again(log);
        } else {
            wait_work(log);
        }
    }
    pthread_mutex_unlock(&log->lock);
    close_file(log);
    return NULL;
}
