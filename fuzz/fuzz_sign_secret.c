// SPDX-License-Identifier: Apache-2.0
// Texts of secrets: the first byte chooses the scheme. What is taken signs, if it may, and verifies
// what it has signed; what is refused leaves nothing but a text.
#include "sign/webhook.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { OUT_MAX = 2048 };

static void check_standard(const struct sign_secret *key)
{
    struct buf out;
    buf_init(&out, SIGN_HEADER_MADE_MAX);
    tidings_status status = sign_webhook(&key, 1, STR("id"), 7, STR("body"), &out, NULL);
    BASE_ASSERT(status == (sign_secret_can_sign(key) ? TIDINGS_OK : TIDINGS_E_INVALID));
    if (status == TIDINGS_OK) {
        struct sign_webhook_headers headers = { STR("id"), STR("7"), buf_str(&out) };
        BASE_ASSERT(sign_webhook_verify(&key, 1, &headers, 7, 0, STR("body"), NULL) == TIDINGS_OK);
        BASE_ASSERT(sign_webhook_verify(&key, 1, &headers, 7, 0, STR("bodY"), NULL) ==
                    TIDINGS_E_PERMISSION);
    }
    buf_deinit(&out);
}

static void check_hex(const struct sign_secret *key)
{
    struct buf out;
    buf_init(&out, OUT_MAX);
    BASE_ASSERT(sign_body_hex(key, STR("x="), STR("body"), &out, NULL) == TIDINGS_OK);
    BASE_ASSERT(sign_body_hex_verify(&key, 1, STR("x="), STR("body"), buf_str(&out), NULL) ==
                TIDINGS_OK);
    BASE_ASSERT(sign_body_hex_verify(&key, 1, STR("x="), STR("bodY"), buf_str(&out), NULL) ==
                TIDINGS_E_PERMISSION);
    buf_deinit(&out);
}

static void check_params(const struct sign_secret *key)
{
    struct sign_param params[] = { { STR("b"), STR("2") },
                                   { STR("a"), STR("1") },
                                   { STR("sign"), STR("") } };
    struct buf out;
    buf_init(&out, OUT_MAX);
    // A key of RSA may be damaged in ways that show only when it signs.
    if (sign_params(key, params, BASE_COUNT(params), &out, NULL) == TIDINGS_OK) {
        params[2].value = buf_str(&out);
        tidings_status status = sign_params_verify(&key, 1, params, BASE_COUNT(params), NULL);
        BASE_ASSERT(status == TIDINGS_OK || status == TIDINGS_E_PERMISSION);
    }
    buf_deinit(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tidings_error err = { 0 };
    struct sign_secret *secret = NULL;
    if (size == 0) {
        return 0;
    }
    enum sign_scheme scheme = (enum sign_scheme)(data[0] % (SIGN_RSA2 + 1));
    tidings_status status = sign_secret_new(scheme, str_make(data + 1, size - 1), &secret, &err);
    BASE_ASSERT((status == TIDINGS_OK) == (secret != NULL));
    if (status != TIDINGS_OK) {
        BASE_ASSERT(err.text[0] != '\0' && err.status == status);
        return 0;
    }
    if (scheme == SIGN_STANDARD) {
        check_standard(secret);
    } else if (scheme == SIGN_HMAC_HEX) {
        check_hex(secret);
    } else {
        check_params(secret);
    }
    sign_secret_free(secret);
    return 0;
}
