// SPDX-License-Identifier: Apache-2.0
#include "broker/retention.h"

#include "broker/internal.h"

// The first position that stays: whole segments whose successor began before the time limit are
// over, and so are the oldest while the log is above its size.
static int64_t first_kept(struct broker *broker)
{
    const struct broker_options *options = &broker->options;
    int64_t now_ms = clock_wall_ms(options->clock);
    int64_t end = commitlog_end(broker->log);
    int64_t keep = commitlog_begin(broker->log);
    if (broker->retain_from > keep) {
        keep = broker->retain_from; // segments before are only held for delayed messages
    }
    keep -= keep % options->segment_size;
    for (int64_t next = keep + options->segment_size; next < end; next += options->segment_size) {
        int64_t time = commitlog_segment_time(broker->log, next);
        bool old = time >= 0 && time < now_ms - options->retention_time_ms;
        bool large = options->retention_size > 0 && end - keep > options->retention_size;
        if (!old && !large) {
            break;
        }
        keep = next;
    }
    return keep;
}

// Settings whose last record goes with the old segments are written again, so that the log alone
// still says all. True when there were any: the segments stay until those records are durable.
static bool relog(struct broker *broker, int64_t position)
{
    struct str key;
    void *value;
    size_t cursor = 0;
    bool any = false;
    tidings_status status = TIDINGS_OK;
    while (status == TIDINGS_OK && map_next(&broker->topics.by_name, &cursor, &key, &value)) {
        struct topic *topic = value;
        if (topic->logged_at < position && !topic->deleting) {
            any = true;
            status = store_log_topic(broker, topic, NULL, NULL);
        }
    }
    cursor = 0;
    while (status == TIDINGS_OK && map_next(&broker->groups.by_name, &cursor, &key, &value)) {
        struct group *group = value;
        if (group->logged_at < position) {
            any = true;
            status = store_log_group(broker, &group->config, NULL, NULL);
        }
    }
    return any;
}

static int64_t choose(struct broker *broker)
{
    int64_t keep = first_kept(broker);
    int64_t indexed = index_position(broker->index);
    broker->retain_from = keep;
    return keep < indexed ? keep : indexed;
}

void retention_run(struct broker *broker)
{
    if (broker->retaining) {
        return;
    }
    // What is written again stands behind the position that it was written for. A position that
    // moves on with the log would never be reached while much is sent.
    int64_t keep = broker->retain_to > 0 ? broker->retain_to : choose(broker);
    broker->retain_to = 0;
    if (keep <= commitlog_begin(broker->log)) {
        return;
    }
    bool again = relog(broker, keep);
    if (halves_move(broker, keep) || again) {
        broker->retain_to = keep;
        broker->retain_soon = true;
        return;
    }
    broker->retaining = index_retain(broker->index, keep) == TIDINGS_OK;
}

void retention_min(void *arg, int64_t queue_key, int64_t min_offset)
{
    struct broker *broker = arg;
    struct queue *queue = topics_find_queue(&broker->topics, queue_key);
    if (queue != NULL && min_offset > queue->min) {
        queue->min = min_offset;
    }
}

void retention_done(void *arg, int64_t position)
{
    struct broker *broker = arg;
    struct tidings_error err = { 0 };
    broker->retaining = false;
    int64_t begin = commitlog_begin(broker->log);
    tidings_status status = commitlog_release(broker->log, position, &err);
    if (status != TIDINGS_OK) {
        log_line(broker->options.log, LOG_ERROR, "broker",
                 "msg=\"old segments of the log cannot be removed\" reason=\"%s\"",
                 error_text(&err, status));
    } else if (commitlog_begin(broker->log) > begin) {
        log_line(broker->options.log, LOG_INFO, "broker",
                 "msg=\"old messages removed\" log_begin=%lld",
                 (long long)commitlog_begin(broker->log));
    }
}
