// SPDX-License-Identifier: Apache-2.0
// What this node had in hand when it was killed: its leases of earlier lives are given back, step
// by step, beside what goes on meanwhile. Whether those attempts were sent nobody knows: so it
// stands on record, and they are made again, in their place on the ladder.
#include <stdlib.h>

#include "notify/private.h"

enum { QUIET_LOOKS = 2 /* a commit of the one that was killed may still be under way */ };

struct lives {
    struct op op;
    bool busy;
    bool over;
    int quiet; // looks that found nothing
    struct record_leased rows[STEP_ROWS];
    int64_t begun_ms[STEP_ROWS];
    size_t count;
    int64_t due_ms;
};

static struct lives *lives_of(struct op *op)
{
    return BASE_CONTAINER_OF(op, struct lives, op);
}

static void post(struct lives *lives, op_run *run, void (*take)(struct op *))
{
    op_init(&lives->op, lives->op.notify, run, take);
    lives->busy = op_post(&lives->op) == TIDINGS_OK; // else the next look
}

// ---- on the store thread ----
static tidings_status run_look(struct keeper_task *task, struct record *record,
                               struct tidings_error *err)
{
    struct lives *lives = BASE_CONTAINER_OF(task, struct lives, op.task);
    const struct notify_options *options = &lives->op.notify->options;
    return record_life_leases(record, options->owner, options->record.life, lives->rows, STEP_ROWS,
                              &lives->count, err);
}

static tidings_status run_return(struct keeper_task *task, struct record *record,
                                 struct tidings_error *err)
{
    struct lives *lives = BASE_CONTAINER_OF(task, struct lives, op.task);
    tidings_status status = TIDINGS_OK;
    for (size_t i = 0; i < lives->count && status == TIDINGS_OK; i++) {
        const struct record_leased *row = &lives->rows[i];
        struct record_outcome outcome = { .id = row->id,
                                          .epoch = row->epoch,
                                          .receiver_id = row->receiver_id,
                                          .event = RECORD_LOST,
                                          .due_ms = lives->due_ms,
                                          .earlier = row->earlier };
        attempt_unknown(&outcome.attempt, row->earlier + row->attempts + 1, lives->begun_ms[i],
                        lives->due_ms,
                        "the server ended while it had this in hand: whether it was sent is not "
                        "known");
        status = op_own(&lives->op, record_settle(record, &outcome, &lives->op.err), err);
    }
    lives->op.own = TIDINGS_OK; // one that somebody settled meanwhile is well
    return status;
}

static tidings_status run_end(struct keeper_task *task, struct record *record,
                              struct tidings_error *err)
{
    const struct lives *lives = BASE_CONTAINER_OF(task, struct lives, op.task);
    const struct notify_options *options = &lives->op.notify->options;
    return record_life_end(record, options->owner, options->record.life, err);
}

// ---- on the loop ----
static void take_end(struct op *op)
{
    struct lives *lives = lives_of(op);
    lives->busy = false;
    lives->over = op->status == TIDINGS_OK;
}

static void take_return(struct op *op)
{
    struct lives *lives = lives_of(op);
    lives->busy = false;
    if (op->status != TIDINGS_OK) {
        return; // the tick tries again
    }
    for (size_t i = 0; i < lives->count; i++) {
        struct lane *lane = lane_of(op->notify, lives->rows[i].receiver_id);
        if (lane != NULL) {
            lane_is_due(lane, lives->due_ms);
            lane_pump(lane);
        }
    }
    count_unknown(op->notify, lives->count);
    log_line(op->notify->options.log, LOG_INFO, "notify",
             "msg=\"what was in hand when the server ended is due again\" count=%zu", lives->count);
    lives_look(op->notify);
}

static void take_look(struct op *op)
{
    struct lives *lives = lives_of(op);
    struct notify *notify = op->notify;
    lives->busy = false;
    if (op->status != TIDINGS_OK || atomic_load(&notify->stopping)) {
        return;
    }
    if (lives->count == 0) {
        if (++lives->quiet >= QUIET_LOOKS) {
            post(lives, run_end, take_end);
        }
        return;
    }
    lives->due_ms = clock_wall_ms(notify->clock);
    for (size_t i = 0; i < lives->count; i++) {
        const struct record_leased *row = &lives->rows[i];
        const struct lane *lane = lane_of(notify, row->receiver_id);
        lives->begun_ms[i] = leased_ms(row->id, row->until_ms,
                                       lane != NULL ? lane->limits->timeout_ms : 0, lives->due_ms);
    }
    post(lives, run_return, take_return);
}

void lives_look(struct notify *notify)
{
    struct lives *lives = notify->lives;
    if (!lives->busy && !lives->over && !atomic_load(&notify->stopping)) {
        post(lives, run_look, take_look);
    }
}

tidings_status lives_start(struct notify *notify)
{
    notify->lives = calloc(1, sizeof *notify->lives);
    if (notify->lives == NULL) {
        return TIDINGS_E_NO_MEMORY;
    }
    notify->lives->op.notify = notify;
    notify->lives->over = notify->options.owner == 0;
    return TIDINGS_OK;
}

void lives_free(struct notify *notify)
{
    free(notify->lives);
}
