// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "base/fault.h"

static void without_faults_nothing_fails(void **state)
{
    (void)state;
    struct fault fault;
    fault_init(&fault);
    for (int point = 0; point < FAULT_COUNT; point++) {
        assert_int_equal(fault_hit(NULL, (enum fault_point)point), 0);
        for (int call = 0; call < 10; call++) {
            assert_int_equal(fault_hit(&fault, (enum fault_point)point), 0);
        }
    }
    assert_int_equal(fault_parse(&fault, NULL, NULL), TIDINGS_OK);
    assert_int_equal(fault_hit(&fault, FAULT_ALLOC), 0);
}

static void the_nth_call_fails_once(void **state)
{
    (void)state;
    struct fault fault;
    fault_init(&fault);
    assert_int_equal(fault_parse(&fault, "log.sync:3", NULL), TIDINGS_OK);
    assert_int_equal(fault_hit(&fault, FAULT_LOG_SYNC), 0);
    assert_int_equal(fault_hit(&fault, FAULT_LOG_WRITE), 0); // counted on its own
    assert_int_equal(fault_hit(&fault, FAULT_LOG_SYNC), 0);
    assert_int_equal(fault_hit(&fault, FAULT_LOG_SYNC), EIO);
    for (int call = 0; call < 10; call++) {
        assert_int_equal(fault_hit(&fault, FAULT_LOG_SYNC), 0);
    }
}

static void a_run_of_calls_fails(void **state)
{
    (void)state;
    struct fault fault;
    fault_init(&fault);
    assert_int_equal(fault_parse(&fault,
                                 "log.space:1+100,net.accept:2+2,alloc:9223372036854775807"
                                 "+9223372036854775807",
                                 NULL),
                     TIDINGS_OK);
    for (int call = 1; call <= 120; call++) {
        assert_int_equal(fault_hit(&fault, FAULT_LOG_SPACE), call <= 100 ? ENOSPC : 0);
        assert_int_equal(fault_hit(&fault, FAULT_NET_ACCEPT), call == 2 || call == 3 ? EMFILE : 0);
        assert_int_equal(fault_hit(&fault, FAULT_ALLOC), 0);
    }
}

static void every_point_has_a_name_and_an_errno(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum fault_point point;
        int os_errno;
    } rows[] = {
#define X(name, text, os_errno) { text ":1", FAULT_##name, os_errno },
        FAULT_POINT_MAP(X)
#undef X
    };
    assert_int_equal(BASE_COUNT(rows), FAULT_COUNT);
    for (size_t i = 0; i < BASE_COUNT(rows); i++) {
        struct fault fault;
        fault_init(&fault);
        assert_int_equal(fault_parse(&fault, rows[i].text, NULL), TIDINGS_OK);
        assert_true(rows[i].os_errno != 0);
        assert_int_equal(fault_hit(&fault, rows[i].point), rows[i].os_errno);
        assert_int_equal(fault_hit(&fault, rows[i].point), 0);
    }
}

static void bad_texts_are_named(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "log.sync",
        "log.sync:",
        "log.sync:0",
        "log.sync:-1",
        "log.sync:x",
        "log.sync:1+",
        "log.sync:1+0",
        "log.sync:+1",
        "log.sync:1+1+1",
        "log.sync: 1",
        ":1",
        "log.sync:1,",
        ",log.sync:1",
        "log.sync:1;alloc:1",
        "LOG.SYNC:1",
        "log.sync:99999999999999999999",
    };
    for (size_t i = 0; i < BASE_COUNT(bad); i++) {
        struct fault fault;
        struct tidings_error err = { 0 };
        fault_init(&fault);
        assert_int_equal(fault_parse(&fault, bad[i], &err), TIDINGS_E_INVALID);
        assert_int_equal(err.status, TIDINGS_E_INVALID);
        assert_non_null(strstr(err.text, "point:first"));
    }
    struct fault fault;
    struct tidings_error err = { 0 };
    fault_init(&fault);
    assert_int_equal(fault_parse(&fault, "log.sync:1,log.snyc:1", &err), TIDINGS_E_INVALID);
    assert_non_null(strstr(err.text, "log.snyc"));
    assert_non_null(strstr(err.text, "log.sync")); // the names that there are
    assert_non_null(strstr(err.text, "alloc"));
}

enum { THREADS = 4, CALLS = 5000 };

static void *hit_often(void *arg)
{
    uintptr_t failed = 0;
    for (int i = 0; i < CALLS; i++) {
        failed += fault_hit(arg, FAULT_ALLOC) != 0;
    }
    return (void *)failed; // NOLINT: a count, not an address
}

static void threads_share_the_count(void **state)
{
    (void)state;
    struct fault fault;
    pthread_t threads[THREADS];
    uintptr_t failed = 0;
    fault_init(&fault);
    assert_int_equal(fault_parse(&fault, "alloc:1001+7777", NULL), TIDINGS_OK);
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, hit_often, &fault), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        void *result;
        assert_int_equal(pthread_join(threads[i], &result), 0);
        failed += (uintptr_t)result;
    }
    assert_int_equal(failed, 7777);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_faults_nothing_fails),
        cmocka_unit_test(the_nth_call_fails_once),
        cmocka_unit_test(a_run_of_calls_fails),
        cmocka_unit_test(every_point_has_a_name_and_an_errno),
        cmocka_unit_test(bad_texts_are_named),
        cmocka_unit_test(threads_share_the_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
