// SPDX-License-Identifier: Apache-2.0
#include "http/names.h"

#include <netdb.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/map.h"
#include "base/thread.h"
#include "net/net.h"

enum { NAME_MAX_LEN = 255, ENTRIES_MAX = 1 << 16 };

// One look-up: the thread's own, then the loop's again.
struct job {
    struct shared *shared;
    struct job *next;
    struct entry *entry; // the loop's
    char name[NAME_MAX_LEN + 1];
    int error; // of getaddrinfo
    size_t count;
    struct address addresses[NAMES_ADDRESSES_MAX];
};

// Lives as long as the last thread.
struct shared {
    pthread_mutex_t lock;
    int event_fd;
    unsigned refs;
    bool closed;
    struct job *done;
};

struct entry {
    struct list node; // in names->known (the last used first), or in names->queue
    struct list waiters;
    struct job *job; // while it is in the queue
    bool is_known;
    int64_t until_us;
    size_t count;
    struct address addresses[NAMES_ADDRESSES_MAX];
    char name[];
};

struct names {
    struct net_watch *watch;
    struct shared *shared;
    struct map entries;
    struct list known;
    size_t known_count;
    struct list queue;
    unsigned running;
};

// ---- the threads ----
static void unref(struct shared *shared) // under its lock, which it gives back
{
    bool is_last = --shared->refs == 0;
    (void)pthread_mutex_unlock(&shared->lock);
    if (is_last) {
        while (shared->done != NULL) {
            struct job *next = shared->done->next;
            free(shared->done);
            shared->done = next;
        }
        (void)close(shared->event_fd);
        (void)pthread_mutex_destroy(&shared->lock);
        free(shared);
    }
}

// The thread has no share in it afterwards.
static void hand_back(struct job *job)
{
    struct shared *shared = job->shared;
    const uint64_t one = 1;
    (void)pthread_mutex_lock(&shared->lock);
    if (shared->closed) {
        free(job);
    } else {
        job->next = shared->done;
        shared->done = job;
        ssize_t written = write(shared->event_fd, &one, sizeof one); // it cannot be full
        (void)written;
    }
    unref(shared);
}

// What is tried second is of the other family, if there is one.
static void mix(struct address *addresses, size_t count)
{
    for (size_t i = 2; i < count; i++) {
        if (addresses[1].any.sa_family != addresses[0].any.sa_family) {
            return;
        }
        if (addresses[i].any.sa_family != addresses[0].any.sa_family) {
            struct address other = addresses[i];
            memmove(addresses + 2, addresses + 1, (i - 1) * sizeof *addresses);
            addresses[1] = other;
            return;
        }
    }
}

static void *look_up(void *arg)
{
    struct job *job = arg;
    const struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
    struct addrinfo *found = NULL;
    job->error = getaddrinfo(job->name, NULL, &hints, &found);
    for (const struct addrinfo *at = job->error == 0 ? found : NULL;
         at != NULL && job->count < NAMES_ADDRESSES_MAX; at = at->ai_next) {
        if (at->ai_family == AF_INET || at->ai_family == AF_INET6) {
            struct address *address = &job->addresses[job->count++];
            address->size = at->ai_addrlen;
            memcpy(&address->any, at->ai_addr, at->ai_addrlen);
        }
    }
    if (job->error == 0) {
        freeaddrinfo(found);
    }
    mix(job->addresses, job->count);
    hand_back(job);
    return NULL;
}

// ---- the loop's side ----
static void begin(struct names *names, struct entry *entry)
{
    struct job *job = entry->job;
    pthread_t thread;
    entry->job = NULL;
    *job = (struct job){ .shared = names->shared, .entry = entry };
    (void)str_copy(job->name, sizeof job->name, str_of(entry->name));
    (void)pthread_mutex_lock(&names->shared->lock);
    names->shared->refs++;
    (void)pthread_mutex_unlock(&names->shared->lock);
    names->running++;
    if (thread_start(&thread, look_up, job) != 0) {
        job->error = EAI_MEMORY;
        hand_back(job);
        return;
    }
    (void)pthread_detach(thread);
}

static void forget(struct names *names, struct entry *entry)
{
    names->known_count -= entry->is_known;
    list_remove(&entry->node);
    (void)map_remove(&names->entries, str_of(entry->name));
    free(entry->job);
    free(entry);
}

static void begin_some(struct names *names)
{
    while (names->running < NAMES_AT_ONCE && !list_empty(&names->queue)) {
        struct entry *entry = LIST_ENTRY(list_pop(&names->queue), struct entry, node);
        if (list_empty(&entry->waiters)) { // nobody any more
            forget(names, entry);
        } else {
            begin(names, entry);
        }
    }
}

static void tell(struct entry *entry, const char *reason)
{
    for (struct list *node = list_pop(&entry->waiters); node != NULL;
         node = list_pop(&entry->waiters)) {
        struct names_waiter *waiter = LIST_ENTRY(node, struct names_waiter, node);
        waiter->found(waiter, entry->addresses, entry->count, reason);
    }
}

static void end(struct names *names, const struct job *job)
{
    struct entry *entry = job->entry;
    names->running--;
    entry->count = job->count;
    memcpy(entry->addresses, job->addresses, sizeof entry->addresses);
    if (job->count == 0) {
        tell(entry, job->error != 0 ? gai_strerror(job->error) : "it has no address");
        forget(names, entry);
        return;
    }
    entry->is_known = true;
    entry->until_us = clock_mono_us(clock_system()) + NAMES_KEPT_S * 1000000LL;
    list_add_head(&names->known, &entry->node);
    names->known_count++;
    tell(entry, "");
    if (names->known_count > NAMES_KEPT_MAX) {
        forget(names, LIST_ENTRY(names->known.prev, struct entry, node));
    }
}

static void came_back(void *arg, int ready)
{
    struct names *names = arg;
    struct shared *shared = names->shared;
    uint64_t count;
    (void)ready;
    ssize_t got = read(shared->event_fd, &count, sizeof count);
    (void)got;
    (void)pthread_mutex_lock(&shared->lock);
    struct job *done = shared->done;
    shared->done = NULL;
    (void)pthread_mutex_unlock(&shared->lock);
    while (done != NULL) {
        struct job *next = done->next;
        end(names, done);
        free(done);
        done = next;
    }
    begin_some(names);
}

static struct entry *make(struct names *names, struct str name)
{
    struct entry *entry = calloc(1, sizeof *entry + name.len + 1);
    if (entry == NULL || name.len > NAME_MAX_LEN ||
        map_put(&names->entries, name, entry, NULL) != TIDINGS_OK) {
        free(entry);
        return NULL;
    }
    list_init(&entry->node);
    list_init(&entry->waiters);
    memcpy(entry->name, name.ptr, name.len);
    return entry;
}

// It is not known, or not any more, and not looked for.
static tidings_status put_in_queue(struct names *names, struct entry *entry)
{
    struct job *job = malloc(sizeof *job);
    if (job == NULL) {
        forget(names, entry);
        return TIDINGS_E_NO_MEMORY;
    }
    entry->job = job;
    names->known_count -= entry->is_known;
    entry->is_known = false;
    list_remove(&entry->node);
    list_add_tail(&names->queue, &entry->node);
    return TIDINGS_OK;
}

tidings_status names_ask(struct names *names, const char *name, struct names_waiter *waiter,
                         const struct address **ret, size_t *ret_count)
{
    struct entry *entry = map_get(&names->entries, str_of(name));
    bool is_new = entry == NULL;
    *ret_count = 0;
    entry = is_new ? make(names, str_of(name)) : entry;
    if (entry == NULL) {
        return TIDINGS_E_NO_MEMORY;
    }
    if (entry->is_known && entry->until_us > clock_mono_us(clock_system())) {
        list_remove(&entry->node);
        list_add_head(&names->known, &entry->node);
        *ret = entry->addresses;
        *ret_count = entry->count;
        return TIDINGS_OK;
    }
    if ((is_new || entry->is_known) && put_in_queue(names, entry) != TIDINGS_OK) {
        return TIDINGS_E_NO_MEMORY;
    }
    list_add_tail(&entry->waiters, &waiter->node);
    begin_some(names);
    return TIDINGS_OK;
}

// ---- life ----
static struct shared *make_shared(void)
{
    struct shared *shared = calloc(1, sizeof *shared);
    if (shared == NULL) {
        return NULL;
    }
    shared->refs = 1;
    shared->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (shared->event_fd < 0) {
        free(shared);
        return NULL;
    }
    (void)pthread_mutex_init(&shared->lock, NULL);
    return shared;
}

tidings_status names_new(struct net_loop *loop, struct names **ret)
{
    struct names *names = calloc(1, sizeof *names);
    if (names == NULL || (names->shared = make_shared()) == NULL) {
        free(names);
        return TIDINGS_E_NO_MEMORY;
    }
    map_init(&names->entries, ENTRIES_MAX);
    list_init(&names->known);
    list_init(&names->queue);
    tidings_status status =
        net_watch_new(loop, names->shared->event_fd, came_back, names, &names->watch);
    status = status == TIDINGS_OK ? net_watch_set(names->watch, NET_READABLE) : status;
    if (status != TIDINGS_OK) {
        names_free(names);
        return status;
    }
    *ret = names;
    return TIDINGS_OK;
}

void names_free(struct names *names)
{
    size_t cursor = 0;
    struct str key;
    void *value;
    if (names == NULL) {
        return;
    }
    net_watch_free(names->watch);
    (void)pthread_mutex_lock(&names->shared->lock);
    names->shared->closed = true;
    unref(names->shared);
    while (map_next(&names->entries, &cursor, &key, &value)) {
        struct entry *entry = value;
        free(entry->job);
        free(entry);
    }
    map_deinit(&names->entries);
    free(names);
}
