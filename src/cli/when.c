// SPDX-License-Identifier: Apache-2.0
// Times of options: how far from now, a date of UTC, or milliseconds since 1970.
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/num.h"
#include "cli/cli.h"

#define MS_LEAST 100000000000LL // bare numbers above it are milliseconds since 1970, of 1973 and on
#define MS_MOST  253402300799999LL // the end of the year 9999

// Days since 1970-01-01 of a day of the Gregorian calendar (years counted from March on, so that
// the day that may be missing is the last).
static int64_t days_of(int64_t year, int64_t month, int64_t day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t m = month <= 2 ? month + 9 : month - 3;
    int64_t era = y / 400;
    int64_t year_of_era = y - era * 400;
    int64_t day_of_era =
        year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + (153 * m + 2) / 5 + day - 1;
    return era * 146097 + day_of_era - 719468;
}

static int64_t month_length(int64_t year, int64_t month)
{
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month == 2                                              ? (leap ? 29 : 28)
           : month == 4 || month == 6 || month == 9 || month == 11 ? 30
                                                                   : 31;
}

// `len` digits and what must stand behind them ('\0': nothing is looked at).
static bool take(struct str *rest, size_t len, char behind, int64_t least, int64_t most,
                 int64_t *ret)
{
    if (rest->len < len + (behind != '\0') ||
        !num_parse_i64(str_make(rest->ptr, len), least, most, ret) || rest->ptr[0] == '-' ||
        (behind != '\0' && rest->ptr[len] != behind)) {
        return false;
    }
    *rest = str_make(rest->ptr + len + (behind != '\0'), rest->len - len - (behind != '\0'));
    return true;
}

// "10:30:00", "10:30:00.123", with or without Z.
static bool parse_time(struct str text, int64_t *ret_ms)
{
    int64_t hour;
    int64_t minute;
    int64_t second;
    int64_t ms = 0;
    if (text.len > 0 && text.ptr[text.len - 1] == 'Z') {
        text.len--;
    }
    if (!take(&text, 2, ':', 0, 23, &hour) || !take(&text, 2, ':', 0, 59, &minute) ||
        !take(&text, 2, '\0', 0, 59, &second) ||
        (text.len > 0 && (text.ptr[0] != '.' || text.len != 4 ||
                          !num_parse_i64(str_make(text.ptr + 1, 3), 0, 999, &ms)))) {
        return false;
    }
    *ret_ms = ((hour * 60 + minute) * 60 + second) * 1000 + ms;
    return true;
}

// "2026-11-24", "2026-11-24T10:30:00Z".
static bool parse_date(struct str text, int64_t *ret_ms)
{
    int64_t year;
    int64_t month;
    int64_t day;
    int64_t ms = 0;
    if (!take(&text, 4, '-', 1970, 9999, &year) || !take(&text, 2, '-', 1, 12, &month) ||
        !take(&text, 2, '\0', 1, month_length(year, month), &day)) {
        return false;
    }
    if (text.len > 0 && ((text.ptr[0] != 'T' && text.ptr[0] != ' ') ||
                         !parse_time(str_make(text.ptr + 1, text.len - 1), &ms))) {
        return false;
    }
    *ret_ms = days_of(year, month, day) * 86400000 + ms;
    return true;
}

bool cli_when(const struct cli *cli, const char *name, bool ahead, int64_t absent, int64_t *ret_ms)
{
    const char *text = cli_option(cli, name);
    int64_t span_ms;
    *ret_ms = absent;
    if (text == NULL) {
        return true;
    }
    if (num_parse_i64(str_of(text), MS_LEAST, MS_MOST, ret_ms) ||
        parse_date(str_of(text), ret_ms)) {
        return true;
    }
    int64_t now_ms = clock_wall_ms(clock_system());
    if (num_parse_duration_ms(str_of(text), &span_ms) && span_ms <= MS_MOST - now_ms) {
        *ret_ms = ahead ? now_ms + span_ms : span_ms < now_ms ? now_ms - span_ms : 0;
        return true;
    }
    fprintf(stderr,
            "tidings: --%s must be a time %s now like 10m or 2h, a date like 2026-11-24 or "
            "2026-11-24T10:30:00Z, or milliseconds since 1970, not \"%s\"\n",
            name, ahead ? "from" : "before", text);
    return false;
}
