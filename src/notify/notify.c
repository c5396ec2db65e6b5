// SPDX-License-Identifier: Apache-2.0
// Start and stop.
#include <stdlib.h>
#include <time.h>

#include "notify/private.h"

enum { LADDERS_MAX = 20000, STOP_TURNS = 5000, CONNECTIONS_DEFAULT = 1024, STORE_QUEUE = 131072 };

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
    tidy_free(notify);
    lives_free(notify);
    follow_free(notify);
    jobs_free(notify);
    net_timer_free(notify->timer);
    net_timer_free(notify->hold_timer);
    net_loop_on_turn(notify->options.loop, NULL, NULL);
    lanes_free(notify);
    heap_deinit(&notify->wake);
    free_ladders(notify);
    flights_free(notify);
    accepts_free(notify);
    attempts_free(notify);
    parcels_free(notify);
    pthread_mutex_destroy(&notify->lock);
    free(notify->database_url);
    free(notify);
}

static void init(struct notify *notify, const struct notify_options *options)
{
    notify->options = *options;
    notify->clock = options->record.clock != NULL ? options->record.clock : clock_system();
    if (options->payload_max == 0 || options->payload_max > RECORD_PAYLOAD_MAX) {
        notify->options.payload_max = RECORD_PAYLOAD_MAX;
    }
    if (options->connections_max == 0) {
        notify->options.connections_max = CONNECTIONS_DEFAULT;
    }
    map_init(&notify->by_name, NOTIFY_RECEIVERS_MAX);
    map_init(&notify->by_id, NOTIFY_RECEIVERS_MAX);
    heap_init(&notify->wake, NOTIFY_RECEIVERS_MAX);
    map_init(&notify->ladders, LADDERS_MAX);
    lanes_forget_subscribers(notify);
    list_init(&notify->turns);
    list_init(&notify->claims);
    list_init(&notify->unstored);
    list_init(&notify->changes);
    list_init(&notify->jobs);
    list_init(&notify->accepts);
    list_init(&notify->holding);
    list_init(&notify->answered);
    list_init(&notify->spare);
    list_init(&notify->attempts_kept);
    list_init(&notify->accepts_waiting);
    notify->timer_ms = INT64_MAX;
    pthread_mutex_init(&notify->lock, NULL);
    rnd_seed_system(&notify->rnd);
}

static struct notify *make(const struct notify_options *options)
{
    struct notify *notify = calloc(1, sizeof *notify);
    if (notify == NULL) {
        return NULL;
    }
    init(notify, options);
    notify->database_url = str_dup(str_of(options->database_url));
    if (notify->database_url == NULL ||
        net_timer_new(options->loop, dispatch_fired, notify, &notify->timer) != TIDINGS_OK ||
        net_timer_new(options->loop, holds_fired, notify, &notify->hold_timer) != TIDINGS_OK ||
        tidy_start(notify) != TIDINGS_OK || lives_start(notify) != TIDINGS_OK ||
        follow_start(notify) != TIDINGS_OK) {
        free_notify(notify);
        return NULL;
    }
    return notify;
}

static void tell_upkeep(void *arg, tidings_status status, const struct tidings_error *err)
{
    const struct notify *notify = arg;
    log_line(
        notify->options.log, LOG_ERROR, "notify",
        "msg=\"the record's database cannot be kept short, it is tried again: look at its disk\" "
        "error=\"%s\"",
        error_text(err, status));
}

// Takes `record`, also when it fails.
static tidings_status start_keepers(struct notify *notify, struct record *record,
                                    struct tidings_error *err)
{
    struct keeper_options options = { .record = notify->options.record,
                                      .opened = record,
                                      .queue = STORE_QUEUE,
                                      .batch_done = answers_tell,
                                      .upkeep_failed = tell_upkeep,
                                      .arg = notify };
    tidings_status status = keeper_start(notify->database_url, &options, &notify->keeper, err);
    if (status == TIDINGS_OK) {
        options.opened = NULL;
        options.record.read_only = true;
        options.record.fault = NULL;
        options.queue = 0;
        status = keeper_start(notify->database_url, &options, &notify->reader, err);
    }
    if (status == TIDINGS_OK) {
        status = keeper_start(notify->database_url, &options, &notify->counter, err);
    }
    return status;
}

static void wake_all(struct notify *notify)
{
    for (size_t i = 0; i < notify->lane_count; i++) {
        lane_pump(notify->names[i]);
    }
}

tidings_status notify_start(const struct notify_options *options, struct notify **ret,
                            struct tidings_error *err)
{
    struct record *record = NULL;
    struct notify *notify = make(options);
    if (notify == NULL) {
        return error_set(err, TIDINGS_E_NO_MEMORY, "no memory for the notifier");
    }
    const struct http_client_options client = { .connections_max = notify->options.connections_max,
                                                .per_host_max = notify->options.connections_max,
                                                .allows = options->allows,
                                                .arg = options->allows_arg };
    tidings_status status = http_client_new(options->loop, &client, &notify->client, err);
    if (status == TIDINGS_OK) {
        status = lanes_load(notify, &record, err);
    }
    if (status == TIDINGS_OK) {
        status = start_keepers(notify, record, err);
    }
    if (status != TIDINGS_OK) {
        keeper_stop(notify->reader);
        keeper_stop(notify->keeper);
        http_client_free(notify->client);
        free_notify(notify);
        return status;
    }
    net_loop_on_turn(options->loop, turn_end, notify);
    backlog_count(notify);
    lives_look(notify);
    jobs_find(notify);
    tidy_retired(notify);
    wake_all(notify);
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
    pthread_mutex_lock(&notify->lock);
    notify->refuses = true;
    pthread_mutex_unlock(&notify->lock);
    atomic_store(&notify->stopping, true);
    http_client_free(notify->client); // gives back what is on its way
    for (size_t i = 0; i < notify->lane_count; i++) {
        lane_give_back(notify->names[i]);
    }
    outcomes_again(notify);
    answers_take(notify);
    wait_for_store(notify);
    keeper_stop(notify->counter);
    keeper_stop(notify->reader);
    keeper_stop(notify->keeper);
    notify->counter = NULL;
    notify->reader = NULL;
    notify->keeper = NULL; // what is asked of it now is answered E_CLOSED
    while (notify->out > 0) {
        answers_take(notify);
    }
    net_loop_turn(notify->options.loop); // a telling that was posted finds nothing more
    free_notify(notify);
}
