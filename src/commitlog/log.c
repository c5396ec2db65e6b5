// SPDX-License-Identifier: Apache-2.0
// Opening, appending, handing over, closing.
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "commitlog/private.h"

// ---- opening ----
static tidings_status check_options(const struct commitlog_options *options,
                                    struct tidings_error *err)
{
    if (options->segment_size < 1024 * 1024 || options->segment_size > 1024 * 1024 * 1024 ||
        options->segment_size % 4096 != 0) {
        return error_set(err, TIDINGS_E_INVALID,
                         "segment size %lld: it must be 1 MiB to 1 GiB and a multiple of 4096",
                         (long long)options->segment_size);
    }
    if (record_size(options->payload_max) > (size_t)options->segment_size) {
        return error_set(err, TIDINGS_E_INVALID,
                         "a record of %zu bytes does not fit a segment of %lld",
                         options->payload_max, (long long)options->segment_size);
    }
    return TIDINGS_OK;
}

static tidings_status open_folder(struct commitlog *log, struct tidings_error *err)
{
    if (mkdir(log->options.folder, 0750) != 0 && errno != EEXIST) {
        return error_set_errno(err, TIDINGS_E_IO, errno, "cannot make folder %s",
                               log->options.folder);
    }
    log->folder_fd = open(log->options.folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (log->folder_fd < 0) {
        return error_set_errno(err, TIDINGS_E_IO, errno, "cannot open folder %s",
                               log->options.folder);
    }
    return TIDINGS_OK;
}

static struct batch *batch_new(const struct commitlog *log)
{
    struct batch *batch = calloc(1, sizeof *batch);
    if (batch != NULL) {
        buf_init(&batch->bytes, log->options.batch_max + record_size(log->options.payload_max));
    }
    return batch;
}

static tidings_status init_parts(struct commitlog *log)
{
    pthread_condattr_t attributes;
    pthread_mutex_init(&log->lock, NULL);
    pthread_mutex_init(&log->grow, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&log->work, &attributes);
    pthread_cond_init(&log->grow_work, &attributes);
    pthread_condattr_destroy(&attributes);
    for (int i = 0; i < READ_FILES; i++) {
        log->files[i].fd = -1;
    }
    buf_init(&log->bounce, record_size(log->options.payload_max));
    log->open_position = -1;
    log->write_fd = -1;
    log->folder_fd = -1;
    log->filling = batch_new(log);
    log->spare = batch_new(log);
    return log->filling != NULL && log->spare != NULL ? TIDINGS_OK : TIDINGS_E_NO_MEMORY;
}

static void batch_free(struct batch *batch)
{
    if (batch != NULL) {
        buf_deinit(&batch->bytes);
        free(batch);
    }
}

static void log_free(struct commitlog *log)
{
    read_cache_deinit(log);
    batch_free(log->filling);
    batch_free(log->spare);
    batch_free(log->waiting);
    if (log->write_fd >= 0) {
        close(log->write_fd);
    }
    if (log->folder_fd >= 0) {
        close(log->folder_fd);
    }
    pthread_cond_destroy(&log->work);
    pthread_cond_destroy(&log->grow_work);
    pthread_mutex_destroy(&log->lock);
    pthread_mutex_destroy(&log->grow);
    free(log);
}

// Where the log begins and how far its last file was written, with zeros or records.
static tidings_status look_at_files(struct commitlog *log, struct tidings_error *err)
{
    int64_t *segments = NULL;
    size_t count = 0;
    struct stat info;
    tidings_status status = segment_list(log, &segments, &count, err);
    if (status == TIDINGS_OK && count > 0) {
        int64_t size = log->options.segment_size;
        int fd = segment_open(log, segments[count - 1], O_RDONLY);
        atomic_store(&log->begin, segments[0] * size);
        log->zeroed = segments[count - 1] * size;
        if (fd >= 0 && fstat(fd, &info) == 0) {
            log->zeroed += info.st_size < size ? info.st_size : size;
        }
        if (fd >= 0) {
            close(fd);
        }
    }
    free(segments);
    return status;
}

static tidings_status recover(struct commitlog *log, int64_t from, commitlog_replay *replay,
                              commitlog_report *report, void *arg, struct tidings_error *err)
{
    int64_t begin = atomic_load(&log->begin);
    struct walk walk = { .log = log,
                         .from = from < begin ? begin : from,
                         .to = INT64_MAX,
                         .replay = replay,
                         .report = report,
                         .arg = arg };
    if (from > log->zeroed) {
        return error_set(
            err, TIDINGS_E_CORRUPT,
            "%s ends at %lld, before position %lld that the index has seen: files of the log are "
            "missing; bring them back, or remove the index to go on with what is there",
            log->options.folder, (long long)log->zeroed, (long long)from);
    }
    tidings_status status = walk_records(&walk, err);
    log->end = walk.end;
    log->last_crc = walk.last_crc;
    log->durable_crc = walk.last_crc;
    log->seen_durable = walk.end;
    atomic_store(&log->durable, walk.end);
    if (log->zeroed < log->end) {
        log->zeroed = log->end;
    }
    return status;
}

static tidings_status start_threads(struct commitlog *log, struct tidings_error *err)
{
    log->writer_started = pthread_create(&log->writer, NULL, writer_run, log) == 0;
    log->ahead_started =
        log->writer_started && pthread_create(&log->ahead, NULL, ahead_run, log) == 0;
    return log->ahead_started
               ? TIDINGS_OK
               : error_set(err, TIDINGS_E_NO_MEMORY, "threads of the log cannot start");
}

static void stop_threads(struct commitlog *log)
{
    pthread_mutex_lock(&log->lock);
    log->stopping = true;
    pthread_cond_broadcast(&log->work);
    pthread_mutex_unlock(&log->lock);
    if (log->writer_started) {
        pthread_join(log->writer, NULL);
    }
    pthread_mutex_lock(&log->grow);
    log->ahead_stopping = true;
    pthread_cond_broadcast(&log->grow_work);
    pthread_mutex_unlock(&log->grow);
    if (log->ahead_started) {
        pthread_join(log->ahead, NULL);
    }
}

tidings_status commitlog_open(const struct commitlog_options *options, int64_t from,
                              commitlog_replay *replay, commitlog_report *report, void *arg,
                              struct commitlog **ret, struct tidings_error *err)
{
    tidings_status status = check_options(options, err);
    if (status != TIDINGS_OK) {
        return status;
    }
    struct commitlog *log = calloc(1, sizeof *log);
    if (log == NULL) {
        return error_set(err, TIDINGS_E_NO_MEMORY, "no memory for the log");
    }
    log->options = *options;
    status = init_parts(log);
    if (status == TIDINGS_OK) {
        status = open_folder(log, err);
    }
    if (status == TIDINGS_OK) {
        status = look_at_files(log, err);
    }
    if (status == TIDINGS_OK) {
        status = recover(log, from, replay, report, arg, err);
    }
    log->options.folder = ""; // the caller's text may go; errors below say "the log"
    if (status == TIDINGS_OK) {
        log->options.folder = "the log";
        status = start_threads(log, err);
    }
    if (status != TIDINGS_OK) {
        stop_threads(log);
        log_free(log);
        return status;
    }
    *ret = log;
    return TIDINGS_OK;
}

tidings_status commitlog_close(struct commitlog *log, struct tidings_error *err)
{
    commitlog_submit(log);
    pthread_mutex_lock(&log->lock);
    while (log->writing) { // the writer signals nothing but its caller: look again soon
        pthread_mutex_unlock(&log->lock);
        usleep(500);
        pthread_mutex_lock(&log->lock);
    }
    pthread_mutex_unlock(&log->lock);
    if (log->filling->records > 0) {
        commitlog_submit(log);
    }
    stop_threads(log);
    tidings_status status =
        atomic_load(&log->durable) == log->end && !log->failed
            ? TIDINGS_OK
            : error_set(err, TIDINGS_E_IO, "%lld bytes of the log could not be written: %s",
                        (long long)(log->end - atomic_load(&log->durable)), log->why.text);
    log_free(log);
    return status;
}

// ---- appending ----
static tidings_status state_status(enum log_state state)
{
    return state == LOG_STATE_OK ? TIDINGS_OK
                                 : (state == LOG_STATE_FULL ? TIDINGS_E_DISK_FULL : TIDINGS_E_IO);
}

// Starts a new part of the batch at a position, when it does not go on where the last one ended.
static tidings_status batch_chunk(struct batch *batch, int64_t position)
{
    if (batch->chunk_count > 0) {
        struct chunk *last = &batch->chunks[batch->chunk_count - 1];
        if (last->position + (int64_t)last->len == position) {
            return TIDINGS_OK;
        }
    }
    if (batch->chunk_count == BATCH_CHUNKS_MAX) {
        return TIDINGS_E_AGAIN;
    }
    batch->chunks[batch->chunk_count++] = (struct chunk){ position, batch->bytes.len, 0 };
    return TIDINGS_OK;
}

tidings_status commitlog_append_begin(struct commitlog *log, size_t payload_max,
                                      int64_t *ret_position, char **ret_payload)
{
    int64_t size = log->options.segment_size;
    size_t need = record_size(payload_max);
    char *room;
    if (payload_max > log->options.payload_max || payload_max == 0) {
        return TIDINGS_E_TOO_LARGE;
    }
    tidings_status status = state_status((enum log_state)atomic_load(&log->state));
    if (status != TIDINGS_OK) {
        return status;
    }
    if (log->filling->bytes.len + need > log->options.batch_max && log->filling->bytes.len > 0) {
        return TIDINGS_E_AGAIN;
    }
    int64_t position = log->end;
    if (position % size + (int64_t)need > size) {
        position = (position / size + 1) * size; // the rest of the segment stays unused
    }
    status = batch_chunk(log->filling, position);
    if (status == TIDINGS_OK) {
        status = buf_reserve(&log->filling->bytes, need, &room);
    }
    if (status != TIDINGS_OK) {
        return status;
    }
    log->open_position = position;
    *ret_position = position;
    *ret_payload = room + COMMITLOG_HEADER;
    return TIDINGS_OK;
}

void commitlog_append_end(struct commitlog *log, uint8_t type, size_t payload_len)
{
    struct batch *batch = log->filling;
    BASE_ASSERT(log->open_position >= 0 && payload_len > 0 && type != 0);
    size_t size = record_size(payload_len);
    char *bytes = batch->bytes.ptr + batch->bytes.len;
    struct record record = { .payload_len = payload_len,
                             .type = type,
                             .last_crc = log->last_crc,
                             .position = log->open_position,
                             .durable = log->seen_durable,
                             .wall_ms = clock_wall_ms(log->options.clock) };
    memset(bytes + COMMITLOG_HEADER + payload_len, 0, size - COMMITLOG_HEADER - payload_len);
    log->last_crc = record_encode(bytes, &record);
    batch->bytes.len += size;
    batch->chunks[batch->chunk_count - 1].len += size;
    batch->records++;
    log->end = log->open_position + (int64_t)size;
    log->open_position = -1;
    atomic_fetch_add_explicit(&log->stat_waiting, size, memory_order_relaxed);
}

void commitlog_submit(struct commitlog *log)
{
    if (log->filling->records == 0) {
        return;
    }
    pthread_mutex_lock(&log->lock);
    if (!log->writing && !log->failed && log->spare != NULL && log->state == LOG_STATE_OK) {
        log->filling->end = log->end;
        log->filling->last_crc = log->last_crc;
        log->waiting = log->filling;
        log->filling = log->spare;
        log->spare = NULL;
        log->writing = true;
        pthread_cond_signal(&log->work);
    }
    pthread_mutex_unlock(&log->lock);
    if (log->end + log->options.ahead / 2 > log->zeroed) {
        pthread_cond_signal(&log->grow_work);
    }
}

int64_t commitlog_durable(struct commitlog *log, int64_t *ret_failed_from,
                          struct tidings_error *err)
{
    *ret_failed_from = -1;
    pthread_mutex_lock(&log->lock);
    int64_t durable = atomic_load(&log->durable);
    if (log->failed) { // give up what was appended since
        log->failed = false;
        *ret_failed_from = durable;
        if (err != NULL) {
            *err = log->why;
        }
        atomic_fetch_sub(&log->stat_waiting, log->filling->bytes.len);
        buf_clear(&log->filling->bytes);
        log->filling->chunk_count = 0;
        log->filling->records = 0;
        log->end = durable;
        log->last_crc = log->durable_crc;
    }
    log->seen_durable = durable;
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
    pthread_mutex_lock(&log->lock);
    tidings_status status = state_status((enum log_state)atomic_load(&log->state));
    pthread_cond_signal(&log->work);
    pthread_mutex_unlock(&log->lock);
    return status;
}

void commitlog_stats(struct commitlog *log, struct commitlog_stats *ret)
{
    *ret = (struct commitlog_stats){
        .batches = atomic_load(&log->stat_batches),
        .records = atomic_load(&log->stat_records),
        .bytes = atomic_load(&log->stat_bytes),
        .sync_us_total = atomic_load(&log->stat_sync_us),
        .sync_us_max = atomic_load(&log->stat_sync_us_max),
        .segments = segment_of(log, log->end) - segment_of(log, atomic_load(&log->begin)) + 1,
        .waiting = atomic_load(&log->stat_waiting),
        .state = atomic_load(&log->state),
    };
}
