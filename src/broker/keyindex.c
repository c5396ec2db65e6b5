// SPDX-License-Identifier: Apache-2.0
// The run in memory, its part file, and the list of files.
#include "broker/keyindex.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/num.h"
#include "broker/keyindex_private.h"

static struct keyindex *keys_new(void)
{
    struct keyindex *keys = calloc(1, sizeof *keys);
    if (keys != NULL) {
        pthread_mutex_init(&keys->lock, NULL);
        buf_init(&keys->pairs, (size_t)KEY_PAIRS_MAX * sizeof(struct keyindex_pair));
        keys->folder_fd = -1;
        keys->part_fd = -1;
    }
    return keys;
}

tidings_status keyindex_open(const char *folder, const struct keyindex_state *state,
                             int64_t position, struct keyindex **ret, int64_t *ret_gap_from,
                             int64_t *ret_gap_to, struct tidings_error *err)
{
    struct keyindex *keys = keys_new();
    tidings_status status = TIDINGS_OK;
    if (keys == NULL) {
        return error_set(err, TIDINGS_E_NO_MEMORY, "no memory for the key index");
    }
    keys->committed = *state;
    if (mkdir(folder, 0750) == 0 || errno == EEXIST) {
        keys->folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    }
    if (keys->folder_fd < 0) {
        status = error_set_errno(err, TIDINGS_E_IO, errno, "cannot use folder %s", folder);
    } else {
        status = key_load(keys, position, ret_gap_from, ret_gap_to, err);
    }
    if (status != TIDINGS_OK) {
        keyindex_close(keys);
        return status;
    }
    *ret = keys;
    return TIDINGS_OK;
}

void keyindex_close(struct keyindex *keys)
{
    if (keys == NULL) {
        return;
    }
    if (keys->part_fd >= 0) {
        close(keys->part_fd);
    }
    if (keys->folder_fd >= 0) {
        close(keys->folder_fd);
    }
    buf_deinit(&keys->pairs);
    free(keys->files);
    pthread_mutex_destroy(&keys->lock);
    free(keys);
}

static size_t pair_count(const struct keyindex *keys)
{
    return keys->pairs.len / sizeof(struct keyindex_pair);
}

// ---- the run becomes a file ----
static struct key_file describe(const struct keyindex *keys, int64_t position)
{
    const struct keyindex_pair *pairs = (const void *)keys->pairs.ptr;
    struct key_file file = { .number = keys->committed.part_number,
                             .last = keys->committed.part_number,
                             .first = keys->committed.part_first,
                             .end = position };
    for (size_t i = 0; i < pair_count(keys); i++) {
        file.first = pairs[i].position < file.first ? pairs[i].position : file.first;
        file.end = pairs[i].position >= file.end ? pairs[i].position + 1 : file.end;
    }
    return file;
}

static tidings_status write_run(struct keyindex *keys, struct key_file *file,
                                struct tidings_error *err)
{
    size_t count = pair_count(keys);
    struct keyindex_pair *room = malloc(2 * count * sizeof *room);
    if (room == NULL) {
        return error_set(err, TIDINGS_E_NO_MEMORY, "key index: no memory to sort %zu pairs", count);
    }
    memcpy(room, keys->pairs.ptr, keys->pairs.len);
    key_sort(room, room + count, count);
    tidings_status status = key_file_write(keys, room + count, count, file, err);
    free(room);
    return status;
}

tidings_status keyindex_begin(struct keyindex *keys, int64_t position, struct tidings_error *err)
{
    if (keys->committed.part_pairs < KEY_RUN_PAIRS) {
        return TIDINGS_OK;
    }
    struct key_file file = describe(keys, position);
    tidings_status status = write_run(keys, &file, err);
    if (status != TIDINGS_OK) {
        return status;
    }
    pthread_mutex_lock(&keys->lock);
    status = key_list_add(keys, &file);
    if (status == TIDINGS_OK) {
        buf_clear(&keys->pairs);
        if (keys->pairs.size > 4 * KEY_RUN_PAIRS * sizeof(struct keyindex_pair)) {
            buf_deinit(&keys->pairs);
        }
    }
    pthread_mutex_unlock(&keys->lock);
    if (status != TIDINGS_OK) {
        return error_set(err, status, "key index: no memory for one more file");
    }
    // The old part stays until the transaction that knows of the new run is committed.
    if (keys->part_fd >= 0) {
        close(keys->part_fd);
        keys->part_fd = -1;
    }
    keys->old_part = keys->committed.part_number;
    keys->committed =
        (struct keyindex_state){ .part_number = keys->old_part + 1, .part_first = position };
    keys->stored = keys->committed;
    return TIDINGS_OK;
}

// ---- within a transaction ----
tidings_status keyindex_add(struct keyindex *keys, const struct keyindex_pair *pairs, size_t count)
{
    if (count == 0) {
        return TIDINGS_OK;
    }
    pthread_mutex_lock(&keys->lock);
    tidings_status status = buf_add(&keys->pairs, pairs, count * sizeof *pairs);
    pthread_mutex_unlock(&keys->lock);
    return status;
}

static tidings_status open_part(struct keyindex *keys, struct tidings_error *err)
{
    char name[KEY_NAME_MAX];
    if (keys->part_fd >= 0) {
        return TIDINGS_OK;
    }
    key_name(name, keys->committed.part_number, "part");
    keys->part_fd = openat(keys->folder_fd, name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    return keys->part_fd >= 0
               ? TIDINGS_OK
               : error_set_errno(err, TIDINGS_E_IO, errno, "key index: cannot make %s", name);
}

tidings_status keyindex_store(struct keyindex *keys, struct keyindex_state *ret,
                              struct tidings_error *err)
{
    size_t at = (size_t)keys->committed.part_pairs * sizeof(struct keyindex_pair);
    size_t len = keys->pairs.len - at;
    keys->stored = keys->committed;
    if (len > 0) {
        tidings_status status = open_part(keys, err);
        if (status != TIDINGS_OK) {
            return status;
        }
        int os_errno = key_write_at(keys->part_fd, keys->pairs.ptr + at, len, (int64_t)at);
        if (os_errno != 0) {
            return error_set_errno(err, TIDINGS_E_IO, os_errno, "key index: cannot write");
        }
        keys->stored.part_pairs = (int64_t)pair_count(keys);
        keys->stored.part_crc = num_crc32c(keys->committed.part_crc, keys->pairs.ptr + at, len);
    }
    *ret = keys->stored;
    return TIDINGS_OK;
}

void keyindex_committed(struct keyindex *keys)
{
    keys->committed = keys->stored;
    if (keys->old_part != 0) {
        char name[KEY_NAME_MAX];
        key_name(name, keys->old_part, "part");
        (void)unlinkat(keys->folder_fd, name, 0); // or the next opening does it
        keys->old_part = 0;
    }
}

void keyindex_rollback(struct keyindex *keys)
{
    pthread_mutex_lock(&keys->lock);
    keys->pairs.len = (size_t)keys->committed.part_pairs * sizeof(struct keyindex_pair);
    pthread_mutex_unlock(&keys->lock);
    keys->stored = keys->committed;
}

// ---- between transactions ----
static void remove_file(const struct keyindex *keys, const struct key_file *file)
{
    char name[KEY_NAME_MAX];
    key_name(name, file->number, "key");
    (void)unlinkat(keys->folder_fd, name, 0); // or the next opening does it
}

// Files of one run each follow the merged ones.
static size_t first_single(const struct keyindex *keys)
{
    size_t first = keys->file_count;
    while (first > 0 && keys->files[first - 1].pairs < (uint64_t)KEY_RUN_PAIRS * KEY_FAN_IN / 2) {
        first--;
    }
    return first;
}

tidings_status keyindex_maintain(struct keyindex *keys, struct tidings_error *err)
{
    struct key_file merged;
    struct key_file gone[KEY_FAN_IN];
    size_t first = first_single(keys);
    if (keys->file_count - first < KEY_FAN_IN || keys->old_part != 0) {
        return TIDINGS_OK;
    }
    memcpy(gone, keys->files + first, sizeof gone);
    tidings_status status = key_file_merge(keys, gone, KEY_FAN_IN, &merged, err);
    if (status != TIDINGS_OK) {
        return status;
    }
    pthread_mutex_lock(&keys->lock);
    keys->files[first] = merged;
    keys->file_count -= KEY_FAN_IN - 1;
    memmove(keys->files + first + 1, keys->files + first + KEY_FAN_IN,
            (keys->file_count - first - 1) * sizeof *keys->files);
    pthread_mutex_unlock(&keys->lock);
    for (size_t i = 1; i < KEY_FAN_IN; i++) {
        remove_file(keys, &gone[i]);
    }
    return TIDINGS_OK;
}

void keyindex_retain(struct keyindex *keys, int64_t position)
{
    size_t gone = 0;
    pthread_mutex_lock(&keys->lock);
    while (gone < keys->file_count && keys->files[gone].end <= position) {
        remove_file(keys, &keys->files[gone++]);
    }
    if (gone > 0) {
        keys->file_count -= gone;
        memmove(keys->files, keys->files + gone, keys->file_count * sizeof *keys->files);
    }
    pthread_mutex_unlock(&keys->lock);
}

// ---- look-up ----
void keyindex_hit(struct keyindex_hits *hits, int64_t position)
{
    size_t at = hits->count;
    if (position >= hits->before) {
        return;
    }
    while (at > 0 && hits->positions[at - 1] < position) {
        at--;
    }
    bool known = at > 0 && hits->positions[at - 1] == position;
    if (known || at == hits->max) {
        return;
    }
    hits->count += hits->count < hits->max;
    memmove(hits->positions + at + 1, hits->positions + at,
            (hits->count - 1 - at) * sizeof *hits->positions);
    hits->positions[at] = position;
}

tidings_status keyindex_collect(struct keyindex *keys, struct keyindex_hits *hits,
                                struct tidings_error *err)
{
    tidings_status status = TIDINGS_OK;
    pthread_mutex_lock(&keys->lock);
    const struct keyindex_pair *pairs = (const void *)keys->pairs.ptr;
    for (size_t i = pair_count(keys); i > 0; i--) {
        if (pairs[i - 1].hash == hits->hash) {
            keyindex_hit(hits, pairs[i - 1].position);
        }
    }
    for (size_t i = keys->file_count; i > 0 && status == TIDINGS_OK; i--) {
        const struct key_file *file = &keys->files[i - 1];
        bool too_old =
            hits->count == hits->max && hits->positions[hits->count - 1] >= file->end - 1;
        if (file->first < hits->before && !too_old) {
            status = key_file_search(keys, file, hits, err);
        }
    }
    pthread_mutex_unlock(&keys->lock);
    return status;
}
