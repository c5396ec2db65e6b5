// SPDX-License-Identifier: Apache-2.0
#include "api/submission.h"

#include <strings.h>

#include "api/submission_private.h"
#include "base/num.h"

bool api_reading_no_memory(struct api_reading *reading)
{
    return api_refuse_with(reading->refusal, API_PROBLEM_UNAVAILABLE, NULL, "out of memory");
}

bool api_reading_malformed(struct api_reading *reading, const struct api_scan *scan)
{
    return api_refuse_with(reading->refusal, API_PROBLEM_INVALID, NULL, "%s, at byte %zu of %zu",
                           scan->problem, api_scan_place(scan), (size_t)(scan->end - scan->start));
}

// ---- fields ----
static bool has_control(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if ((unsigned char)text.ptr[i] < 0x20 || text.ptr[i] == 0x7f) {
            return true;
        }
    }
    return false;
}

bool api_reading_name(struct api_reading *reading, const char *field, struct str text,
                      struct str *ret)
{
    if (text.len == 0 || text.len > RECORD_NAME_MAX || !str_is_utf8(text) || has_control(text)) {
        return api_refuse_with(reading->refusal, API_PROBLEM_INVALID, field,
                               "%s must be 1 to %d bytes of UTF-8 without control characters",
                               field, RECORD_NAME_MAX);
    }
    *ret = text;
    return true;
}

// It becomes a header field of what is sent.
bool api_reading_content_type(struct api_reading *reading, const char *field, struct str text,
                              struct str *ret)
{
    bool is_good = text.len > 0 && text.len <= RECORD_NAME_MAX;
    for (size_t i = 0; is_good && i < text.len; i++) {
        is_good = text.ptr[i] >= 0x20 && text.ptr[i] < 0x7f;
    }
    if (!is_good || str_find(text, '/', 0) == SIZE_MAX) {
        return api_refuse_with(reading->refusal, API_PROBLEM_INVALID, field,
                               "%s must be a media type of at most %d characters", field,
                               RECORD_NAME_MAX);
    }
    *ret = text;
    return true;
}

bool api_reading_ladder(struct api_reading *reading, const char *field, struct str text,
                        struct str *ret)
{
    struct ladder ladder;
    struct tidings_error err = { 0 };
    if (text.len == 0) {
        return true;
    }
    tidings_status status = ladder_parse(text, &ladder, &err);
    *ret = text;
    return status == TIDINGS_OK || api_refuse_with(reading->refusal, API_PROBLEM_INVALID, field,
                                                   "%s", error_text(&err, status));
}

bool api_reading_payload(struct api_reading *reading, const char *field, struct str payload,
                         struct str *ret)
{
    if (payload.len > reading->input->payload_max) {
        return api_refuse_with(reading->refusal, API_PROBLEM_TOO_LARGE, field,
                               "a payload of %zu bytes; at most %zu are taken", payload.len,
                               reading->input->payload_max);
    }
    *ret = payload.ptr != NULL ? payload : STR("");
    return true;
}

static bool check_target(struct api_reading *reading, const char *field, const struct str *names,
                         size_t index)
{
    struct tidings_error err = { 0 };
    tidings_status status = receiver_name_check(names[index], &err);
    if (status != TIDINGS_OK) {
        return api_refuse_status(reading->refusal, field, status, &err);
    }
    for (size_t i = 0; i < index; i++) {
        if (str_eq(names[i], names[index])) {
            return api_refuse_with(reading->refusal, API_PROBLEM_INVALID, field,
                                   "names \"%.*s\" twice", STR_ARG(names[index]));
        }
    }
    return true;
}

bool api_reading_targets(struct api_reading *reading, const char *field, const struct str *names,
                         size_t count, struct notify_submission *ret)
{
    reading->targets += count;
    if (reading->targets > API_TARGETS_MAX) {
        return api_refuse_with(reading->refusal, API_PROBLEM_TOO_LARGE, field,
                               "more than %d receivers are named in the request", API_TARGETS_MAX);
    }
    for (size_t i = 0; i < count; i++) {
        if (!check_target(reading, field, names, i)) {
            return false;
        }
    }
    struct str *copy = api_pool_take(reading->pool, count * sizeof *copy);
    if (copy == NULL) {
        return api_reading_no_memory(reading);
    }
    memcpy(copy, names, count * sizeof *copy);
    ret->receivers = copy;
    ret->receiver_count = count;
    return true;
}

bool api_reading_target_list(struct api_reading *reading, const char *field, struct str text,
                             struct notify_submission *ret)
{
    struct str names[RECORD_TARGETS_MAX];
    struct str piece;
    size_t count = 0;
    if (text.ptr == NULL) {
        return true;
    }
    while (str_split(&text, ',', &piece)) {
        if (count == RECORD_TARGETS_MAX) {
            return api_refuse_with(reading->refusal, API_PROBLEM_TOO_LARGE, field,
                                   "more than %d receivers", RECORD_TARGETS_MAX);
        }
        names[count++] = str_trim(piece);
    }
    return api_reading_targets(reading, field, names, count, ret);
}

bool api_reading_options(struct api_reading *reading, struct notify_submission *ret)
{
    const struct api_input *input = reading->input;
    if (!api_reading_target_list(reading, "Tidings-Receivers", input->receivers, ret) ||
        (input->ladder.ptr != NULL &&
         !api_reading_ladder(reading, "Tidings-Ladder", input->ladder, &ret->ladder))) {
        return false;
    }
    return input->due.ptr == NULL || num_parse_i64(input->due, 0, INT64_MAX, &ret->due_ms) ||
           api_refuse_with(reading->refusal, API_PROBLEM_INVALID, "Tidings-Due",
                           "must be a time in milliseconds since 1970, a whole number");
}

bool api_reading_text(struct api_reading *reading, const char *field, struct str value,
                      bool may_have_nul, struct str *ret)
{
    if (value.len < 2 || value.ptr[0] != '"') {
        return api_refuse_with(reading->refusal, API_PROBLEM_INVALID, field, "%s must be a text",
                               field);
    }
    struct str text = str_make(value.ptr + 1, value.len - 2);
    if (memchr(text.ptr, '\\', text.len) != NULL) {
        char *plain = api_pool_take(reading->pool, text.len);
        if (plain == NULL) {
            return api_reading_no_memory(reading);
        }
        text = str_make(plain, api_scan_unescape(text, plain));
        if (!may_have_nul && memchr(plain, '\0', text.len) != NULL) {
            return api_refuse_with(reading->refusal, API_PROBLEM_INVALID, field,
                                   "%s has \\u0000 in it", field);
        }
    }
    *ret = text;
    return true;
}

// ---- headers that are passed on ----
static bool has_line(struct str lines, struct str wanted)
{
    struct str name;
    struct str value;
    while (receiver_headers_next(&lines, &name, &value)) {
        if (name.len == wanted.len && strncasecmp(name.ptr, wanted.ptr, name.len) == 0) {
            return true;
        }
    }
    return false;
}

// The request's trace goes on, unless the submission has one of its own. One that is malformed is
// passed over (Trace Context, section 3.2: not an error of the request).
static void add_trace(struct api_reading *reading, struct str name, struct str value)
{
    struct tidings_error err = { 0 };
    if (value.ptr != NULL && !has_line(buf_str(&reading->lines), name) &&
        receiver_headers_add(&reading->lines, name, value, &err) != TIDINGS_OK) {
        error_clear(&err);
    }
}

bool api_reading_headers(struct api_reading *reading, struct notify_submission *ret)
{
    if (reading->input->traceparent.ptr != NULL &&
        !has_line(buf_str(&reading->lines), STR("traceparent"))) {
        add_trace(reading, STR("traceparent"), reading->input->traceparent);
        add_trace(reading, STR("tracestate"), reading->input->tracestate);
    }
    if (reading->lines.len > 0) {
        char *copy = api_pool_take(reading->pool, reading->lines.len);
        if (copy == NULL) {
            return api_reading_no_memory(reading);
        }
        memcpy(copy, reading->lines.ptr, reading->lines.len);
        ret->headers = str_make(copy, reading->lines.len);
        buf_clear(&reading->lines);
    }
    return true;
}

// ---- the forms ----
static bool read_raw(struct api_reading *reading, struct notify_submission *ret)
{
    const struct api_input *input = reading->input;
    struct str source = input->source.ptr != NULL ? input->source : STR("");
    struct str type = input->type.ptr != NULL ? input->type : STR("");
    ret->content_type = STR("application/octet-stream");
    return api_reading_name(reading, "Tidings-Source", source, &ret->source) &&
           api_reading_name(reading, "Tidings-Type", type, &ret->type) &&
           api_reading_name(reading, "Tidings-Tx-No", input->tx_no, &ret->tx_no) &&
           (input->content_type.ptr == NULL ||
            api_reading_content_type(reading, "Content-Type", input->content_type,
                                     &ret->content_type)) &&
           api_reading_payload(reading, NULL, input->body, &ret->payload) &&
           api_reading_options(reading, ret) && api_reading_headers(reading, ret);
}

static bool make_items(struct api_reading *reading, size_t count, struct api_submissions *ret)
{
    ret->items = api_pool_zeroed(reading->pool, count * sizeof *ret->items);
    ret->count = ret->items != NULL ? count : 0;
    for (size_t i = 0; i < ret->count; i++) {
        struct notify_submission *submission = &ret->items[i].submission;
        submission->headers = STR("");
        submission->ladder = STR("");
        submission->payload = STR("");
    }
    return ret->items != NULL || api_reading_no_memory(reading);
}

// Each item of a batch may be refused by itself, but not for what concerns the request.
static bool read_slice(struct api_reading *reading, bool is_event, struct str slice,
                       struct api_item *item)
{
    struct api_refusal refusal = { .kind = API_PROBLEM_INVALID };
    struct api_refusal *whole = reading->refusal;
    size_t none = 0;
    bool is_batch = false;
    reading->refusal = &refusal;
    bool good =
        is_event ? api_reading_event(reading, slice, &item->submission)
                 : api_reading_json(reading, slice, NULL, 0, &none, &is_batch, &item->submission);
    reading->refusal = whole;
    buf_clear(&reading->lines);
    if (good) {
        return true;
    }
    item->refusal = api_pool_take(reading->pool, sizeof refusal);
    if (item->refusal == NULL) {
        return api_reading_no_memory(reading);
    }
    *item->refusal = refusal;
    return true;
}

static bool read_batch(struct api_reading *reading, bool is_event, const struct str *slices,
                       size_t count, struct api_submissions *ret)
{
    ret->is_batch = true;
    if (count == 0) {
        return api_refuse_with(reading->refusal, API_PROBLEM_INVALID,
                               is_event ? NULL : "notifications",
                               "a batch has 1 to %d items, not none", API_BATCH_MAX);
    }
    if (!make_items(reading, count, ret)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (!read_slice(reading, is_event, slices[i], &ret->items[i])) {
            return false;
        }
    }
    return true;
}

static bool read_json(struct api_reading *reading, struct api_submissions *ret)
{
    struct str slices[API_BATCH_MAX];
    size_t count = 0;
    bool is_batch = false;
    if (!make_items(reading, 1, ret) ||
        !api_reading_json(reading, reading->input->body, slices, API_BATCH_MAX, &count, &is_batch,
                          &ret->items[0].submission)) {
        return false;
    }
    return !is_batch || read_batch(reading, false, slices, count, ret);
}

static bool read_events(struct api_reading *reading, struct api_submissions *ret)
{
    struct str slices[API_BATCH_MAX];
    size_t count = 0;
    struct api_scan scan = api_scan_begin(reading->input->body);
    if (!api_reading_slices(reading, &scan, NULL, slices, API_BATCH_MAX, &count)) {
        return false;
    }
    return api_scan_end(&scan) ? read_batch(reading, true, slices, count, ret)
                               : api_reading_malformed(reading, &scan);
}

static bool read_form(struct api_reading *reading, struct api_submissions *ret)
{
    const struct api_input *input = reading->input;
    bool is_event = input->body_kind == API_BODY_EVENT;
    bool is_events = input->body_kind == API_BODY_EVENTS;
    bool is_binary = !is_event && !is_events &&
                     (input->event_id.ptr != NULL || input->event_version.ptr != NULL);
    bool is_raw = !is_event && !is_events && !is_binary && input->tx_no.ptr != NULL;
    if (is_binary) {
        return make_items(reading, 1, ret) &&
               api_reading_binary_event(reading, &ret->items[0].submission);
    }
    if (is_raw) {
        return make_items(reading, 1, ret) && read_raw(reading, &ret->items[0].submission);
    }
    if (!is_event && !is_events && input->body_kind != API_BODY_JSON) {
        return api_refuse_with(reading->refusal, API_PROBLEM_MEDIA, "Content-Type",
                               "taken are application/json, application/cloudevents+json, "
                               "application/cloudevents-batch+json, and any with headers ce-id or "
                               "Tidings-Tx-No");
    }
    if (!str_is_utf8(input->body)) {
        return api_refuse_with(reading->refusal, API_PROBLEM_INVALID, NULL,
                               "the body is not UTF-8");
    }
    if (is_event) {
        return make_items(reading, 1, ret) &&
               api_reading_event(reading, str_trim(input->body), &ret->items[0].submission);
    }
    return is_events ? read_events(reading, ret) : read_json(reading, ret);
}

bool api_submission_read(const struct api_input *input, struct api_pool *pool,
                         struct api_submissions *ret, struct api_refusal *refusal)
{
    struct api_reading reading = { .input = input, .pool = pool, .refusal = refusal };
    *ret = (struct api_submissions){ .items = NULL };
    buf_init(&reading.lines, RECORD_HEADERS_MAX);
    bool good = read_form(&reading, ret);
    buf_deinit(&reading.lines);
    return good;
}
