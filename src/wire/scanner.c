// SPDX-License-Identifier: Apache-2.0
#include "wire/scanner.h"

#include "wire/text.h"

struct wire_scanner wire_scan_begin(struct str text, struct buf *scratch)
{
    return (struct wire_scanner){ .start = text.ptr,
                                  .at = text.ptr,
                                  .end = text.ptr + text.len,
                                  .scratch = scratch,
                                  .status = TIDINGS_OK };
}

bool wire_scan_fail(struct wire_scanner *s, const char *problem)
{
    if (s->status == TIDINGS_OK) {
        s->status = TIDINGS_E_PROTOCOL;
        s->problem = problem;
    }
    return false;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

// ---- strings ----
// -1 for what is no digit, so that the sign of four of them put together tells.
static int hex_digit(char c)
{
    static const signed char values[256] = {
        ['0'] = 1,  ['1'] = 2,  ['2'] = 3,  ['3'] = 4,  ['4'] = 5,  ['5'] = 6,
        ['6'] = 7,  ['7'] = 8,  ['8'] = 9,  ['9'] = 10, ['a'] = 11, ['b'] = 12,
        ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16, ['A'] = 11, ['B'] = 12,
        ['C'] = 13, ['D'] = 14, ['E'] = 15, ['F'] = 16,
    };
    return values[(unsigned char)c] - 1;
}

// The four digits behind \u.
static bool take_hex(struct wire_scanner *s, uint32_t *ret)
{
    if (s->end - s->at < 4) {
        return wire_scan_fail(s, "escape is cut off");
    }
    int value = hex_digit(s->at[0]) * 4096 | hex_digit(s->at[1]) * 256 | hex_digit(s->at[2]) * 16 |
                hex_digit(s->at[3]);
    if (value < 0) {
        return wire_scan_fail(s, "\\u wants four hexadecimal digits");
    }
    s->at += 4;
    *ret = (uint32_t)value;
    return true;
}

static char *put_utf8(char *out, uint32_t code)
{
    if (code < 0x80) {
        *out++ = (char)code;
    } else if (code < 0x800) {
        *out++ = (char)(0xc0 | code >> 6);
        *out++ = (char)(0x80 | (code & 0x3f));
    } else if (code < 0x10000) {
        *out++ = (char)(0xe0 | code >> 12);
        *out++ = (char)(0x80 | (code >> 6 & 0x3f));
        *out++ = (char)(0x80 | (code & 0x3f));
    } else {
        *out++ = (char)(0xf0 | code >> 18);
        *out++ = (char)(0x80 | (code >> 12 & 0x3f));
        *out++ = (char)(0x80 | (code >> 6 & 0x3f));
        *out++ = (char)(0x80 | (code & 0x3f));
    }
    return out;
}

// After \u: at most four bytes for twelve of input, three for six.
static char *take_unicode(struct wire_scanner *s, char *out)
{
    uint32_t code;
    uint32_t low;
    if (!take_hex(s, &code)) {
        return NULL;
    }
    if (code < 0xd800 || code > 0xdfff) {
        return put_utf8(out, code);
    }
    if (code < 0xdc00 && s->end - s->at >= 6 && s->at[0] == '\\' && s->at[1] == 'u') {
        s->at += 2;
        if (!take_hex(s, &low)) {
            return NULL;
        }
        if (low >= 0xdc00 && low <= 0xdfff) {
            return put_utf8(out, 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00));
        }
        s->at -= 6; // not its partner: read on its own next
    }
    return put_utf8(out, 0xfffd);
}

static char *take_escape(struct wire_scanner *s, char *out)
{
    if (s->at == s->end) {
        wire_scan_fail(s, "string without end");
        return NULL;
    }
    char c = *s->at++;
    switch (c) {
    case '"':
    case '\\':
    case '/': break;
    case 'b': c = '\b'; break;
    case 'f': c = '\f'; break;
    case 'n': c = '\n'; break;
    case 'r': c = '\r'; break;
    case 't': c = '\t'; break;
    case 'u': return take_unicode(s, out);
    default:
        s->at--;
        wire_scan_fail(s, "unknown escape");
        return NULL;
    }
    *out = c;
    return out + 1;
}

// Copies up to the next special character or the end.
static char *copy_plain(struct wire_scanner *s, char *out)
{
    const char *at = s->at;
    while (s->end - at >= TEXT_STEP) {
        // Output never gets ahead of input, so where so many bytes can be read they can be written.
        size_t plain = text_plain(at);
        memcpy(out, at, TEXT_STEP);
        at += plain;
        out += plain;
        if (plain < TEXT_STEP) {
            s->at = at;
            return out;
        }
    }
    while (at < s->end && !text_is_special(*at)) {
        *out++ = *at++;
    }
    s->at = at;
    return out;
}

// Unescaped text is never longer than its source, so one reservation of the header's size serves
// them all and the views never move.
static bool open_scratch(struct wire_scanner *s)
{
    if (s->write != NULL) {
        return true;
    }
    tidings_status status = buf_reserve(s->scratch, (size_t)(s->end - s->start), &s->write);
    if (status != TIDINGS_OK) {
        s->status = status;
        s->problem = "no room to unescape a string";
        return false;
    }
    return true;
}

// From the first character of a string that is not plain, at `stop`.
static bool take_escaped(struct wire_scanner *s, const char *begin, const char *stop,
                         struct str *ret)
{
    if (!open_scratch(s)) {
        return false;
    }
    char *first = s->write;
    char *out = first + (stop - begin);
    memcpy(first, begin, (size_t)(stop - begin));
    s->at = stop;
    for (;;) {
        if (s->at == s->end) {
            return wire_scan_fail(s, "string without end");
        }
        if (*s->at == '"') {
            break;
        }
        if (*s->at != '\\') {
            return wire_scan_fail(s, "control character in a string");
        }
        s->at++;
        out = take_escape(s, out);
        if (out == NULL) {
            return false;
        }
        out = copy_plain(s, out);
    }
    s->at++;
    s->write = out;
    s->scratch->len = (size_t)(out - s->scratch->ptr);
    *ret = str_make(first, (size_t)(out - first));
    return true;
}

static const char *find_special(const char *at, const char *end)
{
    while (end - at >= TEXT_STEP) {
        size_t plain = text_plain(at);
        at += plain;
        if (plain < TEXT_STEP) {
            return at;
        }
    }
    while (at < end && !text_is_special(*at)) {
        at++;
    }
    return at;
}

bool wire_scan_any_string(struct wire_scanner *s, struct str *ret)
{
    if (!scan_take(s, '"')) {
        return wire_scan_fail(s, "a string must be here");
    }
    const char *begin = s->at;
    const char *stop = find_special(begin, s->end);
    if (BASE_LIKELY(stop < s->end && *stop == '"')) {
        *ret = str_make(begin, (size_t)(stop - begin));
        s->at = stop + 1;
        return true;
    }
    return take_escaped(s, begin, stop, ret);
}

// ---- other values ----
static bool take_digits(struct wire_scanner *s)
{
    const char *begin = s->at;
    while (s->at < s->end && is_digit(*s->at)) {
        s->at++;
    }
    return s->at > begin || wire_scan_fail(s, "a digit must be here");
}

static bool take_number(struct wire_scanner *s, struct str *ret)
{
    const char *begin = s->at;
    s->at += *s->at == '-';
    if (s->at < s->end && *s->at == '0') {
        s->at++;
    } else if (!take_digits(s)) {
        return false;
    }
    if (s->at < s->end && *s->at == '.') {
        s->at++;
        if (!take_digits(s)) {
            return false;
        }
    }
    if (s->at < s->end && (*s->at | 0x20) == 'e') {
        s->at++;
        s->at += s->at < s->end && (*s->at == '-' || *s->at == '+');
        if (!take_digits(s)) {
            return false;
        }
    }
    *ret = str_make(begin, (size_t)(s->at - begin));
    return true;
}

static bool take_literal(struct wire_scanner *s, struct str *ret)
{
    static const struct str literals[] = { { "null", 4 }, { "true", 4 }, { "false", 5 } };
    struct str rest = str_make(s->at, (size_t)(s->end - s->at));
    for (size_t i = 0; i < BASE_COUNT(literals); i++) {
        if (str_starts(rest, literals[i])) {
            s->at += literals[i].len;
            *ret = i == 0 ? (struct str){ NULL, 0 } : literals[i];
            return true;
        }
    }
    return wire_scan_fail(s, "a value must be here");
}

// String, number, boolean as text, null as ptr NULL.
bool wire_scan_scalar(struct wire_scanner *s, struct str *ret)
{
    char c = scan_peek(s);
    if (c == '"') {
        return wire_scan_string(s, ret);
    }
    if (c == '-' || is_digit(c)) {
        return take_number(s, ret);
    }
    if (c == '{' || c == '[') {
        return wire_scan_fail(s, "an object or array cannot be here");
    }
    return take_literal(s, ret);
}

static bool skip_members(struct wire_scanner *s, char close, int depth)
{
    struct str key;
    s->at++;
    if (scan_take(s, close)) {
        return true;
    }
    do {
        if ((close == '}' && !scan_key(s, &key)) || !wire_scan_skip(s, depth)) {
            return false;
        }
    } while (scan_take(s, ','));
    return scan_take(s, close) || wire_scan_fail(s, "a ',' or the closing bracket must be here");
}

// Passes over a value of any shape.
bool wire_scan_skip(struct wire_scanner *s, int depth)
{
    struct str value;
    char c = scan_peek(s);
    if (c != '{' && c != '[') {
        return wire_scan_scalar(s, &value);
    }
    if (depth == SCAN_DEPTH_MAX) {
        return wire_scan_fail(s, "nested too deep");
    }
    return skip_members(s, c == '{' ? '}' : ']', depth + 1);
}
