// SPDX-License-Identifier: Apache-2.0
// What consoles show: GET_BROKER_CONFIG (26), GET_BROKER_RUNTIME_INFO (28),
// QUERY_CONSUME_TIME_SPAN (303), QUERY_TOPICS_BY_CONSUMER (343).
#include <stddef.h>
#include <sys/statvfs.h>

#include "broker/handlers.h"

// ---- 26: text of properties, by the names that RocketMQ has for them ----
void handle_broker_config(struct request *request)
{
    struct broker *broker = request->broker;
    const struct broker_options *options = &broker->options;
    buf_clear(&broker->body);
    tidings_status status = buf_addf(
        &broker->body,
        "brokerClusterName=%s\nbrokerName=%s\nbrokerId=0\nbrokerIP1=%s\nlistenPort=%d\n"
        "brokerRole=ASYNC_MASTER\nflushDiskType=SYNC_FLUSH\nautoCreateTopicEnable=%s\n"
        "defaultTopicQueueNums=%d\nmaxMessageSize=%lld\nmappedFileSizeCommitLog=%lld\n"
        "fileReservedTime=%lld\nmessageDelayLevel=%s\ntransactionCheckMax=%d\naclEnable=%s\n"
        "storePathRootDir=%s\nenablePropertyFilter=true\n",
        broker->cluster_name, broker->broker_name, broker->address_alone, broker->address.port,
        options->auto_create_topics ? "true" : "false", options->default_queues,
        (long long)options->max_message_size, (long long)options->segment_size,
        (long long)(options->retention_time_ms / 3600000), options->message_delay_level,
        options->transaction_check_max, broker->acl != NULL ? "true" : "false", broker->folder);
    answer_made(request, status, NULL);
}

// ---- 28 ----
static double disk_used(const struct broker *broker)
{
    struct statvfs disk;
    if (statvfs(broker->folder, &disk) != 0 || disk.f_blocks == 0) {
        return 0;
    }
    return 1 - (double)disk.f_bavail / (double)disk.f_blocks;
}

static tidings_status add_rates(struct broker *broker)
{
    char put[RATES_TEXT_MAX];
    char given[RATES_TEXT_MAX];
    char found[RATES_TEXT_MAX];
    char missed[RATES_TEXT_MAX];
    char asked[RATES_TEXT_MAX];
    const size_t of_found = offsetof(struct rates_sample, pulls_found);
    const size_t of_missed = offsetof(struct rates_sample, pulls_missed);
    rates_format(&broker->rates, offsetof(struct rates_sample, messages_in), RATES_NONE, put);
    rates_format(&broker->rates, offsetof(struct rates_sample, messages_out), RATES_NONE, given);
    rates_format(&broker->rates, of_found, RATES_NONE, found);
    rates_format(&broker->rates, of_missed, RATES_NONE, missed);
    rates_format(&broker->rates, of_found, of_missed, asked);
    return buf_addf(&broker->body,
                    "\"putTps\":\"%s\",\"getFoundTps\":\"%s\",\"getMissTps\":\"%s\","
                    "\"getTotalTps\":\"%s\",\"getTransferedTps\":\"%s\",",
                    put, found, missed, asked, given);
}

// Totals since the start; "morning" is midnight UTC.
static tidings_status add_totals(struct broker *broker, const struct broker_stats *stats)
{
    const struct rates *rates = &broker->rates;
    return buf_addf(
        &broker->body,
        "\"msgPutTotalYesterdayMorning\":\"%llu\",\"msgPutTotalTodayMorning\":\"%llu\","
        "\"msgPutTotalTodayNow\":\"%llu\",\"msgGetTotalYesterdayMorning\":\"%llu\","
        "\"msgGetTotalTodayMorning\":\"%llu\",\"msgGetTotalTodayNow\":\"%llu\",",
        (unsigned long long)rates->yesterday.messages_in,
        (unsigned long long)rates->today.messages_in, (unsigned long long)stats->messages_in,
        (unsigned long long)rates->yesterday.messages_out,
        (unsigned long long)rates->today.messages_out, (unsigned long long)stats->messages_out);
}

void handle_runtime_info(struct request *request)
{
    struct broker *broker = request->broker;
    struct broker_stats stats;
    broker_stats(broker, &stats);
    int64_t up_s = (request->now_ms - broker->started_ms) / 1000;
    buf_clear(&broker->body);
    tidings_status status =
        buf_addf(&broker->body,
                 "{\"table\":{\"brokerVersionDesc\":\"Tidings %s\",\"brokerVersion\":\"%d\","
                 "\"bootTimestamp\":\"%lld\",",
                 TIDINGS_VERSION, WIRE_VERSION, (long long)broker->started_ms);
    if (status == TIDINGS_OK) {
        status = add_rates(broker);
    }
    if (status == TIDINGS_OK) {
        status = add_totals(broker, &stats);
    }
    if (status == TIDINGS_OK) { // one thread serves all: nothing ever waits in a pool's queue
        status = buf_addf(&broker->body,
                          "\"runtime\":\"[ %lld days, %lld hours, %lld minutes, %lld seconds ]\","
                          "\"sendThreadPoolQueueSize\":\"0\",\"commitLogDiskRatio\":\"%.4f\","
                          "\"commitLogMinOffset\":\"%lld\",\"commitLogMaxOffset\":\"%lld\"}}",
                          (long long)(up_s / 86400), (long long)(up_s / 3600 % 24),
                          (long long)(up_s / 60 % 60), (long long)(up_s % 60), disk_used(broker),
                          (long long)commitlog_begin(broker->log),
                          (long long)commitlog_end(broker->log));
    }
    answer_made(request, status, NULL);
}

// ---- 303 ----
static tidings_status add_span(struct request *request, const struct group *group,
                               struct topic *topic, int32_t queue_id)
{
    struct broker *broker = request->broker;
    struct queue *queue = &topic->queues[queue_id];
    int64_t offset = group_offset(group, str_of(topic->config.name), queue_id);
    int64_t read = offset > queue->min ? queue_time_at(broker, queue, offset - 1) : 0;
    int64_t waiting = offset >= 0 && offset < queue->visible
                          ? queue_time_at(broker, queue, offset > queue->min ? offset : queue->min)
                          : 0;
    return buf_addf(&broker->body,
                    "%s{\"consumeTimeStamp\":%lld,\"delayTime\":%lld,\"maxTimeStamp\":%lld,"
                    "\"messageQueue\":{\"brokerName\":\"%s\",\"queueId\":%d,\"topic\":\"%s\"},"
                    "\"minTimeStamp\":%lld}",
                    queue_id > 0 ? "," : "", (long long)read,
                    (long long)(waiting > 0 ? request->now_ms - waiting : 0),
                    (long long)queue_last_time(broker, queue), broker->broker_name, queue_id,
                    topic->config.name, (long long)queue_time_at(broker, queue, queue->min));
}

void handle_time_span(struct request *request)
{
    struct broker *broker = request->broker;
    struct tidings_error err = { 0 };
    struct str topic_name = wire_header_get(request->header, STR("topic"));
    struct str group_name = wire_header_get(request->header, STR("group"));
    struct topic *topic = topics_find(&broker->topics, topic_name);
    const struct group *group = groups_find(&broker->groups, group_name);
    if (topic == NULL) {
        answer_codef(request, WIRE_TOPIC_NOT_EXIST, "topic[%.*s] not exist", STR_ARG(topic_name));
        return;
    }
    if (group == NULL) {
        answer_codef(request, WIRE_SUBSCRIPTION_GROUP_NOT_EXIST,
                     "subscription group [%.*s] not exist", STR_ARG(group_name));
        return;
    }
    buf_clear(&broker->body);
    tidings_status status = buf_add_str(&broker->body, STR("{\"consumeTimeSpanSet\":["));
    for (int32_t i = 0; i < topic->config.read_queues && status == TIDINGS_OK; i++) {
        status = add_span(request, group, topic, i);
    }
    if (status == TIDINGS_OK) {
        status = buf_add_str(&broker->body, STR("]}"));
    }
    answer_made(request, status, &err);
}

// ---- 343: topics that a group reads or has read ----
static tidings_status add_name(struct buf *body, struct str name, bool *first)
{
    tidings_status status = answer_comma(body, first);
    return status == TIDINGS_OK ? buf_addf(body, "\"%.*s\"", STR_ARG(name)) : status;
}

void handle_group_topics(struct request *request)
{
    struct broker *broker = request->broker;
    struct str name = wire_header_get(request->header, STR("group"));
    struct group *group = groups_find(&broker->groups, name);
    struct str key;
    void *value;
    size_t cursor = 0;
    bool first = true;
    buf_clear(&broker->body);
    tidings_status status = buf_add_str(&broker->body, STR("{\"topicList\":["));
    for (size_t i = 0; group != NULL && i < group->subscription_count && status == TIDINGS_OK;
         i++) {
        status = add_name(&broker->body, str_of(group->subscriptions[i].topic), &first);
    }
    while (group != NULL && status == TIDINGS_OK &&
           map_next(&group->offsets, &cursor, &key, &value)) {
        if (group_subscription(group, key) == NULL) {
            status = add_name(&broker->body, key, &first);
        }
    }
    if (status == TIDINGS_OK) {
        status = buf_add_str(&broker->body, STR("]}"));
    }
    answer_made(request, status, NULL);
}
