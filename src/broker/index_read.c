// SPDX-License-Identifier: Apache-2.0
// Reading blocks on the loop thread: a connection of its own and the blocks used last. A cached
// block may have been partial: asked for what lies behind its entries, it is read again.
#include <stdlib.h>

#include "broker/index_private.h"

struct cached {
    struct cached *chain; // of the bucket
    struct list node;     // newest use first
    int64_t queue_key;
    int64_t number;
    size_t count;
    struct index_entry entries[INDEX_BLOCK];
};

struct index_reader {
    struct db *db;
    struct db_stmt *get;
    struct cached *buckets[INDEX_CACHED_MAX];
    struct list blocks;
    size_t block_count;
};

tidings_status index_reader_open(const char *url, struct fault *fault, struct index_reader **ret,
                                 struct tidings_error *err)
{
    struct db_options options = { .read_only = true, .cache_bytes = 512 * 1024, .fault = fault };
    struct index_reader *reader = calloc(1, sizeof *reader);
    if (reader == NULL) {
        return error_set(err, TIDINGS_E_NO_MEMORY, "no memory for the index");
    }
    list_init(&reader->blocks);
    tidings_status status = db_open(url, &options, &reader->db, err);
    if (status == TIDINGS_OK) { // 4294967296 = 1 << 32, see index_block_id
        status = db_prepare(reader->db,
                            "SELECT data FROM block WHERE id = "
                            "(SELECT ref FROM queue WHERE queue_key = ?) * 4294967296 + ?",
                            &reader->get, err);
    }
    if (status != TIDINGS_OK) {
        index_reader_close(reader);
        return status;
    }
    *ret = reader;
    return TIDINGS_OK;
}

void index_reader_close(struct index_reader *reader)
{
    if (reader == NULL) {
        return;
    }
    for (struct list *node = list_pop(&reader->blocks); node; node = list_pop(&reader->blocks)) {
        free(LIST_ENTRY(node, struct cached, node));
    }
    db_close(reader->db);
    free(reader);
}

static struct cached **bucket_of(struct index_reader *reader, int64_t queue_key, int64_t number)
{
    uint64_t hash =
        ((uint64_t)queue_key * 0x9e3779b97f4a7c15ULL) ^ ((uint64_t)number * 0xc2b2ae3d27d4eb4fULL);
    return &reader->buckets[(hash >> 32) % INDEX_CACHED_MAX];
}

static struct cached *find(struct index_reader *reader, int64_t queue_key, int64_t number)
{
    struct cached *block = *bucket_of(reader, queue_key, number);
    while (block != NULL && (block->queue_key != queue_key || block->number != number)) {
        block = block->chain;
    }
    if (block != NULL) {
        list_remove(&block->node);
        list_add_head(&reader->blocks, &block->node);
    }
    return block;
}

static void unchain(struct index_reader *reader, struct cached *block)
{
    struct cached **at = bucket_of(reader, block->queue_key, block->number);
    while (*at != block) {
        at = &(*at)->chain;
    }
    *at = block->chain;
    list_remove(&block->node);
    reader->block_count--;
}

// Memory for one more block, taken from the one not used for longest when there are enough.
static struct cached *take(struct index_reader *reader)
{
    if (reader->block_count < INDEX_CACHED_MAX) {
        return malloc(sizeof(struct cached));
    }
    struct cached *oldest = LIST_ENTRY(reader->blocks.prev, struct cached, node);
    unchain(reader, oldest);
    return oldest;
}

// E_EOF when there is no such block.
static tidings_status fetch(struct index_reader *reader, int64_t queue_key, int64_t number,
                            struct cached *block, struct tidings_error *err)
{
    db_bind_i64(reader->get, 0, queue_key);
    db_bind_i64(reader->get, 1, number);
    tidings_status status = db_step(reader->get, err);
    if (status == TIDINGS_OK &&
        !index_codec_decode(db_column_blob(reader->get, 0), block->entries, &block->count)) {
        status = error_set(err, TIDINGS_E_CORRUPT, "index: block %lld of queue %lld is damaged",
                           (long long)number, (long long)queue_key);
    }
    db_reset(reader->get);
    return status;
}

static tidings_status load(struct index_reader *reader, int64_t queue_key, int64_t number,
                           struct cached **ret, struct tidings_error *err)
{
    struct cached *block = take(reader);
    if (block == NULL) {
        return error_set(err, TIDINGS_E_NO_MEMORY, "no memory for a block of the index");
    }
    tidings_status status = fetch(reader, queue_key, number, block, err);
    if (status != TIDINGS_OK) {
        free(block);
        return status;
    }
    block->queue_key = queue_key;
    block->number = number;
    struct cached **bucket = bucket_of(reader, queue_key, number);
    block->chain = *bucket;
    *bucket = block;
    list_add_head(&reader->blocks, &block->node);
    reader->block_count++;
    *ret = block;
    return TIDINGS_OK;
}

tidings_status index_read(struct index *index, int64_t queue_key, int64_t offset, size_t max,
                          struct index_entry *ret_entries, size_t *ret_count,
                          struct tidings_error *err)
{
    struct index_reader *reader = index->reader;
    int64_t number = offset / INDEX_BLOCK;
    size_t place = (size_t)(offset % INDEX_BLOCK);
    tidings_status status = TIDINGS_OK;
    *ret_count = 0;
    if (offset < 0) {
        return TIDINGS_OK;
    }
    struct cached *block = find(reader, queue_key, number);
    if (block != NULL && place >= block->count) {
        unchain(reader, block);
        free(block);
        block = NULL;
    }
    if (block == NULL) {
        status = load(reader, queue_key, number, &block, err);
    }
    if (status != TIDINGS_OK || block == NULL) {
        return status == TIDINGS_E_EOF ? TIDINGS_OK : status;
    }
    if (place < block->count) {
        size_t count = block->count - place;
        *ret_count = count < max ? count : max;
        memcpy(ret_entries, block->entries + place, *ret_count * sizeof *ret_entries);
    }
    return TIDINGS_OK;
}
