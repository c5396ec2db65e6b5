// SPDX-License-Identifier: Apache-2.0
// What operators ask for one notification: redeliver, cancel. Both look first whose it is.
#include <stdlib.h>

#include "notify/private.h"

struct operation {
    struct op op;
    int64_t id;
    bool cancels;
    struct str ladder; // the caller's
    int64_t receiver_id;
    int64_t ladder_id;
    int64_t due_ms;
    notify_done *done;
    void *arg;
};

// ---- on the store thread ----
static tidings_status look(struct operation *operation, struct record *record,
                           struct tidings_error *err)
{
    struct record_notification found = { 0 };
    struct buf room;
    buf_init(&room, PAYLOAD_ROOM);
    tidings_status status =
        record_get_brief(record, operation->id, &room, &found, &operation->op.err);
    operation->receiver_id = found.receiver_id;
    buf_deinit(&room);
    return op_own(&operation->op, status, err);
}

static tidings_status run_look(struct keeper_task *task, struct record *record,
                               struct tidings_error *err)
{
    return look(BASE_CONTAINER_OF(task, struct operation, op.task), record, err);
}

static tidings_status run_redeliver(struct keeper_task *task, struct record *record,
                                    struct tidings_error *err)
{
    struct operation *operation = BASE_CONTAINER_OF(task, struct operation, op.task);
    if (operation->ladder.len > 0) {
        tidings_status status =
            record_ladder_put(record, operation->ladder, &operation->ladder_id, err);
        if (status != TIDINGS_OK) {
            return status;
        }
    }
    return op_own(&operation->op,
                  record_redeliver(record, operation->id, operation->ladder_id, operation->due_ms,
                                   &operation->op.err),
                  err);
}

static tidings_status run_cancel(struct keeper_task *task, struct record *record,
                                 struct tidings_error *err)
{
    struct operation *operation = BASE_CONTAINER_OF(task, struct operation, op.task);
    return op_own(&operation->op, record_cancel(record, operation->id, &operation->op.err), err);
}

// ---- on the loop ----
static void finish(struct operation *operation, tidings_status status)
{
    operation->op.notify->op_count--;
    operation->done(operation->arg, status, &operation->op.err);
    free(operation);
}

static void take_done(struct op *op)
{
    struct operation *operation = BASE_CONTAINER_OF(op, struct operation, op);
    struct lane *lane = lane_of(op->notify, operation->receiver_id);
    if (op->status == TIDINGS_OK && lane != NULL) {
        lane->waiting += operation->cancels ? -1 : 1;
        if (!operation->cancels) {
            lane_is_due(lane, operation->due_ms);
            lane_pump(lane);
        }
    }
    finish(operation, op->status);
}

static tidings_status prepare(struct operation *operation)
{
    const struct lane *lane = lane_of(operation->op.notify, operation->receiver_id);
    if (operation->cancels) {
        return TIDINGS_OK;
    }
    if (lane == NULL || lane->state == NOTIFY_RETIRED) {
        return error_set(&operation->op.err, TIDINGS_E_STATE,
                         "its receiver is removed: it cannot be redelivered");
    }
    operation->ladder_id = lane->ladder_id;
    operation->due_ms = clock_wall_ms(operation->op.notify->clock);
    return TIDINGS_OK;
}

static void take_looked(struct op *op)
{
    struct operation *operation = BASE_CONTAINER_OF(op, struct operation, op);
    tidings_status status = op->status == TIDINGS_OK ? prepare(operation) : op->status;
    if (status == TIDINGS_OK) {
        op_init(op, op->notify, operation->cancels ? run_cancel : run_redeliver, take_done);
        status = op_post(op);
    }
    if (status != TIDINGS_OK) {
        finish(operation, status);
    }
}

static tidings_status ask(struct notify *notify, const struct operation *wanted,
                          struct tidings_error *err)
{
    if (notify->op_count >= OPS_MAX) {
        return error_set(err, TIDINGS_E_FULL, "%d orders wait: try again", OPS_MAX);
    }
    struct operation *operation = malloc(sizeof *operation);
    if (operation == NULL) {
        return error_set(err, TIDINGS_E_NO_MEMORY, "no memory for an order");
    }
    *operation = *wanted;
    op_init(&operation->op, notify, run_look, take_looked);
    tidings_status status = op_post(&operation->op);
    if (status != TIDINGS_OK) {
        free(operation);
        return error_set(err, status, "too much waits for the database: try again");
    }
    notify->op_count++;
    return TIDINGS_OK;
}

tidings_status notify_redeliver(struct notify *notify, int64_t id, struct str ladder,
                                notify_done *done, void *arg, struct tidings_error *err)
{
    struct ladder parsed;
    struct tidings_error why = { 0 };
    if (ladder.len > 0) {
        tidings_status status = ladder_parse(ladder, &parsed, &why);
        if (status != TIDINGS_OK) {
            return error_set(err, status, "ladder: %s", why.text);
        }
    }
    const struct operation wanted = { .id = id, .ladder = ladder, .done = done, .arg = arg };
    return ask(notify, &wanted, err);
}

tidings_status notify_cancel(struct notify *notify, int64_t id, notify_done *done, void *arg,
                             struct tidings_error *err)
{
    const struct operation wanted = { .id = id, .cancels = true, .done = done, .arg = arg };
    return ask(notify, &wanted, err);
}
