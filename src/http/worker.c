// SPDX-License-Identifier: Apache-2.0
// One thread, one libmicrohttpd daemon, the list of answers that have come.
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/thread.h"
#include "http/server.h"

enum {
    SWEEP_MS = 1000,
    LINGER_MS = 2000, // at the end: for answers that are on their way out
    // libmicrohttpd's own timeout counts from the last byte, so who sends a byte now and then stays
    // for ever. A request and its body must be there within so many of it, an answer taken within
    // so many.
    READ_TIMEOUTS = 2,
    WRITE_TIMEOUTS = 10,
};

static int64_t now_ms(void)
{
    return clock_mono_us(clock_system()) / 1000;
}

// ---- answers from anywhere ----
static void wake(struct worker *worker)
{
    const uint64_t one = 1;
    ssize_t written;
    do {
        written = write(worker->wake_fd, &one, sizeof one);
    } while (written < 0 && errno == EINTR);
}

// The wake is inside the lock: with the answer taken the worker may end, and its memory with it.
void worker_push(struct worker *worker, struct http_exchange *exchange)
{
    pthread_mutex_lock(&worker->lock);
    exchange->next = worker->answered;
    worker->answered = exchange;
    if (exchange->next == NULL) { // otherwise it has been woken
        wake(worker);
    }
    pthread_mutex_unlock(&worker->lock);
}

void worker_tell_stop(struct worker *worker)
{
    pthread_mutex_lock(&worker->lock);
    worker->told_to_stop = true;
    wake(worker);
    pthread_mutex_unlock(&worker->lock);
}

static void stop_listening(struct worker *worker)
{
    worker->stopping = true;
    MHD_socket fd = MHD_quiesce_daemon(worker->daemon);
    if (fd != MHD_INVALID_SOCKET) {
        (void)close(fd);
    }
}

static void take_answers(struct worker *worker)
{
    pthread_mutex_lock(&worker->lock);
    struct http_exchange *exchange = worker->answered;
    bool stop = worker->told_to_stop;
    worker->answered = NULL;
    pthread_mutex_unlock(&worker->lock);
    while (exchange != NULL) {
        struct http_exchange *next = exchange->next;
        BASE_ASSERT(exchange->is_later && !exchange->is_answered);
        exchange->is_answered = true;
        worker->later--;
        MHD_resume_connection(exchange->mhd);
        exchange = next;
    }
    if (stop && !worker->stopping) {
        stop_listening(worker);
    }
}

// ---- connections ----
static void on_connection(void *arg, struct MHD_Connection *mhd, void **context,
                          enum MHD_ConnectionNotificationCode code)
{
    struct worker *worker = arg;
    struct connection *connection = *context;
    if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
        if (connection != NULL) {
            list_remove(&connection->node);
            free(connection);
            *context = NULL;
        }
        return;
    }
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
    connection = info != NULL ? malloc(sizeof *connection) : NULL;
    if (connection == NULL) {
        return; // its first request closes it
    }
    *connection = (struct connection){ .fd = info->connect_fd, .since_ms = worker->now_ms };
    list_add_tail(&worker->connections, &connection->node);
    *context = connection;
}

// libmicrohttpd, told once that there is something to read, does not see an end that came together
// with the last bytes.
static bool has_ended(const struct connection *connection)
{
    char byte;
    return recv(connection->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

static void sweep(struct worker *worker)
{
    int64_t timeout_ms = (int64_t)worker->server->options.timeout_s * 1000;
    worker->sweep_ms = worker->now_ms + SWEEP_MS;
    list_for_each (node, &worker->connections) {
        const struct connection *connection = LIST_ENTRY(node, struct connection, node);
        int64_t limit_ms = connection->phase == PHASE_HANDLING  ? 0
                           : connection->phase == PHASE_WRITING ? WRITE_TIMEOUTS * timeout_ms
                                                                : READ_TIMEOUTS * timeout_ms;
        int64_t passed_ms = worker->now_ms - connection->since_ms;
        if ((limit_ms > 0 && passed_ms > limit_ms) ||
            (connection->phase == PHASE_READING && passed_ms >= SWEEP_MS &&
             has_ended(connection))) {
            (void)shutdown(connection->fd, SHUT_RDWR); // the daemon finds it closed
        }
    }
}

// ---- the thread ----
static int wait_ms(const struct worker *worker)
{
    MHD_UNSIGNED_LONG_LONG daemon_ms = 0;
    bool has_limit = MHD_get_timeout(worker->daemon, &daemon_ms) == MHD_YES;
    int64_t left = worker->sweep_ms - worker->now_ms;
    int64_t wait = list_empty(&worker->connections) ? -1 : left > 0 ? left : 0;
    if (worker->stopping) {
        wait = SWEEP_MS / 10;
    }
    if (has_limit && (wait < 0 || daemon_ms < (uint64_t)wait)) {
        wait = daemon_ms < SWEEP_MS ? (int64_t)daemon_ms : SWEEP_MS;
    }
    return (int)wait;
}

static void wait_for_events(struct worker *worker, int epoll_fd)
{
    struct pollfd fds[2] = { { epoll_fd, POLLIN, 0 }, { worker->wake_fd, POLLIN, 0 } };
    uint64_t wakes;
    int wait = wait_ms(worker);
    if (poll(fds, 2, wait) > 0 && fds[1].revents != 0 &&
        read(worker->wake_fd, &wakes, sizeof wakes) < 0) {
        return; // somebody has read it: nothing to wake for
    }
}

static void *run(void *arg)
{
    struct worker *worker = arg;
    int64_t end_ms = INT64_MAX; // of the lingering
    const union MHD_DaemonInfo *info =
        MHD_get_daemon_info(worker->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    int epoll_fd = info != NULL ? info->epoll_fd : -1;
    for (;;) {
        worker->now_ms = now_ms();
        take_answers(worker);
        (void)MHD_run_wait(worker->daemon, 0);
        if (worker->now_ms >= worker->sweep_ms) {
            sweep(worker);
        }
        if (worker->stopping && worker->later == 0) {
            end_ms = end_ms == INT64_MAX ? worker->now_ms + LINGER_MS : end_ms;
            if (worker->writing == 0 || worker->now_ms >= end_ms) {
                return NULL;
            }
        }
        wait_for_events(worker, epoll_fd);
    }
}

static struct MHD_Daemon *start_daemon(struct worker *worker, int listen_fd, bool v6)
{
    const struct http_server_options *options = &worker->server->options;
    unsigned share = options->connections_max / worker->server->worker_count;
    // Without its channel between threads: all calls come from the one thread.
    unsigned flags = MHD_USE_EPOLL | (MHD_ALLOW_SUSPEND_RESUME & ~(unsigned)MHD_USE_ITC) |
                     (v6 ? MHD_USE_IPv6 : 0);
    return MHD_start_daemon(
        flags, 0, NULL, NULL, exchange_on_request, worker, MHD_OPTION_LISTEN_SOCKET, listen_fd,
        MHD_OPTION_NOTIFY_COMPLETED, exchange_on_done, NULL, MHD_OPTION_NOTIFY_CONNECTION,
        on_connection, worker, MHD_OPTION_UNESCAPE_CALLBACK, exchange_unescape, NULL,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HTTP_HEAD_MAX, MHD_OPTION_CONNECTION_LIMIT,
        share > 0 ? share : 1, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)options->timeout_s,
        MHD_OPTION_END);
}

tidings_status worker_start(struct worker *worker, struct http_server *server, int listen_fd,
                            bool v6, struct tidings_error *err)
{
    worker->server = server;
    worker->now_ms = now_ms();
    list_init(&worker->connections);
    pthread_mutex_init(&worker->lock, NULL);
    worker->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    worker->daemon = worker->wake_fd >= 0 ? start_daemon(worker, listen_fd, v6) : NULL;
    if (worker->daemon == NULL) {
        int why = errno;
        (void)close(listen_fd);
        return error_set_errno(err, TIDINGS_E_INTERNAL, why, "the HTTP server does not start");
    }
    int failed = thread_start(&worker->thread, run, worker);
    if (failed != 0) {
        return error_set_errno(err, TIDINGS_E_INTERNAL, failed, "no thread for the HTTP server");
    }
    worker->running = true;
    return TIDINGS_OK;
}

void worker_stop(struct worker *worker)
{
    if (worker->running) {
        (void)pthread_join(worker->thread, NULL);
    }
    if (worker->daemon != NULL) {
        MHD_stop_daemon(worker->daemon);
    }
    while (worker->spare != NULL) {
        struct http_exchange *next = worker->spare->next;
        exchange_free(worker->spare);
        worker->spare = next;
    }
    // Whoever pushed the last answer may still be inside the lock.
    pthread_mutex_lock(&worker->lock);
    pthread_mutex_unlock(&worker->lock);
    pthread_mutex_destroy(&worker->lock);
    if (worker->wake_fd >= 0) {
        (void)close(worker->wake_fd);
    }
}
