// SPDX-License-Identifier: Apache-2.0
// What needs nobody else: the ladders, who asks, the contract.
#include "api/openapi.h"
#include "api/private.h"

#define START_MAX 253402300799999LL // the year 9999
enum { PREVIEW_DEFAULT = 32, PREVIEW_MAX = 1000 };

enum api_turn api_handle_ladders(struct api_call *call)
{
    struct api_out out = api_call_json(call, 200);
    const struct ladder_preset *preset;
    api_out_open(&out, '{');
    api_out_key(&out, "items");
    api_out_open(&out, '[');
    for (size_t i = 0; (preset = ladder_preset(i)) != NULL; i++) {
        api_out_open(&out, '{');
        api_out_member_c(&out, "name", preset->name);
        api_out_member_c(&out, "text", preset->text);
        api_out_member_number(&out, "jitterPercent", preset->jitter_percent);
        api_out_member_c(&out, "about", preset->about);
        api_out_close(&out, '}');
    }
    api_out_close(&out, ']');
    api_out_close(&out, '}');
    api_call_end(call, &out);
    return API_NOW;
}

static void write_attempt(struct api_out *out, size_t number, int64_t after_ms, int64_t start_ms)
{
    api_out_open(out, '{');
    api_out_member_number(out, "attempt", (int64_t)number);
    api_out_member_number(out, "afterMs", after_ms);
    api_out_member_number(out, "at", start_ms + after_ms);
    api_out_close(out, '}');
}

static enum api_turn write_preview(struct api_call *call, const struct ladder *ladder,
                                   int64_t start_ms, size_t limit)
{
    int64_t offsets[PREVIEW_MAX];
    struct buf text;
    size_t count = ladder_preview(ladder, offsets, limit - 1);
    buf_init(&text, LADDER_TEXT_MAX);
    tidings_status status = ladder_format(ladder, &text);
    struct api_out out = api_call_json(call, 200);
    out.status = status;
    api_out_open(&out, '{');
    api_out_member(&out, "ladder", buf_str(&text));
    api_out_member_number(&out, "start", start_ms);
    api_out_member_bool(&out, "endless", ladder_total_ms(ladder) == INT64_MAX);
    api_out_member_number(&out, "jitterPercent", ladder->jitter_percent);
    api_out_key(&out, "attempts");
    api_out_open(&out, '[');
    write_attempt(&out, 1, 0, start_ms);
    for (size_t i = 0; i < count; i++) {
        write_attempt(&out, i + 2, offsets[i], start_ms);
    }
    api_out_close(&out, ']');
    api_out_close(&out, '}');
    api_call_end(call, &out);
    buf_deinit(&text);
    return API_NOW;
}

enum api_turn api_handle_preview(struct api_call *call)
{
    struct str text = { NULL, 0 };
    struct ladder ladder;
    int64_t start_ms = clock_wall_ms(call->api->options.clock);
    int64_t limit = PREVIEW_DEFAULT;
    if (!api_query_text(call, "ladder", RECORD_LADDER_MAX, &text) ||
        !api_query_number(call, "start", 0, START_MAX, &start_ms) ||
        !api_query_number(call, "limit", 1, PREVIEW_MAX, &limit)) {
        return API_NOW;
    }
    if (text.len == 0) {
        return api_call_problem(call, API_PROBLEM_INVALID, "ladder",
                                "ladder must be there: delays like 1m 5m 1h, or a preset's name");
    }
    struct tidings_error err = { 0 };
    tidings_status status = ladder_parse(text, &ladder, &err);
    if (status != TIDINGS_OK) {
        return api_call_problem(call, API_PROBLEM_INVALID, "ladder", "%s",
                                error_text(&err, status));
    }
    return write_preview(call, &ladder, start_ms, (size_t)limit);
}

// ---- who asks ----
static void write_patterns(struct api_out *out, const char *key, struct str patterns)
{
    struct str piece;
    if (patterns.ptr == NULL) {
        return;
    }
    api_out_key(out, key);
    api_out_open(out, '[');
    while (str_split(&patterns, ',', &piece)) {
        api_out_text(out, piece);
    }
    api_out_close(out, ']');
}

enum api_turn api_handle_whoami(struct api_call *call)
{
    const struct api_key *key = call->key;
    struct api_out out = api_call_json(call, 200);
    api_out_open(&out, '{');
    api_out_member_c(&out, "name", key != NULL ? key->name : "anybody");
    api_out_member_c(&out, "role", api_role_text(key != NULL ? key->role : API_OPERATOR));
    if (key != NULL) {
        write_patterns(&out, "sources", key->sources);
        write_patterns(&out, "receivers", key->receivers);
    }
    api_out_close(&out, '}');
    api_call_end(call, &out);
    return API_NOW;
}

enum api_turn api_handle_openapi(struct api_call *call)
{
    struct api_out out = api_call_json(call, 200);
    api_out_json(&out, str_make(api_openapi, api_openapi_size));
    call->response->content_type = "application/yaml";
    api_call_end(call, &out);
    return API_NOW;
}
