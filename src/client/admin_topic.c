// SPDX-License-Identifier: Apache-2.0
// Topics.
#include "client/admin.h"

enum { QUEUES_MAX = 1024 };

// ---- lists ----
static tidings_status add_configs(struct tidings_admin *admin, const char *broker,
                                  const char *address, json_t *rows, struct tidings_error *err)
{
    struct wire_header header;
    struct answer answer;
    json_t *root = NULL;
    const char *name;
    json_t *config;
    request_init(&header, WIRE_GET_ALL_TOPIC_CONFIG);
    tidings_status status =
        admin_ask(admin, str_of(address), &header, (struct str){ NULL, 0 }, "topics", &answer, err);
    if (status != TIDINGS_OK) {
        return status;
    }
    status = admin_parse(answer.body, &root, err);
    answer_deinit(&answer);
    json_object_foreach(json_object_get(root, "topicConfigTable"), name, config)
    {
        json_t *row = json_pack("{s:s,s:s,s:O?,s:O?,s:O?}", "topic", name, "broker", broker,
                                "readQueues", json_object_get(config, "readQueueNums"),
                                "writeQueues", json_object_get(config, "writeQueueNums"), "perm",
                                json_object_get(config, "perm"));
        json_t *ladder = json_object_get(config, "retryLadder"); // Tidings brokers
        if (ladder != NULL) {
            json_object_set(row, "retryLadder", ladder);
        }
        if (json_array_append_new(rows, row) != 0) {
            status = error_set(err, TIDINGS_E_NO_MEMORY, "no memory for the list of topics");
        }
    }
    json_decref(root);
    return status;
}

tidings_status tidings_admin_topics(tidings_admin *admin, char **ret_json,
                                    struct tidings_error *err)
{
    struct admin_brokers brokers;
    *ret_json = NULL;
    tidings_status status = admin_brokers(admin, &brokers, err);
    if (status != TIDINGS_OK) {
        return status;
    }
    json_t *rows = json_array();
    for (unsigned i = 0; i < brokers.count && status == TIDINGS_OK; i++) {
        status = add_configs(admin, brokers.items[i].name, brokers.items[i].address, rows, err);
    }
    admin_brokers_free(&brokers);
    if (status != TIDINGS_OK) {
        json_decref(rows);
        return status;
    }
    return admin_text(admin_sorted(rows, admin_by_name, SIZE_MAX), ret_json, err);
}

// ---- one ----
static tidings_status add_queues(struct tidings_admin *admin, const char *topic,
                                 const char *address, json_t *rows, struct tidings_error *err)
{
    const struct wire_topic_request request = { .topic = str_of(topic) };
    struct wire_header header;
    struct answer answer;
    json_t *root = NULL;
    const char *key;
    json_t *offsets;
    request_init(&header, WIRE_GET_TOPIC_STATS_INFO);
    tidings_status status = admin_fill(admin, topic_request, &header, &request);
    if (status == TIDINGS_OK) {
        status = admin_ask(admin, str_of(address), &header, (struct str){ NULL, 0 }, "topic",
                           &answer, err);
    }
    if (status != TIDINGS_OK) {
        return status;
    }
    status = admin_parse(answer.body, &root, err);
    answer_deinit(&answer);
    json_object_foreach(json_object_get(root, "offsetTable"), key, offsets)
    {
        json_t *queue = json_loads(key, 0, NULL); // the key is an object's text
        json_t *row = json_pack(
            "{s:O?,s:O?,s:O?,s:O?,s:O?}", "broker", json_object_get(queue, "brokerName"), "queue",
            json_object_get(queue, "queueId"), "min", json_object_get(offsets, "minOffset"), "max",
            json_object_get(offsets, "maxOffset"), "lastUpdateMs",
            json_object_get(offsets, "lastUpdateTimestamp"));
        json_decref(queue);
        if (json_array_append_new(rows, row) != 0) {
            status = error_set(err, TIDINGS_E_NO_MEMORY, "no memory for the queues");
        }
    }
    json_decref(root);
    return status;
}

// By broker and queue id: the table came in no order.
static int by_queue(const json_t *one, const json_t *other)
{
    json_int_t id = json_integer_value(json_object_get(one, "queue"));
    json_int_t other_id = json_integer_value(json_object_get(other, "queue"));
    int order = admin_by_name(one, other);
    return order != 0 ? order : (id > other_id) - (id < other_id);
}

tidings_status tidings_admin_topic(tidings_admin *admin, const char *topic, char **ret_json,
                                   struct tidings_error *err)
{
    struct admin_brokers brokers;
    *ret_json = NULL;
    tidings_status status = admin_topic_brokers(admin, topic, &brokers, err);
    if (status != TIDINGS_OK) {
        return status;
    }
    json_t *rows = json_array();
    for (unsigned i = 0; i < brokers.count && status == TIDINGS_OK; i++) {
        status = add_queues(admin, topic, brokers.items[i].address, rows, err);
    }
    admin_brokers_free(&brokers);
    if (status != TIDINGS_OK) {
        json_decref(rows);
        return status;
    }
    return admin_text(
        json_pack("{s:s,s:o}", "topic", topic, "queues", admin_sorted(rows, by_queue, SIZE_MAX)),
        ret_json, err);
}

// ---- changes ----
static tidings_status create_at(struct tidings_admin *admin, const char *address,
                                const struct wire_create_topic *request, struct tidings_error *err)
{
    struct wire_header header;
    struct answer answer;
    request_init(&header, WIRE_UPDATE_AND_CREATE_TOPIC);
    tidings_status status = admin_fill(admin, create_topic, &header, request);
    // RocketMQ insists on these.
    if (status == TIDINGS_OK) {
        status = wire_header_add(&header, STR("topicFilterType"), STR("SINGLE_TAG"));
    }
    if (status == TIDINGS_OK) {
        status = wire_header_add(&header, STR("topicSysFlag"), STR("0"));
    }
    if (status == TIDINGS_OK) {
        status = wire_header_add(&header, STR("order"), STR("false"));
    }
    if (status == TIDINGS_OK) {
        status = admin_ask(admin, str_of(address), &header, (struct str){ NULL, 0 }, "create topic",
                           &answer, err);
    }
    if (status == TIDINGS_OK) {
        answer_deinit(&answer);
    }
    return status;
}

tidings_status tidings_admin_topic_create(tidings_admin *admin, const char *topic, int queues,
                                          int perm, const char *ladder, int64_t window_ms,
                                          int limit, struct tidings_error *err)
{
    struct admin_brokers brokers;
    const struct wire_create_topic request = { .topic = str_of(topic),
                                               .default_topic = WIRE_DEFAULT_TOPIC,
                                               .read_queues = queues,
                                               .write_queues = queues,
                                               .perm = perm,
                                               .retry_ladder = str_of(ladder),
                                               .retry_window_ms = window_ms < 0 ? -1 : window_ms,
                                               .retry_limit = limit < 0 ? -1 : limit };
    if (!wire_name_is_valid(request.topic, WIRE_TOPIC_MAX) || queues < 1 || queues > QUEUES_MAX ||
        perm < 0 || perm > 7) {
        return error_set(
            err, TIDINGS_E_INVALID,
            "a topic has a name of 1 to %d of %% | a-z A-Z 0-9 _ -, 1 to %d queues and "
            "a perm of 0 to 7",
            WIRE_TOPIC_MAX, QUEUES_MAX);
    }
    tidings_status status = admin_brokers(admin, &brokers, err);
    if (status == TIDINGS_OK) {
        for (unsigned i = 0; i < brokers.count && status == TIDINGS_OK; i++) {
            status = create_at(admin, brokers.items[i].address, &request, err);
        }
        admin_brokers_free(&brokers);
    }
    return status;
}

static tidings_status delete_at(struct tidings_admin *admin, int32_t code, struct str address,
                                const char *topic, struct tidings_error *err)
{
    const struct wire_topic_request request = { .topic = str_of(topic) };
    struct wire_header header;
    struct answer answer;
    request_init(&header, code);
    tidings_status status = admin_fill(admin, topic_request, &header, &request);
    if (status == TIDINGS_OK) {
        status = admin_ask(admin, address, &header, (struct str){ NULL, 0 }, "delete topic",
                           &answer, err);
    }
    if (status == TIDINGS_OK) {
        answer_deinit(&answer);
    }
    return status;
}

tidings_status tidings_admin_topic_delete(tidings_admin *admin, const char *topic,
                                          struct tidings_error *err)
{
    struct admin_brokers brokers;
    tidings_status status = admin_topic_brokers(admin, topic, &brokers, err);
    if (status != TIDINGS_OK) {
        return status;
    }
    for (unsigned i = 0; i < brokers.count && status == TIDINGS_OK; i++) {
        status = delete_at(admin, WIRE_DELETE_TOPIC_IN_BROKER, str_of(brokers.items[i].address),
                           topic, err);
    }
    admin_brokers_free(&brokers);
    for (unsigned i = 0; i < admin->server_count && status == TIDINGS_OK; i++) {
        status = delete_at(admin, WIRE_DELETE_TOPIC_IN_NAMESRV, admin->servers[i], topic, err);
    }
    return status;
}
