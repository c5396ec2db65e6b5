// SPDX-License-Identifier: Apache-2.0
// /healthz, /readyz and /metrics. The HTTP thread asks the loop for its figures and waits for them.
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "app/engine.h"

enum { ANSWER_WAIT_MS = 2000, BODY_MAX = 64 * 1024, CONNECTIONS_MAX = 256, TIMEOUT_S = 30 };

// A question to the loop. Two hold it (the asker and the loop); the last one frees it, so that a
// late answer after the asker gave up does no harm.
struct question {
    pthread_mutex_t lock;
    pthread_cond_t answered;
    struct engine *engine;
    int holders;
    bool done;
    struct broker_stats broker;
    struct net_loop_stats net;
};

static void release(struct question *question)
{
    pthread_mutex_lock(&question->lock);
    int left = --question->holders;
    pthread_mutex_unlock(&question->lock);
    if (left == 0) {
        pthread_cond_destroy(&question->answered);
        pthread_mutex_destroy(&question->lock);
        free(question);
    }
}

static void answer(void *arg)
{
    struct question *question = arg;
    pthread_mutex_lock(&question->lock);
    broker_stats(question->engine->broker, &question->broker);
    net_loop_stats(question->engine->loop, &question->net);
    question->done = true;
    pthread_cond_signal(&question->answered);
    pthread_mutex_unlock(&question->lock);
    release(question);
}

static bool wait_done(struct question *question)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += ANSWER_WAIT_MS / 1000;
    pthread_mutex_lock(&question->lock);
    while (!question->done &&
           pthread_cond_timedwait(&question->answered, &question->lock, &until) != ETIMEDOUT) {
    }
    bool done = question->done;
    pthread_mutex_unlock(&question->lock);
    return done;
}

static bool ask(struct engine *engine, struct broker_stats *ret_broker,
                struct net_loop_stats *ret_net)
{
    struct question *question = calloc(1, sizeof *question);
    if (question == NULL) {
        return false;
    }
    pthread_mutex_init(&question->lock, NULL);
    pthread_cond_init(&question->answered, NULL);
    question->engine = engine;
    question->holders = 2;
    if (net_loop_post(engine->loop, answer, question) != TIDINGS_OK) {
        release(question);
        release(question);
        return false;
    }
    bool done = wait_done(question);
    *ret_broker = question->broker;
    *ret_net = question->net;
    release(question);
    return done;
}

// Resident memory in bytes, from /proc (Linux).
static uint64_t resident_bytes(void)
{
    char text[128];
    FILE *file = fopen("/proc/self/statm", "re");
    if (file == NULL) {
        return 0;
    }
    size_t n = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    struct str rest = str_make(text, n);
    struct str piece;
    uint64_t pages = 0;
    if (str_split(&rest, ' ', &piece) && str_split(&rest, ' ', &piece)) {
        for (size_t i = 0; i < piece.len; i++) {
            pages = pages * 10 + (uint64_t)(piece.ptr[i] - '0');
        }
    }
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static tidings_status metric(struct buf *out, const char *name, const char *kind, const char *help,
                             uint64_t value)
{
    return buf_addf(out, "# HELP %s %s\n# TYPE %s %s\n%s %llu\n", name, help, name, kind, name,
                    (unsigned long long)value);
}

static tidings_status write_metrics(struct engine *engine, struct buf *out)
{
    struct broker_stats broker;
    struct net_loop_stats net;
    struct rusage usage;
    if (!ask(engine, &broker, &net)) {
        return TIDINGS_E_TIMEOUT;
    }
    tidings_status status = TIDINGS_OK;
#define ADD(name, kind, help, value)                                                               \
    if (status == TIDINGS_OK) {                                                                    \
        status = metric(out, name, kind, help, value);                                             \
    }
#define X(member, name, kind, help) ADD(name, kind, help, broker.member)
    BROKER_STATS_MAP(X)
#undef X
#define X(member, name, kind, help) ADD(name, kind, help, net.member)
    NET_STATS_MAP(X)
#undef X
#undef ADD
    if (status == TIDINGS_OK) {
        status = metric(out, "process_resident_memory_bytes", "gauge", "Resident memory",
                        resident_bytes());
    }
    if (status == TIDINGS_OK && getrusage(RUSAGE_SELF, &usage) == 0) {
        double seconds = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                         (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
        status =
            buf_addf(out,
                     "# HELP process_cpu_seconds_total CPU time\n"
                     "# TYPE process_cpu_seconds_total counter\nprocess_cpu_seconds_total %.6f\n",
                     seconds);
    }
    return status;
}

static void say(struct http_response *response, int status, const char *text)
{
    response->status = status;
    if (buf_addf(&response->body, "%s\n", text) != TIDINGS_OK) {
        response->body.len = 0;
    }
}

static void handle(void *arg, const struct http_request *request, struct http_response *response)
{
    struct engine *engine = arg;
    struct broker_stats broker;
    struct net_loop_stats net;
    if (strcmp(request->method, "GET") != 0 && strcmp(request->method, "HEAD") != 0) {
        say(response, 405, "only GET and HEAD are served here");
    } else if (strcmp(request->path, "/healthz") == 0) {
        bool alive = ask(engine, &broker, &net);
        say(response, alive ? 200 : 503, alive ? "ok" : "the event loop does not answer");
    } else if (strcmp(request->path, "/readyz") == 0) {
        bool alive = engine->ready && !engine->stopping && ask(engine, &broker, &net);
        const char *why = !alive                  ? "not ready"
                          : broker.log_state == 1 ? "disk is full: sends are refused"
                          : broker.log_state == 2 ? "the log cannot be written: sends are refused"
                                                  : "ready";
        say(response, alive && broker.log_state == 0 ? 200 : 503, why);
    } else if (strcmp(request->path, "/metrics") == 0) {
        response->content_type = "text/plain; version=0.0.4; charset=utf-8";
        if (write_metrics(engine, &response->body) != TIDINGS_OK) {
            buf_clear(&response->body);
            say(response, 503, "the event loop does not answer");
        }
    } else {
        say(response, 404, "not found; there are /healthz, /readyz and /metrics");
    }
}

tidings_status engine_http_start(struct engine *engine, struct tidings_error *err)
{
    struct http_server_options options = {
        .host = engine->conf.host,
        .port = (int)engine->conf.http_port,
        .body_max = BODY_MAX,
        .connections_max = CONNECTIONS_MAX,
        .timeout_s = TIMEOUT_S,
        .handler = handle,
        .arg = engine,
    };
    return http_server_start(&options, &engine->http, err);
}
