// SPDX-License-Identifier: Apache-2.0
#include "base/apart.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

// Shared with the child, which writes it.
struct outcome {
    bool done;
    tidings_status status;
    struct tidings_error err;
    char result[APART_RESULT_MAX];
};

typedef tidings_status apart_task(void *result, void *arg, struct tidings_error *err);

_Noreturn static void child(struct outcome *outcome, apart_task *task, void *arg, int parent)
{
    // Not longer than the parent, who may have ended before this was said.
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent) {
        outcome->status = task(outcome->result, arg, &outcome->err);
        outcome->done = true;
    }
    _exit(0);
}

// The child's end closes its end of the pipe. False when it took too long.
static bool wait_end(int fd)
{
    struct pollfd end = { .fd = fd, .events = POLLIN };
    int got;
    do { // a signal begins the time anew: who sends them without end waits as long
        got = poll(&end, 1, APART_WAIT_MS);
    } while (got < 0 && errno == EINTR);
    return got > 0;
}

static tidings_status take(const struct outcome *outcome, bool in_time, void *result, size_t size,
                           struct tidings_error *err)
{
    if (!outcome->done) {
        return in_time ? error_set(err, TIDINGS_E_INTERNAL, "a child process ended early")
                       : error_set(err, TIDINGS_E_TIMEOUT, "a child process took over %d s",
                                   APART_WAIT_MS / 1000);
    }
    if (size > 0) {
        memcpy(result, outcome->result, size);
    }
    if (err != NULL && outcome->status != TIDINGS_OK) {
        *err = outcome->err;
    }
    return outcome->status;
}

tidings_status apart_run(apart_task *task, void *result, size_t size, void *arg,
                         struct tidings_error *err)
{
    int ends[2] = { -1, -1 };
    int self = (int)getpid();
    BASE_ASSERT(size <= APART_RESULT_MAX);
    struct outcome *outcome =
        mmap(NULL, sizeof *outcome, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    bool ready = outcome != MAP_FAILED && pipe2(ends, O_CLOEXEC) == 0;
    pid_t pid = ready ? fork() : -1;
    if (pid == 0) {
        child(outcome, task, arg, self);
    }
    if (ends[1] >= 0) {
        close(ends[1]);
    }
    tidings_status status;
    if (pid > 0) {
        bool in_time = wait_end(ends[0]);
        if (!in_time) {
            kill(pid, SIGKILL);
        }
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {
        }
        status = take(outcome, in_time, result, size, err);
    } else {
        status = task(result, arg, err);
    }
    if (ends[0] >= 0) {
        close(ends[0]);
    }
    if (outcome != MAP_FAILED) {
        munmap(outcome, sizeof *outcome);
    }
    return status;
}
