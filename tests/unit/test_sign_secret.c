// SPDX-License-Identifier: Apache-2.0
#include "test_sign_pem.h"
#include "test_sign_support.h"

static void schemes_have_names(void **state)
{
    (void)state;
    static const char *const names[] = { "none",       "standard",    "hmac_hex",
                                         "params_md5", "params_hmac", "rsa2" };
    for (size_t i = 0; i < BASE_COUNT(names); i++) {
        enum sign_scheme scheme = SIGN_NONE;
        assert_int_equal(sign_scheme_parse(str_of(names[i]), &scheme, NULL), TIDINGS_OK);
        assert_int_equal(scheme, i);
        assert_string_equal(sign_scheme_name(scheme), names[i]);
    }
    static const char *const wrong[] = { "", "Standard", "standard ", "rsa", "md5" };
    for (size_t i = 0; i < BASE_COUNT(wrong); i++) {
        struct tidings_error err = { 0 };
        enum sign_scheme scheme = SIGN_RSA2;
        assert_int_equal(sign_scheme_parse(str_of(wrong[i]), &scheme, &err), TIDINGS_E_INVALID);
        assert_int_equal(scheme, SIGN_NONE);
        assert_non_null(strstr(err.text, "params_hmac"));
    }
    assert_string_equal(sign_scheme_name((enum sign_scheme)6), "unknown");
}

struct good {
    enum sign_scheme scheme;
    const char *text;
    bool can_sign;
};

static void good_secrets_are_taken(void **state)
{
    (void)state;
    const struct good all[] = {
        { SIGN_STANDARD, SECRET_1, true },
        { SIGN_STANDARD, SECRET_24, true },
        { SIGN_STANDARD, SECRET_64, true },
        { SIGN_STANDARD, "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGA==", true }, // 25 bytes
        { SIGN_STANDARD, ED_SECRET, true },
        { SIGN_STANDARD, ED_SEED, true },
        { SIGN_STANDARD, ED_PUBLIC, false },
        { SIGN_HMAC_HEX, "x", true },
        { SIGN_HMAC_HEX, "It's a Secret to Everybody", true },
        { SIGN_PARAMS_MD5, "\xe5\xaf\x86", true },
        { SIGN_PARAMS_HMAC, "whsec_!", true },
        { SIGN_RSA2, pem_private, true },
        { SIGN_RSA2, pem_private_pkcs1, true },
        { SIGN_RSA2, pem_public, false },
    };
    for (size_t i = 0; i < BASE_COUNT(all); i++) {
        struct sign_secret *secret = secret_of(all[i].scheme, all[i].text);
        assert_int_equal(sign_secret_can_sign(secret), all[i].can_sign);
        sign_secret_free(secret);
    }
    sign_secret_free(NULL);
}

struct wrong {
    enum sign_scheme scheme;
    const char *text;
    const char *says;
};
static const struct wrong wrong_ones[] = {
    { SIGN_STANDARD, "", "whsec_" },
    { SIGN_STANDARD, "whsec", "whsec_" },
    { SIGN_STANDARD, "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_" },
    { SIGN_STANDARD, "WHSEC_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_" },
    { SIGN_STANDARD, " " SECRET_1, "whsec_" },
    { SIGN_STANDARD, SECRET_1 "\n", "base64" },
    { SIGN_STANDARD, SECRET_1 " ", "base64" },
    { SIGN_STANDARD, "whsec_", "base64" },
    { SIGN_STANDARD, "whsec_whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD", "base64" },
    { SIGN_STANDARD, "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRY", "base64" },      // no padding
    { SIGN_STANDARD, "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGA=A", "base64" }, // inside
    { SIGN_STANDARD, "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXG===", "base64" }, // too much of it
    { SIGN_STANDARD, "whsec_====", "base64" },
    { SIGN_STANDARD, "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGB==", "base64" }, // unused bits set
    { SIGN_STANDARD, "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBl=", "base64" },
    { SIGN_STANDARD, "whsec_C2FVsBQIhrscChlQIMV-b5sSYspob7oD", "base64" }, // base64url
    { SIGN_STANDARD,
      "whsec_C2FVsBQIhrscChlQIMV\xc3\xbf"
      "5sSYspob7oD",
      "base64" },
    { SIGN_STANDARD, "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRY=", "23 bytes" },
    { SIGN_STANDARD,
      "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+"
      "P0A=",
      "at most 64" },
    { SIGN_STANDARD, "whsk_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "64 (seed and public key) or 32" },
    { SIGN_STANDARD, // the last byte of the public key is another
      "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvw="
      "=",
      "not that of the seed" },
    { SIGN_STANDARD, "whpk_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "32 are right" },
    { SIGN_STANDARD, "whpk_", "base64" },
    { SIGN_HMAC_HEX, "", "0 bytes" },
    { SIGN_HMAC_HEX, "secret\n", "byte 7" },
    { SIGN_PARAMS_MD5, "", "0 bytes" },
    { SIGN_PARAMS_MD5, "\tsecret", "byte 1" },
    { SIGN_PARAMS_HMAC, "se\x7f", "byte 3" },
    { SIGN_RSA2, "", "0 bytes" },
    { SIGN_RSA2, "secret", "PEM of an RSA key" },
    { SIGN_RSA2, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
      "PEM of an RSA" },
    { SIGN_RSA2, pem_ed25519, "PEM of an RSA key" },
    { SIGN_RSA2, pem_pss, "PEM of an RSA key" },
    { SIGN_RSA2, pem_encrypted, "without a password" },
    { SIGN_RSA2, pem_1024, "1024 bits, 2048 to 8192" },
    { SIGN_NONE, SECRET_1, "\"none\" has none" },
    { (enum sign_scheme)99, SECRET_1, "has none" },
};

static void wrong_secrets_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < BASE_COUNT(wrong_ones); i++) {
        struct tidings_error err = { 0 };
        struct sign_secret *secret = (struct sign_secret *)&err;
        tidings_status status =
            sign_secret_new(wrong_ones[i].scheme, str_of(wrong_ones[i].text), &secret, &err);
        if (status != TIDINGS_E_INVALID || secret != NULL ||
            strstr(err.text, wrong_ones[i].says) == NULL) {
            fail_msg("%zu: %s: %d %s", i, wrong_ones[i].text, status, err.text);
        }
        assert_int_equal(
            sign_secret_new(wrong_ones[i].scheme, str_of(wrong_ones[i].text), &secret, NULL),
            TIDINGS_E_INVALID);
    }
}

static void errors_do_not_show_the_secret(void **state)
{
    (void)state;
    static const char *const texts[] = { "Geheimnis", "whsec_Geheimnis", "whsk_Geheimnis",
                                         "whsec_Geheimnis000", "Geheimnis\n" };
    for (size_t i = 0; i < BASE_COUNT(texts); i++) {
        for (int scheme = SIGN_NONE; scheme <= SIGN_RSA2; scheme++) {
            struct tidings_error err = { 0 };
            struct sign_secret *secret = NULL;
            if (sign_secret_new((enum sign_scheme)scheme, str_of(texts[i]), &secret, &err) !=
                TIDINGS_OK) {
                assert_null(strstr(err.text, "eheim"));
            }
            sign_secret_free(secret);
        }
    }
}

static void lengths_of_texts_have_bounds(void **state)
{
    (void)state;
    static char text[SIGN_PEM_MAX + 1];
    struct sign_secret *secret = NULL;
    struct tidings_error err = { 0 };
    memset(text, 'k', sizeof text);
    struct str longest = str_make(text, SIGN_TEXT_SECRET_MAX);
    struct str longer = str_make(text, SIGN_TEXT_SECRET_MAX + 1);
    static const enum sign_scheme schemes[] = { SIGN_HMAC_HEX, SIGN_PARAMS_MD5, SIGN_PARAMS_HMAC };
    for (size_t i = 0; i < BASE_COUNT(schemes); i++) {
        assert_int_equal(sign_secret_new(schemes[i], longest, &secret, NULL), TIDINGS_OK);
        sign_secret_free(secret);
        assert_int_equal(sign_secret_new(schemes[i], longer, &secret, &err), TIDINGS_E_INVALID);
        assert_non_null(strstr(err.text, "1 to 1024"));
    }
    // What comes before and after a PEM is passed over, up to the longest text.
    memset(text, '\n', sizeof text);
    memcpy(text, pem_public, strlen(pem_public));
    assert_int_equal(sign_secret_new(SIGN_RSA2, str_make(text, SIGN_PEM_MAX), &secret, NULL),
                     TIDINGS_OK);
    sign_secret_free(secret);
    assert_int_equal(sign_secret_new(SIGN_RSA2, str_make(text, sizeof text), &secret, &err),
                     TIDINGS_E_INVALID);
    assert_null(secret);
    // A NUL inside is a control character, not an end.
    assert_int_equal(sign_secret_new(SIGN_HMAC_HEX, str_make("a\0b", 3), &secret, &err),
                     TIDINGS_E_INVALID);
    assert_int_equal(sign_secret_new(SIGN_STANDARD, str_make(NULL, 0), &secret, &err),
                     TIDINGS_E_INVALID);
}

static void generated_secrets_are_good_and_differ(void **state)
{
    (void)state;
    char texts[16][SIGN_GENERATED_SIZE];
    for (size_t i = 0; i < BASE_COUNT(texts); i++) {
        memset(texts[i], 'x', sizeof texts[i]);
        assert_int_equal(sign_secret_generate(texts[i], NULL), TIDINGS_OK);
        assert_int_equal(strlen(texts[i]), SIGN_GENERATED_SIZE - 1);
        assert_memory_equal(texts[i], "whsec_", 6);
        sign_secret_free(secret_of(SIGN_STANDARD, texts[i]));
        for (size_t n = 0; n < i; n++) {
            assert_string_not_equal(texts[n], texts[i]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(schemes_have_names),
        cmocka_unit_test(good_secrets_are_taken),
        cmocka_unit_test(wrong_secrets_are_refused),
        cmocka_unit_test(errors_do_not_show_the_secret),
        cmocka_unit_test(lengths_of_texts_have_bounds),
        cmocka_unit_test(generated_secrets_are_good_and_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
