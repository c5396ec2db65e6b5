// SPDX-License-Identifier: Apache-2.0
// One consumer of libtidings per binding.
#include <stdlib.h>

#include "intake/private.h"

static tidings_answer on_message(void *arg, const tidings_message *message,
                                 tidings_delivery *delivery)
{
    return carry(arg, message, delivery);
}

bool ear_say(struct ear *ear, const char *text)
{
    pthread_mutex_lock(&ear->lock);
    bool new = strncmp(ear->error, text, sizeof ear->error - 1) != 0;
    (void)str_copy(ear->error, sizeof ear->error,
                   str_make(text, strnlen(text, sizeof ear->error - 1)));
    pthread_mutex_unlock(&ear->lock);
    return new;
}

// The library's own threads. A consumer goes on by itself.
static void on_event(void *arg, int is_error, const char *text)
{
    struct ear *ear = arg;
    if (is_error && ear_say(ear, text)) {
        log_line(ear->intake->options.log, LOG_WARN, "intake",
                 "msg=\"a binding's consumer reports\" binding=%s reason=\"%s\"", ear->name, text);
    }
}

static void free_ear(struct ear *ear)
{
    tidings_consumer_free(ear->consumer);
    settings_unref(ear->settings);
    pthread_mutex_destroy(&ear->lock);
    free(ear);
}

struct ear *ear_start(struct intake *intake, struct str name, struct settings *settings,
                      struct tidings_error *err)
{
    struct ear *ear = calloc(1, sizeof *ear);
    if (ear == NULL || !str_copy(ear->name, sizeof ear->name, name)) {
        free(ear);
        (void)error_set(err, TIDINGS_E_NO_MEMORY, "no memory for a consumer");
        return NULL;
    }
    ear->intake = intake;
    ear->settings = settings_ref(settings);
    pthread_mutex_init(&ear->lock, NULL);
    tidings_status status = tidings_consumer_new(settings->config, &ear->consumer, err);
    if (status == TIDINGS_OK) {
        tidings_consumer_on_message(ear->consumer, on_message, ear);
        tidings_consumer_on_event(ear->consumer, on_event, ear);
        status =
            tidings_consumer_subscribe(ear->consumer, settings->topic.ptr, settings->tags.ptr, err);
    }
    if (status == TIDINGS_OK) {
        status = tidings_consumer_start(ear->consumer, err);
    }
    if (status != TIDINGS_OK) {
        free_ear(ear);
        return NULL;
    }
    atomic_store(&ear->listening, true);
    return ear;
}

void ear_stop(struct ear *ear)
{
    tidings_consumer_stop(ear->consumer, STOP_MS);
    free_ear(ear); // waits for the notifier's last answers
}
