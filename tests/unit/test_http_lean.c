// SPDX-License-Identifier: Apache-2.0
// Plain http: connections that are kept and end, answers that come early, names.
#include "test_http_peer.h"

#include "http/lean.h"

enum { LARGE = 16 * 1024 * 1024 };

static void answer(int fd)
{
    say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nsuccess");
}

static void answers_success(struct fixture *f, int fd)
{
    while (read_request(f, fd)) {
        answer(fd);
    }
}

static void post_and_check(struct fixture *f, bool reused)
{
    send_and_run(f, "body", PATIENCE_MS);
    assert_string_equal(f->error, "");
    assert_int_equal(f->result.failure, HTTP_FINE);
    assert_int_equal(f->result.reused, reused);
}

// Turns the loop without a request, until the connection that was kept has ended.
static void await_the_end(struct fixture *f)
{
    for (int i = 0; i < PATIENCE_MS && f->client->lean->kept_count > 0; i++) {
        (void)poll(NULL, 0, 1);
        net_loop_turn(f->loop);
    }
    assert_int_equal(f->client->lean->kept_count, 0);
}

// Until its end, or its reset, is in the socket of the connection that is kept; the loop does not
// run meanwhile.
static void await_the_end_unseen(struct fixture *f)
{
    const struct lean *lean = f->client->lean;
    assert_int_equal(lean->kept_count, 1);
    struct pollfd polled = { LIST_ENTRY(lean->kept.next, struct lean_conn, age)->fd, POLLIN, 0 };
    assert_int_equal(poll(&polled, 1, PATIENCE_MS), 1);
    assert_int_equal(lean->kept_count, 1);
}

// ---- what is sent ----
static void the_head_is_what_it_should_be(void **state)
{
    struct fixture *f = *state;
    char wanted[512];
    start_peer(f, answers_success);
    post_and_check(f, false);
    post_and_check(f, true);
    end_peer(f);
    (void)snprintf(wanted, sizeof wanted,
                   "POST /notify?a=1 HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nwebhook-id: ntf_1\r\n"
                   "Content-Type: application/octet-stream\r\nX-Empty:\r\nAccept: */*\r\n"
                   "Content-Length: 4\r\n\r\nbody",
                   f->port);
    assert_string_equal(f->seen, wanted);
}

static void a_get_has_no_body(void **state)
{
    struct fixture *f = *state;
    char url[64];
    start_peer(f, answers_success);
    (void)snprintf(url, sizeof url, "HTTP://LOCALHOST:%d?q", f->port);
    (void)send_to(f, "GET", url, STR("not sent"), PATIENCE_MS);
    run_until(f, 1);
    assert_int_equal(f->result.failure, HTTP_FINE);
    end_peer(f);
    assert_memory_equal(f->seen, "GET /?q HTTP/1.1\r\nHost: localhost:", 34);
    assert_null(strstr(f->seen, "Content-Length"));
    assert_null(strstr(f->seen, "not sent"));
}

// ---- kept connections ----
static void leaves_after_one(struct fixture *f, int fd)
{
    if (read_request(f, fd)) {
        answer(fd);
    }
}

static void an_end_is_seen_while_nothing_is_asked(void **state)
{
    struct fixture *f = *state;
    start_peer(f, leaves_after_one);
    for (int i = 0; i < 3; i++) {
        post_and_check(f, false);
        await_the_end(f);
    }
    end_peer(f);
    assert_int_equal(f->requests, 3);
    assert_int_equal(f->connections, 3);
}

static void resets_after_one(struct fixture *f, int fd)
{
    const struct linger at_once = { 1, 0 };
    int before = f->dones;
    if (read_request(f, fd)) {
        answer(fd);
        wait_for_done(f, before);
        (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    }
}

// The loop has not run since: every connection is looked at before it is used.
static void a_kept_connection_is_looked_at(void **state)
{
    struct fixture *f = *state;
    start_peer(f, leaves_after_one);
    post_and_check(f, false);
    await_the_end_unseen(f);
    post_and_check(f, false);
    f->script = resets_after_one;
    await_the_end_unseen(f);
    post_and_check(f, false);
    await_the_end_unseen(f);
    post_and_check(f, false);
    end_peer(f);
    assert_int_equal(f->requests, 4);
}

static void renew_client(struct fixture *f, unsigned connections_max)
{
    const struct http_client_options options = { .connections_max = connections_max,
                                                 .per_host_max = connections_max };
    http_client_free(f->client);
    assert_int_equal(http_client_new(f->loop, &options, &f->client, NULL), TIDINGS_OK);
}

static void post_to(struct fixture *f, const char *host)
{
    char url[64];
    (void)snprintf(url, sizeof url, "http://%s:%d/", host, f->port);
    (void)send_to(f, "POST", url, STR("x"), PATIENCE_MS);
    run_until(f, f->dones + 1);
    assert_string_equal(f->error, "");
}

// Those used last stay.
static void kept_connections_are_bounded(void **state)
{
    struct fixture *f = *state;
    renew_client(f, 1);
    start_peer(f, answers_success); // one connection at a time: the next when this one has ended
    post_to(f, "localhost");
    assert_int_equal(f->client->lean->kept_count, 1);
    post_to(f, "127.0.0.1");
    assert_false(f->result.reused);
    assert_int_equal(f->client->lean->kept_count, 1);
}

static void connections_are_not_kept_for_ever(void **state)
{
    struct fixture *f = *state;
    start_peer(f, answers_success);
    post_and_check(f, false);
    struct lean *lean = f->client->lean;
    lean_idle_ended(lean);
    assert_int_equal(lean->kept_count, 1);
    assert_true(lean->idle_armed);
    LIST_ENTRY(lean->kept.next, struct lean_conn, age)->since_us -= LEAN_IDLE_MAX_S * 1000000LL;
    lean_idle_ended(lean);
    assert_int_equal(lean->kept_count, 0);
    assert_false(lean->idle_armed);
    for (size_t i = 0; i < HTTP_HOST_BUCKETS; i++) { // nothing is known of it any more
        assert_true(list_empty(&f->client->hosts[i]));
    }
    post_and_check(f, false);
}

static void leaves_with_the_second(struct fixture *f, int fd)
{
    if (read_request(f, fd)) {
        answer(fd);
        (void)read_request(f, fd);
    }
}

// What a POST becomes then: a_body_is_sent_once (test_http_client).
static void a_get_is_repeated_once(void **state)
{
    struct fixture *f = *state;
    char url[64];
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%d/", f->port);
    start_peer(f, leaves_with_the_second);
    post_and_check(f, false);
    (void)send_to(f, "GET", url, STR(""), PATIENCE_MS);
    run_until(f, 2);
    assert_int_equal(f->result.failure, HTTP_FINE);
    assert_false(f->result.reused);
    end_peer(f);
    assert_int_equal(f->requests, 3);
    assert_int_equal(f->connections, 2);
}

static void says_nothing(struct fixture *f, int fd)
{
    (void)read_request(f, fd);
}

// Who closes without a word does so again: one request is lost to it, not every second one.
static void whoever_closes_without_a_word_is_not_kept(void **state)
{
    struct fixture *f = *state;
    start_peer(f, leaves_with_the_second);
    post_and_check(f, false);
    send_and_run(f, "lost", PATIENCE_MS);
    assert_int_equal(f->result.failure, HTTP_RECEIVE);
    struct lean *lean = f->client->lean;
    const int64_t hour_us = 3600 * 1000000LL; // the mistrust does not end while this is done
    for (size_t i = 0; i < LEAN_MISTRUSTS_MAX; i++) {
        lean->mistrusts[i].since_us += lean->mistrusts[i].since_us != 0 ? hour_us : 0;
    }
    for (int i = 0; i < 4; i++) {
        post_and_check(f, false);
        assert_int_equal(lean->kept_count, 0);
    }
    for (size_t i = 0; i < LEAN_MISTRUSTS_MAX; i++) {
        lean->mistrusts[i].since_us -= lean->mistrusts[i].since_us != 0 ? hour_us : 0;
        lean->mistrusts[i].since_us -= LEAN_MISTRUST_US;
    }
    post_and_check(f, false);
    assert_int_equal(lean->kept_count, 1);
    end_peer(f);
    assert_int_equal(f->requests, 7);
}

static void a_get_over_a_new_connection_is_not_repeated(void **state)
{
    struct fixture *f = *state;
    char url[64];
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%d/", f->port);
    start_peer(f, says_nothing);
    (void)send_to(f, "GET", url, STR(""), PATIENCE_MS);
    run_until(f, 1);
    assert_int_equal(f->result.failure, HTTP_RECEIVE);
    (void)poll(NULL, 0, QUIET_MS);
    end_peer(f);
    assert_int_equal(f->connections, 1);
}

static void talks_on(struct fixture *f, int fd)
{
    for (int before = f->dones; read_request(f, fd); before = f->dones) {
        answer(fd);
        wait_for_done(f, before);
        say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfake");
    }
}

static void what_was_not_asked_for_is_the_end(void **state)
{
    struct fixture *f = *state;
    start_peer(f, talks_on);
    for (int i = 0; i < 2; i++) {
        post_and_check(f, false);
        await_the_end(f);
    }
}

static void says_two_at_once(struct fixture *f, int fd)
{
    while (read_request(f, fd)) {
        say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
                "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfake");
    }
}

static void asks_to_close(struct fixture *f, int fd)
{
    while (read_request(f, fd)) {
        say(fd, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok");
    }
}

static void speaks_1_0(struct fixture *f, int fd)
{
    while (read_request(f, fd)) {
        say(fd, "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok");
    }
}

static void ends_with_the_connection(struct fixture *f, int fd)
{
    if (read_request(f, fd)) {
        say(fd, "HTTP/1.1 200 OK\r\n\r\nok");
    }
}

static void is_too_long(struct fixture *f, int fd)
{
    char body[2048];
    memset(body, 'x', sizeof body - 1);
    body[sizeof body - 1] = '\0';
    while (read_request(f, fd)) {
        say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 2047\r\n\r\n");
        say(fd, body);
    }
}

static void some_replies_are_the_last(void **state)
{
    struct fixture *f = *state;
    static const struct {
        script *script;
        bool is_long;
    } rows[] = { { says_two_at_once, false },
                 { asks_to_close, false },
                 { speaks_1_0, false },
                 { ends_with_the_connection, false },
                 { is_too_long, true } };
    start_peer(f, rows[0].script);
    for (size_t i = 0; i < BASE_COUNT(rows); i++) {
        f->script = rows[i].script;
        for (int k = 0; k < 2; k++) {
            post_and_check(f, false);
            assert_int_equal(f->result.truncated, rows[i].is_long);
            assert_int_equal(f->result.reply.len, rows[i].is_long ? 1000 : 2);
        }
    }
}

static void chunks(struct fixture *f, int fd)
{
    while (read_request(f, fd)) {
        say(fd,
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 202 x\r\nTransfer-Encoding: chunked\r\n\r\n");
        (void)poll(NULL, 0, 10);
        say(fd, "3;x=y\r\nsuc\r\n4\r\nce");
        (void)poll(NULL, 0, 10);
        say(fd, "ss\r\n0\r\nA: b\r\n\r\n");
    }
}

static void chunks_are_put_together(void **state)
{
    struct fixture *f = *state;
    start_peer(f, chunks);
    for (int i = 0; i < 2; i++) {
        post_and_check(f, i > 0);
        assert_int_equal(f->result.status, 202);
        assert_true(str_eq(f->result.reply, STR("success")));
    }
}

// ---- large requests ----
// Reads slowly at first, then all; answers when it has seen everything.
static void reads_slowly(struct fixture *f, int fd)
{
    char bytes[8192];
    size_t seen = 0;
    for (int i = 0; seen < LARGE && readable(f, fd, -1); i++) {
        ssize_t got = read(fd, bytes, sizeof bytes);
        if (got <= 0) {
            return;
        }
        seen += (size_t)got;
        (void)poll(NULL, 0, i < 20 ? 5 : 0);
    }
    f->requests++;
    answer(fd);
    wait_for_end(f, fd);
}

static void a_large_body_goes_out_in_pieces(void **state)
{
    struct fixture *f = *state;
    char *body = calloc(1, LARGE);
    assert_non_null(body);
    start_peer(f, reads_slowly);
    (void)send_body(f, str_make(body, LARGE), PATIENCE_MS);
    run_until(f, 1);
    assert_string_equal(f->error, "");
    assert_int_equal(f->result.failure, HTTP_FINE);
    end_peer(f);
    assert_int_equal(f->requests, 1);
    free(body);
}

static void refuses_early(struct fixture *f, int fd)
{
    int before = f->dones;
    if (readable(f, fd, -1)) { // and reads nothing until the reply was taken
        say(fd, "HTTP/1.1 413 x\r\nContent-Length: 2\r\n\r\nno");
        wait_for_done(f, before);
        wait_for_end(f, fd);
    }
}

static void an_early_reply_is_taken(void **state)
{
    struct fixture *f = *state;
    char *body = calloc(1, LARGE);
    assert_non_null(body);
    start_peer(f, refuses_early);
    for (int i = 0; i < 2; i++) { // over a new connection each time: the old one is half a request
        (void)send_body(f, str_make(body, LARGE), PATIENCE_MS);
        run_until(f, i + 1);
        assert_int_equal(f->result.failure, HTTP_FINE);
        assert_int_equal(f->result.status, 413);
        assert_false(f->result.reused);
    }
    free(body);
}

static void resets_while_it_is_sent(struct fixture *f, int fd)
{
    const struct linger at_once = { 1, 0 };
    if (readable(f, fd, -1)) {
        (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    }
}

static void a_reset_while_sending_is_told(void **state)
{
    struct fixture *f = *state;
    char *body = calloc(1, LARGE);
    assert_non_null(body);
    start_peer(f, resets_while_it_is_sent);
    (void)send_body(f, str_make(body, LARGE), PATIENCE_MS);
    run_until(f, 1);
    assert_int_equal(f->result.failure, HTTP_SEND);
    assert_true(f->error[0] != '\0' && f->result.status == 0);
    free(body);
}

static void resets_within_the_body(struct fixture *f, int fd)
{
    const struct linger at_once = { 1, 0 };
    if (read_request(f, fd)) {
        say(fd, "HTTP/1.1 200 OK\r\n\r\nhalf");
        (void)poll(NULL, 0, 50);
        (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    }
}

// A body that lasts until the connection ends has ended only when the peer says so.
static void a_reset_is_no_end(void **state)
{
    struct fixture *f = *state;
    start_peer(f, resets_within_the_body);
    send_and_run(f, "body", PATIENCE_MS);
    assert_int_equal(f->result.failure, HTTP_RECEIVE);
    assert_int_equal(f->result.status, 200);
}

// ---- where to ----
static void names_are_resolved(void **state)
{
    struct fixture *f = *state;
    char url[64];
    (void)snprintf(url, sizeof url, "http://localhost:%d/", f->port);
    start_peer(f, leaves_after_one);
    for (int i = 0; i < 3; i++) {
        (void)send_to(f, "POST", url, STR("x"), PATIENCE_MS);
        run_until(f, i + 1);
        assert_int_equal(f->result.failure, HTTP_FINE);
        assert_true(f->result.dns_us >= 0 && f->result.connect_us >= f->result.dns_us);
        await_the_end(f);
    }
}

static void many_wait_for_one_name(void **state)
{
    struct fixture *f = *state;
    char url[64];
    (void)snprintf(url, sizeof url, "http://localhost:%d/", f->port);
    start_peer(f, leaves_after_one);
    struct http_call *first = send_to(f, "POST", url, STR("x"), PATIENCE_MS);
    for (int i = 0; i < 6; i++) {
        (void)send_to(f, "POST", url, STR("x"), PATIENCE_MS);
    }
    http_call_cancel(first);
    run_until(f, 6);
    assert_int_equal(f->result.failure, HTTP_FINE);
}

static void a_client_may_go_while_a_name_is_looked_for(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 40; i++) {
        char url[64];
        (void)snprintf(url, sizeof url, "http://n%d.localhost.invalid/", i);
        (void)send_to(f, "POST", url, STR("x"), PATIENCE_MS);
    }
    http_client_free(f->client);
    f->client = NULL;
    assert_int_equal(f->dones, 40);
    assert_int_equal(f->result.failure, HTTP_ENDED);
}

static void a_silent_host_takes_until_the_deadline(void **state)
{
    struct fixture *f = *state;
    struct sockaddr_in address = { .sin_family = AF_INET };
    socklen_t size = sizeof address;
    int fillers[8];
    int full = socket(AF_INET, SOCK_STREAM, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(full, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(full, 0), 0);
    assert_int_equal(getsockname(full, (struct sockaddr *)&address, &size), 0);
    for (size_t i = 0; i < BASE_COUNT(fillers); i++) { // then a SYN is not answered
        fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)connect(fillers[i], (struct sockaddr *)&address, sizeof address);
    }
    char url[64];
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%d/", ntohs(address.sin_port));
    (void)send_to(f, "POST", url, STR("x"), 300);
    run_until(f, 1);
    assert_int_equal(f->result.failure, HTTP_DEADLINE);
    assert_true(f->result.dns_us >= 0 && f->result.connect_us == -1);
    assert_true(f->result.total_us >= 300000);
    for (size_t i = 0; i < BASE_COUNT(fillers); i++) {
        (void)close(fillers[i]);
    }
    (void)close(full);
}

static void wrong_requests_are_refused(void **state)
{
    struct fixture *f = *state;
    static const char *const urls[] = {
        "http://",
        "http:///x",
        "http://user@127.0.0.1/",
        "http://127.0.0.1/#x",
        "http://127.1/",
        "http://a b/",
        "http://127.0.0.1/a b",
        "http://127.0.0.1:0/",
        "http://[::1/",
        "http://127.0.0.1/\r\nX: y",
    };
    struct tidings_error err = { 0 };
    struct http_outgoing outgoing = { .method = "POST", .deadline_ms = 1000 };
    for (size_t i = 0; i < BASE_COUNT(urls); i++) {
        outgoing.url = urls[i];
        assert_int_equal(http_client_send(f->client, &outgoing, on_done, f, NULL, &err),
                         TIDINGS_E_INVALID);
    }
    outgoing.url = "http://127.0.0.1/";
    static const char *const methods[] = { "", "post", "PO ST", "POST\r\nX:", "ABCDEFGHIJKLMNOPQ" };
    for (size_t i = 0; i < BASE_COUNT(methods); i++) {
        outgoing.method = methods[i];
        assert_int_equal(http_client_send(f->client, &outgoing, on_done, f, NULL, &err),
                         TIDINGS_E_INVALID);
    }
    outgoing.method = "POST";
    outgoing.bearer = "token\r\nX: y";
    assert_int_equal(http_client_send(f->client, &outgoing, on_done, f, NULL, &err),
                     TIDINGS_E_INVALID);
    assert_null(strstr(err.text, "token"));
    assert_int_equal(f->dones, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(the_head_is_what_it_should_be),
        TEST(a_get_has_no_body),
        TEST(an_end_is_seen_while_nothing_is_asked),
        TEST(a_kept_connection_is_looked_at),
        TEST(kept_connections_are_bounded),
        TEST(connections_are_not_kept_for_ever),
        TEST(a_get_is_repeated_once),
        TEST(whoever_closes_without_a_word_is_not_kept),
        TEST(a_get_over_a_new_connection_is_not_repeated),
        TEST(what_was_not_asked_for_is_the_end),
        TEST(some_replies_are_the_last),
        TEST(chunks_are_put_together),
        TEST(a_large_body_goes_out_in_pieces),
        TEST(an_early_reply_is_taken),
        TEST(a_reset_while_sending_is_told),
        TEST(a_reset_is_no_end),
        TEST(names_are_resolved),
        TEST(many_wait_for_one_name),
        TEST(a_client_may_go_while_a_name_is_looked_for),
        TEST(a_silent_host_takes_until_the_deadline),
        TEST(wrong_requests_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
