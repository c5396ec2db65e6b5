// SPDX-License-Identifier: Apache-2.0
// A peer that is scripted byte by byte, and a client that asks it.
#ifndef TESTS_HTTP_PEER_H
#define TESTS_HTTP_PEER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http/call.h"
#include "net/net.h"

// QUIET_MS: for what must not come. What must come is waited for, up to PATIENCE_MS.
enum { SEEN_MAX = 256 * 1024, QUIET_MS = 200, PATIENCE_MS = 60000 };

struct fixture;
// Serves one connection; returns to have it closed.
typedef void script(struct fixture *f, int fd);

struct fixture {
    // ---- the peer ----
    int listener;
    int port;
    script *_Atomic script; // may be changed while it runs
    int connections;        // accepted
    int requests;           // read whole
    char seen[SEEN_MAX];    // the last request
    size_t seen_len;
    int stop[2]; // a pipe: closed to end the thread
    pthread_t thread;
    // ---- the client ----
    struct net_loop *loop;
    struct http_client *client;
    bool forbid;       // what the address policy says
    _Atomic int dones; // the peer may wait for one
    int wanted;        // the loop stops when so many are done
    struct http_result result;
    char reply[SEEN_MAX];
    char error[512];
};

// ---- the peer ----
// False when nothing comes any more, or the test ends.
static bool readable(struct fixture *f, int fd, int timeout_ms)
{
    struct pollfd polled[2] = { { fd, POLLIN, 0 }, { f->stop[0], POLLIN, 0 } };
    return poll(polled, 2, timeout_ms) > 0 && polled[1].revents == 0;
}

static bool read_request(struct fixture *f, int fd)
{
    size_t len = 0;
    for (;;) {
        if (!readable(f, fd, -1)) {
            return false;
        }
        ssize_t got = read(fd, f->seen + len, SEEN_MAX - 1 - len);
        if (got <= 0) {
            return false;
        }
        len += (size_t)got;
        f->seen[len] = '\0';
        const char *end = strstr(f->seen, "\r\n\r\n");
        const char *length = strstr(f->seen, "Content-Length: ");
        size_t body = length != NULL ? (size_t)strtoul(length + 16, NULL, 10) : 0;
        if (end != NULL && len >= (size_t)(end + 4 - f->seen) + body) {
            f->seen_len = len;
            f->requests++;
            return true;
        }
    }
}

static void say(int fd, const char *text)
{
    size_t len = strlen(text);
    while (len > 0) {
        ssize_t sent = send(fd, text, len, MSG_NOSIGNAL);
        if (sent <= 0) {
            return;
        }
        text += sent;
        len -= (size_t)sent;
    }
}

// Until more calls are done than `before`: the client has taken what was said to it.
static inline void wait_for_done(struct fixture *f, int before)
{
    struct pollfd test_ends = { f->stop[0], POLLIN, 0 };
    for (int i = 0; i < PATIENCE_MS && f->dones <= before && poll(&test_ends, 1, 1) == 0; i++) {
    }
}

static void *serve(void *arg)
{
    struct fixture *f = arg;
    while (readable(f, f->listener, -1)) {
        int fd = accept(f->listener, NULL, NULL);
        if (fd >= 0) {
            f->connections++;
            f->script(f, fd);
            (void)close(fd);
        }
    }
    return NULL;
}

static void wait_for_end(struct fixture *f, int fd)
{
    char bytes[4096];
    while (readable(f, fd, -1) && read(fd, bytes, sizeof bytes) > 0) {
    }
}

// ---- the client ----
static bool allows(void *arg, const uint8_t *address, size_t len, char *reason, size_t size)
{
    const struct fixture *f = arg;
    assert_true((len == 4 && address[0] == 127) || (len == 16 && address[15] == 1));
    (void)snprintf(reason, size, "127.0.0.1 is this machine");
    return !f->forbid;
}

static void on_done(void *arg, const struct http_result *result)
{
    struct fixture *f = arg;
    f->result = *result;
    (void)snprintf(f->error, sizeof f->error, "%s", result->error);
    memcpy(f->reply, result->reply.ptr != NULL ? result->reply.ptr : "", result->reply.len);
    f->result.reply = str_make(f->reply, result->reply.len);
    if (++f->dones == f->wanted) {
        net_loop_stop(f->loop);
    }
}

static void run_until(struct fixture *f, int wanted)
{
    f->wanted = wanted;
    if (f->dones < wanted) {
        net_loop_run(f->loop);
    }
    assert_int_equal(f->dones, wanted);
}

static void start_peer(struct fixture *f, script *what)
{
    f->script = what;
    assert_int_equal(pthread_create(&f->thread, NULL, serve, f), 0);
}

// Ends the peer; what it has counted can be read after it.
static void end_peer(struct fixture *f)
{
    if (f->script != NULL) {
        (void)close(f->stop[1]);
        assert_int_equal(pthread_join(f->thread, NULL), 0);
        f->script = (script *)NULL;
    }
}

static int setup(void **state)
{
    static struct fixture fixture;
    struct fixture *f = &fixture;
    struct sockaddr_in address = { .sin_family = AF_INET };
    socklen_t size = sizeof address;
    const struct net_loop_options loop = { .clock = clock_system(), .connections_max = 16 };
    const struct http_client_options options = {
        .connections_max = 16, .per_host_max = 8, .allows = allows, .arg = f
    };
    *f = (struct fixture){ .listener = socket(AF_INET, SOCK_STREAM, 0) };
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(f->listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(f->listener, 8), 0);
    assert_int_equal(getsockname(f->listener, (struct sockaddr *)&address, &size), 0);
    f->port = ntohs(address.sin_port);
    assert_int_equal(pipe(f->stop), 0);
    assert_int_equal(net_loop_new(&loop, &f->loop, NULL), TIDINGS_OK);
    assert_int_equal(http_client_new(f->loop, &options, &f->client, NULL), TIDINGS_OK);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    if (f->script != NULL) {
        end_peer(f);
    } else {
        (void)close(f->stop[1]);
    }
    http_client_free(f->client);
    net_loop_free(f->loop);
    (void)close(f->stop[0]);
    (void)close(f->listener);
    return 0;
}

static struct http_call *send_to(struct fixture *f, const char *method, const char *url,
                                 struct str body, int64_t deadline_ms)
{
    static const struct http_field fields[] = { { { "webhook-id", 10 }, { "ntf_1", 5 } },
                                                { { "Content-Type", 12 },
                                                  { "application/octet-stream", 24 } },
                                                { { "X-Empty", 7 }, { "", 0 } } };
    struct http_call *call = NULL;
    struct tidings_error err = { 0 };
    const struct http_outgoing outgoing = { .method = method,
                                            .url = url,
                                            .fields = fields,
                                            .field_count = 3,
                                            .body = body,
                                            .deadline_ms = deadline_ms,
                                            .reply_max = 1000 };
    if (http_client_send(f->client, &outgoing, on_done, f, &call, &err) != TIDINGS_OK) {
        fail_msg("%s", err.text);
    }
    return call;
}

static struct http_call *send_body(struct fixture *f, struct str body, int64_t deadline_ms)
{
    char url[64];
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%d/notify?a=1", f->port);
    return send_to(f, "POST", url, body, deadline_ms);
}

static void send_and_run(struct fixture *f, const char *body, int64_t deadline_ms)
{
    (void)send_body(f, str_of(body), deadline_ms);
    run_until(f, f->dones + 1);
}

#endif
