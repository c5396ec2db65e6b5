// SPDX-License-Identifier: Apache-2.0
// Due rows of delayed messages. Beside the rows a small table counts them by segment of the log: it
// answers which segment is still needed without a look at the rows.
#include <stdlib.h>

#include "broker/index_private.h"

static tidings_status change_segment(struct index_writer *writer, int64_t segment, int64_t rows,
                                     struct tidings_error *err)
{
    int64_t changed = 0;
    struct db_stmt *stmt = writer->statements[INDEX_SEGMENT_CHANGE];
    db_bind_i64(stmt, 0, rows);
    db_bind_i64(stmt, 1, segment);
    tidings_status status = db_run(stmt, &changed, err);
    if (status == TIDINGS_OK && changed == 0) {
        stmt = writer->statements[INDEX_SEGMENT_NEW];
        db_bind_i64(stmt, 0, rows);
        db_bind_i64(stmt, 1, segment);
        status = db_run(stmt, NULL, err);
    }
    if (status == TIDINGS_OK && rows < 0) {
        stmt = writer->statements[INDEX_SEGMENT_CLEAN];
        db_bind_i64(stmt, 0, segment);
        status = db_run(stmt, NULL, err);
    }
    return status;
}

static tidings_status flush_segments(struct index_writer *writer, struct tidings_error *err)
{
    for (size_t i = 0; i < writer->segment_count; i++) {
        if (writer->segments[i].rows != 0) {
            tidings_status status =
                change_segment(writer, writer->segments[i].segment, writer->segments[i].rows, err);
            if (status != TIDINGS_OK) {
                return status;
            }
        }
    }
    writer->segment_count = 0;
    return TIDINGS_OK;
}

static tidings_status count_rows(struct index_writer *writer, int64_t position, int64_t rows,
                                 struct tidings_error *err)
{
    int64_t segment = position / writer->segment_size;
    size_t i = 0;
    if (rows == 0) {
        return TIDINGS_OK;
    }
    writer->state.due_rows += rows;
    while (i < writer->segment_count && writer->segments[i].segment != segment) {
        i++;
    }
    if (i == INDEX_SEGMENTS_MAX) {
        tidings_status status = flush_segments(writer, err);
        if (status != TIDINGS_OK) {
            return status;
        }
        i = 0;
    }
    if (i == writer->segment_count) {
        writer->segments[writer->segment_count].segment = segment;
        writer->segments[writer->segment_count++].rows = 0;
    }
    writer->segments[i].rows += rows;
    return TIDINGS_OK;
}

tidings_status index_due_remove(struct index_writer *writer, int64_t due_ms, int64_t position,
                                struct tidings_error *err)
{
    int64_t rows = 0;
    struct db_stmt *stmt = writer->statements[INDEX_DUE_REMOVE];
    db_bind_i64(stmt, 0, due_ms);
    db_bind_i64(stmt, 1, position);
    tidings_status status = db_run(stmt, &rows, err);
    return status == TIDINGS_OK ? count_rows(writer, position, -rows, err) : status;
}

static tidings_status add(struct index_writer *writer, const struct index_due *row,
                          struct tidings_error *err)
{
    int64_t rows = 0; // 0 when it was there already: a record that is replayed
    struct db_stmt *stmt = writer->statements[INDEX_DUE_ADD];
    db_bind_i64(stmt, 0, row->due_ms);
    db_bind_i64(stmt, 1, row->position);
    db_bind_i64(stmt, 2, row->queue_key);
    db_bind_i64(stmt, 3, row->size);
    db_bind_i64(stmt, 4, row->tag_code);
    tidings_status status = db_run(stmt, &rows, err);
    return status == TIDINGS_OK ? count_rows(writer, row->position, rows, err) : status;
}

tidings_status index_due_collect(struct index_writer *writer,
                                 const struct index_due_change *changes, size_t count)
{
    return buf_add(&writer->dues, changes, count * sizeof *changes);
}

// By due time and position; a row is added before it is removed.
static int compare_changes(const void *a, const void *b)
{
    const struct index_due_change *left = a;
    const struct index_due_change *right = b;
    if (left->row.due_ms != right->row.due_ms) {
        return left->row.due_ms < right->row.due_ms ? -1 : 1;
    }
    if (left->row.position != right->row.position) {
        return left->row.position < right->row.position ? -1 : 1;
    }
    return (int)left->remove - (int)right->remove;
}

tidings_status index_due_flush(struct index_writer *writer, struct tidings_error *err)
{
    struct index_due_change *changes = (void *)writer->dues.ptr;
    size_t count = writer->dues.len / sizeof *changes;
    tidings_status status = TIDINGS_OK;
    if (count > 1) {
        qsort(changes, count, sizeof *changes, compare_changes);
    }
    for (size_t i = 0; i < count && status == TIDINGS_OK; i++) {
        const struct index_due *row = &changes[i].row;
        status = changes[i].remove ? index_due_remove(writer, row->due_ms, row->position, err)
                                   : add(writer, row, err);
    }
    buf_clear(&writer->dues);
    if (writer->dues.size > INDEX_POOL_BATCH * 8) {
        buf_deinit(&writer->dues);
    }
    return status == TIDINGS_OK ? flush_segments(writer, err) : status;
}

// ---- answers ----
static tidings_status topic_is_trash(struct index_writer *writer, int64_t topic_id, bool *ret,
                                     struct tidings_error *err)
{
    struct db_stmt *stmt = writer->statements[INDEX_TRASH_TOPIC_HAS];
    *ret = false;
    if (!writer->has_trash) {
        return TIDINGS_OK;
    }
    db_bind_i64(stmt, 0, topic_id);
    tidings_status status = db_step(stmt, err);
    *ret = status == TIDINGS_OK;
    db_reset(stmt);
    return status == TIDINGS_E_EOF ? TIDINGS_OK : status;
}

tidings_status index_due_answer(struct index_writer *writer, struct index_request *request,
                                struct tidings_error *err)
{
    struct db_stmt *stmt = writer->statements[INDEX_DUE_AFTER];
    size_t max = request->max;
    tidings_status status;
    buf_clear(&request->rows);
    request->more = false;
    db_bind_i64(stmt, 0, request->due_ms);
    db_bind_i64(stmt, 1, request->position);
    while ((status = db_step(stmt, err)) == TIDINGS_OK) {
        bool trash;
        struct index_due row = { db_column_i64(stmt, 0), db_column_i64(stmt, 1),
                                 db_column_i64(stmt, 2), (uint32_t)db_column_i64(stmt, 3),
                                 (int32_t)db_column_i64(stmt, 4) };
        status = topic_is_trash(writer, row.queue_key >> 16, &trash, err);
        if (status != TIDINGS_OK) {
            break;
        }
        if (trash) {
            continue;
        }
        if (request->rows.len == max * sizeof row) {
            request->more = true;
            break;
        }
        status = buf_add(&request->rows, &row, sizeof row);
        if (status != TIDINGS_OK) {
            status = error_set(err, status, "no memory for %zu due rows", max);
            break;
        }
    }
    db_reset(stmt);
    return status == TIDINGS_E_EOF ? TIDINGS_OK : status;
}

tidings_status index_due_least(struct index_writer *writer, int64_t *ret, struct tidings_error *err)
{
    struct db_stmt *stmt = writer->statements[INDEX_SEGMENT_MIN];
    *ret = INT64_MAX;
    tidings_status status = index_due_flush(writer, err);
    if (status == TIDINGS_OK) {
        status = db_step(stmt, err);
    }
    if (status == TIDINGS_OK && !db_column_is_null(stmt, 0)) {
        *ret = db_column_i64(stmt, 0) * writer->segment_size;
    }
    db_reset(stmt);
    return status;
}
