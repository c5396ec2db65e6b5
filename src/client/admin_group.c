// SPDX-License-Identifier: Apache-2.0
// Consumer groups and their offsets.
#include <stdlib.h>

#include "client/admin.h"

// ---- lists ----
static tidings_status add_groups(struct tidings_admin *admin, const char *broker,
                                 const char *address, json_t *rows, struct tidings_error *err)
{
    struct wire_header header;
    struct answer answer;
    json_t *root = NULL;
    const char *name;
    json_t *config;
    request_init(&header, WIRE_GET_ALL_SUBSCRIPTIONGROUP_CONFIG);
    tidings_status status =
        admin_ask(admin, str_of(address), &header, (struct str){ NULL, 0 }, "groups", &answer, err);
    if (status != TIDINGS_OK) {
        return status;
    }
    status = admin_parse(answer.body, &root, err);
    answer_deinit(&answer);
    json_object_foreach(json_object_get(root, "subscriptionGroupTable"), name, config)
    {
        json_t *row = json_pack("{s:s,s:s,s:O?,s:O?}", "group", name, "broker", broker,
                                "consumeEnable", json_object_get(config, "consumeEnable"),
                                "retryMaxTimes", json_object_get(config, "retryMaxTimes"));
        json_t *ladder = json_object_get(config, "retryLadder"); // Tidings brokers
        if (ladder != NULL) {
            json_object_set(row, "retryLadder", ladder);
        }
        if (json_array_append_new(rows, row) != 0) {
            status = error_set(err, TIDINGS_E_NO_MEMORY, "no memory for the list of groups");
        }
    }
    json_decref(root);
    return status;
}

tidings_status tidings_admin_groups(tidings_admin *admin, char **ret_json,
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
        status = add_groups(admin, brokers.items[i].name, brokers.items[i].address, rows, err);
    }
    admin_brokers_free(&brokers);
    if (status != TIDINGS_OK) {
        json_decref(rows);
        return status;
    }
    return admin_text(admin_sorted(rows, admin_by_name, SIZE_MAX), ret_json, err);
}

// ---- one ----
// JSON body of a request about a group; *ret NULL when the broker knows nothing of it.
static tidings_status ask_group(struct tidings_admin *admin, int32_t code, const char *address,
                                const char *group, const char *what, json_t **ret,
                                struct tidings_error *err)
{
    const struct wire_group_request request = { .group = str_of(group) };
    struct wire_header header;
    struct answer answer;
    struct tidings_error why = { 0 };
    *ret = NULL;
    request_init(&header, code);
    tidings_status status = admin_fill(admin, group_request, &header, &request);
    if (status == TIDINGS_OK) {
        status = admin_ask(admin, str_of(address), &header, (struct str){ NULL, 0 }, what, &answer,
                           &why);
    }
    if (status == TIDINGS_OK) {
        status = admin_parse(answer.body, ret, &why);
        answer_deinit(&answer);
    } else if (why.remote_code == REPLY_CONSUMER_NOT_ONLINE ||
               why.remote_code == WIRE_SYSTEM_ERROR) {
        return TIDINGS_OK; // nobody is there
    }
    if (status != TIDINGS_OK && err != NULL) {
        *err = why;
    }
    return status;
}

static void add_members(json_t *root, const char *broker, json_t *members, json_t *subscriptions)
{
    size_t index;
    json_t *connection;
    const char *topic;
    json_t *subscription;
    json_array_foreach(json_object_get(root, "connectionSet"), index, connection)
    {
        json_array_append_new(members,
                              json_pack("{s:O?,s:O?,s:O?,s:O?,s:s}", "clientId",
                                        json_object_get(connection, "clientId"), "address",
                                        json_object_get(connection, "clientAddr"), "language",
                                        json_object_get(connection, "language"), "version",
                                        json_object_get(connection, "version"), "broker", broker));
    }
    json_object_foreach(json_object_get(root, "subscriptionTable"), topic, subscription)
    {
        json_object_set(subscriptions, topic, json_object_get(subscription, "subString"));
    }
}

static void add_offsets(json_t *root, json_t *offsets)
{
    const char *key;
    json_t *row;
    json_object_foreach(json_object_get(root, "offsetTable"), key, row)
    {
        json_t *queue = json_loads(key, 0, NULL); // the key is an object's text
        json_int_t end = json_integer_value(json_object_get(row, "brokerOffset"));
        json_int_t at = json_integer_value(json_object_get(row, "consumerOffset"));
        json_array_append_new(offsets, json_pack("{s:O?,s:O?,s:O?,s:I,s:I,s:I}", "topic",
                                                 json_object_get(queue, "topic"), "broker",
                                                 json_object_get(queue, "brokerName"), "queue",
                                                 json_object_get(queue, "queueId"), "offset", at,
                                                 "end", end, "lag", end - at));
        json_decref(queue);
    }
}

static tidings_status add_group(struct tidings_admin *admin, const char *broker,
                                const char *address, const char *group, json_t *root,
                                struct tidings_error *err)
{
    json_t *found;
    tidings_status status =
        ask_group(admin, WIRE_GET_CONSUMER_CONNECTION_LIST, address, group, "members", &found, err);
    if (status == TIDINGS_OK) {
        add_members(found, broker, json_object_get(root, "members"),
                    json_object_get(root, "subscriptions"));
        json_decref(found);
        status = ask_group(admin, WIRE_GET_CONSUME_STATS, address, group, "offsets", &found, err);
    }
    if (status == TIDINGS_OK) {
        add_offsets(found, json_object_get(root, "offsets"));
        json_decref(found);
    }
    return status;
}

tidings_status tidings_admin_group(tidings_admin *admin, const char *group, char **ret_json,
                                   struct tidings_error *err)
{
    struct admin_brokers brokers;
    *ret_json = NULL;
    tidings_status status = admin_brokers(admin, &brokers, err);
    if (status != TIDINGS_OK) {
        return status;
    }
    json_t *root =
        json_pack("{s:s,s:[],s:{},s:[]}", "group", group, "members", "subscriptions", "offsets");
    for (unsigned i = 0; i < brokers.count && status == TIDINGS_OK; i++) {
        status =
            add_group(admin, brokers.items[i].name, brokers.items[i].address, group, root, err);
    }
    admin_brokers_free(&brokers);
    if (status == TIDINGS_OK && json_array_size(json_object_get(root, "members")) == 0 &&
        json_array_size(json_object_get(root, "offsets")) == 0) {
        status = error_set(err, TIDINGS_E_NOT_FOUND,
                           "no broker knows members or offsets of group %s", group);
    }
    if (status != TIDINGS_OK) {
        json_decref(root);
        return status;
    }
    return admin_text(root, ret_json, err);
}

// ---- changes ----
static tidings_status tell_all(struct tidings_admin *admin, struct wire_header *header,
                               struct str body, const char *what, struct tidings_error *err)
{
    struct admin_brokers brokers;
    struct answer answer;
    tidings_status status = admin_brokers(admin, &brokers, err);
    if (status != TIDINGS_OK) {
        return status;
    }
    for (unsigned i = 0; i < brokers.count && status == TIDINGS_OK; i++) {
        status =
            admin_ask(admin, str_of(brokers.items[i].address), header, body, what, &answer, err);
        if (status == TIDINGS_OK) {
            answer_deinit(&answer);
        }
    }
    admin_brokers_free(&brokers);
    return status;
}

tidings_status tidings_admin_group_create(tidings_admin *admin, const char *group,
                                          const char *ladder, int64_t window_ms, int limit,
                                          struct tidings_error *err)
{
    struct wire_header header;
    if (!wire_name_is_valid(str_of(group), WIRE_GROUP_MAX)) {
        return error_set(err, TIDINGS_E_INVALID,
                         "a group has a name of 1 to %d of %% | a-z A-Z 0-9 _ -", WIRE_GROUP_MAX);
    }
    json_t *root =
        json_pack("{s:s,s:b,s:b,s:b,s:i,s:i,s:i,s:i,s:b}", "groupName", group, "consumeEnable", 1,
                  "consumeFromMinEnable", 1, "consumeBroadcastEnable", 1, "retryQueueNums", 1,
                  "retryMaxTimes", limit >= 0 ? limit : 16, "brokerId", 0,
                  "whichBrokerWhenConsumeSlowly", 1, "notifyConsumerIdsChangedEnable", 1);
    if (ladder != NULL) {
        json_object_set_new(root, "retryLadder", json_string(ladder));
    }
    if (window_ms >= 0) {
        json_object_set_new(root, "retryWindowMs", json_integer(window_ms));
    }
    if (limit >= 0) {
        json_object_set_new(root, "retryLimit", json_integer(limit));
    }
    char *body;
    tidings_status status = admin_text(root, &body, err);
    if (status == TIDINGS_OK) {
        request_init(&header, WIRE_UPDATE_AND_CREATE_SUBSCRIPTIONGROUP);
        status = tell_all(admin, &header, str_of(body), "create group", err);
        free(body);
    }
    return status;
}

tidings_status tidings_admin_group_delete(tidings_admin *admin, const char *group,
                                          struct tidings_error *err)
{
    const struct wire_delete_group request = { .group = str_of(group), .clean_offset = true };
    struct wire_header header;
    request_init(&header, WIRE_DELETE_SUBSCRIPTIONGROUP);
    // tell_all asks for the brokers first, which leaves the texts alone: nothing is filled there.
    tidings_status status = admin_fill(admin, delete_group, &header, &request);
    if (status == TIDINGS_OK) {
        status = tell_all(admin, &header, (struct str){ NULL, 0 }, "delete group", err);
    }
    return status;
}

// ---- reset ----
static json_t *reset_row(const char *topic, const char *broker, int32_t queue_id, int64_t offset)
{
    return json_pack("{s:s,s:s,s:i,s:I}", "topic", topic, "broker", broker, "queue", queue_id,
                     "offset", (json_int_t)offset);
}

static tidings_status reset_by_broker(struct tidings_admin *admin, const char *address,
                                      const struct wire_reset *request, json_t *rows,
                                      struct tidings_error *err)
{
    struct wire_header header;
    struct answer answer;
    struct wire_offset_table *table;
    request_init(&header, WIRE_INVOKE_BROKER_TO_RESET_OFFSET);
    tidings_status status = admin_fill(admin, reset, &header, request);
    if (status == TIDINGS_OK) {
        status = admin_ask(admin, str_of(address), &header, (struct str){ NULL, 0 }, "reset",
                           &answer, err);
    }
    if (status != TIDINGS_OK) {
        return status;
    }
    status = wire_offset_table_decode(answer.body, &table, err);
    answer_deinit(&answer);
    if (status != TIDINGS_OK) {
        return status;
    }
    for (unsigned i = 0; i < table->count; i++) {
        const struct wire_queue_ref *queue = &table->rows[i].queue;
        json_array_append_new(
            rows, reset_row(queue->topic, queue->broker, queue->queue_id, table->rows[i].offset));
    }
    wire_offset_table_free(table);
    return TIDINGS_OK;
}

static tidings_status reset_queue(struct tidings_admin *admin, const char *address,
                                  const struct wire_reset *request, const char *topic,
                                  int32_t queue_id, int64_t *ret, struct tidings_error *err)
{
    struct wire_header header;
    struct answer answer;
    int32_t code = request->timestamp < 0    ? WIRE_GET_MAX_OFFSET
                   : request->timestamp == 0 ? WIRE_GET_MIN_OFFSET
                                             : WIRE_SEARCH_OFFSET_BY_TIMESTAMP;
    tidings_status status =
        admin_offset(admin, str_of(address), code, topic, queue_id, request->timestamp, ret, err);
    if (status == TIDINGS_OK) {
        const struct wire_update_offset update = { .group = request->group,
                                                   .topic = request->topic,
                                                   .queue_id = queue_id,
                                                   .commit_offset = *ret };
        request_init(&header, WIRE_UPDATE_CONSUMER_OFFSET);
        status = admin_fill(admin, update_offset, &header, &update);
    }
    if (status == TIDINGS_OK) {
        status = admin_ask(admin, str_of(address), &header, (struct str){ NULL, 0 }, "store offset",
                           &answer, err);
    }
    if (status == TIDINGS_OK) {
        answer_deinit(&answer);
    }
    return status;
}

// A broker whose group has no member refuses: its offsets are set one by one.
static tidings_status reset_queues(struct tidings_admin *admin, const struct wire_route *route,
                                   const struct wire_route_broker *broker,
                                   const struct wire_reset *request, const char *topic,
                                   json_t *rows, struct tidings_error *err)
{
    tidings_status status = TIDINGS_OK;
    for (unsigned i = 0; i < route->queue_count; i++) {
        if (strcmp(route->queues[i].broker, broker->broker) != 0) {
            continue;
        }
        for (int32_t id = 0; id < route->queues[i].read_queues && status == TIDINGS_OK; id++) {
            int64_t offset;
            status = reset_queue(admin, broker->master, request, topic, id, &offset, err);
            if (status == TIDINGS_OK) {
                json_array_append_new(rows, reset_row(topic, broker->broker, id, offset));
            }
        }
    }
    return status;
}

tidings_status tidings_admin_offset_reset(tidings_admin *admin, const char *group,
                                          const char *topic, int64_t wall_ms, char **ret_json,
                                          struct tidings_error *err)
{
    const struct wire_reset request = { .topic = str_of(topic),
                                        .group = str_of(group),
                                        .timestamp = wall_ms < 0 ? -1 : wall_ms,
                                        .force = true,
                                        .offset = -1,
                                        .queue_id = -1 };
    struct wire_route *route;
    struct tidings_error why = { 0 };
    *ret_json = NULL;
    tidings_status status = admin_route(admin, topic, &route, err);
    if (status != TIDINGS_OK) {
        return status;
    }
    json_t *rows = json_array();
    for (unsigned i = 0; i < route->broker_count && status == TIDINGS_OK; i++) {
        const struct wire_route_broker *broker = &route->brokers[i];
        if (broker->master == NULL) {
            continue;
        }
        status = reset_by_broker(admin, broker->master, &request, rows, &why);
        if (status != TIDINGS_OK && why.remote_code != 0) {
            status = reset_queues(admin, route, broker, &request, topic, rows, &why);
        }
    }
    wire_route_free(route);
    if (status != TIDINGS_OK) {
        json_decref(rows);
        return error_set(err, status, "%s", error_text(&why, status));
    }
    return admin_text(rows, ret_json, err);
}
