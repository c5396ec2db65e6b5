// SPDX-License-Identifier: Apache-2.0
// Event loop, listeners, connections with framing and deadlines, on libuv.
//
// A turn of the loop: reads and timers, then posted tasks, on_wake, on_turn, and the flush of all
// that was written; then it sleeps. What is posted or woken anywhere in a turn does not wait for
// the next event.
//
// Callbacks may close, abort, pause, resume and write to any connection, their own too. A
// connection's memory stays good until its `closed` has returned, which never runs inside a call
// into this room (but for net_loop_close_all and net_loop_free).
//
// Threads: everything here is called on the loop's own thread, except net_loop_post and
// net_loop_wake. Connections are named by 64-bit ids that are never used again, so that an answer
// which comes late for a closed connection is simply dropped (net_conn_find gives NULL).
#ifndef NET_NET_H
#define NET_NET_H

#include "base/clock.h"
#include "base/error.h"
#include "base/fault.h"
#include "base/str.h"

struct net_loop;
struct net_conn;
struct net_listener;
struct net_timer;

// ---- loop ----
struct net_loop_options {
    const struct clock *clock;
    struct fault *fault; // may be NULL
    // Accepted and dialled together; beyond it an accepted socket is closed at once.
    size_t connections_max;
    // All connections' waiting output; beyond it those with more than 64 KiB are congested. 0 =
    // none.
    size_t out_total_soft;
    // The memory of all accepted connections' incomplete frames; beyond it those with more than 64
    // KiB are not read from, but for one at a time, and those that go silent for 5 s are closed
    // (looked for with other deadlines: with idle_timeout_ms). 0 = none.
    size_t in_total_soft;
};
tidings_status net_loop_new(const struct net_loop_options *options, struct net_loop **ret,
                            struct tidings_error *err) TIDINGS_NODISCARD;
// Closes everything (posted tasks and callbacks `closed` run), then frees. NULL allowed. The loop
// must not be running, and its timers must be freed before. A name that is being resolved is waited
// for.
void net_loop_free(struct net_loop *loop);
// Runs until net_loop_stop. May be called again.
void net_loop_run(struct net_loop *loop);
// One turn over what is ready now, without waiting.
void net_loop_turn(struct net_loop *loop);
void net_loop_stop(struct net_loop *loop);
// Any thread: runs task(arg) on the loop thread soon, in order of posting; what a task posts runs
// in the next turn. E_FULL beyond 65,536 waiting, E_CLOSED when the loop is being freed; then it
// never runs. A task that was taken runs, at the latest in net_loop_free.
tidings_status net_loop_post(struct net_loop *loop, void (*task)(void *arg),
                             void *arg) TIDINGS_NODISCARD;
// Any thread, async-signal-safe: makes `on_wake` run soon on the loop thread; many wakes may become
// one call.
void net_loop_wake(struct net_loop *loop);
void net_loop_on_wake(struct net_loop *loop, void (*on_wake)(void *arg), void *arg);
// Called once at the end of each turn of the loop, after all reading and timers and before it
// sleeps: the place to hand a batch on. What the hook writes is flushed in the same turn.
void net_loop_on_turn(struct net_loop *loop, void (*on_turn)(void *arg), void *arg);
// SIGTERM, SIGINT, SIGHUP: `on_signal` runs on the loop thread.
tidings_status net_loop_on_signal(struct net_loop *loop, int number,
                                  void (*on_signal)(void *arg, int number), void *arg,
                                  struct tidings_error *err) TIDINGS_NODISCARD;
// X(member, name, kind, help): what is counted, under the names of the metrics.
#define NET_STATS_MAP(X)                                                                           \
    X(bytes_in, "tidings_network_bytes_in_total", "counter", "Bytes read")                         \
    X(bytes_out, "tidings_network_bytes_out_total", "counter", "Bytes written")                    \
    X(refused, "tidings_connections_refused_total", "counter",                                     \
      "Connections closed at once for lack of room, and times that no file descriptor was left")   \
    X(in_waiting, "tidings_network_incomplete_bytes", "gauge",                                     \
      "Memory of frames that have not come in full")                                               \
    X(tls_handshakes, "tidings_tls_handshakes_total", "counter", "TLS handshakes done")            \
    X(tls_refused, "tidings_tls_refused_total", "counter",                                         \
      "TLS handshakes that failed, and plain connections where only TLS is taken")

struct net_loop_stats {
    size_t connections;
    uint64_t accepted;
    size_t out_waiting; // bytes in all output buffers
#define X(member, name, kind, help) uint64_t member;
    NET_STATS_MAP(X)
#undef X
};
void net_loop_stats(const struct net_loop *loop, struct net_loop_stats *ret);

// ---- timers (one shot; restart in the callback for more) ----
tidings_status net_timer_new(struct net_loop *loop, void (*fire)(void *arg), void *arg,
                             struct net_timer **ret) TIDINGS_NODISCARD;
// Restarts when running; < 0 counts as 0. Equal times fire in the order of starting.
void net_timer_start(struct net_timer *timer, int64_t after_ms);
void net_timer_stop(struct net_timer *timer);
// Stops and frees, also inside its callback; NULL allowed.
void net_timer_free(struct net_timer *timer);

// ---- descriptors of libraries that do their own input and output ----
struct net_watch;
enum { NET_READABLE = 1, NET_WRITABLE = 2 };
// `fire` runs on the loop thread with what is ready of what was asked for, again for as long as it
// is. The descriptor stays its owner's, who frees the watch before closing it. E_NO_MEMORY,
// E_INVALID for a descriptor that cannot be watched.
tidings_status net_watch_new(struct net_loop *loop, int fd, void (*fire)(void *arg, int ready),
                             void *arg, struct net_watch **ret) TIDINGS_NODISCARD;
// Asks for NET_READABLE, NET_WRITABLE, both or (0) nothing; at first nothing is asked for.
tidings_status net_watch_set(struct net_watch *watch, int wanted) TIDINGS_NODISCARD;
// Also inside its callback; NULL allowed. All must be freed before the loop is.
void net_watch_free(struct net_watch *watch);

// ---- connections ----
struct net_handler {
    // Size of the frame that starts at bytes (have ≥ 1 bytes are there): 0 = more bytes are needed
    // to know, SIZE_MAX = no correct frame can follow (the connection is closed after what was
    // written is flushed; `closed` gets E_PROTOCOL). With more bytes of the same frame the answer
    // stays, once it is not 0.
    size_t (*measure)(void *arg, const char *bytes, size_t have);
    // One whole frame; the view is good only during the call.
    void (*frame)(void *arg, struct net_conn *conn, struct str frame);
    // Accepted or dialled and usable. For a dialled connection that fails only `closed` runs.
    void (*opened)(void *arg, struct net_conn *conn);
    // Exactly once per connection, last call for it. `status` tells why: OK = we closed it, E_EOF =
    // the peer ended it, E_TIMEOUT = a deadline of the options, E_PROTOCOL = a wrong or too large
    // frame, or broken TLS, E_FULL = slow reader, E_NETWORK = broken or could not connect, E_CLOSED
    // = the loop closes.
    void (*closed)(void *arg, struct net_conn *conn, tidings_status status);
};
// Deadlines are kept to about half a second, and stand still while the connection is paused.
struct net_conn_options {
    size_t frame_max;         // whole frame; more is refused as by SIZE_MAX
    size_t out_max;           // waiting output; beyond it the connection is closed (slow reader)
    size_t out_soft;          // beyond it no more frames are delivered until it is less; 0 = none
    int64_t idle_timeout_ms;  // nothing read or written; 0 = none
    int64_t frame_timeout_ms; // from the first byte of a frame to its last (slow sender); 0 = none
    // Accepted connections may begin with TLS (net/tls.h); NULL = plain only. The handler writes
    // nothing before the first frame came.
    // Of a dialled one (net_tls_client_new): it is open when the handshake is done.
    struct net_tls *tls;
    const char *tls_name;       // dialled only: host that the certificate must name; lives as long
    int64_t connect_timeout_ms; // dialled only, with resolving and TLS; 0 = none
};
// `host` is a numeric IPv4 or IPv6 address. port 0 = any free; net_listener_port tells which.
// `handler`, `arg` are used by all its connections. When file descriptors run out, accepting rests
// for 100 ms.
tidings_status net_listen(struct net_loop *loop, const char *host, int port,
                          const struct net_handler *handler, void *arg,
                          const struct net_conn_options *options, struct net_listener **ret,
                          struct tidings_error *err) TIDINGS_NODISCARD;
int net_listener_port(const struct net_listener *listener);
void net_listener_close(struct net_listener *listener); // its connections stay open
// Resolves (off the loop) and connects; the addresses of a name are tried in turn. On OK exactly
// one of opened…closed or closed follows, never inside this call. E_CLOSED while the loop closes
// all.
tidings_status net_dial(struct net_loop *loop, const char *host, int port,
                        const struct net_handler *handler, void *arg,
                        const struct net_conn_options *options, struct net_conn **ret,
                        struct tidings_error *err) TIDINGS_NODISCARD;

uint64_t net_conn_id(const struct net_conn *conn);
struct net_conn *net_conn_find(struct net_loop *loop, uint64_t id); // NULL unless it is open
// Within `closed`: why TLS failed, "" when it did not.
const char *net_conn_tls_reason(const struct net_conn *conn);
void *net_conn_user(const struct net_conn *conn); // a free slot for the handler; starts as NULL
void net_conn_set_user(struct net_conn *conn, void *user);
// The peer's address as bytes: 4 or 16 in network order; returns the length, 0 while connecting.
// Port in host order. No system call; good until `closed` returns.
size_t net_conn_peer(const struct net_conn *conn, uint8_t address[16], int *ret_port);
// "127.0.0.1:40001"
void net_conn_peer_text(const struct net_conn *conn, char *out, size_t size);

// Output: append to the buffer, then call net_conn_flush (cheap: it marks the connection); it
// leaves at the end of the turn in one write, a buffer above 256 KiB at once, and what is written
// while connecting when it is open. The buffer's own maximum is out_max: who cannot append an
// answer has a slow reader and aborts. Ask for it anew each time. E_FULL closes the
// connection (slow reader), E_CLOSED when it is already closing.
struct buf *net_conn_out(struct net_conn *conn);
tidings_status net_conn_flush(struct net_conn *conn) TIDINGS_NODISCARD;
// After what is waiting was written; no frame is delivered any more. Our side is ended first and
// the peer's end waited for up to 1 s, so that it gets the last answers also when it was still
// sending. 5 s in all.
void net_conn_close(struct net_conn *conn);
// Its reader is slow: more waits than out_soft. What can be said later, or shorter, should be. The
// idle timeout goes on: it ends when the peer takes nothing more.
bool net_conn_is_congested(const struct net_conn *conn);
void net_conn_abort(struct net_conn *conn); // now
// Stops reading (back-pressure). Frames already read wait; after net_conn_resume they are delivered
// first, in order, from the loop (not inside the call).
void net_conn_pause(struct net_conn *conn);
void net_conn_resume(struct net_conn *conn);
// The same for all connections of the loop's listeners (not the dialled ones), also those accepted
// meanwhile; cheap however many there are. One that is also paused by itself goes on when both have
// ended.
void net_loop_pause_all(struct net_loop *loop);
void net_loop_resume_all(struct net_loop *loop);
// Ends all connections now (their `closed` runs before it returns). For shutting down: the loop
// must not be running.
void net_loop_close_all(struct net_loop *loop);

#endif
