// SPDX-License-Identifier: Apache-2.0
// Retention: goes over the queues in pieces of some blocks, each in a transaction of its own.
#include "broker/index_private.h"

struct queue_row {
    int64_t queue_key;
    int64_t ref;
    int64_t min_offset;
    int64_t next_offset;
};

static tidings_status next_queue(struct index_writer *writer, int64_t after, struct queue_row *ret,
                                 bool *ret_found, struct tidings_error *err)
{
    struct db_stmt *stmt = writer->statements[INDEX_QUEUE_AFTER];
    db_bind_i64(stmt, 0, after);
    tidings_status status = db_step(stmt, err);
    *ret_found = status == TIDINGS_OK;
    if (*ret_found) {
        *ret = (struct queue_row){ db_column_i64(stmt, 0), db_column_i64(stmt, 1),
                                   db_column_i64(stmt, 2), db_column_i64(stmt, 3) };
    }
    db_reset(stmt);
    return status == TIDINGS_E_EOF ? TIDINGS_OK : status;
}

// Looks for the first offset from *offset on, in a block, whose message stays; *offset is the
// block's end when there is none.
static tidings_status scan_block(struct db_stmt *stmt, int64_t position, int64_t *offset,
                                 bool *ret_found, struct tidings_error *err)
{
    struct index_entry entries[INDEX_BLOCK];
    size_t count;
    int64_t id = db_column_i64(stmt, 0);
    int64_t start = (id & UINT32_MAX) * INDEX_BLOCK;
    if (!index_codec_decode(db_column_blob(stmt, 1), entries, &count)) {
        return error_set(err, TIDINGS_E_CORRUPT, "index: block %lld is damaged", (long long)id);
    }
    size_t i = *offset > start ? (size_t)(*offset - start) : 0;
    while (i < count && entries[i].position < position) { // also what damage left out
        i++;
    }
    *ret_found = i < count;
    *offset = i < count ? start + (int64_t)i : start + INDEX_BLOCK;
    return TIDINGS_OK;
}

// Moves the queue's min offset over at most *budget blocks; *ret_done when it stands where it
// should.
static tidings_status move_min(struct index_writer *writer, struct queue_row *queue,
                               int64_t position, int *budget, bool *ret_done,
                               struct tidings_error *err)
{
    struct db_stmt *stmt = writer->statements[INDEX_BLOCKS_GET];
    int64_t min = queue->min_offset;
    tidings_status status = TIDINGS_OK;
    *ret_done = false;
    db_bind_i64(stmt, 0, index_block_id(queue->ref, min / INDEX_BLOCK));
    db_bind_i64(stmt, 1, index_block_id(queue->ref + 1, 0));
    while (status == TIDINGS_OK && !*ret_done && *budget > 0) {
        status = db_step(stmt, err);
        if (status == TIDINGS_OK) {
            status = scan_block(stmt, position, &min, ret_done, err);
            --*budget;
        }
    }
    db_reset(stmt);
    if (status == TIDINGS_E_EOF) { // nothing stays
        *ret_done = true;
        min = queue->next_offset;
        status = TIDINGS_OK;
    }
    queue->min_offset = min < queue->next_offset ? min : queue->next_offset;
    return status;
}

static tidings_status store_min(struct index_writer *writer, const struct queue_row *queue,
                                struct tidings_error *err)
{
    struct db_stmt *stmt = writer->statements[INDEX_QUEUE_MIN];
    db_bind_i64(stmt, 0, queue->min_offset);
    db_bind_i64(stmt, 1, queue->queue_key);
    tidings_status status = db_run(stmt, NULL, err);
    if (status == TIDINGS_OK) {
        stmt = writer->statements[INDEX_BLOCKS_DELETE];
        db_bind_i64(stmt, 0, index_block_id(queue->ref, 0));
        db_bind_i64(stmt, 1, index_block_id(queue->ref, queue->min_offset / INDEX_BLOCK));
        status = db_run(stmt, NULL, err);
    }
    return status;
}

static tidings_status retain_queue(struct index_writer *writer, struct queue_row *queue,
                                   struct index_request *request, int *budget,
                                   struct tidings_error *err)
{
    bool done = true;
    int64_t before = queue->min_offset;
    tidings_status status = TIDINGS_OK;
    --*budget;
    if (queue->min_offset < queue->next_offset) {
        status = move_min(writer, queue, request->position, budget, &done, err);
    }
    if (status == TIDINGS_OK && queue->min_offset > before) {
        struct index_min told = { queue->queue_key, queue->min_offset };
        status = store_min(writer, queue, err);
        if (status == TIDINGS_OK) {
            status = buf_add(&request->mins, &told, sizeof told);
        }
    }
    if (status == TIDINGS_OK && done) {
        request->queue_key = queue->queue_key;
    }
    return status;
}

tidings_status index_retain_piece(struct index_writer *writer, struct index_request *request,
                                  struct tidings_error *err)
{
    int budget = INDEX_PIECE_BLOCKS;
    bool found = true;
    struct queue_row queue;
    // The rows are read and changed in the database: nothing may be newer in memory.
    tidings_status status = index_blocks_flush(writer, err);
    index_blocks_forget(writer);
    if (status == TIDINGS_OK && !request->started) {
        int64_t least;
        status = index_due_least(writer, &least, err);
        if (status == TIDINGS_OK) {
            request->position = least < request->position ? least : request->position;
            request->queue_key = INT64_MIN;
            request->started = true;
        }
    }
    while (status == TIDINGS_OK && found && budget > 0) {
        status = next_queue(writer, request->queue_key, &queue, &found, err);
        if (status == TIDINGS_OK && found) {
            status = retain_queue(writer, &queue, request, &budget, err);
        }
    }
    request->finished = status == TIDINGS_OK && !found;
    return status;
}
