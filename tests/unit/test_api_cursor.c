// SPDX-License-Identifier: Apache-2.0
// Cursors: what is written is read back, for its own list only; nothing else is taken.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "base/base64.h"
#include "api/cursor.h"

static const enum api_cursor_kind kinds[] = { API_CURSOR_NOTIFICATIONS, API_CURSOR_ATTEMPTS,
                                              API_CURSOR_JOBS, API_CURSOR_RECEIVERS };

static void write_one(enum api_cursor_kind kind, const struct api_cursor *cursor, struct buf *out)
{
    buf_clear(out);
    assert_int_equal(api_cursor_write(kind, cursor, out), TIDINGS_OK);
    assert_true(out->len <= API_CURSOR_MAX);
}

static void test_numbers(void **state)
{
    static const int64_t numbers[] = { 0, 1, 77, 1234567890123, INT64_MAX };
    struct buf text;
    (void)state;
    buf_init(&text, API_CURSOR_MAX);
    for (size_t i = 0; i < BASE_COUNT(numbers); i++) {
        struct api_cursor back;
        struct tidings_error err = { 0 };
        write_one(API_CURSOR_ATTEMPTS, &(struct api_cursor){ .number = numbers[i] }, &text);
        assert_int_equal(api_cursor_read(API_CURSOR_ATTEMPTS, buf_str(&text), &back, &err),
                         TIDINGS_OK);
        assert_true(back.number == numbers[i]);
    }
    buf_deinit(&text);
}

static void test_names(void **state)
{
    struct api_cursor cursor = { .number = 0 };
    struct api_cursor back;
    struct tidings_error err = { 0 };
    struct buf text;
    (void)state;
    buf_init(&text, API_CURSOR_MAX);
    memset(cursor.name, 'x', API_CURSOR_NAME_MAX);
    write_one(API_CURSOR_RECEIVERS, &cursor, &text);
    assert_int_equal(api_cursor_read(API_CURSOR_RECEIVERS, buf_str(&text), &back, &err),
                     TIDINGS_OK);
    assert_string_equal(back.name, cursor.name);
    buf_deinit(&text);
}

static void test_other_lists(void **state)
{
    struct buf text;
    (void)state;
    buf_init(&text, API_CURSOR_MAX);
    for (size_t i = 0; i < BASE_COUNT(kinds); i++) {
        struct api_cursor cursor = { .number = 5, .name = "merchant-1" };
        write_one(kinds[i], &cursor, &text);
        for (size_t j = 0; j < BASE_COUNT(kinds); j++) {
            struct api_cursor back;
            struct tidings_error err = { 0 };
            tidings_status status = api_cursor_read(kinds[j], buf_str(&text), &back, &err);
            assert_int_equal(status, i == j ? TIDINGS_OK : TIDINGS_E_INVALID);
        }
    }
    buf_deinit(&text);
}

static void test_made_up(void **state)
{
    // "", no base64, unused bits, another version, no place, a sign, a leading zero, beyond 64 bits
    static const char *const plain[] = { "2n5",  "1n",   "1n-5", "1n05",  "1n9223372036854775808",
                                         "1n+5", "1n5 ", "1r",   "1ra/b", "1x5" };
    static const char *const coded[] = { "", "*", "MW41=", "MW5", "A" };
    struct api_cursor back;
    struct tidings_error err = { 0 };
    struct buf text;
    (void)state;
    buf_init(&text, API_CURSOR_MAX);
    for (size_t i = 0; i < BASE_COUNT(plain); i++) {
        enum api_cursor_kind kind =
            plain[i][1] == 'r' ? API_CURSOR_RECEIVERS : API_CURSOR_NOTIFICATIONS;
        buf_clear(&text);
        assert_int_equal(base64_add(BASE64_URL, &text, plain[i], strlen(plain[i])), TIDINGS_OK);
        assert_int_equal(api_cursor_read(kind, buf_str(&text), &back, &err), TIDINGS_E_INVALID);
    }
    for (size_t i = 0; i < BASE_COUNT(coded); i++) {
        assert_int_equal(api_cursor_read(API_CURSOR_NOTIFICATIONS, str_of(coded[i]), &back, &err),
                         TIDINGS_E_INVALID);
    }
    buf_deinit(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_other_lists),
        cmocka_unit_test(test_made_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
