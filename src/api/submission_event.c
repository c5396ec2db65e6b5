// SPDX-License-Identifier: Apache-2.0
// Submissions as CloudEvents 1.0: structured and batched (JSON event format, the event's own bytes
// are sent), and binary (HTTP protocol binding, section 3.1: attributes in ce- headers, whose
// values are percent-encoded).
#include "api/submission_private.h"

enum { SPEC_VERSION, ID, SOURCE, TYPE, ATTRIBUTES };
static const char *const names[ATTRIBUTES] = { "specversion", "id", "source", "type" };

static bool read_attributes(struct api_reading *reading, struct str value,
                            struct str attributes[ATTRIBUTES])
{
    struct api_scan scan = api_scan_begin(value);
    struct str inside;
    struct str bytes;
    bool escaped;
    bool first = true;
    if (!api_scan_take(&scan, '{')) {
        return api_refuse_with(reading->refusal, API_PROBLEM_INVALID, NULL,
                               "an event must be a JSON object");
    }
    while (api_scan_item(&scan, first, '}')) {
        if (!api_scan_key(&scan, &inside, &escaped) || !api_scan_value(&scan, &bytes)) {
            break;
        }
        for (size_t i = 0; i < ATTRIBUTES; i++) {
            if (str_eq_c(inside, names[i])) {
                attributes[i] = bytes;
            }
        }
        first = false;
    }
    return (scan.problem == NULL && api_scan_end(&scan)) || api_reading_malformed(reading, &scan);
}

static bool check_attributes(struct api_reading *reading, const char *const fields[ATTRIBUTES],
                             const struct str attributes[ATTRIBUTES], struct notify_submission *ret)
{
    for (size_t i = 0; i < ATTRIBUTES; i++) {
        if (attributes[i].ptr == NULL) {
            return api_refuse_with(reading->refusal, API_PROBLEM_INVALID, fields[i],
                                   "%s is missing", fields[i]);
        }
    }
    if (!str_eq(attributes[SPEC_VERSION], STR("1.0"))) {
        return api_refuse_with(reading->refusal, API_PROBLEM_INVALID, fields[SPEC_VERSION],
                               "CloudEvents 1.0 are taken only");
    }
    return api_reading_name(reading, fields[SOURCE], attributes[SOURCE], &ret->source) &&
           api_reading_name(reading, fields[TYPE], attributes[TYPE], &ret->type) &&
           api_reading_name(reading, fields[ID], attributes[ID], &ret->tx_no) &&
           api_reading_options(reading, ret) && api_reading_headers(reading, ret);
}

bool api_reading_event(struct api_reading *reading, struct str value, struct notify_submission *ret)
{
    struct str attributes[ATTRIBUTES] = { { NULL, 0 } };
    if (!read_attributes(reading, value, attributes)) {
        return false;
    }
    for (size_t i = 0; i < ATTRIBUTES; i++) {
        if (attributes[i].ptr != NULL &&
            !api_reading_text(reading, names[i], attributes[i], false, &attributes[i])) {
            return false;
        }
    }
    ret->content_type = STR("application/cloudevents+json");
    return api_reading_payload(reading, NULL, value, &ret->payload) &&
           check_attributes(reading, names, attributes, ret);
}

// ---- binary ----
static int hex_value(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

// A '%' without two digits behind it stands for itself.
static bool percent_decode(struct api_reading *reading, struct str *text)
{
    if (text->ptr == NULL || str_find(*text, '%', 0) == SIZE_MAX) {
        return true;
    }
    char *plain = api_pool_take(reading->pool, text->len);
    size_t len = 0;
    if (plain == NULL) {
        return api_reading_no_memory(reading);
    }
    for (size_t i = 0; i < text->len; i++) {
        char c = text->ptr[i];
        if (c == '%' && text->len - i > 2 && hex_value(text->ptr[i + 1]) >= 0 &&
            hex_value(text->ptr[i + 2]) >= 0) {
            c = (char)(hex_value(text->ptr[i + 1]) * 16 + hex_value(text->ptr[i + 2]));
            i += 2;
        }
        plain[len++] = c;
    }
    *text = str_make(plain, len);
    return true;
}

bool api_reading_binary_event(struct api_reading *reading, struct notify_submission *ret)
{
    static const char *const fields[ATTRIBUTES] = { "ce-specversion", "ce-id", "ce-source",
                                                    "ce-type" };
    const struct api_input *input = reading->input;
    struct str attributes[ATTRIBUTES] = { input->event_version, input->event_id,
                                          input->event_source, input->event_type };
    for (size_t i = 0; i < ATTRIBUTES; i++) {
        if (!percent_decode(reading, &attributes[i])) {
            return false;
        }
    }
    if (buf_add_str(&reading->lines, input->event_lines) != TIDINGS_OK) {
        return api_reading_no_memory(reading);
    }
    ret->content_type = STR("application/octet-stream");
    return (input->content_type.ptr == NULL ||
            api_reading_content_type(reading, "Content-Type", input->content_type,
                                     &ret->content_type)) &&
           api_reading_payload(reading, NULL, input->body, &ret->payload) &&
           check_attributes(reading, fields, attributes, ret);
}
