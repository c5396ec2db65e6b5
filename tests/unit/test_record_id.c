// SPDX-License-Identifier: Apache-2.0
// Ids and the table of states: what needs no database.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "record/private.h"

static void ids_are_read_back_and_keep_their_order(void **state)
{
    static const int64_t ids[] = { 0, 1, 31, 32, 4096, 1LL << 22, 907823456789LL << 22, INT64_MAX };
    char before[RECORD_ID_SIZE] = "";
    (void)state;
    for (size_t i = 0; i < BASE_COUNT(ids); i++) {
        char text[RECORD_ID_SIZE];
        int64_t back = -1;
        record_id_format(ids[i], text);
        assert_int_equal(strlen(text), RECORD_ID_SIZE - 1);
        assert_true(record_id_parse(str_of(text), &back) && back == ids[i]);
        assert_true(strcmp(before, text) < 0);
        memcpy(before, text, sizeof text);
    }
    assert_string_equal(before, "ntf_7zzzzzzzzzzzz");
}

static void other_texts_are_no_ids(void **state)
{
    static const char *const texts[] = {
        "",
        "ntf_",
        "ntf_000000000000",   // short
        "ntf_00000000000000", // long
        "NTF_0000000000000",
        "msg_0000000000000",
        "ntf_000000000000U", // no letter of the alphabet
        "ntf_000000000000l",
        "ntf_8000000000000", // 64 bits
        "ntf_zzzzzzzzzzzzz",
    };
    int64_t id;
    (void)state;
    for (size_t i = 0; i < BASE_COUNT(texts); i++) {
        assert_false(record_id_parse(str_of(texts[i]), &id));
    }
    assert_false(record_id_parse(STR("ntf_00000000000\0"
                                     "0"),
                                 &id));
}

static void ids_follow_the_clock_and_never_go_back(void **state)
{
    struct clock_manual clock;
    struct record record = { .clock = &clock.clock, .node = 1023 };
    (void)state;
    clock_manual_init(&clock, 1700000000000LL);
    int64_t first = record_id_new(&record, 1);
    assert_true(record_id_time_ms(first) == 1700000000000LL);
    assert_true(first >= record_id_at(1700000000000LL));
    assert_true(first < record_id_at(1700000000001LL));
    assert_true(record_id_new(&record, 3) == first + 1);
    assert_true(record_id_new(&record, 1) == first + 4);
    clock_manual_advance_ms(&clock, 5);
    int64_t later = record_id_new(&record, 1);
    assert_true(record_id_time_ms(later) == 1700000000005LL);
    clock_manual_advance_ms(&clock, -1000);
    assert_true(record_id_new(&record, 1) == later + 1);
}

static void ids_of_one_submission_follow_each_other(void **state)
{
    struct clock_manual clock;
    struct record record = { .clock = &clock.clock };
    (void)state;
    clock_manual_init(&clock, 1700000000000LL);
    int64_t last = 0;
    for (int i = 0; i < 100; i++) { // over the 4,096 of a millisecond, the clock standing still
        int64_t first = record_id_new(&record, RECORD_TARGETS_MAX);
        assert_true(first > last);
        last = first + RECORD_TARGETS_MAX - 1;
        assert_true(record_id_time_ms(first) == record_id_time_ms(last));
    }
    assert_true(record_id_time_ms(last) == 1700000000000LL + 100 * RECORD_TARGETS_MAX / 4096);
}

static void times_beyond_the_ids_are_bounded(void **state)
{
    (void)state;
    assert_true(record_id_at(INT64_MIN / 2) == 0);
    assert_true(record_id_at(0) == 0);
    assert_true(record_id_at(INT64_MAX / 2) > record_id_at(1700000000000LL));
    assert_true(record_id_at(INT64_MAX / 2) > 0);
}

// The transitions that mission and operators need, and no others.
static void states_change_by_the_table(void **state)
{
    static const struct {
        enum record_state from;
        enum record_event event;
        enum record_state to;
    } allowed[] = {
        { RECORD_WAITING, RECORD_CLAIM, RECORD_DELIVERING },
        { RECORD_WAITING, RECORD_CANCEL, RECORD_CANCELLED },
        { RECORD_DELIVERING, RECORD_CLAIM, RECORD_DELIVERING },
        { RECORD_DELIVERING, RECORD_RELEASE, RECORD_WAITING },
        { RECORD_DELIVERING, RECORD_TAKEN, RECORD_DELIVERED },
        { RECORD_DELIVERING, RECORD_RETRY, RECORD_WAITING },
        { RECORD_DELIVERING, RECORD_END, RECORD_DEAD },
        { RECORD_DELIVERING, RECORD_LOST, RECORD_WAITING },
        { RECORD_DELIVERED, RECORD_REDELIVER, RECORD_WAITING },
        { RECORD_DEAD, RECORD_REDELIVER, RECORD_WAITING },
        { RECORD_CANCELLED, RECORD_REDELIVER, RECORD_WAITING },
    };
    size_t found = 0;
    (void)state;
    for (int from = -1; from < 8; from++) {
        for (int event = -1; event < RECORD_EVENTS + 1; event++) {
            enum record_state to;
            if (!record_next((enum record_state)from, (enum record_event)event, &to)) {
                continue;
            }
            assert_true(found < BASE_COUNT(allowed));
            bool listed = false;
            for (size_t i = 0; i < BASE_COUNT(allowed); i++) {
                listed = listed || ((int)allowed[i].from == from &&
                                    (int)allowed[i].event == event && allowed[i].to == to);
            }
            assert_true(listed);
            found++;
        }
    }
    assert_int_equal(found, BASE_COUNT(allowed));
}

static void states_and_reasons_have_names(void **state)
{
    (void)state;
    assert_string_equal(record_state_text(RECORD_WAITING), "waiting");
    assert_string_equal(record_state_text(RECORD_CANCELLED), "cancelled");
    assert_string_equal(record_state_text((enum record_state)0), "unknown");
    assert_string_equal(record_state_text((enum record_state)99), "unknown");
    assert_string_equal(record_reason_text(RECORD_REASON_GONE), "gone");
    assert_string_equal(record_reason_text((enum record_reason)99), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_are_read_back_and_keep_their_order),
        cmocka_unit_test(other_texts_are_no_ids),
        cmocka_unit_test(ids_follow_the_clock_and_never_go_back),
        cmocka_unit_test(ids_of_one_submission_follow_each_other),
        cmocka_unit_test(times_beyond_the_ids_are_bounded),
        cmocka_unit_test(states_change_by_the_table),
        cmocka_unit_test(states_and_reasons_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
