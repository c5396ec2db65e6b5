// SPDX-License-Identifier: Apache-2.0
// tidings listen: a receiver on this machine that prints what comes.
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/error.h"
#include "cli/listen.h"

enum { FILES_WANTED = 4096, DELAY_MOST_MS = 600000, IDLE_S = 660 };

static bool read_options(struct cli *cli, struct listener *listener, int64_t *ret_port)
{
    int64_t tolerance_ms;
    const char *reply = cli_option(cli, "reply");
    listener->reply = reply != NULL ? reply : "success";
    listener->soap = cli_switch(cli, "soap");
    listener->quiet = cli_switch(cli, "quiet");
    if (!cli_number(cli, "port", 0, 0, 65535, ret_port) ||
        !cli_number(cli, "fail", 0, 0, 1000000, &listener->fail) ||
        !cli_number(cli, "hang", 0, 0, 1000000, &listener->hang) ||
        !cli_number(cli, "status", 200, 200, 599, &listener->status) ||
        !cli_number(cli, "count", 0, 0, INT64_MAX, &listener->count) ||
        !cli_time_ms(cli, "delay", 0, &listener->delay_ms) ||
        !cli_time_ms(cli, "tolerance", SIGN_TOLERANCE_S * 1000LL, &tolerance_ms) ||
        !listen_judge_options(listener)) {
        return false;
    }
    if (listener->delay_ms > DELAY_MOST_MS) {
        fprintf(stderr, "tidings listen: --delay must be at most 10m\n");
        return false;
    }
    int64_t tolerance_s = tolerance_ms / 1000;
    listener->tolerance_s = tolerance_s < UINT32_MAX ? tolerance_s : UINT32_MAX;
    return true;
}

// Hanging deliveries hold their connections.
static void raise_file_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < FILES_WANTED) {
        limit.rlim_cur = limit.rlim_max < FILES_WANTED ? limit.rlim_max : FILES_WANTED;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static int open_signals(void)
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    return signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
}

static bool is_counted(struct listener *listener)
{
    pthread_mutex_lock(&listener->lock);
    bool counted = listener->count > 0 && listener->counts[LISTEN_TAKEN] >= listener->count;
    pthread_mutex_unlock(&listener->lock);
    return counted;
}

// Until a signal, or enough were taken. Answers that come later go out from here.
static void serve(struct listener *listener, int signals)
{
    struct pollfd watched[] = { { signals, POLLIN, 0 }, { listener->wake, POLLIN, 0 } };
    while (!is_counted(listener)) {
        int64_t left_us = listen_answer_due(listener, false);
        int wait_ms = left_us < 0 ? -1 : (int)((left_us + 999) / 1000);
        if (poll(watched, 2, wait_ms) < 0 && errno != EINTR) {
            return;
        }
        if (watched[0].revents != 0) {
            return;
        }
        uint64_t wakes;
        if (watched[1].revents != 0 && read(listener->wake, &wakes, sizeof wakes) < 0 &&
            errno != EAGAIN) {
            return;
        }
    }
}

static int run(struct cli *cli, struct listener *listener, int64_t port)
{
    struct tidings_error err = { 0 };
    struct http_server *server = NULL;
    const struct http_server_options options = {
        .host = "127.0.0.1",
        .port = (int)port,
        .body_max = LISTEN_BODY_MAX,
        .bodies_total_max = LISTEN_BODIES_MAX,
        .connections_max = LISTEN_CONNECTIONS_MAX,
        .threads = 2,
        .timeout_s = IDLE_S,
        .handler = listen_handle,
        .arg = listener,
    };
    int signals = open_signals();
    tidings_status status = signals < 0 || listener->wake < 0
                                ? error_set_errno(&err, TIDINGS_E_IO, errno, "no descriptors")
                                : http_server_start(&options, &server, &err);
    if (status == TIDINGS_OK) {
        printf(cli->json ? "{\"listening\":\"http://127.0.0.1:%d/\"}\n"
                         : "listening on http://127.0.0.1:%d/\n",
               http_server_port(server));
        fflush(stdout);
        serve(listener, signals);
        (void)listen_answer_due(listener, true);
        http_server_stop(server);
        listen_print_sum(listener);
    } else {
        fprintf(stderr, "tidings listen: %s\n", error_text(&err, status));
    }
    if (signals >= 0) {
        close(signals);
    }
    return status == TIDINGS_OK ? 0 : 1;
}

int cmd_listen(struct cli *cli)
{
    struct listener listener = { .cli = cli, .lock = PTHREAD_MUTEX_INITIALIZER };
    int64_t port;
    int code = 2;
    map_init(&listener.ids, LISTEN_IDS_MAX);
    list_init(&listener.order);
    heap_init(&listener.late, LISTEN_LATE_MAX);
    listener.wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (read_options(cli, &listener, &port)) {
        raise_file_limit();
        code = run(cli, &listener, port);
    }
    listen_forget(&listener);
    map_deinit(&listener.ids);
    heap_deinit(&listener.late);
    listen_judge_deinit(&listener);
    if (listener.wake >= 0) {
        close(listener.wake);
    }
    return code;
}
