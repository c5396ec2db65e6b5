// SPDX-License-Identifier: Apache-2.0
#include "api/cursor.h"

#include "base/base64.h"
#include "base/num.h"

static const char VERSION = '1';

tidings_status api_cursor_write(enum api_cursor_kind kind, const struct api_cursor *cursor,
                                struct buf *out)
{
    char text[2 + API_CURSOR_NAME_MAX + 1];
    size_t len = 2;
    text[0] = VERSION;
    text[1] = (char)kind;
    if (kind == API_CURSOR_RECEIVERS) {
        struct str name = str_of(cursor->name);
        memcpy(text + 2, name.ptr, name.len);
        len += name.len;
    } else {
        len += num_format_i64(text + 2, cursor->number);
    }
    return base64_add(BASE64_URL, out, text, len);
}

static bool is_name(struct str name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!is_letter && !(c >= '0' && c <= '9') && c != '.' && c != '_' && c != '-') {
            return false;
        }
    }
    return name.len > 0;
}

static bool read_place(enum api_cursor_kind kind, struct str place, struct api_cursor *ret)
{
    char again[21];
    if (kind == API_CURSOR_RECEIVERS) {
        return is_name(place) && str_copy(ret->name, sizeof ret->name, place);
    }
    // Written again it must be the same: one place has one cursor.
    return num_parse_i64(place, 0, INT64_MAX, &ret->number) &&
           str_eq(place, str_make(again, num_format_i64(again, ret->number)));
}

tidings_status api_cursor_read(enum api_cursor_kind kind, struct str text, struct api_cursor *ret,
                               struct tidings_error *err)
{
    unsigned char plain[API_CURSOR_MAX];
    size_t len = 0;
    *ret = (struct api_cursor){ .number = 0 };
    if (text.len == 0 || text.len > API_CURSOR_MAX ||
        !base64_decode(BASE64_URL, text, plain, sizeof plain, &len) || len < 3 ||
        plain[0] != VERSION || plain[1] != (unsigned char)kind ||
        !read_place(kind, str_make(plain + 2, len - 2), ret)) {
        return error_set(err, TIDINGS_E_INVALID,
                         "no cursor of this list: take nextCursor of an earlier page as it is");
    }
    return TIDINGS_OK;
}
