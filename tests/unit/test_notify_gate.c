// SPDX-License-Identifier: Apache-2.0
// When a lane may be sent to, on a clock that stands still until it is moved.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "notify/private.h"

enum { NOW_S = 1700000000 };

struct fixture {
    struct clock_manual clock;
    struct notify notify;
    struct lane lane;
};

static void set(struct fixture *f, const char *more)
{
    char document[512];
    struct receiver_settings *settings = NULL;
    struct tidings_error err = { 0 };
    (void)snprintf(document, sizeof document, "{\"url\":\"http://127.0.0.1/\"%s}", more);
    if (receiver_settings_parse(STR("shop"), str_of(document), NULL, f->clock.wall_ms, &settings,
                                &err) != TIDINGS_OK) {
        fail_msg("%s", err.text);
    }
    lane_set(&f->lane, settings, 1);
}

static int setup(void **state)
{
    static struct fixture f;
    f = (struct fixture){ 0 };
    clock_manual_init(&f.clock, NOW_S * 1000LL);
    f.notify.clock = &f.clock.clock;
    f.lane.notify = &f.notify;
    f.lane.state = NOTIFY_ACTIVE;
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    receiver_settings_unref(f->lane.settings);
    return 0;
}

static int64_t opens_in(const struct fixture *f)
{
    int64_t opens_ms = gate_opens_ms(&f->lane, f->clock.wall_ms);
    return opens_ms == INT64_MAX ? INT64_MAX : opens_ms - f->clock.wall_ms;
}

static void hear(struct fixture *f, int status, int64_t retry_after_ms)
{
    const struct http_result result = { .status = status, .retry_after_ms = retry_after_ms };
    gate_heard(&f->lane, &result, status == 200);
}

static void fail_by(struct fixture *f, enum http_failure failure)
{
    const struct http_result result = { .failure = failure };
    gate_heard(&f->lane, &result, false);
}

static void only_active_ones_are_sent_to(void **state)
{
    struct fixture *f = *state;
    set(f, "");
    assert_int_equal(opens_in(f), 0);
    f->lane.state = NOTIFY_PAUSED;
    assert_int_equal(opens_in(f), INT64_MAX);
    assert_true(gate_is_shut(&f->lane, f->clock.wall_ms));
}

static void failures_in_a_row_open_the_breaker(void **state)
{
    struct fixture *f = *state;
    static const enum http_failure down[] = { HTTP_RESOLVE, HTTP_CONNECT, HTTP_TLS,
                                              HTTP_SEND,    HTTP_RECEIVE, HTTP_DEADLINE };
    set(f, ",\"breaker\":{\"failures\":2,\"probeMs\":100,\"probeMaxMs\":350}");
    for (size_t i = 0; i < BASE_COUNT(down); i++) {
        gate_reset(&f->lane);
        fail_by(f, down[i]);
        assert_false(f->lane.gate.open);
        hear(f, 404, 0); // somebody is there
        fail_by(f, down[i]);
        assert_false(f->lane.gate.open);
        fail_by(f, HTTP_IMPOSSIBLE); // says nothing
        fail_by(f, HTTP_REFUSED);
        fail_by(f, down[i]);
        assert_true(f->lane.gate.open);
        assert_int_equal(f->notify.stats.parked, 1);
    }
    gate_reset(&f->lane);
    hear(f, 500, 0);
    hear(f, 502, 0);
    assert_true(f->lane.gate.open);
}

static void probes_come_one_by_one_and_ever_later(void **state)
{
    struct fixture *f = *state;
    static const int64_t waits_ms[] = { 100, 200, 350, 350 };
    set(f, ",\"inFlight\":8,\"breaker\":{\"failures\":1,\"probeMs\":100,\"probeMaxMs\":350}");
    hear(f, 500, 0);
    for (size_t i = 0; i < BASE_COUNT(waits_ms); i++) {
        assert_int_equal(opens_in(f), waits_ms[i]);
        assert_true(gate_is_shut(&f->lane, f->clock.wall_ms));
        clock_manual_advance_ms(&f->clock, waits_ms[i]);
        assert_int_equal(opens_in(f), 0);
        assert_int_equal(gate_limit(&f->lane), 1);
        gate_begin(&f->lane);
        assert_int_equal(opens_in(f), INT64_MAX); // until it is heard of
        fail_by(f, HTTP_DEADLINE);
    }
    clock_manual_advance_ms(&f->clock, 350);
    gate_begin(&f->lane);
    fail_by(f, HTTP_IMPOSSIBLE); // not the receiver's fault: once more, no later than before
    assert_int_equal(opens_in(f), 350);
}

static void a_success_closes_it_and_the_limit_grows(void **state)
{
    struct fixture *f = *state;
    static const size_t limits[] = { 1, 2, 2, 4, 4, 4, 4, 6 };
    set(f, ",\"inFlight\":6,\"breaker\":{\"failures\":1,\"probeMs\":100}");
    hear(f, 500, 0);
    clock_manual_advance_ms(&f->clock, 100);
    gate_begin(&f->lane);
    hear(f, 200, 0);
    assert_false(f->lane.gate.open);
    assert_int_equal(f->notify.stats.parked, 0);
    for (size_t i = 0; i < BASE_COUNT(limits); i++) {
        assert_int_equal(gate_limit(&f->lane), limits[i]);
        hear(f, 200, 0);
    }
    hear(f, 500, 0); // and it opens again
    assert_int_equal(opens_in(f), 100);
}

static void without_a_number_there_is_no_breaker(void **state)
{
    struct fixture *f = *state;
    set(f, ",\"breaker\":{\"failures\":0}");
    for (int i = 0; i < 1000; i++) {
        fail_by(f, HTTP_CONNECT);
    }
    assert_int_equal(opens_in(f), 0);
}

static void what_it_asks_for_is_kept_in_full(void **state)
{
    struct fixture *f = *state;
    set(f, ",\"breaker\":{\"failures\":0}");
    hear(f, 429, 90000);
    hear(f, 503, 3600000); // the longer one counts
    hear(f, 429, 1000);
    assert_int_equal(opens_in(f), 3600000);
    gate_reset(&f->lane);
    hear(f, 503, INT64_MAX);
    assert_true(opens_in(f) > 1000LL * 365 * 86400 * 1000 && opens_in(f) < INT64_MAX);
    gate_reset(&f->lane);
    hear(f, 500, 90000); // of others it is the notification's alone
    assert_int_equal(opens_in(f), 0);
}

static void without_a_time_it_grows(void **state)
{
    struct fixture *f = *state;
    static const int64_t waits_ms[] = { 5000, 10000, 20000, 40000, 80000, 160000, 300000, 300000 };
    set(f, ",\"breaker\":{\"failures\":0}");
    for (size_t i = 0; i < BASE_COUNT(waits_ms); i++) {
        hear(f, 503, 0);
        hear(f, 503, 0); // was under way with it
        assert_int_equal(opens_in(f), waits_ms[i]);
        clock_manual_advance_ms(&f->clock, waits_ms[i]);
        assert_int_equal(opens_in(f), 0);
    }
    hear(f, 200, 0);
    hear(f, 503, 0);
    assert_int_equal(opens_in(f), 5000); // begins anew
    hear(f, 429, 0);
    assert_int_equal(opens_in(f), 60000);
}

static void the_bucket_has_so_many_and_no_more(void **state)
{
    struct fixture *f = *state;
    set(f, ",\"ratePerSecond\":10,\"burst\":3");
    for (int i = 0; i < 3; i++) {
        assert_int_equal(opens_in(f), 0);
        gate_begin(&f->lane);
    }
    assert_int_equal(opens_in(f), 100);
    assert_false(gate_is_shut(&f->lane, f->clock.wall_ms)); // what lies ready may stay
    clock_manual_advance_ms(&f->clock, 100);
    assert_int_equal(opens_in(f), 0);
    gate_begin(&f->lane);
    assert_int_equal(opens_in(f), 100);
    clock_manual_advance_ms(&f->clock, 60000); // no more than full
    for (int i = 0; i < 3; i++) {
        assert_int_equal(opens_in(f), 0);
        gate_begin(&f->lane);
    }
    assert_int_equal(opens_in(f), 100);
}

// Written when it opens, probes and closes, and now and then on the way; never for nothing.
static void what_is_worth_a_row_is_saved(void **state)
{
    struct fixture *f = *state;
    struct record_gate row = { 0 };
    set(f, ",\"breaker\":{\"failures\":8,\"probeMs\":100,\"probeMaxMs\":350}");
    f->lane.id = 7;
    int rows = 0;
    for (int i = 0; i < 7; i++) {
        hear(f, 500, 0);
        rows += gate_save(&f->lane, &row);
        assert_false(gate_save(&f->lane, &row));
    }
    assert_int_equal(rows, 2); // 3 and 6
    assert_true(row.failures == 6 && !row.open && row.receiver_id == 7);
    hear(f, 500, 0);
    assert_true(gate_save(&f->lane, &row));
    assert_true(row.open && row.failures == 8 && row.probe_wait_ms == 100);
    assert_true(row.probe_at_ms == f->clock.wall_ms + 100);
    hear(f, 500, 0); // one that was under way
    assert_false(gate_save(&f->lane, &row));
    gate_begin(&f->lane);
    hear(f, 500, 0);
    assert_true(gate_save(&f->lane, &row));
    assert_int_equal(row.probe_wait_ms, 200);
    gate_begin(&f->lane);
    hear(f, 200, 0);
    assert_true(gate_save(&f->lane, &row));
    assert_true(!row.open && row.failures == 0 && row.probe_at_ms == 0);
    for (int i = 0; i < 10; i++) { // errs now and then
        hear(f, i % 2 == 0 ? 500 : 200, 0);
        assert_false(gate_save(&f->lane, &row));
    }
    hear(f, 429, 5000);
    assert_true(gate_save(&f->lane, &row));
    assert_true(row.slow_until_ms == f->clock.wall_ms + 5000);
}

static void what_was_saved_is_as_it_was(void **state)
{
    struct fixture *f = *state;
    struct record_gate row = { 0 };
    set(f, ",\"breaker\":{\"failures\":2,\"probeMs\":100,\"probeMaxMs\":350}");
    hear(f, 500, 0);
    hear(f, 500, 0);
    gate_begin(&f->lane);
    hear(f, 500, 0);
    assert_true(gate_save(&f->lane, &row));
    f->lane.gate = (struct gate){ 0 };
    f->notify.stats.parked = 0;
    gate_load(&f->lane, &row);
    assert_true(f->lane.gate.open && f->lane.gate.failures == 3 && f->notify.stats.parked == 1);
    assert_int_equal(opens_in(f), 200);
    assert_int_equal(gate_limit(&f->lane), 1);
    assert_false(gate_save(&f->lane, &row));
    gate_reset(&f->lane);
    assert_true(gate_save(&f->lane, &row)); // what is on record is another
    row = (struct record_gate){ .failures = 9,
                                .open = true,
                                .probe_at_ms = INT64_MAX, // as by a clock that was wrong
                                .probe_wait_ms = INT64_MAX };
    gate_load(&f->lane, &row);
    assert_int_equal(opens_in(f), 350);
    gate_reset(&f->lane);
    set(f, ",\"breaker\":{\"failures\":0}"); // it has none any more
    gate_load(&f->lane, &row);
    assert_false(f->lane.gate.open);
    assert_int_equal(opens_in(f), 0);
}

int main(void)
{
#define TEST(name)                                                                                 \
    {                                                                                              \
#name, name, setup, teardown, NULL                                                         \
    }
    const struct CMUnitTest tests[] = {
        TEST(only_active_ones_are_sent_to),
        TEST(failures_in_a_row_open_the_breaker),
        TEST(probes_come_one_by_one_and_ever_later),
        TEST(a_success_closes_it_and_the_limit_grows),
        TEST(without_a_number_there_is_no_breaker),
        TEST(what_it_asks_for_is_kept_in_full),
        TEST(without_a_time_it_grows),
        TEST(the_bucket_has_so_many_and_no_more),
        TEST(what_is_worth_a_row_is_saved),
        TEST(what_was_saved_is_as_it_was),
    };
#undef TEST
    return cmocka_run_group_tests(tests, NULL, NULL);
}
