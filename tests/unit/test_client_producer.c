// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <semaphore.h>
#include <string.h>
#include <tidings/tidings.h>

#include "test_client_fake.h"

struct rig {
    struct fake *fake;
    tidings_producer *producer;
    sem_t called;
    _Atomic int callbacks;
    _Atomic int last_status;
};

static tidings_producer *make(struct fake *fake, const char *servers, const char *timeout,
                              const char *in_flight)
{
    tidings_producer *producer;
    tidings_config *config = tidings_config_new();
    assert_int_equal(
        tidings_config_set(config, "name_servers", servers != NULL ? servers : fake->address, NULL),
        TIDINGS_OK);
    assert_int_equal(tidings_config_set(config, "group", "pg", NULL), TIDINGS_OK);
    assert_int_equal(tidings_config_set(config, "send_timeout", timeout, NULL), TIDINGS_OK);
    assert_int_equal(tidings_config_set(config, "max_in_flight", in_flight, NULL), TIDINGS_OK);
    assert_int_equal(tidings_producer_new(config, &producer, NULL), TIDINGS_OK);
    tidings_config_free(config);
    assert_int_equal(tidings_producer_start(producer, NULL), TIDINGS_OK);
    return producer;
}

static int set_up(void **state)
{
    struct rig *rig = calloc(1, sizeof *rig);
    rig->fake = fake_start();
    rig->producer = make(rig->fake, NULL, "60s", "64");
    sem_init(&rig->called, 0, 0);
    *state = rig;
    return 0;
}

static int tear_down(void **state)
{
    struct rig *rig = *state;
    tidings_producer_free(rig->producer);
    fake_stop(rig->fake);
    sem_destroy(&rig->called);
    free(rig);
    return 0;
}

static void on_sent(void *arg, tidings_status status, const tidings_send_result *result,
                    const struct tidings_error *err)
{
    struct rig *rig = arg;
    assert_int_equal(result != NULL, status == TIDINGS_OK);
    assert_non_null(err);
    rig->last_status = (int)status;
    rig->callbacks++;
    sem_post(&rig->called);
}

static void await_callbacks(struct rig *rig, int count)
{
    while (rig->callbacks < count) {
        while (sem_wait(&rig->called) != 0) {
        }
    }
}

static tidings_status send_text(tidings_producer *producer, const char *topic, const char *body,
                                struct tidings_error *err)
{
    tidings_message *message = tidings_message_new(topic, body, strlen(body));
    tidings_status status = tidings_producer_send(producer, message, NULL, err);
    tidings_message_free(message);
    return status;
}

static void a_send_tells_where_it_went(void **state)
{
    struct rig *rig = *state;
    tidings_send_result *result;
    tidings_message *message = tidings_message_new("t", "hello", 5);
    assert_int_equal(tidings_message_set_tag(message, "A"), TIDINGS_OK);
    assert_int_equal(tidings_producer_send(rig->producer, message, &result, NULL), TIDINGS_OK);
    assert_int_equal(strlen(tidings_send_result_id(result)), 32);
    assert_string_equal(tidings_send_result_id(result), tidings_message_id(message));
    assert_string_equal(tidings_send_result_offset_id(result), "7F00000100002A9F0000000000000001");
    assert_string_equal(tidings_send_result_broker(result), "fake-a");
    assert_int_equal(tidings_send_result_queue_offset(result), 0);
    tidings_send_result_free(result);
    tidings_message_free(message);
    assert_int_equal(fake_count(rig->fake, "t"), 1);
    assert_non_null(strstr(rig->fake->last_properties, "TAGS\x01"
                                                       "A\x02UNIQ_KEY\x01"));
}

static void asynchronous_sends_are_all_called_back(void **state)
{
    struct rig *rig = *state;
    tidings_message *message = tidings_message_new("t", "x", 1);
    int sent = 0;
    while (sent < 500) {
        tidings_status status =
            tidings_producer_send_async(rig->producer, message, on_sent, rig, NULL);
        if (status == TIDINGS_E_AGAIN) {
            await_callbacks(rig, sent - 32);
            continue;
        }
        assert_int_equal(status, TIDINGS_OK);
        sent++;
    }
    await_callbacks(rig, 500);
    tidings_message_free(message);
    assert_int_equal(fake_count(rig->fake, "t"), 500);
}

static void sends_in_flight_have_a_limit(void **state)
{
    struct rig *rig = *state;
    fake_fail(rig->fake, WIRE_SEND_MESSAGE_V2, 1000, FAKE_GONE);
    tidings_message *message = tidings_message_new("t", "x", 1);
    for (int i = 0; i < 64; i++) {
        assert_int_equal(tidings_producer_send_async(rig->producer, message, on_sent, rig, NULL),
                         TIDINGS_OK);
    }
    assert_int_equal(tidings_producer_send_async(rig->producer, message, on_sent, rig, NULL),
                     TIDINGS_E_AGAIN);
    tidings_producer_stop(rig->producer, 0);
    assert_int_equal(rig->callbacks, 64);
    assert_int_equal(rig->last_status, TIDINGS_E_CLOSED);
    assert_int_equal(tidings_producer_send_async(rig->producer, message, on_sent, rig, NULL),
                     TIDINGS_E_CLOSED);
    tidings_message_free(message);
}

static void a_busy_broker_is_asked_again(void **state)
{
    struct rig *rig = *state;
    fake_fail(rig->fake, WIRE_SEND_MESSAGE_V2, 2, WIRE_SYSTEM_BUSY);
    assert_int_equal(send_text(rig->producer, "t", "x", NULL), TIDINGS_OK);
    assert_int_equal(fake_seen(rig->fake, WIRE_SEND_MESSAGE_V2), 3);
}

static void retries_end(void **state)
{
    struct rig *rig = *state;
    struct tidings_error err = { 0 };
    fake_fail(rig->fake, WIRE_SEND_MESSAGE_V2, 100, WIRE_SYSTEM_BUSY);
    assert_int_equal(send_text(rig->producer, "t", "x", &err), TIDINGS_E_AGAIN);
    assert_int_equal(err.remote_code, WIRE_SYSTEM_BUSY);
    assert_non_null(strstr(err.text, "as the test wants it"));
    assert_int_equal(fake_seen(rig->fake, WIRE_SEND_MESSAGE_V2), 3);
}

static void a_refusal_is_final(void **state)
{
    struct rig *rig = *state;
    struct tidings_error err = { 0 };
    fake_fail(rig->fake, WIRE_SEND_MESSAGE_V2, 1, WIRE_MESSAGE_ILLEGAL);
    assert_int_equal(send_text(rig->producer, "t", "x", &err), TIDINGS_E_INVALID);
    assert_int_equal(fake_seen(rig->fake, WIRE_SEND_MESSAGE_V2), 1);
}

static void no_answer_is_a_timeout(void **state)
{
    struct rig *rig = *state;
    struct tidings_error err = { 0 };
    tidings_producer *producer = make(rig->fake, NULL, "100ms", "1");
    fake_fail(rig->fake, WIRE_SEND_MESSAGE_V2, 100, FAKE_GONE);
    assert_int_equal(send_text(producer, "t", "x", &err), TIDINGS_E_TIMEOUT);
    assert_int_equal(err.status, TIDINGS_E_TIMEOUT);
    tidings_producer_free(producer);
}

static void an_unknown_topic_is_made_by_the_first_send(void **state)
{
    struct rig *rig = *state;
    assert_int_equal(send_text(rig->producer, "unknown_yet", "x", NULL), TIDINGS_OK);
    assert_true(fake_seen(rig->fake, WIRE_GET_ROUTEINFO_BY_TOPIC) >= 2);
}

static void without_a_route_sends_fail(void **state)
{
    struct rig *rig = *state;
    struct tidings_error err = { 0 };
    fake_fail(rig->fake, WIRE_GET_ROUTEINFO_BY_TOPIC, 1000, WIRE_TOPIC_NOT_EXIST);
    assert_int_equal(send_text(rig->producer, "t", "x", &err), TIDINGS_E_NO_ROUTE);
    assert_non_null(strstr(err.text, "no name server knows it"));
}

static void another_name_server_is_asked(void **state)
{
    struct rig *rig = *state;
    char servers[128];
    // Port 1 of the loopback refuses.
    snprintf(servers, sizeof servers, "127.0.0.1:1;%s", rig->fake->address);
    tidings_producer *producer = make(rig->fake, servers, "60s", "4");
    assert_int_equal(send_text(producer, "t", "x", NULL), TIDINGS_OK);
    tidings_producer_free(producer);
}

static void equal_keys_go_to_one_queue(void **state)
{
    struct rig *rig = *state;
    for (int i = 0; i < 20; i++) {
        tidings_message *message = tidings_message_new("t", "x", 1);
        tidings_send_result *result;
        // hashCode of "Aa" and "BB" is the same in Java: 2112.
        assert_int_equal(tidings_producer_send_ordered(rig->producer, message,
                                                       i % 2 == 0 ? "Aa" : "BB", &result, NULL),
                         TIDINGS_OK);
        assert_int_equal(tidings_send_result_queue_id(result), 2112 % FAKE_QUEUES);
        assert_string_equal(tidings_message_property(message, "__SHARDINGKEY"),
                            i % 2 == 0 ? "Aa" : "BB");
        tidings_send_result_free(result);
        tidings_message_free(message);
    }
}

static void a_batch_is_one_request(void **state)
{
    struct rig *rig = *state;
    tidings_message *messages[3];
    struct tidings_error err = { 0 };
    for (int i = 0; i < 3; i++) {
        messages[i] = tidings_message_new("t", "abc", (size_t)i + 1);
    }
    assert_int_equal(tidings_producer_send_batch(rig->producer, messages, 3, NULL, NULL),
                     TIDINGS_OK);
    assert_int_equal(fake_seen(rig->fake, WIRE_SEND_BATCH_MESSAGE), 1);
    assert_int_equal(fake_count(rig->fake, "t"), 3);
    assert_string_not_equal(tidings_message_id(messages[0]), tidings_message_id(messages[2]));
    assert_int_equal(tidings_message_set_delay_level(messages[1], 2), TIDINGS_OK);
    assert_int_equal(tidings_producer_send_batch(rig->producer, messages, 3, NULL, &err),
                     TIDINGS_E_INVALID);
    assert_non_null(strstr(err.text, "message 1"));
    assert_int_equal(tidings_producer_send_batch(rig->producer, messages, 0, NULL, NULL),
                     TIDINGS_E_INVALID);
    for (int i = 0; i < 3; i++) {
        tidings_message_free(messages[i]);
    }
}

static void large_bodies_are_packed_or_refused(void **state)
{
    struct rig *rig = *state;
    struct tidings_error err = { 0 };
    size_t len = 5 << 20;
    char *body = calloc(1, len);
    tidings_message *message = tidings_message_new("t", body, len);
    assert_int_equal(tidings_producer_send(rig->producer, message, NULL, &err),
                     TIDINGS_E_TOO_LARGE);
    tidings_message_free(message);
    message = tidings_message_new("t", body, 100000);
    tidings_send_result *result;
    assert_int_equal(tidings_producer_send(rig->producer, message, &result, NULL), TIDINGS_OK);
    struct wire_message stored;
    struct fake_queue *queue =
        &fake_topic(rig->fake, STR("t"))->queue[tidings_send_result_queue_id(result)];
    assert_int_equal(
        wire_message_decode(str_make(queue->records[0], queue->sizes[0]), &stored, NULL),
        TIDINGS_OK);
    assert_int_equal(stored.sys_flag & WIRE_SYS_COMPRESSED, WIRE_SYS_COMPRESSED);
    assert_true(stored.body.len < 1000);
    tidings_send_result_free(result);
    tidings_message_free(message);
    free(body);
}

static void one_way_sends_arrive(void **state)
{
    struct rig *rig = *state;
    tidings_message *message = tidings_message_new("t", "x", 1);
    assert_int_equal(tidings_producer_send_oneway(rig->producer, message, NULL), TIDINGS_OK);
    tidings_producer_stop(rig->producer, 60000); // waits for it
    tidings_message_free(message);
    fake_await(rig->fake, WIRE_SEND_MESSAGE_V2, 1);
    fake_await(rig->fake, WIRE_UNREGISTER_CLIENT, 1);
    assert_int_equal(fake_count(rig->fake, "t"), 1);
}

static void *send_many(void *arg)
{
    struct rig *rig = arg;
    for (int i = 0; i < 50; i++) {
        if (send_text(rig->producer, "t", "x", NULL) != TIDINGS_OK) {
            return arg;
        }
    }
    return NULL;
}

static void threads_may_share_a_producer(void **state)
{
    struct rig *rig = *state;
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, send_many, rig), 0);
    }
    for (int i = 0; i < 4; i++) {
        void *failed;
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    assert_int_equal(fake_count(rig->fake, "t"), 200);
}

static void states_are_checked(void **state)
{
    struct rig *rig = *state;
    struct tidings_error err = { 0 };
    tidings_producer *producer;
    tidings_config *config = tidings_config_new();
    assert_int_equal(tidings_producer_new(config, &producer, &err), TIDINGS_E_INVALID); // no group
    assert_null(producer);
    assert_int_equal(tidings_config_set(config, "group", "g", NULL), TIDINGS_OK);
    assert_int_equal(tidings_producer_new(config, &producer, NULL), TIDINGS_OK);
    tidings_config_free(config);
    assert_int_equal(send_text(producer, "t", "x", &err), TIDINGS_E_STATE);
    tidings_producer_free(producer);
    tidings_producer_free(NULL);
    assert_int_equal(tidings_producer_start(rig->producer, &err), TIDINGS_E_STATE);
    tidings_producer_stop(rig->producer, 0);
    tidings_producer_stop(rig->producer, 0);
}

#define RIGGED(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIGGED(a_send_tells_where_it_went),
        RIGGED(asynchronous_sends_are_all_called_back),
        RIGGED(sends_in_flight_have_a_limit),
        RIGGED(a_busy_broker_is_asked_again),
        RIGGED(retries_end),
        RIGGED(a_refusal_is_final),
        RIGGED(no_answer_is_a_timeout),
        RIGGED(an_unknown_topic_is_made_by_the_first_send),
        RIGGED(without_a_route_sends_fail),
        RIGGED(another_name_server_is_asked),
        RIGGED(equal_keys_go_to_one_queue),
        RIGGED(a_batch_is_one_request),
        RIGGED(large_bodies_are_packed_or_refused),
        RIGGED(one_way_sends_arrive),
        RIGGED(threads_may_share_a_producer),
        RIGGED(states_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
