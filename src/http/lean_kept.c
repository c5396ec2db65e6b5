// SPDX-License-Identifier: Apache-2.0
// Connections between two requests. Whatever comes over one of them is its end: nothing was asked.
#include <errno.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "http/lean.h"
#include "net/net.h"

static void take_out(struct lean_conn *conn)
{
    list_remove(&conn->node);
    list_remove(&conn->age);
    conn->lean->kept_count--;
    conn->host->kept_count--;
}

void lean_drop_kept(struct lean_conn *conn)
{
    struct host *host = conn->host;
    take_out(conn);
    lean_conn_close(conn);
    waiting_drop_unused(host);
}

// What ended while the loop was elsewhere, it has not heard of yet.
static bool is_silent(const struct lean_conn *conn)
{
    char byte;
    ssize_t got = recv(conn->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return got < 0 && errno == EAGAIN;
}

struct lean_conn *lean_take_kept(struct host *host)
{
    while (!list_empty(&host->kept)) {
        struct lean_conn *conn = LIST_ENTRY(host->kept.next, struct lean_conn, node);
        if (is_silent(conn)) {
            take_out(conn);
            return conn;
        }
        lean_drop_kept(conn);
    }
    return NULL;
}

static void drop_oldest(struct lean *lean)
{
    lean_drop_kept(LIST_ENTRY(lean->kept.prev, struct lean_conn, age));
}

static struct lean_mistrust *place_of(struct lean *lean, const struct host *host)
{
    return &lean->mistrusts[host->hash % LEAN_MISTRUSTS_MAX];
}

static bool is_mistrusted(struct lean *lean, const struct host *host, int64_t now_us)
{
    const struct lean_mistrust *place = place_of(lean, host);
    return place->hash == host->hash && place->since_us != 0 &&
           now_us - place->since_us < LEAN_MISTRUST_US;
}

void lean_mistrust_host(struct lean *lean, const struct host *host)
{
    *place_of(lean, host) = (struct lean_mistrust){ host->hash, clock_mono_us(clock_system()) };
}

void lean_keep(struct lean_conn *conn, int64_t now_us)
{
    struct lean *lean = conn->lean;
    if (is_mistrusted(lean, conn->host, now_us)) {
        lean_conn_close(conn);
        return;
    }
    conn->call = NULL;
    conn->since_us = now_us;
    list_add_head(&conn->host->kept, &conn->node);
    list_add_head(&lean->kept, &conn->age);
    conn->host->kept_count++;
    lean->kept_count++;
    if (lean->kept_count > lean->client->options.connections_max) {
        drop_oldest(lean);
    }
    if (!lean->idle_armed) {
        lean->idle_armed = true;
        net_timer_start(lean->idle_timer, LEAN_IDLE_MAX_S * 1000);
    }
}

void lean_make_room(struct lean *lean)
{
    const struct http_client *client = lean->client;
    while (lean->kept_count > 0 &&
           client->running + lean->kept_count > client->options.connections_max) {
        drop_oldest(lean);
    }
}

void lean_idle_ended(void *arg)
{
    struct lean *lean = arg;
    int64_t oldest_us = clock_mono_us(clock_system()) - LEAN_IDLE_MAX_S * 1000000LL;
    lean->idle_armed = false;
    while (!list_empty(&lean->kept)) {
        const struct lean_conn *conn = LIST_ENTRY(lean->kept.prev, struct lean_conn, age);
        if (conn->since_us > oldest_us) {
            lean->idle_armed = true;
            net_timer_start(lean->idle_timer, (conn->since_us - oldest_us) / 1000 + 1);
            return;
        }
        drop_oldest(lean);
    }
}
