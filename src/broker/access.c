// SPDX-License-Identifier: Apache-2.0
#include "broker/access.h"

#include <stdlib.h>

#include "acl/acl.h"
#include "broker/answer.h"

// What a request with named fields needs. RocketMQ leaves some of these open (320, 37, 14, 29 to
// 33): who could do by them what another request refuses him would not need that other.
struct rule {
    int32_t code;
    const char *topic; // field with a topic, NULL = none
    unsigned topic_permission;
    const char *group; // field with a group (SUB), NULL = none
};

static const struct rule rules[] = {
    { WIRE_SEND_MESSAGE_V2, "b", ACL_PUB, NULL },
    { WIRE_SEND_BATCH_MESSAGE, "b", ACL_PUB, NULL },
    { WIRE_SEND_MESSAGE, "topic", ACL_PUB, NULL },
    { WIRE_PULL_MESSAGE, "topic", ACL_SUB, "consumerGroup" },
    { WIRE_LITE_PULL_MESSAGE, "topic", ACL_SUB, "consumerGroup" },
    { WIRE_QUERY_CONSUMER_OFFSET, "topic", ACL_SUB, "consumerGroup" },
    { WIRE_UPDATE_CONSUMER_OFFSET, "topic", ACL_SUB, "consumerGroup" },
    { WIRE_CONSUMER_SEND_MSG_BACK, NULL, 0, "group" },
    { WIRE_UNREGISTER_CLIENT, NULL, 0, "consumerGroup" },
    { WIRE_GET_CONSUMER_LIST_BY_GROUP, NULL, 0, "consumerGroup" },
    { WIRE_QUERY_MESSAGE, "topic", ACL_SUB, NULL },
    { WIRE_SEARCH_OFFSET_BY_TIMESTAMP, "topic", ACL_ANY, NULL },
    { WIRE_GET_MAX_OFFSET, "topic", ACL_ANY, NULL },
    { WIRE_GET_MIN_OFFSET, "topic", ACL_ANY, NULL },
    { WIRE_GET_EARLIEST_MSG_STORETIME, "topic", ACL_ANY, NULL },
};

// ---- what is needed, collected ----
struct wants {
    struct buf list; // struct acl_want
    tidings_status status;
};

static void want(struct wants *wants, enum acl_kind kind, struct str name, unsigned permission)
{
    struct acl_want one = { .kind = kind, .name = name, .permission = permission };
    if (wants->status == TIDINGS_OK && name.len > 0) {
        wants->status = buf_add(&wants->list, &one, sizeof one);
    }
}

static void want_rule(struct wants *wants, const struct request *request)
{
    for (size_t i = 0; i < BASE_COUNT(rules); i++) {
        const struct rule *rule = &rules[i];
        if (rule->code != request->header->code) {
            continue;
        }
        if (rule->topic != NULL) {
            struct str topic = wire_header_get(request->header, str_of(rule->topic));
            bool retry = rule->topic_permission == ACL_PUB && str_is_retry_topic(topic);
            want(wants, ACL_TOPIC, topic, retry ? ACL_SUB : rule->topic_permission);
        }
        if (rule->group != NULL) {
            want(wants, ACL_GROUP, wire_header_get(request->header, str_of(rule->group)), ACL_SUB);
        }
        return;
    }
}

// The topic of the message at a log position: of requests that name nothing else.
static void want_position(struct wants *wants, struct request *request, const char *field,
                          unsigned permission)
{
    struct wire_message message;
    struct str bytes;
    int64_t position;
    int64_t due_ms;
    if (num_parse_i64(wire_header_get(request->header, str_of(field)), 0, INT64_MAX, &position) &&
        store_read(request->broker, position, &bytes, &due_ms, NULL) == TIDINGS_OK &&
        wire_message_decode(bytes, &message, NULL) == TIDINGS_OK) {
        want(wants, ACL_TOPIC, message.topic, permission);
    }
}

static void want_heartbeat(struct wants *wants, const struct wire_heartbeat *heartbeat)
{
    for (unsigned i = 0; i < heartbeat->consumer_count; i++) {
        const struct wire_consumer_data *consumer = &heartbeat->consumers[i];
        want(wants, ACL_GROUP, str_of(consumer->group), ACL_SUB);
        for (unsigned j = 0; j < consumer->subscription_count; j++) {
            want(wants, ACL_TOPIC, str_of(consumer->subscriptions[j].topic), ACL_SUB);
        }
    }
}

static void want_lock(struct wants *wants, const struct wire_lock *lock)
{
    want(wants, ACL_GROUP, str_of(lock->group), ACL_SUB);
    for (unsigned i = 0; i < lock->count; i++) {
        want(wants, ACL_TOPIC, str_of(lock->queues[i].topic), ACL_SUB);
    }
}

// ---- the check ----
static tidings_status check(struct request *request, const struct wants *wants,
                            struct acl_verdict *verdict)
{
    struct sign_field fields[WIRE_EXT_MAX];
    uint8_t address[16];
    int port;
    const struct wire_header *header = request->header;
    for (unsigned i = 0; i < header->ext_count; i++) {
        fields[i] = (struct sign_field){ header->ext[i].key, header->ext[i].value };
    }
    struct acl_request asked = {
        .peer = str_make((const char *)address, net_conn_peer(request->conn, address, &port)),
        .fields = fields,
        .field_count = header->ext_count,
        .body = request->body,
        .wants = (const void *)wants->list.ptr,
        .want_count = wants->list.len / sizeof(struct acl_want),
    };
    acl_check(request->broker->acl, &asked, verdict);
    return wants->status;
}

static void collect(struct wants *wants, struct request *request, const char *admin,
                    struct wire_heartbeat **ret_heartbeat, struct wire_lock **ret_lock)
{
    int32_t code = request->header->code;
    if (admin != NULL) {
        want(wants, ACL_ADMIN, str_of(admin), 0);
    } else if (code == WIRE_HEART_BEAT) {
        if (wire_heartbeat_decode(request->body, ret_heartbeat, NULL) == TIDINGS_OK) {
            want_heartbeat(wants, *ret_heartbeat);
        }
    } else if (code == WIRE_LOCK_BATCH_MQ || code == WIRE_UNLOCK_BATCH_MQ) {
        if (wire_lock_decode(request->body, ret_lock, NULL) == TIDINGS_OK) {
            want_lock(wants, *ret_lock);
        }
    } else if (code == WIRE_END_TRANSACTION) {
        want_position(wants, request, "commitLogOffset", ACL_PUB);
    } else if (code == WIRE_VIEW_MESSAGE_BY_ID) {
        want_position(wants, request, "offset", ACL_SUB);
    } else {
        want_rule(wants, request);
    }
}

bool access_allows(struct request *request, const char *admin)
{
    struct broker *broker = request->broker;
    struct acl_verdict verdict = { 0 };
    struct wants wants = { 0 };
    struct wire_heartbeat *heartbeat = NULL;
    struct wire_lock *lock = NULL;
    // As RocketMQ's name servers: clients ask for routes before they sign anything.
    if (broker->acl == NULL || request->header->code == WIRE_GET_ROUTEINFO_BY_TOPIC) {
        return true;
    }
    buf_init(&wants.list, 16 * 1024 * 1024);
    collect(&wants, request, admin, &heartbeat, &lock);
    tidings_status status = check(request, &wants, &verdict);
    wire_heartbeat_free(heartbeat);
    wire_lock_free(lock);
    buf_deinit(&wants.list);
    if (status != TIDINGS_OK || verdict.reason == ACL_FAILED) {
        answer_code(request, WIRE_SYSTEM_BUSY, "no memory to check the permission");
        return false;
    }
    if (!verdict.allowed) {
        char peer[64];
        broker->stats.access_refused++;
        net_conn_peer_text(request->conn, peer, sizeof peer);
        log_line(broker->options.log, LOG_WARN, "broker",
                 "msg=\"request refused\" peer=%s code=%d account=%.*s reason=\"%s\"", peer,
                 request->header->code, STR_ARG(verdict.account), verdict.text);
        answer_code(request, WIRE_NO_PERMISSION, verdict.text);
    }
    return verdict.allowed;
}

// ---- the file ----
tidings_status access_load(struct broker *broker, struct tidings_error *err)
{
    struct acl *acl;
    const char *path = broker->options.acl_file;
    if (path == NULL || path[0] == '\0') {
        return TIDINGS_OK;
    }
    tidings_status status = acl_load(path, &acl, err);
    if (status != TIDINGS_OK) {
        return status;
    }
    acl_free(broker->acl);
    broker->acl = acl;
    log_line(broker->options.log, LOG_INFO, "broker", "msg=\"accounts loaded\" accounts=%zu",
             acl_account_count(acl));
    return TIDINGS_OK;
}

void access_deinit(struct broker *broker)
{
    acl_free(broker->acl);
    broker->acl = NULL;
}
