// SPDX-License-Identifier: Apache-2.0
// Load for the MQ through libtidings; prints one JSON line.
//   bench_mq send NAME_SERVER TOPIC COUNT SIZE IN_FLIGHT [DELAY_MS]   asynchronous sends, so many
//   in flight bench_mq consume NAME_SERVER TOPIC COUNT GROUP THREADS            a backlog from its
//   beginning, acked at once bench_mq late NAME_SERVER TOPIC COUNT SECONDS delayed messages spread
//   over so many seconds:
//                                                                     how late do they come
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <tidings/tidings.h>

enum { WAIT_S = 300, BODY_MAX = 1 << 20, LATE_START_MS = 3000 };

struct bench {
    pthread_mutex_t lock;
    pthread_cond_t room;
    long in_flight;
    long failed;
    _Atomic long heard;
    long count;
    int64_t *late_ms; // by number of arrival
};

static int64_t clock_us(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int die(const char *what, const struct tidings_error *err)
{
    fprintf(stderr, "bench_mq: %s: %s\n", what, err->text);
    return 1;
}

static tidings_config *config_for(const char *name_server, const char *group,
                                  struct tidings_error *err)
{
    tidings_config *config = tidings_config_new();
    if (config == NULL ||
        tidings_config_set(config, "name_servers", name_server, err) != TIDINGS_OK ||
        tidings_config_set(config, "group", group, err) != TIDINGS_OK) {
        tidings_config_free(config);
        return NULL;
    }
    return config;
}

// ---- send ----
static void on_sent(void *arg, tidings_status status, const tidings_send_result *result,
                    const struct tidings_error *err)
{
    struct bench *bench = arg;
    (void)result;
    pthread_mutex_lock(&bench->lock);
    bench->in_flight--;
    if (status != TIDINGS_OK && bench->failed++ == 0) {
        fprintf(stderr, "bench_mq: first failed send: %s\n", err != NULL ? err->text : "");
    }
    pthread_cond_signal(&bench->room);
    pthread_mutex_unlock(&bench->lock);
}

static void wait_below(struct bench *bench, long most)
{
    pthread_mutex_lock(&bench->lock);
    while (bench->in_flight > most) {
        pthread_cond_wait(&bench->room, &bench->lock);
    }
    bench->in_flight++;
    pthread_mutex_unlock(&bench->lock);
}

static tidings_status send_one(struct bench *bench, tidings_producer *producer,
                               tidings_message *message, long in_flight, struct tidings_error *err)
{
    wait_below(bench, in_flight - 1);
    tidings_status status = tidings_producer_send_async(producer, message, on_sent, bench, err);
    if (status != TIDINGS_OK) {
        pthread_mutex_lock(&bench->lock);
        bench->in_flight--;
        pthread_mutex_unlock(&bench->lock);
    }
    return status;
}

static int open_producer(const char *name_server, tidings_producer **ret)
{
    struct tidings_error err = { 0 };
    tidings_config *config = config_for(name_server, "bench_producer", &err);
    tidings_status status = TIDINGS_E_INVALID;
    if (config != NULL &&
        tidings_config_set(config, "max_in_flight", "32768", &err) == TIDINGS_OK) {
        status = tidings_producer_new(config, ret, &err);
    }
    if (status == TIDINGS_OK) {
        status = tidings_producer_start(*ret, &err);
    }
    tidings_config_free(config);
    return status == TIDINGS_OK ? 0 : die("producer", &err);
}

static int run_send(struct bench *bench, char **argv, int64_t delay_ms)
{
    struct tidings_error err = { 0 };
    tidings_producer *producer = NULL;
    size_t size = (size_t)strtoul(argv[5], NULL, 10);
    long in_flight = strtol(argv[6], NULL, 10);
    char *body = calloc(1, BODY_MAX);
    if (body == NULL || size > BODY_MAX || open_producer(argv[2], &producer) != 0) {
        free(body);
        return 1;
    }
    memset(body, 'x', size);
    tidings_status status = TIDINGS_OK;
    int64_t start = clock_us(CLOCK_MONOTONIC);
    for (long i = 0; i < bench->count && status == TIDINGS_OK; i++) {
        tidings_message *message = tidings_message_new(argv[3], body, size);
        if (message == NULL ||
            (delay_ms > 0 && tidings_message_set_delay_ms(message, delay_ms) != TIDINGS_OK)) {
            status = TIDINGS_E_INVALID;
        } else {
            status = send_one(bench, producer, message, in_flight, &err);
        }
        tidings_message_free(message);
    }
    wait_below(bench, 0);
    double seconds = (double)(clock_us(CLOCK_MONOTONIC) - start) / 1e6;
    double cpu = (double)clock_us(CLOCK_PROCESS_CPUTIME_ID) / 1e6;
    tidings_producer_free(producer);
    free(body);
    if (status != TIDINGS_OK) {
        return die("send", &err);
    }
    printf("{\"count\":%ld,\"failed\":%ld,\"seconds\":%.3f,\"rate\":%.0f,\"client_cpu_us\":%.2f}\n",
           bench->count, bench->failed, seconds, (double)bench->count / seconds,
           cpu * 1e6 / (double)bench->count);
    return bench->failed == 0 ? 0 : 1;
}

// ---- consume ----
static tidings_answer on_message(void *arg, const tidings_message *message,
                                 tidings_delivery *delivery)
{
    struct bench *bench = arg;
    (void)delivery;
    long number = atomic_fetch_add(&bench->heard, 1);
    if (bench->late_ms != NULL && number < bench->count) {
        const char *due = tidings_message_property(message, "due_ms");
        bench->late_ms[number] =
            due != NULL ? clock_us(CLOCK_REALTIME) / 1000 - strtoll(due, NULL, 10) : INT64_MAX;
    }
    return TIDINGS_ACK;
}

static int start_consumer(struct bench *bench, const char *name_server, const char *topic,
                          const char *group, const char *threads, tidings_consumer **ret)
{
    struct tidings_error err = { 0 };
    tidings_config *config = config_for(name_server, group, &err);
    int good = config != NULL && tidings_config_set(config, "from", "first", &err) == TIDINGS_OK &&
               tidings_config_set(config, "threads", threads, &err) == TIDINGS_OK &&
               tidings_config_set(config, "pull_batch", "1024", &err) == TIDINGS_OK &&
               tidings_config_set(config, "cache_messages", "8000", &err) == TIDINGS_OK &&
               tidings_consumer_new(config, ret, &err) == TIDINGS_OK;
    if (good) {
        tidings_consumer_on_message(*ret, on_message, bench);
        good = tidings_consumer_subscribe(*ret, topic, "*", &err) == TIDINGS_OK &&
               tidings_consumer_start(*ret, &err) == TIDINGS_OK;
    }
    tidings_config_free(config);
    return good ? 0 : die("consumer", &err);
}

// Until all are heard; 0 when they were.
static int wait_heard(struct bench *bench)
{
    const struct timespec step = { 0, 1000000 };
    int64_t until = clock_us(CLOCK_MONOTONIC) + (int64_t)WAIT_S * 1000000;
    while (bench->heard < bench->count && clock_us(CLOCK_MONOTONIC) < until) {
        nanosleep(&step, NULL);
    }
    return bench->heard >= bench->count ? 0 : 1;
}

static int run_consume(struct bench *bench, char **argv)
{
    tidings_consumer *consumer = NULL;
    const struct timespec step = { 0, 100000 };
    if (start_consumer(bench, argv[2], argv[3], argv[5], argv[6], &consumer) != 0) {
        return 1;
    }
    while (bench->heard == 0) {
        nanosleep(&step, NULL);
    }
    int64_t start =
        clock_us(CLOCK_MONOTONIC); // from the first message: starting up is not the question
    long before = bench->heard;
    int missing = wait_heard(bench);
    double seconds = (double)(clock_us(CLOCK_MONOTONIC) - start) / 1e6;
    tidings_consumer_stop(consumer, 5000);
    tidings_consumer_free(consumer);
    printf("{\"count\":%ld,\"seconds\":%.3f,\"rate\":%.0f}\n", bench->heard, seconds,
           (double)(bench->count - before) / seconds);
    return missing;
}

// ---- late ----
static int compare(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a;
    int64_t right = *(const int64_t *)b;
    return left < right ? -1 : left > right;
}

static int send_spread(struct bench *bench, tidings_producer *producer, const char *topic,
                       long seconds)
{
    struct tidings_error err = { 0 };
    int64_t first = clock_us(CLOCK_REALTIME) / 1000 + LATE_START_MS;
    char text[24];
    for (long i = 0; i < bench->count; i++) {
        int64_t due = first + i * seconds * 1000 / bench->count;
        tidings_message *message = tidings_message_new(topic, "late?", 5);
        snprintf(text, sizeof text, "%" PRId64, due);
        int good = message != NULL &&
                   tidings_message_set_property(message, "due_ms", text) == TIDINGS_OK &&
                   tidings_message_set_deliver_at_ms(message, due) == TIDINGS_OK &&
                   send_one(bench, producer, message, 1024, &err) == TIDINGS_OK;
        tidings_message_free(message);
        if (!good) {
            return die("send", &err);
        }
    }
    wait_below(bench, 0);
    return 0;
}

static int run_late(struct bench *bench, char **argv)
{
    tidings_producer *producer = NULL;
    tidings_consumer *consumer = NULL;
    char group[64];
    snprintf(group, sizeof group, "bench_late_%lld", (long long)clock_us(CLOCK_REALTIME));
    bench->late_ms = calloc((size_t)bench->count, sizeof *bench->late_ms);
    if (bench->late_ms == NULL || open_producer(argv[2], &producer) != 0 ||
        start_consumer(bench, argv[2], argv[3], group, "2", &consumer) != 0 ||
        send_spread(bench, producer, argv[3], strtol(argv[5], NULL, 10)) != 0) {
        return 1;
    }
    int missing = wait_heard(bench);
    tidings_consumer_stop(consumer, 5000);
    tidings_consumer_free(consumer);
    tidings_producer_free(producer);
    qsort(bench->late_ms, (size_t)bench->count, sizeof *bench->late_ms, compare);
    printf("{\"count\":%ld,\"early\":%d,\"p50_ms\":%" PRId64 ",\"p99_ms\":%" PRId64
           ",\"max_ms\":%" PRId64 "}\n",
           bench->heard, bench->late_ms[0] < 0, bench->late_ms[bench->count / 2],
           bench->late_ms[bench->count * 99 / 100], bench->late_ms[bench->count - 1]);
    free(bench->late_ms);
    return missing;
}

int main(int argc, char **argv)
{
    struct bench bench = { .lock = PTHREAD_MUTEX_INITIALIZER, .room = PTHREAD_COND_INITIALIZER };
    if (argc >= 6) {
        bench.count = strtol(argv[4], NULL, 10);
    }
    if (argc >= 7 && argc <= 8 && strcmp(argv[1], "send") == 0 && bench.count > 0) {
        return run_send(&bench, argv, argc == 8 ? strtoll(argv[7], NULL, 10) : 0);
    }
    if (argc == 7 && strcmp(argv[1], "consume") == 0 && bench.count > 0) {
        return run_consume(&bench, argv);
    }
    if (argc == 6 && strcmp(argv[1], "late") == 0 && bench.count > 0) {
        return run_late(&bench, argv);
    }
    fprintf(stderr, "usage: bench_mq send|consume|late NAME_SERVER TOPIC COUNT …, see the head of "
                    "its source\n");
    return 2;
}
