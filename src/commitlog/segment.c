// SPDX-License-Identifier: Apache-2.0
// Files of the log: 20 digits of the segment's first position and ".log"; "recycle-N" wait to be
// used again. Other names in the folder are left alone.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "commitlog/private.h"

enum { NAME_DIGITS = 20, NAME_SIZE = 32, FILES_MAX = 1 << 20 };

// ---- names ----
static void name_of(const struct commitlog *log, int64_t segment, char out[NAME_SIZE])
{
    int n =
        snprintf(out, NAME_SIZE, "%0*lld.log", NAME_DIGITS, (long long)segment_start(log, segment));
    BASE_ASSERT(n > 0 && n < NAME_SIZE);
}

static void recycle_name(int number, char out[NAME_SIZE])
{
    int n = snprintf(out, NAME_SIZE, "recycle-%d", number);
    BASE_ASSERT(n > 0 && n < NAME_SIZE);
}

// The segment that a file name stands for, −1 for a name that is none of ours.
static tidings_status parse_name(const struct commitlog *log, const char *name,
                                 int64_t *ret_segment, struct tidings_error *err)
{
    struct str text = str_of(name);
    int64_t position = -1;
    *ret_segment = -1;
    if (text.len < 4 || strcmp(name + text.len - 4, ".log") != 0) {
        return TIDINGS_OK;
    }
    struct str digits = str_make(name, text.len - 4);
    while (digits.len > 1 && digits.ptr[0] == '0') {
        digits.ptr++;
        digits.len--;
    }
    if (text.len != NAME_DIGITS + 4 || digits.ptr[0] == '-' ||
        !num_parse_i64(digits, 0, INT64_MAX, &position)) {
        return error_set(err, TIDINGS_E_INVALID,
                         "%s/%s is not the name of a log file (20 digits and \".log\"): move it "
                         "away",
                         log->options.folder, name);
    }
    if (offset_of(log, position) != 0) {
        return error_set(err, TIDINGS_E_INVALID,
                         "%s/%s does not fit a segment size of %lld: use the size that the folder "
                         "was made with",
                         log->options.folder, name, (long long)log->options.segment_size);
    }
    *ret_segment = segment_of(log, position);
    return TIDINGS_OK;
}

// ---- making and removing ----
int segment_open(const struct commitlog *log, int64_t segment, int flags)
{
    char name[NAME_SIZE];
    name_of(log, segment, name);
    return openat(log->folder_fd, name, flags | O_CLOEXEC, 0640);
}

// Renames a recycled file to `name`. It must be whole: only then is all of it written.
static bool reuse(const struct commitlog *log, const char *name)
{
    struct stat info;
    char old[NAME_SIZE];
    for (int i = 0; i < RECYCLED_MAX; i++) {
        recycle_name(i, old);
        if (fstatat(log->folder_fd, old, &info, AT_SYMLINK_NOFOLLOW) != 0) {
            continue;
        }
        if (S_ISREG(info.st_mode) && info.st_size == log->options.segment_size &&
            renameat(log->folder_fd, old, log->folder_fd, name) == 0) {
            return true;
        }
        (void)unlinkat(log->folder_fd, old, 0);
    }
    return false;
}

int segment_make(const struct commitlog *log, int64_t segment, bool *ret_recycled)
{
    char name[NAME_SIZE];
    *ret_recycled = false;
    int fd = segment_open(log, segment, O_RDWR);
    if (fd >= 0 || errno != ENOENT) {
        return fd;
    }
    name_of(log, segment, name);
    *ret_recycled = reuse(log, name);
    fd = segment_open(log, segment, O_RDWR | O_CREAT);
    if (fd >= 0 && fsync(log->folder_fd) != 0) { // the name must survive, not only the bytes
        int why = errno;
        close(fd);
        (void)unlinkat(log->folder_fd, name, 0);
        *ret_recycled = false;
        errno = why;
        return -1;
    }
    return fd;
}

tidings_status segment_remove(const struct commitlog *log, int64_t segment, bool recycle,
                              struct tidings_error *err)
{
    char name[NAME_SIZE];
    char spare[NAME_SIZE];
    name_of(log, segment, name);
    for (int i = 0; recycle && i < RECYCLED_MAX; i++) {
        recycle_name(i, spare);
        if (faccessat(log->folder_fd, spare, F_OK, 0) != 0 && errno == ENOENT &&
            renameat(log->folder_fd, name, log->folder_fd, spare) == 0) {
            return TIDINGS_OK;
        }
    }
    if (unlinkat(log->folder_fd, name, 0) != 0 && errno != ENOENT) {
        return error_set_errno(err, TIDINGS_E_IO, errno, "cannot remove %s/%s", log->options.folder,
                               name);
    }
    return TIDINGS_OK;
}

// ---- listing ----
struct list {
    struct segment_info *items;
    size_t count;
    size_t size;
};

static tidings_status add(const struct commitlog *log, struct list *list, int64_t segment,
                          const char *name, struct tidings_error *err)
{
    struct stat info;
    if (fstatat(log->folder_fd, name, &info, 0) != 0) {
        return error_set_errno(err, TIDINGS_E_IO, errno, "cannot look at %s/%s",
                               log->options.folder, name);
    }
    if (!S_ISREG(info.st_mode) || info.st_size > log->options.segment_size) {
        return error_set(err, TIDINGS_E_INVALID,
                         "%s/%s has %lld bytes, more than the segment size of %lld: use the size "
                         "that the folder was made with",
                         log->options.folder, name, (long long)info.st_size,
                         (long long)log->options.segment_size);
    }
    if (list->count == list->size) {
        size_t size = list->size == 0 ? 64 : list->size * 2;
        struct segment_info *grown =
            size <= FILES_MAX ? realloc(list->items, size * sizeof *grown) : NULL;
        if (grown == NULL) {
            return error_set(err, TIDINGS_E_NO_MEMORY, "no memory to list %s", log->options.folder);
        }
        list->items = grown;
        list->size = size;
    }
    list->items[list->count++] = (struct segment_info){ segment, info.st_size };
    return TIDINGS_OK;
}

static int compare(const void *a, const void *b)
{
    int64_t left = ((const struct segment_info *)a)->segment;
    int64_t right = ((const struct segment_info *)b)->segment;
    return left < right ? -1 : left > right;
}

tidings_status segment_list(const struct commitlog *log, struct segment_info **ret,
                            size_t *ret_count, struct tidings_error *err)
{
    struct list list = { 0 };
    tidings_status status = TIDINGS_OK;
    int fd = openat(log->folder_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    if (dir == NULL) {
        int why = errno;
        if (fd >= 0) {
            close(fd);
        }
        return error_set_errno(err, TIDINGS_E_IO, why, "cannot list %s", log->options.folder);
    }
    const struct dirent *entry;
    while (status == TIDINGS_OK && (entry = readdir(dir)) != NULL) {
        int64_t segment;
        status = parse_name(log, entry->d_name, &segment, err);
        if (status == TIDINGS_OK && segment >= 0) {
            status = add(log, &list, segment, entry->d_name, err);
        }
    }
    closedir(dir);
    if (status != TIDINGS_OK) {
        free(list.items);
        return status;
    }
    if (list.count > 0) {
        qsort(list.items, list.count, sizeof *list.items, compare);
    }
    *ret = list.items;
    *ret_count = list.count;
    return TIDINGS_OK;
}

// ---- bytes ----
int64_t segment_room(const struct commitlog *log)
{
    struct statvfs space;
    if (fault_hit(log->options.fault, FAULT_LOG_SPACE) != 0) {
        return -1;
    }
    if (fstatvfs(log->folder_fd, &space) != 0) {
        return INT64_MAX; // cannot be told: the write itself will tell
    }
    return (int64_t)(space.f_bavail * space.f_frsize) - log->options.reserve;
}

ssize_t read_at(int fd, void *bytes, size_t len, int64_t offset)
{
    size_t done = 0;
    while (done < len) {
        ssize_t got = pread(fd, (char *)bytes + done, len - done, offset + (int64_t)done);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return -1;
        }
        if (got == 0) {
            break;
        }
        done += (size_t)got;
    }
    return (ssize_t)done;
}

int write_at(int fd, const void *bytes, size_t len, int64_t offset)
{
    size_t done = 0;
    while (done < len) {
        ssize_t put = pwrite(fd, (const char *)bytes + done, len - done, offset + (int64_t)done);
        if (put < 0 && errno == EINTR) {
            continue;
        }
        if (put <= 0) {
            return put < 0 ? errno : EIO;
        }
        done += (size_t)put;
    }
    return 0;
}
