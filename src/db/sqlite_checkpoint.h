// SPDX-License-Identifier: Apache-2.0
// SQLite's write-ahead log is handed back here: copied into the database file, and begun again from
// its start.
//
// The copy and the sync of the database file take tens of milliseconds after much was written. A
// thread with a connection of its own does them, while commits go on. SQLite begins the log again
// only when all of it is copied at the moment a transaction begins; so what was committed meanwhile
// is copied by the caller when it is little, by another pass of the thread when it is not, and by
// the caller in any case at SQLITE_CHECKPOINT_LATE times the size wanted.
//
// All functions belong to the thread that has the connection. Without commits there is no thread.
#ifndef DB_SQLITE_CHECKPOINT_H
#define DB_SQLITE_CHECKPOINT_H

#include <stdbool.h>

#include <sqlite3.h>

#include "base/error.h"
#include "base/fault.h"

enum { SQLITE_CHECKPOINT_LATE = 2 };

struct sqlite_checkpoint {
    sqlite3 *handle;
    struct fault *fault;                     // NULL allowed
    int most;                                // pages in the log that are handed back
    int pages;                               // in the log
    int copied;                              // of them, as far as we know
    int next;                                // something is done when there are so many
    bool alone;                              // without a thread: the caller copies
    bool asked;                              // the thread was, and its answer was not looked at
    bool full;                               // the disk was: a log begun again needs no more of it
    bool inherited;                          // the log was that long before the first commit
    bool outdated;                           // it is about a log that was begun again since
    struct sqlite_checkpoint_thread *thread; // made when it is needed
};

// `handle` stays the caller's, and open until after the deinit. log_bytes: how long the log may be.
void sqlite_checkpoint_init(struct sqlite_checkpoint *checkpoint, sqlite3 *handle, size_t log_bytes,
                            struct fault *fault);
// Waits for a pass that is under way. Fine on zeroed memory.
void sqlite_checkpoint_deinit(struct sqlite_checkpoint *checkpoint);
// After each commit that wrote: what SQLite's hook tells. A caller that never maintains is helped.
void sqlite_checkpoint_committed(struct sqlite_checkpoint *checkpoint, int pages);
// The disk was full, also before anything was committed here.
void sqlite_checkpoint_disk_full(struct sqlite_checkpoint *checkpoint);
// After commits, outside of transactions, and after a transaction that failed. Tells also what went
// wrong on the thread since the last call; it is tried again.
tidings_status sqlite_checkpoint_maintain(struct sqlite_checkpoint *checkpoint,
                                          struct tidings_error *err) TIDINGS_NODISCARD;

#endif
