// SPDX-License-Identifier: Apache-2.0
// From a host to a connection. Its addresses are tried in turn: the next one when one fails, beside
// the first when that is silent for 200 ms; never more than two at a time, so that of many silent
// ones each gets its share of the time that is left. Each is judged before it is connected to.
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "http/lean.h"
#include "net/net.h"

static size_t dial_count(const struct lean_call *call)
{
    return (size_t)(call->dials[0] != NULL) + (call->dials[1] != NULL);
}

static void forget_dial(struct lean_call *call, const struct lean_conn *conn)
{
    if (call->dials[0] == conn) {
        call->dials[0] = call->dials[1];
        call->dials[1] = NULL;
    } else if (call->dials[1] == conn) {
        call->dials[1] = NULL;
    }
}

void lean_dial_stop(struct lean_call *call)
{
    for (size_t i = 0; i < LEAN_DIALS_MAX; i++) {
        if (call->dials[i] != NULL) {
            lean_conn_close(call->dials[i]);
            call->dials[i] = NULL;
        }
    }
}

// ---- one address ----
static bool is_allowed(struct lean_call *call, const struct address *address)
{
    const struct http_client_options *options = &call->lean->client->options;
    char reason[HTTP_REASON_MAX] = "";
    bool is_v4 = address->any.sa_family == AF_INET;
    const void *bytes =
        is_v4 ? (const void *)&address->v4.sin_addr : (const void *)&address->v6.sin6_addr;
    if (options->allows == NULL ||
        options->allows(options->arg, bytes, is_v4 ? 4 : 16, reason, sizeof reason)) {
        call->was_allowed = true;
        return true;
    }
    if (!call->was_allowed) {
        (void)snprintf(call->error, sizeof call->error, "%s", reason);
    }
    return false;
}

static void note_failure(struct lean_call *call, const struct address *address, int error)
{
    char text[INET6_ADDRSTRLEN] = "?";
    bool is_v4 = address->any.sa_family == AF_INET;
    (void)inet_ntop(address->any.sa_family,
                    is_v4 ? (const void *)&address->v4.sin_addr
                          : (const void *)&address->v6.sin6_addr,
                    text, sizeof text);
    const char *why = strerrordesc_np(error);
    (void)snprintf(call->error, sizeof call->error, "no connection to %s port %d: %s", text,
                   ntohs(is_v4 ? address->v4.sin_port : address->v6.sin6_port),
                   why != NULL ? why : "unknown error");
}

static struct lean_conn *dial(struct lean_call *call, const struct address *address)
{
    const int on = 1;
    int fd = socket(address->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct lean_conn *conn = NULL;
    if (fd >= 0) {
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        if (connect(fd, &address->any, address->size) == 0 || errno == EINPROGRESS) {
            errno = ENOMEM;
            conn = lean_conn_new(call, fd);
        }
    }
    if (conn == NULL) {
        note_failure(call, address, errno);
        if (fd >= 0) {
            (void)close(fd);
        }
        return NULL;
    }
    conn->address = *address;
    if (!lean_conn_ask(conn, NET_WRITABLE)) {
        note_failure(call, address, ENOMEM);
        lean_conn_close(conn);
        return NULL;
    }
    return conn;
}

// ---- all of them ----
static void try_next(struct lean_call *call, int64_t now_us)
{
    const struct address *address = &call->addresses[call->address_next++];
    if (!is_allowed(call, address)) {
        return;
    }
    lean_make_room(call->lean);
    struct lean_conn *conn = dial(call, address);
    if (conn == NULL) {
        return;
    }
    int64_t wait_us = LEAN_HEAD_START_MS * 1000LL;
    if (call->dials[0] == NULL) {
        call->dials[0] = conn;
    } else { // a third one takes the older one's place
        call->dials[1] = conn;
        int64_t left = (int64_t)(call->address_count - call->address_next) + 1;
        int64_t share_us = (call->call.deadline_us - now_us) / left;
        wait_us = share_us > wait_us ? share_us : wait_us;
    }
    call->next_dial_us = now_us + wait_us;
}

void lean_dial_more(struct lean_call *call, int64_t now_us)
{
    while (call->address_next < call->address_count &&
           (dial_count(call) == 0 || now_us >= call->next_dial_us)) {
        if (dial_count(call) == LEAN_DIALS_MAX) {
            struct lean_conn *older = call->dials[0];
            note_failure(call, &older->address, ETIMEDOUT);
            forget_dial(call, older);
            lean_conn_close(older);
        }
        try_next(call, now_us);
    }
    if (call->address_count > 0 && call->conn == NULL && dial_count(call) == 0) {
        char error[HTTP_REASON_MAX];
        memcpy(error, call->error, sizeof error);
        lean_fail(call, call->was_allowed ? HTTP_CONNECT : HTTP_REFUSED, "%s", error);
        return;
    }
    bool has_more = call->address_next < call->address_count;
    lean_set_timeout(call, has_more && call->next_dial_us < call->call.deadline_us
                               ? call->next_dial_us
                               : call->call.deadline_us);
}

void lean_dialled(struct lean_conn *conn)
{
    struct lean_call *call = conn->call;
    int error = 0;
    socklen_t size = sizeof error;
    int64_t now_us = clock_mono_us(clock_system());
    forget_dial(call, conn);
    if (getsockopt(conn->fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) {
        error = errno;
    }
    if (error != 0) {
        note_failure(call, &conn->address, error);
        lean_conn_close(conn);
        call->next_dial_us = now_us;
        lean_dial_more(call, now_us);
        return;
    }
    conn->is_open = true;
    lean_dial_stop(call);
    call->address_next = call->address_count;
    call->connect_us = now_us - call->call.begun_us;
    lean_set_timeout(call, call->call.deadline_us);
    lean_go_on(call, conn);
}

// ---- the name ----
static void set_port(struct address *address, int port)
{
    if (address->any.sa_family == AF_INET) {
        address->v4.sin_port = htons((uint16_t)port);
    } else {
        address->v6.sin6_port = htons((uint16_t)port);
    }
}

static void resolved(struct lean_call *call, const struct address *addresses, size_t count)
{
    int64_t now_us = clock_mono_us(clock_system());
    call->address_count = count;
    call->address_next = 0;
    for (size_t i = 0; i < count; i++) {
        call->addresses[i] = addresses[i];
        set_port(&call->addresses[i], call->call.host->target->port);
    }
    call->dns_us = now_us - call->call.begun_us;
    lean_dial_more(call, now_us);
}

static void name_found(struct names_waiter *waiter, const struct address *addresses, size_t count,
                       const char *reason)
{
    struct lean_call *call = BASE_CONTAINER_OF(waiter, struct lean_call, waiter);
    if (count == 0) {
        lean_fail(call, HTTP_RESOLVE, "the name %s is not resolved: %s",
                  call->call.host->target->name, reason);
        return;
    }
    resolved(call, addresses, count);
}

void lean_dial(struct lean_call *call)
{
    struct lean *lean = call->lean;
    const struct lean_target *target = call->call.host->target;
    const struct address *addresses = NULL;
    size_t count = 0;
    call->address_count = 0;
    if (target->literal.size > 0) {
        resolved(call, &target->literal, 1);
        return;
    }
    call->waiter.found = name_found;
    if ((lean->names == NULL && names_new(lean->client->loop, &lean->names) != TIDINGS_OK) ||
        names_ask(lean->names, target->name, &call->waiter, &addresses, &count) != TIDINGS_OK) {
        lean_fail(call, HTTP_IMPOSSIBLE, "no memory to resolve a name");
    } else if (count > 0) {
        resolved(call, addresses, count);
    }
}
