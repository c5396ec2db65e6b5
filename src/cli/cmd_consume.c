// SPDX-License-Identifier: Apache-2.0
// tidings consume TOPIC
#include <jansson.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/str.h"
#include "cli/cli.h"

struct listening {
    const struct cli *cli;
    int64_t count; // end after so many, 0 = never
    int64_t fail;
    pthread_mutex_t print;
    _Atomic int64_t heard;
    _Atomic int64_t last_us;
};

static void print_json(const tidings_message *message, bool later)
{
    size_t len;
    const char *body = tidings_message_body(message, &len);
    json_t *text = str_is_utf8(str_make(body, len)) ? json_stringn(body, len) : json_null();
    json_t *row = json_pack(
        "{s:s,s:s,s:s,s:s,s:i,s:I,s:i,s:I,s:o,s:b}", "topic", tidings_message_topic(message), "id",
        tidings_message_id(message), "tag", tidings_message_tag(message), "keys",
        tidings_message_keys(message), "queue", tidings_message_queue_id(message), "offset",
        (json_int_t)tidings_message_queue_offset(message), "reconsumeTimes",
        tidings_message_reconsume_times(message), "bornMs",
        (json_int_t)tidings_message_born_ms(message), "body", text, "later", later);
    char *line = row != NULL ? json_dumps(row, JSON_COMPACT) : NULL;
    if (line != NULL) {
        printf("%s\n", line);
    }
    free(line);
    json_decref(row);
}

static void print_text(const tidings_message *message, bool later)
{
    size_t len;
    char time[32];
    const char *body = tidings_message_body(message, &len);
    clock_format_utc(clock_wall_ms(clock_system()), time, sizeof time);
    printf("%s  queue=%d offset=%lld times=%d tag=%s keys=%s%s  ", time,
           tidings_message_queue_id(message), (long long)tidings_message_queue_offset(message),
           tidings_message_reconsume_times(message), tidings_message_tag(message),
           tidings_message_keys(message), later ? "  answered: later" : "");
    if (len <= 2000 && str_is_utf8(str_make(body, len))) {
        printf("%.*s\n", (int)len, body);
    } else {
        printf("(%zu bytes)\n", len);
    }
}

static tidings_answer on_message(void *arg, const tidings_message *message,
                                 tidings_delivery *delivery)
{
    struct listening *listening = arg;
    bool later = tidings_message_reconsume_times(message) < listening->fail;
    (void)delivery;
    pthread_mutex_lock(&listening->print);
    if (listening->cli->json) {
        print_json(message, later);
    } else {
        print_text(message, later);
    }
    fflush(stdout);
    pthread_mutex_unlock(&listening->print);
    listening->last_us = clock_mono_us(clock_system());
    listening->heard++;
    return later ? TIDINGS_LATER : TIDINGS_ACK;
}

static void on_event(void *arg, int is_error, const char *text)
{
    (void)arg;
    if (is_error) {
        fprintf(stderr, "tidings consume: %s\n", text);
    }
}

// Until the count is reached, nothing came for a while, or a signal.
static void wait_end(struct listening *listening, int64_t timeout_ms)
{
    sigset_t signals;
    const struct timespec step = { 0, 100 * 1000000 };
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    for (;;) {
        if (sigtimedwait(&signals, NULL, &step) > 0 ||
            (listening->count > 0 && listening->heard >= listening->count)) {
            return;
        }
        int64_t quiet_ms = (clock_mono_us(clock_system()) - listening->last_us) / 1000;
        if (timeout_ms > 0 && quiet_ms >= timeout_ms) {
            return;
        }
    }
}

static tidings_status start(struct cli *cli, tidings_config *config, struct listening *listening,
                            tidings_consumer **ret, struct tidings_error *err)
{
    const char *tags = cli_option(cli, "tags");
    const char *sql = cli_option(cli, "sql");
    if (tags != NULL && sql != NULL) {
        return error_set(err, TIDINGS_E_INVALID, "--tags or --sql, not both");
    }
    tidings_status status = tidings_consumer_new(config, ret, err);
    if (status == TIDINGS_OK) {
        tidings_consumer_on_message(*ret, on_message, listening);
        tidings_consumer_on_event(*ret, on_event, listening);
        status = sql != NULL ? tidings_consumer_subscribe_sql(*ret, cli->words[0], sql, err)
                             : tidings_consumer_subscribe(*ret, cli->words[0],
                                                          tags != NULL ? tags : "*", err);
    }
    return status == TIDINGS_OK ? tidings_consumer_start(*ret, err) : status;
}

static bool set_config(const struct cli *cli, tidings_config *config)
{
    struct tidings_error err = { 0 };
    const char *from = cli_option(cli, "from");
    tidings_status status = TIDINGS_OK;
    if (from != NULL) {
        status = tidings_config_set(config, "from", from, &err);
    }
    if (status == TIDINGS_OK && cli_switch(cli, "broadcast")) {
        status = tidings_config_set(config, "model", "broadcasting", &err);
    }
    if (status != TIDINGS_OK) {
        fprintf(stderr, "tidings consume: %s\n", error_text(&err, status));
    }
    return status == TIDINGS_OK;
}

int cmd_consume(struct cli *cli)
{
    struct listening listening = { .cli = cli };
    struct tidings_error err = { 0 };
    tidings_consumer *consumer = NULL;
    int64_t timeout_ms;
    sigset_t signals;
    const char *group = cli_option(cli, "group");
    if (!cli_number(cli, "count", 0, 0, INT64_MAX, &listening.count) ||
        !cli_number(cli, "fail", 0, 0, 1000, &listening.fail) ||
        !cli_time_ms(cli, "timeout", 0, &timeout_ms)) {
        return 2;
    }
    tidings_config *config = cli_config(cli, group != NULL ? group : "tidings_cli");
    if (config == NULL || !set_config(cli, config)) {
        tidings_config_free(config);
        return 2;
    }
    sigemptyset(&signals); // all threads of the library inherit the mask: only wait_end gets them
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    pthread_mutex_init(&listening.print, NULL);
    listening.last_us = clock_mono_us(clock_system());
    tidings_status status = start(cli, config, &listening, &consumer, &err);
    if (status == TIDINGS_OK) {
        wait_end(&listening, timeout_ms);
        tidings_consumer_stop(consumer, 5000);
    }
    tidings_consumer_free(consumer);
    tidings_config_free(config);
    pthread_mutex_destroy(&listening.print);
    return status == TIDINGS_OK ? 0 : cli_fail(cli, status, &err);
}
