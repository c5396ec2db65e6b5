// SPDX-License-Identifier: Apache-2.0
// Documents of settings: read, stored, shown, changed.
#include <openssl/crypto.h>
#include <stdlib.h>

#include "receiver/member.h"
#include "receiver/private.h"
#include "wire/tree.h"

static tidings_status no_memory(struct tidings_error *err)
{
    return error_set(err, TIDINGS_E_NO_MEMORY, "no memory for settings");
}

static tidings_status read_tree(struct str text, const char *what, json_t **ret,
                                struct tidings_error *err)
{
    struct tidings_error why = { 0 };
    *ret = NULL;
    if (text.len > RECEIVER_DOCUMENT_MAX) {
        return error_set(err, TIDINGS_E_TOO_LARGE, "%s: %zu bytes, at most %d", what, text.len,
                         RECEIVER_DOCUMENT_MAX);
    }
    tidings_status status = wire_tree_parse(text, ret, &why);
    if (status == TIDINGS_OK) {
        return TIDINGS_OK;
    }
    status = status == TIDINGS_E_NO_MEMORY ? status : TIDINGS_E_INVALID;
    return error_set(err, status, "%s: must be a JSON object: %s", what, why.text);
}

tidings_status receiver_settings_parse(struct str name, struct str document,
                                       const struct seal *seal, int64_t now_ms,
                                       struct receiver_settings **ret, struct tidings_error *err)
{
    const struct source source = { .seal = seal, .now_ms = now_ms };
    json_t *root;
    *ret = NULL;
    tidings_status status = read_tree(document, "settings", &root, err);
    return status == TIDINGS_OK ? settings_build(name, root, &source, ret, err) : status;
}

// Appends the tree's text; takes the tree.
static tidings_status write_tree(json_t *root, struct buf *out, struct tidings_error *err)
{
    char *text = json_dumps(root, JSON_COMPACT);
    json_decref(root);
    if (text == NULL) {
        return no_memory(err);
    }
    struct str whole = str_of(text);
    tidings_status status =
        whole.len <= RECEIVER_DOCUMENT_MAX ? buf_add_str(out, whole) : TIDINGS_E_TOO_LARGE;
    free(text);
    return status == TIDINGS_OK ? TIDINGS_OK
                                : error_set(err, status,
                                            "settings: %zu bytes with their secrets sealed, at "
                                            "most %d",
                                            whole.len, RECEIVER_DOCUMENT_MAX);
}

tidings_status receiver_settings_store(const struct receiver_settings *settings,
                                       const struct seal *seal, struct buf *out,
                                       struct tidings_error *err)
{
    bool has_secrets = settings->secret_count > 0 || settings->basic.ptr != NULL ||
                       settings->bearer.ptr != NULL || settings->tls_key.ptr != NULL;
    json_t *root;
    if (has_secrets && seal == NULL) {
        return error_set(err, TIDINGS_E_STATE,
                         "settings: there are secrets in them, and no key to seal them with");
    }
    root = json_deep_copy(settings->plain);
    tidings_status status = root != NULL ? secrets_put(settings, seal, root, err) : no_memory(err);
    if (status != TIDINGS_OK) {
        json_decref(root);
        return status;
    }
    return write_tree(root, out, err);
}

// ---- shown ----

// Sets a member that is not there, or null; takes `value`.
static bool complete(json_t *object, const char *name, json_t *value)
{
    if (member_get(object, name) != NULL) {
        json_decref(value);
        return true;
    }
    return json_object_set_new(object, name, value) == 0;
}

static bool complete_numbers(const struct receiver_settings *settings, json_t *root)
{
    const struct receiver_limits *limits = &settings->limits;
    json_t *breaker = json_object_get(root, "breaker");
    // burst 0 stands for ratePerSecond
    return complete(root, "attemptLimit", json_integer(settings->attempt_limit)) &&
           complete(root, "windowMs", json_integer(settings->window_ms)) &&
           complete(root, "timeoutMs", json_integer(limits->timeout_ms)) &&
           complete(root, "inFlight", json_integer(limits->in_flight)) &&
           complete(root, "ratePerSecond", json_integer(limits->rate_per_s)) &&
           json_object_set_new(root, "burst", json_integer(limits->burst)) == 0 &&
           complete(breaker, "failures", json_integer(limits->breaker_failures)) &&
           complete(breaker, "probeMs", json_integer(limits->probe_ms)) &&
           complete(breaker, "probeMaxMs", json_integer(limits->probe_max_ms));
}

static bool complete_signature(const struct receiver_settings *settings, json_t *root)
{
    json_t *signature = json_object_get(root, "signature");
    struct str header = settings->signature_header;
    struct str prefix = settings->signature_prefix;
    struct str second = settings->second_header;
    return complete(signature, "scheme", json_string(sign_scheme_name(settings->scheme))) &&
           (settings->scheme != SIGN_HMAC_HEX ||
            (complete(signature, "header", json_stringn(header.ptr, header.len)) &&
             complete(signature, "prefix", json_stringn(prefix.ptr, prefix.len)) &&
             complete(signature, "secondHeader",
                      second.len > 0 ? json_stringn(second.ptr, second.len) : json_null())));
}

static bool complete_all(const struct receiver_settings *settings, json_t *root)
{
    json_t *soap = member_get(root, "soap");
    bool good =
        complete(root, "types", json_array()) && complete(root, "ladder", json_string("article")) &&
        complete(root, "headers", json_object()) && complete(root, "ack", json_object()) &&
        complete(root, "signature", json_object()) && complete(root, "breaker", json_object()) &&
        complete(root, "secrets", json_array()) && complete(root, "auth", json_null()) &&
        complete(root, "tls", json_null()) && complete(root, "soap", json_null());
    json_t *ack = json_object_get(root, "ack");
    good = good && complete_numbers(settings, root) && complete_signature(settings, root) &&
           complete(ack, "status", json_string("200-299")) &&
           complete(ack, "noFault", json_boolean(settings->soap.is_used));
    return good && (soap == NULL || (complete(soap, "version", json_string("1.1")) &&
                                     complete(soap, "action", json_string(""))));
}

tidings_status receiver_settings_show(const struct receiver_settings *settings, struct buf *out,
                                      struct tidings_error *err)
{
    json_t *root = json_deep_copy(settings->plain);
    tidings_status status = root != NULL ? secrets_put(settings, NULL, root, err) : no_memory(err);
    if (status == TIDINGS_OK && !complete_all(settings, root)) {
        status = no_memory(err);
    }
    if (status != TIDINGS_OK) {
        json_decref(root);
        return status;
    }
    return write_tree(root, out, err);
}

// ---- changed ----

// RFC 7396. The depth of a tree is bounded by how it was read.
static bool merge(json_t *target, json_t *patch)
{
    bool good = true;
    for (void *at = json_object_iter(patch); at != NULL && good;
         at = json_object_iter_next(patch, at)) {
        const char *key = json_object_iter_key(at);
        json_t *value = json_object_iter_value(at);
        json_t *there = json_object_get(target, key);
        if (json_is_null(value)) {
            (void)json_object_del(target, key); // fails only for what is not there
        } else if (!json_is_object(value)) {
            good = json_object_set(target, key, value) == 0;
        } else {
            if (!json_is_object(there)) {
                good = json_object_set_new(target, key, json_object()) == 0;
                there = json_object_get(target, key);
            }
            good = good && merge(there, value);
        }
    }
    return good;
}

tidings_status receiver_settings_merge(const struct receiver_settings *settings, struct str patch,
                                       int64_t now_ms, struct receiver_settings **ret,
                                       struct tidings_error *err)
{
    const struct source source = { .old = settings, .now_ms = now_ms };
    json_t *changes;
    json_t *root = NULL;
    *ret = NULL;
    tidings_status status = read_tree(patch, "patch", &changes, err);
    if (status == TIDINGS_OK && !json_is_object(changes)) {
        status = error_set(err, TIDINGS_E_INVALID, "patch: must be a JSON object");
    }
    if (status == TIDINGS_OK) {
        root = json_deep_copy(settings->plain);
        status = root != NULL ? secrets_put(settings, NULL, root, err) : no_memory(err);
    }
    if (status == TIDINGS_OK && !merge(root, changes)) {
        status = no_memory(err);
    }
    if (status != TIDINGS_OK) {
        secrets_wipe(changes);
        json_decref(root);
        json_decref(changes);
        return status;
    }
    status = settings_build(str_of(settings->name), root, &source, ret, err);
    json_decref(changes); // its texts were the tree's, which have been wiped
    return status;
}

// ---- rotated ----

struct rotation {
    int64_t active_ms; // when the new one begins to sign; 0 = at once
    int64_t end_ms;    // when those there are end, at the latest
    int64_t now_ms;
};

// Has ended, or would have before it had begun.
static bool is_over(const json_t *secret, const struct rotation *rotation)
{
    const json_t *begin = member_get(secret, "activeAt");
    const json_t *end = member_get(secret, "expiresAt");
    return rotation->end_ms <= rotation->now_ms ||
           (begin != NULL && json_integer_value(begin) >= rotation->end_ms) ||
           (end != NULL && json_integer_value(end) <= rotation->now_ms);
}

static json_t *new_item(struct str secret, const struct rotation *rotation)
{
    json_t *item = json_pack("{s:o}", "secret", json_stringn(secret.ptr, secret.len));
    if (item != NULL && rotation->active_ms > 0 &&
        json_object_set_new(item, "activeAt", json_integer(rotation->active_ms)) != 0) {
        json_decref(item);
        return NULL;
    }
    return item;
}

// Those there are behind the new one.
static bool put_in_front(json_t *root, struct str secret, const struct rotation *rotation)
{
    json_t *old = json_object_get(root, "secrets");
    json_t *list = json_array();
    bool good = list != NULL && json_array_append_new(list, new_item(secret, rotation)) == 0;
    for (size_t i = 0; good && i < json_array_size(old); i++) {
        json_t *item = json_array_get(old, i);
        const json_t *end = member_get(item, "expiresAt");
        if (is_over(item, rotation)) {
            continue;
        }
        if (end == NULL || json_integer_value(end) > rotation->end_ms) {
            good = json_object_set_new(item, "expiresAt", json_integer(rotation->end_ms)) == 0;
        }
        good = good && json_array_append(list, item) == 0;
    }
    good = good && json_object_set(root, "secrets", list) == 0;
    if (!good) { // the tree does not have it yet
        json_t *holder = json_object();
        if (holder != NULL && json_object_set(holder, "secrets", list) == 0) {
            secrets_wipe(holder);
        }
        json_decref(holder);
    }
    json_decref(list);
    return good;
}

static tidings_status check_rotation(const struct receiver_settings *settings, struct str secret,
                                     int64_t overlap_ms, struct tidings_error *err)
{
    if (overlap_ms < 0 || overlap_ms > RECEIVER_OVERLAP_MOST_MS) {
        return error_set(err, TIDINGS_E_INVALID, "overlapMs: must be from 0 to %lld",
                         (long long)RECEIVER_OVERLAP_MOST_MS);
    }
    if (settings->scheme == SIGN_NONE) {
        return error_set(err, TIDINGS_E_STATE, "signature.scheme is none: there is no secret");
    }
    if (secret.len == 0 && settings->scheme == SIGN_RSA2) {
        return error_set(err, TIDINGS_E_INVALID,
                         "secret: must be given for rsa2: PEM of a private key");
    }
    if (secret.len > SECRET_TEXT_MAX ||
        memchr(secret.len > 0 ? secret.ptr : "", '\0', secret.len)) {
        return error_set(err, TIDINGS_E_INVALID, "secret: must be a text of at most %d bytes",
                         SECRET_TEXT_MAX);
    }
    return TIDINGS_OK;
}

static tidings_status rotate(const struct receiver_settings *settings, struct str secret,
                             const struct rotation *rotation, struct receiver_settings **ret,
                             struct tidings_error *err)
{
    const struct source source = { .old = settings, .now_ms = rotation->now_ms };
    json_t *root = json_deep_copy(settings->plain);
    tidings_status status = root != NULL ? secrets_put(settings, NULL, root, err) : no_memory(err);
    if (status == TIDINGS_OK && !put_in_front(root, secret, rotation)) {
        status = no_memory(err);
    }
    if (status != TIDINGS_OK) {
        json_decref(root);
        return status;
    }
    return settings_build(str_of(settings->name), root, &source, ret, err);
}

// Where all signatures stand in one header, old and new sign side by side until the old ones end.
// Where there is room for one, the old one signs until then, and the new one afterwards.
static tidings_status plan(const struct receiver_settings *settings, int64_t overlap_ms,
                           int64_t active_ms, int64_t now_ms, struct rotation *ret,
                           struct tidings_error *err)
{
    int64_t covered_ms = secrets_covered_until(settings, now_ms);
    int64_t begin_ms = active_ms > now_ms ? active_ms : now_ms;
    *ret = (struct rotation){ .active_ms = begin_ms > now_ms ? begin_ms : 0, .now_ms = now_ms };
    if (begin_ms - now_ms > RECEIVER_OVERLAP_MOST_MS) {
        return error_set(err, TIDINGS_E_INVALID, "activeAt: must be at most %lld ms from now",
                         (long long)RECEIVER_OVERLAP_MOST_MS);
    }
    if (begin_ms > now_ms && begin_ms > covered_ms) {
        return error_set(err, TIDINGS_E_INVALID,
                         "activeAt: no secret that there is signs until then");
    }
    if (__builtin_add_overflow(begin_ms, overlap_ms, &ret->end_ms)) {
        ret->end_ms = INT64_MAX;
    }
    if (active_ms == 0 && settings->scheme != SIGN_STANDARD && covered_ms > now_ms &&
        ret->end_ms > now_ms) {
        ret->active_ms = ret->end_ms < covered_ms ? ret->end_ms : covered_ms;
    }
    return TIDINGS_OK;
}

int64_t receiver_newest_active_ms(const struct receiver_settings *settings)
{
    return settings->secret_count > 0 ? settings->secrets[0].active_ms : 0;
}

tidings_status receiver_settings_rotate(const struct receiver_settings *settings, struct str secret,
                                        int64_t overlap_ms, int64_t active_ms, int64_t now_ms,
                                        struct receiver_settings **ret, struct buf *ret_secret,
                                        struct tidings_error *err)
{
    char made[SIGN_GENERATED_SIZE];
    struct rotation rotation;
    *ret = NULL;
    tidings_status status = check_rotation(settings, secret, overlap_ms, err);
    if (status == TIDINGS_OK) {
        status = plan(settings, overlap_ms, active_ms, now_ms, &rotation, err);
    }
    if (status == TIDINGS_OK && secret.len == 0) {
        status = sign_secret_generate(made, err);
        secret = str_of(made);
    }
    if (status != TIDINGS_OK) {
        return status;
    }
    status = rotate(settings, secret, &rotation, ret, err);
    if (status == TIDINGS_OK && buf_add_str(ret_secret, secret) != TIDINGS_OK) {
        receiver_settings_unref(*ret);
        *ret = NULL;
        status = error_set(err, TIDINGS_E_TOO_LARGE, "no room for the new secret");
    }
    OPENSSL_cleanse(made, sizeof made);
    return status;
}
