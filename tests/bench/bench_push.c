// SPDX-License-Identifier: Apache-2.0
// HTTP load for the notifier: POSTs over keep-alive connections, one request at a time on each;
// prints one JSON line.
//   bench_push HOST:PORT PATH OPTION=VALUE...
//     connections=N      (16)           seconds=N          ends after so long (10)
//     count=N            ends after so many notifications, 0 = by time (0)
//     rate=N             notifications a second, 0 = as fast as answers come (0)
//     batch=N            items of a request (1)   open=TEXT, close=TEXT   around them, `,` between
//     item=TEXT          one item; {p} is a payload, {n} its number, {d} a due time in ms
//     size=N             bytes of a payload (1024)
//     header=TEXT        a line of the request's head, {n} as above; may be given 16 times
//     want=STATUS        of a good answer (202)
//     due=MS,N           {d} of the first is so far away, and N are due each second; else {d} is
//     zeros, which is no JSON
// A payload begins with a time (µs since 1970) and its number, for bench_receive: the time when it
// was to be sent or, with due=, the due one. With rate=, a request that finds no free connection is
// late, and its time shows it.
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    CONNECTIONS_MAX = 4096,
    HEADERS_MAX = 16,
    BATCH_MAX = 1000,
    PAYLOAD_LEAST = 40,
    REQUEST_MAX = 16 << 20,
    HEAD_MAX = 8192, // of an answer, and of what is kept of its body
    MARKS_MAX = 4 * BATCH_MAX,
    TIME_DIGITS = 16,
    NUMBER_DIGITS = 12,
    DUE_DIGITS = 13,
    GRACE_US = 30 * 1000 * 1000, // for the last answers
    STATUS_SIZE = 600,
};

struct mark { // where the request is written anew for each notification
    size_t offset;
    size_t item;
    char what; // 't' time, 'n' number, 'd' due
};

struct connection {
    int fd;
    char *request;
    size_t sent;
    size_t head_len; // of the answer, so far
    size_t body_left;
    int status; // 0 while the head is not whole
    int64_t begun_us;
    int writing; // waits for room in the socket
    char head[HEAD_MAX];
};

struct load {
    const char *address;
    const char *path;
    const char *item;
    const char *open;
    const char *close;
    const char *headers[HEADERS_MAX];
    size_t header_count;
    long connections, seconds, count, rate, batch, size, want;
    int64_t due_first_ms, due_rate;
    char *request;
    size_t request_len;
    struct mark *marks;
    size_t mark_count;
    int64_t start_us; // monotonic
    int64_t wall_us;  // at the start
    int64_t next;     // number of the next notification
    int64_t answered, refused, broken, in_flight;
    long status[STATUS_SIZE];
    uint32_t *latency_us; // of requests
    size_t latency_count, latency_size;
    int epoll;
};

static int64_t clock_us(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void die(const char *what)
{
    fprintf(stderr, "bench_push: %s%s%s\n", what, errno != 0 ? ": " : "",
            errno != 0 ? strerror(errno) : "");
    exit(1);
}

// ---- the request, made once, with marks ----
static void put(struct load *load, const char *text, size_t len)
{
    if (load->request_len + len > REQUEST_MAX) {
        errno = 0;
        die("the request is longer than 16 MiB");
    }
    memcpy(load->request + load->request_len, text, len);
    load->request_len += len;
}

static void put_mark(struct load *load, char what, size_t item, size_t digits)
{
    if (load->mark_count == MARKS_MAX) {
        errno = 0;
        die("too many {} in a request");
    }
    load->marks[load->mark_count++] =
        (struct mark){ .offset = load->request_len, .item = item, .what = what };
    for (size_t i = 0; i < digits; i++) {
        put(load, "0", 1);
    }
}

static void put_payload(struct load *load, size_t item)
{
    size_t end = load->request_len + (size_t)load->size;
    put_mark(load, 't', item, TIME_DIGITS);
    put(load, " ", 1);
    put_mark(load, 'n', item, NUMBER_DIGITS);
    put(load, " ", 1);
    while (load->request_len < end) {
        put(load, "x", 1);
    }
}

static void put_template(struct load *load, const char *text, size_t item)
{
    for (const char *at = text; *at != '\0'; at++) {
        if (strncmp(at, "{p}", 3) == 0) {
            put_payload(load, item);
        } else if (strncmp(at, "{n}", 3) == 0) {
            put_mark(load, 'n', item, NUMBER_DIGITS);
        } else if (strncmp(at, "{d}", 3) == 0) {
            put_mark(load, 'd', item, DUE_DIGITS);
        } else {
            put(load, at, 1);
            continue;
        }
        at += 2;
    }
}

static void make_request(struct load *load)
{
    char line[1024];
    size_t body;
    for (int round = 0; round < 2; round++) { // the first only tells how long the body is
        body = round == 0 ? 0 : body;
        load->request_len = 0;
        load->mark_count = 0;
        int len =
            snprintf(line, sizeof line, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Length: %zu\r\n",
                     load->path, load->address, body);
        put(load, line, (size_t)len);
        for (size_t i = 0; i < load->header_count; i++) {
            put_template(load, load->headers[i], 0);
            put(load, "\r\n", 2);
        }
        put(load, "\r\n", 2);
        size_t head = load->request_len;
        put_template(load, load->open, 0);
        for (size_t i = 0; i < (size_t)load->batch; i++) {
            put(load, ",", i > 0);
            put_template(load, load->item, i);
        }
        put_template(load, load->close, 0);
        body = load->request_len - head;
    }
}

static void write_number(char *to, size_t digits, int64_t number)
{
    for (size_t i = digits; i-- > 0; number /= 10) {
        to[i] = (char)('0' + number % 10);
    }
}

static int64_t due_us(const struct load *load, int64_t number)
{
    return load->wall_us + load->due_first_ms * 1000 + number * 1000000 / load->due_rate;
}

static void fill_request(const struct load *load, struct connection *connection, int64_t wall_us)
{
    for (size_t i = 0; i < load->mark_count; i++) {
        const struct mark *mark = &load->marks[i];
        int64_t number = load->next + (int64_t)mark->item;
        char *to = connection->request + mark->offset;
        if (mark->what == 'n') {
            write_number(to, NUMBER_DIGITS, number);
        } else if (mark->what == 't') {
            write_number(to, TIME_DIGITS, load->due_rate > 0 ? due_us(load, number) : wall_us);
        } else if (load->due_rate > 0) { // rounded up: never early by the payload's own time
            write_number(to, DUE_DIGITS, (due_us(load, number) + 999) / 1000);
        }
    }
}

// ---- connections ----
static void open_connection(struct load *load, struct connection *connection, size_t index)
{
    struct sockaddr_in address = { .sin_family = AF_INET };
    char host[64];
    const char *colon = strrchr(load->address, ':');
    int one = 1;
    snprintf(host, sizeof host, "%.*s", colon != NULL ? (int)(colon - load->address) : 0,
             load->address);
    if (colon == NULL || inet_pton(AF_INET, host, &address.sin_addr) != 1) {
        errno = 0;
        die("the address is not IPV4:PORT");
    }
    address.sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10));
    connection->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connection->fd < 0 ||
        connect(connection->fd, (const struct sockaddr *)&address, sizeof address) != 0) {
        die("connect");
    }
    setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    fcntl(connection->fd, F_SETFL, O_NONBLOCK);
    struct epoll_event event = { .events = EPOLLIN, .data.u64 = index };
    connection->request = malloc(load->request_len);
    if (connection->request == NULL ||
        epoll_ctl(load->epoll, EPOLL_CTL_ADD, connection->fd, &event) != 0) {
        die("epoll");
    }
    memcpy(connection->request, load->request, load->request_len);
}

static void send_more(struct load *load, struct connection *connection, size_t index)
{
    while (connection->sent < load->request_len) {
        ssize_t done = send(connection->fd, connection->request + connection->sent,
                            load->request_len - connection->sent, MSG_NOSIGNAL);
        if (done < 0 && errno != EAGAIN) {
            die("send");
        }
        if (done < 0) {
            break;
        }
        connection->sent += (size_t)done;
    }
    int waits = connection->sent < load->request_len;
    if (waits != connection->writing) {
        struct epoll_event event = { .events = EPOLLIN | (waits ? EPOLLOUT : 0u),
                                     .data.u64 = index };
        epoll_ctl(load->epoll, EPOLL_CTL_MOD, connection->fd, &event);
        connection->writing = waits;
    }
}

// Whether a request may be sent now, and the wall time when it was to be.
static int may_send(const struct load *load, int64_t now_us, int64_t *ret_wall_us)
{
    int64_t after_us = now_us - load->start_us;
    if ((load->count > 0 && load->next >= load->count) ||
        (load->count == 0 && after_us >= load->seconds * 1000000)) {
        return 0;
    }
    int64_t planned_us = load->rate > 0 ? load->next * 1000000 / load->rate : after_us;
    *ret_wall_us = load->wall_us + planned_us;
    return planned_us <= after_us;
}

static int begin(struct load *load, struct connection *connection, size_t index)
{
    int64_t wall_us;
    int64_t now_us = clock_us(CLOCK_MONOTONIC);
    if (!may_send(load, now_us, &wall_us)) {
        return 0;
    }
    fill_request(load, connection, wall_us);
    load->next += load->batch;
    load->in_flight++;
    connection->sent = connection->head_len = connection->body_left = 0;
    connection->status = 0;
    connection->begun_us = now_us;
    send_more(load, connection, index);
    return 1;
}

// ---- answers ----
static void parse_head(struct connection *connection, const char *end)
{
    const char *length = strcasestr(connection->head, "\r\ncontent-length:");
    connection->status = (int)strtol(connection->head + 9, NULL, 10);
    if (length == NULL || length >= end || connection->status < 100 ||
        connection->status >= STATUS_SIZE) {
        errno = 0;
        die("an answer without Content-Length, or that is no HTTP");
    }
    size_t body = strtoul(length + 17, NULL, 10);
    size_t there = connection->head_len - (size_t)(end + 4 - connection->head);
    if (there > body) {
        errno = 0;
        die("an answer is longer than it says");
    }
    connection->body_left = body - there;
}

static void answered(struct load *load, struct connection *connection)
{
    load->status[connection->status]++;
    load->in_flight--;
    if (connection->status == load->want) {
        load->answered += load->batch;
    } else if (load->refused++ == 0) {
        fprintf(stderr, "bench_push: first refusal:\n%.*s\n", (int)connection->head_len,
                connection->head);
    }
    if (load->latency_count < load->latency_size) {
        load->latency_us[load->latency_count++] =
            (uint32_t)(clock_us(CLOCK_MONOTONIC) - connection->begun_us);
    }
}

// 1 when the answer is whole.
static int receive(struct connection *connection)
{
    char waste[65536];
    for (;;) {
        char *to = connection->status == 0 ? connection->head + connection->head_len : waste;
        size_t room = connection->status == 0 ? HEAD_MAX - 1 - connection->head_len : sizeof waste;
        ssize_t got = recv(connection->fd, to, room, 0);
        if (got < 0 && errno == EAGAIN) {
            return 0;
        }
        if (got <= 0) {
            errno = got == 0 ? 0 : errno;
            die("the server closed a connection");
        }
        if (connection->status != 0) {
            connection->body_left -=
                (size_t)got < connection->body_left ? (size_t)got : connection->body_left;
        } else {
            connection->head_len += (size_t)got;
            connection->head[connection->head_len] = '\0';
            const char *end = strstr(connection->head, "\r\n\r\n");
            if (end != NULL) {
                parse_head(connection, end);
            }
        }
        if (connection->status != 0 && connection->body_left == 0) {
            return 1;
        }
    }
}

static int by_size(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a;
    uint32_t right = *(const uint32_t *)b;
    return left < right ? -1 : left > right;
}

static void report(struct load *load, double seconds)
{
    double cpu_us = (double)clock_us(CLOCK_PROCESS_CPUTIME_ID);
    size_t n = load->latency_count;
    qsort(load->latency_us, n, sizeof *load->latency_us, by_size);
    printf("{\"sent\":%lld,\"accepted\":%lld,\"refused\":%lld,\"unanswered\":%lld,\"seconds\":%.3f,"
           "\"rate\":%.0f,\"p50_us\":%u,\"p99_us\":%u,\"cpu_us\":%.2f,\"wall_us\":%lld}\n",
           (long long)load->next, (long long)load->answered, (long long)load->refused,
           (long long)load->in_flight, seconds, (double)load->answered / seconds,
           n > 0 ? load->latency_us[n / 2] : 0, n > 0 ? load->latency_us[n * 99 / 100] : 0,
           cpu_us / (double)(load->answered > 0 ? load->answered : 1), (long long)load->wall_us);
}

static struct timespec until_next(const struct load *load, int64_t after_us, int idle)
{
    int64_t wait_us = 1000000;
    if (load->rate > 0 && idle) {
        wait_us = load->next * 1000000 / load->rate - after_us;
        wait_us = wait_us < 0 ? 0 : wait_us > 1000000 ? 1000000 : wait_us;
    }
    return (struct timespec){ wait_us / 1000000, wait_us % 1000000 * 1000 };
}

// The connections that have nothing to do are a stack: few are used when few are enough.
static int run(struct load *load, struct connection *connections)
{
    size_t *idle = calloc(CONNECTIONS_MAX, sizeof *idle);
    size_t idle_count = (size_t)load->connections;
    struct epoll_event events[256];
    int64_t most_us = load->seconds * 1000000 + GRACE_US;
    if (idle == NULL) {
        die("memory");
    }
    for (size_t i = 0; i < idle_count; i++) {
        idle[i] = idle_count - 1 - i;
    }
    load->start_us = clock_us(CLOCK_MONOTONIC);
    load->wall_us = clock_us(CLOCK_REALTIME);
    for (;;) {
        while (idle_count > 0 &&
               begin(load, &connections[idle[idle_count - 1]], idle[idle_count - 1])) {
            idle_count--;
        }
        int64_t after_us = clock_us(CLOCK_MONOTONIC) - load->start_us;
        int over =
            load->count > 0 ? load->next >= load->count : after_us >= load->seconds * 1000000;
        if ((over && load->in_flight == 0) || (load->count == 0 && after_us > most_us)) {
            break;
        }
        struct timespec pause = until_next(load, after_us, idle_count > 0);
        int count = epoll_pwait2(load->epoll, events, 256, &pause, NULL);
        for (int i = 0; i < count; i++) {
            size_t index = events[i].data.u64;
            if ((events[i].events & EPOLLOUT) != 0) {
                send_more(load, &connections[index], index);
            }
            if ((events[i].events & ~(uint32_t)EPOLLOUT) != 0 && receive(&connections[index])) {
                answered(load, &connections[index]);
                idle[idle_count++] = index;
            }
        }
    }
    report(load, (double)(clock_us(CLOCK_MONOTONIC) - load->start_us) / 1e6);
    free(idle);
    return load->refused == 0 && load->in_flight == 0 ? 0 : 1;
}

// ---- options ----
static int set_option(struct load *load, const char *name, size_t len, const char *value)
{
    const struct {
        const char *name;
        long *number;
        const char **text;
    } options[] = { { "connections", &load->connections, NULL },
                    { "seconds", &load->seconds, NULL },
                    { "count", &load->count, NULL },
                    { "rate", &load->rate, NULL },
                    { "batch", &load->batch, NULL },
                    { "size", &load->size, NULL },
                    { "want", &load->want, NULL },
                    { "item", NULL, &load->item },
                    { "open", NULL, &load->open },
                    { "close", NULL, &load->close } };
    if (len == 6 && strncmp(name, "header", len) == 0 && load->header_count < HEADERS_MAX) {
        load->headers[load->header_count++] = value;
        return 1;
    }
    if (len == 3 && strncmp(name, "due", len) == 0) {
        char *comma = NULL;
        load->due_first_ms = strtoll(value, &comma, 10);
        load->due_rate = *comma == ',' ? strtoll(comma + 1, NULL, 10) : 0;
        return load->due_rate > 0;
    }
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        if (strlen(options[i].name) == len && strncmp(options[i].name, name, len) == 0) {
            if (options[i].number != NULL) {
                *options[i].number = strtol(value, NULL, 10);
            } else {
                *options[i].text = value;
            }
            return 1;
        }
    }
    return 0;
}

static int read_options(struct load *load, int argc, char **argv)
{
    int good = argc >= 3;
    for (int i = 3; i < argc && good; i++) {
        const char *equals = strchr(argv[i], '=');
        good = equals != NULL && set_option(load, argv[i], (size_t)(equals - argv[i]), equals + 1);
    }
    return good && load->connections >= 1 && load->connections <= CONNECTIONS_MAX &&
           load->seconds >= 1 && load->seconds <= 86400 && load->count >= 0 && load->rate >= 0 &&
           load->batch >= 1 && load->batch <= BATCH_MAX && load->size >= PAYLOAD_LEAST &&
           load->size <= REQUEST_MAX;
}

int main(int argc, char **argv)
{
    struct load load = { .item = "{p}",
                         .open = "",
                         .close = "",
                         .connections = 16,
                         .seconds = 10,
                         .batch = 1,
                         .size = 1024,
                         .want = 202,
                         .latency_size = 1 << 22 };
    if (!read_options(&load, argc, argv)) {
        fprintf(stderr,
                "usage: bench_push HOST:PORT PATH OPTION=VALUE..., see the head of its source\n");
        return 2;
    }
    load.address = argv[1];
    load.path = argv[2];
    load.request = malloc(REQUEST_MAX);
    load.marks = calloc(MARKS_MAX, sizeof *load.marks);
    load.latency_us = malloc(load.latency_size * sizeof *load.latency_us);
    struct connection *connections = calloc((size_t)load.connections, sizeof *connections);
    load.epoll = epoll_create1(EPOLL_CLOEXEC);
    if (load.request == NULL || load.marks == NULL || load.latency_us == NULL ||
        connections == NULL || load.epoll < 0) {
        die("memory");
    }
    make_request(&load);
    for (size_t i = 0; i < (size_t)load.connections; i++) {
        open_connection(&load, &connections[i], i);
    }
    int code = run(&load, connections);
    for (size_t i = 0; i < (size_t)load.connections; i++) {
        close(connections[i].fd);
        free(connections[i].request);
    }
    close(load.epoll);
    free(connections);
    free(load.latency_us);
    free(load.marks);
    free(load.request);
    return code;
}
