// SPDX-License-Identifier: Apache-2.0
// Offsets of broadcasting: one file per client id and group, "<offsets_folder>/<client
// id>/<group>". Text: a first line "tidings offsets 1", then "topic broker queue offset" a line. It
// is written anew beside the old one, synced and renamed, so that a crash leaves the old or the
// new. A reader refuses another first line: a new layout gets a new number.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "client/consumer.h"

enum { PATH_SIZE = 2048, FILE_MAX = 16 * 1024 * 1024, OFFSETS_MAX = 65536, KEY_SIZE = 512 };

#define FIRST_LINE "tidings offsets 1\n"

struct entry {
    int64_t offset;
};

// ---- table ----
static bool make_key(const char *topic, const char *broker, int32_t queue_id, char *out)
{
    int n = snprintf(out, KEY_SIZE, "%s %s %d", topic, broker, queue_id);
    return n > 0 && n < KEY_SIZE;
}

static tidings_status put(struct tidings_consumer *consumer, struct str key, int64_t offset)
{
    struct entry *entry = map_get(&consumer->offsets, key);
    if (entry == NULL) {
        entry = calloc(1, sizeof *entry);
        if (entry == NULL) {
            return TIDINGS_E_NO_MEMORY;
        }
        tidings_status status = map_put(&consumer->offsets, key, entry, NULL);
        if (status != TIDINGS_OK) {
            free(entry);
            return status;
        }
    }
    entry->offset = offset;
    return TIDINGS_OK;
}

int64_t broadcast_get(struct tidings_consumer *consumer, const struct pq *pq)
{
    char key[KEY_SIZE];
    const struct entry *entry =
        make_key(pq->subscription->topic, pq->broker->name, pq->queue_id, key)
            ? map_get(&consumer->offsets, str_of(key))
            : NULL;
    return entry != NULL ? entry->offset : -1;
}

void broadcast_set(struct tidings_consumer *consumer, const struct pq *pq, int64_t offset)
{
    char key[KEY_SIZE];
    if (!make_key(pq->subscription->topic, pq->broker->name, pq->queue_id, key) ||
        put(consumer, str_of(key), offset) != TIDINGS_OK) {
        consumer_event(consumer, true, "no room for the offset of %s queue %d",
                       pq->subscription->topic, pq->queue_id);
        return;
    }
    consumer->offsets_changed = true;
}

// ---- file ----
// The folder's path in out; makes the folders. A leading ~ is the home folder.
static tidings_status make_folders(const struct tidings_consumer *consumer, char *out,
                                   struct tidings_error *err)
{
    const char *folder = config_text(consumer->runtime.config, CONFIG_OFFSETS_FOLDER);
    const char *home = getenv("HOME");
    char client[IDENT_CLIENT_ID_SIZE];
    (void)str_copy(client, sizeof client, str_of(consumer->runtime.ident.client_id));
    for (char *c = client; *c != '\0'; c++) {
        *c = *c == '/' ? '_' : *c;
    }
    bool in_home = folder[0] == '~' && folder[1] == '/' && home != NULL;
    int n = snprintf(out, PATH_SIZE, "%s%s/%s", in_home ? home : "", in_home ? folder + 1 : folder,
                     client);
    if (n < 0 || n >= PATH_SIZE) {
        return error_set(err, TIDINGS_E_TOO_LARGE, "offsets_folder: the path is too long");
    }
    for (char *c = out + 1; *c != '\0'; c++) {
        if (*c == '/') {
            *c = '\0';
            (void)mkdir(out, 0700);
            *c = '/';
        }
    }
    if (mkdir(out, 0700) != 0 && errno != EEXIST) {
        return error_set_errno(err, TIDINGS_E_IO, errno, "making folder %s", out);
    }
    return TIDINGS_OK;
}

static tidings_status make_path(const struct tidings_consumer *consumer, char *out,
                                struct tidings_error *err)
{
    tidings_status status = make_folders(consumer, out, err);
    size_t len = status == TIDINGS_OK ? strlen(out) : 0;
    if (status == TIDINGS_OK) {
        int n = snprintf(out + len, PATH_SIZE - len, "/%s", consumer_group(consumer));
        if (n < 0 || (size_t)n >= PATH_SIZE - len - 4) { // room for ".new"
            status = error_set(err, TIDINGS_E_TOO_LARGE, "offsets_folder: the path is too long");
        }
    }
    return status;
}

static tidings_status read_file(const char *path, struct buf *out, struct tidings_error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = 1;
    tidings_status status = TIDINGS_OK;
    if (fd < 0) {
        return errno == ENOENT ? TIDINGS_OK
                               : error_set_errno(err, TIDINGS_E_IO, errno, "opening %s", path);
    }
    while (got > 0 && status == TIDINGS_OK) {
        char *room;
        status = buf_reserve(out, 65536, &room);
        if (status == TIDINGS_OK) {
            got = read(fd, room, 65536);
            out->len += got > 0 ? (size_t)got : 0;
        }
    }
    if (got < 0) {
        status = error_set_errno(err, TIDINGS_E_IO, errno, "reading %s", path);
    }
    close(fd);
    return status;
}

static tidings_status parse(struct tidings_consumer *consumer, struct str text, const char *path,
                            struct tidings_error *err)
{
    struct str line;
    if (text.len == 0) {
        return TIDINGS_OK;
    }
    if (!str_starts(text, STR(FIRST_LINE))) {
        return error_set(err, TIDINGS_E_CORRUPT, "%s does not begin with \"tidings offsets 1\"",
                         path);
    }
    text = str_make(text.ptr + sizeof FIRST_LINE - 1, text.len - (sizeof FIRST_LINE - 1));
    while (str_split(&text, '\n', &line) && line.len > 0) {
        int64_t offset;
        size_t space = line.len;
        while (space > 0 && line.ptr[space - 1] != ' ') {
            space--;
        }
        if (space < 2 ||
            !num_parse_i64(str_make(line.ptr + space, line.len - space), 0, INT64_MAX, &offset)) {
            return error_set(err, TIDINGS_E_CORRUPT, "%s: \"%.*s\" is no line of offsets", path,
                             STR_ARG(line));
        }
        tidings_status status = put(consumer, str_make(line.ptr, space - 1), offset);
        if (status != TIDINGS_OK) {
            return error_set(err, status, "%s has too many offsets", path);
        }
    }
    return TIDINGS_OK;
}

tidings_status broadcast_load(struct tidings_consumer *consumer, struct tidings_error *err)
{
    char path[PATH_SIZE];
    struct buf text;
    map_init(&consumer->offsets, OFFSETS_MAX);
    buf_init(&text, FILE_MAX);
    tidings_status status = make_path(consumer, path, err);
    if (status == TIDINGS_OK) {
        status = read_file(path, &text, err);
    }
    if (status == TIDINGS_OK) {
        status = parse(consumer, buf_str(&text), path, err);
    }
    buf_deinit(&text);
    return status;
}

static tidings_status format(struct tidings_consumer *consumer, struct buf *out)
{
    struct str key;
    void *value;
    size_t cursor = 0;
    tidings_status status = buf_add_str(out, STR(FIRST_LINE));
    while (status == TIDINGS_OK && map_next(&consumer->offsets, &cursor, &key, &value)) {
        const struct entry *entry = value;
        status = buf_addf(out, "%.*s %lld\n", STR_ARG(key), (long long)entry->offset);
    }
    return status;
}

tidings_status broadcast_save(struct tidings_consumer *consumer, struct tidings_error *err)
{
    char path[PATH_SIZE];
    struct buf text;
    buf_init(&text, FILE_MAX);
    tidings_status status = make_path(consumer, path, err);
    if (status == TIDINGS_OK) {
        status = format(consumer, &text);
    }
    if (status == TIDINGS_OK) {
        status = file_write_whole(path, buf_str(&text), err);
    }
    buf_deinit(&text);
    consumer->offsets_changed = status != TIDINGS_OK;
    return status;
}

void broadcast_deinit(struct tidings_consumer *consumer)
{
    struct str key;
    void *value;
    size_t cursor = 0;
    while (map_next(&consumer->offsets, &cursor, &key, &value)) {
        free(value);
    }
    map_deinit(&consumer->offsets);
}
