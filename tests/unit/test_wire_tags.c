// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "wire/wire.h"

static bool matches(const struct wire_tags *tags, const char *tag)
{
    struct str text = str_of(tag);
    return wire_tags_match(tags, text, str_java_hash(text));
}

static void star_and_nothing_mean_all(void **state)
{
    static const char *const expressions[] = { "*", "", " * " };
    (void)state;
    for (size_t i = 0; i < BASE_COUNT(expressions); i++) {
        struct wire_tags tags;
        assert_int_equal(wire_tags_parse(str_of(expressions[i]), &tags, NULL), TIDINGS_OK);
        assert_true(tags.all);
        assert_true(matches(&tags, "any"));
        assert_true(wire_tags_match(&tags, (struct str){ NULL, 0 }, 0));
    }
    struct wire_tags tags;
    assert_int_equal(wire_tags_parse((struct str){ NULL, 0 }, &tags, NULL), TIDINGS_OK);
    assert_true(tags.all);
}

static void listed_tags_match_exactly(void **state)
{
    (void)state;
    struct wire_tags tags;
    assert_int_equal(wire_tags_parse(STR(" A||B C || caf\xc3\xa9 ||A"), &tags, NULL), TIDINGS_OK);
    assert_false(tags.all);
    assert_int_equal(tags.count, 3);
    assert_int_equal(tags.tags[0].code, 65);
    assert_int_equal(tags.tags[2].code, 3045921); // "café".hashCode() in Java
    assert_true(matches(&tags, "A"));
    assert_true(matches(&tags, "B C"));
    assert_true(matches(&tags, "caf\xc3\xa9"));
    assert_false(matches(&tags, "a"));
    assert_false(matches(&tags, "B"));
    assert_false(matches(&tags, ""));
    assert_false(wire_tags_match(&tags, (struct str){ NULL, 0 }, 0));
}

static void equal_hashes_are_told_apart(void **state)
{
    (void)state;
    struct wire_tags tags;
    assert_int_equal(str_java_hash(STR("Aa")), str_java_hash(STR("BB")));
    assert_int_equal(wire_tags_parse(STR("Aa"), &tags, NULL), TIDINGS_OK);
    assert_true(matches(&tags, "Aa"));
    assert_false(matches(&tags, "BB"));
    assert_int_equal(wire_tags_parse(STR("Aa || BB"), &tags, NULL), TIDINGS_OK);
    assert_int_equal(tags.count, 2);
    assert_true(matches(&tags, "BB"));
}

static void empty_pieces_are_passed_over(void **state)
{
    (void)state;
    struct wire_tags tags;
    assert_int_equal(wire_tags_parse(STR("|| A || || B ||"), &tags, NULL), TIDINGS_OK);
    assert_int_equal(tags.count, 2);
    assert_int_equal(wire_tags_parse(STR("A|B"), &tags, NULL),
                     TIDINGS_OK); // one tag with a bar in it
    assert_int_equal(tags.count, 1);
    assert_true(matches(&tags, "A|B"));
}

static void expressions_without_a_tag_or_with_too_many_are_refused(void **state)
{
    (void)state;
    struct wire_tags tags;
    struct tidings_error err = { .status = TIDINGS_OK };
    struct buf text;
    assert_int_equal(wire_tags_parse(STR("||"), &tags, &err), TIDINGS_E_INVALID);
    assert_non_null(strstr(err.text, "at byte 0"));
    assert_int_equal(wire_tags_parse(STR("  "), &tags, &err), TIDINGS_E_INVALID);
    buf_init(&text, 4096);
    for (unsigned i = 0; i < WIRE_TAGS_MAX; i++) {
        assert_int_equal(buf_addf(&text, "||t%03u", i), TIDINGS_OK);
    }
    assert_int_equal(wire_tags_parse(buf_str(&text), &tags, &err), TIDINGS_OK);
    assert_int_equal(tags.count, WIRE_TAGS_MAX);
    assert_int_equal(buf_addf(&text, "||t000"), TIDINGS_OK); // said before
    assert_int_equal(wire_tags_parse(buf_str(&text), &tags, &err), TIDINGS_OK);
    assert_int_equal(buf_addf(&text, "||more"), TIDINGS_OK);
    assert_int_equal(wire_tags_parse(buf_str(&text), &tags, &err), TIDINGS_E_INVALID);
    assert_non_null(strstr(err.text, "at byte 1544")); // 257 items of 6 bytes, then "||"
    buf_deinit(&text);
}

static void names_have_an_alphabet_and_a_length(void **state)
{
    (void)state;
    assert_true(wire_name_is_valid(STR("%RETRY%order-group_1|x"), WIRE_TOPIC_MAX));
    assert_true(wire_name_is_valid(STR("azAZ09"), 6));
    assert_false(wire_name_is_valid(STR("azAZ09"), 5));
    assert_false(wire_name_is_valid(STR(""), 5));
    static const char bad[] = " .:/@[`{~$\x7f\x80\xe9\n";
    for (size_t i = 0; i < sizeof bad; i++) { // the last is NUL
        char name[] = { 'a', bad[i], 'b' };
        assert_false(wire_name_is_valid(str_make(name, sizeof name), 127));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(star_and_nothing_mean_all),
        cmocka_unit_test(listed_tags_match_exactly),
        cmocka_unit_test(equal_hashes_are_told_apart),
        cmocka_unit_test(empty_pieces_are_passed_over),
        cmocka_unit_test(expressions_without_a_tag_or_with_too_many_are_refused),
        cmocka_unit_test(names_have_an_alphabet_and_a_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
