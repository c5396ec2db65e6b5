// SPDX-License-Identifier: Apache-2.0
// Dialling: a name is resolved in libuv's threads, then its addresses are tried one after the other
// (names like localhost often have an IPv6 address where nobody listens).
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "net/private.h"

// Lives until its last callback came; the connection may be closed before.
struct dial {
    struct net_loop *loop;
    struct net_conn *conn; // NULL when cancelled
    uv_getaddrinfo_t resolve;
    bool resolving;
    struct addrinfo *found;
    const struct addrinfo *next;     // of found
    struct sockaddr_storage address; // tried now
    uv_poll_t poll;
    int fd;
    int result; // errno of the attempt
};

static void dial_free(struct dial *dial)
{
    uv_freeaddrinfo(dial->found);
    free(dial);
}

// The end of a dial: good when result is 0, then its socket is the connection's.
static void finish(struct dial *dial, int result)
{
    struct net_conn *conn = dial->conn;
    if (conn != NULL) {
        conn->dial = NULL;
        if (result == 0 &&
            conn_attach(conn, dial->fd, (struct sockaddr *)&dial->address) == TIDINGS_OK) {
            conn_open(conn);
        } else {
            conn_close(conn, TIDINGS_E_NETWORK);
        }
    }
    dial_free(dial);
}

static void try_next(struct dial *dial);

static void on_poll_closed(uv_handle_t *handle)
{
    struct dial *dial = handle->data;
    if (dial->conn != NULL && dial->result == 0) {
        finish(dial, 0);
        return;
    }
    close(dial->fd);
    if (dial->conn != NULL) {
        try_next(dial);
    } else {
        dial_free(dial);
    }
}

static void on_writable(uv_poll_t *poll, int result, int events)
{
    struct dial *dial = poll->data;
    socklen_t length = sizeof dial->result;
    (void)result; // the socket tells more
    (void)events;
    if (getsockopt(dial->fd, SOL_SOCKET, SO_ERROR, &dial->result, &length) != 0) {
        dial->result = errno;
    }
    uv_close((uv_handle_t *)poll, on_poll_closed);
}

// True when the attempt is under way.
static bool attempt(struct dial *dial)
{
    const struct sockaddr *address = (struct sockaddr *)&dial->address;
    dial->fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (dial->fd < 0) {
        return false;
    }
    if ((connect(dial->fd, address, address_len(address)) == 0 || errno == EINPROGRESS) &&
        uv_poll_init_socket(&dial->loop->uv, &dial->poll, dial->fd) == 0) {
        dial->poll.data = dial;
        if (uv_poll_start(&dial->poll, UV_WRITABLE, on_writable) != 0) {
            dial->result = ECONNREFUSED;
            uv_close((uv_handle_t *)&dial->poll, on_poll_closed);
        }
        return true;
    }
    close(dial->fd);
    return false;
}

static void try_next(struct dial *dial)
{
    while (dial->next != NULL) {
        const struct addrinfo *info = dial->next;
        dial->next = info->ai_next;
        if (info->ai_addrlen > sizeof dial->address) {
            continue;
        }
        memcpy(&dial->address, info->ai_addr, info->ai_addrlen);
        if (attempt(dial)) {
            return;
        }
    }
    finish(dial, ECONNREFUSED);
}

static void on_resolved(uv_getaddrinfo_t *request, int result, struct addrinfo *found)
{
    struct dial *dial = request->data;
    dial->resolving = false;
    dial->found = found;
    dial->next = found;
    if (result != 0 || dial->conn == NULL) {
        finish(dial, ECONNREFUSED);
    } else {
        try_next(dial);
    }
}

void dial_cancel(struct dial *dial)
{
    dial->conn = NULL;
    if (dial->resolving) {
        (void)uv_cancel((uv_req_t *)&dial->resolve); // when it runs already its end is waited for
    } else if (!uv_is_closing((uv_handle_t *)&dial->poll)) {
        uv_close((uv_handle_t *)&dial->poll, on_poll_closed);
    }
}

static void start(struct dial *dial, const char *host, int port)
{
    const struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
    char service[16];
    if (address_parse(host, port, &dial->address) == 0) {
        if (!attempt(dial)) {
            finish(dial, ECONNREFUSED);
        }
        return;
    }
    int n = snprintf(service, sizeof service, "%d", port);
    dial->resolve.data = dial;
    dial->resolving = n > 0 && uv_getaddrinfo(&dial->loop->uv, &dial->resolve, on_resolved, host,
                                              service, &hints) == 0;
    if (!dial->resolving) {
        finish(dial, ECONNREFUSED);
    }
}

tidings_status net_dial(struct net_loop *loop, const char *host, int port,
                        const struct net_handler *handler, void *arg,
                        const struct net_conn_options *options, struct net_conn **ret,
                        struct tidings_error *err)
{
    struct net_conn *conn;
    if (loop->closing) {
        return error_set(err, TIDINGS_E_CLOSED, "cannot connect to %s:%d: shutting down", host,
                         port);
    }
    if (port < 1 || port > 65535) {
        return error_set(err, TIDINGS_E_INVALID, "cannot connect to %s:%d: ports are 1 to 65535",
                         host, port);
    }
    struct dial *dial = calloc(1, sizeof *dial);
    tidings_status status =
        dial != NULL ? conn_new(loop, handler, arg, options, &conn) : TIDINGS_E_NO_MEMORY;
    if (status != TIDINGS_OK) {
        free(dial);
        return error_set(err, status, "cannot connect to %s:%d: %s", host, port,
                         tidings_status_text(status));
    }
    dial->loop = loop;
    dial->conn = conn;
    conn->dial = dial;
    conn->told = true;
    if (options->connect_timeout_ms > 0) {
        conn->deadline_ms = loop_now_ms(loop) + options->connect_timeout_ms;
        deadline_update(conn);
    }
    *ret = conn;
    start(dial, host, port); // a failure is told by `closed`, later
    return TIDINGS_OK;
}
