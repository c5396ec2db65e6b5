// SPDX-License-Identifier: Apache-2.0
#include "ladder/ladder.h"
#include "ladder/words.h"

tidings_status ladder_levels_parse(struct str text, struct ladder_levels *ret,
                                   struct tidings_error *err)
{
    struct ladder_levels levels = { .count = 0 };
    struct words words = { text, 0, text.len };
    struct word word;
    *ret = levels;
    if (text.len >= LADDER_TEXT_MAX) {
        return error_set(err, TIDINGS_E_TOO_LARGE, "level text has %zu bytes, at most %d", text.len,
                         LADDER_TEXT_MAX - 1);
    }
    while (words_next(&words, &word)) {
        if (levels.count == LADDER_LEVELS_MAX) {
            return error_set(err, TIDINGS_E_TOO_LARGE, "more than %d levels at character %zu",
                             LADDER_LEVELS_MAX, word.at);
        }
        tidings_status status = word_delay(&word, &levels.delays_ms[levels.count], err);
        if (status != TIDINGS_OK) {
            return status;
        }
        levels.count++;
    }
    if (levels.count == 0) {
        return error_set(err, TIDINGS_E_INVALID,
                         "no delay level: write them like \"1s 5s 10s 30s 1m\"");
    }
    *ret = levels;
    return TIDINGS_OK;
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
    if (levels->delays_ms[levels->count - 1] == 0) { // it would be delivered without pause for ever
        return error_set(err, TIDINGS_E_INVALID,
                         "delay level %u is 0: the last level of a retry ladder must be longer",
                         levels->count);
    }
    int last = (int)levels->count;
    for (int level = last < 3 ? last : 3; level <= last; level++) {
        ret->rungs_ms[ret->count++] = ladder_level_ms(levels, level);
    }
    return TIDINGS_OK;
}
