// SPDX-License-Identifier: Apache-2.0
#include "wire/wire.h"

enum { NAME_END = '\x01', PAIR_END = '\x02' };

bool wire_properties_next(struct str properties, size_t *cursor, struct wire_pair *ret)
{
    while (*cursor < properties.len) {
        const char *begin = properties.ptr + *cursor;
        size_t end = str_find(properties, PAIR_END, *cursor);
        size_t len = (end == SIZE_MAX ? properties.len : end) - *cursor;
        *cursor += len + 1;
        const char *mark = len > 0 ? memchr(begin, NAME_END, len) : NULL;
        if (mark != NULL && mark > begin) {
            ret->key = str_make(begin, (size_t)(mark - begin));
            ret->value = str_make(mark + 1, len - ret->key.len - 1);
            return true;
        }
    }
    return false;
}

struct str wire_properties_get(struct str properties, struct str key)
{
    struct str found = { NULL, 0 };
    struct wire_pair pair;
    size_t cursor = 0;
    while (wire_properties_next(properties, &cursor, &pair)) {
        if (str_eq(pair.key, key)) {
            found = pair.value; // the last one wins, as in a map filled from first to last
        }
    }
    return found;
}

static unsigned mark_of(struct str key)
{
    switch (key.ptr[0]) {
    case 'T':
        return str_eq(key, WIRE_P_TRAN_MSG)       ? WIRE_MARK_TRAN_MSG
               : str_starts(key, STR("TIMER_DE")) ? WIRE_MARK_TIMER
                                                  : 0;
    case 'D': return str_eq(key, WIRE_P_DELAY) ? WIRE_MARK_DELAY : 0;
    case 'M': return str_eq(key, STR("MSG_REGION")) ? WIRE_MARK_REGION : 0;
    case 'R': return str_eq(key, STR("REPLY_TO_CLIENT")) ? WIRE_MARK_REPLY : 0;
    default: return 0;
    }
}

unsigned wire_properties_marks(struct str properties)
{
    struct wire_pair pair;
    size_t cursor = 0;
    unsigned marks = WIRE_MARK_WALKED;
    while (wire_properties_next(properties, &cursor, &pair)) {
        marks |= mark_of(pair.key);
    }
    return marks;
}

static bool is_among(struct str key, const struct str *keys, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (str_eq(key, keys[i])) {
            return true;
        }
    }
    return false;
}

static tidings_status add_pair(struct buf *out, struct str key, struct str value)
{
    char *room;
    tidings_status status = buf_reserve(out, key.len + value.len + 2, &room);
    if (status != TIDINGS_OK) {
        return status;
    }
    memcpy(room, key.ptr, key.len);
    room += key.len;
    *room++ = NAME_END;
    if (value.len > 0) {
        memcpy(room, value.ptr, value.len);
        room += value.len;
    }
    *room = PAIR_END;
    out->len += key.len + value.len + 2;
    return TIDINGS_OK;
}

tidings_status wire_properties_copy(struct str properties, const struct str *without, size_t n,
                                    struct buf *out)
{
    struct wire_pair pair;
    size_t before = out->len;
    size_t cursor = 0;
    while (wire_properties_next(properties, &cursor, &pair)) {
        if (is_among(pair.key, without, n)) {
            continue;
        }
        tidings_status status = add_pair(out, pair.key, pair.value);
        if (status != TIDINGS_OK) {
            out->len = before;
            return status;
        }
    }
    return TIDINGS_OK;
}

static bool has_mark(struct str text)
{
    return str_find(text, NAME_END, 0) != SIZE_MAX || str_find(text, PAIR_END, 0) != SIZE_MAX;
}

tidings_status wire_properties_add(struct buf *out, struct str key, struct str value)
{
    if (key.len == 0 || has_mark(key) || has_mark(value)) {
        return TIDINGS_E_INVALID;
    }
    return add_pair(out, key, value);
}
