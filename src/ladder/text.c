// SPDX-License-Identifier: Apache-2.0
// Ladders from text and to text.
#include "base/num.h"
#include "ladder/ladder.h"
#include "ladder/words.h"

enum {
    COUNT_MAX = 1000000,       // of limit= and *N
    DURATION_TEXT_LONGEST = 14 // "315360000000ms", the longest window in milliseconds
};
_Static_assert(LADDER_RUNGS_MAX *(DURATION_TEXT_LONGEST + 1) +
                       sizeof("*1000000; limit=1000000 window= jitter=100%") +
                       DURATION_TEXT_LONGEST <=
                   LADDER_TEXT_MAX,
               "every ladder's text can be read back");

static const struct ladder_preset presets[] = {
#define X(name, text, jitter, about) { name, text, jitter, about },
    LADDER_PRESETS(X)
#undef X
};
#define X(name, text, jitter, about) name ", "
static const char preset_names[] = LADDER_PRESETS(X);
#undef X

enum { NAMES_LEN = sizeof preset_names - sizeof ", " }; // without what follows the last

const struct ladder_preset *ladder_preset(size_t index)
{
    return index < BASE_COUNT(presets) ? &presets[index] : NULL;
}

// ---- delays ----
// Takes `*` or `*N` off the end of a word; *ret is 1 without it, 0 for `*` alone.
static tidings_status take_star(struct word *word, int64_t *ret, struct tidings_error *err)
{
    size_t star = str_find(word->text, '*', 0);
    *ret = 1;
    if (star == SIZE_MAX) {
        return TIDINGS_OK;
    }
    struct str count = str_make(word->text.ptr + star + 1, word->text.len - star - 1);
    *ret = 0;
    if (count.len > 0 && !num_parse_i64(count, 1, COUNT_MAX, ret)) {
        struct str shown = word_shown(count);
        return error_set(err, TIDINGS_E_INVALID,
                         "\"*%.*s\" at character %zu: write * alone or * and a count up to %d",
                         STR_ARG(shown), word->at + star, COUNT_MAX);
    }
    word->text.len = star;
    return TIDINGS_OK;
}

static tidings_status add_rung(struct word *word, struct ladder *ret, struct tidings_error *err)
{
    struct str shown = word_shown(word->text);
    char first = word->text.ptr[0];
    int64_t delay_ms = 0;
    if (ret->count == LADDER_RUNGS_MAX) {
        return error_set(err, TIDINGS_E_TOO_LARGE, "more than %d delays at character %zu",
                         LADDER_RUNGS_MAX, word->at);
    }
    if (ret->count == 0 && ((first | 0x20) >= 'a' && (first | 0x20) <= 'z')) {
        return error_set(err, TIDINGS_E_INVALID,
                         "\"%.*s\" at character %zu: write the name of a preset alone (%.*s), or "
                         "delays like \"1m 5m 10m\"",
                         STR_ARG(shown), word->at, NAMES_LEN, preset_names);
    }
    tidings_status status = take_star(word, &ret->repeat_last, err);
    status = status == TIDINGS_OK ? word_delay(word, &delay_ms, err) : status;
    if (status == TIDINGS_OK && ret->repeat_last == 0 && delay_ms == 0) {
        status = error_set(err, TIDINGS_E_INVALID,
                           "\"%.*s\" at character %zu: a delay of 0 cannot repeat without end, "
                           "write *N or a longer delay",
                           STR_ARG(shown), word->at);
    }
    if (status == TIDINGS_OK) {
        ret->rungs_ms[ret->count++] = delay_ms;
    }
    return status;
}

static tidings_status parse_rungs(struct words words, struct ladder *ret, struct tidings_error *err)
{
    struct word word;
    bool starred = false;
    while (words_next(&words, &word)) {
        if (starred) {
            struct str shown = word_shown(word.text);
            return error_set(err, TIDINGS_E_INVALID,
                             "\"%.*s\" at character %zu: only the last delay may carry *",
                             STR_ARG(shown), word.at);
        }
        starred = str_find(word.text, '*', 0) != SIZE_MAX;
        tidings_status status = add_rung(&word, ret, err);
        if (status != TIDINGS_OK) {
            return status;
        }
    }
    return ret->count > 0
               ? TIDINGS_OK
               : error_set(err, TIDINGS_E_INVALID,
                           "no delay: write a ladder like \"1m 5m 10m\", or the name of a preset: "
                           "%.*s",
                           NAMES_LEN, preset_names);
}

// ---- options ----
enum option { OPTION_LIMIT, OPTION_WINDOW, OPTION_JITTER, OPTION_COUNT };

static const struct {
    const char *name;
    const char *right;
} option_rows[OPTION_COUNT] = {
    [OPTION_LIMIT] = { "limit", "limit=12, 1 to 1000000" },
    [OPTION_WINDOW] = { "window", "window=24h, 1ms to 3650d" },
    [OPTION_JITTER] = { "jitter", "jitter=10%, 0% to 100%" },
};

static bool read_value(enum option option, struct str value, struct ladder *ret)
{
    int64_t number = 0;
    bool good = false;
    switch (option) {
    case OPTION_LIMIT: return num_parse_i64(value, 1, COUNT_MAX, &ret->limit);
    case OPTION_WINDOW:
        good = num_parse_duration_ms(value, &number) && number > 0 &&
               number <= LADDER_WINDOW_LONGEST_MS;
        ret->window_ms = good ? number : 0;
        return good;
    case OPTION_JITTER:
        good = value.len > 1 && value.ptr[value.len - 1] == '%' &&
               num_parse_i64(str_make(value.ptr, value.len - 1), 0, 100, &number);
        ret->jitter_percent = good ? (unsigned)number : 0;
        return good;
    case OPTION_COUNT: break;
    }
    return false;
}

static tidings_status parse_option(const struct word *word, unsigned *given, struct ladder *ret,
                                   struct tidings_error *err)
{
    struct str shown = word_shown(word->text);
    struct str value = word->text;
    struct str name;
    if (!str_split(&value, '=', &name) || value.ptr == NULL) {
        value = STR("");
    }
    for (unsigned i = 0; i < OPTION_COUNT; i++) {
        if (!str_eq_c(name, option_rows[i].name)) {
            continue;
        }
        if (*given & 1u << i) {
            return error_set(err, TIDINGS_E_INVALID,
                             "option \"%.*s\" at character %zu: %s stands there twice",
                             STR_ARG(shown), word->at, option_rows[i].name);
        }
        *given |= 1u << i;
        return read_value((enum option)i, value, ret)
                   ? TIDINGS_OK
                   : error_set(err, TIDINGS_E_INVALID,
                               "option \"%.*s\" at character %zu: write it like %s", STR_ARG(shown),
                               word->at, option_rows[i].right);
    }
    return error_set(err, TIDINGS_E_INVALID,
                     "option \"%.*s\" at character %zu: write limit=12, window=24h or jitter=10%%",
                     STR_ARG(shown), word->at);
}

static tidings_status parse_options(struct words words, struct ladder *ret,
                                    struct tidings_error *err)
{
    struct word word;
    unsigned given = 0; // bits of enum option
    tidings_status status = TIDINGS_OK;
    while (status == TIDINGS_OK && words_next(&words, &word)) {
        status = parse_option(&word, &given, ret, err);
    }
    return status;
}

// ---- the whole ----
// A preset's delays and jitter, or what is written.
static struct words rungs_of(struct str text, size_t end, struct ladder *ret)
{
    struct str name = str_trim(str_make(text.ptr, end));
    for (size_t i = 0; i < BASE_COUNT(presets); i++) {
        if (str_eq_c(name, presets[i].name)) {
            struct str rungs = str_of(presets[i].text);
            ret->jitter_percent = presets[i].jitter_percent;
            return (struct words){ rungs, 0, rungs.len };
        }
    }
    return (struct words){ text, 0, end };
}

tidings_status ladder_parse(struct str text, struct ladder *ret, struct tidings_error *err)
{
    *ret = (struct ladder){ 0 };
    if (text.len >= LADDER_TEXT_MAX) {
        return error_set(err, TIDINGS_E_TOO_LARGE, "ladder text has %zu bytes, at most %d",
                         text.len, LADDER_TEXT_MAX - 1);
    }
    size_t semicolon = str_find(text, ';', 0);
    size_t rungs_end = semicolon == SIZE_MAX ? text.len : semicolon;
    size_t options_start = semicolon == SIZE_MAX ? text.len : semicolon + 1;
    tidings_status status = parse_rungs(rungs_of(text, rungs_end, ret), ret, err);
    if (status == TIDINGS_OK) {
        status = parse_options((struct words){ text, options_start, text.len }, ret, err);
    }
    if (status != TIDINGS_OK) {
        *ret = (struct ladder){ 0 };
    }
    return status;
}

// In units for people, or in milliseconds where that would be longer than any text need be.
static tidings_status add_duration(struct buf *out, int64_t ms)
{
    char text[48];
    size_t len = num_format_duration_ms(text, ms);
    return len <= DURATION_TEXT_LONGEST ? buf_add(out, text, len)
                                        : buf_addf(out, "%lldms", (long long)ms);
}

static tidings_status format_rungs(const struct ladder *ladder, struct buf *out)
{
    tidings_status status = TIDINGS_OK;
    for (unsigned i = 0; i < ladder->count && status == TIDINGS_OK; i++) {
        status = i > 0 ? buf_add(out, " ", 1) : TIDINGS_OK;
        status = status == TIDINGS_OK ? add_duration(out, ladder->rungs_ms[i]) : status;
    }
    if (status == TIDINGS_OK && ladder->repeat_last == 0) {
        status = buf_add(out, "*", 1);
    } else if (status == TIDINGS_OK && ladder->repeat_last > 1) {
        status = buf_addf(out, "*%lld", (long long)ladder->repeat_last);
    }
    return status;
}

static tidings_status format_options(const struct ladder *ladder, struct buf *out)
{
    tidings_status status = TIDINGS_OK;
    if (ladder->limit > 0 || ladder->window_ms > 0 || ladder->jitter_percent > 0) {
        status = buf_add(out, ";", 1);
    }
    if (status == TIDINGS_OK && ladder->limit > 0) {
        status = buf_addf(out, " limit=%lld", (long long)ladder->limit);
    }
    if (status == TIDINGS_OK && ladder->window_ms > 0) {
        status = buf_add_str(out, STR(" window="));
        status = status == TIDINGS_OK ? add_duration(out, ladder->window_ms) : status;
    }
    if (status == TIDINGS_OK && ladder->jitter_percent > 0) {
        status = buf_addf(out, " jitter=%u%%", ladder->jitter_percent);
    }
    return status;
}

tidings_status ladder_format(const struct ladder *ladder, struct buf *out)
{
    size_t before = out->len;
    tidings_status status = format_rungs(ladder, out);
    status = status == TIDINGS_OK ? format_options(ladder, out) : status;
    if (status != TIDINGS_OK) {
        out->len = before;
    }
    return status;
}
