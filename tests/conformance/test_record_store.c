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

// Looked at without its bytes: they are not brought along, only counted.
static void one_is_looked_at_without_its_bytes(void **state)
{
    struct fixture *f = *state;
    static char large[300000];
    memset(large, 'x', sizeof large);
    struct record_accepted accepted[2] = { { 0 } };
    struct record_target targets[2] = { { f->receiver, f->ladder, NOW_MS, 0 } };
    OK(record_begin(f->record, &why));
    targets[1] = targets[0];
    targets[1].receiver_id = receiver_named(f, "beside");
    const struct record_submission submission =
        submission_of("looked", str_make(large, sizeof large), targets, 2);
    OK(record_accept(f->record, &submission, accepted, &why));
    OK(record_commit(f->record, &why));
    for (size_t i = 0; i < 2; i++) {
        struct buf room;
        struct record_notification looked;
        buf_init(&room, 16 * 1024); // has no room for them
        struct record_notification got = get(f, accepted[i].id);
        OK(record_get_brief(f->record, accepted[i].id, &room, &looked, &why));
        assert_null(looked.payload.ptr);
        assert_int_equal(looked.payload_size, sizeof large);
        assert_int_equal(got.payload_size, sizeof large);
        assert_int_equal(got.payload.len, sizeof large);
        assert_memory_equal(looked.hash, got.hash, RECORD_HASH_SIZE);
        assert_true(str_eq(looked.tx_no, got.tx_no) && str_eq(looked.headers, got.headers) &&
                    str_eq(looked.content_type, got.content_type));
        assert_true(looked.receiver_id == got.receiver_id && looked.due_ms == got.due_ms);
        assert_int_equal(record_get_brief(f->record, 1, &room, &looked, NULL), TIDINGS_E_NOT_FOUND);
        buf_deinit(&room);
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

static size_t leases_of_earlier(struct record *record, int64_t life, struct record_leased *ret)
{
    size_t count = 0;
    OK(record_life_leases(record, 7, life, ret, 8, &count, &why));
    return count;
}

static void a_life_finds_what_the_one_before_it_has_leased(void **state)
{
    struct fixture *f = *state;
    int64_t lives[3];
    struct record_leased leased[8];
    struct record *first = NULL;
    struct record_options options = { .clock = &f->clock.clock };
    OK(record_begin(f->record, &why));
    OK(record_life_begin(f->record, 7, &lives[0], &why));
    OK(record_life_begin(f->record, 8, &lives[1], &why)); // of somebody else
    OK(record_life_begin(f->record, 7, &lives[2], &why));
    OK(record_commit(f->record, &why));
    assert_true(lives[0] > 1023 && lives[1] > lives[0] && lives[2] > lives[1]);
    options.life = lives[0];
    OK(record_open(f->url, &options, &first, &why));
    int64_t id = accept_text(f, "tx1", "p").id;
    (void)accept_text(f, "tx2", "p");
    struct record_claimed claimed;
    assert_int_equal(claim(f, first, &claimed, 1), 1);
    struct record_claimed others = claim_one(f); // under a number, without a life
    OK(record_begin(f->record, &why));
    assert_int_equal(leases_of_earlier(f->record, lives[0], leased), 0);
    assert_int_equal(leases_of_earlier(f->record, lives[2], leased), 1);
    assert_true(leased[0].id == id && leased[0].epoch == claimed.epoch);
    assert_true(leased[0].until_ms == f->clock.wall_ms + 60000);
    OK(record_commit(f->record, &why));
    claimed.earlier = leased[0].earlier;
    struct record_outcome lost = outcome_of(f, &claimed, RECORD_LOST);
    lost.due_ms = f->clock.wall_ms;
    assert_int_equal(settle(f, &lost), TIDINGS_OK);
    assert_int_equal(settle(f, &lost), TIDINGS_E_STATE);
    assert_int_equal(settle_as(f, &claimed, RECORD_TAKEN), TIDINGS_E_STATE); // too late
    struct record_claimed again = claim_one(f);
    assert_true(again.id == id && again.epoch > claimed.epoch && !again.taken_over);
    assert_true(again.attempts == 0 && again.earlier == 1); // on record, but not of the ladder
    assert_int_equal(settle_as(f, &claimed, RECORD_TAKEN), TIDINGS_E_STATE);
    assert_int_equal(settle_as(f, &again, RECORD_TAKEN), TIDINGS_OK);
    assert_int_equal(attempts_of(f, id), 2);
    assert_int_equal(get(f, id).attempts, 2);
    assert_int_equal(settle_as(f, &others, RECORD_TAKEN), TIDINGS_OK);
    OK(record_begin(f->record, &why));
    assert_int_equal(leases_of_earlier(f->record, lives[2], leased), 0);
    OK(record_life_end(f->record, 7, lives[2], &why));
    OK(record_commit(f->record, &why));
    assert_int_equal(rows_of(f, "life"), 2);
    record_close(first);
}

static void a_lapsed_attempt_is_on_record(void **state)
{
    struct fixture *f = *state;
    int64_t id = accept_text(f, "tx1", "p").id;
    (void)claim_one(f);
    clock_manual_advance_ms(&f->clock, 60000);
    struct record_claimed claimed = claim_one(f);
    assert_true(claimed.taken_over);
    const struct record_attempt attempt = { .number = 1, .begun_ms = NOW_MS, .error = STR("gone") };
    OK(record_begin(f->record, &why));
    OK(record_lapsed(f->record, &claimed, &attempt, &why));
    OK(record_commit(f->record, &why));
    assert_true(claimed.earlier == 1 && claimed.attempts == 0);
    assert_int_equal(settle_as(f, &claimed, RECORD_RETRY), TIDINGS_OK);
    assert_int_equal(attempts_of(f, id), 2);
    clock_manual_advance_ms(&f->clock, 60000);
    struct record_claimed next = claim_one(f);
    assert_true(next.attempts == 1 && next.earlier == 1);
    struct record_claimed wrong = claimed;
    OK(record_begin(f->record, &why));
    assert_int_equal(record_lapsed(f->record, &wrong, &attempt, NULL), TIDINGS_E_STATE);
    OK(record_commit(f->record, &why));
}

struct since {
    int count;
    int64_t seq;
    char last[32];
};

static void note_since(void *arg, const struct record_receiver *receiver)
{
    struct since *since = arg;
    assert_true(receiver->seq > since->seq); // in their order
    since->seq = receiver->seq;
    (void)snprintf(since->last, sizeof since->last, "%.*s", STR_ARG(receiver->name));
    since->count++;
}

static int64_t mark_of(struct record *record, enum record_mark which)
{
    int64_t mark = -1;
    OK(record_mark_get(record, which, &mark, &why));
    return mark;
}

static void changes_move_a_mark_and_are_found_by_it(void **state)
{
    struct fixture *f = *state;
    struct record *other = open_record(f, 1);
    int64_t first = mark_of(other, RECORD_MARK_RECEIVERS);
    int64_t bindings = mark_of(other, RECORD_MARK_BINDINGS);
    struct record_receiver shop = { .name = STR("shop"), .version = 1, .document = STR("{1}") };
    struct record_binding binding = { .name = STR("b"), .document = STR("{}") };
    assert_true(record_is_shared(other) == (f->path == NULL));
    OK(record_begin(f->record, &why));
    (void)receiver_named(f, "new");
    OK(record_receiver_put(f->record, &shop, &why));
    OK(record_commit(f->record, &why));
    struct since since = { .seq = first };
    OK(record_receiver_since(other, first, 10, note_since, &since, &why));
    assert_int_equal(since.count, 2);
    assert_string_equal(since.last, "shop");
    assert_int_equal(since.seq, mark_of(other, RECORD_MARK_RECEIVERS));
    assert_int_equal(shop.version, 2);
    struct since none = { .seq = since.seq };
    OK(record_receiver_since(other, since.seq, 10, note_since, &none, &why));
    assert_int_equal(none.count, 0);
    assert_int_equal(mark_of(other, RECORD_MARK_BINDINGS), bindings);
    OK(record_begin(f->record, &why));
    OK(record_binding_put(f->record, &binding, &why));
    OK(record_binding_drop(f->record, STR("b"), &why));
    record_rollback(f->record);
    assert_int_equal(mark_of(other, RECORD_MARK_BINDINGS), bindings);
    binding.version = 0;
    OK(record_begin(f->record, &why));
    OK(record_binding_put(f->record, &binding, &why));
    OK(record_commit(f->record, &why));
    assert_true(mark_of(other, RECORD_MARK_BINDINGS) > bindings);
    record_close(other);
}

static void receivers_with_something_due_are_found(void **state)
{
    struct fixture *f = *state;
    int64_t found = -1;
    int64_t due_ms = 0;
    int64_t lease_ms = 0;
    struct record_claimed claimed;
    OK(record_next_receiver(f->record, 0, &found, &due_ms, &why));
    assert_int_equal(found, 0);
    OK(record_first_lease(f->record, &lease_ms, &why));
    assert_true(lease_ms == INT64_MAX);
    (void)accept_text(f, "tx1", "p");
    OK(record_next_receiver(f->record, 0, &found, &due_ms, &why));
    assert_true(found == f->receiver && due_ms == f->clock.wall_ms);
    OK(record_next_receiver(f->record, f->receiver, &found, &due_ms, &why));
    assert_int_equal(found, 0);
    claimed = claim_one(f);
    OK(record_next_receiver(f->record, 0, &found, &due_ms, &why));
    assert_int_equal(found, 0); // leased
    OK(record_first_lease(f->record, &lease_ms, &why));
    assert_true(lease_ms == f->clock.wall_ms + 60000);
    OK(record_receiver_next(f->record, f->receiver, &due_ms, &why));
    assert_true(due_ms == lease_ms);
    OK(record_receiver_next(f->record, f->receiver + 1, &due_ms, &why));
    assert_true(due_ms == INT64_MAX);
    clock_manual_advance_ms(&f->clock, 60000);
    OK(record_begin(f->record, &why));
    OK(record_shelve(f->record, f->clock.wall_ms, &why));
    OK(record_commit(f->record, &why));
    OK(record_next_receiver(f->record, 0, &found, &due_ms, &why));
    assert_true(found == f->receiver && due_ms == f->clock.wall_ms);
    assert_int_equal(settle_as(f, &claimed, RECORD_TAKEN), TIDINGS_OK); // nobody has it yet
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

// ---- claims of several nodes ----
enum { DUE = 60, CLAIM_STEP = 7 };

struct claimer {
    struct fixture *f;
    struct record *record;
    int64_t ids[DUE];
    size_t count;
    bool failed;
    pthread_t thread;
};

static void *claim_all(void *arg)
{
    struct claimer *claimer = arg;
    struct record_claimed claimed[CLAIM_STEP];
    size_t count = 1;
    while (count > 0 && !claimer->failed) {
        claimer->failed =
            record_begin(claimer->record, NULL) != TIDINGS_OK ||
            record_claim(claimer->record, claimer->f->receiver, NOW_MS, NOW_MS + 60000, claimed,
                         CLAIM_STEP, &count, NULL) != TIDINGS_OK ||
            record_commit(claimer->record, NULL) != TIDINGS_OK || claimer->count + count > DUE;
        for (size_t i = 0; i < count && !claimer->failed; i++) {
            claimer->ids[claimer->count++] = claimed[i].id;
        }
    }
    return NULL;
}

static int by_number(const void *a, const void *b)
{
    const int64_t left = *(const int64_t *)a;
    const int64_t right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

static void what_is_due_is_claimed_by_one_node_only(void **state)
{
    struct fixture *f = *state;
    struct claimer claimers[THREADS] = { 0 };
    int64_t ids[THREADS * DUE];
    int64_t accepted[DUE];
    size_t count = 0;
    for (int i = 0; i < DUE; i++) {
        char tx_no[16];
        (void)snprintf(tx_no, sizeof tx_no, "due%d", i);
        accepted[i] = accept_text(f, tx_no, "p").id;
    }
    for (int i = 0; i < THREADS; i++) {
        claimers[i].f = f;
        claimers[i].record = open_record(f, i + 1);
        assert_int_equal(pthread_create(&claimers[i].thread, NULL, claim_all, &claimers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(claimers[i].thread, NULL), 0);
        assert_false(claimers[i].failed);
        memcpy(ids + count, claimers[i].ids, claimers[i].count * sizeof *ids);
        count += claimers[i].count;
        record_close(claimers[i].record);
    }
    assert_int_equal(count, DUE);
    qsort(ids, count, sizeof *ids, by_number);
    assert_memory_equal(ids, accepted, sizeof accepted);
}

// While one node's claims are not committed, another takes the next ones and does not wait.
static void claims_pass_over_what_another_node_has_in_hand(void **state)
{
    struct fixture *f = *state;
    struct record_claimed mine[2];
    struct record_claimed theirs[4];
    size_t count = 0;
    if (f->path != NULL) {
        return; // an SQLite file has one that writes at a time
    }
    for (int i = 0; i < 4; i++) {
        char tx_no[16];
        (void)snprintf(tx_no, sizeof tx_no, "due%d", i);
        (void)accept_text(f, tx_no, "p");
    }
    struct record *other = open_record(f, 1);
    OK(record_begin(f->record, &why));
    OK(record_claim(f->record, f->receiver, NOW_MS, NOW_MS + 60000, mine, 2, &count, &why));
    assert_int_equal(count, 2);
    OK(record_begin(other, &why));
    OK(record_claim(other, f->receiver, NOW_MS, NOW_MS + 60000, theirs, 4, &count, &why));
    assert_int_equal(count, 2);
    for (size_t i = 0; i < 4; i++) {
        assert_true(mine[i / 2].id != theirs[i % 2].id);
    }
    OK(record_commit(other, &why));
    OK(record_commit(f->record, &why));
    record_close(other);
}

// ---- many keys ----
// More than one generation of them, so that keys have moved to their table, are on their way, and
// have not begun: each is known, also to a connection that is opened now, or reads.
enum { GENERATION = 2000, KEYS_STEP = 128, KEYS_STEPS = 50, KEYS_ASKED = 7 };

static void accept_keys(struct fixture *f, int from)
{
    const struct record_target target = { f->receiver, f->ladder, NOW_MS + 60000, 0 };
    OK(record_begin(f->record, &why));
    for (int i = 0; i < KEYS_STEP; i++) {
        char tx_no[16];
        struct record_accepted accepted;
        (void)snprintf(tx_no, sizeof tx_no, "k%d", from + i);
        struct record_submission submission = submission_of(tx_no, STR("p"), &target, 1);
        submission.headers = STR("");
        OK(record_accept(f->record, &submission, &accepted, &why));
        assert_int_equal(accepted.answer, RECORD_NEW);
    }
    OK(record_commit(f->record, &why));
}

static void ask_for_keys(struct fixture *f, struct record *record)
{
    OK(record_begin(record, &why));
    for (int i = 0; i < KEYS_STEP * KEYS_STEPS; i += KEYS_ASKED) {
        char tx_no[16];
        int64_t id = 0;
        (void)snprintf(tx_no, sizeof tx_no, "k%d", i);
        OK(record_find(record, f->receiver, STR("pay"), STR("recharge.done"), str_of(tx_no), &id,
                       &why));
        (void)snprintf(tx_no, sizeof tx_no, "n%d", i);
        assert_int_equal(record_find(record, f->receiver, STR("pay"), STR("recharge.done"),
                                     str_of(tx_no), &id, NULL),
                         TIDINGS_E_NOT_FOUND);
    }
    OK(record_commit(record, &why));
}

// A key that was forgotten in a batch that is rolled back is still taken.
static void forget_and_roll_back(struct fixture *f)
{
    struct record_accepted accepted;
    int64_t id = 0;
    int64_t cursor = 0;
    int64_t removed = 0;
    const struct record_target target = { f->receiver, f->ladder, NOW_MS, 0 };
    const struct record_submission again = submission_of("k0", STR("p"), &target, 1);
    OK(record_begin(f->record, &why));
    OK(record_find(f->record, f->receiver, STR("pay"), STR("recharge.done"), STR("k0"), &id, &why));
    tidings_status status = record_cancel(f->record, id, NULL);
    assert_true(status == TIDINGS_OK || status == TIDINGS_E_STATE); // the second time
    OK(record_commit(f->record, &why));
    OK(record_begin(f->record, &why));
    OK(record_purge(f->record, NOW_MS + 60000, 10, &cursor, &removed, &why));
    assert_int_equal(removed, 1);
    OK(record_accept(f->record, &again, &accepted, &why));
    assert_int_equal(accepted.answer, RECORD_NEW);
    record_rollback(f->record);
    OK(record_begin(f->record, &why));
    OK(record_accept(f->record, &again, &accepted, &why));
    OK(record_commit(f->record, &why));
    assert_int_equal(accepted.answer, RECORD_SAME);
    assert_true(accepted.id == id);
}

static void keys_are_known_wherever_they_are(void **state)
{
    struct fixture *f = *state;
    struct record *reader = NULL;
    const struct record_options reading = { .clock = &f->clock.clock,
                                            .recent_keys = GENERATION,
                                            .read_only = true };
    const struct record_options writing = { .clock = &f->clock.clock, .recent_keys = GENERATION };
    if (f->path == NULL) {
        return; // on a server they are in one place
    }
    record_close(f->record);
    OK(record_open(f->url, &writing, &f->record, &why));
    OK(record_open(f->url, &reading, &reader, &why));
    for (int i = 0; i < KEYS_STEPS; i++) {
        accept_keys(f, i * KEYS_STEP);
        if (i % 10 == 9) { // a batch that is rolled back leaves nothing
            const struct record_target target = { f->receiver, f->ladder, NOW_MS, 0 };
            const struct record_submission submission = submission_of("x", STR("p"), &target, 1);
            struct record_accepted accepted;
            OK(record_begin(f->record, &why));
            OK(record_accept(f->record, &submission, &accepted, &why));
            assert_int_equal(accepted.answer, RECORD_NEW);
            record_rollback(f->record);
        }
    }
    assert_true(rows_of(f, "dedup") > 0 && rows_of(f, "recent_key") > 0);
    assert_int_equal(keys_of(f), KEYS_STEP * KEYS_STEPS);
    ask_for_keys(f, f->record);
    ask_for_keys(f, reader);
    record_close(f->record);
    OK(record_open(f->url, &writing, &f->record, &why));
    ask_for_keys(f, f->record);
    accept_keys(f, KEYS_STEP * KEYS_STEPS);
    ask_for_keys(f, reader);
    forget_and_roll_back(f);
    accept_keys(f, KEYS_STEP * (KEYS_STEPS + 1));
    forget_and_roll_back(f);
    ask_for_keys(f, f->record);
    record_close(reader);
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
        TEST(one_is_looked_at_without_its_bytes),
        TEST(the_hash_is_sha256),
        TEST(several_receivers_share_the_bytes),
        TEST(bad_submissions_are_refused_and_the_batch_goes_on),
        TEST(the_course_of_one_that_is_taken),
        TEST(a_ladder_is_climbed_to_its_end),
        TEST(a_lease_that_ended_is_taken_over_and_fences_the_first),
        TEST(a_life_finds_what_the_one_before_it_has_leased),
        TEST(a_lapsed_attempt_is_on_record),
        TEST(changes_move_a_mark_and_are_found_by_it),
        TEST(receivers_with_something_due_are_found),
        TEST(leases_from_the_start_renewed_and_given_back),
        TEST(claims_are_by_receiver_in_order_of_time),
        TEST(every_attempt_is_on_record),
        TEST(outcomes_that_cannot_be_are_refused),
        TEST(a_batch_is_whole),
        TEST(any_statement_may_fail),
        TEST(what_was_committed_is_there_after_opening_again),
        TEST(of_several_nodes_one_makes_the_row),
        TEST(what_is_due_is_claimed_by_one_node_only),
        TEST(claims_pass_over_what_another_node_has_in_hand),
        TEST(keys_are_known_wherever_they_are),
    };
#undef TEST
    print_message("%s\n", url);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return each_database("record", run_for);
}
