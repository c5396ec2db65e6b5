// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "wire/bodies.h"

static void expect(const char *text, const char *wanted)
{
    struct buf out;
    struct tidings_error err = { .status = TIDINGS_OK };
    buf_init(&out, 4096);
    assert_int_equal(buf_add_str(&out, STR("kept ")), TIDINGS_OK);
    tidings_status status = wire_json_normalise(str_of(text), &out, &err);
    assert_int_equal(status, wanted != NULL ? TIDINGS_OK : TIDINGS_E_PROTOCOL);
    if (wanted != NULL) {
        assert_int_equal(out.len, 5 + strlen(wanted));
        assert_memory_equal(out.ptr, "kept ", 5);
        assert_memory_equal(out.ptr + 5, wanted, strlen(wanted));
    } else {
        assert_non_null(strstr(err.text, "at byte"));
        assert_int_equal(out.len, 5);
    }
    buf_deinit(&out);
}

static void plain_json_stays_as_it_is(void **state)
{
    static const char *const texts[] = {
        "",
        "{}",
        "[]",
        " { \"a\" : [ 1 , {} , \"}\" , \"\\\"{\" ] , \"b\" : null } \n",
        "[1,{\"a\":2},-3]",
        "\"{0:1}\"",
        "12",
    };
    (void)state;
    for (size_t i = 0; i < BASE_COUNT(texts); i++) {
        expect(texts[i], texts[i]);
    }
}

static void number_keys_are_quoted(void **state)
{
    (void)state;
    expect("{0:\"a\"}", "{\"0\":\"a\"}");
    expect("{0:\"a\",1:\"b\", -12 : {3:4}}", "{\"0\":\"a\",\"1\":\"b\", \"-12\" : {\"3\":4}}");
    expect("[0,{0:[0,1]},2]", "[0,{\"0\":[0,1]},2]");
}

static void object_keys_become_their_text(void **state)
{
    (void)state;
    expect("{{\"topic\":\"t\"}:5}", "{\"{\\\"topic\\\":\\\"t\\\"}\":5}");
    expect("{\"o\":{{\"a\":\"}\"}:{0:1},{\"b\":{\"c\":1}}:2}}",
           "{\"o\":{\"{\\\"a\\\":\\\"}\\\"}\":{\"0\":1},\"{\\\"b\\\":{\\\"c\\\":1}}\":2}}");
    expect("{{\"a\":\"\\\"\"}:1}", "{\"{\\\"a\\\":\\\"\\\\\\\"\\\"}\":1}");
    expect("{{\n}:1}", "{\"{\\n}\":1}");
}

static void what_cannot_be_walked_is_refused(void **state)
{
    static const char *const texts[] = {
        "{",
        "[",
        "}",
        "]",
        "{]",
        "[}",
        "{\"a\":1]",
        "\"",
        "\"\\",
        "\"\\\"",
        "{\"a",
        "{{\"a\":1",
        "{{\"a",
        "{a:1}",
        "{'a':1}",
        "{[1]:1}",
        "{,}",
        "{\"a\":1,,}",
        // 33 levels
        "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]",
    };
    (void)state;
    for (size_t i = 0; i < BASE_COUNT(texts); i++) {
        expect(texts[i], NULL);
    }
}

static void result_is_bounded_by_the_buffer(void **state)
{
    (void)state;
    struct buf out;
    struct tidings_error err = { .status = TIDINGS_OK };
    buf_init(&out, 8);
    assert_int_equal(wire_json_normalise(STR("{0:\"a\"}"), &out, &err), TIDINGS_E_TOO_LARGE);
    assert_int_equal(out.len, 0);
    assert_true(err.text[0] != '\0');
    buf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_json_stays_as_it_is),
        cmocka_unit_test(number_keys_are_quoted),
        cmocka_unit_test(object_keys_become_their_text),
        cmocka_unit_test(what_cannot_be_walked_is_refused),
        cmocka_unit_test(result_is_bounded_by_the_buffer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
