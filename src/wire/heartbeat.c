// SPDX-License-Identifier: Apache-2.0
// Heartbeats (code 34). Java and Go write enums as names (Go in its own spelling of the case), C++
// as ordinals; codeSet holds numbers (Java), strings (Go) or zeros (C++) and is never read.
#include <stdlib.h>
#include <strings.h>

#include "wire/json.h"
#include "wire/text.h"

struct enum_row {
    const char *name;
    int ordinal;
    int value;
};

static const struct enum_row models[] = {
    { "CLUSTERING", 1, WIRE_CLUSTERING },
    { "BROADCASTING", 0, WIRE_BROADCASTING },
};

static const struct enum_row places[] = {
    { "CONSUME_FROM_LAST_OFFSET", 0, WIRE_FROM_LAST },
    { "CONSUME_FROM_FIRST_OFFSET", 4, WIRE_FROM_FIRST },
    { "CONSUME_FROM_TIMESTAMP", 5, WIRE_FROM_TIMESTAMP },
    // Deprecated long ago, still in the enumeration.
    { "CONSUME_FROM_LAST_OFFSET_AND_FROM_MIN_WHEN_BOOT_FIRST", 1, WIRE_FROM_LAST },
    { "CONSUME_FROM_MIN_OFFSET", 2, WIRE_FROM_FIRST },
    { "CONSUME_FROM_MAX_OFFSET", 3, WIRE_FROM_LAST },
};

static const struct enum_row types[] = {
    { "CONSUME_PASSIVELY", 1, false },
    { "CONSUME_ACTIVELY", 0, true },
    { "CONSUME_POP", 2, false },
};

// Value of an enum member by name (any case) or ordinal; absent or null is the first row's.
static tidings_status read_enum(const json_t *object, const char *key, const struct enum_row *rows,
                                size_t n, int *ret, struct tidings_error *err)
{
    const json_t *value = json_object_get(object, key);
    if (value == NULL || json_is_null(value)) {
        *ret = rows[0].value;
        return TIDINGS_OK;
    }
    for (size_t i = 0; i < n; i++) {
        bool is_name =
            json_is_string(value) && strcasecmp(json_string_value(value), rows[i].name) == 0;
        bool is_ordinal = json_is_integer(value) && json_integer_value(value) == rows[i].ordinal;
        if (is_name || is_ordinal) {
            *ret = rows[i].value;
            return TIDINGS_OK;
        }
    }
    return error_set(err, TIDINGS_E_PROTOCOL,
                     "heartbeat: %s has an unknown value, for example %s is right", key,
                     rows[0].name);
}

static const char *enum_name(const struct enum_row *rows, int value)
{
    while (rows->value != value) {
        rows++;
    }
    return rows->name;
}

static tidings_status read_subscription(const json_t *object, struct wire_subscription *ret,
                                        struct tidings_error *err)
{
    tidings_status status = wire_json_text(object, "topic", NULL, &ret->topic, err);
    if (status == TIDINGS_OK) {
        status = wire_json_text(object, "subString", "*", &ret->expression, err);
    }
    if (status == TIDINGS_OK) {
        status = wire_json_text(object, "expressionType", "TAG", &ret->expression_type, err);
    }
    if (status == TIDINGS_OK) {
        status = wire_json_i64(object, "subVersion", 0, &ret->version, err);
    }
    return status;
}

static tidings_status read_subscriptions(const json_t *object, struct wire_consumer_data *ret,
                                         struct tidings_error *err)
{
    json_t *list;
    unsigned count;
    void *items = NULL;
    tidings_status status =
        wire_json_list(object, "subscriptionDataSet", WIRE_SUBSCRIPTIONS_MAX, &list, &count, err);
    if (status == TIDINGS_OK) {
        status = wire_json_items(count, sizeof *ret->subscriptions, &items);
    }
    ret->subscriptions = items;
    for (unsigned i = 0; status == TIDINGS_OK && i < count; i++) {
        ret->subscription_count = i + 1;
        status = read_subscription(json_array_get(list, i), &ret->subscriptions[i], err);
    }
    return status;
}

static tidings_status read_consumer(const json_t *object, struct wire_consumer_data *ret,
                                    struct tidings_error *err)
{
    int model = WIRE_CLUSTERING;
    int place = WIRE_FROM_LAST;
    int active = false;
    tidings_status status = wire_json_text(object, "groupName", NULL, &ret->group, err);
    if (status == TIDINGS_OK) {
        status = read_enum(object, "messageModel", models, BASE_COUNT(models), &model, err);
    }
    if (status == TIDINGS_OK) {
        status = read_enum(object, "consumeFromWhere", places, BASE_COUNT(places), &place, err);
    }
    if (status == TIDINGS_OK) {
        status = read_enum(object, "consumeType", types, BASE_COUNT(types), &active, err);
    }
    ret->model = model == WIRE_BROADCASTING ? WIRE_BROADCASTING : WIRE_CLUSTERING;
    ret->from_where = (enum wire_from_where)place;
    ret->active = active != 0;
    if (status == TIDINGS_OK) {
        status = read_subscriptions(object, ret, err);
    }
    return status;
}

static tidings_status read_consumers(const json_t *root, struct wire_heartbeat *ret,
                                     struct tidings_error *err)
{
    json_t *list;
    unsigned count;
    void *items = NULL;
    tidings_status status =
        wire_json_list(root, "consumerDataSet", WIRE_GROUPS_MAX, &list, &count, err);
    if (status == TIDINGS_OK) {
        status = wire_json_items(count, sizeof *ret->consumers, &items);
    }
    ret->consumers = items;
    for (unsigned i = 0; status == TIDINGS_OK && i < count; i++) {
        ret->consumer_count = i + 1;
        status = read_consumer(json_array_get(list, i), &ret->consumers[i], err);
    }
    return status;
}

static tidings_status read_producers(const json_t *root, struct wire_heartbeat *ret,
                                     struct tidings_error *err)
{
    json_t *list;
    unsigned count;
    void *items = NULL;
    tidings_status status =
        wire_json_list(root, "producerDataSet", WIRE_GROUPS_MAX, &list, &count, err);
    if (status == TIDINGS_OK) {
        status = wire_json_items(count, sizeof *ret->producer_groups, &items);
    }
    ret->producer_groups = items;
    for (unsigned i = 0; status == TIDINGS_OK && i < count; i++) {
        ret->producer_count = i + 1;
        status = wire_json_text(json_array_get(list, i), "groupName", NULL,
                                &ret->producer_groups[i], err);
    }
    return status;
}

tidings_status wire_heartbeat_decode(struct str body, struct wire_heartbeat **ret,
                                     struct tidings_error *err)
{
    json_t *root = NULL;
    struct wire_heartbeat *heartbeat = NULL;
    tidings_status status = wire_json_load(body, "heartbeat", &root, err);
    if (status != TIDINGS_OK) {
        return status;
    }
    heartbeat = calloc(1, sizeof *heartbeat);
    if (heartbeat == NULL) {
        status = error_set(err, TIDINGS_E_NO_MEMORY, "heartbeat: out of memory");
        goto out;
    }
    status = wire_json_text(root, "clientID", NULL, &heartbeat->client_id, err);
    if (status == TIDINGS_OK) {
        status = read_producers(root, heartbeat, err);
    }
    if (status == TIDINGS_OK) {
        status = read_consumers(root, heartbeat, err);
    }
    if (status == TIDINGS_OK) {
        *ret = heartbeat;
        heartbeat = NULL;
    }
out:
    wire_heartbeat_free(heartbeat);
    json_decref(root);
    return status;
}

static void clear_consumer(struct wire_consumer_data *consumer)
{
    for (unsigned i = 0; i < consumer->subscription_count; i++) {
        free(consumer->subscriptions[i].topic);
        free(consumer->subscriptions[i].expression);
        free(consumer->subscriptions[i].expression_type);
    }
    free(consumer->subscriptions);
    free(consumer->group);
}

void wire_heartbeat_free(struct wire_heartbeat *heartbeat)
{
    if (heartbeat == NULL) {
        return;
    }
    for (unsigned i = 0; i < heartbeat->producer_count; i++) {
        free(heartbeat->producer_groups[i]);
    }
    for (unsigned i = 0; i < heartbeat->consumer_count; i++) {
        clear_consumer(&heartbeat->consumers[i]);
    }
    free(heartbeat->producer_groups);
    free(heartbeat->consumers);
    free(heartbeat->client_id);
    free(heartbeat);
}

// ---- encoding ----
static void write_subscription(struct wire_text *text, const struct wire_subscription *subscription)
{
    struct wire_tags tags = { .all = true };
    struct str expression =
        subscription->expression != NULL ? str_of(subscription->expression) : STR("*");
    struct str type =
        subscription->expression_type != NULL ? str_of(subscription->expression_type) : STR("TAG");
    if (str_eq(type, STR("TAG")) && text->status == TIDINGS_OK) {
        text->status = wire_tags_parse(expression, &tags, NULL);
    }
    wire_text_put(text, STR("{\"classFilterMode\":false,\"codeSet\":["));
    for (unsigned i = 0; i < tags.count; i++) {
        wire_text_comma(text, i);
        wire_text_number(text, tags.tags[i].code);
    }
    wire_text_put(text, STR("],\"expressionType\":"));
    wire_text_string(text, type);
    wire_text_put(text, STR(",\"subString\":"));
    wire_text_string(text, expression);
    wire_text_put(text, STR(",\"subVersion\":"));
    wire_text_number(text, subscription->version);
    wire_text_put(text, STR(",\"tagsSet\":["));
    for (unsigned i = 0; i < tags.count; i++) {
        wire_text_comma(text, i);
        wire_text_string(text, tags.tags[i].text);
    }
    wire_text_put(text, STR("],\"topic\":"));
    wire_text_string(text, str_of(subscription->topic));
    wire_text_put(text, STR("}"));
}

static void write_consumer(struct wire_text *text, const struct wire_consumer_data *consumer)
{
    wire_text_put(text, STR("{\"consumeFromWhere\":"));
    wire_text_string(text, str_of(enum_name(places, (int)consumer->from_where)));
    wire_text_put(text, STR(",\"consumeType\":"));
    wire_text_string(text, str_of(enum_name(types, consumer->active)));
    wire_text_put(text, STR(",\"groupName\":"));
    wire_text_string(text, str_of(consumer->group));
    wire_text_put(text, STR(",\"messageModel\":"));
    wire_text_string(text, str_of(enum_name(models, (int)consumer->model)));
    wire_text_put(text, STR(",\"subscriptionDataSet\":["));
    for (unsigned i = 0; i < consumer->subscription_count; i++) {
        wire_text_comma(text, i);
        write_subscription(text, &consumer->subscriptions[i]);
    }
    wire_text_put(text, STR("],\"unitMode\":false}"));
}

tidings_status wire_heartbeat_encode(const struct wire_heartbeat *heartbeat, struct buf *out)
{
    struct wire_text text = wire_text_begin(out);
    wire_text_put(&text, STR("{\"clientID\":"));
    wire_text_string(&text, str_of(heartbeat->client_id));
    wire_text_put(&text, STR(",\"consumerDataSet\":["));
    for (unsigned i = 0; i < heartbeat->consumer_count; i++) {
        wire_text_comma(&text, i);
        write_consumer(&text, &heartbeat->consumers[i]);
    }
    wire_text_put(&text, STR("],\"producerDataSet\":["));
    for (unsigned i = 0; i < heartbeat->producer_count; i++) {
        wire_text_comma(&text, i);
        wire_text_put(&text, STR("{\"groupName\":"));
        wire_text_string(&text, str_of(heartbeat->producer_groups[i]));
        wire_text_put(&text, STR("}"));
    }
    wire_text_put(&text, STR("]}"));
    return wire_text_end(&text);
}
