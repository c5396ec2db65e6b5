// SPDX-License-Identifier: Apache-2.0
// A disk that is really full: a small tmpfs, seen by a child process only.
#include "../unit/test_commitlog_rig.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>

enum { DISK = 8 * 1024 * 1024 };

static void fill_disk(const struct rig *rig, int64_t leave, char *path, size_t size)
{
    struct stat info;
    int n = snprintf(path, size, "%s/../filler", rig->folder);
    assert_true(n > 0 && (size_t)n < size);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    char page[4096];
    memset(page, 'f', sizeof page);
    while (write(fd, page, sizeof page) == sizeof page) {
    }
    assert_int_equal(fstat(fd, &info), 0);
    assert_int_equal(ftruncate(fd, info.st_size > leave ? info.st_size - leave : 0), 0);
    close(fd);
}

// Appends until it is refused; returns how many records are durable.
static uint64_t append_until_full(struct rig *rig, uint64_t number)
{
    int64_t position;
    while (rig_append_len(rig, number, 5000, &position) == TIDINGS_OK) {
        number++;
        if (rig_sync(rig) >= 0) {
            assert_int_equal(rig->err.status, TIDINGS_E_DISK_FULL);
            number--;
            break;
        }
    }
    assert_int_equal(rig_append_len(rig, number, 5000, &position), TIDINGS_E_DISK_FULL);
    assert_int_equal(commitlog_probe(rig->log), TIDINGS_E_DISK_FULL);
    return number;
}

static void expect_service(struct rig *rig, uint64_t number)
{
    int64_t position;
    tidings_status status;
    while ((status = rig_append_len(rig, number, 5000, &position)) == TIDINGS_E_DISK_FULL) {
        rig_wait(rig); // the log itself finds out
    }
    assert_int_equal(status, TIDINGS_OK);
    assert_int_equal(rig_sync(rig), -1);
}

static void run(const char *parent)
{
    struct rig rig;
    char filler[512];
    rig_init_at(&rig, parent);
    rig.options.reserve = 256 * 1024;
    rig_open(&rig, 0);
    uint64_t number = append_until_full(&rig, 0);
    assert_true(commitlog_end(rig.log) > DISK / 2);

    // Old segments go: there is room again, at once.
    assert_int_equal(commitlog_release(rig.log, 3 * RIG_SEGMENT, &rig.err), TIDINGS_OK);
    assert_int_equal(commitlog_probe(rig.log), TIDINGS_OK);
    expect_service(&rig, number++);

    // Somebody else fills the disk to the last byte, and gives the room back.
    fill_disk(&rig, 0, filler, sizeof filler);
    number = append_until_full(&rig, number);
    assert_int_equal(unlink(filler), 0);
    expect_service(&rig, number++);

    // A full disk can be opened and read.
    fill_disk(&rig, 0, filler, sizeof filler);
    number = append_until_full(&rig, number);
    rig_close(&rig);
    rig_open(&rig, 0);
    assert_int_equal(rig.numbers[rig.count - 1], number - 1);
    assert_int_equal(rig.count, rig.numbers[rig.count - 1] - rig.numbers[0] + 1);
    assert_int_equal(rig.damage_count, 0);
    rig_expect_read(&rig, rig.positions[0], rig.numbers[0]);
    assert_int_equal(unlink(filler), 0);
    rig_append_many(&rig, number++, 1, NULL);
    rig_close(&rig);
    rig_open(&rig, 0);
    assert_int_equal(rig.numbers[rig.count - 1], number - 1);
    rig_deinit(&rig);
}

static void a_full_disk_refuses_and_recovers(void **state)
{
    (void)state;
    char parent[] = "/tmp/commitlog-disk-XXXXXX";
    assert_non_null(mkdtemp(parent));
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        // A mount name space of its own: whatever happens, nothing stays mounted.
        assert_int_equal(unshare(geteuid() == 0 ? CLONE_NEWNS : CLONE_NEWNS | CLONE_NEWUSER), 0);
        assert_int_equal(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
        assert_int_equal(mount("tmpfs", parent, "tmpfs", 0, "size=8m"), 0);
        run(parent);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_int_equal(rmdir(parent), 0);
}

// The batch that is refused would have begun a new segment: the one before it is made whole all the
// same, and what was acknowledged in it is read and recovered.
static void full_at_the_border_of_a_segment(void **state)
{
    enum { LEN = 50000, COUNT = RIG_SEGMENT / LEN };
    struct rig rig;
    int64_t position;
    (void)state;
    rig_init(&rig);
    rig.options.ahead = 0;
    rig_open(&rig, 0);
    for (uint64_t i = 0; i < COUNT; i++) {
        assert_int_equal(rig_append_len(&rig, i, LEN, &position), TIDINGS_OK);
        assert_int_equal(rig_sync(&rig), -1);
    }
    int64_t last = position;
    rig.fault.points[FAULT_LOG_SPACE].count = 1;
    rig.fault.points[FAULT_LOG_SPACE].first =
        atomic_load(&rig.fault.points[FAULT_LOG_SPACE].calls) + 1;
    assert_int_equal(rig_append_len(&rig, COUNT, LEN, &position), TIDINGS_OK);
    assert_int_equal(position, RIG_SEGMENT);
    assert_true(rig_sync(&rig) >= 0);
    assert_int_equal(commitlog_probe(rig.log), TIDINGS_OK);
    rig_expect_read(&rig, last, COUNT - 1);

    // Ends here: opens again with all that was acknowledged.
    rig_close(&rig);
    rig_open(&rig, 0);
    assert_int_equal(rig.count, COUNT);
    assert_int_equal(rig.damage_count, 0);
    assert_int_equal(rig_append_len(&rig, COUNT, LEN, &position), TIDINGS_OK);
    assert_int_equal(rig_sync(&rig), -1);
    rig_expect_read(&rig, last, COUNT - 1);
    rig_close(&rig);
    rig_open(&rig, 0);
    assert_int_equal(rig.count, COUNT + 1);
    rig_deinit(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(full_at_the_border_of_a_segment),
        cmocka_unit_test(a_full_disk_refuses_and_recovers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
