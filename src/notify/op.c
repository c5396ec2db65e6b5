// SPDX-License-Identifier: Apache-2.0
// To the store and back: one wake-up of the loop for all that a commit answered.
#include "notify/private.h"

static void give(struct op *op)
{
    struct notify *notify = op->notify;
    pthread_mutex_lock(&notify->lock);
    list_add_tail(&notify->answers, &op->node);
    pthread_mutex_unlock(&notify->lock);
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
    return op_post_to(op, op->notify->keeper);
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
    bool tell = !notify->told && !(list_empty(&notify->answers) && list_empty(&notify->accepts));
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
    struct list answers;
    struct list accepts;
    pthread_mutex_lock(&notify->lock);
    notify->told = false;
    move_all(&notify->answers, &answers);
    move_all(&notify->accepts, &accepts);
    pthread_mutex_unlock(&notify->lock);
    for (struct list *node = list_pop(&answers); node != NULL; node = list_pop(&answers)) {
        struct op *op = LIST_ENTRY(node, struct op, node);
        notify->out--;
        op->take(op);
    }
    accepts_take(notify, &accepts);
    claims_next(notify);
    dispatch_run(notify);
}
