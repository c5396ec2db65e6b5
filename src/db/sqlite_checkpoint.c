// SPDX-License-Identifier: Apache-2.0
// Above the thread, below what its caller decides. SQLite lets one connection copy at a time: the
// caller does only when the thread is at rest.
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/thread.h"
#include "db/sqlite_checkpoint.h"
#include "db/sqlite_error.h"
#include "db/sqlite_vfs.h"

enum {
    PAGE_BYTES = 4096,
    SMALL = 16, // a rest is, when it is a sixteenth of the log wanted,
    LARGE = 4,  // or no more than a fourth and does not become smaller
    STEP = 8,   // readers were in the way: again when an eighth of it came
    BRAKE_MS = 20,
    FOREVER = -1,
    SYNC_SMALL = 512 * 1024,
    SYNC_LARGE = 4 * SYNC_SMALL,
    STACK_BYTES = 256 * 1024,
    BUSY_MS = 1000, // only where others recover the log while the thread opens it
};

// What a pass came to.
struct pass {
    tidings_status status;
    int copied; // pages of the log from its start, 0 when somebody else is at it
    struct tidings_error err;
};

struct sqlite_checkpoint_thread {
    pthread_t id;
    const char *path;
    struct fault *fault;
    sqlite3 *handle; // the thread's own
    pthread_mutex_t lock;
    pthread_cond_t changed; // of what follows
    bool stop;
    bool wanted;    // a pass is, or is under way
    int sync_bytes; // see SQLITE_VFS_SYNC_BYTES
    struct pass pass;
};

// Copies what readers allow, waits for nobody.
static void copy(sqlite3 *handle, struct fault *fault, struct pass *ret)
{
    int in_log = 0;
    int copied = 0;
    int os_errno = fault_hit(fault, FAULT_DB_CHECKPOINT);
    ret->copied = 0;
    if (os_errno != 0) {
        ret->status = error_set_errno(&ret->err, TIDINGS_E_IO, os_errno, "sqlite: checkpoint");
        return;
    }
    int code = sqlite3_wal_checkpoint_v2(handle, NULL, SQLITE_CHECKPOINT_PASSIVE, &in_log, &copied);
    ret->status = TIDINGS_OK;
    if (code == SQLITE_OK) {
        ret->copied = copied > 0 ? copied : 0;
    } else if ((code & 0xff) != SQLITE_BUSY) {
        ret->status = sqlite_fail(handle, code, "sqlite: checkpoint", &ret->err);
    }
}

// ---- the thread ----
// SQLite syncs the database only when all of the log is copied. What the thread copied it syncs, so
// that little is left to the caller's sync.
static void sync_database(sqlite3 *handle, struct pass *ret)
{
    sqlite3_file *file = NULL;
    (void)sqlite3_file_control(handle, NULL, SQLITE_FCNTL_FILE_POINTER, &file);
    if (file != NULL && file->pMethods != NULL) {
        int code = file->pMethods->xSync(file, SQLITE_SYNC_NORMAL);
        if (code != SQLITE_OK) {
            ret->status = sqlite_fail(NULL, code, "sqlite: checkpoint", &ret->err);
        }
    }
}

static tidings_status open_own(struct sqlite_checkpoint_thread *thread, struct tidings_error *err)
{
    int code =
        sqlite3_open_v2(thread->path, &thread->handle,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE,
                        sqlite3_vfs_find(SQLITE_VFS_NAME) ? SQLITE_VFS_NAME : NULL);
    if (code == SQLITE_OK) {
        (void)sqlite3_extended_result_codes(thread->handle, 1);
        (void)sqlite3_busy_timeout(thread->handle, BUSY_MS);
        (void)sqlite3_db_config(thread->handle, SQLITE_DBCONFIG_LOOKASIDE, NULL, 0, 0);
        // The last one opens the log, which a checkpoint alone would not.
        code = sqlite3_exec(thread->handle,
                            "PRAGMA mmap_size=0; PRAGMA cache_size=8; PRAGMA synchronous=NORMAL;"
                            "PRAGMA wal_autocheckpoint=0; PRAGMA schema_version",
                            NULL, NULL, NULL);
    }
    if (code == SQLITE_OK) {
        return TIDINGS_OK;
    }
    tidings_status status =
        sqlite_fail(thread->handle, code, "sqlite: cannot open the database for checkpoints", err);
    (void)sqlite3_close_v2(thread->handle);
    thread->handle = NULL;
    return status;
}

static void run_pass(struct sqlite_checkpoint_thread *thread, int sync_bytes, struct pass *ret)
{
    *ret = (struct pass){ 0 };
    if (thread->handle == NULL) {
        ret->status = open_own(thread, &ret->err);
    }
    if (ret->status == TIDINGS_OK) {
        (void)sqlite3_file_control(thread->handle, NULL, SQLITE_VFS_SYNC_BYTES, &sync_bytes);
        copy(thread->handle, thread->fault, ret);
    }
    if (ret->status == TIDINGS_OK && ret->copied > 0) {
        sync_database(thread->handle, ret);
    }
}

static void *run(void *arg)
{
    struct sqlite_checkpoint_thread *thread = arg;
    struct pass pass;
    pthread_mutex_lock(&thread->lock);
    while (!thread->stop) {
        if (!thread->wanted) {
            pthread_cond_wait(&thread->changed, &thread->lock);
            continue;
        }
        const int sync_bytes = thread->sync_bytes;
        pthread_mutex_unlock(&thread->lock);
        run_pass(thread, sync_bytes, &pass);
        pthread_mutex_lock(&thread->lock);
        thread->pass = pass;
        thread->wanted = false;
        pthread_cond_signal(&thread->changed);
    }
    pthread_mutex_unlock(&thread->lock);
    (void)sqlite3_close_v2(thread->handle);
    return NULL;
}

static int start(struct sqlite_checkpoint_thread *thread)
{
    pthread_attr_t attr;
    sigset_t before;
    int result = pthread_attr_init(&attr);
    if (result != 0) {
        return result;
    }
    (void)pthread_attr_setstacksize(&attr, STACK_BYTES);
    thread_signals_block(&before);
    result = pthread_create(&thread->id, &attr, run, thread);
    thread_signals_restore(&before);
    (void)pthread_attr_destroy(&attr);
    if (result == 0) {
        (void)pthread_setname_np(thread->id, "db-checkpoint");
    }
    return result;
}

static struct sqlite_checkpoint_thread *thread_new(const char *path, struct fault *fault)
{
    pthread_condattr_t attr;
    struct sqlite_checkpoint_thread *thread = calloc(1, sizeof *thread);
    if (thread == NULL) {
        return NULL;
    }
    thread->path = path;
    thread->fault = fault;
    (void)pthread_mutex_init(&thread->lock, NULL);
    (void)pthread_condattr_init(&attr);
    (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&thread->changed, &attr);
    (void)pthread_condattr_destroy(&attr);
    if (start(thread) != 0) {
        (void)pthread_cond_destroy(&thread->changed);
        (void)pthread_mutex_destroy(&thread->lock);
        free(thread);
        return NULL;
    }
    return thread;
}

static void thread_free(struct sqlite_checkpoint_thread *thread)
{
    pthread_mutex_lock(&thread->lock);
    thread->stop = true;
    pthread_cond_signal(&thread->changed);
    pthread_mutex_unlock(&thread->lock);
    (void)pthread_join(thread->id, NULL);
    (void)pthread_cond_destroy(&thread->changed);
    (void)pthread_mutex_destroy(&thread->lock);
    free(thread);
}

static void ask(struct sqlite_checkpoint_thread *thread, int sync_bytes)
{
    pthread_mutex_lock(&thread->lock);
    thread->sync_bytes = sync_bytes;
    thread->wanted = true;
    pthread_cond_signal(&thread->changed);
    pthread_mutex_unlock(&thread->lock);
}

// Waits so long for the pass that was asked for. False: it is still under way.
static bool look(struct sqlite_checkpoint_thread *thread, int ms, struct pass *ret)
{
    const int64_t until_us = ms > 0 ? clock_mono_us(clock_system()) + ms * 1000LL : 0;
    const struct timespec until = { .tv_sec = until_us / 1000000,
                                    .tv_nsec = until_us % 1000000 * 1000 };
    int result = 0;
    pthread_mutex_lock(&thread->lock);
    while (thread->wanted && ms != 0 && result != ETIMEDOUT) {
        result = ms < 0 ? pthread_cond_wait(&thread->changed, &thread->lock)
                        : pthread_cond_timedwait(&thread->changed, &thread->lock, &until);
    }
    const bool over = !thread->wanted;
    if (over) {
        *ret = thread->pass;
    }
    pthread_mutex_unlock(&thread->lock);
    return over;
}

// ---- its caller ----
void sqlite_checkpoint_init(struct sqlite_checkpoint *checkpoint, sqlite3 *handle, size_t log_bytes,
                            struct fault *fault)
{
    const int most = log_bytes > PAGE_BYTES ? (int)(log_bytes / PAGE_BYTES) : 1;
    *checkpoint =
        (struct sqlite_checkpoint){ .handle = handle, .fault = fault, .most = most, .next = most };
}

void sqlite_checkpoint_deinit(struct sqlite_checkpoint *checkpoint)
{
    if (checkpoint->thread != NULL) {
        thread_free(checkpoint->thread);
        checkpoint->thread = NULL;
    }
}

static tidings_status told(const struct pass *pass, struct tidings_error *err)
{
    return pass->status == TIDINGS_OK
               ? TIDINGS_OK
               : error_set(err, pass->status, "%s", error_text(&pass->err, pass->status));
}

static void note_copied(struct sqlite_checkpoint *checkpoint, int copied)
{
    checkpoint->copied = copied > checkpoint->copied ? copied : checkpoint->copied;
}

// Nothing is to be done before more has come.
static void come_again(struct sqlite_checkpoint *checkpoint)
{
    checkpoint->next = checkpoint->pages + checkpoint->most / STEP;
}

// The thread is at rest. After it all is copied, or readers are in the way; those may also keep the
// next transaction from beginning the log again. Either way it is not tried with each commit.
static tidings_status copy_here(struct sqlite_checkpoint *checkpoint, struct tidings_error *err)
{
    struct pass pass = { 0 };
    copy(checkpoint->handle, checkpoint->fault, &pass);
    if (pass.status == TIDINGS_OK) {
        note_copied(checkpoint, pass.copied);
        come_again(checkpoint);
    }
    return told(&pass, err);
}

// A commit may have to wait for a sync of the thread's. Many small ones cost it the least, but take
// the thread longer, on a slow disk much longer: the longer the log is the fewer they are.
static int sync_bytes(const struct sqlite_checkpoint *checkpoint)
{
    const int half_more = checkpoint->most + checkpoint->most / 2;
    return checkpoint->pages < half_more                      ? SYNC_SMALL
           : checkpoint->pages < half_more + checkpoint->most ? SYNC_LARGE
                                                              : 0;
}

// A small rest is copied here, a large one by the thread, whose last pass copied `last` pages. What
// comes during a pass is the next rest: when it does not become smaller any more it never will.
static tidings_status go_on(struct sqlite_checkpoint *checkpoint, int last,
                            struct tidings_error *err)
{
    const int rest = checkpoint->pages - checkpoint->copied;
    const bool stays = rest > last / 2 && rest <= checkpoint->most / LARGE;
    if (checkpoint->alone || rest <= checkpoint->most / SMALL || stays) {
        return copy_here(checkpoint, err);
    }
    if (checkpoint->thread == NULL) {
        checkpoint->thread =
            thread_new(sqlite3_db_filename(checkpoint->handle, NULL), checkpoint->fault);
    }
    if (checkpoint->thread == NULL) {
        return copy_here(checkpoint, err); // it cannot be had: slower, and as good
    }
    ask(checkpoint->thread, sync_bytes(checkpoint));
    checkpoint->asked = true;
    return TIDINGS_OK;
}

void sqlite_checkpoint_committed(struct sqlite_checkpoint *checkpoint, int pages)
{
    checkpoint->inherited |= checkpoint->pages == 0 && pages >= checkpoint->most;
    if (pages <= checkpoint->pages) { // begun again
        checkpoint->copied = 0;
        checkpoint->next = checkpoint->most;
        checkpoint->outdated = checkpoint->asked;
    }
    checkpoint->pages = pages;
    if (pages < SQLITE_CHECKPOINT_LATE * checkpoint->most || pages < checkpoint->next) {
        return;
    }
    struct pass pass; // stays for the next upkeep, too
    if (checkpoint->asked) {
        (void)look(checkpoint->thread, FOREVER, &pass);
    }
    if (copy_here(checkpoint, NULL) != TIDINGS_OK) {
        return; // the commit stands; it is tried again, and the next upkeep tells what is wrong
    }
}

void sqlite_checkpoint_disk_full(struct sqlite_checkpoint *checkpoint)
{
    checkpoint->full = true;
}

// Who writes faster than the thread copies is slowed down, a little with each commit, so that the
// thread catches up before the caller has to stop for all of it.
static int brake_ms(const struct sqlite_checkpoint *checkpoint)
{
    const int from = checkpoint->most + checkpoint->most / 2;
    const int late = SQLITE_CHECKPOINT_LATE * checkpoint->most;
    const int pages = checkpoint->pages < late ? checkpoint->pages : late;
    return pages <= from ? 0 : 1 + (int)((int64_t)BRAKE_MS * (pages - from) / checkpoint->most);
}

tidings_status sqlite_checkpoint_maintain(struct sqlite_checkpoint *checkpoint,
                                          struct tidings_error *err)
{
    struct pass pass;
    int last = INT_MAX;
    const bool full = checkpoint->full;
    if (checkpoint->asked) {
        if (!look(checkpoint->thread, full ? FOREVER : brake_ms(checkpoint), &pass)) {
            return TIDINGS_OK;
        }
        const bool outdated = checkpoint->outdated;
        const int before = checkpoint->copied;
        checkpoint->asked = false;
        checkpoint->outdated = false;
        if (pass.status != TIDINGS_OK) {
            return told(&pass, err);
        }
        if (!outdated) {
            note_copied(checkpoint, pass.copied);
            last = checkpoint->copied - before;
        }
        if (last == 0 && checkpoint->pages >= checkpoint->next) {
            come_again(checkpoint); // a reader is in the way
        }
    }
    if (full || checkpoint->inherited) {
        checkpoint->full = checkpoint->inherited = false;
        return copy_here(checkpoint, err);
    }
    return checkpoint->pages >= checkpoint->next ? go_on(checkpoint, last, err) : TIDINGS_OK;
}
