// SPDX-License-Identifier: Apache-2.0
#include "sign/seal.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdlib.h>

#include "base/base64.h"
#include "base/clock.h"
#include "sign/crypto.h"

enum {
    NONCE_BYTES = 12,
    TAG_BYTES = 16,
};

static const char prefix[] = "sealed:1:";

struct seal {
    unsigned char key[SEAL_KEY_SIZE];
};

bool seal_is_sealed(struct str text)
{
    return str_starts(text, STR(prefix));
}

static bool read_key(struct str text, unsigned char ret[SEAL_KEY_SIZE])
{
    size_t len = 0;
    text = str_trim(text);
    return sign_hex_decode(text, ret, SEAL_KEY_SIZE) ||
           (base64_decode(BASE64, text, ret, SEAL_KEY_SIZE, &len) && len == SEAL_KEY_SIZE);
}

tidings_status seal_new(struct str key, struct seal **ret, struct tidings_error *err)
{
    struct seal *seal = calloc(1, sizeof *seal);
    *ret = NULL;
    if (seal == NULL) {
        return error_set(err, TIDINGS_E_NO_MEMORY, "no memory for the sealing key");
    }
    if (!read_key(key, seal->key)) {
        seal_free(seal);
        return error_set(err, TIDINGS_E_INVALID,
                         "sealing key: must be base64 (RFC 4648, with padding) of %d bytes, or %d "
                         "hex digits",
                         SEAL_KEY_SIZE, 2 * SEAL_KEY_SIZE);
    }
    *ret = seal;
    return TIDINGS_OK;
}

void seal_free(struct seal *seal)
{
    if (seal == NULL) {
        return;
    }
    OPENSSL_cleanse(seal, sizeof *seal);
    free(seal);
}

tidings_status seal_key_generate(char ret_text[SEAL_KEY_TEXT_SIZE], struct tidings_error *err)
{
    unsigned char bytes[SEAL_KEY_SIZE];
    ret_text[0] = '\0';
    if (!rnd_system(bytes,
                    sizeof bytes)) { // at a first start: OpenSSL's own would be its first use
        return error_set(err, TIDINGS_E_INTERNAL, "the system has no randomness for a key");
    }
    EVP_EncodeBlock((unsigned char *)ret_text, bytes, sizeof bytes);
    OPENSSL_cleanse(bytes, sizeof bytes);
    return TIDINGS_OK;
}

// ---- closing ----

// `ret` has room for nonce, ciphertext and tag.
static bool encrypt(const struct seal *seal, struct str what, struct str plain, unsigned char *ret)
{
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    int len = 0;
    int end = 0;
    unsigned char *text = ret + NONCE_BYTES;
    bool good =
        context != NULL && RAND_bytes(ret, NONCE_BYTES) == 1 &&
        EVP_EncryptInit_ex2(context, EVP_aes_256_gcm(), seal->key, ret, NULL) == 1 &&
        EVP_EncryptUpdate(context, NULL, &len, (const unsigned char *)what.ptr, (int)what.len) ==
            1 &&
        EVP_EncryptUpdate(context, text, &len, (const unsigned char *)plain.ptr, (int)plain.len) ==
            1 &&
        EVP_EncryptFinal_ex(context, text + len, &end) == 1 &&
        EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, TAG_BYTES, text + plain.len) == 1;
    EVP_CIPHER_CTX_free(context);
    return good && (size_t)len + (size_t)end == plain.len;
}

static tidings_status add_text(const unsigned char *bytes, size_t len, struct buf *out)
{
    tidings_status status = buf_add_str(out, STR(prefix));
    return status == TIDINGS_OK ? base64_add(BASE64, out, bytes, len) : status;
}

tidings_status seal_close(const struct seal *seal, struct str what, struct str plain,
                          struct buf *out, struct tidings_error *err)
{
    size_t before = out->len;
    size_t len = NONCE_BYTES + plain.len + TAG_BYTES;
    if (plain.len > SEAL_PLAIN_MAX || what.len > SEAL_PLAIN_MAX) {
        return error_set(err, TIDINGS_E_TOO_LARGE, "a secret of %zu bytes, at most %d are sealed",
                         plain.len, SEAL_PLAIN_MAX);
    }
    unsigned char *bytes = malloc(len);
    if (bytes == NULL) {
        return error_set(err, TIDINGS_E_NO_MEMORY, "no memory to seal a secret");
    }
    // The library takes NULL for something else than nothing.
    plain.ptr = plain.len > 0 ? plain.ptr : "";
    what.ptr = what.len > 0 ? what.ptr : "";
    if (!encrypt(seal, what, plain, bytes)) {
        free(bytes);
        return sign_crypto_failed(err, TIDINGS_E_INTERNAL, "sealed no secret");
    }
    tidings_status status = add_text(bytes, len, out);
    free(bytes);
    if (status != TIDINGS_OK) {
        out->len = before;
        return error_set(err, status, "no room for a sealed secret");
    }
    return TIDINGS_OK;
}

// ---- opening ----

// Turns the ciphertext into the text, in its place. False when it does not open; *ret_ready tells
// whether the library was able to try.
static bool decrypt(const struct seal *seal, struct str what, unsigned char *bytes, size_t text_len,
                    bool *ret_ready)
{
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    unsigned char *text = bytes + NONCE_BYTES;
    int len = 0;
    int end = 0;
    *ret_ready = context != NULL &&
                 EVP_DecryptInit_ex2(context, EVP_aes_256_gcm(), seal->key, bytes, NULL) == 1;
    bool good =
        *ret_ready &&
        EVP_DecryptUpdate(context, NULL, &len, (const unsigned char *)what.ptr, (int)what.len) ==
            1 &&
        EVP_DecryptUpdate(context, text, &len, text, (int)text_len) == 1 &&
        EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, TAG_BYTES, text + text_len) == 1 &&
        EVP_DecryptFinal_ex(context, text + len, &end) == 1;
    EVP_CIPHER_CTX_free(context);
    return good;
}

static tidings_status open_bytes(const struct seal *seal, struct str what, unsigned char *bytes,
                                 size_t len, struct buf *out, struct tidings_error *err)
{
    size_t text_len = len - NONCE_BYTES - TAG_BYTES;
    bool ready;
    what.ptr = what.len > 0 ? what.ptr : "";
    if (decrypt(seal, what, bytes, text_len, &ready)) {
        tidings_status status = buf_add(out, bytes + NONCE_BYTES, text_len);
        return status == TIDINGS_OK ? TIDINGS_OK : error_set(err, status, "no room for a secret");
    }
    if (!ready) {
        return sign_crypto_failed(err, TIDINGS_E_NO_MEMORY, "opens no sealed secret");
    }
    if (sign_was_memory()) {
        return error_set(err, TIDINGS_E_NO_MEMORY, "no memory to open a sealed secret");
    }
    return error_set(err, TIDINGS_E_PERMISSION,
                     "a sealed secret does not open: it was sealed with another key, or for "
                     "something else than %.*s",
                     STR_ARG(what));
}

tidings_status seal_open(const struct seal *seal, struct str what, struct str sealed,
                         struct buf *out, struct tidings_error *err)
{
    enum { BYTES_MAX = NONCE_BYTES + SEAL_PLAIN_MAX + TAG_BYTES };
    size_t len = 0;
    if (!seal_is_sealed(sealed) || what.len > SEAL_PLAIN_MAX ||
        sealed.len > sizeof prefix + (size_t)BYTES_MAX / 3 * 4 + 4) {
        return error_set(err, TIDINGS_E_INVALID, "a sealed secret: must be \"%s\" and base64",
                         prefix);
    }
    struct str base64 = str_make(sealed.ptr + sizeof prefix - 1, sealed.len - (sizeof prefix - 1));
    size_t size = base64_room(base64.len);
    unsigned char *bytes = OPENSSL_malloc(size);
    if (bytes == NULL) {
        return error_set(err, TIDINGS_E_NO_MEMORY, "no memory to open a sealed secret");
    }
    tidings_status status;
    if (base64_decode(BASE64, base64, bytes, size, &len) && len >= NONCE_BYTES + TAG_BYTES &&
        len <= BYTES_MAX) {
        status = open_bytes(seal, what, bytes, len, out, err);
    } else {
        status = error_set(err, TIDINGS_E_INVALID,
                           "a sealed secret: behind \"%s\" must come base64 of %d to %d bytes",
                           prefix, NONCE_BYTES + TAG_BYTES, BYTES_MAX);
    }
    OPENSSL_clear_free(bytes, size);
    return status;
}
