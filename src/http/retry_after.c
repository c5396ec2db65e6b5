// SPDX-License-Identifier: Apache-2.0
// Retry-After (RFC 9110, sections 10.2.3 and 5.6.7): seconds, or a date in one of three forms:
//   Sun, 06 Nov 1994 08:49:37 GMT    Sunday, 06-Nov-94 08:49:37 GMT    Sun Nov  6 08:49:37 1994
// Of a date the words count, in whatever order: day, month, year, time; the rest is passed over.
#include <strings.h>

#include "base/num.h"
#include "http/call.h"

enum {
    SECONDS_DIGITS_MAX = 9,
    DIGITS_MAX = 18,
    WORDS_MAX = 8,
    YEAR_LEAST = 1970,
    YEAR_MOST = 9999
};

struct date {
    int64_t day;
    int64_t month; // from 1
    int64_t year;
    int64_t second; // of the day, -1 = not given
};

static bool take_time(struct date *date, struct str word)
{
    int64_t parts[3];
    struct str piece;
    for (int i = 0; i < 3; i++) {
        if (word.ptr == NULL || !str_split(&word, ':', &piece) || piece.len != 2 ||
            !num_parse_i64(piece, 0, i == 0 ? 23 : 60, &parts[i])) {
            return false;
        }
    }
    date->second = parts[0] * 3600 + parts[1] * 60 + parts[2];
    return word.ptr == NULL;
}

static void take_month(struct date *date, struct str word)
{
    static const char *const names[] = { "jan", "feb", "mar", "apr", "may", "jun",
                                         "jul", "aug", "sep", "oct", "nov", "dec" };
    for (size_t i = 0; i < BASE_COUNT(names) && word.len == 3; i++) {
        if (strncasecmp(word.ptr, names[i], 3) == 0) {
            date->month = (int64_t)i + 1;
        }
    }
}

static bool take_number(struct date *date, struct str word)
{
    int64_t number;
    if (!num_parse_i64(word, 0, YEAR_MOST, &number)) {
        return false;
    }
    if (date->day == 0) {
        date->day = number;
    } else {
        date->year = word.len != 2 ? number : number >= 70 ? 1900 + number : 2000 + number;
    }
    return true;
}

// Days from 1970-01-01 of a day of the Gregorian calendar, counted in years that begin in March.
static int64_t days_of(const struct date *date)
{
    int64_t year = date->month > 2 ? date->year : date->year - 1;
    int64_t month = (date->month + 9) % 12;
    int64_t of_year = (153 * month + 2) / 5 + date->day - 1;
    return 365 * year + year / 4 - year / 100 + year / 400 + of_year - 719468;
}

static bool next_word(struct str *rest, struct str *ret)
{
    size_t at = 0;
    while (at < rest->len && strchr(" ,-\t", rest->ptr[at]) != NULL) {
        at++;
    }
    size_t end = at;
    while (end < rest->len && strchr(" ,-\t", rest->ptr[end]) == NULL) {
        end++;
    }
    *ret = str_make(rest->ptr + at, end - at);
    *rest = str_make(rest->ptr + end, rest->len - end);
    return ret->len > 0;
}

static bool parse_date(struct str text, int64_t *ret_ms)
{
    struct date date = { .second = -1 };
    struct str word;
    for (int i = 0; next_word(&text, &word); i++) {
        bool is_number = word.ptr[0] >= '0' && word.ptr[0] <= '9';
        bool is_time = is_number && str_find(word, ':', 0) != SIZE_MAX;
        if (i == WORDS_MAX || (is_time && !take_time(&date, word)) ||
            (is_number && !is_time && !take_number(&date, word))) {
            return false;
        }
        if (!is_number) {
            take_month(&date, word);
        }
    }
    if (date.day < 1 || date.day > 31 || date.month == 0 || date.year < YEAR_LEAST ||
        date.second < 0) {
        return false;
    }
    *ret_ms = (days_of(&date) * 86400 + date.second) * 1000;
    return true;
}

int64_t head_retry_after_ms(struct str value, int64_t now_ms)
{
    bool is_number = value.len > 0;
    int64_t number;
    for (size_t i = 0; i < value.len; i++) {
        is_number = is_number && value.ptr[i] >= '0' && value.ptr[i] <= '9';
    }
    if (is_number && value.len <= DIGITS_MAX) { // longer ones are nobody's seconds
        return value.len > SECONDS_DIGITS_MAX                ? INT64_MAX
               : num_parse_i64(value, 0, INT32_MAX, &number) ? number * 1000
                                                             : 0;
    }
    return value.len > 0 && !is_number && parse_date(value, &number) && number > now_ms
               ? number - now_ms
               : 0;
}
