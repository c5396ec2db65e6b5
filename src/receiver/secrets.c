// SPDX-License-Identifier: Apache-2.0
// All that may not be seen of a receiver's settings: secrets of signatures, credentials, the
// private key of a certificate.
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>

#include "receiver/member.h"
#include "receiver/private.h"

tidings_status hidden_set(struct hidden *hidden, struct str text, struct tidings_error *err)
{
    hidden_free(hidden);
    hidden->ptr = str_dup(text);
    hidden->len = text.len;
    return hidden->ptr != NULL ? TIDINGS_OK
                               : error_set(err, TIDINGS_E_NO_MEMORY, "no memory for a secret");
}

void hidden_free(struct hidden *hidden)
{
    if (hidden->ptr != NULL) {
        OPENSSL_cleanse(hidden->ptr, hidden->len);
        free(hidden->ptr);
    }
    *hidden = (struct hidden){ NULL, 0 };
}

// ---- reading ----

struct str secrets_bound_to(const char *name, char room[SECRETS_WHAT_SIZE])
{
    struct str what = STR("receiver/");
    size_t len = strlen(name);
    memcpy(room, what.ptr, what.len);
    memcpy(room + what.len, name, len);
    return str_make(room, what.len + len);
}

// A text as it is, or sealed.
static tidings_status read_hidden(const json_t *value, const char *path, size_t most,
                                  const struct source *source, const char *name, struct hidden *ret,
                                  struct tidings_error *err)
{
    struct tidings_error why = { 0 };
    char what[SECRETS_WHAT_SIZE];
    struct str text;
    struct buf plain;
    // Sealed texts are longer; they are bounded by the document.
    bool is_sealed = json_is_string(value) && seal_is_sealed(member_str(value));
    tidings_status status =
        member_text(value, path, 1, is_sealed ? RECEIVER_DOCUMENT_MAX : most, &text, err);
    if (status != TIDINGS_OK || !is_sealed) {
        return status == TIDINGS_OK ? hidden_set(ret, text, err) : status;
    }
    if (source->seal == NULL) {
        return error_set(err, TIDINGS_E_PERMISSION, "%s: is sealed, and there is no sealing key",
                         path);
    }
    buf_init(&plain, most);
    status = buf_reserve(&plain, text.len < most ? text.len : most, NULL); // moves no secret later
    if (status == TIDINGS_OK) {
        status = seal_open(source->seal, secrets_bound_to(name, what), text, &plain, &why);
    }
    if (status == TIDINGS_OK && memchr(plain.ptr, '\0', plain.len) == NULL) {
        status = hidden_set(ret, buf_str(&plain), err);
    } else {
        status = error_set(err, status == TIDINGS_OK ? TIDINGS_E_INVALID : status, "%s: %s", path,
                           error_text(&why, status));
    }
    if (plain.ptr != NULL) {
        OPENSSL_cleanse(plain.ptr, plain.size);
    }
    buf_deinit(&plain);
    return status;
}

// `true` stands for what there was.
static tidings_status read_or_keep(const json_t *value, const char *path, size_t most,
                                   const struct source *source, const struct hidden *old,
                                   const char *name, struct hidden *ret, struct tidings_error *err)
{
    if (value == NULL) {
        return TIDINGS_OK;
    }
    if (!json_is_true(value)) {
        return read_hidden(value, path, most, source, name, ret, err);
    }
    return old != NULL && old->ptr != NULL
               ? hidden_set(ret, str_make(old->ptr, old->len), err)
               : error_set(err, TIDINGS_E_INVALID,
                           "%s: must be a text; true stands for one that is there, and there is "
                           "none",
                           path);
}

static tidings_status make_id(char ret[SECRET_ID_SIZE], struct tidings_error *err)
{
    unsigned char bytes[8];
    static const char digits[] = "0123456789abcdef";
    if (RAND_bytes(bytes, sizeof bytes) != 1) {
        return error_set(err, TIDINGS_E_INTERNAL, "no randomness for the id of a secret");
    }
    memcpy(ret, "sec_", 4);
    for (size_t i = 0; i < sizeof bytes; i++) {
        ret[4 + 2 * i] = digits[bytes[i] >> 4];
        ret[5 + 2 * i] = digits[bytes[i] & 15];
    }
    ret[4 + 2 * sizeof bytes] = '\0';
    return TIDINGS_OK;
}

static bool is_id(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (!((c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '_' ||
              c == '-')) {
            return false;
        }
    }
    return text.len > 0 && text.len < SECRET_ID_SIZE;
}

static const struct secret *find(const struct receiver_settings *settings, const char *id)
{
    for (size_t i = 0; settings != NULL && i < settings->secret_count; i++) {
        if (strcmp(settings->secrets[i].id, id) == 0) {
            return &settings->secrets[i];
        }
    }
    return NULL;
}

static tidings_status read_id(const json_t *value, const char *path,
                              const struct receiver_settings *settings, struct secret *ret,
                              struct tidings_error *err)
{
    if (value == NULL) {
        return make_id(ret->id, err);
    }
    if (!json_is_string(value) || !is_id(member_str(value))) {
        return error_set(err, TIDINGS_E_INVALID,
                         "%s.id: must be 1 to %d letters, digits, _ and -, or be left out", path,
                         SECRET_ID_SIZE - 1);
    }
    if (find(settings, json_string_value(value)) != NULL) {
        return error_set(err, TIDINGS_E_INVALID, "%s.id: comes twice", path);
    }
    return str_copy(ret->id, sizeof ret->id, member_str(value)) ? TIDINGS_OK : TIDINGS_E_INTERNAL;
}

static tidings_status read_text(const json_t *item, const char *path, const struct source *source,
                                const struct receiver_settings *settings, struct secret *ret,
                                struct tidings_error *err)
{
    const json_t *value = member_get(item, "secret");
    const struct secret *old = find(source->old, ret->id);
    char at[64];
    struct tidings_error why = { 0 };
    (void)snprintf(at, sizeof at, "%s.secret", path);
    tidings_status status =
        value != NULL
            ? read_hidden(value, at, SECRET_TEXT_MAX, source, settings->name, &ret->text, err)
        : old != NULL ? hidden_set(&ret->text, str_make(old->text.ptr, old->text.len), err)
                      : error_set(err, TIDINGS_E_INVALID,
                                  "%s: must be there (what is shown of secrets is not them)", at);
    if (status != TIDINGS_OK) {
        return status;
    }
    status =
        sign_secret_new(settings->scheme, str_make(ret->text.ptr, ret->text.len), &ret->key, &why);
    if (status == TIDINGS_OK && !sign_secret_can_sign(ret->key)) {
        status = error_set(&why, TIDINGS_E_INVALID, "a public key cannot sign");
    }
    return status == TIDINGS_OK ? TIDINGS_OK : error_set(err, status, "%s: %s", at, why.text);
}

static tidings_status read_one(const json_t *item, const char *path, const struct source *source,
                               const struct receiver_settings *settings, struct secret *ret,
                               struct tidings_error *err)
{
    static const char *const names[] = { "secret", "id", "createdAt", "activeAt", "expiresAt" };
    char at[64];
    tidings_status status = member_object(item, path, names, BASE_COUNT(names), err);
    if (status == TIDINGS_OK) {
        status = read_id(member_get(item, "id"), path, settings, ret, err);
    }
    ret->created_ms = source->now_ms;
    const json_t *value = member_get(item, "createdAt");
    if (status == TIDINGS_OK && value != NULL) {
        (void)snprintf(at, sizeof at, "%s.createdAt", path);
        status = member_number(value, at, 0, INT64_MAX, &ret->created_ms, err);
    }
    value = member_get(item, "activeAt");
    if (status == TIDINGS_OK && value != NULL) {
        (void)snprintf(at, sizeof at, "%s.activeAt", path);
        status = member_number(value, at, 1, INT64_MAX - 1, &ret->active_ms, err);
    }
    value = member_get(item, "expiresAt");
    if (status == TIDINGS_OK && value != NULL) {
        (void)snprintf(at, sizeof at, "%s.expiresAt", path);
        status = member_number(value, at, ret->active_ms + 1, INT64_MAX, &ret->expires_ms, err);
    }
    return status == TIDINGS_OK ? read_text(item, path, source, settings, ret, err) : status;
}

static tidings_status read_secrets(const json_t *list, const struct source *source,
                                   struct receiver_settings *ret, struct tidings_error *err)
{
    tidings_status status = TIDINGS_OK;
    if (!json_is_array(list) || json_array_size(list) > SIGN_KEYS_MAX) {
        return error_set(err, TIDINGS_E_INVALID,
                         "secrets: must be an array of at most %d objects such as "
                         "{\"secret\": \"whsec_...\"}",
                         SIGN_KEYS_MAX);
    }
    if (ret->scheme == SIGN_NONE && json_array_size(list) > 0) {
        return error_set(err, TIDINGS_E_INVALID,
                         "secrets: signature.scheme is none, nothing would be signed with them");
    }
    for (size_t i = 0; i < json_array_size(list) && status == TIDINGS_OK; i++) {
        char path[32];
        struct secret *secret = &ret->secrets[i];
        (void)snprintf(path, sizeof path, "secrets[%zu]", i);
        status = read_one(json_array_get(list, i), path, source, ret, secret, err);
        ret->secret_count++; // also what is half read is freed
    }
    return status;
}

static tidings_status check_credentials(const struct receiver_settings *settings,
                                        struct tidings_error *err)
{
    struct str basic = str_make(settings->basic.ptr, settings->basic.len);
    struct str bearer = str_make(settings->bearer.ptr, settings->bearer.len);
    bool good = member_is_field_value(basic);
    for (size_t i = 0; good && i < bearer.len; i++) {
        good = bearer.ptr[i] > ' ' && bearer.ptr[i] <= '~';
    }
    if (!good || (basic.ptr != NULL && str_find(basic, ':', 0) == SIZE_MAX)) {
        return error_set(err, TIDINGS_E_INVALID,
                         "auth: basic must be \"user:password\" without control characters, bearer "
                         "a token of visible ASCII");
    }
    if (basic.ptr != NULL && bearer.ptr != NULL) {
        return error_set(err, TIDINGS_E_INVALID, "auth: basic or bearer, not both");
    }
    return TIDINGS_OK;
}

static tidings_status read_auth(const json_t *auth, const struct source *source,
                                struct receiver_settings *ret, struct tidings_error *err)
{
    static const char *const names[] = { "basic", "bearer" };
    const struct receiver_settings *old = source->old;
    tidings_status status = member_object(auth, "auth", names, BASE_COUNT(names), err);
    if (status == TIDINGS_OK) {
        status = read_or_keep(member_get(auth, "basic"), "auth.basic", AUTH_MAX, source,
                              old != NULL ? &old->basic : NULL, ret->name, &ret->basic, err);
    }
    if (status == TIDINGS_OK) {
        status = read_or_keep(member_get(auth, "bearer"), "auth.bearer", AUTH_MAX, source,
                              old != NULL ? &old->bearer : NULL, ret->name, &ret->bearer, err);
    }
    return status == TIDINGS_OK ? check_credentials(ret, err) : status;
}

tidings_status secrets_read(const json_t *root, const struct source *source,
                            struct receiver_settings *ret, struct tidings_error *err)
{
    const struct receiver_settings *old = source->old;
    const json_t *value = member_get(root, "secrets");
    tidings_status status = value != NULL ? read_secrets(value, source, ret, err) : TIDINGS_OK;
    value = member_get(root, "auth");
    if (status == TIDINGS_OK && value != NULL) {
        status = read_auth(value, source, ret, err);
    }
    if (status == TIDINGS_OK) {
        status =
            read_or_keep(member_get(member_get(root, "tls"), "key"), "tls.key", KEY_PEM_MAX, source,
                         old != NULL ? &old->tls_key : NULL, ret->name, &ret->tls_key, err);
    }
    return status;
}

static bool is_over(const struct secret *secret, int64_t now_ms)
{
    return secret->expires_ms != 0 && secret->expires_ms <= now_ms;
}

static bool signs(const struct secret *secret, int64_t now_ms)
{
    return secret->active_ms <= now_ms && !is_over(secret, now_ms);
}

size_t secrets_keys(const struct receiver_settings *settings, int64_t now_ms,
                    const struct sign_secret *ret[SIGN_KEYS_MAX])
{
    size_t count = 0;
    for (size_t i = 0; i < settings->secret_count; i++) {
        const struct secret *secret = &settings->secrets[i];
        if (signs(secret, now_ms)) {
            ret[count++] = secret->key;
        }
    }
    return count;
}

const struct sign_secret *secrets_other(const struct receiver_settings *settings, int64_t now_ms,
                                        const struct sign_secret *main)
{
    for (size_t i = 0; i < settings->secret_count; i++) {
        const struct secret *secret = &settings->secrets[i];
        if (secret->key != main && !is_over(secret, now_ms)) {
            return secret->key;
        }
    }
    return NULL;
}

int64_t secrets_covered_until(const struct receiver_settings *settings, int64_t now_ms)
{
    int64_t until_ms = 0;
    for (size_t i = 0; i < settings->secret_count; i++) {
        const struct secret *secret = &settings->secrets[i];
        int64_t end_ms = secret->expires_ms != 0 ? secret->expires_ms : INT64_MAX;
        if (signs(secret, now_ms) && end_ms > until_ms) {
            until_ms = end_ms;
        }
    }
    return until_ms;
}
