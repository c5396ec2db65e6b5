// SPDX-License-Identifier: Apache-2.0
// Searching a sorted file: hashes are spread evenly, so the first read mostly is the last but one.
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "broker/keyindex_private.h"

enum {
    WINDOW = 128, // pairs per read
    GUESSES = 4,  // reads at the place where an even spread would put the hash, then halving
};

struct search {
    int fd;
    struct keyindex_pair target;
    uint64_t low; // the answer is in [low, high]
    uint64_t high;
    uint64_t low_hash;
    uint64_t high_hash;
    struct keyindex_pair window[WINDOW];
};

static int read_pairs(struct search *search, uint64_t start, uint64_t count)
{
    return key_read_at(search->fd, search->window, count * sizeof search->window[0],
                       KEY_FILE_HEADER + (int64_t)(start * sizeof search->window[0]));
}

static uint64_t guess(const struct search *search, int round)
{
    uint64_t span = search->high - search->low;
    if (round >= GUESSES || search->high_hash <= search->low_hash ||
        search->target.hash < search->low_hash) {
        return search->low + span / 2;
    }
    double share = (double)(search->target.hash - search->low_hash) /
                   (double)(search->high_hash - search->low_hash);
    return search->low + (uint64_t)((share < 1 ? share : 1) * (double)span);
}

// Number of pairs in the window below the target.
static uint64_t count_below(const struct search *search, uint64_t count)
{
    uint64_t low = 0;
    while (low < count) {
        uint64_t middle = (low + count) / 2;
        if (key_is_less(&search->window[middle], &search->target)) {
            low = middle + 1;
        } else {
            count = middle;
        }
    }
    return low;
}

// Index of the first pair that is not below the target, left in search->low.
static int find_place(struct search *search)
{
    for (int round = 0; search->low < search->high; round++) {
        uint64_t count = search->high - search->low < WINDOW ? search->high - search->low : WINDOW;
        uint64_t start = guess(search, round);
        start = start > search->low + WINDOW / 2 ? start - WINDOW / 2 : search->low;
        start = start > search->high - count ? search->high - count : start;
        int os_errno = read_pairs(search, start, count);
        if (os_errno != 0) {
            return os_errno;
        }
        uint64_t below = count_below(search, count);
        if (below == count) {
            search->low = start + count;
            search->low_hash = search->window[count - 1].hash;
        } else if (below == 0) {
            search->high = start;
            search->high_hash = search->window[0].hash;
        } else {
            search->low = start + below;
            search->high = search->low;
        }
    }
    return 0;
}

// Takes the pairs of the hash before the place, newest first, while they are of use.
static int take_backwards(struct search *search, struct keyindex_hits *hits)
{
    uint64_t end = search->low;
    while (end > 0) {
        uint64_t count = end < WINDOW ? end : WINDOW;
        int os_errno = read_pairs(search, end - count, count);
        if (os_errno != 0) {
            return os_errno;
        }
        for (uint64_t i = count; i > 0; i--) {
            const struct keyindex_pair *pair = &search->window[i - 1];
            bool useless =
                hits->count == hits->max && pair->position <= hits->positions[hits->count - 1];
            if (pair->hash != hits->hash || useless) {
                return 0;
            }
            keyindex_hit(hits, pair->position);
        }
        end -= count;
    }
    return 0;
}

tidings_status key_file_search(const struct keyindex *keys, const struct key_file *file,
                               struct keyindex_hits *hits, struct tidings_error *err)
{
    struct search search = { .target = { hits->hash, hits->before },
                             .high = file->pairs,
                             .high_hash = UINT64_MAX };
    char name[KEY_NAME_MAX];
    key_name(name, file->number, "key");
    search.fd = openat(keys->folder_fd, name, O_RDONLY | O_CLOEXEC);
    int os_errno = search.fd < 0 ? errno : find_place(&search);
    if (os_errno == 0) {
        os_errno = take_backwards(&search, hits);
    }
    if (search.fd >= 0) {
        close(search.fd);
    }
    return os_errno == 0 ? TIDINGS_OK
                         : error_set_errno(err, TIDINGS_E_IO, os_errno, "key index: file %s", name);
}
