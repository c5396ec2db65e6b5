// SPDX-License-Identifier: Apache-2.0
// A place in a JSON text by RFC 6901, and what must be there.
#include <stdlib.h>

#include "receiver/ack.h"
#include "receiver/ack_parts.h"
#include "wire/tree.h"

struct ack_json {
    char *pointer;
    json_t *equals;
};

static bool is_pointer(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '~' &&
            (i + 1 == text.len || (text.ptr[i + 1] != '0' && text.ptr[i + 1] != '1'))) {
            return false;
        }
    }
    return text.len == 0 || text.ptr[0] == '/';
}

static tidings_status fill(const json_t *document, struct ack_json *json, struct tidings_error *err)
{
    static const char *const names[] = { "pointer", "equals" };
    struct str pointer = { 0 };
    const json_t *equals = json_object_get(document, "equals");
    tidings_status status = member_object(document, "ack.json", names, BASE_COUNT(names), err);
    if (status == TIDINGS_OK) {
        status = member_text(json_object_get(document, "pointer"), "ack.json.pointer", 0,
                             ACK_TEXT_MAX, &pointer, err);
    }
    if (status == TIDINGS_OK && !is_pointer(pointer)) {
        status = error_set(err, TIDINGS_E_INVALID,
                           "ack.json.pointer: must be a JSON pointer (RFC 6901): \"\", or names "
                           "with a / before each; ~0 stands for ~, ~1 for /");
    }
    if (status == TIDINGS_OK &&
        (equals == NULL || json_is_object(equals) || json_is_array(equals) ||
         json_string_length(equals) > ACK_TEXT_MAX)) {
        status = error_set(err, TIDINGS_E_INVALID,
                           "ack.json.equals: must be a text of at most %d bytes, a number, true, "
                           "false or null",
                           ACK_TEXT_MAX);
    }
    if (status != TIDINGS_OK) {
        return status;
    }
    json->pointer = str_dup(pointer);
    json->equals = json_deep_copy(equals);
    return json->pointer != NULL && json->equals != NULL
               ? TIDINGS_OK
               : error_set(err, TIDINGS_E_NO_MEMORY, "no memory for an ack rule");
}

tidings_status ack_json_new(const json_t *document, struct ack_json **ret,
                            struct tidings_error *err)
{
    struct ack_json *json = calloc(1, sizeof *json);
    *ret = NULL;
    if (json == NULL) {
        return error_set(err, TIDINGS_E_NO_MEMORY, "no memory for an ack rule");
    }
    tidings_status status = fill(document, json, err);
    if (status != TIDINGS_OK) {
        ack_json_free(json);
        return status;
    }
    *ret = json;
    return TIDINGS_OK;
}

void ack_json_free(struct ack_json *json)
{
    if (json != NULL) {
        json_decref(json->equals);
        free(json->pointer);
        free(json);
    }
}

// 1 and 1.0 are one number, however they were written.
static bool is_equal(const json_t *a, const json_t *b)
{
    if (json_is_number(a) && json_is_number(b) && json_typeof(a) != json_typeof(b)) {
        double x = json_number_value(a);
        double y = json_number_value(b);
        return x <= y && x >= y;
    }
    return json_equal(a, b) == 1;
}

static void show(const json_t *value, char ret[MEMBER_EXCERPT_SIZE])
{
    char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
    member_excerpt(str_of(text != NULL ? text : "?"), ret);
    free(text);
}

bool ack_json_fits(const struct ack_json *json, const json_t *root, char *why, size_t why_size)
{
    char pointer[MEMBER_EXCERPT_SIZE];
    char wanted[MEMBER_EXCERPT_SIZE];
    char came[MEMBER_EXCERPT_SIZE];
    const json_t *value = wire_tree_at(root, str_of(json->pointer));
    if (value != NULL && is_equal(json->equals, value)) {
        return true;
    }
    member_excerpt(str_of(json->pointer), pointer);
    show(json->equals, wanted);
    if (value == NULL) {
        return ack_refuse(why, why_size, "JSON \"%s\" must be %s, there is nothing", pointer,
                          wanted);
    }
    show(value, came);
    return ack_refuse(why, why_size, "JSON \"%s\" must be %s, it is %s", pointer, wanted, came);
}
