// SPDX-License-Identifier: Apache-2.0
// Whether the hosts of receivers can be resolved: all at once, within one time.
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/thread.h"
#include "cli/doctor.h"

enum { THREADS = 16 };

bool doctor_host(const char *url, char *out, size_t size)
{
    struct str rest = str_of(url);
    unsigned char address[16];
    size_t scheme = str_find_str(rest, STR("://"));
    if (scheme == SIZE_MAX) {
        return false;
    }
    rest = str_make(rest.ptr + scheme + 3, rest.len - scheme - 3);
    rest.len = strcspn(rest.ptr, "/?#");
    for (size_t at = str_find(rest, '@', 0); at != SIZE_MAX; at = str_find(rest, '@', 0)) {
        rest = str_make(rest.ptr + at + 1, rest.len - at - 1);
    }
    if (rest.len == 0 || rest.ptr[0] == '[') { // an IPv6 address
        return false;
    }
    size_t colon = str_find(rest, ':', 0);
    rest.len = colon != SIZE_MAX ? colon : rest.len;
    return rest.len > 0 && str_copy(out, size, rest) && inet_pton(AF_INET, out, address) != 1;
}

// The names, looked up by a few threads. Who asks waits for a time, not for ever: the resolver may
// still be at one then, so that the last one to let go frees all of it.
struct lookup {
    char *name;
    int code; // of getaddrinfo; EAI_INPROGRESS until it is known
};
struct lookups {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int holders;
    size_t count;
    size_t next;
    size_t done;
    struct lookup all[];
};

static void let_go(struct lookups *lookups)
{
    pthread_mutex_lock(&lookups->lock);
    int left = --lookups->holders;
    pthread_mutex_unlock(&lookups->lock);
    if (left > 0) {
        return;
    }
    for (size_t i = 0; i < lookups->count; i++) {
        free(lookups->all[i].name);
    }
    pthread_cond_destroy(&lookups->changed);
    pthread_mutex_destroy(&lookups->lock);
    free(lookups);
}

static void *look_up(void *arg)
{
    struct lookups *lookups = arg;
    pthread_mutex_lock(&lookups->lock);
    while (lookups->next < lookups->count) {
        struct lookup *lookup = &lookups->all[lookups->next++];
        struct addrinfo *found = NULL;
        pthread_mutex_unlock(&lookups->lock);
        int code = getaddrinfo(lookup->name, NULL, NULL, &found);
        if (code == 0) {
            freeaddrinfo(found);
        }
        pthread_mutex_lock(&lookups->lock);
        lookup->code = code;
        lookups->done++;
        pthread_cond_signal(&lookups->changed);
    }
    pthread_mutex_unlock(&lookups->lock);
    let_go(lookups);
    return NULL;
}

static struct lookups *make(json_t *names)
{
    size_t count = json_object_size(names);
    const char *host;
    json_t *receiver;
    pthread_condattr_t attributes;
    struct lookups *lookups =
        count > 0 ? calloc(1, sizeof *lookups + count * sizeof lookups->all[0]) : NULL;
    if (lookups == NULL) {
        return NULL;
    }
    pthread_mutex_init(&lookups->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&lookups->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    lookups->holders = 1;
    json_object_foreach(names, host, receiver)
    {
        struct lookup *lookup = &lookups->all[lookups->count];
        lookup->name = str_dup(str_of(host));
        lookup->code = EAI_INPROGRESS;
        lookups->count += lookup->name != NULL;
    }
    return lookups;
}

// Under the lock.
static void start(struct lookups *lookups)
{
    pthread_t thread;
    for (size_t i = 0; i < THREADS && i < lookups->count; i++) {
        lookups->holders++;
        if (thread_start(&thread, look_up, lookups) == 0) {
            (void)pthread_detach(thread);
        } else {
            lookups->holders--;
        }
    }
}

static void wait_all(struct lookups *lookups, int64_t timeout_ms)
{
    int64_t until_us = clock_mono_us(clock_system()) + timeout_ms * 1000;
    const struct timespec until = { .tv_sec = (time_t)(until_us / 1000000),
                                    .tv_nsec = until_us % 1000000 * 1000 };
    pthread_mutex_lock(&lookups->lock);
    start(lookups);
    while (lookups->done < lookups->count &&
           pthread_cond_timedwait(&lookups->changed, &lookups->lock, &until) != ETIMEDOUT) {
    }
    pthread_mutex_unlock(&lookups->lock);
}

void doctor_names(struct doctor *doctor, json_t *names)
{
    struct lookups *lookups = make(names);
    size_t good = 0;
    if (lookups == NULL) {
        return; // all are addresses
    }
    wait_all(lookups, doctor->timeout_ms);
    pthread_mutex_lock(&lookups->lock);
    for (size_t i = 0; i < lookups->count; i++) {
        const struct lookup *lookup = &lookups->all[i];
        const char *receiver = json_string_value(json_object_get(names, lookup->name));
        good += lookup->code == 0;
        if (lookup->code != 0) {
            doctor_say(doctor, DOCTOR_FAIL, "DNS",
                       "mend the URL (tidings receiver set NAME --url URL) or the name's record",
                       "%s, of receiver %s: %s", lookup->name, receiver,
                       lookup->code == EAI_INPROGRESS ? "no answer in time"
                                                      : gai_strerror(lookup->code));
        }
    }
    if (good > 0) {
        doctor_say(doctor, DOCTOR_OK, "DNS", NULL, "%zu of %zu names of hosts are resolved", good,
                   lookups->count);
    }
    pthread_mutex_unlock(&lookups->lock);
    let_go(lookups);
}
