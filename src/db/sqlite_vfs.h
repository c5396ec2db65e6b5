// SPDX-License-Identifier: Apache-2.0
// SQLite's write-ahead log in few writes, see sqlite_vfs.c.
#ifndef DB_SQLITE_VFS_H
#define DB_SQLITE_VFS_H

#include <sqlite3.h>

#define SQLITE_VFS_NAME "tidings"

// sqlite3_file_control with an int *: the database file is synced whenever so many bytes were
// written to it by this connection, 0 = only when SQLite does.
enum { SQLITE_VFS_SYNC_BYTES = 0x74640001 };

// Makes it known to SQLite under its name, once in a process; `vfs` must stay for as long as that
// lives. Not where the system's own VFS is one that we do not know.
void sqlite_vfs_register(sqlite3_vfs *vfs);

#endif
