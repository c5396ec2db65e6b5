// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "ladder/ladder.h"

enum { MINUTE = 60000, HOUR = 60 * MINUTE };
#define FIRST_MS 1714566600123LL // nothing is rounded to seconds

static struct ladder parsed(const char *text)
{
    struct ladder ladder;
    assert_int_equal(ladder_parse(str_of(text), &ladder, NULL), TIDINGS_OK);
    return ladder;
}

static struct ladder_step next(const struct ladder *ladder, unsigned done, int64_t now_ms,
                               int64_t least_ms)
{
    struct ladder_step step;
    memset(&step, 0xff, sizeof step);
    ladder_next(ladder, done, FIRST_MS, now_ms, least_ms, NULL, &step);
    if (step.dead != LADDER_ALIVE) {
        assert_int_equal(step.due_ms, 0);
    }
    return step;
}

// What the payment platforms and the standard say of theirs: how many, and over how long.
static void presets_are_as_their_makers_say(void **state)
{
    static const struct {
        const char *name;
        int64_t steps;
        int64_t minutes;
        int64_t seconds;
        unsigned jitter;
    } wanted[] = {
        { "article", 8, 18 * 60 + 46, 0, 0 },
        { "wechat", 15, 24 * 60 + 4, 0, 0 },
        { "wechat-v1", 9, 3 * 60 + 4, 0, 0 },
        { "alipay", 7, 24 * 60 + 24, 0, 0 },
        { "standard-webhooks", 9, 75 * 60 + 35, 5, 10 },
    };
    (void)state;
    for (size_t i = 0; i < BASE_COUNT(wanted); i++) {
        struct ladder ladder = parsed(wanted[i].name);
        assert_int_equal(ladder_steps(&ladder), wanted[i].steps);
        assert_int_equal(ladder_total_ms(&ladder),
                         (wanted[i].minutes * 60 + wanted[i].seconds) * 1000);
        assert_int_equal(ladder.jitter_percent, wanted[i].jitter);
    }
    struct ladder calm = parsed("standard-webhooks; jitter=0%");
    assert_int_equal(calm.jitter_percent, 0);
    size_t count = 0;
    for (; ladder_preset(count) != NULL; count++) { // each can be written by its name
        struct ladder ladder = parsed(ladder_preset(count)->name);
        assert_int_equal(ladder.jitter_percent, ladder_preset(count)->jitter_percent);
    }
    assert_int_equal(count, BASE_COUNT(wanted) + 1); // and rocketmq, which has no end
}

static void the_article_makes_nine_deliveries_in_18_hours_46(void **state)
{
    (void)state;
    static const int64_t minutes[] = { 1, 6, 16, 46, 106, 226, 526, 1126 };
    struct ladder ladder = parsed("article");
    int64_t offsets_ms[16];
    int64_t now_ms = FIRST_MS;
    unsigned deliveries = 1;
    for (;; deliveries++) {
        struct ladder_step step = next(&ladder, deliveries - 1, now_ms, 0);
        if (step.dead != LADDER_ALIVE) {
            assert_int_equal(step.dead, LADDER_RUNGS_USED);
            break;
        }
        assert_true(step.due_ms == FIRST_MS + minutes[deliveries - 1] * MINUTE);
        now_ms = step.due_ms;
    }
    assert_int_equal(deliveries, 9);
    assert_true(now_ms - FIRST_MS == 18 * HOUR + 46 * MINUTE);
    assert_int_equal(ladder_steps(&ladder), 8);
    assert_true(ladder_total_ms(&ladder) == 18 * HOUR + 46 * MINUTE);
    assert_int_equal(ladder_preview(&ladder, offsets_ms, BASE_COUNT(offsets_ms)), 8);
    for (size_t i = 0; i < 8; i++) {
        assert_true(offsets_ms[i] == minutes[i] * MINUTE);
    }
    assert_int_equal(ladder_preview(&ladder, offsets_ms, 3), 3);
    assert_int_equal(ladder_preview(&ladder, NULL, 0), 0);
}

static void the_delay_counts_from_the_failure(void **state)
{
    (void)state;
    struct ladder ladder = parsed("1m 5m");
    assert_true(next(&ladder, 0, FIRST_MS + 7, 0).due_ms == FIRST_MS + 7 + MINUTE);
    assert_true(next(&ladder, 1, FIRST_MS + 123456, 0).due_ms == FIRST_MS + 123456 + 5 * MINUTE);
    assert_true(next(&ladder, 0, FIRST_MS - 5000, 0).due_ms == FIRST_MS - 5000 + MINUTE);
}

static void the_last_rung_repeats(void **state)
{
    (void)state;
    struct ladder ladder = parsed("1m 5m*3");
    static const int64_t minutes[] = { 1, 5, 5, 5 };
    assert_int_equal(ladder_steps(&ladder), 4);
    for (unsigned done = 0; done < 4; done++) {
        assert_true(next(&ladder, done, FIRST_MS, 0).due_ms == FIRST_MS + minutes[done] * MINUTE);
        assert_true(ladder_delay_ms(&ladder, done + 1) == minutes[done] * MINUTE);
    }
    assert_int_equal(next(&ladder, 4, FIRST_MS, 0).dead, LADDER_RUNGS_USED);
    assert_int_equal(next(&ladder, UINT32_MAX, FIRST_MS, 0).dead, LADDER_RUNGS_USED);
    assert_int_equal(ladder_delay_ms(&ladder, 0), -1);
    assert_int_equal(ladder_delay_ms(&ladder, -1), -1);
    assert_int_equal(ladder_delay_ms(&ladder, 5), -1);
    assert_true(ladder_total_ms(&ladder) == 16 * MINUTE);

    ladder = parsed("1m 5m*");
    assert_true(ladder_steps(&ladder) == INT64_MAX);
    assert_true(next(&ladder, UINT32_MAX, FIRST_MS, 0).due_ms == FIRST_MS + 5 * MINUTE);
    assert_true(ladder_delay_ms(&ladder, INT64_MAX) == 5 * MINUTE);
    assert_true(ladder_total_ms(&ladder) == INT64_MAX);
}

static void the_limit_ends_it(void **state)
{
    (void)state;
    struct ladder ladder = parsed("1m 5m*; limit=3");
    int64_t offsets_ms[8];
    assert_int_equal(ladder_steps(&ladder), 3);
    assert_int_equal(next(&ladder, 2, FIRST_MS, 0).dead, LADDER_ALIVE);
    assert_int_equal(next(&ladder, 3, FIRST_MS, 0).dead, LADDER_LIMIT);
    assert_int_equal(next(&ladder, UINT32_MAX, FIRST_MS, 0).dead, LADDER_LIMIT);
    assert_true(ladder_total_ms(&ladder) == 11 * MINUTE);
    assert_int_equal(ladder_preview(&ladder, offsets_ms, BASE_COUNT(offsets_ms)), 3);

    ladder = parsed("1m 5m; limit=1"); // shorter than the ladder
    assert_int_equal(next(&ladder, 1, FIRST_MS, 0).dead, LADDER_LIMIT);
    assert_true(ladder_total_ms(&ladder) == MINUTE);
    ladder = parsed("1m 5m; limit=9"); // longer than the ladder
    assert_int_equal(next(&ladder, 2, FIRST_MS, 0).dead, LADDER_RUNGS_USED);
    assert_int_equal(ladder_steps(&ladder), 2);
    assert_true(ladder_total_ms(&ladder) == 6 * MINUTE);
}

static void the_window_is_exact_to_the_millisecond(void **state)
{
    (void)state;
    struct ladder ladder = parsed("1m 5m*; window=10m");
    int64_t last_ms = FIRST_MS + 5 * MINUTE;
    assert_true(next(&ladder, 1, last_ms, 0).due_ms == FIRST_MS + 10 * MINUTE);
    assert_int_equal(next(&ladder, 1, last_ms + 1, 0).dead, LADDER_WINDOW);
    assert_int_equal(next(&ladder, 1, FIRST_MS + HOUR, 0).dead, LADDER_WINDOW);

    int64_t offsets_ms[8];
    assert_true(ladder_total_ms(&ladder) == 6 * MINUTE);
    assert_int_equal(ladder_preview(&ladder, offsets_ms, BASE_COUNT(offsets_ms)), 2);
    ladder = parsed("1m 5m*; window=11m");
    assert_true(ladder_total_ms(&ladder) == 11 * MINUTE);
    assert_int_equal(ladder_preview(&ladder, offsets_ms, BASE_COUNT(offsets_ms)), 3);
    ladder = parsed("1m 5m; window=59s");
    assert_int_equal(next(&ladder, 0, FIRST_MS, 0).dead, LADDER_WINDOW);
    assert_int_equal(ladder_total_ms(&ladder), 0);
    assert_int_equal(ladder_preview(&ladder, offsets_ms, BASE_COUNT(offsets_ms)), 0);
    ladder = parsed("1ms*; window=3650d");
    assert_true(ladder_total_ms(&ladder) == LADDER_WINDOW_LONGEST_MS);
}

static void the_first_end_gives_the_reason(void **state)
{
    (void)state;
    struct ladder ladder = parsed("1m*2; limit=2 window=1s");
    assert_int_equal(next(&ladder, 0, FIRST_MS, 0).dead, LADDER_WINDOW);
    assert_int_equal(next(&ladder, 2, FIRST_MS, 0).dead, LADDER_LIMIT);
    assert_string_equal(ladder_death_text(LADDER_ALIVE), "alive");
    for (int death = LADDER_ALIVE; death <= LADDER_WINDOW; death++) {
        assert_true(strcmp(ladder_death_text((enum ladder_death)death), "unknown") != 0);
    }
    assert_string_equal(ladder_death_text((enum ladder_death)99), "unknown");
}

static void a_least_delay_is_kept_in_full(void **state)
{
    (void)state;
    struct ladder ladder = parsed("1m 5m; window=10m jitter=10%");
    struct ladder_step step;
    struct rnd rnd;
    assert_true(next(&ladder, 0, FIRST_MS, 30000).due_ms == FIRST_MS + MINUTE);
    assert_true(next(&ladder, 0, FIRST_MS, MINUTE + 1).due_ms == FIRST_MS + MINUTE + 1);
    assert_true(next(&ladder, 0, FIRST_MS, -1).due_ms == FIRST_MS + MINUTE);
    assert_true(next(&ladder, 0, FIRST_MS, INT64_MIN).due_ms == FIRST_MS + MINUTE);
    assert_true(next(&ladder, 0, FIRST_MS, 10 * MINUTE).due_ms == FIRST_MS + 10 * MINUTE);
    assert_int_equal(next(&ladder, 0, FIRST_MS, 10 * MINUTE + 1).dead, LADDER_WINDOW);
    assert_int_equal(next(&ladder, 0, FIRST_MS, INT64_MAX).dead, LADDER_WINDOW);
    rnd_seed(&rnd, 1);
    for (int i = 0; i < 1000; i++) { // jitter does not come on top of what the receiver asked for
        ladder_next(&ladder, 0, FIRST_MS, FIRST_MS, 2 * MINUTE, &rnd, &step);
        assert_true(step.due_ms == FIRST_MS + 2 * MINUTE);
        ladder_next(&ladder, 0, FIRST_MS, FIRST_MS, MINUTE + 3000, &rnd, &step);
        assert_in_range(step.due_ms, FIRST_MS + MINUTE + 3000, FIRST_MS + MINUTE + 6000);
    }
}

static void jitter_lengthens_up_to_its_share(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t delay_ms;
        int64_t most_ms;
    } rows[] = {
        { "1m; jitter=10%", MINUTE, 6000 },
        { "50ms; jitter=10%", 50, 5 }, // also of delays below 100 ms
        { "199ms; jitter=50%", 199, 99 },
        { "1s; jitter=100%", 1000, 1000 },
        { "1m; jitter=0%", MINUTE, 0 },
        { "0; jitter=100%", 0, 0 },
        { "365d; jitter=100%", LADDER_RUNG_LONGEST_MS, LADDER_RUNG_LONGEST_MS },
    };
    for (size_t i = 0; i < BASE_COUNT(rows); i++) {
        struct ladder ladder = parsed(rows[i].text);
        int64_t least = INT64_MAX;
        int64_t most = 0;
        struct rnd rnd;
        rnd_seed(&rnd, 9);
        for (int n = 0; n < 20000; n++) {
            struct ladder_step step;
            ladder_next(&ladder, 0, FIRST_MS, FIRST_MS, 0, &rnd, &step);
            assert_int_equal(step.dead, LADDER_ALIVE);
            int64_t extra = step.due_ms - FIRST_MS - rows[i].delay_ms;
            least = extra < least ? extra : least;
            most = extra > most ? extra : most;
        }
        assert_in_range(least, 0, rows[i].most_ms / 100);
        assert_in_range(most, rows[i].most_ms - rows[i].most_ms / 100, rows[i].most_ms);
        assert_true(next(&ladder, 0, FIRST_MS, 0).due_ms == FIRST_MS + rows[i].delay_ms);
    }
}

static void jitter_takes_no_delivery_away(void **state)
{
    (void)state;
    struct ladder ladder = parsed("1m 9m; window=10m jitter=100%");
    struct ladder_step step;
    struct rnd rnd;
    bool seen_at_window = false;
    rnd_seed(&rnd, 2);
    for (int i = 0; i < 1000; i++) {
        ladder_next(&ladder, 1, FIRST_MS, FIRST_MS + 30000, 0, &rnd, &step);
        assert_int_equal(step.dead, LADDER_ALIVE);
        assert_in_range(step.due_ms, FIRST_MS + 9 * MINUTE + 30000, FIRST_MS + 10 * MINUTE);
        seen_at_window |= step.due_ms == FIRST_MS + 10 * MINUTE;
    }
    assert_true(seen_at_window);
}

static void the_same_seed_gives_the_same_climb(void **state)
{
    (void)state;
    struct ladder ladder = parsed("1h*; jitter=30%");
    struct rnd a;
    struct rnd b;
    rnd_seed(&a, 77);
    rnd_seed(&b, 77);
    for (unsigned done = 0; done < 100; done++) {
        struct ladder_step one;
        struct ladder_step two;
        ladder_next(&ladder, done, FIRST_MS, FIRST_MS, 0, &a, &one);
        ladder_next(&ladder, done, FIRST_MS, FIRST_MS, 0, &b, &two);
        assert_true(one.due_ms == two.due_ms);
    }
}

static void times_at_the_edge_of_the_type_do_not_wrap(void **state)
{
    (void)state;
    static const int64_t times[] = { INT64_MIN, INT64_MIN + 1, -1, 0, 1, INT64_MAX - 1, INT64_MAX };
    static const char *const texts[] = { "365d*; jitter=100%", "365d*; jitter=100% window=3650d",
                                         "0 1ms; window=1ms", "1m" };
    struct rnd rnd;
    rnd_seed(&rnd, 4);
    for (size_t t = 0; t < BASE_COUNT(texts); t++) {
        struct ladder ladder = parsed(texts[t]);
        for (size_t i = 0; i < BASE_COUNT(times) * BASE_COUNT(times) * BASE_COUNT(times); i++) {
            int64_t first_ms = times[i % 7];
            int64_t now_ms = times[i / 7 % 7];
            int64_t least_ms = times[i / 49];
            struct ladder_step step;
            ladder_next(&ladder, 0, first_ms, now_ms, least_ms, &rnd, &step);
            if (step.dead == LADDER_ALIVE) {
                assert_true(step.due_ms >= now_ms);
                assert_true(least_ms < 0 || step.due_ms - least_ms >= now_ms);
            } else {
                assert_int_equal(step.dead, LADDER_WINDOW);
            }
        }
    }
    struct ladder ladder = parsed("1m");
    assert_int_equal(next(&ladder, 0, INT64_MAX - MINUTE, 0).dead, LADDER_WINDOW);
    assert_true(next(&ladder, 0, INT64_MAX - MINUTE - 1, 0).due_ms == INT64_MAX - 1);
}

static void an_empty_ladder_ends_at_once(void **state)
{
    (void)state;
    struct ladder ladder = { 0 };
    int64_t offset_ms;
    assert_int_equal(ladder_steps(&ladder), 0);
    assert_int_equal(next(&ladder, 0, FIRST_MS, 0).dead, LADDER_RUNGS_USED);
    assert_int_equal(ladder_delay_ms(&ladder, 1), -1);
    assert_int_equal(ladder_total_ms(&ladder), 0);
    assert_int_equal(ladder_preview(&ladder, &offset_ms, 1), 0);
}

// The closed sum must be what walking gives.
static void the_total_is_the_last_of_the_preview(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "article",
        "article; limit=3",
        "article; window=2h",
        "rocketmq; limit=40",
        "rocketmq; window=24h",
        "0*5",
        "0 1s*7; window=3s",
        "0 1s*7; window=7s",
        "0 1s*7; window=8s",
        "250ms 3s*100; limit=50 window=2m",
        "1d 5s*2; window=1h",
        "1s; limit=1 window=1s",
    };
    for (size_t i = 0; i < BASE_COUNT(texts); i++) {
        struct ladder ladder = parsed(texts[i]);
        int64_t offsets_ms[200];
        size_t n = ladder_preview(&ladder, offsets_ms, BASE_COUNT(offsets_ms));
        assert_in_range(n, 0, BASE_COUNT(offsets_ms) - 1);
        assert_true(ladder_total_ms(&ladder) == (n > 0 ? offsets_ms[n - 1] : 0));
    }
    struct ladder ladder = parsed("365d*1000000");
    assert_true(ladder_total_ms(&ladder) == 1000000 * LADDER_RUNG_LONGEST_MS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(presets_are_as_their_makers_say),
        cmocka_unit_test(the_article_makes_nine_deliveries_in_18_hours_46),
        cmocka_unit_test(the_delay_counts_from_the_failure),
        cmocka_unit_test(the_last_rung_repeats),
        cmocka_unit_test(the_limit_ends_it),
        cmocka_unit_test(the_window_is_exact_to_the_millisecond),
        cmocka_unit_test(the_first_end_gives_the_reason),
        cmocka_unit_test(a_least_delay_is_kept_in_full),
        cmocka_unit_test(jitter_lengthens_up_to_its_share),
        cmocka_unit_test(jitter_takes_no_delivery_away),
        cmocka_unit_test(the_same_seed_gives_the_same_climb),
        cmocka_unit_test(times_at_the_edge_of_the_type_do_not_wrap),
        cmocka_unit_test(an_empty_ladder_ends_at_once),
        cmocka_unit_test(the_total_is_the_last_of_the_preview),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
