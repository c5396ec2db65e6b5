// SPDX-License-Identifier: Apache-2.0
// Receivers: made, changed, paused, removed, their secrets; what is known of them.
#include "notify_fixture.h"

enum { MANY = 1200 };

static void put_create_replace_and_merge(void **state)
{
    struct fixture *f = *state;
    struct told told = put_at(f, "shop", f->port, ",\"inFlight\":3", NOTIFY_CREATE, 0);
    assert_int_equal(told.status, TIDINGS_OK);
    assert_int_equal(told.number, view(f, "shop").version);
    int64_t first = told.number;
    told = put_at(f, "shop", f->port, "", NOTIFY_CREATE, 0);
    assert_int_equal(told.status, TIDINGS_E_EXISTS);
    told = put_at(f, "shop", f->port, ",\"timeoutMs\":1000", NOTIFY_MERGE, first);
    assert_int_equal(told.status, TIDINGS_OK);
    assert_true(told.number > first);
    assert_int_equal(receiver_limits(view(f, "shop").settings)->in_flight, 3); // kept
    assert_int_equal(receiver_limits(view(f, "shop").settings)->timeout_ms, 1000);
    told = put_at(f, "shop", f->port, "", NOTIFY_REPLACE, first);
    assert_int_equal(told.status, TIDINGS_E_STATE); // another version
    told = put_at(f, "shop", f->port, "", NOTIFY_REPLACE, 0);
    assert_int_equal(told.status, TIDINGS_OK);
    assert_int_equal(receiver_limits(view(f, "shop").settings)->in_flight, 64); // the default
    told = put_at(f, "other", f->port, "", NOTIFY_MERGE, 0);
    assert_int_equal(told.status, TIDINGS_E_NOT_FOUND);
    assert_int_equal(stats(f).receivers, 1);
    restart(f);
    assert_int_equal(receiver_limits(view(f, "shop").settings)->timeout_ms, 15000);
}

static void what_is_wrong_is_told_at_once(void **state)
{
    struct fixture *f = *state;
    static const char *const bad[] = {
        "",
        "[]",
        "{}",
        "{\"url\":7}",
        "{\"url\":\"http://x/\",\"ladder\":\"soon\"}",
        "{\"url\":\"http://x/\",\"colour\":\"red\"}",
    };
    struct told told = { 0 };
    for (size_t i = 0; i < BASE_COUNT(bad); i++) {
        struct tidings_error err = { 0 };
        assert_true(notify_receiver_put(f->notify, STR("shop"), str_of(bad[i]), NOTIFY_CREATE, 0,
                                        tell_changed, &told, &err) != TIDINGS_OK);
        assert_true(err.text[0] != '\0');
    }
    struct tidings_error err = { 0 };
    assert_int_equal(notify_receiver_put(f->notify, STR("not a name"),
                                         STR("{\"url\":\"http://x/\"}"), NOTIFY_CREATE, 0,
                                         tell_changed, &told, &err),
                     TIDINGS_E_INVALID);
    assert_int_equal(notify_receiver_set_state(f->notify, STR("nobody"), NOTIFY_PAUSED,
                                               tell_changed, &told, &err),
                     TIDINGS_E_NOT_FOUND);
    run_for(f, 20);
    assert_int_equal(told.count, 0);
}

static void changes_are_made_in_order(void **state)
{
    struct fixture *f = *state;
    struct told told[8] = { 0 };
    char document[128];
    for (int i = 0; i < 8; i++) { // none waits for the one before
        (void)snprintf(document, sizeof document,
                       "{\"url\":\"http://127.0.0.1:1/\",\"inFlight\":%d}", i + 1);
        OK(notify_receiver_put(f->notify, STR("shop"), str_of(document),
                               i == 0 ? NOTIFY_CREATE : NOTIFY_MERGE, 0, tell_changed, &told[i],
                               &why));
    }
    await(f, &told[7]);
    for (int i = 0; i < 8; i++) {
        assert_int_equal(told[i].count, 1);
        assert_int_equal(told[i].status, TIDINGS_OK);
    }
    assert_int_equal(receiver_limits(view(f, "shop").settings)->in_flight, 8);
}

static void paused_ones_take_and_do_not_send(void **state)
{
    struct fixture *f = *state;
    put(f, "shop", "");
    set_state(f, "shop", NOTIFY_PAUSED);
    (void)accept_one(f, "shop", "tx1");
    run_for(f, 60);
    assert_int_equal(call_count(f, "shop"), 0);
    expect_waiting(f, "shop", 1);
    assert_string_not_equal(view(f, "shop").state_reason, "");
    restart(f);
    assert_int_equal(view(f, "shop").state, NOTIFY_PAUSED);
    run_for(f, 60);
    assert_int_equal(call_count(f, "shop"), 0);
    RUN_UNTIL(f, waiting, 1); // counted anew
    expect_waiting(f, "shop", 1);
    set_state(f, "shop", NOTIFY_ACTIVE);
    RUN_UNTIL(f, delivered, 1);
}

// What came due within its window and could not be sent then is not sent behind it.
static void the_window_ends_for_paused_ones_too(void **state)
{
    struct fixture *f = *state;
    put(f, "shop", ",\"ladder\":\"200ms*\",\"windowMs\":1000");
    fail_next(f, "shop", 1, 500, 0);
    hold_calls(f, "shop"); // it has no answer before the receiver is paused
    struct record_accepted accepted = accept_one(f, "shop", "tx1");
    RUN_WHILE(f, call_count(f, "shop") < 1);
    set_state(f, "shop", NOTIFY_PAUSED);
    let_go(f, "shop");
    RUN_UNTIL(f, attempts, 1);
    run_for(f, 2200); // and the second by which an attempt may be late
    set_state(f, "shop", NOTIFY_ACTIVE);
    RUN_UNTIL(f, dead, 1);
    struct seen seen = read_record(f, accepted.id);
    assert_int_equal(seen.notification.reason, RECORD_REASON_WINDOW);
    assert_int_equal(seen.notification.attempts, 1);
    assert_int_equal(seen.count, 1);
    assert_int_equal(call_count(f, "shop"), 1);
}

static void what_waits_keeps_its_ladder(void **state)
{
    struct fixture *f = *state;
    put(f, "shop", ",\"ladder\":\"50ms 1h\"");
    fail_next(f, "shop", 1, 500, 0);
    (void)accept_one(f, "shop", "tx1");
    RUN_UNTIL(f, attempts, 1);
    put(f, "shop", ",\"ladder\":\"1h\"");
    RUN_UNTIL(f, delivered, 1); // after 50 ms, not after an hour
}

// ---- removed ----
static void what_waits_for_a_removed_one_is_cancelled(void **state)
{
    struct fixture *f = *state;
    struct accepting late;
    struct tidings_error err = { 0 };
    struct notify_receiver_view got;
    put(f, "shop", ",\"types\":[\"*\"]");
    put(f, "other", "");
    set_state(f, "shop", NOTIFY_PAUSED);
    set_state(f, "other", NOTIFY_PAUSED);
    struct accepting *all = accept_many(f, "shop", "tx", MANY);
    struct record_accepted kept = accept_one(f, "other", "tx1");
    RUN_UNTIL(f, accepted, MANY + 1);
    set_state(f, "shop", NOTIFY_RETIRED);
    assert_int_equal(notify_receiver_get(f->notify, STR("shop"), &got, &err), TIDINGS_E_NOT_FOUND);
    accept_start(f, &late, "shop", "late");
    await(f, &late.told);
    assert_int_equal(late.told.status, TIDINGS_E_NOT_FOUND);
    accept_start(f, &late, NULL, "late");
    await(f, &late.told);
    assert_int_equal(late.told.status, TIDINGS_E_NOT_FOUND);
    restart(f); // the rest of it is done after the next start
    set_state(f, "other", NOTIFY_ACTIVE);
    RUN_UNTIL(f, delivered, 1);
    struct told told = { .status = TIDINGS_E_STATE };
    for (int i = 0; i < 1000 && told.status == TIDINGS_E_STATE; i++) { // until that is done
        told = put_at(f, "shop", f->port, "", NOTIFY_CREATE, 0);
        run_for(f, 10);
    }
    assert_int_equal(told.status, TIDINGS_OK); // its name may be used again
    expect_waiting(f, NULL, 0);
    for (int i = 0; i < MANY; i += 119) {
        struct seen seen = read_record(f, all[i].told.accepted[0].id);
        assert_int_equal(seen.notification.state, RECORD_CANCELLED);
        assert_int_equal(seen.count, 0);
    }
    assert_int_equal(read_record(f, kept.id).notification.state, RECORD_DELIVERED);
    assert_int_equal(call_count(f, "shop"), 0);
    int64_t number = read_record(f, all[0].told.accepted[0].id).notification.receiver_id;
    assert_string_equal(notify_receiver_name(f->notify, number), "shop"); // still known
    (void)accept_one(f, "shop", "new");
    RUN_UNTIL(f, delivered, 2);
    free(all);
}

// ---- secrets ----
struct rotation {
    struct told told;
    char secret[128];
};

static void tell_rotated(void *arg, tidings_status status, struct str secret, int64_t version,
                         int64_t active_ms, const struct tidings_error *err)
{
    struct rotation *rotation = arg;
    tell(&rotation->told, status, version, err);
    assert_true(active_ms == 0); // of scheme standard
    (void)snprintf(rotation->secret, sizeof rotation->secret, "%.*s", STR_ARG(secret));
}

static bool verifies(const struct call *call, const char *secret)
{
    struct sign_secret *key = NULL;
    const struct sign_webhook_headers headers = { str_of(call->id), str_of(call->timestamp),
                                                  str_of(call->signature) };
    OK(sign_secret_new(SIGN_STANDARD, str_of(secret), &key, &why));
    const struct sign_secret *const keys[] = { key };
    tidings_status status =
        sign_webhook_verify(keys, 1, &headers, clock_wall_ms(clock_system()) / 1000,
                            SIGN_TOLERANCE_S, str_make(call->body, call->body_len), NULL);
    sign_secret_free(key);
    return status == TIDINGS_OK;
}

static void a_rotated_secret_signs_beside_the_old_one(void **state)
{
    struct fixture *f = *state;
    struct rotation rotation = { 0 };
    char more[128];
    char secret[SIGN_GENERATED_SIZE];
    OK(sign_secret_generate(secret, &why));
    (void)snprintf(more, sizeof more, ",\"secrets\":[{\"secret\":\"%s\"}]", secret);
    put(f, "shop", more);
    (void)accept_one(f, "shop", "tx1");
    RUN_UNTIL(f, delivered, 1);
    struct call call = call_of(f, "shop", 0);
    assert_true(verifies(&call, secret));
    OK(notify_receiver_rotate(f->notify, STR("shop"), STR(""), 60000, 0, tell_rotated, &rotation,
                              &why));
    await(f, &rotation.told);
    assert_int_equal(rotation.told.status, TIDINGS_OK);
    assert_string_not_equal(rotation.secret, secret);
    restart(f); // both are on record, sealed
    (void)accept_one(f, "shop", "tx2");
    RUN_UNTIL(f, delivered, 1);
    call = call_of(f, "shop", 1);
    assert_true(verifies(&call, secret));
    assert_true(verifies(&call, rotation.secret));
    char other[SIGN_GENERATED_SIZE];
    OK(sign_secret_generate(other, &why));
    assert_false(verifies(&call, other));
}

// ---- test notification ----
struct tested {
    int count;
    bool taken;
    int status;
    enum http_failure failure;
    char why[256];
};

static void tell_tested(void *arg, tidings_status status, const struct notify_tested *tested,
                        const struct tidings_error *err)
{
    struct tested *got = arg;
    (void)err;
    assert_int_equal(status, TIDINGS_OK);
    got->count++;
    got->taken = tested->taken;
    got->status = tested->result->status;
    got->failure = tested->result->failure;
    (void)snprintf(got->why, sizeof got->why, "%s", tested->why);
}

static struct tested *awaited_test;

static bool test_came(struct fixture *f)
{
    (void)f;
    return awaited_test->count > 0;
}

static struct tested test_it(struct fixture *f, const char *name)
{
    struct tested tested = { 0 };
    awaited_test = &tested;
    OK(notify_receiver_test(f->notify, str_of(name), STR("{\"test\":true}"),
                            STR("application/json"), tell_tested, &tested, &why));
    run_until(f, test_came);
    assert_int_equal(tested.count, 1);
    return tested;
}

static void a_test_is_sent_and_not_on_record(void **state)
{
    struct fixture *f = *state;
    struct tidings_error err = { 0 };
    put(f, "shop", "");
    set_state(f, "shop", NOTIFY_PAUSED); // whatever its state
    struct tested tested = test_it(f, "shop");
    assert_true(tested.taken && tested.status == 200);
    struct call call = call_of(f, "shop", 0);
    assert_int_equal(call.body_len, 13);
    assert_true(strncmp(call.id, "ntf_", 4) == 0);
    fail_next(f, "shop", 1, 500, 0);
    tested = test_it(f, "shop");
    assert_true(!tested.taken && tested.status == 500 && tested.why[0] != '\0');
    stop_server(f);
    tested = test_it(f, "shop");
    if (tested.failure == HTTP_RECEIVE || tested.failure == HTTP_SEND) {
        tested = test_it(f, "shop"); // the end of the kept connection was still on its way
    }
    assert_true(!tested.taken && tested.failure == HTTP_CONNECT && tested.why[0] != '\0');
    assert_int_equal(stats(f).attempts + stats(f).accepted, 0);
    assert_int_equal(notify_receiver_test(f->notify, STR("nobody"), STR(""), STR(""), tell_tested,
                                          &tested, &err),
                     TIDINGS_E_NOT_FOUND);
    start_server(f);
}

// ---- lists ----
struct names {
    char text[128];
    size_t count;
};

static void add_name(void *arg, const struct notify_receiver_view *got)
{
    struct names *names = arg;
    size_t len = strlen(names->text);
    names->count++;
    (void)snprintf(names->text + len, sizeof names->text - len, "%s ", got->name);
}

static void they_are_listed_by_name(void **state)
{
    struct fixture *f = *state;
    struct names names = { 0 };
    put(f, "c", "");
    put(f, "a", "");
    put(f, "d", "");
    put(f, "b", "");
    notify_receiver_each(f->notify, STR(""), 3, add_name, &names);
    assert_string_equal(names.text, "a b c ");
    names = (struct names){ 0 };
    restart(f);
    notify_receiver_each(f->notify, STR("c"), 10, add_name, &names);
    assert_string_equal(names.text, "d ");
}

NOTIFY_TESTS("receivers", TEST(put_create_replace_and_merge), TEST(what_is_wrong_is_told_at_once),
             TEST(changes_are_made_in_order), TEST(paused_ones_take_and_do_not_send),
             TEST(the_window_ends_for_paused_ones_too), TEST(what_waits_keeps_its_ladder),
             TEST(what_waits_for_a_removed_one_is_cancelled),
             TEST(a_rotated_secret_signs_beside_the_old_one),
             TEST(a_test_is_sent_and_not_on_record), TEST(they_are_listed_by_name))
