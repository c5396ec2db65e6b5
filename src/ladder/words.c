// SPDX-License-Identifier: Apache-2.0
#include "ladder/words.h"

#include "base/num.h"
#include "ladder/ladder.h"

enum { SHOWN_MAX = 40 };

static bool is_separator(char c)
{
    return c == ' ' || c == ',' || c == '\t';
}

bool words_next(struct words *words, struct word *ret)
{
    while (words->next < words->end && is_separator(words->text.ptr[words->next])) {
        words->next++;
    }
    size_t start = words->next;
    while (words->next < words->end && !is_separator(words->text.ptr[words->next])) {
        words->next++;
    }
    if (words->next == start) {
        return false;
    }
    *ret = (struct word){ str_make(words->text.ptr + start, words->next - start), start + 1 };
    return true;
}

struct str word_shown(struct str word)
{
    if (word.len > SHOWN_MAX) {
        word.len = SHOWN_MAX;
        while (word.len > 0 && (word.ptr[word.len] & 0xc0) == 0x80) { // not inside a character
            word.len--;
        }
    }
    return word;
}

tidings_status word_delay(const struct word *word, int64_t *ret_ms, struct tidings_error *err)
{
    struct str shown = word_shown(word->text);
    if (!num_parse_duration_ms(word->text, ret_ms) || *ret_ms > LADDER_RUNG_LONGEST_MS) {
        return error_set(
            err, TIDINGS_E_INVALID,
            "delay \"%.*s\" at character %zu: write a time up to 365d like 30s, 5m, 1h30m",
            STR_ARG(shown), word->at);
    }
    return TIDINGS_OK;
}
