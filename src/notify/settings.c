// SPDX-License-Identifier: Apache-2.0
#include <jansson.h>
#include <stdlib.h>

#include "notify/private.h"
#include "wire/tree.h"

void notify_settings_init(struct notify_settings *settings)
{
    *settings =
        (struct notify_settings){ .ladder = "article", .timeout_ms = 15000, .in_flight = 64 };
}

static tidings_status take_text(json_t *value, const char *key, char *out, size_t size,
                                struct tidings_error *err)
{
    struct str text = json_is_string(value)
                          ? str_make(json_string_value(value), json_string_length(value))
                          : (struct str){ 0 };
    if (text.ptr == NULL || str_find(text, '\0', 0) != SIZE_MAX || !str_copy(out, size, text)) {
        return error_set(err, TIDINGS_E_INVALID, "%s: a text of at most %zu bytes is wanted", key,
                         size - 1);
    }
    return TIDINGS_OK;
}

static tidings_status take_number(json_t *value, const char *key, int64_t least, int64_t most,
                                  int64_t *out, struct tidings_error *err)
{
    if (!json_is_integer(value) || json_integer_value(value) < least ||
        json_integer_value(value) > most) {
        return error_set(err, TIDINGS_E_INVALID, "%s: a whole number from %lld to %lld is wanted",
                         key, (long long)least, (long long)most);
    }
    *out = json_integer_value(value);
    return TIDINGS_OK;
}

static tidings_status take_member(const char *key, json_t *value, struct notify_settings *ret,
                                  struct tidings_error *err)
{
    if (strcmp(key, "url") == 0) {
        return take_text(value, key, ret->url, sizeof ret->url, err);
    }
    if (strcmp(key, "ladder") == 0) {
        return take_text(value, key, ret->ladder, sizeof ret->ladder, err);
    }
    if (strcmp(key, "timeoutMs") == 0) {
        return take_number(value, key, NOTIFY_TIMEOUT_LEAST_MS, NOTIFY_TIMEOUT_MOST_MS,
                           &ret->timeout_ms, err);
    }
    if (strcmp(key, "inFlight") == 0) {
        return take_number(value, key, 1, NOTIFY_IN_FLIGHT_MAX, &ret->in_flight, err);
    }
    return error_set(err, TIDINGS_E_INVALID,
                     "\"%.64s\" is no setting of a receiver: url, ladder, timeoutMs, inFlight",
                     key);
}

tidings_status notify_settings_parse(struct str document, struct notify_settings *ret,
                                     struct tidings_error *err)
{
    json_t *root = NULL;
    struct ladder ladder;
    struct tidings_error why = { 0 };
    notify_settings_init(ret);
    tidings_status status = wire_tree_parse(document, &root, err);
    if (status == TIDINGS_OK && !json_is_object(root)) {
        status = error_set(err, TIDINGS_E_INVALID, "a receiver's settings must be a JSON object");
    }
    for (void *at = json_object_iter(root); at != NULL && status == TIDINGS_OK;
         at = json_object_iter_next(root, at)) {
        status = take_member(json_object_iter_key(at), json_object_iter_value(at), ret, err);
    }
    json_decref(root);
    if (status == TIDINGS_OK && ret->url[0] == '\0') {
        status = error_set(err, TIDINGS_E_INVALID, "url: a receiver needs one");
    }
    if (status == TIDINGS_OK && ladder_parse(str_of(ret->ladder), &ladder, &why) != TIDINGS_OK) {
        status = error_set(err, TIDINGS_E_INVALID, "ladder: %s", why.text);
    }
    return status;
}

tidings_status notify_settings_format(const struct notify_settings *settings, struct buf *out)
{
    json_t *root = json_pack("{s:s, s:s, s:I, s:I}", "url", settings->url, "ladder",
                             settings->ladder, "timeoutMs", (json_int_t)settings->timeout_ms,
                             "inFlight", (json_int_t)settings->in_flight);
    char *text = root != NULL ? json_dumps(root, JSON_COMPACT) : NULL;
    tidings_status status = text != NULL ? buf_add_str(out, str_of(text)) : TIDINGS_E_NO_MEMORY;
    free(text);
    json_decref(root);
    return status;
}
