// SPDX-License-Identifier: Apache-2.0
// What the files of net share. Only the loop's own thread touches it, but for `woken` and the
// posts.
//
// One turn of the loop, in libuv's order:
//   timers → idle (frames that waited and may go on) → prepare (posts, on_wake, on_turn, flush)
//   → poll (reads, accepts) → check (overdue connections) → closed handles.
// The prepare step stands right before the poll, so a batch gathers all that was read since the
// last one, and what is posted or woken inside it makes the poll return at once (see wake.c).
#ifndef NET_PRIVATE_H
#define NET_PRIVATE_H

#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>
#include <uv.h>

#include "base/list.h"
#include "net/net.h"

enum {
    READ_SIZE = 256 * 1024,
    OUT_EAGER = 256 * 1024, // more waiting output than this leaves at once
    OUT_SHARE = 64 * 1024,  // of a connection, while all together are over out_total_soft
    IN_SHARE = 64 * 1024,   // the same of an incomplete frame and in_total_soft
    STALL_MS = 5000,        // of silence inside a frame, while others wait for its room
    POOL_KEEP = 64 * 1024,  // a drained buffer larger than this is freed, others go to the pool
    POOL_MAX = 32,          // so the pool holds 2 MiB at most
    SWEEP_MS = 500,         // how exact deadlines are
    WHEEL_SIZE = 512,       // sweeps ahead; what is due later is looked at in between
    RECHECK_MS = 1000, // how often a deadline that stands still under back-pressure is looked at
    CLOSE_FLUSH_MS = 5000,
    LINGER_MS = 1000, // after the last byte was written: for the peer's end
    POSTS_MAX = 65536,
    POSTS_KEEP = 1024,
    SIGNALS_MAX = 8,
    BACKLOG = 1024,
    TLS_SLACK = 32 * 1024, // what one read may complete of the record before it
    ACCEPT_BURST = 128,
    ACCEPT_REST_MS = 100, // no accepting after the descriptors ran out
};

struct post {
    void (*task)(void *arg);
    void *arg;
};

struct posts {
    struct post *items;
    size_t count;
    size_t size;
};

// What other threads want of the loop, and how it is called out of its sleep.
struct wake {
    uv_poll_t handle;
    int fd; // an eventfd
    // From before the poll until something was read: only then a call is needed.
    _Atomic bool asleep;
    _Atomic bool woken;
    _Atomic bool posted; // `posts` has some
    void (*on_wake)(void *arg);
    void *on_wake_arg;
    pthread_mutex_t lock;
    struct posts posts;   // under lock
    bool closed;          // under lock
    struct posts running; // the loop's thread only
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

struct spare {
    char *ptr;
    size_t size;
};

struct net_loop {
    uv_loop_t uv;
    struct net_loop_options options;
    struct wake wake;
    uv_prepare_t turn;
    uv_check_t after;
    uv_idle_t hurry; // active while something must not wait for the poll
    struct net_signal signals[SIGNALS_MAX];
    size_t signal_count;
    size_t timer_count;
    size_t watch_count;
    void (*on_turn)(void *arg);
    void *on_turn_arg;

    int64_t now_ms; // monotonic; good while now_known
    bool now_known;
    bool closing; // no more dialling

    // connections
    struct slot *slots; // slot 0 is unused, so that no id is 0
    uint32_t slot_size;
    uint32_t free_slot;
    struct list conns;          // all
    struct list dirty;          // output to flush
    struct list held;           // not read from because of pause_all
    struct list ready;          // resumed: what waits is to be delivered, then reading goes on
    struct list hungry;         // not read from for lack of room, see conn_room.c
    struct net_conn *favourite; // goes on without room; NULL = nobody
    struct list listeners;      // open
    bool paused_all;
    struct net_loop_stats stats;
    char *read_buffer;
    char *plain_buffer; // what TLS decrypts; NULL before the first
    struct spare pool[POOL_MAX];
    size_t pool_count;

    // deadlines
    uv_timer_t sweep;
    bool sweep_due;
    struct list wheel[WHEEL_SIZE];
    size_t wheel_count;
    int64_t wheel_tick; // the last one swept
};

struct net_listener {
    uv_poll_t poll;
    uv_timer_t rest;
    struct net_loop *loop;
    struct list node;
    const struct net_handler *handler;
    void *arg;
    struct net_conn_options options;
    int fd;
    int port;
    int open_handles;
    bool closed;
};

// DRAINING: no more frames; what is written leaves, then the peer's end is waited for.
enum conn_state { CONN_CONNECTING, CONN_OPEN, CONN_DRAINING, CONN_CLOSING };

struct dial;
struct tls;

struct net_conn {
    uv_tcp_t handle;
    uv_write_t write; // of `sending`
    struct net_loop *loop;
    struct list node;
    struct list dirty_node;
    struct list wait_node;  // in held, hungry or ready
    struct list wheel_node; // in a bucket of the wheel
    int64_t wheel_tick;
    const struct net_handler *handler;
    void *arg;
    void *user;
    struct net_conn_options options;
    struct dial *dial; // while connecting
    struct tls *tls;   // NULL = plain
    uint64_t id;
    struct buf in;         // an incomplete frame; while not read from, also whole ones behind it
    struct buf out;        // being filled
    struct buf sending;    // handed to the kernel
    size_t counted;        // in stats.out_waiting
    size_t in_counted;     // in stats.in_waiting
    size_t need;           // measured size of the frame in `in`, 0 = unknown
    int64_t active_ms;     // last read or write
    int64_t frame_from_ms; // first byte of the incomplete frame; good while in.len > 0
    int64_t deadline_ms;   // connecting or draining, 0 = none
    int fd;
    uint8_t state; // enum conn_state
    bool accepted;
    bool told;       // the handler knows it: `closed` is owed
    bool paused;     // by net_conn_pause
    bool congested;  // more output waits than out_soft
    bool hungry;     // there is no room for more of its incomplete frame
    bool was_hungry; // and is in ready because there is again
    bool reading;
    bool write_busy;
    bool peer_ended; // end of data was read
    bool lingering;  // all is written and our end is sent
    bool first_seen; // it is known whether this is TLS; good where it may be
    tidings_status why;
    uint16_t peer_port;
    uint8_t peer_len; // 4 or 16
    uint8_t peer[16];
};

// ---- loop.c ----
// Read once per turn, after the poll.
int64_t loop_now_ms(struct net_loop *loop);
// The next poll does not sleep.
void loop_hurry(struct net_loop *loop);

// ---- wake.c ----
tidings_status wake_init(struct net_loop *loop) TIDINGS_NODISCARD;
// Runs what was posted, then on_wake if it is due.
void wake_take(struct net_loop *loop);
// The last step before the poll, and the first thing after it.
void wake_before_sleep(struct net_loop *loop);
void wake_after_sleep(struct net_loop *loop);
// No more posts are taken; those that were run now.
void wake_close(struct net_loop *loop);
void wake_deinit(struct net_loop *loop); // its handle is closed

// ---- conn.c ----
// Makes a connection in a free slot. E_FULL over connections_max.
tidings_status conn_new(struct net_loop *loop, const struct net_handler *handler, void *arg,
                        const struct net_conn_options *options,
                        struct net_conn **ret) TIDINGS_NODISCARD;
// Takes a connected socket: owns fd also when it fails.
tidings_status conn_attach(struct net_conn *conn, int fd,
                           const struct sockaddr *peer) TIDINGS_NODISCARD;
// The socket is there: starts reading, and TLS where it is dialled so.
void conn_open(struct net_conn *conn);
// Usable: tells the handler.
void conn_opened(struct net_conn *conn);
// Ends it now; `closed` runs later in the turn.
void conn_close(struct net_conn *conn, tidings_status why);
// Ends it after what is written has left; `why` is what `closed` gets then.
void conn_drain(struct net_conn *conn, tidings_status why);

// ---- conn_read.c ----
void conn_read_start(struct net_conn *conn);
void conn_read_stop(struct net_conn *conn);
// By the user: paused, itself or with all. And: that, or its output waits for a slow reader.
bool conn_is_stopped(const struct net_conn *conn);
bool conn_is_blocked(const struct net_conn *conn);
// What waits is delivered from the loop, then reading goes on.
void conn_make_ready(struct net_conn *conn);
// Delivers the waiting frames of the connections in `ready`.
void conn_go_on_all(struct net_loop *loop);

// What arrived, decrypted: frames are delivered, the rest is kept.
void conn_take(struct net_conn *conn, const char *bytes, size_t len);
// The peer ended (UV_EOF) or the socket broke.
void conn_read_failed(struct net_conn *conn, ssize_t result);

// ---- conn_room.c ----
// After a change of `in` or of the state: counts it, and tells in conn->hungry whether to read on.
void room_count(struct net_conn *conn);
// A frame of it is whole: the place of who goes on without room is free again.
void room_done(struct net_conn *conn);
// Who waits for room goes on where there is some.
void room_feed(struct net_loop *loop);
// Now and then: makes room by closing who does not go on.
void room_sweep(struct net_loop *loop);

// ---- conn_tls.c ----
// What arrived where TLS is allowed: decides by the first byte, then decrypts into conn_take.
void tls_take(struct net_conn *conn, const char *bytes, size_t len);
// A dialled connection is connected: begins the handshake, at whose end conn_opened runs. False
// when it was closed.
bool tls_dialled(struct net_conn *conn);
// Before sending: `out` holds then what goes over the wire.
tidings_status tls_seal(struct net_conn *conn) TIDINGS_NODISCARD;
void tls_free(struct net_conn *conn);

// ---- tls.c ----
struct ssl_ctx_st *tls_context(struct net_tls *tls); // NULL = no memory
bool tls_is_only(const struct net_tls *tls);
bool tls_is_client(const struct net_tls *tls); // tls may be NULL

// ---- conn_write.c ----
void conn_mark_dirty(struct net_conn *conn);
void conn_flush_all(struct net_loop *loop);
// After a change of `out` or `sending`: keeps the loop's sum right.
void conn_count_out(struct net_conn *conn);
// Buffers: from the pool when it has one, back to it when small.
void pool_take(struct net_loop *loop, struct buf *buf);
void pool_give(struct net_loop *loop, struct buf *buf);

// ---- deadline.c ----
tidings_status deadline_init(struct net_loop *loop) TIDINGS_NODISCARD;
// After a change that may bring the connection's deadline nearer.
void deadline_update(struct net_conn *conn);
void deadline_remove(struct net_conn *conn);
void deadline_sweep(struct net_loop *loop);

// ---- address.c ----
// Numeric IPv4 or IPv6 only; 0 or a libuv error.
int address_parse(const char *host, int port, struct sockaddr_storage *ret);
socklen_t address_len(const struct sockaddr *address);
int address_port(const struct sockaddr *address);

// ---- dial.c ----
void dial_cancel(struct dial *dial);

#endif
