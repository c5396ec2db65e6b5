// SPDX-License-Identifier: Apache-2.0
// Opening: which files are there and whole, the run in memory, and what is missing.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/num.h"
#include "broker/keyindex_private.h"

struct load {
    struct keyindex *keys;
    int64_t damaged; // least number of a file that is not whole and was removed, 0 = none
    int64_t gap_from;
    int64_t gap_to;
};

tidings_status key_list_add(struct keyindex *keys, const struct key_file *file)
{
    if (keys->file_count == keys->file_size) {
        size_t size = keys->file_size == 0 ? 64 : keys->file_size * 2;
        struct key_file *grown = realloc(keys->files, size * sizeof *grown);
        if (grown == NULL) {
            return TIDINGS_E_NO_MEMORY;
        }
        keys->files = grown;
        keys->file_size = size;
    }
    keys->files[keys->file_count++] = *file;
    return TIDINGS_OK;
}

static int compare_files(const void *a, const void *b)
{
    const struct key_file *left = a;
    const struct key_file *right = b;
    return left->number < right->number ? -1 : left->number > right->number;
}

// "00000000000000000042.key" → 42 and ".key"; false for other names.
static bool parse_name(struct str name, int64_t *ret_number, struct str *ret_suffix)
{
    uint64_t number = 0;
    if (name.len < 24 || name.ptr[20] != '.') {
        return false;
    }
    for (size_t i = 0; i < 20; i++) {
        unsigned digit = (unsigned)name.ptr[i] - '0';
        if (digit > 9 || number > ((uint64_t)INT64_MAX - digit) / 10) {
            return false;
        }
        number = number * 10 + digit;
    }
    *ret_number = (int64_t)number;
    *ret_suffix = str_make(name.ptr + 20, name.len - 20);
    return true;
}

static tidings_status look_at(struct load *load, const char *name)
{
    struct keyindex *keys = load->keys;
    int64_t number;
    struct str suffix;
    struct key_file file;
    int fd;
    if (!parse_name(str_of(name), &number, &suffix)) {
        return TIDINGS_OK; // not ours
    }
    bool keep = str_eq(suffix, STR(".part")) && number == keys->committed.part_number;
    // A file with the number of the run in memory was written just before a transaction that did
    // not come to be.
    if (str_eq(suffix, STR(".key")) && number < keys->committed.part_number) {
        keep = key_file_open(keys, number, &file, &fd) == TIDINGS_OK;
        if (keep) {
            close(fd);
            return key_list_add(keys, &file);
        }
        load->damaged = load->damaged == 0 || number < load->damaged ? number : load->damaged;
    }
    if (!keep) {
        (void)unlinkat(keys->folder_fd, name, 0); // derived, or left over
    }
    return TIDINGS_OK;
}

static tidings_status list_folder(struct load *load, struct tidings_error *err)
{
    struct keyindex *keys = load->keys;
    int fd = openat(keys->folder_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = fd >= 0 ? fdopendir(fd) : NULL;
    if (folder == NULL) {
        int os_errno = errno;
        if (fd >= 0) {
            close(fd);
        }
        return error_set_errno(err, TIDINGS_E_IO, os_errno, "key index: cannot list the folder");
    }
    tidings_status status = TIDINGS_OK;
    const struct dirent *entry;
    while (status == TIDINGS_OK && (entry = readdir(folder)) != NULL) {
        status = look_at(load, entry->d_name);
    }
    closedir(folder);
    return status == TIDINGS_OK ? status : error_set(err, status, "key index: no memory");
}

static void note_gap(struct load *load, int64_t from, int64_t to)
{
    if (from < to) {
        bool none = load->gap_from >= load->gap_to;
        load->gap_from = none || from < load->gap_from ? from : load->gap_from;
        load->gap_to = none || to > load->gap_to ? to : load->gap_to;
    }
}

// Runs up to `last` should be there but only those before `next` are: a gap, told once. An empty
// file takes their place.
static tidings_status fill_hole(struct load *load, int64_t next, int64_t last, int64_t from,
                                int64_t to, struct tidings_error *err)
{
    struct keyindex *keys = load->keys;
    struct key_file empty = { .number = next, .last = last, .first = from, .end = to };
    note_gap(load, from, to);
    tidings_status status = key_file_write(keys, NULL, 0, &empty, err);
    if (status != TIDINGS_OK) {
        return status;
    }
    status = key_list_add(keys, &empty);
    return status == TIDINGS_OK ? status : error_set(err, status, "key index: no memory");
}

// The files hold runs with ascending numbers. What is inside of another one was merged and not yet
// removed; what is inside of none was lost. Before the first of them is what retention has let go.
static tidings_status check_cover(struct load *load, struct tidings_error *err)
{
    struct keyindex *keys = load->keys;
    const struct keyindex_state *part = &keys->committed;
    size_t count = keys->file_count;
    size_t kept = 0;
    tidings_status status = TIDINGS_OK;
    if (count > 1) {
        qsort(keys->files, count, sizeof *keys->files, compare_files);
    }
    int64_t next = count > 0 ? keys->files[0].number : part->part_number;
    int64_t covered = count > 0 ? keys->files[0].first : part->part_first;
    if (load->damaged != 0 && load->damaged < next) {
        next = load->damaged;
        covered = 0;
    }
    for (size_t i = 0; i < count && status == TIDINGS_OK; i++) {
        struct key_file file = keys->files[i];
        if (file.number < next) {
            char name[KEY_NAME_MAX];
            key_name(name, file.number, "key");
            (void)unlinkat(keys->folder_fd, name, 0);
            continue;
        }
        if (file.number > next) {
            status = fill_hole(load, next, file.number - 1, covered, file.first, err);
        }
        keys->files[kept++] = file;
        next = file.last + 1;
        covered = file.end > covered ? file.end : covered;
    }
    if (status == TIDINGS_OK && part->part_number > next) {
        status = fill_hole(load, next, part->part_number - 1, covered, part->part_first, err);
    }
    if (keys->file_count > 0) { // fillers were added behind
        memmove(keys->files + kept, keys->files + count,
                (keys->file_count - count) * sizeof *keys->files);
        keys->file_count -= count - kept;
        qsort(keys->files, keys->file_count, sizeof *keys->files, compare_files);
    }
    return status;
}

// False when the part file does not hold what the transaction remembers.
static bool read_part(struct keyindex *keys)
{
    const struct keyindex_state *state = &keys->committed;
    char name[KEY_NAME_MAX];
    char *room;
    if (state->part_pairs <= 0 || state->part_pairs > KEY_PAIRS_MAX) {
        return state->part_pairs == 0;
    }
    size_t len = (size_t)state->part_pairs * sizeof(struct keyindex_pair);
    key_name(name, state->part_number, "part");
    int fd = openat(keys->folder_fd, name, O_RDWR | O_CLOEXEC);
    bool good = fd >= 0 && buf_reserve(&keys->pairs, len, &room) == TIDINGS_OK &&
                key_read_at(fd, room, len, 0) == 0 && num_crc32c(0, room, len) == state->part_crc;
    if (good) {
        keys->pairs.len = len;
        keys->part_fd = fd;
    } else if (fd >= 0) {
        close(fd);
    }
    return good;
}

tidings_status key_load(struct keyindex *keys, int64_t position, int64_t *ret_gap_from,
                        int64_t *ret_gap_to, struct tidings_error *err)
{
    struct load load = { .keys = keys };
    tidings_status status = list_folder(&load, err);
    if (status == TIDINGS_OK) {
        status = check_cover(&load, err);
    }
    if (status != TIDINGS_OK) {
        return status;
    }
    if (!read_part(keys)) {
        bool nothing = keys->file_count == 0 && keys->committed.part_number == 1;
        note_gap(&load, nothing ? 0 : keys->committed.part_first, position);
        keys->committed = (struct keyindex_state){ .part_number = keys->committed.part_number,
                                                   .part_first = position };
    }
    keys->stored = keys->committed;
    *ret_gap_from = load.gap_from;
    *ret_gap_to = load.gap_to;
    return TIDINGS_OK;
}
