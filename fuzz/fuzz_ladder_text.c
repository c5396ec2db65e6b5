// SPDX-License-Identifier: Apache-2.0
// Ladder and level texts, and the climb of whatever ladder they make.
#include "ladder/ladder.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { STEPS = 100 };

static bool same(const struct ladder *a, const struct ladder *b)
{
    return a->count == b->count && a->repeat_last == b->repeat_last && a->limit == b->limit &&
           a->window_ms == b->window_ms && a->jitter_percent == b->jitter_percent &&
           memcmp(a->rungs_ms, b->rungs_ms, sizeof a->rungs_ms) == 0;
}

static void check_round_trip(const struct ladder *ladder)
{
    struct buf text;
    struct buf text_again;
    struct ladder again;
    buf_init(&text, LADDER_TEXT_MAX - 1);
    buf_init(&text_again, LADDER_TEXT_MAX - 1);
    BASE_ASSERT(ladder_format(ladder, &text) == TIDINGS_OK);
    BASE_ASSERT(ladder_parse(buf_str(&text), &again, NULL) == TIDINGS_OK);
    BASE_ASSERT(same(ladder, &again));
    BASE_ASSERT(ladder_format(&again, &text_again) == TIDINGS_OK);
    BASE_ASSERT(str_eq(buf_str(&text), buf_str(&text_again)));
    buf_deinit(&text);
    buf_deinit(&text_again);
}

// Walks up in two ways, which must agree; a jittered walk is never earlier and never outside.
static void check_climb(const struct ladder *ladder, struct rnd *rnd)
{
    int64_t offsets_ms[STEPS];
    size_t count = ladder_preview(ladder, offsets_ms, STEPS);
    int64_t now_ms = 1000;
    struct ladder_step step;
    for (unsigned i = 0; i < STEPS; i++) {
        struct ladder_step jittered;
        ladder_next(ladder, i, 1000, now_ms, 0, NULL, &step);
        ladder_next(ladder, i, 1000, now_ms, 0, rnd, &jittered);
        BASE_ASSERT(jittered.dead == step.dead);
        BASE_ASSERT((step.dead == LADDER_ALIVE) == (i < count));
        if (step.dead != LADDER_ALIVE) {
            BASE_ASSERT(step.due_ms == 0);
            break;
        }
        BASE_ASSERT(step.due_ms - 1000 == offsets_ms[i]);
        BASE_ASSERT(step.due_ms - now_ms == ladder_delay_ms(ladder, (int64_t)i + 1));
        BASE_ASSERT(jittered.due_ms >= step.due_ms);
        BASE_ASSERT(ladder->window_ms == 0 || jittered.due_ms - 1000 <= ladder->window_ms);
        now_ms = step.due_ms;
    }
    int64_t total_ms = ladder_total_ms(ladder);
    BASE_ASSERT(count < STEPS ? total_ms == now_ms - 1000 : total_ms >= now_ms - 1000);
}

static void check_levels(struct str text, struct tidings_error *err)
{
    struct ladder_levels levels;
    struct ladder ladder;
    if (ladder_levels_parse(text, &levels, err) != TIDINGS_OK) {
        BASE_ASSERT(err->text[0] != '\0' && levels.count == 0);
        return;
    }
    BASE_ASSERT(levels.count >= 1 && levels.count <= LADDER_LEVELS_MAX);
    for (int level = -1; level <= LADDER_LEVELS_MAX + 1; level++) {
        int64_t delay_ms = ladder_level_ms(&levels, level);
        BASE_ASSERT(delay_ms >= 0 && delay_ms <= LADDER_RUNG_LONGEST_MS);
    }
    if (ladder_from_levels(&levels, &ladder, err) == TIDINGS_OK) {
        check_round_trip(&ladder);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = str_make(data, size);
    struct tidings_error err = { 0 };
    struct ladder ladder;
    struct rnd rnd;
    rnd_seed(&rnd, size);
    if (ladder_parse(text, &ladder, &err) == TIDINGS_OK) {
        BASE_ASSERT(ladder.count >= 1 && ladder.count <= LADDER_RUNGS_MAX);
        check_round_trip(&ladder);
        check_climb(&ladder, &rnd);
    } else {
        BASE_ASSERT(err.text[0] != '\0' && ladder.count == 0 && ladder_steps(&ladder) == 0);
    }
    check_levels(text, &err);
    return 0;
}
