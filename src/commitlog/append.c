// SPDX-License-Identifier: Apache-2.0
// The appender's side: filling a batch, handing it over, learning what became of it.
//
// Two batches. While the writer is idle a submitted batch is given to it for good. While it is busy
// the batch is only offered: the writer takes it when it is done, the appender takes it back when
// it has more to add before that. So no record needs a lock, and a batch grows as long as the disk
// is busy.
#include <time.h>

#include "commitlog/private.h"

// ---- filling ----
// The offered batch again, or the other one when the writer has taken it. Holds `lock`.
static void settle_offer(struct commitlog *log)
{
    log->is_offered = false;
    if (log->offered == log->filling) {
        log->offered = NULL;
    } else {
        BASE_ASSERT(log->idle_count > 0);
        log->filling = log->idle[--log->idle_count];
    }
}

// Does a record at `position` go on where the batch's last part ends? A segment begins a new one.
static bool has_chunk(const struct commitlog *log, const struct batch *batch, int64_t position)
{
    if (batch->chunk_count == 0 || offset_of(log, position) == 0) {
        return false;
    }
    const struct chunk *last = &batch->chunks[batch->chunk_count - 1];
    return last->position + (int64_t)last->len == position;
}

static bool fits(const struct commitlog *log, int64_t position, size_t need)
{
    const struct batch *batch = log->filling;
    return batch->len + need <= log->options.batch_max &&
           (batch->chunk_count < BATCH_CHUNKS_MAX || has_chunk(log, batch, position));
}

// Makes `filling` a batch that has room. When both are full they are with the writer afterwards, so
// that a wake will come.
static bool make_room(struct commitlog *log, int64_t position, size_t need)
{
    if (log->is_offered) {
        pthread_mutex_lock(&log->lock);
        if (log->offered != log->filling || fits(log, position, need)) {
            settle_offer(log);
        }
        pthread_mutex_unlock(&log->lock);
    }
    if (!log->is_offered && !fits(log, position, need)) {
        commitlog_submit(log);
    }
    return !log->is_offered && fits(log, position, need);
}

tidings_status commitlog_append_begin(struct commitlog *log, size_t payload_max,
                                      int64_t *ret_position, char **ret_payload)
{
    if (payload_max > log->options.payload_max) {
        return TIDINGS_E_TOO_LARGE;
    }
    if (payload_max == 0) {
        return TIDINGS_E_INVALID;
    }
    tidings_status status = state_status(atomic_load_explicit(&log->state, memory_order_acquire));
    if (status != TIDINGS_OK) {
        return status;
    }
    size_t need = record_size(payload_max);
    int64_t position = log->end;
    if (offset_of(log, position) + (int64_t)need > log->options.segment_size) {
        // the rest of the segment stays unused
        position = segment_start(log, segment_of(log, position) + 1);
    }
    if (!make_room(log, position, need)) {
        return TIDINGS_E_AGAIN;
    }
    struct batch *batch = log->filling;
    if (batch->touched < batch->len + need) {
        batch->touched = batch->len + need;
    }
    log->open_position = position;
    log->open_max = payload_max;
    *ret_position = position;
    *ret_payload = batch->bytes + batch->len + COMMITLOG_HEADER;
    return TIDINGS_OK;
}

void commitlog_append_end(struct commitlog *log, uint8_t type, size_t payload_len)
{
    struct batch *batch = log->filling;
    int64_t position = log->open_position;
    BASE_ASSERT(position >= 0 && type != 0 && payload_len > 0 && payload_len <= log->open_max);
    size_t size = record_size(payload_len);
    char *bytes = batch->bytes + batch->len;
    struct record record = { .payload_len = payload_len,
                             .type = type,
                             .last_crc = log->last_crc,
                             .position = position,
                             .durable = atomic_load_explicit(&log->durable, memory_order_relaxed),
                             .wall_ms = clock_wall_ms(log->options.clock) };
    memset(bytes + COMMITLOG_HEADER + payload_len, 0, size - COMMITLOG_HEADER - payload_len);
    log->last_crc = record_encode(bytes, &record);
    if (!has_chunk(log, batch, position)) {
        batch->chunks[batch->chunk_count++] = (struct chunk){ position, batch->len, 0 };
    }
    batch->chunks[batch->chunk_count - 1].len += size;
    batch->len += size;
    batch->records++;
    log->end = position + (int64_t)size;
    log->open_position = -1;
    atomic_store_explicit(&log->stat_filling, batch->len, memory_order_relaxed);
}

// ---- handing over ----
void hand_over(struct commitlog *log)
{
    struct batch *batch = log->filling;
    batch->end = log->end;
    batch->last_crc = log->last_crc;
    if (batch->len > BATCH_KEEP) {
        batch->used_us = clock_mono_us(log->options.clock);
    }
    if (batch->touched > BATCH_KEEP) {
        log->is_large = true;
    }
    if (log->writing) {
        log->offered = batch;
        log->is_offered = true;
        return;
    }
    BASE_ASSERT(log->idle_count > 0);
    log->writing = true;
    log->given = batch;
    atomic_store_explicit(&log->stat_given, batch->len, memory_order_relaxed);
    atomic_store_explicit(&log->stat_filling, 0, memory_order_relaxed);
    log->filling = log->idle[--log->idle_count];
    pthread_cond_signal(&log->work);
}

// Gives memory back after a burst. Costs nothing unless there was one.
static void calm(struct commitlog *log)
{
    if (!log->is_large && !log->cache.warm) {
        return;
    }
    int64_t now_us = clock_mono_us(log->options.clock);
    read_cache_calm(log, now_us);
    pthread_mutex_lock(&log->lock);
    if (log->is_offered && log->offered != log->filling) {
        settle_offer(log);
    }
    bool large = log->is_offered || log->writing || commitlog_batch_calm(log->filling, now_us);
    for (unsigned i = 0; i < log->idle_count; i++) {
        large = commitlog_batch_calm(log->idle[i], now_us) || large;
    }
    log->is_large = log->is_large && large;
    pthread_mutex_unlock(&log->lock);
}

void commitlog_submit(struct commitlog *log)
{
    if (log->is_offered || log->filling->records == 0) {
        calm(log);
        return;
    }
    pthread_mutex_lock(&log->lock);
    if (atomic_load(&log->state) == LOG_STATE_OK) {
        hand_over(log);
    }
    pthread_mutex_unlock(&log->lock);
}

// ---- what became of it ----
// All that was appended behind the durable position is dropped. Holds `lock`.
static void give_up(struct commitlog *log, int64_t durable)
{
    if (log->is_offered) {
        settle_offer(log);
    }
    commitlog_batch_clear(log->filling);
    atomic_store_explicit(&log->stat_filling, 0, memory_order_relaxed);
    log->end = durable;
    log->last_crc = log->durable_crc;
    log->open_position = -1;
}

int64_t commitlog_durable(struct commitlog *log, int64_t *ret_failed_from,
                          struct tidings_error *err)
{
    *ret_failed_from = -1;
    pthread_mutex_lock(&log->lock);
    int64_t durable = atomic_load(&log->durable);
    if (log->failed) {
        give_up(log, durable);
        *ret_failed_from = durable;
        if (err != NULL) {
            *err = log->why;
        }
        log->failed = false;
        pthread_cond_signal(&log->work); // from now on the writer may try again
    }
    pthread_mutex_unlock(&log->lock);
    return durable;
}

int64_t commitlog_end(const struct commitlog *log)
{
    return log->end;
}

int64_t commitlog_begin(const struct commitlog *log)
{
    return atomic_load(&log->begin);
}

tidings_status commitlog_probe(struct commitlog *log)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += PROBE_WAIT_MS / 1000;
    pthread_mutex_lock(&log->lock);
    uint64_t before = log->probes;
    int why = 0;
    if (atomic_load(&log->state) != LOG_STATE_OK && !log->failed) {
        log->probe_wanted = true;
        pthread_cond_signal(&log->work);
        while (log->probes == before && why == 0) {
            why = pthread_cond_timedwait(&log->probed, &log->lock, &until);
        }
    }
    tidings_status status = state_status(atomic_load(&log->state));
    pthread_mutex_unlock(&log->lock);
    return status;
}

void commitlog_stats(struct commitlog *log, struct commitlog_stats *ret)
{
    int64_t last = atomic_load(&log->durable);
    *ret = (struct commitlog_stats){
        .batches = atomic_load(&log->stat_batches),
        .records = atomic_load(&log->stat_records),
        .bytes = atomic_load(&log->stat_bytes),
        .sync_us_total = atomic_load(&log->stat_sync_us),
        .sync_us_max = atomic_load(&log->stat_sync_us_max),
        .segments = segment_of(log, last) - segment_of(log, atomic_load(&log->begin)) + 1,
        .waiting = atomic_load(&log->stat_given) + atomic_load(&log->stat_filling),
        .state = atomic_load(&log->state),
    };
}
