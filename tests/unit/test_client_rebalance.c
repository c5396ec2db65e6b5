// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "client/consumer.h"

// What RocketMQ's averaging gives, worked out by hand.
static void shares_are_those_of_other_clients(void **state)
{
    static const struct {
        size_t queues, members, index, from, count;
    } rows[] = {
        { 4, 1, 0, 0, 4 },   { 4, 2, 0, 0, 2 },  { 4, 2, 1, 2, 2 },  { 8, 3, 0, 0, 3 },
        { 8, 3, 1, 3, 3 },   { 8, 3, 2, 6, 2 },  { 7, 3, 0, 0, 3 },  { 7, 3, 1, 3, 2 },
        { 7, 3, 2, 5, 2 },   { 10, 4, 0, 0, 3 }, { 10, 4, 1, 3, 3 }, { 10, 4, 2, 6, 2 },
        { 10, 4, 3, 8, 2 },  { 2, 4, 0, 0, 1 },  { 2, 4, 1, 1, 1 },  { 2, 4, 2, 0, 0 },
        { 2, 4, 3, 0, 0 },   { 1, 1, 0, 0, 1 },  { 0, 3, 1, 0, 0 },  { 5, 5, 4, 4, 1 },
        { 6, 5, 0, 0, 2 },   { 6, 5, 1, 2, 1 },  { 6, 5, 4, 5, 1 },  { 16, 6, 3, 9, 3 },
        { 16, 6, 4, 12, 2 }, { 4, 2, 2, 0, 0 },  { 4, 0, 0, 0, 0 },
    };
    (void)state;
    for (size_t i = 0; i < BASE_COUNT(rows); i++) {
        size_t from;
        size_t count;
        rebalance_average(rows[i].queues, rows[i].members, rows[i].index, &from, &count);
        assert_int_equal(count, rows[i].count);
        if (count > 0) {
            assert_int_equal(from, rows[i].from);
        }
    }
}

static void every_queue_has_one_holder(void **state)
{
    (void)state;
    for (size_t queues = 0; queues < 40; queues++) {
        for (size_t members = 1; members < 20; members++) {
            size_t next = 0;
            for (size_t index = 0; index < members; index++) {
                size_t from;
                size_t count;
                rebalance_average(queues, members, index, &from, &count);
                if (count > 0) {
                    assert_int_equal(from, next);
                    next += count;
                }
            }
            assert_int_equal(next, queues);
        }
    }
}

static struct ladder_levels levels_of(const char *text)
{
    struct ladder_levels levels;
    assert_int_equal(ladder_levels_parse(str_of(text), &levels, NULL), TIDINGS_OK);
    return levels;
}

static void delays_are_composed_of_the_longest_levels(void **state)
{
    (void)state;
    struct ladder_levels levels =
        levels_of("1s 5s 10s 30s 1m 2m 3m 4m 5m 6m 7m 8m 9m 10m 20m 30m 1h 2h");
    static const struct {
        int64_t left_ms;
        int level;
    } rows[] = {
        { 18000000, 18 }, // 5 h = 2 h + 2 h + 1 h
        { 10800000, 18 }, { 3600000, 17 }, { 3599999, 16 }, { 60000, 5 },
        { 7000, 2 },      { 1000, 1 },     { 999, 1 },      { -5, 1 },
    };
    for (size_t i = 0; i < BASE_COUNT(rows); i++) {
        assert_int_equal(compose_level(&levels, rows[i].left_ms), rows[i].level);
    }
    levels = levels_of("1s 5s 1s 2s 3s 5s 5s 5s"); // in no order
    assert_int_equal(compose_level(&levels, 7000), 2);
    assert_int_equal(compose_level(&levels, 4000), 5);
    assert_int_equal(compose_level(&levels, 10), 1);
}

static void ten_hours_are_reached_by_hops(void **state)
{
    (void)state;
    struct ladder_levels levels =
        levels_of("1s 5s 10s 30s 1m 2m 3m 4m 5m 6m 7m 8m 9m 10m 20m 30m 1h 2h");
    int64_t left_ms = 10 * 3600000;
    int hops = 0;
    while (left_ms > CONSUMER_HOLD_MS) {
        left_ms -= ladder_level_ms(&levels, compose_level(&levels, left_ms));
        hops++;
    }
    assert_int_equal(hops, 5);
    assert_int_equal(left_ms, 0);
}

static void copies_carry_where_they_come_from(void **state)
{
    (void)state;
    const struct wire_message message = {
        .topic = STR("t"),
        .properties = STR("UNIQ_KEY\x01id\x02"
                          "DELAY\x01"
                          "9\x02RETRY_TOPIC\x01old\x02mine\x01yes\x02"),
    };
    struct compose compose = { .message = &message,
                               .origin_topic = STR("t"),
                               .origin_id = STR("oid"),
                               .first_ms = 5,
                               .due_ms = 70000,
                               .level = 4 };
    struct buf out;
    buf_init(&out, 1000);
    assert_int_equal(compose_properties(&compose, &out), TIDINGS_OK);
    struct str all = buf_str(&out);
    assert_true(str_eq_c(wire_properties_get(all, WIRE_P_UNIQ_KEY), "id"));
    assert_true(str_eq_c(wire_properties_get(all, STR("mine")), "yes"));
    assert_true(str_eq_c(wire_properties_get(all, WIRE_P_RETRY_TOPIC), "t"));
    assert_true(str_eq_c(wire_properties_get(all, WIRE_P_ORIGIN_ID), "oid"));
    assert_true(str_eq_c(wire_properties_get(all, WIRE_P_DELAY), "4"));
    assert_true(str_eq_c(wire_properties_get(all, COMPOSE_P_DUE), "70000"));
    assert_true(str_eq_c(wire_properties_get(all, COMPOSE_P_FIRST), "5"));
    assert_null(wire_properties_get(all, WIRE_P_TIMER_DELIVER).ptr);
    buf_clear(&out);
    compose.by_timer = true;
    assert_int_equal(compose_properties(&compose, &out), TIDINGS_OK);
    assert_true(str_eq_c(wire_properties_get(buf_str(&out), WIRE_P_TIMER_DELIVER), "69000"));
    assert_null(wire_properties_get(buf_str(&out), WIRE_P_DELAY).ptr);
    buf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shares_are_those_of_other_clients),
        cmocka_unit_test(every_queue_has_one_holder),
        cmocka_unit_test(delays_are_composed_of_the_longest_levels),
        cmocka_unit_test(ten_hours_are_reached_by_hops),
        cmocka_unit_test(copies_carry_where_they_come_from),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
