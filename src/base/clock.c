// SPDX-License-Identifier: Apache-2.0
#include "base/clock.h"

#include <stdio.h>
#include <sys/random.h>
#include <time.h>

#include "base/compiler.h"

static int64_t system_wall_ms(void *arg)
{
    struct timespec now;
    (void)arg;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t system_mono_us(void *arg)
{
    struct timespec now;
    (void)arg;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

const struct clock *clock_system(void)
{
    static const struct clock clock = { system_wall_ms, system_mono_us, NULL };
    return &clock;
}

static int64_t manual_wall_ms(void *arg)
{
    return ((struct clock_manual *)arg)->wall_ms;
}

static int64_t manual_mono_us(void *arg)
{
    return ((struct clock_manual *)arg)->mono_us;
}

void clock_manual_init(struct clock_manual *manual, int64_t wall_ms)
{
    *manual = (struct clock_manual){ .clock = { manual_wall_ms, manual_mono_us, manual },
                                     .wall_ms = wall_ms,
                                     .mono_us = 1000000 };
}

void clock_manual_advance_ms(struct clock_manual *manual, int64_t ms)
{
    manual->wall_ms += ms;
    manual->mono_us += ms * 1000;
}

void clock_format_utc(int64_t wall_ms, char *out, size_t size)
{
    int64_t seconds = wall_ms / 1000;
    int64_t millis = wall_ms % 1000;
    if (millis < 0) {
        millis += 1000;
        seconds--;
    }
    time_t when = (time_t)seconds;
    struct tm parts;
    char day[32];
    if (gmtime_r(&when, &parts) == NULL ||
        strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%S", &parts) == 0) {
        day[0] = '\0';
    }
    int n = snprintf(out, size, "%s.%03dZ", day, (int)millis);
    if (n < 0 && size > 0) {
        out[0] = '\0';
    }
}

static uint64_t split_mix(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15ULL);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
}

void rnd_seed(struct rnd *rnd, uint64_t seed)
{
    for (int i = 0; i < 4; i++) {
        rnd->state[i] = split_mix(&seed);
    }
}

bool rnd_system(void *bytes, size_t len)
{
    return getrandom(bytes, len, 0) == (ssize_t)len; // up to 256 bytes come whole or not at all
}

void rnd_seed_system(struct rnd *rnd)
{
    uint64_t seed;
    if (!rnd_system(&seed, sizeof seed)) {
        seed = (uint64_t)system_mono_us(NULL);
    }
    rnd_seed(rnd, seed);
}

static uint64_t rotate(uint64_t x, int by)
{
    return (x << by) | (x >> (64 - by));
}

uint64_t rnd_next(struct rnd *rnd)
{
    uint64_t *s = rnd->state;
    uint64_t result = rotate(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate(s[3], 45);
    return result;
}

uint64_t rnd_below(struct rnd *rnd, uint64_t bound)
{
    BASE_ASSERT(bound > 0);
    uint64_t limit = UINT64_MAX - UINT64_MAX % bound; // equal chances: values above are drawn again
    uint64_t value;
    do {
        value = rnd_next(rnd);
    } while (value >= limit);
    return value % bound;
}
