// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "client/consumer.h"

struct rig {
    struct tidings_consumer *consumer;
    struct broker broker;
    struct pq *pq;
};

static tidings_answer ack(void *arg, const tidings_message *message, tidings_delivery *delivery)
{
    (void)arg;
    (void)message;
    (void)delivery;
    return TIDINGS_ACK;
}

static int set_up(void **state)
{
    struct rig *rig = calloc(1, sizeof *rig);
    static char name[] = "a";
    tidings_config *config = tidings_config_new();
    assert_int_equal(tidings_config_set(config, "group", "g", NULL), TIDINGS_OK);
    assert_int_equal(tidings_config_set(config, "cache_messages", "10", NULL), TIDINGS_OK);
    assert_int_equal(tidings_config_set(config, "cache_bytes", "4K", NULL), TIDINGS_OK);
    assert_int_equal(tidings_consumer_new(config, &rig->consumer, NULL), TIDINGS_OK);
    tidings_config_free(config);
    tidings_consumer_on_message(rig->consumer, ack, NULL);
    assert_int_equal(tidings_consumer_subscribe(rig->consumer, "t", "A || B", NULL), TIDINGS_OK);
    rig->broker.name = name;
    const struct route_queue queue = { &rig->broker, 0 };
    rig->pq = pq_new(rig->consumer, &rig->consumer->subscriptions[0], &queue);
    rig->pq->next_offset = 0;
    *state = rig;
    return 0;
}

static int tear_down(void **state)
{
    struct rig *rig = *state;
    tidings_consumer_free(rig->consumer);
    free(rig);
    return 0;
}

// Records with the tags of `tags`, '-' = none, from the queue's next offset on.
static struct batch *add(struct rig *rig, const char *tags)
{
    char bytes[8192];
    size_t len = 0;
    struct batch *batch;
    for (size_t i = 0; tags[i] != '\0'; i++) {
        char properties[] = "TAGS\x01?\x02";
        properties[5] = tags[i];
        const struct wire_message message = {
            .queue_offset = rig->pq->next_offset++,
            .body = STR("body"),
            .topic = STR("t"),
            .properties = str_make(properties, tags[i] == '-' ? 0 : 7),
            .born_host = { .length = 4 },
            .store_host = { .length = 4 },
        };
        wire_message_encode(&message, bytes + len);
        len += wire_message_size(&message);
    }
    assert_int_equal(batch_new(rig->pq, str_make(bytes, len), &batch, NULL), TIDINGS_OK);
    if (batch != NULL) {
        pq_add_batch(rig->pq, batch);
    }
    return batch;
}

// As if a handler had taken the slots out of the queue of work.
static void claim_all(struct batch *batch)
{
    batch->claimed = batch->count;
    list_remove(&batch->ready_node);
}

static void the_lowest_unfinished_offset_is_stored(void **state)
{
    struct rig *rig = *state;
    assert_int_equal(pq_commit_offset(rig->pq), 0);
    struct batch *first = add(rig, "AAA");
    struct batch *second = add(rig, "BB");
    claim_all(first);
    claim_all(second);
    assert_int_equal(pq_commit_offset(rig->pq), 0);
    slot_done(&first->slots[1]);
    slot_done(&second->slots[0]);
    assert_int_equal(pq_commit_offset(rig->pq), 0);
    slot_done(&first->slots[0]);
    assert_int_equal(pq_commit_offset(rig->pq), 2);
    slot_done(&first->slots[2]); // frees the batch
    assert_int_equal(pq_commit_offset(rig->pq), 4);
    assert_int_equal(rig->pq->cached, 2);
    slot_done(&second->slots[1]);
    assert_int_equal(pq_commit_offset(rig->pq), 5);
    assert_int_equal(rig->pq->cached, 0);
    assert_int_equal(rig->consumer->cached_bytes, 0);
}

static void unwanted_tags_are_passed_over(void **state)
{
    struct rig *rig = *state;
    struct batch *batch = add(rig, "CA-B");
    assert_int_equal(batch->count, 2);
    assert_int_equal(batch->slots[0].queue_offset, 1);
    assert_int_equal(batch->slots[1].queue_offset, 3);
    assert_null(add(rig, "CC-"));
    claim_all(batch);
    slot_done(&batch->slots[0]);
    assert_int_equal(pq_commit_offset(rig->pq), 3);
    slot_done(&batch->slots[1]);
    assert_int_equal(pq_commit_offset(rig->pq), 7);
}

static void a_queue_fills_by_messages_bytes_and_span(void **state)
{
    struct rig *rig = *state;
    struct batch *batch = add(rig, "A");
    claim_all(batch);
    assert_false(pq_is_full(rig->pq));
    rig->pq->next_offset = 19;
    assert_false(pq_is_full(rig->pq));
    rig->pq->next_offset = 20; // twice cache_messages from the first unfinished
    assert_true(pq_is_full(rig->pq));
    rig->pq->next_offset = 1;
    struct batch *more = add(rig, "AAAAAAAAA");
    assert_true(pq_is_full(rig->pq)); // ten
    claim_all(more);
    slot_done(&batch->slots[0]);
    assert_false(pq_is_full(rig->pq));
    rig->consumer->cached_bytes += 4096; // other queues
    assert_true(pq_is_full(rig->pq));
    for (unsigned i = 9; i > 0; i--) {
        slot_done(&more->slots[i - 1]);
    }
    assert_false(pq_is_full(rig->pq)); // holds nothing: one pull is allowed
    rig->consumer->cached_bytes -= 4096;
}

static void what_is_forgotten_does_not_move_the_offset(void **state)
{
    struct rig *rig = *state;
    struct batch *waits = add(rig, "AA");
    struct batch *runs = add(rig, "BB");
    claim_all(runs);
    assert_int_equal(waits->claimed, 0);
    pq_forget(rig->pq);
    assert_int_equal(rig->pq->cached, 0);
    assert_int_equal(rig->consumer->cached_bytes, 0);
    assert_int_equal(rig->pq->batch_count, 1); // the one with a handler
    assert_true(atomic_load(&runs->stale));
    rig->pq->next_offset = 100;
    assert_int_equal(pq_commit_offset(rig->pq), 100);
    slot_done(&runs->slots[0]);
    slot_done(&runs->slots[1]);
    assert_int_equal(rig->pq->batch_count, 0);
    assert_int_equal(pq_commit_offset(rig->pq), 100);
}

static void broken_bodies_are_refused(void **state)
{
    struct rig *rig = *state;
    struct batch *batch;
    char bytes[64] = { 0, 0, 0, 64 };
    assert_int_equal(batch_new(rig->pq, str_make(bytes, 64), &batch, NULL), TIDINGS_E_PROTOCOL);
    assert_int_equal(batch_new(rig->pq, str_make(bytes, 63), &batch, NULL), TIDINGS_E_PROTOCOL);
    assert_int_equal(batch_new(rig->pq, str_make(bytes, 3), &batch, NULL), TIDINGS_E_PROTOCOL);
    assert_int_equal(batch_new(rig->pq, str_make(bytes, 0), &batch, NULL), TIDINGS_OK);
    assert_null(batch);
}

static void subscriptions_are_checked(void **state)
{
    struct rig *rig = *state;
    struct tidings_error err = { 0 };
    assert_int_equal(tidings_consumer_subscribe(rig->consumer, "t", "*", &err), TIDINGS_E_EXISTS);
    assert_int_equal(tidings_consumer_subscribe(rig->consumer, "a b", "*", &err),
                     TIDINGS_E_INVALID);
    assert_int_equal(tidings_consumer_subscribe(rig->consumer, "u", " || ", &err),
                     TIDINGS_E_INVALID);
    assert_true(err.text[0] != '\0');
    assert_int_equal(rig->consumer->subscription_count, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_lowest_unfinished_offset_is_stored, set_up, tear_down),
        cmocka_unit_test_setup_teardown(unwanted_tags_are_passed_over, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_queue_fills_by_messages_bytes_and_span, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_is_forgotten_does_not_move_the_offset, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(broken_bodies_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(subscriptions_are_checked, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
