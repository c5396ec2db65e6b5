// SPDX-License-Identifier: Apache-2.0
// What operators do: redeliver, cancel, jobs; and retention.
#include "notify_fixture.h"

enum { MANY = 1300 };

static struct told redeliver(struct fixture *f, int64_t id, const char *ladder)
{
    struct told told = { 0 };
    OK(notify_redeliver(f->notify, id, str_of(ladder), tell_done, &told, &why));
    await(f, &told);
    return told;
}

static struct told cancel(struct fixture *f, int64_t id)
{
    struct told told = { 0 };
    OK(notify_cancel(f->notify, id, tell_done, &told, &why));
    await(f, &told);
    return told;
}

static void one_is_redelivered(void **state)
{
    struct fixture *f = *state;
    struct tidings_error err = { 0 };
    struct told told = { 0 };
    put(f, "shop", ",\"ladder\":\"10ms\"");
    fail_next(f, "shop", 3, 500, 0);
    struct record_accepted accepted = accept_one(f, "shop", "tx1");
    RUN_UNTIL(f, dead, 1);
    assert_int_equal(redeliver(f, accepted.id, "20ms 20ms").status, TIDINGS_OK);
    RUN_UNTIL(f, delivered, 1);
    struct seen seen = read_record(f, accepted.id);
    assert_int_equal(seen.notification.state, RECORD_DELIVERED);
    assert_int_equal(seen.count, 4); // the earlier ones stay on record
    for (int i = 0; i < 4; i++) {
        assert_int_equal(seen.attempts[i].number, i + 1);
        assert_string_equal(call_of(f, "shop", i).id, call_of(f, "shop", 0).id);
    }
    assert_int_equal(redeliver(f, accepted.id, "").status, TIDINGS_OK); // a delivered one, too
    RUN_UNTIL(f, delivered, 2);
    assert_int_equal(redeliver(f, accepted.id + 1, "").status, TIDINGS_E_NOT_FOUND);
    assert_int_equal(notify_redeliver(f->notify, accepted.id, STR("soon"), tell_done, &told, &err),
                     TIDINGS_E_INVALID);
    expect_waiting(f, NULL, 0);
}

static void one_that_waits_is_cancelled(void **state)
{
    struct fixture *f = *state;
    put(f, "shop", ",\"ladder\":\"1h\"");
    fail_next(f, "shop", 1, 500, 0);
    struct record_accepted accepted = accept_one(f, "shop", "tx1");
    RUN_UNTIL(f, attempts, 1);
    RUN_WHILE(f, read_record(f, accepted.id).count < 1); // until its outcome is stored
    assert_int_equal(redeliver(f, accepted.id, "").status, TIDINGS_E_STATE); // not finished
    assert_int_equal(cancel(f, accepted.id).status, TIDINGS_OK);
    assert_int_equal(read_record(f, accepted.id).notification.state, RECORD_CANCELLED);
    expect_waiting(f, NULL, 0);
    assert_int_equal(cancel(f, accepted.id).status, TIDINGS_E_STATE);
    assert_int_equal(cancel(f, accepted.id + 1).status, TIDINGS_E_NOT_FOUND);
    assert_int_equal(redeliver(f, accepted.id, "").status, TIDINGS_OK);
    RUN_UNTIL(f, delivered, 1);
}

static void nothing_is_redelivered_to_a_removed_one(void **state)
{
    struct fixture *f = *state;
    put(f, "shop", "");
    struct record_accepted accepted = accept_one(f, "shop", "tx1");
    RUN_UNTIL(f, delivered, 1);
    set_state(f, "shop", NOTIFY_RETIRED);
    assert_int_equal(redeliver(f, accepted.id, "").status, TIDINGS_E_STATE);
}

// ---- jobs ----
struct starting {
    struct fixture *f;
    struct told told;
};

static void tell_job(void *arg, tidings_status status, int64_t job, const struct tidings_error *err)
{
    tell(arg, status, job, err);
}

static int64_t start_job(struct fixture *f, const struct record_filter *filter)
{
    struct told told = { 0 };
    OK(notify_job_start(f->notify, filter, STR(""), tell_job, &told, &why));
    await(f, &told);
    assert_int_equal(told.status, TIDINGS_OK);
    return told.number;
}

static struct record_job read_job(struct fixture *f, int64_t id)
{
    struct record_job job = { 0 };
    struct record *record = NULL;
    struct buf room;
    buf_init(&room, 65536);
    OK(record_open(f->url, &(struct record_options){ .read_only = true }, &record, &why));
    OK(record_job_get(record, id, &room, &job, &why));
    record_close(record);
    buf_deinit(&room);
    job.filter = (struct record_filter){ 0 }; // its views are gone
    return job;
}

static bool job_is_over(struct fixture *f)
{
    return read_job(f, (int64_t)f->want).state != RECORD_JOB_RUNNING;
}

static struct accepting *make_dead(struct fixture *f)
{
    put(f, "shop", ",\"ladder\":\"5ms\",\"breaker\":{\"failures\":0},\"inFlight\":32");
    fail_next(f, "shop", 1000000, 500, 0);
    struct accepting *all = accept_many(f, "shop", "tx", MANY);
    RUN_UNTIL(f, dead, MANY);
    fail_next(f, "shop", 0, 200, 0);
    return all;
}

static void a_job_redelivers_all_that_fit(void **state)
{
    struct fixture *f = *state;
    const struct record_filter filter = { .state = RECORD_DEAD };
    struct accepting *all = make_dead(f);
    put(f, "other", "");
    (void)accept_one(f, "other", "tx1"); // does not fit
    RUN_UNTIL(f, delivered, 1);
    int64_t id = start_job(f, &filter);
    RUN_UNTIL(f, delivered, MANY + 1);
    f->want = (uint64_t)id;
    run_until(f, job_is_over);
    struct record_job job = read_job(f, id);
    assert_int_equal(job.state, RECORD_JOB_DONE);
    assert_int_equal(job.redelivered, MANY);
    assert_int_equal(call_count(f, "other"), 1);
    expect_waiting(f, NULL, 0);
    free(all);
}

// The loop stops with it: nothing of the job is taken in hand before it runs again.
static void tell_job_and_stop(void *arg, tidings_status status, int64_t job,
                              const struct tidings_error *err)
{
    struct starting *starting = arg;
    tell(&starting->told, status, job, err);
    net_loop_stop(starting->f->loop);
}

static void a_job_goes_on_after_a_restart(void **state)
{
    struct fixture *f = *state;
    const struct record_filter filter = { .state = RECORD_DEAD };
    struct accepting *all = make_dead(f);
    set_state(f, "shop", NOTIFY_PAUSED);
    struct starting starting = { .f = f };
    OK(notify_job_start(f->notify, &filter, STR(""), tell_job_and_stop, &starting, &why));
    net_loop_run(f->loop);
    assert_int_equal(starting.told.count, 1);
    assert_int_equal(starting.told.status, TIDINGS_OK);
    int64_t id = starting.told.number;
    restart(f); // before its last step: one has 500 rows
    assert_true(read_job(f, id).redelivered < MANY);
    f->want = (uint64_t)id;
    run_until(f, job_is_over);
    struct record_job job = read_job(f, id);
    assert_int_equal(job.state, RECORD_JOB_DONE);
    assert_int_equal(job.redelivered, MANY);
    set_state(f, "shop", NOTIFY_ACTIVE);
    RUN_UNTIL(f, delivered, MANY);
    free(all);
}

static void a_job_is_cancelled(void **state)
{
    struct fixture *f = *state;
    const struct record_filter filter = { .state = RECORD_DEAD };
    struct told told = { 0 };
    struct told again = { 0 };
    struct accepting *all = make_dead(f);
    int64_t id = start_job(f, &filter);
    OK(notify_job_cancel(f->notify, id, tell_done, &told, &why));
    await(f, &told);
    struct record_job job = read_job(f, id);
    if (told.status == TIDINGS_OK) { // else it was quicker
        assert_int_equal(job.state, RECORD_JOB_CANCELLED);
        assert_true(job.redelivered < MANY);
    } else {
        assert_int_equal(told.status, TIDINGS_E_STATE);
        assert_int_equal(job.redelivered, MANY);
    }
    RUN_UNTIL(f, delivered, job.redelivered);
    OK(notify_job_cancel(f->notify, id + 1, tell_done, &again, &why));
    await(f, &again);
    assert_int_equal(again.status, TIDINGS_E_NOT_FOUND);
    free(all);
}

// ---- retention ----
static void what_is_finished_is_forgotten_in_time(void **state)
{
    struct fixture *f = *state;
    put(f, "shop", ",\"ladder\":\"1h\"");
    struct record_accepted done = accept_one(f, "shop", "tx1");
    RUN_UNTIL(f, delivered, 1);
    fail_next(f, "shop", 1, 500, 0);
    struct record_accepted waits = accept_one(f, "shop", "tx2");
    RUN_UNTIL(f, attempts, 2);
    notify_stop(f->notify);
    f->options.retention_ms = 1;
    start_notify(f);
    RUN_UNTIL(f, purged, 1);
    struct record *record = NULL;
    struct record_notification found;
    struct buf room;
    buf_init(&room, 65536);
    OK(record_open(f->url, &(struct record_options){ .read_only = true }, &record, &why));
    assert_int_equal(record_get(record, done.id, &room, &found, NULL), TIDINGS_E_NOT_FOUND);
    assert_int_equal(record_get(record, waits.id, &room, &found, NULL), TIDINGS_OK);
    record_close(record);
    buf_deinit(&room);
}

NOTIFY_TESTS("operate", TEST(one_is_redelivered), TEST(one_that_waits_is_cancelled),
             TEST(nothing_is_redelivered_to_a_removed_one), TEST(a_job_redelivers_all_that_fit),
             TEST(a_job_goes_on_after_a_restart), TEST(a_job_is_cancelled),
             TEST(what_is_finished_is_forgotten_in_time))
