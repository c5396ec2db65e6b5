// SPDX-License-Identifier: Apache-2.0
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 2000 };

static const char *const level_names[] = { "error", "warn", "info", "debug" };

void log_init(struct log *log, const struct clock *clock, int fd, enum log_level level)
{
    log->clock = clock;
    log->fd = fd;
    log->level = level;
    for (int i = 0; i < 4; i++) {
        atomic_init(&log->lines[i], 0);
    }
}

bool log_level_parse(const char *text, enum log_level *ret_level)
{
    for (size_t i = 0; i < BASE_COUNT(level_names); i++) {
        if (strcmp(text, level_names[i]) == 0) {
            *ret_level = (enum log_level)i;
            return true;
        }
    }
    return false;
}

static void add(char *line, size_t *len, int n)
{
    if (n > 0) {
        *len += (size_t)n;
        if (*len > LINE_MAX_BYTES - 2) {
            *len = LINE_MAX_BYTES - 2;
        }
    }
    line[*len] = '\0';
}

void log_line(struct log *log, enum log_level level, const char *room, const char *format, ...)
{
    char line[LINE_MAX_BYTES];
    char time[32];
    size_t len = 0;
    va_list args;
    if (log == NULL || log->fd < 0 || level > log->level) {
        return;
    }
    clock_format_utc(clock_wall_ms(log->clock), time, sizeof time);
    add(line, &len,
        snprintf(line, sizeof line, "time=%s level=%s room=%s ", time, level_names[level], room));
    va_start(args, format);
    add(line, &len, vsnprintf(line + len, sizeof line - len - 1, format, args));
    va_end(args);
    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)line[i] < ' ' || line[i] == 0x7f) {
            line[i] = ' ';
        }
    }
    line[len++] = '\n';
    atomic_fetch_add_explicit(&log->lines[level], 1, memory_order_relaxed);
    ssize_t written = write(log->fd, line, len);
    (void)written; // nowhere to tell
}
