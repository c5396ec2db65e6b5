// SPDX-License-Identifier: Apache-2.0
// The HTTP port: the API's paths, and /healthz, /readyz, /metrics. For these the HTTP thread asks
// the loops for their figures and waits for them.
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "app/ask.h"
#include "app/engine.h"

enum {
    BODY_MAX = 32 * 1024 * 1024, // a batch; single operations have lower limits
    BODIES_TOTAL = 256 * 1024 * 1024,
    TIMEOUT_S = 60,
};

struct figures {
    struct broker_stats broker;
    struct net_loop_stats net;
};

static tidings_status read_figures(void *arg, struct buf *out)
{
    struct engine *engine = arg;
    struct figures figures;
    broker_stats(engine->broker, &figures.broker);
    net_loop_stats(engine->loop, &figures.net);
    return buf_add(out, &figures, sizeof figures);
}

static bool ask(struct engine *engine, struct figures *ret)
{
    struct buf out;
    buf_init(&out, sizeof *ret);
    bool answered = app_ask(engine->loop, read_figures, engine, &out) == TIDINGS_OK;
    if (answered) {
        memcpy(ret, out.ptr, sizeof *ret);
    }
    buf_deinit(&out);
    return answered;
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
    struct figures figures;
    struct rusage usage;
    if (!ask(engine, &figures)) {
        return TIDINGS_E_TIMEOUT;
    }
    tidings_status status = TIDINGS_OK;
#define ADD(name, kind, help, value)                                                               \
    if (status == TIDINGS_OK) {                                                                    \
        status = metric(out, name, kind, help, value);                                             \
    }
#define X(member, name, kind, help) ADD(name, kind, help, figures.broker.member)
    BROKER_STATS_MAP(X)
#undef X
#define X(member, name, kind, help) ADD(name, kind, help, figures.net.member)
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
    return status == TIDINGS_OK ? notifier_metrics(engine->notifier, out) : status;
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
    struct figures figures;
    if (api_handle(notifier_api(engine->notifier), request, response)) {
        return;
    }
    if (strcmp(request->method, "GET") != 0 && strcmp(request->method, "HEAD") != 0) {
        say(response, 405, "only GET and HEAD are served here");
    } else if (strcmp(request->path, "/healthz") == 0) {
        bool alive = ask(engine, &figures);
        say(response, alive ? 200 : 503, alive ? "ok" : "the event loop does not answer");
    } else if (strcmp(request->path, "/readyz") == 0) {
        bool alive = engine->ready && !engine->stopping && ask(engine, &figures);
        const char *why = !alive                          ? "not ready"
                          : figures.broker.log_state == 1 ? "disk is full: sends are refused"
                          : figures.broker.log_state == 2
                              ? "the log cannot be written: sends are refused"
                              : "ready";
        say(response, alive && figures.broker.log_state == 0 ? 200 : 503, why);
    } else if (strcmp(request->path, "/metrics") == 0) {
        response->content_type = "text/plain; version=0.0.4; charset=utf-8";
        if (write_metrics(engine, &response->body) != TIDINGS_OK) {
            buf_clear(&response->body);
            say(response, 503, "the event loop does not answer");
        }
    } else {
        say(response, 404,
            "not found; there are /v1/…, /openapi.yaml, /healthz, /readyz and /metrics");
    }
}

static void refuse(void *arg, int status, const char *text, struct http_response *response)
{
    const struct engine *engine = arg;
    api_refuse(notifier_api(engine->notifier), status, text, response);
}

tidings_status engine_http_start(struct engine *engine, struct tidings_error *err)
{
    struct http_server_options options = {
        .host = engine->conf.http_host[0] != '\0' ? engine->conf.http_host : engine->conf.host,
        .port = (int)engine->conf.http_port,
        .body_max = BODY_MAX,
        .bodies_total_max = BODIES_TOTAL,
        .connections_max = (unsigned)engine->conf.http_connections,
        .timeout_s = TIMEOUT_S,
        .handler = handle,
        .arg = engine,
        .refuse = refuse,
    };
    return http_server_start(&options, &engine->http, err);
}
