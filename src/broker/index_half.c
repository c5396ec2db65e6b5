// SPDX-License-Identifier: Apache-2.0
// Undecided half messages. Most are decided within milliseconds: what comes and goes within one
// transaction never touches the table.
#include <stdlib.h>

#include "broker/index_private.h"

tidings_status index_half_collect(struct index_writer *writer,
                                  const struct index_half_change *changes, size_t count)
{
    size_t before = writer->halves.len / sizeof *changes;
    tidings_status status = buf_add(&writer->halves, changes, count * sizeof *changes);
    struct index_half_change *own = (void *)writer->halves.ptr;
    for (size_t i = before; status == TIDINGS_OK && i < before + count; i++) {
        own[i].order = i;
    }
    return status;
}

static int compare_changes(const void *a, const void *b)
{
    const struct index_half_change *left = a;
    const struct index_half_change *right = b;
    if (left->row.position != right->row.position) {
        return left->row.position < right->row.position ? -1 : 1;
    }
    return left->order < right->order ? -1 : left->order > right->order;
}

// The changes of one half, oldest first.
static tidings_status apply(struct index_writer *writer, const struct index_half_change *changes,
                            size_t count, struct tidings_error *err)
{
    const struct index_half *row = &changes[count - 1].row;
    if (!changes[count - 1].remove) {
        struct db_stmt *put = writer->statements[INDEX_HALF_PUT];
        db_bind_i64(put, 0, row->position);
        db_bind_i64(put, 1, row->next_check_ms);
        db_bind_i64(put, 2, (int64_t)row->group_hash);
        db_bind_i64(put, 3, row->checks);
        db_bind_i64(put, 4, row->parked);
        return db_run(put, NULL, err);
    }
    // A record that is replayed may stand in the table already.
    if (changes[0].fresh && row->position > writer->committed.position) {
        return TIDINGS_OK;
    }
    struct db_stmt *remove = writer->statements[INDEX_HALF_REMOVE];
    db_bind_i64(remove, 0, row->position);
    return db_run(remove, NULL, err);
}

tidings_status index_half_flush(struct index_writer *writer, struct tidings_error *err)
{
    struct index_half_change *changes = (void *)writer->halves.ptr;
    size_t count = writer->halves.len / sizeof *changes;
    tidings_status status = TIDINGS_OK;
    if (count > 1) {
        qsort(changes, count, sizeof *changes, compare_changes);
    }
    for (size_t i = 0, n; i < count && status == TIDINGS_OK; i += n) {
        n = 1;
        while (i + n < count && changes[i + n].row.position == changes[i].row.position) {
            n++;
        }
        status = apply(writer, &changes[i], n, err);
    }
    buf_clear(&writer->halves);
    if (writer->halves.size > INDEX_POOL_BATCH * 8) {
        buf_deinit(&writer->halves);
    }
    return status;
}
