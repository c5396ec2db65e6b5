// SPDX-License-Identifier: Apache-2.0
// Messages that a handler did not take: sent back to the broker (36), which delivers them again by
// its ladder; or, where the broker cannot make the delay that is wanted, sent to the retry topic as
// a delayed copy (compose.c). What cannot be sent back is tried again: its offset is not stored
// before.
#include <stdlib.h>

#include "client/consumer.h"

enum { VERSION_WITH_TIMERS = 413, RECONSUME_LIMIT = 1000000, TIMER_LONGEST_MS = 259200 * 1000 };

struct back {
    struct list node;
    struct tidings_consumer *consumer;
    struct slot *slot;
    struct call call;
    struct alarm alarm;
    struct buf properties;
    struct wire_message message;
    struct str origin_topic;
    struct str origin_id;
    char own_id[WIRE_MESSAGE_ID_MAX];
    // what is to be done
    bool is_dead;
    bool by_copy;
    bool gives_up; // the copy goes to the dead letters
    int64_t first_ms;
    int64_t due_ms; // exact time, 0 = none
    int level;      // 0 = the broker's ladder
};

static void perform(struct back *back);

// ---- end ----
static void back_free(struct back *back)
{
    list_remove(&back->node);
    back->consumer->back_count--;
    buf_deinit(&back->properties);
    free(back);
}

void back_resume(struct tidings_consumer *consumer)
{
    for (unsigned i = 0; i < CONSUMER_BACKS_MAX && consumer->back_count < CONSUMER_BACKS_MAX &&
                         !list_empty(&consumer->backs_waiting);
         i++) {
        back_start(LIST_ENTRY(list_pop(&consumer->backs_waiting), struct slot, node));
    }
}

static void end(struct back *back)
{
    struct tidings_consumer *consumer = back->consumer;
    struct slot *slot = back->slot;
    struct pq *pq = slot->batch->pq;
    bool stale = atomic_load(&slot->batch->stale);
    back_free(back);
    slot_done(slot);
    if (consumer->is_orderly && !stale) {
        orderly_next(pq);
    }
    back_resume(consumer);
}

static void on_alarm(struct alarm *alarm)
{
    struct back *back = BASE_CONTAINER_OF(alarm, struct back, alarm);
    if (atomic_load(&back->slot->batch->stale)) {
        end(back);
    } else if (back->slot->wish == WISH_WAIT && !back->by_copy) { // held until now
        struct slot *slot = back->slot;
        back_free(back);
        dispatch_push_slot(slot);
    } else {
        perform(back);
    }
}

static void again_later(struct back *back, const struct tidings_error *err)
{
    consumer_event(back->consumer, true, "%s offset %lld could not be sent back: %s",
                   back->slot->batch->pq->subscription->topic, (long long)back->slot->queue_offset,
                   err->text);
    runtime_alarm(&back->consumer->runtime, &back->alarm, CONSUMER_BACK_AGAIN_MS);
}

// ---- as a copy ----
static void on_copied(struct call *call, const struct reply *reply)
{
    struct back *back = BASE_CONTAINER_OF(call, struct back, call);
    struct tidings_error err = { 0 };
    tidings_status status = reply_error(reply, call->link, "copy to the retry topic", &err);
    if (status == TIDINGS_OK || atomic_load(&back->slot->batch->stale)) {
        end(back);
        return;
    }
    if (status != TIDINGS_E_CLOSED) {
        again_later(back, &err);
    }
}

static tidings_status fill_copy(struct back *back, struct wire_header *header)
{
    struct tidings_consumer *consumer = back->consumer;
    const struct link *link = back->slot->batch->pq->broker->link;
    int64_t left_ms = back->due_ms - runtime_wall_ms(&consumer->runtime);
    struct compose compose = { .message = &back->message,
                               .origin_topic = back->origin_topic,
                               .origin_id = back->origin_id,
                               .first_ms = back->first_ms,
                               .due_ms = back->due_ms,
                               .level = back->level };
    if (back->due_ms > 0 && !back->gives_up) {
        compose.by_timer = link->version >= VERSION_WITH_TIMERS && left_ms < TIMER_LONGEST_MS;
        compose.level = compose_level(&consumer->levels, left_ms);
    } else if (compose.level == 0 && !back->gives_up) { // RocketMQ's rule
        compose.level = 3 + back->message.reconsume_times;
    }
    buf_clear(&back->properties);
    tidings_status status = compose_properties(&compose, &back->properties);
    if (status != TIDINGS_OK) {
        return status;
    }
    bool hops = back->slot->wish == WISH_WAIT;
    const struct wire_send request = {
        .producer_group = STR("CLIENT_INNER_PRODUCER"),
        .topic = str_of(consumer->subscriptions[consumer->subscription_count - 1].topic),
        .default_topic = WIRE_DEFAULT_TOPIC,
        .default_queues = 1,
        .sys_flag = back->message.sys_flag & (WIRE_SYS_COMPRESSED | 0x700),
        .born_ms = back->message.born_ms,
        .flag = back->message.flag,
        .properties = buf_str(&back->properties),
        .reconsume_times = back->message.reconsume_times + (hops ? 0 : 1),
        .max_reconsume_times = back->gives_up ? 0 : RECONSUME_LIMIT,
    };
    request_init(header, WIRE_SEND_MESSAGE_V2);
    return request_fill(&consumer->runtime, send, header, &request);
}

static void send_copy(struct back *back)
{
    struct runtime *runtime = &back->consumer->runtime;
    struct wire_header header;
    struct tidings_error err = { 0 };
    back->by_copy = true;
    tidings_status status = fill_copy(back, &header);
    if (status != TIDINGS_OK) {
        (void)error_set(&err, status, "copy to the retry topic: %s", tidings_status_text(status));
        again_later(back, &err);
        return;
    }
    back->call.done = on_copied;
    runtime_call(runtime, &back->call, back->slot->batch->pq->broker->link, &header,
                 back->message.body, config_number(runtime->config, CONFIG_REQUEST_TIMEOUT));
}

// ---- sent back ----
static void on_back(struct call *call, const struct reply *reply)
{
    struct back *back = BASE_CONTAINER_OF(call, struct back, call);
    struct tidings_error err = { 0 };
    tidings_status status = reply_error(reply, call->link, "send back", &err);
    if (status == TIDINGS_OK || atomic_load(&back->slot->batch->stale)) {
        end(back);
    } else if (status != TIDINGS_E_CLOSED) {
        back->gives_up = back->is_dead;
        send_copy(back);
    }
}

static void send_back(struct back *back)
{
    struct tidings_consumer *consumer = back->consumer;
    struct runtime *runtime = &consumer->runtime;
    struct link *link = back->slot->batch->pq->broker->link;
    int64_t most = config_number(runtime->config, CONFIG_MAX_ATTEMPTS);
    int64_t left_ms = back->due_ms - runtime_wall_ms(runtime);
    const struct wire_send_back request = {
        .offset = back->message.physical_offset,
        .group = str_of(consumer_group(consumer)),
        .delay_level = back->is_dead ? -1 : back->level,
        .origin_id = back->origin_id,
        .origin_topic = back->origin_topic,
        .max_reconsume_times = (int32_t)(most >= 0          ? most
                                         : link->is_tidings ? -1
                                                            : CONSUMER_RETRIES),
        .delay_ms = back->due_ms == 0 ? -1
                    : left_ms > 0     ? left_ms
                                      : 0,
    };
    struct wire_header header;
    request_init(&header, WIRE_CONSUMER_SEND_MSG_BACK);
    if (request_fill(runtime, send_back, &header, &request) != TIDINGS_OK) {
        const struct tidings_error err = { .text = "out of memory" };
        again_later(back, &err);
        return;
    }
    back->call.done = on_back;
    runtime_call(runtime, &back->call, link, &header, (struct str){ NULL, 0 },
                 config_number(runtime->config, CONFIG_REQUEST_TIMEOUT));
}

// ---- what is to be done ----
static void decide_later(struct back *back)
{
    struct tidings_consumer *consumer = back->consumer;
    const struct slot *slot = back->slot;
    int64_t now_ms = runtime_wall_ms(&consumer->runtime);
    int64_t most = config_number(consumer->runtime.config, CONFIG_MAX_ATTEMPTS);
    int32_t times = back->message.reconsume_times;
    bool is_tidings = slot->batch->pq->broker->link->is_tidings;
    if (slot->level > 0) {
        back->level = slot->level;
    } else if (slot->delay_ms >= 0) {
        back->due_ms = now_ms + slot->delay_ms;
        most = most < 0 && !is_tidings ? CONSUMER_RETRIES : most;
    } else if (consumer->has_ladder) {
        struct ladder_step step;
        ladder_next(&consumer->ladder, (unsigned)(times < 0 ? 0 : times), back->first_ms, now_ms, 0,
                    &consumer->runtime.rnd, &step);
        back->is_dead = step.dead != LADDER_ALIVE;
        back->due_ms = back->is_dead ? 0 : step.due_ms;
    }
    back->by_copy = back->due_ms > 0 && !is_tidings;
    if (back->by_copy && most >= 0 && times >= most) {
        back->is_dead = true;
    }
    if (back->is_dead) {
        back->by_copy = false;
        back->due_ms = 0;
    }
}

static void perform(struct back *back)
{
    if (back->by_copy) {
        send_copy(back);
    } else {
        send_back(back);
    }
}

// Its time has not come: near, it waits here; far, it goes through another delay.
static void hold_or_hop(struct back *back)
{
    struct runtime *runtime = &back->consumer->runtime;
    int64_t left_ms = back->slot->due_ms - runtime_wall_ms(runtime);
    back->due_ms = back->slot->due_ms;
    if (left_ms <= CONSUMER_HOLD_MS) {
        runtime_alarm(runtime, &back->alarm, left_ms > 0 ? left_ms : 0);
    } else {
        send_copy(back);
    }
}

static tidings_status read_slot(struct back *back)
{
    struct slot *slot = back->slot;
    struct batch *batch = slot->batch;
    struct wire_message *message = &back->message;
    struct str record = str_make(batch->bytes + slot->at, batch->bytes_len - slot->at);
    tidings_status status = wire_message_decode(record, message, NULL);
    if (status != TIDINGS_OK) {
        return status;
    }
    back->origin_topic = wire_properties_get(message->properties, WIRE_P_RETRY_TOPIC);
    if (back->origin_topic.len == 0) {
        back->origin_topic = message->topic;
    }
    back->origin_id = wire_properties_get(message->properties, WIRE_P_ORIGIN_ID);
    if (back->origin_id.len == 0) {
        back->origin_id =
            str_make(back->own_id, wire_message_id_format(&message->store_host,
                                                          message->physical_offset, back->own_id));
    }
    if (!num_parse_i64(wire_properties_get(message->properties, COMPOSE_P_FIRST), 1, INT64_MAX,
                       &back->first_ms)) {
        back->first_ms = message->reconsume_times > 0 ? message->born_ms
                                                      : runtime_wall_ms(&back->consumer->runtime);
    }
    return TIDINGS_OK;
}

void back_start(struct slot *slot)
{
    struct tidings_consumer *consumer = slot->batch->pq->consumer;
    if (atomic_load(&slot->batch->stale)) {
        slot_done(slot);
        return;
    }
    struct back *back = consumer->back_count < CONSUMER_BACKS_MAX ? calloc(1, sizeof *back) : NULL;
    if (back == NULL) {
        list_add_tail(&consumer->backs_waiting, &slot->node);
        return;
    }
    back->consumer = consumer;
    back->slot = slot;
    call_init(&back->call, on_back);
    alarm_init(&back->alarm, on_alarm);
    buf_init(&back->properties, (size_t)2 * WIRE_PROPERTIES_MAX);
    list_add_tail(&consumer->backs, &back->node);
    consumer->back_count++;
    if (read_slot(back) != TIDINGS_OK) { // it was read before: its bytes are ours
        end(back);
        return;
    }
    switch ((enum slot_wish)slot->wish) {
    case WISH_WAIT: hold_or_hop(back); return;
    case WISH_DEAD: back->is_dead = true; break;
    case WISH_LATER: decide_later(back); break;
    }
    perform(back);
}

// ---- handlers that take too long ----
static void expire(struct tidings_consumer *consumer, struct batch *batch, int64_t before_us)
{
    for (unsigned i = 0; i < batch->count; i++) {
        struct slot *slot = &batch->slots[i];
        uint8_t running = SLOT_RUNNING;
        if (atomic_load(&slot->state) == SLOT_RUNNING &&
            atomic_load_explicit(&slot->started_us, memory_order_relaxed) < before_us &&
            atomic_compare_exchange_strong(&slot->state, &running, SLOT_BACK)) {
            consumer_event(consumer, true,
                           "%s offset %lld: its handler runs longer than "
                           "consume_timeout, the message is sent back",
                           batch->pq->subscription->topic, (long long)slot->queue_offset);
            slot->wish = WISH_LATER;
            slot->delay_ms = -1;
            slot->level = 0;
            back_start(slot);
        }
    }
}

static void on_expire(struct alarm *alarm)
{
    struct tidings_consumer *consumer =
        BASE_CONTAINER_OF(alarm, struct tidings_consumer, expire_alarm);
    struct runtime *runtime = &consumer->runtime;
    int64_t timeout_ms = config_number(runtime->config, CONFIG_CONSUME_TIMEOUT);
    int64_t before_us = runtime_now_us(runtime) - timeout_ms * 1000;
    list_for_each (node, &consumer->queues) {
        struct pq *pq = LIST_ENTRY(node, struct pq, node);
        list_for_each (batch, &pq->batches) {
            expire(consumer, LIST_ENTRY(batch, struct batch, node), before_us);
        }
    }
    runtime_alarm(runtime, alarm, timeout_ms / 4 + 1);
}

void back_init(struct tidings_consumer *consumer)
{
    list_init(&consumer->backs);
    list_init(&consumer->backs_waiting);
    alarm_init(&consumer->expire_alarm, on_expire);
}

void back_cancel_all(struct tidings_consumer *consumer)
{
    struct runtime *runtime = &consumer->runtime;
    runtime_alarm_stop(runtime, &consumer->expire_alarm);
    while (!list_empty(&consumer->backs)) {
        struct back *back = LIST_ENTRY(consumer->backs.next, struct back, node);
        runtime_cancel(runtime, &back->call);
        runtime_alarm_stop(runtime, &back->alarm);
        back_free(back);
    }
    while (!list_empty(&consumer->backs_waiting)) {
        (void)list_pop(&consumer->backs_waiting);
    }
}
