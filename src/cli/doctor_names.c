// SPDX-License-Identifier: Apache-2.0
// Whether the hosts of receivers can be resolved: all at once, within one time.
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "cli/doctor.h"

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

struct lookups {
    size_t count;
    struct gaicb *all; // the requests
    struct gaicb **list;
};

static size_t pending(const struct lookups *lookups)
{
    size_t count = 0;
    for (size_t i = 0; i < lookups->count; i++) {
        count += gai_error(&lookups->all[i]) == EAI_INPROGRESS;
    }
    return count;
}

// The resolver may still use a look-up after our time is over, and cannot always be stopped: then
// they, and the names, are left to the end of the program, which is near.
static void release(struct lookups *lookups, json_t *names)
{
    for (size_t i = 0; i < lookups->count; i++) {
        (void)gai_cancel(&lookups->all[i]);
    }
    if (pending(lookups) > 0) {
        (void)json_incref(names);
        return;
    }
    for (size_t i = 0; i < lookups->count; i++) {
        if (lookups->all[i].ar_result != NULL) {
            freeaddrinfo(lookups->all[i].ar_result);
        }
    }
    free(lookups->all);
    free(lookups->list);
}

// Starts all look-ups. False when there are none, or it cannot be done.
static bool start(json_t *names, struct lookups *lookups)
{
    size_t count = json_object_size(names);
    const char *host;
    json_t *receiver;
    lookups->all = count > 0 ? calloc(count, sizeof *lookups->all) : NULL;
    lookups->list = count > 0 ? calloc(count, sizeof(struct gaicb *)) : NULL;
    if (lookups->all == NULL || lookups->list == NULL) {
        release(lookups, names);
        return false;
    }
    size_t used = 0;
    json_object_foreach(names, host, receiver)
    {
        lookups->all[used].ar_name = host; // of `names`, which stays as long
        lookups->list[used] = &lookups->all[used];
        used++;
    }
    if (getaddrinfo_a(GAI_NOWAIT, lookups->list, (int)used, NULL) != 0) {
        release(lookups, names);
        return false;
    }
    lookups->count = used;
    return true;
}

static void wait_all(const struct lookups *lookups, int64_t timeout_ms)
{
    int64_t until_us = clock_mono_us(clock_system()) + timeout_ms * 1000;
    int64_t left_us = timeout_ms * 1000;
    while (left_us > 0 && pending(lookups) > 0) {
        const struct timespec step = { .tv_sec = (time_t)(left_us / 1000000),
                                       .tv_nsec = left_us % 1000000 * 1000 };
        (void)gai_suspend((const struct gaicb *const *)lookups->list, (int)lookups->count, &step);
        left_us = until_us - clock_mono_us(clock_system());
    }
}

void doctor_names(struct doctor *doctor, json_t *names)
{
    struct lookups lookups = { 0 };
    size_t good = 0;
    if (!start(names, &lookups)) {
        return; // all are addresses
    }
    wait_all(&lookups, doctor->timeout_ms);
    for (size_t i = 0; i < lookups.count; i++) {
        const char *name = lookups.all[i].ar_name;
        int code = gai_error(&lookups.all[i]);
        const char *receiver = json_string_value(json_object_get(names, name));
        good += code == 0;
        if (code != 0) {
            doctor_say(doctor, DOCTOR_FAIL, "DNS",
                       "mend the URL (tidings receiver set NAME --url URL) or the name's record",
                       "%s, of receiver %s: %s", name, receiver,
                       code == EAI_INPROGRESS ? "no answer in time" : gai_strerror(code));
        }
    }
    if (good > 0) {
        doctor_say(doctor, DOCTOR_OK, "DNS", NULL, "%zu of %zu names of hosts are resolved", good,
                   lookups.count);
    }
    release(&lookups, names);
}
