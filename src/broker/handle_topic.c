// SPDX-License-Identifier: Apache-2.0
// Administration of topics: 17, 215, 216, 21, 206, 202.
#include <stdio.h>

#include "broker/delay.h"
#include "broker/handlers.h"

// Takes the retry settings that a request names over into `retry`; what it leaves out stays.
static tidings_status set_retry(struct index_retry *retry, const struct wire_create_topic *asked,
                                struct tidings_error *err)
{
    if (asked->retry_ladder.ptr != NULL &&
        !str_copy(retry->ladder, sizeof retry->ladder, asked->retry_ladder)) {
        return error_set(err, TIDINGS_E_TOO_LARGE, "retryLadder is over %zu bytes",
                         sizeof retry->ladder - 1);
    }
    if (asked->retry_window_ms >= 0) {
        retry->window_ms = asked->retry_window_ms;
    }
    if (asked->retry_limit >= 0) {
        retry->limit = asked->retry_limit;
    }
    return delay_check_retry(retry, err);
}

static tidings_status check_topic(const struct wire_create_topic *asked, struct tidings_error *err)
{
    if (!wire_name_is_valid(asked->topic, WIRE_TOPIC_MAX)) {
        return error_set(err, TIDINGS_E_INVALID,
                         "The specified topic[%.*s] is illegal: 1 to %d of %% | a-z A-Z 0-9 _ -",
                         STR_ARG(asked->topic), WIRE_TOPIC_MAX);
    }
    if (topic_is_reserved(asked->topic) || str_eq(asked->topic, WIRE_DEFAULT_TOPIC)) {
        return error_set(err, TIDINGS_E_INVALID, "The topic[%.*s] is conflict with system topic.",
                         STR_ARG(asked->topic));
    }
    if (asked->read_queues < 1 || asked->read_queues > BROKER_QUEUES_MAX ||
        asked->write_queues < 1 || asked->write_queues > BROKER_QUEUES_MAX) {
        return error_set(err, TIDINGS_E_INVALID, "readQueueNums and writeQueueNums must be 1 to %d",
                         BROKER_QUEUES_MAX);
    }
    if ((asked->perm & ~7) != 0) {
        return error_set(err, TIDINGS_E_INVALID,
                         "perm must be made of 4 (read), 2 (write), 1 (inherit)");
    }
    return TIDINGS_OK;
}

void handle_create_topic(struct request *request)
{
    struct broker *broker = request->broker;
    struct asker asker = asker_of(request);
    struct wire_create_topic asked;
    struct index_topic config = { .retry = { .window_ms = -1, .limit = -1 } };
    struct index_topic before;
    struct topic *topic = NULL;
    bool known = false;
    struct tidings_error err = { 0 };
    tidings_status status = wire_create_topic_decode(request->header, &asked, &err);
    if (status == TIDINGS_OK) {
        status = check_topic(&asked, &err);
    }
    if (status == TIDINGS_OK) {
        topic = topics_find(&broker->topics, asked.topic);
        known = topic != NULL;
        if (known) {
            config = before = topic->config;
        }
        (void)str_copy(config.name, sizeof config.name, asked.topic);
        config.read_queues = asked.read_queues;
        config.write_queues = asked.write_queues;
        config.perm = asked.perm;
        status = set_retry(&config.retry, &asked, &err);
    }
    if (status == TIDINGS_OK) {
        status = topics_put(&broker->topics, &config, &topic);
    }
    if (status == TIDINGS_OK) {
        status = store_log_topic(broker, topic, &asker, &err);
        if (status != TIDINGS_OK && known) {
            topic->config = before;
        } else if (status != TIDINGS_OK) {
            topics_remove(&broker->topics, topic);
        }
    }
    if (status != TIDINGS_OK) {
        answer_code(request, WIRE_SYSTEM_ERROR, error_text(&err, status));
    }
}

void handle_delete_topic(struct request *request)
{
    struct broker *broker = request->broker;
    struct asker asker = asker_of(request);
    struct wire_topic_request asked;
    struct tidings_error err = { 0 };
    tidings_status status = wire_topic_request_decode(request->header, &asked, &err);
    struct topic *topic = status == TIDINGS_OK ? topics_find(&broker->topics, asked.topic) : NULL;
    if (status == TIDINGS_OK && topic == NULL) { // as RocketMQ: nothing to do is success
        answer_code(request, WIRE_SUCCESS, NULL);
        return;
    }
    if (status == TIDINGS_OK) {
        status = store_log_topic_delete(broker, topic->config.id, &asker, &err);
    }
    if (status != TIDINGS_OK) {
        answer_error(request, status, &err);
        return;
    }
    topic->deleting = true;
}

void handle_delete_topic_route(struct request *request)
{
    answer_code(request, WIRE_SUCCESS, NULL); // routes are made of the topics themselves
}

static tidings_status add_config(struct buf *out, const struct index_topic *config)
{
    char window[24];
    size_t len = num_format_i64(window, config->retry.window_ms);
    return buf_addf(
        out,
        "{\"topicName\":\"%s\",\"readQueueNums\":%d,\"writeQueueNums\":%d,"
        "\"perm\":%d,\"topicFilterType\":\"SINGLE_TAG\",\"topicSysFlag\":0,\"order\":false,"
        "\"retryLadder\":\"%s\",\"retryWindowMs\":%.*s,\"retryMaxTimes\":%d}",
        config->name, config->read_queues, config->write_queues, config->perm, config->retry.ladder,
        (int)len, window, config->retry.limit);
}

void handle_topic_configs(struct request *request)
{
    struct broker *broker = request->broker;
    struct str key;
    void *value;
    size_t cursor = 0;
    bool first = true;
    buf_clear(&broker->body);
    tidings_status status = buf_add_str(&broker->body, STR("{\"topicConfigTable\":{"));
    while (status == TIDINGS_OK && map_next(&broker->topics.by_name, &cursor, &key, &value)) {
        status = answer_comma(&broker->body, &first);
        if (status == TIDINGS_OK) {
            status = buf_addf(&broker->body, "\"%.*s\":", STR_ARG(key));
        }
        if (status == TIDINGS_OK) {
            status = add_config(&broker->body, &((struct topic *)value)->config);
        }
    }
    if (status == TIDINGS_OK) {
        status = buf_add_str(
            &broker->body,
            STR("},\"dataVersion\":{\"counter\":0,\"stateVersion\":0,\"timestamp\":0}}"));
    }
    answer_made(request, status, NULL);
}

// The topic that a request is about; NULL when it was answered.
static struct topic *asked_topic(struct request *request)
{
    struct wire_topic_request asked;
    struct tidings_error err = { 0 };
    tidings_status status = wire_topic_request_decode(request->header, &asked, &err);
    if (status != TIDINGS_OK) {
        answer_error(request, status, &err);
        return NULL;
    }
    struct queue *first = handler_queue(request, asked.topic, 0);
    return first != NULL ? first->topic : NULL;
}

void handle_topic_config(struct request *request)
{
    struct broker *broker = request->broker;
    const struct topic *topic = asked_topic(request);
    if (topic == NULL) {
        return;
    }
    buf_clear(&broker->body);
    tidings_status status = add_config(&broker->body, &topic->config);
    answer_made(request, status, NULL);
}

void handle_topic_list(struct request *request)
{
    struct broker *broker = request->broker;
    struct str key;
    void *value;
    size_t cursor = 0;
    bool first = true;
    buf_clear(&broker->body);
    tidings_status status = buf_add_str(&broker->body, STR("{\"topicList\":["));
    while (status == TIDINGS_OK && map_next(&broker->topics.by_name, &cursor, &key, &value)) {
        status = answer_comma(&broker->body, &first);
        if (status == TIDINGS_OK) {
            status = buf_addf(&broker->body, "\"%.*s\"", STR_ARG(key));
        }
    }
    if (status == TIDINGS_OK) {
        status = buf_add_str(&broker->body, STR("]}"));
    }
    answer_made(request, status, NULL);
}

void handle_topic_stats(struct request *request)
{
    struct broker *broker = request->broker;
    const struct topic *topic = asked_topic(request);
    if (topic == NULL) {
        return;
    }
    bool first = true;
    buf_clear(&broker->body);
    tidings_status status = buf_add_str(&broker->body, STR("{\"offsetTable\":{"));
    for (int32_t i = 0; i < topic->queue_count && status == TIDINGS_OK; i++) {
        status = answer_comma(&broker->body, &first);
        if (status == TIDINGS_OK) { // an object as key: RocketMQ's dialect
            status =
                buf_addf(&broker->body,
                         "{\"brokerName\":\"%s\",\"queueId\":%d,\"topic\":\"%s\"}:"
                         "{\"lastUpdateTimestamp\":%lld,\"maxOffset\":%lld,\"minOffset\":%lld}",
                         broker->broker_name, i, topic->config.name,
                         (long long)queue_last_time(broker, &topic->queues[i]),
                         (long long)topic->queues[i].visible, (long long)topic->queues[i].min);
        }
    }
    if (status == TIDINGS_OK) {
        status = buf_add_str(&broker->body, STR("}}"));
    }
    answer_made(request, status, NULL);
}

// The name server's keys and values: tools ask for the order of queues that a topic may have there,
// and delete it with the topic. Nobody can put one here.
void handle_get_kv(struct request *request)
{
    answer_codef(request, WIRE_QUERY_NOT_FOUND, "no such key: %.*s",
                 STR_ARG(wire_header_get(request->header, STR("key"))));
}

void handle_delete_kv(struct request *request)
{
    answer_code(request, WIRE_SUCCESS, NULL);
}
