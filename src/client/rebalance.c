// SPDX-License-Identifier: Apache-2.0
// Which queues of the topics are ours: every member of the group computes it by the same rule from
// the same lists. Every `rebalance`, at once when a broker says that the members changed (40), and
// when routes change.
#include <stdlib.h>

#include "client/consumer.h"
#include "wire/bodies.h"

enum { SOON_MS = 20 };

void rebalance_average(size_t queues, size_t members, size_t index, size_t *ret_from,
                       size_t *ret_count)
{
    *ret_from = 0;
    *ret_count = 0;
    if (members == 0 || index >= members) {
        return;
    }
    size_t rest = queues % members;
    bool has_more = rest > 0 && index < rest;
    size_t size = queues <= members ? 1 : queues / members + has_more;
    size_t from = has_more ? index * size : index * size + rest;
    if (from < queues) {
        *ret_from = from;
        *ret_count = size < queues - from ? size : queues - from;
    }
}

// ---- holding what was assigned ----
static void hold(struct subscription *subscription, const struct route_queue *queue)
{
    struct tidings_consumer *consumer = subscription->consumer;
    struct pq *pq = pq_find(consumer, str_of(subscription->topic), str_of(queue->broker->name),
                            queue->queue_id);
    if (pq != NULL) {
        pq->wanted = true;
        return;
    }
    pq = pq_new(consumer, subscription, queue);
    if (pq == NULL) {
        consumer->rebalance_failed = true;
        return;
    }
    pq->wanted = true;
    if (consumer->is_orderly && !consumer->is_broadcasting) {
        pq->state = PQ_LOCKING;
    } else {
        offset_seek(pq);
    }
}

static void assign(struct subscription *subscription, size_t from, size_t count)
{
    struct tidings_consumer *consumer = subscription->consumer;
    const struct route_queues *queues = &subscription->route->readable;
    list_for_each (node, &consumer->queues) {
        struct pq *pq = LIST_ENTRY(node, struct pq, node);
        if (pq->subscription == subscription) {
            pq->wanted = false;
        }
    }
    for (size_t i = from; i < from + count; i++) {
        hold(subscription, &queues->items[i]);
    }
    list_for_each_safe (node, following, &consumer->queues) {
        struct pq *pq = LIST_ENTRY(node, struct pq, node);
        if (pq->subscription == subscription && !pq->wanted) {
            pq_drop(pq);
        }
    }
    pq_count_held(consumer);
}

static int compare_ids(const void *a, const void *b)
{
    const char *const *one = a;
    const char *const *other = b;
    return str_cmp(str_of(*one), str_of(*other));
}

static void assign_among(struct subscription *subscription, struct wire_id_list *members)
{
    struct tidings_consumer *consumer = subscription->consumer;
    size_t from;
    size_t count;
    size_t index = 0;
    if (members->count > 1) {
        qsort(members->ids, members->count, sizeof *members->ids, compare_ids);
    }
    while (index < members->count &&
           strcmp(members->ids[index], consumer->runtime.ident.client_id) != 0) {
        index++;
    }
    if (index == members->count) { // the broker does not know us (yet)
        consumer->rebalance_failed = true;
        struct route_queues *queues = &subscription->route->readable;
        if (queues->count > 0) {
            pulse_send(&consumer->pulse, queues->items[0].broker);
        }
    }
    rebalance_average(subscription->route->readable.count, members->count, index, &from, &count);
    assign(subscription, from, count);
}

// ---- a round ----
static void end_round(struct tidings_consumer *consumer)
{
    int64_t period_ms = config_number(consumer->runtime.config, CONFIG_REBALANCE);
    if (consumer->is_orderly && !consumer->is_broadcasting) {
        orderly_lock(consumer);
    }
    if (consumer->rebalance_again) {
        rebalance_soon(consumer, SOON_MS);
    } else {
        bool failed = consumer->rebalance_failed && period_ms > CONSUMER_AGAIN_MS;
        rebalance_soon(consumer, failed ? CONSUMER_AGAIN_MS : period_ms);
    }
}

static void on_members(struct call *call, const struct reply *reply)
{
    struct subscription *subscription = BASE_CONTAINER_OF(call, struct subscription, members_call);
    struct tidings_consumer *consumer = subscription->consumer;
    struct wire_id_list *members = NULL;
    struct tidings_error err = { 0 };
    tidings_status status = reply_error(reply, call->link, "members of the group", &err);
    if (status == TIDINGS_OK) {
        status = wire_id_list_decode(reply->body, &members, &err);
    }
    if (status == TIDINGS_OK) {
        assign_among(subscription, members);
        wire_id_list_free(members);
    } else {
        consumer->rebalance_failed = true; // what is held stays
        if (status != TIDINGS_E_CLOSED) {
            consumer_event(consumer, true, "rebalance of %s: %s", subscription->topic, err.text);
        }
    }
    if (--consumer->asking_members == 0) {
        end_round(consumer);
    }
}

static void ask_members(struct subscription *subscription)
{
    struct tidings_consumer *consumer = subscription->consumer;
    struct runtime *runtime = &consumer->runtime;
    const struct route_queues *queues = &subscription->route->readable;
    const struct wire_group_request request = { .group = str_of(consumer_group(consumer)) };
    struct wire_header header;
    request_init(&header, WIRE_GET_CONSUMER_LIST_BY_GROUP);
    if (request_fill(runtime, group_request, &header, &request) != TIDINGS_OK) {
        consumer->rebalance_failed = true;
        return;
    }
    consumer->asking_members++;
    subscription->members_call.done = on_members;
    runtime_call(runtime, &subscription->members_call, queues->items[0].broker->link, &header,
                 (struct str){ NULL, 0 }, config_number(runtime->config, CONFIG_REQUEST_TIMEOUT));
}

static void start_round(struct alarm *alarm)
{
    struct tidings_consumer *consumer =
        BASE_CONTAINER_OF(alarm, struct tidings_consumer, rebalance_alarm);
    consumer->rebalance_again = false;
    consumer->rebalance_failed = false;
    consumer->asking_members++; // so that no answer ends the round before all are asked
    for (unsigned i = 0; i < consumer->subscription_count; i++) {
        struct subscription *subscription = &consumer->subscriptions[i];
        if (!subscription->route->known) {
            continue;
        }
        if (consumer->is_broadcasting || subscription->route->readable.count == 0) {
            assign(subscription, 0, subscription->route->readable.count);
        } else {
            ask_members(subscription);
        }
    }
    if (--consumer->asking_members == 0) {
        end_round(consumer);
    }
}

void rebalance_soon(struct tidings_consumer *consumer, int64_t after_ms)
{
    struct runtime *runtime = &consumer->runtime;
    struct alarm *alarm = &consumer->rebalance_alarm;
    int64_t due_us = runtime_now_us(runtime) + after_ms * 1000;
    if (consumer->stopping) {
        return;
    }
    if (consumer->asking_members > 0) {
        consumer->rebalance_again = true;
    } else if (alarm->node.index == SIZE_MAX || alarm->node.due > due_us) {
        runtime_alarm_at(runtime, alarm, due_us);
    }
}

void rebalance_init(struct tidings_consumer *consumer)
{
    alarm_init(&consumer->rebalance_alarm, start_round);
}

void rebalance_stop(struct tidings_consumer *consumer)
{
    runtime_alarm_stop(&consumer->runtime, &consumer->rebalance_alarm);
    for (unsigned i = 0; i < consumer->subscription_count; i++) {
        runtime_cancel(&consumer->runtime, &consumer->subscriptions[i].members_call);
    }
    consumer->asking_members = 0;
}
