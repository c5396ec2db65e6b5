// SPDX-License-Identifier: Apache-2.0
// The index thread. Work waits in one list in the order it was handed over; what belongs together
// is looked at in place and leaves the list only when its transaction is committed: a failure loses
// nothing, it is tried again.
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "broker/index_private.h"

// ---- waiting ----
// Sleeps until `until_us` (monotonic) or a signal; the lock is held.
static bool sleep_until(struct index *index, int64_t until_us)
{
    struct timespec until = { .tv_sec = until_us / 1000000, .tv_nsec = until_us % 1000000 * 1000 };
    return pthread_cond_timedwait(&index->work, &index->lock, &until) != ETIMEDOUT;
}

// Waits for work, then a little longer so that the transaction finds more; the lock is held.
static void wait_for_work(struct index *index)
{
    index->idle = true;
    while (!index->stopping && index->waiting_first == NULL && !index->writer.has_trash) {
        pthread_cond_wait(&index->work, &index->lock);
    }
    index->idle = false;
    int64_t until_us = clock_mono_us(clock_system()) + INDEX_PACE_MS * 1000;
    bool in_time = true;
    while (in_time && !index->stopping && index->waiting_requests == 0 &&
           index->waiting_ops < INDEX_TX_OPS && !index->writer.has_trash) {
        in_time = sleep_until(index, until_us);
    }
}

static void wait_for_retry(struct index *index)
{
    int64_t until_us = clock_mono_us(clock_system()) + INDEX_RETRY_MS * 1000;
    bool in_time = true;
    while (in_time && !index->stopping) {
        in_time = sleep_until(index, until_us);
    }
}

// Moves the list from its start up to `last` over to the answers.
static void finish(struct index *index, struct index_work *last, size_t ops, size_t requests)
{
    pthread_mutex_lock(&index->lock);
    struct index_work *first = index->waiting_first;
    index->waiting_first = last->next;
    index->waiting_last = index->waiting_first != NULL ? index->waiting_last : NULL;
    index->waiting_ops -= ops;
    index->waiting_requests -= requests;
    last->next = NULL;
    if (index->done_last != NULL) {
        index->done_last->next = first;
    } else {
        index->done_first = first;
    }
    index->done_last = last;
    pthread_mutex_unlock(&index->lock);
    index->options.wake(index->options.wake_arg);
}

// ---- transactions ----
static void forget_changes(struct index_writer *writer)
{
    db_rollback(writer->db);
    index_blocks_forget(writer);
    keyindex_rollback(writer->keys);
    buf_clear(&writer->dues);
    buf_clear(&writer->halves);
    writer->segment_count = 0;
    writer->state = writer->committed;
}

// Ends a transaction whose work had `status`: commits, or forgets all it changed.
static tidings_status end_transaction(struct index *index, tidings_status status,
                                      struct tidings_error *err)
{
    struct index_writer *writer = &index->writer;
    if (status == TIDINGS_OK) {
        status = index_blocks_flush(writer, err);
    }
    if (status == TIDINGS_OK) {
        status = index_due_flush(writer, err);
    }
    if (status == TIDINGS_OK) {
        status = index_half_flush(writer, err);
    }
    if (status == TIDINGS_OK) {
        status = keyindex_store(writer->keys, &writer->state.keys, err);
    }
    if (status == TIDINGS_OK) {
        status = index_state_put(writer, err);
    }
    if (status == TIDINGS_OK) {
        status = db_commit(writer->db, err);
    }
    if (status != TIDINGS_OK) {
        forget_changes(writer);
        return status;
    }
    keyindex_committed(writer->keys);
    writer->committed = writer->state;
    atomic_store(&index->due_count, writer->state.due_rows);
    atomic_store(&index->position, writer->state.position);
    return TIDINGS_OK;
}

static tidings_status begin_transaction(struct index *index, struct tidings_error *err)
{
    struct index_writer *writer = &index->writer;
    tidings_status status = keyindex_begin(writer->keys, writer->committed.position, err);
    return status == TIDINGS_OK ? db_begin(writer->db, err) : status;
}

static const struct index_batch *batch_of(const struct index_work *work)
{
    return (const struct index_batch *)(const void *)work; // its first member
}

static int compare_puts(const void *a, const void *b)
{
    const struct index_put *left = a;
    const struct index_put *right = b;
    if (left->queue_key != right->queue_key) {
        return left->queue_key < right->queue_key ? -1 : 1;
    }
    return left->offset < right->offset ? -1 : left->offset > right->offset;
}

// More queues are written to than have a slot: in the order of queues each block is read and
// written once, not once for every entry.
static tidings_status put_sorted(struct index_writer *writer, const struct index_work *first,
                                 const struct index_work *last, struct tidings_error *err)
{
    struct buf all; // struct index_put
    tidings_status status = TIDINGS_OK;
    buf_init(&all, INDEX_BATCH_MAX);
    for (const struct index_work *work = first; status == TIDINGS_OK; work = work->next) {
        status = buf_add(&all, batch_of(work)->entries.ptr, batch_of(work)->entries.len);
        if (work == last) {
            break;
        }
    }
    size_t count = all.len / sizeof(struct index_put);
    if (status == TIDINGS_OK && count > 0) {
        qsort(all.ptr, count, sizeof(struct index_put), compare_puts);
        status = index_blocks_put(writer, (const void *)all.ptr, count, err);
    }
    buf_deinit(&all);
    return status;
}

static tidings_status apply_rest(struct index_writer *writer, const struct index_batch *batch,
                                 struct tidings_error *err)
{
    tidings_status status = keyindex_add(writer->keys, (const void *)batch->keys.ptr,
                                         batch->keys.len / sizeof(struct keyindex_pair));
    if (status == TIDINGS_OK) {
        status = index_due_collect(writer, (const void *)batch->dues.ptr,
                                   batch->dues.len / sizeof(struct index_due_change));
    }
    if (status == TIDINGS_OK) {
        status = index_half_collect(writer, (const void *)batch->halves.ptr,
                                    batch->halves.len / sizeof(struct index_half_change));
    }
    if (status == TIDINGS_OK) {
        status = index_settings_apply(writer, batch, err);
    }
    writer->state.position = batch->position;
    return status;
}

// Applies the batches from `first` to `last` in one transaction. Entries come before settings: a
// topic that is deleted takes with it what came before, and nothing comes after it, since topic ids
// are never used again.
static tidings_status apply_batches(struct index *index, const struct index_work *first,
                                    const struct index_work *last, struct tidings_error *err)
{
    struct index_writer *writer = &index->writer;
    bool crowded = writer->slot_count == INDEX_SLOTS_MAX;
    tidings_status status = begin_transaction(index, err);
    if (status != TIDINGS_OK) {
        return status;
    }
    if (crowded) {
        status = put_sorted(writer, first, last, err);
    }
    for (const struct index_work *work = first; status == TIDINGS_OK; work = work->next) {
        const struct index_batch *batch = batch_of(work);
        if (!crowded) {
            status = index_blocks_put(writer, (const void *)batch->entries.ptr,
                                      batch->entries.len / sizeof(struct index_put), err);
        }
        if (status == TIDINGS_OK) {
            status = apply_rest(writer, batch, err);
        }
        if (work == last) {
            break;
        }
    }
    return end_transaction(index, status, err);
}

// ---- requests ----
static tidings_status retain(struct index *index, struct index_request *request,
                             struct tidings_error *err)
{
    size_t mins_len = request->mins.len;
    int64_t queue_key = request->queue_key;
    tidings_status status = begin_transaction(index, err);
    if (status == TIDINGS_OK) {
        status = index_retain_piece(&index->writer, request, err);
        status = end_transaction(index, status, err);
    }
    if (status != TIDINGS_OK) {
        request->mins.len = mins_len;
        request->queue_key = queue_key;
        request->finished = false;
    } else if (request->finished) {
        keyindex_retain(index->writer.keys, request->position);
    }
    return status;
}

static tidings_status answer(struct index *index, struct index_work *work,
                             struct tidings_error *err)
{
    struct index_request *request = BASE_CONTAINER_OF(work, struct index_request, work);
    tidings_status status = TIDINGS_OK;
    if (work->kind == INDEX_WORK_LOAD_DUE) {
        status = index_due_answer(&index->writer, request, err);
        request->finished = status == TIDINGS_OK;
    } else {
        status = retain(index, request, err);
    }
    if (request->finished) {
        finish(index, work, work->ops, 1);
    }
    return status;
}

static tidings_status clear_trash(struct index *index, struct tidings_error *err)
{
    bool more = true;
    tidings_status status = begin_transaction(index, err);
    if (status == TIDINGS_OK) {
        status = index_trash_piece(&index->writer, &more, err);
        status = end_transaction(index, status, err);
    }
    if (status == TIDINGS_OK) {
        index->writer.has_trash = more;
    }
    return status;
}

// ---- the thread ----
// One transaction, or one piece of a request; then upkeep. `first` is the head of the list, `last`
// the batch where the transaction ends.
static tidings_status turn(struct index *index, struct index_work *first, struct index_work *last,
                           size_t ops, struct tidings_error *err)
{
    tidings_status status = TIDINGS_OK;
    if (last != NULL) {
        status = apply_batches(index, first, last, err);
        if (status == TIDINGS_OK) {
            finish(index, last, ops, 0);
        }
    } else if (first != NULL) {
        status = answer(index, first, err);
    }
    if (status == TIDINGS_OK && index->writer.has_trash) {
        status = clear_trash(index, err);
    }
    if (status == TIDINGS_OK) {
        status = db_maintain(index->writer.db, err);
    }
    return status == TIDINGS_OK ? keyindex_maintain(index->writer.keys, err) : status;
}

// The batches that the next transaction takes; NULL when the list begins with a request or is
// empty.
static struct index_work *group_end(struct index *index, size_t *ret_ops)
{
    struct index_work *last = NULL;
    struct index_work *work = index->waiting_first;
    *ret_ops = 0;
    while (work != NULL && work->kind == INDEX_WORK_BATCH &&
           (last == NULL || *ret_ops + work->ops <= INDEX_TX_OPS)) {
        *ret_ops += work->ops;
        last = work;
        work = work->next;
    }
    return last;
}

void *index_thread_run(void *arg)
{
    struct index *index = arg;
    bool failed = false;
    pthread_mutex_lock(&index->lock);
    while (!index->stopping || (index->waiting_first != NULL && !failed)) {
        size_t ops;
        struct tidings_error err = { 0 };
        wait_for_work(index);
        struct index_work *first = index->waiting_first;
        struct index_work *last = group_end(index, &ops);
        pthread_mutex_unlock(&index->lock);
        tidings_status status = turn(index, first, last, ops, &err);
        failed = status != TIDINGS_OK;
        if (failed) {
            log_line(index->options.log, LOG_ERROR, "broker",
                     "msg=\"the index cannot be written; nothing is lost, it is tried again\" "
                     "reason=\"%s\"",
                     error_text(&err, status));
        }
        pthread_mutex_lock(&index->lock);
        if (failed) {
            wait_for_retry(index);
        }
    }
    pthread_mutex_unlock(&index->lock);
    return NULL;
}
