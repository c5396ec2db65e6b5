// SPDX-License-Identifier: Apache-2.0
// Due rows and retention.
#include "test_broker_index_support.h"

enum { MANY = 1000000, PAGE = 10000 };

// A spread of due times over about a day that meets each row once: 7919 is coprime to MANY.
static struct index_due due_of(int64_t i)
{
    return (struct index_due){ .due_ms = 1000000 + i * 7919 % MANY * 86,
                               .position = i * 304,
                               .queue_key = index_queue_key(1, (int32_t)(i % 8)),
                               .size = (uint32_t)(200 + i % 100),
                               .tag_code = (int32_t)i };
}

static void add_many(struct fixture *f, int64_t count)
{
    for (int64_t i = 0; i < count;) {
        struct index_batch *batch = fixture_batch(f);
        for (int64_t n = 0; n < 5000 && i < count; n++, i++) {
            struct index_due due = due_of(i);
            assert_int_equal(index_batch_due_add(batch, &due), TIDINGS_OK);
        }
        index_submit(f->index, batch, i * 304);
        while (index_is_full(f->index)) {
            fixture_turn(f);
        }
    }
    fixture_settle(f);
}

static void a_million_rows_come_in_order(void **state)
{
    struct fixture *f = *state;
    add_many(f, MANY);
    assert_int_equal(index_due_count(f->index), MANY);
    fixture_reopen(f);
    assert_int_equal(index_due_count(f->index), MANY);
    int64_t after_ms = -1;
    int64_t after_position = -1;
    int64_t seen = 0;
    do {
        fixture_load_due(f, after_ms, after_position, PAGE);
        for (size_t i = 0; i < f->due_count; i++, seen++) {
            const struct index_due *row = &f->due[i];
            assert_true(row->due_ms > after_ms ||
                        (row->due_ms == after_ms && row->position > after_position));
            struct index_due expected = due_of(row->position / 304);
            assert_memory_equal(row, &expected, sizeof expected);
            after_ms = row->due_ms;
            after_position = row->position;
        }
        assert_true(!f->due_more || f->due_count == PAGE);
    } while (f->due_more);
    assert_int_equal(seen, MANY);
}

static void equal_times_come_by_position(void **state)
{
    struct fixture *f = *state;
    struct index_batch *batch = fixture_batch(f);
    for (int64_t i = 0; i < 100; i++) {
        struct index_due due = { .due_ms = 5, .position = 37 * i % 100 };
        assert_int_equal(index_batch_due_add(batch, &due), TIDINGS_OK);
    }
    index_submit(f->index, batch, 100);
    fixture_load_due(f, 5, 40, 30); // without waiting: in order with the batch before
    assert_int_equal(f->due_count, 30);
    assert_true(f->due_more);
    for (size_t i = 0; i < 30; i++) {
        assert_int_equal(f->due[i].position, 41 + i);
    }
    fixture_load_due(f, 5, 70, 29);
    assert_int_equal(f->due_count, 29);
    assert_false(f->due_more);
    fixture_load_due(f, 5, 99, 10);
    assert_int_equal(f->due_count, 0);
    assert_false(f->due_more);
}

static void rows_are_counted_once(void **state)
{
    struct fixture *f = *state;
    struct index_due due = { .due_ms = 10, .position = 8 };
    for (int round = 0; round < 2; round++) { // the second time as by a replay
        struct index_batch *batch = fixture_batch(f);
        for (due.position = 8; due.position <= 80; due.position += 8) {
            assert_int_equal(index_batch_due_add(batch, &due), TIDINGS_OK);
        }
        assert_int_equal(index_batch_due_remove(batch, 10, 16), TIDINGS_OK);
        assert_int_equal(index_batch_due_remove(batch, 10, 16), TIDINGS_OK);
        index_submit(f->index, batch, 100);
        fixture_settle(f);
        assert_int_equal(index_due_count(f->index), 9);
    }
    struct index_batch *batch = fixture_batch(f);
    assert_int_equal(index_batch_due_remove(batch, 10, 24), TIDINGS_OK);
    assert_int_equal(index_batch_due_remove(batch, 11, 32), TIDINGS_OK); // there is none
    index_submit(f->index, batch, 200);
    fixture_reopen(f);
    assert_int_equal(index_due_count(f->index), 8);
    fixture_load_due(f, 0, 0, 100);
    assert_int_equal(f->due_count, 8);
}

// ---- retention ----
enum { QUEUES = 3, PER_QUEUE = 60000, STEP = 320 };

static int64_t position_of(int64_t offset, int q)
{
    return (offset * QUEUES + q) * STEP;
}

static void fill_queues(struct fixture *f)
{
    for (int64_t offset = 0; offset < PER_QUEUE;) {
        struct index_batch *batch = fixture_batch(f);
        for (int n = 0; n < 2000 && offset < PER_QUEUE; n++, offset++) {
            for (int q = 0; q < QUEUES; q++) {
                struct index_entry entry = { .position = position_of(offset, q), .size = 250 };
                assert_int_equal(index_batch_entry(batch, index_queue_key(1, q), offset, &entry),
                                 TIDINGS_OK);
            }
        }
        index_submit(f->index, batch, position_of(offset, 0));
    }
    fixture_settle(f);
}

static void check_min(struct fixture *f, int q, int64_t position)
{
    struct index_entry entry;
    size_t count;
    int64_t min = -1;
    for (size_t i = 0; i < f->min_count; i++) {
        if (f->mins[i].key == index_queue_key(1, q)) {
            min = f->mins[i].min; // the last one told counts
        }
    }
    assert_true(min > 0);
    assert_true(position_of(min, q) >= position && position_of(min - 1, q) < position);
    assert_int_equal(index_read(f->index, index_queue_key(1, q), min, 1, &entry, &count, NULL),
                     TIDINGS_OK);
    assert_int_equal(count, 1);
    assert_int_equal(entry.position, position_of(min, q));
    assert_int_equal(index_read(f->index, index_queue_key(1, q), 0, 1, &entry, &count, NULL),
                     TIDINGS_OK);
    assert_int_equal(count, 0);
}

static void old_entries_go(void **state)
{
    struct fixture *f = *state;
    int64_t position = position_of(PER_QUEUE, 0) / 2 + 1234;
    fill_queues(f);
    fixture_retain(f, position);
    assert_int_equal(f->retained, position);
    for (int q = 0; q < QUEUES; q++) {
        check_min(f, q, position);
    }
    fixture_retain(f, position);
    assert_int_equal(f->min_count, 0);
    fixture_reopen(f);
    assert_int_equal(f->queue_count, QUEUES);
    for (int q = 0; q < QUEUES; q++) {
        assert_true(f->queues[q].min > 0);
        assert_int_equal(f->queues[q].next, PER_QUEUE);
    }
}

static void all_entries_go_and_the_queue_goes_on(void **state)
{
    struct fixture *f = *state;
    struct index_entry entry = { .position = position_of(PER_QUEUE, 0), .size = 250 };
    size_t count;
    fill_queues(f);
    fixture_retain(f, position_of(PER_QUEUE, 0));
    assert_int_equal(f->min_count >= QUEUES, 1);
    struct index_batch *batch = fixture_batch(f);
    assert_int_equal(index_batch_entry(batch, index_queue_key(1, 0), PER_QUEUE, &entry),
                     TIDINGS_OK);
    index_submit(f->index, batch, position_of(PER_QUEUE, 0) + STEP);
    fixture_reopen(f);
    assert_int_equal(f->queues[0].min, PER_QUEUE);
    assert_int_equal(f->queues[0].next, PER_QUEUE + 1);
    assert_int_equal(
        index_read(f->index, index_queue_key(1, 0), PER_QUEUE, 9, &entry, &count, NULL),
        TIDINGS_OK);
    assert_int_equal(count, 1);
}

static void a_due_row_holds_its_segment(void **state)
{
    struct fixture *f = *state;
    struct index_due due = { .due_ms = 10, .position = 5 * SEGMENT + 800 };
    fill_queues(f);
    struct index_batch *batch = fixture_batch(f);
    for (int64_t segment = 9; segment >= 5; segment--) {
        due.position = segment * SEGMENT + 800;
        assert_int_equal(index_batch_due_add(batch, &due), TIDINGS_OK);
    }
    index_submit(f->index, batch, position_of(PER_QUEUE, 0));
    fixture_retain(f, 20 * SEGMENT);
    assert_int_equal(f->retained, 5 * SEGMENT);
    for (int q = 0; q < QUEUES; q++) {
        check_min(f, q, 5 * SEGMENT);
    }
    batch = fixture_batch(f);
    for (int64_t segment = 5; segment < 9; segment++) {
        assert_int_equal(index_batch_due_remove(batch, 10, segment * SEGMENT + 800), TIDINGS_OK);
    }
    index_submit(f->index, batch, position_of(PER_QUEUE, 0));
    fixture_retain(f, 20 * SEGMENT);
    assert_int_equal(f->retained, 9 * SEGMENT);
    fixture_reopen(f);
    fixture_retain(f, 4 * SEGMENT);
    assert_int_equal(f->retained, 4 * SEGMENT);
    assert_int_equal(f->min_count, 0);
    batch = fixture_batch(f);
    assert_int_equal(index_batch_due_remove(batch, 10, 9 * SEGMENT + 800), TIDINGS_OK);
    index_submit(f->index, batch, position_of(PER_QUEUE, 0));
    fixture_retain(f, 20 * SEGMENT);
    assert_int_equal(f->retained, 20 * SEGMENT);
}

// A delayed message stands in its queue with the position it was stored at, long before its
// neighbours.
static void a_late_delivery_does_not_hide_older_offsets(void **state)
{
    struct fixture *f = *state;
    struct index_batch *batch = fixture_batch(f);
    for (int64_t offset = 0; offset < 1000; offset++) {
        struct index_entry entry = { .position = 1000000 + offset * 8, .size = 1 };
        if (offset / INDEX_BLOCK == 3) {
            entry.position = offset * 8; // a whole block of them
        }
        assert_int_equal(index_batch_entry(batch, 65536, offset, &entry), TIDINGS_OK);
    }
    index_submit(f->index, batch, 2000000);
    fixture_retain(f, 1000000 + 100 * 8);
    assert_int_equal(f->min_count, 1);
    assert_int_equal(f->mins[0].min, 100);
    fixture_retain(f, 1000000 + 383 * 8);
    assert_int_equal(f->mins[0].min, 383);
    fixture_retain(f, 1000000 + 384 * 8);
    assert_int_equal(f->mins[0].min, 512);
}

static void requests_are_bounded(void **state)
{
    struct fixture *f = *state;
    tidings_status status = TIDINGS_OK;
    int taken = 0;
    while (taken < 1000 && (status = index_load_due(f->index, 0, 0, 1)) == TIDINGS_OK) {
        taken++;
    }
    assert_int_equal(status, TIDINGS_E_FULL);
    while (f->due_answers < (unsigned)taken) {
        fixture_turn(f);
    }
    assert_int_equal(index_load_due(f->index, 0, 0, 1), TIDINGS_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_million_rows_come_in_order, setup, teardown),
        cmocka_unit_test_setup_teardown(equal_times_come_by_position, setup, teardown),
        cmocka_unit_test_setup_teardown(rows_are_counted_once, setup, teardown),
        cmocka_unit_test_setup_teardown(old_entries_go, setup, teardown),
        cmocka_unit_test_setup_teardown(all_entries_go_and_the_queue_goes_on, setup, teardown),
        cmocka_unit_test_setup_teardown(a_due_row_holds_its_segment, setup, teardown),
        cmocka_unit_test_setup_teardown(a_late_delivery_does_not_hide_older_offsets, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(requests_are_bounded, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
