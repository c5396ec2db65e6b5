// SPDX-License-Identifier: Apache-2.0
// Incomplete frames of many connections: bounded together, and nobody waits for ever.
#include "test_net_rig.h"

enum { COUNT = 8, BODY = 1 << 20, LAST = 100 * 1024, TOTAL = 3 << 20 };

static char frame[BODY + 4];

// All but the end of a frame, from each.
static void begin_all(const struct rig *rig, int *sockets)
{
    size_t size = rig_frame(frame, BODY, 1);
    for (int i = 0; i < COUNT; i++) {
        sockets[i] = rig_connect(rig);
        rig_send(sockets[i], frame, size - LAST);
    }
}

static void close_all(const int *sockets)
{
    for (int i = 0; i < COUNT; i++) {
        close(sockets[i]);
    }
}

// Waits until more than `bytes` are kept.
static void wait_kept(struct rig *rig, size_t bytes)
{
    const struct timespec moment = { 0, 1000000 };
    for (int i = 0; i < RIG_WAIT_S * 1000 && rig_stats(rig).in_waiting <= bytes; i++) {
        nanosleep(&moment, NULL);
    }
    assert_true(rig_stats(rig).in_waiting > bytes);
}

// More than there is room for: each gets its answer, one after the other.
static void all_frames_are_finished(void **state)
{
    struct rig rig;
    int sockets[COUNT];
    (void)state;
    rig_init_room(&rig, TOTAL);
    rig_start(&rig);
    begin_all(&rig, sockets);
    wait_kept(&rig, TOTAL);
    // What fits, one that goes on without room, and what the last read of each brought.
    assert_true(rig_stats(&rig).in_waiting < TOTAL + 2 * BODY + COUNT * 512 * 1024);
    for (int i = COUNT - 1; i >= 0; i--) {
        rig_send(sockets[i], frame + sizeof frame - LAST, LAST);
    }
    for (int i = 0; i < COUNT; i++) {
        rig_expect(sockets[i], frame, sizeof frame);
    }
    assert_int_equal(rig_stats(&rig).in_waiting, 0);
    close_all(sockets);
    rig_deinit(&rig);
}

// Small frames are taken whatever others keep; the silent make room for the large ones.
static void the_silent_make_room(void **state)
{
    struct rig rig;
    int sockets[COUNT];
    (void)state;
    rig_init_room(&rig, TOTAL);
    rig.options.idle_timeout_ms = 600 * 1000;
    rig_start(&rig);
    begin_all(&rig, sockets);
    wait_kept(&rig, TOTAL);
    int other = rig_connect(&rig);
    rig_ping(other);
    // Who gets room now is silent again: after a time that begins when the loop gives it.
    rig_let_the_clock_run(&rig);
    for (int i = 0; i < 3; i++) {
        rig_advance_ms(&rig, 6000);
        rig_wait(&rig, &rig.closed_with[TIDINGS_E_TIMEOUT], 2 * (size_t)i + 1);
    }
    rig_send(other, frame, sizeof frame);
    rig_expect(other, frame, sizeof frame);
    close(other);
    close_all(sockets);
    rig_deinit(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_frames_are_finished),
        cmocka_unit_test(the_silent_make_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
