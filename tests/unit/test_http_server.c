// SPDX-License-Identifier: Apache-2.0
// The HTTP server, asked over plain sockets.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/queue.h"
#include "http/http.h"

enum { BODY_MAX = 1000, TOTAL_MAX = 4096, REPLY_MAX = 64 * 1024, WAIT_MS = 60000, HELD_MAX = 4096 };

struct fixture {
    struct http_server *server;
    struct http_server_options options;
    struct queue held; // exchanges whose answer comes later
    pthread_t answerers[2];
    int answerer_count;
    char reply[REPLY_MAX]; // the last one, whole
};

// ---- the server's side ----
static void add(struct http_response *response, const char *text)
{
    assert_int_equal(buf_add(&response->body, text, strlen(text)), TIDINGS_OK);
}

static bool list_header(void *arg, const char *name, const char *value)
{
    struct http_response *response = arg;
    add(response, name);
    add(response, "=");
    add(response, value);
    add(response, ";");
    return strcmp(name, "X-Last") != 0;
}

static void say_again(const struct http_request *request, struct http_response *response)
{
    const char *query = http_request_query(request, "q");
    char peer[64];
    http_request_peer(request, peer, sizeof peer);
    assert_int_equal(buf_addf(&response->body, "%s %s q=%s peer=%s body=%.*s", request->method,
                              request->path, query != NULL ? query : "none", peer,
                              STR_ARG(request->body)),
                     TIDINGS_OK);
}

static bool list_parameter(void *arg, const char *name, const char *value)
{
    return list_header(arg, name, value) && strcmp(name, "last") != 0;
}

static void handle(void *arg, const struct http_request *request, struct http_response *response)
{
    struct fixture *f = arg;
    if (strcmp(request->path, "/headers") == 0) {
        http_request_each_header(request, list_header, response);
    } else if (strcmp(request->path, "/query") == 0) {
        http_request_each_query(request, list_parameter, response);
    } else if (strcmp(request->path, "/fields") == 0) {
        response->status = 201;
        response->content_type = "application/json";
        http_response_field(response, "X-Number", "%d", 7);
        http_response_field(response, "X-Two-Lines", "a\r\nInjected: b");
        add(response, "{}");
    } else if (strcmp(request->path, "/nothing") == 0) {
        response->status = 204;
        add(response, "must not be sent");
    } else if (strcmp(request->path, "/later") == 0) {
        response->status = 202;
        http_exchange_later(request->exchange);
        assert_int_equal(queue_push(&f->held, request->exchange), TIDINGS_OK);
    } else if (strcmp(request->path, "/overtaken") == 0) {
        http_exchange_later(request->exchange);
        add(http_exchange_response(request->exchange), "answered before the handler returned");
        http_exchange_answer(request->exchange);
    } else {
        say_again(request, response);
    }
}

static void answer(struct http_exchange *exchange)
{
    say_again(http_exchange_request(exchange), http_exchange_response(exchange));
    http_exchange_answer(exchange);
}

static struct http_exchange *take_held(struct fixture *f)
{
    void *item = NULL;
    assert_int_equal(queue_pop_many(&f->held, &item, 1, WAIT_MS), 1);
    return item;
}

static void *answer_all(void *arg)
{
    struct fixture *f = arg;
    void *items[64];
    size_t count;
    while ((count = queue_pop_many(&f->held, items, BASE_COUNT(items), -1)) > 0) {
        for (size_t i = 0; i < count; i++) {
            answer(items[i]);
        }
    }
    return NULL;
}

static void start_answerers(struct fixture *f)
{
    for (; f->answerer_count < 2; f->answerer_count++) {
        assert_int_equal(pthread_create(&f->answerers[f->answerer_count], NULL, answer_all, f), 0);
    }
}

static void start(struct fixture *f)
{
    struct tidings_error err = { 0 };
    if (http_server_start(&f->options, &f->server, &err) != TIDINGS_OK) {
        fail_msg("%s", err.text);
    }
}

// On a port below those that the system gives to whoever asks for any: when it is let go it is not
// somebody's a moment later.
static void start_on_a_port_of_ours(struct fixture *f)
{
    struct rnd rnd;
    tidings_status status = TIDINGS_E_NETWORK;
    rnd_seed_system(&rnd);
    for (int i = 0; i < 1000 && status != TIDINGS_OK; i++) {
        f->options.port = 20000 + (int)rnd_below(&rnd, 12000);
        status = http_server_start(&f->options, &f->server, NULL);
    }
    assert_int_equal(status, TIDINGS_OK);
}

static int setup(void **state)
{
    static struct fixture fixture;
    struct fixture *f = &fixture;
    *f = (struct fixture){ 0 };
    f->options = (struct http_server_options){ .host = "127.0.0.1",
                                               .body_max = BODY_MAX,
                                               .bodies_total_max = TOTAL_MAX,
                                               .connections_max = 200,
                                               .timeout_s = 30,
                                               .handler = handle,
                                               .arg = f };
    assert_int_equal(queue_init(&f->held, HELD_MAX), TIDINGS_OK);
    start(f);
    *state = f;
    return 0;
}

static void restart(struct fixture *f)
{
    http_server_stop(f->server);
    f->server = NULL;
    start(f);
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    http_server_stop(f->server);
    queue_close(&f->held);
    for (int i = 0; i < f->answerer_count; i++) {
        assert_int_equal(pthread_join(f->answerers[i], NULL), 0);
    }
    queue_deinit(&f->held);
    return 0;
}

// ---- the client's side ----
static int dial(struct fixture *f)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_port = htons((uint16_t)http_server_port(f->server)) };
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static void put(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t sent = send(fd, bytes, len, MSG_NOSIGNAL);
        assert_true(sent > 0);
        bytes += sent;
        len -= (size_t)sent;
    }
}

static void say(int fd, const char *text)
{
    put(fd, text, strlen(text));
}

// Waits for bytes; 0 when the peer has closed.
static size_t get(int fd, char *out, size_t size)
{
    struct pollfd polled = { fd, POLLIN, 0 };
    assert_int_equal(poll(&polled, 1, WAIT_MS), 1);
    ssize_t got = recv(fd, out, size, 0);
    return got > 0 ? (size_t)got : 0;
}

// Reads one reply, byte by byte, so that what follows it stays in the socket. Gives its status.
static int read_reply(struct fixture *f, int fd, bool has_body)
{
    size_t len = 0;
    size_t whole = SIZE_MAX;
    while (len < whole) {
        assert_true(len < REPLY_MAX - 1);
        if (get(fd, f->reply + len, 1) == 0) {
            return -1;
        }
        f->reply[++len] = '\0';
        if (whole == SIZE_MAX && len > 4 && memcmp(f->reply + len - 4, "\r\n\r\n", 4) == 0) {
            const char *length = strstr(f->reply, "Content-Length: ");
            whole = len + (has_body && length != NULL ? strtoul(length + 16, NULL, 10) : 0);
        }
    }
    return (int)strtol(f->reply + 9, NULL, 10);
}

static const char *body_of(const struct fixture *f)
{
    return strstr(f->reply, "\r\n\r\n") + 4;
}

static void say_request(int fd, const char *method, const char *target, const char *body)
{
    char text[4096];
    (void)snprintf(text, sizeof text,
                   "%s %s HTTP/1.1\r\nHost: here\r\nContent-Length: %zu\r\n\r\n%s", method, target,
                   strlen(body), body);
    say(fd, text);
}

static int ask(struct fixture *f, int fd, const char *method, const char *target, const char *body)
{
    say_request(fd, method, target, body);
    return read_reply(f, fd, strcmp(method, "HEAD") != 0);
}

static char *long_body(size_t len)
{
    char *body = malloc(len + 1);
    assert_non_null(body);
    memset(body, 'x', len);
    body[len] = '\0';
    return body;
}

// ---- requests ----
static void every_method_has_its_body(void **state)
{
    struct fixture *f = *state;
    static const char *const methods[] = { "POST", "PUT", "PATCH", "DELETE", "GET" };
    int fd = dial(f);
    for (size_t i = 0; i < BASE_COUNT(methods); i++) {
        char wanted[128];
        assert_int_equal(ask(f, fd, methods[i], "/a?q=1", "some words"), 200);
        (void)snprintf(wanted, sizeof wanted, "%s /a q=1 peer=127.0.0.1 body=some words",
                       methods[i]);
        assert_string_equal(body_of(f), wanted);
    }
    (void)close(fd);
}

static void head_is_answered_without_a_body(void **state)
{
    struct fixture *f = *state;
    int fd = dial(f);
    assert_int_equal(ask(f, fd, "HEAD", "/a", ""), 200);
    assert_non_null(strstr(f->reply, "Content-Length: 35\r\n"));
    assert_string_equal(body_of(f), "");
    assert_int_equal(ask(f, fd, "GET", "/a", ""), 200); // nothing of it is in the way
    (void)close(fd);
}

static void paths_are_decoded_and_checked(void **state)
{
    struct fixture *f = *state;
    static const char *const bad[] = { "/%",       "/%4",  "/%zz", "/a%00b", "/a%0Ab",
                                       "/a?q=%G1", "/a?%", "*",    "/%7f" };
    int fd = dial(f);
    assert_int_equal(ask(f, fd, "GET", "/a%20b%2Fc?q=x+%26%2f", ""), 200);
    assert_string_equal(body_of(f), "GET /a b/c q=x &/ peer=127.0.0.1 body=");
    assert_int_equal(ask(f, fd, "GET", "http://here:80/a?q=1", ""), 200);
    assert_string_equal(body_of(f), "GET /a q=1 peer=127.0.0.1 body=");
    for (size_t i = 0; i < BASE_COUNT(bad); i++) {
        assert_int_equal(ask(f, fd, "POST", bad[i], "body"), 400);
        assert_non_null(strstr(body_of(f), "percent escape"));
    }
    assert_int_equal(ask(f, fd, "GET", "/good", ""), 200);
    (void)close(fd);
}

static void header_fields_are_listed_in_order(void **state)
{
    struct fixture *f = *state;
    int fd = dial(f);
    say(fd,
        "GET /headers HTTP/1.1\r\nHost: here\r\nX-A: 1\r\nx-a: 2\r\nX-Last: 3\r\nX-No: 4\r\n\r\n");
    assert_int_equal(read_reply(f, fd, true), 200);
    assert_string_equal(body_of(f), "Host=here;X-A=1;x-a=2;X-Last=3;");
    (void)close(fd);
}

static void parameters_are_listed_in_order(void **state)
{
    static const struct {
        const char *path;
        const char *listed;
    } rows[] = {
        { "/query", "" },
        { "/query?", "" },
        { "/query?a=1&b&a=%31%26&last=z&more=1", "a=1;b=;a=1&;last=z;" },
        { "/query?%61+b=c", "a b=c;" },
    };
    struct fixture *f = *state;
    int fd = dial(f);
    for (size_t i = 0; i < BASE_COUNT(rows); i++) {
        assert_int_equal(ask(f, fd, "GET", rows[i].path, ""), 200);
        assert_string_equal(body_of(f), rows[i].listed);
    }
    (void)close(fd);
}

// As much as a submission's headers may have, and a token beside it; beyond what is allowed in all
// the client is told so.
static void heads_have_a_limit(void **state)
{
    struct fixture *f = *state;
    static const int taken[] = { 16, 1, 18 };
    char line[1024];
    memset(line, 'x', sizeof line);
    memcpy(line, "X-A: ", 5);
    memcpy(line + sizeof line - 2, "\r\n", 2);
    int fd = dial(f);
    for (size_t i = 0; i < BASE_COUNT(taken); i++) {
        say(fd, "GET /a HTTP/1.1\r\nHost: here\r\n");
        for (int k = 0; k < taken[i]; k++) {
            put(fd, line, sizeof line);
        }
        say(fd, "\r\n");
        assert_int_equal(read_reply(f, fd, true), 200);
    }
    say(fd, "GET /a HTTP/1.1\r\nHost: here\r\n");
    for (int k = 0; k < 32; k++) { // what it does not read may be refused by the socket
        (void)send(fd, line, sizeof line, MSG_NOSIGNAL);
    }
    assert_int_equal(read_reply(f, fd, true), 431);
    (void)close(fd);
}

// What a request has left behind is not seen by the next.
static void what_is_used_again_is_clean(void **state)
{
    struct fixture *f = *state;
    char wanted[128 + BODY_MAX];
    int fd = dial(f);
    for (int i = 0; i < 50; i++) {
        char *body = long_body((size_t)(i * 397 % BODY_MAX));
        body[0] = body[0] != '\0' ? (char)('a' + i % 26) : '\0';
        (void)snprintf(wanted, sizeof wanted, "POST /a q=none peer=127.0.0.1 body=%s", body);
        assert_int_equal(ask(f, fd, "POST", "/a", body), 200);
        assert_string_equal(body_of(f), wanted);
        assert_int_equal(ask(f, fd, "GET", i % 2 == 0 ? "/fields" : "/b", ""),
                         i % 2 == 0 ? 201 : 200);
        assert_string_equal(body_of(f), i % 2 == 0 ? "{}" : "GET /b q=none peer=127.0.0.1 body=");
        assert_true((strstr(f->reply, "X-Number") != NULL) == (i % 2 == 0));
        free(body);
    }
    (void)close(fd);
}

static void responses_have_fields(void **state)
{
    struct fixture *f = *state;
    int fd = dial(f);
    assert_int_equal(ask(f, fd, "GET", "/fields", ""), 201);
    assert_non_null(strstr(f->reply, "\r\nX-Number: 7\r\n"));
    assert_non_null(strstr(f->reply, "\r\nContent-Type: application/json\r\n"));
    assert_non_null(strstr(f->reply, "\r\nX-Two-Lines: a  Injected: b\r\n"));
    assert_int_equal(ask(f, fd, "GET", "/nothing", ""), 204);
    assert_null(strstr(f->reply, "Content-Type"));
    assert_int_equal(ask(f, fd, "GET", "/fields", ""), 201); // no body was in between
    (void)close(fd);
}

// ---- answers that come later ----
static void an_answer_may_come_later(void **state)
{
    struct fixture *f = *state;
    int fd = dial(f);
    for (int i = 0; i < 3; i++) {
        say_request(fd, "POST", "/later?q=2", "words");
        answer(take_held(f));
        assert_int_equal(read_reply(f, fd, true), 202);
        assert_string_equal(body_of(f), "POST /later q=2 peer=127.0.0.1 body=words");
    }
    (void)close(fd);
}

static void an_answer_may_overtake_the_handler(void **state)
{
    struct fixture *f = *state;
    int fd = dial(f);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(ask(f, fd, "POST", "/overtaken", "words"), 200);
        assert_string_equal(body_of(f), "answered before the handler returned");
    }
    (void)close(fd);
}

static void requests_in_one_piece_are_answered_in_order(void **state)
{
    struct fixture *f = *state;
    int fd = dial(f);
    start_answerers(f);
    say(fd, "POST /later?q=1 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\noneGET /b HTTP/1.1\r\n"
            "Host: a\r\n\r\nPOST /later?q=3 HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nthree");
    assert_int_equal(read_reply(f, fd, true), 202);
    assert_non_null(strstr(body_of(f), "q=1 peer=127.0.0.1 body=one"));
    assert_int_equal(read_reply(f, fd, true), 200);
    assert_int_equal(read_reply(f, fd, true), 202);
    assert_non_null(strstr(body_of(f), "q=3 peer=127.0.0.1 body=three"));
    (void)close(fd);
}

struct asker {
    struct fixture *f;
    pthread_t thread;
    int good;
};

enum { ASKERS = 8, ROUNDS = 100 };

static void *ask_many(void *arg)
{
    struct asker *asker = arg;
    struct fixture *own = calloc(1, sizeof *own); // for the reply
    assert_non_null(own);
    own->server = asker->f->server;
    int fd = dial(own);
    for (int i = 0; i < ROUNDS; i++) {
        asker->good += ask(own, fd, "POST", i % 3 == 0 ? "/overtaken" : "/later", "words") > 0;
    }
    (void)close(fd);
    free(own);
    return NULL;
}

static void many_ask_and_many_answer(void **state)
{
    struct fixture *f = *state;
    struct asker askers[ASKERS];
    f->options.threads = 3;
    restart(f);
    start_answerers(f);
    for (int i = 0; i < ASKERS; i++) {
        askers[i] = (struct asker){ .f = f };
        assert_int_equal(pthread_create(&askers[i].thread, NULL, ask_many, &askers[i]), 0);
    }
    for (int i = 0; i < ASKERS; i++) {
        assert_int_equal(pthread_join(askers[i].thread, NULL), 0);
        assert_int_equal(askers[i].good, ROUNDS);
    }
}

static void a_client_may_go_away_meanwhile(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 10; i++) {
        const struct linger at_once = { 1, 0 };
        int fd = dial(f);
        say_request(fd, "POST", "/later", "words");
        struct http_exchange *exchange = take_held(f);
        if (i % 2 == 0) { // a reset, or an end
            assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), 0);
        }
        (void)close(fd);
        answer(exchange);
    }
    int fd = dial(f);
    assert_int_equal(ask(f, fd, "GET", "/a", ""), 200);
    (void)close(fd);
}

static void *stop_server(void *arg)
{
    struct fixture *f = arg;
    http_server_stop(f->server);
    return NULL;
}

static void stopping_waits_for_answers(void **state)
{
    struct fixture *f = *state;
    pthread_t stopper;
    int fds[3];
    struct http_exchange *held[3];
    http_server_stop(f->server);
    start_on_a_port_of_ours(f);
    for (int i = 0; i < 3; i++) {
        fds[i] = dial(f);
        say_request(fds[i], "POST", "/later", "words");
        held[i] = take_held(f);
    }
    assert_int_equal(pthread_create(&stopper, NULL, stop_server, f), 0);
    for (int i = 0; i < 3; i++) {
        answer(held[i]); // before, while or after it begins to stop: all get their answer
        assert_int_equal(read_reply(f, fds[i], true), 202);
    }
    assert_int_equal(pthread_join(stopper, NULL), 0);
    f->server = NULL;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(get(fds[i], f->reply, 1), 0);
        (void)close(fds[i]);
    }
    start(f); // its port is free again
}

// ---- bounds ----
static void a_body_that_is_too_large_gets_its_answer(void **state)
{
    struct fixture *f = *state;
    size_t len = (size_t)4 * 1024 * 1024;
    char *body = long_body(len);
    char head[256];
    int fd = dial(f);
    (void)snprintf(head, sizeof head, "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: %zu\r\n\r\n",
                   len);
    say(fd, head);
    put(fd, body, len);
    assert_int_equal(read_reply(f, fd, true), 413);
    // The same in chunks, of which nobody says beforehand how many come.
    say(fd, "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 40; i++) {
        say(fd, "100\r\n");
        put(fd, body, 256);
        say(fd, "\r\n");
    }
    say(fd, "0\r\n\r\n");
    assert_int_equal(read_reply(f, fd, true), 413);
    body[BODY_MAX] = '\0'; // the connection is still good, and so is a body that just fits
    assert_int_equal(ask(f, fd, "POST", "/a", body), 200);
    (void)close(fd);
    free(body);
}

static void who_asks_before_sending_is_told_at_once(void **state)
{
    struct fixture *f = *state;
    int fd = dial(f);
    say(fd, "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\nExpect: 100-continue\r\n\r\n");
    assert_int_equal(read_reply(f, fd, true), 413);
    (void)close(fd);
    fd = dial(f);
    say(fd, "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
    assert_int_equal(read_reply(f, fd, false), 100);
    say(fd, "ok");
    assert_int_equal(read_reply(f, fd, true), 200);
    (void)close(fd);
    fd = dial(f); // more than anybody would read
    say(fd, "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999\r\n\r\n");
    assert_int_equal(read_reply(f, fd, true), 413);
    (void)close(fd);
}

static void bodies_together_are_bounded(void **state)
{
    struct fixture *f = *state;
    struct http_exchange *held[4];
    int fds[4];
    char *body = long_body(BODY_MAX);
    for (int i = 0; i < 4; i++) { // each takes 1,000 bytes of 4,096
        fds[i] = dial(f);
        say_request(fds[i], "POST", "/later", body);
        held[i] = take_held(f);
    }
    int fd = dial(f);
    assert_int_equal(ask(f, fd, "POST", "/a", body), 503);
    assert_non_null(strstr(f->reply, "\r\nRetry-After: 1\r\n"));
    assert_int_equal(ask(f, fd, "GET", "/a", ""), 200); // needs no room
    for (int i = 0; i < 4; i++) {
        answer(held[i]);
        assert_int_equal(read_reply(f, fds[i], true), 202);
        (void)close(fds[i]);
    }
    for (int i = 0; i < 20; i++) {
        assert_int_equal(ask(f, fd, "POST", "/a", body), 200);
    }
    (void)close(fd);
    free(body);
}

static void the_room_of_vanished_clients_is_free_again(void **state)
{
    struct fixture *f = *state;
    char *body = long_body(BODY_MAX);
    int status = 0;
    for (int i = 0; i < 50; i++) {
        int fd = dial(f);
        say(fd, "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nthe rest never comes");
        (void)close(fd);
    }
    int fd = dial(f);
    for (int i = 0; i < WAIT_MS / 10 && status != 200; i++) {
        status = ask(f, fd, "POST", "/a", body); // as soon as the server has seen all ends
        (void)poll(NULL, 0, status == 200 ? 0 : 10);
    }
    assert_int_equal(status, 200);
    (void)close(fd);
    free(body);
}

static void refuse(void *arg, int status, const char *text, struct http_response *response)
{
    (void)arg;
    response->content_type = "application/problem+json";
    assert_int_equal(buf_addf(&response->body, "{\"status\":%d,\"detail\":\"%s\"}", status, text),
                     TIDINGS_OK);
}

static void refusals_are_worded_by_the_user(void **state)
{
    struct fixture *f = *state;
    char *body = long_body(BODY_MAX + 1);
    f->options.refuse = refuse;
    restart(f);
    int fd = dial(f);
    assert_int_equal(ask(f, fd, "POST", "/a", body), 413);
    assert_non_null(strstr(f->reply, "Content-Type: application/problem+json\r\n"));
    assert_string_equal(
        body_of(f), "{\"status\":413,\"detail\":\"the body is larger than this server takes\"}");
    assert_int_equal(ask(f, fd, "GET", "/%0", ""), 400);
    assert_non_null(strstr(body_of(f), "\"status\":400"));
    (void)close(fd);
    free(body);
}

// Says a piece now and then until the server ends it; true when it did.
static bool trickle(int fd, const char *piece)
{
    struct pollfd polled = { fd, POLLIN, 0 };
    for (int i = 0; i < WAIT_MS / 100; i++) {
        if (send(fd, piece, strlen(piece), MSG_NOSIGNAL) < 0 || poll(&polled, 1, 100) > 0) {
            return true;
        }
    }
    return false;
}

static void slow_clients_are_left(void **state)
{
    struct fixture *f = *state;
    f->options.timeout_s = 1;
    restart(f);
    int silent = dial(f);
    int in_header = dial(f);
    int in_body = dial(f);
    say(in_header, "GET /a HTTP/1.1\r\nHost: a\r\n");
    say(in_body, "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n");
    assert_true(trickle(in_header, "X: y\r\n"));
    assert_true(trickle(in_body, "z"));
    assert_int_equal(get(silent, f->reply, 1), 0);
    int waiting = -1; // an answer that comes later is waited for, however long
    struct http_exchange *exchange = NULL;
    while (exchange == NULL) { // again, when this thread itself was slower than the time allows
        void *item = NULL;
        (void)close(waiting);
        waiting = dial(f);
        say_request(waiting, "POST", "/later", "words");
        exchange = queue_pop_many(&f->held, &item, 1, 5000) == 1 ? item : NULL;
    }
    (void)poll(NULL, 0, 3500);
    answer(exchange);
    assert_int_equal(read_reply(f, waiting, true), 202);
    (void)close(waiting);
    (void)close(silent);
    (void)close(in_header);
    (void)close(in_body);
}

static void wrong_options_are_refused(void **state)
{
    struct fixture *f = *state;
    struct tidings_error err = { 0 };
    struct http_server *server = NULL;
    struct http_server_options options = f->options;
    options.host = "localhost";
    assert_int_equal(http_server_start(&options, &server, &err), TIDINGS_E_INVALID);
    options.host = "127.0.0.1";
    options.threads = 65;
    assert_int_equal(http_server_start(&options, &server, &err), TIDINGS_E_INVALID);
    options.threads = 2;
    options.port = http_server_port(f->server);
    assert_int_equal(http_server_start(&options, &server, &err), TIDINGS_E_NETWORK);
    assert_non_null(strstr(err.text, "cannot serve HTTP on 127.0.0.1:"));
    http_server_stop(NULL);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(every_method_has_its_body),
        TEST(head_is_answered_without_a_body),
        TEST(paths_are_decoded_and_checked),
        TEST(header_fields_are_listed_in_order),
        TEST(parameters_are_listed_in_order),
        TEST(heads_have_a_limit),
        TEST(what_is_used_again_is_clean),
        TEST(responses_have_fields),
        TEST(an_answer_may_come_later),
        TEST(an_answer_may_overtake_the_handler),
        TEST(requests_in_one_piece_are_answered_in_order),
        TEST(many_ask_and_many_answer),
        TEST(a_client_may_go_away_meanwhile),
        TEST(stopping_waits_for_answers),
        TEST(a_body_that_is_too_large_gets_its_answer),
        TEST(who_asks_before_sending_is_told_at_once),
        TEST(bodies_together_are_bounded),
        TEST(the_room_of_vanished_clients_is_free_again),
        TEST(refusals_are_worded_by_the_user),
        TEST(slow_clients_are_left),
        TEST(wrong_options_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
