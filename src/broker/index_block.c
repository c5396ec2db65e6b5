// SPDX-License-Identifier: Apache-2.0
// Queue entries in blocks of INDEX_BLOCK offsets: filled on the index thread, read on the loop
// thread.
#include "broker/index_private.h"

static size_t place_of(int64_t queue_key, int64_t number, size_t count)
{
    uint64_t hash =
        ((uint64_t)queue_key * 0x9e3779b97f4a7c15ULL) ^ ((uint64_t)number * 0xc2b2ae3d27d4eb4fULL);
    return (size_t)(hash >> 32) % count;
}

static void clear_entries(struct index_entry *entries)
{
    for (int i = 0; i < INDEX_BLOCK; i++) {
        entries[i] = (struct index_entry){ .position = -1 };
    }
}

// Fills `entries` from the database; slots behind what is stored are empty.
static tidings_status get_block(struct db_stmt *stmt, int64_t queue_key, int64_t number,
                                struct index_entry *entries, struct tidings_error *err)
{
    clear_entries(entries);
    db_bind_i64(stmt, 0, queue_key);
    db_bind_i64(stmt, 1, number);
    tidings_status status = db_step(stmt, err);
    if (status == TIDINGS_OK) {
        struct str bytes = db_column_blob(stmt, 0);
        size_t len =
            bytes.len < INDEX_BLOCK * sizeof *entries ? bytes.len : INDEX_BLOCK * sizeof *entries;
        memcpy(entries, bytes.ptr, len - len % sizeof *entries);
    }
    db_reset(stmt);
    return status == TIDINGS_E_EOF ? TIDINGS_OK : status;
}

static tidings_status put_block(struct index *index, struct block *block, struct tidings_error *err)
{
    size_t used = INDEX_BLOCK;
    while (used > 0 && block->entries[used - 1].position < 0) {
        used--;
    }
    db_bind_i64(index->sql.block_put, 0, block->queue_key);
    db_bind_i64(index->sql.block_put, 1, block->number);
    db_bind_blob(index->sql.block_put, 2, str_make(block->entries, used * sizeof *block->entries));
    tidings_status status = db_run(index->sql.block_put, NULL, err);
    if (status == TIDINGS_OK) {
        db_bind_i64(index->sql.queue_next, 0, block->queue_key);
        db_bind_i64(index->sql.queue_next, 1, block->next);
        status = db_run(index->sql.queue_next, NULL, err);
    }
    if (status == TIDINGS_OK) {
        block->dirty = false;
        index->written += sizeof block->entries + 64;
    }
    return status;
}

tidings_status index_block_add(struct index *index, const struct entry_row *row,
                               struct tidings_error *err)
{
    int64_t number = row->offset / INDEX_BLOCK;
    struct block *block = &index->open[place_of(row->queue_key, number, OPEN_BLOCKS)];
    tidings_status status = TIDINGS_OK;
    if (block->queue_key != row->queue_key || block->number != number) {
        if (block->dirty) {
            status = put_block(index, block, err);
        }
        if (status == TIDINGS_OK && row->offset % INDEX_BLOCK != 0) {
            status = get_block(index->sql.block_get, row->queue_key, number, block->entries, err);
        } else if (status == TIDINGS_OK) {
            clear_entries(block->entries);
        }
        if (status != TIDINGS_OK) {
            return status;
        }
        block->queue_key = row->queue_key;
        block->number = number;
    }
    block->entries[row->offset % INDEX_BLOCK] = row->entry;
    block->next = row->offset + 1;
    block->dirty = true;
    return TIDINGS_OK;
}

tidings_status index_block_flush(struct index *index, struct tidings_error *err)
{
    tidings_status status = TIDINGS_OK;
    for (int i = 0; i < OPEN_BLOCKS && status == TIDINGS_OK; i++) {
        if (index->open[i].dirty) {
            status = put_block(index, &index->open[i], err);
        }
    }
    return status;
}

void index_block_forget(struct index *index)
{
    for (int i = 0; i < OPEN_BLOCKS; i++) {
        index->open[i].queue_key = 0;
        index->open[i].dirty = false;
    }
}

// ---- loop thread ----
static size_t count_from(const struct index_entry *entries, int64_t first, size_t max)
{
    size_t last = 0; // slots behind the last entry are not there yet
    for (size_t i = 0; i < INDEX_BLOCK; i++) {
        if (entries[i].position >= 0) {
            last = i + 1;
        }
    }
    size_t count = last > (size_t)first ? last - (size_t)first : 0;
    return count < max ? count : max;
}

tidings_status index_read(struct index *index, int64_t queue_key, int64_t offset, size_t max,
                          struct index_entry *ret_entries, size_t *ret_count,
                          struct tidings_error *err)
{
    int64_t number = offset / INDEX_BLOCK;
    int64_t first = offset % INDEX_BLOCK;
    struct read_block *block = &index->cache[place_of(queue_key, number, READ_BLOCKS)];
    size_t count = 0;
    if (block->queue_key == queue_key && block->number == number) {
        count = count_from(block->entries, first, max);
    }
    if (count < max &&
        (count == 0 || first + (int64_t)count < INDEX_BLOCK)) { // not there, or it has grown since
        tidings_status status =
            get_block(index->read_block, queue_key, number, block->entries, err);
        block->queue_key = status == TIDINGS_OK ? queue_key : 0;
        block->number = number;
        if (status != TIDINGS_OK) {
            return status;
        }
        count = count_from(block->entries, first, max);
    }
    memcpy(ret_entries, block->entries + first, count * sizeof *ret_entries);
    *ret_count = count;
    return TIDINGS_OK;
}
