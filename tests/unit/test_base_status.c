// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "base/error.h"

static void every_status_has_a_row(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        tidings_status status;
        int number;
        int retriable;
        int http;
        int remoting;
    } rows[] = {
#define X(name, number, retriable, http, remoting, text)                                           \
    { #name, TIDINGS_##name, number, retriable, http, remoting },
        TIDINGS_STATUS_MAP(X)
#undef X
    };
    for (size_t i = 0; i < BASE_COUNT(rows); i++) {
        assert_int_equal(rows[i].number, i); // no gaps, none twice
        assert_string_equal(tidings_status_name(rows[i].status), rows[i].name);
        assert_true(tidings_status_text(rows[i].status)[0] != '\0');
        assert_int_equal(tidings_status_is_retriable(rows[i].status), rows[i].retriable);
        assert_int_equal(status_http(rows[i].status), rows[i].http);
        assert_int_equal(status_remoting(rows[i].status), rows[i].remoting);
        assert_int_equal(rows[i].remoting == 0, rows[i].status == TIDINGS_OK);
    }
    assert_int_equal(TIDINGS_OK, 0);
    assert_string_equal(tidings_status_name((tidings_status)BASE_COUNT(rows)), "E_UNKNOWN");
    assert_string_equal(tidings_status_name((tidings_status)-1), "E_UNKNOWN");
    assert_int_equal(status_http((tidings_status)-1), 500);
}

static void errors_are_filled_and_returned(void **state)
{
    (void)state;
    struct tidings_error err = { .os_errno = 9, .remote_code = 8 };
    assert_int_equal(error_set(&err, TIDINGS_E_INVALID, "queue %d of %s", 7, "topic"),
                     TIDINGS_E_INVALID);
    assert_int_equal(err.status, TIDINGS_E_INVALID);
    assert_int_equal(err.os_errno, 0);
    assert_int_equal(err.remote_code, 0);
    assert_string_equal(err.text, "queue 7 of topic");
    // What is told already becomes part of what is told now.
    assert_int_equal(error_set(&err, TIDINGS_E_INVALID, "starting: %s", err.text),
                     TIDINGS_E_INVALID);
    assert_string_equal(err.text, "starting: queue 7 of topic");
    assert_int_equal(error_set(NULL, TIDINGS_E_FULL, "nobody asks"), TIDINGS_E_FULL);
    assert_int_equal(error_set_errno(NULL, TIDINGS_E_IO, EIO, "nobody asks"), TIDINGS_E_IO);
    error_clear(&err);
    error_clear(NULL);
    assert_int_equal(err.status, TIDINGS_OK);
    assert_string_equal(err.text, "");
}

static void an_errno_may_know_better(void **state)
{
    (void)state;
    struct tidings_error err = { 0 };
    assert_int_equal(error_set_errno(&err, TIDINGS_E_IO, EACCES, "open %s", "x"), TIDINGS_E_IO);
    assert_int_equal(err.os_errno, EACCES);
    assert_string_equal(err.text, "open x: Permission denied");
    assert_int_equal(error_set_errno(&err, TIDINGS_E_IO, ENOSPC, "write"), TIDINGS_E_DISK_FULL);
    assert_int_equal(err.status, TIDINGS_E_DISK_FULL);
    assert_int_equal(error_set_errno(&err, TIDINGS_E_IO, EDQUOT, "write"), TIDINGS_E_DISK_FULL);
    assert_int_equal(error_set_errno(&err, TIDINGS_E_IO, ENOMEM, "map"), TIDINGS_E_NO_MEMORY);
    assert_int_equal(error_set_errno(NULL, TIDINGS_E_IO, ENOSPC, "write"), TIDINGS_E_DISK_FULL);
    assert_int_equal(error_set_errno(&err, TIDINGS_E_IO, 99999, "odd"), TIDINGS_E_IO);
    assert_non_null(strstr(err.text, "odd: "));
}

static void long_texts_are_cut(void **state)
{
    (void)state;
    char text[600];
    struct tidings_error err = { 0 };
    for (size_t len = 200; len < sizeof text; len++) {
        memset(text, 'x', len);
        text[len] = '\0';
        assert_int_equal(error_set(&err, TIDINGS_E_IO, "%s", text), TIDINGS_E_IO);
        assert_true(strlen(err.text) < sizeof err.text);
        assert_int_equal(error_set_errno(&err, TIDINGS_E_IO, EIO, "%s", text), TIDINGS_E_IO);
        assert_true(strlen(err.text) < sizeof err.text);
    }
}

static void there_is_always_a_text(void **state)
{
    (void)state;
    struct tidings_error err = { 0 };
    assert_string_equal(error_text(NULL, TIDINGS_E_FULL), tidings_status_text(TIDINGS_E_FULL));
    assert_string_equal(error_text(&err, TIDINGS_E_FULL), tidings_status_text(TIDINGS_E_FULL));
    assert_int_equal(error_set(&err, TIDINGS_E_FULL, "no slot"), TIDINGS_E_FULL);
    assert_string_equal(error_text(&err, TIDINGS_E_FULL), "no slot");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_status_has_a_row),
        cmocka_unit_test(errors_are_filled_and_returned),
        cmocka_unit_test(an_errno_may_know_better),
        cmocka_unit_test(long_texts_are_cut),
        cmocka_unit_test(there_is_always_a_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
