// SPDX-License-Identifier: Apache-2.0
// The climb: which delivery comes next, and when.
#include "ladder/ladder.h"

const char *ladder_death_text(enum ladder_death death)
{
    switch (death) {
    case LADDER_ALIVE: return "alive";
    case LADDER_RUNGS_USED: return "the last rung of the ladder";
    case LADDER_LIMIT: return "attempt limit";
    case LADDER_WINDOW: return "time window";
    }
    return "unknown";
}

static int64_t rung_steps(const struct ladder *ladder)
{
    if (ladder->count == 0) {
        return 0;
    }
    return ladder->repeat_last == 0 ? INT64_MAX : (int64_t)ladder->count - 1 + ladder->repeat_last;
}

int64_t ladder_steps(const struct ladder *ladder)
{
    int64_t rungs = rung_steps(ladder);
    return ladder->limit > 0 && ladder->limit < rungs ? ladder->limit : rungs;
}

int64_t ladder_delay_ms(const struct ladder *ladder, int64_t step)
{
    if (step < 1 || step > ladder_steps(ladder)) {
        return -1;
    }
    return ladder->rungs_ms[step > (int64_t)ladder->count ? ladder->count - 1 : (unsigned)step - 1];
}

static int64_t add_capped(int64_t a, int64_t b)
{
    int64_t sum;
    if (__builtin_add_overflow(a, b, &sum)) {
        return b > 0 ? INT64_MAX : INT64_MIN;
    }
    return sum;
}

static int64_t jitter_ms(const struct ladder *ladder, int64_t delay_ms, struct rnd *rnd)
{
    if (rnd == NULL || ladder->jitter_percent == 0) {
        return 0;
    }
    uint64_t percent = ladder->jitter_percent;
    uint64_t delay = (uint64_t)delay_ms;
    // in two parts, so that neither a long delay overflows nor a short one loses its share
    uint64_t most = delay / 100 * percent + delay % 100 * percent / 100;
    return (int64_t)rnd_below(rnd, most + 1);
}

void ladder_next(const struct ladder *ladder, unsigned done, int64_t first_ms, int64_t now_ms,
                 int64_t least_ms, struct rnd *rnd, struct ladder_step *ret)
{
    *ret = (struct ladder_step){ 0 };
    int64_t delay_ms = ladder_delay_ms(ladder, (int64_t)done + 1);
    if (delay_ms < 0) {
        bool limited = ladder->limit > 0 && (int64_t)done >= ladder->limit;
        ret->dead = limited ? LADDER_LIMIT : LADDER_RUNGS_USED;
        return;
    }
    int64_t latest_ms = ladder->window_ms > 0 ? add_capped(first_ms, ladder->window_ms) : INT64_MAX;
    latest_ms = latest_ms == INT64_MAX ? INT64_MAX - 1 : latest_ms; // where sums are capped
    int64_t due_ms = add_capped(now_ms, delay_ms < least_ms ? least_ms : delay_ms);
    if (due_ms > latest_ms) {
        ret->dead = LADDER_WINDOW;
        return;
    }
    int64_t jittered_ms =
        add_capped(now_ms, add_capped(delay_ms, jitter_ms(ladder, delay_ms, rnd)));
    due_ms = jittered_ms > due_ms ? jittered_ms : due_ms;
    ret->due_ms = due_ms > latest_ms ? latest_ms : due_ms;
}

// ---- the course in advance ----
static bool in_window(const struct ladder *ladder, int64_t offset_ms)
{
    return offset_ms < INT64_MAX && (ladder->window_ms == 0 || offset_ms <= ladder->window_ms);
}

int64_t ladder_total_ms(const struct ladder *ladder)
{
    int64_t steps = ladder_steps(ladder);
    int64_t rungs = steps < (int64_t)ladder->count ? steps : (int64_t)ladder->count;
    int64_t total_ms = 0;
    for (int64_t step = 1; step <= rungs; step++) {
        int64_t next_ms = add_capped(total_ms, ladder_delay_ms(ladder, step));
        if (!in_window(ladder, next_ms)) {
            return total_ms;
        }
        total_ms = next_ms;
    }
    int64_t more = steps - rungs; // repetitions of the last rung
    if (more == 0) {
        return total_ms;
    }
    int64_t last_ms = ladder->rungs_ms[ladder->count - 1];
    if (ladder->window_ms > 0 && last_ms > 0) {
        int64_t fit = (ladder->window_ms - total_ms) / last_ms;
        more = fit < more ? fit : more;
    } else if (steps == INT64_MAX) {
        return INT64_MAX;
    }
    int64_t more_ms;
    return __builtin_mul_overflow(more, last_ms, &more_ms) ? INT64_MAX
                                                           : add_capped(total_ms, more_ms);
}

size_t ladder_preview(const struct ladder *ladder, int64_t *ret_offsets_ms, size_t max)
{
    int64_t offset_ms = 0;
    size_t n = 0;
    while (n < max) {
        int64_t delay_ms = ladder_delay_ms(ladder, (int64_t)n + 1);
        offset_ms = delay_ms < 0 ? INT64_MAX : add_capped(offset_ms, delay_ms);
        if (!in_window(ladder, offset_ms)) {
            break;
        }
        ret_offsets_ms[n++] = offset_ms;
    }
    return n;
}
