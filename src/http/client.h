// SPDX-License-Identifier: Apache-2.0
// HTTP out: requests over pooled connections on the loop. Plain http is HTTP/1.1 of our own; all
// else is libcurl's, which is started when the first such request is made (https: HTTP/1.1, and
// HTTP/2 where the peer offers it). What it takes for sending to strangers, by either way:
// - one deadline over everything: resolving, connecting, TLS, writing, headers and body;
// - the reply is read up to a limit, and then no further;
// - each address is asked for before it is connected to, after resolving, so that a name cannot
//   point elsewhere in between;
// - no redirects, no proxies of the environment, no compressed replies, no second sending behind
//   the caller's back: only a GET is repeated when a kept connection turns out to be closed, every
//   other request goes out at most once (what could not be written at all did not);
// - passwords, tokens, certificates and trust are of one request: what is kept for the next one
//   knows nothing of them, and a connection is used again only under the same certificates.
#ifndef HTTP_CLIENT_H
#define HTTP_CLIENT_H

#include "base/error.h"
#include "base/str.h"

struct http_client;
struct http_call;
struct net_loop;

enum {
    HTTP_REPLY_HEADERS_MAX = 64 * 1024, // bytes; more is a malformed reply
    HTTP_FIELDS_MAX = 80,               // header fields of a request
    HTTP_FIELD_MAX = 8192,              // bytes of one
};

struct http_client_options {
    // Requests that are under way at a time, and so connections, in all and of one host (scheme,
    // name and port as the URL has them). The others wait within their deadlines, each host's in
    // order, hosts in turn: a host that hangs takes no more than its share. Both > 0.
    unsigned connections_max;
    unsigned per_host_max;
    // May this address (4 or 16 bytes, network order) be connected to? False with the reason in
    // `reason`. NULL: all may.
    bool (*allows)(void *arg, const uint8_t *address, size_t len, char *reason, size_t size);
    void *arg;
};
// E_NO_MEMORY, E_INTERNAL. The loop must outlive it.
tidings_status http_client_new(struct net_loop *loop, const struct http_client_options *options,
                               struct http_client **ret,
                               struct tidings_error *err) TIDINGS_NODISCARD;
// Ends its calls (their `done` runs with E_CLOSED), closes its connections. NULL allowed.
void http_client_free(struct http_client *client);

struct http_field {
    struct str name;
    struct str value;
};
struct http_outgoing {
    const char *method;              // "POST", …
    const char *url;                 // http: as http_url_check takes it; the path is sent as it is
    const struct http_field *fields; // not Host, Content-Length, Transfer-Encoding
    size_t field_count;
    struct str body;     // stays until `done` runs
    int64_t deadline_ms; // from now, for all of it
    size_t reply_max;    // bytes of the reply's body that are kept
    // Of https:
    const char *ca_pem;     // certificates that are trusted instead of the system's, or NULL
    const char *client_pem; // certificate that proves who we are, or NULL
    const char *client_key_pem;
    const char *basic;  // "user:password", or NULL
    const char *bearer; // token, or NULL
};

// X(NAME, name in texts): at which step an attempt ended.
#define HTTP_FAILURE_MAP(X)                                                                        \
    X(HTTP_FINE, "none") /* a whole reply */                                                       \
    X(HTTP_RESOLVE, "dns")                                                                         \
    X(HTTP_REFUSED, "address") /* by the address policy */                                         \
    X(HTTP_CONNECT, "connect")                                                                     \
    X(HTTP_TLS, "tls")                                                                             \
    X(HTTP_SEND, "send")           /* the connection broke before the request was out */           \
    X(HTTP_RECEIVE, "receive")     /* or before the reply was in */                                \
    X(HTTP_MALFORMED, "malformed") /* what came is no HTTP */                                      \
    X(HTTP_DEADLINE, "timeout")                                                                    \
    X(HTTP_ENDED, "closed")          /* the client was freed */                                    \
    X(HTTP_IMPOSSIBLE, "impossible") /* the request cannot be made: URL, certificate, memory */

enum http_failure {
#define X(name, text) name,
    HTTP_FAILURE_MAP(X)
#undef X
};
const char *http_failure_text(enum http_failure failure);

// Phases count from the start, in microseconds; -1 = not reached (or, on a connection that was
// there, not needed).
struct http_result {
    enum http_failure failure;
    const char *error;      // text, "" when fine
    int status;             // 0 = no status line came
    bool truncated;         // the reply was longer than reply_max
    bool reused;            // went over a connection that was there
    struct str reply;       // good while `done` runs
    int64_t retry_after_ms; // of the reply, from now; 0 = none
    int64_t dns_us;
    int64_t connect_us;
    int64_t tls_us;
    int64_t first_byte_us;
    int64_t total_us;
    int http_version; // 10, 11, 20; 0 = none
};
typedef void http_done(void *arg, const struct http_result *result);

// On the loop thread. OK: `done` runs exactly once, later, never inside this call. Errors
// (E_INVALID for a request that cannot be written, E_NO_MEMORY, E_CLOSED): it never runs. *ret_call
// may be NULL.
tidings_status http_client_send(struct http_client *client, const struct http_outgoing *outgoing,
                                http_done *done, void *arg, struct http_call **ret_call,
                                struct tidings_error *err) TIDINGS_NODISCARD;
// Ends it now: `done` will not run.
void http_call_cancel(struct http_call *call);

#endif
