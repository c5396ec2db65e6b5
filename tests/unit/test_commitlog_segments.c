// SPDX-License-Identifier: Apache-2.0
// Retention, recycled files, times, scans beside the appender, memory after a burst.
#include "test_commitlog_rig.h"

#include <sys/mman.h>

#include "commitlog/private.h"

static void released_segments_are_used_again(void **state)
{
    (void)state;
    struct rig rig;
    uint64_t number = 0;
    int64_t first[40] = { 0 }; // number of the first record in a segment
    uint8_t type;
    int64_t wall_ms;
    struct str payload;
    rig_init(&rig);
    rig_open(&rig, 0);
    int64_t segment = 0;
    while (segment < 30) {
        int64_t position;
        assert_int_equal(rig_append(&rig, number, &position), TIDINGS_OK);
        if (position / RIG_SEGMENT > segment) {
            segment = position / RIG_SEGMENT;
            first[segment] = (int64_t)number;
            assert_int_equal(rig_sync(&rig), -1);
            // Keeps two; every third time more than one goes at once.
            if (segment % 3 == 0) {
                int64_t keep = (segment - 2) * RIG_SEGMENT;
                assert_int_equal(commitlog_release(rig.log, keep + 77, &rig.err), TIDINGS_OK);
                assert_int_equal(commitlog_begin(rig.log), keep > 0 ? keep : 0);
                assert_true(rig_files(&rig, "recycle", false) <= 2);
            }
            if (segment % 7 == 0) {
                int64_t begin = commitlog_begin(rig.log);
                rig_close(&rig);
                rig_open(&rig, 0);
                assert_int_equal(commitlog_begin(rig.log), begin);
                assert_int_equal(rig.damage_count, 0);
                rig_expect(&rig, (uint64_t)first[begin / RIG_SEGMENT],
                           number + 1 - (uint64_t)first[begin / RIG_SEGMENT]);
            }
        } else if (number % 500 == 0) {
            assert_int_equal(rig_sync(&rig), -1);
        }
        number++;
    }
    assert_int_equal(rig_sync(&rig), -1);
    int64_t begin = commitlog_begin(rig.log);
    assert_int_equal(commitlog_read(rig.log, begin - RIG_SEGMENT, &type, &wall_ms, &payload, NULL),
                     TIDINGS_E_NOT_FOUND);
    rig_expect_read(&rig, begin, (uint64_t)first[begin / RIG_SEGMENT]);
    // Neither the segment that is appended to nor anything beyond is released.
    assert_int_equal(commitlog_release(rig.log, INT64_MAX, &rig.err), TIDINGS_OK);
    assert_int_equal(commitlog_begin(rig.log), segment * RIG_SEGMENT);
    assert_int_equal(commitlog_release(rig.log, 0, &rig.err), TIDINGS_OK);
    assert_int_equal(commitlog_begin(rig.log), segment * RIG_SEGMENT);
    assert_true(rig_files(&rig, "0", false) <= 3);
    struct commitlog_stats stats;
    commitlog_stats(rig.log, &stats);
    assert_int_equal(stats.segments, 1);
    rig_deinit(&rig);
}

static void segments_tell_their_time(void **state)
{
    (void)state;
    struct rig rig;
    struct clock_manual clock;
    int64_t position = 0;
    int64_t second[8] = { 0 };
    rig_init(&rig);
    clock_manual_init(&clock, 1700000000000);
    rig.options.clock = &clock.clock;
    rig_open(&rig, 0);
    assert_int_equal(commitlog_segment_time(rig.log, 0), -1);
    for (uint64_t i = 0; position < 6 * RIG_SEGMENT; i++) {
        int64_t before = position;
        rig_append_many(&rig, i, 1, &position);
        if (before % RIG_SEGMENT == 0 && position > before) {
            second[position / RIG_SEGMENT] = position;
        }
        clock_manual_advance_ms(&clock, 1);
    }
    int64_t last = -1;
    for (int64_t segment = 0; segment < 6; segment++) {
        uint8_t type;
        int64_t wall_ms;
        struct str payload;
        assert_int_equal(
            commitlog_read(rig.log, segment * RIG_SEGMENT, &type, &wall_ms, &payload, &rig.err),
            TIDINGS_OK);
        int64_t time = commitlog_segment_time(rig.log, segment * RIG_SEGMENT + 12345);
        assert_int_equal(time, wall_ms);
        assert_true(time > last);
        last = time;
        assert_int_equal(commitlog_segment_time(rig.log, segment * RIG_SEGMENT), time);
        assert_true(rig_is(&rig, payload, &(uint64_t){ 0 })); // the view was left alone
    }
    int64_t times[2] = { commitlog_segment_time(rig.log, RIG_SEGMENT),
                         commitlog_segment_time(rig.log, 2 * RIG_SEGMENT) };
    assert_int_equal(commitlog_segment_time(rig.log, 20 * RIG_SEGMENT), -1);
    int64_t end = commitlog_end(rig.log);
    rig_close(&rig);

    rig_flip(&rig, RIG_SEGMENT + 33); // the next record tells instead
    rig_open(&rig, end);
    assert_int_equal(commitlog_segment_time(rig.log, RIG_SEGMENT), times[0] + 1);
    assert_int_equal(commitlog_segment_time(rig.log, 2 * RIG_SEGMENT), times[1]);
    assert_true(second[1] > RIG_SEGMENT);
    assert_int_equal(commitlog_release(rig.log, 2 * RIG_SEGMENT, &rig.err), TIDINGS_OK);
    assert_int_equal(commitlog_segment_time(rig.log, RIG_SEGMENT), -1);
    rig_deinit(&rig);
}

// ---- scans ----
struct scan {
    struct rig *rig;
    uint64_t first;
    uint64_t count;
    bool good;
};

static tidings_status scan_one(void *arg, int64_t position, uint8_t type, int64_t wall_ms,
                               struct str payload)
{
    struct scan *scan = arg;
    uint64_t number = 0;
    (void)position;
    bool same =
        rig_is(scan->rig, payload, &number) && type == (uint8_t)(1 + number % 255) && wall_ms > 0;
    if (scan->count == 0) {
        scan->first = number;
    }
    scan->good = scan->good && same && number == scan->first + scan->count;
    scan->count++;
    return TIDINGS_OK;
}

static void scans_give_what_is_between(void **state)
{
    (void)state;
    enum { COUNT = 9000 };
    struct rig rig;
    int64_t *at = calloc(COUNT + 1, sizeof *at);
    assert_non_null(at);
    rig_init(&rig);
    rig_open(&rig, 0);
    rig_append_many(&rig, 0, COUNT, at);
    at[COUNT] = commitlog_end(rig.log);
    size_t ranges[][2] = { { 0, COUNT },    { 0, 1 },       { 17, 17 },      { 4000, 8999 },
                           { 8999, COUNT }, { 3000, 3001 }, { COUNT, COUNT } };
    for (size_t i = 0; i < BASE_COUNT(ranges); i++) {
        struct scan scan = { .rig = &rig, .first = ranges[i][0], .good = true };
        assert_int_equal(
            commitlog_scan(rig.log, at[ranges[i][0]], at[ranges[i][1]], scan_one, &scan, &rig.err),
            TIDINGS_OK);
        assert_true(scan.good);
        assert_int_equal(scan.first, ranges[i][0]);
        assert_int_equal(scan.count, ranges[i][1] - ranges[i][0]);
    }
    // The end of one scan is the begin of the next, also where a segment's rest is unused.
    for (size_t i = 1; i < COUNT; i++) {
        if (at[i] % RIG_SEGMENT == 0) {
            struct scan scan = { .rig = &rig, .good = true };
            int64_t rest = at[i - 1] + (int64_t)record_size(rig_len(&rig, i - 1));
            assert_int_equal(commitlog_scan(rig.log, rest, at[i + 1], scan_one, &scan, &rig.err),
                             TIDINGS_OK);
            assert_int_equal(scan.first, i);
            assert_int_equal(scan.count, 1);
        }
    }
    struct scan scan = { .rig = &rig, .good = true };
    int64_t far = at[COUNT] + RIG_SEGMENT;
    assert_int_equal(commitlog_scan(rig.log, at[COUNT - 3], far, scan_one, &scan, &rig.err),
                     TIDINGS_OK); // what is not durable is not given
    assert_int_equal(scan.count, 3);
    rig_flip(&rig, at[100] + COMMITLOG_HEADER);
    assert_int_equal(commitlog_scan(rig.log, 0, at[200], scan_one, &scan, &rig.err),
                     TIDINGS_E_CORRUPT);
    assert_non_null(strstr(rig.err.text, "damaged"));
    assert_int_equal(commitlog_release(rig.log, RIG_SEGMENT, &rig.err), TIDINGS_OK);
    assert_int_equal(commitlog_scan(rig.log, 0, at[200], scan_one, &scan, &rig.err),
                     TIDINGS_E_NOT_FOUND);
    free(at);
    rig_deinit(&rig);
}

struct scanner {
    struct rig *rig;
    _Atomic int64_t durable;
    _Atomic bool stop;
    uint64_t scans;
    bool good;
};

static void *scan_again_and_again(void *arg)
{
    struct scanner *scanner = arg;
    do { // at least once, however late this thread gets its turn
        struct scan scan = { .rig = scanner->rig, .good = true };
        struct tidings_error err = { 0 };
        int64_t begin = commitlog_begin(scanner->rig->log);
        tidings_status status = commitlog_scan(
            scanner->rig->log, begin, atomic_load(&scanner->durable), scan_one, &scan, &err);
        if (!scan.good || (status != TIDINGS_OK && status != TIDINGS_E_NOT_FOUND)) {
            print_error("scan: %d %s\n", (int)status, err.text);
            scanner->good = false;
        }
        scanner->scans++;
    } while (!atomic_load(&scanner->stop));
    return NULL;
}

static void a_scan_goes_on_beside_appends_and_releases(void **state)
{
    (void)state;
    struct rig rig;
    pthread_t thread;
    uint64_t number = 0;
    rig_init(&rig);
    rig_open(&rig, 0);
    struct scanner scanner = { .rig = &rig, .good = true };
    assert_int_equal(pthread_create(&thread, NULL, scan_again_and_again, &scanner), 0);
    while (commitlog_end(rig.log) < 20 * RIG_SEGMENT) {
        rig_append_many(&rig, number, 100, NULL);
        number += 100;
        atomic_store(&scanner.durable, commitlog_end(rig.log));
        assert_int_equal(commitlog_release(rig.log, commitlog_end(rig.log) - RIG_SEGMENT, &rig.err),
                         TIDINGS_OK);
    }
    atomic_store(&scanner.stop, true);
    pthread_join(thread, NULL);
    assert_true(scanner.good);
    assert_true(scanner.scans > 0);
    rig_deinit(&rig);
}

// ---- memory ----
static size_t resident(char *bytes, size_t size)
{
    unsigned char pages[4096];
    size_t count = 0;
    assert_true(size / LOG_PAGE <= sizeof pages);
    assert_int_equal(mincore(bytes, size, pages), 0);
    for (size_t i = 0; i < size / LOG_PAGE; i++) {
        count += pages[i] & 1;
    }
    return count * LOG_PAGE;
}

static void a_burst_leaves_no_memory_behind(void **state)
{
    (void)state;
    struct rig rig;
    struct clock_manual clock;
    int64_t position;
    rig_init(&rig);
    clock_manual_init(&clock, 1700000000000);
    rig.options.clock = &clock.clock;
    rig.options.batch_max = 8 * 1024 * 1024;
    rig_open(&rig, 0);
    struct read_cache *cache = &rig.log->cache;
    for (int round = 0; round < 3; round++) {
        for (uint64_t i = 0; i < 38; i++) {
            assert_int_equal(rig_append_len(&rig, i, 200 * 1024, &position), TIDINGS_OK);
        }
        assert_int_equal(rig_sync(&rig), -1);
    }
    for (int64_t at = 0; at < 20 * RIG_SEGMENT; at += RIG_SEGMENT) {
        rig_expect_read(&rig, at, at == 0 ? 0 : (uint64_t)(at / RIG_SEGMENT * 5 % 38));
    }
    assert_true(resident(rig.log->batches[0]->bytes, rig.log->batches[0]->size) > 7000000);
    assert_true(resident(cache->bytes, (size_t)READ_CHUNKS * READ_CHUNK) > 4000000);
    commitlog_submit(rig.log);
    clock_manual_advance_ms(&clock, 2 * CALM_US / 1000);
    commitlog_submit(rig.log);
    for (int i = 0; i < 2; i++) {
        struct batch *batch = rig.log->batches[i];
        assert_true(resident(batch->bytes, batch->size) <= BATCH_KEEP);
    }
    assert_true(resident(cache->bytes, (size_t)READ_CHUNKS * READ_CHUNK) <= READ_CHUNK);
    rig_append_many(&rig, 0, 100, NULL);
    rig_expect_read(&rig, 0, 0);
    rig_deinit(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(released_segments_are_used_again),
        cmocka_unit_test(segments_tell_their_time),
        cmocka_unit_test(scans_give_what_is_between),
        cmocka_unit_test(a_scan_goes_on_beside_appends_and_releases),
        cmocka_unit_test(a_burst_leaves_no_memory_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
