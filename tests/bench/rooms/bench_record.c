// SPDX-License-Identifier: Apache-2.0
// What the record costs, on the thread that stores. Times are CPU and wall microseconds per row,
// commits and checkpoints included; prints one line per phase.
//   bench_record URL fill COUNT          unfinished rows of RECEIVERS receivers, due in an hour
//   bench_record URL run COUNT BATCH     accepted with a lease, BATCH per commit, then delivered
//   bench_record URL mixed COUNT BATCH   each commit accepts BATCH and settles those of the one
//                                        before it, as under load; times are of both together
//   bench_record URL retry COUNT BATCH   claimed when due, read, and to be tried again
//   bench_record URL first               opens, claims one and reads it
//   bench_record URL purge COUNT BATCH   accepted, delivered, then forgotten in steps of BATCH rows
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/num.h"
#include "record/record.h"

enum { RECEIVERS = 100, PAYLOAD = 1024, ROOM_MAX = 64 * 1024, FILL_BATCH = 4096 };
#define FILL_MS 1700000000000LL // when the rows of `fill` were accepted
#define HOUR_MS 3600000LL

struct bench {
    struct record *record;
    struct clock_manual clock;
    struct rnd rnd;
    struct buf room;
    char payload[PAYLOAD];
    struct record_claimed claimed[RECORD_BATCH_MAX];
    size_t count; // of claimed
    int64_t warm;
    int64_t receiver_ids[RECORD_BATCH_MAX];
};

// SQLite's calls come here.
static long syncs;
#pragma GCC visibility push(default)
int fdatasync(int fd)
{
    syncs++;
    return (int)syscall(SYS_fdatasync, fd);
}
#pragma GCC visibility pop

// ---- measuring ----
struct meter {
    int64_t wall_us;
    int64_t cpu_us;
    int64_t longest_us; // of one piece, by wall
    long syncs;
    struct timespec wall_from;
    struct timespec cpu_from;
    long syncs_from;
};

static int64_t between_us(const struct timespec *from, const struct timespec *to)
{
    return (int64_t)(to->tv_sec - from->tv_sec) * 1000000 + (to->tv_nsec - from->tv_nsec) / 1000;
}

static void begin(struct meter *meter)
{
    clock_gettime(CLOCK_MONOTONIC, &meter->wall_from);
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &meter->cpu_from);
    meter->syncs_from = syncs;
}

static void end(struct meter *meter)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    const int64_t took_us = between_us(&meter->wall_from, &now);
    meter->wall_us += took_us;
    meter->longest_us = took_us > meter->longest_us ? took_us : meter->longest_us;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    meter->cpu_us += between_us(&meter->cpu_from, &now);
    meter->syncs += syncs - meter->syncs_from;
}

static void print(const char *what, const struct meter *meter, int64_t rows)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    printf(
        "%-8s %9lld rows  cpu %6.2f us/row  wall %7.2f us/row  %8.0f rows/s  %6ld syncs  longest "
        "%.1f ms  max rss %ld MiB\n",
        what, (long long)rows, (double)meter->cpu_us / (double)rows,
        (double)meter->wall_us / (double)rows, (double)rows * 1e6 / (double)meter->wall_us,
        meter->syncs, (double)meter->longest_us / 1000, usage.ru_maxrss / 1024);
}

static void must(tidings_status status, const char *what, const struct tidings_error *err)
{
    if (status != TIDINGS_OK) {
        (void)fprintf(stderr, "bench_record: %s: %s\n", what, error_text(err, status));
        exit(1);
    }
}

#define MUST(call)                                                                                 \
    do {                                                                                           \
        struct tidings_error why = { 0 };                                                          \
        must((call), #call, &why);                                                                 \
    } while (0)

// ---- steps ----
static void commit(struct bench *bench)
{
    MUST(record_commit(bench->record, &why));
    MUST(record_maintain(bench->record, &why));
}

static void accept_one(struct bench *bench, int64_t receiver_id, int64_t due_ms, int64_t lease_ms)
{
    char tx_no[40];
    struct record_accepted accepted;
    const struct record_target target = { receiver_id, 1, due_ms, lease_ms };
    int len =
        snprintf(tx_no, sizeof tx_no, "2026-%016llx", (unsigned long long)rnd_next(&bench->rnd));
    const struct record_submission submission = {
        .source = STR("pay"),
        .type = STR("recharge.done"),
        .tx_no = str_make(tx_no, (size_t)len),
        .content_type = STR("application/json"),
        .headers = STR("{\"x-trace\":\"0123456789abcdef\"}"),
        .payload = str_make(bench->payload, sizeof bench->payload),
        .targets = &target,
        .target_count = 1,
    };
    num_store_be64(bench->payload, rnd_next(&bench->rnd));
    MUST(record_accept(bench->record, &submission, &accepted, &why));
    bench->receiver_ids[bench->count] = receiver_id;
    bench->claimed[bench->count++] =
        (struct record_claimed){ .id = accepted.id, .epoch = accepted.epoch, .ladder_id = 1 };
}

static void accept_all(struct bench *bench, int64_t batch)
{
    const int64_t now_ms = clock_wall_ms(clock_system());
    bench->count = 0;
    for (int64_t i = 0; i < batch; i++) {
        accept_one(bench, 1 + (int64_t)rnd_below(&bench->rnd, RECEIVERS), now_ms, now_ms + 60000);
    }
}

static void accept_batch(struct bench *bench, int64_t batch)
{
    MUST(record_begin(bench->record, &why));
    accept_all(bench, batch);
    commit(bench);
}

static void settle_all(struct bench *bench, enum record_event event, int64_t due_ms)
{
    for (size_t i = 0; i < bench->count; i++) {
        const struct record_claimed *claimed = &bench->claimed[i];
        const struct record_outcome outcome = {
            .id = claimed->id,
            .epoch = claimed->epoch,
            .receiver_id = bench->receiver_ids[i],
            .ladder_id = claimed->ladder_id,
            .first_ms = FILL_MS,
            .event = event,
            .due_ms = due_ms + (int64_t)rnd_below(&bench->rnd, HOUR_MS / 10),
            .earlier = claimed->earlier,
            .attempt = { .number = claimed->earlier + claimed->attempts + 1,
                         .begun_ms = FILL_MS,
                         .dns_us = -1,
                         .connect_us = 300,
                         .tls_us = -1,
                         .first_byte_us = 900,
                         .total_us = 1000,
                         .http_status = event == RECORD_TAKEN ? 200 : 503,
                         .reply = STR("{\"code\":\"SUCCESS\"}") },
        };
        MUST(record_settle(bench->record, &outcome, &why));
    }
}

static void settle_batch(struct bench *bench, enum record_event event, int64_t due_ms)
{
    MUST(record_begin(bench->record, &why));
    settle_all(bench, event, due_ms);
    commit(bench);
}

static void claim_batch(struct bench *bench, int64_t receiver_id, int64_t batch)
{
    struct record_notification notification;
    MUST(record_begin(bench->record, &why));
    MUST(record_claim(bench->record, receiver_id, FILL_MS + 24 * HOUR_MS,
                      FILL_MS + 24 * HOUR_MS + 60000, bench->claimed, (size_t)batch, &bench->count,
                      &why));
    for (size_t i = 0; i < bench->count; i++) {
        MUST(record_get(bench->record, bench->claimed[i].id, &bench->room, &notification, &why));
        bench->receiver_ids[i] = receiver_id;
    }
    commit(bench);
}

// ---- phases ----
static void fill(struct bench *bench, int64_t count, int64_t batch)
{
    struct meter meter = { 0 };
    (void)batch;
    for (int64_t done = 0; done < count; done += FILL_BATCH) {
        begin(&meter);
        bench->count = 0;
        MUST(record_begin(bench->record, &why));
        for (int64_t i = 0; i < FILL_BATCH; i++) {
            accept_one(
                bench, 1 + (int64_t)rnd_below(&bench->rnd, RECEIVERS),
                bench->clock.wall_ms + HOUR_MS + (int64_t)rnd_below(&bench->rnd, HOUR_MS / 10), 0);
            clock_manual_advance_ms(&bench->clock, i % 10 == 0);
        }
        commit(bench);
        end(&meter);
    }
    print("fill", &meter, count);
}

static void run(struct bench *bench, int64_t count, int64_t batch)
{
    struct meter accepting = { 0 };
    struct meter settling = { 0 };
    for (int64_t i = 0; i < bench->warm;
         i++) { // what is read at the first use, and little by little
        accept_batch(bench, 1);
        settle_batch(bench, RECORD_TAKEN, 0);
    }
    for (int64_t done = 0; done < count; done += batch) {
        begin(&accepting);
        accept_batch(bench, batch);
        end(&accepting);
        begin(&settling);
        settle_batch(bench, RECORD_TAKEN, 0);
        end(&settling);
    }
    print("accept", &accepting, count);
    print("settle", &settling, count);
}

static void mixed(struct bench *bench, int64_t count, int64_t batch)
{
    struct meter meter = { 0 };
    accept_batch(bench, batch);
    for (int64_t done = 0; done < count; done += batch) {
        begin(&meter);
        MUST(record_begin(bench->record, &why));
        settle_all(bench, RECORD_TAKEN, 0);
        accept_all(bench, batch);
        commit(bench);
        end(&meter);
    }
    print("both", &meter, count);
}

static void retry(struct bench *bench, int64_t count, int64_t batch)
{
    struct meter claiming = { 0 };
    struct meter settling = { 0 };
    int64_t done = 0;
    for (int64_t receiver = 1; done < count; receiver = receiver % RECEIVERS + 1) {
        begin(&claiming);
        claim_batch(bench, receiver, batch);
        end(&claiming);
        begin(&settling);
        settle_batch(bench, RECORD_RETRY, FILL_MS + 48 * HOUR_MS);
        end(&settling);
        done += (int64_t)bench->count;
        if (bench->count == 0) {
            break;
        }
    }
    print("claim", &claiming, done);
    print("again", &settling, done);
}

static void first(struct bench *bench, int64_t count, int64_t batch)
{
    struct meter meter = { 0 };
    (void)count;
    begin(&meter);
    claim_batch(bench, 1 + batch % RECEIVERS, 1);
    end(&meter);
    print("first", &meter, 1);
}

static void purge(struct bench *bench, int64_t count, int64_t batch)
{
    struct meter meter = { 0 };
    int64_t cursor = 0;
    int64_t removed = 0;
    int64_t total = 0;
    for (int64_t done = 0; done < count; done += FILL_BATCH) {
        accept_batch(bench, FILL_BATCH);
        settle_batch(bench, RECORD_TAKEN, 0);
    }
    do {
        begin(&meter);
        MUST(record_begin(bench->record, &why));
        MUST(record_purge(bench->record, INT64_MAX, (size_t)batch, &cursor, &removed, &why));
        commit(bench);
        end(&meter);
        total += removed;
    } while (cursor != 0);
    print("purge", &meter, total);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(struct bench *bench, int64_t count, int64_t batch);
    } phases[] = { { "fill", fill },   { "run", run },     { "mixed", mixed },
                   { "retry", retry }, { "first", first }, { "purge", purge } };
    static struct bench bench;
    struct meter opening = { 0 };
    int64_t count = 0;
    int64_t batch = 64;
    bench.warm = 1;
    bool good = argc >= 3 && (argc < 4 || num_parse_i64(str_of(argv[3]), 1, INT64_MAX, &count)) &&
                (argc < 5 || num_parse_i64(str_of(argv[4]), 1, RECORD_BATCH_MAX, &batch)) &&
                (argc < 6 || num_parse_i64(str_of(argv[5]), 1, INT64_MAX, &bench.warm));
    void (*phase)(struct bench * bench, int64_t count, int64_t batch) = NULL;
    for (size_t i = 0; good && i < BASE_COUNT(phases); i++) {
        phase = strcmp(argv[2], phases[i].name) == 0 ? phases[i].run : phase;
    }
    if (phase == NULL) {
        (void)fprintf(
            stderr,
            "usage: bench_record URL fill|run|mixed|retry|first|purge [COUNT [BATCH [WARM]]]\n");
        return 2;
    }
    clock_manual_init(&bench.clock, FILL_MS);
    rnd_seed_system(&bench.rnd);
    buf_init(&bench.room, ROOM_MAX);
    memset(bench.payload, 'x', sizeof bench.payload);
    const struct record_options options = { .clock = phase == fill ? &bench.clock.clock : NULL };
    begin(&opening);
    MUST(record_open(argv[1], &options, &bench.record, &why));
    end(&opening);
    printf("open %.1f ms\n", (double)opening.wall_us / 1000);
    phase(&bench, count, batch);
    record_close(bench.record);
    buf_deinit(&bench.room);
    return 0;
}
