// SPDX-License-Identifier: Apache-2.0
#include "broker/rates.h"

#include <stdio.h>
#include <string.h>

#include "broker/broker.h"
#include "broker/group.h"

enum { DAY_MS = 24 * 3600 * 1000 };

void rates_take(struct rates *rates, const struct broker_stats *stats, int64_t now_us,
                int64_t wall_ms)
{
    rates->last = rates->count > 0 ? (rates->last + 1) % RATES_SAMPLES : 0;
    rates->count += rates->count < RATES_SAMPLES;
    rates->samples[rates->last] = (struct rates_sample)
    {
        .at_us = now_us,
#define X(member) .member = stats->member,
        RATES_MAP(X)
#undef X
    };
    if (rates->day != 0 && wall_ms / DAY_MS > rates->day) {
        rates->yesterday = rates->today;
        rates->today = rates->samples[rates->last];
    }
    rates->day = wall_ms / DAY_MS;
}

static uint64_t value_at(const struct rates_sample *sample, size_t counter)
{
    uint64_t value;
    memcpy(&value, (const char *)sample + counter, sizeof value);
    return value;
}

// Per second since `back` samples ago, or since the oldest one.
static double rate(const struct rates *rates, size_t counter, unsigned back)
{
    if (rates->count < 2) {
        return 0;
    }
    unsigned most = rates->count - 1;
    back = back < most ? back : most;
    const struct rates_sample *now = &rates->samples[rates->last];
    const struct rates_sample *then =
        &rates->samples[(rates->last + RATES_SAMPLES - back) % RATES_SAMPLES];
    double seconds = (double)(now->at_us - then->at_us) / 1e6;
    return seconds > 0 ? (double)(value_at(now, counter) - value_at(then, counter)) / seconds : 0;
}

static const unsigned windows[] = { 1, 6, 60 }; // samples

void rates_format(const struct rates *rates, size_t counter, size_t other, char out[RATES_TEXT_MAX])
{
    double sums[3];
    for (unsigned i = 0; i < 3; i++) {
        sums[i] = rate(rates, counter, windows[i]);
        sums[i] += other != RATES_NONE ? rate(rates, other, windows[i]) : 0;
    }
    (void)snprintf(out, RATES_TEXT_MAX, "%.2f %.2f %.2f", sums[0], sums[1], sums[2]);
}

// ---- groups ----
static int64_t sum_of(const struct group *group)
{
    struct str key;
    void *value;
    size_t cursor = 0;
    int64_t sum = 0;
    while (map_next(&group->offsets, &cursor, &key, &value)) {
        const struct group_offsets *offsets = value;
        for (int32_t i = 0; i < offsets->count; i++) {
            sum += offsets->offsets[i] > 0 ? offsets->offsets[i] : 0;
        }
    }
    return sum;
}

void rates_measure_groups(struct groups *groups, int64_t now_us)
{
    struct str key;
    void *value;
    size_t cursor = 0;
    while (map_next(&groups->by_name, &cursor, &key, &value)) {
        struct group *group = value;
        int64_t sum = sum_of(group);
        double seconds = (double)(now_us - group->measured_us) / 1e6;
        bool usable = group->measured_us > 0 && seconds > 0 && sum >= group->measured_sum;
        group->per_second = usable ? (double)(sum - group->measured_sum) / seconds : 0;
        group->measured_us = now_us;
        group->measured_sum = sum;
    }
}
