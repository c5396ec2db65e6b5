// SPDX-License-Identifier: Apache-2.0
#include "ladder/ladder.h"

#include "base/num.h"

static const struct {
    const char *name;
    const char *text;
} presets[] = {
    { "article", "1m 5m 10m 30m 1h 2h 5h 10h" },
    { "rocketmq", "10s 30s 1m 2m 3m 4m 5m 6m 7m 8m 9m 10m 20m 30m 1h 2h*" },
};

static bool is_separator(char c)
{
    return c == ' ' || c == ',' || c == '\t';
}

// Cuts the next word off *rest; *ret_at is its place in the whole text, from 1.
static bool next_word(struct str *rest, const char *start, struct str *ret_word, size_t *ret_at)
{
    while (rest->len > 0 && is_separator(rest->ptr[0])) {
        rest->ptr++;
        rest->len--;
    }
    size_t n = 0;
    while (n < rest->len && !is_separator(rest->ptr[n])) {
        n++;
    }
    *ret_word = str_make(rest->ptr, n);
    *ret_at = (size_t)(rest->ptr - start) + 1;
    rest->ptr += n;
    rest->len -= n;
    return n > 0;
}

static tidings_status parse_delay(struct str word, size_t at, int64_t *ret_ms,
                                  struct tidings_error *err)
{
    if (!num_parse_duration_ms(word, ret_ms) || *ret_ms > LADDER_RUNG_LONGEST_MS) {
        return error_set(
            err, TIDINGS_E_INVALID,
            "delay \"%.*s\" at character %zu: write a time up to 365d like 30s, 5m, 1h30m",
            STR_ARG(word), at);
    }
    return TIDINGS_OK;
}

static tidings_status parse_star(struct str count, size_t at, int64_t *ret,
                                 struct tidings_error *err)
{
    *ret = 0;
    if (count.len > 0 && !num_parse_i64(count, 1, 1000000, ret)) {
        return error_set(err, TIDINGS_E_INVALID,
                         "\"*%.*s\" at character %zu: write * alone or * and a count up to 1000000",
                         STR_ARG(count), at);
    }
    return TIDINGS_OK;
}

static tidings_status parse_rungs(struct str text, const char *start, struct ladder *ret,
                                  struct tidings_error *err)
{
    struct str word;
    size_t at;
    bool starred = false;
    ret->repeat_last = 1;
    while (next_word(&text, start, &word, &at)) {
        size_t star = str_find(word, '*', 0);
        if (starred) {
            return error_set(err, TIDINGS_E_INVALID,
                             "\"%.*s\" at character %zu: only the last delay may carry *",
                             STR_ARG(word), at);
        }
        if (ret->count == LADDER_RUNGS_MAX) {
            return error_set(err, TIDINGS_E_TOO_LARGE, "more than %d delays at character %zu",
                             LADDER_RUNGS_MAX, at);
        }
        tidings_status status = TIDINGS_OK;
        if (star != SIZE_MAX) {
            starred = true;
            status = parse_star(str_make(word.ptr + star + 1, word.len - star - 1), at + star,
                                &ret->repeat_last, err);
            word.len = star;
        }
        if (status == TIDINGS_OK) {
            status = parse_delay(word, at, &ret->rungs_ms[ret->count], err);
        }
        if (status != TIDINGS_OK) {
            return status;
        }
        ret->count++;
    }
    return ret->count > 0
               ? TIDINGS_OK
               : error_set(err, TIDINGS_E_INVALID,
                           "no delay: write a ladder like \"1m 5m 10m\", article or rocketmq");
}

static tidings_status parse_option(struct str word, size_t at, struct ladder *ret,
                                   struct tidings_error *err)
{
    size_t equals = str_find(word, '=', 0);
    struct str name = equals == SIZE_MAX ? word : str_make(word.ptr, equals);
    struct str value =
        equals == SIZE_MAX ? STR("") : str_make(word.ptr + equals + 1, word.len - equals - 1);
    int64_t number;
    if (str_eq_c(name, "limit") && num_parse_i64(value, 1, 1000000, &number)) {
        ret->limit = number;
    } else if (str_eq_c(name, "window") && num_parse_duration_ms(value, &number) && number > 0 &&
               number <= 10 * LADDER_RUNG_LONGEST_MS) {
        ret->window_ms = number;
    } else if (str_eq_c(name, "jitter") && value.len > 1 && value.ptr[value.len - 1] == '%' &&
               num_parse_i64(str_make(value.ptr, value.len - 1), 0, 100, &number)) {
        ret->jitter_percent = (unsigned)number;
    } else {
        return error_set(
            err, TIDINGS_E_INVALID,
            "option \"%.*s\" at character %zu: write limit=12, window=24h or jitter=10%%",
            STR_ARG(word), at);
    }
    return TIDINGS_OK;
}

static struct str expand_preset(struct str text)
{
    for (size_t i = 0; i < BASE_COUNT(presets); i++) {
        if (str_eq_c(text, presets[i].name)) {
            return str_of(presets[i].text);
        }
    }
    return text;
}

tidings_status ladder_parse(struct str text, struct ladder *ret, struct tidings_error *err)
{
    *ret = (struct ladder){ 0 };
    if (text.len > LADDER_TEXT_MAX - 1) {
        return error_set(err, TIDINGS_E_TOO_LARGE, "ladder text is over %d bytes",
                         LADDER_TEXT_MAX - 1);
    }
    size_t semicolon = str_find(text, ';', 0);
    struct str rungs = semicolon == SIZE_MAX ? text : str_make(text.ptr, semicolon);
    struct str options = semicolon == SIZE_MAX
                             ? STR("")
                             : str_make(text.ptr + semicolon + 1, text.len - semicolon - 1);
    struct str expanded = expand_preset(str_trim(rungs));
    bool named = expanded.ptr != str_trim(rungs).ptr;
    tidings_status status = named ? parse_rungs(expanded, expanded.ptr, ret, err)
                                  : parse_rungs(rungs, text.ptr, ret, err);
    struct str word;
    size_t at;
    while (status == TIDINGS_OK && next_word(&options, text.ptr, &word, &at)) {
        status = parse_option(word, at, ret, err);
    }
    return status;
}

static tidings_status add_duration(struct buf *out, int64_t ms)
{
    char text[48];
    return buf_add(out, text, num_format_duration_ms(text, ms));
}

tidings_status ladder_format(const struct ladder *ladder, struct buf *out)
{
    tidings_status status = TIDINGS_OK;
    for (unsigned i = 0; i < ladder->count && status == TIDINGS_OK; i++) {
        status = i > 0 ? buf_add(out, " ", 1) : TIDINGS_OK;
        if (status == TIDINGS_OK) {
            status = add_duration(out, ladder->rungs_ms[i]);
        }
    }
    if (status == TIDINGS_OK && ladder->repeat_last == 0) {
        status = buf_add(out, "*", 1);
    } else if (status == TIDINGS_OK && ladder->repeat_last > 1) {
        status = buf_addf(out, "*%lld", (long long)ladder->repeat_last);
    }
    if (status == TIDINGS_OK &&
        (ladder->limit > 0 || ladder->window_ms > 0 || ladder->jitter_percent > 0)) {
        status = buf_add(out, ";", 1);
    }
    if (status == TIDINGS_OK && ladder->limit > 0) {
        status = buf_addf(out, " limit=%lld", (long long)ladder->limit);
    }
    if (status == TIDINGS_OK && ladder->window_ms > 0) {
        status = buf_add(out, " window=", 8);
        status = status == TIDINGS_OK ? add_duration(out, ladder->window_ms) : status;
    }
    if (status == TIDINGS_OK && ladder->jitter_percent > 0) {
        status = buf_addf(out, " jitter=%u%%", ladder->jitter_percent);
    }
    return status;
}

const char *ladder_death_text(enum ladder_death death)
{
    switch (death) {
    case LADDER_ALIVE: return "alive";
    case LADDER_RUNGS_USED: return "the last rung of the ladder";
    case LADDER_LIMIT: return "attempt limit";
    case LADDER_WINDOW: return "time window";
    }
    return "unknown";
}

static int64_t rung_steps(const struct ladder *ladder)
{
    return ladder->repeat_last == 0 ? INT64_MAX : (int64_t)ladder->count - 1 + ladder->repeat_last;
}

int64_t ladder_steps(const struct ladder *ladder)
{
    int64_t rungs = rung_steps(ladder);
    return ladder->limit > 0 && ladder->limit < rungs ? ladder->limit : rungs;
}

int64_t ladder_delay_ms(const struct ladder *ladder, int64_t step)
{
    if (step < 1 || step > ladder_steps(ladder)) {
        return -1;
    }
    return ladder->rungs_ms[step > (int64_t)ladder->count ? ladder->count - 1 : (unsigned)step - 1];
}

void ladder_next(const struct ladder *ladder, unsigned done, int64_t first_ms, int64_t now_ms,
                 int64_t least_ms, struct rnd *rnd, struct ladder_step *ret)
{
    *ret = (struct ladder_step){ 0 };
    if (ladder->limit > 0 && (int64_t)done >= ladder->limit) {
        ret->dead = LADDER_LIMIT;
        return;
    }
    int64_t delay = ladder_delay_ms(ladder, (int64_t)done + 1);
    if (delay < 0) {
        ret->dead = LADDER_RUNGS_USED;
        return;
    }
    if (ladder->jitter_percent > 0 && rnd != NULL) {
        delay += (int64_t)rnd_below(rnd, (uint64_t)(delay / 100) * ladder->jitter_percent + 1);
    }
    delay = delay < least_ms ? least_ms : delay;
    if (__builtin_add_overflow(now_ms, delay, &ret->due_ms) ||
        (ladder->window_ms > 0 && ret->due_ms - first_ms > ladder->window_ms)) {
        ret->dead = LADDER_WINDOW;
    }
}

// ---- levels ----
tidings_status ladder_levels_parse(struct str text, struct ladder_levels *ret,
                                   struct tidings_error *err)
{
    struct str word;
    size_t at;
    const char *start = text.ptr;
    *ret = (struct ladder_levels){ 0 };
    while (next_word(&text, start, &word, &at)) {
        if (ret->count == LADDER_LEVELS_MAX) {
            return error_set(err, TIDINGS_E_TOO_LARGE, "more than %d levels at character %zu",
                             LADDER_LEVELS_MAX, at);
        }
        tidings_status status = parse_delay(word, at, &ret->delays_ms[ret->count], err);
        if (status != TIDINGS_OK) {
            return status;
        }
        ret->count++;
    }
    return ret->count > 0 ? TIDINGS_OK
                          : error_set(err, TIDINGS_E_INVALID,
                                      "no delay level: write them like \"1s 5s 10s 30s 1m\"");
}

int64_t ladder_level_ms(const struct ladder_levels *levels, int level)
{
    if (level < 1 || levels->count == 0) {
        return 0;
    }
    return levels
        ->delays_ms[(unsigned)level > levels->count ? levels->count - 1 : (unsigned)level - 1];
}

tidings_status ladder_from_levels(const struct ladder_levels *levels, struct ladder *ret,
                                  struct tidings_error *err)
{
    *ret = (struct ladder){ 0 };
    if (levels->count == 0) {
        return error_set(err, TIDINGS_E_INVALID, "no delay levels");
    }
    int last = (int)levels->count;
    for (int level = last < 3 ? last : 3; level <= last; level++) {
        ret->rungs_ms[ret->count++] = ladder_level_ms(levels, level);
    }
    return TIDINGS_OK;
}
