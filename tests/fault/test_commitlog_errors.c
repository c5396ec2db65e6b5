// SPDX-License-Identifier: Apache-2.0
// Writes, syncs and room that fail: nothing acknowledged is lost, what is refused is told once and
// does not come back, service goes on by itself.
#include "../unit/test_commitlog_rig.h"

#include <signal.h>
#include <sys/resource.h>

enum { ROUNDS = 40, MANY = 4000 };

// What the test believes to be in the log: numbers in order, with their positions.
struct book {
    uint64_t numbers[MANY];
    int64_t positions[MANY];
    size_t count;
    size_t refusals;
    size_t refused;
    uint64_t next;
};

static void copy_folder(const struct rig *from, const struct rig *to)
{
    DIR *dir = opendir(from->folder);
    char *bytes = malloc(RIG_SEGMENT);
    assert_true(dir != NULL && bytes != NULL);
    const struct dirent *entry;
    while ((entry = readdir(dir)) != NULL) {
        char path[600];
        if (entry->d_name[0] == '.') {
            continue;
        }
        int in = openat(dirfd(dir), entry->d_name, O_RDONLY | O_CLOEXEC);
        (void)snprintf(path, sizeof path, "%s/%s", to->folder, entry->d_name);
        int out = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        ssize_t len = read(in, bytes, RIG_SEGMENT);
        assert_true(in >= 0 && out >= 0 && len >= 0);
        assert_int_equal(write(out, bytes, (size_t)len), len);
        close(in);
        close(out);
    }
    closedir(dir);
    free(bytes);
}

static void expect_book(const struct rig *rig, const struct book *book)
{
    assert_int_equal(rig->damage_count, 0);
    assert_int_equal(rig->count, book->count);
    for (size_t i = 0; i < book->count; i++) {
        assert_int_equal(rig->numbers[i], book->numbers[i]);
        assert_int_equal(rig->positions[i], book->positions[i]);
    }
}

// As if the process had been killed now.
static void expect_after_crash(const struct rig *rig, const struct book *book)
{
    struct rig copy;
    rig_init(&copy);
    copy_folder(rig, &copy);
    rig_open(&copy, 0);
    expect_book(&copy, book);
    rig_deinit(&copy);
}

// Waits until appends are taken again; no second report in between.
static void wait_service(struct rig *rig, struct book *book)
{
    int64_t position;
    int64_t failed_from;
    tidings_status status;
    while ((status = rig_append(rig, book->next, &position)) != TIDINGS_OK) {
        assert_true(status == TIDINGS_E_IO || status == TIDINGS_E_DISK_FULL);
        rig_wait(rig);
        (void)commitlog_durable(rig->log, &failed_from, &rig->err);
        assert_int_equal(failed_from, -1);
    }
    assert_int_equal(position, commitlog_durable(rig->log, &failed_from, &rig->err));
    book->numbers[book->count] = book->next++;
    book->positions[book->count++] = position;
}

static void append_some(struct rig *rig, struct book *book, size_t count, bool crash)
{
    size_t before = book->count;
    for (size_t i = 0; i < count; i++) {
        size_t len = i == 0 && count % 5 == 0 ? 100 * 1024 : rig_len(rig, book->next);
        assert_true(book->count < MANY);
        tidings_status status = rig_append_len(rig, book->next, len, &book->positions[book->count]);
        if (status != TIDINGS_OK) { // it failed while we were appending
            break;
        }
        book->numbers[book->count++] = book->next++;
        if (i % 3 == 0) {
            commitlog_submit(rig->log);
        }
    }
    int64_t failed_from = rig_sync(rig);
    if (failed_from < 0) {
        return;
    }
    book->refusals++;
    assert_true(rig->err.status == TIDINGS_E_IO || rig->err.status == TIDINGS_E_DISK_FULL);
    assert_non_null(strstr(rig->err.text, rig->folder));
    while (book->count > 0 && book->positions[book->count - 1] >= failed_from) {
        book->count--;
        book->refused++;
    }
    assert_true(book->count >= before);
    assert_int_equal(commitlog_end(rig->log), failed_from);
    if (crash) {
        expect_after_crash(rig, book);
    }
    wait_service(rig, book);
}

static size_t run(enum fault_point point, uint64_t first, uint64_t count, bool crash)
{
    struct rig rig;
    struct book *book = calloc(1, sizeof *book);
    assert_non_null(book);
    rig_init(&rig);
    rig.options.ahead = point == FAULT_LOG_SPACE ? 0 : 64 * 1024;
    rig_open(&rig, 0);
    rig.fault.points[point].first = first;
    rig.fault.points[point].count = count;
    for (size_t round = 0; round < ROUNDS; round++) {
        append_some(&rig, book, 1 + round % 16, crash);
    }
    assert_int_equal(rig_sync(&rig), -1);
    for (size_t i = 0; i < book->count; i++) {
        rig_expect_read(&rig, book->positions[i], book->numbers[i]);
    }
    assert_true(atomic_load(&rig.fault.points[point].calls) >= first + count - 1);
    assert_int_equal(book->refusals > 0, book->refused > 0);
    rig_close(&rig);
    fault_init(&rig.fault);
    rig_open(&rig, 0);
    expect_book(&rig, book);
    size_t refusals = book->refusals;
    free(book);
    rig_deinit(&rig);
    return refusals;
}

static void the_nth_write_fails(void **state)
{
    (void)state;
    for (uint64_t n = 1; n <= 10; n++) {
        assert_int_equal(run(FAULT_LOG_WRITE, n, 1, true), 1);
    }
}

static void the_nth_sync_fails(void **state)
{
    (void)state;
    for (uint64_t n = 1; n <= 10; n++) {
        assert_int_equal(run(FAULT_LOG_SYNC, n, 1, true), 1);
    }
}

static void the_nth_look_for_room_fails(void **state)
{
    (void)state;
    for (uint64_t n = 1; n <= 10; n++) {
        assert_int_equal(run(FAULT_LOG_SPACE, n, 1, true), 1);
    }
}

// The rewriting after the failure fails too, so that only the probes of the next seconds succeed.
static void failures_that_last_are_one_refusal(void **state)
{
    (void)state;
    assert_int_equal(run(FAULT_LOG_WRITE, 3, 3, false), 1);
    assert_int_equal(run(FAULT_LOG_SYNC, 7, 3, false), 1);
    assert_int_equal(run(FAULT_LOG_SPACE, 2, 3, false), 1);
}

static void probing_is_asked_for(void **state)
{
    (void)state;
    struct rig rig;
    int64_t position;
    int64_t failed_from;
    struct commitlog_stats stats;
    rig_init(&rig);
    rig_open(&rig, 0);
    assert_int_equal(commitlog_probe(rig.log), TIDINGS_OK);
    rig_append_many(&rig, 0, 3, NULL);
    rig.fault.points[FAULT_LOG_SYNC].first = 1;
    rig.fault.points[FAULT_LOG_SYNC].count = 1000000;
    assert_int_equal(rig_append(&rig, 3, &position), TIDINGS_OK);
    commitlog_submit(rig.log);
    do {
        rig_wait(&rig);
        commitlog_stats(rig.log, &stats);
    } while (stats.state == 0);
    assert_int_equal(commitlog_probe(rig.log), TIDINGS_E_IO); // the failure was not yet looked at
    assert_int_equal(rig_append(&rig, 4, &position), TIDINGS_E_IO);
    int64_t durable = commitlog_durable(rig.log, &failed_from, &rig.err);
    assert_int_equal(failed_from, durable);
    assert_int_equal(position, durable);
    assert_int_equal(commitlog_end(rig.log), durable);
    commitlog_stats(rig.log, &stats);
    assert_int_equal(stats.state, 2);
    assert_int_equal(stats.waiting, 0);
    assert_int_equal(commitlog_probe(rig.log), TIDINGS_E_IO);
    rig_expect_read(&rig, 0, 0); // what is there can be read
    rig_close(&rig);             // nothing is lost that was not told
    fault_init(&rig.fault);
    rig_open(&rig, 0);
    assert_int_equal(rig.damage_count, 0);
    assert_true(rig.count >= 3);
    rig_deinit(&rig);
}

static void closing_tells_what_is_lost(void **state)
{
    (void)state;
    struct rig rig;
    int64_t position;
    rig_init(&rig);
    rig_open(&rig, 0);
    rig_append_many(&rig, 0, 3, NULL);
    rig.fault.points[FAULT_LOG_WRITE].first = 1;
    rig.fault.points[FAULT_LOG_WRITE].count = 1;
    assert_int_equal(rig_append(&rig, 3, &position), TIDINGS_OK);
    assert_int_equal(commitlog_close(rig.log, &rig.err), TIDINGS_E_IO);
    assert_non_null(strstr(rig.err.text, "could not be written"));
    rig_open(&rig, 0);
    rig_expect(&rig, 0, 3);
    rig_deinit(&rig);
}

static void reads_that_fail_are_told(void **state)
{
    (void)state;
    struct rig rig;
    uint8_t type;
    int64_t wall_ms;
    struct str payload;
    int64_t at[3];
    rig_init(&rig);
    rig_open(&rig, 0);
    rig_append_many(&rig, 0, 3, at);
    rig.fault.points[FAULT_LOG_READ].first = 1;
    rig.fault.points[FAULT_LOG_READ].count = 1;
    assert_int_equal(commitlog_read(rig.log, at[1], &type, &wall_ms, &payload, &rig.err),
                     TIDINGS_E_IO);
    rig_expect_read(&rig, at[1], 1);
    rig_close(&rig);
    fault_init(&rig.fault);
    rig.fault.points[FAULT_LOG_READ].first = 1;
    rig.fault.points[FAULT_LOG_READ].count = 1;
    assert_int_equal(rig_try_open(&rig, 0), TIDINGS_E_IO);
    assert_null(rig.log);
    rig_open(&rig, 0);
    rig_expect(&rig, 0, 3);
    rig_deinit(&rig);
}

// A write that is cut in its middle by the system itself: the file may not grow beyond a limit.
static void half_a_write_is_no_write(void **state)
{
    (void)state;
    struct rig rig;
    struct rlimit before;
    struct book *book = calloc(1, sizeof *book);
    assert_non_null(book);
    rig_init(&rig);
    rig.options.ahead = 0;
    rig_open(&rig, 0);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    struct rlimit limit = { 200 * 1000, before.rlim_max };
    assert_true(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    int64_t failed_from = -1;
    while (failed_from < 0) {
        for (int i = 0; i < 100 && book->count < MANY; i++) {
            int64_t *position = &book->positions[book->count];
            assert_int_equal(rig_append(&rig, book->next, position), TIDINGS_OK);
            book->numbers[book->count++] = book->next++;
        }
        failed_from = rig_sync(&rig);
    }
    assert_int_equal(rig.err.os_errno, EFBIG);
    while (book->positions[book->count - 1] >= failed_from) {
        book->count--;
    }
    struct stat info;
    int fd = rig_file(&rig, 0);
    assert_int_equal(fstat(fd, &info), 0);
    close(fd);
    assert_true(info.st_size > failed_from + 1000); // half of it is there
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    expect_after_crash(&rig, book);
    wait_service(&rig, book);
    assert_int_equal(rig_sync(&rig), -1);
    rig_close(&rig);
    rig_open(&rig, 0);
    expect_book(&rig, book);
    free(book);
    rig_deinit(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_nth_write_fails),
        cmocka_unit_test(the_nth_sync_fails),
        cmocka_unit_test(the_nth_look_for_room_fails),
        cmocka_unit_test(failures_that_last_are_one_refusal),
        cmocka_unit_test(probing_is_asked_for),
        cmocka_unit_test(closing_tells_what_is_lost),
        cmocka_unit_test(reads_that_fail_are_told),
        cmocka_unit_test(half_a_write_is_no_write),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
