// SPDX-License-Identifier: Apache-2.0
// Sorted files of the key index: writing, opening, merging. See keyindex.h for the layout.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/num.h"
#include "broker/keyindex_private.h"

enum {
    VERSION = 1,
    HEADER = KEY_FILE_HEADER,
    HEADER_CHECKED = 40,
    BUFFER = 4096, // pairs per file of a merge
};

static const char magic[4] = { 'T', 'K', 'E', 'Y' };

void key_name(char name[KEY_NAME_MAX], int64_t number, const char *suffix)
{
    int n = snprintf(name, KEY_NAME_MAX, "%020lld.%s", (long long)number, suffix);
    BASE_ASSERT(n > 0 && n < KEY_NAME_MAX);
}

int key_read_at(int fd, void *bytes, size_t len, int64_t offset)
{
    size_t done = 0;
    while (done < len) {
        ssize_t n = pread(fd, (char *)bytes + done, len - done, offset + (int64_t)done);
        if (n == 0) {
            return EIO; // shorter than it says
        }
        if (n < 0 && errno != EINTR) {
            return errno;
        }
        done += n > 0 ? (size_t)n : 0;
    }
    return 0;
}

int key_write_at(int fd, const void *bytes, size_t len, int64_t offset)
{
    size_t done = 0;
    while (done < len) {
        ssize_t n = pwrite(fd, (const char *)bytes + done, len - done, offset + (int64_t)done);
        if (n < 0 && errno != EINTR) {
            return errno;
        }
        done += n > 0 ? (size_t)n : 0;
    }
    return 0;
}

// ---- header ----
static void store_u64(char *at, uint64_t value)
{
    memcpy(at, &value, sizeof value);
}

static int write_header(int fd, const struct key_file *file)
{
    char header[HEADER] = { 0 };
    uint32_t version = VERSION;
    memcpy(header, magic, sizeof magic);
    memcpy(header + 4, &version, sizeof version);
    store_u64(header + 8, file->pairs);
    store_u64(header + 16, (uint64_t)file->first);
    store_u64(header + 24, (uint64_t)file->end);
    store_u64(header + 32, (uint64_t)file->last);
    uint32_t crc = num_crc32c(0, header, HEADER_CHECKED);
    memcpy(header + HEADER_CHECKED, &crc, sizeof crc);
    return key_write_at(fd, header, sizeof header, 0);
}

tidings_status key_file_open(const struct keyindex *keys, int64_t number, struct key_file *ret,
                             int *ret_fd)
{
    char name[KEY_NAME_MAX];
    char header[HEADER];
    struct stat info;
    key_name(name, number, "key");
    int fd = openat(keys->folder_fd, name, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return TIDINGS_E_IO;
    }
    tidings_status status = TIDINGS_E_CORRUPT;
    if (key_read_at(fd, header, sizeof header, 0) == 0 && fstat(fd, &info) == 0 &&
        memcmp(header, magic, sizeof magic) == 0 && num_load_le32(header + 4) == VERSION &&
        num_load_le32(header + HEADER_CHECKED) == num_crc32c(0, header, HEADER_CHECKED)) {
        *ret = (struct key_file){ .number = number,
                                  .pairs = num_load_le64(header + 8),
                                  .first = (int64_t)num_load_le64(header + 16),
                                  .end = (int64_t)num_load_le64(header + 24),
                                  .last = (int64_t)num_load_le64(header + 32) };
        uint64_t size = ret->pairs * sizeof(struct keyindex_pair) + HEADER;
        status = (uint64_t)info.st_size == size ? TIDINGS_OK : TIDINGS_E_CORRUPT;
    }
    if (status != TIDINGS_OK) {
        close(fd);
        return status;
    }
    *ret_fd = fd;
    return TIDINGS_OK;
}

// ---- writing ----
// A new file under a name that is not looked at; `number` tells which file it will be.
static tidings_status begin_file(const struct keyindex *keys, int64_t number, int *ret_fd,
                                 struct tidings_error *err)
{
    char name[KEY_NAME_MAX];
    key_name(name, number, "new");
    *ret_fd = openat(keys->folder_fd, name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    return *ret_fd >= 0
               ? TIDINGS_OK
               : error_set_errno(err, TIDINGS_E_IO, errno, "key index: cannot make %s", name);
}

// Puts the header in front and gives the file its name; `os_errno` is what went wrong before.
static tidings_status end_file(const struct keyindex *keys, int fd, const struct key_file *file,
                               int os_errno, struct tidings_error *err)
{
    char new_name[KEY_NAME_MAX];
    char name[KEY_NAME_MAX];
    key_name(new_name, file->number, "new");
    key_name(name, file->number, "key");
    if (os_errno == 0) {
        os_errno = write_header(fd, file);
    }
    if (close(fd) != 0 && os_errno == 0) {
        os_errno = errno;
    }
    if (os_errno == 0 && renameat(keys->folder_fd, new_name, keys->folder_fd, name) != 0) {
        os_errno = errno;
    }
    if (os_errno != 0) {
        (void)unlinkat(keys->folder_fd, new_name, 0); // or it is overwritten next time
        return error_set_errno(err, TIDINGS_E_IO, os_errno, "key index: cannot write %s", name);
    }
    return TIDINGS_OK;
}

tidings_status key_file_write(struct keyindex *keys, const struct keyindex_pair *pairs,
                              size_t count, struct key_file *ret, struct tidings_error *err)
{
    int fd;
    tidings_status status = begin_file(keys, ret->number, &fd, err);
    if (status != TIDINGS_OK) {
        return status;
    }
    ret->pairs = count;
    return end_file(keys, fd, ret, key_write_at(fd, pairs, count * sizeof *pairs, HEADER), err);
}

// ---- merging ----
struct input {
    int fd;
    uint64_t left; // pairs not yet read
    int64_t offset;
    size_t at;
    size_t count;
    struct keyindex_pair *pairs; // BUFFER of them
};

static int fill(struct input *input)
{
    input->at = 0;
    input->count = input->left < BUFFER ? (size_t)input->left : BUFFER;
    size_t len = input->count * sizeof *input->pairs;
    int os_errno = key_read_at(input->fd, input->pairs, len, input->offset);
    input->left -= input->count;
    input->offset += (int64_t)len;
    return os_errno;
}

// The input with the least pair, NULL at the end.
static struct input *least(struct input *inputs, size_t count)
{
    struct input *best = NULL;
    for (size_t i = 0; i < count; i++) {
        struct input *input = &inputs[i];
        if (input->at < input->count &&
            (best == NULL || key_is_less(&input->pairs[input->at], &best->pairs[best->at]))) {
            best = input;
        }
    }
    return best;
}

// Writes all pairs in order, each once.
static int merge_into(int fd, struct input *inputs, size_t count, struct keyindex_pair *out,
                      uint64_t *ret_pairs)
{
    struct keyindex_pair last = { 0, -1 };
    size_t filled = 0;
    int os_errno = 0;
    struct input *input;
    *ret_pairs = 0;
    while (os_errno == 0 && (input = least(inputs, count)) != NULL) {
        struct keyindex_pair pair = input->pairs[input->at++];
        if (pair.hash != last.hash || pair.position != last.position) {
            out[filled++] = pair;
            last = pair;
        }
        if (input->at == input->count && input->left > 0) {
            os_errno = fill(input);
        }
        if (filled == BUFFER && os_errno == 0) {
            os_errno = key_write_at(fd, out, filled * sizeof *out,
                                    HEADER + (int64_t)(*ret_pairs * sizeof *out));
            *ret_pairs += filled;
            filled = 0;
        }
    }
    if (os_errno == 0) {
        os_errno = key_write_at(fd, out, filled * sizeof *out,
                                HEADER + (int64_t)(*ret_pairs * sizeof *out));
        *ret_pairs += filled;
    }
    return os_errno;
}

static tidings_status open_inputs(struct keyindex *keys, const struct key_file *files, size_t count,
                                  struct input *inputs, struct keyindex_pair *buffers,
                                  struct key_file *ret, struct tidings_error *err)
{
    for (size_t i = 0; i < count; i++) {
        struct key_file file;
        tidings_status status = key_file_open(keys, files[i].number, &file, &inputs[i].fd);
        if (status != TIDINGS_OK) {
            return error_set(err, status, "key index: file %lld cannot be read",
                             (long long)files[i].number);
        }
        inputs[i].left = file.pairs;
        inputs[i].offset = HEADER;
        inputs[i].pairs = buffers + i * BUFFER;
        int os_errno = fill(&inputs[i]);
        if (os_errno != 0) {
            return error_set_errno(err, TIDINGS_E_IO, os_errno, "key index: cannot read");
        }
        ret->first = file.first < ret->first ? file.first : ret->first;
        ret->end = file.end > ret->end ? file.end : ret->end;
        ret->last = file.last;
    }
    return TIDINGS_OK;
}

tidings_status key_file_merge(struct keyindex *keys, const struct key_file *files, size_t count,
                              struct key_file *ret, struct tidings_error *err)
{
    struct input inputs[KEY_FAN_IN];
    struct keyindex_pair *buffers = malloc((count + 1) * BUFFER * sizeof *buffers);
    int fd = -1;
    if (buffers == NULL || count > KEY_FAN_IN) {
        free(buffers);
        return error_set(err, TIDINGS_E_NO_MEMORY, "key index: no memory to merge files");
    }
    for (size_t i = 0; i < count; i++) {
        inputs[i] = (struct input){ .fd = -1 };
    }
    *ret = files[0];
    tidings_status status = open_inputs(keys, files, count, inputs, buffers, ret, err);
    if (status == TIDINGS_OK) {
        status = begin_file(keys, ret->number, &fd, err);
    }
    if (status == TIDINGS_OK) {
        int os_errno = merge_into(fd, inputs, count, buffers + count * BUFFER, &ret->pairs);
        status = end_file(keys, fd, ret, os_errno, err);
    }
    for (size_t i = 0; i < count; i++) {
        if (inputs[i].fd >= 0) {
            close(inputs[i].fd);
        }
    }
    free(buffers);
    return status;
}
