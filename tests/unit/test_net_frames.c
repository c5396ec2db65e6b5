// SPDX-License-Identifier: Apache-2.0
// Frames cut anywhere, frames in heaps, frames that cannot be; pausing.
#include "test_net_rig.h"

static void frames_split_at_every_byte(void **state)
{
    (void)state;
    struct rig rig;
    char bytes[64];
    rig_init(&rig);
    rig_start(&rig);
    int fd = rig_connect(&rig);
    size_t size = rig_frame(bytes, 9, 1);
    size += rig_frame(bytes + size, 0, 2);
    size += rig_frame(bytes + size, 14, 3);
    for (size_t cut = 1; cut < size; cut++) {
        rig_send(fd, bytes, cut);
        struct net_loop_stats stats = rig_stats(&rig); // a turn passes between the pieces
        assert_true(stats.bytes_in <= cut + (cut - 1) * size);
        rig_send(fd, bytes + cut, size - cut);
        rig_expect(fd, bytes, size);
    }
    for (size_t i = 0; i < size; i++) { // and byte by byte
        rig_send(fd, bytes + i, 1);
        (void)rig_stats(&rig);
    }
    rig_expect(fd, bytes, size);
    assert_int_equal(rig_read(&rig, &rig.frames), 3 * size);
    struct net_loop_stats stats = rig_stats(&rig);
    assert_int_equal(stats.bytes_in, size * size);
    assert_int_equal(stats.bytes_out, size * size);
    assert_int_equal(stats.out_waiting, 0);
    close(fd);
    rig_wait(&rig, &rig.closed_with[TIDINGS_E_EOF], 1);
    rig_deinit(&rig);
}

enum { MANY = 20000 };

static void *send_thread(void *arg)
{
    const struct str *bytes = arg;
    int fd;
    memcpy(&fd, bytes->ptr, sizeof fd);
    rig_send(fd, bytes->ptr + sizeof fd, bytes->len - sizeof fd);
    return NULL;
}

// Sends from another thread while this one receives: neither side may wait for the other.
static void send_and_expect(int fd, char *bytes_behind_fd, size_t len)
{
    pthread_t thread;
    struct str job = { bytes_behind_fd, len + sizeof fd };
    memcpy(bytes_behind_fd, &fd, sizeof fd);
    assert_int_equal(pthread_create(&thread, NULL, send_thread, &job), 0);
    rig_expect(fd, bytes_behind_fd + sizeof fd, len);
    pthread_join(thread, NULL);
}

static void many_frames_in_one_write(void **state)
{
    (void)state;
    struct rig rig;
    char *bytes = malloc(sizeof(int) + (size_t)MANY * 40);
    size_t size = 0;
    assert_non_null(bytes);
    for (uint32_t i = 0; i < MANY; i++) {
        size += rig_frame(bytes + sizeof(int) + size, i % 37, i);
    }
    rig_init(&rig);
    rig_start(&rig);
    int fd = rig_connect(&rig);
    send_and_expect(fd, bytes, size);
    assert_int_equal(rig_read(&rig, &rig.frames), MANY);
    close(fd);
    rig_deinit(&rig);
    free(bytes);
}

static void large_frames_between_small_ones(void **state)
{
    (void)state;
    static const uint32_t sizes[] = { 5,      300000, 1,      262140, 262144, 3, 4 * 1024 * 1024,
                                      262139, 0,      131072, 65536,  7 };
    struct rig rig;
    char *bytes = malloc(8 * 1024 * 1024);
    size_t size = 0;
    assert_non_null(bytes);
    for (uint32_t i = 0; i < BASE_COUNT(sizes); i++) {
        size += rig_frame(bytes + sizeof(int) + size, sizes[i], i);
    }
    rig_init(&rig);
    rig_start(&rig);
    int fd = rig_connect(&rig);
    send_and_expect(fd, bytes, size);
    assert_int_equal(rig_read(&rig, &rig.frames), BASE_COUNT(sizes));
    close(fd);
    rig_deinit(&rig);
    free(bytes);
}

// ---- frames without a length in front: the end is found by looking ----
static size_t measure_line(void *arg, const char *bytes, size_t have)
{
    (void)arg;
    const char *end = memchr(bytes, '\n', have);
    return end != NULL ? (size_t)(end - bytes) + 1 : 0;
}

static void sizes_known_only_at_the_end(void **state)
{
    (void)state;
    struct rig rig;
    char bytes[3000];
    rig_init(&rig);
    rig.handler.measure = measure_line;
    rig.options.frame_max = 1000;
    rig_start(&rig);
    int fd = rig_connect(&rig);
    memset(bytes, 'x', sizeof bytes);
    for (size_t i = 9; i < sizeof bytes; i += 10) {
        bytes[i] = '\n';
    }
    for (size_t cut = 1; cut < 40; cut++) {
        rig_send(fd, bytes, cut);
        (void)rig_stats(&rig);
        rig_send(fd, bytes + cut, sizeof bytes - cut);
        rig_expect(fd, bytes, sizeof bytes);
    }
    memset(bytes, 'x', sizeof bytes); // a line that is too long, in pieces
    rig_send(fd, bytes, 900);
    (void)rig_stats(&rig);
    rig_send(fd, bytes, 101);
    rig_expect_end(fd);
    close(fd);
    rig_wait(&rig, &rig.closed_with[TIDINGS_E_PROTOCOL], 1);
    rig_deinit(&rig);
}

// ---- refused ----
static void refused_frame(uint32_t length, size_t whole_before)
{
    struct rig rig;
    char bytes[64];
    size_t size = 0;
    rig_init(&rig);
    rig.options.frame_max = 20;
    rig_start(&rig);
    int fd = rig_connect(&rig);
    for (size_t i = 0; i < whole_before; i++) {
        size += rig_frame(bytes + size, 4, (uint32_t)i);
    }
    num_store_be32(bytes + size, length);
    rig_send(fd, bytes, size + 4);
    rig_expect(fd, bytes, size); // what was good is answered
    rig_expect_end(fd);
    close(fd);
    rig_wait(&rig, &rig.closed_with[TIDINGS_E_PROTOCOL], 1);
    assert_int_equal(rig.frames, whole_before);
    rig_deinit(&rig);
}

static void frames_that_cannot_be_end_the_connection(void **state)
{
    (void)state;
    refused_frame(17, 0); // 21 bytes together
    refused_frame(17, 3);
    refused_frame(UINT32_MAX, 0);
    refused_frame(UINT32_MAX, 2);
    refused_frame(UINT32_MAX - 1, 1);
}

// The peer goes on sending after its wrong frame: it still gets the answers before it.
static void answers_survive_what_comes_after_a_wrong_frame(void **state)
{
    (void)state;
    struct rig rig;
    char *bytes = calloc(1, 1024 * 1024);
    assert_non_null(bytes);
    rig_init(&rig);
    rig.options.frame_max = 100;
    rig_start(&rig);
    int fd = rig_connect(&rig);
    size_t size = rig_frame(bytes, 16, 5);
    num_store_be32(bytes + size, 500000);
    rig_send(fd, bytes, 1024 * 1024);
    rig_expect(fd, bytes, size);
    rig_expect_end(fd);
    close(fd);
    rig_wait(&rig, &rig.closed_with[TIDINGS_E_PROTOCOL], 1);
    rig_deinit(&rig);
    free(bytes);
}

// ---- pausing ----
struct pausing {
    struct rig rig; // first: the handler's argument
    struct net_conn *conn;
    uint32_t next;
    bool in_order;
    int pause_at; // this frame's handling pauses, -1 = none
    bool all;
};

static void pausing_opened(void *arg, struct net_conn *conn)
{
    struct pausing *pausing = arg;
    pausing->conn = conn;
    rig_opened(arg, conn);
}

static void pausing_frame(void *arg, struct net_conn *conn, struct str frame)
{
    struct pausing *pausing = arg;
    uint32_t number = num_load_be32(frame.ptr + 4);
    pausing->in_order = pausing->in_order && number == pausing->next;
    pausing->next++;
    if ((int)number == pausing->pause_at) {
        if (pausing->all) {
            net_loop_pause_all(pausing->rig.loop);
        } else {
            net_conn_pause(conn);
        }
    }
    rig_count(&pausing->rig, &pausing->rig.frames);
}

static void pausing_resume(void *arg)
{
    struct pausing *pausing = arg;
    size_t before = pausing->rig.frames;
    if (pausing->all) {
        net_loop_resume_all(pausing->rig.loop);
    } else {
        net_conn_resume(pausing->conn);
    }
    assert_int_equal(pausing->rig.frames, before); // delivered later, not in this call
}

static void pausing_init(struct pausing *pausing, bool all)
{
    *pausing = (struct pausing){ .in_order = true, .pause_at = -1, .all = all };
    rig_init(&pausing->rig);
    pausing->rig.handler.opened = pausing_opened;
    pausing->rig.handler.frame = pausing_frame;
}

static void send_numbers(int fd, uint32_t from, uint32_t count)
{
    for (uint32_t i = from; i < from + count; i++) {
        char frame[8];
        num_store_be32(frame, 4);
        num_store_be32(frame + 4, i);
        rig_send(fd, frame, sizeof frame);
    }
}

static void pause_again_at(void *arg)
{
    struct pausing *pausing = arg;
    pausing->pause_at = 30;
}

static void pauses_and_goes_on(bool all)
{
    struct pausing pausing;
    char bytes[50 * 8 + 4];
    pausing_init(&pausing, all);
    pausing.pause_at = 10;
    rig_start(&pausing.rig);
    int fd = rig_connect(&pausing.rig);
    for (uint32_t i = 0; i < 50; i++) {
        num_store_be32(bytes + i * 8, 4);
        num_store_be32(bytes + i * 8 + 4, i);
    }
    num_store_be32(bytes + 400, 4); // and three bytes of the 51st, which only look like it
    rig_send(fd, bytes, 403);
    rig_wait(&pausing.rig, &pausing.rig.frames, 11);
    for (int i = 0; i < 5; i++) { // turns pass, nothing is delivered
        (void)rig_stats(&pausing.rig);
    }
    assert_int_equal(rig_read(&pausing.rig, &pausing.rig.frames), 11);
    rig_call(&pausing.rig, pause_again_at, &pausing); // while it goes on it is paused again
    rig_call(&pausing.rig, pausing_resume, &pausing);
    rig_wait(&pausing.rig, &pausing.rig.frames, 31);
    for (int i = 0; i < 5; i++) {
        (void)rig_stats(&pausing.rig);
    }
    assert_int_equal(rig_read(&pausing.rig, &pausing.rig.frames), 31);
    char rest[5];
    rest[0] = 4; // the last byte of the length, then the number
    num_store_be32(rest + 1, 50);
    rig_send(fd, rest, 5);
    send_numbers(fd, 51, 49);
    rig_call(&pausing.rig, pausing_resume, &pausing);
    rig_wait(&pausing.rig, &pausing.rig.frames, 100);
    rig_stop(&pausing.rig);
    assert_true(pausing.in_order);
    close(fd);
    rig_deinit(&pausing.rig);
}

static void pausing_one_keeps_order(void **state)
{
    (void)state;
    pauses_and_goes_on(false);
}

static void pausing_all_keeps_order(void **state)
{
    (void)state;
    pauses_and_goes_on(true);
}

static void pause_all(void *arg)
{
    net_loop_pause_all(((struct pausing *)arg)->rig.loop);
}

static void pause_one(void *arg)
{
    net_conn_pause(((struct pausing *)arg)->conn);
}

static void resume_one(void *arg)
{
    net_conn_resume(((struct pausing *)arg)->conn);
}

// Both kinds of pause must end before the connection is read from; a connection accepted meanwhile
// waits too.
static void both_pauses_count(void **state)
{
    (void)state;
    struct pausing pausing;
    pausing_init(&pausing, true);
    rig_start(&pausing.rig);
    rig_call(&pausing.rig, pause_all, &pausing);
    int fd = rig_connect(&pausing.rig);
    rig_wait(&pausing.rig, &pausing.rig.opened, 1);
    send_numbers(fd, 0, 5);
    (void)rig_stats(&pausing.rig);
    (void)rig_stats(&pausing.rig);
    assert_int_equal(rig_stats(&pausing.rig).bytes_in, 0);
    rig_call(&pausing.rig, pause_one, &pausing);
    rig_call(&pausing.rig, pausing_resume, &pausing);
    (void)rig_stats(&pausing.rig);
    assert_int_equal(rig_stats(&pausing.rig).bytes_in, 0);
    rig_call(&pausing.rig, pause_all, &pausing);
    rig_call(&pausing.rig, resume_one, &pausing);
    (void)rig_stats(&pausing.rig);
    assert_int_equal(rig_stats(&pausing.rig).bytes_in, 0);
    rig_call(&pausing.rig, pausing_resume, &pausing);
    rig_wait(&pausing.rig, &pausing.rig.frames, 5);
    rig_stop(&pausing.rig);
    assert_true(pausing.in_order);
    close(fd);
    rig_deinit(&pausing.rig);
}

// A paused connection is closed by us, and by the loop's end, with frames still waiting.
static void paused_connections_can_be_closed(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct pausing pausing;
        pausing_init(&pausing, i == 1);
        pausing.pause_at = 1;
        rig_start(&pausing.rig);
        int fd = rig_connect(&pausing.rig);
        send_numbers(fd, 0, 200);
        rig_wait(&pausing.rig, &pausing.rig.frames, 2);
        rig_stop(&pausing.rig);
        if (i == 0) {
            net_conn_abort(pausing.conn);
        }
        net_loop_close_all(pausing.rig.loop);
        assert_int_equal(pausing.rig.closed, 1);
        assert_int_equal(pausing.rig.frames, 2);
        close(fd);
        rig_deinit(&pausing.rig);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_split_at_every_byte),
        cmocka_unit_test(many_frames_in_one_write),
        cmocka_unit_test(large_frames_between_small_ones),
        cmocka_unit_test(sizes_known_only_at_the_end),
        cmocka_unit_test(frames_that_cannot_be_end_the_connection),
        cmocka_unit_test(answers_survive_what_comes_after_a_wrong_frame),
        cmocka_unit_test(pausing_one_keeps_order),
        cmocka_unit_test(pausing_all_keeps_order),
        cmocka_unit_test(both_pauses_count),
        cmocka_unit_test(paused_connections_can_be_closed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
