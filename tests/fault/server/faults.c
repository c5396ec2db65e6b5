// SPDX-License-Identifier: Apache-2.0
// The program with faults that a test switches on while it runs
// (build/PRESET/tests/tidings_faults). It is the same program, object for object; the linker
// (--wrap, see cmake/tests.cmake) leads a few of its calls through here:
//   malloc, calloc, realloc   the n-th one of a thread fails, and of its libraries jansson's and
//                             SQLite's, by their own hooks
//   fault_hit                 the points of base/fault.h
//   buf_clear, net_conn_out   "cold": buffers that are kept are let go, so that each request has to
//                             allocate them anew
//   index_submit, index_batch_drop
//                             the index tells when it has caught up
//   index_thread_run, writer_run, pthread_cond_timedwait
//                             index and log try again soon after a failure
// TIDINGS_FAULT_CONTROL names a file, which both sides map: `struct control`, all numbers of 64
// bits in the machine's order; the names of the points stand at NAMES_AT, separated by spaces.
// libuv's own few allocations are left alone: it aborts by design when it cannot watch a new
// descriptor.
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>
#include <sqlite3.h>

#include "base/fault.h"
#include "base/str.h"

enum { NAMES_AT = 4096, CONTROL_SIZE = 8192, SHORT_REST_MS = 2 };
enum where { ALLOC_LOOP, ALLOC_INDEX, ALLOC_OTHER, ALLOC_COUNT };

struct point {
    _Atomic uint64_t first; // 1-based; 0 = not armed
    _Atomic uint64_t count; // so many fail
    _Atomic uint64_t calls;
    _Atomic uint64_t failed;
};

struct control {
    _Atomic uint64_t cold;
    _Atomic uint64_t submitted; // batches to the index
    _Atomic uint64_t retired;   // and applied
    struct point points[ALLOC_COUNT + FAULT_COUNT];
};

static const char names[] = "alloc.loop alloc.index alloc.other"
#define X(name, text, os_errno) " " text
    FAULT_POINT_MAP(X)
#undef X
    ;

static const int errnos[] = {
#define X(name, text, os_errno) os_errno,
    FAULT_POINT_MAP(X)
#undef X
};

static struct control *control;
static _Thread_local bool is_index;
static _Thread_local bool rests_shortly;

// What the linker makes of `--wrap`.
struct net_conn;
struct index;
struct index_batch;
#define WRAPS(result, name, ...)                                                                   \
    result __wrap_##name(__VA_ARGS__);                                                             \
    result __real_##name(__VA_ARGS__);
WRAPS(void *, malloc, size_t size)
WRAPS(void *, calloc, size_t count, size_t size)
WRAPS(void *, realloc, void *old, size_t size)
WRAPS(int, fault_hit, struct fault *fault, enum fault_point point)
WRAPS(void, buf_clear, struct buf *buf)
WRAPS(struct buf *, net_conn_out, struct net_conn *conn)
WRAPS(void, index_submit, struct index *index, struct index_batch *batch, int64_t position)
WRAPS(void, index_batch_drop, struct index *index, struct index_batch *batch)
WRAPS(void *, index_thread_run, void *arg)
WRAPS(void *, writer_run, void *arg)
WRAPS(int, pthread_cond_timedwait, pthread_cond_t *cond, pthread_mutex_t *lock,
      const struct timespec *until)

static bool hit(size_t number)
{
    if (control == NULL) {
        return false;
    }
    struct point *point = &control->points[number];
    uint64_t first = atomic_load(&point->first);
    if (first == 0) {
        return false;
    }
    uint64_t call = atomic_fetch_add(&point->calls, 1) + 1;
    bool fails = call >= first && call - first < atomic_load(&point->count);
    if (fails) {
        atomic_fetch_add(&point->failed, 1);
    }
    return fails;
}

// ---- memory ----
static bool no_memory(void)
{
    static _Thread_local pid_t thread;
    if (control == NULL) {
        return false;
    }
    thread = thread != 0 ? thread : gettid();
    bool fails = hit(is_index ? ALLOC_INDEX : thread == getpid() ? ALLOC_LOOP : ALLOC_OTHER);
    if (fails) {
        errno = ENOMEM;
    }
    return fails;
}

void *__wrap_malloc(size_t size)
{
    return no_memory() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return no_memory() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
    return no_memory() ? NULL : __real_realloc(old, size);
}

static void *sqlite_malloc(int size)
{
    return __wrap_malloc((size_t)size);
}

static void *sqlite_realloc(void *old, int size)
{
    return __wrap_realloc(old, (size_t)size);
}

static int sqlite_size(void *memory)
{
    return memory != NULL ? (int)malloc_usable_size(memory) : 0;
}

static int sqlite_round(int size)
{
    return (size + 7) & ~7;
}

static int sqlite_start(void *arg)
{
    (void)arg;
    return SQLITE_OK;
}

static void sqlite_end(void *arg)
{
    (void)arg;
}

// ---- the rest ----
int __wrap_fault_hit(struct fault *fault, enum fault_point point)
{
    (void)fault;
    return hit(ALLOC_COUNT + point) ? errnos[point] : 0;
}

static bool is_cold(void)
{
    return control != NULL && atomic_load(&control->cold) != 0;
}

void __wrap_buf_clear(struct buf *buf)
{
    if (is_cold()) {
        buf_deinit(buf);
    } else {
        __real_buf_clear(buf);
    }
}

struct buf *__wrap_net_conn_out(struct net_conn *conn)
{
    struct buf *out = __real_net_conn_out(conn);
    if (is_cold() && out->len == 0) {
        buf_deinit(out);
    }
    return out;
}

void __wrap_index_submit(struct index *index, struct index_batch *batch, int64_t position)
{
    if (control != NULL) {
        atomic_fetch_add(&control->submitted, 1);
    }
    __real_index_submit(index, batch, position);
}

void __wrap_index_batch_drop(struct index *index, struct index_batch *batch)
{
    if (control != NULL) {
        atomic_fetch_add(&control->retired, 1);
    }
    __real_index_batch_drop(index, batch);
}

void *__wrap_index_thread_run(void *arg)
{
    is_index = rests_shortly = true;
    return __real_index_thread_run(arg);
}

void *__wrap_writer_run(void *arg)
{
    rests_shortly = true;
    return __real_writer_run(arg);
}

// Index and log rest after a failure, and the index gathers work for a while: here only shortly.
int __wrap_pthread_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *lock,
                                  const struct timespec *until)
{
    struct timespec soon;
    if (!rests_shortly || control == NULL) {
        return __real_pthread_cond_timedwait(cond, lock, until);
    }
    clock_gettime(CLOCK_MONOTONIC, &soon);
    soon.tv_nsec += SHORT_REST_MS * 1000000;
    if (soon.tv_nsec >= 1000000000) {
        soon.tv_nsec -= 1000000000;
        soon.tv_sec++;
    }
    return __real_pthread_cond_timedwait(cond, lock, &soon);
}

__attribute__((constructor)) static void open_control(void)
{
    static const sqlite3_mem_methods methods = { sqlite_malloc, free,         sqlite_realloc,
                                                 sqlite_size,   sqlite_round, sqlite_start,
                                                 sqlite_end,    NULL };
    const char *path = getenv("TIDINGS_FAULT_CONTROL");
    int fd = path != NULL ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0) {
        return;
    }
    void *mapped = mmap(NULL, CONTROL_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (mapped == MAP_FAILED || sqlite3_config(SQLITE_CONFIG_MALLOC, &methods) != SQLITE_OK) {
        abort();
    }
    memcpy((char *)mapped + NAMES_AT, names, sizeof names);
    json_set_alloc_funcs(__wrap_malloc, free);
    control = mapped;
}
