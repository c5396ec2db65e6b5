// SPDX-License-Identifier: Apache-2.0
// What the files of this room share: the crypto library's HMAC and its failures, hex.
#ifndef SIGN_CRYPTO_H
#define SIGN_CRYPTO_H

#include <openssl/evp.h>

#include "base/error.h"
#include "base/str.h"

enum {
    SHA256_BYTES = 32,
    MD5_BYTES = 16,
};

// Takes what the crypto library has noted of a failure, so that nobody else finds it later and
// takes it for his own. True when memory was short.
bool sign_was_memory(void);
// E_NO_MEMORY when sign_was_memory, else `status`, with the text "the crypto library <what>".
tidings_status sign_crypto_failed(struct tidings_error *err, tidings_status status,
                                  const char *what);

// An HMAC with the digest ("SHA1", "SHA256") that is started with the key; it is only ever copied.
// *ret is NULL after an error.
tidings_status sign_hmac_new(const char *digest, struct str key, EVP_MAC_CTX **ret,
                             struct tidings_error *err) TIDINGS_NODISCARD;
bool sign_hmac_feed(EVP_MAC_CTX *mac, struct str bytes);
// HMAC-SHA256 over head and body; `keyed` stays as it is.
tidings_status sign_hmac_sha256(const EVP_MAC_CTX *keyed, struct str head, struct str body,
                                unsigned char ret_digest[SHA256_BYTES],
                                struct tidings_error *err) TIDINGS_NODISCARD;

// Exactly `len` bytes, capitals or small letters.
bool sign_hex_decode(struct str text, unsigned char *ret, size_t len);
// Appends 2 * len digits out of `digits` (16 of them).
tidings_status sign_hex_add(struct buf *out, const unsigned char *bytes, size_t len,
                            const char *digits) TIDINGS_NODISCARD;

#endif
