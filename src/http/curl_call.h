// SPDX-License-Identifier: Apache-2.0
// The inside of the way over libcurl. Private to curl_*.c.
#ifndef HTTP_CURL_CALL_H
#define HTTP_CURL_CALL_H

#include "http/curl_way.h"
#include "http/libcurl.h"

struct curl_way {
    struct http_client *client;
    CURLM *multi;
    struct list idle; // calls that are kept for later, without their requests
    size_t idle_count;
    // ---- curl_sockets.c ----
    struct net_timer *timer;
    int64_t timer_due_us;          // what libcurl wants; INT64_MAX = nothing
    int64_t timer_armed_us;        // when the timer fires; INT64_MAX = it does not
    struct socket_watch **sockets; // by descriptor
    size_t socket_size;
};

// Calls are kept and used again, each with its handle of libcurl.
struct curl_call {
    struct http_call call; // first
    CURL *easy;
    CURLcode code; // how it ended
    // ---- this request ----
    struct curl_slist fields[HTTP_FIELDS_MAX + 1];
    struct buf lines; // their text
    struct buf reply;
    size_t header_bytes;
    int64_t retry_after_ms;
    bool head_broken; // a line of the reply's head is no HTTP
    bool head_ended;  // all of it came
    bool is_get;
    bool has_secrets;
    bool sent;       // the request began to go out
    bool sent_again; // would have gone out again
    bool truncated;
    bool headers_too_large;
    bool refused; // by the address policy, with the reason in `reason`
    char reason[HTTP_REASON_MAX];
    char curl_error[CURL_ERROR_SIZE];
    // ---- what the handle is set to ----
    struct buf set_url;
    int64_t set_deadline_ms;
};

static inline struct curl_call *curl_call_of(struct http_call *call)
{
    return BASE_CONTAINER_OF(call, struct curl_call, call);
}

// ---- curl_call.c ----
void curl_call_free(struct curl_call *call);
void curl_call_release(struct http_call *call);
bool curl_call_set_deadline(struct curl_call *call, int64_t left_ms);

// ---- curl_result.c ----
void curl_read_result(struct http_call *call, struct http_result *ret);

// ---- curl_way.c ----
extern const struct http_way curl_way;
void curl_way_take_done(struct curl_way *way);

// ---- curl_sockets.c ----
bool sockets_init(struct curl_way *way);
void sockets_deinit(struct curl_way *way); // after curl_multi_cleanup
curl_socket_t sockets_open(struct curl_way *way, int family, int type, int protocol);
int sockets_close(void *way, curl_socket_t fd);

#endif
