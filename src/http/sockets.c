// SPDX-License-Identifier: Apache-2.0
// libcurl's sockets and its one timer on the loop. libcurl lets go of a socket after each request
// and asks for it again with the next one; taking it off the poller and putting it back would cost
// more than all the rest, so a connection's watch stays until the connection is closed, and is only
// stopped when something comes that nobody waits for.
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "http/call.h"
#include "net/net.h"

enum { SOCKETS_MAX = 1 << 20 };

struct socket_watch {
    struct http_client *client;
    curl_socket_t fd;
    struct net_watch *watch;
    int wanted;   // by libcurl
    int asked;    // of the loop
    bool is_ours; // opened by sockets_open, closed by sockets_close
};

static void act(struct http_client *client, curl_socket_t socket, int ready)
{
    int running = 0;
    (void)curl_multi_socket_action(client->multi, socket, ready, &running);
    client_take_done(client);
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
    act(watched->client, watched->fd,
        ((ready & NET_READABLE) != 0 ? CURL_CSELECT_IN : 0) |
            ((ready & NET_WRITABLE) != 0 ? CURL_CSELECT_OUT : 0));
}

static struct socket_watch *find(const struct http_client *client, curl_socket_t fd)
{
    return fd >= 0 && (size_t)fd < client->socket_size ? client->sockets[fd] : NULL;
}

static bool make_room(struct http_client *client, curl_socket_t fd)
{
    if (fd < 0 || fd >= SOCKETS_MAX) {
        return false;
    }
    size_t size = client->socket_size > 0 ? client->socket_size : 64;
    while (size <= (size_t)fd) {
        size *= 2;
    }
    if (size == client->socket_size) {
        return true;
    }
    struct socket_watch **grown = realloc(client->sockets, size * sizeof(struct socket_watch *));
    if (grown == NULL) {
        return false;
    }
    memset(grown + client->socket_size, 0,
           (size - client->socket_size) * sizeof(struct socket_watch *));
    client->sockets = grown;
    client->socket_size = size;
    return true;
}

static void drop(struct socket_watch *watched)
{
    if (watched != NULL) {
        watched->client->sockets[watched->fd] = NULL;
        net_watch_free(watched->watch);
        free(watched);
    }
}

static struct socket_watch *add(struct http_client *client, curl_socket_t fd, bool is_ours)
{
    drop(find(client, fd)); // of one that libcurl closed without a word: the number is used again
    struct socket_watch *watched = make_room(client, fd) ? calloc(1, sizeof *watched) : NULL;
    if (watched == NULL) {
        return NULL;
    }
    *watched = (struct socket_watch){ .client = client, .fd = fd, .is_ours = is_ours };
    if (net_watch_new(client->loop, fd, socket_ready, watched, &watched->watch) != TIDINGS_OK) {
        free(watched);
        return NULL;
    }
    client->sockets[fd] = watched;
    return watched;
}

curl_socket_t sockets_open(struct http_client *client, int family, int type, int protocol)
{
    int fd = socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
    if (fd >= 0 && add(client, fd, true) == NULL) {
        (void)close(fd);
        return CURL_SOCKET_BAD;
    }
    return fd;
}

int sockets_close(void *client, curl_socket_t fd)
{
    drop(find(client, fd));
    return close(fd);
}

// Also of sockets that libcurl makes for itself, as for resolving; it closes them without a word.
static int on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *assigned)
{
    struct http_client *client = arg;
    struct socket_watch *watched = find(client, fd);
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
    watched = watched != NULL ? watched : add(client, fd, false);
    if (watched == NULL) {
        return -1; // the transfer ends
    }
    watched->wanted = ((what & CURL_POLL_IN) != 0 ? NET_READABLE : 0) |
                      ((what & CURL_POLL_OUT) != 0 ? NET_WRITABLE : 0);
    return ask(watched, watched->wanted) == TIDINGS_OK ? 0 : -1;
}

// ---- the timer ----
// libcurl moves it with every request, nearly always to later: then it is let fire, and goes on.
static void arm(struct http_client *client)
{
    int64_t now_us = clock_mono_us(clock_system());
    int64_t left_us = client->timer_due_us - now_us;
    client->timer_armed_us = client->timer_due_us;
    net_timer_start(client->timer, left_us > 0 ? (left_us + 999) / 1000 : 0);
}

static void timer_fired(void *arg)
{
    struct http_client *client = arg;
    client->timer_armed_us = INT64_MAX;
    if (client->timer_due_us == INT64_MAX) {
        return;
    }
    if (client->timer_due_us > clock_mono_us(clock_system())) {
        arm(client);
        return;
    }
    client->timer_due_us = INT64_MAX; // libcurl says the next one
    act(client, CURL_SOCKET_TIMEOUT, 0);
}

static int on_timer(CURLM *multi, long after_ms, void *arg)
{
    struct http_client *client = arg;
    (void)multi;
    if (after_ms < 0) {
        client->timer_due_us = INT64_MAX;
        return 0;
    }
    client->timer_due_us = clock_mono_us(clock_system()) + (int64_t)after_ms * 1000;
    if (client->timer_due_us < client->timer_armed_us) {
        arm(client);
    }
    return 0;
}

bool sockets_init(struct http_client *client)
{
    CURLM *multi = client->multi;
    client->timer_due_us = INT64_MAX;
    client->timer_armed_us = INT64_MAX;
    return net_timer_new(client->loop, timer_fired, client, &client->timer) == TIDINGS_OK &&
           curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket) == CURLM_OK &&
           curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, client) == CURLM_OK &&
           curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timer) == CURLM_OK &&
           curl_multi_setopt(multi, CURLMOPT_TIMERDATA, client) == CURLM_OK;
}

void sockets_deinit(struct http_client *client)
{
    for (size_t i = 0; i < client->socket_size; i++) {
        drop(client->sockets[i]);
    }
    free(client->sockets);
    net_timer_free(client->timer);
}
