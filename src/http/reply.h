// SPDX-License-Identifier: Apache-2.0
// Reads a reply of HTTP/1.0 or 1.1 (RFC 9112) piece by piece, as it comes. Strict where a mistake
// could make one reply two, or half a reply a whole one. No input and output, no clock. Private to
// the room.
#ifndef HTTP_REPLY_H
#define HTTP_REPLY_H

#include "base/str.h"

enum {
    REPLY_INTERIM_MAX = 16, // replies 1xx before the one that counts
};

enum reply_state {
    REPLY_STATUS_LINE,
    REPLY_FIELDS,
    REPLY_BODY,     // of `left` bytes
    REPLY_BODY_END, // until the connection ends
    REPLY_CHUNK,    // the line with its size
    REPLY_CHUNK_BODY,
    REPLY_CHUNK_END, // the end of line behind it
    REPLY_TRAILERS,
    REPLY_WHOLE,
    REPLY_WRONG,
};

struct reply {
    enum reply_state state;
    bool is_of_head; // of a request HEAD: no body follows, whatever is said
    // ---- what is known of it ----
    int status;             // of the last status line, 0 = none came
    int http_version;       // 10, 11
    bool keeps;             // the connection may be used again afterwards
    bool truncated;         // the body is longer than there was room for
    struct str retry_after; // within `retry_text`
    char retry_text[64];
    const char *wrong; // what, when REPLY_WRONG
    // ---- inside ----
    struct buf line;     // the beginning of a line whose end has not come
    size_t header_bytes; // of heads, chunk extensions and trailers
    int64_t length;      // of Content-Length, -1 = not given
    int64_t left;
    unsigned interim;
    bool is_chunked;
    bool has_encoding; // Transfer-Encoding was given
    bool is_framing;   // the last field says where the body ends: it must not be folded
    bool says_close;
    bool says_keep;
};

void reply_init(struct reply *reply); // once
void reply_deinit(struct reply *reply);
void reply_begin(struct reply *reply, bool is_of_head); // for each reply
enum reply_verdict {
    REPLY_GOES_ON,
    REPLY_IS_WHOLE, // or truncated: the rest of it is not to be read
    REPLY_IS_WRONG, // `wrong` says what
    REPLY_NO_MEMORY,
};
// Takes bytes, appends those of the body to `body` up to its maximum. *ret_used: how many belong to
// this reply.
enum reply_verdict reply_feed(struct reply *reply, struct str bytes, struct buf *body,
                              size_t *ret_used) TIDINGS_NODISCARD;
// The connection ended: is the reply whole with that?
bool reply_ends(struct reply *reply);

#endif
