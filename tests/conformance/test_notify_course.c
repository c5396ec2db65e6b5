// SPDX-License-Identifier: Apache-2.0
// The notifier from acceptance to outcome, against a real HTTP server in this process, on an SQLite
// file and on each URL in TIDINGS_DB_URLS (scripts/databases).
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "db/db.h"
#include "http/http.h"
#include "net/net.h"
#include "notify/notify.h"
#include "each_database.h"

enum { CALLS_MAX = 4096, PATIENCE_MS = 60000, LOOK_MS = 2, MANY = 1000 };

struct call { // what the receiver has seen
    char id[32];
    char attempt[12];
    char content_type[64];
    char body[32];
    size_t body_len;
};

struct fixture {
    const char *url;
    const char *path; // of an SQLite file, else NULL
    // ---- the receiver ----
    struct http_server *server;
    int port;
    pthread_mutex_t lock;
    struct call calls[CALLS_MAX]; // under lock
    int call_count;               // under lock
    int failures;                 // under lock: so many calls are answered with `status`
    int status;
    // ---- the notifier ----
    struct net_loop *loop;
    struct net_timer *look;
    struct notify *notify;
    bool (*reached)(struct fixture *f);
    int64_t patience_ms;
    int dones;
    tidings_status done_status;
};

// ---- the receiver ----
static void take_header(const struct http_request *request, const char *name, char *out,
                        size_t size)
{
    const char *value = http_request_header(request, name);
    (void)snprintf(out, size, "%s", value != NULL ? value : "");
}

static void receive(void *arg, const struct http_request *request, struct http_response *response)
{
    struct fixture *f = arg;
    pthread_mutex_lock(&f->lock);
    struct call *call = &f->calls[f->call_count < CALLS_MAX ? f->call_count++ : 0];
    take_header(request, "webhook-id", call->id, sizeof call->id);
    take_header(request, "tidings-attempt", call->attempt, sizeof call->attempt);
    take_header(request, "Content-Type", call->content_type, sizeof call->content_type);
    call->body_len = request->body.len < sizeof call->body ? request->body.len : sizeof call->body;
    if (call->body_len > 0) {
        memcpy(call->body, request->body.ptr, call->body_len);
    }
    response->status = f->failures > 0 ? f->status : 200;
    f->failures -= f->failures > 0;
    pthread_mutex_unlock(&f->lock);
    assert_int_equal(buf_add_str(&response->body, STR("success")), TIDINGS_OK);
}

static int call_count(struct fixture *f)
{
    pthread_mutex_lock(&f->lock);
    int count = f->call_count;
    pthread_mutex_unlock(&f->lock);
    return count;
}

static void fail_next(struct fixture *f, int count, int status)
{
    pthread_mutex_lock(&f->lock);
    f->failures = count;
    f->status = status;
    pthread_mutex_unlock(&f->lock);
}

static void start_server(struct fixture *f)
{
    const struct http_server_options options = { .host = "127.0.0.1",
                                                 .port = f->port,
                                                 .body_max = 65536,
                                                 .connections_max = 64,
                                                 .timeout_s = 60,
                                                 .handler = receive,
                                                 .arg = f };
    struct tidings_error err = { 0 };
    if (http_server_start(&options, &f->server, &err) != TIDINGS_OK) {
        fail_msg("%s", err.text);
    }
    f->port = http_server_port(f->server);
}

// ---- the notifier ----
static void look(void *arg)
{
    struct fixture *f = arg;
    f->patience_ms -= LOOK_MS;
    if (f->patience_ms < 0 || f->reached(f)) {
        net_loop_stop(f->loop);
        return;
    }
    net_timer_start(f->look, LOOK_MS);
}

static void run_until(struct fixture *f, bool (*reached)(struct fixture *f))
{
    f->reached = reached;
    f->patience_ms = PATIENCE_MS;
    net_timer_start(f->look, 0);
    net_loop_run(f->loop);
    assert_true(f->patience_ms >= 0);
}

static struct notify_stats stats(struct fixture *f)
{
    struct notify_stats got;
    notify_read_stats(f->notify, &got);
    return got;
}

static void start_notify(struct fixture *f)
{
    struct tidings_error err = { 0 };
    const struct notify_options options = { .loop = f->loop,
                                            .database_url = f->url,
                                            .connections_max = 64 };
    if (notify_start(&options, &f->notify, &err) != TIDINGS_OK) {
        fail_msg("%s", err.text);
    }
}

static void count_done(void *arg, tidings_status status, const struct tidings_error *err)
{
    struct fixture *f = arg;
    (void)err;
    f->dones++;
    f->done_status = status;
}

static bool one_done(struct fixture *f)
{
    return f->dones == 1;
}

static void set_receiver(struct fixture *f, const char *name, const char *ladder)
{
    struct notify_settings settings;
    struct tidings_error err = { 0 };
    notify_settings_init(&settings);
    (void)snprintf(settings.url, sizeof settings.url, "http://127.0.0.1:%d/in", f->port);
    (void)snprintf(settings.ladder, sizeof settings.ladder, "%s", ladder);
    settings.in_flight = 8;
    f->dones = 0;
    if (notify_receiver_set(f->notify, str_of(name), &settings, count_done, f, &err) !=
        TIDINGS_OK) {
        fail_msg("%s", err.text);
    }
    run_until(f, one_done);
    assert_int_equal(f->done_status, TIDINGS_OK);
}

struct accepting {
    struct notify_submission submission;
    struct record_accepted accepted[2];
    struct str receivers[2];
    char tx_no[24];
};

static void accept_start(struct fixture *f, struct accepting *accepting, const char *tx_no)
{
    struct tidings_error err = { 0 };
    *accepting = (struct accepting){ .receivers = { STR("shop") } };
    (void)snprintf(accepting->tx_no, sizeof accepting->tx_no, "%s", tx_no);
    accepting->submission = (struct notify_submission){
        .record = { .source = STR("pay"),
                    .type = STR("recharge.done"),
                    .tx_no = str_of(accepting->tx_no),
                    .content_type = STR("application/json"),
                    .payload = STR("{\"a\":1.10}\0\r\n") },
        .receivers = accepting->receivers,
        .receiver_count = 1,
        .accepted = accepting->accepted,
        .done = count_done,
        .arg = f,
    };
    if (notify_accept(f->notify, &accepting->submission, &err) != TIDINGS_OK) {
        fail_msg("%s", err.text);
    }
}

static struct record_accepted accept_one(struct fixture *f, const char *tx_no)
{
    struct accepting accepting;
    f->dones = 0;
    accept_start(f, &accepting, tx_no);
    run_until(f, one_done);
    assert_int_equal(f->done_status, TIDINGS_OK);
    return accepting.accepted[0];
}

// ---- what is on record ----
struct seen {
    struct record_notification notification;
    struct record_attempt attempts[8];
    char replies[8][16];
    int count;
};

static void see_attempt(void *arg, const struct record_attempt *attempt)
{
    struct seen *seen = arg;
    assert_true(seen->count < 8);
    seen->attempts[seen->count] = *attempt;
    (void)snprintf(seen->replies[seen->count], sizeof seen->replies[0], "%.*s",
                   STR_ARG(attempt->reply));
    seen->count++;
}

// Read by a second connection, as another program would.
static struct seen read_record(struct fixture *f, int64_t id)
{
    struct seen seen = { 0 };
    struct record *record = NULL;
    struct buf room;
    buf_init(&room, 1 << 20);
    assert_int_equal(record_open(f->url, &(struct record_options){ .node = 9 }, &record, NULL),
                     TIDINGS_OK);
    assert_int_equal(record_get(record, id, &room, &seen.notification, NULL), TIDINGS_OK);
    assert_int_equal(record_attempts(record, id, 0, 8, see_attempt, &seen, NULL), TIDINGS_OK);
    record_close(record);
    buf_deinit(&room);
    return seen;
}

// ---- fixture ----
static int setup(void **state)
{
    struct fixture *f = *state;
    const struct net_loop_options options = { .clock = clock_system(), .connections_max = 16 };
    each_empty(f->url, f->path);
    pthread_mutex_init(&f->lock, NULL);
    f->port = 0;
    f->call_count = 0;
    f->failures = 0;
    start_server(f);
    assert_int_equal(net_loop_new(&options, &f->loop, NULL), TIDINGS_OK);
    assert_int_equal(net_timer_new(f->loop, look, f, &f->look), TIDINGS_OK);
    start_notify(f);
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    notify_stop(f->notify);
    f->notify = NULL;
    net_timer_free(f->look);
    net_loop_free(f->loop);
    http_server_stop(f->server);
    pthread_mutex_destroy(&f->lock);
    each_empty(f->url, f->path);
    return 0;
}

// ---- tests ----
static bool one_delivered(struct fixture *f)
{
    return stats(f).delivered == 1;
}

static bool one_dead(struct fixture *f)
{
    return stats(f).dead == 1;
}

static void what_is_accepted_is_delivered(void **state)
{
    struct fixture *f = *state;
    char id[RECORD_ID_SIZE];
    set_receiver(f, "shop", "1m");
    struct record_accepted accepted = accept_one(f, "tx1");
    assert_int_equal(accepted.answer, RECORD_NEW);
    run_until(f, one_delivered);
    record_id_format(accepted.id, id);
    assert_int_equal(call_count(f), 1);
    assert_string_equal(f->calls[0].id, id);
    assert_string_equal(f->calls[0].attempt, "1");
    assert_string_equal(f->calls[0].content_type, "application/json");
    assert_int_equal(f->calls[0].body_len, 13);
    assert_memory_equal(f->calls[0].body, "{\"a\":1.10}\0\r\n", 13);
    struct seen seen = read_record(f, accepted.id);
    assert_int_equal(seen.notification.state, RECORD_DELIVERED);
    assert_int_equal(seen.count, 1);
    assert_int_equal(seen.attempts[0].http_status, 200);
    assert_string_equal(seen.replies[0], "success");
    assert_true(seen.attempts[0].total_us > 0 && seen.attempts[0].connect_us >= 0);
    // The same again: answered with the first, delivered once.
    struct record_accepted again = accept_one(f, "tx1");
    assert_true(again.answer == RECORD_SAME && again.id == accepted.id);
    (void)accept_one(f, "tx2");
    assert_int_equal(stats(f).accepted, 2);
}

static void a_failing_receiver_is_told_again_by_the_ladder(void **state)
{
    struct fixture *f = *state;
    static const int rungs_ms[] = { 60, 120 };
    set_receiver(f, "shop", "60ms 120ms 1h");
    fail_next(f, 2, 500);
    struct record_accepted accepted = accept_one(f, "tx1");
    run_until(f, one_delivered);
    struct seen seen = read_record(f, accepted.id);
    assert_int_equal(seen.notification.state, RECORD_DELIVERED);
    assert_int_equal(seen.count, 3);
    for (int i = 0; i < 3; i++) {
        char number[12];
        (void)snprintf(number, sizeof number, "%d", i + 1);
        assert_string_equal(f->calls[i].attempt, number);
        assert_string_equal(f->calls[i].id, f->calls[0].id); // the same for every attempt
        assert_int_equal(seen.attempts[i].http_status, i < 2 ? 500 : 200);
        if (i > 0) { // as said, and never early
            assert_true(seen.attempts[i].begun_ms >= seen.attempts[i - 1].next_due_ms);
            assert_true(seen.attempts[i - 1].next_due_ms - seen.attempts[i - 1].begun_ms >=
                        rungs_ms[i - 1]);
        }
    }
}

static void the_end_of_the_ladder_is_a_dead_letter(void **state)
{
    struct fixture *f = *state;
    set_receiver(f, "shop", "10ms 10ms");
    fail_next(f, 100, 503);
    struct record_accepted accepted = accept_one(f, "tx1");
    run_until(f, one_dead);
    struct seen seen = read_record(f, accepted.id);
    assert_int_equal(seen.notification.state, RECORD_DEAD);
    assert_int_equal(seen.notification.reason, RECORD_REASON_LADDER);
    assert_int_equal(seen.count, 3);
    assert_int_equal(seen.attempts[2].next_due_ms, 0);
}

static void gone_is_the_end(void **state)
{
    struct fixture *f = *state;
    set_receiver(f, "shop", "10ms 10ms");
    fail_next(f, 100, 410);
    struct record_accepted accepted = accept_one(f, "tx1");
    run_until(f, one_dead);
    struct seen seen = read_record(f, accepted.id);
    assert_int_equal(seen.notification.reason, RECORD_REASON_GONE);
    assert_int_equal(seen.count, 1);
}

static bool many_delivered(struct fixture *f)
{
    return stats(f).delivered == MANY;
}

static void many_are_delivered_once_each(void **state)
{
    struct fixture *f = *state;
    struct accepting *accepting = calloc(MANY, sizeof *accepting);
    assert_non_null(accepting);
    set_receiver(f, "shop", "1m");
    for (int i = 0; i < MANY; i++) {
        char tx_no[24];
        (void)snprintf(tx_no, sizeof tx_no, "tx%d", i);
        accept_start(f, &accepting[i], tx_no);
    }
    run_until(f, many_delivered);
    assert_int_equal(call_count(f), MANY);
    for (int i = 0; i < MANY; i++) {
        char id[RECORD_ID_SIZE];
        int seen = 0;
        record_id_format(accepting[i].accepted[0].id, id);
        for (int k = 0; k < MANY; k++) {
            seen += strcmp(f->calls[k].id, id) == 0;
        }
        assert_int_equal(seen, 1);
    }
    assert_int_equal(stats(f).stale + stats(f).unsettled, 0);
    free(accepting);
}

static bool three_tried(struct fixture *f)
{
    return stats(f).attempts == 3;
}

static bool three_delivered(struct fixture *f)
{
    return stats(f).delivered == 3;
}

static void what_waits_is_delivered_after_a_restart(void **state)
{
    struct fixture *f = *state;
    int64_t ids[3];
    set_receiver(f, "shop", "300ms*");
    http_server_stop(f->server); // nobody is there
    f->server = NULL;
    for (int i = 0; i < 3; i++) {
        char tx_no[24];
        (void)snprintf(tx_no, sizeof tx_no, "tx%d", i);
        ids[i] = accept_one(f, tx_no).id;
    }
    run_until(f, three_tried);
    notify_stop(f->notify);
    start_server(f);
    start_notify(f);
    run_until(f, three_delivered);
    for (int i = 0; i < 3; i++) {
        struct seen seen = read_record(f, ids[i]);
        assert_int_equal(seen.notification.state, RECORD_DELIVERED);
        assert_true(seen.count >= 2);
        for (int k = 1; k < seen.count; k++) { // the ladder goes on, it does not begin anew
            assert_int_equal(seen.attempts[k].number, k + 1);
            assert_true(seen.attempts[k].begun_ms >= seen.attempts[k - 1].next_due_ms);
        }
    }
}

static void a_receiver_that_is_not_there_is_named(void **state)
{
    struct fixture *f = *state;
    struct tidings_error err = { 0 };
    const struct str names[] = { STR("nobody") };
    struct record_accepted accepted;
    struct notify_submission submission = {
        .receivers = names, .receiver_count = 1, .accepted = &accepted, .done = count_done, .arg = f
    };
    assert_int_equal(notify_accept(f->notify, &submission, &err), TIDINGS_E_NOT_FOUND);
    assert_non_null(strstr(err.text, "nobody"));
    submission.receiver_count = 0;
    assert_int_equal(notify_accept(f->notify, &submission, &err), TIDINGS_E_INVALID);
}

static void a_bad_submission_is_answered_and_harms_no_other(void **state)
{
    struct fixture *f = *state;
    struct accepting bad;
    set_receiver(f, "shop", "1m");
    f->dones = 0;
    accept_start(f, &bad, ""); // no tx_no
    run_until(f, one_done);
    assert_int_equal(f->done_status, TIDINGS_E_INVALID);
    (void)accept_one(f, "tx1");
    run_until(f, one_delivered);
}

static void settings_are_checked(void **state)
{
    struct fixture *f = *state;
    static const char *const bad[] = {
        "",
        "[]",
        "{}",
        "{\"url\":7}",
        "{\"url\":\"http://x/\",\"ladder\":\"soon\"}",
        "{\"url\":\"http://x/\",\"timeoutMs\":0}",
        "{\"url\":\"http://x/\",\"inFlight\":1.5}",
        "{\"url\":\"http://x/\",\"inFlight\":100000}",
        "{\"url\":\"http://x/\",\"colour\":\"red\"}",
        "{\"url\":\"http://x/\"",
    };
    struct notify_settings settings;
    struct tidings_error err = { 0 };
    struct buf text;
    (void)f;
    for (size_t i = 0; i < BASE_COUNT(bad); i++) {
        error_clear(&err);
        assert_true(notify_settings_parse(str_of(bad[i]), &settings, &err) != TIDINGS_OK);
        assert_true(err.text[0] != '\0');
    }
    assert_int_equal(
        notify_settings_parse(STR("{\"url\":\"http://x/\",\"inFlight\":3}"), &settings, &err),
        TIDINGS_OK);
    assert_int_equal(settings.in_flight, 3);
    assert_string_equal(settings.ladder, "article");
    buf_init(&text, 8192);
    assert_int_equal(notify_settings_format(&settings, &text), TIDINGS_OK);
    struct notify_settings back;
    assert_int_equal(notify_settings_parse(buf_str(&text), &back, &err), TIDINGS_OK);
    assert_string_equal(back.url, settings.url);
    assert_string_equal(back.ladder, settings.ladder);
    assert_true(back.timeout_ms == settings.timeout_ms && back.in_flight == settings.in_flight);
    buf_deinit(&text);
}

// ---- running for each URL ----
static int run_for(const char *url, const char *path)
{
    static struct fixture f;
    f = (struct fixture){ .url = url, .path = path };
#define TEST(name)                                                                                 \
    {                                                                                              \
#name, name, setup, teardown, &f                                                           \
    }
    const struct CMUnitTest tests[] = {
        TEST(what_is_accepted_is_delivered),
        TEST(a_failing_receiver_is_told_again_by_the_ladder),
        TEST(the_end_of_the_ladder_is_a_dead_letter),
        TEST(gone_is_the_end),
        TEST(many_are_delivered_once_each),
        TEST(what_waits_is_delivered_after_a_restart),
        TEST(a_receiver_that_is_not_there_is_named),
        TEST(a_bad_submission_is_answered_and_harms_no_other),
        TEST(settings_are_checked),
    };
#undef TEST
    print_message("%s\n", url);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return each_database("notify", run_for);
}
