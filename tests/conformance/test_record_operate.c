// SPDX-License-Identifier: Apache-2.0
// What operators, receivers and retention ask of the record on every database: run on an SQLite
// file, and on each URL in TIDINGS_DB_URLS (scripts/databases). The tests make and drop the
// record's tables.
#include "record_fixture.h"

// ---- operate ----
static void what_is_finished_can_be_redelivered(void **state)
{
    struct fixture *f = *state;
    struct tidings_error err = { 0 };
    int64_t id = accept_text(f, "tx1", "p").id;
    int64_t ladder = 0;
    assert_int_equal(record_redeliver(f->record, id, f->ladder, NOW_MS, &err), TIDINGS_E_STATE);
    assert_non_null(strstr(err.text, "waiting"));
    assert_int_equal(record_redeliver(f->record, id + 1, f->ladder, NOW_MS, &err),
                     TIDINGS_E_NOT_FOUND);
    struct record_claimed claimed = claim_one(f);
    assert_int_equal(settle_as(f, &claimed, RECORD_END), TIDINGS_OK);
    OK(record_begin(f->record, &why));
    OK(record_ladder_put(f->record, STR("1s"), &ladder, &why));
    OK(record_redeliver(f->record, id, ladder, NOW_MS, &why));
    OK(record_commit(f->record, &why));
    assert_int_equal(rows_of(f, "dead_letter"), 0);
    assert_int_equal(rows_of(f, "archive"), 0);
    assert_int_equal(get(f, id).attempts, 1);
    claimed = claim_one(f);
    assert_int_equal(claimed.attempts, 0); // of this course
    assert_int_equal(claimed.earlier, 1);
    assert_true(claimed.ladder_id == ladder && claimed.first_ms == 0);
    assert_int_equal(settle_as(f, &claimed, RECORD_RETRY), TIDINGS_OK);
    clock_manual_advance_ms(&f->clock, 60000);
    claimed = claim_one(f);
    assert_int_equal(claimed.attempts, 1);
    assert_int_equal(settle_as(f, &claimed, RECORD_TAKEN), TIDINGS_OK);
    assert_int_equal(get(f, id).state, RECORD_DELIVERED);
    assert_int_equal(get(f, id).attempts, 3);
    assert_int_equal(attempts_of(f, id), 3);
}

static void what_waits_can_be_cancelled(void **state)
{
    struct fixture *f = *state;
    struct tidings_error err = { 0 };
    int64_t id = accept_text(f, "tx1", "p").id;
    struct record_claimed claimed = claim_one(f);
    OK(record_begin(f->record, &why));
    assert_int_equal(record_cancel(f->record, id, &err), TIDINGS_E_STATE); // on its way
    assert_int_equal(record_cancel(f->record, id + 1, &err), TIDINGS_E_NOT_FOUND);
    OK(record_commit(f->record, &why));
    assert_int_equal(settle_as(f, &claimed, RECORD_RETRY), TIDINGS_OK);
    OK(record_begin(f->record, &why));
    OK(record_cancel(f->record, id, &why));
    assert_int_equal(record_cancel(f->record, id, &err), TIDINGS_E_STATE);
    OK(record_commit(f->record, &why));
    clock_manual_advance_ms(&f->clock, 60000);
    assert_int_equal(claim(f, f->record, &claimed, 1), 0);
    struct record_notification got = get(f, id);
    assert_int_equal(got.state, RECORD_CANCELLED);
    assert_int_equal(got.reason, RECORD_REASON_OPERATOR);
    assert_int_equal(got.attempts, 1);
    assert_true(got.receiver_id == f->receiver);
}

static void retention_forgets_what_is_finished(void **state)
{
    struct fixture *f = *state;
    struct record_claimed claimed[5];
    for (int i = 0; i < 5; i++) {
        char tx_no[8];
        (void)snprintf(tx_no, sizeof tx_no, "tx%d", i);
        (void)accept_text(f, tx_no, "p");
    }
    assert_int_equal(claim(f, f->record, claimed, 4), 4); // the fifth goes on waiting
    assert_int_equal(settle_as(f, &claimed[0], RECORD_TAKEN), TIDINGS_OK);
    assert_int_equal(settle_as(f, &claimed[1], RECORD_END), TIDINGS_OK);
    assert_int_equal(settle_as(f, &claimed[2], RECORD_RETRY), TIDINGS_OK);
    clock_manual_advance_ms(&f->clock, 1000);
    int64_t later = accept_text(f, "later", "p").id;
    purge_all(f, NOW_MS, 0);
    purge_all(f, NOW_MS + 1000, 2);
    assert_int_equal(rows_of(f, "notification"), 4);
    assert_int_equal(keys_of(f), 4);
    assert_int_equal(rows_of(f, "archive"), 0);
    assert_int_equal(rows_of(f, "dead_letter"), 0);
    assert_int_equal(rows_of(f, "attempt"), 1);
    assert_int_equal(get(f, later).state, RECORD_WAITING);
    struct record_notification got;
    assert_int_equal(record_get(f->record, claimed[0].id, &f->room, &got, NULL),
                     TIDINGS_E_NOT_FOUND);
    assert_int_equal(accept_text(f, "tx0", "p").answer, RECORD_NEW); // its key is free again
}

static void siblings_are_kept_while_one_of_them_waits(void **state)
{
    struct fixture *f = *state;
    struct record_accepted accepted[2];
    struct record_target targets[2] = { { f->receiver, f->ladder, NOW_MS, 0 } };
    OK(record_begin(f->record, &why));
    targets[1] = (struct record_target){ receiver_named(f, "second"), f->ladder, NOW_MS + 1, 0 };
    const struct record_submission submission = submission_of("tx1", STR("bytes"), targets, 2);
    OK(record_accept(f->record, &submission, accepted, &why));
    OK(record_commit(f->record, &why));
    struct record_claimed claimed = claim_one(f);
    assert_int_equal(settle_as(f, &claimed, RECORD_TAKEN), TIDINGS_OK);
    purge_all(f, NOW_MS + 1000, 0); // the second's bytes lie with the first
    assert_true(str_eq(get(f, accepted[1].id).payload, STR("bytes")));
    OK(record_begin(f->record, &why));
    OK(record_cancel(f->record, accepted[1].id, &why));
    OK(record_commit(f->record, &why));
    purge_all(f, NOW_MS + 1000, 2);
    assert_int_equal(rows_of(f, "notification"), 0);
}

// ---- receivers and ladders ----
static void count_receivers(void *arg, const struct record_receiver *receiver)
{
    assert_true(receiver->name.len > 0 && receiver->version > 0);
    (*(int *)arg)++;
}

static void receivers_are_changed_by_who_read_them(void **state)
{
    struct fixture *f = *state;
    struct record_receiver read;
    int count = 0;
    OK(record_begin(f->record, &why));
    OK(record_receiver_get(f->record, STR("shop"), 0, &f->room, &read, &why));
    assert_true(read.id == f->receiver && read.version == 1 && read.changed_ms == NOW_MS);
    assert_true(str_eq(read.document, STR("{}")));
    struct record_receiver mine = { .version = 1, .name = STR("shop"), .document = STR("{1}") };
    struct record_receiver theirs = mine;
    mine.state = 2;
    OK(record_receiver_put(f->record, &mine, &why));
    assert_int_equal(mine.version, 2);
    assert_int_equal(record_receiver_put(f->record, &theirs, NULL), TIDINGS_E_STATE);
    OK(record_receiver_get(f->record, STR(""), f->receiver, &f->room, &read, &why));
    assert_true(str_eq(read.name, STR("shop")) && str_eq(read.document, STR("{1}")));
    assert_int_equal(read.state, 2);
    struct record_receiver same_name = { .name = STR("shop") };
    assert_int_equal(record_receiver_put(f->record, &same_name, NULL), TIDINGS_E_DUPLICATE);
    struct record_receiver nameless = { .document = STR("{}") };
    assert_int_equal(record_receiver_put(f->record, &nameless, NULL), TIDINGS_E_INVALID);
    assert_int_equal(record_receiver_get(f->record, STR("x"), 0, &f->room, &read, NULL),
                     TIDINGS_E_NOT_FOUND);
    assert_true(receiver_named(f, "second") > f->receiver);
    OK(record_commit(f->record, &why));
    OK(record_receiver_list(f->record, 0, 10, count_receivers, &count, &why));
    OK(record_receiver_list(f->record, f->receiver, 10, count_receivers, &count, &why));
    OK(record_receiver_list(f->record, 0, 1, count_receivers, &count, &why));
    assert_int_equal(count, 2 + 1 + 1);
}

static void a_ladder_keeps_its_text_under_its_number(void **state)
{
    struct fixture *f = *state;
    int64_t again = 0;
    int64_t other = 0;
    OK(record_begin(f->record, &why));
    OK(record_ladder_put(f->record, STR("1m 5m"), &again, &why));
    OK(record_ladder_put(f->record, STR("1m 6m"), &other, &why));
    OK(record_commit(f->record, &why));
    assert_true(again == f->ladder && other != f->ladder);
    buf_clear(&f->room);
    OK(record_ladder_get(f->record, f->ladder, &f->room, &why));
    assert_true(str_eq(buf_str(&f->room), STR("1m 5m")));
    assert_int_equal(record_ladder_get(f->record, 999, &f->room, NULL), TIDINGS_E_NOT_FOUND);
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
        TEST(what_is_finished_can_be_redelivered),
        TEST(what_waits_can_be_cancelled),
        TEST(retention_forgets_what_is_finished),
        TEST(siblings_are_kept_while_one_of_them_waits),
        TEST(receivers_are_changed_by_who_read_them),
        TEST(a_ladder_keeps_its_text_under_its_number),
    };
#undef TEST
    print_message("%s\n", url);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return each_database("operate", run_for);
}
