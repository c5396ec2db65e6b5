// SPDX-License-Identifier: Apache-2.0
// SQLite's write-ahead log in few writes, see sqlite_vfs.c.
#ifndef DB_SQLITE_VFS_H
#define DB_SQLITE_VFS_H

#include <sqlite3.h>

#define SQLITE_VFS_NAME "tidings"

// Makes it known to SQLite under its name, once in a process; `vfs` must stay for as long as that
// lives. Not where the system's own VFS is one that we do not know.
void sqlite_vfs_register(sqlite3_vfs *vfs);

#endif
