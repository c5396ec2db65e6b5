// SPDX-License-Identifier: Apache-2.0
// The name server's part: GET_ROUTEINFO_BY_TOPIC (105), GET_BROKER_CLUSTER_INFO (106).
#include "broker/handlers.h"

// Queues of a topic name as routes tell them; false when there is no such topic.
// TBW102 is not a topic that can be sent to here: its route tells producers that first sends make
// topics.
static bool route_of(struct broker *broker, struct str name, struct wire_route_queue *ret)
{
    struct topic *topic = topics_find(&broker->topics, name);
    if (topic != NULL) {
        ret->read_queues = topic->config.read_queues;
        ret->write_queues = topic->config.write_queues;
        ret->perm = topic->config.perm;
        return true;
    }
    if (str_eq(name, WIRE_DEFAULT_TOPIC) && broker->options.auto_create_topics) {
        ret->read_queues = broker->options.default_queues;
        ret->write_queues = broker->options.default_queues;
        ret->perm = WIRE_PERM_READ | WIRE_PERM_WRITE | WIRE_PERM_INHERIT;
        return true;
    }
    if (str_eq_c(name, broker->cluster_name) || str_eq_c(name, broker->broker_name)) {
        ret->read_queues = 1; // tools look the cluster up under its name
        ret->write_queues = 1;
        ret->perm = WIRE_PERM_READ | WIRE_PERM_WRITE | WIRE_PERM_INHERIT;
        return true;
    }
    return false;
}

void handle_route(struct request *request)
{
    struct broker *broker = request->broker;
    struct wire_topic_request asked;
    struct tidings_error err = { 0 };
    tidings_status status = wire_topic_request_decode(request->header, &asked, &err);
    if (status != TIDINGS_OK) {
        answer_error(request, status, &err);
        return;
    }
    // A push consumer asks for its retry topic before its first heartbeat; made now, its first
    // retry comes in time.
    struct str group = (struct str){ 0 };
    if (str_is_retry_topic(asked.topic)) {
        group = str_make(asked.topic.ptr + WIRE_RETRY_PREFIX.len,
                         asked.topic.len - WIRE_RETRY_PREFIX.len);
    }
    if (wire_name_is_valid(group, WIRE_GROUP_MAX) &&
        topics_find(&broker->topics, asked.topic) == NULL) {
        (void)handler_group_topic(broker, WIRE_RETRY_PREFIX, group, &err);
    }
    struct wire_route_queue queue = { .broker = broker->broker_name };
    struct wire_route_broker self = { .cluster = broker->cluster_name,
                                      .broker = broker->broker_name,
                                      .master = broker->address_text };
    if (!route_of(broker, asked.topic, &queue)) {
        answer_codef(request, WIRE_TOPIC_NOT_EXIST,
                     "No topic route info in name server for the topic: %.*s",
                     STR_ARG(asked.topic));
        return;
    }
    struct wire_route route = {
        .queue_count = 1, .queues = &queue, .broker_count = 1, .brokers = &self
    };
    buf_clear(&broker->body);
    status = wire_route_encode(&route, &broker->body);
    answer_made(request, status, NULL);
}

void handle_cluster_info(struct request *request)
{
    struct broker *broker = request->broker;
    buf_clear(&broker->body);
    tidings_status status = buf_addf(
        &broker->body,
        "{\"brokerAddrTable\":{\"%s\":{\"brokerAddrs\":{\"0\":\"%s\"},\"brokerName\":\"%s\","
        "\"cluster\":\"%s\"}},\"clusterAddrTable\":{\"%s\":[\"%s\"]}}",
        broker->broker_name, broker->address_text, broker->broker_name, broker->cluster_name,
        broker->cluster_name, broker->broker_name);
    answer_made(request, status, NULL);
}
