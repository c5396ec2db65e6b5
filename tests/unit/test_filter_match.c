// SPDX-License-Identifier: Apache-2.0
// What is delivered, what is not, what is refused and where: a row each.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "filter/filter.h"

// Properties of the message that all rows look at.
static const struct {
    const char *name;
    const char *value;
} properties[] = {
    { "a", "5" },
    { "b", "x" },
    { "neg", "-7" },
    { "f", "2.5" },
    { "t", "true" },
    { "T", "TRUE" },
    { "no", "false" },
    { "empty", "" },
    { "big", "3000000000" },
    { "word", "hello world" },
    { "quote", "it's" },
    { "exp", "1e3" },
    { "plus", "+5" },
    { "pad", " 5" },
    { "nan", "NaN" },
    { "inf", "Infinity" },
    { "$d_1", "dollar" },
    { "zero", "0" },
    { "fd", "5d" },
    { "hex", "0x10" },
    { "dots", "5." },
    { "minuszero", "-0.0" },
    { "utf", "caf\xc3\xa9" },
};

static bool get(void *arg, struct str name, struct str *ret)
{
    (void)arg;
    for (size_t i = 0; i < BASE_COUNT(properties); i++) {
        if (str_eq_c(name, properties[i].name)) {
            *ret = str_of(properties[i].value);
            return true;
        }
    }
    return false;
}

enum outcome { YES, NO };

static const struct {
    const char *text;
    enum outcome outcome;
} rows[] = {
    // numbers: a property takes the type of the constant
    { "a = 5", YES },
    { "a = 6", NO },
    { "a <> 6", YES },
    { "a <> 5", NO },
    { "a > 4", YES },
    { "a > 5", NO },
    { "a >= 5", YES },
    { "a < 6", YES },
    { "a < 5", NO },
    { "a <= 5", YES },
    { "5 = a", YES },
    { "4 < a", YES },
    { "6 < a", NO },
    { "5 <= a", YES },
    { "5 >= a", YES },
    { "a = 5l", YES },
    { "a = 5L", YES },
    { "a > 4.5", YES },
    { "a = 5.0", YES },
    { "a = 5.", YES },
    { "a > .5", YES },
    { "a < 1E1", YES },
    { "a < 1e+1", YES },
    { "a > 1e-1", YES },
    { "f > 2.4", YES },
    { "f = 2.5", YES },
    { "f > 2", NO /* not a whole number: fails */ },
    { "f <> 2", NO /* fails, too */ },
    { "big > 5", NO /* beyond 32 bits like 5: fails */ },
    { "big > 2999999999", YES },
    { "big = 3000000000", YES },
    { "big > 5.5", YES },
    { "neg = -7", YES },
    { "neg < -6", YES },
    { "neg > -8", YES },
    { "neg < 0", YES },
    { "-7 = neg", YES },
    { "neg = - 7", YES },
    { "neg = --7\n 7", NO /* a comment */ },
    { "a = +5", YES },
    { "a = + + 5", YES },
    { "a = - -5", YES },
    { "-a = 5", NO },
    { "-a = -5", NO /* a text has no negative */ },
    { "plus = 5", YES },
    { "pad = 5", NO },
    { "pad = 5.0", YES /* doubles are trimmed */ },
    { "exp = 1000.0", YES },
    { "exp = 1000", NO },
    { "fd = 5.0", YES },
    { "hex = 16.0", NO /* needs its p */ },
    { "dots = 5.0", YES },
    { "nan > 5.5", YES /* Java's order of doubles */ },
    { "inf > 5.5", YES },
    { "empty = 5", NO },
    { "empty <> 5", NO },
    { "b = 5", NO },
    { "b <> 5", NO },
    { "zero = 0", YES },
    { "3 < 5", YES },
    { "5 < 3", NO },
    { "3 = 3", YES },
    { "3 = 3.0", YES },
    { "2147483648 > 5", YES },
    // two properties: compared as doubles in an order, as texts when equal
    { "a > f", YES },
    { "a < big", YES },
    { "neg < a", YES },
    { "a > b", NO },
    { "b > a", NO },
    { "a = a", YES },
    { "a = plus", NO },
    { "f < plus", YES },
    { "a = missing", NO },
    // texts
    { "b = 'x'", YES },
    { "b = 'y'", NO },
    { "b <> 'y'", YES },
    { "'x' = b", YES },
    { "b = 'X'", NO },
    { "quote = 'it''s'", YES },
    { "quote = 'its'", NO },
    { "empty = ''", YES },
    { "empty <> ''", NO },
    { "a = '5'", YES },
    { "utf = 'caf\xc3\xa9'", YES },
    { "'x' = 'x'", YES },
    { "$d_1 = 'dollar'", YES },
    { "a = ' 5'", NO },
    // truth values
    { "t = TRUE", YES },
    { "t = true", YES },
    { "T = TRUE", YES },
    { "no = FALSE", YES },
    { "no = TRUE", NO },
    { "b = FALSE", YES /* not \"true\": false */ },
    { "b = TRUE", NO },
    { "TRUE = t", NO /* a truth value in front of a text fails */ },
    { "TRUE", YES },
    { "FALSE", NO },
    { "NULL", NO },
    { "TRUE = TRUE", YES },
    { "TRUE = FALSE", NO },
    { "t", NO /* a text */ },
    { "NOT t", YES },
    { "missing", NO },
    { "NOT missing", NO },
    { "a = 5 = TRUE", YES },
    { "TRUE <> FALSE", YES },
    { "5 = TRUE", NO },
    { "5 <> TRUE", YES },
    { "(a = 5) = (b = 'x')", YES },
    { "(a = 5) = b", NO },
    { "(a = 5) <> b", NO },
    // NULL
    { "missing IS NULL", YES },
    { "missing IS NOT NULL", NO },
    { "a IS NULL", NO },
    { "a IS NOT NULL", YES },
    { "empty IS NULL", NO },
    { "missing = 'x'", NO },
    { "missing <> 'x'", NO },
    { "'x' = missing", NO },
    { "'x' <> missing", YES },
    { "missing = gone", YES },
    { "missing <> gone", NO },
    { "missing > 5", NO },
    { "5 > missing", NO },
    { "NOT missing = 'x'", NO },
    { "NOT (missing = 'x')", NO },
    { "NOT (missing > 5)", NO },
    { "5 IS NULL", NO },
    { "5 IS NOT NULL", YES },
    { "NULL IS NULL", YES },
    { "a = 5 IS NULL", NO },
    { "(missing > 5) IS NULL", YES },
    { "is_null IS null", YES },
    // three-valued logic
    { "a = 5 AND b = 'x'", YES },
    { "a = 5 AND b = 'y'", NO },
    { "a = 6 OR b = 'x'", YES },
    { "a = 6 OR b = 'y'", NO },
    { "missing > 1 OR a = 5", YES },
    { "missing > 1 OR a = 6", NO },
    { "missing > 1 AND a = 5", NO },
    { "a = 5 AND missing > 1", NO },
    { "NOT (missing > 1 AND a = 6)", YES },
    { "NOT (missing > 1 AND a = 5)", NO },
    { "NOT (missing > 1 OR a = 5)", NO },
    { "NOT (missing > 1 OR a = 6)", NO },
    { "a = 5 OR b > 5", YES /* decided before the failure */ },
    { "b > 5 OR a = 5", NO },
    { "a = 6 AND b > 5", NO },
    { "NOT (b > 5)", NO },
    { "NOT a = 6", NO },
    { "NOT (a = 6)", YES },
    { "NOT NOT (a = 5)", YES },
    { "a = 6 AND b = 'x' OR f = 2.5", YES },
    { "f = 2.5 OR a = 6 AND b = 'y'", YES },
    { "(f = 2.5 OR a = 6) AND b = 'y'", NO },
    { "TRUE AND t", NO },
    { "t OR TRUE", YES },
    // BETWEEN
    { "a BETWEEN 1 AND 5", YES },
    { "a BETWEEN 5 AND 5", YES },
    { "a BETWEEN 6 AND 9", NO },
    { "a BETWEEN 1 AND 4", NO },
    { "a NOT BETWEEN 6 AND 9", YES },
    { "a NOT BETWEEN 1 AND 5", NO },
    { "a NOT BETWEEN 9 AND 1", YES /* under 9 or over 1 */ },
    { "missing BETWEEN 1 AND 5", NO },
    { "missing NOT BETWEEN 1 AND 5", NO },
    { "a BETWEEN 4.5 AND 5.5", YES },
    { "a BETWEEN -1 AND -5", NO },
    { "neg BETWEEN -9 AND -1", YES },
    { "a BETWEEN 1 AND big", YES },
    { "a BETWEEN 1 AND 5 AND b = 'x'", YES },
    { "3 BETWEEN 1 AND 5", YES },
    { "NOT (a BETWEEN 6 AND 9)", YES },
    { "b BETWEEN 1 AND 5", NO },
    // IN
    { "b IN ('x')", YES },
    { "b IN ('y', 'x', 'z')", YES },
    { "b IN ('y')", NO },
    { "b NOT IN ('y')", YES },
    { "b NOT IN ('x')", NO },
    { "missing IN ('x')", NO },
    { "missing NOT IN ('x')", NO },
    { "a IN ('5')", YES },
    { "a in('4','5')", YES },
    { "empty IN ('')", YES },
    { "NOT (b IN ('y'))", YES },
    // CONTAINS, STARTSWITH, ENDSWITH
    { "word CONTAINS 'lo wo'", YES },
    { "word CONTAINS 'xyz'", NO },
    { "word NOT CONTAINS 'xyz'", YES },
    { "word NOT CONTAINS 'lo'", NO },
    { "word CONTAINS ''", NO },
    { "word NOT CONTAINS ''", NO },
    { "missing CONTAINS 'x'", NO },
    { "missing NOT CONTAINS 'x'", NO },
    { "word STARTSWITH 'hello'", YES },
    { "word STARTSWITH 'world'", NO },
    { "word NOT STARTSWITH 'world'", YES },
    { "word ENDSWITH 'world'", YES },
    { "word ENDSWITH 'hello'", NO },
    { "word NOT ENDSWITH 'hello'", YES },
    { "word endswith 'hello world and more'", NO },
    { "'abc' CONTAINS 'b'", YES },
    { "5 CONTAINS '5'", NO },
    { "a CONTAINS '5'", YES },
    // words, space, comments
    { "a=5 and b='x' or FALSE", YES },
    { "a\t=\n5\r", YES },
    { "a = 5 -- all\n", YES },
    { "-- first\na = 5", YES },
    { "a /* between */ = 5", YES },
    { "a = 5 /* * ** */", YES },
    { "((((a = 5))))", YES },
    { "A = 5", NO /* names have a case */ },
};

static void every_row(void **state)
{
    (void)state;
    for (size_t i = 0; i < BASE_COUNT(rows); i++) {
        struct filter *filter = NULL;
        struct tidings_error err = { 0 };
        if (filter_compile(str_of(rows[i].text), &filter, &err) != TIDINGS_OK) {
            fail_msg("%s: refused: %s", rows[i].text, err.text);
            return;
        }
        if (filter_match(filter, get, NULL) != (rows[i].outcome == YES)) {
            fail_msg("%s: %s", rows[i].text,
                     rows[i].outcome == YES ? "not delivered" : "delivered");
        }
        filter_free(filter);
    }
}

static const struct {
    const char *text;
    size_t position;
} wrong[] = {
    { "", 1 },
    { "   ", 4 },
    { "a =", 4 },
    { "a = ", 5 },
    { "= 5", 1 },
    { "a 5", 3 },
    { "a == 5", 4 },
    { "a != 5", 3 },
    { "a = 5;", 6 },
    { "a = 5 b", 7 },
    { "a = 'x", 5 },
    { "a = \"x\"", 5 },
    { "a > 'x'", 5 },
    { "'x' > a", 1 },
    { "a > TRUE", 5 },
    { "a > NULL", 5 },
    { "TRUE > a", 1 },
    { "a > (b = 'x')", 5 },
    { "(a = 5) > 3", 1 },
    { "a > 3 > 2", 1 },
    { "a = NULL", 5 },
    { "a <> NULL", 6 },
    { "NULL = a", 1 },
    { "TRUE = 5", 8 },
    { "TRUE = 'x'", 8 },
    { "5", 1 },
    { "'x'", 1 },
    { "-a", 1 },
    { "5 AND a = 5", 1 },
    { "a = 5 AND 5", 11 },
    { "a = 5 OR 'x'", 10 },
    { "NOT 5", 5 },
    { "NOT", 4 },
    { "a BETWEEN 5 AND 1", 11 },
    { "a BETWEEN 2.5 AND 1", 11 },
    { "a BETWEEN 'a' AND 'b'", 11 },
    { "a BETWEEN 1", 12 },
    { "a BETWEEN 1 OR 2", 13 },
    { "a BETWEEN NULL AND 5", 11 },
    { "b BETWEEN 1 AND 'x'", 17 },
    { "a IN (5)", 7 },
    { "a IN ()", 7 },
    { "a IN ('x'", 10 },
    { "a IN 'x'", 6 },
    { "a IN ('x',)", 11 },
    { "'x' IN ('x')", 1 },
    { "5 IN ('5')", 1 },
    { "(a) = ", 7 },
    { "(a = 5", 7 },
    { "a = 5)", 6 },
    { "a IS 5", 6 },
    { "a IS NOT 5", 10 },
    { "a IS", 5 },
    { "a NOT = 5", 7 },
    { "a NOT 5", 7 },
    { "a CONTAINS 5", 12 },
    { "a CONTAINS b", 12 },
    { "a = 9223372036854775808", 5 },
    { "a = 0.0", 5 },
    { "a = 1e999", 5 },
    { "a = 00", 6 },
    { "a = 05", 6 },
    { "a.b = 5", 2 },
    { "a = 5 -- no end of line", 7 },
    { "a = 5 /* open", 7 },
    { "a # 5", 3 },
    { "a = @", 5 },
    { "a = \x01", 5 },
    { "caf\xc3\xa9 = 5", 4 },
    { "a + 5 = 10", 3 },
    { "a * 2 = 10", 3 },
    { "a LIKE 'x'", 3 },
    { "NOT b IN ('y')", 1 },
    { "AND", 1 },
    { "a = 5 AND", 10 },
    { "a = 5 OR OR b = 'x'", 10 },
};

static void every_mistake_is_told_with_its_position(void **state)
{
    (void)state;
    for (size_t i = 0; i < BASE_COUNT(wrong); i++) {
        struct filter *filter = NULL;
        struct tidings_error err = { 0 };
        char place[64];
        tidings_status status = filter_compile(str_of(wrong[i].text), &filter, &err);
        if (status != TIDINGS_E_INVALID) {
            fail_msg("%s: not refused", wrong[i].text);
        }
        assert_null(filter);
        snprintf(place, sizeof place, "at position %zu", wrong[i].position);
        const char *found = strstr(err.text, place);
        if (found == NULL || (found[strlen(place)] >= '0' && found[strlen(place)] <= '9')) {
            fail_msg("%s: %s, not %s", wrong[i].text, err.text, place);
        }
    }
}

static void expect(const struct buf *text, tidings_status wanted)
{
    struct filter *filter = NULL;
    struct tidings_error err = { 0 };
    assert_int_equal(filter_compile(buf_str(text), &filter, &err), wanted);
    if (wanted == TIDINGS_OK) {
        assert_true(filter_match(filter, get, NULL));
    }
    filter_free(filter);
}

static void limits(void **state)
{
    struct buf text;
    (void)state;
    buf_init(&text, FILTER_TEXT_MAX * 2);
    for (int depth = FILTER_DEPTH_MAX - 1; depth <= FILTER_DEPTH_MAX; depth++) {
        buf_clear(&text);
        for (int i = 0; i < depth; i++) {
            assert_int_equal(buf_add(&text, "(", 1), TIDINGS_OK);
        }
        assert_int_equal(buf_add_str(&text, STR("a=5")), TIDINGS_OK);
        for (int i = 0; i < depth; i++) {
            assert_int_equal(buf_add(&text, ")", 1), TIDINGS_OK);
        }
        expect(&text, depth < FILTER_DEPTH_MAX ? TIDINGS_OK : TIDINGS_E_TOO_LARGE);
    }
    // As long as may be: a chain to the left.
    buf_clear(&text);
    assert_int_equal(buf_add_str(&text, STR("a=5")), TIDINGS_OK);
    while (text.len + 8 <= FILTER_TEXT_MAX) {
        assert_int_equal(buf_add_str(&text, STR(" AND a=5")), TIDINGS_OK);
    }
    expect(&text, TIDINGS_OK);
    while (text.len <= FILTER_TEXT_MAX) {
        assert_int_equal(buf_add(&text, " ", 1), TIDINGS_OK);
    }
    expect(&text, TIDINGS_E_TOO_LARGE);
    buf_deinit(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row),
        cmocka_unit_test(every_mistake_is_told_with_its_position),
        cmocka_unit_test(limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
