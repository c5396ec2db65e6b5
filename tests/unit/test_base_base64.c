// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/base64.h"

static void the_standards_texts(void **state) // RFC 4648, section 10
{
    static const char *const rows[][2] = { { "", "" },
                                           { "f", "Zg==" },
                                           { "fo", "Zm8=" },
                                           { "foo", "Zm9v" },
                                           { "foob", "Zm9vYg==" },
                                           { "fooba", "Zm9vYmE=" },
                                           { "foobar", "Zm9vYmFy" } };
    unsigned char out[64];
    size_t len;
    struct buf text;
    (void)state;
    buf_init(&text, 64);
    for (size_t i = 0; i < BASE_COUNT(rows); i++) {
        struct str wanted = str_of(rows[i][1]);
        assert_true(base64_decode(BASE64, wanted, out, sizeof out, &len));
        assert_true(str_eq_c(str_make(out, len), rows[i][0]));
        buf_clear(&text);
        assert_int_equal(base64_add(BASE64, &text, rows[i][0], strlen(rows[i][0])), TIDINGS_OK);
        assert_true(str_eq(buf_str(&text), wanted));
    }
    buf_deinit(&text);
}

static void what_is_malformed_is_refused(void **state)
{
    static const char *const padded[] = { "Z", "Zg",   "Zg=",      "Zg===", "Zh==",   "Zm9=",
                                          "=", "====", "Zg==Zg==", "Zm 9",  "Zm9v\n", "Zm9-" };
    static const char *const bare[] = {
        "Z", "Zh", "Zm9vZ", "Zg==", "Zm9=", "Zm9+", "Zm/v", " Zm9"
    };
    unsigned char out[64];
    size_t len;
    (void)state;
    for (size_t i = 0; i < BASE_COUNT(padded); i++) {
        assert_false(base64_decode(BASE64, str_of(padded[i]), out, sizeof out, &len));
    }
    for (size_t i = 0; i < BASE_COUNT(bare); i++) {
        assert_false(base64_decode(BASE64_URL, str_of(bare[i]), out, sizeof out, &len));
    }
}

static void all_bytes_and_lengths(void **state)
{
    static const enum base64 kinds[] = { BASE64, BASE64_URL };
    unsigned char bytes[256];
    size_t len;
    struct buf text;
    (void)state;
    buf_init(&text, 1024);
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (unsigned char)(i * 37);
    }
    for (size_t n = 0; n <= sizeof bytes; n++) {
        for (size_t k = 0; k < BASE_COUNT(kinds); k++) {
            const enum base64 kind = kinds[k];
            unsigned char *back = malloc(n > 0 ? n : 1); // no byte more: the sanitizer watches
            buf_clear(&text);
            assert_int_equal(base64_add(kind, &text, bytes, n), TIDINGS_OK);
            assert_int_equal(text.len, base64_size(kind, n));
            assert_true(base64_room(text.len) >= n);
            assert_true(base64_decode(kind, buf_str(&text), back, n, &len));
            assert_int_equal(len, n);
            assert_memory_equal(bytes, back, n);
            assert_true(n == 0 || !base64_decode(kind, buf_str(&text), back, n - 1, &len));
            free(back);
        }
    }
    buf_deinit(&text);
}

static void no_room_is_told(void **state)
{
    struct buf text;
    (void)state;
    buf_init(&text, 7);
    assert_int_equal(base64_add(BASE64, &text, "foobar", 6), TIDINGS_E_TOO_LARGE);
    assert_int_equal(text.len, 0);
    buf_deinit(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_standards_texts),
        cmocka_unit_test(what_is_malformed_is_refused),
        cmocka_unit_test(all_bytes_and_lengths),
        cmocka_unit_test(no_room_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
