// SPDX-License-Identifier: Apache-2.0
// When a lane may be sent to: its state, what its receiver asked for (429, 503, Retry-After), the
// breaker, and the token bucket. A closed gate leaves the rows where they are: no attempt is spent.
//
// The bucket is kept as one time, when it will be full again: each attempt moves it by the time
// that a token takes to come, and one may be begun while it is no further ahead than the others of
// a full bucket need.
#include "notify/private.h"

enum {
    TOO_MANY = 429,
    UNAVAILABLE = 503,
    TOO_MANY_MS = 60000,
    UNAVAILABLE_MS = 5000,
    UNAVAILABLE_MOST_MS = 300000,
    FAILURE_STEPS = 4,
};

static const int64_t ns_per_s = 1000000000;
static const int64_t ns_per_ms = 1000000;

static int64_t later_ms(int64_t now_ms, int64_t wait_ms)
{
    int64_t sum;
    return __builtin_add_overflow(now_ms, wait_ms, &sum) ? INT64_MAX - 1 : sum;
}

// How long until the bucket has a token.
static int64_t bucket_wait_ms(const struct lane *lane)
{
    const struct receiver_limits *limits = lane->limits;
    if (limits->rate_per_s <= 0) {
        return 0;
    }
    int64_t token_ns = ns_per_s / limits->rate_per_s;
    int64_t burst = limits->burst > 0 ? limits->burst : 1;
    int64_t now_ns = clock_mono_us(lane->notify->clock) * 1000;
    int64_t wait_ns = lane->gate.bucket_ns - now_ns - (burst - 1) * token_ns;
    return wait_ns > 0 ? (wait_ns + ns_per_ms - 1) / ns_per_ms : 0;
}

static void take_token(struct lane *lane)
{
    struct gate *gate = &lane->gate;
    if (lane->limits->rate_per_s > 0) {
        int64_t now_ns = clock_mono_us(lane->notify->clock) * 1000;
        gate->bucket_ns = gate->bucket_ns > now_ns ? gate->bucket_ns : now_ns;
        gate->bucket_ns += ns_per_s / lane->limits->rate_per_s;
    }
}

int64_t gate_opens_ms(const struct lane *lane, int64_t now_ms)
{
    const struct gate *gate = &lane->gate;
    if (lane->state != NOTIFY_ACTIVE || (gate->open && gate->probing)) {
        return INT64_MAX;
    }
    int64_t opens_ms = later_ms(now_ms, bucket_wait_ms(lane));
    opens_ms = opens_ms > gate->slow_until_ms ? opens_ms : gate->slow_until_ms;
    return gate->open && gate->probe_at_ms > opens_ms ? gate->probe_at_ms : opens_ms;
}

bool gate_is_shut(const struct lane *lane, int64_t now_ms)
{
    const struct gate *gate = &lane->gate;
    return lane->state != NOTIFY_ACTIVE || gate->slow_until_ms > now_ms ||
           (gate->open && (gate->probing || gate->probe_at_ms > now_ms));
}

size_t gate_limit(const struct lane *lane)
{
    const struct gate *gate = &lane->gate;
    int64_t own = lane->limits->in_flight;
    if (gate->open) {
        return 1;
    }
    return (size_t)(gate->ramp > 0 && gate->ramp < own ? gate->ramp : own);
}

void gate_begin(struct lane *lane)
{
    take_token(lane);
    lane->gate.probing = lane->gate.open;
}

void gate_reset(struct lane *lane)
{
    const struct gate was = lane->gate;
    lane->notify->stats.parked -= was.open;
    lane->gate = (struct gate){ .bucket_ns = was.bucket_ns, .saved = was.saved };
}

// ---- on record ----
// Failures are written in steps, so that a receiver that errs now and then costs no further row.
bool gate_save(struct lane *lane, struct record_gate *ret)
{
    struct gate *gate = &lane->gate;
    const struct record_gate *saved = &gate->saved;
    int64_t step = lane->limits->breaker_failures / FAILURE_STEPS;
    bool failures_moved = gate->failures == 0
                              ? saved->failures != 0
                              : gate->failures < saved->failures ||
                                    (!gate->open && gate->failures - saved->failures > step);
    if (!failures_moved && gate->open == saved->open &&
        gate->slow_until_ms == saved->slow_until_ms && gate->slow_step_ms == saved->slow_step_ms &&
        (!gate->open || gate->probe_at_ms == saved->probe_at_ms)) {
        return false;
    }
    *ret = (struct record_gate){ .receiver_id = lane->id,
                                 .failures = gate->failures,
                                 .open = gate->open,
                                 .probe_at_ms = gate->open ? gate->probe_at_ms : 0,
                                 .probe_wait_ms = gate->open ? gate->probe_wait_ms : 0,
                                 .slow_until_ms = gate->slow_until_ms,
                                 .slow_step_ms = gate->slow_step_ms };
    gate->saved = *ret;
    return true;
}

// What may have been changed meanwhile are the receiver's settings, and the clock.
void gate_load(struct lane *lane, const struct record_gate *saved)
{
    struct gate *gate = &lane->gate;
    const struct receiver_limits *limits = lane->limits;
    int64_t latest_ms = later_ms(clock_wall_ms(lane->notify->clock), limits->probe_max_ms);
    gate->saved = *saved;
    gate->failures = saved->failures;
    gate->slow_until_ms = saved->slow_until_ms;
    gate->slow_step_ms = saved->slow_step_ms;
    if (saved->open && limits->breaker_failures > 0) {
        gate->open = true;
        gate->probe_wait_ms = saved->probe_wait_ms < limits->probe_max_ms ? saved->probe_wait_ms
                                                                          : limits->probe_max_ms;
        gate->probe_at_ms = saved->probe_at_ms < latest_ms ? saved->probe_at_ms : latest_ms;
        lane->notify->stats.parked++;
    }
}

// ---- what was heard ----
enum heard {
    HEARD_NOTHING, // it says nothing about the receiver
    HEARD_ALIVE,
    HEARD_DOWN,
};

static enum heard judge(const struct http_result *result)
{
    switch (result->failure) {
    case HTTP_FINE:
    case HTTP_MALFORMED: return result->status >= 500 ? HEARD_DOWN : HEARD_ALIVE;
    case HTTP_RESOLVE:
    case HTTP_CONNECT:
    case HTTP_TLS:
    case HTTP_SEND:
    case HTTP_RECEIVE:
    case HTTP_DEADLINE: return HEARD_DOWN;
    case HTTP_REFUSED:
    case HTTP_ENDED:
    case HTTP_IMPOSSIBLE: break;
    }
    return HEARD_NOTHING;
}

static void log_breaker(const struct lane *lane, const char *what)
{
    log_line(lane->notify->options.log, LOG_WARN, "notify",
             "msg=\"breaker %s\" receiver=%s failures=%lld probe_ms=%lld", what, lane->name,
             (long long)lane->gate.failures, (long long)lane->gate.probe_wait_ms);
}

static void open_breaker(struct lane *lane, int64_t now_ms)
{
    struct gate *gate = &lane->gate;
    gate->open = true;
    gate->probing = false;
    gate->probe_wait_ms = lane->limits->probe_ms;
    gate->probe_at_ms = later_ms(now_ms, gate->probe_wait_ms);
    lane->notify->stats.parked++;
    log_breaker(lane, "opened");
}

static void close_breaker(struct lane *lane)
{
    struct gate *gate = &lane->gate;
    gate->open = false;
    gate->probing = false;
    gate->ramp = 1;
    gate->ramp_taken = 0;
    lane->notify->stats.parked--;
    log_breaker(lane, "closed");
}

static void probe_again(struct lane *lane, int64_t now_ms, bool doubled)
{
    struct gate *gate = &lane->gate;
    int64_t most_ms = lane->limits->probe_max_ms;
    if (doubled) {
        gate->probe_wait_ms =
            gate->probe_wait_ms <= most_ms / 2 ? 2 * gate->probe_wait_ms : most_ms;
    }
    gate->probing = false;
    gate->probe_at_ms = later_ms(now_ms, gate->probe_wait_ms);
}

// 1, 2, 4, … at a time: twice as many when as many as now were heard of.
static void climb_ramp(struct lane *lane)
{
    struct gate *gate = &lane->gate;
    if (gate->ramp > 0 && ++gate->ramp_taken >= gate->ramp) {
        gate->ramp *= 2;
        gate->ramp_taken = 0;
        gate->ramp = gate->ramp >= lane->limits->in_flight ? 0 : gate->ramp;
    }
}

static void heard_alive(struct lane *lane)
{
    lane->gate.failures = 0;
    if (lane->gate.open) {
        close_breaker(lane);
    } else {
        climb_ramp(lane);
    }
}

static void heard_down(struct lane *lane, int64_t now_ms)
{
    struct gate *gate = &lane->gate;
    gate->failures++;
    if (gate->open && gate->probing) {
        probe_again(lane, now_ms, true);
    } else if (!gate->open && lane->limits->breaker_failures > 0 &&
               gate->failures >= lane->limits->breaker_failures) {
        open_breaker(lane, now_ms);
    }
}

// What it asked for in full; else a time of ours.
static void slow_down(struct lane *lane, const struct http_result *result, int64_t now_ms)
{
    struct gate *gate = &lane->gate;
    int64_t wait_ms = result->retry_after_ms;
    if (wait_ms <= 0 && result->status == TOO_MANY) {
        wait_ms = TOO_MANY_MS;
    } else if (wait_ms <= 0 && gate->slow_until_ms > now_ms) {
        return; // of those that were under way with the one that told it
    } else if (wait_ms <= 0) {
        int64_t next_ms = gate->slow_step_ms > 0 ? 2 * gate->slow_step_ms : UNAVAILABLE_MS;
        gate->slow_step_ms = next_ms < UNAVAILABLE_MOST_MS ? next_ms : UNAVAILABLE_MOST_MS;
        wait_ms = gate->slow_step_ms;
    }
    int64_t until_ms = later_ms(now_ms, wait_ms);
    gate->slow_until_ms = until_ms > gate->slow_until_ms ? until_ms : gate->slow_until_ms;
}

void gate_heard(struct lane *lane, const struct http_result *result, bool taken)
{
    int64_t now_ms = clock_wall_ms(lane->notify->clock);
    enum heard heard = judge(result);
    if (heard == HEARD_ALIVE) {
        heard_alive(lane);
    } else if (heard == HEARD_DOWN) {
        heard_down(lane, now_ms);
    } else if (lane->gate.open && lane->gate.probing) {
        probe_again(lane, now_ms, false);
    }
    if (taken) {
        lane->gate.slow_step_ms = 0;
    } else if (result->failure == HTTP_FINE &&
               (result->status == TOO_MANY || result->status == UNAVAILABLE)) {
        slow_down(lane, result, now_ms);
    }
}
