// SPDX-License-Identifier: Apache-2.0
#include "record/keeper.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/queue.h"
#include "base/thread.h"

enum { PAUSE_FIRST_MS = 50, PAUSE_LONGEST_MS = 5000, TRIES = 5, TELL_US = 60 * 1000 * 1000 };

struct keeper {
    char *url;
    struct keeper_options options;
    struct queue queue;
    struct record *record; // NULL while the database is lost
    int pause_ms;          // before the next try to open it
    struct list kept;      // tasks that wait for it
    int64_t told_us;       // of an upkeep that failed; 0 = never
    pthread_mutex_t lock;  // over stats
    struct keeper_stats stats;
    pthread_t thread;
    void *popped[KEEPER_BATCH_MAX];
};

// ---- answers ----
static void answer(struct keeper *keeper, struct keeper_task *task, tidings_status status,
                   const struct tidings_error *err)
{
    pthread_mutex_lock(&keeper->lock);
    keeper->stats.tasks += status == TIDINGS_OK;
    keeper->stats.failed += status != TIDINGS_OK;
    pthread_mutex_unlock(&keeper->lock);
    task->done(task, status, err);
}

static void answer_all(struct keeper *keeper, struct list *tasks, tidings_status status,
                       const struct tidings_error *err)
{
    for (struct list *node = list_pop(tasks); node != NULL; node = list_pop(tasks)) {
        answer(keeper, LIST_ENTRY(node, struct keeper_task, node), status, err);
    }
}

// ---- batches ----
// Runs the tasks in one batch and commits it. Without success nothing of it is stored.
static tidings_status run_batch(struct keeper *keeper, struct list *tasks,
                                struct tidings_error *err)
{
    tidings_status status = record_begin(keeper->record, err);
    for (struct list *node = tasks->next; node != tasks && status == TIDINGS_OK;
         node = node->next) {
        struct keeper_task *task = LIST_ENTRY(node, struct keeper_task, node);
        status = task->run(task, keeper->record, err);
    }
    if (status == TIDINGS_OK) {
        status = record_commit(keeper->record, err);
    }
    record_rollback(keeper->record); // no-op after the commit
    if (status == TIDINGS_OK) {
        pthread_mutex_lock(&keeper->lock);
        keeper->stats.batches++;
        pthread_mutex_unlock(&keeper->lock);
    }
    return status;
}

static void lose(struct keeper *keeper)
{
    record_close(keeper->record);
    keeper->record = NULL;
    keeper->pause_ms = 0; // at once, the first time
    pthread_mutex_lock(&keeper->lock);
    keeper->stats.lost++;
    pthread_mutex_unlock(&keeper->lock);
}

// One task in a batch of its own. False when the database was lost meanwhile.
static bool run_alone(struct keeper *keeper, struct keeper_task *task)
{
    struct tidings_error err = { 0 };
    struct list alone;
    tidings_status status = TIDINGS_E_AGAIN;
    list_init(&alone);
    list_add_tail(&alone, &task->node);
    for (int i = 0; i < TRIES && status == TIDINGS_E_AGAIN; i++) {
        status = run_batch(keeper, &alone, &err);
    }
    list_remove(&task->node);
    if (task->keep && (status == TIDINGS_E_LOST || status == TIDINGS_E_AGAIN)) {
        list_add_tail(&keeper->kept, &task->node);
    } else {
        answer(keeper, task, status, &err);
    }
    if (status == TIDINGS_E_LOST) {
        lose(keeper);
        return false;
    }
    return true;
}

// Without a database: what is to be kept waits, the rest is told.
static void defer(struct keeper *keeper, struct list *tasks)
{
    struct tidings_error err = { 0 };
    (void)error_set(&err, TIDINGS_E_LOST, "the database is lost: it is tried again by itself");
    for (struct list *node = list_pop(tasks); node != NULL; node = list_pop(tasks)) {
        struct keeper_task *task = LIST_ENTRY(node, struct keeper_task, node);
        if (task->keep) {
            list_add_tail(&keeper->kept, node);
        } else {
            answer(keeper, task, TIDINGS_E_LOST, &err);
        }
    }
}

static void run_tasks(struct keeper *keeper, struct list *tasks)
{
    if (run_batch(keeper, tasks, NULL) == TIDINGS_OK) {
        answer_all(keeper, tasks, TIDINGS_OK, NULL);
        return;
    }
    bool open = true;
    for (struct list *node = open ? list_pop(tasks) : NULL; node != NULL;
         node = open ? list_pop(tasks) : NULL) {
        open = run_alone(keeper, LIST_ENTRY(node, struct keeper_task, node));
    }
    defer(keeper, tasks); // those that a loss has left
}

// ---- the thread ----
static void open_again(struct keeper *keeper)
{
    if (record_open(keeper->url, &keeper->options.record, &keeper->record, NULL) == TIDINGS_OK) {
        return;
    }
    keeper->record = NULL;
    int next = keeper->pause_ms > 0 ? 2 * keeper->pause_ms : PAUSE_FIRST_MS;
    keeper->pause_ms = next < PAUSE_LONGEST_MS ? next : PAUSE_LONGEST_MS;
}

static void take_popped(struct keeper *keeper, size_t count, struct list *tasks)
{
    for (size_t i = 0; i < count; i++) {
        struct keeper_task *task = keeper->popped[i];
        list_add_tail(tasks, &task->node);
    }
}

// Kept tasks come first, in their order.
static void take_kept(struct keeper *keeper, struct list *tasks)
{
    for (size_t i = 0; i < KEEPER_BATCH_MAX; i++) {
        struct list *node = list_pop(&keeper->kept);
        if (node == NULL) {
            return;
        }
        list_add_tail(tasks, node);
    }
}

static int wait_ms(struct keeper *keeper)
{
    if (!list_empty(&keeper->kept) && keeper->record != NULL) {
        return PAUSE_FIRST_MS; // kept because the database was busy
    }
    return keeper->record == NULL ? keeper->pause_ms : -1;
}

static void upkeep(struct keeper *keeper)
{
    struct tidings_error err = { 0 };
    tidings_status status = record_maintain(keeper->record, &err);
    if (status == TIDINGS_OK) {
        return;
    }
    if (status == TIDINGS_E_LOST) {
        lose(keeper);
        return;
    }
    pthread_mutex_lock(&keeper->lock);
    keeper->stats.upkeep++;
    pthread_mutex_unlock(&keeper->lock);
    int64_t now_us = clock_mono_us(clock_system());
    if (keeper->options.upkeep_failed != NULL &&
        (keeper->told_us == 0 || now_us - keeper->told_us >= TELL_US)) {
        keeper->told_us = now_us;
        keeper->options.upkeep_failed(keeper->options.arg, status, &err);
    }
}

static void *run(void *arg)
{
    struct keeper *keeper = arg;
    struct list tasks;
    list_init(&tasks);
    for (;;) {
        size_t count =
            queue_pop_many(&keeper->queue, keeper->popped, KEEPER_BATCH_MAX, wait_ms(keeper));
        if (count == 0 && queue_is_closed(&keeper->queue)) {
            break;
        }
        if (keeper->record == NULL) {
            open_again(keeper);
        }
        if (keeper->record != NULL) {
            take_kept(keeper, &tasks);
        }
        take_popped(keeper, count, &tasks);
        if (keeper->record == NULL) {
            defer(keeper, &tasks);
        } else if (!list_empty(&tasks)) {
            run_tasks(keeper, &tasks);
        }
        if (keeper->options.batch_done != NULL) {
            keeper->options.batch_done(keeper->options.arg);
        }
        if (keeper->record != NULL) {
            upkeep(keeper);
        }
    }
    if (keeper->record != NULL && !list_empty(&keeper->kept)) {
        take_kept(keeper, &tasks);
        run_tasks(keeper, &tasks);
    }
    struct tidings_error err = { 0 };
    (void)error_set(&err, TIDINGS_E_CLOSED, "the store was stopped without its database");
    answer_all(keeper, &keeper->kept, TIDINGS_E_CLOSED, &err);
    return NULL;
}

// ---- start and stop ----
static void free_keeper(struct keeper *keeper)
{
    record_close(keeper->record);
    free(keeper->url);
    free(keeper);
}

tidings_status keeper_start(const char *url, const struct keeper_options *options,
                            struct keeper **ret, struct tidings_error *err)
{
    struct keeper *keeper = calloc(1, sizeof *keeper);
    char *own_url = str_dup(str_of(url));
    size_t queue = options->queue > 0 ? options->queue : KEEPER_QUEUE_DEFAULT;
    if (keeper == NULL || own_url == NULL) {
        free(own_url);
        free(keeper);
        record_close(options->opened);
        return error_set(err, TIDINGS_E_NO_MEMORY, "store: no memory");
    }
    keeper->url = own_url;
    keeper->options = *options;
    list_init(&keeper->kept);
    keeper->record = options->opened;
    tidings_status status = keeper->record != NULL
                                ? TIDINGS_OK
                                : record_open(url, &options->record, &keeper->record, err);
    if (status == TIDINGS_OK && queue_init(&keeper->queue, queue) != TIDINGS_OK) {
        status = error_set(err, TIDINGS_E_NO_MEMORY, "store: no memory for %zu tasks", queue);
    }
    if (status != TIDINGS_OK) {
        free_keeper(keeper);
        return status;
    }
    pthread_mutex_init(&keeper->lock, NULL);
    int os_errno = thread_start(&keeper->thread, run, keeper);
    if (os_errno != 0) {
        pthread_mutex_destroy(&keeper->lock);
        queue_deinit(&keeper->queue);
        free_keeper(keeper);
        return error_set_errno(err, TIDINGS_E_INTERNAL, os_errno, "store: no thread");
    }
    *ret = keeper;
    return TIDINGS_OK;
}

tidings_status keeper_post(struct keeper *keeper, struct keeper_task *task)
{
    return queue_push(&keeper->queue, task);
}

tidings_status keeper_post_many(struct keeper *keeper, struct keeper_task *const *tasks,
                                size_t count)
{
    return queue_push_many(&keeper->queue, (void *const *)tasks, count);
}

void keeper_read_stats(struct keeper *keeper, struct keeper_stats *ret)
{
    pthread_mutex_lock(&keeper->lock);
    *ret = keeper->stats;
    pthread_mutex_unlock(&keeper->lock);
    ret->waiting = queue_count(&keeper->queue);
}

void keeper_stop(struct keeper *keeper)
{
    if (keeper != NULL) {
        queue_close(&keeper->queue);
        (void)pthread_join(keeper->thread, NULL);
        pthread_mutex_destroy(&keeper->lock);
        queue_deinit(&keeper->queue);
        free_keeper(keeper);
    }
}
