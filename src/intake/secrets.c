// SPDX-License-Identifier: Apache-2.0
// What is secret among the client's settings of a binding is sealed where the binding is stored.
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "intake/private.h"
#include "wire/tree.h"

enum { WHAT_SIZE = RECORD_NAME_MAX + 16 };

static const char *const secrets[] = { "secret_key", "security_token" };

bool settings_is_secret(const char *name)
{
    for (size_t i = 0; i < BASE_COUNT(secrets); i++) {
        if (strcmp(name, secrets[i]) == 0) {
            return true;
        }
    }
    return false;
}

static void what_of(struct str binding, char out[WHAT_SIZE])
{
    (void)snprintf(out, WHAT_SIZE, "binding/%.*s", (int)binding.len, binding.ptr);
}

tidings_status settings_open(const struct settings_source *source, struct str sealed,
                             struct buf *out, struct tidings_error *err)
{
    char what[WHAT_SIZE];
    what_of(source->name, what);
    return source->seal != NULL
               ? seal_open(source->seal, str_of(what), sealed, out, err)
               : error_set(err, TIDINGS_E_PERMISSION, "it is sealed, and there is no key");
}

static tidings_status seal_one(struct str binding, json_t *object, const char *name,
                               const json_t *value, const struct seal *seal,
                               struct tidings_error *err)
{
    char what[WHAT_SIZE];
    struct buf sealed;
    struct str plain = str_make(json_string_value(value), json_string_length(value));
    if (seal == NULL) {
        return error_set(err, TIDINGS_E_STATE, "settings.%s: there is no key to seal it with",
                         name);
    }
    what_of(binding, what);
    buf_init(&sealed, 2 * SEAL_PLAIN_MAX);
    tidings_status status = seal_close(seal, str_of(what), plain, &sealed, err);
    if (status == TIDINGS_OK &&
        json_object_set_new(object, name, json_stringn(sealed.ptr, sealed.len)) != 0) {
        status = error_set(err, TIDINGS_E_NO_MEMORY, "no memory for a binding");
    }
    buf_deinit(&sealed);
    return status;
}

tidings_status settings_seal(struct str name, struct str document, const struct seal *seal,
                             struct buf *out, struct tidings_error *err)
{
    json_t *root = NULL;
    tidings_status status = wire_tree_parse(document, &root, err);
    json_t *settings = status == TIDINGS_OK ? json_object_get(root, "settings") : NULL;
    bool changed = false;
    for (size_t i = 0; i < BASE_COUNT(secrets) && status == TIDINGS_OK; i++) {
        const json_t *value = json_object_get(settings, secrets[i]);
        struct str text = str_make(json_string_value(value), json_string_length(value));
        if (json_is_string(value) && !seal_is_sealed(text)) {
            status = seal_one(name, settings, secrets[i], value, seal, err);
            changed = true;
        }
    }
    char *text = status == TIDINGS_OK && changed ? json_dumps(root, JSON_COMPACT) : NULL;
    if (status == TIDINGS_OK) {
        status = !changed       ? buf_add_str(out, document)
                 : text != NULL ? buf_add_str(out, str_of(text))
                                : TIDINGS_E_NO_MEMORY;
    }
    free(text);
    json_decref(root);
    return status;
}
