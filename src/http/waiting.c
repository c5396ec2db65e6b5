// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>

#include "base/clock.h"
#include "http/call.h"
#include "net/net.h"

enum { WAITING_MAX = 1 << 20 };

struct host {
    struct list node;    // in its bucket
    struct list ready;   // in client->ready
    struct list waiting; // calls, first come first
    unsigned running;
    unsigned calls; // running and waiting
    uint64_t hash;
    size_t len;
    char name[]; // "https://host:port", in lower case
};

// ---- hosts ----
// Scheme, host and port as they are written: who writes one host in two ways gets two lines.
static struct str host_part(const char *url)
{
    const char *start = strstr(url, "://");
    start = start != NULL ? start + 3 : url;
    return str_make(url, (size_t)(start - url) + strcspn(start, "/?#"));
}

static void copy_lower(char *out, struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        out[i] = c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
    }
}

static struct host *find_or_make(struct http_client *client, const char *url)
{
    struct str part = host_part(url);
    struct host *made = malloc(sizeof *made + part.len);
    if (made == NULL) {
        return NULL;
    }
    copy_lower(made->name, part);
    made->len = part.len;
    made->hash = str_hash(str_make(made->name, made->len));
    struct list *bucket = &client->hosts[made->hash % HTTP_HOST_BUCKETS];
    list_for_each (node, bucket) {
        struct host *host = LIST_ENTRY(node, struct host, node);
        if (host->hash == made->hash &&
            str_eq(str_make(host->name, host->len), str_make(made->name, made->len))) {
            free(made);
            return host;
        }
    }
    made->running = 0;
    made->calls = 0;
    list_init(&made->ready);
    list_init(&made->waiting);
    list_add_tail(bucket, &made->node);
    return made;
}

static void drop_unused(struct host *host)
{
    if (host->calls == 0) {
        list_remove(&host->ready);
        list_remove(&host->node);
        free(host);
    }
}

// In the list of the ready exactly when it has somebody waiting and a place of its own.
static void sort_in(struct http_client *client, struct host *host)
{
    list_remove(&host->ready);
    if (!list_empty(&host->waiting) && host->running < client->options.per_host_max) {
        list_add_tail(&client->ready, &host->ready);
    }
}

// ---- running and waiting ----
static bool run(struct http_call *call, int64_t left_ms)
{
    struct http_client *client = call->client;
    if (!call_set_deadline(call, left_ms) ||
        curl_multi_add_handle(client->multi, call->easy) != CURLM_OK) {
        return false;
    }
    call->running = true;
    client->running++;
    call->host->running++;
    return true;
}

static void arm(struct http_client *client)
{
    const struct heap_node *first = heap_peek(&client->waiting);
    if (first == NULL) {
        net_timer_stop(client->wait_timer);
        return;
    }
    int64_t left_us = first->due - clock_mono_us(clock_system());
    net_timer_start(client->wait_timer, left_us > 0 ? (left_us + 999) / 1000 : 0);
}

static void stop_waiting(struct http_call *call)
{
    bool was_first = heap_peek(&call->client->waiting) == &call->due;
    list_remove(&call->wait);
    heap_remove(&call->client->waiting, &call->due);
    if (was_first) {
        arm(call->client);
    }
}

static void run_next(struct http_client *client)
{
    while (!client->closing && client->running < client->options.connections_max &&
           !list_empty(&client->ready)) {
        struct host *host = LIST_ENTRY(client->ready.next, struct host, ready);
        struct http_call *call = LIST_ENTRY(host->waiting.next, struct http_call, wait);
        int64_t now_us = clock_mono_us(clock_system());
        int64_t left_ms = (call->due.due - now_us) / 1000;
        call->waited_us = now_us - call->begun_us;
        if (left_ms <= 0 || !run(call, left_ms)) {
            call->no_memory = left_ms > 0;
            list_remove(&call->wait); // the timer ends it, soon
            net_timer_start(client->wait_timer, 0);
            heap_remove(&client->waiting, &call->due);
            BASE_ASSERT(heap_push(&client->waiting, &call->due, now_us) == TIDINGS_OK);
        } else {
            stop_waiting(call);
        }
        sort_in(client, host);
    }
}

static void wait_ended(void *arg)
{
    struct http_client *client = arg;
    int64_t now_us = clock_mono_us(clock_system());
    for (struct heap_node *first = heap_peek(&client->waiting);
         first != NULL && first->due <= now_us; first = heap_peek(&client->waiting)) {
        struct http_call *call = BASE_CONTAINER_OF(first, struct http_call, due);
        call->expired = !call->no_memory;
        call->waited_us = now_us - call->begun_us;
        client_finish(call, call->no_memory ? CURLE_OUT_OF_MEMORY : CURLE_OPERATION_TIMEDOUT);
    }
    arm(client);
}

static tidings_status wait_for_place(struct http_call *call, int64_t deadline_ms)
{
    struct http_client *client = call->client;
    tidings_status status =
        heap_push(&client->waiting, &call->due, call->begun_us + deadline_ms * 1000);
    if (status == TIDINGS_OK) {
        list_add_tail(&call->host->waiting, &call->wait);
        sort_in(client, call->host);
        if (heap_peek(&client->waiting) == &call->due) {
            arm(client);
        }
    }
    return status;
}

tidings_status waiting_admit(struct http_call *call, const char *url, int64_t deadline_ms,
                             struct tidings_error *err)
{
    struct http_client *client = call->client;
    struct host *host = find_or_make(client, url);
    if (host == NULL) {
        return error_set(err, TIDINGS_E_NO_MEMORY, "http: no memory for a request");
    }
    call->host = host;
    call->begun_us = clock_mono_us(clock_system());
    bool has_place = host->running < client->options.per_host_max &&
                     client->running < client->options.connections_max &&
                     list_empty(&host->waiting);
    tidings_status status = has_place ? run(call, deadline_ms) ? TIDINGS_OK : TIDINGS_E_NO_MEMORY
                                      : wait_for_place(call, deadline_ms);
    if (status != TIDINGS_OK) {
        drop_unused(host);
        return error_set(err, status, "http: no room for a request");
    }
    host->calls++;
    return TIDINGS_OK;
}

void waiting_leave(struct http_call *call)
{
    struct http_client *client = call->client;
    struct host *host = call->host;
    if (call->running) {
        (void)curl_multi_remove_handle(client->multi, call->easy);
        client->running--;
        host->running--;
    } else {
        stop_waiting(call);
    }
    host->calls--;
    sort_in(client, host);
    drop_unused(host);
    run_next(client);
}

bool waiting_init(struct http_client *client)
{
    heap_init(&client->waiting, WAITING_MAX);
    return net_timer_new(client->loop, wait_ended, client, &client->wait_timer) == TIDINGS_OK;
}

void waiting_deinit(struct http_client *client)
{
    heap_deinit(&client->waiting);
    net_timer_free(client->wait_timer);
}
