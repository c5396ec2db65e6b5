// SPDX-License-Identifier: Apache-2.0
// Administration of consumer groups: 200, 201, 207, 208, 203, 204, 222.
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "broker/delay.h"
#include "broker/handlers.h"
#include "wire/tree.h"

static void answer_json(struct request *request, json_t *root)
{
    char *text = root != NULL ? json_dumps(root, JSON_COMPACT) : NULL;
    if (text != NULL) {
        answer_body(request, str_of(text));
    } else {
        answer_error(request, TIDINGS_E_NO_MEMORY, NULL);
    }
    free(text);
    json_decref(root);
}

static bool json_true_unless(json_t *root, const char *key, bool absent)
{
    json_t *value = json_object_get(root, key);
    return json_is_boolean(value) ? json_is_true(value) : absent;
}

static tidings_status read_group(struct broker *broker, json_t *root, struct index_group *ret,
                                 struct tidings_error *err)
{
    json_t *name = json_object_get(root, "groupName");
    json_t *ladder = json_object_get(root, "retryLadder");
    json_t *window = json_object_get(root, "retryWindowMs");
    json_t *limit = json_object_get(root, "retryLimit");
    struct str text = str_of(json_string_value(name));
    if (!wire_name_is_valid(text, WIRE_GROUP_MAX)) {
        return error_set(err, TIDINGS_E_INVALID,
                         "groupName must be 1 to %d of %% | a-z A-Z 0-9 _ -", WIRE_GROUP_MAX);
    }
    struct group *group = groups_find(&broker->groups, text);
    *ret = (struct index_group){ .retry = { .window_ms = -1, .limit = -1 } };
    if (group != NULL) {
        *ret = group->config;
    }
    (void)str_copy(ret->name, sizeof ret->name, text);
    ret->consume_enabled = json_true_unless(root, "consumeEnable", true);
    ret->broadcast_enabled = json_true_unless(root, "consumeBroadcastEnable", true);
    ret->notify_enabled = json_true_unless(root, "notifyConsumerIdsChangedEnable", true);
    if (json_is_string(ladder) &&
        !str_copy(ret->retry.ladder, sizeof ret->retry.ladder, str_of(json_string_value(ladder)))) {
        return error_set(err, TIDINGS_E_INVALID, "retryLadder is over %zu bytes",
                         sizeof ret->retry.ladder - 1);
    }
    if (json_is_integer(window)) {
        ret->retry.window_ms = json_integer_value(window);
    }
    // RocketMQ's own field is 16 unless somebody thought about it: only another value is taken for
    // a limit.
    json_t *times = json_object_get(root, "retryMaxTimes");
    if (json_is_integer(limit)) {
        ret->retry.limit = (int32_t)json_integer_value(limit);
    } else if (json_is_integer(times) && json_integer_value(times) != 16) {
        ret->retry.limit = (int32_t)json_integer_value(times);
    }
    return delay_check_retry(&ret->retry, err);
}

void handle_create_group(struct request *request)
{
    struct broker *broker = request->broker;
    struct asker asker = asker_of(request);
    struct index_group config;
    struct group *group;
    struct tidings_error err = { 0 };
    struct tidings_error why = { 0 };
    json_t *root = NULL;
    tidings_status status = wire_tree_parse(request->body, &root, &why);
    status = status != TIDINGS_OK
                 ? error_set(&err, status, "body is not JSON: %s", error_text(&why, status))
                 : read_group(broker, root, &config, &err);
    json_decref(root);
    if (status == TIDINGS_OK) {
        status = groups_ensure(broker, str_of(config.name), &group, &err);
    }
    if (status == TIDINGS_OK) {
        status = store_log_group(broker, &config, &asker, &err);
    }
    if (status == TIDINGS_OK) {
        group->config = config;
    } else {
        answer_code(request, WIRE_SYSTEM_ERROR, error_text(&err, status));
    }
}

void handle_delete_group(struct request *request)
{
    struct broker *broker = request->broker;
    struct asker asker = asker_of(request);
    struct wire_delete_group asked;
    struct tidings_error err = { 0 };
    tidings_status status = wire_delete_group_decode(request->header, &asked, &err);
    if (status == TIDINGS_OK && groups_find(&broker->groups, asked.group) == NULL) {
        answer_code(request, WIRE_SUCCESS, NULL);
        return;
    }
    if (status == TIDINGS_OK) {
        groups_flush_offsets(broker); // what it had read is stored before it goes, or goes with it
        status = store_log_group_delete(broker, asked.group, asked.clean_offset, &asker, &err);
    }
    if (status != TIDINGS_OK) {
        answer_error(request, status, &err);
    }
}

static json_t *config_of(const struct group *group)
{
    const struct index_group *config = &group->config;
    return json_pack("{s:s,s:b,s:b,s:b,s:i,s:i,s:i,s:i,s:b,s:s,s:I,s:i}", "groupName", config->name,
                     "consumeEnable", config->consume_enabled, "consumeFromMinEnable", 1,
                     "consumeBroadcastEnable", config->broadcast_enabled, "retryQueueNums", 1,
                     "retryMaxTimes", config->retry.limit >= 0 ? config->retry.limit : 16,
                     "brokerId", 0, "whichBrokerWhenConsumeSlowly", 1,
                     "notifyConsumerIdsChangedEnable", config->notify_enabled, "retryLadder",
                     config->retry.ladder, "retryWindowMs", (json_int_t)config->retry.window_ms,
                     "retryLimit", config->retry.limit);
}

void handle_group_configs(struct request *request)
{
    struct str key;
    void *value;
    size_t cursor = 0;
    json_t *table = json_object();
    while (map_next(&request->broker->groups.by_name, &cursor, &key, &value)) {
        json_object_set_new(table, ((struct group *)value)->config.name, config_of(value));
    }
    answer_json(request, json_pack("{s:o,s:{s:i,s:i,s:i}}", "subscriptionGroupTable", table,
                                   "dataVersion", "counter", 0, "stateVersion", 0, "timestamp", 0));
}

void handle_group_config(struct request *request)
{
    struct wire_group_config asked;
    struct tidings_error err = { 0 };
    tidings_status status = wire_group_config_decode(request->header, &asked, &err);
    if (status != TIDINGS_OK) {
        answer_error(request, status, &err);
        return;
    }
    const struct group *group = groups_find(&request->broker->groups, asked.group);
    if (group == NULL) {
        answer_codef(request, WIRE_SUBSCRIPTION_GROUP_NOT_EXIST,
                     "subscription group [%.*s] not exist", STR_ARG(asked.group));
        return;
    }
    answer_json(request, config_of(group));
}

// ---- which groups read a topic: 300 ----
void handle_topic_groups(struct request *request)
{
    struct wire_topic_request asked;
    struct str key;
    void *value;
    size_t cursor = 0;
    struct tidings_error err = { 0 };
    tidings_status status = wire_topic_request_decode(request->header, &asked, &err);
    if (status != TIDINGS_OK) {
        answer_error(request, status, &err);
        return;
    }
    json_t *names = json_array();
    while (map_next(&request->broker->groups.by_name, &cursor, &key, &value)) {
        const struct group *group = value;
        if (map_get(&group->offsets, asked.topic) != NULL ||
            group_subscription(group, asked.topic) != NULL) {
            json_array_append_new(names, json_string(group->config.name));
        }
    }
    answer_json(request, json_pack("{s:o}", "groupList", names));
}

// ---- how far a group has read: 208 ----
static tidings_status add_stats(struct broker *broker, struct group *group, struct topic *topic,
                                bool *first)
{
    tidings_status status = TIDINGS_OK;
    for (int32_t i = 0; i < topic->config.read_queues && status == TIDINGS_OK; i++) {
        struct queue *queue = &topic->queues[i];
        int64_t offset = group_offset(group, str_of(topic->config.name), i);
        status = buf_addf(&broker->body,
                          "%s{\"brokerName\":\"%s\",\"queueId\":%d,\"topic\":\"%s\"}:"
                          "{\"brokerOffset\":%lld,\"consumerOffset\":%lld,\"lastTimestamp\":%lld}",
                          *first ? "" : ",", broker->broker_name, i, topic->config.name,
                          (long long)queue->visible, (long long)(offset < 0 ? 0 : offset),
                          (long long)queue_last_time(broker, queue));
        *first = false;
    }
    return status;
}

void handle_consume_stats(struct request *request)
{
    struct broker *broker = request->broker;
    struct wire_stats asked;
    struct str key;
    void *value;
    size_t cursor = 0;
    bool first = true;
    struct tidings_error err = { 0 };
    tidings_status status = wire_stats_decode(request->header, &asked, &err);
    struct group *group = status == TIDINGS_OK ? groups_find(&broker->groups, asked.group) : NULL;
    if (status == TIDINGS_OK && group == NULL) {
        answer_codef(request, WIRE_SUBSCRIPTION_GROUP_NOT_EXIST,
                     "subscription group [%.*s] not exist", STR_ARG(asked.group));
        return;
    }
    if (status == TIDINGS_OK) {
        buf_clear(&broker->body);
        status =
            buf_addf(&broker->body, "{\"consumeTps\":%.2f,\"offsetTable\":{", group->per_second);
    }
    while (status == TIDINGS_OK && map_next(&group->offsets, &cursor, &key, &value)) {
        struct topic *topic = topics_find(&broker->topics, key);
        if (topic != NULL && (asked.topic.len == 0 || str_eq(asked.topic, key))) {
            status = add_stats(broker, group, topic, &first);
        }
    }
    if (status == TIDINGS_OK) {
        status = buf_add_str(&broker->body, STR("}}"));
    }
    answer_made(request, status, &err);
}

// ---- who is connected: 203, 204 ----
static const char *language_name(int32_t number)
{
    static const char *const names[] = { "JAVA",   "CPP",  "DOTNET", "PYTHON", "DELPHI",
                                         "ERLANG", "RUBY", "OTHER",  "HTTP",   "GO",
                                         "PHP",    "OMS",  "RUST" };
    return number >= 0 && (size_t)number < BASE_COUNT(names) ? names[number] : "OTHER";
}

static json_t *connection(struct broker *broker, const char *client_id, uint64_t conn_id,
                          int32_t language, int32_t version)
{
    char peer[64] = "";
    struct net_conn *conn = net_conn_find(broker->options.loop, conn_id);
    if (conn != NULL) {
        net_conn_peer_text(conn, peer, sizeof peer);
    }
    return json_pack("{s:s,s:s,s:s,s:i}", "clientId", client_id, "clientAddr", peer, "language",
                     language_name(language), "version", version);
}

static json_t *subscriptions(const struct group *group)
{
    json_t *table = json_object();
    for (size_t i = 0; i < group->subscription_count; i++) {
        const struct subscription *own = &group->subscriptions[i];
        json_object_set_new(table, own->topic,
                            json_pack("{s:s,s:s,s:s,s:I,s:b,s:[],s:[]}", "topic", own->topic,
                                      "subString", own->expression, "expressionType",
                                      own->expression_type, "subVersion", (json_int_t)own->version,
                                      "classFilterMode", 0, "tagsSet", "codeSet"));
    }
    return table;
}

void handle_consumer_connections(struct request *request)
{
    static const char *const from_where[] = { "CONSUME_FROM_LAST_OFFSET",
                                              "CONSUME_FROM_FIRST_OFFSET",
                                              "CONSUME_FROM_TIMESTAMP" };
    struct broker *broker = request->broker;
    struct wire_group_request asked;
    struct tidings_error err = { 0 };
    tidings_status status = wire_group_request_decode(request->header, &asked, &err);
    struct group *group = status == TIDINGS_OK ? groups_find(&broker->groups, asked.group) : NULL;
    if (status != TIDINGS_OK) {
        answer_error(request, status, &err);
        return;
    }
    if (group == NULL || group->member_count == 0) {
        answer_codef(request, 206, "the consumer group[%.*s] not online", STR_ARG(asked.group));
        return;
    }
    json_t *set = json_array();
    list_for_each (node, &group->members) {
        const struct member *member = LIST_ENTRY(node, struct member, node);
        json_array_append_new(set, connection(broker, member->client_id, member->conn_id,
                                              member->language, member->version));
    }
    answer_json(request,
                json_pack("{s:o,s:o,s:s,s:s,s:s}", "connectionSet", set, "subscriptionTable",
                          subscriptions(group), "consumeType",
                          group->active ? "CONSUME_ACTIVELY" : "CONSUME_PASSIVELY", "messageModel",
                          group->model == WIRE_BROADCASTING ? "BROADCASTING" : "CLUSTERING",
                          "consumeFromWhere", from_where[group->from_where]));
}

void handle_producer_connections(struct request *request)
{
    struct broker *broker = request->broker;
    struct str name = wire_header_get(request->header, STR("producerGroup"));
    struct producer_group *group = map_get(&broker->groups.producers, name);
    if (group == NULL) {
        answer_codef(request, WIRE_SYSTEM_ERROR, "the producer group[%.*s] not exist",
                     STR_ARG(name));
        return;
    }
    json_t *set = json_array();
    list_for_each (node, &group->producers) {
        const struct producer *producer = LIST_ENTRY(node, struct producer, node);
        json_array_append_new(set, connection(broker, producer->client_id, producer->conn_id,
                                              producer->language, producer->version));
    }
    answer_json(request, json_pack("{s:o}", "connectionSet", set));
}

// ---- 222: offsets of a group are set anew, and its consumers told (220) ----
static tidings_status reset_queue(struct broker *broker, struct group *group, struct queue *queue,
                                  const struct wire_reset *asked, int64_t *ret_offset)
{
    int64_t to =
        asked->timestamp < 0 ? queue->visible : queue_offset_at(broker, queue, asked->timestamp);
    int64_t now = group_offset(group, asked->topic, queue->id);
    if (asked->offset >= 0 && asked->queue_id == queue->id) {
        to = asked->offset < queue->min ? queue->min : asked->offset;
        to = to > queue->visible ? queue->visible : to;
    }
    if (!asked->force && now >= 0 && to > now) {
        to = now; // RocketMQ: without force an offset only goes back
    }
    *ret_offset = to;
    return groups_set_offset(broker, group, asked->topic, queue->id, to);
}

static void push_reset(struct broker *broker, struct group *group, const struct wire_reset *asked,
                       const struct wire_offset_table *table)
{
    char time[24];
    list_for_each (node, &group->members) {
        const struct member *member = LIST_ENTRY(node, struct member, node);
        struct buf body;
        buf_init(&body, 1024 * 1024);
        struct wire_header push = { .code = WIRE_RESET_CONSUMER_CLIENT_OFFSET, .ext_count = 4 };
        push.ext[0] = (struct wire_pair){ STR("topic"), asked->topic };
        push.ext[1] = (struct wire_pair){ STR("group"), asked->group };
        push.ext[2] = (struct wire_pair){ STR("timestamp"),
                                          str_make(time, num_format_i64(time, asked->timestamp)) };
        push.ext[3] =
            (struct wire_pair){ STR("isForce"), asked->force ? STR("true") : STR("false") };
        if (wire_offset_table_encode(table, member->language == WIRE_LANGUAGE_CPP, &body) ==
            TIDINGS_OK) {
            (void)answer_push(broker, member->conn_id, &push, buf_str(&body));
        }
        buf_deinit(&body);
    }
}

static tidings_status reset_topic(struct broker *broker, struct group *group, struct topic *topic,
                                  const struct wire_reset *asked, struct wire_offset_table *table)
{
    tidings_status status = TIDINGS_OK;
    for (int32_t i = 0; i < topic->config.read_queues && status == TIDINGS_OK; i++) {
        struct wire_queue_offset *row = &table->rows[table->count++];
        row->queue = (struct wire_queue_ref){ topic->config.name, broker->broker_name, i };
        status = reset_queue(broker, group, &topic->queues[i], asked, &row->offset);
    }
    return status;
}

void handle_reset_offset(struct request *request)
{
    struct broker *broker = request->broker;
    struct wire_reset asked;
    struct group *group = NULL;
    struct wire_offset_table table = { 0 };
    struct tidings_error err = { 0 };
    tidings_status status = wire_reset_decode(request->header, &asked, &err);
    struct queue *queue = NULL;
    if (status == TIDINGS_OK) {
        queue = handler_queue(request, asked.topic, 0);
        if (queue == NULL) {
            return;
        }
        status = groups_ensure(broker, asked.group, &group, &err);
    }
    if (status == TIDINGS_OK) {
        table.rows = calloc((size_t)queue->topic->queue_count, sizeof *table.rows);
        status = table.rows != NULL ? reset_topic(broker, group, queue->topic, &asked, &table)
                                    : TIDINGS_E_NO_MEMORY;
    }
    if (status == TIDINGS_OK) {
        push_reset(broker, group, &asked, &table);
        buf_clear(&broker->body);
        status = wire_offset_table_encode(&table, request->header->language == WIRE_LANGUAGE_CPP,
                                          &broker->body);
    }
    free(table.rows);
    answer_made(request, status, &err);
}
