// SPDX-License-Identifier: Apache-2.0
// Figures, and the classes of attempts.
#include "notify/private.h"

// http_failure, then replies that did not fit.
#define CLASS_MAP(X)                                                                               \
    X(CLASS_2XX, "http_2xx")                                                                       \
    X(CLASS_3XX, "http_3xx")                                                                       \
    X(CLASS_4XX, "http_4xx")                                                                       \
    X(CLASS_5XX, "http_5xx")                                                                       \
    X(CLASS_ODD, "http_other")                                                                     \
    X(CLASS_INTERRUPTED, "interrupted")

enum {
    CLASS_BEFORE = HTTP_IMPOSSIBLE,
#define X(name, text) name,
    CLASS_MAP(X)
#undef X
        CLASS_COUNT
};
_Static_assert((int)CLASS_COUNT == (int)NOTIFY_CLASSES, "as many classes as the face says");

const char *notify_class_text(int class)
{
    static const char *const texts[] = {
#define X(name, text) [name] = (text),
        HTTP_FAILURE_MAP(X) CLASS_MAP(X)
#undef X
    };
    return class >= 0 && class < CLASS_COUNT ? texts[class] : NULL;
}

int attempt_class(const struct http_result *result, bool taken)
{
    if (result->failure != HTTP_FINE || taken) {
        return (int)result->failure;
    }
    int hundred = result->status / 100;
    return hundred >= 2 && hundred <= 5 ? CLASS_2XX + hundred - 2 : CLASS_ODD;
}

void attempt_unknown(struct record_attempt *ret, int32_t number, int64_t begun_ms, int64_t due_ms,
                     const char *why)
{
    *ret = (struct record_attempt){
        .number = number,
        .begun_ms = begun_ms,
        .dns_us = -1,
        .connect_us = -1,
        .tls_us = -1,
        .first_byte_us = -1,
        .total_us = -1,
        .error_class = CLASS_INTERRUPTED,
        .next_due_ms = due_ms,
        .error = str_of(why),
    };
}

void count_unknown(struct notify *notify, size_t count)
{
    notify->stats.attempts_by_class[CLASS_INTERRUPTED] += count;
}

int64_t leased_ms(int64_t id, int64_t until_ms, int64_t timeout_ms, int64_t now_ms)
{
    int64_t at_ms = until_ms - timeout_ms - LEASE_SLACK_MS;
    int64_t accepted_ms = record_id_time_ms(id);
    at_ms = at_ms < now_ms ? at_ms : now_ms;
    return at_ms > accepted_ms ? at_ms : accepted_ms;
}

const int64_t notify_bucket_us[NOTIFY_BUCKETS - 1] = {
    500,    1000,   2000,    5000,    10000,   20000,    50000,    100000,
    200000, 500000, 1000000, 2000000, 5000000, 15000000, 60000000,
};

void histogram_add(struct notify_histogram *histogram, int64_t us)
{
    int at = 0;
    us = us > 0 ? us : 0;
    while (at < NOTIFY_BUCKETS - 1 && us > notify_bucket_us[at]) {
        at++;
    }
    histogram->count[at]++;
    histogram->sum_us += (uint64_t)us;
}

void notify_read_stats(const struct notify *notify, struct notify_stats *ret)
{
    *ret = notify->stats;
    for (size_t i = 0; i < notify->lane_count; i++) {
        const struct lane *lane = notify->names[i];
        ret->receivers += lane->state != NOTIFY_RETIRED;
        ret->waiting += lane->waiting > 0 ? (uint64_t)lane->waiting : 0;
    }
    ret->held = notify->hold_count;
    ret->in_flight = notify->flying;
    keeper_read_stats(notify->keeper, &ret->keeper);
}
