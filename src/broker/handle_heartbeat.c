// SPDX-License-Identifier: Apache-2.0
// HEART_BEAT (34), UNREGISTER_CLIENT (35), GET_CONSUMER_LIST_BY_GROUP (38), CHECK_CLIENT_CONFIG
// (46).
#include <jansson.h>
#include <stdlib.h>

#include "broker/handlers.h"
#include "wire/tree.h"

// The answer names us: libtidings then asks for exact delays. Other clients pass the field over.
static void answer_heartbeat(struct request *request)
{
    struct asker asker = asker_of(request);
    struct wire_header response;
    answer_begin(&asker, &response, WIRE_SUCCESS);
    response.ext[0] = (struct wire_pair){ STR("TIDINGS"), STR(TIDINGS_VERSION) };
    response.ext_count = 1;
    answer_send(request->broker, &asker, &response, (struct str){ 0 });
}

void handle_heartbeat(struct request *request)
{
    struct wire_heartbeat *heartbeat;
    struct tidings_error err = { 0 };
    tidings_status status = wire_heartbeat_decode(request->body, &heartbeat, &err);
    if (status != TIDINGS_OK) {
        answer_code(request, WIRE_SYSTEM_ERROR, error_text(&err, status));
        return;
    }
    status = groups_heartbeat(request->broker, heartbeat, net_conn_user(request->conn),
                              request->header->language, request->header->version, &err);
    wire_heartbeat_free(heartbeat);
    if (status != TIDINGS_OK) {
        answer_error(request, status, &err);
        return;
    }
    answer_heartbeat(request);
}

void handle_unregister(struct request *request)
{
    struct wire_unregister leave;
    struct tidings_error err = { 0 };
    tidings_status status = wire_unregister_decode(request->header, &leave, &err);
    if (status != TIDINGS_OK) {
        answer_error(request, status, &err);
        return;
    }
    groups_leave(request->broker, leave.client_id, leave.producer_group, leave.consumer_group);
    answer_code(request, WIRE_SUCCESS, NULL);
}

void handle_consumer_list(struct request *request)
{
    struct wire_group_request asked;
    struct tidings_error err = { 0 };
    tidings_status status = wire_group_request_decode(request->header, &asked, &err);
    if (status != TIDINGS_OK) {
        answer_error(request, status, &err);
        return;
    }
    struct group *group = groups_find(&request->broker->groups, asked.group);
    if (group == NULL || group->member_count == 0) {
        answer_codef(request, WIRE_SYSTEM_ERROR, "no consumer for this group, %.*s",
                     STR_ARG(asked.group));
        return;
    }
    const char **ids = calloc(group->member_count, sizeof *ids);
    struct buf body;
    size_t count = 0;
    buf_init(&body, 4 * 1024 * 1024);
    if (ids != NULL) {
        list_for_each (node, &group->members) {
            ids[count++] = LIST_ENTRY(node, struct member, node)->client_id;
        }
        status = wire_id_list_encode(ids, count, &body);
    } else {
        status = TIDINGS_E_NO_MEMORY;
    }
    if (status == TIDINGS_OK) {
        answer_body(request, buf_str(&body));
    } else {
        answer_error(request, status, NULL);
    }
    free(ids);
    buf_deinit(&body);
}

void handle_check_client(struct request *request)
{
    struct tidings_error why = { 0 };
    json_t *root = NULL;
    tidings_status parsed = wire_tree_parse(request->body, &root, &why);
    const json_t *subscription = json_object_get(root, "subscriptionData");
    const char *type = json_string_value(json_object_get(subscription, "expressionType"));
    const json_t *text = json_object_get(subscription, "subString");
    struct tidings_error err = { 0 };
    if (type != NULL && strcmp(type, "SQL92") == 0) {
        struct expression *expression = NULL;
        tidings_status status = expression_take(
            &request->broker->expressions,
            str_make(json_is_string(text) ? json_string_value(text) : "", json_string_length(text)),
            &expression, &err);
        if (status == TIDINGS_OK) {
            answer_code(request, WIRE_SUCCESS, NULL);
        } else {
            answer_code(request, WIRE_SUBSCRIPTION_PARSE_FAILED, error_text(&err, status));
        }
        expression_give(expression);
    } else if (parsed != TIDINGS_OK) {
        answer_codef(request, WIRE_SYSTEM_ERROR, "body is not JSON: %s", error_text(&why, parsed));
    } else if (type != NULL && strcmp(type, "TAG") != 0) {
        answer_codef(request, WIRE_SYSTEM_ERROR,
                     "The broker does not support consumer to filter message by %s", type);
    } else {
        answer_code(request, WIRE_SUCCESS, NULL);
    }
    json_decref(root);
}
