// SPDX-License-Identifier: Apache-2.0
// Answers that come later, from other threads than the handler's.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <semaphore.h>
#include <string.h>
#include <tidings/tidings.h>
#include <unistd.h>

#include "test_client_fake.h"

enum { DEFERRED_MAX = 512 };

struct rig {
    struct fake *fake;
    tidings_consumer *consumer;
    sem_t delivered;
    pthread_mutex_t lock;
    tidings_deferral *deferred[DEFERRED_MAX]; // under lock
    int count;                                // under lock
    bool at_once;                             // the handler answers its own deferral
    bool but_first;                           // not that of the first delivery
    bool refused;                             // tidings_delivery_defer gave NULL
};

static tidings_answer handle(void *arg, const tidings_message *message, tidings_delivery *delivery)
{
    struct rig *rig = arg;
    tidings_deferral *deferral = tidings_delivery_defer(delivery);
    (void)message;
    pthread_mutex_lock(&rig->lock);
    rig->refused = deferral == NULL;
    rig->deferred[rig->count++] = deferral;
    bool at_once = rig->at_once && !(rig->but_first && rig->count == 1);
    pthread_mutex_unlock(&rig->lock);
    if (at_once && deferral != NULL) {
        tidings_deferral_answer(deferral, TIDINGS_ACK, -1);
    }
    sem_post(&rig->delivered);
    return deferral == NULL ? TIDINGS_ACK : TIDINGS_LATER; // LATER is not looked at
}

static int set_up(void **state)
{
    struct rig *rig = calloc(1, sizeof *rig);
    rig->fake = fake_start();
    sem_init(&rig->delivered, 0, 0);
    pthread_mutex_init(&rig->lock, NULL);
    *state = rig;
    return 0;
}

static int tear_down(void **state)
{
    struct rig *rig = *state;
    tidings_consumer_free(rig->consumer);
    fake_stop(rig->fake);
    sem_destroy(&rig->delivered);
    pthread_mutex_destroy(&rig->lock);
    free(rig);
    return 0;
}

static void start(struct rig *rig, const char *name, const char *value)
{
    tidings_config *config = tidings_config_new();
    assert_int_equal(tidings_config_set(config, "name_servers", rig->fake->address, NULL),
                     TIDINGS_OK);
    assert_int_equal(tidings_config_set(config, "group", "g", NULL), TIDINGS_OK);
    assert_int_equal(tidings_config_set(config, "from", "first", NULL), TIDINGS_OK);
    assert_int_equal(tidings_config_set(config, name, value, NULL), TIDINGS_OK);
    assert_int_equal(tidings_consumer_new(config, &rig->consumer, NULL), TIDINGS_OK);
    tidings_config_free(config);
    assert_int_equal(tidings_consumer_subscribe(rig->consumer, "t", "*", NULL), TIDINGS_OK);
}

static void go(struct rig *rig)
{
    tidings_consumer_on_message(rig->consumer, handle, rig);
    assert_int_equal(tidings_consumer_start(rig->consumer, NULL), TIDINGS_OK);
}

static void put_many(struct rig *rig, int count)
{
    for (int i = 0; i < count; i++) {
        char body[32];
        (void)snprintf(body, sizeof body, "m%d", i);
        fake_put(rig->fake, "t", i % FAKE_QUEUES, body, "");
    }
}

static void await_deliveries(struct rig *rig, int count)
{
    for (int i = 0; i < count; i++) {
        while (sem_wait(&rig->delivered) != 0) {
        }
    }
}

struct answering {
    struct rig *rig;
    int from;
    int step;
    useconds_t pause_us;
};

static void *answer_some(void *arg)
{
    const struct answering *answering = arg;
    (void)usleep(answering->pause_us);
    for (int i = answering->from; i < answering->rig->count; i += answering->step) {
        tidings_deferral_answer(answering->rig->deferred[i], TIDINGS_ACK, -1);
    }
    return NULL;
}

static void two_threads_may_have_all_under_way(void **state)
{
    struct rig *rig = *state;
    struct answering halves[2] = { { rig, 0, 2, 0 }, { rig, 1, 2, 0 } };
    pthread_t threads[2];
    put_many(rig, 200);
    start(rig, "threads", "2");
    go(rig);
    await_deliveries(rig, 200); // two handler threads, and nothing answered
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, answer_some, &halves[i]), 0);
    }
    for (int i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
    }
    tidings_consumer_stop(rig->consumer, 60000);
    assert_int_equal(fake_stored_offset(rig->fake, "t", 0), 100);
    assert_int_equal(fake_stored_offset(rig->fake, "t", 1), 100);
}

static void what_is_not_answered_is_not_stored(void **state)
{
    struct rig *rig = *state;
    put_many(rig, 20);
    start(rig, "threads", "2");
    go(rig);
    await_deliveries(rig, 20);
    tidings_consumer_stop(rig->consumer, 0);
    assert_true(fake_stored_offset(rig->fake, "t", 0) <= 0);
    struct answering all = { rig, 0, 1, 0 };
    (void)answer_some(&all); // too late for the offsets, and needed by tidings_consumer_free
}

static void the_handler_may_still_run(void **state)
{
    struct rig *rig = *state;
    rig->at_once = true;
    put_many(rig, 100);
    start(rig, "threads", "4");
    go(rig);
    await_deliveries(rig, 100);
    tidings_consumer_stop(rig->consumer, 60000);
    assert_int_equal(fake_stored_offset(rig->fake, "t", 0), 50);
}

static void later_goes_back(void **state)
{
    struct rig *rig = *state;
    rig->fake->is_tidings = true;
    put_many(rig, 1);
    start(rig, "threads", "2");
    go(rig);
    await_deliveries(rig, 1);
    tidings_deferral_answer(rig->deferred[0], TIDINGS_LATER, 3600000);
    await_deliveries(rig, 1); // the fake one does not wait
    assert_true(rig->fake->last_delay_ms > 3590000 && rig->fake->last_delay_ms <= 3600000);
    tidings_deferral_answer(rig->deferred[1], TIDINGS_DEAD, -1);
    fake_await(rig->fake, WIRE_CONSUMER_SEND_MSG_BACK, 2);
    assert_int_equal(fake_count(rig->fake, "%DLQ%g"), 1);
}

static void a_late_answer_is_not_looked_at(void **state)
{
    struct rig *rig = *state;
    rig->at_once = rig->but_first = true;
    put_many(rig, 1);
    start(rig, "consume_timeout", "1s");
    go(rig);
    await_deliveries(rig, 2); // sent back, and here again: then it is taken
    assert_int_equal(fake_seen(rig->fake, WIRE_CONSUMER_SEND_MSG_BACK), 1);
    tidings_deferral_answer(rig->deferred[0], TIDINGS_DEAD, -1);
    tidings_consumer_stop(rig->consumer, 60000);
    assert_int_equal(fake_count(rig->fake, "%DLQ%g"), 0);
    assert_int_equal(fake_stored_offset(rig->fake, "t", 0), 1);
}

static void the_stop_waits(void **state)
{
    struct rig *rig = *state;
    struct answering all = { rig, 0, 1, 50000 };
    pthread_t thread;
    put_many(rig, 10);
    start(rig, "threads", "2");
    go(rig);
    await_deliveries(rig, 10);
    assert_int_equal(pthread_create(&thread, NULL, answer_some, &all), 0);
    tidings_consumer_stop(rig->consumer, 60000);
    assert_int_equal(fake_stored_offset(rig->fake, "t", 0), 5);
    pthread_join(thread, NULL);
}

static void the_free_waits(void **state)
{
    struct rig *rig = *state;
    struct answering all = { rig, 0, 1, 50000 };
    pthread_t thread;
    put_many(rig, 10);
    start(rig, "threads", "2");
    go(rig);
    await_deliveries(rig, 10);
    assert_int_equal(pthread_create(&thread, NULL, answer_some, &all), 0);
    tidings_consumer_free(rig->consumer);
    rig->consumer = NULL;
    pthread_join(thread, NULL);
}

static void orderly_handlers_answer_by_returning(void **state)
{
    struct rig *rig = *state;
    put_many(rig, 1);
    start(rig, "threads", "1");
    tidings_consumer_on_message_orderly(rig->consumer, handle, rig);
    assert_int_equal(tidings_consumer_start(rig->consumer, NULL), TIDINGS_OK);
    await_deliveries(rig, 1);
    assert_true(rig->refused);
    tidings_consumer_stop(rig->consumer, 60000);
    assert_int_equal(fake_stored_offset(rig->fake, "t", 0), 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(two_threads_may_have_all_under_way),
        TEST(what_is_not_answered_is_not_stored),
        TEST(the_handler_may_still_run),
        TEST(later_goes_back),
        TEST(a_late_answer_is_not_looked_at),
        TEST(the_stop_waits),
        TEST(the_free_waits),
        TEST(orderly_handlers_answer_by_returning),
    };
#undef TEST
    return cmocka_run_group_tests(tests, NULL, NULL);
}
