// SPDX-License-Identifier: Apache-2.0
// Topics that are listened to: asked of the intake on the loop.
#include "api/private.h"

static void show(struct api_out *out, const struct intake_view *view)
{
    api_out_open(out, '{');
    api_out_member_c(out, "name", view->name);
    api_out_member_number(out, "version", view->version);
    api_out_key(out, "settings");
    api_out_json(out, view->document);
    api_out_member_c(out, "state", view->listening ? "listening" : "failed");
    api_out_member_if(out, "error", str_of(view->error));
    api_out_member_number(out, "accepted", (int64_t)view->accepted);
    api_out_member_number(out, "refused", (int64_t)view->refused);
    api_out_close(out, '}');
}

static struct intake *intake_of(const struct api_call *call)
{
    return call->api->options.intake;
}

static void failed(struct api_call *call, const char *field, tidings_status status,
                   const struct tidings_error *err)
{
    (void)api_call_failed(call, field, status, err);
    api_call_answer(call);
}

static enum api_turn no_intake(struct api_call *call, enum api_problem kind)
{
    return api_call_problem(call, kind, NULL, "this server listens to no MQ");
}

// ---- read ----
static void each_binding(void *arg, const struct intake_view *view)
{
    show(arg, view);
}

static void list_on_loop(struct api_call *call)
{
    struct api_out out = api_call_json(call, 200);
    api_out_open(&out, '{');
    api_out_key(&out, "items");
    api_out_open(&out, '[');
    intake_each(intake_of(call), each_binding, &out);
    api_out_close(&out, ']');
    api_out_close(&out, '}');
    api_call_end(call, &out);
    api_call_answer(call);
}

enum api_turn api_handle_binding_list(struct api_call *call)
{
    if (intake_of(call) != NULL) {
        return api_call_on_loop(call, list_on_loop);
    }
    struct api_out out = api_call_json(call, 200);
    api_out_json(&out, STR("{\"items\":[]}"));
    api_call_end(call, &out);
    return API_NOW;
}

static void get_on_loop(struct api_call *call)
{
    struct intake_view view;
    struct tidings_error err = { 0 };
    tidings_status status = intake_get(intake_of(call), call->param, &view, &err);
    if (status != TIDINGS_OK) {
        failed(call, "name", status, &err);
        return;
    }
    struct api_out out = api_call_json(call, 200);
    show(&out, &view);
    api_call_end(call, &out);
    api_call_answer(call);
}

enum api_turn api_handle_binding_get(struct api_call *call)
{
    return intake_of(call) != NULL ? api_call_on_loop(call, get_on_loop)
                                   : no_intake(call, API_PROBLEM_NOT_FOUND);
}

// ---- change ----
static void put_done(void *arg, tidings_status status, int64_t version,
                     const struct tidings_error *err)
{
    struct api_call *call = arg;
    (void)version;
    if (status != TIDINGS_OK) {
        failed(call, NULL, status, err);
    } else {
        get_on_loop(call);
    }
}

static void put_on_loop(struct api_call *call)
{
    struct tidings_error err = { 0 };
    tidings_status status =
        intake_put(intake_of(call), call->param, call->request->body, put_done, call, &err);
    if (status != TIDINGS_OK) {
        failed(call, NULL, status, &err);
    }
}

enum api_turn api_handle_binding_put(struct api_call *call)
{
    return intake_of(call) != NULL ? api_call_on_loop(call, put_on_loop)
                                   : no_intake(call, API_PROBLEM_STATE);
}

static void drop_done(void *arg, tidings_status status, int64_t version,
                      const struct tidings_error *err)
{
    struct api_call *call = arg;
    (void)version;
    if (status != TIDINGS_OK) {
        failed(call, status == TIDINGS_E_NOT_FOUND ? "name" : NULL, status, err);
        return;
    }
    (void)api_call_json(call, 204);
    api_call_answer(call);
}

static void drop_on_loop(struct api_call *call)
{
    struct tidings_error err = { 0 };
    tidings_status status = intake_drop(intake_of(call), call->param, drop_done, call, &err);
    if (status != TIDINGS_OK) {
        failed(call, status == TIDINGS_E_NOT_FOUND ? "name" : NULL, status, &err);
    }
}

enum api_turn api_handle_binding_delete(struct api_call *call)
{
    return intake_of(call) != NULL ? api_call_on_loop(call, drop_on_loop)
                                   : no_intake(call, API_PROBLEM_NOT_FOUND);
}
