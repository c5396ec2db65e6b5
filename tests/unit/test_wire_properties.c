// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "wire/wire.h"

// The pairs as "key=value;" in the order of the walk.
static void expect_walk(struct str properties, const char *wanted)
{
    struct buf out;
    struct wire_pair pair;
    size_t cursor = 0;
    buf_init(&out, 4096);
    assert_int_equal(buf_add(&out, "", 1), TIDINGS_OK);
    buf_clear(&out);
    while (wire_properties_next(properties, &cursor, &pair)) {
        assert_int_equal(buf_addf(&out, "%.*s=%.*s;", STR_ARG(pair.key), STR_ARG(pair.value)),
                         TIDINGS_OK);
    }
    assert_true(str_eq_c(buf_str(&out), wanted));
    assert_false(wire_properties_next(properties, &cursor, &pair));
    buf_deinit(&out);
}

static void pairs_are_walked_in_order(void **state)
{
    (void)state;
    expect_walk(STR("KEYS\1k\2TAGS\1A\2"), "KEYS=k;TAGS=A;");
    expect_walk(STR("KEYS\1k\2TAGS\1A"), "KEYS=k;TAGS=A;"); // no mark at the end
    expect_walk(STR("A\1\2B\1"), "A=;B=;");
    expect_walk(STR(""), "");
    expect_walk((struct str){ NULL, 0 }, "");
}

static void malformed_pieces_are_passed_over(void **state)
{
    (void)state;
    expect_walk(STR("\2\2A\1x\2\2"), "A=x;");
    expect_walk(STR("junk\2A\1x\2junk"), "A=x;");
    expect_walk(STR("\1value without key\2A\1x\2"), "A=x;");
    expect_walk(STR("A\1x\1y\2"), "A=x\1y;");
    expect_walk(STR("\1"), "");
    expect_walk(STR("\2"), "");
}

static void values_are_found_by_key(void **state)
{
    (void)state;
    struct str properties = STR("A\1one\2B\1\2A\1two\2");
    assert_true(str_eq(wire_properties_get(properties, STR("A")), STR("two")));
    assert_non_null(wire_properties_get(properties, STR("B")).ptr);
    assert_int_equal(wire_properties_get(properties, STR("B")).len, 0);
    assert_null(wire_properties_get(properties, STR("C")).ptr);
    assert_null(wire_properties_get(properties, STR("")).ptr);
}

static void marks_are_of_whole_keys(void **state)
{
    static const struct {
        const char *properties;
        unsigned marks;
    } cases[] = {
        { "", 0 },
        { "KEYS\1DELAY\2TAGS\1TRAN_MSG", 0 },
        { "XDELAY\0013\2DELAYED\0013\2MY_MSG_REGION\1x\2TIMER\1x\2TRAN_MSGS\1x\2", 0 },
        { "DELAY\0013\2", WIRE_MARK_DELAY },
        { "TIMER_DELAY_MS\0013", WIRE_MARK_TIMER },
        { "TIMER_DELAY_SEC\0013\2", WIRE_MARK_TIMER },
        { "TIMER_DELIVER_MS\0013\2", WIRE_MARK_TIMER },
        { "A\1b\2TRAN_MSG\1true\2MSG_REGION\1\2", WIRE_MARK_TRAN_MSG | WIRE_MARK_REGION },
        { "REPLY_TO_CLIENT\1me\2DELAY\0010", WIRE_MARK_REPLY | WIRE_MARK_DELAY },
        { "DELAY\2\1x\2", 0 },
    };
    (void)state;
    for (size_t i = 0; i < BASE_COUNT(cases); i++) {
        assert_int_equal(wire_properties_marks(str_of(cases[i].properties)),
                         cases[i].marks | WIRE_MARK_WALKED);
    }
    assert_int_equal(wire_properties_marks((struct str){ NULL, 0 }), WIRE_MARK_WALKED);
}

static void copy_leaves_keys_out_and_closes_the_last_pair(void **state)
{
    (void)state;
    struct buf out;
    const struct str without[] = { STR("DELAY"), STR("REAL_QID") };
    buf_init(&out, 4096);
    assert_int_equal(buf_add_str(&out, STR("P\1p\2")), TIDINGS_OK);
    assert_int_equal(wire_properties_copy(STR("DELAY\0013\2KEYS\1k\2junk\2REAL_QID\0010\2TAGS\1A"),
                                          without, 2, &out),
                     TIDINGS_OK);
    assert_true(str_eq(buf_str(&out), STR("P\1p\2KEYS\1k\2TAGS\1A\2")));
    assert_int_equal(wire_properties_copy(STR(""), NULL, 0, &out), TIDINGS_OK);
    assert_int_equal(out.len, 18);
    buf_deinit(&out);
}

static void copy_that_does_not_fit_changes_nothing(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 10);
    assert_int_equal(wire_properties_copy(STR("A\1x\2B\1yyyyyyyy\2"), NULL, 0, &out),
                     TIDINGS_E_TOO_LARGE);
    assert_int_equal(out.len, 0);
    buf_deinit(&out);
}

static void pairs_with_marks_are_refused(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 64);
    assert_int_equal(wire_properties_add(&out, STR(""), STR("v")), TIDINGS_E_INVALID);
    assert_int_equal(wire_properties_add(&out, STR("k\1"), STR("v")), TIDINGS_E_INVALID);
    assert_int_equal(wire_properties_add(&out, STR("k\2"), STR("v")), TIDINGS_E_INVALID);
    assert_int_equal(wire_properties_add(&out, STR("k"), STR("\1v")), TIDINGS_E_INVALID);
    assert_int_equal(wire_properties_add(&out, STR("k"), STR("v\2")), TIDINGS_E_INVALID);
    assert_int_equal(out.len, 0);
    assert_int_equal(wire_properties_add(&out, STR("k"), STR("v")), TIDINGS_OK);
    assert_int_equal(wire_properties_add(&out, STR("empty"), (struct str){ NULL, 0 }), TIDINGS_OK);
    assert_true(str_eq(buf_str(&out), STR("k\1v\2empty\1\2")));
    buf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pairs_are_walked_in_order),
        cmocka_unit_test(malformed_pieces_are_passed_over),
        cmocka_unit_test(values_are_found_by_key),
        cmocka_unit_test(marks_are_of_whole_keys),
        cmocka_unit_test(copy_leaves_keys_out_and_closes_the_last_pair),
        cmocka_unit_test(copy_that_does_not_fit_changes_nothing),
        cmocka_unit_test(pairs_with_marks_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
