// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "ladder/ladder.h"

static struct ladder parsed(const char *text)
{
    struct ladder ladder;
    struct tidings_error err = { 0 };
    tidings_status status = ladder_parse(str_of(text), &ladder, &err);
    assert_string_equal(err.text, "");
    assert_int_equal(status, TIDINGS_OK);
    return ladder;
}

static void assert_same(const struct ladder *a, const struct ladder *b)
{
    assert_int_equal(a->count, b->count);
    assert_memory_equal(a->rungs_ms, b->rungs_ms, sizeof a->rungs_ms);
    assert_int_equal(a->repeat_last, b->repeat_last);
    assert_int_equal(a->limit, b->limit);
    assert_int_equal(a->window_ms, b->window_ms);
    assert_int_equal(a->jitter_percent, b->jitter_percent);
}

static void delays_are_read_in_order(void **state)
{
    (void)state;
    static const int64_t want[] = { 250, 1000, 7000, 120000, 5400000, 86400000 };
    static const char *const texts[] = {
        "250ms 1s 7 2m 1h30m 1d",
        "250ms,1s,7,2m,1h30m,1d",
        "  250ms, 1s ,, 7\t2m , 1h30m 1d ,",
        "250ms 1s 7 2m 1h30m 1d;",
        "250ms 1s 7 2m 1h30m 1d ; , ",
        "250ms 1s 7 2m 1h30m 1d*1",
    };
    for (size_t i = 0; i < BASE_COUNT(texts); i++) {
        struct ladder ladder = parsed(texts[i]);
        assert_int_equal(ladder.count, BASE_COUNT(want));
        assert_memory_equal(ladder.rungs_ms, want, sizeof want);
        assert_int_equal(ladder.repeat_last, 1);
        assert_int_equal(ladder.limit, 0);
        assert_int_equal(ladder.window_ms, 0);
        assert_int_equal(ladder.jitter_percent, 0);
    }
}

static void the_last_delay_may_repeat(void **state)
{
    (void)state;
    assert_int_equal(parsed("1m 5m*").repeat_last, 0);
    assert_int_equal(parsed("1m 5m*3").repeat_last, 3);
    assert_int_equal(parsed("1m 5m*1000000; limit=2").repeat_last, 1000000);
    assert_int_equal(parsed("0s 0*3").rungs_ms[1], 0); // no delay is a delay, but not for ever
    assert_int_equal(parsed("5*").rungs_ms[0], 5000);
}

static void options_come_in_any_order(void **state)
{
    (void)state;
    struct ladder ladder = parsed("1m;limit=12 window=24h jitter=10%");
    struct ladder other = parsed("1m ; jitter=10%,window=86400,, limit=12");
    assert_same(&ladder, &other);
    assert_int_equal(ladder.limit, 12);
    assert_int_equal(ladder.window_ms, 86400000);
    assert_int_equal(ladder.jitter_percent, 10);
    assert_int_equal(parsed("1m;jitter=0%").jitter_percent, 0);
    assert_int_equal(parsed("1m;jitter=100%").jitter_percent, 100);
    assert_int_equal(parsed("1m;limit=1000000").limit, 1000000);
    assert_int_equal(parsed("1m;window=3650d").window_ms, LADDER_WINDOW_LONGEST_MS);
    assert_int_equal(parsed("1m;window=1ms").window_ms, 1);
}

static void presets_have_names(void **state)
{
    (void)state;
    struct ladder named = parsed("article");
    struct ladder spelled = parsed("1m 5m 10m 30m 1h 2h 5h 10h");
    assert_same(&named, &spelled);
    named = parsed("rocketmq");
    spelled = parsed("10s 30s 1m 2m 3m 4m 5m 6m 7m 8m 9m 10m 20m 30m 1h 2h*");
    assert_same(&named, &spelled);
    named = parsed(" article ; limit=3 jitter=5%");
    spelled = parsed("1m 5m 10m 30m 1h 2h 5h 10h; limit=3 jitter=5%");
    assert_same(&named, &spelled);
}

static void bounds_are_exact(void **state)
{
    (void)state;
    char text[LADDER_TEXT_MAX + 8];
    struct ladder ladder;
    struct tidings_error err = { 0 };
    assert_int_equal(parsed("365d").rungs_ms[0], LADDER_RUNG_LONGEST_MS);
    assert_int_equal(parsed("31536000000ms").rungs_ms[0], LADDER_RUNG_LONGEST_MS);
    assert_int_equal(ladder_parse(STR("365d1ms"), &ladder, NULL), TIDINGS_E_INVALID);

    for (size_t i = 0; i < LADDER_RUNGS_MAX + 1; i++) {
        memcpy(text + 3 * i, "1m ", 3);
    }
    assert_int_equal(ladder_parse(str_make(text, 3 * LADDER_RUNGS_MAX), &ladder, NULL), TIDINGS_OK);
    assert_int_equal(ladder.count, LADDER_RUNGS_MAX);
    assert_int_equal(ladder_parse(str_make(text, 3 * LADDER_RUNGS_MAX + 3), &ladder, &err),
                     TIDINGS_E_TOO_LARGE);
    assert_string_equal(err.text, "more than 64 delays at character 193");

    memset(text, ' ', sizeof text);
    memcpy(text, "1m", 2);
    assert_int_equal(ladder_parse(str_make(text, LADDER_TEXT_MAX - 1), &ladder, NULL), TIDINGS_OK);
    assert_int_equal(ladder_parse(str_make(text, LADDER_TEXT_MAX), &ladder, &err),
                     TIDINGS_E_TOO_LARGE);
    assert_string_equal(err.text, "ladder text has 1024 bytes, at most 1023");
}

static void bad_texts_are_refused_with_place_and_advice(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *error; // how it begins
    } rows[] = {
        { "", "no delay: write a ladder like" },
        { " , ", "no delay: " },
        { ";", "no delay: " },
        { "; limit=3", "no delay: " },
        { "1m x", "delay \"x\" at character 4: write a time up to 365d" },
        { "1m 5m 1.5h", "delay \"1.5h\" at character 7: " },
        { "-1m", "delay \"-1m\" at character 1: " },
        { "+1m", "delay \"+1m\" at character 1: " },
        { "1w", "delay \"1w\" at character 1: " },
        { "1M", "delay \"1M\" at character 1: " },
        { "1m 30m1h", "delay \"30m1h\" at character 4: " },
        { "1m 366d", "delay \"366d\" at character 4: " },
        { "1m 99999999999999999999", "delay \"99999999999999999999\" at character 4: " },
        { "1m\n5m", "delay \"1m\n5m\" at character 1: " },
        { "1m 5m|10m", "delay \"5m|10m\" at character 4: " },
        { "1m article", "delay \"article\" at character 4: " },
        { "article 1m", "\"article\" at character 1: write the name of a preset alone (article, "
                        "rocketmq, wechat, " },
        { "articles", "\"articles\" at character 1: write the name of a preset alone (article, "
                      "rocketmq, wechat, " },
        { "Article", "\"Article\" at character 1: write the name of a preset alone (article, "
                     "rocketmq, wechat, " },
        { "article*", "\"article*\" at character 1: write the name of a preset alone (article, "
                      "rocketmq, wechat, " },
        { "*", "delay \"\" at character 1: " },
        { "1m *", "delay \"\" at character 4: " },
        { "1m* 5m", "\"5m\" at character 5: only the last delay may carry *" },
        { "1m*2 5m*2", "\"5m*2\" at character 6: only the last delay may carry *" },
        { "1m 5m*0", "\"*0\" at character 6: write * alone or * and a count up to 1000000" },
        { "1m 5m*-1", "\"*-1\" at character 6: " },
        { "1m 5m**", "\"**\" at character 6: " },
        { "1m 5m*2*", "\"*2*\" at character 6: " },
        { "1m 5m*x", "\"*x\" at character 6: " },
        { "1m 5m*1000001", "\"*1000001\" at character 6: " },
        { "1m 0s*", "\"0s*\" at character 4: a delay of 0 cannot repeat without end" },
        { "1m; x", "option \"x\" at character 5: write limit=12, window=24h or jitter=10%" },
        { "1m; x=1", "option \"x=1\" at character 5: write limit=12, window=24h or jitter=10%" },
        { "1m; =1", "option \"=1\" at character 5: " },
        { "1m; LIMIT=1", "option \"LIMIT=1\" at character 5: " },
        { "1m;; limit=1", "option \";\" at character 4: " },
        { "1m; limit", "option \"limit\" at character 5: write it like limit=12, 1 to 1000000" },
        { "1m; limit=", "option \"limit=\" at character 5: write it like limit=12" },
        { "1m; limit=0", "option \"limit=0\" at character 5: " },
        { "1m; limit=-1", "option \"limit=-1\" at character 5: " },
        { "1m; limit=1000001", "option \"limit=1000001\" at character 5: " },
        { "1m; limit=3=4", "option \"limit=3=4\" at character 5: " },
        { "1m; limit = 3", "option \"limit\" at character 5: " },
        { "1m; window=0", "option \"window=0\" at character 5: write it like window=24h, 1ms to" },
        { "1m; window=x", "option \"window=x\" at character 5: " },
        { "1m; window=3650d1ms", "option \"window=3650d1ms\" at character 5: " },
        { "1m; jitter=10", "option \"jitter=10\" at character 5: write it like jitter=10%, 0%" },
        { "1m; jitter=%", "option \"jitter=%\" at character 5: " },
        { "1m; jitter=101%", "option \"jitter=101%\" at character 5: " },
        { "1m; jitter=-1%", "option \"jitter=-1%\" at character 5: " },
        { "1m; limit=1 limit=2", "option \"limit=2\" at character 13: limit stands there twice" },
        { "1m; jitter=0% jitter=0%", "option \"jitter=0%\" at character 15: jitter stands there" },
    };
    for (size_t i = 0; i < BASE_COUNT(rows); i++) {
        struct ladder ladder;
        struct tidings_error err = { 0 };
        memset(&ladder, 0xff, sizeof ladder);
        assert_int_equal(ladder_parse(str_of(rows[i].text), &ladder, &err), TIDINGS_E_INVALID);
        assert_int_equal(err.status, TIDINGS_E_INVALID);
        if (!str_starts(str_of(err.text), str_of(rows[i].error))) {
            assert_string_equal(err.text, rows[i].error); // shows both
        }
        assert_int_equal(ladder.count, 0);
        assert_int_equal(ladder_parse(str_of(rows[i].text), &ladder, NULL), TIDINGS_E_INVALID);
    }
}

static void odd_bytes_do_no_harm(void **state)
{
    (void)state;
    struct ladder ladder;
    struct tidings_error err = { 0 };
    assert_int_equal(ladder_parse((struct str){ NULL, 0 }, &ladder, &err), TIDINGS_E_INVALID);
    assert_int_equal(ladder_parse(STR("1m\0"), &ladder, &err), TIDINGS_E_INVALID);
    assert_int_equal(ladder_parse(STR("\0"), &ladder, &err), TIDINGS_E_INVALID);
    assert_int_equal(ladder_parse(STR("\xff\xfe"), &ladder, &err), TIDINGS_E_INVALID);
    assert_int_equal(ladder_parse(str_make("1m 5m", 2), &ladder, &err), TIDINGS_OK);
    assert_int_equal(ladder.count, 1);
}

// A long word is cut, so that the advice behind it is not.
static void errors_show_the_front_of_a_long_word(void **state)
{
    (void)state;
    char text[900];
    struct ladder ladder;
    struct tidings_error err = { 0 };
    memset(text, '9', sizeof text);
    assert_int_equal(ladder_parse(str_make(text, sizeof text), &ladder, &err), TIDINGS_E_INVALID);
    assert_string_equal(err.text, "delay \"9999999999999999999999999999999999999999\" at character "
                                  "1: write a time up to 365d like 30s, 5m, 1h30m");
    for (size_t i = 0; i < sizeof text; i++) {
        text[i] = i == 0 ? '9' : "\xe4\xbd\xa0"[(i - 1) % 3];
    }
    assert_int_equal(ladder_parse(str_make(text, sizeof text), &ladder, &err), TIDINGS_E_INVALID);
    assert_true(str_is_utf8(str_of(err.text)));
    memset(text, '\x80', sizeof text);
    assert_int_equal(ladder_parse(str_make(text, sizeof text), &ladder, &err), TIDINGS_E_INVALID);
    assert_non_null(strstr(err.text, "write a time"));
}

static void text_is_written_and_read_back(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *written;
    } rows[] = {
        { "article", "1m 5m 10m 30m 1h 2h 5h 10h" },
        { "rocketmq", "10s 30s 1m 2m 3m 4m 5m 6m 7m 8m 9m 10m 20m 30m 1h 2h*" },
        { "90m,0,250ms*3", "1h30m 0s 250ms*3" },
        { "1m*1;jitter=0%", "1m" },
        { "1m*;jitter=1%,limit=3,window=36h", "1m*; limit=3 window=1d12h jitter=1%" },
        { "1m;window=1ms", "1m; window=1ms" },
        { "1m; limit=5", "1m; limit=5" },
        { "364d23h59m59s999ms;window=3649d23h59m59s999ms", "31535999999ms; window=315359999999ms" },
    };
    for (size_t i = 0; i < BASE_COUNT(rows); i++) {
        struct ladder ladder = parsed(rows[i].text);
        struct ladder again;
        struct buf out;
        buf_init(&out, LADDER_TEXT_MAX);
        assert_int_equal(ladder_format(&ladder, &out), TIDINGS_OK);
        assert_true(str_eq_c(buf_str(&out), rows[i].written));
        assert_int_equal(ladder_parse(buf_str(&out), &again, NULL), TIDINGS_OK);
        assert_same(&ladder, &again);
        buf_deinit(&out);
    }
}

static void the_longest_ladder_is_written_and_read_back(void **state)
{
    (void)state;
    struct ladder ladder = {
        .count = LADDER_RUNGS_MAX,
        .repeat_last = 1000000,
        .limit = 1000000,
        .window_ms = LADDER_WINDOW_LONGEST_MS - 1,
        .jitter_percent = 100,
    };
    struct ladder again;
    struct buf out;
    for (size_t i = 0; i < LADDER_RUNGS_MAX; i++) {
        ladder.rungs_ms[i] = LADDER_RUNG_LONGEST_MS - 1;
    }
    buf_init(&out, LADDER_TEXT_MAX - 1);
    assert_int_equal(ladder_format(&ladder, &out), TIDINGS_OK);
    assert_int_equal(ladder_parse(buf_str(&out), &again, NULL), TIDINGS_OK);
    assert_same(&ladder, &again);
    buf_deinit(&out);
}

static void writing_appends_all_or_nothing(void **state)
{
    (void)state;
    struct ladder ladder = parsed("1m 5m*; limit=3 window=1d jitter=1%");
    struct str whole = STR("ladder: 1m 5m*; limit=3 window=1d jitter=1%");
    for (size_t max = 8; max <= whole.len; max++) {
        struct buf out;
        buf_init(&out, max);
        assert_int_equal(buf_add_str(&out, STR("ladder: ")), TIDINGS_OK);
        tidings_status status = ladder_format(&ladder, &out);
        assert_int_equal(status, max < whole.len ? TIDINGS_E_TOO_LARGE : TIDINGS_OK);
        assert_true(str_eq(buf_str(&out), max < whole.len ? STR("ladder: ") : whole));
        buf_deinit(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(delays_are_read_in_order),
        cmocka_unit_test(the_last_delay_may_repeat),
        cmocka_unit_test(options_come_in_any_order),
        cmocka_unit_test(presets_have_names),
        cmocka_unit_test(bounds_are_exact),
        cmocka_unit_test(bad_texts_are_refused_with_place_and_advice),
        cmocka_unit_test(odd_bytes_do_no_harm),
        cmocka_unit_test(errors_show_the_front_of_a_long_word),
        cmocka_unit_test(text_is_written_and_read_back),
        cmocka_unit_test(the_longest_ladder_is_written_and_read_back),
        cmocka_unit_test(writing_appends_all_or_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
