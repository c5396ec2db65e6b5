// SPDX-License-Identifier: Apache-2.0
// Time and randomness as faces that a test can replace. Deadlines use mono_us, records use wall_ms
// (UTC).
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct clock {
    int64_t (*wall_ms)(void *arg); // milliseconds since 1970-01-01T00:00:00Z
    int64_t (*mono_us)(void *arg); // microseconds, never goes back
    void *arg;
};

// The system's clocks. The result is constant and may be shared by threads.
const struct clock *clock_system(void);

static inline int64_t clock_wall_ms(const struct clock *clock)
{
    return clock->wall_ms(clock->arg);
}
static inline int64_t clock_mono_us(const struct clock *clock)
{
    return clock->mono_us(clock->arg);
}

// A clock that stands still until it is moved: for tests.
struct clock_manual {
    struct clock clock;
    int64_t wall_ms;
    int64_t mono_us;
};
void clock_manual_init(struct clock_manual *manual, int64_t wall_ms);
void clock_manual_advance_ms(struct clock_manual *manual, int64_t ms);

// "2024-05-01T12:30:00.123Z" into out (room for 32 bytes).
void clock_format_utc(int64_t wall_ms, char *out, size_t size);

// Random numbers: a small fast generator (xoshiro256**, public domain algorithm), never for
// secrets.
struct rnd {
    uint64_t state[4];
};
void rnd_seed(struct rnd *rnd, uint64_t seed);
void rnd_seed_system(struct rnd *rnd);
// From the system, good for keys; at most 256 bytes. False when it has none.
bool rnd_system(void *bytes, size_t len);
uint64_t rnd_next(struct rnd *rnd);
// In [0, bound), bound > 0.
uint64_t rnd_below(struct rnd *rnd, uint64_t bound);

#endif
