// SPDX-License-Identifier: Apache-2.0
// A keys file of any content: what is refused says in which line; what is taken keeps the rules,
// and each key is found by its hash.
#include "api/keys.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_key(struct api_keys *keys, const struct api_key *key)
{
    BASE_ASSERT(api_keys_find(keys, key->hash) == key);
    BASE_ASSERT(key->role == API_OPERATOR || key->role == API_INITIATOR ||
                key->role == API_RECEIVER);
    BASE_ASSERT(key->name[0] != '\0' && strlen(key->name) <= API_KEY_NAME_MAX);
    BASE_ASSERT((key->sources.ptr != NULL) == (key->role == API_INITIATOR));
    BASE_ASSERT((key->receivers.ptr != NULL) == (key->role == API_RECEIVER));
    BASE_ASSERT(key->rate >= 0 && key->rate <= API_RATE_MAX);
    // A name without `*` in a pattern list matches itself.
    struct str only = api_patterns_only(key->sources);
    BASE_ASSERT(only.ptr == NULL || api_patterns_match(key->sources, only));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct api_keys *keys = NULL;
    struct tidings_error err = { 0 };
    tidings_status status = api_keys_parse(str_make(data, size), "keys", &keys, &err);
    if (status != TIDINGS_OK) {
        BASE_ASSERT(keys == NULL && err.status == status);
        BASE_ASSERT(str_starts(str_of(err.text), STR("keys:")));
        return 0;
    }
    for (size_t i = 0; i < api_keys_count(keys); i++) {
        check_key(keys, api_keys_at(keys, i));
    }
    api_keys_unref(keys);
    return 0;
}
