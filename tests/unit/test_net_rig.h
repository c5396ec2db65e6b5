// SPDX-License-Identifier: Apache-2.0
// A loop in its own thread with one listener on a free port of 127.0.0.1, and plain blocking
// sockets for the other side. Frames are 4 bytes big-endian length and as many bytes. By default
// they are echoed.
//
// What the loop's thread sees is counted under a lock; a test waits for a count, never for time.
// The clock stands still and is put forward, so that deadlines pass without waiting for them, and
// none passes because a thread got no turn. A test may let it run.
#ifndef TEST_NET_RIG_H
#define TEST_NET_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "base/num.h"
#include "net/net.h"

enum { RIG_WAIT_S = 60, RIG_STATUSES = 32 };

struct rig {
    struct clock clock;
    _Atomic int64_t stands_at_us; // 0 = it runs
    _Atomic int64_t ahead_us;
    struct fault fault;
    struct net_loop *loop;
    struct net_listener *listener;
    struct net_handler handler;
    struct net_conn_options options;
    int port; // 0 = any, until it is started
    pthread_t thread;
    bool running;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    // under lock
    size_t opened;
    size_t frames;
    size_t closed;
    size_t closed_with[RIG_STATUSES];
    size_t done; // calls
};

// ---- counts ----
static inline void rig_count(struct rig *rig, size_t *counter)
{
    pthread_mutex_lock(&rig->lock);
    (*counter)++;
    pthread_cond_broadcast(&rig->changed);
    pthread_mutex_unlock(&rig->lock);
}

// Waits until *counter >= value.
static inline void rig_wait(struct rig *rig, const size_t *counter, size_t value)
{
    struct timespec until;
    int result = 0;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += RIG_WAIT_S;
    pthread_mutex_lock(&rig->lock);
    while (*counter < value && result == 0) {
        result = pthread_cond_timedwait(&rig->changed, &rig->lock, &until);
    }
    size_t now = *counter;
    pthread_mutex_unlock(&rig->lock);
    if (now < value) {
        fail_msg("waited for %zu, came to %zu", value, now);
    }
}

static inline size_t rig_read(struct rig *rig, const size_t *counter)
{
    pthread_mutex_lock(&rig->lock);
    size_t now = *counter;
    pthread_mutex_unlock(&rig->lock);
    return now;
}

// ---- handler ----
static inline size_t rig_measure(void *arg, const char *bytes, size_t have)
{
    (void)arg;
    if (have < 4) {
        return 0;
    }
    uint32_t len = num_load_be32(bytes);
    return len == UINT32_MAX ? SIZE_MAX : (size_t)len + 4;
}

// Writes and flushes; true when both went well.
static inline bool rig_write(struct net_conn *conn, const void *bytes, size_t len)
{
    return buf_add(net_conn_out(conn), bytes, len) == TIDINGS_OK &&
           net_conn_flush(conn) == TIDINGS_OK;
}

static inline void rig_echo(void *arg, struct net_conn *conn, struct str frame)
{
    struct rig *rig = arg;
    rig_count(rig, &rig->frames); // first: whoever has its answer finds it counted
    if (!rig_write(conn, frame.ptr, frame.len)) {
        net_conn_abort(conn);
    }
}

static inline void rig_opened(void *arg, struct net_conn *conn)
{
    struct rig *rig = arg;
    (void)conn;
    rig_count(rig, &rig->opened);
}

static inline void rig_closed(void *arg, struct net_conn *conn, tidings_status status)
{
    struct rig *rig = arg;
    (void)conn;
    pthread_mutex_lock(&rig->lock);
    rig->closed++;
    rig->closed_with[status]++;
    pthread_cond_broadcast(&rig->changed);
    pthread_mutex_unlock(&rig->lock);
}

// ---- clock ----
static inline int64_t rig_mono_us(void *arg)
{
    struct rig *rig = arg;
    int64_t stands_at_us = atomic_load(&rig->stands_at_us);
    return (stands_at_us != 0 ? stands_at_us : clock_mono_us(clock_system())) +
           atomic_load(&rig->ahead_us);
}

static inline int64_t rig_wall_ms(void *arg)
{
    (void)arg;
    return clock_wall_ms(clock_system());
}

static inline void rig_advance_ms(struct rig *rig, int64_t ms)
{
    atomic_fetch_add(&rig->ahead_us, ms * 1000);
}

static inline void rig_let_the_clock_run(struct rig *rig)
{
    atomic_store(&rig->stands_at_us, 0); // on to what it is by now
}

// ---- life ----
// Change handler, options and fault between rig_init and rig_start.
static inline void rig_init_room(struct rig *rig, size_t in_total_soft)
{
    *rig = (struct rig){
        .clock = { .wall_ms = rig_wall_ms, .mono_us = rig_mono_us, .arg = rig },
        .stands_at_us = clock_mono_us(clock_system()),
        .handler = { rig_measure, rig_echo, rig_opened, rig_closed },
        .options = { .frame_max = 16 * 1024 * 1024, .out_max = 32 * 1024 * 1024 },
    };
    pthread_condattr_t attributes;
    fault_init(&rig->fault);
    pthread_mutex_init(&rig->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&rig->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    const struct net_loop_options options = { .clock = &rig->clock,
                                              .fault = &rig->fault,
                                              .connections_max = 4000,
                                              .in_total_soft = in_total_soft };
    assert_int_equal(net_loop_new(&options, &rig->loop, NULL), TIDINGS_OK);
}

static inline void rig_init(struct rig *rig)
{
    rig_init_room(rig, 0);
}

static inline void *rig_thread(void *arg)
{
    struct rig *rig = arg;
    net_loop_run(rig->loop);
    return NULL;
}

static inline void rig_start(struct rig *rig)
{
    struct tidings_error err = { 0 };
    if (net_listen(rig->loop, "127.0.0.1", rig->port, &rig->handler, rig, &rig->options,
                   &rig->listener, &err) != TIDINGS_OK) {
        fail_msg("%s", err.text);
    }
    rig->port = net_listener_port(rig->listener);
    assert_int_equal(pthread_create(&rig->thread, NULL, rig_thread, rig), 0);
    rig->running = true;
}

struct rig_task {
    struct rig *rig;
    void (*run)(void *arg);
    void *arg;
};

static inline void rig_run_task(void *arg)
{
    struct rig_task *task = arg;
    task->run(task->arg);
    rig_count(task->rig, &task->rig->done);
}

// Runs run(arg) in the loop's thread and waits for its end.
static inline void rig_call(struct rig *rig, void (*run)(void *arg), void *arg)
{
    struct rig_task task = { rig, run, arg };
    size_t done = rig_read(rig, &rig->done);
    assert_int_equal(net_loop_post(rig->loop, rig_run_task, &task), TIDINGS_OK);
    rig_wait(rig, &rig->done, done + 1);
}

static inline void rig_stop_task(void *arg)
{
    net_loop_stop(arg);
}

static inline void rig_stop(struct rig *rig)
{
    if (rig->running) {
        assert_int_equal(net_loop_post(rig->loop, rig_stop_task, rig->loop), TIDINGS_OK);
        pthread_join(rig->thread, NULL);
        rig->running = false;
    }
}

// Each connection that was opened was closed, when this returns.
static inline void rig_deinit(struct rig *rig)
{
    rig_stop(rig);
    net_loop_free(rig->loop);
    assert_true(rig->closed >= rig->opened);
    pthread_cond_destroy(&rig->changed);
    pthread_mutex_destroy(&rig->lock);
}

struct rig_stats_task {
    struct net_loop *loop;
    struct net_loop_stats stats;
};

static inline void rig_stats_run(void *arg)
{
    struct rig_stats_task *task = arg;
    net_loop_stats(task->loop, &task->stats);
}

static inline struct net_loop_stats rig_stats(struct rig *rig)
{
    struct rig_stats_task task = { .loop = rig->loop };
    rig_call(rig, rig_stats_run, &task);
    return task.stats;
}

// ---- the other side ----
static inline int rig_socket(void)
{
    const struct timeval limit = { .tv_sec = RIG_WAIT_S };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit), 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit), 0);
    return fd;
}

static inline void rig_connect_socket(const struct rig *rig, int fd)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_port = htons((uint16_t)rig->port),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
}

static inline int rig_connect(const struct rig *rig)
{
    int fd = rig_socket();
    rig_connect_socket(rig, fd);
    return fd;
}

static inline void rig_send(int fd, const void *bytes, size_t len)
{
    const char *at = bytes;
    while (len > 0) {
        ssize_t n = send(fd, at, len, MSG_NOSIGNAL);
        assert_true(n > 0);
        at += n;
        len -= (size_t)n;
    }
}

static inline void rig_receive(int fd, void *bytes, size_t len)
{
    char *at = bytes;
    while (len > 0) {
        ssize_t n = recv(fd, at, len, 0);
        assert_true(n > 0);
        at += n;
        len -= (size_t)n;
    }
}

// The peer ends the connection, after nothing more was sent.
static inline void rig_expect_end(int fd)
{
    char byte;
    ssize_t n = recv(fd, &byte, 1, 0);
    assert_true(n == 0 || (n < 0 && errno == ECONNRESET));
}

// Puts one frame with `len` bytes of a pattern behind the others; returns its size.
static inline size_t rig_frame(char *out, uint32_t len, uint32_t number)
{
    num_store_be32(out, len);
    for (uint32_t i = 0; i < len; i++) {
        out[4 + i] = (char)(number * 31 + i * 7 + (i >> 8));
    }
    return (size_t)len + 4;
}

static inline void rig_expect(int fd, const char *bytes, size_t len)
{
    char *got = malloc(len + 1);
    assert_non_null(got);
    rig_receive(fd, got, len);
    assert_memory_equal(got, bytes, len);
    free(got);
}

// One small frame there and back.
static inline void rig_ping(int fd)
{
    char frame[12];
    size_t size = rig_frame(frame, 8, 1);
    rig_send(fd, frame, size);
    rig_expect(fd, frame, size);
}

#endif
