// SPDX-License-Identifier: Apache-2.0
// Opening what a crash or a bad disk left: torn tails are cut, damage inside is told.
#include "test_commitlog_rig.h"

enum { COUNT = 6 };

static bool all_zero(const char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (bytes[i] != 0) {
            return false;
        }
    }
    return true;
}

// One record after the other, each durable before the next: a later one proves all before it.
static void append_singly(struct rig *rig, uint64_t number, size_t count, int64_t *ret_positions)
{
    for (size_t i = 0; i < count; i++) {
        rig_append_many(rig, number + i, 1, &ret_positions[i]);
    }
}

// Opens, expects `kept` records and an end, appends one more and looks at all again.
static void expect_cut(struct rig *rig, size_t kept, int64_t end)
{
    int64_t position;
    rig_open(rig, 0);
    rig_expect(rig, 0, kept);
    assert_int_equal(rig->damage_count, 0);
    assert_int_equal(commitlog_end(rig->log), end);
    rig_append_many(rig, kept, 1, &position);
    assert_int_equal(position, end);
    rig_close(rig);
    rig_open(rig, 0);
    rig_expect(rig, 0, kept + 1);
    rig_close(rig);
}

static void every_torn_last_record_is_cut(void **state)
{
    (void)state;
    struct rig rig;
    int64_t at[COUNT];
    char record[2048];
    char none[2048] = { 0 };
    rig_init_fast(&rig);
    rig.options.ahead = 0;
    rig_open(&rig, 0);
    rig_append_many(&rig, 0, COUNT, at);
    int64_t last = at[COUNT - 1];
    size_t size = (size_t)(commitlog_end(rig.log) - last);
    size_t whole = COMMITLOG_HEADER + rig_len(&rig, COUNT - 1);
    rig_close(&rig);
    rig_get(&rig, last, record, size);
    for (size_t keep = 0; keep < size; keep++) {
        for (int shorter = 0; shorter < 2; shorter++) {
            int fd = rig_file(&rig, 0);
            assert_int_equal(ftruncate(fd, last + (int64_t)keep), 0);
            assert_int_equal(pwrite(fd, record, keep, last), keep);
            close(fd);
            if (!shorter) {
                rig_put(&rig, last + (int64_t)keep, none, size - keep);
            }
            bool lost = shorter ? keep < whole : !all_zero(record + keep, size - keep);
            expect_cut(&rig, lost ? COUNT - 1 : COUNT, lost ? last : last + (int64_t)size);
        }
    }
    rig_deinit(&rig);
}

static void a_flipped_bit_in_the_last_record_cuts_it(void **state)
{
    (void)state;
    struct rig rig;
    int64_t at[COUNT];
    char record[2048];
    char none[4096] = { 0 };
    rig_init_fast(&rig);
    rig.options.ahead = 0;
    rig_open(&rig, 0);
    append_singly(&rig, 0, COUNT, at);
    int64_t last = at[COUNT - 1];
    size_t size = (size_t)(commitlog_end(rig.log) - last);
    rig_close(&rig);
    rig_get(&rig, last, record, size);
    for (size_t i = 0; i < COMMITLOG_HEADER + rig_len(&rig, COUNT - 1); i++) {
        rig_put(&rig, last, none, sizeof none);
        rig_put(&rig, last, record, size);
        rig_flip(&rig, last + (int64_t)i);
        expect_cut(&rig, COUNT - 1, last);
    }
    rig_deinit(&rig);
}

static void a_flipped_bit_inside_is_told(void **state)
{
    (void)state;
    struct rig rig;
    int64_t at[COUNT];
    rig_init_fast(&rig);
    rig_open(&rig, 0);
    append_singly(&rig, 0, COUNT, at);
    int64_t end = commitlog_end(rig.log);
    rig_close(&rig);
    for (size_t bad = 0; bad + 1 < COUNT; bad++) {
        for (size_t i = 0; i < COMMITLOG_HEADER + rig_len(&rig, bad); i++) {
            rig_flip(&rig, at[bad] + (int64_t)i);
            rig_open(&rig, 0);
            assert_int_equal(rig.damage_count, 1);
            assert_int_equal(rig.damages[0].position, at[bad]);
            assert_int_equal(rig.damages[0].end, at[bad + 1]);
            assert_true(rig.damages[0].text[0] != '\0');
            assert_int_equal(rig.count, COUNT - 1);
            assert_int_equal(commitlog_end(rig.log), end);
            rig_close(&rig);
            rig_flip(&rig, at[bad] + (int64_t)i);
        }
    }
    rig_open(&rig, 0);
    rig_expect(&rig, 0, COUNT);
    assert_int_equal(rig.damage_count, 0);
    rig_deinit(&rig);
}

// Records of one batch prove nothing about each other: what fails in the last one is a torn tail.
static void a_batch_torn_at_its_front_is_cut_as_a_whole(void **state)
{
    (void)state;
    struct rig rig;
    int64_t at[3 * COUNT];
    char header[COMMITLOG_HEADER];
    rig_init(&rig);
    rig_open(&rig, 0);
    append_singly(&rig, 0, COUNT, at);
    rig_append_many(&rig, COUNT, 2 * COUNT, &at[COUNT]); // one batch
    rig_close(&rig);
    rig_flip(&rig, at[COUNT] + COMMITLOG_HEADER);
    rig_open(&rig, 0);
    rig_expect(&rig, 0, COUNT);
    assert_int_equal(rig.damage_count, 0);
    assert_int_equal(commitlog_end(rig.log), at[COUNT]);
    for (size_t i = COUNT; i < 3 * COUNT; i++) { // nothing that could come back
        rig_get(&rig, at[i], header, sizeof header);
        assert_true(all_zero(header, sizeof header));
    }
    rig_append_many(&rig, COUNT, 1, NULL);
    rig_close(&rig);
    rig_open(&rig, 0);
    rig_expect(&rig, 0, COUNT + 1);
    rig_deinit(&rig);
}

// Sectors of the last batch that did not reach the disk: any of them, in two segments.
static void a_torn_batch_leaves_a_prefix(void **state)
{
    (void)state;
    enum { TEARS = 150, BATCH = 300, SECTOR = 512 };
    struct rig rig;
    struct rnd rnd;
    uint64_t number = 0;
    char none[SECTOR] = { 0 };
    rig_init_fast(&rig);
    rnd_seed(&rnd, 7);
    for (int tear = 0; tear < TEARS; tear++) {
        int64_t at[BATCH + 1];
        rig_open(&rig, 0);
        rig_expect(&rig, rig.numbers[0], number - rig.numbers[0]);
        rig_append_many(&rig, number, 5, NULL); // is kept
        number += 5;
        assert_int_equal(commitlog_release(rig.log, commitlog_end(rig.log) - RIG_SEGMENT, &rig.err),
                         TIDINGS_OK);
        rig_append_many(&rig, number, BATCH, at);
        at[BATCH] = commitlog_end(rig.log);
        uint64_t first = commitlog_begin(rig.log) == 0 ? 0 : UINT64_MAX;
        rig_close(&rig);
        uint64_t chance = 1 + rnd_below(&rnd, 100);
        for (int64_t sector = at[0]; sector < at[BATCH]; sector += SECTOR - sector % SECTOR) {
            size_t len = (size_t)(SECTOR - sector % SECTOR);
            if (rnd_below(&rnd, chance) == 0) {
                rig_put(&rig, sector, none, len);
            }
        }
        rig_open(&rig, 0);
        assert_int_equal(rig.damage_count, 0);
        first = first == 0 ? 0 : rig.numbers[0];
        size_t kept = rig.count - (size_t)(number - first);
        assert_true(rig.count >= number - first && kept <= BATCH);
        rig_expect(&rig, first, rig.count);
        number += kept;
        rig_close(&rig);
    }
    rig_deinit(&rig);
}

// A hole of many records, up to whole segments, is one report; what is behind it is kept.
static void a_large_hole_is_one_report(void **state)
{
    (void)state;
    enum { MANY = 12000 };
    struct rig rig;
    int64_t *at = calloc(MANY, sizeof *at);
    char *none = calloc(1, RIG_SEGMENT);
    assert_true(at != NULL && none != NULL);
    rig_init(&rig);
    rig_open(&rig, 0);
    for (size_t i = 0; i < MANY; i += 100) {
        rig_append_many(&rig, i, 100, &at[i]);
    }
    rig_close(&rig);
    rig_put(&rig, at[500] + 16, none, (size_t)(at[900] - at[500]));
    rig_put(&rig, RIG_SEGMENT, none, RIG_SEGMENT);
    rig_open(&rig, 0);
    assert_int_equal(rig.damage_count, 2);
    assert_int_equal(rig.damages[0].position, at[500]);
    assert_int_equal(rig.damages[0].end, at[901]);
    assert_true(rig.damages[1].position <= RIG_SEGMENT);
    assert_int_equal(rig.damages[1].end, 2 * RIG_SEGMENT);
    assert_int_equal(rig.numbers[rig.count - 1], MANY - 1);
    assert_int_equal(commitlog_end(rig.log) > at[MANY - 1], 1);
    free(at);
    free(none);
    rig_deinit(&rig);
}

static void put_forged(char *out, int64_t position, size_t len)
{
    uint32_t payload_len = (uint32_t)len;
    int64_t wall_ms = 1;
    memset(out, 0, COMMITLOG_HEADER);
    memset(out + COMMITLOG_HEADER, 'f', len);
    memcpy(out, &payload_len, 4);
    out[4] = 9;
    out[5] = 1;
    memcpy(out + 16, &position, 8); // back 0: claims that all before was durable
    memcpy(out + 32, &wall_ms, 8);
    uint32_t crc = num_crc32c(0, out, 8);
    crc = num_crc32c(crc, out + 12, COMMITLOG_HEADER - 12 + len);
    memcpy(out + 8, &crc, 4);
}

// A payload may hold what looks like a record in its place.
static void a_record_inside_a_payload_is_not_taken(void **state)
{
    (void)state;
    struct rig rig;
    int64_t at[4];
    char *payload;
    rig_init(&rig);
    rig_open(&rig, 0);
    append_singly(&rig, 0, 2, at);
    assert_int_equal(commitlog_append_begin(rig.log, 400, &at[2], &payload), TIDINGS_OK);
    memset(payload, 'x', 400);
    put_forged(payload + 80, at[2] + COMMITLOG_HEADER + 80, 400 - 80 - COMMITLOG_HEADER);
    commitlog_append_end(rig.log, 7, 400); // the forged one ends where this one does
    assert_int_equal(rig_sync(&rig), -1);
    int64_t end = commitlog_end(rig.log);
    rig_close(&rig);

    rig_open(&rig, end); // the chain goes on from the real one
    append_singly(&rig, 3, 1, &at[3]);
    rig_close(&rig);
    rig_flip(&rig, at[2] + COMMITLOG_HEADER + 5);
    assert_int_equal(rig_try_open(&rig, 0), TIDINGS_OK);
    assert_int_equal(rig.damage_count, 1);
    assert_int_equal(rig.damages[0].position, at[2]);
    assert_int_equal(rig.damages[0].end, at[3]);
    assert_int_equal(rig.count, 3);
    rig_deinit(&rig);
}

static void damage_right_before_the_first_position_is_told(void **state)
{
    (void)state;
    struct rig rig;
    int64_t at[COUNT];
    rig_init(&rig);
    rig_open(&rig, 0);
    append_singly(&rig, 0, COUNT, at);
    int64_t end = commitlog_end(rig.log);
    rig_close(&rig);
    rig_flip(&rig, at[COUNT - 1] + COMMITLOG_HEADER);
    rig_open(&rig, end);
    assert_int_equal(rig.damage_count, 1);
    assert_int_equal(rig.damages[0].position, at[COUNT - 1]);
    assert_int_equal(commitlog_end(rig.log), end);
    append_singly(&rig, COUNT, 1, &at[0]);
    rig_close(&rig);
    rig_open(&rig, 0);
    assert_int_equal(rig.damage_count, 1);
    assert_int_equal(rig.count, COUNT);
    rig_deinit(&rig);
}

// ---- files ----
static void append_segments(struct rig *rig, size_t segments, uint64_t *ret_count)
{
    rig_open(rig, 0);
    *ret_count = 0;
    while (commitlog_end(rig->log) < (int64_t)segments * RIG_SEGMENT - RIG_SEGMENT / 2) {
        rig_append_many(rig, *ret_count, 50, NULL);
        *ret_count += 50;
    }
    rig_close(rig);
}

static void missing_and_short_files_are_told(void **state)
{
    (void)state;
    struct rig rig;
    uint64_t count;
    char path[512];
    rig_init(&rig);
    append_segments(&rig, 6, &count);
    rig_path(&rig, 2, path, sizeof path);
    assert_int_equal(unlink(path), 0);
    rig_open(&rig, 0);
    int64_t end = commitlog_end(rig.log);
    assert_int_equal(rig.damage_count, 1);
    assert_int_equal(rig.damages[0].end, 3 * RIG_SEGMENT);
    assert_non_null(strstr(rig.damages[0].text, "missing"));
    assert_int_equal(rig.numbers[rig.count - 1], count - 1);
    rig_close(&rig);
    rig_open(&rig, end);
    assert_int_equal(rig.damage_count, 1);
    assert_int_equal(rig.damages[0].position, 2 * RIG_SEGMENT);
    assert_int_equal(rig.damages[0].end, 3 * RIG_SEGMENT);
    rig_close(&rig);

    int fd = rig_file(&rig, 3);
    assert_int_equal(ftruncate(fd, RIG_SEGMENT / 2), 0);
    close(fd);
    rig_open(&rig, 0);
    assert_int_equal(rig.damage_count, 2);
    assert_int_equal(rig.damages[1].end, 4 * RIG_SEGMENT);
    assert_int_equal(rig.numbers[rig.count - 1], count - 1);
    rig_close(&rig);
    rig_open(&rig, end);
    assert_int_equal(rig.damage_count, 2);
    assert_int_equal(rig.damages[1].position, 3 * RIG_SEGMENT + RIG_SEGMENT / 2);
    rig_append_many(&rig, count, 1, NULL); // service goes on
    rig_close(&rig);

    // Old files that are gone move the begin; the position that is still needed is told.
    rig_path(&rig, 0, path, sizeof path);
    assert_int_equal(unlink(path), 0);
    rig_open(&rig, 64);
    assert_int_equal(commitlog_begin(rig.log), RIG_SEGMENT);
    assert_int_equal(rig.damages[0].position, 64);
    assert_int_equal(rig.damages[0].end, RIG_SEGMENT);
    rig_deinit(&rig);
}

static void expect_refused(struct rig *rig, int64_t from, tidings_status status)
{
    assert_int_equal(rig_try_open(rig, from), status);
    assert_null(rig->log);
    assert_true(rig->err.text[0] != '\0');
}

static void touch(const struct rig *rig, const char *name, int64_t size)
{
    char path[600];
    int n = snprintf(path, sizeof path, "%s/%s", rig->folder, name);
    assert_true(n > 0 && (size_t)n < sizeof path);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, size), 0);
    close(fd);
}

static void files_that_do_not_fit_are_refused(void **state)
{
    (void)state;
    struct rig rig;
    uint64_t count;
    rig_init(&rig);
    append_segments(&rig, 3, &count);
    touch(&rig, "notes.txt", 10); // nobody's business
    rig_open(&rig, 0);
    rig_expect(&rig, 0, count);
    rig_close(&rig);
    rig.options.segment_size = 2 * RIG_SEGMENT;
    expect_refused(&rig, 0, TIDINGS_E_INVALID);
    rig.options.segment_size = RIG_SEGMENT;

    static const char *const odd[] = { "copy.log",
                                       ".log",
                                       "0.log",
                                       "-0000000000000000001.log",
                                       "00000000000000000000000.log",
                                       "99999999999999999999.log",
                                       "0000000000000000000x.log",
                                       "00000000000000004096.log" };
    for (size_t i = 0; i < BASE_COUNT(odd); i++) {
        char path[600];
        touch(&rig, odd[i], 0);
        expect_refused(&rig, 0, TIDINGS_E_INVALID);
        assert_non_null(strstr(rig.err.text, odd[i]));
        (void)snprintf(path, sizeof path, "%s/%s", rig.folder, odd[i]);
        assert_int_equal(unlink(path), 0);
    }
    int fd = rig_file(&rig, 1);
    assert_int_equal(ftruncate(fd, RIG_SEGMENT + 1), 0);
    expect_refused(&rig, 0, TIDINGS_E_INVALID);
    assert_int_equal(ftruncate(fd, RIG_SEGMENT), 0);
    close(fd);

    touch(&rig, "00000000000008388608.log", 4096); // beyond a gap at the end
    expect_refused(&rig, 0, TIDINGS_E_CORRUPT);
    rig_deinit(&rig);
}

static void positions_that_are_not_in_the_log_are_refused(void **state)
{
    (void)state;
    struct rig rig;
    uint64_t count;
    rig_init(&rig);
    expect_refused(&rig, 8, TIDINGS_E_CORRUPT); // an empty folder
    append_segments(&rig, 2, &count);
    rig_open(&rig, 0);
    int64_t end = commitlog_end(rig.log);
    rig_close(&rig);
    int64_t wrong[] = { -8, end + 8, end + 1024, end - 4, 2 * RIG_SEGMENT, 100 * RIG_SEGMENT };
    for (size_t i = 0; i < BASE_COUNT(wrong); i++) {
        expect_refused(&rig, wrong[i], TIDINGS_E_CORRUPT);
    }
    rig_files(&rig, "00000000000001048576", true); // the tail is gone
    expect_refused(&rig, end, TIDINGS_E_CORRUPT);
    rig_deinit(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_torn_last_record_is_cut),
        cmocka_unit_test(a_flipped_bit_in_the_last_record_cuts_it),
        cmocka_unit_test(a_flipped_bit_inside_is_told),
        cmocka_unit_test(a_batch_torn_at_its_front_is_cut_as_a_whole),
        cmocka_unit_test(a_torn_batch_leaves_a_prefix),
        cmocka_unit_test(a_large_hole_is_one_report),
        cmocka_unit_test(a_record_inside_a_payload_is_not_taken),
        cmocka_unit_test(damage_right_before_the_first_position_is_told),
        cmocka_unit_test(missing_and_short_files_are_told),
        cmocka_unit_test(files_that_do_not_fit_are_refused),
        cmocka_unit_test(positions_that_are_not_in_the_log_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
