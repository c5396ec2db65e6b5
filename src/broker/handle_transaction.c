// SPDX-License-Identifier: Apache-2.0
// END_TRANSACTION (37), RESUME_CHECK_HALF_MESSAGE (323), and our list of undecided halves (9001).
#include "broker/handlers.h"

enum { LIST_MAX = 10000 };

tidings_status transaction_send(struct request *request, struct store_append *append,
                                struct tidings_error *err)
{
    struct broker *broker = request->broker;
    struct wire_message *message = &append->message;
    struct str group = wire_properties_get(message->properties, WIRE_P_PGROUP);
    struct buf properties;
    // What delays a message would hide it from its own check: RocketMQ drops it too.
    const struct str dropped[] = { WIRE_P_DELAY, WIRE_P_TIMER_DELAY_MS, WIRE_P_TIMER_DELAY_SEC,
                                   WIRE_P_TIMER_DELIVER };
    if (group.len == 0) {
        return error_set(err, TIDINGS_E_TOO_LARGE,
                         "a half message needs the property PGROUP: whom to ask about it");
    }
    if (broker->halves.by_position.count >= HALVES_MAX) {
        return error_set(err, TIDINGS_E_AGAIN, "there are %d undecided transactions already",
                         HALVES_MAX);
    }
    buf_init(&properties, WIRE_PROPERTIES_MAX);
    tidings_status status =
        wire_properties_copy(message->properties, dropped, BASE_COUNT(dropped), &properties);
    if (status == TIDINGS_OK) {
        struct index_half half = { .next_check_ms = halves_first_check(broker, message->properties,
                                                                       request->now_ms),
                                   .group_hash = str_hash(group) };
        message->properties = buf_str(&properties);
        message->sys_flag &= ~WIRE_SYS_TRANSACTION_MASK;
        append->half = &half;
        status = store_append(broker, append, err);
    }
    buf_deinit(&properties);
    return status;
}

// ---- 37 ----
// The half that the request names, checked as RocketMQ checks it. A status, or E_NOT_FOUND when it
// is decided already.
static tidings_status read_half(struct request *request, const struct wire_end_transaction *asked,
                                struct wire_message *ret, struct tidings_error *err)
{
    struct str bytes;
    int64_t due_ms;
    tidings_status status = store_read(request->broker, asked->log_offset, &bytes, &due_ms, err);
    if (status == TIDINGS_OK && due_ms >= 0) {
        status = TIDINGS_E_NOT_FOUND;
    }
    if (status == TIDINGS_OK) {
        status = wire_message_decode(bytes, ret, err);
    }
    if (status != TIDINGS_OK) {
        return error_set(err, TIDINGS_E_INVALID, "no half message at commitLogOffset %lld",
                         (long long)asked->log_offset);
    }
    if (asked->table_offset != asked->log_offset) {
        return error_set(err, TIDINGS_E_INVALID, "the transaction state table offset wrong");
    }
    if (!str_eq(wire_properties_get(ret->properties, WIRE_P_PGROUP), asked->producer_group)) {
        return error_set(err, TIDINGS_E_INVALID, "the producer group wrong");
    }
    return TIDINGS_OK;
}

static tidings_status commit(struct request *request, struct half *half,
                             const struct wire_message *message, const struct asker *asker,
                             struct tidings_error *err)
{
    struct broker *broker = request->broker;
    struct topic *topic = topics_find(&broker->topics, message->topic);
    const struct str dropped[] = { WIRE_P_TRAN_MSG };
    struct buf properties;
    if (topic == NULL || message->queue_id >= topic->queue_count) {
        return error_set(err, TIDINGS_E_NOT_FOUND, "topic %.*s was deleted since",
                         STR_ARG(message->topic));
    }
    buf_init(&properties, WIRE_PROPERTIES_MAX);
    tidings_status status =
        wire_properties_copy(message->properties, dropped, BASE_COUNT(dropped), &properties);
    if (status == TIDINGS_OK) {
        struct store_append append = {
            .topic = topic, .message = *message, .commits = half->row.position, .asker = asker
        };
        append.message.sys_flag |= WIRE_SYS_COMMIT;
        append.message.prepared_offset = half->row.position;
        append.message.properties = buf_str(&properties);
        status = store_append(broker, &append, err);
    }
    buf_deinit(&properties);
    return status;
}

void handle_end_transaction(struct request *request)
{
    struct broker *broker = request->broker;
    struct asker asker = asker_of(request);
    struct wire_end_transaction asked;
    struct wire_message message;
    struct tidings_error err = { 0 };
    tidings_status status = wire_end_transaction_decode(request->header, &asked, &err);
    if (status == TIDINGS_OK) {
        status = read_half(request, &asked, &message, &err);
    }
    if (status != TIDINGS_OK) {
        answer_code(request, WIRE_SYSTEM_ERROR, error_text(&err, status));
        return;
    }
    struct half *half = halves_find(&broker->halves, asked.log_offset);
    if (half == NULL || asked.decision == 0) { // decided already; or the producer does not know yet
        answer_code(request, WIRE_SUCCESS, half == NULL ? "decided already" : NULL);
        return;
    }
    if (half->deciding) {
        answer_code(request, WIRE_SYSTEM_BUSY, "its end is being stored");
        return;
    }
    if (asked.decision == WIRE_SYS_COMMIT) {
        status = commit(request, half, &message, &asker, &err);
    } else if (asked.decision == WIRE_SYS_ROLLBACK) {
        status = store_log_rollback(broker, half->row.position, &asker, &err);
    } else {
        status = error_set(&err, TIDINGS_E_INVALID,
                           "commitOrRollback must be 0 (unknown), 8 (commit) or 12 (rollback)");
    }
    if (status != TIDINGS_OK) {
        answer_error(request, status, &err);
        return;
    }
    half->deciding = true;
}

// ---- 323 ----
void handle_resume_check(struct request *request)
{
    struct broker *broker = request->broker;
    struct asker asker = asker_of(request);
    struct wire_resume asked;
    struct wire_host host;
    int64_t position = -1;
    struct tidings_error err = { 0 };
    tidings_status status = wire_resume_decode(request->header, &asked, &err);
    if (status == TIDINGS_OK && !wire_message_id_parse(asked.message_id, &host, &position)) {
        status = error_set(&err, TIDINGS_E_INVALID, "msgId \"%.*s\" is no offset message id",
                           STR_ARG(asked.message_id));
    }
    struct half *half = status == TIDINGS_OK ? halves_find(&broker->halves, position) : NULL;
    if (status == TIDINGS_OK && (half == NULL || half->deciding)) {
        status = error_set(&err, TIDINGS_E_NOT_FOUND, "no undecided half message has this id");
    }
    if (status == TIDINGS_OK) {
        struct index_half row = half->row;
        row.checks = 0;
        row.parked = false;
        row.next_check_ms = request->now_ms;
        status = store_log_half_state(broker, &row, &asker, &err);
    }
    if (status != TIDINGS_OK) {
        answer_code(request, WIRE_SYSTEM_ERROR, error_text(&err, status));
    }
}

// ---- 9001 ----
static tidings_status add_half(struct broker *broker, const struct half *half, bool first)
{
    char id[WIRE_MESSAGE_ID_MAX];
    struct wire_message message = { 0 };
    struct str bytes;
    int64_t due_ms;
    size_t len = wire_message_id_format(&broker->address, half->row.position, id);
    tidings_status status = store_read(broker, half->row.position, &bytes, &due_ms, NULL);
    if (status == TIDINGS_OK) {
        status = wire_message_decode(bytes, &message, NULL);
    }
    if (status == TIDINGS_E_NO_MEMORY) {
        return status;
    }
    struct str key = wire_properties_get(message.properties, WIRE_P_UNIQ_KEY);
    struct str group = wire_properties_get(message.properties, WIRE_P_PGROUP);
    // Names and ids that a client made up: only what needs no escape is shown.
    if (!wire_name_is_valid(key, WIRE_NAME_MAX)) {
        key = (struct str){ 0 };
    }
    if (!wire_name_is_valid(group, WIRE_NAME_MAX)) {
        group = (struct str){ 0 };
    }
    return buf_addf(&broker->body,
                    "%s{\"msgId\":\"%.*s\",\"topic\":\"%.*s\",\"producerGroup\":\"%.*s\","
                    "\"uniqKey\":\"%.*s\",\"storeTimestamp\":%lld,\"checks\":%d,"
                    "\"nextCheck\":%lld,\"parked\":%s}",
                    first ? "" : ",", (int)len, id, STR_ARG(message.topic), STR_ARG(group),
                    STR_ARG(key), (long long)message.store_ms, half->row.checks,
                    (long long)half->row.next_check_ms, half->row.parked ? "true" : "false");
}

void handle_list_transactions(struct request *request)
{
    struct broker *broker = request->broker;
    struct wire_list_transactions asked;
    struct str name;
    void *value;
    size_t cursor = 0;
    int32_t count = 0;
    struct tidings_error err = { 0 };
    tidings_status status = wire_list_transactions_decode(request->header, &asked, &err);
    int32_t max = asked.max_count < 1 || asked.max_count > LIST_MAX ? LIST_MAX : asked.max_count;
    buf_clear(&broker->body);
    if (status == TIDINGS_OK) {
        status = buf_addf(&broker->body, "{\"undecided\":%zu,\"parked\":%zu,\"transactions\":[",
                          broker->halves.by_position.count, broker->halves.parked);
    }
    while (status == TIDINGS_OK && count < max &&
           map_next(&broker->halves.by_position, &cursor, &name, &value)) {
        const struct half *half = value;
        if (half->row.parked || !asked.parked_only) {
            status = add_half(broker, half, count++ == 0);
        }
    }
    if (status == TIDINGS_OK) {
        status = buf_add_str(&broker->body, STR("]}"));
    }
    if (status != TIDINGS_OK) {
        answer_error(request, status, &err);
        return;
    }
    answer_body(request, buf_str(&broker->body));
}
