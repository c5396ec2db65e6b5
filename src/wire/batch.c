// SPDX-License-Identifier: Apache-2.0
// An item: i32 size of it all, i32 magic and i32 crc (both zero, not read), i32 flag, i32 + body,
// i16 + properties. Big-endian.
#include "wire/bytes.h"
#include "wire/wire.h"

enum { FIXED_SIZE = 22 };

tidings_status wire_batch_next(struct str batch, size_t *cursor, struct wire_batch_item *ret,
                               struct tidings_error *err)
{
    if (*cursor >= batch.len) {
        return TIDINGS_E_EOF;
    }
    const char *begin = batch.ptr + *cursor;
    size_t rest = batch.len - *cursor;
    struct bytes_cursor bytes = { begin, begin + rest, false };
    int32_t size = bytes_take_i32(&bytes);
    if (bytes.failed || size < FIXED_SIZE || (size_t)size > rest) {
        return error_set(err, TIDINGS_E_PROTOCOL, "batch: item at byte %zu of %zu has size %d",
                         *cursor, batch.len, size);
    }
    bytes.end = begin + size;
    (void)bytes_take(&bytes, 8); // magic and crc
    ret->flag = bytes_take_i32(&bytes);
    ret->body = bytes_take_str(&bytes, bytes_take_i32(&bytes));
    ret->properties = bytes_take_str(&bytes, bytes_take_i16(&bytes));
    if (bytes.failed || bytes.at != bytes.end) {
        return error_set(err, TIDINGS_E_PROTOCOL,
                         "batch: parts of the item at byte %zu do not add up to its size %d",
                         *cursor, size);
    }
    *cursor += (size_t)size;
    return TIDINGS_OK;
}

tidings_status wire_batch_add(struct buf *out, const struct wire_batch_item *item)
{
    char *room;
    size_t size = FIXED_SIZE + item->body.len + item->properties.len;
    BASE_ASSERT(item->properties.len <= WIRE_PROPERTIES_MAX);
    if (size > INT32_MAX) {
        return TIDINGS_E_TOO_LARGE;
    }
    tidings_status status = buf_reserve(out, size, &room);
    if (status != TIDINGS_OK) {
        return status;
    }
    char *at = bytes_put_u32(room, (uint32_t)size);
    at = bytes_put_u64(at, 0);
    at = bytes_put_u32(at, (uint32_t)item->flag);
    at = bytes_put_u32(at, (uint32_t)item->body.len);
    at = bytes_put_str(at, item->body);
    at = bytes_put_u16(at, (uint16_t)item->properties.len);
    at = bytes_put_str(at, item->properties);
    BASE_ASSERT(at == room + size);
    out->len += size;
    return TIDINGS_OK;
}
