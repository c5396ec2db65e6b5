// SPDX-License-Identifier: Apache-2.0
#include "broker/delay.h"

#include "broker/handlers.h"

enum {
    FALLBACK_LEVEL = 3
}; // a consumer whose give-back failed sends with DELAY = 3 + reconsume times

// ---- the ladder in force ----
static void apply_retry(const struct index_retry *retry, struct ladder *ladder, bool *ladder_set,
                        int64_t *window_ms, int32_t *limit)
{
    if (!*ladder_set && retry->ladder[0] != '\0') {
        struct ladder own;
        if (ladder_parse(str_of(retry->ladder), &own, NULL) ==
            TIDINGS_OK) { // checked when it was set
            *ladder = own;
            *ladder_set = true;
        }
    }
    if (*window_ms < 0) {
        *window_ms = retry->window_ms;
    }
    if (*limit < 0) {
        *limit = retry->limit;
    }
}

void delay_ladder(struct broker *broker, struct str group_name, struct str topic_name,
                  struct ladder *ret, int64_t *ret_window_ms, int32_t *ret_limit)
{
    struct group *group = groups_find(&broker->groups, group_name);
    struct topic *topic = topics_find(&broker->topics, topic_name);
    bool set = false;
    *ret_window_ms = -1;
    *ret_limit = -1;
    if (group != NULL) {
        apply_retry(&group->config.retry, ret, &set, ret_window_ms, ret_limit);
    }
    if (topic != NULL) {
        apply_retry(&topic->config.retry, ret, &set, ret_window_ms, ret_limit);
    }
    if (!set) {
        *ret = broker->retry_ladder;
    }
    if (*ret_window_ms < 0) {
        *ret_window_ms = broker->options.retry_window_ms;
    }
    if (*ret_limit < 0) {
        *ret_limit = broker->options.retry_limit;
    }
}

tidings_status delay_check_retry(const struct index_retry *retry, struct tidings_error *err)
{
    struct ladder ladder;
    if (retry->ladder[0] != '\0') {
        return ladder_parse(str_of(retry->ladder), &ladder, err);
    }
    return TIDINGS_OK;
}

// ---- given back ----
static void die(struct delay_decision *ret, const char *reason)
{
    *ret = (struct delay_decision){ .dead = true, .reason = reason };
}

void delay_decide(struct broker *broker, const struct delay_asked *asked,
                  struct delay_decision *ret)
{
    struct ladder ladder;
    int64_t window_ms;
    int32_t limit;
    int64_t now_ms = clock_wall_ms(broker->options.clock);
    delay_ladder(broker, asked->group, asked->topic, &ladder, &window_ms, &limit);

    *ret = (struct delay_decision){ 0 };
    if (asked->delay_level < 0) {
        die(ret, "given up by the consumer");
    } else if (asked->max_attempts >= 0 && asked->reconsume_times >= asked->max_attempts) {
        die(ret, "the consumer's own limit of attempts");
    } else if (limit > 0 && asked->reconsume_times >= limit) {
        die(ret, "attempt limit");
    } else if (asked->delay_ms >= 0) {
        ret->due_ms = now_ms + asked->delay_ms;
    } else if (asked->delay_level > 0) {
        ret->due_ms = now_ms + ladder_level_ms(&broker->levels, asked->delay_level);
    } else {
        struct ladder_step step;
        if (window_ms > 0 && (ladder.window_ms == 0 || window_ms < ladder.window_ms)) {
            ladder.window_ms = window_ms; // jitter stops at its edge
        }
        ladder_next(&ladder, (unsigned)(asked->reconsume_times < 0 ? 0 : asked->reconsume_times),
                    asked->first_ms, now_ms, 0, &broker->rnd, &step);
        if (step.dead != LADDER_ALIVE) {
            die(ret, ladder_death_text(step.dead));
        } else {
            ret->due_ms = step.due_ms;
        }
    }
    if (!ret->dead && window_ms > 0 && ret->due_ms - asked->first_ms > window_ms) {
        die(ret, "time window");
    }
}

// ---- sends ----
// Milliseconds or seconds, or a time; four times a thousand of them still fit.
static const int64_t TIME_MAX = INT64_MAX / 4000;

static tidings_status read_time(struct str properties, struct str key, int64_t *ret,
                                struct tidings_error *err)
{
    struct str text = wire_properties_get(properties, key);
    if (text.ptr == NULL) {
        *ret = -1;
        return TIDINGS_OK;
    }
    if (!num_parse_i64(text, -TIME_MAX, TIME_MAX, ret)) {
        (void)error_set(err, TIDINGS_E_TOO_LARGE,
                        "property %.*s must be a whole number, not \"%.*s\"", STR_ARG(key),
                        STR_ARG(text));
        return TIDINGS_E_TOO_LARGE;
    }
    *ret = *ret < 0 ? 0 : *ret; // in the past: no delay
    return TIDINGS_OK;
}

static tidings_status timer_due(struct broker *broker, struct str properties, int64_t now_ms,
                                int64_t *ret_due_ms, struct tidings_error *err)
{
    int64_t seconds;
    int64_t millis;
    int64_t at;
    tidings_status status = read_time(properties, WIRE_P_TIMER_DELAY_SEC, &seconds, err);
    if (status == TIDINGS_OK) {
        status = read_time(properties, WIRE_P_TIMER_DELAY_MS, &millis, err);
    }
    if (status == TIDINGS_OK) {
        status = read_time(properties, WIRE_P_TIMER_DELIVER, &at, err);
    }
    if (status != TIDINGS_OK) {
        return status;
    }
    *ret_due_ms = 0;
    if (seconds >= 0) {
        *ret_due_ms = now_ms + seconds * 1000;
    } else if (millis >= 0) {
        *ret_due_ms = now_ms + millis;
    } else if (at >= 0) {
        *ret_due_ms = at;
    }
    if (*ret_due_ms - now_ms > broker->options.delay_max_ms) {
        char longest[48];
        size_t len = num_format_duration_ms(longest, broker->options.delay_max_ms);
        return error_set(err, TIDINGS_E_TOO_LARGE, "timer message illegal, the delay is over %.*s",
                         (int)len, longest);
    }
    if (*ret_due_ms <= now_ms) {
        *ret_due_ms = 0; // its time has come
    }
    return TIDINGS_OK;
}

// The stored message must not carry what delayed it: it would be delayed again when it is sent on.
static tidings_status strip(struct store_append *append, struct buf *texts)
{
    const struct str keys[] = { WIRE_P_DELAY, WIRE_P_TIMER_DELAY_MS, WIRE_P_TIMER_DELAY_SEC,
                                WIRE_P_TIMER_DELIVER };
    buf_clear(texts);
    tidings_status status =
        wire_properties_copy(append->message.properties, keys, BASE_COUNT(keys), texts);
    append->message.properties = buf_str(texts);
    return status;
}

// A send to %RETRY%group: the consumer could not give the message back (36), so it sends it again
// itself.
static tidings_status delay_of_retry(struct broker *broker, const struct wire_send *send,
                                     int64_t level, struct store_append *append,
                                     struct tidings_error *err)
{
    struct str group =
        str_make(send->topic.ptr + WIRE_RETRY_PREFIX.len, send->topic.len - WIRE_RETRY_PREFIX.len);
    struct str origin = wire_properties_get(send->properties, WIRE_P_RETRY_TOPIC);
    struct delay_decision decision;
    int32_t done = send->reconsume_times > 0 ? send->reconsume_times - 1 : 0;
    struct delay_asked asked = { .group = group,
                                 .topic = origin,
                                 .delay_ms = -1,
                                 .max_attempts = send->max_reconsume_times,
                                 .reconsume_times = done,
                                 .first_ms = clock_wall_ms(broker->options.clock) };
    int64_t first_ms;
    if (num_parse_i64(wire_properties_get(send->properties, DELAY_P_FIRST), 0, INT64_MAX,
                      &first_ms) &&
        first_ms < asked.first_ms) {
        asked.first_ms = first_ms;
    }
    if (level > 0 && level != FALLBACK_LEVEL + (int64_t)send->reconsume_times &&
        level != FALLBACK_LEVEL + (int64_t)done) {
        asked.delay_level =
            (int32_t)(level > 64 ? 64 : level); // chosen by somebody, not the rule 3 + n
    }
    delay_decide(broker, &asked, &decision);
    append->due_ms = decision.due_ms;
    if (decision.dead) {
        struct topic *dead = handler_group_topic(broker, WIRE_DLQ_PREFIX, group, err);
        if (dead == NULL) {
            return TIDINGS_E_FULL;
        }
        append->topic = dead;
        append->message.queue_id = 0;
        broker->stats.dead_letters++;
    }
    return TIDINGS_OK;
}

tidings_status delay_of_send(struct broker *broker, const struct wire_send *send,
                             struct store_append *append, struct buf *texts,
                             struct tidings_error *err)
{
    int64_t level = -1;
    tidings_status status = TIDINGS_OK;
    bool retry = str_is_retry_topic(send->topic);
    if (!retry && (append->marks & (WIRE_MARK_DELAY | WIRE_MARK_TIMER)) == 0) {
        return TIDINGS_OK; // the hot path
    }
    status = read_time(send->properties, WIRE_P_DELAY, &level, err);
    if (status != TIDINGS_OK) {
        return status;
    }
    int64_t now_ms = clock_wall_ms(broker->options.clock);
    if (retry && send->reconsume_times > 0) {
        status = delay_of_retry(broker, send, level, append, err);
    } else if (level > 0) {
        append->due_ms =
            now_ms + ladder_level_ms(&broker->levels, level > 1000 ? 1000 : (int)level);
    } else {
        status = timer_due(broker, send->properties, now_ms, &append->due_ms, err);
    }
    return status == TIDINGS_OK ? strip(append, texts) : status;
}
