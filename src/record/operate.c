// SPDX-License-Identifier: Apache-2.0
// What operators and retention do: redeliver, cancel, purge.
#include <stdlib.h>

#include "record/private.h"

struct archived {
    int64_t receiver_id;
    int64_t ladder_id;
    enum record_state state;
    int64_t attempts;
};

static tidings_status read_archived(struct record *record, int64_t id, struct archived *ret,
                                    struct tidings_error *err)
{
    struct db_stmt *stmt = record_bind(record, STMT_ARCHIVE_GET, "i", id);
    tidings_status status = record_first(stmt, err);
    if (status == TIDINGS_OK) {
        ret->ladder_id = db_column_i64(stmt, 0);
        ret->state = (enum record_state)db_column_i64(stmt, 1);
        ret->attempts = db_column_i64(stmt, 5);
        ret->receiver_id = db_column_i64(stmt, 6);
        db_reset(stmt);
    }
    return status;
}

// Is it among the pending ones? Then `what` is not possible; else it is not there at all.
static tidings_status explain(struct record *record, int64_t id, const char *what,
                              struct tidings_error *err)
{
    char text[RECORD_ID_SIZE];
    record_id_format(id, text);
    struct db_stmt *stmt = record_bind(record, STMT_PENDING_GET, "i", id);
    tidings_status status = record_first(stmt, err);
    if (status == TIDINGS_OK) {
        enum record_state state = (enum record_state)db_column_i64(stmt, 1);
        db_reset(stmt);
        return error_set(err, TIDINGS_E_STATE, "%s is %s: it cannot be %s", text,
                         record_state_text(state), what);
    }
    return status == TIDINGS_E_NOT_FOUND ? error_set(err, status, "%s: not known", text) : status;
}

tidings_status record_redeliver(struct record *record, int64_t id, int64_t ladder_id,
                                int64_t due_ms, struct tidings_error *err)
{
    struct archived was = { 0 };
    enum record_state state;
    tidings_status status = read_archived(record, id, &was, err);
    if (status == TIDINGS_E_NOT_FOUND) {
        return explain(record, id, "redelivered before it is finished", err);
    }
    if (status == TIDINGS_OK && !record_next(was.state, RECORD_REDELIVER, &state)) {
        return error_set(err, TIDINGS_E_STATE, "a notification that is %s cannot be redelivered",
                         record_state_text(was.state));
    }
    if (status == TIDINGS_OK) {
        status = record_run(record, NULL, err, STMT_ARCHIVE_DROP, "i", id);
    }
    if (status == TIDINGS_OK) {
        status = record_run(record, NULL, err, STMT_DEAD_DROP, "ii", was.receiver_id, id);
    }
    if (status == TIDINGS_OK) {
        status = record_run(record, NULL, err, STMT_PENDING_ADD, "iiiiiiiiii", id, was.receiver_id,
                            ladder_id, (int64_t)state, due_ms, (int64_t)0, (int64_t)record->node,
                            (int64_t)0, (int64_t)0, was.attempts);
    }
    return status;
}

tidings_status record_cancel(struct record *record, int64_t id, struct tidings_error *err)
{
    enum record_state state = RECORD_CANCELLED;
    int64_t rows = 0;
    int64_t receiver_id = 0;
    int64_t attempts = 0;
    int64_t ladder_id = 0;
    int64_t first_ms = 0;
    if (!record_next(RECORD_WAITING, RECORD_CANCEL, &state)) {
        return error_set(err, TIDINGS_E_INTERNAL, "record: no transition");
    }
    struct db_stmt *stmt = record_bind(record, STMT_PENDING_GET, "i", id);
    tidings_status status = record_first(stmt, err);
    if (status == TIDINGS_OK) {
        ladder_id = db_column_i64(stmt, 0);
        first_ms = db_column_i64(stmt, 3);
        attempts = db_column_i64(stmt, 4);
        receiver_id = db_column_i64(stmt, 5);
        db_reset(stmt);
        status =
            record_run(record, &rows, err, STMT_PENDING_CANCEL, "ii", id, (int64_t)RECORD_WAITING);
    }
    if (status == TIDINGS_E_NOT_FOUND) {
        struct archived was = { 0 };
        char text[RECORD_ID_SIZE];
        record_id_format(id, text);
        status = read_archived(record, id, &was, err);
        return status == TIDINGS_OK
                   ? error_set(err, TIDINGS_E_STATE, "%s is %s: there is nothing to cancel", text,
                               record_state_text(was.state))
               : status == TIDINGS_E_NOT_FOUND ? error_set(err, status, "%s: not known", text)
                                               : status;
    }
    if (status != TIDINGS_OK || rows == 0) {
        return status != TIDINGS_OK ? status : explain(record, id, "cancelled", err);
    }
    return record_run(record, NULL, err, STMT_ARCHIVE_ADD, "iiiiiiii", id, receiver_id, ladder_id,
                      (int64_t)state, (int64_t)RECORD_REASON_OPERATOR, first_ms,
                      clock_wall_ms(record->clock), attempts);
}

// ---- purge ----
struct doomed {
    int64_t id;
    int64_t payload_id;
    struct record_key key;
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
    }
    db_reset(stmt);
    *ret_count = count;
    return status == TIDINGS_E_EOF ? TIDINGS_OK : status;
}

// The ids of a submission follow each other.
static tidings_status has_pending(struct record *record, int64_t payload_id, bool *ret,
                                  struct tidings_error *err)
{
    int64_t found = 0;
    tidings_status status =
        record_number(record_bind(record, STMT_PENDING_SIBLING, "iii", payload_id,
                                  payload_id + RECORD_TARGETS_MAX, payload_id),
                      &found, err);
    *ret = found != 0;
    return status;
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

tidings_status record_purge(struct record *record, int64_t before_ms, size_t max, int64_t *cursor,
                            int64_t *ret_removed, struct tidings_error *err)
{
    size_t count = 0;
    max = max < RECORD_BATCH_MAX ? max : RECORD_BATCH_MAX;
    struct doomed *rows = calloc(max > 0 ? max : 1, sizeof *rows);
    if (rows == NULL) {
        return error_set(err, TIDINGS_E_NO_MEMORY, "record: no memory to purge");
    }
    tidings_status status = scan(record, *cursor, record_id_at(before_ms), rows, max, &count, err);
    *ret_removed = 0;
    for (size_t i = 0; i < count && status == TIDINGS_OK; i++) {
        bool waits = false;
        status = has_pending(record, rows[i].payload_id, &waits, err);
        if (status == TIDINGS_OK && !waits) {
            status = forget(record, &rows[i], err);
            *ret_removed += status == TIDINGS_OK;
        }
    }
    *cursor = count == max && count > 0 ? rows[count - 1].id : 0;
    free(rows);
    return status;
}
