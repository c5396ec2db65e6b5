// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>
#include <tidings/status.h>

#include "base/library.h"
#include "base/thread.h"

// Of the C library's own, which is everywhere.
#define FILE_THERE "libm.so.6"
enum { THREADS = 8, NAMES = 2 };

static const char *const names[NAMES] = { "cbrt", "signgam" }; // a function, a variable
static atomic_int starts;
static bool start_result = true;

static bool start(void)
{
    atomic_fetch_add(&starts, 1);
    return start_result;
}

static struct library library_of(const char *file, const char *const *which, void **table)
{
    atomic_store(&starts, 0);
    start_result = true;
    return (struct library){ .file = file,
                             .package = "libexample1",
                             .purpose = "an example",
                             .names = which,
                             .count = NAMES,
                             .table = table,
                             .start = start,
                             .lock = PTHREAD_MUTEX_INITIALIZER };
}

static void its_functions_and_variables_can_be_used(void **state)
{
    (void)state;
    struct {
        double (*cbrt)(double);
        int *signgam;
    } table = { 0 };
    struct tidings_error err = { 0 };
    struct library library = library_of(FILE_THERE, names, (void **)(void *)&table);
    assert_int_equal(library_open(&library, &err), TIDINGS_OK);
    assert_true(table.cbrt(27.0) > 2.9 && table.cbrt(27.0) < 3.1);
    assert_non_null(table.signgam);
    assert_int_equal(library_open(&library, &err), TIDINGS_OK);
    assert_int_equal(atomic_load(&starts), 1);
}

static void one_that_is_not_there_says_what_to_install(void **state)
{
    (void)state;
    void *table[NAMES] = { NULL };
    struct tidings_error err = { 0 };
    struct library library = library_of("libnowhere.so.9", names, table);
    assert_int_equal(library_open(&library, &err), TIDINGS_E_UNSUPPORTED);
    assert_non_null(strstr(
        err.text, "an example needs libnowhere.so.9: install the package libexample1 (libnowhere"));
    assert_int_equal(library_open(&library, NULL), TIDINGS_E_UNSUPPORTED);
    library.file = FILE_THERE; // has been installed since
    assert_int_equal(library_open(&library, &err), TIDINGS_OK);
    assert_int_equal(atomic_load(&starts), 1);
}

static void one_that_lacks_a_function_is_not_used(void **state)
{
    (void)state;
    static const char *const others[NAMES] = { "cbrt", "no_such_function_of_it" };
    void *table[NAMES] = { NULL };
    struct tidings_error err = { 0 };
    struct library library = library_of(FILE_THERE, others, table);
    assert_int_equal(library_open(&library, &err), TIDINGS_E_UNSUPPORTED);
    assert_non_null(strstr(err.text, "no_such_function_of_it"));
    assert_int_equal(atomic_load(&starts), 0);
}

static void one_that_does_not_start_is_tried_again(void **state)
{
    (void)state;
    void *table[NAMES] = { NULL };
    struct tidings_error err = { 0 };
    struct library library = library_of(FILE_THERE, names, table);
    start_result = false;
    assert_int_equal(library_open(&library, &err), TIDINGS_E_NO_MEMORY);
    start_result = true;
    assert_int_equal(library_open(&library, &err), TIDINGS_OK);
    assert_int_equal(atomic_load(&starts), 2);
}

static void *open_it(void *arg)
{
    struct library *library = arg;
    return library_open(library, NULL) == TIDINGS_OK ? library->table[0] : NULL;
}

static void many_threads_open_it_once(void **state)
{
    (void)state;
    void *table[NAMES] = { NULL };
    pthread_t threads[THREADS];
    struct library library = library_of(FILE_THERE, names, table);
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(thread_start(&threads[i], open_it, &library), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        void *found = NULL;
        assert_int_equal(pthread_join(threads[i], &found), 0);
        assert_non_null(found);
    }
    assert_int_equal(atomic_load(&starts), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(its_functions_and_variables_can_be_used),
        cmocka_unit_test(one_that_is_not_there_says_what_to_install),
        cmocka_unit_test(one_that_lacks_a_function_is_not_used),
        cmocka_unit_test(one_that_does_not_start_is_tried_again),
        cmocka_unit_test(many_threads_open_it_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
