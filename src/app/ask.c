// SPDX-License-Identifier: Apache-2.0
#include "app/ask.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

enum { WAIT_S = 5, ANSWER_MAX = 16 * 1024 * 1024 };

// Shared by the one who asks and the loop; the last one frees it, so that a late answer after the
// asker gave up does no harm.
struct question {
    pthread_mutex_t lock;
    pthread_cond_t answered;
    tidings_status (*answer)(void *arg, struct buf *out);
    void *arg;
    struct buf out;
    tidings_status status;
    int holders;
    bool done;
};

static void release(struct question *question)
{
    pthread_mutex_lock(&question->lock);
    int left = --question->holders;
    pthread_mutex_unlock(&question->lock);
    if (left == 0) {
        pthread_cond_destroy(&question->answered);
        pthread_mutex_destroy(&question->lock);
        buf_deinit(&question->out);
        free(question);
    }
}

static void run(void *arg)
{
    struct question *question = arg;
    pthread_mutex_lock(&question->lock);
    question->status = question->answer(question->arg, &question->out);
    question->done = true;
    pthread_cond_signal(&question->answered);
    pthread_mutex_unlock(&question->lock);
    release(question);
}

static struct question *make(tidings_status (*answer)(void *arg, struct buf *out), void *arg)
{
    struct question *question = calloc(1, sizeof *question);
    if (question != NULL) {
        pthread_condattr_t attributes;
        pthread_condattr_init(&attributes);
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
        pthread_mutex_init(&question->lock, NULL);
        pthread_cond_init(&question->answered, &attributes);
        pthread_condattr_destroy(&attributes);
        buf_init(&question->out, ANSWER_MAX);
        question->answer = answer;
        question->arg = arg;
        question->holders = 2;
    }
    return question;
}

tidings_status app_ask(struct net_loop *loop, tidings_status (*answer)(void *arg, struct buf *out),
                       void *arg, struct buf *out)
{
    struct timespec until;
    struct question *question = make(answer, arg);
    if (question == NULL) {
        return TIDINGS_E_NO_MEMORY;
    }
    tidings_status status = net_loop_post(loop, run, question);
    if (status != TIDINGS_OK) {
        release(question);
        release(question);
        return status;
    }
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += WAIT_S;
    pthread_mutex_lock(&question->lock);
    while (!question->done &&
           pthread_cond_timedwait(&question->answered, &question->lock, &until) != ETIMEDOUT) {
    }
    status = question->done ? question->status : TIDINGS_E_TIMEOUT;
    if (status == TIDINGS_OK) {
        status = buf_add_str(out, buf_str(&question->out));
    }
    pthread_mutex_unlock(&question->lock);
    release(question);
    return status;
}
