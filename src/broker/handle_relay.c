// SPDX-License-Identifier: Apache-2.0
// GET_CONSUMER_RUNNING_INFO (307), CONSUME_MESSAGE_DIRECTLY (309): answered by the consumer itself.
#include "broker/handlers.h"
#include "broker/relay.h"

enum { CONSUME_TIMEOUT = 207 }; // RocketMQ's CONSUME_MSG_TIMEOUT

// ---- the relay ----
// What proves who asks is not the consumer's business.
static void copy_fields(const struct wire_header *from, struct wire_header *to)
{
    static const struct str left_out[] = { { "AccessKey", 9 },
                                           { "Signature", 9 },
                                           { "SecurityToken", 13 } };
    for (unsigned i = 0; i < from->ext_count; i++) {
        bool passes = true;
        for (size_t j = 0; j < BASE_COUNT(left_out); j++) {
            passes = passes && !str_eq(from->ext[i].key, left_out[j]);
        }
        if (passes) {
            to->ext[to->ext_count++] = from->ext[i];
        }
    }
}

void relay_ask(struct request *request, uint64_t conn_id, struct str body)
{
    struct broker *broker = request->broker;
    struct relay *relay = NULL;
    for (size_t i = 0; i < RELAYS_MAX && relay == NULL; i++) {
        relay = broker->relays.items[i].used ? NULL : &broker->relays.items[i];
    }
    if (relay == NULL) {
        answer_codef(request, WIRE_SYSTEM_BUSY, "%d requests to consumers are under way",
                     RELAYS_MAX);
        return;
    }
    struct wire_header push = { .code = request->header->code };
    copy_fields(request->header, &push);
    *relay = (struct relay){ .used = true,
                             .conn_id = conn_id,
                             .deadline_us = clock_mono_us(broker->options.clock) +
                                            (int64_t)RELAY_TIMEOUT_MS * 1000,
                             .asker = asker_of(request) };
    if (!answer_ask(broker, conn_id, &push, body)) {
        relay->used = false;
        answer_code(request, WIRE_SYSTEM_ERROR, "the consumer has gone");
        return;
    }
    relay->opaque = push.opaque;
}

static void pass_back(struct broker *broker, struct relay *relay, int32_t code, struct str remark,
                      const struct wire_header *from, struct str body)
{
    struct wire_header response;
    answer_begin(&relay->asker, &response, code);
    response.remark = remark;
    for (unsigned i = 0; from != NULL && i < from->ext_count && response.ext_count < WIRE_EXT_MAX;
         i++) {
        response.ext[response.ext_count++] = from->ext[i];
    }
    relay->used = false;
    answer_send(broker, &relay->asker, &response, body);
}

void relay_answer(struct broker *broker, uint64_t conn_id, const struct wire_header *header,
                  struct str body)
{
    for (size_t i = 0; i < RELAYS_MAX; i++) {
        struct relay *relay = &broker->relays.items[i];
        if (relay->used && relay->opaque == header->opaque && relay->conn_id == conn_id) {
            pass_back(broker, relay, header->code, header->remark, header, body);
            return;
        }
    }
}

void relay_expire(struct broker *broker, int64_t now_us)
{
    const struct str nothing = { 0 };
    for (size_t i = 0; i < RELAYS_MAX; i++) {
        struct relay *relay = &broker->relays.items[i];
        if (relay->used && net_conn_find(broker->options.loop, relay->conn_id) == NULL) {
            pass_back(broker, relay, WIRE_SYSTEM_ERROR, STR("the consumer has gone"), NULL,
                      nothing);
        } else if (relay->used && now_us >= relay->deadline_us) {
            pass_back(broker, relay, CONSUME_TIMEOUT, STR("the consumer did not answer in 10 s"),
                      NULL, nothing);
        }
    }
}

// ---- requests ----
// The connection of a group's member; 0 when that was answered.
static uint64_t find_member(struct request *request)
{
    struct str name = wire_header_get(request->header, STR("consumerGroup"));
    struct str client_id = wire_header_get(request->header, STR("clientId"));
    struct group *group = groups_find(&request->broker->groups, name);
    if (name.len == 0 || client_id.len == 0) {
        answer_code(request, WIRE_SYSTEM_ERROR, "fields consumerGroup and clientId are needed");
        return 0;
    }
    if (group != NULL) {
        list_for_each (node, &group->members) {
            const struct member *member = LIST_ENTRY(node, struct member, node);
            if (str_eq_c(client_id, member->client_id)) {
                return member->conn_id;
            }
        }
    }
    answer_codef(request, WIRE_SYSTEM_ERROR, "The Consumer <%.*s> <%.*s> not online", STR_ARG(name),
                 STR_ARG(client_id));
    return 0;
}

void handle_running_info(struct request *request)
{
    uint64_t conn_id = find_member(request);
    if (conn_id != 0) {
        relay_ask(request, conn_id, (struct str){ 0 });
    }
}

void handle_consume_directly(struct request *request)
{
    struct wire_host host;
    struct str message;
    int64_t position;
    int64_t due_ms;
    struct tidings_error err = { 0 };
    struct str id = wire_header_get(request->header, STR("msgId"));
    if (!wire_message_id_parse(id, &host, &position)) {
        answer_codef(request, WIRE_SYSTEM_ERROR, "msgId \"%.*s\" is no offset id", STR_ARG(id));
        return;
    }
    uint64_t conn_id = find_member(request);
    if (conn_id == 0) {
        return;
    }
    tidings_status status = store_read(request->broker, position, &message, &due_ms, &err);
    if (status == TIDINGS_OK && due_ms < 0) {
        status = error_set(&err, TIDINGS_E_NOT_FOUND, "a half message is not for consumers");
    }
    if (status != TIDINGS_OK) {
        answer_codef(request, WIRE_SYSTEM_ERROR, "msgId %.*s: %s", STR_ARG(id),
                     error_text(&err, status));
        return;
    }
    relay_ask(request, conn_id, message);
}
