// SPDX-License-Identifier: Apache-2.0
// Who is there: members of consumer groups, producers, their connections, and the push that tells
// of changes.
#include <stdlib.h>

#include "broker/answer.h"
#include "broker/channel.h"

static void mark_changed(struct broker *broker, struct group *group)
{
    // Of a broadcasting group every instance has all queues whoever else is there.
    if (!group->changed && group->model != WIRE_BROADCASTING && group->config.notify_enabled) {
        group->changed = true;
        list_add_tail(&broker->groups.changed, &group->in_changed);
    }
}

// A client that gets it rebalances at once.
static void tell_members(struct broker *broker, struct group *group)
{
    list_for_each (node, &group->members) {
        struct member *member = LIST_ENTRY(node, struct member, node);
        struct wire_header push = { .code = WIRE_NOTIFY_CONSUMER_IDS_CHANGED, .ext_count = 1 };
        push.ext[0] = (struct wire_pair){ STR("consumerGroup"), str_of(group->config.name) };
        (void)answer_push(broker, member->conn_id, &push, (struct str){ 0 });
    }
}

void groups_tell(struct broker *broker)
{
    struct list *node;
    while ((node = list_pop(&broker->groups.changed)) != NULL) {
        struct group *group = LIST_ENTRY(node, struct group, in_changed);
        group->changed = false;
        tell_members(broker, group);
    }
}

static struct member *find_member(struct group *group, struct str client_id)
{
    list_for_each (node, &group->members) {
        struct member *member = LIST_ENTRY(node, struct member, node);
        if (str_eq_c(client_id, member->client_id)) {
            return member;
        }
    }
    return NULL;
}

static void remove_member(struct broker *broker, struct member *member)
{
    struct group *group = member->group;
    list_remove(&member->node);
    list_remove(&member->in_channel);
    group->member_count--;
    broker->groups.client_count--;
    free(member->client_id);
    free(member);
}

// ---- subscriptions ----
static bool subscription_set(struct subscription *own, const struct wire_subscription *given)
{
    char *expression = str_dup(str_of(given->expression));
    char *type = str_dup(str_of(given->expression_type));
    if (expression == NULL || type == NULL) {
        free(expression);
        free(type);
        return false;
    }
    bool changed = own->expression == NULL || strcmp(own->expression, expression) != 0 ||
                   strcmp(own->expression_type, type) != 0;
    free(own->expression);
    free(own->expression_type);
    own->expression = expression;
    own->expression_type = type;
    own->version = given->version;
    return changed;
}

static bool subscription_add(struct group *group, const struct wire_subscription *given)
{
    struct subscription *grown =
        realloc(group->subscriptions, (group->subscription_count + 1) * sizeof *grown);
    if (grown == NULL) {
        return false;
    }
    group->subscriptions = grown;
    struct subscription *fresh = &grown[group->subscription_count];
    *fresh = (struct subscription){ .topic = str_dup(str_of(given->topic)) };
    if (fresh->topic == NULL || !subscription_set(fresh, given)) {
        free(fresh->topic);
        return false;
    }
    group->subscription_count++;
    return true;
}

static bool is_given(const struct wire_consumer_data *data, const char *topic)
{
    for (unsigned i = 0; i < data->subscription_count; i++) {
        if (strcmp(data->subscriptions[i].topic, topic) == 0) {
            return true;
        }
    }
    return false;
}

static bool drop_missing(struct group *group, const struct wire_consumer_data *data)
{
    size_t kept = 0;
    for (size_t i = 0; i < group->subscription_count; i++) {
        struct subscription *own = &group->subscriptions[i];
        if (is_given(data, own->topic)) {
            group->subscriptions[kept++] = *own;
        } else {
            free(own->topic);
            free(own->expression);
            free(own->expression_type);
        }
    }
    bool dropped = kept < group->subscription_count;
    group->subscription_count = kept;
    return dropped;
}

// The last heartbeat wins where its version is newer; true when something changed.
static bool update_subscriptions(struct group *group, const struct wire_consumer_data *data)
{
    bool changed = false;
    for (unsigned i = 0; i < data->subscription_count; i++) {
        const struct wire_subscription *given = &data->subscriptions[i];
        struct subscription *own = group_subscription(group, str_of(given->topic));
        if (own == NULL) {
            changed |= subscription_add(group, given);
        } else if (given->version > own->version) {
            changed |= subscription_set(own, given);
        }
    }
    return drop_missing(group, data) || changed;
}

// ---- members ----
static tidings_status add_member(struct broker *broker, struct group *group, const char *client_id,
                                 struct member **ret, struct tidings_error *err)
{
    if (group->member_count >= GROUP_MEMBERS_MAX || broker->groups.client_count >= CLIENTS_MAX) {
        return error_set(err, TIDINGS_E_FULL, "group %s has %zu members, the server %zu clients",
                         group->config.name, group->member_count, broker->groups.client_count);
    }
    struct member *member = calloc(1, sizeof *member);
    if (member == NULL || (member->client_id = str_dup(str_of(client_id))) == NULL) {
        free(member);
        return error_set(err, TIDINGS_E_NO_MEMORY, "no memory for a member of group %s",
                         group->config.name);
    }
    member->group = group;
    list_init(&member->in_channel);
    list_add_tail(&group->members, &member->node);
    group->member_count++;
    broker->groups.client_count++;
    *ret = member;
    return TIDINGS_OK;
}

struct beat { // of whom a heartbeat comes
    const char *client_id;
    struct channel *channel;
    int32_t language;
    int32_t version;
    int64_t now_ms;
};

static tidings_status consumer_beat(struct broker *broker, const struct wire_consumer_data *data,
                                    const struct beat *beat, struct tidings_error *err)
{
    struct group *group;
    tidings_status status = groups_ensure(broker, str_of(data->group), &group, err);
    if (status != TIDINGS_OK) {
        return status;
    }
    struct member *member = find_member(group, str_of(beat->client_id));
    bool changed = member == NULL;
    if (member == NULL) {
        status = add_member(broker, group, beat->client_id, &member, err);
        if (member == NULL) {
            return status;
        }
    }
    member->conn_id = beat->channel->conn_id;
    list_remove(&member->in_channel);
    list_add_tail(&beat->channel->members, &member->in_channel);
    member->seen_ms = beat->now_ms;
    member->language = beat->language;
    member->version = beat->version;
    group->model = data->model;
    group->from_where = data->from_where;
    group->active = data->active;
    changed |= update_subscriptions(group, data);
    if (changed) {
        mark_changed(broker, group);
    }
    return TIDINGS_OK;
}

static struct producer_group *ensure_producers(struct broker *broker, const char *name)
{
    struct producer_group *group = map_get(&broker->groups.producers, str_of(name));
    if (group != NULL) {
        return group;
    }
    group = calloc(1, sizeof *group);
    if (group == NULL || (group->name = str_dup(str_of(name))) == NULL) {
        free(group);
        return NULL;
    }
    list_init(&group->producers);
    if (map_put(&broker->groups.producers, str_of(name), group, NULL) != TIDINGS_OK) {
        free(group->name);
        free(group);
        return NULL;
    }
    return group;
}

static struct producer *find_producer(struct producer_group *group, struct str client_id)
{
    list_for_each (node, &group->producers) {
        struct producer *producer = LIST_ENTRY(node, struct producer, node);
        if (str_eq_c(client_id, producer->client_id)) {
            return producer;
        }
    }
    return NULL;
}

uint64_t groups_find_producer(const struct groups *groups, struct str client_id)
{
    struct str key;
    void *value;
    size_t cursor = 0;
    while (map_next(&groups->producers, &cursor, &key, &value)) {
        const struct producer *producer = find_producer(value, client_id);
        if (producer != NULL) {
            return producer->conn_id;
        }
    }
    return 0;
}

// The group goes with its last producer.
static void remove_producer(struct broker *broker, struct producer *producer)
{
    struct producer_group *group = producer->group;
    list_remove(&producer->node);
    list_remove(&producer->in_channel);
    group->count--;
    broker->groups.client_count--;
    free(producer->client_id);
    free(producer);
    if (group->count == 0) {
        (void)map_remove(&broker->groups.producers, str_of(group->name));
        free(group->name);
        free(group);
    }
}

static struct producer *producer_new(const char *client_id)
{
    struct producer *producer = calloc(1, sizeof *producer);
    if (producer != NULL && (producer->client_id = str_dup(str_of(client_id))) == NULL) {
        free(producer);
        return NULL;
    }
    return producer;
}

static tidings_status producer_beat(struct broker *broker, const char *name,
                                    const struct beat *beat, struct tidings_error *err)
{
    if (!wire_name_is_valid(str_of(name), WIRE_NAME_MAX)) {
        return error_set(err, TIDINGS_E_INVALID,
                         "producer group must be 1 to %d of %% | a-z A-Z 0-9 _ -", WIRE_NAME_MAX);
    }
    bool came = false;
    struct producer_group *group = ensure_producers(broker, name);
    struct producer *producer =
        group != NULL ? find_producer(group, str_of(beat->client_id)) : NULL;
    if (group != NULL && producer == NULL && group->count < GROUP_MEMBERS_MAX &&
        broker->groups.client_count < CLIENTS_MAX &&
        (producer = producer_new(beat->client_id)) != NULL) {
        producer->group = group;
        list_init(&producer->in_channel);
        list_add_tail(&group->producers, &producer->node);
        group->count++;
        broker->groups.client_count++;
        came = true;
    }
    if (group != NULL && group->count == 0) {
        (void)map_remove(&broker->groups.producers, str_of(name));
        free(group->name);
        free(group);
    }
    if (producer == NULL) {
        return error_set(err, TIDINGS_E_FULL, "no room for another producer of group %s", name);
    }
    producer->conn_id = beat->channel->conn_id;
    list_remove(&producer->in_channel);
    list_add_tail(&beat->channel->producers, &producer->in_channel);
    producer->seen_ms = beat->now_ms;
    producer->language = beat->language;
    producer->version = beat->version;
    if (came) {
        halves_producer_came(broker, str_of(name));
    }
    return TIDINGS_OK;
}

tidings_status groups_heartbeat(struct broker *broker, const struct wire_heartbeat *heartbeat,
                                struct channel *channel, int32_t language, int32_t version,
                                struct tidings_error *err)
{
    struct beat beat = { heartbeat->client_id, channel, language, version,
                         clock_mono_us(broker->options.clock) / 1000 };
    tidings_status status = TIDINGS_OK;
    if (beat.client_id[0] == '\0' || strlen(beat.client_id) > 512) {
        return error_set(err, TIDINGS_E_INVALID, "clientID must be 1 to 512 bytes");
    }
    for (unsigned i = 0; i < heartbeat->producer_count && status == TIDINGS_OK; i++) {
        status = producer_beat(broker, heartbeat->producer_groups[i], &beat, err);
    }
    for (unsigned i = 0; i < heartbeat->consumer_count && status == TIDINGS_OK; i++) {
        status = consumer_beat(broker, &heartbeat->consumers[i], &beat, err);
    }
    return status;
}

// ---- leaving ----
void groups_leave(struct broker *broker, struct str client_id, struct str producer_group,
                  struct str consumer_group)
{
    struct producer_group *producers = map_get(&broker->groups.producers, producer_group);
    struct producer *producer = producers != NULL ? find_producer(producers, client_id) : NULL;
    if (producer != NULL) {
        remove_producer(broker, producer);
    }
    struct group *group = groups_find(&broker->groups, consumer_group);
    struct member *member = group != NULL ? find_member(group, client_id) : NULL;
    if (member != NULL) {
        remove_member(broker, member);
        mark_changed(broker, group);
    }
}

void groups_channel_closed(struct broker *broker, struct channel *channel)
{
    list_for_each_safe (node, following, &channel->members) {
        struct member *member = LIST_ENTRY(node, struct member, in_channel);
        mark_changed(broker, member->group);
        remove_member(broker, member);
    }
    list_for_each_safe (node, following, &channel->producers) {
        remove_producer(broker, LIST_ENTRY(node, struct producer, in_channel));
    }
}

// Removes the members that were last seen before `before_ms`.
static void expire_members(struct broker *broker, int64_t before_ms)
{
    struct str key;
    void *value;
    size_t cursor = 0;
    while (map_next(&broker->groups.by_name, &cursor, &key, &value)) {
        struct group *group = value;
        list_for_each_safe (node, following, &group->members) {
            struct member *member = LIST_ENTRY(node, struct member, node);
            if (member->seen_ms <= before_ms) {
                mark_changed(broker, group);
                remove_member(broker, member);
            }
        }
    }
}

static void expire_producers(struct broker *broker, int64_t before_ms)
{
    struct str key;
    void *value;
    size_t cursor = 0;
    while (map_next(&broker->groups.producers, &cursor, &key, &value)) {
        struct producer_group *group = value;
        size_t left = group->count;
        list_for_each_safe (node, following, &group->producers) {
            struct producer *producer = LIST_ENTRY(node, struct producer, node);
            bool last = --left == 0; // the group may be gone with it
            if (producer->seen_ms <= before_ms) {
                remove_producer(broker, producer);
            }
            if (last) {
                break;
            }
        }
    }
}

void groups_expire(struct broker *broker, int64_t now_ms)
{
    if (broker->groups.client_count > 0) {
        expire_members(broker, now_ms - CLIENT_EXPIRE_MS);
        expire_producers(broker, now_ms - CLIENT_EXPIRE_MS);
    }
}
