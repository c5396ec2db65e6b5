// SPDX-License-Identifier: Apache-2.0
// What may not be seen, in trees: wiped, taken out, put in sealed or as what stands for it.
#include <openssl/crypto.h>

#include "receiver/private.h"

static void wipe_text(const json_t *value)
{
    if (json_is_string(value)) { // nobody else holds the tree
        OPENSSL_cleanse((void *)(uintptr_t)json_string_value(value), json_string_length(value));
    }
}

void secrets_wipe(json_t *root)
{
    const json_t *list = json_object_get(root, "secrets");
    const json_t *auth = json_object_get(root, "auth");
    for (size_t i = 0; i < json_array_size(list); i++) {
        wipe_text(json_object_get(json_array_get(list, i), "secret"));
    }
    wipe_text(json_object_get(auth, "basic"));
    wipe_text(json_object_get(auth, "bearer"));
    wipe_text(json_object_get(json_object_get(root, "tls"), "key"));
}

void secrets_remove(json_t *root)
{
    (void)json_object_del(root, "secrets"); // fails only for what is not there
    (void)json_object_del(root, "auth");
    (void)json_object_del(json_object_get(root, "tls"), "key");
}

// Sealed, or `true`.
static json_t *cover(const struct hidden *hidden, const char *name, const struct seal *seal,
                     struct tidings_error *err)
{
    char what[SECRETS_WHAT_SIZE];
    struct buf text;
    if (seal == NULL) {
        return json_true();
    }
    buf_init(&text, RECEIVER_DOCUMENT_MAX);
    json_t *value = NULL;
    if (seal_close(seal, secrets_bound_to(name, what), str_make(hidden->ptr, hidden->len), &text,
                   err) == TIDINGS_OK) {
        value = json_stringn(text.ptr, text.len);
    }
    buf_deinit(&text);
    return value;
}

static bool put_hidden(json_t *object, const char *member, const struct hidden *hidden,
                       const char *name, const struct seal *seal, struct tidings_error *err)
{
    return hidden->ptr == NULL ||
           json_object_set_new(object, member, cover(hidden, name, seal, err)) == 0;
}

static json_t *describe(const struct secret *secret, const char *name, const struct seal *seal,
                        struct tidings_error *err)
{
    json_t *object = json_pack(
        "{s:s, s:I, s:o}", "id", secret->id, "createdAt", (json_int_t)secret->created_ms,
        "expiresAt", secret->expires_ms > 0 ? json_integer(secret->expires_ms) : json_null());
    bool good = object != NULL;
    if (good && secret->active_ms > 0) {
        good = json_object_set_new(object, "activeAt", json_integer(secret->active_ms)) == 0;
    }
    if (good && seal != NULL) {
        good = put_hidden(object, "secret", &secret->text, name, seal, err);
    }
    if (!good) {
        json_decref(object);
        return NULL;
    }
    return object;
}

static bool put_secrets(const struct receiver_settings *settings, const struct seal *seal,
                        json_t *root, struct tidings_error *err)
{
    json_t *list = json_array();
    bool good = list != NULL;
    for (size_t i = 0; i < settings->secret_count && good; i++) {
        good = json_array_append_new(
                   list, describe(&settings->secrets[i], settings->name, seal, err)) == 0;
    }
    good = good && json_object_set(root, "secrets", list) == 0;
    json_decref(list);
    return good;
}

tidings_status secrets_put(const struct receiver_settings *settings, const struct seal *seal,
                           json_t *root, struct tidings_error *err)
{
    const char *name = settings->name;
    json_t *tls = json_object_get(root, "tls");
    json_t *auth = json_object();
    bool has_auth = settings->basic.ptr != NULL || settings->bearer.ptr != NULL;
    bool good = auth != NULL && put_hidden(auth, "basic", &settings->basic, name, seal, err) &&
                put_hidden(auth, "bearer", &settings->bearer, name, seal, err);
    if (good && has_auth) {
        good = json_object_set(root, "auth", auth) == 0;
    }
    json_decref(auth);
    good = good && (settings->secret_count == 0 || put_secrets(settings, seal, root, err)) &&
           put_hidden(tls, "key", &settings->tls_key, name, seal, err);
    return good ? TIDINGS_OK : error_set(err, TIDINGS_E_NO_MEMORY, "no memory for settings");
}
