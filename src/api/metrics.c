// SPDX-License-Identifier: Apache-2.0
// The API's and the notifier's metrics, in Prometheus' text format.
#include <stdlib.h>

#include "api/private.h"

enum { LABELS_MAX = 200 };

struct metrics {
    struct buf *out;
    tidings_status status;
};

#define ADD(metrics, ...)                                                                          \
    do {                                                                                           \
        if ((metrics)->status == TIDINGS_OK) {                                                     \
            (metrics)->status = buf_addf((metrics)->out, __VA_ARGS__);                             \
        }                                                                                          \
    } while (0)

static void head(struct metrics *m, const char *name, const char *kind, const char *help)
{
    ADD(m, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind);
}

static void single(struct metrics *m, const char *name, const char *kind, const char *help,
                   uint64_t value)
{
    head(m, name, kind, help);
    ADD(m, "%s %llu\n", name, (unsigned long long)value);
}

// ---- the API ----
static void write_answers(struct metrics *m, struct api *api)
{
    static const char name[] = "tidings_api_requests_total";
    head(m, name, "counter", "Requests answered, by operation and class of status");
    for (size_t i = 0; i <= API_ROUTES; i++) {
        const char *operation = i < API_ROUTES ? api_routes[i].operation : "none";
        for (int class = 0; class < API_CLASSES; class ++) {
            uint64_t count = atomic_load_explicit(&api->answers[i][class], memory_order_relaxed);
            if (count > 0) {
                ADD(m, "%s{operation=\"%s\",status=\"%dxx\"} %llu\n", name, operation, class + 1,
                    (unsigned long long)count);
            }
        }
    }
    single(m, "tidings_api_keys_refused_total", "counter", "Requests with a wrong key",
           atomic_load_explicit(&api->keys_refused, memory_order_relaxed));
}

// ---- the notifier ----
static void write_histogram(struct metrics *m, const char *name, const char *help,
                            const struct notify_histogram *histogram)
{
    uint64_t sum = 0;
    head(m, name, "histogram", help);
    for (size_t i = 0; i < NOTIFY_BUCKETS; i++) {
        sum += histogram->count[i];
        if (i < NOTIFY_BUCKETS - 1) {
            ADD(m, "%s_bucket{le=\"%.9g\"} %llu\n", name, (double)notify_bucket_us[i] / 1e6,
                (unsigned long long)sum);
        } else {
            ADD(m, "%s_bucket{le=\"+Inf\"} %llu\n", name, (unsigned long long)sum);
        }
    }
    ADD(m, "%s_sum %.6f\n%s_count %llu\n", name, (double)histogram->sum_us / 1e6, name,
        (unsigned long long)sum);
}

static void write_classes(struct metrics *m, const struct notify_stats *stats)
{
    static const char name[] = "tidings_notify_attempts_by_class_total";
    head(m, name, "counter", "Attempts made, by how they ended");
    for (int class = 0; class < NOTIFY_CLASSES && notify_class_text(class) != NULL; class ++) {
        ADD(m, "%s{class=\"%s\"} %llu\n", name, notify_class_text(class),
            (unsigned long long)stats->attempts_by_class[class]);
    }
}

static void write_stats(struct metrics *m, const struct notify_stats *stats)
{
#define X(member, name, kind, help) single(m, name, kind, help, stats->member);
    NOTIFY_STATS_MAP(X)
#undef X
    write_classes(m, stats);
    write_histogram(m, "tidings_notify_lateness_seconds", "Begin of an attempt behind its due time",
                    &stats->lateness);
    write_histogram(m, "tidings_notify_attempt_seconds", "Attempts, from begin to end",
                    &stats->attempt_time);
    write_histogram(m, "tidings_notify_accept_to_attempt_seconds",
                    "From acceptance to the begin of the first attempt", &stats->accept_arrive);
    single(m, "tidings_notify_store_waiting", "gauge", "Tasks that wait for the store thread",
           stats->keeper.waiting);
    single(m, "tidings_notify_store_tasks_total", "counter", "Tasks committed",
           stats->keeper.tasks);
    single(m, "tidings_notify_store_commits_total", "counter", "Commits", stats->keeper.batches);
    single(m, "tidings_notify_store_failed_total", "counter", "Tasks answered with an error",
           stats->keeper.failed);
    single(m, "tidings_notify_store_lost_total", "counter", "Times that the database was lost",
           stats->keeper.lost);
}

// ---- receivers ----
struct figures { // of one receiver, or of the rest together
    const char *name;
    int64_t waiting;
    int64_t in_flight;
    uint64_t attempts, delivered, failed, dead;
};
// The receivers with the most waiting, as a heap: the least of them is the first.
struct top {
    struct figures kept[LABELS_MAX];
    size_t count;
    struct figures other;
    bool has_other;
};

static void sink(struct top *top, size_t at)
{
    for (;;) {
        size_t least = at;
        for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < top->count; child++) {
            least = top->kept[child].waiting < top->kept[least].waiting ? child : least;
        }
        if (least == at) {
            return;
        }
        struct figures swapped = top->kept[at];
        top->kept[at] = top->kept[least];
        top->kept[least] = swapped;
        at = least;
    }
}

static void add_other(struct top *top, const struct figures *figures)
{
    struct figures *other = &top->other;
    top->has_other = true;
    other->waiting += figures->waiting;
    other->in_flight += figures->in_flight;
    other->attempts += figures->attempts;
    other->delivered += figures->delivered;
    other->failed += figures->failed;
    other->dead += figures->dead;
}

static void each_receiver(void *arg, const struct notify_receiver_view *view)
{
    struct top *top = arg;
    struct figures figures = { view->name,      view->waiting, view->in_flight, view->attempts,
                               view->delivered, view->failed,  view->dead };
    if (view->state == NOTIFY_RETIRED) {
        return;
    }
    if (strcmp(view->name, "other") == 0) { // it must not have two rows
        add_other(top, &figures);
        return;
    }
    if (top->count < LABELS_MAX) {
        top->kept[top->count++] = figures;
        for (size_t i = top->count / 2; top->count == LABELS_MAX && i > 0; i--) {
            sink(top, i - 1);
        }
        return;
    }
    if (figures.waiting > top->kept[0].waiting) {
        struct figures out = top->kept[0];
        top->kept[0] = figures;
        figures = out;
        sink(top, 0);
    }
    add_other(top, &figures);
}

// X(member, name behind "tidings_notify_receiver_", kind, help)
#define FIGURES_MAP(X)                                                                             \
    X(waiting, "waiting", "gauge", "Unfinished notifications of a receiver")                       \
    X(in_flight, "in_flight", "gauge", "Attempts under way to a receiver")                         \
    X(attempts, "attempts_total", "counter", "Attempts made to a receiver")                        \
    X(delivered, "delivered_total", "counter", "Notifications that a receiver took")               \
    X(failed, "failed_total", "counter", "Attempts that a receiver did not take")                  \
    X(dead, "dead_total", "counter", "Notifications of a receiver whose ladder ended")

// Names of receivers are letters, digits, `.`, `_`, `-`: they need no escapes in labels.
static void write_receivers(struct metrics *m, const struct top *top)
{
#define X(member, text, kind, help)                                                                \
    head(m, "tidings_notify_receiver_" text, kind, help);                                          \
    for (size_t i = 0; i < top->count; i++) {                                                      \
        ADD(m, "tidings_notify_receiver_" text "{receiver=\"%s\"} %llu\n", top->kept[i].name,      \
            (unsigned long long)top->kept[i].member);                                              \
    }                                                                                              \
    if (top->has_other) {                                                                          \
        ADD(m, "tidings_notify_receiver_" text "{receiver=\"other\"} %llu\n",                      \
            (unsigned long long)top->other.member);                                                \
    }
    FIGURES_MAP(X)
#undef X
}

tidings_status api_write_metrics(struct api *api, struct buf *out)
{
    struct metrics metrics = { .out = out, .status = TIDINGS_OK };
    struct notify_stats *stats = calloc(1, sizeof *stats);
    struct top *top = calloc(1, sizeof *top);
    if (stats == NULL || top == NULL) {
        metrics.status = TIDINGS_E_NO_MEMORY;
    } else {
        notify_read_stats(api->options.notify, stats);
        notify_receiver_each(api->options.notify, STR(""), NOTIFY_RECEIVERS_MAX, each_receiver,
                             top);
        write_answers(&metrics, api);
        write_stats(&metrics, stats);
        write_receivers(&metrics, top);
    }
    free(stats);
    free(top);
    return metrics.status;
}
