// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/str.h"

enum { BUF_SIZE_MIN = 64 };

void buf_init(struct buf *buf, size_t max)
{
    *buf = (struct buf){ .max = max };
}

void buf_deinit(struct buf *buf)
{
    free(buf->ptr);
    *buf = (struct buf){ .max = buf->max };
}

void buf_clear(struct buf *buf)
{
    buf->len = 0;
}

tidings_status buf_reserve(struct buf *buf, size_t more, char **ret_ptr)
{
    if (more > buf->max || buf->len > buf->max - more) {
        return TIDINGS_E_TOO_LARGE;
    }
    size_t need = buf->len + more;
    if (need > buf->size) {
        size_t size = buf->size < BUF_SIZE_MIN ? BUF_SIZE_MIN : buf->size;
        while (size < need) {
            size = size > buf->max / 2 ? buf->max : size * 2;
        }
        size = size > buf->max ? buf->max : size;
        char *grown = realloc(buf->ptr, size);
        if (grown == NULL) {
            return TIDINGS_E_NO_MEMORY;
        }
        buf->ptr = grown;
        buf->size = size;
    }
    if (ret_ptr != NULL) {
        *ret_ptr = buf->ptr != NULL ? buf->ptr + buf->len : NULL;
    }
    return TIDINGS_OK;
}

tidings_status buf_add(struct buf *buf, const void *bytes, size_t len)
{
    char *room;
    if (len == 0) {
        return TIDINGS_OK;
    }
    tidings_status status = buf_reserve(buf, len, &room);
    if (status == TIDINGS_OK) {
        memcpy(room, bytes, len);
        buf->len += len;
    }
    return status;
}

tidings_status buf_add_str(struct buf *buf, struct str text)
{
    return buf_add(buf, text.ptr, text.len);
}

tidings_status buf_addf(struct buf *buf, const char *format, ...)
{
    va_list args;
    va_list again;
    char *room;
    va_start(args, format);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    tidings_status status = TIDINGS_E_INTERNAL;
    if (n >= 0) {
        status = buf_reserve(buf, (size_t)n, NULL);
        if (status == TIDINGS_OK &&
            buf->size - buf->len == (size_t)n) { // vsnprintf writes a NUL behind
            char *grown = realloc(buf->ptr, buf->size + 1);
            status = grown != NULL ? TIDINGS_OK : TIDINGS_E_NO_MEMORY;
            buf->ptr = grown != NULL ? grown : buf->ptr;
            buf->size += grown != NULL;
        }
    }
    if (status == TIDINGS_OK) {
        room = buf->ptr + buf->len;
        n = vsnprintf(room, (size_t)n + 1, format, again);
        buf->len += (size_t)n;
    }
    va_end(again);
    return status;
}

void buf_consume(struct buf *buf, size_t n)
{
    BASE_ASSERT(n <= buf->len);
    if (n == 0) {
        return;
    }
    memmove(buf->ptr, buf->ptr + n, buf->len - n);
    buf->len -= n;
}
