// SPDX-License-Identifier: Apache-2.0
// Redelivering and cancelling one notification.
#include "api/private.h"

struct operation {
    int64_t id;
    struct str ladder;
    int http_status; // when it is done
};

static void done(void *arg, tidings_status status, const struct tidings_error *err)
{
    struct api_call *call = arg;
    const struct operation *operation = call->state;
    if (status != TIDINGS_OK) {
        (void)api_call_failed(call, status == TIDINGS_E_NOT_FOUND ? "id" : NULL, status, err);
    } else {
        char id[RECORD_ID_SIZE];
        struct api_out out = api_call_json(call, operation->http_status);
        record_id_format(operation->id, id);
        api_out_open(&out, '{');
        api_out_member_c(&out, "id", id);
        api_out_close(&out, '}');
        api_call_end(call, &out);
    }
    api_call_answer(call);
}

static struct operation *new_operation(struct api_call *call, int http_status)
{
    struct operation *operation = api_pool_zeroed(&call->pool, sizeof *operation);
    if (operation == NULL) {
        (void)api_call_failed(call, NULL, TIDINGS_E_NO_MEMORY, NULL);
        return NULL;
    }
    if (!record_id_parse(call->param, &operation->id)) {
        (void)api_call_problem(call, API_PROBLEM_NOT_FOUND, "id", "no such notification");
        return NULL;
    }
    operation->http_status = http_status;
    call->state = operation;
    return operation;
}

static void redeliver_on_loop(struct api_call *call)
{
    const struct operation *operation = call->state;
    struct tidings_error err = { 0 };
    tidings_status status = notify_redeliver(call->api->options.notify, operation->id,
                                             operation->ladder, done, call, &err);
    if (status != TIDINGS_OK) {
        done(call, status, &err);
    }
}

bool api_ladder_is_good(struct api_call *call, struct str text)
{
    struct ladder ladder;
    struct tidings_error err = { 0 };
    tidings_status status =
        text.len > 0 ? ladder_parse(text, &ladder, &err) : (tidings_status)TIDINGS_OK;
    if (status != TIDINGS_OK) {
        (void)api_call_problem(call, API_PROBLEM_INVALID, "ladder", "%s", error_text(&err, status));
    }
    return status == TIDINGS_OK;
}

enum api_turn api_handle_redeliver(struct api_call *call)
{
    struct api_member ladder = { .name = "ladder", .kind = 't', .max = RECORD_LADDER_MAX };
    struct operation *operation = new_operation(call, 202);
    if (operation == NULL || !api_body_read(call, &ladder, 1) ||
        !api_ladder_is_good(call, ladder.text)) {
        return API_NOW;
    }
    operation->ladder = ladder.text.ptr != NULL ? ladder.text : STR("");
    return api_call_on_loop(call, redeliver_on_loop);
}

static void cancel_on_loop(struct api_call *call)
{
    const struct operation *operation = call->state;
    struct tidings_error err = { 0 };
    tidings_status status =
        notify_cancel(call->api->options.notify, operation->id, done, call, &err);
    if (status != TIDINGS_OK) {
        done(call, status, &err);
    }
}

enum api_turn api_handle_cancel(struct api_call *call)
{
    return new_operation(call, 200) != NULL ? api_call_on_loop(call, cancel_on_loop) : API_NOW;
}
