// SPDX-License-Identifier: Apache-2.0
// The way in: what is accepted is durable, answered once, and for whom it should be.
#include "notify_fixture.h"

enum { MANY = 2000, THREADS = 4, EACH = 500 };

static void what_is_accepted_is_delivered(void **state)
{
    struct fixture *f = *state;
    char id[RECORD_ID_SIZE];
    put(f, "shop", ",\"ladder\":\"1m\"");
    struct record_accepted accepted = accept_one(f, "shop", "tx1");
    assert_int_equal(accepted.answer, RECORD_NEW);
    RUN_UNTIL(f, delivered, 1);
    record_id_format(accepted.id, id);
    assert_int_equal(call_count(f, "shop"), 1);
    struct call call = call_of(f, "shop", 0);
    assert_string_equal(call.id, id);
    assert_string_equal(call.attempt, "1");
    assert_string_equal(call.content_type, "application/json");
    assert_int_equal(call.body_len, PAYLOAD.len);
    assert_memory_equal(call.body, PAYLOAD.ptr, PAYLOAD.len);
    struct seen seen = read_record(f, accepted.id);
    assert_int_equal(seen.notification.state, RECORD_DELIVERED);
    assert_int_equal(seen.count, 1);
    assert_int_equal(seen.attempts[0].http_status, 200);
    assert_int_equal(seen.attempts[0].error_class, 0);
    assert_string_equal(seen.replies[0], "success");
    assert_string_equal(seen.errors[0], "");
    assert_true(seen.attempts[0].total_us > 0 && seen.attempts[0].connect_us >= 0);
}

static void the_same_again_is_answered_with_the_first(void **state)
{
    struct fixture *f = *state;
    struct accepting other;
    put(f, "shop", ",\"ladder\":\"1m\"");
    struct record_accepted accepted = accept_one(f, "shop", "tx1");
    RUN_UNTIL(f, delivered, 1);
    struct record_accepted again = accept_one(f, "shop", "tx1");
    assert_true(again.answer == RECORD_SAME && again.id == accepted.id);
    fill_submission(&other, "shop", "tx1");
    other.submission.payload = STR("{}");
    OK(notify_accept(f->notify, &other.submission, &why));
    await(f, &other.told);
    assert_int_equal(other.told.status, TIDINGS_OK);
    assert_int_equal(other.told.accepted[0].answer, RECORD_CONFLICT);
    (void)accept_one(f, "shop", "tx2");
    RUN_UNTIL(f, delivered, 2);
    struct notify_stats got = stats(f);
    assert_int_equal(got.accepted, 2);
    assert_int_equal(got.duplicates, 1);
    assert_int_equal(got.conflicts, 1);
    expect_waiting(f, NULL, 0);
    assert_int_equal(call_count(f, "shop"), 2);
}

static void many_are_delivered_once_each(void **state)
{
    struct fixture *f = *state;
    put(f, "shop", ",\"ladder\":\"1m\",\"inFlight\":16");
    struct accepting *all = accept_many(f, "shop", "tx", MANY);
    RUN_UNTIL(f, delivered, MANY);
    assert_int_equal(call_count(f, "shop"), MANY);
    for (int i = 0; i < MANY; i++) {
        char id[RECORD_ID_SIZE];
        int seen = 0;
        assert_int_equal(all[i].told.count, 1);
        record_id_format(all[i].told.accepted[0].id, id);
        for (int k = 0; k < MANY; k++) {
            seen += strcmp(f->doors[0].calls[k].id, id) == 0;
        }
        assert_int_equal(seen, 1);
    }
    struct notify_stats got = stats(f);
    assert_int_equal(got.stale + got.unsettled, 0);
    expect_waiting(f, NULL, 0);
    free(all);
}

// ---- from other threads ----
struct giver {
    struct fixture *f;
    int number;
    pthread_t thread;
    struct accepting *all;
};

static void *give(void *arg)
{
    struct giver *giver = arg;
    char prefix[16];
    (void)snprintf(prefix, sizeof prefix, "t%d-", giver->number);
    giver->all = accept_many(giver->f, "shop", prefix, EACH);
    return NULL;
}

static void any_thread_may_give(void **state)
{
    struct fixture *f = *state;
    struct giver givers[THREADS];
    put(f, "shop", "");
    for (int i = 0; i < THREADS; i++) {
        givers[i] = (struct giver){ .f = f, .number = i };
        assert_int_equal(pthread_create(&givers[i].thread, NULL, give, &givers[i]), 0);
    }
    RUN_UNTIL(f, delivered, THREADS * EACH);
    for (int i = 0; i < THREADS; i++) {
        (void)pthread_join(givers[i].thread, NULL);
        for (int k = 0; k < EACH; k++) {
            assert_int_equal(givers[i].all[k].told.count, 1);
            assert_int_equal(givers[i].all[k].told.status, TIDINGS_OK);
        }
        free(givers[i].all);
    }
    assert_int_equal(call_count(f, "shop"), THREADS * EACH);
}

// ---- for whom ----
static void subscribers_are_found_by_type(void **state)
{
    struct fixture *f = *state;
    struct accepting accepting;
    put(f, "a", ",\"types\":[\"recharge.*\"]");
    put(f, "b", ",\"types\":[\"*.done\"]");
    put(f, "c", ",\"types\":[\"refund.*\"]");
    put(f, "d", "");
    accept_start(f, &accepting, NULL, "tx1");
    await(f, &accepting.told);
    assert_int_equal(accepting.told.status, TIDINGS_OK);
    assert_int_equal(accepting.told.accepted_count, 2);
    RUN_UNTIL(f, delivered, 2);
    assert_int_equal(call_count(f, "a"), 1);
    assert_int_equal(call_count(f, "b"), 1);
    assert_int_equal(call_count(f, "c") + call_count(f, "d"), 0);
    put(f, "c", ",\"types\":[\"recharge.done\"]"); // seen at once
    accept_start(f, &accepting, NULL, "tx2");
    await(f, &accepting.told);
    assert_int_equal(accepting.told.accepted_count, 3);
    fill_submission(&accepting, NULL, "tx3");
    accepting.submission.type = STR("nothing");
    OK(notify_accept(f->notify, &accepting.submission, &why));
    await(f, &accepting.told);
    assert_int_equal(accepting.told.status, TIDINGS_E_NOT_FOUND);
    assert_non_null(strstr(accepting.told.text, "nothing"));
    RUN_UNTIL(f, delivered, 5);
}

static void several_receivers_share_one_payload(void **state)
{
    struct fixture *f = *state;
    struct accepting accepting;
    put(f, "a", "");
    put(f, "b", "");
    fill_submission(&accepting, "a", "tx1");
    accepting.receivers[1] = STR("b");
    accepting.submission.receiver_count = 2;
    OK(notify_accept(f->notify, &accepting.submission, &why));
    await(f, &accepting.told);
    assert_int_equal(accepting.told.accepted_count, 2);
    RUN_UNTIL(f, delivered, 2);
    struct call a = call_of(f, "a", 0);
    struct call b = call_of(f, "b", 0);
    assert_memory_equal(a.body, PAYLOAD.ptr, PAYLOAD.len);
    assert_memory_equal(b.body, PAYLOAD.ptr, PAYLOAD.len);
    assert_string_not_equal(a.id, b.id);
}

// ---- what is refused ----
static void refused(struct fixture *f, struct accepting *accepting, tidings_status status,
                    const char *text)
{
    OK(notify_accept(f->notify, &accepting->submission, &why));
    await(f, &accepting->told);
    assert_int_equal(accepting->told.status, status);
    assert_non_null(strstr(accepting->told.text, text));
}

static void a_bad_submission_is_answered_and_harms_no_other(void **state)
{
    struct fixture *f = *state;
    struct accepting bad;
    struct tidings_error err = { 0 };
    put(f, "shop", "");
    fill_submission(&bad, "shop", "");
    refused(f, &bad, TIDINGS_E_INVALID, "tx_no");
    fill_submission(&bad, "nobody", "tx1");
    refused(f, &bad, TIDINGS_E_NOT_FOUND, "nobody");
    fill_submission(&bad, "shop", "tx1");
    bad.submission.ladder = STR("soon");
    refused(f, &bad, TIDINGS_E_INVALID, "ladder");
    fill_submission(&bad, "shop", "tx1");
    bad.submission.payload.len = RECORD_PAYLOAD_MAX + 1;
    assert_int_equal(notify_accept(f->notify, &bad.submission, &err), TIDINGS_E_TOO_LARGE);
    bad.submission.payload = PAYLOAD;
    bad.submission.receiver_count = RECORD_TARGETS_MAX + 1;
    assert_int_equal(notify_accept(f->notify, &bad.submission, &err), TIDINGS_E_INVALID);
    (void)accept_one(f, "shop", "tx1");
    RUN_UNTIL(f, delivered, 1);
}

static void it_has_a_ladder_and_a_time_of_its_own(void **state)
{
    struct fixture *f = *state;
    struct accepting accepting;
    put(f, "shop", ",\"ladder\":\"1h\"");
    fail_next(f, "shop", 1, 500, 0);
    fill_submission(&accepting, "shop", "tx1");
    accepting.submission.ladder = STR("40ms 80ms");
    accepting.submission.due_ms = clock_wall_ms(clock_system()) + 150;
    OK(notify_accept(f->notify, &accepting.submission, &why));
    await(f, &accepting.told);
    RUN_UNTIL(f, delivered, 1);
    struct seen seen = read_record(f, accepting.told.accepted[0].id);
    assert_int_equal(seen.count, 2);
    assert_true(seen.attempts[0].begun_ms >= accepting.submission.due_ms);
    assert_true(seen.attempts[0].next_due_ms - seen.attempts[0].begun_ms >= 40);
    assert_true(seen.attempts[0].next_due_ms - seen.attempts[0].begun_ms < 3600000);
}

// From memory or by a claim: on record there is no difference.
static void handed_over_or_claimed_is_the_same(void **state)
{
    struct fixture *f = *state;
    put(f, "shop", ",\"ladder\":\"1m\"");
    struct record_accepted handed = accept_one(f, "shop", "tx1");
    RUN_UNTIL(f, delivered, 1);
    set_state(f, "shop", NOTIFY_PAUSED);
    struct record_accepted claimed = accept_one(f, "shop", "tx2");
    assert_int_equal(handed.epoch, 1); // leased from the start
    assert_int_equal(claimed.epoch, 0);
    set_state(f, "shop", NOTIFY_ACTIVE);
    RUN_UNTIL(f, delivered, 2);
    struct seen a = read_record(f, handed.id);
    struct seen b = read_record(f, claimed.id);
    assert_int_equal(a.notification.state, b.notification.state);
    assert_int_equal(a.notification.attempts, b.notification.attempts);
    assert_int_equal(a.notification.ladder_id, b.notification.ladder_id);
    assert_int_equal(a.attempts[0].number, b.attempts[0].number);
    assert_int_equal(a.attempts[0].http_status, b.attempts[0].http_status);
    assert_true(a.notification.first_ms == a.attempts[0].begun_ms);
    assert_true(b.notification.first_ms == b.attempts[0].begun_ms);
    struct call first = call_of(f, "shop", 0);
    struct call second = call_of(f, "shop", 1);
    assert_string_equal(first.attempt, second.attempt);
    assert_string_equal(first.content_type, second.content_type);
    assert_memory_equal(first.body, second.body, PAYLOAD.len);
}

// ---- what has time ----
// `name` has one call under way, that it will not answer, and no room for more.
static void fill_up(struct fixture *f, const char *name)
{
    uint64_t before = stats(f).delivered;
    put(f, name, ",\"inFlight\":1,\"ladder\":\"1m\"");
    (void)accept_one(f, name, "first"); // it goes well
    RUN_UNTIL(f, delivered, before + 1);
    hold_calls(f, name);
    (void)accept_one(f, name, "second");
    RUN_WHILE(f, call_count(f, name) < 2);
}

static void start_patient(struct fixture *f, struct accepting *accepting, const char *receiver,
                          const char *tx_no, int64_t patience_ms)
{
    fill_submission(accepting, receiver, tx_no);
    accepting->submission.patience_ms = patience_ms;
    OK(notify_accept(f->notify, &accepting->submission, &why));
}

static void what_has_time_waits_for_room(void **state)
{
    struct fixture *f = *state;
    struct accepting patient;
    fill_up(f, "shop");
    start_patient(f, &patient, "shop", "patient", 3600000);
    run_for(f, 100);
    assert_int_equal(patient.told.count, 0);
    assert_int_equal(stats(f).accepted, 2);
    assert_int_equal(stats(f).held, 1);
    struct record_accepted hasty = accept_one(f, "shop", "hasty"); // not held up by it
    assert_int_equal(hasty.epoch, 0);
    assert_int_equal(patient.told.count, 0);
    let_go(f, "shop");
    await(f, &patient.told);
    assert_int_equal(patient.told.status, TIDINGS_OK);
    assert_int_equal(patient.told.accepted[0].epoch, 1); // from memory
    RUN_UNTIL(f, delivered, 4);
    assert_int_equal(call_count(f, "shop"), 4);
    assert_int_equal(patient.told.count, 1);
    assert_int_equal(stats(f).held, 0);
}

static void patience_ends(void **state)
{
    struct fixture *f = *state;
    struct accepting patient[3];
    fill_up(f, "shop");
    for (int i = 0; i < 3; i++) {
        char tx_no[24];
        (void)snprintf(tx_no, sizeof tx_no, "patient%d", i);
        start_patient(f, &patient[i], "shop", tx_no, 60);
    }
    for (int i = 0; i < 3; i++) {
        await(f, &patient[i].told);
        assert_int_equal(patient[i].told.status, TIDINGS_OK);
        assert_int_equal(patient[i].told.accepted[0].epoch, 0); // by way of the disk
    }
    let_go(f, "shop");
    RUN_UNTIL(f, delivered, 5);
    for (int i = 0; i < 3; i++) { // in their order
        char id[RECORD_ID_SIZE];
        record_id_format(patient[i].told.accepted[0].id, id);
        assert_string_equal(call_of(f, "shop", 2 + i).id, id);
    }
}

static void nobody_waits_for_another_receiver(void **state)
{
    struct fixture *f = *state;
    struct accepting patient;
    fill_up(f, "shop");
    put(f, "other", "");
    fill_submission(&patient, "shop", "both");
    patient.receivers[1] = STR("other");
    patient.submission.receiver_count = 2;
    patient.submission.patience_ms = 3600000;
    OK(notify_accept(f->notify, &patient.submission, &why));
    await(f, &patient.told);
    assert_int_equal(patient.told.accepted_count, 2);
    RUN_UNTIL(f, delivered, 2);
    assert_int_equal(call_count(f, "other"), 1);
    let_go(f, "shop");
    RUN_UNTIL(f, delivered, 4);
}

// A receiver that is paused, or that fails, is not waited for.
static void patience_is_for_those_who_take(void **state)
{
    struct fixture *f = *state;
    struct accepting patient;
    fill_up(f, "shop");
    set_state(f, "shop", NOTIFY_PAUSED);
    start_patient(f, &patient, "shop", "patient", 3600000);
    await(f, &patient.told);
    assert_int_equal(patient.told.status, TIDINGS_OK);
    let_go(f, "shop");
    set_state(f, "shop", NOTIFY_ACTIVE);
    RUN_UNTIL(f, delivered, 3);
}

static void what_waits_is_refused_at_the_end(void **state)
{
    struct fixture *f = *state;
    struct accepting patient[2];
    fill_up(f, "shop");
    start_patient(f, &patient[0], "shop", "patient0", 3600000);
    start_patient(f, &patient[1], "shop", "patient1", 3600000);
    run_for(f, 50);
    restart(f);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(patient[i].told.count, 1);
        assert_int_equal(patient[i].told.status, TIDINGS_E_CLOSED);
    }
    let_go(f, "shop");
    assert_int_equal(accept_one(f, "shop", "patient0").answer, RECORD_NEW);
    RUN_UNTIL(f, delivered, 2); // and the one that was under way
    expect_waiting(f, NULL, 0);
}

NOTIFY_TESTS("accept", TEST(what_is_accepted_is_delivered),
             TEST(the_same_again_is_answered_with_the_first), TEST(many_are_delivered_once_each),
             TEST(any_thread_may_give), TEST(subscribers_are_found_by_type),
             TEST(several_receivers_share_one_payload),
             TEST(a_bad_submission_is_answered_and_harms_no_other),
             TEST(it_has_a_ladder_and_a_time_of_its_own), TEST(handed_over_or_claimed_is_the_same),
             TEST(what_has_time_waits_for_room), TEST(patience_ends),
             TEST(nobody_waits_for_another_receiver), TEST(patience_is_for_those_who_take),
             TEST(what_waits_is_refused_at_the_end))
