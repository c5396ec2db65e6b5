// SPDX-License-Identifier: Apache-2.0
// libcurl's sockets and its one timer on the loop. libcurl lets go of a socket after each request
// and asks for it again with the next one; taking it off the poller and putting it back would cost
// more than all the rest, so a connection's watch stays until the connection is closed, and is only
// stopped when something comes that nobody waits for.
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "http/curl_call.h"
#include "net/net.h"

enum { SOCKETS_MAX = 1 << 20 };

struct socket_watch {
    struct curl_way *way;
    curl_socket_t fd;
    struct net_watch *watch;
    int wanted;   // by libcurl
    int asked;    // of the loop
    bool is_ours; // opened by sockets_open, closed by sockets_close
};

static void act(struct curl_way *way, curl_socket_t socket, int ready)
{
    int running = 0;
    (void)curl_multi_socket_action(way->multi, socket, ready, &running);
    curl_way_take_done(way);
}

// ---- sockets ----
static tidings_status ask(struct socket_watch *watched, int wanted)
{
    if (wanted == watched->asked) {
        return TIDINGS_OK;
    }
    watched->asked = wanted;
    return net_watch_set(watched->watch, wanted);
}

static void socket_ready(void *arg, int ready)
{
    struct socket_watch *watched = arg;
    if ((ready & watched->wanted) == 0) {
        (void)ask(watched, watched->wanted);
        return;
    }
    ready &= watched->wanted;
    act(watched->way, watched->fd,
        ((ready & NET_READABLE) != 0 ? CURL_CSELECT_IN : 0) |
            ((ready & NET_WRITABLE) != 0 ? CURL_CSELECT_OUT : 0));
}

static struct socket_watch *find(const struct curl_way *way, curl_socket_t fd)
{
    return fd >= 0 && (size_t)fd < way->socket_size ? way->sockets[fd] : NULL;
}

static bool make_room(struct curl_way *way, curl_socket_t fd)
{
    if (fd < 0 || fd >= SOCKETS_MAX) {
        return false;
    }
    size_t size = way->socket_size > 0 ? way->socket_size : 64;
    while (size <= (size_t)fd) {
        size *= 2;
    }
    if (size == way->socket_size) {
        return true;
    }
    struct socket_watch **grown = realloc(way->sockets, size * sizeof(struct socket_watch *));
    if (grown == NULL) {
        return false;
    }
    memset(grown + way->socket_size, 0, (size - way->socket_size) * sizeof(struct socket_watch *));
    way->sockets = grown;
    way->socket_size = size;
    return true;
}

static void drop(struct socket_watch *watched)
{
    if (watched != NULL) {
        watched->way->sockets[watched->fd] = NULL;
        net_watch_free(watched->watch);
        free(watched);
    }
}

static struct socket_watch *add(struct curl_way *way, curl_socket_t fd, bool is_ours)
{
    drop(find(way, fd)); // of one that libcurl closed without a word: the number is used again
    struct socket_watch *watched = make_room(way, fd) ? calloc(1, sizeof *watched) : NULL;
    if (watched == NULL) {
        return NULL;
    }
    *watched = (struct socket_watch){ .way = way, .fd = fd, .is_ours = is_ours };
    if (net_watch_new(way->client->loop, fd, socket_ready, watched, &watched->watch) !=
        TIDINGS_OK) {
        free(watched);
        return NULL;
    }
    way->sockets[fd] = watched;
    return watched;
}

curl_socket_t sockets_open(struct curl_way *way, int family, int type, int protocol)
{
    int fd = socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
    if (fd >= 0 && add(way, fd, true) == NULL) {
        (void)close(fd);
        return CURL_SOCKET_BAD;
    }
    return fd;
}

int sockets_close(void *way, curl_socket_t fd)
{
    drop(find(way, fd));
    return close(fd);
}

// Also of sockets that libcurl makes for itself, as for resolving; it closes them without a word.
static int on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *assigned)
{
    struct curl_way *way = arg;
    struct socket_watch *watched = find(way, fd);
    (void)easy;
    (void)assigned;
    if (what == CURL_POLL_REMOVE) {
        if (watched != NULL && watched->is_ours) {
            watched->wanted = 0;
            return (watched->asked & NET_WRITABLE) != 0 && ask(watched, 0) != TIDINGS_OK ? -1 : 0;
        }
        drop(watched);
        return 0;
    }
    watched = watched != NULL ? watched : add(way, fd, false);
    if (watched == NULL) {
        return -1; // the transfer ends
    }
    watched->wanted = ((what & CURL_POLL_IN) != 0 ? NET_READABLE : 0) |
                      ((what & CURL_POLL_OUT) != 0 ? NET_WRITABLE : 0);
    return ask(watched, watched->wanted) == TIDINGS_OK ? 0 : -1;
}

// ---- the timer ----
// libcurl moves it with every request, nearly always to later: then it is let fire, and goes on.
static void arm(struct curl_way *way)
{
    int64_t now_us = clock_mono_us(clock_system());
    int64_t left_us = way->timer_due_us - now_us;
    way->timer_armed_us = way->timer_due_us;
    net_timer_start(way->timer, left_us > 0 ? (left_us + 999) / 1000 : 0);
}

static void timer_fired(void *arg)
{
    struct curl_way *way = arg;
    way->timer_armed_us = INT64_MAX;
    if (way->timer_due_us == INT64_MAX) {
        return;
    }
    if (way->timer_due_us > clock_mono_us(clock_system())) {
        arm(way);
        return;
    }
    way->timer_due_us = INT64_MAX; // libcurl says the next one
    act(way, CURL_SOCKET_TIMEOUT, 0);
}

static int on_timer(CURLM *multi, long after_ms, void *arg)
{
    struct curl_way *way = arg;
    (void)multi;
    if (after_ms < 0) {
        way->timer_due_us = INT64_MAX;
        return 0;
    }
    way->timer_due_us = clock_mono_us(clock_system()) + (int64_t)after_ms * 1000;
    if (way->timer_due_us < way->timer_armed_us) {
        arm(way);
    }
    return 0;
}

bool sockets_init(struct curl_way *way)
{
    CURLM *multi = way->multi;
    way->timer_due_us = INT64_MAX;
    way->timer_armed_us = INT64_MAX;
    return net_timer_new(way->client->loop, timer_fired, way, &way->timer) == TIDINGS_OK &&
           curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket) == CURLM_OK &&
           curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, way) == CURLM_OK &&
           curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timer) == CURLM_OK &&
           curl_multi_setopt(multi, CURLMOPT_TIMERDATA, way) == CURLM_OK;
}

void sockets_deinit(struct curl_way *way)
{
    for (size_t i = 0; i < way->socket_size; i++) {
        drop(way->sockets[i]);
    }
    free(way->sockets);
    net_timer_free(way->timer);
}
