// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "wire/wire.h"

// zlib stream with one stored block: 78 01, 01 len ~len, "abc", Adler-32 0x024d0127.
static const char stored[] = "\x78\x01\x01\x03\0\xfc\xff"
                             "abc\x02\x4d\x01\x27";

static void stream_of_another_writer_is_unpacked(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 64);
    assert_int_equal(buf_add_str(&out, STR("kept ")), TIDINGS_OK);
    assert_int_equal(wire_decompress(STR(stored), &out, NULL), TIDINGS_OK);
    assert_true(str_eq(buf_str(&out), STR("kept abc")));
    buf_deinit(&out);
}

static void bodies_of_many_sizes_come_back(void **state)
{
    static const size_t sizes[] = { 0, 1, 100, 4096, 16383, 16384, 16385, 200000, 1000000 };
    (void)state;
    char *body = malloc(1000000);
    struct buf packed;
    struct buf plain;
    assert_non_null(body);
    for (size_t i = 0; i < 1000000; i++) {
        body[i] = (char)(i * i >> 7 ^ i);
    }
    buf_init(&packed, 2000000);
    for (size_t i = 0; i < BASE_COUNT(sizes); i++) {
        buf_clear(&packed);
        buf_init(&plain, sizes[i] + (sizes[i] == 0)); // exactly what it needs
        assert_int_equal(wire_compress(str_make(body, sizes[i]), 5, &packed), TIDINGS_OK);
        assert_int_equal(wire_decompress(buf_str(&packed), &plain, NULL), TIDINGS_OK);
        assert_int_equal(plain.len, sizes[i]);
        assert_true(str_eq(buf_str(&plain), str_make(body, sizes[i])));
        buf_deinit(&plain);
    }
    buf_deinit(&packed);
    free(body);
}

static void broken_streams_are_refused(void **state)
{
    (void)state;
    struct buf out;
    struct tidings_error err = { .status = TIDINGS_OK };
    buf_init(&out, 64);
    for (size_t len = 0; len < sizeof stored - 1; len++) {
        err.text[0] = '\0';
        assert_int_equal(wire_decompress(str_make(stored, len), &out, &err), TIDINGS_E_PROTOCOL);
        assert_true(err.text[0] != '\0');
        assert_int_equal(out.len, 0);
    }
    assert_int_equal(wire_decompress(STR("plain text"), &out, &err), TIDINGS_E_PROTOCOL);
    assert_int_equal(wire_decompress(STR("\x78\x01\x01\x03\0\xfc\xff"
                                         "abd\x02\x4d\x01\x27"),
                                     &out, &err),
                     TIDINGS_E_PROTOCOL);
    assert_int_equal(wire_decompress(STR("\x78\x01\x01\x03\0\xfc\xff"
                                         "abc\x02\x4d\x01\x27more"),
                                     &out, &err),
                     TIDINGS_E_PROTOCOL);
    buf_deinit(&out);
}

// A bomb: what it would unpack to is bounded by the buffer, not by the sender.
static void limits_of_the_result_hold(void **state)
{
    (void)state;
    struct buf packed;
    struct buf plain;
    struct tidings_error err = { .status = TIDINGS_OK };
    char *zeros = calloc(1, 1000000);
    assert_non_null(zeros);
    buf_init(&packed, 1000000);
    buf_init(&plain, 100000);
    assert_int_equal(wire_compress(str_make(zeros, 1000000), 9, &packed), TIDINGS_OK);
    assert_true(packed.len < 2000);
    assert_int_equal(wire_decompress(buf_str(&packed), &plain, &err), TIDINGS_E_TOO_LARGE);
    assert_int_equal(plain.len, 0);
    assert_true(plain.size <= 100000);
    buf_deinit(&plain);
    buf_init(&plain, 10);
    assert_int_equal(wire_compress(str_make(zeros, 1000000), 9, &plain), TIDINGS_E_TOO_LARGE);
    assert_int_equal(plain.len, 0);
    buf_deinit(&plain);
    buf_deinit(&packed);
    free(zeros);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stream_of_another_writer_is_unpacked),
        cmocka_unit_test(bodies_of_many_sizes_come_back),
        cmocka_unit_test(broken_streams_are_refused),
        cmocka_unit_test(limits_of_the_result_hold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
