// SPDX-License-Identifier: Apache-2.0
// The retry ladder: a growing list of delays between the deliveries of one message, and when it
// ends.
//
// Text: delays from first to last, separated by spaces or commas: "1m 5m 10m 30m 1h 2h 5h 10h".
// Units ms, s, m, h, d; a bare number is seconds; "1h30m" is one delay; each is at most 365d. The
// last may carry `*` (repeat it without end; not a delay of 0) or `*N` (N times in all, up to
// 1000000). After a `;` options, each once, in any order, separated like the delays:
//   limit=12     most deliveries after the first, 1 to 1000000
//   window=24h   none later than that after the first delivery, up to 3650d
//   jitter=10%   each delay longer by up to that share, 0% to 100%; without it a preset's own
// In place of the delays may stand the name of a preset, of LADDER_PRESETS.
// Values, no allocation, safe to copy. All sums are checked: a time beyond int64_t is never due.
#ifndef LADDER_LADDER_H
#define LADDER_LADDER_H

#include "base/clock.h"
#include "base/error.h"
#include "base/str.h"

enum {
    LADDER_RUNGS_MAX = 64,
    LADDER_TEXT_MAX = 1024, // size of an array for any ladder or level text and its NUL
    LADDER_LEVELS_MAX = 64,
};
// X(name, delays, jitter in percent, what it is). Payment ladders have no jitter: their receivers
// count on the times.
#define LADDER_PRESETS(X)                                                                          \
    X("article", "1m 5m 10m 30m 1h 2h 5h 10h", 0, "the default: eight in 18 h 46 min")             \
    X("rocketmq", "10s 30s 1m 2m 3m 4m 5m 6m 7m 8m 9m 10m 20m 30m 1h 2h*", 0,                      \
      "rule 3 + n over RocketMQ's default delay levels, without end")                              \
    X("wechat", "15s 15s 30s 3m 10m 20m 30m 30m 30m 60m 3h 3h 3h 6h 6h", 0,                        \
      "WeChat Pay: 15 in 24 h 4 min")                                                              \
    X("wechat-v1", "15s 15s 30s 3m 30m 30m 30m 30m 60m", 0, "WeChat Pay, older: 9 in 3 h 4 min")   \
    X("alipay", "4m 10m 10m 1h 2h 6h 15h", 0, "Alipay: 7 in 24 h 24 min")                          \
    X("standard-webhooks", "5s 5m 30m 2h 5h 10h 14h 20h 24h", 10,                                  \
      "Standard Webhooks 1.0.0: 9 in 75 h 35 min, jitter 10%")

#define LADDER_RUNG_LONGEST_MS   (365LL * 86400 * 1000)
#define LADDER_WINDOW_LONGEST_MS (10 * LADDER_RUNG_LONGEST_MS)

struct ladder {
    int64_t rungs_ms[LADDER_RUNGS_MAX];
    unsigned count;      // 0 = no delivery after the first
    int64_t repeat_last; // how often the last rung is used in all; 0 = without end
    int64_t limit;       // deliveries after the first, 0 = none
    int64_t window_ms;   // 0 = none
    unsigned jitter_percent;
};

// E_INVALID names the position (character, from 1) and what would be right; E_TOO_LARGE for too
// many delays or too long a text. After an error *ret is a ladder without rungs.
tidings_status ladder_parse(struct str text, struct ladder *ret,
                            struct tidings_error *err) TIDINGS_NODISCARD;
// Appends text that ladder_parse reads back to the same ladder: shorter than LADDER_TEXT_MAX for
// every ladder that ladder_parse or ladder_from_levels made. After an error `out` is as before.
tidings_status ladder_format(const struct ladder *ladder, struct buf *out) TIDINGS_NODISCARD;

struct ladder_preset {
    const char *name;
    const char *text;
    unsigned jitter_percent;
    const char *about;
};
// The presets by number from 0; NULL beyond the last.
const struct ladder_preset *ladder_preset(size_t index);

enum ladder_death { LADDER_ALIVE, LADDER_RUNGS_USED, LADDER_LIMIT, LADDER_WINDOW };
const char *ladder_death_text(enum ladder_death death);

struct ladder_step {
    enum ladder_death dead;
    int64_t due_ms; // when alive, else 0
};
// What follows the failure of delivery number `done` (0 = the first delivery failed): the time of
// the next, or the end. first_ms: when the first delivery was made or tried. least_ms: a delay that
// must be kept in full (Retry-After), 0 for none; when it does not fit the window, that is the end.
// Jitter only lengthens, and never beyond the window: it takes no delivery away that the ladder
// promises. rnd may be NULL (no jitter then).
void ladder_next(const struct ladder *ladder, unsigned done, int64_t first_ms, int64_t now_ms,
                 int64_t least_ms, struct rnd *rnd, struct ladder_step *ret);
// Deliveries after the first that the ladder allows by rungs and limit; INT64_MAX without end.
int64_t ladder_steps(const struct ladder *ladder);
// Delay before delivery number `step` (from 1), without jitter; -1 beyond the end.
int64_t ladder_delay_ms(const struct ladder *ladder, int64_t step);

// The course of a message whose every delivery fails at once, without jitter, within limit and
// window. ladder_total_ms: from the first delivery to the last; INT64_MAX when it goes on for ever.
// ladder_preview: the times of the deliveries after the first, counted from the first, up to `max`
// of them; returns how many.
int64_t ladder_total_ms(const struct ladder *ladder);
size_t ladder_preview(const struct ladder *ladder, int64_t *ret_offsets_ms, size_t max);

// RocketMQ's messageDelayLevel: "1s 5s 10s …", levels from 1; delays as in a ladder's text.
struct ladder_levels {
    int64_t delays_ms[LADDER_LEVELS_MAX];
    unsigned count;
};
tidings_status ladder_levels_parse(struct str text, struct ladder_levels *ret,
                                   struct tidings_error *err) TIDINGS_NODISCARD;
// Delay of a level: 0 for levels below 1, the last one's for levels beyond.
int64_t ladder_level_ms(const struct ladder_levels *levels, int level);
// The ladder that RocketMQ makes of its levels: level 3 + n for the n-th failure (from 0), the last
// without end. E_INVALID without levels, or when the last delay is 0.
tidings_status ladder_from_levels(const struct ladder_levels *levels, struct ladder *ret,
                                  struct tidings_error *err) TIDINGS_NODISCARD;

#endif
