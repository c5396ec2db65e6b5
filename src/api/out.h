// SPDX-License-Identifier: Apache-2.0
// JSON, written straight into a buffer: commas by themselves, a sticky status, and always UTF-8 (of
// receivers' replies any bytes may come; what is no UTF-8 becomes U+FFFD). Private to the room.
#ifndef API_OUT_H
#define API_OUT_H

#include "base/error.h"
#include "base/str.h"

struct api_out {
    struct buf *buf;
    tidings_status status; // of the first failure; nothing is written after it
    bool comma;            // before what comes next
};

static inline struct api_out api_out_begin(struct buf *buf)
{
    return (struct api_out){ .buf = buf, .status = TIDINGS_OK };
}
void api_out_open(struct api_out *out, char bracket);
void api_out_close(struct api_out *out, char bracket);
void api_out_key(struct api_out *out, const char *key); // plain ASCII
void api_out_key_text(struct api_out *out, struct str key);
void api_out_text(struct api_out *out, struct str text);
void api_out_number(struct api_out *out, int64_t number);
void api_out_bool(struct api_out *out, bool value);
void api_out_json(struct api_out *out, struct str json); // as it is

// Members; those of `_if` are left out when there is nothing to say (empty text, 0).
void api_out_member(struct api_out *out, const char *key, struct str text);
void api_out_member_c(struct api_out *out, const char *key, const char *text);
void api_out_member_if(struct api_out *out, const char *key, struct str text);
void api_out_member_number(struct api_out *out, const char *key, int64_t number);
void api_out_member_number_if(struct api_out *out, const char *key, int64_t number);
void api_out_member_bool(struct api_out *out, const char *key, bool value);
void api_out_member_hex(struct api_out *out, const char *key, const unsigned char *bytes,
                        size_t len);

#endif
