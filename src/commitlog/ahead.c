// SPDX-License-Identifier: Apache-2.0
// The thread that writes zeros in front of the appending position and makes the next segment in
// time: a sync after a write into bytes that were written before costs a third of one that makes
// the file longer. A recycled segment was written in its former life and counts as it is: what
// stands in it carries other positions and is never taken for a record.
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "commitlog/private.h"

enum { REST_MS = 1000 }; // after a failure, for lack of room or whatever else

int ahead_pad(struct commitlog *log, int64_t position)
{
    int64_t size = log->options.segment_size;
    while (segment_of(log, atomic_load(&log->zeroed)) < segment_of(log, position)) {
        int64_t segment = segment_of(log, atomic_load(&log->zeroed));
        bool recycled;
        int fd = segment_make(log, segment, &recycled);
        int why = fd < 0 || ftruncate(fd, size) != 0 || fdatasync(fd) != 0 ? errno : 0;
        if (fd >= 0) {
            close(fd);
        }
        if (why != 0) {
            return why;
        }
        atomic_store(&log->zeroed, segment_start(log, segment + 1));
    }
    return 0;
}

// In small writes: one large one has the kernel look for as much memory in one place, which may
// take ten times as long as all the rest, and has the writer wait for the file meanwhile.
static int write_zeros(int fd, const char *zeros, int64_t len, int64_t offset)
{
    int why = 0;
    for (int64_t done = 0; done < len && why == 0; done += ZEROS) {
        int64_t left = len - done;
        why = write_at(fd, zeros, (size_t)(left < ZEROS ? left : ZEROS), offset + done);
    }
    return why;
}

// One piece from `zeroed` on; false when nothing can be done now. Holds `grow`.
static bool zero_piece(struct commitlog *log, int *fd, int64_t *fd_segment, const char *zeros)
{
    int64_t size = log->options.segment_size;
    int64_t zeroed = atomic_load(&log->zeroed);
    int64_t segment = segment_of(log, zeroed);
    int64_t offset = offset_of(log, zeroed);
    int64_t len = PIECE - offset % PIECE;
    bool recycled = false;
    len = size - offset < len ? size - offset : len;

    if (*fd_segment != segment && *fd >= 0) {
        close(*fd);
        *fd = -1;
    }
    if (*fd < 0) {
        *fd = segment_make(log, segment, &recycled);
        *fd_segment = segment;
    }
    if (*fd >= 0 && recycled) {
        atomic_store(&log->zeroed, segment_start(log, segment + 1));
        return true;
    }
    if (*fd < 0 || segment_room(log) < PIECE || write_zeros(*fd, zeros, len, offset) != 0 ||
        fdatasync(*fd) != 0) {
        return false;
    }
    atomic_store(&log->zeroed, zeroed + len);
    return true;
}

static bool wants_more(const struct commitlog *log)
{
    return atomic_load(&log->zeroed) < atomic_load(&log->durable) + log->options.ahead;
}

static void rest(struct commitlog *log)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += REST_MS / 1000;
    int why = 0;
    while (!log->ahead_stopping && why == 0) {
        why = pthread_cond_timedwait(&log->ahead_work, &log->lock, &until);
    }
}

void *ahead_run(void *arg)
{
    struct commitlog *log = arg;
    int fd = -1;
    int64_t fd_segment = -1;
    // Never written to, so that it takes address space only.
    char *zeros = mmap(NULL, ZEROS, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (zeros == MAP_FAILED) {
        return NULL; // the writer makes the files longer itself
    }

    pthread_mutex_lock(&log->lock);
    while (!log->ahead_stopping) {
        if (!wants_more(log)) {
            pthread_cond_wait(&log->ahead_work, &log->lock);
            continue;
        }
        pthread_mutex_unlock(&log->lock);
        pthread_mutex_lock(&log->grow);
        bool good = zero_piece(log, &fd, &fd_segment, zeros);
        pthread_mutex_unlock(&log->grow);
        pthread_mutex_lock(&log->lock);
        if (!good) {
            rest(log);
        }
    }
    pthread_mutex_unlock(&log->lock);
    if (fd >= 0) {
        close(fd);
    }
    munmap(zeros, ZEROS);
    return NULL;
}
