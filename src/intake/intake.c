// SPDX-License-Identifier: Apache-2.0
// Life of the room: what is stored is listened by at the start; consumers end on a thread of their
// own, since that waits for answers which the loop gives.
#include <semaphore.h>
#include <stdlib.h>
#include <time.h>

#include "base/thread.h"
#include "intake/private.h"

enum { PAUSE_NS = 5000000 };

// ---- from the store thread to the loop ----
static void take_mails(void *arg)
{
    struct intake *intake = arg;
    struct list taken;
    list_init(&taken);
    pthread_mutex_lock(&intake->lock);
    list_append(&taken, &intake->mails);
    pthread_mutex_unlock(&intake->lock);
    for (struct list *node = list_pop(&taken); node != NULL; node = list_pop(&taken)) {
        struct mail *mail = LIST_ENTRY(node, struct mail, node);
        mail->take(mail);
    }
}

void intake_mail(struct intake *intake, struct mail *mail)
{
    const struct timespec pause = { 0, PAUSE_NS };
    pthread_mutex_lock(&intake->lock);
    list_add_tail(&intake->mails, &mail->node);
    pthread_mutex_unlock(&intake->lock);
    // Full for a moment only: the loop empties it at every turn.
    while (net_loop_post(intake->options.loop, take_mails, intake) == TIDINGS_E_FULL) {
        (void)nanosleep(&pause, NULL);
    }
}

// ---- consumers that end ----
void intake_end_ear(struct intake *intake, struct ear *ear)
{
    if (ear == NULL) {
        return;
    }
    atomic_store(&ear->listening, false);
    pthread_mutex_lock(&intake->lock);
    list_add_tail(&intake->ending, &ear->node);
    pthread_cond_signal(&intake->changed);
    pthread_mutex_unlock(&intake->lock);
}

static void *end_ears(void *arg)
{
    struct intake *intake = arg;
    pthread_mutex_lock(&intake->lock);
    while (!intake->finish || !list_empty(&intake->ending)) {
        struct list *node = list_pop(&intake->ending);
        if (node == NULL) {
            pthread_cond_wait(&intake->changed, &intake->lock);
            continue;
        }
        pthread_mutex_unlock(&intake->lock);
        ear_stop(LIST_ENTRY(node, struct ear, node));
        pthread_mutex_lock(&intake->lock);
    }
    pthread_mutex_unlock(&intake->lock);
    return NULL;
}

// ---- start ----
struct loading {
    struct keeper_task task;
    sem_t read;
    struct load load;
    tidings_status status;
    struct tidings_error err;
};

static tidings_status run_loading(struct keeper_task *task, struct record *record,
                                  struct tidings_error *err)
{
    return load_read(&BASE_CONTAINER_OF(task, struct loading, task)->load, record, err);
}

static void loading_done(struct keeper_task *task, tidings_status status,
                         const struct tidings_error *err)
{
    struct loading *loading = BASE_CONTAINER_OF(task, struct loading, task);
    loading->status = status;
    if (err != NULL) {
        loading->err = *err;
    }
    sem_post(&loading->read);
}

static tidings_status load(struct intake *intake, struct tidings_error *err)
{
    struct loading loading = { .task = { .run = run_loading, .done = loading_done } };
    load_init(&loading.load);
    sem_init(&loading.read, 0, 0);
    tidings_status status = keeper_post(notify_keeper(intake->options.notify), &loading.task);
    if (status == TIDINGS_OK) {
        while (sem_wait(&loading.read) != 0) {
        }
        status = loading.status;
    }
    if (status == TIDINGS_OK) {
        load_apply(intake, &loading.load);
        intake_follow_begin(intake, loading.load.mark);
    } else {
        (void)error_set(err, status, "the bindings cannot be read: %s",
                        error_text(&loading.err, status));
    }
    load_free(&loading.load);
    sem_destroy(&loading.read);
    return status;
}

static tidings_status make(const struct intake_options *options, struct intake **ret,
                           struct tidings_error *err)
{
    struct intake *intake = calloc(1, sizeof *intake);
    if (intake == NULL) {
        return error_set(err, TIDINGS_E_NO_MEMORY, "no memory to listen to an MQ");
    }
    intake->options = *options;
    intake->name_servers = str_dup(str_of(options->name_servers));
    intake->client_settings = str_dup(str_of(options->client_settings));
    map_init(&intake->bindings, INTAKE_BINDINGS_MAX);
    list_init(&intake->mails);
    list_init(&intake->waiting);
    list_init(&intake->ending);
    pthread_mutex_init(&intake->lock, NULL);
    pthread_cond_init(&intake->changed, NULL);
    *ret = intake;
    if (intake->name_servers == NULL || intake->client_settings == NULL ||
        net_timer_new(options->loop, carry_timer, intake, &intake->again) != TIDINGS_OK ||
        intake_follow_new(intake) != TIDINGS_OK) {
        return error_set(err, TIDINGS_E_NO_MEMORY, "no memory to listen to an MQ");
    }
    return TIDINGS_OK;
}

tidings_status intake_start(const struct intake_options *options, struct intake **ret,
                            struct tidings_error *err)
{
    struct intake *intake = NULL;
    *ret = NULL;
    tidings_status status = make(options, &intake, err);
    if (status == TIDINGS_OK && thread_start(&intake->ender, end_ears, intake) != 0) {
        status = error_set(err, TIDINGS_E_NO_MEMORY, "no thread to listen to an MQ");
    }
    if (status != TIDINGS_OK) {
        intake_free(intake);
        return status;
    }
    *ret = intake; // the caller stops it also when its bindings could not be read
    return load(intake, err);
}

// ---- stop ----
static void close_all(void *arg)
{
    struct intake *intake = arg;
    size_t cursor = 0;
    struct str key;
    void *value;
    atomic_store(&intake->stopping, true);
    carry_again(intake); // what waits goes back to the MQ
    while (map_next(&intake->bindings, &cursor, &key, &value)) {
        struct binding *binding = value;
        intake_end_ear(intake, binding->ear);
        binding->ear = NULL;
    }
    pthread_mutex_lock(&intake->lock);
    intake->finish = true;
    pthread_cond_signal(&intake->changed);
    pthread_mutex_unlock(&intake->lock);
}

void intake_stop(struct intake *intake)
{
    const struct timespec pause = { 0, PAUSE_NS };
    while (net_loop_post(intake->options.loop, close_all, intake) == TIDINGS_E_FULL) {
        (void)nanosleep(&pause, NULL);
    }
    pthread_join(intake->ender, NULL);
}

void intake_free(struct intake *intake)
{
    size_t cursor = 0;
    struct str key;
    void *value;
    if (intake == NULL) {
        return;
    }
    take_mails(intake);
    net_timer_free(intake->again);
    intake_follow_free(intake);
    while (map_next(&intake->bindings, &cursor, &key, &value)) {
        binding_free(value);
    }
    map_deinit(&intake->bindings);
    pthread_cond_destroy(&intake->changed);
    pthread_mutex_destroy(&intake->lock);
    free(intake->client_settings);
    free(intake->name_servers);
    free(intake);
}

// ---- looking ----
static void look(const struct binding *binding, struct intake_view *ret, char error[EVENT_MAX])
{
    struct ear *ear = binding->ear;
    *ret = (struct intake_view){ .name = binding->name,
                                 .version = binding->version,
                                 .document = buf_str(&binding->document),
                                 .error = error };
    memcpy(error, binding->error, EVENT_MAX);
    if (ear != NULL) {
        ret->listening = atomic_load(&ear->listening);
        ret->accepted = atomic_load(&ear->accepted);
        ret->refused = atomic_load(&ear->refused);
        pthread_mutex_lock(&ear->lock);
        memcpy(error, ear->error, EVENT_MAX);
        pthread_mutex_unlock(&ear->lock);
    }
}

tidings_status intake_get(struct intake *intake, struct str name, struct intake_view *ret,
                          struct tidings_error *err)
{
    const struct binding *binding = map_get(&intake->bindings, name);
    if (binding == NULL) {
        return error_set(err, TIDINGS_E_NOT_FOUND, "there is no binding \"%.*s\"", STR_ARG(name));
    }
    look(binding, ret, intake->shown_error);
    return TIDINGS_OK;
}

void intake_each(struct intake *intake, void (*each)(void *arg, const struct intake_view *view),
                 void *arg)
{
    size_t cursor = 0;
    struct str key;
    void *value;
    while (map_next(&intake->bindings, &cursor, &key, &value)) {
        struct intake_view view;
        look(value, &view, intake->shown_error);
        each(arg, &view);
    }
}
