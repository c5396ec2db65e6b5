// SPDX-License-Identifier: Apache-2.0
// Looking messages up, dead letters.
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

#include "client/admin.h"

enum { BODY_MAX = 64 << 20, PULL_MOST = 32, ADDRESS_SIZE = 80, TOPIC_SIZE = WIRE_GROUP_MAX + 16 };

// ---- a message as JSON ----
static json_t *base64(struct str bytes)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t len = (bytes.len + 2) / 3 * 4;
    char *text = malloc(len + 1);
    if (text == NULL) {
        return NULL;
    }
    for (size_t i = 0, at = 0; i < bytes.len; i += 3, at += 4) {
        uint32_t bits = 0;
        for (size_t j = 0; j < 3; j++) {
            bits = bits << 8 | (i + j < bytes.len ? (unsigned char)bytes.ptr[i + j] : 0);
        }
        text[at] = digits[bits >> 18];
        text[at + 1] = digits[bits >> 12 & 63];
        text[at + 2] = (char)(i + 1 < bytes.len ? digits[bits >> 6 & 63] : '=');
        text[at + 3] = (char)(i + 2 < bytes.len ? digits[bits & 63] : '=');
    }
    json_t *value = json_stringn(text, len);
    free(text);
    return value;
}

static void add_body(json_t *root, const struct wire_message *message)
{
    struct buf plain;
    struct str body = message->body;
    buf_init(&plain, BODY_MAX);
    if ((message->sys_flag & WIRE_SYS_COMPRESSED) != 0 &&
        wire_decompress(body, &plain, NULL) == TIDINGS_OK) {
        body = buf_str(&plain);
    }
    if (str_is_utf8(body)) {
        json_object_set_new(root, "body", json_stringn(body.len > 0 ? body.ptr : "", body.len));
    } else {
        json_object_set_new(root, "bodyBase64", base64(body));
    }
    buf_deinit(&plain);
}

static json_t *properties_json(struct str properties)
{
    json_t *object = json_object();
    struct wire_pair pair;
    size_t cursor = 0;
    char key[256];
    while (wire_properties_next(properties, &cursor, &pair)) {
        if (str_copy(key, sizeof key, pair.key)) { // not UTF-8: left out
            json_object_set_new(
                object, key,
                json_stringn(pair.value.len > 0 ? pair.value.ptr : "", pair.value.len));
        }
    }
    return object;
}

static json_t *text_json(struct str text)
{
    json_t *value = json_stringn(text.len > 0 ? text.ptr : "", text.len);
    return value != NULL ? value : json_string("");
}

json_t *admin_message_json(const struct wire_message *message, const char *broker)
{
    char offset_id[WIRE_MESSAGE_ID_MAX];
    size_t len = wire_message_id_format(&message->store_host, message->physical_offset, offset_id);
    struct str unique = wire_properties_get(message->properties, WIRE_P_UNIQ_KEY);
    json_t *root = json_pack(
        "{s:o,s:o,s:o,s:s,s:i,s:I,s:o,s:o,s:i,s:I,s:I}", "topic", text_json(message->topic), "id",
        text_json(unique.len > 0 ? unique : str_make(offset_id, len)), "offsetId",
        text_json(str_make(offset_id, len)), "broker", broker, "queue", message->queue_id, "offset",
        (json_int_t)message->queue_offset, "tag",
        text_json(wire_properties_get(message->properties, WIRE_P_TAGS)), "keys",
        text_json(wire_properties_get(message->properties, WIRE_P_KEYS)), "reconsumeTimes",
        message->reconsume_times, "bornMs", (json_int_t)message->born_ms, "storeMs",
        (json_int_t)message->store_ms);
    if (root != NULL) {
        add_body(root, message);
        json_object_set_new(root, "properties", properties_json(message->properties));
    }
    return root;
}

// ---- by id and key ----
tidings_status admin_id_address(const char *id, int64_t *ret_position, char *ret_address,
                                size_t size, struct tidings_error *err)
{
    struct wire_host host;
    int64_t position;
    char ip[64];
    if (!wire_message_id_parse(str_of(id), &host, &position) ||
        inet_ntop(host.length == 16 ? AF_INET6 : AF_INET, host.address, ip, sizeof ip) == NULL) {
        return error_set(err, TIDINGS_E_INVALID, "\"%s\" is no offset id: 32 or 56 hex characters",
                         id != NULL ? id : "");
    }
    int n = snprintf(ret_address, size, host.length == 16 ? "[%s]:%d" : "%s:%d", ip, host.port);
    if (ret_position != NULL) {
        *ret_position = position;
    }
    return n > 0 && (size_t)n < size ? TIDINGS_OK : TIDINGS_E_INTERNAL;
}

tidings_status tidings_admin_message_by_id(tidings_admin *admin, const char *offset_id,
                                           char **ret_json, struct tidings_error *err)
{
    struct wire_view request;
    struct wire_header header;
    struct wire_message message;
    struct answer answer;
    char address[ADDRESS_SIZE];
    *ret_json = NULL;
    tidings_status status =
        admin_id_address(offset_id, &request.offset, address, sizeof address, err);
    request_init(&header, WIRE_VIEW_MESSAGE_BY_ID);
    if (status == TIDINGS_OK) {
        status = admin_fill(admin, view, &header, &request);
    }
    if (status == TIDINGS_OK) {
        status = admin_ask(admin, str_of(address), &header, (struct str){ NULL, 0 }, "message",
                           &answer, err);
    }
    if (status == TIDINGS_E_REFUSED) {
        status = error_set(err, TIDINGS_E_NOT_FOUND, "no message %s at %s", offset_id, address);
    }
    if (status != TIDINGS_OK) {
        return status;
    }
    status = wire_message_decode(answer.body, &message, err);
    if (status == TIDINGS_OK) {
        status = admin_text(json_pack("[o]", admin_message_json(&message, "")), ret_json, err);
    }
    answer_deinit(&answer);
    return status;
}

static bool has_key(const struct wire_message *message, struct str key)
{
    struct str keys = wire_properties_get(message->properties, WIRE_P_KEYS);
    struct str piece;
    while (keys.ptr != NULL && str_split(&keys, ' ', &piece)) {
        if (str_eq(piece, key)) {
            return true;
        }
    }
    return str_eq(wire_properties_get(message->properties, WIRE_P_UNIQ_KEY), key);
}

// Messages of an answer that `key` (ptr NULL = all) names, as JSON.
static tidings_status add_messages(struct str body, struct str key, const char *broker,
                                   json_t *rows, struct tidings_error *err)
{
    struct wire_message message;
    for (size_t at = 0; at < body.len; at += message.size) {
        tidings_status status =
            wire_message_decode(str_make(body.ptr + at, body.len - at), &message, err);
        if (status != TIDINGS_OK) {
            return status;
        }
        if (key.ptr == NULL || has_key(&message, key)) { // RocketMQ looks up by a hash
            json_array_append_new(rows, admin_message_json(&message, broker));
        }
    }
    return TIDINGS_OK;
}

static tidings_status query(struct tidings_admin *admin, const char *broker, const char *address,
                            const struct wire_query *request, json_t *rows,
                            struct tidings_error *err)
{
    struct wire_header header;
    struct answer answer;
    request_init(&header, WIRE_QUERY_MESSAGE);
    tidings_status status = admin_fill(admin, query, &header, request);
    if (status == TIDINGS_OK) {
        status = admin_ask(admin, str_of(address), &header, (struct str){ NULL, 0 }, "query",
                           &answer, err);
    }
    if (status == TIDINGS_OK) {
        status = add_messages(answer.body, request->key, broker, rows, err);
        answer_deinit(&answer);
    }
    return status == TIDINGS_E_NOT_FOUND ? TIDINGS_OK : status;
}

static int newest_first(const json_t *one, const json_t *other)
{
    json_int_t at = json_integer_value(json_object_get(one, "storeMs"));
    json_int_t other_at = json_integer_value(json_object_get(other, "storeMs"));
    return (at < other_at) - (at > other_at);
}

tidings_status tidings_admin_message_by_key(tidings_admin *admin, const char *topic,
                                            const char *key, int max, char **ret_json,
                                            struct tidings_error *err)
{
    struct admin_brokers brokers;
    struct wire_query request = { .topic = str_of(topic),
                                  .key = str_of(key),
                                  .max_count = max,
                                  .begin_ms = 0,
                                  .end_ms = INT64_MAX };
    *ret_json = NULL;
    if (max < 1 || request.key.len == 0) {
        return error_set(err, TIDINGS_E_INVALID,
                         "a look-up needs a key and a maximum of 1 or more");
    }
    tidings_status status = admin_topic_brokers(admin, topic, &brokers, err);
    if (status != TIDINGS_OK) {
        return status;
    }
    json_t *rows = json_array();
    for (unsigned i = 0; i < brokers.count && status == TIDINGS_OK; i++) {
        status = query(admin, brokers.items[i].name, brokers.items[i].address, &request, rows, err);
    }
    admin_brokers_free(&brokers);
    if (status != TIDINGS_OK) {
        json_decref(rows);
        return status;
    }
    return admin_text(admin_sorted(rows, newest_first, (size_t)max), ret_json, err);
}

// ---- dead letters ----
struct letter_walk { // what is done with each dead letter
    struct tidings_admin *admin;
    const char *group;
    int64_t from;
    int64_t left; // how many more
    tidings_status (*visit)(struct letter_walk *walk, const char *broker, const char *address,
                            const struct wire_message *message, struct tidings_error *err);
    json_t *rows;
    int64_t sent;
};

static tidings_status visit_all(struct letter_walk *walk, const char *broker, const char *address,
                                struct str body, struct tidings_error *err)
{
    struct wire_message message;
    for (size_t at = 0; at < body.len && walk->left > 0; at += message.size) {
        tidings_status status =
            wire_message_decode(str_make(body.ptr + at, body.len - at), &message, err);
        if (status == TIDINGS_OK) {
            status = walk->visit(walk, broker, address, &message, err);
        }
        if (status != TIDINGS_OK) {
            return status;
        }
        walk->left--;
    }
    return TIDINGS_OK;
}

static tidings_status pull_letters(struct letter_walk *walk, const char *address, const char *topic,
                                   int32_t queue_id, int64_t offset, struct answer *ret,
                                   struct tidings_error *err)
{
    struct tidings_admin *admin = walk->admin;
    const char *own_group = config_text(admin->runtime.config, CONFIG_GROUP);
    const struct wire_pull request = {
        .group = own_group[0] != '\0' ? str_of(own_group) : STR("tidings_admin"),
        .topic = str_of(topic),
        .queue_id = queue_id,
        .queue_offset = offset,
        .max_messages = (int32_t)(walk->left < PULL_MOST ? walk->left : PULL_MOST),
        .sys_flag = WIRE_PULL_SUBSCRIPTION,
        .subscription = STR("*"),
        .expression_type = STR("TAG"),
        .max_bytes = -1,
    };
    struct wire_header header;
    request_init(&header, WIRE_PULL_MESSAGE);
    tidings_status status = admin_fill(admin, pull, &header, &request);
    if (status == TIDINGS_OK) {
        status =
            runtime_ask(&admin->runtime, str_of(address), &header, (struct str){ NULL, 0 },
                        config_number(admin->runtime.config, CONFIG_REQUEST_TIMEOUT), ret, err);
    }
    return status;
}

static tidings_status walk_queue(struct letter_walk *walk, const char *broker, const char *address,
                                 const char *topic, int32_t queue_id, struct tidings_error *err)
{
    int64_t offset = walk->from;
    tidings_status status = TIDINGS_OK;
    bool more = true;
    while (more && walk->left > 0 && status == TIDINGS_OK) {
        struct answer answer;
        int64_t next = offset;
        status = pull_letters(walk, address, topic, queue_id, offset, &answer, err);
        if (status != TIDINGS_OK) {
            break;
        }
        int32_t code = answer.header.code;
        (void)num_parse_i64(wire_header_get(&answer.header, STR("nextBeginOffset")), 0, INT64_MAX,
                            &next);
        if (code == WIRE_SUCCESS) {
            status = visit_all(walk, broker, address, answer.body, err);
        } else if (code != WIRE_PULL_NOT_FOUND && code != WIRE_PULL_RETRY_IMMEDIATELY &&
                   code != WIRE_PULL_OFFSET_MOVED) {
            status = error_set(err, reply_status(code), "dead letters: %s answered %d: %.*s",
                               address, code, STR_ARG(answer.header.remark));
        }
        more = next > offset && code != WIRE_PULL_NOT_FOUND;
        offset = next;
        answer_deinit(&answer);
    }
    return status;
}

static tidings_status walk_letters(struct letter_walk *walk, struct tidings_error *err)
{
    char topic[TOPIC_SIZE];
    struct wire_route *route;
    int n = snprintf(topic, sizeof topic, "%.*s%s", STR_ARG(WIRE_DLQ_PREFIX), walk->group);
    if (n < 0 || !wire_name_is_valid(str_of(walk->group), WIRE_GROUP_MAX)) {
        return error_set(err, TIDINGS_E_INVALID, "\"%s\" is no group", walk->group);
    }
    tidings_status status = admin_route(walk->admin, topic, &route, err);
    if (status == TIDINGS_E_NOT_FOUND) {
        error_clear(err);
        return TIDINGS_OK; // none ever died
    }
    if (status != TIDINGS_OK) {
        return status;
    }
    for (unsigned i = 0; i < route->queue_count; i++) {
        const struct wire_route_queue *queue = &route->queues[i];
        const char *address = NULL;
        for (unsigned j = 0; j < route->broker_count; j++) {
            if (strcmp(route->brokers[j].broker, queue->broker) == 0) {
                address = route->brokers[j].master;
            }
        }
        for (int32_t id = 0; address != NULL && id < queue->read_queues && status == TIDINGS_OK;
             id++) {
            status = walk_queue(walk, queue->broker, address, topic, id, err);
        }
    }
    wire_route_free(route);
    return status;
}

static tidings_status list_letter(struct letter_walk *walk, const char *broker, const char *address,
                                  const struct wire_message *message, struct tidings_error *err)
{
    (void)address;
    return json_array_append_new(walk->rows, admin_message_json(message, broker)) == 0
               ? TIDINGS_OK
               : error_set(err, TIDINGS_E_NO_MEMORY, "no memory for the list of dead letters");
}

tidings_status tidings_admin_dead_letters(tidings_admin *admin, const char *group, int64_t from,
                                          int max, char **ret_json, struct tidings_error *err)
{
    struct letter_walk walk = { .admin = admin,
                                .group = group,
                                .from = from < 0 ? 0 : from,
                                .left = max,
                                .visit = list_letter,
                                .rows = json_array() };
    *ret_json = NULL;
    tidings_status status = walk_letters(&walk, err);
    if (status != TIDINGS_OK) {
        json_decref(walk.rows);
        return status;
    }
    return admin_text(walk.rows, ret_json, err);
}

// Properties of the letter without the marks of its failed life.
static tidings_status clean_properties(const struct wire_message *message, struct buf *out)
{
    const struct str dropped[] = { WIRE_P_RETRY_TOPIC,      WIRE_P_DELAY,
                                   WIRE_P_REAL_TOPIC,       WIRE_P_REAL_QID,
                                   WIRE_P_DLQ_TOPIC,        WIRE_P_DLQ_ID,
                                   WIRE_P_TIMER_DELAY_SEC,  WIRE_P_TIMER_DELAY_MS,
                                   WIRE_P_TIMER_DELIVER,    STR("TIDINGS_DUE_MS"),
                                   STR("TIDINGS_FIRST_MS"), STR("TIDINGS_DEAD_REASON") };
    struct str topic = wire_properties_get(message->properties, WIRE_P_RETRY_TOPIC);
    if (topic.len == 0) {
        topic = wire_properties_get(message->properties, WIRE_P_DLQ_TOPIC);
    }
    tidings_status status =
        wire_properties_copy(message->properties, dropped, BASE_COUNT(dropped), out);
    if (status == TIDINGS_OK && topic.len > 0) {
        status = wire_properties_add(out, WIRE_P_RETRY_TOPIC, topic);
    }
    return status;
}

static tidings_status resend_letter(struct letter_walk *walk, const char *broker,
                                    const char *address, const struct wire_message *message,
                                    struct tidings_error *err)
{
    char topic[TOPIC_SIZE];
    struct buf properties;
    struct wire_header header;
    struct answer answer;
    (void)broker;
    int n = snprintf(topic, sizeof topic, "%.*s%s", STR_ARG(WIRE_RETRY_PREFIX), walk->group);
    buf_init(&properties, WIRE_PROPERTIES_MAX);
    tidings_status status = n > 0 ? clean_properties(message, &properties) : TIDINGS_E_INTERNAL;
    const struct wire_send request = {
        .producer_group = STR("CLIENT_INNER_PRODUCER"),
        .topic = str_of(topic),
        .default_topic = WIRE_DEFAULT_TOPIC,
        .default_queues = 1,
        .sys_flag = message->sys_flag & (WIRE_SYS_COMPRESSED | 0x700),
        .born_ms = message->born_ms,
        .flag = message->flag,
        .properties = buf_str(&properties),
        .max_reconsume_times = 16,
    };
    request_init(&header, WIRE_SEND_MESSAGE_V2);
    if (status == TIDINGS_OK) {
        status = admin_fill(walk->admin, send, &header, &request);
    }
    if (status == TIDINGS_OK) {
        status =
            admin_ask(walk->admin, str_of(address), &header, message->body, "resend", &answer, err);
    }
    if (status == TIDINGS_OK) {
        answer_deinit(&answer);
        walk->sent++;
    }
    buf_deinit(&properties);
    return status;
}

tidings_status tidings_admin_dead_letters_resend(tidings_admin *admin, const char *group,
                                                 int64_t from, int64_t count, int64_t *ret_count,
                                                 struct tidings_error *err)
{
    struct letter_walk walk = { .admin = admin,
                                .group = group,
                                .from = from < 0 ? 0 : from,
                                .left = count,
                                .visit = resend_letter };
    tidings_status status = walk_letters(&walk, err);
    *ret_count = walk.sent;
    return status;
}
