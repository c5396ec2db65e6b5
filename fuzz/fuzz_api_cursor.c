// SPDX-License-Identifier: Apache-2.0
// Cursors of any content, for each list: what is taken is exactly what would be written for the
// same place.
#include "api/cursor.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum api_cursor_kind kinds[] = { API_CURSOR_NOTIFICATIONS, API_CURSOR_ATTEMPTS,
                                                  API_CURSOR_JOBS, API_CURSOR_RECEIVERS };
    int taken = 0;
    for (size_t i = 0; i < BASE_COUNT(kinds); i++) {
        struct api_cursor cursor;
        struct tidings_error err = { 0 };
        struct buf again;
        tidings_status status = api_cursor_read(kinds[i], str_make(data, size), &cursor, &err);
        if (status != TIDINGS_OK) {
            BASE_ASSERT(status == TIDINGS_E_INVALID && err.text[0] != '\0');
            continue;
        }
        buf_init(&again, API_CURSOR_MAX);
        BASE_ASSERT(cursor.number >= 0);
        BASE_ASSERT(api_cursor_write(kinds[i], &cursor, &again) == TIDINGS_OK);
        BASE_ASSERT(str_eq(buf_str(&again), str_make(data, size)));
        buf_deinit(&again);
        taken++;
    }
    BASE_ASSERT(taken <= 1);
    return 0;
}
