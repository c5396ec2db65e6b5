// SPDX-License-Identifier: Apache-2.0
// Retention: forgets, in steps that are small beside the load.
#include <stdlib.h>

#include "record/private.h"

struct doomed {
    int64_t id;
    int64_t payload_id;
    struct record_key key;
    bool pending;
    char text[3 * RECORD_NAME_MAX];
};

static struct str keep(struct doomed *row, size_t *used, struct str text)
{
    size_t len = text.len <= RECORD_NAME_MAX ? text.len : RECORD_NAME_MAX;
    struct str copy = str_make(row->text + *used, len);
    if (len > 0) {
        memcpy(row->text + *used, text.ptr, len);
    }
    *used += len;
    return copy;
}

static tidings_status scan(struct record *record, int64_t after, int64_t before_id,
                           struct doomed *rows, size_t max, size_t *ret_count,
                           struct tidings_error *err)
{
    struct db_stmt *stmt =
        record_bind(record, STMT_NOTIFICATION_SCAN, "iii", after, before_id, (int64_t)max);
    tidings_status status = TIDINGS_OK;
    size_t count = 0;
    while (count < max && (status = db_step(stmt, err)) == TIDINGS_OK) {
        struct doomed *row = &rows[count++];
        size_t used = 0;
        row->id = db_column_i64(stmt, 0);
        row->payload_id = db_column_i64(stmt, 1);
        row->key.receiver_id = db_column_i64(stmt, 2);
        row->key.source = keep(row, &used, db_column_text(stmt, 3));
        row->key.type = keep(row, &used, db_column_text(stmt, 4));
        row->key.tx_no = keep(row, &used, db_column_text(stmt, 5));
        row->pending = !db_column_is_null(stmt, 6);
    }
    db_reset(stmt);
    *ret_count = count;
    return status == TIDINGS_E_EOF ? TIDINGS_OK : status;
}

static tidings_status forget(struct record *record, const struct doomed *row,
                             struct tidings_error *err)
{
    tidings_status status = record_key_drop(record, &row->key, row->id, err);
    if (status == TIDINGS_OK) {
        status = record_run(record, NULL, err, STMT_DEAD_DROP, "ii", row->key.receiver_id, row->id);
    }
    if (status == TIDINGS_OK) {
        status = record_run(record, NULL, err, STMT_ATTEMPT_DROP, "i", row->id);
    }
    if (status == TIDINGS_OK) {
        status = record_run(record, NULL, err, STMT_ARCHIVE_DROP, "i", row->id);
    }
    return status == TIDINGS_OK
               ? record_run(record, NULL, err, STMT_NOTIFICATION_DROP, "i", row->id)
               : status;
}

// Rows of the submission that begins at `first`: their ids follow each other.
static size_t group_end(const struct doomed *rows, size_t first, size_t count, bool *ret_pending)
{
    size_t end = first;
    *ret_pending = false;
    while (end < count && rows[end].payload_id == rows[first].payload_id) {
        *ret_pending |= rows[end++].pending;
    }
    return end;
}

// `room` rows may be read, of which the last submission may not be whole.
static tidings_status purge_rows(struct record *record, int64_t before_id, struct doomed *rows,
                                 size_t max, size_t room, int64_t *cursor, int64_t *ret_removed,
                                 struct tidings_error *err)
{
    size_t count = 0;
    size_t at = 0;
    tidings_status status = scan(record, *cursor, before_id, rows, room, &count, err);
    while (status == TIDINGS_OK && at < count && at < max) {
        bool waits = false;
        size_t end = group_end(rows, at, count, &waits);
        if (end == count && count == room) {
            break; // the next step begins with it
        }
        for (; at < end && status == TIDINGS_OK; at++) {
            status = waits ? TIDINGS_OK : forget(record, &rows[at], err);
            *ret_removed += !waits && status == TIDINGS_OK;
        }
    }
    *cursor = at < count ? (at > 0 ? rows[at - 1].id : *cursor) : 0;
    return status;
}

tidings_status record_purge(struct record *record, int64_t before_ms, size_t max, int64_t *cursor,
                            int64_t *ret_removed, struct tidings_error *err)
{
    max = max > RECORD_BATCH_MAX ? RECORD_BATCH_MAX : max > 0 ? max : 1;
    size_t room = max + RECORD_TARGETS_MAX; // one that begins within max is whole
    int64_t keys_before = clock_wall_ms(record->clock) - RECORD_KEY_KEPT_MS;
    struct doomed *rows = calloc(room, sizeof *rows);
    if (rows == NULL) {
        return error_set(err, TIDINGS_E_NO_MEMORY, "record: no memory to purge");
    }
    *ret_removed = 0;
    tidings_status status =
        purge_rows(record, record_id_at(before_ms), rows, max, room, cursor, ret_removed, err);
    free(rows);
    return status == TIDINGS_OK ? record_run(record, NULL, err, STMT_IDEMPOTENCY_PURGE, "ii",
                                             keys_before, (int64_t)max)
                                : status;
}
