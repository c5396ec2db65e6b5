// SPDX-License-Identifier: Apache-2.0
// What the tests of sign/webhook.h share: keys, and calls that must go well.
#ifndef TEST_SIGN_SUPPORT_H
#define TEST_SIGN_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "sign/webhook.h"

#define SECRET_1  "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
#define SECRET_2  "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
#define SECRET_24 "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX"
#define SECRET_64                                                                                  \
    "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+"   \
    "Pw=="
#define ED_SECRET                                                                                  \
    "whsk_6Xb/dCcHpPea21PS1N9VY/"                                                                  \
    "NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg=="
#define ED_SEED   "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbc="
#define ED_PUBLIC "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4="

static inline struct sign_secret *secret_of(enum sign_scheme scheme, const char *text)
{
    struct sign_secret *secret = NULL;
    struct tidings_error err = { 0 };
    tidings_status status = sign_secret_new(scheme, str_of(text), &secret, &err);
    assert_string_equal(err.text, "");
    assert_int_equal(status, TIDINGS_OK);
    assert_non_null(secret);
    return secret;
}

static inline void assert_buf(const struct buf *buf, const char *want)
{
    assert_int_equal(buf->len, strlen(want));
    assert_memory_equal(buf->ptr, want, buf->len);
}

// 32 MiB whose SHA-256 and HMACs are known; the caller frees.
enum { BIG_LEN = 32 << 20 };
static inline char *big_body(void)
{
    enum { PERIOD = 1 << 20 };
    char *bytes = malloc(BIG_LEN);
    assert_non_null(bytes);
    for (size_t i = 0; i < BIG_LEN; i++) {
        size_t at = i % PERIOD;
        bytes[i] = (char)(unsigned char)(at * 31 + at / 251);
    }
    return bytes;
}

#endif
