// SPDX-License-Identifier: Apache-2.0
// Batches: taken, filled, dropped. They are recycled, so that an entry costs no allocation.
#include <stdlib.h>

#include "broker/index_private.h"

static struct index_batch *batch_new(void)
{
    struct index_batch *batch = calloc(1, sizeof *batch);
    if (batch != NULL) {
        batch->work.kind = INDEX_WORK_BATCH;
        buf_init(&batch->entries, INDEX_BATCH_MAX);
        buf_init(&batch->keys, INDEX_BATCH_MAX);
        buf_init(&batch->dues, INDEX_BATCH_MAX);
        buf_init(&batch->halves, INDEX_BATCH_MAX);
        buf_init(&batch->settings, INDEX_BATCH_MAX);
        buf_init(&batch->texts, INDEX_BATCH_MAX);
    }
    return batch;
}

static void batch_free(struct index_batch *batch)
{
    buf_deinit(&batch->entries);
    buf_deinit(&batch->keys);
    buf_deinit(&batch->dues);
    buf_deinit(&batch->halves);
    buf_deinit(&batch->settings);
    buf_deinit(&batch->texts);
    free(batch);
}

static void request_free(struct index_request *request)
{
    buf_deinit(&request->rows);
    buf_deinit(&request->mins);
    free(request);
}

void index_work_free(struct index_work *work)
{
    if (work->kind == INDEX_WORK_BATCH) {
        batch_free(BASE_CONTAINER_OF(work, struct index_batch, work));
    } else {
        request_free(BASE_CONTAINER_OF(work, struct index_request, work));
    }
}

struct index_batch *index_batch_take(struct index *index)
{
    struct index_batch *batch = index->pool;
    if (batch == NULL) {
        return batch_new();
    }
    index->pool = batch->newer;
    index->pool_count--;
    batch->newer = NULL;
    return batch;
}

void index_batch_drop(struct index *index, struct index_batch *batch)
{
    size_t size = batch->entries.size + batch->keys.size + batch->dues.size + batch->halves.size +
                  batch->settings.size + batch->texts.size;
    if (index == NULL || index->pool_count >= INDEX_POOL_MAX || size > INDEX_POOL_BATCH) {
        batch_free(batch);
        return;
    }
    buf_clear(&batch->entries);
    buf_clear(&batch->keys);
    buf_clear(&batch->dues);
    buf_clear(&batch->halves);
    buf_clear(&batch->settings);
    buf_clear(&batch->texts);
    batch->newer = index->pool;
    index->pool = batch;
    index->pool_count++;
}

// ---- filling ----
tidings_status index_batch_reserve(struct index_batch *batch, const struct index_room *room)
{
    size_t setting = sizeof(struct index_topic) > sizeof(struct index_group)
                         ? sizeof(struct index_topic)
                         : sizeof(struct index_group);
    const struct {
        struct buf *buf;
        size_t more;
    } parts[] = {
        { &batch->entries, room->entries * sizeof(struct index_put) },
        { &batch->keys, room->keys * sizeof(struct keyindex_pair) },
        { &batch->dues, room->dues * sizeof(struct index_due_change) },
        { &batch->halves, room->halves * sizeof(struct index_half_change) },
        { &batch->settings, room->settings * sizeof(struct index_setting) },
        { &batch->texts, room->settings * setting + room->name_len },
    };
    tidings_status status = TIDINGS_OK;
    for (size_t i = 0; i < BASE_COUNT(parts) && status == TIDINGS_OK; i++) {
        status = buf_reserve(parts[i].buf, parts[i].more, NULL);
    }
    return status;
}

tidings_status index_batch_entry(struct index_batch *batch, int64_t queue_key, int64_t offset,
                                 const struct index_entry *entry)
{
    struct index_put put = { queue_key, offset, *entry };
    return buf_add(&batch->entries, &put, sizeof put);
}

tidings_status index_batch_key(struct index_batch *batch, uint64_t key_hash, int64_t position)
{
    struct keyindex_pair pair = { key_hash, position };
    return buf_add(&batch->keys, &pair, sizeof pair);
}

tidings_status index_batch_due_add(struct index_batch *batch, const struct index_due *due)
{
    struct index_due_change change = { .row = *due };
    return buf_add(&batch->dues, &change, sizeof change);
}

tidings_status index_batch_due_remove(struct index_batch *batch, int64_t due_ms, int64_t position)
{
    struct index_due_change change = { .row = { .due_ms = due_ms, .position = position },
                                       .remove = true };
    return buf_add(&batch->dues, &change, sizeof change);
}

tidings_status index_batch_half(struct index_batch *batch, const struct index_half *half,
                                bool fresh)
{
    struct index_half_change change = { .row = *half, .fresh = fresh };
    return buf_add(&batch->halves, &change, sizeof change);
}

tidings_status index_batch_half_remove(struct index_batch *batch, int64_t position)
{
    struct index_half_change change = { .row = { .position = position }, .remove = true };
    return buf_add(&batch->halves, &change, sizeof change);
}

// Both texts are copied; a failure leaves the batch as it was.
static tidings_status add_setting(struct index_batch *batch, struct index_setting setting,
                                  struct str a, struct str b)
{
    setting.text_at = batch->texts.len;
    setting.a_len = a.len;
    setting.b_len = b.len;
    tidings_status status = buf_add_str(&batch->texts, a);
    if (status == TIDINGS_OK) {
        status = buf_add_str(&batch->texts, b);
    }
    if (status == TIDINGS_OK) {
        status = buf_add(&batch->settings, &setting, sizeof setting);
    }
    if (status != TIDINGS_OK) {
        batch->texts.len = setting.text_at;
    }
    return status;
}

tidings_status index_batch_topic(struct index_batch *batch, const struct index_topic *topic)
{
    return add_setting(batch, (struct index_setting){ .kind = INDEX_SET_TOPIC },
                       str_make(topic, sizeof *topic), STR(""));
}

tidings_status index_batch_topic_delete(struct index_batch *batch, int64_t topic_id)
{
    return add_setting(batch,
                       (struct index_setting){ .kind = INDEX_SET_TOPIC_DELETE, .value = topic_id },
                       STR(""), STR(""));
}

tidings_status index_batch_group(struct index_batch *batch, const struct index_group *group)
{
    return add_setting(batch, (struct index_setting){ .kind = INDEX_SET_GROUP },
                       str_make(group, sizeof *group), STR(""));
}

tidings_status index_batch_group_delete(struct index_batch *batch, struct str name,
                                        bool with_offsets)
{
    return add_setting(
        batch, (struct index_setting){ .kind = INDEX_SET_GROUP_DELETE, .value = with_offsets },
        name, STR(""));
}

tidings_status index_batch_offset(struct index_batch *batch, struct str group, struct str topic,
                                  int32_t queue_id, int64_t offset)
{
    return add_setting(
        batch,
        (struct index_setting){ .kind = INDEX_SET_OFFSET, .queue_id = queue_id, .value = offset },
        group, topic);
}
