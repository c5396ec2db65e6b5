// SPDX-License-Identifier: Apache-2.0
// Cursors of lists: where to go on. Base64url of "1" (the version), a letter for the list, and the
// place: a number, or a name. It holds nothing secret and gives no rights; a made-up one leads to a
// page that its bearer may see, or to an error. Private to the room.
#ifndef API_CURSOR_H
#define API_CURSOR_H

#include "base/error.h"
#include "base/str.h"

enum { API_CURSOR_MAX = 512, API_CURSOR_NAME_MAX = 255 };

enum api_cursor_kind {
    API_CURSOR_NOTIFICATIONS = 'n',
    API_CURSOR_ATTEMPTS = 'a',
    API_CURSOR_JOBS = 'j',
    API_CURSOR_RECEIVERS = 'r',
};
struct api_cursor {
    int64_t number; // from 0; of all but receivers
    char name[API_CURSOR_NAME_MAX + 1];
};
tidings_status api_cursor_write(enum api_cursor_kind kind, const struct api_cursor *cursor,
                                struct buf *out) TIDINGS_NODISCARD;
// E_INVALID for what api_cursor_write has not written for this list.
tidings_status api_cursor_read(enum api_cursor_kind kind, struct str text, struct api_cursor *ret,
                               struct tidings_error *err) TIDINGS_NODISCARD;

#endif
