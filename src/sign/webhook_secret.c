// SPDX-License-Identifier: Apache-2.0
#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <stdlib.h>

#include "base/base64.h"
#include "sign/webhook_private.h"

static const char *const scheme_names[] = {
#define X(name, text) text,
    SIGN_SCHEME_MAP(X)
#undef X
};

const char *sign_scheme_name(enum sign_scheme scheme)
{
    return (size_t)scheme < BASE_COUNT(scheme_names) ? scheme_names[scheme] : "unknown";
}

tidings_status sign_scheme_parse(struct str text, enum sign_scheme *ret, struct tidings_error *err)
{
    *ret = SIGN_NONE;
    for (size_t i = 0; i < BASE_COUNT(scheme_names); i++) {
        if (str_eq_c(text, scheme_names[i])) {
            *ret = (enum sign_scheme)i;
            return TIDINGS_OK;
        }
    }
    return error_set(err, TIDINGS_E_INVALID,
                     "unknown way to sign; there are none, standard, hmac_hex, params_md5, "
                     "params_hmac, rsa2");
}

// ---- checks that the other files share ----

tidings_status sign_keys_check(const struct sign_secret *const *keys, size_t count,
                               enum sign_scheme scheme, struct tidings_error *err)
{
    if (count < 1 || count > SIGN_KEYS_MAX) {
        return error_set(err, TIDINGS_E_INVALID, "%zu signing keys, 1 to %d are right", count,
                         SIGN_KEYS_MAX);
    }
    for (size_t i = 0; i < count; i++) {
        if (keys[i] == NULL || keys[i]->scheme != scheme) {
            return error_set(err, TIDINGS_E_INVALID, "signing key %zu of %zu is not one of %s",
                             i + 1, count, sign_scheme_name(scheme));
        }
    }
    return TIDINGS_OK;
}

tidings_status sign_may_sign(const struct sign_secret *key, struct tidings_error *err)
{
    if (key->public_only) {
        return error_set(err, TIDINGS_E_INVALID,
                         "a public key verifies only; signing takes the private one");
    }
    return TIDINGS_OK;
}

tidings_status sign_appended(tidings_status status, struct tidings_error *err)
{
    if (status == TIDINGS_E_TOO_LARGE) {
        return error_set(err, status, "no room for a signature");
    }
    if (status != TIDINGS_OK) {
        return error_set(err, status, "no memory for a signature");
    }
    return TIDINGS_OK;
}

// ---- standard ----

static tidings_status no_pkey(struct tidings_error *err)
{
    return sign_crypto_failed(err, TIDINGS_E_UNSUPPORTED, "takes no ed25519 key");
}

static tidings_status new_v1(struct sign_secret *secret, struct str bytes,
                             struct tidings_error *err)
{
    if (bytes.len < SIGN_SECRET_MIN) {
        return error_set(err, TIDINGS_E_INVALID,
                         "secret: %zu bytes in base64 behind whsec_, %d to %d are right", bytes.len,
                         SIGN_SECRET_MIN, SIGN_SECRET_MAX);
    }
    return sign_hmac_new("SHA256", bytes, &secret->mac, err);
}

static tidings_status new_v1a(struct sign_secret *secret, struct str bytes,
                              struct tidings_error *err)
{
    unsigned char public[ED25519_KEY_BYTES];
    size_t public_len = sizeof public;
    const unsigned char *seed = (const unsigned char *)bytes.ptr;
    if (bytes.len != ED25519_KEY_BYTES && bytes.len != 2 * ED25519_KEY_BYTES) {
        return error_set(err, TIDINGS_E_INVALID,
                         "secret: %zu bytes in base64 behind whsk_, 64 (seed and public key) or 32 "
                         "(seed) are right",
                         bytes.len);
    }
    secret->pkey = EVP_PKEY_new_raw_private_key_ex(NULL, "ED25519", NULL, seed, ED25519_KEY_BYTES);
    if (secret->pkey == NULL ||
        EVP_PKEY_get_raw_public_key(secret->pkey, public, &public_len) != 1) {
        return no_pkey(err);
    }
    // One who gave a public key of another pair would wonder why nobody can verify.
    if (bytes.len > ED25519_KEY_BYTES &&
        CRYPTO_memcmp(public, seed + ED25519_KEY_BYTES, sizeof public) != 0) {
        return error_set(err, TIDINGS_E_INVALID,
                         "secret: the public key behind the seed of whsk_ is not that of the seed");
    }
    return TIDINGS_OK;
}

static tidings_status new_v1a_public(struct sign_secret *secret, struct str bytes,
                                     struct tidings_error *err)
{
    if (bytes.len != ED25519_KEY_BYTES) {
        return error_set(err, TIDINGS_E_INVALID,
                         "public key: %zu bytes in base64 behind whpk_, 32 are right", bytes.len);
    }
    secret->public_only = true;
    secret->pkey = EVP_PKEY_new_raw_public_key_ex(
        NULL, "ED25519", NULL, (const unsigned char *)bytes.ptr, ED25519_KEY_BYTES);
    return secret->pkey != NULL ? TIDINGS_OK : no_pkey(err);
}

struct form {
    const char *prefix;
    tidings_status (*make)(struct sign_secret *secret, struct str bytes, struct tidings_error *err);
};
static const struct form forms[] = {
    { "whsec_", new_v1 },
    { "whsk_", new_v1a },
    { "whpk_", new_v1a_public },
};

static tidings_status new_standard(struct sign_secret *secret, struct str text,
                                   struct tidings_error *err)
{
    unsigned char bytes[SIGN_SECRET_MAX];
    size_t len;
    for (size_t i = 0; i < BASE_COUNT(forms); i++) {
        struct str prefix = str_of(forms[i].prefix);
        if (!str_starts(text, prefix)) {
            continue;
        }
        struct str base64 = str_make(text.ptr + prefix.len, text.len - prefix.len);
        tidings_status status =
            base64_decode(BASE64, base64, bytes, sizeof bytes, &len)
                ? forms[i].make(secret, str_make(bytes, len), err)
                : error_set(err, TIDINGS_E_INVALID,
                            "secret: behind %s must come base64 (RFC 4648, with padding) of at "
                            "most %d bytes and nothing else",
                            forms[i].prefix, SIGN_SECRET_MAX);
        OPENSSL_cleanse(bytes, sizeof bytes);
        return status;
    }
    return error_set(err, TIDINGS_E_INVALID,
                     "secret: must begin with whsec_ (HMAC), whsk_ (ed25519) or whpk_ (ed25519, "
                     "public)");
}

// ---- hmac_hex, params_md5, params_hmac ----

static tidings_status new_text(struct sign_secret *secret, struct str text,
                               struct tidings_error *err)
{
    if (text.len < 1 || text.len > SIGN_TEXT_SECRET_MAX) {
        return error_set(err, TIDINGS_E_INVALID, "secret: %zu bytes, 1 to %d are right", text.len,
                         SIGN_TEXT_SECRET_MAX);
    }
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c < ' ' || c == 0x7F) {
            return error_set(err, TIDINGS_E_INVALID,
                             "secret: byte %zu is a control character (a line's end?)", i + 1);
        }
    }
    if (secret->scheme == SIGN_PARAMS_MD5) {
        secret->digest = EVP_MD_fetch(NULL, "MD5", NULL);
        if (secret->digest == NULL) {
            return sign_crypto_failed(err, TIDINGS_E_UNSUPPORTED, "gives no MD5");
        }
    } else {
        tidings_status status = sign_hmac_new("SHA256", text, &secret->mac, err);
        if (status != TIDINGS_OK || secret->scheme == SIGN_HMAC_HEX) {
            return status;
        }
    }
    secret->text = malloc(text.len);
    if (secret->text == NULL) {
        return error_set(err, TIDINGS_E_NO_MEMORY, "no memory for a signing key");
    }
    memcpy(secret->text, text.ptr, text.len);
    secret->text_len = text.len;
    return TIDINGS_OK;
}

// ---- rsa2 ----

// Stands where the library would ask the terminal.
static int no_password(char *ret_password, int size, int writing, void *context)
{
    (void)ret_password;
    (void)size;
    (void)writing;
    (void)context;
    return -1;
}

static tidings_status new_rsa(struct sign_secret *secret, struct str text,
                              struct tidings_error *err)
{
    if (text.len < 1 || text.len > SIGN_PEM_MAX) {
        return error_set(err, TIDINGS_E_INVALID, "key: %zu bytes of PEM, 1 to %d are right",
                         text.len, SIGN_PEM_MAX);
    }
    BIO *bio = BIO_new_mem_buf(text.ptr, (int)text.len);
    secret->digest = EVP_MD_fetch(NULL, "SHA256", NULL);
    if (bio == NULL || secret->digest == NULL) {
        BIO_free(bio);
        return sign_crypto_failed(err, TIDINGS_E_NO_MEMORY, "gives no SHA-256");
    }
    secret->public_only = str_find_str(text, STR("PRIVATE KEY-----")) == SIZE_MAX;
    secret->pkey = secret->public_only
                       ? PEM_read_bio_PUBKEY_ex(bio, NULL, no_password, NULL, NULL, NULL)
                       : PEM_read_bio_PrivateKey_ex(bio, NULL, no_password, NULL, NULL, NULL);
    BIO_free(bio);
    bool memory = sign_was_memory();
    if (secret->pkey == NULL && memory) {
        return error_set(err, TIDINGS_E_NO_MEMORY, "no memory for a signing key");
    }
    if (secret->pkey == NULL || EVP_PKEY_is_a(secret->pkey, "RSA") != 1) {
        return error_set(err, TIDINGS_E_INVALID,
                         "key: must be PEM of an RSA key without a password: PRIVATE KEY, RSA "
                         "PRIVATE KEY or PUBLIC KEY");
    }
    int bits = EVP_PKEY_get_bits(secret->pkey);
    if (bits < SIGN_RSA_BITS_MIN || bits > SIGN_RSA_BITS_MAX) {
        return error_set(err, TIDINGS_E_INVALID, "key: RSA of %d bits, %d to %d are right", bits,
                         SIGN_RSA_BITS_MIN, SIGN_RSA_BITS_MAX);
    }
    return TIDINGS_OK;
}

// ---- all ----

static tidings_status fill(struct sign_secret *secret, struct str text, struct tidings_error *err)
{
    switch (secret->scheme) {
    case SIGN_STANDARD: return new_standard(secret, text, err);
    case SIGN_HMAC_HEX:
    case SIGN_PARAMS_MD5:
    case SIGN_PARAMS_HMAC: return new_text(secret, text, err);
    case SIGN_RSA2: return new_rsa(secret, text, err);
    case SIGN_NONE: break;
    }
    return error_set(err, TIDINGS_E_INVALID, "secret: \"%s\" has none",
                     sign_scheme_name(secret->scheme));
}

tidings_status sign_secret_new(enum sign_scheme scheme, struct str text, struct sign_secret **ret,
                               struct tidings_error *err)
{
    struct sign_secret *secret = calloc(1, sizeof *secret);
    *ret = NULL;
    if (secret == NULL) {
        return error_set(err, TIDINGS_E_NO_MEMORY, "no memory for a signing key");
    }
    secret->scheme = scheme;
    tidings_status status = fill(secret, text, err);
    if (status != TIDINGS_OK) {
        sign_secret_free(secret);
        return status;
    }
    *ret = secret;
    return TIDINGS_OK;
}

void sign_secret_free(struct sign_secret *secret)
{
    if (secret == NULL) {
        return;
    }
    // The library wipes the keys in these itself.
    EVP_MAC_CTX_free(secret->mac);
    EVP_PKEY_free(secret->pkey);
    EVP_MD_free(secret->digest);
    if (secret->text != NULL) {
        OPENSSL_cleanse(secret->text, secret->text_len);
        free(secret->text);
    }
    free(secret);
}

bool sign_secret_can_sign(const struct sign_secret *secret)
{
    return !secret->public_only;
}

tidings_status sign_secret_generate(char ret_text[SIGN_GENERATED_SIZE], struct tidings_error *err)
{
    unsigned char bytes[32];
    ret_text[0] = '\0';
    if (RAND_bytes(bytes, sizeof bytes) != 1) {
        return sign_crypto_failed(err, TIDINGS_E_INTERNAL, "has no randomness for a secret");
    }
    memcpy(ret_text, "whsec_", 6);
    EVP_EncodeBlock((unsigned char *)ret_text + 6, bytes, sizeof bytes);
    OPENSSL_cleanse(bytes, sizeof bytes);
    return TIDINGS_OK;
}
