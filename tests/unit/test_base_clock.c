// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/compiler.h"

static void system_clocks_go_on(void **state)
{
    (void)state;
    const struct clock *clock = clock_system();
    assert_ptr_equal(clock, clock_system());
    assert_true(clock_wall_ms(clock) > 1577836800000); // 2020-01-01: milliseconds, not seconds
    int64_t last = clock_mono_us(clock);
    for (int i = 0; i < 1000; i++) {
        int64_t now = clock_mono_us(clock);
        assert_true(now >= last);
        last = now;
    }
}

static void manual_clock_moves_only_when_told(void **state)
{
    (void)state;
    struct clock_manual manual;
    clock_manual_init(&manual, 1000);
    int64_t mono_us = clock_mono_us(&manual.clock);
    assert_true(clock_wall_ms(&manual.clock) == 1000);
    assert_true(clock_wall_ms(&manual.clock) == 1000);
    clock_manual_advance_ms(&manual, 250);
    assert_true(clock_wall_ms(&manual.clock) == 1250);
    assert_true(clock_mono_us(&manual.clock) == mono_us + 250000);
    manual.wall_ms -= 5000; // the wall clock may be set back, the other never is
    assert_true(clock_wall_ms(&manual.clock) == -3750);
    assert_true(clock_mono_us(&manual.clock) == mono_us + 250000);
}

static void utc_text_has_milliseconds(void **state)
{
    (void)state;
    static const struct {
        int64_t wall_ms;
        const char *text;
    } rows[] = {
        { 0, "1970-01-01T00:00:00.000Z" },
        { -1, "1969-12-31T23:59:59.999Z" },
        { -1000, "1969-12-31T23:59:59.000Z" },
        { 1714566600123, "2024-05-01T12:30:00.123Z" },
        { 951782400000, "2000-02-29T00:00:00.000Z" },
        { 253402300799999, "9999-12-31T23:59:59.999Z" },
    };
    char out[32];
    for (size_t i = 0; i < BASE_COUNT(rows); i++) {
        clock_format_utc(rows[i].wall_ms, out, sizeof out);
        assert_string_equal(out, rows[i].text);
    }
    clock_format_utc(INT64_MAX, out, sizeof out); // no such year in four digits; still a text
    assert_true(out[0] != '\0');
    clock_format_utc(INT64_MIN, out, sizeof out);
    assert_true(out[0] != '\0');
    clock_format_utc(0, out, 5);
    assert_string_equal(out, "1970");
}

static void same_seed_same_numbers(void **state)
{
    (void)state;
    struct rnd a;
    struct rnd b;
    struct rnd c;
    rnd_seed(&a, 7);
    rnd_seed(&b, 7);
    rnd_seed(&c, 8);
    int differ = 0;
    for (int i = 0; i < 100; i++) {
        uint64_t x = rnd_next(&a);
        assert_true(x == rnd_next(&b));
        differ += x != rnd_next(&c);
    }
    assert_true(differ > 90);
    rnd_seed(&a, 0); // a generator of this kind must not start from all zeros
    assert_true((a.state[0] | a.state[1] | a.state[2] | a.state[3]) != 0);
    rnd_seed_system(&a);
    rnd_seed_system(&b);
    assert_true(rnd_next(&a) != rnd_next(&b));
}

// Values of the reference algorithm from the state {1, 2, 3, 4}.
static void generator_is_xoshiro256_starstar(void **state)
{
    (void)state;
    struct rnd rnd = { { 1, 2, 3, 4 } };
    assert_true(rnd_next(&rnd) == 11520);
    assert_true(rnd_next(&rnd) == 0);
    assert_true(rnd_next(&rnd) == 1509978240);
    assert_true(rnd_next(&rnd) == 1215971899390074240ULL);
}

static void bounded_numbers_fill_their_range(void **state)
{
    (void)state;
    struct rnd rnd;
    unsigned seen[7] = { 0 };
    rnd_seed(&rnd, 1);
    for (int i = 0; i < 7000; i++) {
        uint64_t x = rnd_below(&rnd, BASE_COUNT(seen));
        assert_true(x < BASE_COUNT(seen));
        seen[x]++;
    }
    for (size_t i = 0; i < BASE_COUNT(seen); i++) {
        assert_in_range(seen[i], 800, 1200);
    }
    for (int i = 0; i < 100; i++) {
        assert_true(rnd_below(&rnd, 1) == 0);
        assert_true(rnd_below(&rnd, UINT64_MAX) < UINT64_MAX);
        assert_true(rnd_below(&rnd, (1ULL << 63) + 1) <= 1ULL << 63);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(system_clocks_go_on),
        cmocka_unit_test(manual_clock_moves_only_when_told),
        cmocka_unit_test(utc_text_has_milliseconds),
        cmocka_unit_test(same_seed_same_numbers),
        cmocka_unit_test(generator_is_xoshiro256_starstar),
        cmocka_unit_test(bounded_numbers_fill_their_range),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
