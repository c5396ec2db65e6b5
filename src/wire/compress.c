// SPDX-License-Identifier: Apache-2.0
// Message bodies as zlib streams (RFC 1950).
#include <limits.h>
#include <zlib.h>

#include "wire/wire.h"

enum { STEP = 16 * 1024 };

// Offers at least one byte of room to the stream, growing the buffer within its limit.
static tidings_status offer_room(z_stream *stream, struct buf *out)
{
    char *room;
    size_t left = out->max - out->len;
    size_t step = left < STEP ? left : STEP;
    if (step == 0) {
        return TIDINGS_E_TOO_LARGE;
    }
    tidings_status status = buf_reserve(out, step, &room);
    if (status == TIDINGS_OK) {
        size_t have = out->size - out->len;
        stream->next_out = (Bytef *)room;
        stream->avail_out = have > UINT_MAX ? UINT_MAX : (uInt)have;
    }
    return status;
}

static void take_room(const z_stream *stream, struct buf *out)
{
    out->len = (size_t)((const char *)stream->next_out - out->ptr);
}

static tidings_status set_input(z_stream *stream, struct str body)
{
    if (body.len > UINT_MAX) {
        return TIDINGS_E_TOO_LARGE;
    }
    stream->next_in =
        (z_const Bytef *)(uintptr_t)body.ptr; // zlib reads only, its type does not say so
    stream->avail_in = (uInt)body.len;
    return TIDINGS_OK;
}

tidings_status wire_compress(struct str body, int level, struct buf *out)
{
    z_stream stream = { .zalloc = NULL };
    size_t before = out->len;
    int result = Z_OK;
    tidings_status status = set_input(&stream, body);
    if (status != TIDINGS_OK) {
        return status;
    }
    if (deflateInit(&stream, level) != Z_OK) {
        return TIDINGS_E_NO_MEMORY;
    }
    while (status == TIDINGS_OK && result != Z_STREAM_END) {
        status = offer_room(&stream, out);
        if (status == TIDINGS_OK) {
            result = deflate(&stream, Z_FINISH);
            take_room(&stream, out);
            status = result == Z_OK || result == Z_BUF_ERROR || result == Z_STREAM_END
                         ? TIDINGS_OK
                         : TIDINGS_E_INTERNAL;
        }
    }
    (void)deflateEnd(&stream);
    if (status != TIDINGS_OK) {
        out->len = before;
    }
    return status;
}

static tidings_status inflate_all(z_stream *stream, struct buf *out, struct tidings_error *err)
{
    for (;;) {
        tidings_status status = offer_room(stream, out);
        if (status == TIDINGS_E_TOO_LARGE) {
            return error_set(err, status, "compressed body: larger than %zu bytes when unpacked",
                             out->max);
        }
        if (status != TIDINGS_OK) {
            return error_set(err, status, "compressed body: no memory for it");
        }
        int result = inflate(stream, Z_NO_FLUSH);
        take_room(stream, out);
        if (result == Z_STREAM_END) {
            return TIDINGS_OK;
        }
        if (result == Z_MEM_ERROR) {
            return error_set(err, TIDINGS_E_NO_MEMORY, "compressed body: no memory to unpack it");
        }
        if (result != Z_OK && !(result == Z_BUF_ERROR && stream->avail_out == 0)) {
            return error_set(err, TIDINGS_E_PROTOCOL, "compressed body: %s",
                             stream->msg != NULL ? stream->msg : "it is cut off");
        }
    }
}

tidings_status wire_decompress(struct str body, struct buf *out, struct tidings_error *err)
{
    z_stream stream = { .zalloc = NULL };
    size_t before = out->len;
    tidings_status status = set_input(&stream, body);
    if (status != TIDINGS_OK) {
        return error_set(err, status, "compressed body: larger than 4 GiB");
    }
    if (inflateInit(&stream) != Z_OK) {
        return error_set(err, TIDINGS_E_NO_MEMORY, "compressed body: no memory to unpack it");
    }
    status = inflate_all(&stream, out, err);
    if (status == TIDINGS_OK && stream.avail_in > 0) {
        status = error_set(err, TIDINGS_E_PROTOCOL, "compressed body: %u bytes behind its end",
                           stream.avail_in);
    }
    (void)inflateEnd(&stream);
    if (status != TIDINGS_OK) {
        out->len = before;
    }
    return status;
}
