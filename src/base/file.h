// SPDX-License-Identifier: Apache-2.0
// Small files that are written as a whole.
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include "base/error.h"
#include "base/str.h"

// Replaces the file at path, or makes it, readable and writable for its owner only. After OK it is
// durable; after an error, or if the machine ends meanwhile, the old or the new is there, whole.
// PATH.new is used on the way. E_IO or E_DISK_FULL, with the path and the system's reason.
tidings_status file_write_whole(const char *path, struct str content,
                                struct tidings_error *err) TIDINGS_NODISCARD;
// Adds what is in the file. E_TOO_LARGE when it is more than `out` takes; else E_IO or
// E_NO_MEMORY, with the path and the system's reason. No piece of it stays elsewhere in memory.
tidings_status file_read_whole(const char *path, struct buf *out,
                               struct tidings_error *err) TIDINGS_NODISCARD;

#endif
