// SPDX-License-Identifier: Apache-2.0
// Settings in memory: how they come and go, and what is asked of them.
#include <stdlib.h>

#include "receiver/private.h"

// ---- lifecycle ----

static void settings_free(struct receiver_settings *settings)
{
    for (size_t i = 0; i < settings->secret_count; i++) {
        sign_secret_free(settings->secrets[i].key);
        hidden_free(&settings->secrets[i].text);
    }
    hidden_free(&settings->basic);
    hidden_free(&settings->bearer);
    hidden_free(&settings->tls_key);
    ack_rule_free(settings->ack);
    soap_free(&settings->soap);
    json_decref(settings->plain);
    free(settings);
}

struct receiver_settings *receiver_settings_ref(struct receiver_settings *settings)
{
    atomic_fetch_add_explicit(&settings->refs, 1, memory_order_relaxed);
    return settings;
}

void receiver_settings_unref(struct receiver_settings *settings)
{
    if (settings != NULL &&
        atomic_fetch_sub_explicit(&settings->refs, 1, memory_order_acq_rel) == 1) {
        settings_free(settings);
    }
}

// ---- names and types ----

tidings_status receiver_name_check(struct str name, struct tidings_error *err)
{
    bool good = name.len >= 1 && name.len <= RECEIVER_NAME_MAX;
    for (size_t i = 0; good && i < name.len; i++) {
        char c = name.ptr[i];
        good = (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '.' ||
               c == '_' || c == '-';
    }
    return good ? TIDINGS_OK
                : error_set(err, TIDINGS_E_INVALID,
                            "name of a receiver: must be 1 to %d letters, digits, `.`, `_`, `-`",
                            RECEIVER_NAME_MAX);
}

bool receiver_subscribes(const struct receiver_settings *settings, struct str type)
{
    for (size_t i = 0; i < settings->type_count; i++) {
        if (str_matches(type, settings->types[i])) {
            return true;
        }
    }
    return false;
}

const struct receiver_limits *receiver_limits(const struct receiver_settings *settings)
{
    return &settings->limits;
}

const char *receiver_url(const struct receiver_settings *settings)
{
    return settings->url;
}

// ---- made ----

tidings_status settings_build(struct str name, json_t *root, const struct source *source,
                              struct receiver_settings **ret, struct tidings_error *err)
{
    struct receiver_settings *settings = calloc(1, sizeof *settings);
    tidings_status status = receiver_name_check(name, err);
    *ret = NULL;
    if (settings == NULL) {
        status = error_set(err, TIDINGS_E_NO_MEMORY, "no memory for settings");
    }
    if (status == TIDINGS_OK) {
        BASE_ASSERT(str_copy(settings->name, sizeof settings->name, name));
        settings->limits = (struct receiver_limits){ .timeout_ms = 15000,
                                                     .in_flight = 64,
                                                     .breaker_failures = 10,
                                                     .probe_ms = 5000,
                                                     .probe_max_ms = 60000 };
        settings->signature_header = STR("X-Signature");
        settings->signature_prefix = STR("");
        atomic_init(&settings->refs, 1);
        status = settings_fill(root, source, settings, err);
    }
    secrets_wipe(root);
    if (status != TIDINGS_OK) {
        json_decref(root);
        if (settings != NULL) {
            settings_free(settings);
        }
        return status;
    }
    secrets_remove(root);
    settings->plain = root;
    *ret = settings;
    return TIDINGS_OK;
}
