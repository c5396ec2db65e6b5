// SPDX-License-Identifier: Apache-2.0
// How several nodes on one database learn of each other's changes, and of each other's work.
#include "record/private.h"

bool record_is_shared(const struct record *record)
{
    return !db_writes_alone(record->db);
}

tidings_status record_mark(struct record *record, enum record_mark which, int64_t *ret,
                           struct tidings_error *err)
{
    int64_t rows = 0;
    tidings_status status = record_run(record, &rows, err, STMT_MARK_MOVE, "i", (int64_t)which);
    if (status == TIDINGS_OK && rows != 1) {
        return error_set(err, TIDINGS_E_CORRUPT, "record: mark %d is missing", (int)which);
    }
    return status == TIDINGS_OK && ret != NULL ? record_mark_get(record, which, ret, err) : status;
}

tidings_status record_mark_get(struct record *record, enum record_mark which, int64_t *ret,
                               struct tidings_error *err)
{
    *ret = 0;
    return record_number(record_bind(record, STMT_MARK_GET, "i", (int64_t)which), ret, err);
}

tidings_status record_next_receiver(struct record *record, int64_t after, int64_t *ret_id,
                                    int64_t *ret_due_ms, struct tidings_error *err)
{
    struct db_stmt *stmt = record_bind(record, STMT_PENDING_SHELF, "i", after);
    tidings_status status = record_first(stmt, err);
    *ret_id = 0;
    if (status == TIDINGS_OK) {
        *ret_id = db_column_i64(stmt, 0);
        *ret_due_ms = db_column_i64(stmt, 1);
        db_reset(stmt);
    }
    return status == TIDINGS_E_NOT_FOUND ? TIDINGS_OK : status;
}

tidings_status record_first_lease(struct record *record, int64_t *ret_ms, struct tidings_error *err)
{
    *ret_ms = INT64_MAX;
    return record_number(record_bind(record, STMT_PENDING_NEXT, "i", (int64_t)0), ret_ms, err);
}
