// SPDX-License-Identifier: Apache-2.0
// Members of a JSON document, checked as they are read. Paths ("ack.json.pointer") name them in
// errors. Private to the room.
#ifndef RECEIVER_MEMBER_H
#define RECEIVER_MEMBER_H

#include <jansson.h>

#include "base/error.h"
#include "base/str.h"

enum {
    MEMBER_EXCERPT_SIZE = 64, // array for a piece of a text that goes into another
};

// A piece of `text` that can be shown to people: control characters and what is no UTF-8 replaced.
void member_excerpt(struct str text, char ret[MEMBER_EXCERPT_SIZE]);
// Cuts a NUL-ended text back to whole characters.
void member_whole_characters(char *text);

static inline struct str member_str(const json_t *text)
{
    return str_make(json_string_value(text), json_string_length(text));
}
// NULL when it is not there, or null.
static inline json_t *member_get(const json_t *object, const char *name)
{
    json_t *value = json_object_get(object, name);
    return json_is_null(value) ? NULL : value;
}

// An object with none but these members; an error lists them. `path` "" for the document.
tidings_status member_object(const json_t *value, const char *path, const char *const *names,
                             size_t count, struct tidings_error *err) TIDINGS_NODISCARD;
// A text of `least` to `most` bytes. *ret belongs to the tree and ends with a NUL.
tidings_status member_text(const json_t *value, const char *path, size_t least, size_t most,
                           struct str *ret, struct tidings_error *err) TIDINGS_NODISCARD;
tidings_status member_number(const json_t *value, const char *path, int64_t least, int64_t most,
                             int64_t *ret, struct tidings_error *err) TIDINGS_NODISCARD;
tidings_status member_flag(const json_t *value, const char *path, bool *ret,
                           struct tidings_error *err) TIDINGS_NODISCARD;

// Characters a header field's name may have (RFC 9110, 5.6.2), and a value (no control characters,
// no white space at its ends).
bool member_is_token(struct str text);
bool member_is_field_value(struct str text);

#endif
