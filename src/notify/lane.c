// SPDX-License-Identifier: Apache-2.0
// Lanes, and how they are found: by name, by number, in the order of names, by what they subscribe
// to.
#include <stdlib.h>

#include "notify/private.h"

enum { SUBSCRIBERS_MAX = 10000 /* types that are remembered */ };

static struct str id_key(const int64_t *id)
{
    return str_make(id, sizeof *id);
}

struct lane *lane_find(const struct notify *notify, struct str name)
{
    return map_get(&notify->by_name, name);
}

struct lane *lane_of(const struct notify *notify, int64_t id)
{
    return map_get(&notify->by_id, id_key(&id));
}

struct lane *lane_new(struct notify *notify, struct str name)
{
    struct lane *lane = calloc(1, sizeof *lane);
    if (lane == NULL || !str_copy(lane->name, sizeof lane->name, name)) {
        free(lane);
        return NULL;
    }
    lane->notify = notify;
    lane->state = NOTIFY_ACTIVE;
    lane->due_ms = INT64_MAX;
    heap_node_init(&lane->wake);
    list_init(&lane->ready);
    list_init(&lane->turn);
    list_init(&lane->held);
    list_init(&lane->holding);
    claim_init(&lane->claim, lane);
    return lane;
}

void lane_free(struct lane *lane)
{
    if (lane != NULL) {
        receiver_settings_unref(lane->settings);
        free(lane);
    }
}

size_t lanes_after(const struct notify *notify, struct str after)
{
    size_t low = 0;
    size_t high = notify->lane_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (str_cmp(str_of(notify->names[middle]->name), after) <= 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static tidings_status make_room(struct notify *notify)
{
    if (notify->lane_count < notify->lane_room) {
        return TIDINGS_OK;
    }
    size_t room = notify->lane_room == 0 ? 64 : 2 * notify->lane_room;
    struct lane **grown = realloc(notify->names, room * sizeof *grown);
    if (grown == NULL) {
        return TIDINGS_E_NO_MEMORY;
    }
    notify->names = grown;
    notify->lane_room = room;
    return TIDINGS_OK;
}

tidings_status lane_add(struct lane *lane, int64_t id)
{
    struct notify *notify = lane->notify;
    tidings_status status = make_room(notify);
    lane->id = id;
    if (status == TIDINGS_OK) {
        status = map_put(&notify->by_id, id_key(&lane->id), lane, NULL);
    }
    if (status == TIDINGS_OK) {
        status = map_put(&notify->by_name, str_of(lane->name), lane, NULL);
        if (status != TIDINGS_OK) {
            (void)map_remove(&notify->by_id, id_key(&lane->id));
        }
    }
    if (status != TIDINGS_OK) {
        return status;
    }
    size_t at = lanes_after(notify, str_of(lane->name));
    memmove(&notify->names[at + 1], &notify->names[at],
            (notify->lane_count - at) * sizeof notify->names[0]);
    notify->names[at] = lane;
    notify->lane_count++;
    return TIDINGS_OK;
}

void lane_set(struct lane *lane, struct receiver_settings *settings, int64_t ladder_id)
{
    receiver_settings_unref(lane->settings);
    lane->settings = settings;
    lane->limits = receiver_limits(settings);
    lane->ladder_id = ladder_id;
}

void lanes_free(struct notify *notify)
{
    for (size_t i = 0; i < notify->lane_count; i++) {
        lane_free(notify->names[i]);
    }
    free(notify->names);
    map_deinit(&notify->by_name);
    map_deinit(&notify->by_id);
    lanes_forget_subscribers(notify);
    map_deinit(&notify->subscribers);
}

// ---- subscriptions ----
void lanes_forget_subscribers(struct notify *notify)
{
    size_t cursor = 0;
    struct str key;
    void *value;
    while (map_next(&notify->subscribers, &cursor, &key, &value)) {
        free(value);
    }
    map_deinit(&notify->subscribers);
    map_init(&notify->subscribers, SUBSCRIBERS_MAX);
}

static size_t find_subscribers(const struct notify *notify, struct str type, struct lane **lanes)
{
    size_t count = 0;
    for (size_t i = 0; i < notify->lane_count; i++) {
        struct lane *lane = notify->names[i];
        if (lane->state == NOTIFY_RETIRED || !receiver_subscribes(lane->settings, type)) {
            continue;
        }
        if (count < RECORD_TARGETS_MAX) {
            lanes[count] = lane;
        }
        count++;
    }
    return count;
}

const struct subscribers *lanes_subscribed(struct notify *notify, struct str type)
{
    struct lane *lanes[RECORD_TARGETS_MAX];
    struct subscribers *found = map_get(&notify->subscribers, type);
    if (found != NULL) {
        return found;
    }
    if (notify->subscribers.count == SUBSCRIBERS_MAX) {
        lanes_forget_subscribers(notify);
    }
    size_t count = find_subscribers(notify, type, lanes);
    size_t listed = count < RECORD_TARGETS_MAX ? count : RECORD_TARGETS_MAX;
    found = malloc(sizeof *found + listed * sizeof lanes[0]);
    if (found == NULL) {
        return NULL;
    }
    found->count = count;
    if (listed > 0) {
        memcpy(found->lanes, lanes, listed * sizeof lanes[0]);
    }
    if (map_put(&notify->subscribers, type, found, NULL) != TIDINGS_OK) {
        free(found);
        return NULL;
    }
    return found;
}
