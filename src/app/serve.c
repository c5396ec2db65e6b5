// SPDX-License-Identifier: Apache-2.0
// `tidings serve`: wiring, the ready line, signals, the drained stop.
#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "acl/acl.h"
#include "app/app.h"
#include "app/conf.h"
#include "app/engine.h"
#include "app/sdnotify.h"
#include "app/tls.h"
#include "base/thread.h"

enum {
    OUT_TOTAL = 256 * 1024 * 1024,
    IN_TOTAL = 256 * 1024 * 1024,
    MAPPED_FROM = 512 * 1024,
    TRIM_FROM = 4 * 1024 * 1024,
    DRAIN_MS = 10000,
    DRAIN_STEP_MS = 20,
    PORT_TRIES = 64,
    STOP_PAUSE_US = 1000,
};

// ---- listening ----
static tidings_status listen_on(struct engine *engine, int port, struct net_listener **ret,
                                struct tidings_error *err)
{
    struct net_conn_options options;
    broker_conn_options(engine->broker, &options);
    options.tls = engine->tls;
    return net_listen(engine->loop, engine->conf.host, port, &broker_handler, engine->broker,
                      &options, ret, err);
}

// The broker port and the one two below it. With port 0 a free pair is looked for.
static tidings_status listen_pair(struct engine *engine, struct tidings_error *err)
{
    int asked = (int)engine->conf.broker_port;
    tidings_status status = TIDINGS_OK;
    for (int i = 0; i < PORT_TRIES; i++) {
        status = listen_on(engine, asked, &engine->broker_listener, err);
        if (status != TIDINGS_OK) {
            return status;
        }
        int port = net_listener_port(engine->broker_listener);
        status =
            port > 2 ? listen_on(engine, port - 2, &engine->vip_listener, err) : TIDINGS_E_AGAIN;
        if (status == TIDINGS_OK || asked != 0) {
            return status;
        }
        net_listener_close(engine->broker_listener);
        engine->broker_listener = NULL;
    }
    return status;
}

static tidings_status listen_all(struct engine *engine, struct tidings_error *err)
{
    tidings_status status = listen_pair(engine, err);
    if (status == TIDINGS_OK) {
        status = listen_on(engine, (int)engine->conf.namesrv_port, &engine->namesrv_listener, err);
    }
    if (status == TIDINGS_OK) {
        const char *host =
            engine->conf.advertise[0] != '\0' ? engine->conf.advertise : engine->conf.host;
        if (strcmp(host, "0.0.0.0") == 0 || strcmp(host, "::") == 0) {
            return error_set(
                err, TIDINGS_E_INVALID,
                "listening on %s needs --advertise ADDRESS: what clients are told to connect to",
                host);
        }
        status = broker_set_address(engine->broker, host,
                                    net_listener_port(engine->broker_listener), err);
    }
    return status;
}

// ---- signals ----
static void finish(void *arg)
{
    struct engine *engine = arg;
    if (broker_is_drained(engine->broker) || --engine->drain_steps <= 0) {
        net_loop_stop(engine->loop);
        return;
    }
    net_timer_start(engine->drain_timer, DRAIN_STEP_MS);
}

static bool say_not_reloaded(struct engine *engine, const char *what, tidings_status status,
                             const struct tidings_error *err)
{
    if (status != TIDINGS_OK) {
        log_line(&engine->log, LOG_ERROR, "app",
                 "msg=\"not reloaded, what was in force stays\" what=%s reason=\"%s\"", what,
                 error_text(err, status));
    }
    return status != TIDINGS_OK;
}

// SIGHUP: what may change while serving is read again; with a mistake in it the old stays.
static void reload(struct engine *engine)
{
    struct tidings_error err = { 0 };
    sdnotify("RELOADING=1");
    bool failed = say_not_reloaded(engine, "acl", broker_reload(engine->broker, &err), &err);
    err = (struct tidings_error){ 0 };
    tidings_status status = app_tls_reload(engine->tls, &engine->log, &err);
    failed = say_not_reloaded(engine, "tls", status, &err) || failed;
    err = (struct tidings_error){ 0 };
    status = api_reload(notifier_api(engine->notifier), &err);
    failed = say_not_reloaded(engine, "api", status, &err) || failed;
    if (!failed) {
        log_line(&engine->log, LOG_INFO, "app", "msg=\"reloaded\"");
    }
    sdnotify("READY=1");
}

static void drain(void *arg)
{
    struct engine *engine = arg;
    net_listener_close(engine->broker_listener);
    net_listener_close(engine->vip_listener);
    net_listener_close(engine->namesrv_listener);
    engine->broker_listener = engine->vip_listener = engine->namesrv_listener = NULL;
    broker_drain(engine->broker);
    engine->drain_steps = DRAIN_MS / DRAIN_STEP_MS;
    net_timer_start(engine->drain_timer, DRAIN_STEP_MS);
}

// The notifier first, while the MQ that it consumes from still runs: its consumers store what they
// have done. That waits, and so it has a thread.
static void *stop_notifier(void *arg)
{
    struct engine *engine = arg;
    http_server_stop(engine->http);
    engine->http = NULL;
    notifier_stop(engine->notifier);
    engine->notifier = NULL;
    while (net_loop_post(engine->loop, drain, engine) == TIDINGS_E_FULL) {
        (void)usleep(STOP_PAUSE_US);
    }
    return NULL;
}

static void on_signal(void *arg, int number)
{
    struct engine *engine = arg;
    if (engine->stopping) {
        return;
    }
    if (number == SIGHUP) {
        reload(engine);
        return;
    }
    engine->stopping = true;
    log_line(&engine->log, LOG_INFO, "app", "msg=\"stopping\" signal=%d", number);
    sdnotify("STOPPING=1");
    if (thread_start(&engine->stopper, stop_notifier, engine) == 0) {
        engine->stops_beside = true;
    } else { // no thread: in the end, without what its consumers had still to say
        drain(engine);
    }
}

static tidings_status watch_signals(struct engine *engine, struct tidings_error *err)
{
    static const int numbers[] = { SIGTERM, SIGINT, SIGHUP };
    tidings_status status = TIDINGS_OK;
    for (size_t i = 0; i < BASE_COUNT(numbers) && status == TIDINGS_OK; i++) {
        status = net_loop_on_signal(engine->loop, numbers[i], on_signal, engine, err);
    }
    return status;
}

// ---- start ----
static void raise_file_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &limit) != 0) {
            return; // fewer connections then
        }
    }
}

static tidings_status open_broker(struct engine *engine, struct tidings_error *err)
{
    const struct conf *conf = &engine->conf;
    struct broker_topic_option topics[CONF_TOPICS_MAX];
    for (size_t i = 0; i < conf->topic_count; i++) {
        topics[i] = (struct broker_topic_option){ conf->topics[i].name, conf->topics[i].queues };
    }
    struct broker_options options = {
        .folder = conf->data,
        .loop = engine->loop,
        .clock = clock_system(),
        .fault = engine->fault_active ? &engine->fault : NULL,
        .log = &engine->log,
        .cluster_name = conf->cluster,
        .broker_name = conf->broker_name,
        .message_delay_level = conf->message_delay_level,
        .retry_ladder = conf->retry_ladder,
        .retry_window_ms = conf->retry_window,
        .retry_limit = (int)conf->retry_limit,
        .auto_create_topics = conf->auto_create_topics,
        .default_queues = (int)conf->default_queues,
        .topics = topics,
        .topic_count = conf->topic_count,
        .max_message_size = conf->max_message_size,
        .segment_size = conf->segment_size,
        .retention_time_ms = conf->retention_time,
        .retention_size = conf->retention_size,
        .disk_reserve = conf->disk_reserve,
        .acl_file = conf->acl_file,
        .transaction_checks = conf->transaction_checks,
        .transaction_check_max = (int)conf->transaction_check_max,
        .delay_max_ms = conf->delay_max,
    };
    return broker_open(&options, &engine->broker, err);
}

static tidings_status start_notifier(struct engine *engine, struct tidings_error *err)
{
    char servers[64];
    const char *host = engine->conf.host;
    bool any = strcmp(host, "0.0.0.0") == 0;
    bool any6 = strcmp(host, "::") == 0;
    (void)snprintf(servers, sizeof servers, "%s:%d",
                   any    ? "127.0.0.1"
                   : any6 ? "::1"
                          : host,
                   net_listener_port(engine->namesrv_listener));
    const struct notifier_options options = { .conf = &engine->conf,
                                              .log = &engine->log,
                                              .fault = engine->fault_active ? &engine->fault : NULL,
                                              .name_servers = servers };
    return notifier_start(&options, &engine->notifier, err);
}

static void on_turn(void *arg)
{
    broker_turn(((struct engine *)arg)->broker);
}

static void on_wake(void *arg)
{
    broker_wake(((struct engine *)arg)->broker);
}

static tidings_status start(struct engine *engine, struct tidings_error *err)
{
    struct net_loop_options loop = { .clock = clock_system(),
                                     .fault = engine->fault_active ? &engine->fault : NULL,
                                     .connections_max = (size_t)engine->conf.connections,
                                     .out_total_soft = OUT_TOTAL,
                                     .in_total_soft = IN_TOTAL };
    // Before the first thread.
    tidings_status status = app_tls_open(&engine->conf, &engine->log, &engine->tls, err);
    if (status == TIDINGS_OK) {
        status = net_loop_new(&loop, &engine->loop, err);
    }
    if (status == TIDINGS_OK) {
        status = open_broker(engine, err);
    }
    if (status == TIDINGS_OK) {
        net_loop_on_turn(engine->loop, on_turn, engine);
        net_loop_on_wake(engine->loop, on_wake, engine);
        status = listen_all(engine, err);
    }
    if (status == TIDINGS_OK) {
        status = net_timer_new(engine->loop, finish, engine, &engine->drain_timer);
    }
    if (status == TIDINGS_OK) {
        status = watch_signals(engine, err);
    }
    if (status == TIDINGS_OK) {
        status = start_notifier(engine, err);
    }
    if (status == TIDINGS_OK) {
        status = engine_http_start(engine, err);
    }
    return status;
}

static void say_ready(struct engine *engine)
{
    const char *host = engine->conf.host;
    const char *http_host = engine->conf.http_host[0] != '\0' ? engine->conf.http_host : host;
    printf("ready namesrv=%s:%d broker=%s:%d vip=%s:%d http=%s:%d data=%s version=%s pid=%d\n",
           host, net_listener_port(engine->namesrv_listener), host,
           net_listener_port(engine->broker_listener), host,
           net_listener_port(engine->vip_listener), http_host, http_server_port(engine->http),
           engine->conf.data, TIDINGS_VERSION, (int)getpid());
    fflush(stdout);
    engine->ready = true;
    sdnotify("READY=1");
}

static int stop(struct engine *engine)
{
    struct tidings_error err = { 0 };
    if (engine->stops_beside) {
        pthread_join(engine->stopper, NULL);
    }
    http_server_stop(engine->http);
    notifier_stop(engine->notifier);
    net_timer_free(engine->drain_timer);
    tidings_status status = TIDINGS_OK;
    if (engine->loop != NULL) {
        net_loop_close_all(engine->loop);
    }
    status = broker_close(engine->broker, &err);
    net_loop_free(engine->loop);
    net_tls_free(engine->tls);
    if (status != TIDINGS_OK) {
        log_line(&engine->log, LOG_ERROR, "app", "msg=\"not everything was written\" reason=\"%s\"",
                 error_text(&err, status));
        return 1;
    }
    return 0;
}

static int run(struct engine *engine)
{
    struct tidings_error err = { 0 };
    tidings_status status = start(engine, &err);
    if (status != TIDINGS_OK) {
        fprintf(stderr, "tidings: %s\n", error_text(&err, status));
        (void)stop(engine);
        return 1;
    }
    // A turn before the first wait: the thread sanitizer loses a signal that comes while a thread
    // waits for the first time.
    net_loop_turn(engine->loop);
    say_ready(engine);
    net_loop_run(engine->loop);
    int code = stop(engine);
    log_line(&engine->log, LOG_INFO, "app", "msg=\"stopped\" code=%d", code);
    return code;
}

// Files that the settings name, read as a start would.
static tidings_status check_files(const struct conf *conf, struct tidings_error *err)
{
    struct acl *acl = NULL;
    tidings_status status =
        conf->acl_file[0] != '\0' ? acl_load(conf->acl_file, &acl, err) : TIDINGS_OK;
    acl_free(acl);
    if (status == TIDINGS_OK) {
        status = notifier_check(conf, err);
    }
    return status == TIDINGS_OK ? app_tls_check(conf, err) : status;
}

static void print_help(void)
{
    printf(
        "Usage: tidings serve --data DIR [--config FILE] [--flag=value ...]\n\n"
        "Runs the embedded MQ (name server, broker and VIP port for RocketMQ clients) and the "
        "notifier with\n"
        "its HTTP API, health and metrics. Prints one line beginning with \"ready\" when all ports "
        "accept; SIGTERM stops "
        "it.\n\n"
        "  --config FILE\n      settings as YAML, see the names in brackets; flags stand above it\n"
        "  --check-config\n      checks the settings and ends\n"
        "  --topic NAME[:QUEUES]\n      make this topic if it is missing; may be repeated "
        "(broker.topics)\n");
    app_print_settings(stdout);
}

// Large buffers (of slow readers, of large messages) go back to the system when they are freed.
// Left alone, the C library raises the size from which that holds with each one that is freed.
static void give_memory_back(void)
{
    (void)mallopt(M_MMAP_THRESHOLD, MAPPED_FROM);
    (void)mallopt(M_TRIM_THRESHOLD, TRIM_FROM);
}

int app_serve(int argc, char **argv)
{
    give_memory_back();
    struct tidings_error err = { 0 };
    struct engine *engine = calloc(1, sizeof *engine);
    if (engine == NULL) {
        fprintf(stderr, "tidings: no memory\n");
        return 1;
    }
    int code = 2;
    enum log_level level = LOG_INFO;
    tidings_status status = conf_init(&engine->conf, &err);
    if (status == TIDINGS_OK) {
        status = conf_load(&engine->conf, argc, argv, &err);
    }
    if (status == TIDINGS_OK) {
        (void)log_level_parse(engine->conf.log_level, &level); // checked when it was set
    }
    if (status == TIDINGS_OK && engine->conf.check_only) {
        status = check_files(&engine->conf, &err);
    }
    const char *faults = getenv("TIDINGS_FAULT");
    if (status == TIDINGS_OK && faults != NULL) {
        engine->fault_active = true;
        fault_init(&engine->fault);
        status = fault_parse(&engine->fault, faults, &err);
    }
    if (status != TIDINGS_OK) {
        fprintf(stderr, "tidings: %s\n", error_text(&err, status));
    } else if (engine->conf.help) {
        print_help();
        code = 0;
    } else if (engine->conf.check_only) {
        printf("configuration is good\n");
        code = 0;
    } else {
        signal(SIGPIPE, SIG_IGN);
        raise_file_limit();
        log_init(&engine->log, clock_system(), STDERR_FILENO, level);
        code = run(engine);
    }
    conf_deinit(&engine->conf);
    free(engine);
    return code;
}
