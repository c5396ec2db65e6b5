// SPDX-License-Identifier: Apache-2.0
// What producer, consumer and admin stand on: one I/O thread with an event loop, one connection per
// address, requests that are answered or run out of time, alarms. Private to the room.
//
// Threads: everything runs on the I/O thread (or, while that does not run, on the thread that owns
// the runtime), except runtime_run, runtime_ask and runtime_wake, which are for other threads.
#ifndef CLIENT_RUNTIME_H
#define CLIENT_RUNTIME_H

#include <pthread.h>

#include "base/clock.h"
#include "base/heap.h"
#include "base/list.h"
#include "base/map.h"
#include "client/config.h"
#include "client/ident.h"
#include "client/secure.h"
#include "net/net.h"
#include "wire/requests.h"
#include "wire/wire.h"

enum {
    RUNTIME_CALLS_MAX = 65535,
    RUNTIME_ALARMS_MAX = 1 << 20,
    RUNTIME_LINKS_MAX = 1024,
    RUNTIME_OUT_MAX = 64 * 1024 * 1024, // bytes waiting for one connection
    RUNTIME_IDLE_MS = 120 * 1000,
    RUNTIME_BACKOFF_LEAST_MS = 20, // after a failed connect, doubled up to
    RUNTIME_BACKOFF_MOST_MS = 1000,
};

// Response codes that only a client of a cluster meets.
enum {
    REPLY_FLUSH_DISK_TIMEOUT = 10,
    REPLY_SLAVE_NOT_AVAILABLE = 11,
    REPLY_FLUSH_SLAVE_TIMEOUT = 12,
    REPLY_NO_BUYER_ID = 204,
    REPLY_NOT_IN_CURRENT_UNIT = 205,
    REPLY_CONSUMER_NOT_ONLINE = 206,
    REPLY_FLOW_CONTROL = 215,
};

struct runtime;

// One deadline. Zeroed memory plus alarm_init is a stopped alarm.
struct alarm {
    struct heap_node node;
    struct list orphan; // in runtime->orphans when the heap had no memory: fires in the next turn
    void (*fire)(struct alarm *alarm);
};

enum link_state { LINK_IDLE, LINK_DIALLING, LINK_OPEN };

// A server's address and the connection to it, made when it is needed.
struct link {
    struct runtime *runtime;
    char *address;
    char host[256];
    int port;
    enum link_state state;
    struct net_conn *conn;
    uint64_t conn_id;
    struct list calls;  // without an answer
    struct buf waiting; // frames for the connection that is being made
    int64_t not_before_us;
    int64_t backoff_ms;
    int32_t version; // of the server, from its answers; 0 = not known
    bool is_tidings;
};

struct reply {
    tidings_status status; // OK: header and body are there (look at header->code)
    const struct wire_header *header;
    struct str body;
    const struct tidings_error *err;
};

// A request under way; part of the asker's own object.
struct call {
    struct alarm alarm;
    struct list node;
    struct link *link;
    int32_t opaque;        // -1 = has no slot
    bool active;           // under way
    tidings_status failed; // why it could not be sent
    void (*done)(struct call *call, const struct reply *reply);
};

struct runtime_owner {
    // A connection is there: what is called now goes out before what waited for it. May be NULL.
    void (*opened)(void *arg, struct link *link);
    // A server asks or tells. May be NULL.
    void (*asked)(void *arg, struct link *link, const struct wire_header *header, struct str body);
    void (*woken)(void *arg); // runtime_wake was called. May be NULL.
    void *arg;
};

struct runtime {
    tidings_config *config; // own copy
    const struct clock *clock;
    struct ident ident;
    struct secure secure;
    struct rnd rnd;
    struct runtime_owner owner;
    struct net_loop *loop;
    struct net_timer *timer;
    int64_t timer_due_us; // what the timer is set to; INT64_MAX = not running
    struct heap alarms;
    struct list orphans;
    struct list unsent; // calls that failed before they were sent
    struct map links;   // by address
    struct slots {
        struct call **calls; // by the low half of opaque
        uint16_t *generations;
        uint16_t *free;
        uint32_t free_count;
        uint32_t count;
    } slots;
    struct buf scratch; // unescaped header values
    struct buf texts;   // numbers of headers being encoded
    struct wire_header header;
    pthread_t thread;
    bool running;
    bool stopped;
};

// `config` is copied.
tidings_status runtime_init(struct runtime *runtime, const tidings_config *config,
                            const struct runtime_owner *owner,
                            struct tidings_error *err) TIDINGS_NODISCARD;
tidings_status runtime_start(struct runtime *runtime, struct tidings_error *err) TIDINGS_NODISCARD;
// Ends the thread. May be called twice, and without start.
void runtime_stop(struct runtime *runtime);
// After stop: closes the connections; calls under way are done with E_CLOSED.
void runtime_close(struct runtime *runtime);
void runtime_deinit(struct runtime *runtime);

static inline int64_t runtime_now_us(const struct runtime *runtime)
{
    return clock_mono_us(runtime->clock);
}
static inline int64_t runtime_wall_ms(const struct runtime *runtime)
{
    return clock_wall_ms(runtime->clock);
}

void alarm_init(struct alarm *alarm, void (*fire)(struct alarm *alarm));
// (Re)starts. Out of memory: fires in the next turn.
void runtime_alarm(struct runtime *runtime, struct alarm *alarm, int64_t after_ms);
void runtime_alarm_at(struct runtime *runtime, struct alarm *alarm, int64_t due_us);
void runtime_alarm_stop(struct runtime *runtime, struct alarm *alarm);

// The link to "host:port"; NULL when malformed, too many, or out of memory.
struct link *runtime_link(struct runtime *runtime, struct str address);
bool link_is_usable(const struct link *link); // not known to be down
bool link_connect(struct link *link);         // connects; true when there is a connection

void call_init(struct call *call, void (*done)(struct call *call, const struct reply *reply));
static inline bool call_is_active(const struct call *call)
{
    return call->active;
}
// Sends a request. `done` runs exactly once, later, never inside. header: code, flag and fields are
// the caller's, the rest is filled in. The call must not be under way.
void runtime_call(struct runtime *runtime, struct call *call, struct link *link,
                  struct wire_header *header, struct str body, int64_t timeout_ms);
// Forgets a call: `done` will not run. No-op when not under way.
void runtime_cancel(struct runtime *runtime, struct call *call);
// A request without an answer; what cannot be sent is lost.
void runtime_tell(struct runtime *runtime, struct link *link, struct wire_header *header,
                  struct str body);
// Answers a server's request (not one-way ones).
void runtime_answer(struct link *link, const struct wire_header *request, int32_t code,
                    struct str remark);

// A header for a request, with no fields.
void request_init(struct wire_header *header, int32_t code);
// Encodes one of wire/requests.h into runtime->texts and the header.
#define request_fill(runtime, name, header, request)                                               \
    (buf_clear(&(runtime)->texts), wire_##name##_encode((request), (header), &(runtime)->texts))

// Text of a response that is not SUCCESS, and the status that it stands for.
tidings_status reply_error(const struct reply *reply, const struct link *link, const char *what,
                           struct tidings_error *err);
// Status of a remoting response code.
tidings_status reply_status(int32_t code);

// ---- for other threads ----
// Runs task(arg) on the I/O thread and waits until it is done. E_CLOSED when there is none.
tidings_status runtime_run(struct runtime *runtime, void (*task)(void *arg),
                           void *arg) TIDINGS_NODISCARD;
void runtime_wake(struct runtime *runtime);

struct answer { // copy of a reply; header views point into `bytes`
    struct wire_header header;
    struct buf bytes;
    struct str body;
};
// Asks and waits. OK with any response code.
tidings_status runtime_ask(struct runtime *runtime, struct str address, struct wire_header *header,
                           struct str body, int64_t timeout_ms, struct answer *ret,
                           struct tidings_error *err) TIDINGS_NODISCARD;
// The same within the request timeout, and an answer that is not success is an error: `what` was
// asked for. *ret is to be freed after OK only.
tidings_status runtime_demand(struct runtime *runtime, struct str address,
                              struct wire_header *header, struct str body, const char *what,
                              struct answer *ret, struct tidings_error *err) TIDINGS_NODISCARD;
void answer_deinit(struct answer *answer);

#endif
