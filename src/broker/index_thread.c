// SPDX-License-Identifier: Apache-2.0
// The index thread: applies all that waits in one transaction, at most every COMMIT_EVERY_MS while
// there is work.
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "broker/index_private.h"

// ---- applying a batch, inside the transaction ----
static tidings_status add_due(struct index *index, const struct index_due *due,
                              struct tidings_error *err)
{
    struct db_stmt *stmt = index->sql.due_add;
    int64_t rows;
    db_bind_i64(stmt, 0, due->due_ms);
    db_bind_i64(stmt, 1, due->position);
    db_bind_i64(stmt, 2, due->queue_key);
    db_bind_i64(stmt, 3, due->size);
    db_bind_i64(stmt, 4, due->tag_code);
    tidings_status status = db_run(stmt, &rows, err);
    index->due_count_working += status == TIDINGS_OK ? rows : 0;
    index->written += 48;
    return status;
}

static tidings_status remove_due(struct index *index, const struct due_key *key,
                                 struct tidings_error *err)
{
    struct db_stmt *stmt = index->sql.due_remove;
    int64_t rows;
    db_bind_i64(stmt, 0, key->due_ms);
    db_bind_i64(stmt, 1, key->position);
    tidings_status status = db_run(stmt, &rows, err);
    index->due_count_working -= status == TIDINGS_OK ? rows : 0;
    index->written += 48;
    return status;
}

static tidings_status put_offset(struct index *index, const struct offset_row *row,
                                 struct tidings_error *err)
{
    struct db_stmt *stmt = index->sql.offset_put;
    db_bind_text(stmt, 0, str_of(row->group));
    db_bind_text(stmt, 1, str_of(row->topic));
    db_bind_i64(stmt, 2, row->queue_id);
    db_bind_i64(stmt, 3, row->offset);
    return db_run(stmt, NULL, err);
}

static tidings_status apply_write(struct index *index, const struct index_batch *batch,
                                  struct tidings_error *err)
{
    tidings_status status = TIDINGS_OK;
    const struct setting *settings = batch->settings.items;
    for (size_t i = 0; i < batch->settings.count && status == TIDINGS_OK; i++) {
        status = index_apply_setting(index, &settings[i], err);
    }
    const struct entry_row *entries = batch->entries.items;
    for (size_t i = 0; i < batch->entries.count && status == TIDINGS_OK; i++) {
        status = index_block_add(index, &entries[i], err);
    }
    const struct index_due *adds = batch->due_adds.items;
    for (size_t i = 0; i < batch->due_adds.count && status == TIDINGS_OK; i++) {
        status = add_due(index, &adds[i], err);
    }
    const struct due_key *removes = batch->due_removes.items;
    for (size_t i = 0; i < batch->due_removes.count && status == TIDINGS_OK; i++) {
        status = remove_due(index, &removes[i], err);
    }
    const struct offset_row *offsets = batch->offsets.items;
    for (size_t i = 0; i < batch->offsets.count && status == TIDINGS_OK; i++) {
        status = put_offset(index, &offsets[i], err);
    }
    return status;
}

static tidings_status apply_load_due(struct index *index, struct index_batch *batch,
                                     struct tidings_error *err)
{
    struct db_stmt *stmt = index->sql.due_load;
    batch->due_adds.count = 0;
    batch->more = false;
    db_bind_i64(stmt, 0, batch->after_due_ms);
    db_bind_i64(stmt, 1, batch->after_position);
    db_bind_i64(stmt, 2, (int64_t)batch->max + 1);
    tidings_status status;
    while ((status = db_step(stmt, err)) == TIDINGS_OK) {
        if (batch->due_adds.count == batch->max) {
            batch->more = true;
            status = TIDINGS_E_EOF;
            break;
        }
        struct index_due due = { db_column_i64(stmt, 0), db_column_i64(stmt, 1),
                                 db_column_i64(stmt, 2), (uint32_t)db_column_i64(stmt, 3),
                                 (int32_t)db_column_i64(stmt, 4) };
        status = rows_add(&batch->due_adds, sizeof due, &due);
        if (status != TIDINGS_OK) {
            break;
        }
    }
    db_reset(stmt);
    return status == TIDINGS_E_EOF ? TIDINGS_OK : status;
}

static tidings_status apply_all(struct index *index, struct index_batch *first,
                                int64_t *ret_position, struct tidings_error *err)
{
    tidings_status status = TIDINGS_OK;
    *ret_position = atomic_load(&index->position);
    for (struct index_batch *batch = first; batch != NULL && status == TIDINGS_OK;
         batch = batch->next) {
        switch (batch->kind) {
        case BATCH_WRITE:
            status = apply_write(index, batch, err);
            *ret_position = batch->position > *ret_position ? batch->position : *ret_position;
            break;
        case BATCH_LOAD_DUE: status = apply_load_due(index, batch, err); break;
        case BATCH_RETAIN: status = index_apply_retain(index, batch, err); break;
        }
    }
    return status;
}

static tidings_status transaction(struct index *index, struct index_batch *first,
                                  struct tidings_error *err)
{
    int64_t position;
    int64_t part_len;
    tidings_status status = keyindex_persist(index->keys, &part_len, err);
    if (status == TIDINGS_OK) {
        status = db_begin(index->db, err);
    }
    if (status != TIDINGS_OK) {
        return status;
    }
    status = apply_all(index, first, &position, err);
    status = status == TIDINGS_OK ? index_block_flush(index, err) : status;
    status = status == TIDINGS_OK ? index_set_meta(index, "position", position, err) : status;
    status = status == TIDINGS_OK
                 ? index_set_meta(index, "due_count", index->due_count_working, err)
                 : status;
    status = status == TIDINGS_OK ? index_set_meta(index, "key_part", part_len, err) : status;
    status = status == TIDINGS_OK ? db_commit(index->db, err) : status;
    if (status != TIDINGS_OK) {
        db_rollback(index->db);
        index_block_forget(index); // they hold what was rolled back
        index->due_count_working = atomic_load(&index->due_count);
        return status;
    }
    atomic_store(&index->position, position);
    atomic_store(&index->due_count, index->due_count_working);
    return TIDINGS_OK;
}

// ---- the thread ----
static void deadline_after(struct timespec *ret, int64_t ms)
{
    clock_gettime(CLOCK_MONOTONIC, ret);
    ret->tv_sec += ms / 1000;
    ret->tv_nsec += (long)(ms % 1000) * 1000000;
    if (ret->tv_nsec >= 1000000000) {
        ret->tv_nsec -= 1000000000;
        ret->tv_sec++;
    }
}

// Waits for work, then a little longer so that more comes together; takes it all. NULL at the end.
static struct index_batch *take_work(struct index *index, int64_t last_us)
{
    struct timespec until;
    pthread_mutex_lock(&index->lock);
    while (index->in_first == NULL && !index->stopping) {
        pthread_cond_wait(&index->work, &index->lock);
    }
    int64_t since_ms = (clock_mono_us(index->options.clock) - last_us) / 1000;
    if (since_ms < COMMIT_EVERY_MS) {
        deadline_after(&until, COMMIT_EVERY_MS - since_ms);
        while (!index->urgent && !index->stopping &&
               pthread_cond_timedwait(&index->work, &index->lock, &until) != ETIMEDOUT) {
        }
    }
    struct index_batch *first = index->in_first;
    index->in_first = NULL;
    index->in_last = NULL;
    index->urgent = false;
    pthread_mutex_unlock(&index->lock);
    return first;
}

static void give_back(struct index *index, struct index_batch *first)
{
    struct index_batch *last = first;
    while (last->next != NULL) {
        last = last->next;
    }
    pthread_mutex_lock(&index->lock);
    if (index->done_last != NULL) {
        index->done_last->next = first;
    } else {
        index->done_first = first;
    }
    index->done_last = last;
    pthread_mutex_unlock(&index->lock);
    index->options.wake(index->options.wake_arg);
}

// Waits before the next try; false when the index is to stop: what waits is in the log and comes
// again.
static bool wait_retry(struct index *index)
{
    struct timespec until;
    deadline_after(&until, RETRY_MS);
    pthread_mutex_lock(&index->lock);
    while (!index->stopping &&
           pthread_cond_timedwait(&index->work, &index->lock, &until) != ETIMEDOUT) {
    }
    bool stopping = index->stopping;
    pthread_mutex_unlock(&index->lock);
    return !stopping;
}

static bool apply_until_done(struct index *index, struct index_batch *first)
{
    struct tidings_error err = { 0 };
    tidings_status status;
    while ((status = transaction(index, first, &err)) != TIDINGS_OK) {
        log_line(index->options.log, LOG_ERROR, "index",
                 "msg=\"the index cannot be written; trying again\" reason=\"%s\"",
                 error_text(&err, status));
        if (!wait_retry(index)) {
            return false;
        }
    }
    return true;
}

static void drop_chain(struct index *index, struct index_batch *first)
{
    pthread_mutex_lock(&index->lock);
    if (first != NULL) { // freed with the rest by index_close
        struct index_batch *last = first;
        while (last->next != NULL) {
            last = last->next;
        }
        last->next = index->done_first;
        index->done_first = first;
    }
    pthread_mutex_unlock(&index->lock);
}

void *index_thread_run(void *arg)
{
    struct index *index = arg;
    struct index_batch *first;
    int64_t last_us = 0;
    while ((first = take_work(index, last_us)) != NULL) {
        if (!apply_until_done(index, first)) {
            drop_chain(index, first);
            break;
        }
        last_us = clock_mono_us(index->options.clock);
        give_back(index, first);
        if (index->written > WAL_BYTES && db_maintain(index->db, NULL) == TIDINGS_OK) {
            index->written = 0;
        }
    }
    tidings_status status = db_maintain(index->db, NULL);
    (void)status; // at the end: the next start does it
    return NULL;
}
