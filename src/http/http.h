// SPDX-License-Identifier: Apache-2.0
// HTTP in: a small face over libmicrohttpd. Threads of its own serve all connections; the handler
// runs on one of them, must not block, and fills the response at once, or says that it comes later
// and answers from whichever thread has it.
#ifndef HTTP_HTTP_H
#define HTTP_HTTP_H

#include "base/error.h"
#include "base/str.h"

struct http_server;
struct http_exchange; // one request and its response

struct http_request {
    const char *method;
    const char *path; // without the query, percent-decoded
    struct str body;  // whole, at most body_max
    struct http_exchange *exchange;
};
enum { HTTP_RESPONSE_FIELDS_MAX = 8, HTTP_RESPONSE_FIELD_SIZE = 512 };
struct http_response {
    int status;               // 200 unless set
    const char *content_type; // "text/plain; charset=utf-8" unless set; stays until it is sent
    struct buf body;          // at most 16 MiB
    struct {
        const char *name; // stays until it is sent
        char value[HTTP_RESPONSE_FIELD_SIZE];
    } fields[HTTP_RESPONSE_FIELDS_MAX];
    size_t field_count;
};
typedef void http_handler(void *arg, const struct http_request *request,
                          struct http_response *response);

struct http_server_options {
    const char *host; // numeric
    int port;         // 0 = any free
    size_t body_max;  // larger requests are answered 413
    // All bodies that are held at a time; requests beyond it are answered 503 with Retry-After. 0 =
    // no bound.
    size_t bodies_total_max;
    unsigned connections_max;
    unsigned threads; // 0 = 1
    int timeout_s;    // idle or slow connections
    http_handler *handler;
    void *arg;
    // Answers of the server itself (413, 503 of bodies_total_max) are made by it when it is not
    // NULL: it gets the status and a text, and fills the response.
    void (*refuse)(void *arg, int status, const char *text, struct http_response *response);
};
tidings_status http_server_start(const struct http_server_options *options,
                                 struct http_server **ret,
                                 struct tidings_error *err) TIDINGS_NODISCARD;
int http_server_port(const struct http_server *server);
// Takes no more connections, waits for running handlers and for all answers that come later (their
// owner still runs), frees. NULL allowed.
void http_server_stop(struct http_server *server);

// NULL when absent; good during the call of the handler, and until the answer when it comes later.
const char *http_request_header(const struct http_request *request, const char *name);
const char *http_request_query(const struct http_request *request, const char *name);
// Every header field as it came, in order; `each` returns false to stop.
void http_request_each_header(const struct http_request *request,
                              bool (*each)(void *arg, const char *name, const char *value),
                              void *arg);
// The peer's address as text ("127.0.0.1").
void http_request_peer(const struct http_request *request, char *out, size_t size);

// Adds a header field to the response; too long a value, or one field too many, is cut away: an
// assertion for what the program writes itself.
void http_response_field(struct http_response *response, const char *name, const char *format, ...)
    BASE_PRINTF(3, 4);

// Within the handler, at most once: the answer comes later, what the handler leaves in `response`
// is the beginning of it. The request and all its views stay good until http_exchange_answer.
void http_exchange_later(struct http_exchange *exchange);
const struct http_request *http_exchange_request(const struct http_exchange *exchange);
struct http_response *http_exchange_response(struct http_exchange *exchange);
// Any thread, exactly once after http_exchange_later (also before the handler has returned): the
// response is complete. The exchange is not to be touched afterwards. A client that has gone away
// meanwhile does no harm.
void http_exchange_answer(struct http_exchange *exchange);

#endif
