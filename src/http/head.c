// SPDX-License-Identifier: Apache-2.0
// What libcurl forgives in a reply's head, and one who takes a 200 for an answer must not: a head
// that is cut off, a status line without a version, a length that is no number.
#include "http/call.h"

enum { LENGTH_DIGITS_MAX = 18 }; // what fits into 64 bits in any case

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

// HTTP/1.1 200 …, HTTP/2 200 (RFC 9112, section 4; libcurl writes those of HTTP/2).
static bool is_status_line(struct str line)
{
    size_t at = 5;
    if (line.len < 10 || !is_digit(line.ptr[at++])) {
        return false;
    }
    if (line.ptr[at] == '.') {
        at += 2;
    }
    return line.len >= at + 4 && line.ptr[at] == ' ' && is_digit(line.ptr[at - 1]) &&
           is_digit(line.ptr[at + 1]) && is_digit(line.ptr[at + 2]) && is_digit(line.ptr[at + 3]);
}

static bool is_length(struct str value)
{
    value = str_trim(value);
    for (size_t i = 0; i < value.len; i++) {
        if (!is_digit(value.ptr[i])) {
            return false;
        }
    }
    return value.len > 0 && value.len <= LENGTH_DIGITS_MAX;
}

static bool begins(struct str line, struct str lower)
{
    if (line.len < lower.len) {
        return false;
    }
    for (size_t i = 0; i < lower.len; i++) {
        char c = line.ptr[i];
        c = c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
        if (c != lower.ptr[i]) {
            return false;
        }
    }
    return true;
}

bool head_field(struct str line, struct str lower, struct str *ret_value)
{
    if (!begins(line, lower)) {
        return false;
    }
    *ret_value = str_trim(str_make(line.ptr + lower.len, line.len - lower.len));
    return true;
}

void head_line(struct str line, bool *broken, bool *ended)
{
    static const struct str length = { "content-length:", 15 };
    if (begins(line, STR("http/"))) { // of an interim reply, or of the one that counts
        *ended = false;
        *broken = *broken || !is_status_line(line);
    } else if (begins(line, length)) {
        *broken = *broken || !is_length(str_make(line.ptr + length.len, line.len - length.len));
    } else if (str_eq_c(line, "\r\n") || str_eq_c(line, "\n")) {
        *ended = true;
    }
}
