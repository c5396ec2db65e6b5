// SPDX-License-Identifier: Apache-2.0
// The scanner that tells which bytes a JSON value is, and the writer of JSON: each against the tree
// of jansson's values.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "api/out.h"
#include "api/scan.h"
#include "base/clock.h"
#include "wire/tree.h"

static bool scan_whole(struct str text, struct str *ret)
{
    struct api_scan scan = api_scan_begin(text);
    return api_scan_value(&scan, ret) && api_scan_end(&scan);
}

static void test_values(void **state)
{
    static const char *const texts[] = {
        "{}",
        "[]",
        "0",
        "-0",
        "1.5e+10",
        "1E5",
        "\"\"",
        "true",
        "false",
        "null",
        "[1,[2,{\"a\":3}]]",
        "{\"a\":{\"a\":[]},\"a\":1}",
        "\"\\u0000\\ud800\\\\\\\"\"",
        "12345678901234567890123456789.0",
        "{\"\":0}",
        "[ \t\r\n1 , 2 ]",
        "\"\xe4\xbd\xa0\xe5\xa5\xbd\"",
    };
    (void)state;
    for (size_t i = 0; i < BASE_COUNT(texts); i++) {
        char around[256];
        struct str bytes;
        (void)snprintf(around, sizeof around, " \n%s\t ", texts[i]);
        assert_true(scan_whole(str_of(around), &bytes));
        assert_true(str_eq_c(bytes, texts[i]));
    }
}

static void test_broken(void **state)
{
    static const char *const texts[] = {
        "",       " ",       "{",         "[",
        "{]",     "[}",      "[1,]",      "{\"a\":1,}",
        "[,1]",   "{,}",     "{\"a\"}",   "{\"a\":}",
        "{a:1}",  "{1:1}",   "01",        "-",
        "1.",     "1e",      ".5",        "+1",
        "tru",    "nul",     "True",      "\"",
        "\"\\\"", "\"\\x\"", "\"\\u12\"", "\"\\u12g4\"",
        "\"\n\"", "1 2",     "[1 2]",     "{\"a\":1 \"b\":2}",
        "'a'",    "[1]]",    "{}{",       "\"\t\"",
        "[1,,2]", "NaN",     "/**/1",
    };
    (void)state;
    for (size_t i = 0; i < BASE_COUNT(texts); i++) {
        struct str bytes;
        assert_false(scan_whole(str_of(texts[i]), &bytes));
    }
    struct str bytes;
    assert_false(scan_whole(str_make("\0", 1), &bytes));
    assert_false(scan_whole(str_make("[\0]", 3), &bytes));
}

static void test_depth(void **state)
{
    char text[2 * API_SCAN_DEPTH_MAX + 2];
    struct str bytes;
    (void)state;
    memset(text, '[', API_SCAN_DEPTH_MAX);
    memset(text + API_SCAN_DEPTH_MAX, ']', API_SCAN_DEPTH_MAX);
    assert_true(scan_whole(str_make(text, 2 * API_SCAN_DEPTH_MAX), &bytes));
    memset(text, '[', API_SCAN_DEPTH_MAX + 1);
    memset(text + API_SCAN_DEPTH_MAX + 1, ']', API_SCAN_DEPTH_MAX + 1);
    assert_false(scan_whole(str_make(text, sizeof text), &bytes));
}

// Objects and lists may lie in each other in any order, beyond one word of the stack.
static void test_depth_mixed(void **state)
{
    char text[2048] = "";
    struct str bytes;
    (void)state;
    for (int i = 0; i < 200; i++) {
        strcat(text, i % 3 == 0 ? "{\"k\":" : "[");
    }
    strcat(text, "1");
    for (int i = 199; i >= 0; i--) {
        strcat(text, i % 3 == 0 ? "}" : "]");
    }
    assert_true(scan_whole(str_of(text), &bytes));
    text[strlen(text) - 3] = '}';
    assert_false(scan_whole(str_of(text), &bytes));
}

static void test_unescape(void **state)
{
    static const struct {
        const char *inside, *meant;
        size_t len;
    } rows[] = {
        { "plain", "plain", 5 },
        { "a\\n\\t\\b\\f\\r\\/\\\\\\\"z", "a\n\t\b\f\r/\\\"z", 10 },
        { "\\u0041\\u00e9\\u4f60", "A\xc3\xa9\xe4\xbd\xa0", 6 },
        { "\\ud83d\\ude00", "\xf0\x9f\x98\x80", 4 },
        { "\\ud83dx", "\xef\xbf\xbdx", 4 },
        { "\\ude00\\ud83d", "\xef\xbf\xbd\xef\xbf\xbd", 6 },
        { "\\ud83d\\u0041",
          "\xef\xbf\xbd"
          "A",
          4 },
        { "\\u0000", "\0", 1 },
    };
    (void)state;
    for (size_t i = 0; i < BASE_COUNT(rows); i++) {
        char out[64];
        size_t len = api_scan_unescape(str_of(rows[i].inside), out);
        assert_int_equal(len, rows[i].len);
        assert_memory_equal(out, rows[i].meant, len);
    }
}

// ---- against the tree ----
// Small texts of the characters that matter: the scanner takes what the tree takes, and refuses
// what it refuses but for the few things that only the tree's values cannot hold.
static void test_like_the_tree(void **state)
{
    static const char pieces[][8] = { "{",     "}",    "[", "]",  ":",       ",",
                                      "\"a\"", "\"",   "1", "-",  "0.5",     "e3",
                                      "true",  "null", " ", "\\", "\"\\n\"", "\"b\"" };
    struct rnd rnd;
    size_t taken = 0;
    (void)state;
    rnd_seed(&rnd, 20);
    for (int i = 0; i < 300000; i++) {
        char text[128] = "";
        struct tidings_error err = { 0 };
        json_t *tree = NULL;
        struct str bytes;
        for (uint64_t n = 1 + rnd_below(&rnd, 9); n > 0; n--) {
            strcat(text, pieces[rnd_below(&rnd, BASE_COUNT(pieces))]);
        }
        bool tree_takes = wire_tree_parse(str_of(text), &tree, &err) == TIDINGS_OK;
        json_decref(tree);
        if (strstr(err.text, "beyond") != NULL) {
            continue; // a number that only a payload may have
        }
        if (scan_whole(str_of(text), &bytes) != tree_takes) {
            fail_msg("%s: the tree %s it", text, tree_takes ? "takes" : "refuses");
        }
        taken += tree_takes;
    }
    assert_true(taken > 1000);
}

// ---- the writer ----
static void test_written(void **state)
{
    struct buf text;
    struct tidings_error err = { 0 };
    json_t *tree = NULL;
    (void)state;
    buf_init(&text, 4096);
    struct api_out out = api_out_begin(&text);
    api_out_open(&out, '{');
    api_out_member_c(&out, "quote", "a\"b\\c\n\x01\x7f");
    api_out_member_number(&out, "low", INT64_MIN);
    api_out_member_number_if(&out, "absent", 0);
    api_out_member_if(&out, "absent", STR(""));
    api_out_key(&out, "list");
    api_out_open(&out, '[');
    api_out_bool(&out, true);
    api_out_open(&out, '{');
    api_out_close(&out, '}');
    api_out_json(&out, STR("[1,2]"));
    api_out_close(&out, ']');
    api_out_member_hex(&out, "hex", (const unsigned char *)"\x00\xff", 2);
    api_out_close(&out, '}');
    assert_int_equal(out.status, TIDINGS_OK);
    assert_true(str_eq_c(buf_str(&text),
                         "{\"quote\":\"a\\\"b\\\\c\\n\\u0001\\u007f\",\"low\":-9223372036854775808,"
                         "\"list\":[true,{},[1,2]],\"hex\":\"00ff\"}"));
    assert_int_equal(wire_tree_parse(buf_str(&text), &tree, &err), TIDINGS_OK);
    json_decref(tree);
    buf_deinit(&text);
}

static void test_any_bytes_are_utf8(void **state)
{
    struct rnd rnd;
    struct buf text;
    (void)state;
    rnd_seed(&rnd, 4);
    buf_init(&text, 4096);
    for (int i = 0; i < 20000; i++) {
        unsigned char bytes[24];
        struct str inside;
        bool escaped;
        size_t len = (size_t)rnd_below(&rnd, sizeof bytes);
        for (size_t j = 0; j < len; j++) {
            bytes[j] = (unsigned char)(rnd_below(&rnd, 3) == 0 ? rnd_below(&rnd, 256)
                                                               : 0x80 + rnd_below(&rnd, 128));
        }
        buf_clear(&text);
        struct api_out out = api_out_begin(&text);
        api_out_text(&out, str_make(bytes, len));
        assert_int_equal(out.status, TIDINGS_OK);
        assert_true(str_is_utf8(buf_str(&text)));
        struct api_scan scan = api_scan_begin(buf_str(&text));
        assert_true(api_scan_string(&scan, &inside, &escaped) && api_scan_end(&scan));
        if (str_is_utf8(str_make(bytes, len))) { // what is right stays as it is
            char plain[256];
            assert_true(
                str_eq(str_make(plain, api_scan_unescape(inside, plain)), str_make(bytes, len)));
        }
    }
    buf_deinit(&text);
}

static void test_full(void **state)
{
    struct buf text;
    (void)state;
    buf_init(&text, 8);
    struct api_out out = api_out_begin(&text);
    api_out_open(&out, '[');
    api_out_text(&out, STR("longer than that"));
    api_out_number(&out, 1);
    assert_int_equal(out.status, TIDINGS_E_TOO_LARGE);
    assert_true(text.len <= 8);
    buf_deinit(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),   cmocka_unit_test(test_broken),
        cmocka_unit_test(test_depth),    cmocka_unit_test(test_depth_mixed),
        cmocka_unit_test(test_unescape), cmocka_unit_test(test_like_the_tree),
        cmocka_unit_test(test_written),  cmocka_unit_test(test_any_bytes_are_utf8),
        cmocka_unit_test(test_full),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
