// SPDX-License-Identifier: Apache-2.0
#include "base/base64.h"

// ---- out ----
static char digit(enum base64 kind, uint32_t value)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    if (value < 62) {
        return digits[value];
    }
    return value == 62 ? (kind == BASE64_URL ? '-' : '+') : (kind == BASE64_URL ? '_' : '/');
}

char *base64_put(enum base64 kind, char *at, const void *bytes, size_t len)
{
    const unsigned char *in = bytes;
    for (size_t i = 0; i < len; i += 3) {
        size_t group = len - i < 3 ? len - i : 3;
        uint32_t bits = (uint32_t)in[i] << 16 | (group > 1 ? (uint32_t)in[i + 1] << 8 : 0) |
                        (group > 2 ? (uint32_t)in[i + 2] : 0);
        for (size_t j = 0; j <= group; j++) {
            *at++ = digit(kind, bits >> (18 - 6 * j) & 63);
        }
        for (size_t j = group; kind == BASE64 && j < 3; j++) {
            *at++ = '=';
        }
    }
    return at;
}

tidings_status base64_add(enum base64 kind, struct buf *out, const void *bytes, size_t len)
{
    char *at;
    size_t size = base64_size(kind, len);
    tidings_status status = buf_reserve(out, size, &at);
    if (status == TIDINGS_OK && size > 0) {
        (void)base64_put(kind, at, bytes, len);
        out->len += size;
    }
    return status;
}

// ---- in ----
static int digit_value(enum base64 kind, char c)
{
    int value = c >= 'A' && c <= 'Z' ? c - 'A' : -1;
    value = c >= 'a' && c <= 'z' ? c - 'a' + 26 : value;
    value = c >= '0' && c <= '9' ? c - '0' + 52 : value;
    value = c == (kind == BASE64_URL ? '-' : '+') ? 62 : value;
    return c == (kind == BASE64_URL ? '_' : '/') ? 63 : value;
}

// Takes the padding off; false when the length is not as it must be.
static bool without_padding(enum base64 kind, struct str *text)
{
    if (kind == BASE64_URL) {
        return text->len % 4 != 1;
    }
    if (text->len % 4 != 0) {
        return false;
    }
    for (int i = 0; i < 2 && text->len > 0 && text->ptr[text->len - 1] == '='; i++) {
        text->len--;
    }
    return true;
}

bool base64_decode(enum base64 kind, struct str text, unsigned char *ret, size_t size,
                   size_t *ret_len)
{
    uint32_t bits = 0;
    unsigned held = 0;
    size_t len = 0;
    if (!without_padding(kind, &text) || text.len / 4 * 3 + text.len % 4 * 3 / 4 > size) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        int value = digit_value(kind, text.ptr[i]);
        if (value < 0) {
            return false;
        }
        bits = (bits << 6 | (uint32_t)value) & 0xffff;
        held += 6;
        if (held >= 8) {
            held -= 8;
            ret[len++] = (unsigned char)(bits >> held);
        }
    }
    *ret_len = len;
    return (bits & ((1U << held) - 1)) == 0;
}
