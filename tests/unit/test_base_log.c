// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

struct sink {
    struct clock_manual clock;
    struct log log;
    int reader;
    char text[8192];
};

static int open_sink(void **state)
{
    int ends[2];
    struct sink *sink = calloc(1, sizeof *sink);
    if (sink == NULL || pipe(ends) != 0) {
        free(sink);
        return -1;
    }
    clock_manual_init(&sink->clock, 1714566600123);
    log_init(&sink->log, &sink->clock.clock, ends[1], LOG_DEBUG);
    sink->reader = ends[0];
    *state = sink;
    return 0;
}

static int close_sink(void **state)
{
    struct sink *sink = *state;
    close(sink->reader);
    close(sink->log.fd);
    free(sink);
    return 0;
}

// What one write(2) brought.
static const char *taken(struct sink *sink)
{
    ssize_t n = read(sink->reader, sink->text, sizeof sink->text - 1);
    assert_true(n > 0);
    sink->text[n] = '\0';
    return sink->text;
}

static void lines_have_time_level_room_and_pairs(void **state)
{
    struct sink *sink = *state;
    log_line(&sink->log, LOG_INFO, "broker", "msg=\"%s\" port=%d", "listening", 9876);
    assert_string_equal(taken(sink), "time=2024-05-01T12:30:00.123Z level=info room=broker "
                                     "msg=\"listening\" port=9876\n");
    log_line(&sink->log, LOG_ERROR, "app", "msg=\"x\"");
    assert_string_equal(taken(sink), "time=2024-05-01T12:30:00.123Z level=error room=app "
                                     "msg=\"x\"\n");
    log_line(&sink->log, LOG_WARN, "app", "msg=\"x\"");
    assert_non_null(strstr(taken(sink), " level=warn "));
    log_line(&sink->log, LOG_DEBUG, "app", "msg=\"x\"");
    assert_non_null(strstr(taken(sink), " level=debug "));
}

static void levels_above_are_dropped_and_not_counted(void **state)
{
    struct sink *sink = *state;
    sink->log.level = LOG_WARN;
    log_line(&sink->log, LOG_INFO, "app", "msg=\"quiet\"");
    log_line(&sink->log, LOG_DEBUG, "app", "msg=\"quiet\"");
    log_line(&sink->log, LOG_WARN, "app", "msg=\"loud\"");
    assert_non_null(strstr(taken(sink), "msg=\"loud\""));
    log_line(&sink->log, LOG_ERROR, "app", "msg=\"louder\"");
    assert_non_null(strstr(taken(sink), "msg=\"louder\""));
    assert_int_equal(atomic_load(&sink->log.lines[LOG_ERROR]), 1);
    assert_int_equal(atomic_load(&sink->log.lines[LOG_WARN]), 1);
    assert_int_equal(atomic_load(&sink->log.lines[LOG_INFO]), 0);
    assert_int_equal(atomic_load(&sink->log.lines[LOG_DEBUG]), 0);
}

static void control_characters_cannot_make_a_second_line(void **state)
{
    struct sink *sink = *state;
    log_line(&sink->log, LOG_INFO, "app", "msg=\"%s\"",
             "a\nlevel=error\r\t\x1b[31m\x7f caf\xc3\xa9");
    const char *line = taken(sink);
    assert_non_null(strstr(line, "msg=\"a level=error   [31m  caf\xc3\xa9\"\n"));
    assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
}

static void long_lines_are_cut(void **state)
{
    struct sink *sink = *state;
    char text[5000];
    for (size_t len = 1900; len < 2100; len++) { // around the limit, every length
        memset(text, 'x', len);
        text[len] = '\0';
        log_line(&sink->log, LOG_INFO, "app", "msg=%s", text);
        const char *line = taken(sink);
        assert_true(strlen(line) <= 2000);
        assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
    }
    memset(text, 'y', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    log_line(&sink->log, LOG_INFO, text, "msg=%s", text); // even when the room's name is absurd
    assert_true(strlen(taken(sink)) <= 2000);
}

static void nowhere_is_allowed(void **state)
{
    struct sink *sink = *state;
    struct log none;
    log_line(NULL, LOG_ERROR, "app", "msg=\"x\"");
    log_init(&none, &sink->clock.clock, -1, LOG_DEBUG);
    log_line(&none, LOG_ERROR, "app", "msg=\"x\"");
    assert_int_equal(atomic_load(&none.lines[LOG_ERROR]), 0);
}

static void level_names_are_known(void **state)
{
    enum log_level level = LOG_DEBUG;
    (void)state;
    assert_true(log_level_parse("error", &level) && level == LOG_ERROR);
    assert_true(log_level_parse("warn", &level) && level == LOG_WARN);
    assert_true(log_level_parse("info", &level) && level == LOG_INFO);
    assert_true(log_level_parse("debug", &level) && level == LOG_DEBUG);
    assert_false(log_level_parse("", &level));
    assert_false(log_level_parse("INFO", &level));
    assert_false(log_level_parse("info ", &level));
    assert_false(log_level_parse("warning", &level));
    assert_int_equal(level, LOG_DEBUG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(lines_have_time_level_room_and_pairs, open_sink,
                                        close_sink),
        cmocka_unit_test_setup_teardown(levels_above_are_dropped_and_not_counted, open_sink,
                                        close_sink),
        cmocka_unit_test_setup_teardown(control_characters_cannot_make_a_second_line, open_sink,
                                        close_sink),
        cmocka_unit_test_setup_teardown(long_lines_are_cut, open_sink, close_sink),
        cmocka_unit_test_setup_teardown(nowhere_is_allowed, open_sink, close_sink),
        cmocka_unit_test(level_names_are_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
