// SPDX-License-Identifier: Apache-2.0
// Diagnostics as logfmt lines on stderr: `time=… level=info room=broker msg="…" key=value`.
// Only programs log (app, broker, cli); library rooms return errors. Never pass secrets or message
// bodies.
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/compiler.h"

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

struct log {
    const struct clock *clock;
    int fd;                    // where lines go; -1 = nowhere
    enum log_level level;      // lines above it are dropped
    _Atomic uint64_t lines[4]; // written, by level: for metrics
};

void log_init(struct log *log, const struct clock *clock, int fd, enum log_level level);
// `room` is a short constant. `format` makes the pairs: "msg=\"%s\" topic=%s". One write(2) per
// line; lines over 2,000 bytes are cut. Control characters are replaced by spaces. Safe from any
// thread. log == NULL is allowed and writes nothing.
void log_line(struct log *log, enum log_level level, const char *room, const char *format, ...)
    BASE_PRINTF(4, 5);
// "error", "warn", "info", "debug"; false when unknown.
bool log_level_parse(const char *text, enum log_level *ret_level);

#endif
