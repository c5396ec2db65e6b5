// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "ladder/ladder.h"

#define DEFAULT_LEVELS "1s 5s 10s 30s 1m 2m 3m 4m 5m 6m 7m 8m 9m 10m 20m 30m 1h 2h"

static struct ladder_levels parsed(const char *text)
{
    struct ladder_levels levels;
    assert_int_equal(ladder_levels_parse(str_of(text), &levels, NULL), TIDINGS_OK);
    return levels;
}

static void levels_count_from_one_and_stop_at_the_last(void **state)
{
    (void)state;
    struct ladder_levels levels = parsed(DEFAULT_LEVELS);
    assert_int_equal(levels.count, 18);
    assert_int_equal(ladder_level_ms(&levels, 1), 1000);
    assert_int_equal(ladder_level_ms(&levels, 3), 10000);
    assert_int_equal(ladder_level_ms(&levels, 18), 7200000);
    assert_int_equal(ladder_level_ms(&levels, 19), 7200000);
    assert_int_equal(ladder_level_ms(&levels, INT32_MAX), 7200000);
    assert_int_equal(ladder_level_ms(&levels, 0), 0);
    assert_int_equal(ladder_level_ms(&levels, -1), 0);
    assert_int_equal(ladder_level_ms(&levels, INT32_MIN), 0);
    levels.count = 0;
    assert_int_equal(ladder_level_ms(&levels, 1), 0);
}

static void the_default_levels_make_the_preset(void **state)
{
    (void)state;
    struct ladder_levels levels = parsed(DEFAULT_LEVELS);
    struct ladder made;
    struct ladder preset;
    assert_int_equal(ladder_from_levels(&levels, &made, NULL), TIDINGS_OK);
    assert_int_equal(ladder_parse(STR("rocketmq"), &preset, NULL), TIDINGS_OK);
    assert_int_equal(made.count, 16);
    assert_int_equal(made.count, preset.count);
    assert_memory_equal(made.rungs_ms, preset.rungs_ms, sizeof made.rungs_ms);
    assert_int_equal(made.repeat_last, 0);
    assert_int_equal(preset.repeat_last, 0);
    for (unsigned done = 0; done < 40; done++) { // rule 3 + n
        struct ladder_step step;
        ladder_next(&made, done, 0, 0, 0, NULL, &step);
        assert_true(step.due_ms == ladder_level_ms(&levels, 3 + (int)done));
    }
}

static void short_tables_make_short_ladders(void **state)
{
    (void)state;
    static const struct {
        const char *levels;
        unsigned count;
        int64_t first_ms;
    } rows[] = {
        { "1s", 1, 1000 },         { "1s 5s", 1, 5000 },
        { "1s 5s 10s", 1, 10000 }, { "1s 5s 10s 30s", 2, 10000 },
        { "0 0 0 1s", 2, 0 },
    };
    for (size_t i = 0; i < BASE_COUNT(rows); i++) {
        struct ladder_levels levels = parsed(rows[i].levels);
        struct ladder ladder;
        assert_int_equal(ladder_from_levels(&levels, &ladder, NULL), TIDINGS_OK);
        assert_int_equal(ladder.count, rows[i].count);
        assert_int_equal(ladder.rungs_ms[0], rows[i].first_ms);
    }
}

static void the_article_fits_into_a_table(void **state)
{
    (void)state;
    struct ladder_levels levels = parsed("1s 5s 1m 5m 10m 30m 1h 2h 5h 10h");
    struct ladder ladder;
    struct ladder article;
    assert_int_equal(ladder_from_levels(&levels, &ladder, NULL), TIDINGS_OK);
    assert_int_equal(ladder_parse(STR("article"), &article, NULL), TIDINGS_OK);
    assert_int_equal(ladder.count, article.count);
    assert_memory_equal(ladder.rungs_ms, article.rungs_ms, sizeof ladder.rungs_ms);
}

static void bad_tables_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *error;
    } rows[] = {
        { "", "no delay level" },
        { " ", "no delay level" },
        { "1s x", "delay \"x\" at character 4" },
        { "1s 5s*", "delay \"5s*\" at character 4" },
        { "1s;", "delay \"1s;\" at character 1" },
        { "1s 366d", "delay \"366d\" at character 4" },
        { "rocketmq", "delay \"rocketmq\" at character 1" },
        { "-1s", "delay \"-1s\" at character 1" },
    };
    struct ladder_levels levels;
    struct ladder ladder;
    struct tidings_error err = { 0 };
    for (size_t i = 0; i < BASE_COUNT(rows); i++) {
        assert_int_equal(ladder_levels_parse(str_of(rows[i].text), &levels, &err),
                         TIDINGS_E_INVALID);
        assert_true(str_starts(str_of(err.text), str_of(rows[i].error)));
        assert_int_equal(levels.count, 0);
    }
    assert_int_equal(ladder_levels_parse((struct str){ NULL, 0 }, &levels, &err),
                     TIDINGS_E_INVALID);
    assert_int_equal(ladder_from_levels(&levels, &ladder, &err), TIDINGS_E_INVALID);
    assert_int_equal(ladder.count, 0);
    levels = parsed("1s 5s 0s"); // a fine table, but no ladder: the last would repeat at once
    assert_int_equal(ladder_from_levels(&levels, &ladder, &err), TIDINGS_E_INVALID);
    assert_string_equal(err.text,
                        "delay level 3 is 0: the last level of a retry ladder must be longer");
    assert_int_equal(ladder.count, 0);
}

static void tables_have_a_largest_size(void **state)
{
    (void)state;
    char text[LADDER_TEXT_MAX];
    struct ladder_levels levels;
    struct ladder ladder;
    struct tidings_error err = { 0 };
    for (size_t i = 0; i < LADDER_LEVELS_MAX + 1; i++) {
        memcpy(text + 3 * i, "1s ", 3);
    }
    assert_int_equal(ladder_levels_parse(str_make(text, 3 * LADDER_LEVELS_MAX), &levels, NULL),
                     TIDINGS_OK);
    assert_int_equal(levels.count, LADDER_LEVELS_MAX);
    assert_int_equal(ladder_from_levels(&levels, &ladder, NULL), TIDINGS_OK);
    assert_int_equal(ladder.count, LADDER_LEVELS_MAX - 2);
    assert_int_equal(ladder_levels_parse(str_make(text, 3 * LADDER_LEVELS_MAX + 3), &levels, &err),
                     TIDINGS_E_TOO_LARGE);
    assert_string_equal(err.text, "more than 64 levels at character 193");
    assert_int_equal(levels.count, 0);
    memset(text, ' ', sizeof text);
    assert_int_equal(ladder_levels_parse(str_make(text, sizeof text), &levels, &err),
                     TIDINGS_E_TOO_LARGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(levels_count_from_one_and_stop_at_the_last),
        cmocka_unit_test(the_default_levels_make_the_preset),
        cmocka_unit_test(short_tables_make_short_ladders),
        cmocka_unit_test(the_article_fits_into_a_table),
        cmocka_unit_test(bad_tables_are_refused),
        cmocka_unit_test(tables_have_a_largest_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
