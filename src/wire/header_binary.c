// SPDX-License-Identifier: Apache-2.0
// The binary header: i16 code, u8 language, i16 version, i32 opaque, i32 flag, i32 remark length,
// remark, i32 length of the fields, then for each field i16 key length, key, i32 value length,
// value. Big-endian.
#include "wire/bytes.h"
#include "wire/header.h"

static bool take_fields(struct bytes_cursor *cursor, struct wire_header *ret)
{
    uint64_t seen = 0;
    while (!cursor->failed && cursor->at < cursor->end) {
        struct str key = bytes_take_str(cursor, bytes_take_i16(cursor));
        struct str value = bytes_take_str(cursor, bytes_take_i32(cursor));
        if (!cursor->failed && !wire_header_put(ret, &seen, key, value)) {
            return false;
        }
    }
    return true;
}

tidings_status wire_header_decode_binary(struct str bytes, struct wire_header *ret,
                                         struct tidings_error *err)
{
    struct bytes_cursor cursor = { bytes.ptr, bytes.ptr + bytes.len, false };
    ret->code = bytes_take_i16(&cursor);
    int32_t language = bytes_take_u8(&cursor);
    ret->language = wire_language_is_known(language) ? language : WIRE_LANGUAGE_OTHER;
    ret->version = bytes_take_i16(&cursor);
    ret->opaque = bytes_take_i32(&cursor);
    ret->flag = bytes_take_i32(&cursor);
    struct str remark = bytes_take_str(&cursor, bytes_take_i32(&cursor));
    if (remark.len > 0) {
        ret->remark = remark;
    }
    int32_t fields_len = bytes_take_i32(&cursor);
    if (!cursor.failed && fields_len != cursor.end - cursor.at) {
        return error_set(err, TIDINGS_E_PROTOCOL,
                         "binary header: %d bytes of fields announced, %td follow", fields_len,
                         cursor.end - cursor.at);
    }
    if (!take_fields(&cursor, ret)) {
        return error_set(err, TIDINGS_E_PROTOCOL, "binary header: more than %d fields",
                         WIRE_EXT_MAX);
    }
    if (cursor.failed) {
        return error_set(
            err, TIDINGS_E_PROTOCOL,
            "binary header: ends inside a field, or a length is negative, at byte %td of %zu",
            cursor.at - bytes.ptr, bytes.len);
    }
    return TIDINGS_OK;
}
