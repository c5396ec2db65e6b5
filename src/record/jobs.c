// SPDX-License-Identifier: Apache-2.0
// Redelivery of many in steps: how far a job is stands in its row, in the same batch as what the
// step did. So it goes on where it was after a restart.
#include <stdlib.h>

#include "record/private.h"

enum { TRIES = 8 }; // another node may take a number first

static tidings_status not_known(int64_t id, struct tidings_error *err)
{
    return error_set(err, TIDINGS_E_NOT_FOUND, "job %lld: not known", (long long)id);
}

// ---- rows ----
static struct str text_or_none(struct db_stmt *stmt, int column)
{
    return db_column_is_null(stmt, column) ? (struct str){ 0 } : db_column_text(stmt, column);
}

static struct record_job row_of(struct db_stmt *stmt)
{
    return (struct record_job){
        .id = db_column_i64(stmt, 0),
        .state = (enum record_job_state)db_column_i64(stmt, 1),
        .filter = { .receiver_id = db_column_i64(stmt, 2),
                    .state = (enum record_state)db_column_i64(stmt, 3),
                    .reason = (enum record_reason)db_column_i64(stmt, 4),
                    .source = text_or_none(stmt, 5),
                    .type = text_or_none(stmt, 6),
                    .tx_no = text_or_none(stmt, 7),
                    .from_ms = db_column_i64(stmt, 8),
                    .to_ms = db_column_i64(stmt, 9) },
        .ladder_id = db_column_i64(stmt, 10),
        .until_id = db_column_i64(stmt, 11),
        .cursor = db_column_i64(stmt, 12),
        .looked = db_column_i64(stmt, 13),
        .redelivered = db_column_i64(stmt, 14),
        .refused = db_column_i64(stmt, 15),
        .created_ms = db_column_i64(stmt, 16),
        .changed_ms = db_column_i64(stmt, 17),
    };
}

tidings_status record_job_get(struct record *record, int64_t id, struct buf *room,
                              struct record_job *ret, struct tidings_error *err)
{
    struct db_stmt *stmt = record_bind(record, STMT_JOB_GET, "i", id);
    tidings_status status = record_first(stmt, err);
    if (status != TIDINGS_OK) {
        return status == TIDINGS_E_NOT_FOUND ? not_known(id, err) : status;
    }
    *ret = row_of(stmt);
    buf_clear(room);
    status = buf_reserve(room, 3 * RECORD_NAME_MAX + 1, NULL);
    struct str *texts[] = { &ret->filter.source, &ret->filter.type, &ret->filter.tx_no };
    for (size_t i = 0; i < BASE_COUNT(texts) && status == TIDINGS_OK; i++) {
        *texts[i] = texts[i]->ptr != NULL ? record_put(room, *texts[i]) : *texts[i];
    }
    db_reset(stmt);
    return status == TIDINGS_OK ? status : error_set(err, status, "record: no room for a job");
}

tidings_status record_job_list(struct record *record, int64_t before, size_t max,
                               void (*each)(void *arg, const struct record_job *job), void *arg,
                               struct tidings_error *err)
{
    max = max < RECORD_BATCH_MAX ? max : RECORD_BATCH_MAX;
    struct db_stmt *stmt =
        record_bind(record, STMT_JOB_LIST, "ii", before != 0 ? before : INT64_MAX, (int64_t)max);
    tidings_status status;
    while ((status = db_step(stmt, err)) == TIDINGS_OK) {
        const struct record_job job = row_of(stmt);
        each(arg, &job);
    }
    db_reset(stmt);
    return status == TIDINGS_E_EOF ? TIDINGS_OK : status;
}

// ---- make, cancel ----
static tidings_status check(const struct record_filter *filter, struct tidings_error *err)
{
    if (filter->state == RECORD_WAITING || filter->state == RECORD_DELIVERING) {
        return error_set(err, TIDINGS_E_INVALID,
                         "what is %s cannot be redelivered: dead, delivered or cancelled",
                         record_state_text(filter->state));
    }
    tidings_status status = record_check_text(filter->source, "source", true, err);
    if (status == TIDINGS_OK) {
        status = record_check_text(filter->type, "type", true, err);
    }
    return status == TIDINGS_OK ? record_check_text(filter->tx_no, "tx_no", true, err) : status;
}

static tidings_status insert(struct record *record, const struct record_job *job, int64_t *ret_rows,
                             struct tidings_error *err)
{
    const struct record_filter *filter = &job->filter;
    return record_run(
        record, ret_rows, err, STMT_JOB_NEW, "iiiiitttiiiiiiiiii", job->id, (int64_t)job->state,
        filter->receiver_id, (int64_t)filter->state, (int64_t)filter->reason, filter->source,
        filter->type, filter->tx_no, filter->from_ms, filter->to_ms, job->ladder_id, job->until_id,
        job->cursor, job->looked, job->redelivered, job->refused, job->created_ms, job->changed_ms);
}

tidings_status record_job_new(struct record *record, struct record_job *job,
                              struct tidings_error *err)
{
    tidings_status status = check(&job->filter, err);
    job->state = RECORD_JOB_RUNNING;
    job->until_id = status == TIDINGS_OK ? record_id_new(record, 1) : 0;
    job->cursor = job->looked = job->redelivered = job->refused = 0;
    job->created_ms = job->changed_ms = clock_wall_ms(record->clock);
    for (int i = 0; i < TRIES && status == TIDINGS_OK; i++) {
        int64_t last = 0;
        int64_t rows = 0;
        status = record_number(record_bind(record, STMT_JOB_LAST, ""), &last, err);
        job->id = last + 1;
        if (status == TIDINGS_OK) {
            status = insert(record, job, &rows, err);
        }
        if (status == TIDINGS_OK && rows == 1) {
            return TIDINGS_OK;
        }
    }
    return status != TIDINGS_OK ? status
                                : error_set(err, TIDINGS_E_AGAIN, "record: numbers are contended");
}

tidings_status record_job_cancel(struct record *record, int64_t id, struct tidings_error *err)
{
    int64_t rows = 0;
    tidings_status status =
        record_run(record, &rows, err, STMT_JOB_CANCEL, "ii", clock_wall_ms(record->clock), id);
    if (status != TIDINGS_OK || rows == 1) {
        return status;
    }
    status = record_first(record_bind(record, STMT_JOB_GET, "i", id), err);
    if (status == TIDINGS_OK) {
        db_reset(record->statements[STMT_JOB_GET]);
        return error_set(err, TIDINGS_E_STATE, "job %lld is no longer running", (long long)id);
    }
    return status == TIDINGS_E_NOT_FOUND ? not_known(id, err) : status;
}

// ---- a step ----
struct found {
    int64_t id;
    int64_t receiver_id;
};

struct finding {
    struct found *rows;
    size_t count;
    size_t max;
};

static bool note(void *arg, const struct record_row *row)
{
    struct finding *finding = arg;
    if (row->state != RECORD_WAITING && row->state != RECORD_DELIVERING) {
        finding->rows[finding->count++] = (struct found){ row->id, row->receiver_id };
    }
    return finding->count < finding->max;
}

static tidings_status redeliver(struct record *record, struct record_job *job,
                                struct finding *finding, struct tidings_error *err)
{
    int64_t now_ms = clock_wall_ms(record->clock);
    size_t kept = 0;
    tidings_status status = TIDINGS_OK;
    for (size_t i = 0; i < finding->count && status == TIDINGS_OK; i++) {
        status = record_redeliver(record, finding->rows[i].id, job->ladder_id, now_ms, err);
        if (status == TIDINGS_OK) {
            finding->rows[kept++] = finding->rows[i];
        } else if (status == TIDINGS_E_STATE || status == TIDINGS_E_NOT_FOUND) {
            job->refused++;
            status = TIDINGS_OK;
        }
    }
    finding->count = kept;
    job->redelivered += (int64_t)kept;
    return status;
}

static tidings_status write_step(struct record *record, struct record_job *job,
                                 const struct record_job *was, struct tidings_error *err)
{
    job->changed_ms = clock_wall_ms(record->clock);
    return record_run(record, NULL, err, STMT_JOB_STEP, "iiiiiii", (int64_t)job->state, job->cursor,
                      job->looked - was->looked, job->redelivered - was->redelivered,
                      job->refused - was->refused, job->changed_ms, job->id);
}

static int by_receiver(const void *a, const void *b)
{
    const struct found *left = a;
    const struct found *right = b;
    return (left->receiver_id > right->receiver_id) - (left->receiver_id < right->receiver_id);
}

static void tell(const struct finding *finding,
                 void (*each)(void *arg, int64_t receiver_id, int64_t count), void *arg)
{
    qsort(finding->rows, finding->count, sizeof *finding->rows, by_receiver);
    for (size_t i = 0, next; i < finding->count; i = next) {
        for (next = i + 1; next < finding->count &&
                           finding->rows[next].receiver_id == finding->rows[i].receiver_id;
             next++) {
        }
        each(arg, finding->rows[i].receiver_id, (int64_t)(next - i));
    }
}

tidings_status record_job_step(struct record *record, int64_t id, size_t max, struct buf *room,
                               struct record_job *ret,
                               void (*each)(void *arg, int64_t receiver_id, int64_t count),
                               void *arg, struct tidings_error *err)
{
    max = max > RECORD_BATCH_MAX ? RECORD_BATCH_MAX : max > 0 ? max : 1;
    tidings_status status = record_job_get(record, id, room, ret, err);
    if (status != TIDINGS_OK || ret->state != RECORD_JOB_RUNNING) {
        return status;
    }
    const struct record_job was = *ret;
    struct finding finding = { calloc(max, sizeof *finding.rows), 0, max };
    struct record_look page = { .filter = &ret->filter,
                                .after = ret->cursor,
                                .before = ret->until_id,
                                .look = max,
                                .last = ret->cursor };
    if (finding.rows == NULL) {
        return error_set(err, TIDINGS_E_NO_MEMORY, "record: no memory for a job");
    }
    status = record_look(record, &page, note, &finding, err);
    ret->cursor = page.last;
    ret->looked += (int64_t)page.looked;
    ret->state = page.ended ? RECORD_JOB_DONE : RECORD_JOB_RUNNING;
    if (status == TIDINGS_OK) {
        status = redeliver(record, ret, &finding, err);
    }
    if (status == TIDINGS_OK) {
        status = write_step(record, ret, &was, err);
    }
    if (status == TIDINGS_OK) {
        tell(&finding, each, arg);
    }
    free(finding.rows);
    return status;
}
