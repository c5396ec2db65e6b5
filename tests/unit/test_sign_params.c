// SPDX-License-Identifier: Apache-2.0
// Signed parameters: the example of WeChat Pay's documentation, and others that were computed with
// Python's hashlib and hmac and with the command `openssl dgst -sha256 -sign`.
#include "test_sign_pem.h"
#include "test_sign_support.h"

#define KEY "192006250b4c09247ec02edce69f6a2d"

#define P(name, value)                                                                             \
    {                                                                                              \
        { name, sizeof(name) - 1 },                                                                \
        {                                                                                          \
            value, sizeof(value) - 1                                                               \
        }                                                                                          \
    }

// The documentation's own example.
static const struct sign_param example[] = {
    P("appid", "wxd930ea5d5a258f4f"),   P("mch_id", "10000100"),
    P("device_info", "1000"),           P("body", "test"),
    P("nonce_str", "ibuaiVcKdpRxkhJA"),
};
#define EXAMPLE_MD5  "9A0A8659F005D6984697E2CA0A9CF3B7"
#define EXAMPLE_HMAC "6A9AE1657590FD6257D693A078E1C3E4BB6BA4DC30B23E0EE2496E54170DACD6"

// Capitals before small letters, one name the start of another, an empty value, a `sign` that is
// there already, sign_type, which is signed; values beyond ASCII and with the separators.
static const struct sign_param mixed[] = {
    P("total_fee", "1"),
    P("Zeta", "z"),
    P("attach", "\xe6\x94\xaf\xe4\xbb\x98\xe6\xb5\x8b\xe8\xaf\x95 a&b=c"),
    P("out_trade_no", "1409811653"),
    P("empty", ""),
    P("sign_type", "HMAC-SHA256"),
    P("sign", "of before"),
    P("result_code", "SUCCESS"),
    P("a1", "x"),
    P("a", "y"),
    P("a_", "\xc3\xa9"),
};
#define MIXED_MD5  "942444D096FBFD8FD7749E6A50FB6F63"
#define MIXED_HMAC "FFCCE582E969587AA946BA0A926126DE40078472417034BEFD795516837219AE"

// app_id=…&charset=…&notify_id=…&subject=…&total_amount=…&trade_status=…&version=…
static const struct sign_param trade[] = {
    P("app_id", "2014072300007148"),
    P("notify_id", "ac05099524730693a8b330c45cecf72da9786"),
    P("subject", "\xe8\x8b\xb9\xe6\x9e\x9c & co=1"),
    P("total_amount", "9.00"),
    P("trade_status", "TRADE_SUCCESS"),
    P("charset", "utf-8"),
    P("sign_type", "RSA2"),
    P("buyer_remark", ""),
    P("version", "1.0"),
};
#define TRADE_RSA2                                                                                 \
    "FqKslIawyyr/Ckrv74aoLdcaPf3a3sANuzDMh1XeytGLhWhk7zNnzCMyJ+9mlp0hdcs/Qh6x6ltOKUqgGAJGq79i5pN7" \
    "Jv0e/9lK8KDd9z0c7/dELATUMhO7bH6v7nBS1DMxeC+PKcor6CU9PLzabXpvrrVxyqOtM3eyjaBdHMyhqap86aMFmOYO" \
    "L5b6cZzXjzkt0CCYWJZjCjn/ZeDfXdeKZt3QZFO13mroHLPKbbtiynotggyYDNbZGLHwABtWa/g1o6MaCaNLlAifIfJj" \
    "Qa/0AZyO3lCdRLM6Ar90r8bC8pKD3JX+4U9rA8ybJx3LNhgb1S6ttrhmE6o0o0FuUw=="

enum { PARAMS = 16 };

// The parameters in the order turned round, with another `sign`.
static size_t with_sign(const struct sign_param *params, size_t count, struct str sign,
                        struct sign_param *ret)
{
    size_t made = 0;
    ret[made++] = (struct sign_param){ STR("sign"), sign };
    for (size_t i = count; i-- > 0;) {
        if (!str_eq(params[i].name, STR("sign"))) {
            ret[made++] = params[i];
        }
    }
    return made;
}

static void assert_signs(enum sign_scheme scheme, const char *secret_text,
                         const struct sign_param *params, size_t count, const char *want)
{
    struct sign_secret *secret = secret_of(scheme, secret_text);
    const struct sign_secret *key = secret;
    struct sign_param turned[PARAMS];
    struct buf out;
    buf_init(&out, strlen(want));
    assert_int_equal(sign_params(key, params, count, &out, NULL), TIDINGS_OK);
    assert_buf(&out, want);
    size_t turned_count = with_sign(params, count, buf_str(&out), turned);
    assert_int_equal(sign_params_verify(&key, 1, turned, turned_count, NULL), TIDINGS_OK);
    struct buf again;
    buf_init(&again, strlen(want));
    assert_int_equal(sign_params(key, turned, turned_count, &again, NULL), TIDINGS_OK);
    assert_buf(&again, want);
    buf_deinit(&again);
    buf_deinit(&out);
    sign_secret_free(secret);
}

static void signatures_are_those_of_others(void **state)
{
    (void)state;
    assert_signs(SIGN_PARAMS_MD5, KEY, example, BASE_COUNT(example), EXAMPLE_MD5);
    assert_signs(SIGN_PARAMS_HMAC, KEY, example, BASE_COUNT(example), EXAMPLE_HMAC);
    assert_signs(SIGN_PARAMS_MD5, KEY, mixed, BASE_COUNT(mixed), MIXED_MD5);
    assert_signs(SIGN_PARAMS_HMAC, KEY, mixed, BASE_COUNT(mixed), MIXED_HMAC);
    assert_signs(SIGN_RSA2, pem_private, trade, BASE_COUNT(trade), TRADE_RSA2);
    assert_signs(SIGN_RSA2, pem_private_pkcs1, trade, BASE_COUNT(trade), TRADE_RSA2);
}

static tidings_status check(enum sign_scheme scheme, const char *secret_text,
                            const struct sign_param *params, size_t count, const char *sign)
{
    struct sign_secret *secret = secret_of(scheme, secret_text);
    const struct sign_secret *key = secret;
    struct sign_param all[PARAMS];
    struct tidings_error err = { 0 };
    size_t all_count = with_sign(params, count, str_of(sign), all);
    tidings_status status = sign_params_verify(&key, 1, all, all_count, &err);
    assert_int_equal(err.status, status);
    sign_secret_free(secret);
    return status;
}

static void digests_are_compared(void **state)
{
    (void)state;
    static const struct {
        enum sign_scheme scheme;
        const char *sign;
        tidings_status want;
    } all[] = {
        { SIGN_PARAMS_MD5, EXAMPLE_MD5, TIDINGS_OK },
        { SIGN_PARAMS_MD5, "9a0a8659f005d6984697e2ca0a9cf3b7", TIDINGS_OK },
        { SIGN_PARAMS_MD5, "9A0A8659F005D6984697E2CA0A9CF3B6", TIDINGS_E_PERMISSION },
        { SIGN_PARAMS_MD5, "1A0A8659F005D6984697E2CA0A9CF3B7", TIDINGS_E_PERMISSION },
        { SIGN_PARAMS_MD5, EXAMPLE_HMAC, TIDINGS_E_INVALID },
        { SIGN_PARAMS_MD5, "", TIDINGS_E_INVALID },
        { SIGN_PARAMS_MD5, "9A0A8659F005D6984697E2CA0A9CF3B", TIDINGS_E_INVALID },
        { SIGN_PARAMS_MD5, "9A0A8659F005D6984697E2CA0A9CF3BG", TIDINGS_E_INVALID },
        { SIGN_PARAMS_MD5, EXAMPLE_MD5 " ", TIDINGS_E_INVALID },
        { SIGN_PARAMS_HMAC, EXAMPLE_HMAC, TIDINGS_OK },
        { SIGN_PARAMS_HMAC, EXAMPLE_MD5, TIDINGS_E_INVALID },
        { SIGN_PARAMS_HMAC, EXAMPLE_MD5 EXAMPLE_MD5, TIDINGS_E_PERMISSION },
        { SIGN_PARAMS_HMAC, MIXED_HMAC, TIDINGS_E_PERMISSION },
    };
    for (size_t i = 0; i < BASE_COUNT(all); i++) {
        assert_int_equal(check(all[i].scheme, KEY, example, BASE_COUNT(example), all[i].sign),
                         all[i].want);
    }
    assert_int_equal(check(SIGN_PARAMS_MD5, KEY "x", example, BASE_COUNT(example), EXAMPLE_MD5),
                     TIDINGS_E_PERMISSION);
    // without one of them
    assert_int_equal(check(SIGN_PARAMS_MD5, KEY, example, BASE_COUNT(example) - 1, EXAMPLE_MD5),
                     TIDINGS_E_PERMISSION);
}

static void rsa_signatures_are_compared(void **state)
{
    (void)state;
    char text[] = TRADE_RSA2;
    assert_int_equal(check(SIGN_RSA2, pem_public, trade, BASE_COUNT(trade), text), TIDINGS_OK);
    assert_int_equal(check(SIGN_RSA2, pem_private, trade, BASE_COUNT(trade), text), TIDINGS_OK);
    assert_int_equal(check(SIGN_RSA2, pem_public_other, trade, BASE_COUNT(trade), text),
                     TIDINGS_E_PERMISSION);
    assert_int_equal(check(SIGN_RSA2, pem_public, trade, BASE_COUNT(trade) - 1, text),
                     TIDINGS_E_PERMISSION);
    text[100] = text[100] == 'A' ? 'B' : 'A';
    assert_int_equal(check(SIGN_RSA2, pem_public, trade, BASE_COUNT(trade), text),
                     TIDINGS_E_PERMISSION);
    text[100] = '-';
    assert_int_equal(check(SIGN_RSA2, pem_public, trade, BASE_COUNT(trade), text),
                     TIDINGS_E_INVALID);
    assert_int_equal(check(SIGN_RSA2, pem_public, trade, BASE_COUNT(trade), "AAAA"),
                     TIDINGS_E_PERMISSION);
    assert_int_equal(check(SIGN_RSA2, pem_public, trade, BASE_COUNT(trade), ""), TIDINGS_E_INVALID);
    static char longest[(SIGN_RSA_BITS_MAX / 8 + 2) / 3 * 4 + 5];
    memset(longest, 'A', sizeof longest - 1);
    assert_int_equal(check(SIGN_RSA2, pem_public, trade, BASE_COUNT(trade), longest),
                     TIDINGS_E_INVALID);
}

static void any_key_may_fit(void **state)
{
    (void)state;
    struct sign_secret *other = secret_of(SIGN_RSA2, pem_public_other);
    struct sign_secret *rsa = secret_of(SIGN_RSA2, pem_public);
    struct sign_secret *old = secret_of(SIGN_PARAMS_MD5, "old");
    struct sign_secret *new = secret_of(SIGN_PARAMS_MD5, KEY);
    const struct sign_secret *rsa_keys[] = { other, rsa };
    const struct sign_secret *md5_keys[] = { old, new };
    const struct sign_secret *both_keys[] = { new, rsa };
    struct tidings_error err = { 0 };
    struct sign_param params[PARAMS];
    size_t count = with_sign(trade, BASE_COUNT(trade), STR(TRADE_RSA2), params);
    assert_int_equal(sign_params_verify(rsa_keys, 2, params, count, NULL), TIDINGS_OK);
    assert_int_equal(sign_params_verify(rsa_keys, 1, params, count, NULL), TIDINGS_E_PERMISSION);
    assert_int_equal(sign_params_verify(rsa_keys, 0, params, count, NULL), TIDINGS_E_INVALID);
    count = with_sign(example, BASE_COUNT(example), STR(EXAMPLE_MD5), params);
    assert_int_equal(sign_params_verify(md5_keys, 2, params, count, NULL), TIDINGS_OK);
    assert_int_equal(sign_params_verify(md5_keys, 1, params, count, NULL), TIDINGS_E_PERMISSION);
    assert_int_equal(sign_params_verify(both_keys, 2, params, count, &err), TIDINGS_E_INVALID);
    assert_non_null(strstr(err.text, "key 2 of 2"));
    sign_secret_free(other);
    sign_secret_free(rsa);
    sign_secret_free(old);
    sign_secret_free(new);
}

static void names_must_be_plain_and_single(void **state)
{
    (void)state;
    static const struct {
        struct sign_param params[3];
        const char *says;
    } all[] = {
        { { P("a", "1"), P("b", "2"), P("a", "1") }, "twice" },
        { { P("a", "1"), P("b", "2"), P("a", "") }, "twice" },
        { { P("sign", "1"), P("b", "2"), P("sign", "2") }, "twice" },
        { { P("a", "1"), P("b", "2"), P("", "3") }, "empty" },
        { { P("a", "1"), P("b=2", "2"), P("c", "3") }, "\"=\"" },
        { { P("a", "1"), P("b", "2"), P("&c", "3") }, "\"&\"" },
        { { P("a", ""), P("b", ""), P("sign", "3") }, "nothing to sign" },
    };
    static const enum sign_scheme schemes[] = { SIGN_PARAMS_MD5, SIGN_PARAMS_HMAC, SIGN_RSA2 };
    struct buf out;
    buf_init(&out, 1024);
    for (size_t scheme = 0; scheme < BASE_COUNT(schemes); scheme++) {
        struct sign_secret *secret =
            secret_of(schemes[scheme], schemes[scheme] == SIGN_RSA2 ? pem_private : KEY);
        const struct sign_secret *key = secret;
        for (size_t i = 0; i < BASE_COUNT(all); i++) {
            struct tidings_error err = { 0 };
            assert_int_equal(sign_params(key, all[i].params, 3, &out, &err), TIDINGS_E_INVALID);
            assert_non_null(strstr(err.text, all[i].says));
            assert_int_equal(sign_params_verify(&key, 1, all[i].params, 3, NULL),
                             TIDINGS_E_INVALID);
        }
        const struct sign_param type[] = { P("sign_type", "RSA2") };
        assert_int_equal(sign_params(key, NULL, 0, &out, NULL), TIDINGS_E_INVALID);
        assert_int_equal(sign_params(key, type, 1, &out, NULL),
                         schemes[scheme] == SIGN_RSA2 ? TIDINGS_E_INVALID : TIDINGS_OK);
        buf_clear(&out);
        assert_int_equal(sign_params_verify(&key, 1, example, BASE_COUNT(example), NULL),
                         TIDINGS_E_INVALID); // no `sign`
        sign_secret_free(secret);
    }
    buf_deinit(&out);
}

static void wrong_keys_do_not_sign(void **state)
{
    (void)state;
    struct sign_secret *public = secret_of(SIGN_RSA2, pem_public);
    struct sign_secret *hex = secret_of(SIGN_HMAC_HEX, KEY);
    struct sign_secret *md5 = secret_of(SIGN_PARAMS_MD5, KEY);
    struct sign_secret *rsa = secret_of(SIGN_RSA2, pem_private);
    struct tidings_error err = { 0 };
    struct buf out;
    buf_init(&out, 31);
    assert_int_equal(sign_params(public, trade, BASE_COUNT(trade), &out, &err), TIDINGS_E_INVALID);
    assert_non_null(strstr(err.text, "public key"));
    assert_int_equal(sign_params(hex, trade, BASE_COUNT(trade), &out, &err), TIDINGS_E_INVALID);
    assert_non_null(strstr(err.text, "hmac_hex"));
    assert_int_equal(sign_params(NULL, trade, BASE_COUNT(trade), &out, NULL), TIDINGS_E_INVALID);
    assert_int_equal(sign_params(md5, trade, BASE_COUNT(trade), &out, &err), TIDINGS_E_TOO_LARGE);
    assert_string_equal(err.text, "no room for a signature");
    assert_int_equal(sign_params(rsa, trade, BASE_COUNT(trade), &out, &err), TIDINGS_E_TOO_LARGE);
    assert_int_equal(out.len, 0);
    buf_deinit(&out);
    sign_secret_free(public);
    sign_secret_free(hex);
    sign_secret_free(md5);
    sign_secret_free(rsa);
}

static void parameters_have_a_maximum(void **state)
{
    (void)state;
    static char names[SIGN_PARAMS_MAX + 1][8];
    static struct sign_param params[SIGN_PARAMS_MAX + 1];
    for (size_t i = 0; i <= SIGN_PARAMS_MAX; i++) {
        int len = snprintf(names[i], sizeof names[i], "p%03zu", i);
        params[i] = (struct sign_param){ str_make(names[i], (size_t)len), STR("v") };
    }
    struct sign_secret *key = secret_of(SIGN_PARAMS_MD5, KEY);
    struct tidings_error err = { 0 };
    struct buf out;
    buf_init(&out, 64);
    assert_int_equal(sign_params(key, params, SIGN_PARAMS_MAX + 1, &out, &err),
                     TIDINGS_E_TOO_LARGE);
    assert_non_null(strstr(err.text, "257 parameters"));
    assert_int_equal(out.len, 0);
    assert_int_equal(sign_params(key, params, SIGN_PARAMS_MAX, &out, NULL), TIDINGS_OK);
    assert_buf(&out, "B0A3B4A4A07BA9BD3CC514454B77C1BA");
    buf_deinit(&out);
    sign_secret_free(key);
}

static void what_is_signed_can_be_told(void **state)
{
    struct buf text;
    struct tidings_error err = { 0 };
    (void)state;
    buf_init(&text, 200);
    assert_int_equal(buf_add_str(&text, STR("over ")), TIDINGS_OK);
    assert_int_equal(sign_params_text(SIGN_PARAMS_MD5, example, BASE_COUNT(example), &text, &err),
                     TIDINGS_OK);
    assert_true(
        str_eq(buf_str(&text), STR("over appid=wxd930ea5d5a258f4f&body=test&device_info=1000&"
                                   "mch_id=10000100&nonce_str=ibuaiVcKdpRxkhJA")));
    const struct sign_param typed[] = { P("sign_type", "RSA2"), P("sign", "x"), P("a", "1") };
    buf_clear(&text);
    assert_int_equal(sign_params_text(SIGN_RSA2, typed, BASE_COUNT(typed), &text, &err),
                     TIDINGS_OK);
    assert_true(str_eq(buf_str(&text), STR("a=1")));
    assert_int_equal(sign_params_text(SIGN_RSA2, typed, 2, &text, &err), TIDINGS_E_INVALID);
    assert_int_equal(text.len, 3);
    text.max = 20;
    assert_int_equal(sign_params_text(SIGN_PARAMS_MD5, example, BASE_COUNT(example), &text, &err),
                     TIDINGS_E_TOO_LARGE);
    assert_int_equal(text.len, 3);
    buf_deinit(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signatures_are_those_of_others),
        cmocka_unit_test(digests_are_compared),
        cmocka_unit_test(rsa_signatures_are_compared),
        cmocka_unit_test(any_key_may_fit),
        cmocka_unit_test(names_must_be_plain_and_single),
        cmocka_unit_test(wrong_keys_do_not_sign),
        cmocka_unit_test(parameters_have_a_maximum),
        cmocka_unit_test(what_is_signed_can_be_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
