// SPDX-License-Identifier: Apache-2.0
// The face on the loop thread: opening, handing over, answers, closing.
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/thread.h"
#include "broker/index_private.h"

// ---- opening ----
static tidings_status make_folder(const char *folder, struct tidings_error *err)
{
    return mkdir(folder, 0750) == 0 || errno == EEXIST
               ? TIDINGS_OK
               : error_set_errno(err, TIDINGS_E_IO, errno, "cannot make folder %s", folder);
}

// URL of the database: absolute, with what means something in a URL escaped.
static tidings_status make_url(const char *folder, struct buf *ret, struct tidings_error *err)
{
    char *path = realpath(folder, NULL);
    if (path == NULL) {
        return error_set_errno(err, TIDINGS_E_IO, errno, "cannot use folder %s", folder);
    }
    tidings_status status = buf_add_str(ret, STR("sqlite://"));
    for (const char *at = path; *at != '\0' && status == TIDINGS_OK; at++) {
        status =
            *at == '%' || *at == '?' ? buf_addf(ret, "%%%02X", (unsigned)*at) : buf_add(ret, at, 1);
    }
    free(path);
    if (status == TIDINGS_OK) {
        status = buf_add(ret, "/index.db", sizeof "/index.db");
    }
    return status == TIDINGS_OK ? status
                                : error_set(err, status, "name of folder %s is too long", folder);
}

static tidings_status open_keys(struct index *index, struct tidings_error *err)
{
    struct buf folder;
    buf_init(&folder, 4096);
    tidings_status status = buf_addf(&folder, "%s/keys", index->folder);
    if (status == TIDINGS_OK) {
        status = buf_add(&folder, "", 1);
    }
    if (status == TIDINGS_OK) {
        status =
            keyindex_open(folder.ptr, &index->writer.state.keys, index->writer.state.position,
                          &index->writer.keys, &index->keys_gap_from, &index->keys_gap_to, err);
    }
    buf_deinit(&folder);
    return status;
}

static tidings_status open_files(struct index *index, const struct index_loader *loader, void *arg,
                                 struct tidings_error *err)
{
    struct buf url;
    buf_init(&url, 3 * 4096);
    tidings_status status = make_folder(index->folder, err);
    if (status == TIDINGS_OK) {
        status = make_url(index->folder, &url, err);
    }
    if (status == TIDINGS_OK) {
        status = index_schema_open(&index->writer, url.ptr, &index->options, err);
    }
    if (status == TIDINGS_OK) {
        status = index_schema_load(&index->writer, loader, arg, err);
    }
    if (status == TIDINGS_OK) {
        status = open_keys(index, err);
    }
    if (status == TIDINGS_OK) {
        status = index_reader_open(url.ptr, index->options.fault, &index->reader, err);
    }
    buf_deinit(&url);
    return status;
}

static void init_parts(struct index *index)
{
    pthread_condattr_t attributes;
    pthread_mutex_init(&index->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&index->work, &attributes);
    pthread_condattr_destroy(&attributes);
    index_blocks_init(&index->writer);
    buf_init(&index->writer.dues, INDEX_BATCH_MAX);
    buf_init(&index->writer.halves, INDEX_BATCH_MAX);
}

static void free_work(struct index_work *work)
{
    while (work != NULL) {
        struct index_work *next = work->next;
        index_work_free(work);
        work = next;
    }
}

static void index_free(struct index *index)
{
    free_work(index->waiting_first);
    free_work(index->done_first);
    while (index->pool != NULL) {
        struct index_batch *next = index->pool->newer;
        index_work_free(&index->pool->work);
        index->pool = next;
    }
    index_reader_close(index->reader);
    index_blocks_deinit(&index->writer);
    buf_deinit(&index->writer.dues);
    buf_deinit(&index->writer.halves);
    keyindex_close(index->writer.keys);
    db_close(index->writer.db);
    pthread_cond_destroy(&index->work);
    pthread_mutex_destroy(&index->lock);
    free(index->folder);
    free(index);
}

// What to do about a database that cannot be used.
static tidings_status advise(const struct index *index, tidings_status status,
                             struct tidings_error *err)
{
    struct tidings_error why = { 0 };
    if (err == NULL || (status != TIDINGS_E_CORRUPT && status != TIDINGS_E_STATE)) {
        return status;
    }
    why = *err;
    return error_set(err, status,
                     "index %.60s: %.70s. It may be deleted: it is rebuilt from the log, without "
                     "consumer offsets and settings older than the log",
                     index->folder, why.text);
}

tidings_status index_open(const struct index_options *options, const struct index_loader *loader,
                          void *arg, struct index **ret, int64_t *ret_position,
                          struct tidings_error *err)
{
    struct index *index = calloc(1, sizeof *index);
    if (index == NULL) {
        return error_set(err, TIDINGS_E_NO_MEMORY, "no memory for the index");
    }
    init_parts(index);
    index->options = *options;
    index->folder = str_dup(str_of(options->folder));
    tidings_status status = index->folder != NULL
                                ? open_files(index, loader, arg, err)
                                : error_set(err, TIDINGS_E_NO_MEMORY, "no memory for the index");
    if (status == TIDINGS_OK) {
        index->options.folder = index->folder;
        index->submitted = index->writer.state.position;
        atomic_store(&index->position, index->submitted);
        atomic_store(&index->due_count, index->writer.state.due_rows);
        *ret_position = index->submitted;
        index->started = thread_start(&index->thread, index_thread_run, index) == 0;
        if (!index->started) {
            status = error_set(err, TIDINGS_E_NO_MEMORY, "the index thread cannot start");
        }
    }
    if (status != TIDINGS_OK) {
        status = index->folder != NULL ? advise(index, status, err) : status;
        index_free(index);
        return status;
    }
    *ret = index;
    return TIDINGS_OK;
}

void index_close(struct index *index)
{
    if (index == NULL) {
        return;
    }
    pthread_mutex_lock(&index->lock);
    index->stopping = true;
    pthread_cond_signal(&index->work);
    pthread_mutex_unlock(&index->lock);
    pthread_join(index->thread, NULL);
    index_free(index);
}

// ---- handing over ----
static void hand_over(struct index *index, struct index_work *work)
{
    bool is_request = work->kind != INDEX_WORK_BATCH;
    work->next = NULL;
    pthread_mutex_lock(&index->lock);
    if (index->waiting_last != NULL) {
        index->waiting_last->next = work;
    } else {
        index->waiting_first = work;
    }
    index->waiting_last = work;
    index->waiting_ops += work->ops;
    index->waiting_requests += is_request;
    if (index->idle || is_request || index->waiting_ops >= INDEX_TX_OPS) {
        pthread_cond_signal(&index->work);
    }
    pthread_mutex_unlock(&index->lock);
}

void index_submit(struct index *index, struct index_batch *batch, int64_t position)
{
    size_t entries = batch->entries.len / sizeof(struct index_put);
    size_t dues = batch->dues.len / sizeof(struct index_due_change);
    size_t settings = batch->settings.len / sizeof(struct index_setting);
    // A batch of consumer offsets comes with an old position.
    index->submitted = position > index->submitted ? position : index->submitted;
    batch->position = index->submitted;
    size_t halves = batch->halves.len / sizeof(struct index_half_change);
    batch->depth = entries + dues + halves + settings;
    batch->work.ops = batch->depth + batch->keys.len / sizeof(struct keyindex_pair);
    batch->newer = NULL;
    if (index->newest != NULL) {
        index->newest->newer = batch;
    } else {
        index->oldest = batch;
    }
    index->newest = batch;
    index->depth += batch->depth;
    hand_over(index, &batch->work);
}

bool index_is_full(const struct index *index)
{
    return index->depth > index->options.depth_max;
}

size_t index_depth(const struct index *index)
{
    return index->depth;
}

int64_t index_position(const struct index *index)
{
    return atomic_load(&index->position);
}

int64_t index_due_count(struct index *index)
{
    return atomic_load(&index->due_count);
}

bool index_keys_gap(const struct index *index, int64_t *ret_from, int64_t *ret_to)
{
    *ret_from = index->keys_gap_from;
    *ret_to = index->keys_gap_to;
    return index->keys_gap_from < index->keys_gap_to;
}

// ---- requests ----
static struct index_request *request_new(struct index *index, enum index_work_kind kind,
                                         tidings_status *ret_status)
{
    struct index_request *request = NULL;
    *ret_status = TIDINGS_E_FULL;
    if (index->requests < INDEX_REQUESTS_MAX) {
        request = calloc(1, sizeof *request);
        *ret_status = TIDINGS_E_NO_MEMORY;
    }
    if (request != NULL) {
        request->work.kind = kind;
        request->work.ops = 1;
        buf_init(&request->rows, INDEX_BATCH_MAX);
        buf_init(&request->mins, INDEX_BATCH_MAX);
        index->requests++;
        *ret_status = TIDINGS_OK;
    }
    return request;
}

tidings_status index_load_due(struct index *index, int64_t after_due_ms, int64_t after_position,
                              size_t max)
{
    tidings_status status;
    struct index_request *request = request_new(index, INDEX_WORK_LOAD_DUE, &status);
    if (request != NULL) {
        request->due_ms = after_due_ms;
        request->position = after_position;
        request->max = max;
        hand_over(index, &request->work);
    }
    return status;
}

tidings_status index_retain(struct index *index, int64_t position)
{
    tidings_status status;
    struct index_request *request = request_new(index, INDEX_WORK_RETAIN, &status);
    if (request != NULL) {
        request->position = position;
        hand_over(index, &request->work);
    }
    return status;
}

// ---- answers ----
static void tell_batch(struct index *index, struct index_batch *batch,
                       const struct index_handlers *handlers, void *arg)
{
    const struct index_put *puts = (const void *)batch->entries.ptr;
    size_t count = batch->entries.len / sizeof *puts;
    BASE_ASSERT(index->oldest == batch);
    index->oldest = batch->newer;
    index->newest = index->oldest != NULL ? index->newest : NULL;
    index->depth -= batch->depth;
    for (size_t i = 0; i < count; i++) {
        handlers->indexed(arg, puts[i].queue_key, puts[i].offset);
    }
    index_batch_drop(index, batch);
}

static void tell_request(struct index *index, struct index_request *request,
                         const struct index_handlers *handlers, void *arg)
{
    index->requests--;
    if (request->work.kind == INDEX_WORK_LOAD_DUE) {
        handlers->due(arg, (const void *)request->rows.ptr,
                      request->rows.len / sizeof(struct index_due), request->more);
    } else {
        const struct index_min *mins = (const void *)request->mins.ptr;
        for (size_t i = 0; i < request->mins.len / sizeof *mins; i++) {
            handlers->min(arg, mins[i].queue_key, mins[i].min_offset);
        }
        handlers->retained(arg, request->position);
    }
    index_work_free(&request->work);
}

void index_poll(struct index *index, const struct index_handlers *handlers, void *arg)
{
    pthread_mutex_lock(&index->lock);
    struct index_work *work = index->done_first;
    index->done_first = NULL;
    index->done_last = NULL;
    pthread_mutex_unlock(&index->lock);
    while (work != NULL) {
        struct index_work *next = work->next;
        if (work->kind == INDEX_WORK_BATCH) {
            tell_batch(index, BASE_CONTAINER_OF(work, struct index_batch, work), handlers, arg);
        } else {
            tell_request(index, BASE_CONTAINER_OF(work, struct index_request, work), handlers, arg);
        }
        work = next;
    }
}

// ---- look-up by key ----
tidings_status index_find_key(struct index *index, uint64_t key_hash, int64_t before, size_t max,
                              int64_t *ret_positions, size_t *ret_count, struct tidings_error *err)
{
    struct keyindex_hits hits = {
        .hash = key_hash, .before = before, .positions = ret_positions, .max = max
    };
    *ret_count = 0;
    if (max == 0) {
        return TIDINGS_OK;
    }
    for (const struct index_batch *batch = index->oldest; batch != NULL; batch = batch->newer) {
        const struct keyindex_pair *pairs = (const void *)batch->keys.ptr;
        for (size_t i = 0; i < batch->keys.len / sizeof *pairs; i++) {
            if (pairs[i].hash == key_hash) {
                keyindex_hit(&hits, pairs[i].position);
            }
        }
    }
    tidings_status status = keyindex_collect(index->writer.keys, &hits, err);
    if (status == TIDINGS_OK) {
        *ret_count = hits.count;
    }
    return status;
}
