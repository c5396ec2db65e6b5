// SPDX-License-Identifier: Apache-2.0
// The notifier without its ways in: what the loop pays for a notification.
//   bench_notify DATABASE_URL RECEIVER_URL COUNT [SIZE [IN_FLIGHT]]
// First COUNT are accepted for a paused receiver, which then drains them; then COUNT are accepted
// and delivered at once, a bounded number of them on the way. RECEIVER_URL answers 200, such as
// bench_receive's /ok.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/num.h"
#include "net/net.h"
#include "notify/notify.h"

enum { OUT_MAX = 4096, LOOK_MS = 1, SIZE_MAX_BYTES = 1 << 20, TX_SIZE = 24 };

struct slot {
    struct notify_submission submission;
    char tx_no[TX_SIZE];
};
struct bench {
    struct net_loop *loop;
    struct net_timer *look;
    struct notify *notify;
    struct str payload;
    struct str receiver;
    long count;
    long given;
    long answered;
    long failed;
    uint64_t delivered_before;
    bool drains;
    bool changed;
    struct slot slots[OUT_MAX];
    struct slot *idle[OUT_MAX];
    size_t idle_count;
};

static double seconds_of(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void fail(const char *what, const struct tidings_error *err)
{
    fprintf(stderr, "bench_notify: %s: %s\n", what, err->text);
    exit(1);
}

// ---- accept ----
static void give(struct bench *bench);

static void answered(struct notify_submission *submission, tidings_status status,
                     const struct notify_accepted *accepted, size_t count,
                     const struct tidings_error *err)
{
    struct slot *slot = BASE_CONTAINER_OF(submission, struct slot, submission);
    struct bench *bench = submission->arg;
    (void)accepted;
    (void)count;
    (void)err;
    bench->answered++;
    bench->failed += status != TIDINGS_OK;
    bench->idle[bench->idle_count++] = slot;
    give(bench);
}

static void give(struct bench *bench)
{
    static long number;
    struct tidings_error err = { 0 };
    while (bench->given < bench->count && bench->idle_count > 0) {
        struct slot *slot = bench->idle[--bench->idle_count];
        (void)snprintf(slot->tx_no, sizeof slot->tx_no, "tx%ld", number++);
        slot->submission = (struct notify_submission){ .source = STR("bench"),
                                                       .type = STR("bench.done"),
                                                       .tx_no = str_of(slot->tx_no),
                                                       .content_type = STR("application/json"),
                                                       .payload = bench->payload,
                                                       .receivers = &bench->receiver,
                                                       .receiver_count = 1,
                                                       .done = answered,
                                                       .arg = bench };
        if (notify_accept(bench->notify, &slot->submission, &err) != TIDINGS_OK) {
            fail("accept", &err);
        }
        bench->given++;
    }
}

// ---- phases ----
static void look(void *arg)
{
    struct bench *bench = arg;
    struct notify_stats stats;
    notify_read_stats(bench->notify, &stats);
    bool over =
        bench->answered == bench->count &&
        (!bench->drains || stats.delivered - bench->delivered_before >= (uint64_t)bench->count);
    if (over) {
        net_loop_stop(bench->loop);
    } else {
        net_timer_start(bench->look, LOOK_MS);
    }
}

static void changed(void *arg, tidings_status status, int64_t version,
                    const struct tidings_error *err)
{
    struct bench *bench = arg;
    (void)version;
    if (status != TIDINGS_OK) {
        fail("receiver", err);
    }
    bench->changed = true;
    net_loop_stop(bench->loop);
}

static void run_phase(struct bench *bench, const char *name)
{
    struct notify_stats before;
    struct notify_stats after;
    notify_read_stats(bench->notify, &before);
    double wall = seconds_of(CLOCK_MONOTONIC);
    double loop = seconds_of(CLOCK_THREAD_CPUTIME_ID);
    double all = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
    net_timer_start(bench->look, 0);
    net_loop_run(bench->loop);
    double each = 1e6 / (double)bench->count;
    notify_read_stats(bench->notify, &after);
    printf("%-16s %9.0f/s   loop %5.1f us   process %5.1f us   commits %llu\n", name,
           (double)bench->count / (seconds_of(CLOCK_MONOTONIC) - wall),
           (seconds_of(CLOCK_THREAD_CPUTIME_ID) - loop) * each,
           (seconds_of(CLOCK_PROCESS_CPUTIME_ID) - all) * each,
           (unsigned long long)(after.keeper.batches - before.keeper.batches));
    if (bench->failed > 0) {
        printf("%ld were refused\n", bench->failed);
    }
}

static void set_state(struct bench *bench, enum notify_receiver_state state)
{
    struct tidings_error err = { 0 };
    if (notify_receiver_set_state(bench->notify, bench->receiver, state, changed, bench, &err) !=
        TIDINGS_OK) {
        fail("receiver", &err);
    }
    net_loop_run(bench->loop);
}

static void start(struct bench *bench, const char *database, const char *url, long in_flight)
{
    struct tidings_error err = { 0 };
    char document[512];
    const struct net_loop_options loop = { .clock = clock_system(), .connections_max = 16 };
    if (net_loop_new(&loop, &bench->loop, &err) != TIDINGS_OK ||
        net_timer_new(bench->loop, look, bench, &bench->look) != TIDINGS_OK) {
        fail("loop", &err);
    }
    const struct notify_options options = { .loop = bench->loop,
                                            .database_url = database,
                                            .connections_max = 1024 };
    if (notify_start(&options, &bench->notify, &err) != TIDINGS_OK) {
        fail("start", &err);
    }
    (void)snprintf(document, sizeof document, "{\"url\":\"%s\",\"inFlight\":%ld}", url, in_flight);
    if (notify_receiver_put(bench->notify, bench->receiver, str_of(document), NOTIFY_REPLACE, 0,
                            changed, bench, &err) != TIDINGS_OK) {
        fail("receiver", &err);
    }
    net_loop_run(bench->loop);
}

static void begin(struct bench *bench, bool drains)
{
    struct notify_stats stats;
    notify_read_stats(bench->notify, &stats);
    bench->delivered_before = stats.delivered;
    bench->given = bench->answered = 0;
    bench->drains = drains;
    give(bench);
}

int main(int argc, char **argv)
{
    static struct bench bench;
    int64_t count = 0;
    int64_t size = 1024;
    int64_t in_flight = 64;
    if (argc < 4 || !num_parse_i64(str_of(argv[3]), 1, INT64_MAX, &count) ||
        (argc > 4 && !num_parse_i64(str_of(argv[4]), 0, SIZE_MAX_BYTES, &size)) ||
        (argc > 5 && !num_parse_i64(str_of(argv[5]), 1, RECEIVER_IN_FLIGHT_MAX, &in_flight))) {
        fprintf(stderr, "usage: bench_notify DATABASE_URL RECEIVER_URL COUNT [SIZE [IN_FLIGHT]]\n");
        return 2;
    }
    char *payload = calloc(1, (size_t)size + 64);
    if (payload == NULL) {
        return 1;
    }
    memset(payload, 'x', (size_t)size);
    memcpy(payload, "1700000000000000 000000000001 ", size > 30 ? 30 : 0);
    bench.receiver = STR("bench");
    bench.payload = str_make(payload, (size_t)size);
    bench.count = (long)count;
    for (size_t i = 0; i < OUT_MAX; i++) {
        bench.idle[bench.idle_count++] = &bench.slots[i];
    }
    start(&bench, argv[1], argv[2], (long)in_flight);
    set_state(&bench, NOTIFY_PAUSED);
    begin(&bench, false);
    run_phase(&bench, "accept");
    bench.drains = true;
    set_state(&bench, NOTIFY_ACTIVE);
    run_phase(&bench, "drain");
    begin(&bench, true);
    run_phase(&bench, "accept, deliver");
    notify_stop(bench.notify);
    net_timer_free(bench.look);
    net_loop_free(bench.loop);
    free(payload);
    return 0;
}
