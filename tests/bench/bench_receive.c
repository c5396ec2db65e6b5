// SPDX-License-Identifier: Apache-2.0
// A receiver of notifications that says when they came: bench_receive PORT, on 127.0.0.1, until
// SIGTERM. What is POSTed begins with a time (µs since 1970) and a number, as bench_push writes it.
// Paths:
//   /ok, /other      200 `success`; the time from the payload's to now is counted
//   /hang            no answer, ever
//   /fail            500
//   /later/MS        500 the first time that a number comes; the second time 200, and it is counted
//   how much later
//                    than MS after that first answer it came
//   GET /stats       JSON: for each path how many, and p50, p99, max in µs, first and last arrival;
//   begins anew
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    CONNECTIONS_MAX = 8192,
    ROOM = 32768,      // of a request's head and what comes with it
    BODY_KEPT = 29,    // time, blank, number
    NUMBERS = 1 << 20, // first answers that are remembered, by number
    STEPS_LOG = 5,     // a step of the histogram is 1/32 of its value
    STEPS = 1 << STEPS_LOG,
    BUCKETS = 40 * STEPS,
    ANSWER_MAX = 2048,
};

enum path { OK, OTHER, HANG, FAIL, LATER, PATHS };
static const char *const path_names[PATHS] = { "ok", "other", "hang", "fail", "later" };

struct figures {
    uint64_t count;
    uint64_t early; // less than zero
    int64_t max_us;
    int64_t first_us, last_us;
    uint64_t bucket[BUCKETS];
};

struct connection {
    int fd;
    size_t len;
    size_t body_left; // of a request whose head and beginning have been seen
    char room[ROOM + 1];
};

struct receiver {
    int epoll;
    int listener;
    struct connection *connections[CONNECTIONS_MAX]; // by file descriptor
    int64_t *first_us;                               // NUMBERS of /later/
    struct figures figures[PATHS];
};

static int64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void die(const char *what)
{
    perror(what);
    exit(1);
}

// ---- the histogram ----
static size_t bucket_of(int64_t us)
{
    uint64_t value = us > 0 ? (uint64_t)us : 0;
    if (value < STEPS) {
        return (size_t)value;
    }
    unsigned shift = 63u - (unsigned)__builtin_clzll(value) - STEPS_LOG;
    size_t bucket = ((size_t)shift + 1) * STEPS + (size_t)((value >> shift) - STEPS);
    return bucket < BUCKETS ? bucket : BUCKETS - 1;
}

static int64_t bucket_top(size_t bucket)
{
    if (bucket < STEPS) {
        return (int64_t)bucket;
    }
    return (int64_t)(((bucket % STEPS + STEPS + 1) << (bucket / STEPS - 1)) - 1);
}

static void take(struct figures *figures, int64_t us, int64_t at_us)
{
    figures->first_us = figures->count == 0 ? at_us : figures->first_us;
    figures->last_us = at_us;
    figures->count++;
    figures->early += us < 0;
    figures->max_us = us > figures->max_us ? us : figures->max_us;
    figures->bucket[bucket_of(us)]++;
}

static int64_t percentile(const struct figures *figures, uint64_t percent)
{
    uint64_t wanted = (figures->count * percent + 99) / 100;
    uint64_t seen = 0;
    for (size_t i = 0; i < BUCKETS; i++) {
        seen += figures->bucket[i];
        if (seen >= wanted && seen > 0) {
            return bucket_top(i) < figures->max_us ? bucket_top(i) : figures->max_us;
        }
    }
    return 0;
}

// ---- answers ----
static void answer(int fd, const char *status, const char *body)
{
    char text[ANSWER_MAX];
    int len = snprintf(text, sizeof text, "HTTP/1.1 %s\r\nContent-Length: %zu\r\n\r\n%s", status,
                       strlen(body), body);
    if (send(fd, text, (size_t)len, MSG_NOSIGNAL) !=
        len) { // so little always has room, or the peer is gone
        shutdown(fd, SHUT_RDWR);
    }
}

static void answer_stats(struct receiver *receiver, int fd)
{
    char text[1024];
    size_t len = 0;
    for (int i = 0; i < PATHS; i++) {
        const struct figures *figures = &receiver->figures[i];
        len += (size_t)snprintf(
            text + len, sizeof text - len,
            "%s\"%s\":{\"count\":%llu,\"early\":%llu,\"p50_us\":%lld,\"p99_us\":%lld,"
            "\"max_us\":%lld,\"first_us\":%lld,\"last_us\":%lld}",
            i == 0 ? "{" : ",", path_names[i], (unsigned long long)figures->count,
            (unsigned long long)figures->early, (long long)percentile(figures, 50),
            (long long)percentile(figures, 99), (long long)figures->max_us,
            (long long)figures->first_us, (long long)figures->last_us);
    }
    snprintf(text + len, sizeof text - len, "}");
    answer(fd, "200 OK", text);
    memset(receiver->figures, 0, sizeof receiver->figures);
}

static void notified(struct receiver *receiver, int fd, const char *path, const char *body)
{
    char *blank = NULL;
    int64_t at_us = now_us();
    int64_t sent_us = strtoll(body, &blank, 10);
    if (strncmp(path, "/later/", 7) == 0) {
        int64_t *first = &receiver->first_us[strtoull(blank, NULL, 10) % NUMBERS];
        if (*first == 0) {
            *first = at_us;
            answer(fd, "500 Not Now", "");
            return;
        }
        take(&receiver->figures[LATER], at_us - *first - strtoll(path + 7, NULL, 10) * 1000, at_us);
        *first = 0;
        answer(fd, "200 OK", "success");
        return;
    }
    for (int i = OK; i < LATER; i++) {
        size_t len = strlen(path_names[i]);
        if (strncmp(path + 1, path_names[i], len) == 0 && path[1 + len] == ' ') {
            take(&receiver->figures[i], at_us - sent_us, at_us);
            if (i != HANG) {
                answer(fd, i == FAIL ? "500 Not Now" : "200 OK", i == FAIL ? "" : "success");
            }
            return;
        }
    }
    answer(fd, "404 Not Found", "");
}

// ---- requests ----
// Bytes that the first whole request of `room` took; 0 while its head and the beginning of its body
// are not there.
static size_t serve_one(struct receiver *receiver, struct connection *connection)
{
    char *room = connection->room;
    room[connection->len] = '\0';
    const char *end = strstr(room, "\r\n\r\n");
    const char *path = strchr(room, ' ');
    if (end == NULL || path == NULL) {
        return 0;
    }
    size_t head = (size_t)(end + 4 - room);
    if (strncmp(room, "GET /stats ", 11) == 0) {
        answer_stats(receiver, connection->fd);
        return head;
    }
    const char *length = strcasestr(room, "\r\ncontent-length:");
    size_t body = length != NULL && length < end ? strtoul(length + 17, NULL, 10) : 0;
    size_t there = connection->len - head;
    if (there < body && there < BODY_KEPT) {
        return 0;
    }
    // Answered before the rest of a long body is there: it is still read, so the peer never waits.
    notified(receiver, connection->fd, path + 1, end + 4);
    connection->body_left = there < body ? body - there : 0;
    return there < body ? connection->len : head + body;
}

static void drop(struct receiver *receiver, struct connection *connection)
{
    receiver->connections[connection->fd] = NULL;
    close(connection->fd);
    free(connection);
}

static void skip_body(struct connection *connection)
{
    size_t skipped =
        connection->len < connection->body_left ? connection->len : connection->body_left;
    connection->body_left -= skipped;
    connection->len -= skipped;
    memmove(connection->room, connection->room + skipped, connection->len);
}

static void on_bytes(struct receiver *receiver, struct connection *connection)
{
    ssize_t got =
        recv(connection->fd, connection->room + connection->len, ROOM - connection->len, 0);
    if (got < 0 && errno == EAGAIN) {
        return;
    }
    if (got <= 0) { // gone; or a head that is too long, for which there is no room
        drop(receiver, connection);
        return;
    }
    connection->len += (size_t)got;
    for (size_t used = 1; used > 0 && connection->len > 0;) {
        skip_body(connection);
        used = connection->len > 0 ? serve_one(receiver, connection) : 0;
        connection->len -= used;
        memmove(connection->room, connection->room + used, connection->len);
    }
}

static void on_connection(struct receiver *receiver)
{
    int one = 1;
    int fd = accept4(receiver->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    struct connection *connection =
        fd >= 0 && fd < CONNECTIONS_MAX ? malloc(sizeof *connection) : NULL;
    struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };
    if (connection == NULL) {
        if (fd >= 0) {
            close(fd);
        }
        return;
    }
    connection->fd = fd;
    connection->len = connection->body_left = 0;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    receiver->connections[fd] = connection;
    if (epoll_ctl(receiver->epoll, EPOLL_CTL_ADD, fd, &event) != 0) {
        drop(receiver, connection);
    }
}

static void listen_on(struct receiver *receiver, unsigned long port)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
    int one = 1;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    receiver->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setsockopt(receiver->listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (receiver->listener < 0 ||
        bind(receiver->listener, (const struct sockaddr *)&address, sizeof address) != 0 ||
        listen(receiver->listener, 1024) != 0) {
        die("bench_receive: listen");
    }
    struct epoll_event event = { .events = EPOLLIN, .data.fd = receiver->listener };
    if (epoll_ctl(receiver->epoll, EPOLL_CTL_ADD, receiver->listener, &event) != 0) {
        die("bench_receive: epoll");
    }
}

int main(int argc, char **argv)
{
    struct receiver *receiver = calloc(1, sizeof *receiver);
    struct epoll_event events[256];
    if (argc != 2 || receiver == NULL) {
        fprintf(stderr, "usage: bench_receive PORT\n");
        return 2;
    }
    receiver->first_us = calloc(NUMBERS, sizeof *receiver->first_us);
    receiver->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (receiver->first_us == NULL || receiver->epoll < 0) {
        die("bench_receive");
    }
    listen_on(receiver, strtoul(argv[1], NULL, 10));
    printf("ready\n");
    fflush(stdout);
    for (;;) { // SIGTERM ends it
        int count = epoll_wait(receiver->epoll, events, 256, -1);
        for (int i = 0; i < count; i++) {
            if (events[i].data.fd == receiver->listener) {
                on_connection(receiver);
            } else if (receiver->connections[events[i].data.fd] != NULL) {
                on_bytes(receiver, receiver->connections[events[i].data.fd]);
            }
        }
    }
}
