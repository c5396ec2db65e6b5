// SPDX-License-Identifier: Apache-2.0
// Start and stop.
#include <stdlib.h>
#include <time.h>

#include "notify/private.h"

enum { LADDERS_MAX = 100000, STOP_TURNS = 5000 };

static void free_ladders(struct notify *notify)
{
    size_t cursor = 0;
    struct str key;
    void *value;
    while (map_next(&notify->ladders, &cursor, &key, &value)) {
        free(value);
    }
    map_deinit(&notify->ladders);
}

static void free_notify(struct notify *notify)
{
    net_timer_free(notify->timer);
    receivers_free(notify);
    heap_deinit(&notify->due);
    free_ladders(notify);
    pthread_mutex_destroy(&notify->lock);
    free(notify);
}

static struct notify *make(const struct notify_options *options)
{
    struct notify *notify = calloc(1, sizeof *notify);
    if (notify == NULL) {
        return NULL;
    }
    notify->options = *options;
    notify->clock = options->record.clock != NULL ? options->record.clock : clock_system();
    map_init(&notify->receivers, NOTIFY_RECEIVERS_MAX);
    heap_init(&notify->due, NOTIFY_RECEIVERS_MAX);
    map_init(&notify->ladders, LADDERS_MAX);
    list_init(&notify->answers);
    pthread_mutex_init(&notify->lock, NULL);
    rnd_seed_system(&notify->rnd);
    if (net_timer_new(options->loop, dispatch_fired, notify, &notify->timer) != TIDINGS_OK) {
        free_notify(notify);
        return NULL;
    }
    return notify;
}

tidings_status notify_start(const struct notify_options *options, struct notify **ret,
                            struct tidings_error *err)
{
    struct notify *notify = make(options);
    if (notify == NULL) {
        return error_set(err, TIDINGS_E_NO_MEMORY, "no memory for the notifier");
    }
    const struct http_client_options client = { .connections_max = options->connections_max,
                                                .per_host_max = options->connections_max,
                                                .allows = options->allows,
                                                .arg = options->allows_arg };
    const struct keeper_options keeper = { .record = options->record,
                                           .batch_done = answers_tell,
                                           .arg = notify };
    tidings_status status = http_client_new(options->loop, &client, &notify->client, err);
    if (status == TIDINGS_OK) {
        status = receivers_load(notify, err);
    }
    if (status == TIDINGS_OK) {
        status = keeper_start(options->database_url, &keeper, &notify->keeper, err);
    }
    if (status != TIDINGS_OK) {
        http_client_free(notify->client);
        free_notify(notify);
        return status;
    }
    *ret = notify;
    return TIDINGS_OK;
}

// What the store still has comes back in turns of the loop; a database that is lost is not waited
// for without end.
static void wait_for_store(struct notify *notify)
{
    const struct timespec a_little = { 0, 1000000 };
    for (int i = 0; i < STOP_TURNS && notify->out > 0; i++) {
        answers_take(notify);
        net_loop_turn(notify->options.loop);
        if (notify->out > 0) {
            (void)nanosleep(&a_little, NULL);
        }
    }
}

void notify_stop(struct notify *notify)
{
    if (notify == NULL) {
        return;
    }
    atomic_store(&notify->stopping, true);
    http_client_free(notify->client); // gives back what is on its way
    wait_for_store(notify);
    keeper_stop(notify->keeper);
    answers_take(notify);
    net_loop_turn(notify->options.loop); // a telling that was posted finds nothing more
    free_notify(notify);
}

void notify_read_stats(const struct notify *notify, struct notify_stats *ret)
{
    *ret = notify->stats;
}
