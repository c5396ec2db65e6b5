// SPDX-License-Identifier: Apache-2.0
// Redelivery of many: a job is on record, and done in steps; between two of them the loop and the
// store do other work. What ran when the notifier stopped goes on after the next start.
#include <stdlib.h>

#include "notify/private.h"

enum { LIST_MAX = 256, ROOM_MAX = RECORD_LADDER_MAX + 8 * RECORD_NAME_MAX };

struct job {
    struct op op;
    struct list node;
    int64_t id; // 0 until it is on record
    bool rests; // after something that went wrong, until the next tick
    struct buf room;
    struct record_job state;
    struct {
        int64_t id;
        int64_t count; // of rows that it got
    } receivers[STEP_ROWS];
    size_t receiver_count;
    // ---- of one that is being made ----
    const struct record_filter *filter;
    struct str ladder;
    notify_job_done *done;
    void *arg;
};

static void drop(struct job *job)
{
    list_remove(&job->node);
    job->op.notify->job_count--;
    buf_deinit(&job->room);
    free(job);
}

// ---- steps ----
static void note_receiver(void *arg, int64_t receiver_id, int64_t count)
{
    struct job *job = arg;
    if (job->receiver_count < STEP_ROWS) {
        job->receivers[job->receiver_count].id = receiver_id;
        job->receivers[job->receiver_count++].count = count;
    }
}

static tidings_status run_step(struct keeper_task *task, struct record *record,
                               struct tidings_error *err)
{
    struct job *job = BASE_CONTAINER_OF(task, struct job, op.task);
    job->receiver_count = 0;
    return op_own(&job->op,
                  record_job_step(record, job->id, STEP_ROWS, &job->room, &job->state,
                                  note_receiver, job, &job->op.err),
                  err);
}

static void take_step(struct op *op);

static void step(struct job *job)
{
    op_init(&job->op, job->op.notify, run_step, take_step);
    job->op.task.keep = true;
    job->rests = op_post(&job->op) != TIDINGS_OK;
}

static void tell_lanes(struct job *job)
{
    struct notify *notify = job->op.notify;
    for (size_t i = 0; i < job->receiver_count; i++) {
        struct lane *lane = lane_of(notify, job->receivers[i].id);
        if (lane != NULL) {
            lane->waiting += job->receivers[i].count;
            lane_is_due(lane, clock_wall_ms(notify->clock));
            lane_pump(lane);
        }
    }
}

static void take_step(struct op *op)
{
    struct job *job = BASE_CONTAINER_OF(op, struct job, op);
    struct notify *notify = op->notify;
    if (op->status == TIDINGS_OK) {
        tell_lanes(job);
    }
    bool over = op->status == TIDINGS_E_NOT_FOUND || op->status == TIDINGS_E_CLOSED ||
                (op->status == TIDINGS_OK && job->state.state != RECORD_JOB_RUNNING);
    if (over || atomic_load(&notify->stopping)) {
        drop(job);
    } else if (op->status == TIDINGS_OK) {
        step(job);
    } else {
        log_line(notify->options.log, LOG_WARN, "notify",
                 "msg=\"a step of a job failed, it is tried again\" job=%lld error=\"%s\"",
                 (long long)job->id, error_text(&op->err, op->status));
        job->rests = true;
    }
}

void jobs_tick(struct notify *notify)
{
    list_for_each (node, &notify->jobs) {
        struct job *job = LIST_ENTRY(node, struct job, node);
        if (job->rests) {
            step(job);
        }
    }
}

void jobs_free(struct notify *notify)
{
    list_for_each_safe (node, following, &notify->jobs) {
        drop(LIST_ENTRY(node, struct job, node));
    }
}

static struct job *new_job(struct notify *notify)
{
    struct job *job = calloc(1, sizeof *job);
    if (job != NULL) {
        job->op.notify = notify;
        buf_init(&job->room, ROOM_MAX);
        list_add_tail(&notify->jobs, &job->node);
        notify->job_count++;
    }
    return job;
}

// ---- start ----
static tidings_status run_new(struct keeper_task *task, struct record *record,
                              struct tidings_error *err)
{
    struct job *job = BASE_CONTAINER_OF(task, struct job, op.task);
    struct record_job made = { .filter = *job->filter };
    if (job->ladder.len > 0) {
        tidings_status status = record_ladder_put(record, job->ladder, &made.ladder_id, err);
        if (status != TIDINGS_OK) {
            return status;
        }
    }
    tidings_status status = op_own(&job->op, record_job_new(record, &made, &job->op.err), err);
    job->id = made.id;
    return status;
}

static void take_new(struct op *op)
{
    struct job *job = BASE_CONTAINER_OF(op, struct job, op);
    job->done(job->arg, op->status, op->status == TIDINGS_OK ? job->id : 0, &op->err);
    if (op->status != TIDINGS_OK || atomic_load(&op->notify->stopping)) {
        drop(job);
    } else {
        step(job);
    }
}

static tidings_status check_ladder(struct str ladder, struct tidings_error *err)
{
    struct ladder parsed;
    struct tidings_error why = { 0 };
    tidings_status status = ladder.len > 0 ? ladder_parse(ladder, &parsed, &why) : TIDINGS_OK;
    return status == TIDINGS_OK ? status : error_set(err, status, "ladder: %s", why.text);
}

tidings_status notify_job_start(struct notify *notify, const struct record_filter *filter,
                                struct str ladder, notify_job_done *done, void *arg,
                                struct tidings_error *err)
{
    tidings_status status = check_ladder(ladder, err);
    if (status != TIDINGS_OK) {
        return status;
    }
    if (filter->state == RECORD_WAITING || filter->state == RECORD_DELIVERING) {
        return error_set(err, TIDINGS_E_INVALID,
                         "what is not finished cannot be redelivered: state delivered, dead or "
                         "cancelled is wanted, or none");
    }
    if (notify->job_count >= NOTIFY_JOBS_MAX) {
        return error_set(err, TIDINGS_E_FULL, "%d jobs run: try again", NOTIFY_JOBS_MAX);
    }
    struct job *job = new_job(notify);
    if (job == NULL) {
        return error_set(err, TIDINGS_E_NO_MEMORY, "no memory for a job");
    }
    job->filter = filter;
    job->ladder = ladder;
    job->done = done;
    job->arg = arg;
    op_init(&job->op, notify, run_new, take_new);
    status = op_post(&job->op);
    if (status != TIDINGS_OK) {
        drop(job);
        return error_set(err, status, "too much waits for the database: try again");
    }
    return TIDINGS_OK;
}

// ---- cancel ----
struct ending {
    struct op op;
    int64_t id;
    notify_done *done;
    void *arg;
};

static tidings_status run_ending(struct keeper_task *task, struct record *record,
                                 struct tidings_error *err)
{
    struct ending *ending = BASE_CONTAINER_OF(task, struct ending, op.task);
    return op_own(&ending->op, record_job_cancel(record, ending->id, &ending->op.err), err);
}

static void take_ending(struct op *op)
{
    struct ending *ending = BASE_CONTAINER_OF(op, struct ending, op);
    op->notify->op_count--;
    ending->done(ending->arg, op->status, &op->err);
    free(ending);
}

tidings_status notify_job_cancel(struct notify *notify, int64_t job, notify_done *done, void *arg,
                                 struct tidings_error *err)
{
    if (notify->op_count >= OPS_MAX) {
        return error_set(err, TIDINGS_E_FULL, "%d orders wait: try again", OPS_MAX);
    }
    struct ending *ending = calloc(1, sizeof *ending);
    if (ending == NULL) {
        return error_set(err, TIDINGS_E_NO_MEMORY, "no memory for an order");
    }
    op_init(&ending->op, notify, run_ending, take_ending);
    ending->id = job;
    ending->done = done;
    ending->arg = arg;
    tidings_status status = op_post(&ending->op);
    if (status != TIDINGS_OK) {
        free(ending);
        return error_set(err, status, "too much waits for the database: try again");
    }
    notify->op_count++;
    return TIDINGS_OK;
}

// ---- those of before ----
struct finding {
    struct op op;
    int64_t ids[NOTIFY_JOBS_MAX];
    size_t count;
    size_t listed;
    int64_t last;
};

static void note_job(void *arg, const struct record_job *job)
{
    struct finding *finding = arg;
    finding->listed++;
    finding->last = job->id;
    if (job->state == RECORD_JOB_RUNNING && finding->count < NOTIFY_JOBS_MAX) {
        finding->ids[finding->count++] = job->id;
    }
}

static tidings_status run_finding(struct keeper_task *task, struct record *record,
                                  struct tidings_error *err)
{
    struct finding *finding = BASE_CONTAINER_OF(task, struct finding, op.task);
    tidings_status status = TIDINGS_OK;
    finding->count = 0;
    finding->last = 0;
    do {
        finding->listed = 0;
        status = record_job_list(record, finding->last, LIST_MAX, note_job, finding, err);
    } while (status == TIDINGS_OK && finding->listed == LIST_MAX);
    return status;
}

static void take_finding(struct op *op)
{
    struct finding *finding = BASE_CONTAINER_OF(op, struct finding, op);
    for (size_t i = 0; i < finding->count && op->status == TIDINGS_OK; i++) {
        struct job *job = atomic_load(&op->notify->stopping) ? NULL : new_job(op->notify);
        if (job != NULL) {
            job->id = finding->ids[i];
            step(job);
        }
    }
    free(finding);
}

void jobs_find(struct notify *notify)
{
    struct finding *finding = calloc(1, sizeof *finding);
    if (finding == NULL) {
        return;
    }
    op_init(&finding->op, notify, run_finding, take_finding);
    finding->op.task.keep = true;
    if (op_post(&finding->op) != TIDINGS_OK) {
        free(finding);
    }
}
