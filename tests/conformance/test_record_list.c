// SPDX-License-Identifier: Apache-2.0
// Lists, jobs, bindings, idempotency keys and a second connection that reads, on every database:
// run on an SQLite file, and on each URL in TIDINGS_DB_URLS (scripts/databases).
#include "record_fixture.h"

enum { MANY = 40 };

// ---- lists ----
struct seen {
    int64_t ids[MANY + 1];
    struct record_row last; // its texts are gone
    size_t count;
};

static void see(void *arg, const struct record_row *row)
{
    struct seen *seen = arg;
    assert_true(seen->count < BASE_COUNT(seen->ids));
    assert_true(seen->count == 0 || row->id > seen->ids[seen->count - 1]);
    assert_true(str_eq(row->source, STR("pay")) && row->tx_no.len > 0);
    seen->ids[seen->count++] = row->id;
    seen->last = *row;
}

// All pages of a filter; each may look at `look` rows and give `max`.
static struct seen list(struct fixture *f, struct record_filter filter, size_t max, size_t look)
{
    struct seen seen = { .count = 0 };
    int64_t after = 0;
    int rounds = 0;
    OK(record_begin(f->record, &why));
    do {
        size_t before = seen.count;
        OK(record_list(f->record, &filter, after, max, look, see, &seen, &after, &why));
        assert_true(seen.count - before <= max);
    } while (after != 0 && ++rounds < 200);
    OK(record_commit(f->record, &why));
    assert_int_equal(after, 0);
    return seen;
}

static size_t count_of(struct fixture *f, struct record_filter filter)
{
    size_t count = list(f, filter, 100, 1000).count;
    assert_int_equal(list(f, filter, 1, 1).count, count); // however small the steps are
    assert_int_equal(list(f, filter, 7, 3).count, count);
    assert_int_equal(list(f, filter, 3, 7).count, count);
    return count;
}

// Accepted on its way (leased) or to wait for an hour.
static struct record_claimed accept_for(struct fixture *f, int64_t receiver_id, const char *type,
                                        const char *tx_no, bool leased)
{
    struct record_accepted accepted = { 0 };
    const struct record_target target = { receiver_id, f->ladder, f->clock.wall_ms + 3600000,
                                          leased ? f->clock.wall_ms + 60000 : 0 };
    struct record_submission submission = submission_of(tx_no, STR("p"), &target, 1);
    submission.type = str_of(type);
    OK(record_begin(f->record, &why));
    OK(record_accept(f->record, &submission, &accepted, &why));
    OK(record_commit(f->record, &why));
    assert_int_equal(accepted.answer, RECORD_NEW);
    return (struct record_claimed){ .id = accepted.id,
                                    .epoch = accepted.epoch,
                                    .ladder_id = f->ladder };
}

// MANY rows, a millisecond apart: of each ten 1 is delivered, 2 are dead, 1 is cancelled, 1 is on
// its way, 5 wait. Every fourth is another receiver's; the last two have the same tx_no.
static void fill(struct fixture *f, int64_t other, int64_t ids[MANY])
{
    const int64_t mine = f->receiver;
    for (int i = 0; i < MANY; i++) {
        char tx_no[16];
        (void)snprintf(tx_no, sizeof tx_no, "tx%d", i == MANY - 1 ? i - 1 : i);
        f->receiver = i % 4 == 3 ? other : mine;
        struct record_claimed claimed =
            accept_for(f, f->receiver, i % 2 == 0 ? "even" : "odd", tx_no, i % 10 < 5);
        ids[i] = claimed.id;
        if (i % 10 < 3) {
            assert_int_equal(settle_as(f, &claimed, i % 10 == 0 ? RECORD_TAKEN : RECORD_END),
                             TIDINGS_OK);
        } else if (i % 10 == 3) {
            assert_int_equal(settle_as(f, &claimed, RECORD_RETRY), TIDINGS_OK);
            OK(record_begin(f->record, &why));
            OK(record_cancel(f->record, claimed.id, &why));
            OK(record_commit(f->record, &why));
        }
        clock_manual_advance_ms(&f->clock, 1);
    }
    f->receiver = mine;
}

static int64_t second_receiver(struct fixture *f)
{
    OK(record_begin(f->record, &why));
    int64_t id = receiver_named(f, "second");
    OK(record_commit(f->record, &why));
    return id;
}

static void lists_hold_what_fits_and_nothing_else(void **state)
{
    struct fixture *f = *state;
    int64_t ids[MANY];
    int64_t other = second_receiver(f);
    fill(f, other, ids);
    assert_int_equal(count_of(f, (struct record_filter){ 0 }), MANY);
    assert_int_equal(count_of(f, (struct record_filter){ .state = RECORD_WAITING }), 20);
    assert_int_equal(count_of(f, (struct record_filter){ .state = RECORD_DELIVERING }), 4);
    assert_int_equal(count_of(f, (struct record_filter){ .state = RECORD_DELIVERED }), 4);
    assert_int_equal(count_of(f, (struct record_filter){ .state = RECORD_DEAD }), 8);
    assert_int_equal(count_of(f, (struct record_filter){ .state = RECORD_CANCELLED }), 4);
    assert_int_equal(count_of(f, (struct record_filter){ .receiver_id = other }), MANY / 4);
    size_t dead_of_other =
        count_of(f, (struct record_filter){ .state = RECORD_DEAD, .receiver_id = other });
    size_t dead_of_mine =
        count_of(f, (struct record_filter){ .state = RECORD_DEAD, .receiver_id = f->receiver });
    assert_int_equal(dead_of_other, 2); // 11 and 31
    assert_int_equal(dead_of_mine, 6);
    assert_int_equal(count_of(f, (struct record_filter){ .type = STR("even") }), MANY / 2);
    assert_int_equal(count_of(f, (struct record_filter){ .source = STR("other") }), 0);
    assert_int_equal(count_of(f, (struct record_filter){ .reason = RECORD_REASON_OPERATOR }), 4);
    assert_int_equal(
        count_of(f, (struct record_filter){ .from_ms = NOW_MS + 5, .to_ms = NOW_MS + 15 }), 10);
    assert_int_equal(count_of(f, (struct record_filter){ .state = RECORD_DEAD,
                                                         .from_ms = NOW_MS + 5,
                                                         .to_ms = NOW_MS + 12 }),
                     1);
    assert_int_equal(count_of(f, (struct record_filter){ .to_ms = NOW_MS }), 0);
    assert_int_equal(count_of(f, (struct record_filter){ .from_ms = NOW_MS + MANY }), 0);
}

static void rows_of_lists_tell_where_they_stand(void **state)
{
    struct fixture *f = *state;
    int64_t ids[MANY];
    int64_t other = second_receiver(f);
    fill(f, other, ids);
    static const struct {
        const char *tx_no;
        int number;
        enum record_state state;
        enum record_reason reason;
        int attempts;
    } wanted[] = { { "tx0", 0, RECORD_DELIVERED, RECORD_REASON_NONE, 1 },
                   { "tx1", 1, RECORD_DEAD, RECORD_REASON_LADDER, 1 },
                   { "tx13", 13, RECORD_CANCELLED, RECORD_REASON_OPERATOR, 1 },
                   { "tx4", 4, RECORD_DELIVERING, RECORD_REASON_NONE, 0 },
                   { "tx5", 5, RECORD_WAITING, RECORD_REASON_NONE, 0 } };
    for (size_t i = 0; i < BASE_COUNT(wanted); i++) {
        struct seen seen =
            list(f, (struct record_filter){ .tx_no = str_of(wanted[i].tx_no) }, 5, 1);
        struct record_notification got = get(f, ids[wanted[i].number]);
        assert_int_equal(seen.count, 1);
        assert_true(seen.last.id == ids[wanted[i].number]);
        assert_int_equal(seen.last.state, wanted[i].state);
        assert_int_equal(seen.last.reason, wanted[i].reason);
        assert_int_equal(seen.last.attempts, wanted[i].attempts);
        assert_true(seen.last.accepted_ms == NOW_MS + wanted[i].number);
        assert_true(seen.last.due_ms == got.due_ms && seen.last.first_ms == got.first_ms &&
                    seen.last.finished_ms == got.finished_ms &&
                    seen.last.receiver_id == got.receiver_id);
    }
    assert_int_equal(count_of(f, (struct record_filter){ .tx_no = STR("tx38") }), 2);
    assert_int_equal(
        count_of(f, (struct record_filter){ .tx_no = STR("tx38"), .type = STR("odd") }), 1);
    assert_int_equal(count_of(f, (struct record_filter){ .tx_no = STR("tx") }), 0);
}

static void add_backlog(void *arg, int64_t receiver_id, int64_t count)
{
    int64_t *counts = arg;
    assert_true(receiver_id > 0 && receiver_id < 3);
    counts[receiver_id] += count;
}

static void the_backlog_is_counted_by_receiver(void **state)
{
    struct fixture *f = *state;
    int64_t ids[MANY];
    int64_t counts[3] = { 0 };
    OK(record_backlog(f->record, add_backlog, counts, &why));
    assert_int_equal(counts[1] + counts[2], 0);
    int64_t other = second_receiver(f);
    fill(f, other, ids);
    OK(record_backlog(f->record, add_backlog, counts, &why));
    assert_int_equal(counts[f->receiver] + counts[other], 24);
    assert_int_equal(counts[other], 6); // 7, 15, 19, 27, 35, 39
}

// ---- keys ----
// Three types whose keys (receiver 1, source "pay", tx_no "same") begin at the same slot.
static const char *const alike[] = { "t10782", "t38035", "t70006" };

static void assert_neighbours(struct fixture *f)
{
    struct db *db = NULL;
    struct db_stmt *stmt = NULL;
    int64_t first = INT64_MAX;
    int64_t last = INT64_MIN;
    OK(db_open(f->url, &(struct db_options){ .sync = DB_SYNC_NORMAL }, &db, &why));
    OK(db_prepare(db, f->path != NULL ? "SELECT slots FROM recent_key" : "SELECT slot FROM dedup",
                  &stmt, &why));
    while (db_step(stmt, NULL) == TIDINGS_OK) {
        int64_t slot = f->path != NULL ? (int64_t)num_load_be64(db_column_blob(stmt, 0).ptr)
                                       : db_column_i64(stmt, 0);
        first = slot < first ? slot : first;
        last = slot > last ? slot : last;
    }
    db_close(db);
    assert_true(last - first == BASE_COUNT(alike) - 1);
}

static void keys_that_share_a_slot_stay_apart(void **state)
{
    struct fixture *f = *state;
    struct record_claimed claimed[3];
    assert_true(f->receiver == 1);
    for (size_t gone = 0; gone < BASE_COUNT(alike); gone++) {
        int64_t id = 0;
        teardown(state);
        setup(state);
        for (size_t i = 0; i < BASE_COUNT(alike); i++) {
            claimed[i] = accept_for(f, f->receiver, alike[i], "same", i == gone);
        }
        assert_neighbours(f);
        assert_int_equal(settle_as(f, &claimed[gone], RECORD_TAKEN), TIDINGS_OK);
        purge_all(f, NOW_MS + 1, 1);
        OK(record_begin(f->record, &why));
        for (size_t i = 0; i < BASE_COUNT(alike); i++) {
            tidings_status status = record_find(f->record, f->receiver, STR("pay"),
                                                str_of(alike[i]), STR("same"), &id, NULL);
            assert_int_equal(status, i == gone ? TIDINGS_E_NOT_FOUND : TIDINGS_OK);
            assert_true(i == gone || id == claimed[i].id);
        }
        OK(record_commit(f->record, &why));
        assert_int_equal(count_of(f, (struct record_filter){ .tx_no = STR("same") }), 2);
        assert_int_equal(keys_of(f), 2);
    }
}

static enum record_idempotent use_key_at(struct fixture *f, const char *key, unsigned char request,
                                         int64_t *ret_mark)
{
    unsigned char hash[RECORD_HASH_SIZE] = { request };
    enum record_idempotent answer = RECORD_KEY_OTHER;
    OK(record_begin(f->record, &why));
    OK(record_idempotency(f->record, str_of(key), hash, f->clock.wall_ms, &answer, ret_mark, &why));
    OK(record_commit(f->record, &why));
    return answer;
}

static enum record_idempotent use_key(struct fixture *f, const char *key, unsigned char request)
{
    int64_t mark;
    return use_key_at(f, key, request, &mark);
}

// What the first use of a key made is told from what was there before, however fast it goes.
static void a_key_of_a_call_tells_before_from_after(void **state)
{
    struct fixture *f = *state;
    int64_t mark;
    int64_t again;
    int64_t before = accept_for(f, f->receiver, "t", "marked 1", false).id;
    assert_int_equal(use_key_at(f, "pay marked", 1, &mark), RECORD_KEY_NEW);
    int64_t after = accept_for(f, f->receiver, "t", "marked 2", false).id;
    clock_manual_advance_ms(&f->clock, 1000);
    assert_int_equal(use_key_at(f, "pay marked", 1, &again), RECORD_KEY_SAME);
    assert_true(again == mark && before <= mark && after > mark);
    unsigned char hash[RECORD_HASH_SIZE] = { 1 };
    enum record_idempotent answer;
    each_exec(f->url, "UPDATE idempotency SET request = key_hash"); // no mark in it
    OK(record_begin(f->record, &why));
    assert_int_equal(record_idempotency(f->record, STR("pay marked"), hash, f->clock.wall_ms,
                                        &answer, &again, NULL),
                     TIDINGS_E_CORRUPT);
    record_rollback(f->record);
}

static void a_key_of_a_call_is_known_for_a_day(void **state)
{
    struct fixture *f = *state;
    const int64_t day_ms = 24 * 3600 * 1000LL;
    assert_int_equal(use_key(f, "pay k1", 1), RECORD_KEY_NEW);
    assert_int_equal(use_key(f, "pay k1", 1), RECORD_KEY_SAME);
    assert_int_equal(use_key(f, "pay k1", 2), RECORD_KEY_OTHER);
    assert_int_equal(use_key(f, "shop k1", 2), RECORD_KEY_NEW);
    clock_manual_advance_ms(&f->clock, day_ms - 1);
    assert_int_equal(use_key(f, "pay k1", 1), RECORD_KEY_SAME);
    purge_all(f, 0, 0);
    assert_int_equal(rows_of(f, "idempotency"), 2);
    clock_manual_advance_ms(&f->clock, 1);
    assert_int_equal(use_key(f, "pay k1", 2), RECORD_KEY_NEW); // though not purged yet
    assert_int_equal(use_key(f, "pay k1", 1), RECORD_KEY_OTHER);
    clock_manual_advance_ms(&f->clock, 1);
    purge_all(f, 0, 0);
    assert_int_equal(rows_of(f, "idempotency"), 1); // the shop's went
    static char long_key[RECORD_HEADERS_MAX + 1];
    enum record_idempotent answer;
    int64_t mark;
    unsigned char hash[RECORD_HASH_SIZE] = { 0 };
    assert_int_equal(record_idempotency(f->record, str_make(long_key, sizeof long_key), hash, 0,
                                        &answer, &mark, NULL),
                     TIDINGS_E_TOO_LARGE);
}

// ---- bindings ----
static void see_binding(void *arg, const struct record_binding *binding)
{
    char *names = arg;
    assert_true(binding->version > 0 && binding->changed_ms == NOW_MS);
    (void)strncat(names, binding->name.ptr, binding->name.len);
}

static void bindings_are_changed_by_who_read_them(void **state)
{
    struct fixture *f = *state;
    struct record_binding read;
    char names[64] = "";
    struct record_binding b = { .name = STR("b"), .document = STR("{1}") };
    struct record_binding a = { .name = STR("a") };
    OK(record_begin(f->record, &why));
    OK(record_binding_put(f->record, &b, &why));
    OK(record_binding_put(f->record, &a, &why));
    assert_true(b.version == 1 && a.version == 1);
    struct record_binding again = { .name = STR("a") };
    assert_int_equal(record_binding_put(f->record, &again, NULL), TIDINGS_E_DUPLICATE);
    struct record_binding nameless = { .document = STR("x") };
    assert_int_equal(record_binding_put(f->record, &nameless, NULL), TIDINGS_E_INVALID);
    struct record_binding stale = b;
    b.document = STR("{2}");
    OK(record_binding_put(f->record, &b, &why));
    assert_int_equal(record_binding_put(f->record, &stale, NULL), TIDINGS_E_STATE);
    OK(record_binding_get(f->record, STR("b"), &f->room, &read, &why));
    assert_true(read.version == 2 && str_eq(read.name, STR("b")) &&
                str_eq(read.document, STR("{2}")) && read.changed_ms == NOW_MS);
    OK(record_binding_list(f->record, STR(""), 10, see_binding, names, &why));
    OK(record_binding_list(f->record, STR("a"), 10, see_binding, names, &why));
    OK(record_binding_list(f->record, STR(""), 1, see_binding, names, &why));
    assert_string_equal(names, "abba");
    OK(record_binding_drop(f->record, STR("b"), &why));
    assert_int_equal(record_binding_drop(f->record, STR("b"), NULL), TIDINGS_E_NOT_FOUND);
    assert_int_equal(record_binding_get(f->record, STR("b"), &f->room, &read, NULL),
                     TIDINGS_E_NOT_FOUND);
    OK(record_commit(f->record, &why));
}

// ---- jobs ----
static void add_told(void *arg, int64_t receiver_id, int64_t count)
{
    int64_t *told = arg;
    assert_true(receiver_id > 0 && receiver_id < 3);
    told[receiver_id] += count;
}

static struct record_job run_job(struct fixture *f, struct record_filter filter, size_t max,
                                 int64_t told[3])
{
    struct record_job job = { .filter = filter };
    OK(record_begin(f->record, &why));
    OK(record_job_new(f->record, &job, &why));
    OK(record_commit(f->record, &why));
    for (int i = 0; i < 2 * MANY && job.state == RECORD_JOB_RUNNING; i++) {
        OK(record_begin(f->record, &why));
        OK(record_job_step(f->record, job.id, max, &f->room, &job, add_told, told, &why));
        OK(record_commit(f->record, &why));
    }
    assert_int_equal(job.state, RECORD_JOB_DONE);
    return job;
}

static void a_job_redelivers_what_fits(void **state)
{
    struct fixture *f = *state;
    int64_t ids[MANY];
    int64_t told[3] = { 0 };
    int64_t other = second_receiver(f);
    fill(f, other, ids);
    struct record_job job = run_job(f, (struct record_filter){ .state = RECORD_DEAD }, 3, told);
    assert_true(job.looked == 8 && job.redelivered == 8 && job.refused == 0);
    assert_true(told[f->receiver] > 0 && told[f->receiver] + told[other] == 8);
    assert_int_equal(count_of(f, (struct record_filter){ .state = RECORD_DEAD }), 0);
    struct record_notification got = get(f, ids[1]);
    assert_true(got.state == RECORD_WAITING && got.due_ms == f->clock.wall_ms);
    assert_true(got.ladder_id == f->ladder); // as it had
    assert_int_equal(attempts_of(f, ids[1]), 1);
    struct record_filter rest = { .receiver_id = other, .type = STR("odd") };
    job = run_job(f, rest, 100, told);
    assert_int_equal(job.looked, MANY);   // delivered, dead and cancelled ones among all
    assert_int_equal(job.redelivered, 2); // 3 and 23, cancelled; the dead ones wait again
    assert_true(str_eq(job.filter.type, STR("odd")) && job.filter.source.ptr == NULL);
    struct record_job read;
    OK(record_job_get(f->record, job.id, &f->room, &read, &why));
    assert_true(read.id == 2 && read.state == RECORD_JOB_DONE && read.redelivered == 2 &&
                read.looked == MANY && read.filter.receiver_id == other &&
                read.created_ms == f->clock.wall_ms);
    assert_int_equal(record_job_get(f->record, 99, &f->room, &read, NULL), TIDINGS_E_NOT_FOUND);
}

static void see_job(void *arg, const struct record_job *job)
{
    int64_t *sum = arg;
    *sum = 10 * *sum + job->id;
}

static void jobs_end_before_what_came_later_and_can_be_cancelled(void **state)
{
    struct fixture *f = *state;
    int64_t told[3] = { 0 };
    int64_t listed = 0;
    struct record_job job = { .filter = { .tx_no = STR("tx") } };
    struct record_claimed early = accept_for(f, f->receiver, "early", "tx", true);
    assert_int_equal(settle_as(f, &early, RECORD_END), TIDINGS_OK);
    OK(record_begin(f->record, &why));
    OK(record_job_new(f->record, &job, &why));
    OK(record_commit(f->record, &why));
    struct record_claimed late = accept_for(f, f->receiver, "late", "tx", true);
    assert_int_equal(settle_as(f, &late, RECORD_END), TIDINGS_OK);
    record_close(f->record); // it goes on where it was
    f->record = open_record(f, 0);
    OK(record_begin(f->record, &why));
    OK(record_job_step(f->record, job.id, 10, &f->room, &job, add_told, told, &why));
    OK(record_commit(f->record, &why));
    assert_true(job.state == RECORD_JOB_DONE && job.redelivered == 1);
    assert_int_equal(get(f, early.id).state, RECORD_WAITING);
    assert_int_equal(get(f, late.id).state, RECORD_DEAD);

    struct record_job second = { .filter = { .state = RECORD_DEAD } };
    OK(record_begin(f->record, &why));
    OK(record_job_new(f->record, &second, &why));
    OK(record_job_cancel(f->record, second.id, &why));
    assert_int_equal(record_job_cancel(f->record, second.id, NULL), TIDINGS_E_STATE);
    assert_int_equal(record_job_cancel(f->record, 99, NULL), TIDINGS_E_NOT_FOUND);
    OK(record_job_step(f->record, second.id, 10, &f->room, &second, add_told, told, &why));
    assert_true(second.state == RECORD_JOB_CANCELLED && second.looked == 0);
    struct record_job bad = { .filter = { .state = RECORD_WAITING } };
    assert_int_equal(record_job_new(f->record, &bad, NULL), TIDINGS_E_INVALID);
    OK(record_job_list(f->record, 0, 10, see_job, &listed, &why));
    OK(record_job_list(f->record, 2, 10, see_job, &listed, &why));
    OK(record_commit(f->record, &why));
    assert_int_equal(listed, 211); // the newest first
    assert_int_equal(get(f, late.id).state, RECORD_DEAD);
}

// ---- a second connection that reads ----
static struct record *open_reader(struct fixture *f)
{
    struct record *record = NULL;
    const struct record_options options = { .clock = &f->clock.clock, .read_only = true };
    OK(record_open(f->url, &options, &record, &why));
    return record;
}

static void a_reader_sees_one_state_and_locks_nobody_out(void **state)
{
    struct fixture *f = *state;
    struct record_notification got;
    struct record_accepted accepted;
    struct record *reader = open_reader(f);
    const struct record_target target = { f->receiver, f->ladder, NOW_MS, 0 };
    const struct record_submission submission = submission_of("x", STR("p"), &target, 1);
    int64_t first = accept_text(f, "tx1", "p").id;
    OK(record_begin(reader, &why));
    OK(record_get(reader, first, &f->room, &got, &why));
    int64_t second = accept_text(f, "tx2", "p").id; // while it reads
    struct record_claimed claimed = claim_one(f);
    assert_true(claimed.id == first);
    OK(record_get(reader, first, &f->room, &got, &why));
    assert_int_equal(got.state, RECORD_WAITING);
    assert_int_equal(record_get(reader, second, &f->room, &got, NULL), TIDINGS_E_NOT_FOUND);
    OK(record_commit(reader, &why));
    OK(record_begin(reader, &why));
    OK(record_get(reader, second, &f->room, &got, &why));
    OK(record_get(reader, first, &f->room, &got, &why));
    assert_int_equal(got.state, RECORD_DELIVERING);
    assert_int_equal(record_accept(reader, &submission, &accepted, NULL), TIDINGS_E_PERMISSION);
    record_rollback(reader);
    OK(record_maintain(reader, &why));
    record_close(reader);
    assert_int_equal(rows_of(f, "notification"), 2);
}

static void a_reader_wants_the_tables_to_be_there(void **state)
{
    struct fixture *f = *state;
    struct tidings_error err = { 0 };
    struct record *record = NULL;
    const struct record_options options = { .read_only = true };
    record_close(f->record);
    f->record = NULL;
    each_empty(f->url, f->path);
    assert_true(record_open(f->url, &options, &record, &err) != TIDINGS_OK);
    assert_true(err.text[0] != '\0');
    each_exec(f->url, "CREATE TABLE schema_version (version INTEGER NOT NULL)");
    assert_int_equal(record_open(f->url, &options, &record, &err), TIDINGS_E_STATE);
    assert_non_null(strstr(err.text, "version 0"));
}

// ---- running for each URL ----
static int run_for(const char *url, const char *path)
{
    struct fixture f = { .url = url, .path = path };
#define TEST(name)                                                                                 \
    {                                                                                              \
#name, name, setup, teardown, &f                                                           \
    }
    const struct CMUnitTest tests[] = {
        TEST(lists_hold_what_fits_and_nothing_else),
        TEST(rows_of_lists_tell_where_they_stand),
        TEST(the_backlog_is_counted_by_receiver),
        TEST(keys_that_share_a_slot_stay_apart),
        TEST(a_key_of_a_call_tells_before_from_after),
        TEST(a_key_of_a_call_is_known_for_a_day),
        TEST(bindings_are_changed_by_who_read_them),
        TEST(a_job_redelivers_what_fits),
        TEST(jobs_end_before_what_came_later_and_can_be_cancelled),
        TEST(a_reader_sees_one_state_and_locks_nobody_out),
        TEST(a_reader_wants_the_tables_to_be_there),
    };
#undef TEST
    print_message("%s\n", url);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return each_database("list", run_for);
}
