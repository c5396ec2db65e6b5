// SPDX-License-Identifier: Apache-2.0
// Changes of receivers: one at a time, in the order they came, so that each sees what the one
// before it made.
#include <stdlib.h>

#include "notify/change.h"

void change_wipe(struct buf *buf)
{
    if (buf->ptr != NULL) {
        explicit_bzero(buf->ptr, buf->size);
    }
    buf_deinit(buf);
}

void change_free(struct change *change)
{
    change_wipe(&change->document);
    change_wipe(&change->secret);
    change_wipe(&change->stored);
    lane_free(change->fresh);
    receiver_settings_unref(change->settings);
    free(change);
}

// An operator says that it is well, or it does not matter any more.
static bool resets_gate(const struct change *change)
{
    return change->row.state == NOTIFY_RETIRED ||
           (change->kind == CHANGE_STATE && change->row.state == NOTIFY_ACTIVE);
}

// ---- on the store thread ----
static tidings_status run_change(struct keeper_task *task, struct record *record,
                                 struct tidings_error *err)
{
    struct change *change = BASE_CONTAINER_OF(task, struct change, op.task);
    struct record_receiver row = change->row;
    tidings_status status = record_receiver_put(record, &row, &change->op.err);
    if (status != TIDINGS_OK) {
        return op_own(&change->op, status, err);
    }
    change->op.own = TIDINGS_OK;
    change->made_id = row.id;
    change->made_version = row.version;
    change->made_ms = row.changed_ms;
    if (resets_gate(change)) {
        const struct record_gate well = { .receiver_id = row.id };
        status = record_gate_put(record, &well, err);
        if (status != TIDINGS_OK) {
            return status;
        }
    }
    return record_ladder_put(record, str_of(receiver_limits(change->settings)->ladder_text),
                             &change->ladder_id, err);
}

// ---- on the loop: what it is made of ----
static tidings_status check_lane(const struct change *change, const struct lane *lane,
                                 struct tidings_error *err)
{
    bool there = lane != NULL && lane->state != NOTIFY_RETIRED;
    bool makes = change->kind == CHANGE_PUT && change->how != NOTIFY_MERGE;
    if (there && change->kind == CHANGE_PUT && change->how == NOTIFY_CREATE) {
        return error_set(err, TIDINGS_E_EXISTS, "receiver \"%s\" is there already", change->name);
    }
    if (!there && !(makes && change->version == 0) && !change->own) {
        return makes ? error_set(err, TIDINGS_E_STATE, "receiver \"%s\" is not there, version 0",
                                 change->name)
                     : error_set(err, TIDINGS_E_NOT_FOUND, "receiver \"%s\" is not known",
                                 change->name);
    }
    if (lane != NULL && !there && makes && !lane->swept) {
        return error_set(err, TIDINGS_E_STATE,
                         "receiver \"%s\" is being removed: what waits for it is cancelled first",
                         change->name);
    }
    if (change->version != 0 && lane->version != change->version) {
        return error_set(err, TIDINGS_E_STATE, "receiver \"%s\" has version %lld, not %lld",
                         change->name, (long long)lane->version, (long long)change->version);
    }
    return TIDINGS_OK;
}

static tidings_status make_settings(struct change *change, const struct lane *lane,
                                    struct tidings_error *err)
{
    int64_t now_ms = clock_wall_ms(change->op.notify->clock);
    if (change->kind == CHANGE_STATE) {
        change->settings = receiver_settings_ref(lane->settings);
        return TIDINGS_OK;
    }
    if (change->kind == CHANGE_ROTATE) {
        struct buf made;
        buf_init(&made, SIGN_PEM_MAX + 1);
        tidings_status status =
            receiver_settings_rotate(lane->settings, buf_str(&change->secret), change->overlap_ms,
                                     change->active_ms, now_ms, &change->settings, &made, err);
        change_wipe(&change->secret);
        change->secret = made;
        change->active_ms = status == TIDINGS_OK ? receiver_newest_active_ms(change->settings) : 0;
        return status;
    }
    if (change->how == NOTIFY_MERGE) {
        return receiver_settings_merge(lane->settings, buf_str(&change->document), now_ms,
                                       &change->settings, err);
    }
    return change->settings != NULL // parsed when it came
               ? TIDINGS_OK
               : receiver_settings_parse(str_of(change->name), buf_str(&change->document),
                                         change->op.notify->options.seal, now_ms, &change->settings,
                                         err);
}

// What replaces settings by the same ones changes nothing, as a configuration does that is read at
// each start. Only told of settings without secrets: sealed twice these are two texts.
static bool is_same(const struct change *change, const struct lane *lane)
{
    struct buf old;
    struct buf new;
    if (change->kind != CHANGE_PUT || change->how != NOTIFY_REPLACE || lane == NULL ||
        lane->state == NOTIFY_RETIRED) {
        return false;
    }
    buf_init(&old, RECEIVER_DOCUMENT_MAX);
    buf_init(&new, RECEIVER_DOCUMENT_MAX);
    bool same = receiver_settings_store(lane->settings, NULL, &old, NULL) == TIDINGS_OK &&
                receiver_settings_store(change->settings, NULL, &new, NULL) == TIDINGS_OK &&
                str_eq(buf_str(&old), buf_str(&new));
    buf_deinit(&old);
    buf_deinit(&new);
    return same;
}

static tidings_status prepare(struct change *change, struct tidings_error *err)
{
    struct notify *notify = change->op.notify;
    struct lane *lane = lane_find(notify, str_of(change->name));
    tidings_status status = check_lane(change, lane, err);
    if (status == TIDINGS_OK) {
        status = make_settings(change, lane, err);
    }
    if (status == TIDINGS_OK) {
        status =
            receiver_settings_store(change->settings, notify->options.seal, &change->stored, err);
    }
    change->unchanged = status == TIDINGS_OK && is_same(change, lane);
    if (status == TIDINGS_OK && lane == NULL) {
        change->fresh = notify->lane_count < NOTIFY_RECEIVERS_MAX
                            ? lane_new(notify, str_of(change->name))
                            : NULL;
        status = change->fresh != NULL
                     ? TIDINGS_OK
                     : error_set(err, TIDINGS_E_FULL, "no room for more than %d receivers",
                                 NOTIFY_RECEIVERS_MAX);
    }
    if (status != TIDINGS_OK) {
        return status;
    }
    if (change->own) {
        change->state = lane->state;
    }
    bool revived = lane != NULL && lane->state == NOTIFY_RETIRED && change->kind == CHANGE_PUT;
    change->lane = lane;
    change->row = (struct record_receiver){
        .id = lane != NULL ? lane->id : 0,
        .version = lane != NULL ? lane->version : 0,
        .state = change->kind == CHANGE_STATE ? (int32_t)change->state
                 : lane != NULL && !revived   ? (int32_t)lane->state
                                              : NOTIFY_ACTIVE,
        .name = str_of(change->name),
        .document = buf_str(&change->stored),
    };
    return TIDINGS_OK;
}

// ---- on the loop: what became of it ----
static void adopt(struct change *change)
{
    struct notify *notify = change->op.notify;
    struct lane *lane = change->lane;
    enum notify_receiver_state state = (enum notify_receiver_state)change->row.state;
    lane = lane != NULL ? lane : lane_find(notify, str_of(change->name)); // by follow.c meanwhile
    if (lane == NULL) {
        lane = change->fresh;
        change->op.status = lane_add(lane, change->made_id);
        if (change->op.status != TIDINGS_OK) {
            return; // it is there after the next start
        }
        change->fresh = NULL;
    }
    lane_set(lane, change->settings, change->ladder_id);
    change->settings = NULL;
    lane->version = change->made_version;
    lane->changed_ms = change->made_ms;
    if (resets_gate(change)) {
        gate_reset(lane);
        if (change->posted) { // else another node's rows are
            lane->gate.saved = (struct record_gate){ .receiver_id = lane->id };
        }
    }
    if (state != lane->state && state == NOTIFY_ACTIVE) {
        lane->due_ms = 0; // whatever lies there
    }
    lane->swept = lane->swept && state == NOTIFY_RETIRED;
    lane->state = state;
    lanes_forget_subscribers(notify);
    lane_pump(lane);
    if (state == NOTIFY_RETIRED) {
        tidy_retired(notify);
    }
}

static void tell(struct change *change)
{
    tidings_status status = change->op.status;
    int64_t version = status == TIDINGS_OK ? change->made_version : 0;
    if (change->rotated != NULL) {
        change->rotated(change->arg, status,
                        status == TIDINGS_OK ? buf_str(&change->secret) : STR(""), version,
                        change->active_ms, &change->op.err);
    } else if (change->changed != NULL) {
        change->changed(change->arg, status, version, &change->op.err);
    } else if (status != TIDINGS_OK) {
        log_line(change->op.notify->options.log, LOG_WARN, "notify",
                 "msg=\"a receiver's state could not be stored\" receiver=%s error=\"%s\"",
                 change->name, error_text(&change->op.err, status));
    }
}

static void take_change(struct op *op);

static void begin_first(struct notify *notify)
{
    if (list_empty(&notify->changes)) {
        return;
    }
    struct change *change = LIST_ENTRY(notify->changes.next, struct change, node);
    tidings_status status = prepare(change, &change->op.err);
    if (change->unchanged) {
        change->made_version = change->lane->version;
        op_answer(&change->op, TIDINGS_OK);
        return;
    }
    if (status == TIDINGS_OK) {
        status = op_post(&change->op);
        change->posted = status == TIDINGS_OK;
        if (status != TIDINGS_OK) {
            (void)error_set(&change->op.err, status, "too much waits for the database: try again");
        }
    }
    if (status != TIDINGS_OK) {
        op_answer(&change->op, status);
    }
}

// Another node changed it within the last second, and whoever asks here did not name a version.
static bool try_again(struct change *change)
{
    tidings_status status = change->op.status;
    bool quicker = status == TIDINGS_E_STATE || status == TIDINGS_E_DUPLICATE;
    if (!quicker || change->again || change->version != 0 || !change->posted ||
        (change->kind == CHANGE_PUT && change->how == NOTIFY_CREATE)) {
        return false;
    }
    change->again = true;
    change->waits = follow_now(change->op.notify);
    return change->waits;
}

void changes_again(struct notify *notify)
{
    if (list_empty(&notify->changes)) {
        return;
    }
    struct change *change = LIST_ENTRY(notify->changes.next, struct change, node);
    if (!change->waits) {
        return;
    }
    bool is_parsed = change->kind == CHANGE_PUT && change->how != NOTIFY_MERGE;
    change->waits = false;
    if (!is_parsed) {
        receiver_settings_unref(change->settings);
        change->settings = NULL;
    }
    lane_free(change->fresh);
    change->fresh = NULL;
    change_wipe(&change->stored);
    buf_init(&change->stored, RECORD_DOCUMENT_MAX);
    op_init(&change->op, notify, run_change, take_change);
    change->op.task.keep = change->own;
    begin_first(notify);
}

static void take_change(struct op *op)
{
    struct change *change = BASE_CONTAINER_OF(op, struct change, op);
    struct notify *notify = op->notify;
    if (try_again(change)) {
        return;
    }
    list_remove(&change->node);
    notify->change_count--;
    if (op->status == TIDINGS_E_DUPLICATE) {
        op->status = TIDINGS_E_EXISTS;
    }
    if (op->status == TIDINGS_OK && !change->unchanged) {
        adopt(change);
    }
    begin_first(notify);
    tell(change);
    change_free(change);
}

struct change *change_new(struct notify *notify, enum change_kind kind, struct str name)
{
    struct change *change = calloc(1, sizeof *change);
    if (change == NULL) {
        return NULL;
    }
    op_init(&change->op, notify, run_change, take_change);
    change->kind = kind;
    (void)str_copy(change->name, sizeof change->name, name);
    buf_init(&change->document, RECEIVER_DOCUMENT_MAX);
    buf_init(&change->stored, RECORD_DOCUMENT_MAX);
    buf_init(&change->secret, SIGN_PEM_MAX + 1);
    return change;
}

void change_enqueue(struct change *change)
{
    struct notify *notify = change->op.notify;
    bool first = list_empty(&notify->changes);
    list_add_tail(&notify->changes, &change->node);
    notify->change_count++;
    if (first) {
        begin_first(notify);
    }
}

void change_state(struct lane *lane)
{
    struct change *change = change_new(lane->notify, CHANGE_STATE, str_of(lane->name));
    if (change != NULL) { // else it answers 410 again
        change->own = true;
        change->state = lane->state;
        change->op.task.keep = true;
        change_enqueue(change);
    }
}

void change_follow(struct notify *notify, const struct record_receiver *row,
                   struct receiver_settings *settings, int64_t ladder_id)
{
    struct lane *lane = lane_find(notify, row->name);
    if (lane != NULL && lane->version >= row->version) {
        return;
    }
    struct change *change = change_new(notify, CHANGE_PUT, row->name);
    if (change == NULL) {
        return; // no memory: it is known after the next change, or start
    }
    change->kind = lane != NULL && (int32_t)lane->state != row->state ? CHANGE_STATE : CHANGE_PUT;
    change->lane = lane;
    change->fresh = lane == NULL && notify->lane_count < NOTIFY_RECEIVERS_MAX
                        ? lane_new(notify, row->name)
                        : NULL;
    change->row = *row;
    change->settings = receiver_settings_ref(settings);
    change->ladder_id = ladder_id;
    change->made_id = row->id;
    change->made_version = row->version;
    change->made_ms = row->changed_ms;
    if (lane != NULL || change->fresh != NULL) {
        adopt(change);
    }
    change_free(change);
}
