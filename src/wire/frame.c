// SPDX-License-Identifier: Apache-2.0
#include "wire/wire.h"

enum { LENGTH_SIZE = 4, MARK_SIZE = 4 };

static tidings_status check_mark(uint32_t mark, uint32_t length, struct tidings_error *err)
{
    uint32_t header_len = mark & 0xffffff;
    if (mark >> 24 > WIRE_BINARY) {
        return error_set(err, TIDINGS_E_PROTOCOL,
                         "frame: serialize type %u is not 0 (JSON) or 1 (binary)",
                         (unsigned)(mark >> 24));
    }
    if (header_len > length - MARK_SIZE || header_len > WIRE_HEADER_MAX) {
        return error_set(err, TIDINGS_E_PROTOCOL,
                         "frame: header of %u bytes in a frame of %u, at most %d are allowed",
                         (unsigned)header_len, (unsigned)length, WIRE_HEADER_MAX);
    }
    return TIDINGS_OK;
}

tidings_status wire_frame_decode(struct str bytes, struct wire_frame *ret, size_t *ret_need,
                                 struct tidings_error *err)
{
    *ret_need = LENGTH_SIZE;
    if (bytes.len < LENGTH_SIZE) {
        return TIDINGS_E_AGAIN;
    }
    uint32_t length = num_load_be32(bytes.ptr);
    if (length < MARK_SIZE || length > WIRE_FRAME_MAX) {
        return error_set(err, TIDINGS_E_PROTOCOL, "frame: length %u is not between %d and %d",
                         (unsigned)length, MARK_SIZE, WIRE_FRAME_MAX);
    }
    size_t size = LENGTH_SIZE + (size_t)length;
    *ret_need = size;
    if (bytes.len < LENGTH_SIZE + MARK_SIZE) {
        return TIDINGS_E_AGAIN;
    }
    // The mark is judged before the rest is there: garbage shall not make us wait for 16 MiB of it.
    uint32_t mark = num_load_be32(bytes.ptr + LENGTH_SIZE);
    tidings_status status = check_mark(mark, length, err);
    if (status != TIDINGS_OK) {
        return status;
    }
    if (bytes.len < size) {
        return TIDINGS_E_AGAIN;
    }
    const char *header = bytes.ptr + LENGTH_SIZE + MARK_SIZE;
    size_t header_len = mark & 0xffffff;
    ret->serialize = mark >> 24 == WIRE_BINARY ? WIRE_BINARY : WIRE_JSON;
    ret->header = str_make(header, header_len);
    ret->body = str_make(header + header_len, length - MARK_SIZE - header_len);
    ret->size = size;
    return TIDINGS_OK;
}
