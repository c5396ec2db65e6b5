// SPDX-License-Identifier: Apache-2.0
// Opening what is there: the files are looked at by name and size, records are read from `from` on,
// a torn tail is cut, and what was written ahead before is found again.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "commitlog/private.h"

struct files {
    struct segment_info *items; // ascending
    size_t count;
};

static int64_t files_end(const struct commitlog *log, const struct files *files)
{
    const struct segment_info *last = &files->items[files->count - 1];
    return segment_start(log, last->segment) + last->size;
}

// ---- what nobody reads now but somebody will miss ----
static void tell(commitlog_report *report, void *arg, int64_t position, int64_t end,
                 const char *reason)
{
    struct commitlog_damage found = { .position = position, .end = end };
    (void)str_copy(found.text, sizeof found.text, str_of(reason));
    if (report != NULL) {
        report(arg, &found);
    }
}

// Missing and short files before `from`; the walk finds those behind it.
static void look_at_old(const struct commitlog *log, const struct files *files, int64_t from,
                        commitlog_report *report, void *arg)
{
    for (size_t i = 0; i + 1 < files->count; i++) {
        const struct segment_info *file = &files->items[i];
        int64_t next = segment_start(log, file[1].segment);
        if (next > from) {
            return;
        }
        if (file[1].segment != file->segment + 1) {
            tell(report, arg, segment_start(log, file->segment + 1), next,
                 "files of old segments are missing");
        }
        if (file->size < log->options.segment_size) {
            tell(report, arg, segment_start(log, file->segment) + file->size,
                 segment_start(log, file->segment + 1), "the file of an old segment is too short");
        }
    }
}

// ---- cutting ----
static tidings_status cut_segment(const struct commitlog *log, int64_t from, int64_t to,
                                  struct tidings_error *err)
{
    static const char zeros[LOG_PAGE];
    int fd = segment_open(log, segment_of(log, from), O_RDWR);
    int why = fd < 0 ? errno : 0;
    for (int64_t at = from; why == 0 && at < to;) {
        size_t len = to - at < LOG_PAGE ? (size_t)(to - at) : sizeof zeros;
        why = write_at(fd, zeros, len, offset_of(log, at));
        at += (int64_t)len;
    }
    if (why == 0 && fdatasync(fd) != 0) {
        why = errno;
    }
    if (fd >= 0) {
        close(fd);
    }
    return why == 0 || why == ENOENT
               ? TIDINGS_OK
               : error_set_errno(err, TIDINGS_E_IO, why, "cannot cut the log in %s at %lld",
                                 log->options.folder, (long long)from);
}

// Overwrites headers behind the end of the log, so that they cannot be taken for records when new
// ones have been written in front of them.
static tidings_status cut_tail(const struct commitlog *log, int64_t end, int64_t stale_end,
                               struct tidings_error *err)
{
    tidings_status status = TIDINGS_OK;
    while (status == TIDINGS_OK && end < stale_end) {
        int64_t next = segment_start(log, segment_of(log, end) + 1);
        status = cut_segment(log, end, next < stale_end ? next : stale_end, err);
        end = next;
    }
    return status;
}

// ---- where to go on ----
// Finds how far the files reach without a gap; what lies beyond is none of ours.
static tidings_status find_zeroed(struct commitlog *log, const struct files *files,
                                  struct tidings_error *err)
{
    int64_t size = log->options.segment_size;
    int64_t zeroed = log->end;
    size_t i = 0;
    while (i < files->count && segment_start(log, files->items[i].segment) + size <= log->end) {
        i++;
    }
    for (; i < files->count && segment_start(log, files->items[i].segment) <= zeroed; i++) {
        int64_t reach = segment_start(log, files->items[i].segment) + files->items[i].size;
        zeroed = reach > zeroed ? reach : zeroed;
    }
    int64_t last = files->items[files->count - 1].segment;
    if (last > segment_of(log, zeroed)) {
        return error_set(err, TIDINGS_E_CORRUPT,
                         "the log in %s ends at %lld, but there is a file for %lld: files in "
                         "between are missing; bring them back, or move that one away",
                         log->options.folder, (long long)log->end,
                         (long long)segment_start(log, last));
    }
    atomic_store(&log->zeroed, zeroed);
    return TIDINGS_OK;
}

static void set_end(struct commitlog *log, int64_t end, uint32_t last_crc)
{
    log->end = end;
    log->last_crc = last_crc;
    log->durable_crc = last_crc;
    atomic_store(&log->durable, end);
}

static tidings_status walk_files(struct commitlog *log, const struct files *files, int64_t from,
                                 commitlog_replay *replay, commitlog_report *report, void *arg,
                                 struct tidings_error *err)
{
    int64_t begin = atomic_load(&log->begin);
    int64_t first = from < begin ? begin : from;
    struct walk walk = { .log = log,
                         .end = first,
                         .to = INT64_MAX,
                         .last_segment = files->items[files->count - 1].segment,
                         .replay = replay,
                         .report = report,
                         .arg = arg };
    if (from > 0 && from < begin) {
        tell(report, arg, from, begin, "files that are still needed are missing");
    }
    look_at_old(log, files, first, report, arg);
    tidings_status status = walk_records(&walk, err);
    if (status != TIDINGS_OK) {
        return status;
    }
    if (walk.end == first && !walk.chained && first != begin) {
        return error_set(err, TIDINGS_E_CORRUPT,
                         "position %lld, up to which the index has read, is not in the log in %s; "
                         "bring its files back, or remove the index to go on with what is there",
                         (long long)from, log->options.folder);
    }
    set_end(log, walk.end, walk.last_crc);
    return cut_tail(log, walk.end, walk.stale_end, err);
}

tidings_status recover_log(struct commitlog *log, int64_t from, commitlog_replay *replay,
                           commitlog_report *report, void *arg, struct tidings_error *err)
{
    struct files files = { 0 };
    tidings_status status = segment_list(log, &files.items, &files.count, err);
    if (status != TIDINGS_OK) {
        return status;
    }
    int64_t end = files.count > 0 ? files_end(log, &files) : 0;
    if (from < 0 || from > end || from % COMMITLOG_ALIGN != 0) {
        status = error_set(err, TIDINGS_E_CORRUPT,
                           "the log in %s ends before %lld, up to which the index has read: its "
                           "files are missing; bring them back, or remove the index to go on with "
                           "what is there",
                           log->options.folder, (long long)from);
    } else if (files.count == 0) {
        set_end(log, 0, 0);
    } else {
        atomic_store(&log->begin, segment_start(log, files.items[0].segment));
        status = walk_files(log, &files, from, replay, report, arg, err);
        if (status == TIDINGS_OK) {
            status = find_zeroed(log, &files, err);
        }
    }
    free(files.items);
    return status;
}
