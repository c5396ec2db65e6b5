// SPDX-License-Identifier: Apache-2.0
// What the record has to do on every database: run on an SQLite file, and on each URL in
// TIDINGS_DB_URLS (scripts/databases). The tests make and drop the record's tables.
#include "record_fixture.h"

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
    assert_int_equal(keys_of(f), 1);
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
    assert_int_equal(attempts_of(f, id), 0); // nothing of it was written
    assert_int_equal(get(f, id).state, RECORD_DELIVERING);
    assert_int_equal(settle_as(f, &second, RECORD_TAKEN), TIDINGS_OK);
    assert_int_equal(settle_as(f, &second, RECORD_TAKEN), TIDINGS_E_STATE);
    assert_int_equal(attempts_of(f, id), 1);
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
    static const char *const tables[] = { "notification", "dedup", "recent_key", "pending" };
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
