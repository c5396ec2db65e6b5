// SPDX-License-Identifier: Apache-2.0
// The tree parser says what jansson says, of texts right and wrong; and has limits of its own.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "wire/tree.h"

static const char *const right[] = {
    "{}",
    "[]",
    " [ ] ",
    "null",
    "true",
    "false",
    "0",
    "-0",
    "-12",
    "9223372036854775807",
    "-9223372036854775808",
    "1.5",
    "-0.25e-3",
    "1E3",
    "1e-400",
    "\"\"",
    "\"text\"",
    "\"a text that is longer than any first buffer, so that it grows\"",
    "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
    "\"\\u4e2d\\u6587 \\ud83d\\ude00 中文\"",
    "{\"a\":1,\"b\":[1,2,{\"c\":null}],\"d\":{\"e\":\"f\"}}",
    "{\"same\":1,\"same\":2}",
    "\t{\r\n\"a\" : [ 1 , 2 ] }\n",
    "[[[[[[[[[[1]]]]]]]]]]",
};

static const char *const wrong[] = {
    "",
    " ",
    "{",
    "}",
    "[",
    "]",
    "[1",
    "[1,",
    "[1,]",
    "[,1]",
    "{\"a\"}",
    "{\"a\":}",
    "{\"a\":1,}",
    "{a:1}",
    "{1:1}",
    "{\"a\":1 \"b\":2}",
    "[1 2]",
    "nul",
    "nulll",
    "TRUE",
    "01",
    "-",
    "+1",
    ".5",
    "1.",
    "1e",
    "1e+",
    "--1",
    "0x10",
    "9223372036854775808",
    "1e999",
    "\"",
    "\"\\\"",
    "\"\\x\"",
    "\"\\u12\"",
    "\"\\u12g4\"",
    "\"\n\"",
    "\"\\u0000\"",
    "{\"a\\u0000\":1}",
    "\"\xff\"",
    "\"\xc3\"",
    "{\"\xff\":1}",
    "1 1",
    "{} x",
    "[] ,",
    "'a'",
    "\"a\" \"b\"",
};

static void test_right(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof right / sizeof right[0]; i++) {
        json_t *own = NULL;
        struct tidings_error err = { 0 };
        if (wire_tree_parse(str_of(right[i]), &own, &err) != TIDINGS_OK) {
            fail_msg("%s: %s", right[i], err.text);
        }
        json_t *theirs = json_loads(right[i], JSON_DECODE_ANY, NULL);
        if (!json_equal(own, theirs)) {
            fail_msg("%s: not what jansson reads", right[i]);
        }
        json_decref(theirs);
        json_decref(own);
    }
}

static void test_wrong(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        json_t *own = json_null();
        struct tidings_error err = { 0 };
        if (wire_tree_parse(str_of(wrong[i]), &own, &err) != TIDINGS_E_PROTOCOL) {
            fail_msg("taken: %s", wrong[i]);
        }
        assert_null(own);
        assert_true(err.text[0] != '\0');
        assert_null(json_loads(wrong[i], JSON_DECODE_ANY, NULL));
    }
}

static void test_error_says_where(void **state)
{
    json_t *own;
    struct tidings_error err = { 0 };
    (void)state;
    assert_int_equal(wire_tree_parse(str_of("{\"a\":1,\"b\":}"), &own, &err), TIDINGS_E_PROTOCOL);
    assert_string_equal(err.text, "a value must be here, at byte 11 of 12");
    assert_int_equal(wire_tree_parse(str_make("{}\0", 3), &own, &err), TIDINGS_E_PROTOCOL);
    assert_int_equal(wire_tree_parse(str_make("\"a\0b\"", 5), &own, &err), TIDINGS_E_PROTOCOL);
}

static char *nested(int depth)
{
    char *text = malloc((size_t)depth * 2 + 1);
    memset(text, '[', (size_t)depth);
    memset(text + depth, ']', (size_t)depth);
    text[depth * 2] = '\0';
    return text;
}

static void test_limits(void **state)
{
    json_t *own;
    (void)state;
    for (int i = 0; i < 2; i++) {
        char *text = nested(WIRE_TREE_DEPTH_MAX + i);
        assert_int_equal(wire_tree_parse(str_of(text), &own, NULL),
                         i == 0 ? TIDINGS_OK : TIDINGS_E_TOO_LARGE);
        json_decref(own);
        free(text);
    }
    size_t count = WIRE_TREE_VALUES_MAX + 10;
    char *many = malloc(2 * count + 2);
    many[0] = '[';
    for (size_t i = 0; i < count; i++) {
        memcpy(many + 1 + 2 * i, "1,", 2);
    }
    memcpy(many + 2 * count, "]", 2);
    assert_int_equal(wire_tree_parse(str_of(many), &own, NULL), TIDINGS_E_TOO_LARGE);
    free(many);
}

// ---- memory ----
static size_t calls_left; // of jansson's allocations

static void *failing_malloc(size_t size)
{
    return calls_left-- > 0 ? malloc(size) : NULL;
}

// Whichever allocation fails: an error, and nothing is left behind (ASan).
static void test_no_memory(void **state)
{
    size_t most = 0;
    (void)state;
    json_set_alloc_funcs(failing_malloc, free);
    for (size_t i = 0; i < sizeof right / sizeof right[0]; i++) {
        tidings_status status = TIDINGS_E_NO_MEMORY;
        for (size_t calls = 0; status == TIDINGS_E_NO_MEMORY; calls++) {
            json_t *own = NULL;
            calls_left = calls;
            status = wire_tree_parse(str_of(right[i]), &own, NULL);
            assert_true(status == TIDINGS_OK || status == TIDINGS_E_NO_MEMORY);
            most = calls > most ? calls : most;
            calls_left = SIZE_MAX;
            json_decref(own);
        }
    }
    json_set_alloc_funcs(malloc, free);
    assert_true(most > 10);
}

static void pointers(void **state)
{
    static const struct {
        const char *pointer;
        int64_t number; // -1 = nothing there
    } rows[] = {
        { "/a/0", 1 },     { "/a/1", 2 },   { "/a/2", -1 }, { "/a/01", -1 },
        { "/a/-", -1 },    { "/a/-0", -1 }, { "/~1x", 3 },  { "/~0y", 4 },
        { "/~2", -1 },     { "/~", -1 },    { "/", 5 },     { "/d/e/f", 6 },
        { "/d/e/f/", -1 }, { "a", -1 },     { "/a/x", -1 }, { "/d/e", -1 },
    };
    json_t *root = NULL;
    (void)state;
    assert_int_equal(
        wire_tree_parse(STR("{\"a\":[1,2],\"/x\":3,\"~y\":4,\"\":5,\"d\":{\"e\":{\"f\":6}}}"),
                        &root, NULL),
        TIDINGS_OK);
    assert_ptr_equal(wire_tree_at(root, STR("")), root);
    for (size_t i = 0; i < BASE_COUNT(rows); i++) {
        const json_t *value = wire_tree_at(root, str_of(rows[i].pointer));
        int64_t number = json_is_integer(value) ? json_integer_value(value) : -1;
        if (number != rows[i].number) {
            fail_msg("%s: %lld", rows[i].pointer, (long long)number);
        }
    }
    json_decref(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_right),
        cmocka_unit_test(test_wrong),
        cmocka_unit_test(test_error_says_where),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(pointers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
