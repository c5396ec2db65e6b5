// SPDX-License-Identifier: Apache-2.0
// Lines of a reply's head that libcurl forgives.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "http/call.h"

static void lines(void **state)
{
    static const struct {
        const char *line;
        bool broken;
    } rows[] = {
        { "HTTP/1.1 200 OK\r\n", false },
        { "HTTP/1.0 404\r\n", false },
        { "HTTP/2 200 \r\n", false },
        { "http/1.1 200 OK\r\n", false },
        { "HTTP/x 200 OK\r\n", true },
        { "HTTP/1.1 20 OK\r\n", true },
        { "HTTP/1.1 OK\r\n", true },
        { "HTTP/1.1\r\n", true },
        { "HTTP/\r\n", true },
        { "Content-Length: 0\r\n", false },
        { "content-length:12\r\n", false },
        { "Content-Length: 999999999999999999\r\n", false },
        { "Content-Length: 9999999999999999999\r\n", true },
        { "Content-Length: -5\r\n", true },
        { "Content-Length: many\r\n", true },
        { "Content-Length:\r\n", true },
        { "X-Content-Length: many\r\n", false },
        { "X: y\r\n", false },
        { "\r\n", false },
    };
    (void)state;
    for (size_t i = 0; i < BASE_COUNT(rows); i++) {
        bool broken = false;
        bool ended = false;
        head_line(str_of(rows[i].line), &broken, &ended);
        if (broken != rows[i].broken) {
            fail_msg("%s", rows[i].line);
        }
        assert_int_equal(ended, strcmp(rows[i].line, "\r\n") == 0);
    }
}

static void an_interim_reply_is_not_the_one(void **state)
{
    bool broken = false;
    bool ended = false;
    (void)state;
    head_line(STR("HTTP/1.1 100 Continue\r\n"), &broken, &ended);
    head_line(STR("\r\n"), &broken, &ended);
    assert_true(ended);
    head_line(STR("HTTP/1.1 200 OK\r\n"), &broken, &ended);
    assert_false(ended);
    head_line(STR("X: y\r\n"), &broken, &ended);
    assert_false(ended);
    head_line(STR("\r\n"), &broken, &ended);
    assert_true(ended);
    assert_false(broken);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines),
        cmocka_unit_test(an_interim_reply_is_not_the_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
