// SPDX-License-Identifier: Apache-2.0
// Copies for the retry topic: how a ladder is climbed on brokers that know only delay levels.
#include "client/consumer.h"

int compose_level(const struct ladder_levels *levels, int64_t left_ms)
{
    int best = 0;
    int shortest = 0;
    for (unsigned i = 0; i < levels->count; i++) {
        int64_t delay_ms = levels->delays_ms[i];
        if (delay_ms <= left_ms && (best == 0 || delay_ms > levels->delays_ms[best - 1])) {
            best = (int)i + 1;
        }
        if (shortest == 0 || delay_ms < levels->delays_ms[shortest - 1]) {
            shortest = (int)i + 1;
        }
    }
    return best != 0 ? best : shortest;
}

static tidings_status add_number(struct buf *out, struct str key, int64_t value)
{
    char text[24];
    return wire_properties_add(out, key, str_make(text, num_format_i64(text, value)));
}

tidings_status compose_properties(const struct compose *compose, struct buf *out)
{
    const struct str replaced[] = {
        WIRE_P_RETRY_TOPIC,      WIRE_P_ORIGIN_ID,       WIRE_P_DELAY,
        WIRE_P_REAL_TOPIC,       WIRE_P_REAL_QID,        WIRE_P_RECONSUME_TIME,
        WIRE_P_MAX_RECONSUME,    WIRE_P_TIMER_DELAY_SEC, WIRE_P_TIMER_DELAY_MS,
        WIRE_P_TIMER_DELIVER,    STR("TIMER_OUT_MS"),    STR("TIMER_ROLL_TIMES"),
        COMPOSE_P_DUE,           COMPOSE_P_FIRST,        STR("TIMER_ENQUEUE_MS"),
        STR("TIMER_DEQUEUE_MS"),
    };
    tidings_status status =
        wire_properties_copy(compose->message->properties, replaced, BASE_COUNT(replaced), out);
    if (status == TIDINGS_OK) {
        status = wire_properties_add(out, WIRE_P_RETRY_TOPIC, compose->origin_topic);
    }
    if (status == TIDINGS_OK) {
        status = wire_properties_add(out, WIRE_P_ORIGIN_ID, compose->origin_id);
    }
    if (status == TIDINGS_OK) {
        status = add_number(out, COMPOSE_P_FIRST, compose->first_ms);
    }
    if (status == TIDINGS_OK && compose->due_ms > 0) {
        status = add_number(out, COMPOSE_P_DUE, compose->due_ms);
    }
    if (status == TIDINGS_OK && compose->by_timer) {
        // Its timers are up to a second late, and what comes early is held until due.
        status = add_number(out, WIRE_P_TIMER_DELIVER, compose->due_ms - COMPOSE_TIMER_LATE_MS);
    } else if (status == TIDINGS_OK && compose->level > 0) {
        status = add_number(out, WIRE_P_DELAY, compose->level);
    }
    return status == TIDINGS_OK && out->len > WIRE_PROPERTIES_MAX ? TIDINGS_E_TOO_LARGE : status;
}
