// SPDX-License-Identifier: Apache-2.0
// Headers made from a seed, whole and damaged, read by the scanner and by jansson.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/clock.h"

#include "../../fuzz/fuzz_wire_judge.h"

enum { ROUNDS = 5000, TEXT_MAX = 65536 };

struct maker {
    struct rnd rnd;
    struct buf text;
};

static void put(struct maker *maker, const char *text)
{
    assert_int_equal(buf_add(&maker->text, text, strlen(text)), TIDINGS_OK);
}

static void put_one_of(struct maker *maker, const char *const *texts, size_t n)
{
    put(maker, texts[rnd_below(&maker->rnd, n)]);
}

static void put_space(struct maker *maker)
{
    static const char *const spaces[] = { "", "", "", "", "", " ", "\n", "\t\r " };
    put_one_of(maker, spaces, BASE_COUNT(spaces));
}

static void put_string(struct maker *maker)
{
    static const char *const pieces[] = {
        "a",        "plain text",   "0123456789", "\\u0001", "\\u0002", "\\n",
        "\\\"",     "\\\\",         "\\/",        "\\u00e9", "\\u20AC", "\\uD83D\\uDE00",
        "\xc3\xa9", "\xe2\x82\xac", "{",          "]",       ",",       ":",
        "\x7f",     "\\b\\f\\r\\t"
    };
    put(maker, "\"");
    for (uint64_t n = rnd_below(&maker->rnd, 12); n > 0; n--) {
        put_one_of(maker, pieces, BASE_COUNT(pieces));
    }
    put(maker, "\"");
}

static void put_scalar(struct maker *maker)
{
    static const char *const others[] = {
        "0",     "-1",   "42",   "2147483647",          "-2147483648", "1.5",
        "-0",    "0.25", "1e3",  "9223372036854775807", "2E-2",        "true",
        "false", "null", "null", "-9223372036854775808"
    };
    if (rnd_below(&maker->rnd, 2) == 0) {
        put_string(maker);
    } else {
        put_one_of(maker, others, BASE_COUNT(others));
    }
}

static void put_value(struct maker *maker, int depth)
{
    uint64_t kind = depth < 4 ? rnd_below(&maker->rnd, 4) : 0;
    uint64_t count = rnd_below(&maker->rnd, 4);
    if (kind < 2) {
        put_scalar(maker);
        return;
    }
    put(maker, kind == 2 ? "[" : "{");
    for (uint64_t i = 0; i < count; i++) {
        put_space(maker);
        if (kind == 3) {
            char key[24];
            int n = snprintf(key, sizeof key, "\"k%d\":", (int)i);
            assert_true(n > 0);
            put(maker, key);
        }
        put_value(maker, depth + 1);
        put(maker, i + 1 < count ? "," : "");
    }
    put_space(maker);
    put(maker, kind == 2 ? "]" : "}");
}

static void put_fields(struct maker *maker)
{
    uint64_t count = rnd_below(&maker->rnd, 70);
    put(maker, "{");
    for (uint64_t i = 0; i < count; i++) {
        char key[24];
        int n = snprintf(key, sizeof key, "\"%c%d\"", (char)('a' + i % 26), (int)i / 26);
        assert_true(n > 0);
        put_space(maker);
        put(maker, key);
        put_space(maker);
        put(maker, ":");
        put_space(maker);
        put_scalar(maker);
        put(maker, i + 1 < count ? "," : "");
    }
    put(maker, "}");
}

static void put_header(struct maker *maker)
{
    static const char *const members[] = { "\"code\":310",
                                           "\"flag\":-1",
                                           "\"language\":\"JAVA\"",
                                           "\"opaque\":7",
                                           "\"remark\":null",
                                           "\"version\":409",
                                           "\"serializeTypeCurrentRPC\":\"JSON\"",
                                           "\"language\":9" };
    buf_clear(&maker->text);
    put_space(maker);
    put(maker, "{");
    for (size_t i = 0; i < BASE_COUNT(members); i++) {
        if (i == 0 || rnd_below(&maker->rnd, 3) > 0) {
            put_space(maker);
            put(maker, members[i]);
            put_space(maker);
            put(maker, ",");
        }
    }
    if (rnd_below(&maker->rnd, 4) == 0) {
        put(maker, "\"unknown\":");
        put_value(maker, 0);
        put(maker, ",");
    }
    put(maker, "\"extFields\" : ");
    if (rnd_below(&maker->rnd, 16) == 0) {
        put_value(maker, 0);
    } else {
        put_fields(maker);
    }
    put(maker, "}");
    put_space(maker);
}

static void damage(struct maker *maker)
{
    static const char bytes[] = "{}[]:,\"\\u0129afnte-+. \n\x01\x80\xff";
    for (uint64_t n = 1 + rnd_below(&maker->rnd, 3); n > 0 && maker->text.len > 0; n--) {
        size_t at = (size_t)rnd_below(&maker->rnd, maker->text.len);
        switch (rnd_below(&maker->rnd, 3)) {
        case 0: maker->text.ptr[at] = bytes[rnd_below(&maker->rnd, sizeof bytes)]; break;
        case 1: // one byte less
            memmove(maker->text.ptr + at, maker->text.ptr + at + 1, maker->text.len - at - 1);
            maker->text.len--;
            break;
        default: maker->text.len = at + 1; break; // cut
        }
    }
}

static void scanner_agrees_with_jansson(void **state)
{
    (void)state;
    struct maker maker;
    struct buf scratch;
    unsigned whole = 0;
    unsigned damaged = 0;
    rnd_seed(&maker.rnd, 20240501);
    buf_init(&maker.text, TEXT_MAX);
    buf_init(&scratch, TEXT_MAX);
    for (unsigned i = 0; i < ROUNDS; i++) {
        put_header(&maker);
        whole += judge_header(buf_str(&maker.text), &scratch);
        damage(&maker);
        damaged += judge_header(buf_str(&maker.text), &scratch);
    }
    // The generator must make what it is for: mostly good headers, and damage that mostly shows.
    assert_in_range(whole, ROUNDS / 2, ROUNDS - 1);
    assert_in_range(damaged, 1, ROUNDS / 2);
    buf_deinit(&scratch);
    buf_deinit(&maker.text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scanner_agrees_with_jansson),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
