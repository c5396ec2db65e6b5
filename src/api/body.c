// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>

#include "api/private.h"
#include "wire/tree.h"

struct str api_call_keep(struct api_call *call, struct str text)
{
    char *copy = api_pool_take(&call->pool, text.len + 1);
    if (copy == NULL) {
        return (struct str){ NULL, 0 };
    }
    (void)str_copy(copy, text.len + 1, text);
    return str_make(copy, text.len);
}

static bool unknown_member(struct api_call *call, const char *key, const struct api_member *members,
                           size_t count)
{
    char known[256] = "";
    for (size_t i = 0; i < count; i++) {
        size_t len = strlen(known);
        (void)snprintf(known + len, sizeof known - len, "%s%s", i > 0 ? ", " : "", members[i].name);
    }
    return (bool)api_call_problem(call, API_PROBLEM_INVALID, NULL,
                                  "unknown member \"%.64s\"; there are %s", key, known);
}

static bool read_member(struct api_call *call, const json_t *value, struct api_member *member)
{
    bool is_text = member->kind == 't';
    if (is_text ? !json_is_string(value) || json_string_length(value) > member->max
                : !json_is_integer(value)) {
        (void)api_call_problem(call, API_PROBLEM_INVALID, member->name,
                               is_text ? "%s must be a text of at most %zu bytes"
                                       : "%s must be a whole number",
                               member->name, member->max);
        return false;
    }
    if (!is_text) {
        member->number = json_integer_value(value);
        return true;
    }
    member->text =
        api_call_keep(call, str_make(json_string_value(value), json_string_length(value)));
    if (member->text.ptr == NULL) {
        (void)api_call_failed(call, NULL, TIDINGS_E_NO_MEMORY, NULL);
    }
    return member->text.ptr != NULL;
}

static bool read_members(struct api_call *call, json_t *object, struct api_member *members,
                         size_t count)
{
    const char *key;
    json_t *value;
    json_object_foreach(object, key, value)
    {
        size_t i = 0;
        while (i < count && strcmp(members[i].name, key) != 0) {
            i++;
        }
        if (i == count) {
            return unknown_member(call, key, members, count);
        }
        if (!read_member(call, value, &members[i])) {
            return false;
        }
    }
    return true;
}

bool api_body_read(struct api_call *call, struct api_member *members, size_t count)
{
    struct tidings_error err = { 0 };
    json_t *object = NULL;
    if (call->request->body.len == 0) {
        return true;
    }
    tidings_status status = wire_tree_parse(call->request->body, &object, &err);
    if (status != TIDINGS_OK) {
        (void)api_call_failed(call, NULL, status, &err);
        return false;
    }
    bool good = json_is_object(object);
    if (!good) {
        (void)api_call_problem(call, API_PROBLEM_INVALID, NULL, "the body must be a JSON object");
    } else {
        good = read_members(call, object, members, count);
    }
    json_decref(object);
    return good;
}
