// SPDX-License-Identifier: Apache-2.0
// CONSUMER_SEND_MSG_BACK (36): a consumer could not apply a message; it climbs the ladder or dies.
#include "broker/delay.h"
#include "broker/handlers.h"

static tidings_status add_number(struct buf *out, struct str key, int64_t value)
{
    char text[24];
    return wire_properties_add(out, key, str_make(text, num_format_i64(text, value)));
}

struct back { // the message given back, and what is known of its earlier steps
    struct wire_message message;
    struct str origin_topic;
    struct str origin_id;
    char own_id[WIRE_MESSAGE_ID_MAX];
    int64_t first_ms;
};

static void read_back(struct broker *broker, const struct wire_send_back *asked, struct back *back)
{
    struct str properties = back->message.properties;
    back->origin_topic = wire_properties_get(properties, WIRE_P_RETRY_TOPIC);
    if (back->origin_topic.ptr == NULL) {
        back->origin_topic = back->message.topic;
    }
    back->origin_id = wire_properties_get(properties, WIRE_P_ORIGIN_ID);
    if (back->origin_id.ptr == NULL) {
        back->origin_id = str_make(
            back->own_id, wire_message_id_format(&broker->address, asked->offset, back->own_id));
    }
    if (!num_parse_i64(wire_properties_get(properties, DELAY_P_FIRST), 0, back->message.store_ms,
                       &back->first_ms)) {
        back->first_ms = clock_wall_ms(broker->options.clock); // the window counts from here
    }
}

// Properties of the copy: the old ones, and where it came from.
static tidings_status write_properties(const struct back *back,
                                       const struct delay_decision *decision, struct buf *out)
{
    const struct str replaced[] = { WIRE_P_RETRY_TOPIC, WIRE_P_ORIGIN_ID, DELAY_P_FIRST,
                                    WIRE_P_DELAY,       WIRE_P_DLQ_TOPIC, WIRE_P_DLQ_ID,
                                    DELAY_P_REASON };
    tidings_status status =
        wire_properties_copy(back->message.properties, replaced, BASE_COUNT(replaced), out);
    if (status == TIDINGS_OK) {
        status = wire_properties_add(out, WIRE_P_RETRY_TOPIC, back->origin_topic);
    }
    if (status == TIDINGS_OK) {
        status = wire_properties_add(out, WIRE_P_ORIGIN_ID, back->origin_id);
    }
    if (status == TIDINGS_OK) {
        status = add_number(out, DELAY_P_FIRST, back->first_ms);
    }
    if (status == TIDINGS_OK && decision->dead) {
        status = wire_properties_add(out, WIRE_P_DLQ_TOPIC, back->origin_topic);
    }
    if (status == TIDINGS_OK && decision->dead) {
        status = wire_properties_add(out, WIRE_P_DLQ_ID, back->origin_id);
    }
    if (status == TIDINGS_OK && decision->dead) {
        status = wire_properties_add(out, DELAY_P_REASON, str_of(decision->reason));
    }
    return status;
}

static tidings_status give_back(struct request *request, const struct wire_send_back *asked,
                                struct back *back, struct tidings_error *err)
{
    struct broker *broker = request->broker;
    struct asker asker = asker_of(request);
    struct delay_decision decision;
    struct delay_asked ask = { .group = asked->group,
                               .topic = back->origin_topic,
                               .delay_level = asked->delay_level,
                               .delay_ms = asked->delay_ms,
                               .max_attempts = asked->max_reconsume_times,
                               .reconsume_times = back->message.reconsume_times,
                               .first_ms = back->first_ms };
    delay_decide(broker, &ask, &decision);
    struct topic *topic = handler_group_topic(
        broker, decision.dead ? WIRE_DLQ_PREFIX : WIRE_RETRY_PREFIX, asked->group, err);
    if (topic == NULL) {
        return TIDINGS_E_FULL;
    }
    struct buf properties;
    buf_init(&properties, WIRE_PROPERTIES_MAX);
    tidings_status status = write_properties(back, &decision, &properties);
    if (status == TIDINGS_OK) {
        struct store_append append = {
            .topic = topic, .message = back->message, .due_ms = decision.due_ms, .asker = &asker
        };
        append.message.queue_id = 0;
        append.message.reconsume_times += append.message.reconsume_times < INT32_MAX;
        append.message.properties = buf_str(&properties);
        status = store_append(broker, &append, err);
    } else {
        (void)error_set(err, status, "properties of the message grow over %d bytes",
                        WIRE_PROPERTIES_MAX);
    }
    buf_deinit(&properties);
    broker->stats.send_backs += status == TIDINGS_OK;
    broker->stats.dead_letters += status == TIDINGS_OK && decision.dead;
    return status;
}

void handle_send_back(struct request *request)
{
    struct broker *broker = request->broker;
    struct wire_send_back asked;
    struct group *group;
    struct back back;
    struct str bytes;
    int64_t due_ms;
    struct tidings_error err = { 0 };
    tidings_status status = wire_send_back_decode(request->header, &asked, &err);
    if (status == TIDINGS_OK) {
        status = groups_ensure(broker, asked.group, &group, &err);
    }
    if (status != TIDINGS_OK) {
        answer_error(request, status, &err);
        return;
    }
    if (asked.delay_ms > broker->options.delay_max_ms) {
        answer_codef(request, WIRE_SYSTEM_ERROR, "delayMs %lld is over the longest delay, %lld",
                     (long long)asked.delay_ms, (long long)broker->options.delay_max_ms);
        return;
    }
    status = store_read(broker, asked.offset, &bytes, &due_ms, &err);
    if (status == TIDINGS_OK) {
        status = wire_message_decode(bytes, &back.message, &err);
    }
    if (status != TIDINGS_OK) {
        answer_codef(request, WIRE_SYSTEM_ERROR, "look message by offset failed, %lld: %s",
                     (long long)asked.offset, error_text(&err, status));
        return;
    }
    read_back(broker, &asked, &back);
    status = give_back(request, &asked, &back, &err);
    if (status != TIDINGS_OK) {
        answer_error(request, status, &err);
    }
}
