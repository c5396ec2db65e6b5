// SPDX-License-Identifier: Apache-2.0
// What is done now and then, in small steps: retention, and what waits for receivers that were
// removed.
#include <stdlib.h>

#include "notify/private.h"

enum { TICK_MS = 1000, STEP_MS = 10, PURGE_EVERY_MS = 10000, LOOK_ROWS = 5000 };

struct purge {
    struct op op;
    bool busy;
    int64_t next_ms; // monotonic
    int64_t before_ms;
    size_t rows;
    int64_t cursor;
    int64_t was; // the cursor before this step
    int64_t removed;
};

struct sweep { // of one receiver after the other
    struct op op;
    bool busy;
    bool wanted;
    bool over; // all of its rows were looked at
    struct lane *lane;
    int64_t cursor;
    int64_t after;
    int64_t ids[STEP_ROWS];
    size_t count;
    size_t cancelled;
    int64_t next_due_ms;
};

struct tidy {
    struct notify *notify;
    struct net_timer *timer;
    struct purge purge;
    struct sweep sweep;
};

static void start_timer(struct tidy *tidy, int64_t after_ms)
{
    net_timer_start(tidy->timer, after_ms);
}

// ---- retention ----
static tidings_status run_purge(struct keeper_task *task, struct record *record,
                                struct tidings_error *err)
{
    struct purge *purge = BASE_CONTAINER_OF(task, struct purge, op.task);
    purge->cursor = purge->was;
    return record_purge(record, purge->before_ms, purge->rows, &purge->cursor, &purge->removed,
                        err);
}

static void take_purge(struct op *op)
{
    struct purge *purge = BASE_CONTAINER_OF(op, struct purge, op);
    struct notify *notify = op->notify;
    purge->busy = false;
    if (op->status == TIDINGS_OK) {
        notify->stats.purged += (uint64_t)purge->removed;
        purge->was = purge->cursor;
    }
    if (op->status != TIDINGS_OK || purge->cursor == 0) {
        purge->next_ms = clock_mono_us(notify->clock) / 1000 + PURGE_EVERY_MS;
    }
    if (!atomic_load(&notify->stopping)) {
        start_timer(notify->tidy, STEP_MS);
    }
}

static void step_purge(struct tidy *tidy)
{
    struct notify *notify = tidy->notify;
    struct purge *purge = &tidy->purge;
    int64_t kept_ms = notify->options.retention_ms;
    if (purge->busy || purge->next_ms > clock_mono_us(notify->clock) / 1000) {
        return;
    }
    // Keys of API calls go in any case.
    purge->before_ms = kept_ms > 0 ? clock_wall_ms(notify->clock) - kept_ms : 0;
    purge->rows = kept_ms > 0 ? STEP_ROWS : RECORD_BATCH_MAX;
    op_init(&purge->op, notify, run_purge, take_purge);
    purge->busy = op_post(&purge->op) == TIDINGS_OK;
}

// ---- receivers that were removed ----
static void note_row(void *arg, const struct record_row *row)
{
    struct sweep *sweep = arg;
    if (sweep->count < STEP_ROWS) {
        sweep->ids[sweep->count++] = row->id;
    }
}

static tidings_status cancel_rows(struct sweep *sweep, struct record *record,
                                  struct tidings_error *err)
{
    tidings_status status = TIDINGS_OK;
    for (size_t i = 0; i < sweep->count && status == TIDINGS_OK; i++) {
        status = op_own(&sweep->op, record_cancel(record, sweep->ids[i], &sweep->op.err), err);
        sweep->cancelled += status == TIDINGS_OK && sweep->op.own == TIDINGS_OK;
    }
    sweep->op.own = TIDINGS_OK; // one that is on its way is met again
    return status;
}

static tidings_status run_sweep(struct keeper_task *task, struct record *record,
                                struct tidings_error *err)
{
    struct sweep *sweep = BASE_CONTAINER_OF(task, struct sweep, op.task);
    const struct record_filter filter = { .receiver_id = sweep->lane->id, .state = RECORD_WAITING };
    sweep->count = 0;
    sweep->cancelled = 0;
    sweep->after = 0;
    tidings_status status = record_receiver_next(record, sweep->lane->id, &sweep->next_due_ms, err);
    if (status != TIDINGS_OK || sweep->next_due_ms == INT64_MAX) {
        return status;
    }
    status = record_list(record, &filter, sweep->cursor, STEP_ROWS, LOOK_ROWS, note_row, sweep,
                         &sweep->after, err);
    if (status == TIDINGS_OK) {
        status = cancel_rows(sweep, record, err);
    }
    return status == TIDINGS_OK
               ? record_receiver_next(record, sweep->lane->id, &sweep->next_due_ms, err)
               : status;
}

static void take_sweep(struct op *op)
{
    struct sweep *sweep = BASE_CONTAINER_OF(op, struct sweep, op);
    struct notify *notify = op->notify;
    struct lane *lane = sweep->lane;
    int64_t wait_ms = TICK_MS;
    sweep->busy = false;
    if (op->status == TIDINGS_OK) {
        lane->waiting -= (int64_t)sweep->cancelled;
        lane->swept = sweep->next_due_ms == INT64_MAX;
        lane->waiting = lane->swept ? 0 : lane->waiting;
        sweep->cursor = sweep->after;
        wait_ms = lane->swept || sweep->after != 0 ? STEP_MS : TICK_MS;
        sweep->over = sweep->after == 0; // the next one's turn
    }
    if (!atomic_load(&notify->stopping)) {
        start_timer(notify->tidy, wait_ms);
    }
}

// The next one in the order of names, round and round.
static struct lane *next_lane(const struct notify *notify, const struct lane *after)
{
    size_t first = after != NULL ? lanes_after(notify, str_of(after->name)) : 0;
    for (size_t i = 0; i < notify->lane_count; i++) {
        struct lane *lane = notify->names[(first + i) % notify->lane_count];
        if (lane->state == NOTIFY_RETIRED && !lane->swept) {
            return lane;
        }
    }
    return NULL;
}

static void step_sweep(struct tidy *tidy)
{
    struct sweep *sweep = &tidy->sweep;
    if (sweep->busy || !sweep->wanted) {
        return;
    }
    if (sweep->lane == NULL || sweep->over) {
        sweep->lane = next_lane(tidy->notify, sweep->lane);
        sweep->cursor = 0;
        sweep->over = false;
    }
    if (sweep->lane == NULL) {
        sweep->wanted = false;
        return;
    }
    op_init(&sweep->op, tidy->notify, run_sweep, take_sweep);
    sweep->busy = op_post(&sweep->op) == TIDINGS_OK;
}

void tidy_retired(struct notify *notify)
{
    notify->tidy->sweep.wanted = true;
    start_timer(notify->tidy, 0);
}

// ---- the tick ----
static void fired(void *arg)
{
    struct tidy *tidy = arg;
    struct notify *notify = tidy->notify;
    if (atomic_load(&notify->stopping)) {
        return;
    }
    start_timer(tidy, TICK_MS);
    answers_take(notify); // a telling that found no room
    outcomes_again(notify);
    jobs_tick(notify);
    lives_look(notify);
    follow_look(notify);
    backlog_again(notify);
    step_purge(tidy);
    step_sweep(tidy);
}

tidings_status tidy_start(struct notify *notify)
{
    struct tidy *tidy = calloc(1, sizeof *tidy);
    if (tidy == NULL) {
        return TIDINGS_E_NO_MEMORY;
    }
    tidy->notify = notify;
    notify->tidy = tidy;
    tidings_status status = net_timer_new(notify->options.loop, fired, tidy, &tidy->timer);
    if (status == TIDINGS_OK) {
        start_timer(tidy, TICK_MS);
    }
    return status;
}

void tidy_free(struct notify *notify)
{
    if (notify->tidy != NULL) {
        net_timer_free(notify->tidy->timer);
        free(notify->tidy);
    }
}
