// SPDX-License-Identifier: Apache-2.0
#include "receiver/member.h"

void member_whole_characters(char *text)
{
    size_t len = strlen(text);
    size_t at = len;
    while (at > 0 && len - at < 4 && ((unsigned char)text[at - 1] & 0xC0) == 0x80) {
        at--;
    }
    // What begins at at - 1 is whole, or goes.
    if (at > 0 && (unsigned char)text[at - 1] >= 0xC0 &&
        !str_is_utf8(str_make(text + at - 1, len - at + 1))) {
        text[at - 1] = '\0';
    }
}

void member_excerpt(struct str text, char ret[MEMBER_EXCERPT_SIZE])
{
    bool cut = text.len > MEMBER_EXCERPT_SIZE - 4;
    size_t len = cut ? MEMBER_EXCERPT_SIZE - 4 : text.len;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        ret[i] = c < ' ' || c == 0x7F ? ' ' : (char)c;
    }
    ret[len] = '\0';
    if (cut) {
        member_whole_characters(ret);
        len = strlen(ret);
    }
    if (!str_is_utf8(str_make(ret, len))) {
        for (size_t i = 0; i < len; i++) {
            ret[i] = (unsigned char)ret[i] >= 0x80 ? '?' : ret[i];
        }
    }
    memcpy(ret + len, cut ? "..." : "", cut ? 4 : 1);
}

static tidings_status unknown(const char *path, const char *key, const char *const *names,
                              size_t count, struct tidings_error *err)
{
    char shown[MEMBER_EXCERPT_SIZE];
    struct buf list;
    tidings_status status = TIDINGS_OK;
    buf_init(&list, 256);
    for (size_t i = 0; i < count && status == TIDINGS_OK; i++) {
        status = buf_addf(&list, "%s%s", i > 0 ? ", " : "", names[i]);
    }
    member_excerpt(str_of(key), shown);
    (void)error_set(err, TIDINGS_E_INVALID, "%s%s\"%s\" is not a member; there are: %.*s", path,
                    path[0] != '\0' ? ": " : "", shown, (int)list.len,
                    list.ptr != NULL ? list.ptr : "");
    buf_deinit(&list);
    return TIDINGS_E_INVALID;
}

tidings_status member_object(const json_t *value, const char *path, const char *const *names,
                             size_t count, struct tidings_error *err)
{
    if (!json_is_object(value)) {
        return error_set(err, TIDINGS_E_INVALID, "%s: must be an object",
                         path[0] != '\0' ? path : "settings");
    }
    // The iterator is asked for without const, and changes nothing.
    json_t *object = (json_t *)(uintptr_t)value;
    for (void *at = json_object_iter(object); at != NULL; at = json_object_iter_next(object, at)) {
        const char *key = json_object_iter_key(at);
        size_t i = 0;
        while (i < count && strcmp(names[i], key) != 0) {
            i++;
        }
        if (i == count) {
            return unknown(path, key, names, count, err);
        }
    }
    return TIDINGS_OK;
}

tidings_status member_text(const json_t *value, const char *path, size_t least, size_t most,
                           struct str *ret, struct tidings_error *err)
{
    if (!json_is_string(value) || json_string_length(value) < least ||
        json_string_length(value) > most) {
        return error_set(err, TIDINGS_E_INVALID, "%s: must be a text of %zu to %zu bytes", path,
                         least, most);
    }
    *ret = member_str(value);
    return TIDINGS_OK;
}

tidings_status member_number(const json_t *value, const char *path, int64_t least, int64_t most,
                             int64_t *ret, struct tidings_error *err)
{
    if (!json_is_integer(value) || json_integer_value(value) < least ||
        json_integer_value(value) > most) {
        return error_set(err, TIDINGS_E_INVALID, "%s: must be a whole number from %lld to %lld",
                         path, (long long)least, (long long)most);
    }
    *ret = json_integer_value(value);
    return TIDINGS_OK;
}

tidings_status member_flag(const json_t *value, const char *path, bool *ret,
                           struct tidings_error *err)
{
    if (!json_is_boolean(value)) {
        return error_set(err, TIDINGS_E_INVALID, "%s: must be true or false", path);
    }
    *ret = json_is_true(value);
    return TIDINGS_OK;
}

bool member_is_token(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c <= ' ' || c > '~' || strchr("\"(),/:;<=>?@[\\]{}", c) != NULL) {
            return false;
        }
    }
    return text.len > 0;
}

bool member_is_field_value(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if ((c < ' ' && c != '\t') || c == 0x7F) {
            return false;
        }
    }
    return str_trim(text).len == text.len;
}
