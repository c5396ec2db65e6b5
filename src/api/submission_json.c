// SPDX-License-Identifier: Apache-2.0
// Submissions as JSON objects.
#include "api/submission_private.h"
#include "base/base64.h"
#include "base/num.h"

// X(NAME, member)
#define MEMBER_MAP(X)                                                                              \
    X(SOURCE, "source")                                                                            \
    X(TYPE, "type")                                                                                \
    X(TX_NO, "txNo")                                                                               \
    X(RECEIVERS, "receivers")                                                                      \
    X(PAYLOAD, "payload")                                                                          \
    X(PAYLOAD_TEXT, "payloadText")                                                                 \
    X(PAYLOAD_BASE64, "payloadBase64")                                                             \
    X(CONTENT_TYPE, "contentType")                                                                 \
    X(HEADERS, "headers")                                                                          \
    X(LADDER, "ladder")                                                                            \
    X(DUE_AT, "dueAt")                                                                             \
    X(NOTIFICATIONS, "notifications")

enum member {
#define X(name, text) MEMBER_##name,
    MEMBER_MAP(X)
#undef X
        MEMBERS,
};
static const struct str member_names[MEMBERS] = {
#define X(name, text) { text, sizeof(text) - 1 },
    MEMBER_MAP(X)
#undef X
};

// The bytes of each member's value as they stand; ptr NULL = absent. Of two with one name the last
// counts.
struct members {
    struct str value[MEMBERS];
    struct str *slices; // of the list of notifications
    size_t slice_max;
    size_t slice_count;
};

bool api_reading_slices(struct api_reading *reading, struct api_scan *scan, const char *field,
                        struct str *ret_slices, size_t max, size_t *ret_count)
{
    bool first = true;
    *ret_count = 0;
    if (!api_scan_take(scan, '[')) {
        return api_refuse_with(reading->refusal, API_PROBLEM_INVALID, field, "must be a list");
    }
    while (api_scan_item(scan, first, ']')) {
        if (*ret_count == max) {
            return api_refuse_with(reading->refusal, API_PROBLEM_TOO_LARGE, field,
                                   "more than %zu items", max);
        }
        if (!api_scan_value(scan, &ret_slices[*ret_count])) {
            break;
        }
        ++*ret_count;
        first = false;
    }
    return scan->problem == NULL || api_reading_malformed(reading, scan);
}

static size_t find_member(struct str name)
{
    for (size_t i = 0; i < MEMBERS; i++) {
        if (str_eq(name, member_names[i])) {
            return i;
        }
    }
    return MEMBERS;
}

// Which member a key means; the usual one has no escapes.
static bool read_key(struct api_reading *reading, struct str inside, bool escaped, size_t *ret)
{
    char plain[64];
    struct str name = inside;
    if (escaped && inside.len <= sizeof plain) {
        name = str_make(plain, api_scan_unescape(inside, plain));
    }
    *ret = find_member(name);
    name.len = name.len > 64 ? 64 : name.len;
    return *ret < MEMBERS ||
           api_refuse_with(reading->refusal, API_PROBLEM_INVALID, NULL,
                           "unknown member \"%.*s\"; there are source, type, txNo, receivers, "
                           "payload, payloadText, payloadBase64, contentType, headers, ladder, "
                           "dueAt",
                           STR_ARG(name));
}

static bool read_member(struct api_reading *reading, struct api_scan *scan, struct members *members,
                        size_t which)
{
    const char *begin;
    if (which == MEMBER_NOTIFICATIONS && members->slices != NULL) {
        (void)api_scan_peek(scan);
        begin = scan->at;
        if (!api_reading_slices(reading, scan, "notifications", members->slices, members->slice_max,
                                &members->slice_count)) {
            return false;
        }
        members->value[which] = str_make(begin, (size_t)(scan->at - begin));
        return true;
    }
    return api_scan_value(scan, &members->value[which]) || api_reading_malformed(reading, scan);
}

static bool read_members(struct api_reading *reading, struct str value, struct members *members)
{
    struct api_scan scan = api_scan_begin(value);
    struct str inside;
    bool escaped;
    bool first = true;
    size_t which;
    if (!api_scan_take(&scan, '{')) {
        return api_refuse_with(reading->refusal, API_PROBLEM_INVALID, NULL,
                               "a notification must be a JSON object");
    }
    while (api_scan_item(&scan, first, '}')) {
        if (!api_scan_key(&scan, &inside, &escaped)) {
            break;
        }
        if (!read_key(reading, inside, escaped, &which) ||
            !read_member(reading, &scan, members, which)) {
            return false;
        }
        first = false;
    }
    return (scan.problem == NULL && api_scan_end(&scan)) || api_reading_malformed(reading, &scan);
}

// ---- what the members mean ----
static bool read_name(struct api_reading *reading, const struct members *members, enum member which,
                      struct str *ret)
{
    const char *field = member_names[which].ptr;
    struct str text = { NULL, 0 };
    if (members->value[which].ptr == NULL) {
        return api_refuse_with(reading->refusal, API_PROBLEM_INVALID, field, "%s is missing",
                               field);
    }
    return api_reading_text(reading, field, members->value[which], false, &text) &&
           api_reading_name(reading, field, text, ret);
}

static bool read_receivers(struct api_reading *reading, struct str value,
                           struct notify_submission *ret)
{
    struct str names[RECORD_TARGETS_MAX];
    size_t count = 0;
    struct api_scan scan = api_scan_begin(value);
    if (value.ptr == NULL) {
        return true;
    }
    if (!api_reading_slices(reading, &scan, "receivers", names, RECORD_TARGETS_MAX, &count)) {
        return false;
    }
    if (count == 0) {
        return api_refuse_with(reading->refusal, API_PROBLEM_INVALID, "receivers",
                               "names at least one, or is left out");
    }
    for (size_t i = 0; i < count; i++) {
        if (!api_reading_text(reading, "receivers", names[i], false, &names[i])) {
            return false;
        }
    }
    return api_reading_targets(reading, "receivers", names, count, ret);
}

static bool read_base64(struct api_reading *reading, struct str value, struct str *ret)
{
    struct str text = { NULL, 0 };
    size_t len = 0;
    if (!api_reading_text(reading, "payloadBase64", value, false, &text)) {
        return false;
    }
    size_t room = base64_room(text.len);
    unsigned char *bytes = api_pool_take(reading->pool, room);
    if (bytes == NULL) {
        return api_reading_no_memory(reading);
    }
    if (!base64_decode(BASE64, text, bytes, room, &len)) {
        return api_refuse_with(reading->refusal, API_PROBLEM_INVALID, "payloadBase64",
                               "no base64 (RFC 4648 section 4, with padding, no white space)");
    }
    *ret = str_make(bytes, len);
    return true;
}

static bool read_payload(struct api_reading *reading, const struct members *members,
                         struct notify_submission *ret)
{
    const struct str *value = members->value;
    const char *field = "payload";
    struct str payload = { "", 0 };
    int given = (value[MEMBER_PAYLOAD].ptr != NULL) + (value[MEMBER_PAYLOAD_TEXT].ptr != NULL) +
                (value[MEMBER_PAYLOAD_BASE64].ptr != NULL);
    ret->content_type = STR("application/octet-stream");
    if (given > 1) {
        return api_refuse_with(reading->refusal, API_PROBLEM_INVALID, field,
                               "only one of payload, payloadText, payloadBase64 may be there");
    }
    if (value[MEMBER_PAYLOAD].ptr != NULL) {
        payload = value[MEMBER_PAYLOAD];
        ret->content_type = STR("application/json");
    } else if (value[MEMBER_PAYLOAD_TEXT].ptr != NULL) {
        field = "payloadText";
        ret->content_type = STR("text/plain; charset=utf-8");
        if (!api_reading_text(reading, field, value[MEMBER_PAYLOAD_TEXT], true, &payload)) {
            return false;
        }
    } else if (value[MEMBER_PAYLOAD_BASE64].ptr != NULL) {
        field = "payloadBase64";
        if (!read_base64(reading, value[MEMBER_PAYLOAD_BASE64], &payload)) {
            return false;
        }
    }
    return api_reading_payload(reading, field, payload, &ret->payload);
}

static bool read_header(struct api_reading *reading, struct api_scan *scan)
{
    struct str inside;
    struct str value;
    struct str name = { "", 0 };
    struct str text = { "", 0 };
    struct tidings_error err = { 0 };
    bool escaped;
    if (!api_scan_key(scan, &inside, &escaped) || !api_scan_value(scan, &value)) {
        return api_reading_malformed(reading, scan);
    }
    // The inside and its quotes: one byte before and behind it.
    if (!api_reading_text(reading, "headers", str_make(inside.ptr - 1, inside.len + 2), false,
                          &name) ||
        !api_reading_text(reading, "headers", value, false, &text)) {
        return false;
    }
    tidings_status status = receiver_headers_add(&reading->lines, name, text, &err);
    return status == TIDINGS_OK || api_refuse_status(reading->refusal, "headers", status, &err);
}

static bool read_headers(struct api_reading *reading, struct str value)
{
    struct api_scan scan = api_scan_begin(value);
    size_t count = 0;
    if (value.ptr == NULL) {
        return true;
    }
    if (!api_scan_take(&scan, '{')) {
        return api_refuse_with(reading->refusal, API_PROBLEM_INVALID, "headers",
                               "must be an object of names and texts");
    }
    while (api_scan_item(&scan, count == 0, '}')) {
        if (++count > API_HEADERS_MAX) {
            return api_refuse_with(reading->refusal, API_PROBLEM_TOO_LARGE, "headers",
                                   "more than %d headers", API_HEADERS_MAX);
        }
        if (!read_header(reading, &scan)) {
            return false;
        }
    }
    return true;
}

static bool read_due(struct api_reading *reading, struct str value, int64_t *ret)
{
    return value.ptr == NULL || num_parse_i64(value, 0, INT64_MAX, ret) ||
           api_refuse_with(reading->refusal, API_PROBLEM_INVALID, "dueAt",
                           "must be a time in milliseconds since 1970, a whole number");
}

static bool read_options(struct api_reading *reading, const struct members *members,
                         struct notify_submission *ret)
{
    struct str text = { NULL, 0 };
    struct str type = members->value[MEMBER_CONTENT_TYPE];
    struct str ladder = members->value[MEMBER_LADDER];
    if (type.ptr != NULL &&
        !(api_reading_text(reading, "contentType", type, false, &text) &&
          api_reading_content_type(reading, "contentType", text, &ret->content_type))) {
        return false;
    }
    if (ladder.ptr != NULL && !(api_reading_text(reading, "ladder", ladder, false, &text) &&
                                api_reading_ladder(reading, "ladder", text, &ret->ladder))) {
        return false;
    }
    return read_due(reading, members->value[MEMBER_DUE_AT], &ret->due_ms);
}

bool api_reading_json(struct api_reading *reading, struct str value, struct str *ret_slices,
                      size_t max, size_t *ret_count, bool *ret_is_batch,
                      struct notify_submission *ret)
{
    struct members members = { .slices = ret_slices, .slice_max = max };
    if (!read_members(reading, value, &members)) {
        return false;
    }
    *ret_is_batch = members.value[MEMBER_NOTIFICATIONS].ptr != NULL;
    *ret_count = members.slice_count;
    if (*ret_is_batch) {
        for (size_t i = 0; i < MEMBER_NOTIFICATIONS; i++) {
            if (members.value[i].ptr != NULL || ret_slices == NULL) {
                return api_refuse_with(reading->refusal, API_PROBLEM_INVALID, "notifications",
                                       "a batch has no other members, and no batches in it");
            }
        }
        return true;
    }
    return read_name(reading, &members, MEMBER_SOURCE, &ret->source) &&
           read_name(reading, &members, MEMBER_TYPE, &ret->type) &&
           read_name(reading, &members, MEMBER_TX_NO, &ret->tx_no) &&
           read_receivers(reading, members.value[MEMBER_RECEIVERS], ret) &&
           read_payload(reading, &members, ret) && read_options(reading, &members, ret) &&
           read_headers(reading, members.value[MEMBER_HEADERS]) &&
           api_reading_headers(reading, ret);
}
