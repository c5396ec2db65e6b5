// SPDX-License-Identifier: Apache-2.0
#include "api/base64.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static int digit_value(enum api_base64 kind, unsigned char c)
{
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }
    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }
    if (c >= '0' && c <= '9') {
        return c - '0' + 52;
    }
    if (c == (kind == API_BASE64_URL ? '-' : '+')) {
        return 62;
    }
    return c == (kind == API_BASE64_URL ? '_' : '/') ? 63 : -1;
}

// Takes the padding off; false when it is not as it must be.
static bool without_padding(enum api_base64 kind, struct str *text)
{
    if (kind == API_BASE64_URL) {
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

bool api_base64_decode(enum api_base64 kind, struct str text, unsigned char *out, size_t *ret_len)
{
    uint32_t bits = 0;
    unsigned have = 0;
    size_t len = 0;
    if (!without_padding(kind, &text)) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        int value = digit_value(kind, (unsigned char)text.ptr[i]);
        if (value < 0) {
            return false;
        }
        bits = bits << 6 | (uint32_t)value;
        have += 6;
        if (have >= 8) {
            have -= 8;
            out[len++] = (unsigned char)(bits >> have & 0xff);
        }
    }
    *ret_len = len;
    return (bits & ((1U << have) - 1)) == 0;
}

tidings_status api_base64_add(struct buf *out, const void *bytes, size_t len)
{
    const unsigned char *in = bytes;
    char *at;
    size_t size = len / 3 * 4 + (len % 3 > 0 ? len % 3 + 1 : 0);
    tidings_status status = buf_reserve(out, size, &at);
    if (status != TIDINGS_OK || size == 0) {
        return status;
    }
    for (size_t i = 0; i < len; i += 3) {
        size_t group = len - i < 3 ? len - i : 3;
        uint32_t bits = (uint32_t)in[i] << 16 | (group > 1 ? (uint32_t)in[i + 1] << 8 : 0) |
                        (group > 2 ? (uint32_t)in[i + 2] : 0);
        for (size_t j = 0; j <= group; j++) {
            *at++ = digits[bits >> (18 - 6 * j) & 63];
        }
    }
    out->len += size;
    return TIDINGS_OK;
}
