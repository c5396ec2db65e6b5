// SPDX-License-Identifier: Apache-2.0
// A strict scanner for JSON text that is read in one pass, without a tree. The grammar is that of
// RFC 8259, but for the encoding: bytes over 0x7f are passed through unchecked, and \u escapes of
// lone surrogates become U+FFFD. All functions return false on the first error, which the scanner
// keeps. Private to the room.
#ifndef WIRE_SCANNER_H
#define WIRE_SCANNER_H

#include "base/error.h"
#include "base/str.h"
#include "wire/text.h"

enum { SCAN_DEPTH_MAX = 16 };

struct wire_scanner {
    const char *start;
    const char *at;
    const char *end;
    struct buf *scratch; // takes strings that had escapes
    char *write;         // where the next of them goes; NULL until the first one
    const char *problem; // of the first failure
    tidings_status status;
};

struct wire_scanner wire_scan_begin(struct str text, struct buf *scratch);
bool wire_scan_fail(struct wire_scanner *s, const char *problem);   // always false
bool wire_scan_any_string(struct wire_scanner *s, struct str *ret); // wire_scan_string's long way
// String, number or boolean as its text; null as ptr NULL.
bool wire_scan_scalar(struct wire_scanner *s, struct str *ret);
// Passes over a value of any shape, which is at level `depth` (SCAN_DEPTH_MAX at most).
bool wire_scan_skip(struct wire_scanner *s, int depth);

// The next character that is not white space, 0 at the end (0 itself is never right in JSON).
static inline char scan_peek(struct wire_scanner *s)
{
    while (s->at < s->end &&
           (*s->at == ' ' || *s->at == '\n' || *s->at == '\r' || *s->at == '\t')) {
        s->at++;
    }
    return s->at < s->end ? *s->at : '\0';
}

static inline bool scan_take(struct wire_scanner *s, char wanted)
{
    if (scan_peek(s) != wanted) {
        return false;
    }
    s->at++;
    return true;
}

// Nearly all are short, plain and without white space before them.
static inline bool wire_scan_string(struct wire_scanner *s, struct str *ret)
{
    if (BASE_LIKELY(s->end - s->at > TEXT_STEP && *s->at == '"')) {
        const char *begin = s->at + 1;
        size_t plain = text_plain(begin);
        if (BASE_LIKELY(plain < TEXT_STEP && begin[plain] == '"')) {
            *ret = str_make(begin, plain);
            s->at = begin + plain + 1;
            return true;
        }
    }
    return wire_scan_any_string(s, ret);
}

// Key and colon of a member.
static inline bool scan_key(struct wire_scanner *s, struct str *ret)
{
    return wire_scan_string(s, ret) &&
           (scan_take(s, ':') || wire_scan_fail(s, "a ':' must be here"));
}

#endif
