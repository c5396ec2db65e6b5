// SPDX-License-Identifier: Apache-2.0
// PULL_MESSAGE (11), LITE_PULL_MESSAGE (361).
#include "broker/handlers.h"

struct queue *handler_queue(struct request *request, struct str name, int32_t queue_id)
{
    struct topic *topic = topics_find(&request->broker->topics, name);
    if (topic == NULL) {
        answer_codef(request, WIRE_TOPIC_NOT_EXIST, "topic[%.*s] not exist, apply first please!",
                     STR_ARG(name));
        return NULL;
    }
    if (queue_id < 0 || queue_id >= topic->queue_count) {
        answer_codef(request, WIRE_SYSTEM_ERROR,
                     "queueId[%d] is illegal, topic:[%s] topicConfig.readQueueNums:[%d]", queue_id,
                     topic->config.name, topic->config.read_queues);
        return NULL;
    }
    return &topic->queues[queue_id];
}

// What the consumer wants to see: from the request itself, else from its group's heartbeat.
// False when it was answered.
static bool find_filter(struct request *request, const struct wire_pull *pull,
                        const struct group *group, struct wire_tags *ret,
                        struct expression **ret_expression)
{
    struct str expression = pull->subscription;
    struct str type = pull->expression_type;
    struct tidings_error err = { 0 };
    if ((pull->sys_flag & WIRE_PULL_SUBSCRIPTION) == 0) {
        const struct subscription *own = group_subscription(group, pull->topic);
        if (group->member_count == 0 || own == NULL) {
            answer_codef(request, WIRE_SUBSCRIPTION_NOT_EXIST,
                         "the consumer's subscription not exist: group %.*s, topic %.*s",
                         STR_ARG(pull->group), STR_ARG(pull->topic));
            return false;
        }
        if (group->model == WIRE_BROADCASTING && !group->config.broadcast_enabled) {
            answer_codef(request, WIRE_NO_PERMISSION,
                         "the consumer group[%.*s] can not consume by broadcast way",
                         STR_ARG(pull->group));
            return false;
        }
        if (own->version < pull->sub_version) {
            answer_code(request, WIRE_SUBSCRIPTION_NOT_LATEST,
                        "the consumer's subscription not latest");
            return false;
        }
        expression = str_of(own->expression);
        type = str_of(own->expression_type);
    }
    bool sql = str_eq_c(type, "SQL92");
    if (type.len > 0 && !sql && !str_eq_c(type, "TAG")) {
        answer_codef(request, WIRE_SYSTEM_ERROR,
                     "The broker does not support consumer to filter message by %.*s",
                     STR_ARG(type));
        return false;
    }
    *ret_expression = NULL;
    *ret = (struct wire_tags){ .all = true };
    tidings_status status =
        sql ? expression_take(&request->broker->expressions, expression, ret_expression, &err)
            : wire_tags_parse(expression, ret, &err);
    if (status != TIDINGS_OK) {
        answer_codef(request, WIRE_SUBSCRIPTION_PARSE_FAILED,
                     "parse the consumer's subscription failed: %s", error_text(&err, status));
        return false;
    }
    return true;
}

static void store_commit(struct request *request, const struct wire_pull *pull, struct group *group,
                         const struct queue *queue)
{
    if ((pull->sys_flag & WIRE_PULL_COMMIT_OFFSET) == 0 || pull->commit_offset < 0 ||
        pull->commit_offset > queue->visible) {
        return;
    }
    if (groups_set_offset(request->broker, group, pull->topic, pull->queue_id,
                          pull->commit_offset) != TIDINGS_OK) {
        return; // the consumer says it again in its next pull and every five seconds
    }
}

static int32_t clamp_messages(int32_t asked)
{
    if (asked < 1) {
        return 1;
    }
    return asked > PULL_MESSAGES_MAX ? PULL_MESSAGES_MAX : asked;
}

static void pull_queue(struct request *request, const struct wire_pull *asked, struct group *group,
                       struct queue *queue)
{
    struct broker *broker = request->broker;
    struct wire_tags tags;
    struct expression *expression;
    if (!find_filter(request, asked, group, &tags, &expression)) {
        return;
    }
    store_commit(request, asked, group, queue);
    struct pull pull = {
        .conn_id = net_conn_id(request->conn),
        .opaque = request->header->opaque,
        .code = request->header->code,
        .serialize = request->header->serialize,
        .offset = asked->queue_offset,
        .max_messages = clamp_messages(asked->max_messages),
        .max_bytes = asked->max_bytes,
        .tags = &tags,
        .expression = expression,
    };
    bool may_hold =
        (asked->sys_flag & WIRE_PULL_SUSPEND) != 0 && asked->suspend_ms > 0 && !broker->draining;
    if (!pull_answer(broker, queue, &pull, !may_hold) &&
        waits_hold(broker, queue, &pull, asked->suspend_ms) != TIDINGS_OK) {
        (void)pull_answer(broker, queue, &pull, true);
    }
    expression_give(expression);
}

void handle_pull(struct request *request)
{
    struct broker *broker = request->broker;
    struct wire_pull asked;
    struct group *group;
    struct tidings_error err = { 0 };
    tidings_status status = wire_pull_decode(request->header, &asked, &err);
    if (status != TIDINGS_OK) {
        answer_error(request, status, &err);
        return;
    }
    group = groups_find(&broker->groups, asked.group);
    if (group == NULL) { // pull consumers and tools need no heartbeat first
        status = groups_ensure(broker, asked.group, &group, &err);
    }
    if (status != TIDINGS_OK) {
        answer_codef(request, WIRE_SUBSCRIPTION_GROUP_NOT_EXIST, "subscription group [%.*s]: %s",
                     STR_ARG(asked.group), error_text(&err, status));
        return;
    }
    if (!group->config.consume_enabled) {
        answer_codef(request, WIRE_NO_PERMISSION, "subscription group no permission, %.*s",
                     STR_ARG(asked.group));
        return;
    }
    struct queue *queue = handler_queue(request, asked.topic, asked.queue_id);
    if (queue == NULL) {
        return;
    }
    if ((queue->topic->config.perm & WIRE_PERM_READ) == 0) {
        answer_codef(request, WIRE_NO_PERMISSION, "the topic[%s] pulling message is forbidden",
                     queue->topic->config.name);
        return;
    }
    pull_queue(request, &asked, group, queue);
}
