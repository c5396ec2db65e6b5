// SPDX-License-Identifier: Apache-2.0
// Appending, syncing, reading, opening again.
#include "test_commitlog_rig.h"

static void what_was_appended_is_read_and_replayed(void **state)
{
    (void)state;
    enum { COUNT = 8000 };
    struct rig rig;
    int64_t *positions = calloc(COUNT, sizeof *positions);
    assert_non_null(positions);
    rig_init(&rig);
    rig_open(&rig, 0);
    assert_int_equal(commitlog_end(rig.log), 0);
    rig_append_many(&rig, 0, COUNT, positions);
    for (uint64_t i = 0; i < COUNT; i++) {
        assert_int_equal(positions[i] % COMMITLOG_ALIGN, 0);
        rig_expect_read(&rig, positions[i], i);
    }
    for (uint64_t i = COUNT; i-- > 0;) { // another order, other chunks
        rig_expect_read(&rig, positions[i], i);
    }
    int64_t end = commitlog_end(rig.log);
    assert_true(end / RIG_SEGMENT >= 2);
    rig_close(&rig);

    rig_open(&rig, 0);
    rig_expect(&rig, 0, COUNT);
    assert_int_equal(rig.damage_count, 0);
    assert_int_equal(commitlog_end(rig.log), end);
    rig_append_many(&rig, COUNT, 100, NULL);
    rig_close(&rig);

    rig_open(&rig, positions[COUNT / 2]); // from the middle
    rig_expect(&rig, COUNT / 2, COUNT / 2 + 100);
    rig_close(&rig);
    free(positions);
    rig_deinit(&rig);
}

static void opening_at_the_end_keeps_the_chain(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig);
    rig_open(&rig, 0);
    rig_append_many(&rig, 0, 10, NULL);
    for (uint64_t i = 1; i < 6; i++) {
        int64_t end = commitlog_end(rig.log);
        rig_close(&rig);
        rig_open(&rig, end);
        rig_expect(&rig, 0, 0);
        assert_int_equal(commitlog_end(rig.log), end);
        rig_append_many(&rig, i * 10, 10, NULL);
    }
    rig_close(&rig);
    rig_open(&rig, 0);
    rig_expect(&rig, 0, 60);
    assert_int_equal(rig.damage_count, 0);
    rig_deinit(&rig);
}

// Records that leave the rest of a segment unused, and one that fills it to the last byte.
static void records_do_not_cross_segments(void **state)
{
    (void)state;
    struct rig rig;
    int64_t at[64];
    rig_init(&rig);
    rig_open(&rig, 0);
    size_t count = 0;
    for (; count < 40; count++) {
        assert_int_equal(rig_append_len(&rig, count, 200 * 1024, &at[count]), TIDINGS_OK);
        if (count % 3 == 2) {
            assert_int_equal(rig_sync(&rig), -1);
        }
    }
    assert_int_equal(rig_sync(&rig), -1);
    for (size_t i = 0; i < count; i++) {
        assert_true(at[i] / RIG_SEGMENT ==
                    (at[i] + 200 * 1024 + COMMITLOG_HEADER - 1) / RIG_SEGMENT);
        rig_expect_read(&rig, at[i], i);
    }
    assert_int_equal(at[5] % RIG_SEGMENT, 0); // five fit
    int64_t border = (commitlog_end(rig.log) / RIG_SEGMENT + 1) * RIG_SEGMENT;
    while (border - commitlog_end(rig.log) > 2 * 1024 + 2 * COMMITLOG_HEADER) {
        assert_int_equal(rig_append_len(&rig, count, 1024, &at[0]), TIDINGS_OK);
        count++;
        assert_int_equal(rig_sync(&rig), -1);
    }
    size_t left = (size_t)(border - commitlog_end(rig.log)) - COMMITLOG_HEADER;
    assert_int_equal(rig_append_len(&rig, count, left, &at[0]), TIDINGS_OK);
    count++;
    assert_int_equal(commitlog_end(rig.log), border);
    assert_int_equal(rig_sync(&rig), -1);
    rig_close(&rig);
    rig_open(&rig, border);
    rig_expect(&rig, 0, 0);
    assert_int_equal(rig_append(&rig, count, &at[1]), TIDINGS_OK);
    assert_int_equal(at[1], border);
    count++;
    assert_int_equal(rig_sync(&rig), -1);
    rig_close(&rig);
    rig_open(&rig, 0);
    rig_expect(&rig, 0, count);
    assert_int_equal(rig.damage_count, 0);
    rig_deinit(&rig);
}

// The same with all in one batch: its records lie side by side across the border.
static void a_batch_crosses_a_full_segment(void **state)
{
    (void)state;
    struct rig rig;
    int64_t at[5];
    rig_init(&rig);
    rig.options.batch_max = 2 * RIG_SEGMENT;
    rig_open(&rig, 0);
    size_t len = RIG_SEGMENT / 4 - COMMITLOG_HEADER; // four to a segment
    for (uint64_t i = 0; i < 5; i++) {
        assert_int_equal(rig_append_len(&rig, i, len, &at[i]), TIDINGS_OK);
    }
    assert_int_equal(at[4], RIG_SEGMENT);
    assert_int_equal(rig_sync(&rig), -1);
    for (uint64_t i = 0; i < 5; i++) {
        rig_expect_read(&rig, at[i], i);
    }
    rig_close(&rig);
    rig_open(&rig, 0);
    rig_expect(&rig, 0, 5);
    assert_int_equal(rig.damage_count, 0);
    rig_deinit(&rig);
}

static void limits_are_kept(void **state)
{
    (void)state;
    struct rig rig;
    int64_t position;
    char *payload;
    rig_init(&rig);
    rig.options.batch_max = 600 * 1024;
    rig_open(&rig, 0);
    size_t max = rig.options.payload_max;
    assert_int_equal(commitlog_append_begin(rig.log, max + 1, &position, &payload),
                     TIDINGS_E_TOO_LARGE);
    assert_int_equal(commitlog_append_begin(rig.log, 0, &position, &payload), TIDINGS_E_INVALID);
    // The writer is held in its wake: both batches can be full, not more.
    uint64_t number = 0;
    tidings_status status;
    pthread_mutex_lock(&rig.lock);
    while ((status = rig_append_len(&rig, number, max, &position)) == TIDINGS_OK) {
        number++;
        assert_true(number <= 6);
    }
    assert_int_equal(status, TIDINGS_E_AGAIN);
    assert_true(number >= 4);
    pthread_mutex_unlock(&rig.lock);
    while (rig_append_len(&rig, number, max, &position) == TIDINGS_E_AGAIN) {
        rig_wait(&rig); // comes without another call
    }
    number++;
    assert_int_equal(rig_sync(&rig), -1);
    // What is begun and not ended leaves no trace; a shorter end is taken.
    assert_int_equal(commitlog_append_begin(rig.log, 1000, &position, &payload), TIDINGS_OK);
    assert_int_equal(commitlog_append_begin(rig.log, 2000, &position, &payload), TIDINGS_OK);
    rig_fill(&rig, number, payload, 9);
    commitlog_append_end(rig.log, (uint8_t)(1 + number), 9);
    assert_int_equal(commitlog_end(rig.log), position + COMMITLOG_HEADER + 16);
    assert_int_equal(rig_sync(&rig), -1);
    rig_expect_read(&rig, position, number);
    rig_close(&rig);
    rig_open(&rig, 0);
    rig_expect(&rig, 0, number + 1);
    rig_deinit(&rig);
}

static void no_record_is_where_none_begins(void **state)
{
    (void)state;
    struct rig rig;
    int64_t at[3];
    uint8_t type;
    int64_t wall_ms;
    struct str payload;
    rig_init(&rig);
    rig_open(&rig, 0);
    for (uint64_t i = 0; i < 3; i++) {
        assert_int_equal(rig_append(&rig, i, &at[i]), TIDINGS_OK);
    }
    assert_int_equal(commitlog_read(rig.log, 0, &type, &wall_ms, &payload, &rig.err),
                     TIDINGS_E_NOT_FOUND); // not yet durable
    assert_int_equal(rig_sync(&rig), -1);
    int64_t wrong[] = { -8,
                        1,
                        8,
                        at[1] + 8,
                        at[2] - 8,
                        commitlog_end(rig.log),
                        RIG_SEGMENT - 8,
                        RIG_SEGMENT,
                        5 * RIG_SEGMENT };
    for (size_t i = 0; i < BASE_COUNT(wrong); i++) {
        assert_int_equal(commitlog_read(rig.log, wrong[i], &type, &wall_ms, &payload, &rig.err),
                         TIDINGS_E_NOT_FOUND);
        assert_true(rig.err.text[0] != '\0');
    }
    rig_expect_read(&rig, at[2], 2);
    rig_flip(&rig, at[1] + COMMITLOG_HEADER + 1);
    rig_close(&rig);
    rig_open(&rig, at[2]); // not looked at by recovery
    assert_int_equal(commitlog_read(rig.log, at[1], &type, &wall_ms, &payload, &rig.err),
                     TIDINGS_E_CORRUPT);
    rig_expect_read(&rig, at[0], 0);
    rig_deinit(&rig);
}

static void a_busy_writer_takes_what_waits(void **state)
{
    (void)state;
    struct rig rig;
    struct commitlog_stats stats;
    int64_t position;
    int64_t failed_from;
    rig_init(&rig);
    rig_open(&rig, 0);
    uint64_t number = 0;
    for (int round = 0; round < 300; round++) {
        for (int i = 0; i < 20; i++) {
            assert_int_equal(rig_append(&rig, number++, &position), TIDINGS_OK);
            commitlog_submit(rig.log);
        }
        if (round % 7 == 0) {
            // Everything was submitted: it becomes durable without another call.
            while (commitlog_durable(rig.log, &failed_from, &rig.err) < commitlog_end(rig.log)) {
                assert_int_equal(failed_from, -1);
                rig_wait(&rig);
            }
        } else if (round % 7 == 3) {
            assert_int_equal(rig_sync(&rig), -1);
        }
    }
    assert_int_equal(rig_sync(&rig), -1);
    commitlog_stats(rig.log, &stats);
    assert_int_equal(stats.records, number);
    assert_true(stats.batches <= number && stats.batches > 0);
    assert_int_equal(stats.waiting, 0);
    assert_int_equal(stats.state, 0);
    assert_int_equal(rig_append(&rig, number++, &position), TIDINGS_OK);
    commitlog_stats(rig.log, &stats);
    assert_true(stats.waiting > 0);
    rig_close(&rig); // writes what waits
    rig_open(&rig, 0);
    rig_expect(&rig, 0, number);
    rig_deinit(&rig);
}

static void options_are_checked(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig);
    struct commitlog_options good = rig.options;
    int64_t sizes[] = { 0, 4096, RIG_SEGMENT + 1, 2LL * 1024 * 1024 * 1024 };
    for (size_t i = 0; i < BASE_COUNT(sizes); i++) {
        rig.options.segment_size = sizes[i];
        assert_int_equal(rig_try_open(&rig, 0), TIDINGS_E_INVALID);
    }
    rig.options = good;
    rig.options.payload_max = RIG_SEGMENT;
    assert_int_equal(rig_try_open(&rig, 0), TIDINGS_E_INVALID);
    rig.options = good;
    rig.options.ahead = -1;
    assert_int_equal(rig_try_open(&rig, 0), TIDINGS_E_INVALID);
    rig.options = good;
    rig_open(&rig, 0);
    struct commitlog *second = NULL;
    assert_int_equal(
        commitlog_open(&rig.options, 0, rig_replay, rig_report, &rig, &second, &rig.err),
        TIDINGS_E_STATE); // one at a time
    rig_deinit(&rig);
}

static tidings_status refuse(void *arg, int64_t position, uint8_t type, int64_t wall_ms,
                             struct str payload)
{
    (void)arg;
    (void)type;
    (void)wall_ms;
    (void)payload;
    return position > 0 ? TIDINGS_E_UNSUPPORTED : TIDINGS_OK;
}

static void replay_can_stop_the_opening(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig);
    rig_open(&rig, 0);
    rig_append_many(&rig, 0, 3, NULL);
    rig_close(&rig);
    assert_int_equal(commitlog_open(&rig.options, 0, refuse, rig_report, &rig, &rig.log, &rig.err),
                     TIDINGS_E_UNSUPPORTED);
    assert_null(rig.log);
    rig_open(&rig, 0);
    rig_expect(&rig, 0, 3);
    rig_deinit(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_appended_is_read_and_replayed),
        cmocka_unit_test(opening_at_the_end_keeps_the_chain),
        cmocka_unit_test(records_do_not_cross_segments),
        cmocka_unit_test(a_batch_crosses_a_full_segment),
        cmocka_unit_test(limits_are_kept),
        cmocka_unit_test(no_record_is_where_none_begins),
        cmocka_unit_test(a_busy_writer_takes_what_waits),
        cmocka_unit_test(options_are_checked),
        cmocka_unit_test(replay_can_stop_the_opening),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
