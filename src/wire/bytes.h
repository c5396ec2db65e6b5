// SPDX-License-Identifier: Apache-2.0
// Big-endian fields, read through a cursor with a sticky error and written into room that was
// counted before. Private to the room.
#ifndef WIRE_BYTES_H
#define WIRE_BYTES_H

#include "base/num.h"
#include "base/str.h"

struct bytes_cursor {
    const char *at;
    const char *end;
    bool failed; // set by the first read that goes beyond the end; all reads after it give zero
};

static inline const char *bytes_take(struct bytes_cursor *cursor, size_t n)
{
    if (cursor->failed || (size_t)(cursor->end - cursor->at) < n) {
        cursor->failed = true;
        return NULL;
    }
    cursor->at += n;
    return cursor->at - n;
}

static inline int32_t bytes_take_u8(struct bytes_cursor *cursor)
{
    const char *p = bytes_take(cursor, 1);
    return p != NULL ? (unsigned char)*p : 0;
}

static inline int32_t bytes_take_i16(struct bytes_cursor *cursor)
{
    const char *p = bytes_take(cursor, 2);
    return p != NULL ? (int16_t)num_load_be16(p) : 0;
}

static inline int32_t bytes_take_i32(struct bytes_cursor *cursor)
{
    const char *p = bytes_take(cursor, 4);
    return p != NULL ? (int32_t)num_load_be32(p) : 0;
}

static inline int64_t bytes_take_i64(struct bytes_cursor *cursor)
{
    const char *p = bytes_take(cursor, 8);
    return p != NULL ? (int64_t)num_load_be64(p) : 0;
}

// A negative length fails as one beyond the end does.
static inline struct str bytes_take_str(struct bytes_cursor *cursor, int32_t len)
{
    const char *p = len >= 0 ? bytes_take(cursor, (size_t)len) : NULL;
    if (p == NULL) {
        cursor->failed = true;
        return (struct str){ NULL, 0 };
    }
    return str_make(p, (size_t)len);
}

static inline char *bytes_put_u16(char *out, uint16_t value)
{
    num_store_be16(out, value);
    return out + 2;
}

static inline char *bytes_put_u32(char *out, uint32_t value)
{
    num_store_be32(out, value);
    return out + 4;
}

static inline char *bytes_put_u64(char *out, uint64_t value)
{
    num_store_be64(out, value);
    return out + 8;
}

static inline char *bytes_put_str(char *out, struct str text)
{
    if (text.len > 0) {
        memcpy(out, text.ptr, text.len);
    }
    return out + text.len;
}

#endif
