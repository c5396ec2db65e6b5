// SPDX-License-Identifier: Apache-2.0
// Leases and outcomes. Every change says in which state and epoch the row must be, so that of two
// that believe they hold a lease one writes and the other is told.
#include "record/private.h"

enum { LATE_STEP = 256, LATE_STEPS = 64 };

static tidings_status stale(int64_t id, struct tidings_error *err)
{
    char text[RECORD_ID_SIZE];
    record_id_format(id, text);
    return error_set(err, TIDINGS_E_STATE, "%s: the lease is no longer this one", text);
}

// ---- claim ----
static tidings_status read_due(struct record *record, int64_t receiver_id, int64_t now_ms,
                               struct record_claimed *ret, size_t max, size_t *ret_count,
                               struct tidings_error *err)
{
    struct db_stmt *stmt =
        record_bind(record, STMT_PENDING_DUE, "iii", receiver_id, now_ms, (int64_t)max);
    tidings_status status = TIDINGS_OK;
    size_t count = 0;
    while (count < max && (status = db_step(stmt, err)) == TIDINGS_OK) {
        ret[count++] = (struct record_claimed){
            .id = db_column_i64(stmt, 0),
            .epoch = db_column_i64(stmt, 1),
            .taken_over = db_column_i64(stmt, 2) == RECORD_DELIVERING,
            .due_ms = db_column_i64(stmt, 3),
            .first_ms = db_column_i64(stmt, 4),
            .ladder_id = db_column_i64(stmt, 5),
            .attempts = (int32_t)db_column_i64(stmt, 6),
            .earlier = (int32_t)db_column_i64(stmt, 7),
        };
    }
    db_reset(stmt);
    *ret_count = count;
    return status == TIDINGS_E_EOF ? TIDINGS_OK : status;
}

// Leases that ended: their rows go to the shelves of their receivers.
tidings_status record_shelve(struct record *record, int64_t now_ms, struct tidings_error *err)
{
    int64_t ids[LATE_STEP];
    size_t count = LATE_STEP;
    tidings_status status = TIDINGS_OK;
    for (int i = 0; i < LATE_STEPS && count == LATE_STEP && status == TIDINGS_OK; i++) {
        struct db_stmt *stmt =
            record_bind(record, STMT_PENDING_LATE, "ii", now_ms, (int64_t)LATE_STEP);
        for (count = 0; count < LATE_STEP && (status = db_step(stmt, err)) == TIDINGS_OK;) {
            ids[count++] = db_column_i64(stmt, 0);
        }
        db_reset(stmt);
        status = status == TIDINGS_E_EOF ? TIDINGS_OK : status;
        for (size_t at = 0; at < count && status == TIDINGS_OK; at++) {
            status = record_run(record, NULL, err, STMT_PENDING_SHELVE, "i", ids[at]);
        }
    }
    return status;
}

tidings_status record_claim(struct record *record, int64_t receiver_id, int64_t now_ms,
                            int64_t lease_until_ms, struct record_claimed *ret, size_t max,
                            size_t *ret_count, struct tidings_error *err)
{
    size_t found = 0;
    size_t kept = 0;
    int64_t rows = 0;
    max = max < RECORD_BATCH_MAX ? max : RECORD_BATCH_MAX;
    tidings_status status = record_shelve(record, now_ms, err);
    if (status == TIDINGS_OK) {
        status = read_due(record, receiver_id, now_ms, ret, max, &found, err);
    }
    for (size_t i = 0; i < found && status == TIDINGS_OK; i++) {
        enum record_state state = ret[i].taken_over ? RECORD_DELIVERING : RECORD_WAITING;
        if (!record_next(state, RECORD_CLAIM, &state)) {
            continue;
        }
        status = record_run(record, &rows, err, STMT_PENDING_CLAIM, "iiiiii", (int64_t)state,
                            lease_until_ms, record->lessee, ret[i].id, ret[i].epoch, ret[i].due_ms);
        if (rows == 1) { // else another node was quicker
            ret[i].epoch++;
            ret[kept++] = ret[i];
        }
    }
    *ret_count = status == TIDINGS_OK ? kept : 0;
    return status;
}

tidings_status record_renew(struct record *record, int64_t id, int64_t epoch,
                            int64_t lease_until_ms, struct tidings_error *err)
{
    int64_t rows = 0;
    tidings_status status = record_run(record, &rows, err, STMT_PENDING_RENEW, "iiii",
                                       lease_until_ms, id, epoch, (int64_t)RECORD_DELIVERING);
    return status == TIDINGS_OK && rows == 0 ? stale(id, err) : status;
}

// The earlier one of the first on the receiver's shelf and what `leased` finds.
static tidings_status first_of(struct record *record, int64_t receiver_id, struct db_stmt *leased,
                               int64_t *ret_ms, struct tidings_error *err)
{
    int64_t late_ms = INT64_MAX;
    *ret_ms = INT64_MAX;
    tidings_status status = record_number(leased, &late_ms, err);
    if (status == TIDINGS_OK) {
        status =
            record_number(record_bind(record, STMT_PENDING_NEXT, "i", receiver_id), ret_ms, err);
    }
    *ret_ms = late_ms < *ret_ms ? late_ms : *ret_ms;
    return status;
}

tidings_status record_next_due(struct record *record, int64_t receiver_id, int64_t *ret_ms,
                               struct tidings_error *err)
{
    return first_of(record, receiver_id, record_bind(record, STMT_PENDING_NEXT, "i", (int64_t)0),
                    ret_ms, err);
}

tidings_status record_receiver_next(struct record *record, int64_t receiver_id, int64_t *ret_ms,
                                    struct tidings_error *err)
{
    return first_of(record, receiver_id, record_bind(record, STMT_PENDING_LEASED, "i", receiver_id),
                    ret_ms, err);
}

// ---- settle ----
static tidings_status check_outcome(const struct record_outcome *outcome, enum record_state *ret,
                                    struct tidings_error *err)
{
    if (outcome->event == RECORD_CLAIM || !record_next(RECORD_DELIVERING, outcome->event, ret)) {
        return error_set(err, TIDINGS_E_INVALID, "record: event %d does not end an attempt",
                         (int)outcome->event);
    }
    if (outcome->attempt.begun_ms == 0 && outcome->event != RECORD_END &&
        outcome->event != RECORD_RELEASE) {
        return error_set(err, TIDINGS_E_INVALID, "record: event %d without an attempt",
                         (int)outcome->event);
    }
    if (outcome->attempt.reply.len > RECORD_REPLY_MAX ||
        outcome->attempt.error.len > RECORD_ERROR_MAX) {
        return error_set(err, TIDINGS_E_TOO_LARGE,
                         "record: a reply of %zu or an error of %zu bytes",
                         outcome->attempt.reply.len, outcome->attempt.error.len);
    }
    if (!str_is_utf8(outcome->attempt.error) ||
        str_find(outcome->attempt.error, '\0', 0) != SIZE_MAX) {
        return error_set(err, TIDINGS_E_INVALID, "record: an error text that is not UTF-8");
    }
    return TIDINGS_OK;
}

static tidings_status add_attempt(struct record *record, int64_t id,
                                  const struct record_attempt *attempt, struct tidings_error *err)
{
    return record_run(record, NULL, err, STMT_ATTEMPT_ADD, "iiiiiiiiiiitb", id,
                      (int64_t)attempt->number, attempt->begun_ms, (int64_t)attempt->dns_us,
                      (int64_t)attempt->connect_us, (int64_t)attempt->tls_us,
                      (int64_t)attempt->first_byte_us, (int64_t)attempt->total_us,
                      (int64_t)attempt->http_status, (int64_t)attempt->error_class,
                      attempt->next_due_ms, attempt->error, attempt->reply);
}

// How it ended and the attempt that ended it, in one row.
static tidings_status finish(struct record *record, const struct record_outcome *outcome,
                             enum record_state state, struct tidings_error *err)
{
    const struct record_attempt *attempt = &outcome->attempt;
    tidings_status status =
        attempt->begun_ms == 0
            ? record_run(record, NULL, err, STMT_ARCHIVE_UNTRIED, "iiiiiiii", outcome->id,
                         outcome->receiver_id, outcome->ladder_id, (int64_t)state,
                         (int64_t)outcome->reason, outcome->first_ms, clock_wall_ms(record->clock),
                         (int64_t)attempt->number)
            : record_run(record, NULL, err, STMT_ARCHIVE_ADD, "iiiiiiiiiiiiiiiiitb", outcome->id,
                         outcome->receiver_id, outcome->ladder_id, (int64_t)state,
                         (int64_t)outcome->reason, outcome->first_ms, clock_wall_ms(record->clock),
                         (int64_t)attempt->number, attempt->begun_ms, (int64_t)attempt->dns_us,
                         (int64_t)attempt->connect_us, (int64_t)attempt->tls_us,
                         (int64_t)attempt->first_byte_us, (int64_t)attempt->total_us,
                         (int64_t)attempt->http_status, (int64_t)attempt->error_class,
                         attempt->next_due_ms, attempt->error, attempt->reply);
    if (status == TIDINGS_OK && state == RECORD_DEAD) {
        status = record_run(record, NULL, err, STMT_DEAD_NEW, "iii", outcome->receiver_id,
                            outcome->id, (int64_t)outcome->reason);
    }
    return status;
}

// Takes the row out of the pending ones or sets it back; *ret_rows 0 when the lease is another's.
static tidings_status move_row(struct record *record, const struct record_outcome *outcome,
                               enum record_state state, int64_t *ret_rows,
                               struct tidings_error *err)
{
    const int64_t from = RECORD_DELIVERING;
    if (outcome->event == RECORD_RELEASE) {
        return record_run(record, ret_rows, err, STMT_PENDING_RELEASE, "iiiii", (int64_t)state,
                          outcome->due_ms, outcome->id, outcome->epoch, from);
    }
    if (outcome->event == RECORD_LOST) {
        return record_run(record, ret_rows, err, STMT_PENDING_LOST, "iiiii", (int64_t)state,
                          outcome->due_ms, outcome->id, outcome->epoch, from);
    }
    if (state == RECORD_WAITING) {
        return record_run(record, ret_rows, err, STMT_PENDING_BACK, "iiiiiii", (int64_t)state,
                          outcome->due_ms, outcome->first_ms,
                          (int64_t)(outcome->attempt.number - outcome->earlier), outcome->id,
                          outcome->epoch, from);
    }
    return record_run(record, ret_rows, err, STMT_PENDING_TAKE, "iii", outcome->id, outcome->epoch,
                      from);
}

tidings_status record_settle(struct record *record, const struct record_outcome *outcome,
                             struct tidings_error *err)
{
    enum record_state state;
    int64_t rows = 0;
    tidings_status status = check_outcome(outcome, &state, err);
    if (status == TIDINGS_OK) {
        status = move_row(record, outcome, state, &rows, err);
    }
    if (status != TIDINGS_OK || outcome->event == RECORD_RELEASE) {
        return status == TIDINGS_OK && rows == 0 ? stale(outcome->id, err) : status;
    }
    if (rows == 0) {
        return stale(outcome->id, err);
    }
    return state == RECORD_WAITING ? add_attempt(record, outcome->id, &outcome->attempt, err)
                                   : finish(record, outcome, state, err);
}

tidings_status record_lapsed(struct record *record, struct record_claimed *claimed,
                             const struct record_attempt *attempt, struct tidings_error *err)
{
    int64_t rows = 0;
    tidings_status status =
        record_run(record, &rows, err, STMT_PENDING_LAPSED, "ii", claimed->id, claimed->epoch);
    if (status == TIDINGS_OK && rows == 0) {
        return stale(claimed->id, err);
    }
    if (status == TIDINGS_OK) {
        status = add_attempt(record, claimed->id, attempt, err);
    }
    claimed->earlier += status == TIDINGS_OK;
    return status;
}
