// SPDX-License-Identifier: Apache-2.0
// What operators do with one notification: redeliver, cancel.
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
    if (status == TIDINGS_OK) { // the attempt that ended the course becomes one among others
        status = record_run(record, NULL, err, STMT_ATTEMPT_KEEP, "i", id);
    }
    if (status == TIDINGS_OK) {
        status = record_run(record, NULL, err, STMT_ARCHIVE_DROP, "i", id);
    }
    if (status == TIDINGS_OK) {
        status = record_run(record, NULL, err, STMT_DEAD_DROP, "ii", was.receiver_id, id);
    }
    if (status == TIDINGS_OK) {
        status =
            record_run(record, NULL, err, STMT_PENDING_ADD, "iiiiiiiiiii", id, was.receiver_id,
                       was.receiver_id, ladder_id != 0 ? ladder_id : was.ladder_id, (int64_t)state,
                       due_ms, (int64_t)0, record->lessee, (int64_t)0, (int64_t)0, was.attempts);
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
    return record_run(record, NULL, err, STMT_ARCHIVE_UNTRIED, "iiiiiiii", id, receiver_id,
                      ladder_id, (int64_t)state, (int64_t)RECORD_REASON_OPERATOR, first_ms,
                      clock_wall_ms(record->clock), attempts);
}
