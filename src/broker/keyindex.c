// SPDX-License-Identifier: Apache-2.0
#include "broker/keyindex.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/num.h"

enum { SEALED_MAX = 4, PAIRS_MAX = 16 * 1024 * 1024, NAME_DIGITS = 20 };

struct run { // pairs of one segment in memory
    struct key_pair *pairs;
    size_t count;
    size_t size;
    int64_t segment; // -1 = none yet
};

struct keyindex {
    int folder_fd;
    int64_t segment_size;
    pthread_mutex_t lock; // guards the runs
    struct run current;
    struct run sealed[SEALED_MAX]; // finished, not yet a file
    size_t sealed_count;
    int64_t *files; // segments that have a file, ascending; loop reads, index thread adds, under
                    // the lock
    size_t file_count;
    size_t file_size;
    // index thread
    int part_fd;
    int64_t part_segment;
    size_t part_pairs; // written
};

// ---- files ----
static void name_of(const struct keyindex *keys, int64_t segment, char *out, size_t size)
{
    int n =
        snprintf(out, size, "%0*lld.key", NAME_DIGITS, (long long)(segment * keys->segment_size));
    BASE_ASSERT(n > 0 && (size_t)n < size);
}

static int compare_i64(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a;
    int64_t right = *(const int64_t *)b;
    return left < right ? -1 : left > right;
}

static tidings_status note_file(struct keyindex *keys, int64_t segment)
{
    if (keys->file_count == keys->file_size) {
        size_t size = keys->file_size == 0 ? 64 : keys->file_size * 2;
        int64_t *grown = realloc(keys->files, size * sizeof *grown);
        if (grown == NULL) {
            return TIDINGS_E_NO_MEMORY;
        }
        keys->files = grown;
        keys->file_size = size;
    }
    keys->files[keys->file_count++] = segment;
    qsort(keys->files, keys->file_count, sizeof *keys->files, compare_i64);
    return TIDINGS_OK;
}

static tidings_status list_files(struct keyindex *keys)
{
    int fd = openat(keys->folder_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    const struct dirent *entry;
    tidings_status status = dir != NULL ? TIDINGS_OK : TIDINGS_E_IO;
    while (status == TIDINGS_OK && (entry = readdir(dir)) != NULL) {
        struct str digits = str_make(entry->d_name, NAME_DIGITS);
        int64_t position;
        if (strlen(entry->d_name) != NAME_DIGITS + 4 ||
            strcmp(entry->d_name + NAME_DIGITS, ".key") != 0) {
            continue;
        }
        while (digits.len > 1 && digits.ptr[0] == '0') {
            digits.ptr++;
            digits.len--;
        }
        if (num_parse_i64(digits, 0, INT64_MAX, &position)) {
            status = note_file(keys, position / keys->segment_size);
        }
    }
    if (dir != NULL) {
        closedir(dir);
    }
    return status;
}

// ---- runs ----
static tidings_status run_add(struct run *run, const struct key_pair *pair)
{
    if (run->count == run->size) {
        size_t size = run->size == 0 ? 1024 : run->size * 2;
        if (size > PAIRS_MAX) {
            return TIDINGS_E_FULL;
        }
        struct key_pair *grown = realloc(run->pairs, size * sizeof *grown);
        if (grown == NULL) {
            return TIDINGS_E_NO_MEMORY;
        }
        run->pairs = grown;
        run->size = size;
    }
    run->pairs[run->count++] = *pair;
    return TIDINGS_OK;
}

tidings_status keyindex_add(struct keyindex *keys, const struct key_pair *pairs, size_t count)
{
    tidings_status status = TIDINGS_OK;
    pthread_mutex_lock(&keys->lock);
    for (size_t i = 0; i < count && status == TIDINGS_OK; i++) {
        int64_t segment = pairs[i].position / keys->segment_size;
        if (segment > keys->current.segment && keys->current.count > 0) {
            if (keys->sealed_count == SEALED_MAX) {
                status =
                    TIDINGS_E_AGAIN; // the index thread is far behind: these keys are not found
                break;
            }
            keys->sealed[keys->sealed_count++] = keys->current;
            keys->current = (struct run){ 0 };
        }
        keys->current.segment = segment;
        status = run_add(&keys->current, &pairs[i]);
    }
    pthread_mutex_unlock(&keys->lock);
    return status;
}

static tidings_status load_part(struct keyindex *keys, int64_t part_len)
{
    struct key_pair pairs[4096];
    int64_t done = 0;
    tidings_status status = TIDINGS_OK;
    while (done < part_len && status == TIDINGS_OK) {
        size_t want =
            part_len - done < (int64_t)sizeof pairs ? (size_t)(part_len - done) : sizeof pairs;
        ssize_t got = pread(keys->part_fd, pairs, want, done);
        if (got < (ssize_t)sizeof *pairs) {
            break; // shorter than it should be: what is gone is not found by key
        }
        status = keyindex_add(keys, pairs, (size_t)got / sizeof *pairs);
        done += got;
    }
    keys->part_segment = keys->current.segment;
    keys->part_pairs = keys->current.count;
    return status;
}

tidings_status keyindex_open(const char *folder, int64_t segment_size, int64_t part_len,
                             struct keyindex **ret, struct tidings_error *err)
{
    struct keyindex *keys = calloc(1, sizeof *keys);
    if (keys == NULL) {
        return error_set(err, TIDINGS_E_NO_MEMORY, "no memory for the key index");
    }
    keys->segment_size = segment_size;
    keys->current.segment = -1;
    keys->part_segment = -1;
    keys->part_fd = -1;
    pthread_mutex_init(&keys->lock, NULL);
    int made = mkdir(folder, 0750);
    int why = errno;
    keys->folder_fd =
        made == 0 || why == EEXIST ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (keys->folder_fd >= 0) {
        keys->part_fd = openat(keys->folder_fd, "current.part", O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    }
    tidings_status status = keys->part_fd >= 0 ? list_files(keys)
                                               : error_set_errno(err, TIDINGS_E_IO, errno,
                                                                 "cannot use folder %s", folder);
    if (status == TIDINGS_OK) {
        status = load_part(keys, part_len);
    }
    if (status != TIDINGS_OK) {
        keyindex_close(keys);
        return error_set(err, status, "key index %s: %s", folder, tidings_status_text(status));
    }
    *ret = keys;
    return TIDINGS_OK;
}

void keyindex_close(struct keyindex *keys)
{
    if (keys == NULL) {
        return;
    }
    for (size_t i = 0; i < keys->sealed_count; i++) {
        free(keys->sealed[i].pairs);
    }
    free(keys->current.pairs);
    free(keys->files);
    if (keys->part_fd >= 0) {
        close(keys->part_fd);
    }
    if (keys->folder_fd >= 0) {
        close(keys->folder_fd);
    }
    pthread_mutex_destroy(&keys->lock);
    free(keys);
}

// ---- index thread ----
static int compare_pairs(const void *a, const void *b)
{
    const struct key_pair *left = a;
    const struct key_pair *right = b;
    if (left->hash != right->hash) {
        return left->hash < right->hash ? -1 : 1;
    }
    return left->position < right->position ? -1 : left->position > right->position;
}

static bool write_all(int fd, const void *bytes, size_t len, int64_t offset)
{
    size_t done = 0;
    while (done < len) {
        ssize_t put = pwrite(fd, (const char *)bytes + done, len - done, offset + (int64_t)done);
        if (put <= 0) {
            return false;
        }
        done += (size_t)put;
    }
    return true;
}

static tidings_status write_file(struct keyindex *keys, const struct run *run,
                                 struct tidings_error *err)
{
    char name[64];
    name_of(keys, run->segment, name, sizeof name);
    int fd = openat(keys->folder_fd, "new.key", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    bool good = fd >= 0 && write_all(fd, run->pairs, run->count * sizeof *run->pairs, 0) &&
                renameat(keys->folder_fd, "new.key", keys->folder_fd, name) == 0;
    int why = errno;
    if (fd >= 0) {
        close(fd);
    }
    return good ? TIDINGS_OK : error_set_errno(err, TIDINGS_E_IO, why, "key file %s", name);
}

// The oldest sealed run becomes a file. A sorted copy is written; the run itself stays searchable
// until then.
static tidings_status write_sealed(struct keyindex *keys, struct tidings_error *err)
{
    struct run run = keys->sealed[0]; // only this thread takes from the front
    struct run copy = run;
    copy.pairs = malloc((run.count > 0 ? run.count : 1) * sizeof *copy.pairs);
    if (copy.pairs == NULL) {
        return error_set(err, TIDINGS_E_NO_MEMORY, "no memory to sort keys");
    }
    memcpy(copy.pairs, run.pairs, run.count * sizeof *copy.pairs);
    qsort(copy.pairs, copy.count, sizeof *copy.pairs, compare_pairs);
    tidings_status status = write_file(keys, &copy, err);
    free(copy.pairs);
    if (status != TIDINGS_OK) {
        return status;
    }
    pthread_mutex_lock(&keys->lock);
    status = note_file(keys, run.segment);
    if (status == TIDINGS_OK) {
        keys->sealed_count--;
        memmove(keys->sealed, keys->sealed + 1, keys->sealed_count * sizeof *keys->sealed);
        free(run.pairs);
    }
    pthread_mutex_unlock(&keys->lock);
    return status;
}

tidings_status keyindex_persist(struct keyindex *keys, int64_t *ret_part_len,
                                struct tidings_error *err)
{
    struct key_pair pairs[1024];
    bool more = true;
    for (;;) {
        pthread_mutex_lock(&keys->lock);
        size_t sealed = keys->sealed_count;
        pthread_mutex_unlock(&keys->lock);
        if (sealed == 0) {
            break;
        }
        tidings_status status = write_sealed(keys, err);
        if (status != TIDINGS_OK) {
            return status;
        }
    }
    while (more) {
        pthread_mutex_lock(&keys->lock);
        if (keys->current.segment != keys->part_segment) {
            keys->part_segment = keys->current.segment;
            keys->part_pairs = 0;
        }
        size_t count = keys->current.count - keys->part_pairs;
        count = count > BASE_COUNT(pairs) ? BASE_COUNT(pairs) : count;
        if (count > 0) {
            memcpy(pairs, keys->current.pairs + keys->part_pairs, count * sizeof *pairs);
        }
        pthread_mutex_unlock(&keys->lock);
        if (count > 0 && !write_all(keys->part_fd, pairs, count * sizeof *pairs,
                                    (int64_t)(keys->part_pairs * sizeof *pairs))) {
            return error_set_errno(err, TIDINGS_E_IO, errno, "key file current.part");
        }
        keys->part_pairs += count;
        more = count == BASE_COUNT(pairs);
    }
    *ret_part_len = (int64_t)(keys->part_pairs * sizeof(struct key_pair));
    return TIDINGS_OK;
}

void keyindex_release(struct keyindex *keys, int64_t position)
{
    char name[64];
    size_t gone = 0;
    pthread_mutex_lock(&keys->lock);
    while (gone < keys->file_count && (keys->files[gone] + 1) * keys->segment_size <= position) {
        name_of(keys, keys->files[gone], name, sizeof name);
        if (unlinkat(keys->folder_fd, name, 0) != 0 && errno != ENOENT) {
            break; // tried again with the next retention
        }
        gone++;
    }
    keys->file_count -= gone;
    for (size_t i = 0; i < keys->file_count; i++) {
        keys->files[i] = keys->files[i + gone];
    }
    pthread_mutex_unlock(&keys->lock);
}

// ---- looking up ----
struct found {
    int64_t *positions;
    size_t count;
    size_t max;
    int64_t before;
};

static void find_in_run(const struct run *run, uint64_t hash, struct found *found)
{
    for (size_t i = run->count; i > 0 && found->count < found->max; i--) {
        const struct key_pair *pair = &run->pairs[i - 1];
        bool again = found->count > 0 && found->positions[found->count - 1] == pair->position;
        if (pair->hash == hash && pair->position < found->before && !again) {
            found->positions[found->count++] = pair->position;
        }
    }
}

static bool read_pair(int fd, int64_t number, struct key_pair *ret)
{
    return pread(fd, ret, sizeof *ret, number * (int64_t)sizeof *ret) == (ssize_t)sizeof *ret;
}

// Number of the first pair that is not below (hash, before).
static int64_t lower_bound(int fd, int64_t count, uint64_t hash, int64_t before)
{
    int64_t low = 0;
    int64_t high = count;
    const struct key_pair wanted = { hash, before };
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        struct key_pair pair;
        if (!read_pair(fd, middle, &pair)) {
            return 0;
        }
        if (compare_pairs(&pair, &wanted) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static void find_in_file(struct keyindex *keys, int64_t segment, uint64_t hash, struct found *found)
{
    char name[64];
    struct stat info;
    struct key_pair pair;
    name_of(keys, segment, name, sizeof name);
    int fd = openat(keys->folder_fd, name, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return; // released meanwhile
    }
    if (fstat(fd, &info) == 0) {
        int64_t at = lower_bound(fd, info.st_size / (int64_t)sizeof pair, hash, found->before);
        while (at > 0 && found->count < found->max && read_pair(fd, --at, &pair) &&
               pair.hash == hash) {
            found->positions[found->count++] = pair.position;
        }
    }
    close(fd);
}

tidings_status keyindex_find(struct keyindex *keys, uint64_t hash, int64_t before, size_t max,
                             int64_t *ret_positions, size_t *ret_count, struct tidings_error *err)
{
    struct found found = { ret_positions, 0, max, before };
    pthread_mutex_lock(&keys->lock);
    size_t count = keys->file_count;
    int64_t *files = malloc((count > 0 ? count : 1) * sizeof *files);
    if (files != NULL) {
        for (size_t i = 0; i < count; i++) {
            files[i] = keys->files[i];
        }
        find_in_run(&keys->current, hash, &found);
        for (size_t i = keys->sealed_count; i > 0; i--) {
            find_in_run(&keys->sealed[i - 1], hash, &found);
        }
    }
    pthread_mutex_unlock(&keys->lock);
    if (files == NULL) {
        return error_set(err, TIDINGS_E_NO_MEMORY, "no memory for a look-up by key");
    }
    for (size_t i = count; i > 0 && found.count < max; i--) {
        if (files[i - 1] * keys->segment_size < before) {
            find_in_file(keys, files[i - 1], hash, &found);
        }
    }
    free(files);
    *ret_count = found.count;
    return TIDINGS_OK;
}
