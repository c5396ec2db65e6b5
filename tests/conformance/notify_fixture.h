// SPDX-License-Identifier: Apache-2.0
// What the conformance programs of the notifier share: a notifier on one database, on a loop, and a
// real HTTP server in this process, each of whose paths is a receiver with a will of its own.
#ifndef TEST_NOTIFY_FIXTURE_H
#define TEST_NOTIFY_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "db/db.h"
#include "http/http.h"
#include "net/net.h"
#include "notify/notify.h"
#include "each_database.h"

enum {
    CALLS_MAX = 8192,
    DOORS = 8,
    PATIENCE_MS = 60000,
    LOOK_MS = 2,
    ATTEMPTS_SEEN = 16,
    HELD_MAX = 8
};

#define PAYLOAD STR("{\"a\":1.10}\0\r\n")

struct call { // what a receiver has seen
    char id[32];
    char attempt[12];
    char content_type[64];
    char timestamp[24];
    char signature[256];
    char body[32];
    size_t body_len;
    int status; // that it was answered
};
struct door { // one receiver: /NAME
    char name[32];
    struct call *calls;
    int count;
    int failures; // so many calls are answered with `status`, then 200
    int status;
    int retry_after_s; // of those, 0 = none
    bool holds;        // calls are kept, and answered when it is told to let go
    struct http_exchange *held[HELD_MAX];
    int held_count;
};
struct told { // how something ended
    int count;
    tidings_status status;
    int64_t number; // version, job
    char text[256];
    struct record_accepted accepted[4];
    size_t accepted_count;
};
struct fixture {
    const char *url;
    const char *path; // of an SQLite file, else NULL
    // ---- the receivers ----
    struct http_server *server;
    int port;
    int deaf; // a socket that takes connections and never answers
    int deaf_port;
    pthread_mutex_t lock;
    struct door doors[DOORS]; // under lock
    // ---- the notifier ----
    struct net_loop *loop;
    struct net_timer *look;
    struct notify *notify;
    struct notify_options options;
    struct seal *seal;
    bool (*reached)(struct fixture *f);
    int64_t patience_ms;
    size_t stat; // offset within notify_stats
    uint64_t want;
    const struct told *awaited;
};

// OK(call(…, &why)): must succeed.
#define OK(call)                                                                                   \
    do {                                                                                           \
        struct tidings_error why = { 0 };                                                          \
        tidings_status ended = (call);                                                             \
        if (ended != TIDINGS_OK) {                                                                 \
            fail_msg("%s: %s", #call, error_text(&why, ended));                                    \
        }                                                                                          \
    } while (0)

// ---- the receivers ----
static inline struct door *door_named(struct fixture *f, const char *name)
{
    for (int i = 0; i < DOORS; i++) {
        struct door *door = &f->doors[i];
        if (door->name[0] == '\0') {
            (void)snprintf(door->name, sizeof door->name, "%s", name);
        }
        if (strcmp(door->name, name) == 0) {
            return door;
        }
    }
    (void)fprintf(stderr, "more than %d receivers\n", DOORS);
    abort();
}

static inline void take_header(const struct http_request *request, const char *name, char *out,
                               size_t size)
{
    const char *value = http_request_header(request, name);
    (void)snprintf(out, size, "%s", value != NULL ? value : "");
}

static inline void note_call(struct door *door, const struct http_request *request, int status)
{
    if (door->calls == NULL) {
        door->calls = calloc(CALLS_MAX, sizeof *door->calls);
    }
    assert_non_null(door->calls);
    struct call *call = &door->calls[door->count < CALLS_MAX ? door->count++ : 0];
    take_header(request, "webhook-id", call->id, sizeof call->id);
    take_header(request, "tidings-attempt", call->attempt, sizeof call->attempt);
    take_header(request, "Content-Type", call->content_type, sizeof call->content_type);
    take_header(request, "webhook-timestamp", call->timestamp, sizeof call->timestamp);
    take_header(request, "webhook-signature", call->signature, sizeof call->signature);
    call->body_len = request->body.len < sizeof call->body ? request->body.len : sizeof call->body;
    if (call->body_len > 0) {
        memcpy(call->body, request->body.ptr, call->body_len);
    }
    call->status = status;
}

static inline void receive(void *arg, const struct http_request *request,
                           struct http_response *response)
{
    struct fixture *f = arg;
    pthread_mutex_lock(&f->lock);
    struct door *door = door_named(f, request->path + 1);
    bool fails = door->failures > 0;
    response->status = fails ? door->status : 200;
    if (fails && door->retry_after_s > 0) {
        http_response_field(response, "Retry-After", "%d", door->retry_after_s);
    }
    door->failures -= fails;
    note_call(door, request, response->status);
    assert_int_equal(buf_add_str(&response->body, STR("success")), TIDINGS_OK);
    if (door->holds) {
        assert_true(door->held_count < HELD_MAX);
        http_exchange_later(request->exchange);
        door->held[door->held_count++] = request->exchange;
    }
    pthread_mutex_unlock(&f->lock);
}

static inline void hold_calls(struct fixture *f, const char *name)
{
    pthread_mutex_lock(&f->lock);
    door_named(f, name)->holds = true;
    pthread_mutex_unlock(&f->lock);
}

static inline void let_go(struct fixture *f, const char *name)
{
    pthread_mutex_lock(&f->lock);
    struct door *door = door_named(f, name);
    door->holds = false;
    while (door->held_count > 0) {
        http_exchange_answer(door->held[--door->held_count]);
    }
    pthread_mutex_unlock(&f->lock);
}

static inline int call_count(struct fixture *f, const char *name)
{
    pthread_mutex_lock(&f->lock);
    int count = door_named(f, name)->count;
    pthread_mutex_unlock(&f->lock);
    return count;
}

static inline struct call call_of(struct fixture *f, const char *name, int at)
{
    pthread_mutex_lock(&f->lock);
    const struct door *door = door_named(f, name);
    assert_true(at < door->count);
    struct call call = door->calls[at];
    pthread_mutex_unlock(&f->lock);
    return call;
}

static inline void fail_next(struct fixture *f, const char *name, int count, int status,
                             int retry_after_s)
{
    pthread_mutex_lock(&f->lock);
    struct door *door = door_named(f, name);
    door->failures = count;
    door->status = status;
    door->retry_after_s = retry_after_s;
    pthread_mutex_unlock(&f->lock);
}

// On a port below those that the system gives to whoever asks for any: while the server is stopped
// nobody listens there, and it is free when the server comes back.
static inline void start_server(struct fixture *f)
{
    struct http_server_options options = { .host = "127.0.0.1",
                                           .port = f->port,
                                           .body_max = 65536,
                                           .connections_max = 256,
                                           .timeout_s = 60,
                                           .handler = receive,
                                           .arg = f };
    struct rnd rnd;
    rnd_seed_system(&rnd);
    for (int i = 0; i < 1000 && f->port == 0; i++) {
        options.port = 20000 + (int)rnd_below(&rnd, 12000);
        if (http_server_start(&options, &f->server, NULL) == TIDINGS_OK) {
            f->port = options.port;
            return;
        }
    }
    OK(http_server_start(&options, &f->server, &why));
}

static inline void stop_server(struct fixture *f)
{
    http_server_stop(f->server);
    f->server = NULL;
}

// Connections are made by the system, nobody takes them.
static inline void open_deaf(struct fixture *f)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof address;
    f->deaf = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(f->deaf >= 0);
    assert_int_equal(bind(f->deaf, (struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(f->deaf, 512), 0);
    assert_int_equal(getsockname(f->deaf, (struct sockaddr *)&address, &len), 0);
    f->deaf_port = ntohs(address.sin_port);
}

// ---- the loop ----
static inline void look(void *arg)
{
    struct fixture *f = arg;
    f->patience_ms -= LOOK_MS;
    if (f->patience_ms < 0 || f->reached(f)) {
        net_loop_stop(f->loop);
        return;
    }
    net_timer_start(f->look, LOOK_MS);
}

static inline void run_until(struct fixture *f, bool (*reached)(struct fixture *f))
{
    f->reached = reached;
    f->patience_ms = PATIENCE_MS;
    net_timer_start(f->look, 0);
    net_loop_run(f->loop);
    assert_true(f->patience_ms >= 0);
}

static inline struct notify_stats stats(struct fixture *f)
{
    struct notify_stats got;
    notify_read_stats(f->notify, &got);
    return got;
}

static inline bool stat_reached(struct fixture *f)
{
    struct notify_stats got = stats(f);
    uint64_t value;
    memcpy(&value, (const char *)&got + f->stat, sizeof value);
    return value >= f->want;
}

static inline void run_until_stat(struct fixture *f, size_t stat, uint64_t want)
{
    f->stat = stat;
    f->want = want;
    run_until(f, stat_reached);
}
#define RUN_UNTIL(f, member, want)                                                                 \
    run_until_stat((f), offsetof(struct notify_stats, member), (uint64_t)(want))

static inline bool told_once(struct fixture *f)
{
    return f->awaited->count > 0;
}

static inline void await(struct fixture *f, const struct told *told)
{
    f->awaited = told;
    run_until(f, told_once);
}

// What still comes by itself gets the time to: some turns of the loop.
static inline bool ticks_over(struct fixture *f)
{
    return f->want-- == 0;
}

static inline void run_for(struct fixture *f, int ms)
{
    f->want = (uint64_t)(ms / LOOK_MS);
    run_until(f, ticks_over);
}

// Something is so that is looked at between two short runs of the loop.
#define RUN_WHILE(f, condition)                                                                    \
    do {                                                                                           \
        int rounds = 0;                                                                            \
        while (condition) {                                                                        \
            run_for((f), LOOK_MS);                                                                 \
            assert_true(++rounds < PATIENCE_MS / LOOK_MS);                                         \
        }                                                                                          \
    } while (0)

// ---- what is told ----
static inline void tell(struct told *told, tidings_status status, int64_t number,
                        const struct tidings_error *err)
{
    told->count++;
    told->status = status;
    told->number = number;
    (void)snprintf(told->text, sizeof told->text, "%s",
                   status != TIDINGS_OK && err != NULL ? err->text : "");
}

static inline void tell_changed(void *arg, tidings_status status, int64_t version,
                                const struct tidings_error *err)
{
    tell(arg, status, version, err);
}

static inline void tell_done(void *arg, tidings_status status, const struct tidings_error *err)
{
    tell(arg, status, 0, err);
}

static inline void tell_accepted(struct notify_submission *submission, tidings_status status,
                                 const struct notify_accepted *accepted, size_t count,
                                 const struct tidings_error *err)
{
    struct told *told = submission->arg;
    tell(told, status, 0, err);
    told->accepted_count = count;
    for (size_t i = 0; i < count && i < BASE_COUNT(told->accepted); i++) {
        told->accepted[i] = accepted[i].record;
    }
}

// ---- the notifier ----
static inline void start_notify(struct fixture *f)
{
    OK(notify_start(&f->options, &f->notify, &why));
}

static inline void restart(struct fixture *f)
{
    notify_stop(f->notify);
    start_notify(f);
}

// `more`: members behind the URL, such as ",\"inFlight\":3".
static inline struct told put_at(struct fixture *f, const char *name, int port, const char *more,
                                 enum notify_put how, int64_t version)
{
    char document[1024];
    struct told told = { 0 };
    (void)snprintf(document, sizeof document, "{\"url\":\"http://127.0.0.1:%d/%s\"%s}", port, name,
                   more);
    OK(notify_receiver_put(f->notify, str_of(name), str_of(document), how, version, tell_changed,
                           &told, &why));
    await(f, &told);
    return told;
}

static inline void put(struct fixture *f, const char *name, const char *more)
{
    struct told told = put_at(f, name, f->port, more, NOTIFY_REPLACE, 0);
    if (told.status != TIDINGS_OK) {
        fail_msg("%s: %s", name, told.text);
    }
}

static inline void set_state(struct fixture *f, const char *name, enum notify_receiver_state state)
{
    struct told told = { 0 };
    OK(notify_receiver_set_state(f->notify, str_of(name), state, tell_changed, &told, &why));
    await(f, &told);
    assert_int_equal(told.status, TIDINGS_OK);
}

static inline struct notify_receiver_view view(struct fixture *f, const char *name)
{
    struct notify_receiver_view got = { 0 };
    OK(notify_receiver_get(f->notify, str_of(name), &got, &why));
    return got;
}

// How much waits, for one receiver or (NULL) for all, is known at once where nobody else writes. In
// a database of several nodes it is counted again and again, and a count is old by what was
// committed while it was made: there the next one, some seconds later, tells.
static inline int64_t waiting_of(struct fixture *f, const char *name)
{
    return name != NULL ? view(f, name).waiting : (int64_t)stats(f).waiting;
}

static inline void expect_waiting(struct fixture *f, const char *name, int64_t wanted)
{
    if (notify_is_shared(f->notify)) {
        RUN_WHILE(f, waiting_of(f, name) != wanted);
    }
    assert_int_equal(waiting_of(f, name), wanted);
}

struct accepting {
    struct notify_submission submission;
    struct str receivers[2];
    char tx_no[24];
    struct told told;
};

static inline void fill_submission(struct accepting *accepting, const char *receiver,
                                   const char *tx_no)
{
    *accepting = (struct accepting){ .receivers = { str_of(receiver) } };
    (void)snprintf(accepting->tx_no, sizeof accepting->tx_no, "%s", tx_no);
    accepting->submission = (struct notify_submission){
        .source = STR("pay"),
        .type = STR("recharge.done"),
        .tx_no = str_of(accepting->tx_no),
        .content_type = STR("application/json"),
        .payload = PAYLOAD,
        .receivers = accepting->receivers,
        .receiver_count = receiver != NULL,
        .done = tell_accepted,
        .arg = &accepting->told,
    };
}

static inline void accept_start(struct fixture *f, struct accepting *accepting,
                                const char *receiver, const char *tx_no)
{
    fill_submission(accepting, receiver, tx_no);
    OK(notify_accept(f->notify, &accepting->submission, &why));
}

static inline struct record_accepted accept_one(struct fixture *f, const char *receiver,
                                                const char *tx_no)
{
    struct accepting accepting;
    accept_start(f, &accepting, receiver, tx_no);
    await(f, &accepting.told);
    if (accepting.told.status != TIDINGS_OK) {
        fail_msg("%s: %s", tx_no, accepting.told.text);
    }
    return accepting.told.accepted[0];
}

// `count` of them, tx_no PREFIX0, PREFIX1, …; the caller frees. Not waited for.
static inline struct accepting *accept_many(struct fixture *f, const char *receiver,
                                            const char *prefix, int count)
{
    struct accepting *all = calloc((size_t)count, sizeof *all);
    assert_non_null(all);
    for (int i = 0; i < count; i++) {
        char tx_no[24];
        (void)snprintf(tx_no, sizeof tx_no, "%s%d", prefix, i);
        accept_start(f, &all[i], receiver, tx_no);
    }
    return all;
}

// ---- what is on record ----
struct seen {
    struct record_notification notification;
    struct record_attempt attempts[ATTEMPTS_SEEN];
    char replies[ATTEMPTS_SEEN][16];
    char errors[ATTEMPTS_SEEN][256];
    int count;
};

static inline void see_attempt(void *arg, const struct record_attempt *attempt)
{
    struct seen *seen = arg;
    assert_true(seen->count < ATTEMPTS_SEEN);
    seen->attempts[seen->count] = *attempt;
    (void)snprintf(seen->replies[seen->count], sizeof seen->replies[0], "%.*s",
                   STR_ARG(attempt->reply));
    (void)snprintf(seen->errors[seen->count], sizeof seen->errors[0], "%.*s",
                   STR_ARG(attempt->error));
    seen->count++;
}

// Read by another connection, as another program would.
static inline struct seen read_record(struct fixture *f, int64_t id)
{
    struct seen seen = { 0 };
    struct record *record = NULL;
    struct buf room;
    buf_init(&room, 1 << 20);
    OK(record_open(f->url, &(struct record_options){ .read_only = true }, &record, &why));
    OK(record_get(record, id, &room, &seen.notification, &why));
    OK(record_attempts(record, id, 0, ATTEMPTS_SEEN, see_attempt, &seen, &why));
    record_close(record);
    buf_deinit(&room);
    return seen;
}

// ---- fixture ----
static inline int setup(void **state)
{
    struct fixture *f = *state;
    const struct net_loop_options options = { .clock = clock_system(), .connections_max = 16 };
    char key[SEAL_KEY_TEXT_SIZE];
    each_empty(f->url, f->path);
    pthread_mutex_init(&f->lock, NULL);
    memset(f->doors, 0, sizeof f->doors);
    f->port = 0;
    start_server(f);
    open_deaf(f);
    OK(seal_key_generate(key, &why));
    OK(seal_new(str_of(key), &f->seal, &why));
    OK(net_loop_new(&options, &f->loop, &why));
    assert_int_equal(net_timer_new(f->loop, look, f, &f->look), TIDINGS_OK);
    f->options = (struct notify_options){
        .loop = f->loop, .database_url = f->url, .connections_max = 64, .seal = f->seal
    };
    start_notify(f);
    return 0;
}

static inline int teardown(void **state)
{
    struct fixture *f = *state;
    notify_stop(f->notify);
    f->notify = NULL;
    net_timer_free(f->look);
    net_loop_free(f->loop);
    http_server_stop(f->server);
    f->server = NULL;
    (void)close(f->deaf);
    seal_free(f->seal);
    for (int i = 0; i < DOORS; i++) {
        free(f->doors[i].calls);
    }
    pthread_mutex_destroy(&f->lock);
    each_empty(f->url, f->path);
    return 0;
}

#define TEST(name)                                                                                 \
    {                                                                                              \
#name, name, setup, teardown, &f                                                           \
    }
// NOTIFY_TESTS("accept", TEST(a), TEST(b), …): main() of the program.
#define NOTIFY_TESTS(program, ...)                                                                 \
    static int run_all(const char *url, const char *path)                                          \
    {                                                                                              \
        static struct fixture f;                                                                   \
        f = (struct fixture){ .url = url, .path = path };                                          \
        const struct CMUnitTest tests[] = { __VA_ARGS__ };                                         \
        print_message("%s\n", url);                                                                \
        return cmocka_run_group_tests(tests, NULL, NULL);                                          \
    }                                                                                              \
    int main(void)                                                                                 \
    {                                                                                              \
        return each_database("notify_" program, run_all);                                          \
    }

#endif
