// SPDX-License-Identifier: Apache-2.0
#include "broker/settings.h"

#include <jansson.h>
#include <stdlib.h>

#include "wire/tree.h"

static tidings_status dump(json_t *root, struct buf *out)
{
    tidings_status status = TIDINGS_E_NO_MEMORY;
    char *text = root != NULL ? json_dumps(root, JSON_COMPACT) : NULL;
    if (text != NULL) {
        status = buf_add_str(out, str_of(text));
    }
    free(text);
    json_decref(root);
    return status;
}

// E_CORRUPT, or E_NO_MEMORY: then it may be right.
static tidings_status load(struct str json, json_t **ret, struct tidings_error *err)
{
    struct tidings_error why = { 0 };
    tidings_status status = wire_tree_parse(json, ret, &why);
    if (status == TIDINGS_E_NO_MEMORY) {
        return error_set(err, status, "settings in the log: out of memory");
    }
    if (status != TIDINGS_OK || !json_is_object(*ret)) {
        json_decref(*ret);
        *ret = NULL;
        return error_set(err, TIDINGS_E_CORRUPT, "settings in the log are not a JSON object%s%s",
                         status != TIDINGS_OK ? ": " : "",
                         status != TIDINGS_OK ? error_text(&why, status) : "");
    }
    return TIDINGS_OK;
}

static tidings_status get_name(json_t *root, char *out, size_t size, struct tidings_error *err)
{
    json_t *name = json_object_get(root, "name");
    if (!json_is_string(name) ||
        !str_copy(out, size, str_make(json_string_value(name), json_string_length(name))) ||
        out[0] == '\0') {
        return error_set(err, TIDINGS_E_CORRUPT, "settings in the log have no usable name");
    }
    return TIDINGS_OK;
}

static int64_t get_number(json_t *root, const char *key, int64_t absent)
{
    json_t *value = json_object_get(root, key);
    return json_is_integer(value) ? json_integer_value(value) : absent;
}

static tidings_status get_retry(json_t *root, struct index_retry *ret, struct tidings_error *err)
{
    json_t *ladder = json_object_get(root, "ladder");
    ret->ladder[0] = '\0';
    if (json_is_string(ladder) &&
        !str_copy(ret->ladder, sizeof ret->ladder,
                  str_make(json_string_value(ladder), json_string_length(ladder)))) {
        return error_set(err, TIDINGS_E_CORRUPT,
                         "settings in the log have a ladder text over %zu bytes",
                         sizeof ret->ladder - 1);
    }
    ret->window_ms = get_number(root, "windowMs", -1);
    ret->limit = (int32_t)get_number(root, "limit", -1);
    return TIDINGS_OK;
}

tidings_status settings_topic_encode(const struct index_topic *topic, struct buf *out)
{
    return dump(json_pack("{s:I,s:s,s:i,s:i,s:i,s:s,s:I,s:i}", "id", (json_int_t)topic->id, "name",
                          topic->name, "read", topic->read_queues, "write", topic->write_queues,
                          "perm", topic->perm, "ladder", topic->retry.ladder, "windowMs",
                          (json_int_t)topic->retry.window_ms, "limit", topic->retry.limit),
                out);
}

tidings_status settings_topic_decode(struct str json, struct index_topic *ret,
                                     struct tidings_error *err)
{
    json_t *root = NULL;
    tidings_status loaded = load(json, &root, err);
    if (loaded != TIDINGS_OK) {
        return loaded;
    }
    *ret = (struct index_topic){
        .id = get_number(root, "id", 0),
        .read_queues = (int32_t)get_number(root, "read", 1),
        .write_queues = (int32_t)get_number(root, "write", 1),
        .perm = (int32_t)get_number(root, "perm", 6),
    };
    tidings_status status = get_name(root, ret->name, sizeof ret->name, err);
    if (status == TIDINGS_OK) {
        status = get_retry(root, &ret->retry, err);
    }
    json_decref(root);
    return status;
}

tidings_status settings_group_encode(const struct index_group *group, struct buf *out)
{
    return dump(json_pack("{s:s,s:b,s:b,s:b,s:s,s:I,s:i}", "name", group->name, "consume",
                          group->consume_enabled, "broadcast", group->broadcast_enabled, "notify",
                          group->notify_enabled, "ladder", group->retry.ladder, "windowMs",
                          (json_int_t)group->retry.window_ms, "limit", group->retry.limit),
                out);
}

tidings_status settings_group_decode(struct str json, struct index_group *ret,
                                     struct tidings_error *err)
{
    json_t *root = NULL;
    tidings_status loaded = load(json, &root, err);
    if (loaded != TIDINGS_OK) {
        return loaded;
    }
    *ret = (struct index_group){
        .consume_enabled = !json_is_false(json_object_get(root, "consume")),
        .broadcast_enabled = !json_is_false(json_object_get(root, "broadcast")),
        .notify_enabled = !json_is_false(json_object_get(root, "notify")),
    };
    tidings_status status = get_name(root, ret->name, sizeof ret->name, err);
    if (status == TIDINGS_OK) {
        status = get_retry(root, &ret->retry, err);
    }
    json_decref(root);
    return status;
}

tidings_status settings_group_delete_encode(struct str name, bool with_offsets, struct buf *out)
{
    return dump(json_pack("{s:s%,s:b}", "name", name.ptr, name.len, "offsets", with_offsets), out);
}

tidings_status settings_group_delete_decode(struct str json, struct index_group *ret_named,
                                            bool *ret_with_offsets, struct tidings_error *err)
{
    json_t *root = NULL;
    tidings_status loaded = load(json, &root, err);
    if (loaded != TIDINGS_OK) {
        return loaded;
    }
    *ret_named = (struct index_group){ 0 };
    *ret_with_offsets = json_is_true(json_object_get(root, "offsets"));
    tidings_status status = get_name(root, ret_named->name, sizeof ret_named->name, err);
    json_decref(root);
    return status;
}

tidings_status settings_topic_delete_decode(struct str json, int64_t *ret_id,
                                            struct tidings_error *err)
{
    json_t *root = NULL;
    tidings_status loaded = load(json, &root, err);
    if (loaded != TIDINGS_OK) {
        return loaded;
    }
    *ret_id = get_number(root, "id", 0);
    json_decref(root);
    return TIDINGS_OK;
}
