// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

struct place {
    char folder[64];
    char path[96];
    char fresh[100];
};

static void make_place(struct place *place)
{
    snprintf(place->folder, sizeof place->folder, "/tmp/tidings-file-XXXXXX");
    assert_non_null(mkdtemp(place->folder));
    snprintf(place->path, sizeof place->path, "%s/it", place->folder);
    snprintf(place->fresh, sizeof place->fresh, "%s.new", place->path);
}

static void remove_place(const struct place *place)
{
    unlink(place->path);
    unlink(place->fresh);
    assert_int_equal(rmdir(place->folder), 0);
}

static void assert_holds(const char *path, struct str content)
{
    char found[8192];
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    size_t len = fread(found, 1, sizeof found, file);
    fclose(file);
    assert_int_equal(len, content.len);
    assert_memory_equal(found, content.ptr, len);
}

static void test_made_and_replaced(void **state)
{
    struct place place;
    struct stat info;
    char large[5000];
    (void)state;
    memset(large, 'x', sizeof large);
    make_place(&place);
    assert_int_equal(file_write_whole(place.path, str_make(large, sizeof large), NULL), TIDINGS_OK);
    assert_holds(place.path, str_make(large, sizeof large));
    assert_int_equal(file_write_whole(place.path, STR("short"), NULL), TIDINGS_OK);
    assert_holds(place.path, STR("short"));
    assert_int_equal(file_write_whole(place.path, STR(""), NULL), TIDINGS_OK);
    assert_holds(place.path, STR(""));
    assert_int_equal(stat(place.path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    assert_int_equal(access(place.fresh, F_OK), -1);
    remove_place(&place);
}

// What an earlier write left is not written into: it may be a link, or readable for others.
static void test_left_over_is_not_used(void **state)
{
    struct place place;
    struct stat info;
    (void)state;
    make_place(&place);
    assert_int_equal(symlink("/dev/full", place.fresh), 0);
    assert_int_equal(file_write_whole(place.path, STR("mine"), NULL), TIDINGS_OK);
    assert_int_equal(lstat(place.path, &info), 0);
    assert_true(S_ISREG(info.st_mode));
    assert_holds(place.path, STR("mine"));
    remove_place(&place);
}

static void test_errors_keep_the_old(void **state)
{
    struct place place;
    struct tidings_error err = { 0 };
    char longest[5000];
    (void)state;
    make_place(&place);
    assert_int_equal(file_write_whole(place.path, STR("old"), NULL), TIDINGS_OK);
    assert_int_equal(mkdir(place.fresh, 0700), 0);
    assert_int_equal(file_write_whole(place.path, STR("new"), &err), TIDINGS_E_IO);
    assert_non_null(strstr(err.text, place.path));
    assert_holds(place.path, STR("old"));
    assert_int_equal(rmdir(place.fresh), 0);
    assert_int_equal(file_write_whole("/nowhere/at/all", STR("x"), &err), TIDINGS_E_IO);
    assert_int_equal(err.os_errno, ENOENT);
    memset(longest, 'a', sizeof longest);
    longest[sizeof longest - 1] = '\0';
    assert_int_equal(file_write_whole(longest, STR("x"), &err), TIDINGS_E_IO);
    assert_int_equal(err.os_errno, ENAMETOOLONG);
    remove_place(&place);
}

static void test_read(void **state)
{
    struct place place;
    struct tidings_error err = { 0 };
    struct buf small;
    struct buf buf;
    char large[5000];
    (void)state;
    make_place(&place);
    memset(large, 'x', sizeof large);
    buf_init(&buf, 10000);
    buf_init(&small, 4999);
    assert_int_equal(file_read_whole(place.path, &buf, &err), TIDINGS_E_IO);
    assert_int_equal(err.os_errno, ENOENT);
    assert_non_null(strstr(err.text, place.path));
    assert_int_equal(file_write_whole(place.path, STR(""), NULL), TIDINGS_OK);
    assert_int_equal(file_read_whole(place.path, &buf, NULL), TIDINGS_OK);
    assert_int_equal(buf.len, 0);
    assert_int_equal(file_write_whole(place.path, str_make(large, sizeof large), NULL), TIDINGS_OK);
    assert_int_equal(file_read_whole(place.path, &buf, NULL), TIDINGS_OK);
    assert_true(str_eq(buf_str(&buf), str_make(large, sizeof large)));
    assert_int_equal(file_read_whole(place.path, &small, &err), TIDINGS_E_TOO_LARGE);
    assert_non_null(strstr(err.text, place.path));
    assert_int_equal(small.len, 0);
    assert_int_equal(file_read_whole(place.folder, &buf, &err), TIDINGS_E_IO);
    assert_int_equal(err.os_errno, EISDIR);
    buf_deinit(&small);
    buf_deinit(&buf);
    remove_place(&place);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_made_and_replaced),
        cmocka_unit_test(test_left_over_is_not_used),
        cmocka_unit_test(test_errors_keep_the_old),
        cmocka_unit_test(test_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
