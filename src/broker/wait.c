// SPDX-License-Identifier: Apache-2.0
#include "broker/wait.h"

#include <stdalign.h>
#include <stddef.h>
#include <stdlib.h>

#include "broker/channel.h"
#include "broker/internal.h"

struct wait {
    struct heap_node deadline;
    struct list in_queue;
    struct list in_channel;
    struct channel *channel;
    int64_t queue_key;
    struct pull pull;
    bool tagged;
    // When tagged: a struct wire_tags as long as its count asks for, and the texts behind it.
    alignas(struct wire_tags) char tags[];
};

static const struct wire_tags tags_all = { .all = true };

static void fire(void *arg);

static int64_t now_ms(const struct broker *broker)
{
    return clock_mono_us(broker->options.clock) / 1000;
}

tidings_status waits_init(struct broker *broker)
{
    heap_init(&broker->waits.by_deadline, WAITS_MAX);
    return net_timer_new(broker->options.loop, fire, broker, &broker->waits.timer);
}

static void wait_forget(struct broker *broker, struct wait *wait)
{
    heap_remove(&broker->waits.by_deadline, &wait->deadline);
    list_remove(&wait->in_queue);
    list_remove(&wait->in_channel);
    wait->channel->wait_count--;
    expression_give(wait->pull.expression);
    free(wait);
}

void waits_deinit(struct broker *broker)
{
    struct heap_node *node;
    while ((node = heap_peek(&broker->waits.by_deadline)) != NULL) {
        wait_forget(broker, BASE_CONTAINER_OF(node, struct wait, deadline));
    }
    heap_deinit(&broker->waits.by_deadline);
    net_timer_free(broker->waits.timer);
    broker->waits = (struct waits){ 0 };
}

static void arm(struct broker *broker)
{
    struct heap_node *first = heap_peek(&broker->waits.by_deadline);
    if (first == NULL) {
        net_timer_stop(broker->waits.timer);
    } else {
        net_timer_start(broker->waits.timer, first->due - now_ms(broker));
    }
}

// Own copy of the tags: views are moved from the request's expression to the copy.
static struct wait *wait_new(const struct pull *pull)
{
    const struct wire_tags *tags = pull->tags;
    size_t text = 0;
    for (unsigned i = 0; i < tags->count; i++) {
        text += tags->tags[i].text.len;
    }
    size_t own = offsetof(struct wire_tags, tags) + tags->count * sizeof tags->tags[0];
    size_t extra = tags->all ? 0 : own + text;
    struct wait *wait = malloc(sizeof *wait + extra);
    if (wait == NULL) {
        return NULL;
    }
    *wait = (struct wait){ .pull = *pull, .tagged = !tags->all };
    wait->pull.tags = &tags_all;
    if (wait->tagged) {
        struct wire_tags *copy = (struct wire_tags *)(void *)wait->tags;
        char *at = wait->tags + own;
        memcpy(copy, tags, own);
        for (unsigned i = 0; i < tags->count; i++) {
            memcpy(at, tags->tags[i].text.ptr, tags->tags[i].text.len);
            copy->tags[i].text.ptr = at;
            at += tags->tags[i].text.len;
        }
        wait->pull.tags = copy;
    }
    return wait;
}

tidings_status waits_hold(struct broker *broker, struct queue *queue, const struct pull *pull,
                          int64_t suspend_ms)
{
    struct net_conn *conn = net_conn_find(broker->options.loop, pull->conn_id);
    struct channel *channel = conn != NULL ? net_conn_user(conn) : NULL;
    if (channel == NULL) {
        return TIDINGS_E_CLOSED;
    }
    if (channel->wait_count >= CHANNEL_WAITS_MAX) {
        return TIDINGS_E_FULL;
    }
    struct wait *wait = wait_new(pull);
    if (wait == NULL) {
        return TIDINGS_E_NO_MEMORY;
    }
    if (suspend_ms > WAIT_LONGEST_MS) {
        suspend_ms = WAIT_LONGEST_MS;
    }
    heap_node_init(&wait->deadline);
    tidings_status status = heap_push(&broker->waits.by_deadline, &wait->deadline,
                                      now_ms(broker) + (suspend_ms < 0 ? 0 : suspend_ms));
    if (status != TIDINGS_OK) {
        free(wait);
        return status;
    }
    if (pull->expression != NULL) {
        expression_hold(pull->expression);
    }
    wait->queue_key = queue->key;
    wait->channel = channel;
    channel->wait_count++;
    list_add_tail(&channel->waits, &wait->in_channel);
    list_add_tail(&queue->waits, &wait->in_queue);
    if (heap_peek(&broker->waits.by_deadline) == &wait->deadline) {
        arm(broker);
    }
    return TIDINGS_OK;
}

void waits_wake(struct broker *broker, struct queue *queue)
{
    list_for_each_safe (node, following, &queue->waits) {
        struct wait *wait = LIST_ENTRY(node, struct wait, in_queue);
        if (pull_answer(broker, queue, &wait->pull, false)) {
            wait_forget(broker, wait);
        }
    }
}

static void answer_now(struct broker *broker, struct wait *wait)
{
    struct queue *queue = topics_find_queue(&broker->topics, wait->queue_key);
    if (queue != NULL) {
        (void)pull_answer(broker, queue, &wait->pull, true);
    }
    wait_forget(broker, wait);
}

static void fire(void *arg)
{
    struct broker *broker = arg;
    struct heap_node *node;
    while ((node = heap_peek(&broker->waits.by_deadline)) != NULL && node->due <= now_ms(broker)) {
        answer_now(broker, BASE_CONTAINER_OF(node, struct wait, deadline));
    }
    arm(broker);
}

void waits_channel_closed(struct broker *broker, struct channel *channel)
{
    list_for_each_safe (node, following, &channel->waits) {
        wait_forget(broker, LIST_ENTRY(node, struct wait, in_channel));
    }
}

void waits_answer_all(struct broker *broker)
{
    struct heap_node *node;
    while ((node = heap_peek(&broker->waits.by_deadline)) != NULL) {
        answer_now(broker, BASE_CONTAINER_OF(node, struct wait, deadline));
    }
    arm(broker);
}

void waits_answer_queue(struct broker *broker, struct queue *queue)
{
    list_for_each_safe (node, following, &queue->waits) {
        answer_now(broker, LIST_ENTRY(node, struct wait, in_queue));
    }
}
