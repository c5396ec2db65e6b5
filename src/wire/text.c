// SPDX-License-Identifier: Apache-2.0
#include "wire/text.h"

// The letter of the two-character escape, or 0 when only \u00XX will do.
static char short_escape(char c)
{
    switch (c) {
    case '"': return '"';
    case '\\': return '\\';
    case '\b': return 'b';
    case '\f': return 'f';
    case '\n': return 'n';
    case '\r': return 'r';
    case '\t': return 't';
    default: return 0;
    }
}

size_t wire_text_quoted_size(struct str text)
{
    const char *at = text.len > 0 ? text.ptr : "";
    const char *end = at + text.len;
    size_t extra = 0;
    while (at < end) {
        if (end - at >= 8) {
            uint64_t marks = text_special(text_load(at));
            if (marks == 0) {
                at += 8;
                continue;
            }
            at += __builtin_ctzll(marks) >> 3;
        } else if (!text_is_special(*at)) {
            at++;
            continue;
        }
        extra += short_escape(*at) != 0 ? 1 : 5;
        at++;
    }
    return text.len + extra + 2;
}

static char *write_escape(char *out, char c)
{
    static const char hex[] = "0123456789abcdef";
    char letter = short_escape(c);
    *out++ = '\\';
    if (letter != 0) {
        *out++ = letter;
        return out;
    }
    memcpy(out, "u00", 3);
    out[3] = hex[(unsigned char)c >> 4];
    out[4] = hex[c & 15];
    return out + 5;
}

// Copies a text of less than eight bytes: two words of four that may overlap, or single bytes.
// Where it has none the word to look at is plain.
static bool copy_few(char *out, const char *p, size_t len)
{
    uint64_t word = 0x6161616161616161u;
    if (len >= 4) {
        uint32_t first;
        uint32_t last;
        memcpy(&first, p, sizeof first);
        memcpy(&last, p + len - 4, sizeof last);
        memcpy(out, &first, sizeof first);
        memcpy(out + len - 4, &last, sizeof last);
        word = first | (uint64_t)last << 32;
    } else if (len > 0) {
        out[0] = p[0];
        out[len / 2] = p[len / 2];
        out[len - 1] = p[len - 1];
        word = (word & ~(uint64_t)0xffffff) | (unsigned char)p[0] |
               (uint64_t)(unsigned char)p[len / 2] << 8 | (uint64_t)(unsigned char)p[len - 1] << 16;
    }
    return text_special(word) == 0;
}

// Copies a text up to its end, or fails at the first byte that needs an escape.
static bool copy_plain(char *out, const char *p, size_t len)
{
    if (len < 8) {
        return copy_few(out, p, len);
    }
    uint64_t word;
    for (size_t at = 0; len - at > 8; at += 8) {
        word = text_load(p + at);
        if (text_special(word) != 0) {
            return false;
        }
        memcpy(out + at, &word, sizeof word);
    }
    word = text_load(p + len - 8); // the last eight, some of which may be copied already
    memcpy(out + len - 8, &word, sizeof word);
    return text_special(word) == 0;
}

static char *quote_escaping(char *out, const char *at, const char *end)
{
    while (at < end) {
        if (end - at >= 8) {
            // The eight bytes still to come need at least eight in `out`, so a whole word may be
            // stored.
            uint64_t word = text_load(at);
            uint64_t marks = text_special(word);
            size_t plain = marks == 0 ? 8 : (size_t)__builtin_ctzll(marks) >> 3;
            memcpy(out, &word, sizeof word);
            out += plain;
            at += plain;
            if (marks == 0) {
                continue;
            }
        } else if (!text_is_special(*at)) {
            *out++ = *at++;
            continue;
        }
        out = write_escape(out, *at++);
    }
    return out;
}

char *wire_text_quote(char *out, struct str text)
{
    *out++ = '"';
    if (BASE_LIKELY(copy_plain(out, text.ptr, text.len))) {
        out += text.len;
    } else {
        out = quote_escaping(out, text.ptr, text.ptr + text.len);
    }
    *out++ = '"';
    return out;
}

void wire_text_put(struct wire_text *text, struct str plain)
{
    if (text->status == TIDINGS_OK) {
        text->status = buf_add_str(text->out, plain);
    }
}

void wire_text_string(struct wire_text *text, struct str value)
{
    char *room = NULL;
    size_t size = wire_text_quoted_size(value);
    if (text->status == TIDINGS_OK) {
        text->status = buf_reserve(text->out, size, &room);
    }
    if (text->status == TIDINGS_OK) {
        (void)wire_text_quote(room, value);
        text->out->len += size;
    }
}

void wire_text_number(struct wire_text *text, int64_t value)
{
    char digits[21];
    wire_text_put(text, str_make(digits, num_format_i64(digits, value)));
}

void wire_text_comma(struct wire_text *text, size_t index)
{
    if (index > 0) {
        wire_text_put(text, STR(","));
    }
}

tidings_status wire_text_end(struct wire_text *text)
{
    if (text->status != TIDINGS_OK) {
        text->out->len = text->before;
    }
    return text->status;
}
