// SPDX-License-Identifier: Apache-2.0
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_SIZE = 4096 };

// The functions below give 0, or an errno.
static int write_all(int fd, struct str content)
{
    while (content.len > 0) {
        ssize_t done = write(fd, content.ptr, content.len);
        if (done < 0 && errno != EINTR) {
            return errno;
        }
        size_t used = done > 0 ? (size_t)done : 0;
        content = str_make(content.ptr + used, content.len - used);
    }
    return fsync(fd) == 0 ? 0 : errno;
}

static int write_new(const char *path, struct str content)
{
    if (unlink(path) != 0 && errno != ENOENT) { // of a write that did not end; it may be anybody's
        return errno;
    }
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        return errno;
    }
    int os_errno = write_all(fd, content);
    if (close(fd) != 0 && os_errno == 0) {
        os_errno = errno;
    }
    return os_errno;
}

static int sync_folder_of(const char *path)
{
    char folder[PATH_SIZE];
    const char *slash = strrchr(path, '/');
    struct str parent = slash == NULL ? STR(".") : str_make(path, (size_t)(slash - path) + 1);
    if (!str_copy(folder, sizeof folder, parent)) {
        return ENAMETOOLONG;
    }
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return errno;
    }
    int os_errno = fsync(fd) == 0 ? 0 : errno;
    close(fd);
    return os_errno;
}

tidings_status file_write_whole(const char *path, struct str content, struct tidings_error *err)
{
    char fresh[PATH_SIZE];
    int len = snprintf(fresh, sizeof fresh, "%s.new", path);
    int os_errno = ENAMETOOLONG;
    if (len > 0 && (size_t)len < sizeof fresh) {
        os_errno = write_new(fresh, content);
        if (os_errno == 0) {
            os_errno = rename(fresh, path) == 0 ? sync_folder_of(path) : errno;
        }
    }
    return os_errno == 0
               ? TIDINGS_OK
               : error_set_errno(err, TIDINGS_E_IO, os_errno, "cannot write the file %s", path);
}

// Room for all of it at once: a buffer that grows would leave copies behind.
static tidings_status read_all(int fd, struct buf *out, int *ret_errno)
{
    struct stat info;
    char *room;
    if (fstat(fd, &info) != 0) {
        *ret_errno = errno;
        return TIDINGS_E_IO;
    }
    size_t size = info.st_size > 0 ? (size_t)info.st_size : 0;
    tidings_status status = buf_reserve(out, size, &room);
    for (size_t have = 0; status == TIDINGS_OK && have < size;) {
        ssize_t got = read(fd, room + have, size - have);
        if (got == 0) {
            break; // it became shorter meanwhile
        }
        if (got < 0 && errno != EINTR) {
            *ret_errno = errno;
            return TIDINGS_E_IO;
        }
        have += got > 0 ? (size_t)got : 0;
        out->len += got > 0 ? (size_t)got : 0;
    }
    return status;
}

tidings_status file_read_whole(const char *path, struct buf *out, struct tidings_error *err)
{
    int os_errno = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return error_set_errno(err, TIDINGS_E_IO, errno, "cannot read the file %s", path);
    }
    tidings_status status = read_all(fd, out, &os_errno);
    close(fd);
    if (status == TIDINGS_E_IO) {
        return error_set_errno(err, status, os_errno, "cannot read the file %s", path);
    }
    return status == TIDINGS_OK
               ? status
               : error_set(err, status, "cannot read the file %s: %s", path,
                           status == TIDINGS_E_NO_MEMORY ? "no memory" : "it is too large");
}
