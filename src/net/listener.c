// SPDX-License-Identifier: Apache-2.0
// Listening and dialling.
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

#include "net/private.h"

// ---- listening ----
static void listener_part_closed(uv_handle_t *handle)
{
    struct net_listener *listener = handle->data;
    if (--listener->open_handles == 0) {
        free(listener);
    }
}

// Accepts and closes: the peer learns at once that there is no room.
static void refuse(struct net_listener *listener)
{
    uv_tcp_t *handle = malloc(sizeof *handle);
    listener->loop->stats.refused++;
    if (handle == NULL || uv_tcp_init(&listener->loop->uv, handle) != 0) {
        free(handle);
        return;
    }
    int result = uv_accept((uv_stream_t *)&listener->handle, (uv_stream_t *)handle);
    (void)result; // closed in either case
    uv_close((uv_handle_t *)handle, (uv_close_cb)free);
}

static void on_connection(uv_stream_t *stream, int result)
{
    struct net_listener *listener = stream->data;
    struct net_conn *conn;
    if (result != 0 || fault_hit(listener->loop->options.fault, FAULT_NET_ACCEPT) != 0) {
        if (result != 0) {
            listener->loop->stats
                .refused++; // out of descriptors: libuv has already given the socket up
        } else {
            refuse(listener);
        }
        return;
    }
    if (conn_new(listener->loop, listener->handler, listener->arg, &conn) != TIDINGS_OK) {
        refuse(listener);
        return;
    }
    conn->own_options = malloc(sizeof *conn->own_options);
    if (conn->own_options == NULL || uv_accept(stream, (uv_stream_t *)&conn->handle) != 0) {
        conn->options = &listener->options;
        conn_close(conn, TIDINGS_E_NETWORK);
        return;
    }
    *conn->own_options = listener->options; // the listener may close before its connections
    conn->options = conn->own_options;
    conn->accepted = true;
    conn->paused = listener->loop->paused_all;
    listener->loop->stats.accepted++;
    conn_opened(conn);
}

static int parse_address(const char *host, int port, struct sockaddr_storage *ret)
{
    memset(ret, 0, sizeof *ret);
    if (uv_ip4_addr(host, port, (struct sockaddr_in *)ret) == 0) {
        return 0;
    }
    return uv_ip6_addr(host, port, (struct sockaddr_in6 *)ret);
}

static int bind_and_listen(struct net_listener *listener, const struct sockaddr_storage *address)
{
    struct sockaddr_storage bound;
    int length = sizeof bound;
    int result = uv_tcp_bind(&listener->handle, (const struct sockaddr *)address, 0);
    result =
        result != 0 ? result : uv_listen((uv_stream_t *)&listener->handle, BACKLOG, on_connection);
    result = result != 0
                 ? result
                 : uv_tcp_getsockname(&listener->handle, (struct sockaddr *)&bound, &length);
    if (result == 0) {
        listener->port =
            ntohs(bound.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&bound)->sin6_port
                                              : ((struct sockaddr_in *)&bound)->sin_port);
    }
    return result;
}

tidings_status net_listen(struct net_loop *loop, const char *host, int port,
                          const struct net_handler *handler, void *arg,
                          const struct net_conn_options *options, struct net_listener **ret,
                          struct tidings_error *err)
{
    struct sockaddr_storage address;
    if (port < 0 || port > 65535 || parse_address(host, port, &address) != 0) {
        return error_set(err, TIDINGS_E_INVALID,
                         "cannot listen on %s port %d: the address must be numeric, like 127.0.0.1",
                         host, port);
    }
    struct net_listener *listener = calloc(1, sizeof *listener);
    if (listener == NULL) {
        return error_set(err, TIDINGS_E_NO_MEMORY, "no memory to listen");
    }
    listener->loop = loop;
    listener->handler = handler;
    listener->arg = arg;
    listener->options = *options;
    int result = uv_tcp_init(&loop->uv, &listener->handle);
    if (result != 0) {
        free(listener);
        return error_set(err, TIDINGS_E_NETWORK, "cannot listen: %s", uv_strerror(result));
    }
    listener->handle.data = listener;
    listener->open_handles = 1;
    list_add_tail(&loop->listeners, &listener->node);
    result = bind_and_listen(listener, &address);
    if (result != 0) {
        net_listener_close(listener);
        return error_set(err, TIDINGS_E_NETWORK, "cannot listen on %s port %d: %s%s", host, port,
                         uv_strerror(result),
                         result == UV_EADDRINUSE
                             ? " (another program is there: stop it or choose another port)"
                             : "");
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
    if (listener != NULL) {
        list_remove(&listener->node);
        uv_close((uv_handle_t *)&listener->handle, listener_part_closed);
    }
}

// ---- dialling ----
struct dial {
    struct net_loop *loop;
    uint64_t conn_id; // the connection may be gone when an answer comes
    uv_connect_t connect;
    uv_getaddrinfo_t resolve;
};

static struct net_conn *dial_conn(const struct dial *dial)
{
    uint32_t index = (uint32_t)dial->conn_id;
    struct slot *slot = &dial->loop->slots[index];
    struct net_conn *conn = slot->generation == (uint32_t)(dial->conn_id >> 32) ? slot->conn : NULL;
    return conn != NULL && conn->state == CONN_CONNECTING ? conn : NULL;
}

static void on_connected(uv_connect_t *request, int result)
{
    struct dial *dial = request->data;
    struct net_conn *conn = dial_conn(dial);
    free(dial);
    if (conn == NULL) {
        return;
    }
    if (result != 0) {
        conn_close(conn, TIDINGS_E_NETWORK);
        return;
    }
    conn->loop->now_ms = loop_now_ms(conn->loop);
    conn->active_ms = conn->loop->now_ms;
    conn_opened(conn);
}

static int connect_to(struct dial *dial, struct net_conn *conn, const struct sockaddr *address)
{
    dial->connect.data = dial;
    return uv_tcp_connect(&dial->connect, &conn->handle, address, on_connected);
}

static void on_resolved(uv_getaddrinfo_t *request, int result, struct addrinfo *found)
{
    struct dial *dial = request->data;
    struct net_conn *conn = dial_conn(dial);
    if (conn == NULL || result != 0 || connect_to(dial, conn, found->ai_addr) != 0) {
        free(dial);
        if (conn != NULL) {
            conn_close(conn, TIDINGS_E_NETWORK);
        }
    }
    uv_freeaddrinfo(found);
}

static int start_dial(struct dial *dial, struct net_conn *conn, const char *host, int port)
{
    struct sockaddr_storage address;
    char service[16];
    const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
    if (parse_address(host, port, &address) == 0) {
        return connect_to(dial, conn, (struct sockaddr *)&address);
    }
    int n = snprintf(service, sizeof service, "%d", port);
    if (n < 0) {
        return UV_EINVAL;
    }
    dial->resolve.data = dial;
    return uv_getaddrinfo(&dial->loop->uv, &dial->resolve, on_resolved, host, service, &hints);
}

tidings_status net_dial(struct net_loop *loop, const char *host, int port,
                        const struct net_handler *handler, void *arg,
                        const struct net_conn_options *options, struct net_conn **ret,
                        struct tidings_error *err)
{
    struct net_conn *conn;
    struct dial *dial = calloc(1, sizeof *dial);
    struct net_conn_options *own = malloc(sizeof *own);
    tidings_status status =
        dial != NULL && own != NULL ? conn_new(loop, handler, arg, &conn) : TIDINGS_E_NO_MEMORY;
    if (status != TIDINGS_OK) {
        free(dial);
        free(own);
        return error_set(err, status, "cannot connect to %s:%d: %s", host, port,
                         tidings_status_text(status));
    }
    *own = *options;
    conn->own_options = own;
    conn->options = own;
    conn->state = CONN_CONNECTING;
    if (options->connect_timeout_ms > 0) {
        conn->deadline_ms = loop_now_ms(loop) + options->connect_timeout_ms;
    }
    dial->loop = loop;
    dial->conn_id = conn->id;
    *ret = conn;
    if (start_dial(dial, conn, host, port) != 0) { // told by `closed`, as every later failure
        free(dial);
        conn_close(conn, TIDINGS_E_NETWORK);
    }
    return TIDINGS_OK;
}
