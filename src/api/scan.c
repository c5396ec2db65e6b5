// SPDX-License-Identifier: Apache-2.0
#include "api/scan.h"

struct api_scan api_scan_begin(struct str text)
{
    const char *start = text.len > 0 ? text.ptr : "";
    return (struct api_scan){ .start = start, .at = start, .end = start + text.len };
}

size_t api_scan_place(const struct api_scan *scan)
{
    return (size_t)(scan->at - scan->start);
}

static bool fail(struct api_scan *scan, const char *problem)
{
    if (scan->problem == NULL) {
        scan->problem = problem;
    }
    return false;
}

char api_scan_peek(struct api_scan *scan)
{
    while (scan->at < scan->end &&
           (*scan->at == ' ' || *scan->at == '\n' || *scan->at == '\r' || *scan->at == '\t')) {
        scan->at++;
    }
    return scan->at < scan->end ? *scan->at : '\0';
}

bool api_scan_take(struct api_scan *scan, char wanted)
{
    if (api_scan_peek(scan) != wanted || scan->at == scan->end) {
        return false;
    }
    scan->at++;
    return true;
}

bool api_scan_end(struct api_scan *scan)
{
    (void)api_scan_peek(scan);
    return scan->at == scan->end || fail(scan, "nothing must follow the value");
}

// ---- strings ----
static bool is_special(char c)
{
    return (unsigned char)c < 0x20 || c == '"' || c == '\\';
}

// Marks (bit 7) of bytes that end a plain run; only the lowest mark is sure to be right.
static uint64_t special_marks(const char *p)
{
    const uint64_t ones = 0x0101010101010101u;
    uint64_t word;
    memcpy(&word, p, sizeof word);
    uint64_t quote = word ^ (ones * '"');
    uint64_t slash = word ^ (ones * '\\');
    uint64_t marks =
        ((word - ones * 0x20) & ~word) | ((quote - ones) & ~quote) | ((slash - ones) & ~slash);
    return marks & (ones * 0x80);
}

static const char *skip_plain(const char *at, const char *end)
{
    while (end - at >= 8) {
        uint64_t marks = special_marks(at);
        if (marks != 0) {
            return at + (__builtin_ctzll(marks) >> 3);
        }
        at += 8;
    }
    while (at < end && !is_special(*at)) {
        at++;
    }
    return at;
}

static int hex_value(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

// The four digits at `p`; -1 when they are none.
static int hex_four(const char *p)
{
    int value = 0;
    for (int i = 0; i < 4; i++) {
        int digit = hex_value(p[i]);
        if (digit < 0) {
            return -1;
        }
        value = value * 16 + digit;
    }
    return value;
}

static bool take_escape(struct api_scan *scan)
{
    if (scan->end - scan->at < 2) {
        return fail(scan, "string without end");
    }
    char c = scan->at[1];
    if (c == 'u') {
        if (scan->end - scan->at < 6 || hex_four(scan->at + 2) < 0) {
            return fail(scan, "\\u wants four hexadecimal digits");
        }
        scan->at += 6;
        return true;
    }
    if (c == '\0' || strchr("\"\\/bfnrt", c) == NULL) {
        return fail(scan, "unknown escape");
    }
    scan->at += 2;
    return true;
}

bool api_scan_string(struct api_scan *scan, struct str *ret_inside, bool *ret_escaped)
{
    if (!api_scan_take(scan, '"')) {
        return fail(scan, "a string must be here");
    }
    const char *begin = scan->at;
    *ret_escaped = false;
    for (;;) {
        scan->at = skip_plain(scan->at, scan->end);
        if (scan->at == scan->end) {
            return fail(scan, "string without end");
        }
        if (*scan->at == '"') {
            *ret_inside = str_make(begin, (size_t)(scan->at - begin));
            scan->at++;
            return true;
        }
        if (*scan->at != '\\') {
            return fail(scan, "control character in a string");
        }
        *ret_escaped = true;
        if (!take_escape(scan)) {
            return false;
        }
    }
}

static char *put_utf8(char *out, unsigned code)
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

// From \uXXXX at *at; moves *at behind it, and behind a partner.
static unsigned read_unicode(const char **at, const char *end)
{
    unsigned code = (unsigned)hex_four(*at + 2);
    *at += 6;
    if (code < 0xd800 || code > 0xdfff) {
        return code;
    }
    if (code < 0xdc00 && end - *at >= 6 && (*at)[0] == '\\' && (*at)[1] == 'u') {
        unsigned low = (unsigned)hex_four(*at + 2);
        if (low >= 0xdc00 && low <= 0xdfff) {
            *at += 6;
            return 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
        }
    }
    return 0xfffd;
}

static char plain_escape(char c)
{
    switch (c) {
    case 'b': return '\b';
    case 'f': return '\f';
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    default: return c;
    }
}

size_t api_scan_unescape(struct str inside, char *out)
{
    const char *at = inside.ptr;
    const char *end = inside.ptr + inside.len;
    char *begin = out;
    while (at < end) {
        if (*at != '\\') {
            *out++ = *at++;
        } else if (at[1] == 'u') {
            out = put_utf8(out, read_unicode(&at, end));
        } else {
            *out++ = plain_escape(at[1]);
            at += 2;
        }
    }
    return (size_t)(out - begin);
}

// ---- other values ----
static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool take_digits(struct api_scan *scan)
{
    const char *begin = scan->at;
    while (scan->at < scan->end && is_digit(*scan->at)) {
        scan->at++;
    }
    return scan->at > begin || fail(scan, "a digit must be here");
}

static bool take_number(struct api_scan *scan)
{
    scan->at += *scan->at == '-';
    if (scan->at < scan->end && *scan->at == '0') {
        scan->at++;
    } else if (!take_digits(scan)) {
        return false;
    }
    if (scan->at < scan->end && *scan->at == '.') {
        scan->at++;
        if (!take_digits(scan)) {
            return false;
        }
    }
    if (scan->at < scan->end && (*scan->at == 'e' || *scan->at == 'E')) {
        scan->at++;
        scan->at += scan->at < scan->end && (*scan->at == '-' || *scan->at == '+');
        return take_digits(scan);
    }
    return true;
}

static bool take_literal(struct api_scan *scan)
{
    static const struct str literals[] = { { "null", 4 }, { "true", 4 }, { "false", 5 } };
    struct str rest = str_make(scan->at, (size_t)(scan->end - scan->at));
    for (size_t i = 0; i < BASE_COUNT(literals); i++) {
        if (str_starts(rest, literals[i])) {
            scan->at += literals[i].len;
            return true;
        }
    }
    return fail(scan, "a value must be here");
}

static bool take_scalar(struct api_scan *scan, char first)
{
    struct str inside;
    bool escaped;
    if (first == '"') {
        return api_scan_string(scan, &inside, &escaped);
    }
    return first == '-' || is_digit(first) ? take_number(scan) : take_literal(scan);
}

bool api_scan_key(struct api_scan *scan, struct str *ret_inside, bool *ret_escaped)
{
    return api_scan_string(scan, ret_inside, ret_escaped) &&
           (api_scan_take(scan, ':') || fail(scan, "a ':' must be here"));
}

bool api_scan_item(struct api_scan *scan, bool first, char close)
{
    if (api_scan_take(scan, close)) {
        return false;
    }
    if (!first && !api_scan_take(scan, ',')) {
        return fail(scan, "a ',' or the closing bracket must be here");
    }
    return true;
}

// Groups that are open are bits of a stack: 1 for an object.
struct open_groups {
    uint64_t bits[API_SCAN_DEPTH_MAX / 64];
    size_t depth;
};

static bool open_group(struct api_scan *scan, struct open_groups *open, bool is_object)
{
    if (open->depth == API_SCAN_DEPTH_MAX) {
        return fail(scan, "nested too deep");
    }
    uint64_t bit = 1ULL << (open->depth % 64);
    uint64_t *word = &open->bits[open->depth / 64];
    *word = is_object ? *word | bit : *word & ~bit;
    open->depth++;
    return true;
}

static bool in_object(const struct open_groups *open)
{
    size_t top = open->depth - 1;
    return (open->bits[top / 64] >> (top % 64) & 1) != 0;
}

// Up to the next value that begins, or the end of all groups (*ret_done). `fresh`: the innermost
// group was opened just now.
static bool go_on(struct api_scan *scan, struct open_groups *open, bool fresh, bool *ret_done)
{
    struct str inside;
    bool escaped;
    while (open->depth > 0) {
        bool is_object = in_object(open);
        if (api_scan_item(scan, fresh, is_object ? '}' : ']')) {
            *ret_done = false;
            return !is_object || api_scan_key(scan, &inside, &escaped);
        }
        if (scan->problem != NULL) {
            return false;
        }
        open->depth--;
        fresh = false;
    }
    *ret_done = true;
    return true;
}

bool api_scan_value(struct api_scan *scan, struct str *ret_bytes)
{
    struct open_groups open = { .depth = 0 };
    bool done = false;
    char first = api_scan_peek(scan);
    const char *begin = scan->at;
    while (!done) {
        bool is_group = first == '{' || first == '[';
        if (is_group) {
            scan->at++;
        }
        if (is_group ? !open_group(scan, &open, first == '{') : !take_scalar(scan, first)) {
            return false;
        }
        if (!go_on(scan, &open, is_group, &done)) {
            return false;
        }
        first = done ? '\0' : api_scan_peek(scan);
    }
    *ret_bytes = str_make(begin, (size_t)(scan->at - begin));
    return true;
}
