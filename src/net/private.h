// SPDX-License-Identifier: Apache-2.0
// What the files of net share.
#ifndef NET_PRIVATE_H
#define NET_PRIVATE_H

#include <pthread.h>
#include <uv.h>

#include "base/list.h"
#include "net/net.h"

enum {
    READ_SIZE = 256 * 1024,
    OUT_EAGER = 256 * 1024, // more waiting output than this leaves at once
    OUT_KEEP = 64 * 1024,   // a drained buffer larger than this is freed
    SWEEP_MS = 500,
    CLOSE_FLUSH_MS = 5000,
    POSTS_MAX = 65536,
    SIGNALS_MAX = 8,
    BACKLOG = 1024,
};

struct post {
    void (*task)(void *arg);
    void *arg;
};

struct slot {
    struct net_conn *conn;
    uint32_t generation;
    uint32_t next_free;
};

struct net_signal {
    uv_signal_t handle;
    void (*on_signal)(void *arg, int number);
    void *arg;
};

struct net_loop {
    uv_loop_t uv;
    struct net_loop_options options;
    uv_async_t wake;
    uv_prepare_t turn; // runs after timers and before the poll
    uv_timer_t sweep;
    struct net_signal signals[SIGNALS_MAX];
    size_t signal_count;
    void (*on_wake)(void *arg);
    void *on_wake_arg;
    void (*on_turn)(void *arg);
    void *on_turn_arg;
    _Atomic bool woken;
    pthread_mutex_t post_lock;
    struct post *posts;
    size_t post_count;
    size_t post_size;
    bool closed; // under post_lock
    char *read_buffer;
    struct slot *slots; // slot 0 is unused, so that no id is 0
    uint32_t slot_count;
    uint32_t slot_size;
    uint32_t free_slot;
    size_t connections;
    struct list conns;     // all
    struct list dirty;     // output to flush
    struct list listeners; // open
    bool paused_all;
    int64_t now_ms; // monotonic, at the start of a turn
    struct net_loop_stats stats;
};

struct net_listener {
    uv_tcp_t handle;
    struct net_loop *loop;
    struct list node;
    const struct net_handler *handler;
    void *arg;
    struct net_conn_options options;
    int port;
    int open_handles;
};

enum conn_state { CONN_CONNECTING, CONN_OPEN, CONN_DRAINING, CONN_CLOSING };

struct net_conn {
    uv_tcp_t handle;
    struct net_loop *loop;
    struct list node;
    struct list dirty_node;
    const struct net_handler *handler;
    void *arg;
    void *user;
    const struct net_conn_options *options; // the listener's, or own_options
    struct net_conn_options *own_options;
    uint64_t id;
    enum conn_state state;
    bool accepted;
    bool paused;
    bool reading;
    bool in_frames; // frames are being delivered
    bool is_dirty;
    bool was_opened;
    tidings_status why;
    struct buf in;      // an incomplete frame, or frames that wait while paused
    struct buf out;     // being filled
    struct buf sending; // handed to the kernel
    uv_write_t write;
    bool write_busy;
    int64_t active_ms;     // last read or write
    int64_t frame_from_ms; // first byte of the incomplete frame, 0 = none
    int64_t deadline_ms;   // connecting or draining, 0 = none
};

int64_t loop_now_ms(const struct net_loop *loop);
// Makes a connection in a free slot. E_FULL over connections_max.
tidings_status conn_new(struct net_loop *loop, const struct net_handler *handler, void *arg,
                        struct net_conn **ret) TIDINGS_NODISCARD;
void conn_opened(struct net_conn *conn);
void conn_close(struct net_conn *conn, tidings_status why);
void conn_flush_all(struct net_loop *loop);
void conn_sweep(struct net_loop *loop);
void conn_read_start(struct net_conn *conn);
void conn_read_stop(struct net_conn *conn);
// Delivers what waits in conn->in.
void conn_deliver_waiting(struct net_conn *conn);

#endif
