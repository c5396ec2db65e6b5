// SPDX-License-Identifier: Apache-2.0
// Every allocation of the crypto library fails once, the first, the second and so on until all goes
// well: each call says so, appends nothing and leaves nothing behind (the sanitizer looks at that).
#include <openssl/crypto.h>
#include <openssl/err.h>

#include "test_sign_pem.h"
#include "test_sign_support.h"

// Not in a struct: the library's allocator has no context.
static long allowed = -1; // allocations that still go well; -1: all do
static bool failed;

static bool may_allocate(void)
{
    if (allowed == 0) {
        failed = true;
        return false;
    }
    allowed -= allowed > 0;
    return true;
}

static void *give(size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return may_allocate() ? malloc(size) : NULL;
}

static void *give_again(void *memory, size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return may_allocate() ? realloc(memory, size) : NULL;
}

static void take_back(void *memory, const char *file, int line)
{
    (void)file;
    (void)line;
    free(memory);
}

struct run {
    enum sign_scheme scheme;
    const char *text;
};
static const struct run runs[] = {
    { SIGN_STANDARD, SECRET_1 },   { SIGN_STANDARD, ED_SECRET },   { SIGN_HMAC_HEX, "secret" },
    { SIGN_PARAMS_MD5, "secret" }, { SIGN_PARAMS_HMAC, "secret" }, { SIGN_RSA2, pem_private },
};

static tidings_status sign(const struct sign_secret *key, enum sign_scheme scheme, struct buf *out,
                           struct tidings_error *err)
{
    static const struct sign_param params[] = { { { "a", 1 }, { "1", 1 } } };
    switch (scheme) {
    case SIGN_STANDARD: return sign_webhook(&key, 1, STR("id"), 7, STR("body"), out, err);
    case SIGN_HMAC_HEX: return sign_body_hex(key, STR("x="), STR("body"), out, err);
    default: return sign_params(key, params, 1, out, err);
    }
}

static tidings_status verify(const struct sign_secret *key, enum sign_scheme scheme,
                             struct str value, struct tidings_error *err)
{
    const struct sign_param params[] = { { { "a", 1 }, { "1", 1 } }, { { "sign", 4 }, value } };
    const struct sign_webhook_headers headers = { STR("id"), STR("7"), value };
    switch (scheme) {
    case SIGN_STANDARD: return sign_webhook_verify(&key, 1, &headers, 7, 0, STR("body"), err);
    case SIGN_HMAC_HEX: return sign_body_hex_verify(&key, 1, STR("x="), STR("body"), value, err);
    default: return sign_params_verify(&key, 1, params, 2, err);
    }
}

// Makes a key, signs, verifies. An error's status is not always E_NO_MEMORY: the library does not
// always say why it failed.
static void go(const struct run *run, const char *want)
{
    struct sign_secret *key = NULL;
    struct tidings_error err = { 0 };
    struct buf out;
    buf_init(&out, 1024);
    tidings_status status = sign_secret_new(run->scheme, str_of(run->text), &key, &err);
    assert_int_equal(status == TIDINGS_OK, key != NULL);
    if (status == TIDINGS_OK) {
        status = sign(key, run->scheme, &out, &err);
        assert_buf(&out, status == TIDINGS_OK ? want : "");
    }
    if (status == TIDINGS_OK) {
        status = verify(key, run->scheme, buf_str(&out), &err);
    }
    assert_int_equal(err.status, status);
    assert_int_equal(ERR_peek_error(), 0);
    assert_true(failed || status == TIDINGS_OK);
    sign_secret_free(key);
    buf_deinit(&out);
}

static void each_allocation_may_fail(void **state)
{
    (void)state;
    for (size_t i = 0; i < BASE_COUNT(runs); i++) {
        struct sign_secret *key = secret_of(runs[i].scheme, runs[i].text);
        char want[1024];
        struct buf out;
        buf_init(&out, sizeof want);
        assert_int_equal(sign(key, runs[i].scheme, &out, NULL), TIDINGS_OK);
        assert_true(str_copy(want, sizeof want, buf_str(&out)));
        buf_deinit(&out);
        sign_secret_free(key);
        long most = 0;
        do {
            failed = false;
            allowed = most++;
            go(&runs[i], want);
        } while (failed);
        allowed = -1;
        assert_true(most > 5);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(each_allocation_may_fail) };
    if (CRYPTO_set_mem_functions(give, give_again, take_back) != 1) {
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
