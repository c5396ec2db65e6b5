// SPDX-License-Identifier: Apache-2.0
// Groups and their offsets; heartbeats are in heartbeat.c.
#include "broker/group.h"

#include <stdlib.h>

#include "broker/internal.h"

void groups_init(struct groups *groups, size_t max)
{
    *groups = (struct groups){ 0 };
    map_init(&groups->by_name, max);
    map_init(&groups->producers, max);
    map_init(&groups->kept, max);
    list_init(&groups->changed);
}

static void free_subscriptions(struct group *group)
{
    for (size_t i = 0; i < group->subscription_count; i++) {
        free(group->subscriptions[i].topic);
        free(group->subscriptions[i].expression);
        free(group->subscriptions[i].expression_type);
    }
    free(group->subscriptions);
}

static void offsets_free(struct groups *groups, struct group_offsets *offsets)
{
    for (int32_t i = 0; i < offsets->count; i++) {
        groups->dirty_count -= offsets->dirty[i];
    }
    free(offsets->offsets);
    free(offsets->dirty);
    free(offsets);
}

// All but its name and offsets.
static void group_clear(struct groups *groups, struct group *group)
{
    struct list *node;
    while ((node = list_pop(&group->members)) != NULL) {
        struct member *member = LIST_ENTRY(node, struct member, node);
        groups->client_count--;
        list_remove(&member->in_channel);
        free(member->client_id);
        free(member);
    }
    group->member_count = 0;
    free_subscriptions(group);
    group->subscriptions = NULL;
    group->subscription_count = 0;
    if (group->changed) {
        list_remove(&group->in_changed);
        group->changed = false;
    }
}

static void group_free(struct groups *groups, struct group *group)
{
    struct str key;
    void *value;
    size_t cursor = 0;
    group_clear(groups, group);
    while (map_next(&group->offsets, &cursor, &key, &value)) {
        offsets_free(groups, value);
    }
    map_deinit(&group->offsets);
    free(group);
}

void groups_deinit(struct groups *groups)
{
    struct str key;
    void *value;
    size_t cursor = 0;
    while (map_next(&groups->by_name, &cursor, &key, &value)) {
        group_free(groups, value);
    }
    cursor = 0;
    while (map_next(&groups->kept, &cursor, &key, &value)) {
        group_free(groups, value);
    }
    map_deinit(&groups->kept);
    cursor = 0;
    while (map_next(&groups->producers, &cursor, &key, &value)) {
        struct producer_group *group = value;
        struct list *node;
        while ((node = list_pop(&group->producers)) != NULL) {
            struct producer *producer = LIST_ENTRY(node, struct producer, node);
            list_remove(&producer->in_channel);
            free(producer->client_id);
            free(producer);
        }
        free(group->name);
        free(group);
    }
    map_deinit(&groups->by_name);
    map_deinit(&groups->producers);
}

struct group *groups_find(const struct groups *groups, struct str name)
{
    return map_get(&groups->by_name, name);
}

static struct group *group_new(struct groups *groups, struct map *into, struct str name)
{
    struct group *group = calloc(1, sizeof *group);
    if (group == NULL) {
        return NULL;
    }
    list_init(&group->members);
    map_init(&group->offsets, BROKER_TOPICS_MAX);
    if (!str_copy(group->config.name, sizeof group->config.name, name) ||
        map_put(into, name, group, NULL) != TIDINGS_OK) {
        group_free(groups, group);
        return NULL;
    }
    return group;
}

tidings_status groups_put(struct groups *groups, const struct index_group *config,
                          struct group **ret)
{
    struct str name = str_of(config->name);
    struct group *group = groups_find(groups, name);
    if (group == NULL && (group = map_get(&groups->kept, name)) != NULL) {
        tidings_status status = map_put(&groups->by_name, name, group, NULL);
        if (status != TIDINGS_OK) {
            return status;
        }
        (void)map_remove(&groups->kept, name);
    }
    if (group == NULL) {
        if (groups->by_name.count >= groups->by_name.max) {
            return TIDINGS_E_FULL;
        }
        group = group_new(groups, &groups->by_name, name);
        if (group == NULL) {
            return TIDINGS_E_NO_MEMORY;
        }
    }
    group->config = *config;
    *ret = group;
    return TIDINGS_OK;
}

void groups_remove(struct groups *groups, struct str name, bool with_offsets)
{
    struct group *group = groups_find(groups, name);
    if (with_offsets) {
        struct group *kept = map_get(&groups->kept, name);
        if (kept != NULL) {
            (void)map_remove(&groups->kept, name);
            group_free(groups, kept);
        }
    }
    if (group == NULL) {
        return;
    }
    group_clear(groups, group);
    bool keep = !with_offsets && group->offsets.count > 0 &&
                map_put(&groups->kept, name, group, NULL) == TIDINGS_OK;
    (void)map_remove(&groups->by_name, name);
    if (!keep) {
        group_free(groups, group); // the index has what was stored, until the next start
    }
}

static void forget_topic(struct groups *groups, const struct map *map, struct str topic)
{
    struct str key;
    void *value;
    size_t cursor = 0;
    while (map_next(map, &cursor, &key, &value)) {
        struct group_offsets *offsets = map_remove(&((struct group *)value)->offsets, topic);
        if (offsets != NULL) {
            offsets_free(groups, offsets);
        }
    }
}

void groups_forget_topic(struct groups *groups, struct str topic)
{
    forget_topic(groups, &groups->by_name, topic);
    forget_topic(groups, &groups->kept, topic);
}

struct subscription *group_subscription(const struct group *group, struct str topic)
{
    for (size_t i = 0; i < group->subscription_count; i++) {
        if (str_eq_c(topic, group->subscriptions[i].topic)) {
            return &group->subscriptions[i];
        }
    }
    return NULL;
}

// The topic that takes back what the group could not consume: made with the group.
static tidings_status ensure_retry_topic(struct broker *broker, struct str group,
                                         struct tidings_error *err)
{
    struct index_topic config = { .read_queues = 1,
                                  .write_queues = 1,
                                  .perm = WIRE_PERM_READ | WIRE_PERM_WRITE,
                                  .retry = { .window_ms = -1, .limit = -1 } };
    struct topic *topic;
    struct buf name;
    buf_init(&name, sizeof config.name - 1);
    tidings_status status = buf_add_str(&name, WIRE_RETRY_PREFIX);
    if (status == TIDINGS_OK) {
        status = buf_add_str(&name, group);
    }
    if (status == TIDINGS_OK && topics_find(&broker->topics, buf_str(&name)) == NULL) {
        (void)str_copy(config.name, sizeof config.name, buf_str(&name));
        status = topics_put(&broker->topics, &config, &topic);
        if (status == TIDINGS_OK && store_log_topic(broker, topic, NULL, err) != TIDINGS_OK) {
            topic->logged = false; // written with its first message
        }
    }
    buf_deinit(&name);
    return status;
}

tidings_status groups_ensure(struct broker *broker, struct str name, struct group **ret,
                             struct tidings_error *err)
{
    struct index_group config = { .consume_enabled = true,
                                  .broadcast_enabled = true,
                                  .notify_enabled = true,
                                  .retry = { .window_ms = -1, .limit = -1 } };
    if (!wire_name_is_valid(name, WIRE_GROUP_MAX) ||
        !str_copy(config.name, sizeof config.name, name)) {
        return error_set(err, TIDINGS_E_INVALID,
                         "group name must be 1 to %d of %% | a-z A-Z 0-9 _ -", WIRE_GROUP_MAX);
    }
    tidings_status status = ensure_retry_topic(broker, name, err);
    if (status != TIDINGS_OK) {
        return error_set(err, status, "retry topic of group %.*s: %s", STR_ARG(name),
                         tidings_status_text(status));
    }
    *ret = groups_find(&broker->groups, name);
    if (*ret != NULL) {
        return TIDINGS_OK;
    }
    status = groups_put(&broker->groups, &config, ret);
    if (status != TIDINGS_OK) {
        return error_set(err, status, "group %.*s: %s", STR_ARG(name), tidings_status_text(status));
    }
    if (store_log_group(broker, &config, NULL, NULL) != TIDINGS_OK) {
        (*ret)->logged = false; // tried again by groups_relog
    }
    return TIDINGS_OK;
}

void groups_relog(struct broker *broker)
{
    struct str key;
    void *value;
    size_t cursor = 0;
    while (map_next(&broker->groups.by_name, &cursor, &key, &value)) {
        struct group *group = value;
        if (!group->logged && store_log_group(broker, &group->config, NULL, NULL) != TIDINGS_OK) {
            return; // the log takes nothing now
        }
    }
}

// ---- offsets ----
int64_t group_offset(const struct group *group, struct str topic, int32_t queue_id)
{
    const struct group_offsets *offsets = map_get(&group->offsets, topic);
    return offsets != NULL && queue_id >= 0 && queue_id < offsets->count
               ? offsets->offsets[queue_id]
               : -1;
}

static tidings_status offsets_grow(struct group_offsets *offsets, int32_t count)
{
    if (count <= offsets->count) {
        return TIDINGS_OK;
    }
    int64_t *values = realloc(offsets->offsets, (size_t)count * sizeof *values);
    if (values == NULL) {
        return TIDINGS_E_NO_MEMORY;
    }
    offsets->offsets = values;
    bool *dirty = realloc(offsets->dirty, (size_t)count * sizeof *dirty);
    if (dirty == NULL) {
        return TIDINGS_E_NO_MEMORY;
    }
    offsets->dirty = dirty;
    for (int32_t i = offsets->count; i < count; i++) {
        values[i] = -1;
        dirty[i] = false;
    }
    offsets->count = count;
    return TIDINGS_OK;
}

static tidings_status offsets_of(struct group *group, struct str topic, int32_t queue_id,
                                 struct group_offsets **ret)
{
    if (queue_id < 0 || queue_id >= BROKER_QUEUES_MAX) {
        return TIDINGS_E_INVALID;
    }
    struct group_offsets *offsets = map_get(&group->offsets, topic);
    if (offsets == NULL) {
        offsets = calloc(1, sizeof *offsets);
        if (offsets == NULL) {
            return TIDINGS_E_NO_MEMORY;
        }
        tidings_status status = map_put(&group->offsets, topic, offsets, NULL);
        if (status != TIDINGS_OK) {
            free(offsets);
            return status;
        }
    }
    *ret = offsets;
    return offsets_grow(offsets, queue_id + 1);
}

tidings_status groups_set_offset(struct broker *broker, struct group *group, struct str topic,
                                 int32_t queue_id, int64_t offset)
{
    struct group_offsets *offsets;
    tidings_status status = offsets_of(group, topic, queue_id, &offsets);
    if (status == TIDINGS_OK && offsets->offsets[queue_id] != offset) {
        offsets->offsets[queue_id] = offset;
        if (!offsets->dirty[queue_id]) {
            offsets->dirty[queue_id] = true;
            broker->groups.dirty_count++;
        }
    }
    return status;
}

tidings_status groups_load_offset(struct groups *groups, struct str group_name, struct str topic,
                                  int32_t queue_id, int64_t offset)
{
    struct group *group = groups_find(groups, group_name);
    struct group_offsets *offsets;
    if (group == NULL) { // deleted with its offsets kept: they come back with the group
        group = map_get(&groups->kept, group_name);
    }
    if (group == NULL && (group = group_new(groups, &groups->kept, group_name)) == NULL) {
        return TIDINGS_E_NO_MEMORY;
    }
    tidings_status status = offsets_of(group, topic, queue_id, &offsets);
    if (status == TIDINGS_OK) {
        offsets->offsets[queue_id] = offset;
    }
    return status;
}

static tidings_status flush_group(struct broker *broker, struct index_batch *batch,
                                  struct group *group)
{
    struct str topic;
    void *value;
    size_t cursor = 0;
    while (map_next(&group->offsets, &cursor, &topic, &value)) {
        struct group_offsets *offsets = value;
        for (int32_t i = 0; i < offsets->count; i++) {
            if (!offsets->dirty[i]) {
                continue;
            }
            tidings_status status = index_batch_offset(batch, str_of(group->config.name), topic, i,
                                                       offsets->offsets[i]);
            if (status != TIDINGS_OK) {
                return status; // stays dirty: next time
            }
            offsets->dirty[i] = false;
            broker->groups.dirty_count--;
        }
    }
    return TIDINGS_OK;
}

static void flush_groups(struct broker *broker, struct index_batch *batch, const struct map *map)
{
    struct str key;
    void *value;
    size_t cursor = 0;
    while (map_next(map, &cursor, &key, &value)) {
        if (flush_group(broker, batch, value) != TIDINGS_OK) {
            return;
        }
    }
}

void groups_flush_offsets(struct broker *broker)
{
    struct index_batch *batch = broker->groups.dirty_count > 0 ? store_batch(broker) : NULL;
    if (batch != NULL) {
        flush_groups(broker, batch, &broker->groups.by_name);
        flush_groups(broker, batch, &broker->groups.kept);
    }
}
