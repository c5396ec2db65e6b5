// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/apart.h"

struct task {
    int touched; // of the child's memory only
    int signal;
    tidings_status status;
};

static tidings_status say_who(void *result, void *arg, struct tidings_error *err)
{
    struct task *task = arg;
    int who = (int)getpid();
    task->touched++;
    memcpy(result, &who, sizeof who);
    return task->status == TIDINGS_OK ? TIDINGS_OK : error_set(err, task->status, "it is so");
}

static tidings_status die(void *result, void *arg, struct tidings_error *err)
{
    const struct task *task = arg;
    (void)result;
    (void)err;
    if (task->signal == 0) {
        _exit(0); // also with what would be success
    }
    (void)raise(task->signal);
    return TIDINGS_OK;
}

static int open_files(void)
{
    int count = 0;
    for (int fd = 0; fd < 256; fd++) {
        count += fcntl(fd, F_GETFD) >= 0;
    }
    return count;
}

static void test_result_comes_back_alone(void **state)
{
    struct task task = { .status = TIDINGS_OK };
    int who = 0;
    int files = open_files();
    (void)state;
    assert_int_equal(apart_run(say_who, &who, sizeof who, &task, NULL), TIDINGS_OK);
    assert_true(who > 0 && who != (int)getpid());
    assert_int_equal(task.touched, 0);
    assert_int_equal(open_files(), files);
}

static void test_error_comes_back(void **state)
{
    struct task task = { .status = TIDINGS_E_INVALID };
    struct tidings_error err = { 0 };
    int who = 0;
    (void)state;
    assert_int_equal(apart_run(say_who, &who, sizeof who, &task, &err), TIDINGS_E_INVALID);
    assert_string_equal(err.text, "it is so");
    assert_int_equal(apart_run(say_who, &who, sizeof who, &task, NULL), TIDINGS_E_INVALID);
}

static void test_child_that_ends_otherwise(void **state)
{
    static const int signals[] = { 0, SIGKILL, SIGTERM };
    (void)state;
    for (size_t i = 0; i < BASE_COUNT(signals); i++) {
        struct task task = { .signal = signals[i] };
        struct tidings_error err = { 0 };
        assert_int_equal(apart_run(die, NULL, 0, &task, &err), TIDINGS_E_INTERNAL);
        assert_string_not_equal(err.text, "");
    }
}

// Without a descriptor for the pipe it runs here.
static void test_no_child_to_be_had(void **state)
{
    struct task task = { .status = TIDINGS_OK };
    struct rlimit before;
    int who = 0;
    (void)state;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    const struct rlimit none = { 0, before.rlim_max };
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    tidings_status status = apart_run(say_who, &who, sizeof who, &task, NULL);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(status, TIDINGS_OK);
    assert_int_equal(who, (int)getpid());
    assert_int_equal(task.touched, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_result_comes_back_alone),
        cmocka_unit_test(test_error_comes_back),
        cmocka_unit_test(test_child_that_ends_otherwise),
        cmocka_unit_test(test_no_child_to_be_had),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
