// SPDX-License-Identifier: Apache-2.0
// Holds the JSON header scanner against jansson: what both accept must mean the same, and what only
// one of them accepts must have a reason. Used by the fuzz target and by the test with generated
// headers.
#ifndef FUZZ_WIRE_JUDGE_H
#define FUZZ_WIRE_JUDGE_H

#include <jansson.h>
#include <stdlib.h>

#include "wire/wire.h"

static inline bool judge_is_scalar(const json_t *value)
{
    return !json_is_object(value) && !json_is_array(value);
}

static inline bool judge_is_i32(const json_t *root, const char *key)
{
    const json_t *value = json_object_get(root, key);
    return value == NULL || json_is_null(value) ||
           (json_is_integer(value) && json_integer_value(value) >= INT32_MIN &&
            json_integer_value(value) <= INT32_MAX);
}

static inline bool judge_fields(const json_t *fields)
{
    size_t count = 0;
    if (!json_is_object(fields)) {
        return fields == NULL || json_is_null(fields);
    }
    for (void *i = json_object_iter((json_t *)(uintptr_t)fields); i != NULL;
         i = json_object_iter_next((json_t *)(uintptr_t)fields, i)) {
        const json_t *value = json_object_iter_value(i);
        count += !json_is_null(value);
    }
    return count <= WIRE_EXT_MAX;
}

// Whether the tree is a header, apart from the depth of what is passed over.
static inline bool judge_is_header(const json_t *root)
{
    const json_t *remark = json_object_get(root, "remark");
    const json_t *language = json_object_get(root, "language");
    return json_is_object(root) && json_object_get(root, "code") != NULL &&
           judge_is_i32(root, "code") && judge_is_i32(root, "opaque") &&
           judge_is_i32(root, "flag") && judge_is_i32(root, "version") &&
           (remark == NULL || json_is_null(remark) || json_is_string(remark)) &&
           (language == NULL || judge_is_scalar(language)) &&
           judge_fields(json_object_get(root, "extFields"));
}

static inline void judge_number(const json_t *root, const char *key, int32_t value)
{
    const json_t *wanted = json_object_get(root, key);
    BASE_ASSERT(value == (json_is_integer(wanted) ? json_integer_value(wanted) : 0));
}

static inline void judge_value(const json_t *wanted, struct str value)
{
    int64_t number;
    if (json_is_null(wanted)) {
        BASE_ASSERT(value.ptr == NULL);
        return;
    }
    BASE_ASSERT(value.ptr != NULL);
    if (json_is_string(wanted)) {
        BASE_ASSERT(str_eq(value, str_make(json_string_value(wanted), json_string_length(wanted))));
    } else if (json_is_integer(wanted)) {
        // Texts over 19 digits are beyond what num_parse_i64 reads, not beyond what a field may
        // hold.
        BASE_ASSERT(!num_parse_i64(value, INT64_MIN, INT64_MAX, &number) ||
                    number == json_integer_value(wanted));
    } else if (json_is_boolean(wanted)) {
        BASE_ASSERT(str_eq(value, json_is_true(wanted) ? STR("true") : STR("false")));
    } else if (json_is_object(wanted) || json_is_array(wanted)) { // as its text
        json_t *own = json_loadb(value.ptr, value.len, JSON_ALLOW_NUL, NULL);
        BASE_ASSERT(json_equal(own, wanted));
        json_decref(own);
    }
}

static inline void judge_meaning(const json_t *root, const struct wire_header *header)
{
    const json_t *remark = json_object_get(root, "remark");
    json_t *fields = json_object_get(root, "extFields");
    judge_number(root, "code", header->code);
    judge_number(root, "opaque", header->opaque);
    judge_number(root, "flag", header->flag);
    judge_number(root, "version", header->version);
    if (json_is_string(remark)) {
        judge_value(remark, header->remark);
    } else {
        BASE_ASSERT(header->remark.ptr == NULL);
    }
    size_t count = 0;
    for (void *i = json_object_iter(fields); i != NULL; i = json_object_iter_next(fields, i)) {
        struct str key = str_make(json_object_iter_key(i), json_object_iter_key_len(i));
        judge_value(json_object_iter_value(i), wire_header_get(header, key));
        count += !json_is_null(json_object_iter_value(i));
    }
    BASE_ASSERT(header->ext_count >= count);
}

// What jansson does not take and the scanner does: bytes that are not UTF-8, NUL, lone surrogates,
// numbers beyond its types, depth over its own limit.
static inline bool judge_may_differ(const json_error_t *error)
{
    enum json_error_code code = json_error_code(error);
    return code == json_error_invalid_utf8 || code == json_error_null_character ||
           code == json_error_null_byte_in_key || code == json_error_numeric_overflow ||
           strstr(error->text, "invalid Unicode '") != NULL ||
           strstr(error->text, "UTF-8") != NULL || strstr(error->text, "NUL") != NULL ||
           strstr(error->text, "too big") != NULL ||
           strstr(error->text, "real number overflow") != NULL;
}

// Returns whether the scanner accepted the text.
static inline bool judge_header(struct str text, struct buf *scratch)
{
    static const size_t depth_safe = 16; // fewer brackets than that cannot be nested too deep
    struct wire_frame frame = { .serialize = WIRE_JSON, .header = text };
    struct wire_header header;
    json_error_t error;
    size_t brackets = 0;
    tidings_status status = wire_header_decode(&frame, scratch, &header, NULL);
    json_t *root = json_loadb(text.len > 0 ? text.ptr : "", text.len,
                              JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, &error);
    for (size_t i = 0; i < text.len; i++) {
        brackets += text.ptr[i] == '[' || text.ptr[i] == '{';
    }
    BASE_ASSERT(status == TIDINGS_OK || status == TIDINGS_E_PROTOCOL);
    if (str_find(text, '\0', 0) != SIZE_MAX) {
        BASE_ASSERT(status != TIDINGS_OK); // jansson passes over a NUL behind a number
    } else if (root != NULL && status == TIDINGS_OK) {
        BASE_ASSERT(judge_is_header(root));
        judge_meaning(root, &header);
    } else if (root != NULL) {
        BASE_ASSERT(!judge_is_header(root) || brackets >= depth_safe);
    } else if (status == TIDINGS_OK) {
        BASE_ASSERT(judge_may_differ(&error) ||
                    json_error_code(&error) == json_error_duplicate_key);
    }
    json_decref(root);
    return status == TIDINGS_OK;
}

#endif
