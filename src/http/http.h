// SPDX-License-Identifier: Apache-2.0
// HTTP in: a small face over libmicrohttpd. One thread of its own serves all connections; the
// handler runs on it, must not block for long, and answers by filling the response.
#ifndef HTTP_HTTP_H
#define HTTP_HTTP_H

#include "base/error.h"
#include "base/str.h"

struct http_server;
struct http_exchange; // private: where header and query values are looked up

struct http_request {
    const char *method;
    const char *path; // without the query
    struct str body;  // whole, at most body_max
    struct http_exchange *exchange;
};
struct http_response {
    int status;               // 200 unless set
    const char *content_type; // "text/plain; charset=utf-8" unless set
    struct buf body;          // at most 16 MiB
};
typedef void http_handler(void *arg, const struct http_request *request,
                          struct http_response *response);

struct http_server_options {
    const char *host; // numeric
    int port;         // 0 = any free
    size_t body_max;  // larger requests are answered 413
    unsigned connections_max;
    int timeout_s; // idle or slow connections
    http_handler *handler;
    void *arg;
};
tidings_status http_server_start(const struct http_server_options *options,
                                 struct http_server **ret,
                                 struct tidings_error *err) TIDINGS_NODISCARD;
int http_server_port(const struct http_server *server);
void http_server_stop(
    struct http_server *server); // waits for running handlers, frees; NULL allowed
// NULL when absent; good during the call of the handler.
const char *http_request_header(const struct http_request *request, const char *name);
const char *http_request_query(const struct http_request *request, const char *name);

#endif
