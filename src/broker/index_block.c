// SPDX-License-Identifier: Apache-2.0
// Queues and their newest blocks while they are written to: kept between transactions, so that an
// entry costs a look into a table and a store. At the end of a transaction each changed block and
// queue is one upsert.
#include <stdlib.h>

#include "broker/index_private.h"

void index_blocks_init(struct index_writer *writer)
{
    list_init(&writer->slots);
}

void index_blocks_deinit(struct index_writer *writer)
{
    index_blocks_forget(writer);
    while (writer->spare != NULL) {
        struct index_slot *next = writer->spare->chain;
        free(writer->spare);
        writer->spare = next;
    }
}

static struct index_slot **bucket_of(struct index_writer *writer, int64_t queue_key)
{
    uint64_t hash = (uint64_t)queue_key * 0x9e3779b97f4a7c15ULL;
    return &writer->buckets[(hash >> 32) % INDEX_SLOTS_MAX];
}

static void slot_remove(struct index_writer *writer, struct index_slot *slot)
{
    struct index_slot **at = bucket_of(writer, slot->queue_key);
    while (*at != slot) {
        at = &(*at)->chain;
    }
    *at = slot->chain;
    list_remove(&slot->node);
    writer->slot_count--;
    slot->chain = writer->spare;
    writer->spare = slot;
}

// ---- writing ----
static tidings_status write_block(struct index_writer *writer, struct index_slot *slot,
                                  struct tidings_error *err)
{
    char bytes[INDEX_CODEC_MAX];
    struct db_stmt *stmt = writer->statements[INDEX_BLOCK_PUT];
    if (!slot->block_changed) {
        return TIDINGS_OK;
    }
    size_t len = index_codec_encode(slot->entries, slot->count, bytes);
    db_bind_i64(stmt, 0, index_block_id(slot->ref, slot->number));
    db_bind_blob(stmt, 1, str_make(bytes, len));
    tidings_status status = db_run(stmt, NULL, err);
    slot->block_changed = status != TIDINGS_OK;
    return status;
}

static tidings_status write_slot(struct index_writer *writer, struct index_slot *slot,
                                 struct tidings_error *err)
{
    tidings_status status = write_block(writer, slot, err);
    if (status == TIDINGS_OK && slot->queue_changed) {
        struct db_stmt *stmt = writer->statements[INDEX_QUEUE_PUT];
        db_bind_i64(stmt, 0, slot->queue_key);
        db_bind_i64(stmt, 1, slot->ref);
        db_bind_i64(stmt, 2, slot->min_offset);
        db_bind_i64(stmt, 3, slot->next_offset);
        status = db_run(stmt, NULL, err);
        slot->queue_changed = status != TIDINGS_OK;
    }
    return status;
}

tidings_status index_blocks_flush(struct index_writer *writer, struct tidings_error *err)
{
    // Changed slots are in front: every change moves its slot there, and this clears them all.
    list_for_each (node, &writer->slots) {
        struct index_slot *slot = LIST_ENTRY(node, struct index_slot, node);
        if (!slot->block_changed && !slot->queue_changed) {
            break;
        }
        tidings_status status = write_slot(writer, slot, err);
        if (status != TIDINGS_OK) {
            return status;
        }
    }
    return TIDINGS_OK;
}

void index_blocks_forget(struct index_writer *writer)
{
    list_for_each_safe (node, following, &writer->slots) {
        slot_remove(writer, LIST_ENTRY(node, struct index_slot, node));
    }
}

void index_blocks_forget_range(struct index_writer *writer, int64_t from, int64_t to)
{
    list_for_each_safe (node, following, &writer->slots) {
        struct index_slot *slot = LIST_ENTRY(node, struct index_slot, node);
        if (slot->queue_key >= from && slot->queue_key < to) {
            slot_remove(writer, slot);
        }
    }
}

// ---- finding ----
// Writes and frees the slot not used for longest, when there are enough.
static tidings_status make_room(struct index_writer *writer, struct tidings_error *err)
{
    if (writer->spare != NULL || writer->slot_count < INDEX_SLOTS_MAX) {
        return TIDINGS_OK;
    }
    struct index_slot *oldest = LIST_ENTRY(writer->slots.prev, struct index_slot, node);
    tidings_status status = write_slot(writer, oldest, err);
    if (status == TIDINGS_OK) {
        slot_remove(writer, oldest);
    }
    return status;
}

static struct index_slot *slot_new(struct index_writer *writer)
{
    struct index_slot *slot = writer->spare;
    if (slot != NULL) {
        writer->spare = slot->chain;
        return slot;
    }
    return malloc(sizeof *slot);
}

// The queue's row, or a new queue whose first offset is `offset`.
static tidings_status read_queue(struct index_writer *writer, struct index_slot *slot,
                                 int64_t offset, struct tidings_error *err)
{
    struct db_stmt *stmt = writer->statements[INDEX_QUEUE_GET];
    db_bind_i64(stmt, 0, slot->queue_key);
    tidings_status status = db_step(stmt, err);
    if (status == TIDINGS_OK) {
        slot->ref = db_column_i64(stmt, 0);
        slot->min_offset = db_column_i64(stmt, 1);
        slot->next_offset = db_column_i64(stmt, 2);
    } else if (status == TIDINGS_E_EOF) {
        status = TIDINGS_OK;
        slot->ref = writer->state.next_ref++;
        slot->min_offset = offset;
        slot->next_offset = offset;
        slot->queue_changed = true;
    }
    db_reset(stmt);
    return status;
}

static tidings_status find_slot(struct index_writer *writer, int64_t queue_key, int64_t offset,
                                struct index_slot **ret, struct tidings_error *err)
{
    struct index_slot **bucket = bucket_of(writer, queue_key);
    struct index_slot *slot = *bucket;
    while (slot != NULL && slot->queue_key != queue_key) {
        slot = slot->chain;
    }
    if (slot == NULL) {
        tidings_status status = make_room(writer, err);
        if (status != TIDINGS_OK) {
            return status;
        }
        slot = slot_new(writer);
        if (slot == NULL) {
            return error_set(err, TIDINGS_E_NO_MEMORY, "no memory for a block of the index");
        }
        slot->queue_key = queue_key;
        slot->number = -1;
        slot->count = 0;
        slot->block_changed = false;
        slot->queue_changed = false;
        list_add_head(&writer->slots, &slot->node);
        slot->chain = *bucket;
        *bucket = slot;
        writer->slot_count++;
        status = read_queue(writer, slot, offset, err);
        if (status != TIDINGS_OK) {
            slot_remove(writer, slot);
            return status;
        }
    }
    *ret = slot;
    return TIDINGS_OK;
}

static tidings_status read_block(struct index_writer *writer, struct index_slot *slot,
                                 struct tidings_error *err)
{
    struct db_stmt *stmt = writer->statements[INDEX_BLOCK_GET];
    db_bind_i64(stmt, 0, index_block_id(slot->ref, slot->number));
    tidings_status status = db_step(stmt, err);
    if (status == TIDINGS_OK &&
        !index_codec_decode(db_column_blob(stmt, 0), slot->entries, &slot->count)) {
        status = error_set(err, TIDINGS_E_CORRUPT, "index: block %lld of queue %lld is damaged",
                           (long long)slot->number, (long long)slot->queue_key);
    }
    db_reset(stmt);
    return status == TIDINGS_E_EOF ? TIDINGS_OK : status;
}

static tidings_status open_block(struct index_writer *writer, struct index_slot *slot,
                                 int64_t number, struct tidings_error *err)
{
    tidings_status status = write_block(writer, slot, err);
    if (status != TIDINGS_OK) {
        return status;
    }
    if (number > UINT32_MAX || slot->ref > INT32_MAX) {
        return error_set(err, TIDINGS_E_TOO_LARGE, "index: offset beyond what a queue can hold");
    }
    slot->number = number;
    slot->count = 0;
    if (number * INDEX_BLOCK < slot->next_offset) { // was begun before
        status = read_block(writer, slot, err);
        slot->number = status == TIDINGS_OK ? number : -1;
    }
    return status;
}

tidings_status index_blocks_put(struct index_writer *writer, const struct index_put *puts,
                                size_t count, struct tidings_error *err)
{
    struct index_slot *slot = NULL;
    for (size_t i = 0; i < count; i++) {
        const struct index_put *put = &puts[i];
        int64_t number = put->offset / INDEX_BLOCK;
        size_t place = (size_t)(put->offset % INDEX_BLOCK);
        tidings_status status = TIDINGS_OK;
        if (slot == NULL || slot->queue_key != put->queue_key) {
            status = find_slot(writer, put->queue_key, put->offset, &slot, err);
        }
        if (status == TIDINGS_OK && slot->number != number) {
            status = open_block(writer, slot, number, err);
        }
        if (status != TIDINGS_OK) {
            return status;
        }
        while (slot->count < place) { // what damage left out
            slot->entries[slot->count++] = (struct index_entry){ .position = -1 };
        }
        slot->entries[place] = put->entry;
        slot->count = slot->count == place ? place + 1 : slot->count;
        slot->next_offset = put->offset < slot->next_offset ? slot->next_offset : put->offset + 1;
        if (!slot->block_changed) {
            slot->block_changed = true;
            slot->queue_changed = true;
            list_remove(&slot->node);
            list_add_head(&writer->slots, &slot->node);
        }
    }
    return TIDINGS_OK;
}
