// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/num.h"

static void loads_and_stores_keep_their_byte_order(void **state)
{
    (void)state;
    static const unsigned char bytes[] = { 0xff, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x88 };
    unsigned char out[9] = { 0 };
    const unsigned char *odd = bytes + 1; // no alignment is asked for
    assert_int_equal(num_load_be16(odd), 0x0102);
    assert_int_equal(num_load_be32(odd), 0x01020304);
    assert_true(num_load_be64(odd) == 0x0102030405060788ULL);
    assert_int_equal(num_load_le32(odd), 0x04030201);
    assert_true(num_load_le64(odd) == 0x8807060504030201ULL);
    num_store_be16(out + 1, 0x0102);
    assert_memory_equal(out + 1, odd, 2);
    num_store_be32(out + 1, 0x01020304);
    assert_memory_equal(out + 1, odd, 4);
    num_store_be64(out + 1, 0x0102030405060788ULL);
    assert_memory_equal(out + 1, odd, 8);
}

static void decimal_text_is_read_whole_or_not_at_all(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t value;
    } good[] = {
        { "0", 0 },
        { "-0", 0 },
        { "7", 7 },
        { "-7", -7 },
        { "007", 7 },
        { "9223372036854775807", INT64_MAX },
        { "-9223372036854775808", INT64_MIN },
        { "0000000000000000001", 1 },
    };
    static const char *const bad[] = {
        "",
        "-",
        "--1",
        "+1",
        " 1",
        "1 ",
        "1.0",
        "0x1",
        "1e3",
        "9223372036854775808",
        "-9223372036854775809",
        "9999999999999999999",
        "18446744073709551617", // 1 modulo 2^64
        "00000000000000000001", // more digits than any number has
        "\xd9\xa1",             // a digit, but not an ASCII one
    };
    int64_t value;
    for (size_t i = 0; i < BASE_COUNT(good); i++) {
        assert_true(num_parse_i64(str_of(good[i].text), INT64_MIN, INT64_MAX, &value));
        assert_true(value == good[i].value);
    }
    for (size_t i = 0; i < BASE_COUNT(bad); i++) {
        value = 42;
        assert_false(num_parse_i64(str_of(bad[i]), INT64_MIN, INT64_MAX, &value));
        assert_int_equal(value, 42);
    }
    assert_false(num_parse_i64((struct str){ NULL, 0 }, INT64_MIN, INT64_MAX, &value));
    assert_false(num_parse_i64(STR("1\0"), INT64_MIN, INT64_MAX, &value));
    assert_true(num_parse_i64(str_make("123", 2), 0, 99, &value) && value == 12);
}

static void decimal_text_keeps_its_range(void **state)
{
    (void)state;
    int64_t value;
    int32_t small;
    assert_true(num_parse_i64(STR("5"), 5, 5, &value));
    assert_false(num_parse_i64(STR("4"), 5, 6, &value));
    assert_false(num_parse_i64(STR("7"), 5, 6, &value));
    assert_true(num_parse_i32(STR("2147483647"), &small) && small == INT32_MAX);
    assert_true(num_parse_i32(STR("-2147483648"), &small) && small == INT32_MIN);
    assert_false(num_parse_i32(STR("2147483648"), &small));
    assert_false(num_parse_i32(STR("-2147483649"), &small));
    assert_false(num_parse_i32(STR("4294967296"), &small));
}

static void decimal_text_is_written_and_read_back(void **state)
{
    (void)state;
    static const int64_t values[] = { 0, 1, -1, 9, 10, 99, 100, -100, INT64_MAX, INT64_MIN };
    char out[21];
    for (size_t i = 0; i < BASE_COUNT(values); i++) {
        int64_t again;
        size_t len = num_format_i64(out, values[i]);
        assert_true(len <= sizeof out);
        assert_true(num_parse_i64(str_make(out, len), INT64_MIN, INT64_MAX, &again));
        assert_true(again == values[i]);
    }
    assert_int_equal(num_format_i64(out, INT64_MIN), 20);
    assert_memory_equal(out, "-9223372036854775808", 20);
    assert_int_equal(num_format_i64(out, 0), 1);
}

static void sizes_are_powers_of_1024(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t bytes;
    } good[] = {
        { "0", 0 },
        { "1024", 1024 },
        { "5b", 5 },
        { "5 B", 5 },
        { "64M", 64 << 20 },
        { "4 MiB", 4 << 20 },
        { "2g", 2LL << 30 },
        { "1KB", 1024 },
        { " 3 kib ", 3072 },
        { "8T", 8LL << 40 },
        { "9223372036854775807", INT64_MAX },
        { "8388607T", 8388607LL << 40 },
    };
    static const char *const bad[] = {
        "",         " ",     "M",      "-1",  "1.5M", "1P",   "1MM",   "1Mib2",
        "1iB",      "1 M B", "1Mi ib", "1bb", "0x10", "10 x", "1\x0b", "9223372036854775808",
        "8388608T",
    };
    int64_t bytes;
    for (size_t i = 0; i < BASE_COUNT(good); i++) {
        assert_true(num_parse_size(str_of(good[i].text), &bytes));
        assert_true(bytes == good[i].bytes);
    }
    for (size_t i = 0; i < BASE_COUNT(bad); i++) {
        assert_false(num_parse_size(str_of(bad[i]), &bytes));
    }
    assert_false(num_parse_size((struct str){ NULL, 0 }, &bytes));
}

static void durations_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ms;
    } good[] = {
        { "0", 0 },
        { "0s", 0 },
        { "0ms", 0 },
        { "7", 7000 },
        { "250ms", 250 },
        { "1s", 1000 },
        { "5m", 300000 },
        { "1h", 3600000 },
        { "2d", 172800000 },
        { "1h30m", 5400000 },
        { "1m1ms", 60001 },
        { "1d2h3m4s5ms", 93784005 },
        { "90m", 5400000 },
        { " 1s ", 1000 },
        { "9223372036854775807ms", INT64_MAX },
        { "9223372036854775", 9223372036854775000 },
    };
    static const char *const bad[] = {
        "",
        " ",
        "s",
        "-1s",
        "+1s",
        "1.5h",
        "1 s",
        "1w",
        "1M",
        "30m1h",
        "1s1s",
        "1ms1s",
        "1h30",
        "1sm",
        "1h ,",
        "1mss",
        "h1",
        "1h-1m",
        "9223372036854775808ms",
        "9223372036854776",
        "106751991168d",
        "106751991167d9h",
        "99999999999999999999",
    };
    int64_t ms;
    for (size_t i = 0; i < BASE_COUNT(good); i++) {
        assert_true(num_parse_duration_ms(str_of(good[i].text), &ms));
        assert_true(ms == good[i].ms);
    }
    for (size_t i = 0; i < BASE_COUNT(bad); i++) {
        assert_false(num_parse_duration_ms(str_of(bad[i]), &ms));
    }
    assert_false(num_parse_duration_ms((struct str){ NULL, 0 }, &ms));
}

static void durations_are_written_and_read_back(void **state)
{
    (void)state;
    static const struct {
        int64_t ms;
        const char *text;
    } rows[] = {
        { 0, "0s" },
        { 1, "1ms" },
        { 999, "999ms" },
        { 1000, "1s" },
        { 60000, "1m" },
        { 5400000, "1h30m" },
        { 86400000, "1d" },
        { 86400001, "1d1ms" },
        { 67560000, "18h46m" },
        { INT64_MAX, "106751991167d7h12m55s807ms" },
    };
    char out[48];
    for (size_t i = 0; i < BASE_COUNT(rows); i++) {
        int64_t again;
        struct str text = str_make(out, num_format_duration_ms(out, rows[i].ms));
        assert_true(str_eq_c(text, rows[i].text));
        assert_true(num_parse_duration_ms(text, &again));
        assert_true(again == rows[i].ms);
    }
}

// One bit after the other, from the definition.
static uint32_t slow_crc32c(uint32_t crc, const unsigned char *p, size_t len)
{
    crc = ~crc;
    for (size_t i = 0; i < len; i++) {
        for (int bit = 0; bit < 8; bit++) {
            uint32_t in = (p[i] >> bit) & 1u;
            crc = (crc >> 1) ^ ((crc ^ in) & 1u ? 0x82f63b78u : 0);
        }
    }
    return ~crc;
}

static void crc32c_gives_the_published_values(void **state)
{
    (void)state;
    unsigned char block[32];
    assert_int_equal(num_crc32c(0, "", 0), 0);
    assert_int_equal(num_crc32c(0, NULL, 0), 0);
    assert_true(num_crc32c(0, "123456789", 9) == 0xe3069283u);
    assert_true(num_crc32c_plain(0, "123456789", 9) == 0xe3069283u);
    memset(block, 0, sizeof block); // RFC 3720, appendix B.4
    assert_true(num_crc32c(0, block, sizeof block) == 0x8a9136aau);
    memset(block, 0xff, sizeof block);
    assert_true(num_crc32c(0, block, sizeof block) == 0x62a8ab43u);
    for (size_t i = 0; i < sizeof block; i++) {
        block[i] = (unsigned char)i;
    }
    assert_true(num_crc32c(0, block, sizeof block) == 0x46dd794eu);
    assert_true(num_crc32c_plain(0, block, sizeof block) == 0x46dd794eu);
}

static void crc32c_is_the_same_by_every_way(void **state)
{
    (void)state;
    unsigned char bytes[300];
    uint32_t x = 1;
    for (size_t i = 0; i < sizeof bytes; i++) {
        x = x * 1664525u + 1013904223u;
        bytes[i] = (unsigned char)(x >> 24);
    }
    for (size_t from = 0; from < 9; from++) { // every alignment and tail
        for (size_t len = 0; len + from <= sizeof bytes; len++) {
            uint32_t want = slow_crc32c(0, bytes + from, len);
            assert_true(num_crc32c(0, bytes + from, len) == want);
            assert_true(num_crc32c_plain(0, bytes + from, len) == want);
            uint32_t half = num_crc32c(0, bytes + from, len / 2);
            assert_true(num_crc32c(half, bytes + from + len / 2, len - len / 2) == want);
            half = num_crc32c_plain(0, bytes + from, len / 3);
            assert_true(num_crc32c_plain(half, bytes + from + len / 3, len - len / 3) == want);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loads_and_stores_keep_their_byte_order),
        cmocka_unit_test(decimal_text_is_read_whole_or_not_at_all),
        cmocka_unit_test(decimal_text_keeps_its_range),
        cmocka_unit_test(decimal_text_is_written_and_read_back),
        cmocka_unit_test(sizes_are_powers_of_1024),
        cmocka_unit_test(durations_are_read),
        cmocka_unit_test(durations_are_written_and_read_back),
        cmocka_unit_test(crc32c_gives_the_published_values),
        cmocka_unit_test(crc32c_is_the_same_by_every_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
