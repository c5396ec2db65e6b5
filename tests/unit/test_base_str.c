// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "base/str.h"

static const struct str nothing = { NULL, 0 };

static void views_compare_by_bytes(void **state)
{
    (void)state;
    assert_true(str_eq(nothing, STR("")));
    assert_true(str_eq(str_of(NULL), nothing));
    assert_true(str_eq_c(str_make("abc\0d", 5), "abc") == false);
    assert_true(str_eq(STR("a\0b"), str_make("a\0b", 3)));
    assert_false(str_eq(STR("a\0b"), str_make("a\0c", 3)));
    assert_true(str_starts(STR("topic"), STR("top")));
    assert_true(str_starts(STR("topic"), nothing));
    assert_true(str_starts(nothing, nothing));
    assert_false(str_starts(STR("to"), STR("top")));
    assert_false(str_starts(nothing, STR("t")));
    assert_true(str_cmp(nothing, nothing) == 0);
    assert_true(str_cmp(STR("a"), STR("ab")) < 0);
    assert_true(str_cmp(STR("ab"), STR("a")) > 0);
    assert_true(str_cmp(STR("b"), STR("ab")) > 0);
    assert_true(str_cmp(STR("\x7f"), STR("\x80")) < 0); // bytes are unsigned
    assert_true(str_cmp(STR("same"), STR("same")) == 0);
}

static void finding_stays_inside_the_view(void **state)
{
    (void)state;
    struct str text = str_make("a:b:c", 3); // the second colon lies behind
    assert_int_equal(str_find(text, ':', 0), 1);
    assert_true(str_find(text, ':', 2) == SIZE_MAX);
    assert_true(str_find(text, 'a', 3) == SIZE_MAX);
    assert_true(str_find(text, 'a', SIZE_MAX) == SIZE_MAX);
    assert_true(str_find(nothing, 'a', 0) == SIZE_MAX);
    assert_int_equal(str_find_str(STR("one two"), STR("two")), 4);
    assert_int_equal(str_find_str(STR("aab"), STR("ab")), 1);
    assert_int_equal(str_find_str(text, nothing), 0);
    assert_int_equal(str_find_str(nothing, nothing), 0);
    assert_true(str_find_str(text, STR("b:")) == SIZE_MAX);
    assert_true(str_find_str(nothing, STR("b")) == SIZE_MAX);
}

static void trimming_takes_white_space_at_the_ends_only(void **state)
{
    (void)state;
    assert_true(str_eq_c(str_trim(STR(" \t\r\n a b \n")), "a b"));
    assert_true(str_eq_c(str_trim(STR("a")), "a"));
    assert_int_equal(str_trim(STR(" \t ")).len, 0);
    assert_int_equal(str_trim(nothing).len, 0);
    assert_int_equal(str_trim(STR("\0 ")).len, 1); // NUL is no white space
}

static void splitting_gives_every_piece_once(void **state)
{
    (void)state;
    static const struct {
        struct str text;
        const char *pieces[4];
        size_t count;
    } rows[] = {
        { { "a,b", 3 }, { "a", "b" }, 2 },      { { "a", 1 }, { "a" }, 1 },
        { { "a,", 2 }, { "a", "" }, 2 },        { { ",a", 2 }, { "", "a" }, 2 },
        { { "a,,b", 4 }, { "a", "", "b" }, 3 }, { { "", 0 }, { "" }, 1 },
        { { ",", 1 }, { "", "" }, 2 },          { { NULL, 0 }, { NULL }, 0 },
    };
    for (size_t i = 0; i < BASE_COUNT(rows); i++) {
        struct str rest = rows[i].text;
        struct str piece;
        size_t n = 0;
        while (str_split(&rest, ',', &piece)) {
            assert_true(n < rows[i].count);
            assert_true(str_eq_c(piece, rows[i].pieces[n++]));
        }
        assert_int_equal(n, rows[i].count);
        assert_false(str_split(&rest, ',', &piece));
    }
}

static void copies_end_with_nul(void **state)
{
    (void)state;
    char *copy = str_dup(str_make("abcdef", 3));
    assert_string_equal(copy, "abc");
    free(copy);
    copy = str_dup(nothing);
    assert_string_equal(copy, "");
    free(copy);

    char target[4] = { 'x', 'x', 'x', 'x' };
    assert_true(str_copy(target, sizeof target, STR("abc")));
    assert_string_equal(target, "abc");
    assert_false(str_copy(target, sizeof target, STR("abcd")));
    assert_string_equal(target, "");
    target[0] = 'x';
    assert_true(str_copy(target, sizeof target, nothing));
    assert_string_equal(target, "");
    assert_false(str_copy(target, 0, nothing)); // no room even for the NUL
    target[0] = 'x';
    assert_false(str_copy(target, 0, STR("a")));
    assert_int_equal(target[0], 'x');
}

// The hashes are on disk: these numbers are part of a format. They are FNV-1a (64 bits) with the
// upper half folded into the lower.
static void hashes_are_stable(void **state)
{
    (void)state;
    const uint64_t offset = 0xcbf29ce484222325ULL;
    const uint64_t fnv_a = 0xaf63dc4c8601ec8cULL; // FNV-1a of "a", from the authors' test vectors
    assert_true(str_hash(nothing) == (offset ^ offset >> 32));
    assert_true(str_hash(STR("a")) == (fnv_a ^ fnv_a >> 32));
    assert_true(str_hash(STR("a")) != str_hash(STR("b")));
    assert_true(str_hash(STR("a\0")) != str_hash(STR("a")));
    assert_true(str_hash_more(offset, STR("topic")) == str_hash(STR("topic")));
    assert_true(str_hash_more(str_hash(STR("topic")), STR("key")) ==
                str_hash_more(str_hash(STR("topic")), STR("key")));
    assert_true(str_hash_more(str_hash(STR("ab")), STR("c")) !=
                str_hash_more(str_hash(STR("a")), STR("bc")));
}

static void java_hash_is_that_of_java(void **state)
{
    (void)state;
    assert_int_equal(str_java_hash(nothing), 0);
    assert_int_equal(str_java_hash(STR("a")), 97);
    assert_int_equal(str_java_hash(STR("Aa")), 2112);
    assert_int_equal(str_java_hash(STR("BB")), 2112);
    assert_int_equal(str_java_hash(STR("TagA")), ((84 * 31 + 97) * 31 + 103) * 31 + 65);
    assert_int_equal(str_java_hash(STR("polygenelubricants")), INT32_MIN);
    // one unit U+00E9; one unit U+4F60; two units D83D DE00
    assert_int_equal(str_java_hash(STR("\xc3\xa9")), 0xe9);
    assert_int_equal(str_java_hash(STR("\xe4\xbd\xa0")), 0x4f60);
    assert_int_equal(str_java_hash(STR("\xf0\x9f\x98\x80")), 0xd83d * 31 + 0xde00);
    assert_int_equal(str_java_hash(STR("\xff")), 0xfffd);
}

static void utf8_follows_the_standard(void **state)
{
    (void)state;
    static const char *const good[] = {
        "",
        "plain",
        "\x7f",
        "\xc2\x80",
        "\xdf\xbf",
        "\xe0\xa0\x80",
        "\xed\x9f\xbf",
        "\xee\x80\x80",
        "\xef\xbf\xbf",
        "\xf0\x90\x80\x80",
        "\xf4\x8f\xbf\xbf",
    };
    static const char *const bad[] = {
        "\x80",             // continuation alone
        "\xc0\x80",         // two bytes for NUL
        "\xc1\xbf",         // two bytes for U+007F
        "\xc3",             // cut
        "\xc3(",            // no continuation
        "\xe0\x9f\xbf",     // three bytes for U+07FF
        "\xed\xa0\x80",     // surrogate
        "\xed\xbf\xbf",     // surrogate
        "\xe4\xbd",         // cut
        "\xf0\x8f\xbf\xbf", // four bytes for U+FFFF
        "\xf4\x90\x80\x80", // above U+10FFFF
        "\xf5\x80\x80\x80", // no such start
        "\xf0\x9f\x98",     // cut
        "ok\xff",
    };
    assert_true(str_is_utf8(nothing));
    assert_true(str_is_utf8(STR("a\0b")));
    for (size_t i = 0; i < BASE_COUNT(good); i++) {
        assert_true(str_is_utf8(str_of(good[i])));
    }
    for (size_t i = 0; i < BASE_COUNT(bad); i++) {
        assert_false(str_is_utf8(str_of(bad[i])));
    }
    assert_false(str_is_utf8(str_make("\xe4\xbd\xa0", 2))); // the rest lies behind the view
    char long_text[100];
    memset(long_text, 'a', sizeof long_text);
    for (size_t i = 0; i + 1 < sizeof long_text; i++) { // wherever it stands
        long_text[i] = '\xc3';
        assert_false(str_is_utf8(str_make(long_text, sizeof long_text)));
        assert_false(str_is_utf8(str_make(long_text, i + 1)));
        long_text[i + 1] = '\xa4';
        assert_true(str_is_utf8(str_make(long_text, sizeof long_text)));
        long_text[i] = long_text[i + 1] = 'a';
    }
}

static void patterns(void **state)
{
    static const struct {
        const char *pattern;
        const char *text;
        bool matches;
    } rows[] = {
        { "", "", true },         { "", "a", false },           { "*", "", true },
        { "*", "abc", true },     { "a*", "a", true },          { "a*", "ba", false },
        { "*a", "ba", true },     { "*a", "ab", false },        { "a*c", "abbc", true },
        { "a*c", "abcb", false }, { "a*b*c", "aXbYbZc", true }, { "**a**", "a", true },
        { "a.b", "axb", false },  { "pay.*", "pay.", true },    { "pay.*", "pay", false },
    };
    (void)state;
    for (size_t i = 0; i < BASE_COUNT(rows); i++) {
        if (str_matches(str_of(rows[i].text), str_of(rows[i].pattern)) != rows[i].matches) {
            fail_msg("%s and %s", rows[i].pattern, rows[i].text);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(views_compare_by_bytes),
        cmocka_unit_test(finding_stays_inside_the_view),
        cmocka_unit_test(trimming_takes_white_space_at_the_ends_only),
        cmocka_unit_test(splitting_gives_every_piece_once),
        cmocka_unit_test(copies_end_with_nul),
        cmocka_unit_test(hashes_are_stable),
        cmocka_unit_test(java_hash_is_that_of_java),
        cmocka_unit_test(utf8_follows_the_standard),
        cmocka_unit_test(patterns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
