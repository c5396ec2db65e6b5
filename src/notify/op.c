// SPDX-License-Identifier: Apache-2.0
// To the store and back: one wake-up of the loop for all that a commit answered.
#include "notify/private.h"

// Without the lock: the store thread gives hundreds of answers, and then tells once.
static void give(struct op *op)
{
    struct notify *notify = op->notify;
    op->next = atomic_load_explicit(&notify->answers, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(&notify->answers, &op->next, op,
                                                  memory_order_release, memory_order_relaxed)) {
    }
}

// In the order in which they were given.
static struct op *take_answers(struct notify *notify)
{
    struct op *newest = atomic_exchange_explicit(&notify->answers, NULL, memory_order_acquire);
    struct op *oldest = NULL;
    while (newest != NULL) {
        struct op *next = newest->next;
        newest->next = oldest;
        oldest = newest;
        newest = next;
    }
    return oldest;
}

static void op_done(struct keeper_task *task, tidings_status status,
                    const struct tidings_error *err)
{
    struct op *op = BASE_CONTAINER_OF(task, struct op, task);
    op->status = status == TIDINGS_OK ? op->own : status;
    if (status != TIDINGS_OK && err != NULL) {
        op->err = *err;
    }
    give(op);
}

void op_init(struct op *op, struct notify *notify, op_run *run, void (*take)(struct op *op))
{
    op->task = (struct keeper_task){ .run = run, .done = op_done };
    op->notify = notify;
    op->take = take;
    op->own = TIDINGS_OK;
    error_clear(&op->err);
}

tidings_status op_post_to(struct op *op, struct keeper *keeper)
{
    tidings_status status = keeper != NULL ? keeper_post(keeper, &op->task) : TIDINGS_E_CLOSED;
    op->notify->out += status == TIDINGS_OK;
    return status;
}

tidings_status op_post(struct op *op)
{
    ops_flush(op->notify); // in the order of posting
    return op_post_to(op, op->notify->keeper);
}

void op_post_soon(struct op *op)
{
    struct notify *notify = op->notify;
    notify->soon[notify->soon_count++] = &op->task;
    notify->out++;
    if (notify->soon_count == OPS_SOON) {
        ops_flush(notify);
    }
}

void ops_flush(struct notify *notify)
{
    size_t count = notify->soon_count;
    notify->soon_count = 0;
    if (count == 0) {
        return;
    }
    tidings_status status = notify->keeper != NULL
                                ? keeper_post_many(notify->keeper, notify->soon, count)
                                : TIDINGS_E_CLOSED;
    for (size_t i = 0; i < count && status != TIDINGS_OK; i++) {
        struct op *op = BASE_CONTAINER_OF(notify->soon[i], struct op, task);
        notify->out--;
        (void)error_set(&op->err, status, "%s",
                        status == TIDINGS_E_FULL ? "too much waits for the database: try again"
                                                 : "the notifier stops");
        op_answer(op, status);
    }
}

void op_answer(struct op *op, tidings_status status)
{
    op->status = status;
    op->notify->out++;
    give(op);
    answers_tell(op->notify);
}

tidings_status op_own(struct op *op, tidings_status status, struct tidings_error *err)
{
    switch (status) {
    case TIDINGS_OK:
    case TIDINGS_E_NOT_FOUND:
    case TIDINGS_E_STATE:
    case TIDINGS_E_EXISTS:
    case TIDINGS_E_DUPLICATE:
    case TIDINGS_E_INVALID:
    case TIDINGS_E_TOO_LARGE: op->own = status; return TIDINGS_OK;
    default:
        if (err != NULL) {
            *err = op->err;
        }
        return status;
    }
}

static void take_posted(void *arg)
{
    answers_take(arg);
}

void answers_tell(void *arg)
{
    struct notify *notify = arg;
    pthread_mutex_lock(&notify->lock);
    bool tell =
        !notify->told && (atomic_load(&notify->answers) != NULL || !list_empty(&notify->accepts));
    notify->told = notify->told || tell;
    pthread_mutex_unlock(&notify->lock);
    if (tell && net_loop_post(notify->options.loop, take_posted, notify) != TIDINGS_OK) {
        pthread_mutex_lock(&notify->lock);
        notify->told = false; // the next batch tells, or the timer finds it
        pthread_mutex_unlock(&notify->lock);
    }
}

static void move_all(struct list *from, struct list *to)
{
    list_init(to);
    if (!list_empty(from)) {
        *to = *from;
        to->next->prev = to;
        to->prev->next = to;
        list_init(from);
    }
}

void answers_take(struct notify *notify)
{
    struct list accepts;
    pthread_mutex_lock(&notify->lock);
    notify->told = false; // what is given from here on is told anew
    move_all(&notify->accepts, &accepts);
    pthread_mutex_unlock(&notify->lock);
    for (struct op *op = take_answers(notify), *next; op != NULL; op = next) {
        next = op->next;
        notify->out--;
        op->take(op);
    }
    accepts_take(notify, &accepts);
    claims_next(notify);
    dispatch_run(notify);
    turn_end(notify);
}

void turn_end(void *arg)
{
    struct notify *notify = arg;
    holds_take(notify);
    accepts_return(notify);
    ops_flush(notify);
}
