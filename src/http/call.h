// SPDX-License-Identifier: Apache-2.0
// The inside of the client: requests under way, the ones that wait for a connection, the sockets.
// Private to the room.
#ifndef HTTP_CALL_H
#define HTTP_CALL_H

#include <curl/curl.h>

#include "base/heap.h"
#include "base/list.h"
#include "http/client.h"

enum { HTTP_REASON_MAX = 256, HTTP_HOST_BUCKETS = 256 };

struct http_client {
    struct net_loop *loop;
    CURLM *multi;
    struct http_client_options options;
    struct list calls; // running and waiting
    struct list idle;  // calls that are kept for later, without their requests
    size_t idle_count;
    bool closing;
    // ---- who may run (waiting.c) ----
    unsigned running;
    struct list hosts[HTTP_HOST_BUCKETS];
    struct list ready; // hosts that wait for nothing but a place in all; in turn
    struct heap waiting;
    struct net_timer *wait_timer;
    // ---- sockets.c ----
    struct net_timer *timer;
    int64_t timer_due_us;          // what libcurl wants; INT64_MAX = nothing
    int64_t timer_armed_us;        // when the timer fires; INT64_MAX = it does not
    struct socket_watch **sockets; // by descriptor
    size_t socket_size;
};

struct host;

// Calls are kept and used again, each with its handle of libcurl.
struct http_call {
    struct http_client *client;
    struct list node; // in client->calls, or in client->idle
    CURL *easy;
    // ---- this request ----
    http_done *done;
    void *arg;
    struct host *host;
    struct list wait;     // in host->waiting
    struct heap_node due; // in client->waiting
    int64_t begun_us;
    int64_t waited_us; // for a place
    struct curl_slist fields[HTTP_FIELDS_MAX + 1];
    struct buf lines; // their text
    struct buf reply;
    size_t header_bytes;
    bool head_broken; // a line of the reply's head is no HTTP
    bool head_ended;  // all of it came
    bool is_get;
    bool has_secrets;
    bool running;    // libcurl has it
    bool sent;       // the request began to go out
    bool sent_again; // would have gone out again
    bool truncated;
    bool headers_too_large;
    bool refused; // by the address policy, with the reason in `reason`
    bool ended;
    bool expired;   // while it waited
    bool no_memory; // to let it run
    char reason[HTTP_REASON_MAX];
    char curl_error[CURL_ERROR_SIZE];
    // ---- what the handle is set to ----
    struct buf set_url;
    int64_t set_deadline_ms;
};

// ---- call.c ----
tidings_status call_take(struct http_client *client, const struct http_outgoing *outgoing,
                         struct http_call **ret, struct tidings_error *err) TIDINGS_NODISCARD;
void call_release(struct http_call *call);
void call_free(struct http_call *call);
bool call_set_deadline(struct http_call *call, int64_t left_ms);

// ---- result.c ----
void call_read_result(struct http_call *call, CURLcode code, struct http_result *ret);

// ---- client.c ----
void client_finish(struct http_call *call, CURLcode code);
void client_take_done(struct http_client *client);

// ---- waiting.c: libcurl has one line for all that wait, in which one slow receiver would hold up
// the others; so it gets only what can run at once, and here each host has its own line ----
bool waiting_init(struct http_client *client);
void waiting_deinit(struct http_client *client);
// Runs it, or has it wait its turn until its deadline.
tidings_status waiting_admit(struct http_call *call, const char *url, int64_t deadline_ms,
                             struct tidings_error *err) TIDINGS_NODISCARD;
// It is over: takes it out of everything, and lets others run.
void waiting_leave(struct http_call *call);

// ---- sockets.c ----
bool sockets_init(struct http_client *client);
void sockets_deinit(struct http_client *client); // after curl_multi_cleanup
curl_socket_t sockets_open(struct http_client *client, int family, int type, int protocol);
int sockets_close(void *client, curl_socket_t fd);

// ---- head.c ----
// Looks at one line of a reply's head, with its end.
void head_line(struct str line, bool *broken, bool *ended);

#endif
