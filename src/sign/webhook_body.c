// SPDX-License-Identifier: Apache-2.0
#include <openssl/crypto.h>

#include "sign/webhook_private.h"

static tidings_status check_prefix(struct str prefix, struct tidings_error *err)
{
    bool good = prefix.len <= SIGN_PREFIX_MAX;
    for (size_t i = 0; good && i < prefix.len; i++) {
        good = prefix.ptr[i] > ' ' && prefix.ptr[i] <= '~';
    }
    return good ? TIDINGS_OK
                : error_set(err, TIDINGS_E_INVALID,
                            "prefix of a signature: must be at most %d visible ASCII characters",
                            SIGN_PREFIX_MAX);
}

tidings_status sign_body_hex(const struct sign_secret *key, struct str prefix, struct str body,
                             struct buf *out, struct tidings_error *err)
{
    unsigned char digest[SHA256_BYTES];
    size_t before = out->len;
    tidings_status status = sign_keys_check(&key, 1, SIGN_HMAC_HEX, err);
    if (status == TIDINGS_OK) {
        status = check_prefix(prefix, err);
    }
    if (status == TIDINGS_OK) {
        status = sign_hmac_sha256(key->mac, STR(""), body, digest, err);
    }
    if (status != TIDINGS_OK) {
        return status;
    }
    status = buf_add_str(out, prefix);
    if (status == TIDINGS_OK) {
        status = sign_hex_add(out, digest, sizeof digest, "0123456789abcdef");
    }
    out->len = status == TIDINGS_OK ? out->len : before;
    return sign_appended(status, err);
}

tidings_status sign_body_hex_verify(const struct sign_secret *const *keys, size_t count,
                                    struct str prefix, struct str body, struct str value,
                                    struct tidings_error *err)
{
    unsigned char digest[SHA256_BYTES];
    unsigned char signature[SHA256_BYTES];
    bool fits = false;
    tidings_status status = sign_keys_check(keys, count, SIGN_HMAC_HEX, err);
    if (status == TIDINGS_OK) {
        status = check_prefix(prefix, err);
    }
    if (status != TIDINGS_OK) {
        return status;
    }
    if (!str_starts(value, prefix) ||
        !sign_hex_decode(str_make(value.ptr + prefix.len, value.len - prefix.len), signature,
                         sizeof signature)) {
        return error_set(err, TIDINGS_E_INVALID, "signature: must be \"%.*s\" and %d hex digits",
                         STR_ARG(prefix), 2 * SHA256_BYTES);
    }
    for (size_t i = 0; status == TIDINGS_OK && !fits && i < count; i++) {
        status = sign_hmac_sha256(keys[i]->mac, STR(""), body, digest, err);
        fits = status == TIDINGS_OK && CRYPTO_memcmp(digest, signature, sizeof digest) == 0;
    }
    OPENSSL_cleanse(digest, sizeof digest);
    if (status == TIDINGS_OK && !fits) {
        return error_set(err, TIDINGS_E_PERMISSION, "signature: does not fit the body");
    }
    return status;
}
