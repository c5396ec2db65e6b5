// SPDX-License-Identifier: Apache-2.0
// Standard Webhooks against the vectors of its libraries and of one sender (v1a), and others that
// were computed with Python's hmac; the same for hmac_hex.
#include "test_sign_support.h"

#define ID_1   "msg_p5jXN8AQM9LWM0D4loKWxJek"
#define TIME_1 "1614265330"
#define BODY_1 "{\"test\": 2432232314}"
#define GOOD_1 "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
#define GOOD_2 "v1,78nXHjpFP0tVJQW5D0SBwmVyyW87BV/rL6MgfM/Bw44=" // the same by SECRET_2
#define GOOD_ED                                                                                    \
    "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg=="
#define BAD_1 "v1,R3PTzyfHASBKHH98a7yexTwaJ4yNIcGhFQc1yuN+BPU="
#define BAD_2 "v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc="
enum { NOW_1 = 1614265330 };

static void assert_signs(const char *secret_text, const char *id, int64_t time_s, struct str body,
                         const char *want)
{
    struct sign_secret *secret = secret_of(SIGN_STANDARD, secret_text);
    const struct sign_secret *key = secret;
    struct buf out;
    buf_init(&out, SIGN_HEADER_MADE_MAX);
    for (int round = 0; round < 2; round++) { // signing changes nothing in the key
        buf_clear(&out);
        assert_int_equal(sign_webhook(&key, 1, str_of(id), time_s, body, &out, NULL), TIDINGS_OK);
        assert_buf(&out, want);
    }
    buf_deinit(&out);
    sign_secret_free(secret);
}

static void signatures_are_those_of_others(void **state)
{
    (void)state;
    assert_signs(SECRET_1, ID_1, NOW_1, STR(BODY_1), GOOD_1);
    assert_signs(SECRET_2, "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk", 1649367553,
                 STR("{\"email\":\"test@example.com\",\"username\":\"test_user\"}"),
                 "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=");
    assert_signs(ED_SECRET, ID_1, NOW_1, STR(BODY_1), GOOD_ED);
    assert_signs(ED_SEED, ID_1, NOW_1, STR(BODY_1), GOOD_ED);
    assert_signs(SECRET_64, "a", 0, STR(""), "v1,uveq/R7Ke8zKZ1m8ObG+BocfQ3KjHEmEeOmkG099p/g=");
    assert_signs(SECRET_64, "a", 0, str_make(NULL, 0),
                 "v1,uveq/R7Ke8zKZ1m8ObG+BocfQ3KjHEmEeOmkG099p/g=");
    assert_signs(SECRET_24, "c3a9", INT64_MAX, STR("\xe8\xae\xa2\xe5\x8d\x95 \xc3\xa9\0x"),
                 "v1,grk4ECBSJml32eOV5ZcFsoV0ej4yj686XdFjdYpRfKg=");
}

static void bodies_may_be_huge(void **state)
{
    (void)state;
    char *body = big_body();
    assert_signs(SECRET_24, "big", 1, str_make(body, BIG_LEN),
                 "v1,VV6kAxBM16i/rabyD3TpNSblXZJiZM5hyNm7n9Cqz1c=");
    struct sign_secret *secret = secret_of(SIGN_STANDARD, ED_SECRET);
    const struct sign_secret *key = secret;
    struct tidings_error err = { 0 };
    struct buf out;
    buf_init(&out, SIGN_HEADER_MADE_MAX);
    assert_int_equal(buf_add_str(&out, STR("x")), TIDINGS_OK);
    assert_int_equal(
        sign_webhook(&key, 1, STR("a"), 1, str_make(body, SIGN_ED25519_BODY_MAX + 1), &out, &err),
        TIDINGS_E_TOO_LARGE);
    assert_non_null(strstr(err.text, "16777217 bytes"));
    assert_buf(&out, "x");
    buf_clear(&out);
    struct str most = str_make(body, SIGN_ED25519_BODY_MAX);
    assert_int_equal(sign_webhook(&key, 1, STR("a"), 1, most, &out, NULL), TIDINGS_OK);
    struct sign_webhook_headers headers = { STR("a"), STR("1"), buf_str(&out) };
    assert_int_equal(sign_webhook_verify(&key, 1, &headers, 1, 0, most, NULL), TIDINGS_OK);
    body[SIGN_ED25519_BODY_MAX - 1] ^= 1;
    assert_int_equal(sign_webhook_verify(&key, 1, &headers, 1, 0, most, NULL),
                     TIDINGS_E_PERMISSION);
    assert_int_equal(sign_webhook_verify(&key, 1, &headers, 1, 0,
                                         str_make(body, SIGN_ED25519_BODY_MAX + 1), NULL),
                     TIDINGS_E_TOO_LARGE);
    buf_deinit(&out);
    sign_secret_free(secret);
    free(body);
}

static void each_key_adds_a_signature_in_order(void **state)
{
    (void)state;
    struct sign_secret *one = secret_of(SIGN_STANDARD, SECRET_1);
    struct sign_secret *two = secret_of(SIGN_STANDARD, SECRET_2);
    struct sign_secret *ed = secret_of(SIGN_STANDARD, ED_SECRET);
    const struct sign_secret *keys[SIGN_KEYS_MAX + 1] = { two, ed, one };
    struct buf out;
    buf_init(&out, SIGN_HEADER_MADE_MAX);
    assert_int_equal(sign_webhook(keys, 3, STR(ID_1), NOW_1, STR(BODY_1), &out, NULL), TIDINGS_OK);
    assert_buf(&out, GOOD_2 " " GOOD_ED " " GOOD_1);
    buf_clear(&out);
    for (size_t i = 0; i <= SIGN_KEYS_MAX; i++) {
        keys[i] = ed; // the longest there are
    }
    assert_int_equal(sign_webhook(keys, SIGN_KEYS_MAX, STR(ID_1), NOW_1, STR(BODY_1), &out, NULL),
                     TIDINGS_OK);
    assert_int_equal(out.len, SIGN_KEYS_MAX * strlen(GOOD_ED " ") - 1);
    assert_int_equal(
        sign_webhook(keys, SIGN_KEYS_MAX + 1, STR(ID_1), NOW_1, STR(BODY_1), &out, NULL),
        TIDINGS_E_INVALID);
    assert_int_equal(sign_webhook(keys, 0, STR(ID_1), NOW_1, STR(BODY_1), &out, NULL),
                     TIDINGS_E_INVALID);
    assert_int_equal(out.len, SIGN_KEYS_MAX * strlen(GOOD_ED " ") - 1);
    buf_deinit(&out);
    sign_secret_free(one);
    sign_secret_free(two);
    sign_secret_free(ed);
}

static void wrong_input_is_not_signed(void **state)
{
    (void)state;
    char id[SIGN_ID_MAX + 1];
    memset(id, 'i', sizeof id);
    struct sign_secret *one = secret_of(SIGN_STANDARD, SECRET_1);
    struct sign_secret *public = secret_of(SIGN_STANDARD, ED_PUBLIC);
    struct sign_secret *other = secret_of(SIGN_HMAC_HEX, SECRET_1);
    const struct sign_secret *key = one;
    struct tidings_error err = { 0 };
    struct buf out;
    buf_init(&out, SIGN_HEADER_MADE_MAX);
    const struct str wrong_ids[] = { STR(""),          STR("a.b"),          STR("a b"),
                                     STR("."),         STR("a\n"),          STR("\x7f"),
                                     STR("\xc3\xa9"),  str_make("a\0b", 3), str_make(id, sizeof id),
                                     str_make(NULL, 0) };
    for (size_t i = 0; i < BASE_COUNT(wrong_ids); i++) {
        assert_int_equal(sign_webhook(&key, 1, wrong_ids[i], NOW_1, STR(BODY_1), &out, &err),
                         TIDINGS_E_INVALID);
        assert_non_null(strstr(err.text, "webhook-id"));
    }
    assert_int_equal(sign_webhook(&key, 1, STR(ID_1), -1, STR(BODY_1), &out, &err),
                     TIDINGS_E_INVALID);
    assert_non_null(strstr(err.text, "-1"));
    const struct sign_secret *mixed[] = { one, public };
    assert_int_equal(sign_webhook(mixed, 2, STR(ID_1), NOW_1, STR(BODY_1), &out, &err),
                     TIDINGS_E_INVALID);
    assert_non_null(strstr(err.text, "public key"));
    mixed[1] = other;
    assert_int_equal(sign_webhook(mixed, 2, STR(ID_1), NOW_1, STR(BODY_1), &out, &err),
                     TIDINGS_E_INVALID);
    assert_non_null(strstr(err.text, "key 2 of 2 is not one of standard"));
    mixed[1] = NULL;
    assert_int_equal(sign_webhook(mixed, 2, STR(ID_1), NOW_1, STR(BODY_1), &out, &err),
                     TIDINGS_E_INVALID);
    assert_int_equal(out.len, 0);
    // the longest that is right
    assert_int_equal(
        sign_webhook(&key, 1, str_make(id, SIGN_ID_MAX), INT64_MAX, STR(BODY_1), &out, NULL),
        TIDINGS_OK);
    buf_deinit(&out);
    sign_secret_free(one);
    sign_secret_free(public);
    sign_secret_free(other);
}

static void a_full_buffer_stays_as_it_was(void **state)
{
    (void)state;
    struct sign_secret *one = secret_of(SIGN_STANDARD, SECRET_1);
    struct sign_secret *ed = secret_of(SIGN_STANDARD, ED_SECRET);
    const struct sign_secret *keys[] = { one, ed };
    const size_t needed = 1 + strlen(GOOD_1 " " GOOD_ED);
    for (size_t max = 1; max <= needed; max++) {
        struct tidings_error err = { 0 };
        struct buf out;
        buf_init(&out, max);
        assert_int_equal(buf_add_str(&out, STR("x")), TIDINGS_OK);
        assert_int_equal(sign_webhook(keys, 2, STR(ID_1), NOW_1, STR(BODY_1), &out, &err),
                         max < needed ? TIDINGS_E_TOO_LARGE : TIDINGS_OK);
        assert_string_equal(err.text, max < needed ? "no room for a signature" : "");
        assert_buf(&out, max < needed ? "x" : "x" GOOD_1 " " GOOD_ED);
        buf_deinit(&out);
    }
    sign_secret_free(one);
    sign_secret_free(ed);
}

// ---- verifying ----

struct rig {
    struct sign_secret *secrets[3];
    const struct sign_secret *keys[3];
};

static void rig_init(struct rig *rig)
{
    static const char *const texts[] = { SECRET_1, SECRET_2, ED_PUBLIC };
    for (size_t i = 0; i < 3; i++) {
        rig->keys[i] = rig->secrets[i] = secret_of(SIGN_STANDARD, texts[i]);
    }
}

static void rig_deinit(struct rig *rig)
{
    for (size_t i = 0; i < 3; i++) {
        sign_secret_free(rig->secrets[i]);
    }
}

// With the first key only.
static tidings_status check(const struct rig *rig, const char *signature)
{
    struct sign_webhook_headers headers = { STR(ID_1), STR(TIME_1), str_of(signature) };
    return sign_webhook_verify(rig->keys, 1, &headers, NOW_1, SIGN_TOLERANCE_S, STR(BODY_1), NULL);
}

static void one_good_signature_is_enough(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig);
    assert_int_equal(check(&rig, GOOD_1), TIDINGS_OK);
    assert_int_equal(check(&rig, BAD_2 " " GOOD_1), TIDINGS_OK);
    assert_int_equal(check(&rig, GOOD_1 " " BAD_1), TIDINGS_OK);
    assert_int_equal(check(&rig, "v1, v2,xyz v1,??? nonsense , v1a," BAD_1 " " GOOD_1), TIDINGS_OK);
    assert_int_equal(check(&rig, "  " GOOD_1 "  "), TIDINGS_OK);
    assert_int_equal(check(&rig, GOOD_ED " " GOOD_2 " " GOOD_1), TIDINGS_OK);
    assert_int_equal(check(&rig, GOOD_ED " " GOOD_2), TIDINGS_E_PERMISSION);
    rig_deinit(&rig);
}

static void others_do_not_fit(void **state)
{
    (void)state;
    static const char *const texts[] = {
        BAD_1,
        BAD_2,
        BAD_1 " " BAD_2,
        "v1,",
        ",",
        "v2,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        "V1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        "v1a,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE",      // no padding
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OF=",     // unused bits set
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1A==",     // a byte less
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OEA",     // a byte more
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=v1,x", // no space between
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=\t",
        "v1,83484cf52b04f8e4cf2531adfed9882ad4b2665137b852442d594d20e2c9d4e1", // hex
    };
    struct rig rig;
    rig_init(&rig);
    for (size_t i = 0; i < BASE_COUNT(texts); i++) {
        if (check(&rig, texts[i]) != TIDINGS_E_PERMISSION) {
            fail_msg("%s", texts[i]);
        }
    }
    static const char *const none[] = { "",       " ",
                                        "v1",     "nonsense",
                                        "v1 v1a", "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=" };
    for (size_t i = 0; i < BASE_COUNT(none); i++) {
        assert_int_equal(check(&rig, none[i]), TIDINGS_E_INVALID);
    }
    assert_int_equal(check(&rig, NULL), TIDINGS_E_INVALID);
    rig_deinit(&rig);
}

static void every_bit_of_a_signature_counts(void **state)
{
    (void)state;
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    static const char *const texts[] = { GOOD_1, GOOD_ED };
    struct rig rig;
    rig_init(&rig);
    for (size_t text = 0; text < 2; text++) {
        const struct sign_secret *const *key = &rig.keys[text == 0 ? 0 : 2];
        struct str prefix = text == 0 ? STR("v1,") : STR("v1a,");
        struct sign_webhook_headers headers = { STR(ID_1), STR(TIME_1), str_of(texts[text]) };
        assert_int_equal(sign_webhook_verify(key, 1, &headers, NOW_1, 0, STR(BODY_1), NULL),
                         TIDINGS_OK);
        for (size_t at = prefix.len; texts[text][at] != '='; at++) {
            char copy[128];
            assert_true(str_copy(copy, sizeof copy, str_of(texts[text])));
            const char *digit = strchr(digits, copy[at]);
            assert_non_null(digit);
            copy[at] = digits[(digit - digits) ^ 32]; // the highest bit of the six
            headers.signature = str_of(copy);
            assert_int_equal(sign_webhook_verify(key, 1, &headers, NOW_1, 0, STR(BODY_1), NULL),
                             TIDINGS_E_PERMISSION);
        }
    }
    rig_deinit(&rig);
}

static void any_key_may_fit(void **state)
{
    (void)state;
    static const char *const texts[] = { GOOD_1, GOOD_2, GOOD_ED };
    struct rig rig;
    rig_init(&rig);
    for (size_t text = 0; text < 3; text++) {
        struct sign_webhook_headers headers = { STR(ID_1), STR(TIME_1), str_of(texts[text]) };
        assert_int_equal(sign_webhook_verify(rig.keys, 3, &headers, NOW_1, 0, STR(BODY_1), NULL),
                         TIDINGS_OK);
        for (size_t key = 0; key < 3; key++) {
            assert_int_equal(
                sign_webhook_verify(&rig.keys[key], 1, &headers, NOW_1, 0, STR(BODY_1), NULL),
                key == text ? TIDINGS_OK : TIDINGS_E_PERMISSION);
        }
        assert_int_equal(sign_webhook_verify(rig.keys, 0, &headers, NOW_1, 0, STR(BODY_1), NULL),
                         TIDINGS_E_INVALID);
    }
    rig_deinit(&rig);
}

static void id_time_and_body_are_signed(void **state)
{
    (void)state;
    struct rig rig;
    struct tidings_error err = { 0 };
    rig_init(&rig);
    const struct sign_webhook_headers good = { STR(ID_1), STR(TIME_1), STR(GOOD_1 " " GOOD_ED) };
    assert_int_equal(sign_webhook_verify(rig.keys, 3, &good, NOW_1, 0, STR(BODY_1), NULL),
                     TIDINGS_OK);
    assert_int_equal(sign_webhook_verify(rig.keys, 3, &good, NOW_1, 0, STR(BODY_1 " "), &err),
                     TIDINGS_E_PERMISSION);
    assert_int_equal(err.status, TIDINGS_E_PERMISSION);
    assert_int_equal(sign_webhook_verify(rig.keys, 3, &good, NOW_1, 0, STR(""), NULL),
                     TIDINGS_E_PERMISSION);
    struct sign_webhook_headers headers = good;
    headers.id = STR("msg_p5jXN8AQM9LWM0D4loKWxJeK");
    assert_int_equal(sign_webhook_verify(rig.keys, 3, &headers, NOW_1, 0, STR(BODY_1), NULL),
                     TIDINGS_E_PERMISSION);
    // With a full stop in the id, a part of one field could be passed off as one of the next.
    headers.id = STR(ID_1 "." TIME_1);
    assert_int_equal(sign_webhook_verify(rig.keys, 3, &headers, NOW_1, 0, STR(BODY_1), NULL),
                     TIDINGS_E_INVALID);
    headers = good;
    headers.timestamp = STR("1614265331");
    assert_int_equal(sign_webhook_verify(rig.keys, 3, &headers, NOW_1, 300, STR(BODY_1), NULL),
                     TIDINGS_E_PERMISSION);
    rig_deinit(&rig);
}

static tidings_status check_at(const struct rig *rig, const char *time, int64_t now_s,
                               struct tidings_error *err)
{
    struct sign_webhook_headers headers = { STR(ID_1), str_of(time), STR(GOOD_1) };
    return sign_webhook_verify(rig->keys, 1, &headers, now_s, SIGN_TOLERANCE_S, STR(BODY_1), err);
}

static void timestamps_have_a_tolerance_on_both_sides(void **state)
{
    (void)state;
    struct rig rig;
    struct tidings_error err = { 0 };
    rig_init(&rig);
    assert_int_equal(check_at(&rig, TIME_1, NOW_1 + 300, NULL), TIDINGS_OK);
    assert_int_equal(check_at(&rig, TIME_1, NOW_1 - 300, NULL), TIDINGS_OK);
    assert_int_equal(check_at(&rig, TIME_1, NOW_1 + 301, &err), TIDINGS_E_STATE);
    assert_non_null(strstr(err.text, "301 seconds in the past, at most 300"));
    assert_int_equal(check_at(&rig, TIME_1, NOW_1 - 301, &err), TIDINGS_E_STATE);
    assert_non_null(strstr(err.text, "301 seconds in the future"));
    assert_int_equal(check_at(&rig, TIME_1, INT64_MAX, NULL), TIDINGS_E_STATE);
    assert_int_equal(check_at(&rig, TIME_1, INT64_MIN, NULL), TIDINGS_E_STATE);
    assert_int_equal(check_at(&rig, "9223372036854775807", INT64_MIN, NULL), TIDINGS_E_STATE);
    assert_int_equal(check_at(&rig, "9223372036854775807", INT64_MAX, NULL), TIDINGS_E_PERMISSION);
    assert_int_equal(check_at(&rig, "0", 0, NULL), TIDINGS_E_PERMISSION);
    static const char *const wrong[] = { "",
                                         "0" TIME_1,
                                         "-0",
                                         "-1614265330",
                                         "+1614265330",
                                         " " TIME_1,
                                         TIME_1 " ",
                                         TIME_1 ".0",
                                         "1614265330e0",
                                         "9223372036854775808",
                                         "hello",
                                         "00",
                                         "2021-02-25T15:02:10Z" };
    for (size_t i = 0; i < BASE_COUNT(wrong); i++) {
        assert_int_equal(check_at(&rig, wrong[i], NOW_1, &err), TIDINGS_E_INVALID);
        assert_non_null(strstr(err.text, "webhook-timestamp"));
    }
    assert_int_equal(check_at(&rig, NULL, NOW_1, NULL), TIDINGS_E_INVALID);
    rig_deinit(&rig);
}

static void lists_have_a_maximum(void **state)
{
    (void)state;
    struct rig rig;
    struct tidings_error err = { 0 };
    struct buf list;
    rig_init(&rig);
    buf_init(&list, SIGN_HEADER_MAX + 1);
    for (int i = 1; i < SIGN_LIST_MAX; i++) {
        assert_int_equal(buf_add_str(&list, STR("v1,x ")), TIDINGS_OK);
    }
    assert_int_equal(buf_add_str(&list, STR(GOOD_1)), TIDINGS_OK);
    struct sign_webhook_headers headers = { STR(ID_1), STR(TIME_1), buf_str(&list) };
    assert_int_equal(sign_webhook_verify(rig.keys, 1, &headers, NOW_1, 0, STR(BODY_1), &err),
                     TIDINGS_OK);
    assert_int_equal(buf_add_str(&list, STR(" v1,x")), TIDINGS_OK);
    headers.signature = buf_str(&list);
    assert_int_equal(sign_webhook_verify(rig.keys, 1, &headers, NOW_1, 0, STR(BODY_1), &err),
                     TIDINGS_E_TOO_LARGE);
    assert_non_null(strstr(err.text, "33 signatures"));
    buf_clear(&list);
    assert_int_equal(buf_add_str(&list, STR(GOOD_1)), TIDINGS_OK);
    while (list.len < SIGN_HEADER_MAX) {
        assert_int_equal(buf_add_str(&list, STR(" ")), TIDINGS_OK);
    }
    headers.signature = buf_str(&list);
    assert_int_equal(sign_webhook_verify(rig.keys, 1, &headers, NOW_1, 0, STR(BODY_1), &err),
                     TIDINGS_OK);
    assert_int_equal(buf_add_str(&list, STR(" ")), TIDINGS_OK);
    headers.signature = buf_str(&list);
    assert_int_equal(sign_webhook_verify(rig.keys, 1, &headers, NOW_1, 0, STR(BODY_1), &err),
                     TIDINGS_E_TOO_LARGE);
    buf_deinit(&list);
    rig_deinit(&rig);
}

// ---- hmac_hex ----

static void assert_hex(const char *secret_text, const char *prefix, struct str body,
                       const char *want)
{
    struct sign_secret *secret = secret_of(SIGN_HMAC_HEX, secret_text);
    const struct sign_secret *key = secret;
    struct buf out;
    buf_init(&out, SIGN_PREFIX_MAX + 64);
    assert_int_equal(sign_body_hex(key, str_of(prefix), body, &out, NULL), TIDINGS_OK);
    assert_buf(&out, want);
    assert_int_equal(sign_body_hex_verify(&key, 1, str_of(prefix), body, buf_str(&out), NULL),
                     TIDINGS_OK);
    buf_deinit(&out);
    sign_secret_free(secret);
}

// The first is the example of GitHub's documentation of X-Hub-Signature-256.
#define HELLO     "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
#define HELLO_KEY "It's a Secret to Everybody"

static void hex_signatures_are_those_of_others(void **state)
{
    (void)state;
    char longest[SIGN_TEXT_SECRET_MAX + 1];
    memset(longest, 'k', SIGN_TEXT_SECRET_MAX);
    longest[SIGN_TEXT_SECRET_MAX] = '\0';
    char *body = big_body();
    assert_hex(HELLO_KEY, "sha256=", STR("Hello, World!"), "sha256=" HELLO);
    assert_hex(HELLO_KEY, "", STR("Hello, World!"), HELLO);
    assert_hex(HELLO_KEY, "12345678901234567890123456789012", STR("Hello, World!"),
               "12345678901234567890123456789012" HELLO);
    assert_hex("\xe5\xaf\x86", "", STR(""),
               "86dab1b7985e9721be780aeaa9d7a0eade84c8ccc19d7c8c304ab64366f735b9");
    assert_hex(longest, "", str_make(body, BIG_LEN),
               "c4bf4a8d1a0970805355b1152e48a164d849a17f2511966ea00e89c8fb5acabd");
    free(body);
}

static void hex_signatures_are_compared(void **state)
{
    (void)state;
    struct sign_secret *first = secret_of(SIGN_HMAC_HEX, "other");
    struct sign_secret *second = secret_of(SIGN_HMAC_HEX, HELLO_KEY);
    const struct sign_secret *keys[] = { first, second };
    static const struct {
        const char *value;
        tidings_status want;
    } all[] = {
        { "sha256=" HELLO, TIDINGS_OK },
        { "sha256=757107EA0EB2509FC211221CCE984B8A37570B6D7586C22C46F4379C8B043E17", TIDINGS_OK },
        { "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e16",
          TIDINGS_E_PERMISSION },
        { "sha256=857107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
          TIDINGS_E_PERMISSION },
        { HELLO, TIDINGS_E_INVALID },
        { "SHA256=" HELLO, TIDINGS_E_INVALID },
        { "sha256=" HELLO "0", TIDINGS_E_INVALID },
        { "sha256=" HELLO "00", TIDINGS_E_INVALID },
        { "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e1g",
          TIDINGS_E_INVALID },
        { "sha256=", TIDINGS_E_INVALID },
        { "sha256", TIDINGS_E_INVALID },
        { "", TIDINGS_E_INVALID },
        { NULL, TIDINGS_E_INVALID },
    };
    for (size_t i = 0; i < BASE_COUNT(all); i++) {
        struct tidings_error err = { 0 };
        assert_int_equal(sign_body_hex_verify(keys, 2, STR("sha256="), STR("Hello, World!"),
                                              str_of(all[i].value), &err),
                         all[i].want);
        assert_int_equal(err.status, all[i].want);
    }
    struct str value = STR("sha256=" HELLO);
    assert_int_equal(
        sign_body_hex_verify(keys, 1, STR("sha256="), STR("Hello, World!"), value, NULL),
        TIDINGS_E_PERMISSION);
    assert_int_equal(
        sign_body_hex_verify(keys, 0, STR("sha256="), STR("Hello, World!"), value, NULL),
        TIDINGS_E_INVALID);
    assert_int_equal(
        sign_body_hex_verify(keys, 2, STR("sha256="), STR("Hello, World"), value, NULL),
        TIDINGS_E_PERMISSION);
    sign_secret_free(first);
    sign_secret_free(second);
}

static void wrong_input_gets_no_hex(void **state)
{
    (void)state;
    struct sign_secret *key = secret_of(SIGN_HMAC_HEX, HELLO_KEY);
    struct sign_secret *other = secret_of(SIGN_STANDARD, SECRET_1);
    struct tidings_error err = { 0 };
    struct buf out;
    buf_init(&out, 64 + 7 - 1);
    static const char *const prefixes[] = { "a b", "a\r\nX: y", "\xc3\xa9", "\x7f",
                                            "123456789012345678901234567890123" };
    for (size_t i = 0; i < BASE_COUNT(prefixes); i++) {
        assert_int_equal(sign_body_hex(key, str_of(prefixes[i]), STR("x"), &out, &err),
                         TIDINGS_E_INVALID);
        assert_non_null(strstr(err.text, "at most 32 visible"));
    }
    assert_int_equal(sign_body_hex(other, STR(""), STR("x"), &out, &err), TIDINGS_E_INVALID);
    assert_int_equal(sign_body_hex(NULL, STR(""), STR("x"), &out, &err), TIDINGS_E_INVALID);
    assert_int_equal(sign_body_hex(key, STR("sha256="), STR("x"), &out, &err), TIDINGS_E_TOO_LARGE);
    assert_int_equal(out.len, 0);
    buf_deinit(&out);
    sign_secret_free(key);
    sign_secret_free(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signatures_are_those_of_others),
        cmocka_unit_test(bodies_may_be_huge),
        cmocka_unit_test(each_key_adds_a_signature_in_order),
        cmocka_unit_test(wrong_input_is_not_signed),
        cmocka_unit_test(a_full_buffer_stays_as_it_was),
        cmocka_unit_test(one_good_signature_is_enough),
        cmocka_unit_test(others_do_not_fit),
        cmocka_unit_test(every_bit_of_a_signature_counts),
        cmocka_unit_test(any_key_may_fit),
        cmocka_unit_test(id_time_and_body_are_signed),
        cmocka_unit_test(timestamps_have_a_tolerance_on_both_sides),
        cmocka_unit_test(lists_have_a_maximum),
        cmocka_unit_test(hex_signatures_are_those_of_others),
        cmocka_unit_test(hex_signatures_are_compared),
        cmocka_unit_test(wrong_input_gets_no_hex),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
