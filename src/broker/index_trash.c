// SPDX-License-Identifier: Apache-2.0
// A deleted topic leaves its name at once; its blocks and due rows go in pieces, between
// transactions. What is still to do stands in two tables, so that it survives a restart.
#include "broker/index_private.h"

static tidings_status run_range(struct index_writer *writer, enum index_statement which,
                                int64_t from, int64_t to, struct tidings_error *err)
{
    struct db_stmt *stmt = writer->statements[which];
    db_bind_i64(stmt, 0, from);
    db_bind_i64(stmt, 1, to);
    return db_run(stmt, NULL, err);
}

static tidings_status put_cursor(struct index_writer *writer, int64_t topic_id, int64_t due_ms,
                                 int64_t position, struct tidings_error *err)
{
    struct db_stmt *stmt = writer->statements[INDEX_TRASH_TOPIC_PUT];
    db_bind_i64(stmt, 0, topic_id);
    db_bind_i64(stmt, 1, due_ms);
    db_bind_i64(stmt, 2, position);
    return db_run(stmt, NULL, err);
}

static tidings_status run_with_id(struct index_writer *writer, enum index_statement which,
                                  int64_t id, struct tidings_error *err)
{
    db_bind_i64(writer->statements[which], 0, id);
    return db_run(writer->statements[which], NULL, err);
}

tidings_status index_trash_add(struct index_writer *writer, int64_t topic_id,
                               struct tidings_error *err)
{
    int64_t from = index_queue_key(topic_id, 0);
    int64_t to = index_queue_key(topic_id + 1, 0);
    tidings_status status = index_blocks_flush(writer, err);
    if (status == TIDINGS_OK) {
        index_blocks_forget_range(writer, from, to);
        status = run_range(writer, INDEX_TRASH_QUEUES, from, to, err);
    }
    if (status == TIDINGS_OK) {
        status = run_range(writer, INDEX_QUEUES_DELETE, from, to, err);
    }
    if (status == TIDINGS_OK) {
        status = put_cursor(writer, topic_id, INT64_MIN, INT64_MIN, err);
    }
    if (status == TIDINGS_OK) {
        writer->has_trash = true;
    }
    return status;
}

// Deletes blocks of a queue that is gone; *ret_done when none is left.
static tidings_status clear_blocks(struct index_writer *writer, int64_t ref, bool *ret_done,
                                   struct tidings_error *err)
{
    struct db_stmt *stmt = writer->statements[INDEX_BLOCKS_GET];
    int64_t end = index_block_id(ref + 1, 0);
    tidings_status status = TIDINGS_OK;
    *ret_done = false;
    db_bind_i64(stmt, 0, index_block_id(ref, 0));
    db_bind_i64(stmt, 1, end);
    for (int i = 0; i < INDEX_PIECE_BLOCKS && status == TIDINGS_OK; i++) {
        status = db_step(stmt, err);
    }
    if (status == TIDINGS_OK) {
        end = db_column_i64(stmt, 0);
    }
    db_reset(stmt);
    *ret_done = status == TIDINGS_E_EOF;
    if (status == TIDINGS_OK || status == TIDINGS_E_EOF) {
        status = run_range(writer, INDEX_BLOCKS_DELETE, index_block_id(ref, 0), end, err);
    }
    return status == TIDINGS_OK && *ret_done
               ? run_with_id(writer, INDEX_TRASH_QUEUE_DELETE, ref, err)
               : status;
}

// Looks at some due rows after the cursor and deletes those of the topic.
static tidings_status clear_due(struct index_writer *writer, int64_t topic_id, int64_t due_ms,
                                int64_t position, struct tidings_error *err)
{
    struct db_stmt *stmt = writer->statements[INDEX_DUE_AFTER];
    struct buf found; // struct index_due
    tidings_status status = TIDINGS_OK;
    buf_init(&found, INDEX_PIECE_DUE * sizeof(struct index_due));
    db_bind_i64(stmt, 0, due_ms);
    db_bind_i64(stmt, 1, position);
    for (int i = 0; i < INDEX_PIECE_DUE && (status = db_step(stmt, err)) == TIDINGS_OK; i++) {
        due_ms = db_column_i64(stmt, 0);
        position = db_column_i64(stmt, 1);
        struct index_due row = { .due_ms = due_ms, .position = position };
        if (db_column_i64(stmt, 2) >> 16 == topic_id) {
            status = buf_add(&found, &row, sizeof row);
            if (status != TIDINGS_OK) {
                break;
            }
        }
    }
    db_reset(stmt);
    bool done = status == TIDINGS_E_EOF;
    status = done ? TIDINGS_OK : status;
    const struct index_due *rows = (const void *)found.ptr;
    for (size_t i = 0; i < found.len / sizeof *rows && status == TIDINGS_OK; i++) {
        status = index_due_remove(writer, rows[i].due_ms, rows[i].position, err);
    }
    buf_deinit(&found);
    if (status == TIDINGS_OK) {
        status = index_due_flush(writer, err);
    }
    if (status != TIDINGS_OK) {
        return status;
    }
    return done ? run_with_id(writer, INDEX_TRASH_TOPIC_DELETE, topic_id, err)
                : put_cursor(writer, topic_id, due_ms, position, err);
}

// Number in the only column, or false when there is none.
static tidings_status next_queue(struct index_writer *writer, bool *ret_found, int64_t *ret_ref,
                                 struct tidings_error *err)
{
    struct db_stmt *stmt = writer->statements[INDEX_TRASH_QUEUE_GET];
    tidings_status status = db_step(stmt, err);
    *ret_found = status == TIDINGS_OK && !db_column_is_null(stmt, 0);
    *ret_ref = *ret_found ? db_column_i64(stmt, 0) : 0;
    db_reset(stmt);
    return status;
}

tidings_status index_trash_piece(struct index_writer *writer, bool *ret_more,
                                 struct tidings_error *err)
{
    bool found = false;
    bool done = false;
    int64_t ref = 0;
    *ret_more = true;
    tidings_status status = next_queue(writer, &found, &ref, err);
    if (status != TIDINGS_OK || found) {
        return status == TIDINGS_OK ? clear_blocks(writer, ref, &done, err) : status;
    }
    struct db_stmt *stmt = writer->statements[INDEX_TRASH_TOPIC_GET];
    status = db_step(stmt, err);
    int64_t topic_id = db_column_i64(stmt, 0);
    int64_t due_ms = db_column_i64(stmt, 1);
    int64_t position = db_column_i64(stmt, 2);
    db_reset(stmt);
    if (status == TIDINGS_OK) {
        return clear_due(writer, topic_id, due_ms, position, err);
    }
    *ret_more = false;
    return status == TIDINGS_E_EOF ? TIDINGS_OK : status;
}
