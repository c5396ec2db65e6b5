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

enum family {
#define X(member, name, kind, help) FAMILY_##member,
    API_METRICS_MAP(X)
#undef X
        FAMILIES,
};
static const struct {
    const char *name;
    const char *kind;
    const char *help;
} families[FAMILIES] = {
#define X(member, name, kind, help) { name, kind, help },
    API_METRICS_MAP(X)
#undef X
};

static void head(struct metrics *m, const char *name, const char *kind, const char *help)
{
    ADD(m, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind);
}

// Returns the name, for the rows that follow.
static const char *begin(struct metrics *m, enum family family)
{
    head(m, families[family].name, families[family].kind, families[family].help);
    return families[family].name;
}

static void single(struct metrics *m, enum family family, uint64_t value)
{
    const char *name = begin(m, family);
    ADD(m, "%s %llu\n", name, (unsigned long long)value);
}

// ---- the API ----
static void write_answers(struct metrics *m, struct api *api)
{
    const char *name = begin(m, FAMILY_requests);
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
    single(m, FAMILY_keys_refused, atomic_load_explicit(&api->keys_refused, memory_order_relaxed));
}

// ---- the notifier ----
static void write_histogram(struct metrics *m, enum family family,
                            const struct notify_histogram *histogram)
{
    uint64_t sum = 0;
    const char *name = begin(m, family);
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

static void write_stats(struct metrics *m, const struct notify_stats *stats)
{
#define X(member, name, kind, help)                                                                \
    head(m, name, kind, help);                                                                     \
    ADD(m, "%s %llu\n", name, (unsigned long long)stats->member);
    NOTIFY_STATS_MAP(X)
#undef X
    const char *name = begin(m, FAMILY_classes);
    for (int class = 0; class < NOTIFY_CLASSES && notify_class_text(class) != NULL; class ++) {
        ADD(m, "%s{class=\"%s\"} %llu\n", name, notify_class_text(class),
            (unsigned long long)stats->attempts_by_class[class]);
    }
    write_histogram(m, FAMILY_lateness, &stats->lateness);
    write_histogram(m, FAMILY_attempt_time, &stats->attempt_time);
    write_histogram(m, FAMILY_accept_arrive, &stats->accept_arrive);
    single(m, FAMILY_store_waiting, stats->keeper.waiting);
    single(m, FAMILY_store_tasks, stats->keeper.tasks);
    single(m, FAMILY_store_commits, stats->keeper.batches);
    single(m, FAMILY_store_failed, stats->keeper.failed);
    single(m, FAMILY_store_lost, stats->keeper.lost);
    single(m, FAMILY_store_upkeep, stats->keeper.upkeep);
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

// Names of receivers are letters, digits, `.`, `_`, `-`: they need no escapes in labels.
static void write_receivers(struct metrics *m, const struct top *top)
{
    const char *name;
#define ROWS(member)                                                                               \
    name = begin(m, FAMILY_receiver_##member);                                                     \
    for (size_t i = 0; i < top->count; i++) {                                                      \
        ADD(m, "%s{receiver=\"%s\"} %llu\n", name, top->kept[i].name,                              \
            (unsigned long long)top->kept[i].member);                                              \
    }                                                                                              \
    if (top->has_other) {                                                                          \
        ADD(m, "%s{receiver=\"other\"} %llu\n", name, (unsigned long long)top->other.member);      \
    }
    ROWS(waiting)
    ROWS(in_flight)
    ROWS(attempts)
    ROWS(delivered)
    ROWS(failed)
    ROWS(dead)
#undef ROWS
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
