// SPDX-License-Identifier: Apache-2.0
// Base64 (RFC 4648), strict: no white space, the unused bits are zero.
#ifndef BASE_BASE64_H
#define BASE_BASE64_H

#include "base/str.h"

enum base64 {
    BASE64,     // section 4, with its padding
    BASE64_URL, // section 5, without any
};

// Characters that `len` bytes become.
static inline size_t base64_size(enum base64 kind, size_t len)
{
    return kind == BASE64 ? (len + 2) / 3 * 4 : len / 3 * 4 + (len % 3 > 0 ? len % 3 + 1 : 0);
}
// Bytes that `len` characters can hold at most.
static inline size_t base64_room(size_t len)
{
    return len / 4 * 3 + 2;
}

// Writes base64_size characters and returns what follows them.
char *base64_put(enum base64 kind, char *at, const void *bytes, size_t len);
tidings_status base64_add(enum base64 kind, struct buf *out, const void *bytes,
                          size_t len) TIDINGS_NODISCARD;
// False when it is malformed or holds more than `size` bytes; what is in `ret` then is of no use.
// No characters are no bytes.
bool base64_decode(enum base64 kind, struct str text, unsigned char *ret, size_t size,
                   size_t *ret_len);

#endif
