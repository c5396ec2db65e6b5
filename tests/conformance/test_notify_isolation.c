// SPDX-License-Identifier: Apache-2.0
// A receiver costs its own share and nothing else: limits, breaker, rate, what it asked for.
#include "notify_fixture.h"

enum { MANY = 200, FEW = 20 };

static void one_that_hangs_does_not_slow_the_other(void **state)
{
    struct fixture *f = *state;
    struct told told =
        put_at(f, "deaf", f->deaf_port, ",\"ladder\":\"1h\",\"timeoutMs\":20000,\"inFlight\":1024",
               NOTIFY_REPLACE, 0);
    assert_int_equal(told.status, TIDINGS_OK);
    put(f, "shop", ",\"ladder\":\"1h\"");
    struct accepting *hanging = accept_many(f, "deaf", "d", MANY);
    struct accepting *healthy = accept_many(f, "shop", "s", MANY);
    RUN_UNTIL(f, delivered, MANY);
    assert_int_equal(call_count(f, "shop"), MANY);
    struct notify_receiver_view deaf = view(f, "deaf");
    assert_true(deaf.in_flight > 0 && deaf.in_flight < 64); // something is left for others
    expect_waiting(f, "deaf", MANY);
    struct notify_stats got = stats(f);
    assert_int_equal(got.in_flight, (uint64_t)deaf.in_flight);
    free(hanging);
    free(healthy);
}

// One after the other, each with more than there is: together they cannot use up all of it.
static void many_that_hang_leave_something_for_others(void **state)
{
    struct fixture *f = *state;
    enum { DEAF = 6 };
    struct accepting *all[DEAF];
    for (int i = 0; i < DEAF; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "deaf%d", i);
        (void)put_at(f, name, f->deaf_port, ",\"ladder\":\"1h\",\"timeoutMs\":60000",
                     NOTIFY_REPLACE, 0);
        all[i] = accept_many(f, name, "d", MANY);
        RUN_UNTIL(f, accepted, (i + 1) * MANY);
        assert_true(view(f, name).in_flight > 0);
    }
    assert_true(stats(f).in_flight < 64);
    put(f, "shop", ",\"ladder\":\"1h\"");
    struct accepting *healthy = accept_many(f, "shop", "s", MANY);
    RUN_UNTIL(f, delivered, MANY);
    assert_int_equal(call_count(f, "shop"), MANY);
    for (int i = 0; i < DEAF; i++) {
        free(all[i]);
    }
    free(healthy);
}

static void in_flight_is_the_receivers_limit(void **state)
{
    struct fixture *f = *state;
    (void)put_at(f, "deaf", f->deaf_port, ",\"ladder\":\"1h\",\"timeoutMs\":20000,\"inFlight\":3",
                 NOTIFY_REPLACE, 0);
    struct accepting *all = accept_many(f, "deaf", "d", FEW);
    RUN_UNTIL(f, accepted, FEW);
    RUN_UNTIL(f, in_flight, 3);
    run_for(f, 100); // would others come, they came now
    assert_int_equal(view(f, "deaf").in_flight, 3);
    free(all);
}

// ---- breaker ----
static bool shop_is_parked(struct fixture *f)
{
    return view(f, "shop").breaker_open;
}

static bool shop_is_free(struct fixture *f)
{
    return !view(f, "shop").breaker_open;
}

// The first probe comes so late that what was spent before it can be counted.
static void the_breaker_opens_probes_and_closes(void **state)
{
    struct fixture *f = *state;
    put(f, "shop",
        ",\"ladder\":\"5ms*\",\"inFlight\":4,"
        "\"breaker\":{\"failures\":6,\"probeMs\":1000,\"probeMaxMs\":1000}");
    fail_next(f, "shop", 1000000, 500, 0);
    struct accepting *all = accept_many(f, "shop", "tx", FEW);
    run_until(f, shop_is_parked);
    int spent = call_count(f, "shop");
    assert_true(spent >= 6 && spent <= 6 + 4); // those under way when it opened
    assert_int_equal(stats(f).parked, 1);
    assert_true(view(f, "shop").next_probe_ms > 0);
    RUN_UNTIL(f, attempts, spent + 2); // two probes, one attempt each
    assert_true(shop_is_parked(f));
    struct notify_receiver_view parked = view(f, "shop");
    expect_waiting(f, "shop", FEW); // none of them is spent
    assert_true(parked.failures >= 8);
    fail_next(f, "shop", 0, 200, 0);
    run_until(f, shop_is_free);
    RUN_UNTIL(f, delivered, FEW);
    assert_int_equal(stats(f).parked, 0);
    assert_int_equal(view(f, "shop").failures, 0);
    free(all);
}

static void a_parked_receiver_is_freed_by_an_operator(void **state)
{
    struct fixture *f = *state;
    put(f, "shop",
        ",\"ladder\":\"5ms*\",\"breaker\":{\"failures\":2,\"probeMs\":60000,\"probeMaxMs\":60000}");
    fail_next(f, "shop", 2, 500, 0);
    (void)accept_one(f, "shop", "tx1");
    run_until(f, shop_is_parked);
    (void)accept_one(f, "shop", "tx2");
    run_for(f, 60);
    assert_int_equal(call_count(f, "shop"), 2);
    set_state(f, "shop", NOTIFY_ACTIVE);
    RUN_UNTIL(f, delivered, 2);
    assert_false(view(f, "shop").breaker_open);
}

static void a_refusal_does_not_open_the_breaker(void **state)
{
    struct fixture *f = *state;
    put(f, "shop", ",\"ladder\":\"1h\",\"breaker\":{\"failures\":2}");
    fail_next(f, "shop", FEW, 400, 0);
    struct accepting *all = accept_many(f, "shop", "tx", FEW);
    RUN_UNTIL(f, attempts, FEW);
    assert_false(view(f, "shop").breaker_open);
    free(all);
}

// ---- what it asks for ----
static void retry_after_slows_the_whole_receiver(void **state)
{
    struct fixture *f = *state;
    put(f, "shop", ",\"ladder\":\"10ms*\",\"inFlight\":1");
    put(f, "other", "");
    fail_next(f, "shop", 1, 429, 1);
    struct accepting *all = accept_many(f, "shop", "tx", FEW);
    RUN_UNTIL(f, attempts, 1);
    int64_t until_ms = view(f, "shop").slow_until_ms;
    assert_true(until_ms > 0);
    (void)accept_one(f, "other", "tx1");
    RUN_UNTIL(f, delivered, 1); // the other is not slowed
    run_for(f, 100);
    int calls = call_count(f, "shop");
    assert_true(calls == 1 || clock_wall_ms(clock_system()) >= until_ms);
    RUN_UNTIL(f, delivered, FEW + 1);
    struct seen first = read_record(f, all[0].told.accepted[0].id);
    assert_int_equal(first.count, 2);
    assert_true(first.attempts[0].next_due_ms - first.attempts[0].begun_ms >= 1000); // in full
    for (int i = 0; i < FEW; i++) {
        struct seen seen = read_record(f, all[i].told.accepted[0].id);
        assert_true(seen.attempts[seen.count - 1].begun_ms >= until_ms);
    }
    free(all);
}

static void without_a_time_it_is_ours(void **state)
{
    struct fixture *f = *state;
    put(f, "many", ",\"ladder\":\"10ms*\"");
    put(f, "down", ",\"ladder\":\"10ms*\"");
    fail_next(f, "many", 1, 429, 0);
    fail_next(f, "down", 1, 503, 0);
    int64_t before_ms = clock_wall_ms(clock_system());
    (void)accept_one(f, "many", "tx1");
    (void)accept_one(f, "down", "tx1");
    RUN_UNTIL(f, attempts, 2);
    assert_true(view(f, "many").slow_until_ms >= before_ms + 60000);
    int64_t down_ms = view(f, "down").slow_until_ms;
    assert_true(down_ms >= before_ms + 5000 && down_ms < before_ms + 60000);
    set_state(f, "many", NOTIFY_ACTIVE); // an operator knows better
    assert_int_equal(view(f, "many").slow_until_ms, 0);
    RUN_UNTIL(f, delivered, 1);
}

static void retry_after_beyond_the_window_is_the_end(void **state)
{
    struct fixture *f = *state;
    put(f, "shop", ",\"ladder\":\"10ms*\",\"windowMs\":60000");
    fail_next(f, "shop", 1, 429, 3600);
    struct record_accepted accepted = accept_one(f, "shop", "tx1");
    RUN_UNTIL(f, dead, 1);
    struct seen seen = read_record(f, accepted.id);
    assert_int_equal(seen.notification.reason, RECORD_REASON_WINDOW);
}

// ---- rate ----
// By the times on record: no more within any span than the bucket allows.
static void the_rate_is_kept(void **state)
{
    struct fixture *f = *state;
    enum { RATE = 50, BURST = 5 };
    int64_t begun_ms[FEW];
    put(f, "shop", ",\"ladder\":\"1h\",\"ratePerSecond\":50,\"burst\":5");
    struct accepting *all = accept_many(f, "shop", "tx", FEW);
    RUN_UNTIL(f, delivered, FEW);
    for (int i = 0; i < FEW; i++) {
        struct seen seen = read_record(f, all[i].told.accepted[0].id);
        begun_ms[i] = seen.attempts[0].begun_ms;
        for (int k = i; k > 0 && begun_ms[k] < begun_ms[k - 1]; k--) {
            int64_t swap = begun_ms[k];
            begun_ms[k] = begun_ms[k - 1];
            begun_ms[k - 1] = swap;
        }
    }
    for (int i = BURST; i < FEW; i++) { // one for which there was no token at the start
        for (int k = 0; k + BURST <= i; k++) {
            int64_t tokens_ms = (int64_t)(i - k - BURST + 1) * 1000 / RATE;
            assert_true(begun_ms[i] - begun_ms[k] >= tokens_ms - 2); // rounded to milliseconds
        }
    }
    free(all);
}

// ---- turns ----
static void all_are_served_when_connections_are_few(void **state)
{
    struct fixture *f = *state;
    static const char *const names[] = { "a", "b", "c", "d", "e" };
    struct accepting *all[BASE_COUNT(names)];
    notify_stop(f->notify);
    f->options.connections_max = 2;
    start_notify(f);
    for (size_t i = 0; i < BASE_COUNT(names); i++) {
        put(f, names[i], ",\"ladder\":\"1h\"");
    }
    for (size_t i = 0; i < BASE_COUNT(names); i++) {
        all[i] = accept_many(f, names[i], "tx", MANY);
    }
    RUN_UNTIL(f, delivered, MANY);
    RUN_UNTIL(f, delivered, 5 * MANY);
    for (size_t i = 0; i < BASE_COUNT(names); i++) {
        assert_int_equal(call_count(f, names[i]), MANY);
        free(all[i]);
    }
}

NOTIFY_TESTS("isolation", TEST(one_that_hangs_does_not_slow_the_other),
             TEST(many_that_hang_leave_something_for_others),
             TEST(in_flight_is_the_receivers_limit), TEST(the_breaker_opens_probes_and_closes),
             TEST(a_parked_receiver_is_freed_by_an_operator),
             TEST(a_refusal_does_not_open_the_breaker), TEST(retry_after_slows_the_whole_receiver),
             TEST(without_a_time_it_is_ours), TEST(retry_after_beyond_the_window_is_the_end),
             TEST(the_rate_is_kept), TEST(all_are_served_when_connections_are_few))
