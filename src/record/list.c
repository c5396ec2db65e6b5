// SPDX-License-Identifier: Apache-2.0
// Rows that fit a filter. What finds them is chosen here; whether they fit is decided row by row.
#include <stdlib.h>

#include "record/private.h"

// ---- one row ----
enum { COLUMN_PENDING = 5, COLUMN_ARCHIVE = 9 };

// Columns as in statements.def; `archive`: the statement has those of the archive.
static struct record_row row_of(struct db_stmt *stmt, bool archive)
{
    struct record_row row = {
        .id = db_column_i64(stmt, 0),
        .receiver_id = db_column_i64(stmt, 1),
        .source = db_column_text(stmt, 2),
        .type = db_column_text(stmt, 3),
        .tx_no = db_column_text(stmt, 4),
    };
    row.accepted_ms = record_id_time_ms(row.id);
    if (!db_column_is_null(stmt, COLUMN_PENDING)) {
        row.state = (enum record_state)db_column_i64(stmt, COLUMN_PENDING);
        row.due_ms = db_column_i64(stmt, COLUMN_PENDING + 1);
        row.first_ms = db_column_i64(stmt, COLUMN_PENDING + 2);
        row.attempts = (int32_t)db_column_i64(stmt, COLUMN_PENDING + 3);
    } else if (archive) {
        row.state = (enum record_state)db_column_i64(stmt, COLUMN_ARCHIVE);
        row.reason = (enum record_reason)db_column_i64(stmt, COLUMN_ARCHIVE + 1);
        row.first_ms = db_column_i64(stmt, COLUMN_ARCHIVE + 2);
        row.finished_ms = db_column_i64(stmt, COLUMN_ARCHIVE + 3);
        row.attempts = (int32_t)db_column_i64(stmt, COLUMN_ARCHIVE + 4);
    }
    return row;
}

static bool fits(const struct record_filter *filter, const struct record_row *row)
{
    return (filter->receiver_id == 0 || filter->receiver_id == row->receiver_id) &&
           (filter->state == 0 || filter->state == row->state) &&
           (filter->reason == RECORD_REASON_NONE || filter->reason == row->reason) &&
           (filter->source.ptr == NULL || str_eq(filter->source, row->source)) &&
           (filter->type.ptr == NULL || str_eq(filter->type, row->type)) &&
           (filter->tx_no.ptr == NULL || str_eq(filter->tx_no, row->tx_no));
}

// ---- a page ----
static bool is_unfinished(enum record_state state)
{
    return state == RECORD_WAITING || state == RECORD_DELIVERING;
}

static struct db_stmt *bind(struct record *record, const struct record_look *page, int64_t after,
                            int64_t before)
{
    const struct record_filter *filter = page->filter;
    const int64_t look = (int64_t)page->look;
    if (filter->state == RECORD_DEAD && filter->receiver_id != 0) {
        return record_bind(record, STMT_LIST_DEAD_OF, "iiii", after, before, filter->receiver_id,
                           look);
    }
    return record_bind(record,
                       filter->state == RECORD_DEAD   ? STMT_LIST_DEAD
                       : is_unfinished(filter->state) ? STMT_LIST_PENDING
                                                      : STMT_LIST_ALL,
                       "iii", after, before, look);
}

// The rows with a tx_no, one by one.
static tidings_status look_by_tx_no(struct record *record, struct record_look *page, int64_t after,
                                    int64_t before,
                                    bool (*each)(void *arg, const struct record_row *row),
                                    void *arg, struct tidings_error *err)
{
    size_t count = 0;
    bool more = true;
    int64_t *ids = malloc((page->look + 1) * sizeof *ids);
    if (ids == NULL) {
        return error_set(err, TIDINGS_E_NO_MEMORY, "record: no memory for a list");
    }
    tidings_status status =
        record_key_ids(record, page->filter->tx_no, after, before, ids, page->look, &count, err);
    for (size_t i = 0; i < count && more && status == TIDINGS_OK; i++) {
        struct db_stmt *stmt = record_bind(record, STMT_LIST_ONE, "i", ids[i]);
        status = record_first(stmt, err);
        page->looked++;
        page->last = ids[i];
        if (status == TIDINGS_OK) {
            const struct record_row row = row_of(stmt, true);
            more = !fits(page->filter, &row) || each(arg, &row);
            db_reset(stmt);
        }
        status = status == TIDINGS_E_NOT_FOUND ? TIDINGS_OK : status; // another forgot it
    }
    page->ended = status == TIDINGS_OK && more && count < page->look;
    free(ids);
    return status;
}

tidings_status record_look(struct record *record, struct record_look *page,
                           bool (*each)(void *arg, const struct record_row *row), void *arg,
                           struct tidings_error *err)
{
    const struct record_filter *filter = page->filter;
    const bool archive = !is_unfinished(filter->state);
    int64_t after = page->after;
    int64_t before = page->before;
    bool more = true;
    if (filter->from_ms != 0 && after < record_id_at(filter->from_ms)) {
        after = record_id_at(filter->from_ms) - 1;
    }
    if (filter->to_ms != 0 && before > record_id_at(filter->to_ms)) {
        before = record_id_at(filter->to_ms);
    }
    page->look = page->look < RECORD_BATCH_MAX ? page->look : RECORD_BATCH_MAX;
    page->looked = 0;
    if (filter->tx_no.ptr != NULL) {
        return look_by_tx_no(record, page, after, before, each, arg, err);
    }
    struct db_stmt *stmt = bind(record, page, after, before);
    tidings_status status = TIDINGS_OK;
    while (status == TIDINGS_OK && more && (status = db_step(stmt, err)) == TIDINGS_OK) {
        const struct record_row row = row_of(stmt, archive);
        page->looked++;
        page->last = row.id;
        more = !fits(filter, &row) || each(arg, &row);
    }
    db_reset(stmt);
    page->ended = status == TIDINGS_E_EOF && page->looked < page->look;
    return status == TIDINGS_E_EOF ? TIDINGS_OK : status;
}

// ---- a list ----
struct collecting {
    void (*each)(void *arg, const struct record_row *row);
    void *arg;
    size_t left;
};

static bool collect(void *arg, const struct record_row *row)
{
    struct collecting *collecting = arg;
    collecting->each(collecting->arg, row);
    return --collecting->left > 0;
}

tidings_status record_list(struct record *record, const struct record_filter *filter, int64_t after,
                           size_t max, size_t look_max,
                           void (*each)(void *arg, const struct record_row *row), void *arg,
                           int64_t *ret_after, struct tidings_error *err)
{
    struct collecting collecting = { each, arg, max < RECORD_BATCH_MAX ? max : RECORD_BATCH_MAX };
    struct record_look page = {
        .filter = filter, .after = after, .before = INT64_MAX, .last = after
    };
    size_t left =
        filter->tx_no.ptr != NULL && look_max < RECORD_BATCH_MAX ? RECORD_BATCH_MAX : look_max;
    tidings_status status = TIDINGS_OK;
    while (status == TIDINGS_OK && left > 0 && collecting.left > 0 && !page.ended) {
        page.look = left;
        status = record_look(record, &page, collect, &collecting, err);
        page.after = page.last;
        left -= page.looked;
    }
    *ret_after = page.ended ? 0 : page.last;
    return status;
}

tidings_status record_backlog(struct record *record,
                              void (*each)(void *arg, int64_t receiver_id, int64_t count),
                              void *arg, struct tidings_error *err)
{
    struct db_stmt *stmt = record_bind(record, STMT_BACKLOG, "");
    tidings_status status;
    while ((status = db_step(stmt, err)) == TIDINGS_OK) {
        each(arg, db_column_i64(stmt, 0), db_column_i64(stmt, 1));
    }
    db_reset(stmt);
    return status == TIDINGS_E_EOF ? TIDINGS_OK : status;
}
