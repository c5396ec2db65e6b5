// SPDX-License-Identifier: Apache-2.0
// Look-up by key: in memory, in files, after restarts, and what a loss of power may take.
#include <dirent.h>

#include "test_broker_index_support.h"

enum { HITS_MAX = 64, STEP = 304, HOT = 5000 };

// Message i has two keys: one of its own, and one that it shares with HOT - 1 others.
static uint64_t own_key(int64_t i)
{
    return ((uint64_t)i + 1) * 0x9e3779b97f4a7c15ULL;
}

static uint64_t shared_key(int64_t i)
{
    return ((uint64_t)(i / HOT) + 1) * 0xc2b2ae3d27d4eb4fULL;
}

static void add_messages(struct fixture *f, int64_t from, int64_t to)
{
    for (int64_t i = from; i < to;) {
        struct index_batch *batch = fixture_batch(f);
        for (int n = 0; n < 1000 && i < to; n++, i++) {
            assert_int_equal(index_batch_key(batch, own_key(i), i * STEP), TIDINGS_OK);
            assert_int_equal(index_batch_key(batch, shared_key(i), i * STEP), TIDINGS_OK);
        }
        index_submit(f->index, batch, i * STEP);
        fixture_poll(f);
    }
}

// All batches are applied: a request comes back after what was handed over before it.
static void settle_keys(struct fixture *f)
{
    fixture_load_due(f, INT64_MAX, 0, 1);
}

static size_t find(struct fixture *f, uint64_t hash, int64_t before, size_t max, int64_t *positions)
{
    size_t count;
    struct tidings_error err = { 0 };
    if (index_find_key(f->index, hash, before, max, positions, &count, &err) != TIDINGS_OK) {
        fail_msg("index_find_key: %s", err.text);
    }
    return count;
}

static void check_message(struct fixture *f, int64_t i)
{
    int64_t positions[HITS_MAX];
    assert_int_equal(find(f, own_key(i), INT64_MAX, HITS_MAX, positions), 1);
    assert_int_equal(positions[0], i * STEP);
    assert_int_equal(find(f, own_key(i), i * STEP, HITS_MAX, positions), 0);
}

static void check_shared(struct fixture *f, int64_t group, int64_t count)
{
    int64_t positions[HITS_MAX];
    int64_t before = INT64_MAX;
    int64_t next = group * HOT + count;
    size_t found;
    while ((found = find(f, shared_key(group * HOT), before, HITS_MAX, positions)) > 0) {
        for (size_t i = 0; i < found; i++) {
            assert_int_equal(positions[i], --next * STEP);
        }
        before = positions[found - 1];
    }
    assert_int_equal(next, group * HOT);
}

static size_t count_files(const struct fixture *f, const char *suffix)
{
    char path[300];
    assert_true(snprintf(path, sizeof path, "%s/keys", f->folder) < (int)sizeof path);
    DIR *folder = opendir(path);
    assert_non_null(folder);
    size_t count = 0;
    const struct dirent *entry;
    while ((entry = readdir(folder)) != NULL) {
        const char *dot = strrchr(entry->d_name, '.');
        count += dot != NULL && strcmp(dot + 1, suffix) == 0;
    }
    closedir(folder);
    return count;
}

// Path of the key file (or part) whose place in the order of names is `index`.
static void path_of(const struct fixture *f, const char *suffix, size_t index, char *out,
                    size_t size)
{
    char path[300];
    struct dirent **names;
    assert_true(snprintf(path, sizeof path, "%s/keys", f->folder) < (int)sizeof path);
    int count = scandir(path, &names, NULL, alphasort);
    assert_true(count > 0);
    out[0] = '\0';
    for (int i = 0; i < count; i++) {
        const char *dot = strrchr(names[i]->d_name, '.');
        if (dot != NULL && strcmp(dot + 1, suffix) == 0 && index-- == 0) {
            assert_true(snprintf(out, size, "%s/%s", path, names[i]->d_name) < (int)size);
        }
        free(names[i]);
    }
    free(names);
    assert_true(out[0] != '\0');
}

static void submitted_keys_are_found_at_once(void **state)
{
    struct fixture *f = *state;
    int64_t positions[HITS_MAX];
    assert_int_equal(find(f, own_key(0), INT64_MAX, HITS_MAX, positions), 0);
    struct index_batch *batch = fixture_batch(f);
    assert_int_equal(index_batch_key(batch, own_key(0), 0), TIDINGS_OK);
    assert_int_equal(index_batch_key(batch, own_key(0), 0), TIDINGS_OK); // twice, told once
    index_submit(f->index, batch, STEP);
    check_message(f, 0);
    settle_keys(f);
    check_message(f, 0);
    assert_int_equal(find(f, own_key(0), INT64_MAX, 0, positions), 0);
}

static void keys_are_found_in_many_files(void **state)
{
    struct fixture *f = *state;
    enum { COUNT = 900000 }; // 27 runs: some are merged
    add_messages(f, 0, COUNT);
    for (int64_t i = 0; i < COUNT; i += 9973) {
        check_message(f, i);
    }
    settle_keys(f);
    assert_true(count_files(f, "key") >= 4 && count_files(f, "key") < 27);
    assert_int_equal(count_files(f, "part"), 1);
    for (int restart = 0; restart < 2; restart++) {
        int64_t from;
        int64_t to;
        assert_false(index_keys_gap(f->index, &from, &to));
        for (int64_t i = 0; i < COUNT; i += 7919) {
            check_message(f, i);
        }
        check_message(f, COUNT - 1);
        for (int64_t group = 0; group < COUNT / HOT; group += 31) {
            check_shared(f, group, HOT);
        }
        fixture_reopen(f);
    }
}

static void keys_survive_many_restarts(void **state)
{
    struct fixture *f = *state;
    int64_t count = 0;
    for (int round = 0; round < 30; round++) {
        add_messages(f, count, count + 4321);
        count += 4321;
        fixture_reopen(f);
        assert_int_equal(f->position, count * STEP);
        check_message(f, 0);
        check_message(f, count - 1);
        check_message(f, count / 2);
    }
    for (int64_t i = 0; i < count; i += 97) {
        check_message(f, i);
    }
}

static void old_files_go_with_retention(void **state)
{
    struct fixture *f = *state;
    enum { COUNT = 300000 };
    int64_t positions[HITS_MAX];
    add_messages(f, 0, COUNT);
    settle_keys(f);
    size_t before = count_files(f, "key");
    fixture_retain(f, COUNT / 2 * STEP);
    assert_true(count_files(f, "key") < before);
    assert_int_equal(find(f, own_key(0), INT64_MAX, HITS_MAX, positions), 0);
    check_message(f, COUNT / 2);
    fixture_reopen(f);
    int64_t from;
    int64_t to;
    assert_false(index_keys_gap(f->index, &from, &to));
    check_message(f, COUNT / 2);
}

// ---- what a loss of power may take ----
static void check_gap(struct fixture *f, int64_t least_from, int64_t most_from, int64_t to)
{
    int64_t gap_from;
    int64_t gap_to;
    assert_true(index_keys_gap(f->index, &gap_from, &gap_to));
    assert_in_range(gap_from, least_from, most_from);
    assert_int_equal(gap_to, to);
}

static void a_lost_part_is_told_and_filled(void **state)
{
    struct fixture *f = *state;
    char path[400];
    int64_t positions[HITS_MAX];
    add_messages(f, 0, 40000); // becomes a file when more comes
    settle_keys(f);
    add_messages(f, 40000, 50000);
    fixture_close(f);
    path_of(f, "part", 0, path, sizeof path);
    assert_int_equal(truncate(path, 16 * 100), 0);
    fixture_open(f);
    check_gap(f, 1, 40000 * STEP, (int64_t)50000 * STEP);
    assert_int_equal(find(f, own_key(49999), INT64_MAX, HITS_MAX, positions), 0);
    check_message(f, 5);
    int64_t from;
    int64_t to;
    assert_true(index_keys_gap(f->index, &from, &to));
    add_messages(f, 50000, 60000); // new ones come in between
    add_messages(f, from / STEP, 50000);
    for (int restart = 0; restart < 2; restart++) {
        for (int64_t i = 0; i < 60000; i += 101) {
            check_message(f, i);
        }
        check_shared(f, 9, HOT);
        fixture_reopen(f);
        assert_false(index_keys_gap(f->index, &from, &to));
    }
}

static void wrong_bytes_in_the_part_are_noticed(void **state)
{
    struct fixture *f = *state;
    char path[400];
    char zeros[64] = { 0 };
    add_messages(f, 0, 1000);
    fixture_close(f);
    path_of(f, "part", 0, path, sizeof path);
    int fd = open(path, O_WRONLY);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, zeros, sizeof zeros, 3200), sizeof zeros);
    close(fd);
    fixture_open(f);
    check_gap(f, 0, 0, (int64_t)1000 * STEP);
}

static void a_lost_file_is_told_once(void **state)
{
    struct fixture *f = *state;
    char path[400];
    int64_t positions[HITS_MAX];
    int64_t from;
    int64_t to;
    add_messages(f, 0, 200000);
    fixture_close(f);
    path_of(f, "key", 1, path, sizeof path);
    assert_int_equal(truncate(path, 4096), 0);
    fixture_open(f);
    assert_true(index_keys_gap(f->index, &from, &to));
    assert_true(from > 0 && from < to && to < (int64_t)200000 * STEP);
    check_message(f, 0);
    check_message(f, 199999);
    assert_int_equal(find(f, own_key(from / STEP + 10), INT64_MAX, HITS_MAX, positions), 0);
    fixture_reopen(f);
    assert_false(index_keys_gap(f->index, &from, &to));
    check_message(f, 0);
    check_message(f, 199999);
}

static void a_lost_folder_is_a_gap(void **state)
{
    struct fixture *f = *state;
    char path[300];
    add_messages(f, 0, 5000);
    fixture_close(f);
    assert_true(snprintf(path, sizeof path, "%s/keys", f->folder) < (int)sizeof path);
    assert_int_equal(nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
    fixture_open(f);
    check_gap(f, 0, 0, (int64_t)5000 * STEP);
    add_messages(f, 5000, 6000);
    check_message(f, 5500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(submitted_keys_are_found_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(keys_are_found_in_many_files, setup, teardown),
        cmocka_unit_test_setup_teardown(keys_survive_many_restarts, setup, teardown),
        cmocka_unit_test_setup_teardown(old_files_go_with_retention, setup, teardown),
        cmocka_unit_test_setup_teardown(a_lost_part_is_told_and_filled, setup, teardown),
        cmocka_unit_test_setup_teardown(wrong_bytes_in_the_part_are_noticed, setup, teardown),
        cmocka_unit_test_setup_teardown(a_lost_file_is_told_once, setup, teardown),
        cmocka_unit_test_setup_teardown(a_lost_folder_is_a_gap, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
