// SPDX-License-Identifier: Apache-2.0
// GET /v1/notifications: on the reading thread.
#include "api/names.h"
#include "api/private.h"
#include "api/show.h"

enum { LOOK_MAX = RECORD_BATCH_MAX };

struct listing {
    struct record_filter filter;
    struct str receiver; // name; ptr NULL = all
    int64_t limit;
    int64_t after;
};

// Rows as the record told them, kept until their receivers' names are known.
struct rows {
    struct record_row *rows;
    size_t count;
    size_t max;
    struct api_pool pool;
    bool is_short; // of memory
};

static struct str keep(struct rows *rows, struct str text)
{
    char *copy = api_pool_take(&rows->pool, text.len + 1);
    if (copy == NULL) {
        rows->is_short = true;
        return STR("");
    }
    (void)str_copy(copy, text.len + 1, text);
    return str_make(copy, text.len);
}

static void each_row(void *arg, const struct record_row *row)
{
    struct rows *rows = arg;
    if (rows->count < rows->max) {
        struct record_row *kept = &rows->rows[rows->count++];
        *kept = *row;
        kept->source = keep(rows, row->source);
        kept->type = keep(rows, row->type);
        kept->tx_no = keep(rows, row->tx_no);
    }
}

static tidings_status write_page(struct api_call *call, struct api_names *names,
                                 const struct rows *rows, int64_t after, struct tidings_error *err)
{
    struct api_out out = api_call_json(call, 200);
    tidings_status status = TIDINGS_OK;
    api_out_open(&out, '{');
    api_out_key(&out, "items");
    api_out_open(&out, '[');
    for (size_t i = 0; i < rows->count && status == TIDINGS_OK; i++) {
        const struct record_row *row = &rows->rows[i];
        struct str name = STR("");
        status = api_names_get(names, row->receiver_id, &name, err);
        if (status == TIDINGS_OK && api_may_read(call, row->source, name)) {
            api_out_open(&out, '{');
            api_show_row(&out, row, name);
            api_out_close(&out, '}');
        }
    }
    api_out_close(&out, ']');
    if (after != 0) {
        api_out_cursor(&out, API_CURSOR_NOTIFICATIONS, &(struct api_cursor){ .number = after });
    }
    api_out_close(&out, '}');
    api_call_end(call, &out);
    return status;
}

static tidings_status read_page(struct api_call *call, struct record *record,
                                struct api_names *names, struct rows *rows,
                                struct tidings_error *err)
{
    const struct listing *listing = call->state;
    struct record_filter filter = listing->filter;
    int64_t after = 0;
    if (listing->receiver.ptr != NULL) {
        tidings_status status = api_names_find(names, listing->receiver, &filter.receiver_id, err);
        if (status != TIDINGS_OK || filter.receiver_id == 0) {
            return status != TIDINGS_OK ? status : write_page(call, names, rows, 0, err);
        }
    }
    tidings_status status = record_list(record, &filter, listing->after, (size_t)listing->limit,
                                        LOOK_MAX, each_row, rows, &after, err);
    if (status == TIDINGS_OK && rows->is_short) {
        status = error_set(err, TIDINGS_E_NO_MEMORY, "out of memory");
    }
    return status == TIDINGS_OK ? write_page(call, names, rows, after, err) : status;
}

static tidings_status run(struct api_call *call, struct record *record, struct tidings_error *err)
{
    const struct listing *listing = call->state;
    struct rows rows = { .max = (size_t)listing->limit };
    struct api_names *names = api_names_new(record);
    api_pool_init(&rows.pool, NULL, 0);
    rows.rows = api_pool_take(&rows.pool, rows.max * sizeof *rows.rows);
    tidings_status status = names != NULL && rows.rows != NULL
                                ? read_page(call, record, names, &rows, err)
                                : error_set(err, TIDINGS_E_NO_MEMORY, "out of memory");
    api_pool_deinit(&rows.pool);
    api_names_free(names);
    return status;
}

// ---- the parameters ----
static bool read_state(struct api_call *call, struct record_filter *filter)
{
    struct str state = { NULL, 0 };
    struct str reason = { NULL, 0 };
    if (!api_query_text(call, "state", 32, &state) ||
        !api_query_text(call, "reason", 32, &reason)) {
        return false;
    }
    if (state.ptr != NULL && !api_state_parse(state, &filter->state)) {
        (void)api_call_problem(call, API_PROBLEM_INVALID, "state",
                               "state must be waiting, delivering, delivered, dead or cancelled");
        return false;
    }
    if (reason.ptr != NULL && !api_reason_parse(reason, &filter->reason)) {
        (void)api_call_problem(call, API_PROBLEM_INVALID, "reason",
                               "reason must be ladder, limit, window, gone, refused or operator");
        return false;
    }
    return true;
}

static bool read_parameters(struct api_call *call, struct listing *listing)
{
    struct record_filter *filter = &listing->filter;
    struct api_cursor cursor = { .number = 0 };
    bool good = api_query_text(call, "receiver", RECORD_NAME_MAX, &listing->receiver) &&
                read_state(call, filter) &&
                api_query_text(call, "source", RECORD_NAME_MAX, &filter->source) &&
                api_query_text(call, "type", RECORD_NAME_MAX, &filter->type) &&
                api_query_text(call, "txNo", RECORD_NAME_MAX, &filter->tx_no) &&
                api_query_number(call, "acceptedFrom", 0, INT64_MAX, &filter->from_ms) &&
                api_query_number(call, "acceptedTo", 1, INT64_MAX, &filter->to_ms) &&
                api_query_number(call, "limit", 1, API_LIMIT_MAX, &listing->limit) &&
                api_query_cursor(call, API_CURSOR_NOTIFICATIONS, &cursor);
    listing->after = cursor.number;
    return good;
}

enum api_turn api_handle_list(struct api_call *call)
{
    struct listing *listing = api_pool_zeroed(&call->pool, sizeof *listing);
    if (listing == NULL) {
        return api_call_failed(call, NULL, TIDINGS_E_NO_MEMORY, NULL);
    }
    listing->limit = API_LIMIT_DEFAULT;
    if (!read_parameters(call, listing)) {
        return API_NOW;
    }
    // Where the key may see one source or receiver only, the record need not look at others.
    if (listing->filter.source.ptr == NULL) {
        listing->filter.source = api_only_source(call);
    }
    if (listing->receiver.ptr == NULL) {
        listing->receiver = api_only_receiver(call);
    }
    call->state = listing;
    return api_call_on_reader(call, run);
}
