// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/thread.h"
#include "http/http.h"

enum { RESPONSE_MAX = 16 * 1024 * 1024 };

struct http_server {
    struct MHD_Daemon *daemon;
    struct http_server_options options;
    int port;
};

struct http_exchange { // one request
    struct MHD_Connection *connection;
    struct buf body;
    bool too_large;
};

const char *http_request_header(const struct http_request *request, const char *name)
{
    return MHD_lookup_connection_value(request->exchange->connection, MHD_HEADER_KIND, name);
}

const char *http_request_query(const struct http_request *request, const char *name)
{
    return MHD_lookup_connection_value(request->exchange->connection, MHD_GET_ARGUMENT_KIND, name);
}

static enum MHD_Result send_response(struct MHD_Connection *connection,
                                     struct http_response *response)
{
    struct MHD_Response *answer = MHD_create_response_from_buffer(
        response->body.len, response->body.ptr, MHD_RESPMEM_MUST_COPY);
    if (answer == NULL) {
        return MHD_NO;
    }
    enum MHD_Result result =
        MHD_add_response_header(answer, MHD_HTTP_HEADER_CONTENT_TYPE, response->content_type);
    if (result == MHD_YES) {
        result = MHD_queue_response(connection, (unsigned)response->status, answer);
    }
    MHD_destroy_response(answer);
    return result;
}

static enum MHD_Result answer_request(struct http_server *server, struct http_exchange *exchange,
                                      const char *path, const char *method)
{
    struct http_response response = { .status = 200, .content_type = "text/plain; charset=utf-8" };
    struct http_request request = { method, path, buf_str(&exchange->body), exchange };
    buf_init(&response.body, RESPONSE_MAX);
    if (exchange->too_large) {
        response.status = 413;
        if (buf_addf(&response.body, "the body is over %zu bytes\n", server->options.body_max) !=
            TIDINGS_OK) {
            response.body.len = 0;
        }
    } else {
        server->options.handler(server->options.arg, &request, &response);
    }
    enum MHD_Result result = send_response(exchange->connection, &response);
    buf_deinit(&response.body);
    return result;
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *connection, const char *path,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_len, void **state)
{
    struct http_server *server = arg;
    struct http_exchange *exchange = *state;
    (void)version;
    if (exchange == NULL) {
        exchange = calloc(1, sizeof *exchange);
        if (exchange == NULL) {
            return MHD_NO;
        }
        exchange->connection = connection;
        buf_init(&exchange->body, server->options.body_max);
        *state = exchange;
        return MHD_YES;
    }
    if (*upload_len > 0) {
        if (!exchange->too_large && buf_add(&exchange->body, upload, *upload_len) != TIDINGS_OK) {
            exchange->too_large = true;
        }
        *upload_len = 0;
        return MHD_YES;
    }
    return answer_request(server, exchange, path, method);
}

static void on_done(void *arg, struct MHD_Connection *connection, void **state,
                    enum MHD_RequestTerminationCode code)
{
    struct http_exchange *exchange = *state;
    (void)arg;
    (void)connection;
    (void)code;
    if (exchange != NULL) {
        buf_deinit(&exchange->body);
        free(exchange);
        *state = NULL;
    }
}

static tidings_status make_address(const char *host, int port, struct sockaddr_storage *ret,
                                   struct tidings_error *err)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)ret;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ret;
    memset(ret, 0, sizeof *ret);
    if (inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons((uint16_t)port);
        return TIDINGS_OK;
    }
    if (inet_pton(AF_INET6, host, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons((uint16_t)port);
        return TIDINGS_OK;
    }
    return error_set(err, TIDINGS_E_INVALID, "HTTP address \"%s\" must be numeric, like 127.0.0.1",
                     host);
}

tidings_status http_server_start(const struct http_server_options *options,
                                 struct http_server **ret, struct tidings_error *err)
{
    struct sockaddr_storage address;
    tidings_status status = make_address(options->host, options->port, &address, err);
    if (status != TIDINGS_OK) {
        return status;
    }
    struct http_server *server = calloc(1, sizeof *server);
    if (server == NULL) {
        return error_set(err, TIDINGS_E_NO_MEMORY, "no memory for the HTTP server");
    }
    server->options = *options;
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC;
    if (address.ss_family == AF_INET6) {
        flags |= MHD_USE_IPv6;
    }
    sigset_t before;
    thread_signals_block(&before);
    server->daemon = MHD_start_daemon(
        flags, (uint16_t)options->port, NULL, NULL, on_request, server, MHD_OPTION_SOCK_ADDR,
        &address, MHD_OPTION_NOTIFY_COMPLETED, on_done, NULL, MHD_OPTION_CONNECTION_LIMIT,
        options->connections_max, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)options->timeout_s,
        MHD_OPTION_END);
    thread_signals_restore(&before);
    if (server->daemon == NULL) {
        int why = errno;
        free(server);
        return error_set_errno(
            err, TIDINGS_E_NETWORK, why,
            "cannot serve HTTP on %s:%d (is another program there? choose another port "
            "with --http-port)",
            options->host, options->port);
    }
    const union MHD_DaemonInfo *info =
        MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_BIND_PORT);
    server->port = info != NULL && info->port != 0 ? info->port : options->port;
    *ret = server;
    return TIDINGS_OK;
}

int http_server_port(const struct http_server *server)
{
    return server->port;
}

void http_server_stop(struct http_server *server)
{
    if (server != NULL) {
        MHD_stop_daemon(server->daemon);
        free(server);
    }
}
