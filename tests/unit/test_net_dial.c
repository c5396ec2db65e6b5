// SPDX-License-Identifier: Apache-2.0
// Dialling: by number and by name, and all the ways in which it fails.
#include "test_net_rig.h"

// A client of the same loop: sends a frame when it is open and counts what comes back.
struct caller {
    struct rig *rig;
    struct net_handler handler;
    struct net_conn_options options;
    struct net_conn *conn;
    tidings_status dialled;
    const char *host;
    int port;
    bool write_early;
    bool abort_at_once;
    bool close_in_opened;
    bool dial_again; // in `closed`
    // under rig->lock
    size_t opened;
    size_t frames;
    size_t closed;
    tidings_status status;
};

static const char hello[8] = { 0, 0, 0, 4, 't', 'i', 'd', 'e' };

static void caller_opened(void *arg, struct net_conn *conn)
{
    struct caller *caller = arg;
    uint8_t address[16];
    int port;
    assert_ptr_equal(conn, caller->conn);
    assert_true(net_conn_peer(conn, address, &port) > 0);
    assert_int_equal(port, caller->port);
    if (caller->close_in_opened) {
        net_conn_close(conn);
    } else if (!caller->write_early) {
        assert_true(rig_write(conn, hello, sizeof hello));
    }
    rig_count(caller->rig, &caller->opened);
}

static void caller_frame(void *arg, struct net_conn *conn, struct str frame)
{
    struct caller *caller = arg;
    (void)conn;
    assert_true(str_eq(frame, str_make(hello, sizeof hello)));
    rig_count(caller->rig, &caller->frames);
}

static void caller_dial(void *arg)
{
    struct caller *caller = arg;
    caller->conn = NULL;
    caller->dialled = net_dial(caller->rig->loop, caller->host, caller->port, &caller->handler,
                               caller, &caller->options, &caller->conn, NULL);
    if (caller->dialled != TIDINGS_OK) {
        return;
    }
    assert_non_null(caller->conn);
    if (caller->write_early) {
        assert_true(rig_write(caller->conn, hello, sizeof hello));
    }
    if (caller->abort_at_once) {
        net_conn_abort(caller->conn);
    }
}

static void caller_closed(void *arg, struct net_conn *conn, tidings_status status)
{
    struct caller *caller = arg;
    assert_ptr_equal(conn, caller->conn);
    pthread_mutex_lock(&caller->rig->lock);
    caller->status = status;
    pthread_mutex_unlock(&caller->rig->lock);
    if (caller->dial_again) {
        caller_dial(caller);
    }
    rig_count(caller->rig, &caller->closed);
}

static void caller_init(struct caller *caller, struct rig *rig, const char *host, int port)
{
    *caller = (struct caller){
        .rig = rig,
        .handler = { rig_measure, caller_frame, caller_opened, caller_closed },
        .options = { .frame_max = 1000, .out_max = 1000, .connect_timeout_ms = 600000 },
        .host = host,
        .port = port,
    };
}

static void hang_up(void *arg)
{
    net_conn_close(((struct caller *)arg)->conn);
}

static void call_and_hang_up(const char *host, bool write_early)
{
    struct rig rig;
    struct caller caller;
    rig_init(&rig);
    rig_start(&rig);
    caller_init(&caller, &rig, host, rig.port);
    caller.write_early = write_early;
    rig_call(&rig, caller_dial, &caller);
    assert_int_equal(caller.dialled, TIDINGS_OK);
    rig_wait(&rig, &caller.frames, 1);
    rig_call(&rig, hang_up, &caller);
    rig_wait(&rig, &caller.closed, 1);
    assert_int_equal(caller.status, TIDINGS_OK);
    assert_int_equal(rig_read(&rig, &caller.opened), 1);
    rig_wait(&rig, &rig.closed_with[TIDINGS_E_EOF], 1);
    rig_deinit(&rig);
}

static void by_number(void **state)
{
    (void)state;
    call_and_hang_up("127.0.0.1", false);
}

// localhost may be ::1 first, where nobody listens.
static void by_name(void **state)
{
    (void)state;
    call_and_hang_up("localhost", false);
}

static void what_is_written_early_leaves_when_open(void **state)
{
    (void)state;
    call_and_hang_up("127.0.0.1", true);
    call_and_hang_up("localhost", true);
}

// A port that is held by sockets which do not listen: who calls there is refused, and nobody else
// can take it meanwhile.
struct held_port {
    int port;
    int v4;
    int v6; // -1: there is no IPv6
};

// False when somebody else has the port there.
static bool hold_v6(struct held_port *held)
{
    const int on = 1;
    const struct sockaddr_in6 address = { .sin6_family = AF_INET6,
                                          .sin6_port = htons((uint16_t)held->port),
                                          .sin6_addr = IN6ADDR_LOOPBACK_INIT };
    held->v6 = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (held->v6 < 0) {
        return true;
    }
    assert_int_equal(setsockopt(held->v6, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on), 0);
    if (bind(held->v6, (const struct sockaddr *)&address, sizeof address) == 0) {
        return true;
    }
    bool is_taken = errno == EADDRINUSE;
    close(held->v6);
    held->v6 = -1;
    return !is_taken;
}

static void let_port_go(const struct held_port *held)
{
    close(held->v4);
    if (held->v6 >= 0) {
        close(held->v6);
    }
}

static struct held_port hold_port(void)
{
    struct held_port held = { .v6 = -1 };
    for (int i = 0; i < 100; i++) {
        struct sockaddr_in address = { .sin_family = AF_INET,
                                       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        socklen_t length = sizeof address;
        held.v4 = rig_socket();
        assert_int_equal(bind(held.v4, (struct sockaddr *)&address, sizeof address), 0);
        assert_int_equal(getsockname(held.v4, (struct sockaddr *)&address, &length), 0);
        held.port = ntohs(address.sin_port);
        if (hold_v6(&held)) {
            return held;
        }
        let_port_go(&held);
    }
    fail_msg("no port is free in both families");
    return held;
}

static void fails(const char *host, int port, tidings_status expected)
{
    struct rig rig;
    struct caller caller;
    rig_init(&rig);
    rig_start(&rig);
    caller_init(&caller, &rig, host, port);
    rig_call(&rig, caller_dial, &caller);
    assert_int_equal(caller.dialled, TIDINGS_OK);
    rig_wait(&rig, &caller.closed, 1);
    assert_int_equal(caller.status, expected);
    assert_int_equal(caller.opened, 0);
    assert_int_equal(rig_stats(&rig).connections, 0);
    rig_deinit(&rig);
}

static void refused(void **state)
{
    (void)state;
    struct held_port held = hold_port();
    fails("127.0.0.1", held.port, TIDINGS_E_NETWORK);
    fails("localhost", held.port, TIDINGS_E_NETWORK);
    fails("::1", held.port, TIDINGS_E_NETWORK);
    let_port_go(&held);
}

static void names_that_cannot_be(void **state)
{
    (void)state;
    fails("a-label-of-more-than-sixty-three-characters-which-no-name-server-can-know.example", 80,
          TIDINGS_E_NETWORK);
    fails("", 80, TIDINGS_E_NETWORK);
}

static void wrong_ports_are_refused_at_once(void **state)
{
    (void)state;
    static const int ports[] = { 0, -1, 65536 };
    struct rig rig;
    struct caller caller;
    rig_init(&rig);
    for (size_t i = 0; i < BASE_COUNT(ports); i++) {
        caller_init(&caller, &rig, "127.0.0.1", ports[i]);
        caller_dial(&caller);
        assert_int_equal(caller.dialled, TIDINGS_E_INVALID);
    }
    rig_deinit(&rig);
}

// A listening socket whose queue is full leaves further callers without an answer.
static void no_answer_in_time(void **state)
{
    (void)state;
    enum { FILLERS = 8 };
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t length = sizeof address;
    struct rig rig;
    struct caller caller;
    int fillers[FILLERS];
    int deaf = rig_socket();
    assert_int_equal(bind(deaf, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(deaf, 0), 0);
    assert_int_equal(getsockname(deaf, (struct sockaddr *)&address, &length), 0);
    for (int i = 0; i < FILLERS; i++) {
        fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        assert_true(fillers[i] >= 0);
        int result = connect(fillers[i], (struct sockaddr *)&address, sizeof address);
        assert_true(result == 0 || errno == EINPROGRESS);
    }
    rig_init(&rig);
    rig_start(&rig);
    caller_init(&caller, &rig, "127.0.0.1", ntohs(address.sin_port));
    rig_call(&rig, caller_dial, &caller);
    assert_int_equal(rig_stats(&rig).connections, 1);
    rig_advance_ms(&rig, 600001);
    rig_wait(&rig, &caller.closed, 1);
    assert_int_equal(caller.status, TIDINGS_E_TIMEOUT);
    assert_int_equal(caller.opened, 0);
    rig_call(&rig, caller_dial, &caller); // and one that is given up
    rig_call(&rig, hang_up, &caller);
    rig_wait(&rig, &caller.closed, 2);
    assert_int_equal(caller.status, TIDINGS_OK);
    rig_call(&rig, caller_dial, &caller); // and one at the end of the loop
    rig_stop(&rig);
    net_loop_close_all(rig.loop);
    assert_int_equal(caller.closed, 3);
    assert_int_equal(caller.status, TIDINGS_E_CLOSED);
    for (int i = 0; i < FILLERS; i++) {
        close(fillers[i]);
    }
    close(deaf);
    rig_deinit(&rig);
}

static void given_up_at_once(void **state)
{
    (void)state;
    static const char *const hosts[] = { "127.0.0.1", "localhost" };
    for (size_t i = 0; i < BASE_COUNT(hosts); i++) {
        struct rig rig;
        struct caller caller;
        rig_init(&rig);
        rig_start(&rig);
        caller_init(&caller, &rig, hosts[i], rig.port);
        caller.abort_at_once = true;
        for (size_t n = 1; n <= 50; n++) {
            rig_call(&rig, caller_dial, &caller);
            rig_wait(&rig, &caller.closed, n);
        }
        assert_int_equal(caller.opened, 0);
        assert_int_equal(caller.status, TIDINGS_OK);
        caller.abort_at_once = false;
        caller.close_in_opened = true;
        rig_call(&rig, caller_dial, &caller);
        rig_wait(&rig, &caller.closed, 51);
        assert_int_equal(caller.opened, 1);
        assert_int_equal(caller.status, TIDINGS_OK);
        rig_deinit(&rig);
    }
}

// Who always calls again does not keep the loop from ending.
static void the_end_of_the_loop_refuses_new_calls(void **state)
{
    (void)state;
    struct rig rig;
    struct caller caller;
    rig_init(&rig);
    rig_start(&rig);
    caller_init(&caller, &rig, "127.0.0.1", rig.port);
    caller.dial_again = true;
    rig_call(&rig, caller_dial, &caller);
    rig_wait(&rig, &caller.frames, 1);
    rig_stop(&rig);
    net_loop_close_all(rig.loop);
    assert_int_equal(caller.closed, 1);
    assert_int_equal(caller.status, TIDINGS_E_CLOSED);
    assert_int_equal(caller.dialled, TIDINGS_E_CLOSED);
    rig_deinit(&rig);
}

static void calls_count_as_connections(void **state)
{
    (void)state;
    struct rig rig;
    struct caller callers[3];
    rig_init(&rig);
    net_loop_free(rig.loop);
    const struct net_loop_options options = { .clock = &rig.clock, .connections_max = 2 };
    assert_int_equal(net_loop_new(&options, &rig.loop, NULL), TIDINGS_OK);
    for (size_t i = 0; i < 3; i++) {
        caller_init(&callers[i], &rig, "127.0.0.1", 1);
        caller_dial(&callers[i]);
    }
    assert_int_equal(callers[0].dialled, TIDINGS_OK);
    assert_int_equal(callers[1].dialled, TIDINGS_OK);
    assert_int_equal(callers[2].dialled, TIDINGS_E_FULL);
    rig_deinit(&rig);
    assert_int_equal(callers[0].closed + callers[1].closed, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_number),
        cmocka_unit_test(by_name),
        cmocka_unit_test(what_is_written_early_leaves_when_open),
        cmocka_unit_test(refused),
        cmocka_unit_test(names_that_cannot_be),
        cmocka_unit_test(wrong_ports_are_refused_at_once),
        cmocka_unit_test(no_answer_in_time),
        cmocka_unit_test(given_up_at_once),
        cmocka_unit_test(the_end_of_the_loop_refuses_new_calls),
        cmocka_unit_test(calls_count_as_connections),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
