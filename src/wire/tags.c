// SPDX-License-Identifier: Apache-2.0
#include "wire/wire.h"

static bool has_tag(const struct wire_tags *tags, struct str tag, int32_t code)
{
    for (unsigned i = 0; i < tags->count; i++) {
        if (tags->tags[i].code == code && str_eq(tags->tags[i].text, tag)) {
            return true;
        }
    }
    return false;
}

// Cuts the piece before the next "||" off *rest; false when *rest is used up (ptr NULL).
static bool next_piece(struct str *rest, struct str *ret)
{
    if (rest->ptr == NULL) {
        return false;
    }
    size_t at = str_find_str(*rest, STR("||"));
    *ret = *rest;
    if (at == SIZE_MAX) {
        *rest = (struct str){ NULL, 0 };
    } else {
        ret->len = at;
        *rest = str_make(rest->ptr + at + 2, rest->len - at - 2);
    }
    return true;
}

tidings_status wire_tags_parse(struct str expression, struct wire_tags *ret,
                               struct tidings_error *err)
{
    struct str rest = expression;
    struct str piece;
    ret->all = false;
    ret->count = 0;
    if (expression.len == 0 || str_eq(str_trim(expression), STR("*"))) {
        ret->all = true;
        return TIDINGS_OK;
    }
    while (next_piece(&rest, &piece)) {
        piece = str_trim(piece);
        if (piece.len == 0) {
            continue;
        }
        int32_t code = str_java_hash(piece);
        if (has_tag(ret, piece, code)) {
            continue;
        }
        if (ret->count == WIRE_TAGS_MAX) {
            return error_set(err, TIDINGS_E_INVALID,
                             "tag expression: more than %d tags, at byte %td", WIRE_TAGS_MAX,
                             piece.ptr - expression.ptr);
        }
        ret->tags[ret->count++] = (struct wire_tag){ piece, code };
    }
    if (ret->count == 0) {
        return error_set(err, TIDINGS_E_INVALID,
                         "tag expression: no tag in its %zu bytes (at byte 0); write \"*\" for all",
                         expression.len);
    }
    return TIDINGS_OK;
}

bool wire_tags_match(const struct wire_tags *tags, struct str tag, int32_t code)
{
    return tags->all || (tag.ptr != NULL && has_tag(tags, tag, code));
}

bool wire_name_is_valid(struct str name, size_t max)
{
    if (name.len == 0 || name.len > max) {
        return false;
    }
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool letter = (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
        if (!letter && !(c >= '0' && c <= '9') && c != '_' && c != '-' && c != '%' && c != '|') {
            return false;
        }
    }
    return true;
}
