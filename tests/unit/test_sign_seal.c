// SPDX-License-Identifier: Apache-2.0
// Secrets at rest: what is sealed opens with the same key for the same thing, and nowhere else.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "sign/seal.h"

#define KEY_HEX    "000102030405060708090a0b0c0d0e0f101112131415161718191A1B1C1D1E1F"
#define KEY_BASE64 "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define OTHER      "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHiA="
#define WHAT       STR("receiver/merchant-1")
// Python: cryptography's AESGCM(bytes(range(32))).encrypt(bytes(range(12)), b"secret", WHAT)
#define KNOWN_BASE64 "AAECAwQFBgcICQoLNGe1aaCR7+IKh0aLiZw54GBhnptgoQ=="
#define KNOWN        "sealed:1:" KNOWN_BASE64

static struct seal *seal_of(const char *key)
{
    struct seal *seal = NULL;
    struct tidings_error err = { 0 };
    assert_int_equal(seal_new(str_of(key), &seal, &err), TIDINGS_OK);
    assert_string_equal(err.text, "");
    return seal;
}

static void keys_are_base64_or_hex(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",          "AAEC", KEY_BASE64 "A",
        KEY_HEX "0", "zz",   "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISI="
    };
    seal_free(seal_of(KEY_HEX));
    seal_free(seal_of(KEY_BASE64 "\n"));
    seal_free(seal_of(" \t" KEY_HEX "\r\n"));
    seal_free(NULL);
    for (size_t i = 0; i < BASE_COUNT(bad); i++) {
        struct seal *seal = NULL;
        struct tidings_error err = { 0 };
        assert_int_equal(seal_new(str_of(bad[i]), &seal, &err), TIDINGS_E_INVALID);
        assert_null(seal);
        assert_non_null(strstr(err.text, "64 hex digits"));
        assert_null(strstr(err.text, "AAEC"));
    }
}

static void made_keys_are_keys(void **state)
{
    (void)state;
    char one[SEAL_KEY_TEXT_SIZE];
    char two[SEAL_KEY_TEXT_SIZE];
    assert_int_equal(seal_key_generate(one, NULL), TIDINGS_OK);
    assert_int_equal(seal_key_generate(two, NULL), TIDINGS_OK);
    assert_string_not_equal(one, two);
    seal_free(seal_of(one));
}

static void assert_comes_back(const struct seal *seal, struct str plain)
{
    struct buf sealed;
    struct buf again;
    struct buf opened;
    buf_init(&sealed, 1 << 20);
    buf_init(&again, 1 << 20);
    buf_init(&opened, SEAL_PLAIN_MAX + 1);
    assert_int_equal(buf_add_str(&opened, STR("<")), TIDINGS_OK);
    assert_int_equal(seal_close(seal, WHAT, plain, &sealed, NULL), TIDINGS_OK);
    assert_int_equal(seal_close(seal, WHAT, plain, &again, NULL), TIDINGS_OK);
    assert_true(seal_is_sealed(buf_str(&sealed)));
    assert_false(str_eq(buf_str(&sealed), buf_str(&again))); // another nonce
    assert_int_equal(seal_open(seal, WHAT, buf_str(&sealed), &opened, NULL), TIDINGS_OK);
    assert_int_equal(opened.len, plain.len + 1);
    assert_true(str_eq(str_make(opened.ptr + 1, plain.len), plain));
    buf_deinit(&sealed);
    buf_deinit(&again);
    buf_deinit(&opened);
}

static void what_is_sealed_opens(void **state)
{
    (void)state;
    struct seal *seal = seal_of(KEY_HEX);
    char *plain = malloc(SEAL_PLAIN_MAX + 1);
    assert_non_null(plain);
    for (size_t i = 0; i <= SEAL_PLAIN_MAX; i++) {
        plain[i] = (char)(unsigned char)(i * 7);
    }
    for (size_t len = 0; len < 70; len++) {
        assert_comes_back(seal, str_make(plain, len));
    }
    assert_comes_back(seal, str_make(NULL, 0));
    assert_comes_back(seal, str_make(plain, 1024));
    assert_comes_back(seal, str_make(plain, SEAL_PLAIN_MAX));
    struct buf sealed;
    buf_init(&sealed, 1 << 20);
    assert_int_equal(seal_close(seal, WHAT, str_make(plain, SEAL_PLAIN_MAX + 1), &sealed, NULL),
                     TIDINGS_E_TOO_LARGE);
    assert_int_equal(sealed.len, 0);
    buf_deinit(&sealed);
    free(plain);
    seal_free(seal);
}

static void others_seals_open(void **state)
{
    (void)state;
    struct seal *seal = seal_of(KEY_BASE64);
    struct buf opened;
    buf_init(&opened, 64);
    assert_int_equal(seal_open(seal, WHAT, STR(KNOWN), &opened, NULL), TIDINGS_OK);
    assert_true(str_eq(buf_str(&opened), STR("secret")));
    buf_deinit(&opened);
    seal_free(seal);
}

static void assert_stays_closed(const char *key, struct str what, struct str sealed,
                                tidings_status want)
{
    struct seal *seal = seal_of(key);
    struct tidings_error err = { 0 };
    struct buf opened;
    buf_init(&opened, 64);
    assert_int_equal(buf_add_str(&opened, STR("<")), TIDINGS_OK);
    assert_int_equal(seal_open(seal, what, sealed, &opened, &err), want);
    assert_true(err.text[0] != '\0');
    assert_int_equal(opened.len, 1);
    buf_deinit(&opened);
    seal_free(seal);
}

static void nothing_else_opens(void **state)
{
    (void)state;
    assert_stays_closed(OTHER, WHAT, STR(KNOWN), TIDINGS_E_PERMISSION);
    assert_stays_closed(KEY_HEX, STR("receiver/merchant-2"), STR(KNOWN), TIDINGS_E_PERMISSION);
    assert_stays_closed(KEY_HEX, STR(""), STR(KNOWN), TIDINGS_E_PERMISSION);
    assert_stays_closed(KEY_HEX, WHAT, STR("secret"), TIDINGS_E_INVALID);
    assert_stays_closed(KEY_HEX, WHAT, STR("sealed:2:" KNOWN_BASE64), TIDINGS_E_INVALID);
    assert_stays_closed(KEY_HEX, WHAT, STR("sealed:1:"), TIDINGS_E_INVALID);
    assert_stays_closed(KEY_HEX, WHAT, STR("sealed:1:AAECAwQF"), TIDINGS_E_INVALID);
    assert_stays_closed(KEY_HEX, WHAT, STR("sealed:1:" KNOWN_BASE64 "\n"), TIDINGS_E_INVALID);
    size_t huge = 200 * 1024;
    char *text = malloc(huge);
    assert_non_null(text);
    memset(text, 'A', huge);
    memcpy(text, "sealed:1:", 9);
    assert_stays_closed(KEY_HEX, WHAT, str_make(text, huge), TIDINGS_E_INVALID);
    free(text);
}

static void every_changed_bit_is_found(void **state)
{
    (void)state;
    char text[] = KNOWN;
    for (size_t i = 9; i < sizeof text - 1; i++) {
        char was = text[i];
        text[i] = was == 'A' ? 'B' : 'A';
        struct seal *seal = seal_of(KEY_HEX);
        struct buf opened;
        buf_init(&opened, 64);
        tidings_status status = seal_open(seal, WHAT, str_of(text), &opened, NULL);
        assert_true(status == TIDINGS_E_PERMISSION || status == TIDINGS_E_INVALID);
        assert_int_equal(opened.len, 0);
        buf_deinit(&opened);
        seal_free(seal);
        text[i] = was;
    }
}

static void no_room_is_an_error(void **state)
{
    (void)state;
    struct seal *seal = seal_of(KEY_HEX);
    struct buf small;
    buf_init(&small, 5);
    assert_int_equal(seal_close(seal, WHAT, STR("secret"), &small, NULL), TIDINGS_E_TOO_LARGE);
    assert_int_equal(small.len, 0);
    assert_int_equal(seal_open(seal, WHAT, STR(KNOWN), &small, NULL), TIDINGS_E_TOO_LARGE);
    assert_int_equal(small.len, 0);
    buf_deinit(&small);
    seal_free(seal);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_base64_or_hex), cmocka_unit_test(made_keys_are_keys),
        cmocka_unit_test(what_is_sealed_opens),   cmocka_unit_test(others_seals_open),
        cmocka_unit_test(nothing_else_opens),     cmocka_unit_test(every_changed_bit_is_found),
        cmocka_unit_test(no_room_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
