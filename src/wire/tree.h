// SPDX-License-Identifier: Apache-2.0
// JSON text into a tree of jansson's values. jansson's own parser is not used for what peers send:
// its lexer writes beyond a buffer that could not grow (docs/decisions/0015).
#ifndef WIRE_TREE_H
#define WIRE_TREE_H

#include <jansson.h>

#include "base/error.h"
#include "base/str.h"

enum { WIRE_TREE_DEPTH_MAX = 32, WIRE_TREE_VALUES_MAX = 262144 };

// One value, by RFC 8259, and nothing behind it; of members with one name the last counts. The
// caller owns *ret (json_decref). E_PROTOCOL with the place and what is wrong: also text that is
// not UTF-8, or has \u0000 in it, and whole numbers beyond 64 bits. E_TOO_LARGE beyond the limits
// above. E_NO_MEMORY.
tidings_status wire_tree_parse(struct str text, json_t **ret,
                               struct tidings_error *err) TIDINGS_NODISCARD;

// The value that a JSON pointer names (RFC 6901; "" is the whole); NULL when there is none, or the
// pointer is malformed. It stays the tree's.
const json_t *wire_tree_at(const json_t *root, struct str pointer);

#endif
