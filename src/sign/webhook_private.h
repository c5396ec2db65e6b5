// SPDX-License-Identifier: Apache-2.0
// What a secret of sign/webhook.h is made of.
#ifndef SIGN_WEBHOOK_PRIVATE_H
#define SIGN_WEBHOOK_PRIVATE_H

#include "sign/crypto.h"
#include "sign/webhook.h"

enum {
    ED25519_KEY_BYTES = 32, // seed, and public key
    ED25519_SIGNATURE_BYTES = 64,
};

// Which members are there depends on the scheme:
//   standard     mac (v1) or pkey (v1a)
//   hmac_hex     mac
//   params_md5   digest (MD5), text
//   params_hmac  mac, text
//   rsa2         digest (SHA-256), pkey
struct sign_secret {
    enum sign_scheme scheme;
    bool public_only;
    EVP_MAC_CTX *mac; // HMAC-SHA256 with the key, only ever copied
    EVP_PKEY *pkey;
    EVP_MD *digest;
    char *text; // part of what is signed; no NUL
    size_t text_len;
};

// E_INVALID unless there are 1 to SIGN_KEYS_MAX keys, all of this scheme.
tidings_status sign_keys_check(const struct sign_secret *const *keys, size_t count,
                               enum sign_scheme scheme,
                               struct tidings_error *err) TIDINGS_NODISCARD;
// E_INVALID when the key only verifies.
tidings_status sign_may_sign(const struct sign_secret *key,
                             struct tidings_error *err) TIDINGS_NODISCARD;
// Says in err why nothing could be appended; returns `status`, OK included.
tidings_status sign_appended(tidings_status status, struct tidings_error *err);

#endif
