// SPDX-License-Identifier: Apache-2.0
// Secrets at rest: AES-256-GCM (NIST SP 800-38D) under one key, each with a random nonce and bound
// to what it belongs to, so that a sealed text that is moved elsewhere does not open.
// Sealed text: "sealed:1:" + base64(nonce 12 bytes, ciphertext, tag 16 bytes).
#ifndef SIGN_SEAL_H
#define SIGN_SEAL_H

#include "base/error.h"
#include "base/str.h"

enum {
    SEAL_KEY_SIZE = 32,
    SEAL_PLAIN_MAX = 64 * 1024, // bytes of a secret
    SEAL_KEY_TEXT_SIZE = 45,    // array for base64 of a key, with its NUL
};

struct seal; // immutable: usable from several threads at once
// key: base64 (RFC 4648 section 4) of 32 bytes, or 64 hex digits; white space around it is passed
// over. E_INVALID never shows it.
tidings_status seal_new(struct str key, struct seal **ret,
                        struct tidings_error *err) TIDINGS_NODISCARD;
void seal_free(struct seal *seal); // wipes; NULL allowed
// Text of a new random key. The caller wipes it.
tidings_status seal_key_generate(char ret_text[SEAL_KEY_TEXT_SIZE],
                                 struct tidings_error *err) TIDINGS_NODISCARD;
// Appends the sealed text of `plain`, bound to `what` ("receiver/merchant-1").
tidings_status seal_close(const struct seal *seal, struct str what, struct str plain,
                          struct buf *out, struct tidings_error *err) TIDINGS_NODISCARD;
// Appends the plain text. E_PERMISSION when the key is another one or `what` is; E_INVALID for what
// is no sealed text.
tidings_status seal_open(const struct seal *seal, struct str what, struct str sealed,
                         struct buf *out, struct tidings_error *err) TIDINGS_NODISCARD;
bool seal_is_sealed(struct str text); // begins like a sealed text

#endif
