// SPDX-License-Identifier: Apache-2.0
#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct status_row {
    const char *name;
    const char *text;
    short http;
    short remoting;
    short retriable;
};

static const struct status_row rows[] = {
#define X(name, number, retriable, http, remoting, text)                                           \
    [number] = { #name, text, http, remoting, retriable },
    TIDINGS_STATUS_MAP(X)
#undef X
};

static const struct status_row *row_of(tidings_status status)
{
    static const struct status_row unknown = { "E_UNKNOWN", "unknown status", 500, 1, 0 };
    size_t index = (size_t)status;
    return index < BASE_COUNT(rows) ? &rows[index] : &unknown;
}

const char *tidings_status_name(tidings_status status)
{
    return row_of(status)->name;
}

const char *tidings_status_text(tidings_status status)
{
    return row_of(status)->text;
}

int tidings_status_is_retriable(tidings_status status)
{
    return row_of(status)->retriable;
}

int status_http(tidings_status status)
{
    return row_of(status)->http;
}

int status_remoting(tidings_status status)
{
    return row_of(status)->remoting;
}

static void format_text(struct tidings_error *err, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));

static void format_text(struct tidings_error *err, const char *format, va_list args)
{
    char text[sizeof err->text]; // an argument may be err's own text
    int n = vsnprintf(text, sizeof text, format, args);
    if (n < 0) {
        text[0] = '\0';
    }
    memcpy(err->text, text, sizeof text);
}

tidings_status error_set(struct tidings_error *err, tidings_status status, const char *format, ...)
{
    if (err != NULL) {
        va_list args;
        va_start(args, format);
        err->status = status;
        err->os_errno = 0;
        err->remote_code = 0;
        format_text(err, format, args);
        va_end(args);
    }
    return status;
}

tidings_status error_set_errno(struct tidings_error *err, tidings_status status, int os_errno,
                               const char *format, ...)
{
    if (os_errno == ENOSPC || os_errno == EDQUOT) {
        status = TIDINGS_E_DISK_FULL;
    } else if (os_errno == ENOMEM) {
        status = TIDINGS_E_NO_MEMORY;
    }
    if (err != NULL) {
        va_list args;
        va_start(args, format);
        err->status = status;
        err->os_errno = os_errno;
        err->remote_code = 0;
        format_text(err, format, args);
        va_end(args);
        size_t used = strlen(err->text);
        char reason[96];
        int n = snprintf(err->text + used, sizeof err->text - used, ": %s",
                         strerror_r(os_errno, reason, sizeof reason));
        if (n < 0) {
            err->text[used] = '\0';
        }
    }
    return status;
}

void error_clear(struct tidings_error *err)
{
    if (err != NULL) {
        *err = (struct tidings_error){ .status = TIDINGS_OK };
    }
}

const char *error_text(const struct tidings_error *err, tidings_status status)
{
    return err != NULL && err->text[0] != '\0' ? err->text : tidings_status_text(status);
}

_Noreturn void base_assert_failed(const char *condition, const char *file, int line)
{
    fprintf(stderr, "assertion failed: %s at %s:%d\n", condition, file, line);
    abort();
}
