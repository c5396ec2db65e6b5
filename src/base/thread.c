// SPDX-License-Identifier: Apache-2.0
#include "base/thread.h"

void thread_signals_block(sigset_t *ret_before)
{
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, ret_before);
}

void thread_signals_restore(const sigset_t *before)
{
    pthread_sigmask(SIG_SETMASK, before, NULL);
}

int thread_start(pthread_t *thread, void *(*fn)(void *), void *arg)
{
    sigset_t before;
    thread_signals_block(&before);
    int result = pthread_create(thread, NULL, fn, arg);
    thread_signals_restore(&before);
    return result;
}
