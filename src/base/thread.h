// SPDX-License-Identifier: Apache-2.0
// Threads of the rooms. Signals are the program's business: a thread started here takes none of
// them, so each reaches the thread the program listens with.
#ifndef BASE_THREAD_H
#define BASE_THREAD_H

#include <pthread.h>
#include <signal.h>

// Starts FN(ARG). Returns 0, or the error number of pthread_create(3).
int thread_start(pthread_t *thread, void *(*fn)(void *), void *arg);

// For threads that a library starts: what is started between the two takes no signals.
void thread_signals_block(sigset_t *ret_before);
void thread_signals_restore(const sigset_t *before);

#endif
