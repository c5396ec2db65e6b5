// SPDX-License-Identifier: Apache-2.0
// The pieces of the header codec that see each other. Private to the room.
#ifndef WIRE_HEADER_H
#define WIRE_HEADER_H

#include "wire/wire.h"

// Puts a decoded field into the header; a key that came before is replaced. `seen` is a filter over
// the keys put so far (start with 0), so that the search for an earlier one is seldom needed. A
// null value (ptr NULL) makes the field absent. False when the header is full.
bool wire_header_put(struct wire_header *header, uint64_t *seen, struct str key, struct str value);

// Code, flags and so on as a request without fields has them.
void wire_header_clear(struct wire_header *header, enum wire_serialize serialize);

// Number of a language's name (WIRE_LANGUAGE_OTHER when unknown), and back.
int32_t wire_language_number(struct str name);
struct str wire_language_name(int32_t number);
bool wire_language_is_known(int32_t number);

tidings_status wire_header_decode_json(struct str text, struct buf *scratch,
                                       struct wire_header *ret,
                                       struct tidings_error *err) TIDINGS_NODISCARD;
tidings_status wire_header_decode_binary(struct str bytes, struct wire_header *ret,
                                         struct tidings_error *err) TIDINGS_NODISCARD;

#endif
