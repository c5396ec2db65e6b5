// SPDX-License-Identifier: Apache-2.0
// The broker as a whole: opening with recovery, the hooks of the loop, the clockwork, closing.
#include "broker/broker.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#include "broker/access.h"
#include "broker/handlers.h"
#include "broker/retention.h"

enum {
    TICK_MS = 200,
    EXPIRE_TICKS = 25,    // 5 s
    RETENTION_TICKS = 50, // 10 s
    LATENESS_TICKS = 300, // 1 min
    RATES_TICKS = RATES_MS / TICK_MS,
    INDEX_DEPTH_MAX = 200000,
    LOG_BATCH_MAX = 16 * 1024 * 1024,
    LOG_AHEAD = 8 * 1024 * 1024,
    PAYLOAD_EXTRA = 128 * 1024, // what a record needs beside the body: layout, properties, topic
    BODY_MAX = 64 * 1024 * 1024,
    INDEX_WAIT_MS = 120 * 1000,
};

static void tick(void *arg);
static void measure(struct broker *broker, int64_t now_us);

// ---- what the index tells at start ----
static tidings_status load_topic(void *arg, const struct index_topic *config)
{
    struct broker *broker = arg;
    struct topic *topic;
    tidings_status status = topics_put(&broker->topics, config, &topic);
    if (status == TIDINGS_OK) {
        topic->logged = true;
    }
    return status;
}

static tidings_status load_queue(void *arg, int64_t queue_key, int64_t min_offset,
                                 int64_t next_offset)
{
    struct broker *broker = arg;
    struct topic *topic = topics_find_id(&broker->topics, queue_key >> 16);
    int32_t id = (int32_t)(queue_key & 0xffff);
    if (topic != NULL && id < BROKER_QUEUES_MAX) {
        tidings_status status = topic_grow(topic, id + 1);
        if (status != TIDINGS_OK) {
            return status;
        }
        struct queue *queue = &topic->queues[id];
        queue->min = min_offset;
        queue->visible = next_offset;
        queue->next = next_offset;
        queue->indexed = next_offset;
        queue->tail_first = next_offset;
    }
    return TIDINGS_OK;
}

static tidings_status load_group(void *arg, const struct index_group *config)
{
    struct broker *broker = arg;
    struct group *group;
    tidings_status status = groups_put(&broker->groups, config, &group);
    if (status == TIDINGS_OK) {
        group->logged = true;
    }
    return status;
}

static tidings_status load_offset(void *arg, struct str group, struct str topic, int32_t queue_id,
                                  int64_t offset)
{
    struct broker *broker = arg;
    return groups_load_offset(&broker->groups, group, topic, queue_id, offset);
}

static tidings_status load_topic_gone(void *arg, int64_t topic_id)
{
    struct broker *broker = arg;
    if (topic_id >= broker->topics.next_id) {
        broker->topics.next_id = topic_id + 1;
    }
    return TIDINGS_OK;
}

static tidings_status load_half(void *arg, const struct index_half *half)
{
    return halves_put(arg, half);
}

static void wake_loop(void *arg)
{
    net_loop_wake(((struct broker *)arg)->options.loop);
}

static void report_damage(void *arg, const struct commitlog_damage *damage)
{
    struct broker *broker = arg;
    broker->stats.damaged_records++;
    log_line(broker->options.log, LOG_ERROR, "broker",
             "msg=\"the log is damaged inside: what stood there is lost, all after it is kept\" "
             "from=%lld to=%lld reason=\"%s\"",
             (long long)damage->position, (long long)damage->end, damage->text);
}

// ---- opening ----
static tidings_status join_path(const char *folder, const char *name, struct buf *ret)
{
    buf_init(ret, 4096);
    tidings_status status = buf_addf(ret, "%s/%s", folder, name);
    return status == TIDINGS_OK ? buf_add(ret, "", 1) : status;
}

static tidings_status open_index(struct broker *broker, int64_t *ret_position,
                                 struct tidings_error *err)
{
    static const struct index_loader loader = { load_topic,  load_queue,      load_group,
                                                load_offset, load_topic_gone, load_half };
    struct buf folder;
    tidings_status status = join_path(broker->folder, "index", &folder);
    if (status == TIDINGS_OK) {
        struct index_options options = { .folder = folder.ptr,
                                         .segment_size = broker->options.segment_size,
                                         .depth_max = INDEX_DEPTH_MAX,
                                         .clock = broker->options.clock,
                                         .fault = broker->options.fault,
                                         .log = broker->options.log,
                                         .wake = wake_loop,
                                         .wake_arg = broker };
        status = index_open(&options, &loader, broker, &broker->index, ret_position, err);
    }
    buf_deinit(&folder);
    return status;
}

static tidings_status open_log(struct broker *broker, int64_t from, struct tidings_error *err)
{
    struct buf folder;
    tidings_status status = join_path(broker->folder, "log", &folder);
    if (status == TIDINGS_OK) {
        struct commitlog_options options = {
            .folder = folder.ptr,
            .segment_size = broker->options.segment_size,
            .payload_max = (size_t)broker->options.max_message_size + PAYLOAD_EXTRA,
            .batch_max = LOG_BATCH_MAX,
            .reserve = broker->options.disk_reserve,
            .ahead =
                LOG_AHEAD < broker->options.segment_size ? LOG_AHEAD : broker->options.segment_size,
            .clock = broker->options.clock,
            .fault = broker->options.fault,
            .wake = wake_loop,
            .wake_arg = broker,
        };
        status =
            commitlog_open(&options, from, store_replay, report_damage, broker, &broker->log, err);
    }
    buf_deinit(&folder);
    return status;
}

static tidings_status make_topics(struct broker *broker, struct tidings_error *err)
{
    for (size_t i = 0; i < broker->options.topic_count; i++) {
        const struct broker_topic_option *option = &broker->options.topics[i];
        struct index_topic config = { .read_queues = option->queues,
                                      .write_queues = option->queues,
                                      .perm = WIRE_PERM_READ | WIRE_PERM_WRITE,
                                      .retry = { .window_ms = -1, .limit = -1 } };
        struct topic *topic;
        if (!wire_name_is_valid(str_of(option->name), WIRE_TOPIC_MAX) || option->queues < 1 ||
            option->queues > BROKER_QUEUES_MAX) {
            return error_set(
                err, TIDINGS_E_INVALID,
                "topic \"%s\" with %d queues: a name is 1 to %d of %% | a-z A-Z 0-9 _ -, "
                "queues are 1 to %d",
                option->name, option->queues, WIRE_TOPIC_MAX, BROKER_QUEUES_MAX);
        }
        if (topics_find(&broker->topics, str_of(option->name)) != NULL) {
            continue;
        }
        (void)str_copy(config.name, sizeof config.name, str_of(option->name));
        tidings_status status = topics_put(&broker->topics, &config, &topic);
        if (status == TIDINGS_OK) {
            status = store_log_topic(broker, topic, NULL, err);
        }
        if (status != TIDINGS_OK) {
            return error_set(err, status, "topic \"%s\" cannot be made: %s", option->name,
                             tidings_status_text(status));
        }
    }
    commitlog_submit(broker->log);
    return TIDINGS_OK;
}

static tidings_status copy_options(struct broker *broker, const struct broker_options *options,
                                   struct tidings_error *err)
{
    broker->options = *options;
    broker->started_ms = clock_wall_ms(options->clock);
    broker->folder = str_dup(str_of(options->folder));
    broker->cluster_name = str_dup(str_of(options->cluster_name));
    broker->broker_name = str_dup(str_of(options->broker_name));
    if (broker->folder == NULL || broker->cluster_name == NULL || broker->broker_name == NULL) {
        return error_set(err, TIDINGS_E_NO_MEMORY, "no memory for the broker");
    }
    if (!wire_name_is_valid(str_of(options->cluster_name), WIRE_TOPIC_MAX) ||
        !wire_name_is_valid(str_of(options->broker_name), WIRE_TOPIC_MAX)) {
        return error_set(err, TIDINGS_E_INVALID,
                         "cluster and broker name are 1 to %d of a-z A-Z 0-9 _ -", WIRE_TOPIC_MAX);
    }
    tidings_status status =
        ladder_levels_parse(str_of(options->message_delay_level), &broker->levels, err);
    if (status != TIDINGS_OK) {
        return status;
    }
    status = ladder_levels_parse(str_of(options->transaction_checks), &broker->check_levels, err);
    if (status != TIDINGS_OK) {
        return status;
    }
    if (strcmp(options->retry_ladder, "rocketmq") == 0) {
        return ladder_from_levels(&broker->levels, &broker->retry_ladder, err);
    }
    return ladder_parse(str_of(options->retry_ladder), &broker->retry_ladder, err);
}

static tidings_status init_parts(struct broker *broker)
{
    buf_init(&broker->scratch, WIRE_HEADER_MAX);
    buf_init(&broker->body, BODY_MAX);
    rnd_seed_system(&broker->rnd);
    locks_init(&broker->locks);
    expressions_init(&broker->expressions);
    groups_init(&broker->groups, BROKER_GROUPS_MAX);
    tidings_status status = topics_init(&broker->topics, BROKER_TOPICS_MAX);
    if (status == TIDINGS_OK) {
        status = store_init(broker);
    }
    if (status == TIDINGS_OK) {
        status = waits_init(broker);
    }
    if (status == TIDINGS_OK) {
        status = due_init(broker);
    }
    if (status == TIDINGS_OK) {
        status = halves_init(broker);
    }
    if (status == TIDINGS_OK) {
        status = net_timer_new(broker->options.loop, tick, broker, &broker->tick);
    }
    return status;
}

static void free_parts(struct broker *broker)
{
    net_timer_free(broker->tick);
    due_deinit(broker);
    halves_deinit(broker);
    waits_deinit(broker);
    store_deinit(broker);
    topics_deinit(&broker->topics);
    groups_deinit(&broker->groups);
    locks_deinit(&broker->locks);
    expressions_deinit(&broker->expressions);
    buf_deinit(&broker->body);
    buf_deinit(&broker->scratch);
    access_deinit(broker);
    free(broker->folder);
    free(broker->cluster_name);
    free(broker->broker_name);
    free(broker);
}

// Entries that the tail in memory has let go of must be in the index before anybody asks for them.
static tidings_status wait_indexed(struct broker *broker, struct tidings_error *err)
{
    const struct timespec moment = { 0, 1000000 };
    int64_t until_us = clock_mono_us(broker->options.clock) + (int64_t)INDEX_WAIT_MS * 1000;
    while (index_depth(broker->index) > 0) {
        if (clock_mono_us(broker->options.clock) > until_us) {
            return error_set(err, TIDINGS_E_TIMEOUT,
                             "the index was not brought up to date within %d s: is its disk full?",
                             INDEX_WAIT_MS / 1000);
        }
        nanosleep(&moment, NULL);
        broker_poll_index(broker);
    }
    return TIDINGS_OK;
}

static tidings_status recover(struct broker *broker, struct tidings_error *err)
{
    int64_t position;
    tidings_status status = open_index(broker, &position, err);
    broker->last_position = position;
    if (status == TIDINGS_OK) {
        status = open_log(broker, position, err);
    }
    if (status != TIDINGS_OK) {
        return status;
    }
    if (broker->store.batch != NULL) {
        index_submit(broker->index, broker->store.batch, broker->last_position);
        broker->store.batch = NULL;
    }
    if (broker->gap) {
        status = wait_indexed(broker, err);
        if (status != TIDINGS_OK) {
            return status;
        }
    }
    if (broker->replayed > 0) {
        log_line(broker->options.log, LOG_INFO, "broker",
                 "msg=\"recovered what was not yet indexed\" records=%llu from=%lld to=%lld",
                 (unsigned long long)broker->replayed, (long long)position,
                 (long long)commitlog_end(broker->log));
    }
    broker->stats.delayed_waiting = (uint64_t)index_due_count(broker->index);
    due_load(broker);
    return make_topics(broker, err);
}

tidings_status broker_open(const struct broker_options *options, struct broker **ret,
                           struct tidings_error *err)
{
    struct broker *broker = calloc(1, sizeof *broker);
    if (broker == NULL) {
        return error_set(err, TIDINGS_E_NO_MEMORY, "no memory for the broker");
    }
    tidings_status status = copy_options(broker, options, err);
    if (status == TIDINGS_OK && mkdir(options->folder, 0750) != 0 && errno != EEXIST) {
        status =
            error_set_errno(err, TIDINGS_E_IO, errno, "cannot make folder %s", options->folder);
    }
    tidings_status parts = init_parts(broker);
    if (status == TIDINGS_OK) {
        status = access_load(broker, err);
    }
    if (status == TIDINGS_OK) {
        status = parts == TIDINGS_OK
                     ? recover(broker, err)
                     : error_set(err, parts, "broker: %s", tidings_status_text(parts));
    }
    if (status != TIDINGS_OK) {
        if (broker->log != NULL && commitlog_close(broker->log, NULL) != TIDINGS_OK) {
            log_line(options->log, LOG_WARN, "broker", "msg=\"the log was not closed cleanly\"");
        }
        index_close(broker->index);
        broker->index = NULL;
        free_parts(broker);
        return status;
    }
    measure(broker, clock_mono_us(broker->options.clock));
    net_timer_start(broker->tick, TICK_MS);
    *ret = broker;
    return TIDINGS_OK;
}

tidings_status broker_set_address(struct broker *broker, const char *host, int port,
                                  struct tidings_error *err)
{
    struct wire_host *address = &broker->address;
    if (inet_pton(AF_INET, host, address->address) == 1) {
        address->length = 4;
    } else if (inet_pton(AF_INET6, host, address->address) == 1) {
        address->length = 16;
    } else {
        return error_set(err, TIDINGS_E_INVALID,
                         "advertised address \"%s\" must be a numeric IPv4 or IPv6 address", host);
    }
    address->port = port;
    int n = snprintf(broker->address_text, sizeof broker->address_text, "%s:%d", host, port);
    return n > 0 && (size_t)n < sizeof broker->address_text
               ? TIDINGS_OK
               : error_set(err, TIDINGS_E_INVALID, "advertised address is too long");
}

// ---- the loop's hooks ----
static void on_indexed(void *arg, int64_t queue_key, int64_t offset)
{
    struct broker *broker = arg;
    struct queue *queue = topics_find_queue(&broker->topics, queue_key);
    if (queue != NULL) {
        queue_indexed(queue, offset + 1);
    }
}

static void on_due(void *arg, const struct index_due *rows, size_t count, bool more)
{
    due_loaded(arg, rows, count, more);
}

void broker_poll_index(struct broker *broker)
{
    static const struct index_handlers handlers = { on_indexed, on_due, retention_min,
                                                    retention_done };
    index_poll(broker->index, &handlers, broker);
}

void broker_wake(void *arg)
{
    struct broker *broker = arg;
    store_wake(broker);
    broker_poll_index(broker);
}

// Back-pressure: while the log or the index is behind, nobody is read from.
static void balance_reading(struct broker *broker)
{
    struct commitlog_stats log;
    commitlog_stats(broker->log, &log);
    bool behind = log.waiting > LOG_BATCH_MAX || index_is_full(broker->index);
    if (behind && !broker->reading_paused) {
        broker->reading_paused = true;
        net_loop_pause_all(broker->options.loop);
    } else if (broker->reading_paused && !index_is_full(broker->index) &&
               log.waiting < LOG_BATCH_MAX / 2) {
        broker->reading_paused = false;
        net_loop_resume_all(broker->options.loop);
    }
}

void broker_turn(void *arg)
{
    struct broker *broker = arg;
    groups_tell(broker);
    store_turn(broker);
    balance_reading(broker);
    if (broker->body.size > 1024 * 1024) {
        buf_deinit(&broker->body); // one large answer must not keep its memory
    }
}

static void measure(struct broker *broker, int64_t now_us)
{
    rates_take(&broker->rates, &broker->stats, now_us, clock_wall_ms(broker->options.clock));
    rates_measure_groups(&broker->groups, now_us);
}

static void tick(void *arg)
{
    struct broker *broker = arg;
    int64_t now_us = clock_mono_us(broker->options.clock);
    broker->ticks++;
    if (broker->store.starved) {
        store_wake(broker);
    }
    groups_flush_offsets(broker);
    relay_expire(broker, now_us);
    if (broker->ticks % EXPIRE_TICKS == 0) {
        groups_expire(broker, now_us / 1000);
        locks_expire(&broker->locks, now_us);
        groups_relog(broker);
    }
    if (broker->ticks % RATES_TICKS == 0) {
        measure(broker, now_us);
    }
    if (broker->ticks % RETENTION_TICKS == 0 || broker->retain_soon) {
        broker->retain_soon = false;
        retention_run(broker);
    }
    if (broker->ticks % LATENESS_TICKS == 0) {
        broker->stats.due_late_ms_max = 0;
    }
    due_load(broker);
    net_timer_start(broker->tick, TICK_MS);
}

tidings_status broker_reload(struct broker *broker, struct tidings_error *err)
{
    return access_load(broker, err);
}

// ---- closing ----
void broker_drain(struct broker *broker)
{
    broker->draining = true;
    waits_answer_all(broker);
}

bool broker_is_drained(const struct broker *broker)
{
    return store_pending(&broker->store) == 0;
}

tidings_status broker_close(struct broker *broker, struct tidings_error *err)
{
    if (broker == NULL) {
        return TIDINGS_OK;
    }
    net_timer_stop(broker->tick);
    groups_flush_offsets(broker);
    store_turn(broker);
    tidings_status status = commitlog_close(broker->log, err);
    index_close(broker->index);
    broker->index = NULL;
    free_parts(broker);
    return status;
}

void broker_stats(struct broker *broker, struct broker_stats *ret)
{
    struct commitlog_stats log;
    commitlog_stats(broker->log, &log);
    // After a start the index may still be busy with what was read from the log, and the count that
    // was begun with is not that of its rows: it knows best when it has caught up.
    if (index_depth(broker->index) == 0 && broker->store.batch == NULL) {
        broker->stats.delayed_waiting = (uint64_t)index_due_count(broker->index);
    }
    *ret = broker->stats;
    ret->pulls_held = broker->waits.by_deadline.count;
    ret->transactions_undecided = broker->halves.by_position.count;
    ret->transactions_parked = broker->halves.parked;
    ret->clients = broker->groups.client_count;
    ret->topics = topics_count(&broker->topics);
    ret->groups = broker->groups.by_name.count;
    ret->log_bytes = (uint64_t)(commitlog_end(broker->log) - commitlog_begin(broker->log));
    ret->log_batches = log.batches;
    ret->log_sync_us = log.sync_us_total;
    ret->log_waiting = log.waiting;
    ret->log_state = (uint64_t)log.state;
    ret->index_depth = index_depth(broker->index);
}
