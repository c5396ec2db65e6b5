// SPDX-License-Identifier: Apache-2.0
// Reading one notification: whole, its payload, its attempts. On the reading thread.
#include "api/cursor.h"
#include "api/names.h"
#include "api/private.h"
#include "api/show.h"

enum {
    LAST_ATTEMPTS = 20,
    ROOM_MAX = RECORD_PAYLOAD_MAX + RECORD_HEADERS_MAX + 4 * RECORD_NAME_MAX + 1024,
};

struct one {
    int64_t id;
    int64_t after; // of attempts
    int64_t limit;
};

struct found {
    struct api_names *names;
    struct buf room;
    struct record_notification notification;
    struct str receiver;
};

static void found_deinit(struct found *found)
{
    api_names_free(found->names);
    buf_deinit(&found->room);
}

static tidings_status not_found(struct api_call *call)
{
    (void)api_call_problem(call, API_PROBLEM_NOT_FOUND, "id", "no such notification");
    return TIDINGS_OK;
}

// *ret_there false: the response is the problem that it is not there, for this asker.
// The payload, which may be large, only when it is what is asked for.
static tidings_status find(struct api_call *call, struct record *record, bool with_payload,
                           struct found *found, bool *ret_there, struct tidings_error *err)
{
    const struct one *one = call->state;
    *ret_there = false;
    buf_init(&found->room, ROOM_MAX);
    found->names = api_names_new(record);
    if (found->names == NULL) {
        return error_set(err, TIDINGS_E_NO_MEMORY, "out of memory");
    }
    tidings_status status = (with_payload ? record_get : record_get_brief)(
        record, one->id, &found->room, &found->notification, err);
    if (status == TIDINGS_E_NOT_FOUND) {
        error_clear(err);
        return not_found(call);
    }
    if (status == TIDINGS_OK) {
        status =
            api_names_get(found->names, found->notification.receiver_id, &found->receiver, err);
    }
    if (status != TIDINGS_OK) {
        return status;
    }
    *ret_there = api_may_read(call, found->notification.source, found->receiver);
    return *ret_there ? TIDINGS_OK : not_found(call);
}

// ---- whole ----
static void each_attempt(void *arg, const struct record_attempt *attempt)
{
    api_show_attempt(arg, attempt);
}

static void show_rest(struct api_out *out, const struct record_notification *notification,
                      struct str ladder)
{
    api_out_member(out, "contentType", notification->content_type);
    if (notification->headers.len > 0) {
        api_show_headers(out, notification->headers);
    }
    api_out_member_number(out, "payloadSize", notification->payload_size);
    api_out_member_hex(out, "payloadHash", notification->hash, RECORD_HASH_SIZE);
    api_out_member(out, "ladder", ladder);
}

static tidings_status show_last_attempts(struct api_out *out, struct record *record,
                                         const struct record_notification *notification,
                                         struct tidings_error *err)
{
    int32_t after =
        notification->attempts > LAST_ATTEMPTS ? notification->attempts - LAST_ATTEMPTS : 0;
    api_out_key(out, "lastAttempts");
    api_out_open(out, '[');
    tidings_status status =
        record_attempts(record, notification->id, after, LAST_ATTEMPTS, each_attempt, out, err);
    api_out_close(out, ']');
    return status;
}

static tidings_status get(struct api_call *call, struct record *record, struct found *found,
                          struct tidings_error *err)
{
    const struct record_notification *n = &found->notification;
    struct record_row row = {
        .id = n->id,
        .receiver_id = n->receiver_id,
        .accepted_ms = n->accepted_ms,
        .source = n->source,
        .type = n->type,
        .tx_no = n->tx_no,
        .state = n->state,
        .reason = n->reason,
        .attempts = n->attempts,
        .first_ms = n->first_ms,
        .due_ms = n->due_ms,
        .finished_ms = n->finished_ms,
    };
    struct buf ladder;
    buf_init(&ladder, RECORD_LADDER_MAX + 1);
    tidings_status status = record_ladder_get(record, n->ladder_id, &ladder, err);
    if (status == TIDINGS_E_NOT_FOUND) {
        error_clear(err);
        status = TIDINGS_OK;
    }
    if (status == TIDINGS_OK) {
        struct api_out out = api_call_json(call, 200);
        api_out_open(&out, '{');
        api_show_row(&out, &row, found->receiver);
        show_rest(&out, n, buf_str(&ladder));
        status = show_last_attempts(&out, record, n, err);
        api_out_close(&out, '}');
        api_call_end(call, &out);
    }
    buf_deinit(&ladder);
    return status;
}

// ---- payload ----
static tidings_status payload(struct api_call *call, struct record *record, struct found *found,
                              struct tidings_error *err)
{
    struct http_response *response = call->response;
    struct str type = found->notification.content_type;
    (void)record;
    buf_clear(&response->body);
    tidings_status status = buf_add_str(&response->body, found->notification.payload);
    if (status != TIDINGS_OK) {
        return error_set(err, status, "the payload does not fit an answer");
    }
    response->status = 200;
    response->content_type = NULL; // it stands among the fields, which keep a copy
    response->field_count = 0;
    http_response_field(response, "Content-Type", "%.*s", STR_ARG(type));
    // An initiator's bytes must not become a page of this server in anybody's browser.
    http_response_field(response, "X-Content-Type-Options", "%s", "nosniff");
    http_response_field(response, "Content-Security-Policy", "%s", "sandbox; default-src 'none'");
    http_response_field(response, "Content-Disposition", "%s", "attachment");
    return TIDINGS_OK;
}

// ---- attempts ----
struct attempts_page {
    struct api_out out;
    int32_t last;
    bool is_full;
};

static void each_of_page(void *arg, const struct record_attempt *attempt)
{
    struct attempts_page *page = arg;
    page->is_full = page->is_full || page->out.buf->len > API_BODY_SOFT;
    if (!page->is_full) {
        api_show_attempt(&page->out, attempt);
        page->last = attempt->number;
    }
}

static tidings_status attempts(struct api_call *call, struct record *record, struct found *found,
                               struct tidings_error *err)
{
    const struct one *one = call->state;
    struct attempts_page page = { .out = api_call_json(call, 200), .last = (int32_t)one->after };
    api_out_open(&page.out, '{');
    api_out_key(&page.out, "items");
    api_out_open(&page.out, '[');
    tidings_status status = record_attempts(record, one->id, (int32_t)one->after,
                                            (size_t)one->limit, each_of_page, &page, err);
    api_out_close(&page.out, ']');
    if (page.last > one->after && page.last < found->notification.attempts) {
        api_out_cursor(&page.out, API_CURSOR_ATTEMPTS, &(struct api_cursor){ .number = page.last });
    }
    api_out_close(&page.out, '}');
    api_call_end(call, &page.out);
    return status;
}

// ---- the handlers ----
struct reading {
    struct one one; // first: the state of a call is read as either
    tidings_status (*read)(struct api_call *call, struct record *record, struct found *found,
                           struct tidings_error *err);
};

static tidings_status run(struct api_call *call, struct record *record, struct tidings_error *err)
{
    const struct reading *reading = call->state;
    struct found found = { .names = NULL };
    bool is_there;
    tidings_status status = find(call, record, reading->read == payload, &found, &is_there, err);
    if (status == TIDINGS_OK && is_there) {
        status = reading->read(call, record, &found, err);
    }
    found_deinit(&found);
    return status;
}

static enum api_turn read_one(struct api_call *call,
                              tidings_status (*read)(struct api_call *call, struct record *record,
                                                     struct found *found,
                                                     struct tidings_error *err))
{
    struct api_cursor cursor = { .number = 0 };
    struct reading *reading = api_pool_zeroed(&call->pool, sizeof *reading);
    if (reading == NULL) {
        return api_call_failed(call, NULL, TIDINGS_E_NO_MEMORY, NULL);
    }
    reading->read = read;
    reading->one.limit = API_LIMIT_DEFAULT;
    if (!record_id_parse(call->param, &reading->one.id)) {
        return api_call_problem(call, API_PROBLEM_NOT_FOUND, "id", "no such notification");
    }
    if (read == attempts &&
        (!api_query_number(call, "limit", 1, API_LIMIT_MAX, &reading->one.limit) ||
         !api_query_cursor(call, API_CURSOR_ATTEMPTS, &cursor))) {
        return API_NOW;
    }
    reading->one.after = cursor.number > INT32_MAX ? INT32_MAX : cursor.number;
    call->state = reading;
    return api_call_on_reader(call, run);
}

enum api_turn api_handle_get(struct api_call *call)
{
    return read_one(call, get);
}

enum api_turn api_handle_payload(struct api_call *call)
{
    return read_one(call, payload);
}

enum api_turn api_handle_attempts(struct api_call *call)
{
    return read_one(call, attempts);
}
