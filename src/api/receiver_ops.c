// SPDX-License-Identifier: Apache-2.0
// A receiver's new secret, and an attempt for a test.
#include "api/private.h"
#include "api/show.h"

enum { SECRET_MAX = 8192 }; // a PEM key fits

#define OVERLAP_MAX_MS 2592000000LL

static void failed(struct api_call *call, const char *field, tidings_status status,
                   const struct tidings_error *err)
{
    (void)api_call_failed(call, field, status, err);
    api_call_answer(call);
}

// ---- secrets ----
struct rotation {
    struct str secret;
    int64_t overlap_ms;
    int64_t active_ms; // 0 = as the scheme has it
};

// Texts of the settings begin with the member's name.
static void not_rotated(struct api_call *call, tidings_status status,
                        const struct tidings_error *err)
{
    const char *field = status != TIDINGS_E_INVALID                                     ? NULL
                        : err != NULL && str_starts(str_of(err->text), STR("activeAt")) ? "activeAt"
                                                                                        : "secret";
    failed(call, field, status, err);
}

static void rotated(void *arg, tidings_status status, struct str secret, int64_t version,
                    int64_t active_ms, const struct tidings_error *err)
{
    struct api_call *call = arg;
    if (status != TIDINGS_OK) {
        not_rotated(call, status, err);
        return;
    }
    struct api_out out = api_call_json(call, 200);
    http_response_field(call->response, "Cache-Control", "%s", "no-store");
    api_out_open(&out, '{');
    api_out_member(&out, "secret", secret);
    api_out_member_number(&out, "version", version);
    if (active_ms > 0) {
        api_out_member_number(&out, "activeAt", active_ms);
    }
    api_out_close(&out, '}');
    api_call_end(call, &out);
    api_call_answer(call);
}

static void rotate_on_loop(struct api_call *call)
{
    const struct rotation *rotation = call->state;
    struct tidings_error err = { 0 };
    tidings_status status =
        notify_receiver_rotate(call->api->options.notify, call->param, rotation->secret,
                               rotation->overlap_ms, rotation->active_ms, rotated, call, &err);
    if (status != TIDINGS_OK) {
        not_rotated(call, status, &err);
    }
}

enum api_turn api_handle_receiver_secret(struct api_call *call)
{
    struct api_member members[] = {
        { .name = "secret", .kind = 't', .max = SECRET_MAX },
        { .name = "overlapMs", .kind = 'n', .number = RECEIVER_OVERLAP_DEFAULT_MS },
        { .name = "activeAt", .kind = 'n' },
    };
    struct rotation *rotation = api_pool_zeroed(&call->pool, sizeof *rotation);
    if (rotation == NULL) {
        return api_call_failed(call, NULL, TIDINGS_E_NO_MEMORY, NULL);
    }
    if (!api_body_read(call, members, BASE_COUNT(members))) {
        return API_NOW;
    }
    rotation->secret = members[0].text.ptr != NULL ? members[0].text : STR("");
    rotation->overlap_ms = members[1].number;
    rotation->active_ms = members[2].number;
    if (rotation->overlap_ms < 0 || rotation->overlap_ms > OVERLAP_MAX_MS) {
        return api_call_problem(call, API_PROBLEM_INVALID, "overlapMs",
                                "overlapMs must be from 0 to %lld", (long long)OVERLAP_MAX_MS);
    }
    if (rotation->active_ms < 0) {
        return api_call_problem(call, API_PROBLEM_INVALID, "activeAt",
                                "activeAt must be a time in milliseconds since 1970");
    }
    call->state = rotation;
    return api_call_on_loop(call, rotate_on_loop);
}

// ---- test ----
struct trial {
    struct str payload;
    struct str content_type;
    int64_t begun_ms;
};

static void tested(void *arg, tidings_status status, const struct notify_tested *outcome,
                   const struct tidings_error *err)
{
    struct api_call *call = arg;
    const struct trial *trial = call->state;
    if (status != TIDINGS_OK) {
        failed(call, NULL, status, err);
        return;
    }
    struct api_out out = api_call_json(call, 200);
    api_show_tested(&out, outcome, trial->begun_ms);
    api_call_end(call, &out);
    api_call_answer(call);
}

static void test_on_loop(struct api_call *call)
{
    struct trial *trial = call->state;
    struct tidings_error err = { 0 };
    trial->begun_ms = clock_wall_ms(call->api->options.clock);
    tidings_status status =
        notify_receiver_test(call->api->options.notify, call->param, trial->payload,
                             trial->content_type, tested, call, &err);
    if (status != TIDINGS_OK) {
        failed(call, status == TIDINGS_E_NOT_FOUND ? "name" : NULL, status, &err);
    }
}

static bool is_content_type(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < 0x20 || text.ptr[i] >= 0x7f) {
            return false;
        }
    }
    return text.len > 0 && text.len <= RECORD_NAME_MAX;
}

enum api_turn api_handle_receiver_test(struct api_call *call)
{
    struct trial *trial = api_pool_zeroed(&call->pool, sizeof *trial);
    const char *type = http_request_header(call->request, "Content-Type");
    if (trial == NULL) {
        return api_call_failed(call, NULL, TIDINGS_E_NO_MEMORY, NULL);
    }
    if (call->request->body.len > call->api->options.payload_max) {
        return api_call_problem(call, API_PROBLEM_TOO_LARGE, NULL,
                                "a payload of %zu bytes; at most %zu are taken",
                                call->request->body.len, call->api->options.payload_max);
    }
    trial->payload = call->request->body;
    trial->content_type = type != NULL ? str_of(type) : STR("application/octet-stream");
    if (trial->payload.len == 0) {
        trial->payload = STR("{\"test\":true}");
        trial->content_type = STR("application/json");
    }
    if (!is_content_type(trial->content_type)) {
        return api_call_problem(call, API_PROBLEM_INVALID, "Content-Type",
                                "Content-Type must be 1 to %d printable characters",
                                RECORD_NAME_MAX);
    }
    call->state = trial;
    return api_call_on_loop(call, test_on_loop);
}
