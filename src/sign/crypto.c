// SPDX-License-Identifier: Apache-2.0
#include "sign/crypto.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>

bool sign_was_memory(void)
{
    bool memory = false;
    for (unsigned long noted = ERR_get_error(); noted != 0; noted = ERR_get_error()) {
        memory = memory || ERR_GET_REASON(noted) == ERR_R_MALLOC_FAILURE;
    }
    return memory;
}

tidings_status sign_crypto_failed(struct tidings_error *err, tidings_status status,
                                  const char *what)
{
    if (sign_was_memory()) {
        return error_set(err, TIDINGS_E_NO_MEMORY, "no memory for a signature");
    }
    return error_set(err, status, "the crypto library %s", what);
}

// ---- HMAC ----

tidings_status sign_hmac_new(const char *digest, struct str key, EVP_MAC_CTX **ret,
                             struct tidings_error *err)
{
    char name[16]; // the library asks for one that may be written to
    BASE_ASSERT(str_copy(name, sizeof name, str_of(digest)));
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name, 0),
        OSSL_PARAM_construct_end(),
    };
    // An empty key must not be NULL, which would mean: the key of before.
    const unsigned char *bytes = (const unsigned char *)(key.len > 0 ? key.ptr : "");
    EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *keyed = hmac == NULL ? NULL : EVP_MAC_CTX_new(hmac);
    EVP_MAC_free(hmac);
    *ret = NULL;
    if (keyed == NULL || EVP_MAC_init(keyed, bytes, key.len, params) != 1) {
        EVP_MAC_CTX_free(keyed);
        return sign_crypto_failed(err, TIDINGS_E_INTERNAL, "gives no HMAC");
    }
    *ret = keyed;
    return TIDINGS_OK;
}

bool sign_hmac_feed(EVP_MAC_CTX *mac, struct str bytes)
{
    return bytes.len == 0 || EVP_MAC_update(mac, (const unsigned char *)bytes.ptr, bytes.len) == 1;
}

tidings_status sign_hmac_sha256(const EVP_MAC_CTX *keyed, struct str head, struct str body,
                                unsigned char ret_digest[SHA256_BYTES], struct tidings_error *err)
{
    EVP_MAC_CTX *mac = EVP_MAC_CTX_dup(keyed);
    size_t got = 0;
    bool good = mac != NULL && sign_hmac_feed(mac, head) && sign_hmac_feed(mac, body) &&
                EVP_MAC_final(mac, ret_digest, &got, SHA256_BYTES) == 1 && got == SHA256_BYTES;
    EVP_MAC_CTX_free(mac);
    return good ? TIDINGS_OK : sign_crypto_failed(err, TIDINGS_E_NO_MEMORY, "made no HMAC");
}

// ---- texts ----

static int hex_value(char c)
{
    int value = c >= '0' && c <= '9' ? c - '0' : -1;
    value = c >= 'a' && c <= 'f' ? c - 'a' + 10 : value;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : value;
}

bool sign_hex_decode(struct str text, unsigned char *ret, size_t len)
{
    if (text.len != 2 * len) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        int high = hex_value(text.ptr[2 * i]);
        int low = hex_value(text.ptr[2 * i + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        ret[i] = (unsigned char)(high * 16 + low);
    }
    return true;
}

tidings_status sign_hex_add(struct buf *out, const unsigned char *bytes, size_t len,
                            const char *digits)
{
    char *room;
    tidings_status status = buf_reserve(out, 2 * len, &room);
    for (size_t i = 0; status == TIDINGS_OK && i < len; i++) {
        room[2 * i] = digits[bytes[i] >> 4];
        room[2 * i + 1] = digits[bytes[i] & 15];
    }
    out->len += status == TIDINGS_OK ? 2 * len : 0;
    return status;
}
