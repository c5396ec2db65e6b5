// SPDX-License-Identifier: Apache-2.0
// POST /v1/notifications of any content: the first byte chooses the form, of forms with headers the
// first lines are their values. What is taken keeps the limits, and of JSON means what the tree of
// the same text means.
#include <stdlib.h>

#include "api/submission.h"
#include "wire/tree.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PAYLOAD_MAX = 4096 };
static const enum api_body kinds[] = { API_BODY_JSON, API_BODY_EVENT, API_BODY_EVENTS,
                                       (enum api_body)0, (enum api_body)0 };

static struct str next_line(struct str *rest)
{
    struct str line = { NULL, 0 };
    if (rest->ptr == NULL || !str_split(rest, '\n', &line) || line.len == 0) {
        return (struct str){ NULL, 0 };
    }
    return line;
}

static void read_headers(struct api_input *input, bool is_binary_event, struct str text)
{
    struct str *raw[] = {
        &input->tx_no,  &input->source, &input->type,        &input->receivers,
        &input->ladder, &input->due,    &input->traceparent, &input->content_type
    };
    struct str *event[] = { &input->event_id, &input->event_source, &input->event_type,
                            &input->receivers, &input->event_version };
    size_t count = is_binary_event ? BASE_COUNT(event) : BASE_COUNT(raw);
    for (size_t i = 0; i < count; i++) {
        *(is_binary_event ? event[i] : raw[i]) = next_line(&text);
    }
    input->body = text.ptr != NULL ? text : STR("");
}

static void check_text(struct str text, size_t least, size_t most)
{
    BASE_ASSERT(text.len >= least && text.len <= most && str_is_utf8(text));
    BASE_ASSERT(text.len == 0 || memchr(text.ptr, '\0', text.len) == NULL);
}

static void check_item(const struct notify_submission *item)
{
    struct str rest = item->headers;
    struct str name;
    struct str value;
    check_text(item->source, 1, RECORD_NAME_MAX);
    check_text(item->type, 1, RECORD_NAME_MAX);
    check_text(item->tx_no, 1, RECORD_NAME_MAX);
    check_text(item->content_type, 1, RECORD_NAME_MAX);
    check_text(item->ladder, 0, RECORD_LADDER_MAX);
    BASE_ASSERT(item->payload.len <= PAYLOAD_MAX && item->payload.ptr != NULL);
    BASE_ASSERT(item->headers.len <= RECORD_HEADERS_MAX && item->due_ms >= 0);
    BASE_ASSERT(item->receiver_count <= RECORD_TARGETS_MAX);
    for (size_t i = 0; i < item->receiver_count; i++) {
        check_text(item->receivers[i], 1, RECEIVER_NAME_MAX);
    }
    while (receiver_headers_next(&rest, &name, &value)) {
        BASE_ASSERT(name.len > 0);
    }
    BASE_ASSERT(rest.len == 0);
}

static void check_same_text(const json_t *tree, const char *member, struct str text)
{
    const json_t *value = json_object_get(tree, member);
    BASE_ASSERT(json_is_string(value));
    BASE_ASSERT(str_eq(text, str_make(json_string_value(value), json_string_length(value))));
}

// The tree takes less than the scanner (depth, whole numbers of 64 bits, no \u0000).
static void check_like_tree(struct str body, const struct notify_submission *item)
{
    struct tidings_error err = { 0 };
    json_t *tree = NULL;
    json_t *payload = NULL;
    if (wire_tree_parse(body, &tree, &err) != TIDINGS_OK) {
        return;
    }
    check_same_text(tree, "source", item->source);
    check_same_text(tree, "type", item->type);
    check_same_text(tree, "txNo", item->tx_no);
    if (json_object_get(tree, "payload") != NULL) {
        BASE_ASSERT(item->payload.ptr > body.ptr &&
                    item->payload.ptr + item->payload.len < body.ptr + body.len);
        BASE_ASSERT(wire_tree_parse(item->payload, &payload, &err) == TIDINGS_OK);
        BASE_ASSERT(json_equal(payload, json_object_get(tree, "payload")));
    }
    if (json_object_get(tree, "payloadText") != NULL) {
        check_same_text(tree, "payloadText", item->payload);
    }
    BASE_ASSERT(json_array_size(json_object_get(tree, "receivers")) == item->receiver_count);
    json_decref(payload);
    json_decref(tree);
}

static void check(const struct api_input *input, const struct api_submissions *read)
{
    BASE_ASSERT(read->count >= 1 && read->count <= API_BATCH_MAX);
    for (size_t i = 0; i < read->count; i++) {
        const struct api_item *item = &read->items[i];
        if (item->refusal == NULL) {
            check_item(&item->submission);
        } else {
            BASE_ASSERT(read->is_batch && item->refusal->err.text[0] != '\0');
        }
    }
    if (input->body_kind == API_BODY_JSON && !read->is_batch) {
        check_like_tree(input->body, &read->items[0].submission);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    size_t form = data[0] % BASE_COUNT(kinds);
    char *copy = malloc(size); // so that reading beyond it is found
    BASE_ASSERT(copy != NULL);
    memcpy(copy, data + 1, size - 1);
    struct str text = str_make(copy, size - 1);
    struct api_input input = { .body_kind = kinds[form], .body = text, .payload_max = PAYLOAD_MAX };
    if (form >= 3) {
        read_headers(&input, form == 4, text);
    }
    struct api_pool pool;
    struct api_submissions read;
    struct api_refusal refusal = { .kind = API_PROBLEM_INVALID };
    api_pool_init(&pool, NULL, 0);
    if (api_submission_read(&input, &pool, &read, &refusal)) {
        check(&input, &read);
    } else {
        BASE_ASSERT(refusal.err.text[0] != '\0' && refusal.kind < API_PROBLEMS);
    }
    api_pool_deinit(&pool);
    free(copy);
    return 0;
}
