// SPDX-License-Identifier: Apache-2.0
// The course of a notification: attempts by the ladder, and how it ends.
#include "notify_fixture.h"

enum { MANY = 400 };

static void a_failing_receiver_is_told_again_by_the_ladder(void **state)
{
    struct fixture *f = *state;
    static const int rungs_ms[] = { 60, 120 };
    put(f, "shop", ",\"ladder\":\"60ms 120ms 1h\"");
    fail_next(f, "shop", 2, 500, 0);
    struct record_accepted accepted = accept_one(f, "shop", "tx1");
    RUN_UNTIL(f, delivered, 1);
    struct seen seen = read_record(f, accepted.id);
    assert_int_equal(seen.notification.state, RECORD_DELIVERED);
    assert_int_equal(seen.count, 3);
    for (int i = 0; i < 3; i++) {
        char number[12];
        struct call call = call_of(f, "shop", i);
        (void)snprintf(number, sizeof number, "%d", i + 1);
        assert_string_equal(call.attempt, number);
        assert_string_equal(call.id, call_of(f, "shop", 0).id); // the same for every attempt
        assert_memory_equal(call.body, PAYLOAD.ptr, PAYLOAD.len);
        assert_int_equal(seen.attempts[i].number, i + 1);
        assert_int_equal(seen.attempts[i].http_status, i < 2 ? 500 : 200);
        assert_string_equal(notify_class_text(seen.attempts[i].error_class),
                            i < 2 ? "http_5xx" : "none");
        if (i > 0) { // as said, and never early
            assert_true(seen.attempts[i].begun_ms >= seen.attempts[i - 1].next_due_ms);
            assert_true(seen.attempts[i - 1].next_due_ms - seen.attempts[i - 1].begun_ms >=
                        rungs_ms[i - 1]);
        }
    }
    struct notify_stats got = stats(f);
    assert_int_equal(got.attempts, 3);
    uint64_t counted = 0;
    for (int i = 0; i < NOTIFY_BUCKETS; i++) {
        counted += got.attempt_time.count[i];
    }
    assert_int_equal(counted, 3);
}

static void the_end_of_the_ladder_is_a_dead_letter(void **state)
{
    struct fixture *f = *state;
    put(f, "shop", ",\"ladder\":\"10ms 10ms\"");
    fail_next(f, "shop", 100, 500, 0);
    struct record_accepted accepted = accept_one(f, "shop", "tx1");
    RUN_UNTIL(f, dead, 1);
    struct seen seen = read_record(f, accepted.id);
    assert_int_equal(seen.notification.state, RECORD_DEAD);
    assert_int_equal(seen.notification.reason, RECORD_REASON_LADDER);
    assert_int_equal(seen.count, 3);
    assert_int_equal(seen.attempts[2].next_due_ms, 0);
    expect_waiting(f, NULL, 0);
    assert_int_equal(view(f, "shop").dead, 1);
}

static void limit_and_window_end_it_too(void **state)
{
    struct fixture *f = *state;
    put(f, "limited", ",\"ladder\":\"10ms*\",\"attemptLimit\":3");
    put(f, "timed", ",\"ladder\":\"20ms 20ms 1h\",\"windowMs\":60000");
    fail_next(f, "limited", 100, 500, 0);
    fail_next(f, "timed", 100, 500, 0);
    struct record_accepted limited = accept_one(f, "limited", "tx1");
    struct record_accepted timed = accept_one(f, "timed", "tx1");
    RUN_UNTIL(f, dead, 2);
    struct seen seen = read_record(f, limited.id);
    assert_int_equal(seen.notification.reason, RECORD_REASON_LIMIT);
    assert_int_equal(seen.count, 4);
    seen = read_record(f, timed.id);
    assert_int_equal(seen.notification.reason, RECORD_REASON_WINDOW);
    assert_int_equal(seen.count, 3);
}

static void gone_is_the_end_and_stops_the_receiver(void **state)
{
    struct fixture *f = *state;
    put(f, "shop", ",\"ladder\":\"10ms 10ms\"");
    fail_next(f, "shop", 1, 410, 0);
    struct record_accepted accepted = accept_one(f, "shop", "tx1");
    RUN_UNTIL(f, dead, 1);
    struct seen seen = read_record(f, accepted.id);
    assert_int_equal(seen.notification.reason, RECORD_REASON_GONE);
    assert_int_equal(seen.count, 1);
    assert_int_equal(view(f, "shop").state, NOTIFY_GONE);
    (void)accept_one(f, "shop", "tx2"); // taken, not sent
    run_for(f, 60);
    restart(f);
    assert_int_equal(view(f, "shop").state, NOTIFY_GONE); // on record
    run_for(f, 60);
    assert_int_equal(call_count(f, "shop"), 1);
    set_state(f, "shop", NOTIFY_ACTIVE);
    RUN_UNTIL(f, delivered, 1);
    assert_int_equal(call_count(f, "shop"), 2);
}

static void a_reply_that_does_not_fit_says_why(void **state)
{
    struct fixture *f = *state;
    put(f, "shop", ",\"ladder\":\"1h\",\"ack\":{\"body\":\"OK\"}");
    struct record_accepted accepted = accept_one(f, "shop", "tx1");
    RUN_UNTIL(f, attempts, 1);
    RUN_WHILE(f, read_record(f, accepted.id).count < 1); // until it is stored
    struct seen seen = read_record(f, accepted.id);
    assert_int_equal(seen.notification.state, RECORD_WAITING);
    assert_int_equal(seen.attempts[0].http_status, 200);
    assert_string_equal(notify_class_text(seen.attempts[0].error_class), "http_2xx");
    assert_true(seen.errors[0][0] != '\0');
    assert_string_equal(seen.replies[0], "success");
}

static void a_request_that_cannot_be_made_climbs_the_ladder(void **state)
{
    struct fixture *f = *state;
    put(f, "shop",
        ",\"ladder\":\"10ms 10ms\",\"signature\":{\"scheme\":\"params_md5\"},"
        "\"secrets\":[{\"secret\":\"0123456789abcdef\"}]");
    struct accepting accepting;
    fill_submission(&accepting, "shop", "tx1");
    accepting.submission.payload = STR("[1, 2"); // no parameters in it
    OK(notify_accept(f->notify, &accepting.submission, &why));
    await(f, &accepting.told);
    RUN_UNTIL(f, dead, 1);
    struct seen seen = read_record(f, accepting.told.accepted[0].id);
    assert_int_equal(seen.count, 3);
    assert_string_equal(notify_class_text(seen.attempts[0].error_class), "impossible");
    assert_true(seen.errors[0][0] != '\0');
    assert_int_equal(call_count(f, "shop"), 0);
    assert_false(view(f, "shop").breaker_open); // it says nothing about the receiver
}

static void nobody_there_is_an_attempt_too(void **state)
{
    struct fixture *f = *state;
    put(f, "shop", ",\"ladder\":\"30ms*\"");
    stop_server(f);
    struct record_accepted accepted = accept_one(f, "shop", "tx1");
    RUN_UNTIL(f, attempts, 2);
    start_server(f);
    RUN_UNTIL(f, delivered, 1);
    struct seen seen = read_record(f, accepted.id);
    assert_true(seen.count >= 3);
    assert_int_equal(seen.attempts[0].error_class, HTTP_CONNECT);
    assert_int_equal(seen.attempts[0].http_status, 0);
}

// A receiver that fails at once while retries are being scheduled: none may be lost.
static void none_is_lost_while_a_receiver_fails_fast(void **state)
{
    struct fixture *f = *state;
    put(f, "shop", ",\"ladder\":\"5ms*\",\"inFlight\":32,\"breaker\":{\"failures\":0}");
    fail_next(f, "shop", 3 * MANY, 500, 0);
    struct accepting *all = accept_many(f, "shop", "tx", MANY);
    RUN_UNTIL(f, delivered, MANY);
    struct notify_stats got = stats(f);
    assert_int_equal(got.attempts, 4 * MANY);
    assert_int_equal(got.accepted, MANY);
    expect_waiting(f, NULL, 0);
    assert_int_equal(got.stale + got.unsettled + got.dead, 0);
    for (int i = 0; i < MANY; i += 37) {
        struct seen seen = read_record(f, all[i].told.accepted[0].id);
        assert_int_equal(seen.notification.state, RECORD_DELIVERED);
        for (int k = 1; k < seen.count; k++) {
            assert_int_equal(seen.attempts[k].number, k + 1);
            assert_true(seen.attempts[k].begun_ms >= seen.attempts[k - 1].next_due_ms);
        }
    }
    free(all);
}

NOTIFY_TESTS("course", TEST(a_failing_receiver_is_told_again_by_the_ladder),
             TEST(the_end_of_the_ladder_is_a_dead_letter), TEST(limit_and_window_end_it_too),
             TEST(gone_is_the_end_and_stops_the_receiver), TEST(a_reply_that_does_not_fit_says_why),
             TEST(a_request_that_cannot_be_made_climbs_the_ladder),
             TEST(nobody_there_is_an_attempt_too), TEST(none_is_lost_while_a_receiver_fails_fast))
