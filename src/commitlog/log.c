// SPDX-License-Identifier: Apache-2.0
// Opening and closing.
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/thread.h"
#include "commitlog/private.h"

enum {
    SEGMENT_MIN = 1024 * 1024,
    SEGMENT_MAX = 1024 * 1024 * 1024,
    WAITING_MAX = 512 * 1024 * 1024, // so that positions in flight are less than 4 GiB apart
};

// ---- options ----
static tidings_status check_options(const struct commitlog_options *options,
                                    struct tidings_error *err)
{
    if (options->segment_size < SEGMENT_MIN || options->segment_size > SEGMENT_MAX ||
        options->segment_size % LOG_PAGE != 0) {
        return error_set(err, TIDINGS_E_INVALID,
                         "segment size %lld: it must be 1 MiB to 1 GiB and a multiple of %d",
                         (long long)options->segment_size, LOG_PAGE);
    }
    if (options->payload_max == 0 || options->payload_max > WAITING_MAX ||
        record_size(options->payload_max) > (size_t)options->segment_size) {
        return error_set(err, TIDINGS_E_INVALID,
                         "a record of %zu bytes does not fit a segment of %lld",
                         options->payload_max, (long long)options->segment_size);
    }
    if (options->batch_max > WAITING_MAX || options->ahead < 0 || options->reserve < 0) {
        return error_set(err, TIDINGS_E_INVALID,
                         "batches of %zu bytes (at most %d), %lld ahead, %lld in reserve: out of "
                         "range",
                         options->batch_max, WAITING_MAX, (long long)options->ahead,
                         (long long)options->reserve);
    }
    return TIDINGS_OK;
}

// ---- parts ----
// Opens the folder; two logs in one folder would destroy each other, so it is locked.
static tidings_status open_folder(struct commitlog *log, struct tidings_error *err)
{
    const char *folder = log->options.folder;
    if (mkdir(folder, 0750) != 0 && errno != EEXIST) {
        return error_set_errno(err, TIDINGS_E_IO, errno, "cannot make folder %s", folder);
    }
    log->folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (log->folder_fd < 0) {
        return error_set_errno(err, TIDINGS_E_IO, errno, "cannot open folder %s", folder);
    }
    if (flock(log->folder_fd, LOCK_EX | LOCK_NB) != 0) {
        return errno == EWOULDBLOCK
                   ? error_set(err, TIDINGS_E_STATE, "the log in %s is in use already", folder)
                   : error_set_errno(err, TIDINGS_E_IO, errno, "cannot lock folder %s", folder);
    }
    return TIDINGS_OK;
}

static void init_locks(struct commitlog *log)
{
    pthread_condattr_t attributes;
    pthread_mutex_init(&log->lock, NULL);
    pthread_mutex_init(&log->grow, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&log->work, &attributes);
    pthread_cond_init(&log->probed, &attributes);
    pthread_cond_init(&log->ahead_work, &attributes);
    pthread_condattr_destroy(&attributes);
}

static tidings_status init_parts(struct commitlog *log, const struct commitlog_options *options,
                                 struct tidings_error *err)
{
    size_t one = record_size(options->payload_max);
    log->options = *options;
    log->options.folder = str_dup(str_of(options->folder)); // the caller's text may go
    if (log->options.batch_max < one) {
        log->options.batch_max = one;
    }
    log->folder_fd = -1;
    log->write_fd = -1;
    log->write_segment = -1;
    log->open_position = -1;
    log->erase_position = -1;
    init_locks(log);
    for (int i = 0; i < 2; i++) {
        log->batches[i] = commitlog_batch_new(log->options.batch_max);
    }
    log->filling = log->batches[0];
    log->idle[0] = log->batches[1];
    log->idle_count = 1;
    if (read_cache_init(log) != TIDINGS_OK || log->options.folder == NULL ||
        log->batches[0] == NULL || log->batches[1] == NULL) {
        return error_set(err, TIDINGS_E_NO_MEMORY, "no memory for the log in %s", options->folder);
    }
    return TIDINGS_OK;
}

static void log_free(struct commitlog *log)
{
    read_cache_deinit(log);
    commitlog_batch_free(log->batches[0]);
    commitlog_batch_free(log->batches[1]);
    if (log->folder_fd >= 0) {
        close(log->folder_fd);
    }
    pthread_cond_destroy(&log->work);
    pthread_cond_destroy(&log->probed);
    pthread_cond_destroy(&log->ahead_work);
    pthread_mutex_destroy(&log->lock);
    pthread_mutex_destroy(&log->grow);
    free((char *)(uintptr_t)log->options.folder);
    free(log);
}

// ---- threads ----
static tidings_status start_threads(struct commitlog *log, struct tidings_error *err)
{
    log->writer_started = thread_start(&log->writer, writer_run, log) == 0;
    if (log->writer_started && log->options.ahead > 0) {
        log->ahead_started = thread_start(&log->ahead, ahead_run, log) == 0;
    }
    if (!log->writer_started || (log->options.ahead > 0 && !log->ahead_started)) {
        return error_set(err, TIDINGS_E_NO_MEMORY, "threads of the log in %s cannot start",
                         log->options.folder);
    }
    (void)pthread_setname_np(log->writer, "log-writer");
    if (log->ahead_started) {
        (void)pthread_setname_np(log->ahead, "log-ahead");
    }
    return TIDINGS_OK;
}

static void stop_threads(struct commitlog *log)
{
    pthread_mutex_lock(&log->lock);
    log->stopping = true;
    log->ahead_stopping = true;
    pthread_cond_broadcast(&log->work);
    pthread_cond_broadcast(&log->ahead_work);
    pthread_mutex_unlock(&log->lock);
    if (log->writer_started) {
        pthread_join(log->writer, NULL);
    }
    if (log->ahead_started) {
        pthread_join(log->ahead, NULL);
    }
}

// ---- the face ----
// Makes the file that comes first, so that a folder which cannot be written is told now. A full
// disk is none of these: what is stored can still be read.
static tidings_status make_first_file(struct commitlog *log, struct tidings_error *err)
{
    bool recycled;
    int fd = segment_make(log, segment_of(log, log->end), &recycled);
    if (fd < 0) {
        return errno == ENOSPC || errno == EDQUOT
                   ? TIDINGS_OK
                   : error_set_errno(err, TIDINGS_E_IO, errno, "cannot write to the log in %s",
                                     log->options.folder);
    }
    close(fd);
    if (recycled) {
        atomic_store(&log->zeroed, segment_start(log, segment_of(log, log->end) + 1));
    }
    return TIDINGS_OK;
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
    status = init_parts(log, options, err);
    if (status == TIDINGS_OK) {
        status = open_folder(log, err);
    }
    if (status == TIDINGS_OK) {
        status = recover_log(log, from, replay, report, arg, err);
    }
    if (status == TIDINGS_OK) {
        status = make_first_file(log, err);
    }
    if (status == TIDINGS_OK) {
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
    if (log == NULL) {
        return TIDINGS_OK;
    }
    pthread_mutex_lock(&log->lock);
    if (!log->is_offered && log->filling->records > 0 && atomic_load(&log->state) == LOG_STATE_OK) {
        hand_over(log);
    }
    pthread_mutex_unlock(&log->lock);
    stop_threads(log);
    tidings_status status = TIDINGS_OK;
    int64_t lost = log->end - atomic_load(&log->durable);
    if (lost > 0) {
        status = error_set(err, log->why.status != TIDINGS_OK ? log->why.status : TIDINGS_E_IO,
                           "the last %lld bytes could not be written: %s", (long long)lost,
                           log->why.text);
    }
    log_free(log);
    return status;
}
