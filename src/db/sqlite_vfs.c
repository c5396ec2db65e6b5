// SPDX-License-Identifier: Apache-2.0
// SQLite writes each frame of its write-ahead log with two calls, 24 bytes of header and a page: a
// commit of a hundred pages is two hundred of them. This stands before the system's own VFS and
// writes frames that follow each other at once.
//
// Nobody may be told of bytes that are not written yet, and an error must come back from the call
// that tells of success. So a frame that commits (its header has the size of the database) is
// written, with all before it, by the call that brings its page: that is before the sync of the
// commit, and before the index of the log names it to others. What is kept are frames of a
// transaction that goes on. Only its own connection may look at these, and they are written before
// it does, or syncs, or writes elsewhere. When a transaction is rolled back its frames are dropped
// as the lock to write is given back, because the next one, of whatever connection, takes their
// place. File format and order of the frames are SQLite's:
// https://www.sqlite.org/fileformat2.html#the_write_ahead_log
#include <stdbool.h>
#include <string.h>

#include "base/compiler.h"
#include "base/num.h"
#include "db/sqlite_vfs.h"

enum {
    LOG_HEADER = 32,
    FRAME_HEADER = 24,
    SIZE_AT = 4,       // in a frame's header: pages of the database after the commit, else 0
    ROOM = 120 * 1024, // SQLite's unix VFS takes no more than 17 bits of a length
    WRITE_LOCK = 0,    // number of the lock that a writer holds
    METHODS = 3,       // the version of the methods that are passed on
};

// A database, or the write-ahead log of one; the system's file lies behind it.
struct file {
    sqlite3_file base;
    sqlite3_file *real;
    struct file *peer; // of a database: its log, of a log: its database; NULL allowed
    char *kept;        // of a log: ROOM bytes, made when they are needed
    int kept_len;
    sqlite3_int64 kept_at; // where they belong
    sqlite3_int64 next;    // what is written here goes on with a frame or begins the next
    bool in_frame;         // its header was written, its page was not
    bool commits;          // it ends a transaction
    bool lost;             // something was not written: the transaction must not go on
};

static struct file *of_file(sqlite3_file *base)
{
    return BASE_CONTAINER_OF(base, struct file, base);
}

// ---- a log ----
static int write_kept(struct file *log)
{
    if (log->kept_len == 0) {
        return log->lost ? SQLITE_IOERR_WRITE : SQLITE_OK;
    }
    int code = log->real->pMethods->xWrite(log->real, log->kept, log->kept_len, log->kept_at);
    log->kept_len = 0;
    log->lost |= code != SQLITE_OK;
    return code;
}

// The transaction is over.
static void drop_kept(struct file *log)
{
    if (log->kept_len > 0 || log->lost) {
        log->next = -1;
    }
    log->kept_len = 0;
    log->lost = false;
}

static int write_through(struct file *log, const void *bytes, int len, sqlite3_int64 at)
{
    int code = write_kept(log);
    if (code == SQLITE_OK) {
        code = log->real->pMethods->xWrite(log->real, bytes, len, at);
        log->lost |= code != SQLITE_OK;
    }
    return code;
}

static int keep(struct file *log, const void *bytes, int len, sqlite3_int64 at)
{
    log->kept = log->kept != NULL ? log->kept : sqlite3_malloc(ROOM);
    if (log->kept == NULL || len > ROOM) {
        return write_through(log, bytes, len, at);
    }
    int code = log->kept_len + len > ROOM ? write_kept(log) : SQLITE_OK;
    if (code == SQLITE_OK) {
        log->kept_at = log->kept_len == 0 ? at : log->kept_at;
        memcpy(log->kept + log->kept_len, bytes, (size_t)len);
        log->kept_len += len;
    }
    return code;
}

static int log_write(sqlite3_file *base, const void *bytes, int len, sqlite3_int64 at)
{
    struct file *log = of_file(base);
    const bool follows = at == log->next;
    int code;
    if (log->lost) {
        return SQLITE_IOERR_WRITE;
    }
    if (follows && log->in_frame) { // its page
        log->in_frame = false;
        code = keep(log, bytes, len, at);
        log->next = at + len;
        return code == SQLITE_OK && log->commits ? write_kept(log) : code;
    }
    if (len == FRAME_HEADER) {
        // One that does not follow begins a transaction elsewhere, or is written again.
        code = follows ? keep(log, bytes, len, at) : write_through(log, bytes, len, at);
        log->in_frame = true;
        log->commits = num_load_be32((const char *)bytes + SIZE_AT) != 0;
        log->next = at + len;
        return code;
    }
    code = write_through(log, bytes, len, at);
    if (at == 0 && len == LOG_HEADER) {
        log->in_frame = false;
        log->next = len;
    }
    return code;
}

static int log_read(sqlite3_file *base, void *bytes, int len, sqlite3_int64 at)
{
    struct file *log = of_file(base);
    bool kept = at < log->kept_at + log->kept_len && log->kept_at < at + len;
    if (kept && write_kept(log) != SQLITE_OK) {
        return SQLITE_IOERR_READ; // which ends the transaction, as a full disk would not
    }
    return log->real->pMethods->xRead(log->real, bytes, len, at);
}

static int log_sync(sqlite3_file *base, int flags)
{
    struct file *log = of_file(base);
    int code = write_kept(log);
    return code == SQLITE_OK ? log->real->pMethods->xSync(log->real, flags) : code;
}

static int log_truncate(sqlite3_file *base, sqlite3_int64 size)
{
    struct file *log = of_file(base);
    int code = write_kept(log);
    return code == SQLITE_OK ? log->real->pMethods->xTruncate(log->real, size) : code;
}

static int log_size(sqlite3_file *base, sqlite3_int64 *ret)
{
    struct file *log = of_file(base);
    int code = write_kept(log);
    return code == SQLITE_OK ? log->real->pMethods->xFileSize(log->real, ret) : code;
}

// ---- both: what is passed on ----
static int file_close(sqlite3_file *base)
{
    struct file *file = of_file(base);
    if (file->peer != NULL) {
        file->peer->peer = NULL;
    }
    sqlite3_free(file->kept);
    return file->real->pMethods->xClose(file->real);
}

static int file_read(sqlite3_file *base, void *bytes, int len, sqlite3_int64 at)
{
    sqlite3_file *real = of_file(base)->real;
    return real->pMethods->xRead(real, bytes, len, at);
}

static int file_write(sqlite3_file *base, const void *bytes, int len, sqlite3_int64 at)
{
    sqlite3_file *real = of_file(base)->real;
    return real->pMethods->xWrite(real, bytes, len, at);
}

static int file_truncate(sqlite3_file *base, sqlite3_int64 size)
{
    sqlite3_file *real = of_file(base)->real;
    return real->pMethods->xTruncate(real, size);
}

static int file_sync(sqlite3_file *base, int flags)
{
    sqlite3_file *real = of_file(base)->real;
    return real->pMethods->xSync(real, flags);
}

static int file_size(sqlite3_file *base, sqlite3_int64 *ret)
{
    sqlite3_file *real = of_file(base)->real;
    return real->pMethods->xFileSize(real, ret);
}

static int file_lock(sqlite3_file *base, int level)
{
    sqlite3_file *real = of_file(base)->real;
    return real->pMethods->xLock(real, level);
}

static int file_unlock(sqlite3_file *base, int level)
{
    sqlite3_file *real = of_file(base)->real;
    return real->pMethods->xUnlock(real, level);
}

static int file_check_lock(sqlite3_file *base, int *ret)
{
    sqlite3_file *real = of_file(base)->real;
    return real->pMethods->xCheckReservedLock(real, ret);
}

static int file_control(sqlite3_file *base, int op, void *arg)
{
    sqlite3_file *real = of_file(base)->real;
    return real->pMethods->xFileControl(real, op, arg);
}

static int file_sector(sqlite3_file *base)
{
    sqlite3_file *real = of_file(base)->real;
    return real->pMethods->xSectorSize(real);
}

static int file_device(sqlite3_file *base)
{
    sqlite3_file *real = of_file(base)->real;
    return real->pMethods->xDeviceCharacteristics(real);
}

static int file_shm_map(sqlite3_file *base, int region, int size, int extend, void volatile **ret)
{
    sqlite3_file *real = of_file(base)->real;
    return real->pMethods->xShmMap(real, region, size, extend, ret);
}

static int file_shm_lock(sqlite3_file *base, int first, int count, int flags)
{
    struct file *file = of_file(base);
    if (first == WRITE_LOCK && (flags & SQLITE_SHM_UNLOCK) != 0 && file->peer != NULL) {
        drop_kept(file->peer);
    }
    return file->real->pMethods->xShmLock(file->real, first, count, flags);
}

static void file_shm_barrier(sqlite3_file *base)
{
    sqlite3_file *real = of_file(base)->real;
    real->pMethods->xShmBarrier(real);
}

static int file_shm_unmap(sqlite3_file *base, int remove)
{
    sqlite3_file *real = of_file(base)->real;
    return real->pMethods->xShmUnmap(real, remove);
}

static int file_fetch(sqlite3_file *base, sqlite3_int64 at, int len, void **ret)
{
    sqlite3_file *real = of_file(base)->real;
    return real->pMethods->xFetch(real, at, len, ret);
}

static int file_unfetch(sqlite3_file *base, sqlite3_int64 at, void *bytes)
{
    sqlite3_file *real = of_file(base)->real;
    return real->pMethods->xUnfetch(real, at, bytes);
}

#define PASSED_ON                                                                                  \
    .iVersion = METHODS, .xClose = file_close, .xLock = file_lock, .xUnlock = file_unlock,         \
    .xCheckReservedLock = file_check_lock, .xFileControl = file_control,                           \
    .xSectorSize = file_sector, .xDeviceCharacteristics = file_device, .xShmMap = file_shm_map,    \
    .xShmLock = file_shm_lock, .xShmBarrier = file_shm_barrier, .xShmUnmap = file_shm_unmap,       \
    .xFetch = file_fetch, .xUnfetch = file_unfetch

static const sqlite3_io_methods database_methods = {
    PASSED_ON,          .xRead = file_read,    .xWrite = file_write, .xTruncate = file_truncate,
    .xSync = file_sync, .xFileSize = file_size
};
static const sqlite3_io_methods log_methods = { PASSED_ON,           .xRead = log_read,
                                                .xWrite = log_write, .xTruncate = log_truncate,
                                                .xSync = log_sync,   .xFileSize = log_size };

// ---- the VFS ----
static int open_file(sqlite3_vfs *vfs, const char *name, sqlite3_file *base, int flags, int *ret)
{
    sqlite3_vfs *system = vfs->pAppData;
    if (name == NULL || (flags & (SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_WAL)) == 0) {
        return system->xOpen(system, name, base, flags, ret);
    }
    struct file *file = of_file(base);
    *file = (struct file){ .real = (sqlite3_file *)(void *)(file + 1), .next = -1 };
    int code = system->xOpen(system, name, file->real, flags, ret);
    if (code != SQLITE_OK) {
        file->base.pMethods = NULL;
        return code;
    }
    file->base.pMethods = &database_methods;
    if ((flags & SQLITE_OPEN_WAL) != 0) {
        file->base.pMethods = &log_methods;
        file->peer = of_file(sqlite3_database_file_object(name));
        file->peer->peer = file;
    }
    return SQLITE_OK;
}

// Does the system's VFS have what is passed on?
static bool is_fit(const sqlite3_vfs *system)
{
    return system != NULL && strcmp(system->zName, "unix") == 0 && system->iVersion >= 3;
}

void sqlite_vfs_register(sqlite3_vfs *vfs)
{
    sqlite3_vfs *system = sqlite3_vfs_find(NULL);
    if (!is_fit(system)) {
        return;
    }
    *vfs = *system; // but for opening, its methods do not look at the object
    vfs->pNext = NULL;
    vfs->zName = SQLITE_VFS_NAME;
    vfs->pAppData = system;
    vfs->szOsFile = (int)sizeof(struct file) + system->szOsFile;
    vfs->xOpen = open_file;
    (void)sqlite3_vfs_register(vfs, 0);
}
