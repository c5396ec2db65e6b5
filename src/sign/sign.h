// SPDX-License-Identifier: Apache-2.0
// Signatures of requests as RocketMQ's ACL has them: a client makes them, a server with accounts
// compares them.
#ifndef SIGN_SIGN_H
#define SIGN_SIGN_H

#include "base/error.h"
#include "base/str.h"

enum {
    SIGN_FIELDS_MAX = 128, // header fields of a request
    SIGN_TEXT_SIZE = 29,   // base64 of 20 bytes, and NUL
};

// A field of the request's header (extFields): the decoded strings, as the sender signed them.
struct sign_field {
    struct str name;
    struct str value;
};

// ---- signing ----
// The signature of a request is base64(HMAC-SHA1(secret, content)), and goes into the field
// `Signature`. The content is the values of the header's fields in the order of their names (as
// Java orders strings, by UTF-16 units), `Signature` left out, with nothing between them, and then
// the body. The field `AccessKey` must already be among the fields, and `SecurityToken` if there is
// one. Only the body's bytes as sent count: compressed, when it is compressed.
//
// There are two forms of it. Java clients up to 4.9.3 sign what their header classes declare and
// add `_UNIQUE_KEY_QUERY` (in QUERY_MESSAGE, code 12) afterwards, unsigned, and servers of 4.x
// leave it out too; newer clients sign it, and servers of 5.3 expect that. acl_check takes both.
enum sign_form {
    SIGN_FORM_WHOLE,     // all fields
    SIGN_FORM_NO_UNIQUE, // without _UNIQUE_KEY_QUERY
};

// A secret made ready for signing. Immutable: usable from several threads at once.
struct sign_key;
// E_NO_MEMORY, or E_INTERNAL when the crypto library lacks HMAC-SHA1. The secret is not kept as
// text. Any length is taken here; a file's secrets have 6 to 255 bytes.
tidings_status sign_key_new(struct str secret, struct sign_key **ret,
                            struct tidings_error *err) TIDINGS_NODISCARD;
void sign_key_free(struct sign_key *signer); // NULL allowed
// Writes the value of `Signature`, NUL at its end. Fields may come in any order; one named
// `Signature` is passed over. E_INVALID when a name comes twice, E_TOO_LARGE beyond
// SIGN_FIELDS_MAX.
tidings_status sign_request(const struct sign_key *signer, enum sign_form form,
                            const struct sign_field *fields, size_t count, struct str body,
                            char ret_signature[SIGN_TEXT_SIZE]) TIDINGS_NODISCARD;

#endif
