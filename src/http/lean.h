// SPDX-License-Identifier: Apache-2.0
// The way out of plain http: HTTP/1.1 of our own on the loop's sockets. One write and one read per
// request over a kept connection; a connection is on the poller once, from its beginning to its
// end; no memory is asked for once all is warm. Private to the room.
#ifndef HTTP_LEAN_H
#define HTTP_LEAN_H

#include "http/call.h"
#include "http/names.h"
#include "http/policy.h"
#include "http/reply.h"

enum {
    LEAN_READ_SIZE = 64 * 1024,
    LEAN_DIALS_MAX = 2,       // connections that are being made for one call
    LEAN_HEAD_START_MS = 200, // of the first address, before the second is tried beside it
    LEAN_IDLE_MAX_S = 118,    // a kept connection ends after it (as with libcurl)
    LEAN_MISTRUSTS_MAX = 64,
    LEAN_MISTRUST_US = 10 * 1000 * 1000,
};

// Where a host's requests go, and how they begin.
struct lean_target {
    char name[256];         // "" = the address is written
    struct address literal; // with the port
    int port;
    char host_field[288]; // "Host: name:port"
    struct buf url;       // the last that was good, and for it and this method
    struct buf method;
    struct buf begin; // the request line and the fields that are always the same
};

struct lean_call;
struct lean_conn {
    struct lean *lean;
    struct host *host;
    struct lean_call *call; // that it is of; NULL: kept
    struct list node;       // kept: in host->kept
    struct list age;        // kept: in lean->kept, newest first
    struct net_watch *watch;
    int fd;
    int asked; // of the watch
    bool is_open;
    int64_t since_us; // dialled, or kept
    struct address address;
};

// A host that closed a kept connection under a request. The next may take its place.
struct lean_mistrust {
    uint64_t hash;
    int64_t since_us;
};

struct lean {
    struct http_client *client;
    struct names *names; // NULL until the first name
    struct list unused;  // calls
    size_t unused_count;
    struct list kept; // connections
    unsigned kept_count;
    struct net_timer *idle_timer;
    bool idle_armed;
    struct heap timeouts; // of calls that run
    struct net_timer *timer;
    int64_t timer_armed_us; // INT64_MAX = it is not
    char buffer[LEAN_READ_SIZE];
    struct lean_mistrust mistrusts[LEAN_MISTRUSTS_MAX]; // by the host's hash
};

struct lean_call {
    struct http_call call; // first
    struct lean *lean;
    // ---- the request ----
    struct buf head;
    struct str body;
    size_t sent; // of both
    bool is_get;
    bool is_of_head; // HEAD
    bool has_secrets;
    // ---- on its way ----
    struct heap_node timeout; // the deadline, or sooner when something is to be done
    struct names_waiter waiter;
    struct address addresses[NAMES_ADDRESSES_MAX];
    size_t address_count;
    size_t address_next;
    struct lean_conn *dials[LEAN_DIALS_MAX]; // the older first
    int64_t next_dial_us;                    // when another may begin; INT64_MAX = none is left
    bool was_allowed;                        // an address, by the policy
    struct lean_conn *conn;
    bool is_reused;
    bool is_second;    // after a kept connection that was closed
    bool may_be_kept;  // the connection, when the call ends
    bool write_broken; // nothing more can be written
    // ---- the reply ----
    struct reply reply;
    struct buf reply_body;
    int64_t dns_us; // moments since the start, -1 = none
    int64_t connect_us;
    int64_t first_byte_us;
    int64_t end_us; // the moment itself
    enum http_failure failure;
    bool is_over; // with `failure`; the timer tells it
    char error[HTTP_REASON_MAX];
};

static inline struct lean_call *lean_call_of(struct http_call *call)
{
    return BASE_CONTAINER_OF(call, struct lean_call, call);
}

// ---- lean.c ----
bool lean_new(struct http_client *client, struct lean **ret);
void lean_free(struct lean *lean); // its calls are over; NULL allowed
// The call ends so, soon, from the timer: also within http_client_send.
void lean_fail(struct lean_call *call, enum http_failure failure, const char *format, ...)
    BASE_PRINTF(3, 4);
// It wants to be looked at then, at the latest.
void lean_set_timeout(struct lean_call *call, int64_t due_us);
extern const struct http_way lean_way;

// ---- lean_call.c ----
tidings_status lean_take(struct lean *lean, struct host *host, const struct http_outgoing *outgoing,
                         struct http_call **ret, struct tidings_error *err) TIDINGS_NODISCARD;
void lean_release(struct http_call *call);
void lean_call_free(struct lean_call *call);
void lean_read_result(struct http_call *call, struct http_result *ret);

// ---- lean_target.c ----
// The host's target, and the beginning of such a request, made anew when it is another than the
// last one. E_INVALID: the URL is none that can be asked.
tidings_status lean_target_begin(struct host *host, const struct http_outgoing *outgoing,
                                 struct str *ret_begin,
                                 struct tidings_error *err) TIDINGS_NODISCARD;
void lean_target_free(struct lean_target *target); // NULL allowed

// ---- lean_dial.c ----
// Resolves and connects; then lean_go_on, or the call fails.
void lean_dial(struct lean_call *call);
// The time came to try another address.
void lean_dial_more(struct lean_call *call, int64_t now_us);
void lean_dialled(struct lean_conn *conn); // the socket says something
void lean_dial_stop(struct lean_call *call);

// ---- lean_conn.c ----
struct lean_conn *lean_conn_new(struct lean_call *call, int fd);
void lean_conn_close(struct lean_conn *conn);
bool lean_conn_ask(struct lean_conn *conn, int wanted);
// The call has its connection: the request goes out.
void lean_go_on(struct lean_call *call, struct lean_conn *conn);
// ---- lean_kept.c ----
// One that was kept and has not ended, or NULL.
struct lean_conn *lean_take_kept(struct host *host);
// A kept connection ended under a request: for a while none is kept there, for such a receiver
// answers and closes without a word (no "Connection: close").
void lean_mistrust_host(struct lean *lean, const struct host *host);
void lean_keep(struct lean_conn *conn, int64_t now_us);
void lean_drop_kept(struct lean_conn *conn); // its host may be gone afterwards
// Room for one more connection among all.
void lean_make_room(struct lean *lean);
void lean_idle_ended(void *lean); // the timer

#endif
