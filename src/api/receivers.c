// SPDX-License-Identifier: Apache-2.0
// Receivers: asked of the notifier on its loop.
#include <stdlib.h>

#include "api/private.h"
#include "api/show.h"
#include "wire/tree.h"

struct change {
    struct str name;
    struct str document;
    enum notify_put how;
    enum notify_receiver_state state;
    int64_t version; // of If-Match, 0 = none
    bool must_exist; // If-Match: *
    bool is_new;
};

static struct notify *notify_of(const struct api_call *call)
{
    return call->api->options.notify;
}

// Answers with the receiver as it is now.
static void answer_receiver(struct api_call *call, struct str name, int http_status)
{
    struct notify_receiver_view view;
    struct tidings_error err = { 0 };
    tidings_status status = notify_receiver_get(notify_of(call), name, &view, &err);
    if (status != TIDINGS_OK) {
        (void)api_call_failed(call, "name", status, &err);
        api_call_answer(call);
        return;
    }
    struct api_out out = api_call_json(call, http_status);
    http_response_field(call->response, "ETag", "\"%lld\"", (long long)view.version);
    if (http_status == 201) {
        http_response_field(call->response, "Location", "/v1/receivers/%s", view.name);
    }
    api_show_receiver(&out, &view);
    api_call_end(call, &out);
    api_call_answer(call);
}

static void failed(struct api_call *call, const char *field, tidings_status status,
                   const struct tidings_error *err)
{
    (void)api_call_failed(call, field, status, err);
    api_call_answer(call);
}

static struct change *new_change(struct api_call *call)
{
    struct change *change = api_pool_zeroed(&call->pool, sizeof *change);
    if (change == NULL) {
        (void)api_call_failed(call, NULL, TIDINGS_E_NO_MEMORY, NULL);
        return NULL;
    }
    change->name = call->param;
    call->state = change;
    return change;
}

// ---- one ----
static void get_on_loop(struct api_call *call)
{
    answer_receiver(call, call->param, 200);
}

enum api_turn api_handle_receiver_get(struct api_call *call)
{
    return api_call_on_loop(call, get_on_loop);
}

// ---- many ----
struct page {
    struct api_cursor after;
    int64_t limit;
    struct api_out out;
    size_t count;
    char last[RECEIVER_NAME_MAX + 1];
    bool is_full;
};

static void each_receiver(void *arg, const struct notify_receiver_view *view)
{
    struct page *page = arg;
    if (page->count == (size_t)page->limit || page->out.buf->len > API_BODY_SOFT) {
        page->is_full = true;
        return;
    }
    api_show_receiver(&page->out, view);
    page->count++;
    (void)str_copy(page->last, sizeof page->last, str_of(view->name));
}

static void list_on_loop(struct api_call *call)
{
    struct page *page = call->state;
    page->out = api_call_json(call, 200);
    api_out_open(&page->out, '{');
    api_out_key(&page->out, "items");
    api_out_open(&page->out, '[');
    // One more than fits, to know whether there is more.
    notify_receiver_each(notify_of(call), str_of(page->after.name), (size_t)page->limit + 1,
                         each_receiver, page);
    api_out_close(&page->out, ']');
    if (page->is_full) {
        struct api_cursor next = { .number = 0 };
        (void)str_copy(next.name, sizeof next.name, str_of(page->last));
        api_out_cursor(&page->out, API_CURSOR_RECEIVERS, &next);
    }
    api_out_close(&page->out, '}');
    api_call_end(call, &page->out);
    api_call_answer(call);
}

enum api_turn api_handle_receiver_list(struct api_call *call)
{
    struct page *page = api_pool_zeroed(&call->pool, sizeof *page);
    if (page == NULL) {
        return api_call_failed(call, NULL, TIDINGS_E_NO_MEMORY, NULL);
    }
    page->limit = API_LIMIT_DEFAULT;
    if (!api_query_number(call, "limit", 1, API_LIMIT_MAX, &page->limit) ||
        !api_query_cursor(call, API_CURSOR_RECEIVERS, &page->after)) {
        return API_NOW;
    }
    page->limit = page->limit > API_LOOP_PAGE_MAX ? API_LOOP_PAGE_MAX : page->limit;
    call->state = page;
    return api_call_on_loop(call, list_on_loop);
}

// ---- make and change ----
static void put_done(void *arg, tidings_status status, int64_t version,
                     const struct tidings_error *err)
{
    struct api_call *call = arg;
    const struct change *change = call->state;
    (void)version;
    if (status == TIDINGS_OK) {
        answer_receiver(call, change->name, change->is_new ? 201 : 200);
    } else if (status == TIDINGS_E_STATE && change->version != 0) {
        (void)api_call_problem(call, API_PROBLEM_PRECONDITION, "If-Match", "%s",
                               error_text(err, status));
        api_call_answer(call);
    } else {
        failed(call, status == TIDINGS_E_EXISTS ? "name" : NULL, status, err);
    }
}

// Nothing is there that could have the version. A request that is wrong in itself is told so first
// (RFC 9110, section 13.2.1): preconditions are for those that would be done without them.
static void refuse_missing(struct api_call *call, const struct change *change)
{
    struct tidings_error err = { 0 };
    struct receiver_settings *settings = NULL;
    tidings_status status = receiver_name_check(change->name, &err);
    if (status == TIDINGS_OK) {
        status = receiver_settings_parse(change->name, change->document, NULL,
                                         clock_wall_ms(call->api->options.clock), &settings, &err);
    }
    receiver_settings_unref(settings);
    if (status == TIDINGS_OK ||
        status == TIDINGS_E_PERMISSION) { // a sealed secret, not opened here
        (void)api_call_problem(call, API_PROBLEM_PRECONDITION, "If-Match", "no such receiver");
        api_call_answer(call);
    } else {
        failed(call, NULL, status, &err);
    }
}

static void put_on_loop(struct api_call *call)
{
    struct change *change = call->state;
    struct notify_receiver_view view;
    struct tidings_error err = { 0 };
    change->is_new =
        notify_receiver_get(notify_of(call), change->name, &view, &err) == TIDINGS_E_NOT_FOUND;
    if (change->is_new && change->how == NOTIFY_MERGE) {
        failed(call, "name", TIDINGS_E_NOT_FOUND, &err);
        return;
    }
    if (change->is_new && (change->must_exist || change->version != 0)) {
        refuse_missing(call, change);
        return;
    }
    error_clear(&err);
    tidings_status status = notify_receiver_put(notify_of(call), change->name, change->document,
                                                change->how, change->version, put_done, call, &err);
    if (status != TIDINGS_OK) {
        failed(call, NULL, status, &err);
    }
}

static enum api_turn put(struct api_call *call, enum notify_put how)
{
    struct change *change = new_change(call);
    if (change == NULL || !api_if_match(call, &change->version, &change->must_exist)) {
        return API_NOW;
    }
    change->how = how;
    change->document = call->request->body;
    return api_call_on_loop(call, put_on_loop);
}

enum api_turn api_handle_receiver_put(struct api_call *call)
{
    return put(call, NOTIFY_REPLACE);
}

enum api_turn api_handle_receiver_patch(struct api_call *call)
{
    return put(call, NOTIFY_MERGE);
}

// Takes `name` out of the body; what is left are the settings.
static bool split_name(struct api_call *call, json_t *object, struct change *change)
{
    const json_t *name = json_object_get(object, "name");
    if (!json_is_string(name)) {
        (void)api_call_problem(call, API_PROBLEM_INVALID, "name", "name must be there, a text");
        return false;
    }
    change->name = api_call_keep(call, str_make(json_string_value(name), json_string_length(name)));
    (void)json_object_del(object, "name");
    char *text = json_dumps(object, JSON_COMPACT);
    change->document = text != NULL ? api_call_keep(call, str_of(text)) : change->document;
    free(text);
    if (change->name.ptr == NULL || change->document.ptr == NULL) {
        (void)api_call_failed(call, NULL, TIDINGS_E_NO_MEMORY, NULL);
        return false;
    }
    return true;
}

enum api_turn api_handle_receiver_create(struct api_call *call)
{
    struct tidings_error err = { 0 };
    json_t *object = NULL;
    struct change *change = new_change(call);
    if (change == NULL) {
        return API_NOW;
    }
    tidings_status status = wire_tree_parse(call->request->body, &object, &err);
    if (status != TIDINGS_OK) {
        return api_call_failed(call, NULL, status, &err);
    }
    bool good = json_is_object(object) ? split_name(call, object, change)
                                       : (bool)api_call_problem(call, API_PROBLEM_INVALID, NULL,
                                                                "the body must be an object");
    json_decref(object);
    change->how = NOTIFY_CREATE;
    return good ? api_call_on_loop(call, put_on_loop) : API_NOW;
}

// ---- pause, resume, retire ----
static void state_done(void *arg, tidings_status status, int64_t version,
                       const struct tidings_error *err)
{
    struct api_call *call = arg;
    const struct change *change = call->state;
    (void)version;
    if (status != TIDINGS_OK) {
        failed(call, NULL, status, err);
    } else if (change->state == NOTIFY_RETIRED) {
        (void)api_call_json(call, 204);
        api_call_answer(call);
    } else {
        answer_receiver(call, change->name, 200);
    }
}

static void state_on_loop(struct api_call *call)
{
    const struct change *change = call->state;
    struct tidings_error err = { 0 };
    tidings_status status = notify_receiver_set_state(notify_of(call), change->name, change->state,
                                                      state_done, call, &err);
    if (status != TIDINGS_OK) {
        failed(call, "name", status, &err);
    }
}

static enum api_turn set_state(struct api_call *call, enum notify_receiver_state state)
{
    struct change *change = new_change(call);
    if (change == NULL) {
        return API_NOW;
    }
    change->state = state;
    return api_call_on_loop(call, state_on_loop);
}

enum api_turn api_handle_receiver_pause(struct api_call *call)
{
    return set_state(call, NOTIFY_PAUSED);
}

enum api_turn api_handle_receiver_resume(struct api_call *call)
{
    return set_state(call, NOTIFY_ACTIVE);
}

enum api_turn api_handle_receiver_retire(struct api_call *call)
{
    return set_state(call, NOTIFY_RETIRED);
}
