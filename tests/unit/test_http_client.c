// SPDX-License-Identifier: Apache-2.0
// Requests to a peer that is scripted byte by byte, by both ways out.
#include "test_http_peer.h"

static int setup_curl(void **state)
{
    (void)setup(state);
    client_use_curl_only(((struct fixture *)*state)->client);
    return 0;
}

// ---- replies ----
static void answers_success(struct fixture *f, int fd)
{
    while (read_request(f, fd)) {
        say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nsuccess");
    }
}

static void bytes_are_sent_as_they_are(void **state)
{
    struct fixture *f = *state;
    static const char body[] = { 'a', 0, '\r', '\n', (char)255, 'z' };
    start_peer(f, answers_success);
    (void)send_body(f, str_make(body, sizeof body), PATIENCE_MS);
    run_until(f, 1);
    assert_int_equal(f->result.failure, HTTP_FINE);
    assert_int_equal(f->result.status, 200);
    assert_true(str_eq(f->result.reply, STR("success")));
    assert_false(f->result.truncated || f->result.reused);
    assert_int_equal(f->result.http_version, 11);
    assert_true(f->result.connect_us >= 0 && f->result.tls_us == -1);
    assert_true(f->result.first_byte_us >= f->result.connect_us);
    assert_true(f->result.total_us >= f->result.first_byte_us);
    assert_string_equal(f->error, "");
    end_peer(f);
    assert_int_equal(f->requests, 1);
    assert_memory_equal(f->seen + f->seen_len - sizeof body, body, sizeof body);
    assert_memory_equal(f->seen, "POST /notify?a=1 HTTP/1.1\r\n", 27);
    assert_non_null(strstr(f->seen, "\r\nwebhook-id: ntf_1\r\n"));
    assert_non_null(strstr(f->seen, "\r\nContent-Type: application/octet-stream\r\n"));
    assert_non_null(strstr(f->seen, "\r\nContent-Length: 6\r\n"));
    assert_non_null(strstr(f->seen, "\r\nX-Empty:"));
    assert_null(strstr(f->seen, "Expect"));
    assert_null(strstr(f->seen, "Accept-Encoding"));
}

static void connections_are_kept(void **state)
{
    struct fixture *f = *state;
    start_peer(f, answers_success);
    for (int i = 0; i < 5; i++) {
        send_and_run(f, "body", PATIENCE_MS);
        assert_int_equal(f->result.failure, HTTP_FINE);
        assert_int_equal(f->result.reused, i > 0);
    }
    end_peer(f);
    assert_int_equal(f->requests, 5);
    assert_int_equal(f->connections, 1);
}

static void answers_redirect(struct fixture *f, int fd)
{
    char text[128];
    (void)snprintf(text, sizeof text,
                   "HTTP/1.1 307 x\r\nLocation: http://127.0.0.1:%d/2\r\nContent-Length: 0\r\n\r\n",
                   f->port);
    while (read_request(f, fd)) {
        say(fd, text);
    }
}

static void redirects_are_not_followed(void **state)
{
    struct fixture *f = *state;
    start_peer(f, answers_redirect);
    send_and_run(f, "body", PATIENCE_MS);
    assert_int_equal(f->result.failure, HTTP_FINE);
    assert_int_equal(f->result.status, 307);
    end_peer(f);
    assert_int_equal(f->requests, 1);
}

static void answers_later(struct fixture *f, int fd)
{
    while (read_request(f, fd)) {
        say(fd, "HTTP/1.1 503 x\r\nRetry-After: 120\r\nContent-Length: 0\r\n\r\n");
    }
}

static void retry_after_is_read(void **state)
{
    struct fixture *f = *state;
    start_peer(f, answers_later);
    send_and_run(f, "body", PATIENCE_MS);
    assert_int_equal(f->result.status, 503);
    assert_int_equal(f->result.retry_after_ms, 120000);
}

static void answers_without_end(struct fixture *f, int fd)
{
    char chunk[1025];
    memset(chunk, 'x', 1024);
    chunk[1024] = '\0';
    if (read_request(f, fd)) {
        say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n");
        struct pollfd polled = { fd, POLLOUT, 0 };
        while (poll(&polled, 1, 1000) > 0 && (polled.revents & (POLLERR | POLLHUP)) == 0 &&
               send(fd, chunk, 1024, MSG_NOSIGNAL) > 0) {
        }
    }
}

static void a_reply_is_read_up_to_its_limit(void **state)
{
    struct fixture *f = *state;
    start_peer(f, answers_without_end);
    send_and_run(f, "body", PATIENCE_MS);
    assert_int_equal(f->result.failure, HTTP_FINE);
    assert_int_equal(f->result.status, 200);
    assert_true(f->result.truncated);
    assert_int_equal(f->result.reply.len, 1000);
}

// ---- bad peers ----
static void hangs(struct fixture *f, int fd)
{
    if (read_request(f, fd)) {
        wait_for_end(f, fd);
    }
}

static void hangs_within_the_body(struct fixture *f, int fd)
{
    if (read_request(f, fd)) {
        say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
        wait_for_end(f, fd);
    }
}

static void the_deadline_is_over_headers_and_body(void **state)
{
    struct fixture *f = *state;
    start_peer(f, hangs);
    send_and_run(f, "body", 100);
    assert_int_equal(f->result.failure, HTTP_DEADLINE);
    assert_int_equal(f->result.status, 0);
    assert_true(f->result.total_us >= 99000);
    f->script = hangs_within_the_body;
    int64_t deadline_ms = 100;
    do { // until the peer was quick enough to say the headers before
        send_and_run(f, "body", deadline_ms);
        assert_int_equal(f->result.failure, HTTP_DEADLINE);
        assert_true(f->result.total_us >= deadline_ms * 1000 - 1000);
        deadline_ms *= 2;
    } while (f->result.status == 0 && deadline_ms <= PATIENCE_MS);
    assert_int_equal(f->result.status, 200);
}

static void ends_within_the_body(struct fixture *f, int fd)
{
    if (read_request(f, fd)) {
        say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
    }
}

static void talks_nonsense(struct fixture *f, int fd)
{
    if (read_request(f, fd)) {
        say(fd, "good morning\r\n\r\n");
    }
}

static void has_endless_headers(struct fixture *f, int fd)
{
    if (read_request(f, fd)) {
        say(fd, "HTTP/1.1 200 OK\r\n");
        for (int i = 0; i < 4000; i++) {
            say(fd, "X-More: 0123456789012345678901234567890123456789\r\n");
        }
        say(fd, "\r\n");
        wait_for_end(f, fd);
    }
}

static void resets(struct fixture *f, int fd)
{
    const struct linger at_once = { 1, 0 };
    if (read_request(f, fd)) {
        (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    }
}

static void says_nothing(struct fixture *f, int fd)
{
    (void)read_request(f, fd);
}

static void bad_replies_have_classes(void **state)
{
    struct fixture *f = *state;
    static const struct {
        script *_Atomic script; // may be changed while it runs
        enum http_failure failure;
    } rows[] = {
        { ends_within_the_body, HTTP_RECEIVE },  { talks_nonsense, HTTP_MALFORMED },
        { has_endless_headers, HTTP_MALFORMED }, { resets, HTTP_RECEIVE },
        { says_nothing, HTTP_RECEIVE },
    };
    start_peer(f, rows[0].script);
    for (size_t i = 0; i < BASE_COUNT(rows); i++) {
        f->script = rows[i].script;
        send_and_run(f, "body", PATIENCE_MS);
        assert_int_equal(f->result.failure, rows[i].failure);
        assert_true(f->error[0] != '\0');
    }
}

// Serves one request, and closes when it has read the second.
static void leaves_after_the_second(struct fixture *f, int fd)
{
    if (read_request(f, fd)) {
        say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        (void)read_request(f, fd);
    }
}

static void a_body_is_sent_once(void **state)
{
    struct fixture *f = *state;
    start_peer(f, leaves_after_the_second);
    send_and_run(f, "first", PATIENCE_MS);
    assert_int_equal(f->result.failure, HTTP_FINE);
    send_and_run(f, "second", PATIENCE_MS);
    assert_int_equal(f->result.failure, HTTP_RECEIVE);
    assert_string_equal(f->error, "the connection was closed before an answer came");
    (void)poll(NULL, 0, QUIET_MS); // would another come, it came now
    end_peer(f);
    assert_int_equal(f->requests, 2);
    send_and_run(f, "", 100); // nobody is there any more: not a try too many either
}

// libcurl has nothing to rewind here, and would try again if it could.
static void an_empty_body_is_sent_once(void **state)
{
    struct fixture *f = *state;
    start_peer(f, leaves_after_the_second);
    send_and_run(f, "", PATIENCE_MS);
    assert_int_equal(f->result.failure, HTTP_FINE);
    send_and_run(f, "", PATIENCE_MS);
    assert_int_equal(f->result.failure, HTTP_RECEIVE);
    assert_string_equal(f->error, "the connection was closed before an answer came");
    (void)poll(NULL, 0, QUIET_MS);
    end_peer(f);
    assert_int_equal(f->requests, 2);
    assert_int_equal(f->connections, 1);
}

static void nobody_listens(void **state)
{
    struct fixture *f = *state;
    struct sockaddr_in address = { .sin_family = AF_INET };
    socklen_t size = sizeof address;
    // Another port, that is held and not listened on: nobody else can take it.
    (void)close(f->listener);
    f->listener = socket(AF_INET, SOCK_STREAM, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(f->listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(getsockname(f->listener, (struct sockaddr *)&address, &size), 0);
    f->port = ntohs(address.sin_port);
    send_and_run(f, "body", PATIENCE_MS);
    assert_int_equal(f->result.failure, HTTP_CONNECT);
    assert_true(f->result.connect_us == -1 && f->result.status == 0);
}

static void addresses_are_asked_for(void **state)
{
    struct fixture *f = *state;
    start_peer(f, answers_success);
    f->forbid = true;
    send_and_run(f, "body", PATIENCE_MS);
    assert_int_equal(f->result.failure, HTTP_REFUSED);
    assert_string_equal(f->error, "127.0.0.1 is this machine");
    (void)poll(NULL, 0, QUIET_MS);
    end_peer(f);
    assert_int_equal(f->connections, 0);
}

static void the_environment_has_no_say(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(setenv("http_proxy", "http://127.0.0.1:1/", 1), 0);
    start_peer(f, answers_success);
    send_and_run(f, "body", PATIENCE_MS);
    assert_int_equal(unsetenv("http_proxy"), 0);
    assert_int_equal(f->result.failure, HTTP_FINE);
}

// ---- requests ----
static void bad_requests_are_refused(void **state)
{
    struct fixture *f = *state;
    static const struct http_field fields[] = {
        { { "a b", 3 }, { "x", 1 } },
        { { "", 0 }, { "x", 1 } },
        { { "a:", 2 }, { "x", 1 } },
        { { "a", 1 }, { "x\r\nb: c", 7 } },
        { { "a", 1 }, { "x\0y", 3 } },
        { { "a\n", 2 }, { "x", 1 } },
        { { "a\xc3\xa4", 3 }, { "x", 1 } },
        { { "content-length", 14 }, { "1", 1 } },
        { { "Transfer-Encoding", 17 }, { "chunked", 7 } },
    };
    struct tidings_error err = { 0 };
    struct http_outgoing outgoing = {
        .method = "POST", .url = "http://127.0.0.1:1/", .field_count = 1, .deadline_ms = 1000
    };
    for (size_t i = 0; i < BASE_COUNT(fields); i++) {
        outgoing.fields = &fields[i];
        assert_int_equal(http_client_send(f->client, &outgoing, on_done, f, NULL, &err),
                         TIDINGS_E_INVALID);
        assert_true(err.text[0] != '\0');
    }
    outgoing.field_count = HTTP_FIELDS_MAX + 1;
    assert_int_equal(http_client_send(f->client, &outgoing, on_done, f, NULL, &err),
                     TIDINGS_E_TOO_LARGE);
    outgoing.field_count = 0;
    static const char *const urls[] = { "ftp://127.0.0.1/", "file:///etc/passwd", "not a url" };
    for (size_t i = 0; i < BASE_COUNT(urls); i++) { // libcurl sees it when it begins
        outgoing.url = urls[i];
        assert_int_equal(http_client_send(f->client, &outgoing, on_done, f, NULL, &err),
                         TIDINGS_OK);
        run_until(f, f->dones + 1);
        assert_true(f->result.failure != HTTP_FINE && f->error[0] != '\0');
    }
}

static void a_cancelled_call_is_never_done(void **state)
{
    struct fixture *f = *state;
    start_peer(f, answers_success);
    http_call_cancel(send_body(f, STR("never"), PATIENCE_MS));
    send_and_run(f, "body", PATIENCE_MS);
    assert_int_equal(f->dones, 1);
    assert_int_equal(f->result.failure, HTTP_FINE);
}

static void calls_end_with_their_client(void **state)
{
    struct fixture *f = *state;
    start_peer(f, hangs);
    for (int i = 0; i < 3; i++) {
        (void)send_body(f, STR("body"), 60000);
    }
    net_loop_turn(f->loop);
    http_client_free(f->client);
    f->client = NULL;
    assert_int_equal(f->dones, 3);
    assert_int_equal(f->result.failure, HTTP_ENDED);
}

int main(void)
{
#define TEST(name)                                                                                 \
    cmocka_unit_test_setup_teardown(name, setup, teardown),                                        \
        cmocka_unit_test_setup_teardown(name, setup_curl, teardown)
    const struct CMUnitTest tests[] = {
        TEST(bytes_are_sent_as_they_are),      TEST(connections_are_kept),
        TEST(redirects_are_not_followed),      TEST(retry_after_is_read),
        TEST(a_reply_is_read_up_to_its_limit), TEST(the_deadline_is_over_headers_and_body),
        TEST(bad_replies_have_classes),        TEST(a_body_is_sent_once),
        TEST(an_empty_body_is_sent_once),      TEST(nobody_listens),
        TEST(addresses_are_asked_for),         TEST(the_environment_has_no_say),
        TEST(bad_requests_are_refused),        TEST(a_cancelled_call_is_never_done),
        TEST(calls_end_with_their_client),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
