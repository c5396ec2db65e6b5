// SPDX-License-Identifier: Apache-2.0
// What is read when the notifier starts: receivers, their ladders; how much waits for each.
#include <semaphore.h>
#include <stdlib.h>

#include "notify/private.h"

struct loading {
    struct notify *notify;
    struct record *record;
    int64_t last;
    size_t count;
    tidings_status status;
    struct tidings_error *err;
};

static tidings_status load_lane(struct notify *notify, const struct record_receiver *row,
                                struct tidings_error *err)
{
    struct receiver_settings *settings = NULL;
    struct tidings_error why = { 0 };
    tidings_status status = receiver_settings_parse(row->name, row->document, notify->options.seal,
                                                    clock_wall_ms(notify->clock), &settings, &why);
    if (status != TIDINGS_OK) {
        return error_set(err, status, "receiver \"%.*s\", as it is stored: %s", STR_ARG(row->name),
                         why.text);
    }
    struct lane *lane = lane_new(notify, row->name);
    if (lane == NULL || lane_add(lane, row->id) != TIDINGS_OK) {
        lane_free(lane);
        receiver_settings_unref(settings);
        return error_set(err, TIDINGS_E_NO_MEMORY, "no memory for receiver \"%.*s\"",
                         STR_ARG(row->name));
    }
    lane_set(lane, settings, 0);
    lane->version = row->version;
    lane->changed_ms = row->changed_ms;
    lane->state = row->state >= NOTIFY_ACTIVE && row->state <= NOTIFY_RETIRED
                      ? (enum notify_receiver_state)row->state
                      : NOTIFY_PAUSED;
    lane->due_ms = 0; // whatever lies there
    return TIDINGS_OK;
}

static void load_one(void *arg, const struct record_receiver *row)
{
    struct loading *loading = arg;
    loading->last = row->id;
    loading->count++;
    if (loading->status == TIDINGS_OK) {
        loading->status = load_lane(loading->notify, row, loading->err);
    }
}

static void load_gate(void *arg, const struct record_gate *gate)
{
    struct loading *loading = arg;
    struct lane *lane = lane_of(loading->notify, gate->receiver_id);
    loading->last = gate->receiver_id;
    loading->count++;
    if (lane != NULL) {
        gate_load(lane, gate);
    }
}

static tidings_status load_gates(struct loading *loading)
{
    tidings_status status = TIDINGS_OK;
    loading->last = 0;
    for (loading->count = 1; status == TIDINGS_OK && loading->count > 0;) {
        loading->count = 0;
        status = record_gate_list(loading->record, loading->last, RECORD_BATCH_MAX, load_gate,
                                  loading, loading->err);
    }
    return status;
}

// A receiver keeps the text of its ladder; the number is looked up, or made.
static tidings_status load_ladders(struct loading *loading)
{
    struct notify *notify = loading->notify;
    tidings_status status = record_begin(loading->record, loading->err);
    for (size_t i = 0; i < notify->lane_count && status == TIDINGS_OK; i++) {
        struct lane *lane = notify->names[i];
        status = record_ladder_put(loading->record, str_of(lane->limits->ladder_text),
                                   &lane->ladder_id, loading->err);
    }
    if (status == TIDINGS_OK && notify->options.owner != 0) {
        status = record_life_begin(loading->record, notify->options.owner,
                                   &notify->options.record.life, loading->err);
    }
    return status == TIDINGS_OK ? record_commit(loading->record, loading->err) : status;
}

tidings_status lanes_load(struct notify *notify, struct record **ret, struct tidings_error *err)
{
    struct loading loading = { .notify = notify, .err = err };
    tidings_status status =
        record_open(notify->database_url, &notify->options.record, &loading.record, err);
    if (status != TIDINGS_OK) {
        return status;
    }
    status = follow_begin(notify, loading.record, err);
    for (loading.count = 1;
         status == TIDINGS_OK && loading.status == TIDINGS_OK && loading.count > 0;) {
        loading.count = 0;
        status = record_receiver_list(loading.record, loading.last, RECORD_BATCH_MAX, load_one,
                                      &loading, err);
    }
    status = status == TIDINGS_OK ? loading.status : status;
    if (status == TIDINGS_OK) {
        status = load_gates(&loading);
    }
    if (status == TIDINGS_OK) {
        status = load_ladders(&loading);
    }
    if (status != TIDINGS_OK) {
        record_close(loading.record);
        return status;
    }
    *ret = loading.record;
    return TIDINGS_OK;
}

// ---- how much waits ----
// The first count sees the record as it is before anything is done to it here: so from then on a
// lane's own changes are all there is to add, where nobody else writes. Where others do it is
// counted again and again; what is committed meanwhile is counted the next time.
enum { COUNT_EVERY_MS = 3000, COUNT_SHARE = 20 /* of the time at most a twentieth */ };

struct counting {
    struct op op;
    bool first;
    sem_t begun; // its view of the record is fixed
    void (*done)(struct keeper_task *task, tidings_status status, const struct tidings_error *err);
    int64_t begun_us;
    struct counted {
        int64_t receiver_id;
        int64_t count;
    } * rows;
    size_t count;
    size_t room;
    bool failed;
};

static void count_one(void *arg, int64_t receiver_id, int64_t count)
{
    struct counting *counting = arg;
    if (counting->count == counting->room) {
        size_t room = counting->room == 0 ? 256 : 2 * counting->room;
        struct counted *grown = room <= 4 * (size_t)NOTIFY_RECEIVERS_MAX
                                    ? realloc(counting->rows, room * sizeof *grown)
                                    : NULL;
        if (grown == NULL) {
            counting->failed = true;
            return;
        }
        counting->rows = grown;
        counting->room = room;
    }
    counting->rows[counting->count++] = (struct counted){ receiver_id, count };
}

static tidings_status run_count(struct keeper_task *task, struct record *record,
                                struct tidings_error *err)
{
    struct counting *counting = BASE_CONTAINER_OF(task, struct counting, op.task);
    int64_t lease_ms = 0;
    tidings_status status = record_first_lease(record, &lease_ms, err); // fixes the view
    (void)sem_post(&counting->begun);
    counting->count = 0;
    counting->failed = false;
    return status == TIDINGS_OK ? record_backlog(record, count_one, counting, err) : status;
}

static void count_done(struct keeper_task *task, tidings_status status,
                       const struct tidings_error *err)
{
    struct counting *counting = BASE_CONTAINER_OF(task, struct counting, op.task);
    (void)sem_post(&counting->begun); // if it did not run at all
    counting->done(task, status, err);
}

static void free_counting(struct counting *counting)
{
    counting->op.notify->counting = false;
    (void)sem_destroy(&counting->begun);
    free(counting->rows);
    free(counting);
}

static void take_count(struct op *op)
{
    struct counting *counting = BASE_CONTAINER_OF(op, struct counting, op);
    struct notify *notify = op->notify;
    int64_t now_us = clock_mono_us(notify->clock);
    int64_t pause_ms = (now_us - counting->begun_us) / 1000 * COUNT_SHARE;
    bool good = op->status == TIDINGS_OK && !counting->failed;
    notify->count_next_ms = now_us / 1000 + (pause_ms > COUNT_EVERY_MS ? pause_ms : COUNT_EVERY_MS);
    notify->counted = notify->counted || good;
    for (size_t i = 0; i < notify->lane_count && good && !counting->first; i++) {
        notify->names[i]->waiting = 0;
    }
    for (size_t i = 0; i < counting->count && good; i++) {
        struct lane *lane = lane_of(notify, counting->rows[i].receiver_id);
        if (lane != NULL) {
            lane->waiting += counting->rows[i].count;
        }
    }
    if (!good) {
        log_line(notify->options.log, LOG_WARN, "notify",
                 "msg=\"what waits could not be counted\" error=\"%s\"",
                 error_text(&op->err, op->status));
    }
    free_counting(counting);
    if (notify->counted && !notify->shared) { // from now on it is known
        keeper_stop(notify->counter);
        notify->counter = NULL;
    }
}

static struct counting *start_count(struct notify *notify, bool first)
{
    struct counting *counting =
        notify->counting || atomic_load(&notify->stopping) ? NULL : calloc(1, sizeof *counting);
    if (counting == NULL) {
        return NULL;
    }
    op_init(&counting->op, notify, run_count, take_count);
    counting->done = counting->op.task.done;
    counting->op.task.done = count_done;
    counting->begun_us = clock_mono_us(notify->clock);
    counting->first = first;
    (void)sem_init(&counting->begun, 0, 0);
    notify->counting = true;
    if (op_post_to(&counting->op, notify->counter) != TIDINGS_OK) {
        free_counting(counting);
        return NULL;
    }
    return counting;
}

void backlog_count(struct notify *notify)
{
    struct counting *counting = start_count(notify, true);
    while (counting != NULL && sem_wait(&counting->begun) != 0) {
    }
}

void backlog_again(struct notify *notify)
{
    if ((notify->shared || !notify->counted) &&
        clock_mono_us(notify->clock) / 1000 >= notify->count_next_ms) {
        (void)start_count(notify, false);
    }
}
