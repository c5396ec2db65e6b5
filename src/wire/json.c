// SPDX-License-Identifier: Apache-2.0
#include "wire/json.h"

#include <stdlib.h>

#include "wire/tree.h"

// Depth and values are bounded by those that read it.
static tidings_status check_length(struct str body, const char *what, struct tidings_error *err)
{
    if (body.len > WIRE_BODY_MAX) {
        return error_set(err, TIDINGS_E_TOO_LARGE, "%s: %zu bytes, at most %d are read", what,
                         body.len, WIRE_BODY_MAX);
    }
    return TIDINGS_OK;
}

tidings_status wire_json_load(struct str body, const char *what, json_t **ret,
                              struct tidings_error *err)
{
    struct tidings_error why = { 0 };
    json_t *root = NULL;
    tidings_status status = check_length(body, what, err);
    if (status != TIDINGS_OK) {
        return status;
    }
    status = wire_tree_parse(body, &root, &why);
    if (status != TIDINGS_OK) {
        return error_set(err, status, "%s: %s", what, error_text(&why, status));
    }
    if (!json_is_object(root)) {
        json_decref(root);
        return error_set(err, TIDINGS_E_PROTOCOL, "%s: not a JSON object", what);
    }
    *ret = root;
    return TIDINGS_OK;
}

tidings_status wire_json_load_dialect(struct str body, const char *what, json_t **ret,
                                      struct tidings_error *err)
{
    struct buf plain;
    buf_init(&plain, 2 * WIRE_BODY_MAX);
    tidings_status status = check_length(body, what, err);
    if (status == TIDINGS_OK) {
        status = wire_json_normalise(body, &plain, err);
    }
    if (status == TIDINGS_OK) {
        status = wire_json_load(buf_str(&plain), what, ret, err);
    }
    buf_deinit(&plain);
    return status;
}

static tidings_status copy_text(struct str text, const char *key, char **ret,
                                struct tidings_error *err)
{
    *ret = str_dup(text);
    return *ret != NULL ? TIDINGS_OK
                        : error_set(err, TIDINGS_E_NO_MEMORY, "%s: out of memory", key);
}

tidings_status wire_json_text_or_null(const json_t *object, const char *key, char **ret,
                                      struct tidings_error *err)
{
    const json_t *value = json_object_get(object, key);
    if (value == NULL || json_is_null(value)) {
        *ret = NULL;
        return TIDINGS_OK;
    }
    if (!json_is_string(value)) {
        return error_set(err, TIDINGS_E_PROTOCOL, "%s must be a string", key);
    }
    return copy_text(str_make(json_string_value(value), json_string_length(value)), key, ret, err);
}

tidings_status wire_json_text(const json_t *object, const char *key, const char *fallback,
                              char **ret, struct tidings_error *err)
{
    tidings_status status = wire_json_text_or_null(object, key, ret, err);
    if (status != TIDINGS_OK || *ret != NULL) {
        return status;
    }
    if (fallback == NULL) {
        return error_set(err, TIDINGS_E_PROTOCOL, "%s is missing", key);
    }
    return copy_text(str_of(fallback), key, ret, err);
}

tidings_status wire_json_i64(const json_t *object, const char *key, int64_t fallback, int64_t *ret,
                             struct tidings_error *err)
{
    const json_t *value = json_object_get(object, key);
    if (json_is_string(value) &&
        num_parse_i64(str_make(json_string_value(value), json_string_length(value)), INT64_MIN,
                      INT64_MAX, ret)) {
        return TIDINGS_OK; // the C++ client writes numbers so
    }
    if (value != NULL && !json_is_null(value) && !json_is_integer(value)) {
        return error_set(err, TIDINGS_E_PROTOCOL, "%s must be a whole number", key);
    }
    *ret = json_is_integer(value) ? json_integer_value(value) : fallback;
    return TIDINGS_OK;
}

tidings_status wire_json_i32(const json_t *object, const char *key, int32_t *ret,
                             struct tidings_error *err)
{
    int64_t value = INT64_MIN;
    tidings_status status = wire_json_i64(object, key, INT64_MIN, &value, err);
    if (status != TIDINGS_OK) {
        return status;
    }
    if (value < INT32_MIN || value > INT32_MAX) {
        return error_set(err, TIDINGS_E_PROTOCOL, "%s must be there and a whole number of 32 bits",
                         key);
    }
    *ret = (int32_t)value;
    return TIDINGS_OK;
}

tidings_status wire_json_list(const json_t *object, const char *key, unsigned max, json_t **ret,
                              unsigned *ret_count, struct tidings_error *err)
{
    json_t *value = json_object_get(object, key);
    *ret = NULL;
    *ret_count = 0;
    if (value == NULL || json_is_null(value)) {
        return TIDINGS_OK;
    }
    if (!json_is_array(value)) {
        return error_set(err, TIDINGS_E_PROTOCOL, "%s must be a list", key);
    }
    if (json_array_size(value) > max) {
        return error_set(err, TIDINGS_E_TOO_LARGE, "%s has %zu items, at most %u are read", key,
                         json_array_size(value), max);
    }
    *ret = value;
    *ret_count = (unsigned)json_array_size(value);
    return TIDINGS_OK;
}

tidings_status wire_json_items(unsigned count, size_t size, void **ret)
{
    *ret = count > 0 ? calloc(count, size) : NULL;
    return count == 0 || *ret != NULL ? TIDINGS_OK : TIDINGS_E_NO_MEMORY;
}

tidings_status wire_json_queue_ref(const json_t *object, struct wire_queue_ref *ret,
                                   struct tidings_error *err)
{
    if (!json_is_object(object)) {
        return error_set(err, TIDINGS_E_PROTOCOL, "a queue must be an object");
    }
    tidings_status status = wire_json_text(object, "topic", NULL, &ret->topic, err);
    if (status == TIDINGS_OK) {
        status = wire_json_text(object, "brokerName", NULL, &ret->broker, err);
    }
    if (status == TIDINGS_OK) {
        status = wire_json_i32(object, "queueId", &ret->queue_id, err);
    }
    return status;
}

void wire_json_queue_ref_clear(struct wire_queue_ref *queue)
{
    free(queue->topic);
    free(queue->broker);
}
