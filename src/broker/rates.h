// SPDX-License-Identifier: Apache-2.0
// Rates per second for tools: over the last 10 seconds, minute and 10 minutes, as RocketMQ tells
// them; of what has run for a shorter time, over that.
#ifndef BROKER_RATES_H
#define BROKER_RATES_H

#include <stddef.h>
#include <stdint.h>

enum { RATES_MS = 10000, RATES_SAMPLES = 61, RATES_TEXT_MAX = 80 };

// X(member): a counter of struct broker_stats.
#define RATES_MAP(X)                                                                               \
    X(messages_in)                                                                                 \
    X(messages_out)                                                                                \
    X(pulls_found)                                                                                 \
    X(pulls_missed)

struct rates {
    struct rates_sample {
        int64_t at_us;
#define X(member) uint64_t member;
        RATES_MAP(X)
#undef X
    } samples[RATES_SAMPLES]; // a ring, filled every RATES_MS
    unsigned count;
    unsigned last;
    // the totals at the last two midnights (UTC), 0 before this process began
    int64_t day;
    struct rates_sample today;
    struct rates_sample yesterday;
};

struct broker_stats;
struct groups;

void rates_take(struct rates *rates, const struct broker_stats *stats, int64_t now_us,
                int64_t wall_ms);
// "a b c" of a counter, or of the sum of two. A counter is named by its place in struct
// rates_sample, offsetof(…); RATES_NONE is no counter.
#define RATES_NONE SIZE_MAX
void rates_format(const struct rates *rates, size_t counter, size_t other,
                  char out[RATES_TEXT_MAX]);
// How fast each group moves on: its offsets now against those of the last call.
void rates_measure_groups(struct groups *groups, int64_t now_us);

#endif
