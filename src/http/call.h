// SPDX-License-Identifier: Apache-2.0
// The inside of the client: requests under way, the ones that wait for a place, and the two ways
// out: our own for http (lean.h), libcurl for https (curl_way.h). Private to the room.
#ifndef HTTP_CALL_H
#define HTTP_CALL_H

#include "base/heap.h"
#include "base/list.h"
#include "http/client.h"

enum { HTTP_REASON_MAX = 256, HTTP_HOST_BUCKETS = 256, HTTP_CALLS_KEPT_MAX = 256 };

struct curl_way;
struct lean;
struct lean_target;

struct http_client {
    struct net_loop *loop;
    struct http_client_options options;
    struct list calls; // running and waiting
    bool closing;
    // ---- the ways ----
    bool only_curl;        // tests
    struct curl_way *curl; // NULL until it is needed
    struct lean *lean;
    // ---- who may run (waiting.c) ----
    unsigned running;
    struct list hosts[HTTP_HOST_BUCKETS];
    struct list ready; // hosts that wait for nothing but a place in all; in turn
    struct heap waiting;
    struct net_timer *wait_timer;
};

// What a way does with its calls.
struct http_way {
    // It has a place from now on. False when there is no memory. Never ends the call inside.
    bool (*start)(struct http_call *call);
    // It has none any more, whether it is done or not.
    void (*stop)(struct http_call *call);
    void (*read_result)(struct http_call *call, struct http_result *ret);
    void (*release)(struct http_call *call); // frees it, or keeps it to be used again
};

// The beginning of either way's own.
struct http_call {
    const struct http_way *way;
    struct http_client *client;
    struct list node; // in client->calls, or among its way's unused ones
    http_done *done;
    void *arg;
    struct host *host;
    struct list wait;     // in host->waiting
    struct heap_node due; // in client->waiting
    int64_t begun_us;
    int64_t deadline_us;
    int64_t waited_us; // for a place
    bool running;
    bool ended;     // with its client
    bool expired;   // while it waited
    bool no_memory; // to let it run
};

// Scheme, host and port as they are written: who writes one host in two ways gets two lines.
struct host {
    struct list node;    // in its bucket
    struct list ready;   // in client->ready
    struct list waiting; // calls, first come first
    unsigned running;
    unsigned calls; // running and waiting
    // ---- lean ----
    struct list kept; // connections, the last used first
    unsigned kept_count;
    struct lean_target *target;
    // ----
    uint64_t hash;
    size_t len;
    char name[]; // "https://host:port", in lower case
};

// ---- client.c ----
// It is over: lets others run, and tells the caller.
void client_finish(struct http_call *call);
// All go by libcurl from now on: for tests.
void client_use_curl_only(struct http_client *client);
// Whether it ended before it ran, or with its client: then with which class and text.
bool client_ended_early(const struct http_call *call, enum http_failure *ret_failure,
                        const char **ret_error);
// What every request must keep to. E_INVALID, E_TOO_LARGE.
tidings_status client_check_fields(const struct http_outgoing *outgoing,
                                   struct tidings_error *err) TIDINGS_NODISCARD;

// ---- waiting.c: each host has its own line, so that a slow one does not hold up others ----
bool waiting_init(struct http_client *client);
void waiting_deinit(struct http_client *client);
// NULL: no memory. Is dropped with its last call, or by waiting_drop_unused.
struct host *waiting_host(struct http_client *client, const char *url);
void waiting_drop_unused(struct host *host);
// Runs it, or has it wait its turn until its deadline.
tidings_status waiting_admit(struct http_call *call, struct host *host, int64_t deadline_ms,
                             struct tidings_error *err) TIDINGS_NODISCARD;
// It is over: takes it out of everything, and lets others run.
void waiting_leave(struct http_call *call);

// ---- head.c ----
// Looks at one line of a reply's head, with its end.
void head_line(struct str line, bool *broken, bool *ended);
// A line of the head without its end: is it the field `lower` (with its colon)? Then its value.
bool head_field(struct str line, struct str lower, struct str *ret_value);

// ---- retry_after.c ----
// Retry-After (RFC 9110, section 10.2.3): seconds, or a date. Milliseconds from now; 0 when it is
// neither, or past.
int64_t head_retry_after_ms(struct str value, int64_t now_ms);

#endif
