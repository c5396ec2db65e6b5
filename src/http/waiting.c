// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>

#include "base/clock.h"
#include "http/lean.h"
#include "http/policy.h"
#include "net/net.h"

enum { WAITING_MAX = 1 << 20 };

// ---- hosts ----
static struct str host_part(const char *url)
{
    const char *start = strstr(url, "://");
    start = start != NULL ? start + 3 : url;
    return str_make(url, (size_t)(start - url) + strcspn(start, "/?#"));
}

// The text in lower case, and its hash.
static uint64_t lower(char *out, struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        out[i] = c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
    }
    return str_hash(str_make(out, text.len));
}

static struct host *make(struct http_client *client, struct str name, uint64_t hash)
{
    struct host *host = malloc(sizeof *host + name.len);
    if (host != NULL) {
        *host = (struct host){ .len = name.len, .hash = hash };
        memcpy(host->name, name.ptr, name.len);
        list_init(&host->ready);
        list_init(&host->waiting);
        list_init(&host->kept);
        list_add_tail(&client->hosts[hash % HTTP_HOST_BUCKETS], &host->node);
    }
    return host;
}

struct host *waiting_host(struct http_client *client, const char *url)
{
    char text[HTTP_URL_MAX];
    struct str part = host_part(url);
    part.len = part.len < sizeof text ? part.len : sizeof text; // longer ones share a line
    uint64_t hash = lower(text, part);
    part.ptr = text;
    list_for_each (node, &client->hosts[hash % HTTP_HOST_BUCKETS]) {
        struct host *host = LIST_ENTRY(node, struct host, node);
        if (host->hash == hash && str_eq(str_make(host->name, host->len), part)) {
            return host;
        }
    }
    return make(client, part, hash);
}

void waiting_drop_unused(struct host *host)
{
    if (host->calls == 0 && host->kept_count == 0) {
        list_remove(&host->ready);
        list_remove(&host->node);
        lean_target_free(host->target);
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
static bool run(struct http_call *call)
{
    call->running = true;
    call->client->running++;
    call->host->running++;
    if (call->way->start(call)) {
        return true;
    }
    call->running = false;
    call->client->running--;
    call->host->running--;
    return false;
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
        bool is_late = call->deadline_us - now_us < 1000;
        call->waited_us = now_us - call->begun_us;
        if (is_late || !run(call)) {
            call->no_memory = !is_late;
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
        client_finish(call);
    }
    arm(client);
}

static tidings_status wait_for_place(struct http_call *call)
{
    struct http_client *client = call->client;
    tidings_status status = heap_push(&client->waiting, &call->due, call->deadline_us);
    if (status == TIDINGS_OK) {
        list_add_tail(&call->host->waiting, &call->wait);
        sort_in(client, call->host);
        if (heap_peek(&client->waiting) == &call->due) {
            arm(client);
        }
    }
    return status;
}

tidings_status waiting_admit(struct http_call *call, struct host *host, int64_t deadline_ms,
                             struct tidings_error *err)
{
    struct http_client *client = call->client;
    host->calls++;
    call->host = host;
    call->begun_us = clock_mono_us(clock_system());
    call->deadline_us = call->begun_us + deadline_ms * 1000;
    bool has_place = host->running < client->options.per_host_max &&
                     client->running < client->options.connections_max &&
                     list_empty(&host->waiting);
    tidings_status status = !has_place  ? wait_for_place(call)
                            : run(call) ? TIDINGS_OK
                                        : TIDINGS_E_NO_MEMORY;
    if (status != TIDINGS_OK) {
        host->calls--;
        return error_set(err, status, "http: no room for a request");
    }
    return TIDINGS_OK;
}

void waiting_leave(struct http_call *call)
{
    struct http_client *client = call->client;
    struct host *host = call->host;
    if (call->running) {
        call->way->stop(call);
        client->running--;
        host->running--;
    } else {
        stop_waiting(call);
    }
    host->calls--;
    sort_in(client, host);
    waiting_drop_unused(host);
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
