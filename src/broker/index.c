// SPDX-License-Identifier: Apache-2.0
// The face of the index: opening, batches, handing over, answers.
#include "broker/index.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "broker/index_private.h"

// ---- growing arrays ----
tidings_status rows_add(struct rows *rows, size_t item_size, const void *item)
{
    if (rows->count == rows->size) {
        size_t size = rows->size == 0 ? 64 : rows->size * 2;
        void *grown = realloc(rows->items, size * item_size);
        if (grown == NULL) {
            return TIDINGS_E_NO_MEMORY;
        }
        rows->items = grown;
        rows->size = size;
    }
    memcpy((char *)rows->items + rows->count * item_size, item, item_size);
    rows->count++;
    return TIDINGS_OK;
}

// Empties; memory of a burst is let go.
void rows_trim(struct rows *rows, size_t item_size)
{
    (void)item_size;
    rows->count = 0;
    if (rows->size > BATCH_KEEP_ENTRIES) {
        free(rows->items);
        *rows = (struct rows){ 0 };
    }
}

// ---- batches ----
static void free_texts(struct index_batch *batch)
{
    struct offset_row *offsets = batch->offsets.items;
    for (size_t i = 0; i < batch->offsets.count; i++) {
        free(offsets[i].group);
        free(offsets[i].topic);
    }
}

static void batch_clear(struct index_batch *batch)
{
    free_texts(batch);
    rows_trim(&batch->entries, sizeof(struct entry_row));
    rows_trim(&batch->keys, sizeof(struct key_pair));
    rows_trim(&batch->due_adds, sizeof(struct index_due));
    rows_trim(&batch->due_removes, sizeof(struct due_key));
    rows_trim(&batch->offsets, sizeof(struct offset_row));
    rows_trim(&batch->settings, sizeof(struct setting));
    batch->kind = BATCH_WRITE;
    batch->next = NULL;
    batch->more = false;
}

static void batch_free(struct index_batch *batch)
{
    free_texts(batch);
    free(batch->entries.items);
    free(batch->keys.items);
    free(batch->due_adds.items);
    free(batch->due_removes.items);
    free(batch->offsets.items);
    free(batch->settings.items);
    free(batch);
}

static void free_chain(struct index_batch *batch)
{
    while (batch != NULL) {
        struct index_batch *next = batch->next;
        batch_free(batch);
        batch = next;
    }
}

struct index_batch *index_batch_take(struct index *index)
{
    struct index_batch *batch = index->spare;
    if (batch == NULL) {
        return calloc(1, sizeof *batch);
    }
    index->spare = batch->next;
    index->spare_count--;
    batch->next = NULL;
    return batch;
}

void index_batch_drop(struct index *index, struct index_batch *batch)
{
    if (index->spare_count >= SPARE_BATCHES) {
        batch_free(batch);
        return;
    }
    batch_clear(batch);
    batch->next = index->spare;
    index->spare = batch;
    index->spare_count++;
}

tidings_status index_batch_entry(struct index_batch *batch, int64_t queue_key, int64_t offset,
                                 const struct index_entry *entry)
{
    return rows_add(&batch->entries, sizeof(struct entry_row),
                    &(struct entry_row){ queue_key, offset, *entry });
}

tidings_status index_batch_key(struct index_batch *batch, uint64_t key_hash, int64_t position)
{
    return rows_add(&batch->keys, sizeof(struct key_pair),
                    &(struct key_pair){ key_hash, position });
}

tidings_status index_batch_due_add(struct index_batch *batch, const struct index_due *due)
{
    return rows_add(&batch->due_adds, sizeof *due, due);
}

tidings_status index_batch_due_remove(struct index_batch *batch, int64_t due_ms, int64_t position)
{
    return rows_add(&batch->due_removes, sizeof(struct due_key),
                    &(struct due_key){ due_ms, position });
}

tidings_status index_batch_topic(struct index_batch *batch, const struct index_topic *topic)
{
    struct setting setting = { .kind = SETTING_TOPIC, .u.topic = *topic };
    return rows_add(&batch->settings, sizeof setting, &setting);
}

tidings_status index_batch_topic_delete(struct index_batch *batch, int64_t topic_id)
{
    struct setting setting = { .kind = SETTING_TOPIC_DELETE, .topic_id = topic_id };
    return rows_add(&batch->settings, sizeof setting, &setting);
}

tidings_status index_batch_group(struct index_batch *batch, const struct index_group *group)
{
    struct setting setting = { .kind = SETTING_GROUP, .u.group = *group };
    return rows_add(&batch->settings, sizeof setting, &setting);
}

tidings_status index_batch_group_delete(struct index_batch *batch, struct str name,
                                        bool with_offsets)
{
    struct setting setting = { .kind = SETTING_GROUP_DELETE, .with_offsets = with_offsets };
    if (!str_copy(setting.u.group.name, sizeof setting.u.group.name, name)) {
        return TIDINGS_E_TOO_LARGE;
    }
    return rows_add(&batch->settings, sizeof setting, &setting);
}

tidings_status index_batch_offset(struct index_batch *batch, struct str group, struct str topic,
                                  int32_t queue_id, int64_t offset)
{
    struct offset_row row = { str_dup(group), str_dup(topic), queue_id, offset };
    tidings_status status = row.group != NULL && row.topic != NULL
                                ? rows_add(&batch->offsets, sizeof row, &row)
                                : TIDINGS_E_NO_MEMORY;
    if (status != TIDINGS_OK) {
        free(row.group);
        free(row.topic);
    }
    return status;
}

// ---- handing over ----
static void hand_over(struct index *index, struct index_batch *batch, bool urgent)
{
    batch->next = NULL;
    pthread_mutex_lock(&index->lock);
    if (index->in_last != NULL) {
        index->in_last->next = batch;
    } else {
        index->in_first = batch;
        pthread_cond_signal(&index->work);
    }
    index->in_last = batch;
    if (urgent && !index->urgent) {
        index->urgent = true;
        pthread_cond_signal(&index->work);
    }
    pthread_mutex_unlock(&index->lock);
}

void index_submit(struct index *index, struct index_batch *batch, int64_t position)
{
    batch->kind = BATCH_WRITE;
    batch->position = position;
    atomic_fetch_add(&index->depth, batch->entries.count + batch->due_adds.count);
    if (batch->keys.count > 0 &&
        keyindex_add(index->keys, batch->keys.items, batch->keys.count) != TIDINGS_OK) {
        log_line(index->options.log, LOG_WARN, "index",
                 "msg=\"some messages will not be found by key: too much waits to be indexed\"");
    }
    hand_over(index, batch, false);
}

tidings_status index_load_due(struct index *index, int64_t after_due_ms, int64_t after_position,
                              size_t max)
{
    struct index_batch *batch = index_batch_take(index);
    if (batch == NULL) {
        return TIDINGS_E_NO_MEMORY;
    }
    batch->kind = BATCH_LOAD_DUE;
    batch->after_due_ms = after_due_ms;
    batch->after_position = after_position;
    batch->max = max;
    hand_over(index, batch, true);
    return TIDINGS_OK;
}

tidings_status index_retain(struct index *index, int64_t position)
{
    struct index_batch *batch = index_batch_take(index);
    if (batch == NULL) {
        return TIDINGS_E_NO_MEMORY;
    }
    batch->kind = BATCH_RETAIN;
    batch->position = position;
    hand_over(index, batch, true);
    return TIDINGS_OK;
}

static void tell(const struct index_batch *batch, const struct index_handlers *handlers, void *arg)
{
    const struct entry_row *rows = batch->entries.items;
    for (size_t i = 0; i < batch->entries.count; i++) {
        if (batch->kind == BATCH_WRITE) {
            handlers->indexed(arg, rows[i].queue_key, rows[i].offset);
        } else {
            handlers->min(arg, rows[i].queue_key, rows[i].offset);
        }
    }
    if (batch->kind == BATCH_LOAD_DUE) {
        handlers->due(arg, batch->due_adds.items, batch->due_adds.count, batch->more);
    } else if (batch->kind == BATCH_RETAIN) {
        handlers->retained(arg, batch->position);
    }
}

void index_poll(struct index *index, const struct index_handlers *handlers, void *arg)
{
    pthread_mutex_lock(&index->lock);
    struct index_batch *batch = index->done_first;
    index->done_first = NULL;
    index->done_last = NULL;
    pthread_mutex_unlock(&index->lock);
    while (batch != NULL) {
        struct index_batch *next = batch->next;
        if (batch->kind == BATCH_WRITE) {
            atomic_fetch_sub(&index->depth, batch->entries.count + batch->due_adds.count);
        }
        tell(batch, handlers, arg);
        index_batch_drop(index, batch);
        batch = next;
    }
}

bool index_is_full(const struct index *index)
{
    return atomic_load(&index->depth) > index->options.depth_max;
}

size_t index_depth(const struct index *index)
{
    return atomic_load(&index->depth);
}

int64_t index_position(const struct index *index)
{
    return atomic_load(&index->position);
}

int64_t index_due_count(struct index *index)
{
    return atomic_load(&index->due_count);
}

tidings_status index_find_key(struct index *index, uint64_t key_hash, int64_t before, size_t max,
                              int64_t *ret_positions, size_t *ret_count, struct tidings_error *err)
{
    return keyindex_find(index->keys, key_hash, before, max, ret_positions, ret_count, err);
}

// ---- opening and closing ----
static tidings_status open_keys(struct index *index, struct tidings_error *err)
{
    char path[4096];
    int n = snprintf(path, sizeof path, "%s/keys", index->options.folder);
    if (n < 0 || (size_t)n >= sizeof path) {
        return error_set(err, TIDINGS_E_TOO_LARGE, "folder name is too long");
    }
    return keyindex_open(path, index->options.segment_size, index_meta(index->db, "key_part", 0),
                         &index->keys, err);
}

static void index_free(struct index *index)
{
    keyindex_close(index->keys);
    db_close(index->read_db);
    db_close(index->db);
    free_chain(index->in_first);
    free_chain(index->done_first);
    free_chain(index->spare);
    free(index->open);
    free(index->cache);
    pthread_cond_destroy(&index->work);
    pthread_mutex_destroy(&index->lock);
    free(index);
}

static tidings_status open_parts(struct index *index, const struct index_loader *loader, void *arg,
                                 struct tidings_error *err)
{
    if (mkdir(index->options.folder, 0750) != 0 && errno != EEXIST) {
        return error_set_errno(err, TIDINGS_E_IO, errno, "cannot make folder %s",
                               index->options.folder);
    }
    tidings_status status = index_schema_open(index, err);
    if (status == TIDINGS_OK) {
        status = open_keys(index, err);
    }
    if (status == TIDINGS_OK) {
        status = index_schema_load(index, loader, arg, err);
    }
    if (status == TIDINGS_OK) {
        index->options.folder = NULL; // the caller's text may go
        index->thread_started = pthread_create(&index->thread, NULL, index_thread_run, index) == 0;
        if (!index->thread_started) {
            status = error_set(err, TIDINGS_E_NO_MEMORY, "the index thread cannot start");
        }
    }
    return status;
}

tidings_status index_open(const struct index_options *options, const struct index_loader *loader,
                          void *arg, struct index **ret, int64_t *ret_position,
                          struct tidings_error *err)
{
    pthread_condattr_t attributes;
    struct index *index = calloc(1, sizeof *index);
    if (index == NULL) {
        return error_set(err, TIDINGS_E_NO_MEMORY, "no memory for the index");
    }
    index->options = *options;
    pthread_mutex_init(&index->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&index->work, &attributes);
    pthread_condattr_destroy(&attributes);
    index->open = calloc(OPEN_BLOCKS, sizeof *index->open);
    index->cache = calloc(READ_BLOCKS, sizeof *index->cache);
    tidings_status status = index->open != NULL && index->cache != NULL
                                ? open_parts(index, loader, arg, err)
                                : error_set(err, TIDINGS_E_NO_MEMORY, "no memory for the index");
    if (status != TIDINGS_OK) {
        index_free(index);
        return status;
    }
    *ret = index;
    *ret_position = atomic_load(&index->position);
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
    if (index->thread_started) {
        pthread_join(index->thread, NULL);
    }
    index_free(index);
}
