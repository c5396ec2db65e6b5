// SPDX-License-Identifier: Apache-2.0
// What the files of the key index share.
#ifndef BROKER_KEYINDEX_PRIVATE_H
#define BROKER_KEYINDEX_PRIVATE_H

#include <pthread.h>

#include "base/str.h"
#include "broker/keyindex.h"

enum {
    KEY_RUN_PAIRS = 64 * 1024, // a run becomes a file: 1 MiB
    KEY_FAN_IN = 16,           // files of one run that are merged into one
    KEY_PAIRS_MAX = 64 * 1024 * 1024 / (int)sizeof(struct keyindex_pair), // in memory
    KEY_NAME_MAX = 40,
    KEY_FILE_HEADER = 48,
};

// A sorted file.
struct key_file {
    int64_t number; // its name: holds the runs number..last
    int64_t last;
    uint64_t pairs;
    int64_t first; // positions covered: first <= position < end
    int64_t end;
};

struct keyindex {
    int folder_fd;

    // The run in memory and the list of files: changed by the index thread, under `lock`.
    pthread_mutex_t lock;
    struct buf pairs;
    struct key_file *files; // by number
    size_t file_count;
    size_t file_size;

    // index thread
    struct keyindex_state stored; // as given to the transaction
    struct keyindex_state committed;
    int part_fd;      // of the run in memory, -1 = not yet made
    int64_t old_part; // number of a part file that goes with the next commit, 0 = none
};

static inline bool key_is_less(const struct keyindex_pair *a, const struct keyindex_pair *b)
{
    return a->hash < b->hash || (a->hash == b->hash && a->position < b->position);
}

// ---- keyindex_sort.c ----
// Sorts `count` pairs of `from` into `to` by (hash, position); `from` is used as room, too.
void key_sort(struct keyindex_pair *from, struct keyindex_pair *to, size_t count);

// ---- keyindex_file.c ----
void key_name(char name[KEY_NAME_MAX], int64_t number, const char *suffix);
// Writes a file of sorted pairs; ret->first and end are given, the rest is filled in.
tidings_status key_file_write(struct keyindex *keys, const struct keyindex_pair *pairs,
                              size_t count, struct key_file *ret,
                              struct tidings_error *err) TIDINGS_NODISCARD;
// Reads and checks the header. E_CORRUPT when the file is not whole.
tidings_status key_file_open(const struct keyindex *keys, int64_t number, struct key_file *ret,
                             int *ret_fd) TIDINGS_NODISCARD;
// Writes the pairs of several files into one that takes the place of the first.
tidings_status key_file_merge(struct keyindex *keys, const struct key_file *files, size_t count,
                              struct key_file *ret, struct tidings_error *err) TIDINGS_NODISCARD;
// Whole reads and writes at an offset; errno, or 0.
int key_read_at(int fd, void *bytes, size_t len, int64_t offset);
int key_write_at(int fd, const void *bytes, size_t len, int64_t offset);

// ---- keyindex_search.c ----
tidings_status key_file_search(const struct keyindex *keys, const struct key_file *file,
                               struct keyindex_hits *hits,
                               struct tidings_error *err) TIDINGS_NODISCARD;
// ---- keyindex_open.c ----
// Lists the files, reads the run back, removes what is left over, tells the gap.
tidings_status key_load(struct keyindex *keys, int64_t position, int64_t *ret_gap_from,
                        int64_t *ret_gap_to, struct tidings_error *err) TIDINGS_NODISCARD;
tidings_status key_list_add(struct keyindex *keys, const struct key_file *file) TIDINGS_NODISCARD;

#endif
