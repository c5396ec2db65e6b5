// SPDX-License-Identifier: Apache-2.0
// Base64 (RFC 4648): section 4 with its padding for payloads, section 5 without any for cursors and
// keys. Strict: no white space, unused bits are zero. Private to the room.
#ifndef API_BASE64_H
#define API_BASE64_H

#include "base/str.h"

enum api_base64 { API_BASE64_PLAIN, API_BASE64_URL };

// Bytes that `len` characters can hold at most.
static inline size_t api_base64_room(size_t len)
{
    return len / 4 * 3 + 3;
}
// Into `out`, room as above. False when malformed.
bool api_base64_decode(enum api_base64 kind, struct str text, unsigned char *out, size_t *ret_len);
// Section 5.
tidings_status api_base64_add(struct buf *out, const void *bytes, size_t len) TIDINGS_NODISCARD;

#endif
