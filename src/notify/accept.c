// SPDX-License-Identifier: Apache-2.0
// The one way in: durable first, then answered, then due. What a lane has room for is leased from
// the start, and sent from memory as soon as the commit is done. What has time (it lies in an MQ)
// waits, for a bounded time, until a lane that is busy has room: written, claimed and read back it
// would cost more, and come no sooner.
#include <stdlib.h>

#include "notify/accept.h"

// ---- any thread ----
static struct accepting *take_spare(struct notify *notify)
{
    struct list *node = list_pop(&notify->spare);
    if (node == NULL) {
        return malloc(sizeof(struct accepting));
    }
    notify->spare_count--;
    return LIST_ENTRY(node, struct accepting, node);
}

static const char *why_not(tidings_status status)
{
    return status == TIDINGS_E_FULL        ? "too much waits for the database: try again"
           : status == TIDINGS_E_NO_MEMORY ? "no memory to accept a notification"
                                           : "the notifier stops";
}

tidings_status notify_accept(struct notify *notify, struct notify_submission *submission,
                             struct tidings_error *err)
{
    if (submission->receiver_count > RECORD_TARGETS_MAX) {
        return error_set(err, TIDINGS_E_INVALID, "%zu receivers: %d can be notified at once",
                         submission->receiver_count, RECORD_TARGETS_MAX);
    }
    if (submission->payload.len > notify->options.payload_max) {
        return error_set(err, TIDINGS_E_TOO_LARGE, "payload: %zu bytes, at most %zu",
                         submission->payload.len, notify->options.payload_max);
    }
    int64_t now_us = clock_mono_us(notify->clock);
    struct accepting *accepting = NULL;
    pthread_mutex_lock(&notify->lock);
    tidings_status status = notify->refuses                       ? TIDINGS_E_CLOSED
                            : notify->accept_count >= ACCEPTS_MAX ? TIDINGS_E_FULL
                                                                  : TIDINGS_OK;
    if (status == TIDINGS_OK) {
        accepting = take_spare(notify);
        status = accepting != NULL ? TIDINGS_OK : TIDINGS_E_NO_MEMORY;
    }
    if (status == TIDINGS_OK) {
        *accepting = (struct accepting){ .submission = submission, .came_us = now_us };
        accepting->op.notify = notify;
        notify->accept_count++;
        list_add_tail(&notify->accepts, &accepting->node);
    }
    bool tell = status == TIDINGS_OK && !notify->told;
    pthread_mutex_unlock(&notify->lock);
    if (tell) {
        answers_tell(notify);
    }
    return status == TIDINGS_OK ? TIDINGS_OK : error_set(err, status, "%s", why_not(status));
}

// ---- on the store thread ----
static tidings_status put_ladder(struct accepting *accepting, struct record *record,
                                 struct tidings_error *err)
{
    int64_t id = 0;
    if (accepting->ladder == NULL) {
        return TIDINGS_OK;
    }
    tidings_status status = record_ladder_put(record, accepting->submission->ladder, &id, err);
    for (size_t i = 0; i < accepting->count; i++) {
        accepting->targets[i].ladder_id = id;
    }
    return status;
}

static tidings_status run_accept(struct keeper_task *task, struct record *record,
                                 struct tidings_error *err)
{
    struct accepting *accepting = BASE_CONTAINER_OF(task, struct accepting, op.task);
    const struct notify_submission *given = accepting->submission;
    const struct record_submission submission = { .source = given->source,
                                                  .type = given->type,
                                                  .tx_no = given->tx_no,
                                                  .content_type = given->content_type,
                                                  .headers = given->headers,
                                                  .payload = given->payload,
                                                  .targets = accepting->targets,
                                                  .target_count = accepting->count };
    tidings_status status = put_ladder(accepting, record, err);
    if (status != TIDINGS_OK) {
        return status;
    }
    status = record_accept(record, &submission, accepting->answers, &accepting->op.err);
    bool own = status == TIDINGS_E_INVALID || status == TIDINGS_E_TOO_LARGE;
    if (!own && status != TIDINGS_OK && err != NULL) {
        *err = accepting->op.err;
    }
    accepting->op.own = own ? status : TIDINGS_OK;
    return own ? TIDINGS_OK : status;
}

// ---- on the loop: what came in ----
static tidings_status make_room(struct accepting *accepting, size_t count)
{
    struct room {
        struct record_target target;
        struct record_accepted answer;
        struct notify_accepted accepted;
        struct lane *lane;
    };
    accepting->count = count;
    if (count == 1) {
        accepting->lanes = &accepting->one.lane;
        accepting->targets = &accepting->one.target;
        accepting->answers = &accepting->one.answer;
        accepting->accepted = &accepting->one.accepted;
        return TIDINGS_OK;
    }
    char *at = calloc(count, sizeof(struct room)); // of parts that are all aligned alike
    accepting->many = at;
    if (at == NULL) {
        return TIDINGS_E_NO_MEMORY;
    }
    accepting->targets = (struct record_target *)(void *)at;
    at += count * sizeof(struct record_target);
    accepting->answers = (struct record_accepted *)(void *)at;
    at += count * sizeof(struct record_accepted);
    accepting->accepted = (struct notify_accepted *)(void *)at;
    at += count * sizeof(struct notify_accepted);
    accepting->lanes = (struct lane **)(void *)at;
    return TIDINGS_OK;
}

static tidings_status find_subscribers(struct accepting *accepting)
{
    struct tidings_error *err = &accepting->op.err;
    struct str type = accepting->submission->type;
    const struct subscribers *found = lanes_subscribed(accepting->op.notify, type);
    if (found != NULL && found->count == 0) {
        return error_set(err, TIDINGS_E_NOT_FOUND,
                         "nobody subscribes to the type \"%.*s\": name a receiver", STR_ARG(type));
    }
    if (found != NULL && found->count > RECORD_TARGETS_MAX) {
        return error_set(err, TIDINGS_E_TOO_LARGE,
                         "%zu receivers subscribe to the type \"%.*s\": %d can be notified at once",
                         found->count, STR_ARG(type), RECORD_TARGETS_MAX);
    }
    if (found == NULL || make_room(accepting, found->count) != TIDINGS_OK) {
        return error_set(err, TIDINGS_E_NO_MEMORY, "no memory to accept a notification");
    }
    for (size_t i = 0; i < found->count; i++) {
        accepting->lanes[i] = found->lanes[i];
    }
    return TIDINGS_OK;
}

static tidings_status find_named(struct accepting *accepting)
{
    const struct notify_submission *submission = accepting->submission;
    struct tidings_error *err = &accepting->op.err;
    if (make_room(accepting, submission->receiver_count) != TIDINGS_OK) {
        return error_set(err, TIDINGS_E_NO_MEMORY, "no memory to accept a notification");
    }
    for (size_t i = 0; i < accepting->count; i++) {
        struct str name = submission->receivers[i];
        accepting->lanes[i] = lane_find(accepting->op.notify, name);
        if (accepting->lanes[i] == NULL || accepting->lanes[i]->state == NOTIFY_RETIRED) {
            return error_set(err, TIDINGS_E_NOT_FOUND, "receiver \"%.*s\" is not known",
                             STR_ARG(name));
        }
    }
    return TIDINGS_OK;
}

static tidings_status take_ladder(struct accepting *accepting)
{
    struct tidings_error why = { 0 };
    struct str text = accepting->submission->ladder;
    if (text.len == 0) {
        return TIDINGS_OK;
    }
    accepting->ladder = malloc(sizeof *accepting->ladder);
    if (accepting->ladder == NULL) {
        return error_set(&accepting->op.err, TIDINGS_E_NO_MEMORY, "no memory for a ladder");
    }
    tidings_status status = ladder_parse(text, accepting->ladder, &why);
    if (status != TIDINGS_OK) {
        status = error_set(&accepting->op.err, status, "ladder: %s", why.text);
    }
    return status;
}

// From memory, when nothing that is due lies on disk: it would be overtaken.
static bool may_hand_over(const struct lane *lane, int64_t due_ms, int64_t now_ms, size_t bytes)
{
    const struct notify *notify = lane->notify;
    size_t left = notify->memory < MEMORY_MAX ? MEMORY_MAX - notify->memory : 0;
    return due_ms <= now_ms && lane->due_ms > now_ms && !lane->claim.busy && !lane->gate.open &&
           !gate_is_shut(lane, now_ms) && lane_held(lane) < lane_window(lane) &&
           notify->leased < LEASED_MAX && lane->bytes + bytes <= left;
}

static void fill_targets(struct accepting *accepting)
{
    const struct notify_submission *submission = accepting->submission;
    struct notify *notify = accepting->op.notify;
    int64_t now_ms = clock_wall_ms(notify->clock);
    size_t bytes = submission->payload.len + submission->headers.len;
    for (size_t i = 0; i < accepting->count; i++) {
        struct lane *lane = accepting->lanes[i];
        struct record_target *target = &accepting->targets[i];
        *target = (struct record_target){
            .receiver_id = lane->id,
            .ladder_id = lane->ladder_id,
            .due_ms = submission->due_ms > now_ms ? submission->due_ms : now_ms,
        };
        if (accepting->came_us - lane->paced_us > PACE_US) {
            lane_pace(lane);
        }
        if (may_hand_over(lane, target->due_ms, now_ms, bytes)) {
            target->lease_until_ms = now_ms + lane->limits->timeout_ms + LEASE_SLACK_MS;
            lane->pledged++;
            notify->leased++;
            accepting->leased++;
        }
    }
}

// It is sent to as fast as it takes, and has all in memory that it may have.
static bool is_full_for_now(const struct lane *lane)
{
    const struct notify *notify = lane->notify;
    int64_t now_ms = clock_wall_ms(notify->clock);
    bool goes_well = lane->state == NOTIFY_ACTIVE && !lane->gate.open && lane->gate.ramp == 0 &&
                     !gate_is_shut(lane, now_ms) &&
                     clock_mono_us(notify->clock) < lane->quick_us + QUICK_FOR_US;
    return goes_well && (lane_held(lane) >= lane_window(lane) || lane->due_ms <= now_ms ||
                         lane->claim.busy || notify->leased >= LEASED_MAX);
}

// One lane that has room is enough to go on: none waits for another.
static bool are_full_for_now(const struct accepting *accepting)
{
    bool are_full = true;
    for (size_t i = 0; i < accepting->count && are_full; i++) {
        are_full = is_full_for_now(accepting->lanes[i]);
    }
    return are_full;
}

static bool should_wait(const struct accepting *accepting)
{
    const struct notify_submission *submission = accepting->submission;
    return submission->patience_ms > 0 && !accepting->has_waited && submission->due_ms == 0 &&
           accepting->op.notify->hold_count < HOLDS_MAX &&
           (!list_empty(&accepting->lanes[0]->held) || are_full_for_now(accepting));
}

// Behind those that wait for the first of its lanes.
static void hold(struct accepting *accepting)
{
    struct notify *notify = accepting->op.notify;
    struct lane *lane = accepting->lanes[0];
    accepting->has_waited = true;
    if (list_empty(&lane->held)) {
        list_add_tail(&notify->holding, &lane->holding);
    }
    list_add_tail(&lane->held, &accepting->node);
    notify->hold_count++;
    pthread_mutex_lock(&notify->lock);
    notify->accept_count--; // lest those that cannot wait are refused
    pthread_mutex_unlock(&notify->lock);
}

static void take_one(struct accepting *accepting)
{
    op_init(&accepting->op, accepting->op.notify, run_accept, accepting_take);
    tidings_status status = accepting->submission->receiver_count == 0 ? find_subscribers(accepting)
                                                                       : find_named(accepting);
    if (status == TIDINGS_OK && should_wait(accepting)) {
        hold(accepting);
        return;
    }
    if (status == TIDINGS_OK) {
        status = take_ladder(accepting);
    }
    if (status == TIDINGS_OK) {
        fill_targets(accepting);
        accepting->op.notify->accepts_out++;
        op_post_soon(&accepting->op);
    } else {
        accepting_finish(accepting, status, 0);
    }
}

static void refuse(struct accepting *accepting)
{
    (void)error_set(&accepting->op.err, TIDINGS_E_CLOSED, "the notifier stops");
    accepting_finish(accepting, TIDINGS_E_CLOSED, 0);
}

void accepts_take(struct notify *notify, struct list *accepts)
{
    list_append(&notify->accepts_waiting, accepts);
    while (!list_empty(&notify->accepts_waiting) &&
           (notify->accepts_out < ACCEPTS_OUT_MAX || atomic_load(&notify->stopping))) {
        struct list *node = list_pop(&notify->accepts_waiting);
        struct accepting *accepting = LIST_ENTRY(node, struct accepting, node);
        if (atomic_load(&notify->stopping)) {
            refuse(accepting);
        } else {
            take_one(accepting);
        }
    }
}

// ---- on the loop: what is held ----
static bool store_has_room(const struct notify *notify)
{
    return list_empty(&notify->accepts_waiting) && notify->accepts_out < ACCEPTS_OUT_MAX;
}

static bool may_end(const struct accepting *accepting, int64_t now_us)
{
    const struct notify *notify = accepting->op.notify;
    return atomic_load(&notify->stopping) ||
           now_us - accepting->came_us > accepting->submission->patience_ms * 1000 ||
           (store_has_room(notify) && !are_full_for_now(accepting));
}

// Under a flood of others it takes its place among them.
static void end_hold(struct accepting *accepting)
{
    struct notify *notify = accepting->op.notify;
    list_remove(&accepting->node);
    notify->hold_count--;
    free(accepting->many); // all is looked up anew
    accepting->many = NULL;
    pthread_mutex_lock(&notify->lock);
    notify->accept_count++;
    pthread_mutex_unlock(&notify->lock);
    if (atomic_load(&notify->stopping)) {
        refuse(accepting);
    } else if (store_has_room(notify)) {
        take_one(accepting);
    } else {
        list_add_tail(&notify->accepts_waiting, &accepting->node);
    }
}

static void end_holds(struct lane *lane, int64_t now_us)
{
    while (!list_empty(&lane->held)) {
        struct accepting *accepting = LIST_ENTRY(lane->held.next, struct accepting, node);
        if (!may_end(accepting, now_us)) {
            return;
        }
        end_hold(accepting);
    }
    list_remove(&lane->holding);
}

void holds_take(struct notify *notify)
{
    if (list_empty(&notify->holding)) {
        return;
    }
    int64_t now_us = clock_mono_us(notify->clock);
    list_for_each_safe (node, following, &notify->holding) {
        end_holds(LIST_ENTRY(node, struct lane, holding), now_us);
    }
    if (!list_empty(&notify->holding) && !notify->hold_timed) {
        notify->hold_timed = true; // should nothing happen meanwhile
        net_timer_start(notify->hold_timer, HOLD_LOOK_MS);
    }
}

void holds_fired(void *arg)
{
    struct notify *notify = arg;
    notify->hold_timed = false; // holds_take runs at the end of the turn
}
