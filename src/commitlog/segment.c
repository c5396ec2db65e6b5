// SPDX-License-Identifier: Apache-2.0
// Files of the log: "%020d.log" with the segment's first position; "recycle-N" wait to be used
// again.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "commitlog/private.h"

enum { NAME_DIGITS = 20 };

static void name_of(const struct commitlog *log, int64_t segment, char *out, size_t size)
{
    int n = snprintf(out, size, "%0*lld.log", NAME_DIGITS,
                     (long long)(segment * log->options.segment_size));
    BASE_ASSERT(n > 0 && (size_t)n < size);
}

static void recycle_name(int number, char *out, size_t size)
{
    int n = snprintf(out, size, "recycle-%d", number);
    BASE_ASSERT(n > 0 && (size_t)n < size);
}

int segment_open(const struct commitlog *log, int64_t segment, int flags)
{
    char name[64];
    name_of(log, segment, name, sizeof name);
    return openat(log->folder_fd, name, flags | O_CLOEXEC, 0640);
}

int segment_make(struct commitlog *log, int64_t segment, bool *ret_recycled)
{
    char name[64];
    char old[32];
    *ret_recycled = false;
    int fd = segment_open(log, segment, O_RDWR);
    if (fd >= 0 || errno != ENOENT) {
        return fd;
    }
    name_of(log, segment, name, sizeof name);
    for (int i = 0; i < RECYCLED_MAX && !*ret_recycled; i++) {
        recycle_name(i, old, sizeof old);
        *ret_recycled = renameat(log->folder_fd, old, log->folder_fd, name) == 0;
    }
    fd = segment_open(log, segment, O_RDWR | O_CREAT);
    if (fd >= 0 && fsync(log->folder_fd) != 0) { // the name must survive, not only the bytes
        int why = errno;
        close(fd);
        errno = why;
        return -1;
    }
    return fd;
}

static int compare(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a;
    int64_t right = *(const int64_t *)b;
    return left < right ? -1 : left > right;
}

static bool parse_name(const struct commitlog *log, const char *name, int64_t *ret_segment,
                       bool *ret_misfit)
{
    struct str text = str_of(name);
    int64_t position;
    if (text.len != NAME_DIGITS + 4 || strcmp(name + NAME_DIGITS, ".log") != 0) {
        return false;
    }
    struct str digits = str_make(name, NAME_DIGITS);
    while (digits.len > 1 && digits.ptr[0] == '0') {
        digits.ptr++;
        digits.len--;
    }
    if (!num_parse_i64(digits, 0, INT64_MAX, &position)) {
        return false;
    }
    *ret_misfit = position % log->options.segment_size != 0;
    *ret_segment = position / log->options.segment_size;
    return true;
}

tidings_status segment_list(const struct commitlog *log, int64_t **ret, size_t *ret_count,
                            struct tidings_error *err)
{
    int64_t *list = NULL;
    size_t count = 0;
    size_t size = 0;
    bool misfit = false;
    tidings_status status = TIDINGS_OK;
    int fd = openat(log->folder_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    if (dir == NULL) {
        return error_set_errno(err, TIDINGS_E_IO, errno, "cannot list %s", log->options.folder);
    }
    const struct dirent *entry;
    while (status == TIDINGS_OK && (entry = readdir(dir)) != NULL) {
        int64_t segment;
        if (!parse_name(log, entry->d_name, &segment, &misfit)) {
            continue;
        }
        if (misfit) {
            status =
                error_set(err, TIDINGS_E_INVALID,
                          "%s/%s does not fit a segment size of %lld: use the size that the folder "
                          "was made with",
                          log->options.folder, entry->d_name, (long long)log->options.segment_size);
        } else if (count == size) {
            size = size == 0 ? 64 : size * 2;
            int64_t *grown = realloc(list, size * sizeof *grown);
            status = grown != NULL ? TIDINGS_OK : error_set(err, TIDINGS_E_NO_MEMORY, "no memory");
            list = grown != NULL ? grown : list;
        }
        if (status == TIDINGS_OK) {
            list[count++] = segment;
        }
    }
    closedir(dir);
    if (status != TIDINGS_OK) {
        free(list);
        return status;
    }
    if (count > 0) {
        qsort(list, count, sizeof *list, compare);
    }
    *ret = list;
    *ret_count = count;
    return TIDINGS_OK;
}

tidings_status segment_remove(struct commitlog *log, int64_t segment, struct tidings_error *err)
{
    char name[64];
    char free_name[32];
    name_of(log, segment, name, sizeof name);
    for (int i = 0; i < RECYCLED_MAX; i++) {
        recycle_name(i, free_name, sizeof free_name);
        if (faccessat(log->folder_fd, free_name, F_OK, 0) != 0 && errno == ENOENT &&
            renameat(log->folder_fd, name, log->folder_fd, free_name) == 0) {
            return TIDINGS_OK;
        }
    }
    if (unlinkat(log->folder_fd, name, 0) != 0 && errno != ENOENT) {
        return error_set_errno(err, TIDINGS_E_IO, errno, "cannot remove %s/%s", log->options.folder,
                               name);
    }
    return TIDINGS_OK;
}

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
