// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/str.h"

// The sanitizers end a program that asks for too much memory unless told to answer like malloc.
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1";
}
const char *__tsan_default_options(void);
const char *__tsan_default_options(void)
{
    return "allocator_may_return_null=1";
}

static void grows_up_to_its_maximum(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, 100);
    assert_int_equal(buf.size, 0); // nothing is allocated before it is needed
    for (int i = 0; i < 100; i++) {
        assert_int_equal(buf_add(&buf, "x", 1), TIDINGS_OK);
    }
    assert_int_equal(buf.len, 100);
    assert_int_equal(buf_add(&buf, "x", 1), TIDINGS_E_TOO_LARGE);
    assert_int_equal(buf_addf(&buf, "%d", 1), TIDINGS_E_TOO_LARGE);
    assert_int_equal(buf_reserve(&buf, 1, NULL), TIDINGS_E_TOO_LARGE);
    assert_int_equal(buf_add(&buf, "x", 0), TIDINGS_OK);
    assert_int_equal(buf.len, 100);
    for (size_t i = 0; i < buf.len; i++) {
        assert_int_equal(buf.ptr[i], 'x');
    }
    buf_deinit(&buf);
}

static void refused_calls_change_nothing(void **state)
{
    (void)state;
    struct buf buf;
    char *room = NULL;
    buf_init(&buf, 8);
    assert_int_equal(buf_add_str(&buf, STR("12345")), TIDINGS_OK);
    assert_int_equal(buf_add_str(&buf, STR("6789")), TIDINGS_E_TOO_LARGE);
    assert_int_equal(buf_addf(&buf, "%s", "6789"), TIDINGS_E_TOO_LARGE);
    assert_int_equal(buf_reserve(&buf, SIZE_MAX, &room), TIDINGS_E_TOO_LARGE);
    assert_int_equal(buf_reserve(&buf, SIZE_MAX - 4, &room), TIDINGS_E_TOO_LARGE);
    assert_null(room);
    assert_true(str_eq_c(buf_str(&buf), "12345"));
    assert_int_equal(buf_add_str(&buf, STR("678")), TIDINGS_OK);
    assert_true(str_eq_c(buf_str(&buf), "12345678"));
    buf_deinit(&buf);
}

static void memory_that_cannot_be_had_is_an_answer(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, SIZE_MAX);
    assert_int_equal(buf_add_str(&buf, STR("kept")), TIDINGS_OK);
    assert_int_equal(buf_reserve(&buf, SIZE_MAX / 2 + 2, NULL), TIDINGS_E_NO_MEMORY);
    assert_true(str_eq_c(buf_str(&buf), "kept"));
    buf_deinit(&buf);
}

static void room_is_at_the_end_and_as_large_as_asked(void **state)
{
    (void)state;
    struct buf buf;
    char *room;
    buf_init(&buf, 1 << 20);
    assert_int_equal(buf_reserve(&buf, 0, &room), TIDINGS_OK);
    assert_int_equal(buf_add_str(&buf, STR("head")), TIDINGS_OK);
    assert_int_equal(buf_reserve(&buf, 5000, &room), TIDINGS_OK);
    assert_ptr_equal(room, buf.ptr + 4);
    assert_int_equal(buf.len, 4); // the caller says how much it used
    memset(room, 'y', 5000);
    buf.len += 5000;
    assert_true(buf.size >= buf.len);
    assert_int_equal(buf.ptr[5003], 'y');
    buf_deinit(&buf);
}

static void formatted_text_fits_exactly(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, 64);
    assert_int_equal(buf_addf(&buf, "%s", ""), TIDINGS_OK);
    assert_int_equal(buf.len, 0);
    for (int i = 0; i < 16; i++) { // to the last byte, though vsnprintf needs one more for its NUL
        assert_int_equal(buf_addf(&buf, "%04d", i), TIDINGS_OK);
    }
    assert_int_equal(buf.len, 64);
    assert_int_equal(buf_addf(&buf, "%s", ""), TIDINGS_OK);
    assert_int_equal(buf_addf(&buf, "x"), TIDINGS_E_TOO_LARGE);
    assert_memory_equal(buf.ptr + 60, "0015", 4);
    buf_deinit(&buf);
}

static void consuming_drops_the_front(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, 64);
    buf_consume(&buf, 0); // also of a buffer that never held anything
    assert_int_equal(buf_add_str(&buf, STR("abcdef")), TIDINGS_OK);
    buf_consume(&buf, 2);
    assert_true(str_eq_c(buf_str(&buf), "cdef"));
    buf_consume(&buf, 0);
    assert_int_equal(buf.len, 4);
    buf_consume(&buf, 4);
    assert_int_equal(buf.len, 0);
    assert_int_equal(buf_add_str(&buf, STR("again")), TIDINGS_OK);
    assert_true(str_eq_c(buf_str(&buf), "again"));
    buf_deinit(&buf);
}

static void clearing_keeps_memory_and_deinit_keeps_the_maximum(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, 10);
    assert_int_equal(buf_add(&buf, "\0\1\2", 3), TIDINGS_OK);
    assert_memory_equal(buf.ptr, "\0\1\2", 3);
    const char *memory = buf.ptr;
    buf_clear(&buf);
    assert_int_equal(buf.len, 0);
    assert_ptr_equal(buf.ptr, memory);
    buf_deinit(&buf);
    assert_null(buf.ptr);
    assert_int_equal(buf_add_str(&buf, STR("0123456789")), TIDINGS_OK);
    assert_int_equal(buf_add_str(&buf, STR("0")), TIDINGS_E_TOO_LARGE);
    buf_deinit(&buf);
    buf_deinit(&buf);
    buf_init(&buf, 0);
    assert_int_equal(buf_add(&buf, "x", 1), TIDINGS_E_TOO_LARGE);
    assert_int_equal(buf_add(&buf, NULL, 0), TIDINGS_OK);
    buf_deinit(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grows_up_to_its_maximum),
        cmocka_unit_test(refused_calls_change_nothing),
        cmocka_unit_test(memory_that_cannot_be_had_is_an_answer),
        cmocka_unit_test(room_is_at_the_end_and_as_large_as_asked),
        cmocka_unit_test(formatted_text_fits_exactly),
        cmocka_unit_test(consuming_drops_the_front),
        cmocka_unit_test(clearing_keeps_memory_and_deinit_keeps_the_maximum),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
