// SPDX-License-Identifier: Apache-2.0
// Receivers as others see them.
#include "notify/private.h"

const char *notify_receiver_state_text(enum notify_receiver_state state)
{
    switch (state) {
    case NOTIFY_ACTIVE: return "active";
    case NOTIFY_PAUSED: return "paused";
    case NOTIFY_GONE: return "gone";
    case NOTIFY_RETIRED: return "retired";
    }
    return "unknown";
}

bool notify_is_shared(const struct notify *notify)
{
    return notify->shared;
}

static const char *reason_of(enum notify_receiver_state state)
{
    return state == NOTIFY_PAUSED ? "by an operator"
           : state == NOTIFY_GONE ? "it answered 410 Gone"
                                  : "";
}

// What was not counted yet is seen when it moves.
static int64_t waiting(const struct lane *lane, int64_t now_ms)
{
    bool moves = lane->claim.busy || lane_held(lane) > 0 ||
                 (lane->state == NOTIFY_ACTIVE && lane->due_ms <= now_ms);
    return lane->waiting > 0 ? lane->waiting : moves;
}

static void fill(const struct lane *lane, struct notify_receiver_view *ret)
{
    const struct gate *gate = &lane->gate;
    int64_t now_ms = clock_wall_ms(lane->notify->clock);
    *ret = (struct notify_receiver_view){
        .id = lane->id,
        .version = lane->version,
        .changed_ms = lane->changed_ms,
        .name = lane->name,
        .state = lane->state,
        .state_reason = reason_of(lane->state),
        .settings = lane->settings,
        .waiting = waiting(lane, now_ms),
        .in_flight = (int64_t)lane->flying,
        .next_due_ms = lane->due_ms > 0 ? lane->due_ms : INT64_MAX,
        .slow_until_ms = gate->slow_until_ms > now_ms ? gate->slow_until_ms : 0,
        .breaker_open = gate->open,
        .next_probe_ms = gate->open ? gate->probe_at_ms : 0,
        .failures = gate->failures,
        .attempts = lane->attempts,
        .delivered = lane->delivered,
        .failed = lane->failed,
        .dead = lane->dead,
    };
}

tidings_status notify_receiver_get(const struct notify *notify, struct str name,
                                   struct notify_receiver_view *ret, struct tidings_error *err)
{
    const struct lane *lane = lane_find(notify, name);
    if (lane == NULL || lane->state == NOTIFY_RETIRED) {
        return error_set(err, TIDINGS_E_NOT_FOUND, "receiver \"%.*s\" is not known", STR_ARG(name));
    }
    fill(lane, ret);
    return TIDINGS_OK;
}

void notify_receiver_each(const struct notify *notify, struct str after, size_t max,
                          void (*each)(void *arg, const struct notify_receiver_view *view),
                          void *arg)
{
    struct notify_receiver_view view;
    for (size_t i = lanes_after(notify, after); i < notify->lane_count && max > 0; i++) {
        if (notify->names[i]->state != NOTIFY_RETIRED) {
            fill(notify->names[i], &view);
            each(arg, &view);
            max--;
        }
    }
}

const char *notify_receiver_name(const struct notify *notify, int64_t id)
{
    const struct lane *lane = lane_of(notify, id);
    return lane != NULL ? lane->name : NULL;
}

struct keeper *notify_reader(struct notify *notify)
{
    return notify->reader;
}

struct keeper *notify_keeper(struct notify *notify)
{
    return notify->keeper;
}
