// SPDX-License-Identifier: Apache-2.0
// Listening: the socket is our own and only watched by libuv, so that running out of descriptors is
// ours to answer: the waiting peers stay in the kernel's queue, and accepting rests for
// ACCEPT_REST_MS.
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "net/private.h"

static void on_readable(uv_poll_t *poll, int result, int events);

static void watch(struct net_listener *listener)
{
    if (uv_poll_start(&listener->poll, UV_READABLE, on_readable) != 0) {
        uv_timer_again(&listener->rest);
    }
}

static void on_rested(uv_timer_t *timer)
{
    uv_timer_stop(timer);
    watch(timer->data);
}

static void rest(struct net_listener *listener)
{
    listener->loop->stats.refused++;
    uv_poll_stop(&listener->poll);
    uv_timer_again(&listener->rest);
}

// The peer's fault or a passing condition of one connection: the next one may be good (accept(2),
// "Error handling").
static bool concerns_one(int os_errno)
{
    switch (os_errno) {
    case EINTR:
    case ECONNABORTED:
    case ENETDOWN:
    case EPROTO:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case EOPNOTSUPP:
    case ENETUNREACH: return true;
    default: return false;
    }
}

static void admit(struct net_listener *listener, int fd, const struct sockaddr *peer)
{
    struct net_loop *loop = listener->loop;
    struct net_conn *conn;
    if (conn_new(loop, listener->handler, listener->arg, &listener->options, &conn) != TIDINGS_OK) {
        loop->stats.refused++;
        close(fd);
        return;
    }
    if (conn_attach(conn, fd, peer) != TIDINGS_OK) {
        loop->stats.refused++;
        conn_close(conn, TIDINGS_E_NETWORK); // the handler was never told of it
        return;
    }
    conn->accepted = true;
    loop->stats.accepted++;
    conn_open(conn);
}

static void on_readable(uv_poll_t *poll, int result, int events)
{
    struct net_listener *listener = poll->data;
    (void)events;
    if (result != 0) {
        rest(listener);
        return;
    }
    for (int i = 0; i < ACCEPT_BURST && !listener->closed; i++) {
        struct sockaddr_storage peer = { 0 };
        socklen_t length = sizeof peer;
        errno = fault_hit(listener->loop->options.fault, FAULT_NET_ACCEPT);
        int fd = errno != 0 ? -1
                            : accept4(listener->fd, (struct sockaddr *)&peer, &length,
                                      SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            admit(listener, fd, (struct sockaddr *)&peer);
        } else if (errno == EAGAIN) {
            return;
        } else if (!concerns_one(errno)) {
            rest(listener);
            return;
        }
    }
}

// ---- opening ----
static int open_socket(const struct sockaddr_storage *address, int *ret_fd, int *ret_port)
{
    const int on = 1;
    struct sockaddr_storage bound = { 0 };
    socklen_t length = sizeof bound;
    int fd = socket(address->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return errno;
    }
    const struct sockaddr *plain = (const struct sockaddr *)address;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        bind(fd, plain, address_len(plain)) != 0 || listen(fd, BACKLOG) != 0 ||
        getsockname(fd, (struct sockaddr *)&bound, &length) != 0) {
        int os_errno = errno;
        close(fd);
        return os_errno;
    }
    *ret_fd = fd;
    *ret_port = address_port((struct sockaddr *)&bound);
    return 0;
}

static const char *what_to_do(int os_errno)
{
    switch (os_errno) {
    case EADDRINUSE: return "another program is there: stop it or choose another port";
    case EACCES: return "ports below 1024 need a privilege: choose a higher one";
    case EADDRNOTAVAIL: return "this machine has no such address: choose one of its own";
    case EMFILE:
    case ENFILE: return "raise the limit of open files (ulimit -n)";
    default: return "choose another address or port";
    }
}

static void part_closed(uv_handle_t *handle)
{
    struct net_listener *listener = handle->data;
    if (--listener->open_handles == 0) {
        free(listener);
    }
}

static tidings_status start(struct net_listener *listener, struct tidings_error *err)
{
    struct net_loop *loop = listener->loop;
    int result = uv_poll_init_socket(&loop->uv, &listener->poll, listener->fd);
    if (result != 0) {
        return error_set(err, TIDINGS_E_NETWORK, "cannot watch the port: %s", uv_strerror(result));
    }
    uv_timer_init(&loop->uv, &listener->rest);
    listener->poll.data = listener;
    listener->rest.data = listener;
    listener->open_handles = 2;
    uv_timer_start(&listener->rest, on_rested, ACCEPT_REST_MS, ACCEPT_REST_MS); // sets the period
    uv_timer_stop(&listener->rest);
    list_add_tail(&loop->listeners, &listener->node);
    watch(listener);
    return TIDINGS_OK;
}

tidings_status net_listen(struct net_loop *loop, const char *host, int port,
                          const struct net_handler *handler, void *arg,
                          const struct net_conn_options *options, struct net_listener **ret,
                          struct tidings_error *err)
{
    struct sockaddr_storage address;
    int fd = -1;
    int bound_port = 0;
    if (port < 0 || port > 65535 || address_parse(host, port, &address) != 0) {
        return error_set(
            err, TIDINGS_E_INVALID,
            "cannot listen on %s port %d: the address must be numeric, like 127.0.0.1, "
            "the port at most 65535",
            host, port);
    }
    int os_errno = open_socket(&address, &fd, &bound_port);
    if (os_errno != 0) {
        char reason[96];
        (void)error_set(err, TIDINGS_E_NETWORK, "cannot listen on %s port %d: %s (%s)", host, port,
                        strerror_r(os_errno, reason, sizeof reason), what_to_do(os_errno));
        if (err != NULL) {
            err->os_errno = os_errno;
        }
        return TIDINGS_E_NETWORK;
    }
    struct net_listener *listener = calloc(1, sizeof *listener);
    if (listener == NULL) {
        close(fd);
        return error_set(err, TIDINGS_E_NO_MEMORY, "no memory to listen");
    }
    *listener = (struct net_listener){ .loop = loop,
                                       .handler = handler,
                                       .arg = arg,
                                       .options = *options,
                                       .fd = fd,
                                       .port = bound_port };
    tidings_status status = start(listener, err);
    if (status != TIDINGS_OK) {
        close(fd);
        free(listener);
        return status;
    }
    *ret = listener;
    return TIDINGS_OK;
}

int net_listener_port(const struct net_listener *listener)
{
    return listener->port;
}

void net_listener_close(struct net_listener *listener)
{
    if (listener == NULL) {
        return;
    }
    listener->closed = true;
    list_remove(&listener->node);
    uv_close((uv_handle_t *)&listener->poll, part_closed);
    uv_close((uv_handle_t *)&listener->rest, part_closed);
    close(listener->fd); // the port is free when this returns
}
