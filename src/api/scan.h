// SPDX-License-Identifier: Apache-2.0
// A strict scanner for JSON text (RFC 8259) that makes no tree: it passes over values and tells
// which bytes of the text they are, so that a payload can be sent on exactly as it stands. What it
// passes over may hold anything that JSON can: numbers of any size, \u0000, any key twice. The text
// must have been checked to be UTF-8. Private to the room.
#ifndef API_SCAN_H
#define API_SCAN_H

#include "base/str.h"

enum { API_SCAN_DEPTH_MAX = 256 };

struct api_scan {
    const char *start;
    const char *at;
    const char *end;
    const char *problem; // of the first failure, NULL before it
};

struct api_scan api_scan_begin(struct str text);
// Place of the failure, in bytes from the start.
size_t api_scan_place(const struct api_scan *scan);

// The next character that is not white space, 0 at the end.
char api_scan_peek(struct api_scan *scan);
// Takes the character when it is the next one.
bool api_scan_take(struct api_scan *scan, char wanted);
// A string: what stands between its quotes, and whether there are escapes in it.
bool api_scan_string(struct api_scan *scan, struct str *ret_inside, bool *ret_escaped);
// Any value: its bytes, without the white space around it.
bool api_scan_value(struct api_scan *scan, struct str *ret_bytes);
// Nothing but white space follows.
bool api_scan_end(struct api_scan *scan);
// Key and colon of a member.
bool api_scan_key(struct api_scan *scan, struct str *ret_inside, bool *ret_escaped);
// In an array, after its '[': is there another item? `first` for the first. At the closing bracket
// it is taken and false is answered, as for a failure.
bool api_scan_item(struct api_scan *scan, bool first, char close);

// What the inside of a string means, into `out` (room for inside.len bytes); returns the length.
// A lone surrogate becomes U+FFFD. The inside must have come from api_scan_string.
size_t api_scan_unescape(struct str inside, char *out);

#endif
