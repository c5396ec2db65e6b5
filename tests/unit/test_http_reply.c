// SPDX-License-Identifier: Apache-2.0
// Replies as they come over a socket: whole, byte by byte, and wrong in every way.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "http/call.h"
#include "http/reply.h"

enum { BODY_MAX = 1000 };

struct seen {
    enum reply_verdict verdict;
    int status;
    int version;
    bool keeps;
    bool truncated;
    bool whole_at_end; // of the connection
    size_t used;
    char body[BODY_MAX + 1];
};

// In pieces of `step` bytes.
static struct seen feed(struct str bytes, size_t step, bool is_of_head)
{
    struct reply reply;
    struct buf body;
    struct seen seen = { 0 };
    reply_init(&reply);
    buf_init(&body, BODY_MAX);
    reply_begin(&reply, is_of_head);
    while (seen.used < bytes.len && seen.verdict == REPLY_GOES_ON) {
        size_t used = 0;
        size_t len = bytes.len - seen.used < step ? bytes.len - seen.used : step;
        char *piece = malloc(len); // its own, so that reading behind it is found
        assert_non_null(piece);
        memcpy(piece, bytes.ptr + seen.used, len);
        seen.verdict = reply_feed(&reply, str_make(piece, len), &body, &used);
        free(piece);
        seen.used += used;
        if (seen.verdict == REPLY_GOES_ON) {
            assert_int_equal(used, len);
        }
    }
    if (seen.verdict == REPLY_GOES_ON) {
        seen.whole_at_end = reply_ends(&reply);
    }
    seen.status = reply.status;
    seen.version = reply.http_version;
    seen.keeps = reply.keeps;
    seen.truncated = reply.truncated;
    assert_int_equal(seen.verdict == REPLY_IS_WRONG, reply.wrong != NULL);
    memcpy(seen.body, body.ptr != NULL ? body.ptr : "", body.len);
    reply_deinit(&reply);
    buf_deinit(&body);
    return seen;
}

#define H "HTTP/1.1 200 OK\r\n"

// ---- good ones ----
static void good_replies(void **state)
{
    static const struct {
        const char *text;
        int status;
        bool keeps;
        const char *body;
        const char *behind; // what is not of the reply
    } rows[] = {
        { H "Content-Length: 7\r\n\r\nsuccess", 200, true, "success", "" },
        { H "content-LENGTH:7\r\n\r\nsuccess", 200, true, "success", "" },
        { H "Content-Length: 7\r\nContent-Length: 7\r\n\r\nsuccess", 200, true, "success", "" },
        { H "Content-Length: 0\r\n\r\n", 200, true, "", "" },
        { H "Content-Length: 2\r\n\r\nokHTTP/1.1 500 x\r\n", 200, true, "ok",
          "HTTP/1.1 500 x\r\n" },
        { H "Content-Length: 2\r\nConnection: close\r\n\r\nok", 200, false, "ok", "" },
        { H "Connection: x , CLOSE\r\nContent-Length: 2\r\n\r\nok", 200, false, "ok", "" },
        { "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", 200, false, "ok", "" },
        { "HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 2\r\n\r\nok", 200, true,
          "ok", "" },
        { "HTTP/1.1 204 No Content\r\n\r\n", 204, true, "", "" },
        { "HTTP/1.1 204\r\nContent-Length: 5\r\n\r\nhello", 204, true, "", "hello" },
        { "HTTP/1.1 304 x\r\nContent-Length: 5\r\n\r\n", 304, true, "", "" },
        { "HTTP/1.1 304 x\r\nTransfer-Encoding: chunked\r\n\r\n", 304, true, "", "" },
        { "http/1.1 200 \r\nContent-Length: 0\r\n\r\n", 200, true, "", "" },
        { "HTTP/1.1 200 OK\nContent-Length: 2\n\nok", 200, true, "ok", "" },
        { H "Folded: a\r\n b\r\n\tc\r\nContent-Length: 2\r\n\r\nok", 200, true, "ok", "" },
        { H "X:\r\nY: \xc3\xa4\r\nContent-Length: 2\r\n\r\nok", 200, true, "ok", "" },
        { "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 x\r\nConnection: close\r\nLink: y\r\n\r\n" H
          "Content-Length: 2\r\n\r\nok",
          200, true, "ok", "" },
        { H "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", 200, true,
          "hello world", "" },
        { H "Transfer-Encoding: Chunked\r\n\r\n0005;a=b;c=\"d\"\r\nhello\r\n0 ; x\r\nA: b\r\n"
            "Content-Length: 9\r\n\r\nmore",
          200, true, "hello", "more" },
        { H "Transfer-Encoding: chunked\r\n\r\nA\r\n0123456789\r\na\r\n0123456789\r\n00\r\n\r\n",
          200, true, "01234567890123456789", "" },
        { "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n"
          "2\r\nok\r\n0\r\n\r\n",
          200, false, "ok", "" },
    };
    (void)state;
    for (size_t i = 0; i < BASE_COUNT(rows); i++) {
        struct str text = str_of(rows[i].text);
        for (size_t step = 1; step <= text.len; step++) {
            struct seen seen = feed(text, step, false);
            if (seen.verdict != REPLY_IS_WHOLE || seen.status != rows[i].status ||
                seen.keeps != rows[i].keeps || strcmp(seen.body, rows[i].body) != 0 ||
                strcmp(text.ptr + seen.used, rows[i].behind) != 0) {
                fail_msg("row %zu in pieces of %zu: %d, status %d, body \"%s\"", i, step,
                         (int)seen.verdict, seen.status, seen.body);
            }
        }
    }
}

static void a_body_may_last_until_the_end(void **state)
{
    static const char *const heads[] = { H "\r\n", "HTTP/1.0 200 OK\r\n\r\n",
                                         H "Transfer-Encoding: identity\r\n\r\n" };
    (void)state;
    for (size_t i = 0; i < BASE_COUNT(heads); i++) {
        char text[256];
        (void)snprintf(text, sizeof text, "%sgood morning", heads[i]);
        for (size_t step = 1; step < 40; step++) {
            struct seen seen = feed(str_of(text), step, false);
            assert_int_equal(seen.verdict, REPLY_GOES_ON);
            assert_true(seen.whole_at_end && !seen.keeps);
            assert_string_equal(seen.body, "good morning");
        }
    }
}

static void of_head_there_is_no_body(void **state)
{
    (void)state;
    struct seen seen = feed(STR(H "Content-Length: 700\r\n\r\n"), 9, true);
    assert_int_equal(seen.verdict, REPLY_IS_WHOLE);
    assert_true(seen.keeps);
}

// Every beginning of a good reply is no whole one, wherever the connection ends.
static void a_part_is_not_the_whole(void **state)
{
    static const struct str texts[] = {
        { H "Content-Length: 7\r\n\r\nsuccess", sizeof(H "Content-Length: 7\r\n\r\nsuccess") - 1 },
        { H "Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nA: b\r\n\r\n",
          sizeof(H "Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nA: b\r\n\r\n") - 1 },
    };
    (void)state;
    for (size_t i = 0; i < BASE_COUNT(texts); i++) {
        for (size_t len = 1; len < texts[i].len; len++) {
            struct seen seen = feed(str_make(texts[i].ptr, len), 1, false);
            assert_int_equal(seen.verdict, REPLY_GOES_ON);
            assert_false(seen.whole_at_end);
        }
    }
}

// ---- too long ----
static void more_than_the_room_is_cut(void **state)
{
    static char text[4096];
    (void)state;
    for (int is_chunked = 0; is_chunked < 2; is_chunked++) {
        int head =
            snprintf(text, sizeof text, "%s%s\r\n\r\n", H,
                     is_chunked ? "Transfer-Encoding: chunked\r\n\r\n7d0" : "Content-Length: 2000");
        memset(text + head, 'x', 2000);
        for (size_t step = 1; step < 3000; step += 97) {
            struct seen seen = feed(str_make(text, (size_t)head + 2000), step, false);
            assert_int_equal(seen.verdict, REPLY_IS_WHOLE);
            assert_true(seen.truncated && !seen.keeps);
            assert_int_equal(strlen(seen.body), BODY_MAX);
        }
    }
}

static void exactly_the_room_is_whole(void **state)
{
    char text[BODY_MAX + 100];
    (void)state;
    int head = snprintf(text, sizeof text, H "Content-Length: %d\r\n\r\n", BODY_MAX);
    memset(text + head, 'x', BODY_MAX);
    struct seen seen = feed(str_make(text, (size_t)head + BODY_MAX), 64, false);
    assert_int_equal(seen.verdict, REPLY_IS_WHOLE);
    assert_true(seen.keeps && !seen.truncated);
}

// The beginning, then `piece` again and again: it ends soon after 64 KiB.
static void check_bounded(const char *begin, const char *piece, size_t at_most)
{
    struct buf text;
    buf_init(&text, 4 * HTTP_REPLY_HEADERS_MAX);
    assert_int_equal(buf_add_str(&text, str_of(begin)), TIDINGS_OK);
    while (text.len < 3 * HTTP_REPLY_HEADERS_MAX) {
        assert_int_equal(buf_add_str(&text, str_of(piece)), TIDINGS_OK);
    }
    for (size_t step = 1; step <= 100000; step *= 10) {
        struct seen seen = feed(buf_str(&text), step, false);
        assert_int_equal(seen.verdict, REPLY_IS_WRONG);
        assert_true(seen.used <= at_most + step);
    }
    buf_deinit(&text);
}

static void heads_are_bounded(void **state)
{
    const size_t most = HTTP_REPLY_HEADERS_MAX + 1024;
    (void)state;
    check_bounded(H, "X-More: 0123456789\r\n", most);
    check_bounded(H "X-More: ", "0123456789", most);
    check_bounded("HTTP/1.1 200 ", "OK", most);
    check_bounded(H "Transfer-Encoding: chunked\r\n\r\n0\r\n", "A: b\r\n", most);
    check_bounded(H "Transfer-Encoding: chunked\r\n\r\n1;", "extension", most);
    check_bounded(
        H "Transfer-Encoding: chunked\r\n\r\n",
        "1;"
        "0123456789abcdefghijklmnopqrst0123456789abcdefghijklmnopqrst0123456789abcdefghijklmnopqrst"
        "\r\nx\r\n",
        most * 3 / 2);
    check_bounded("", "HTTP/1.1 100 x\r\n\r\n", 20 * 20);
}

// ---- wrong ones ----
static void wrong_replies(void **state)
{
#define C H "Transfer-Encoding: chunked\r\n\r\n"
    static const char *const texts[] = {
        // status lines
        "good morning\r\n\r\n",
        "220 smtp.example ESMTP\r\n",
        "\r\n" H,
        "HTTP/1.1\r\n\r\n",
        "HTTP/1.1 OK\r\n\r\n",
        "HTTP/1.1 20 OK\r\n\r\n",
        "HTTP/1.1 2000 OK\r\n\r\n",
        "HTTP/1.1 099 OK\r\n\r\n",
        "HTTP/1.1 200OK\r\n\r\n",
        "HTTP/1.1  200 OK\r\n\r\n",
        "HTTP/1.1\t200 OK\r\n\r\n",
        "HTTP/x.1 200 OK\r\n\r\n",
        "HTTP/1 200 OK\r\n\r\n",
        "HTTP/2 200 OK\r\n\r\n",
        "HTTP/2.0 200 OK\r\n\r\n",
        "HTTP/0.9 200 OK\r\n\r\n",
        "HTTP/1.2 200 OK\r\n\r\n",
        "HTTP/11.1 200 OK\r\n\r\n",
        "HTTPS/1.1 200 OK\r\n\r\n",
        "ICY 200 OK\r\n\r\n",
        "HTTP/1.1 200 O\rK\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\n\r\n",
        // fields
        H "no colon\r\n\r\n",
        H ": no name\r\n\r\n",
        H "a space : x\r\n\r\n",
        H "space-before-colon : x\r\n\r\n",
        H "(x): y\r\n\r\n",
        H "X: a\rb\r\n\r\n",
        H "X: \x01\r\n\r\n",
        H "X: \x7f\r\n\r\n",
        H " folded: at once\r\n\r\n",
        H "Content-Length: 1\r\n 2\r\n\r\n",
        H "Transfer-Encoding: chunked\r\n , gzip\r\n\r\n",
        // where the body ends
        H "Content-Length: many\r\n\r\n",
        H "Content-Length:\r\n\r\n",
        H "Content-Length: -5\r\n\r\n",
        H "Content-Length: +5\r\n\r\n",
        H "Content-Length: 0x5\r\n\r\n",
        H "Content-Length: 5 5\r\n\r\n",
        H "Content-Length: 5, 5\r\n\r\n",
        H "Content-Length: 9999999999999999999\r\n\r\n",
        H "Content-Length: 5\r\nContent-Length: 6\r\n\r\n",
        H "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        H "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n",
        H "Transfer-Encoding: gzip, chunked\r\n\r\n",
        H "Transfer-Encoding: chunked, chunked\r\n\r\n",
        H "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
        H "Transfer-Encoding: xchunked\r\n\r\n",
        H "Transfer-Encoding:\r\n\r\n",
        H "Transfer-Encoding: identity\r\nContent-Length: 0\r\n\r\n",
        // chunks
        C "x\r\n",
        C "\r\n",
        C ";a=b\r\n",
        C "-1\r\n",
        C " 5\r\nhello\r\n",
        C "5 5\r\n",
        C "5\r\nhelloX\r\n",
        C "5\r\nhello5\r\n",
        C "1000000000000000\r\n",
        C "ffffffffffffffffff\r\n",
        C "5;\x01\r\nhello\r\n",
        C "5\rx\r\nhello\r\n",
        C "0\r\nno colon\r\n\r\n",
        C "0\r\n folded: at once\r\n\r\n",
        C "0\r\nX: \x01\r\n\r\n",
    };
    (void)state;
    for (size_t i = 0; i < BASE_COUNT(texts); i++) {
        struct str text = str_of(texts[i]);
        for (size_t step = 1; step <= text.len; step++) {
            struct seen seen = feed(text, step, false);
            if (seen.verdict != REPLY_IS_WRONG) {
                fail_msg("in pieces of %zu: %s", step, texts[i]);
            }
        }
    }
    struct seen seen = feed(STR(H "X: a\0b\r\n\r\n"), 100, false);
    assert_int_equal(seen.verdict, REPLY_IS_WRONG);
}

// Nobody waits for the end of a line that cannot be one.
static void nonsense_is_told_at_once(void **state)
{
    (void)state;
    assert_int_equal(feed(STR("SSH-2.0"), 1, false).used, 1);
    assert_int_equal(feed(STR("HTTQ"), 1, false).used, 4);
}

// ---- when to come again ----
static void retry_after(void **state)
{
    static const struct {
        const char *text;
        int64_t ms;
    } rows[] = {
        // now is 1994-11-06T08:49:00Z
        { "120", 120000 },
        { "0", 0 },
        { "0000000120", INT64_MAX },
        { "999999999", 999999999000 },
        { "9999999999", INT64_MAX },
        { "99999999999999999999999", 0 },
        { "", 0 },
        { "soon", 0 },
        { "-5", 0 },
        { "1.5", 0 },
        { "7 days", 0 },
        { "Sun, 06 Nov 1994 08:49:37 GMT", 37000 },
        { "Sunday, 06-Nov-94 08:49:37 GMT", 37000 },
        { "Sun Nov  6 08:49:37 1994", 37000 },
        { "Sun, 06 Nov 1994 08:48:59 GMT", 0 },
        { "Mon, 07 Nov 1994 08:49:00 GMT", 86400000 },
        { "Tue, 01 Mar 2000 00:00:00 GMT", 167757060000 },
        { "Sun, 06 Foo 1994 08:49:37 GMT", 0 },
        { "Sun, 32 Nov 1994 08:49:37 GMT", 0 },
        { "Sun, 06 Nov 1994 24:49:37 GMT", 0 },
        { "Sun, 06 Nov 1994 08:49 GMT", 0 },
        { "Sun, 06 Nov 1994", 0 },
        { "Thu, 99 Foo 2099 99:99:99 GMT", 0 },
        { "a b c d e f g h i j k l m n o p", 0 },
    };
    const int64_t now_ms = 784111740000;
    (void)state;
    for (size_t i = 0; i < BASE_COUNT(rows); i++) {
        int64_t ms = head_retry_after_ms(str_of(rows[i].text), now_ms);
        if (ms != rows[i].ms) {
            fail_msg("%s: %lld", rows[i].text, (long long)ms);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_replies),
        cmocka_unit_test(a_body_may_last_until_the_end),
        cmocka_unit_test(of_head_there_is_no_body),
        cmocka_unit_test(a_part_is_not_the_whole),
        cmocka_unit_test(more_than_the_room_is_cut),
        cmocka_unit_test(exactly_the_room_is_whole),
        cmocka_unit_test(heads_are_bounded),
        cmocka_unit_test(wrong_replies),
        cmocka_unit_test(nonsense_is_told_at_once),
        cmocka_unit_test(retry_after),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
