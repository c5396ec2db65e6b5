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
    const char *method; // as it came; of the answer to HEAD the body is counted, and not sent
    // Without the query, percent-decoded, begins with '/', has no control characters. What has
    // wrong escapes, or %00, is answered 400 and never seen.
    const char *path;
    struct str body; // whole, at most body_max
    struct http_exchange *exchange;
};
enum { HTTP_RESPONSE_FIELDS_MAX = 8, HTTP_RESPONSE_FIELD_SIZE = 512 };
struct http_response {
    int status; // 200 unless set; of 204 and 304 the body is dropped
    // "text/plain; charset=utf-8" unless set; stays until it is sent. NULL: none, or among the
    // fields.
    const char *content_type;
    struct buf body; // at most 16 MiB
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
    size_t body_max;  // larger requests are answered 413, when they have been read (or at once,
                      // when they ask before sending, or are larger than anybody would read)
    // Memory of all request bodies together, each until its answer; requests beyond it are
    // answered 503 with Retry-After: 1, and their bodies are dropped as they come. 0 = no bound.
    size_t bodies_total_max;
    unsigned connections_max; // shared out among the threads
    unsigned threads;         // 0 = 1, at most 64
    // Silent connections are closed after it. Slow ones too: a request's header, and its body, must
    // be there within twice, an answer be taken within ten times of it. 0 = none of these.
    int timeout_s;
    http_handler *handler;
    void *arg;
    // Answers of the server itself (400 of a wrong path, 413, 503 of bodies_total_max and while it
    // stops) are made by it when it is not NULL: it gets the status and a text, and fills the
    // response, whose status is set. On any of the server's threads.
    void (*refuse)(void *arg, int status, const char *text, struct http_response *response);
};
tidings_status http_server_start(const struct http_server_options *options,
                                 struct http_server **ret,
                                 struct tidings_error *err) TIDINGS_NODISCARD;
int http_server_port(const struct http_server *server);
// Takes no more connections, waits for running handlers and for all answers that come later (their
// owner still runs), lets answers go out for up to 2 s, frees. Requests that come meanwhile over
// open connections are answered 503. NULL allowed.
void http_server_stop(struct http_server *server);

// NULL when absent; good during the call of the handler, and until the answer when it comes later.
const char *http_request_header(const struct http_request *request, const char *name);
const char *http_request_query(const struct http_request *request, const char *name);
// Every parameter of the query as it came, decoded, in order; `each` returns false to stop.
void http_request_each_query(const struct http_request *request,
                             bool (*each)(void *arg, const char *name, const char *value),
                             void *arg);
// Every header field as it came, in order; `each` returns false to stop.
void http_request_each_header(const struct http_request *request,
                              bool (*each)(void *arg, const char *name, const char *value),
                              void *arg);
// The peer's address as text ("127.0.0.1").
void http_request_peer(const struct http_request *request, char *out, size_t size);

// HTTP_ROOM_SIZE bytes, aligned for anything, of the handler's, good until the answer: a handler
// that answers later keeps there what it would else ask the heap for.
enum { HTTP_ROOM_SIZE = 4096 };
void *http_request_room(const struct http_request *request);

// Adds a header field to the response. Too long a value, or one field too many, fails an assertion:
// the program writes them itself. Control characters become spaces; an empty value is not sent.
void http_response_field(struct http_response *response, const char *name, const char *format, ...)
    BASE_PRINTF(3, 4);

// Within the handler, at most once: the answer comes later, what the handler leaves in `response`
// is the beginning of it. The request and all its views stay good until http_exchange_answer. Once
// another thread may answer, request and response are that thread's: the handler returns.
void http_exchange_later(struct http_exchange *exchange);
const struct http_request *http_exchange_request(const struct http_exchange *exchange);
struct http_response *http_exchange_response(struct http_exchange *exchange);
// Any thread, exactly once after http_exchange_later (also before the handler has returned): the
// response is complete. The exchange is not to be touched afterwards. A client that has gone away
// meanwhile does no harm. Cheap: many answers in a row wake the server once.
void http_exchange_answer(struct http_exchange *exchange);

#endif
