// SPDX-License-Identifier: Apache-2.0
// Connections: accepting, ids, deadlines, slow readers, all ways of ending.
#include "test_net_rig.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>

// ---- many ----
enum { THOUSAND = 1000 };

static void a_thousand_connections(void **state)
{
    (void)state;
    struct rig rig;
    int *fds = calloc(THOUSAND, sizeof *fds);
    assert_non_null(fds);
    rig_init(&rig);
    rig_start(&rig);
    for (int i = 0; i < THOUSAND; i++) {
        fds[i] = rig_connect(&rig);
    }
    for (int round = 0; round < 3; round++) {
        char frame[20];
        size_t size = rig_frame(frame, 16, (uint32_t)round);
        for (int i = 0; i < THOUSAND; i++) {
            rig_send(fds[i], frame, size);
        }
        for (int i = 0; i < THOUSAND; i++) {
            rig_expect(fds[i], frame, size);
        }
    }
    assert_int_equal(rig_stats(&rig).connections, THOUSAND);
    assert_int_equal(rig_stats(&rig).accepted, THOUSAND);
    for (int i = 0; i < THOUSAND; i += 2) {
        close(fds[i]);
    }
    rig_wait(&rig, &rig.closed_with[TIDINGS_E_EOF], THOUSAND / 2);
    rig_ping(fds[1]);
    rig_stop(&rig);
    net_loop_close_all(rig.loop);
    assert_int_equal(rig.closed, THOUSAND);
    assert_int_equal(rig.closed_with[TIDINGS_E_CLOSED], THOUSAND / 2);
    for (int i = 1; i < THOUSAND; i += 2) {
        close(fds[i]);
    }
    rig_deinit(&rig);
    free(fds);
}

static void beyond_the_maximum_a_socket_is_closed(void **state)
{
    (void)state;
    struct rig rig;
    int fds[3];
    rig_init(&rig);
    net_loop_free(rig.loop);
    const struct net_loop_options options = { .clock = &rig.clock, .connections_max = 2 };
    assert_int_equal(net_loop_new(&options, &rig.loop, NULL), TIDINGS_OK);
    rig_start(&rig);
    for (int i = 0; i < 2; i++) {
        fds[i] = rig_connect(&rig);
        rig_ping(fds[i]);
    }
    fds[2] = rig_connect(&rig);
    rig_expect_end(fds[2]);
    assert_int_equal(rig_stats(&rig).refused, 1);
    assert_int_equal(rig_read(&rig, &rig.opened), 2);
    close(fds[2]);
    close(fds[0]);
    rig_wait(&rig, &rig.closed, 1);
    fds[0] = rig_connect(&rig); // room again
    rig_ping(fds[0]);
    close(fds[0]);
    close(fds[1]);
    rig_deinit(&rig);
}

// ---- ids ----
enum { IDS = 300 };

struct ids {
    struct rig rig; // first: the handler's argument
    uint64_t seen[IDS];
    size_t count;
    struct net_conn *conn;
};

static void ids_opened(void *arg, struct net_conn *conn)
{
    struct ids *ids = arg;
    if (ids->count < IDS) {
        ids->seen[ids->count++] = net_conn_id(conn);
    }
    ids->conn = conn;
    assert_null(net_conn_user(conn));
    net_conn_set_user(conn, ids);
    assert_ptr_equal(net_conn_find(ids->rig.loop, net_conn_id(conn)), conn);
    rig_opened(arg, conn);
}

static void ids_closed(void *arg, struct net_conn *conn, tidings_status status)
{
    struct ids *ids = arg;
    assert_ptr_equal(net_conn_user(conn), ids);
    assert_null(net_conn_find(ids->rig.loop, net_conn_id(conn)));
    rig_closed(arg, conn, status);
}

static void check_ids(void *arg)
{
    struct ids *ids = arg;
    assert_int_equal(ids->count, IDS);
    for (size_t i = 0; i < IDS; i++) {
        assert_true(ids->seen[i] != 0);
        for (size_t j = 0; j < i; j++) {
            assert_true(ids->seen[i] != ids->seen[j]);
        }
        struct net_conn *found = net_conn_find(ids->rig.loop, ids->seen[i]);
        assert_ptr_equal(found, i == IDS - 1 ? ids->conn : NULL);
    }
    assert_null(net_conn_find(ids->rig.loop, 0));
    assert_null(net_conn_find(ids->rig.loop, UINT64_MAX));
    assert_null(net_conn_find(ids->rig.loop, 1));
}

static void ids_are_never_used_again(void **state)
{
    (void)state;
    struct ids *ids = calloc(1, sizeof *ids);
    int fd = -1;
    assert_non_null(ids);
    rig_init(&ids->rig);
    ids->rig.handler.opened = ids_opened;
    ids->rig.handler.closed = ids_closed;
    rig_start(&ids->rig);
    for (size_t i = 0; i < IDS; i++) {
        fd = rig_connect(&ids->rig);
        rig_ping(fd);
        if (i < IDS - 1) {
            close(fd);
            rig_wait(&ids->rig, &ids->rig.closed, i + 1);
        }
    }
    rig_call(&ids->rig, check_ids, ids);
    close(fd);
    rig_deinit(&ids->rig);
    free(ids);
}

static void peer_task(void *arg)
{
    struct ids *ids = arg;
    uint8_t address[16];
    char text[64];
    char expected[64];
    int port;
    assert_int_equal(net_conn_peer(ids->conn, address, &port), 4);
    assert_memory_equal(address, "\x7f\x00\x00\x01", 4);
    net_conn_peer_text(ids->conn, text, sizeof text);
    assert_true(snprintf(expected, sizeof expected, "127.0.0.1:%d", (int)ids->seen[0]) > 0);
    assert_string_equal(text, expected);
    assert_int_equal(port, ids->seen[0]);
    net_conn_peer_text(ids->conn, text, 4); // cut, with its end
    assert_string_equal(text, "127");
}

static void the_peer_has_a_name(void **state)
{
    (void)state;
    struct ids *ids = calloc(1, sizeof *ids);
    struct sockaddr_in own;
    socklen_t length = sizeof own;
    assert_non_null(ids);
    rig_init(&ids->rig);
    ids->rig.handler.opened = ids_opened;
    ids->rig.handler.closed = ids_closed;
    rig_start(&ids->rig);
    int fd = rig_connect(&ids->rig);
    rig_wait(&ids->rig, &ids->rig.opened, 1);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&own, &length), 0);
    ids->seen[0] = ntohs(own.sin_port);
    rig_call(&ids->rig, peer_task, ids);
    close(fd);
    rig_deinit(&ids->rig);
    free(ids);
}

// ---- deadlines ----
static void idle_connections_are_closed(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig);
    rig.options.idle_timeout_ms = 600000;
    rig_start(&rig);
    int quiet = rig_connect(&rig);
    int busy = rig_connect(&rig);
    rig_ping(quiet);
    rig_ping(busy);
    rig_advance_ms(&rig, 400000);
    rig_ping(busy);
    rig_advance_ms(&rig, 300000); // 700 s of silence, and 300 s
    rig_expect_end(quiet);
    rig_ping(busy);
    assert_int_equal(rig_read(&rig, &rig.closed), 1);
    assert_int_equal(rig_read(&rig, &rig.closed_with[TIDINGS_E_TIMEOUT]), 1);
    rig_advance_ms(&rig, 10000000);
    rig_expect_end(busy);
    rig_wait(&rig, &rig.closed_with[TIDINGS_E_TIMEOUT], 2);
    close(quiet);
    close(busy);
    rig_deinit(&rig);
}

// Until the loop has read so much.
static void wait_read(struct rig *rig, uint64_t bytes)
{
    while (rig_stats(rig).bytes_in < bytes) {
    }
}

static void slow_senders_are_closed(void **state)
{
    (void)state;
    struct rig rig;
    char frame[20];
    rig_init(&rig);
    rig.options.frame_timeout_ms = 300000;
    rig.options.idle_timeout_ms = 36000000;
    rig_start(&rig);
    int slow = rig_connect(&rig);
    int quiet = rig_connect(&rig);
    rig_ping(slow);
    rig_ping(quiet);
    rig_advance_ms(&rig, 1000000); // between frames there is time
    rig_ping(quiet);
    size_t size = rig_frame(frame, 16, 1);
    for (size_t i = 0; i < 5;
         i++) { // a byte now and then is enough only until the frame's time is over
        rig_send(slow, frame + i, 1);
        wait_read(&rig, 3 * 12 + i + 1);
        rig_advance_ms(&rig, 50000);
    }
    rig_send(slow, frame + 5, size - 5);
    rig_expect(slow, frame, size); // after 250 s
    rig_send(slow, frame, 5);
    wait_read(&rig, 3 * 12 + size + 5);
    rig_advance_ms(&rig, 300000);
    rig_expect_end(slow);
    rig_wait(&rig, &rig.closed_with[TIDINGS_E_TIMEOUT], 1);
    rig_ping(quiet);
    assert_int_equal(rig_read(&rig, &rig.closed), 1);
    close(slow);
    close(quiet);
    rig_deinit(&rig);
}

static void resume_all(void *arg)
{
    net_loop_resume_all(arg);
}

static void pause_all(void *arg)
{
    net_loop_pause_all(arg);
}

static void close_last(void *arg)
{
    net_conn_close(((struct ids *)arg)->conn);
}

// Silence that we caused ourselves is not held against the peer.
static void deadlines_stand_still_while_paused(void **state)
{
    (void)state;
    struct ids *ids = calloc(1, sizeof *ids);
    struct rig *rig = &ids->rig;
    char frame[20];
    assert_non_null(ids);
    rig_init(rig);
    rig->handler.opened = ids_opened;
    rig->handler.closed = ids_closed;
    rig->options.idle_timeout_ms = 600000;
    rig->options.frame_timeout_ms = 300000;
    rig_start(rig);
    int fd = rig_connect(rig);
    int silent = rig_connect(rig);
    rig_ping(silent);
    size_t size = rig_frame(frame, 16, 1);
    rig_send(fd, frame, 7);
    wait_read(rig, 12 + 7);
    rig_call(rig, pause_all, rig->loop);
    rig_send(fd, frame + 7, size - 7);
    int other = rig_connect(rig);
    rig_wait(rig, &rig->opened, 3);
    rig_call(rig, close_last, ids);
    rig_expect_end(other); // and we do not end our side: its going tells that a sweep went by
    rig_advance_ms(rig, 5000000);
    rig_wait(rig, &rig->closed_with[TIDINGS_OK], 1);
    assert_int_equal(rig_read(rig, &rig->closed), 1);
    rig_call(rig, resume_all, rig->loop);
    rig_expect(fd, frame, size);
    rig_advance_ms(rig, 2000); // what stood still is looked at again a second later
    rig_expect_end(silent);    // it had nothing to say in all that time
    rig_wait(rig, &rig->closed_with[TIDINGS_E_TIMEOUT], 1);
    close(fd);
    close(silent);
    close(other);
    rig_deinit(rig);
    free(ids);
}

// ---- output ----
struct flood {
    struct rig rig; // first: the handler's argument
    size_t bytes;   // of each answer
    int answers;
    bool close_after;
    bool abort_after;
    tidings_status last;
};

static void flood_frame(void *arg, struct net_conn *conn, struct str frame)
{
    struct flood *flood = arg;
    char *bytes = malloc(flood->bytes);
    (void)frame;
    assert_non_null(bytes);
    flood->last = TIDINGS_OK;
    for (int i = 0; i < flood->answers && flood->last == TIDINGS_OK; i++) {
        memset(bytes, 'a' + i % 26, flood->bytes);
        flood->last = buf_add(net_conn_out(conn), bytes, flood->bytes);
        if (flood->last == TIDINGS_OK) {
            flood->last = net_conn_flush(conn);
        }
    }
    free(bytes);
    if (flood->close_after) {
        net_conn_close(conn);
        assert_int_equal(net_conn_flush(conn), TIDINGS_E_CLOSED);
        assert_null(net_conn_find(flood->rig.loop, net_conn_id(conn)));
    }
    if (flood->abort_after) {
        net_conn_abort(conn);
        net_conn_abort(conn);
        net_conn_close(conn);
        assert_int_equal(net_conn_flush(conn), TIDINGS_E_CLOSED);
    }
    rig_count(&flood->rig, &flood->rig.frames);
}

static void flood_init(struct flood *flood, size_t bytes, int answers)
{
    *flood = (struct flood){ .bytes = bytes, .answers = answers };
    rig_init(&flood->rig);
    flood->rig.handler.frame = flood_frame;
}

static void expect_flood(int fd, const struct flood *flood)
{
    char *bytes = malloc(flood->bytes);
    assert_non_null(bytes);
    for (int i = 0; i < flood->answers; i++) {
        memset(bytes, 'a' + i % 26, flood->bytes);
        rig_expect(fd, bytes, flood->bytes);
    }
    free(bytes);
}

static void answers_larger_than_the_socket_leave_in_order(void **state)
{
    (void)state;
    struct flood flood;
    char frame[8];
    const int room = 256 * 1024; // the system makes no more of it, however fast this side reads
    flood_init(&flood, 100000, 200);
    rig_start(&flood.rig);
    int fd = rig_socket();
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room), 0);
    rig_connect_socket(&flood.rig, fd);
    for (int i = 0; i < 2; i++) {
        rig_send(fd, frame, rig_frame(frame, 4, 1));
        rig_wait(&flood.rig, &flood.rig.frames, (size_t)i + 1);
        assert_true(rig_stats(&flood.rig).out_waiting > 0);
        expect_flood(fd, &flood);
        while (rig_stats(&flood.rig).out_waiting > 0) { // its end is told a little later
        }
    }
    close(fd);
    rig_wait(&flood.rig, &flood.rig.closed, 1);
    rig_deinit(&flood.rig);
}

static void slow_readers_are_closed(void **state)
{
    (void)state;
    struct flood flood;
    char frame[8];
    flood_init(&flood, 100000, 1000);
    flood.rig.options.out_max = 2 * 1024 * 1024;
    rig_start(&flood.rig);
    int fd = rig_connect(&flood.rig);
    rig_send(fd, frame, rig_frame(frame, 4, 1));
    rig_wait(&flood.rig, &flood.rig.closed_with[TIDINGS_E_FULL], 1);
    assert_int_equal(rig_stats(&flood.rig).out_waiting, 0);
    assert_int_equal(rig_read(&flood.rig, &flood.rig.closed), 1);
    rig_stop(&flood.rig);
    assert_int_equal(flood.last, TIDINGS_E_FULL);
    close(fd);
    rig_deinit(&flood.rig);
}

static void closing_flushes(void **state)
{
    (void)state;
    struct flood flood;
    char frame[8];
    flood_init(&flood, 100000, 150);
    flood.close_after = true;
    rig_start(&flood.rig);
    int fd = rig_connect(&flood.rig);
    rig_send(fd, frame, rig_frame(frame, 4, 1));
    rig_send(fd, frame, rig_frame(frame, 4, 2)); // not looked at any more
    expect_flood(fd, &flood);
    rig_expect_end(fd);
    close(fd);
    rig_wait(&flood.rig, &flood.rig.closed_with[TIDINGS_OK], 1);
    assert_int_equal(rig_read(&flood.rig, &flood.rig.frames), 1);
    rig_deinit(&flood.rig);
}

static void closing_waits_for_a_bounded_time(void **state)
{
    (void)state;
    struct flood flood;
    char frame[8];
    flood_init(&flood, 100000, 150);
    flood.close_after = true;
    rig_start(&flood.rig);
    int full = rig_connect(&flood.rig); // never reads: 5 s for the output
    rig_send(full, frame, rig_frame(frame, 4, 1));
    rig_wait(&flood.rig, &flood.rig.frames, 1);
    (void)rig_stats(&flood.rig);
    rig_advance_ms(&flood.rig, 6000); // with what a sweep is late
    rig_wait(&flood.rig, &flood.rig.closed_with[TIDINGS_E_TIMEOUT], 1);
    int open = rig_connect(&flood.rig); // reads, but never ends its side: 1 s more
    rig_send(open, frame, rig_frame(frame, 4, 1));
    expect_flood(open, &flood);
    rig_expect_end(open);
    rig_advance_ms(&flood.rig, 2000);
    rig_wait(&flood.rig, &flood.rig.closed_with[TIDINGS_OK], 1);
    close(full);
    close(open);
    rig_deinit(&flood.rig);
}

static void aborting_does_not_wait(void **state)
{
    (void)state;
    struct flood flood;
    char frame[16];
    flood_init(&flood, 100000, 150);
    flood.abort_after = true;
    rig_start(&flood.rig);
    int fd = rig_connect(&flood.rig);
    size_t size = rig_frame(frame, 4, 1);
    size += rig_frame(frame + size, 4, 2);
    rig_send(fd, frame, size); // the second one is not delivered
    rig_wait(&flood.rig, &flood.rig.closed_with[TIDINGS_OK], 1);
    assert_int_equal(rig_read(&flood.rig, &flood.rig.frames), 1);
    close(fd);
    rig_deinit(&flood.rig);
}

// The peer ends its own side at once: what it asked before is answered.
static void half_closed_peers_are_answered(void **state)
{
    (void)state;
    struct flood flood;
    char frame[8];
    flood_init(&flood, 100000, 150);
    rig_start(&flood.rig);
    int fd = rig_connect(&flood.rig);
    rig_send(fd, frame, rig_frame(frame, 4, 1));
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    expect_flood(fd, &flood);
    rig_expect_end(fd);
    rig_wait(&flood.rig, &flood.rig.closed_with[TIDINGS_E_EOF], 1);
    close(fd);
    rig_deinit(&flood.rig);
}

// ---- faults ----
static void peers_that_reset_do_no_harm(void **state)
{
    (void)state;
    struct flood flood;
    const struct linger hard = { .l_onoff = 1, .l_linger = 0 };
    char frame[8];
    assert_true(signal(SIGPIPE, SIG_DFL) != SIG_ERR);
    flood_init(&flood, 100000, 150);
    rig_start(&flood.rig);
    for (size_t i = 0; i < 20; i++) {
        int fd = rig_connect(&flood.rig);
        assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard), 0);
        rig_send(fd, frame, rig_frame(frame, 4, 1));
        if (i % 2 == 0) {
            rig_wait(&flood.rig, &flood.rig.frames, i + 1);
        }
        close(fd);
        rig_wait(&flood.rig, &flood.rig.closed, i + 1);
        if (i % 2 != 0) { // the frame may have been lost with the reset
            pthread_mutex_lock(&flood.rig.lock);
            flood.rig.frames = i + 1;
            pthread_mutex_unlock(&flood.rig.lock);
        }
    }
    assert_int_equal(rig_stats(&flood.rig).out_waiting, 0);
    rig_deinit(&flood.rig);
}

static void a_write_that_fails_closes(void **state)
{
    (void)state;
    struct rig rig;
    char frame[12];
    rig_init(&rig);
    assert_int_equal(fault_parse(&rig.fault, "net.write:2", NULL), TIDINGS_OK);
    rig_start(&rig);
    int fd = rig_connect(&rig);
    rig_ping(fd);
    rig_send(fd, frame, rig_frame(frame, 8, 1));
    rig_expect_end(fd);
    rig_wait(&rig, &rig.closed_with[TIDINGS_E_NETWORK], 1);
    int next = rig_connect(&rig);
    rig_ping(next);
    close(fd);
    close(next);
    rig_deinit(&rig);
}

static void accepting_rests_when_it_fails(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig);
    assert_int_equal(fault_parse(&rig.fault, "net.accept:1+2", NULL), TIDINGS_OK);
    rig_start(&rig);
    int fd = rig_connect(&rig);
    rig_ping(fd); // accepted in the third attempt
    assert_int_equal(rig_stats(&rig).refused, 2);
    assert_int_equal(rig_stats(&rig).accepted, 1);
    close(fd);
    rig_deinit(&rig);
}

// The real thing: no descriptor is left, until some are given back.
static void running_out_of_descriptors_passes(void **state)
{
    (void)state;
    enum { FILLERS = 256, CLIENTS = 4 };
    struct rig rig;
    struct rlimit before;
    int fillers[FILLERS];
    int clients[CLIENTS];
    int count = 0;
    rig_init(&rig);
    rig_start(&rig);
    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = rig_socket();
    }
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    int top = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_true(top >= 0 && top < FILLERS - 1);
    struct rlimit low = { .rlim_cur = (rlim_t)top + 1, .rlim_max = before.rlim_max };
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
    while (count < FILLERS && (fillers[count] = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0) {
        count++;
    }
    assert_int_equal(errno, EMFILE);
    for (int i = 0; i < CLIENTS; i++) {
        rig_connect_socket(&rig, clients[i]);
    }
    while (rig_stats(&rig).refused < 2) {
    }
    assert_int_equal(rig_read(&rig, &rig.opened), 0);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    for (int i = 0; i < CLIENTS; i++) {
        rig_ping(clients[i]); // they had only to wait
        close(clients[i]);
    }
    for (int i = 0; i < count; i++) {
        close(fillers[i]);
    }
    close(top);
    rig_deinit(&rig);
}

// ---- one callback ends others ----
struct others {
    struct rig rig; // first: the handler's argument
    struct net_conn *conns[8];
    size_t count;
    int how;
};

static void others_opened(void *arg, struct net_conn *conn)
{
    struct others *others = arg;
    if (others->count < BASE_COUNT(others->conns)) {
        others->conns[others->count++] = conn;
    }
    rig_opened(arg, conn);
}

static void others_frame(void *arg, struct net_conn *conn, struct str frame)
{
    struct others *others = arg;
    rig_count(&others->rig, &others->rig.frames);
    for (size_t i = 0; i < others->count; i++) {
        struct net_conn *other = others->conns[i];
        switch ((others->how + (int)i) % 4) {
        case 0: net_conn_abort(other); break;
        case 1:
            (void)rig_write(other, frame.ptr, frame.len);
            net_conn_close(other);
            break;
        case 2:
            net_conn_pause(other);
            net_conn_resume(other);
            net_conn_close(other);
            break;
        default:
            net_conn_pause(other);
            net_conn_abort(other);
            break;
        }
    }
    others->count = 0;
    net_conn_pause(conn); // closed or not
    net_conn_resume(conn);
    (void)rig_write(conn, frame.ptr, frame.len);
}

static void a_callback_may_end_any_connection(void **state)
{
    (void)state;
    for (int how = 0; how < 4; how++) {
        struct others others = { .how = how };
        int fds[8];
        char frames[48];
        size_t size = 0;
        rig_init(&others.rig);
        others.rig.handler.opened = others_opened;
        others.rig.handler.frame = others_frame;
        rig_start(&others.rig);
        for (size_t i = 0; i < 4; i++) {
            size += rig_frame(frames + size, 8, (uint32_t)i);
        }
        for (size_t i = 0; i < 8; i++) {
            fds[i] = rig_connect(&others.rig);
        }
        rig_wait(&others.rig, &others.rig.opened, 8);
        for (size_t i = 0; i < 8; i++) { // each has frames of its own on the way
            ssize_t sent = send(fds[i], frames, size, MSG_NOSIGNAL);
            assert_true(sent > 0 || errno == EPIPE || errno == ECONNRESET);
        }
        for (size_t i = 0; i < 8; i++) {
            assert_int_equal(shutdown(fds[i], SHUT_WR) != 0 && errno != ENOTCONN, 0);
        }
        rig_wait(&others.rig, &others.rig.closed, 8);
        for (size_t i = 0; i < 8; i++) {
            close(fds[i]);
        }
        rig_deinit(&others.rig);
    }
}

// ---- listening ----
// A free port below those that the system gives to whoever asks for any: one that was let go is
// not somebody's a moment later.
static int port_of_ours(void)
{
    struct rnd rnd;
    rnd_seed_system(&rnd);
    for (int i = 0; i < 1000; i++) {
        struct sockaddr_in address = { .sin_family = AF_INET,
                                       .sin_port =
                                           htons((uint16_t)(20000 + rnd_below(&rnd, 12000))),
                                       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        int fd = rig_socket();
        bool is_free = bind(fd, (struct sockaddr *)&address, sizeof address) == 0;
        close(fd);
        if (is_free) {
            return ntohs(address.sin_port);
        }
    }
    fail_msg("none of 1000 ports is free");
    return 0;
}

static void a_used_port_is_a_clear_error(void **state)
{
    (void)state;
    struct rig rig;
    struct tidings_error err = { 0 };
    struct net_listener *second = NULL;
    char port[16];
    rig_init(&rig);
    rig.port = port_of_ours();
    rig_start(&rig);
    rig_stop(&rig);
    assert_true(rig.port > 0);
    assert_int_equal(net_listen(rig.loop, "127.0.0.1", rig.port, &rig.handler, &rig, &rig.options,
                                &second, &err),
                     TIDINGS_E_NETWORK);
    assert_null(second);
    assert_int_equal(err.os_errno, EADDRINUSE);
    assert_true(snprintf(port, sizeof port, "%d", rig.port) > 0);
    assert_non_null(strstr(err.text, "127.0.0.1"));
    assert_non_null(strstr(err.text, port));
    assert_non_null(strstr(err.text, "choose another port"));
    int same = rig.port;
    net_listener_close(rig.listener);
    assert_int_equal(
        net_listen(rig.loop, "127.0.0.1", same, &rig.handler, &rig, &rig.options, &second, &err),
        TIDINGS_OK); // free as soon as it is closed
    assert_int_equal(net_listener_port(second), same);
    rig_deinit(&rig);
}

static void wrong_addresses_are_told(void **state)
{
    (void)state;
    static const struct {
        const char *host;
        int port;
        tidings_status status;
    } cases[] = {
        { "localhost", 0, TIDINGS_E_INVALID },     { "", 0, TIDINGS_E_INVALID },
        { "127.0.0.1", 65536, TIDINGS_E_INVALID }, { "127.0.0.1", -1, TIDINGS_E_INVALID },
        { "127.0.0.1.5", 80, TIDINGS_E_INVALID },  { "203.0.113.7", 0, TIDINGS_E_NETWORK },
    };
    struct rig rig;
    rig_init(&rig);
    for (size_t i = 0; i < BASE_COUNT(cases); i++) {
        struct tidings_error err = { 0 };
        struct net_listener *listener = NULL;
        assert_int_equal(net_listen(rig.loop, cases[i].host, cases[i].port, &rig.handler, &rig,
                                    &rig.options, &listener, &err),
                         cases[i].status);
        assert_null(listener);
        assert_non_null(strstr(err.text, cases[i].host));
    }
    rig_deinit(&rig);
}

static void close_listener(void *arg)
{
    struct rig *rig = arg;
    net_listener_close(rig->listener);
    net_listener_close(NULL);
}

static void closing_the_listener_leaves_its_connections(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig);
    rig_start(&rig);
    int fd = rig_connect(&rig);
    rig_ping(fd);
    rig_call(&rig, close_listener, &rig);
    rig_ping(fd);
    close(fd);
    rig_wait(&rig, &rig.closed, 1);
    rig_deinit(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(running_out_of_descriptors_passes),
        cmocka_unit_test(a_thousand_connections),
        cmocka_unit_test(beyond_the_maximum_a_socket_is_closed),
        cmocka_unit_test(ids_are_never_used_again),
        cmocka_unit_test(the_peer_has_a_name),
        cmocka_unit_test(idle_connections_are_closed),
        cmocka_unit_test(slow_senders_are_closed),
        cmocka_unit_test(deadlines_stand_still_while_paused),
        cmocka_unit_test(answers_larger_than_the_socket_leave_in_order),
        cmocka_unit_test(slow_readers_are_closed),
        cmocka_unit_test(closing_flushes),
        cmocka_unit_test(closing_waits_for_a_bounded_time),
        cmocka_unit_test(aborting_does_not_wait),
        cmocka_unit_test(half_closed_peers_are_answered),
        cmocka_unit_test(peers_that_reset_do_no_harm),
        cmocka_unit_test(a_write_that_fails_closes),
        cmocka_unit_test(accepting_rests_when_it_fails),
        cmocka_unit_test(a_callback_may_end_any_connection),
        cmocka_unit_test(a_used_port_is_a_clear_error),
        cmocka_unit_test(wrong_addresses_are_told),
        cmocka_unit_test(closing_the_listener_leaves_its_connections),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
