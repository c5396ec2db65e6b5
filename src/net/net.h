// SPDX-License-Identifier: Apache-2.0
// Event loop, listeners, connections with framing and deadlines, on libuv.
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
    struct fault *fault;    // may be NULL
    size_t connections_max; // accepted and dialled together; beyond it an accepted socket is closed
                            // at once
};
tidings_status net_loop_new(const struct net_loop_options *options, struct net_loop **ret,
                            struct tidings_error *err) TIDINGS_NODISCARD;
// Closes everything (callbacks `closed` run), then frees. NULL allowed. The loop must not be
// running.
void net_loop_free(struct net_loop *loop);
// Runs until net_loop_stop. May be called again.
void net_loop_run(struct net_loop *loop);
void net_loop_stop(struct net_loop *loop);
// Any thread: runs task(arg) on the loop thread soon, in order of posting. E_FULL beyond 65,536
// waiting, E_CLOSED when the loop is being freed; then it never runs.
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
struct net_loop_stats {
    size_t connections;
    uint64_t accepted;
    uint64_t refused; // over connections_max or no file descriptor
    uint64_t bytes_in;
    uint64_t bytes_out;
    size_t out_waiting; // bytes in all output buffers
};
void net_loop_stats(const struct net_loop *loop, struct net_loop_stats *ret);

// ---- timers (one shot; restart in the callback for more) ----
tidings_status net_timer_new(struct net_loop *loop, void (*fire)(void *arg), void *arg,
                             struct net_timer **ret) TIDINGS_NODISCARD;
void net_timer_start(struct net_timer *timer,
                     int64_t after_ms); // restarts when running; < 0 counts as 0
void net_timer_stop(struct net_timer *timer);
void net_timer_free(struct net_timer *timer); // stops and frees; NULL allowed

// ---- connections ----
struct net_handler {
    // Size of the frame that starts at bytes (have ≥ 1 bytes are there): 0 = more bytes are needed
    // to know, SIZE_MAX = no correct frame can follow (the connection is closed after what was
    // written is flushed).
    size_t (*measure)(void *arg, const char *bytes, size_t have);
    // One whole frame; the view is good only during the call.
    void (*frame)(void *arg, struct net_conn *conn, struct str frame);
    // Accepted or dialled and usable. For a dialled connection that fails only `closed` runs.
    void (*opened)(void *arg, struct net_conn *conn);
    // Exactly once per connection, last call for it. `status` tells why (OK = we closed it, E_EOF =
    // peer).
    void (*closed)(void *arg, struct net_conn *conn, tidings_status status);
};
struct net_conn_options {
    size_t frame_max;         // whole frame; more is refused as by SIZE_MAX
    size_t out_max;           // waiting output; beyond it the connection is closed (slow reader)
    int64_t idle_timeout_ms;  // nothing read or written; 0 = none
    int64_t frame_timeout_ms; // from the first byte of a frame to its last (slow sender); 0 = none
    int64_t connect_timeout_ms; // dialled only
};
// port 0 = any free; net_listener_port tells which. `handler`, `arg` are used by all its
// connections.
tidings_status net_listen(struct net_loop *loop, const char *host, int port,
                          const struct net_handler *handler, void *arg,
                          const struct net_conn_options *options, struct net_listener **ret,
                          struct tidings_error *err) TIDINGS_NODISCARD;
int net_listener_port(const struct net_listener *listener);
void net_listener_close(struct net_listener *listener); // its connections stay open
// Resolves (off the loop) and connects. On OK exactly one of opened…closed or closed follows.
tidings_status net_dial(struct net_loop *loop, const char *host, int port,
                        const struct net_handler *handler, void *arg,
                        const struct net_conn_options *options, struct net_conn **ret,
                        struct tidings_error *err) TIDINGS_NODISCARD;

uint64_t net_conn_id(const struct net_conn *conn);
struct net_conn *net_conn_find(struct net_loop *loop, uint64_t id); // NULL when closed or closing
void *net_conn_user(const struct net_conn *conn); // a free slot for the handler; starts as NULL
void net_conn_set_user(struct net_conn *conn, void *user);
// Peer and own address as bytes: 4 or 16 in network order; returns the length. Port in host order.
size_t net_conn_peer(const struct net_conn *conn, uint8_t address[16], int *ret_port);
// "127.0.0.1:40001"
void net_conn_peer_text(const struct net_conn *conn, char *out, size_t size);

// Output: append to the buffer; it leaves at the end of the turn in one write (a buffer above 256
// KiB at once). E_FULL closes the connection (slow reader), E_CLOSED when it is already closing.
struct buf *net_conn_out(struct net_conn *conn); // append here ...
tidings_status
net_conn_flush(struct net_conn *conn) TIDINGS_NODISCARD; // ... then say so (cheap: marks it)
void net_conn_close(struct net_conn *conn); // after what is waiting was written (bounded by 5 s)
void net_conn_abort(struct net_conn *conn); // now
void net_conn_pause(
    struct net_conn *conn); // stop reading (back-pressure); frames already read wait
void net_conn_resume(struct net_conn *conn);
// The same for all connections of the loop's listeners (not the dialled ones).
void net_loop_pause_all(struct net_loop *loop);
void net_loop_resume_all(struct net_loop *loop);
// Ends all connections now (their `closed` runs before it returns). For shutting down: the loop
// must not be running.
void net_loop_close_all(struct net_loop *loop);

#endif
