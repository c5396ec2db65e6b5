// SPDX-License-Identifier: Apache-2.0
#include <openssl/crypto.h>
#include <openssl/rsa.h>
#include <stdlib.h>

#include "base/base64.h"
#include "sign/webhook_private.h"

enum { RSA_BYTES_MAX = SIGN_RSA_BITS_MAX / 8 };
// Parameters in the order of their names.
struct sorted {
    const struct sign_param *items[SIGN_PARAMS_MAX];
    size_t count;
};

// ---- what is signed ----

static int by_name(const void *a, const void *b)
{
    const struct sign_param *const *left = a;
    const struct sign_param *const *right = b;
    return str_cmp((*left)->name, (*right)->name);
}

static bool is_signed(const struct sign_param *param, enum sign_scheme scheme)
{
    return param->value.len > 0 && !str_eq(param->name, STR("sign")) &&
           !(scheme == SIGN_RSA2 && str_eq(param->name, STR("sign_type")));
}

static tidings_status check_names(const struct sorted *all, struct tidings_error *err)
{
    for (size_t i = 0; i < all->count; i++) {
        struct str name = all->items[i]->name;
        if (name.len == 0 || str_find(name, '=', 0) != SIZE_MAX ||
            str_find(name, '&', 0) != SIZE_MAX) {
            return error_set(err, TIDINGS_E_INVALID,
                             "parameters: a name is empty or has a \"=\" or \"&\"");
        }
        // Whoever reads the body may take the one, and whoever signs the other.
        if (i > 0 && str_eq(all->items[i - 1]->name, name)) {
            return error_set(err, TIDINGS_E_INVALID, "parameters: a name comes twice");
        }
    }
    return TIDINGS_OK;
}

// *ret holds those that are signed.
static tidings_status sort(enum sign_scheme scheme, const struct sign_param *params, size_t count,
                           struct sorted *ret, struct tidings_error *err)
{
    ret->count = 0;
    if (count > SIGN_PARAMS_MAX) {
        return error_set(err, TIDINGS_E_TOO_LARGE, "%zu parameters, at most %d can be signed",
                         count, SIGN_PARAMS_MAX);
    }
    for (size_t i = 0; i < count; i++) {
        ret->items[ret->count++] = &params[i];
    }
    qsort((void *)ret->items, ret->count, sizeof(struct sign_param *), by_name);
    tidings_status status = check_names(ret, err);
    if (status != TIDINGS_OK) {
        return status;
    }
    ret->count = 0;
    for (size_t i = 0; i < count; i++) {
        if (is_signed(ret->items[i], scheme)) {
            ret->items[ret->count++] = ret->items[i];
        }
    }
    return ret->count > 0
               ? TIDINGS_OK
               : error_set(err, TIDINGS_E_INVALID, "parameters: none has a value, nothing to sign");
}

// ---- digests ----

// One of the two takes the bytes.
struct sink {
    EVP_MAC_CTX *mac;
    EVP_MD_CTX *digest;
};

static bool feed(const struct sink *sink, struct str bytes)
{
    return sink->mac != NULL ? sign_hmac_feed(sink->mac, bytes)
                             : EVP_DigestUpdate(sink->digest, bytes.ptr, bytes.len) == 1;
}

static bool feed_all(const struct sink *sink, const struct sign_secret *key,
                     const struct sorted *sorted)
{
    bool fed = true;
    for (size_t i = 0; fed && i < sorted->count; i++) {
        fed = (i == 0 || feed(sink, STR("&"))) && feed(sink, sorted->items[i]->name) &&
              feed(sink, STR("=")) && feed(sink, sorted->items[i]->value);
    }
    if (fed && key->text != NULL) {
        fed = feed(sink, STR("&key=")) && feed(sink, str_make(key->text, key->text_len));
    }
    return fed;
}

static size_t digest_bytes(enum sign_scheme scheme)
{
    return scheme == SIGN_PARAMS_MD5 ? MD5_BYTES : SHA256_BYTES;
}

// digest_bytes of the key's scheme are written.
static tidings_status make_digest(const struct sign_secret *key, const struct sorted *sorted,
                                  unsigned char ret_digest[SHA256_BYTES], struct tidings_error *err)
{
    struct sink sink = { NULL, NULL };
    bool good;
    if (key->mac != NULL) {
        size_t got = 0;
        sink.mac = EVP_MAC_CTX_dup(key->mac);
        good = sink.mac != NULL && feed_all(&sink, key, sorted) &&
               EVP_MAC_final(sink.mac, ret_digest, &got, SHA256_BYTES) == 1;
    } else {
        sink.digest = EVP_MD_CTX_new();
        good = sink.digest != NULL && EVP_DigestInit_ex2(sink.digest, key->digest, NULL) == 1 &&
               feed_all(&sink, key, sorted) &&
               EVP_DigestFinal_ex(sink.digest, ret_digest, NULL) == 1;
    }
    EVP_MAC_CTX_free(sink.mac);
    EVP_MD_CTX_free(sink.digest);
    return good ? TIDINGS_OK : sign_crypto_failed(err, TIDINGS_E_NO_MEMORY, "made no digest");
}

// ---- RSA ----

static EVP_PKEY_CTX *new_rsa_context(const struct sign_secret *key,
                                     int (*start)(EVP_PKEY_CTX *context))
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, key->pkey, NULL);
    if (context != NULL && start(context) == 1 &&
        EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) == 1 &&
        EVP_PKEY_CTX_set_signature_md(context, key->digest) == 1) {
        return context;
    }
    EVP_PKEY_CTX_free(context);
    return NULL;
}

static tidings_status add_rsa(const struct sign_secret *key,
                              const unsigned char digest[SHA256_BYTES], struct buf *out,
                              struct tidings_error *err)
{
    unsigned char signature[RSA_BYTES_MAX];
    size_t len = sizeof signature;
    EVP_PKEY_CTX *context = new_rsa_context(key, EVP_PKEY_sign_init);
    bool good =
        context != NULL && EVP_PKEY_sign(context, signature, &len, digest, SHA256_BYTES) == 1;
    EVP_PKEY_CTX_free(context);
    return good ? sign_appended(base64_add(BASE64, out, signature, len), err)
                : sign_crypto_failed(err, TIDINGS_E_INTERNAL, "made no RSA signature");
}

static tidings_status check_rsa(const struct sign_secret *key,
                                const unsigned char digest[SHA256_BYTES], struct str signature,
                                bool *ret_fits, struct tidings_error *err)
{
    EVP_PKEY_CTX *context = new_rsa_context(key, EVP_PKEY_verify_init);
    bool ready = context != NULL;
    *ret_fits = ready && EVP_PKEY_verify(context, (const unsigned char *)signature.ptr,
                                         signature.len, digest, SHA256_BYTES) == 1;
    EVP_PKEY_CTX_free(context);
    if (!ready || (!*ret_fits && sign_was_memory())) {
        return sign_crypto_failed(err, TIDINGS_E_NO_MEMORY, "checks no RSA signature");
    }
    return TIDINGS_OK;
}

// ---- the face ----

static tidings_status check_keys(const struct sign_secret *const *keys, size_t count,
                                 struct tidings_error *err)
{
    enum sign_scheme scheme = count > 0 && keys[0] != NULL ? keys[0]->scheme : SIGN_RSA2;
    if (scheme != SIGN_PARAMS_MD5 && scheme != SIGN_PARAMS_HMAC && scheme != SIGN_RSA2) {
        return error_set(err, TIDINGS_E_INVALID,
                         "a key of %s does not sign parameters; params_md5, params_hmac and rsa2 "
                         "do",
                         sign_scheme_name(scheme));
    }
    return sign_keys_check(keys, count, scheme, err);
}

tidings_status sign_params(const struct sign_secret *key, const struct sign_param *params,
                           size_t count, struct buf *out, struct tidings_error *err)
{
    struct sorted sorted;
    unsigned char digest[SHA256_BYTES];
    tidings_status status = check_keys(&key, 1, err);
    if (status == TIDINGS_OK) {
        status = sign_may_sign(key, err);
    }
    if (status == TIDINGS_OK) {
        status = sort(key->scheme, params, count, &sorted, err);
    }
    if (status == TIDINGS_OK) {
        status = make_digest(key, &sorted, digest, err);
    }
    if (status != TIDINGS_OK) {
        return status;
    }
    if (key->scheme == SIGN_RSA2) {
        return add_rsa(key, digest, out, err);
    }
    return sign_appended(sign_hex_add(out, digest, digest_bytes(key->scheme), "0123456789ABCDEF"),
                         err);
}

tidings_status sign_params_text(enum sign_scheme scheme, const struct sign_param *params,
                                size_t count, struct buf *out, struct tidings_error *err)
{
    struct sorted sorted;
    size_t before = out->len;
    tidings_status status = sort(scheme, params, count, &sorted, err);
    if (status != TIDINGS_OK) {
        return status;
    }
    for (size_t i = 0; i < sorted.count && status == TIDINGS_OK; i++) {
        status = buf_addf(out, "%s%.*s=%.*s", i > 0 ? "&" : "", STR_ARG(sorted.items[i]->name),
                          STR_ARG(sorted.items[i]->value));
    }
    out->len = status == TIDINGS_OK ? out->len : before;
    return sign_appended(status, err);
}

// The bytes of the parameter `sign`.
static tidings_status read_sign(enum sign_scheme scheme, const struct sign_param *params,
                                size_t count, unsigned char ret[RSA_BYTES_MAX], size_t *ret_len,
                                struct tidings_error *err)
{
    struct str text = STR("");
    for (size_t i = 0; i < count; i++) {
        text = str_eq(params[i].name, STR("sign")) ? params[i].value : text;
    }
    if (text.len == 0) {
        return error_set(err, TIDINGS_E_INVALID, "parameters: \"sign\" is missing or empty");
    }
    if (scheme == SIGN_RSA2) {
        return base64_decode(BASE64, text, ret, RSA_BYTES_MAX, ret_len)
                   ? TIDINGS_OK
                   : error_set(err, TIDINGS_E_INVALID,
                               "parameters: \"sign\" must be base64 of at most %d bytes",
                               RSA_BYTES_MAX);
    }
    *ret_len = digest_bytes(scheme);
    return sign_hex_decode(text, ret, *ret_len)
               ? TIDINGS_OK
               : error_set(err, TIDINGS_E_INVALID, "parameters: \"sign\" must be %zu hex digits",
                           2 * *ret_len);
}

static tidings_status fits_key(const struct sign_secret *key, const struct sorted *sorted,
                               struct str signature, bool *ret_fits, struct tidings_error *err)
{
    unsigned char digest[SHA256_BYTES];
    tidings_status status = make_digest(key, sorted, digest, err);
    if (status == TIDINGS_OK && key->scheme == SIGN_RSA2) {
        status = check_rsa(key, digest, signature, ret_fits, err);
    } else if (status == TIDINGS_OK) {
        *ret_fits = CRYPTO_memcmp(digest, signature.ptr, signature.len) == 0;
    }
    OPENSSL_cleanse(digest, sizeof digest);
    return status;
}

tidings_status sign_params_verify(const struct sign_secret *const *keys, size_t keys_count,
                                  const struct sign_param *params, size_t count,
                                  struct tidings_error *err)
{
    struct sorted sorted;
    unsigned char signature[RSA_BYTES_MAX];
    size_t len = 0;
    bool fits = false;
    tidings_status status = check_keys(keys, keys_count, err);
    if (status == TIDINGS_OK) {
        status = sort(keys[0]->scheme, params, count, &sorted, err);
    }
    if (status == TIDINGS_OK) {
        status = read_sign(keys[0]->scheme, params, count, signature, &len, err);
    }
    for (size_t i = 0; status == TIDINGS_OK && !fits && i < keys_count; i++) {
        status = fits_key(keys[i], &sorted, str_make(signature, len), &fits, err);
    }
    if (status == TIDINGS_OK && !fits) {
        return error_set(err, TIDINGS_E_PERMISSION, "parameters: \"sign\" does not fit the others");
    }
    return status;
}
