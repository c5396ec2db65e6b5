// SPDX-License-Identifier: Apache-2.0
#include "sign/webhook.h"

#include <openssl/crypto.h>
#include <stdlib.h>

#include "base/base64.h"
#include "base/num.h"
#include "sign/webhook_private.h"

enum {
    TIME_DIGITS_MAX = 21,
    HEAD_SIZE = SIGN_ID_MAX + TIME_DIGITS_MAX + 2,
};

// What is signed: `head` is "{id}.{timestamp}.". Only ed25519 wants it in one piece, which is then
// made once for all keys.
struct message {
    char head[HEAD_SIZE];
    size_t head_len;
    struct str body;
    unsigned char *whole;
    size_t whole_len;
};

static tidings_status check_id(struct str id, struct tidings_error *err)
{
    bool good = id.len >= 1 && id.len <= SIGN_ID_MAX;
    for (size_t i = 0; good && i < id.len; i++) {
        good = id.ptr[i] > ' ' && id.ptr[i] <= '~' && id.ptr[i] != '.';
    }
    return good ? TIDINGS_OK
                : error_set(err, TIDINGS_E_INVALID,
                            "webhook-id: must be 1 to %d visible ASCII characters and no full stop",
                            SIGN_ID_MAX);
}

// The timestamp has been checked: it fits.
static tidings_status start(struct message *message, struct str id, struct str timestamp,
                            struct str body, struct tidings_error *err)
{
    char *at = message->head;
    tidings_status status = check_id(id, err);
    message->body = body;
    message->whole = NULL;
    if (status != TIDINGS_OK) {
        return status;
    }
    at = (char *)mempcpy(at, id.ptr, id.len);
    *at++ = '.';
    at = (char *)mempcpy(at, timestamp.ptr, timestamp.len);
    *at++ = '.';
    message->head_len = (size_t)(at - message->head);
    return TIDINGS_OK;
}

static tidings_status make_whole(struct message *message, struct tidings_error *err)
{
    if (message->whole != NULL) {
        return TIDINGS_OK;
    }
    if (message->body.len > SIGN_ED25519_BODY_MAX) {
        return error_set(err, TIDINGS_E_TOO_LARGE,
                         "body of %zu bytes: at most %d can be signed by ed25519",
                         message->body.len, SIGN_ED25519_BODY_MAX);
    }
    message->whole_len = message->head_len + message->body.len;
    message->whole = malloc(message->whole_len);
    if (message->whole == NULL) {
        return error_set(err, TIDINGS_E_NO_MEMORY, "no memory for %zu bytes to sign",
                         message->whole_len);
    }
    memcpy(message->whole, message->head, message->head_len);
    if (message->body.len > 0) {
        memcpy(message->whole + message->head_len, message->body.ptr, message->body.len);
    }
    return TIDINGS_OK;
}

static tidings_status make_hmac(const struct sign_secret *key, const struct message *message,
                                unsigned char ret_digest[SHA256_BYTES], struct tidings_error *err)
{
    return sign_hmac_sha256(key->mac, str_make(message->head, message->head_len), message->body,
                            ret_digest, err);
}

// ---- signing ----

static tidings_status add_v1(const struct sign_secret *key, const struct message *message,
                             struct buf *out, struct tidings_error *err)
{
    unsigned char digest[SHA256_BYTES];
    tidings_status status = make_hmac(key, message, digest, err);
    if (status != TIDINGS_OK) {
        return status;
    }
    status = buf_add_str(out, STR("v1,"));
    if (status == TIDINGS_OK) {
        status = base64_add(BASE64, out, digest, sizeof digest);
    }
    return sign_appended(status, err);
}

static tidings_status add_v1a(const struct sign_secret *key, struct message *message,
                              struct buf *out, struct tidings_error *err)
{
    unsigned char signature[ED25519_SIGNATURE_BYTES];
    size_t len = sizeof signature;
    tidings_status status = make_whole(message, err);
    if (status != TIDINGS_OK) {
        return status;
    }
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool good = context != NULL &&
                EVP_DigestSignInit_ex(context, NULL, NULL, NULL, NULL, key->pkey, NULL) == 1 &&
                EVP_DigestSign(context, signature, &len, message->whole, message->whole_len) == 1 &&
                len == sizeof signature;
    EVP_MD_CTX_free(context);
    if (!good) {
        return sign_crypto_failed(err, TIDINGS_E_INTERNAL, "made no ed25519 signature");
    }
    status = buf_add_str(out, STR("v1a,"));
    if (status == TIDINGS_OK) {
        status = base64_add(BASE64, out, signature, sizeof signature);
    }
    return sign_appended(status, err);
}

static tidings_status add_one(const struct sign_secret *key, struct message *message, bool first,
                              struct buf *out, struct tidings_error *err)
{
    tidings_status status = sign_may_sign(key, err);
    if (status == TIDINGS_OK && !first) {
        status = sign_appended(buf_add_str(out, STR(" ")), err);
    }
    if (status != TIDINGS_OK) {
        return status;
    }
    return key->mac != NULL ? add_v1(key, message, out, err) : add_v1a(key, message, out, err);
}

tidings_status sign_webhook(const struct sign_secret *const *keys, size_t count, struct str id,
                            int64_t timestamp_s, struct str body, struct buf *out,
                            struct tidings_error *err)
{
    struct message message;
    char digits[TIME_DIGITS_MAX];
    size_t before = out->len;
    tidings_status status = sign_keys_check(keys, count, SIGN_STANDARD, err);
    if (status == TIDINGS_OK && timestamp_s < 0) {
        status = error_set(err, TIDINGS_E_INVALID, "timestamp %lld: must not be before 1970",
                           (long long)timestamp_s);
    }
    if (status != TIDINGS_OK) {
        return status;
    }
    struct str timestamp = str_make(digits, num_format_i64(digits, timestamp_s));
    status = start(&message, id, timestamp, body, err);
    for (size_t i = 0; status == TIDINGS_OK && i < count; i++) {
        status = add_one(keys[i], &message, i == 0, out, err);
    }
    free(message.whole);
    out->len = status == TIDINGS_OK ? out->len : before;
    return status;
}

// ---- verifying ----

static tidings_status check_time(struct str text, int64_t now_s, uint32_t tolerance_s,
                                 struct tidings_error *err)
{
    int64_t time_s;
    // Only what a number is written back as: with 007 some would sign "7" and others "007".
    if (text.len == 0 || text.ptr[0] == '-' || (text.len > 1 && text.ptr[0] == '0') ||
        !num_parse_i64(text, 0, INT64_MAX, &time_s)) {
        return error_set(err, TIDINGS_E_INVALID,
                         "webhook-timestamp: must be seconds since 1970 in decimal digits");
    }
    bool past = time_s < now_s;
    uint64_t away_s =
        past ? (uint64_t)now_s - (uint64_t)time_s : (uint64_t)time_s - (uint64_t)now_s;
    if (away_s > tolerance_s) {
        return error_set(err, TIDINGS_E_STATE,
                         "webhook-timestamp: %llu seconds in the %s, at most %u are allowed",
                         (unsigned long long)away_s, past ? "past" : "future", tolerance_s);
    }
    return TIDINGS_OK;
}

static tidings_status check_list(struct str list, struct tidings_error *err)
{
    struct str item;
    size_t count = 0;
    bool any = false;
    if (list.len > SIGN_HEADER_MAX) {
        return error_set(err, TIDINGS_E_TOO_LARGE,
                         "webhook-signature: %zu bytes, at most %d are allowed", list.len,
                         SIGN_HEADER_MAX);
    }
    while (list.len > 0 && str_split(&list, ' ', &item)) {
        count += item.len > 0;
        any = any || str_find(item, ',', 0) != SIZE_MAX;
    }
    if (count > SIGN_LIST_MAX) {
        return error_set(err, TIDINGS_E_TOO_LARGE,
                         "webhook-signature: %zu signatures, at most %d are allowed", count,
                         SIGN_LIST_MAX);
    }
    return any ? TIDINGS_OK
               : error_set(err, TIDINGS_E_INVALID,
                           "webhook-signature: must be \"v1,\" or \"v1a,\" and base64, several "
                           "with spaces between");
}

// The bytes of a signature of the version (with its comma); false when it is of another or not
// `len` bytes.
static bool read_signature(struct str item, struct str version, unsigned char *ret, size_t len)
{
    size_t got;
    return str_starts(item, version) &&
           base64_decode(BASE64, str_make(item.ptr + version.len, item.len - version.len), ret, len,
                         &got) &&
           got == len;
}

static tidings_status fits_v1(const struct sign_secret *key, const struct message *message,
                              struct str list, bool *ret_fits, struct tidings_error *err)
{
    unsigned char digest[SHA256_BYTES];
    unsigned char signature[SHA256_BYTES];
    struct str item;
    tidings_status status = make_hmac(key, message, digest, err);
    while (status == TIDINGS_OK && !*ret_fits && str_split(&list, ' ', &item)) {
        *ret_fits = read_signature(item, STR("v1,"), signature, sizeof signature) &&
                    CRYPTO_memcmp(digest, signature, sizeof digest) == 0;
    }
    OPENSSL_cleanse(digest, sizeof digest); // what an attacker would like to send
    return status;
}

static tidings_status check_v1a(const struct sign_secret *key, struct message *message,
                                const unsigned char signature[ED25519_SIGNATURE_BYTES],
                                bool *ret_fits, struct tidings_error *err)
{
    tidings_status status = make_whole(message, err);
    if (status != TIDINGS_OK) {
        return status;
    }
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool ready = context != NULL &&
                 EVP_DigestVerifyInit_ex(context, NULL, NULL, NULL, NULL, key->pkey, NULL) == 1;
    *ret_fits = ready && EVP_DigestVerify(context, signature, ED25519_SIGNATURE_BYTES,
                                          message->whole, message->whole_len) == 1;
    EVP_MD_CTX_free(context);
    if (!ready || (!*ret_fits && sign_was_memory())) {
        return sign_crypto_failed(err, TIDINGS_E_NO_MEMORY, "checks no ed25519 signature");
    }
    return TIDINGS_OK;
}

static tidings_status fits_v1a(const struct sign_secret *key, struct message *message,
                               struct str list, bool *ret_fits, struct tidings_error *err)
{
    unsigned char signature[ED25519_SIGNATURE_BYTES];
    struct str item;
    tidings_status status = TIDINGS_OK;
    while (status == TIDINGS_OK && !*ret_fits && str_split(&list, ' ', &item)) {
        if (read_signature(item, STR("v1a,"), signature, sizeof signature)) {
            status = check_v1a(key, message, signature, ret_fits, err);
        }
    }
    return status;
}

tidings_status sign_webhook_verify(const struct sign_secret *const *keys, size_t count,
                                   const struct sign_webhook_headers *headers, int64_t now_s,
                                   uint32_t tolerance_s, struct str body, struct tidings_error *err)
{
    struct message message;
    bool fits = false;
    tidings_status status = sign_keys_check(keys, count, SIGN_STANDARD, err);
    if (status == TIDINGS_OK) {
        status = check_time(headers->timestamp, now_s, tolerance_s, err);
    }
    if (status == TIDINGS_OK) {
        status = check_list(headers->signature, err);
    }
    if (status != TIDINGS_OK) {
        return status;
    }
    status = start(&message, headers->id, headers->timestamp, body, err);
    for (size_t i = 0; status == TIDINGS_OK && !fits && i < count; i++) {
        status = keys[i]->mac != NULL ? fits_v1(keys[i], &message, headers->signature, &fits, err)
                                      : fits_v1a(keys[i], &message, headers->signature, &fits, err);
    }
    free(message.whole);
    if (status == TIDINGS_OK && !fits) {
        return error_set(err, TIDINGS_E_PERMISSION,
                         "webhook-signature: none fits id, timestamp and body");
    }
    return status;
}
