// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>
#include <tidings/tidings.h>
#include <unistd.h>

#include "test_client_fake.h"

enum { TEST_CHECKS_MAX = 1024 }; // as docs say: more that wait are dropped

struct rig {
    struct fake *fake;
    tidings_producer *producer;
    sem_t asked; // posted by each check
    sem_t go;    // awaited by each check, when it `holds`
    _Atomic bool holds;
    _Atomic int checks;
    _Atomic int decision;
    char id[64]; // of the last check
    char topic[128];
    char body[32];
};

static void wait_for(sem_t *sem)
{
    while (sem_wait(sem) != 0) {
    }
}

static tidings_decision check(void *arg, const char *transaction_id, const tidings_message *message)
{
    struct rig *rig = arg;
    size_t len;
    const void *body = tidings_message_body(message, &len);
    if (rig->checks++ == 0) { // only one at a time writes here
        snprintf(rig->id, sizeof rig->id, "%s", transaction_id);
        snprintf(rig->topic, sizeof rig->topic, "%s", tidings_message_topic(message));
        snprintf(rig->body, sizeof rig->body, "%.*s", (int)len, (const char *)body);
    }
    tidings_decision decision = (tidings_decision)rig->decision;
    sem_post(&rig->asked);
    if (rig->holds) {
        wait_for(&rig->go);
    }
    return decision;
}

static void set(tidings_config *config, const char *name, const char *value)
{
    assert_int_equal(tidings_config_set(config, name, value, NULL), TIDINGS_OK);
}

static tidings_producer *make(struct fake *fake, const char *timeout)
{
    tidings_producer *producer;
    tidings_config *config = tidings_config_new();
    set(config, "name_servers", fake->address);
    set(config, "group", "pg");
    set(config, "send_timeout", timeout);
    set(config, "request_timeout", timeout);
    assert_int_equal(tidings_producer_new(config, &producer, NULL), TIDINGS_OK);
    tidings_config_free(config);
    return producer;
}

static int set_up(void **state)
{
    struct rig *rig = calloc(1, sizeof *rig);
    rig->fake = fake_start();
    rig->producer = make(rig->fake, "60s");
    sem_init(&rig->asked, 0, 0);
    sem_init(&rig->go, 0, 0);
    assert_int_equal(tidings_producer_set_checker(rig->producer, check, rig, NULL), TIDINGS_OK);
    assert_int_equal(tidings_producer_start(rig->producer, NULL), TIDINGS_OK);
    *state = rig;
    return 0;
}

// One that does not wait long for what is not answered; started.
static tidings_producer *make_hasty(struct rig *rig)
{
    tidings_producer *producer = make(rig->fake, "1s");
    assert_int_equal(tidings_producer_set_checker(producer, check, rig, NULL), TIDINGS_OK);
    assert_int_equal(tidings_producer_start(producer, NULL), TIDINGS_OK);
    return producer;
}

static int tear_down(void **state)
{
    struct rig *rig = *state;
    tidings_producer_free(rig->producer);
    fake_stop(rig->fake);
    sem_destroy(&rig->asked);
    sem_destroy(&rig->go);
    free(rig);
    return 0;
}

static tidings_transaction *begin_with(tidings_producer *producer, const char *body)
{
    tidings_transaction *transaction;
    struct tidings_error err = { 0 };
    tidings_message *message = tidings_message_new("orders", body, strlen(body));
    tidings_status status = TIDINGS_E_TIMEOUT;
    for (int i = 0; i < 60 && status == TIDINGS_E_TIMEOUT; i++) { // a hasty one may try again
        status = tidings_producer_begin(producer, message, &transaction, &err);
    }
    if (status != TIDINGS_OK) {
        fail_msg("%s", err.text);
    }
    assert_string_equal(tidings_transaction_id(transaction), tidings_message_id(message));
    assert_null(tidings_message_property(message, "TRAN_MSG")); // the caller's stays as it was
    tidings_message_free(message);
    return transaction;
}

static tidings_transaction *begin(struct rig *rig, const char *body)
{
    return begin_with(rig->producer, body);
}

static void test_commit_and_rollback(void **state)
{
    struct rig *rig = *state;
    for (int i = 0; i < 2; i++) {
        tidings_transaction *transaction = begin(rig, "half");
        assert_non_null(strstr(rig->fake->last_properties, "TRAN_MSG\001true\002"));
        assert_non_null(strstr(rig->fake->last_properties, "PGROUP\001pg\002"));
        assert_int_equal(i == 0 ? tidings_transaction_commit(transaction, NULL)
                                : tidings_transaction_rollback(transaction, NULL),
                         TIDINGS_OK);
        struct fake_end end = fake_last_end(rig->fake);
        assert_int_equal(end.fields.decision, i == 0 ? WIRE_SYS_COMMIT : WIRE_SYS_ROLLBACK);
        assert_int_equal(end.fields.log_offset, 1); // of the fake's msgId
        assert_int_equal(end.fields.table_offset,
                         tidings_send_result_queue_offset(tidings_transaction_half(transaction)));
        assert_false(end.fields.from_check);
        assert_false(end.oneway);
        assert_string_equal(end.group, "pg");
        assert_string_equal(end.topic, "orders");
        assert_string_equal(end.id, tidings_transaction_id(transaction));
        // Once is enough.
        assert_int_equal(tidings_transaction_commit(transaction, NULL), TIDINGS_E_STATE);
        assert_int_equal(tidings_transaction_end(transaction, TIDINGS_LEAVE, NULL),
                         TIDINGS_E_STATE);
        tidings_transaction_free(transaction);
    }
    assert_int_equal(fake_seen(rig->fake, WIRE_END_TRANSACTION), 2);
}

static void test_end_without_waiting(void **state)
{
    struct rig *rig = *state;
    tidings_transaction *left = begin(rig, "left");
    assert_int_equal(tidings_transaction_end(left, (tidings_decision)7, NULL), TIDINGS_E_INVALID);
    assert_int_equal(tidings_transaction_end(left, TIDINGS_LEAVE, NULL), TIDINGS_OK);
    tidings_transaction_free(left);
    tidings_transaction *told = begin(rig, "told");
    assert_int_equal(tidings_transaction_end(told, TIDINGS_COMMIT, NULL), TIDINGS_OK);
    tidings_transaction_free(told);
    fake_await(rig->fake, WIRE_END_TRANSACTION, 1);
    struct fake_end end = fake_last_end(rig->fake);
    assert_true(end.oneway);
    assert_int_equal(end.fields.decision, WIRE_SYS_COMMIT);
    assert_int_equal(fake_seen(rig->fake, WIRE_END_TRANSACTION), 1);
}

static void test_refused_and_lost_ends(void **state)
{
    struct rig *rig = *state;
    struct tidings_error err = { 0 };
    tidings_transaction *refused = begin(rig, "refused");
    fake_fail(rig->fake, WIRE_END_TRANSACTION, 1, WIRE_SYSTEM_ERROR);
    assert_int_equal(tidings_transaction_commit(refused, &err), TIDINGS_E_REFUSED);
    assert_int_equal(err.remote_code, WIRE_SYSTEM_ERROR);
    tidings_transaction_free(refused);
    tidings_producer *hasty = make_hasty(rig);
    tidings_transaction *lost = begin_with(hasty, "lost");
    fake_fail(rig->fake, WIRE_END_TRANSACTION, 1, FAKE_GONE);
    assert_int_equal(tidings_transaction_commit(lost, &err), TIDINGS_E_TIMEOUT);
    tidings_transaction_free(lost);
    tidings_producer_free(hasty);
    tidings_transaction *late = begin(rig, "late");
    tidings_producer_stop(rig->producer, 1000);
    assert_int_equal(tidings_transaction_commit(late, &err), TIDINGS_E_CLOSED);
    tidings_transaction_free(late);
}

static void test_wrong_use(void **state)
{
    struct rig *rig = *state;
    struct tidings_error err = { 0 };
    tidings_transaction *transaction;
    tidings_message *message = tidings_message_new("orders", "x", 1);
    assert_int_equal(tidings_producer_set_checker(rig->producer, check, rig, &err),
                     TIDINGS_E_STATE);
    assert_int_equal(tidings_message_set_delay_ms(message, 1000), TIDINGS_OK);
    assert_int_equal(tidings_producer_begin(rig->producer, message, &transaction, &err),
                     TIDINGS_E_INVALID);
    assert_non_null(strstr(err.text, "delayed"));
    assert_null(transaction);
    tidings_producer *plain = make(rig->fake, "60s");
    assert_int_equal(tidings_producer_set_checker(plain, NULL, NULL, &err), TIDINGS_E_INVALID);
    assert_int_equal(tidings_producer_begin(plain, message, &transaction, &err), TIDINGS_E_STATE);
    assert_non_null(strstr(err.text, "tidings_producer_set_checker"));
    tidings_producer_free(plain);
    tidings_message_free(message);
    tidings_transaction_free(NULL);
}

// A half that may be there is not sent again: the second would be a message of its own.
static void test_unanswered_half(void **state)
{
    struct rig *rig = *state;
    struct tidings_error err = { 0 };
    tidings_transaction *transaction;
    tidings_message *message = tidings_message_new("orders", "x", 1);
    tidings_producer *hasty = make_hasty(rig);
    tidings_transaction_free(begin_with(hasty, "first"));
    int before = fake_seen(rig->fake, WIRE_SEND_MESSAGE_V2);
    fake_fail(rig->fake, WIRE_SEND_MESSAGE_V2, 1, FAKE_GONE);
    assert_int_equal(tidings_producer_begin(hasty, message, &transaction, &err), TIDINGS_E_TIMEOUT);
    fake_await(rig->fake, WIRE_SEND_MESSAGE_V2, before + 1);
    tidings_producer_free(hasty);
    assert_int_equal(fake_seen(rig->fake, WIRE_SEND_MESSAGE_V2), before + 1);
    assert_true(tidings_message_id(message)[0] != '\0'); // the barrier can be entered with it
    fake_fail(rig->fake, WIRE_SEND_MESSAGE_V2, 1, WIRE_SYSTEM_BUSY); // surely not stored
    assert_int_equal(tidings_producer_begin(rig->producer, message, &transaction, &err),
                     TIDINGS_OK);
    tidings_transaction_free(transaction);
    tidings_message_free(message);
}

// ---- checks ----
static void ask(struct rig *rig, const char *properties)
{
    int queue = properties[0] == 'o';
    fake_put(rig->fake, "asked", queue, "body", properties);
    struct str record = fake_record(rig->fake, "asked", queue, 0);
    fake_ask(rig->fake, record, 5, 77);
}

static const char half[] = "UNIQ_KEY\001unique-1\002TRAN_MSG\001true\002PGROUP\001pg\002";

static void test_check_is_answered(void **state)
{
    struct rig *rig = *state;
    static const int32_t bits[] = { 0, WIRE_SYS_COMMIT, WIRE_SYS_ROLLBACK };
    fake_await(rig->fake, WIRE_HEART_BEAT, 1); // without a send: for the brokers of check_topics
    for (int decision = TIDINGS_LEAVE; decision <= TIDINGS_ROLLBACK; decision++) {
        rig->decision = decision;
        ask(rig, half);
        fake_await(rig->fake, WIRE_END_TRANSACTION, decision + 1);
        struct fake_end end = fake_last_end(rig->fake);
        assert_int_equal(end.fields.decision, bits[decision]);
        assert_true(end.fields.from_check);
        assert_true(end.oneway);
        assert_int_equal(end.fields.table_offset, 5); // the check's own, not those of the send
        assert_int_equal(end.fields.log_offset, 77);
        assert_string_equal(end.id, "unique-1");
        assert_string_equal(end.group, "pg");
        assert_string_equal(end.topic, "asked");
    }
    assert_string_equal(rig->id, "unique-1");
    assert_string_equal(rig->topic, "asked");
    assert_string_equal(rig->body, "body");
    assert_int_equal(rig->checks, 3);
}

static void test_checks_that_are_not_ours(void **state)
{
    struct rig *rig = *state;
    fake_await(rig->fake, WIRE_HEART_BEAT, 1);
    fake_ask(rig->fake, STR("this is no record"), 1, 2);
    fake_ask(rig->fake, STR(""), 1, 2);
    ask(rig, "other\001x\002UNIQ_KEY\001u\002PGROUP\001another_group\002");
    rig->decision = 99; // a checker that answers nonsense: no answer
    ask(rig, half);
    wait_for(&rig->asked);
    rig->decision = TIDINGS_COMMIT;
    ask(rig, half);
    fake_await(rig->fake, WIRE_END_TRANSACTION, 1);
    assert_int_equal(rig->checks, 2);
    assert_int_equal(fake_seen(rig->fake, WIRE_END_TRANSACTION), 1);
}

static void *stop(void *arg)
{
    tidings_producer_stop(arg, 0);
    return NULL;
}

// Stopping waits for a checker that runs, and its answer goes out.
static void test_stop_while_a_checker_runs(void **state)
{
    struct rig *rig = *state;
    pthread_t thread;
    rig->holds = true;
    rig->decision = TIDINGS_COMMIT;
    fake_await(rig->fake, WIRE_HEART_BEAT, 1);
    ask(rig, half);
    wait_for(&rig->asked);
    assert_int_equal(pthread_create(&thread, NULL, stop, rig->producer), 0);
    usleep(20 * 1000);
    sem_post(&rig->go);
    pthread_join(thread, NULL);
    fake_await(rig->fake, WIRE_END_TRANSACTION, 1);
    assert_int_equal(fake_last_end(rig->fake).fields.decision, WIRE_SYS_COMMIT);
}

// What does not fit is dropped, not kept for ever; the rest is answered.
static void test_flood_of_checks(void **state)
{
    struct rig *rig = *state;
    enum { FLOOD = 3 * TEST_CHECKS_MAX };
    rig->holds = true;
    rig->decision = TIDINGS_ROLLBACK;
    fake_await(rig->fake, WIRE_HEART_BEAT, 1);
    for (int i = 0; i < FLOOD; i++) {
        ask(rig, half);
    }
    tidings_transaction_free(begin(rig, "after")); // behind the flood, on the same connection
    rig->holds = false;
    for (int i = 0; i < FLOOD; i++) { // more than needed: two threads wait
        sem_post(&rig->go);
    }
    fake_await(rig->fake, WIRE_END_TRANSACTION, TEST_CHECKS_MAX);
    usleep(50 * 1000);
    assert_int_equal(rig->checks, TEST_CHECKS_MAX);
    assert_int_equal(fake_seen(rig->fake, WIRE_END_TRANSACTION), TEST_CHECKS_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_commit_and_rollback, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_end_without_waiting, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_refused_and_lost_ends, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_wrong_use, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_unanswered_half, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_check_is_answered, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_checks_that_are_not_ours, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_stop_while_a_checker_runs, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_flood_of_checks, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
