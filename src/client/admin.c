// SPDX-License-Identifier: Apache-2.0
// What the calls of an admin have in common.
#include "client/admin.h"

#include <stdlib.h>

// ---- life ----
tidings_status tidings_admin_new(const tidings_config *config, tidings_admin **ret,
                                 struct tidings_error *err)
{
    const struct runtime_owner owner = { .arg = NULL };
    struct tidings_admin *admin = calloc(1, sizeof *admin);
    *ret = NULL;
    if (admin == NULL) {
        return error_set(err, TIDINGS_E_NO_MEMORY, "no memory for an admin");
    }
    tidings_status status = runtime_init(&admin->runtime, config, &owner, err);
    if (status != TIDINGS_OK) {
        free(admin);
        return status;
    }
    buf_init(&admin->texts, 65536);
    struct str rest = str_of(config_text(admin->runtime.config, CONFIG_NAME_SERVERS));
    struct str piece;
    while (str_split(&rest, ';', &piece) && admin->server_count < ADMIN_SERVERS_MAX) {
        if (str_trim(piece).len > 0) {
            admin->servers[admin->server_count++] = str_trim(piece);
        }
    }
    status = runtime_start(&admin->runtime, err);
    if (status != TIDINGS_OK) {
        tidings_admin_free(admin);
        return status;
    }
    *ret = admin;
    return TIDINGS_OK;
}

void tidings_admin_free(tidings_admin *admin)
{
    if (admin != NULL) {
        runtime_stop(&admin->runtime);
        runtime_close(&admin->runtime);
        runtime_deinit(&admin->runtime);
        buf_deinit(&admin->texts);
        free(admin);
    }
}

// ---- asking ----
tidings_status admin_ask(struct tidings_admin *admin, struct str address,
                         struct wire_header *header, struct str body, const char *what,
                         struct answer *ret, struct tidings_error *err)
{
    return runtime_demand(&admin->runtime, address, header, body, what, ret, err);
}

tidings_status admin_ask_names(struct tidings_admin *admin, struct wire_header *header,
                               const char *what, struct answer *ret, struct tidings_error *err)
{
    tidings_status status = TIDINGS_E_NO_ROUTE;
    for (unsigned i = 0; i < admin->server_count; i++) {
        status =
            admin_ask(admin, admin->servers[i], header, (struct str){ NULL, 0 }, what, ret, err);
        if (status == TIDINGS_OK || status == TIDINGS_E_NO_ROUTE) {
            break;
        }
    }
    return status;
}

tidings_status admin_parse(struct str body, json_t **ret, struct tidings_error *err)
{
    struct buf plain;
    json_error_t why;
    buf_init(&plain, ADMIN_RESULT_MAX);
    tidings_status status = wire_json_normalise(body, &plain, err);
    if (status == TIDINGS_OK) {
        *ret = json_loadb(plain.ptr, plain.len, 0, &why);
        if (*ret == NULL) {
            status = error_set(err, TIDINGS_E_PROTOCOL, "the answer is no JSON: %s at byte %d",
                               why.text, why.position);
        }
    }
    buf_deinit(&plain);
    return status;
}

tidings_status admin_text(json_t *root, char **ret, struct tidings_error *err)
{
    char *text = root != NULL ? json_dumps(root, JSON_COMPACT) : NULL;
    json_decref(root);
    *ret = text;
    return text != NULL ? TIDINGS_OK
                        : error_set(err, TIDINGS_E_NO_MEMORY, "no memory for the answer");
}

// ---- order ----
int admin_by_name(const json_t *one, const json_t *other)
{
    static const char *const keys[] = { "topic", "group", "broker" };
    int order = 0;
    for (size_t i = 0; i < BASE_COUNT(keys) && order == 0; i++) {
        const char *text = json_string_value(json_object_get(one, keys[i]));
        const char *other_text = json_string_value(json_object_get(other, keys[i]));
        order = text != NULL && other_text != NULL ? strcmp(text, other_text) : 0;
    }
    return order;
}

static int compare_rows(const void *a, const void *b, void *compare)
{
    json_t *const *one = a;
    json_t *const *other = b;
    int (**function)(const json_t *, const json_t *) = compare;
    return (*function)(*one, *other);
}

json_t *admin_sorted(json_t *rows, int (*compare)(const json_t *one, const json_t *other),
                     size_t max)
{
    size_t count = json_array_size(rows);
    json_t **items = calloc(count > 0 ? count : 1, sizeof(json_t *));
    json_t *ordered = items != NULL ? json_array() : NULL;
    if (ordered != NULL) {
        for (size_t i = 0; i < count; i++) {
            items[i] = json_array_get(rows, i);
        }
        qsort_r(items, count, sizeof(json_t *), compare_rows, &compare);
        for (size_t i = 0; i < count && i < max; i++) {
            json_array_append(ordered, items[i]);
        }
    }
    free(items);
    json_decref(rows);
    return ordered;
}

// ---- brokers and routes ----
static tidings_status add_broker(struct admin_brokers *brokers, const char *name,
                                 const char *address, struct tidings_error *err)
{
    if (brokers->count == ADMIN_BROKERS_MAX) {
        return error_set(err, TIDINGS_E_TOO_LARGE, "more than %d brokers", ADMIN_BROKERS_MAX);
    }
    char *own_name = str_dup(str_of(name));
    char *own_address = str_dup(str_of(address));
    if (own_name == NULL || own_address == NULL) {
        free(own_name);
        free(own_address);
        return error_set(err, TIDINGS_E_NO_MEMORY, "no memory for the brokers");
    }
    brokers->items[brokers->count].name = own_name;
    brokers->items[brokers->count++].address = own_address;
    return TIDINGS_OK;
}

void admin_brokers_free(struct admin_brokers *brokers)
{
    for (unsigned i = 0; i < brokers->count; i++) {
        free(brokers->items[i].name);
        free(brokers->items[i].address);
    }
    brokers->count = 0;
}

tidings_status admin_brokers(struct tidings_admin *admin, struct admin_brokers *ret,
                             struct tidings_error *err)
{
    struct wire_header header;
    struct answer answer;
    json_t *root = NULL;
    const char *name;
    json_t *broker;
    ret->count = 0;
    request_init(&header, WIRE_GET_BROKER_CLUSTER_INFO);
    tidings_status status = admin_ask_names(admin, &header, "brokers", &answer, err);
    if (status != TIDINGS_OK) {
        return status;
    }
    status = admin_parse(answer.body, &root, err);
    json_object_foreach(json_object_get(root, "brokerAddrTable"), name, broker)
    {
        const char *address =
            json_string_value(json_object_get(json_object_get(broker, "brokerAddrs"), "0"));
        if (status == TIDINGS_OK && address != NULL) {
            status = add_broker(ret, name, address, err);
        }
    }
    json_decref(root);
    answer_deinit(&answer);
    if (status == TIDINGS_OK && ret->count == 0) {
        status = error_set(err, TIDINGS_E_NO_ROUTE, "no name server knows a broker");
    }
    if (status != TIDINGS_OK) {
        admin_brokers_free(ret);
    }
    return status;
}

tidings_status admin_route(struct tidings_admin *admin, const char *topic, struct wire_route **ret,
                           struct tidings_error *err)
{
    const struct wire_topic_request request = { .topic = str_of(topic) };
    struct wire_header header;
    struct answer answer;
    request_init(&header, WIRE_GET_ROUTEINFO_BY_TOPIC);
    tidings_status status = admin_fill(admin, topic_request, &header, &request);
    if (status == TIDINGS_OK) {
        status = wire_header_add(&header, STR("acceptStandardJsonOnly"), STR("true"));
    }
    if (status == TIDINGS_OK) {
        status = admin_ask_names(admin, &header, "route", &answer, err);
    }
    if (status == TIDINGS_E_NO_ROUTE) {
        return error_set(err, TIDINGS_E_NOT_FOUND, "topic %s: no name server knows it", topic);
    }
    if (status == TIDINGS_OK) {
        status = wire_route_decode(answer.body, ret, err);
        answer_deinit(&answer);
    }
    return status;
}

tidings_status admin_topic_brokers(struct tidings_admin *admin, const char *topic,
                                   struct admin_brokers *ret, struct tidings_error *err)
{
    struct wire_route *route;
    ret->count = 0;
    tidings_status status = admin_route(admin, topic, &route, err);
    if (status != TIDINGS_OK) {
        return status;
    }
    for (unsigned i = 0; i < route->broker_count && status == TIDINGS_OK; i++) {
        if (route->brokers[i].master != NULL) {
            status = add_broker(ret, route->brokers[i].broker, route->brokers[i].master, err);
        }
    }
    wire_route_free(route);
    if (status != TIDINGS_OK) {
        admin_brokers_free(ret);
    }
    return status;
}

tidings_status admin_offset(struct tidings_admin *admin, struct str address, int32_t code,
                            const char *topic, int32_t queue_id, int64_t wall_ms, int64_t *ret,
                            struct tidings_error *err)
{
    const struct wire_queue_request request = { .topic = str_of(topic),
                                                .queue_id = queue_id,
                                                .timestamp = wall_ms };
    struct wire_header header;
    struct answer answer;
    request_init(&header, code);
    tidings_status status = admin_fill(admin, queue_request, &header, &request);
    if (status == TIDINGS_OK) {
        status =
            admin_ask(admin, address, &header, (struct str){ NULL, 0 }, "offset", &answer, err);
    }
    if (status != TIDINGS_OK) {
        return status;
    }
    if (!num_parse_i64(wire_header_get(&answer.header, STR("offset")), INT64_MIN, INT64_MAX, ret)) {
        status = error_set(err, TIDINGS_E_PROTOCOL, "the answer has no offset");
    }
    answer_deinit(&answer);
    return status;
}
