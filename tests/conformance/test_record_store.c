// SPDX-License-Identifier: Apache-2.0
// What the record has to do on every database: run on an SQLite file, and on each URL in
// TIDINGS_DB_URLS (scripts/databases). The tests make and drop the record's tables.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "db/db.h"
#include "record/record.h"
#include "each_database.h"

enum { NOW = 1700000000, ROOM_MAX = 32 * 1024 * 1024 };
#define NOW_MS (NOW * 1000LL)

struct fixture {
    const char *url;
    const char *path; // of an SQLite file, else NULL
    struct clock_manual clock;
    struct fault fault;
    struct record *record;
    struct buf room;
    int64_t receiver;
    int64_t ladder;
};

// ---- helpers ----
// OK(call(…, &why)): must succeed.
#define OK(call)                                                                                   \
    do {                                                                                           \
        struct tidings_error why = { 0 };                                                          \
        tidings_status ended = (call);                                                             \
        if (ended != TIDINGS_OK) {                                                                 \
            fail_msg("%s: %s", #call, error_text(&why, ended));                                    \
        }                                                                                          \
    } while (0)

static struct record *open_record(struct fixture *f, int node)
{
    struct record *record = NULL;
    const struct record_options options = { .clock = &f->clock.clock,
                                            .node = node,
                                            .fault = &f->fault };
    OK(record_open(f->url, &options, &record, &why));
    return record;
}

static int64_t receiver_named(struct fixture *f, const char *name)
{
    struct record_receiver receiver = { .name = str_of(name), .document = STR("{}") };
    OK(record_receiver_put(f->record, &receiver, &why));
    return receiver.id;
}

static int setup(void **state)
{
    struct fixture *f = *state;
    fault_init(&f->fault);
    clock_manual_init(&f->clock, NOW_MS);
    buf_init(&f->room, ROOM_MAX);
    each_empty(f->url, f->path);
    f->record = open_record(f, 0);
    OK(record_begin(f->record, &why));
    f->receiver = receiver_named(f, "shop");
    OK(record_ladder_put(f->record, STR("1m 5m"), &f->ladder, &why));
    OK(record_commit(f->record, &why));
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    fault_init(&f->fault);
    record_close(f->record);
    buf_deinit(&f->room);
    each_empty(f->url, f->path);
    return 0;
}

static struct record_submission submission_of(const char *tx_no, struct str payload,
                                              const struct record_target *targets, size_t count)
{
    return (struct record_submission){ .source = STR("pay"),
                                       .type = STR("recharge.done"),
                                       .tx_no = str_of(tx_no),
                                       .content_type = STR("application/json"),
                                       .headers = STR("{\"x\":\"y\"}"),
                                       .payload = payload,
                                       .targets = targets,
                                       .target_count = count };
}

// Accepts for the receiver, due now, in a batch of its own.
static struct record_accepted accept_text(struct fixture *f, const char *tx_no, const char *payload)
{
    struct record_accepted accepted = { 0 };
    const struct record_target target = { f->receiver, f->ladder, f->clock.wall_ms, 0 };
    const struct record_submission submission = submission_of(tx_no, str_of(payload), &target, 1);
    OK(record_begin(f->record, &why));
    OK(record_accept(f->record, &submission, &accepted, &why));
    OK(record_commit(f->record, &why));
    return accepted;
}

static size_t claim(struct fixture *f, struct record *record, struct record_claimed *ret,
                    size_t max)
{
    size_t count = 0;
    OK(record_begin(record, &why));
    OK(record_claim(record, f->receiver, f->clock.wall_ms, f->clock.wall_ms + 60000, ret, max,
                    &count, &why));
    OK(record_commit(record, &why));
    return count;
}

static struct record_claimed claim_one(struct fixture *f)
{
    struct record_claimed claimed = { 0 };
    assert_int_equal(claim(f, f->record, &claimed, 1), 1);
    return claimed;
}

static struct record_outcome outcome_of(struct fixture *f, const struct record_claimed *claimed,
                                        enum record_event event)
{
    return (struct record_outcome){
        .id = claimed->id,
        .epoch = claimed->epoch,
        .receiver_id = f->receiver,
        .ladder_id = claimed->ladder_id,
        .first_ms = claimed->first_ms != 0 ? claimed->first_ms : f->clock.wall_ms,
        .event = event,
        .due_ms = f->clock.wall_ms + 60000,
        .earlier = claimed->earlier,
        .attempt = { .number = claimed->earlier + claimed->attempts + 1,
                     .begun_ms = f->clock.wall_ms,
                     .dns_us = -1,
                     .connect_us = 120,
                     .tls_us = -1,
                     .first_byte_us = 900,
                     .total_us = 1000,
                     .http_status = 200,
                     .error_class = 0 },
    };
}

static tidings_status settle(struct fixture *f, const struct record_outcome *outcome)
{
    OK(record_begin(f->record, &why));
    tidings_status status = record_settle(f->record, outcome, NULL);
    OK(record_commit(f->record, &why)); // also after E_STATE: the batch goes on
    return status;
}

static tidings_status settle_as(struct fixture *f, const struct record_claimed *claimed,
                                enum record_event event)
{
    struct record_outcome outcome = outcome_of(f, claimed, event);
    outcome.reason = event == RECORD_END ? RECORD_REASON_LADDER : RECORD_REASON_NONE;
    return settle(f, &outcome);
}

static struct record_notification get(struct fixture *f, int64_t id)
{
    struct record_notification notification;
    OK(record_get(f->record, id, &f->room, &notification, &why));
    return notification;
}

static int64_t rows_of(struct fixture *f, const char *table)
{
    char sql[64];
    struct db *db = NULL;
    struct db_stmt *stmt = NULL;
    (void)snprintf(sql, sizeof sql, "SELECT COUNT(*) FROM %s", table);
    OK(db_open(f->url, &(struct db_options){ .sync = DB_SYNC_NORMAL }, &db, &why));
    OK(db_prepare(db, sql, &stmt, &why));
    OK(db_step(stmt, &why));
    int64_t count = db_column_i64(stmt, 0);
    db_close(db);
    return count;
}

// ---- accept ----
static void a_submission_is_accepted_once(void **state)
{
    struct fixture *f = *state;
    struct record_accepted first = accept_text(f, "tx1", "{\"amount\":100}");
    assert_int_equal(first.answer, RECORD_NEW);
    struct record_accepted again = accept_text(f, "tx1", "{\"amount\":100}");
    assert_int_equal(again.answer, RECORD_SAME);
    assert_true(again.id == first.id);
    struct record_accepted other = accept_text(f, "tx1", "{\"amount\":999}");
    assert_int_equal(other.answer, RECORD_CONFLICT);
    assert_true(other.id == first.id);
    assert_memory_equal(other.hash, first.hash, RECORD_HASH_SIZE); // of what is stored
    assert_int_equal(accept_text(f, "tx2", "{\"amount\":100}").answer, RECORD_NEW);
    assert_int_equal(rows_of(f, "notification"), 2);
    assert_int_equal(rows_of(f, "pending"), 2);
}

static void the_key_is_all_four_parts(void **state)
{
    struct fixture *f = *state;
    struct record_accepted accepted;
    const struct record_target target = { f->receiver, f->ladder, NOW_MS, 0 };
    // The same letters, cut otherwise.
    static const char *const parts[][3] = {
        { "ab", "c", "d" }, { "a", "bc", "d" }, { "a", "b", "cd" }, { "ab", "c", "D" }
    };
    OK(record_begin(f->record, &why));
    for (size_t i = 0; i < BASE_COUNT(parts); i++) {
        struct record_submission submission = submission_of(parts[i][2], STR("x"), &target, 1);
        submission.source = str_of(parts[i][0]);
        submission.type = str_of(parts[i][1]);
        OK(record_accept(f->record, &submission, &accepted, &why));
        assert_int_equal(accepted.answer, RECORD_NEW);
    }
    int64_t id = 0;
    OK(record_find(f->record, f->receiver, STR("ab"), STR("c"), STR("D"), &id, &why));
    assert_true(id == accepted.id);
    assert_int_equal(record_find(f->record, f->receiver, STR("ab"), STR("c"), STR("x"), &id, NULL),
                     TIDINGS_E_NOT_FOUND);
    assert_int_equal(
        record_find(f->record, f->receiver + 1, STR("ab"), STR("c"), STR("D"), &id, NULL),
        TIDINGS_E_NOT_FOUND);
    OK(record_commit(f->record, &why));
}

static void bytes_come_back_as_they_were(void **state)
{
    struct fixture *f = *state;
    static const char bytes[] = { 0, (char)255, '\n', '\'', '"', 0, 'x', (char)0xc3 };
    const struct str payloads[] = { str_make(bytes, sizeof bytes), STR(""), { NULL, 0 } };
    static const char *const names[] = { "bytes", "empty", "none" };
    for (size_t i = 0; i < BASE_COUNT(payloads); i++) {
        struct record_accepted accepted;
        const struct record_target target = { f->receiver, f->ladder, NOW_MS, 0 };
        const struct record_submission submission =
            submission_of(names[i], payloads[i], &target, 1);
        OK(record_begin(f->record, &why));
        OK(record_accept(f->record, &submission, &accepted, &why));
        OK(record_commit(f->record, &why));
        struct record_notification got = get(f, accepted.id);
        assert_true(str_eq(got.payload, payloads[i]));
        assert_true(str_eq(got.tx_no, str_of(names[i])));
        assert_true(str_eq(got.source, STR("pay")));
        assert_true(str_eq(got.type, STR("recharge.done")));
        assert_true(str_eq(got.content_type, STR("application/json")));
        assert_true(str_eq(got.headers, STR("{\"x\":\"y\"}")));
        assert_memory_equal(got.hash, accepted.hash, RECORD_HASH_SIZE);
        assert_int_equal(got.state, RECORD_WAITING);
        assert_true(got.receiver_id == f->receiver && got.ladder_id == f->ladder);
        assert_true(got.due_ms == NOW_MS && got.accepted_ms == NOW_MS);
        assert_int_equal(got.attempts, 0);
    }
}

static void the_hash_is_sha256(void **state)
{
    struct fixture *f = *state;
    // FIPS 180-4, the digest of "abc".
    static const unsigned char abc[] = { 0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea,
                                         0x41, 0x41, 0x40, 0xde, 0x5d, 0xae, 0x22, 0x23,
                                         0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17, 0x7a, 0x9c,
                                         0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00, 0x15, 0xad };
    assert_memory_equal(accept_text(f, "tx1", "abc").hash, abc, sizeof abc);
}

static void several_receivers_share_the_bytes(void **state)
{
    struct fixture *f = *state;
    struct record_accepted accepted[3];
    struct record_target targets[3] = { { f->receiver, f->ladder, NOW_MS, 0 } };
    (void)accept_text(f, "tx1", "all"); // one of them has it before
    OK(record_begin(f->record, &why));
    for (size_t i = 1; i < 3; i++) {
        targets[i] = targets[0];
        targets[i].receiver_id = receiver_named(f, i == 1 ? "second" : "third");
    }
    const struct record_submission submission = submission_of("tx1", STR("all"), targets, 3);
    OK(record_accept(f->record, &submission, accepted, &why));
    OK(record_commit(f->record, &why));
    assert_int_equal(accepted[0].answer, RECORD_SAME);
    for (size_t i = 1; i < 3; i++) {
        assert_int_equal(accepted[i].answer, RECORD_NEW);
        struct record_notification got = get(f, accepted[i].id);
        assert_true(str_eq(got.payload, STR("all")));
        assert_true(str_eq(got.tx_no, STR("tx1")));
        assert_true(got.receiver_id == targets[i].receiver_id);
    }
    assert_true(accepted[1].id < accepted[2].id);
}

static void bad_submissions_are_refused_and_the_batch_goes_on(void **state)
{
    struct fixture *f = *state;
    char long_text[RECORD_NAME_MAX + 2];
    struct record_accepted accepted;
    struct tidings_error err = { 0 };
    const struct record_target target = { f->receiver, f->ladder, NOW_MS, 0 };
    memset(long_text, 'x', sizeof long_text - 1);
    long_text[sizeof long_text - 1] = '\0';
    struct record_submission bad[8];
    for (size_t i = 0; i < BASE_COUNT(bad); i++) {
        bad[i] = submission_of("tx", STR("p"), &target, 1);
    }
    bad[0].source = STR("");
    bad[1].type = str_of(long_text);
    bad[2].tx_no = STR("a\0b");
    bad[3].tx_no = STR("\xff\xfe");
    bad[4].target_count = 0;
    bad[5].headers = str_make(long_text, RECORD_HEADERS_MAX + 1);
    bad[6].payload = str_make(long_text, RECORD_PAYLOAD_MAX + 1);
    bad[7].content_type = STR("a\xc3");
    OK(record_begin(f->record, &why));
    for (size_t i = 0; i < BASE_COUNT(bad); i++) {
        tidings_status status = record_accept(f->record, &bad[i], &accepted, &err);
        assert_true(status == TIDINGS_E_INVALID || status == TIDINGS_E_TOO_LARGE);
        assert_true(err.text[0] != '\0');
    }
    struct record_submission good = submission_of("tx", STR("p"), &target, 1);
    long_text[RECORD_NAME_MAX] = '\0';
    good.type = str_of(long_text); // the longest
    OK(record_accept(f->record, &good, &accepted, &why));
    OK(record_commit(f->record, &why));
    assert_int_equal(rows_of(f, "notification"), 1);
    assert_int_equal(rows_of(f, "dedup"), 1);
}

// ---- deliver ----
static void the_course_of_one_that_is_taken(void **state)
{
    struct fixture *f = *state;
    int64_t id = accept_text(f, "tx1", "p").id;
    struct record_claimed claimed = claim_one(f);
    assert_true(claimed.id == id && claimed.due_ms == NOW_MS);
    assert_int_equal(claimed.attempts, 0);
    assert_false(claimed.taken_over);
    assert_int_equal(get(f, id).state, RECORD_DELIVERING);
    assert_int_equal(settle_as(f, &claimed, RECORD_TAKEN), TIDINGS_OK);
    struct record_notification got = get(f, id);
    assert_int_equal(got.state, RECORD_DELIVERED);
    assert_int_equal(got.attempts, 1);
    assert_true(got.first_ms == NOW_MS && got.finished_ms == NOW_MS);
    assert_true(got.ladder_id == f->ladder);
    assert_int_equal(rows_of(f, "pending"), 0);
    assert_int_equal(rows_of(f, "dead_letter"), 0);
    assert_int_equal(claim(f, f->record, &claimed, 1), 0);
    // Its key stays: a second submission answers with the first.
    assert_int_equal(accept_text(f, "tx1", "p").answer, RECORD_SAME);
}

static void count_dead(void *arg, int64_t id, enum record_reason reason)
{
    int64_t *counted = arg;
    assert_int_equal(reason, RECORD_REASON_LADDER);
    assert_true(id > 0);
    (*counted)++;
}

static void a_ladder_is_climbed_to_its_end(void **state)
{
    struct fixture *f = *state;
    int64_t id = accept_text(f, "tx1", "p").id;
    int64_t dead = 0;
    for (int i = 0; i < 2; i++) {
        struct record_claimed claimed = claim_one(f);
        assert_int_equal(claimed.attempts, i);
        assert_true(claimed.first_ms == (i == 0 ? 0 : NOW_MS));
        assert_int_equal(settle_as(f, &claimed, RECORD_RETRY), TIDINGS_OK);
        struct record_notification got = get(f, id);
        assert_int_equal(got.state, RECORD_WAITING);
        assert_int_equal(got.attempts, i + 1);
        assert_true(got.due_ms == f->clock.wall_ms + 60000 && got.first_ms == NOW_MS);
        clock_manual_advance_ms(&f->clock, 59999);
        assert_int_equal(claim(f, f->record, &claimed, 1), 0); // not a millisecond early
        clock_manual_advance_ms(&f->clock, 1);
    }
    struct record_claimed last = claim_one(f);
    assert_int_equal(settle_as(f, &last, RECORD_END), TIDINGS_OK);
    struct record_notification got = get(f, id);
    assert_int_equal(got.state, RECORD_DEAD);
    assert_int_equal(got.reason, RECORD_REASON_LADDER);
    assert_int_equal(got.attempts, 3);
    OK(record_dead(f->record, f->receiver, 0, 10, count_dead, &dead, &why));
    OK(record_dead(f->record, 0, 0, 10, count_dead, &dead, &why));
    OK(record_dead(f->record, f->receiver, id, 10, count_dead, &dead, &why));
    OK(record_dead(f->record, f->receiver + 1, 0, 10, count_dead, &dead, &why));
    assert_int_equal(dead, 2);
}

static void a_lease_that_ended_is_taken_over_and_fences_the_first(void **state)
{
    struct fixture *f = *state;
    int64_t id = accept_text(f, "tx1", "p").id;
    struct record_claimed first = claim_one(f);
    struct record_claimed second = { 0 };
    assert_int_equal(claim(f, f->record, &second, 1), 0);
    clock_manual_advance_ms(&f->clock, 60000);
    struct record *other = open_record(f, 1);
    assert_int_equal(claim(f, other, &second, 1), 1);
    assert_true(second.id == id && second.taken_over && second.epoch > first.epoch);
    assert_int_equal(second.attempts, 0);
    assert_int_equal(settle_as(f, &first, RECORD_TAKEN), TIDINGS_E_STATE);
    assert_int_equal(record_renew(f->record, id, first.epoch, NOW_MS, NULL), TIDINGS_E_STATE);
    assert_int_equal(rows_of(f, "attempt"), 0); // nothing of it was written
    assert_int_equal(get(f, id).state, RECORD_DELIVERING);
    assert_int_equal(settle_as(f, &second, RECORD_TAKEN), TIDINGS_OK);
    assert_int_equal(settle_as(f, &second, RECORD_TAKEN), TIDINGS_E_STATE);
    assert_int_equal(rows_of(f, "attempt"), 1);
    record_close(other);
}

static void leases_from_the_start_renewed_and_given_back(void **state)
{
    struct fixture *f = *state;
    struct record_accepted accepted;
    struct record_claimed claimed;
    const struct record_target target = { f->receiver, f->ladder, NOW_MS, NOW_MS + 1000 };
    const struct record_submission submission = submission_of("tx1", STR("p"), &target, 1);
    OK(record_begin(f->record, &why));
    OK(record_accept(f->record, &submission, &accepted, &why));
    OK(record_commit(f->record, &why));
    assert_int_equal(claim(f, f->record, &claimed, 1), 0);
    OK(record_begin(f->record, &why));
    OK(record_renew(f->record, accepted.id, accepted.epoch, NOW_MS + 5000, &why));
    OK(record_commit(f->record, &why));
    clock_manual_advance_ms(&f->clock, 4999);
    assert_int_equal(claim(f, f->record, &claimed, 1), 0);
    claimed = (struct record_claimed){ .id = accepted.id, .epoch = accepted.epoch };
    struct record_outcome back = outcome_of(f, &claimed, RECORD_RELEASE);
    back.due_ms = f->clock.wall_ms;
    assert_int_equal(settle(f, &back), TIDINGS_OK);
    assert_int_equal(settle(f, &back), TIDINGS_E_STATE);
    claimed = claim_one(f);
    assert_int_equal(claimed.attempts, 0); // given back untried
    assert_true(claimed.epoch > accepted.epoch);
    assert_int_equal(rows_of(f, "attempt"), 0);
}

static void claims_are_by_receiver_in_order_of_time(void **state)
{
    struct fixture *f = *state;
    struct record_claimed claimed[8];
    struct record_accepted accepted;
    int64_t next = 0;
    static const int offsets[] = { 300, 100, 200, 5000 };
    OK(record_begin(f->record, &why));
    int64_t other = receiver_named(f, "other");
    for (size_t i = 0; i < BASE_COUNT(offsets); i++) {
        char tx_no[8];
        (void)snprintf(tx_no, sizeof tx_no, "tx%zu", i);
        const struct record_target target = { f->receiver, f->ladder, NOW_MS + offsets[i], 0 };
        const struct record_submission submission = submission_of(tx_no, STR("p"), &target, 1);
        OK(record_accept(f->record, &submission, &accepted, &why));
    }
    OK(record_next_due(f->record, f->receiver, &next, &why));
    assert_true(next == NOW_MS + 100);
    OK(record_next_due(f->record, other, &next, &why));
    assert_true(next == INT64_MAX);
    OK(record_commit(f->record, &why));
    clock_manual_advance_ms(&f->clock, 1000);
    assert_int_equal(claim(f, f->record, claimed, 2), 2);
    assert_true(claimed[0].due_ms == NOW_MS + 100 && claimed[1].due_ms == NOW_MS + 200);
    assert_int_equal(claim(f, f->record, claimed, 8), 1);
    assert_true(claimed[0].due_ms == NOW_MS + 300);
}

static void compare_attempt(void *arg, const struct record_attempt *got)
{
    const struct record_attempt *wanted = *(const struct record_attempt *const *)arg;
    assert_int_equal(got->number, wanted->number);
    assert_true(got->begun_ms == wanted->begun_ms && got->next_due_ms == wanted->next_due_ms);
    assert_int_equal(got->dns_us, wanted->dns_us);
    assert_int_equal(got->connect_us, wanted->connect_us);
    assert_int_equal(got->tls_us, wanted->tls_us);
    assert_int_equal(got->first_byte_us, wanted->first_byte_us);
    assert_int_equal(got->total_us, wanted->total_us);
    assert_int_equal(got->http_status, wanted->http_status);
    assert_int_equal(got->error_class, wanted->error_class);
    assert_true(str_eq(got->error, wanted->error) && str_eq(got->reply, wanted->reply));
    (*(const struct record_attempt **)arg)++;
}

static void every_attempt_is_on_record(void **state)
{
    struct fixture *f = *state;
    int64_t id = accept_text(f, "tx1", "p").id;
    struct record_attempt made[2];
    for (int i = 0; i < 2; i++) {
        struct record_claimed claimed = claim_one(f);
        struct record_outcome outcome =
            outcome_of(f, &claimed, i == 0 ? RECORD_RETRY : RECORD_TAKEN);
        outcome.attempt.http_status = i == 0 ? 0 : 204;
        outcome.attempt.error_class = i == 0 ? 7 : 0;
        outcome.attempt.error = i == 0 ? STR("connection refused") : STR("");
        outcome.attempt.reply = i == 0 ? STR("") : STR("su\0cc\xff");
        outcome.attempt.next_due_ms = i == 0 ? outcome.due_ms : 0;
        assert_int_equal(settle(f, &outcome), TIDINGS_OK);
        made[i] = outcome.attempt;
        clock_manual_advance_ms(&f->clock, 60000);
    }
    const struct record_attempt *at = made;
    OK(record_attempts(f->record, id, 0, 10, compare_attempt, &at, &why));
    assert_ptr_equal(at, made + 2);
    at = made + 1;
    OK(record_attempts(f->record, id, 1, 10, compare_attempt, &at, &why));
    assert_ptr_equal(at, made + 2);
    at = made;
    OK(record_attempts(f->record, id, 0, 1, compare_attempt, &at, &why));
    assert_ptr_equal(at, made + 1);
}

static void outcomes_that_cannot_be_are_refused(void **state)
{
    struct fixture *f = *state;
    static char reply[RECORD_REPLY_MAX + 1];
    int64_t id = accept_text(f, "tx1", "p").id;
    struct record_claimed claimed = claim_one(f);
    static const enum record_event events[] = { RECORD_CLAIM, RECORD_CANCEL, RECORD_REDELIVER };
    for (size_t i = 0; i < BASE_COUNT(events); i++) {
        assert_int_equal(settle_as(f, &claimed, events[i]), TIDINGS_E_INVALID);
    }
    struct record_outcome outcome = outcome_of(f, &claimed, RECORD_TAKEN);
    outcome.attempt.reply = str_make(reply, sizeof reply);
    assert_int_equal(settle(f, &outcome), TIDINGS_E_TOO_LARGE);
    outcome = outcome_of(f, &claimed, RECORD_TAKEN);
    outcome.attempt.error = STR("\xff");
    assert_int_equal(settle(f, &outcome), TIDINGS_E_INVALID);
    assert_int_equal(get(f, id).state, RECORD_DELIVERING);
    outcome.attempt.error = STR("");
    outcome.attempt.reply = str_make(reply, RECORD_REPLY_MAX);
    assert_int_equal(settle(f, &outcome), TIDINGS_OK);
}

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
    assert_int_equal(rows_of(f, "attempt"), 3);
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

static void purge_all(struct fixture *f, int64_t before_ms, int64_t wanted)
{
    int64_t cursor = 0;
    int64_t removed = 0;
    int64_t total = 0;
    int rounds = 0;
    do {
        OK(record_begin(f->record, &why));
        OK(record_purge(f->record, before_ms, 2, &cursor, &removed, &why));
        OK(record_commit(f->record, &why));
        total += removed;
    } while (cursor != 0 && ++rounds < 100);
    assert_int_equal(total, wanted);
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
    assert_int_equal(rows_of(f, "dedup"), 4);
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

// ---- durability, faults, several at once ----
static void a_batch_is_whole(void **state)
{
    struct fixture *f = *state;
    struct record_accepted accepted;
    const struct record_target target = { f->receiver, f->ladder, NOW_MS, 0 };
    const struct record_submission submission = submission_of("tx1", STR("p"), &target, 1);
    OK(record_begin(f->record, &why));
    OK(record_accept(f->record, &submission, &accepted, &why));
    record_rollback(f->record);
    static const char *const tables[] = { "notification", "dedup", "pending" };
    for (size_t i = 0; i < BASE_COUNT(tables); i++) {
        assert_int_equal(rows_of(f, tables[i]), 0);
    }
    assert_int_equal(accept_text(f, "tx1", "p").answer, RECORD_NEW);
}

// The n-th statement fails, for every n until none does: nothing of the batch is left, and it can
// be done again.
static void any_statement_may_fail(void **state)
{
    struct fixture *f = *state;
    bool failed = true;
    int n = 1;
    for (; failed && n < 100; n++) {
        char spec[32];
        char tx_no[16];
        struct record_accepted accepted;
        struct record_claimed claimed = { 0 };
        size_t count = 0;
        int64_t before = rows_of(f, "notification");
        const struct record_target target = { f->receiver, f->ladder, NOW_MS, 0 };
        (void)snprintf(tx_no, sizeof tx_no, "tx%d", n);
        (void)snprintf(spec, sizeof spec, "db.step:%d", n);
        const struct record_submission submission = submission_of(tx_no, STR("p"), &target, 1);
        OK(record_begin(f->record, &why));
        OK(fault_parse(&f->fault, spec, &why));
        tidings_status status = record_accept(f->record, &submission, &accepted, NULL);
        if (status == TIDINGS_OK) {
            status =
                record_claim(f->record, f->receiver, NOW_MS, NOW_MS + 1, &claimed, 1, &count, NULL);
        }
        if (status == TIDINGS_OK) {
            assert_int_equal(count, 1);
            struct record_outcome outcome = outcome_of(f, &claimed, RECORD_END);
            status = record_settle(f->record, &outcome, NULL);
        }
        failed = status != TIDINGS_OK;
        fault_init(&f->fault);
        if (failed) {
            assert_int_equal(status, TIDINGS_E_IO);
            record_rollback(f->record);
            assert_int_equal(rows_of(f, "notification"), before);
            assert_int_equal(rows_of(f, "attempt"), 0);
        } else {
            OK(record_commit(f->record, &why));
        }
    }
    assert_true(n > 8 && n < 100);
    assert_int_equal(rows_of(f, "dead_letter"), 1);
}

static void what_was_committed_is_there_after_opening_again(void **state)
{
    struct fixture *f = *state;
    int64_t first = accept_text(f, "tx1", "p").id;
    record_close(f->record);
    clock_manual_init(&f->clock, NOW_MS - 5000); // the clock went back
    f->record = open_record(f, 0);
    assert_int_equal(accept_text(f, "tx1", "p").answer, RECORD_SAME);
    struct record_accepted second = accept_text(f, "tx2", "p");
    assert_int_equal(second.answer, RECORD_NEW);
    assert_true(second.id > first); // ids go on in order
    assert_int_equal(get(f, first).state, RECORD_WAITING);
}

enum { THREADS = 3, KEYS = 40 };

struct racer {
    struct fixture *f;
    struct record *record;
    int64_t ids[KEYS];
    int made;
    bool failed;
    pthread_t thread;
};

static void *race(void *arg)
{
    struct racer *racer = arg;
    const struct record_target target = { racer->f->receiver, racer->f->ladder, NOW_MS, 0 };
    for (int i = 0; i < KEYS && !racer->failed; i++) {
        char tx_no[16];
        struct record_accepted accepted = { 0 };
        (void)snprintf(tx_no, sizeof tx_no, "race%d", i);
        const struct record_submission submission = submission_of(tx_no, STR("p"), &target, 1);
        racer->failed = record_begin(racer->record, NULL) != TIDINGS_OK ||
                        record_accept(racer->record, &submission, &accepted, NULL) != TIDINGS_OK ||
                        record_commit(racer->record, NULL) != TIDINGS_OK;
        racer->ids[i] = accepted.id;
        racer->made += accepted.answer == RECORD_NEW;
    }
    return NULL;
}

static void of_several_nodes_one_makes_the_row(void **state)
{
    struct fixture *f = *state;
    struct racer racers[THREADS] = { 0 };
    int made = 0;
    for (int i = 0; i < THREADS; i++) {
        racers[i].f = f;
        racers[i].record = open_record(f, i + 1);
        assert_int_equal(pthread_create(&racers[i].thread, NULL, race, &racers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(racers[i].thread, NULL), 0);
        assert_false(racers[i].failed);
        made += racers[i].made;
        record_close(racers[i].record);
    }
    assert_int_equal(made, KEYS);
    assert_int_equal(rows_of(f, "notification"), KEYS);
    for (int i = 1; i < THREADS; i++) {
        assert_memory_equal(racers[i].ids, racers[0].ids, sizeof racers[0].ids);
    }
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
        TEST(a_submission_is_accepted_once),
        TEST(the_key_is_all_four_parts),
        TEST(bytes_come_back_as_they_were),
        TEST(the_hash_is_sha256),
        TEST(several_receivers_share_the_bytes),
        TEST(bad_submissions_are_refused_and_the_batch_goes_on),
        TEST(the_course_of_one_that_is_taken),
        TEST(a_ladder_is_climbed_to_its_end),
        TEST(a_lease_that_ended_is_taken_over_and_fences_the_first),
        TEST(leases_from_the_start_renewed_and_given_back),
        TEST(claims_are_by_receiver_in_order_of_time),
        TEST(every_attempt_is_on_record),
        TEST(outcomes_that_cannot_be_are_refused),
        TEST(what_is_finished_can_be_redelivered),
        TEST(what_waits_can_be_cancelled),
        TEST(retention_forgets_what_is_finished),
        TEST(siblings_are_kept_while_one_of_them_waits),
        TEST(receivers_are_changed_by_who_read_them),
        TEST(a_ladder_keeps_its_text_under_its_number),
        TEST(a_batch_is_whole),
        TEST(any_statement_may_fail),
        TEST(what_was_committed_is_there_after_opening_again),
        TEST(of_several_nodes_one_makes_the_row),
    };
#undef TEST
    print_message("%s\n", url);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return each_database("record", run_for);
}
