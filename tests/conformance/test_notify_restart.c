// SPDX-License-Identifier: Apache-2.0
// What survives a stop and a start, and a lost database: all that was accepted, and the exact
// times.
#include "notify_fixture.h"

enum { MANY = 300, FEW = 3 };

static void what_waits_is_delivered_after_a_restart(void **state)
{
    struct fixture *f = *state;
    int64_t ids[FEW];
    put(f, "shop", ",\"ladder\":\"300ms*\"");
    stop_server(f); // nobody is there
    for (int i = 0; i < FEW; i++) {
        char tx_no[24];
        (void)snprintf(tx_no, sizeof tx_no, "tx%d", i);
        ids[i] = accept_one(f, "shop", tx_no).id;
    }
    RUN_UNTIL(f, attempts, FEW);
    notify_stop(f->notify);
    struct seen before[FEW];
    for (int i = 0; i < FEW; i++) {
        before[i] = read_record(f, ids[i]);
        assert_int_equal(before[i].notification.state, RECORD_WAITING);
    }
    start_server(f);
    start_notify(f);
    RUN_UNTIL(f, delivered, FEW);
    for (int i = 0; i < FEW; i++) {
        struct seen seen = read_record(f, ids[i]);
        int was = before[i].count;
        assert_int_equal(seen.notification.state, RECORD_DELIVERED);
        assert_int_equal(seen.count, was + 1);
        // the ladder goes on, it does not begin anew, and its times stay
        assert_int_equal(seen.attempts[was].number, was + 1);
        assert_int_equal(seen.attempts[was - 1].next_due_ms, before[i].notification.due_ms);
        assert_true(seen.attempts[was].begun_ms >= before[i].notification.due_ms);
        assert_true(seen.notification.first_ms == before[i].notification.first_ms);
    }
}

static void assert_interrupted(const struct seen *seen, int at)
{
    assert_int_equal(seen->attempts[at].number, at + 1);
    assert_string_equal(notify_class_text(seen->attempts[at].error_class), "interrupted");
    assert_non_null(strstr(seen->errors[at], "is not known"));
    assert_true(seen->attempts[at].begun_ms >= record_id_time_ms(seen->notification.id));
    assert_true(seen->attempts[at].begun_ms <= clock_wall_ms(clock_system()));
}

// Different ones: what is given back while its answer is on the way comes twice.
static bool all_came(struct fixture *f)
{
    int count = call_count(f, "deaf");
    int different = 0;
    for (int i = 0; i < count; i++) {
        struct call call = call_of(f, "deaf", i);
        bool again = false;
        for (int k = 0; k < i && !again; k++) {
            struct call other = call_of(f, "deaf", k);
            again = strcmp(call.id, other.id) == 0;
        }
        different += !again;
    }
    return different == 16;
}

static bool counted(struct fixture *f)
{
    return view(f, "a").waiting >= (int64_t)f->want;
}

static bool job_is_done(struct fixture *f)
{
    return view(f, "b").waiting + view(f, "c").waiting >= 70;
}

static void what_is_on_its_way_is_given_back(void **state)
{
    struct fixture *f = *state;
    (void)put_at(f, "deaf", f->deaf_port, ",\"ladder\":\"1h\",\"timeoutMs\":20000,\"inFlight\":8",
                 NOTIFY_REPLACE, 0);
    struct accepting *all = accept_many(f, "deaf", "tx", 16);
    RUN_UNTIL(f, in_flight, 8);
    RUN_UNTIL(f, accepted, 16);
    notify_stop(f->notify);
    int interrupted = 0;
    for (int i = 0; i < 16; i++) {
        struct seen seen = read_record(f, all[i].told.accepted[0].id);
        assert_int_equal(seen.notification.state, RECORD_WAITING);
        assert_true(seen.notification.due_ms <= clock_wall_ms(clock_system())); // as it was
        assert_int_equal(seen.notification.attempts, seen.count);
        if (seen.count == 1) { // whether it arrived is not known
            assert_interrupted(&seen, 0);
            interrupted++;
        }
    }
    assert_int_equal(interrupted, 8); // the others had not been begun
    start_notify(f);
    (void)put_at(f, "deaf", f->port, "", NOTIFY_REPLACE, 0); // moved to where somebody answers
    restart(f); // those that were begun before the move are given back
    run_until(f, all_came);
    free(all);
}

static void a_backlog_is_drained_after_a_restart(void **state)
{
    struct fixture *f = *state;
    put(f, "a", ",\"inFlight\":16");
    put(f, "b", ",\"inFlight\":16");
    set_state(f, "a", NOTIFY_PAUSED);
    set_state(f, "b", NOTIFY_PAUSED);
    struct accepting *first = accept_many(f, "a", "tx", MANY);
    struct accepting *second = accept_many(f, "b", "tx", MANY);
    RUN_UNTIL(f, accepted, 2 * MANY);
    restart(f);
    RUN_UNTIL(f, waiting, 2 * MANY); // counted in the background
    set_state(f, "a", NOTIFY_ACTIVE);
    set_state(f, "b", NOTIFY_ACTIVE);
    RUN_UNTIL(f, delivered, 2 * MANY);
    assert_int_equal(call_count(f, "a"), MANY);
    assert_int_equal(call_count(f, "b"), MANY);
    expect_waiting(f, NULL, 0);
    free(first);
    free(second);
}

// What is accepted while it is counted is counted once.
static void what_waits_is_counted_exactly(void **state)
{
    struct fixture *f = *state;
    put(f, "a", "");
    put(f, "b", ",\"ladder\":\"1ms; limit=1\",\"breaker\":{\"failures\":0}");
    put(f, "c", ",\"ladder\":\"1ms; limit=1\",\"breaker\":{\"failures\":0}");
    set_state(f, "a", NOTIFY_PAUSED);
    struct accepting *first = accept_many(f, "a", "tx", MANY);
    fail_next(f, "b", 100, 500, 0);
    fail_next(f, "c", 100, 500, 0);
    struct accepting *dead[] = { accept_many(f, "b", "tx", 40), accept_many(f, "c", "tx", 30) };
    RUN_UNTIL(f, accepted, MANY + 70);
    RUN_UNTIL(f, dead, 70);
    expect_waiting(f, "a", MANY);
    for (int round = 0; round < 5; round++) {
        char prefix[8];
        (void)snprintf(prefix, sizeof prefix, "r%d", round);
        restart(f);
        struct accepting *more = accept_many(f, "a", prefix, 20);
        RUN_UNTIL(f, accepted, 20);
        f->want = MANY + 20 * ((uint64_t)round + 1);
        run_until(f, counted);
        expect_waiting(f, "a", MANY + 20 * (round + 1));
        free(more);
    }
    set_state(f, "b", NOTIFY_PAUSED);
    set_state(f, "c", NOTIFY_PAUSED);
    struct told told = { 0 };
    const struct record_filter filter = { .state = RECORD_DEAD };
    OK(notify_job_start(f->notify, &filter, STR(""), tell_changed, &told, &why));
    await(f, &told);
    run_until(f, job_is_done);
    expect_waiting(f, "b", 40);
    expect_waiting(f, "c", 30);
    free(first);
    free(dead[0]);
    free(dead[1]);
}

static void a_stop_answers_all_that_was_asked(void **state)
{
    struct fixture *f = *state;
    put(f, "shop", "");
    struct accepting *all = accept_many(f, "shop", "tx", MANY); // the loop has not run since
    notify_stop(f->notify);
    int taken = 0;
    for (int i = 0; i < MANY; i++) {
        assert_int_equal(all[i].told.count, 1);
        assert_true(all[i].told.status == TIDINGS_OK || all[i].told.status == TIDINGS_E_CLOSED);
        taken += all[i].told.status == TIDINGS_OK;
    }
    start_notify(f);
    RUN_UNTIL(f, delivered, taken);
    free(all);
}

// Leased by one that died: taken over when the lease has ended, in its place on the ladder.
static void a_lease_that_ended_is_taken_over(void **state)
{
    struct fixture *f = *state;
    struct record *record = NULL;
    struct record_claimed claimed;
    size_t count = 0;
    put(f, "shop", ",\"ladder\":\"1h\"");
    set_state(f, "shop", NOTIFY_PAUSED);
    struct record_accepted accepted = accept_one(f, "shop", "tx1");
    int64_t number = view(f, "shop").id;
    notify_stop(f->notify);
    OK(record_open(f->url, &(struct record_options){ .node = 9 }, &record, &why));
    OK(record_begin(record, &why));
    int64_t now_ms = clock_wall_ms(clock_system());
    OK(record_claim(record, number, now_ms, now_ms + 200, &claimed, 1, &count, &why));
    OK(record_commit(record, &why));
    record_close(record);
    assert_int_equal(count, 1);
    start_notify(f);
    set_state(f, "shop", NOTIFY_ACTIVE);
    RUN_UNTIL(f, delivered, 1);
    struct seen seen = read_record(f, accepted.id);
    assert_int_equal(seen.count, 2);
    assert_interrupted(&seen, 0);
    assert_int_equal(seen.attempts[1].number, 2);
    assert_true(seen.attempts[1].begun_ms >= now_ms + 200);
}

enum { OWNER = 4711, OTHER_OWNER = 815, HAND_MS = 3600 * 1000 };

// A start of a node that leases all there is and ends without another word.
static void live_and_die(struct fixture *f, int64_t owner, int64_t receiver, int count)
{
    struct record *record = NULL;
    struct record_options options = { .node = owner == OWNER ? 0 : 9 };
    struct record_claimed *claimed = calloc((size_t)count, sizeof *claimed);
    size_t found = 0;
    int64_t now_ms = clock_wall_ms(clock_system());
    assert_non_null(claimed);
    OK(record_open(f->url, &options, &record, &why));
    OK(record_begin(record, &why));
    OK(record_life_begin(record, owner, &options.life, &why));
    OK(record_commit(record, &why));
    record_close(record);
    OK(record_open(f->url, &options, &record, &why));
    OK(record_begin(record, &why));
    OK(record_claim(record, receiver, now_ms, now_ms + HAND_MS, claimed, (size_t)count, &found,
                    &why));
    OK(record_commit(record, &why));
    record_close(record);
    assert_int_equal(found, count);
    free(claimed);
}

// kill -9: the next start knows its own leases, and leaves those of others alone.
static void what_a_killed_node_had_in_hand_is_due_again(void **state)
{
    struct fixture *f = *state;
    put(f, "shop", ",\"ladder\":\"1h\"");
    put(f, "other", ",\"ladder\":\"1h\"");
    set_state(f, "shop", NOTIFY_PAUSED);
    set_state(f, "other", NOTIFY_PAUSED);
    struct accepting *all = accept_many(f, "shop", "tx", 2 * MANY); // more than one step
    struct record_accepted theirs = accept_one(f, "other", "tx");
    RUN_UNTIL(f, accepted, 2 * MANY + 1);
    int64_t shop = view(f, "shop").id;
    int64_t other = view(f, "other").id;
    notify_stop(f->notify);
    live_and_die(f, OWNER, shop, 2 * MANY);
    live_and_die(f, OTHER_OWNER, other, 1);
    f->options.owner = OWNER;
    start_notify(f);
    set_state(f, "shop", NOTIFY_ACTIVE);
    set_state(f, "other", NOTIFY_ACTIVE);
    RUN_UNTIL(f, delivered, 2 * MANY);
    for (int i = 0; i < 2 * MANY; i += 37) {
        struct seen seen = read_record(f, all[i].told.accepted[0].id);
        assert_int_equal(seen.count, 2);
        assert_interrupted(&seen, 0);
        assert_int_equal(seen.attempts[1].number, 2);
    }
    assert_int_equal(call_count(f, "shop"), 2 * MANY);
    assert_int_equal(stats(f).attempts_by_class[NOTIFY_CLASSES - 1], 2 * MANY);
    assert_int_equal(call_count(f, "other"), 0);
    assert_int_equal(read_record(f, theirs.id).notification.state, RECORD_DELIVERING);
    f->options.owner = 0;
    free(all);
}

// ---- a lost database ----
static void lose_database(struct fixture *f)
{
    char sql[] = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = "
                 "current_database() AND pid <> pg_backend_pid()";
    if (f->path == NULL) {
        each_exec(f->url, sql);
    }
}

// Answered at once while it is lost; what was begun goes on, and nothing of it is forgotten.
static void a_lost_database_loses_nothing(void **state)
{
    struct fixture *f = *state;
    int taken = 0;
    put(f, "shop", ",\"ladder\":\"20ms*\",\"breaker\":{\"failures\":0}");
    fail_next(f, "shop", MANY, 500, 0);
    struct accepting *before = accept_many(f, "shop", "a", MANY);
    RUN_UNTIL(f, attempts, MANY / 4);
    lose_database(f);
    struct accepting *after = accept_many(f, "shop", "b", MANY);
    await(f, &after[MANY - 1].told);
    for (int i = 0; i < MANY; i++) {
        assert_true(before[i].told.count == 1 && after[i].told.count == 1);
        assert_true(after[i].told.status == TIDINGS_OK || after[i].told.status == TIDINGS_E_LOST);
        taken += (before[i].told.status == TIDINGS_OK) + (after[i].told.status == TIDINGS_OK);
    }
    RUN_UNTIL(f, delivered, taken);
    for (int i = 0; i < MANY; i += 29) {
        if (before[i].told.status == TIDINGS_OK) {
            struct seen seen = read_record(f, before[i].told.accepted[0].id);
            assert_int_equal(seen.notification.state, RECORD_DELIVERED);
        }
    }
    assert_int_equal(stats(f).dead, 0);
    free(before);
    free(after);
}

// A commit that fails is the answer of those that it held, and of nobody else.
static void a_commit_that_fails_is_told(void **state)
{
    struct fixture *f = *state;
    struct fault fault;
    int failed = 0;
    fault_init(&fault);
    notify_stop(f->notify);
    f->options.record.fault = &fault;
    assert_int_equal(fault_parse(&fault, "db.commit:40+3", NULL), TIDINGS_OK);
    start_notify(f);
    put(f, "shop", "");
    for (int i = 0; i < MANY; i++) {
        struct accepting accepting;
        char tx_no[24];
        (void)snprintf(tx_no, sizeof tx_no, "tx%d", i);
        accept_start(f, &accepting, "shop", tx_no);
        await(f, &accepting.told);
        failed += accepting.told.status != TIDINGS_OK;
    }
    RUN_UNTIL(f, delivered, MANY - failed);
    run_for(f, 60);
    expect_waiting(f, NULL, 0);
    assert_int_equal(call_count(f, "shop"), MANY - failed);
    notify_stop(f->notify); // before what it points to goes
    f->options.record.fault = NULL;
    start_notify(f);
}

NOTIFY_TESTS("restart", TEST(what_waits_is_delivered_after_a_restart),
             TEST(what_is_on_its_way_is_given_back), TEST(a_backlog_is_drained_after_a_restart),
             TEST(what_waits_is_counted_exactly), TEST(a_stop_answers_all_that_was_asked),
             TEST(a_lease_that_ended_is_taken_over),
             TEST(what_a_killed_node_had_in_hand_is_due_again), TEST(a_lost_database_loses_nothing),
             TEST(a_commit_that_fails_is_told))
