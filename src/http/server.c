// SPDX-License-Identifier: Apache-2.0
#include "http/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

static tidings_status make_address(const char *host, int port, union address *ret,
                                   struct tidings_error *err)
{
    memset(ret, 0, sizeof *ret);
    if (inet_pton(AF_INET, host, &ret->v4.sin_addr) == 1) {
        ret->v4.sin_family = AF_INET;
        ret->v4.sin_port = htons((uint16_t)port);
        return TIDINGS_OK;
    }
    if (inet_pton(AF_INET6, host, &ret->v6.sin6_addr) == 1) {
        ret->v6.sin6_family = AF_INET6;
        ret->v6.sin6_port = htons((uint16_t)port);
        return TIDINGS_OK;
    }
    return error_set(err, TIDINGS_E_INVALID, "HTTP address \"%s\" must be numeric, like 127.0.0.1",
                     host);
}

static bool try_listen(int fd, const union address *address)
{
    const int on = 1;
    bool v6 = address->any.sa_family == AF_INET6;
    socklen_t size = v6 ? sizeof address->v6 : sizeof address->v4;
    return setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
           (!v6 || setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) == 0) &&
           bind(fd, &address->any, size) == 0 && listen(fd, SOMAXCONN) == 0;
}

static tidings_status listen_on(const struct http_server_options *options,
                                const union address *address, int *ret_fd,
                                struct tidings_error *err)
{
    int fd = socket(address->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || !try_listen(fd, address)) {
        int why = errno;
        if (fd >= 0) {
            (void)close(fd);
        }
        return error_set_errno(
            err, TIDINGS_E_NETWORK, why,
            "cannot serve HTTP on %s:%d (is another program there? choose another port "
            "with --http-port)",
            options->host, options->port);
    }
    *ret_fd = fd;
    return TIDINGS_OK;
}

static int port_of(int fd)
{
    union address address = { 0 };
    socklen_t size = sizeof address;
    if (getsockname(fd, &address.any, &size) != 0) {
        return 0;
    }
    return ntohs(address.any.sa_family == AF_INET6 ? address.v6.sin6_port : address.v4.sin_port);
}

// Every worker accepts from the same socket, and closes a descriptor of its own.
static tidings_status start_workers(struct http_server *server, int fd, bool v6,
                                    struct tidings_error *err)
{
    unsigned wanted = server->worker_count;
    tidings_status status = TIDINGS_OK;
    for (unsigned i = 0; i < wanted && status == TIDINGS_OK; i++) {
        int own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
        if (own < 0) {
            status = error_set_errno(err, TIDINGS_E_NETWORK, errno, "no descriptor for HTTP");
            server->worker_count = i;
        } else {
            status = worker_start(&server->workers[i], server, own, v6, err);
            server->worker_count = status == TIDINGS_OK ? wanted : i + 1;
        }
    }
    return status;
}

tidings_status http_server_start(const struct http_server_options *options,
                                 struct http_server **ret, struct tidings_error *err)
{
    union address address;
    int fd = -1;
    unsigned threads = options->threads > 0 ? options->threads : 1;
    if (threads > HTTP_THREADS_MAX) {
        return error_set(err, TIDINGS_E_INVALID, "HTTP threads: %u, at most %d", threads,
                         HTTP_THREADS_MAX);
    }
    tidings_status status = make_address(options->host, options->port, &address, err);
    if (status == TIDINGS_OK) {
        status = listen_on(options, &address, &fd, err);
    }
    if (status != TIDINGS_OK) {
        return status;
    }
    struct http_server *server = calloc(1, sizeof *server + threads * sizeof server->workers[0]);
    if (server == NULL) {
        (void)close(fd);
        return error_set(err, TIDINGS_E_NO_MEMORY, "no memory for the HTTP server");
    }
    server->options = *options;
    server->port = port_of(fd);
    server->worker_count = threads;
    status = start_workers(server, fd, address.any.sa_family == AF_INET6, err);
    (void)close(fd);
    if (status != TIDINGS_OK) {
        http_server_stop(server);
        return status;
    }
    *ret = server;
    return TIDINGS_OK;
}

int http_server_port(const struct http_server *server)
{
    return server->port;
}

void http_server_stop(struct http_server *server)
{
    if (server == NULL) {
        return;
    }
    for (unsigned i = 0; i < server->worker_count; i++) {
        worker_tell_stop(&server->workers[i]);
    }
    for (unsigned i = 0; i < server->worker_count; i++) {
        worker_stop(&server->workers[i]);
    }
    free(server);
}
