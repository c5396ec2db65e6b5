// SPDX-License-Identifier: Apache-2.0
#include "api/out.h"

#include "base/num.h"

static void put(struct api_out *out, const char *bytes, size_t len)
{
    if (out->status == TIDINGS_OK) {
        out->status = buf_add(out->buf, bytes, len);
    }
}

static void put_char(struct api_out *out, char c)
{
    put(out, &c, 1);
}

static void begin_value(struct api_out *out)
{
    if (out->comma) {
        put_char(out, ',');
    }
    out->comma = true;
}

void api_out_open(struct api_out *out, char bracket)
{
    begin_value(out);
    put_char(out, bracket);
    out->comma = false;
}

void api_out_close(struct api_out *out, char bracket)
{
    put_char(out, bracket);
    out->comma = true;
}

void api_out_key(struct api_out *out, const char *key)
{
    begin_value(out);
    put_char(out, '"');
    put(out, key, strlen(key));
    put(out, "\":", 2);
    out->comma = false;
}

// ---- strings ----
static bool is_more(unsigned char c)
{
    return (c & 0xc0) == 0x80;
}

// Length of the well-formed sequence (RFC 3629) of two bytes or more at `p`, 0 when it is none.
static size_t sequence(const unsigned char *p, size_t left)
{
    unsigned char first = p[0];
    size_t len = first >= 0xc2 && first <= 0xdf   ? 2
                 : first >= 0xe0 && first <= 0xef ? 3
                 : first >= 0xf0 && first <= 0xf4 ? 4
                                                  : 0;
    if (len == 0 || left < len || !is_more(p[1])) {
        return 0;
    }
    if ((first == 0xe0 && p[1] < 0xa0) || (first == 0xed && p[1] > 0x9f) ||
        (first == 0xf0 && p[1] < 0x90) || (first == 0xf4 && p[1] > 0x8f)) {
        return 0;
    }
    for (size_t i = 2; i < len; i++) {
        if (!is_more(p[i])) {
            return 0;
        }
    }
    return len;
}

// One character that cannot stand for itself, at `p`; returns how many bytes it was.
static size_t put_special(struct api_out *out, const unsigned char *p, size_t left)
{
    static const char hex[] = "0123456789abcdef";
    size_t len = 1;
    if (*p == '"' || *p == '\\') {
        char pair[2] = { '\\', (char)*p };
        put(out, pair, sizeof pair);
    } else if (*p == '\n') {
        put(out, "\\n", 2);
    } else if (*p < 0x20 || *p == 0x7f) {
        char code[6] = { '\\', 'u', '0', '0', hex[*p >> 4], hex[*p & 15] };
        put(out, code, sizeof code);
    } else {
        len = sequence(p, left);
        put(out, len > 0 ? (const char *)p : "\xef\xbf\xbd", len > 0 ? len : 3);
        len = len > 0 ? len : 1;
    }
    return len;
}

static bool is_plain(unsigned char c)
{
    return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

void api_out_text(struct api_out *out, struct str text)
{
    const unsigned char *at = (const unsigned char *)(text.len > 0 ? text.ptr : "");
    const unsigned char *end = at + text.len;
    begin_value(out);
    put_char(out, '"');
    while (at < end && out->status == TIDINGS_OK) {
        const unsigned char *run = at;
        while (run < end && is_plain(*run)) {
            run++;
        }
        put(out, (const char *)at, (size_t)(run - at));
        at = run;
        if (at < end) {
            at += put_special(out, at, (size_t)(end - at));
        }
    }
    put_char(out, '"');
}

void api_out_key_text(struct api_out *out, struct str key)
{
    api_out_text(out, key);
    put_char(out, ':');
    out->comma = false;
}

// ---- other values ----
void api_out_number(struct api_out *out, int64_t number)
{
    char digits[21];
    begin_value(out);
    put(out, digits, num_format_i64(digits, number));
}

void api_out_bool(struct api_out *out, bool value)
{
    begin_value(out);
    put(out, value ? "true" : "false", value ? 4 : 5);
}

void api_out_json(struct api_out *out, struct str json)
{
    begin_value(out);
    put(out, json.ptr, json.len);
}

// ---- members ----
void api_out_member(struct api_out *out, const char *key, struct str text)
{
    api_out_key(out, key);
    api_out_text(out, text);
}

void api_out_member_c(struct api_out *out, const char *key, const char *text)
{
    api_out_member(out, key, str_of(text));
}

void api_out_member_if(struct api_out *out, const char *key, struct str text)
{
    if (text.len > 0) {
        api_out_member(out, key, text);
    }
}

void api_out_member_number(struct api_out *out, const char *key, int64_t number)
{
    api_out_key(out, key);
    api_out_number(out, number);
}

void api_out_member_number_if(struct api_out *out, const char *key, int64_t number)
{
    if (number != 0) {
        api_out_member_number(out, key, number);
    }
}

void api_out_member_bool(struct api_out *out, const char *key, bool value)
{
    api_out_key(out, key);
    api_out_bool(out, value);
}

void api_out_member_hex(struct api_out *out, const char *key, const unsigned char *bytes,
                        size_t len)
{
    static const char digits[] = "0123456789abcdef";
    api_out_key(out, key);
    begin_value(out);
    put_char(out, '"');
    for (size_t i = 0; i < len; i++) {
        char pair[2] = { digits[bytes[i] >> 4], digits[bytes[i] & 15] };
        put(out, pair, sizeof pair);
    }
    put_char(out, '"');
}
