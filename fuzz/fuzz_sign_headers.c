// SPDX-License-Identifier: Apache-2.0
// Headers of a webhook as a stranger writes them: id, timestamp and list of signatures, separated
// by newlines, then the body. Nothing but what the keys have signed is taken.
#include <string.h>

#include "sign/webhook.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char hmac_key[] = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
static const char ed25519_key[] =
    "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg==";

static void check_taken(const struct sign_secret *const *keys,
                        const struct sign_webhook_headers *headers, struct str body)
{
    // What was taken is in the list of what these keys make of it.
    struct buf own;
    struct str rest;
    struct str piece;
    bool found = false;
    int64_t timestamp_s = 0;
    for (size_t i = 0; i < headers->timestamp.len; i++) {
        timestamp_s = timestamp_s * 10 + (headers->timestamp.ptr[i] - '0');
    }
    buf_init(&own, SIGN_HEADER_MADE_MAX);
    BASE_ASSERT(sign_webhook(keys, 2, headers->id, timestamp_s, body, &own, NULL) == TIDINGS_OK);
    rest = buf_str(&own);
    while (str_split(&rest, ' ', &piece)) {
        found = found || str_find_str(headers->signature, piece) != SIZE_MAX;
    }
    BASE_ASSERT(found);
    buf_deinit(&own);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sign_secret *secrets[2] = { NULL, NULL };
    struct tidings_error err = { 0 };
    struct str rest = str_make(data, size);
    struct sign_webhook_headers headers = { STR(""), STR(""), STR("") };
    BASE_ASSERT(sign_secret_new(SIGN_STANDARD, STR(hmac_key), &secrets[0], NULL) == TIDINGS_OK);
    BASE_ASSERT(sign_secret_new(SIGN_STANDARD, STR(ed25519_key), &secrets[1], NULL) == TIDINGS_OK);
    const struct sign_secret *const keys[2] = { secrets[0], secrets[1] };
    if (size > 0 && str_split(&rest, '\n', &headers.id) &&
        str_split(&rest, '\n', &headers.timestamp) && str_split(&rest, '\n', &headers.signature)) {
        struct str body = rest.ptr != NULL ? rest : STR("");
        tidings_status status =
            sign_webhook_verify(keys, 2, &headers, 1614265330, SIGN_TOLERANCE_S, body, &err);
        if (status == TIDINGS_OK) {
            check_taken(keys, &headers, body);
        } else {
            BASE_ASSERT(err.text[0] != '\0');
        }
    }
    sign_secret_free(secrets[0]);
    sign_secret_free(secrets[1]);
    return 0;
}
