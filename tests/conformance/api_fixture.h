// SPDX-License-Identifier: Apache-2.0
// A notifier with its loop, its API behind a real HTTP server, a receiver that notes what it gets,
// and a client that speaks over a socket.
#ifndef TEST_API_FIXTURE_H
#define TEST_API_FIXTURE_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "api/api.h"
#include "net/net.h"

enum { ANSWER_MAX = 4 * 1024 * 1024, GOT_MAX = 4096, HEAD_MAX = 8192 };

struct got { // what the receiver got last
    pthread_mutex_t lock;
    char body[GOT_MAX];
    size_t len;
    char type[256];
    char trace[256];
    char event[256];
    unsigned count;
    _Atomic int status; // what it answers
};

struct course {
    const char *url; // of the database
    const char *keys_file;
    bool has_intake;
    struct net_loop *loop;
    pthread_t thread;
    struct seal *seal;
    struct notify *notify;
    struct intake *intake;
    struct api *api;
    struct http_server *server;
    struct http_server *receiver;
    struct got got;
    int status; // of the last answer
    char head[HEAD_MAX];
    struct buf body;
};

static void receive(void *arg, const struct http_request *request, struct http_response *response)
{
    struct got *got = arg;
    const char *type = http_request_header(request, "Content-Type");
    const char *trace = http_request_header(request, "traceparent");
    const char *event = http_request_header(request, "ce-id");
    pthread_mutex_lock(&got->lock);
    got->len = request->body.len < GOT_MAX ? request->body.len : GOT_MAX;
    memcpy(got->body, request->body.len > 0 ? request->body.ptr : "", got->len);
    (void)snprintf(got->type, sizeof got->type, "%s", type != NULL ? type : "");
    (void)snprintf(got->trace, sizeof got->trace, "%s", trace != NULL ? trace : "");
    (void)snprintf(got->event, sizeof got->event, "%s", event != NULL ? event : "");
    got->count++;
    pthread_mutex_unlock(&got->lock);
    response->status = atomic_load(&got->status);
    (void)!buf_add(&response->body, "no \xff utf", 8);
}

static void serve(void *arg, const struct http_request *request, struct http_response *response)
{
    struct course *course = arg;
    if (!api_handle(course->api, request, response)) {
        response->status = 404;
    }
}

static void *run_loop(void *arg)
{
    net_loop_run(arg);
    return NULL;
}

static void stop_loop(void *arg)
{
    net_loop_stop(arg);
}

static void refuse(void *arg, int status, const char *text, struct http_response *response)
{
    struct course *course = arg;
    api_refuse(course->api, status, text, response);
}

static struct http_server *start_server(http_handler *handler, void *arg, bool is_api)
{
    struct tidings_error err = { 0 };
    struct http_server *server = NULL;
    struct http_server_options options = { .host = "127.0.0.1",
                                           .body_max = 1024 * 1024,
                                           .connections_max = 256,
                                           .threads = 2,
                                           .timeout_s = 30,
                                           .handler = handler,
                                           .arg = arg,
                                           .refuse = is_api ? refuse : NULL };
    if (http_server_start(&options, &server, &err) != TIDINGS_OK) {
        fail_msg("%s", err.text);
    }
    return server;
}

static void start_notifier(struct course *course)
{
    static const char key[] = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    struct tidings_error err = { 0 };
    struct net_loop_options loop = { .clock = clock_system(), .connections_max = 64 };
    assert_int_equal(net_loop_new(&loop, &course->loop, &err), TIDINGS_OK);
    assert_int_equal(seal_new(str_of(key), &course->seal, &err), TIDINGS_OK);
    struct notify_options options = { .loop = course->loop,
                                      .database_url = course->url,
                                      .connections_max = 64,
                                      .seal = course->seal,
                                      .payload_max = 64 * 1024 };
    if (notify_start(&options, &course->notify, &err) != TIDINGS_OK) {
        fail_msg("%s", err.text);
    }
}

// Of an MQ that is not there: its bindings wait for it.
static void start_intake(struct course *course)
{
    struct tidings_error err = { 0 };
    struct intake_options options = { .loop = course->loop,
                                      .notify = course->notify,
                                      .name_servers = "127.0.0.1:1",
                                      .client_settings = "",
                                      .payload_max = 64 * 1024 };
    if (intake_start(&options, &course->intake, &err) != TIDINGS_OK) {
        fail_msg("%s", err.text);
    }
}

static void course_start(struct course *course)
{
    struct tidings_error err = { 0 };
    pthread_mutex_init(&course->got.lock, NULL);
    atomic_store(&course->got.status, 200);
    buf_init(&course->body, ANSWER_MAX);
    start_notifier(course);
    if (course->has_intake) {
        start_intake(course);
    }
    struct api_options options = { .loop = course->loop,
                                   .notify = course->notify,
                                   .intake = course->intake,
                                   .keys_file = course->keys_file,
                                   .payload_max = 64 * 1024,
                                   .clock = clock_system() };
    if (api_new(&options, &course->api, &err) != TIDINGS_OK) {
        fail_msg("%s", err.text);
    }
    course->receiver = start_server(receive, &course->got, false);
    course->server = start_server(serve, course, true);
    assert_int_equal(pthread_create(&course->thread, NULL, run_loop, course->loop), 0);
}

static void course_stop(struct course *course)
{
    http_server_stop(course->server);
    if (course->intake != NULL) {
        intake_stop(course->intake);
    }
    assert_int_equal(net_loop_post(course->loop, stop_loop, course->loop), TIDINGS_OK);
    pthread_join(course->thread, NULL);
    intake_free(course->intake);
    notify_stop(course->notify);
    api_free(course->api);
    net_loop_free(course->loop);
    seal_free(course->seal);
    http_server_stop(course->receiver);
    buf_deinit(&course->body);
    pthread_mutex_destroy(&course->got.lock);
}

// ---- the client ----
static int dial(int port)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static void send_all(int fd, struct str bytes)
{
    while (bytes.len > 0) {
        ssize_t n = send(fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);
        assert_true(n > 0);
        bytes = str_make(bytes.ptr + n, bytes.len - (size_t)n);
    }
}

static void split_answer(struct course *course)
{
    size_t end = str_find_str(buf_str(&course->body), STR("\r\n\r\n"));
    assert_true(end != SIZE_MAX && end < HEAD_MAX - 1);
    memcpy(course->head, course->body.ptr, end);
    course->head[end] = '\0';
    course->status =
        (course->head[9] - '0') * 100 + (course->head[10] - '0') * 10 + (course->head[11] - '0');
    buf_consume(&course->body, end + 4);
    assert_int_equal(buf_add(&course->body, "", 1), TIDINGS_OK); // NUL, for strstr
    course->body.len--;
}

static void read_answer(struct course *course, int fd)
{
    buf_clear(&course->body);
    for (;;) {
        char piece[8192];
        ssize_t n = recv(fd, piece, sizeof piece, 0);
        assert_true(n >= 0);
        if (n == 0) {
            break;
        }
        assert_int_equal(buf_add(&course->body, piece, (size_t)n), TIDINGS_OK);
    }
    split_answer(course);
}

// `fields`: lines ended by \r\n each. Returns the status.
static int ask_with(struct course *course, const char *method, const char *path, const char *fields,
                    struct str body)
{
    char head[2048];
    int len = snprintf(head, sizeof head,
                       "%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n%s"
                       "Content-Length: %zu\r\n\r\n",
                       method, path, fields, body.len);
    assert_true(len > 0 && (size_t)len < sizeof head);
    int fd = dial(http_server_port(course->server));
    send_all(fd, str_make(head, (size_t)len));
    send_all(fd, body);
    read_answer(course, fd);
    close(fd);
    return course->status;
}

static int ask(struct course *course, const char *method, const char *path)
{
    return ask_with(course, method, path, "", STR(""));
}

static inline int ask_json(struct course *course, const char *method, const char *path,
                           const char *body)
{
    return ask_with(course, method, path, "Content-Type: application/json\r\n", str_of(body));
}

static void expect(const struct course *course, int status, const char *text)
{
    if (course->status != status || strstr(course->body.ptr, text) == NULL) {
        fail_msg("%d %s: not %d with %s", course->status, course->body.ptr, status, text);
    }
}

static void expect_field(const struct course *course, const char *line)
{
    if (strstr(course->head, line) == NULL) {
        fail_msg("%s: without %s", course->head, line);
    }
}

// The text behind `"key":"` of the last answer.
static void pick(const struct course *course, const char *key, char *out, size_t size)
{
    char start[64];
    (void)snprintf(start, sizeof start, "\"%s\":\"", key);
    const char *at = strstr(course->body.ptr, start);
    if (at == NULL) {
        fail_msg("no %s in %s", key, course->body.ptr);
        return;
    }
    at += strlen(start);
    assert_true(str_copy(out, size, str_make(at, strcspn(at, "\""))));
}

// Until GET path has the text in it; a test that waits for ever is ended by its runner.
static inline void await(struct course *course, const char *path, const char *text)
{
    do {
        (void)usleep(2000);
        (void)ask(course, "GET", path);
    } while (strstr(course->body.ptr, text) == NULL);
}

#endif
