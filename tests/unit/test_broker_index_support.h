// SPDX-License-Identifier: Apache-2.0
// What the tests of the index share: a folder, an index in it, and answers collected as they come.
#ifndef TEST_BROKER_INDEX_SUPPORT_H
#define TEST_BROKER_INDEX_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "broker/index.h"

enum { SEGMENT = 1024 * 1024, QUEUES_TOLD_MAX = 4096, TEXTS_MAX = 64 };

struct told_queue {
    int64_t key;
    int64_t min;
    int64_t next;
};
struct told_offset {
    char group[256];
    char topic[256];
    int32_t queue_id;
    int64_t offset;
};

struct fixture {
    char folder[256];
    struct index *index;
    int64_t position; // told at opening
    struct fault fault;
    struct log log;
    size_t depth_max;

    // told at opening
    struct index_topic topics[TEXTS_MAX];
    size_t topic_count;
    struct index_group groups[TEXTS_MAX];
    size_t group_count;
    struct told_queue queues[QUEUES_TOLD_MAX];
    size_t queue_count;
    struct told_offset offsets[TEXTS_MAX];
    size_t offset_count;

    // answers
    pthread_mutex_t lock;
    pthread_cond_t woken;
    unsigned wakes;
    uint64_t indexed;
    struct index_due *due;
    size_t due_count;
    bool due_more;
    unsigned due_answers;
    struct told_queue mins[QUEUES_TOLD_MAX];
    size_t min_count;
    unsigned retained_answers;
    int64_t retained;
};

static inline tidings_status on_topic(void *arg, const struct index_topic *topic)
{
    struct fixture *f = arg;
    assert_true(f->topic_count < TEXTS_MAX);
    f->topics[f->topic_count++] = *topic;
    return TIDINGS_OK;
}

static inline tidings_status on_queue(void *arg, int64_t key, int64_t min, int64_t next)
{
    struct fixture *f = arg;
    assert_true(f->queue_count < QUEUES_TOLD_MAX);
    f->queues[f->queue_count++] = (struct told_queue){ key, min, next };
    return TIDINGS_OK;
}

static inline tidings_status on_group(void *arg, const struct index_group *group)
{
    struct fixture *f = arg;
    assert_true(f->group_count < TEXTS_MAX);
    f->groups[f->group_count++] = *group;
    return TIDINGS_OK;
}

static inline tidings_status on_offset(void *arg, struct str group, struct str topic,
                                       int32_t queue_id, int64_t offset)
{
    struct fixture *f = arg;
    assert_true(f->offset_count < TEXTS_MAX);
    struct told_offset *told = &f->offsets[f->offset_count++];
    assert_true(str_copy(told->group, sizeof told->group, group));
    assert_true(str_copy(told->topic, sizeof told->topic, topic));
    told->queue_id = queue_id;
    told->offset = offset;
    return TIDINGS_OK;
}

static inline void on_wake(void *arg)
{
    struct fixture *f = arg;
    pthread_mutex_lock(&f->lock);
    f->wakes++;
    pthread_cond_signal(&f->woken);
    pthread_mutex_unlock(&f->lock);
}

static inline void on_indexed(void *arg, int64_t queue_key, int64_t offset)
{
    (void)queue_key;
    (void)offset;
    ((struct fixture *)arg)->indexed++;
}

static inline void on_due(void *arg, const struct index_due *rows, size_t count, bool more)
{
    struct fixture *f = arg;
    free(f->due);
    f->due = malloc((count + 1) * sizeof *rows);
    assert_non_null(f->due);
    if (count > 0) {
        memcpy(f->due, rows, count * sizeof *rows);
    }
    f->due_count = count;
    f->due_more = more;
    f->due_answers++;
}

static inline void on_min(void *arg, int64_t queue_key, int64_t min_offset)
{
    struct fixture *f = arg;
    assert_true(f->min_count < QUEUES_TOLD_MAX);
    f->mins[f->min_count++] = (struct told_queue){ .key = queue_key, .min = min_offset };
}

static inline void on_retained(void *arg, int64_t position)
{
    struct fixture *f = arg;
    f->retained = position;
    f->retained_answers++;
}

static inline void fixture_poll(struct fixture *f)
{
    static const struct index_handlers handlers = { on_indexed, on_due, on_min, on_retained };
    index_poll(f->index, &handlers, f);
}

static inline tidings_status fixture_try_open(struct fixture *f, struct tidings_error *err)
{
    static const struct index_loader loader = {
        .topic = on_topic, .queue = on_queue, .group = on_group, .offset = on_offset
    };
    struct index_options options = { .folder = f->folder,
                                     .segment_size = SEGMENT,
                                     .depth_max = f->depth_max,
                                     .clock = clock_system(),
                                     .fault = &f->fault,
                                     .log = &f->log,
                                     .wake = on_wake,
                                     .wake_arg = f };
    f->topic_count = 0;
    f->queue_count = 0;
    f->group_count = 0;
    f->offset_count = 0;
    return index_open(&options, &loader, f, &f->index, &f->position, err);
}

static inline void fixture_open(struct fixture *f)
{
    struct tidings_error err = { 0 };
    if (fixture_try_open(f, &err) != TIDINGS_OK) {
        fail_msg("index_open: %s", err.text);
    }
}

static inline void fixture_close(struct fixture *f)
{
    index_close(f->index);
    f->index = NULL;
}

static inline void fixture_reopen(struct fixture *f)
{
    fixture_close(f);
    fixture_open(f);
}

// Waits for one wake-up of the index thread that was not yet seen, then takes the answers.
static inline void fixture_turn(struct fixture *f)
{
    struct timespec until;
    int failed = 0;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 60;
    pthread_mutex_lock(&f->lock);
    while (f->wakes == 0 && failed == 0) {
        failed = pthread_cond_timedwait(&f->woken, &f->lock, &until);
    }
    f->wakes = 0;
    pthread_mutex_unlock(&f->lock);
    assert_int_equal(failed, 0);
    fixture_poll(f);
}

// Until all that was submitted is back.
static inline void fixture_settle(struct fixture *f)
{
    while (index_depth(f->index) > 0) {
        fixture_turn(f);
    }
}

static inline void fixture_load_due(struct fixture *f, int64_t due_ms, int64_t position, size_t max)
{
    unsigned before = f->due_answers;
    assert_int_equal(index_load_due(f->index, due_ms, position, max), TIDINGS_OK);
    while (f->due_answers == before) {
        fixture_turn(f);
    }
}

static inline void fixture_retain(struct fixture *f, int64_t position)
{
    unsigned before = f->retained_answers;
    f->min_count = 0;
    assert_int_equal(index_retain(f->index, position), TIDINGS_OK);
    while (f->retained_answers == before) {
        fixture_turn(f);
    }
}

static inline struct index_batch *fixture_batch(struct fixture *f)
{
    struct index_batch *batch = index_batch_take(f->index);
    assert_non_null(batch);
    return batch;
}

static inline int remove_one(const char *path, const struct stat *info, int kind, struct FTW *at)
{
    (void)info;
    (void)kind;
    (void)at;
    return remove(path);
}

static inline struct fixture *fixture_new(void)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    assert_true(snprintf(f->folder, sizeof f->folder, "%s/tidings-index-XXXXXX",
                         getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp") < (int)sizeof f->folder);
    assert_non_null(mkdtemp(f->folder));
    pthread_mutex_init(&f->lock, NULL);
    pthread_cond_init(&f->woken, NULL);
    fault_init(&f->fault);
    log_init(&f->log, clock_system(), -1, LOG_DEBUG);
    f->depth_max = 200000;
    return f;
}

static inline int setup(void **state)
{
    struct fixture *f = fixture_new();
    fixture_open(f);
    *state = f;
    return 0;
}

static inline int teardown(void **state)
{
    struct fixture *f = *state;
    fixture_close(f);
    nftw(f->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    pthread_mutex_destroy(&f->lock);
    pthread_cond_destroy(&f->woken);
    free(f->due);
    free(f);
    return 0;
}

#endif
